"""Everything a maintainer runs: ``nox`` for all that this machine can check, ``nox -s serve`` to look at the site."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
SITE = Path("docs/_build/html")
DOCTREES = Path("docs/_build/doctrees")
TYPESCRIPT = "7.0.2"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BENCHMARKS = sorted(path.stem for path in Path("tests/benchmarks").glob("*.py"))

on_each_device = nox.parametrize("device", ["cpu", "gpu"], ids=["cpu", "gpu"])


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups of pyproject.toml, and the project; with ``--no-venv`` they have to be there."""
    if session.venv_backend == "none":
        return
    # uv does not read pip's settings. Where none says which PyTorch to take, it takes the one for this machine's GPU.
    links = os.environ.get("PIP_FIND_LINKS")
    env = {"UV_FIND_LINKS": links.replace(" ", ",")} if links else {"UV_TORCH_BACKEND": "auto"}
    wanted = [*nox.project.dependency_groups(PYPROJECT, *groups), *(["-e", "."] if project else [])]
    env["UV_COMPILE_BYTECODE"] = "1"  # as pip does; or each process compiles all it imports where Python may not write
    session.install(*wanted, env={**env, **os.environ})


def choose(session: nox.Session, device: str) -> dict[str, str]:
    """Return the environment that makes a device the default one, or skip the session and say what is missing."""
    if device == "cpu":
        return {"TENSORREF_DEVICE": "cpu"}
    probe = "import torch; a = torch.accelerator; print(a.current_accelerator() if a.is_available() else '')"
    chosen = os.environ.get("TENSORREF_DEVICE") or str(session.run("python", "-c", probe, silent=True)).strip()
    if not chosen or chosen == "cpu":
        driver = "an NVIDIA driver is there, but" if shutil.which("nvidia-smi") else "no GPU is there, or"
        session.skip(f"{driver} this PyTorch cannot use one: torch.accelerator.is_available() is False")
    return {"TENSORREF_DEVICE": chosen}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and spelling; ``nox -s lint -- --fix`` fixes what it can."""
    install(session, "lint", project=False)
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy and pyright, both strict, and those of the scripts with TypeScript."""
    install(session, "types", "test")
    session.run("mypy")
    session.run("pyright")
    typescript = ["npm", "exec", "--yes", "--prefer-offline", f"--package=typescript@{TYPESCRIPT}"]
    session.run(*typescript, "--", "tsc", "--project", "tests/browser/tsconfig.json")


@nox.session
@on_each_device
def doctest(session: nox.Session, device: str) -> None:
    """Run every example in docstrings, Markdown pages and the README, and leave a record for the feet of the pages."""
    install(session, "test")
    env = choose(session, device)
    where = ["tensorref", "docs", "README.md"]
    session.run("python", "-m", "pytest", "--doctest-modules", "--record", *where, *session.posargs, env=env)


@nox.session
@on_each_device
def tests(session: nox.Session, device: str) -> None:
    """Run the tests that need no browser and no built site."""
    install(session, "test")
    env = choose(session, device)
    session.run(
        "python", "-m", "pytest", "tests", "--ignore=tests/browser", "--ignore=tests/site", *session.posargs, env=env
    )


@nox.session
@on_each_device
def docs(session: nox.Session, device: str) -> None:
    """Build the site into docs/_build/html and check it; a warning fails, after all of them were reported."""
    install(session, "docs", "test")
    env = choose(session, device)
    try:
        session.run("sphinx-build", "-n", "-W", "-j", "auto", "-d", str(DOCTREES), "docs", str(SITE), env=env)
    except nox.command.CommandFailed:
        # Sphinx does not repeat the warnings of pages it has read, so the next build would pass.
        (DOCTREES / "environment.pickle").unlink(missing_ok=True)
        raise
    session.run("python", "-m", "pytest", "tests/site", env=env)


@nox.session(default=False)
def serve(session: nox.Session) -> None:
    """Build the site, open it in a browser, and build again whenever something changes."""
    install(session, "docs")
    watched = [f"--watch={folder}" for folder in ("tensorref", "examples")]
    ignored = ["--ignore=*/docs/gallery/*.py", "--ignore=*/__pycache__/*"]
    options = ["-n", "-j", "auto", "-d", str(DOCTREES), *watched, *ignored, "--open-browser", *session.posargs]
    session.run("sphinx-autobuild", *options, "docs", str(SITE), env={"TENSORREF_DEVICE": "cpu"})


@nox.session(default=False)
def catalogs(session: nox.Session) -> None:
    """Bring the catalogs of messages up to date; ``nox -s catalogs -- fr`` begins one for a language."""
    install(session, "docs")
    session.run("python", "-m", "tensorref.sphinxext.catalogs", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Try the explorers in a real browser; it finds one, fetches one, or fails."""
    install(session, "browser", "docs", "test")
    env = {"TENSORREF_BROWSER": find_browser(session)}
    session.run("python", "-m", "pytest", "tests/browser", *session.posargs, env=env)


@nox.session(default=False)
@nox.parametrize("name", BENCHMARKS, ids=BENCHMARKS)
def benchmark(session: nox.Session, name: str) -> None:
    """Measure one of tests/benchmarks and print what it found."""
    install(session, "browser", "docs", "benchmark")
    env = {"TENSORREF_BROWSER": find_browser(session)}
    session.run("python", f"tests/benchmarks/{name}.py", *session.posargs, env=env)


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
