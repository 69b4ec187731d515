# %% [markdown]
# # Softmax and masks
#
# The operations around attention, with what tends to go wrong: temperature, padding, empty rows.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import kernels, llm

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

# %% [markdown]
# ## Masks that combine
#
# Two prompts, the second padded *on the left*, as is usual when text is generated. The causal mask and the padding mask
# are joined with `&`. The padding at the front may then look nowhere: its rows of weights are 0, where a softmax over
# `-inf` gives nan.

# %%
pad_id = 0
token_ids = torch.tensor([[5, 8, 2, 9, 4], [0, 0, 7, 3, 6]])
seq_len = token_ids.shape[1]
mask = llm.causal_mask(seq_len) & llm.padding_mask(token_ids, pad_id)
scores = torch.randn(2, 1, seq_len, seq_len)

weights = llm.attention_weights(scores, mask)
naive = torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
print("mask   ", tuple(mask.shape))
print("weights", "nan" if weights.isnan().any() else "no nan", weights[1, 0].sum(dim=-1).round(decimals=4).tolist())
print("softmax", "nan" if naive.isnan().any() else "no nan", naive[1, 0].sum(dim=-1).round(decimals=4).tolist())

# %%
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3), layout="constrained")
for temperature, color in zip(temperatures, ("#0072B2", "#009E73", "#D55E00"), strict=True):
    probabilities = kernels.softmax(logits / temperature)
    left.plot(probabilities.numpy(force=True), "o-", color=color, label=f"T = {temperature}")
left.set(title="Softmax by temperature", xlabel="token", ylabel="probability", xticks=range(len(logits)), ylim=(0, 1))
left.legend()
for panel, sequence, title in ((middle, 0, "Causal"), (right, 1, "Causal, padded on the left")):
    image = panel.imshow(weights[sequence, 0].numpy(force=True), cmap="viridis", vmin=0, vmax=1)
    panel.set(title=title, xlabel="key", ylabel="query")
figure.colorbar(image, ax=(middle, right), label="weight")
plt.show()
