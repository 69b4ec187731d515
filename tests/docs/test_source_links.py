"""A link to the source leads to the lines that define the entry."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from pathlib import Path

from links import sources

import tensorref

ROOT = Path(__file__).resolve().parents[2]


def lines(module, name):
    """Return the file and the lines that a link shows, and the line after them."""
    file, first, last = sources.find(module, name)
    text = (ROOT / file).read_text("utf-8").splitlines()
    return file, text[first - 1 : last], text[last] if last < len(text) else ""


def test_the_lines_of_each_public_name_are_those_that_define_it():
    for concept in tensorref.CONCEPTS:
        for name in importlib.import_module(f"tensorref.{concept}").__all__:
            _, shown, after = lines(f"tensorref.{concept}", name)
            head = next(line for line in shown if not line.startswith(("@", ")")))
            assert re.match(rf"(def|class) {name}\b|(    )?{name}\b.*(: | = )", head), (concept, name, head)
            assert len(ast.parse(textwrap.dedent("\n".join(shown))).body) == 1
            assert not after.startswith((" ", ")", "]", "}")), (concept, name, after)


def test_an_attribute_and_what_is_inherited_are_found_where_they_stand():
    assert lines("tensorref.layout", "Explanation.runs")[:2] == (
        "tensorref/layout/_views.py",
        ["    runs: tuple[Run, ...]"],
    )
    assert lines("tensorref.layout", "Explanation.table")[0] == "tensorref/layout/_views.py"
    file, shown, _ = lines("tensorref.layout", "Explanation.to_dict")
    assert file == "tensorref/_explanation.py"
    assert shown[0].startswith("    def to_dict(")
    file, shown, _ = lines("tensorref.layout", "OperationsTextError")
    assert (file, shown[0]) == (
        "tensorref/layout/_parsing.py",
        "class OperationsTextError(TensorrefError, ValueError):",
    )


def test_a_link_names_repository_revision_file_and_lines(monkeypatch):
    sources.revision.cache_clear()
    monkeypatch.setenv("READTHEDOCS_GIT_COMMIT_HASH", "0123abc")
    link = sources.linkcode_resolve("py", {"module": "tensorref.layout", "fullname": "can_view"})
    sources.revision.cache_clear()
    _, first, last = sources.find("tensorref.layout", "can_view")
    assert link == f"{sources.repository()}/blob/0123abc/tensorref/layout/_views.py#L{first}-L{last}"
    assert sources.linkcode_resolve("js", {"object": "x", "fullname": "x"}) is None
    assert sources.linkcode_resolve("py", {"module": "", "fullname": "x"}) is None
