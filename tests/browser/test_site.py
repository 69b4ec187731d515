"""Pages of the built site, in the light; `test_reach.py` meets them in more ways."""

import pytest


@pytest.fixture(scope="module")
def site(documentation):
    return documentation


@pytest.mark.parametrize("where", [(".", "index"), ("reference", "broadcasting"), ("gallery", "elementwise")])
def test_axe_finds_nothing(axe, visit, where):
    page = visit(*where)
    assert axe(page) == []
