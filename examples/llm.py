# %% [markdown]
# # Layer norm and softmax
#
# The operations around attention, with what tends to go wrong: two layer norms, temperature.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import kernels, llm

# %% [markdown]
# ## Two layer norms
#
# `torch.nn.LayerNorm` divides by the root of the biased variance. Code by hand often divides by `std`, which in PyTorch is
# the unbiased one. The outputs differ by a constant factor, more so where there are few features:

# %%
torch.manual_seed(0)
for embed_dim in (4, 64, 1024):
    x = torch.randn(8, embed_dim)
    layer = torch.nn.LayerNorm(embed_dim)
    same = torch.allclose(llm.layer_norm(x), layer(x), atol=1e-5)
    ratio = (llm.layer_norm(x) / llm.layer_norm_unbiased(x)).mean()
    print(f"{embed_dim:5} features: as PyTorch's {same}, factor to the form by hand {ratio:.4f}")

# %% [markdown]
# ## Softmax and temperature
#
# Logits divided by a temperature below 1 give a sharper distribution, above 1 a flatter one.

# %%
logits = torch.tensor([2.0, 1.0, 0.1, -1.0])
temperatures = (0.5, 1.0, 2.0)
for temperature in temperatures:
    probabilities = kernels.softmax(logits / temperature)
    print(f"temperature {temperature}: {[f'{p:.2f}' for p in probabilities.tolist()]}")

# %%
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
for temperature, color in zip(temperatures, ("#0072B2", "#009E73", "#D55E00"), strict=True):
    probabilities = kernels.softmax(logits / temperature)
    axes.plot(probabilities.numpy(force=True), "o-", color=color, label=f"T = {temperature}")
axes.set(title="Softmax by temperature", xlabel="token", ylabel="probability", xticks=range(len(logits)), ylim=(0, 1))
axes.legend()
plt.show()
