"""What the package costs to import, and what it offers."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import tensorref


@pytest.mark.parametrize(
    "statement",
    [
        "import tensorref",
        "import tensorref.sphinxext",
        "from tensorref import anatomy; anatomy.nbytes((2, 3), 'bfloat16')",
        "from tensorref import _dictionary; _dictionary.translate('cat')",
        "from tensorref import broadcasting; broadcasting.explain(3, 4)",
        "from tensorref import dtypes; dtypes.explain('float32', 1.0); dtypes.bits(0.1, 'bfloat16')",
        "from tensorref import indexing; indexing.explain((2, 3), (0, ...))",
        "from tensorref import layout; layout.explain((2, 3), (3, 1), (6,))",
        "from tensorref import matmul; matmul.explain((2, 3), (3, 4)); matmul.messages(2, 3)",
    ],
)
def test_neither_library_is_loaded_by(statement):
    heavy = "sorted({'numpy', 'torch', 'jaxtyping._array_types'} & sys.modules.keys())"
    program = f"import sys; {statement}; print({heavy})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_the_check_for_loaded_libraries_can_fail():
    program = (
        "import sys; from tensorref import broadcasting; broadcasting.jaxtyping.Num; print('numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


def test_concepts_load_on_first_use():
    program = (
        "import sys, tensorref; before = 'tensorref.broadcasting' in sys.modules; tensorref.broadcasting;"
        "print(before, 'tensorref.broadcasting' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "False True\n"


def test_version_is_that_of_the_distribution():
    assert tensorref.__version__ == version("tensorref")
    assert {"__version__", "broadcasting"} <= {*dir(tensorref)}


def test_a_wrong_name_is_answered_with_those_there_are():
    with pytest.raises(AttributeError) as raised:
        tensorref.broadcast  # noqa: B018
    assert str(raised.value).startswith("module 'tensorref' has no attribute 'broadcast'; it has ")
    assert "broadcasting" in str(raised.value)


@pytest.mark.parametrize("concept", tensorref.__all__)
def test_a_function_has_an_example_above_its_parameters(concept):
    module = importlib.import_module(f"tensorref.{concept}")
    functions = {name: getattr(module, name) for name in module.__all__ if inspect.isfunction(getattr(module, name))}
    assert functions
    assert [name for name, function in functions.items() if ">>> " not in function.__doc__.split("\n    ---")[0]] == []
