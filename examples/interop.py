# %% [markdown]
# # A bigram model across two libraries
#
# Text becomes tokens in NumPy, PyTorch reads them from the same memory, and NumPy checks what it learned.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from tensorref import interop

# %% [markdown]
# ## Tokens on disk, shared with a tensor
#
# A data set of tokens is a long file of small integers. NumPy maps it into memory; with `mode="c"`, copy on write, the
# tensor shares the mapped pages and nothing is read before it is used. With `mode="r"` the array is read-only, which no
# tensor is, and the whole file would be copied. Indices have to be of dtype int64, so the model takes a copy of its part,
# and the map is closed before the file is deleted, as Windows requires.

# %%
text = "the cat sat on the mat and the rat sat on the cat; that is that. " * 20
letters = sorted(set(text))
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "tokens.bin"
    letter_ids = np.array([letters.index(letter) for letter in text], dtype=np.uint16)
    letter_ids.tofile(path)

    read_only = np.memmap(path, dtype=np.uint16, mode="r")
    print(interop.explain(read_only).notes()[0])

    mapped = np.memmap(path, dtype=np.uint16, mode="c")
    tokens = interop.to_torch(mapped, copy=False)
    print("shared:", interop.shares_memory(mapped, tokens))
    print("tokens:", tokens[:9].tolist(), tokens.dtype)

    ids = tokens.to(torch.get_default_device(), torch.int64)
    del read_only, mapped, tokens

# %% [markdown]
# ## Counted in NumPy
#
# How often does one letter follow another? The counts, divided by the sum of their row, are the best a bigram model can
# do on this text.

# %%
vocab = len(letters)
counts = np.zeros((vocab, vocab))
np.add.at(counts, (letter_ids[:-1], letter_ids[1:]), 1)
counted = counts / counts.sum(axis=1, keepdims=True)
best = -(counts * np.log(counted, where=counts > 0, out=np.zeros_like(counts))).sum() / counts.sum()

# %% [markdown]
# ## Learned in PyTorch
#
# The same as a model: a row of logits for each letter, and the cross-entropy of the next one.

# %%
logits = torch.zeros(vocab, vocab, requires_grad=True)
for _ in range(300):
    loss = torch.nn.functional.cross_entropy(logits[ids[:-1]], ids[1:])
    (gradient,) = torch.autograd.grad(loss, logits)
    with torch.no_grad():
        logits -= 15 * gradient
print(f"loss {loss.item():.3f}, the best possible {best:.3f}")

# %% [markdown]
# ## Back to NumPy
#
# The logits require grad, which NumPy would lose. The conversion is refused until the code says so:

# %%
try:
    interop.to_numpy(logits)
except interop.ConversionError as error:
    print(error)

learned = interop.to_numpy(logits.detach().softmax(dim=-1))
print(f"largest difference of a probability: {np.abs(learned - counted).max():.2f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="constrained", sharey=True)
shown = [letter.replace(" ", "␣") for letter in letters]
for ax, title, table in zip(axes, ("Counted in NumPy", "Learned in PyTorch"), (counted, learned), strict=True):
    image = ax.imshow(table, cmap="viridis", vmin=0, vmax=1)
    ax.set(title=title, xlabel="next letter")
    ax.set_xticks(range(vocab), shown)
    ax.set_yticks(range(vocab), shown)
axes[0].set_ylabel("letter")
figure.colorbar(image, ax=axes, label="probability")
plt.show()
