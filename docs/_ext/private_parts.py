"""What this site takes from other projects that they have not promised to keep: all of it, and what is left out without it.

Each function here stands for one such part. Where the part is gone, it says what the site then lacks, and gives something
that those who call it can go on with. ``tests/docs/test_private_parts.py`` fails by the name of one that is gone, and builds
without each of them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.logging import getLogger

logger = getLogger(__name__)


@cache
def _miss(part: str, without: str) -> None:
    logger.info("%s is gone; %s (see docs/_ext/private_parts.py)", part, without)


def code_blocks(env: BuildEnvironment) -> dict[str, list[Any]] | None:
    """Return what sphinx-codeautolink has found of each page that was read: blocks of code, with the names in them.

    It keeps them for reST alone, and follows fewer names than these pages have (see `links.names`).
    """
    found = getattr(env, "sphinx_codeautolink_transforms", None)
    if not isinstance(found, dict):
        _miss("sphinx_codeautolink_transforms", "only names that sphinx-codeautolink follows by itself have links, and only on pages that were read; no entry lists its examples")
        return None
    return found


def search_terms(app: Sphinx) -> dict[str, Any] | None:
    """Return the terms of the search that lead to an entry, by page; Sphinx fills it from what a build wrote, and no more."""
    if not hasattr(app.builder, "indexer"):
        return None
    found = getattr(app.builder.indexer, "_index_entries", None)
    if not isinstance(found, dict):
        _miss("IndexBuilder._index_entries", "the search does not know the names of NumPy and PyTorch")
        return None
    return found


def offer_kernels(target: str) -> Callable[[], None] | None:
    """Let Jupyter start kernels by a class of ours, and return how to stop that.

    Its public way is an entry point of an installed package, and these docs are none.
    """
    from jupyter_client.provisioning import KernelProvisionerFactory

    factory = KernelProvisionerFactory.instance()
    if not isinstance(getattr(factory, "provisioners", None), dict):
        _miss("KernelProvisionerFactory.provisioners", "each example waits for an interpreter of its own")
        return None
    name, usual = "forked", factory.default_provisioner_name
    factory.provisioners[name] = EntryPoint(name, target, factory.GROUP_NAME)
    factory.default_provisioner_name = name
    return lambda: setattr(factory, "default_provisioner_name", usual)


@cache
def gives_tensor() -> set[str]:
    """Return the names of functions, methods and attributes that always give a tensor, by PyTorch's stubs."""
    folder = Path(str(find_spec("torch").origin)).parent / "_C"  # type: ignore[union-attr]
    given: dict[str, set[str]] = {}
    try:
        functions = ast.parse((folder / "_VariableFunctions.pyi").read_text("utf-8")).body
        classes = ast.parse((folder / "__init__.pyi").read_text("utf-8")).body
    except OSError:
        _miss("torch/_C/*.pyi", "methods of tensors have no links where nothing else tells that they are")
        return set()
    methods = next(node.body for node in classes if isinstance(node, ast.ClassDef) and node.name == "TensorBase")
    for node in [*functions, *methods]:
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            given.setdefault(node.name, set()).add(ast.unparse(node.returns))
        elif isinstance(node, ast.AnnAssign):
            given.setdefault(ast.unparse(node.target), set()).add(ast.unparse(node.annotation))
    return {name for name, kinds in given.items() if kinds <= {"Tensor", "Tensor | None", "Self"}}
