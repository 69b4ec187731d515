"""What a search engine or a social network shows of a page: its description, and a card drawn here.

sphinxext-opengraph writes the tags and draws the cards with Matplotlib. It is loaded when the first page is written,
because Matplotlib takes a second that a build with nothing to write need not wait for.
"""

from __future__ import annotations

import html
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
        text = _shortened(" ".join(first.astext().split()))
        # By itself sphinxext-opengraph runs on into the examples.
        told = {"description": text, "og:description": text, "og:image:alt": text, "ogp_description_length": len(text)}
        app.env.metadata[app.env.docname] |= told | app.env.metadata[app.env.docname]


def _shortened(text: str) -> str:
    """Return as many whole sentences as there is room for, or words where the first sentence is longer."""
    if len(text) <= LONGEST:
        return text
    sentences, dot, _ = text[:LONGEST].rpartition(". ")
    return sentences + "." if dot else text[: LONGEST - 1].rpartition(" ")[0] + "…"


def _load(app: Sphinx, _: Builder) -> None:
    app.setup_extension("sphinxext.opengraph")


def _add_description(app: Sphinx, pagename: str, _: str, context: dict[str, Any], __: nodes.document | None) -> None:
    context["tagline"] = app.config.tagline
    if text := WITHOUT_SOURCE.get(pagename) or app.env.metadata[pagename].get("description"):
        context["metatags"] = context.get("metatags", "") + f'<meta name="description" content="{html.escape(text)}">'


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("tagline", "", "html", types=[str])
    app.connect("doctree-read", _describe)
    app.connect("write-started", _load)
    app.connect("html-page-context", _add_description, priority=400)  # sphinxext-opengraph adds one where there is none
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
