"""The lock: for every Python and every system one version of each thing that pyproject.toml asks for."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = [
    Requirement(line) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")
]
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}


def wanted():
    """Yield each requirement of the project, its extras and its groups."""
    project = PYPROJECT["project"]
    lists = [project.get("dependencies", []), *project["optional-dependencies"].values()]
    lists += PYPROJECT["dependency-groups"].values()
    for line in itertools.chain.from_iterable(lists):
        if isinstance(line, str) and (requirement := Requirement(line)).name != project["name"]:
            yield requirement


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_requirement_has_one_version_that_it_allows(python, system):
    place = {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": "x86_64"}
    place |= {"implementation_name": "cpython", "platform_python_implementation": "CPython", **SYSTEMS[system]}
    locked = {}
    for pin in LOCK:
        if pin.marker is None or pin.marker.evaluate(place):
            (version,) = pin.specifier
            assert version.operator == "==", str(pin)
            locked.setdefault(canonicalize_name(pin.name), []).append(version.version)
    for requirement in wanted():
        found = locked.get(canonicalize_name(requirement.name), [])
        right = len(found) == 1 and found[0] in requirement.specifier
        assert right, f"{requirement} is locked to {' and '.join(found) or 'nothing'}; run `nox -s lock`"


def test_it_names_no_address_and_leaves_the_build_of_pytorch_free():
    assert [str(pin) for pin in LOCK if pin.url] == []
    assert [pin.name for pin in LOCK if "+" in str(pin.specifier)] == []
    assert [pin.name for pin in LOCK if pin.name.startswith(("nvidia-", "cuda-", "triton"))] == []
