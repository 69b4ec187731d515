# %% [markdown]
# # The next token
#
# A batch of prompts of different lengths, and the probability of every token that could come next.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import cross_entropy

from tensorref import attention, indexing, kernels, layout, llm, masks

# %% [markdown]
# ## A language to learn
#
# Seven words, and a rule that takes some memory: the sentence says again what it began with.

# %%
torch.manual_seed(0)
words = ["<pad>", "cats", "dogs", "birds", "sleep", "and", "eat"]
index = {word: token_id for token_id, word in enumerate(words)}
sentences = [
    f"{animal} {verb} and {animal} {other}".split()
    for animal in ("cats", "dogs", "birds")
    for verb, other in (("sleep", "eat"), ("eat", "sleep"))
]
corpus = torch.tensor([[index[word] for word in sentence] for sentence in sentences])
print("corpus", tuple(corpus.shape))

# %% [markdown]
# ## A model of one block
#
# Look up the tokens and their positions, attend with two heads, and compare what comes out with every row of the embedding
# table: the table serves twice, to read and to write. Queries see neither the future nor the padding.

# %%
vocab_size, seq_len, embed_dim, num_heads = len(words), corpus.shape[1], 32, 2


def normal(*shape: int) -> torch.Tensor:
    """Return a parameter of small random numbers."""
    return (0.05 * torch.randn(*shape)).requires_grad_()


tokens, positions = normal(vocab_size, embed_dim), normal(seq_len, embed_dim)
w_qkv, w_out = normal(embed_dim, 3 * embed_dim), normal(embed_dim, embed_dim)


def logits(token_ids: torch.Tensor) -> torch.Tensor:
    """Return a logit for every word after every token: (batch, seq_len, vocab_size)."""
    length = token_ids.shape[1]
    x = llm.embedding(tokens, token_ids) + positions[:length]
    query, key, value = (
        layout.split_heads(part, num_heads) for part in llm.linear(llm.layer_norm(x), w_qkv).chunk(3, dim=-1)
    )
    mask = masks.causal(length) & masks.padding(token_ids, index["<pad>"])
    x = x + llm.linear(layout.merge_heads(attention.output(query, key, value, mask)), w_out)
    return llm.linear(llm.layer_norm(x), tokens.mT)


# %% [markdown]
# ## Train it
#
# The prediction after each token is held against the token that follows. Gradient descent with momentum is three lines;
# `torch.optim` has better for real models.

# %%
parameters = [tokens, positions, w_qkv, w_out]
velocities = [torch.zeros_like(parameter) for parameter in parameters]
losses = []
for _ in range(150):
    predicted, following = logits(corpus[:, :-1]), corpus[:, 1:]
    loss = cross_entropy(predicted.reshape(-1, vocab_size), following.reshape(-1))
    losses.append(loss.item())
    with torch.no_grad():
        for parameter, velocity, gradient in zip(
            parameters, velocities, torch.autograd.grad(loss, parameters), strict=True
        ):
            velocity.mul_(0.9).add_(gradient)
            parameter.sub_(0.05 * velocity)
print(f"loss at first {losses[0]:.1f}, at last {losses[-1]:.1f}")

# %% [markdown]
# ## Ask it
#
# Prompts of different lengths are filled up with padding. The answer of each stands at its last token, not at the end of
# the row: `indexing.last` picks it by the length of the prompt. Softmax makes probabilities of the logits.

# %%
prompts = ["cats sleep and", "dogs", "birds eat and birds"]
split = [prompt.split() for prompt in prompts]
longest = max(map(len, split))
padded = [prompt + ["<pad>"] * (longest - len(prompt)) for prompt in split]
token_ids = torch.tensor([[index[word] for word in prompt] for prompt in padded])
lengths = torch.tensor([len(prompt) for prompt in split])

with torch.no_grad():
    every = logits(token_ids)
    probabilities = kernels.softmax(indexing.last(every, lengths))

print("logits       ", tuple(every.shape))
print("probabilities", tuple(probabilities.shape))
for prompt, row in zip(prompts, probabilities, strict=True):
    likely = [f"{word} {p:.2f}" for word, p in zip(words, row.tolist(), strict=True) if round(p, 1)]
    print(f"{prompt} → {', '.join(likely)}")

# %%
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
colors = ["#0072B2", "#D55E00", "#009E73"]
for place, (prompt, row, color) in enumerate(zip(prompts, probabilities, colors, strict=True)):
    spots = [position + 0.27 * (place - 1) for position in range(vocab_size)]
    axes.bar(spots, row.numpy(force=True), 0.25, color=color, label=f"{prompt} …")
axes.set_xticks(range(vocab_size), words)
axes.set(title="What comes next", ylabel="probability", ylim=(0, 1))
axes.legend(loc="upper center")
plt.show()
