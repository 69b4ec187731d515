"""What each page of the built site asks of a reader's connection, as far as its files tell."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

SITE = Path(__file__).resolve().parents[2] / "docs" / "_build" / "html"
PAGES = sorted(SITE.rglob("*.html"))
MOST_REQUESTS, MOST_BYTES = 20, 150 * 1024


def named(file):
    """Return the names of the files that a file has a browser ask for by itself."""
    text = file.read_text("utf-8")
    if file.suffix == ".html":
        content = BeautifulSoup(text, "html.parser")
        links = content.select("link[rel~=stylesheet], link[rel~=icon], link[rel~=preload], link[rel~=modulepreload]")
        sources = content.select("script[src], img[src], source[src], iframe[src]")
        sets = content.select("img[srcset], source[srcset]")
        return [
            *(link["href"] for link in links),
            *(source["src"] for source in sources),
            *(name.split()[0] for each in sets for name in each["srcset"].split(",")),
        ]
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
            for name in named(file):
                if name.startswith("data:"):
                    continue
                assert not re.match(r"([a-z]+:)?//", name), f"{file.relative_to(SITE)} asks another host for {name}"
                wanted = (file.parent / re.sub(r"[?#].*", "", name)).resolve()
                assert wanted.is_file(), f"{file.relative_to(SITE)} asks for {name}, which is not there"
                files.append(wanted)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(SITE).as_posix())
def test_a_page_is_light(page):
    sizes = {file.relative_to(SITE).as_posix(): len(gzip.compress(file.read_bytes())) for file in asked_for(page)}
    assert len(sizes) <= MOST_REQUESTS, sizes
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_an_explorer_is_counted_with_its_modules():
    names = {file.name for file in asked_for(SITE / "reference" / "broadcasting.html")}
    assert {"bundle.css", "bundle.js", "explorer.css", "broadcasting-explorer.js", "sizes.js"} <= names
