"""The directive ``{matmul}``: what a matrix product sums, keeps, repeats and costs, or what keeps shapes from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import ClassVar

from tensorref import matmul
from tensorref._arguments import quoted
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import ExplorerDirective, Fields, Preset

__all__ = ["ERRORS", "MatmulDirective"]

ERRORS: Mapping[str, str] = MappingProxyType(
    {
        **shapes.ERRORS,
        "scalar": "() is a scalar; a matrix product needs an axis to sum over: write a size, such as (4,).",
    }
)


class MatmulDirective(ExplorerDirective):
    """Shows a matrix product axis by axis: ``{matmul} (32, 10, 64) (64, 256)``."""

    steps: ClassVar[Sequence[str]] = ("Shapes", "Vectors", "Batch axes", "Sum", "Result")
    labels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "caption": "Matrix product of {fields}",
            "explorer": "Matrix product explorer",
            "point": "Point at a cell of the result to see which row and column it sums over.",
            "reads": "{cell} sums over {sources}.",
        }
    )
    presets: ClassVar[Sequence[Preset]] = (
        Preset("Two matrices", {"a": "(4, 3)", "b": "(3, 2)"}),
        Preset("Linear layer", {"x": "(B=32, T=10, D=64)", "weight.mT": "(D, F=256)"}),
        Preset("Weight not transposed", {"x": "(B=32, T=10, D=64)", "weight": "(F=256, D)"}),
        Preset("Attention scores", {"query": "(B=2, H=8, T=32, D=16)", "key.mT": "(B, H, D, T)"}),
        Preset("Attention output", {"weights": "(B=2, H=8, T=32, T)", "value": "(B, H, T, D=16)"}),
        Preset("Keys that heads share", {"query": "(B=2, H=8, T=32, D=16)", "key.mT": "(B, 1, D, T)"}),
        Preset("Heads that differ", {"query": "(B=2, H=8, T=32, D=16)", "key.mT": "(B, G=2, D, T)"}),
        Preset("Vocabulary logits", {"hidden": "(B=8, T=1024, D=768)", "embedding.mT": "(D, V=50257)"}),
        Preset("Vector @ matrix", {"x": "(D=64,)", "weight.mT": "(D, F=256)"}),
        Preset("Dot product", {"query": "(D=64,)", "key": "(D,)"}),
        Preset("Vectors taken for a matrix", {"vectors": "(B=4, D=64)", "matrices": "(B, D, F=32)"}),
        Preset("Inner sizes differ", {"a": "(2, 3)", "b": "(4, 5)"}),
    )
    words: ClassVar[Mapping[str, str]] = matmul.WORDS
    messages: ClassVar[Mapping[str, str]] = matmul.MESSAGES
    errors: ClassVar[Mapping[str, str]] = ERRORS
    modules: ClassVar[Sequence[ModuleType]] = (matmul,)

    def read(self) -> Fields:
        """Return the shapes, of an axis or more, and their product."""
        given = self.shapes(2, 2)
        if not all(shape.sizes for shape in given):
            raise self.error(f"the argument of {self.name} is {quoted(self.arguments[0])}. {ERRORS['scalar']}")
        a, b = (shape.sizes for shape in given)
        explanation = matmul.explain(a, b, names=self.names(2) or ("a", "b"), itemsize=self.itemsize)
        return Fields(explanation.names, [shape.text for shape in given], explanation)
