# %% [markdown]
# # Feed an accelerator
#
# A training loop that waits for a GPU only where it must, a clock that waits where it has to, autocast, and memory.

# %%
import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from tensorref import devices

device = devices.best()
print(f"Device: {device}")
if device.type == "cpu":
    print("Without an accelerator nothing is moved, and nothing runs while Python goes on: the script shows how")
    print("the loop is written, what autocast changes and what a step keeps; what waiting costs, it cannot show.")

# %% [markdown]
# ## Batches from pinned memory
#
# An accelerator reads *pinned* memory by itself while Python does something else. The loader pins each batch in a thread
# of its own, for CUDA and XPU; elsewhere it would warn. A call of `pin_memory()` right before `.to` gains nothing: that is
# one more copy, and Python waits for it.

# %%
torch.manual_seed(0)
vocab_size, seq_len = 256, 64
embed_dim, batch_size = (128, 16) if device.type == "cpu" else (1024, 256)
tokens = torch.randint(vocab_size, (6 * batch_size, seq_len + 1), device="cpu")
can_pin = device.type in {"cuda", "xpu"}
loader = DataLoader(TensorDataset(tokens[:, :-1], tokens[:, 1:]), batch_size=batch_size, pin_memory=can_pin)

batch = next(iter(loader))
print(devices.explain_move(batch[0], device, non_blocking=True))

# %% [markdown]
# ## A loop that waits once
#
# Everything in the loop is only asked for. `.item()`, `.cpu()`, `print(loss)` and an `if` on a value would wait for the
# accelerator, so the losses add up over there and are read once, at the end.
#
# Under `autocast` matrix products run in bfloat16; what needs range or precision, such as the loss, runs in float32. It
# goes around the forward pass only. Weights and gradients stay float32. With float16, small gradients would become 0
# without `torch.amp.GradScaler`.

# %%
model = torch.nn.Sequential(
    torch.nn.Embedding(vocab_size, embed_dim),
    torch.nn.Linear(embed_dim, 4 * embed_dim),
    torch.nn.GELU(),
    torch.nn.Linear(4 * embed_dim, vocab_size),
).to(device)


def move(batch: list[Tensor]) -> tuple[Tensor, ...]:
    return tuple(tensor.to(device, non_blocking=True) for tensor in batch)


def forward(inputs: Tensor, targets: Tensor, *, autocast: bool = True) -> tuple[Tensor, Tensor]:
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
        logits = model(inputs)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), logits


@torch.no_grad()
def update(learning_rate: float = 0.1) -> None:
    for parameter in model.parameters():
        parameter.add_(parameter.grad, alpha=-learning_rate)
        parameter.grad = None


total = torch.zeros((), device=device)
for each in loader:
    loss, logits = forward(*move(each))
    loss.backward()
    gradient = model[1].weight.grad
    update()
    total += loss.detach()

print(f"Mean loss of {len(loader)} steps: {total.item() / len(loader):.2f}")
for name, tensor in {"logits": logits, "loss": loss, "weight": model[1].weight, "gradient": gradient}.items():
    print(f"{name:8} {tensor.dtype}")

# %% [markdown]
# ## A clock that waits
#
# Around a call that returns at once, a clock shows how long it took to ask; the first line that reads a value then pays
# for all before it. So `loss.item()` looks slow, and backward looks fast. With `synchronize` after each part, each part
# has its own time. Waiting costs time too: it belongs into measurements and not into training.


# %%
def step_times(wait: Callable[[], None]) -> dict[str, float]:
    """Return the seconds of each part of a training step, as a clock has them that waits for the device or does not."""
    devices.synchronize()
    laps = {"start": time.perf_counter()}
    moved = move(batch)
    wait()
    laps["move"] = time.perf_counter()
    loss, _ = forward(*moved)
    wait()
    laps["forward"] = time.perf_counter()
    loss.backward()
    wait()
    laps["backward"] = time.perf_counter()
    update()
    wait()
    laps["update"] = time.perf_counter()
    loss.item()
    laps["loss.item()"] = time.perf_counter()
    times = [*laps.values()]
    return {part: end - start for part, start, end in zip([*laps][1:], times, times[1:], strict=False)}


clocks: dict[str, Callable[[], None]] = {"with synchronize": devices.synchronize}
if device.type != "cpu":  # which has done everything when a call returns, so that both clocks are right
    clocks["without waiting"] = lambda: None
runs: dict[str, list[dict[str, float]]] = {name: [] for name in clocks}
for _ in range(5):
    for name, wait in clocks.items():
        runs[name].append(step_times(wait))
steps = {name: {part: min(run[part] for run in measured) for part in measured[0]} for name, measured in runs.items()}
print(f"{'milliseconds':16}", *(f"{part:>11}" for part in steps["with synchronize"]))
for name, parts in steps.items():
    print(f"{name:16}", *(f"{1e3 * seconds:11.3f}" for seconds in parts.values()))

# %% [markdown]
# ## What a step keeps in memory
#
# Forward keeps for backward what it will need, and that is most of the memory of training. It can be counted on any
# device. The allocators of CUDA and XPU also count the peak, which has the gradients and all that comes and goes.


# %%
def kept(loss_of: Callable[[], tuple[Tensor, Tensor]]) -> int:
    """Return the bytes that a forward pass keeps for backward, the parameters aside."""
    storages = {}

    def note(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _held = loss_of()  # until all is counted, or memory that was freed would be counted twice
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    return sum(size for pointer, size in storages.items() if pointer not in parameters)


def peak(loss_of: Callable[[], tuple[Tensor, Tensor]]) -> str:
    """Return the most bytes that a training step takes at a time, in words."""
    if not can_pin:
        return f"not counted on {device.type}"
    torch.accelerator.reset_peak_memory_stats(device)
    before = torch.accelerator.memory_allocated(device)
    loss, _ = loss_of()
    if loss.requires_grad:
        loss.backward()
        update(0.0)
    return f"{(torch.accelerator.max_memory_allocated(device) - before) / 1e6:.1f} MB"


moved = move(batch)
ways = {
    "float32": lambda: forward(*moved, autocast=False),
    "autocast": lambda: forward(*moved),
    "inference_mode": torch.inference_mode()(lambda: forward(*moved)),
}
memory = {name: kept(loss_of) / 1e6 for name, loss_of in ways.items()}
for name, loss_of in ways.items():
    print(f"{name:14} keeps {memory[name]:5.1f} MB, peak {peak(loss_of)}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
bars = left.barh([*memory], [*memory.values()], color="#0072B2")
left.bar_label(bars, fmt="%.1f", padding=3)
left.invert_yaxis()
left.margins(x=0.15)
left.set(title="What forward keeps for backward", xlabel="megabytes")

ends = [0.0] * len(steps)
for part, color in zip(steps["with synchronize"], ["#999999", "#0072B2", "#D55E00", "#009E73", "#CC79A7"], strict=True):
    widths = [1e3 * parts[part] for parts in steps.values()]
    right.barh([*steps], widths, left=ends, color=color, label=part)
    ends = [end + width for end, width in zip(ends, widths, strict=True)]
right.set(title=f"A training step on {device}", xlabel="milliseconds", ylim=(-0.6, len(steps) + 0.4))
right.legend(fontsize="small", ncols=2, loc="upper left")
plt.show()
