"""A tensor is made from a list, of one value, from a range of numbers, or at random.

What you do not say, the library chooses. Floats become float64 in NumPy and float32 in PyTorch, and PyTorch does not
multiply matrices of the two.

>>> from tensorref import creation
>>> x = creation.from_list([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device="cpu")
>>> print(f"Shape: {x.shape}")
Shape: torch.Size([2, 3])
>>> print(f"Dtype: {x.dtype}")
Dtype: torch.float32
>>> print(f"Device: {x.device}")
Device: cpu
>>> print(x)
tensor([[1., 2., 3.],
        [4., 5., 6.]])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jaxtyping import Float, Int, Shaped

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor

from tensorref._arguments import as_int, as_number, as_place, as_torch_dtype, length, quoted
from tensorref._shape import MAX_RANK, as_shape, as_size
from tensorref._typing import Number, ShapeLike

__all__ = ["DEFAULTS", "Default", "arange", "from_list", "linspace", "normal", "ones", "zeros"]

_LONGEST_REASON = 200  # letters of what PyTorch says
_MOST_VALUES = 2**40
Device: TypeAlias = torch.device | str | int | None


@dataclass(frozen=True)
class Default:
    """How to create something in both libraries, and the dtype that it gets: a row of `DEFAULTS`.

    >>> from tensorref import creation
    >>> creation.DEFAULTS[0]
    Default(topic='floats in a list', numpy='np.array([1.0, 2.0])', torch='torch.tensor([1.0, 2.0])', numpy_dtype='float64', torch_dtype='float32')
    """

    topic: str
    numpy: str
    """The code in NumPy."""
    torch: str
    """The code in PyTorch."""
    numpy_dtype: str
    torch_dtype: str


DEFAULTS: tuple[Default, ...] = (
    Default("floats in a list", "np.array([1.0, 2.0])", "torch.tensor([1.0, 2.0])", "float64", "float32"),
    Default("ints in a list", "np.array([1, 2])", "torch.tensor([1, 2])", "int64", "int64"),
    Default("ints and floats in a list", "np.array([1, 2.0])", "torch.tensor([1, 2.0])", "float64", "float32"),
    Default("truth values in a list", "np.array([True, False])", "torch.tensor([True, False])", "bool", "bool"),
    Default("complex numbers in a list", "np.array([1j])", "torch.tensor([1j])", "complex128", "complex64"),
    Default("an empty list", "np.array([])", "torch.tensor([])", "float64", "float32"),
    Default("a NumPy array", "np.array(np.ones(2))", "torch.tensor(np.ones(2))", "float64", "float64"),
    Default("zeros", "np.zeros((2, 3))", "torch.zeros(2, 3)", "float64", "float32"),
    Default("ones", "np.ones((2, 3))", "torch.ones(2, 3)", "float64", "float32"),
    Default("one int everywhere", "np.full((2, 3), 7)", "torch.full((2, 3), 7)", "int64", "int64"),
    Default("one float everywhere", "np.full((2, 3), 7.0)", "torch.full((2, 3), 7.0)", "float64", "float32"),
    Default("the identity matrix", "np.eye(3)", "torch.eye(3)", "float64", "float32"),
    Default("a range of ints", "np.arange(6)", "torch.arange(6)", "int64", "int64"),
    Default("a range of floats", "np.arange(0.0, 3.0, 0.5)", "torch.arange(0.0, 3.0, 0.5)", "float64", "float32"),
    Default("evenly spaced numbers", "np.linspace(0, 1, 5)", "torch.linspace(0, 1, 5)", "float64", "float32"),
    Default(
        "normal random numbers",
        "np.random.default_rng(0).standard_normal((2, 3))",
        "torch.randn(2, 3, generator=generator)",
        "float64",
        "float32",
    ),
    Default(
        "random ints",
        "np.random.default_rng(0).integers(0, 9, (2, 3))",
        "torch.randint(0, 9, (2, 3), generator=generator)",
        "int64",
        "int64",
    ),
)
"""What the libraries create by default, as code that runs with ``np``, ``torch`` and a seeded ``generator``."""


def from_list(
    values: Sequence[Any], *, dtype: torch.dtype | None = None, device: Device = None
) -> Shaped[Tensor, "..."]:
    """Create a tensor from a list, nested as deep as the tensor has axes.

    >>> from tensorref import creation
    >>> creation.from_list([[5, 23, 7], [42, 0, 0]])
    tensor([[ 5, 23,  7],
            [42,  0,  0]])

    Parameters
    ----------
    values
        Numbers or truth values; lists beside each other have one length.
    dtype
        By default float32 for floats, int64 for ints and bool for truth values.
    device
        By default PyTorch's default device.

    Returns
    -------
    :
        A copy of the values, with an axis for each level of lists.

    Raises
    ------
    ValueError
        If lists beside each other differ in length, or are nested more than 64 deep.
    TypeError, ValueError
        If there is something else in them than numbers and truth values.

    See Also
    --------
    torch.tensor : PyTorch's own.
    numpy.array : NumPy's, where floats are float64.
    torch.nn.utils.rnn.pad_sequence : makes sequences of tokens equally long.
    numpy.asarray : makes an array without a copy where it can.
    torch.as_tensor : makes a tensor without a copy where it can.
    numpy.stack : joins arrays along a new axis.
    torch.stack : joins tensors along a new axis.
    numpy.concatenate : joins arrays along an axis that they have.
    torch.cat : joins tensors along an axis that they have.

    Examples
    --------
    >>> creation.from_list([[5, 23, 7], [42]])
    Traceback (most recent call last):
    ...
    ValueError: values[0] has length 3, values[1] has length 1; give lists beside each other one length: pad the shorter
    """
    place, wanted = as_place(device), None if dtype is None else as_torch_dtype(dtype)
    if problem := _unfit(values):
        raise ValueError(problem)
    try:
        return torch.tensor(values, dtype=wanted, device=place)
    except Exception as error:
        if problem := _uneven(values):
            raise ValueError(f"{problem}; give lists beside each other one length: pad the shorter") from None
        said = " ".join(str(error).split())[:_LONGEST_REASON]
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"values is {quoted(values)}, of which PyTorch makes no tensor: {said}") from error


def normal(
    shape: ShapeLike,
    *,
    seed: int,
    std: Number = 1.0,
    dtype: torch.dtype = torch.float32,
    device: Device = None,
) -> Float[Tensor, "..."]:
    """Draw normally distributed numbers, the same for the same seed.

    >>> from tensorref import creation
    >>> weight = creation.normal((50257, 64), seed=0, std=0.02)
    >>> bool((weight == creation.normal((50257, 64), seed=0, std=0.02)).all())
    True
    >>> print(f"{weight.std():.3f}")
    0.020

    Parameters
    ----------
    shape
        An int or a sequence of ints.
    seed
        Of a generator of its own: the global state of PyTorch is neither used nor changed.
    std
        Standard deviation of the distribution, whose mean is 0; those of the numbers drawn come near.
    dtype, device
        By default float32 on PyTorch's default device. Another device or version of PyTorch may draw other numbers.

    Returns
    -------
    :
        A new tensor of shape `shape`.

    Raises
    ------
    ValueError
        If `std` is negative, or `device` is not there or ``meta``.
    TypeError, ValueError
        If `shape` is not a shape, or `dtype` is not one of fractions.

    See Also
    --------
    torch.randn : standard normal numbers from the global generator, which `torch.manual_seed` seeds.
    numpy.random.Generator.normal : NumPy's; the same seed gives other numbers.
    """
    spread = as_number(std, "std")
    if not spread >= 0:
        raise ValueError(f"std is {std}; a standard deviation is 0 or more, its square is the variance")
    number = as_int(seed, "seed", "a seed is")
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"seed is {number}; a seed has 64 bits: write one from 0 to {2**64 - 1}")
    where = torch.get_default_device() if device is None else as_place(device)
    if where.type == "meta":
        raise ValueError("device is 'meta', which has no numbers to draw; write 'cpu', or zeros for the shape alone")
    generator, wanted = torch.Generator(where).manual_seed(number), as_torch_dtype(dtype)
    try:
        numbers = torch.randn(as_shape(shape, "shape"), generator=generator, dtype=wanted, device=where)
    except NotImplementedError:
        raise TypeError(f"dtype is {wanted}, in which PyTorch draws no normal numbers; write torch.float32") from None
    return numbers.mul_(spread)


def zeros(shape: ShapeLike, *, dtype: torch.dtype = torch.float32, device: Device = None) -> Shaped[Tensor, "..."]:
    """Create a tensor of zeros.

    >>> from tensorref import creation
    >>> creation.zeros((2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])

    Parameters
    ----------
    shape
        An int or a sequence of ints.
    dtype, device
        By default float32, where `numpy.zeros` has float64, on PyTorch's default device.

    Returns
    -------
    :
        A new tensor of shape `shape`.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape: a fraction, such as ``64 / 8``, or a negative size.

    See Also
    --------
    torch.zeros : PyTorch's own, which takes the sizes one by one too.
    torch.zeros_like : of the shape, dtype and device of another tensor.
    numpy.zeros : NumPy's own, float64 by default.
    numpy.zeros_like : of the shape and dtype of another array.
    """
    return torch.zeros(as_shape(shape, "shape"), dtype=as_torch_dtype(dtype), device=as_place(device))


def ones(shape: ShapeLike, *, dtype: torch.dtype = torch.float32, device: Device = None) -> Shaped[Tensor, "..."]:
    """Create a tensor of ones.

    >>> import torch
    >>> from tensorref import creation
    >>> creation.ones(3, dtype=torch.bool)
    tensor([True, True, True])

    Parameters
    ----------
    shape, dtype, device
        As for `zeros`.

    Returns
    -------
    :
        A new tensor of shape `shape`.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape.

    See Also
    --------
    torch.ones : PyTorch's own.
    torch.full : any other value; an int gives int64.
    numpy.ones : NumPy's own, float64 by default.
    numpy.full : any other value in NumPy.
    """
    return torch.ones(as_shape(shape, "shape"), dtype=as_torch_dtype(dtype), device=as_place(device))


def arange(stop: int, *, device: Device = None) -> Int[Tensor, " stop"]:
    """Count from 0 up to, not including, `stop`: the positions of a sequence.

    >>> from tensorref import creation
    >>> creation.arange(5)
    tensor([0, 1, 2, 3, 4])

    Parameters
    ----------
    stop
        How many positions, 0 or more.
    device
        By default PyTorch's default device.

    Returns
    -------
    :
        A new tensor of shape ``(stop,)`` and dtype int64.

    Raises
    ------
    TypeError, ValueError
        If `stop` is not an int, or negative.

    See Also
    --------
    linspace : for fractions, by how many there are instead of by their step.
    torch.arange : PyTorch's own, with a start and a step. A fractional step may give one number too many.
    numpy.arange : NumPy's own.

    Examples
    --------
    >>> import torch
    >>> torch.arange(1.0, 1.3, 0.1)  # 1.3 is not to belong to it
    tensor([1.0000, 1.1000, 1.2000, 1.3000])
    """
    return torch.arange(_count(stop, "stop"), device=as_place(device))


def linspace(start: Number, stop: Number, num: int, *, device: Device = None) -> Float[Tensor, " num"]:
    """Space numbers evenly from `start` to `stop`, both included.

    >>> from tensorref import creation
    >>> creation.linspace(0.0, 1.0, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])

    Parameters
    ----------
    start, stop
        The first number and the last.
    num
        How many.
    device
        By default PyTorch's default device.

    Returns
    -------
    :
        A new tensor of shape ``(num,)`` and dtype float32.

    Raises
    ------
    TypeError, ValueError
        If `num` is not an int, or negative.

    See Also
    --------
    torch.linspace : PyTorch's own, which calls `num` ``steps``.
    numpy.linspace : NumPy's, float64, 50 numbers by default.
    """
    ends, count = (as_number(start, "start"), as_number(stop, "stop")), _count(num, "num")
    return torch.linspace(*ends, count, dtype=torch.float32, device=as_place(device))


def _count(value: Any, argument: str) -> int:
    """Return how many numbers are asked for."""
    if isinstance(value, int) and value < 0:
        raise ValueError(f"{argument} is {quoted(value)}; it says how many numbers there are to be, 0 or more")
    return as_size(value, argument)


def _unfit(values: Any) -> str | None:
    """Return what is wrong with a list before it is read: PyTorch follows one that holds itself until Python ends."""
    level, depth = [values], 0
    while level := [value for value in level if isinstance(value, (list, tuple))]:
        depth += 1
        if depth > MAX_RANK:
            return f"values is nested more than {MAX_RANK} deep, the most axes that a tensor has; take out a level"
        level = [inner for value in level for inner in value[:1]]
    if isinstance(values, range) and length(values) > _MOST_VALUES:
        return f"values has {quoted(length(values))} items, more than memory holds; write a shorter one"
    return None


def _uneven(values: Any) -> str | None:
    """Return which two lists of the same depth differ in length, the outermost first."""
    level = [("values", values)]
    while any(isinstance(value, (list, tuple)) for _, value in level):
        found = [
            (where, f"has length {len(value)}" if isinstance(value, (list, tuple)) else "is not a list")
            for where, value in level
        ]
        for where, has in found:
            if has != found[0][1]:
                return f"{' '.join(found[0])}, {where} {has}"
        level = [(f"{where}[{place}]", inner) for where, value in level for place, inner in enumerate(value)]
    return None
