# %% [markdown]
# # Single-head attention
#
# From a sentence to what attention makes of it: look up, score, mask, weigh, mix.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import scaled_dot_product_attention

from tensorref import attention, llm, masks

# %% [markdown]
# ## From words to vectors
#
# A tokenizer gives each word an id, and the embedding table has a row for each id. Attention does not see the order of the
# rows it is given, so a second table adds a vector for each position.

# %%
torch.manual_seed(0)
sentence = ["the", "cat", "saw", "the", "dog", "and", "the", "dog", "ran"]
vocabulary = {word: token_id for token_id, word in enumerate(dict.fromkeys(sentence))}
token_ids = torch.tensor([vocabulary[word] for word in sentence])

seq_len, embed_dim, head_dim = len(sentence), 32, 16
words = torch.randn(len(vocabulary), embed_dim)
positions = 0.3 * torch.randn(seq_len, embed_dim)

x = llm.layer_norm(llm.embedding(words, token_ids) + positions)
print("token ids", token_ids.tolist())
print("x        ", tuple(x.shape))

# %% [markdown]
# ## Queries, keys and values
#
# Three matrices turn each token into what it looks for, what it offers, and what it hands on. Untrained ones are random;
# here the query and the key share theirs, so that a word looks for words like itself.

# %%
w_key = torch.randn(embed_dim, head_dim) / embed_dim**0.5
w_value = torch.randn(embed_dim, head_dim) / embed_dim**0.5
query, key, value = llm.linear(x, w_key), llm.linear(x, w_key), llm.linear(x, w_value)

# %% [markdown]
# ## Scores, weights, output
#
# The scores are scaled dot products. The mask hides what comes later, softmax turns each row into weights that sum to 1,
# and the output is the weighted mean of the values.

# %%
mask = masks.causal(seq_len)
scores = attention.scores(query, key)
weights = attention.weights(scores, mask)
output = weights @ value

for name, tensor in {"query": query, "scores": scores, "weights": weights, "output": output}.items():
    print(f"{name:8}{tuple(tensor.shape)}")
print("rows sum to 1:", torch.allclose(weights.sum(dim=-1), torch.ones(seq_len)))

# %% [markdown]
# PyTorch's fused function does all of it at once, and gives the same:

# %%
fused = scaled_dot_product_attention(query, key, value, is_causal=True)
print("as PyTorch's:", torch.allclose(output, fused, atol=1e-6))

# %% [markdown]
# ## What each word looks at
#
# A row is a query, a column a key. Every *the* and *dog* finds the earlier ones; nobody looks ahead.

# %%
figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
image = axes.imshow(weights.numpy(force=True), cmap="viridis", vmin=0, vmax=1)
axes.set_xticks(range(seq_len), sentence, rotation=45)
axes.set_yticks(range(seq_len), sentence)
axes.set(title="Attention weights", xlabel="is looked at", ylabel="looks")
figure.colorbar(image, ax=axes, label="weight")
plt.show()
