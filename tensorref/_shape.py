"""A shape as it is given, made a tuple of sizes or refused with words that help; and how sizes agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, zip_longest
from typing import Any

from tensorref._arguments import as_int, attribute, length, quoted
from tensorref._typing import ShapeLike

MAX_RANK = 64
"""The most axes a NumPy 2 array can have."""


def as_shape(value: ShapeLike, argument: str) -> tuple[int, ...]:
    """Return the sizes of `value`, an int or a sequence of ints, or raise an error that names `argument`."""
    kind = type(value).__name__
    shape = attribute(value, "shape")
    if attribute(value, "dtype") is not None and (shape is None or attribute(value, "is_nested") is True):
        raise TypeError(f"{argument} is of type {kind}, and has no shape of its own; write one, such as (4, 1)")
    if shape is not None and shape != ():
        held = f", or the sizes that it holds: {argument}.tolist()" if _holds_sizes(value) else ""
        raise TypeError(f"{argument} is of type {kind}, not a shape; pass its shape: {argument}.shape{held}")
    if hasattr(type(value), "__index__") or isinstance(value, float):
        return (as_size(value, argument),)
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {kind}; a shape is an int or a sequence of ints: write it as (4, 1)"
        )
    count = length(value)
    if count > MAX_RANK:
        raise ValueError(
            f"{argument} has {quoted(count)} axes, the most is {MAX_RANK}; merge some of them with reshape"
        )
    return tuple(as_size(size, f"{argument}[{position}]") for position, size in enumerate(islice(value, count)))


def as_size(value: Any, argument: str) -> int:
    """Return `value` as one size, or raise an error that names `argument`."""
    size = as_int(value, argument, "a size is")
    if size < 0:
        raise ValueError(f"{argument} is {size}; a size is 0 or more: write the size itself, only reshape works out -1")
    return size


def _holds_sizes(value: Any) -> bool:
    """Tell whether an array or a tensor could be meant for a shape, as NumPy's ``reshape`` takes it."""
    dtype = attribute(value, "dtype")
    is_integer = re.fullmatch(r"(torch\.)?u?int\d+", str(attribute(dtype, "name") or dtype))
    return len(value.shape) == 1 and bool(is_integer) and "meta" not in str(attribute(value, "device"))


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


def index_of(number: int, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the index of an element that is the `number`-th in row-major order."""
    index: list[int] = []
    for size in reversed(shape):
        index.append(number % size)
        number //= size
    return tuple(reversed(index))


def number_of(index: Sequence[int], shape: Sequence[int]) -> int:
    """Return the place of an element in row-major order, the inverse of `index_of`."""
    number = 0
    for at, size in zip(index, shape, strict=True):
        number = number * size + at
    return number
