"""Reads a call as it is written in code, and makes it, without evaluating code: each part is looked up in a list."""

from __future__ import annotations

import ast
import importlib
import inspect
import operator
from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType, ModuleType
from typing import Any

from tensorref._arguments import quoted
from tensorref.indexing._parsing import parse_index

__all__ = ["CALLS", "EXAMPLE", "CallTextError", "read_call"]

CALLS = (
    "anatomy.describe",
    "attention.explain",
    "autograd.graph",
    "broadcasting.explain",
    "budget.explain",
    "caches.explain",
    "devices.explain_move",
    "dtypes.bits",
    "dtypes.explain",
    "einsum.explain",
    "experts.explain",
    "indexing.explain",
    "interop.explain",
    "layout.explain",
    "layout.history",
    "masks.explain",
    "matmul.explain",
    "quantization.explain",
    "reductions.explain",
)
"""What a picture may be asked of."""

EXAMPLE = "broadcasting.explain((4, 1), (1, 3))"

_LONGEST = 1000  # letters of a call
_MOST_ELEMENTS = 2**20  # of all arrays together, at the most
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8"),
    *("float16", "float32", "float64", "complex64"),
)
_FUNCTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "np": ("numpy", ("arange", "array", "broadcast_to", "ones", "zeros", *_DTYPES)),
        "torch": (
            "torch",
            (
                *("arange", "empty", "ones", "tensor", "zeros", "bfloat16", *_DTYPES),
                *("cos", "exp", "log", "relu", "sigmoid", "sin", "softmax", "tanh"),
            ),
        ),
        "masks": (
            "tensorref.masks",
            ("causal", "document_ids", "documents", "padding", "prefix", "sliding_window"),
        ),
    }
)
"""What may stand in an argument, by the names under which code has the modules."""
_ATTRIBUTES = (
    *("T", "mT", "abs", "add", "add_", "clone", "cos", "detach", "exp", "log", "log_softmax"),
    *("mean", "mul", "mul_", "neg", "permute", "pow", "relu", "reshape", "sigmoid", "sin"),
    *("softmax", "sqrt", "square", "sub", "sum", "tanh", "transpose", "unsqueeze", "view", "zero_"),
)
"""The methods and attributes of arrays that may stand there."""
_PLAIN = (ast.Call, ast.Constant, ast.List, ast.Slice, ast.Subscript, ast.Tuple)
"""The parts that may stand there as they are."""
_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.MatMult: operator.matmul,
        ast.BitAnd: operator.and_,
        ast.BitOr: operator.or_,
        ast.Invert: operator.invert,
        ast.USub: operator.neg,
    }
)


class CallTextError(ValueError):
    """Raised for a text that is no call that is known here; its message goes on where the text was named."""


def read_call(text: str) -> tuple[ModuleType, Any]:
    """Return the module of a call, and what the call gives.

    >>> from tensorref.sphinxext.calls import read_call
    >>> read_call("broadcasting.explain((4, 1), (1, 3))")[1].result
    (4, 3)

    The arguments are literals, arrays that NumPy or PyTorch makes, and functions of tensors:

    >>> read_call("masks.explain(masks.causal(3))")[1].pairs
    6
    >>> read_call("autograd.graph(lambda x: x.exp().sum(), torch.ones(3))")[1].reached
    (0,)

    Parameters
    ----------
    text
        A call of one of `CALLS`, as it is written in code.

    Returns
    -------
    :
        The module that the function stands in, and its result.

    Raises
    ------
    CallTextError
        If the text is something else, or the function refuses its arguments.
    """
    wanted = f"write a call of {', '.join(CALLS)} with literals, such as {EXAMPLE}"
    if len(text) > _LONGEST:
        raise CallTextError(f", {len(text)} characters; write a call of at most {_LONGEST}")
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
            raise CallTextError(f", which is no call of one function; {wanted}")
        name = ast.unparse(call.func)
        if name not in CALLS:
            raise CallTextError(f", a call of {quoted(name)}, which gives no picture; {wanted}")
        _check(call)
    except (SyntaxError, _UnreadableError, MemoryError, RecursionError):
        raise CallTextError(f", which cannot be read; {wanted}") from None
    concept, _, function = name.partition(".")
    try:
        module = importlib.import_module(f"tensorref.{concept}")
        explain = getattr(module, function)
        args = [_value(each, {}) for each in call.args]
        named = {str(each.arg): _value(each.value, {}) for each in call.keywords}
        if name == "indexing.explain" and len(args) > 1 and isinstance(args[1], str):
            args[1] = parse_index(args[1])  # as text, because no call has a colon among its arguments
    except Exception as error:  # noqa: BLE001  NumPy and PyTorch raise what they like, of what is asked of them here
        raise CallTextError(f". {error}") from None
    try:
        inspect.signature(explain).bind(*args, **named)
    except TypeError as error:
        raise CallTextError(f". {name} {error}") from None
    try:
        return module, explain(*args, **named)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise CallTextError(f". {error}") from None


class _UnreadableError(Exception):
    """Raised for what may not stand in an argument."""


def _check(call: ast.Call) -> None:
    """Raise an error for an argument with a part that is in no list, or with arrays that may be too large."""
    elements = 1
    for argument in (*call.args, *(each.value for each in call.keywords)):
        if not _is_literal(argument):
            sizes = [each.value for each in ast.walk(argument) if isinstance(each, ast.Constant)]
            on_meta = "meta" in sizes
            elements *= prod(max(abs(size), 1) for size in sizes if isinstance(size, int) and not on_meta)
            _check_part(argument, frozenset())
    if elements > _MOST_ELEMENTS:
        raise _UnreadableError


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def _check_part(node: ast.AST, known: frozenset[str]) -> None:
    """Raise an error where a part of an argument is in no list; `known` are the parameters of the functions around it."""
    if isinstance(node, ast.Lambda):
        given = node.args
        if given.vararg or given.kwarg or given.kwonlyargs or given.defaults:
            raise _UnreadableError
        _check_part(node.body, known | {each.arg for each in given.args})
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in known:
        if node.attr not in _FUNCTIONS.get(node.value.id, ("", ()))[1]:
            raise _UnreadableError
    else:
        of_values = isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES
        is_known = isinstance(node, ast.Name) and node.id in known
        named = isinstance(node, ast.keyword) and node.arg is not None
        is_operator = isinstance(node, (ast.BinOp, ast.UnaryOp)) and type(node.op) in _OPERATORS
        if not (of_values or is_known or named or is_operator or isinstance(node, _PLAIN)):
            raise _UnreadableError
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.expr_context, ast.operator, ast.unaryop)):
                _check_part(child, known)


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:  # noqa: C901  a case for each kind of part
    """Return what a part that was checked stands for."""
    result: Any
    match node:
        case ast.Lambda(args=given, body=body):
            result = _function([each.arg for each in given.args], body, names)
        case ast.Name(id=name):
            result = names[name]
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name not in names:
            result = getattr(importlib.import_module(_FUNCTIONS[name][0]), attribute)
        case ast.Attribute(value=value, attr=attribute):
            result = getattr(_value(value, names), attribute)
        case ast.Call(func=function, args=args, keywords=keywords):
            named = {str(each.arg): _value(each.value, names) for each in keywords}
            result = _value(function, names)(*(_value(each, names) for each in args), **named)
        case ast.Subscript(value=value, slice=index):
            result = _value(value, names)[_value(index, names)]
        case ast.Slice(lower=lower, upper=upper, step=step):
            result = slice(*(each and _value(each, names) for each in (lower, upper, step)))
        case ast.BinOp(left=left, op=op, right=right):
            result = _OPERATORS[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=op, operand=operand):
            result = _OPERATORS[type(op)](_value(operand, names))
        case ast.Tuple(elts=parts) if not _is_literal(node):
            result = tuple(_value(each, names) for each in parts)
        case _:
            result = ast.literal_eval(node)
    return result


def _function(parameters: list[str], body: ast.expr, names: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function of a lambda expression, which knows what its arguments are called."""

    def function(*given: Any) -> Any:
        return _value(body, {**names, **dict(zip(parameters, given, strict=True))})

    kind = inspect.Parameter.POSITIONAL_ONLY
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in parameters])
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function
