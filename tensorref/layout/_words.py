"""The sentences of layout as templates, for an explanation, for the script of the explorer, and for a translator."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tensorref._words import Templates

WORDS: Mapping[str, str] = Templates(
    {
        "run": "run",
        "shape": "shape",
        "strides": "strides",
        "target": "target",
        "view": "strides of view",
        "verdict": "verdict",
        "none": "–",
        "fit": "fits",
        "conflict": "conflict",
        "contiguous": "{name} has shape {shape} and strides {strides}: it is contiguous.",
        "strided": "{name} has shape {shape} and strides {strides}: it is not contiguous.",
        "runs": "Runs of memory, each of which one stride can step through: {runs}.",
        "run.text": "axis {axes} ({elements} {elements|element|elements}, {stride} apart)",
        "runs.none": "There is nothing to step through.",
        "within": "Each axis of {target} lies within one run.",
        "within.not": "Axis {axes} of {target} would take more than one run.",
        "success": "The view has shape {target} and strides {result}, without a copy.",
        "failure": "{name} has no view of shape {target}: {axes} of memory, but an axis has only one stride.",
        "failure.axis": "axis {axis}, of size {size}, would take more than one run",
        "copy": "{name}.reshape({sizes}) copies {bytes:,} bytes.",
        "history.operation": "operation",
        "history.offset": "offset",
        "history.contiguous": "contiguous",
        "history.memory": "memory",
        "history.yes": "yes",
        "history.no": "no",
        "history.memory.start": "{bytes:,} bytes",
        "history.memory.view": "view",
        "history.memory.copy": "copy of {bytes:,} bytes",
        "history.memory.error": "refused",
        "history.same": "{code}: it is contiguous, and no element moves.",
        "history.axes": "{code}: the axes change places, each with its stride.",
        "history.index": (
            "{code}: an int or a start moves the offset, a step multiplies a stride, None adds an axis of size 1."
        ),
        "history.expand": "{code}: where a size of 1 repeats, the stride is 0; no element is copied.",
        "history.view": "{code}: each axis of {shape} lies within one run of memory, so other strides are enough.",
        "history.copy": "{code}: strides alone cannot do this, so {bytes:,} bytes are copied in row-major order.",
        "history.state": "Shape {shape}, strides {strides}, offset {offset:,}: contiguous.",
        "history.state.strided": "Shape {shape}, strides {strides}, offset {offset:,}: not contiguous.",
        "history.success": "{name} has shape {shape}, strides {strides} and offset {offset:,}.",
        "history.shared": "It is a view: it uses the memory of {name}, and what is written to one is in the other.",
        "history.own": "Its memory is a copy, apart from that of {name}. Copied in all: {bytes:,} bytes, by {codes}.",
        "history.strided": (
            "It is not contiguous. view works where each new axis lies within one run of memory; contiguous() copies "
            "{bytes:,} bytes."
        ),
        "history.overlap": "Several of its elements share one place, so PyTorch refuses to add to it in place.",
        "history.kept": "It keeps all {elements:,} {elements|element|elements} of that memory alive, and has {shown:,}.",
        "history.failure": "PyTorch refuses {name}.",
        "history.fix": "{name}.reshape({sizes}) or {name}.contiguous().view({sizes}) copies {bytes:,} bytes.",
        "why.dim": "An axis is from {low} to {high} here, and {value} is not.",
        "why.permute": "permute names each axis once: it takes {rank} numbers here, not {count}.",
        "why.duplicate": "permute names each axis once.",
        "why.mT": "mT swaps the last two axes, and there is only one.",
        "why.many": "{taken} ints and slices are too many for {rank} {rank|axis|axes}; leave some out.",
        "why.range": "An int counts from 0, or from -1 back, and this axis has size {size}.",
        "why.scalar": "There is no axis to take from; write [...] or [None].",
        "why.scalar.slice": "There is no axis to take from; write [...] or [None].",
        "why.step.zero": "Slices of PyTorch go forward: write a step of 1 or more.",
        "why.step.negative": "Slices of PyTorch go forward: write a step of 1 or more. flip copies backward.",
        "why.expand.few": "expand keeps every axis and may add some in front: write {rank} {rank|size|sizes} or more.",
        "why.expand.new": "-1 keeps the size of an axis, and a new axis has none to keep; write its size.",
        "why.expand.scalar": "-1 keeps the size of an axis, and a new axis has none to keep; write its size.",
        "why.expand.size": "Only a size of 1 repeats, and this axis has size {size}; write {size} or -1 for it.",
        "why.elements": "The sizes must multiply to {elements:,}, the number of elements, and -1 must come out whole.",
        "why.unknown": "Only one size can be worked out from the others; write the others.",
        "why.ambiguous": "Beside a size of 0, any size would do for -1; write the one you want.",
        "why.view": "{runs} {failure}",
    }
)

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "torch.dim": "Dimension out of range (expected to be in range of [{low}, {high}], but got {value})",
        "torch.permute": (
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            "ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = {count}"
        ),
        "torch.duplicate": "permute(): duplicate dims are not allowed.",
        "torch.mT": "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.",
        "torch.many": "too many indices for tensor of dimension {rank}",
        "torch.range": "index {value} is out of bounds for dimension {place} with size {size}",
        "torch.scalar": (
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        ),
        "torch.scalar.slice": "slice() cannot be applied to a 0-dim tensor.",
        "torch.step.zero": "slice step cannot be zero",
        "torch.step.negative": "step must be greater than zero",
        "torch.expand.few": (
            "expand(torch.FloatTensor{tensor}, size=[{target}]): the number of sizes provided ({count}) must be "
            "greater or equal to the number of dimensions in the tensor ({rank})"
        ),
        "torch.expand.new": (
            "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {axis}"
        ),
        "torch.expand.scalar": "numel: integer multiplication overflow",
        "torch.expand.size": (
            "The expanded size of the tensor ({wanted}) must match the existing size ({size}) at non-singleton "
            "dimension {axis}.  Target sizes: [{target}].  Tensor sizes: [{sizes}]"
        ),
        "torch.elements": "shape '[{target}]' is invalid for input of size {elements}",
        "torch.unknown": "only one dimension can be inferred",
        "torch.ambiguous": (
            "cannot reshape tensor of {elements} elements into shape [{target}] because the unspecified dimension size "
            "-1 can be any value and is ambiguous"
        ),
        "torch.view": (
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        ),
    }
)
"""What PyTorch 2.13 says, letter for letter, about a tensor of float32 on the CPU; in any language in these words."""

OPERATIONS: Mapping[str, str] = Templates(
    {
        "operation": "Position {position}: '{found}' is not an operation; write a point and a name, or '['.",
        "name": (
            "Position {position}: the point is followed by '{found}'; write one of transpose, permute, mT, T, expand, "
            "view, reshape, contiguous after it."
        ),
        "example": "Position {position}: '{found}' cannot be read; write {example} or the like.",
        "size": "Position {position}: '{found}' takes sizes of 0 or more, or -1.",
        "index": (
            "Position {position}: '{found}' is not an index; write ints, slices, None or one '...', with commas between."
        ),
        "many": "Position {position}: at most 12 operations are followed, with 64 numbers each; leave out the rest.",
        "T": "{found}: PyTorch deprecates it for other than two axes, and here are {rank}; write .permute({order}).",
        "large": "{found}: more than 2**53 bytes, the most that is followed here; choose smaller sizes.",
    }
)
