"""Exercises on key-value caches."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tensorref._exercises.task import counted, exercise


@exercise(
    "cache-bytes",
    "caches",
    difficulty=1,
    task=(
        "Say as an int how many bytes the key-value cache of a model takes: in each layer, keys and values of every key-value "
        "head, for every token of every sequence of the batch. itemsize is the bytes of one number."
    ),
    hints=("Keys and values are two tensors of (batch, kv_heads, seq_len, head_dim) in each layer.",),
    learns="The heads of the queries do not count: fewer key-value heads make the cache smaller, and the rest of the model not.",
    results=("bytes",),
    expected=lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: sum(
        2 * torch.empty(batch, num_kv_heads, seq_len, head_dim, device="meta").numel() * itemsize
        for _ in range(num_layers)
    ),
    cases=lambda: [(32, 8, 128, 8192, 1, 2), (2, 4, 8, 16, 3, 4), (1, 1, 1, 1, 1, 1), (12, 12, 64, 0, 8, 2)],
)
def cache_bytes(num_layers: int, num_kv_heads: int, head_dim: int, seq_len: int, batch: int, itemsize: int) -> int:
    return 2 * num_layers * batch * num_kv_heads * seq_len * head_dim * itemsize


@exercise(
    "static-cache",
    "caches",
    difficulty=2,
    task=(
        "Write the keys of new tokens into cache, in place, at the places from start on, and return the part that is filled "
        "now: a view of its first start + new_len places."
    ),
    hints=("An assignment to a slice writes in place.", "A slice of the cache is a view of it."),
    learns="A cache that is made once is written at a place; what is filled is a view, and nothing is copied.",
    results=("filled",),
    expected=lambda cache, new, start: cache.index_copy_(2, torch.arange(start, start + new.shape[2]), new).narrow(
        2, 0, start + new.shape[2]
    ),
    cases=lambda: [
        (counted(2, 2, 6, 3), -counted(2, 2, 1, 3), 2),
        (counted(1, 2, 5, 2), -counted(1, 2, 3, 2), 0),
        (counted(1, 1, 4, 2), -counted(1, 1, 2, 2), 2),
    ],
    memory="view",
    changes=("cache",),
)
def write_cache(
    cache: Float[Tensor, "batch kv_heads max_len head_dim"],
    new: Float[Tensor, "batch kv_heads new_len head_dim"],
    start: int,
) -> Float[Tensor, "batch kv_heads filled head_dim"]:
    cache[:, :, start : start + new.shape[2]] = new
    return cache[:, :, : start + new.shape[2]]
