"""The filter of the dictionary page, on the page itself in a site of its own."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tensorref import _dictionary

DOCS = Path(__file__).parents[2] / "docs"
CONF = f"""\
import sys
sys.path.insert(0, {str(DOCS / "_ext")!r})
extensions = ["myst_parser", "from_package.dictionary"]
html_theme, project, language = "furo", "small", "en"
myst_enable_extensions = ["deflist"]
html_static_path = [{str(DOCS / "_static")!r}]
"""
PAGE = "reference/dictionary"
ROWS = len(_dictionary.equivalents())


@pytest.fixture(scope="module")
def site(publish):
    """Return the address of a project with the page of these docs."""
    page = (DOCS / f"{PAGE}.md").read_text("utf-8")
    return publish(
        {"index.md": f"# Small\n\n```{{toctree}}\n{PAGE}\n```\n", f"{PAGE}.md": page, "conf.py": CONF}, furo=[]
    )


def shown(page):
    return page.locator(".dictionary tr[id]:visible").evaluate_all("(rows) => rows.map((row) => row.id)")


@pytest.mark.parametrize(
    "name", ["unsqueeze", "np.expand_dims", "numpy.expand_dims", "x.unsqueeze(1)", "t.unsqueeze(0)"]
)
def test_a_name_of_either_library_finds_the_row(visit, name):
    page = visit(name=PAGE)
    page.get_by_role("searchbox").fill(name)
    expect(page.get_by_role("status")).to_have_text(f"1 of {ROWS} rows")
    assert shown(page) == ["expand-dims"]
    expect(page.get_by_role("heading", level=2)).to_contain_text(["Reshaping"])


def test_several_words_and_keywords_narrow_it_down(visit):
    page = visit(name=PAGE)
    page.get_by_role("searchbox").fill("masking in place")
    assert set(shown(page)) == {
        "mask-assign", "masked-fill", "masked-scatter", "nan-to-num", "logical-not"
    }  # fmt: skip
    page.get_by_role("searchbox").fill("keepdim reducing")
    assert "sum-keepdims" in shown(page)


def test_a_row_brings_its_differences_along(visit):
    page = visit(name=PAGE)
    page.get_by_role("searchbox").fill("torch.std")
    expect(page.locator(".dictionary-difference:visible")).to_have_count(1)
    expect(page.locator(".dictionary-difference:visible")).to_contain_text("By default NumPy divides by n")


def test_escape_shows_everything_again(visit):
    page = visit(name=PAGE)
    box = page.get_by_label("Find a name")
    box.fill("unsqueeze")
    assert "find=unsqueeze" in page.url
    box.press("Escape")
    expect(box).to_have_value("")
    expect(page.get_by_role("status")).to_have_text("")
    assert len(shown(page)) == ROWS
    assert "find" not in page.url


def test_an_address_brings_back_what_was_looked_for(visit):
    page = visit(name=PAGE)
    page.goto(f"{page.url}?find=torch.cat")
    expect(page.get_by_role("searchbox")).to_have_value("torch.cat")
    assert "concatenate" in shown(page)
    assert len(shown(page)) < ROWS


def test_an_anchor_of_a_row_that_is_hidden_shows_it(visit):
    page = visit(name=PAGE)
    page.get_by_role("searchbox").fill("unsqueeze")
    page.evaluate("location.hash = '#std'")
    expect(page.locator("#std")).to_be_in_viewport()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_what_is_typed_is_never_markup(visit):
    page = visit(name=PAGE)
    page.get_by_role("searchbox").fill("<img src=x onerror=alert(1)>")
    expect(page.get_by_role("status")).to_have_text("No row. Try a part of the name, or what it does.")
    assert shown(page) == []
    assert page.locator("article img").count() == 0


def test_without_scripts_there_are_plain_tables(visit):
    page = visit(name=PAGE, java_script_enabled=False)
    assert page.locator("table.dictionary").count() == len(_dictionary.TASKS)
    assert page.locator(".dictionary tr[id]:visible").count() == ROWS
    assert page.locator(".dictionary-filter").count() == 0


def test_a_narrow_page_does_not_scroll_sideways(visit):
    page = visit(name=PAGE)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("searchbox").fill("unsqueeze")
    expect(page.locator("#expand-dims")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, scheme):
    page = visit(name=PAGE, color_scheme=scheme)
    page.get_by_role("searchbox").fill("sorting")
    where = [[".dictionary-filter"], ["#sorting .dictionary"]]
    found = Axe().run(page, context=where, options={"preload": False}).response["violations"]
    assert [(rule["id"], node["html"], node["failureSummary"]) for rule in found for node in rule["nodes"]] == []
