# %% [markdown]
# # The first weights of a model
#
# Embeddings, a norm and linear layers created much as GPT-2 does it, and why the scale of random weights matters.

# %%
import matplotlib.pyplot as plt

from tensorref import creation

# %% [markdown]
# ## What starts as what
#
# Embeddings and linear layers start as small normal random numbers, biases as zeros, the scales of a norm as ones. Each
# has a seed of its own, so that adding a layer does not change the numbers of the others.

# %%
vocab_size, max_len, embed_dim = 1000, 32, 64

parameters = {
    "token embedding": creation.normal((vocab_size, embed_dim), seed=0, std=0.02),
    "position embedding": creation.normal((max_len, embed_dim), seed=1, std=0.02),
    "norm scale": creation.ones(embed_dim),
    "norm shift": creation.zeros(embed_dim),
    "feed-forward weight": creation.normal((embed_dim, 4 * embed_dim), seed=2, std=0.02),
    "feed-forward bias": creation.zeros(4 * embed_dim),
}
for name, tensor in parameters.items():
    print(f"{name:20} {tuple(tensor.shape)!s:11} {tensor.dtype}  mean {tensor.mean():z.2f}  std {tensor.std():.2f}")

# %% [markdown]
# ## A batch of tokens
#
# Sequences of tokens come as lists. Those of unequal length are refused, with the place where they differ:

# %%
try:
    creation.from_list([[5, 23, 7], [42]])
except ValueError as error:
    print(error)

ids = creation.from_list([[5, 23, 7], [42, 0, 0]])
positions = creation.arange(ids.shape[1])
x = parameters["token embedding"][ids] + parameters["position embedding"][positions]
print("x", tuple(x.shape), x.dtype)

# %% [markdown]
# ## Why the scale matters
#
# A weight of shape `(n, n)` with standard deviation `s` multiplies the size of what passes through it by about
# `s * sqrt(n)`. Thirty layers of it vanish or explode, unless `s` is `1 / sqrt(n)`.

# %%
depth, width = 30, 128
factors = {"0.5 / sqrt(n)": 0.5, "1 / sqrt(n)": 1.0, "1.5 / sqrt(n)": 1.5}
sizes = {}
for name, factor in factors.items():
    signal = creation.normal((256, width), seed=100)
    sizes[name] = [signal.std().item()]
    for layer in range(depth):
        weight = creation.normal((width, width), seed=layer, std=factor / width**0.5)
        signal = signal @ weight
        sizes[name].append(signal.std().item())
    print(f"std {name:13} after {depth} layers: about {sizes[name][-1]:.0e}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
weight = parameters["feed-forward weight"]
left.hist(weight.flatten().numpy(force=True), bins=60, color="#56B4E9")
left.set(title="Feed-forward weight, std 0.02", xlabel="value", ylabel="count")
for (name, values), color, style in zip(
    sizes.items(), ["#0072B2", "#009E73", "#D55E00"], ["--", "-", ":"], strict=True
):
    right.semilogy(values, style, color=color, label=f"std {name}")
right.set(title="Size of the signal", xlabel="layer", ylabel="standard deviation")
right.legend()
plt.show()
