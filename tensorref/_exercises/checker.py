"""What checks an answer to an exercise: it calls the answer, compares what came back, and says the first difference."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tensorref import broadcasting, interop

__all__ = ["Rules", "first_difference"]

# Relative and absolute, as torch.testing.assert_close has them: sums may be taken in another order. In half precision a
# result is a copy, or is rounded once from an exact enough number: all right answers agree to the last bit.
_TOLERANCES = {torch.float32: (1.3e-6, 1e-5), torch.float64: (1e-7, 1e-7)}

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Rules:
    """What an answer is held against."""

    parameters: tuple[str, ...]
    results: tuple[str, ...]
    """The names of what an answer returns, a tuple where there are several."""
    expected: Callable[..., Any]
    """Computes the result in another way than the solution does, on the CPU."""
    cases: Callable[[], Sequence[Arguments]]
    """Makes the arguments of every call, on the CPU; what is on meta stays there."""
    memory: Literal["view", "copy"] | None
    """Whether results have to be views of the first argument, where those expected are, or copies of all."""
    changes: tuple[str, ...]
    """The arguments that an answer is to change."""
    gradients: tuple[str, ...]
    """The arguments whose gradients are compared too."""
    growing: Callable[[], tuple[Arguments, Arguments]] | None
    """Makes small and large arguments, for which an answer without a loop takes the same steps."""
    keeps_random_state: bool
    """Whether the global random state is to stay as it was."""


def first_difference(answer: Callable[..., Any], rules: Rules, device: torch.device) -> str | None:
    """Return what is wrong with an answer and with which arguments, or None."""
    # The caller's own random numbers go on as if nothing had been called.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"), _float32(), torch.enable_grad():
        for case in (*rules.cases(), *(rules.growing() if rules.growing else ())):
            described = _described(rules, case)  # before an answer can change it
            wrong = next(_differences(answer, rules, case, device), None)
            if wrong:
                return f"With {described}: {wrong}"
        return _loop(answer, rules, device)


@contextmanager
def _float32() -> Generator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _differences(answer: Callable[..., Any], rules: Rules, case: Arguments, device: torch.device) -> Iterator[str]:
    before = _each(case, _copied)
    given = _each(case, partial(_placed, device=device))
    states, seed = [*map(_state, given)], torch.get_rng_state()
    try:
        got = answer(*given)
    except Exception as error:  # noqa: BLE001  whatever the answer raises is told to its author
        yield f"it raised {_first_line(error)}"
        return
    if rules.keeps_random_state and not torch.equal(seed, torch.get_rng_state()):
        yield "it changed the global random state; draw from a torch.Generator."
    for name, argument, state, original in zip(rules.parameters, given, states, before, strict=True):
        if name not in rules.changes and (_state(argument) != state or not _same(argument, original)):
            yield f"it changed its argument {name}; return a new tensor. Methods ending in _, += and x[...] = change."
        if any(value.grad is not None for value in _flat(argument) if isinstance(value, Tensor) and value.is_leaf):
            yield f"it filled the .grad of its argument {name}, which is to stay as it was."
    wanted = rules.expected(*before)
    # What is made from sizes alone is made on the CPU.
    there = device if any(isinstance(argument, Tensor) for argument in _flat(given)) else torch.device("cpu")
    if len(rules.results) > 1:
        if not isinstance(got, tuple | list) or len(got) != len(rules.results):
            yield f"it returned {_kind(got)}, the task asks for a tuple of {' and '.join(rules.results)}."
            return
    else:
        got, wanted = (got,), (wanted,)
    after = dict(zip(rules.parameters, zip(given, before, strict=True), strict=True))
    got = _untracked(got, given)
    compared = [*zip(rules.results, got, wanted, strict=True)]
    compared += [(f"{name} after the call", *after[name]) for name in rules.changes]
    name = ""
    try:
        for name, ours, theirs in compared:
            yield from _compared(name, ours, theirs, there)
        yield from _memory(rules, got, given, wanted, before)
        yield from _gradients(rules, got[0], given, wanted[0], before)
    except Exception as error:  # noqa: BLE001  an answer can return what PyTorch itself cannot compare
        yield f"{name} cannot be compared with what the task asks for: {_first_line(error)}"


def _flat(value: Any) -> Iterator[Any]:
    """Yield what is in lists, tuples and dicts, or the value itself."""
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _flat(part)
    else:
        yield value


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value with what is in lists, tuples and dicts changed."""
    if isinstance(value, Mapping):
        return {name: _each(part, change) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each(part, change) for part in value)
    return change(value)


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return value.copy() if isinstance(value, np.ndarray) else value


def _untracked(got: Sequence[Any], given: Arguments) -> Sequence[Any]:
    """Return results without gradients where no argument has any: those of a module or of a parameter are its own."""
    if any(isinstance(value, Tensor) and value.requires_grad for value in _flat(given)):
        return got
    return [value.detach() if isinstance(value, Tensor) else value for value in got]


def _placed(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor) and value.device.type == "cpu" != device.type:
        return value.detach().to(device).requires_grad_(value.requires_grad)
    return value


def _state(argument: Any) -> list[Any]:
    """Return what an answer can change of an argument besides the values, and how many there are."""
    found: list[Any] = [[*argument] if isinstance(argument, Mapping) else None]
    for value in _flat(argument):
        found.append(type(value))
        if isinstance(value, np.ndarray):
            found += [value.shape, value.strides, value.dtype]
        if isinstance(value, Tensor):
            found += [value.shape, value.layout, value.dtype, value.device, value.requires_grad]
            found.append(value.stride() if value.layout is torch.strided else None)
    return found


def _same(argument: Any, original: Any) -> bool:
    """Tell whether values are as they were; NaN is as it was."""
    for ours, theirs in zip(_flat(argument), _flat(original), strict=True):
        if isinstance(ours, Tensor):
            pair = (ours.detach().cpu(), theirs.detach()) if not ours.is_meta else ()
            if pair and not torch.all(torch.isclose(*pair, rtol=0, atol=0, equal_nan=True)):
                return False
        elif isinstance(ours, np.ndarray):
            if not np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f"):
                return False
        elif ours != theirs:
            return False
    return True


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {[*str(error).splitlines(), ''][0]}"


def _described(rules: Rules, case: Arguments) -> str:
    *given, last = (f"{name} {_shown(value)}" for name, value in zip(rules.parameters, case, strict=True))
    return f"{', '.join(given)} and {last}" if given else last


def _shown(value: Any) -> str:
    if isinstance(value, Tensor | np.ndarray):
        where = " on meta" if isinstance(value, Tensor) and value.is_meta else ""
        usual = {torch.float32, torch.int64, torch.bool}
        kind = "" if value.dtype in usual else f" and {str(value.dtype).removeprefix('torch.')}"
        array = ", an array" if isinstance(value, np.ndarray) else ""
        return f"of shape {tuple(value.shape)}{kind}{where}{array}"
    if isinstance(value, list | Mapping):
        shapes = [tuple(part.shape) for part in _flat(value)]
        return f"of shapes {', '.join(map(str, shapes)) or '(none)'}"
    return f"= {getattr(value, '__name__', None) or repr(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "nothing (a return is missing)" if value is None else f"an object of type {type(value).__name__}"


def _compared(name: str, got: Any, wanted: Any, device: torch.device) -> Iterator[str]:
    """Yield what is wrong with a result, the plainest difference first; what is wanted was computed on the CPU."""
    if not isinstance(got, type(wanted)):
        yield f"{name} is {_kind(got)}, the task asks for {type(wanted).__name__}."
        return
    if isinstance(wanted, dict):
        if [*got] != [*wanted]:
            yield f"{name} has the keys {', '.join(map(str, got)) or '(none)'}, which are not those of the argument."
            return
        for key in wanted:
            yield from _compared(f"{name}[{key!r}]", got[key], wanted[key], device)
        return
    if not isinstance(wanted, Tensor | np.ndarray):
        if got != wanted:
            yield f"{name} is not right (yours is {got})."
        return
    yield from _compared_arrays(name, got, wanted, device)


def _compared_arrays(
    name: str, got: np.ndarray | Tensor, wanted: np.ndarray | Tensor, device: torch.device
) -> Iterator[str]:
    if isinstance(got, Tensor) and isinstance(wanted, Tensor) and got.layout != wanted.layout:
        yield f"{name} has layout {got.layout}, the task asks for {wanted.layout}."
    shape = tuple(wanted.shape)
    if tuple(got.shape) != shape:
        yield f"{name} has shape {tuple(got.shape)}, the task asks for {shape}.{_why(tuple(got.shape), shape)}"
    if got.dtype != wanted.dtype:
        yield f"{name} has dtype {got.dtype}, the task asks for {wanted.dtype}."
    # A copy, because torch.from_numpy takes no negative strides and warns of read-only memory.
    ours, theirs = (torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x for x in (got, wanted))
    place = theirs.device if theirs.is_meta or isinstance(got, np.ndarray) else torch.empty(0, device=device).device
    if ours.device != place:
        yield f"{name} is on {ours.device}, the task asks for {place}."
    if ours.requires_grad != theirs.requires_grad:
        kinds = ("requires grad", "does not require grad")
        yield f"{name} {kinds[theirs.requires_grad]}, the task asks for one that {kinds[ours.requires_grad]}."
    if ours.is_leaf != theirs.is_leaf:
        kinds = ("has a history for gradients", "has no history for gradients")
        yield f"{name} {kinds[ours.is_leaf]}, the task asks for one that {kinds[theirs.is_leaf]}."
    if not theirs.is_meta:
        yield from _unequal(name, ours.detach().cpu(), theirs.detach().cpu())


def _differ(ours: Tensor, theirs: Tensor) -> Tensor:
    relative, absolute = _TOLERANCES.get(theirs.dtype, (0, 0))
    return ~torch.isclose(ours, theirs, rtol=relative, atol=absolute, equal_nan=True)


def _unequal(name: str, ours: Tensor, theirs: Tensor) -> Iterator[str]:
    wrong = _differ(ours, theirs)
    if not wrong.any():
        return
    place = torch.argwhere(wrong)[0].tolist()
    value = ours[tuple(place)].item()
    finite = bool(torch.isfinite(theirs[tuple(place)]))
    shown = f"yours is {value if isinstance(value, int) else format(value, '.4g')}" + (
        ", no finite number" if finite and not np.isfinite(value) else ""
    )
    count = f"; {wrong.sum()} of {wrong.numel()} elements differ, this is the first" if place else ""
    yield f"{name}{place or ''} is not right ({shown}){count}.{_turned(ours, theirs)}"


def _turned(ours: Tensor, theirs: Tensor) -> str:
    """Return a sentence if all elements are there, in other places."""
    if ours.dtype == torch.bool or ours.numel() < 3:  # noqa: PLR2004  two elements say little of an order
        return ""
    there = not _differ(*(x.flatten().sort().values for x in (ours, theirs))).any()
    return " The elements are the right ones, in other places." if there else ""


def _why(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Return what can be said of a wrong shape: whether it is wrong by a broadcast, or by the order of its axes."""
    if not broadcasting.compatible(got, wanted):
        turned = got != wanted and sorted(got) == sorted(wanted)
        return " The sizes are right, the order of the axes is not." if turned else ""
    told: list[str] = []
    for axis in range(-1, -1 - max(len(got), len(wanted)), -1):
        if -axis > len(got):
            told.append(f"axis {axis} is missing")
        elif -axis > len(wanted):
            told.append(f"axis {axis}, of size {got[axis]}, is too many")
        elif got[axis] != wanted[axis]:
            told.append(f"axis {axis} has {got[axis]} instead of {wanted[axis]}")
    return f" The difference is one of broadcasting ({', '.join(told)}), which == and allclose do not see."


def _memory(rules: Rules, got: Sequence[Any], given: Arguments, wanted: Arguments, before: Arguments) -> Iterator[str]:
    """Yield what is wrong with where results lie."""
    sources = [
        (name, part) for name, argument in zip(rules.parameters, given, strict=True) for part in _arrays(argument)
    ]
    for name, ours, theirs in zip(rules.results, got, wanted, strict=True):
        for part, wanted_part in zip(_arrays(ours), _arrays(theirs), strict=True):
            if rules.memory == "view" and interop.shares_memory(wanted_part, before[0]):
                source, argument = sources[0]
                if not interop.shares_memory(part, argument):
                    yield f"{name} lies in memory of its own; the task asks for a view of {source}, which copies nothing."
            if rules.memory == "copy":
                for source, argument in sources:
                    if interop.shares_memory(part, argument):
                        yield f"{name} shares its memory with {source}; the task asks for a copy."
                if part.numel() and any(
                    not step and size > 1 for step, size in zip(part.stride(), part.shape, strict=True)
                ):
                    yield f"elements of {name} share memory with one another; the task asks for a copy of each."


def _arrays(value: Any) -> list[Any]:
    return [part for part in _flat(value) if isinstance(part, Tensor | np.ndarray)]


def _gradients(rules: Rules, got: Any, given: Arguments, wanted: Any, before: Arguments) -> Iterator[str]:
    """Yield what is wrong with the gradients that arguments get from a result."""
    for name in rules.gradients:
        position = rules.parameters.index(name)
        found: list[Tensor] = []
        for result, arguments in ((got, given), (wanted, before)):
            # Weights that differ tell a gradient from one that is right only for a sum.
            weights = torch.arange(1.0, result.numel() + 1).reshape(result.shape).to(result)
            total, leaf = (result * weights).sum(), arguments[position]
            (slopes,) = torch.autograd.grad(total, leaf, retain_graph=True, allow_unused=True, materialize_grads=True)
            found.append(slopes)
        yield from _compared(f"gradient of {name}", found[0], found[1], given[position].device)


def _loop(answer: Callable[..., Any], rules: Rules, device: torch.device) -> str | None:
    """Return a sentence if an answer, which has run before, takes more steps the larger its arguments are, or None."""
    if rules.growing is None:
        return None
    small, large = (_steps(answer, _each(arguments, partial(_placed, device=device))) for arguments in rules.growing())
    if large <= small:
        return None
    sizes = [_described(rules, arguments) for arguments in rules.growing()]
    return (
        f"It takes {small} steps in Python with {sizes[0]}, and {large} with {sizes[1]}: that is a loop, and the task asks "
        "for none. Let one operation work on all elements at once."
    )


def _steps(answer: Callable[..., Any], arguments: Arguments) -> int:
    """Count the lines of Python that run."""
    with _counted_lines() as lines, _CallsAsLines():
        answer(*arguments)
    return len(lines)


class _CallsAsLines(TorchFunctionMode):
    """Runs a line of Python for each call into PyTorch, so that a loop in C, such as that of map, counts."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextmanager
def _counted_lines() -> Generator[list[None]]:
    lines: list[None] = []

    def trace(_: FrameType, event: str, __: Any) -> Any:
        if event == "line":
            lines.append(None)
        return trace

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()  # what a collection calls is no step of the answer
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
