# %% [markdown]
# # Sums along the right axis
#
# A softmax along keys and along queries, the mean of the real tokens of a padded batch, and a norm that keeps its axis.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import reductions

# %% [markdown]
# ## A softmax along the wrong axis
#
# Each query spreads a weight of 1 over the keys, which are the last axis. Along the axis of the queries the shape is the same, and
# nothing is raised; only the sums tell.

# %%
torch.manual_seed(0)
query_len, key_len = 5, 5
scores = torch.randn(query_len, key_len) * 2
right = scores.softmax(dim=-1)
wrong = scores.softmax(dim=-2)

print("Sums over the keys, right:", [round(total, 2) for total in right.sum(dim=-1).tolist()])
print("Sums over the keys, wrong:", [round(total, 2) for total in wrong.sum(dim=-1).tolist()])
print(reductions.explain(scores.shape, -1, keepdims=True))

# %% [markdown]
# ## The mean of the real tokens
#
# Sequences of different lengths are padded. A plain mean over the positions counts the padding too; the sum of what is real,
# divided by how many there are, does not.

# %%
hidden = torch.ones(2, 4, 3)
lengths = torch.tensor([4, 2])
real = torch.arange(4) < lengths[:, None]
hidden[~real] = 0.0

plain = hidden.mean(dim=1)
pooled = (hidden * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
print("Plain mean: ", plain.tolist())
print("Real tokens:", pooled.tolist())

# %% [markdown]
# ## An axis that is kept
#
# With `keepdim=True` the norm of each row has the shape `(5, 1)`, and divides the row that it was taken of. Without it the
# shape is `(5,)`, which [broadcasts](../reference/broadcasting.md) along the other axis of a square matrix.

# %%
vectors = torch.randn(5, 5)
kept = vectors / vectors.norm(dim=-1, keepdim=True)
lost = vectors / vectors.norm(dim=-1)
print("Norms, axis kept:", [round(norm, 2) for norm in kept.norm(dim=-1).tolist()])
print("Norms, axis lost:", [round(norm, 2) for norm in lost.norm(dim=-1).tolist()])

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for ax, weights, title in zip(axes, (right, wrong), ("softmax(dim=-1)", "softmax(dim=-2)"), strict=True):
    ax.imshow(weights.tolist(), cmap="Blues", vmin=0, vmax=1)
    ax.set(title=title, xlabel="key", ylabel="query")
    for query, total in enumerate(weights.sum(dim=-1).tolist()):
        ax.text(key_len - 0.3, query, f"{total:.2f}", va="center")
plt.show()
