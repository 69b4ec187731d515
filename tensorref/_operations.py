"""Operations as people write them after a tensor, read into their names and numbers.

>>> from tensorref._operations import parse_operations
>>> for operation in parse_operations("x.transpose(0, 1)[:, ::2].view((6,))"):
...     print(operation)
Operation(name='transpose', numbers=(0, 1), indices=(), code='.transpose(0, 1)')
Operation(name='index', numbers=(), indices=(Slice(start=None, stop=None, step=None), Slice(start=None, stop=None, step=2)), code='[:, ::2]')
Operation(name='view', numbers=(6,), indices=(), code='.view(6)')

``sphinxext/static/tensorref/operations.js`` is the same parser for the page: same grammar, same words, same tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from tensorref._words import OPERATIONS as WORDS

MAX_OPERATIONS = 12
MAX_LENGTH = 1000

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "transpose": ".transpose(0, 1)",
        "permute": ".permute(1, 0)",
        "mT": ".mT",
        "expand": ".expand(-1, 4)",
        "view": ".view(-1, 4)",
        "reshape": ".reshape(-1, 4)",
        "contiguous": ".contiguous()",
    }
)
"""How each operation with a name is written."""

_COUNTS = {"transpose": 2, "mT": 0, "contiguous": 0}
"""How many numbers an operation takes; the others take any, bare or as one list."""

_SPACE = "[ \t\r\n\u00a0]*"
_WORD = "[A-Za-z_][A-Za-z_0-9]*"
_INNER = r"[^()[\]]*"
_START = re.compile(f"{_SPACE}(?:{_WORD})?{_SPACE}")
_OPERATION = re.compile(
    rf"(?:\.{_SPACE}({_WORD}|){_SPACE}(\((?:{_INNER}|{_SPACE}(?:\({_INNER}\)|\[{_INNER}\]){_SPACE})\))?"
    rf"|\[({_INNER})\]){_SPACE}"
)
_LOOSE = re.compile(r"[ \t\r\n\u00a0]+(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])[ \t\r\n\u00a0]+")
_NUMBER = "([-−]?[0-9]{1,18})"  # PyTorch holds every such number in its 64 bits
_ITEM = re.compile(rf"(None|\.\.\.)|{_NUMBER}?(?:(:){_NUMBER}?(?::{_NUMBER}?)?)?")
_WORDS: Mapping[str, Literal["..."] | None] = {"None": None, "...": "..."}
_LONGEST_QUOTED = 20


class Slice(NamedTuple):
    """The parts of ``start:stop:step``."""

    start: int | None
    stop: int | None
    step: int | None


Index = int | Slice | Literal["..."] | None


class Operation(NamedTuple):
    """One operation: "index" or the name of a method, what is between its brackets, and how it is written."""

    name: str
    numbers: tuple[int, ...]
    indices: tuple[Index, ...]
    code: str


class OperationsTextError(ValueError):
    """Raised for text that is no operations of a tensor; it says where, counted from 1, and how to fix it.

    >>> from tensorref import layout
    >>> layout.history((4, 3), ".transpose(0)")
    Traceback (most recent call last):
    ...
    tensorref.layout.OperationsTextError: Position 1: what follows 'transpose' cannot be read; write .transpose(0, 1) or the like.
    """

    __module__ = "tensorref.layout"


def parse_operations(text: str) -> tuple[Operation, ...]:
    """Return the operations of `text`, after a name such as ``x`` or without one, or raise `OperationsTextError`."""
    if len(text) > MAX_LENGTH:
        raise _error("many", MAX_LENGTH)
    begun = _START.match(text)
    at = begun.end() if begun else 0
    operations: list[Operation] = []
    while at < len(text):
        if len(operations) == MAX_OPERATIONS:
            raise _error("many", at)
        found = _OPERATION.match(text, at)
        if not found:
            raise _error("index" if text[at] == "[" else "operation", at, text[at])
        name, brackets, index = found.groups()
        operations.append(_method(name, brackets or "", at) if index is None else _index(index, at))
        at = found.end()
    return tuple(operations)


def _method(name: str, brackets: str, at: int) -> Operation:
    if name not in EXAMPLES:
        raise _error("name", at, name, names=", ".join(EXAMPLES))
    inner = brackets[1:-1].strip(" \t\r\n\u00a0")
    is_list = inner[:1] in ("(", "[") and name not in _COUNTS
    items = _items(inner[1:-1] if is_list else inner)
    numbers = tuple(item for item in items if isinstance(item, int))
    count = _COUNTS.get(name, max(len(items), not is_list))
    if len(numbers) != count or len(items) != count or (not brackets) != (name == "mT"):
        raise _error("example", at, name, example=EXAMPLES[name])
    if name in ("expand", "view", "reshape") and min(numbers, default=0) < -1:
        raise _error("size", at, name)
    listed = ", ".join(map(str, numbers)) or "()" * is_list
    return Operation(name, numbers, (), f".{name}({listed})" if brackets else ".mT")


def _index(inner: str, at: int) -> Operation:
    items = _items(inner)
    if not items or "" in items or items.count("...") > 1:
        raise _error("index", at, f"[{inner}]")
    indices = tuple(item for item in items if item != "")
    return Operation("index", (), indices, f"[{', '.join(map(_written, indices))}]")


def _items(text: str) -> list[Index | Literal[""]]:
    """Return what stands between commas, of which one may stand behind the last; "" where it cannot be read."""
    *parts, last = _LOOSE.sub("", text).split(",")
    items: list[Index | Literal[""]] = []
    for part in [*parts, last] if last else parts:
        found = _ITEM.fullmatch(part)
        word, first, colon, *others = found.groups() if found else ("",) * 5
        start, stop, step = (int(text.replace("−", "-")) if text else None for text in (first, *others))
        items.append(Slice(start, stop, step) if colon else start if start is not None else _WORDS.get(word, ""))
    return items


def _written(item: Index) -> str:
    if not isinstance(item, Slice):
        return str(item)
    start, stop, step = ("" if part is None else str(part) for part in item)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def _error(key: str, at: int, found: str = "", **values: str) -> OperationsTextError:
    short = found if len(found) <= _LONGEST_QUOTED else f"{found[:_LONGEST_QUOTED]}…"
    return OperationsTextError(WORDS[key].format(position=at + 1, found=short, **values))
