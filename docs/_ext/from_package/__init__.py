"""Pages that are made of what the package holds: the dictionary, the exercises, the error messages, what the libraries call it.

What parallel readers and writers would each import for every ten pages is imported here once, before pages are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import tensorref

IMPORTED = (*(f"tensorref.{concept}" for concept in tensorref.CONCEPTS), "torch", "markdownify", "numpydoc.docscrape")
IN_ONE_PROCESS = 5
"""As many pages are read without others being forked."""


def _import(app: Sphinx, _: BuildEnvironment, docnames: list[str]) -> None:
    if app.parallel > 1 and len(docnames) > IN_ONE_PROCESS:
        for module in IMPORTED:
            import_module(module)


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Let a folder have these pages beside its index, touching only those that changed."""
    for stale in folder.glob("*.md"):
        if stale.stem not in {*pages, "index"}:
            stale.unlink()
    for name, text in pages.items():
        file = folder / f"{name}.md"
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-before-read-docs", _import, priority=900)  # when the kernels of the gallery import theirs
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
