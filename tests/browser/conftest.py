"""A browser, a small site that uses the extension, and a watch on what its pages do."""

import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from filelock import FileLock
from playwright.sync_api import Error, expect

SITE = Path(__file__).resolve().parents[2] / "docs" / "_build" / "html"
PAGES = {
    "index": """\
# Explorers

```{toctree}
names
matmul
layout
indexing
reduction
einsum
```

```{broadcasting} (32, 10, 64) (64,)
:names: x, bias
```

```{broadcasting} (3, 4) (2, 4)
:step: 5
```

```{broadcasting} (5, 1) (5,) ()
:names: prediction, target, <i>scale</i>
:step: 3
:itemsize: 2
```
""",
    "names": """\
# Names

```{broadcasting} (B=2, T=3, D=4) (T, 1) (D,) [B, 1, 1] () 1
:names: class, print, np, operand5, x y, __debug__
:step: 5
```

```{broadcasting} (N=5, 1) (N,)
```
""",
    "matmul": """\
# Matrix products

```{matmul} (B=32, T=10, D=64) (D, F=256)
:names: x, weight.mT
```

```{matmul} (2, 8, 32, 16) (2, 2, 16, 32)
:step: 4
```

```{matmul} (3,) (2, 3, 4)
:names: query, <i>keys</i>
:step: 2
:itemsize: 2
```
""",
    "indexing": """\
# Indices

```{indexing} (2, 3, 4) x[:, [0, 2], None]
```
""",
    "reduction": """\
# Reductions

```{reduction} (2, 3, 4) axis=-1
```
""",
    "einsum": """\
# Equations

```{einsum} bqd,bkd->bqk (2, 3, 4) (2, 5, 4)
:names: query, key
```
""",
    "layout": """\
# Memory layout

```{layout} (3, 4) .transpose(0, 1)[:, ::2].view(8)
```

```{layout} (H=2, T=3, D=4) .transpose(0, 1).contiguous().view(3, 8)
:names: heads
:step: 2
:itemsize: 2
```

```{layout} (3, 1) x.expand(3, 2)[1:]
:names: <i>x</i>
:step: 1
```
""",
}
# Of each cell that can be pointed at: its name, what is said of it, and what stands in the cells that are marked then.
MARKS = """(explorer) => {
  const svg = explorer.querySelector(".tref-panel svg");
  const within = (part) => {
    const { left, right, top, bottom } = part.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].find((text) => {
      const box = text.getBoundingClientRect();
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      return left < x && x < right && top < y && y < bottom;
    })?.textContent;
  };
  return [...svg.querySelectorAll("[role=button]")].map((cell) => {
    cell.focus();
    const name = cell.getAttribute("aria-label");
    const marked = [...svg.querySelectorAll("[data-read]")].map(within);
    return { name, marked, said: explorer.querySelector(".tref-reads").textContent };
  });
}"""
CONF = """\
extensions = ["myst_parser", "tensorref.sphinxext"]
if tags.has("basic"):
    html_sidebars, templates_path = {"**": []}, ["templates"]
project, language = "small", "en"
"""
# Without the bars of links, whose style stands in the page, a page of the basic theme obeys the strictest policy.
LAYOUT = '{% extends "!layout.html" %}{% block relbar1 %}{% endblock %}{% block relbar2 %}{% endblock %}'
VIEWPORT = {"width": 1000, "height": 900}
THEMES = ("furo", "alabaster", "basic")
POLICY = "default-src 'self'; script-src 'self'; style-src 'self'"
PATIENCE = 20_000  # milliseconds; a machine may be busy
BUILDING = 120_000  # a site is built when its first page is visited
expect.set_options(timeout=PATIENCE)
SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="check every page of the site, not a sample")


@pytest.fixture(scope="session")
def browser(launch_browser):
    """Start the browser that TENSORREF_BROWSER names, or else the machine's own, or else Playwright's."""
    named = os.environ.get("TENSORREF_BROWSER")
    installed = map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    paths = [named] if named else [*filter(None, installed), None]
    # As root, Chromium starts only without its sandbox; the pages are ours.
    switches = [*SWITCHES, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    refused = []
    for path in paths:
        try:
            launched = launch_browser(executable_path=path, args=switches)
        except Error as error:
            refused.append(f"{path or 'the browser of Playwright'}: {error.message.strip().splitlines()[0]}")
        else:
            yield launched
            launched.close()
            return
    pytest.fail(
        "no browser starts; run `python -m playwright install --with-deps chromium`, "
        "or give TENSORREF_BROWSER the path of a Chromium\n" + "\n".join(refused),
        pytrace=False,
    )


class Project:
    """Files of a documentation project; each way of building it is taken once, for all workers, when it is asked for."""

    def __init__(self, folder, files, ways):
        self.folder, self.files, self.ways = folder, files, ways

    def build(self, way):
        """Build the project in a folder with the name of the way, if no worker has done so, and return what was wrong."""
        source, site = self.folder / f".{way}", self.folder / way
        with FileLock(f"{source}.lock"):
            if site.exists():
                return ""
            for name, text in self.files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_text(text, encoding="utf-8")
            command = [sys.executable, "-m", "sphinx", "-q", "-W", *self.ways[way], "-d", source / ".doctrees"]
            built = subprocess.run([*command, source, site], capture_output=True, text=True, check=False)
            if built.returncode:
                shutil.rmtree(site, ignore_errors=True)
            return built.stderr


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves sites; nothing that the policy does not name may run on the pages of the basic theme."""

    protocol_version = "HTTP/1.1"  # a connection serves many requests

    def __init__(self, *args, project=None, **options):
        self.project = project
        super().__init__(*args, **options)

    def end_headers(self):
        if self.path.startswith("/basic/"):
            self.send_header("Content-Security-Policy", POLICY)
        if "/_static/" in self.path or self.path.partition("?")[0].endswith(".js"):
            self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def do_GET(self):
        way = self.path.split("/")[1]
        wrong = self.project.build(way) if self.project and way in self.project.ways else ""
        if self.path == "/favicon.ico":
            self.send_response(http.HTTPStatus.NO_CONTENT)
            self.end_headers()
        elif wrong:
            self.send_error(http.HTTPStatus.INTERNAL_SERVER_ERROR, "the site was not built", wrong)
        else:
            super().do_GET()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture(scope="session")
def serve():
    """Return a function that serves a folder, or the sites of a project, and returns the address."""
    with contextlib.ExitStack() as servers:

        def serve(folder, project=None):
            handler = functools.partial(Handler, directory=str(folder), project=project)
            server = servers.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            servers.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.fixture(scope="session")
def publish(serve, tmp_path_factory, worker_id):
    """Return a function that serves what becomes of the files of a project, in a folder for each way of building it."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent  # which all workers have

    def publish(files, **ways):
        digest = hashlib.sha256(json.dumps([files, ways]).encode()).hexdigest()
        folder = shared / f"project-{digest[:16]}"
        folder.mkdir(exist_ok=True)
        return serve(folder, Project(folder, files, ways))

    return publish


@pytest.fixture(scope="session")
def site(publish):
    """Return the address under which the small site is served, in a folder for each theme."""
    pages = {f"{name}.md": text for name, text in PAGES.items()}
    files = {**pages, "templates/layout.html": LAYOUT, "conf.py": CONF}
    return publish(files, **{theme: ["-t", theme, "-D", f"html_theme={theme}"] for theme in THEMES})


@pytest.fixture(scope="session")
def documentation(serve):
    """Return the address of the site of these docs."""
    if not (SITE / "index.html").exists():
        pytest.fail("no site is in docs/_build/html; build it first: nox -s 'docs(cpu)'", pytrace=False)
    return serve(SITE)


def open_context(browser, **settings):
    context = browser.new_context(viewport=VIEWPORT, **settings)
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture(scope="session")
def shared(browser):
    """Return the context whose one page all tests visit that ask for no other settings."""
    with open_context(browser) as context:
        context.new_page()
        yield context


def sweep(context):
    """Leave nothing that a test did to a context and its page for the next one."""
    page, *others = context.pages or [context.new_page()]
    for other in others:
        other.close()
    page.unroute_all()
    context.unroute_all()
    context.clear_cookies()
    context.clear_permissions()
    page.evaluate(
        "() => { if (location.protocol.startsWith('http')) { localStorage.clear(); sessionStorage.clear(); } }"
    )
    page.emulate_media(media="null", color_scheme="light", reduced_motion="no-preference", forced_colors="none")
    page.set_viewport_size(VIEWPORT)
    page.mouse.move(0, 0)
    page.goto("about:blank")  # what the page said until now was said by this test


@pytest.fixture
def visits(site, browser, shared):
    """Return a context manager, which gives what `visit` gives and checks in its end what pages said and asked for."""

    @contextlib.contextmanager
    def visits():
        own, complaints, foreign = contextlib.ExitStack(), [], []
        watch = {
            "console": lambda message: complaints.append(f"{message.type}: {message.text}"),
            "weberror": lambda error: complaints.append(str(error.error)),
            "dialog": lambda dialog: (complaints.append(dialog.message), dialog.dismiss()),
            "request": lambda request: request.url.startswith((site, "about:")) or foreign.append(request.url),
        }

        def attend(context):
            for event, handle in watch.items():
                context.on(event, handle)
                own.callback(context.remove_listener, event, handle)

        def visit(theme="furo", name="index", *, alone=False, **settings):
            page = shared.pages[0]
            if alone or settings:
                context = own.enter_context(open_context(browser, **settings))
                attend(context)
                page = context.new_page()
            response = page.goto(f"{site}/{theme}/{name}.html", timeout=BUILDING)
            assert response.ok, response.text()
            if settings.get("java_script_enabled", True):
                page.wait_for_function("document.querySelectorAll('.tensorref-explorer:not([data-live])').length === 0")
            return page

        visit.complaints = complaints
        with own:
            attend(shared)
            try:
                yield visit
            finally:
                sweep(shared)
        assert complaints == []
        assert foreign == []

    return visits


@pytest.fixture
def visit(visits):
    """Return a function that opens a page; in the end, nothing was complained of and nothing asked of other hosts."""
    with visits() as visit:
        yield visit


@pytest.fixture(scope="session")
def axe():
    """Return a function that returns what axe finds wrong with a page, or with what its selectors name."""
    # One rule is left out: the sidebars of furo are two landmarks without names. WCAG asks for no name.
    rules = {"target-size": {"enabled": True}, "landmark-unique": {"enabled": False}}
    # Style sheets were loaded with the page; axe would load them again.
    options = {"preload": False, "resultTypes": ["violations"], "rules": rules}

    def axe(page, *selectors):
        found = Axe().run(page, context=[[selector] for selector in selectors] or None, options=options).response
        return [
            (rule["id"], node["html"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]
        ]

    return axe


@pytest.fixture(scope="session")
def run():
    """Return a function that runs code to copy: it returns what that prints, or the name of its error and the words of it."""

    def run(code):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(code, "code", "exec"), {"__name__": "__main__"})  # noqa: S102
        except (IndexError, RuntimeError, ValueError) as error:
            return [type(error).__name__, str(error)]
        return ["", printed.getvalue()]

    return run


@pytest.fixture(scope="session")
def marks():
    """Return a function that focuses each cell of an explorer's picture, and returns what is marked and said then."""
    return lambda explorer: explorer.evaluate(MARKS)
