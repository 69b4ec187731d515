"""The exercises of the package as part of a page: what `tensorref.exercises` holds, with hints and solutions closed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from tensorref.exercises import Exercise

PACKAGE = Path(__file__).resolve().parents[3] / "tensorref"
LEVELS = {
    1: "one operation",
    2: "one operation with a trap",
    3: "two or three operations",
    4: "a step of a model",
    5: "a part of a model",
}


class Exercises(SphinxDirective):
    """A table of all exercises by concept, then each of them, by difficulty."""

    def run(self) -> list[nodes.Node]:
        from tensorref import exercises

        for file in (PACKAGE / "exercises.py", *sorted((PACKAGE / "_exercises").glob("*.py"))):
            self.env.note_dependency(str(file))
        every = [exercises.get(name) for name in exercises.names()]
        text = by_concept(every, exercises.CONCEPTS)
        for level, words in LEVELS.items():
            text += f"\n## Difficulty {level}: {words}\n\n"
            text += "".join(entry(exercise) for exercise in every if exercise.difficulty == level)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def by_concept(every: list[Exercise], concepts: tuple[str, ...]) -> str:
    """Return a table in Markdown: a row a concept, with links to its exercises and their difficulty."""
    rows = ["## By concept", "", "| Concept | Exercises |", "|---|---|"]
    for concept in concepts:
        found = [exercise for exercise in every if exercise.concepts == (concept,)]
        rows.append(f"| [{concept}]({concept}.md) | {links(found)} |")
    rows.append(f"| several | {links([exercise for exercise in every if len(exercise.concepts) > 1])} |")
    return "\n".join([*rows, "", "The number is the difficulty.", ""])


def links(found: list[Exercise]) -> str:
    return ", ".join(f"[{each.name}](#exercise-{each.name}) {each.difficulty}" for each in found)


def entry(exercise: Exercise) -> str:
    """Return an exercise in Markdown, under a heading with an anchor of its own."""
    concepts = ", ".join(f"[{concept}]({concept}.md)" for concept in exercise.concepts)
    parts = [
        "```{autolink-concat} on\n```",  # its code imports what it uses
        f"(exercise-{exercise.name})=",
        f"### {exercise.name}",
        f"{escaped(exercise.task)} ({concepts})",
        f"```python\n{exercise.starter}\n```",
    ]
    for number, hint in enumerate(exercise.hints, 1):
        label = "Hint" if len(exercise.hints) == 1 else f"Hint {number}"
        parts.append(f":::{{dropdown}} {label}\n{escaped(hint)}\n:::")
    parts.append(f"::::{{dropdown}} Solution\n```python\n{exercise.solution}\n```\n\n{escaped(exercise.learns)}\n::::")
    return "\n\n".join(parts) + "\n\n"


def escaped(text: str) -> str:
    """Return a sentence of plain text in Markdown, in which * and _ are no emphasis."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|$" else letter for letter in text)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("exercises", Exercises)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
