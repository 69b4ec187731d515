"""How a page of the reference shows what the docstrings say.

A page begins with the first lines of its module; the example below them is for ``help``, and stands on the page at the
function that it calls. "See Also" is one line, by library. What is folded has no place in the table of contents.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from docutils import nodes
from from_package import counterparts
from sphinx import addnodes
from sphinx.application import Sphinx

LABELS = [*counterparts.LIBRARIES.values(), "Here"]


def _begin_page(_: Sphinx, what: str, name: str, __: object, ___: object, lines: list[str]) -> None:
    if what == "module" and name != "tensorref.exercises":  # which is no concept, and begins with a longer text
        del lines[next(number for number, line in enumerate(lines) if line.startswith(">>> ")) :]


def _place(item: Any) -> int:
    """Return which of the labels an item of "See Also" stands under."""
    library = next(item.findall(addnodes.pending_xref))["reftarget"].partition(".")[0]
    return LABELS.index(counterparts.LIBRARIES.get(library, "Here"))


def _see_also(found: addnodes.seealso) -> nodes.paragraph:
    """Return a line such as "NumPy: numpy.add (…) · PyTorch: torch.add (…)"."""
    line = nodes.paragraph(classes=["see-also"])
    items: list[Any] = sorted(found[0].children, key=_place)
    for library, group in groupby(items, _place):
        line += nodes.Text(f"{' · ' if len(line) else ''}{LABELS[library]}: ")
        for number, (term, definition) in enumerate(group):
            line += [nodes.Text(", " * (number > 0)), *term.children]
            if note := _without_owner(definition[0].children):
                line += [nodes.Text(" ("), *note, nodes.Text(")")]
    return line


def _without_owner(note: list[Any]) -> list[nodes.Node]:
    """Return a note without whose it is, which the line says, and without its full stop."""
    first, *rest = note
    if isinstance(first, nodes.Text):
        note = [nodes.Text(counterparts.WHOSE.sub("", first)), *rest]
    *rest, last = note
    if isinstance(last, nodes.Text):
        note = [*rest, nodes.Text(last.removesuffix("."))]
    return [part for part in note if part.astext()]


def _mend(_: Sphinx, doctree: nodes.document) -> None:
    for found in list(doctree.findall(addnodes.seealso)):
        if isinstance(found[0], nodes.definition_list) and isinstance(found.parent, addnodes.desc_content):
            found.replace_self(_see_also(found))
    for folded in doctree.findall(nodes.container):
        if folded.get("design_component") == "dropdown":
            for entry in folded.findall(addnodes.desc):
                entry["no-contents-entry"] = True


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _begin_page, priority=910)  # after all that is put around a docstring
    app.connect("doctree-read", _mend, priority=100)  # before Sphinx makes the table of contents
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
