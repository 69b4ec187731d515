"""The directive ``{layout}``: a tensor over its flat memory, operation by operation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import ClassVar

from tensorref import layout
from tensorref._arguments import quoted
from tensorref.layout import _parsing, _words
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import ExplorerDirective, Fields, Preset

__all__ = ["LayoutDirective"]

# What follows a shape begins with a point or a bracket of its own.
_SHAPE = re.compile(r"(?:torch\.Size\(.*?\)|\(.*?\)|\[.*?\]|[^.\[]*)", re.DOTALL)


def _preset(label: str, shape: str, operations: str) -> Preset:
    return Preset(label, {"x": shape, "operations": operations})


class LayoutDirective(ExplorerDirective):
    """Shows where the elements of a tensor lie: ``{layout} (3, 4) .transpose(0, 1)[:, ::2].view(8)``."""

    steps: ClassVar[Sequence[str]] = ()
    labels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "caption": "Memory layout of {fields}",
            "explorer": "Memory layout explorer",
            "field.1": "Operations",
            "kept": "The picture keeps what could be read last.",
            "moves": "{cell} lies at place {place} of the new memory, and began at place {origin} of the first.",
            "point": "Point at an element to see where it lies.",
            "reads": "{cell} lies at place {place} of the memory.",
            "table": "Table of the operations",
        }
    )
    presets: ClassVar[Sequence[Preset]] = (
        _preset("Transpose, then view", "(3, 4)", ".transpose(0, 1).view(12)"),
        _preset("Every second column", "(4, 6)", "[:, ::2]"),
        _preset("Row of a matrix", "(4, 6)", "[1]"),
        _preset("Slice that has a view", "(4, 6)", "[:, :3].view(2, 2, 3)"),
        _preset("Repeat without memory", "(4, 1)", ".expand(4, 3)"),
        _preset("Flatten a transposed matrix", "(3, 4)", ".mT.reshape(-1)"),
        _preset("Split heads", "(T=3, C=8)", ".view(3, 2, 4).transpose(0, 1)"),
        _preset("Merge heads with view", "(H=2, T=3, D=4)", ".transpose(0, 1).view(3, 8)"),
        _preset("Merge heads after contiguous", "(H=2, T=3, D=4)", ".transpose(0, 1).contiguous().view(3, 8)"),
    )
    words: ClassVar[Mapping[str, str]] = _words.WORDS
    messages: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**_words.MESSAGES, **{f"example.{name}": text for name, text in _parsing.EXAMPLES.items()}}
    )
    errors: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**shapes.ERRORS, **{f"operations.{key}": text for key, text in _words.OPERATIONS.items()}}
    )
    styles: ClassVar[Sequence[str]] = ("explorer", "layout")
    modules: ClassVar[Sequence[ModuleType]] = (layout,)

    def read(self) -> Fields:
        """Return the shape and the operations, and what these make of it."""
        name, shape, sizes, operations = self.shape_and_rest(_SHAPE)
        try:
            history = layout.history(sizes, operations, name=name, itemsize=self.itemsize)
        except layout.OperationsTextError as error:
            raise self.error(f"the operations of {self.name} are {quoted(operations)}. {error}") from None
        except ValueError as error:
            raise self.error(f"the argument of {self.name} is {quoted(self.arguments[0])}. {error}") from None
        return Fields([name, "operations"], [shape, operations], history)
