"""Links from each entry to its lines in the repository, for `sphinx.ext.linkcode`.

The address is that of ``Source`` in ``[project.urls]`` of pyproject.toml; the revision is the tag that is built, or the
commit.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Return the address of the lines that define an entry."""
    if domain != "py" or not info["module"]:
        return None
    if (lines := find(info["module"], info["fullname"])) is None:
        return None
    file, first, last = lines
    return f"{repository()}/blob/{revision()}/{file}#L{first}-L{last}"


def find(module: str, name: str) -> tuple[str, int, int] | None:
    """Return the file, below the root, and the first and last line that define a name of a module."""
    owner: object = importlib.import_module(module)
    *classes, last = name.split(".")
    for part in classes:
        owner = getattr(owner, part)
    if inspect.isclass(owner):
        # Something inherited is defined where the base class is.
        base = next(base for base in owner.__mro__ if last in {**base.__dict__, **inspect.get_annotations(base)})
        return _find(base.__module__, [*base.__qualname__.split("."), last])
    return _find(module, [last])


def _find(module: str, path: list[str]) -> tuple[str, int, int] | None:
    source = Path(str(importlib.import_module(module).__file__))
    if not source.is_relative_to(ROOT):
        return None
    place: ast.AST = _parsed(source)
    for part in path:
        place = next(node for node in _statements(place) if part in _defined(node))
        if isinstance(place, ast.ImportFrom):
            return _find(str(place.module), path)
    first = min([place.lineno, *(decorator.lineno for decorator in getattr(place, "decorator_list", []))])  # type: ignore[attr-defined]
    return source.relative_to(ROOT).as_posix(), first, place.end_lineno  # type: ignore[attr-defined]


@cache
def repository() -> str:
    """Return the address of the repository."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    return urls["Source"].rstrip("/")


@cache
def revision() -> str:
    """Return the tag that is checked out, or the commit; where there is no repository, the tag of the version."""
    if commit := os.environ.get("READTHEDOCS_GIT_COMMIT_HASH"):
        return commit
    for question in (["describe", "--tags", "--exact-match"], ["rev-parse", "HEAD"]):
        answer = subprocess.run(["git", "-C", str(ROOT), *question], capture_output=True, text=True, check=False)  # noqa: S603, S607
        if answer.returncode == 0:
            return answer.stdout.strip()
    return f"v{version('tensorref')}"


@cache
def _parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text("utf-8"))


def _statements(place: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a module or a class, those under an ``if`` or a ``with`` too."""
    for node in ast.iter_child_nodes(place):
        if isinstance(node, ast.If | ast.With):
            yield from _statements(node)
        else:
            yield node


def _defined(node: ast.AST) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.ImportFrom):
        return {imported.asname or imported.name for imported in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}
