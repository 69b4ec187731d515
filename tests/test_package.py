"""What the package costs to import, and what it offers."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import tensorref
from tensorref import indexing
from tensorref._libraries import needed

PATH = str(Path(tensorref.__file__).parent.parent)


@pytest.mark.parametrize(
    "statement",
    [
        "import tensorref",
        "import tensorref.sphinxext",
        "from tensorref import anatomy; anatomy.nbytes((2, 3), 'bfloat16')",
        "from tensorref import _dictionary; _dictionary.translate('cat')",
        "from tensorref import broadcasting; broadcasting.explain(3, 4)",
        "from tensorref import budget; budget.explain(budget.Sizes(8, 4, 1, 2, 8), seq_len=2).svg()",
        "from tensorref import dtypes; dtypes.explain('float32', 1.0); dtypes.bits(0.1, 'bfloat16')",
        "from tensorref import einsum; einsum.explain('ij,jk->ik', (2, 3), (3, 4))",
        "from tensorref import errors; errors.explain('mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)')",
        "from tensorref import experts; experts.explain(8, 4, 16, num_experts=4, top_k=2).svg()",
        "from tensorref import indexing; indexing.explain((2, 3), (0, ...))",
        "from tensorref import layout; layout.explain((2, 3), (3, 1), (6,))",
        "from tensorref import matmul; matmul.explain((2, 3), (3, 4)); matmul.messages(2, 3)",
        "from tensorref import quantization; quantization.explain((4, 8), 'int4', per='channel').svg()",
        "from tensorref import reductions; reductions.explain((2, 3), (0, 5)); reductions.explain((2, 3), -1).svg()",
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


def test_the_package_loads_nothing_that_takes_long():
    program = "import sys; before = {*sys.modules}; import tensorref; print(*sorted({*sys.modules} - before))"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({PATH!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    slow = {"importlib.metadata", "email", "inspect", "json", "pathlib", "dataclasses", "jaxtyping", "zipfile"}
    loaded = run.stdout.split()
    assert "tensorref" in loaded
    assert slow & {*loaded} == set()
    assert [name for name in loaded if name.startswith("tensorref.")] == []


WITHOUT = """
import importlib, sys
sys.modules.update(dict.fromkeys({missing}))
import tensorref
for concept in tensorref.CONCEPTS:
    for load in (lambda: getattr(tensorref, concept), lambda: importlib.import_module("tensorref." + concept)):
        try:
            load()
        except ImportError as error:
            print(type(error).__name__, error, sep=": ")
        else:
            print(concept)
"""
NEED_TORCH = {
    *("attention", "autograd", "caches", "creation", "devices", "kernels", "llm", "masks", "sampling", "training"),
}
NEED_BOTH = {"benchmark", "elementwise", "exercises", "interop", "pitfalls"}


@pytest.mark.parametrize("missing", [["numpy"], ["torch"], ["numpy", "torch"]], ids="-".join)
def test_a_concept_says_what_to_install_where_it_needs_what_is_missing(missing):
    words = {"numpy": "NumPy", "torch": "PyTorch"}
    expected = []
    for concept in tensorref.CONCEPTS:
        needed = ["numpy", "torch"] if concept in NEED_BOTH else ["torch"] if concept in NEED_TORCH else []
        lacking = [library for library in needed if library in missing]
        said = (
            f"MissingLibraryError: tensorref.{concept} needs {' and '.join(words[library] for library in lacking)}; "
            f'install {"them" if len(lacking) > 1 else "it"} with: pip install "tensorref[{",".join(lacking)}]"'
        )
        expected += [said if lacking else concept] * 2
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing)], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines() == expected


def test_a_watch_says_what_to_install_where_pytorch_is_missing():
    program = "import sys; sys.modules['torch'] = None; import tensorref; tensorref.watch"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    said = 'MissingLibraryError: tensorref.watch needs PyTorch; install it with: pip install "tensorref[torch]"'
    assert run.stderr.splitlines()[-1].endswith(said)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(
    "index",
    [[0, 2], [-1], [[0, 1], (1, 0)], ([0, 1], None, [[1], [2]]), [True, False, True], [[True, False, False]] * 3],
)
def test_lists_as_an_index_are_what_their_arrays_are(index, library, monkeypatch):
    items = index if isinstance(index, tuple) else (index,)
    arrays = [np.array(item) if item else None for item in items]
    with_arrays = indexing.explain((3, 3, 3), tuple(arrays), library=library)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with_lists = indexing.explain((3, 3, 3), items, library=library)
    assert (with_lists.result, with_lists.view) == (with_arrays.result, with_arrays.view)
    assert with_lists.result is not None


def test_a_list_as_an_index_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        indexing.explain((2, 3), [0, 1.5])
    assert str(raised.value) == 'an index that is a list needs NumPy; install it with: pip install "tensorref[numpy]"'
    assert raised.value.name == "numpy"


def test_what_is_missing_besides_the_libraries_is_said_as_ever():
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'") as raised, needed("this", "torch"):
        import nowhere  # noqa: F401
    assert type(raised.value) is ModuleNotFoundError


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


def test_a_name_is_listed_once():
    assert tensorref.indexing is indexing  # which is loaded, and so among the globals too
    assert len(tensorref.__dir__()) == len({*tensorref.__dir__()})


def test_a_wrong_name_is_answered_with_those_there_are():
    with pytest.raises(AttributeError) as raised:
        tensorref.broadcast  # noqa: B018
    assert str(raised.value).startswith("module 'tensorref' has no attribute 'broadcast'; it has ")
    assert "broadcasting" in str(raised.value)


@pytest.mark.parametrize("concept", tensorref.CONCEPTS)
def test_a_function_has_an_example_above_its_parameters(concept):
    module = importlib.import_module(f"tensorref.{concept}")
    functions = {name: getattr(module, name) for name in module.__all__ if inspect.isfunction(getattr(module, name))}
    assert functions
    assert [name for name, function in functions.items() if ">>> " not in function.__doc__.split("\n    ---")[0]] == []
