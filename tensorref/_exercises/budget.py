"""Exercises on budgets: what training and generation take."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tensorref._exercises.task import exercise, normal

_HALF = torch.bfloat16


@exercise(
    "training-bytes",
    "budget",
    difficulty=2,
    task=(
        "Say as an int how many bytes a model takes in mixed precision, before activations. The parameters are in bfloat16, and "
        "some are frozen: they do not require grad. Each trained number also takes a gradient in bfloat16, a master weight and "
        "AdamW's two states in float32. An empty list takes 0."
    ),
    hints=(
        "Every number takes 2 bytes. Which of them take more?",
        "A trained number takes 2 + 2 + 3 * 4 bytes.",
    ),
    learns="Weights are an eighth of what training takes; a frozen model with small adapters takes little more than its weights.",
    results=("bytes",),
    expected=lambda parameters: sum(2 * p.numel() + 14 * p.numel() * int(p.requires_grad) for p in parameters),
    cases=lambda: [
        ([normal(8, 4, dtype=_HALF).requires_grad_(), normal(4, dtype=_HALF).requires_grad_()],),
        ([normal(8, 4, dtype=_HALF), normal(2, 4, dtype=_HALF).requires_grad_()],),
        ([normal(16, dtype=_HALF)],),
        ([],),
    ],
)
def training_bytes(parameters: list[Float[Tensor, "..."]]) -> int:
    return sum(parameter.numel() * (16 if parameter.requires_grad else 2) for parameter in parameters)


@exercise(
    "cache-batch",
    "budget",
    difficulty=2,
    task=(
        "Say as an int how many sequences fit into memory beside the weights. Both are given in bytes. Each sequence has a "
        "cache of seq_len keys and seq_len values in bfloat16 for every key-value head of every layer. Where not even the "
        "weights fit, it is 0."
    ),
    hints=(
        "How many numbers does one token leave in the cache? Keys and values count both.",
        "What is left of the memory, divided by what a sequence takes, is rounded down.",
    ),
    learns="A cache grows with the batch and the length; fewer key-value heads make it smaller, more query heads do not make it larger.",
    results=("batch",),
    expected=lambda memory, weights, num_layers, num_kv_heads, head_dim, seq_len: len(
        range(1, 1 + int((memory - weights) / (4 * num_layers * num_kv_heads * head_dim * seq_len)))
    ),
    cases=lambda: [
        (24 * 2**30, 16_060_522_496, 32, 8, 128, 8192),
        (24 * 2**30, 16_060_522_496, 32, 8, 128, 16000),
        (16 * 2**30, 249_000_000, 12, 12, 64, 1024),
        (8 * 2**30, 16_060_522_496, 32, 8, 128, 8192),
        (1000, 1000, 1, 1, 1, 1),
        (1096, 1000, 2, 3, 2, 2),
    ],
)
def cache_batch(memory: int, weights: int, num_layers: int, num_kv_heads: int, head_dim: int, seq_len: int) -> int:
    sequence = 2 * num_layers * num_kv_heads * head_dim * seq_len * 2
    return max(0, memory - weights) // sequence
