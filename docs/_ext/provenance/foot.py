"""The foot of a page that shows outputs: what they were run with, on which device, and when.

The outputs of the gallery come with the facts of their run. Those of other pages are what the text says, and pytest
checks them; its record counts only as long as it is of this very text, of the page and of the docstrings on it. Where there is
none, the page has no foot, and the build says how many such pages there are. A page whose foot changed is written again,
and no other.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

from provenance import record

logger = getLogger(__name__)


def _note(app: Sphinx, doctree: nodes.document) -> None:
    """Note of a page that it shows examples."""
    blocks = (nodes.literal_block, nodes.doctest_block)
    if any(
        node.astext().lstrip().startswith(">>> ") for node in doctree.findall(lambda node: isinstance(node, blocks))
    ):
        app.env.metadata[app.env.docname]["shows_examples"] = True


def _feet(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Give each page its foot, and return the pages whose foot is another one than before."""
    root = Path(app.srcdir).parent
    file = record.record_file(root)
    of_pytest = json.loads(file.read_text("utf-8")) if file.exists() else {"files": {}}
    before = getattr(env, "feet", {})
    feet = {name: foot for name in env.found_docs if (foot := _foot(env, name, root, of_pytest))}
    env.feet = feet  # type: ignore[attr-defined]
    if without := [name for name in env.found_docs - feet.keys() if env.metadata[name].get("shows_examples")]:
        logger.info(
            "no record of the examples on %d pages; nox -s 'doctest(cpu)' runs them and leaves one", len(without)
        )
    return [name for name in env.found_docs if feet.get(name) != before.get(name)]


def _foot(env: BuildEnvironment, name: str, root: Path, of_pytest: dict[str, Any]) -> str | None:
    ran, shows = (env.metadata[name].get(key) for key in ("ran", "shows_examples"))
    if not ran and not (shows and record.belongs(of_pytest, root, _sources(env, name, root))):
        return None
    found = ran or of_pytest
    words = html.escape(record.sentence(found))
    when = f'<time datetime="{found["date"]}">{found["date"]}</time> with {words}'
    if ran:
        return f"The outputs on this page are those of a run on {when}."
    return f"The examples on this page ran on {when}, and gave what they show."


def _sources(env: BuildEnvironment, name: str, root: Path) -> set[Path]:
    """Return the files that a page's examples stand in: its own, and those of the docstrings on it."""
    files = {(Path(env.srcdir) / file).resolve() for file in env.dependencies[name]}
    files = {file for file in files if file.suffix == ".py" and file.is_relative_to(root / "tensorref")}
    return {file for file in {*files, Path(env.doc2path(name))} if record.examples(file)}


def _append(app: Sphinx, name: str, _: str, context: dict[str, Any], __: nodes.document | None) -> None:
    if foot := app.env.feet.get(name):  # type: ignore[attr-defined]
        context["body"] += f'<footer class="ran"><p>{foot}</p></footer>\n'


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", _note)
    app.connect("env-updated", _feet)
    app.connect("html-page-context", _append, priority=600)  # when code has its links
    return {"version": "1", "env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
