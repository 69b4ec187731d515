"""The built site as readers meet it: light, dark, on a phone, on paper, by keyboard, without scripts; Lighthouse and Nu.

Each check of a page is made for the pages of `SAMPLE`, or with ``--all`` for every page. Lighthouse takes its time: it
looks at the page with the most to load, or with ``--all`` at those of `LIGHTHOUSE`.
"""

import json
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

SITE = Path(__file__).resolve().parents[2] / "docs" / "_build" / "html"
PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.rglob("*.html"))
LIGHTHOUSE = (
    "reference/broadcasting.html",
    "index.html",
    "reference/layout.html",
    "gallery/index.html",
    "gallery/elementwise.html",  # which has math
)
SAMPLE = (*LIGHTHOUSE, "search.html", "exercises/index.html", "exercises/padding-mask.html", "teaching.html")
WIDE, PHONE, PAPER = ({"width": width, "height": 900} for width in (1200, 320, 660))
MODES = {"light": (WIDE, "light"), "dark": (WIDE, "dark"), "320px": (PHONE, "light")}
MOST_REQUESTS, MOST_BYTES = 20, 150 * 1024

# What a reader of the article sees, but for the explorers, the filters, what is remembered of exercises and the button that copies, and for what stands there only for a screen.
TEXT = """() => {
  const article = document.querySelector("article");
  const live = article.querySelectorAll(
    ".tensorref-explorer, .dictionary-filter, .exercise-progress, .gallery-filter, .gallery-copy",
  );
  for (const part of live) part.style.display = "none";
  const text = article.innerText;
  for (const part of live) part.style.display = "";
  return text.split(/\\s+/).join(" ").trim();
}"""
# The selectors of a list that match something to be seen.
SEEN = """(selectors) => selectors.filter((selector) =>
  [...document.querySelectorAll(selector)].some((part) => {
    const box = part.getBoundingClientRect();
    const isOnPage = box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth;
    return isOnPage && part.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  }))"""
# What is wider than the place it has, where paper does not scroll.
CUT_OFF = """() => [...document.querySelectorAll("article *")]
  .filter((part) => part.checkVisibility() && part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0)
  .filter((part) => getComputedStyle(part).overflowX !== "visible")
  .map((part) => part.outerHTML.slice(0, 200))"""
# What has the page scroll sideways.
SIDEWAYS = """() => [...document.querySelectorAll("html, .content")]
  .filter((part) => part.scrollWidth > part.clientWidth)
  .flatMap((part) => [...part.querySelectorAll("article *")])
  .filter((part) => part.getBoundingClientRect().right > innerWidth && !part.closest("pre, .table-wrapper, .tref-table"))
  .map((part) => part.outerHTML.slice(0, 200))"""
# Code and output that is wider than its place.
CUT_CODE = """() => [...document.querySelectorAll("article .highlight pre")]
  .filter((part) => part.scrollWidth > part.clientWidth)
  .map((part) => part.textContent.slice(0, 200))"""
# What takes the focus without showing it, or beside the screen.
UNSHOWN = """() => {
  const look = (part) => {
    const style = getComputedStyle(part);
    const after = getComputedStyle(part, "::after").outlineStyle; // of a link that is as large as its card
    return [style.outlineStyle, style.boxShadow, style.borderColor, style.backgroundColor, after].join();
  };
  const unshown = [];
  for (const part of document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")) {
    if (!part.checkVisibility({ visibilityProperty: true })) continue;
    document.activeElement.blur();
    const before = look(part);
    part.focus({ focusVisible: true });
    if (document.activeElement !== part) continue;
    const box = part.getBoundingClientRect();
    const isSeen = part.checkVisibility({ opacityProperty: true }) && box.right > 0 && box.left < innerWidth;
    if (!isSeen || look(part) === before) unshown.push(part.outerHTML.slice(0, 200));
  }
  return unshown;
}"""


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", (metafunc.config.getoption("all") and PAGES) or SAMPLE, scope="module")
    if "path" in metafunc.fixturenames:
        metafunc.parametrize("path", LIGHTHOUSE if metafunc.config.getoption("all") else LIGHTHOUSE[:1])


@pytest.fixture(scope="module")
def address(documentation):  # noqa: ARG001  it fails where there is no site
    """Serve the site as a host would, compressed, and return where."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    app = Starlette(routes=[Mount("/", StaticFiles(directory=SITE))], middleware=[Middleware(GZipMiddleware)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def scriptless(browser):
    with browser.new_context(viewport=WIDE, java_script_enabled=False) as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def visit(browser, address, name):
    """Open a page once for all its checks, read it to its end, and return it with what it asked for and said."""
    requests, complaints = [], []
    context = browser.new_context(viewport=WIDE)  # with nothing in its cache
    page = context.new_page()
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108  Playwright marks what it calls
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    assert page.goto(f"{address}/{name}").ok
    page.evaluate("for (let top = 0; top < document.body.scrollHeight; top += innerHeight) scrollTo(0, top)")
    page.wait_for_load_state("networkidle")
    yield page, requests, complaints
    context.close()


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_wrong_for_assistive_technology(axe, visit, mode):
    page = visit[0]
    size, scheme = MODES[mode]
    page.set_viewport_size(size)
    page.emulate_media(media="screen", color_scheme=scheme)
    assert axe(page) == []
    assert page.evaluate(SIDEWAYS) == []
    assert page.evaluate(CUT_CODE) == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "320px"])
def test_what_has_the_focus_shows_it(visit, size):
    page = visit[0]
    page.set_viewport_size(size)
    page.emulate_media(media="screen", color_scheme="light")
    page.add_style_tag(content="* { transition: none !important; }")
    assert page.evaluate(UNSHOWN) == []


def test_a_page_is_light_and_asks_no_other_host(visit, address):
    _, requests, complaints = visit
    assert [request.url for request in requests if not request.url.startswith((address, "data:"))] == []
    sizes = {
        request.url.removeprefix(address): request.sizes()["responseBodySize"]
        for request in requests
        if not request.url.startswith("data:")
    }
    assert len(sizes) <= MOST_REQUESTS, sizes
    assert sum(sizes.values()) < MOST_BYTES, sizes
    assert complaints == []


def test_a_page_reads_the_same_without_scripts(visit, scriptless, address, name):
    page = visit[0]
    page.set_viewport_size(WIDE)
    page.emulate_media(media="screen")
    scriptless.goto(f"{address}/{name}")
    if name == "search.html":
        assert "Please activate JavaScript" in scriptless.inner_text("article")
        return
    assert scriptless.evaluate(TEXT) == page.evaluate(TEXT)
    explorers = scriptless.locator(".tensorref-explorer").count()
    assert scriptless.locator(".tensorref-explorer table:visible").count() == explorers
    # A switch that does nothing would be a false promise.
    assert scriptless.evaluate(SEEN, [".theme-toggle", "button.copybtn", ".tref-panel"]) == []


def test_a_page_can_be_printed(visit):
    page = visit[0]
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print", color_scheme="dark")
    for_screens = ["button", "input", "aside", ".mobile-header", ".headerlink", ".skip-to-content", ".tref-panel"]
    assert page.evaluate(SEEN, for_screens) == []
    assert page.evaluate(CUT_OFF) == []
    explorers = page.locator(".tensorref-explorer").count()
    assert page.locator(".tensorref-explorer table:visible").count() == explorers
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def run(program, *arguments):
    """Return what a program of npm printed, as JSON."""
    path = shutil.which(program)
    assert path, f"no {program} is on the path; 'nox -t full' fetches it"
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        pytest.fail(f"{program} did not run: {done.stderr or done.stdout}", pytrace=False)


def test_the_nu_html_checker_finds_nothing():
    # Without info messages: that a void element ends in a slash, as Sphinx writes it, has no effect.
    found = run("vnu", "--stdout", "--format", "json", "--skip-info-messages", "--skip-non-html", str(SITE))
    shown = [
        f"{Path(said['url']).relative_to(f'file:{SITE}')}:{said.get('lastLine')}: {said['message']}"
        for said in found["messages"]
    ]
    assert shown == []


def test_lighthouse(address, path, pytestconfig):
    switches = "--headless=new --disable-gpu" + (
        " --no-sandbox" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    )
    wanted = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
    options = [f"--only-categories={','.join(wanted)}", "--output=json", "--quiet", f"--chrome-flags={switches}"]
    for _ in range(3):  # a busy machine slows a page down; nothing makes it faster than it is
        found = run("lighthouse", f"{address}/{path}", *options)
        scores = {key: round(100 * found["categories"][key]["score"]) for key in wanted}
        if scores["performance"] >= wanted["performance"]:
            break
    pytestconfig.get_terminal_writer().line(f"\n{path}: {scores}")
    lost = [f"{audit['id']}: {audit['title']}" for audit in found["audits"].values() if audit["score"] not in (None, 1)]
    assert {key: score for key, score in scores.items() if score < wanted[key]} == {}, lost
