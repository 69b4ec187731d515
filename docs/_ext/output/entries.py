"""How a page of the reference shows what the docstrings say.

A page begins with the first lines of its module; the example below them is for ``help``, and stands on the page at the
function that it calls. "See Also" is one line, by library. What is folded has no place in the table of contents.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch", "tensorref": "Here"}


def _begin_page(_: Sphinx, what: str, name: str, __: object, ___: object, lines: list[str]) -> None:
    if what == "module" and name != "tensorref.exercises":  # which is no concept, and begins with a longer text
        del lines[next(number for number, line in enumerate(lines) if line.startswith(">>> ")) :]


def _library(item: nodes.definition_list_item) -> str:
    name = next(item.findall(addnodes.pending_xref))["reftarget"].partition(".")[0]
    return name if name in {"numpy", "torch"} else "tensorref" if name != "jaxtyping" else name


def _see_also(found: addnodes.seealso) -> nodes.paragraph:
    """Return a line such as "NumPy: numpy.add (…) · PyTorch: torch.add (…)"."""
    order = ["numpy", "torch"]
    items = sorted(found[0].children, key=lambda item: (order + [_library(item)]).index(_library(item)))
    line = nodes.paragraph(classes=["see-also"])
    for library, group in groupby(items, _library):
        line += nodes.Text(f"{' · ' if len(line) else ''}{LIBRARIES.get(library, 'Also')}: ")
        for number, (term, definition) in enumerate(group):
            note = definition[0].children
            note[-1:] = [nodes.Text(note[-1].astext().removesuffix("."))] if isinstance(note[-1], nodes.Text) else note[-1:]
            line += [nodes.Text(", " * (number > 0)), *term.children, nodes.Text(" ("), *note, nodes.Text(")")]
    return line


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
