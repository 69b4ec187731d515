"""Shapes as people write them, read into tuples.

>>> from tensorref.sphinxext import shapes
>>> [shape.sizes for shape in shapes.parse_shapes("(32, 10, 64) [64] 4x1 torch.Size([3])")]
[(32, 10, 64), (64,), (4, 1), (3,)]

``static/tensorref/shapes.js`` is the same parser for the page: same grammar, same words, same tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from tensorref._shape import MAX_RANK

__all__ = ["ERRORS", "MAX_DIGITS", "ShapeTextError", "WrittenShape", "parse_shape", "parse_shapes", "shortened"]

MAX_DIGITS = 64
"""The most digits of a size: 64 axes of them still multiply to a number that Python prints."""

ERRORS: Mapping[str, str] = MappingProxyType(
    {
        "empty": "There is no shape; write one, such as (4, 1), or () for a scalar.",
        "unexpected": "Position {position}: '{found}' is not part of a shape; write sizes in digits, such as (4, 1).",
        "end": "Position {position}: a size is missing at the end; write it.",
        "missing": "Position {position}: a size is missing before '{found}'; write the size, or leave out a comma.",
        "comma": "Position {position}: a comma is missing before '{found}'; write sizes such as (4, 1).",
        "negative": "Position {position}: a size is 0 or more; write the size itself, only reshape works out -1.",
        "fraction": "Position {position}: a size is a whole number; leave out the point and what follows it.",
        "zeros": "Position {position}: '{found}' begins with 0; write a large size without commas, such as 1000.",
        "digits": "Position {position}: a size has at most {most} digits, this one has {count}; write a smaller one.",
        "unnamed": (
            "Position {position}: '{found}' is a name without a size; give it one, such as B=32, here or in another shape."
        ),
        "renamed": "Position {position}: '{found}' is {size} where it first has a size; give a name one size.",
        "rank": "The shape has {count} axes, the most is {most}; merge some of them.",
        "unclosed": "Position {position}: '{found}' is not closed; add '{wanted}' after the last size.",
        "mismatch": "Position {position}: '{found}' does not close '{opened}'; write '{wanted}'.",
        "nested": "Position {position}: a shape holds sizes, not shapes; leave out the inner '{found}'.",
        "brackets": "Position {position}: brackets are missing after '{found}'; write torch.Size([4, 1]).",
        "several": "Position {position}: a second shape begins here; write one shape, such as (4, 1).",
    }
)

_TOKEN = re.compile(
    r"[ \t\r\n\u00a0]+|torch\.Size|[0-9]+|[xX×](?=[ \t]*[0-9])|[A-Za-z_][A-Za-z_0-9]*(?:[ \t]*=[ \t]*[0-9]+)?|.",
    re.DOTALL,
)
_KNOWN = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)[ \t]*=[ \t]*([0-9]+)")
_CLOSES = {"(": ")", "[": "]"}
_OPENS = frozenset({*_CLOSES, "torch.Size"})
_REFUSED = {"-": "negative", "−": "negative", ".": "fraction", ",": "missing"}
_LONGEST_QUOTED = 20


class ShapeTextError(ValueError):
    """Raised for text that is not a shape; it says where, counted from 1, and how to fix it.

    >>> from tensorref.sphinxext import shapes
    >>> shapes.parse_shape("(4, -1)")
    Traceback (most recent call last):
    ...
    tensorref.sphinxext.shapes.ShapeTextError: Position 5: a size is 0 or more; write the size itself, only reshape works out -1.
    """


def parse_shape(text: str) -> tuple[int, ...]:
    """Read one shape.

    >>> from tensorref.sphinxext import shapes
    >>> shapes.parse_shape("torch.Size([32, 64])"), shapes.parse_shape("64"), shapes.parse_shape("()")
    ((32, 64), (64,), ())
    >>> shapes.parse_shape("32, 10, 64")
    (32, 10, 64)

    Parameters
    ----------
    text
        ``()``, ``64``, ``(64,)``, ``(64)``, ``32, 64``, ``[32, 64]``, ``32x64`` or ``torch.Size([32, 64])``. A size
        may have a name: ``B=32 T=10``.

    Returns
    -------
    :
        The sizes.

    Raises
    ------
    ShapeTextError
        If `text` is not one shape.
    """
    reader = _Reader(text)
    listed = reader.is_size()
    sizes = reader.shape()
    listed = listed and len(sizes) == 1
    while (reader.took(",") or reader.is_spaced()) and reader.next.text and listed:
        sizes.append(reader.size())
    if reader.next.text:
        reader.refuse(several=not listed)
    return _limited(sizes)


class WrittenShape(NamedTuple):
    """A shape as it was written, and its sizes."""

    text: str
    sizes: tuple[int, ...]


def parse_shapes(text: str) -> tuple[WrittenShape, ...]:
    """Read any number of shapes, with spaces or commas between them.

    >>> from tensorref.sphinxext import shapes
    >>> shapes.parse_shapes("(4, 1) (1, 3)")
    (WrittenShape(text='(4, 1)', sizes=(4, 1)), WrittenShape(text='(1, 3)', sizes=(1, 3)))

    A name that one of them gives a size has it in all:

    >>> [shape.sizes for shape in shapes.parse_shapes("(B=32, T=10, D=64) (D,)")]
    [(32, 10, 64), (64,)]

    Parameters
    ----------
    text
        As for `parse_shape`, but a comma or a space outside brackets begins a new shape: ``4, 1`` is two.

    Returns
    -------
    :
        Each as it is to be shown, and its sizes.

    Raises
    ------
    ShapeTextError
        If part of `text` is not a shape.
    """
    reader = _Reader(text)
    shapes = [_written(reader)]
    while reader.next.text:
        if not reader.took(",") or reader.next.text:
            shapes.append(_written(reader))
    return tuple(shapes)


class _Token(NamedTuple):
    text: str
    position: int


class _Reader:
    """Takes tokens off the front of a text; `next` is empty behind the last."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = [_Token(match[0], match.start() + 1) for match in _TOKEN.finditer(text)]
        self._tokens = [token for token in found if token.text.strip(" \t\r\n\u00a0")][::-1]
        self._known: dict[str, str] = {}
        for name, size in _KNOWN.findall(text):
            self._known.setdefault(name, size)
        self.taken = _Token("", 1)
        self.has_names = False
        self._is_blank = not self._tokens
        self._end = _Token("", len(text) + 1)

    @property
    def next(self) -> _Token:
        return self._tokens[-1] if self._tokens else self._end

    def take(self) -> _Token:
        self.taken = self._tokens.pop() if self._tokens else self._end
        return self.taken

    def took(self, text: str) -> bool:
        return self.next.text == text and bool(self.take())

    def shape(self) -> list[int]:
        first = self.next
        if first.text == "torch.Size":
            self.take()
            outer = self.next
            if not self.took("(") or self.next.text not in _CLOSES:
                raise _error("brackets", first)
            sizes = self.bracketed()
            if not self.took(")"):
                self.refuse(outer)
        elif first.text in _CLOSES:
            sizes = self.bracketed()
        else:
            sizes = [self.size()]
            while self.next.text in {"x", "X", "×"}:
                self.take()
                sizes.append(self.size())
        return sizes

    def bracketed(self) -> list[int]:
        opened = self.take()
        sizes: list[int] = []
        while not self.took(_CLOSES[opened.text]):
            sizes.append(self.size(opened))
            if not self.took(",") and self.next.text != _CLOSES[opened.text] and not self.is_spaced():
                self.refuse(opened)
        return sizes

    def size(self, opened: _Token | None = None) -> int:
        if not self.is_size():
            self.refuse(opened)
        token = self.take()
        if self.next.text == ".":
            self.refuse(opened)
        head, _, tail = (part.strip(" \t") for part in token.text.partition("="))
        name, own = ("", head) if _is_digits(head) else (head, tail)
        size, named = own or self._known.get(name), token._replace(text=name)
        if not size:
            raise _error("unnamed", named)
        if size != "0" and size[0] == "0":  # as in 1,000, which would be 1 and 0
            raise _error("zeros", token)
        if len(size) > MAX_DIGITS:
            raise _error("digits", token, count=len(size), most=MAX_DIGITS)
        if name and self._known[name] != size:
            raise _error("renamed", named, size=self._known[name])
        self.has_names = self.has_names or bool(name)
        return int(size)

    def is_size(self) -> bool:
        return bool(re.match("[0-9A-Za-z_]", self.next.text)) and self.next.text != "torch.Size"

    def is_spaced(self) -> bool:
        """Tell whether a size follows after a space, which a name allows instead of a comma."""
        gap = self.next.position > self.taken.position + len(self.taken.text)
        return gap and self.is_size() and not (_is_digits(self.taken.text) and _is_digits(self.next.text))

    def refuse(self, opened: _Token | None = None, *, several: bool = False) -> NoReturn:
        """Raise the error that the next token calls for, inside the bracket `opened` or outside of any."""
        token = self.next
        wanted = _CLOSES[opened.text] if opened else ""
        if not token.text:
            raise (
                _error("unclosed", opened, wanted=wanted)
                if opened
                else _error("empty" if self._is_blank else "end", token)
            )
        if token.text in {")", "]"} and opened and token.text != wanted:
            raise _error("mismatch", token, opened=opened.text, wanted=wanted)
        if token.text in _OPENS:
            raise _error("nested" if opened else "several", token)
        if _is_digits(token.text):
            raise _error("several" if several else "comma", token)
        raise _error(_REFUSED.get(token.text, "unexpected"), token)


def _written(reader: _Reader) -> WrittenShape:
    first, reader.has_names = reader.next.position, False
    sizes = _limited(reader.shape())
    text = reader.text[first - 1 : reader.taken.position - 1 + len(reader.taken.text)]
    return WrittenShape(text if reader.has_names else str(sizes), sizes)


def _limited(sizes: list[int]) -> tuple[int, ...]:
    if len(sizes) > MAX_RANK:
        raise ShapeTextError(ERRORS["rank"].format(count=len(sizes), most=MAX_RANK))
    return tuple(sizes)


def _is_digits(text: str) -> bool:
    return text[:1] in set("0123456789")


def _error(key: str, token: _Token, **values: str | int) -> ShapeTextError:
    return ShapeTextError(ERRORS[key].format(position=token.position, found=shortened(token.text), **values))


def shortened(text: str) -> str:
    """Return a part of a text as an error quotes it."""
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}…"
