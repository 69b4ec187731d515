"""One style sheet and one script for all pages, where Sphinx, the theme and the extensions ask for a dozen.

A browser on a slow connection waits for each request, and style sheets keep it from drawing anything. What only some
pages use stays on its own. ES modules stay as they are. A bundle is written when all its files are there, which for the
theme's is at the end, and then every page asks for it by a digest of what it holds, so that no reader keeps an old one.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import private_parts
from docutils import nodes
from sphinx.application import Sphinx

STYLES, SCRIPTS = "bundle.css", "bundle.js"


def _replace(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None) -> None:
    """Put the bundles in the place of what every page asks for; what a page adds comes after."""
    kept = [script for script in context["script_files"] if script.attributes.get("type") == "module"]
    scripts = [script for script in context["script_files"] if script not in kept]
    bundled = {STYLES: private_parts.in_order(context["css_files"]), SCRIPTS: private_parts.in_order(scripts)}
    if None in bundled.values():
        return
    app.bundled = bundled  # type: ignore[attr-defined]
    context["css_files"].clear()
    context["script_files"][:] = kept
    app.add_css_file(STYLES, priority=200)
    app.add_js_file(SCRIPTS, priority=200)


def _write(app: Sphinx, exception: Exception | None) -> None:
    """Write the bundles, and their digests into all pages, those that this build did not write among them."""
    if exception is not None or not hasattr(app, "bundled"):
        return
    digests = {}
    for bundle, names in app.bundled.items():
        # A script without a semicolon at its end would call what follows.
        end = ";\n" if bundle == SCRIPTS else "\n"
        text = end.join(Path(app.outdir, name).read_text("utf-8") for name in names)
        Path(app.outdir, "_static", bundle).write_text(text, "utf-8")
        digests[bundle] = hashlib.sha256(text.encode()).hexdigest()[:8]
    asked = re.compile(rf'({re.escape(STYLES)}|{re.escape(SCRIPTS)})(\?v=\w+)?(?=")')
    for page in Path(app.outdir).rglob("*.html"):
        before = page.read_text("utf-8")
        after = asked.sub(lambda found: f"{found[1]}?v={digests[found[1]]}", before)
        if after != before:
            page.write_text(after, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", _replace, priority=0)  # before anything is added for one page
    app.connect("build-finished", _write, priority=900)  # after furo and myst-nb have written theirs
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
