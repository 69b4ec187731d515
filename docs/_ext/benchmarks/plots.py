"""The figures of the benchmarks page, as SVG that stands in the page and takes the color of its text."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from tensorref.benchmark import Candidate, Ceiling, Entry
from tensorref.benchmark._table import figure as written

TEXT = "#010203"  # stands for the color of the page's text
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", TEXT)
"""Of Okabe and Ito, those with a contrast of 3 to 1 on white and on black."""
MARKERS = "os^Dv"
STYLE = {
    "svg.fonttype": "none",
    "font.size": 9,
    "legend.fontsize": 8,
    "lines.markersize": 4,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), TEXT),
    "axes.facecolor": "none",
    "grid.color": TEXT,
    "grid.alpha": 0.2,
}
Series = dict[str, tuple[list[float], list[float]]]


def matmul(entries: Sequence[Entry], start: int | None, caption: str) -> str:
    """Draw floating-point operations per second over the size of the matrices, a line a candidate, and where the accelerator begins to win."""
    series: Series = {}
    for entry in entries:
        for candidate in entry.comparison.candidates:
            _add(series, candidate.name, entry.size, _rate(candidate))
    with mpl.rc_context(STYLE):
        figure, axes = _axes("n", "GFLOP/s")
        _draw(axes, series)
        if start:
            axes.axvline(start, color=TEXT, linestyle=":", label=f"from n = {start} on the accelerator is the fastest")
        _size_ticks(axes, {entry.size for entry in entries})
        return _svg(figure, f"{caption}. Both axes are logarithmic. {_ends(series, 'n')}", caption)


def ratios(entries: Sequence[Entry], caption: str) -> str:
    """Draw the time of each candidate over that of the first of its comparison, over the size."""
    series: Series = {}
    for entry in entries:
        for candidate in entry.comparison.candidates[1:]:
            _add(series, f"{entry.group}: {candidate.name}", entry.size, candidate.ratio)
    with mpl.rc_context(STYLE):
        figure, axes = _axes("n", "ratio of times")
        _draw(axes, series)
        axes.axhline(1, color=TEXT, linestyle=":")
        _size_ticks(axes, {entry.size for entry in entries})
        return _svg(figure, f"{caption}. Both axes are logarithmic. {_ends(series, 'n')}", caption)


def roofline(entries: Iterable[Entry], ceilings: Sequence[Ceiling], caption: str) -> str:
    """Draw the roof of each dtype, and below it matrix products of all sizes and the rest at the largest."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for entry in _largest(entries):
        for candidate in entry.comparison.candidates:
            if candidate.ceiling in ceilings and candidate.work and candidate.flops_per_second:
                point = candidate.work.intensity, _rate(candidate)
                points.setdefault((candidate.ceiling.dtype, entry.group), []).append(point)
    dtypes = [ceiling.dtype for ceiling in ceilings]
    groups = dict(zip(dict.fromkeys(group for _, group in points), MARKERS, strict=False))
    intensities = [x for each in points.values() for x, _ in each] + [ceiling.ridge for ceiling in ceilings]
    ends = min(intensities) / 2, max(intensities) * 2
    with mpl.rc_context(STYLE):
        figure, axes = _axes("intensity (FLOP/byte)", "GFLOP/s")
        for ceiling, color in zip(ceilings, COLORS, strict=False):
            corners = [ends[0], ceiling.ridge, ends[1]]
            heights = [ceiling.attainable(x) / 1e9 for x in corners]
            axes.plot(corners, heights, color=color, label=f"roof, {ceiling.dtype}")
        for group, marker in groups.items():
            axes.plot([], [], marker, color=TEXT, label=group)
        for (dtype, group), each in points.items():
            axes.plot(
                *zip(*each, strict=True), groups[group], color=COLORS[dtypes.index(dtype)], markerfacecolor="none"
            )
        axes.xaxis.set_major_formatter(_number)
        roofs = "; ".join(
            f"{each.dtype} {written(each.flops_per_second / 1e9)} GFLOP/s from intensity {written(each.ridge)} on"
            for each in ceilings
        )
        words = f"{caption}. Both axes are logarithmic. Height of the flat part of the roof: {roofs}."
        return _svg(figure, words, caption, columns=2)


def _largest(entries: Iterable[Entry]) -> list[Entry]:
    """Keep all matrix products, and of the rest the largest, which no cache holds."""
    entries = [*entries]
    largest = {entry.group: max(each.size for each in entries if each.group == entry.group) for entry in entries}
    return [entry for entry in entries if entry.group in {"matmul", "dtypes"} or entry.size == largest[entry.group]]


def _rate(candidate: Candidate) -> float:
    return (candidate.flops_per_second or 0) / 1e9


def _add(series: Series, name: str, x: float, y: float) -> None:
    for values, value in zip(series.setdefault(name, ([], [])), (x, y), strict=True):
        values.append(value)


def _axes(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.grid()
    return figure, axes


def _draw(axes: Axes, series: Series) -> None:
    for index, (name, (x, y)) in enumerate(series.items()):
        color = COLORS[index % len(COLORS)]
        axes.plot(x, y, f"{MARKERS[index % len(MARKERS)]}-", color=color, label=name, linewidth=1.2)


def _size_ticks(axes: Axes, sizes: set[int]) -> None:
    ordered = sorted(sizes)
    shown = ordered[:: max(1, -(-len(ordered) // 4))]
    axes.set_xticks(shown, labels=map(str, shown))
    axes.set_xticks([], minor=True)


def _ends(series: Series, name: str) -> str:
    """Say in words where each line ends."""
    return "; ".join(f"{label}: {written(y[-1])} at {name} = {x[-1]}" for label, (x, y) in series.items()) + "."


def _number(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _svg(figure: Figure, words: str, caption: str, columns: int = 1) -> str:
    axes: Any = figure.axes[0]
    low, high = axes.get_ylim()
    narrow = high / low < 30  # noqa: PLR2004  powers of ten alone would be too few
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if narrow else (1,), numticks=6))
    axes.yaxis.set_major_formatter(_number)
    axes.yaxis.set_minor_formatter("")
    figure.legend(loc="outside lower left", ncols=columns)
    rows = -(-len(axes.get_legend_handles_labels()[1]) // columns)
    figure.set_figheight(2.6 + 0.17 * rows)
    file = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": words}):  # so that no two figures of a page share an id
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)  # a style would hold of the whole page
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "var(--font-stack)", text).replace(TEXT, "currentColor")
    text = re.sub(
        r'^<svg[^>]*?width="[^"]*" height="[^"]*"', f'<svg role="img" aria-label="{html.escape(words)}"', text
    )
    return f'<figure class="benchmark">\n{text}\n<figcaption>{html.escape(caption)}</figcaption>\n</figure>'
