"""The directive ``{broadcasting}``: how shapes broadcast, or what keeps them from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import ClassVar

from tensorref import broadcasting
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import ExplorerDirective, Fields, Preset

__all__ = ["BroadcastingDirective"]


class BroadcastingDirective(ExplorerDirective):
    """Shows how shapes broadcast: ``{broadcasting} (32, 10, 64) (64,)``."""

    steps: ClassVar[Sequence[str]] = ("Shapes", "Align right", "Pad with 1", "Compare", "Expand", "Result")
    labels: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "add": "Add a shape",
            "adds": "{cell} reads {sources}: {terms} = {total}.",
            "caption": "Broadcasting {fields}",
            "explorer": "Broadcasting explorer",
            "remove": "Remove {name}",
            "scalar": "scalar",
        }
    )
    presets: ClassVar[Sequence[Preset]] = (
        Preset("Simple broadcast", {"a": "(4, 1)", "b": "(1, 3)"}),
        Preset("One element", {"a": "(3, 4)", "b": "(1,)"}),
        Preset("Same shapes", {"a": "(2, 3)", "b": "(2, 3)"}),
        Preset("Incompatible", {"a": "(3, 4)", "b": "(2, 4)"}),
        Preset("Add a bias", {"x": "(32, 10, 64)", "bias": "(64,)"}),
        Preset("Layer-norm weight", {"x": "(B=32, T=128, C=768)", "weight": "(C,)"}),
        Preset("Causal mask", {"scores": "(B=32, H=12, T=128, T)", "mask": "(T, T)"}),
        Preset("Padding mask", {"scores": "(B=32, H=12, T=128, T)", "mask": "(B, 1, 1, T)"}),
        Preset("Rotary embedding", {"query": "(B=32, H=12, T=128, D=64)", "cos": "(T, D)"}),
        Preset("where", {"condition": "(T=128, T)", "x": "(B=32, H=12, T, T)", "y": "()"}),
        Preset("Paired by mistake", {"prediction": "(32, 1)", "target": "(32,)"}),
    )
    words: ClassVar[Mapping[str, str]] = broadcasting.WORDS
    messages: ClassVar[Mapping[str, str]] = broadcasting.MESSAGES
    errors: ClassVar[Mapping[str, str]] = shapes.ERRORS
    modules: ClassVar[Sequence[ModuleType]] = (broadcasting,)

    def read(self) -> Fields:
        """Return the shapes, two to six of them, and how they broadcast."""
        given = self.shapes(2, 6)
        sizes = [shape.sizes for shape in given]
        explanation = broadcasting.explain(*sizes, names=self.names(len(given)), itemsize=self.itemsize)
        return Fields([operand.name for operand in explanation.operands], [shape.text for shape in given], explanation)
