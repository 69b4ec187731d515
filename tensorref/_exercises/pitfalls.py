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


@exercise(
    "noisy-batch",
    "pitfalls",
    difficulty=2,
    task=(
        "Find the bug that tensorref.watch() reports as `views`: batch = features[start : start + 2]; batch += noise; return "
        "batch. Return the two rows from start with the noise added, in new memory."
    ),
    hints=("A slice is a view: whose rows does += change?", "Write the sum without the =."),
    learns="Arithmetic in place on a slice changes the data set, a little more every epoch, and nothing is raised.",
    results=("batch",),
    expected=lambda features, start, noise: torch.stack([features[start], features[start + 1]]) + noise,
    cases=lambda: [
        (normal(6, 3), 0, normal(2, 3, seed=1)),
        (normal(5, 4), 3, normal(2, 4, seed=1)),
        (normal(2, 1), 0, normal(2, 1, seed=1)),
    ],
    memory="copy",
)
def noisy_batch(
    features: Float[Tensor, "examples features"], start: int, noise: Float[Tensor, "2 features"]
) -> Float[Tensor, "2 features"]:
    return features[start : start + 2] + noise


@exercise(
    "mean-of-kept",
    "pitfalls",
    "broadcasting",
    difficulty=3,
    task=(
        "Find the two bugs that tensorref.watch() reports as `non_finite` and `broadcasts`: means = (losses * keep).sum(-1, "
        "keepdim=True) / keep.sum(-1, keepdim=True); return (means * weight).sum(). Return the sum over the sequences of weight "
        "times the mean loss of the tokens that keep says; a sequence without any counts 0."
    ),
    hints=(
        "Of which sequence is the mean 0 / 0? clamp(min=1) knows.",
        "means has shape (batch, 1), weight has (batch,): leave keepdim out.",
    ),
    learns="A sequence of padding alone makes 0 / 0, and one axis too many makes all pairs of what was to be paired.",
    results=("total",),
    expected=lambda losses, keep, weight: torch.stack(
        [
            part * (row[kept].mean() if kept.any() else 0 * row.sum())
            for row, kept, part in zip(losses, keep, weight, strict=True)
        ]
    ).sum(),
    cases=lambda: [
        (normal(3, 4), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]) > 0, normal(3, seed=1)),
        (normal(2, 2), torch.tensor([[1, 0], [0, 1]]) > 0, normal(2, seed=1)),
        (normal(1, 3), torch.tensor([[0, 0, 1]]) > 0, normal(1, seed=1)),
    ],
)
def mean_of_kept(
    losses: Float[Tensor, "batch seq_len"], keep: Bool[Tensor, "batch seq_len"], weight: Float[Tensor, " batch"]
) -> Float[Tensor, ""]:
    means = (losses * keep).sum(-1) / keep.sum(-1).clamp(min=1)
    return weight @ means
