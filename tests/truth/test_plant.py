"""A fault that nobody notices is reported, and one that is noticed is not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))
import plant  # noqa: E402  its folder has just joined the path

MODULE = '''"""Sums.

>>> 1 + 1
2
"""

NOTHING = 0
"""Not a docstring to doctest, although a page can show it.

>>> 2 + 2
4
"""


def three():
    """Return three.

    >>> from tensorref.sums import three
    >>> three()
    3
    >>> print("x 8 9")  # doctest: +ELLIPSIS
    x...8...
    >>> three(1)
    Traceback (most recent call last):
        ...
    TypeError: three() takes 0 positional arguments but 1 was given
    >>> three(1, 2)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    TypeError: in other words
    >>> [three()]  # doctest: +SKIP
    [3]
    """
    return 3
'''
PAGE = """# Page

```python
>>> 5 + 5
10
>>> print()
<BLANKLINE>
```

```pycon
>>> 6 + 6
12
```
"""
SEED = "1"  # wrong in the digit that the ellipsis hides, and in the words of the exception whose detail is ignored
ARGUMENTS = ["--doctest-modules", "tensorref", "docs"]


@pytest.fixture
def tree(tmp_path):
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("tensorref", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tensorref" / "sums.py").write_text(MODULE, "utf-8")
    (tmp_path / "docs" / "page.md").write_text(PAGE, "utf-8")
    return tmp_path


def output(text, file="docs/page.md"):
    return plant.Output(file, 1, 2, text)


def planted(text, kind, seed="1"):
    return next(fault.text for fault in plant.find_faults(output(text), seed) if fault.kind == kind)


def test_it_reports_what_nobody_notices_and_nothing_else(tree, capsys):
    assert plant.main(tree, [*ARGUMENTS, "--seed", SEED]) == 1
    said = capsys.readouterr().out
    survived = {line.partition(": nobody")[0] for line in said.splitlines() if ": nobody noticed" in line}
    hidden = {"tensorref/sums.py:11", "tensorref/sums.py:22", "tensorref/sums.py:30", "tensorref/sums.py:32"}
    assert survived == {*hidden, "docs/page.md:12"}
    assert (
        "tensorref/sums.py:22: nobody noticed a wrong digit\n  was          x...8...\n  planted      x...9...\n" in said
    )
    assert "docs/page.md:7: nothing in this output can be wrong\n  <BLANKLINE>\n" in said
    assert f"seed {SEED}: 9 faults in 10 outputs, 5 survived; " in said


@pytest.mark.full
def test_it_is_content_where_all_is_noticed(tree, capsys):
    (tree / "tensorref" / "sums.py").write_text(MODULE.partition("\n\nNOTHING")[0], "utf-8")
    (tree / "docs" / "page.md").write_text(PAGE.partition(">>> print")[0] + "```\n", "utf-8")
    before = {file: file.read_bytes() for file in tree.rglob("*.*")}
    assert plant.main(tree, ARGUMENTS) == 0
    assert " 2 faults in 2 outputs, 0 survived" in capsys.readouterr().out
    assert {file: file.read_bytes() for file in tree.rglob("*.*")} == before  # only the copy is planted


@pytest.mark.full
def test_an_example_that_fails_by_itself_is_no_fault_noticed(tree):
    (tree / "docs" / "page.md").write_text(PAGE + "```python\n>>> undefined = name\n```\n", "utf-8")
    with pytest.raises(
        RuntimeError, match=r"fail as they are, without a fault; run nox -s 'doctest\(cpu\)': docs/page.md:15"
    ):
        plant.main(tree, ARGUMENTS)


def test_a_tree_without_outputs_is_no_success(tmp_path):
    with pytest.raises(RuntimeError, match="shows no output; is it the root of the project"):
        plant.main(tmp_path, ARGUMENTS)


@pytest.mark.full
def test_what_pytest_cannot_run_is_no_fault_noticed(tree):
    (tree / "tensorref" / "broken.py").write_text("1 +\n", "utf-8")
    with pytest.raises(RuntimeError, match=r"pytest could not run the examples"):
        plant.main(tree, ARGUMENTS)


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        ("digit", "9\n", {"0\n"}),
        ("digit", "0.25\n", {"1.25\n", "0.35\n", "0.26\n"}),
        ("word", "a view\n", {"a viex\n"}),
        ("truth value", "(True, x)\n", {"(False, x)\n"}),
        (
            "shape",
            "torch.Size([])\n(3,) and ()\n",
            {"torch.Size([])\n(1, 3,) and ()\n", "torch.Size([])\n(3,) and (1,)\n"},
        ),
        ("sign", "-1\n", {"1\n"}),
        ("sign", "x1 = 2\n", {"x1 = -2\n"}),
        ("dtype", "torch.float32\n", {"torch.float16\n"}),
        (
            "exception",
            "Traceback (most recent call last):\n    ...\nKeyError: x\n",
            {"Traceback (most recent call last):\n    ...\nValueError: x\n"},
        ),
        ("bracket", "[\n", {"]\n"}),
    ],
)
def test_a_fault_is_one_wrong_place(kind, text, wrong):
    assert {planted(text, kind, str(seed)) for seed in range(30)} == wrong


def test_a_fault_of_a_traceback_lies_where_doctest_looks():
    text = "    Traceback (most recent call last):\n        File 1\n    ValueError: words\n"
    for seed in range(30):
        for fault in plant.find_faults(output(text), str(seed)):
            assert fault.text.startswith("    Traceback (most recent call last):\n        File 1\n    ")
            assert fault.text != text


def test_a_seed_repeats_its_faults():
    text = "tensor([[1., 2.], [3., 4.]], dtype=torch.float64)\n"
    assert plant.find_faults(output(text), "1") == plant.find_faults(output(text), "1")
    assert len({planted(text, "digit", str(seed)) for seed in range(30)}) > 3


def test_every_prompt_is_found():
    found = {(output.file, output.line) for output in plant.find_outputs(ROOT)}
    assert {"README.md", "docs/reference/devices.md", "tensorref/layout/_parsing.py"} <= {file for file, _ in found}
    for file, line in found:
        lines = (ROOT / file).read_text("utf-8").splitlines()
        assert lines[line - 2].lstrip().startswith((">>> ", "... "))
        assert not lines[line - 1].lstrip().startswith((">>> ", "```", '"""'))
