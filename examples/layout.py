# %% [markdown]
# # Heads in memory
#
# Split attention heads without a copy, see which merge has to copy, and ask before `view` fails.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import layout

# %% [markdown]
# ## Split without a copy
#
# Two heads of three features each, for four tokens. Each element holds its own place in memory, so that a look at the
# numbers shows what moves.

# %%
seq_len, num_heads, head_dim = 4, 2, 3
x = torch.arange(seq_len * num_heads * head_dim).reshape(1, seq_len, num_heads * head_dim)

heads = layout.split_heads(x, num_heads)
print("x    ", tuple(x.shape), "strides", x.stride())
print("heads", tuple(heads.shape), "strides", heads.stride())
print("same memory:", heads.data_ptr() == x.data_ptr())
print(heads)

# %% [markdown]
# ## Merge with a copy
#
# Attention multiplies weights by values, and the product is new memory with the heads outermost. To bring the heads of a
# token side by side, elements have to move; no stride can say where they are.

# %%
weights = torch.ones(seq_len, seq_len).tril()
attended = (weights / weights.sum(dim=-1, keepdim=True)) @ heads.float()
swapped = attended.transpose(1, 2)
print(layout.explain(swapped.shape, swapped.stride(), (1, seq_len, -1), name="swapped"))

merged = layout.merge_heads(attended)
print("same memory:", merged.data_ptr() == attended.data_ptr())

# %% [markdown]
# ## Ask before `view` fails
#
# A tensor that is not contiguous is no reason to copy it. What counts is whether the axes that are merged are one run
# of memory.

# %%
cache = torch.zeros(2, 128, 64)  # batch, positions reserved, features
filled = cache[:, :40]  # the positions written so far
print("contiguous:", filled.is_contiguous())
for target in [(2, 40, 8, 8), (2, 5, 8, 64), (80, 64)]:
    print(f"view as {target}:", layout.can_view(filled.shape, filled.stride(), target))

# %% [markdown]
# The places of each element, drawn. A head is a part of every row of `x`; what attention gives lies head by head, so
# that a merged row takes from two places.

# %%
places = torch.arange(attended.numel()).reshape(attended.shape)
panels = {
    "x, a row a token": x[0],
    "head 0, a view": heads[0, 0],
    "merged after attention": layout.merge_heads(places)[0],
    "head 1, a view": heads[0, 1],
}
figure, axes = plt.subplots(2, 2, figsize=(7.2, 4.8), layout="constrained", width_ratios=[num_heads, 1])
for panel, (title, values) in zip(axes.flat, panels.items(), strict=True):
    numbers = values.numpy(force=True)
    panel.imshow(numbers, cmap="viridis", vmin=0, vmax=x.numel() - 1)
    for token, row in enumerate(numbers):
        for feature, number in enumerate(row):
            color = "white" if number < x.numel() / 2 else "black"
            panel.text(feature, token, number, ha="center", va="center", color=color)
    panel.set(title=title, xticks=[], yticks=range(seq_len), ylabel="token")
figure.suptitle("Where each element lies in memory")
plt.show()
