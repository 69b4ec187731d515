"""Builds small projects that load the extension and nothing else: reStructuredText, and the theme that Sphinx has."""

import io
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

# What a project says of itself; without it EPUB and man pages complain.
PROJECT = {
    "extensions": ["tensorref.sphinxext"],
    "project": "small",
    "copyright": "2026",
    "version": "1",
    "language": "en",
    "man_pages": [("index", "small", "small", "", "7")],
}


class Explorers(HTMLParser):
    """Collects the data of the explorers on a page, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.data = []
        self.feed(text)

    def handle_starttag(self, _tag, attrs):
        if "tensorref-explorer" in (dict(attrs).get("class") or "").split():
            self.data.append(json.loads(dict(attrs)["data-tensorref"]))


@dataclass
class Built:
    """What a build left behind: the files by their names, and what it complained about."""

    folder: Path
    warnings: str
    updated: list[str]

    def __getitem__(self, name):
        return (self.folder / name).read_text(encoding="utf-8")

    def explorers(self, name="index.html"):
        """Return the data of the explorers on a page."""
        return Explorers(self[name]).data

    def cells(self, name="index.html"):
        """Return what stands in the cells of the tables on a page."""
        return re.findall(r"<t[hd][^>]*><p>(.*?)</p></t[hd]>", self[name])


def build_in(folder, files, builder, *, warnings, **settings):
    source = folder / "source"
    source.mkdir(exist_ok=True)
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8")
    out, said, updated = folder / builder, io.StringIO(), []
    settings = {**PROJECT, **settings}
    with patch_docutils(), docutils_namespace():
        app = Sphinx(source, None, out, folder / f"doctrees-{builder}", builder, settings, io.StringIO(), said)
        app.connect("env-get-outdated", lambda _app, _env, *changes: updated.extend(set().union(*changes)) or [])
        app.build()
    assert said.getvalue().strip() == "" or warnings, said.getvalue()
    return Built(out, re.sub(r"\x1b\[[0-9;]*m", "", said.getvalue()), updated)


@pytest.fixture
def build(tmp_path):
    """Return a function that writes files and builds them; a second call builds on what the first one left."""

    def build(files, builder="html", **settings):
        return build_in(tmp_path, files, builder, warnings=False, **settings)

    return build


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return a function that builds pages once for all tests that ask for the same."""
    kept = {}

    def built(files, builder="html", *, warnings=False, **settings):
        key = json.dumps([files, builder, warnings, settings], sort_keys=True)
        if key not in kept:
            folder = tmp_path_factory.mktemp("built")
            kept[key] = build_in(folder, files, builder, warnings=warnings, **settings)
        return kept[key]

    return built


@pytest.fixture(scope="session")
def complained(built):
    """Return a function that says what a build complains of where each text is a page of its own.

    The texts are an argument of a directive, and its options on the lines below.
    """

    def complained(directive, texts, syntax):
        pages = {}
        for number, text in enumerate(texts):
            argument, *options = text.split("\n")
            if syntax == "md":
                lines = ["# Page", "", "Words.", "", f"```{{{directive}}} {argument}", *options, "```"]
            else:
                lines = ["Page", "====", "Words.", "", f".. {directive}:: {argument}", *(f"   {o}" for o in options)]
            pages[f"page{number}.{syntax}"] = "\n".join([*lines, ""])
        pages["index.rst"] = "Index\n=====\n\n.. toctree::\n   :glob:\n\n   page*\n"
        extensions = [*(["myst_parser"] if syntax == "md" else []), "tensorref.sphinxext"]
        warnings = built(pages, "text", warnings=True, extensions=extensions).warnings
        found = dict(re.findall(rf"page(\d+)\.{syntax}:(.*?)(?: \[docutils\])?$", warnings, re.MULTILINE))
        return {text: found.get(str(number)) for number, text in enumerate(texts)}

    return complained
