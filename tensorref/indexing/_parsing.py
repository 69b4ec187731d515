"""Reads an index as it is written in code, after a name such as ``x`` or without one.

``sphinxext/static/tensorref/index-text.js`` is the same for the page: same grammar, same words, same tests.
"""

from __future__ import annotations

import re
from typing import Any

from tensorref.indexing._words import UNREAD

MOST_LETTERS = 255  # which hold fewer entries and index arrays than NumPy takes
_LONGEST_QUOTED = 20

_BLANK = " \t\r\n\u00a0"
_START = re.compile(rf"[{_BLANK}]*(?:[A-Za-z_]\w*)?[{_BLANK}]*\[", re.ASCII)
# One item, which may be a list of lists, and the comma or the bracket behind it.
_BODY = re.compile(r"((?:[^\[\],]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*)([,\]])")
_LOOSE = re.compile(rf"[{_BLANK}]+(?!\w)|(?<!\w)[{_BLANK}]+", re.ASCII)
_NUMBER = "(-?[0-9]{1,18})"
_ITEM = re.compile(rf"(None|(?:np\.|numpy\.)?newaxis)|(\.\.\.)|{_NUMBER}?(?:(:){_NUMBER}?(?::{_NUMBER}?)?)?")
_ROW = re.compile(r"\[[^\[\]]*\]")
_VALUE = re.compile("True|False|0|-?[1-9][0-9]{0,17}")


class IndexTextError(ValueError):
    """Raised for text that is no index; it says where, counted from 1, and how to go on."""


def parse_index(text: str) -> Any:
    """Return what stands in the square brackets, of which nothing is evaluated.

    >>> from tensorref.indexing._parsing import parse_index
    >>> parse_index("x[:, [0, 2], None]")
    (slice(None, None, None), [0, 2], None)
    """
    start = _START.match(text)
    rest = text[start.end() if start else 0 :].lstrip(_BLANK)
    if not start or len(text) > MOST_LETTERS:
        raise _error(text, rest)
    items: list[Any] = []
    end, is_tuple = ",", False
    while end == ",":
        found = _BODY.match(rest)
        items.append(_item(_LOOSE.sub("", found[1] if found else "").replace("−", "-"), text, rest))
        end, rest = (found[2], rest[found.end() :].lstrip(_BLANK)) if found else ("", rest)
        is_tuple = is_tuple or end == ","
        if end == "," and rest.startswith("]"):
            end, rest = "]", rest[1:].lstrip(_BLANK)
    if rest:
        raise _error(text, rest)
    return tuple(items) if is_tuple else items[0]


def _item(body: str, text: str, rest: str) -> Any:
    """Return what stands between two commas."""
    found = _ITEM.fullmatch(body)
    if found and found[1]:
        return None
    if found and found[2]:
        return ...
    if found and found[4]:
        return slice(*(int(digits) if digits else None for digits in (found[3], found[5], found[6])))
    if found and found[3]:
        return int(found[3])
    if body in ("True", "False"):
        return body == "True"
    is_nested = body.startswith("[[")
    if not body.startswith("[") or (is_nested and not re.fullmatch(r"\[0(,0)*,?\]", _ROW.sub("0", body))):
        raise _error(text, rest)
    rows = [_values(row, text, rest) for row in (_ROW.findall(body[1:-1]) if is_nested else [body])]
    if len({*map(len, rows)}) > 1 or len({type(value) for row in rows for value in row}) > 1:
        raise _error(text, rest)
    return rows if is_nested else rows[0]


def _values(row: str, text: str, rest: str) -> list[int | bool]:
    """Return the numbers or the truth values of a list without lists."""
    inner = row[1:-1].removesuffix(",")
    values = inner.split(",") if inner else []
    if not all(map(_VALUE.fullmatch, values)):
        raise _error(text, rest)
    return [value == "True" if value in ("True", "False") else int(value) for value in values]


def _error(text: str, rest: str) -> IndexTextError:
    found = rest or text
    found = found if len(found) <= _LONGEST_QUOTED else f"{found[:_LONGEST_QUOTED]}…"
    return IndexTextError(UNREAD.format(position=len(text) - len(rest) + 1, found=found))
