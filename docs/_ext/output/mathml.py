"""Math as MathML, which browsers draw by themselves: no script, no font, nothing from another host."""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_visit, None), (_visit, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _visit(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    written = tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block))
    # As it was written it stands in the Markdown of the page.
    translator.body.append(written.replace("<math", f'<math alttext="{html.escape(node.astext())}"', 1))
    raise nodes.SkipNode
