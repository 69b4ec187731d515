"""Lets sphinx-codeautolink put its links into pages on all cores; it comes before that extension.

A page is linked after it was written, by itself, and the whole page is parsed for it: without this, the longest step.
What PyTorch imports for type checkers alone, its compiler among it, is not imported; no link needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.parallel import ParallelTasks, parallel_available
from sphinx_codeautolink import extension
from sphinx_codeautolink.extension import SphinxCodeAutoLink, resolve

_in_turn = SphinxCodeAutoLink.apply_links
_populate = resolve.populate_type_checking


def populate_type_checking(module: ModuleType) -> None:
    if module.__name__.partition(".")[0] != "torch":
        _populate(module)


def apply_links(self: SphinxCodeAutoLink, app: Sphinx, exception: Exception | None) -> None:
    """Note which pages are to be linked, then link them, as many at once as Sphinx may."""
    if not parallel_available or app.parallel == 1:
        _in_turn(self, app, exception)
        return
    pages: list[Callable[[], None]] = []
    link = extension.link_html
    extension.link_html = lambda *arguments, **options: pages.append(partial(link, *arguments, **options))
    try:
        _in_turn(self, app, exception)
    finally:
        extension.link_html = link
    tasks = ParallelTasks(app.parallel)
    for first in range(min(app.parallel, len(pages))):
        tasks.add_task(_link, pages[first :: app.parallel])
    tasks.join()


def _link(pages: list[Callable[[], None]]) -> None:
    for page in pages:
        page()


def setup(_: Sphinx) -> dict[str, Any]:
    SphinxCodeAutoLink.apply_links = apply_links
    resolve.populate_type_checking = populate_type_checking
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
