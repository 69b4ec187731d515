"""What the frames of an error tell, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Operand:
    """What took part in what failed: an array, a tensor, a number or a short text."""

    name: str
    """The code that gives it, such as ``self.fc.weight``."""
    kind: str
    """The name of its type, such as "Tensor"; "" where it is not known."""
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    device: str | None = None
    strides: tuple[int, ...] | None = None
    """In elements."""
    value: int | float | str | None = None
    """That of a number or a short text."""
    unknown: str | None = None
    """Why no more is known, where that would take code that is not run."""

    def row(self) -> tuple[str, ...]:
        """Return its row in a table: name, kind, shape or value, dtype, device, strides."""
        if self.unknown is not None:
            return (self.name, "?", "?", "?", "?", "?")
        facts = (self.value if self.shape is None else self.shape, self.dtype, self.device, self.strides)
        return (self.name, self.kind, *("" if fact is None else str(fact) for fact in facts))


@dataclass(frozen=True)
class Reading:
    """What the frames of an error tell."""

    file: str
    line: int
    code: str
    """What failed of the user's code."""
    by: str | None
    """The code of the library that failed for it."""
    operands: tuple[Operand, ...]
    proved: bool
    """Whether the operands lead to exactly the words of the error."""
    rule: Any
    """The explanation by the rule that was broken, where one of ours was."""
    remarks: tuple[str, ...]
    """What is to be said of the operands, such as that they may have changed."""
