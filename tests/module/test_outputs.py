"""Every exact output of the course is printed by a doctest of the module it belongs to."""

from __future__ import annotations

import doctest
import importlib
import tomllib
from functools import cache
from pathlib import Path

import pytest

OUTPUTS = tomllib.loads(Path(__file__).with_name("outputs.toml").read_text("utf-8"))


def folded(text):
    return " ".join(text.split())


@cache
def printed(concept):
    """Return the lines that the doctests of a module print, with white space folded."""
    tests = doctest.DocTestFinder().find(importlib.import_module(f"tensorref.{concept}"))
    return {folded(line) for test in tests for example in test.examples for line in example.want.splitlines()}


@pytest.mark.parametrize(
    ("concept", "output"), [(concept, output) for concept in OUTPUTS for output in OUTPUTS[concept]]
)
def test_a_doctest_prints(concept, output):
    missing = [line for line in OUTPUTS[concept][output] if folded(line) not in printed(concept)]
    assert not missing, f"no doctest of tensorref.{concept} prints {missing}"
