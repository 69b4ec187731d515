# %% [markdown]
# # Multi-head attention
#
# Split the embedding into heads, let each attend on its own, merge them again: as `nn.MultiheadAttention` does.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn

from tensorref import attention, layout, llm, masks

# %% [markdown]
# ## A layer to compare with
#
# `nn.MultiheadAttention` holds the weights. It stacks the matrices of queries, keys and values in one, transposed.

# %%
torch.manual_seed(0)
batch, seq_len, embed_dim, num_heads = 2, 12, 32, 4
layer = nn.MultiheadAttention(embed_dim, num_heads, batch_first=True)
nn.init.normal_(layer.in_proj_weight, std=0.25)
nn.init.normal_(layer.in_proj_bias, std=0.25)

x = torch.randn(batch, seq_len, embed_dim)

# %% [markdown]
# ## Split, attend, merge
#
# One product gives queries, keys and values. `split_heads` cuts the last axis into `num_heads` pieces of `head_dim` and
# moves the heads in front of the sequence, so that a batched product treats each head as a sequence of its own:
# `(batch, seq_len, embed_dim)` becomes `(batch, num_heads, seq_len, head_dim)`.


# %%
def multi_head_attention(
    x: torch.Tensor, layer: nn.MultiheadAttention, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the output, and the weights of every head."""
    projected = llm.linear(x, layer.in_proj_weight.mT, layer.in_proj_bias)
    query, key, value = (layout.split_heads(part, layer.num_heads) for part in projected.chunk(3, dim=-1))
    weights = attention.weights(attention.scores(query, key), mask)
    merged = layout.merge_heads(weights @ value)
    return llm.linear(merged, layer.out_proj.weight.mT, layer.out_proj.bias), weights


mask = masks.causal(seq_len)
output, weights = multi_head_attention(x, layer, mask)
print("weights", tuple(weights.shape))
print("output ", tuple(output.shape))

# %% [markdown]
# ## Checked against PyTorch
#
# `nn.MultiheadAttention` wants its mask the other way round, True where a token may *not* look.

# %%
theirs, their_weights = layer(x, x, x, attn_mask=~mask, average_attn_weights=False)
print("same output: ", torch.allclose(output, theirs, atol=1e-5))
print("same weights:", torch.allclose(weights, their_weights, atol=1e-5))

# %% [markdown]
# ## The mistake to make once
#
# To split with `view` alone, straight to `(batch, num_heads, seq_len, head_dim)`, gives the right shape and mixes tokens
# with heads. No error says so:

# %%
wrong = x.view(batch, num_heads, seq_len, embed_dim // num_heads)
right = layout.split_heads(x, num_heads)
print("same shape: ", wrong.shape == right.shape)
print("same values:", torch.equal(wrong, right))

# %% [markdown]
# ## Each head on its own

# %%
figure, axes = plt.subplots(1, num_heads, figsize=(9, 2.8), layout="constrained", sharey=True)
for head, panel in enumerate(axes):
    image = panel.imshow(weights[0, head].numpy(force=True), cmap="viridis", vmin=0, vmax=1)
    panel.set(title=f"Head {head}", xlabel="key")
axes[0].set_ylabel("query")
figure.colorbar(image, ax=axes, label="weight")
plt.show()
