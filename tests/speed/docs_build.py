"""Measure how long the documentation takes to build, in a copy of the tree, beside the least that it could take.

``nox -s "speed(docs_build)"`` runs it. The floor is what has to be done anyway: the scripts of the gallery in forked
kernels, one for each core at a time, and a stock build of the same pages by Sphinx, with the same theme, MyST and
autodoc, and nothing of ours. For its own page the build measures the machine first; that takes the same time whatever runs
the examples, is done once, and is part of no other figure. Sphinx-Gallery builds the same documentation, with the same
scripts in the gallery.

Beside the time by the clock stands what all processors spent, which other programs disturb less. The ratios are those of
the processors.
"""

import argparse
import operator
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import jupytext
from jupyter_cache import get_cache

from tensorref import __version__
from tensorref.benchmark._machine import processor

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
from from_package import exercises  # noqa: E402  its folder has just joined the path
from provenance import record  # noqa: E402

KINDS = ("forked", "stock")
PROSE, EXAMPLE, MODULE = "docs/reference/reading-shapes.md", "examples/layout.py", "tensorref/layout/__init__.py"
KERNELS = """
import multiprocessing, os, sys
from pathlib import Path
sys.path.insert(0, "../docs/_ext")
import gallery
from gallery.forked_kernels import Server
from jupyter_cache.executors.utils import single_nb_execution
def run(script):
    notebook = gallery.read_script(Path(script).read_text("utf-8"))
    assert single_nb_execution(notebook, cwd="../docs/gallery", timeout=120, allow_errors=False).err is None
server = Server()
with multiprocessing.get_context("fork").Pool() as pool:
    pool.map(run, sys.argv[1:], chunksize=1)
server.stop()
"""
STOCK = """
ours = {"tensorref", *(path.name.partition(".")[0] for path in (HERE / "_ext").iterdir())}
ours -= {*os.environ.get("CONTENT", "").split()}
extensions = [name for name in extensions if name.partition(".")[0] not in ours and name != "sphinx.ext.linkcode"]
nb_custom_formats, nb_execution_mode = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}, "off"
typehints_formatter, html_math_renderer = None, "mathjax"
"""
SPHINX_GALLERY = """
extensions[extensions.index("gallery")] = "gallery.cards"
extensions.append("sphinx_gallery.gen_gallery")
nb_custom_formats, nb_execution_mode = {}, "off"
sphinx_gallery_conf = {"examples_dirs": "../scripts", "gallery_dirs": "gallery", "filename_pattern": "/"}
"""


class Seconds(NamedTuple):
    """What something took."""

    clock: float
    processors: float

    def __add__(self, other):
        return Seconds(*map(operator.add, self, other))


def processors():
    """Return the seconds that processes which this one has started have spent."""
    times = os.times()
    return times.children_user + times.children_system


class Tree:
    """A copy of the tree that is built in its own place."""

    def __init__(self, root):
        self.root, self.built = root, root / "docs" / "_build"
        ignored = shutil.ignore_patterns("_build", ".*", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT, root, ignore=ignored)
        for copy in (root / "docs" / "gallery").glob("*.py"):
            copy.unlink()
        self.env = {**os.environ, "PYTHONPATH": str(root), "MPLBACKEND": "agg", "TENSORREF_DEVICE": "cpu"}

    def run(self, *command, cwd=None, **env):
        """Return the seconds that a command takes, by the clock and of processors; one that fails ends all."""
        start, spent = time.perf_counter(), processors()
        run = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=cwd or self.root,
            env={key: value for key, value in {**self.env, **env}.items() if value is not None},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = Seconds(time.perf_counter() - start, processors() - spent)
        if run.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed\n{run.stdout}\n{run.stderr}")
        return seconds

    def build(self, *options):
        """Return the seconds of a build."""
        # Where the examples run, Matplotlib draws for the page.
        where = ("-d", self.built / "doctrees", "docs", self.built / "html")
        jobs = 2 * (os.cpu_count() or 1)  # one that waits for a kernel leaves its core to another
        return self.run("-m", "sphinx", "-q", "-n", "-j", jobs, *options, *where, MPLBACKEND=None)

    def clear(self):
        """Remove all that a build has left, but for what it has measured of the machine."""
        for name in ("doctrees", "html", "jupyter_cache", "jupyter_execute"):
            shutil.rmtree(self.built / name, ignore_errors=True)

    def add(self, name, line):
        """Add a line at the end of a file."""
        with (self.root / name).open("a", encoding="utf-8") as file:
            file.write(line)

    def runs(self):
        """Return how many runs of examples the cache holds."""
        return len(get_cache(self.built / "jupyter_cache").list_cache_records())

    def importing(self, module):
        """Return how many examples import a module of the package."""
        scripts = [script.read_text("utf-8") for script in (self.root / "examples").glob("*.py")]
        return sum(self.root / module in record.imported(script, self.root) for script in scripts)

    def leave_out_ours(self):
        """Let Sphinx build the pages by itself."""
        self.add("docs/conf.py", STOCK)
        exercises.make_pages(self.root / "docs" / "exercises")
        for script in (self.root / "examples").glob("*.py"):
            shutil.copy(script, self.root / "docs" / "gallery")

    def swap_gallery(self):
        """Let Sphinx-Gallery run the same code."""
        folder = self.root / "scripts"
        folder.mkdir()
        (folder / "GALLERY_HEADER.rst").write_text("Gallery\n=======\n", "utf-8")
        for script in (self.root / "examples").glob("*.py"):
            notebook = jupytext.read(script, fmt="py:percent")
            for cell in notebook.cells:
                if cell.cell_type == "markdown" and cell.source.startswith("#"):
                    title, _, rest = cell.source.partition("\n")
                    words = title.lstrip("# ")
                    cell.source = f"{words}\n{'=-'[title.startswith('##')] * len(words)}\n{rest}"
            (folder / script.name).write_text(jupytext.writes(notebook, "py:sphinx"), "utf-8")
        shutil.rmtree(self.root / "docs" / "gallery")
        self.add("docs/conf.py", SPHINX_GALLERY)


def measure(tree, kind):
    """Return the seconds of each build with one kind of kernels, in the order in which they are done."""
    options = ("-W", "-D", f"gallery_kernels={kind}")
    tree.clear()
    found = {"cold": tree.build(*options)}
    count = tree.runs()
    found["nothing changed"] = tree.build(*options)
    tree.add(PROSE, f"\nA sentence, for {kind} kernels.\n")
    found["one prose page"] = tree.build(*options)
    assert tree.runs() == count, "an example ran although nothing of it changed"
    tree.add(EXAMPLE, f"print('{kind}')\n")
    found["one example"] = tree.build(*options)
    assert tree.runs() == count + 1, "not just the example that changed ran"
    tree.add(MODULE, f"\n# A line, for {kind} kernels.\n")
    found["one line of the package"] = tree.build(*options)
    assert tree.runs() == count + 1 + tree.importing(MODULE), "not just the examples that import the module ran"
    return found


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", default=[*KINDS], metavar="KERNELS", help=", ".join(KINDS))
    parser.add_argument("--no-sphinx-gallery", action="store_true", help="leave out the comparison")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        tree = Tree(Path(made) / "tree")
        scripts = sorted((tree.root / "examples").glob("*.py"))
        print(f"tensorref {__version__}, Python {platform.python_version()}, {processor()}, {os.cpu_count()} cores")
        print(f"{'seconds':56}{'clock':>9}{'processors':>14}{'/ floor':>9}")
        stock = Tree(Path(made) / "stock")
        stock.leave_out_ours()
        off = stock.build()
        together = tree.run("-c", KERNELS, *scripts, cwd=tree.root / "examples", MPLBACKEND=None)
        floor = together + off
        show(f"{len(scripts)} scripts in forked kernels", together)
        show("stock build, without them", off)
        show("floor: both", floor)
        shutil.rmtree(stock.built)
        stock.env["CONTENT"] = "tensorref from_package"
        show("stock build with the dictionary, exercises and explorers", stock.build())
        tree.build()  # measures the machine
        for kind in given.kinds:
            for name, seconds in measure(tree, kind).items():
                show(f"{kind} kernels: {name}", seconds, floor)
        if not given.no_sphinx_gallery:
            tree.clear()
            tree.swap_gallery()
            show("Sphinx-Gallery: cold", tree.build(), floor)


def show(label, seconds, floor=None):
    """Print a row."""
    ratio = f"{seconds.processors / floor.processors:9.2f}" if floor else ""
    print(f"{label:56}{seconds.clock:9.1f}{seconds.processors:14.1f}{ratio}", flush=True)


if __name__ == "__main__":
    main()
