"""Pictures of tensors in memory: each element has the color and the number of its place, wherever a view shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from tensorref import _picture
from tensorref._picture import Drawing, Mark, Side
from tensorref._shape import index_of
from tensorref.layout._operations import Layout

_PLACES = 12  # of a memory that are drawn before its middle is left out
_STRONGEST = 44  # percent; the number in the cell is read on it
_MOST_WAYS = 1000


def place_of(at: Layout, index: Sequence[int]) -> int:
    """Return where in its memory an element lies."""
    return at.offset + sum(i * stride for i, stride in zip(index, at.strides, strict=True))


def refused(title: str) -> Drawing:
    """Draw that an operation gives nothing."""
    drawing = _picture.refusal("✗")
    drawing.heading(title, 0)
    return drawing


def drawn(title: str, at: Layout, memory: int, origin: Callable[[int], int], elements: int) -> Drawing:
    """Draw a tensor as a table, and below it the memory that it reads.

    `memory` is how many elements that has, and `origin` says which element of the first memory lies at a place of this;
    that has `elements`, among which the color tells.
    """

    def cell(place: int) -> tuple[str, Mark]:
        element = origin(place)
        return str(element), Mark(1, 4 + (_STRONGEST - 4) * element // max(elements - 1, 1))

    table = _table(at, cell)
    table.heading(title, (table.left + table.right) // 2)
    return _picture.stacked([table, _strip(at, memory, cell)], 4)


def _table(at: Layout, cell: Callable[[int], tuple[str, Mark]]) -> Drawing:
    """Draw the elements by their indices, with more than two axes the last two of a few of the first."""
    sides = [
        Side(size, f"{size} (+{stride})", _picture.hue_of(axis - len(at.shape)))
        for axis, (size, stride) in enumerate(zip(at.shape, at.strides, strict=True))
    ]
    if len(at.shape) <= 2:  # noqa: PLR2004  a table
        return _picture.grid(sides, lambda index: cell(place_of(at, index)))
    stack = at.shape[:-2]
    shown = _picture.visible(prod(stack), 3)
    parts: list[Drawing] = []
    for number in shown:
        part = Drawing()
        if number is None:
            part.text((0, 0), "⋮", faded=True)
        else:
            first = index_of(number, stack)
            start = place_of(at, (*first, 0, 0))
            part = _table(Layout(at.shape[-2:], at.strides[-2:], start), cell)
            part.heading(f"[{', '.join(map(str, first))}]", 0)
        parts.append(part)
    return _picture.stacked(parts or [_picture.grid([Side(0, "", 0)], lambda index: cell(index[0]))])


def _strip(at: Layout, memory: int, cell: Callable[[int], tuple[str, Mark]]) -> Drawing:
    """Draw the memory in a row, its places faded that the tensor does not read."""
    places = _picture.visible(memory, _PLACES)
    read = _read(at, places)

    def look(index: tuple[int, ...]) -> tuple[str, Mark]:
        text, mark = cell(index[0])
        short = text if len(text) < 3 else ""  # noqa: PLR2004  it fits
        return short, mark if index[0] in read else _picture.EMPTY

    return _picture.grid([Side(memory, "", 0)], look, _PLACES)


def _read(at: Layout, places: Sequence[int | None]) -> set[int]:
    """Return those of `places` that the tensor reads."""
    if 0 in at.shape:
        return set()
    axes = sorted(((stride, size) for stride, size in zip(at.strides, at.shape, strict=True) if stride), reverse=True)
    return {place for place in places if place is not None and _reaches(axes, place - at.offset)}


def _reaches(axes: Sequence[tuple[int, int]], distance: int) -> bool:
    """Tell whether strides with their sizes, the largest first, add up to a distance."""
    left = {distance}
    for n, (stride, size) in enumerate(axes):
        smaller = sum(step * (count - 1) for step, count in axes[n + 1 :])
        ways = {rest: range(max(0, -((smaller - rest) // stride)), min(size - 1, rest // stride) + 1) for rest in left}
        if sum(map(len, ways.values())) > _MOST_WAYS:
            return True  # axes that overlap so often leave nothing out
        left = {rest - count * stride for rest, counts in ways.items() for count in counts}
    return 0 in left
