"""Exercises on anatomy: what shape and dtype say."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from tensorref._exercises.task import exercise, normal


@exercise(
    "tensor-bytes",
    "anatomy",
    difficulty=1,
    task=(
        "Say as an int how many bytes the elements of a tensor take, from its shape and the bytes of one element. The shape "
        "may be () and may hold a 0."
    ),
    hints=("A shape of () has one element; a shape with a 0 in it has none.",),
    learns="The number of elements is the product of the sizes, and the product of no sizes is 1.",
    results=("bytes",),
    expected=lambda shape, itemsize: int(np.prod(shape, dtype=object)) * itemsize,
    cases=lambda: [((4, 8), 8), ((), 4), ((0, 3), 2), ((50257, 768), 2)],
)
def count_bytes(shape: tuple[int, ...], itemsize: int) -> int:
    return math.prod(shape) * itemsize


@exercise(
    "parameter-bytes",
    "anatomy",
    difficulty=2,
    task=(
        "Say as an int how many bytes the elements of all parameters take. Each tensor of the list counts with its own "
        "shape and dtype, whether it is a view of something larger, expanded from something smaller or in the list twice; "
        "an empty list takes 0."
    ),
    hints=("A tensor knows how many elements it has and how many bytes one takes.", "numel() and element_size()."),
    learns="A tensor's storage and its elements are two things: a view counts fewer bytes than its storage, an expanded tensor more.",
    results=("bytes",),
    expected=lambda parameters: sum(int(np.prod(p.shape, dtype=object)) * p.dtype.itemsize for p in parameters),
    cases=lambda: [
        ([normal(100, 32), normal(32, 128), normal(128)],),
        ([normal(100, 32, dtype=torch.bfloat16), normal(32), torch.zeros(32, 4, dtype=torch.int8)],),
        ([normal(8, 32)[:, :16], normal(1, 64).expand(12, 64)],),
        ([torch.tensor(0.5), *[normal(2, 64)] * 2],),
        ([],),
    ],
)
def parameter_bytes(parameters: list[Shaped[Tensor, "..."]]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)
