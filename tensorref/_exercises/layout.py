"""Exercises on layout: the same elements in another shape."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from tensorref._exercises.task import counted, exercise, normal


@exercise(
    "split-heads",
    "layout",
    difficulty=2,
    task="Split the last axis of x into heads: head h of a token holds its features from h * head_dim on.",
    hints=("First split the last axis into two, then move one of them.",),
    learns="A shape alone does not say which element is where: view keeps the order of the elements, transpose moves the axes.",
    results=("heads",),
    expected=lambda x, num_heads: torch.stack(x.chunk(num_heads, dim=-1), dim=1),
    cases=lambda: [(counted(2, 5, 12), 4), (counted(1, 3, 4), 1), (counted(2, 1, 6), 6)],
)
def split_heads(
    x: Float[Tensor, "batch seq_len embed_dim"], num_heads: int
) -> Float[Tensor, "batch num_heads seq_len head_dim"]:
    batch, seq_len, embed_dim = x.shape
    return x.view(batch, seq_len, num_heads, embed_dim // num_heads).transpose(1, 2)


@exercise(
    "merge-heads",
    "layout",
    difficulty=2,
    task="Put the heads of each token side by side: its features are those of head 0, then those of head 1 and so on.",
    hints=(
        "It is split-heads backwards: first move an axis, then join two.",
        "Where the elements do not lie in order, view refuses and reshape copies.",
    ),
    learns="After a transpose the elements lie in another order than the shape says; joining axes then needs a copy.",
    results=("merged",),
    expected=lambda heads: torch.cat([*heads.unbind(dim=1)], dim=-1),
    cases=lambda: [
        (counted(2, 4, 5, 3),),
        (counted(1, 1, 3, 4),),
        (counted(3, 2, 1, 2),),
    ],
)
def merge_heads(
    heads: Float[Tensor, "batch num_heads seq_len head_dim"],
) -> Float[Tensor, "batch seq_len num_heads*head_dim"]:
    return heads.transpose(1, 2).reshape(heads.shape[0], heads.shape[2], heads.shape[1] * heads.shape[3])


@exercise(
    "sliding-windows",
    "layout",
    difficulty=4,
    task=(
        "Give every window of `window` neighboring tokens of each sequence, one token further each time, as a view of x: "
        "windows that overlap share memory. window is at least 1 and at most seq_len; x may itself be a view, such as a "
        "transpose or every second token."
    ),
    hints=(
        "A window begins where the one before begins, one stride further.",
        "Tensor.unfold makes the axis. as_strided can as well, if it is given the strides of x and not those one expects.",
    ),
    learns="Strides can say more than a shape holds: the elements of a window are counted twice and stored once.",
    results=("windows",),
    expected=lambda x, window: x.as_strided(
        (x.shape[0], x.shape[1] - window + 1, window), (x.stride(0), x.stride(1), x.stride(1))
    ),
    cases=lambda: [
        (counted(2, 6), 3),
        (counted(6, 2).T, 4),
        (normal(2, 8)[:, ::2], 2),
        (counted(3, 4), 4),
        (counted(1, 1), 1),
    ],
    memory="view",
)
def sliding_windows(x: Float[Tensor, "batch seq_len"], window: int) -> Float[Tensor, "batch num_windows window"]:
    return x.unfold(1, window, 1)
