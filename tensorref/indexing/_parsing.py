"""Reads an index as it is written in code, after a name such as ``x`` or without one.

``sphinxext/static/tensorref/index-text.js`` is the same for the page: same grammar, same words, same tests.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

from tensorref.indexing._words import ERRORS

MOST_LETTERS = 1000
_MOST_NESTED = 8
_LONGEST_QUOTED = 20

_BLANK = "[ \t\r\n\u00a0]*"
_START = re.compile(rf"{_BLANK}(?:[A-Za-z_]\w*)?{_BLANK}(?=\[)", re.ASCII)
_TOKEN = re.compile(
    r"\.\.\.(?!\w)|(?:None|True|False|(?:np\.|numpy\.)?newaxis)(?!\w)|[-−]?[0-9]{1,18}(?![\w.])|[-−]?[0-9]+[\w.]*|.",
    re.ASCII | re.DOTALL,
)
_NUMBER = re.compile("[-−]?[0-9]{1,18}")
_WORDS = {
    "None": None,
    "newaxis": None,
    "np.newaxis": None,
    "numpy.newaxis": None,
    "True": True,
    "False": False,
    "...": ...,
}


class IndexTextError(ValueError):
    """Raised for text that is no index; it says where, counted from 1, and how to go on."""


class _Token(NamedTuple):
    text: str
    position: int


def parse_index(text: str) -> Any:
    """Return what stands in the square brackets, of which nothing is evaluated.

    >>> from tensorref.indexing._parsing import parse_index
    >>> parse_index("x[:, [0, 2], None]")
    (slice(None, None, None), [0, 2], None)
    """
    if len(text) > MOST_LETTERS:
        raise IndexTextError(ERRORS["long"].format(count=len(text), most=MOST_LETTERS))
    return _Reader(text).index()


class _Reader:
    """Takes tokens off the front of a text; `next` is empty behind the last."""

    def __init__(self, text: str) -> None:
        self.text = text
        start = _START.match(text)
        begin = start.end() if start else len(text) - len(text.lstrip(" \t\r\n\u00a0"))
        found = [_Token(match[0], match.start() + 1) for match in _TOKEN.finditer(text, begin)]
        self._tokens = [token for token in found if token.text not in " \t\r\n\u00a0"][::-1]

    @property
    def next(self) -> _Token:
        return self._tokens[-1] if self._tokens else _Token("", len(self.text) + 1)

    def took(self, text: str) -> bool:
        return self.next.text == text and bool(self._tokens.pop())

    def index(self) -> Any:
        if not self.took("["):
            self.refuse()
        items = [self.item()]
        is_tuple = False
        while self.took(","):
            is_tuple = True
            if self.next.text != "]":
                items.append(self.item())
        if not self.took("]") or self.next.text:
            self.refuse()
        return tuple(items) if is_tuple else items[0]

    def item(self) -> Any:
        token = self.next
        if token.text == "[":
            listed = self.listed(1)
            shape, kinds = _nested(listed)
            if shape is None or len(kinds) > 1:
                raise _error("ragged" if shape is None else "mixed", token, self.text)
            return listed
        if token.text in _WORDS:
            return _WORDS[self._tokens.pop().text]
        start = self.number()
        if not self.took(":"):
            return self.refuse() if start is None else start
        stop = self.number()
        return slice(start, stop, self.number() if self.took(":") else None)

    def listed(self, depth: int) -> list[Any]:
        if depth > _MOST_NESTED:
            self.refuse()
        self.took("[")
        items: list[Any] = []
        while self.next.text != "]":
            if self.next.text == "[":
                items.append(self.listed(depth + 1))
            elif self.next.text in ("True", "False"):
                items.append(self._tokens.pop().text == "True")
            else:
                number = self.number()
                items.append(self.refuse() if number is None else number)
            if not self.took(",") and self.next.text != "]":
                self.refuse()
        self.took("]")
        return items

    def number(self) -> int | None:
        if not _NUMBER.fullmatch(self.next.text):
            return None
        return int(self._tokens.pop().text.replace("−", "-"))

    def refuse(self) -> NoReturn:
        raise _error("index", self.next, self.text)


def _nested(value: Any) -> tuple[tuple[int, ...] | None, set[type]]:
    """Return the shape of nested lists, None where rows differ, and the types of what they hold."""
    if not isinstance(value, list):
        return (), {type(value)}
    shapes: set[tuple[int, ...] | None] = set()
    kinds: set[type] = set()
    for item in value:
        shape, own = _nested(item)
        shapes.add(shape)
        kinds |= own
    rest = shapes.pop() if shapes else ()
    return None if shapes or rest is None else (len(value), *rest), kinds


def _error(key: str, token: _Token, text: str) -> IndexTextError:
    rest = text[token.position - 1 :].strip(" \t\r\n\u00a0")
    found = rest if len(rest) <= _LONGEST_QUOTED else f"{rest[:_LONGEST_QUOTED]}…"
    return IndexTextError(
        ERRORS["end" if not rest and key == "index" else key].format(position=token.position, found=found)
    )
