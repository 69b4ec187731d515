"""What the search shows first: entries by what they say, so that it finds a task in any words and a pasted error.

Sphinx finds pages that have every word. An entry is smaller: a function, a row of the dictionary, an exercise, an error, a
section. They stand in one file, which the page of the search asks for; ``entries.js`` ranks them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from provenance import record
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from from_package import counterparts, dictionary
from from_package.errors import FOLDER as MESSAGES
from from_package.exercises import FOLDER as EXERCISES
from tensorref import CONCEPTS, _dictionary, errors
from tensorref.errors import Entry as Message
from tensorref.errors import _matching

FILE = "entries.json"
PITFALLS, NOTHING = "reference/pitfalls", "nothing; "
"""The page with a table of what goes wrong, each with a link to its section, and how a row begins that has no message."""
SYNONYMS = {
    "7b": "nbytes parameter budget",
    "bf16": "bfloat16 nbytes",
    "fp16": "float16",
    "fp32": "float32",
    "cuda": "device gpu",
    "gpu": "device accelerator",
    "time": "measure compare",
    "slow": "measure compare",
    "formula": "softmax norm attention",
    "oom": "memory bytes",
    "dim": "axis",
    "heads": "padding attention",
    "kv": "caches",
    "rope": "rotary rotate",
    "rotary": "rotate",
    "memory": "bytes budget",
}
"""What a reader may write, and the words that our entries have for it."""
_QUIET = {"attribute", "property", "method"}


class Entry(NamedTuple):
    """An entry of the search; its words are found too, and not shown."""

    title: str
    address: str
    kind: str
    says: str = ""
    words: str = ""


def _keep(_: Sphinx, env: BuildEnvironment) -> list[str]:
    """Keep what docstrings and exercises say until the package changes; to import it all takes long."""
    digest = record.package(record.ROOT)
    if getattr(env, "said_of", None) != digest:
        env.said, env.said_of = dict(_said()), digest  # type: ignore[attr-defined]
    return []


def _said() -> Iterator[tuple[str, str]]:
    """Yield each public name with what its docstring says of it, and each exercise with its task."""
    for name, docstring in counterparts.docstrings():
        yield name, " ".join(docstring.partition("\n\n")[0].split())
    from tensorref import exercises

    for name in exercises.names():
        yield f"exercise-{name}", exercises.get(name).task


def _note_silent(app: Sphinx, doctree: nodes.document) -> None:
    """Note the mistakes that raise nothing, each with the place that its row links to."""
    if app.env.docname == PITFALLS:
        rows = (row for row in doctree.findall(nodes.row) if len(row) > 1 and not isinstance(row.parent, nodes.thead))
        linked = ((row[0].astext(), next(row[1].findall(nodes.reference), None)) for row in rows)
        found = [
            (text, str(link.get("refid") or link.get("refuri", "").lstrip("#")))
            for text, link in linked
            if link is not None and text.startswith(NOTHING)
        ]
        app.env.metadata[PITFALLS]["silent"] = found


def entries(app: Sphinx) -> Iterator[Entry]:
    """Yield all entries of the site."""
    env, address = app.env, app.builder.get_target_uri
    said: dict[str, str] = env.said  # type: ignore[attr-defined]
    theirs: dict[str, list[str]] = {}
    for one in env.counterparts:  # type: ignore[attr-defined]
        theirs.setdefault(one.target, []).append(one.name)
    for name, entry in sorted(env.domains.python_domain.objects.items(), key=_place):
        if not entry.aliased:
            kind = "attribute" if entry.objtype in _QUIET else entry.objtype
            at = f"{address(entry.docname)}#{entry.node_id}"
            yield Entry(name.removeprefix("tensorref."), at, kind, said.get(name, ""), " ".join(theirs.get(name, ())))
    for row in _dictionary.equivalents():
        codes = " · ".join(form.code for form in row.forms)
        names = " ".join(name for form in row.forms for name in form.names)
        words = f"{names} {row.topic} numpy pytorch {' '.join(row.words)}"
        yield Entry(row.title, f"{address(dictionary.PAGE)}#{row.slug}", "dictionary", codes, words)
    for text, anchor in env.metadata[PITFALLS].get("silent", ()):
        yield Entry(text.removeprefix(NOTHING), f"{address(PITFALLS)}#{anchor}", "wrong result")
    yield from map(_of_message, errors.entries())
    for page, title in env.titles.items():
        if (name := page.removeprefix(f"{EXERCISES}/")) != page and name != "index":
            yield Entry(name, address(page), "exercise", said.get(f"exercise-{name}", ""))
            continue
        yield Entry(title.astext(), address(page), "page", env.metadata[page].get("description", ""))
        if not page.startswith(f"{MESSAGES}/"):
            yield from _sections(env, page, address(page))


def _place(named: tuple[str, object]) -> int:
    """Return where the concept of a name stands in the course: of two that say as much, the earlier one comes first."""
    concept = named[0].removeprefix("tensorref.").partition(".")[0]
    return CONCEPTS.index(concept) if concept in CONCEPTS else len(CONCEPTS)


def _of_message(message: Message) -> Entry:
    words = " ".join([*_matching.FIELD.sub(" ", " ".join(message.older)).split(), message.type])
    return Entry(message.text(), message.page, "error", message.causes[0], words)


def _sections(env: BuildEnvironment, page: str, address: str) -> Iterator[Entry]:
    for link in env.tocs[page].findall(nodes.reference):
        anchor = link.get("anchorname", "")
        if anchor and not anchor.startswith("#tensorref."):
            yield Entry(link.astext(), f"{address}{anchor}", "section", f"in {env.titles[page].astext()}")


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        text = json.dumps({"synonyms": SYNONYMS, "entries": [*entries(app)]}, ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, FILE).write_text(re.sub(r"\s+", " ", text), "utf-8")


def _add_script(app: Sphinx, page: str, *_: object) -> None:
    if page == "search":
        app.add_js_file("entries.js", type="module")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", _note_silent)
    app.connect("env-updated", _keep)
    app.connect("html-page-context", _add_script)
    app.connect("build-finished", _write)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
