# %% [markdown]
# # Matrix products in a language model
#
# Scores for every pair of tokens, a weight that has to be transposed, and why writing text costs more than reading it.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import matmul

# %% [markdown]
# ## Every query by every key
#
# Attention compares each position with each other one: a matrix product of the queries with the transposed keys. Batch
# and heads are batch axes. The explanation has a column for each axis of the product.

# %%
torch.manual_seed(0)
batch, num_heads, seq_len, head_dim = 2, 8, 32, 16
query = torch.randn(batch, num_heads, seq_len, head_dim)
key = torch.randn(batch, num_heads, seq_len, head_dim)

scores = matmul.product(query, key.mT)
print(matmul.explain(query.shape, key.mT.shape, names=["query", "key.mT"]))

# %% [markdown]
# ## A weight that has to be transposed
#
# PyTorch stores the weight of a linear layer as `(out, in)`. Multiplied as it is, it does not fit; the error says what
# would.

# %%
layer = torch.nn.Linear(64, 256, bias=False)
x = torch.randn(4, 32, 64)

try:
    matmul.product(x, layer.weight)
except matmul.MatmulError as error:
    print(error)

print(torch.allclose(matmul.product(x, layer.weight.mT), layer(x), atol=1e-6))

# %% [markdown]
# ## Why writing costs more than reading
#
# A prompt of a thousand tokens goes through a weight as one product; text is written a token at a time. One token needs
# a thousandth of the arithmetic, but the whole weight has to come from memory all the same: about one operation a byte,
# where a GPU has time for hundreds.

# %%
embed_dim, hidden_dim, bfloat16 = 4096, 16384, 2
for tokens in (1, 1024):
    cost = matmul.explain((tokens, embed_dim), (embed_dim, hidden_dim), itemsize=bfloat16)
    print(
        f"{tokens:>5} tokens: {cost.flops:>15,} operations, {cost.moved_bytes:>11,} bytes, {cost.intensity:.1f} a byte"
    )

# %% [markdown]
# Requests that are answered together share the weight. The arithmetic for each byte grows with their number, until the
# activations weigh as much as the weight:

# %%
tokens = [2**power for power in range(15)]
intensity = {
    f"{width} × {4 * width}": [
        matmul.explain((count, width), (width, 4 * width), itemsize=bfloat16).intensity for count in tokens
    ]
    for width in (1024, 4096, 16384)
}

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
image = left.imshow(scores[0, 0].numpy(force=True), cmap="viridis")
left.set(title="Scores of one head", xlabel="key", ylabel="query")
figure.colorbar(image, ax=left)

for (weight, values), color, marker in zip(intensity.items(), ["#0072B2", "#D55E00", "#009E73"], "os^", strict=True):
    right.loglog(tokens, values, color=color, marker=marker, markersize=4, label=weight)
right.set(title="Operations a byte, bfloat16", xlabel="tokens multiplied together")
right.legend(title="weight")
plt.show()
