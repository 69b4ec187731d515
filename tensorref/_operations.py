"""Operations as people write them after a tensor, read into their names and numbers.

>>> from tensorref._operations import parse_operations
>>> for operation in parse_operations("x.transpose(0, 1)[:, ::2].view((6,))"):
...     print(operation)
Operation(name='transpose', numbers=(0, 1), indices=(), code='.transpose(0, 1)')
Operation(name='index', numbers=(), indices=(Slice(start=None, stop=None, step=None), Slice(start=None, stop=None, step=2)), code='[:, ::2]')
Operation(name='view', numbers=(6,), indices=(), code='.view(6)')

The same parser is to stand in JavaScript for the page: same grammar, same words, same tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, NoReturn

from tensorref._words import OPERATIONS as WORDS

MAX_OPERATIONS = 12
MAX_AXES = 64
MAX_DIGITS = 18
"""The most digits of a number: PyTorch holds every such number in its 64 bits."""

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "transpose": ".transpose(0, 1)",
        "permute": ".permute(1, 0)",
        "mT": ".mT",
        "unsqueeze": ".unsqueeze(0)",
        "squeeze": ".squeeze(0)",
        "expand": ".expand(-1, 4)",
        "view": ".view(-1, 4)",
        "reshape": ".reshape(-1, 4)",
        "flatten": ".flatten()",
        "contiguous": ".contiguous()",
    }
)
"""How each operation with a name is written."""

_COUNTS = {"transpose": (2, 2), "unsqueeze": (1, 1), "squeeze": (0, 1), "flatten": (0, 0), "contiguous": (0, 0)}
"""The least and the most numbers of an operation; the others take sizes, bare or as one list."""

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
    tensorref.layout.OperationsTextError: Position 2: 'transpose' has not the numbers it takes here; write it as in .transpose(0, 1).
    """

    __module__ = "tensorref.layout"


def parse_operations(text: str) -> tuple[Operation, ...]:
    """Return the operations of `text`, after a name such as ``x`` or without one, or raise `OperationsTextError`."""
    reader = _Reader(text)
    if _is_name(reader.next.text):
        reader.take()
    operations: list[Operation] = []
    while reader.next.text:
        if len(operations) == MAX_OPERATIONS:
            raise _error("operations", reader.next, most=MAX_OPERATIONS)
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

    @property
    def next(self) -> _Token:
        return self._tokens[-1] if self._tokens else self._end

    def take(self) -> _Token:
        return self._tokens.pop() if self._tokens else self._end

    def took(self, text: str) -> bool:
        return self.next.text == text and bool(self.take())

    def operation(self) -> Operation:
        if self.next.text == "[":
            return self.index()
        if not self.took("."):
            raise _error("operation", self.next)
        if not _is_name(self.next.text):
            raise _error("name", self.next, names=_names())
        name = self.take()
        if name.text not in EXAMPLES:
            raise _error("unknown", name, names=_names())
        example = EXAMPLES[name.text]
        if name.text == "mT":
            if self.next.text == "(":
                raise _error("called", self.next, example=example)
            return Operation("mT", (), (), ".mT")
        if self.next.text != "(":
            raise _error("brackets", name, example=example)
        numbers, is_list = self.numbers(name.text not in _COUNTS)
        least, most = _COUNTS.get(name.text, (0 if is_list else 1, MAX_AXES))
        if not least <= len(numbers) <= most:
            raise _error("count", name, example=example)
        listed = ", ".join(map(str, numbers)) or ("()" if is_list else "")
        return Operation(name.text, tuple(numbers), (), f".{name.text}({listed})")

    def numbers(self, may_be_list: bool) -> tuple[list[int], bool]:  # noqa: FBT001  it is not public
        """Return the numbers between brackets, and whether they stand in a tuple or a list there."""
        opened = self.take()
        inner = self.next
        is_list = may_be_list and inner.text in _CLOSES
        if is_list:
            self.take()
        numbers: list[int] = []
        within = inner if is_list else opened
        while not self.took(_CLOSES[within.text]):
            numbers.append(self.number(within))
            if not self.took(",") and self.next.text != _CLOSES[within.text]:
                self.refuse(within)
            self.limit(numbers)
        if is_list:
            self.took(",")
            if not self.took(")"):
                self.refuse(opened, "after" if _is_number(self.next.text) or self.next.text == "-" else "unexpected")
        return numbers, is_list

    def index(self) -> Operation:
        opened = self.take()
        indices: list[Index] = []
        is_tuple = False
        while not self.took("]"):
            if self.next.text == "..." and "..." in indices:
                raise _error("ellipsis", self.next)
            indices.append(self.item(opened))
            is_tuple = self.took(",")
            if not is_tuple and self.next.text != "]":
                self.refuse(opened, "index")
            self.limit(indices)
        if not indices:
            raise _error("empty", opened)
        listed = ", ".join(_written(item) for item in indices)
        # x[0,] and x[0] differ where x has no axis.
        return Operation("index", (), tuple(indices), f"[{listed}{',' * (is_tuple and len(indices) == 1)}]")

    def item(self, opened: _Token) -> Index:
        if self.took("None"):
            return None
        if self.took("..."):
            return "..."
        first = None if self.next.text == ":" else self.number(opened, "index")
        if not self.took(":"):
            return first
        ends = {",", "]"}
        stop = None if self.next.text in {":", *ends} else self.number(opened, "index")
        step = self.number(opened, "index") if self.took(":") and self.next.text not in ends else None
        return Slice(first, stop, step)

    def number(self, opened: _Token, otherwise: str = "unexpected") -> int:
        negative = self.took("-")
        if not _is_number(self.next.text):
            self.refuse(opened, otherwise)
        token = self.take()
        if self.next.text == ".":
            self.refuse(opened)
        if len(token.text) > MAX_DIGITS:
            raise _error("digits", token, count=len(token.text), most=MAX_DIGITS)
        return -int(token.text) if negative else int(token.text)

    def limit(self, taken: list[int] | list[Index]) -> None:
        if len(taken) == MAX_AXES and self.next.text not in {")", "]", ""}:
            raise _error("axes", self.next, most=MAX_AXES)

    def refuse(self, opened: _Token, otherwise: str = "unexpected") -> NoReturn:
        """Raise the error that the next token calls for, inside the bracket `opened`."""
        token, wanted = self.next, _CLOSES[opened.text]
        if not token.text:
            raise _error("unclosed", opened, wanted=wanted)
        if token.text in {")", "]"}:
            key = "missing" if token.text == wanted else "mismatch"
            raise _error(key, token, opened=opened.text, wanted=wanted)
        if _is_number(token.text) and otherwise != "after":
            raise _error("comma", token)
        keys = {",": "missing", ".": "fraction", "−": "minus", "(": "nested", "[": "nested"}
        raise _error(
            otherwise if token.text == "[" and otherwise == "index" else keys.get(token.text, otherwise), token
        )


def _written(item: Index) -> str:
    if not isinstance(item, Slice):
        return str(item)
    start, stop, step = ("" if part is None else str(part) for part in item)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def _names() -> str:
    return ", ".join(EXAMPLES)


def _is_number(text: str) -> bool:
    return text[:1] in set("0123456789")


def _is_name(text: str) -> bool:
    return re.fullmatch("[A-Za-z_][A-Za-z_0-9]*", text) is not None


def _error(key: str, token: _Token, **values: str | int) -> OperationsTextError:
    found = token.text if len(token.text) <= _LONGEST_QUOTED else f"{token.text[:_LONGEST_QUOTED]}…"
    return OperationsTextError(WORDS[key].format(position=token.position, found=found, **values))
