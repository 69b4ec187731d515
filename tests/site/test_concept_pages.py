"""Every concept page has the same parts in the same order, so that a reader who knows one knows where to look on all."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from pages import PAGES, SITE, by_id, soup

import tensorref

# What a concept does not have is named here, so that none is forgotten.
WITHOUT = {
    "picture": {"benchmark", "kernels", "losses", "sampling", "training"},
    "explorer": {
        *("activations", "anatomy", "attention", "autograd", "benchmark", "budget", "caches", "creation", "devices"),
        *("dtypes", "elementwise", "experts", "interop", "kernels", "llm", "losses", "masks", "normalization"),
        *("pitfalls", "positions", "quantization", "sampling", "training"),
    },
    "formula": {"broadcasting", "creation", "devices", "elementwise", "indexing", "interop", "pitfalls"},
    "exercises": {"benchmark"},
    "objects": {"activations", "elementwise", "kernels", "llm", "losses", "normalization", "sampling"},
}
OPTIONAL = {"exercises": "Try it", "objects": "Objects"}
HEADINGS = ["The rule", "In a model", "Goes wrong when", "Try it", "Functions", "Objects"]
CONCEPTS = [concept for concept in tensorref.CONCEPTS if concept not in {"errors", "exercises"}]


def article(concept):
    return soup(SITE / "reference" / f"{concept}.html").select_one("article")


def problems(page, concept):
    """Return what a page lacks, what it has although it is named as missing, and what stands in another place."""
    sections = {section.h2.get_text().removesuffix("¶"): section for section in page.select("section:has(> h2)")}
    left_out = {heading for part, heading in OPTIONAL.items() if concept in WITHOUT[part]}
    if [*sections] != [heading for heading in HEADINGS if heading not in left_out]:
        return [f"the headings are {', '.join(sections)}"]
    found = [*of_the_beginning(page, concept)]
    has_formula = sections["The rule"].select_one("math[display=block]") is not None
    found += [] if has_formula != (concept in WITHOUT["formula"]) else ["formula: there or missing, against the list"]
    return [*found, *(words for heading, section in sections.items() for words in CHECKS[heading](section))]


def of_the_beginning(page, concept):
    """Yield what is wrong above the first heading."""
    nodes = [node for node in page.h1.find_next_siblings() if node.name != "section"]
    nodes = [node for node in nodes if node.get_text(strip=True) or node.svg]
    kinds = [next((k for k in ("explorer", "picture") if f"tensorref-{k}" in str(node)), node.name) for node in nodes]
    if kinds[:2] != ["p", "p"] or not all(20 < len(node.get_text()) < 300 for node in nodes[:2]):
        yield "there are no two paragraphs at the top that say what it is and why to care"
    wanted = [kind for kind in ("picture", "explorer") if concept not in WITHOUT[kind]]
    if (has := [kind for kind in kinds if kind != "p"]) != wanted:
        yield f"at the top is {has}, and not {wanted}"


def of_the_rule(section):
    first = section.h2.find_next_sibling()
    if first.name != "ol" or not 2 <= len(first.find_all("li", recursive=False)) <= 4:
        yield "the rule does not begin with at most four numbered lines"


def of_a_model(section):
    sides = section.select(".both .sd-col")
    if [side.p.get_text() for side in sides[:2]] != ["NumPy", "PyTorch"] or not all(side.pre for side in sides):
        yield "NumPy and PyTorch do not stand side by side"


def of_what_goes_wrong(section):
    items = section.select(":scope > ul > li") or section.select(":scope > section")
    if len(items) < 2 or not all(item.select_one("a.internal") for item in items):
        yield "what goes wrong has no links to what explains it"


def of_exercises(section):
    links = [link["href"] for link in section.select("li > p > a, li > a")]
    if len(links) != 2 or not all("exercise" in link for link in links):
        yield "there are not two exercises"


def of_functions(section):
    entries = [f"#{entry['id']}" for entry in section.select("dt.sig[id]")]
    if not entries or [link["href"] for link in section.table.select("td:first-child a")] != entries:
        yield "the table of functions is not that of the entries"


def of_objects(section):
    folded = section.select("details:not([open]) dt.sig[id]")
    if not folded or folded != section.select("dt.sig[id]"):
        yield "objects are not folded"


CHECKS = dict(
    zip(
        HEADINGS,
        [of_the_rule, of_a_model, of_what_goes_wrong, of_exercises, of_functions, of_objects],
        strict=True,
    )
)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_a_concept_page_has_its_parts_in_order(concept):
    assert problems(article(concept), concept) == []


@pytest.mark.parametrize("concept", CONCEPTS)
def test_objects_have_no_place_in_the_table_of_contents(concept):
    page = soup(SITE / "reference" / f"{concept}.html")
    listed = {link["href"].lstrip("#") for link in page.select(".toc-tree a[href^='#']")}
    folded = {entry["id"] for entry in page.select("article details dt.sig[id]")}
    functions = {entry["id"] for entry in page.select("article section > dl > dt.sig[id]")}
    assert not listed & folded
    assert functions <= listed
    assert len(functions) >= 2
    assert bool(folded) == (concept not in WITHOUT["objects"])


def test_what_see_also_says_is_one_line_by_library():
    lines = [line.get_text() for page in PAGES for line in soup(page).select("article dd > p.see-also")]
    assert len(lines) > 60
    for line in lines:
        assert re.fullmatch(r"((^| · )(NumPy|PyTorch|Here): [^·]*[\w)])+", line), line
    line = by_id(SITE / "reference" / "broadcasting.html")["tensorref.broadcasting.compatible"].find_next(
        class_="see-also"
    )
    assert line.get_text() == (
        "NumPy: numpy.broadcast_shapes (raises where this is False) · PyTorch: torch.broadcast_shapes (raises too)"
    )
    assert not [page for page in PAGES if soup(page).select("article dd .seealso")]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("<h2>The rule", "<h2>Rule", "the headings are"),
        (">NumPy</p>", ">Other</p>", "side by side"),
        ("<ol", "<ul", "numbered lines"),
        ("<details", "<details open", "objects are not folded"),
        ("tensorref-picture", "other", "at the top is"),
        ("tensorref-explorer", "other", "at the top is"),
        ("<math", "<span", "formula: there or missing"),
        ('id="tensorref.matmul.product"', 'id="other"', "table of functions"),
        ("exercise", "other", "two exercises"),
    ],
)
def test_a_part_that_is_lost_is_found(before, after, said):
    text = str(article("matmul"))
    assert before in text
    changed = BeautifulSoup(text.replace(before, after), "html.parser")
    assert any(said in problem for problem in problems(changed, "matmul"))
