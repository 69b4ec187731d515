"""What machines read of the site: each page as Markdown, ``llms.txt``, a sitemap, ``robots.txt``.

The Markdown is made of the finished page, so that it holds docstrings, outputs and tables, which the sources only name.
The lists name every page, also after a build that wrote only some: sphinx-sitemap lists what a build wrote,
sphinx-llms-txt goes by the sources, and sphinx-llm builds everything a second time.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

SECTIONS = {
    "reference/": "Reference, in the order of the course",
    "gallery/": "Gallery: scripts to copy",
    "exercises/": "Exercises: tasks with a checker",
    "errors/": "Error messages: causes and mends",
    "": "More",
}
"""How ``llms.txt`` groups the pages, by how their names begin."""


_CODE, _COLORS = re.compile(r"<pre.*?</pre>", re.DOTALL), re.compile(r"</?span[^>]*>")
_SHAPES = re.compile(r"(?<=</desc>).*?(?=</svg>)", re.DOTALL)


def _write_markdown(
    app: Sphinx, pagename: str, _: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if doctree is None or app.builder.name != "html":
        return
    name = _markdown_name(app, pagename)
    Path(app.outdir, name).parent.mkdir(parents=True, exist_ok=True)
    Path(app.outdir, name).write_text(markdown(context["body"]), "utf-8")
    link = (
        f'<link rel="alternate" type="text/markdown" title="This page as Markdown" href="{posixpath.basename(name)}">'
    )
    context["metatags"] = context.get("metatags", "") + link


def markdown(body: str) -> str:
    """Return the body of a page as Markdown."""
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    class Converter(MarkdownConverter):
        """Writes math as it was written and what a picture shows, and knows which code is Python."""

        def convert_math(self, element: Any, text: str, parent_tags: set[str]) -> str:
            mark = "$$" if element.get("display") == "block" else "$"
            return f"{mark}{element.get('alttext', text)}{mark}"

        def convert_svg(self, element: Any, text: str, parent_tags: set[str]) -> str:
            said = (element.find(part) for part in ("title", "desc"))
            return f"\n\n{' '.join(part.get_text() for part in said if part is not None) or text}\n\n"

        def convert_dt(self, element: Any, text: str, parent_tags: set[str]) -> str:
            if "sig" in element.get("class", []):
                return f"\n\n`{' '.join(element.get_text().split())}`\n"
            return super().convert_dt(element, text, parent_tags)

    # The colors of code are three quarters of its tags; of a picture, what says what it shows is all that is read.
    plain = _SHAPES.sub("", _CODE.sub(lambda block: _COLORS.sub("", block[0]), body))
    soup = BeautifulSoup(plain, "html.parser")
    for needless in soup.select("a.headerlink, .viewcode-link, script, style, img[alt=''], [hidden]"):
        needless.decompose()
    converter = Converter(heading_style="ATX", bullets="-", code_language_callback=_language, escape_misc=False)
    lines = converter.convert_soup(soup).strip().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _language(block: Any) -> str:
    outer = block.find_parent(class_="highlight")
    classes = " ".join(outer.parent.get("class", [])) if outer is not None and outer.parent is not None else ""
    return next(
        (word.removeprefix("highlight-") for word in classes.split() if word.startswith("highlight-")), ""
    ).replace("default", "python")


def _write_lists(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    pages = _in_order(app.env)
    _write(app, "llms.txt", _llms(app, pages))
    _write(app, "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {_address(app, 'sitemap.xml')}\n")
    root = ET.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for page in pages:
        url = ET.SubElement(root, "url")
        ET.SubElement(url, "loc").text = _address(app, app.builder.get_target_uri(page))
    ET.indent(root)
    _write(app, "sitemap.xml", ET.tostring(root, "unicode", xml_declaration=True) + "\n")


def _llms(app: Sphinx, pages: list[str]) -> str:
    """Return the list of pages in the format of https://llmstxt.org."""
    said = {page: app.env.metadata[page].get("description", "") for page in pages}
    root = app.config.root_doc
    text = f"# {app.config.project}\n\n> {said[root]}\n"
    left = [page for page in pages if page != root]
    for beginning, title in SECTIONS.items():
        chosen = [page for page in left if page.startswith(beginning)]
        left = [page for page in left if page not in chosen]
        items = (
            f"- [{app.env.titles[page].astext()}]({_address(app, _markdown_name(app, page))}): {said[page]}\n"
            for page in chosen
        )
        text += f"\n## {title}\n\n{''.join(items)}"
    return text


def _in_order(env: BuildEnvironment) -> list[str]:
    """Return the pages in the order of the tables of contents."""
    order: list[str] = []

    def visit(page: str) -> None:
        if page not in order:
            order.append(page)
            for below in env.toctree_includes.get(page, ()):
                visit(below)

    visit(env.config.root_doc)
    return [*order, *sorted(env.found_docs - {*order})]


def _markdown_name(app: Sphinx, page: str) -> str:
    return f"{app.builder.get_target_uri(page)}.md"


def _address(app: Sphinx, name: str) -> str:
    return urljoin(app.config.html_baseurl, name)


def _write(app: Sphinx, name: str, text: str) -> None:
    Path(app.outdir, name).write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", _write_markdown, priority=450)  # before code gets its links
    app.connect("build-finished", _write_lists)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
