"""A plugin of pytest that writes down the examples that failed: the file and the line of each prompt."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil.integration.pytest import SybilItem


class Failing:
    """Which examples failed, under which docstrings are looked up by their text: `__doc__` may be shown elsewhere."""

    def __init__(self, root: Path, report: Path) -> None:
        self.root = root
        self.report = report
        self.failed: set[tuple[str, int]] = set()
        self.docstrings = dict(_docstrings(root))

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is None:
            return
        if call.when != "call":
            pytest.exit(f"{item.nodeid} did not even begin: {call.excinfo.exconly()}", 3)
        if isinstance(item, SybilItem):
            self.failed.add((item.path.relative_to(self.root).as_posix(), item.example.line))
            return
        error: Any = call.excinfo.value
        for failure in getattr(error, "failures", [error]):
            file, line = self.docstrings[_squeezed(failure.test.docstring)]
            self.failed.add((file, line + failure.example.lineno))

    def pytest_sessionfinish(self) -> None:
        self.report.write_text(json.dumps(sorted(self.failed)), "utf-8")


def _docstrings(root: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the docstrings of the package with their places."""
    for file in sorted(root.glob("tensorref/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Expr(ast.Constant(str(text))):
                    yield _squeezed(text), (file.relative_to(root).as_posix(), node.lineno)


def _squeezed(text: str) -> str:
    """Return a docstring without indentation and without what ends it, which Python takes away from version 3.13 on."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Failing(config.rootpath, Path(os.environ["FAILING"])))
