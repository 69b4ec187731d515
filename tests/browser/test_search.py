"""What a reader finds who types a name or an error message into the search of the built site."""

from urllib.parse import quote

import pytest

FIRST = 6
FOUND = [
    ("unsqueeze", "reference/broadcasting.html#tensorref.broadcasting.explain"),
    ("newaxis", "reference/indexing.html#tensorref.indexing.explain"),
    ("np.newaxis", "reference/indexing.html#tensorref.indexing.explain"),
    ("numpy.newaxis", "reference/broadcasting.html#tensorref.broadcasting.explain"),
    ("view", "reference/layout.html#tensorref.layout.can_view"),
    ("torch.Tensor.view", "reference/layout.html#tensorref.layout.view_strides"),
    ("np.concatenate", "reference/creation.html#tensorref.creation.from_list"),
    ("torch.einsum", "reference/matmul.html#tensorref.matmul.explain"),
    ("F.layer_norm", "reference/normalization.html#tensorref.normalization.layer_norm"),
    ("scaled_dot_product_attention", "reference/attention.html#tensorref.attention.output"),
    ("view_strides", "reference/layout.html#tensorref.layout.view_strides"),
    ("view size is not compatible", "reference/pitfalls.html"),
    ("mat1 and mat2 shapes cannot be multiplied", "reference/pitfalls.html"),
    ("operands could not be broadcast together", "reference/broadcasting.html"),
]
VIEW = (
    "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
    "contiguous subspaces). Use .reshape(...) instead."
)
BEST = [  # what is meant, and how many entries may stand above it
    ("time gpu", "reference/benchmark.html", 1),
    ("7B bf16", "reference/anatomy.html#tensorref.anatomy.nbytes", 0),
    ("layer norm formula", "reference/normalization.html#tensorref.normalization.layer_norm", 1),
    ("rope", "reference/positions.html#tensorref.positions.rotate", 0),
    ("mask over heads", "reference/masks.html#tensorref.masks.padding", 2),
    ("unsqueeze numpy", "reference/dictionary.html#expand-dims", 0),
    ("np.concatenate", "reference/dictionary.html#concatenate", 0),
    ("why view fails", "gallery/layout.html#ask-before-view-fails", 0),
    ("multi-head attention", "gallery/multi_head_attention.html", 0),
    ("squared errors", "exercises/squared-errors.html", 0),
    ("x[:, [0,2], None]", "reference/indexing.html#tensorref.indexing.explain", 0),
    ("(32, 10, 64) (64,)", "reference/broadcasting.html#tensorref.broadcasting.explain", 0),
    (
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x10 and 64x128)",
        "errors/shape.html#mat1-mat2-shapes",
        0,
    ),
    (
        "ValueError: operands could not be broadcast together with shapes (5,4) (3,)",
        "errors/shape.html#np-broadcast",
        0,
    ),
    (f"RuntimeError: {VIEW}", "errors/layout.html#view-not-compatible", 0),
]


@pytest.fixture(scope="module")
def site(documentation):
    return documentation


def results(page):
    """Return where the first results lead to."""
    page.locator("#search-results .search-summary:has-text('found')").wait_for()
    links = page.locator("#search-results ul.search > li > a").evaluate_all(
        "(links) => links.map((link) => new URL(link.href).pathname.slice(1) + new URL(link.href).hash)"
    )
    return links[:FIRST]


def test_a_reader_finds_the_entry_among_the_first(visit, documentation, subtests):
    page = visit("reference", "broadcasting")
    for typed, found in FOUND:
        with subtests.test(f"{typed}: {found}"):
            page.goto(f"{documentation}/search.html?q={quote(typed)}")
            links = results(page)
            if "#" in found:
                name = page.locator(f'#search-results li > a[href$="{found}"]').first.text_content()
                assert name == found.partition("#")[2]  # not only its page
            else:
                links = [link.partition("#")[0] for link in links]
            assert found in links


def best(page):
    """Return where the best entries lead to."""
    page.locator(".search-entries li").first.wait_for()
    return page.locator(".search-entries a").evaluate_all(
        "(links) => links.map((link) => new URL(link.href).pathname.slice(1) + new URL(link.href).hash)"
    )


def test_a_reader_finds_what_is_meant_on_top(visit, documentation, subtests):
    page = visit("reference", "broadcasting")
    for typed, found, above in BEST:
        with subtests.test(f"{typed}: {found}"):
            page.goto(f"{documentation}/search.html?q={quote(typed)}")
            assert found in best(page)[: above + 1]


def test_the_numbers_and_the_exception_of_a_pasted_error_are_those_of_its_reader(visit, documentation):
    page = visit("reference", "broadcasting")
    page.goto(
        f"{documentation}/search.html?q={quote('RuntimeError: mat1 and mat2 shapes cannot be multiplied (7x9 and 3x5)')}"
    )
    assert "reference/pitfalls.html" in [link.partition("#")[0] for link in results(page)]
    page.goto(f"{documentation}/search.html?q=zzzqqq")
    page.locator(".search-summary:has-text('did not match')").wait_for()
    assert page.locator(".search-entries").count() == 0


def test_attributes_come_last(visit, documentation):
    page = visit("reference", "broadcasting")
    page.goto(f"{documentation}/search.html?q=shape")
    results(page)
    kinds = page.locator("#search-results ul.search > li").evaluate_all(
        # Sphinx puts what only the general index has behind all, and says of it no more than "in Pitfalls".
        "(items) => items.filter((item) => !/[(]in /.test(item.textContent))"
        ".map((item) => /[(]Python (attribute|property)/.test(item.textContent))"
    )
    assert any(kinds)
    assert kinds == sorted(kinds)


def test_the_field_of_home_leads_to_the_results(visit, documentation):
    page = visit("reference", "broadcasting")
    page.goto(f"{documentation}/index.html")
    page.locator("#error-find").fill("7B bf16")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    assert best(page)[0].startswith("reference/anatomy.html")


def test_the_box_of_a_page_leads_to_the_results(visit):
    page = visit("reference", "broadcasting")
    typed, found = FOUND[0]
    page.locator("input[name=q]").first.fill(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    assert found in results(page)
