"""What Sphinx and the theme leave to be wished of their HTML.

A code block, a table or a formula that is wider than the screen is scrolled with the keyboard; the heading of the page belongs to no
section of it; a caption in the sidebar is a heading with a level; and no paragraph holds a block, such as the list in a
parameter's description. Math is MathML, which browsers
draw by themselves: no script, no font, nothing from another host.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

import private_parts
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

MENDED = {
    r"<pre>": '<pre tabindex="0">',
    r'<div class="(?=(?:table|math)-wrapper )': '<div tabindex="0" class="',  # of furo
    r"<(title|desc) id=": r'<\1 class="nohighlight" id=',  # of a picture, in which Sphinx cannot mark what was searched for
    r"<section\b(.*)</section>": r"<div\1</div>",  # the first and the last, which are those of the page
}


def _mend_html(_: Sphinx, __: str, ___: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is not None:
        for pattern, mended in MENDED.items():
            context["body"] = re.sub(pattern, mended, context["body"], flags=re.DOTALL)


def _mend_navigation(_: Sphinx, __: str, ___: str, context: dict[str, Any], ____: nodes.document | None) -> None:
    tree = context.get("furo_navigation_tree")  # which another theme has not
    if tree is not None:
        context["furo_navigation_tree"] = tree.replace(' role="heading">', ' role="heading" aria-level="2">')


def _is_block(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Body) and not isinstance(node, nodes.Inline)


def _mend_paragraphs(_: Sphinx, doctree: nodes.document, __: str) -> None:
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if any(map(_is_block, paragraph)):
            parts: list[nodes.Node] = []
            for are_blocks, children in groupby(paragraph.children, _is_block):
                if are_blocks:
                    parts += children
                else:
                    parts.append(nodes.paragraph("", "", *children))
            paragraph.replace_self(parts)


def _write_math(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    # As it was written it stands in the Markdown of the page.
    translator.body.append(private_parts.to_mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_write_math, None), (_write_math, None))
    app.connect("doctree-resolved", _mend_paragraphs, priority=600)
    app.connect("html-page-context", _mend_html, priority=400)
    app.connect("html-page-context", _mend_navigation, priority=600)  # once furo has made it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
