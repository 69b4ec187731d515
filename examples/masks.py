# %% [markdown]
# # Masks of attention
#
# Causal, windowed, with a prefix, padded and packed: five rules of who sees whom, and the numbers that hide what is not seen.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import scaled_dot_product_attention

from tensorref import attention, masks

# %% [markdown]
# ## Five masks
#
# True is where a query looks at a key. Masks are joined with `&` while they are boolean.

# %%
seq_len, pad_id = 8, 0
token_ids = torch.tensor([[0, 0, 7, 3, 6, 2, 9, 4]])
document_ids = masks.document_ids(torch.tensor([0, 3, 5, 8]))
causal = masks.causal(seq_len)
five = {
    "causal": causal,
    "window of 3": masks.sliding_window(seq_len, window=3),
    "prefix of 3": masks.prefix(seq_len, prefix_len=3),
    "padded on the left": (causal & masks.padding(token_ids, pad_id))[0, 0],
    "three documents": (causal & masks.documents(document_ids))[0],
}
for name, mask in five.items():
    print(f"{name:18} {int(mask.sum()):2} of {mask.numel()} pairs")

# %% [markdown]
# ## A packed row gives what its documents give alone
#
# Without the mask of documents, the second would read the first.

# %%
torch.manual_seed(0)
x = torch.randn(1, 1, seq_len, 16)
packed = scaled_dot_product_attention(x, x, x, attn_mask=five["three documents"])
alone = [scaled_dot_product_attention(part, part, part, is_causal=True) for part in x.split([3, 2, 3], dim=2)]
leaking = scaled_dot_product_attention(x, x, x, is_causal=True)
print("positions  ", masks.positions(document_ids).tolist())
print("as alone   ", torch.allclose(packed, torch.cat(alone, dim=2), atol=1e-6))
print("causal only", torch.allclose(leaking, torch.cat(alone, dim=2), atol=1e-6))

# %% [markdown]
# ## A query that sees nothing
#
# Padding at the front may look nowhere. A softmax over -inf gives nan, and over the lowest number the mean of everything, the
# hidden keys too. `attention.weights` gives 0, as PyTorch's own attention does.

# %%
mask = five["padded on the left"]
scores = torch.randn(seq_len, seq_len)
lowest = torch.finfo(scores.dtype).min
print(masks.explain(mask).warning)
print("-inf     ", torch.softmax(scores + masks.additive(mask), dim=-1)[0, :3].tolist())
print("finfo.min", torch.softmax(scores + masks.additive(mask, value=lowest), dim=-1)[0, :3].tolist())
print("weights  ", attention.weights(scores, mask)[0, :3].tolist())

# %%
figure, axes = plt.subplots(1, len(five), figsize=(11, 2.6), layout="constrained", sharey=True)
for panel, (name, mask) in zip(axes, five.items(), strict=True):
    panel.imshow(mask.numpy(force=True), cmap="Blues", vmin=0, vmax=1.4)
    panel.set(title=name, xlabel="key", xticks=range(0, seq_len, 2))
axes[0].set_ylabel("query")
plt.show()
