"""What one operation makes of shape, strides and offset, or why PyTorch refuses it.

The operations that ask whether a view is possible are in `tensorref.layout`, with the rule that answers.
``sphinxext/static/tensorref/layout.js`` is the same for the page, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from tensorref._operations import Operation, Slice
from tensorref._words import LAYOUT as WORDS
from tensorref._words import LAYOUT_MESSAGES as MESSAGES

LARGEST = 2**53
"""The most bytes that a tensor may have here, and its strides may step over."""


class Layout(NamedTuple):
    """Where the elements of a tensor lie in its memory."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


class Refusal(Exception):  # noqa: N818  no error of ours: it tells of PyTorch's
    """What PyTorch raises, what it says, and why."""

    def __init__(self, message: str, reason: str = "", exception: str = "RuntimeError", /, **values: object) -> None:
        super().__init__(message)
        self.exception = exception
        self.message = MESSAGES[f"torch.{message}"].format(**values)
        self.reason = WORDS[f"why.{reason or message}"].format(**values)
        self.values = values


Change = tuple[Layout, str, dict[str, object]]
"""What an operation gives, and the key and the values of the sentence about it."""


def changed(operation: Operation, at: Layout) -> Change:
    """Return what an operation on axes makes of a tensor: always a view."""
    if operation.name == "index":
        return _indexed(operation, at)
    if operation.name == "expand":
        return _expanded(operation.numbers, at)
    order, key, values = _ordered(operation, len(at.shape))
    shape, strides = (tuple(of[axis] for axis in order) for of in at[:2])
    return Layout(shape, strides, at.offset), key, values


def is_large(at: Layout, itemsize: int) -> bool:
    """Tell whether a tensor is larger than what is followed."""
    return max(prod(size or 1 for size in at.shape), *at.strides, 0) * itemsize > LARGEST


def sized(numbers: tuple[int, ...], shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that view and reshape are given, with -1 worked out."""
    if numbers.count(-1) > 1:
        raise Refusal("unknown")
    has_unknown = -1 in numbers
    elements, product = prod(shape), prod(size for size in numbers if size != -1)
    values = {"target": listed(numbers), "elements": elements, "product": product}
    if product != elements and (not has_unknown or product == 0 or elements % product):
        raise Refusal("elements", "divide" if has_unknown else "elements", **values)
    if has_unknown and product == 0:
        raise Refusal("ambiguous", **values)
    return tuple(elements // product if size == -1 else size for size in numbers)


def listed(numbers: Sequence[int]) -> str:
    """Return numbers with commas between them."""
    return ", ".join(map(str, numbers))


def _axis(value: int, rank: int) -> int:
    count = max(rank, 1)  # a tensor without axes takes 0 and -1 for one
    if not -count <= value < count:
        raise Refusal("dim", "dim", "IndexError", low=-count, high=count - 1, value=value)
    return value % count


def _ordered(operation: Operation, rank: int) -> tuple[list[int], str, dict[str, object]]:
    """Return the axes in their new order, and the key and the values of the sentence about them."""
    name, numbers, order = operation.name, operation.numbers, [*range(rank)]
    if name == "permute":
        if len(numbers) != rank:
            raise Refusal("permute", rank=rank, count=len(numbers))
        order = []
        for value in numbers:
            axis = _axis(value, rank)
            if axis in order:
                raise Refusal("duplicate", value=value)
            order.append(axis)
        return order, "history.permute", {"order": listed(order)}
    if name == "mT":
        if rank == 1:
            raise Refusal("mT")
        numbers = (-2, -1) if rank else (0, 0)  # of a tensor without axes, PyTorch takes it with a warning
    first, second = (_axis(value, rank) for value in numbers)
    if rank:
        order[first], order[second] = second, first
    return order, "history.transpose", {"first": first, "second": second}


def _indexed(operation: Operation, at: Layout) -> Change:
    shape, strides, offset = at
    indices, rank = operation.indices, len(shape)
    taken = sum(isinstance(item, (int, Slice)) for item in indices)
    if taken > rank and len(indices) > 1:
        raise Refusal("many", "many", "IndexError", rank=rank, taken=taken, extra=taken - rank)
    sizes: list[int] = []
    steps: list[int] = []
    axis = 0
    for place, item in enumerate(indices):
        if item is None:
            sizes.append(1)
            steps.append(shape[axis] * strides[axis] if axis < rank else 1)
            continue
        if item == "...":
            until = axis + rank - taken
            sizes += shape[axis:until]
            steps += strides[axis:until]
            axis = until
            continue
        size = shape[axis] if rank else 0
        if isinstance(item, Slice):
            step = 1 if item.step is None else item.step
            if step <= 0:
                raise Refusal("step.negative" if step else "step.zero", "step", "ValueError")
            if not rank:
                raise Refusal("scalar.slice", "scalar", "IndexError")
            start, stop, _ = slice(item.start, item.stop).indices(size)
            sizes.append(max(stop - start + step - 1, 0) // step)
            steps.append(strides[axis] * step)
        else:
            values = {"value": item, "place": place, "size": size, "axis": axis, "low": -size, "high": size - 1}
            if not -size <= item < size:
                reason = "range" if size else "range.empty" if rank else "scalar"
                raise Refusal("range" if rank or item else "scalar", reason, "IndexError", **values)
            start = item % size
        offset += start * strides[axis]
        axis += 1
    moved = offset - at.offset
    result = Layout((*sizes, *shape[axis:]), (*steps, *strides[axis:]), offset)
    return result, "history.index" if moved else "history.index.start", {"moved": moved}


def _expanded(numbers: tuple[int, ...], at: Layout) -> Change:
    shape, strides, offset = at
    rank, extra = len(shape), len(numbers) - len(shape)
    values: dict[str, object] = {"target": listed(numbers), "rank": rank, "count": len(numbers)}
    if extra < 0:
        raise Refusal("expand.few", tensor=f"{{[{listed(shape)}]}}", **values)
    sizes: list[int] = []
    steps: list[int] = []
    repeated: list[int] = []
    for axis in range(len(numbers) - 1, -1, -1):  # PyTorch finds what is wrong from the right
        own, wanted = axis - extra, numbers[axis]
        size, step = (shape[own], strides[own]) if own >= 0 else (1, sizes[0] * steps[0] if rank else 0)
        if wanted == -1 and own < 0:
            raise Refusal("expand.new" if rank else "expand.scalar", "expand.new", axis=axis)
        wanted = size if wanted == -1 else wanted
        if size not in (wanted, 1):
            raise Refusal("expand.size", axis=axis, size=size, wanted=wanted, sizes=listed(shape), **values)
        if wanted != size:
            repeated = [axis, *repeated]
        sizes, steps = [wanted, *sizes], [0 if wanted != size else step, *steps]
    key = "history.expand" if repeated else "history.expand.none"
    return Layout(tuple(sizes), tuple(steps), offset), key, {"axes": listed(repeated)}
