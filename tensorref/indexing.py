r"""What an index selects: the shape of the result, and whether it is a view or a copy.

>>> from tensorref import indexing
>>> indexing.result_shape((2, 3, 4), (slice(None), 0))
(2, 4)

An int takes an axis away, a slice keeps it, ``None`` adds one of size 1, and ``...`` stands for the axes that are not
named. All of these give a view, which shares the memory of its source. A mask or an array of integers picks elements
one by one: a copy.

>>> import numpy as np
>>> batch = np.arange(24).reshape(2, 3, 4)  # (batch, seq_len, features)
>>> print(f"Full shape: {batch.shape}")
Full shape: (2, 3, 4)
>>> print(f"Original:\n{batch}")
Original:
[[[ 0  1  2  3]
  [ 4  5  6  7]
  [ 8  9 10 11]]
<BLANKLINE>
 [[12 13 14 15]
  [16 17 18 19]
  [20 21 22 23]]]
>>> print(f"batch[0, 0]: {batch[0, 0]}")
batch[0, 0]: [0 1 2 3]
>>> print(f"batch[:, 0, :] shape: {batch[:, 0, :].shape}")
batch[:, 0, :] shape: (2, 4)
>>> print(f"batch[0, -1, :]: {batch[0, -1, :]}")
batch[0, -1, :]: [ 8  9 10 11]
>>> print(f"Elements > 10: {batch[batch > 10]}")
Elements > 10: [11 12 13 14 15 16 17 18 19 20 21 22 23]

Index arrays broadcast together. Their shape stands in the result where they stood, or first where a slice parts them.
The rule is `NumPy's <https://numpy.org/doc/stable/user/basics.indexing.html>`__; PyTorch keeps it with four
exceptions. A slice does not run backward (`torch.flip` copies). An int beside index arrays is applied before them and
parts nothing. A tensor of indices is of dtype int64 or int32; one of uint8 is taken for a mask, others are refused. And
an int for every axis gives a view of shape ``()`` where NumPy gives a scalar:

>>> import torch
>>> batch[0, :, [0, 1]].shape, torch.tensor(batch)[0, :, [0, 1]].shape
((2, 3), torch.Size([3, 2]))
>>> torch.arange(3)[::-1]
Traceback (most recent call last):
...
ValueError: step must be greater than zero
>>> indexing.result_shape((4, 3), torch.tensor([2, 0], dtype=torch.int16), library="torch")
Traceback (most recent call last):
...
tensorref.indexing.IndexingError: index holds int16, PyTorch indexes with int32 or int64; write index.long().
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, TypeAlias

from tensorref._arguments import as_array, as_int, as_library, attribute, length, quoted
from tensorref._explanation import Diagram
from tensorref._libraries import needed
from tensorref._shape import MAX_RANK, as_shape, joined
from tensorref._typing import ArrayT, ShapeLike, jaxtyping
from tensorref._words import INDEXING as WORDS

__all__ = [
    "Entry",
    "Explanation",
    "IndexingError",
    "Indices",
    "Mask",
    "explain",
    "is_view",
    "last",
    "masked",
    "result_shape",
    "token",
]

Library: TypeAlias = Literal["numpy", "torch"]
Kind: TypeAlias = Literal["int", "slice", "newaxis", "ellipsis", "array", "mask"]


class IndexingError(ValueError, IndexError):
    """Raised for an index that does not go with the shape.

    >>> from tensorref import indexing
    >>> try:
    ...     indexing.result_shape((2, 3), (2, 3))
    ... except indexing.IndexingError as error:
    ...     print(len(error.explanation.problems))
    2
    """

    explanation: Explanation
    """All that is wrong with the index."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        super().__init__(" ".join(explanation.problems))


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
        If something in `index` is no index, such as a fraction.

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
    explanation = _explain(as_shape(shape, "shape"), index, library)
    if explanation.result is None:
        raise IndexingError(_compared(explanation, index))
    return explanation.result


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
    explanation = _explain(as_shape(shape, "shape"), index, library)
    if explanation.view is None:
        raise IndexingError(_compared(explanation, index))
    return explanation.view


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
    * PyTorch differs: shape (3, 2), a copy.

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
        If something in `index` is no index.

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
    * NumPy differs: shape (4, 32, 64), a view.
    """
    return _compared(_explain(as_shape(shape, "shape"), index, library), index)


@dataclass(frozen=True)
class Explanation(Diagram):
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
    """The shape of the result; None where there are problems."""
    view: bool | None
    """Whether the result shares memory with its source."""
    problems: tuple[str, ...]
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
        notes = [*self.problems] or [self.steps[-1], *(self.steps[2:3] if self.joint else [])]
        return (*notes, *([self.other] if self.other else []))


@dataclass(frozen=True)
class Entry:
    """One of the things between the brackets.

    >>> from tensorref import indexing
    >>> indexing.explain((2, 3, 4), (0, ...)).entries[1]
    Entry(code='...', kind='ellipsis', axes=(1, 2), sizes=(3, 4), gives=(3, 4))
    """

    code: str
    kind: Kind
    axes: tuple[int, ...]
    """The axes of the source that it takes, none for ``None``, one for each axis of a mask."""
    sizes: tuple[int, ...]
    """Their sizes."""
    gives: tuple[int, ...] | None
    """Its own sizes in the result; those of index arrays and masks broadcast together first. None where it is wrong."""


@dataclass(frozen=True)
class Indices:
    """An array of integers, of which only the shape is known.

    >>> from tensorref import indexing
    >>> indexing.result_shape((50257, 64), indexing.Indices((8, 128)))
    (8, 128, 64)
    """

    shape: tuple[int, ...]
    bounds: tuple[int, int] = (0, 0)
    """The least and the greatest of them, where they are known."""
    dtype: str = "int64"
    """Matters to PyTorch, which takes a tensor of int32 or int64; one of uint8 is a `Mask` to it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _as_sizes(self.shape))
        given: Any = self.bounds
        if not isinstance(given, tuple) or len(given) != 2:  # noqa: PLR2004  a pair
            raise TypeError(f"bounds is {quoted(self.bounds)}; bounds are the least and the greatest: write (0, 1)")
        least, most = (as_int(bound, f"bounds[{at}]", "a bound is") for at, bound in enumerate(self.bounds))
        if least > most:
            raise ValueError(f"bounds is {(least, most)}; the least comes first: write {(most, least)}")
        object.__setattr__(self, "bounds", (least, most))
        dtype: Any = self.dtype
        if not isinstance(dtype, str) or not _INTEGERS.fullmatch(self.dtype):
            raise TypeError(f"dtype is {quoted(self.dtype)}; indices are of an integer dtype: write 'int64'")


@dataclass(frozen=True)
class Mask:
    """An array of truth values, of which only the shape and how many are True is known.

    >>> from tensorref import indexing
    >>> indexing.result_shape((8, 128, 64), indexing.Mask((8, 128), count=700))
    (700, 64)
    """

    shape: tuple[int, ...]
    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _as_sizes(self.shape))
        object.__setattr__(self, "count", as_int(self.count, "count", "a number of True is"))
        if not 0 <= self.count <= prod(self.shape):
            raise ValueError(f"count is {self.count}; a mask of shape {self.shape} has 0 to {prod(self.shape)} True")


@dataclass(frozen=True)
class _ArrayMask(Mask):
    """A mask that is no tensor, which PyTorch counts for one axis when it works out an ellipsis."""

    is_scalar: bool = False
    """Whether it is a truth value of NumPy."""


def token(
    x: jaxtyping.Shaped[ArrayT, "batch seq_len *features"], position: int
) -> jaxtyping.Shaped[ArrayT, " batch *features"]:
    """Select the token at one position of every sequence.

    >>> import torch
    >>> from tensorref import indexing
    >>> hidden = torch.arange(12).reshape(2, 3, 2)
    >>> indexing.token(hidden, 0)
    tensor([[0, 1],
            [6, 7]])

    Parameters
    ----------
    x
        A batch of sequences, of any dtype.
    position
        Which token; -1 is the last.

    Returns
    -------
    :
        ``x[:, position]``, a view.

    Raises
    ------
    IndexError
        If no sequence is as long.
    TypeError
        If `position` is no int; several positions are an index: ``x[:, [0, 1]]``.

    See Also
    --------
    numpy.take : takes any positions, and copies.
    torch.select : ``x.select(1, position)``, a view.
    torch.index_select : takes any positions, and copies.
    """
    sizes = as_array(x, "x").shape
    at = as_int(position, "position", "the position of a token is")
    if len(sizes) < 2:  # noqa: PLR2004  batch and seq_len
        raise IndexError(
            f"x has shape {tuple(sizes)}; tokens are of shape (batch, seq_len, …): write x[None] for one sequence"
        )
    if not -sizes[1] <= at < sizes[1]:
        raise IndexError(
            f"position is {at}, the sequence axis of x has size {sizes[1]}; write one from {-sizes[1]} to -1"
        )
    result: ArrayT = x[:, at]
    return result


def last(
    x: jaxtyping.Shaped[ArrayT, "batch seq_len *features"], lengths: jaxtyping.Integer[ArrayT, " batch"] | None = None
) -> jaxtyping.Shaped[ArrayT, " batch *features"]:
    """Select the last token of every sequence, which predicts the next.

    >>> import torch
    >>> from tensorref import indexing
    >>> ids = torch.tensor([[5, 23, 7], [42, 0, 0]])
    >>> indexing.last(ids), indexing.last(ids, torch.tensor([3, 1]))
    (tensor([7, 0]), tensor([ 7, 42]))

    Parameters
    ----------
    x
        A batch of sequences, of any dtype.
    lengths
        How many tokens each has before the padding, from 1 to ``seq_len``; without, no sequence is padded.

    Returns
    -------
    :
        ``x[:, -1]``, a view; with `lengths` a copy.

    Raises
    ------
    ValueError
        If there is not one length for each sequence, or a length is not from 1 to ``seq_len``: 0 would select the last
        token, which is padding.

    See Also
    --------
    numpy.take : ``numpy.take(x, -1, axis=1)`` copies.
    torch.select : ``x.select(1, -1)``, a view.
    """
    result: ArrayT
    if lengths is None:
        result = x[:, -1]
        return result
    batch, size = as_array(x, "x").shape[:2]
    if tuple(as_array(lengths, "lengths").shape) != (batch,):
        raise ValueError(
            f"lengths has shape {tuple(lengths.shape)}, x has shape {tuple(x.shape)}; give one length for each "
            f"sequence: shape ({batch},)"
        )
    ends: list[int] = lengths.tolist()
    if not all(1 <= end <= size for end in ends):
        raise ValueError(f"lengths is {ends}; a length is from 1 to {size}, the sequence axis of x")
    # One pair of positions per sequence: slicing the rows instead would pair every row with every length. Lists, as
    # PyTorch would take lengths of uint8 for a mask.
    result = x[list(range(batch)), [end - 1 for end in ends]]
    return result


def masked(
    x: jaxtyping.Shaped[ArrayT, "..."], mask: jaxtyping.Bool[ArrayT, "..."]
) -> jaxtyping.Shaped[ArrayT, "selected ..."]:
    """Select the elements, or the tokens, where a mask is True.

    >>> import torch
    >>> from tensorref import indexing
    >>> ids = torch.tensor([[5, 23, 7], [42, 0, 0]])
    >>> indexing.masked(ids, ids != 0)
    tensor([ 5, 23,  7, 42])
    >>> hidden = torch.zeros(2, 3, 64)
    >>> indexing.masked(hidden, ids != 0).shape
    torch.Size([4, 64])

    Parameters
    ----------
    x
        An array or a tensor of any dtype.
    mask
        Truth values for the first axes of `x`, or all of them.

    Returns
    -------
    :
        ``x[mask]``, a copy: the axes of the mask become one, in row-major order.

    Raises
    ------
    TypeError
        If `mask` holds numbers: zeros and ones would select the positions 0 and 1.
    ValueError
        If `mask` does not have the sizes of the first axes of `x`.

    See Also
    --------
    numpy.where : keeps the shape, and takes another value where the mask is False.
    torch.masked_select : the same for a mask of the shape of `x`; it broadcasts, an index does not.
    """
    as_array(x, "x")
    if str(as_array(mask, "mask").dtype).rpartition(".")[2] != "bool":
        raise TypeError(f"mask has dtype {mask.dtype}, which would select positions; compare to get truth: mask != 0")
    result_shape(x.shape, Mask(tuple(mask.shape), 0))
    source: Any = x
    result: ArrayT = source[mask]
    return result


_KINDS: dict[type, Kind] = {
    int: "int",
    slice: "slice",
    type(None): "newaxis",
    type(...): "ellipsis",
    Indices: "array",
    Mask: "mask",
    _ArrayMask: "mask",
}
_ARRAYS = ("array", "mask")
_INTEGERS = re.compile(r"[<>]?u?int(8|16|32|64)")
_MOST_PARTS = 2 * MAX_RANK  # as in NumPy
_MOST_IN_A_TUPLE = 31  # entries of a list that PyTorch may take for a tuple
_MOST_LISTED = 2**20  # numbers in lists
_SHOWN = 8  # characters; the diagram gives a longer list by its shape


def _explain(shape: tuple[int, ...], index: Any, library: Any) -> Explanation:
    library = as_library(library)
    given = [("index", index)]
    if isinstance(index, tuple) or (library == "torch" and _is_tuple_to_pytorch(index)):
        given = [(f"index[{n}]", item) for n, item in enumerate(index[:_MOST_PARTS])]
    parts = [(where, *_item(item, where, library)) for where, item in given]
    entries, problems = _entries(shape, parts, library)
    if len(parts) > 1 and len(index) > _MOST_PARTS:
        problems = [WORDS["parts"].format(count=len(index), most=_MOST_PARTS)]
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
        problems=tuple(problems),
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
        " ".join(explanation.problems) or WORDS["success"].format(**facts),
    )


def _entries(
    shape: tuple[int, ...], parts: Sequence[tuple[str, Any, str]], library: Library
) -> tuple[list[Entry], list[str]]:
    """Return what each part takes and gives, and what is wrong with any."""
    problems: list[str] = []
    ellipses = sum(item is ... for _, item, _ in parts)
    extra = sum(_takes(item) for _, item, _ in parts) - len(shape)
    left = -extra
    if library == "torch" and ellipses:
        # PyTorch counts a mask that is no tensor for one axis, even one without axes.
        left = len(shape) - sum(1 if isinstance(item, _ArrayMask) else _takes(item) for _, item, _ in parts)
    if ellipses > 1:
        problems.append(WORDS["ellipses"].format(count=ellipses))
    if extra > 0:
        problems.append(WORDS["take"].format(taken=len(shape) + extra, shape=shape, rank=len(shape), extra=extra))
    entries: list[Entry] = []
    is_open = extra < 0 and not (ellipses and left == -extra)
    for where, item, code in [*parts, ("", ..., "...")] if is_open else parts:
        start = sum(len(entry.axes) for entry in entries)
        takes = max(left if ellipses and where else len(shape) - start, 0) if item is ... else _takes(item)
        axes = tuple(range(len(shape)))[start : start + takes]
        if item is ... and (len(axes) == takes or where == parts[-1][0]):
            takes = len(axes)  # PyTorch does not mind one that stands for too many axes at the end
        entry = Entry(code, _KINDS[type(item)], axes, tuple(shape[axis] for axis in axes), None)
        if len(axes) == takes:
            wrong = [*_wrong(item, where, entry, library)]
            problems += wrong
            entry = entry if wrong else replace(entry, gives=_gives(item, entry.sizes))
        elif extra <= 0 and not problems:
            mask = next((part, item.shape) for part, item, _ in parts if isinstance(item, _ArrayMask))
            problems.append(WORDS["mask.ellipsis"].format(where=mask[0], mask=mask[1]))
        entries.append(entry)
    return entries, problems


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
    words = WORDS["other.problem" if other.problems else "other"]
    text = words.format(
        library=WORDS[other.library],
        shape=other.result,
        memory=WORDS["view" if other.view else "copy"],
        problem=" ".join(other.problems),
    )
    return replace(explanation, other=text)


def _item(given: Any, where: str, library: Library) -> tuple[Any, str]:
    """Return what stands for something between the brackets, of a type in `_KINDS`, and how to write it."""
    if given is None or given is ...:
        return given, "None" if given is None else "..."
    if isinstance(given, slice):
        ends = [None if end is None else _whole(end, where) for end in (given.start, given.stop, given.step)]
        return slice(*ends), ":".join("" if end is None else quoted(end) for end in ends[: 2 + (ends[2] is not None)])
    item = _array(given, where, library)
    if not isinstance(item, (Indices, Mask)):
        item = _whole(item, where)
        return item, quoted(item)
    code = quoted(given) if isinstance(given, (list, bool)) else ""
    return item, code if 0 < len(code) <= _SHOWN else f"{_KINDS[type(item)]} {item.shape}"


def _array(given: Any, where: str, library: Library) -> Any:
    """Return the stand-in for an array, a tensor, a list or a truth value, and anything else as it is."""
    if isinstance(given, bool):
        return Mask((), int(given))
    if isinstance(given, range):
        return Indices((length(given),), (min(given[0], given[-1]), max(given[0], given[-1])) if given else (0, 0))
    if isinstance(given, Indices):
        return given if given.shape or library == "numpy" else given.bounds[0]
    if isinstance(given, Mask):
        return given
    is_list = isinstance(given, Sequence) and not isinstance(given, (str, bytes))
    array = _from_list(given, where) if is_list else given
    if attribute(array, "dtype") is None or not isinstance(attribute(array, "shape"), tuple):
        return given
    return _of_array(array, where, library, is_list=is_list)


def _of_array(array: Any, where: str, library: Library, *, is_list: bool) -> Any:
    """Return the stand-in for an array or a tensor, or the number that it is."""
    dtype, shape = array.dtype, tuple(array.shape)
    is_tensor, is_scalar = str(dtype).startswith("torch."), not hasattr(array, "__setitem__")
    if is_tensor and str(array.layout) != "torch.strided":
        raise TypeError(f"{where} is a tensor of layout {array.layout}, which is no index; write {where}.to_dense()")
    name = attribute(dtype, "name") or str(dtype).rpartition(".")[2]
    if library == "torch" and not (is_tensor or is_scalar) and dtype.kind == "f":
        array, name = _cut(array, where), "int64"  # PyTorch takes 1.5 for 1
    if name == "bool" or (name == "uint8" and library == "torch" and not (is_scalar or is_list)):
        return _mask(array, where, is_tensor=is_tensor, is_scalar=is_scalar)
    if not _INTEGERS.fullmatch(name):
        raise TypeError(f"{where} holds {name}, which is no index; give integers or truth values")
    # An array without axes is an array to NumPy but not to PyTorch. A scalar is none: nothing can be assigned to it.
    is_native = is_tensor or dtype.isnative
    if shape == () and (is_scalar or (library == "torch" and is_native)):
        return _whole(array, where)
    # PyTorch makes int64 of what is no tensor.
    return Indices(
        shape, _bounds(array, shape), name if is_tensor else "int64" if is_native else f"{dtype.str[0]}{name}"
    )


def _is_tuple_to_pytorch(index: Any) -> bool:
    """Tell whether PyTorch takes a list for a tuple: a short one that holds lists, tensors, slices, None or ``...``."""
    if not isinstance(index, list) or len(index) > _MOST_IN_A_TUPLE:
        return False
    return any(
        item is None or item is ... or isinstance(item, (slice, Sequence)) or hasattr(item, "__setitem__")
        for item in index
    )


def _from_list(given: Any, where: str) -> Any:
    """Return the array that lists stand for, unless they are too many to be followed."""
    with needed("an index that is a list", "numpy"):
        import numpy as np

    lists, listed = [(given, 1)], 0
    while lists:
        items, depth = lists.pop()
        listed += length(items)
        if listed > _MOST_LISTED or depth > MAX_RANK:
            raise TypeError(
                f"{where} is {quoted(given)}, lists of more than {_MOST_LISTED:,} numbers or {MAX_RANK} axes; make an "
                "array of them first"
            )
        lists += [
            (item, depth + 1) for item in items if isinstance(item, Sequence) and not isinstance(item, (str, bytes))
        ]
    try:
        array = np.array(given)
    except ValueError:
        raise TypeError(
            f"{where} is {quoted(given)}, whose rows differ in length; give all of them one length"
        ) from None
    except Exception:  # noqa: BLE001  whatever an entry raises, it makes no array
        raise TypeError(f"{where} is {quoted(given)}, which makes no array; give integers or truth values") from None
    return array if array.size else array.astype(int)


def _cut(array: Any, where: str) -> Any:
    if array.size and not (abs(array) < 2**63).all():  # NaN neither
        raise TypeError(f"{where} is {quoted(array)}, which has no integers; give integers or truth values")
    return array.astype("int64")


def _mask(array: Any, where: str, *, is_tensor: bool, is_scalar: bool) -> Mask:
    try:
        count = int((array != 0).sum())
    except Exception:  # noqa: BLE001  a tensor on meta
        raise TypeError(
            f"{where} is a mask whose values cannot be read; say how many are True: indexing.Mask(shape, count)"
        ) from None
    return Mask(tuple(array.shape), count) if is_tensor else _ArrayMask(tuple(array.shape), count, is_scalar)


def _bounds(array: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    try:
        # PyTorch has no least one of uint16, uint32 and uint64.
        whole = array.long() if hasattr(array, "long") else array
        return (0, 0) if 0 in shape else (int(whole.min()), int(whole.max()))
    except Exception:  # noqa: BLE001  a tensor on meta has a shape, and no values to be out of range
        return 0, 0


def _as_sizes(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"shape is {quoted(shape)}, of type {type(shape).__name__}; it is a tuple here: write (4,)")
    return as_shape(shape, "shape")


def _beyond(entries: Sequence[Entry], result: tuple[int, ...]) -> Iterator[str]:
    """Say what is more than NumPy takes: axes of the result, or index arrays."""
    if len(result) > MAX_RANK:
        yield WORDS["rank"].format(rank=len(result), most=MAX_RANK)
    arrays = sum(max(len(entry.axes), 1) for entry in entries if entry.kind in _ARRAYS)
    others = [entry for entry in entries if entry.kind not in _ARRAYS]
    most = MAX_RANK - (prod(size for entry in others for size in entry.gives or ()) == 1)
    if arrays > most and not (len(entries) == 1 and entries[0].kind == "mask"):
        yield WORDS["arrays"].format(count=arrays, most=most)


def _whole(value: Any, where: str) -> int:
    try:
        return operator.index(value)
    except Exception:  # noqa: BLE001  whatever its ``__index__`` raises, it is no index
        fix = "divide with // to keep it whole" if isinstance(value, float) else "give an int, a slice or an array"
        raise TypeError(f"{where} holds {quoted(value)}, which is no index; {fix}") from None


def _takes(item: Any) -> int:
    """Return how many axes of the source an item takes, an ellipsis aside."""
    return len(item.shape) if isinstance(item, Mask) else int(item is not None and item is not ...)


def _gives(item: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(item, slice):
        return (len(range(*item.indices(*sizes))),)
    if isinstance(item, Indices):
        return item.shape
    if isinstance(item, Mask):
        return (item.count,)
    return (1,) if item is None else sizes if item is ... else ()


def _wrong(item: Any, where: str, entry: Entry, library: Library) -> Iterator[str]:
    if isinstance(item, int):
        yield from _out_of_range((item, item), where, entry)
    if isinstance(item, _ArrayMask) and item.is_scalar and library == "torch":
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
