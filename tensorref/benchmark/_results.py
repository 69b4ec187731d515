"""What the suite measured, and the file that keeps it."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tensorref._arguments import quoted
from tensorref._explanation import Diagram
from tensorref.benchmark._machine import Machine
from tensorref.benchmark._table import note_of_caches, table
from tensorref.benchmark._timing import Comparison
from tensorref.benchmark._work import Ceiling

FORMAT = 1  # of the file; a change that an old reader would misread counts it up
_AGAIN = "run python -m tensorref bench --output again"


@dataclass(frozen=True)
class Settings:
    """What `suite` was told.

    >>> from tensorref import benchmark
    >>> told = benchmark.Settings(("matmul",), device="cpu", largest=512, seconds=0.2, limit=30.0, copy_bytes=2**28)
    >>> told.only, told.largest
    (('matmul',), 512)
    """

    only: tuple[str, ...]
    device: str
    largest: int
    seconds: float
    limit: float
    copy_bytes: int


@dataclass(frozen=True)
class Entry:
    """One comparison of `suite`.

    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["view"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> entry = results.entries[0]
    >>> entry.group, entry.size, entry.device
    ('view', 64, 'cpu')
    """

    group: str
    """One of `GROUPS`."""
    size: int
    """Matrices have this many rows and as many columns."""
    device: str
    """Where it ran; of ``matmul`` the one that NumPy and the CPU are compared with."""
    comparison: Comparison


@dataclass(frozen=True)
class Omission:
    """What `suite` left out.

    >>> from tensorref import benchmark
    >>> left = benchmark.Omission("dtypes", 4096, "cpu", "float16", "it would take about 90 s, the limit is 30 s")
    >>> print(left)
    dtypes, n = 4096, cpu, float16: it would take about 90 s, the limit is 30 s
    """

    group: str
    size: int
    device: str
    candidate: str
    reason: str

    def __str__(self) -> str:
        return f"{self.group}, n = {self.size}, {self.device}, {self.candidate}: {self.reason}"


@dataclass(frozen=True)
class Results(Diagram):
    """All that `suite` measured, and where: what `read` gives and `write` takes.

    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["view"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> [each.dtype for each in results.ceilings], results.machine.accelerator, results.omitted
    (['float32'], None, ())
    """

    format: int
    """Which fields there are; it changes with them."""
    date: str
    """When the run began, in UTC (ISO 8601)."""
    machine: Machine
    versions: dict[str, str]
    settings: Settings
    ceilings: tuple[Ceiling, ...]
    entries: tuple[Entry, ...]
    omitted: tuple[Omission, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a heading, then a row a candidate."""
        rows = [
            (entry.group, str(entry.size), entry.device, candidate.name, *candidate.cells)
            for entry in self.entries
            for candidate in entry.comparison.candidates
        ]
        return table(("group", "n", "device", "candidate"), rows)

    def notes(self) -> tuple[str, ...]:
        """Return how to read the table, what was left out, the ceilings and the machine, a sentence each."""
        libraries = ", ".join(f"{name} {self.versions.get(name, '?')}" for name in ("python", "numpy", "torch"))
        return (
            "n: matrices are n × n, float32 where nothing else is said.",
            "ratio: time over that of the first of the same comparison in the same round, the median of the rounds.",
            *note_of_caches(candidate.share for entry in self.entries for candidate in entry.comparison.candidates),
            *(f"Left out: {each}." for each in self.omitted),
            *(f"Ceiling: {each}." for each in self.ceilings),
            f"Measured on {self.date}: {self.machine}; {libraries}.",
        )


def write(results: Results, path: str | PathLike[str]) -> None:
    """Write what `suite` measured to a JSON file.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["view"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> with TemporaryDirectory() as folder:
    ...     benchmark.write(results, Path(folder, "results.json"))
    ...     benchmark.read(Path(folder, "results.json")) == results
    True

    Parameters
    ----------
    results
        What to write.
    path
        The file, which is overwritten.

    Raises
    ------
    ValueError
        If a field of `results` holds what no measurement gives, such as a time that is not finite. The words name it.
    OSError
        If the file cannot be written.

    See Also
    --------
    read : the other way.
    """
    given: Any = results
    if not isinstance(given, Results):
        raise TypeError(f"results is {quoted(results)}, of type {type(results).__name__}; give what suite returns")
    if results.format != FORMAT:
        raise ValueError(f"results.format is {quoted(results.format)}, this tensorref writes format {FORMAT}")
    facts = results.to_dict()
    _record(Results, facts, "results")  # so that `read` takes what is written
    _as_path(path).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def read(path: str | PathLike[str]) -> Results:
    """Read what `write` wrote, and check that it is whole.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tensorref import benchmark
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "results.json").write_text('{"format": 1, "date": ')
    ...     try:
    ...         benchmark.read(Path(folder, "results.json"))
    ...     except ValueError as error:
    ...         print(str(error).partition("results.json ")[2])
    is not a whole JSON file: Expecting value: line 1 column 23 (char 22); run python -m tensorref bench --output again

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    :
        Equal to what was written.

    Raises
    ------
    ValueError
        If the file is not whole, or lacks a field, or has one that is not known or of another type. The words name it.
    OSError
        If the file cannot be read.
    """
    try:
        data = json.loads(_as_path(path).read_text("utf-8"))
    except (RecursionError, ValueError) as error:  # the latter for bytes that are no UTF-8 and endless integers too
        raise ValueError(f"{path} is not a whole JSON file: {error}; {_AGAIN}") from None
    if isinstance(data, dict) and data.get("format", FORMAT) != FORMAT:
        raise ValueError(f"{path} has format {quoted(data['format'])}, this tensorref reads format {FORMAT}; {_AGAIN}")
    try:
        return _record(Results, data)
    except ValueError as error:
        raise ValueError(f"{path} is not a result of the suite: {error}; {_AGAIN}") from None


_T = TypeVar("_T")
_WANTED: dict[Any, str] = {str: "a string", int: "an integer of at least 0", float: "a finite number above 0"}


def _as_path(path: Any) -> Path:
    if not isinstance(path, (str, PathLike)):
        raise TypeError(f"path is {quoted(path)}, of type {type(path).__name__}; write the name of a file")
    return Path(path)


def _record(kind: type[_T], value: Any, path: str = "") -> _T:
    """Return a dataclass of `kind` from a dict, or raise ValueError that names the field: ``entries[3].size is ...``."""
    hints = get_type_hints(kind)
    _check(type(value) is dict, "an object", value, path or "it")
    if missing := [name for name in hints if name not in value]:
        raise ValueError(f"{path or 'it'} lacks {missing[0]!r}")
    if unknown := [name for name in value if name not in hints]:
        raise ValueError(f"{path or 'it'} has an unknown {quoted(unknown[0])}")
    return kind(**{name: _value(hints[name], value[name], f"{path}.{name}".lstrip(".")) for name in hints})


def _value(kind: Any, value: Any, path: str) -> Any:
    origin, kinds = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value, path)
    if origin is types.UnionType:  # something or None
        return None if value is None else _value(kinds[0], value, path)
    if origin is dict:
        _check(type(value) is dict, "an object", value, path)
        return {name: _value(kinds[1], item, f"{path}.{name}") for name, item in value.items()}
    if origin is tuple:
        _check(type(value) is list, "a list", value, path)
        if kinds[-1] is ...:
            kinds = kinds[:1] * len(value)
        if len(value) != len(kinds):
            raise ValueError(f"{path} has {len(value)} items, {len(kinds)} are wanted")
        return tuple(_value(kinds[index], item, f"{path}[{index}]") for index, item in enumerate(value))
    fits = type(value) is kind or (kind is float and type(value) is int)  # True is an int to isinstance
    in_range = fits and (kind is str or (value >= 0 if kind is int else 0 < value <= sys.float_info.max))
    _check(in_range, _WANTED[kind], value, path)
    return float(value) if kind is float else value


def _check(holds: bool, wanted: str, value: Any, path: str) -> None:  # noqa: FBT001
    if not holds:
        raise ValueError(f"{path} is {quoted(value)}, {wanted} is wanted")
