# %% [markdown]
# # Layer norm and softmax
#
# The operations around attention, with what tends to go wrong: two layer norms, temperature.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import kernels

# %% [markdown]
# ## Softmax and temperature
#
# Logits divided by a temperature below 1 give a sharper distribution, above 1 a flatter one.

# %%
torch.manual_seed(0)
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
