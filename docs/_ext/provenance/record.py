"""What examples were run with: written down where they run, in pytest and in the kernels of the gallery; shown by `foot`.

A record of pytest names the very texts that it ran, by their digests. Whoever reads it asks `belongs` first.
"""

from __future__ import annotations

import ast
import doctest
import hashlib
import json
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parents[3]
MIME = "application/vnd.tensorref.run+json"
LIBRARIES = {"NumPy": "numpy", "PyTorch": "torch", "Matplotlib": "matplotlib", "tensorref": "tensorref"}
_PROMPT = re.compile(r"^\s*>>> (?!\s*#)", re.MULTILINE)


def facts(*places: torch.device) -> dict[str, Any]:
    """Return the day, the versions of this process, and the devices by their names."""
    from tensorref.benchmark import _machine

    used = {"Python": platform.python_version()}
    used |= {name: version(module) for name, module in LIBRARIES.items() if module in sys.modules}
    names = {
        str(place): _machine.processor() if place.type == "cpu" else _machine.accelerator(place)[0] for place in places
    }
    devices = [f"{place} ({name})" for place, name in sorted(names.items())]
    return {"date": datetime.now(UTC).date().isoformat(), "versions": used, "devices": devices}


def devices_of(variables: Mapping[str, object]) -> set[torch.device]:
    """Return the default device, and those of tensors and of devices among variables; meta computes nothing."""
    import torch

    found = [torch.empty(0).device]
    for value in variables.values():
        place = value if isinstance(value, torch.device) else getattr(value, "device", None)
        if isinstance(place, torch.device) and place.type != "meta":
            found.append(place)
    return {*found}


def show(variables: Mapping[str, object]) -> None:
    """Leave the facts among the outputs of a notebook, so that whoever keeps those keeps these."""
    from IPython.display import display

    display({MIME: facts(*devices_of(variables))}, raw=True)


def sentence(found: Mapping[str, Any]) -> str:
    """Return facts in words: the versions and the devices."""
    numbers = found["versions"]
    *others, last = (f"{name} {numbers[name]}" for name in ("Python", *LIBRARIES) if name in numbers)
    return f"{', '.join(others)} and {last} on {' and '.join(found['devices'])}"


def device() -> str:
    """Return the device that examples run on by default, as `nox` chose it."""
    return os.environ.get("TENSORREF_DEVICE", "cpu")


def record_file(root: Path) -> Path:
    """Return where the record of the examples stands, one for each device."""
    return root / "docs" / "_build" / f"examples-{device().replace(':', '-')}.json"


def digest(*files: Path) -> str:
    """Return a digest of what stands in files."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def package(root: Path = ROOT) -> str:
    """Return a digest of all that a documented output can come from: the package, and how its examples are run."""
    folder = root / "tensorref"
    return digest(*sorted({*folder.rglob("*.py"), *folder.rglob("*.toml")}), root / "conftest.py")


def imported(script: str, root: Path = ROOT) -> list[Path]:
    """Return the files of the package that a script imports, and all that they import; of a folder, each file."""
    folder, names = root / "tensorref", {*_imports(script)}
    found, seen = {folder / "__init__.py"}, set[str]()
    while names - seen:
        name = (names - seen).pop()
        seen.add(name)
        packages = (folder / name, folder / f"_{name}")  # the second holds a function that the top level has by its name
        files = [folder / f"{name}.py", *(file for package in packages for file in package.rglob("*.[pt]*"))]
        for file in filter(Path.exists, files):
            found.add(file)
            names |= _imports(file.read_text("utf-8")) if file.suffix == ".py" else set()
    return sorted(found)


@cache
def _imports(text: str) -> frozenset[str]:
    """Return what a text imports of the package: ``layout`` for ``from tensorref.layout import can_view``."""
    names = set[str]()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
    return frozenset(name.split(".")[1] for name in names if name.startswith("tensorref."))


def examples(file: Path) -> int:
    """Return how many examples a file shows, as a reader counts them: the prompts."""
    return len(_PROMPT.findall(file.read_text("utf-8")))


def belongs(record: Mapping[str, Any], root: Path, files: Iterable[Path]) -> bool:
    """Tell whether a record is of this very package and of each of these files as it stands."""
    texts = {file.relative_to(root).as_posix(): digest(file) for file in files}
    return record.get("package") == package(root) and texts.items() <= record["files"].items()


class Recorder:
    """A plugin of pytest: names the files of which every example ran and gave what it shows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.package = package(root)
        self.items: dict[str, tuple[Path, Path, int]] = {}
        self.before: dict[Path, str] = {}
        self.passed: Counter[Path] = Counter()
        self.not_passed: set[Path] = set()

    def pytest_collection_finish(self, session: Any) -> None:
        for item in session.items:
            self.items[item.nodeid] = (item.path, self._home(item), _examples_of(item))
        self.before = {path: digest(path) for paths in self.items.values() for path in paths[:2]}

    def _home(self, item: Any) -> Path:
        """Return the file that a docstring stands in, which need not be the module that shows it."""
        if test := getattr(item, "dtest", None):
            words = _squeezed(test.docstring)
            for path in (item.path, *sorted((self.root / "tensorref").rglob("*.py"))):
                if words in _text(path):
                    return path
        return item.path

    def pytest_runtest_logreport(self, report: Any) -> None:
        path, home, count = self.items[report.nodeid]
        if report.outcome != "passed":
            self.not_passed |= {path, home}
        elif report.when == "call":
            self.passed[home] += count

    def pytest_sessionfinish(self) -> None:
        import torch

        texts = {
            path.relative_to(self.root).as_posix(): text
            for path, text in sorted(self.before.items())
            # Fewer ran than the file shows where some were deselected, skipped or overlooked.
            if path not in self.not_passed and self.passed[path] == examples(path) and digest(path) == text
        }
        record = {**facts(torch.empty(0, device=device()).device), "package": self.package, "files": texts}
        file = record_file(self.root)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _squeezed(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


@cache
def _text(file: Path) -> str:
    return _squeezed(file.read_text("utf-8"))


def _examples_of(item: Any) -> int:
    """Return how many examples a doctest of pytest or an example of Sybil runs."""
    if test := getattr(item, "dtest", None):
        return sum(not example.options.get(doctest.SKIP) for example in test.examples)
    parsed = getattr(getattr(getattr(item, "example", None), "region", None), "parsed", None)
    return int(isinstance(parsed, doctest.Example) and not parsed.options.get(doctest.SKIP))
