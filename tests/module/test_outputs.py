"""Every exact output of the course is printed by a doctest of the module it belongs to."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import tomllib
from functools import cache
from pathlib import Path

import pytest

OUTPUTS = tomllib.loads(Path(__file__).with_name("outputs.toml").read_text("utf-8"))


def folded(text):
    return " ".join(text.split())


@cache
def printed(concept):
    """Return the lines that the doctests of a module, or of a package, print, with white space folded."""
    modules = [importlib.import_module(f"tensorref.{concept}")]
    parts = pkgutil.iter_modules(getattr(modules[0], "__path__", ()))
    modules += [importlib.import_module(f"tensorref.{concept}.{part.name}") for part in parts]
    tests = [test for module in modules for test in doctest.DocTestFinder().find(module)]
    return {folded(line) for test in tests for example in test.examples for line in example.want.splitlines()}


@pytest.mark.parametrize(
    ("concept", "output"), [(concept, output) for concept in OUTPUTS for output in OUTPUTS[concept]]
)
def test_a_doctest_prints(concept, output):
    missing = [line for line in OUTPUTS[concept][output] if folded(line) not in printed(concept)]
    assert not missing, f"no doctest of tensorref.{concept} prints {missing}"
