"""Exercises on losses: which targets count, and what a mean is taken over."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from tensorref._exercises.task import counted, exercise


@exercise(
    "response-labels",
    "losses",
    difficulty=2,
    task=(
        "Make the labels of a batch that is to learn its answers alone: the tokens themselves, and -100 wherever a token "
        "belongs to the prompt, the first prompt_lengths of a row, or to the padding behind its first lengths. The loss shifts later."
    ),
    hints=(
        "Compare the number of each place with the two lengths of its row.",
        "prompt_lengths[:, None] has a row for each sequence, and broadcasts against the places.",
    ),
    learns="Labels are a copy of the tokens, in which what does not count has the id that the loss ignores.",
    results=("labels",),
    expected=lambda token_ids, prompt_lengths, lengths: torch.tensor(
        [
            [token if start <= place < stop else -100 for place, token in enumerate(row)]
            for row, start, stop in zip(token_ids.tolist(), prompt_lengths.tolist(), lengths.tolist(), strict=True)
        ]
    ),
    cases=lambda: [
        (counted(2, 6).long(), torch.tensor([2, 3]), torch.tensor([6, 5])),
        (counted(3, 3).long(), torch.tensor([0, 3, 1]), torch.tensor([2, 3, 1])),
        (counted(1, 1).long() + 7, torch.tensor([0]), torch.tensor([1])),
    ],
    memory="copy",
)
def response_labels(
    token_ids: Int64[Tensor, "batch seq_len"], prompt_lengths: Int64[Tensor, " batch"], lengths: Int64[Tensor, " batch"]
) -> Int64[Tensor, "batch seq_len"]:
    places = torch.arange(token_ids.shape[1], device=token_ids.device)
    learned = (places >= prompt_lengths[:, None]) & (places < lengths[:, None])
    return token_ids.masked_fill(~learned, -100)


@exercise(
    "mean-of-batches",
    "losses",
    difficulty=2,
    task=(
        "Of every batch the mean loss of its tokens is known, and how many tokens that were. Give the mean over all tokens, of "
        "shape (). The mean of a batch without tokens is NaN; at least one batch has some."
    ),
    hints=(
        "A mean times its count is a sum.",
        "NaN times 0 is NaN. Where must it go before the sum?",
    ),
    learns="A mean of means weighs every batch alike. Sums and counts add; and NaN is taken out by where, not by a factor of 0.",
    results=("loss",),
    expected=lambda means, counts: (
        sum(mean * count for mean, count in zip(means, counts.tolist(), strict=True) if count) / counts.sum()
    ),
    cases=lambda: [
        (torch.tensor([2.0, 3.0, 1.0]), torch.tensor([1, 2, 5])),
        (torch.tensor([4.0, torch.nan, 1.0]), torch.tensor([1, 0, 3])),
        (torch.tensor([2.5]), torch.tensor([4])),
    ],
)
def mean_of_batches(means: Float[Tensor, " batches"], counts: Int64[Tensor, " batches"]) -> Float[Tensor, ""]:
    sums = torch.where(counts > 0, means * counts, 0.0)
    return sums.sum() / counts.sum()
