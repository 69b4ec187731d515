"""Exercises on creation: tensors made from nothing but sizes."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from tensorref._exercises.task import exercise


@exercise(
    "positions",
    "creation",
    difficulty=1,
    task="Make the positions of the tokens in a batch: int64, every row 0, 1, 2 and so on.",
    hints=("Make one row, then expand it.",),
    learns="arange counts in int64, and expand repeats a row without copying it.",
    results=("positions",),
    expected=lambda batch, seq_len: torch.tensor([[*range(seq_len)]] * batch, dtype=torch.int64).reshape(
        batch, seq_len
    ),
    cases=lambda: [(2, 5), (1, 3), (4, 1)],
)
def positions(batch: int, seq_len: int) -> Int64[Tensor, "batch seq_len"]:
    return torch.arange(seq_len).expand(batch, seq_len)


@exercise(
    "seeded-weights",
    "creation",
    difficulty=2,
    task=(
        "Make a weight as float32: the numbers that torch.randn(fan_in, fan_out) gives after torch.manual_seed(seed), "
        "divided by the square root of fan_in. The global random state stays as it was."
    ),
    hints=(
        "torch.randn takes a generator.",
        "torch.Generator().manual_seed(seed) gives one with a state of its own.",
    ),
    keeps_random_state=True,
    learns="A Generator makes numbers repeatable without changing those that the rest of a program draws.",
    results=("weight",),
    expected=lambda seed, fan_in, fan_out: (
        torch.empty(fan_in, fan_out, dtype=torch.float32).normal_(generator=torch.Generator().manual_seed(seed))
        * fan_in**-0.5
    ),
    cases=lambda: [(0, 64, 16), (1, 16, 64), (7, 1, 5)],
)
def seeded_weights(seed: int, fan_in: int, fan_out: int) -> Float[Tensor, "fan_in fan_out"]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(fan_in, fan_out, generator=generator) / math.sqrt(fan_in)


@exercise(
    "causal-mask",
    "creation",
    difficulty=3,
    task=(
        "Make the mask of booleans that is True where a query may see a key: not one that comes after it. The queries are "
        "the last query_len of key_len tokens, so the last query sees every key; key_len is at least query_len."
    ),
    hints=(
        "With as many queries as keys this is the lower triangle and its diagonal.",
        "tril has a second argument, which moves the diagonal. How many keys does the first query see?",
    ),
    learns="With a cache the triangle sits at the right: its diagonal ends in the last corner, and does not begin in the first.",
    results=("mask",),
    expected=lambda query_len, key_len: torch.tensor(
        [[key <= query + key_len - query_len for key in range(key_len)] for query in range(query_len)],
        dtype=torch.bool,
    ).reshape(query_len, key_len),
    cases=lambda: [(4, 4), (2, 5), (1, 6), (1, 1)],
)
def causal_mask(query_len: int, key_len: int) -> Bool[Tensor, "query_len key_len"]:
    return torch.ones(query_len, key_len, dtype=torch.bool).tril(key_len - query_len)
