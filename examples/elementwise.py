# %% [markdown]
# # Activations and temperatures, element by element
#
# SiLU and GELU from four operations, a temperature for the next token, and the update in place that goes wrong.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import elementwise

# %% [markdown]
# ## Activations
#
# SiLU, $x / (1 + e^{-x})$, stands in the feed-forward layers of Llama; GELU, here in its form with tanh, in those of GPT-2.
# Both are made of sums, products and powers of single elements, and agree with PyTorch's.

# %%
x = torch.linspace(-4, 4, 201)


def silu(x: torch.Tensor) -> torch.Tensor:
    """Return x times its sigmoid."""
    return elementwise.multiply(x, elementwise.power(1 + elementwise.exp(-x), -1))


def gelu(x: torch.Tensor) -> torch.Tensor:
    """Return x times about the probability that a normal number is less than x."""
    inner = (2 / torch.pi) ** 0.5 * elementwise.add(x, 0.044715 * elementwise.power(x, 3))
    # tanh written with exp: (e^2z - 1) / (e^2z + 1) = 1 - 2 / (e^2z + 1)
    return x * (1 - elementwise.power(1 + elementwise.exp(2 * inner), -1))


print("SiLU as PyTorch's:", torch.allclose(silu(x), torch.nn.functional.silu(x), atol=1e-6))
print("GELU as PyTorch's:", torch.allclose(gelu(x), torch.nn.functional.gelu(x, approximate="tanh"), atol=1e-6))

# %% [markdown]
# ## A temperature for the next token
#
# Dividing the logits by a temperature is element-wise too; so is the exponential of the softmax, which takes the maximum
# off first so that nothing overflows.

# %%
logits = torch.tensor([2.0, 1.0, 0.1, -1.0])
temperatures = torch.tensor([0.5, 1.0, 2.0])

scaled = elementwise.multiply(logits, elementwise.power(temperatures, -1)[:, None])
weights = elementwise.exp(scaled - scaled.max(dim=-1, keepdim=True).values)
probabilities = weights / weights.sum(dim=-1, keepdim=True)

for temperature, row in zip(temperatures.tolist(), probabilities.tolist(), strict=True):
    print(f"temperature {temperature}:", " ".join(f"{probability:.3f}" for probability in row))

# %% [markdown]
# ## An update in place that reads what it writes
#
# Each position is to be given relative to the first of its row. NumPy copies what overlaps before it writes. PyTorch does
# not: once the first column is 0, 0 is what the other columns lose.

# %%
positions = torch.arange(3.0, 13.0, device="cpu").reshape(2, 5)
array = positions.numpy().copy()

wrong = positions.clone()
wrong -= wrong[:, 0][:, None]
array -= array[:, 0][:, None]
right = positions - positions[:, 0][:, None]

print("NumPy, in place  ", array.tolist())
print("PyTorch, in place", wrong.tolist())
print("PyTorch, anew    ", right.tolist())

# %%
figure, (left, right_axis) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
xs = x.numpy(force=True)
for name, y, color in [("ReLU", x.clamp(min=0), "0.5"), ("SiLU", silu(x), "#0072B2"), ("GELU", gelu(x), "#D55E00")]:
    left.plot(xs, y.numpy(force=True), label=name, color=color)
left.set(title="Activations", xlabel="x")
left.legend()

colors = ["#0072B2", "#E69F00", "#009E73"]
for place, (temperature, row, color) in enumerate(
    zip(temperatures.tolist(), probabilities.tolist(), colors, strict=True)
):
    places = [token + 0.25 * (place - 1) for token in range(len(row))]
    right_axis.bar(places, row, width=0.25, label=f"temperature {temperature}", color=color)
right_axis.set(title="Next token", xlabel="token", ylabel="probability", xticks=range(4))
right_axis.legend()
plt.show()
