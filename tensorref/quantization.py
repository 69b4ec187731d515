"""Quantization stores numbers as small integers, or as float8, and beside them a scale: number times scale is near the original.

Weights then take an eighth to a quarter of the bytes of float32. How exact they still are is decided by how many of them
share a scale.

>>> import numpy as np
>>> from tensorref import quantization
>>> quantized = quantization.quantize(np.float32([[0.5, -1.27, 0.254], [0.02, 0.012, 0.004]]), per="channel")
>>> quantized.numbers
array([[  50, -127,   25],
       [ 127,   76,   25]], dtype=int8)
>>> quantization.dequantize(quantized).round(3)
array([[ 0.5  , -1.27 ,  0.25 ],
       [ 0.02 ,  0.012,  0.004]], dtype=float32)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tensorref import _picture, anatomy
from tensorref._arguments import as_choice, as_flag, attribute, quoted
from tensorref._explanation import Illustrated
from tensorref._operands import cast, check_fractions, check_operands, is_tensor, library_of, widened
from tensorref._shape import as_shape, as_size
from tensorref._typing import ArrayT, ShapeLike, jaxtyping

__all__ = [
    "Explanation",
    "Quantized",
    "Stored",
    "dequantize",
    "error_bound",
    "explain",
    "linear",
    "pack_int4",
    "quantize",
    "unpack_int4",
]

QuantizedDtype = Literal["int8", "int4", "float8_e4m3fn", "float8_e5m2"]
Per = Literal["tensor", "channel", "group"]

_PER = ("tensor", "channel", "group")
_BITS = 8  # of a byte
_HALVES = 2  # int4 numbers in a byte
_DRAWN = 6  # places of an axis


class _Format(NamedTuple):
    """What a dtype holds, with a scale of 1."""

    largest: int
    bits: int
    widest: float
    """The largest distance between two neighbors."""


_FORMATS: Mapping[str, _Format] = MappingProxyType(
    {
        "int8": _Format(127, 8, 1.0),
        "int4": _Format(7, 4, 1.0),
        "float8_e4m3fn": _Format(448, 8, 32.0),
        "float8_e5m2": _Format(57344, 8, 8192.0),
    }
)


@dataclass(frozen=True, eq=False)
class Quantized:
    """Numbers with their scales: what `quantize` returns.

    >>> import torch
    >>> from tensorref import quantization
    >>> quantized = quantization.quantize(torch.ones(4, 64), "int4", per="group", group_size=32)
    >>> quantized.numbers.shape, quantized.numbers.dtype, quantized.scale.shape, quantized.zero_point
    (torch.Size([4, 32]), torch.uint8, torch.Size([4, 2]), None)
    """

    numbers: Any
    """An array or a tensor of int8 or float8, of the shape of the original. For int4 it is uint8, with half the last axis."""
    scale: Any
    """One for each group of numbers, ``(…, groups)``. A row is one group where all of it shares a scale, and where the whole
    tensor does, the axes before have size 1."""
    zero_point: Any
    """The integer that stands for 0, of the shape of `scale`; None where it is 0."""
    dtype: QuantizedDtype
    """What a number is; two of int4 are one of `numbers`."""
    original: Any
    """The dtype of the original."""


def quantize(
    x: jaxtyping.Float[ArrayT, "*batch last"],
    dtype: QuantizedDtype = "int8",
    *,
    per: Per = "tensor",
    group_size: int | None = None,
    symmetric: bool = True,
) -> Quantized:
    """Round numbers to multiples of a scale, and store which multiple.

    >>> import torch
    >>> from tensorref import quantization
    >>> quantized = quantization.quantize(torch.tensor([0.3, -1.27, 0.654]))
    >>> quantized.numbers, quantized.scale
    (tensor([  30, -127,   65], dtype=torch.int8), tensor([0.0100]))

    Parameters
    ----------
    x
        A weight as PyTorch has it, ``(out_features, in_features)``, or any other array or tensor.
    dtype
        ``"int8"``; ``"int4"``, of which two are packed in a byte; or a float8 of PyTorch, for tensors alone.
    per
        What shares a scale: the whole ``"tensor"``; a ``"channel"``, which is a row of the last axis, so that each output of a
        linear layer has one; or a ``"group"`` of `group_size` neighbors in a row.
    group_size
        How many numbers are a group; it divides the last axis. 32, 64 and 128 are usual.
    symmetric
        Whether 0 is in the middle, and the largest magnitude is the largest number. Otherwise the smallest number stands for the
        smallest of `x` or for 0, the largest for the largest or for 0, and a zero point says which number is 0. That is for
        values that are mostly of one sign, such as activations.

    Returns
    -------
    :
        Numbers and scales, in new memory. Scales are in float32, or float64 for float64. What is 0, or
        below 1e-36 in float32, has a scale of 1.

    Raises
    ------
    TypeError, ValueError
        If `x` is not an array or tensor of floating point, has no elements or some that are not finite, its last axis does
        not divide into groups, or into bytes for int4, or float8 is asked of NumPy or with a zero point.

    See Also
    --------
    torch.fake_quantize_per_tensor_affine : rounds and multiplies in one go, with a scale that is given.
    torch.fake_quantize_per_channel_affine : the same with a scale for each index of an axis.
    explain : the shapes and bytes alone.

    Examples
    --------
    Values of one sign take all 256 numbers with a zero point, and half of them without:

    >>> x = torch.tensor([0.0, 0.6, 2.55])
    >>> quantized = quantization.quantize(x, symmetric=False)
    >>> quantized.numbers, quantized.zero_point
    (tensor([-128,  -68,  127], dtype=torch.int8), tensor([-128], dtype=torch.int8))
    >>> quantization.quantize(x).numbers
    tensor([  0,  30, 127], dtype=torch.int8)
    """
    check_fractions(x=x)
    settings = _settings(x.shape, "x", dtype, per, group_size, symmetric)
    if settings.dtype.startswith("float8") and not is_tensor(x):
        raise TypeError(f"dtype is {settings.dtype}, which NumPy has not; give a tensor: torch.as_tensor(x)")
    library = library_of(x)
    given: Any = x
    groups = widened(given.detach() if is_tensor(x) else given).reshape(settings.grouped)
    axes = tuple(range(groups.ndim)) if settings.per == "tensor" else -1
    form, zero_point = _FORMATS[settings.dtype], None
    low, high = (getattr(library, name)(groups, axis=axes, keepdims=True) for name in ("amin", "amax"))
    if symmetric:
        scale = library.maximum(-low, high) / form.largest
    else:
        low, high = library.clip(low, None, 0), library.clip(high, 0, None)
        scale = (high - low) / (2 * form.largest + 1)
    if not attribute(x, "is_meta") and not library.isfinite(scale).all():
        raise ValueError(
            "x has numbers that are not finite, or too far apart, which no scale reaches; replace them first"
        )
    tiny = library.finfo(scale.dtype).tiny  # a scale below it has few digits, and a quotient could be too large
    scale = library.where(scale < tiny, library.ones_like(scale), scale)
    found = groups / scale
    if settings.dtype.startswith("int"):
        found = library.round(found)
    if not symmetric:
        shift = -form.largest - 1 - library.round(low / scale)
        found = library.clip(found + shift, -form.largest - 1, form.largest)
        zero_point = cast(shift, library.int8)[..., 0]
    stored = cast(found, getattr(library, "int8" if settings.dtype == "int4" else settings.dtype)).reshape(x.shape)
    packed: Any = pack_int4(stored) if settings.dtype == "int4" else stored
    return Quantized(packed, scale[..., 0], zero_point, settings.dtype, x.dtype)


def dequantize(quantized: Quantized) -> Any:
    """Return the numbers times their scales, near the original.

    >>> import torch
    >>> from tensorref import quantization
    >>> weight = torch.tensor([[0.7, -0.31, 0.06, 0.0]])
    >>> quantization.dequantize(quantization.quantize(weight, "int4"))
    tensor([[ 0.7000, -0.3000,  0.1000,  0.0000]])

    Parameters
    ----------
    quantized
        What `quantize` gave.

    Returns
    -------
    :
        Of the shape and the dtype of the original, in new memory. The product is in the dtype of the scales.

    Raises
    ------
    TypeError
        If `quantized` is something else.

    See Also
    --------
    torch.fake_quantize_per_tensor_affine : what both together do.
    """
    _check_quantized(quantized)
    groups = _groups(quantized) * quantized.scale[..., None]
    return cast(groups.reshape(_shape(quantized)), quantized.original)


def error_bound(quantized: Quantized) -> Any:
    """Return how far a number may be from the original at most: half a step.

    >>> import numpy as np
    >>> from tensorref import quantization
    >>> quantization.error_bound(quantization.quantize(np.array([1.27, 0.004])))
    array([0.005])

    Parameters
    ----------
    quantized
        What `quantize` gave.

    Returns
    -------
    :
        A bound for each scale, of its shape. A step of integers is the scale, everywhere. One of float8 is relative: near the
        largest number it is 32 scales in float8_e4m3fn and 8192 in float8_e5m2, and half as much with each halving of the
        number. The rounding of float32 comes on top, a millionth of the largest number at most.

    Raises
    ------
    TypeError
        If `quantized` is something else.

    See Also
    --------
    torch.finfo : ``eps`` of a float8, the step of a number from 1 to 2.
    """
    _check_quantized(quantized)
    return quantized.scale * (_FORMATS[quantized.dtype].widest / 2)


def linear(x: jaxtyping.Float[ArrayT, "*batch in_features"], weight: Quantized) -> Any:
    """Multiply with a quantized weight, without putting it together first.

    >>> import torch
    >>> from tensorref import quantization
    >>> weight = quantization.quantize(torch.tensor([[1.27, -0.5], [0.0127, 0.01]]), per="channel")
    >>> quantization.linear(torch.tensor([[1.0, 2.0]]), weight)
    tensor([[0.2700, 0.0327]])

    Each group is multiplied with the small numbers, its sum with the scale, and the sums are added. A scale is so applied
    once for a group, and not for each number. A kernel does it while it reads; here it is in steps.

    Parameters
    ----------
    x
        Features on the last axis, in floating point.
    weight
        A weight ``(out_features, in_features)`` as `quantize` gives it, for any `per` and with or without a zero point.

    Returns
    -------
    :
        ``(*batch, out_features)``, of the dtype of `x`: ``x @ dequantize(weight).T`` but for the rounding of sums, which are in
        float32, or float64 where `x` or the scale is.

    Raises
    ------
    TypeError, ValueError
        If `weight` is something else or has not two axes, the features differ, or one is of NumPy and the other of PyTorch.

    See Also
    --------
    torch.nn.functional.linear : the product with a weight that is not quantized.
    """
    check_fractions(x=x)
    _check_quantized(weight, "weight")
    groups = _groups(weight)
    check_operands(x=x, weight=weight.numbers)
    features: tuple[int, ...] = tuple(x.shape)
    shape = _shape(weight)
    if len(shape) != 2 or features[-1:] != shape[-1:]:  # noqa: PLR2004  out and in
        raise ValueError(
            f"x has shape {features}, weight has shape {shape}; they are (*batch, in_features) and (out_features, in_features)"
        )
    library = library_of(x)
    split = widened(x).reshape(*features[:-1], *groups.shape[1:])
    dtype = library.float64 if "float64" in f"{split.dtype} {groups.dtype}" else library.float32
    sums = library.einsum("...gi,ogi->...go", cast(split, dtype), cast(groups, dtype))
    return cast((sums * cast(weight.scale, dtype).T).sum(-2), x.dtype)


def pack_int4(numbers: jaxtyping.Int8[ArrayT, "*batch last"]) -> jaxtyping.UInt8[ArrayT, "*batch half"]:
    """Pack numbers from -8 to 7 two a byte: the first of a pair in the low four bits.

    >>> import torch
    >>> from tensorref import quantization
    >>> quantization.pack_int4(torch.tensor([1, -1, 7, -8], dtype=torch.int8))
    tensor([241, 135], dtype=torch.uint8)

    Parameters
    ----------
    numbers
        Of int8, with an even last axis.

    Returns
    -------
    :
        Of uint8, with half the last axis, in new memory. Libraries differ in which number comes first.

    Raises
    ------
    TypeError, ValueError
        If `numbers` are not of int8, the last axis is odd, or one does not fit in four bits.

    See Also
    --------
    unpack_int4 : the way back.
    numpy.packbits : packs single bits.
    """
    _check_dtype(numbers, "numbers", "int8")
    if not numbers.shape or numbers.shape[-1] % _HALVES:
        raise ValueError(
            f"numbers has shape {tuple(numbers.shape)}; two are packed in a byte: pad the last axis to even"
        )
    signed: Any = numbers
    if not attribute(numbers, "is_meta") and ((signed < -8) | (signed > 7)).any():  # noqa: PLR2004  the ends of int4
        raise ValueError("numbers has some outside of -8 to 7, which four bits hold; quantize to int4 first")
    low: Any = cast(signed, library_of(numbers).uint8) & 15
    result: ArrayT = low[..., ::2] | low[..., 1::2] << 4
    return result


def unpack_int4(packed: jaxtyping.UInt8[ArrayT, "*batch half"]) -> jaxtyping.Int8[ArrayT, "*batch last"]:
    """Unpack bytes into two numbers each, from -8 to 7.

    >>> import numpy as np
    >>> from tensorref import quantization
    >>> quantization.unpack_int4(np.array([241, 135], np.uint8))
    array([ 1, -1,  7, -8], dtype=int8)

    Parameters
    ----------
    packed
        Of uint8, as `pack_int4` gives it.

    Returns
    -------
    :
        Of int8, with twice the last axis, in new memory.

    Raises
    ------
    TypeError, ValueError
        If `packed` is not of uint8, or has no axis.

    See Also
    --------
    pack_int4 : the way there.
    numpy.unpackbits : unpacks single bits.
    """
    _check_dtype(packed, "packed", "uint8")
    shape: tuple[int, ...] = tuple(packed.shape)
    if not shape:
        raise ValueError("packed has no axis to unpack along; give it one with packed[None]")
    both: Any = packed
    library = library_of(packed)
    pairs = library.stack([both & 15, both >> 4], -1)
    signed = (cast(pairs, library.int8) ^ 8) - 8  # the highest of the four bits is the sign
    result: ArrayT = signed.reshape(*shape[:-1], 2 * shape[-1])
    return result


def explain(  # noqa: PLR0913  each is one setting
    shape: ShapeLike,
    dtype: QuantizedDtype = "int8",
    *,
    per: Per = "tensor",
    group_size: int | None = None,
    symmetric: bool = True,
    scale_dtype: anatomy.DTypeLike = "float32",
) -> Explanation:
    """Explain what a weight becomes: the shapes and bytes of its numbers, scales and zero points.

    >>> from tensorref import quantization
    >>> print(quantization.explain((4096, 4096), "int4", per="group", group_size=128, scale_dtype="float16"))
    tensor          shape    dtype      bytes
    numbers  (4096, 2048)    uint8  8,388,608
    scale      (4096, 32)  float16    262,144
    total                           8,650,752
    * 4.125 bits a number, 7.76 times fewer than float32.
    * 128 numbers share a scale, the largest magnitude of them over 7. Rounding moves a number by at most half a scale.

    Parameters
    ----------
    shape
        That of the original.
    dtype, per, group_size, symmetric
        As for `quantize`.
    scale_dtype
        What the scales are stored in. `quantize` has float32; files of weights often have float16.

    Returns
    -------
    :
        The shapes as data; ``print`` shows them as a table, and a notebook as a picture too.

    Raises
    ------
    TypeError, ValueError
        As for `quantize`, of the shape alone.

    See Also
    --------
    torch.Tensor.nbytes : the bytes of a tensor that is there.
    numpy.ndarray.nbytes : those of an array.
    """
    sizes = as_shape(shape, "shape")
    settings = _settings(sizes, "shape", dtype, per, group_size, symmetric)
    form, groups = _FORMATS[settings.dtype], settings.grouped[:-1]
    scales = (1,) * len(groups) if settings.per == "tensor" else groups
    packed = (*sizes[:-1], sizes[-1] * form.bits // _BITS)
    stored = [
        Stored("numbers", packed, "uint8" if settings.dtype == "int4" else settings.dtype, prod(packed)),
        Stored(
            "scale", scales, anatomy.dtype_name(scale_dtype, name="scale_dtype"), anatomy.nbytes(scales, scale_dtype)
        ),
    ]
    if not settings.symmetric:
        stored.append(Stored("zero_point", scales, "int8", prod(scales)))
    return Explanation(
        shape=sizes,
        dtype=settings.dtype,
        per=settings.per,
        group_size=prod(sizes) // prod(scales),
        symmetric=settings.symmetric,
        stored=tuple(stored),
        nbytes=sum(each.nbytes for each in stored),
    )


@dataclass(frozen=True)
class Explanation(Illustrated):
    """What a weight becomes when it is quantized: what `explain` returns.

    >>> from tensorref import quantization
    >>> explanation = quantization.explain((64, 128), per="channel")
    >>> explanation.nbytes, explanation.bits, explanation.group_size
    (8448, 8.25, 128)
    """

    shape: tuple[int, ...]
    dtype: str
    per: Per
    group_size: int
    """How many numbers share a scale."""
    symmetric: bool
    stored: tuple[Stored, ...]
    nbytes: int
    """All of it together."""

    @property
    def bits(self) -> float:
        """The bits of each number of the original, with its part of scale and zero point."""
        return _BITS * self.nbytes / prod(self.shape)

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a tensor each, and all together."""
        rows = ((each.name, str(each.shape), each.dtype, f"{each.nbytes:,}") for each in self.stored)
        return (("tensor", "shape", "dtype", "bytes"), *rows, ("total", "", "", f"{self.nbytes:,}"))

    def notes(self) -> tuple[str, ...]:
        """Return what is saved, and what is lost."""
        form = _FORMATS[self.dtype]
        span = "the largest magnitude of them over" if self.symmetric else "their range, with 0 in it, over"
        steps = form.largest if self.symmetric else 2 * form.largest + 1
        moved = "half a scale" if form.widest == 1 else f"{form.widest / 2:g} scales, and less where it is small"
        return (
            f"{self.bits:.4g} bits a number, {32 / self.bits:.3g} times fewer than float32.",
            f"{self.group_size:,} numbers share a scale, {span} {steps}. Rounding moves a number by at most {moved}.",
        )

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        shapes = ", ".join(f"{each.name} {each.shape}" for each in self.stored)
        title = f"{self.shape} in {self.dtype}, a scale per {self.per}"
        return title, " ".join([f"It becomes {shapes}.", *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw the last two axes of the numbers and the scales: what shares a scale has its hue."""
        *_, rows, last = 1, *self.shape
        *_, groups = self.stored[1].shape
        shared = self.per == "tensor"

        def mark(row: int, group: int) -> _picture.Mark:
            hue = 0 if shared else (row + group) % 3
            return _picture.Mark(1 + hue, 26, _picture.DASHES[hue])

        numbers = _picture.grid(
            [_picture.Side(rows, str(rows), 0), _picture.Side(last, str(last), 0)],
            lambda at: ("", mark(at[0], at[1] * groups // last)),
            _DRAWN,
        )
        scale_rows = 1 if shared else rows
        scales = _picture.grid(
            [_picture.Side(scale_rows, str(scale_rows), 0), _picture.Side(groups, str(groups), 0)],
            lambda at: ("s", mark(*at)),
            _DRAWN,
        )
        for drawing, heading in ((numbers, self.dtype), (scales, self.stored[1].dtype)):
            drawing.heading(heading)
        return _picture.flow([numbers, scales], ["×"])


@dataclass(frozen=True)
class Stored:
    """A tensor that is stored: its name, shape, dtype and bytes.

    >>> from tensorref import quantization
    >>> quantization.explain((64, 128), "int4").stored[0]
    Stored(name='numbers', shape=(64, 64), dtype='uint8', nbytes=4096)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


class _Settings(NamedTuple):
    dtype: QuantizedDtype
    per: Per
    symmetric: bool
    grouped: tuple[int, ...]
    """The shape with an axis for the groups and one for the numbers in a group at the end."""


def _settings(  # noqa: PLR0913, PLR0917  each is one setting
    shape: ShapeLike, of: str, dtype: object, per: object, group_size: Any, symmetric: object
) -> _Settings:
    """Return how a shape is to be quantized, or raise an error for what cannot be."""
    sizes = tuple(as_shape(shape, of))
    name = as_choice(dtype, "dtype", tuple(_FORMATS))
    share = as_choice(per, "per", _PER)
    flag = as_flag(symmetric, "symmetric")
    if not sizes or 0 in sizes:
        raise ValueError(f"{of} is {sizes}, which has no last axis with numbers on it; give at least one number: (1,)")
    if (group_size is not None) != (share == "group"):
        raise ValueError(
            f"group_size is {quoted(group_size)}, and per is {share!r}; a group has a size, and nothing else has: write "
            "per='group', group_size=32"
        )
    size = sizes[-1] if group_size is None else as_size(group_size, "group_size")
    if size == 0 or sizes[-1] % size:
        raise ValueError(
            f"group_size is {size}, which does not divide the last axis of {sizes}; pad it, or take another"
        )
    if name == "int4" and sizes[-1] % _HALVES:
        raise ValueError(f"{of} is {sizes}, whose last axis is odd; two numbers of int4 are a byte: pad it")
    if not flag and name.startswith("float8"):
        raise ValueError(f"symmetric is False, and dtype is {name}, which has no zero point: leave it out")
    return _Settings(name, share, flag, (*sizes[:-1], sizes[-1] // size, size))


def _check_quantized(value: object, name: str = "quantized") -> None:
    if not isinstance(value, Quantized):
        raise TypeError(f"{name} is of type {type(value).__name__}; give what quantization.quantize(x) returns")


def _shape(quantized: Quantized) -> tuple[int, ...]:
    """Return the shape of the original."""
    sizes = tuple(quantized.numbers.shape)
    return (*sizes[:-1], sizes[-1] * (_HALVES if quantized.dtype == "int4" else 1))


def _groups(quantized: Quantized) -> Any:
    """Return the numbers without their scales, an axis for the groups and one for the numbers in a group at the end."""
    numbers = unpack_int4(quantized.numbers) if quantized.dtype == "int4" else quantized.numbers
    sizes, groups = _shape(quantized), quantized.scale.shape[-1]
    found = cast(numbers, quantized.scale.dtype).reshape(*sizes[:-1], groups, sizes[-1] // groups)
    return (
        found if quantized.zero_point is None else found - cast(quantized.zero_point, quantized.scale.dtype)[..., None]
    )


def _check_dtype(value: Any, name: str, dtype: str) -> None:
    check_operands(**{name: value})
    if str(value.dtype).removeprefix("torch.") != dtype:
        convert = f"write {name}.to(torch.{dtype})" if is_tensor(value) else f"write {name}.astype(np.{dtype})"
        raise TypeError(f"{name} has dtype {value.dtype}, not {dtype}; {convert}")
