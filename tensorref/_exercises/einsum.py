"""Exercises on einsum."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tensorref._exercises.task import exercise, whole


@exercise(
    "weighted-average",
    "einsum",
    difficulty=2,
    task=(
        "Average the values of each head with the weights of attention, and put the heads behind the positions, as the output "
        "projection wants them."
    ),
    hints=(
        "Give each axis a letter: b, h, q and k for the weights, b, h, k and d for the values.",
        "k is summed over, so the output lacks it. The order of the output's letters is the order of its axes.",
    ),
    learns="An equation moves axes and sums in one step; no transpose is needed.",
    results=("output",),
    expected=lambda weights, value: (weights @ value).transpose(1, 2),
    cases=lambda: [
        (whole(2, 3, 4, 5), whole(2, 3, 5, 6, seed=1)),
        (whole(1, 2, 3, 3), whole(1, 2, 3, 3, seed=1)),
        (whole(3, 1, 1, 2), whole(3, 1, 2, 1, seed=1)),
    ],
)
def weighted_average(
    weights: Float[Tensor, "batch num_heads query_len key_len"],
    value: Float[Tensor, "batch num_heads key_len head_dim"],
) -> Float[Tensor, "batch query_len num_heads head_dim"]:
    return torch.einsum("bhqk,bhkd->bqhd", weights, value)


@exercise(
    "bilinear-score",
    "einsum",
    difficulty=2,
    task="Score every row x of a against every row y of b with a weight between them: the sum of x_i weight_ij y_j.",
    hints=(
        "Three operands stand in one equation, with commas between them.",
        "The rows of a and of b stay; both axes of the weight are summed over.",
    ),
    learns="An equation takes any number of operands. Pair by pair it costs less: a @ weight @ b.mT.",
    results=("scores",),
    expected=lambda a, weight, b: a @ weight @ b.mT,
    cases=lambda: [
        (whole(3, 4), whole(4, 5, seed=1), whole(2, 5, seed=2)),
        (whole(2, 2), whole(2, 2, seed=1), whole(2, 2, seed=2)),
        (whole(1, 3), whole(3, 1, seed=1), whole(4, 1, seed=2)),
    ],
)
def bilinear_score(
    a: Float[Tensor, "n left"], weight: Float[Tensor, "left right"], b: Float[Tensor, "m right"]
) -> Float[Tensor, "n m"]:
    return torch.einsum("ni,ij,mj->nm", a, weight, b)
