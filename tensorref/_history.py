"""What one operation makes of shape, strides and offset, or why PyTorch refuses it.

The operations that ask whether a view is possible are in `tensorref.layout`, with the rule that answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from tensorref._operations import Operation, Slice
from tensorref._words import LAYOUT as WORDS

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "dim": "Dimension out of range (expected to be in range of [{low}, {high}], but got {value})",
        "permute": (
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            "ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = {count}"
        ),
        "duplicate": "permute(): duplicate dims are not allowed.",
        "mT": "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.",
        "many": "too many indices for tensor of dimension {rank}",
        "range": "index {value} is out of bounds for dimension {place} with size {size}",
        "scalar": (
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        ),
        "scalar.slice": "slice() cannot be applied to a 0-dim tensor.",
        "step.zero": "slice step cannot be zero",
        "step.negative": "step must be greater than zero",
        "expand.few": (
            "expand(torch.FloatTensor{{[{sizes}]}}, size=[{target}]): the number of sizes provided ({count}) must be "
            "greater or equal to the number of dimensions in the tensor ({rank})"
        ),
        "expand.new": "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {axis}",
        "expand.size": (
            "The expanded size of the tensor ({wanted}) must match the existing size ({size}) at non-singleton "
            "dimension {axis}.  Target sizes: [{target}].  Tensor sizes: [{sizes}]"
        ),
        "overflow": "numel: integer multiplication overflow",
        "strides": "as_strided: Negative strides are not supported at the moment, got strides: [{strides}]",
        "strides.least": "IntArrayRef contains an int that cannot be represented as a SymInt: {stride}",
        "elements": "shape '[{target}]' is invalid for input of size {elements}",
        "unknown": "only one dimension can be inferred",
        "negative": "invalid shape dimension {size} at index {axis} of shape [{target}]",
        "ambiguous": (
            "cannot reshape tensor of {elements} elements into shape [{target}] because the unspecified dimension size "
            "-1 can be any value and is ambiguous"
        ),
        "storage": "Storage size calculation overflowed with sizes=[{sizes}]",
        "view": (
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        ),
    }
)
"""What PyTorch 2.13 says, letter for letter, about a tensor of float32 on the CPU."""


class Layout(NamedTuple):
    """Where the elements of a tensor lie in its memory."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


class Refusal(Exception):  # noqa: N818  no error of ours: it tells of PyTorch's
    """What PyTorch raises, what it says, and why."""

    def __init__(self, exception: str, message: str, reason: str = "", /, **values: object) -> None:
        super().__init__(message)
        self.exception = exception
        self.message = MESSAGES[message].format(**values)
        self.reason = WORDS[f"why.{reason or message}"].format(**values)
        self.values = values


Change = tuple[Layout, str, dict[str, object]]
"""What an operation gives, and the key and the values of the sentence about it."""


def changed(operation: Operation, at: Layout) -> Change:
    """Return what an operation on axes makes of a tensor: always a view."""
    name, numbers = operation.name, operation.numbers
    if name == "index":
        return _indexed(operation, at)
    if name == "expand":
        return _expanded(numbers, at)
    if name == "unsqueeze":
        axis = _axis(numbers[0], len(at.shape) + 1)
        shape = (*at.shape[:axis], 1, *at.shape[axis:])
        strides = (*at.strides[:axis], _step(at, axis), *at.strides[axis:])
        return Layout(shape, strides, at.offset), "history.unsqueeze", {"axis": axis}
    order, values = _ordered(name, numbers, at.shape)
    shape, strides = tuple(at.shape[axis] for axis in order), tuple(at.strides[axis] for axis in order)
    key = "history.transpose" if name == "mT" else f"history.{name}"
    return Layout(shape, strides, at.offset), key, values


def sized(numbers: tuple[int, ...], shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that view and reshape are given, with -1 worked out."""
    elements, product, unknown = prod(shape), 1, -1
    target = listed(numbers)
    for axis, size in enumerate(numbers):
        if size == -1 and unknown >= 0:
            raise Refusal("RuntimeError", "unknown")
        if size < -1:
            raise Refusal("RuntimeError", "negative", size=size, axis=axis, target=target)
        if size == -1:
            unknown = axis
        else:
            product *= size
    if product != elements and (unknown < 0 or product == 0 or elements % product != 0):
        reason = "elements" if unknown < 0 else "divide"
        raise Refusal("RuntimeError", "elements", reason, target=target, elements=elements, product=product)
    if unknown < 0:
        return numbers
    if product == 0:
        raise Refusal("RuntimeError", "ambiguous", target=target, elements=elements)
    return (*numbers[:unknown], elements // product, *numbers[unknown + 1 :])


def check_storage(shape: Sequence[int], itemsize: int) -> None:
    """Refuse a copy of more bytes than PyTorch counts."""
    if prod(shape) * itemsize >= 2**63:
        raise Refusal("RuntimeError", "storage", sizes=listed(shape), bytes=prod(shape) * itemsize)


def listed(numbers: Sequence[int]) -> str:
    """Return numbers with commas between them."""
    return ", ".join(map(str, numbers))


def _axis(value: int, rank: int) -> int:
    count = max(rank, 1)  # a tensor without axes takes 0 and -1 for one
    if not -count <= value < count:
        raise Refusal("IndexError", "dim", low=-count, high=count - 1, value=value)
    return value + count if value < 0 else value


def _ordered(name: str, numbers: Sequence[int], shape: Sequence[int]) -> tuple[list[int], dict[str, object]]:
    """Return the axes that remain, in their new order, and the values of the sentence about them."""
    rank = len(shape)
    order = [*range(rank)]
    if name == "squeeze":
        named = [_axis(number, rank) for number in numbers] if numbers else order
        gone = [axis for axis in named if shape and shape[axis] == 1]
        return [axis for axis in order if axis not in gone], {"axes": listed(gone)}
    if name == "permute":
        order = _permuted(numbers, rank)
        return order, {"order": listed(order)}
    if name == "mT" and rank == 1:
        raise Refusal("RuntimeError", "mT")
    # PyTorch takes .mT of a tensor without axes, with a warning.
    first, second = (_axis(number, rank) for number in (numbers or ((-2, -1) if rank else (0, 0))))
    if rank:
        order[first], order[second] = second, first
    return order, {"first": first, "second": second}


def _permuted(numbers: Sequence[int], rank: int) -> list[int]:
    if len(numbers) != rank:
        raise Refusal("RuntimeError", "permute", rank=rank, count=len(numbers))
    order: list[int] = []
    for number in numbers:
        axis = _axis(number, rank)
        if axis in order:
            raise Refusal("RuntimeError", "duplicate", value=number)
        order.append(axis)
    return order


def _step(at: Layout, axis: int) -> int:
    """Return the stride of a new axis before `axis`."""
    return at.shape[axis] * at.strides[axis] if axis < len(at.shape) else 1


def _indexed(operation: Operation, at: Layout) -> Change:
    shape, strides, offset = at
    indices, rank = operation.indices, len(shape)
    taken = sum(isinstance(item, (int, Slice)) for item in indices)
    is_tuple = len(indices) > 1 or operation.code.endswith(",]")
    if taken > rank and is_tuple:
        raise Refusal("IndexError", "many", rank=rank, taken=taken, extra=taken - rank)
    sizes: list[int] = []
    steps: list[int] = []
    axis = 0
    for place, item in enumerate(indices):
        if item is None:
            sizes.append(1)
            steps.append(_step(at, axis))
        elif isinstance(item, int):
            offset += _selected(item, axis, place, shape) * strides[axis]
            axis += 1
        elif isinstance(item, Slice):
            start, size, step = _sliced(item, axis, shape)
            offset += start * strides[axis]
            sizes.append(size)
            axis += 1
            steps.append((strides[axis - 1] * step + 2**63) % 2**64 - 2**63)  # what is left of it in 64 bits
            if steps[-1] < 0:
                message = "strides" if steps[-1] >= -(2**62) else "strides.least"
                values = {"stride": steps[-1], "strides": listed((*steps, *strides[axis:]))}
                raise Refusal("RuntimeError", message, "strides", step=step, **values)
        else:
            sizes += shape[axis : axis + rank - taken]
            steps += strides[axis : axis + rank - taken]
            axis += rank - taken
    result = Layout((*sizes, *shape[axis:]), (*steps, *strides[axis:]), offset)
    moved = offset - at.offset
    return result, "history.index" if moved else "history.index.start", {"moved": moved}


def _selected(item: int, axis: int, place: int, shape: Sequence[int]) -> int:
    if not shape and item == 0:
        raise Refusal("IndexError", "scalar")
    size = shape[axis] if shape else 0
    if not -size <= item < size:
        reason = "range" if size else "range.empty" if shape else "scalar"
        values = {"axis": axis, "low": -size, "high": size - 1}
        raise Refusal("IndexError", "range", reason, value=item, place=place, size=size, **values)
    return item + size if item < 0 else item


def _sliced(item: Slice, axis: int, shape: Sequence[int]) -> tuple[int, int, int]:
    """Return start, size and step of what a slice takes from an axis."""
    step = 1 if item.step is None else item.step
    if step <= 0:
        raise Refusal("ValueError", "step.negative" if step else "step.zero")
    if not shape:
        raise Refusal("IndexError", "scalar.slice", "scalar")
    size = shape[axis]
    start, stop = 0 if item.start is None else item.start, size if item.stop is None else item.stop
    start = min(max(start + size if start < 0 else start, 0), size)
    stop = min(max(stop + size if stop < 0 else stop, start), size)
    if stop - start + step > 2**63:
        raise Refusal("RuntimeError", "overflow", "strides", step=step)
    return start, (stop - start + step - 1) // step, step


def _expanded(numbers: tuple[int, ...], at: Layout) -> Change:
    shape, strides, offset = at
    rank, extra = len(shape), len(numbers) - len(shape)
    sizes_text, target = listed(shape), listed(numbers)
    if extra < 0:
        raise Refusal("RuntimeError", "expand.few", sizes=sizes_text, target=target, count=len(numbers), rank=rank)
    sizes: list[int] = []
    steps: list[int] = []
    repeated: list[int] = []
    for axis in range(len(numbers) - 1, -1, -1):  # PyTorch finds what is wrong from the right
        wanted, own = numbers[axis], axis - extra
        size = shape[own] if own >= 0 else 1
        step = strides[own] if own >= 0 else sizes[0] * steps[0] if rank else 0
        if wanted == -1 and own < 0 and rank:
            raise Refusal("RuntimeError", "expand.new", axis=axis)
        wanted = size if wanted == -1 and rank else wanted
        if size not in (wanted, 1):
            values = {"axis": axis, "size": size, "wanted": wanted}
            raise Refusal("RuntimeError", "expand.size", target=target, sizes=sizes_text, **values)
        if wanted != size:
            repeated = [axis, *repeated]
        sizes, steps = [wanted, *sizes], [0 if wanted != size else step, *steps]
    # Beside a size of 0 PyTorch makes a tensor of negative size: that is no tensor.
    if _overflows(sizes) or min(sizes, default=0) < 0:
        raise Refusal("RuntimeError", "overflow")
    key = "history.expand" if repeated else "history.expand.none"
    return Layout(tuple(sizes), tuple(steps), offset), key, {"axes": listed(repeated)}


def _overflows(sizes: Sequence[int]) -> bool:
    """Tell whether the elements are too many for PyTorch, to which a negative size is 2**64 more."""
    elements = 1
    for size in sizes:
        elements *= size + 2**64 if size < 0 else size
        if elements >= 2**64:
            return True
    return elements >= 2**63
