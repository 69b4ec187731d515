"""Links between code, entries, examples and sources, on the site that `nox -s docs` has just built."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from gallery.cards import MOST_PICTURES
from pages import EXAMPLES, PAGES, ROOT, SITE, by_id, page_name, soup
from PIL import Image

import tensorref

LIBRARIES = {"numpy", "tensorref", "torch"}
# PyTorch has no page that describes these.
BACKENDS = {f"torch.nn.attention.SDPBackend.{name}" for name in ("FLASH_ATTENTION", "MATH")}
NO_ENTRY = {"torch.__version__", "torch.inf", "torch.nan", "torch.pi", *BACKENDS}


def python(block):
    """Return the Python of a block of code: of a session, what stands behind the prompts."""
    text = block.get_text()
    if not re.search(r"^>>> ", text, re.MULTILINE):
        return text
    return "\n".join(line[4:] for line in text.splitlines() if line.startswith((">>> ", "... ")))


def imported(tree):
    """Return what the names that are imported from the libraries stand for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                names[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return {name: full for name, full in names.items() if full.partition(".")[0] in LIBRARIES}


def chains(tree, names):
    """Yield what is imported, and each longest dotted name that begins so: as it stands, and in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, one.name) for one in node.names if one.name.partition(".")[0] in LIBRARIES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in LIBRARIES:
            yield node.module, node.module
            yield from ((one.name, f"{node.module}.{one.name}") for one in node.names)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            first, *rest = ast.unparse(node).split(".") if re.fullmatch(r"[\w.]+", ast.unparse(node)) else ("",)
            if first in names and isinstance(node.ctx, ast.Load):
                yield ".".join([first, *rest]), ".".join([names[first], *rest])


def missing(page):
    """Return the names on a page that lead to the libraries and carry no link, and how many there were."""
    lost, seen, names = [], 0, {}
    for block in soup(page).select("article div.highlight pre"):
        try:
            tree = ast.parse(python(block))
        except SyntaxError:
            continue  # no Python: a command, a page, an output
        if "output" in "".join(block.find_parent("div", class_="highlight").parent.parent.get("class", [])):
            continue
        names |= imported(tree)
        wanted = Counter(written for written, full in chains(tree, names) if full not in NO_ENTRY)
        links = Counter(
            re.sub(r"\s", "", link.get_text()).lstrip("@") for link in block.select("a.sphinx-codeautolink-a[href]")
        )
        seen += wanted.total()
        lost += (wanted - links).elements()
    return lost, seen


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_name_that_code_takes_from_a_library_links_to_its_entry(page):
    assert missing(page)[0] == []


def test_there_are_many_such_names():
    assert sum(missing(page)[1] for page in PAGES) > 900


@cache
def named_in(script):
    tree = ast.parse(script.read_text("utf-8"))
    return {full for _, full in chains(tree, imported(tree))}


def users(name):
    """Return the examples whose code names a function, in the order of the gallery."""
    gallery = (ROOT / "docs" / "gallery" / "index.md").read_text("utf-8")
    found = [script.stem for script in EXAMPLES if name in named_in(script)]
    return sorted(found, key=lambda stem: gallery.index(f"\n{stem}\n"))


def test_every_entry_lists_the_examples_that_use_it_with_their_figures():
    listed = 0
    for concept in tensorref.CONCEPTS:
        page = SITE / "reference" / f"{concept}.html"
        cards = soup(page).select("article :is(div, section) > ul.used-in a")
        assert [Path(card["href"].partition("#")[0]).stem for card in cards] == users(f"tensorref.{concept}")
        module = importlib.import_module(f"tensorref.{concept}")
        for name in module.__all__:
            if not inspect.isroutine(getattr(module, name)):
                continue
            entry = by_id(page)[f"tensorref.{concept}.{name}"].find_parent("dl")
            cards = entry.select("ul.used-in a")
            assert [Path(card["href"].partition("#")[0]).stem for card in cards] == users(f"tensorref.{concept}.{name}")
            assert [card.img is not None for card in cards] == [place < MOST_PICTURES for place in range(len(cards))]
            for card in cards:
                example, _, anchor = card["href"].partition("#")
                example = (page.parent / example).resolve()
                assert anchor in by_id(example)
                assert soup(example).h1.get_text().removesuffix("¶") == card.get_text(strip=True)
                if card.img is not None:
                    with Image.open(page.parent / card.img["src"]) as thumbnail:
                        assert thumbnail.size == (2 * int(card.img["width"]), 2 * int(card.img["height"]))
                listed += 1
    assert listed > 60


def test_thumbnails_are_small():
    files = sorted((SITE / "_images" / "thumbnails").glob("*.webp"))
    assert [file.stem for file in files] == [script.stem for script in EXAMPLES]
    assert max(file.stat().st_size for file in files) < 10_000


def test_every_entry_links_to_the_lines_that_define_it():
    assert sum(len(soup(page).select("dt.sig[id^='tensorref.']")) for page in PAGES) > 200
    for page in PAGES:
        for entry in soup(page).select("dt.sig[id^='tensorref.']"):
            link = entry.find("a", string=None, href=re.compile("/blob/"))
            assert link, (page, entry["id"])
            file, first, last = re.search(r"/blob/[^/]+/(.+)#L(\d+)-L(\d+)$", link["href"]).groups()
            lines = (ROOT / file).read_text("utf-8").splitlines()[int(first) - 1 : int(last)]
            assert any(re.search(rf"\b{entry['id'].rpartition('.')[2]}\b", line) for line in lines)


def test_previous_and_next_follow_the_course():
    course = [
        link["href"] for link in soup(SITE / "reference" / "index.html").select("table tbody td:first-child a[href]")
    ]
    assert [href.removesuffix(".html") for href in course] == [
        name for name in re.findall(r"^reference/(\w+)$", toctree(), re.MULTILINE) if f"{name}.html" in course
    ]
    of_the_course = {*tensorref.CONCEPTS, "watch"} - {"exercises", "benchmark"}
    assert {href.removesuffix(".html") for href in course} == of_the_course
    for before, after in pairwise(course):
        assert soup(SITE / "reference" / before).select_one(".related-pages a.next-page")["href"] == after
        assert soup(SITE / "reference" / after).select_one(".related-pages a.prev-page")["href"] == before


def toctree():
    return (ROOT / "docs" / "index.md").read_text("utf-8").partition("```{toctree}")[2]
