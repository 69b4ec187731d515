# %% [markdown]
# # A padding mask that masks the wrong thing
#
# Two sizes happen to be equal, a mask broadcasts along the wrong axis, nothing is raised: guards that stay in the code.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import pitfalls

# %% [markdown]
# ## The bug
#
# Four sequences of at most four tokens; `keep` has the shape `(batch, seq_len)` and says which tokens are not padding.
# The scores have the shape `(batch, heads, seq_len, seq_len)`. Broadcasting lines shapes up at the right, so the `batch`
# of the mask meets the queries of the scores, and only because both are 4 does that fit.

# %%
torch.manual_seed(0)
batch, heads, seq_len, head_dim = 4, 2, 4, 16
query, key, value = torch.randn(3, batch, heads, seq_len, head_dim)
lengths = torch.tensor([4, 3, 2, 1])
keep = torch.arange(seq_len) < lengths[:, None]


def attention_weights(query: torch.Tensor, key: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """Return the weights of each query, without a look at the shapes."""
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.masked_fill(~keep, float("-inf")).softmax(dim=-1)


def on_padding(weights: torch.Tensor) -> float:
    """Return the share of attention that goes to padding."""
    return weights.masked_select(~keep[:, None, None, :].expand_as(weights)).sum().item() / (batch * heads * seq_len)


bugged = attention_weights(query, key, keep)
print(f"attention on padding: {on_padding(bugged):.0%}")

# %% [markdown]
# ## The guard
#
# A line per argument says what the function expects. The sizes that one call finds are those that the next one expects.


# %%
def guarded_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, keep: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the output and the weights of attention, or say which argument is wrong."""
    sizes = pitfalls.check_shape(query, "batch heads query_len head_dim", name="query")
    sizes = pitfalls.check_shape(key, "batch heads key_len head_dim", sizes, name="key")
    sizes = pitfalls.check_shape(value, "batch heads key_len head_dim", sizes, name="value")
    pitfalls.check_shape(keep, "batch 1 1 key_len", sizes, name="keep")
    pitfalls.check_same_device(query, key, value, keep)
    pitfalls.check_same_dtype(query, key, value, names=["query", "key", "value"])
    weights = attention_weights(query, key, keep)
    return weights @ value, weights


try:
    guarded_attention(query, key, value, keep)
except pitfalls.ShapeError as error:
    print(error)

# %% [markdown]
# The error says what to write:

# %%
output, fixed = guarded_attention(query, key, value, keep[:, None, None, :])
print(f"attention on padding: {on_padding(fixed):.0%}")

# %% [markdown]
# ## Three more on the way to the loss
#
# The heads cannot be merged by `view` after the transpose, the loss must not pair every prediction with every target, and
# what `exp` has saved must not be changed in place.

# %%
target = torch.randn(batch)
score = torch.nn.Linear(heads * head_dim, 1)


def merged(output: torch.Tensor) -> torch.Tensor:
    """Merge the heads with a view, which does not work."""
    swapped = output.transpose(1, 2)
    pitfalls.check_view(swapped, (batch, seq_len, heads * head_dim))
    return swapped.view(batch, seq_len, heads * head_dim)


def loss(output: torch.Tensor) -> torch.Tensor:
    """Compare predictions with targets, in two shapes."""
    prediction = score(output.transpose(1, 2).reshape(batch, seq_len, -1)[:, 0])
    pitfalls.check_broadcast(prediction, target, names=["prediction", "target"])
    return (prediction - target).square().mean()


def scaled(output: torch.Tensor) -> torch.Tensor:
    """Scale what exp saved for backward."""
    positive = output.detach().requires_grad_().exp()
    pitfalls.check_in_place(positive)
    return positive.mul_(2)


for step in (merged, loss, scaled):
    try:
        step(output)
    except ValueError as error:
        print(f"{step.__name__}: {error}\n")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="constrained", sharey=True)
tokens = ["the", "cat", "(pad)", "(pad)"]
for ax, weights, title in zip(axes, (bugged, fixed), ("keep", "keep[:, None, None, :]"), strict=True):
    shown = weights[2, 0].numpy(force=True)
    image = ax.imshow(shown, cmap="viridis", vmin=0, vmax=1)
    for row in range(seq_len):
        for column in range(seq_len):
            weight = shown[row, column]
            ax.text(column, row, f"{weight:.2f}", ha="center", va="center", color="wk"[round(float(weight))])
    ax.set(title=title, xlabel="attends to")
    ax.set_xticks(range(seq_len), tokens)
    ax.set_yticks(range(seq_len), tokens)
figure.colorbar(image, ax=axes, label="attention weight")
plt.show()
