"""Check what was built: ``python tests/distributions.py dist WORK``; `nox -s package` makes both folders.

WORK holds ``dist``, built again from the unpacked sdist, and ``site``, where the wheel is installed alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

LEFT_OUT = (".ci/", ".github/")
USED_AT_RUNTIME = {".py", ".js", ".css", ".mo", ".toml", ".typed"}


def repeated(built: Path, again: Path) -> str:
    """Say that two builds have the same bytes, or fail with the first that has not."""
    files = sorted(built.iterdir())
    assert [path.name for path in files] == sorted(path.name for path in again.iterdir())
    for path in files:
        assert path.read_bytes() == (again / path.name).read_bytes(), f"{path.name} is another when built again"
    return f"{' and '.join(path.name for path in files)}: the same bytes when built again from the sdist"


def complete(sdist: Path) -> str:
    """Say that the sdist holds what git tracks and nothing else."""
    top = sdist.name.removesuffix(".tar.gz") + "/"
    with tarfile.open(sdist) as archive:
        held = {member.name.removeprefix(top) for member in archive if member.isfile()} - {"PKG-INFO"}
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    tracked = {name for name in listed.split("\0") if name and Path(name).exists() and not name.startswith(LEFT_OUT)}
    assert held == tracked, f"missing in the sdist: {sorted(tracked - held)}; not tracked: {sorted(held - tracked)}"
    return f"{sdist.name}: the {len(held)} files that git tracks, without {' and '.join(LEFT_OUT)}"


RULES = (
    "activations",
    "anatomy",
    "broadcasting",
    "budget",
    "dtypes",
    "einsum",
    "errors",
    "experts",
    "indexing",
    "layout",
    "losses",
    "matmul",
    "normalization",
    "positions",
    "quantization",
    "reductions",
)
PROGRAM = f"""
import importlib, importlib.util
found = [name for name in ("numpy", "torch") if importlib.util.find_spec(name)]
assert not found, f"installed here: {{found}}"
import tensorref
from tensorref import broadcasting, sphinxext
for name in {RULES}:
    importlib.import_module("tensorref." + name)
for name in sorted({{*tensorref.CONCEPTS}} - {{*{RULES}}}):
    try:
        importlib.import_module("tensorref." + name)
    except ModuleNotFoundError as error:
        assert str(error).startswith(f"tensorref.{{name}} needs "), error
    else:
        raise AssertionError(f"{{name}} is imported without the libraries")
print(tensorref.__file__, tensorref.__version__, broadcasting.result_shape((4, 1), (1, 3)))
"""


def installed(site: Path) -> str:
    """Say that the wheel has its files, and that where neither library is the rules work and the others say what to install."""
    wanted = {path for path in Path("tensorref").rglob("*") if path.suffix in USED_AT_RUNTIME}
    missing = sorted(str(path) for path in wanted if not (site / path).is_file())
    assert not missing, f"missing in the wheel: {missing}"
    program = f"import sys; sys.path.insert(0, {str(site.resolve())!r})\n{PROGRAM}"
    run = subprocess.run([sys.executable, "-I", "-c", program], stdout=subprocess.PIPE, text=True, check=True, cwd=site)
    file, *answer = run.stdout.split(maxsplit=2)
    assert Path(file).parent.parent == site.resolve(), f"{file} was imported"
    return f"the wheel: {len(wanted)} files, imports as {' '.join(answer).strip()}"


def described(site: Path) -> str:
    """Say that every link of the description leads somewhere outside the repository too."""
    (metadata,) = site.glob("tensorref-*.dist-info/METADATA")
    links = re.findall(r"\]\((\S+)\)", metadata.read_text("utf-8"))
    assert links, "the description has no links"
    lost = [link for link in links if not link.startswith("https://")]
    assert not lost, f"links of the description that lead nowhere outside the repository: {lost}"
    return f"the description: {len(links)} links, all of them whole"


if __name__ == "__main__":
    built, work = map(Path, sys.argv[1:])
    (archive,) = built.glob("*.tar.gz")
    for line in (repeated(built, work / "dist"), complete(archive), installed(work / "site"), described(work / "site")):
        print(line)
