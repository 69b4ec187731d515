"""Pages that are made of what the package holds: the dictionary, the exercises, the index of the libraries' names.

What parallel readers and writers would each import for every ten pages is imported here once, before pages are read.
"""

from __future__ import annotations

from importlib import import_module
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


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-before-read-docs", _import, priority=900)  # when the kernels of the gallery import theirs
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
