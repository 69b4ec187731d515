"""What failed in a frame: the function of a library, or the operator, and the expressions that it was given."""

from __future__ import annotations

import ast
import functools
import inspect
import operator
import sys
from collections.abc import Callable, Iterator
from itertools import chain, islice
from types import FrameType, MethodDescriptorType
from typing import Any, NamedTuple

from tensorref.errors._source import Failed, Step, failed
from tensorref.errors._standins import Standin, Unknown, facts, has_shape, is_exactly, is_tensor, numpy, torch
from tensorref.errors._values import ARITHMETIC, Scope, is_of_numpy, is_of_torch

MOST_OPERANDS = 16
MOST_ITEMS = 64
MOST_LETTERS = 60


class Part(NamedTuple):
    """An operand while it is read."""

    name: str
    value: Any
    """The array or number itself, a stand-in of it, or `Unknown`."""
    node: ast.expr


class Operation(NamedTuple):
    """What failed in a frame."""

    step: Step
    failed: Failed
    scope: Scope
    function: Callable[..., Any] | None
    """What was called, where it is a function of a library."""
    arguments: list[ast.expr]
    keywords: dict[str, ast.expr]

    def parts(self) -> list[Part]:
        """Return the operands."""
        nodes = (*self.arguments, *self.keywords.values())
        return [*islice(chain.from_iterable(map(self._parts, nodes)), MOST_OPERANDS)]

    def _parts(self, node: ast.expr | None) -> Iterator[Part]:
        if isinstance(node, (ast.Tuple, ast.List)):
            yield from chain.from_iterable(map(self._parts, node.elts))
        elif isinstance(node, ast.Slice):
            yield from chain.from_iterable(map(self._parts, (node.lower, node.upper, node.step)))
        elif node is not None and not isinstance(node, ast.Constant):
            inner = node.value if isinstance(node, ast.Starred) else node
            name, value = self.failed.written(inner), value_of(self.scope, inner)
            owner = name if isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)) else f"({name})"
            if inside := [*items_of(owner, value)]:
                yield from (Part(called, readable(item), inner) for called, item in inside)
            elif has_shape(value) or isinstance(value, Unknown) or (_is_short(value) and names_in(inner)):
                yield Part(name, value, inner)

    def values(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of the call, or raise `Unknown`."""
        return self.scope.listed(self.arguments), {name: self.scope.value(node) for name, node in self.keywords.items()}


def items_of(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays in a list, a tuple or a dict, each with its name."""
    if is_exactly(value, (list, tuple)):
        yield from ((f"{name}[{at}]", item) for at, item in enumerate(value[:MOST_ITEMS]) if has_shape(item))
    elif type(value) is dict:
        items = list(value.items())[:MOST_ITEMS]
        yield from (
            (f"{name}[{key!r}]", item) for key, item in items if is_exactly(key, (int, str)) and has_shape(item)
        )


def _is_short(value: Any) -> bool:
    """Tell whether a value is a number, a short text or a shape."""
    if type(value) is tuple:
        return 0 < len(value) <= MOST_OPERANDS and all(type(size) is int for size in value)
    return is_exactly(value, (int, float, bool)) or (type(value) is str and len(value) <= MOST_LETTERS)


def value_of(scope: Scope, node: ast.AST) -> Any:
    """Return the value of an expression, or why it is not known."""
    try:
        return readable(scope.value(node))
    except Unknown as unknown:
        return Unknown(*unknown.args)  # without the frames, which hold what was read
    except Exception as error:  # noqa: BLE001  whatever it is, the value is not known
        return Unknown(f"reading it raises {type(error).__name__}")


def readable(value: Any) -> Any:
    """Return a value, or why nothing can be told of it."""
    try:
        if has_shape(value):
            facts(value)
    except Unknown as unknown:
        return Unknown(*unknown.args)
    return value


def scope_of(frame: FrameType, *, traced: bool) -> Scope:
    """Return the names of a frame; nothing is kept of them."""
    names: Any = frame.f_locals
    is_function = bool(frame.f_code.co_flags & inspect.CO_OPTIMIZED)
    if not is_function and type(names) is not dict:
        return Scope({}, frame.f_globals, frame.f_code)
    found = dict(names)
    # Before 3.13 a running frame keeps the dict, and so what it holds. A debugger would write it back, and others may use it.
    if sys.version_info < (3, 13) and is_function and not traced and sys.getrefcount(names) <= 3:  # noqa: PLR2004
        names.clear()
    return Scope(found, frame.f_globals, frame.f_code)


def operation_at(step: Step, *, traced: bool) -> Operation:
    """Return what failed in a frame, or raise `Unknown`."""
    what = failed(step.frame.f_code, step.at)
    scope = scope_of(step.frame, traced=traced)
    if isinstance(what.node, ast.Call):
        return _call(step, what, scope, what.node)
    function, *arguments = _called(what.node)
    return Operation(step, what, scope, function, arguments, {})


def _called(node: ast.AST) -> tuple[Any, ...]:  # noqa: C901, PLR0911  one case for each form
    """Return the function that a form of the language stands for, None where it is not one alone, and its arguments."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return ARITHMETIC[type(op)], left, right
        case ast.AugAssign(target=target, op=op, value=value):
            return getattr(operator, f"i{ARITHMETIC[type(op)].__name__.strip('_')}"), target, value
        case ast.Compare(left=left, ops=[op, *others], comparators=[*compared]):
            return None if others else ARITHMETIC.get(type(op)), left, *compared
        case ast.UnaryOp(op=op, operand=operand):
            return ARITHMETIC.get(type(op), bool), operand  # bool for `not`
        case ast.Subscript(value=value, slice=index):
            return operator.getitem, value, index
        case ast.Assign(targets=[ast.Subscript(value=value, slice=index)], value=assigned):
            return operator.setitem, value, index, assigned
        case ast.If(test=test) | ast.While(test=test) | ast.Assert(test=test):
            return bool, test
        case ast.BoolOp(values=values):
            return None, *values
        case ast.Assign(value=value) | ast.Attribute(value=value):
            return None, value
        case ast.expr():
            return None, node
        case _:
            raise Unknown("the line raises the error itself" if isinstance(node, ast.Raise) else "it is no operation")


def _call(step: Step, what: Failed, scope: Scope, node: ast.Call) -> Operation:
    keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    starred = [keyword.value for keyword in node.keywords if keyword.arg is None]
    arguments = [*node.args, *starred]
    function: Any = None
    called = value_of(scope, node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else None
    if type(called) is functools.partial:
        own = [_of_partial(node.func, "args", at) for at in range(len(called.args))]
        arguments = [*own, *arguments]
        keywords = {name: _of_partial(node.func, "keywords", name) for name in called.keywords} | keywords
        function = called.func if is_of_torch(called.func) or is_of_numpy(called.func) else None
    elif isinstance(node.func, ast.Attribute):
        base = value_of(scope, node.func.value)
        if has_shape(base):
            tensor = is_tensor(base.array if type(base) is Standin else base)
            function = inspect.getattr_static(torch().Tensor if tensor else numpy().ndarray, node.func.attr, None)
            function = function if type(function) is MethodDescriptorType else None
            arguments = [node.func.value, *arguments]
        elif isinstance(base, Unknown):
            arguments = [node.func.value, *arguments]
    if function is None and type(called) is not functools.partial:
        found = value_of(scope, node.func)
        plain = any(found is kind for kind in (int, float, complex, bool))
        function = found if plain or is_of_torch(found) or is_of_numpy(found) else None
    return Operation(step, what, scope, None if starred else function, arguments, keywords)


def _of_partial(function: ast.expr, name: str, key: int | str) -> ast.expr:
    """Return the expression of what a partial function already has."""
    held = ast.Attribute(function, name, ast.Load())
    found = ast.Subscript(held, ast.Constant(key), ast.Load())
    return ast.fix_missing_locations(found)


def names_in(whole: ast.AST) -> set[str]:
    """Return the names in an expression, and ``[]`` where it has an item."""
    names = {"[]"} if any(isinstance(node, ast.Subscript) for node in ast.walk(whole)) else set[str]()
    for node in ast.walk(whole):
        names |= {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
    return names
