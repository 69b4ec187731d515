"""What leads to a page of the site that `nox -s docs` has just built: search engines, social networks, machines."""

from __future__ import annotations

import importlib
import json
import os
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pages import PAGES, ROOT, SITE, by_id, page_name, soup
from PIL import Image
from sphinx.util.inventory import InventoryFile

import tensorref
from tensorref import _dictionary, exercises

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BASE = os.environ.get("READTHEDOCS_CANONICAL_URL") or f"{PROJECT['urls']['Documentation']}/en/latest/"
DOCUMENTS = [page for page in PAGES if (SITE / f"{page.relative_to(SITE)}.md").exists()]


def meta(page, key):
    found = soup(page).head.select(f'meta[name="{key}"], meta[property="{key}"]')
    assert len(found) == 1, (page, key)
    return found[0]["content"]


def local(address):
    """Return the file of the site that an address leads to."""
    assert address.startswith(BASE)
    return SITE / address.removeprefix(BASE).partition("#")[0]


def test_each_source_became_a_document():
    sources = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts}
    scripts = {Path("gallery", script.name) for script in (ROOT / "examples").glob("*.py")}
    assert {page.relative_to(SITE).with_suffix("") for page in DOCUMENTS} == {
        source.with_suffix("") for source in sources | scripts
    }


def test_titles_and_descriptions_stand_by_themselves():
    titles = [soup(page).title.get_text() for page in PAGES]
    descriptions = [meta(page, "description") for page in PAGES]
    assert len({*titles}) == len(titles)
    assert len({*descriptions}) == len(descriptions)
    for title, description in zip(titles, descriptions, strict=True):
        assert "tensorref" in title
        assert len(title.replace("tensorref", "").strip(" -")) > 3
        assert 30 < len(description) <= 200, description
        assert description.endswith((".", "?", "…")), description
        assert ">>>" not in description


def test_a_page_has_an_address_and_a_card_drawn_here():
    for page in DOCUMENTS:
        address = BASE + page.relative_to(SITE).as_posix()
        assert soup(page).head.find("link", rel="canonical")["href"] == meta(page, "og:url") == address
        assert meta(page, "og:description") == meta(page, "description")
        assert meta(page, "og:title") in soup(page).h1.get_text()
        with Image.open(local(meta(page, "og:image"))) as card:
            assert [*map(str, card.size)] == [meta(page, "og:image:width"), meta(page, "og:image:height")]


def test_the_sitemap_names_every_document():
    places = ET.parse(SITE / "sitemap.xml").iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")  # noqa: S314  ours
    assert sorted(local(place.text) for place in places) == DOCUMENTS
    assert f"Sitemap: {BASE}sitemap.xml" in (SITE / "robots.txt").read_text("utf-8").splitlines()


def test_llms_txt_names_every_document_and_says_what_it_is():
    text = (SITE / "llms.txt").read_text("utf-8")
    assert re.match(r"# tensorref\n\n> \S.*\n\n## ", text)
    items = re.findall(r"^- \[(.+)\]\((.+)\): (.+)$", text, re.MULTILINE)
    assert len(items) == text.count("\n- ")
    found = {local(address).with_suffix(""): (title, said) for title, address, said in items}
    assert sorted(found) == [page for page in DOCUMENTS if page.name != "index.html" or page.parent != SITE]
    for page, (title, said) in found.items():
        assert title in soup(page).h1.get_text()
        assert said == meta(page, "description")


@pytest.mark.parametrize("page", DOCUMENTS, ids=page_name)
def test_the_markdown_of_a_page_has_all_that_the_page_has(page):
    written = (SITE / f"{page.relative_to(SITE)}.md").read_text("utf-8")
    link = soup(page).head.find("link", rel="alternate", type="text/markdown")
    assert (page.parent / link["href"]).read_text("utf-8") == written
    article = soup(page).select_one("article [itemprop=articleBody], article")
    plain = "".join(written.replace("\\", "").split())
    for block in article.select("div.highlight pre"):
        assert "".join(block.get_text().replace("\\", "").split()) in plain
    for heading in article.select("h1, h2, h3"):
        text = heading.get_text().removesuffix("¶").strip()
        assert re.search(rf"^#+ {re.escape(text)}$", written.replace("\\", "").replace("`", ""), re.MULTILINE), text
    assert "¶" not in written
    assert not re.search(r"</?(div|span|math)\b", re.sub(r"```.*?```|`[^`\n]+`", "", written, flags=re.DOTALL))


def test_the_inventory_serves_other_projects():
    inventory = InventoryFile.loads((SITE / "objects.inv").read_bytes(), uri="")
    entries = {
        name: item.uri
        for kind in ("py:function", "py:class", "py:exception", "py:data", "py:module")
        for name, item in inventory.data[kind].items()
    }
    for concept in tensorref.CONCEPTS:
        module = importlib.import_module(f"tensorref.{concept}")
        missing = {f"tensorref.{concept}.{name}" for name in module.__all__} - entries.keys()
        assert {name.rpartition(".")[2] for name in missing} <= {"DTypeLike", "OperandLike"}  # see Reading shapes
    for name, address in entries.items():
        assert name.partition(".")[0] == "tensorref"  # and nothing of other projects
        page, _, anchor = address.partition("#")
        assert anchor in by_id(SITE / page), name


def search_index():
    text = (SITE / "searchindex.js").read_text("utf-8")
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


@pytest.mark.parametrize(
    ("term", "entry"),
    [
        ("unsqueeze", "tensorref.broadcasting.explain"),
        ("np.newaxis", "tensorref.indexing.explain"),
        ("newaxis", "tensorref.indexing.explain"),
        ("torch.tensor.view", "tensorref.layout.can_view"),
        ("np.concatenate", "tensorref.creation.from_list"),
        ("f.layer_norm", "tensorref.normalization.layer_norm"),
    ],
)
def test_the_search_knows_the_names_of_the_libraries(term, entry):
    index = search_index()
    found = index["indexentries"][term]
    assert [SITE / f"{index['docnames'][page]}.html" for page, anchor, main in found if anchor == entry and main] == [
        SITE / "reference" / f"{entry.split('.')[1]}.html"
    ]


def test_every_entry_of_the_search_leads_to_its_place():
    entries = json.loads((SITE / "entries.json").read_text("utf-8"))["entries"]
    for title, address, *_ in entries:
        page, _, anchor = address.partition("#")
        assert (SITE / page).is_file(), title
        assert not anchor or anchor in by_id(SITE / page), (title, address)
    kinds = {kind: [title for title, _, other, *_ in entries if other == kind] for _, _, kind, *_ in entries}
    assert sorted(kinds["exercise"]) == sorted(exercises.names())
    assert sorted(kinds["dictionary"]) == sorted(row.title for row in _dictionary.equivalents())
    assert len(kinds["error"]) > 10
    assert {f"broadcasting.{name}" for name in ("explain", "result_shape", "compatible")} <= {*kinds["function"]}


def test_the_index_of_names_leads_to_our_entries_and_to_those_of_the_libraries():
    page = soup(SITE / "reference" / "equivalents.html")
    for name, ours, theirs in [
        (
            "numpy.newaxis",
            "indexing.html#tensorref.indexing.explain",
            "https://numpy.org/doc/stable/reference/constants",
        ),
        (
            "torch.Tensor.view",
            "layout.html#tensorref.layout.can_view",
            "https://docs.pytorch.org/docs/stable/generated/",
        ),
        (
            "torch.softmax",
            "kernels.html#tensorref.kernels.softmax",
            "https://docs.pytorch.org/docs/stable/generated/torch.so",
        ),
    ]:
        row = page.find("tr", id=name)
        targets = [link["href"] for link in row.select("a[href]")]
        assert ours in targets
        assert any(target.startswith(theirs) for target in targets)
    for table in page.select("table"):
        names = [row["id"].rpartition(".")[2].casefold() for row in table.select("tbody tr")]
        assert names == sorted(names)
        assert len(names) > 40
