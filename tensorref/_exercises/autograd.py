"""Exercises on gradients: taking them, using them and keeping them out."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


def cube(t: Tensor) -> Tensor:
    """Return a function of the cases, whose derivative is 3 * t**2 - 2."""
    return t**3 - 2 * t


def squares(t: Tensor) -> Tensor:
    """Return a loss of the cases, whose gradient is 2 * t."""
    return t.square().sum()


def sines(t: Tensor) -> Tensor:
    """Return a loss of the cases, whose gradient is cos(t)."""
    return t.sin().sum()


@exercise(
    "frozen-target",
    "autograd",
    difficulty=2,
    task=(
        "Give the mean squared difference of prediction and target as a loss that trains prediction alone: no gradient "
        "reaches target, though it may require grad."
    ),
    hints=("detach gives the same numbers without their history.",),
    learns="What a loss holds fixed has to be detached, or training moves the target instead of the prediction.",
    results=("loss",),
    expected=lambda prediction, target: functional.mse_loss(prediction, target.detach().clone()),
    cases=lambda: [
        (normal(2, 5).requires_grad_(), normal(2, 5, seed=1).requires_grad_()),
        (normal(8).requires_grad_(), normal(8, seed=1).requires_grad_()),
        (normal(1, 1).requires_grad_(), normal(1, 1, seed=1).requires_grad_()),
    ],
    gradients=("prediction", "target"),
)
def frozen_loss(prediction: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]) -> Float[Tensor, ""]:
    return (prediction - target.detach()).square().mean()


@exercise(
    "derivative",
    "autograd",
    difficulty=3,
    task="Give the derivative of function, which works element by element, at every element of x.",
    hints=(
        "The gradient of a sum is 1 for every summand.",
        "x must require grad, but the caller's x must not change.",
    ),
    learns="The gradient of the sum of a function that works element by element holds every derivative.",
    results=("slopes",),
    expected=lambda function, x: torch.cos(x) if function is torch.sin else 3 * x**2 - 2,
    cases=lambda: [
        (torch.sin, torch.linspace(-2, 2, 5)),
        (cube, normal(2, 3)),
        (cube, torch.tensor(2.0)),
    ],
)
def derivative(function: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


@exercise(
    "gradient-step",
    "autograd",
    difficulty=3,
    task=(
        "Return what a parameter is after one step of gradient descent: the parameter minus rate times the gradient of "
        "loss, a function that gives one number. The result is a new tensor that requires grad and has no history; the "
        "parameter, which requires grad, and its .grad stay as they were."
    ),
    hints=(
        "torch.autograd.grad returns a gradient, where backward adds it to .grad.",
        "What is computed from a parameter has a history. Where does it end?",
    ),
    learns="An update is no part of the function that is differentiated: its result begins a new history.",
    results=("updated",),
    expected=lambda parameter, loss, rate: (
        (parameter - rate * (2 * parameter if loss is squares else parameter.cos())).detach().requires_grad_()
    ),
    cases=lambda: [
        (normal(3, 4).requires_grad_(), squares, 0.1),
        (normal(5, seed=1).requires_grad_(), sines, 0.5),
        (torch.tensor(1.5).requires_grad_(), squares, 0.25),
    ],
)
def gradient_step(
    parameter: Float[Tensor, "*shape"], loss: Callable[[Tensor], Tensor], rate: float
) -> Float[Tensor, "*shape"]:
    gradient = torch.autograd.grad(loss(parameter), parameter)[0]
    return (parameter - rate * gradient).detach().requires_grad_()


@exercise(
    "straight-through",
    "autograd",
    difficulty=4,
    task=(
        "Round x to the nearest integers, as torch.round does, but let gradients pass as if nothing had been done: the "
        "gradient of x is that of the result."
    ),
    hints=(
        "torch.round has the gradient 0 everywhere.",
        "Write the result as x plus something that no gradient goes through.",
    ),
    learns="x + (f(x) - x).detach() has the value of f and the gradient of x: the straight-through estimator.",
    results=("rounded",),
    expected=lambda x: x + torch.as_tensor(np.rint(x.detach().numpy())) - x.detach(),
    cases=lambda: [
        (torch.tensor([-1.75, -0.25, 0.25, 0.75, 2.25]).requires_grad_(),),
        (torch.tensor([[1.75], [0.125]]).requires_grad_(),),
        (torch.tensor(3.75).requires_grad_(),),
        (torch.tensor([-0.5, 0.5, 1.5, 2.5]).requires_grad_(),),  # halves go to the even neighbor
    ],
    gradients=("x",),
)
def straight_through(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return x + (x.round() - x).detach()
