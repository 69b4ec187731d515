"""Gather, scatter and what is like them: an index that picks along one axis, explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any, get_args

from tensorref._arguments import as_choice, as_int, attribute, quoted
from tensorref._explanation import Diagram, Fix, Messages
from tensorref._shape import as_shape, joined
from tensorref._typing import ShapeLike
from tensorref.indexing._gather_rule import DTYPES, Call, Gathering, Scattering, result_of, wrong_with
from tensorref.indexing._items import Indices, indices_of


def explain_gather(
    shape: ShapeLike, axis: int | None, index: ShapeLike | Indices, *, function: Gathering = "torch.gather"
) -> GatherExplanation:
    """Explain which shape an index may have that reads along an axis, as in ``torch.gather(x, axis, index)``.

    >>> from tensorref import indexing
    >>> print(indexing.explain_gather((4, 128, 50257), -1, (4, 128)))
    axis      0     1      2
    x         4   128  50257
    index     4   128      –
    rule   fits  fits   axis
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
        If an argument is not a shape, not an axis or not one of these functions. What the function refuses is no error here.

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
    * torch.take_along_dim(x, index % 3, 1) gives (2, 1).
    >>> index = indexing.Indices((2, 1), bounds=(-1, 2))
    >>> indexing.explain_gather((2, 3), 1, index, function="numpy.take_along_axis").result
    (2, 1)
    """
    as_choice(function, "function", get_args(Gathering))
    return _explained(Call(function, as_shape(shape, "shape"), _as_axis(axis, function), _as_index(index), None))


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
    axis        0     1   2
    x       50257    64   –
    index       8   128   –
    source      8   128  64
    rule     axis  fits   ?
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
    as_choice(function, "function", get_args(Scattering))
    sizes = as_shape(source, "source")
    return _explained(Call(function, as_shape(shape, "shape"), _as_axis(axis, function), _as_index(index), sizes))


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
    reasons: tuple[str, ...]
    """A sentence for everything that is wrong."""
    messages: Messages | None
    """What the library says, letter for letter, for float32 on the CPU; of several things that are wrong the first. None
    where nothing is wrong, or where what it says depends on the device."""
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
        said = self.messages.notes() if self.messages else ()
        if self.result is not None:
            return (f"The result has shape {self.result}, {prod(self.result):,} elements.",)
        return (*self.reasons, *said, *(f"{fix.code} gives {fix.result}." for fix in self.fixes))


_WITHOUT_AXIS = ("torch.take_along_dim", "numpy.take_along_axis", "numpy.put_along_axis", "numpy.take", "torch.take")


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


def _explained(call: Call) -> GatherExplanation:
    wrong = [*wrong_with(call)]
    return GatherExplanation(
        function=call.function,
        shape=call.shape,
        axis=call.axis,
        index=call.index.shape,
        source=call.source,
        result=None if wrong else result_of(call),
        conflicts=tuple(sorted({axis for one in wrong for axis in one.conflicts})),
        reasons=tuple(one.text for one in wrong),
        messages=_messages(call.function, wrong[0].message) if wrong else None,
        fixes=_fixes(call) if wrong else (),
    )


def _messages(function: str, message: str | None) -> Messages | None:
    if message is None:
        return None
    return Messages(None, message) if function.startswith("torch.") else Messages(message, None)


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


def _fixes(call: Call) -> tuple[Fix, ...]:
    """Return what goes instead, of what people often mean, each held against the rule."""
    found: list[Fix] = []
    for function, written in _instead(call):
        other = replace(call, function=function, index=written.indices, source=written.sizes)
        if len(found) < _MOST_FIXES and not any(True for _ in wrong_with(other)):
            code = _CODES.get(
                function,
                "{function}(x, {axis}, {index}, {source})"
                if written.sizes is not None
                else "{function}(x, {axis}, {index})",
            )
            fix = Fix(
                code.format(function=function, axis=call.axis, index=written.index, source=written.source),
                result=result_of(other),
            )
            found += [fix] * (fix not in found)
    if call.function == "torch.index_select" and len(call.index.shape) > 1 and not call.index.bounds[0] < 0:
        shape = call.shape[: call.at] + call.index.shape + call.shape[call.at + 1 :]
        if not any(True for _ in wrong_with(replace(call, index=replace(call.index, shape=(prod(call.index.shape),))))):
            found.append(Fix(f"x[{':, ' * call.at}index]", result=shape))
    return tuple(found)


def _instead(call: Call) -> Iterator[tuple[str, _Written]]:
    """Yield calls that may be meant, the nearest first."""
    given = _Written("index", call.index, sizes=call.source)
    if call.function in DTYPES and given.indices.dtype not in DTYPES[call.function]:
        given = replace(given, index="index.long()", indices=replace(call.index, dtype="int64"))
    size = call.size
    least, most = call.index.bounds
    if call.function in DTYPES and -size <= least < 0 and most < size and call.function != "torch.take":
        given = replace(given, index=f"{given.index} % {size}", indices=replace(given.indices, bounds=(0, size - 1)))
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


def _reshaped(call: Call, given: _Written) -> Iterator[_Written]:
    """Yield the index, and the source, with other axes."""
    shape, rank, source = given.indices.shape, len(call.shape), call.source
    code = f"({given.index})" if "%" in given.index else given.index
    if len(shape) == rank - 1:
        for at in dict.fromkeys((call.at, rank - 1)):
            indices = replace(given.indices, shape=(*shape[:at], 1, *shape[at:]))
            added = "..., None" if at == rank - 1 else ":, " * at + "None"
            column = f"{code}[{added}]"
            if source in (None, indices.shape) or call.function.startswith("numpy."):
                yield replace(given, index=column, indices=indices)
            elif joined([indices.shape, source or ()]) == source:
                wide = replace(indices, shape=source)
                yield replace(given, index=f"{column}.expand_as(source)", indices=wide)
    for at, size in enumerate(shape):
        if len(shape) == rank + 1 and size == 1:
            indices = replace(given.indices, shape=shape[:at] + shape[at + 1 :])
            yield replace(given, index=f"{code}.squeeze({at})", indices=indices)
    if source is not None:
        yield from _with_source(call, given, source)


def _with_source(call: Call, given: _Written, source: tuple[int, ...]) -> Iterator[_Written]:
    """Yield the index and the source with the axes of one in the other."""
    shape = given.indices.shape
    code = f"({given.index})" if "%" in given.index else given.index
    if call.function in ("torch.index_add", "torch.index_copy") and len(shape) > 1:
        until = call.at + len(shape)
        if source[call.at : until] == shape:
            flat = (*source[: call.at], prod(shape), *source[until:])
            indices = replace(given.indices, shape=(prod(shape),))
            yield _Written(f"{code}.flatten()", indices, f"source.flatten({call.at}, {until - 1})", flat)
    elif "scatter" in call.function and joined([source, shape]) == shape and source:
        yield replace(given, source="source.expand_as(index)", sizes=shape)
