"""The sentences of the explanations as templates: one place to translate, and to hand to a script on a page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BROADCASTING: Mapping[str, str] = MappingProxyType(
    {
        "axis": "axis",
        "result": "result",
        "verdict": "verdict",
        "equal": "equal",
        "expand": "expands",
        "conflict": "conflict",
        "padded": "padded",
        "shapes": "{operands}.",
        "align": "The last axes stand under each other; the longest shape has rank {rank}.",
        "pad": "A missing axis counts as 1: {missing}.",
        "pad.missing": "{name} lacks {count}",
        "pad.none": "No axis is missing.",
        "compare": "From the right: {axes}.",
        "compare.axis": "axis {axis} has {sizes}: {verdict}",
        "compare.more": "{count} more",
        "compare.none": "There is no axis to compare.",
        "expand.text": "A size of 1 repeats without a copy, by a stride of 0: {repeats}.",
        "expand.repeat": "{name} along axis {axes}",
        "expand.none": "No size of 1 has to repeat.",
        "expand.conflict": "Nothing repeats while an axis is in conflict.",
        "success": "The result has shape {shape}, {elements:,} elements.",
        "failure": "{operands} do not broadcast: {axes}. Sizes on one axis must be equal or 1.",
        "failure.axis": "axis {axis} has {sizes}",
        "suggestion": "{code} has shape {shape} and would give {result}.",
        "warning": (
            "The result has {result:,} elements, more than any operand: right for a table of all pairs, "
            "wrong if the operands were to be paired one to one."
        ),
        "warning.same": (
            "{first} and {second} have {elements:,} elements each, the result has {result:,}: every element of one "
            "meets every element of the other. To pair them one to one, give both the same shape."
        ),
        "bytes": "Stored: {stored:,} bytes. With every operand copied to the shape of the result: {copied:,} bytes.",
        "gradient": "The gradient of {name} sums over axis {axes}.",
    }
)

INDEXING: Mapping[str, str] = MappingProxyType(
    {
        "index": "index",
        "kind": "kind",
        "axis": "axis",
        "size": "size",
        "gives": "gives",
        "int": "int",
        "slice": "slice",
        "newaxis": "newaxis",
        "ellipsis": "ellipsis",
        "array": "array",
        "mask": "mask",
        "numpy": "NumPy",
        "torch": "PyTorch",
        "success": "The result has shape {shape}, {elements:,} elements: {memory}.",
        "view": "a view",
        "copy": "a copy",
        "shape": "The source has shape {shape}.",
        "entries": "From the left: {entries}.",
        "entries.none": "The brackets are empty: no axis is touched.",
        "entry": "'{code}' ({kind}) takes {takes}, gives {gives}",
        "entry.takes": "axis {axes} of size {sizes}",
        "entry.gives": "size {sizes}",
        "entry.none": "no axis",
        "entry.wrong": "nothing, as it is wrong",
        "joint.none": "There is no index array.",
        "joint.open": "The index arrays are not placed while something is wrong.",
        "joint.together": "The index arrays broadcast to {joint}, from axis {position} of the result on.",
        "joint.apart": (
            "The index arrays broadcast to {joint}. Something stands between them, so this comes first in the result."
        ),
        "other": "{library} differs: shape {shape}, {memory}.",
        "other.problem": "{library} differs: {problem}",
        "take": "index takes {taken} axes, shape {shape} has {rank}; take {extra} away, or write None for a new axis.",
        "range": "{where} {has} {value}, axis {axis} has size {size}; give an int from {low} to {high}.",
        "range.empty": "{where} {has} {value}, axis {axis} has size 0; no int fits, a slice does.",
        "range.is": "is",
        "range.holds": "holds",
        "mask.shape": (
            "{where} is a mask of shape {mask}, its axes have shape {sizes}; a mask does not broadcast, give it the "
            "sizes of the first axes it selects from."
        ),
        "dtype": "{where} holds {dtype}, PyTorch indexes with int32 or int64; write {where}.long().",
        "step.zero": "{where} has step 0; a step is not 0, leave it out for 1.",
        "step.negative": (
            "{where} has step {step}, PyTorch takes positive ones; reverse with torch.flip(x, dims=[{axis}]), which "
            "copies, and slice that with step {positive}."
        ),
        "joint.wrong": (
            "the index arrays have shapes {shapes}, which do not broadcast; give all one shape, or, for every "
            "combination, make the first a column: rows[:, None]."
        ),
        "ellipses": "index has {count} ellipses; keep one, which stands for all axes that are not named.",
        "rank": "the result would have {rank} axes, the most in NumPy is {most}; index fewer times with None.",
    }
)

MATMUL: Mapping[str, str] = MappingProxyType(
    {
        "axis": "axis",
        "result": "result",
        "verdict": "verdict",
        "batch": "batch",
        "row": "row",
        "sum": "sum",
        "column": "column",
        "none": "–",
        "equal": "equal",
        "expand": "expands",
        "keep": "kept",
        "conflict": "conflict",
        "shapes": "{a} {first}, {b} {second}.",
        "vector.a": "{a} is a vector: it counts as one row, and that axis leaves the result.",
        "vector.b": "{b} is a vector: it counts as one column, and that axis leaves the result.",
        "vector.none": "Neither is a vector.",
        "batch.text": "The batch axes broadcast, from the right: {axes}.",
        "batch.axis": "axis {axis} has {sizes[0]}, {sizes[1]}: {verdict}",
        "batch.none": "There is no batch axis.",
        "sum.text": "Axis -1 of {a} is summed against axis {row} of {b}: {terms} and {rows} terms.",
        "success": "The result has shape {shape}, {elements:,} elements.",
        "failure": "{a} {first}, {b} {second} have no matrix product: {axes}.",
        "failure.sum": "axis -1 of {a} has {terms}, axis {row} of {b} has {rows}, and the two must be equal",
        "failure.batch": "batch axis {axis} has {sizes[0]}, {sizes[1]}, and sizes there must be equal or 1",
        "warning": (
            "Every row of {a} meets every matrix of {b}: the result is {result}. For one row a matrix, "
            "{a}[..., None, :] @ {b} gives {meant}."
        ),
        "cost": "{flops:,} floating-point operations on {bytes:,} bytes, {intensity:.1f} a byte.",
        "suggestion": "{code} would give {result}.",
    }
)

DTYPES: Mapping[str, str] = MappingProxyType(
    {
        "bits": "bits",
        "sign": "sign",
        "exponent": "exponent",
        "mantissa": "mantissa",
        "meaning": "stands for",
        "infinity": "infinity",
        "nan": "not a number",
        "stored.exact": "{value} is stored as it is.",
        "stored.rounded": "{value} is stored as {stored}, the nearest {dtype}.",
        "stored.zero": "{value} is too small for {dtype}, and becomes zero.",
        "stored.beyond": "{value} is outside ±{largest}, the range of {dtype}, and becomes infinity.",
        "raises": "raises",
        "varies": "varies",
        "same": "{library}: both are {result}.",
        "holds": "{library}: {result} is its smallest dtype that holds every value of both.",
        "none": (
            "{library}: no dtype holds every value of both, so it takes {result}, which rounds integers beyond 2**53."
        ),
        "outranked": "{library}: beside floating point an integer does not count, so {result} stays.",
        "yields": "{library}: {low} yields to {high}, so {result} stays.",
        "outranks": "{library}: {low} is of a higher category than {high}, so {result} stays.",
        "outranks.default": "{library}: a {low} outranks {high}, and becomes the default, {result}.",
        "complex": "{library}: {low} is of a higher category than {high}, and {result} is the complex dtype that holds it.",
        "lacks": "{library} has no {lacking}; convert it to {wider} first.",
        "refused.float8": "{library} promotes no float8; convert both to one dtype, such as bfloat16, first.",
        "refused.unsigned": (
            "{library} promotes uint16, uint32 and uint64 only with floating point; convert them to int64 first."
        ),
        "operands": "The operands: {a}, {b}.",
        "product.axes": "A matrix product needs axes on both sides.",
        "product.raises": "PyTorch: a matrix product takes one dtype, so a @ b raises RuntimeError; write {code}.",
        "product.varies": "PyTorch: a matrix product of {dtype} works on some devices at most; convert it first.",
        "use.float32": (
            "the default of PyTorch, for learning, debugging and small models; a loss and long sums stay in it while "
            "a model runs in half the bytes."
        ),
        "use.bfloat16": (
            "to train and run large models: the range of float32 in half the bytes, but 2 digits. The weights that an "
            "optimizer updates stay in float32, where a small step is not rounded away."
        ),
        "use.float16": (
            "to run models on GPUs without bfloat16. It ends at 65504 and small gradients become zero, so training "
            "scales the loss (torch.amp.GradScaler)."
        ),
        "use.float64": (
            "the default of NumPy, for the reference that a test compares with. Slow on most GPUs; MPS has none."
        ),
        "use.int64": "for token ids, positions and targets, which floating point would round.",
        "use.bool": "for masks. An int64 mask indexes instead: x[mask] picks rows 0 and 1.",
    }
)

LAYOUT: Mapping[str, str] = MappingProxyType(
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
        "runs": "Runs of memory that one stride steps through: {runs}.",
        "run.text": "axis {axes} ({elements} elements, {stride} apart)",
        "runs.none": "There is nothing to step through.",
        "within": "Each axis of {target} lies within one run.",
        "within.not": "Axis {axes} of {target} takes more than one run.",
        "success": "The view has shape {target} and strides {result}, without a copy.",
        "failure": "{name} has no view of shape {target}: {axes} of memory, and an axis has one stride.",
        "failure.axis": "axis {axis}, of size {size}, takes more than one run",
        "copy": "{name}.reshape({sizes}) copies {bytes:,} bytes.",
    }
)
