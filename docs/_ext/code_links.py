"""Links from names in example code to their entries, and from entries to the examples that use them.

sphinx-codeautolink finds the names. What is added here: its findings are kept for pages that are not read again (its
own cache knows only ``.rst``), more names are understood (see
`code_names`), and an entry shows its examples with their figures.
"""

from __future__ import annotations

import hashlib
import html
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import code_names
import runs
import sphinx_codeautolink
import thumbnails
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_codeautolink import extension
from sphinx_codeautolink.extension import SphinxCodeAutoLink, resolve
from sphinx_codeautolink.extension.directive import DeferredExamples

ROOT = Path(__file__).resolve().parents[2]


class CodeLinks(SphinxCodeAutoLink):
    """The state of sphinx-codeautolink, which lives as long as a build, tied to the environment, which outlives it."""

    def build_inited(self, app: Sphinx) -> None:
        kept = getattr(app.env, "sphinx_codeautolink_transforms", {})
        super().build_inited(app)
        if not self.do_nothing:
            self.found = app.env.sphinx_codeautolink_transforms = self.cache.transforms = kept
            self.cache.write = lambda: None

    def purge_doc_from_environment(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        super().purge_doc_from_environment(app, env, docname)
        getattr(env, "code_links", {}).pop(docname, None)

    def create_references(self, app: Sphinx, env: BuildEnvironment) -> list[str]:
        """Resolve the names on pages that were read, or on all where there are other entries to link to."""
        if self.do_nothing:
            return []
        self.inventory = self.make_inventory(app)
        self.inventory_map = code_names.PublicNames(self.inventory)
        facts = [runs.package(ROOT), *map(version, ("numpy", "torch")), *sorted(self.inventory)]
        entries = hashlib.sha256("\0".join(facts).encode()).hexdigest()
        if getattr(env, "code_links_entries", None) != entries:
            env.code_links, env.code_names, env.code_links_entries = {}, {}, entries
        code_names.located = env.code_names
        for doc in self.found.keys() - env.code_links.keys():
            env.code_links[doc] = deepcopy(self.found[doc])
            self.filter_and_resolve(env.code_links[doc], set(), doc)
        self.cache.transforms = env.code_links
        for blocks in env.code_links.values():
            for block in blocks:
                for name in block.names:
                    self.code_refs.setdefault(name.resolved_location, []).append(block.example)
        return self.changed(env)

    def changed(self, env: BuildEnvironment) -> list[str]:
        """Return the pages on which an entry has other examples than when it was written."""
        uses: dict[str, list[Any]] = {}
        for name, entry in sorted(env.domains.python_domain.objects.items()):
            uses.setdefault(entry.docname, []).append(
                (name, examples(env, self.code_refs.get(name, ()), entry.docname))
            )
        before, env.code_uses = getattr(env, "code_uses", {}), uses
        return [doc for doc in uses if uses[doc] != before.get(doc)]

    def generate_backref_tables(self, app: Sphinx, doctree: nodes.document, docname: str) -> None:
        """Show below an entry what uses it."""
        if self.do_nothing:
            super().generate_backref_tables(app, doctree, docname)
            return
        for place in list(doctree.findall(DeferredExamples)):
            shown = examples(app.env, self.code_refs.get(place.ref, ()), docname)
            paragraph = place.parent
            if shown:
                paragraph.replace_self(nodes.raw("", cards(app, docname, shown), format="html"))
            else:
                paragraph.parent.remove(paragraph)


def examples(env: BuildEnvironment, uses: Any, docname: str) -> list[tuple[str, str, str]]:
    """Return page, anchor and title of each example among the pages that use a name, once, in their order."""
    first = {use.document: use for use in reversed(uses) if use.document != docname}
    return [(doc, first[doc].ref_id, env.titles[doc].astext()) for doc in thumbnails.pages(env) if doc in first]


def cards(app: Sphinx, docname: str, shown: list[tuple[str, str, str]]) -> str:
    """Return the examples as a list of links with thumbnails, which are loaded when they come into view."""
    width, height = (pixels // 2 for pixels in thumbnails.SIZE)
    root = "../" * docname.count("/")
    items = []
    for doc, anchor, title in shown:
        page = app.builder.get_relative_uri(docname, doc)
        items.append(
            f'<li><a class="reference internal" href="{page}#{anchor}">'
            f'<img src="{root}{thumbnails.thumbnail_of(doc)}" width="{width}" height="{height}" loading="lazy" alt=""> '
            f"{html.escape(title)}</a></li>"
        )
    return f'<p class="rubric">Used in</p>\n<ul class="used-in">{"".join(items)}</ul>\n'


def setup(app: Sphinx) -> dict[str, Any]:
    sphinx_codeautolink.SphinxCodeAutoLink = CodeLinks
    extension.resolve_location = code_names.locate
    resolve.get_return_annotation = code_names.return_type
    resolve.populate_type_checking = code_names.populate_type_checking
    app.setup_extension("sphinx_codeautolink")
    app.setup_extension("thumbnails")
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
