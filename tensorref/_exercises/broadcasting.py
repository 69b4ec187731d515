"""Exercises on broadcasting."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import counted, exercise, normal, whole


@exercise(
    "squared-errors",
    "broadcasting",
    difficulty=1,
    task="Square the error of each prediction.",
    hints=("(n, 1) against (n,) is a table of all pairs.",),
    learns="A shape of (n, 1) against (n,) raises no error: it gives n² numbers where n were meant.",
    results=("errors",),
    expected=lambda prediction, target: functional.mse_loss(prediction[:, 0], target, reduction="none"),
    cases=lambda: [
        (normal(6, 1), normal(6, seed=1)),
        (normal(1, 1), normal(1, seed=1)),
    ],
)
def squared_errors(prediction: Float[Tensor, "n 1"], target: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    return (prediction.squeeze(-1) - target) ** 2


@exercise(
    "add-positions",
    "broadcasting",
    difficulty=1,
    task="Add to every token of x the vector of its position: row 0 of table to the first token of each sequence, row 1 to the second.",
    hints=("How many rows are needed?", "An axis that one of the two lacks is added on the left, by itself."),
    learns="Axes align from the right, so a table of (seq_len, embed_dim) goes to every sequence of a batch.",
    results=("embeddings",),
    expected=lambda x, table: torch.stack([row + table[: x.shape[1]] for row in x]),
    cases=lambda: [
        (counted(2, 3, 4), counted(8, 4)),
        (normal(4, 4, 4), normal(4, 4, seed=1)),
        (normal(1, 1, 8), normal(5, 8, seed=1)),
    ],
)
def add_positions(
    x: Float[Tensor, "batch seq_len embed_dim"], table: Float[Tensor, "max_len embed_dim"]
) -> Float[Tensor, "batch seq_len embed_dim"]:
    return x + table[: x.shape[1]]


@exercise(
    "padding-mask",
    "broadcasting",
    difficulty=2,
    task=(
        "Make, without a loop, the mask of booleans that is True for the tokens of a sequence and False for the padding "
        "behind them, where lengths, from 0 to seq_len, says how many tokens each has."
    ),
    hints=("A position is a token's if it is less than the length.", "Compare a column with a row."),
    learns="A comparison broadcasts too: a column against a row gives the whole table.",
    results=("mask",),
    expected=lambda lengths, seq_len: torch.tensor(
        [[position < length for position in range(seq_len)] for length in lengths.tolist()], dtype=torch.bool
    ).reshape(len(lengths), seq_len),
    cases=lambda: [
        (torch.tensor([5, 2, 0]), 5),
        (torch.tensor([1, 4, 3, 2]), 4),
        (torch.tensor([1]), 1),
    ],
    growing=lambda: ((torch.tensor([2, 3]), 4), (torch.tensor([2, 3, 9, 7, 5, 1]), 12)),
)
def padding_mask(lengths: Int64[Tensor, " batch"], seq_len: int) -> Bool[Tensor, "batch seq_len"]:
    return torch.arange(seq_len, device=lengths.device) < lengths[:, None]


@exercise(
    "pairwise-distances",
    "broadcasting",
    difficulty=3,
    task="Give, without a loop, the Euclidean distance of every row of a to every row of b.",
    hints=(
        "Every pair needs an axis for each of the two.",
        "a of shape (n, 1, embed_dim) against b of shape (m, embed_dim): what is left to do on the last axis?",
    ),
    learns="An axis of size 1 in the right place turns an operation on pairs into one on all pairs.",
    results=("distances",),
    expected=lambda a, b: torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist"),
    cases=lambda: [
        (whole(3, 4), whole(5, 4, seed=1)),
        (whole(4, 4), whole(4, 4, seed=1)),
        (whole(1, 1), whole(2, 1, seed=1)),
    ],
    growing=lambda: ((whole(2, 4), whole(3, 4)), (whole(8, 4), whole(9, 4))),
)
def pairwise_distances(a: Float[Tensor, "n embed_dim"], b: Float[Tensor, "m embed_dim"]) -> Float[Tensor, "n m"]:
    return (a[:, None] - b).square().sum(dim=-1).sqrt()
