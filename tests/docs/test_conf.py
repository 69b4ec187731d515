"""How the documentation is configured."""

from __future__ import annotations

import io
from importlib.metadata import version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

CONF = Path(__file__).parents[2] / "docs" / "conf.py"


def read(folder, **settings):
    """Return the pages that a build reads, of a project that takes from ours what it was built with."""
    found = []
    with docutils_namespace():
        app = Sphinx(
            folder, folder, folder / "out", folder / "doctrees", "dummy", settings, io.StringIO(), io.StringIO()
        )
        app.connect("env-before-read-docs", lambda _, __, names: found.extend(names))
        app.build()
    return found


def test_pages_are_read_again_when_another_version_is_installed(tmp_path):
    taken = (
        f"import runpy\nours = runpy.run_path({str(CONF)!r})\nsetup, built_with = ours['setup'], ours['built_with']\n"
    )
    (tmp_path / "conf.py").write_text(taken, "utf-8")
    (tmp_path / "index.rst").write_text("Page\n====\n", "utf-8")
    assert read(tmp_path) == ["index"]
    assert read(tmp_path) == []
    assert read(tmp_path, built_with=[f"Sphinx {version('sphinx')}.1"]) == ["index"]
