"""Exercises on masks."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "left-padding-positions",
    "masks",
    difficulty=2,
    task=(
        "Give each token its position among the tokens of its row, counted from 0. mask is True at tokens; padding, wherever it "
        "stands, gets 0. No loop."
    ),
    hints=(
        "How many tokens are there up to and with this one? That is a running sum.",
        "The first token is number 1 of the sum and has position 0; padding before it would get -1.",
    ),
    learns="A row that is padded on the left has positions of its own: arange would give its first token another one than alone.",
    results=("positions",),
    expected=lambda mask: torch.tensor(
        [[sum(row[:place]) if seen else 0 for place, seen in enumerate(row)] for row in mask.tolist()],
        dtype=torch.int64,
    ).reshape(mask.shape),
    cases=lambda: [
        (torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]) > 0,),
        (torch.tensor([[1, 1, 0], [0, 1, 0]]) > 0,),
        (torch.tensor([[False, True]]),),
    ],
    growing=lambda: ((torch.ones(2, 4, dtype=torch.bool),), (torch.ones(6, 12, dtype=torch.bool),)),
)
def positions_of(mask: Bool[Tensor, "batch seq_len"]) -> Int64[Tensor, "batch seq_len"]:
    return (mask.cumsum(dim=-1) - 1).masked_fill(~mask, 0)


@exercise(
    "packed-mask",
    "masks",
    difficulty=3,
    task=(
        "Several documents stand one behind the other in a row; document_ids says which one each token belongs to. Make the "
        "mask that is True where a query may see a key: one of its own document that does not come after it. No loop."
    ),
    hints=(
        "Two tokens are of one document where their ids are equal: compare every two.",
        "An axis of size 1 at the right place compares every query with every key. tril hides what comes later.",
    ),
    learns="Rows are packed without padding by a mask that is one triangle for each document.",
    results=("mask",),
    expected=lambda document_ids: torch.tensor(
        [
            [key <= query and one == other for key, other in enumerate(document_ids.tolist())]
            for query, one in enumerate(document_ids.tolist())
        ],
        dtype=torch.bool,
    ),
    cases=lambda: [
        (torch.tensor([0, 0, 0, 1, 1]),),
        (torch.tensor([7, 3, 3, 3, 7, 7]),),
        (torch.tensor([4]),),
    ],
    growing=lambda: ((torch.arange(4) // 2,), (torch.arange(16) // 2,)),
)
def packed_mask(document_ids: Int64[Tensor, " seq_len"]) -> Bool[Tensor, "seq_len seq_len"]:
    return (document_ids[:, None] == document_ids).tril()


@exercise(
    "masked-softmax",
    "masks",
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
