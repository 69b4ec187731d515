"""The pages of the exercises and the page for teachers, as `nox -s docs` has just built them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import torch
from from_package import exercise_shapes, teaching
from from_package import exercises as pages
from pages import SITE, by_id, soup

from tensorref import exercises, sphinxext
from tensorref.sphinxext.explorer import ExplorerDirective

FOLDER = SITE / "exercises"
INDEX = FOLDER / "index.html"
TEACHING = SITE / "teaching.html"
NAMES = exercises.names()


def squeezed(text):
    return " ".join(text.replace("¶", "").replace("’", "'").split())


def test_the_names_that_are_read_from_the_files_are_all_names():
    assert sorted(pages.names()) == sorted(NAMES)
    assert {page.stem for page in FOLDER.glob("*.html")} == {"index", *NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_the_task_the_starter_and_hints_and_solution_closed(name):
    exercise, file = exercises.get(name), FOLDER / f"{name}.html"
    article = soup(file).find("article")
    assert squeezed(article.find("h1").get_text()) == name
    assert by_id(file)[f"exercise-{name}"]
    assert squeezed(article.find("p").get_text()) == squeezed(exercise.task)
    facts = article.find("p", class_="exercise-facts")
    assert facts.get_text().startswith(f"Difficulty {exercise.difficulty} of 5, ")
    assert [link["href"] for link in facts.find_all("a")] == [f"../reference/{each}.html" for each in exercise.concepts]
    starter = by_id(file)["starter"]
    assert starter.find("pre").get_text().rstrip("\n") == exercise.starter
    assert starter.find("pre").find_parent("details") is None
    *hints, solution = starter.find_all("details")
    assert [squeezed(each.find(class_="sd-card-body").get_text()) for each in hints] == [
        squeezed(hint) for hint in exercise.hints
    ]
    assert solution.find("pre").get_text().rstrip("\n") == exercise.solution
    assert not any("open" in each.attrs for each in (*hints, solution))
    taught = by_id(file)["what-it-teaches"].find_all("p")
    assert squeezed(taught[0].get_text()) == squeezed(exercise.learns)
    assert taught[1].find("a")["href"].removesuffix(".html") in {*NAMES} - {name}


def test_who_goes_on_from_one_to_the_next_comes_to_harder_ones_of_the_same_concept():
    every = [exercises.get(name) for name in NAMES]
    after = pages.following(every, NAMES.index("split-heads"))
    assert (after.name, after.difficulty >= 2) == ("merge-heads", True)
    assert pages.following(every, len(every) - 1) is every[0]


def test_every_exercise_stands_once_in_the_table_by_difficulty_and_concept():
    heading, *rows = soup(INDEX).find("table", class_="exercise-table").find_all("tr")
    assert [cell.get_text() for cell in heading.find_all("th")] == ["Concept", "1", "2", "3", "4", "5"]
    found = []
    for row in rows:
        concept, *cells = row.find_all("td")
        for difficulty, cell in enumerate(cells, 1):
            for link in cell.find_all("a"):
                exercise = exercises.get(link["href"].removesuffix(".html"))
                assert exercise.difficulty == difficulty
                assert exercise.concepts == (concept.get_text(),) or concept.get_text() == "several"
                found.append(exercise.name)
    assert sorted(found) == sorted(NAMES)
    assert len(soup(INDEX).find(id="five-to-start-with").find_all(class_="sd-card")) == 5


def test_a_picture_shows_the_shapes_of_an_input_that_the_checker_tries():
    drawn = {name: exercise_shapes.drawn(exercises.get(name)) for name in NAMES}
    assert [name for name, picture in drawn.items() if picture is None] == [
        *("tensor-bytes", "cache-bytes", "parameter-bytes", "gated-size", "training-bytes", "cache-batch"),
        *("snapshot", "derivative", "gradient-step"),
    ]  # what they are given is neither an array nor a number, or no array at all
    for name, picture in drawn.items():
        if picture is None:
            continue
        rules, said = exercises.get(name)._rules, picture[1]  # noqa: SLF001
        case = rules.cases()[0]
        wanted = rules.expected(*case)
        values = dict(zip(rules.parameters, case, strict=True))
        values |= dict(zip(rules.results, wanted if len(rules.results) > 1 else (wanted,), strict=True))
        shapes = dict(re.findall(r"(\w+) of shape \((.*?),?\)", said))
        assert {label: sizes_in(text) for label, text in shapes.items()} == {
            label: [*value.shape] for label, value in values.items() if hasattr(value, "shape")
        }
        svg = soup(FOLDER / f"{name}.html").find("svg", role="img")
        assert [svg.find(part).get_text() for part in ("title", "desc")] == [f"Shapes of {name}", said]


def sizes_in(text):
    return [int(part.rpartition("= ")[2]) for part in text.split(", ") if part]


def test_another_input_gives_another_picture():
    exercise = exercises.get("squared-errors")
    before = exercise_shapes.drawn(exercise)[1]
    rules = replace(exercise._rules, cases=lambda: [(torch.ones(3, 1), torch.ones(3))])  # noqa: SLF001
    assert exercise_shapes.drawn(replace(exercise, _rules=rules))[1] == before.replace("6", "3")


# For teaching


def test_the_links_to_explorers_are_those_of_their_presets():
    section = by_id(TEACHING)["prepared-explorers"]
    for module in pkgutil.iter_modules(sphinxext.__path__):
        importlib.import_module(f"tensorref.sphinxext.{module.name}")
    kinds = sorted(ExplorerDirective.__subclasses__(), key=lambda kind: kind.__module__)
    presets = [preset for kind in kinds for preset in kind.presets]
    links = [link for link in section.find_all("a") if "#explorer=" in link["href"]]
    for link, preset in zip(links, presets, strict=True):
        assert link.get_text() == preset.label
        page, _, state = link["href"].partition("#")
        assert soup(SITE / page).find(class_="tensorref-explorer")
        fields = {name: [text] for name, text in preset.fields.items()}
        assert parse_qs(state) == {"explorer": ["1"], "step": ["0"], **fields}


def test_every_concept_with_exercises_has_its_section():
    rows = by_id(TEACHING)["exercises-by-section"].find_all("tr")[1:]
    assert [row.find_all("td")[1].get_text() for row in rows] == [*exercises.CONCEPTS]
    for row in rows:
        _, concept, found = row.find_all("td")
        assert [link.get_text() for link in found.find_all("a")] == [*exercises.names(concept.get_text())]


def test_wrong_answers_are_told_what_the_page_says():
    rows = by_id(TEACHING)["usual-wrong-answers"].find_all("tr")[1:]
    assert len(rows) > 30
    shown = {
        name.get_text(): (code.get_text(), said.get_text()) for name, code, said in (row.find_all("td") for row in rows)
    }
    answers = teaching.wrong_answers()
    for name, (code, said) in shown.items():
        assert ast.unparse(ast.parse(code)) in answers[name]
        assert said.replace("’", "'").replace("…", "...") in {
            told for _, told in teaching.told(exercises.get(name), answers[name])
        }
    assert shown["squared-errors"][0] == "(prediction - target) ** 2"
    assert "errors has shape (6, 6), the task asks for (6,)" in shown["squared-errors"][1]
