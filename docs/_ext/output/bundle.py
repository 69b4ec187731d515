"""One style sheet and one script for all pages, where Sphinx, the theme and the extensions ask for a dozen.

A browser on a slow connection waits for each request, and style sheets keep it from drawing anything. What only some
pages use stays on its own. ES modules stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

STYLES, SCRIPTS = "bundle.css", "bundle.js"


def _replace(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None) -> None:
    """Put the bundles in the place of what every page asks for; what a page adds comes after."""
    kept = [script for script in context["script_files"] if script.attributes.get("type") == "module"]
    members = {
        STYLES: sorted(context["css_files"], key=lambda style: style.priority),
        SCRIPTS: sorted(
            (script for script in context["script_files"] if script not in kept), key=lambda js: js.priority
        ),
    }
    names = {bundle: [str(member.filename) for member in files] for bundle, files in members.items()}
    if names != getattr(app, "bundled", None):
        app.bundled = names  # type: ignore[attr-defined]
        _write(app)
    context["css_files"].clear()
    context["script_files"][:] = kept
    app.add_css_file(STYLES, priority=200)
    app.add_js_file(SCRIPTS, priority=200)


def _finish(app: Sphinx, exception: Exception | None) -> None:
    """Write the bundles again when all files are there: furo and myst-nb write theirs at the end."""
    if exception is None and hasattr(app, "bundled"):
        _write(app, [Path(app.outdir, name) for names in app.bundled.values() for name in names])


def _write(app: Sphinx, wanted: Collection[Path] = ()) -> None:
    """Write the bundles, of the files that are there, or of all where they are wanted."""
    for bundle, names in app.bundled.items():  # type: ignore[attr-defined]
        files = [Path(app.outdir, name) for name in names]
        parts = [file.read_text("utf-8") for file in files if file in wanted or file.exists()]
        # A script without a semicolon at its end would call what follows.
        Path(app.outdir, "_static", bundle).write_text((";\n" if bundle == SCRIPTS else "\n").join(parts), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", _replace, priority=0)  # before anything is added for one page
    app.connect("build-finished", _finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
