# %% [markdown]
# # RMSNorm and LayerNorm
#
# What each norm does to a vector, where bfloat16 is rounded, and why a deep model needs one.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import normalization

# %% [markdown]
# ## Two norms
#
# A layer norm subtracts the mean; RMSNorm does not. Of vectors whose mean is 0 anyway, they are the same. `torch.nn.LayerNorm`
# divides by the root of the biased variance. Code by hand often divides by `std`, which in PyTorch is the unbiased one: the
# output then differs by a constant factor, more so where there are few features.

# %%
torch.manual_seed(0)
for embed_dim in (4, 64, 1024):
    x = 3 + torch.randn(8, embed_dim)
    layer, rms = torch.nn.LayerNorm(embed_dim), torch.nn.RMSNorm(embed_dim, eps=1e-6)
    same = torch.allclose(normalization.layer_norm(x), layer(x), atol=1e-5)
    same_rms = torch.allclose(normalization.rms_norm(x), rms(x), atol=1e-5)
    centered = x - x.mean(dim=-1, keepdim=True)
    without_mean = torch.allclose(normalization.rms_norm(centered), normalization.layer_norm(x), atol=1e-4)
    ratio = (normalization.layer_norm(x) / normalization.layer_norm_unbiased(x)).mean()
    print(f"{embed_dim:5} features: as PyTorch's {same}, {same_rms}; equal without the mean {without_mean}", end="; ")
    print(f"factor to the form by hand {ratio:.4f}")

# %% [markdown]
# ## Where bfloat16 is rounded
#
# Both forms compute in float32. The Llama of Hugging Face casts to bfloat16 before it multiplies by the weight, and so rounds
# twice; `torch.nn.functional.rms_norm` casts after it. The error is measured against float64, in steps of bfloat16.

# %%
x, weight = torch.randn(1000, 64).bfloat16(), torch.randn(64).bfloat16()
exact = normalization.rms_norm(x.double(), weight.double())
steps = torch.finfo(torch.bfloat16).eps * 2.0 ** torch.floor(torch.log2(exact.abs()))
forms = {
    "cast after the weight": normalization.rms_norm(x, weight),
    "cast before the weight": normalization.rms_norm(x, weight, cast_before_weight=True),
    "float32 at no step": x / (x.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt() * weight,
}
errors = {name: ((y.double() - exact) / steps).abs() for name, y in forms.items()}
for name, error in errors.items():
    print(f"{name:22}: mean {error.mean():.2f}, largest {error.max():.1f} steps")

# %% [markdown]
# ## What happens without one
#
# Thirty layers that add their result to their input, at random weights. Without a norm each layer makes its input larger by a
# factor, and the sum grows beyond what float16 holds. With a norm before each layer, each adds about the same amount.

# %%
embed_dim, layers = 256, 30
weights = [torch.randn(embed_dim, embed_dim) / embed_dim**0.5 for _ in range(layers)]
sizes: dict[str, list[float]] = {"without a norm": [], "with RMSNorm": []}
for name, size in sizes.items():
    h = torch.randn(32, embed_dim)
    for matrix in weights:
        h = h + torch.relu((normalization.rms_norm(h) if name == "with RMSNorm" else h) @ matrix)
        size.append(h.square().mean().sqrt().item())
    print(f"{name:15}: root mean square {size[0]:.1f} after the first layer, {size[-1]:,.0f} after the last")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for (name, error), color in zip(errors.items(), ("#0072B2", "#E69F00", "#D55E00"), strict=True):
    left.hist(error.flatten().clamp(max=2).numpy(force=True), bins=40, histtype="step", color=color, label=name)
left.set(title="Errors in bfloat16", xlabel="steps of bfloat16 (2 or more at the end)", ylabel="numbers")
left.legend()
for (name, size), color in zip(sizes.items(), ("#D55E00", "#0072B2"), strict=True):
    right.semilogy(range(1, layers + 1), size, color=color, label=name)
right.axhline(torch.finfo(torch.float16).max, color="0.5", linestyle=":", label="largest number of float16")
right.set(title="Size of the vectors", xlabel="layer", ylabel="root mean square")
right.legend()
plt.show()
