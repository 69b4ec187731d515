"""The benchmarks page: a Jinja template, filled from the result files and from what this machine measures for the build.

The machine is measured by a process of its own before any page is read, so that nothing of the build runs beside it. What
it found is kept until the suite, the libraries or the machine change.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from provenance import record
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.logging import getLogger

if TYPE_CHECKING:
    from tensorref.benchmark import Ceiling, Entry, Results

PAGE = "benchmarks"
PACKAGE = Path(__file__).resolve().parents[3] / "tensorref"
SOURCES = sorted([*(PACKAGE / "benchmark").glob("*.py"), PACKAGE / "kernels.py"])
QUICK = (
    *("--quick", "--largest", "1024"),  # of which softmax has 1000, as in the course
    *("--only", "matmul", "--only", "softmax", "--only", "elementwise", "--only", "view", "--only", "broadcasting"),
)

logger = getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """A machine on the page: what it is called there, and what it measured."""

    name: str
    results: Results

    @property
    def devices(self) -> list[str]:
        return [*dict.fromkeys(entry.device for entry in self.results.entries)]

    def entries(self, group: str, device: str | None = None) -> list[Entry]:
        return [entry for entry in self.results.entries if entry.group == group and device in (None, entry.device)]

    def compared(self, device: str) -> list[Entry]:
        """Return what is computed both by hand and in one go, or by broadcasting and with a copy."""
        return [entry for group in ("softmax", "elementwise", "broadcasting") for entry in self.entries(group, device)]

    def on(self, device: str) -> list[Entry]:
        return [entry for entry in self.results.entries if entry.group == "matmul" or entry.device == device]

    def ceilings(self, device: str) -> list[Ceiling]:
        return [ceiling for ceiling in self.results.ceilings if ceiling.device == device]


def committed(folder: Path) -> list[Machine]:
    """Read the result files of a folder, in the order of their names."""
    from tensorref import benchmark

    return [Machine(file.stem, benchmark.read(file)) for file in sorted(folder.glob("*.json"))]


def table(entries: Sequence[Entry]) -> str:
    """Return a Markdown table: a row a size, a column a candidate, each with its time and its ratio to the first."""
    from tensorref.benchmark._table import figure

    names = [*dict.fromkeys(each.name for entry in entries for each in entry.comparison.candidates)]
    rows = [["n", *names], ["---:"] * (len(names) + 1)]
    for entry in entries:
        cells = {each.name: each for each in entry.comparison.candidates}
        first, *_ = entry.comparison.candidates
        row = [str(entry.size)]
        for name in names:
            cell = "–" if name not in cells else seconds(cells[name].time.median)
            if name in cells and cells[name] is not first:
                low, high = map(figure, cells[name].interval)
                cell += f", {figure(cells[name].ratio)} × ({low} – {high})"
            row.append(cell)
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def summary(results: Results) -> str:
    """Return a Markdown table of all comparisons, a row a candidate: its time and its ratio to the first."""
    from tensorref.benchmark._table import figure

    rows = [["comparison", "candidate", "time", "ratio"], ["---", "---", "---:", "---:"]]
    for entry in results.entries:
        for index, each in enumerate(entry.comparison.candidates):
            name = "" if index else f"{entry.group}, n = {entry.size}"
            ratio = figure(each.ratio) if index else "–"
            rows.append([name, each.name, seconds(each.time.median), ratio])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def seconds(time: float) -> str:
    """Write a time with three digits and its unit."""
    from tensorref.benchmark._table import figure, scale

    factor, unit = scale(time)
    return f"{figure(factor * time)} {unit}"


def render(template: str, machines: Sequence[Machine], built: Machine) -> str:
    """Fill the page."""
    from benchmarks import plots, verdicts

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701  it is Markdown
    return environment.from_string(template).render(
        machines=machines,
        built=built,
        everywhere=[*machines, built],
        claims=verdicts.CLAIMS,
        verdicts={machine.name: verdicts.verdicts(machine.results) for machine in [*machines, built]},
        crossover=verdicts.crossover,
        plots=plots,
        table=table,
        summary=summary,
    )


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    if name != PAGE:
        return
    folder, built = Path(app.srcdir) / PAGE, _built(app)
    machines = committed(folder)
    from benchmarks import plots, verdicts
    from tensorref import benchmark

    for path in (*folder.glob("*.json"), built, __file__, plots.__file__, verdicts.__file__, verdicts.COURSE):
        app.env.note_dependency(str(path))
    source[0] = render(source[0], machines, Machine("the machine that built this page", benchmark.read(built)))


def _outdated(app: Sphinx, env: BuildEnvironment, *_: set[str]) -> list[str]:
    """Read the page again for a new file; those that it has read are its dependencies."""
    known = {Path(app.srcdir, path).resolve() for path in env.dependencies.get(PAGE, ())}
    return [PAGE] if {path.resolve() for path in Path(app.srcdir, PAGE).glob("*.json")} - known else []


def _style(app: Sphinx, name: str, *_: object) -> None:
    if name == PAGE:
        app.add_css_file("benchmarks.css")


def _built(app: Sphinx) -> Path:
    return Path(app.srcdir) / "_build" / "benchmark.json"


def _measure(app: Sphinx) -> None:
    """Let this machine measure itself, unless it has."""
    file, device = _built(app), record.device()
    facts = [platform.node(), platform.python_version(), *map(version, ("numpy", "torch")), device, *QUICK]
    texts = [*facts, *(file.read_text("utf-8") for file in SOURCES)]
    digest, key = hashlib.sha256("\0".join(texts).encode()).hexdigest(), file.with_suffix(".key")
    if file.exists() and key.exists() and key.read_text("utf-8") == digest:
        return
    logger.info("measuring this machine for the benchmarks page ...")
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tensorref", "bench", *QUICK, "--device", device, "--output", str(file)]
    run = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode:
        raise ExtensionError(f"the benchmarks page has nothing to show: {' '.join(command)} failed\n{run.stderr}")
    key.write_text(digest, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", _measure)
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _read)
    app.connect("html-page-context", _style)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
