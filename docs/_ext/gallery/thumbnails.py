"""Thumbnails: the first figure of each page of the gallery, small, for its card and for the entries that it uses."""

from __future__ import annotations

import base64
import posixpath
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image, ImageOps
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

INDEX = "gallery/index"
SIZE = (320, 240)
"""In pixels; half as many on the page, for the finer screens."""

logger = getLogger(__name__)


class Thumbnail(SphinxDirective):
    """The thumbnail of a page; a place for it, since the page may not have been read yet."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [thumbnail(docname=self.arguments[0])]


class thumbnail(nodes.General, nodes.Element):  # noqa: N801  nodes are in lower case
    """Where the thumbnail of the page `docname` goes."""


def _fill(app: Sphinx, doctree: nodes.document, _: str) -> None:
    """Put the thumbnails into the page itself, once all pages were read: a request for each would be slow on a phone."""
    for place in list(doctree.findall(thumbnail)):
        if "figure" not in app.env.metadata[place["docname"]]:
            logger.warning("examples/%s.py draws no figure for its card", posixpath.basename(place["docname"]))
            place.parent.remove(place)
            continue
        picture = Path(app.outdir, thumbnail_of(place["docname"])).read_bytes()
        uri = f"data:image/webp;base64,{base64.b64encode(picture).decode('ascii')}"
        # The card's title says what it is; the picture only decorates it.
        place.replace_self(nodes.image(uri=uri, candidates={"?": uri}, alt=""))


def thumbnail_of(docname: str) -> str:
    """Return where in the site the thumbnail of a page is."""
    return f"_images/thumbnails/{posixpath.basename(docname)}.webp"


def pages(env: BuildEnvironment) -> list[str]:
    """Return the pages of the gallery, in their order."""
    return env.toctree_includes.get(INDEX, [])


def _note_figure(app: Sphinx, doctree: nodes.document) -> None:
    if (figure := next(doctree.findall(nodes.image), None)) is not None:
        app.env.metadata[app.env.docname]["figure"] = figure["uri"]


def _draw(app: Sphinx, env: BuildEnvironment) -> None:
    """Write the thumbnails, but those that are there and of this very figure."""
    for docname in pages(env):
        if (uri := env.metadata[docname].get("figure")) is None:
            continue
        figure, small = Path(app.srcdir, uri), Path(app.outdir, thumbnail_of(docname))
        if small.exists() and small.stat().st_mtime >= figure.stat().st_mtime:
            continue
        small.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(figure) as image:
            flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
        ImageOps.pad(flat, SIZE, color="white").save(small, quality=60, method=6)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("thumbnail", Thumbnail)
    app.add_node(thumbnail)
    app.connect("doctree-resolved", _fill)
    app.connect("doctree-read", _note_figure, priority=600)  # after Sphinx has said where the figures are
    app.connect("env-updated", _draw)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
