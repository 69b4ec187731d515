"""The menu of versions: there where the list has two, and nothing where it has one or there is none."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONF = f"""\
import sys
sys.path.insert(0, {str(DOCS / "_ext")!r})
extensions = ["myst_parser", "versions"]
project, language, html_theme = "small", "en", "furo"
templates_path = [{str(DOCS / "_templates")!r}]
html_static_path, html_css_files, html_extra_path = [{str(DOCS / "_static")!r}], ["site.css"], ["extra"]
"""
TWO = [{"version": "0.2", "url": "/new/", "name": "0.2, the newest"}, {"version": "0.1", "url": "/old/"}]
FILES = {
    "conf.py": CONF,
    "index.md": "# Small\n",
    "other.md": "---\norphan: true\n---\n\n# Other\n",
    "extra/two.json": json.dumps(TWO),
    "extra/one.json": json.dumps(TWO[:1]),
}


@pytest.fixture(scope="module")
def site(publish):
    """Return the address of a project with a newer and an older version, with one version, and without a list."""
    return publish(
        FILES,
        new=["-D", "version=0.2", "-A", "versions=/new/two.json"],
        old=["-D", "version=0.1", "-D", "exclude_patterns=other.md", "-A", "versions=/new/two.json"],
        one=["-D", "version=0.2", "-A", "versions=/one/one.json"],
        none=["-D", "version=0.2"],
    )


@pytest.fixture
def visit(visit):
    """Open pages wide enough for the sidebar to stand beside them."""

    def wide(*where, **settings):
        page = visit(*where, **settings)
        page.set_viewport_size({"width": 1400, "height": 900})
        return page

    wide.complaints = visit.complaints
    return wide


def test_a_version_leads_to_the_others(visit):
    page = visit("old")
    menu = page.locator(".versions")
    menu.get_by_text("Version 0.1").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("link", name="0.1", exact=True)).to_have_attribute("aria-current", "true")
    expect(menu.locator("[aria-current]")).to_have_count(1)
    assert Axe().run(page, {"include": [[".versions"]]}).response["violations"] == []
    menu.get_by_role("link", name="0.2, the newest").click()
    page.wait_for_url("**/new/index.html")
    expect(menu.locator("summary")).to_have_text("Version 0.2")


def test_a_page_that_the_other_version_lacks_leads_to_its_first(visit):
    page = visit("new", "other")
    page.locator(".versions summary").click()
    newest = page.get_by_role("link", name="0.2, the newest")
    expect(newest).to_have_attribute("href", f"{page.url.removesuffix('other.html')}other.html")
    page.get_by_role("link", name="0.1", exact=True).click()
    page.wait_for_url("**/old/")
    # The browser says that it asked for a page that is not there.
    assert [said.split("(")[0] for said in visit.complaints] == [
        "error: Failed to load resource: the server responded with a status of 404 "
    ]
    visit.complaints.clear()


@pytest.mark.parametrize(("folder", "loads"), [("one", ["versions.js", "one.json"]), ("none", [])])
def test_one_version_has_no_menu(visit, folder, loads):
    page, asked = visit(folder), []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path.rsplit("/", 1)[1]))
    page.reload(wait_until="networkidle")
    expect(page.locator(".versions:visible")).to_have_count(0)
    assert [name for name in asked if name.startswith("versions") or name.endswith(".json")] == loads


def test_without_javascript_there_is_no_menu(visit):
    page = visit("new", java_script_enabled=False)
    expect(page.locator(".versions")).to_be_hidden()
