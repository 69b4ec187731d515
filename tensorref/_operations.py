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
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, NoReturn, TypeVar

from tensorref._words import OPERATIONS as WORDS

T = TypeVar("T")

MAX_OPERATIONS = 12
MAX_AXES = 64
MAX_DIGITS = 18
"""The most digits of a number: PyTorch holds every such number in its 64 bits."""

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

_COUNTS = {"transpose": 2, "contiguous": 0}
"""How many numbers an operation takes; the others take any, bare or as one list."""

_TOKEN = re.compile(r"[ \t\r\n\u00a0]+|[0-9]+|[A-Za-z_][A-Za-z_0-9]*|\.\.\.|.", re.DOTALL)
_CLOSES = {"(": ")", "[": "]"}
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
    tensorref.layout.OperationsTextError: Position 2: 'transpose' is not written so; write it as in .transpose(0, 1).
    """

    __module__ = "tensorref.layout"


def parse_operations(text: str) -> tuple[Operation, ...]:
    """Return the operations of `text`, after a name such as ``x`` or without one, or raise `OperationsTextError`."""
    reader = _Reader(text)
    if re.match("[A-Za-z_]", reader.next.text):
        reader.take()
    operations: list[Operation] = []
    while reader.next.text:
        reader.limit(operations, MAX_OPERATIONS)
        operations.append(reader.operation())
    return tuple(operations)


class _Token(NamedTuple):
    text: str
    position: int


class _Reader:
    """Takes tokens off the front of a text; `next` is empty behind the last."""

    def __init__(self, text: str) -> None:
        found = [_Token(match[0], match.start() + 1) for match in _TOKEN.finditer(text)]
        self._tokens = [token for token in found if token.text.strip(" \t\r\n\u00a0")][::-1]
        self._end = _Token("", len(text) + 1)
        self._opened = self._end
        self._wanted = ""

    @property
    def next(self) -> _Token:
        return self._tokens[-1] if self._tokens else self._end

    def take(self) -> _Token:
        return self._tokens.pop() if self._tokens else self._end

    def took(self, *texts: str) -> bool:
        return self.next.text in texts and bool(self.take())

    def operation(self) -> Operation:
        first = self.next
        if self.took("["):
            return self.index(first)
        if not self.took("."):
            raise _error("operation", first)
        name, names = self.take(), ", ".join(EXAMPLES)
        if name.text not in EXAMPLES:
            raise _error("name", name, names=names)
        if name.text == "mT":
            return Operation("mT", (), (), ".mT")
        opened, numbers, is_list = self.next, list[int](), False
        if self.took("("):
            is_list = name.text not in _COUNTS and self.next.text in _CLOSES
            numbers = self.within(self.take() if is_list else opened, "number", self.number)
            if is_list:
                self.took(",")
                self.within(opened, "number", self.refuse)
        wanted = _COUNTS.get(name.text, max(len(numbers), not is_list))
        if opened.text != "(" or len(numbers) != wanted:
            raise _error("example", name, example=EXAMPLES[name.text])
        if name.text in ("expand", "view", "reshape") and min(numbers, default=0) < -1:
            raise _error("size", name)
        listed = ", ".join(map(str, numbers)) or "()" * is_list
        return Operation(name.text, tuple(numbers), (), f".{name.text}({listed})")

    def index(self, opened: _Token) -> Operation:
        items = self.within(opened, "index", self.item)
        if not items or items.count("...") > 1:
            raise _error("ellipsis" if items else "empty", opened)
        return Operation("index", (), tuple(items), f"[{', '.join(map(_written, items))}]")

    def within(self, opened: _Token, wanted: str, read: Callable[[], T]) -> list[T]:
        """Return what `read` takes, one by one, up to the bracket that closes `opened`."""
        self._opened, self._wanted = opened, wanted
        closes, found = _CLOSES[opened.text], list[T]()
        while not self.took(closes):
            self.limit(found, MAX_AXES)
            found.append(read())
            if not self.took(",") and self.next.text != closes:
                self.refuse()
        return found

    def item(self) -> Index:
        if self.took("None"):
            return None
        if self.took("..."):
            return "..."
        start = self.part()
        if not self.took(":"):
            return self.number() if start is None else start
        return Slice(start, self.part(), self.part() if self.took(":") else None)

    def part(self) -> int | None:
        """Return a number, or None where a slice has none."""
        return None if self.next.text in (":", ",", "]") else self.number()

    def number(self) -> int:
        sign = "-" * self.took("-", "−")
        token = self.next
        if not re.match("[0-9]", token.text):
            self.refuse()
        if len(token.text) > MAX_DIGITS:
            raise _error("digits", token, most=MAX_DIGITS)
        return int(sign + self.take().text)

    def limit(self, taken: list[T], most: int) -> None:
        if len(taken) == most:
            raise _error("many", self.next, most=most)

    def refuse(self) -> NoReturn:
        """Raise the error that the next token calls for, inside the bracket that was opened last."""
        if self.next.text:
            raise _error(self._wanted, self.next)
        raise _error("unclosed", self._opened, wanted=_CLOSES[self._opened.text])


def _written(item: Index) -> str:
    if not isinstance(item, Slice):
        return str(item)
    start, stop, step = ("" if part is None else str(part) for part in item)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def _error(key: str, token: _Token, **values: str | int) -> OperationsTextError:
    found = token.text if len(token.text) <= _LONGEST_QUOTED else f"{token.text[:_LONGEST_QUOTED]}…"
    return OperationsTextError(WORDS[key].format(position=token.position, found=found, **values))
