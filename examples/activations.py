# %% [markdown]
# # GELU, SiLU and a gated layer
#
# Two GELUs that are not the same, the three matrices of SwiGLU, and what a gate costs.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import gelu, relu, silu

from tensorref import activations

# %% [markdown]
# ## Two GELUs
#
# A model trained with one and run with the other is off by a little in each layer. A layer of random weights shows how much,
# beside what bfloat16 alone does.

# %%
torch.manual_seed(0)
x = torch.linspace(-5, 5, 1001)
difference = activations.gelu(x, approximate="tanh") - activations.gelu(x)
print(f"the two GELUs differ by up to {difference.abs().max():.6f}, at x = {x[difference.abs().argmax()]:.2f}")

embed_dim, hidden_dim = 64, 256
hidden = torch.randn(32, embed_dim)  # (tokens, embed_dim)
up, down = torch.randn(embed_dim, hidden_dim) / 8, torch.randn(hidden_dim, embed_dim) / 16
exact = gelu(hidden @ up) @ down  # (tokens, embed_dim)
tanh = gelu(hidden @ up, approximate="tanh") @ down
half = (gelu(hidden.bfloat16() @ up.bfloat16()) @ down.bfloat16()).float()
for name, result in {"the other GELU": tanh, "bfloat16": half}.items():
    print(f"{name:14}: off by {(result - exact).abs().mean() / exact.abs().mean():.3%} on average")

# %% [markdown]
# ## Three matrices
#
# `nn.Linear` stores each one transposed. Gate and up have one shape, so that exchanging them raises nothing.

# %%
gate_layer, up_layer = (torch.nn.Linear(embed_dim, hidden_dim, bias=False) for _ in range(2))
down_layer = torch.nn.Linear(hidden_dim, embed_dim, bias=False)
with torch.no_grad():
    theirs = down_layer(silu(gate_layer(hidden)) * up_layer(hidden))
    weights = [layer.weight.mT for layer in (gate_layer, up_layer, down_layer)]
    ours = activations.swiglu(hidden, *weights)
    exchanged = activations.swiglu(hidden, weights[1], weights[0], weights[2])
for layer, name in ((gate_layer, "gate"), (up_layer, "up"), (down_layer, "down")):
    print(f"{name:4} stored as {tuple(layer.weight.shape)}")
print(
    "as modules:", torch.allclose(ours, theirs, atol=1e-6), " gate and up exchanged:", torch.allclose(exchanged, theirs)
)

# %% [markdown]
# ## What a gate costs
#
# Three matrices of 8/3 of the size instead of two of 4 times the size: as many parameters but for the rounding up.

# %%
sizes = {"7B": (4096, 256, 1.0), "13B": (5120, 256, 1.0), "70B": (8192, 4096, 1.3)}
ratios = {}
for name, (dim, multiple_of, multiplier) in sizes.items():
    wide = activations.hidden_dim(dim, multiple_of=multiple_of, multiplier=multiplier)
    count = activations.parameter_count(dim, wide)
    ratios[name] = count / activations.parameter_count(dim, 4 * dim, gated=False)
    print(f"Llama 2 {name:3}: hidden size {wide:6,}, {count:12,} parameters a layer, {ratios[name]:.2f} of a plain one")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
curves = [
    ("ReLU", relu(x), "0.5"),
    ("SiLU", activations.silu(x), "#0072B2"),
    ("GELU", activations.gelu(x), "#D55E00"),
]
for name, y, color in curves:
    left.plot(x.numpy(force=True), y.numpy(force=True), color=color, label=name)
left.set(title="Activations", xlabel="x", ylim=(-0.5, 3))
left.legend()
right.plot(x.numpy(force=True), 1000 * difference.numpy(force=True), color="#009E73")
right.set(title="GELU by tanh less the exact one", xlabel="x", ylabel="thousandths")
plt.show()
