r"""A tensor is numbers in a grid. Its shape says how many there are on each axis, its dtype how each one is stored.

Shape and dtype tell what you need to know before you run anything: how many bytes it takes, and which axis holds the
batch, the tokens or the features.

>>> import numpy as np
>>> from tensorref import anatomy
>>> print(anatomy.describe(np.zeros((2, 3, 4))))
array          value
kind       3D tensor
shape      (2, 3, 4)
ndim               3
dtype        float64
size              24
itemsize           8
nbytes           192
device           cpu
strides   (12, 4, 1)
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, SupportsIndex, TypeAlias

from tensorref import _picture
from tensorref._arguments import as_int, as_names, attribute, quoted
from tensorref._explanation import Illustrated
from tensorref._operands import element_strides
from tensorref._shape import as_shape, as_size
from tensorref._typing import ArrayT, ShapeLike, jaxtyping

if TYPE_CHECKING:
    import numpy as np
    import torch

    DTypeLike: TypeAlias = str | type[Any] | np.dtype[Any] | torch.dtype
else:
    # `dtype_name` says better than a type checker what is wrong with a dtype.
    DTypeLike = Annotated[object, "DTypeLike"]

__all__ = [
    "ROLES",
    "DTypeLike",
    "Description",
    "Role",
    "describe",
    "dtype_name",
    "itemsize",
    "kind",
    "meaning",
    "nbytes",
]

_NAMED_KINDS = ("scalar", "vector", "matrix")
_LONGEST_NAME = 60  # of a dtype, for which a name like it is looked for
_ITEMSIZES: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("bool", "int8", "uint8"), 1),
        **dict.fromkeys((f"float8_{form}" for form in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")), 1),
        **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 2),
        **dict.fromkeys(("int32", "uint32", "float32", "complex32"), 4),
        **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
        "complex128": 16,
    }
)
_PYTHON: Mapping[type, str] = MappingProxyType({bool: "bool", int: "int64", float: "float64", complex: "complex128"})
_AMBIGUOUS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"int": ("int64", "int32"), "float": ("float64", "float32"), "complex": ("complex128", "complex64")}
)


def kind(ndim: SupportsIndex) -> str:
    """Name what has `ndim` axes.

    >>> from tensorref import anatomy
    >>> anatomy.kind(0), anatomy.kind(1), anatomy.kind(4)
    ('scalar', 'vector', '4D tensor')

    Parameters
    ----------
    ndim
        The number of axes, which is the length of the shape. PyTorch also calls it ``dim()``.

    Returns
    -------
    :
        One of "scalar", "vector" and "matrix", and from three axes on "3D tensor" and so forth.

    Raises
    ------
    TypeError
        If `ndim` is not an int.
    ValueError
        If it is negative.

    See Also
    --------
    numpy.ndarray.ndim : how many axes an array has.
    torch.Tensor.ndim : the same of a tensor.
    """
    count = as_int(ndim, "ndim", "a number of axes is", "pass array.ndim or len(shape)")
    if count < 0:
        raise ValueError(f"ndim is {count}; a number of axes is 0 or more: pass array.ndim or len(shape)")
    return _NAMED_KINDS[count] if count < len(_NAMED_KINDS) else f"{count}D tensor"


def dtype_name(dtype: DTypeLike, *, name: str = "dtype") -> str:
    """Return the name of a dtype, the same for both libraries.

    >>> import numpy as np
    >>> import torch
    >>> from tensorref import anatomy
    >>> anatomy.dtype_name(torch.float32), anatomy.dtype_name(np.float32), anatomy.dtype_name(np.dtype("<f4"))
    ('float32', 'float32', 'float32')

    Parameters
    ----------
    dtype
        A name such as ``"bfloat16"``, a dtype of NumPy or PyTorch, or Python's bool, int, float or complex, which both
        libraries take for 64 bits (``complex`` for 128).
    name
        What the error calls it.

    Returns
    -------
    :
        The name, without ``torch.`` before it.

    Raises
    ------
    ValueError
        If there is no dtype of that name. ``"float"`` and ``"int"`` are refused too: ``np.dtype("float")`` is float64,
        and ``torch.float`` is float32.
    TypeError
        If `dtype` is none of these, but an array for example.

    See Also
    --------
    numpy.dtype.name : NumPy's own.
    torch.dtype : has no name; ``str`` of one is "torch.float32".
    """
    if isinstance(dtype, str):
        return _known(dtype.removeprefix("torch."), name)
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    own = _own(dtype)
    if own is not None:
        return str(getattr(own, "name", own)).removeprefix("torch.")
    has_one = attribute(dtype, "dtype") is not None
    fix = "pass its dtype: array.dtype" if has_one else "write its name, such as 'float32'"
    raise TypeError(
        f"{name} is of type {type(dtype).__name__}; a dtype is a name or a dtype of NumPy or PyTorch: {fix}"
    )


def itemsize(dtype: DTypeLike) -> int:
    """Return the bytes that one element of a dtype takes.

    >>> import torch
    >>> from tensorref import anatomy
    >>> anatomy.itemsize("float32"), anatomy.itemsize(torch.bfloat16), anatomy.itemsize("bool")
    (4, 2, 1)

    Parameters
    ----------
    dtype
        As for `dtype_name`. A name works without the library that has the dtype.

    Returns
    -------
    :
        Bytes. A bool takes a whole one.

    Raises
    ------
    TypeError, ValueError
        If `dtype` is not a dtype.

    See Also
    --------
    numpy.dtype.itemsize : NumPy's own.
    torch.Tensor.element_size : PyTorch's own, of a tensor; a ``torch.dtype`` has ``itemsize`` too.
    """
    own = _own(dtype)
    return _ITEMSIZES[dtype_name(dtype)] if own is None else int(own.itemsize)


def nbytes(shape: ShapeLike, dtype: DTypeLike) -> int:
    """Return the bytes that an array of `shape` and `dtype` takes, without allocating it.

    >>> from tensorref import anatomy
    >>> anatomy.nbytes((1000, 1000), "float32")
    4000000

    A megabyte (MB) is 10⁶ bytes, a mebibyte (MiB) 2²⁰; tools that measure GPU memory mostly count in the latter.

    Parameters
    ----------
    shape
        The shape of the array.
    dtype
        As for `dtype_name`.

    Returns
    -------
    :
        Bytes of the elements alone: what NumPy and PyTorch call ``nbytes``.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape or `dtype` not a dtype.

    See Also
    --------
    numpy.ndarray.nbytes : NumPy's own, of an array that is there.
    torch.Tensor.nbytes : PyTorch's own.

    Examples
    --------
    The weights of seven billion parameters do not fit in 24 GB in float32, and do in bfloat16:

    >>> [anatomy.nbytes(7_000_000_000, dtype) // 10**9 for dtype in ("float32", "bfloat16")]
    [28, 14]
    """
    return prod(as_shape(shape, "shape")) * itemsize(dtype)


def describe(array: jaxtyping.Shaped[ArrayT, "..."], *, axes: Sequence[str] | None = None) -> Description:
    """Describe an array of either library: shape, dtype, bytes, device, strides.

    >>> import numpy as np
    >>> from tensorref import anatomy
    >>> embeddings = np.random.default_rng(0).standard_normal((4, 8))
    >>> description = anatomy.describe(embeddings)
    >>> print(f"Shape: {description.shape}")
    Shape: (4, 8)
    >>> print(f"Dtype: {description.dtype}")
    Dtype: float64
    >>> print(f"Total elements: {description.size}")
    Total elements: 32
    >>> print(f"Memory: {description.nbytes} bytes")
    Memory: 256 bytes

    Parameters
    ----------
    array
        A NumPy array or a PyTorch tensor; it is neither read nor copied.
    axes
        What each axis counts, such as ``("batch", "seq_len", "embed_dim")``. The picture writes it beside the sizes.

    Returns
    -------
    :
        The facts as data; ``print`` shows them as a table, and a notebook a picture above it.

    Raises
    ------
    TypeError
        If `array` is something else, such as a list, or `axes` are not strings.
    ValueError
        If `axes` has not one name for each axis.

    See Also
    --------
    numpy.ndarray.flags : what more NumPy says of the memory of an array.
    torch.Tensor.shape : the first of these facts in PyTorch, whose tensors have the others as attributes too.

    Examples
    --------
    NumPy counts strides in bytes and PyTorch in elements; here both are in elements. A view counts the elements that it
    shows, not those that are stored:

    >>> import torch
    >>> print(anatomy.describe(torch.zeros(64, device="cpu").expand(32, 10, 64)))
    tensor           value
    kind         3D tensor
    shape     (32, 10, 64)
    ndim                 3
    dtype          float32
    size             20480
    itemsize             4
    nbytes           81920
    device             cpu
    strides      (0, 0, 1)
    * A stride of 0 reads the same elements again: fewer bytes are stored than nbytes counts.

    The name of each axis can stand beside its size. `meaning` knows the usual ones:

    >>> print(anatomy.describe(np.zeros((4, 32, 64)), axes=anatomy.meaning((4, 32, 64))[0].axes))
    array                           value
    kind                        3D tensor
    shape                     (4, 32, 64)
    axes      (batch, seq_len, embed_dim)
    ndim                                3
    dtype                         float64
    size                             8192
    itemsize                            8
    nbytes                          65536
    device                            cpu
    strides                 (2048, 64, 1)
    """
    facts = [attribute(array, name) for name in ("shape", "dtype", "device")]
    if any(fact is None for fact in facts) or isinstance(array, type):
        if attribute(array, "is_nested") is True:
            raise TypeError("array is a nested tensor; pad its rows to one length: array.to_padded_tensor(0.0)")
        name = type(array).__name__
        raise TypeError(
            f"array is of type {name}, not an array; make it one with np.array(array) or torch.tensor(array)"
        )
    given: Any = array  # each library has some of what follows
    size, bytes_each = prod(given.shape), int(given.dtype.itemsize)
    return Description(
        library="PyTorch" if hasattr(given, "layout") else "NumPy",
        kind=kind(len(given.shape)),
        shape=tuple(given.shape),
        ndim=len(given.shape),
        dtype=dtype_name(given.dtype),
        size=size,
        itemsize=bytes_each,
        nbytes=size * bytes_each,
        device=str(given.device),
        strides=element_strides(given),
        axes=None if axes is None else as_names(axes, len(given.shape), "axes", argument="axes"),
    )


_MOST_DRAWN = 4  # axes


@dataclass(frozen=True)
class Description(Illustrated):
    """What an array is: what `describe` returns.

    >>> import torch
    >>> from tensorref import anatomy
    >>> description = anatomy.describe(torch.zeros(4, 32, 64, dtype=torch.float16))
    >>> description.kind, description.dtype, description.nbytes, description.strides
    ('3D tensor', 'float16', 16384, (2048, 64, 1))
    """

    library: str
    """NumPy or PyTorch."""
    kind: str
    """The name of the number of axes (see `kind`)."""
    shape: tuple[int, ...]
    ndim: int
    """The number of axes."""
    dtype: str
    """The name of the dtype (see `dtype_name`)."""
    size: int
    """The number of elements; PyTorch calls it ``numel()``, and its ``size()`` is the shape."""
    itemsize: int
    """Bytes per element."""
    nbytes: int
    """Bytes of all elements, each counted once for every index that reads it."""
    device: str
    """The place of the elements, ``cpu`` for every NumPy array."""
    strides: tuple[int, ...] | None
    """For each axis, how many elements on the next one is stored; None where it is not a whole number of elements,
    and for sparse tensors."""
    axes: tuple[str, ...] | None = None
    """What each axis counts; None where it was not said."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a property each."""
        names = ("kind", "shape", "ndim", "dtype", "size", "itemsize", "nbytes", "device", "strides")
        heading = ("array" if self.library == "NumPy" else "tensor", "value")
        rows = [(name, str(getattr(self, name))) for name in names]
        if self.axes:
            rows.insert(2, ("axes", f"({', '.join(self.axes)})"))
        return (heading, *rows)

    def notes(self) -> tuple[str, ...]:
        """Return what the numbers do not say, a sentence each."""
        if self.strides is None:
            return ("Its elements are not stored at a stride of whole elements; nbytes counts them as if they were.",)
        repeats = any(stride == 0 and size > 1 for stride, size in zip(self.strides, self.shape, strict=True))
        if repeats and self.size:
            return ("A stride of 0 reads the same elements again: fewer bytes are stored than nbytes counts.",)
        return ()

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        rows = [f"{name} {value}" for name, value in self.table()[2:]]
        return f"{self.kind} {self.shape}", f"{', '.join(rows)}. {' '.join(self.notes())}".rstrip()

    def _drawn(self) -> _picture.Drawing:
        """Draw a cell, a row, a table, a cube, or a row of cubes; beyond four axes their sizes."""
        names = self.axes or ("",) * self.ndim
        sides = [
            _picture.Side(size, f"{name} {size}".lstrip(), _picture.hue_of(axis - self.ndim))
            for axis, (name, size) in enumerate(zip(names, self.shape, strict=True))
        ]
        if self.ndim > _MOST_DRAWN or (self.ndim == _MOST_DRAWN and not self.size):
            drawing = self._boxes(names)
        elif self.ndim == _MOST_DRAWN:
            parts: list[_picture.Drawing] = []
            for at in _picture.visible(self.shape[0], 3):
                part = _picture.Drawing()
                if at is None:
                    part.text((0, 0), "…")
                else:
                    shown = sides[1:] if at == 0 else [side._replace(label="") for side in sides[1:]]
                    part = _picture.grid(shown, lambda _index: ("", _picture.STORED))
                    part.heading(f"{names[0]}[{at}]", 0)
                parts.append(part)
            drawing = _picture.flow(parts, [""] * (len(parts) - 1))
        else:
            drawing = _picture.grid(sides, lambda _index: ("", _picture.STORED))
        drawing.heading(self.described()[0])
        return drawing

    def _boxes(self, names: Sequence[str]) -> _picture.Drawing:
        """Draw the size of each axis in a box, and what it counts in another."""
        places = _picture.visible(self.ndim, _MOST_DRAWN + 1)
        rows = [
            [("…", _picture.EMPTY) if at is None else (str(texts[at]), mark) for at in places]
            for texts, mark in ((names, _picture.EMPTY), (self.shape, _picture.STORED))
        ]
        heading = ["" if at is None else str(at - self.ndim) for at in places]
        return (
            _picture.boxes(["axes", "shape"], rows, heading)
            if self.axes
            else _picture.boxes(["shape"], rows[1:], heading)
        )


@dataclass(frozen=True)
class Role:
    """What arrays of some axes are in a language model: an entry of ``ROLES``, which `meaning` finds.

    >>> from tensorref import anatomy
    >>> anatomy.ROLES[1]
    Role(name='logits of the next token', axes=('vocab_size',), holds='floating point')
    """

    name: str
    axes: tuple[str, ...]
    """What each axis counts."""
    holds: str
    """Floating point, integers or bool."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.axes)}{',' if len(self.axes) == 1 else ''})"


ROLES = (
    Role("loss", (), "floating point"),
    Role("logits of the next token", ("vocab_size",), "floating point"),
    Role("embedding of a token", ("embed_dim",), "floating point"),
    Role("token ids of a sequence", ("seq_len",), "integers"),
    Role("embeddings of a sequence", ("seq_len", "embed_dim"), "floating point"),
    Role("token ids", ("batch", "seq_len"), "integers"),
    Role("embedding table", ("vocab_size", "embed_dim"), "floating point"),
    Role("logits of the next token, of a batch", ("batch", "vocab_size"), "floating point"),
    Role("causal mask", ("seq_len", "seq_len"), "bool"),
    Role("embeddings", ("batch", "seq_len", "embed_dim"), "floating point"),
    Role("logits", ("batch", "seq_len", "vocab_size"), "floating point"),
    Role("queries, keys or values", ("batch", "num_heads", "seq_len", "head_dim"), "floating point"),
    Role("attention scores or weights", ("batch", "num_heads", "seq_len", "seq_len"), "floating point"),
    Role("attention scores or weights, with a cache", ("batch", "num_heads", "query_len", "key_len"), "floating point"),
)
"""The arrays of a language model by their axes, the usual one first among those of as many axes."""


def meaning(shape: ShapeLike, **sizes: int) -> tuple[Role, ...]:
    """Return what an array of `shape` can be in a language model.

    >>> from tensorref import anatomy
    >>> anatomy.meaning((4, 32, 64))[0].axes
    ('batch', 'seq_len', 'embed_dim')
    >>> print(*anatomy.meaning((4, 8, 32, 32), num_heads=8, head_dim=64), sep="; ")
    attention scores or weights (batch, num_heads, seq_len, seq_len)

    In a step of decoding there is one query, and a key for every token so far:

    >>> print(*anatomy.meaning((4, 8, 1, 128), num_heads=8, head_dim=64))
    attention scores or weights, with a cache (batch, num_heads, query_len, key_len)

    Parameters
    ----------
    shape
        The shape of the array.
    **sizes
        The sizes of the model that are known: `batch`, `seq_len`, `embed_dim`, `vocab_size`, `num_heads`, `head_dim`,
        and with a cache `query_len` and `key_len`.

    Returns
    -------
    :
        The entries of ``ROLES`` that have as many axes and agree with `sizes`, the usual one first; none at all where
        nothing fits. A shape does not say what it means: without `sizes` there are several.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape, or if no axis has a name in `sizes`.
    """
    given = as_shape(shape, "shape")
    known = {axis for role in ROLES for axis in role.axes}
    if unknown := sorted(sizes.keys() - known):
        raise TypeError(f"sizes has {unknown[0]!r}, which no axis is called; the axes are {', '.join(sorted(known))}")
    sizes = {axis: as_size(size, axis) for axis, size in sizes.items()}
    found = []
    for role in ROLES:
        if len(role.axes) == len(given):
            bound = dict(zip(role.axes, given, strict=True))
            # An axis that stands twice has to have one size.
            fits = tuple((bound | sizes)[axis] for axis in role.axes) == given
            # A cache holds more tokens than are new; without one the axes are called seq_len.
            if fits and bound.get("query_len", 0) < bound.get("key_len", 1):
                found.append(role)
    return tuple(found)


def _known(name: str, argument: str) -> str:
    if name in _ITEMSIZES:
        return name
    if name in _AMBIGUOUS:
        numpy, torch = _AMBIGUOUS[name]
        raise ValueError(
            f"{argument} is {name!r}, which is {numpy} to NumPy and torch.{torch} to PyTorch; write {numpy!r} or {torch!r}"
        )
    close = difflib.get_close_matches(name[:_LONGEST_NAME], _ITEMSIZES, n=1, cutoff=0.5)
    raise ValueError(
        f"{argument} must be a dtype, got {quoted(name)}; "
        + (f"did you mean {close[0]!r}?" if close else "write one such as 'float32', 'bfloat16', 'int64' or 'bool'")
    )


def _own(dtype: Any) -> Any:
    """Return the dtype itself where a library has made it, else None. A library that made it is loaded."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and isinstance(dtype, torch.dtype):
        return dtype
    if numpy is not None and isinstance(dtype, type) and issubclass(dtype, numpy.generic):
        return numpy.dtype(dtype)
    if numpy is not None and isinstance(dtype, numpy.dtype):
        return dtype
    return None
