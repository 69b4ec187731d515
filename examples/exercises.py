# %% [markdown]
# # Exercises, answered and checked
#
# Three tasks on the way from token ids to attention, some wrong answers, and what the checker says of each.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import exercises

# %% [markdown]
# ## A task
#
# An exercise has a task, hints and a solution. The answer is a function, which the checker calls with several inputs.

# %%
lookup_task = exercises.get("embedding-lookup")
print(lookup_task)


# %%
def lookup(table: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
    return table[token_ids]


print(lookup_task.check(lookup))
print(lookup_task.learns)

# %% [markdown]
# ## Attention, wrong and right
#
# Softmax over the wrong axis gives weights of the right shape, which look fine until one sums a row. The checker names the
# first element that differs:


# %%
def over_columns(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scores = tokens @ tokens.T
    return scores, torch.softmax(scores, dim=0)


def over_rows(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scores = tokens @ tokens.T
    return scores, torch.softmax(scores, dim=-1)


weights_task = exercises.get("attention-weights")
print(weights_task.check(over_columns))
print(weights_task.check(over_rows))

# %%
output_task = exercises.get("attention-output")
print(output_task.check(lambda weights, tokens: weights @ tokens))

# %% [markdown]
# ## Wrong by a broadcast
#
# A comparison with `allclose` broadcasts too, so it takes a table of all pairs for right as long as the pairs agree. The
# checker compares shapes first:

# %%
errors_task = exercises.get("squared-errors")
print(errors_task.check(lambda prediction, target: (prediction - target) ** 2))

# %% [markdown]
# ## A loop, a copy
#
# Where a task asks for one operation on all elements, or for a view, the right values are not enough. The checker counts the
# steps for small and for large inputs, and looks at the memory:


# %%
def one_by_one(lengths: torch.Tensor, seq_len: int) -> torch.Tensor:
    mask = torch.zeros(len(lengths), seq_len, dtype=torch.bool, device=lengths.device)
    for row, length in zip(mask, lengths, strict=True):
        row[:length] = True
    return mask


verdict = exercises.get("padding-mask").check(one_by_one)
print(verdict.correct, "that is a loop" in verdict.message)

# %%
windows_task = exercises.get("sliding-windows")
print(
    windows_task.check(lambda x, size: torch.stack([x[:, i : i + size] for i in range(x.shape[1] - size + 1)], dim=1))
)

# %% [markdown]
# ## What there is

# %%
for level in range(1, 6):
    print(level, ", ".join(exercises.names(difficulty=level)))

# %%
torch.manual_seed(0)
tokens = 0.6 * torch.randn(6, 8)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained", sharey=True)
for panel, answer, title in zip(axes, (over_columns, over_rows), ("Over columns", "Over rows"), strict=True):
    weights = answer(tokens)[1]
    image = panel.imshow(weights.numpy(force=True), cmap="viridis", vmin=0, vmax=1)
    for row, total in enumerate(weights.sum(dim=-1).tolist()):
        panel.text(5.6, row, f"Σ {total:.2f}", va="center", color="#0072B2" if round(total, 4) == 1 else "#D55E00")
    verdict = weights_task.check(answer)
    panel.set(title=f"{title}: {'right' if verdict else 'not yet'}", xlabel="key")
axes[0].set_ylabel("query")
figure.colorbar(image, ax=axes, label="weight", pad=0.08)
plt.show()
