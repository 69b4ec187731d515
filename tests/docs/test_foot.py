"""The foot of a page: it names a run only if that run was of the text that stands on the page."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from provenance import foot, record
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from tensorref.benchmark import _machine

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = "```python\n>>> {}\n{}\n```\n"

# What the feet of these pages have to say: whether each example on them ran and gave what it shows.
PAGES = {
    "right": ("# Right\n\n" + EXAMPLE.format("1 + 1", 2) + "\n" + EXAMPLE.format("2 + 2", 4), True),
    "wrong": ("# Wrong\n\n" + EXAMPLE.format("1 + 1", 2) + "\n" + EXAMPLE.format("2 + 2", 5), False),
    "skipped": ("# Skipped\n\n" + EXAMPLE.format("1 + 1  # doctest: +SKIP", 3), False),
    "raises": ("# Raises\n\n" + EXAMPLE.format("1 + 1", 2) + "\n```python\n1 / 0\n```\n", False),
    "deselected": ("# Deselected\n\n" + EXAMPLE.format("1 + 1", 2) + "\n" + EXAMPLE.format("2 + 2", 5), False),
    "overlooked": ("# Overlooked\n\n" + EXAMPLE.format("1 + 1", 2) + "\n```pycon\n>>> 2 + 2\n5\n```\n", False),
    "docstring": ("# Docstring\n\n```{literalinclude} ../tensorref/sums.py\n:lines: 5-6\n:dedent:\n```\n", True),
    "prose": ("# Prose\n\n`1 + 1` is 2.\n\n```python\nx = 1\n```\n", None),
}
MODULE = 'def one():\n    """Return one.\n\n    It is 1:\n    >>> 1 + 0\n    1\n    """\n'
OTHER = "NOTHING = 0\n"
MACHINE = "def processor():\n    return 'A CPU'\n\n\ndef accelerator(device):\n    return f'A {device}', None\n"


class Project:
    """A small project with the pages above, which runs its examples and builds its documentation as this one does."""

    def __init__(self, root):
        self.root, self.said = root, ""
        for folder in ("docs/_ext/provenance", "tensorref"):
            (root / folder).mkdir(parents=True)
        for file in ("conftest.py", "pyproject.toml", "docs/_ext/provenance/record.py"):
            shutil.copy(ROOT / file, root / file)
        for name, (text, _) in PAGES.items():
            self.write(f"docs/{name}.md", text)
        self.write("docs/index.md", "# Index\n\n```{toctree}\n:glob:\n\n*\n```\n")
        self.write("tensorref/sums.py", MODULE)
        self.write("tensorref/other.py", OTHER)
        (root / "tensorref" / "benchmark").mkdir()
        self.write("tensorref/benchmark/__init__.py", "")
        self.write("tensorref/benchmark/_machine.py", MACHINE)

    def write(self, name, text):
        (self.root / name).write_text(text, "utf-8")

    def run_examples(self, *arguments, device="cpu"):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--doctest-modules", *arguments]
        env = {**os.environ, "TENSORREF_DEVICE": device}
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)

    @property
    def record(self):
        return self.root / "docs" / "_build" / "examples-cpu.json"

    def build(self):
        """Build the pages; return their feet, and the names of the pages that were written."""
        docs, out, said = self.root / "docs", self.root / "html", io.StringIO()
        before = {page.name: page.stat().st_mtime_ns for page in out.glob("*.html")}
        settings = {
            "extensions": ["myst_parser", "provenance.foot"],
            "exclude_patterns": ["_build", "_ext"],
            "html_theme": "alabaster",
            "suppress_warnings": ["toc"],
        }
        with patch_docutils(), docutils_namespace():
            Sphinx(docs, None, out, self.root / "doctrees", "html", settings, io.StringIO(), said).build()
        assert said.getvalue() == ""
        feet, written = {}, set()
        for page in out.glob("*.html"):
            found = re.findall(r'<footer class="ran">(.*?)</footer>', page.read_text("utf-8"))
            assert len(found) <= 1
            feet[page.stem] = re.sub("<.*?>", "", found[0]) if found else None
            if before.get(page.name) != page.stat().st_mtime_ns:
                written.add(page.stem)
        return feet, written


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORREF_DEVICE", "cpu")
    return Project(tmp_path)


SHOW = {name for name, (_, ran) in PAGES.items() if ran is not None}
ALWAYS = {"index", "genindex", "search"}  # what Sphinx writes as soon as there is another page to write
RIGHT = {name for name, (_, ran) in PAGES.items() if ran}


def ran(feet):
    """Return the pages whose feet name a run; no other page has a foot."""
    named = {name for name, foot in feet.items() if foot is not None}
    for name in named:
        assert feet[name].startswith("The examples on this page ran on 2")
    return named


def test_a_foot_is_true_of_its_page(project):
    feet, _ = project.build()
    assert ran(feet) == set()
    assert feet["genindex"] is feet["search"] is None

    run = project.run_examples("--record", "tensorref", "docs", "--deselect", "docs/deselected.md::line:9,column:1")
    assert re.search(r"^FAILED docs/wrong.md::line:9", run.stdout, re.MULTILINE), run.stdout + run.stderr
    feet, written = project.build()
    assert ran(feet) == RIGHT
    assert written - ALWAYS == RIGHT  # and no other page
    today = datetime.now(UTC).date()
    days = "|".join(str(day) for day in (today, today - timedelta(days=1)))
    number = platform.python_version()
    words = rf"The examples on this page ran on ({days}) with Python {re.escape(number)}, NumPy {version('numpy')}, PyTorch "
    assert re.match(words, feet["right"])
    assert re.search(
        rf"PyTorch {re.escape(version('torch'))} and tensorref [\d.]+ on cpu \(.+\), and gave", feet["right"]
    )

    _, written = project.build()
    assert written <= ALWAYS  # nothing changed

    text, _ = PAGES["right"]
    project.write("docs/right.md", text.replace("4", "5"))
    feet, written = project.build()
    assert ran(feet) == RIGHT - {"right"}
    assert written - ALWAYS == {"right"}
    project.write("docs/right.md", text)
    assert ran(project.build()[0]) == RIGHT  # it is again the text that ran

    project.write("tensorref/sums.py", MODULE.replace("    1\n", "    2\n"))
    assert ran(project.build()[0]) == set()
    project.write("tensorref/sums.py", MODULE)
    assert ran(project.build()[0]) == RIGHT
    project.write("tensorref/other.py", OTHER.replace("0", "1"))  # on which an output may depend
    feet, written = project.build()
    assert ran(feet) == set()
    assert written - ALWAYS == RIGHT
    project.write("tensorref/other.py", OTHER)
    assert ran(project.build()[0]) == RIGHT

    (project.root / "conftest.py").write_text("# another way to run them\n", "utf-8")
    assert ran(project.build()[0]) == set()


@pytest.mark.full
def test_a_record_is_of_one_device(project, monkeypatch):
    project.run_examples("--record", "docs/right.md", device="meta")
    assert ran(project.build()[0]) == set()
    monkeypatch.setenv("TENSORREF_DEVICE", "meta")
    feet, written = project.build()
    assert ran(feet) == {"right"}
    assert " on meta (" in feet["right"]
    assert written - ALWAYS == {"right"}


@pytest.mark.full
def test_only_a_run_that_is_to_leave_a_record_leaves_one(project):
    assert project.run_examples("docs/right.md").returncode == 0
    assert not project.record.exists()


@pytest.mark.full
def test_text_that_changed_while_it_ran_is_not_in_the_record(project):
    path = project.root / "docs" / "right.md"
    change = (
        f"from pathlib import Path; p = Path({str(path)!r}); p.write_text(p.read_text().replace('4', '5')) and None"
    )
    project.write("docs/zzz.md", "# Changes another page\n\n" + EXAMPLE.format(change, "").replace("\n\n`", "\n`"))
    assert project.run_examples("--record", "docs/right.md", "docs/zzz.md").returncode == 0
    assert [*json.loads(project.record.read_text("utf-8"))["files"]] == ["docs/zzz.md"]


def test_the_gallery_shows_the_run_that_made_its_outputs(project, monkeypatch):
    """Its facts come with the outputs; what this process has, and any record of pytest, is beside the point."""
    facts = {
        "date": "2020-02-29",
        "versions": {"PyTorch": "1.4.0", "Python": "3.8.1"},  # in the order in which a notebook keeps them
        "devices": ["cuda:0 (A <GPU>)", "cpu (A CPU)"],
    }
    note = foot._note  # noqa: SLF001  the place where the gallery's notes are known

    def with_facts(app, doctree):
        note(app, doctree)
        if app.env.docname == "right":
            app.env.metadata["right"]["ran"] = facts

    monkeypatch.setattr(foot, "_note", with_facts)
    feet, _ = project.build()
    assert feet["right"] == (
        "The outputs on this page are those of a run on 2020-02-29 with Python 3.8.1 and PyTorch 1.4.0 on "
        "cuda:0 (A &lt;GPU&gt;) and cpu (A CPU)."
    )


def test_facts_name_each_device_that_was_used(monkeypatch):
    monkeypatch.setattr(_machine, "accelerator", lambda device: (f"Name of {device}", None))
    monkeypatch.setattr(_machine, "processor", lambda: "Processor")
    near, far = torch.ones(3, device="cpu"), torch.ones(3, device="meta")
    assert record.devices_of({"near": near, "far": far, "name": "cuda"}) == {near.device}
    chosen = record.devices_of({"device": torch.device("cuda:1"), "near": near})
    assert record.facts(*chosen)["devices"] == ["cpu (Processor)", "cuda:1 (Name of cuda:1)"]


def test_what_a_script_imports_is_followed_through_the_package(project):
    folder = project.root / "tensorref"
    (folder / "_rows").mkdir()
    for name, text in {
        "__init__.py": "from tensorref import other\n",  # which is no import of those who import the package
        "sums.py": "def late():\n    from tensorref.other import NOTHING\n",
        "tables.py": "import tensorref._rows\n",
        "_rows/__init__.py": "",
        "_rows/one.toml": "",
    }.items():
        project.write(f"tensorref/{name}", text)

    def imported(script):
        return {file.relative_to(folder).as_posix() for file in record.imported(script, project.root)}

    always = {"__init__.py"}
    assert imported("import numpy\nfrom tensorref import nothing\n") == always
    assert imported("from tensorref import sums\n") == always | {"sums.py", "other.py"}
    assert imported("from tensorref.sums import late\n") == always | {"sums.py", "other.py"}
    assert imported("import tensorref.tables as t\n") == always | {"tables.py", "_rows/__init__.py", "_rows/one.toml"}
