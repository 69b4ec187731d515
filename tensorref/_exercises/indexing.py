"""Exercises on indexing: some elements of a tensor, by place, by id or by a mask."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from tensorref._exercises.task import counted, exercise, normal


@exercise(
    "shift-labels",
    "indexing",
    difficulty=1,
    task=(
        "Return the inputs and the targets of a language model as views of token_ids: the inputs are all tokens but the "
        "last, the targets all but the first, so that the target at each place is the token that follows."
    ),
    hints=("A slice may begin or end one place from the edge.",),
    learns="Inputs and targets are two slices of the same memory: no token is copied.",
    results=("inputs", "targets"),
    expected=lambda token_ids: (
        token_ids.narrow(1, 0, token_ids.shape[1] - 1),
        token_ids.narrow(1, 1, token_ids.shape[1] - 1),
    ),
    cases=lambda: [
        (torch.tensor([[5, 23, 7, 42], [8, 8, 1, 0]]),),
        (torch.arange(6).reshape(1, 6),),
        (torch.tensor([[3, 4], [5, 6], [7, 8]]),),
    ],
    memory="view",
)
def shift_labels(
    token_ids: Int64[Tensor, "batch seq_len"],
) -> tuple[Int64[Tensor, "batch seq_len-1"], Int64[Tensor, "batch seq_len-1"]]:
    return token_ids[:, :-1], token_ids[:, 1:]


@exercise(
    "last-token",
    "indexing",
    difficulty=2,
    task=(
        "Pick from hidden the vector of the last token of each sequence, without a loop; lengths says how many tokens each "
        "has, at least one."
    ),
    hints=("Two arrays of indices pair up: one says which sequence, the other which position.",),
    learns="Indices in two axes pair up element by element; a slice in one of them would give every pair.",
    results=("vectors",),
    expected=lambda hidden, lengths: torch.stack([row[int(n) - 1] for row, n in zip(hidden, lengths, strict=True)]),
    cases=lambda: [
        (counted(3, 5, 2), torch.tensor([5, 2, 3])),
        (normal(1, 4, 3), torch.tensor([1])),
        (normal(2, 1, 8), torch.tensor([1, 1])),
    ],
    growing=lambda: (
        (normal(2, 4, 8), torch.tensor([3, 4])),
        (normal(6, 12, 8), torch.tensor([3, 4, 12, 9, 1, 7])),
    ),
)
def last_token(
    hidden: Float[Tensor, "batch seq_len embed_dim"], lengths: Int64[Tensor, " batch"]
) -> Float[Tensor, "batch embed_dim"]:
    return hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1]


@exercise(
    "top-k-filter",
    "indexing",
    difficulty=3,
    task=(
        "Keep the k largest logits of each row and put -inf in place of the others. A logit that equals the k-th largest "
        "of its row stays too, so that more than k stay where there are ties; k is at least 1 and at most vocab_size. The "
        "result has the dtype of logits, float32 or bfloat16."
    ),
    hints=(
        "The k-th largest of a row is all that one has to know.",
        "torch.topk sorts from the largest; its last value is the limit. Compare every logit of the row with it.",
    ),
    learns="A limit for each row, with its axis kept, replaces sorting and scattering.",
    results=("filtered",),
    expected=lambda logits, k: torch.stack(
        [torch.where(row >= row.sort(descending=True).values[k - 1], row, -torch.inf) for row in logits]
    ),
    cases=lambda: [
        (normal(3, 10), 4),
        (torch.tensor([[1.0, 3.0, 3.0, 2.0, 3.0], [5.0, 4.0, 3.0, 2.0, 1.0]]), 2),
        (normal(2, 6, seed=1), 6),
        (normal(1, 1), 1),
        (normal(2, 6, seed=2, dtype=torch.bfloat16), 3),
    ],
)
def top_k_filter(logits: Float[Tensor, "batch vocab_size"], k: int) -> Float[Tensor, "batch vocab_size"]:
    limit = logits.topk(k, dim=-1).values[:, -1:]
    return logits.masked_fill(logits < limit, -torch.inf)
