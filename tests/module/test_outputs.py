"""Every exact output of the course is printed by a doctest of the module it belongs to, or of the page of that module."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference"
OUTPUTS = tomllib.loads(Path(__file__).with_name("outputs.toml").read_text("utf-8"))


def folded(text):
    return " ".join(text.split())


@cache
def printed(concept):
    """Return the lines that the doctests of a module, of its parts and of its page print, with white space folded."""
    modules = [importlib.import_module(f"tensorref.{concept}")]
    parts = pkgutil.iter_modules(getattr(modules[0], "__path__", ()))
    modules += [importlib.import_module(f"tensorref.{concept}.{part.name}") for part in parts]
    examples = [each for module in modules for test in doctest.DocTestFinder().find(module) for each in test.examples]
    for fence in re.findall(
        r"^```python\n(.*?)^```", (PAGES / f"{concept}.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        examples += doctest.DocTestParser().get_examples(fence)
    return {folded(line) for example in examples for line in example.want.splitlines()}


@pytest.mark.parametrize(
    ("concept", "output"), [(concept, output) for concept in OUTPUTS for output in OUTPUTS[concept]]
)
def test_a_doctest_prints(concept, output):
    missing = [line for line in OUTPUTS[concept][output] if folded(line) not in printed(concept)]
    assert not missing, f"no doctest of tensorref.{concept}, or of its page, prints {missing}"
