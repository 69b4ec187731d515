"""Exercises on attention."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import counted, exercise, normal


@exercise(
    "attention-output",
    "attention",
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
    "attention",
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
    "shared-heads",
    "attention",
    difficulty=3,
    task=(
        "Several heads of query share one head of key. Repeat each head of key, so that head h of num_heads is head "
        "h // (num_heads // kv_heads) of key. num_heads is a multiple of kv_heads."
    ),
    hints=(
        "The copies of a head stand one behind the other: 0, 0, 1, 1, and not 0, 1, 0, 1.",
        "repeat_interleave repeats each in turn; or give every head an axis of size 1, expand it, and flatten the two.",
    ),
    learns="Tensor.repeat puts the whole behind itself, and so pairs queries with keys of another head: no shape tells.",
    results=("keys",),
    expected=lambda key, num_heads: key[:, torch.arange(num_heads) * key.shape[1] // num_heads],
    cases=lambda: [
        (counted(2, 2, 3, 4), 4),
        (counted(1, 3, 2, 2), 6),
        (counted(1, 1, 2, 3), 4),
        (counted(1, 2, 1, 1), 2),
    ],
)
def repeat_heads(
    key: Float[Tensor, "batch kv_heads key_len head_dim"], num_heads: int
) -> Float[Tensor, "batch {num_heads} key_len head_dim"]:
    return key.repeat_interleave(num_heads // key.shape[1], dim=1)
