"""The messages that are known, as data: a group is a file beside this one, a message a table in it.

A message has a template with named fields, texts by version where the versions differ, and code that raises it.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from tensorref._arguments import as_choice, as_name, quoted
from tensorref._explanation import TensorrefError

GROUPS = (
    "shape",
    "layout",
    "indexing",
    "dtype",
    "device",
    "autograd",
    "loss",
    "module",
    "value",
    "interop",
    "data",
    "load",
    "compile",
    "distributed",
    "install",
)
SITE = "https://tensorref.readthedocs.io/en/latest/"
_MOST_MATCHES = 4


class UnknownEntryError(TensorrefError, ValueError):
    """Raised for an id that no message has; ``matches`` are those that look like it, the nearest first.

    >>> from tensorref import errors
    >>> try:
    ...     errors.get("mat1-mat2-shape")
    ... except errors.UnknownEntryError as error:
    ...     print(error.matches[0])
    mat1-mat2-shapes
    """

    __module__ = "tensorref.errors"  # where users catch it

    def __init__(self, message: str, matches: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.matches = matches


@dataclass(frozen=True)
class Mend:
    """What to do about a message, and code in which it is done: one of `Entry.mends`.

    >>> from tensorref import errors
    >>> mend = errors.get("size-of-tensor-a").mends[0]
    >>> print(mend.code)
    torch.zeros(3, 1, 4) + torch.zeros(2, 4)
    """

    words: str
    """What to do, in a sentence."""
    code: str | None = None
    """Statements that run, for ``np`` and ``torch``; they do what the code that raises the message was to do."""


@dataclass(frozen=True)
class Entry:
    """A message of NumPy, PyTorch or Python: what it says, why, and what to do; `get` and `entries` give them.

    >>> from tensorref import errors
    >>> entry = errors.get("size-of-tensor-a")
    >>> entry.template
    'The size of tensor a ({a:int}) must match the size of tensor b ({b:int}) at non-singleton dimension {axis:int}'
    >>> print(entry.code)
    torch.zeros(3, 4) + torch.zeros(2, 4)
    >>> entry.text()
    'The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0'
    """

    id: str
    group: str
    library: Literal["numpy", "torch", "python"]
    """Whose words they are."""
    type: str
    """The class of the exception or the warning, as ``type.__name__`` has it."""
    template: str
    """The words, with fields in braces that say what may stand there."""
    texts: tuple[tuple[str, str], ...]
    """What `code` gives, by the first version of `library` that was seen to say it; … is what differs between runs."""
    older: tuple[str, ...]
    """Templates of the words of other versions, devices and modes."""
    code: str
    """Statements that raise it, for ``np`` and ``torch``."""
    causes: tuple[str, ...]
    """Why it is raised, the likeliest first."""
    speaks: tuple[str, ...]
    """What speaks for each cause, as an expression over the fields and the operands' ``shapes`` and ``names``; "" for nothing."""
    mends: tuple[Mend, ...]
    """What to do, the likeliest first."""
    often: bool
    """Whether many people ask about it."""
    needs: str | None
    """What it takes to raise it, where a machine with a CPU alone does not."""
    rule: str | None
    """An expression over shapes or dtypes, with the fields in braces, that explains what happened."""
    part: bool
    """Whether `rule` has a part of the shapes alone, since the message says no more."""
    concepts: tuple[str, ...]
    """The modules of this package that are about it."""
    pitfalls: tuple[str, ...]
    """The guards of `tensorref.pitfalls` that find it early."""
    exercises: tuple[str, ...]
    """The exercises of `tensorref.exercises` that train it."""
    dictionary: tuple[str, ...]
    """The rows of the dictionary that have what to write instead."""

    @property
    def is_warning(self) -> bool:
        """Whether it is a warning, after which the program goes on."""
        return self.type.endswith("Warning")

    @property
    def templates(self) -> tuple[str, ...]:
        """All templates, today's first."""
        return (self.template, *self.older)

    @property
    def page(self) -> str:
        """Where its page is on the site, from the first page on."""
        return f"errors/{self.group}.html#{self.id}"

    @property
    def address(self) -> str:
        """The address of its page."""
        return SITE + self.page

    def text(self, version: str | None = None) -> str:
        """Return what `code` gives.

        >>> from tensorref import errors
        >>> errors.get("np-mean-empty").text(version="2.0.2"), errors.get("np-mean-empty").text()
        ('Mean of empty slice.', 'Mean of empty slice')

        Parameters
        ----------
        version
            That of the library, such as ``torch.__version__``; by default the newest that was tried.

        Returns
        -------
        :
            The words; … is what differs between runs.
        """
        texts = [text for since, text in self.texts if version is None or _numbers(since) <= _numbers(version)]
        return texts[-1] if texts else self.texts[0][1]


def entries(group: str | None = None) -> tuple[Entry, ...]:
    """Return the messages that are known.

    >>> from tensorref import errors
    >>> len(errors.entries()) >= 180
    True
    >>> [entry.id for entry in errors.entries("layout")][:2]
    ['view-not-compatible', 'shape-invalid-for-input']

    Parameters
    ----------
    group
        Those of one group; all by default.

    Returns
    -------
    :
        The messages, by group.

    Raises
    ------
    ValueError
        If there is no such group; it names them all.

    See Also
    --------
    get : one of them.
    """
    if group is not None:
        as_choice(group, "group", GROUPS)
    return tuple(entry for entry in by_id().values() if group in {None, entry.group})


def get(name: str) -> Entry:
    """Return the message with an id.

    >>> from tensorref import errors
    >>> errors.get("view-not-compatible").causes[0]
    'A transpose, permute or expand came before, so the elements no longer lie in memory in the order that view reads.'

    Parameters
    ----------
    name
        The id, such as ``"mat1-mat2-shapes"``; it ends the address of the message's page.

    Returns
    -------
    :
        The message.

    Raises
    ------
    UnknownEntryError
        If there is none; it names those that look like it.
    TypeError, ValueError
        If `name` is no string, or a long one.

    See Also
    --------
    entries : all of them.
    explain : the one that a text holds.
    """
    as_name(name)
    known = by_id()
    if name not in known:
        matches = tuple(difflib.get_close_matches(name, known, _MOST_MATCHES, 0.5))
        hint = f"similar: {', '.join(matches)}" if matches else "errors.entries() has them all"
        raise UnknownEntryError(f"name is {quoted(name)}, the id of no message; {hint}", matches)
    return known[name]


@functools.cache
def by_id() -> Mapping[str, Entry]:
    """Return the messages by their ids."""
    folder = resources.files("tensorref.errors") / "messages"
    return {
        entry.id: entry
        for group in GROUPS
        for entry in _read(group, tomllib.loads((folder / f"{group}.toml").read_text(encoding="utf-8")))
    }


def _read(group: str, tables: Mapping[str, Any]) -> Iterator[Entry]:
    for name, table in tables.items():
        text = table["text"]
        causes = [(each["words"], each["when"]) if isinstance(each, dict) else (each, "") for each in table["causes"]]
        listed = {
            key: tuple(table.get(key, ())) for key in ("older", "concepts", "pitfalls", "exercises", "dictionary")
        }
        yield Entry(
            id=name,
            group=group,
            library=table["library"],
            type=table["type"],
            template=table["template"],
            texts=tuple(text.items()) if isinstance(text, dict) else (("0", text),),
            code=table["code"].strip(),
            causes=tuple(words for words, _ in causes),
            speaks=tuple(when for _, when in causes),
            mends=tuple(Mend(mend["words"], mend.get("code")) for mend in table["mends"]),
            often=table.get("often", False),
            needs=table.get("needs"),
            rule=table.get("rule"),
            part=table.get("part", False),
            **listed,
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("+")[0].split(".")[:2] if part.isdecimal())
