"""What Sphinx and the extensions leave to be wished of their HTML.

A code block or a table that is wider than the screen is scrolled with the keyboard; the heading of the page belongs to
no section of it; no paragraph holds a block, such as the list in a parameter's description; and what folds a list of
references is no link at the same time.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator
from sphinx_codeautolink.extension.backref import DetailsNode, SummaryNode


class Translator(HTML5Translator):
    """Gives code and tables a place in the order of the tab key, and the title of the page no section."""

    def visit_literal_block(self, node: nodes.Element) -> None:
        try:
            super().visit_literal_block(node)
        finally:
            self.body[-1] = self.body[-1].replace("<pre>", '<pre tabindex="0">', 1)

    def starttag(self, node: nodes.Element, tagname: str, *args: Any, **attributes: Any) -> str:
        if isinstance(node, nodes.container) and "table-wrapper" in node["classes"]:  # of furo
            attributes["tabindex"] = "0"
        if isinstance(node, nodes.section) and self.section_level == 1:
            tagname = "div"
        return super().starttag(node, tagname, *args, **attributes)

    def depart_section(self, node: nodes.Element) -> None:
        super().depart_section(node)
        if self.section_level == 0:
            self.body[-1] = self.body[-1].replace("</section", "</div", 1)


def _is_block(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Body | DetailsNode) and not isinstance(node, nodes.Inline)


def _mend(_: Sphinx, doctree: nodes.document, __: str) -> None:
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if any(map(_is_block, paragraph)):
            parts: list[nodes.Node] = []
            for are_blocks, children in groupby(paragraph.children, _is_block):
                if are_blocks:
                    parts += children
                else:
                    parts.append(nodes.paragraph("", "", *children))
            paragraph.replace_self(parts)
    for summary in doctree.findall(SummaryNode):
        for link in list(summary.findall(nodes.reference)):
            link.replace_self(link.children)


def setup(app: Sphinx) -> dict[str, Any]:
    app.set_translator("html", Translator)
    app.connect("doctree-resolved", _mend, priority=600)  # when sphinx_codeautolink has added its lists
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
