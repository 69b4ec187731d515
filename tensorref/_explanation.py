"""What explanations have in common: they are read in a terminal, shown in a notebook, handed on as JSON, raised."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tensorref._arguments import quoted
from tensorref._picture import Drawing, svg

__all__ = ["WARNS", "Diagram", "Fix", "Illustrated", "Messages", "ShapeRule", "TensorrefError", "aligned"]

WARNS = "⚠ "
"""What a warning among the notes begins with."""
_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
_NOT_FINITE = {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}


class TensorrefError(Exception):
    """The base of all errors of this package: what a rule refuses, with the explanation where the rule has one.

    >>> import tensorref
    >>> from tensorref import broadcasting
    >>> try:
    ...     broadcasting.result_shape((3, 4), (2, 4))
    ... except tensorref.TensorrefError as error:
    ...     print(error.explanation.conflicts, error.explanation.fixes[0].code)
    (-2,) a[:, None, :]

    Each is also the built-in error that Python would raise: ValueError, TypeError or IndexError. An argument that is no
    shape, no dtype or no array at all raises the built-in error alone.
    """

    explanation: Any
    """All that is known of the refusal, as `explain` of the module gives it; None where there is no more to say."""

    def __init__(self, message: str, explanation: Any = None) -> None:
        super().__init__(message)
        self.explanation = explanation


def aligned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the rows of a diagram with every cell as wide as its column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in rows
    ]


class Diagram:
    """A dataclass of facts that prints as a table with notes below it.

    A subclass says what stands in the table and in the notes; the terminal, the notebook and the documentation
    draw from those two.
    """

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram, the heading first, each with a label in front."""
        raise NotImplementedError

    def notes(self) -> tuple[str, ...]:
        """Return the sentences that stand below the table."""
        raise NotImplementedError

    def __str__(self) -> str:
        lines = ("  ".join(row).rstrip() for row in aligned(self.table()))
        return "\n".join([*lines, *(f"* {note}" for note in self.notes())])

    def _repr_html_(self) -> str:
        heading, *body = ([html.escape(cell) for cell in row] for row in self.table())
        head = "".join(f'<th scope="col">{cell}</th>' for cell in heading)
        rows = "".join(
            f'<tr><th scope="row">{label}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            for label, *cells in body
        )
        notes = "".join(f"<li>{note}</li>" for note in self._listed())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><ul>{notes}</ul>"

    def _listed(self) -> Sequence[str]:
        """Return the notes as HTML."""
        return [html.escape(note) for note in self.notes()]

    def to_dict(self) -> dict[str, Any]:
        """Return the same facts as plain lists, dicts, strings and numbers, ready for JSON.

        JSON has no numbers that are not finite: they are the strings "inf", "-inf" and "nan", which ``float`` reads.
        """
        facts = json.dumps(dataclasses.asdict(self))  # type: ignore[call-overload]
        plain: dict[str, Any] = json.loads(facts, parse_constant=_NOT_FINITE.__getitem__)
        return plain


class Illustrated(Diagram):
    """A diagram that has a picture too, drawn from its own fields; a subclass says what it shows."""

    def svg(self, name: str | None = None, title: str | None = None) -> str:
        """Return the picture as the text of an SVG file.

        >>> from tensorref import broadcasting
        >>> picture = broadcasting.explain((4, 1), (1, 3)).svg()
        >>> picture.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        True
        >>> "<title" in picture, "The result has shape (4, 3), 12 elements.</desc>" in picture
        (True, True)

        Write it to a file, or put it into a page as it is. There its lines have the color of the text, and the custom
        properties ``--tensorref-hue-1`` to ``--tensorref-hue-4`` of CSS change the other colors.

        Parameters
        ----------
        name
            What the ids of the title and the description begin with. By default it is made of the content, so that a page
            with the same picture twice needs one.
        title
            What a screen reader says it is; by default what is explained.

        Returns
        -------
        :
            The text, the same for the same explanation.

        Raises
        ------
        ValueError
            If `name` is not a name: a letter, then letters, digits, ``-`` and ``_``.
        """
        if name is not None and not _NAME.fullmatch(str(name)):
            raise ValueError(
                f"name is {quoted(name)}; write a letter, then letters, digits, - and _, such as picture-1"
            )
        said, description = self.described()
        return svg(self._drawn(), title or said, description, name)

    def _repr_html_(self) -> str:
        return self.svg() + super()._repr_html_()

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows, for those who do not see it."""
        raise NotImplementedError

    def _drawn(self) -> Drawing:
        """Return the picture."""
        raise NotImplementedError


class ShapeRule(Illustrated):
    """What the explanations of rules about shapes say alike."""

    steps: tuple[str, ...]
    warning: str | None
    messages: Messages | None
    fixes: tuple[Fix, ...]
    _words: ClassVar[Mapping[str, str]]

    def mends(self) -> tuple[str, ...]:
        """Return the fixes, a sentence each."""
        return tuple(self._words["fix"].format(**vars(fix)) for fix in self.fixes)

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        return self.steps[0], " ".join(self.steps[1:])

    def _verdict(self) -> list[str]:
        """Return the notes that come first: the result or what is wrong, a warning, and what the libraries say."""
        warnings = [f"{WARNS}{self.warning}"] if self.warning else []
        return [self.steps[-1], *warnings, *(self.messages.notes() if self.messages else ())]

    def refusal(self) -> str:
        """Return the words of an error: what is wrong, and the likeliest fix."""
        return " ".join([self.steps[-1], *self.mends()[:1]])


@dataclasses.dataclass(frozen=True)
class Messages:
    """What the libraries themselves say where they refuse, letter for letter; None where one has nothing to refuse.

    >>> from tensorref import broadcasting
    >>> broadcasting.explain((3, 4), (2, 4)).messages.torch
    'The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0'
    """

    numpy: str | None
    torch: str | None

    def notes(self) -> tuple[str, ...]:
        """Return each with its library in front, on one line."""
        said = (("NumPy", self.numpy), ("PyTorch", self.torch))
        return tuple(f"{library}: {message.strip()}" for library, message in said if message is not None)


@dataclasses.dataclass(frozen=True)
class Fix:
    """Code to write instead. It was tried and works; only you know whether it is what you meant.

    >>> from tensorref import broadcasting
    >>> broadcasting.explain((32, 10, 64), (32,)).fixes[0]
    Fix(code='b[:, None, None]', shape=(32, 1, 1), result=(32, 10, 64))
    """

    code: str
    shape: tuple[int, ...] | None = None
    """The shape of what `code` gives, where it takes the place of an operand."""
    result: tuple[int, ...] | None = None
    """The shape that the operation then gives."""
