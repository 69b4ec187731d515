"""Exercises on kernels: what a built-in operation does to stay right."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import exercise, normal


@exercise(
    "log-softmax",
    "kernels",
    difficulty=3,
    task="Give the logarithm of the softmax over the last axis of logits, which can be as large as 10,000 or as low as -10,000.",
    hints=(
        "Subtract the largest logit first. What does that change of a softmax?",
        "The logarithm of a quotient is a difference, and that of exp(x) is x.",
    ),
    learns="After the largest is subtracted exp cannot overflow; a logarithm taken before the division cannot underflow.",
    results=("logarithms",),
    expected=lambda logits: functional.log_softmax(logits, dim=-1),
    cases=lambda: [
        (normal(2, 5),),
        (torch.tensor([[10000.0, 9980.0, -10000.0], [0.0, 0.0, 0.0]]),),
        (normal(3, 1),),
    ],
)
def log_softmax(logits: Float[Tensor, "*batch vocab_size"]) -> Float[Tensor, "*batch vocab_size"]:
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def _merged(output_a: Tensor, lse_a: Tensor, output_b: Tensor, lse_b: Tensor) -> tuple[Tensor, Tensor]:
    both = torch.stack([lse_a, lse_b]).double()
    shares = torch.softmax(both, dim=0).nan_to_num(0.0)
    output = (shares[:, :, None] * torch.stack([output_a, output_b]).double()).sum(dim=0)
    return output.float(), torch.logsumexp(both, dim=0).float()


@exercise(
    "merge-blocks",
    "kernels",
    difficulty=5,
    task=(
        "Attention over many keys can be taken a block of keys at a time. Of two blocks each query has the output, which "
        "is a mean weighted by exp(scores), and lse, the logarithm of the sum of exp(scores), which is -inf and has an "
        "output of zeros where the mask leaves no key. Merge them into the output and the lse over the keys of both. lse "
        "can be as large as 200 either way; where no key is left in both blocks, the output is 0 and the lse -inf."
    ),
    hints=(
        "Each output counts with its share exp(lse) of the sum of both.",
        "The merged lse is torch.logaddexp(lse_a, lse_b), and a share is exp(lse_a - merged).",
        "-inf - (-inf) is NaN. What should be subtracted where the merged lse is -inf?",
    ),
    learns="A softmax can be computed in pieces that know their logsumexp: that is how FlashAttention never holds all scores.",
    results=("output", "lse"),
    expected=_merged,
    cases=lambda: [
        (normal(3, 4), normal(3, seed=1), normal(3, 4, seed=2), normal(3, seed=3)),
        (
            normal(4, 2),
            torch.tensor([200.0, -200.0, -torch.inf, 2.0]),
            normal(4, 2, seed=2),
            torch.tensor([160.0, -240.0, 3.0, -torch.inf]),
        ),
        (torch.zeros(1, 4), torch.tensor([-torch.inf]), torch.zeros(1, 4), torch.tensor([-torch.inf])),
    ],
)
def merge_blocks(
    output_a: Float[Tensor, "query_len head_dim"],
    lse_a: Float[Tensor, " query_len"],
    output_b: Float[Tensor, "query_len head_dim"],
    lse_b: Float[Tensor, " query_len"],
) -> tuple[Float[Tensor, "query_len head_dim"], Float[Tensor, " query_len"]]:
    lse = torch.logaddexp(lse_a, lse_b)
    reference = lse.masked_fill(lse == -torch.inf, 0.0)
    share_a, share_b = torch.exp(lse_a - reference), torch.exp(lse_b - reference)
    return share_a[:, None] * output_a + share_b[:, None] * output_b, lse
