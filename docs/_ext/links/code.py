"""Links from names in example code to their entries.

sphinx-codeautolink reads the code of a page, and puts the links into its HTML. In between, `names` finds out what the names
stand for, while pages are read, on all cores. It is kept on the environment, so that a page has its links whenever it
is written. To put them in, sphinx-codeautolink is handed the blocks alone that get some: with all of the page it takes half
as long again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from copy import copy
from importlib.metadata import version
from typing import Any

import private_parts
from docutils import nodes
from provenance import record
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.intersphinx import InventoryAdapter

from links import names

_BLOCK = re.compile(
    r'(<div class="(?:highlight-(?:default|i?py)|doctest)[^>]*><div class="highlight"><pre.*?</pre></div>\s*</div>)',
    re.DOTALL,
)
_TAG = re.compile(r"<[^>]*>")


def _begin(app: Sphinx) -> None:
    """Forget what names stand for where the package or a library may have come to give something else."""
    facts = [record.package(), *map(version, ("numpy", "torch"))]
    env: Any = app.env
    if getattr(env, "code_facts", None) != facts:
        env.code_facts, env.code_entries = facts, {}
        env.code_blocks = getattr(env, "code_blocks", {})


def _read(app: Sphinx, _: nodes.document) -> None:
    """Take the blocks of a page from sphinx-codeautolink, which would look for the names in its own way."""
    env: Any = app.env
    if (found := private_parts.code_blocks(env)) is not None:
        env.code_blocks[env.docname] = found.pop(env.docname, [])
        _find(env, [env.docname])


def _find(env: Any, docnames: Iterable[str]) -> None:
    every = (
        tuple(name.import_components) for doc in docnames for block in env.code_blocks[doc] for name in block.names
    )
    env.code_entries |= {parts: names.entries(parts) for parts in {*every} - env.code_entries.keys()}


def _merge(_: Sphinx, env: Any, docnames: set[str], other: Any) -> None:
    env.code_blocks |= {doc: other.code_blocks[doc] for doc in docnames & other.code_blocks.keys()}
    env.code_entries |= other.code_entries


def _purge(_: Sphinx, env: Any, docname: str) -> None:
    env.code_blocks.pop(docname, None)


def _resolve(_: Sphinx, env: Any) -> list[str]:
    """Give sphinx-codeautolink the names that have an entry; return the pages with entries that other examples use now."""
    if (found := private_parts.code_blocks(env)) is None:
        return []
    _find(env, env.code_blocks)
    python = env.domains.python_domain.objects
    inventory = InventoryAdapter(env).main_inventory
    known = {*python, *(name for kind, items in inventory.items() if kind.startswith("py:") for name in items)}
    uses: dict[str, dict[str, str]] = {}
    for doc, blocks in sorted(env.code_blocks.items()):
        found[doc] = [linked for block in blocks if (linked := _linked(block, known, env.code_entries)).names]
        for block in found[doc]:
            for name in block.names:
                uses.setdefault(name.resolved_location, {}).setdefault(doc, block.example.ref_id)
    before, env.code_uses = getattr(env, "code_uses", {}), uses
    return sorted({entry.docname for name, entry in python.items() if uses.get(name) != before.get(name)})


def _linked(block: Any, known: set[str], entries: dict[tuple[str, ...], list[str]]) -> Any:
    """Return a block with those of its names that have an entry."""
    linked = copy(block)
    linked.names = []
    for name in filter(
        lambda name: name.code_str, block.names
    ):  # of a value that is called again, there is nothing to link
        if entry := next((each for each in entries[tuple(name.import_components)] if each in known), None):
            linked.names.append(copy(name))
            linked.names[-1].resolved_location = entry
    return linked


def _clear(app: Sphinx, _: Exception | None) -> None:
    """Leave nothing for sphinx-codeautolink to keep: it is on the environment."""
    (private_parts.code_blocks(app.env) or {}).clear()


def _hand_out_blocks(app: Sphinx, page: str, _: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is not None:
        found = private_parts.code_blocks(app.env)
        sources = {block.source.rstrip() for block in (found or {}).get(page, ())}
        parts = _BLOCK.split(context["body"])  # every other one is a block
        places = [place for place in range(1, len(parts), 2) if found is None or _source(parts[place]) in sources]
        context["around_code"] = parts, places
        context["body"] = "\n".join(parts[place] for place in places)


def _source(block: str) -> str:
    """Return the code of a block of HTML."""
    return html.unescape(_TAG.sub("", block)).rstrip()


def _put_back_blocks(_: Sphinx, __: str, ___: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree is not None:
        parts, places = context.pop("around_code")
        for place, block in zip(places, _BLOCK.findall(context["body"]), strict=True):
            parts[place] = block
        context["body"] = "".join(parts)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx_codeautolink")
    app.connect("builder-inited", _begin)
    app.connect("doctree-read", _read, priority=495)  # sphinx-codeautolink does its part at 490, and the rest at 500
    app.connect("env-merge-info", _merge)
    app.connect("env-purge-doc", _purge)
    app.connect("env-updated", _resolve, priority=501)
    app.connect("build-finished", _clear, priority=499)
    app.connect("html-page-context", _hand_out_blocks, priority=499)
    app.connect("html-page-context", _put_back_blocks, priority=501)
    return {"version": "1", "env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}


def uses(env: BuildEnvironment, entry: str) -> dict[str, str]:
    """Return the pages whose code names an entry, each with the section where it first does."""
    return getattr(env, "code_uses", {}).get(entry, {})
