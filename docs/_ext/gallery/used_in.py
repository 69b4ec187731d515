"""Below each entry, the examples of the gallery that use it, with their figures."""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes
from links import code
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gallery import thumbnails


class used_in(nodes.General, nodes.Element):  # noqa: N801  nodes are in lower case
    """Where the examples that use the entry `entry` go."""


class UsedIn(SphinxDirective):
    """A place for the examples, which may not have been read yet."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [used_in(entry=self.arguments[0])]


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(used_in)):
        uses = code.uses(app.env, place["entry"])
        shown = [page for page in thumbnails.pages(app.env) if page in uses and page != docname]
        cards = "".join(_card(app, docname, page, uses[page]) for page in shown)
        listed = f'<p class="rubric">Used in</p>\n<ul class="used-in">{cards}</ul>\n'
        place.replace_self([nodes.raw("", listed, format="html")] if shown else [])


def _card(app: Sphinx, docname: str, page: str, section: str) -> str:
    """Return a link with a thumbnail, which is loaded when it comes into view."""
    width, height = (pixels // 2 for pixels in thumbnails.SIZE)
    root = "../" * docname.count("/")
    return (
        f'<li><a class="reference internal" href="{app.builder.get_relative_uri(docname, page)}#{section}">'
        f'<img src="{root}{thumbnails.thumbnail_of(page)}" width="{width}" height="{height}" loading="lazy" alt=""> '
        f"{html.escape(app.env.titles[page].astext())}</a></li>"
    )


def _append(_: Sphinx, __: str, name: str, ___: object, ____: object, lines: list[str]) -> None:
    """Let an entry end with the examples; its own code begins anew, for it imports what it uses."""
    lines[:0] = [".. autolink-concat:: on", ""]
    lines += ["", f".. used-in:: {name}", ""]


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.autodoc")
    app.add_node(used_in)
    app.add_directive("used-in", UsedIn)
    app.connect("doctree-resolved", _fill)
    app.connect("autodoc-process-docstring", _append, priority=890)  # after the sections have become paragraphs
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
