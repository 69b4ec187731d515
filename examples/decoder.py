# %% [markdown]
# # A decoder, whole
#
# PyTorch alone: a model of today's parts learns to sort letters, is tried on sets of letters that it has not seen, and
# generates with a cache whose logits are those without one.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional

torch.manual_seed(0)
torch.set_num_threads(1)  # for tensors as small as these, threads that wait for each other cost more than they save
alphabet = "abcdefghijklmnopqrst="  # the last one asks for the answer
vocab_size, length, ignored = len(alphabet), 6, -100
dim, heads, kv_heads, head_dim, hidden, layers = 64, 4, 2, 16, 160, 2
Cache = tuple[Tensor, Tensor]  # of keys and values, each (batch, kv_heads, key_len, head_dim)

# %% [markdown]
# ## The text
#
# A row is six different letters, `=`, and the same letters sorted. A set whose letters' numbers add up to a multiple of
# five is kept for validation, so that no training row has it in any order. The order of a question is random, so that
# only the answer can be learned: the other targets are ignored.


# %%
def batch(size: int, *, validation: bool) -> tuple[Tensor, Tensor]:
    """Return rows of tokens, and for each place the token that follows, or `ignored`."""
    letters = torch.rand(8 * size + 40, vocab_size - 1).argsort(dim=1)[:, :length]  # (more, length)
    letters = letters[(letters.sum(dim=1) % 5 == 0) == validation][:size]  # (batch, length)
    asks = letters.new_full((size, 1), vocab_size - 1)  # (batch, 1)
    rows = torch.cat([letters, asks, letters.sort(dim=1).values], dim=1)  # (batch, 2 * length + 1)
    token_ids, targets = rows[:, :-1], rows[:, 1:].clone()  # both (batch, seq_len), shifted by one
    targets[:, :length] = ignored
    return token_ids, targets


def text(token_ids: Tensor) -> str:
    """Return tokens, (seq_len,), as letters."""
    return "".join(alphabet[token_id] for token_id in token_ids.tolist())


print(*(text(row) for row in batch(3, validation=False)[0]))

# %% [markdown]
# ## The model
#
# Each block adds to `x` what its attention and its SwiGLU make of the normalized `x`. Two heads of queries share one
# head of keys and values. A new token attends to the keys in the cache too, so its position is behind them.


# %%
def rotated(x: Tensor, start: int) -> Tensor:
    """Turn the pairs of each head, (batch, heads, seq_len, head_dim), by angles that grow with the position."""
    frequencies = 10000.0 ** (-torch.arange(0, head_dim, 2) / head_dim)  # (head_dim / 2,)
    positions = torch.arange(start, start + x.shape[2])  # (seq_len,)
    angles = positions[:, None] * frequencies  # (seq_len, head_dim / 2)
    cos, sin = angles.cos(), angles.sin()  # both (seq_len, head_dim / 2)
    first, second = x.chunk(2, dim=-1)  # both (batch, heads, seq_len, head_dim / 2)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)  # as x


class Block(nn.Module):
    """Attention with grouped queries, then SwiGLU, each behind an RMSNorm and added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.RMSNorm(dim, eps=1e-6), nn.RMSNorm(dim, eps=1e-6)
        self.to_query = nn.Linear(dim, heads * head_dim, bias=False)
        self.to_key_value = nn.Linear(dim, 2 * kv_heads * head_dim, bias=False)
        self.to_output = nn.Linear(heads * head_dim, dim, bias=False)
        self.to_gate_up, self.to_down = nn.Linear(dim, 2 * hidden, bias=False), nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        start, seq_len = 0 if cache is None else cache[0].shape[2], x.shape[1]
        normed = self.attention_norm(x)  # (batch, seq_len, dim)
        query = self.to_query(normed).unflatten(-1, (heads, head_dim))  # (batch, seq_len, heads, head_dim)
        query = rotated(query.transpose(1, 2), start)  # (batch, heads, seq_len, head_dim)
        both = self.to_key_value(normed).unflatten(-1, (-1, head_dim))  # (batch, seq_len, 2 * kv_heads, head_dim)
        key, value = both.transpose(1, 2).chunk(2, dim=1)  # both (batch, kv_heads, seq_len, head_dim)
        key = rotated(key, start)  # (batch, kv_heads, seq_len, head_dim)
        if cache is not None:  # both (batch, kv_heads, key_len, head_dim), key_len = start + seq_len
            key, value = (torch.cat(pair, dim=2) for pair in zip(cache, (key, value), strict=True))
        allowed = torch.ones(seq_len, key.shape[2], dtype=torch.bool).tril(start)  # (seq_len, key_len)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, enable_gqa=True
        )  # (batch, heads, seq_len, head_dim)
        x = x + self.to_output(mixed.transpose(1, 2).flatten(2))  # (batch, seq_len, dim)
        gate, up = self.to_gate_up(self.mlp_norm(x)).chunk(2, dim=-1)  # both (batch, seq_len, hidden)
        return x + self.to_down(functional.silu(gate) * up), (key, value)  # (batch, seq_len, dim)


class Decoder(nn.Module):
    """Tokens to logits of the next token, through all blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm, self.to_logits = nn.RMSNorm(dim, eps=1e-6), nn.Linear(dim, vocab_size, bias=False)

    def forward(self, token_ids: Tensor, caches: list[Cache] | None = None) -> tuple[Tensor, list[Cache]]:
        x, grown = self.embedding(token_ids), []  # (batch, seq_len, dim)
        for layer, block in enumerate(self.blocks):
            x, cache = block(x, caches[layer] if caches else None)  # (batch, seq_len, dim)
            grown.append(cache)
        return self.to_logits(self.norm(x)), grown  # (batch, seq_len, vocab_size)


model = Decoder()
print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")

# %% [markdown]
# ## Train it
#
# AdamW with a warm-up and a cosine, and gradients clipped by their norm. The loss of a model that guesses among 20
# letters is 3.0.


# %%
def loss_of(token_ids: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss over the targets that count, of shape ()."""
    logits, _ = model(token_ids)  # (batch, seq_len, vocab_size)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=ignored)


steps, warmup, every = 120, 20, 20
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.95), weight_decay=0.1)
rates = torch.optim.lr_scheduler.SequentialLR(
    optimizer,
    [
        torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - warmup, eta_min=2e-4),
    ],
    [warmup],
)
held_out = batch(256, validation=True)
seen, unseen = [], []
for step in range(steps + 1):
    if step % every == 0:
        with torch.no_grad():
            unseen.append(loss_of(*held_out).item())
        print(f"step {step:3}  loss on unseen sets {unseen[-1]:.4f}")
    loss = loss_of(*batch(64, validation=False))
    seen.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    rates.step()

# %% [markdown]
# ## Generate
#
# The question goes through the model once. Then each step gives one token, and the cache has what the earlier ones
# left. The logits of every step are held against those of the whole row without a cache.

# %%
question = held_out[0][:, : length + 1]  # (batch, length + 1)
with torch.inference_mode():
    logits, caches = model(question)  # (batch, length + 1, vocab_size)
    cached, answer = [logits], []
    for _ in range(length):
        answer.append(cached[-1][:, -1:].argmax(dim=-1))  # (batch, 1)
        logits, caches = model(answer[-1], caches)  # (batch, 1, vocab_size)
        cached.append(logits)
    row = torch.cat([question, *answer], dim=1)  # (batch, 2 * length + 1)
    torch.testing.assert_close(torch.cat(cached, dim=1), model(row)[0], rtol=1e-4, atol=1e-4)

right = (row[:, length + 1 :] == question[:, :length].sort(dim=1).values).all(dim=1)  # (batch,)
print(*(text(each) for each in row[:5]), sep="\n")
print(f"{int(right.sum())} of {len(right)} sets that it has not seen are sorted; cached logits equal uncached ones")

# %% [markdown]
# ## Draw it
#
# This cell alone needs matplotlib.

# %%
import matplotlib.pyplot as plt  # noqa: E402  all above runs without it

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(seen, color="#0072B2", linewidth=1, label="training")
axes.plot(range(0, steps + 1, every), unseen, "o-", color="#D55E00", label="sets that it has not seen")
axes.set(title="Loss of the answers", xlabel="step", yscale="log")
axes.legend()
plt.show()
