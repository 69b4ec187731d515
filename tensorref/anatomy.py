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
    "Shapes",
    "Stage",
    "describe",
    "dtype_name",
    "itemsize",
    "kind",
    "meaning",
    "nbytes",
    "shapes",
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


_FLOATS, _INTEGERS, _BOOL = "floating point", "integers", "bool"

ROLES = (
    Role("loss", (), _FLOATS),
    Role("logits of the next token", ("vocab_size",), _FLOATS),
    Role("embedding of a token", ("embed_dim",), _FLOATS),
    Role("token ids of a sequence", ("seq_len",), _INTEGERS),
    Role("flattened targets", ("num_tokens",), _INTEGERS),
    Role("embeddings of a sequence", ("seq_len", "embed_dim"), _FLOATS),
    Role("token ids", ("batch", "seq_len"), _INTEGERS),
    Role("embedding table", ("vocab_size", "embed_dim"), _FLOATS),
    Role("table of learned positions", ("context_len", "embed_dim"), _FLOATS),
    Role("weight of a linear layer", ("out_features", "in_features"), _FLOATS),
    Role("logits of the next token, of a batch", ("batch", "vocab_size"), _FLOATS),
    Role("flattened logits", ("num_tokens", "vocab_size"), _FLOATS),
    Role("flattened embeddings", ("num_tokens", "embed_dim"), _FLOATS),
    Role("router logits", ("num_tokens", "num_experts"), _FLOATS),
    Role("causal, window or prefix mask", ("seq_len", "seq_len"), _BOOL),
    Role("mask with a cache", ("query_len", "key_len"), _BOOL),
    Role("padding mask", ("batch", "seq_len"), _BOOL),
    Role("embeddings", ("batch", "seq_len", "embed_dim"), _FLOATS),
    Role("logits", ("batch", "seq_len", "vocab_size"), _FLOATS),
    Role("hidden features", ("batch", "seq_len", "hidden_dim"), _FLOATS),
    Role("expert buffers", ("num_experts", "capacity", "embed_dim"), _FLOATS),
    Role("weights of experts", ("num_experts", "out_features", "in_features"), _FLOATS),
    Role("queries, keys or values", ("batch", "num_heads", "seq_len", "head_dim"), _FLOATS),
    Role("heads before the transpose", ("batch", "seq_len", "num_heads", "head_dim"), _FLOATS),
    Role("grouped keys or values", ("batch", "num_kv_heads", "seq_len", "head_dim"), _FLOATS),
    Role("cache of keys or values", ("batch", "num_kv_heads", "key_len", "head_dim"), _FLOATS),
    Role("attention scores or weights", ("batch", "num_heads", "seq_len", "seq_len"), _FLOATS),
    Role("attention scores or weights, with a cache", ("batch", "num_heads", "query_len", "key_len"), _FLOATS),
    Role("attention scores or weights of one new token", ("batch", "num_heads", "1", "key_len"), _FLOATS),
    Role("mask of each row", ("batch", "1", "seq_len", "seq_len"), _BOOL),
    Role("padding mask of keys", ("batch", "1", "1", "key_len"), _BOOL),
    Role("additive mask of each row", ("batch", "1", "seq_len", "seq_len"), _FLOATS),
    Role("cache of all layers", ("num_layers", "batch", "num_kv_heads", "key_len", "head_dim"), _FLOATS),
)
"""The arrays of a language model by their axes, the usual one first among those of as many axes; ``1`` is an axis of size 1."""


def meaning(shape: ShapeLike, *, dtype: DTypeLike | None = None, **sizes: int) -> tuple[Role, ...]:
    """Return what an array of `shape` can be in a language model.

    >>> from tensorref import anatomy
    >>> anatomy.meaning((4, 32, 64))[0].axes
    ('batch', 'seq_len', 'embed_dim')
    >>> print(*anatomy.meaning((4, 8, 32, 32), num_heads=8, head_dim=64), sep="; ")
    attention scores or weights (batch, num_heads, seq_len, seq_len)

    In a step of decoding there is one query, and a key for every token so far:

    >>> print(*anatomy.meaning((4, 8, 1, 128), num_heads=8, head_dim=64))
    attention scores or weights of one new token (batch, num_heads, 1, key_len)

    Parameters
    ----------
    shape
        The shape of the array.
    dtype
        The dtype of the array, as for `dtype_name`: ids are integers, and a table of positions is not.
    **sizes
        The sizes of the model that are known, by the names that the axes have in ``ROLES``: `batch`, `seq_len`,
        `embed_dim`, `vocab_size`, `num_heads`, `num_kv_heads`, `head_dim`, with a cache `query_len` and `key_len`, and so on.

    Returns
    -------
    :
        The entries of ``ROLES`` that have as many axes, hold `dtype` and agree with as many of `sizes` as any does, the usual
        one first; none at all where nothing fits. A shape does not say what it means: without `sizes` there are several.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape or `dtype` not a dtype, or if no axis has a name in `sizes`.

    Examples
    --------
    A table of 1,024 learned positions has two axes as token ids have, and holds no ids:

    >>> print(*anatomy.meaning((1024, 768), dtype="float32", context_len=1024, embed_dim=768))
    table of learned positions (context_len, embed_dim)
    """
    given = as_shape(shape, "shape")
    holds = None if dtype is None else _holds(dtype_name(dtype))
    known = {axis for role in ROLES for axis in role.axes} - {"1"}
    if unknown := sorted(sizes.keys() - known):
        raise TypeError(f"sizes has {unknown[0]!r}, which no axis is called; the axes are {', '.join(sorted(known))}")
    sizes = {axis: as_size(size, axis) for axis, size in sizes.items()}
    found: dict[int, list[Role]] = {}
    for role in ROLES:
        if len(role.axes) == len(given) and holds in {None, role.holds}:
            bound = dict(zip(role.axes, given, strict=True))
            # An axis that stands twice has to have one size.
            fits = tuple((bound | sizes | {"1": 1})[axis] for axis in role.axes) == given
            # A cache holds more tokens than are new; without one the axes are called seq_len, and one new token is a role.
            if fits and bound.get("query_len", 2) > 1 and bound.get("query_len", 0) < bound.get("key_len", 1):
                found.setdefault(len(sizes.keys() & {*role.axes}), []).append(role)
    return tuple(found[max(found)]) if found else ()


def _holds(name: str) -> str:
    return _BOOL if name == "bool" else _INTEGERS if name.startswith(("int", "uint")) else _FLOATS


def shapes(  # noqa: PLR0913  these are the sizes of a model
    *,
    batch: SupportsIndex = 2,
    seq_len: SupportsIndex = 16,
    vocab_size: SupportsIndex = 100,
    embed_dim: SupportsIndex = 64,
    num_heads: SupportsIndex = 8,
    num_kv_heads: SupportsIndex = 2,
) -> Shapes:
    """Return the shapes on the way through a decoder, from token ids to the loss.

    >>> from tensorref import anatomy
    >>> print(anatomy.shapes())
    role                                                             axes           shape
    token ids                                            (batch, seq_len)         (2, 16)
    embeddings                                (batch, seq_len, embed_dim)     (2, 16, 64)
    heads before the transpose      (batch, seq_len, num_heads, head_dim)   (2, 16, 8, 8)
    queries, keys or values         (batch, num_heads, seq_len, head_dim)   (2, 8, 16, 8)
    grouped keys or values       (batch, num_kv_heads, seq_len, head_dim)   (2, 2, 16, 8)
    attention scores or weights      (batch, num_heads, seq_len, seq_len)  (2, 8, 16, 16)
    embeddings                                (batch, seq_len, embed_dim)     (2, 16, 64)
    hidden features                          (batch, seq_len, hidden_dim)    (2, 16, 256)
    logits                                   (batch, seq_len, vocab_size)    (2, 16, 100)
    flattened logits                             (num_tokens, vocab_size)       (32, 100)
    loss                                                               ()              ()

    Parameters
    ----------
    batch, seq_len, vocab_size, embed_dim, num_heads, num_kv_heads
        The sizes of the model and of what it reads. A hidden layer has 4 features for each of `embed_dim`.

    Returns
    -------
    :
        The steps as data; ``print`` shows them as a table, and a notebook a picture above it.

    Raises
    ------
    TypeError
        If a size is not an int.
    ValueError
        If a size is below 1, `num_heads` does not divide `embed_dim`, or `num_kv_heads` does not divide `num_heads`.

    See Also
    --------
    meaning : from a shape to the role.
    """
    given = {"batch": batch, "seq_len": seq_len, "vocab_size": vocab_size, "embed_dim": embed_dim}
    given |= {"num_heads": num_heads, "num_kv_heads": num_kv_heads}
    sizes = {axis: as_size(size, axis) for axis, size in given.items()}
    if empty := [axis for axis, size in sizes.items() if not size]:
        raise ValueError(f"{empty[0]} is 0, and a model has at least one; write {empty[0]}=1")
    for part, whole in (("num_heads", "embed_dim"), ("num_kv_heads", "num_heads")):
        if sizes[whole] % sizes[part]:
            fix = next(size for size in range(sizes[part], 0, -1) if sizes[whole] % size == 0)
            raise ValueError(
                f"{part} is {sizes[part]}, which does not divide {whole}={sizes[whole]}; write {part}={fix}"
            )
    sizes["head_dim"] = sizes["embed_dim"] // sizes["num_heads"]
    sizes["hidden_dim"] = 4 * sizes["embed_dim"]
    sizes["num_tokens"] = sizes["batch"] * sizes["seq_len"]
    roles = {role.name: role for role in ROLES}
    return Shapes(
        tuple(
            Stage(operation, roles[name], tuple(sizes[axis] for axis in roles[name].axes)) for operation, name in _STEPS
        )
    )


_STEPS = (
    ("", "token ids"),
    ("look up rows of the table", "embeddings"),
    ("multiply by a weight, unflatten", "heads before the transpose"),
    ("transpose(1, 2)", "queries, keys or values"),
    ("keys and values: fewer heads", "grouped keys or values"),
    ("queries @ keys.mT", "attention scores or weights"),
    ("softmax, @ values, flatten", "embeddings"),
    ("multiply by a weight, SwiGLU", "hidden features"),
    ("weight back, then the table", "logits"),
    ("flatten(0, 1)", "flattened logits"),
    ("cross_entropy", "loss"),
)
_AXIS_HUES = MappingProxyType(
    {
        **dict.fromkeys(("seq_len", "num_tokens"), 2),
        **dict.fromkeys(("embed_dim", "head_dim", "hidden_dim", "vocab_size"), 1),
        **dict.fromkeys(("num_heads", "num_kv_heads"), 3),
    }
)


@dataclass(frozen=True)
class Stage:
    """An array on the way through a model: an element of `Shapes.stages`.

    >>> from tensorref import anatomy
    >>> stage = anatomy.shapes(batch=1).stages[1]
    >>> stage.operation, stage.role.name, stage.shape
    ('look up rows of the table', 'embeddings', (1, 16, 64))
    """

    operation: str
    """What makes it of the one before; empty for the first."""
    role: Role
    """What the array is."""
    shape: tuple[int, ...]
    """The size of each axis of the role."""


@dataclass(frozen=True)
class Shapes(Illustrated):
    """The way through a decoder: what `shapes` returns.

    >>> from tensorref import anatomy
    >>> anatomy.shapes(vocab_size=50_304).stages[-2].shape
    (32, 50304)
    """

    stages: tuple[Stage, ...]
    """The arrays in the order in which a model makes them."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a step each."""
        rows = [
            (stage.role.name, str(stage.role).removeprefix(f"{stage.role.name} "), str(stage.shape))
            for stage in self.stages
        ]
        return (("role", "axes", "shape"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return nothing: the table says it all."""
        return ()

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        return "From token ids to the loss", "; ".join(
            f"{stage.operation}: {stage.role} {stage.shape}".removeprefix(": ") for stage in self.stages
        )

    def _drawn(self) -> _picture.Drawing:
        """Draw a line of boxes a step, an axis each, and between two lines what makes one of the other."""
        drawing, y = _picture.Drawing(), 0
        for stage in self.stages:
            if stage.operation:
                drawing.arrow((20, y), (20, y + 30))
                drawing.text((36, y + 14), stage.operation, "start", faded=True)
                y += 40
            drawing.text((0, y + 8), stage.role.name, "start", bold=True)
            y, x = y + 22, 0
            for axis, size in zip(stage.role.axes, stage.shape, strict=True):
                text = f"{axis} {size}"
                width = _picture.width_of(text) + _picture.GAP
                drawing.box((x, y), (width, 30), _picture.Mark(_AXIS_HUES.get(axis, 0), 14), text)
                x += width
            if not stage.shape:
                drawing.box((0, y), (30, 30), _picture.STORED)
            y += 34
        drawing.heading(self.described()[0])
        return drawing


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
