"""The page of the exercises, as `nox -s docs` has just built it."""

from __future__ import annotations

import pytest
from pages import SITE, by_id, soup

from tensorref import exercises

PAGE = SITE / "reference" / "exercises.html"


def squeezed(text):
    return " ".join(text.replace("¶", "").replace("’", "'").split())


@pytest.mark.parametrize("name", exercises.names())
def test_an_exercise_is_on_the_page_with_hints_and_solution_closed(name):
    exercise = exercises.get(name)
    section = by_id(PAGE)[f"exercise-{name}"]
    assert squeezed(section.find("h3").get_text()) == name
    assert squeezed(section.find("p").get_text()) == f"{squeezed(exercise.task)} ({', '.join(exercise.concepts)})"
    assert {link["href"] for link in section.find("p").find_all("a")} == {f"{each}.html" for each in exercise.concepts}
    assert section.find("pre").get_text().rstrip("\n") == exercise.starter
    assert section.find("pre").find_parent("details") is None
    *hints, solution = section.find_all("details")
    assert [squeezed(each.find(class_="sd-card-body").get_text()) for each in hints] == [
        squeezed(hint) for hint in exercise.hints
    ]
    assert solution.find("pre").get_text().rstrip("\n") == exercise.solution
    assert squeezed(solution.find_all("p")[-1].get_text()) == squeezed(exercise.learns)
    assert not any("open" in each.attrs for each in (*hints, solution))
    chapter = section.find_parent("section")
    assert squeezed(chapter.find("h2").get_text()).startswith(f"Difficulty {exercise.difficulty}: ")


def test_every_exercise_stands_once_in_the_table_by_concept():
    rows = soup(PAGE).find("section", id="by-concept").find_all("tr")[1:]
    found = {
        row.find("td").get_text(): [
            link["href"].removeprefix("#exercise-") for link in row.find_all("td")[1].find_all("a")
        ]
        for row in rows
    }
    assert sorted(name for names in found.values() for name in names) == sorted(exercises.names())
    for concept, names in found.items():
        for name in names:
            concepts = exercises.get(name).concepts
            assert concepts == (concept,) if concept != "several" else len(concepts) > 1
