"""The thumbnail of each example: on its card in the overview, and below each entry that the example uses."""

from __future__ import annotations

import base64
import html
import posixpath
from pathlib import Path
from typing import Any

from docutils import nodes
from gallery_panel import MIME, SIZE
from links import code
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

INDEX = "gallery/index"
MOST_PICTURES = 3
"""How many thumbnails a list of examples asks for; each is a request."""
logger = getLogger(__name__)


class place(nodes.General, nodes.Element):  # noqa: N801  nodes are in lower case
    """Where the thumbnail of a page goes, or the examples that use an entry; its `kind` is the name of the directive."""


class Place(SphinxDirective):
    """What goes there is known when all pages were read."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [place(kind=self.name, of=self.arguments[0])]


def _fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for empty in list(doctree.findall(place)):
        put = _thumbnail if empty["kind"] == "thumbnail" else _used_in
        empty.replace_self(put(app, empty["of"], docname))


def _thumbnail(app: Sphinx, page: str, _: str) -> list[nodes.Node]:
    """Return a picture that stands in the page itself: a request for each would be slow on a phone."""
    if (picture := app.env.metadata[page].get("thumbnail")) is None:
        logger.warning("examples/%s.py draws no figure for its card", posixpath.basename(page))
        return []
    uri = f"data:{MIME};base64,{picture}"
    # The card's title says what it is; the picture only decorates it.
    return [nodes.image(uri=uri, candidates={"?": uri}, alt="")]


def _used_in(app: Sphinx, entry: str, docname: str) -> list[nodes.Node]:
    """Return links, the first of them with thumbnails, which are loaded when they come into view."""
    uses = code.uses(app.env, entry)
    width, height = (pixels // 2 for pixels in SIZE)
    root = "../" * docname.count("/")
    users = [page for page in pages(app.env) if page in uses and page != docname]
    pictures = {
        page: f'<img src="{root}{thumbnail_of(page)}" width="{width}" height="{height}" loading="lazy" alt=""> '
        for page in users[:MOST_PICTURES]
    }
    cards = "".join(
        f'<li><a class="reference internal" href="{app.builder.get_relative_uri(docname, page)}#{uses[page]}">'
        f"{pictures.get(page, '')}{html.escape(app.env.titles[page].astext())}</a></li>"
        for page in users
    )
    listed = f'<p class="rubric">Used in</p>\n<ul class="used-in">{cards}</ul>\n'
    return [nodes.raw("", listed, format="html")] if cards else []


def _append(_: Sphinx, __: str, name: str, ___: object, ____: object, lines: list[str]) -> None:
    """Let an entry end with the examples that use it; its own code begins anew, for it imports what it uses."""
    summary = lines.index("") if "" in lines else len(lines)  # which autosummary takes from what stands first
    lines[summary:summary] = ["", ".. autolink-concat:: on"]
    lines += ["", f".. used-in:: {name}", ""]


def thumbnail_of(docname: str) -> str:
    """Return where in the site the thumbnail of a page is."""
    return f"_images/thumbnails/{posixpath.basename(docname)}.webp"


def pages(env: BuildEnvironment) -> list[str]:
    """Return the pages of the gallery, in their order."""
    return env.toctree_includes.get(INDEX, [])


def _write(app: Sphinx, env: BuildEnvironment) -> None:
    """Write the thumbnails, but those that are there already."""
    for docname in pages(env):
        if (picture := env.metadata[docname].get("thumbnail")) is None:
            continue
        file, content = Path(app.outdir, thumbnail_of(docname)), base64.b64decode(picture)
        if not file.exists() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.autodoc")
    app.add_node(place)
    app.add_directive("thumbnail", Place)
    app.add_directive("used-in", Place)
    app.connect("autodoc-process-docstring", _append, priority=890)  # after the sections have become paragraphs
    app.connect("env-updated", _write)
    app.connect("doctree-resolved", _fill)
    return {"version": "1", "env_version": 3, "parallel_read_safe": True, "parallel_write_safe": True}
