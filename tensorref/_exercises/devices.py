"""Exercises on devices: what is made has to be where the rest is."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tensorref._exercises.task import exercise, normal


@exercise(
    "rows-of-zeros",
    "devices",
    difficulty=1,
    task="Make count rows of zeros to put below x, on the device of x and of its dtype.",
    hints=("What makes a tensor takes the device and the dtype; x knows both. new_zeros takes them by itself.",),
    learns="A function that asks its argument for device and dtype runs wherever its argument is.",
    results=("rows",),
    expected=lambda x, count: x.new_zeros((count, x.shape[-1])),
    cases=lambda: [
        (normal(2, 3), 4),
        (normal(2, 3, dtype=torch.bfloat16), 1),
        (torch.empty(2, 3, device="meta"), 2),
        (normal(1, 3), 2),
    ],
)
def rows_of_zeros(x: Float[Tensor, "n embed_dim"], count: int) -> Float[Tensor, "count embed_dim"]:
    return torch.zeros(count, x.shape[-1], device=x.device, dtype=x.dtype)


@exercise(
    "match-tensor",
    "devices",
    difficulty=2,
    task=(
        "Give tensor on the device of other and of its dtype, either of which may differ. Where neither does, there is "
        "nothing to do: the result then shares the memory of tensor."
    ),
    hints=(
        "to takes a device, a dtype, both, or a tensor that has them.",
        "to copies only if it has to; copy=True always does.",
    ),
    learns="to(other) moves and converts in one step, and gives the tensor itself where there is nothing to do.",
    results=("matched",),
    expected=lambda tensor, other: (
        tensor
        if (tensor.device, tensor.dtype) == (other.device, other.dtype)
        else torch.empty(tensor.shape, device=other.device, dtype=other.dtype).copy_(tensor)
    ),
    cases=lambda: [
        (normal(8), normal(2, 5, 8, seed=1)),
        (normal(2, 8), normal(3, dtype=torch.bfloat16)),
        (normal(8), torch.empty(2, 8, device="meta", dtype=torch.float16)),
        (normal(1, 1, dtype=torch.float16), torch.tensor(1.0)),
    ],
    memory="view",
)
def match(tensor: Float[Tensor, "*shape"], other: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
    return tensor.to(other)
