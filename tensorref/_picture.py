"""Draws the pictures of explanations: SVG from plain strings, at home in a light and in a dark page.

Nothing here knows a rule. A concept says what its cells hold and how they are marked; this lays them out, leaves out
what nobody could see, and writes the text of the file. Every mark has its color and its line, so that the color is
never the only sign. Lengths are whole numbers of SVG's units, which are pixels where there is room.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import hypot, prod
from typing import NamedTuple

from tensorref._shape import index_of, number_of

__all__ = [
    "CELL",
    "CONFLICT",
    "COPY",
    "DASHES",
    "EMPTY",
    "GAP",
    "READ",
    "RESULT",
    "STORED",
    "Drawing",
    "Mark",
    "Side",
    "bars",
    "boxes",
    "flow",
    "grid",
    "hue_of",
    "planes",
    "refusal",
    "shortened",
    "stacked",
    "svg",
    "visible",
    "width_of",
    "wrapped",
]

CELL = 28
_LETTER = 8  # the width of a letter of 13 pixels in any monospaced font, rounded up
_DEPTH = 11  # how far a cube goes back for each index of its first axis, both to the right and up
GAP = 16
_HEAD = 8  # the length of the head of an arrow
_TABLE = 2  # axes
_CUBE = 3
_WIDTH = 460  # where `flow` begins a new line; at this width letters are still read on a phone
_SHOWN = (8, 8, 5, 4)  # places of an axis, by the number of axes, that are drawn before the middle is left out
_LONGEST = 32  # letters of a text

# Hues of Okabe and Ito, which differ to every eye; the page may give its own.
_HUES = ("#0072b2", "#009e73", "#cc79a7", "#d55e00")
# The line of each axis, counted from the last: solid, dashed, dotted.
DASHES = ("", "6 3", "2 3")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Mark(NamedTuple):
    """How a cell looks."""

    hue: int = 0
    """1 to 3 for the axis that it stands for, counted from the last; 4 for a conflict; 0 for the color of the text."""
    tint: int = 8
    """How much of the hue fills it, in percent."""
    dash: str = ""
    thick: bool = False
    faded: bool = False


STORED = Mark()
RESULT = Mark(tint=20)
COPY = Mark(tint=6, dash="3 3", faded=True)
READ = Mark(1, 34, thick=True)
EMPTY = Mark(tint=0, dash="1 4", faded=True)
CONFLICT = Mark(4, 14, thick=True)
NOTHING = Mark(tint=0, faded=True)  # leaves a place without a cell


class Side(NamedTuple):
    """An axis of a grid: its size, what its bracket says, and the hue of both."""

    size: int
    label: str
    hue: int
    conflict: bool = False
    wanted: Sequence[int] = ()
    """The places to draw before others, where there are too many for all."""


@dataclass
class Drawing:
    """Elements of SVG and the rectangle that holds them; `flow` puts the point (0, 0) of all on one line."""

    parts: list[str] = field(default_factory=list)
    outlines: dict[str, list[str]] = field(default_factory=dict)
    """Those that look the same, which are one group."""
    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def reach(self, left: int, top: int, right: int, bottom: int) -> None:
        """Take a rectangle in."""
        if self.parts or self.outlines:
            left, top = min(left, self.left), min(top, self.top)
            right, bottom = max(right, self.right), max(bottom, self.bottom)
        self.left, self.top, self.right, self.bottom = left, top, right, bottom

    def outline(self, path: str, mark: Mark) -> None:
        """Draw a closed outline, within what is reached already."""
        color = _color(mark.hue)
        fill = f' fill="{color}" fill-opacity="{_percent(mark.tint)}"' if mark.tint else ' fill="none"'
        line = f' stroke-dasharray="{mark.dash}"' if mark.dash else ""
        width = ' stroke-width="3"' if mark.thick else ""
        self.outlines.setdefault(f'stroke="{color}"{fill}{line}{width}', []).append(f'<path d="{path}"/>')

    def box(self, corner: tuple[int, int], size: tuple[int, int], mark: Mark, text: str = "") -> None:
        """Draw a cell with a text in it."""
        (x, y), (width, height) = corner, size
        self.reach(x, y, x + width, y + height)
        self.outline(f"M{x} {y}h{width}v{height}h-{width}z", mark)
        if text:
            self.text((x + width // 2, y + height // 2), text, faded=mark.faded, bold=mark.thick)

    def text(
        self, at: tuple[int, int], text: str, anchor: str = "middle", *, faded: bool = False, bold: bool = False
    ) -> None:
        """Write a text with its middle, start or end at a point."""
        if not text:
            return
        x, y = at
        shown = shortened(text)
        width = len(shown) * _LETTER
        left = {"start": x, "middle": x - width // 2, "end": x - width}[anchor]
        self.reach(left, y - 9, left + width, y + 9)
        given = "" if anchor == "middle" else f' text-anchor="{anchor}"'
        given += ' fill-opacity=".7"' if faded else ""
        given += ' font-weight="700"' if bold else ""
        self.parts.append(f'<text x="{x}" y="{y + 5}"{given}>{html.escape(shown, quote=False)}</text>')

    def line(self, path: str, ends: Sequence[tuple[int, int]], hue: int = 0, dash: str = "") -> None:
        """Draw an open line, which stays within the rectangle of `ends`."""
        xs, ys = zip(*ends, strict=True)
        self.reach(min(xs), min(ys), max(xs), max(ys))
        given = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<path d="{path}" stroke="{_color(hue)}" fill="none" stroke-width="2"{given}/>')

    def arrow(self, start: tuple[int, int], end: tuple[int, int], hue: int = 0, dash: str = "") -> None:
        """Draw a straight line with a head at its end."""
        (x, y), (to_x, to_y) = start, end
        length = hypot(to_x - x, to_y - y) or 1
        along, across = ((to_x - x) / length * _HEAD, (to_y - y) / length * _HEAD), _HEAD / 2
        back_x, back_y = to_x - along[0], to_y - along[1]
        side_x, side_y = along[1] / _HEAD * across, along[0] / _HEAD * across
        left, right = ((round(back_x + sign * side_x), round(back_y - sign * side_y)) for sign in (1, -1))
        self.line(f"M{x} {y}L{to_x} {to_y}", [start, end], hue, dash)
        self.line(f"M{left[0]} {left[1]}L{to_x} {to_y}L{right[0]} {right[1]}", [left, end, right], hue)

    def elements(self) -> str:
        """Return the text of all elements, outlines below what is written on them."""
        groups = (f"<g {look}>{''.join(outlines)}</g>" for look, outlines in self.outlines.items())
        return "".join([*groups, *self.parts])

    def place(self, other: Drawing, x: int, y: int) -> None:
        """Put another drawing with its point (0, 0) at a point of this one."""
        self.reach(other.left + x, other.top + y, other.right + x, other.bottom + y)
        self.parts.append(f'<g transform="translate({x} {y})">{other.elements()}</g>')

    def heading(self, text: str, x: int | None = None) -> None:
        """Write a text above all that is there."""
        self.text(((self.left + self.right) // 2 if x is None else x, self.top - 13), text, bold=True)


def svg(drawing: Drawing, title: str, description: str, name: str | None) -> str:
    """Return the text of a file, with a title and a description for those who do not see it."""
    margin = 6
    left, top = drawing.left - margin, drawing.top - margin
    width, height = drawing.right + margin - left, drawing.bottom + margin - top
    said = [html.escape(_NO_XML.sub("\ufffd", text), quote=False) for text in (title, description)]
    body = drawing.elements()
    from hashlib import sha256  # takes longer to load than all else here

    name = name or f"tensorref-{sha256((''.join(said) + body).encode()).hexdigest()[:12]}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tensorref-picture" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" viewBox="{left} {top} {width} {height}" '
        f'width="{width}" height="{height}" fill="currentColor" stroke-width="1.25" stroke-linejoin="round">'
        f'<title id="{name}-title">{said[0]}</title><desc id="{name}-desc">{said[1]}</desc>'
        '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" text-anchor="middle">'
        f"{body}</g></svg>"
    )


def shortened(text: str) -> str:
    """Return a text as it is drawn: without its end where it is long."""
    text = _NO_XML.sub("\ufffd", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def width_of(*texts: str) -> int:
    """Return how wide the widest of some texts is drawn."""
    return max((len(shortened(text)) for text in texts), default=0) * _LETTER


def wrapped(text: str, most: int) -> list[str]:
    """Return a text as lines that are drawn whole, and without its end where it has more than `most`."""
    import textwrap  # few pictures need it

    return textwrap.wrap(text, _LONGEST, max_lines=most, placeholder=" …")


def visible(size: int, most: int, wanted: Sequence[int] = ()) -> list[int | None]:
    """Return the places of an axis that are drawn, with None for those between that are not."""
    if size <= most:
        return [*range(size)]
    shown = sorted({0, *(sorted({*wanted})[: most - 2] or range(most - 2)), size - 1})
    pairs = zip(shown, [*shown[1:], size], strict=True)
    return [each for place, after in pairs for each in ([place] if after == place + 1 else [place, None])]


def flow(drawings: Sequence[Drawing], signs: Sequence[str]) -> Drawing:
    """Put drawings side by side with signs between, and on a new line where they become too wide for a phone."""
    lines: list[Drawing] = []
    line, x = Drawing(), 0
    for drawing, sign in zip(drawings, ("", *signs), strict=True):
        wide = drawing.right - drawing.left + 2 * GAP
        if x and x + wide > _WIDTH:
            lines.append(line)
            line, x = Drawing(), 0
        if drawing is not drawings[0]:
            line.text((x + GAP, 0), sign, bold=True)
            x += 2 * GAP
        line.place(drawing, x - drawing.left, 0)
        x += drawing.right - drawing.left
    return stacked([*lines, line])


def refusal(text: str) -> Drawing:
    """Draw that there is nothing, with its middle at (0, 0)."""
    drawing = Drawing()
    drawing.box((-CELL // 2, -CELL // 2), (CELL, CELL), CONFLICT, text)
    return drawing


def stacked(drawings: Sequence[Drawing], gap: int = GAP) -> Drawing:
    """Put drawings below each other."""
    whole, y = Drawing(), 0
    for drawing in drawings:
        whole.place(drawing, -drawing.left, y - drawing.top)
        y += drawing.bottom - drawing.top + gap
    return whole


def grid(
    sides: Sequence[Side], cell: Callable[[tuple[int, ...]], tuple[str, Mark]], most: int | None = None
) -> Drawing:
    """Draw an array of up to three axes: a cell, a row, a table or a cube, with its sizes on brackets.

    `cell` says what stands at an index, which has an entry for every side; the middle of the front is at (0, 0). `most` is
    how many places of an axis are drawn.
    """
    ndim = len(sides)
    most = most or _SHOWN[ndim]
    depths, rows, columns = (
        visible(side.size, most, side.wanted) for side in (*(Side(1, "", 0),) * (_CUBE - ndim), *sides)
    )
    rows = rows if depths else []
    drawn = {
        (d, r, c): cell((d, r, c)[_CUBE - ndim :])
        for d, r, c in product(depths, rows, columns)
        if d is not None and r is not None and c is not None and (d == 0 or r == 0 or c == columns[-1])
    }
    texts = (text for (d, _, _), (text, _) in drawn.items() if d == 0)
    wide, high = max(CELL, width_of(*texts) + 6), CELL
    width, height = wide * max(len(columns), 1), high * max(len(rows), 1)
    x0, y0 = -(width // 2), -(height // 2)
    drawing = Drawing()
    if not drawn:
        drawing.box((x0, y0), (width, height), EMPTY, "0")
    else:
        for (n, row), (m, column) in product(enumerate(rows), enumerate(columns)):
            x, y = x0 + m * wide, y0 + n * high
            if row is None or column is None:
                drawing.text((x + wide // 2, y + high // 2), "⋮" if row is None else "…", faded=True)
            else:
                text, mark = drawn[0, row, column]
                if mark != NOTHING:
                    drawing.box((x, y), (wide, high), mark, text)
        if ndim == _CUBE:
            _faces(drawing, (x0, y0), wide, drawn, (depths, rows, columns))
    if ndim:
        _bracket(drawing, sides[-1], (x0, y0 + height + 6), (x0 + width, y0 + height + 6))
    if ndim > 1:
        _bracket(drawing, sides[-2], (x0 - 6, y0), (x0 - 6, y0 + height))
    if ndim == _CUBE:
        back = max(len(depths), 1) * _DEPTH
        _bracket(drawing, sides[-3], (x0 - 5, y0 - 5), (x0 - 5 + back, y0 - 5 - back))
    return drawing


def planes(sides: Sequence[Side], cell: Callable[[tuple[int, ...]], tuple[str, Mark]], most: int = 3) -> Drawing:
    """Draw an array of any number of axes: of more than two, the last two as tables for a few places of the others.

    The tables stand below each other, at most about `most` of them, each under its place; one bracket spans them all.
    """
    if len(sides) <= _TABLE:
        return grid(sides, cell)
    stack = sides[:-_TABLE]
    sizes = [side.size for side in stack]
    # The first places that are wanted on each axis, as a number of all of them in row-major order.
    wanted = number_of([min(side.wanted, default=0) for side in stack], sizes)
    parts: list[Drawing] = []
    for number in visible(prod(sizes), most, [wanted]):
        part = Drawing()
        if number is None:
            part.text((0, 0), "⋮", faded=True)
            part.reach(parts[0].left, 0, parts[0].right, 0)
        else:
            before = index_of(number, sizes)
            part = grid(sides[-_TABLE:], _behind(before, cell))
            part.heading(f"[{', '.join(map(str, before))}]", 0)
        parts.append(part)
    if not parts:
        parts = [grid([sides[-2]._replace(size=0), sides[-1]], cell)]
    whole = stacked(parts)
    drawing = Drawing()
    drawing.place(whole, -(whole.left + whole.right) // 2, -(whole.top + whole.bottom) // 2)
    label = " × ".join(side.label for side in stack)
    hue = next((side.hue for side in stack if side.hue), 0)
    top, bottom = drawing.top, drawing.bottom
    spanning = Side(prod(sizes), label, hue, any(side.conflict for side in stack))
    _bracket(drawing, spanning, (drawing.left - 6, top), (drawing.left - 6, bottom))
    return drawing


def _behind(
    before: tuple[int, ...], cell: Callable[[tuple[int, ...]], tuple[str, Mark]]
) -> Callable[[tuple[int, ...]], tuple[str, Mark]]:
    """Return what says what stands at an index of the last axes."""
    return lambda index: cell((*before, *index))


def boxes(labels: Sequence[str], rows: Sequence[Sequence[tuple[str, Mark]]], heading: Sequence[str] = ()) -> Drawing:
    """Draw what is said of each axis in a box: a line of boxes for each label, the headings above."""
    columns = max(map(len, rows), default=0)
    drawing = grid(
        [Side(len(rows), "", 0), Side(columns, "", 0)],
        lambda index: rows[index[0]][index[1]] if index[1] < len(rows[index[0]]) else ("", NOTHING),
        max(len(rows), columns, 1),
    )
    left, top, wide = drawing.left, drawing.top, (drawing.right - drawing.left) // max(columns, 1)
    for line, label in enumerate(labels):
        drawing.text((left - GAP, top + line * CELL + CELL // 2), label, "end", bold=True)
    for column, text in enumerate(heading):
        drawing.text((left + column * wide + wide // 2, top - 14), text)
    return drawing


def bars(rows: Sequence[tuple[str, int, str]], hue: int, longest: int) -> Drawing:
    """Draw a bar for each label, as long as its number, with a text behind it; the bars begin at 0."""
    drawing = Drawing()
    most = max((number for _, number, _ in rows), default=0) or 1
    for line, (label, number, text) in enumerate(rows):
        y, width = line * CELL, number * longest // most
        drawing.text((-GAP // 2, y + CELL // 2), label, "end", bold=True)
        drawing.box((0, y + 4), (max(width, 1), CELL - 8), Mark(hue, 34))
        drawing.text((width + GAP // 2, y + CELL // 2), text, "start")
    return drawing


def hue_of(axis: int) -> int:
    """Return the hue of an axis, counted from the right by a number below 0; there are three."""
    return (-axis - 1) % 3 + 1


def _faces(
    drawing: Drawing,
    corner: tuple[int, int],
    wide: int,
    drawn: Mapping[tuple[int, int, int], tuple[str, Mark]],
    places: tuple[Sequence[int | None], Sequence[int | None], Sequence[int | None]],
) -> None:
    """Draw the top and the right face of a cube, with its elements there."""
    (x0, y0), (depths, rows, columns) = corner, places
    right = x0 + wide * len(columns)
    drawing.reach(x0, y0 - _DEPTH * len(depths), right + _DEPTH * len(depths), y0)

    def mark(depth: int | None, row: int | None, column: int | None) -> Mark:
        return EMPTY if depth is None or row is None or column is None else drawn[depth, row, column][1]

    for k, depth in enumerate(depths):
        x, y = x0 + k * _DEPTH, y0 - k * _DEPTH
        for n, column in enumerate(columns):
            top = f"M{x + n * wide} {y}h{wide}l{_DEPTH} -{_DEPTH}h-{wide}z"
            drawing.outline(top, mark(depth, 0, column))
        for n, row in enumerate(rows):
            side = f"M{right + k * _DEPTH} {y + n * CELL}v{CELL}l{_DEPTH} -{_DEPTH}v-{CELL}z"
            drawing.outline(side, mark(depth, row, columns[-1]))


def _bracket(drawing: Drawing, side: Side, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw a bracket below, to the left, or along the depth, with what it says beside its middle; none for an axis that is not there."""
    if not side.label:
        return
    (x, y), (to_x, to_y) = start, end
    hue = len(_HUES) if side.conflict else side.hue
    dash = DASHES[side.hue - 1] if side.hue else ""
    label = f"✗ {side.label}" if side.conflict else side.label
    middle_x, middle_y = (x + to_x) // 2, (y + to_y) // 2
    if y == to_y:
        drawing.line(f"M{x + 1} {y}v5H{to_x - 1}v-5", [(x, y), (to_x, y + 5)], hue, dash)
        drawing.text((middle_x, y + 17), label, bold=side.conflict)
    elif x == to_x:
        drawing.line(f"M{x} {y + 1}h-5V{to_y - 1}h5", [(x - 5, y), (x, to_y)], hue, dash)
        drawing.text((x - 11, middle_y), label, "end", bold=side.conflict)
    else:
        drawing.line(f"M{x} {y}l-3 -3l{to_x - x} -{y - to_y}l3 3", [(x - 3, y), (to_x, to_y - 3)], hue, dash)
        drawing.text((middle_x - 13, middle_y - 7), label, "end", bold=side.conflict)


def _color(hue: int) -> str:
    return f"var(--tensorref-hue-{hue},{_HUES[hue - 1]})" if hue else "currentColor"


def _percent(number: int) -> str:
    return f"{number / 100:g}".removeprefix("0")
