"""The foot of a page that shows outputs: what they were run with, on which device, and when.

The outputs of the gallery come with the facts of their run. Those of other pages are what the text says, and pytest
checks them; its record counts only as long as it is of this very text, of the page and of the docstrings on it. A page
whose foot changed is written again, and no other.
"""

from __future__ import annotations

import html
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import runs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


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
    file = runs.record_file(root)
    record = json.loads(file.read_text("utf-8")) if file.exists() else None
    before = getattr(env, "ran_feet", {})
    feet = {name: foot for name in env.found_docs if (foot := _foot(env, name, root, record))}
    env.ran_feet = feet  # type: ignore[attr-defined]
    return [name for name in env.found_docs if feet.get(name) != before.get(name)]


def _foot(env: BuildEnvironment, name: str, root: Path, record: dict[str, Any] | None) -> str | None:
    metadata = env.metadata[name]
    if ran := metadata.get("ran"):
        return f"The outputs on this page are those of a run on {_date(ran)} with {html.escape(runs.sentence(ran))}."
    if not metadata.get("shows_examples"):
        return None
    if record is not None and runs.belongs(record, root, _sources(env, name, root)):
        words = html.escape(runs.sentence(record))
        return f"The examples on this page ran on {_date(record)} with {words}, and gave what they show."
    return (
        f"The examples on this page were not run on {html.escape(runs.device())} as they stand here. They are written "
        f"for {html.escape(_written_for(root))}; <code>nox -s doctest</code> runs them."
    )


def _sources(env: BuildEnvironment, name: str, root: Path) -> set[Path]:
    """Return the files that a page's examples stand in: its own, and those of the docstrings on it."""
    files = {(Path(env.srcdir) / file).resolve() for file in env.dependencies[name]}
    files = {file for file in files if file.suffix == ".py" and file.is_relative_to(root / "tensorref")}
    return {file for file in {*files, Path(env.doc2path(name))} if runs.examples(file)}


@cache
def _written_for(root: Path) -> str:
    """Return the versions that the project names: PyTorch as tests pin it, NumPy as the package needs it."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["dependency-groups"]["test"], *project["project"]["dependencies"]]
    torch = next(line.removeprefix("torch==") for line in wanted if str(line).startswith("torch=="))
    numpy = next(line.removeprefix("numpy>=") for line in wanted if str(line).startswith("numpy>="))
    return f"PyTorch {torch} and NumPy {numpy} or newer"


def _date(found: dict[str, Any]) -> str:
    return f'<time datetime="{found["date"]}">{found["date"]}</time>'


def _append(app: Sphinx, name: str, _: str, context: dict[str, Any], __: nodes.document | None) -> None:
    if foot := app.env.ran_feet.get(name):  # type: ignore[attr-defined]
        context["body"] += f'<footer class="ran"><p>{foot}</p></footer>\n'


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", _note)
    app.connect("env-updated", _feet)
    app.connect("html-page-context", _append)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
