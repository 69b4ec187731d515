"""Math as MathML, which browsers draw by themselves: no script, no font, nothing from another host."""

from __future__ import annotations

from typing import Any

import private_parts
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_visit, None), (_visit, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _visit(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    # As it was written it stands in the Markdown of the page.
    translator.body.append(private_parts.to_mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode
