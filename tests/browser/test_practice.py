"""The pages to practice with, on the built site: what is remembered of exercises, the filter of the gallery, what a button copies."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tensorref import exercises

NAMES = exercises.names()
SCRIPTS = len([*Path(__file__).resolve().parents[2].glob("examples/*.py")])


@pytest.fixture(scope="module")
def site(documentation):
    return documentation


def test_what_is_solved_is_remembered_and_shown_in_the_table(visit, documentation):
    page = visit("exercises", "index")
    expect(page.locator(".exercise-progress")).to_contain_text(f"0 of {len(NAMES)} solved")
    assert page.locator(".exercise-solved").count() == 0
    page.goto(f"{documentation}/exercises/split-heads.html")
    page.get_by_role("checkbox").check()
    page.goto(f"{documentation}/exercises/index.html")
    expect(page.locator(".exercise-progress")).to_contain_text(f"1 of {len(NAMES)} solved")
    solved = page.locator(".exercise-table .exercise-solved")
    assert solved.evaluate_all("(links) => links.map((link) => link.textContent)") == ["split-heads"]
    page.goto(f"{documentation}/exercises/split-heads.html")
    page.get_by_role("checkbox").uncheck()
    page.goto(f"{documentation}/exercises/index.html")
    expect(page.locator(".exercise-progress")).to_contain_text(f"0 of {len(NAMES)} solved")


@pytest.mark.parametrize("kept", ["no JSON", '{"no": "list"}', '["gone", 3]'])
def test_what_cannot_be_read_of_it_is_nothing(visit, kept):
    page = visit("exercises", "index")
    page.evaluate("(text) => { localStorage['tensorref-exercises'] = text; }", kept)
    page.reload()
    expect(page.locator(".exercise-progress")).to_contain_text(f"0 of {len(NAMES)} solved")


def test_the_filter_leaves_the_scripts_and_the_groups_that_have_the_words(visit):
    page = visit("gallery", "index")
    box = page.locator(".gallery-filter input")
    groups = page.locator("h2:visible").count()
    box.fill("head attention")
    expect(page.get_by_role("status")).to_have_text(f"4 of {SCRIPTS} scripts")
    titles = page.locator(".gallery-cards .sd-card-title:visible")
    expect(titles).to_contain_text(
        ["Heads in memory", "Single-head attention", "Multi-head attention", "Grouped-query attention"]
    )
    expect(page.locator("h2:visible")).to_contain_text(["Shapes and memory", "Attention and language models"])
    box.fill("zzz")
    expect(page.get_by_role("status")).to_have_text("No script. Try another word.")
    box.fill("")
    expect(page.locator("h2:visible")).to_have_count(groups)


def test_a_button_copies_the_script_as_it_is_downloaded(visit, documentation):
    page = visit("gallery", "layout", permissions=["clipboard-read", "clipboard-write"])
    script = page.locator(".gallery-downloads a").first.get_attribute("href")
    page.get_by_role("button", name="Copy the whole script").click()
    expect(page.locator(".gallery-copy")).to_have_text("Copied")
    answer = page.request.get(f"{documentation}/gallery/{script}")
    assert page.evaluate("navigator.clipboard.readText()") == answer.text()


def test_without_scripts_there_is_nothing_that_does_nothing(visit):
    for name in ("exercises/index", "exercises/split-heads", "gallery/index", "gallery/layout"):
        page = visit(*name.split("/"), java_script_enabled=False)
        assert page.locator(".exercise-progress, .gallery-filter, .gallery-copy").count() == 0
