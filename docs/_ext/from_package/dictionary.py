"""The dictionary page: a table a topic, made from the rows of `tensorref.interop`, and a link from every entry to its rows.

``{dictionary} reshaping`` is the table of a topic, ``{dictionary} no-counterpart`` and ``{dictionary} gone`` those of names
that have no row; without one it is what the names in the code stand for.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tensorref import _dictionary
from tensorref._dictionary import Equivalent, Form

PAGE = "reference/dictionary"
FOLDER = Path(_dictionary.__file__).parent
_PACKAGE = "tensorref."


class Dictionary(SphinxDirective):
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        if not self.arguments:
            self.env.note_dependency(_dictionary.__file__)
            lines = ["import numpy as np", "import torch", ""]
            lines += [f"{name} = {code}" for name, code in _dictionary.INPUTS.items()]
            text = "\n".join(lines)
            return [nodes.literal_block(text, text, language="python")]
        (topic,) = self.arguments
        if topic in _LISTS:
            self.env.note_dependency(str(FOLDER / f"{topic}.toml"))
            return [_list(topic)]
        if topic not in _dictionary.TOPICS:
            raise self.error(f"topic is {topic!r}, which is none of {', '.join(_dictionary.TOPICS)}")
        self.env.note_dependency(str(FOLDER / f"{topic}.toml"))
        rows = [row for row in _dictionary.equivalents() if row.topic == topic]
        labels = self.env.get_domain("std")
        for row in rows:
            name = label(row)
            labels.anonlabels[name] = self.env.docname, row.slug
            labels.labels[name] = self.env.docname, row.slug, row.title
        return [_table(rows)]


def label(row: Equivalent) -> str:
    """Return what ``{ref}`` calls a row."""
    return f"dictionary-{row.slug}"


def _table(rows: list[Equivalent]) -> nodes.table:
    body = nodes.tbody("", *(line for row in rows for line in _lines(row)))
    head = nodes.thead("", nodes.row("", *(nodes.entry("", nodes.paragraph("", name)) for name in _HEADING)))
    return _columns(head, body, 26, 37, 37)


def _columns(head: nodes.thead, body: nodes.tbody, *widths: int) -> nodes.table:
    columns = [nodes.colspec(colwidth=width) for width in widths]
    columns[0]["stub"] = 1
    return nodes.table("", nodes.tgroup("", *columns, head, body, cols=len(widths)), classes=["dictionary"])


_HEADING = ("Task", "NumPy", "PyTorch")


def _list(topic: str) -> nodes.table:
    """Return the table of names that have no row: a line each thing that there is to say of some."""
    heading, names_heading = _LISTS[topic]
    head = nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in (heading, names_heading)))
    body = nodes.tbody()
    for said, names in _dictionary.lists(topic).items():
        parts: list[nodes.Node] = []
        for name, instead in names:
            parts += [nodes.Text(", ")] if parts else []
            parts += [nodes.literal("", name)]
            parts += [nodes.Text(" → "), nodes.literal("", instead)] if instead else []
        about = nodes.paragraph("", said[0].upper() + said[1:])
        line = nodes.row("", nodes.entry("", about), nodes.entry("", nodes.paragraph("", "", *parts)))
        line["ids"] = [f"{topic}-{nodes.make_id(names[0][0])}"]
        body += line
    return _columns(nodes.thead("", head), body, 26, 74)


_LISTS = {"no-counterpart": ("Reason", "Names"), "gone": ("What became of it", "Names, and what to write")}


def _lines(row: Equivalent) -> Iterator[nodes.row]:
    """Return the lines of a row: what it does, each difference, and the inputs for which not both do it."""
    title = nodes.paragraph("", "", nodes.reference("", row.title, refid=row.slug), classes=["dictionary-title"])
    about: list[nodes.Node] = [title]
    about += [
        nodes.paragraph("", "", nodes.literal("", line))
        for line in row.inputs
        if line not in {f"{name} = {code}" for name, code in _dictionary.INPUTS.items()}
    ]
    if row.entries:
        links = [_link(f"{_PACKAGE}{entry}", f"{entry}()") for entry in row.entries]
        about.append(nodes.paragraph("", "", nodes.Text("tensorref: "), *_joined(links)))
    words = html.escape(" ".join(row.words))
    about.append(nodes.raw("", f"<span hidden>{words}</span>", format="html"))
    yield nodes.row("", nodes.entry("", *about), *map(_form, row.forms), ids=[row.slug])
    for difference in row.differences:
        sides = ((difference.numpy, difference.numpy_gives), (difference.torch, difference.torch_gives))
        shown = (nodes.entry("", *_shown(code, gives)) for code, gives in sides)
        yield nodes.row(
            "", nodes.entry("", nodes.paragraph("", difference.how)), *shown, classes=["dictionary-difference"]
        )
    if row.outcomes:
        text = " ".join(outcome.sentence for outcome in row.outcomes)
        label = nodes.entry("", nodes.paragraph("", "Other inputs"))
        said = nodes.entry("", nodes.paragraph("", text), morecols=1)
        yield nodes.row("", label, said, classes=["dictionary-outcomes"])


def _form(form: Form) -> nodes.entry:
    code = nodes.paragraph("", "", nodes.literal("", form.code))
    memory = nodes.paragraph("", "", nodes.strong("", form.memory))
    cases = [
        nodes.paragraph("", "", nodes.Text(f"{word} "), nodes.literal("", case))
        for word, case in zip(("view", "copy"), form.cases or (), strict=False)
    ]
    if form.in_place:
        memory += [nodes.Text("; in place "), nodes.literal("", form.in_place)]
    if form.out_of_place:
        memory += [nodes.Text("; as a copy "), nodes.literal("", form.out_of_place)]
    if form.since:
        memory += nodes.Text(f"; since {form.library} {form.since}")
    first, *others = form.names
    names = [_link(form.documented[0], first), *(nodes.literal("", name) for name in others)]
    return nodes.entry("", code, memory, *cases, nodes.paragraph("", "", *_joined(names), classes=["dictionary-names"]))


def _shown(code: str, gives: str) -> list[nodes.Node]:
    error = gives.removeprefix("raises ")
    outcome = [nodes.Text("gives " if error == gives else "raises "), nodes.literal("", error)]
    return [nodes.paragraph("", "", nodes.literal("", code)), nodes.paragraph("", "", *outcome)]


def _link(target: str, text: str) -> addnodes.pending_xref:
    return addnodes.pending_xref(
        "", nodes.literal("", text), refdomain="py", reftype="obj", reftarget=target, refexplicit=True
    )


def _joined(parts: list[nodes.Node]) -> list[nodes.Node]:
    return [node for part in parts for node in (nodes.Text(", "), part)][1:]


@cache
def _entries() -> dict[str, list[Equivalent]]:
    """Return the rows of every function of tensorref that has some."""
    found: dict[str, list[Equivalent]] = {}
    for row in _dictionary.equivalents():
        for entry in row.entries:
            found.setdefault(f"{_PACKAGE}{entry}", []).append(row)
    return found


def _append(app: Sphinx, _: str, name: str, __: object, ___: object, lines: list[str]) -> None:
    """Let an entry end with links to its rows."""
    if name.startswith(_PACKAGE):
        for topic in _dictionary.TOPICS:  # any of them can name the entry one day
            app.env.note_dependency(str(FOLDER / f"{topic}.toml"))
    if rows := _entries().get(name):
        links = ", ".join(f":ref:`{row.title} <{label(row)}>`" for row in rows)
        lines += ["", f"In the dictionary: {links}.", ""]


def _assets(app: Sphinx, name: str, *_: object) -> None:
    if name == PAGE:
        app.add_css_file("dictionary.css")
        app.add_js_file("dictionary.js", type="module")


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("dictionary", Dictionary)
    # After numpydoc's sections have become paragraphs.
    app.connect("autodoc-process-docstring", _append, priority=900)
    app.connect("html-page-context", _assets)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
