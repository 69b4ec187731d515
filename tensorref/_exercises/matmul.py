"""Exercises on matrix products."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal, whole


@exercise(
    "cosine-similarity",
    "matmul",
    difficulty=2,
    task="Compare every row of a with every row of b, none of which is zero: the cosine of their angle.",
    hints=("The cosine is the dot product of two vectors of length 1.", "Divide each row by its norm, with keepdim."),
    learns="One matrix product holds the dot product of every pair of rows.",
    results=("similarities",),
    expected=lambda a, b: functional.cosine_similarity(a[:, None], b, dim=-1),
    cases=lambda: [
        (normal(3, 4), normal(5, 4, seed=1)),
        (normal(1, 8), normal(2, 8, seed=1)),
        (normal(4, 4), normal(4, 4, seed=1)),
        (normal(3, 1), normal(1, 1, seed=1)),
    ],
)
def similarities(a: Float[Tensor, "n embed_dim"], b: Float[Tensor, "m embed_dim"]) -> Float[Tensor, "n m"]:
    a = a / a.norm(dim=-1, keepdim=True)
    b = b / b.norm(dim=-1, keepdim=True)
    return a @ b.mT


@exercise(
    "scaled-scores",
    "matmul",
    difficulty=2,
    task=(
        "Give for every head the dot product of each query with each key, divided by the square root of head_dim, which is "
        "at least 1."
    ),
    hints=(
        "A matrix product works on the last two axes, and on all axes before them at once.",
        "The keys have to stand in columns: swap their last two axes, and no others.",
    ),
    learns="@ multiplies whole batches of matrices; .mT swaps the last two axes, where .T would turn all around.",
    results=("scores",),
    expected=lambda query, key: torch.einsum("bhqd,bhkd->bhqk", query, key) * query.shape[-1] ** -0.5,
    cases=lambda: [
        (whole(2, 3, 5, 4), whole(2, 3, 6, 4, seed=1)),
        (whole(1, 2, 1, 16), whole(1, 2, 7, 16, seed=1)),
        (whole(2, 2, 3, 1), whole(2, 2, 3, 1, seed=1)),
    ],
)
def scaled_scores(
    query: Float[Tensor, "batch num_heads query_len head_dim"], key: Float[Tensor, "batch num_heads key_len head_dim"]
) -> Float[Tensor, "batch num_heads query_len key_len"]:
    return query @ key.mT / math.sqrt(query.shape[-1])


@exercise(
    "low-rank-update",
    "matmul",
    difficulty=3,
    task=(
        "Apply a linear layer with a low-rank update (LoRA) to x: its weight, stored as torch.nn.Linear does, plus "
        "alpha / rank times the product of b and a, where rank, at least 1, is the number of rows of a."
    ),
    hints=(
        "torch.nn.Linear multiplies with the transpose of its weight.",
        "Take x through a, then through b: two thin products instead of one that is as large as the weight.",
    ),
    learns="A product of three matrices gives the same in either order, and costs far less in one of them.",
    results=("output",),
    expected=lambda x, weight, a, b, alpha: functional.linear(x, weight + alpha / a.shape[0] * (b @ a)),
    cases=lambda: [
        (whole(2, 5, 8), whole(6, 8, seed=1), whole(2, 8, seed=2), whole(6, 2, seed=3), 4.0),
        (whole(4, 8), whole(8, 8, seed=1), whole(4, 8, seed=2), whole(8, 4, seed=3), 2.0),
        (whole(1, 1, 4), whole(3, 4, seed=1), whole(1, 4, seed=2), whole(3, 1, seed=3), 1.0),
    ],
)
def low_rank_update(
    x: Float[Tensor, "*batch in_features"],
    weight: Float[Tensor, "out_features in_features"],
    a: Float[Tensor, "rank in_features"],
    b: Float[Tensor, "out_features rank"],
    alpha: float,
) -> Float[Tensor, "*batch out_features"]:
    return x @ weight.mT + x @ a.mT @ b.mT * (alpha / a.shape[0])
