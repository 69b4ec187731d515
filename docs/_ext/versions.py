"""The other versions of the site, in the sidebar, where it is published with more than one.

``sphinx-build -A versions=/versions.json`` says where the list is, on the same host and outside of every version, so that
an old version knows the new ones. Its form is that of the PyData theme: ``[{"version": "0.1.0", "url": "/0.1/"}, ...]``,
with a ``name`` where another one is to be shown. Without it, as on Read the Docs, whose own menu has the versions, pages
say and load nothing.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", _add_to_sidebar)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _add_to_sidebar(
    app: Sphinx, _name: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    if context.get("versions"):
        brand, *others = context["sidebars"]
        context["sidebars"] = [brand, "sidebar/versions.html", *others]
        app.add_js_file("versions.js", type="module")
