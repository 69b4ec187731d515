"""The directive ``{indexing}``: what an index reads, which shape that has, and whether it is a view or a copy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import ClassVar

from tensorref import indexing
from tensorref._arguments import quoted
from tensorref.indexing import _parsing, _words
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import ExplorerDirective, Fields, Preset

__all__ = ["IndexingDirective"]

# What follows a shape is a name and a bracket, or a bracket.
_SHAPE = re.compile(r"\s*(?:torch\.Size\(.*?\)|\(.*?\)|\[.*?\]|\d[^\[\s]*)?", re.DOTALL)


def _preset(label: str, shape: str, index: str) -> Preset:
    return Preset(label, {"x": shape, "index": index})


class IndexingDirective(ExplorerDirective):
    """Shows what an index selects: ``{indexing} (4, 5, 6) x[:, [0, 2], None]``."""

    styles: ClassVar[Sequence[str]] = ("explorer",)
    steps: ClassVar[Sequence[str]] = ("Shape", "Entries", "Index arrays", "Result")
    labels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "caption": "Index {fields}",
            "explorer": "Indexing explorer",
            "field.1": "Index",
            "kept": "The picture keeps what could be read last.",
            "point": "Point at a cell of the result to see where it comes from.",
            "table": "Table of the entries",
        }
    )
    presets: ClassVar[Sequence[Preset]] = (
        _preset("Last token", "(B=2, T=4, C=3)", "x[:, -1]"),
        _preset("All but the last token", "(B=2, T=4, C=3)", "x[:, :-1]"),
        _preset("New axis for a mask", "(B=2, T=4)", "x[:, None, None, :]"),
        _preset("Embedding lookup", "(V=6, C=3)", "x[[[5, 2], [4, 0]]]"),
        _preset("Mask of a batch", "(B=2, T=3, C=2)", "x[[[True, True, False], [True, False, False]]]"),
        _preset("Two lists pair up", "(3, 4)", "x[[0, 2], [1, 3]]"),
        _preset("Every combination", "(3, 4)", "x[[[0], [2]], [1, 3]]"),
        _preset("A slice between lists", "(3, 2, 4)", "x[[0, 2], :, [1, 3]]"),
        _preset("NumPy and PyTorch differ", "(2, 3, 4)", "x[0, :, [0, 1]]"),
        _preset("Reversed", "(2, 5)", "x[:, ::-1]"),
        _preset("Out of range", "(2, 3)", "x[:, 3]"),
    )
    words: ClassVar[Mapping[str, str]] = _words.WORDS
    errors: ClassVar[Mapping[str, str]] = MappingProxyType({**shapes.ERRORS, "index": _words.UNREAD})
    modules: ClassVar[Sequence[ModuleType]] = (indexing,)

    def read(self) -> Fields:
        """Return the shape and the index, and what it selects."""
        name, shape, sizes, index = self.shape_and_rest(_SHAPE)
        try:
            given = _parsing.parse_index(index)
        except _parsing.IndexTextError as error:
            raise self.error(f"the index of {self.name} is {quoted(index)}. {error}") from None
        return Fields([name, "index"], [shape, index], indexing.explain(sizes, given))
