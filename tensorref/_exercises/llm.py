"""Exercises on the parts of a language model."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "embedding-lookup",
    "llm",
    difficulty=1,
    task="Look up the row of table for each of token_ids, which has any shape.",
    hints=("An array of ids is an index.",),
    learns="Indexing with an array gives a row for each id: the axes of the ids, then those of a row.",
    results=("embeddings",),
    expected=lambda table, token_ids: functional.embedding(token_ids, table),
    cases=lambda: [
        (normal(100, 32), torch.tensor([5, 23, 7, 42])),
        (normal(10, 3), torch.tensor([[1, 1, 9], [0, 2, 1]])),
        (normal(4, 8), torch.tensor(3)),
        (normal(4, 1), torch.tensor([[[2]], [[0]]])),
    ],
)
def lookup(
    table: Float[Tensor, "vocab_size embed_dim"], token_ids: Int64[Tensor, "*batch"]
) -> Float[Tensor, "*batch embed_dim"]:
    return table[token_ids]


@exercise(
    "layer-norm",
    "llm",
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
    "masked-mean",
    "llm",
    difficulty=3,
    task=(
        "Give the mean of the vectors of each sequence over its tokens, which are where mask is True; padding does not "
        "count, neither above nor below the line, and may hold NaN. A sequence without a token gives zeros. No loop."
    ),
    hints=(
        "Sum what the mask keeps, then divide by how many it keeps.",
        "NaN * 0 is NaN: torch.where and masked_fill take no notice of what they replace.",
        "Divide by 1 where there is no token.",
    ),
    learns="A mean over padded sequences is a masked sum over a masked count; multiplying by 0 does not remove a NaN.",
    results=("means",),
    expected=lambda hidden, mask: torch.stack(
        [row[kept].sum(dim=0) / max(int(kept.sum()), 1) for row, kept in zip(hidden, mask, strict=True)]
    ),
    cases=lambda: [
        (normal(3, 5, 4), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]) > 0),
        (normal(2, 2, 2), torch.tensor([[True, False], [False, False]])),
        (torch.tensor([[[1.0, 2.0], [torch.nan, 4.0]]]), torch.tensor([[True, False]])),
        (normal(1, 1, 3), torch.tensor([[True]])),
    ],
    growing=lambda: (
        (normal(2, 4, 8), torch.ones(2, 4, dtype=torch.bool)),
        (normal(6, 12, 8), torch.ones(6, 12, dtype=torch.bool)),
    ),
)
def masked_mean(
    hidden: Float[Tensor, "batch seq_len embed_dim"], mask: Bool[Tensor, "batch seq_len"]
) -> Float[Tensor, "batch embed_dim"]:
    total = hidden.masked_fill(~mask[:, :, None], 0.0).sum(dim=1)
    count = mask.sum(dim=1, keepdim=True)
    return total / count.clamp(min=1)
