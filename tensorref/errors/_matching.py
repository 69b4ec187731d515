"""Templates of messages, and the search for them in a text of any length.

>>> from tensorref.errors._matching import Template
>>> template = Template("index {index:int} is out of bounds for axis {axis:int} with size {size:int}")
>>> found = template.search("IndexError: index 3 is out of bounds for axis 0 with size 3")
>>> template.fields(found)
{'index': 3, 'axis': 0, 'size': 3}

A template becomes an expression that takes time in proportion to the text: no repetition stands in another, each is bounded,
and what follows a field cannot stand in it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tensorref.errors._catalogue import Entry, by_id

KINDS: Mapping[str, str] = {
    "int": r"-?\d{1,20}",
    "ints": r"[-\d, x]{0,200}",
    "shapes": r"[\d,()\[\] ]{2,800}",
    "dtype": r"[\w.:<>=|]{1,60}",
    "type": r"[\w.:<>=| ]{1,60}",
    "device": r"[\w:]{1,30}",
    "word": r"\w{1,100}",
    "name": r"[\w.]{1,100}",
    "axes": r"[\w,]{0,200}",
    "bytes": r"[\d.]{1,20} \w{1,5}",
    "text": r".{0,200}?",
}
"""What may stand in a field of each kind."""

FIRST, LAST = 2**16, 2**18
"""How many letters of a text are read at its beginning and at its end, where it is longer than both."""

DTYPES: Mapping[str, str] = {
    "Float": "float32",
    "float": "float32",
    "Double": "float64",
    "double": "float64",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "long": "int64",
    "Int": "int32",
    "int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "long int": "int64",
    "short": "int16",
    "signed char": "int8",
    "unsigned char": "uint8",
    "Bool": "bool",
    "bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
}
"""What the messages of PyTorch call a dtype, and its name."""

FIELD = re.compile(r"\{(\w+):(\w+)\}")
_COLORS = re.compile(r"\x1b\[[\d;]{0,20}[A-Za-z]")
_MARGIN = re.compile(r"^(?:\[rank\d{1,5}\]: ?|E  +|[ \t]*[|│>] ?)", re.MULTILINE)
# Those of torchrun, pytest, exception groups, rich and quotations.
_SPACE = re.compile(r"\s+")


class Found(NamedTuple):
    """A message in a text."""

    entry: Entry
    fields: dict[str, Any]
    words: str
    """What the template matched, with one space for each run of white space."""


class Template:
    """A template, and the expression that finds it."""

    def __init__(self, template: str) -> None:
        words = _SPACE.sub(" ", template)
        pieces = FIELD.split(words)
        self.literals = pieces[::3]
        self.kinds = dict(zip(pieces[1::3], pieces[2::3], strict=True))
        self.rarest = max(self.literals, key=len)
        self.weight = sum(map(len, self.literals))

    @functools.cached_property
    def expression(self) -> str:
        """The expression, in the syntax that Python and JavaScript share but for the P of a named group."""
        fields = [f"(?P<{name}>{KINDS[kind]})" for name, kind in self.kinds.items()]
        escaped = [re.sub(r"([\\^$.|?*+()\[\]{}/])", r"\\\1", literal) for literal in self.literals]
        return "".join(piece for pair in zip(escaped, [*fields, ""], strict=True) for piece in pair)

    @functools.cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.expression, re.ASCII)

    def search(self, text: str) -> re.Match[str] | None:
        """Return the last place of the template in a text with single spaces, or None."""
        if self.rarest not in text:
            return None
        found = None
        for found in self._compiled.finditer(text):  # noqa: B007  the last one is wanted
            pass
        return found

    def fields(self, found: re.Match[str]) -> dict[str, Any]:
        """Return the values of the fields."""
        return {name: _READ.get(kind, str)(found[name]) for name, kind in self.kinds.items()}


def match(text: str) -> Found | None:
    """Return the message that a text holds, or None: an error before a warning, then the last one.

    A message that stands within another one is a part of it, as where NumPy says more in a later version.
    """
    text = normalized(text)
    places = [
        (found, template, entry)
        for entry in by_id().values()
        for template in templates_of(entry.id)
        if (found := template.search(text))
    ]
    whole = [
        place
        for place in places
        if not any(
            other[0].start() <= place[0].start()
            and place[0].end() <= other[0].end()
            and place[1].weight < other[1].weight
            for other in places
        )
    ]
    if not whole:
        return None
    found, template, entry = max(whole, key=lambda place: (not place[2].is_warning, place[0].end(), place[1].weight))
    return Found(entry, template.fields(found), found[0].strip())


def normalized(text: str) -> str:
    """Return a text without colors and margins and with single spaces; of a long one the beginning and the end."""
    if len(text) > FIRST + LAST:
        text = f"{text[:FIRST]}\n{text[-LAST:]}"
    return _SPACE.sub(" ", _MARGIN.sub("", _COLORS.sub("", text)))


@functools.cache
def templates_of(name: str) -> tuple[Template, ...]:
    return tuple(map(Template, by_id()[name].templates))


def _ints(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"-?\d+", text)))


def _shapes(text: str) -> tuple[tuple[int, ...], ...]:
    return tuple(_ints(shape) for shape in re.findall(r"[(\[]([^()\[\]]*)[)\]]", text))


def _dtype(text: str) -> str:
    """Return the name of a dtype, or the word itself where it is another."""
    word = text.removeprefix("torch.").removeprefix("cuda.").removeprefix("c10::").removesuffix("Tensor")
    return DTYPES.get(word, word)


_READ: Mapping[str, Callable[[str], Any]] = {
    "int": int,
    "ints": _ints,
    "shapes": _shapes,
    "dtype": _dtype,
    "type": _dtype,
}
