# %% [markdown]
# # Broadcasting in a language model
#
# A bias for every token, a causal mask over attention scores, and the bug that broadcasting lets pass.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import broadcasting

# %% [markdown]
# ## A bias for every token
#
# A bias has one value per feature. Its shape `(8,)` lines up with the last axis of the embeddings and repeats along the
# batch and the sequence, without being copied: the stride of a repeated axis is 0.

# %%
torch.manual_seed(0)
batch, seq_len, embed_dim = 2, 6, 8
embeddings = torch.randn(batch, seq_len, embed_dim)
bias = torch.randn(embed_dim)

shifted = broadcasting.add_bias(embeddings, bias)
print(broadcasting.explain(embeddings.shape, bias.shape, names=["embeddings", "bias"]))

# %% [markdown]
# An element that is used many times collects the gradient of every use: the gradient of the bias sums over the axes
# along which it repeats.

# %%
gradient = torch.ones_like(shifted)
print(broadcasting.sum_to_size(gradient, bias.shape))

# %% [markdown]
# ## A causal mask over attention scores
#
# A token attends to itself and to what came before. Positions as a column against positions as a row give the table of
# all pairs, `(seq_len, 1)` with `(seq_len,)`; here that is what we want. The mask of shape `(seq_len, seq_len)` then
# repeats for every sequence of the batch.

# %%
positions = torch.arange(seq_len)
allowed = positions[:, None] >= positions

scores = embeddings @ embeddings.mT / embed_dim**0.5
weights = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)

print("scores ", tuple(scores.shape))
print("allowed", tuple(allowed.shape))
print("first rows:", weights[0, :3].round(decimals=2), sep="\n")

# %% [markdown]
# ## The bug that raises no error
#
# A linear layer returns predictions of shape `(n, 1)`; the targets have the shape `(n,)`. Their difference should have
# `n` elements. It has `n * n`, and the mean of its square is least when every prediction is the mean of all targets.

# %%
n = 64
x = torch.linspace(-1, 1, n)[:, None]
target = (3 * x + 0.3 * torch.randn(n, 1)).squeeze(1)


def fit(target: torch.Tensor) -> torch.nn.Linear:
    """Fit a line to `target` by gradient descent."""
    torch.manual_seed(0)
    model = torch.nn.Linear(1, 1)
    for _ in range(100):
        loss = (model(x) - target).square().mean()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.sub_(0.5 * parameter.grad)
    print(f"target {tuple(target.shape)}: slope {model.weight.item():z.2f}, loss {loss.item():.2f}")
    return model


bugged = fit(target)

# %% [markdown]
# Nothing failed, and the slope is off. Ask what happened:

# %%
print(broadcasting.explain((n, 1), target.shape, names=["prediction", "target"]).warning)

# %% [markdown]
# The fix is to give both the same shape:

# %%
fixed = fit(target[:, None])

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
image = left.imshow(weights[0].numpy(force=True), cmap="viridis")
left.set(title="Causal attention weights", xlabel="attends to position", ylabel="position")
figure.colorbar(image, ax=left)

xs = x.numpy(force=True)
right.scatter(xs, target.numpy(force=True), s=12, color="0.5", label="targets")
right.plot(xs, bugged(x).numpy(force=True), "--", color="#D55E00", label="(n, 1) with (n,)")
right.plot(xs, fixed(x).numpy(force=True), color="#0072B2", label="(n, 1) with (n, 1)")
right.set(title="The line that each loss finds", xlabel="x")
right.legend()
plt.show()
