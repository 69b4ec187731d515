# %% [markdown]
# # A layer of experts
#
# Tokens go to two of eight experts and come back, with the same result as a loop over the tokens; how many are dropped at which
# capacity; and a router that learns to use all experts.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn import functional

from tensorref import experts

# %% [markdown]
# ## The shapes of each step

# %%
torch.manual_seed(0)
tokens, embed_dim, intermediate_dim, num_experts, top_k = 256, 16, 32, 8, 2
print(experts.explain(tokens, embed_dim, intermediate_dim, num_experts=num_experts, top_k=top_k, factor=1.5))

# %% [markdown]
# ## There and back
#
# The weights of all experts are stacked, so a batched product computes all of them.

# %%
x = torch.randn(tokens, embed_dim)
router = torch.randn(num_experts, embed_dim) / embed_dim**0.5
up = torch.randn(num_experts, intermediate_dim, embed_dim) / embed_dim**0.5
down = torch.randn(num_experts, embed_dim, intermediate_dim) / intermediate_dim**0.5

routing = experts.route(x @ router.T, top_k)
sent = experts.dispatch(x, routing.experts, num_experts=num_experts, capacity=tokens)
outputs = functional.silu(sent.buffers @ up.mT) @ down.mT
mixed = experts.combine(outputs, routing.experts, sent.slots, routing.weights)
print("buffers", tuple(sent.buffers.shape), "mixed", tuple(mixed.shape))

# %% [markdown]
# The same in PyTorch alone, one expert after the other: its tokens are taken out, and what it gives is added where they were.

# %%
values, chosen = (x @ router.T).topk(top_k)
weights = values.softmax(dim=-1)
by_loop = torch.zeros_like(x)
for number in range(num_experts):
    row, choice = torch.where(chosen == number)
    hidden = functional.silu(x[row] @ up[number].T) @ down[number].T
    by_loop.index_add_(0, row, hidden * weights[row, choice, None])
print("As the loop:", torch.allclose(mixed, by_loop, atol=1e-5))

# %% [markdown]
# ## What is dropped
#
# A router that was not trained sends more to some experts than to others.

# %%
factors = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0]
dropped = []
for factor in factors:
    room = experts.capacity(tokens, num_experts, top_k, factor)
    slots = experts.dispatch(x, routing.experts, num_experts=num_experts, capacity=room).slots
    dropped.append((slots < 0).float().mean().item())
    print(f"factor {factor:4}: {room:3} places for each expert, {dropped[-1]:.1%} of the copies dropped")

# %% [markdown]
# ## A router that learns to share
#
# The loss alone moves the router towards even use. In a model it is a small part of the whole loss.

# %%
trained = router.clone().requires_grad_()
losses = []
for _ in range(60):
    routing = experts.route(x @ trained.T, top_k)
    loss = experts.load_balancing_loss(routing.probabilities, routing.experts)
    losses.append(loss.item())
    (gradient,) = torch.autograd.grad(loss, trained)
    trained = (trained - 2 * gradient).detach().requires_grad_()
before, after = (
    torch.bincount(experts.route(x @ weight.T, top_k).experts.flatten(), minlength=num_experts)
    for weight in (router, trained.detach())
)
print(f"The loss goes from {losses[0]:.3f} to {losses[-1]:.3f}; at even use it is 1.")
print("tokens of each expert before", before.tolist())
print("tokens of each expert after ", after.tolist())

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
axes[0].plot(factors, [100 * part for part in dropped], marker="o", color="#0072B2")
axes[0].set(title="Dropped", xlabel="capacity factor", ylabel="% of the copies")
place = range(num_experts)
axes[1].bar([number - 0.2 for number in place], before.numpy(force=True), width=0.4, color="#0072B2", label="before")
axes[1].bar([number + 0.2 for number in place], after.numpy(force=True), width=0.4, color="#D55E00", label="after")
axes[1].axhline(tokens * top_k / num_experts, color="gray", linestyle="--")
axes[1].set(title="Tokens of each expert", xlabel="expert", ylim=(0, 115))
axes[1].legend(loc="upper right", ncols=2)
plt.show()
