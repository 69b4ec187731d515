"""What is written: the HTML of a page, the files that it asks for, and what search engines and machines read of it."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    for name in ("bundle", "descriptions", "machine_readable", "markup", "mathml"):
        app.setup_extension(f"output.{name}")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
