"""What the user's code calls the arrays that a frame of a library holds."""

from __future__ import annotations

import ast
import dis
import inspect
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from tensorref.errors._operation import Operation, Part, items_of, scope_of, value_of
from tensorref.errors._source import Step
from tensorref.errors._standins import Standin, has_shape, is_exactly, is_module, own_dict
from tensorref.errors._values import Scope

_MOST_MODULES = 20_000


class Names:
    """What the user's code calls the arrays that a library's frame holds."""

    def __init__(self, user: Operation | None, step: Step, library: Sequence[Step], *, traced: bool) -> None:
        self.found: dict[int, str] = {}
        self.modules: dict[int, str] = {}
        self.scopes = [scope_of(step.frame, traced=traced) for step in library]
        for node in ast.walk(user.failed.node) if user else ():
            if user and isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
                self.add(user.failed.written(node), value_of(user.scope, node))
        if user and isinstance(user.failed.node, ast.Call):
            self._arguments(user, user.failed.node, self.scopes[0], library[0].frame)
        for name, value in scope_of(step.frame, traced=traced).names.items():
            self.add(name, value)

    def add(self, name: str, value: Any) -> None:
        """Give a name to an array, and to those in a list or in a module."""
        for called, array in held(name, value, self.modules):
            self.found.setdefault(id(array), called)

    def _arguments(self, user: Operation, call: ast.Call, scope: Scope, frame: FrameType) -> None:
        """Name what was handed to the library by the expressions that gave it."""
        code = frame.f_code
        stored = {
            instruction.argval
            for instruction in dis.get_instructions(code)
            if instruction.opname.startswith("STORE_FAST")
        }
        names = [*code.co_varnames[: code.co_argcount]]
        values = [None if name in stored else scope.names.get(name) for name in names]
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount :]
        if code.co_flags & inspect.CO_VARARGS and rest[0] not in stored and type(scope.names.get(rest[0])) is tuple:
            values += scope.names[rest[0]]
        if names[:1] == ["self"]:
            if isinstance(call.func, ast.Attribute):
                self.add(user.failed.written(call.func.value), values[0])
            values = values[1:]
        if any(isinstance(node, ast.Starred) for node in call.args):
            return
        for node, value in zip(call.args, values, strict=False):
            self.add(user.failed.written(node), value)
        for keyword in call.keywords:
            if keyword.arg in code.co_varnames and keyword.arg not in stored:
                self.add(user.failed.written(keyword.value), scope.names.get(keyword.arg))

    def name(self, part: Part, operation: Operation) -> str:
        """Return what the user calls an operand, or what the library does and where."""
        if has_shape(part.value) and (known := self.found.get(id(part.value))):
            return known
        if not has_shape(part.value):
            return part.name
        owners = [self.modules.get(id(scope.names.get("self"))) for scope in self.scopes]
        owner = next((name for name in reversed(owners) if name), operation.step.frame.f_code.co_name)
        return f"{part.name} in {owner}"


def held(name: str, value: Any, modules: dict[int, str]) -> Iterator[tuple[str, Any]]:
    """Yield an array, or those in a list or a module, each with its name, and note what the modules are called."""
    if is_exactly(value, (list, tuple, dict)):
        yield from items_of(name, value)
    elif is_module(value) and id(value) not in modules and len(modules) < _MOST_MODULES:
        modules[id(value)] = name
        for table in ("_parameters", "_buffers", "_modules"):
            parts: Any = own_dict(value).get(table)
            for key, part in parts.items() if is_exactly(parts, (dict, OrderedDict)) else ():
                yield from held(f"{name}[{key}]" if str(key).isdecimal() else f"{name}.{key}", part, modules)
    elif has_shape(value) and type(value) is not Standin:
        yield name, value
