# %% [markdown]
# # Grouped-query attention
#
# Heads of query that share keys and values: how the heads are paired, what that saves, and which kernel PyTorch takes.

# %%
import warnings

import matplotlib.pyplot as plt
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from tensorref import attention

# %% [markdown]
# ## The shapes on the way
#
# Eight heads of query, two of keys and values. Nothing is computed here but shapes.

# %%
batch, seq_len, embed_dim, num_heads, num_kv_heads = 4, 32, 64, 8, 2
print(attention.explain((batch, seq_len, embed_dim), num_heads, num_kv_heads=num_kv_heads))

# %% [markdown]
# ## Three ways to repeat, one of them wrong
#
# Head 0 to 3 of query use head 0 of the keys. `repeat` lays the heads out as 0, 1, 0, 1 and so on.

# %%
torch.manual_seed(0)
head_dim = embed_dim // num_heads
query = torch.randn(batch, num_heads, seq_len, head_dim)
key, value = torch.randn(2, batch, num_kv_heads, seq_len, head_dim)
right = scaled_dot_product_attention(query, key, value, enable_gqa=True)

groups = num_heads // num_kv_heads
ways = {
    "expand, flatten": lambda x: x[:, :, None].expand(-1, -1, groups, -1, -1).flatten(1, 2),
    "repeat_interleave": lambda x: x.repeat_interleave(groups, dim=1),
    "repeat": lambda x: x.repeat(1, groups, 1, 1),
}
for name, repeat in ways.items():
    same = torch.allclose(scaled_dot_product_attention(query, repeat(key), repeat(value)), right, atol=1e-6)
    print(f"{name:18} as enable_gqa: {same}, bytes {repeat(key).nbytes:,} for {key.nbytes:,}")

# %% [markdown]
# ## Which kernel runs
#
# PyTorch's own attention is fused for some inputs, and stores all weights for others. Where the fused kernel alone is allowed, it
# raises for what it does not take.

# %%
inputs = {
    "four axes, causal": ((query, query, query), {"is_causal": True}),
    "shared heads, enable_gqa": ((query, key, value), {"enable_gqa": True}),
    "one head that broadcasts": ((query, key[:, :1], value[:, :1]), {}),
    "three axes": ((query[0], query[0], query[0]), {}),
    "dropout": ((query, query, query), {"dropout_p": 0.1}),
    "values of another size": ((query, query, query[..., :4]), {}),
}
for name, (given, options) in inputs.items():
    try:
        with warnings.catch_warnings(action="ignore"), sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            scaled_dot_product_attention(*given, **options)
        print(f"{name:26}fused")
    except RuntimeError:
        print(f"{name:26}plain")

# %% [markdown]
# ## Who uses which keys

# %%
pairs = {
    "enable_gqa": [head // groups for head in range(num_heads)],
    "repeat": [head % num_kv_heads for head in range(num_heads)],
}
figure, axes = plt.subplots(figsize=(7, 2.4), layout="constrained")
axes.imshow([*pairs.values()], cmap="Set2", aspect="auto", vmin=0, vmax=7)
for row, heads in enumerate(pairs.values()):
    for head, used in enumerate(heads):
        axes.text(head, row, str(used), ha="center", va="center")
axes.set_xticks(range(num_heads), [f"query {head}" for head in range(num_heads)])
axes.set_yticks(range(len(pairs)), [*pairs])
axes.set(title="The head of keys and values that each head of query meets")
plt.show()
