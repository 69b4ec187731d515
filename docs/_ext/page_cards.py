"""What a search engine or a social network shows of a page: its description, and a card drawn here.

sphinxext-opengraph writes the tags and draws the cards with Matplotlib. It is loaded when the first page is written,
because Matplotlib takes a second that a build with nothing to write need not wait for.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders import Builder

LONGEST = 200
"""Characters; search engines cut off what is longer."""

WITHOUT_SOURCE = {
    "genindex": "Every name of tensorref in alphabetical order: modules, functions, classes and their attributes.",
    "search": "Search tensorref by a concept, an error message, or the name of a function in NumPy or PyTorch.",
    "py-modindex": "The modules of tensorref, one for each concept.",
}


def _describe(app: Sphinx, doctree: nodes.document) -> None:
    """Note the first paragraph of a page as its description."""
    paragraphs = (
        child
        for section in doctree.findall(nodes.section)
        for child in section.children
        if isinstance(child, nodes.paragraph) and "gallery-downloads" not in child["classes"]
    )
    if (first := next(paragraphs, None)) is not None:
        app.env.metadata[app.env.docname].setdefault("description", _shortened(" ".join(first.astext().split())))


def _shortened(text: str) -> str:
    """Return as many whole sentences as there is room for, or words where the first sentence is longer."""
    if len(text) <= LONGEST:
        return text
    sentences, dot, _ = text[:LONGEST].rpartition(". ")
    return sentences + "." if dot else text[: LONGEST - 1].rpartition(" ")[0] + "…"


def _load(app: Sphinx, _: Builder) -> None:
    from sphinxext import opengraph

    # Its own descriptions run on into the examples.
    opengraph.get_description = lambda *_: _description(app, app.builder.current_docname)
    app.setup_extension("sphinxext.opengraph")


def _description(app: Sphinx, docname: str) -> str:
    return WITHOUT_SOURCE.get(docname) or app.env.metadata[docname].get("description", "")


def _add_description(
    app: Sphinx, pagename: str, _: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    context["tagline"] = app.config.tagline
    if doctree is None and pagename in WITHOUT_SOURCE:
        context["metatags"] = context.get("metatags", "") + (
            f'<meta name="description" content="{WITHOUT_SOURCE[pagename]}">'
        )


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("tagline", "", "html", types=[str])
    app.connect("doctree-read", _describe)
    app.connect("write-started", _load)
    app.connect("html-page-context", _add_description)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
