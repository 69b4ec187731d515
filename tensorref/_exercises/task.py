"""How an exercise is written: the decorator that makes one of its solution, and the numbers that its cases use."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from tensorref._exercises.checker import Arguments, Rules
from tensorref.exercises import Exercise

__all__ = ["counted", "exercise", "normal", "whole"]

_STANDARD = {"math": "import math", "Callable": "from collections.abc import Callable"}
_IMPORTS = {
    "np": "import numpy as np",
    "torch": "import torch",
    "exercises": "from tensorref import exercises",
    "Tensor": "from torch import Tensor",
    "functional": "from torch.nn import functional",
}
_TYPES = ("Bool", "Float", "Float32", "Int8", "Int64", "Shaped", "UInt8")


def exercise(
    name: str,
    *concepts: str,
    difficulty: int,
    task: str,
    hints: tuple[str, ...],
    learns: str,
    results: tuple[str, ...],
    expected: Callable[..., Any],
    cases: Callable[[], Sequence[Arguments]],
    memory: Literal["view", "copy"] | None = None,
    changes: tuple[str, ...] = (),
    gradients: tuple[str, ...] = (),
    growing: Callable[[], tuple[Arguments, Arguments]] | None = None,
    keeps_random_state: bool = False,
) -> Callable[[Callable[..., Any]], Exercise]:
    """Make an exercise of its solution, whose source is what a reader is shown."""

    def make(solution: Callable[..., Any]) -> Exercise:
        source = inspect.getsource(inspect.unwrap(solution))
        (function,) = ast.parse(source).body
        assert isinstance(function, ast.FunctionDef)  # noqa: S101  for the type checker
        lines = source.splitlines()
        signature = lines[function.lineno - 1 : function.body[0].lineno - 1]
        body = lines[function.body[0].lineno - 1 :]
        declared = _names(function.args) | (_names(function.returns) if function.returns else set())
        used = declared.union(*map(_names, function.body))
        start = _imports(declared | {"torch", "exercises"})
        check = f'print(exercises.get("{name}").check({function.name}))'
        return Exercise(
            name=name,
            concepts=concepts,
            difficulty=difficulty,
            task=task,
            hints=hints,
            learns=learns,
            starter="\n".join([*start, "", "", *signature, "    ...", "", "", check]),
            solution="\n".join([*_imports(used), "", "", *signature, *body]).lstrip(),
            function=function.name,
            _rules=Rules(
                tuple(argument.arg for argument in function.args.args),
                results,
                expected,
                cases,
                memory,
                changes,
                gradients,
                growing,
                keeps_random_state,
            ),
        )

    return make


def _names(code: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}


def _imports(names: set[str]) -> list[str]:
    """Return the lines that import names, in the order in which a formatter has them."""
    standard = [line for name, line in _STANDARD.items() if name in names]
    others = [line for name, line in _IMPORTS.items() if name in names]
    if types := [name for name in _TYPES if name in names]:
        others.append(f"from jaxtyping import {', '.join(types)}")
    others.sort(key=lambda line: (line.startswith("from"), line))
    return [*standard, *([""] if standard and others else []), *others]


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return numbers that are the same on every call, and leave the global seed alone."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, device="cpu", dtype=torch.float32).to(dtype)


def whole(*shape: int, seed: int = 0) -> Tensor:
    """Return float32 integers from -3 to 3, whose sums and products are exact in any order."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randint(-3, 4, shape, generator=generator, device="cpu").float()


def counted(*shape: int) -> Tensor:
    """Return 0, 1, 2 and so on, so that a value tells its place."""
    return torch.arange(math.prod(shape), dtype=torch.float32, device="cpu").reshape(shape)
