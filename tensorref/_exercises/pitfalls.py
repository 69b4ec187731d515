"""Exercises on the usual mistakes: what is changed, what only looks like a copy, and what an error points away from."""

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
    "mask-keys",
    "pitfalls",
    "broadcasting",
    difficulty=2,
    task=(
        "Find the bug that raises `The size of tensor a (2) must match the size of tensor b (6) at non-singleton dimension 2`: "
        "return scores.masked_fill(~keep, -torch.inf). Return the scores of attention with -inf for every key that keep "
        "leaves out, in each head and for each query; leave scores as they were."
    ),
    hints=(
        "Shapes line up at their last axes: which axis of scores meets the batch of keep?",
        "keep[:, None] has an axis more, of size 1, and there are two to insert.",
    ),
    learns="A mask of (batch, keys) needs an axis for the heads and one for the queries; with equal sizes nothing is raised.",
    results=("masked",),
    expected=lambda scores, keep: torch.stack(
        [torch.where(kept, each, -torch.inf) for each, kept in zip(scores, keep, strict=True)]
    ),
    cases=lambda: [
        (normal(2, 4, 6, 6), torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]) > 0),
        (normal(3, 2, 3, 3), torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0]]) > 0),
        (normal(1, 1, 2, 4), torch.tensor([[1, 0, 1, 0]]) > 0),
    ],
)
def mask_keys(
    scores: Float[Tensor, "batch heads queries keys"], keep: Bool[Tensor, "batch keys"]
) -> Float[Tensor, "batch heads queries keys"]:
    return scores.masked_fill(~keep[:, None, None, :], float("-inf"))


@exercise(
    "shares-of-scores",
    "pitfalls",
    "autograd",
    difficulty=2,
    task=(
        "Find the bug that raises `one of the variables needed for gradient computation has been modified by an inplace "
        "operation` in backward: shares = scores.exp(); shares /= shares.sum(-1, keepdim=True); return shares. Return the "
        "same numbers, through which the gradient reaches scores."
    ),
    hints=(
        "The gradient of exp is its result, which backward still needs.",
        "Write the quotient without the =.",
    ),
    learns="What backward needs must not be changed in place; the line that changes it comes long before the error.",
    results=("shares",),
    expected=lambda scores: torch.softmax(scores, -1),
    cases=lambda: [
        (normal(2, 4).requires_grad_(),),
        (normal(3, 1, 5).requires_grad_(),),
        (normal(1, 2).requires_grad_(),),
    ],
    gradients=("scores",),
)
def shares_of_scores(scores: Float[Tensor, "*batch keys"]) -> Float[Tensor, "*batch keys"]:
    shares = scores.exp()
    return shares / shares.sum(-1, keepdim=True)


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
