# %% [markdown]
# # Indexing a batch of sequences
#
# The first token, the last one before the padding, the real tokens only, and a view that was meant to be a copy.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import indexing

# %% [markdown]
# ## A padded batch
#
# Three sequences of token ids, padded with 0 to one length, and a vector of 8 features for each token.

# %%
ids = torch.tensor([[5, 23, 7, 42, 9], [11, 3, 0, 0, 0], [8, 8, 31, 0, 0]])
table = torch.linspace(-1, 1, 50 * 8).reshape(50, 8)

hidden = table[ids]
print("hidden", tuple(hidden.shape))
print(indexing.explain(table.shape, ids, library="torch"))

# %% [markdown]
# ## The last token predicts the next
#
# At position -1 two of the sequences have padding. Their last token is at `lengths - 1`, a different place in each: one
# pair of positions per sequence.

# %%
lengths = (ids != 0).sum(dim=1)
print("lengths           ", lengths.tolist())
print("ids at position -1", indexing.last(ids).tolist())
print("last real ids     ", indexing.last(ids, lengths).tolist())

logits = indexing.last(hidden, lengths) @ table.T
print("logits", tuple(logits.shape))

# %% [markdown]
# A slice instead of the row numbers pairs every row with every length, and raises no error:

# %%
print("one per sequence", indexing.result_shape(hidden.shape, ([0, 1, 2], [4, 1, 2]), library="torch"))
print("all pairs       ", indexing.result_shape(hidden.shape, (slice(None), [4, 1, 2]), library="torch"))

# %% [markdown]
# ## Only the real tokens
#
# A mask of shape `(batch, seq)` turns these two axes into one. The loss is then a mean over tokens that exist.

# %%
real = ids != 0
print("kept", tuple(indexing.masked(hidden, real).shape), "of", ids.numel(), "tokens")

# %% [markdown]
# A tokenizer's mask has zeros and ones. As an index these are positions, and the shape tells:

# %%
numbers = real.long()
print("mask    ", indexing.result_shape(hidden.shape, real, library="torch"))
print("integers", indexing.result_shape(hidden.shape, numbers, library="torch"))

# %% [markdown]
# ## View or copy
#
# Zeroing the features of the padding must reach `hidden` itself. A view passes the change on. A copy does not, unless the
# index stands on the left of the assignment.

# %%
for name, index in {"hidden[1]": 1, "hidden[:, 2:]": (slice(None), slice(2, None)), "hidden[~real]": ~real}.items():
    print(f"{name:14}", "view" if indexing.is_view(hidden.shape, index, library="torch") else "copy")

before = hidden.clone()
padding = hidden[~real]
padding.zero_()
print("changed through the copy:      ", not torch.equal(hidden, before))
hidden[~real] = 0
print("changed through the assignment:", not torch.equal(hidden, before))

# %%
positions = torch.arange(ids.numel()).reshape(ids.shape)
shown = {
    "x[:, 0]  (view)": (slice(None), 0),
    "x[:, ::2]  (view)": (slice(None), slice(None, None, 2)),
    "x[ids != 0]  (copy)": real,
    "x[range(3), lengths - 1]  (copy)": (list(range(3)), lengths - 1),
}
figure, axes = plt.subplots(2, 2, figsize=(8, 4.4), layout="constrained")
for axis, (title, index) in zip(axes.flat, shown.items(), strict=True):
    selected = torch.zeros(ids.shape)
    selected.view(-1)[positions[index].reshape(-1)] = 1
    axis.imshow(selected.numpy(force=True), cmap="cividis", vmin=-0.3, vmax=1.2)
    for row, column in torch.cartesian_prod(torch.arange(3), torch.arange(5)).tolist():
        chosen = bool(selected[row, column])
        axis.text(column, row, ids[row, column].item(), ha="center", va="center", color="black" if chosen else "white")
    axis.set(title=title, xlabel="position", ylabel="sequence", xticks=range(5), yticks=range(3))
plt.show()
