"""The shape of ``x[index]``, and whether it is a view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from tensorref import _picture
from tensorref._arguments import as_library, length, quoted
from tensorref._explanation import WARNS, Illustrated, TensorrefError
from tensorref._shape import MAX_RANK, as_shape, index_of, joined, number_of
from tensorref._typing import ShapeLike
from tensorref.indexing._items import (
    KINDS,
    ArrayMask,
    Indices,
    Kind,
    Library,
    Mask,
    is_tuple_to_pytorch,
    item_of,
    values_of,
)
from tensorref.indexing._words import WORDS

_ARRAYS = ("array", "mask")
_MOST_PARTS = 2 * MAX_RANK  # as in NumPy
_MOST_PICKS = 128  # numbers of an index array that are kept for its picture
_MOST_READ = 4096  # elements that index arrays pick together and a picture marks
_MOST_VALUES = 10_000_000  # elements whose numbers fit into their cells
_ARRAY_HUE, _NEW_HUE, _GONE_HUE = 1, 2, 3
_WHOLE = [slice(start, None, step) for start in (None, 0) for step in (None, 1)]


class IndexingError(TensorrefError, ValueError, IndexError):
    """Raised for an index that does not go with the shape; its ``explanation`` has all that is wrong.

    >>> from tensorref import indexing
    >>> try:
    ...     indexing.result_shape((2, 3), (2, 3))
    ... except indexing.IndexingError as error:
    ...     print(len(error.explanation.reasons))
    2
    """

    __module__ = "tensorref.indexing"

    explanation: Explanation


def result_shape(shape: ShapeLike, index: object, *, library: Library = "numpy") -> tuple[int, ...]:
    """Return the shape of ``x[index]`` for an array of `shape`.

    >>> from tensorref import indexing
    >>> indexing.result_shape((4, 32, 64), (..., None, slice(0, 8)))
    (4, 32, 1, 8)
    >>> indexing.result_shape((50257, 64), [[5, 23, 7], [42, 0, 0]])
    (2, 3, 64)

    Parameters
    ----------
    shape
        An int, a sequence of ints or the ``.shape`` of an array.
    index
        What stands in the brackets; several are a tuple, and a colon is ``slice(None)``. A list, nested or not, stands
        for the array or tensor that it makes. Where there are no values, `Indices` and `Mask` stand for them.
    library
        Whose rule: they differ for an int beside index arrays, for negative steps, and for dtypes of index tensors.

    Returns
    -------
    :
        The shape of the result.

    Raises
    ------
    IndexingError
        If the index does not go with the shape; it is an IndexError too. Two ellipses are wrong even where PyTorch
        lets them pass.
    TypeError
        If something in `index` is not an index, such as a fraction.

    See Also
    --------
    explain : the same entry by entry, for an index that is wrong too.

    Examples
    --------
    A mask gives one axis, of as many elements as it has True:

    >>> indexing.result_shape((2, 3, 4), indexing.Mask((2, 3), count=5))
    (5, 4)

    Index arrays that a slice parts come first:

    >>> indexing.result_shape((2, 3, 4), ([0, 1], slice(None), [0, 2]))
    (2, 3)
    >>> indexing.result_shape((2, 3, 4), (0, 3))
    Traceback (most recent call last):
    ...
    tensorref.indexing.IndexingError: index[1] is 3, axis 1 has size 3; give an int from -3 to 2.
    """
    result, _ = _accepted(shape, index, library)
    return result


def is_view(shape: ShapeLike, index: object, *, library: Library = "numpy") -> bool:
    """Tell whether ``x[index]`` is a view of `x`, so that writing to one changes the other.

    >>> from tensorref import indexing
    >>> indexing.is_view((4, 32, 64), (0, slice(None, 8))), indexing.is_view((4, 32, 64), [0, 1])
    (True, False)

    Parameters
    ----------
    shape, index, library
        As for `result_shape`.

    Returns
    -------
    :
        True without masks and index arrays; False with them (NumPy's advanced indexing copies, even ``x[True]``). With
        an int for every axis NumPy gives a scalar, a copy, and PyTorch a view.

    Raises
    ------
    IndexingError, TypeError
        As `result_shape` does.

    See Also
    --------
    numpy.shares_memory : asks it of two arrays that are there.

    Examples
    --------
    >>> indexing.is_view((2, 3), (0, 0)), indexing.is_view((2, 3), (0, 0), library="torch")
    (False, True)

    Assigning to ``x[index]`` writes to `x` in either case; assigning to a name that holds a copy does not:

    >>> import torch
    >>> x = torch.zeros(3)
    >>> first, picked = x[:1], x[[0]]
    >>> x[[0]] = 7
    >>> first, picked
    (tensor([7.]), tensor([0.]))
    """
    _, view = _accepted(shape, index, library)
    return view


def explain(shape: ShapeLike, index: object, *, library: Library = "numpy") -> Explanation:
    """Explain entry by entry what ``x[index]`` selects, or all that is wrong with the index.

    >>> from tensorref import indexing
    >>> print(indexing.explain((2, 3, 4), (0, slice(None), [0, 1])))
    index    0      :  [0, 1]
    kind   int  slice   array
    axis     0      1       2
    size     2      3       4
    gives    –      3       2
    * The result has shape (2, 3), 6 elements: a copy.
    * The index arrays broadcast to (2,). Something stands between them, so this comes first in the result.
    * ⚠ PyTorch differs: shape (3, 2), a copy.

    Parameters
    ----------
    shape, index, library
        As for `result_shape`.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram.

    Raises
    ------
    TypeError
        If something in `index` is not an index.

    See Also
    --------
    numpy.newaxis : the name of ``None`` in an index.
    torch.unsqueeze : inserts an axis without an index.

    Examples
    --------
    >>> print(indexing.explain((4, 32, 64), (slice(None), slice(None, None, -1)), library="torch"))
    index      :   ::-1       ...
    kind   slice  slice  ellipsis
    axis       0      1         2
    size       4     32        64
    gives      4      ?        64
    * index[1] has step -1, PyTorch takes positive ones; reverse with torch.flip(x, dims=[1]), which copies, and slice that with step 1.
    * ⚠ NumPy differs: shape (4, 32, 64), a view.
    """
    return _compared(_explain(as_shape(shape, "shape"), index, library, picks=True), index)


@dataclass(frozen=True)
class Explanation(Illustrated):
    """All that an index does to a shape, or all that is wrong with it: what `explain` returns.

    >>> from tensorref import indexing
    >>> explanation = indexing.explain((2, 3, 4), (slice(None), [0, 2, 2]))
    >>> explanation.result, explanation.view, explanation.joint, explanation.position
    ((2, 3, 4), False, (3,), 1)
    """

    shape: tuple[int, ...]
    library: Library
    entries: tuple[Entry, ...]
    """What stands in the brackets, with an ellipsis at the end where that leaves axes over."""
    joint: tuple[int, ...] | None
    """What index arrays and masks broadcast to; None without any."""
    position: int | None
    """The axis of the result at which `joint` begins."""
    apart: bool
    """Whether it comes first because something stands between the index arrays."""
    result: tuple[int, ...] | None
    """The shape of the result; None where the index is refused."""
    view: bool | None
    """Whether the result shares memory with its source."""
    conflicts: tuple[int, ...]
    """The entries that do not go with their axes, counted from 0."""
    reasons: tuple[str, ...]
    """A sentence for everything that is wrong."""
    steps: tuple[str, ...]
    """A sentence for each step, which are shape, entries, index arrays, result or problems."""
    other: str | None = None
    """What the other library does, where it differs."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: index, kind, axis, size, and the sizes that each entry gives."""
        return (
            (WORDS["index"], *(entry.code for entry in self.entries)),
            (WORDS["kind"], *(WORDS[entry.kind] for entry in self.entries)),
            (WORDS["axis"], *(_listed(entry.axes) for entry in self.entries)),
            (WORDS["size"], *(_listed(entry.sizes) for entry in self.entries)),
            (WORDS["gives"], *("?" if entry.gives is None else _listed(entry.gives) for entry in self.entries)),
        )

    def notes(self) -> tuple[str, ...]:
        """Return the result and why it is so, or the problems, a sentence each."""
        notes = [*self.reasons] or [self.steps[-1], *(self.steps[2:3] if self.joint else [])]
        return (*notes, *([f"{WARNS}{self.other}"] if self.other else []))

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        return self.steps[0], " ".join(self.steps[1:])

    def _drawn(self) -> _picture.Drawing:
        """Draw the source with what is read, and the result with the same numbers where they come to stand."""
        has_values = prod(self.shape) <= _MOST_VALUES
        is_known = all(entry.picks is not None for entry in self.entries if entry.kind in _ARRAYS)
        picked = self._picked() if is_known and self.result is not None else []
        read = {*picked}

        def cell(index: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            text = str(number_of(index, self.shape)) if has_values else ""
            return text, _picture.READ if self._reads(index, read) else _picture.STORED

        def picked_cell(index: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            text = str(number_of(self._source(index), self.shape)) if has_values and is_known else ""
            return text, _picture.RESULT if self.view else _picture.RESULT._replace(dash="3 3")

        source = _picture.planes(self._sides(picked), cell)
        source.heading(f"x {self.shape}")
        if self.result is None:
            result = _picture.refusal("?")
        else:
            result = _picture.planes(self._result_sides(), picked_cell)
            memory = WORDS["view" if self.view else "copy"]
            result.heading(WORDS["drawn"].format(shape=self.result, memory=memory))
        return _picture.flow([source, result], ["→"])

    def _sides(self, picked: Sequence[tuple[int, ...]]) -> list[_picture.Side]:
        """Return the axes of the source, each with the entry that takes it."""
        sides: list[_picture.Side] = []
        taken = 0  # axes by index arrays
        for entry in self.entries:
            for place, size in enumerate(entry.sizes):
                wanted: Sequence[int] = ()
                if entry.kind == "slice" and entry.picks and entry.gives:
                    start, step = entry.picks
                    wanted = [start + step * at for at in range(min(*entry.gives, 3))] if entry.gives[0] < size else ()
                elif entry.kind == "int":
                    wanted = entry.picks or ()
                elif entry.kind in _ARRAYS:
                    wanted = [index[taken + place] for index in picked]
                hue = _ARRAY_HUE if entry.kind in _ARRAYS else _GONE_HUE if entry.kind == "int" else 0
                label = WORDS["axis.code"].format(code=entry.code, size=size)
                sides.append(_picture.Side(size, label, hue, entry.gives is None, wanted))
            taken += len(entry.axes) if entry.kind in _ARRAYS else 0
        left = self.shape[len(sides) :]
        return [*sides, *(_picture.Side(size, str(size), 0) for size in left)]

    def _result_sides(self) -> list[_picture.Side]:
        """Return the axes of the result, those of index arrays and those that are new by their hue."""
        own = [
            _picture.Side(size, "1 (None)" if entry.kind == "newaxis" else str(size), hue)
            for entry in self.entries
            if entry.kind not in _ARRAYS
            for size, hue in ((size, _NEW_HUE if entry.kind == "newaxis" else 0) for size in entry.gives or ())
        ]
        at = self.position or 0
        return [*own[:at], *(_picture.Side(size, str(size), _ARRAY_HUE) for size in self.joint or ()), *own[at:]]

    def _picked(self) -> list[tuple[int, ...]]:
        """Return where index arrays and masks read along their axes, in the order of `joint`; none where they are many."""
        arrays = [entry for entry in self.entries if entry.kind in _ARRAYS]
        joint = self.joint or ()
        indices = [index_of(number, joint) for number in range(prod(joint))] if prod(joint) <= _MOST_READ else []
        return [tuple(place for entry in arrays for place in entry.places(index)) for index in indices]

    def _reads(self, index: tuple[int, ...], picked: set[tuple[int, ...]]) -> bool:
        """Tell whether an element of the source is read."""
        own: list[int] = []
        at = 0
        for entry in self.entries:
            places = index[at : at + len(entry.axes)]
            at += len(entry.axes)
            if entry.kind in _ARRAYS:
                own += places
            elif entry.kind == "int" and places != entry.picks:
                return False
            elif entry.kind == "slice" and entry.picks and entry.gives:
                start, step = entry.picks
                if (places[0] - start) % step or not 0 <= (places[0] - start) // step < entry.gives[0]:
                    return False
        return tuple(own) in picked

    def _source(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Return where the source has an element of the result."""
        at, count = self.position or 0, len(self.joint or ())
        joint, own = index[at : at + count], iter(index[:at] + index[at + count :])
        source: list[int] = []
        for entry in self.entries:
            if entry.kind in _ARRAYS:
                source += entry.places(joint)
            elif entry.kind == "slice" and entry.picks:
                start, step = entry.picks
                source.append(start + step * next(own))
            elif entry.kind == "int":
                source += entry.picks or ()
            else:
                taken = [next(own) for _ in entry.gives or ()]
                source += taken if entry.axes else ()
        return tuple(source)


@dataclass(frozen=True)
class Entry:
    """One of the things between the brackets.

    >>> from tensorref import indexing
    >>> indexing.explain((2, 3, 4), (0, ...)).entries[1]
    Entry(code='...', kind='ellipsis', axes=(1, 2), sizes=(3, 4), gives=(3, 4), picks=None)
    """

    code: str
    kind: Kind
    axes: tuple[int, ...]
    """The axes of the source that it takes, none for ``None``, one for each axis of a mask."""
    sizes: tuple[int, ...]
    """Their sizes."""
    gives: tuple[int, ...] | None
    """Its own sizes in the result; those of index arrays and masks broadcast together first. None where it is wrong."""
    picks: tuple[int, ...] | None = None
    """The place of an int, the first place and the step of a slice, or the places that an index array picks or where a mask
    is True, in row-major order. None for the others, and where they are more than 128 or not known."""

    def places(self, index: Sequence[int]) -> tuple[int, ...]:
        """Return where an index array or a mask reads for one element of what they all broadcast to.

        Parameters
        ----------
        index
            The index of that element.

        Returns
        -------
        :
            A place on each axis that it takes, if `picks` is known.
        """
        own = self.gives or ()
        last = index[len(index) - len(own) :]
        number = number_of([at if size > 1 else 0 for at, size in zip(last, own, strict=True)], own)
        place = (self.picks or ())[number]
        return (place,) if self.kind == "array" else index_of(place, self.sizes)


def _explain(shape: tuple[int, ...], index: Any, library: Any, *, picks: bool = False) -> Explanation:
    library = as_library(library)
    given = [("index", index)]
    if isinstance(index, tuple) or (library == "torch" and is_tuple_to_pytorch(index)):
        given = [(f"index[{n}]", item) for n, item in enumerate(index[:_MOST_PARTS])]
    parts = [(where, *item_of(item, where, library)) for where, item in given]
    entries, problems = _entries(shape, parts, library)
    if len(parts) > 1 and len(index) > _MOST_PARTS:
        problems = [WORDS["parts"].format(count=len(index), most=_MOST_PARTS)]
    for place, ((_, part), (_, item, _)) in enumerate(zip(given, parts, strict=True)):
        if picks and place < len(entries):
            entries[place] = replace(entries[place], picks=_picks(part, item, entries[place]))
    arrays = [entry.gives or () for entry in entries if entry.kind in _ARRAYS]
    result: tuple[int, ...] = ()
    joint, position, apart = joined(arrays), 0, False
    if joint is None:
        problems.append(WORDS["joint.wrong"].format(shapes=", ".join(map(str, arrays))))
    elif not problems:
        position, apart, result = _placed(entries, joint, library)
        for (where, item, _), entry in zip(parts, entries, strict=False):
            # Nobody looks at the values where nothing is selected: in NumPy by the arrays, in PyTorch by anything.
            unseen = 0 in joint or (library == "torch" and 0 in result and 0 not in entry.sizes)
            if isinstance(item, Indices) and not (unseen and item.shape):
                problems += _out_of_range(item.bounds, where, entry)
        if library == "numpy":
            problems += _beyond(entries, result)
    # An int for every axis leaves a scalar in NumPy, which is no part of the array.
    view = not arrays and (library == "torch" or any(entry.kind != "int" for entry in entries))
    explanation = Explanation(
        shape=shape,
        library=library,
        entries=tuple(entries),
        joint=joint if arrays else None,
        position=position if arrays and not problems else None,
        apart=apart,
        result=None if problems else result,
        view=None if problems else view,
        conflicts=tuple(place for place, entry in enumerate(entries) if entry.gives is None),
        reasons=tuple(problems),
        steps=(),
    )
    return replace(explanation, steps=_steps(explanation))


def _steps(explanation: Explanation) -> tuple[str, ...]:
    listed = [
        WORDS["entry"].format(
            code=entry.code,
            kind=WORDS[entry.kind],
            takes=WORDS["entry.takes" if entry.axes else "entry.none"].format(
                axes=_listed(entry.axes), sizes=_listed(entry.sizes)
            ),
            gives=WORDS[
                "entry.wrong" if entry.gives is None else "entry.gives" if entry.gives else "entry.none"
            ].format(sizes=_listed(entry.gives or ())),
        )
        for entry in explanation.entries
    ]
    facts = {
        "joint": explanation.joint,
        "position": explanation.position,
        "shape": explanation.result,
        "elements": prod(explanation.result or ()),
        "memory": WORDS["view" if explanation.view else "copy"],
    }
    joint = "joint.apart" if explanation.apart else "joint.together"
    if explanation.position is None:
        joint = "joint.open" if any(entry.kind in _ARRAYS for entry in explanation.entries) else "joint.none"
    return (
        WORDS["shape"].format(shape=explanation.shape),
        WORDS["entries"].format(entries="; ".join(listed)) if listed else WORDS["entries.none"],
        WORDS[joint].format(**facts),
        " ".join(explanation.reasons) or WORDS["success"].format(**facts),
    )


def _entries(
    shape: tuple[int, ...], parts: Sequence[tuple[str, Any, str]], library: Library
) -> tuple[list[Entry], list[str]]:
    """Return what each part takes and gives, and what is wrong with any."""
    problems: list[str] = []
    ellipses = sum(item is ... for _, item, _ in parts)
    extra = sum(_takes(item) for _, item, _ in parts) - len(shape)
    # PyTorch counts a mask that is not a tensor for one axis, even one without axes.
    counted = sum(1 if isinstance(item, ArrayMask) else _takes(item) for _, item, _ in parts) - len(shape)
    left = -counted if library == "torch" else -extra
    spare = _spare([item for _, item, _ in parts], len(shape), left) if library == "torch" and left >= 0 else set[int]()
    extra -= len(spare)
    if ellipses > 1:
        problems.append(WORDS["ellipses"].format(count=ellipses))
    if extra > 0:
        problems.append(WORDS["take"].format(taken=len(shape) + extra, shape=shape, rank=len(shape), extra=extra))
    elif library == "torch" and counted > 0:
        problems.append(_counted_for_one(parts))
    entries: list[Entry] = []
    is_open = extra < 0 and not (ellipses and left == -extra)
    for where, item, code in [*parts, ("", ..., "...")] if is_open else parts:
        start = sum(len(entry.axes) for entry in entries)
        if len(entries) in spare:
            entries.append(Entry(code, "slice", (), (), ()))
            continue
        takes = max(left if ellipses and where else len(shape) - start, 0) if item is ... else _takes(item)
        axes = tuple(range(len(shape)))[start : start + takes]
        if item is ... and (len(axes) == takes or spare.issuperset(range(len(entries) + 1, len(parts)))):
            takes = len(axes)  # PyTorch does not mind one that stands for too many axes at the end
        entry = Entry(code, KINDS[type(item)], axes, tuple(shape[axis] for axis in axes), None)
        if len(axes) == takes:
            wrong = [*_wrong(item, where, entry, library)]
            problems += wrong
            entry = entry if wrong else replace(entry, gives=_gives(item, entry.sizes))
        elif extra <= 0 and not problems:
            problems.append(_counted_for_one(parts))
        entries.append(entry)
    return entries, problems


def _spare(items: Sequence[Any], rank: int, left: int) -> set[int]:
    """Return which items are whole slices beyond the last axis: PyTorch passes them over, if it does not count them."""
    spare: set[int] = set()
    start = 0
    for place, item in enumerate(items):
        if isinstance(item, slice) and item in _WHOLE and start >= rank:
            spare.add(place)
        start += left if item is ... else _takes(item)
    after = items[min(spare) :] if spare else []
    return spare if all(item is ... or isinstance(item, slice) for item in after) else set()


def _counted_for_one(parts: Sequence[tuple[str, Any, str]]) -> str:
    where, mask = next((where, item.shape) for where, item, _ in parts if isinstance(item, ArrayMask))
    return WORDS["mask.counted"].format(where=where, mask=mask)


def _accepted(shape: ShapeLike, index: object, library: Any) -> tuple[tuple[int, ...], bool]:
    """Return the shape of what an index selects and whether it is a view, or raise an error where it selects nothing."""
    sizes = as_shape(shape, "shape")
    explanation = _explain(sizes, index, library)
    if explanation.result is None or explanation.view is None:
        raise IndexingError(" ".join(explanation.reasons), explain(sizes, index, library=library))
    return explanation.result, explanation.view


def _compared(explanation: Explanation, index: object) -> Explanation:
    """Return the explanation with what the other library does, where it differs."""
    library = "torch" if explanation.library == "numpy" else "numpy"
    try:
        other = _explain(explanation.shape, index, library)
    except TypeError as error:
        text = WORDS["other.problem"].format(library=WORDS[library], problem=f"{error}.")
        return replace(explanation, other=text)
    if (other.result, other.view) == (explanation.result, explanation.view):
        return explanation
    words = WORDS["other.problem" if other.reasons else "other"]
    text = words.format(
        library=WORDS[other.library],
        shape=other.result,
        memory=WORDS["view" if other.view else "copy"],
        problem=" ".join(other.reasons),
    )
    return replace(explanation, other=text)


def _beyond(entries: Sequence[Entry], result: tuple[int, ...]) -> Iterator[str]:
    """Say what is more than NumPy takes: axes of the result, or index arrays."""
    if len(result) > MAX_RANK:
        yield WORDS["rank"].format(rank=len(result), most=MAX_RANK)
    arrays = sum(max(len(entry.axes), 1) for entry in entries if entry.kind in _ARRAYS)
    others = [entry for entry in entries if entry.kind not in _ARRAYS]
    most = MAX_RANK - (prod(size for entry in others for size in entry.gives or ()) == 1)
    if arrays > most and not (len(entries) == 1 and entries[0].kind == "mask"):
        yield WORDS["arrays"].format(count=arrays, most=most)


def _takes(item: Any) -> int:
    """Return how many axes of the source an item takes, an ellipsis aside."""
    return len(item.shape) if isinstance(item, Mask) else int(item is not None and item is not ...)


def _gives(item: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(item, slice):
        return (length(range(*item.indices(*sizes))),)
    if isinstance(item, Indices):
        return item.shape
    if isinstance(item, Mask):
        return (item.count,)
    return (1,) if item is None else sizes if item is ... else ()


def _picks(given: Any, item: Any, entry: Entry) -> tuple[int, ...] | None:
    """Return where an entry reads, as far as it is short and known."""
    if entry.gives is None:
        return None
    if isinstance(item, int):
        return (item % entry.sizes[0],)
    if isinstance(item, slice):
        start, _, step = item.indices(*entry.sizes) if entry.axes else (None, None, None)
        return None if start is None or step is None else (start, step)
    known = isinstance(item, (Indices, Mask)) and prod(item.shape) <= _MOST_PICKS
    values = values_of(given, _MOST_PICKS) if known else None
    if values is None or len(values) != prod(item.shape):
        return None
    if isinstance(item, Mask):
        return tuple(place for place, value in enumerate(values) if value)
    return tuple(value + entry.sizes[0] if value < 0 else value for value in values)


def _wrong(item: Any, where: str, entry: Entry, library: Library) -> Iterator[str]:
    if isinstance(item, int):
        yield from _out_of_range((item, item), where, entry)
    if isinstance(item, ArrayMask) and item.is_scalar and library == "torch":
        yield WORDS["mask.scalar"].format(where=where)
    # NumPy does not compare an axis of size 0, which selects nothing.
    if isinstance(item, Mask) and any(
        own != size and (own or library == "torch") for own, size in zip(item.shape, entry.sizes, strict=True)
    ):
        yield WORDS["mask.shape"].format(where=where, mask=item.shape, sizes=entry.sizes)
    if isinstance(item, Indices) and library == "torch" and item.dtype[0] in "<>":
        yield WORDS["byteorder"].format(where=where, dtype=item.dtype, name=item.dtype[1:])
    elif isinstance(item, Indices) and library == "torch" and item.dtype not in ("int32", "int64"):
        yield WORDS["dtype"].format(where=where, dtype=item.dtype)
    if isinstance(item, slice):
        step = 1 if item.step is None else item.step
        if step == 0:
            yield WORDS["step.zero"].format(where=where)
        elif step < 0 and library == "torch":
            yield WORDS["step.negative"].format(
                where=where, step=quoted(step), axis=entry.axes[0], positive=quoted(-step)
            )


def _out_of_range(bounds: tuple[int, int], where: str, entry: Entry) -> Iterator[str]:
    (axis,), (size,) = entry.axes, entry.sizes
    for value in [value for value in bounds if not -size <= value < size][:1]:
        has = WORDS["range.is" if entry.kind == "int" else "range.holds"]
        words = WORDS["range" if size else "range.empty"]
        yield words.format(where=where, has=has, value=quoted(value), axis=axis, size=size, low=-size, high=size - 1)


def _placed(entries: Sequence[Entry], joint: tuple[int, ...], library: Library) -> tuple[int, bool, tuple[int, ...]]:
    """Return where the axes of index arrays begin, whether something parts them, and the shape of the result."""
    numpy = library == "numpy"
    # To NumPy an int beside arrays is one of them, and even an ellipsis that stands for no axis parts them. PyTorch
    # has applied both before it comes to the arrays.
    members = ("int", *_ARRAYS) if numpy else _ARRAYS
    places = [n for n, entry in enumerate(entries) if entry.kind in members]
    between = entries[places[0] : places[-1]] if places else []
    apart = any(entry.kind not in members and (numpy or entry.gives) for entry in between)
    own = [(n, size) for n, entry in enumerate(entries) if entry.kind not in _ARRAYS for size in entry.gives or ()]
    position = 0 if apart or not places else sum(n < places[0] for n, _ in own)
    sizes = [size for _, size in own]
    return position, apart, (*sizes[:position], *joint, *sizes[position:])


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes)) or "–"
