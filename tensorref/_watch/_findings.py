"""What a watch found: a finding a place, and all of them as one report."""

from __future__ import annotations

import dataclasses
import html
import os
from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from tensorref import broadcasting
from tensorref._explanation import Diagram

Kind = Literal[
    "broadcasts",
    "losses",
    "promotions",
    "fractions",
    "non_finite",
    "in_place",
    "views",
    "single_axes",
    "copies",
    "transfers",
    "waits",
    "memory",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""What a watch looks for: eight mistakes, then four costs."""
COSTS: Final[tuple[Kind, ...]] = ("copies", "transfers", "waits", "memory")
_MOST_PICTURES = 8
_MOST_LETTERS = 100

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "broadcasts": "{warning}",
        "broadcasts.mend": "Write {fix}; if a table of all pairs is meant, write its axes out, as in x[:, None].",
        "broadcasts.table": "If a table of all pairs is meant, write its axes out, as in x[:, None].",
        "broadcasts.chance": "If it is meant as it is, write mask[None], and every axis is said.",
        "losses": "{operation} pairs input {input} with target {target} as {result}, {elements:,} pairs in all.",
        "losses.mend": "Write {fix}.",
        "losses.shapes": "Give both the same shape.",
        "promotions": "{dtypes} meet, and the result is {result}, {nbytes:,} bytes a call.",
        "promotions.mend": "Convert one of them first, as in x.to(y.dtype).",
        "fractions": "Numbers with a fraction are put into {dtype}, which keeps the whole part alone.",
        "fractions.mend": "Make the tensor with dtype=torch.float32, or round first if whole numbers are meant.",
        "non_finite": "{operation} gave {what} in {count:,} of {elements:,} elements, and no operand had any.",
        "non_finite.backward": (
            "In backward, {operation} gave {what} in {count:,} of {elements:,} elements, and no operand had any."
        ),
        "non_finite.before": "{what} came with an operand of {operation}: it was there before the watch could see it made.",
        "in_place.unrecorded": (
            "{operation} changes a value that a gradient goes through, and autograd does not record it: under "
            "torch.no_grad(), through .data or through detach(). The gradient will be wrong, and nothing is raised."
        ),
        "in_place.saved": "{operation} changes a value that {node} saved for backward, which raises.",
        "in_place.mend": "Make a new tensor, as in y = y * 2, or change y.clone().",
        "views": "{operation} writes into a view, and line {line} reads the tensor under it, which has changed too.",
        "views.mend": "Make a new tensor, as in row = row - 1; if both are meant to change, write to the tensor itself.",
        "single_axes": "{operation} works along an axis of size 1{effect}, in every call here.",
        "single_axes.mend": "The shape is {shape}: give another axis, or look for what lost its size.",
        "copies": "{operation} copied {nbytes:,} bytes a call, since {shape} at strides {strides} has no such view.",
        "copies.mend": "To merge heads, a copy has to be. Elsewhere order the axes so that no transpose comes before.",
        "transfers": "{nbytes:,} bytes a call go from {source} to {target}.",
        "transfers.mend": "Move what stays the same once, before the loop; make new tensors with device=.",
        "waits": "{operation} waits until {device} has done all that was asked of it.",
        "waits.cpu": "{operation} would wait for an accelerator; on the CPU it does not.",
        "waits.mend": "Keep it a tensor, and read it once after the loop; torch.where needs no mask of its own shape.",
        "memory": "{nbytes:,} of the {peak:,} bytes at the peak were made here.",
    }
)
"""Why it is a finding, and under ``.mend`` what to write instead."""
MENDS: Mapping[str, str] = MappingProxyType(
    {
        "log": "Keep the operand above 0, as in x.clamp(min=1e-12).log(), or use log_softmax.",
        "div": "Keep the divisor from 0, as in x / y.clamp(min=1e-12).",
        "exp": "Subtract the largest first, as softmax and logsumexp do.",
        "sqrt": "Add a little first, as in (x + 1e-12).sqrt(): at 0 its slope is infinite.",
        "softmax": "A row in which all is masked has no softmax; leave one key, or use scaled_dot_product_attention.",
        "pow": "Keep the base from 0 and the result in range; of a negative base no root is real.",
        "": "Look at its operands, and clamp what may be 0 or too large.",
    }
)
"""What to do against NaN and infinity, by the operation that gave them."""


@dataclasses.dataclass(frozen=True)
class Finding(Diagram):
    """What was found at one place, and how often: one of those that `watch` gives.

    >>> import torch
    >>> import tensorref
    >>> with tensorref.watch() as seen:
    ...     difference = torch.zeros(5, 1) - torch.zeros(5)
    >>> finding = seen.broadcasts[0]
    >>> finding.operation, finding.shapes, finding.result, finding.count
    ('sub', ((5, 1), (5,)), (5, 5), 1)
    >>> finding.code
    'difference = torch.zeros(5, 1) - torch.zeros(5)'
    """

    kind: Kind
    """The attribute of `Seen` that has it."""
    file: str
    """The file of the line, as Python names it."""
    line: int
    function: str
    """The function that the line is in, such as ``Block.forward``."""
    code: str
    """The line as it is written."""
    operation: str
    """What PyTorch calls the operation, such as ``sub`` or ``_softmax``."""
    shapes: tuple[tuple[int, ...], ...]
    """Those of its operands, in the call that was found first."""
    result: tuple[int, ...] | None
    """The shape of its result."""
    count: int
    """In how many calls it was found."""
    nbytes: int | None
    """How many bytes all calls together copied or moved; None where that is not the question."""
    reasons: tuple[str, ...]
    """What is wrong, or what it costs, in sentences."""
    mends: tuple[str, ...]
    """What to write instead; empty where there is nothing to mend."""

    @property
    def place(self) -> str:
        """The file, without its folders, and the line."""
        return f"{os.path.basename(self.file)}:{self.line}"  # noqa: PTH119  a cell of a notebook has no path

    @property
    def explanation(self) -> broadcasting.Explanation | None:
        """The rule, with its picture, where shapes were broadcast."""
        pairs = self.kind in {"broadcasts", "losses"} and broadcasting.compatible(*self.shapes)
        return broadcasting.explain(*self.shapes) if pairs else None

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the heading, and the finding as a row."""
        return (_HEADING, self.row())

    def row(self) -> tuple[str, ...]:
        """Return place, kind, operation, shapes, result, count and bytes."""
        nbytes = "" if self.nbytes is None else f"{self.nbytes:,}"
        shapes = ", ".join(map(str, self.shapes[:3])) + (", …" if len(self.shapes) > 3 else "")  # noqa: PLR2004  as many as addcmul has
        result = "" if self.result is None else str(self.result)
        return (self.place, self.kind, self.operation, shapes, result, f"{self.count:,}", nbytes)

    def notes(self) -> tuple[str, ...]:
        """Return the line as it is written, why it is a finding, and the mend."""
        code = self.code if len(self.code) <= _MOST_LETTERS else f"{self.code[:_MOST_LETTERS]}…"
        return (*([code] if code else []), *self.reasons, *self.mends)


_HEADING = ("place", "found", "operation", "operands", "result", "calls", "bytes")


class Report(Diagram):
    """Findings that print as one table."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found, mistakes first, each in the order of when."""
        raise NotImplementedError

    def remarks(self) -> tuple[str, ...]:
        """Return what is said below all findings."""
        raise NotImplementedError

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the heading, and a row for each finding."""
        return (_HEADING, *(finding.row() for finding in self.findings))

    def notes(self) -> tuple[str, ...]:
        """Return for each finding the line, why it is one and the mend, and then what was not seen."""
        told = (
            f"{finding.place}  " + "\n  ".join(finding.notes()) for finding in self.findings if finding.kind != "memory"
        )
        return (*told, *self.remarks())

    def __str__(self) -> str:
        return super().__str__() if self.findings else "\n".join(self.notes())

    def _repr_html_(self) -> str:
        if not self.findings:
            return "".join(f"<p>{html.escape(note)}</p>" for note in self.notes())
        pictures: list[str] = []
        for finding in self.findings:
            rule = finding.explanation
            if rule is not None and len(pictures) < _MOST_PICTURES:
                name = f"tensorref-watch-{len(pictures)}-{abs(hash(finding)):x}"
                caption = html.escape(f"{finding.place}  {finding.code}")
                pictures.append(f"<figure>{rule.svg(name)}<figcaption><code>{caption}</code></figcaption></figure>")
        return super()._repr_html_() + "".join(pictures)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings and the remarks as plain lists, dicts, strings and numbers, ready for JSON."""
        return {"findings": [finding.to_dict() for finding in self.findings], "remarks": list(self.remarks())}


def reshaped(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str | None:
    """Return the code that gives the second of two the shape of the first, or None where their sizes differ."""
    if len(shapes) != 2 or prod(shapes[0]) != prod(shapes[1]):  # noqa: PLR2004  a pair
        return None
    return f"{names[1]}.reshape({shapes[0]})"
