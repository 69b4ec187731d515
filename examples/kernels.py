# %% [markdown]
# # Softmax by hand and built in
#
# Where softmax by hand turns logits into nan, why the built-in one does not, and which is faster in this run.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import benchmark, devices, kernels

device = devices.best()

# %% [markdown]
# ## Three ways to the same probabilities
#
# For small logits the formula, the formula less the maximum, and PyTorch's kernel agree.

# %%
logits = torch.tensor([2.0, 1.0, 0.1], device=device)
softmaxes = {
    "naive, by hand": kernels.naive_softmax(logits),
    "stable, by hand": kernels.softmax(logits),
    "torch.softmax": torch.softmax(logits, dim=-1),
}
for name, probabilities in softmaxes.items():
    print(f"{name:15} {probabilities}")

# %% [markdown]
# ## Where the formula ends
#
# Logits of attention grow with the size of a head, those over a vocabulary with training. Above the limit of their
# dtype, `exp` gives `inf`, and `inf / inf` is nan. Just below it the sum overflows first, and every probability is 0.

# %%
dtypes = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
for dtype in dtypes:
    print(f"{str(dtype).removeprefix('torch.'):9} exp overflows above {kernels.overflow_limit(dtype):.4g}")

top = torch.arange(0.0, 120.0, 0.5, device="cpu")
pairs = torch.stack([top, top - 1], dim=-1)  # the larger one always has probability 0.731
kept = {dtype: kernels.naive_softmax(pairs.to(dtype))[:, 0] for dtype in dtypes[:3]}
for dtype, probability in kept.items():
    right = probability.isfinite() & (probability > 0)
    print(f"{str(dtype).removeprefix('torch.'):9} last right at a logit of {top[right].max():.1f}")

# %% [markdown]
# ## Which is faster
#
# Times belong to one machine, one shape and one run; only their ratio says something, and even that only here. The three
# take turns, so that a machine that gets slower meanwhile slows all of them, and the ratio is taken turn by turn. By hand
# each of three operations (five for the stable one) goes over the whole memory; the kernel does all of it in one go.

# %%
torch.manual_seed(0)
x = torch.randn(1000, 1000, device=device)
comparison = benchmark.compare(
    {
        "torch.softmax": lambda: torch.softmax(x, dim=-1),
        "stable, by hand": lambda: kernels.softmax(x),
        "naive, by hand": lambda: kernels.naive_softmax(x),
    },
    seconds=0.1,
    work=benchmark.Work.softmax(x.shape),
)
print(comparison)
built_in, stable, naive = comparison.candidates
print(f"\nIn this run the stable softmax by hand took {stable.ratio:.1f} times as long as torch.softmax.")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
styles = zip(kept.items(), ["#D55E00", "#E69F00", "#0072B2"], [5, 2.5, 1], [0.5, 0.9, 1], strict=True)
for (dtype, probability), color, width, alpha in styles:
    label = str(dtype).removeprefix("torch.")
    left.plot(top, probability.float(), color=color, linewidth=2 * width, alpha=alpha, label=label)
    left.axvline(kernels.overflow_limit(dtype), color=color, linestyle=":")
left.plot(top, kernels.softmax(pairs)[:, 0], "k--", linewidth=1, label="stable, any dtype")
left.set(title="softmax([x, x − 1])[0] by the formula", xlabel="logit x", ylabel="probability", ylim=(0, 1))
left.legend(loc="lower right")

names = [candidate.name for candidate in comparison.candidates]
times = [candidate.time for candidate in comparison.candidates]
spreads = [
    [1e3 * (time.median - time.quartiles[0]) for time in times],
    [1e3 * (time.quartiles[1] - time.median) for time in times],
]
right.barh(names, [1e3 * time.median for time in times], xerr=spreads, color=["#009E73", "#0072B2", "#D55E00"])
right.invert_yaxis()
right.set(title=f"1000 × 1000 on {device}", xlabel="milliseconds (median, quartiles)")
plt.show()
