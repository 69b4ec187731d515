"""What each page of the built site asks of a reader's connection, as far as its files tell."""

from __future__ import annotations

import gzip
import hashlib
import io
import re

import pytest
from pages import PAGES, SITE, page_name, soup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

MOST_REQUESTS, MOST_BYTES = 20, 150 * 1024


def named(file):
    """Return the names of the files that a file has a browser ask for by itself."""
    if file.suffix == ".html":
        content = soup(file)
        links = content.select("link[rel~=stylesheet], link[rel~=icon], link[rel~=preload], link[rel~=modulepreload]")
        sources = content.select("script[src], img[src], source[src], iframe[src]")
        sets = content.select("img[srcset], source[srcset]")
        return [
            *(link["href"] for link in links),
            *(source["src"] for source in sources),
            *(name.split()[0] for each in sets for name in each["srcset"].split(",")),
        ]
    text = file.read_text("utf-8")
    if file.suffix == ".css":
        without_data = re.sub(r"url\((['\"]?)data:.*?\1\)", "", text, flags=re.DOTALL)
        return re.findall(r"(?:url\(|@import\s)\s*['\"]?([^'\")\s]+)", without_data)
    if file.suffix == ".js":
        return re.findall(r"^(?:import|export)\b[^;]*?\bfrom \"([^\"]+)\";", text, flags=re.MULTILINE)
    return []


def asked_for(page):
    """Return the files that a browser asks for while a page is read to its end."""
    files, found = [page], []
    while files:
        file = files.pop()
        if file in found:
            continue
        found.append(file)
        if file.suffix in {".html", ".css", ".js"}:
            for asked in named(file):
                if asked.startswith("data:"):
                    continue
                assert not re.match(r"([a-z]+:)?//", asked), f"{file.relative_to(SITE)} asks another host for {asked}"
                wanted = (file.parent / re.sub(r"[?#].*", "", asked)).resolve()
                assert wanted.is_file(), f"{file.relative_to(SITE)} asks for {asked}, which is not there"
                files.append(wanted)
    return found


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_is_light(page):
    sizes = {file.relative_to(SITE).as_posix(): len(gzip.compress(file.read_bytes())) for file in asked_for(page)}
    assert len(sizes) <= MOST_REQUESTS, sizes
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_an_explorer_is_counted_with_its_modules():
    names = {file.name for file in asked_for(SITE / "reference" / "broadcasting.html")}
    assert {"bundle.css", "bundle.js", "explorer.css", "broadcasting-explorer.js", "picture.js"} <= names


@pytest.mark.parametrize("bundle", ["bundle.css", "bundle.js"])
def test_every_page_asks_for_a_bundle_by_a_digest_of_what_is_served(bundle):
    digest = hashlib.sha256((SITE / "_static" / bundle).read_bytes()).hexdigest()[:8]
    for page in PAGES:
        assert re.findall(rf"{re.escape(bundle)}[^\"]*", page.read_text("utf-8")) == [f"{bundle}?v={digest}"], page


def test_a_bundle_that_changes_changes_the_pages_that_were_not_written(tmp_path):
    (tmp_path / "_static").mkdir()
    settings = {"extensions": ["output.bundle"], "html_theme": "basic", "html_css_files": ["own.css"]}
    settings |= {"html_static_path": ["_static"], "root_doc": "one"}

    def build(style, text):
        (tmp_path / "_static" / "own.css").write_text(style)
        (tmp_path / "one.rst").write_text(f"One\n===\n\n{text}\n\n.. toctree::\n\n   two\n")
        with patch_docutils(), docutils_namespace():
            out, trees = tmp_path / "html", tmp_path / "doctrees"
            Sphinx(tmp_path, None, out, trees, "html", settings, io.StringIO(), io.StringIO()).build()
        asked = [
            re.findall(r'bundle\.css\?v=(\w+)"', (out / page).read_text("utf-8")) for page in ("one.html", "two.html")
        ]
        text = (out / "_static" / "bundle.css").read_bytes()
        assert style.encode() in text
        assert asked == [[hashlib.sha256(text).hexdigest()[:8]]] * 2
        return asked

    (tmp_path / "two.rst").write_text("Two\n===\n")
    before = build("a { color: red }", "Some text.")
    assert build("a { color: blue }", "Other text.") != before
