"""What is known of an error, in the form that the explanations of the rules have."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import Any, Literal

from tensorref import _picture
from tensorref._explanation import Diagram, Illustrated
from tensorref.errors._catalogue import Entry, Mend, by_id
from tensorref.errors._matching import Found
from tensorref.errors._reading import Operand, Reading

LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch", "python": "Python"}
_PART = "The message names one axis alone, and the table shows no other."
_REFUSED = {"?", "refused", "raises"}  # what the table of a rule has where it does not hold
_PRODUCT = "a @ b"  # the row of dtypes for a product, which scalars never have
_MOST_ROWS = 10  # of a table that leaves room for causes and mends on a screen
_MOST_LETTERS = 300  # of the message
_MOST_CODE = 120  # letters of code behind a mend


@dataclass(frozen=True)
class Explanation(Illustrated):
    """What is known of an error: `tensorref.errors.explain` returns it.

    >>> from tensorref import errors
    >>> explanation = errors.explain("IndexError: index 3 is out of bounds for axis 0 with size 3")
    >>> explanation.id, explanation.fields
    ('np-index-bounds', {'index': 3, 'axis': 0, 'size': 3})
    >>> explanation.rule.result is None
    True
    """

    id: str
    """That of the `Entry`."""
    group: str
    library: str
    type: str
    words: str
    """Those that were recognized."""
    fields: dict[str, Any]
    """What the message says, such as numbers, shapes, and names of dtypes and devices."""
    operands: tuple[Operand, ...]
    """What took part, where an exception was explained whose frames are still there."""
    proved: bool | None
    """Whether the operands lead to exactly this message; None where there are none to ask."""
    remarks: tuple[str, ...]
    """What is to be said of the operands, such as why one is not known."""
    file: str | None
    """Where the user's code failed, with its line and the code itself; None where no frame is known."""
    line: int | None
    code: str | None
    causes: tuple[str, ...]
    """Why it is raised, the likeliest first."""
    mends: tuple[Mend, ...]
    """What to do, the likeliest first."""
    rule: Diagram | None
    """The rule's own explanation, of the operands or of as much as the message says."""
    address: str
    """That of its page."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: those of the rule, else the operands, else what the message says."""
        if self.rule is not None and len(rows := self.rule.table()) <= _MOST_ROWS:
            return rows
        if self.operands:
            return (("operand", "kind", "shape", "dtype", "device", "strides"), *(map(Operand.row, self.operands)))
        heading = (self.type, "value") if self.fields else (self.type,)
        return (heading, *((name, _cell(value)) for name, value in [*self.fields.items()][:_MOST_ROWS]))

    def notes(self) -> tuple[str, ...]:
        """Return the message, why it is raised, what to do, and the address of its page."""
        return (*self._said(), *(f"Mend: {_with_code(mend)}" for mend in self.mends), f"More: {self.address}")

    def _said(self) -> list[str]:
        """Return the notes before the mends."""
        words = self.words if len(self.words) <= _MOST_LETTERS else f"{self.words[:_MOST_LETTERS]}…"
        part = [_PART] if self.rule is not None and not self.operands and by_id()[self.id].part else []
        place = (f"{self.code}, line {self.line} of {self.file}",) if self.file else ()
        likely = ("Likely cause" if len(self.causes) > 1 else "Cause", *["Or"] * len(self.causes))
        causes = [f"{word}: {cause}" for word, cause in zip(likely, self.causes, strict=False)]
        return [f"{LIBRARIES[self.library]}: {words}", *place, *self.remarks, *part, *causes]

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        if isinstance(self.rule, Illustrated):
            return self.rule.described()
        return self.words, " ".join(self.causes)

    def svg(self, name: str | None = None, title: str | None = None) -> str:
        """Return the picture of the rule, or of the numbers in the message, as the text of an SVG file; see `Illustrated`."""
        return self.rule.svg(name, title) if isinstance(self.rule, Illustrated) else super().svg(name, title)

    def _drawn(self) -> _picture.Drawing:
        if not self.fields:
            return _picture.refusal("✗")
        rows = [[(_cell(value), _picture.STORED)] for value in self.fields.values()]
        return _picture.boxes([*self.fields], rows)

    def _repr_html_(self) -> str:
        return (
            self.svg() + Diagram._repr_html_(self) if isinstance(self.rule, Illustrated) else Diagram._repr_html_(self)
        )

    def _listed(self) -> list[str]:
        said = [html.escape(note) for note in self._said()]
        mends = [
            f"Mend: {html.escape(mend.words)}" + (f"<pre>{html.escape(mend.code)}</pre>" if mend.code else "")
            for mend in self.mends
        ]
        address = html.escape(self.address)
        return [*said, *mends, f'More: <a href="{address}">{address}</a>']


def of(found: Found, reading: Reading | None = None) -> Explanation:
    """Return what is known of a message that was found in a text, and of the frames of its error."""
    entry = found.entry
    return Explanation(
        id=entry.id,
        group=entry.group,
        library=entry.library,
        type=entry.type,
        words=found.words,
        fields=found.fields,
        operands=reading.operands if reading else (),
        proved=reading.proved if reading and reading.operands else None,
        remarks=reading.remarks if reading else (),
        file=reading.file if reading else None,
        line=reading.line if reading else None,
        code=reading.code if reading else None,
        causes=_causes(found, reading),
        mends=(*_fixes(reading), *entry.mends),
        rule=(reading and reading.rule) or rule(entry, found.fields),
        address=entry.address,
    )


def of_error(error: BaseException | None) -> Explanation | None:
    """Return what is known of an exception, of what it was raised from, or of what it met."""
    from tensorref.errors import _frames, _matching  # the first takes long to load, and no text needs it

    links = _frames.links(error) if error is not None else []
    for link in sorted(links, key=_frames.has_no_frame):  # what another process printed is the cause of what it sent
        found = _matching.match(_frames.message(link))
        if found is not None:
            return of(found, _frames.read(link))
    return None


def _causes(found: Found, reading: Reading | None) -> tuple[str, ...]:
    """Return the causes, those for which the message and the operands speak before the others."""
    arrays = [operand for operand in reading.operands if operand.shape is not None] if reading else []
    known = {"shapes": [array.shape for array in arrays], "names": [array.name for array in arrays]}

    def is_silent(cause: tuple[str, str]) -> bool:
        try:
            return not eval(cause[1] or "False", {"__builtins__": {"len": len}}, found.fields | known)  # noqa: S307  it is ours
        except (IndexError, NameError, TypeError):  # a text alone has no operands, an older wording fewer fields
            return True

    causes = zip(found.entry.causes, found.entry.speaks, strict=True)
    return tuple(words for words, _ in sorted(causes, key=is_silent))


def _fixes(reading: Reading | None) -> tuple[Mend, ...]:
    """Return the mends of a rule that was broken, in the names of the user's code."""
    fixes = reading.rule.fixes[:1] if reading and reading.rule and reading.proved else ()
    return tuple(Mend(f"Write {fix.code}, which would give {fix.result}.") for fix in fixes)


def rule(entry: Entry, fields: dict[str, Any]) -> Diagram | None:
    """Return the explanation of the entry's rule from the fields of a message, or None where they do not suffice."""
    if entry.rule is None:
        return None
    from tensorref import broadcasting
    from tensorref._expression import explain

    try:
        library: Literal["numpy", "torch"] | None = "torch" if entry.library == "torch" and "[" in entry.rule else None
        found = explain(entry.rule.format(**{name: _written(value) for name, value in fields.items()}), library=library)
    except (KeyError, TypeError, ValueError):  # an older wording has fewer fields, or what it says is no shape
        return None
    if isinstance(found, broadcasting.Explanation):
        found = replace(found, operator=None)  # a message does not say which one it was
    is_refused = any(cell.strip() in _REFUSED for label, *row in found.table() if label != _PRODUCT for cell in row)
    return found if is_refused or getattr(found, "warning", None) else None


def _written(value: Any) -> str:
    """Return a field as an expression has it."""
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return " + ".join(map(str, value))
    return str(value)


def _cell(value: Any) -> str:
    return (
        ", ".join(map(str, value)) if isinstance(value, tuple) and value and isinstance(value[0], tuple) else str(value)
    )


def _with_code(mend: Mend) -> str:
    """Return a mend with its code behind it on one line, where that is short and has no block."""
    code = (mend.code or "").replace("\n", "; ")
    return f"{mend.words.removesuffix('.')}: {code}" if 0 < len(code) <= _MOST_CODE and ":;" not in code else mend.words
