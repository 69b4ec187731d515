# %% [markdown]
# # A training step, part by part
#
# AdamW by hand beside PyTorch's, the rate of every step, what accumulation adds up to, and what a checkpoint saves.

# %%
import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tensorref import training

torch.manual_seed(0)
torch.set_num_threads(1)  # the tensors are small

# %% [markdown]
# ## The same steps
#
# A bigram model: the logits of the next token are a row of a table. The texts follow a rule, token + 3, but for one in
# five. One table is trained by `torch.optim`, the other by hand.

# %%
vocab_size, steps, warmup, regular = 16, 120, 10, 0.8
table = torch.zeros(vocab_size, vocab_size, dtype=torch.float64)
theirs, ours, moments = nn.Parameter(table.clone()), table.clone(), None
optimizer = torch.optim.AdamW([theirs], lr=0.0, weight_decay=0.1)
losses, norms, rates = [], [], []
for step in range(steps):
    token_ids = torch.randint(vocab_size, (64,))  # (tokens,)
    targets = torch.where(torch.rand(64) < regular, (token_ids + 3) % vocab_size, torch.randint(vocab_size, (64,)))
    rate = training.learning_rate(step, peak=0.3, warmup=warmup, total=steps)

    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad()
    loss = functional.cross_entropy(theirs[token_ids], targets)
    loss.backward()
    norms.append(nn.utils.clip_grad_norm_([theirs], 0.1).item())
    optimizer.step()

    leaf = ours.requires_grad_()
    (gradient,) = torch.autograd.grad(functional.cross_entropy(leaf[token_ids], targets), leaf)
    (clipped,), norm = training.clip_by_norm([gradient], 0.1)
    ours, moments = training.adamw(ours, clipped, moments, rate=rate, weight_decay=0.1)

    losses.append(loss.item())
    rates.append(rate)
print(f"loss {losses[0]:.2f} at first, {losses[-1]:.2f} at last")
print(f"farthest apart after {steps} steps: {(ours - theirs).abs().max():.0e}")
follows = theirs.argmax(dim=1) == (torch.arange(vocab_size) + 3) % vocab_size
print(f"{int(follows.sum())} of {vocab_size} tokens are followed by token + 3")

# %% [markdown]
# ## Accumulated
#
# Batches of 8 and of 56 tokens. Sums, divided by all 64, give the gradient of the whole. Means of the two do not.

# %%
start = table.clone().requires_grad_()
token_ids, targets = torch.randint(vocab_size, (64,)), torch.randint(vocab_size, (64,))


def gradient_of(loss: Tensor) -> Tensor:
    """Return the gradient at the start, (vocab_size, vocab_size)."""
    return torch.autograd.grad(loss, start)[0]


whole = gradient_of(functional.cross_entropy(start[token_ids], targets))
parts = [slice(0, 8), slice(8, 64)]
sums = sum(gradient_of(functional.cross_entropy(start[token_ids[p]], targets[p], reduction="sum") / 64) for p in parts)
means = sum(gradient_of(functional.cross_entropy(start[token_ids[p]], targets[p]) / 2) for p in parts)
for name, gradient in (("sums", sums), ("means", means)):
    print(f"{name:5} are off by {((gradient - whole).norm() / whole.norm()).item():.0%} of the gradient")

# %% [markdown]
# ## What is kept for the backward pass
#
# Eight blocks, with and without a checkpoint around each, and under inference mode, which keeps nothing since it cannot
# train.

# %%
blocks = nn.Sequential(*(nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64)) for _ in range(8)))
x = torch.randn(128, 64)


def checkpointed(x: Tensor) -> Tensor:
    """Return what the blocks give, and keep the input of each alone."""
    for block in blocks:
        x = checkpoint(block, x, use_reentrant=False)
    return x


kept = {"all blocks": training.saved_bytes(blocks, x), "a checkpoint each": training.saved_bytes(checkpointed, x)}
with torch.inference_mode():
    kept["inference mode"] = training.saved_bytes(blocks, x)
for name, size in kept.items():
    print(f"{name:18} {size / 1024:6,.0f} KiB")

# %%
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
left.plot(losses, color="#0072B2")
left.set(title="Loss", xlabel="step")
middle.plot(rates, color="#009E73", label="rate")
middle.plot(norms, color="#D55E00", linewidth=1, label="norm before clipping")
middle.axhline(0.1, color="#D55E00", linestyle=":")
middle.set(title="Rate and norm", xlabel="step")
middle.legend()
bars = right.barh([*kept], [size / 1024 for size in kept.values()], color="#0072B2")
right.bar_label(bars, fmt="{:,.0f}", padding=3)
right.invert_yaxis()
right.margins(x=0.25)
right.set(title="Kept for backward", xlabel="KiB")
plt.show()
