"""Exercises on training: a step of the optimizer, and the gradients before it."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal, whole


def _clipped(a: Tensor, b: Tensor, max_norm: float) -> tuple[Tensor, Tensor]:
    norm = torch.linalg.vector_norm(torch.cat([a.flatten(), b.flatten()]).double())
    share = torch.where(norm > max_norm, max_norm / norm, 1.0)
    return (a * share).float(), (b * share).float()


@exercise(
    "clipped-gradients",
    "training",
    difficulty=2,
    task=(
        "Scale two gradients by the same number, so that the norm of both together, the root of the sum of all their "
        "squares, is max_norm. Leave them as they are where it is not larger."
    ),
    hints=(
        "One norm for both: a.square().sum() + b.square().sum() is its square.",
        "The factor is at most 1. What is it where both are zero?",
    ),
    learns="All gradients shrink alike, so that the step keeps its direction; each by itself would not.",
    results=("clipped_a", "clipped_b"),
    expected=_clipped,
    cases=lambda: [
        (whole(3, 4), whole(5, seed=1), 1.0),
        (torch.tensor([[0.3, 0.0]]), torch.tensor([0.4]), 1.0),
        (torch.zeros(2, 2), torch.zeros(3), 1.0),
        (torch.tensor([[3.0]]), torch.tensor([4.0]), 2.5),
    ],
)
def clipped_gradients(
    a: Float[Tensor, "rows columns"], b: Float[Tensor, " size"], max_norm: float
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, " size"]]:
    norm = (a.square().sum() + b.square().sum()).sqrt()
    share = (max_norm / norm).clamp(max=1.0)
    return a * share, b * share


def _summed(weight: Tensor, x: Tensor, targets: Tensor, size: int) -> Tensor:
    total = torch.zeros_like(weight)
    for start in range(0, len(x), size):
        leaf = weight.detach().requires_grad_()
        loss = functional.mse_loss(x[start : start + size] @ leaf, targets[start : start + size], reduction="sum")
        total += torch.autograd.grad(loss, leaf)[0]
    return total / len(x)


@exercise(
    "accumulated-gradient",
    "training",
    difficulty=3,
    task=(
        "Give the gradient at weight of the mean of the squared errors of x @ weight, over all rows, but never take more than size "
        "rows at a time. The last part can be smaller. weight and its .grad stay as they were."
    ),
    hints=(
        "x[start : start + size] is a part; at the end it is as small as what is left.",
        "The sum of the squared errors of a part, divided by the number of all rows, adds up to the mean.",
    ),
    learns="Sums add up over parts of any size; means of unequal parts do not.",
    results=("gradient",),
    expected=_summed,
    cases=lambda: [
        (normal(3), normal(7, 3, seed=1), normal(7, seed=2), 3),
        (normal(2), normal(4, 2, seed=1), normal(4, seed=2), 4),
        (normal(4), normal(5, 4, seed=1), normal(5, seed=2), 2),
    ],
)
def accumulated_gradient(
    weight: Float[Tensor, " features"],
    x: Float[Tensor, "rows features"],
    targets: Float[Tensor, " rows"],
    size: int,
) -> Float[Tensor, " features"]:
    leaf = weight.detach().requires_grad_()
    gradient = torch.zeros_like(leaf)
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        loss = (x[part] @ leaf - targets[part]).square().sum() / len(x)
        gradient = gradient + torch.autograd.grad(loss, leaf)[0]
    return gradient.detach()
