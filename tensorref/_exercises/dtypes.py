"""Exercises on data types."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float, Float32, Int8
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "mixed-product",
    "dtypes",
    difficulty=2,
    task=(
        "Multiply x, of float32, with weight, of float16 or bfloat16; the result is float32 and as exact as float32 can be."
    ),
    hints=("A matrix product does not promote. Which of the two can be converted without a loss?",),
    learns="Every float16 and every bfloat16 is a float32 too, but not the other way round: convert the narrow one.",
    results=("product",),
    expected=lambda x, weight: (x.double() @ weight.double()).to(x),
    cases=lambda: [
        *((normal(2, 4), normal(4, 3, seed=1, dtype=dtype)) for dtype in (torch.float16, torch.bfloat16)),
        (normal(1, 1), normal(1, 1, seed=1, dtype=torch.float16)),
    ],
)
def project(x: Float32[Tensor, "batch n"], weight: Float[Tensor, "n m"]) -> Float32[Tensor, "batch m"]:
    return x @ weight.float()


@exercise(
    "rms-norm",
    "dtypes",
    difficulty=3,
    task=(
        "Divide each vector on the last axis of x by the root of its mean square, with 1e-6 added to the mean square, and "
        "multiply it with weight. x and weight are both float32, float16 or bfloat16, and so is the result, which is "
        "computed in float32 and rounded once, at the end."
    ),
    hints=(
        "The square of 300 is more than float16 can hold.",
        "Convert first, and back last; x knows its dtype.",
    ),
    learns="A norm in half precision overflows in the square and rounds at each step; one converts, computes, converts back.",
    results=("normalized",),
    expected=lambda x, weight: functional.rms_norm(x.double(), x.shape[-1:], weight.double(), 1e-6).float().to(x.dtype),
    cases=lambda: [
        (normal(2, 3, 8), normal(8, seed=1)),
        # No result in half precision lies near the middle of two numbers, so that float32 and one rounding give the same.
        (300 * normal(2, 4, dtype=torch.float16), normal(4, seed=1, dtype=torch.float16)),
        (normal(2, 8, dtype=torch.bfloat16), normal(8, seed=1, dtype=torch.bfloat16)),
        (torch.zeros(1, 4), torch.ones(4)),
        (0.001 * normal(2, 8), normal(8, seed=1)),
    ],
)
def rms_norm(
    x: Float[Tensor, "*batch embed_dim"], weight: Float[Tensor, " embed_dim"]
) -> Float[Tensor, "*batch embed_dim"]:
    wide = x.float()
    mean_square = wide.square().mean(dim=-1, keepdim=True)
    return (wide * torch.rsqrt(mean_square + 1e-6) * weight.float()).to(x.dtype)


@exercise(
    "quantize",
    "dtypes",
    difficulty=4,
    task=(
        "Quantize each row of weight to int8: return the int8 numbers and the float32 scale of each row, so that number "
        "times scale is near the weight. The scale is the largest magnitude of the row over 127, and 1 for a row of zeros; "
        "the number is the weight over the scale, rounded to the nearest integer."
    ),
    hints=(
        "The scales need an axis of size 1 to go with the rows.",
        "A conversion to int8 cuts the fraction off.",
        "0 / 0 is NaN. torch.where takes a scale of 1 where the largest is 0.",
    ),
    learns="A scale for each row costs one number and keeps a row of small weights from becoming zeros.",
    results=("numbers", "scales"),
    expected=lambda weight: (
        functional.normalize(weight, p=float("inf"), dim=1).mul(127).round().to(torch.int8),
        torch.tensor([[max(map(abs, row)) / 127 or 1.0] for row in weight.tolist()], dtype=torch.float32),
    ),
    cases=lambda: [
        (torch.tensor([[127.0, -63.75, 0.75, -0.25], [-0.5, 0.3, 0.125, 0.0]]),),
        (torch.tensor([[0.0, 0.0], [-254.0, 252.5]]),),
        (torch.tensor([[-300.0]]),),
    ],
)
def quantize(
    weight: Float32[Tensor, "rows columns"],
) -> tuple[Int8[Tensor, "rows columns"], Float32[Tensor, "rows 1"]]:
    largest = weight.abs().amax(dim=-1, keepdim=True)
    scales = torch.where(largest == 0, 1.0, largest / 127)
    return (weight / scales).round().to(torch.int8), scales
