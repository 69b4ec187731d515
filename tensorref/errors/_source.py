"""The code that failed, as it is written: the smallest expression that Python was at when an error passed a frame.

Python keeps for each instruction from where to where its code stands (PEP 657); the source comes from `linecache`, which has
notebook cells and doctests too.
"""

from __future__ import annotations

import ast
import dis
import linecache
import os
import sysconfig
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

from tensorref.errors._standins import Facts, Unknown, numpy, torch

_MOST_STEPS = 2000
_MOST_LINES = 100_000
_MOST_LETTERS = 120
_PYTHON = sysconfig.get_path("stdlib") + os.sep
_BETWEEN = ("__torch_function__", "__torch_dispatch__", "__array_function__", "__array_ufunc__")
_OURS = f"{Path(__file__).parent}{os.sep}"  # a mode of ours stands between the user's call and PyTorch


class Step(NamedTuple):
    """A frame that an error passed, and the instruction that it was at."""

    frame: FrameType
    at: int
    line: int


class Failed(NamedTuple):
    """An expression or a statement that failed."""

    node: ast.AST
    lines: Sequence[str]
    """The source in which `node` has its place."""

    def written(self, node: ast.AST) -> str:
        """Return a part as it is written, on one line."""
        text = ""
        if isinstance(node, (ast.expr, ast.stmt)) and node.lineno == node.end_lineno:
            line = self.lines[node.lineno - 1].encode()
            text = line[node.col_offset : node.end_col_offset].decode()
        text = text or ast.unparse(node)
        return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def steps(traceback: TracebackType | None) -> tuple[list[Step], list[Facts]]:
    """Return the frames of others that an error passed, the innermost last, and what a mode of ours saw of the call."""
    found: deque[Step] = deque(maxlen=_MOST_STEPS)
    seen: list[Facts] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if is_ours(frame):
            seen = frame.f_locals.get("seen", seen)
        else:
            found.append(Step(frame, traceback.tb_lasti, traceback.tb_lineno))
        traceback = traceback.tb_next
    return [*found], seen


def is_library(frame: FrameType) -> bool:
    """Tell whether a frame runs code of Python or of a package that was installed, or stands between a call and a library."""
    file = frame.f_code.co_filename
    if frame.f_code.co_name in _BETWEEN or is_installed(file):
        return True
    roots = [str(Path(found.__file__).parent) for found in (torch(), numpy()) if found is not None]
    return file.startswith(tuple(f"{root}{os.sep}" for root in roots))


def is_installed(file: str) -> bool:
    """Tell whether a file is Python's own, or of a package that was installed."""
    return file.startswith(("<frozen ", "<@", _PYTHON)) or "site-packages" in file or "dist-packages" in file


def is_ours(frame: FrameType) -> bool:
    """Tell whether a frame runs code of this package."""
    return frame.f_code.co_filename.startswith(_OURS)


def failed(code: CodeType, at: int) -> Failed:
    """Return what some code does at an instruction, or raise `Unknown`."""
    place = next(islice(code.co_positions(), at // 2, None), None)
    if place is None or None in place:
        raise Unknown("Python was told to keep no places of code")
    line, end, column, stop = place
    assert line is not None and end is not None and column is not None and stop is not None  # noqa: PT018, S101
    lines = linecache.getlines(code.co_filename)
    if not 0 < end <= len(lines) <= _MOST_LINES:
        raise Unknown(f"there is no source of {code.co_filename}")
    tree, source, before = _parsed(code, lines, line, end)
    start, finish = (line - before, column), (end - before, stop)
    found: ast.AST | None = None
    for node in ast.walk(tree):
        if not isinstance(node, (ast.expr, ast.stmt)) or (node.end_lineno, node.end_col_offset) != finish:
            continue
        name = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        moved = name and (
            name.end_lineno,
            (name.end_col_offset or 0) - len(name.attr.encode()),
        )  # of a method below its object
        if start in ((node.lineno, node.col_offset), moved):
            found = node
    if found is None or not _names(found) <= _known(code) or not _is_of_code(found, code, before):
        raise Unknown(f"the source of {code.co_filename} is not that of the code any more")
    return Failed(_statement(found, tree), source)


def _parsed(code: CodeType, lines: list[str], line: int, end: int) -> tuple[ast.Module, list[str], int]:
    """Return some code around lines: its syntax, its lines, and the number of lines before them."""
    for before, after in _ranges(code, lines, line, end):
        indented = lines[before][:1].isspace()
        source = ["if True:\n"] * indented + lines[before:after]
        try:
            return ast.parse("".join(source)), source, before - indented
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # a string that begins at the margin, or `else`
            continue
    raise Unknown("its source cannot be read")


def _ranges(code: CodeType, lines: list[str], line: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where a function begins and ends, the statement at the margin, and the whole file."""
    if not code.co_name.startswith("<"):
        yield code.co_firstlineno - 1, max(end, *(place[1] or 0 for place in code.co_positions()))
    first = next((at for at in range(line - 1, -1, -1) if _begins(lines[at])), 0)
    while first and lines[first - 1].startswith("@"):
        first -= 1
    yield first, next((at for at in range(end, len(lines)) if _begins(lines[at])), len(lines))
    yield 0, len(lines)


def _begins(line: str) -> bool:
    return not line.startswith((" ", "\t", "\n", "\r", "\f", "#", ")", "]", "}", "else", "elif", "except", "finally"))


def _statement(found: ast.AST, tree: ast.AST) -> ast.AST:
    """Return the assignment that a target belongs to; a target fails where it is assigned."""
    if isinstance(getattr(found, "ctx", None), ast.Store):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(
                found is part for target in node.targets for part in ast.walk(target)
            ):
                return ast.copy_location(ast.Assign([found], node.value), node)  # type: ignore[list-item]
    return found


def _names(node: ast.AST) -> set[str]:
    """Return the names in an expression that its own code has to know."""
    inner = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    if isinstance(node, (*inner, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return set()
    own = {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
    return {name for name in own if not name.startswith("__")}.union(*map(_names, ast.iter_child_nodes(node)))


def _known(code: CodeType) -> set[str]:
    return {*code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars}


def _is_of_code(node: ast.AST, code: CodeType, before: int) -> bool:
    """Tell whether the instructions in the place of an expression know its names; others do, where the file was edited."""
    if not isinstance(node, (ast.expr, ast.Assign, ast.AugAssign)) or node.end_lineno is None:
        return True
    start = (node.lineno + before, node.col_offset)
    finish = (node.end_lineno + before, node.end_col_offset or 0)
    names: set[str] = set()
    for instruction in dis.get_instructions(code):
        name, place = instruction.argval, instruction.positions
        if place is None or place.lineno is None or place.col_offset is None:
            continue
        if type(name) is tuple and start[0] <= place.lineno <= finish[0]:  # two loads in one, in the place of the first
            names.update(map(str, name))
        elif type(name) is str and start <= (place.lineno, place.col_offset) < finish:
            names.add(name)
        elif type(name) is str and start <= (place.end_lineno or 0, place.end_col_offset or 0) <= finish:
            names.add(name)  # an attribute whose place is that of the whole
    return _names(node) <= names


def bound_since(step: Step, *, fresh: bool) -> set[str]:
    """Return the names, and ``[]`` for items, that a frame may have bound after what failed in it.

    Handlers and `finally` run after it. `fresh` says that the error is still being handled, so that no loop went on.
    """
    names: set[str] = set()
    for instruction in ran(step.frame, step.at, fresh=fresh):
        opname, name = instruction.opname, instruction.argval
        if opname.startswith(("STORE_SUBSCR", "STORE_SLICE", "DELETE_SUBSCR")):
            names.add("[]")
        elif opname.startswith(("STORE_", "DELETE_")):
            names.update(name if isinstance(name, tuple) else [name])
    return names


def ran(frame: FrameType, at: int | None, *, fresh: bool) -> list[dis.Instruction]:
    """Return the instructions that a frame may have run after an error at one of them, or since it began for None.

    The last is the one that it is at now.
    """
    bytecode = dis.Bytecode(frame.f_code)
    order = [*bytecode]
    index = {instruction.offset: at for at, instruction in enumerate(order)}
    last = max((offset for offset in index if offset <= frame.f_lasti), default=0)  # it can be within an instruction
    handlers: Any = getattr(bytecode, "exception_entries")  # noqa: B009  the types of Python do not know it

    def caught(offset: int) -> list[int]:
        return [entry.target for entry in handlers if entry.start <= offset < entry.end][-1:]

    ways: dict[int, list[int]] = {}
    ahead = [order[0].offset] if at is None else caught(at)
    while ahead:
        offset = ahead.pop()
        if offset in ways or offset not in index:
            continue
        instruction = order[index[offset]]
        ways[offset] = caught(offset)
        if instruction.opcode in (*dis.hasjrel, *dis.hasjabs):
            ways[offset].append(instruction.argval)
        if not instruction.opname.startswith(_ENDS) and index[offset] + 1 < len(order):
            ways[offset].append(order[index[offset] + 1].offset)
        if not (fresh and offset == last):
            ahead += ways[offset]
    now = {last}
    if at == frame.f_lasti:  # an error that is raised again behind `with` leaves the frame where it was raised first
        now |= {offset for offset in ways if order[index[offset]].opname.startswith("RERAISE")}
    led = _leading(now, ways)
    return [order[index[offset]] for offset in sorted(led & ways.keys() - {last})] + [
        order[index[last]] for _ in {last} & ways.keys()
    ]


def _leading(now: Iterable[int], ways: Mapping[int, Sequence[int]]) -> set[int]:
    """Return some instructions, and those that lead to them."""
    before: dict[int, list[int]] = {}
    for offset, targets in ways.items():
        for target in targets:
            before.setdefault(target, []).append(offset)
    found, ahead = set[int](), [*now]
    while ahead:
        offset = ahead.pop()
        if offset not in found:
            found.add(offset)
            ahead += before.get(offset, ())
    return found


_ENDS = ("RETURN", "RAISE", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_ABSOLUTE")
