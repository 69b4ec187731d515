# %% [markdown]
# # A watch over training
#
# A model learns, its loss goes down, nothing is raised, and three lines are wrong. `tensorref.watch` names them.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn

import tensorref

# %% [markdown]
# ## A training loop
#
# Each example has 8 features and a target that is a plain function of them. The first 48 examples are trusted, so they
# count fully; the others count half. A little noise keeps the model from learning the examples by heart.

# %%
torch.manual_seed(0)
FEATURES = torch.randn(64, 8)
TARGET = FEATURES @ torch.linspace(-1, 1, 8)
TRUSTED = 48


def evaluated(model: nn.Module) -> float:
    """Return the mean squared error on examples without noise."""
    with torch.no_grad():
        return (model(FEATURES).squeeze(-1) - TARGET).square().mean().item()


def train(epochs: int) -> list[float]:
    """Train a model, and return its error after each epoch."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    features, trust = FEATURES.clone(), torch.arange(64) < TRUSTED
    weight = torch.ones(64, dtype=torch.int64)
    weight[~trust] = 0.5
    errors = []
    for _ in range(epochs):
        for start in range(0, 64, 16):
            batch = features[start : start + 16]
            batch += 0.1 * torch.randn_like(batch)
            prediction = model(batch)
            difference = prediction - TARGET[start : start + 16]
            loss = (weight[start : start + 16, None] * difference.square()).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors.append(evaluated(model))
    return errors


wrong = train(epochs=40)
print(f"error after 40 epochs: {wrong[-1]:.3f}; of a model that says the mean: {TARGET.var():.3f}")

# %% [markdown]
# The error is about that of saying the mean. Nothing in the loop says why.
#
# ## Two epochs under the watch
#
# A place is reported once, with how often, so that two epochs tell as much as forty.

# %%
with tensorref.watch() as seen:
    train(epochs=2)

for finding in seen.mistakes:
    print(f"{finding.kind}, calls: {finding.count}, {finding.code}")
    print(f"    {finding.reasons[0]}")
    print(f"    {finding.mends[0]}")

# %% [markdown]
# - `batch` is a view of `features`: the noise of every epoch stays in the data, and grows.
# - `weight` has integers: 0.5 became 0, and a quarter of the examples count for nothing.
# - `prediction` has shape `(16, 1)` and the target `(16,)`: every prediction was compared with every target, and what
#   fits all of them best is their mean.
#
# ## Mended


# %%
def train_mended(epochs: int) -> list[float]:
    """Train the same model, with three lines changed."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    features, trust = FEATURES.clone(), torch.arange(64) < TRUSTED
    weight = torch.ones(64)
    weight[~trust] = 0.5
    errors = []
    for _ in range(epochs):
        for start in range(0, 64, 16):
            batch = features[start : start + 16]
            batch = batch + 0.1 * torch.randn_like(batch)
            prediction = model(batch).squeeze(-1)
            difference = prediction - TARGET[start : start + 16]
            loss = (weight[start : start + 16] * difference.square()).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors.append(evaluated(model))
    return errors


with tensorref.watch() as seen:
    train_mended(epochs=2)
print(f"mistakes seen: {len(seen.mistakes)}")
mended = train_mended(epochs=40)
print(f"error after 40 epochs: {mended[-1]:.3f}")

# %% [markdown]
# What costs time and memory is not wrong, and stands apart:

# %%
with tensorref.watch(only=["copies", "memory"]) as seen:
    heads = torch.randn(8, 4, 128, 16)  # batch, heads, tokens, features of a head
    merged = heads.transpose(1, 2).reshape(8, 128, 64)
    scores = heads @ heads.mT
for finding in seen.costs:
    print(f"{finding.kind}: {finding.nbytes:,} bytes by {finding.code}")
print(f"at the peak: {seen.peak_nbytes:,} bytes")

# %%
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.semilogy(wrong, "--", color="#D55E00", label="with three silent mistakes")
ax.semilogy(mended, color="#0072B2", label="mended")
ax.axhline(float(TARGET.var()), color="0.5", linewidth=1)
ax.annotate("the mean of the targets", (39, float(TARGET.var())), ha="right", va="bottom", color="0.4")
ax.set(title="What the watch found", xlabel="epoch", ylabel="mean squared error")
ax.legend()
plt.show()
