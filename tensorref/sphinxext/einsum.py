"""The directive ``{einsum}``: which letters an equation keeps and which it sums over, or what keeps shapes from fitting it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import ClassVar

from tensorref import einsum
from tensorref._arguments import quoted
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import ExplorerDirective, Fields, Preset

__all__ = ["EinsumDirective"]

# What follows an equation is a bracket or a digit.
_EQUATION = re.compile(r"(?:(?!torch\.Size)[^(\[0-9])*", re.DOTALL)


def _preset(label: str, equation: str, **operands: str) -> Preset:
    return Preset(label, {"equation": equation, **operands})


class EinsumDirective(ExplorerDirective):
    """Shows an equation letter by letter: ``{einsum} bqd,bkd->bqk (2, 3, 4) (2, 5, 4)``."""

    steps: ClassVar[Sequence[str]] = ("Equation", "Sizes", "Kept", "Summed", "Result")
    labels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "add": "Add a shape",
            "caption": "Einsum of {fields}",
            "explorer": "Einsum explorer",
            "field.0": "Equation",
            "kept": "The picture keeps what could be read last.",
            "point": "Point at a size to see where its letter stands.",
            "reads": "{letter} is {sources}.",
            "remove": "Remove {name}",
            "table": "Table of the letters",
        }
    )
    presets: ClassVar[Sequence[Preset]] = (
        _preset("Attention scores", "bhqd,bhkd->bhqk", query="(2, 8, 10, 64)", key="(2, 8, 12, 64)"),
        _preset("Attention output", "bhqk,bhkd->bhqd", weights="(2, 8, 10, 12)", value="(2, 8, 12, 64)"),
        _preset("Queries that share a key", "bkgqd,bktd->bkgqt", query="(2, 4, 3, 10, 64)", key="(2, 4, 12, 64)"),
        _preset("Linear layer", "...i,oi->...o", x="(2, 10, 64)", weight="(256, 64)"),
        _preset("Product of batches", "bij,bjk->bik", a="(5, 2, 3)", b="(5, 3, 4)"),
        _preset("Outer product", "i,j->ij", a="(3,)", b="(4,)"),
        _preset("Dot product", "i,i->", a="(3,)", b="(3,)"),
        _preset("Transpose", "ij->ji", x="(2, 3)"),
        _preset("Sum of the rows", "ij->i", x="(2, 3)"),
        _preset("Trace", "ii->", x="(3, 3)"),
        _preset("Diagonal", "ii->i", x="(3, 3)"),
        _preset("A size of 1 repeats", "bqd,bkd->bqk", query="(2, 3, 4)", key="(2, 5, 1)"),
        _preset("Sizes of a letter differ", "bqd,bkd->bqk", query="(2, 3, 4)", key="(2, 4, 5)"),
        _preset("An axis without a letter", "qd,kd->qk", query="(2, 3, 4)", key="(2, 5, 4)"),
    )
    words: ClassVar[Mapping[str, str]] = einsum.WORDS
    messages: ClassVar[Mapping[str, str]] = einsum.MESSAGES
    errors: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**shapes.ERRORS, **{f"equation.{key}": text for key, text in einsum.ERRORS.items()}}
    )
    modules: ClassVar[Sequence[ModuleType]] = (einsum,)

    def read(self) -> Fields:
        """Return the equation and the shapes, one to six of them, and what the equation does with them."""
        text = self.arguments[0]
        found = _EQUATION.match(text)
        end = found.end() if found else 0
        equation = text[:end].strip()
        given = self.shapes(1, 6, text[end:])
        try:
            explanation = einsum.explain(equation, *(shape.sizes for shape in given), names=self.names(len(given)))
        except einsum.EinsumError as error:
            raise self.error(f"the equation of {self.name} is {quoted(equation)}. {error}") from None
        return Fields(["equation", *explanation.names], [equation, *(shape.text for shape in given)], explanation)
