"""A browser, a small site that uses the extension, and a watch on what its pages do."""

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading

import pytest
from playwright.sync_api import Error, expect

PAGES = {
    "index": """\
# Explorers

```{toctree}
names
matmul
layout
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
    "layout": """\
# Memory layout

```{layout} (3, 4) .transpose(0, 1)[:, ::2].view(8)
```

```{layout} (H=2, T=3, D=4) .transpose(0, 1).contiguous().view(3, 8)
:name: heads
:step: 2
:itemsize: 2
```

```{layout} (3, 1) x.expand(3, 2)[1:]
:name: <i>x</i>
:step: 1
```
""",
}
CONF = """\
extensions = ["myst_parser", "tensorref.sphinxext"]
if tags.has("basic"):
    html_sidebars, templates_path = {"**": []}, ["templates"]
project, language = "small", "en"
"""
# Without the bars of links, whose style stands in the page, a page of the basic theme obeys the strictest policy.
LAYOUT = '{% extends "!layout.html" %}{% block relbar1 %}{% endblock %}{% block relbar2 %}{% endblock %}'
THEMES = ("furo", "alabaster", "basic")
POLICY = "default-src 'self'; script-src 'self'; style-src 'self'"
PATIENCE = 20_000  # milliseconds; a machine may be busy
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


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the sites; nothing that the policy does not name may run on the pages of the basic theme."""

    def end_headers(self):
        if self.path.startswith("/basic/"):
            self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self):
        if self.path == "/favicon.ico":
            self.send_response(http.HTTPStatus.NO_CONTENT)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture(scope="session")
def publish(tmp_path_factory):
    """Return a function that builds files of a project once for each set of options, and serves what comes out."""
    with contextlib.ExitStack() as servers:

        def publish(files, **options):
            source, root = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
            for name, text in files.items():
                (source / name).parent.mkdir(exist_ok=True)
                (source / name).write_text(text, encoding="utf-8")
            command = [sys.executable, "-m", "sphinx", "-q", "-W"]
            builds = [
                subprocess.Popen(
                    [*command, *given, "-d", root / f".{folder}", source, root / folder],
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for folder, given in options.items()
            ]
            said = [build.communicate()[1] for build in builds]
            assert (said, [build.returncode for build in builds]) == ([""] * len(builds), [0] * len(builds))
            handler = functools.partial(Handler, directory=str(root))
            server = servers.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            servers.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield publish


@pytest.fixture(scope="session")
def site(publish):
    """Return the address under which the small site is served, in a folder for each theme."""
    pages = {f"{name}.md": text for name, text in PAGES.items()}
    files = {**pages, "templates/layout.html": LAYOUT, "conf.py": CONF}
    return publish(files, **{theme: ["-t", theme, "-D", f"html_theme={theme}"] for theme in THEMES})


@pytest.fixture
def visit(site, browser):
    """Return a function that opens a page; in the end, nothing was complained of and nothing asked of other hosts."""
    contexts, complaints, foreign = [], [], []

    def visit(theme="furo", name="index", **settings):
        context = browser.new_context(viewport={"width": 1000, "height": 900}, **settings)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        context.on("request", lambda request: request.url.startswith(site) or foreign.append(request.url))
        page = context.new_page()
        page.goto(f"{site}/{theme}/{name}.html")
        if settings.get("java_script_enabled", True):
            page.wait_for_function("document.querySelectorAll('.tensorref-explorer:not([data-live])').length === 0")
        return page

    visit.complaints = complaints
    yield visit
    for context in contexts:
        context.close()
    assert complaints == []
    assert foreign == []
