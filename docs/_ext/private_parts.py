"""What this site takes from other projects that they have not promised to keep: all of it, and what is left out without it.

There is a function for each part. Where the part is gone, it says once what the site leaves out, and gives None, or what its
caller can go on with. ``tests/docs/test_private_parts.py`` fails by the name of a part that is gone, and builds a site
without each of them.
"""

from __future__ import annotations

import ast
import html
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

logger = getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A part of another project, whose name need not stay what it is."""

    owner: str
    name: str
    reason: str
    without: str
    """What the site leaves out."""


PARTS = {
    "code_blocks": Part(
        "the environment of sphinx-codeautolink",
        "sphinx_codeautolink_transforms",
        "It keeps what it found for reST alone, and follows fewer names than these pages have.",
        "only names that sphinx-codeautolink follows have links, on pages that were read, and entries list no examples",
    ),
    "search_terms": Part(
        "Sphinx's IndexBuilder",
        "_index_entries",
        "Index entries would be in the index of all names, and Sphinx forgets those of pages that a build does not write.",
        "the search does not know the names of NumPy and PyTorch",
    ),
    "gives_tensor": Part(
        "PyTorch",
        "_C",
        "Functions that are built in state what they give in these stubs alone.",
        "methods of tensors have no links where nothing else tells that they are tensors",
    ),
    "to_mathml": Part(
        "docutils",
        "docutils.utils.math.latex2mathml",
        "Its writer for HTML has it, which Sphinx replaces by its own.",
        "math stands as it is written",
    ),
    "in_order": Part(
        "the style sheets and scripts of Sphinx",
        "priority",
        "A template is given them without being told in which order they are asked for.",
        "nothing; a page asks for each style sheet and script by itself",
    ),
}


@cache
def _miss(name: str) -> None:
    part = PARTS[name]
    logger.info("%s has no %s: left out: %s (see docs/_ext/private_parts.py)", part.owner, part.name, part.without)


def code_blocks(env: Any) -> dict[str, list[Any]] | None:
    """Return what was found of each page that was read: blocks of code, with the names in them."""
    if (found := getattr(env, PARTS["code_blocks"].name, None)) is None:
        _miss("code_blocks")
    return found


def search_terms(app: Sphinx) -> dict[str, Any] | None:
    """Return the terms of the search that lead to an entry, by page."""
    if not hasattr(app.builder, "indexer"):
        return None
    if (found := getattr(app.builder.indexer, PARTS["search_terms"].name, None)) is None:
        _miss("search_terms")
    return found


@cache
def gives_tensor() -> set[str]:
    """Return the names of functions, methods and attributes that always give a tensor."""
    spec = find_spec("torch")
    folder = Path(str(spec and spec.origin)).parent / PARTS["gives_tensor"].name
    try:
        functions, classes = (
            ast.parse((folder / name).read_text("utf-8")).body for name in ("_VariableFunctions.pyi", "__init__.pyi")
        )
        methods = next(node.body for node in classes if isinstance(node, ast.ClassDef) and node.name == "TensorBase")
    except (OSError, StopIteration, SyntaxError):
        _miss("gives_tensor")
        return set()
    given: dict[str, set[str]] = {}
    for node in [*functions, *methods]:
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            given.setdefault(node.name, set()).add(ast.unparse(node.returns))
        elif isinstance(node, ast.AnnAssign):
            given.setdefault(ast.unparse(node.target), set()).add(ast.unparse(node.annotation))
    return {name for name, kinds in given.items() if kinds <= {"Tensor", "Tensor | None", "Self"}}


def to_mathml(text: str, *, as_block: bool) -> str:
    """Return math as MathML, with what it was written as beside it."""
    try:
        written = import_module(PARTS["to_mathml"].name).tex2mathml(text, as_block=as_block)
    except (ImportError, AttributeError, TypeError):
        _miss("to_mathml")
        return f"<code>{html.escape(text)}</code>"
    return written.replace("<math", f'<math alttext="{html.escape(text)}"', 1)


def in_order(files: Iterable[Any]) -> list[str] | None:
    """Return the names of style sheets or scripts in the order in which a page asks for them."""
    by = PARTS["in_order"].name
    try:
        return [str(file.filename) for file in sorted(files, key=lambda file: getattr(file, by))]
    except AttributeError:
        _miss("in_order")
        return None
