# %% [markdown]
# # The tensors on the way through a language model
#
# From token ids to logits: every shape with its meaning, and the bytes before any of it is allocated.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import anatomy

# %% [markdown]
# ## A name for every shape
#
# A model has few sizes. Once they are known, a shape says what it is: four axes with the last two equal are attention
# scores, three that end in `vocab_size` are logits.

# %%
torch.manual_seed(0)
sizes = {"batch": 2, "seq_len": 16, "embed_dim": 64, "vocab_size": 100, "num_heads": 8, "head_dim": 8}
embedding = torch.nn.Embedding(sizes["vocab_size"], sizes["embed_dim"])

ids = torch.randint(sizes["vocab_size"], (sizes["batch"], sizes["seq_len"]))
x = embedding(ids)
heads = x.unflatten(-1, (sizes["num_heads"], sizes["head_dim"])).transpose(1, 2)
weights = (heads @ heads.mT / sizes["head_dim"] ** 0.5).softmax(dim=-1)
logits = (weights @ heads).transpose(1, 2).flatten(2) @ embedding.weight.mT

for tensor in (ids, x, heads, weights, logits, logits[0, -1]):
    (role,) = anatomy.meaning(tensor.shape, dtype=tensor.dtype, **sizes)
    description = anatomy.describe(tensor)
    print(f"{description.kind:10} {description.dtype:8} {description.nbytes:7,} bytes  {role}")

# %% [markdown]
# ## One of them in full
#
# The heads are a view of the embeddings: as many bytes, and strides that no longer fall from left to right.

# %%
description = anatomy.describe(heads)
print(f"{description.kind} of shape {description.shape}, strides {description.strides}, {description.nbytes:,} bytes")

# %% [markdown]
# ## Bytes before anything is allocated
#
# Generating text keeps the keys and the values of every token so far. How many tokens fit beside the weights is
# arithmetic on shapes: here a model of eight billion parameters, with 32 layers and 8 heads of 128 for keys and values.

# %%
gib = 2**30
lengths = [2**exponent for exponent in range(10, 18)]


def cache_bytes(seq_len: int, dtype: str) -> int:
    """Return the bytes of the keys and the values of one sequence."""
    keys_and_values, layers, heads, head_dim = 2, 32, 8, 128
    return anatomy.nbytes((keys_and_values, layers, heads, seq_len, head_dim), dtype)


parameters = 8_000_000_000
for dtype in ("float32", "bfloat16", "float8_e4m3fn"):
    print(
        f"{dtype:13}  weights {anatomy.nbytes(parameters, dtype) / gib:4.1f} GiB, "
        f"8,192 tokens {cache_bytes(8192, dtype) / gib:4.2f} GiB"
    )

# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
styles = {"float32": ("#0072B2", "o"), "bfloat16": ("#D55E00", "s"), "float8_e4m3fn": ("#009E73", "^")}
for dtype, (color, marker) in styles.items():
    totals = [(anatomy.nbytes(parameters, dtype) + cache_bytes(length, dtype)) / gib for length in lengths]
    axes.plot(lengths, totals, color=color, marker=marker, label=dtype)
axes.axhline(24, color="0.4", linestyle="--")
axes.annotate("a GPU with 24 GiB", (lengths[0], 24.6), color="0.3")
axes.set_xscale("log", base=2)
axes.set_xticks(lengths, [f"{length // 1024}k" for length in lengths])
axes.set(title="Weights and cached keys and values", xlabel="tokens", ylabel="GiB", ylim=(0, 50))
axes.legend(loc="upper left", bbox_to_anchor=(0, 0.9))
plt.show()
