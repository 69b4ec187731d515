"""What every test and every documented example runs under: pytest for docstrings, Sybil for Markdown."""

from __future__ import annotations

import doctest
import importlib
import os
import random
import re
from collections.abc import Iterator

import hypothesis
import jaxtyping
import numpy as np
import pytest
import torch
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

# A slow machine is no failure.
hypothesis.settings.register_profile("tensorref", deadline=None)
hypothesis.settings.load_profile("tensorref")

collect_ignore_glob = ["docs/*.py", "docs/_*", "docs/gallery/*.py", "examples/*", "noxfile.py"]

NUMPY_PRINTS = np.get_printoptions()
DEVICE = os.environ.get("TENSORREF_DEVICE", "cpu")
# What a printed tensor is, with brackets in it up to those of a sparse one, and where its device, dtype and so on begin.
_TENSOR = re.compile(r"\btensor\((?:[^()]|\([^()]*\))*\)")
_BEFORE_SUFFIX = re.compile(r",\s+(?=[a-z_]+=)")


@pytest.fixture(autouse=True)
def fresh_state(request: pytest.FixtureRequest) -> None:
    """Keep what one test or docstring sets from leaking into the next."""
    reset()
    if isinstance(request.node, pytest.DoctestItem):
        assert request.node.dtest is not None
        # An example has to import what it uses, as it must for a reader who pastes it.
        request.node.dtest.globs.clear()
        unseed()


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Leave annotations unchecked where every small case is tried, which would take most of the time."""
    jaxtyping.config.update("jaxtyping_disable", value=True)
    yield
    jaxtyping.config.update("jaxtyping_disable", value=False)


def reset() -> None:
    """Set what an example may have changed: the default device and dtype, and how numbers are printed."""
    torch.set_default_device(DEVICE if DEVICE != "cpu" else None)  # a default device costs each call a detour
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions(profile="default")
    np.set_printoptions(**NUMPY_PRINTS)


def begin_page(_: object) -> None:
    """Do for a Markdown page, which shares its names and its state, what `fresh_state` does for a docstring."""
    reset()
    unseed()


def unseed() -> None:
    """Start from a seed that no example can know, so that one that forgets its seed fails."""
    random.seed()
    np.random.seed()  # noqa: NPY002  the legacy generator is the one with global state
    torch.seed()


MARKDOWN = Sybil(parsers=[PythonCodeBlockParser()], patterns=["*.md"], setup=begin_page)
pytest_collect_file = MARKDOWN.pytest()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the documentation know which examples ran."""
    parser.addoption("--record", action="store_true", help="leave a record of the examples that gave what they show")


def pytest_configure(config: pytest.Config) -> None:
    """Let an accelerator name itself in a printed tensor, and change nothing else."""
    if config.getoption("--record"):
        config.pluginmanager.register(importlib.import_module("provenance.record").Recorder(config.rootpath))
    shown = f", device='{torch.empty(0, device=DEVICE).device}'"
    exact = doctest.OutputChecker.check_output

    def check_output(self: doctest.OutputChecker, want: str, got: str, optionflags: int) -> bool:
        if exact(self, want, got, optionflags):
            return True
        joined = join_suffixes(got)
        without = _TENSOR.sub(lambda tensor: tensor[0].replace(shown, "", 1), joined)
        return without != joined and exact(self, join_suffixes(want), without, optionflags)

    doctest.OutputChecker.check_output = check_output  # type: ignore[method-assign]


def join_suffixes(text: str) -> str:
    """Put what stands behind the values of a printed tensor on one line, because a device moves the line break."""
    return _TENSOR.sub(lambda tensor: _BEFORE_SUFFIX.sub(", ", tensor[0]), text)
