"""The exercises of the package: a page each, the table that leads to them all, and cards of those to start with.

Each page is a file of three lines, made before pages are found; the directive in it fills it. The picture on top is
drawn from an input that the checker tries (see `exercise_shapes`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.application import Sphinx

from from_package import exercise_shapes, write_pages
from tensorref import _picture
from tensorref.sphinxext.explorer import RuleDirective
from tensorref.sphinxext.picture import Picture

if TYPE_CHECKING:
    from tensorref.exercises import Exercise

FOLDER = "exercises"
INDEX = f"{FOLDER}/index"
PACKAGE = Path(__file__).resolve().parents[3] / "tensorref"
SOURCES = (PACKAGE / "exercises.py", *sorted((PACKAGE / "_exercises").glob("*.py")))
LEVELS = {
    1: "one operation",
    2: "one operation with a trap",
    3: "two or three operations",
    4: "a step of a model",
    5: "a part of a model",
}
STYLED = ("teaching",)
"""Other pages that look like these."""
CARD = "_static/card.png"
CARD_SIZE = {"og:image:width": "256", "og:image:height": "256"}
_sidebars: dict[str, str] = {}
_NAMED = re.compile(r'^@exercise\(\s*"([a-z0-9-]+)"', re.MULTILINE)
_PAGE = "---\norphan: true\n---\n\n(exercise-{name})=\n# {name}\n\n```{{exercise}} {name}\n```\n"


class OfExercises(RuleDirective):
    """What all directives here share: they show what stands in the package, and are read again when it changes."""

    def every(self) -> list[Exercise]:
        from tensorref import exercises

        for file in (__file__, exercise_shapes.__file__, _picture.__file__, *SOURCES):
            self.env.note_dependency(str(file))
        return [exercises.get(name) for name in exercises.names()]

    def parsed(self, text: str) -> list[nodes.Node]:
        return self.parse_text_to_nodes(text)

    def section(self, title: str, text: str) -> nodes.section:
        return nodes.section("", nodes.title("", title), *self.parsed(text), ids=[nodes.make_id(title)])


class ExerciseTable(OfExercises):
    """All exercises in a table: a row a concept, a column a difficulty."""

    def run(self) -> list[nodes.Node]:
        from tensorref import exercises

        every = self.every()
        rows = [" | ".join(["Concept", *map(str, LEVELS)]), " | ".join("-" * (len(LEVELS) + 1))]
        groups = {f"[{concept}](../reference/{concept}.md)": (concept,) for concept in exercises.CONCEPTS}
        for label, concepts in {**groups, "several": None}.items():
            found = [each for each in every if (each.concepts if len(each.concepts) == 1 else None) == concepts]
            cells = (" ".join(link(each) for each in found if each.difficulty == level) for level in LEVELS)
            rows.append(" | ".join([label, *cells]))
        legend = "; ".join(f"**{level}**: {words}" for level, words in LEVELS.items())
        table = "\n".join(f"| {row} |" for row in rows)
        return self.parsed(f"Difficulty {legend}.\n\n{{.exercise-table}}\n{table}\n")


class ExerciseCards(OfExercises):
    """Cards with the tasks of the exercises that the content names, a line each."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        every = {each.name: each for each in self.every()}
        cards = "".join(
            f":::{{grid-item-card}} {name}\n:link: {name}\n:link-type: doc\n\n{escaped(every[name].task)}\n:::\n"
            for name in self.content
        )
        return self.parsed(f"::::{{grid}} 1 2 3 3\n:gutter: 2\n:class-container: exercise-cards\n\n{cards}::::\n")


class ExercisePage(OfExercises):
    """An exercise: task, picture, starter, hints and solution closed, what it teaches, and the next one."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        every = self.every()
        (position,) = (place for place, each in enumerate(every) if each.name == self.arguments[0])
        exercise = every[position]
        learned = f"{escaped(exercise.learns)}\n\n{onward(following(every, position))}"
        return [
            *self.parsed(task(exercise)),
            self.section("Starter", starter(exercise)),
            self.section("What it teaches", learned),
        ]


class ExerciseShapes(OfExercises):
    """The picture of an exercise, or nothing where its inputs are not arrays."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (exercise,) = (each for each in self.every() if each.name == self.arguments[0])
        if (drawn := exercise_shapes.drawn(exercise)) is None:
            return []
        drawing, words = drawn
        name = self.picture_name()
        svg = _picture.svg(drawing, f"Shapes of {exercise.name}", words, name)
        return [Picture("", nodes.paragraph("", words), svg=svg, alt=words, file=name)]


def following(every: list[Exercise], position: int) -> Exercise:
    """Return what to do next: the next one of the same concept, or else the next one of all."""
    later = [*every[position + 1 :], *every[: position + 1]]
    concept = every[position].concepts[0]
    return next((each for each in every[position + 1 :] if concept in each.concepts), later[0])


def link(exercise: Exercise) -> str:
    return f"[{exercise.name}](/{FOLDER}/{exercise.name}.md)"


def task(exercise: Exercise) -> str:
    """Return what stands on top of a page, in Markdown."""
    concepts = ", ".join(f"[{concept}](../reference/{concept}.md)" for concept in exercise.concepts)
    level = f"Difficulty {exercise.difficulty} of {len(LEVELS)}, {LEVELS[exercise.difficulty]}"
    return (
        f"{escaped(exercise.task)}\n\n{{.exercise-facts}}\n{level}. Uses {concepts}.\n\n"
        f"```{{exercise-shapes}} {exercise.name}\n```\n"
    )


def starter(exercise: Exercise) -> str:
    """Return where to start, then what helps, closed, in Markdown."""
    parts = [
        "Copy it, fill it in and run it. The last line says whether it is right, or what differs first.",
        f"```python\n{exercise.starter}\n```",
    ]
    for number, hint in enumerate(exercise.hints, 1):
        label = "Hint" if len(exercise.hints) == 1 else f"Hint {number}"
        parts.append(f":::{{dropdown}} {label}\n{escaped(hint)}\n:::")
    parts.append(f"::::{{dropdown}} Solution\n```python\n{exercise.solution}\n```\n::::")
    return "\n\n".join(parts) + "\n"


def onward(after: Exercise) -> str:
    """Return where a reader goes from here, in Markdown."""
    all_of_them = "[all exercises](index.md)"
    return f"{{.exercise-next}}\nNext: {link(after)}, difficulty {after.difficulty}. Or choose from {all_of_them}.\n"


def escaped(text: str) -> str:
    """Return a sentence of plain text in Markdown, in which * and _ are no emphasis."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|$" else letter for letter in text)


def names() -> list[str]:
    """Return the names of all exercises, without loading them: that takes PyTorch, which an idle build does not need."""
    return [name for file in SOURCES for name in _NAMED.findall(file.read_text("utf-8"))]


def make_pages(folder: Path) -> None:
    """Write the file of each exercise."""
    write_pages(folder, {name: _PAGE.format(name=name) for name in names()})


def _share_card(app: Sphinx, _: nodes.document) -> None:
    """Let all exercises have one card in social networks: to draw each its own takes longer than the page."""
    page = app.env.docname
    if page.startswith(f"{FOLDER}/") and page != INDEX:
        app.env.metadata[page] |= {"og:image": f"{app.config.html_baseurl}{CARD}", **CARD_SIZE}


def _finish(app: Sphinx, page: str, _: str, context: dict[str, Any], __: nodes.document | None) -> None:
    if page in STYLED or page.startswith(f"{FOLDER}/"):
        app.add_css_file("exercises.css")
    if not page.startswith(f"{FOLDER}/"):
        return
    app.add_js_file("exercises.js", type="module")
    if page != INDEX:  # they all have the same sidebar, for none is in it
        made, kept = context["toctree"], _sidebars
        context["toctree"] = lambda **options: kept.get(str(options)) or kept.setdefault(str(options), made(**options))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("exercise", ExercisePage)
    app.add_directive("exercise-cards", ExerciseCards)
    app.add_directive("exercise-shapes", ExerciseShapes)
    app.add_directive("exercise-table", ExerciseTable)
    app.connect("config-inited", lambda app, _: make_pages(Path(app.srcdir) / FOLDER))
    app.connect("doctree-read", _share_card)
    app.connect("html-page-context", _finish, priority=400)  # before furo makes the sidebar
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
