"""How times and rates are written, and the table that they stand in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tensorref._typing import Number

NOTHING = "–"
_HEADING = ("median ms", "quartiles", "ratio", "95 % interval", "GFLOP/s", "GB/s", "of ceiling")


def figure(value: Number) -> str:
    """Write a number with three significant digits, without an exponent."""
    if value == 0:
        return "0"
    return f"{value:,.{min(9, max(0, 2 - math.floor(math.log10(abs(value)))))}f}"


def scale(seconds: float) -> tuple[float, str]:
    """Return what to multiply a time by to write it in its unit, and that unit."""
    return next((each for each in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")) if seconds * each[0] >= 1), (1e9, "ns"))


def table(labels: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return a heading and rows of labels and cells, without the columns that nobody fills."""
    columns = enumerate(zip((*labels, *_HEADING), *rows, strict=True))
    return tuple(zip(*(each for at, each in columns if at < len(labels) + 2 or {*each[1:]} - {NOTHING}), strict=True))


def note_of_caches(shares: Iterable[float | None]) -> tuple[str, ...]:
    """Return what it means that a share of the ceiling is above 1, where one is."""
    if not any((share or 0) > 1 for share in shares):
        return ()
    note = "the data stayed in a cache, which is faster than the memory; NumPy multiplied faster than PyTorch, with which the"
    return (f"Above 100 % of the ceiling: {note} ceiling is measured; or the machine was disturbed meanwhile.",)
