"""The filter of the dictionary page, on the page of the built site."""

import re

import pytest
from playwright.sync_api import expect

from tensorref import _dictionary

PAGE = ("reference", "dictionary")
LISTS = [*_dictionary.lists("no-counterpart"), *_dictionary.lists("gone")]
ROWS = len(_dictionary.equivalents()) + len(LISTS)


@pytest.fixture(scope="module")
def site(documentation):
    return documentation


def shown(page):
    return page.locator(".dictionary tr[id]:visible").evaluate_all("(rows) => rows.map((row) => row.id)")


def test_what_is_typed_finds_rows(visit, subtests):
    page = visit(*PAGE)
    box = page.get_by_role("searchbox")
    for name in ("unsqueeze", "np.expand_dims", "numpy.expand_dims", "x.unsqueeze(1)", "t.unsqueeze(0)"):
        with subtests.test(name):
            box.fill(name)
            expect(page.get_by_role("status")).to_have_text(f"1 of {ROWS} rows")
            assert shown(page) == ["expand-dims"]
    expect(page.locator("h2:visible")).to_contain_text(["Reshaping"])
    with subtests.test("several words and keywords narrow it down"):
        box.fill("masking in place")
        assert set(shown(page)) == {
            "mask-assign",
            "masked-fill",
            "masked-scatter",
            "nan-to-num",
            "logical-not",
            "not-of-masks",
        }
        box.fill("keepdim reducing")
        assert "sum-keepdims" in shown(page)
    with subtests.test("a row brings its differences along"):
        box.fill("torch.std")
        expect(page.locator(".dictionary-difference:visible")).to_have_count(1)
        expect(page.locator(".dictionary-difference:visible")).to_contain_text("By default NumPy divides by n")
    with subtests.test("and the inputs for which not both work"):
        expect(page.locator(".dictionary-outcomes:visible")).to_have_text(
            "Other inputs Only NumPy takes bool and integers."
        )
    with subtests.test("what is typed is never markup"):
        box.fill("<img src=x onerror=alert(1)>")
        expect(page.get_by_role("status")).to_have_text("No row. Try a part of the name, or what it does.")
        assert shown(page) == []
        assert page.locator("article img").count() == 0


def test_the_row_that_comes_first_is_that_of_translate(visit, subtests):
    page = visit(*PAGE)
    before = shown(page)
    box = page.get_by_role("searchbox")
    for name in (
        "sum",
        "torch.max",
        "np.exp",
        "cat",
        "split",
        "softmax",
        "np.where",
        "torch.nn.functional.embedding",
        "gather",
    ):
        with subtests.test(name):
            box.fill(name)
            assert shown(page)[0] == _dictionary.translate(name).rows[0].slug
    box.fill("np.float")
    assert shown(page)[0] == "gone-np-float"
    box.fill("no_grad")
    assert shown(page) == ["no-counterpart-torch-no-grad"]
    box.press("Escape")
    assert shown(page) == before


def test_escape_shows_everything_again(visit):
    page = visit(*PAGE)
    box = page.get_by_label("Find a name")
    box.fill("unsqueeze")
    expect(page).to_have_url(re.compile("find=unsqueeze$"))
    box.press("Escape")
    expect(box).to_have_value("")
    expect(page.get_by_role("status")).to_have_text("")
    assert len(shown(page)) == ROWS
    expect(page).not_to_have_url(re.compile("find"))


def test_an_address_brings_back_what_was_looked_for(visit):
    page = visit(*PAGE)
    page.goto(f"{page.url}?find=torch.cat")
    expect(page.get_by_role("searchbox")).to_have_value("torch.cat")
    assert "concatenate" in shown(page)
    assert len(shown(page)) < ROWS


def test_an_anchor_of_a_row_that_is_hidden_shows_it(visit):
    page = visit(*PAGE)
    page.get_by_role("searchbox").fill("unsqueeze")
    page.evaluate("location.hash = '#std'")
    expect(page.locator("#std")).to_be_in_viewport()
    expect(page.get_by_role("searchbox")).to_have_value("")


@pytest.mark.parametrize("fragment", ["%E0%A4%A", "%", "no-such-row", ""])
def test_an_address_that_names_nothing_shows_everything(visit, fragment):
    page = visit(*PAGE)  # an error of a script fails the test
    page.goto(f"{page.url}#{fragment}")
    page.reload()
    page.get_by_role("searchbox").fill("unsqueeze")
    page.evaluate("(fragment) => { location.hash = ''; location.hash = fragment; }", fragment)
    expect(page.get_by_role("searchbox")).to_have_value("unsqueeze")


def test_without_scripts_there_are_plain_tables(visit):
    page = visit(*PAGE, java_script_enabled=False)
    assert page.locator("table.dictionary").count() == len(_dictionary.TOPICS) + 2
    assert page.locator(".dictionary tr[id]:visible").count() == ROWS
    assert page.locator(".dictionary-filter").count() == 0


def test_a_narrow_page_does_not_scroll_sideways(visit):
    page = visit(*PAGE)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("searchbox").fill("unsqueeze")
    expect(page.locator("#expand-dims")).to_be_visible()


@pytest.mark.full
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(axe, visit, scheme):
    page = visit(*PAGE)
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("searchbox").fill("sorting")
    assert axe(page, ".dictionary-filter", "#sorting .dictionary") == []
