"""The operands of an error, read from the frames that it passed: nothing of the user's code runs, and nothing is kept."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import operator
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from types import FrameType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, NamedTuple

from tensorref.errors._proof import broken, proves
from tensorref.errors._source import Failed, Step, bound_since, failed, is_library, steps
from tensorref.errors._values import (
    ARITHMETIC,
    PLAIN,
    Facts,
    Scope,
    Standin,
    Unknown,
    facts,
    has_shape,
    is_module,
    is_of,
    is_of_numpy,
    is_of_torch,
    is_tensor,
    made_again,
    numpy,
    torch,
)

_MOST_OPERANDS = 16
_MOST_ITEMS = 64
_MOST_MODULES = 20_000
_MOST_LETTERS = 60
_MOST_LINKS = 64
_MOST_WORDS = 2**16


@dataclass(frozen=True)
class Operand:
    """What took part in what failed: an array, a tensor, a number or a short text."""

    name: str
    """The code that gives it, such as ``self.fc.weight``."""
    kind: str
    """The name of its type, such as "Tensor"; "" where it is not known."""
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    device: str | None = None
    strides: tuple[int, ...] | None = None
    """In elements."""
    value: int | float | str | None = None
    """That of a number or a short text."""
    unknown: str | None = None
    """Why no more is known, where that would take code that is not run."""

    def row(self) -> tuple[str, ...]:
        """Return its row in a table: name, kind, shape or value, dtype, device, strides."""
        if self.unknown is not None:
            return (self.name, "?", "?", "?", "?", "?")
        facts = (self.value if self.shape is None else self.shape, self.dtype, self.device, self.strides)
        return (self.name, self.kind, *("" if fact is None else str(fact) for fact in facts))


@dataclass(frozen=True)
class Reading:
    """What the frames of an error tell."""

    file: str
    line: int
    code: str
    """What failed of the user's code."""
    by: str | None
    """The code of the library that failed for it."""
    operands: tuple[Operand, ...]
    proved: bool
    """Whether the operands lead to exactly the words of the error."""
    rule: Any
    """The explanation by the rule that was broken, where one of ours was."""
    remarks: tuple[str, ...]
    """What is to be said of the operands, such as that they may have changed."""


def read(error: BaseException) -> Reading | None:
    """Return what the frames of an error tell, or None where it passed none. It never raises."""
    fresh, traced = error is sys.exc_info()[1], sys.gettrace() is not None
    found: Reading | None = apart(lambda: _read(error, fresh=fresh, traced=traced))
    return found


def apart(work: Callable[[], Any]) -> Any:
    """Return what some work gives, or None where it raises.

    It is done in a thread of its own: modes of PyTorch, which may be the user's code, hold for the thread that began them.
    """
    found: list[Any] = []

    def run() -> None:
        with suppress(Exception):  # the user's error is what counts
            found.append(work())

    try:
        thread = threading.Thread(target=run, name="tensorref.errors", daemon=True)
        thread.start()
    except RuntimeError:  # Python is about to end
        return None
    thread.join()
    return found[0] if found else None


def links(error: BaseException) -> list[BaseException]:
    """Return an error behind those that it was raised from, then those of its group, and those it met."""
    found: list[BaseException] = []
    known: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < _MOST_LINKS:
        link, raised = waiting.pop(0), list[BaseException]()
        while link is not None and id(link) not in known and len(known) < _MOST_LINKS:
            known.add(id(link))
            raised.append(link)
            link = _of(link, "__cause__")
        found += raised[::-1]
        for link in raised:
            if issubclass(type(link), BaseExceptionGroup):
                waiting += BaseExceptionGroup.exceptions.__get__(link)
            if not _of(link, "__suppress_context__"):
                waiting.append(_of(link, "__context__"))
    return found


def message(error: BaseException) -> str:
    """Return the words of an error; those that it was made with where its own ``__str__`` is the user's code."""
    args = _of(error, "args")
    written = next(vars(kind)["__str__"] for kind in type(error).__mro__ if "__str__" in vars(kind))
    plain = type(written) is WrapperDescriptorType and all(type(arg) in PLAIN for arg in args)
    if plain or any(is_of(type(error), library) for library in ("numpy", "torch")):
        try:
            return str(error)
        except Exception:  # noqa: BLE001  it has no words
            return ""
    return next((arg for arg in args if type(arg) is str), "")


def _of(error: BaseException, name: str) -> Any:
    """Return an attribute of an error, past what its class may have made of it."""
    return vars(BaseException)[name].__get__(error)


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
        return [*islice(chain.from_iterable(map(self._parts, nodes)), _MOST_OPERANDS)]

    def _parts(self, node: ast.expr | None) -> Iterator[Part]:
        if isinstance(node, (ast.Tuple, ast.List)):
            yield from chain.from_iterable(map(self._parts, node.elts))
        elif isinstance(node, ast.Slice):
            yield from chain.from_iterable(map(self._parts, (node.lower, node.upper, node.step)))
        elif node is not None and not isinstance(node, ast.Constant):
            inner = node.value if isinstance(node, ast.Starred) else node
            name, value = self.failed.written(inner), _value(self.scope, inner)
            owner = name if isinstance(inner, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)) else f"({name})"
            if inside := [*_items(owner, value)]:
                yield from (Part(called, _readable(item), inner) for called, item in inside)
            elif has_shape(value) or isinstance(value, Unknown) or (_is_short(value) and _names(inner)):
                yield Part(name, value, inner)

    def values(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of the call, or raise `Unknown`."""
        return self.scope.listed(self.arguments), {name: self.scope.value(node) for name, node in self.keywords.items()}


def _items(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays in a list, a tuple or a dict, each with its name."""
    if type(value) in (list, tuple):
        yield from ((f"{name}[{at}]", item) for at, item in enumerate(value[:_MOST_ITEMS]) if has_shape(item))
    elif type(value) is dict:
        items = list(value.items())[:_MOST_ITEMS]
        yield from ((f"{name}[{key!r}]", item) for key, item in items if type(key) in (int, str) and has_shape(item))


def _is_short(value: Any) -> bool:
    """Tell whether a value is a number, a short text or a shape."""
    if type(value) is tuple:
        return 0 < len(value) <= _MOST_OPERANDS and all(type(size) is int for size in value)
    return type(value) in (int, float, bool) or (type(value) is str and len(value) <= _MOST_LETTERS)


def _value(scope: Scope, node: ast.AST) -> Any:
    """Return the value of an expression, or why it is not known."""
    try:
        return _readable(scope.value(node))
    except Unknown as unknown:
        return Unknown(*unknown.args)  # without the frames, which hold what was read
    except Exception as error:  # noqa: BLE001  whatever it is, the value is not known
        return Unknown(f"reading it raises {type(error).__name__}")


def _readable(value: Any) -> Any:
    """Return a value, or why nothing can be told of it."""
    try:
        if has_shape(value):
            facts(value)
    except Unknown as unknown:
        return Unknown(*unknown.args)
    return value


def _scope(frame: FrameType, *, traced: bool) -> Scope:
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


def _operation(step: Step, *, traced: bool) -> Operation:
    """Return what failed in a frame, or raise `Unknown`."""
    what = failed(step)
    scope = _scope(step.frame, traced=traced)
    if isinstance(what.node, ast.Call):
        return _call(step, what, scope, what.node)
    function, *arguments = _called(what.node)
    return Operation(step, what, scope, function, arguments, {})


def _called(node: ast.AST) -> tuple[Any, ...]:  # noqa: PLR0911  one case for each form
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
    if isinstance(node.func, ast.Attribute):
        base = _value(scope, node.func.value)
        if has_shape(base):
            tensor = is_tensor(base.array if type(base) is Standin else base)
            function = inspect.getattr_static(torch().Tensor if tensor else numpy().ndarray, node.func.attr, None)
            function = function if type(function) is MethodDescriptorType else None
            arguments = [node.func.value, *arguments]
        elif isinstance(base, Unknown):
            arguments = [node.func.value, *arguments]
    if function is None:
        found = _value(scope, node.func)
        plain = any(found is kind for kind in (int, float, complex, bool))
        function = found if plain or is_of_torch(found) or is_of_numpy(found) else None
    return Operation(step, what, scope, None if starred else function, arguments, keywords)


def _read(error: BaseException, *, fresh: bool, traced: bool) -> Reading | None:
    passed, seen = steps(_of(error, "__traceback__"))
    if not passed:
        return None
    text = message(error)[:_MOST_WORDS]
    at = max((number for number, step in enumerate(passed) if not is_library(step.frame)), default=0)
    try:
        user, refused = _operation(passed[at], traced=traced), None
    except Unknown as unknown:
        user, refused = None, str(unknown)
    file, line = passed[at].frame.f_code.co_filename, passed[at].line
    code = user.failed.written(user.failed.node) if user else linecache.getline(file, line).strip()[:_MOST_LETTERS]
    reading = Reading(file, line, code, None, (), False, None, ())  # noqa: FBT003  a field
    if found := _IN_BACKWARD.search(text):
        return replace(reading, **_written_in_place(found, passed[: at + 1], traced=traced))
    if _is_passed_on(passed[-1].frame):
        return replace(reading, remarks=("The error was raised elsewhere, and this line passes it on.",))
    operation = _operation_of(user, passed[at + 1 :], traced=traced)
    if operation is None:
        return replace(reading, remarks=(f"The operands are not known: {refused}.",))
    if operation is user:
        return replace(reading, **_operands(text, operation, None, seen, fresh=fresh))
    names = _Names(user, passed[at], passed[at + 1 : passed.index(operation.step) + 1], traced=traced)
    reading = replace(reading, by=operation.failed.written(operation.failed.node))
    return replace(reading, **_operands(text, operation, names, seen, fresh=fresh))


_IN_BACKWARD = re.compile(
    r"modified by an inplace operation: \[[\w.]{1,60} \[([\d, ]{0,200})\]\].{0,200}? is at version (\d{1,20})",
    re.DOTALL,
)


def _is_passed_on(frame: FrameType) -> bool:
    """Tell whether a frame raises what was raised before, in another thread or process."""
    module = frame.f_globals.get("__name__")
    others = ("concurrent", "multiprocessing", "asyncio")
    return frame.f_code.co_name == "reraise" or (type(module) is str and module.partition(".")[0] in others)


def _operation_of(user: Operation | None, inner: Sequence[Step], *, traced: bool) -> Operation | None:
    """Return what failed: the first call of a library's function whose operands are known, else the innermost of arrays."""
    innermost = user
    for step in (None, *inner):
        try:
            operation = user if step is None else _operation(step, traced=traced)
        except Unknown:
            continue
        parts = operation.parts() if operation else []
        if operation is None or not any(has_shape(part.value) for part in parts):
            continue
        innermost = operation
        written_in_c = operation.function is not None and type(operation.function) is not FunctionType
        if written_in_c or (operation.function and not any(isinstance(part.value, Unknown) for part in parts)):
            return operation
    return innermost


def _operands(
    text: str, operation: Operation, names: _Names | None, seen: Sequence[Facts], *, fresh: bool
) -> dict[str, Any]:
    """Return the operands of what failed, whether they are proved, the rule, and what is to be said of them."""
    parts = _recalled(operation, seen)
    if names is not None:  # numbers of the library's own code tell nobody anything
        parts = [part for part in parts if has_shape(part.value) or type(part.value) is str]
    called = [names.name(part, operation) if names else part.name for part in parts]
    operands = tuple(_operand(name, part.value) for name, part in zip(called, parts, strict=True))
    remarks = [f"{operand.name} is not known: {operand.unknown}." for operand in operands if operand.unknown]
    if not operands:
        return {"remarks": ("The line has no operand that is an array.",)}
    since = bound_since(operation.step, fresh=fresh)
    changed = [name for name, part in zip(called, parts, strict=True) if not since.isdisjoint(_names(part.node))]
    known = [(name, part.value) for name, part in zip(called, parts, strict=True) if has_shape(part.value)]
    function, args, proved = None, [value for _, value in known], None
    with suppress(Exception):  # where an argument is not known, or has no stand-in
        args, kwargs = operation.values()
        function = operation.function
        proved = proves(text, function, args, kwargs)
    rule = broken(text, function, args, known)
    proved = rule is not None or proved
    if changed:
        remarks.append(f"{', '.join(changed)} may have been bound anew since.")
    elif proved is False:
        remarks.append("As they are now, these operands lead to other words: they may have changed since.")
    elif proved is None and not remarks:
        remarks.append(
            "That these operands lead to these words is not proved: it may hang on values, which are not read."
        )
    sure = not changed and not any(operand.unknown for operand in operands)
    return {
        "operands": operands,
        "proved": sure and bool(proved),
        "rule": rule,
        "remarks": (*dict.fromkeys(remarks),),
    }


def _names(whole: ast.AST) -> set[str]:
    """Return the names in an expression, and ``[]`` where it has an item."""
    names = {"[]"} if any(isinstance(node, ast.Subscript) for node in ast.walk(whole)) else set[str]()
    for node in ast.walk(whole):
        names |= {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
    return names


def _recalled(operation: Operation, seen: Sequence[Facts]) -> list[Part]:
    """Return the operands, with those that are not known filled in from the call that was seen."""
    parts = operation.parts()
    places = [at for at, part in enumerate(parts) if has_shape(part.value) or isinstance(part.value, Unknown)]
    told = dict(zip(places, seen, strict=True)) if len(places) == len(seen) else {}
    if any(has_shape(parts[at].value) and facts(parts[at].value) != told[at] for at in told):
        return parts
    for at in told:
        if isinstance(parts[at].value, Unknown):
            value = Standin(made_again(told[at]), told[at].device)
            parts[at] = parts[at]._replace(value=value)
            operation.scope.known[parts[at].node] = value
    return parts


def _operand(name: str, value: Any) -> Operand:
    name = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
    if isinstance(value, Unknown):
        return Operand(name, "", unknown=str(value))
    if has_shape(value):
        kind = type(value.array if type(value) is Standin else value).__name__
        shape, dtype, device, strides = facts(value)
        return Operand(name, kind, shape, dtype, device or None, strides)
    return Operand(name, type(value).__name__, value=str(value) if type(value) is tuple else value)


class _Names:
    """What the user's code calls the arrays that a library's frame holds."""

    def __init__(self, user: Operation | None, step: Step, library: Sequence[Step], *, traced: bool) -> None:
        self.found: dict[int, str] = {}
        self.modules: dict[int, str] = {}
        self.scopes = [_scope(step.frame, traced=traced) for step in library]
        for node in ast.walk(user.failed.node) if user else ():
            if user and isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
                self.add(user.failed.written(node), _value(user.scope, node))
        if user and isinstance(user.failed.node, ast.Call):
            self._arguments(user, user.failed.node, self.scopes[0], library[0].frame)
        for name, value in _scope(step.frame, traced=traced).names.items():
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
    if type(value) in (list, tuple, dict):
        yield from _items(name, value)
    elif is_module(value) and id(value) not in modules and len(modules) < _MOST_MODULES:
        modules[id(value)] = name
        for table in ("_parameters", "_buffers", "_modules"):
            parts = inspect.getattr_static(value, table, None)
            for key, part in parts.items() if type(parts) in (dict, OrderedDict) else ():
                yield from held(f"{name}[{key}]" if str(key).isdecimal() else f"{name}.{key}", part, modules)
    elif has_shape(value) and type(value) is not Standin:
        yield name, value


def _version(tensor: Any) -> int | None:
    from tensorref import _private_parts

    return _private_parts.version(tensor)


def _written_in_place(found: re.Match[str], passed: Sequence[Step], *, traced: bool) -> dict[str, Any]:
    """Return the tensors that backward may have found changed: those with the shape and the version of the message."""
    shape, version = tuple(map(int, re.findall(r"\d+", found[1]))), int(found[2])
    seen: dict[int, Operand] = {}
    for step in reversed(passed):
        if is_library(step.frame):
            continue
        modules: dict[int, str] = {}
        for name, value in _scope(step.frame, traced=traced).names.items():
            for called, array in held(name, value, modules):
                operand = _operand(called, array) if is_tensor(array) and id(array) not in seen else None
                if operand and operand.shape == shape and _version(array) == version:
                    seen[id(array)] = operand
    first = "The line is not the cause: backward found here what was written in place before."
    if not seen:
        return {"remarks": (first, f"No tensor of shape {shape} and version {version} has a name here any more.")}
    last = f"These have the shape {shape} and the version {version} of the message, so one of them may be it."
    return {"operands": (*seen.values(),)[:_MOST_OPERANDS], "remarks": (first, last)}
