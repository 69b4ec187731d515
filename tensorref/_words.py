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
