"""What a reader finds who types a name or an error message into the search of the built site."""

import functools
import http.server
import re
import threading
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parents[2] / "docs" / "_build" / "html"
FIRST = 6


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def built():
    assert (SITE / "searchindex.js").exists(), "there is no site to search: build it with nox -s docs"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("unsqueeze", "reference/broadcasting.html#tensorref.broadcasting.explain"),
        ("newaxis", "reference/indexing.html#tensorref.indexing.explain"),
        ("np.newaxis", "reference/indexing.html#tensorref.indexing.explain"),
        ("numpy.newaxis", "reference/broadcasting.html#tensorref.broadcasting.explain"),
        ("view", "reference/layout.html#tensorref.layout.can_view"),
        ("torch.Tensor.view", "reference/layout.html#tensorref.layout.view_strides"),
        ("np.concatenate", "reference/creation.html#tensorref.creation.from_list"),
        ("torch.einsum", "reference/matmul.html#tensorref.matmul.explain"),
        ("F.layer_norm", "reference/llm.html#tensorref.llm.layer_norm"),
        ("scaled_dot_product_attention", "reference/llm.html#tensorref.llm.attention"),
        ("view_strides", "reference/layout.html#tensorref.layout.view_strides"),
        ("view size is not compatible", "reference/pitfalls.html"),
        ("view size is not compatible", "reference/layout.html"),
        ("mat1 and mat2 shapes cannot be multiplied", "reference/pitfalls.html"),
        ("operands could not be broadcast together", "reference/broadcasting.html"),
    ],
)
def test_a_reader_finds_the_entry_among_the_first(page, built, typed, found):
    page.goto(f"{built}/search.html")
    page.locator("input[name=q]").first.fill(typed)
    page.keyboard.press("Enter")
    page.locator("#search-results .search-summary:has-text('found')").wait_for()
    links = page.locator("#search-results ul.search > li > a").evaluate_all("links => links.map(link => link.href)")
    results = [re.sub(r"\?[^#]*", "", link.removeprefix(f"{built}/")) for link in links[:FIRST]]
    if "#" in found:
        name = page.locator(f'#search-results li > a[href$="{found}"]').first.text_content()
        assert name == found.partition("#")[2]  # not only its page
    else:
        results = [result.partition("#")[0] for result in results]
    assert found in results
