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
    ("F.layer_norm", "reference/llm.html#tensorref.llm.layer_norm"),
    ("scaled_dot_product_attention", "reference/llm.html#tensorref.llm.attention"),
    ("view_strides", "reference/layout.html#tensorref.layout.view_strides"),
    ("view size is not compatible", "reference/pitfalls.html"),
    ("mat1 and mat2 shapes cannot be multiplied", "reference/pitfalls.html"),
    ("operands could not be broadcast together", "reference/broadcasting.html"),
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


def test_the_box_of_a_page_leads_to_the_results(visit):
    page = visit("reference", "broadcasting")
    typed, found = FOUND[0]
    page.locator("input[name=q]").first.fill(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    assert found in results(page)
