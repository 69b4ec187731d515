"""The operands of an error, read from the frames that it passed: nothing of the user's code runs, and nothing is kept."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from traceback import walk_stack
from types import FrameType, FunctionType, WrapperDescriptorType
from typing import Any

from tensorref.errors._names import Names, held
from tensorref.errors._operation import MOST_LETTERS, MOST_OPERANDS, Operation, Part, names_in, operation_at, scope_of
from tensorref.errors._proof import broken, proves
from tensorref.errors._reading import Operand, Reading
from tensorref.errors._since import changed_since
from tensorref.errors._source import Step, bound_since, is_library, steps
from tensorref.errors._standins import (
    PLAIN,
    Facts,
    Standin,
    Unknown,
    arrays_in,
    facts,
    has_shape,
    is_exactly,
    is_module,
    is_of,
    is_tensor,
    made_again,
    name_of,
)

_MOST_LINKS = 64
_MOST_STEPS = 24  # of a library's frames
_MOST_WORDS = 2**16


def read(error: BaseException) -> Reading | None:
    """Return what the frames of an error tell, or None where it passed none. It never raises."""
    fresh, traced = error is sys.exc_info()[1], sys.gettrace() is not None
    stack = [frame for frame, _ in walk_stack(inspect.currentframe())]
    found: Reading | None = apart(lambda: _read(error, stack, fresh=fresh, traced=traced))
    if found is not None and (place := apart(lambda: _place_of_module(error, traced=traced))):
        found = replace(found, remarks=(*found.remarks, place))
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


def told_of_tensors(arguments: Any) -> list[Facts]:
    """Return what is told of the tensors in arguments."""
    return [facts(array) for array in arrays_in(arguments) if is_tensor(array)]


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
                waiting += _of(link, "exceptions", BaseExceptionGroup)
            if not _of(link, "__suppress_context__"):
                waiting.append(_of(link, "__context__"))
    return found


def has_no_frame(error: BaseException) -> bool:
    """Tell whether an error passed no frame here."""
    return _of(error, "__traceback__") is None


def message(error: BaseException) -> str:
    """Return the words of an error; those that it was made with where its own ``__str__`` is the user's code."""
    args = _of(error, "args")
    written = next(vars(kind)["__str__"] for kind in type(error).__mro__ if "__str__" in vars(kind))
    plain = type(written) is WrapperDescriptorType and all(is_exactly(arg, PLAIN) for arg in args)
    if plain or any(is_of(type(error), library) for library in ("numpy", "torch")):
        try:
            return str(error)
        except Exception:  # noqa: BLE001  it has no words
            return ""
    return next((arg for arg in args if type(arg) is str), "")


def _of(error: BaseException, name: str, kind: type[BaseException] = BaseException) -> Any:
    """Return an attribute of an error, past what its class may have made of it."""
    found: Any = inspect.getattr_static(kind, name)
    return found.__get__(error)


def _innermost(passed: Sequence[Step]) -> int:
    """Return which frame is the user's innermost."""
    return max((number for number, step in enumerate(passed) if not is_library(step.frame)), default=0)


def _place_of_module(error: BaseException, *, traced: bool) -> str | None:
    """Return what the module in whose method an error came is called further out, such as ``model.blocks[2]``."""
    passed, _ = steps(_of(error, "__traceback__"))
    if not passed:
        return None
    at = _innermost(passed)
    own = passed[at].frame.f_code.co_varnames[:1]
    module = scope_of(passed[at].frame, traced=traced).names.get(own[0]) if own else None
    for step in passed[:at] if is_module(module) else ():
        modules: dict[int, str] = {}
        for name, value in () if is_library(step.frame) else scope_of(step.frame, traced=traced).names.items():
            for _ in held(name, value, modules):
                pass
        if id(module) in modules:
            code = step.frame.f_code
            where = "" if code.co_name == "<module>" else f" in {code.co_qualname}"
            return f"{own[0]} is {modules[id(module)]}{where}."
    return None


def _read(error: BaseException, stack: Sequence[FrameType], *, fresh: bool, traced: bool) -> Reading | None:
    passed, seen = steps(_of(error, "__traceback__"))
    if not passed:
        return None
    text = message(error)[:_MOST_WORDS]
    at = _innermost(passed)
    try:
        user, refused = operation_at(passed[at], traced=traced), None
    except Unknown as unknown:
        user, refused = None, str(unknown)
    file, line = passed[at].frame.f_code.co_filename, passed[at].line
    code = user.failed.written(user.failed.node) if user else linecache.getline(file, line).strip()[:MOST_LETTERS]
    reading = Reading(file, line, code, None, (), False, None, ())  # noqa: FBT003  a field
    if found := _IN_BACKWARD.search(text):
        return replace(reading, **_written_in_place(found, passed[: at + 1], traced=traced))
    if _is_passed_on(passed[-1].frame):
        return replace(reading, remarks=(_PASSED_ON,))
    operation = _operation_of(user, passed[at + 1 :], traced=traced)
    if operation is None:
        return replace(reading, remarks=(f"The operands are not known: {refused}.",))
    asked = {name for part in operation.parts() for name in names_in(part.node)}
    since = changed_since(passed, stack, asked, fresh=fresh, traced=traced)
    if operation is user:
        return replace(reading, **_operands(text, operation, None, seen, fresh=fresh, since=since))
    names = Names(user, passed[at], passed[at + 1 : passed.index(operation.step) + 1], traced=traced)
    reading = replace(reading, by=operation.failed.written(operation.failed.node))
    return replace(reading, **_operands(text, operation, names, seen, fresh=fresh, since=since))


_IN_BACKWARD = re.compile(
    r"modified by an inplace operation: \[[\w.]{1,60} \[([\d, ]{0,200})\]\].{0,200}? is at version (\d{1,20})",
    re.DOTALL,
)


_PASSED_ON = "The operands are not known: the error was raised elsewhere, such as in another process, and this line passes it on."


def _is_passed_on(frame: FrameType) -> bool:
    """Tell whether a frame raises what was raised before, in another thread or process."""
    module = frame.f_globals.get("__name__")
    others = ("concurrent", "multiprocessing", "asyncio")
    return frame.f_code.co_name == "reraise" or (type(module) is str and module.partition(".")[0] in others)


def _operation_of(user: Operation | None, inner: Sequence[Step], *, traced: bool) -> Operation | None:
    """Return what failed: the first call of what is written in C, else of a library's function, else the innermost of arrays."""
    found: list[Operation] = []
    steps = inner if len(inner) <= _MOST_STEPS else [*inner[: _MOST_STEPS // 2], *inner[-_MOST_STEPS // 2 :]]
    for step in (None, *steps):
        with suppress(Unknown):
            operation = user if step is None else operation_at(step, traced=traced)
            if operation is not None and any(has_shape(part.value) for part in operation.parts()):
                found.append(operation)
                if operation.function is not None and type(operation.function) is not FunctionType:
                    return operation
    functions = [operation for operation in found if operation.function is not None]
    return next(iter([*functions, *found[::-1]]), user)


def _operands(  # noqa: PLR0913  what is known of it
    text: str, operation: Operation, names: Names | None, seen: Sequence[Facts], *, fresh: bool, since: bool
) -> dict[str, Any]:
    """Return the operands of what failed, whether they are proved, the rule, and what is to be said of them."""
    parts = _recalled(operation, seen)
    if names is not None:  # numbers of the library's own code tell nobody anything
        parts = [part for part in parts if has_shape(part.value) or type(part.value) is str]
    called = [names.name(part, operation) if names else part.name for part in parts]
    operands = tuple(_operand(name, part.value) for name, part in zip(called, parts, strict=True))
    operands = tuple(_without_secret(operand, text, operation) for operand in operands)
    remarks = [f"{operand.name} is not known: {operand.unknown}." for operand in operands if operand.unknown]
    if not operands:
        return {"remarks": ("The line has no operand that is an array.",)}
    bound = bound_since(operation.step, fresh=fresh)
    changed = [name for name, part in zip(called, parts, strict=True) if not bound.isdisjoint(names_in(part.node))]
    known = [(name, part.value) for name, part in zip(called, parts, strict=True) if has_shape(part.value)]
    function, args, proved = None, [value for _, value in known], None
    with suppress(Exception):  # where an argument is not known, or has no stand-in
        args, kwargs = operation.values()
        function = operation.function
        proved = proves(text, function, args, kwargs)
    rule = broken(text, function, args, known)
    proved = rule is not None or proved
    sure = bool(proved) and not changed and not since and not remarks
    if changed:
        remarks.append(f"{', '.join(changed)} may have been bound anew since.")
    elif sure:
        remarks.append("These operands lead to exactly these words.")
    elif since and proved is False:
        remarks.append("As they are now, these operands lead to other words: they may have changed since.")
    elif since:
        remarks.append("The operands are as they are now: what ran after the error may have changed them.")
    elif proved is False:
        remarks.append(
            "Such operands lead to other words elsewhere: these words depend on more than shapes and dtypes."
        )
    elif not remarks:
        remarks.append(
            "That these operands lead to these words is not proved: it may hang on values, which are not read."
        )
    return {
        "operands": operands,
        "proved": sure,
        "rule": rule,
        "remarks": (*dict.fromkeys(remarks),),
    }


def _recalled(operation: Operation, seen: Sequence[Facts]) -> list[Part]:
    """Return the operands, with those that are not known filled in from the call that was seen."""
    parts = _listed(operation.parts(), len(seen))
    places = [at for at, part in enumerate(parts) if _is_asked(part)]
    told = dict(zip(places, seen, strict=True)) if len(places) == len(seen) else {}
    if any(has_shape(parts[at].value) and facts(parts[at].value) != told[at] for at in told):
        return parts
    found: dict[ast.expr, list[Standin]] = {}
    for at in told:
        if isinstance(parts[at].value, Unknown):
            value = Standin(made_again(told[at]), told[at].device)
            parts[at] = parts[at]._replace(value=value)
            found.setdefault(parts[at].node, []).append(value)
    for node, values in found.items():
        operation.scope.known[node] = values if len(values) > 1 else values[0]
    return parts


def _listed(parts: list[Part], seen: int) -> list[Part]:
    """Return the operands, with the one that is not known as the items of a list where more tensors were seen."""
    unknown = [at for at, part in enumerate(parts) if isinstance(part.value, Unknown)]
    more = seen - sum(map(_is_asked, parts))
    if len(unknown) != 1 or not 0 < more < MOST_OPERANDS:
        return parts
    (at,) = unknown
    items = [parts[at]._replace(name=f"{parts[at].name}[{number}]") for number in range(more + 1)]
    return [*parts[:at], *items, *parts[at + 1 :]]


def _is_asked(part: Part) -> bool:
    return has_shape(part.value) or isinstance(part.value, Unknown)


def _without_secret(operand: Operand, text: str, operation: Operation) -> Operand:
    """Return an operand without its text, unless the message or the code has it, or it is an equation."""
    public = f"{text}\n{operation.failed.written(operation.failed.node)}"
    is_equation = getattr(operation.function, "__name__", "") == "einsum"
    is_secret = type(operand.value) is str and operand.kind == "str" and operand.value not in public
    return replace(operand, value=None) if is_secret and not is_equation else operand


def _operand(name: str, value: Any) -> Operand:
    name = name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
    if isinstance(value, Unknown):
        return Operand(name, "", unknown=str(value))
    if has_shape(value):
        kind = name_of(type(value.array if type(value) is Standin else value))
        shape, dtype, device, strides = facts(value)
        return Operand(name, kind, shape, dtype, device or None, strides)
    return Operand(name, name_of(type(value)), value=str(value) if type(value) is tuple else value)


def _written_in_place(found: re.Match[str], passed: Sequence[Step], *, traced: bool) -> dict[str, Any]:
    """Return the tensors that backward may have found changed: those with the shape and the version of the message."""
    from tensorref import _private_parts  # which loads PyTorch

    shape, version = tuple(map(int, re.findall(r"\d+", found[1]))), int(found[2])
    seen: dict[int, Operand] = {}
    for step in reversed(passed):
        if is_library(step.frame):
            continue
        modules: dict[int, str] = {}
        for name, value in scope_of(step.frame, traced=traced).names.items():
            for called, array in held(name, value, modules):
                operand = _operand(called, array) if is_tensor(array) and id(array) not in seen else None
                if operand and operand.shape == shape and _private_parts.version(array) == version:
                    seen[id(array)] = operand
    first = "The line is not the cause: backward found here what was written in place before."
    if not seen:
        return {"remarks": (first, f"No tensor of shape {shape} and version {version} has a name here any more.")}
    last = f"These have the shape {shape} and the version {version} of the message, so one of them may be it."
    return {"operands": (*seen.values(),)[:MOST_OPERANDS], "remarks": (first, last)}
