"""The dictionary page as it was built: a row each, links to the libraries, and links from our own entries."""

from __future__ import annotations

from pages import SITE, by_id

from tensorref import _dictionary

REFERENCE = SITE / "reference"
PAGE = REFERENCE / "dictionary.html"
HOSTS = {"NumPy": "https://numpy.org/doc/stable/", "PyTorch": "https://docs.pytorch.org/docs/stable/"}
ROWS = _dictionary.equivalents()


def test_every_row_has_an_anchor_its_code_and_a_link_to_each_library():
    for row in ROWS:
        line = by_id(PAGE)[row.slug]
        for form, cell in zip(row.forms, line.find_all("td"), strict=True):
            assert form.code in cell.get_text()
            assert form.memory == cell.find("strong").get_text()
            links = [link["href"] for link in cell.find_all("a")]
            assert any(link.startswith(HOSTS[_library(form)]) for link in links), (row.slug, links)


def plain(cell):
    """Return the text of a cell without the quotes that typography bends."""
    return cell.get_text(" ", strip=True).translate(str.maketrans("‘’“”", "''\"\""))


def _library(form):
    """Return whose name stands first: to go from a tensor to an array, it is PyTorch's on either side."""
    return "PyTorch" if form.names[0].startswith(("torch.", "Tensor.")) else "NumPy"


def test_every_difference_stands_below_its_row():
    for row in ROWS:
        line = by_id(PAGE)[row.slug]
        for difference in row.differences:
            line = line.find_next_sibling("tr")
            assert plain(line.find(["th", "td"])) == difference.how
            for text in (difference.numpy, difference.torch):
                assert text in line.get_text()
        if row.outcomes:
            line = line.find_next_sibling("tr")
            assert plain(line.find("td")) == " ".join(outcome.sentence for outcome in row.outcomes)


def test_every_entry_of_ours_links_to_its_rows():
    for row in ROWS:
        for entry in row.entries:
            name = f"tensorref.{entry}"
            module = entry.partition(".")[0]
            assert by_id(PAGE)[row.slug].find("a", href=f"{module}.html#{name}")
            assert (
                by_id(REFERENCE / f"{module}.html")[name].find_next("dd").find("a", href=f"dictionary.html#{row.slug}")
            )
