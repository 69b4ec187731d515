"""Exercises on the usual mistakes: what is changed, and what only looks like a copy."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from tensorref._exercises.task import exercise, normal


@exercise(
    "mask-scores",
    "pitfalls",
    difficulty=1,
    task="Put -inf in place of the scores where allowed is False; leave scores as they were. allowed broadcasts to scores.",
    hints=("masked_fill has a twin whose name ends in _.",),
    learns="A method whose name ends in _ changes its tensor, and with it every view of it.",
    results=("masked",),
    expected=lambda scores, allowed: torch.where(allowed, scores, -torch.inf),
    cases=lambda: [
        (normal(2, 4, 4), torch.ones(4, 4).tril() > 0),
        (normal(3, 3), torch.ones(3, 3) > 0),
        (normal(2, 1, 3), torch.tensor([True, False, True])),
    ],
)
def mask_scores(scores: Float[Tensor, "*shape"], allowed: Bool[Tensor, "..."]) -> Float[Tensor, "*shape"]:
    return scores.masked_fill(~allowed, float("-inf"))


@exercise(
    "repeat-row",
    "pitfalls",
    difficulty=2,
    task=(
        "Make a table of count rows, of the dtype of row, that are each a copy of row, so that a write to one row changes no "
        "other, nor row itself."
    ),
    hints=("expand repeats a row without memory for it: all rows are one.", "repeat copies, and so does clone."),
    learns="expand gives rows that share one memory: right to read, wrong to write.",
    results=("table",),
    expected=lambda row, count: torch.stack([row] * count),
    cases=lambda: [
        (normal(4), 3),
        (normal(8, dtype=torch.bfloat16), 2),
        (normal(1), 1),
        (normal(4), 1),
    ],
    memory="copy",
)
def repeat_row(row: Float[Tensor, " embed_dim"], count: int) -> Float[Tensor, "count embed_dim"]:
    return row.repeat(count, 1)


@exercise(
    "snapshot",
    "pitfalls",
    difficulty=2,
    task=(
        "Keep the parameters, a dict of tensors that require grad, as they are now: return a dict with the same names, in "
        "the same order, of tensors that later steps do not change and that require no grad."
    ),
    hints=(
        "dict(parameters) copies the dict, not the tensors.",
        "detach gives a view: the memory is still the parameter's.",
    ),
    learns="A copy of a container holds the same tensors; detach alone ends the history and shares the memory.",
    results=("kept",),
    expected=lambda parameters: {name: torch.tensor(value.tolist()) for name, value in parameters.items()},
    cases=lambda: [
        (
            {
                name: normal(*shape).requires_grad_()
                for name, shape in (("weight", (4, 8)), ("bias", (4,)), ("scale", ()))
            },
        ),
        ({"head.weight": normal(1, 1).requires_grad_()},),
    ],
    memory="copy",
)
def snapshot(parameters: dict[str, Shaped[Tensor, "..."]]) -> dict[str, Shaped[Tensor, "..."]]:
    return {name: parameter.detach().clone() for name, parameter in parameters.items()}
