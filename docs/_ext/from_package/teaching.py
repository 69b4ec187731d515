"""The page for teachers: explorers prepared by their presets, exercises by section, and wrong answers with what they are told.

The wrong answers are those that ``tests/test_exercise_answers.py`` tries, run once more while the page is read.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from from_package.exercises import OfExercises, escaped, link
from tensorref.sphinxext.explorer import ExplorerDirective

if TYPE_CHECKING:
    from tensorref.exercises import Exercise

ANSWERS = Path(__file__).resolve().parents[3] / "tests" / "test_exercise_answers.py"
_LONGEST = 76  # letters of an answer that is shown


class Explorers(SphinxDirective):
    """A list of links for each explorer, one for each of its presets, at the first step."""

    def run(self) -> list[nodes.Node]:
        items = []
        for explorer in sorted(ExplorerDirective.__subclasses__(), key=lambda found: found.__module__):
            self.env.note_dependency(str(sys.modules[explorer.__module__].__file__))
            self.env.note_dependency(__file__)
            name = explorer.__module__.rpartition(".")[2]
            page = next(
                (page for page in (f"reference/{name}", f"reference/{name}s") if page in self.env.found_docs), None
            )
            if page is not None:
                address = self.env.app.builder.get_relative_uri(self.env.docname, page)
                line = nodes.paragraph("", f"{explorer.labels['explorer']}: ")
                for place, preset in enumerate(explorer.presets):
                    target = f"{address}#{state(preset.fields)}"
                    line += [nodes.Text(", ")] if place else []
                    line += nodes.reference("", preset.label, refuri=target, internal=True)
                items.append(nodes.list_item("", line))
        return [nodes.bullet_list("", *items)]


def state(fields: Mapping[str, str]) -> str:
    """Return what stands behind the # of a link that opens the first explorer of a page with these fields."""
    return urlencode({"explorer": 1, "step": 0, **fields})


class Sections(OfExercises):
    """A table of the sections that the content names, a line each with its concept behind a colon, and their exercises."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        every = self.every()
        rows = ["| Section | Concept | Exercises |", "|---|---|---|"]
        for line in self.content:
            section, _, concept = (part.strip() for part in line.rpartition(":"))
            found = ", ".join(link(each) for each in every if concept in each.concepts)
            rows.append(f"| {section} | [{concept}](/reference/{concept}.md) | {found} |")
        return self.parsed("\n".join(rows) + "\n")


class WrongAnswers(OfExercises):
    """A table of usual wrong answers: the exercise, the answer, and what the checker says of it."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(ANSWERS))
        rows = ["| Exercise | Answer | What the checker says |", "|---|---|---|"]
        answers = wrong_answers()
        for exercise in self.every():
            for code, said in told(exercise, answers.get(exercise.name, [])):
                rows.append(f"| {link(exercise)} | `{code}` | {escaped(said)} |")
                break
        return self.parsed("{.teaching-answers}\n" + "\n".join(rows) + "\n")


def wrong_answers() -> dict[str, list[str]]:
    """Return the wrong answers that are short, as their code, by the name of the exercise."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(ANSWERS.read_text("utf-8")).body:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id="wrong"), args=[ast.Constant(value=str(name)), *given])):
                codes = [ast.unparse(answer.body) for answer in given if isinstance(answer, ast.Lambda)]
                found[name] = [code for code in codes if len(code) <= _LONGEST and "|" not in code]
    return found


def told(exercise: Exercise, codes: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each answer with what the checker says of it."""
    import math

    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional

    names = {"math": math, "np": np, "torch": torch, "nn": nn, "functional": functional}
    (function,) = (node for node in ast.parse(exercise.starter).body if isinstance(node, ast.FunctionDef))
    parameters = ", ".join(argument.arg for argument in function.args.args)
    for code in codes:
        try:
            verdict = exercise.check(eval(f"lambda {parameters}: {code}", names))  # noqa: S307  the tests are ours
        except NameError:
            continue
        if not verdict and "NameError" not in str(verdict):
            yield code, str(verdict).removeprefix("Not yet. ")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("prepared-explorers", Explorers)
    app.add_directive("exercises-by-section", Sections)
    app.add_directive("wrong-answers", WrongAnswers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
