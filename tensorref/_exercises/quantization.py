"""Exercises on quantization."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float32, Int8, UInt8
from torch import Tensor

from tensorref._exercises.task import exercise, whole


def _small(*shape: int, seed: int = 0) -> Tensor:
    """Return every number from -8 to 7, in an order of its own."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randint(-8, 8, shape, generator=generator, device="cpu").to(torch.int8)


@exercise(
    "dequantize-groups",
    "quantization",
    difficulty=2,
    task=(
        "Turn int8 numbers back into float32 weights. Each row is cut into groups of equal size, one after the other, and each "
        "group has a scale: weight is number times scale."
    ),
    hints=(
        "An axis for the groups and one for the numbers in a group let the scales broadcast.",
        "unflatten(-1, (groups, -1)), times scales[:, :, None], and flatten(-2).",
    ),
    learns="Neighbors share a scale, so each scale stands size times in a row before the next one: repeat_interleave, not repeat.",
    results=("weight",),
    expected=lambda numbers, scales: (
        numbers.float() * scales.repeat_interleave(numbers.shape[1] // scales.shape[1], dim=1)
    ),
    cases=lambda: [
        (_small(2, 6), whole(2, 3, seed=1).abs() + 0.5),
        (_small(4, 4), torch.tensor([[1.0], [0.5], [2.0], [0.25]])),
        (_small(1, 8), whole(1, 8, seed=2).abs() + 0.25),
    ],
)
def dequantize_groups(
    numbers: Int8[Tensor, "rows columns"], scales: Float32[Tensor, "rows groups"]
) -> Float32[Tensor, "rows columns"]:
    groups = numbers.reshape(*scales.shape, -1)
    return (groups * scales[..., None]).flatten(-2)


@exercise(
    "pack-int4",
    "quantization",
    difficulty=3,
    task=(
        "Pack int8 numbers from -8 to 7 two a byte: the first of each pair of neighbors in the low four bits, the second in the "
        "high four. Return uint8."
    ),
    hints=(
        "The low four bits of a number are number & 15, of a negative one too.",
        "A step of 2 along the last axis takes the first ones, and from 1 on the second ones. Bits move up with << 4.",
        "-1 & 15 is 15 only where the rest of the bits is cut off, which comes before the two are put together.",
    ),
    learns="A negative number has ones in all high bits; without a mask they spill into its neighbor.",
    results=("packed",),
    expected=lambda numbers: (
        (numbers.long() % 16 * torch.tensor([1, 16]).repeat(numbers.shape[-1] // 2).to(numbers.device))
        .unflatten(-1, (-1, 2))
        .sum(-1)
        .to(torch.uint8)
    ),
    cases=lambda: [
        (_small(3, 6),),
        (torch.tensor([[1, -1, 7, -8]], dtype=torch.int8),),
        (_small(2, 2, seed=1),),
    ],
)
def pack_int4(numbers: Int8[Tensor, "rows columns"]) -> UInt8[Tensor, "rows half"]:
    low = numbers.to(torch.uint8) & 15
    return low[:, ::2] | low[:, 1::2] << 4
