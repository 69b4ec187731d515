# %% [markdown]
# # Generation with a key-value cache
#
# A small decoder that generates without a cache, with one that grows and with one that is static: the same logits, for other work.

# %%
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import rms_norm, scaled_dot_product_attention

from tensorref import caches

# %% [markdown]
# ## A decoder of two layers
#
# Four heads of query share two heads of keys and values. The weights are random, since only the arithmetic is of interest.

# %%
torch.manual_seed(0)
vocab_size, embed_dim, num_layers, num_heads, num_kv_heads = 50, 32, 2, 4, 2
head_dim, max_len = embed_dim // num_heads, 24
table = torch.randn(vocab_size, embed_dim)
places = torch.randn(max_len, embed_dim)
layers = [
    {
        "query": torch.randn(embed_dim, num_heads * head_dim) / embed_dim**0.5,
        "key": torch.randn(embed_dim, num_kv_heads * head_dim) / embed_dim**0.5,
        "value": torch.randn(embed_dim, num_kv_heads * head_dim) / embed_dim**0.5,
        "output": torch.randn(embed_dim, embed_dim) / embed_dim**0.5,
    }
    for _ in range(num_layers)
]


Keep = Callable[[int, str, torch.Tensor], torch.Tensor]


def logits_of(token_ids: torch.Tensor, start: int, keep: Keep) -> torch.Tensor:
    """Return the logits after the last of some tokens; `keep` takes new keys or values of a layer and returns all so far."""
    query_len = token_ids.shape[1]
    x = table[token_ids] + places[start : start + query_len]  # (batch, query_len, embed_dim)
    for number, weights in enumerate(layers):
        normal = rms_norm(x, (embed_dim,))
        query, key, value = (
            (normal @ weights[name])
            .unflatten(-1, (-1, head_dim))
            .transpose(1, 2)  # (batch, heads, query_len, head_dim)
            for name in ("query", "key", "value")
        )
        key, value = keep(number, "key", key), keep(number, "value", value)  # (batch, num_kv_heads, key_len, head_dim)
        # The prompt is causal. One new query sees every key so far.
        mixed = scaled_dot_product_attention(query, key, value, is_causal=query_len > 1, enable_gqa=True)
        x = x + mixed.transpose(1, 2).flatten(2) @ weights["output"]
    return rms_norm(x[:, -1], (embed_dim,)) @ table.mT  # (batch, vocab_size)


# %% [markdown]
# ## Three ways to keep what was computed
#
# Nothing, a tensor that `cat` makes longer, and memory that is written at the place of the token.

# %%
prompt, new_tokens = torch.randint(vocab_size, (1, 6)), 12


def generate(keep: Keep | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tokens that are likeliest at every step, and the logits of all steps."""
    token_ids, rows = prompt, []
    for step in range(new_tokens):
        if keep is None:  # all tokens again
            rows.append(logits_of(token_ids, 0, lambda _number, _name, new: new))
        else:  # the prompt at first, then the last token alone
            start = token_ids.shape[1] - 1 if step else 0
            rows.append(logits_of(token_ids[:, start:], start, keep))
        token_ids = torch.cat([token_ids, rows[-1].argmax(-1, keepdim=True)], dim=1)
    return token_ids, torch.cat(rows)


grown: dict[tuple[int, str], torch.Tensor] = {}
room = {
    (number, name): torch.zeros(1, num_kv_heads, max_len, head_dim)
    for number in range(num_layers)
    for name in ("key", "value")
}
filled = dict.fromkeys(room, 0)


def growing(number: int, name: str, new: torch.Tensor) -> torch.Tensor:
    """Keep keys and values in tensors that become longer."""
    before = grown.get((number, name), new[:, :, :0])
    grown[number, name] = caches.append(before, new)
    return grown[number, name]


def static(number: int, name: str, new: torch.Tensor) -> torch.Tensor:
    """Keep keys and values in memory that is there from the start."""
    start = filled[number, name]
    filled[number, name] += new.shape[2]
    return caches.write(room[number, name], new, start)


tokens, logits = generate(None)
for name, keep in {"growing": growing, "static": static}.items():
    same_tokens, same_logits = generate(keep)
    close = torch.allclose(same_logits, logits, atol=1e-4)
    print(f"{name:8} same tokens {torch.equal(same_tokens, tokens)}, same logits {close}")

# %% [markdown]
# ## The mistake to make once
#
# With `is_causal=True` the one query of a step is lined up with the first key, and sees no other:

# %%
query, keys = torch.randn(1, 4, 1, head_dim), torch.randn(1, 4, 9, head_dim)
print(
    "sees the first key alone:",
    torch.equal(scaled_dot_product_attention(query, keys, keys, is_causal=True), keys[:, :, :1]),
)

# %% [markdown]
# ## What the caches of real models take
#
# One sequence of 8,192 tokens in bfloat16. Fewer heads of keys and values are what makes the difference.

# %%
models = {"32 layers, 32 heads": (32, 32), "32 layers, 8 heads": (32, 8), "32 layers, 1 head": (32, 1)}
for name, (count, heads) in models.items():
    size = caches.nbytes(num_layers=count, num_kv_heads=heads, head_dim=128, seq_len=8192)
    print(f"{name:20} {size / 2**20:7,.0f} MiB")

# %%
steps = range(0, 1001, 50)
token = caches.nbytes(num_layers=32, num_kv_heads=8, head_dim=128, seq_len=1)
written = [caches.explain(1000, step, num_layers=32, num_kv_heads=8, head_dim=128).grown / 2**30 for step in steps]
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(steps, written, color="#D55E00", label="growing, by cat")
axes.plot(steps, [(1000 + step) * token / 2**30 for step in steps], color="#0072B2", label="static")
axes.set(title="Written after a prompt of 1,000 tokens", xlabel="tokens generated", ylabel="GiB")
axes.legend()
plt.show()
