"""A project with one line in its ``conf.py``, built as its readers want it: by any builder, in any theme, by any Sphinx."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.metadata import requires, version
from pathlib import Path
from posixpath import join, normpath

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
CONF = 'extensions = ["tensorref.sphinxext"]\n'
PAGES = {
    "index.rst": """\
Tensors
=======

.. broadcasting:: (32, 10, 64) (64,)
   :names: x, bias

.. matmul:: (B=32, T=10, D=64) (D, F=256)
   :names: x, weight.mT

.. layout:: (3, 4) .transpose(0, 1)[:, ::2].view(8)

.. picture:: broadcasting.explain((4, 1), (1, 3))

.. toctree::

   deep/page
""",
    "deep/page.rst": """\
Deep
====

.. broadcasting:: (3, 4) (2, 4)
   :step: 5

.. picture:: layout.history((3, 4), ".transpose(0, 1)")
""",
}
OF_A_BROWSER = {
    "html": {"index.html": "", "deep/page.html": "../"},
    "dirhtml": {"index.html": "", "deep/page/index.html": "../../"},
    "singlehtml": {"index.html": ""},
}
OTHERS = {
    "epub": ["index.xhtml", "deep/page.xhtml"],
    "text": ["index.txt", "deep/page.txt"],
    "man": ["small.1"],
    "latex": ["small.tex"],
    "texinfo": ["small.texi"],
    "xml": ["index.xml", "deep/page.xml"],
}
# EPUB and man pages ask for what Sphinx has no default for.
GIVEN = ["-D", "project=small", "-D", "copyright=2026", "-D", "version=1"]
(WANTED,) = (
    str(requirement.specifier)
    for requirement in map(Requirement, requires("tensorref"))
    if requirement.name == "sphinx" and requirement.marker.evaluate({"extra": "sphinx"})
)
LOWEST = WANTED.removeprefix(">=")
THEMES = ("alabaster", "furo", "pydata_sphinx_theme", "sphinx_rtd_theme")


class Page(HTMLParser):
    """Collects the kinds of explorers on a page, how many pictures there are, and the files of the extension that it loads."""

    def __init__(self, text):
        super().__init__()
        self.kinds, self.files, self.pictures = [], set(), 0
        self.feed(text)

    def handle_starttag(self, _tag, attrs):
        attrs = dict(attrs)
        self.kinds += re.findall(r"tensorref-(?!explorer|figure|picture)(\w+)", attrs.get("class") or "")
        self.pictures += attrs.get("class") == "tensorref-picture"
        file = (attrs.get("src") or attrs.get("href") or "").partition("?")[0]
        if "/tensorref/" in file:
            self.files.add(file)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name, text in {"conf.py": CONF, **PAGES}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run_sphinx(python, source, out, builder, *options):
    command = [python, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, "-d", out / f".{builder}", *GIVEN]
    done = subprocess.run([*command, *options, source, out / builder], capture_output=True, text=True, check=False)
    assert (builder, done.returncode, done.stderr) == (builder, 0, "")
    return out / builder


def check_for_a_browser(site, builder):
    """See the explorers on each page, and its modules and style sheet where it asks for them."""
    kinds = {"index.html": ["broadcasting", "matmul", "layout"]}
    if builder == "singlehtml":
        kinds["index.html"].append("broadcasting")
    for name, up in OF_A_BROWSER[builder].items():
        page = Page((site / name).read_text("utf-8"))
        wanted = kinds.get(name, ["broadcasting"])
        assert page.kinds == wanted
        assert page.pictures == len(wanted) + (2 if builder == "singlehtml" else 1)
        scripts = {f"{up}_static/tensorref/{kind}-explorer.js" for kind in wanted}
        styles = {
            f"{up}_static/tensorref/{name}.css"
            for name in ("explorer", "table", *(["layout"] if "layout" in wanted else []))
        }
        assert page.files == scripts | styles
        for file in page.files:
            assert (site / normpath(join(Path(name).parent.as_posix(), file))).is_file()
    modules = site / "_static/tensorref"
    for script in modules.glob("*.js"):
        for imported in re.findall(r'^import .* from "(.+)";$', script.read_text("utf-8"), re.MULTILINE):
            assert (modules / imported).is_file()


def check_for_others(folder, builder):
    """See the tables there, nothing of the explorers, and of the pictures an image in a book and tables elsewhere."""
    text = "".join((folder / name).read_text("utf-8") for name in OTHERS[builder])
    for words in ("Broadcasting x (32, 10, 64)", "Matrix product of x", "20,480 elements", "do not broadcast"):
        assert re.search(r"\s+".join(map(re.escape, words.split())), text), words
    assert "data-tensorref" not in text
    names = {path.name for path in folder.rglob("tensorref-*.svg")}
    assert names == ({"tensorref-index-3.svg", "tensorref-deep-page-1.svg"} if builder == "epub" else set())
    assert ("12 elements, more than any" in re.sub(r"\s+", " ", text)) == (builder != "epub")
    assert not [*folder.rglob("*explorer*")]


def test_a_stock_build_of_that_project(project, tmp_path):
    check_for_a_browser(run_sphinx(sys.executable, project, tmp_path, "dirhtml"), "dirhtml")


@pytest.mark.full
@pytest.mark.parametrize("builder", OF_A_BROWSER)
@pytest.mark.parametrize("theme", THEMES)
def test_every_theme(project, tmp_path, theme, builder):
    site = run_sphinx(sys.executable, project, tmp_path, builder, "-D", f"html_theme={theme}")
    check_for_a_browser(site, builder)


@pytest.mark.full
@pytest.mark.parametrize("builder", OTHERS)
def test_every_builder(project, tmp_path, builder):
    check_for_others(run_sphinx(sys.executable, project, tmp_path, builder), builder)


def test_the_pages_say_which_sphinx_is_the_lowest():
    page = (ROOT / "docs/explorers.md").read_text("utf-8")
    assert f"Install tensorref beside Sphinx {LOWEST} or later" in page
    assert [theme for theme in THEMES if theme.replace("_", "-") not in page.lower().replace("_", "-")] == []


@pytest.mark.full
def test_the_lowest_sphinx(project, tmp_path):
    """In an environment that has it, the package and what that needs, and so neither library."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (python,) = [*folder.glob("bin/python"), *folder.glob("Scripts/python.exe")]
    # imghdr and the like, which the lowest Sphinx imports, are gone from Python 3.13 on.
    of_old = ["standard-imghdr"] if sys.version_info >= (3, 13) else []
    install = [python, "-m", "pip", "install", "--quiet", f"{ROOT}[sphinx]", f"sphinx=={LOWEST}", *of_old]
    subprocess.run(install, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    program = "import importlib.util as u, sphinx; print(sphinx.__version__, *map(u.find_spec, ['numpy', 'torch', 'myst_parser']))"
    found, *others = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert others == ["None", "None", "None"]
    assert Version(found) == Version(LOWEST) < Version(version("sphinx"))
    for builder in [*OF_A_BROWSER, *OTHERS]:
        check = check_for_a_browser if builder in OF_A_BROWSER else check_for_others
        check(run_sphinx(python, project, tmp_path, builder), builder)
