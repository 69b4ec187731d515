"""The checks that run the documented examples, shown to fail where they must."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

EXAMPLES = {
    "right": (">>> import torch\n    >>> torch.zeros(3)", "tensor([0., 0., 0.])"),
    "wrong_value": (">>> import torch\n    >>> torch.zeros(3)", "tensor([0., 0., 1.])"),
    "wrong_shape": (">>> import numpy as np\n    >>> np.zeros((1, 3))", "array([0., 0., 0.])"),
    "wrong_device": (">>> import torch\n    >>> torch.zeros(3)", "tensor([0., 0., 0.], device='meta')"),
    "right_on_meta": (">>> import torch\n    >>> torch.zeros(3)", "tensor(..., size=(3,))"),
    "wrong_size_on_meta": (">>> import torch\n    >>> torch.zeros(3)", "tensor(..., size=(4,))"),
    "right_in_two_lines": (
        ">>> import torch\n    >>> torch.arange(12.0, dtype=torch.float64)",
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.],\n           dtype=torch.float64)",
    ),
    "right_as_its_line_ends": (
        ">>> import torch\n    >>> torch.eye(2, 10, dtype=torch.float64)",
        "tensor([[1., 0., 0., 0., 0., 0., 0., 0., 0., 0.],\n            [0., 1., 0., 0., 0., 0., 0., 0., 0., 0.]], dtype=torch.float64)",
    ),
    "right_in_a_sentence": (">>> import torch\n    >>> print(f'one {torch.ones(1)}, two')", "one tensor([1.]), two"),
    "right_with_gradient": (
        ">>> import torch\n    >>> torch.ones(1, requires_grad=True) * 2",
        "tensor([2.], grad_fn=<MulBackward0>)",
    ),
    "line_that_only_a_device_moves": (
        ">>> import torch\n    >>> torch.zeros(3, dtype=torch.float64)",
        "tensor([0., 0., 0.],\n           dtype=torch.float64)",
    ),
    "wrong_dtype": (">>> import torch\n    >>> torch.zeros(3)", "tensor([0., 0., 0.], dtype=torch.float64)"),
    "wrong_line_in_values": (">>> import torch\n    >>> torch.zeros(2, 1)", "tensor([[0.], [0.]])"),
    "device_of_another": (">>> import torch\n    >>> torch.zeros(3).device", "device(type='cuda')"),
    "device_in_other_words": (
        ">>> import torch\n    >>> print(f\"Move(shape=(3,), device='{torch.zeros(3).device}')\")",
        "Move(shape=(3,))",
    ),
    "forgets_its_import": (">>> torch.zeros(1)", "tensor([0.])"),
    "forgets_its_seed": (">>> import torch\n    >>> torch.rand(1)", "tensor([0.4963])"),
}
PAGE = "# Page\n\n```python\n>>> 1 + 1\n2\n```\n\n```python\n>>> 1 + 1\n3\n```\n"
DEFAULT_DEVICE_PAGE = "# Page\n\n```python\n>>> import torch\n>>> torch.zeros(3).device.type == DEVICE\nTrue\n```\n"

# Makes the CPU an accelerator as far as printing goes: a tensor on it says where it is, and unlike one on meta it has values.
FAKE = "import torch\n\ntorch._C._get_default_device = lambda: 'another'\n"


@cache
def report(device):
    """Run the examples as the documentation's are run, with a device as the default one."""
    with TemporaryDirectory() as folder:
        for file in ("conftest.py", "pyproject.toml"):
            shutil.copy(ROOT / file, folder)
        functions = (
            f'def {name}():\n    """Say something.\n\n    {code}\n    {output}\n    """\n\n\n'
            for name, (code, output) in EXAMPLES.items()
        )
        Path(folder, "documented.py").write_text("import torch\n\n\n" + "".join(functions), "utf-8")
        Path(folder, "page.md").write_text(PAGE, "utf-8")
        default = torch.device(device if device != "fake" else "cpu")
        Path(folder, "device.md").write_text(DEFAULT_DEVICE_PAGE.replace("DEVICE", repr(default.type)), "utf-8")
        Path(folder, "fake.py").write_text(FAKE, "utf-8")
        plugin = ["-p", "fake"] if device == "fake" else []
        # The pages come first, when no docstring has set anything yet.
        command = [sys.executable, "-m", "pytest", "-rA", *plugin, "--doctest-modules", "device.md", "page.md"]
        command.append("documented.py")
        env = {**os.environ, "TENSORREF_DEVICE": str(default)}
        run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert run.returncode == 1, run.stdout + run.stderr
        return run.stdout


RIGHT = {name for name in EXAMPLES if name.startswith("right") and name != "right_on_meta"}


@pytest.mark.parametrize("device", ["cpu", *(pytest.param(name, marks=pytest.mark.full) for name in ("fake", "meta"))])
def test_only_the_device_in_a_printed_tensor_may_differ(device):
    output = report(device)
    assert "PASSED device.md" in output
    assert "FAILED device.md" not in output
    passing = {"cpu": RIGHT, "meta": {"right_on_meta"}, "fake": {*RIGHT, "line_that_only_a_device_moves"}}[device]
    for name in EXAMPLES:
        verdict = "PASSED" if name in passing else "FAILED"
        assert f"{verdict} documented.py::documented.{name}" in output, name


def test_a_failure_names_its_file_its_line_and_the_difference():
    output = report("cpu")
    assert "documented.py:17: DocTestFailure" in output
    assert "Expected:\n    tensor([0., 0., 1.])\nGot:\n    tensor([0., 0., 0.])" in output
    assert "NameError: name 'torch' is not defined" in output


def test_markdown_is_run_too():
    output = report("cpu")
    assert "PASSED page.md::line:4,column:1" in output
    assert "FAILED page.md::line:9,column:1" in output
    assert "Expected:\n    3\nGot:\n    2" in output


def test_a_false_shape_in_an_annotation_fails():
    program = (
        "from jaxtyping import install_import_hook\n"
        "install_import_hook('tensorref', 'beartype.beartype')\n"
        "import numpy as np\n"
        "from tensorref import broadcasting\n"
        "broadcasting.add_bias(np.ones((4, 3)), np.ones(2))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "jaxtyping.TypeCheckError" in run.stderr
