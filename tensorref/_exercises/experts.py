"""Exercises on mixtures of experts."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal, whole


@exercise(
    "expert-weights",
    "experts",
    difficulty=2,
    task=(
        "Choose the top_k experts of each token, the one with the largest logit first, and give each a weight: the softmax of "
        "the chosen logits, so that the weights of a token sum to 1. No two logits of a token are equal."
    ),
    hints=(
        "torch.topk gives the largest values and where they stood, the largest first.",
        "Softmax runs along the last axis.",
    ),
    learns="Softmax of the chosen logits is softmax of all of them, divided by its sum over the chosen ones.",
    results=("experts", "weights"),
    expected=lambda logits, top_k: (
        (order := logits.argsort(dim=-1, descending=True)[:, :top_k]),
        logits.gather(1, order).softmax(dim=-1),
    ),
    cases=lambda: [(normal(5, 4), 2), (normal(3, 6, seed=1), 1), (normal(2, 3, seed=2), 3)],
)
def expert_weights(
    logits: Float[Tensor, "tokens num_experts"], top_k: int
) -> tuple[Int64[Tensor, "tokens top_k"], Float[Tensor, "tokens top_k"]]:
    values, experts = logits.topk(top_k, dim=-1)
    return experts, values.softmax(dim=-1)


@exercise(
    "expert-slots",
    "experts",
    difficulty=3,
    task=(
        "Say which place in the buffer of its expert each token takes: 0 for the first token of an expert, 1 for its second, and "
        "so on, in the order of the tokens. A token that finds all capacity places taken is dropped, and its place is -1."
    ),
    hints=(
        "A table with a row for each token and a column for each expert says who goes where.",
        "cumsum down a column counts the tokens of an expert so far, the token itself among them.",
    ),
    learns="A running count gives each token its own place without a loop, and what exceeds the capacity is dropped.",
    results=("slots",),
    expected=lambda experts, num_experts, capacity: (
        before := functional.one_hot(experts, num_experts).cumsum(0)[range(len(experts)), experts] - 1
    ).where(before < capacity, -1),
    cases=lambda: [
        (torch.tensor([1, 0, 1, 1, 2, 0, 1]), 3, 2),
        (torch.tensor([0, 0, 0]), 4, 1),
        (torch.tensor([2, 1, 0]), 3, 3),
        (whole(9, seed=1).long().abs(), 4, 3),
    ],
)
def expert_slots(experts: Int64[Tensor, " tokens"], num_experts: int, capacity: int) -> Int64[Tensor, " tokens"]:
    goes = experts[:, None] == torch.arange(num_experts, device=experts.device)
    slots = (goes.cumsum(dim=0) * goes).sum(dim=-1) - 1
    return torch.where(slots < capacity, slots, -1)
