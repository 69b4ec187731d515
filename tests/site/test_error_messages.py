"""The pages of error messages as they were built: each message with its anchor, what came of it here, and where it leads."""

from __future__ import annotations

import json
import shutil

import pytest
from from_package import errors as pages
from from_package import raised
from pages import SITE, by_id, soup

from tensorref import errors
from tensorref.errors._catalogue import GROUPS
from tensorref.sphinxext.picture import Picture

ENTRIES = errors.entries()
CAME = raised.kept()
PITFALLS = SITE / "reference" / "pitfalls.html"


def section(entry):
    return by_id(SITE / "errors" / f"{entry.group}.html")[entry.id]


def blocks(entry):
    return [block.get_text().rstrip("\n") for block in section(entry).find_all("pre")]


def test_every_group_has_a_page_in_the_sidebar():
    assert [*pages.TITLES] == [*GROUPS]
    for group, title in pages.TITLES.items():
        page = SITE / "errors" / f"{group}.html"
        assert soup(page).find("h1").get_text().removesuffix("¶") == title
        assert [each["id"] for each in soup(page).find_all("section", class_="error-entry")] == [
            entry.id for entry in errors.entries(group)
        ]
        assert soup(SITE / "index.html").select_one(f'.sidebar-tree a[href="errors/{group}.html"]')


def test_a_section_says_what_the_catalogue_says():
    for entry in ENTRIES:
        text = " ".join(section(entry).get_text().split())
        for sentence in (*entry.causes, *(mend.words for mend in entry.mends)):
            assert sentence in text, (entry.id, sentence)
        shown = blocks(entry)
        for code in filter(None, (entry.code, *(mend.code for mend in entry.mends))):
            assert code in shown, (entry.id, code)
        assert ("asked often" in text) == entry.often


def test_what_can_be_raised_shows_what_came_and_the_rest_says_what_it_takes():
    for entry in ENTRIES:
        said = CAME["said"].get(entry.id)
        assert (said is None) == bool(section(entry).find(class_="error-not-here"))
        if said is None:
            assert (
                section(entry).find(class_="error-not-here").get_text() == f"Not raised here: it takes {entry.needs}."
            )
        else:
            assert blocks(entry)[0] == said
            assert said.startswith(f"{entry.type}: ")
            assert errors.explain(said).id == entry.id


def test_a_mend_shows_what_it_gives():
    for entry in ENTRIES:
        given = CAME["gives"][entry.id]
        assert len(given) == len(entry.mends)
        shown = [each.get_text() for each in section(entry).find_all("p", class_="error-gives")]
        assert [each for each in shown if each.startswith("Gives ")] == [f"Gives {each}." for each in given if each]
    assert CAME["gives"]["mat1-mat2-shapes"] == ["shape (3, 5), float32"] * 3


def test_code_is_run_as_it_stands():
    assert raised.words("np.zeros(3)[5]", "IndexError") == (
        "IndexError: index 5 is out of bounds for axis 0 with size 3"
    )
    assert raised.words("np.zeros(0).mean()", "RuntimeWarning").startswith("RuntimeWarning: Mean of empty slice")
    assert raised.words("np.zeros(3)", "IndexError") is None
    assert raised.gives("a = torch.ones(2)\na[:1]") == "shape (1,), float32"
    assert raised.gives("a = 1") is None
    with pytest.raises(RuntimeWarning):
        raised.gives("np.zeros(0).mean()")


def test_another_template_is_tried_again(tmp_path):
    folder = tmp_path / "messages"
    shutil.copytree(raised.MESSAGES, folder)
    assert raised.digest(folder) == raised.digest() == CAME["digest"]
    file = folder / "shape.toml"
    file.write_text(file.read_text("utf-8").replace("cannot be multiplied", "do not fit", 1), "utf-8")
    assert raised.digest(folder) != CAME["digest"]


def test_a_picture_stands_where_there_is_a_rule():
    with_picture = [entry.id for entry in ENTRIES if section(entry).find("svg", role="img")]
    ruled = [entry.id for entry in ENTRIES if errors.explain(entry.text()).rule is not None]
    assert with_picture == ruled
    assert len(ruled) > 25
    assert issubclass(Picture, pages.nodes.container)


def test_links_lead_to_concepts_guards_exercises_and_the_dictionary():
    for entry in ENTRIES:
        links = {link["href"] for link in section(entry).select(".error-links a")}
        assert links == {
            *(f"../reference/{each}.html" for each in entry.concepts),
            *(f"../reference/pitfalls.html#tensorref.pitfalls.{each}" for each in entry.pitfalls),
            *(f"../exercises/{each}.html" for each in entry.exercises),
            *(f"../reference/dictionary.html#{each}" for each in entry.dictionary),
        }, entry.id


def test_messages_on_pages_of_the_reference_lead_to_their_entries():
    cells = [row.find("td") for row in soup(PITFALLS).find("table").find_all("tr")[1:]]
    messages = [cell for cell in cells if not cell.get_text().startswith("nothing")]
    assert len(messages) >= 14
    for cell in messages:
        entry = pages.entry_of(cell.get_text())
        assert cell.find("a")["href"] == f"../errors/{entry.group}.html#{entry.id}"
    for page, name in [("matmul", "mat1-mat2-shapes"), ("layout", "view-not-compatible"), ("devices", "same-device")]:
        wrong = by_id(SITE / "reference" / f"{page}.html")["goes-wrong-when"]
        assert wrong.find("a", href=f"../{errors.get(name).page}"), page


def test_no_message_is_seen_in_what_is_none():
    for text in ("x.view(4, 8, 32, 8)", "reshape", "(4, 3, 2)", "this is said by nobody"):
        assert pages.entry_of(text) is None


def test_headings_are_short():
    assert pages.short(errors.get("mat1-mat2-shapes")) == "mat1 and mat2 shapes cannot be multiplied …"
    assert pages.short(errors.get("np-mean-empty")) == "Mean of empty slice"
    assert max(len(pages.short(entry)) for entry in ENTRIES) <= 66


def test_the_file_for_the_field_has_every_template():
    held = json.loads((SITE / "errors.json").read_text("utf-8"))
    assert held == pages.to_look_through()
    assert [each["id"] for each in held["entries"]] == [entry.id for entry in ENTRIES]
    for page in ("index.html", "search.html", "errors/index.html"):
        assert soup(SITE / page).select_one(".error-find textarea[name=q]")
        assert soup(SITE / page).find("script", src=lambda name: name and "errors.js" in name, type="module")


def test_the_search_has_every_message():
    held = json.loads((SITE / "entries.json").read_text("utf-8"))["entries"]
    found = {address: title for title, address, kind, *_ in held if kind == "error"}
    assert {*found} == {entry.page for entry in ENTRIES}
    assert found["errors/shape.html#mat1-mat2-shapes"].startswith("mat1 and mat2 shapes cannot be multiplied (3x4")
