"""What every explanation can do: be read in a terminal, be shown in a notebook, be handed on as JSON."""

from __future__ import annotations

import dataclasses
import html
import json
from typing import Any

_NOT_FINITE = {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}


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
        rows = self.table()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = (
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            ).rstrip()
            for row in rows
        )
        return "\n".join([*lines, *(f"* {note}" for note in self.notes())])

    def _repr_html_(self) -> str:
        heading, *body = ([html.escape(cell) for cell in row] for row in self.table())
        head = "".join(f'<th scope="col">{cell}</th>' for cell in heading)
        rows = "".join(
            f'<tr><th scope="row">{label}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            for label, *cells in body
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><ul>{notes}</ul>"

    def to_dict(self) -> dict[str, Any]:
        """Return the same facts as plain lists, dicts, strings and numbers, ready for JSON.

        JSON has no numbers that are not finite: they are the strings "inf", "-inf" and "nan", which ``float`` reads.
        """
        facts = json.dumps(dataclasses.asdict(self))  # type: ignore[call-overload]
        plain: dict[str, Any] = json.loads(facts, parse_constant=_NOT_FINITE.__getitem__)
        return plain
