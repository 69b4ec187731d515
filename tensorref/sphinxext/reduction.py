"""The directive ``{reduction}``: which axis a sum, a softmax or a norm runs along, and what is left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import ClassVar, NamedTuple

from tensorref import reductions
from tensorref._arguments import quoted
from tensorref._shape import MAX_RANK
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import ExplorerDirective, Fields, Preset

__all__ = ["ReductionDirective", "ReductionTextError", "parse_reduction"]

ERRORS: Mapping[str, str] = MappingProxyType(
    {
        "text": "Position {position}: '{found}' cannot be read; write an axis and whether it is kept, as in axis=-1 keepdim=True.",
        "again": "Position {position}: '{found}' says it a second time; leave it out.",
        "empty": (
            "axis is empty, of which NumPy reduces nothing and PyTorch everything; leave it out to reduce all axes."
        ),
        "many": "axis has {count} entries, the most is {most}; name each axis once.",
    }
)
"""What the parser says; ``static/tensorref/reductions.js`` has the same parser for the page."""

_BLANK = "[ \t\r\n\u00a0]*"
_NUMBER = f"{_BLANK}([-−]?[0-9]{{1,18}}){_BLANK}"
_LIST = rf"(?:{_NUMBER},)*(?:{_NUMBER}|{_BLANK})"
_ITEM = re.compile(
    rf"(?:(?:axis|dim){_BLANK}={_BLANK})?(?P<axis>None|[-−]?[0-9]{{1,18}}|\({_LIST}\)|\[{_LIST}\])(?![\w.])"
    rf"|keepdims?{_BLANK}={_BLANK}(?P<kept>True|False)(?!\w)",
    re.ASCII,
)
_SHAPE = re.compile(r"\s*(?:torch\.Size\(.*?\)|\(.*?\)|\[.*?\]|[0-9]\S*)?", re.DOTALL)
_GAP = re.compile(f"{_BLANK},?{_BLANK}")


class ReductionTextError(ValueError):
    """Raised for text that says no axis; it says where, counted from 1, and how to go on."""


class Reduction(NamedTuple):
    """What a text asks for."""

    axis: int | tuple[int, ...] | None
    keepdims: bool


def parse_reduction(text: str) -> Reduction:
    """Read an axis, and whether it is kept.

    >>> from tensorref.sphinxext.reduction import parse_reduction
    >>> parse_reduction("axis=(0, -1), keepdims=True")
    Reduction(axis=(0, -1), keepdims=True)
    """
    at = len(text) - len(text.lstrip(" \t\r\n\u00a0"))
    said: dict[str, str] = {}
    while at < len(text):
        found = _ITEM.match(text, at)
        key = "kept" if found and found["kept"] else "axis"
        if not found or key in said:
            rest = text[at:].rstrip(" \t\r\n\u00a0")
            key = "again" if found else "text"
            raise ReductionTextError(ERRORS[key].format(position=at + 1, found=shapes.shortened(rest)))
        said[key] = found[key]
        gap = _GAP.match(text, found.end())
        at = gap.end() if gap else found.end()
    axis = said.get("axis", "None").replace("−", "-")
    numbers = tuple(map(int, re.findall("-?[0-9]+", axis)))
    if len(numbers) > MAX_RANK:
        raise ReductionTextError(ERRORS["many"].format(count=len(numbers), most=MAX_RANK))
    if not numbers and axis != "None":
        raise ReductionTextError(ERRORS["empty"])
    named = None if not numbers else numbers[0] if axis[0] not in "([" else numbers
    return Reduction(named, said.get("kept") == "True")


def _preset(label: str, shape: str, reduction: str) -> Preset:
    return Preset(label, {"x": shape, "reduction": reduction})


class ReductionDirective(ExplorerDirective):
    """Shows which axis goes: ``{reduction} (2, 3, 4) axis=-1 keepdim=True``."""

    steps: ClassVar[Sequence[str]] = ("Shape", "Axis", "Groups", "Result")
    labels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "caption": "Reduction of {fields}",
            "explorer": "Reduction explorer",
            "field.1": "Axis",
            "kept": "The picture keeps what could be read last.",
            "point": "Point at a cell of the result to see what it is made of.",
            "reads": "{cell} is made of {sources}.",
            "sums": "{cell} is made of {sources}: {terms} = {total}.",
        }
    )
    presets: ClassVar[Sequence[Preset]] = (
        _preset("Sum of the rows", "(2, 3)", "axis=1"),
        _preset("Sum of the columns", "(2, 3)", "axis=0"),
        _preset("Axis kept", "(2, 3)", "axis=1 keepdims=True"),
        _preset("Everything", "(2, 3)", "axis=None"),
        _preset("Softmax of attention scores", "(H=2, T=3, T)", "dim=-1 keepdim=True"),
        _preset("Softmax along the wrong axis", "(H=2, T=3, T)", "dim=-2 keepdim=True"),
        _preset("Mean of the tokens", "(B=2, T=4, C=3)", "dim=1"),
        _preset("Layer norm", "(B=2, T=3, C=4)", "dim=-1 keepdim=True"),
        _preset("Batch and tokens", "(B=2, T=3, C=4)", "dim=(0, 1)"),
        _preset("Square, axis not kept", "(4, 4)", "dim=-1"),
        _preset("Batch of one", "(B=1, T=4)", "dim=0"),
        _preset("No such axis", "(2, 3)", "dim=2"),
    )
    words: ClassVar[Mapping[str, str]] = reductions.WORDS
    messages: ClassVar[Mapping[str, str]] = reductions.MESSAGES
    errors: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**shapes.ERRORS, **{f"reduction.{key}": text for key, text in ERRORS.items()}}
    )
    modules: ClassVar[Sequence[ModuleType]] = (reductions,)

    def read(self) -> Fields:
        """Return the shape and the axis, and what is left."""
        name, shape, sizes, asked = self.shape_and_rest(_SHAPE)
        try:
            reduction = parse_reduction(asked)
        except ReductionTextError as error:
            raise self.error(f"the axis of {self.name} is {quoted(asked)}. {error}") from None
        explanation = reductions.explain(sizes, reduction.axis, keepdims=reduction.keepdims, name=name)
        return Fields([name, "reduction"], [shape, asked], explanation)
