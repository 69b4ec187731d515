"""How a shape lies in memory, when ``view`` works, and how attention splits its heads.

>>> from tensorref import layout
>>> layout.strides((4, 32, 64))
(2048, 64, 1)

Elements lie in memory in one row. The stride of an axis is how many elements further the next index along it is found.
In row-major order, also called C order, the last axis has stride 1 and every other steps over all that comes after it;
an array in that order without a gap is contiguous. A transpose changes shape and strides and leaves memory as it is:

>>> import torch
>>> x = torch.arange(12).reshape(3, 4)
>>> print(f"Original is contiguous: {x.is_contiguous()}")
Original is contiguous: True
>>> x_t = x.transpose(0, 1)
>>> print(f"Transposed is contiguous: {x_t.is_contiguous()}")
Transposed is contiguous: False
>>> x_t.stride(), x_t.data_ptr() == x.data_ptr()
((1, 4), True)

A view is another shape for the same memory, so it needs strides that reach every element in the right order. Where
there are none, ``view`` raises; ``contiguous`` and ``reshape`` copy:

>>> try:
...     x_t.view(12)
... except RuntimeError as error:
...     print(f"Error: {error}")
Error: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.
>>> print(f"After contiguous(): {x_t.contiguous().is_contiguous()}")
After contiguous(): True
>>> if x_t.contiguous().view(12).shape == (12,):
...     print("view() works after contiguous()")
view() works after contiguous()
>>> print(f"reshape() auto-handles non-contiguous: {x_t.reshape(12).shape}")
reshape() auto-handles non-contiguous: torch.Size([12])

What decides is not whether a tensor is contiguous. Axes that a single stride steps through are a run, and every axis of
the new shape must lie within one run:

>>> columns = torch.ones(4, 6)[:, :3]
>>> columns.is_contiguous(), columns.view(4, 3, 1).stride()
(False, (6, 1, 1))
>>> layout.can_view((4, 3), (6, 1), (4, 3, 1)), layout.can_view((4, 3), (6, 1), (12,))
(True, False)

To swap the last two axes, write ``.mT`` in either library. ``.T`` reverses all axes: the same for two, another thing
for more, where PyTorch deprecates it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod
from typing import Any, Literal

from tensorref import _history
from tensorref._arguments import as_array, as_int, as_itemsize, as_name, attribute, is_short, length, quoted
from tensorref._explanation import Diagram
from tensorref._operations import Operation, OperationsTextError, parse_operations
from tensorref._shape import MAX_RANK, as_shape
from tensorref._typing import ArrayT, ShapeLike, jaxtyping
from tensorref._words import LAYOUT as WORDS
from tensorref._words import LAYOUT_MESSAGES, OPERATIONS

__all__ = [
    "Explanation",
    "History",
    "OperationsTextError",
    "Run",
    "Stage",
    "can_view",
    "explain",
    "history",
    "is_contiguous",
    "merge_heads",
    "split_heads",
    "strides",
    "view_strides",
]

_REFUSED = LAYOUT_MESSAGES["torch.view"]


def strides(shape: ShapeLike) -> tuple[int, ...]:
    """Return the strides of a row-major array of a shape.

    >>> import torch
    >>> from tensorref import layout
    >>> layout.strides((3, 4)), torch.zeros(3, 4).stride()
    ((4, 1), (4, 1))

    Parameters
    ----------
    shape
        An int, a sequence of ints or the ``.shape`` of an array.

    Returns
    -------
    :
        A stride for each axis, in elements, as `torch.Tensor.stride` gives. `numpy.ndarray.strides` counts bytes:
        divide by ``itemsize``. A size of 0 counts as 1, as in PyTorch; NumPy has 0 everywhere in an empty array.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape.

    See Also
    --------
    numpy.ndarray.strides : of an array, in bytes.
    torch.Tensor.stride : of a tensor, in elements.
    """
    return _row_major(as_shape(shape, "shape"))


def is_contiguous(shape: ShapeLike, strides: Sequence[int]) -> bool:
    """Tell whether an array lies in memory in row-major order without a gap.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(3, 4)
    >>> layout.is_contiguous(x.shape, x.stride()), layout.is_contiguous(x.mT.shape, x.mT.stride())
    (True, False)

    Parameters
    ----------
    shape
        The sizes of the array.
    strides
        Its strides, in elements: ``x.stride()`` in PyTorch.

    Returns
    -------
    :
        What `torch.Tensor.is_contiguous` and NumPy's ``flags.c_contiguous`` say. The stride of an axis of size 1 does
        not matter, nor any in an array without elements.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape, or `strides` are not one int for each axis.

    See Also
    --------
    numpy.ascontiguousarray : copies where it is not.
    torch.Tensor.contiguous : does so too.
    numpy.ndarray.flags : says it of an array.
    torch.Tensor.is_contiguous : says it of a tensor.
    """
    sizes = as_shape(shape, "shape")
    return _is_contiguous(sizes, _as_strides(strides, sizes))


def view_strides(shape: ShapeLike, strides: Sequence[int], target: ShapeLike) -> tuple[int, ...] | None:
    """Return the strides that a view of an array as another shape has, or None where there is no such view.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(4, 32, 64)
    >>> layout.view_strides(x.shape, x.stride(), (4, 32, 8, 8))
    (2048, 64, 8, 1)
    >>> x.view(4, 32, 8, 8).stride()
    (2048, 64, 8, 1)

    Parameters
    ----------
    shape, strides
        Of the array, strides in elements.
    target
        The shape of the view. One size may be -1 and is worked out.

    Returns
    -------
    :
        The strides that ``x.view(target)`` has in PyTorch, in elements; None where it raises and ``x.reshape(target)``
        copies. NumPy's ``reshape`` is a view in the same cases.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or `target` has another number of elements.

    See Also
    --------
    explain : the same with the reason.
    torch.Tensor.view : raises where this gives None.
    torch.Tensor.reshape : copies where this gives None.
    numpy.reshape : a view in the same cases.

    Examples
    --------
    Heads that were brought together in front cannot be merged without a copy:

    >>> heads = x.view(4, 32, 8, 8).transpose(1, 2)
    >>> print(layout.view_strides(heads.shape, heads.stride(), (4, 8, 256)))
    None
    """
    source = as_shape(shape, "shape")
    steps = _as_strides(strides, source)
    return _view(source, steps, _as_target(target, source))


def can_view(shape: ShapeLike, strides: Sequence[int], target: ShapeLike) -> bool:
    """Tell whether ``view`` works: whether another shape can be had without a copy.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(3, 4).mT
    >>> layout.can_view(x.shape, x.stride(), (2, 2, 3)), layout.can_view(x.shape, x.stride(), (12,))
    (True, False)

    Parameters
    ----------
    shape, strides, target
        As for `view_strides`.

    Returns
    -------
    :
        True if each axis of `target` lies within one run of memory.

    Raises
    ------
    TypeError, ValueError
        As for `view_strides`.

    See Also
    --------
    numpy.reshape : raises with ``copy=False`` where this is False.
    torch.Tensor.view : raises where this is False.
    """
    return view_strides(shape, strides, target) is not None


def explain(
    shape: ShapeLike, strides: Sequence[int], target: ShapeLike, *, name: str = "x", itemsize: int = 4
) -> Explanation:
    """Explain why a view as another shape works, or what keeps it from working.

    >>> from tensorref import layout
    >>> print(layout.explain((4, 3), (1, 4), (12,)))
    run                     1         2
    shape                (4,)      (3,)
    strides              (1,)      (4,)
    target              (12,)     (12,)
    strides of view         ?         ?
    verdict          conflict  conflict
    * x has no view of shape (12,): axis -1, of size 12, takes more than one run of memory, and an axis has one stride.
    * PyTorch: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.
    * x.reshape(12) copies 48 bytes.

    Parameters
    ----------
    shape, strides, target
        As for `view_strides`.
    name
        What to call the array.
    itemsize
        Bytes per element: 4 for float32, 2 for bfloat16.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram with a column for each run of memory.

    Raises
    ------
    TypeError, ValueError
        As for `view_strides`.

    See Also
    --------
    numpy.reshape : a view or a copy, without a word which.
    torch.Tensor.view : a view, or an error.

    Examples
    --------
    A tensor that is not contiguous may still have the view that is asked for:

    >>> import torch
    >>> columns = torch.ones(4, 6)[:, :3]
    >>> print(layout.explain(columns.shape, columns.stride(), (2, 2, 3), name="columns"))
    run                    1     2
    shape               (4,)  (3,)
    strides             (6,)  (1,)
    target            (2, 2)  (3,)
    strides of view  (12, 6)  (1,)
    verdict             fits  fits
    * The view has shape (2, 2, 3) and strides (12, 6, 1), without a copy.
    """
    source = as_shape(shape, "shape")
    steps = _as_strides(strides, source)
    return _explain(source, steps, _as_target(target, source), as_name(name), as_itemsize(itemsize))


@dataclass(frozen=True)
class Explanation(Diagram):
    """Why a view works, or what keeps it from working: what `explain` returns.

    >>> from tensorref import layout
    >>> explanation = layout.explain((4, 3), (1, 4), (2, 6))
    >>> explanation.result, explanation.conflicts, explanation.copied_bytes
    (None, (-1,), 48)
    """

    name: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""
    contiguous: bool
    target: tuple[int, ...]
    """The shape of the view, with -1 worked out."""
    runs: tuple[Run, ...]
    """The runs of memory from left to right; none where there is no axis or no element."""
    conflicts: tuple[int, ...]
    """The axes of the target, counted from the right, that do not lie within one run."""
    result: tuple[int, ...] | None
    """The strides of the view in elements; None where it cannot work."""
    copied_bytes: int
    """What ``reshape`` copies: 0 where it gives the view."""
    steps: tuple[str, ...]
    """A sentence for each step, which are layout, runs, target, result."""
    message: str | None
    """What ``view`` of PyTorch says; None where it works."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: runs, what they hold, what the target makes of them, verdict."""
        labels = ("run", "shape", "strides", "target", "view", "verdict")
        columns = (
            (
                str(number),
                _part(self.shape, run.axes),
                _part(self.strides, run.axes),
                _part(self.target, run.target),
                "?" if self.result is None else _part(self.result, run.target),
                WORDS["fit" if run.fits else "conflict"],
            )
            for number, run in enumerate(self.runs, 1)
        )
        return tuple(zip((WORDS[label] for label in labels), *columns, strict=True))

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence each."""
        notes = [self.steps[-1]]
        if self.message:
            notes += [
                f"PyTorch: {self.message}",
                WORDS["copy"].format(name=self.name, sizes=_listed(self.target), bytes=self.copied_bytes),
            ]
        return tuple(notes)


@dataclass(frozen=True)
class Run:
    """Axes of an array that a single stride steps through.

    >>> from tensorref import layout
    >>> layout.explain((2, 3, 4), (24, 4, 1), (2, 12)).runs[1]
    Run(axes=(-2, -1), elements=12, stride=1, target=(-1,), fits=True)
    """

    axes: tuple[int, ...]
    """The axes of the array, counted from the right."""
    elements: int
    """How many elements it has."""
    stride: int
    """How far apart they are."""
    target: tuple[int, ...]
    """The axes of the target that have a part in it, counted from the right."""
    fits: bool
    """Whether all of them lie within it."""


def history(shape: ShapeLike, operations: str, *, name: str = "x", itemsize: int = 4) -> History:
    """Follow a contiguous tensor of PyTorch through operations: its shape, its strides, and what is copied.

    >>> from tensorref import layout
    >>> print(layout.history((2, 3, 4), ".transpose(1, 2)[:, ::2].reshape(4, 3)"))
    operation             shape     strides  offset  contiguous            memory
    x                 (2, 3, 4)  (12, 4, 1)       0         yes          96 bytes
    .transpose(1, 2)  (2, 4, 3)  (12, 1, 4)       0          no              view
    [:, ::2]          (2, 2, 3)  (12, 2, 4)       0          no              view
    .reshape(4, 3)       (4, 3)      (3, 1)       0         yes  copy of 48 bytes
    * x.transpose(1, 2)[:, ::2].reshape(4, 3) has shape (4, 3), strides (3, 1) and offset 0.
    * Its memory is a copy, apart from that of x. Copied in all: 48 bytes, by .reshape(4, 3).
    >>> import torch
    >>> torch.zeros(2, 3, 4).transpose(1, 2)[:, ::2].stride()
    (12, 2, 4)

    Parameters
    ----------
    shape
        The sizes of the tensor to begin with.
    operations
        As they are written after the tensor, with a name in front or without: ``.transpose(i, j)``, ``.permute(…)``,
        ``.mT``, ``.expand(…)``, ``.view(…)``, ``.reshape(…)``, ``.contiguous()``, and in square brackets ints, slices,
        None and ``...``. At most 12, with numbers of at most 18 digits.
    name
        What to call the tensor.
    itemsize
        Bytes per element: 4 for float32, 2 for bfloat16.

    Returns
    -------
    :
        A stage for the tensor and for each operation, up to the first that PyTorch refuses; ``print`` shows a row for
        each. Nothing is computed but sizes and strides, so a tensor may be larger than memory.

    Raises
    ------
    OperationsTextError
        If `operations` is not written as above, or leads beyond 2**53 bytes. What PyTorch itself refuses is no error
        here but the last stage.
    TypeError, ValueError
        If `shape` is not a shape, or takes more than 2**53 bytes.

    See Also
    --------
    explain : why one view works or does not.
    numpy.transpose : NumPy's own for moving axes.
    torch.permute : PyTorch's.
    torch.Tensor.storage_offset : of one stage.

    Examples
    --------
    Where PyTorch refuses, the history ends with its message, the reason, and the fix:

    >>> refused = layout.history((4, 3), ".mT.view(12)")
    >>> print(refused)
    operation   shape  strides  offset  contiguous    memory
    x          (4, 3)   (3, 1)       0         yes  48 bytes
    .mT        (3, 4)   (1, 3)       0          no      view
    .view(12)  (3, 4)   (1, 3)       0          no   refused
    * PyTorch refuses x.mT.view(12).
    * PyTorch: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.
    * Runs of memory that one stride steps through: axis -2 (3 elements, 1 apart); axis -1 (4 elements, 3 apart). x.mT has no view of shape (12,): axis -1, of size 12, takes more than one run of memory, and an axis has one stride.
    * x.mT.reshape(12) or x.mT.contiguous().view(12) copies 48 bytes.
    >>> refused.stages[-1].verdict, refused.exception
    ('error', 'RuntimeError')
    """
    source = as_shape(shape, "shape")
    name, itemsize = as_name(name), as_itemsize(itemsize)
    if _history.is_large(_history.Layout(source, (), 0), itemsize):
        raise ValueError(f"shape is {OPERATIONS['large'].format(found=source)}")
    stages = [Stage(name, source, _row_major(source), 0, True, 0, prod(source), "start", 0)]  # noqa: FBT003  a field
    steps = [WORDS["contiguous"].format(name=name, shape=source, strides=stages[0].strides)]
    refusal: _history.Refusal | None = None
    refused: Any = None
    for operation in parse_operations(operations):
        code, last = name + "".join(stage.code for stage in stages[1:]), stages[-1]
        try:
            stage, sentence = _next_stage(operation, last, code, itemsize)
        except _history.Refusal as error:
            refusal, refused = error, error.values.get("view")
            stages.append(replace(last, code=operation.code, verdict="error", moved_bytes=0))
            steps.append(WORDS["history.failure"].format(name=code + operation.code))
            break
        if _history.is_large(_history.Layout(stage.shape, stage.strides, 0), itemsize):
            raise OperationsTextError(OPERATIONS["large"].format(found=operation.code))
        stages.append(stage)
        steps.append(sentence)
    return History(
        name=name,
        shape=source,
        itemsize=itemsize,
        stages=tuple(stages),
        steps=tuple(steps),
        exception=refusal.exception if refusal else None,
        message=refusal.message if refusal else None,
        reason=refusal.reason if refusal else None,
        refused=refused,
    )


@dataclass(frozen=True)
class Stage:
    """A tensor between two operations.

    >>> from tensorref import layout
    >>> layout.history((4, 3), ".mT").stages[1]
    Stage(code='.mT', shape=(3, 4), strides=(1, 3), offset=0, contiguous=False, memory=0, elements=12, verdict='view', moved_bytes=0)
    """

    code: str
    """The operation that led here, such as ``.transpose(0, 1)``; the name of the tensor where it begins."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""
    offset: int
    """Where in its memory the first element is, counted in elements."""
    contiguous: bool
    """What ``is_contiguous()`` says."""
    memory: int
    """The memory it uses. It is 0 at the start, and each copy brings the next."""
    elements: int
    """How many elements that memory has."""
    verdict: Literal["start", "view", "copy", "error"]
    """What the operation did; "error" where PyTorch refused it, and all else is as it was before."""
    moved_bytes: int
    """What it copied, 0 for a view. What moved lies where shape, strides and offset of the stage before say."""


@dataclass(frozen=True)
class History(Diagram):
    """A tensor from operation to operation: what `history` returns.

    >>> from tensorref import layout
    >>> history = layout.history((4, 3), ".mT.contiguous()")
    >>> [stage.verdict for stage in history.stages], history.stages[-1].moved_bytes
    (['start', 'view', 'copy'], 48)
    """

    name: str
    shape: tuple[int, ...]
    itemsize: int
    stages: tuple[Stage, ...]
    """The tensor to begin with, then one for each operation."""
    steps: tuple[str, ...]
    """A sentence or two for each stage."""
    exception: str | None
    """What PyTorch raises, such as "RuntimeError"; None where it takes every operation."""
    message: str | None
    """What that says, letter for letter, for float32 on the CPU."""
    reason: str | None
    """Why, in other words."""
    refused: Explanation | None
    """The view that there is none of, explained, if that is what PyTorch refused."""

    @property
    def code(self) -> str:
        """The tensor with all its operations, as they are written."""
        return self.name + "".join(stage.code for stage in self.stages[1:])

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a heading, then one for each stage."""
        labels = ("history.operation", "shape", "strides", "history.offset", "history.contiguous", "history.memory")
        rows = (
            (
                stage.code,
                str(stage.shape),
                str(stage.strides),
                str(stage.offset),
                WORDS["history.yes" if stage.contiguous else "history.no"],
                WORDS[f"history.memory.{stage.verdict}"].format(
                    bytes=stage.moved_bytes or stage.elements * self.itemsize
                ),
            )
            for stage in self.stages
        )
        return (tuple(WORDS[label] for label in labels), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence or two each."""
        if self.message is None:
            return tuple(WORDS[key].format(**values) for key, values in self._outcome())
        notes = [WORDS["history.failure"].format(name=self.code), f"PyTorch: {self.message}", str(self.reason)]
        if self.refused:
            words = {"name": self.refused.name, "sizes": _listed(self.refused.target)}
            notes.append(WORDS["history.fix"].format(bytes=self.refused.copied_bytes, **words))
        return tuple(notes)

    def _outcome(self) -> Iterator[tuple[str, dict[str, object]]]:
        last = self.stages[-1]
        shown = prod(last.shape)
        yield "history.success", {"name": self.code, **vars(last)}
        if last.memory:
            codes = ", ".join(stage.code for stage in self.stages if stage.verdict == "copy")
            moved = sum(stage.moved_bytes for stage in self.stages)
            yield "history.own", {"name": self.name, "bytes": moved, "codes": codes}
        elif len(self.stages) > 1:
            yield "history.shared", {"name": self.name}
        if not last.contiguous:
            yield "history.strided", {"bytes": shown * self.itemsize}
        if shown and any(size > 1 and step == 0 for size, step in zip(last.shape, last.strides, strict=True)):
            yield "history.overlap", {}
        elif shown < last.elements:
            yield "history.kept", {"elements": last.elements, "shown": shown}


def split_heads(
    x: jaxtyping.Shaped[ArrayT, "*batch seq_len embed_dim"], num_heads: int
) -> jaxtyping.Shaped[ArrayT, "*batch {num_heads} seq_len head_dim"]:
    """Split the last axis into attention heads, and bring the heads before the sequence.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(4, 32, 64)
    >>> print(f"Original: {x.shape}")
    Original: torch.Size([4, 32, 64])
    >>> print(f"After view: {x.view(4, 32, 8, 8).shape}")
    After view: torch.Size([4, 32, 8, 8])
    >>> print(f"After transpose: {layout.split_heads(x, 8).shape}")
    After transpose: torch.Size([4, 8, 32, 8])

    Parameters
    ----------
    x
        A vector for each position; an array or a tensor of any dtype.
    num_heads
        How many heads; it divides ``embed_dim``.

    Returns
    -------
    :
        ``head_dim`` is ``embed_dim // num_heads``; head ``h`` has the features from ``h * head_dim`` on. Always a view,
        whatever the strides of `x`, as one axis lies within one run. It is not contiguous.

    Raises
    ------
    ValueError
        If `num_heads` does not divide ``embed_dim``, or `x` has fewer than two axes.
    TypeError
        If `num_heads` is no int, such as ``64 / 8``.

    See Also
    --------
    merge_heads : the way back.
    torch.Tensor.unflatten : the split without the transpose.
    numpy.swapaxes : brings the heads to the front, after a reshape.

    Examples
    --------
    >>> layout.split_heads(x, 8).data_ptr() == x.data_ptr()
    True
    """
    shape = as_shape(as_array(x, "x").shape, "x")
    if len(shape) < 2:  # noqa: PLR2004  seq_len and embed_dim
        raise ValueError(
            f"x has shape {shape}; heads are split from (…, seq_len, embed_dim): write x[None] for one position"
        )
    *batch, seq_len, embed_dim = shape
    count = as_int(num_heads, "num_heads", "a number of heads is")
    if count < 1 or embed_dim % count:
        # Those of 0 are all numbers, those of a large one too many to name or to look for.
        divisors = [str(heads) for heads in range(1, min(embed_dim, 2**16) + 1) if embed_dim % heads == 0][:32]
        fix = f"choose one of {', '.join(divisors)}" if divisors else "write 1 or more"
        raise ValueError(f"num_heads is {count}, which does not divide embed_dim, the {embed_dim} of x; {fix}")
    split: ArrayT = x.reshape((*batch, seq_len, count, embed_dim // count))
    heads: ArrayT = split.swapaxes(-3, -2)
    return heads


def merge_heads(
    x: jaxtyping.Shaped[ArrayT, "*batch num_heads seq_len head_dim"],
) -> jaxtyping.Shaped[ArrayT, "*batch seq_len num_heads*head_dim"]:
    """Bring attention heads back to one vector for each position: the inverse of `split_heads`.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.randn(4, 32, 64)
    >>> torch.equal(layout.merge_heads(layout.split_heads(x, 8)), x)
    True

    Parameters
    ----------
    x
        What each head gives for each position; an array or a tensor of any dtype.

    Returns
    -------
    :
        The heads side by side on the last axis. The result of attention is a new tensor with the heads outermost in
        memory, and is copied; what `split_heads` gave goes back to a view.

    Raises
    ------
    ValueError
        If `x` has fewer than three axes.

    See Also
    --------
    split_heads : the way there.
    numpy.swapaxes : brings the heads back, before a reshape.
    torch.flatten : the merge without the transpose.

    Examples
    --------
    >>> attended = torch.zeros(4, 8, 32, 8)
    >>> layout.merge_heads(attended).data_ptr() == attended.data_ptr()
    False
    >>> layout.merge_heads(layout.split_heads(x, 8)).data_ptr() == x.data_ptr()
    True
    """
    shape = as_shape(as_array(x, "x").shape, "x")
    if len(shape) < 3:  # noqa: PLR2004  num_heads, seq_len and head_dim
        raise ValueError(
            f"x has shape {shape}; heads are merged from (…, num_heads, seq_len, head_dim): write x[None] for one head"
        )
    *batch, num_heads, seq_len, head_dim = shape
    swapped: ArrayT = x.swapaxes(-3, -2)
    merged: ArrayT = swapped.reshape((*batch, seq_len, num_heads * head_dim))
    return merged


def _row_major(sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(prod(max(size, 1) for size in sizes[axis + 1 :]) for axis in range(len(sizes)))


def _is_contiguous(sizes: Sequence[int], steps: Sequence[int]) -> bool:
    row_major = _row_major(sizes)
    return 0 in sizes or all(
        size == 1 or step == wanted for size, step, wanted in zip(sizes, steps, row_major, strict=True)
    )


def _as_strides(value: Any, shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise TypeError(
            f"strides is {quoted(value)}, of type {type(value).__name__}; strides are a sequence of ints, one for each "
            "axis: write x.stride()"
        )
    count = length(value)
    if count != len(shape):
        raise ValueError(
            f"strides has {quoted(count)} entries for the {len(shape)} axes of shape {shape}; give one for each, such as "
            "x.stride()"
        )
    try:
        steps = tuple(operator.index(step) for step in value)
    except Exception:  # noqa: BLE001  whatever an ``__index__`` raises, it is no stride
        raise TypeError(
            f"strides is {quoted(value)}; strides are ints, counted in elements: divide NumPy's by itemsize with //"
        ) from None
    if not all(map(is_short, steps)):
        raise ValueError(f"strides is {quoted(value)}; a stride is at most 64 digits long: write x.stride()")
    return steps


def _as_target(value: ShapeLike, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes of `value`, with -1 worked out, and refuse another number of elements than `shape` has."""
    given: list[Any] = [value]
    if isinstance(value, Sequence) and not isinstance(value, str) and length(value) <= MAX_RANK:
        given = [*value]
    unknown = [axis for axis, size in enumerate(given) if _is_minus_1(size)]
    elements = prod(shape)
    if not unknown:
        sizes = as_shape(value, "target")
        if prod(sizes) != elements:
            raise ValueError(
                f"target is {sizes}, which {prod(sizes)} elements fill; shape {shape} has {elements}, and neither view "
                "nor reshape adds or drops any"
            )
        return sizes
    sizes = as_shape([1 if axis in unknown else size for axis, size in enumerate(given)], "target")
    shown = tuple(-1 if axis in unknown else size for axis, size in enumerate(sizes))
    rest = prod(sizes)
    if len(unknown) > 1 or rest == 0:
        raise ValueError(
            f"target is {shown}; only one size can be worked out, and only beside sizes that are not 0: write the others"
        )
    if elements % rest:
        raise ValueError(
            f"target is {shown}, and {rest} does not divide the {elements} elements of shape {shape}; choose sizes that do"
        )
    return tuple(elements // rest if axis in unknown else size for axis, size in enumerate(sizes))


def _is_minus_1(size: Any) -> bool:
    try:
        return attribute(size, "shape") in ((), None) and operator.index(size) == -1
    except Exception:  # noqa: BLE001  whatever an ``__index__`` raises, it is not -1
        return False


def _runs(shape: Sequence[int], strides: Sequence[int]) -> list[tuple[tuple[int, ...], int, int]]:
    """Return the axes, elements and stride of each run, from the last axis on."""
    runs: list[tuple[tuple[int, ...], int, int]] = []
    for axis in range(-1, -1 - len(shape), -1):
        size, step = shape[axis], strides[axis]
        if runs:
            axes, elements, stride = runs[-1]
            if size == 1 or step == elements * stride:
                runs[-1] = (axis, *axes), elements * size, stride
                continue
        runs.append(((axis,), size, step))
    return runs


def _placed(runs: Sequence[tuple[tuple[int, ...], int, int]], target: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return for each axis of the target, from the last on, where it starts among the elements and the runs it meets."""
    bounds = [1, *accumulate((elements for _, elements, _ in runs), operator.mul)]
    placed: list[tuple[int, list[int]]] = []
    start = 1
    for size in reversed(target):
        end = start * size
        met = [run for run in range(len(runs)) if bounds[run] < end and start < bounds[run + 1]]
        if size == 1:  # it steps nowhere: PyTorch counts it to the run that ends there
            met = [next(run for run in range(len(runs)) if start <= bounds[run + 1])]
        placed.append((start // bounds[met[0]], met))
        start = end
    return placed


def _view(shape: tuple[int, ...], strides: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...] | None:
    if 0 in shape:
        return strides if shape == target else _row_major(target)
    if not shape:
        return (1,) * len(target)
    runs = _runs(shape, strides)
    placed = _placed(runs, target)
    if any(len(met) > 1 for _, met in placed):
        return None
    return tuple(offset * runs[met[0]][2] for offset, met in reversed(placed))


def _explain(
    source: tuple[int, ...], steps: tuple[int, ...], sizes: tuple[int, ...], name: str, itemsize: int
) -> Explanation:
    result = _view(source, steps, sizes)
    runs, conflicts = _explained(source, steps, sizes)
    contiguous = _is_contiguous(source, steps)
    words: dict[str, object] = {"name": name, "shape": source, "strides": steps, "contiguous": contiguous}
    return Explanation(
        name=name,
        shape=source,
        strides=steps,
        contiguous=contiguous,
        target=sizes,
        runs=runs,
        conflicts=conflicts,
        result=result,
        copied_bytes=0 if result is not None else itemsize * prod(source),
        steps=_steps(words | {"target": sizes, "result": result}, sizes, runs, conflicts),
        message=None if result is not None else _REFUSED,
    )


def _explained(
    shape: tuple[int, ...], strides: tuple[int, ...], target: tuple[int, ...]
) -> tuple[tuple[Run, ...], tuple[int, ...]]:
    """Return the runs from left to right, and the axes of the target that do not lie within one."""
    if 0 in shape or not shape:
        return (), ()
    runs = _runs(shape, strides)
    placed = {-1 - axis: met for axis, (_, met) in enumerate(_placed(runs, target))}
    conflicts = tuple(axis for axis, met in sorted(placed.items()) if len(met) > 1)
    explained: list[Run] = []
    for number, (axes, elements, stride) in enumerate(runs):
        within = tuple(axis for axis, met in sorted(placed.items()) if number in met)
        explained.append(Run(axes, elements, stride, within, not {*within} & {*conflicts}))
    return tuple(explained[::-1]), conflicts


def _steps(
    words: dict[str, object], target: Sequence[int], runs: Sequence[Run], conflicts: Sequence[int]
) -> tuple[str, ...]:
    listed = [
        WORDS["run.text"].format(axes=_listed(run.axes), elements=run.elements, stride=run.stride) for run in runs
    ]
    wrong = [WORDS["failure.axis"].format(axis=axis, size=target[axis]) for axis in conflicts]
    return (
        WORDS["contiguous" if words["contiguous"] else "strided"].format(**words),
        WORDS["runs"].format(runs="; ".join(listed)) if runs else WORDS["runs.none"],
        WORDS["within.not"].format(axes=_listed(conflicts), **words) if conflicts else WORDS["within"].format(**words),
        WORDS["failure"].format(axes="; ".join(wrong), **words) if conflicts else WORDS["success"].format(**words),
    )


def _next_stage(operation: Operation, last: Stage, code: str, itemsize: int) -> tuple[Stage, str]:
    """Return what an operation makes of a stage, and the sentence about it."""
    at = _history.Layout(last.shape, last.strides, last.offset)
    if operation.name in ("view", "reshape", "contiguous"):
        after, key = _reshaped(operation, last, code, itemsize)
    else:
        after, key = _history.changed(operation, at)
    copied = key == "history.copy"
    elements = prod(after.shape)
    stage = Stage(
        code=operation.code,
        shape=after.shape,
        strides=after.strides,
        offset=after.offset,
        contiguous=_is_contiguous(after.shape, after.strides),
        memory=last.memory + copied,
        elements=elements if copied else last.elements,
        verdict="copy" if copied else "view",
        moved_bytes=elements * itemsize if copied else 0,
    )
    said = WORDS[key].format(bytes=stage.moved_bytes, **vars(stage))
    state = WORDS["history.state" if stage.contiguous else "history.state.strided"].format(**vars(stage))
    return stage, f"{said} {state}"


def _reshaped(operation: Operation, at: Stage, code: str, itemsize: int) -> tuple[_history.Layout, str]:
    """Return what comes of an operation that gives a view where there is one, and a copy where it may."""
    is_rows = operation.name == "contiguous"
    target = at.shape if is_rows else _history.sized(operation.numbers, at.shape)
    found = _view(at.shape, at.strides, target)
    if is_rows:
        found = at.strides if at.contiguous else None
    if found is not None:
        return _history.Layout(target, found, at.offset), "history.same" if is_rows else "history.view"
    if operation.name == "view":
        view = _explain(at.shape, at.strides, target, code, itemsize)
        raise _history.Refusal("view", runs=view.steps[1], failure=view.steps[-1], view=view)
    return _history.Layout(target, _row_major(target), 0), "history.copy"


def _part(sizes: Sequence[int], axes: Sequence[int]) -> str:
    return str(tuple(sizes[axis] for axis in axes)) if axes else WORDS["none"]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
