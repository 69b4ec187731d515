"""The directive ``{picture}``: the picture of an explanation, which a call in its argument gives.

The call is read, and never evaluated as code: it names one of `CALLS`. In HTML the picture stands within the page; where a
builder shows images, it is one; elsewhere stands the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import sphinx.application
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

from tensorref import _words
from tensorref._arguments import quoted
from tensorref._explanation import Illustrated
from tensorref.sphinxext import calls
from tensorref.sphinxext.calls import CALLS
from tensorref.sphinxext.explorer import (
    SHARED,
    RuleDirective,
    depart_man,
    files_of,
    finished,
    is_site,
    translation,
    visit_man,
)

__all__ = ["CALLS", "Picture", "PictureDirective", "setup_pictures"]

_SVG = "image/svg+xml"


class Picture(nodes.container):
    """Holds the table and its notes, for builders that draw no picture, and the picture as SVG."""


class PictureDirective(RuleDirective):
    """Shows what an explanation draws: ``{picture} broadcasting.explain((4, 1), (1, 3))``."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = {
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Build the node, or refuse the argument with the place where it stands."""
        catalogs = self.catalogs()
        with _words.translated(translation(catalogs).gettext):
            module, explanation = self.read()
            files = (file for part in (*SHARED, module) for file in files_of(part))
            for source in (__file__, str(calls.__file__), *files, *catalogs):
                self.env.note_dependency(source)
            title = self.options.get("alt") or explanation.described()[0]
            name = self.picture_name()
            picture = Picture(
                "",
                *finished(title, explanation.table(), explanation.notes()),
                svg=explanation.svg(name, title),
                alt=f"{title} {explanation.described()[1]}",
                file=name,
                classes=self.options.get("class", []),
            )
        return self.placed(picture)

    def read(self) -> tuple[ModuleType, Illustrated]:
        """Return the explanation that the argument asks for, and the module that gives it."""
        text = self.arguments[0]
        try:
            return calls.read_call(text)
        except calls.CallTextError as error:
            raise self.error(f"the argument of {self.name} is {quoted(text)}{error}") from None


class _PictureImages(SphinxPostTransform):
    """Puts an image into each picture, before the converters of images look for what the builder cannot show."""

    default_priority = 150

    def run(self, **_options: Any) -> None:
        """Write the files, beside those that converters write."""
        for picture in self.document.findall(Picture):
            path = Path(self.env.doctreedir, "images", f"{picture['file']}.svg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_of_its_own(picture["svg"]), encoding="utf-8")
            self.env.images.add_file(self.env.docname, str(path))
            image = nodes.image("", uri=str(path), candidates={_SVG: str(path)}, alt=picture["alt"])
            picture.insert(0, image)


def setup_pictures(app: sphinx.application.Sphinx) -> None:
    """Add the directive, and its style to the pages that use it."""
    app.add_directive("picture", PictureDirective)
    # Other builders fall back to how they show a container, which is what `Picture` derives from.
    app.add_node(Picture, html=(_visit_html, _depart_html), man=(visit_man, depart_man))
    app.connect("builder-inited", _add_images)
    app.connect("html-page-context", _add_style)


def _add_images(app: sphinx.application.Sphinx) -> None:
    """Have an image or the table where pictures do not stand within a page."""
    if not is_site(app.builder):
        if app.builder.supported_image_types:
            app.add_post_transform(_PictureImages)
        app.connect("doctree-resolved", _choose)


def _choose(app: sphinx.application.Sphinx, doctree: nodes.document, _docname: str) -> None:
    """Keep the image of a picture if the builder shows it as it is or as a converter made it, and else the table."""
    for picture in doctree.findall(Picture):
        images = [part for part in picture.children if isinstance(part, nodes.image)]
        shown = [image for image in images if {*image["candidates"]} & {*app.builder.supported_image_types}]
        picture.children = [*(shown or picture.children[len(images) :])]
        for attribute in ("svg", "alt", "file"):
            del picture[attribute]


def _of_its_own(svg: str) -> str:
    """Return a picture as an image that knows nothing of a page: with its own colors, on white."""
    left, top, width, height = re.search('viewBox="(.+?)"', svg)[1].split()  # type: ignore[index]
    plain = re.sub(r"var\(--tensorref-hue-\d,(#\w+)\)", r"\1", svg).replace("currentColor", "#000")
    return plain.replace("<g ", f'<path d="M{left} {top}h{width}v{height}h-{width}z" fill="#fff"/><g ', 1)


def _visit_html(translator: HTML5Translator, node: Picture) -> None:
    if not is_site(translator.builder):
        translator.visit_container(node)
        return
    translator.body.append(f"{translator.starttag(node, 'div', '', CLASS='tensorref-figure')}{node['svg']}</div>\n")
    raise nodes.SkipNode


def _depart_html(translator: HTML5Translator, node: Picture) -> None:
    translator.depart_container(node)


def _add_style(
    app: sphinx.application.Sphinx,
    _pagename: str,
    _templatename: str,
    _context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    if doctree and is_site(app.builder) and next(iter(doctree.findall(Picture)), None):
        app.add_css_file("tensorref/explorer.css")
