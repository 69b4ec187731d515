# %% [markdown]
# # What fewer bits do to a model
#
# Range, precision and silent promotion: what float16 and bfloat16 lose, seen on gradients, sums and token ids.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import dtypes

# %% [markdown]
# ## Two ways to spend 16 bits
#
# float16 spends them on precision, bfloat16 on range. The same number in both:

# %%
for name in ("float16", "bfloat16"):
    print(dtypes.bits(0.1, name), end="\n\n")

# %% [markdown]
# What each means for a model:

# %%
print(dtypes.when_to_use("float32", "bfloat16", "float16"))

# %% [markdown]
# ## A gradient that is gone, and an update that is
#
# Small gradients become zero in float16, so its users scale the loss and divide again. bfloat16 keeps the gradient, but
# a weight near 1 does not move by it: that is why an optimizer keeps the weights in float32.

# %%
gradient, scale = 1e-8, 2.0**16
print("float16 gradient:         ", torch.tensor(gradient, dtype=torch.float16).item())
scaled = torch.tensor(gradient * scale, dtype=torch.float16)
print(f"scaled, and divided again: {scaled.float().item() / scale:.3g}")

weight, step = 1.0, 1e-3
for dtype in (torch.bfloat16, torch.float32):
    print(f"weight {weight} + {step} in {dtype}: {(torch.tensor(weight, dtype=dtype) + step).item():.4f}")

# %% [markdown]
# ## Token ids are integers
#
# From 256 on bfloat16 skips integers: the ids come back as those of other tokens.

# %%
ids = torch.tensor([15496, 11, 995, 50256])
print("int64:   ", ids.tolist())
print("bfloat16:", ids.bfloat16().long().tolist())

# %% [markdown]
# ## One float32 tensor is enough
#
# A sum promotes without a word, and what follows takes twice the bytes. A matrix product refuses.

# %%
print(dtypes.explain("bfloat16", "float32"))

hidden = torch.ones(4, 8, dtype=torch.bfloat16)
mask = torch.zeros(4, 1)  # float32, by default
print((hidden + mask).dtype, "and with a mask of its own dtype:", (hidden + mask.to(hidden.dtype)).dtype)

# %% [markdown]
# ## The step to the next number
#
# Between two powers of two a dtype has as many numbers as the mantissa has values, so the step grows with the number.
# Where a line ends, so does the range.

# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
styles = {"float32": ("#0072B2", "-"), "bfloat16": ("#D55E00", "--"), "float16": ("#009E73", "-.")}
for name, (color, line) in styles.items():
    limits = dtypes.limits(name)
    normal = [2.0**power for power in range(-40, 41) if limits.smallest_normal <= 2.0**power <= limits.largest]
    steps = [number * limits.epsilon for number in normal]
    axes.loglog(normal, steps, line, color=color, label=f"{name}: {limits.digits} digits")
    if normal[-1] < 2.0**40:
        axes.plot(normal[-1], steps[-1], "o", color=color)
        axes.annotate(f"{limits.largest:.0f}", (normal[-1], steps[-1]), xytext=(6, -12), textcoords="offset points")
axes.axhline(1, color="0.5", linewidth=1)
axes.annotate("above: integers are skipped", (2.0**-40, 1.6), color="0.3")
axes.set(title="How far apart the numbers are", xlabel="number", ylabel="step to the next")
axes.legend()
plt.show()
