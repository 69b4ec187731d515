"""What one operation makes of shape, strides and offset, or why PyTorch refuses it.

The operations that ask whether a view is possible are in `tensorref.layout`, with the rule that answers.
``sphinxext/static/tensorref/layout.js`` is the same for the page, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from tensorref.layout._parsing import Operation, Slice
from tensorref.layout._words import MESSAGES, WORDS

LARGEST = 2**53
"""The most bytes that a tensor may have here, and its strides may step over."""


class Layout(NamedTuple):
    """Where the elements of a tensor lie in its memory."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


class Refusal(Exception):  # noqa: N818  no error of ours: it tells of PyTorch's
    """What PyTorch raises, what it says, and why."""

    def __init__(self, key: str, exception: str = "RuntimeError", /, **values: object) -> None:
        super().__init__(key)
        self.exception = exception
        self.message = MESSAGES[f"torch.{key}"].format(**values)
        self.reason = WORDS[f"why.{key}"].format(**values)
        self.values = values


def changed(operation: Operation, at: Layout) -> tuple[Layout, str]:
    """Return what an operation on axes makes of a tensor, always a view, and the key of the sentence about it."""
    name, numbers = operation.name, operation.numbers
    if name == "index":
        return _indexed(operation, at), "history.index"
    if name == "expand":
        return _expanded(numbers, at), "history.expand"
    order = _permuted(numbers, len(at.shape)) if name == "permute" else _swapped(numbers, len(at.shape))
    shape, strides = (tuple(of[axis] for axis in order) for of in at[:2])
    return Layout(shape, strides, at.offset), "history.axes"


def is_large(at: Layout, itemsize: int) -> bool:
    """Tell whether a tensor is larger than what is followed."""
    return max(prod(size or 1 for size in at.shape), *at.strides, 0) * itemsize > LARGEST


def sized(numbers: tuple[int, ...], shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that view and reshape are given, with -1 worked out."""
    elements, known = prod(shape), prod(size for size in numbers if size != -1)
    unknown = numbers.count(-1)
    if unknown > 1:
        raise Refusal("unknown")
    if known != elements and (not unknown or known == 0 or elements % known):
        raise Refusal("elements", target=listed(numbers), elements=elements)
    if unknown and known == 0:
        raise Refusal("ambiguous", target=listed(numbers), elements=elements)
    return tuple(elements // known if size == -1 else size for size in numbers)


def listed(numbers: Sequence[int]) -> str:
    """Return numbers with commas between them."""
    return ", ".join(map(str, numbers))


def _axis(value: int, rank: int) -> int:
    count = max(rank, 1)  # a tensor without axes takes 0 and -1 for one
    if not -count <= value < count:
        raise Refusal("dim", "IndexError", low=-count, high=count - 1, value=value)
    return value % count


def _permuted(numbers: Sequence[int], rank: int) -> list[int]:
    if len(numbers) != rank:
        raise Refusal("permute", rank=rank, count=len(numbers))
    order: list[int] = []
    for value in numbers:
        axis = _axis(value, rank)
        if axis in order:
            raise Refusal("duplicate")
        order.append(axis)
    return order


def _swapped(numbers: Sequence[int], rank: int) -> list[int]:
    """Return the order of axes after transpose, or after mT where there are no numbers."""
    if rank == 1 and not numbers:
        raise Refusal("mT")
    first, second = (_axis(value, rank) for value in numbers or ((-2, -1) if rank else (0, 0)))
    return [second if axis == first else first if axis == second else axis for axis in range(rank)]


def _indexed(operation: Operation, at: Layout) -> Layout:
    indices, is_tuple = operation.items, "," in operation.code
    shape, strides, offset = at
    rank, taken = len(shape), sum(isinstance(item, (int, Slice)) for item in indices)
    if taken > rank and is_tuple:
        raise Refusal("many", "IndexError", rank=rank, taken=taken)
    sizes: list[int] = []
    steps: list[int] = []
    axis = 0
    for place, item in enumerate(indices):
        size, stride = (shape[axis], strides[axis]) if axis < rank else (0, 0)
        if item is None:
            sizes.append(1)
            steps.append(size * stride if axis < rank else 1)
        elif item == "...":
            until = axis + rank - taken
            sizes += shape[axis:until]
            steps += strides[axis:until]
            axis = until
        elif isinstance(item, Slice):
            step = 1 if item.step is None else item.step
            if step <= 0:
                raise Refusal("step.negative" if step else "step.zero", "ValueError")
            if not rank:
                raise Refusal("scalar.slice", "IndexError")
            start, stop, _ = slice(item.start, item.stop).indices(size)
            sizes.append(max(stop - start + step - 1, 0) // step)
            steps.append(stride * step)
            offset += start * stride
            axis += 1
        else:
            if not -size <= item < size:
                raise Refusal("range" if rank or item else "scalar", "IndexError", value=item, place=place, size=size)
            offset += item % size * stride
            axis += 1
    return Layout((*sizes, *shape[axis:]), (*steps, *strides[axis:]), offset)


def _expanded(numbers: Sequence[int], at: Layout) -> Layout:
    shape, strides, offset = at
    rank, count = len(shape), len(numbers)
    if count < rank:
        tensor = f"{{[{listed(shape)}]}}"
        raise Refusal("expand.few", tensor=tensor, target=listed(numbers), count=count, rank=rank)
    sizes: list[int] = []
    steps: list[int] = []
    for axis in range(count - 1, -1, -1):  # PyTorch finds what is wrong from the right
        own, wanted = axis - count + rank, numbers[axis]
        size, step = (shape[own], strides[own]) if own >= 0 else (1, sizes[0] * steps[0] if rank else 0)
        if wanted == -1 and own < 0:
            raise Refusal("expand.new" if rank else "expand.scalar", axis=axis)
        if size not in (wanted, 1) and wanted != -1:
            values = {"target": listed(numbers), "sizes": listed(shape)}
            raise Refusal("expand.size", axis=axis, size=size, wanted=wanted, **values)
        repeats = wanted not in (size, -1)
        sizes, steps = [wanted if repeats else size, *sizes], [0 if repeats else step, *steps]
    return Layout(tuple(sizes), tuple(steps), offset)
