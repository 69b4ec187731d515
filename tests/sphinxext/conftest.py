"""Builds small projects that use the extension."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils


@dataclass
class Built:
    """What a build left behind: the files by their names, and what it complained about."""

    folder: Path
    warnings: str
    updated: list[str]

    def __getitem__(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def build(tmp_path):
    """Return a function that writes files and builds them; a second call builds on what the first one left."""

    def build(files, builder="html", *, warnings="", **settings):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for name, text in files.items():
            (source / name).write_text(text, encoding="utf-8")
        settings = {
            "extensions": ["myst_parser", "tensorref.sphinxext"],
            "html_theme": "alabaster",
            "project": "small",
            "copyright": "2026",
            "version": "1",
            "man_pages": [("index", "small", "small", "", "7")],
            **settings,
        }
        folder, said, updated = tmp_path / builder, io.StringIO(), []
        with patch_docutils(), docutils_namespace():
            app = Sphinx(source, None, folder, tmp_path / f"doctrees-{builder}", builder, settings, io.StringIO(), said)
            app.connect("env-get-outdated", lambda _app, _env, *changes: updated.extend(set().union(*changes)) or [])
            app.build()
        assert said.getvalue().strip() == "" or warnings, said.getvalue()
        return Built(folder, said.getvalue(), updated)

    return build
