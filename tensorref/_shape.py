"""A shape as it is given, made a tuple of sizes or refused with words that help; and how sizes agree."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from tensorref._typing import ShapeLike

MAX_RANK = 64
"""The most axes a NumPy 2 array can have."""


def as_shape(value: ShapeLike, argument: str) -> tuple[int, ...]:
    """Return the sizes of `value`, an int or a sequence of ints, or raise an error that names `argument`."""
    kind = type(value).__name__
    if getattr(value, "shape", ()) != ():
        raise TypeError(f"{argument} is of type {kind}, not a shape; pass its shape: {argument}.shape")
    if hasattr(value, "__index__") or isinstance(value, float):
        return (as_size(value, argument),)
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(
            f"{argument} is {value!r}, of type {kind}; a shape is an int or a sequence of ints: write it as (4, 1)"
        )
    if len(value) > MAX_RANK:
        raise ValueError(f"{argument} has {len(value)} axes, the most is {MAX_RANK}; merge some of them with reshape")
    return tuple(as_size(size, f"{argument}[{position}]") for position, size in enumerate(value))


def as_size(value: Any, argument: str) -> int:
    """Return `value` as one size, or raise an error that names `argument`."""
    try:
        if isinstance(value, bool):
            raise TypeError
        size = operator.index(value)
    except TypeError:
        fix = "divide with // to keep it whole" if isinstance(value, float) else "write it as a number, such as 4"
        raise TypeError(f"{argument} is {value!r}, of type {type(value).__name__}; a size is an int: {fix}") from None
    if size < 0:
        raise ValueError(f"{argument} is {size}; a size is 0 or more: write the size itself, only reshape works out -1")
    return size


def as_shapes(values: Sequence[ShapeLike]) -> tuple[tuple[int, ...], ...]:
    """Return each of `values`, the arguments ``*shapes`` of a function, as a tuple of sizes."""
    return tuple(as_shape(value, f"shapes[{position}]") for position, value in enumerate(values))


def lined_up(shapes: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the sizes of each axis, with the last axes of the shapes lined up, with 1 where a shape has none."""
    return list(zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1))[::-1]


def agreed(sizes: Sequence[int]) -> int | None:
    """Return the one size that is not 1, or 1 where there is none, or None where there are several."""
    distinct = {*sizes} - {1} or {1}
    return distinct.pop() if len(distinct) == 1 else None


def joined(shapes: Sequence[Sequence[int]]) -> tuple[int, ...] | None:
    """Return the shape that shapes broadcast to, or None where the sizes of an axis do not agree."""
    sizes: list[int] = []
    for column in lined_up(shapes):
        size = agreed(column)
        if size is None:
            return None
        sizes.append(size)
    return tuple(sizes)
