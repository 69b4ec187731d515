"""Operations as people write them after a tensor, read into their names and numbers.

>>> from tensorref.layout._parsing import parse_operations
>>> for operation in parse_operations("x.transpose(0, 1)[:, ::2].view((6,))"):
...     print(operation)
Operation(name='transpose', items=(0, 1), code='.transpose(0, 1)')
Operation(name='index', items=(Slice(start=None, stop=None, step=None), Slice(start=None, stop=None, step=2)), code='[:, ::2]')
Operation(name='view', items=(6,), code='.view(6)')

``sphinxext/static/tensorref/operations.js`` is the same parser for the page: same grammar, same words, same tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tensorref._arguments import quoted
from tensorref._explanation import TensorrefError
from tensorref.layout._words import OPERATIONS as WORDS

MAX_OPERATIONS = 12
MAX_ITEMS = 64

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "transpose": ".transpose(0, 1)",
        "permute": ".permute(1, 0)",
        "mT": ".mT",
        "T": ".T",
        "expand": ".expand(-1, 4)",
        "view": ".view(-1, 4)",
        "reshape": ".reshape(-1, 4)",
        "contiguous": ".contiguous()",
    }
)
"""How each operation with a name is written."""

_COUNTS = {"transpose": 2, "mT": 0, "T": 0, "contiguous": 0}
"""How many numbers an operation takes; the others take any, bare or as one list."""

_ATTRIBUTES = ("mT", "T")

_BLANK = r"[ \t\r\n\u00a0]"
_START = re.compile(rf"{_BLANK}*(?:[A-Za-z_][A-Za-z_0-9]*)?{_BLANK}*")
_OPERATION = re.compile(rf"(\.[^.[(]*(?:\((?:[^()]|\([^()]*\))*\))?|\[[^\]]*\]){_BLANK}*")
_LOOSE = re.compile(rf"{_BLANK}+(?![0-9A-Za-z_])|(?<![0-9A-Za-z_]){_BLANK}+")
_LIST = re.compile(r"\((.*)\),?|\[(.*)\],?", re.DOTALL)
_NUMBER = "(-?[0-9]{1,18})"  # PyTorch holds every such number in its 64 bits
_ITEM = re.compile(rf"(None|\.\.\.)|{_NUMBER}?(?:(:){_NUMBER}?(?::{_NUMBER}?)?)?")
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
    items: tuple[Index, ...]
    code: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """What is between the brackets of a method."""
        return tuple(item for item in self.items if isinstance(item, int))


class OperationsTextError(TensorrefError, ValueError):
    """Raised for text that does not hold operations of a tensor; it says where, counted from 1, and how to fix it.

    >>> from tensorref import layout
    >>> layout.history((4, 3), ".transpose(0)")
    Traceback (most recent call last):
    ...
    tensorref.layout.OperationsTextError: Position 1: '.transpose(0)' cannot be read; write .transpose(0, 1) or the like.
    """

    __module__ = "tensorref.layout"


def parse_operations(text: Any) -> tuple[Operation, ...]:
    """Return the operations of `text`, after a name such as ``x`` or without one, or raise `OperationsTextError`."""
    if not isinstance(text, str):
        raise TypeError(
            f"operations is {quoted(text)}, of type {type(text).__name__}; operations are a string: write '.view(-1, 4)'"
        )
    rest = _START.sub("", text, count=1)
    operations: list[Operation] = []
    while rest:
        found = _OPERATION.match(rest)
        try:
            operations.append(_operation(_LOOSE.sub("", found[1]).replace("−", "-") if found else "", rest))
            if len(operations) > MAX_OPERATIONS or len(operations[-1].items) > MAX_ITEMS:
                raise _Unreadable("many", "")
        except _Unreadable as error:
            key, unread, example = (*error.args, "")[:3]
            short = unread if len(unread) <= _LONGEST_QUOTED else f"{unread[:_LONGEST_QUOTED]}…"
            position = len(text) - len(rest) + 1
            raise OperationsTextError(WORDS[key].format(position=position, found=short, example=example)) from None
        rest = rest[len(found[0]) :] if found else ""
    return tuple(operations)


class _Unreadable(Exception):  # noqa: N818  it becomes an error with a position
    """The key of what is wrong, what to quote, and an example."""


def _operation(own: str, rest: str) -> Operation:
    if own[:1] != ".":
        items = _items(own[1:-1])
        if not items or items.count("...") > 1:
            raise _Unreadable("index" if rest[0] == "[" else "operation", own or rest)
        comma = "," * (len(items) == 1 and own.endswith(",]"))  # a tuple of one, to which PyTorch has other words
        return Operation("index", tuple(items), f"[{', '.join(map(_written, items))}{comma}]")
    name, called, inner = own[1:].partition("(")
    if name not in EXAMPLES:
        raise _Unreadable("name", name)
    listed = None if name in _COUNTS else _LIST.fullmatch(inner[:-1])
    items = _items("".join(filter(None, listed.groups())) if listed else inner[:-1])
    if items is None:
        raise _Unreadable("example", own, EXAMPLES[name])
    numbers = tuple(item for item in items if isinstance(item, int))
    count = _COUNTS.get(name, max(len(items), not listed))
    if len(numbers) != count or len(items) != count or (not called) != (name in _ATTRIBUTES):
        raise _Unreadable("example", own, EXAMPLES[name])
    if name in ("expand", "view", "reshape") and min(numbers, default=0) < -1:
        raise _Unreadable("size", name)
    text = ", ".join(map(str, numbers)) or "()" * bool(listed)
    return Operation(name, numbers, f".{name}" if name in _ATTRIBUTES else f".{name}({text})")


def _items(text: str) -> list[Index] | None:
    """Return what stands between commas, of which one may stand behind the last, or None where it cannot be read."""
    *parts, last = text.split(",")
    items: list[Index] = []
    for part in [*parts, last] if last else parts:
        found = _ITEM.fullmatch(part)
        if not part or not found:
            return None
        word, first, colon, *others = found.groups()
        start, stop, step = (int(text) if text else None for text in (first, *others))
        items.append(Slice(start, stop, step) if colon else "..." if word == "..." else start)
    return items


def _written(item: Index) -> str:
    if not isinstance(item, Slice):
        return str(item)
    start, stop, step = ("" if part is None else str(part) for part in item)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
