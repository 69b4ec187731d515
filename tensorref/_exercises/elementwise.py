"""Exercises on element-wise operations."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "silu",
    "elementwise",
    difficulty=1,
    task="Apply x * sigmoid(x) to every element of x, which can be as large as 1,000 either way.",
    hints=("sigmoid(x) is 1 / (1 + exp(-x)).",),
    learns="Of two forms of one function, that which divides by what may overflow to infinity stays right.",
    results=("activations",),
    expected=lambda x: functional.silu(x),  # noqa: PLW0108  its parameters are those of the task
    cases=lambda: [
        (torch.linspace(-3, 3, 7),),
        (normal(2, 3, 4),),
        (torch.tensor([-1000.0, 1000.0]),),
        (torch.tensor(1.0),),
    ],
)
def silu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return x / (1 + torch.exp(-x))


def _gelu(x: np.ndarray | Tensor) -> np.ndarray | Tensor:
    exact = torch.as_tensor(x, dtype=torch.float64)
    result = functional.gelu(exact, approximate="tanh").float()
    return result.numpy() if isinstance(x, np.ndarray) else result


@exercise(
    "gelu",
    "elementwise",
    difficulty=2,
    task=(
        "Apply 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))), the activation of GPT-2, to every element of x: "
        "a NumPy array or a PyTorch tensor, of float32 both. The result is of the same library."
    ),
    hints=(
        "What NumPy and PyTorch name alike, an operator or a method of x, needs no question which it is.",
        "tanh is the only name that has to be taken from one library or the other.",
    ),
    learns="Operators work on either library, and a Python number changes the dtype of neither.",
    results=("activations",),
    expected=_gelu,
    cases=lambda: [
        (torch.linspace(-3, 3, 7),),
        (np.linspace(-3, 3, 7, dtype=np.float32),),
        (normal(2, 3, 8),),
        (normal(2, 3, 8, seed=1).numpy(),),
        (normal(1, 1),),
        (np.zeros((1, 4), dtype=np.float32),),
    ],
)
def gelu(x: Float[np.ndarray | Tensor, "*shape"]) -> Float[np.ndarray | Tensor, "*shape"]:
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    tanh = np.tanh(inner) if isinstance(inner, np.ndarray) else torch.tanh(inner)
    return 0.5 * x * (1 + tanh)
