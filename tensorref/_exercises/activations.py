"""Exercises on activations and the gated layer."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "fused-gate",
    "activations",
    difficulty=2,
    task=(
        "weight, of shape (2 * hidden_dim, embed_dim), holds gate and up of a SwiGLU layer one below the other. The gate comes "
        "first. Return silu of the gate's product times that of up, of shape (*batch, hidden_dim), from one matrix product."
    ),
    hints=("torch.nn.functional.linear multiplies by the transpose.", "chunk splits the last axis into halves."),
    learns="Gate and up are often stored as one matrix, and which half is bent is a convention that no shape shows.",
    results=("hidden",),
    expected=lambda x, weight: functional.silu(x @ weight[: len(weight) // 2].mT) * (x @ weight[len(weight) // 2 :].mT),
    cases=lambda: [
        (normal(2, 3, 4), 0.5 * normal(16, 4, seed=1)),
        (normal(5, 4, seed=2), 0.5 * normal(8, 4, seed=3)),
        (normal(1, 2), normal(2, 2, seed=1)),
    ],
)
def gated(
    x: Float[Tensor, "*batch embed_dim"], weight: Float[Tensor, "rows embed_dim"]
) -> Float[Tensor, "*batch hidden_dim"]:
    gate, up = functional.linear(x, weight).chunk(2, dim=-1)
    return functional.silu(gate) * up


@exercise(
    "gated-size",
    "activations",
    difficulty=2,
    task=(
        "Return the hidden size of a SwiGLU layer as an int: 8 / 3 of embed_dim, cut to a whole number, then rounded up to a "
        "multiple of multiple_of."
    ),
    hints=("// rounds down; what is added first makes it round up.",),
    learns="Three matrices of 8 / 3 of the size have as many numbers as two of 4 times the size.",
    results=("hidden_dim",),
    expected=lambda embed_dim, multiple_of: next(
        size for size in range(0, 8 * embed_dim + multiple_of, multiple_of) if size >= 8 * embed_dim // 3
    ),
    cases=lambda: [(4096, 256), (512, 256), (96, 64), (5120, 256), (1, 1), (7, 2)],
)
def gated_size(embed_dim: int, multiple_of: int) -> int:
    wanted = 8 * embed_dim // 3
    return (wanted + multiple_of - 1) // multiple_of * multiple_of
