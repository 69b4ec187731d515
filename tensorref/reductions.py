"""A reduction makes one number out of many along an axis: a sum, a mean, a maximum, a norm.

The axis that is named is the one that goes. A softmax runs along an axis too, but keeps it: along the wrong one the shape is
right, and every number is wrong.

>>> from tensorref import reductions
>>> reductions.result_shape((32, 10, 64), axis=1)
(32, 64)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import ClassVar, Literal

from tensorref import _picture
from tensorref._arguments import as_flag, as_int, as_name, length, quoted
from tensorref._explanation import Fix, Messages, ShapeRule, TensorrefError
from tensorref._shape import MAX_RANK, as_shape, joined, number_of
from tensorref._typing import ShapeLike
from tensorref._words import Templates

__all__ = ["Axis", "Explanation", "ReductionError", "explain", "result_shape"]

_MOST_VALUES = 200  # elements whose numbers are drawn, with their sums
_LARGEST_INT = 2**31  # a library counts axes below it, and above it says something else
_HUES = 3

WORDS: Mapping[str, str] = Templates(
    {
        "axis": "axis",
        "last": "or",
        "size": "size",
        "verdict": "verdict",
        "result": "result",
        "kept": "kept",
        "reduced": "reduced",
        "none": "–",
        "shape": "{name} has shape {shape}.",
        "axes.all": "No axis is named, so all of them are reduced.",
        "axes.none": "There is no axis to reduce.",
        "axes.one": "Axis {axes} is reduced: it has size {sizes}.",
        "axes.several": "The axes {axes} are reduced: they have sizes {sizes}.",
        "axes.wrong": "No axis is reduced while something is wrong.",
        "groups": "Each element of the result is made of {terms:,} {terms|element|elements}, such as {group}.",
        "groups.none": "There is no element to reduce.",
        "success": "The result has shape {shape}, {elements:,} {elements|element|elements}.",
        "success.kept": "The result has shape {shape}, {elements:,} {elements|element|elements}: what is reduced stays with size 1.",
        "failure.range": "axis is {axis}, {name} of shape {shape} has {count} {count|axis|axes}; write one from {low} to {high}.",
        "failure.scalar": "axis is {axis}, {name} is a scalar and has no axis; leave it out.",
        "failure.twice": "axis is {axis}, which names axis {twice} twice; name it once.",
        "warning.one": (
            "Axis {axis} has size 1: nothing is summed along it, and a softmax along it is 1 everywhere. "
            "Another axis may be meant."
        ),
        "warning.zero": ("Axis {axis} has size 0: a sum of no element is 0, a mean is nan, and a maximum is an error."),
        "warning.chance": (
            "The result {result} broadcasts with {name} {shape}, but not along the axes that were kept: {name} / result "
            "pairs the wrong elements. Keep the axis: {kept}."
        ),
        "warning.square": (
            "Axis {axis} and axis -1 both have size {size}, so that the wrong one of them gives no error. A softmax of "
            "attention scores runs along axis -1."
        ),
        "softmax": (
            "A softmax along axis {axis} keeps the shape {shape}, and sums to 1 in {count:,} {count|group|groups}, such as {group}."
        ),
        "softmax.other": "Along axis {axis} instead, it would sum to 1 in {count:,} {count|group|groups}, such as {group}.",
        "keep": "To combine it with {name} again, keep the axis: {kept} broadcasts with {shape}, {result} does not.",
        "fix": "{code} would give {result}.",
    }
)

MESSAGES: Mapping[str, str] = {
    "numpy.range": "axis {axis} is out of bounds for array of dimension {count}",
    "numpy.twice": "duplicate value in 'axis'",
    "torch.range": "Dimension out of range (expected to be in range of [{low}, {high}], but got {axis})",
    "torch.twice": "dim {twice} appears multiple times in the list of dims",
}


class ReductionError(TensorrefError, ValueError, IndexError):
    """Raised for an axis that the shape does not have, or that is named twice.

    >>> from tensorref import reductions
    >>> try:
    ...     reductions.result_shape((2, 3), axis=2)
    ... except reductions.ReductionError as error:
    ...     print(error.explanation.messages.numpy)
    axis 2 is out of bounds for array of dimension 2
    """

    __module__ = "tensorref.reductions"

    explanation: Explanation
    """All that is wrong with the axes, and what would fit."""


def result_shape(
    shape: ShapeLike, axis: int | Sequence[int] | None = None, *, keepdims: bool = False
) -> tuple[int, ...]:
    """Return the shape that a sum, a mean, a maximum or a norm along `axis` leaves.

    >>> from tensorref import reductions
    >>> reductions.result_shape((32, 10, 64), axis=1)
    (32, 64)
    >>> reductions.result_shape((32, 10, 64), axis=(0, -1), keepdims=True)
    (1, 10, 1)

    Parameters
    ----------
    shape
        An int, a sequence of ints or the ``.shape`` of an array.
    axis
        The axis that is reduced, counted from the front or, below 0, from the end; several as a tuple. None, the default,
        reduces all.
    keepdims
        Whether what is reduced stays with size 1. PyTorch calls it ``keepdim``.

    Returns
    -------
    :
        The sizes of the axes that are left.

    Raises
    ------
    ReductionError
        If the shape has no such axis, or an axis is named twice. It is an IndexError and a ValueError.
    TypeError, ValueError
        If an argument is not a shape, an axis or a truth value; or if `axis` is empty, of which NumPy reduces nothing and
        PyTorch everything.

    See Also
    --------
    explain : the same axis by axis, for axes that are wrong too.
    numpy.sum : reduces; its ``axis`` and ``keepdims`` are these.
    torch.sum : reduces; its ``dim`` and ``keepdim`` are these.

    Examples
    --------
    >>> reductions.result_shape((32, 10, 64), axis=3)
    Traceback (most recent call last):
    ...
    tensorref.reductions.ReductionError: axis is 3, x of shape (32, 10, 64) has 3 axes; write one from -3 to 2. axis=-1 would give (32, 10).
    """
    explanation = explain(shape, axis, keepdims=keepdims)
    if explanation.result is None:
        raise ReductionError(explanation.refusal(), explanation)
    return explanation.result


def explain(
    shape: ShapeLike, axis: int | Sequence[int] | None = None, *, keepdims: bool = False, name: str = "x"
) -> Explanation:
    """Explain axis by axis what a reduction leaves, and what a softmax along the same axis sums.

    >>> from tensorref import reductions
    >>> print(reductions.explain((2, 3, 4), axis=-1))
    axis        0     1        2
    or         -3    -2       -1
    size        2     3        4
    verdict  kept  kept  reduced
    result      2     3        –
    * The result has shape (2, 3), 6 elements.
    * To combine it with x again, keep the axis: (2, 3, 1) broadcasts with (2, 3, 4), (2, 3) does not.
    * A softmax along axis -1 keeps the shape (2, 3, 4), and sums to 1 in 6 groups, such as x[0, 0, :].
    * Along axis -2 instead, it would sum to 1 in 8 groups, such as x[0, :, 0].

    Parameters
    ----------
    shape, axis, keepdims
        As for `result_shape`.
    name
        What to call the tensor.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram.

    Raises
    ------
    TypeError, ValueError
        As `result_shape` does, except for an axis that the shape does not have.

    See Also
    --------
    numpy.sum : computes one.
    torch.softmax : keeps the shape, and sums to 1 along its ``dim``.

    Examples
    --------
    A success can be a bug. Attention scores are square, so that the sums of their rows broadcast as a row:

    >>> reductions.explain((5, 5), axis=-1, name="scores").warning
    'The result (5,) broadcasts with scores (5, 5), but not along the axes that were kept: scores / result pairs the wrong elements. Keep the axis: (5, 1).'

    So can a batch of one:

    >>> reductions.explain((1, 10), axis=0).warning
    'Axis 0 has size 1: nothing is summed along it, and a softmax along it is 1 everywhere. Another axis may be meant.'
    """
    sizes, name = as_shape(shape, "shape"), as_name(name)
    given = _as_axes(axis)
    keepdims = as_flag(keepdims, "keepdims")
    count = len(sizes)
    # An axis of a scalar, 0 or -1, is passed over: NumPy does so for an int alone.
    most = max(count, 1) if isinstance(given, int) else count
    named = (*range(count),) if given is None else (given,) if isinstance(given, int) else given
    outside = [each for each in named if not -most <= each < most]
    reduced = [each % most for each in named if each not in outside] if most else []
    twice = [each for place, each in enumerate(reduced) if each in reduced[:place]]
    axes = tuple(
        Axis(place, place - count, size, "reduced" if place in reduced else "kept") for place, size in enumerate(sizes)
    )
    conflicts = (*outside, *twice)
    result = None if conflicts else tuple(_left(axes, keepdims=keepdims))
    facts = {"name": name, "shape": sizes, "axis": quoted(given), "count": count, "low": -count, "high": count - 1}
    wrong = ""
    if outside:
        wrong = WORDS["failure.range" if count else "failure.scalar"].format(**{**facts, "axis": quoted(outside[0])})
    elif twice:
        wrong = WORDS["failure.twice"].format(**facts, twice=twice[0])
    explanation = Explanation(
        name=name,
        shape=sizes,
        axis=None if given is None else named,
        keepdims=keepdims,
        axes=axes,
        conflicts=conflicts,
        result=result,
        elements=None if result is None else prod(result),
        terms=None if result is None else prod(axis.size for axis in axes if axis.verdict == "reduced"),
        steps=(),
        warning=None,
        messages=_messages(given, sizes) if conflicts else None,
        fixes=_fixes(sizes, reduced, keepdims=keepdims) if conflicts else (),
    )
    return replace(explanation, steps=_steps(explanation, wrong), warning=_warning(explanation))


@dataclass(frozen=True)
class Explanation(ShapeRule):
    """All that a reduction does to a shape, or all that is wrong with its axes: what `explain` returns.

    >>> from tensorref import reductions
    >>> explanation = reductions.explain((2, 3, 4), axis=(0, 2))
    >>> explanation.result, explanation.elements, explanation.terms
    ((3,), 3, 8)

    Without a result, `result`, `elements` and `terms` are None; with one, `messages` is.
    """

    name: str
    shape: tuple[int, ...]
    axis: tuple[int, ...] | None
    """The axes as they were given; None for all."""
    keepdims: bool
    axes: tuple[Axis, ...]
    conflicts: tuple[int, ...]
    """What was given and is no axis, and axes that were given twice."""
    result: tuple[int, ...] | None
    elements: int | None
    """How many elements the result has."""
    terms: int | None
    """How many elements each of them is made of."""
    steps: tuple[str, ...]
    """A sentence for each step, which are shape, axes, groups, result."""
    warning: str | None
    """Set where an axis has size 1 or 0, where the result broadcasts with what it was made of along other axes, or where the
    last axis has the same size as the one before it, which is reduced."""
    messages: Messages | None
    fixes: tuple[Fix, ...]

    _words: ClassVar[Mapping[str, str]] = WORDS

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: axes from both ends, sizes, verdict, result."""
        return (
            (WORDS["axis"], *(str(axis.index) for axis in self.axes)),
            (WORDS["last"], *(str(axis.last) for axis in self.axes)),
            (WORDS["size"], *(str(axis.size) for axis in self.axes)),
            (WORDS["verdict"], *(WORDS[axis.verdict] for axis in self.axes)),
            (WORDS["result"], *("?" if self.result is None else self._given(axis) for axis in self.axes)),
        )

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence each."""
        notes = self._verdict()
        if self.result is not None:
            kept = tuple(_left(self.axes, keepdims=True))
            if self.elements != 1 and joined([self.shape, self.result]) != self.shape:
                facts = {"name": self.name, "kept": kept, "shape": self.shape, "result": self.result}
                notes.append(WORDS["keep"].format(**facts))
            notes += self._softmax()
        return (*notes, *self.mends())

    def _given(self, axis: Axis) -> str:
        """Return what an axis leaves in the result."""
        return str(axis.size) if axis.verdict == "kept" else "1" if self.keepdims else WORDS["none"]

    def _softmax(self) -> list[str]:
        """Say what sums to 1 after a softmax along the axis, and along the one that is taken for it."""
        reduced = [axis for axis in self.axes if axis.verdict == "reduced"]
        if len(reduced) != 1 or 0 in self.shape:
            return []
        (own,) = reduced
        others = [axis for axis in self.axes if axis.verdict == "kept"][-1:]
        return [
            WORDS[key].format(
                axis=axis.last,
                shape=self.shape,
                group=_group(self.name, len(self.axes), [axis.index]),
                count=prod(self.shape) // axis.size,
            )
            for key, axis in [("softmax", own), *(("softmax.other", axis) for axis in others)]
        ]

    def _drawn(self) -> _picture.Drawing:
        """Draw what goes into one element of the result alike, by its hue and its line."""
        has_values = max(prod(self.shape), *self.shape, 0) <= _MOST_VALUES

        def mark(kept: Sequence[int]) -> _picture.Mark:
            hue = sum(kept) % _HUES + 1
            return _picture.Mark(hue, 30, _picture.DASHES[hue - 1], thick=not any(kept))

        def cell(index: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            text = str(number_of(index, self.shape)) if has_values else ""
            if self.result is None:
                return text, _picture.STORED
            kept = [at for at, axis in zip(index, self.axes, strict=True) if axis.verdict == "kept"]
            return text, mark(kept)

        def total(index: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            left = iter(index)
            places: list[range] = []
            for axis in self.axes:
                at = next(left) if axis.verdict == "kept" or self.keepdims else 0
                places.append(range(axis.size) if axis.verdict == "reduced" else range(at, at + 1))
            kept = [place.start for axis, place in zip(self.axes, places, strict=True) if axis.verdict == "kept"]
            values = (number_of(at, self.shape) for at in product(*places)) if has_values else ()
            return str(sum(values)) if has_values else "", mark(kept)

        source = _picture.planes([self._side(axis) for axis in self.axes], cell)
        source.heading(f"{self.name} {self.shape}")
        if self.result is None:
            result = _picture.refusal("?")
        else:
            left = [axis for axis in self.axes if axis.verdict == "kept" or self.keepdims]
            sides = [_picture.Side(size, str(size), 0) for size, _ in zip(self.result, left, strict=True)]
            result = _picture.planes(sides, total)
        result.heading(f"{WORDS['result']} {'?' if self.result is None else self.result}")
        return _picture.flow([source, result], ["→"])

    def _side(self, axis: Axis) -> _picture.Side:
        return _picture.Side(axis.size, f"Σ {axis.size}" if axis.verdict == "reduced" else str(axis.size), 0)


@dataclass(frozen=True)
class Axis:
    """One axis of the shape.

    >>> from tensorref import reductions
    >>> reductions.explain((2, 3), axis=0).axes[0]
    Axis(index=0, last=-2, size=2, verdict='reduced')
    """

    index: int
    last: int
    """The same axis counted from the end."""
    size: int
    verdict: Literal["kept", "reduced"]


def _as_axes(axis: object) -> int | tuple[int, ...] | None:
    """Return the argument ``axis`` as an int, a tuple of ints or None."""
    if axis is None:
        return None
    if not isinstance(axis, Sequence) or isinstance(axis, (str, bytes)):
        return as_int(axis, "axis", "an axis is")
    count = length(axis)
    if not count:
        raise ValueError(
            "axis is empty, of which NumPy reduces nothing and PyTorch everything; leave it out to reduce all axes"
        )
    if count > MAX_RANK:
        raise ValueError(f"axis has {quoted(count)} entries, the most is {MAX_RANK}; name each axis once")
    return tuple(as_int(each, f"axis[{place}]", "an axis is") for place, each in enumerate(axis))


def _left(axes: Sequence[Axis], *, keepdims: bool) -> list[int]:
    """Return the sizes of the axes that are left."""
    return [1 if axis.verdict == "reduced" else axis.size for axis in axes if keepdims or axis.verdict == "kept"]


def _group(name: str, count: int, reduced: Sequence[int]) -> str:
    """Return how to write the elements that the first element of the result is made of."""
    return f"{name}[{', '.join(':' if place in reduced else '0' for place in range(count))}]" if count else name


def _steps(explanation: Explanation, wrong: str) -> tuple[str, ...]:
    axes, result = explanation.axes, explanation.result
    reduced = [axis for axis in axes if axis.verdict == "reduced"]
    named = (
        "all"
        if explanation.axis is None and reduced
        else "several"
        if len(reduced) > 1
        else "one"
        if reduced
        else "none"
    )
    facts = {
        "name": explanation.name,
        "shape": explanation.shape,
        "axes": ", ".join(str(axis.index) for axis in reduced),
        "sizes": ", ".join(str(axis.size) for axis in reduced),
        "terms": explanation.terms or 0,
        "group": _group(explanation.name, len(axes), [axis.index for axis in reduced]),
    }
    groups = "axes.wrong" if wrong else "groups" if prod(explanation.shape) else "groups.none"
    success = "success.kept" if explanation.keepdims and reduced else "success"
    return (
        WORDS["shape"].format(**facts),
        WORDS[f"axes.{'wrong' if wrong else named}"].format(**facts),
        WORDS[groups].format(**facts),
        wrong or WORDS[success].format(shape=result, elements=explanation.elements),
    )


def _warning(explanation: Explanation) -> str | None:
    shape, result, axes = explanation.shape, explanation.result, explanation.axes
    if result is None:
        return None
    for key, size in (("warning.zero", 0), ("warning.one", 1)):
        found = [axis for axis in axes if axis.verdict == "reduced" and axis.size == size]
        if found and (size == 0 or explanation.axis is not None):
            return WORDS[key].format(axis=found[0].index)
    # What stands in front of a reduced axis comes to stand under another one.
    kept = [axis.last for axis in axes if axis.verdict == "kept" and axis.size != 1]
    places = [place for place, size in zip(range(-len(result), 0), result, strict=True) if size != 1]
    if explanation.keepdims or kept == places or joined([shape, result]) != shape:
        reduced = [axis for axis in axes if axis.verdict == "reduced"]
        if [axis.last for axis in reduced] == [-2] and reduced[0].size == axes[-1].size:
            return WORDS["warning.square"].format(axis=-2, size=axes[-1].size)
        return None
    facts = {"name": explanation.name, "shape": shape, "result": result, "kept": tuple(_left(axes, keepdims=True))}
    return WORDS["warning.chance"].format(**facts)


def _messages(given: int | tuple[int, ...] | None, shape: tuple[int, ...]) -> Messages | None:
    """Return what the libraries say of the axes, of which at least one is wrong to NumPy."""
    count = len(shape)
    named = (given,) if isinstance(given, int) else given or ()
    if any(abs(each) >= _LARGEST_INT for each in named):
        return None
    said: list[str | None] = []
    for library, most in (("numpy", count), ("torch", max(count, 1))):
        outside = next((each for each in named if not -most <= each < most), None)
        places = [each % most for each in named] if outside is None else []
        twice = next((each for at, each in enumerate(places) if each in places[:at]), None)
        key = "range" if outside is not None else "twice" if twice is not None else None
        facts = {"axis": outside, "count": count, "low": -most, "high": most - 1, "twice": twice}
        said.append(MESSAGES[f"{library}.{key}"].format(**facts) if key else None)
    return Messages(*said)


def _fixes(shape: tuple[int, ...], reduced: Sequence[int], *, keepdims: bool) -> tuple[Fix, ...]:
    """Return the axes that are right, or the last one where none is."""
    axes = (*dict.fromkeys(reduced),) or ((-1,) if shape else ())
    axis = None if not axes else axes[0] if len(axes) == 1 else axes
    return (Fix(f"axis={axis}", None, result_shape(shape, axis, keepdims=keepdims)),)
