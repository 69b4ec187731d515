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
    "attention-output",
    "llm",
    difficulty=1,
    task=(
        "Mix tokens by weights, each row of which sums to 1: row i of the result is the mean of all tokens, weighted by row "
        "i of the weights."
    ),
    hints=("A weighted sum for each row is a matrix product. Which of the two comes first?",),
    learns="Attention's output is a weighted mean of the tokens, and all of them at once are one matrix product.",
    results=("output",),
    expected=lambda weights, tokens: torch.einsum("qk,kd->qd", weights, tokens),
    cases=lambda: [(torch.softmax(normal(n, n), dim=-1), normal(n, d, seed=1)) for n, d in ((6, 8), (4, 4), (1, 3))],
)
def mix(
    weights: Float[Tensor, "seq_len seq_len"], tokens: Float[Tensor, "seq_len embed_dim"]
) -> Float[Tensor, "seq_len embed_dim"]:
    return weights @ tokens


@exercise(
    "attention-weights",
    "llm",
    difficulty=2,
    task=(
        "Return two tensors: the scores, which are the dot product of every token with every token, and the weights, the "
        "softmax of each row of scores."
    ),
    hints=("All dot products at once are one matrix product.", "The weights of a row sum to 1: over which axis?"),
    learns="Scores have a row for each query and a column for each key; softmax goes along the row.",
    results=("scores", "weights"),
    expected=lambda tokens: (torch.inner(tokens, tokens), functional.softmax(torch.inner(tokens, tokens), dim=1)),
    cases=lambda: [(normal(6, 8),), (normal(3, 5, seed=1),), (normal(1, 4),)],
)
def attention_weights(
    tokens: Float[Tensor, "seq_len embed_dim"],
) -> tuple[Float[Tensor, "seq_len seq_len"], Float[Tensor, "seq_len seq_len"]]:
    scores = tokens @ tokens.T
    return scores, torch.softmax(scores, dim=-1)


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


@exercise(
    "masked-softmax",
    "llm",
    difficulty=3,
    task=(
        "Give the softmax over the last axis of scores among the keys where allowed is True: the others get the weight 0, "
        "and a row in which none is allowed is all 0. allowed broadcasts to scores, "
        "which can be as large as 500."
    ),
    hints=(
        "A score of -inf has the weight 0; a score of 0 does not.",
        "A row of -inf alone becomes NaN. Those can be replaced afterward.",
    ),
    learns="A mask acts before the softmax as -inf, not after it as 0, and a row without a key needs an answer of its own.",
    results=("weights",),
    expected=lambda scores, allowed: (
        functional.softmax(
            scores.double() + torch.zeros(allowed.shape, dtype=torch.float64).masked_fill(~allowed, -torch.inf), dim=-1
        )
        .nan_to_num(0.0)
        .float()
    ),
    cases=lambda: [
        (normal(2, 4, 4), torch.ones(4, 4, dtype=torch.bool).tril()),
        (normal(3, 3, seed=1), torch.tensor([[True, False, True], [False] * 3, [False, False, True]])),
        (normal(2, 3, 5) + 500, torch.tensor([True, True, False, True, True])),
        (normal(1, 1), torch.tensor([[True]])),
    ],
)
def masked_softmax(
    scores: Float[Tensor, "*batch key_len"], allowed: Bool[Tensor, "..."]
) -> Float[Tensor, "*batch key_len"]:
    weights = torch.softmax(scores.masked_fill(~allowed, -torch.inf), dim=-1)
    return weights.masked_fill(~allowed, 0.0)
