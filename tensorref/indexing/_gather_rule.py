"""Which shapes an index may have that picks along one axis, and what the libraries say of others, function by function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple, TypeAlias

from tensorref._arguments import quoted
from tensorref._shape import joined, lined_up
from tensorref.indexing._items import Indices

Gathering: TypeAlias = Literal[
    "torch.gather",
    "torch.take_along_dim",
    "torch.index_select",
    "torch.take",
    "numpy.take_along_axis",
    "numpy.take",
]


Scattering: TypeAlias = Literal[
    "torch.scatter",
    "torch.scatter_add",
    "torch.scatter_reduce",
    "torch.index_add",
    "torch.index_copy",
    "numpy.put_along_axis",
]


@dataclass(frozen=True)
class Call:
    function: str
    shape: tuple[int, ...]
    axis: int | None
    index: Indices
    source: tuple[int, ...] | None

    @property
    def at(self) -> int:
        """The axis from the left; a tensor without axes counts for one with a single element."""
        return (self.axis or 0) % max(len(self.shape), 1)

    @property
    def size(self) -> int:
        """How many positions an index may name."""
        return prod(self.shape) if self.axis is None else self.shape[self.at] if self.shape else 1


class Wrong(NamedTuple):
    text: str
    message: str | None
    """What the library says; None where it says something else about the same."""
    conflicts: tuple[int, ...] = ()


DTYPES = {
    "torch.gather": ("int64", "int32"),
    "torch.scatter": ("int64", "int32"),
    "torch.scatter_add": ("int64", "int32"),
    "torch.scatter_reduce": ("int64", "int32"),
    "torch.index_select": ("int64", "int32"),
    "torch.index_add": ("int64", "int32"),
    "torch.index_copy": ("int64",),
    "torch.take_along_dim": ("int64",),
    "torch.take": ("int64",),
}
"""Which dtypes an index may have; in NumPy any integers."""


_ONLY_WITH_AXES = ("torch.take_along_dim", "numpy.take_along_axis", "numpy.put_along_axis")


_NAMES = {"int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte"}


def result_of(call: Call) -> tuple[int, ...]:
    shape, index = call.shape, call.index.shape
    if call.source is not None:
        return shape
    if call.function in ("torch.gather", "torch.take"):
        return index
    if call.function == "torch.index_select":
        return (*shape[: call.at], prod(index), *shape[call.at + 1 :]) if shape else ()
    if call.function == "numpy.take":
        return index if call.axis is None else (*shape[: call.at], *index, *shape[call.at + 1 :])
    return (prod(index),) if call.axis is None else _chosen(call)


def _others(call: Call) -> tuple[int, ...]:
    """Return the shape of ``x`` with 1 along the axis."""
    return tuple(1 if axis == call.at else size for axis, size in enumerate(call.shape))


def wrong_with(call: Call) -> Iterator[Wrong]:
    """Yield all that is wrong, in the order in which the library looks for it."""
    for check in _CHECKS["torch.scatter" if "scatter" in call.function else call.function]:
        wrong = [*check(call)]
        yield from wrong
        if wrong and check in _LAST:
            return


def _axis(call: Call) -> Iterator[Wrong]:
    rank = len(call.shape)
    is_numpy = call.function.startswith("numpy.")
    count = rank if call.function in _ONLY_WITH_AXES else max(rank, 1)
    if call.axis is None or -count <= call.axis < count:
        return
    if is_numpy:
        message = f"axis {call.axis} is out of bounds for array of dimension {count}"
    elif rank or call.axis not in (-1, 0):
        least = max(rank, 1)
        message = f"Dimension out of range (expected to be in range of [{-least}, {least - 1}], but got {call.axis})"
    else:
        message = "Dimension specified as 0 but tensor has no dimensions"
    fix = f"write one from {-count} to {count - 1}" if count else "x has none, write None"
    yield Wrong(f"axis is {call.axis}, x has shape {call.shape}; {fix}.", message)


def _dtype(call: Call) -> Iterator[Wrong]:
    name, function, dtype = call.function.rpartition(".")[2], call.function, call.index.dtype
    if call.axis is None and name == "take_along_dim":
        name, function = "gather", "torch.gather"
    takes = DTYPES[function]
    if dtype in takes or (0 in call.index.shape and (name == "gather" or "scatter" in name)):
        return
    got = _NAMES.get(dtype, dtype.replace("uint", "UInt"))
    said = {
        "gather": "gather(): Expected dtype int32/int64 for index",
        "index_select": "index_select(): Expected dtype int32 or int64 for index",
        "take": f"take(): Expected a long tensor for index, but got {got}",
        "take_along_dim": f"torch.take_along_dim(): dtype of indices should be Long but got {got}",
        "index_add": f"index_add_(): Expected dtype int32/int64 for index but got: {got}",
        "index_copy": f"index_copy_(): Expected a long tensor for index, but got {got}",
    }
    text = f"index holds {dtype}; {function} takes {' and '.join(takes)}."
    yield Wrong(text, said.get(name, "scatter(): Expected dtype int32/int64 for index"))


def _as_many(call: Call) -> Iterator[Wrong]:
    """Compare how many axes there are; to PyTorch's gather and scatter none is as good as one."""
    rank, own, function = len(call.shape), len(call.index.shape), call.function
    if function == "torch.take_along_dim":
        message = (
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{rank} dimensions for input, and {own} dimensions for indices"
        )
    elif function.startswith("numpy."):
        message = "`indices` and `arr` must have the same number of dimensions"
    else:
        if 0 in call.index.shape:
            return
        rank, own = max(rank, 1), max(own, 1)
        name = "input" if function == "torch.gather" else "self"
        message = f"Index tensor must have the same number of dimensions as {name} tensor"
    if call.axis is None:
        if function.startswith("numpy.") and own != 1:
            text = f"index has {own} axes; without an axis it has one."
            yield Wrong(text, "when axis=None, `indices` must have a single dimension.")
    elif rank != own:
        yield Wrong(f"index has {_count(own)}, x has {rank}; both need as many.", message)


def _count(axes: int) -> str:
    return "1 axis" if axes == 1 else f"{axes} axes"


def _no_longer(call: Call) -> Iterator[Wrong]:
    """Compare sizes as gather does: the index is no longer than ``x`` off the axis."""
    index = call.index.shape or (1,)
    longer = _longer(call)
    if longer:
        wrong = " and ".join(f"axis {axis} has {index[axis]} in index, {call.shape[axis]} in x" for axis in longer)
        said = (
            f"Size does not match at dimension {longer[0]} expected index {[*call.index.shape]} to be no larger than "
            f"self {[*call.shape]} apart from dimension {call.at}"
        )
        yield Wrong(f"{wrong}; off axis {call.at} index is no longer than x.", said, longer)


def _longer(call: Call) -> tuple[int, ...]:
    if 0 in call.index.shape:
        return ()
    pairs = zip(call.index.shape, call.shape, strict=False)
    return tuple(axis for axis, (own, size) in enumerate(pairs) if own > size and axis != call.at)


def _fits_source(call: Call) -> Iterator[Wrong]:
    """Compare sizes as scatter does: the index is no longer than ``x`` off the axis, nor than the source anywhere."""
    given, source = call.index.shape, call.source or ()
    if 0 in given:
        return
    longer, is_number = _longer(call), not source and call.function == "torch.scatter"
    index, sizes = given or (1,), source or (1,)
    beyond = tuple(axis for axis, (own, size) in enumerate(zip(index, sizes, strict=False)) if own > size)
    lacks = not is_number and len(sizes) != len(index)
    message = f"Expected index {[*given]} to be no larger than self {[*call.shape]} apart from dimension {call.at}"
    if not is_number:
        message += f" and to be no larger size than src {[*source]}"
    if lacks:
        text = f"source has {_count(len(source))}, index has {len(given)}; both need as many."
        said = "Index tensor must have the same number of dimensions as src tensor" if longer else None
        yield Wrong(text, said)
    if longer:
        wrong = " and ".join(f"axis {axis} has {index[axis]} in index, {call.shape[axis]} in x" for axis in longer)
        yield Wrong(f"{wrong}; off axis {call.at} index is no longer than x.", message, longer)
    if beyond and not is_number and not lacks:
        wrong = " and ".join(f"axis {axis} has {index[axis]} in index, {sizes[axis]} in source" for axis in beyond)
        yield Wrong(f"{wrong}; index is no longer than source.", message, beyond)


def _joins(call: Call) -> Iterator[Wrong]:
    """Broadcast the index and ``x`` off the axis."""
    if call.axis is None or joined([_others(call), call.index.shape]) is not None:
        return
    columns = lined_up([_others(call), call.index.shape])
    wrong = tuple(axis for axis, (size, own) in enumerate(columns) if size != own and 1 not in (size, own))
    listed = " and ".join(
        f"axis {axis} has {call.index.shape[axis]} in index, {call.shape[axis]} in x" for axis in wrong
    )
    if call.function.startswith("torch."):
        axis = wrong[-1]
        said = (
            f"The size of tensor a ({call.shape[axis]}) must match the size of tensor b ({call.index.shape[axis]}) at "
            f"non-singleton dimension {axis}"
        )
    else:
        rank = len(call.shape)
        shapes = [
            call.index.shape if axis == call.at else tuple(size if at == axis else 1 for at in range(rank))
            for axis, size in enumerate(call.shape)
        ]
        said = "shape mismatch: indexing arrays could not be broadcast together with shapes " + "".join(
            f"{_numpy_shape(shape)} " for shape in shapes
        )
    yield Wrong(f"{listed}; off axis {call.at} sizes are equal or 1.", said, wrong)


def _numpy_shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({','.join(map(str, shape))})"


def _values(call: Call) -> Iterator[Wrong]:
    function, (least, most) = call.function, call.index.bounds
    size = call.size
    if _unseen(call):
        return
    if function == "torch.take_along_dim" and call.axis is not None:  # it takes the rest of a division by the size
        least = most = 0
    low = -size if function.startswith("numpy.") or function == "torch.take" else 0
    value = next((value for value in (least, most) if not low <= value < size), None)
    if value is None:
        return
    of = f"axis {call.at} of x has size {size}" if call.axis is not None else f"x has {size} elements"
    takes = f"{function} takes {low} to {size - 1}" if size else "no index fits"
    yield Wrong(f"index holds {quoted(value)}, {of}; {takes}.", _said_of_value(call, value, size))


def _unseen(call: Call) -> bool:
    """Tell whether nobody looks at the values."""
    function = call.function
    if 0 in call.index.shape:
        return True
    if function == "torch.index_add":
        return 0 in call.shape and len(call.shape) != 1
    if function == "torch.index_copy":
        return 0 in _others(call)
    if function == "numpy.take":
        return call.axis is not None and 0 in call.shape[: call.at]
    return (function.startswith("numpy.") or function == "torch.take_along_dim") and 0 in _chosen(call)


def _chosen(call: Call) -> tuple[int, ...]:
    """Return the shape of what an index selects that broadcasts with ``x`` off the axis."""
    return call.index.shape if call.axis is None else joined([_others(call), call.index.shape]) or ()


_SAID_OF_NOTHING = {
    "torch.take": "take(): tried to take from an empty tensor",
    "numpy.take": "cannot do a non-empty take from an empty axes.",
}


def _said_of_value(call: Call, value: int, size: int) -> str | None:
    function, axis = call.function, call.at
    if function in ("torch.index_select", "torch.index_add"):
        return None  # it has several, and which depends on the shape
    if not size and function in _SAID_OF_NOTHING and 0 not in result_of(call):
        return _SAID_OF_NOTHING[function]
    if function == "torch.take":
        return f"out of range: tried to access index {value} on a tensor of {size} elements."
    if function.startswith("numpy."):
        return f"index {value} is out of bounds for axis {axis} with size {size}"
    if not size and function in ("torch.take_along_dim", "torch.index_copy") and call.axis is not None:
        return "ZeroDivisionError" if function == "torch.take_along_dim" else None
    before = "index_copy_(): " if function == "torch.index_copy" else ""
    return f"{before}index {value} is out of bounds for dimension {axis} with size {size}"


def _vector(call: Call) -> Iterator[Wrong]:
    """Take an index of one axis, or of none."""
    index, function = call.index.shape, call.function
    if len(index) <= 1:
        return
    dtype = _NAMES.get(call.index.dtype, call.index.dtype.replace("uint", "UInt"))
    said = {
        "torch.index_select": "index_select(): Index is supposed to be a vector",
        "torch.index_add": (
            f"index_add_(): Index is supposed to be a vector, but got dim: {len(index)} with type: {dtype} and size: "
            f"{[*index]}"
        ),
        "torch.index_copy": f"index_copy_(): Index should have dimension 1 or 0 (got {len(index)})",
    }
    text = f"index has {len(index)} axes; {function} takes one list of positions."
    yield Wrong(text, said[function])


def _one_of_a_number(call: Call) -> Iterator[Wrong]:
    if not call.shape and (count := prod(call.index.shape)) != 1:
        text = f"index has {count} positions, x has no axis; one is enough."
        yield Wrong(text, f"index_select(): Index to scalar can have only 1 value, got {count} value(s)")


def _added(call: Call) -> Iterator[Wrong]:
    """Compare the source of ``index_add`` with the index and with ``x``."""
    source, count = call.source or (), prod(call.index.shape)
    if call.at and call.at >= len(source):
        text = f"source has {_count(len(source))}, x has {len(call.shape)}; both need as many."
        said = f"index_add_(): Indexing dim {call.at} is out of bounds of the source tensor with dim {len(source)}"
        yield Wrong(text, said)
        return
    own = source[call.at] if source else 1
    if own != count:
        text = f"index has {count} positions, axis {call.at} of source has size {own}; both need as many."
        said = (
            f"index_add_(): Number of indices ({count}) should be equal to source.size(dim): ({own}), for dim: {call.at}"
            if source
            else "Dimension specified as 0 but tensor has no dimensions"
        )
        yield Wrong(text, said, (call.at,))
    yield from _same_others(
        call,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
        f"{[*call.shape]} source.shape = {[*source]}",
    )


def _same_others(call: Call, said: str) -> Iterator[Wrong]:
    """Compare the sizes of the source and of ``x`` off the axis."""
    source = call.source or ()
    if len(source) != len(call.shape):
        yield Wrong(f"source has {_count(len(source))}, x has {len(call.shape)}; both need as many.", said)
        return
    pairs = enumerate(zip(source, call.shape, strict=True))
    wrong = tuple(axis for axis, (own, size) in pairs if own != size and axis != call.at)
    if wrong:
        listed = " and ".join(f"axis {axis} has {source[axis]} in source, {call.shape[axis]} in x" for axis in wrong)
        yield Wrong(f"{listed}; off axis {call.at} sizes are equal.", said, wrong)


def _copied_axes(call: Call) -> Iterator[Wrong]:
    """Compare how many axes the source of ``index_copy`` has."""
    source, count, shape = call.source or (), prod(call.index.shape), call.shape
    if not source and count != 1:
        text = f"index has {count} positions, source is one number; both need as many."
        yield Wrong(text, f"index_copy_(): When source is scalar, index should have one element (got {count})")
        return
    if source and shape and len(source) != len(shape):
        text = f"source has {_count(len(source))}, x has {len(shape)}; both need as many."
        said = (
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({len(source)}), destination dimensionality ({len(shape)})"
        )
        yield Wrong(text, said)


def _copied_sizes(call: Call) -> Iterator[Wrong]:
    source, count, shape = call.source or (), prod(call.index.shape), call.shape
    rest, own = (tuple(size for axis, size in enumerate(of) if axis != call.at) for of in (shape, source))
    if rest != own:
        said = (
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{' '.join(map(str, rest))} at dimension {call.at} and source slice shape: {' '.join(map(str, own))} at "
            "dimension 0."
        )
        yield from _same_others(call, said)
    if source and source[call.at] != count:
        text = f"index has {count} positions, axis {call.at} of source has size {source[call.at]}; both need as many."
        said = f"index_copy_(): Number of indices ({count}) should be equal to source.size(dim) ({source[call.at]})"
        yield Wrong(text, said, (call.at,))


def _written(call: Call) -> Iterator[Wrong]:
    """Broadcast the values of ``put_along_axis`` to what the index selects."""
    source = call.source or ()
    chosen = _chosen(call)
    extra = max(len(source) - len(chosen), 0)
    tail = zip(reversed(source[extra:]), reversed(chosen), strict=False)
    if any(own not in (1, size) for own, size in tail) or (prod(source[:extra]) != 1 and 0 not in source[extra:]):
        said = (
            f"shape mismatch: value array of shape {_numpy_shape(source)} could not be broadcast to indexing result of "
            f"shape {_numpy_shape(chosen)}"
        )
        yield Wrong(f"source has shape {source}, which does not broadcast to {chosen}, what index selects.", said)


_CHECKS = {
    "torch.gather": (_axis, _dtype, _as_many, _no_longer, _values),
    "torch.scatter": (_axis, _dtype, _as_many, _fits_source, _values),
    "torch.take_along_dim": (_as_many, _dtype, _axis, _joins, _values),
    "torch.index_select": (_axis, _vector, _one_of_a_number, _dtype, _values),
    "torch.take": (_dtype, _values),
    "torch.index_add": (_axis, _vector, _dtype, _added, _values),
    "torch.index_copy": (_axis, _vector, _copied_axes, _dtype, _copied_sizes, _values),
    "numpy.take_along_axis": (_axis, _as_many, _joins, _values),
    "numpy.take": (_axis, _values),
    "numpy.put_along_axis": (_axis, _as_many, _joins, _written, _values),
}


_LAST = (_axis, _as_many, _vector, _no_longer, _joins, _fits_source, _one_of_a_number, _copied_axes)
"""What has to be right before more can be asked."""
