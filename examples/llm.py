# %% [markdown]
# # A language model, step by step
#
# From token ids to the next token: a block of today's parts, and the shape that each step leaves.

# %%
import math

import matplotlib.pyplot as plt
import torch

from tensorref import activations, attention, layout, llm, losses, masks, normalization, positions, sampling

# %% [markdown]
# ## Token ids and weights
#
# Two sequences of six tokens. Four heads of queries share two heads of keys and values. The weights are random.

# %%
torch.manual_seed(0)
batch, seq_len, vocab_size, embed_dim, num_heads, num_kv_heads = 2, 6, 50, 32, 4, 2
head_dim = embed_dim // num_heads
hidden_dim = activations.hidden_dim(embed_dim, multiple_of=8)


def weight(n_in: int, n_out: int) -> torch.Tensor:
    return torch.randn(n_in, n_out) / math.sqrt(n_in)


table = torch.randn(vocab_size, embed_dim)
w_query, w_out = weight(embed_dim, embed_dim), weight(embed_dim, embed_dim)
w_key, w_value = (weight(embed_dim, num_kv_heads * head_dim) for _ in range(2))
gate, up, down = weight(embed_dim, hidden_dim), weight(embed_dim, hidden_dim), weight(hidden_dim, embed_dim)
token_ids = torch.randint(vocab_size, (batch, seq_len))
print(f"token ids   {tuple(token_ids.shape)}")

# %% [markdown]
# ## Attention
#
# Queries and keys are turned by their positions. The result is added to what came in.

# %%
x = llm.embedding(table, token_ids)
print(f"embeddings  {tuple(x.shape)}")
normed = normalization.rms_norm(x)
query = layout.split_heads(llm.linear(normed, w_query), num_heads)
key = layout.split_heads(llm.linear(normed, w_key), num_kv_heads)
value = layout.split_heads(llm.linear(normed, w_value), num_kv_heads)
print(f"queries     {tuple(query.shape)}")
print(f"keys        {tuple(key.shape)}")
places = torch.arange(seq_len)
query, key = positions.rotate(query, places), positions.rotate(key, places)
mask = masks.causal(seq_len)
weights = attention.weights(attention.scores(query, key, enable_gqa=True), mask)
print(f"weights     {tuple(weights.shape)}")
mixed = attention.output(query, key, value, mask, enable_gqa=True)
x = x + llm.linear(layout.merge_heads(mixed), w_out)
print(f"block       {tuple(x.shape)}")

# %% [markdown]
# Each query spreads a weight of 1 over the keys that it may see:

# %%
figure, panels = plt.subplots(1, num_heads, figsize=(9, 2.6), layout="constrained")
for head, panel in enumerate(panels):
    panel.imshow(weights[0, head].numpy(force=True), cmap="viridis", vmin=0, vmax=1)
    panel.set(title=f"head {head}", xlabel="key", xticks=range(seq_len), yticks=range(seq_len))
panels[0].set_ylabel("query")
plt.show()

# %% [markdown]
# ## Feed-forward layer, logits and loss
#
# The table of the embedding gives the logits too. With random weights the loss is no better than that of a guess,
# log(50).

# %%
x = x + activations.swiglu(normalization.rms_norm(x), gate, up, down)
logits = llm.linear(normalization.rms_norm(x), table.mT * embed_dim**-0.5)
print(f"logits      {tuple(logits.shape)}")
loss = losses.next_token_loss(logits, token_ids)
print(f"loss        {tuple(loss.shape)} {loss.item():.2f}, of a guess {torch.tensor(vocab_size).log().item():.2f}")

# %% [markdown]
# ## The next token
#
# The logits of the last token say what comes next.

# %%
next_ids = sampling.greedy(logits[:, -1])
print(f"next ids    {tuple(next_ids.shape)}")
token_ids = torch.cat([token_ids, next_ids[:, None]], dim=1)
print(f"token ids   {tuple(token_ids.shape)}")
