"""Exercises on going from one library to the other."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped
from torch import Tensor

from tensorref._exercises.task import exercise, normal


@exercise(
    "shared-tensor",
    "interop",
    difficulty=1,
    task=(
        "Give a tensor that shares the memory of array, so that a write to one is read from the other. array may be a view of "
        "another, such as a transpose or every second element."
    ),
    hints=("One of torch.tensor, torch.from_numpy and np.copy shares.",),
    learns="torch.from_numpy shares memory and keeps shape, strides and dtype; torch.tensor copies.",
    results=("tensor",),
    expected=lambda array: torch.asarray(array),  # noqa: PLW0108  its parameters are those of the task
    cases=lambda: [
        (np.arange(6, dtype=np.float32).reshape(2, 3),),
        (np.arange(12, dtype=np.int64).reshape(3, 4).T,),
        (np.linspace(0, 1, 8)[::2],),
    ],
    memory="view",
)
def shared_tensor(array: Shaped[np.ndarray, "*shape"]) -> Shaped[Tensor, "*shape"]:
    return torch.from_numpy(array)


@exercise(
    "to-numpy",
    "interop",
    difficulty=2,
    task="Turn a tensor, which may require grad, be bfloat16 or be on an accelerator, into a NumPy array of float32.",
    hints=("NumPy has no bfloat16, knows no gradients and sees the memory of the CPU alone.",),
    learns="Three things keep a tensor from becoming an array: the record for gradients, the device, and a dtype that NumPy lacks.",
    results=("array",),
    expected=lambda tensor: np.array(tensor.tolist(), dtype=np.float32).reshape(tensor.shape),
    cases=lambda: [
        (normal(2, 3),),
        (normal(4, dtype=torch.bfloat16),),
        (normal(2).requires_grad_(),),
        (normal(1, 1),),
    ],
)
def to_numpy(tensor: Float[Tensor, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    return tensor.detach().cpu().float().numpy()


@exercise(
    "independent-tensor",
    "interop",
    difficulty=3,
    task=(
        "Give a float32 tensor with the values of array, which may be float32 already, be float64, run backwards or be "
        "read-only. It is a copy: no later write to array changes it."
    ),
    hints=(
        "PyTorch takes no negative strides, and np.ascontiguousarray copies only if it has to.",
        "A method of arrays always copies.",
    ),
    learns="Whether a conversion copies depends on what it is given; where a copy matters, ask for one.",
    results=("tensor",),
    expected=lambda array: torch.tensor(array.tolist(), dtype=torch.float32).reshape(array.shape),
    cases=lambda: [
        (np.arange(6, dtype=np.float32).reshape(2, 3),),
        (np.linspace(-1, 1, 8),),
        (np.arange(6, dtype=np.float32)[::-1],),
        (np.broadcast_to(np.float32(2), (3, 4)),),
    ],
    memory="copy",
)
def independent_tensor(array: Float[np.ndarray, "*shape"]) -> Float32[Tensor, "*shape"]:
    return torch.from_numpy(array.astype(np.float32, order="C", copy=True))
