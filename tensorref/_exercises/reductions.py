"""Exercises on reductions: the axis that goes, and the axis that stays."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tensorref._exercises.task import exercise, normal


@exercise(
    "row-probabilities",
    "reductions",
    difficulty=1,
    task="Divide each row of counts, in which no row is all zeros, by its sum, so that every row sums to 1.",
    hints=("The sums of the rows need a second axis to go with the rows.",),
    learns=(
        "With the axis kept, a sum lines up with the rows that it was made of. Without it, a square matrix is divided "
        "by the wrong sums, and nothing is raised."
    ),
    results=("probabilities",),
    expected=lambda counts: torch.stack([row / row.sum() for row in counts]),
    cases=lambda: [
        (torch.tensor([[1.0, 3.0, 0.0, 4.0], [2.0, 2.0, 2.0, 2.0]]),),
        (torch.tensor([[1.0, 3.0], [2.0, 6.0]]),),
        (torch.tensor([[0.0, 5.0, 3.0]]),),
        (torch.tensor([[4.0], [2.0]]),),
    ],
)
def row_probabilities(counts: Float[Tensor, "batch vocab_size"]) -> Float[Tensor, "batch vocab_size"]:
    return counts / counts.sum(dim=-1, keepdim=True)


@exercise(
    "sequence-rewards",
    "reductions",
    difficulty=2,
    task=(
        "A head with one output gives values of shape (batch, seq_len, 1). Return the mean and the largest value of each "
        "sequence, one number each. The batch may be one sequence, and a sequence one token."
    ),
    hints=(
        "Two of the three axes have to go. The batch stays, even if its size is 1.",
        "torch.max along a dim gives two things; torch.amax gives the values alone.",
    ),
    learns="An axis is named where it is taken away: squeeze() without one takes a batch of one too.",
    results=("means", "largest"),
    expected=lambda values: (
        torch.stack([row.mean() for row in values]),
        torch.stack([row.max() for row in values]),
    ),
    cases=lambda: [
        (normal(3, 4, 1),),
        (normal(1, 5, 1, seed=1),),
        (normal(2, 1, 1, seed=2),),
        (normal(1, 1, 1, seed=3),),
    ],
)
def sequence_rewards(
    values: Float[Tensor, "batch seq_len 1"],
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    return values.mean(dim=(1, 2)), values.amax(dim=(1, 2))
