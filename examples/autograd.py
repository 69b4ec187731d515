# %% [markdown]
# # Gradients, and how to check them
#
# A derivative three ways, a gradient step on next-token logits, and which in-place operations really break it.

# %%
import matplotlib.pyplot as plt
import torch

from tensorref import autograd

# %% [markdown]
# ## A derivative
#
# By hand the derivative of x² + 3x is 2x + 3. PyTorch computes it from a record of the operations, and a finite
# difference measures it.

# %%


def quadratic(x: torch.Tensor) -> torch.Tensor:
    """Compute x² + 3x."""
    return x**2 + 3 * x


x = torch.tensor(2.0)
print(f"by hand:  {2 * x + 3}")
print(f"autograd: {autograd.derivative(quadratic, x)}")
print(f"measured: {autograd.finite_difference(quadratic, x):.6f}")

# %% [markdown]
# ## The gradient of a loss
#
# The loss of a language model is the cross-entropy of the logits with the token that came. Its gradient is the
# probabilities, less 1 at that token: a step against it lowers all other logits a little and raises that one.

# %%
logits, token = torch.tensor([[2.0, 1.0, 0.0, 0.0]]), torch.tensor([1])


def loss(logits: torch.Tensor) -> torch.Tensor:
    """Compute the cross-entropy of `logits` with `token`."""
    return torch.nn.functional.cross_entropy(logits, token)


print("probabilities", logits.softmax(-1))
print("gradient     ", autograd.gradient(loss, logits))
for step in range(3):
    print(f"step {step}: loss {loss(logits):.3f}, probability of the token {logits.softmax(-1)[0, 1]:.3f}")
    logits = logits - 1.0 * autograd.gradient(loss, logits)

# %% [markdown]
# A function of one's own, such as a loss with a mask, is checked before it trains anything:

# %%
print(autograd.check(loss, logits))

# %% [markdown]
# ## In place: what works and what does not
#
# The rule is not "never". It is: change neither a leaf that requires grad nor a value that was saved for `backward`.
# The last case is the dangerous one: nothing is raised, and the gradient is wrong.

# %%


def through_data(x: torch.Tensor) -> torch.Tensor:
    """Change a saved value where autograd does not see it."""
    z = x.exp()
    z.data.add_(1)
    return z


cases = {
    "y = x * 2; y.add_(1)": lambda x: (x * 2).add_(1),
    "x.add_(1)": lambda x: x.add_(1),
    "z = x.exp(); z.add_(1)": lambda x: x.exp().add_(1),
    "z = x.exp(); z = z + 1": lambda x: x.exp() + 1,
    "z = x.exp(); z.data.add_(1)": through_data,
}
values = torch.tensor([1.0, 2.0, 3.0])
for code, function in cases.items():
    explanation = autograd.explain_in_place(function, values)
    print(f"{code:28} {explanation.verdict:6} {'raises ' + explanation.raised if explanation.raised else ''}".rstrip())

print()
print(autograd.explain_in_place(through_data, values))

# %% [markdown]
# Which values those are, PyTorch tells: `exp` keeps its result, `sin` its argument, a sum nothing.

# %%
for operation in (torch.exp, torch.sigmoid, torch.sin, torch.square, torch.neg, torch.sum):
    print(f"{operation.__name__:8} saves {', '.join(autograd.saved(operation, values)) or 'nothing'}")

# %% [markdown]
# ## Why the check runs in float64
#
# A large step misses the curvature, a small one drowns in rounding. Between them float64 leaves ten right digits and
# float32 about five, at a step that is hard to hit.

# %%
steps = torch.logspace(-12, 0, 49, dtype=torch.float64, device="cpu")
at = torch.tensor(1.0, dtype=torch.float64, device="cpu")
errors = {}
for dtype in (torch.float32, torch.float64):
    up, down = ((at + sign * steps).to(dtype).exp() for sign in (1, -1))
    errors[dtype] = ((up - down).double() / (2 * steps) / at.exp() - 1).abs().clamp(min=1e-12)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
xs = torch.linspace(-4, 4, 100, device="cpu")
left.plot(xs, quadratic(xs), color="#0072B2", label="x² + 3x")
tangent = quadratic(x) + autograd.derivative(quadratic, x) * (xs.to(x.device) - x)
left.plot(xs[50:], tangent.numpy(force=True)[50:], "--", color="#D55E00", label="slope 7 at x = 2")
left.plot(2, 10, "o", color="#D55E00")
left.set(title="A derivative is a slope", xlabel="x")
left.legend()

for (dtype, error), color, style in zip(errors.items(), ["#D55E00", "#0072B2"], ["--", "-"], strict=True):
    right.loglog(steps, error, style, color=color, label=str(dtype).removeprefix("torch."))
right.set(title="Finite difference of exp at 1", xlabel="step", ylabel="relative error")
right.legend()
plt.show()
