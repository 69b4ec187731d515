"""The shapes that an index may have where it picks along one axis: gather, scatter, and what is like them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from tensorref._arguments import as_int, attribute, quoted
from tensorref._explanation import Diagram
from tensorref._shape import as_shape, joined, lined_up
from tensorref._typing import ShapeLike
from tensorref.indexing._items import Indices, indices_of

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


def explain_gather(
    shape: ShapeLike, axis: int | None, index: ShapeLike | Indices, *, function: Gathering = "torch.gather"
) -> GatherExplanation:
    """Explain which shape an index may have that reads along an axis, as in ``torch.gather(x, axis, index)``.

    >>> from tensorref import indexing
    >>> print(indexing.explain_gather((4, 128, 50257), -1, (4, 128)))
    axis      0    1      2
    x         4  128  50257
    index     4  128      –
    rule   fits    ?      ?
    * index has 2 axes, x has 3; both need as many.
    * PyTorch: Index tensor must have the same number of dimensions as input tensor
    * torch.gather(x, -1, index[..., None]) gives (4, 128, 1).
    >>> indexing.explain_gather((4, 128, 50257), -1, (4, 128, 1)).result
    (4, 128, 1)

    That one picks the log-probability of each target token:

    >>> import torch
    >>> logits, targets = torch.zeros(4, 128, 50257), torch.zeros(4, 128, dtype=torch.int64)
    >>> logits.log_softmax(-1).gather(-1, targets[..., None]).squeeze(-1).shape
    torch.Size([4, 128])

    Parameters
    ----------
    shape
        Of ``x``, the array or tensor that is read.
    axis
        Along which axis; None for the flat array, where the function takes it.
    index
        The shape of the index; the index itself or `Indices`, for its dtype and the range of its values too.
    function
        Which function reads.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram. `result` is the shape that the function gives.

    Raises
    ------
    TypeError, ValueError
        If an argument is no shape, no axis or no function of these. What the function refuses is no error here.

    See Also
    --------
    torch.gather : the index has as many axes as ``x``, and is no longer than it except along ``axis``.
    torch.take_along_dim : the other axes broadcast.
    torch.index_select : the index is one list of positions, the same for all.
    torch.take : the index counts in the flat tensor.
    numpy.take_along_axis : the other axes broadcast.
    numpy.take : the index has any shape, and stands in the place of the axis.

    Examples
    --------
    ``gather`` takes int64, and recent versions int32. A negative index counts from the end in NumPy alone:

    >>> print(indexing.explain_gather((2, 3), 1, indexing.Indices((2, 1), bounds=(-1, 2))))
    axis      0     1
    x         2     3
    index     2     1
    rule   fits  axis
    * index holds -1, axis 1 of x has size 3; torch.gather takes 0 to 2.
    * PyTorch: index -1 is out of bounds for dimension 1 with size 3
    * torch.gather(x, 1, index % 3) gives (2, 1).
    >>> index = indexing.Indices((2, 1), bounds=(-1, 2))
    >>> indexing.explain_gather((2, 3), 1, index, function="numpy.take_along_axis").result
    (2, 1)
    """
    if function not in get_args(Gathering):
        raise ValueError(f"function is {quoted(function)}; write one of {', '.join(get_args(Gathering))}")
    return _explained(_Call(function, as_shape(shape, "shape"), _as_axis(axis, function), _as_index(index), None))


def explain_scatter(
    shape: ShapeLike,
    axis: int | None,
    index: ShapeLike | Indices,
    source: ShapeLike,
    *,
    function: Scattering = "torch.scatter",
) -> GatherExplanation:
    """Explain which shapes an index and a source may have that write along an axis: ``x.scatter(axis, index, source)``.

    >>> from tensorref import indexing
    >>> print(indexing.explain_scatter((50257, 64), 0, (8, 128), (8, 128, 64), function="torch.index_add"))
    axis        0    1   2
    x       50257   64   –
    index       8  128   –
    source      8  128  64
    rule     axis    ?   ?
    * index has 2 axes; torch.index_add takes one list of positions.
    * PyTorch: index_add_(): Index is supposed to be a vector, but got dim: 2 with type: Long and size: [8, 128]
    * torch.index_add(x, 0, index.flatten(), source.flatten(0, 1)) gives (50257, 64).

    Parameters
    ----------
    shape, axis, index
        As for `explain_gather`; ``x`` is written to.
    source
        The shape of what is written. ``()`` is one number for ``numpy.put_along_axis``, and for ``torch.scatter`` too,
        as ``value``.
    function
        Which function writes. Each method with an underscore, such as ``scatter_``, has the same rule.

    Returns
    -------
    :
        The explanation as data. `result` is the shape of ``x``, if the function takes all of them.

    Raises
    ------
    TypeError, ValueError
        As for `explain_gather`.

    See Also
    --------
    torch.scatter : the index is no longer than ``x`` except along ``axis``, and nowhere longer than the source.
    torch.scatter_add : the same, and adds where positions repeat.
    torch.scatter_reduce : the same, with a sum, a product, a mean, a least or a greatest.
    torch.index_add : the index is one list, as long as the source along ``axis``.
    torch.index_copy : the same, and writes instead of adding.
    numpy.put_along_axis : index and ``x`` broadcast off ``axis``, and the source broadcasts to what they make.

    Examples
    --------
    The index may be shorter than the source; what is left over is not read:

    >>> import torch
    >>> index, source = torch.tensor([[0, 1]]), torch.ones(2, 3)
    >>> torch.zeros(2, 3).scatter(1, index, source)
    tensor([[1., 1., 0.],
            [0., 0., 0.]])
    >>> indexing.explain_scatter((2, 3), 1, index.shape, source.shape).result
    (2, 3)
    """
    if function not in get_args(Scattering):
        raise ValueError(f"function is {quoted(function)}; write one of {', '.join(get_args(Scattering))}")
    sizes = as_shape(source, "source")
    return _explained(_Call(function, as_shape(shape, "shape"), _as_axis(axis, function), _as_index(index), sizes))


@dataclass(frozen=True)
class GatherExplanation(Diagram):
    """Whether an index goes with what it reads or writes along an axis: what `explain_gather` returns.

    >>> from tensorref import indexing
    >>> explanation = indexing.explain_gather((2, 3), 1, (4, 1))
    >>> explanation.result, explanation.conflicts
    (None, (0,))
    """

    function: str
    shape: tuple[int, ...]
    axis: int | None
    index: tuple[int, ...]
    """The shape of the index."""
    source: tuple[int, ...] | None
    """The shape of what is written; None where the function reads."""
    result: tuple[int, ...] | None
    """The shape that the function gives; None where it refuses."""
    conflicts: tuple[int, ...]
    """The axes on which sizes do not go together, counted from the left."""
    problems: tuple[str, ...]
    """A sentence for everything that is wrong."""
    messages: tuple[str, ...]
    """What the library says, letter for letter, for float32 on the CPU; of several things that are wrong the first."""
    fixes: tuple[Fix, ...]
    """What to write instead, with ``x``, ``index`` and ``source`` for the three."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: the axes, the sizes of each operand, and what the rule says."""
        rank = max(len(self.shape), len(self.index), len(self.source or ()))
        rows = [("x", self.shape), ("index", self.index), *([("source", self.source)] if self.source else [])]
        sizes = ((name, *(str(shape[at]) if at < len(shape) else "–" for at in range(rank))) for name, shape in rows)
        return (("axis", *map(str, range(rank))), *sizes, ("rule", *map(self._rule, range(rank))))

    def _rule(self, at: int) -> str:
        if at in self.conflicts:
            return "conflict"
        if self.axis is not None and at == self.axis % max(len(self.shape), 1):
            return "axis"
        return "fits" if self.result is not None or (at < len(self.shape) and at < len(self.index)) else "?"

    def notes(self) -> tuple[str, ...]:
        """Return the result, or the problems, what the library says and what to write instead."""
        library = "PyTorch" if self.function.startswith("torch.") else "NumPy"
        said = [f"{library}: {message}" for message in self.messages]
        if self.result is not None:
            return (f"The result has shape {self.result}, {prod(self.result):,} elements.",)
        return (*self.problems, *said, *(f"{fix.code} gives {fix.result}." for fix in self.fixes))


@dataclass(frozen=True)
class Fix:
    """What to write instead of a call that is refused.

    >>> from tensorref import indexing
    >>> indexing.explain_gather((2, 3), 1, (2,)).fixes[0]
    Fix(code='torch.gather(x, 1, index[:, None])', result=(2, 1))
    """

    code: str
    result: tuple[int, ...]
    """The shape that it gives."""


@dataclass(frozen=True)
class _Call:
    function: str
    shape: tuple[int, ...]
    axis: int | None
    index: Indices
    source: tuple[int, ...] | None

    @property
    def at(self) -> int:
        """The axis from the left; a tensor without axes counts for one with a single element."""
        return (self.axis or 0) % max(len(self.shape), 1)


class _Wrong(NamedTuple):
    text: str
    message: str | None
    """What the library says; None where it says something else about the same."""
    conflicts: tuple[int, ...] = ()


_DTYPES = {
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

_WITHOUT_AXIS = ("torch.take_along_dim", "numpy.take_along_axis", "numpy.put_along_axis", "numpy.take", "torch.take")
_ONLY_WITH_AXES = ("torch.take_along_dim", "numpy.take_along_axis", "numpy.put_along_axis")
_NAMES = {"int64": "Long", "int32": "Int", "int16": "Short", "int8": "Char", "uint8": "Byte"}


def _as_axis(axis: Any, function: str) -> int | None:
    if axis is None and function in _WITHOUT_AXIS:
        return None
    if axis is not None and function == "torch.take":
        raise ValueError(f"axis is {quoted(axis)}; torch.take counts in the flat tensor: write None")
    return as_int(axis, "axis", "an axis is")


def _as_index(index: Any) -> Indices:
    if isinstance(index, Indices):
        return index
    if attribute(index, "dtype") is not None and isinstance(attribute(index, "shape"), tuple):
        return indices_of(index)
    return Indices(as_shape(index, "index"))


def _explained(call: _Call) -> GatherExplanation:
    wrong = [*_wrong(call)]
    return GatherExplanation(
        function=call.function,
        shape=call.shape,
        axis=call.axis,
        index=call.index.shape,
        source=call.source,
        result=None if wrong else _result(call),
        conflicts=tuple(sorted({axis for one in wrong for axis in one.conflicts})),
        problems=tuple(one.text for one in wrong),
        messages=tuple(one.message for one in wrong[:1] if one.message is not None),
        fixes=_fixes(call) if wrong else (),
    )


def _result(call: _Call) -> tuple[int, ...]:
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


def _others(call: _Call) -> tuple[int, ...]:
    """Return the shape of ``x`` with 1 along the axis."""
    return tuple(1 if axis == call.at else size for axis, size in enumerate(call.shape))


def _wrong(call: _Call) -> Iterator[_Wrong]:
    """Yield all that is wrong, in the order in which the library looks for it."""
    for check in _CHECKS["torch.scatter" if "scatter" in call.function else call.function]:
        wrong = [*check(call)]
        yield from wrong
        if wrong and check in _LAST:
            return


def _axis(call: _Call) -> Iterator[_Wrong]:
    rank = len(call.shape)
    is_numpy = call.function.startswith("numpy.")
    count = rank if call.function in _ONLY_WITH_AXES else max(rank, 1)
    if call.axis is None or -count <= call.axis < count:
        return
    if is_numpy:
        message = f"axis {call.axis} is out of bounds for array of dimension {rank}"
    elif rank or call.axis not in (-1, 0):
        least = max(rank, 1)
        message = f"Dimension out of range (expected to be in range of [{-least}, {least - 1}], but got {call.axis})"
    else:
        message = "Dimension specified as 0 but tensor has no dimensions"
    fix = f"write one from {-count} to {count - 1}" if count else "x has none, write None"
    yield _Wrong(f"axis is {call.axis}, x has shape {call.shape}; {fix}.", message)


def _dtype(call: _Call) -> Iterator[_Wrong]:
    name, function, dtype = call.function.rpartition(".")[2], call.function, call.index.dtype
    if call.axis is None and name == "take_along_dim":
        name, function = "gather", "torch.gather"
    takes = _DTYPES[function]
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
    yield _Wrong(text, said.get(name, "scatter(): Expected dtype int32/int64 for index"))


def _as_many(call: _Call) -> Iterator[_Wrong]:
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
            yield _Wrong(text, "when axis=None, `indices` must have a single dimension.")
    elif rank != own:
        yield _Wrong(f"index has {_count(own)}, x has {rank}; both need as many.", message)


def _count(axes: int) -> str:
    return "1 axis" if axes == 1 else f"{axes} axes"


def _no_longer(call: _Call) -> Iterator[_Wrong]:
    """Compare sizes as gather does: the index is no longer than ``x`` off the axis."""
    index = call.index.shape or (1,)
    longer = _longer(call)
    if longer:
        wrong = " and ".join(f"axis {axis} has {index[axis]} in index, {call.shape[axis]} in x" for axis in longer)
        said = (
            f"Size does not match at dimension {longer[0]} expected index {[*call.index.shape]} to be no larger than "
            f"self {[*call.shape]} apart from dimension {call.at}"
        )
        yield _Wrong(f"{wrong}; off axis {call.at} index is no longer than x.", said, longer)


def _longer(call: _Call) -> tuple[int, ...]:
    if 0 in call.index.shape:
        return ()
    pairs = zip(call.index.shape, call.shape, strict=False)
    return tuple(axis for axis, (own, size) in enumerate(pairs) if own > size and axis != call.at)


def _fits_source(call: _Call) -> Iterator[_Wrong]:
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
        yield _Wrong(text, said)
    if longer:
        wrong = " and ".join(f"axis {axis} has {index[axis]} in index, {call.shape[axis]} in x" for axis in longer)
        yield _Wrong(f"{wrong}; off axis {call.at} index is no longer than x.", message, longer)
    if beyond and not is_number and not lacks:
        wrong = " and ".join(f"axis {axis} has {index[axis]} in index, {sizes[axis]} in source" for axis in beyond)
        yield _Wrong(f"{wrong}; index is no longer than source.", message, beyond)


def _joins(call: _Call) -> Iterator[_Wrong]:
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
    yield _Wrong(f"{listed}; off axis {call.at} sizes are equal or 1.", said, wrong)


def _numpy_shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({','.join(map(str, shape))})"


def _values(call: _Call) -> Iterator[_Wrong]:
    function, (least, most) = call.function, call.index.bounds
    size = prod(call.shape) if call.axis is None else call.shape[call.at] if call.shape else 1
    if _unseen(call, size):
        return
    if function == "torch.take_along_dim" and call.axis is not None:  # it takes the rest of a division by the size
        least = most = 0
    low = -size if function.startswith("numpy.") or function == "torch.take" else 0
    value = next((value for value in (least, most) if not low <= value < size), None)
    if value is None:
        return
    of = f"axis {call.at} of x has size {size}" if call.axis is not None else f"x has {size} elements"
    takes = f"{function} takes {low} to {size - 1}" if size else "no index fits"
    yield _Wrong(f"index holds {quoted(value)}, {of}; {takes}.", _said_of_value(call, value, size))


def _unseen(call: _Call, size: int) -> bool:
    """Tell whether nobody looks at the values."""
    function = call.function
    if 0 in call.index.shape:
        return True
    if function == "torch.index_add":
        return 0 in call.shape and len(call.shape) != 1
    if function == "torch.index_copy":
        return 0 in call.shape and size > 0
    if function.startswith("numpy."):
        chosen = _result(call) if function == "numpy.take" else _chosen(call)
        return 0 in chosen and (size > 0 or function != "numpy.take")
    return False


def _chosen(call: _Call) -> tuple[int, ...]:
    """Return the shape of what an index selects that broadcasts with ``x`` off the axis."""
    return call.index.shape if call.axis is None else joined([_others(call), call.index.shape]) or ()


_SAID_OF_NOTHING = {
    "torch.take": "take(): tried to take from an empty tensor",
    "numpy.take": "cannot do a non-empty take from an empty axes.",
}


def _said_of_value(call: _Call, value: int, size: int) -> str | None:
    function, axis = call.function, call.at
    if function in ("torch.index_select", "torch.index_add"):
        return None  # it has several, and which depends on the shape
    if not size and function in _SAID_OF_NOTHING:
        return _SAID_OF_NOTHING[function]
    if function == "torch.take":
        return f"out of range: tried to access index {value} on a tensor of {size} elements."
    if function.startswith("numpy."):
        return f"index {value} is out of bounds for axis {axis} with size {size}"
    if not size and function in ("torch.take_along_dim", "torch.index_copy") and call.axis is not None:
        return "ZeroDivisionError" if function == "torch.take_along_dim" else None
    before = "index_copy_(): " if function == "torch.index_copy" else ""
    return f"{before}index {value} is out of bounds for dimension {axis} with size {size}"


def _vector(call: _Call) -> Iterator[_Wrong]:
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
    yield _Wrong(text, said[function])


def _one_of_a_number(call: _Call) -> Iterator[_Wrong]:
    if not call.shape and (count := prod(call.index.shape)) != 1:
        text = f"index has {count} positions, x has no axis; one is enough."
        yield _Wrong(text, f"index_select(): Index to scalar can have only 1 value, got {count} value(s)")


def _added(call: _Call) -> Iterator[_Wrong]:
    """Compare the source of ``index_add`` with the index and with ``x``."""
    source, count = call.source or (), prod(call.index.shape)
    if call.at and call.at >= len(source):
        text = f"source has {_count(len(source))}, x has {len(call.shape)}; both need as many."
        said = f"index_add_(): Indexing dim {call.at} is out of bounds of the source tensor with dim {len(source)}"
        yield _Wrong(text, said)
        return
    own = source[call.at] if source else 1
    if own != count:
        text = f"index has {count} positions, axis {call.at} of source has size {own}; both need as many."
        said = (
            f"index_add_(): Number of indices ({count}) should be equal to source.size(dim): ({own}), for dim: {call.at}"
            if source
            else "Dimension specified as 0 but tensor has no dimensions"
        )
        yield _Wrong(text, said, (call.at,))
    yield from _same_others(
        call,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
        f"{[*call.shape]} source.shape = {[*source]}",
    )


def _same_others(call: _Call, said: str) -> Iterator[_Wrong]:
    """Compare the sizes of the source and of ``x`` off the axis."""
    source = call.source or ()
    if len(source) != len(call.shape):
        yield _Wrong(f"source has {_count(len(source))}, x has {len(call.shape)}; both need as many.", said)
        return
    pairs = enumerate(zip(source, call.shape, strict=True))
    wrong = tuple(axis for axis, (own, size) in pairs if own != size and axis != call.at)
    if wrong:
        listed = " and ".join(f"axis {axis} has {source[axis]} in source, {call.shape[axis]} in x" for axis in wrong)
        yield _Wrong(f"{listed}; off axis {call.at} sizes are equal.", said, wrong)


def _copied_axes(call: _Call) -> Iterator[_Wrong]:
    """Compare how many axes the source of ``index_copy`` has."""
    source, count, shape = call.source or (), prod(call.index.shape), call.shape
    if not source and count != 1:
        text = f"index has {count} positions, source is one number; both need as many."
        yield _Wrong(text, f"index_copy_(): When source is scalar, index should have one element (got {count})")
        return
    if source and shape and len(source) != len(shape):
        text = f"source has {_count(len(source))}, x has {len(shape)}; both need as many."
        said = (
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({len(source)}), destination dimensionality ({len(shape)})"
        )
        yield _Wrong(text, said)


def _copied_sizes(call: _Call) -> Iterator[_Wrong]:
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
        yield _Wrong(text, said, (call.at,))


def _written(call: _Call) -> Iterator[_Wrong]:
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
        yield _Wrong(f"source has shape {source}, which does not broadcast to {chosen}, what index selects.", said)


_MOST_FIXES = 3
_CODES = {
    "torch.take_along_dim": "{function}(x, {index}, {axis})",
    "torch.take": "{function}(x, {index})",
    "torch.scatter_reduce": "{function}(x, {axis}, {index}, {source}, reduce)",
    "numpy.take_along_axis": "np.take_along_axis(x, {index}, axis={axis})",
    "numpy.take": "np.take(x, {index}, axis={axis})",
    "numpy.put_along_axis": "np.put_along_axis(x, {index}, {source}, axis={axis})",
}
_ONE_LIST = {
    "torch.gather": "torch.index_select",
    "torch.take_along_dim": "torch.index_select",
    "torch.scatter": "torch.index_copy",
    "torch.scatter_add": "torch.index_add",
    "numpy.take_along_axis": "numpy.take",
}
"""What takes one list of positions in place of an index with all axes."""
_ALL_AXES = {"torch.index_copy": "torch.scatter", "torch.index_add": "torch.scatter_add"}


@dataclass(frozen=True)
class _Written:
    """An index and a source as code makes them."""

    index: str
    indices: Indices
    source: str = "source"
    sizes: tuple[int, ...] | None = None


def _fixes(call: _Call) -> tuple[Fix, ...]:
    """Return what goes instead, of what people often mean, each held against the rule."""
    found: list[Fix] = []
    for function, written in _instead(call):
        other = replace(call, function=function, index=written.indices, source=written.sizes)
        if len(found) < _MOST_FIXES and not any(True for _ in _wrong(other)):
            code = _CODES.get(
                function,
                "{function}(x, {axis}, {index}, {source})"
                if written.sizes is not None
                else "{function}(x, {axis}, {index})",
            )
            fix = Fix(
                code.format(function=function, axis=call.axis, index=written.index, source=written.source),
                _result(other),
            )
            found += [fix] * (fix not in found)
    if call.function == "torch.index_select" and len(call.index.shape) > 1 and not call.index.bounds[0] < 0:
        shape = call.shape[: call.at] + call.index.shape + call.shape[call.at + 1 :]
        if not any(True for _ in _wrong(replace(call, index=replace(call.index, shape=(prod(call.index.shape),))))):
            found.append(Fix(f"x[{':, ' * call.at}index]", shape))
    return tuple(found)


def _instead(call: _Call) -> Iterator[tuple[str, _Written]]:
    """Yield calls that may be meant, the nearest first."""
    given = _Written("index", call.index, sizes=call.source)
    if call.function in _DTYPES and given.indices.dtype not in _DTYPES[call.function]:
        given = replace(given, index="index.long()", indices=replace(call.index, dtype="int64"))
    size = prod(call.shape) if call.axis is None else call.shape[call.at] if call.shape else 1
    least, most = call.index.bounds
    if call.function in _DTYPES and -size <= least < 0 and most < size and call.function != "torch.take":
        own = call.index.bounds if least >= 0 else (0, max(most, size - 1))
        given = replace(given, index=f"{given.index} % {size}", indices=replace(given.indices, bounds=own))
    if call.source is not None and len(call.index.shape) == 1 and call.function in _ONE_LIST:
        yield _ONE_LIST[call.function], given
    for written in (given, *_reshaped(call, given)):
        yield call.function, written
    if call.function == "torch.gather":
        yield "torch.take_along_dim", given
    if len(call.index.shape) == 1 and call.function in _ONE_LIST and call.axis is not None:
        yield _ONE_LIST[call.function], given
    if call.index.shape == call.source and call.function in _ALL_AXES:
        yield _ALL_AXES[call.function], given


def _reshaped(call: _Call, given: _Written) -> Iterator[_Written]:
    """Yield the index, and the source, with other axes."""
    shape, rank, source = given.indices.shape, len(call.shape), call.source
    code = f"({given.index})" if "%" in given.index else given.index
    if len(shape) == rank - 1:
        for at in dict.fromkeys((call.at, rank - 1)):
            indices = replace(given.indices, shape=(*shape[:at], 1, *shape[at:]))
            added = "..., None" if at == rank - 1 else ":, " * at + "None"
            column = f"{code}[{added}]"
            if source is None or indices.shape == source or call.function.startswith("numpy."):
                yield replace(given, index=column, indices=indices)
            elif source is not None and joined([indices.shape, source]) == source:
                wide = replace(indices, shape=source)
                yield replace(given, index=f"{column}.expand_as(source)", indices=wide)
    for at, size in enumerate(shape):
        if len(shape) == rank + 1 and size == 1:
            indices = replace(given.indices, shape=shape[:at] + shape[at + 1 :])
            yield replace(given, index=f"{code}.squeeze({at})", indices=indices)
    if source is None:
        return
    if call.function in ("torch.index_add", "torch.index_copy") and len(shape) > 1:
        until = call.at + len(shape)
        if source[call.at : until] == shape:
            flat = (*source[: call.at], prod(shape), *source[until:])
            indices = replace(given.indices, shape=(prod(shape),))
            yield _Written(f"{code}.flatten()", indices, f"source.flatten({call.at}, {until - 1})", flat)
    elif "scatter" in call.function and joined([source, shape]) == shape and source:
        yield replace(given, source="source.expand_as(index)", sizes=shape)


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
