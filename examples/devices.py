# %% [markdown]
# # Run on whatever device is there
#
# One script for CPU, CUDA, MPS and XPU: find the device, move model and batch, and measure what it is worth.

# %%
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch

from tensorref import benchmark, devices, pitfalls

# %% [markdown]
# ## What is there
#
# PyTorch is built for one kind of accelerator. `status` also sees one that this build cannot use, and says why.

# %%
print(f"PyTorch version: {torch.__version__}")
print(f"MPS available: {torch.backends.mps.is_available()}")
print(f"CUDA available: {torch.cuda.is_available()}")
print(devices.status())

# %% [markdown]
# ## Move the model and the batch
#
# Choose the device once, at the top. What is created there needs no move; what comes from elsewhere, such as token ids
# from a data loader, is moved with `.to`. The weights of a module move in place, a tensor gives a copy.

# %%
torch.manual_seed(0)
device = devices.best()
print(f"Device: {device}")

vocab_size, embed_dim = 100, 32
model = torch.nn.Sequential(torch.nn.Embedding(vocab_size, embed_dim), torch.nn.Linear(embed_dim, vocab_size))
model.to(device)

x = torch.randn(1000, 1000, device=device)
print(f"Tensor device: {x.device}")
token_ids = torch.randint(vocab_size, (4, 16), device="cpu")
token_ids = token_ids.to(device)
print(f"After .to(): {token_ids.device}")

logits = model(token_ids)
print(f"Logits {tuple(logits.shape)} on {pitfalls.check_same_device(logits, model[1].weight)}")

# %% [markdown]
# ## What happens when one was forgotten
#
# A guard in front of an operation says which tensor to move. The device `meta`, which has shapes and no values, stands in
# for an accelerator here. A CPU tensor without axes, such as a scale, may join tensors on any device.

# %%
far, near, scale = torch.ones(3, device="meta"), torch.ones(3, device="cpu"), torch.tensor(0.5, device="cpu")
try:
    pitfalls.check_same_device(far, near)
except ValueError as error:
    print(error)
print("With a scale it works, on", pitfalls.check_same_device(far, scale))

# %% [markdown]
# ## What the device is worth
#
# A matrix product of size `n` does `2 * n**3` floating-point operations. Each line below was measured in this run: after a
# warm-up, in turns, with a wait for the device at both ends. Between NumPy and PyTorch there is a rest, because the threads
# of one look out for more work on the cores that the other needs. A bar spans the middle half of the runs: where it is
# long, something else ran meanwhile. How much faster an accelerator is depends on the size: small products do not keep it
# busy, and large ones do.

# %%
sizes = [64, 256] if device.type == "cpu" else [64, 256, 1024, 4096]
rates: dict[str, list[list[float]]] = {}
for n in sizes:
    array = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
    on_cpu = torch.from_numpy(array)
    functions = {
        "NumPy (CPU)": partial(np.matmul, array, array),
        "PyTorch (CPU)": partial(torch.matmul, on_cpu, on_cpu),
    }
    if device.type != "cpu":
        there = on_cpu.to(device)
        functions[f"PyTorch ({device})"] = partial(torch.matmul, there, there)
    comparison = benchmark.compare(functions, seconds=0.01, pause=0.15, device=device)
    for candidate in comparison.candidates:
        fast, slow = candidate.time.quartiles
        seconds = (slow, candidate.time.median, fast)
        rates.setdefault(candidate.name, []).append([2 * n**3 / each / 1e9 for each in seconds])

print(f"{n} x {n}, float32:")
print(comparison)

# %%
figure, axes = plt.subplots(figsize=(6, 3.8), layout="constrained")
styles = zip(rates.items(), ["#0072B2", "#D55E00", "#009E73"], ["o-", "s--", "^-"], strict=False)
for (name, rate), color, style in styles:
    low, middle, high = np.array(rate).T
    axes.errorbar(sizes, middle, [middle - low, high - middle], fmt=style, color=color, capsize=3, label=name)
axes.loglog()
axes.set_xticks(sizes, labels=map(str, sizes))
axes.minorticks_off()
axes.set(title="Matrix products in float32", xlabel="size n of n × n", ylabel="10⁹ operations per second")
axes.grid(alpha=0.3)
axes.legend()
plt.show()
