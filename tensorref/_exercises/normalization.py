"""Exercises on normalization."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "layer-norm",
    "normalization",
    difficulty=2,
    task=(
        "Normalize the vectors on the last axis of x as torch.nn.LayerNorm does before its weight and bias: mean 0, and "
        "variance 1 by the biased variance, with 1e-5 added to it under the root."
    ),
    hints=(
        "Mean and variance need their axis kept to go with x.",
        "x.var divides by n - 1 unless it is told otherwise.",
    ),
    learns="Layer norm divides by n, and adds epsilon to the variance, not to the standard deviation.",
    results=("normalized",),
    expected=lambda x: functional.layer_norm(x, x.shape[-1:]),
    cases=lambda: [
        (normal(2, 3, 8),),
        (torch.tensor([[0.001, -0.002, 0.003, 0.0]]),),
        (normal(4, 4),),
        (normal(3, 1),),
    ],
)
def layer_norm(x: Float[Tensor, "*batch embed_dim"]) -> Float[Tensor, "*batch embed_dim"]:
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, correction=0)
    return (x - mean) / torch.sqrt(variance + 1e-5)


@exercise(
    "folded-norm",
    "normalization",
    difficulty=2,
    task=(
        "An RMSNorm with the weight norm_weight is followed by torch.nn.Linear without a bias, with the given weight of shape "
        "(out_features, embed_dim). Return the weight of a linear layer that gives the same after an RMSNorm without a weight."
    ),
    hints=(
        "Each feature is multiplied by its factor, then by a column of the matrix.",
        "The factors stand along the last axis of the matrix.",
    ),
    learns="A norm's weight is a diagonal matrix, so that the next matrix can take it in; quantization does this first.",
    results=("folded",),
    expected=lambda norm_weight, weight: weight @ torch.diag(norm_weight),
    cases=lambda: [
        (normal(4), normal(3, 4, seed=1)),
        (normal(4, seed=2), normal(4, 4, seed=3)),
        (normal(1), normal(2, 1, seed=1)),
    ],
)
def fold(
    norm_weight: Float[Tensor, " embed_dim"], weight: Float[Tensor, "out_features embed_dim"]
) -> Float[Tensor, "out_features embed_dim"]:
    return weight * norm_weight
