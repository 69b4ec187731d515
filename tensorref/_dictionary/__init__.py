"""The rows of the dictionary between NumPy and PyTorch, and the search for a name in them; loads neither library.

A topic is a file beside this one, a row a table in it. What comes in pairs is NumPy's first and PyTorch's second; ``names``
has several in one string, and the first one is that of the code.
"""

from __future__ import annotations

import difflib
import functools
import html
import itertools
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tensorref._arguments import as_name, quoted
from tensorref._explanation import Diagram, TensorrefError

TOPICS = (
    "creating",
    "converting",
    "reshaping",
    "indexing",
    "joining",
    "splitting",
    "reducing",
    "sorting",
    "searching",
    "masking",
    "element-wise",
    "linear-algebra",
    "einsum",
    "neural-networks",
    "fourier-transforms",
    "random",
    "types",
    "devices",
    "saving",
)

INPUTS: Mapping[str, str] = MappingProxyType(
    {
        "x": "np.sin(np.arange(24, dtype=np.float32)).reshape(2, 3, 4)",
        "a": "np.array([[1, -2, 3], [4, 5, -6]], np.float32)",
        "b": "np.array([[2, 2, -4], [3, 0.5, 5]], np.float32)",
        "v": "np.array([1, 4, 9], np.float32)",
        "mask": "np.array([[True, True, False], [True, False, False]])",
        "ids": "np.array([[3, 1, 2], [0, 2, 0]])",
        "rng": "np.random.default_rng(0)",
    }
)
"""What a name in the code of a row stands for, unless the row says otherwise."""

# How a name is written here, and where its page is in the documentation of its library.
_PREFIXES = {
    "np.": "numpy.",
    "ndarray.": "numpy.ndarray.",
    "Generator.": "numpy.random.Generator.",
    "torch.": "torch.",
    "Tensor.": "torch.Tensor.",
}
_SPELLINGS = {
    "numpy.": "np.",
    "np.ndarray.": "ndarray.",
    "np.random.Generator.": "Generator.",
    "torch.Tensor.": "Tensor.",
    "tensor.": "Tensor.",
    "F.": "torch.nn.functional.",
    "nn.functional.": "torch.nn.functional.",
}
_MOST_MATCHES = 4
_IN_PLACE = re.compile(r"\.(\w*[a-z]_)\(")

Memory = Literal["view", "copy", "depends", "in place", "no elements"]
Result = Literal["NumPy only", "PyTorch only", "neither", "another dtype", "other values", "crash"]

_RESULTS: Mapping[Result, str] = MappingProxyType(
    {
        "NumPy only": "Only NumPy takes {inputs}.",
        "PyTorch only": "Only PyTorch takes {inputs}.",
        "neither": "Neither takes {inputs}.",
        "another dtype": "The dtype of the result differs for {inputs}.",
        "other values": "The values differ for {inputs}.",
        "crash": "NumPy refuses {inputs}, for which PyTorch may crash or never end.",
    }
)


class UnknownNameError(TensorrefError, ValueError):
    """Raised for a name that no row of the dictionary has; ``matches`` are those that look like it, the nearest first.

    >>> from tensorref import interop
    >>> try:
    ...     interop.translate("np.concatenat")
    ... except interop.UnknownNameError as error:
    ...     print(error.matches[0])
    np.concatenate
    """

    __module__ = "tensorref.interop"  # where users catch it

    def __init__(self, message: str, matches: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.matches = matches


@dataclass(frozen=True)
class Form:
    """How one library writes a row: `Equivalent.numpy` or `Equivalent.torch`.

    >>> from tensorref import interop
    >>> (row,) = interop.translate("np.expand_dims").rows
    >>> row.torch.code, row.torch.memory, row.torch.in_place
    ('x.unsqueeze(1)', 'view', 'x.unsqueeze_(1)')
    """

    library: Literal["NumPy", "PyTorch"]
    code: str
    """An expression, or statements that change the first input in place."""
    names: tuple[str, ...]
    """What the code calls, then other names for the same; ``ndarray.``, ``Generator.`` and ``Tensor.`` begin methods."""
    memory: Memory
    """Whether the result uses the memory of an input, memory of its own, or either; or has no elements, as a shape."""
    cases: tuple[str, str] | None
    """Code that gives a view of ``x`` and code that gives a copy, where it depends."""
    in_place: str | None
    """Code that leaves the result in the first input."""
    out_of_place: str | None
    """Code that gives the result as a copy, where `code` changes the first input."""
    since: str | None
    """The version that brought it, where that is later than the lowest one supported."""

    @property
    def documented(self) -> tuple[str, ...]:
        """The names in full, as the library's documentation has them."""
        return tuple(_full(name) for name in self.names)


@dataclass(frozen=True)
class Difference:
    """Where what looks alike is not the same: an element of `Equivalent.differences`.

    >>> from tensorref import interop
    >>> (row,) = interop.translate("np.tile").rows
    >>> (difference,) = row.differences
    >>> difference.how
    'The method repeat repeats each element in NumPy, and the whole in PyTorch.'
    >>> difference.numpy, difference.numpy_gives
    ('np.array([1, 2]).repeat(2)', 'array([1, 1, 2, 2])')
    >>> difference.torch, difference.torch_gives
    ('torch.tensor([1, 2]).repeat(2)', 'tensor([1, 2, 1, 2])')
    """

    how: str
    """What differs, in a sentence."""
    numpy: str
    """Code that shows it, complete in itself."""
    numpy_gives: str
    """What it gives, as Python shows it, or the error that it raises."""
    torch: str
    torch_gives: str
    until: str | None = None
    """The version of NumPy that does as PyTorch does, such as ``"2.5"``."""


@dataclass(frozen=True)
class Outcome:
    """Inputs for which not both forms work and give the same: an element of `Equivalent.outcomes`.

    >>> from tensorref import interop
    >>> (row,) = interop.translate("np.std").rows
    >>> for outcome in row.outcomes:
    ...     print(outcome.result, outcome.inputs, outcome.sentence)
    NumPy only ('bool', 'integers') Only NumPy takes bool and integers.
    """

    result: Result
    """Which library takes them, or what differs where both do."""
    inputs: tuple[str, ...]
    """What a row is tried with has its name here. A dtype is that of the values; ``integers`` are uint8, int32 and int64,
    ``floats`` are float16, float32 and float64, ``numbers`` are all of those and complex64. Among floats there may be
    ``NaN``, ``inf`` and ``-inf``; ``infinity`` is both of the latter. ``uint8 ids`` and ``int32 ids`` are ids of that
    dtype."""

    @property
    def sentence(self) -> str:
        """What there is to say of them."""
        *most, last = self.inputs
        return _RESULTS[self.result].format(inputs=f"{', '.join(most)} and {last}" if most else last)


@dataclass(frozen=True)
class Equivalent(Diagram):
    """One thing written in both libraries: a row of `EQUIVALENTS`.

    >>> from tensorref import interop
    >>> (row,) = interop.translate("np.stack").rows
    >>> row.numpy.code, row.torch.code
    ('np.stack([a, b], axis=0)', 'torch.stack([a, b], dim=0)')
    >>> row.inputs[0]
    'a = np.array([[1, -2, 3], [4, 5, -6]], np.float32)'

    Both forms give the same values, shape and dtype for `inputs`, converted to tensors for PyTorch, and for other dtypes,
    NaN and infinity too, but those in `outcomes`. What a careless translation would change stands in `differences`.
    """

    slug: str
    """What its address on the page ends in."""
    topic: str
    title: str
    numpy: Form
    """How NumPy writes it."""
    torch: Form
    """How PyTorch writes it."""
    differences: tuple[Difference, ...]
    """Where what looks alike is not the same."""
    outcomes: tuple[Outcome, ...]
    """The other inputs for which not both forms work and give the same; empty where none of those tried is one."""
    inputs: tuple[str, ...]
    """Code that makes what the forms use."""
    compares: Literal["values", "shape and dtype"]
    """What the two have in common; "shape and dtype" where values are random or arbitrary."""
    words: tuple[str, ...]
    """Keywords, operators and other words that a reader may look for."""
    entries: tuple[str, ...]
    """The functions of tensorref that belong to it."""

    @property
    def forms(self) -> tuple[Form, Form]:
        """NumPy's form and PyTorch's."""
        return self.numpy, self.torch

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: one a library, with code, memory and the form in place."""
        heading = (self.slug, "code", "memory", "in place")
        return (heading, *((form.library, form.code, form.memory, form.in_place or "-") for form in self.forms))

    def notes(self) -> tuple[str, ...]:
        """Return what it does, how the libraries differ, when memory is shared, for which inputs, and those of the code."""
        others = ", ".join(name for form in self.forms for name in form.names[1:])
        return (
            f"{self.title}; also {others}." if others else f"{self.title}.",
            *(
                f"{difference.how}\n    {difference.numpy}  # {difference.numpy_gives}"
                f"\n    {difference.torch}  # {difference.torch_gives}"
                for difference in self.differences
            ),
            *(
                f"{form.library} depends.\n    {form.cases[0]}  # view\n    {form.cases[1]}  # copy"
                for form in self.forms
                if form.cases
            ),
            *(f"As a copy: {form.out_of_place}" for form in self.forms if form.out_of_place),
            *(f"{form.code} needs {form.library} {form.since} or newer." for form in self.forms if form.since),
            *([" ".join(outcome.sentence for outcome in self.outcomes)] if self.outcomes else []),
            *(["\n    ".join(("With", *self.inputs))] if self.inputs else []),
        )


@dataclass(frozen=True)
class Translation(Diagram):
    """The rows that have a name, or why there are none: what `translate` returns.

    >>> from tensorref import interop
    >>> [row.slug for row in interop.translate("gather").rows]
    ['gather']

    A name that is gone, or is to go, says so:

    >>> interop.translate("np.float").gone
    "np.float was Python's own, and is gone since NumPy 1.24; write float."

    So does one that the other library has nothing for:

    >>> interop.translate("torch.cuda.synchronize").no_counterpart
    "torch.cuda has no counterpart: NumPy's arrays are in the memory of the CPU."
    """

    name: str
    rows: tuple[Equivalent, ...]
    gone: str | None = None
    """Since when the library has it no more or warns of it, and what to write, whose rows these are; None where it is
    there."""
    no_counterpart: str | None = None
    """Why the other library has nothing for it; None where there are rows."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What there is to say before the rows."""
        return tuple(said for said in (self.gone, self.no_counterpart) if said)

    def __str__(self) -> str:
        return "\n\n".join([*self.sentences, *map(str, self.rows)])

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences)
        return said + "".join(row._repr_html_() for row in self.rows)


def translate(name: str) -> Translation:
    """Return how the other library writes a name of NumPy or PyTorch, and what is a view, a copy or different.

    >>> from tensorref import interop
    >>> print(interop.translate("unsqueeze"))
    expand-dims                       code  memory         in place
    NumPy        np.expand_dims(x, axis=1)    view                -
    PyTorch                 x.unsqueeze(1)    view  x.unsqueeze_(1)
    * Insert an axis of size 1; also torch.unsqueeze.
    * With
        x = np.sin(np.arange(24, dtype=np.float32)).reshape(2, 3, 4)

    Parameters
    ----------
    name
        A function, a method or a keyword, in full or its last part, of either library: ``np.concatenate``,
        ``numpy.concatenate``, ``torch.cat``, ``Tensor.unsqueeze``, ``unsqueeze``, ``keepdims``.

    Returns
    -------
    :
        The rows that have the name, as data; ``print`` shows them as diagrams. Those whose code is a call of it come first,
        the shortest of them before the others. Where the other library has nothing, there are none, and a sentence says why.

    Raises
    ------
    UnknownNameError
        If no row has it; the error names those that look like it.
    TypeError
        If `name` is not a string.
    ValueError
        If `name` is longer than any name.

    Examples
    --------
    >>> interop.translate("np.concatenat")
    Traceback (most recent call last):
    ...
    tensorref.interop.UnknownNameError: name is 'np.concatenat', which no row of the dictionary has; did you mean np.concatenate, np.concat, torch.concatenate, np.conjugate?
    >>> print(interop.translate("np.bool8"))
    np.bool8 is gone since NumPy 2.0; write np.bool.
    """
    given: Any = name
    wanted = as_name(_spelled(given) if isinstance(given, str) else given)
    known, lost, alone = _known(), gone(), no_counterparts()
    last = wanted.rpartition(".")[2]
    homes = [home for home in itertools.accumulate(wanted.split("."), "{}.{}".format) if home in alone]
    whole = (full for full in (*lost, *alone) if full.rpartition(".")[2] == last)
    for key in (wanted, wanted.lower(), *homes[-1:], last, last.lower(), *whole):
        if key in lost:
            return Translation(
                name, known.get(lost[key].instead, ()) if "." in lost[key].instead else (), lost[key].sentence
            )
        if key in alone:
            return Translation(name, (), no_counterpart=alone[key])
        if rows := known.get(key):
            return Translation(name, rows)
    names = [key for key in (*known, *alone) if "." in key or "." not in wanted]
    lower = {key.lower(): key for key in names}
    matches = difflib.get_close_matches(wanted.lower(), lower, n=_MOST_MATCHES)
    alike = tuple(lower[match] for match in matches)
    fix = f"did you mean {', '.join(alike)}?" if alike else "EQUIVALENTS has them all"
    raise UnknownNameError(f"name is {quoted(name)}, which no row of the dictionary has; {fix}", alike)


@functools.cache
def equivalents() -> tuple[Equivalent, ...]:
    """Read the rows of all topics."""
    folder = resources.files(__name__)
    files = {topic: tomllib.loads((folder / f"{topic}.toml").read_text("utf-8")) for topic in TOPICS}
    return tuple(_row(slug, topic, **given) for topic, rows in files.items() for slug, given in rows.items())


class Gone(NamedTuple):
    """What to write in place of a name, and the sentence that says so."""

    instead: str
    sentence: str


def lists(name: str) -> dict[str, list[tuple[str, str]]]:
    """Read "gone" or "no-counterpart": names by what there is to say of them, each with what to write instead, or ""."""
    read = tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text("utf-8"))
    return {
        said: [*names.items()] if isinstance(names, dict) else [(each, "") for each in names]
        for said, names in read.items()
    }


@functools.cache
def gone() -> dict[str, Gone]:
    """Read the names that are gone or are to go."""
    return {
        name: Gone(instead, f"{name} {said}; write {instead}.")
        for said, names in lists("gone").items()
        for name, instead in names
    }


@functools.cache
def no_counterparts() -> dict[str, str]:
    """Read the names that the other library has nothing for, each with the sentence that says why."""
    return {
        name: f"{name} has no counterpart: {reason}."
        for reason, names in lists("no-counterpart").items()
        for name, _ in names
    }


def _row(  # noqa: PLR0913  these are the keys of a row in a file
    slug: str,
    topic: str,
    *,
    title: str,
    code: Sequence[str],
    names: Sequence[str],
    memory: Sequence[Memory],
    depends: Mapping[str, Sequence[str]] | None = None,
    in_place: Sequence[str] = ("", ""),
    out_of_place: Sequence[str] = ("", ""),
    since: Sequence[str] = ("", ""),
    inputs: Mapping[str, str] | None = None,
    differs: Sequence[Mapping[str, Any]] = (),
    outcomes: Mapping[Result, str] | None = None,
    compares: Literal["values", "shape and dtype"] = "values",
    words: Sequence[str] = (),
    entries: Sequence[str] = (),
) -> Equivalent:
    cases: dict[str, tuple[str, str]] = {library: (view, copy) for library, (view, copy) in (depends or {}).items()}

    def form(side: int, library: Literal["NumPy", "PyTorch"], key: str) -> Form:
        return Form(
            library=library,
            code=code[side],
            names=tuple(names[side].split()),
            memory=memory[side],
            cases=cases.get(key),
            in_place=in_place[side] or None,
            out_of_place=out_of_place[side] or None,
            since=since[side] or None,
        )

    return Equivalent(
        slug=slug,
        topic=topic,
        title=title,
        numpy=form(0, "NumPy", "numpy"),
        torch=form(1, "PyTorch", "torch"),
        differences=tuple(
            Difference(
                each["how"],
                each["example"][0],
                each["gives"][0],
                each["example"][1],
                each["gives"][1],
                each.get("until"),
            )
            for each in differs
        ),
        outcomes=tuple(Outcome(result, tuple(given.split(", "))) for result, given in (outcomes or {}).items()),
        inputs=_inputs(code, inputs or {}),
        compares=compares,
        words=tuple(words),
        entries=tuple(entries),
    )


def _inputs(code: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the names in the code stand for: those of the row, then the others as the code uses them."""
    used = re.findall(r"(?<![\w.])[a-z]+\b(?!\()", " ".join(code))
    known = {**INPUTS, **given}
    return tuple(f"{name} = {known[name]}" for name in dict.fromkeys((*given, *used)) if name in known)


def _full(name: str) -> str:
    return next((full + name.removeprefix(start) for start, full in _PREFIXES.items() if name.startswith(start)), name)


def _spelled(name: str) -> str:
    """Return a name as the rows write it."""
    name = str.strip(name).partition("(")[0]
    for other, ours in _SPELLINGS.items():
        if name.startswith(other):
            name = ours + name.removeprefix(other)
    return name


@functools.cache
def _known() -> dict[str, tuple[Equivalent, ...]]:
    """Return the rows by name, by the last part of a name, and by word; those whose code is a call of it come first."""
    known: dict[str, dict[str, Equivalent]] = {}
    for row in equivalents():
        for key in _keys(row):
            known.setdefault(key, {})[row.slug] = row
    return {key: tuple(sorted(rows.values(), key=lambda row: _distance(row, key))) for key, rows in known.items()}


def _distance(row: Equivalent, key: str) -> int:
    """Return how far the code of a row is from a call of a name and nothing else."""
    calls = [len(form.code) for form in row.forms if key in {form.names[0], form.names[0].rpartition(".")[2]}]
    return min(calls, default=sys.maxsize)


def _keys(row: Equivalent) -> Iterator[str]:
    yield from (row.slug, *row.words)
    for form in row.forms:
        inplace = [f"Tensor.{name}" for name in _IN_PLACE.findall(f"{form.code} {form.in_place}")]
        for name in (*form.names, *inplace):
            yield name
            yield name.rpartition(".")[2]
