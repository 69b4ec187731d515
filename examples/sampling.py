# %% [markdown]
# # From logits to a text
#
# What each filter leaves of a distribution, why the order matters, and a loop with a cache, in which rows end one by
# one.

# %%
import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tensorref import sampling

torch.set_num_threads(1)  # the tensors are small

# %% [markdown]
# ## What is left
#
# Twelve tokens, from probable to improbable. Each filter sets logits to -inf, and softmax shares the 1 among the rest.

# %%
logits = -(torch.arange(12.0) ** 0.8)
ways = {
    "as it is": logits,
    "temperature 0.5": sampling.temperature(logits, 0.5),
    "top_k 6": sampling.top_k(logits, 6),
    "top_p 0.8": sampling.top_p(logits, 0.8),
    "min_p 0.05": sampling.min_p(logits, 0.05),
}
for name, filtered in ways.items():
    probabilities = filtered.softmax(dim=-1)
    print(f"{name:16} keeps {int(filtered.isfinite().sum()):2}, the best has {probabilities[0]:.3f}")

# %% [markdown]
# ## The order
#
# A temperature of 0.5 before top_p leaves fewer tokens than behind it, and a temperature of 2 more.

# %%
for value in (0.5, 2.0):
    before = sampling.top_p(sampling.temperature(logits, value), 0.8)
    behind = sampling.temperature(sampling.top_p(logits, 0.8), value)
    print(
        f"temperature {value}: {int(before.isfinite().sum())} of 12 tokens if first, {int(behind.isfinite().sum())} if last"
    )

# %% [markdown]
# ## A model with a cache
#
# One block of attention with random weights: its text says nothing, but both ways to run it must agree. With a cache a
# step reads one token, and its query sees all keys so far.

# %%
vocab_size, dim, eos_id, pad_id = 12, 32, 2, 0


class Tiny(nn.Module):
    """Embedding, attention with one head, logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(vocab_size, dim), nn.Embedding(64, dim)
        self.to_all, self.to_logits = nn.Linear(dim, 3 * dim), nn.Linear(dim, vocab_size)

    def forward(self, token_ids: Tensor, cache: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start = 0 if cache is None else cache.shape[2]
        positions = torch.arange(start, start + token_ids.shape[1])  # (seq_len,)
        x = self.embedding(token_ids) + self.positions(positions)  # (batch, seq_len, dim)
        query, *new = self.to_all(x).chunk(3, dim=-1)  # each (batch, seq_len, dim)
        kept = (
            torch.stack(new) if cache is None else torch.cat([cache, torch.stack(new)], dim=2)
        )  # (2, batch, key_len, dim)
        allowed = torch.ones(len(positions), kept.shape[2], dtype=torch.bool).tril(start)  # (seq_len, key_len)
        mixed = functional.scaled_dot_product_attention(query, *kept, attn_mask=allowed)  # (batch, seq_len, dim)
        return self.to_logits(x + mixed), kept  # (batch, seq_len, vocab_size)


torch.manual_seed(0)
model = Tiny().eval()
prompt = torch.tensor([[3, 5, 4], [7, 3, 9], [6, 6, 8]])  # (batch, prompt_len)

# %% [markdown]
# ## Generate
#
# The prompt goes in once, then each token as it is drawn. A generator of its own makes the draws repeatable, and rows
# that have ended go on with padding until all have.

# %%
generator = torch.Generator().manual_seed(3)
with torch.inference_mode():
    logits, cache = model(prompt)
    cached, rows, ended = [logits], prompt, torch.zeros(len(prompt), dtype=torch.bool)
    while not ended.all() and rows.shape[1] < 24:  # noqa: PLR2004  where a model that never ends is stopped
        last = sampling.repetition_penalty(cached[-1][:, -1], rows, 1.2)  # (batch, vocab_size)
        last[:, pad_id] = -torch.inf  # padding is no word
        last = sampling.top_p(sampling.temperature(last, 0.9), 0.95)
        drawn = sampling.draw(last, torch.rand(len(rows), generator=generator))  # (batch,)
        appended, ended = sampling.finish(drawn, ended, eos_id=eos_id, pad_id=pad_id)
        rows = torch.cat([rows, appended[:, None]], dim=1)  # (batch, seq_len)
        logits, cache = model(appended[:, None], cache)  # (batch, 1, vocab_size)
        cached.append(logits)
    torch.testing.assert_close(torch.cat(cached, dim=1), model(rows)[0])
for row in rows.tolist():
    print(" ".join(f"{token_id:2}" for token_id in row))
print("Cached logits equal uncached ones.")

# %%
figure, panels = plt.subplots(1, len(ways), figsize=(10, 2.6), sharey=True, layout="constrained")
for panel, (name, filtered) in zip(panels, ways.items(), strict=True):
    panel.bar(range(12), filtered.softmax(dim=-1).numpy(force=True), color="#0072B2")
    panel.bar(range(12), 0.02 * filtered.isneginf().numpy(force=True), color="#D55E00")
    panel.set(title=name, xticks=[])
panels[0].set_ylabel("probability")
plt.show()
