"""Exercises on sampling: filters of logits, and rows that have ended."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from tensorref._exercises.task import exercise, normal


def _min_p(logits: Tensor, p: float) -> Tensor:
    probabilities = logits.double().softmax(-1)
    kept = probabilities >= p * probabilities.max(-1, keepdim=True).values
    return torch.where(kept, logits, -torch.inf)


@exercise(
    "min-p-filter",
    "sampling",
    difficulty=2,
    task=(
        "Keep the tokens of each row whose probability is at least p times that of the most probable one, and put -inf in place of the "
        "other logits (min-p sampling). p lies between 0 and 1, and no ratio of probabilities is p itself."
    ),
    hints=(
        "The sum in softmax cancels in the ratio of two probabilities.",
        "exp(a) / exp(b) is exp(a - b): compare the difference to the largest logit with log(p).",
    ),
    learns="A ratio of probabilities is a difference of logits, so no softmax is needed.",
    results=("filtered",),
    expected=_min_p,
    cases=lambda: [
        (torch.tensor([[0.05, 0.5, 0.15, 0.3], [0.97, 0.01, 0.015, 0.005]]).log(), 0.25),
        (3 * normal(3, 10), 0.1),
        (normal(2, 5, seed=1) - 300, 0.5),
        (torch.zeros(1, 1), 0.9),
    ],
)
def min_p_filter(logits: Float[Tensor, "batch vocab_size"], p: float) -> Float[Tensor, "batch vocab_size"]:
    least = logits.amax(dim=-1, keepdim=True) + math.log(p)
    return logits.masked_fill(logits < least, -torch.inf)


@exercise(
    "ended-rows",
    "sampling",
    difficulty=2,
    task=(
        "A batch generates until every row has said eos_id. Of the tokens drawn in one step, and of the rows that ended in an earlier "
        "one, give the tokens to append, which are pad_id in the rows that ended earlier, and which rows have ended now. A "
        "row that ends in this step keeps its eos_id."
    ),
    hints=(
        "Two results: first the tokens, by masked_fill or where; then the rows.",
        "A row that has ended stays so, whatever is drawn for it.",
    ),
    learns="A batch runs as long as its longest row; what is drawn for the others is thrown away.",
    results=("appended", "now_ended"),
    expected=lambda drawn, ended, eos_id, pad_id: (
        torch.where(ended, pad_id, drawn),
        torch.tensor([was or token == eos_id for was, token in zip(ended.tolist(), drawn.tolist(), strict=True)]),
    ),
    cases=lambda: [
        (torch.tensor([5, 2, 7, 2]), torch.tensor([False, False, True, True]), 2, 0),
        (torch.tensor([5, 2, 7]), torch.tensor([False, False, True]), 2, 2),
        (torch.tensor([4, 4]), torch.tensor([True, False]), 9, 4),
    ],
)
def ended_rows(
    drawn: Int64[Tensor, " batch"], ended: Bool[Tensor, " batch"], eos_id: int, pad_id: int
) -> tuple[Int64[Tensor, " batch"], Bool[Tensor, " batch"]]:
    appended = drawn.masked_fill(ended, pad_id)
    return appended, ended | (drawn == eos_id)
