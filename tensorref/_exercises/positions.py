"""Exercises on positions."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from tensorref._exercises.task import exercise, normal


def _exact_angles(positions: Tensor, head_dim: int, base: float) -> Tensor:
    rows = [[place / base ** (2 * pair / head_dim) for pair in range(head_dim // 2)] for place in positions.tolist()]
    return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), head_dim // 2)


@exercise(
    "rotary-angles",
    "positions",
    difficulty=2,
    task=(
        "Return the angles of rotary embedding: a row for each of positions and a column for each pair of the head_dim "
        "features. Pair i turns by position / base**(2i / head_dim). The result is float32, and base can be 500000."
    ),
    hints=(
        "There are head_dim / 2 exponents: 0, 2 / head_dim, 4 / head_dim and so on.",
        "A column times a row is a table.",
    ),
    learns="Each pair of features is a clock hand: the first turns by a radian each position, the last hardly at all.",
    results=("angles",),
    expected=_exact_angles,
    cases=lambda: [
        (torch.arange(5), 8, 10000.0),
        (torch.tensor([7, 8, 300]), 4, 500000.0),
        (torch.tensor([3]), 2, 10000.0),
        (torch.tensor([0, 0, 1]), 6, 10000.0),
    ],
)
def rotary_angles(positions: Int64[Tensor, " seq_len"], head_dim: int, base: float) -> Float32[Tensor, "seq_len pairs"]:
    exponents = torch.arange(0, head_dim, 2, device=positions.device) / head_dim
    return positions[:, None] / base**exponents


@exercise(
    "rotary-layout",
    "positions",
    difficulty=3,
    task=(
        "weight, of shape (num_heads * head_dim, embed_dim), makes queries whose features 2i and 2i + 1 of each head are a pair, "
        "as in Meta's Llama. Reorder its rows for code whose pairs are features i and i + head_dim / 2, as in Hugging Face's."
    ),
    hints=(
        "First come the even features of a head, then the odd ones.",
        "As (num_heads, head_dim / 2, 2, embed_dim) the weight has an axis of pairs and one of the two in a pair.",
    ),
    learns="The two rotary layouts are transposes of each other, so that one reshape of the weights leads from one to the other.",
    results=("reordered",),
    expected=lambda weight, num_heads: torch.cat(
        [torch.cat([head[0::2], head[1::2]]) for head in weight.chunk(num_heads)]
    ),
    cases=lambda: [
        (normal(16, 3), 2),
        (normal(8, 8, seed=1), 1),
        (normal(12, 2, seed=2), 3),
        (normal(4, 1), 2),
    ],
)
def to_halves(weight: Float[Tensor, "features embed_dim"], num_heads: int) -> Float[Tensor, "features embed_dim"]:
    pairs = weight.reshape(num_heads, -1, 2, weight.shape[1])
    return pairs.transpose(1, 2).reshape(weight.shape)
