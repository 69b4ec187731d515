"""Whose code calls an operation: the line of the reader's own, and what is written there.

Frames are looked at and let go, because they hold tensors; what is kept is code and a place in it.
"""

from __future__ import annotations

import ast
import linecache
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType
from typing import Literal, NamedTuple

import jaxtyping
import torch

from tensorref.errors._source import failed, is_installed
from tensorref.errors._standins import Unknown

Owner = Literal["reader", "library", "torch", "between"]

LOSSES = frozenset(
    {
        *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss"),
        *("soft_margin_loss", "hinge_embedding_loss", "multilabel_soft_margin_loss"),
    }
)
"""Functions of `torch.nn.functional` that pair every element of ``input`` with one of ``target``."""
NORMALIZING = frozenset(
    {
        *("softmax", "log_softmax", "softmin", "gumbel_softmax", "cross_entropy"),
        *("layer_norm", "rms_norm", "normalize", "cosine_similarity"),
    }
)
"""Functions of `torch.nn.functional` that reduce the axis which the caller names."""

_TORCH = os.path.dirname(torch.__file__) + os.sep  # noqa: PTH120  compared with the names of files as they are
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120
_HERE = os.path.dirname(__file__) + os.sep  # noqa: PTH120
_FUNCTIONAL = os.path.join(_TORCH, "nn", "functional.py")  # noqa: PTH118
_BACKWARD = os.path.join(_TORCH, "autograd")  # noqa: PTH118
_COMPILED = os.path.join(_TORCH, "_dynamo", "eval_frame.py")  # noqa: PTH118
_CALLING = (*(os.path.join(_TORCH, name) for name in ("_ops.py", "_compile.py")), _COMPILED)  # noqa: PTH118  of operations
_TRANSFORM = os.path.join(_TORCH, "_functorch")  # noqa: PTH118
_PRINTING = tuple(os.path.join(_TORCH, name) for name in ("_tensor.py", "_tensor_str.py"))  # noqa: PTH118
_METHODS = tuple(os.path.join(_TORCH, name) for name in ("_tensor.py", "functional.py"))  # noqa: PTH118  written in Python
_BETWEEN = ("__torch_dispatch__", "__torch_function__")  # of other modes, such as a default device
_CHECKERS = (os.path.join(os.path.dirname(jaxtyping.__file__), ""), "<@beartype")  # noqa: PTH118, PTH120  of annotations
_MODULES = ("torch", "F", "functional")
_SHORT = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.UnaryOp)
_MOST_LETTERS = 30  # of an operand
_MOST_FRAMES = 2000


def owner(code: CodeType) -> Owner:
    """Tell whose a function is; what stands between an operation and its caller is nobody's."""
    return _owner(code.co_filename, code.co_name)  # the hash of code itself takes as long as it has instructions


@lru_cache(maxsize=2**14)
def _owner(file: str, name: str) -> Owner:
    if file.startswith((_HERE, *_CHECKERS)) or name in _BETWEEN:
        return "between"
    if file.startswith(_TORCH):
        return "between" if file in _CALLING else "torch"
    return "library" if file.startswith(_PACKAGE) or is_installed(file) else "reader"


class Site(NamedTuple):
    """A place in code from which an operation was called."""

    file: str
    code: CodeType
    instruction: int
    """The offset of the instruction."""

    def __hash__(self) -> int:
        """Return that of the place; the hash of code takes as long as it has instructions."""
        return hash((self.file, self.instruction))

    @property
    def line(self) -> int:
        """The line, read when it is asked for: that takes as long as the code has lines."""
        return _line(self)


@lru_cache(maxsize=2**14)
def _line(site: Site) -> int:
    lines = (line for start, end, line in site.code.co_lines() if start <= site.instruction < end)
    return next(lines, 0) or 0


class Caller:
    """Where an operation was called from, as far as it is asked for."""

    __slots__ = ("_inner", "_outer", "site")

    def __init__(self, frame: FrameType | None) -> None:
        while frame is not None and owner(frame.f_code) == "between":
            frame = frame.f_back
        self._inner = frame
        while frame is not None and frame.f_code.co_filename in _METHODS:
            frame = frame.f_back
        self._outer = frame
        found = self._found()
        self.site = found and Site(found.f_code.co_filename, found.f_code, found.f_lasti)
        """The place in the reader's own code, or in that of a library where there is none."""

    @property
    def direct(self) -> bool:
        """Whether no module or function of PyTorch's own stands between that is more than a method."""
        return self._outer is not None and owner(self._outer.f_code) != "torch"

    @property
    def function(self) -> str | None:
        """The function of `torch.nn.functional` that called the operation, or None."""
        code = None if self._outer is None else self._outer.f_code
        return code.co_name if code is not None and code.co_filename == _FUNCTIONAL else None

    @property
    def prints(self) -> bool:
        """Whether a tensor is made a number or a text."""
        return self._inner is not None and self._inner.f_code.co_filename in _PRINTING

    @property
    def begins_backward(self) -> bool:
        """Whether autograd, before it begins, makes the gradient of the last result."""
        return self._inner is not None and self._inner.f_code.co_filename.startswith(_BACKWARD)

    def argument(self, name: str) -> object:
        """Return an argument of the function that called the operation."""
        return None if self._outer is None else self._outer.f_locals.get(name)

    def token(self) -> int:
        """Return what tells one running function from another."""
        return id(self._outer)

    def number(self, node: ast.expr) -> float | None:
        """Return the plain number that an expression of the reader's line stands for, or None; nothing is called."""
        frame = self._found()
        return None if frame is None else _number(node, frame)

    def within(self, what: Literal["backward", "compiled", "transform"]) -> bool:
        """Tell whether the call comes from autograd's engine, a compiled function, or a transform such as vmap."""
        return any(_is_within(frame.f_code, what) for frame in _outward(self._inner))

    def _found(self) -> FrameType | None:
        fallback: FrameType | None = None
        for frame in _outward(self._inner):
            kind = owner(frame.f_code)
            if kind == "reader":
                return frame
            if kind == "library" and fallback is None:
                fallback = frame
        return fallback


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _is_within(code: CodeType, what: str) -> bool:
    if what == "backward":
        return code.co_name == "_engine_run_backward" and code.co_filename.startswith(_BACKWARD)
    if what == "compiled":
        return code.co_name == "compile_wrapper" and code.co_filename == _COMPILED
    return code.co_filename.startswith(_TRANSFORM)


@lru_cache(maxsize=2**10)
def node_at(site: Site) -> ast.AST | None:
    """Return the expression or assignment that stands at a site, or None where there is no source."""
    try:
        return failed(site.code, site.instruction).node
    except Unknown:
        return None


def operands(site: Site, operation: str, count: int) -> tuple[str, ...] | None:
    """Return how the `count` operands of an operator, or of a function of that name, are written, where all are short."""
    node = node_at(site)
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp):
        parts = [node.left, node.right]
    elif isinstance(node, ast.AugAssign):
        parts = [node.target, node.value]
    elif isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == operation:
        of_module = isinstance(node.func.value, ast.Name) and node.func.value.id in _MODULES
        parts = [*([] if of_module else [node.func.value]), *node.args][:count]
    written = tuple(map(ast.unparse, parts))
    short = all(
        isinstance(part, _SHORT) and len(text) <= _MOST_LETTERS for part, text in zip(parts, written, strict=True)
    )
    return written if len({*written}) == count and short else None


def called(site: Site) -> str | None:
    """Return the name of the function or method that is called at a site, or None where an operator is."""
    node = node_at(site)
    if not isinstance(node, ast.Call):
        return None
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)


def assigned(site: Site) -> ast.expr | None:
    """Return what is put into elements at a site, as in ``x[0] = value``, or None where nothing is."""
    node = node_at(site)
    return node.value if isinstance(node, ast.Assign | ast.AugAssign) else None


def _number(node: ast.expr, frame: FrameType) -> float | None:
    """Return what plain numbers and names of them come to."""
    if isinstance(node, ast.Constant):
        value: object = node.value
    elif isinstance(node, ast.Name):
        value = frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand, frame)
        value = None if inner is None else -inner
    elif isinstance(node, ast.BinOp):
        left, right = _number(node.left, frame), _number(node.right, frame)
        value = None if left is None or right is None else _computed(node.op, left, right)
    else:
        return None
    return float(value) if type(value) in (int, float) and abs(value) < 2**53 else None  # type: ignore[arg-type]


def _computed(operator: ast.operator, left: float, right: float) -> float | None:
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    return left / right if isinstance(operator, ast.Div) and right else None


def fraction(number: float) -> bool:
    """Tell whether a number has a fraction."""
    return math.isfinite(number) and number != math.trunc(number)


@dataclass(frozen=True)
class Where:
    """A site in words."""

    file: str
    line: int
    function: str
    code: str


def where(site: Site) -> Where:
    """Return a site in words."""
    return Where(site.file, site.line, site.code.co_qualname, linecache.getline(site.file, site.line).strip())
