# %% [markdown]
# # A weight in eight bits, in four, and in float8
#
# What is lost by how many numbers share a scale, what an outlier does, and a small model that still works with its weights in
# four bits.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional

from tensorref import quantization

# %% [markdown]
# ## By hand, in PyTorch alone
#
# A scale for each row: divide, round, store as int8; then multiply again.

# %%
torch.manual_seed(0)
weight = torch.randn(256, 512) / 512**0.5
scale = weight.abs().amax(dim=-1, keepdim=True) / 127
numbers = (weight / scale).round().to(torch.int8)
error = (numbers * scale - weight).abs()
print("numbers", numbers.dtype, tuple(numbers.shape), "scale", tuple(scale.shape))
print(f"The largest error is {(error / scale).max():.4f} scales, at most a half.")

quantized = quantization.quantize(weight, per="channel")
print("As the function gives it:", torch.equal(quantized.numbers, numbers))

# %% [markdown]
# ## What an outlier does
#
# One weight of 20, as some models have. It decides the scale of all that share it.

# %%
outlier = 3
weight[outlier, 5] = 20
others = torch.arange(len(weight)) != outlier
ways = {
    "int8, tensor": ("int8", {}),
    "int8, channel": ("int8", {"per": "channel"}),
    "float8_e4m3fn, channel": ("float8_e4m3fn", {"per": "channel"}),
    "int4, channel": ("int4", {"per": "channel"}),
    "int4, group of 128": ("int4", {"per": "group", "group_size": 128}),
    "int4, group of 32": ("int4", {"per": "group", "group_size": 32}),
}
bits, noise = [], []
for name, (dtype, options) in ways.items():
    bits.append(quantization.explain(weight.shape, dtype, **options, scale_dtype="float16").bits)
    rounded = quantization.dequantize(quantization.quantize(weight, dtype, **options))
    noise.append(((rounded - weight)[others].norm() / weight[others].norm()).item())
    print(f"{name:23} {bits[-1]:6.3f} bits, relative error of the other rows {noise[-1]:.4f}")

# %%
figure, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
bars = ax.barh([f"{name} ({size:.3g} bits)" for name, size in zip(ways, bits, strict=True)], noise, color="#0072B2")
ax.bar_label(bars, fmt="{:.3f}", padding=4)
ax.set(xscale="log", xlabel="relative error", title="Rows without the outlier")
ax.invert_yaxis()
ax.margins(x=0.2)
plt.show()

# %% [markdown]
# ## A model with weights in four bits
#
# Train a small classifier of points on two spirals, then put its weights in int4 and multiply with the scales.

# %%
turns = torch.rand(400) * 2 + 0.5
side = torch.arange(400) % 2
angles = turns * torch.pi + side * torch.pi
points = torch.stack([angles.cos(), angles.sin()], -1) * turns[:, None] + 0.05 * torch.randn(400, 2)
model = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(150):
    loss = functional.cross_entropy(model(points[:300]), side[:300])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    hidden = points[300:]
    for layer in model:
        if isinstance(layer, nn.Linear):
            packed = quantization.quantize(layer.weight, "int4", per="channel")
            hidden = quantization.linear(hidden, packed) + layer.bias
        else:
            hidden = layer(hidden)
    right = [(logits.argmax(-1) == side[300:]).float().mean() for logits in (model(points[300:]), hidden)]
print(f"Points it has not seen: {right[0]:.1%} right in float32, {right[1]:.1%} in int4.")
