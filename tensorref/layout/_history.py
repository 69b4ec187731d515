"""A tensor from operation to operation.

``sphinxext/static/tensorref/layout.js`` is the same for the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any, Literal

from tensorref import _picture
from tensorref._arguments import as_itemsize, as_name
from tensorref._explanation import Fix, Illustrated, Messages
from tensorref._shape import as_shape, index_of
from tensorref._typing import ShapeLike
from tensorref.layout import _drawing, _operations, _views
from tensorref.layout._operations import Layout, Refusal, listed
from tensorref.layout._parsing import Operation, OperationsTextError, parse_operations
from tensorref.layout._views import Explanation
from tensorref.layout._words import OPERATIONS, WORDS

_MOST_DRAWN = 4  # stages


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
        ``.mT``, ``.T`` (of two axes), ``.expand(…)``, ``.view(…)``, ``.reshape(…)``, ``.contiguous()``, and in square
        brackets ints, slices, None and ``...``. At most 12, with numbers of at most 18 digits.
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
        If `operations` is not written as above, leads beyond 2**53 bytes, or has ``.T`` where there are not two axes,
        which PyTorch deprecates. What PyTorch itself refuses is no error
        here but the last stage.
    TypeError, ValueError
        If `shape` is not a shape, or takes more than 2**53 bytes.

    See Also
    --------
    explain : why one view works or does not.
    numpy.transpose : moves axes in NumPy.
    torch.permute : moves axes in PyTorch.
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
    * Runs of memory, each of which one stride can step through: axis -2 (3 elements, 1 apart); axis -1 (4 elements, 3 apart). x.mT has no view of shape (12,): axis -1, of size 12, would take more than one run of memory, but an axis has only one stride.
    * x.mT.reshape(12) or x.mT.contiguous().view(12) copies 48 bytes.
    >>> refused.stages[-1].verdict, refused.exception
    ('error', 'RuntimeError')
    """
    source = as_shape(shape, "shape")
    name, itemsize = as_name(name), as_itemsize(itemsize)
    if _operations.is_large(Layout(source, (), 0), itemsize):
        raise ValueError(f"shape is {OPERATIONS['large'].format(found=source)}")
    stages = [Stage(name, source, _views.row_major_strides(source), 0, True, 0, prod(source), "start", 0)]  # noqa: FBT003  a field
    steps = [WORDS["contiguous"].format(name=name, shape=source, strides=stages[0].strides)]
    refusal: Refusal | None = None
    refused: Any = None
    for operation in parse_operations(operations):
        code, last = name + "".join(stage.code for stage in stages[1:]), stages[-1]
        if operation.name == "T" and len(last.shape) != 2:  # noqa: PLR2004  a matrix
            order = listed([*range(len(last.shape))][::-1]) or "()"
            raise OperationsTextError(OPERATIONS["T"].format(found=".T", rank=len(last.shape), order=order))
        try:
            stage, sentence = _next_stage(operation, last, code, itemsize)
        except Refusal as error:
            refusal, refused = error, error.values.get("view")
            stages.append(replace(last, code=operation.code, verdict="error", moved_bytes=0))
            steps.append(WORDS["history.failure"].format(name=code + operation.code))
            break
        if _operations.is_large(Layout(stage.shape, stage.strides, 0), itemsize):
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
        messages=Messages(None, refusal.message) if refusal else None,
        reasons=(refusal.reason,) if refusal else (),
        fixes=refused.fixes if refused else (),
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
    """How many bytes it copied, 0 for a view. It read them where shape, strides and offset of the stage before point."""


@dataclass(frozen=True)
class History(Illustrated):
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
    messages: Messages | None
    """What that says, letter for letter, for float32 on the CPU."""
    reasons: tuple[str, ...]
    """Why, in other words."""
    fixes: tuple[Fix, ...]
    """What copies instead of the view that there is none of."""
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
        if self.messages is None:
            return tuple(WORDS[key].format(**values) for key, values in self._outcome())
        notes = [WORDS["history.failure"].format(name=self.code), *self.messages.notes(), *self.reasons]
        if self.refused:
            words = {"name": self.refused.name, "sizes": listed(self.refused.target)}
            notes.append(WORDS["history.fix"].format(bytes=self.refused.copied_bytes, **words))
        return tuple(notes)

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        return self.steps[0], " ".join(self.steps[1:]) or self.steps[0]

    def _drawn(self) -> _picture.Drawing:
        """Draw the stages below each other, with an element of the same color and number in all."""
        parts: list[_picture.Drawing] = []
        for number in _picture.visible(len(self.stages), _MOST_DRAWN):
            if number is None:
                part = _picture.Drawing()
                part.text((0, 0), "⋮")
            elif self.stages[number].verdict == "error":
                part = _drawing.refused(self.stages[number].code)
            else:
                stage = self.stages[number]
                part = _drawing.drawn(
                    stage.code,
                    Layout(stage.shape, stage.strides, stage.offset),
                    stage.elements,
                    partial(self._origin, stage.memory),
                    self.stages[0].elements,
                )
            parts.append(part)
        return _picture.stacked(parts)

    def _origin(self, memory: int, place: int) -> int:
        """Return where in the first memory the element began that lies at a place of another one."""
        for made in range(memory, 0, -1):
            number = next(number for number, stage in enumerate(self.stages) if stage.memory == made)
            before = self.stages[number - 1]
            index = index_of(place, before.shape)
            place = _drawing.place_of(Layout(before.shape, before.strides, before.offset), index)
        return place

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


def _next_stage(operation: Operation, last: Stage, code: str, itemsize: int) -> tuple[Stage, str]:
    """Return what an operation makes of a stage, and the sentence about it."""
    at = Layout(last.shape, last.strides, last.offset)
    if operation.name in ("view", "reshape", "contiguous"):
        after, key = _reshaped(operation, last, code, itemsize)
    else:
        after, key = _operations.changed(operation, at)
    copied = key == "history.copy"
    elements = prod(after.shape)
    stage = Stage(
        code=operation.code,
        shape=after.shape,
        strides=after.strides,
        offset=after.offset,
        contiguous=_views.is_row_major(after.shape, after.strides),
        memory=last.memory + copied,
        elements=elements if copied else last.elements,
        verdict="copy" if copied else "view",
        moved_bytes=elements * itemsize if copied else 0,
    )
    said = WORDS[key].format(bytes=stage.moved_bytes, **vars(stage))
    state = WORDS["history.state" if stage.contiguous else "history.state.strided"].format(**vars(stage))
    return stage, f"{said} {state}"


def _reshaped(operation: Operation, at: Stage, code: str, itemsize: int) -> tuple[Layout, str]:
    """Return what comes of an operation that gives a view where there is one, and a copy where it may."""
    is_rows = operation.name == "contiguous"
    target = at.shape if is_rows else _operations.sized(operation.numbers, at.shape)
    found = _views.strides_of_view(at.shape, at.strides, target)
    if is_rows:
        found = at.strides if at.contiguous else None
    if found is not None:
        return Layout(target, found, at.offset), "history.same" if is_rows else "history.view"
    if operation.name == "view":
        view = _views.explained_view(at.shape, at.strides, target, code, itemsize)
        raise Refusal("view", runs=view.steps[1], failure=view.steps[-1], view=view)
    return Layout(target, _views.row_major_strides(target), 0), "history.copy"
