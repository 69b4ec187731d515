"""Links: from names in code to their entries, from annotations to what they say, from entries to their source."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("links.code")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
