"""Whether what ran after an error, and before it is explained, may have changed its operands."""

from __future__ import annotations

import ast
import builtins
import dis
from collections.abc import Collection, Sequence
from types import FrameType
from typing import Any

from tensorref.errors._operation import scope_of, value_of
from tensorref.errors._source import Step, failed, is_library, is_ours, ran
from tensorref.errors._standins import FUNCTIONS, Unknown, is_exactly, name_of

_CALLS = ("CALL", "CALL_KW", "CALL_FUNCTION_EX")
_STORES = ("STORE_ATTR", "STORE_SUBSCR", "STORE_SLICE", "DELETE_ATTR", "DELETE_SUBSCR")
_RUNS = ("FOR_ITER", "SEND", "YIELD_VALUE", "IMPORT_NAME", "BEFORE_ASYNC_WITH")  # code that is not seen
_NAMES = ("STORE_NAME", "STORE_GLOBAL", "STORE_DEREF", "DELETE_NAME", "DELETE_GLOBAL", "DELETE_DEREF")
_HARMLESS = {"print", "str", "repr", "len", "type", "isinstance", "issubclass", "id", "format", "getattr"}
_TELL = {"tensorref", "logging", "traceback", "warnings", "time"}  # modules whose functions change no operand
_ENTERED = {
    *_TELL,
    "torch",
    "numpy",
    "pytest",
    "_pytest",
    "unittest",
    "concurrent",
}  # those whose context managers change none
_MANAGERS = {"suppress", "nullcontext", "redirect_stdout", "redirect_stderr", "closing"}
_SWAPS = ("functional_call", "_functional_call")  # PyTorch's own that put back what they had exchanged
_MOST_CALLS = 16


def changed_since(
    passed: Sequence[Step], stack: Sequence[FrameType], names: Collection[str], *, fresh: bool, traced: bool
) -> bool:
    """Tell whether a frame that an error passed ran on and may have changed something.

    `stack` has the frames that run now, the innermost first, and `names` those of the operands.
    """
    for step in passed:
        if is_library(step.frame):
            if step.frame.f_code.co_name in _SWAPS:
                return True
            continue
        since = ran(step.frame, step.at, fresh=fresh)
        place = next((at for at, frame in enumerate(stack) if frame is step.frame), None)
        if place is not None and step.frame.f_lasti == step.at:  # a debugger asks, before anything ran
            continue
        if place is not None and since:
            since = since[:-1]  # it is not done: what it runs is on the stack
            above = (frame for frame in stack[:place] if not (is_library(frame) or is_ours(frame)))
            if any(_changes(frame, ran(frame, None, fresh=True)[:-1], names, traced=traced) for frame in above):
                return True
        if _changes(step.frame, since, names, traced=traced):
            return True
    return False


def _changes(frame: FrameType, since: Sequence[dis.Instruction], names: Collection[str], *, traced: bool) -> bool:
    """Tell whether one of some instructions may change something."""
    calls = [each for each in since if each.opname in _CALLS or each.opname == "WITH_EXCEPT_START"]
    if len(calls) > _MOST_CALLS:
        return True
    for each in since:
        if each.opname in _STORES or each.opname in _RUNS or (each.opname in _NAMES and each.argval in names):
            return True
    return not all(_is_harmless(frame, each, traced=traced) for each in calls)


def _is_harmless(frame: FrameType, call: dis.Instruction, *, traced: bool) -> bool:
    """Tell whether a call, or what leaves a block of `with`, is known to change nothing."""
    try:
        node = failed(frame.f_code, call.offset).node
    except Unknown:
        return False
    scope = scope_of(frame, traced=traced)
    if call.opname == "WITH_EXCEPT_START":
        items = node.items if isinstance(node, (ast.With, ast.AsyncWith)) else []
        managers = [item.context_expr for item in items] if items else [node]
        return all(_is_manager(value_of(scope, each.func if isinstance(each, ast.Call) else each)) for each in managers)
    if not isinstance(node, ast.Call):
        return False
    function = value_of(scope, node.func)
    if _keeps_the_error(node) or any(function is vars(builtins)[name] for name in _HARMLESS):
        return True
    if isinstance(function, type) and issubclass(function, BaseException):
        return "__init__" not in {name for kind in function.__mro__ if kind.__flags__ & _HEAP for name in vars(kind)}
    return _module_of(function) in _TELL


def _module_of(value: Any) -> str:
    """Return the name of the package that a function, a class or an instance comes from."""
    if type(value) is Unknown:
        return ""
    is_owner = is_exactly(value, FUNCTIONS) or issubclass(type(value), type)
    module = getattr(value, "__module__", None) if is_owner else type.__getattribute__(type(value), "__module__")
    return module.partition(".")[0] if type(module) is str else ""


def _is_manager(value: Any) -> bool:
    """Tell whether a context manager, or what makes one, changes nothing when it is left."""
    if _module_of(value) == "contextlib":
        return getattr(value, "__name__", name_of(type(value))) in _MANAGERS
    return _module_of(value) in _ENTERED


_HEAP = 1 << 9  # a class that was made by a statement


def _keeps_the_error(node: ast.Call) -> bool:
    """Tell whether a call puts one name into a list, as ``caught.append(error)``: no operand is an error."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(), attr="append"), args=[ast.Name() | ast.Constant()], keywords=[]
        ):
            return True
        case _:
            return False
