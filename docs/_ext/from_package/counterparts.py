"""What NumPy and PyTorch call it: an index by their names, and their names as terms of the search.

The source is the section "See Also" of each docstring: a line there that names something of NumPy or PyTorch is a
counterpart. `harvest` gives them all, for the index and for the search.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, cast

import private_parts
from docutils import nodes
from numpydoc.docscrape import NumpyDocString
from provenance import record
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

import tensorref

PACKAGE = Path(tensorref.__file__).parent
LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch"}
WHOSE = re.compile(r"^(?:NumPy|PyTorch)['’]s(?: own| name for it)?(?:[,;:] |\.?$)")
"""How a note begins that first says whose it is, which stands beside it wherever it is shown."""
SHORT = {"numpy.": "np.", "torch.nn.functional.": "F."}
"""How code begins the names of a library."""


@dataclass(frozen=True)
class Counterpart:
    """What a library has for what an entry does."""

    name: str
    """Its full name, such as ``torch.Tensor.view``."""
    library: Literal["numpy", "torch"]
    target: str
    """The full name of our entry."""
    note: str
    """In which way it is the same or differs, as reStructuredText."""

    @property
    def terms(self) -> set[str]:
        """What a reader may type to find it: the name, each end of it, and how code begins it."""
        parts = self.name.split(".")
        ends = {".".join(parts[start:]) for start in range(len(parts))}
        return ends | {self.name.replace(long, short, 1) for long, short in SHORT.items() if self.name.startswith(long)}


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the full name and the docstring of each public function and class."""
    for concept in tensorref.CONCEPTS:
        module = importlib.import_module(f"tensorref.{concept}")
        for name in module.__all__:
            entry = getattr(module, name)
            if inspect.isroutine(entry) or inspect.isclass(entry):
                yield f"tensorref.{concept}.{name}", inspect.getdoc(entry) or ""


def harvest() -> Iterator[Counterpart]:
    """Yield the counterparts that the docstrings name."""
    for name, docstring in docstrings():
        yield from named_by(name, docstring)


def named_by(target: str, docstring: str) -> Iterator[Counterpart]:
    """Yield the counterparts that one docstring names."""
    for names, note in NumpyDocString(docstring)["See Also"]:
        for name, _ in names:
            library = name.partition(".")[0]
            if library in LIBRARIES:
                yield Counterpart(name, cast("Any", library), target, " ".join(note))


class Counterparts(SphinxDirective):
    """The names of a library in a table, by their last part, each with our entries."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (library,) = self.arguments
        if library not in LIBRARIES:
            raise self.error(f"counterparts of {library!r}: write {' or '.join(LIBRARIES)}")
        for source in PACKAGE.glob("*.py"):
            self.env.note_dependency(str(source))
        found = sorted((one for one in harvest() if one.library == library), key=_by_last_part)
        grouped = [(name, list(entries)) for name, entries in groupby(found, key=lambda one: one.name)]
        lines = [
            f".. list-table::\n   :class: counterparts\n   :header-rows: 1\n   :widths: 2 3\n\n   * - {LIBRARIES[library]}\n     - Entry here, and how what the library has compares with it"
        ]
        for name, entries in grouped:
            here = "\n       | ".join(
                f":py:obj:`{entry.target.removeprefix('tensorref.')} <{entry.target}>`"
                + (
                    f" (in {LIBRARIES[library]}: {note})"
                    if (note := WHOSE.sub("", entry.note).removesuffix("."))
                    else ""
                )
                for entry in entries
            )
            lines.append(f"   * - :py:obj:`{name}`\n     - | {here}")
        parsed = self.parse_text_to_nodes("\n".join(lines) + "\n")
        for row, (name, _) in zip(list(parsed[0].findall(nodes.row))[1:], grouped, strict=True):
            row["ids"].append(name)
        return parsed


def _by_last_part(one: Counterpart) -> tuple[str, str, str]:
    return one.name.rpartition(".")[2].casefold(), one.name, one.target


def _keep(_: Sphinx, env: BuildEnvironment) -> list[str]:
    """Keep what the docstrings name until the package changes: to import it all takes longer than the rest of a build."""
    digest = record.package(PACKAGE.parent)
    if getattr(env, "counterparts_of", None) != digest:
        env.counterparts, env.counterparts_of = [*harvest()], digest  # type: ignore[attr-defined]
    return []


def _add_terms(app: Sphinx) -> list[Any]:
    """Add the names to the search, where Sphinx keeps those of index entries; the index of all names stays ours.

    Index entries in the pages would be lost: Sphinx forgets those of each page that a build does not write.
    """
    entries = app.env.domains.python_domain.objects
    terms: dict[str, list[tuple[str, str, str]]] = {}
    known = private_parts.search_terms(app)
    for one in app.env.counterparts if known is not None else ():  # type: ignore[attr-defined]
        if one.target in entries:
            found = terms.setdefault(entries[one.target].docname, [])
            found += [(term, one.target, "main") for term in sorted(one.terms)]
    for page, found in terms.items():
        known[page] = [*known.get(page, ()), *found]  # type: ignore[index]
    return []


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("counterparts", Counterparts)
    app.connect("env-updated", _keep)
    app.connect("html-collect-pages", _add_terms)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
