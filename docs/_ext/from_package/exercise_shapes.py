"""Draws what comes into an exercise and what is to come out, from an input that its checker tries.

The names of the axes are those of the starter's annotations. A name has one hue wherever it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tensorref import _picture
from tensorref._picture import CELL, COPY, EMPTY, RESULT, STORED, Drawing, Mark, Side

if TYPE_CHECKING:
    import numpy as np

    from tensorref.exercises import Exercise

_CUBE = 3  # axes; an array with more is a line of boxes, one for each axis
_HUES = 3
_HIGHEST = 420  # units of a picture that is still seen at once
_WIDEST = 999  # a whole number that still fits into a cell


def drawn(exercise: Exercise) -> tuple[Drawing, str] | None:
    """Return the picture and what it says, or None where something is neither an array nor a number."""
    rules = exercise._rules  # noqa: SLF001  the page is made of the checker's own input
    case = next(iter(rules.cases()))
    inputs, outputs = annotated(exercise)
    given = [_array(value) for value in case]
    wanted = rules.expected(*case)
    results = [_array(value) for value in (wanted if len(rules.results) > 1 else (wanted,))]
    if None in (kinds := [*map(_kind, (*given, *results))]) or "array" not in kinds:
        return None
    named = [
        *(
            (name, value, _labels(axes, value), STORED)
            for name, value, axes in zip(rules.parameters, given, inputs, strict=True)
        ),
        *(
            (name, value, _labels(axes, value), RESULT)
            for name, value, axes in zip(rules.results, results, outputs, strict=True)
        ),
    ]
    order = [*dict.fromkeys(label for _, _, labels, _ in named for label in labels)]
    hues = {label: place % _HUES + 1 for place, label in enumerate(order)}
    signs = [","] * (len(given) - 1) + ["→"] + [","] * (len(results) - 1)
    drawing = _picture.flow([_drawing(*one, hues) for one in named], signs)
    if drawing.bottom - drawing.top > _HIGHEST:
        drawing = _boxes(named, hues)
    words = [_words(*one) for one in named]
    return drawing, f"Given {'; '.join(words[: len(given)])}. Wanted {'; '.join(words[len(given) :])}."


def annotated(exercise: Exercise) -> tuple[list[list[str]], list[list[str]]]:
    """Return the names of the axes of each parameter and of each result, as the starter writes them."""
    (function,) = (node for node in ast.parse(exercise.starter).body if isinstance(node, ast.FunctionDef))
    inputs = [_axes(argument.annotation) for argument in function.args.args]
    returns = function.returns
    match returns:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=several)):
            return inputs, [*map(_axes, several)]
    return inputs, [_axes(returns)]


def _axes(annotation: ast.expr | None) -> list[str]:
    """Return the names in ``Float[Tensor, "batch seq_len"]``."""
    texts = [node.value for node in ast.walk(annotation) if isinstance(node, ast.Constant)] if annotation else []
    return texts[0].split() if texts and isinstance(texts[0], str) else []


def _labels(axes: Sequence[str], value: Any) -> list[str]:
    """Return what is said of each axis: its name and its size, or its size alone."""
    shape: tuple[int, ...] = getattr(value, "shape", ())
    names: list[str] = []
    for name in axes:
        # What begins with a star stands for any number of axes, so it names none of them.
        names += [""] * (len(shape) - len(axes) + 1) if name.startswith(("*", "...")) else [name]
    if len(names) != len(shape):
        names = [""] * len(shape)
    return [
        f"{name} = {size}" if name.strip("0123456789") else str(size) for name, size in zip(names, shape, strict=True)
    ]


def _array(value: Any) -> Any:
    """Return a tensor as an array of NumPy; anything else as it is."""
    import torch

    if isinstance(value, torch.Tensor) and not value.is_meta:
        value = value.detach()
        return (value.float() if value.dtype in {torch.bfloat16, torch.float16} else value).numpy()
    return value


def _kind(value: Any) -> str | None:
    import numpy as np

    if isinstance(value, np.ndarray):
        return "array"
    return "number" if isinstance(value, int | float | str) or _is_shape(value) else None


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(size, int) for size in value)


def _drawing(name: str, value: Any, labels: Sequence[str], mark: Mark, hues: dict[str, int]) -> Drawing:
    """Draw one argument or result, its name above."""
    if not hasattr(value, "shape"):
        drawing = Drawing()
        text = _picture.shortened(str(value))
        drawing.box((0, -CELL // 2), (max(CELL, _picture.width_of(text) + 12), CELL), mark, text)
    elif value.ndim > _CUBE:
        drawing = Drawing()
        drawing.place(_picture.boxes([""], [_row(value, labels, mark, hues)]), 0, -CELL // 2)
    else:
        sides = [Side(size, label, hues[label]) for size, label in zip(value.shape, labels, strict=True)]
        drawing = _picture.grid(sides, lambda at: _cell(value, at, mark))
    drawing.heading(name)
    return drawing


def _boxes(named: Sequence[tuple[str, Any, list[str], Mark]], hues: dict[str, int]) -> Drawing:
    """Draw a line of boxes for each argument and result, where pictures of all their cells would be too high."""
    rows = [_row(value, labels, mark, hues) for _, value, labels, mark in named]
    names = [f"→ {name}" if mark is RESULT else name for name, _, _, mark in named]
    return _picture.boxes(names, rows)


def _row(value: Any, labels: Sequence[str], mark: Mark, hues: dict[str, int]) -> list[tuple[str, Mark]]:
    if not hasattr(value, "shape"):
        return [(str(value), mark)]
    return [(label, Mark(hues[label], mark.tint)) for label in labels]


def _cell(value: np.ndarray[Any, Any], at: tuple[int, ...], mark: Mark) -> tuple[str, Mark]:
    """Return what stands in a cell: a whole number that fits, what is masked, or nothing."""
    one = value[at].item()
    if isinstance(one, bool):
        return ("✓", mark) if one else ("", EMPTY)
    if one == float("-inf"):
        return "-∞", COPY
    whole = abs(value[abs(value) < float("inf")])
    shows = whole.size and (whole == whole.round()).all() and whole.max() <= _WIDEST
    return f"{one:.0f}" if shows else "", mark


def _words(name: str, value: Any, labels: Sequence[str], _: Mark) -> str:
    if not hasattr(value, "shape"):
        return f"{name} = {value}"
    return f"{name} of shape ({', '.join(labels)}{',' if len(labels) == 1 else ''})"
