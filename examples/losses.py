# %% [markdown]
# # Which number is the loss?
#
# The shift by one, what padding does to a mean, and what a mean of means is.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn import functional

from tensorref import losses

# %% [markdown]
# ## What predicts what
#
# The logits at each place predict the next token. The last ones predict what the text does not have.

# %%
words = ["the", "cat", "sat", "on", "the", "mat", "."]
vocabulary = sorted({*words})
token_ids = torch.tensor([[vocabulary.index(word) for word in words]])
logits = torch.zeros(1, len(words), len(vocabulary))  # of a model that knows nothing

predictions, targets = losses.shift(logits, token_ids)
for read, target in zip(words[:-1], targets[0].tolist(), strict=True):
    print(f"after {read:4} the target is {vocabulary[target]}")
loss = losses.next_token_loss(logits, token_ids)
print(f"loss {loss:.4f}, perplexity {losses.perplexity(loss):.4f} of {len(vocabulary)} words")

# %% [markdown]
# ## In PyTorch
#
# The same is a slice, and batch and sequence joined into one axis. A model that repeats the word it has just read is
# the best one where the shift was forgotten.

# %%
repeats = 9 * functional.one_hot(token_ids, len(vocabulary)).float()
forgotten = functional.cross_entropy(repeats.flatten(0, 1), token_ids.flatten())
shifted = functional.cross_entropy(repeats[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten())
print(f"a model that repeats: {forgotten:.4f} without the shift, {shifted:.4f} with it")

# %% [markdown]
# ## What counts
#
# Two sequences of 8 and of 2 tokens, padded to 8. The model is right about the padding, and unsure about the short one.
# Only the last of three means is that of the ten tokens.

# %%
torch.manual_seed(0)
vocab_size, pad_id, ignored = 50, 0, -100  # cross_entropy ignores -100 by default
token_ids = torch.randint(1, vocab_size, (2, 8))
token_ids[1, 2:] = pad_id
logits = torch.randn(2, 8, vocab_size)
logits[0].scatter_(-1, token_ids[0, :, None], 6.0)
logits[1, 2:, pad_id] = 9.0

each = functional.cross_entropy(logits.mT, token_ids, reduction="none")  # the classes on axis 1
labels = token_ids.masked_fill(token_ids == pad_id, ignored)
means = {
    "all places": each.mean(),
    "mean of the means of rows": torch.stack(
        [losses.cross_entropy(*row) for row in zip(logits, labels, strict=True)]
    ).mean(),
    "all tokens": losses.cross_entropy(logits, labels),
}
for name, mean in means.items():
    print(f"{name:26} loss {mean:.3f}  perplexity {losses.perplexity(mean):7.2f}")
print("As PyTorch's:", torch.allclose(functional.cross_entropy(logits.mT, labels), means["all tokens"]))

# %% [markdown]
# ## In batches
#
# Sums and counts add. That is how batches, and devices, come to one loss.

# %%
total, count = 0.0, 0
for row, label in zip(logits, labels, strict=True):
    total += functional.cross_entropy(row, label, reduction="sum").item()
    count += int((label != ignored).sum())
print(f"{total:.3f} / {count} = {total / count:.3f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", width_ratios=[3, 2])
shown = left.imshow(each.numpy(force=True), cmap="viridis", aspect="auto")
for row, places in enumerate(labels.tolist()):
    for place, label in enumerate(places):
        if label == ignored:
            left.text(place, row, "pad", ha="center", va="center", color="white")
left.set(title="Loss of each place", xlabel="place", ylabel="sequence", yticks=[0, 1])
figure.colorbar(shown, ax=left)
bars = right.barh([*means], [mean.item() for mean in means.values()], color=["#D55E00", "#E69F00", "#009E73"])
right.bar_label(bars, fmt="{:.2f}", padding=3)
right.invert_yaxis()
right.margins(x=0.2)
right.set(title="Three means")
plt.show()
