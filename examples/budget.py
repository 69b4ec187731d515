# %% [markdown]
# # What fits on a device
#
# What GPT-2 takes, what a layer really keeps for the way back, and how memory grows with the length of a text.

# %%
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn import functional

from tensorref import budget

# %% [markdown]
# ## From sizes to bytes
#
# The names are those of a published `config.json`.

# %%
gpt2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
print(budget.explain(gpt2, batch=8, seq_len=1024))

# %% [markdown]
# ## What a layer really keeps
#
# A layer with the sizes of GPT-2, in PyTorch alone. Autograd hands each tensor that it keeps to a hook. Views share memory, so
# each block of memory counts once, and parameters do not count.

# %%
torch.manual_seed(0)
batch, seq_len, embed_dim, num_heads = 2, 64, 768, 12
norm_1, norm_2 = nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)
to_qkv, to_output = nn.Linear(embed_dim, 3 * embed_dim), nn.Linear(embed_dim, embed_dim)
up, down = nn.Linear(embed_dim, 4 * embed_dim), nn.Linear(4 * embed_dim, embed_dim)
parameters = [p for part in (norm_1, norm_2, to_qkv, to_output, up, down) for p in part.parameters()]


def layer(x: torch.Tensor) -> torch.Tensor:
    """Attend and compute, each behind a norm and beside a residual connection."""
    query, key, value = (
        part.unflatten(-1, (num_heads, -1)).transpose(1, 2) for part in to_qkv(norm_1(x)).chunk(3, dim=-1)
    )
    mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    x = x + to_output(mixed.transpose(1, 2).flatten(-2))
    return x + down(functional.gelu(up(norm_2(x))))


kept: dict[int, int] = {}
alive = []


def keep(tensor: torch.Tensor) -> torch.Tensor:
    """Note the block of memory that a tensor lies in."""
    alive.append(tensor)  # so that its memory is not used again
    kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return tensor


with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
    layer(torch.randn(batch, seq_len, embed_dim, requires_grad=True))
for parameter in parameters:
    kept.pop(parameter.untyped_storage().data_ptr(), None)

one, two = (
    budget.explain({**gpt2, "n_layer": layers}, batch=batch, seq_len=seq_len, dtype="float32").activations
    for layers in (1, 2)
)
print(f"kept    {sum(kept.values()):>9,} bytes")
print(f"counted {two - one:>9,} bytes")

# %% [markdown]
# ## Longer texts
#
# A model of eight billion parameters, one sequence. By hand, attention keeps a number for each pair of tokens; fused it does not;
# with checkpointing little more than the logits is left.

# %%
llama = budget.Sizes(
    vocab_size=128256, embed_dim=4096, num_layers=32, num_heads=32, num_kv_heads=8, intermediate_dim=14336
)
lengths = [2**exponent for exponent in range(9, 15)]
ways = {
    "attention by hand": {"fused_attention": False},
    "fused attention": {},
    "fused, checkpointing": {"checkpointing": True},
}
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, options in ways.items():
    amounts = [budget.explain(llama, seq_len=length, **options).activations / 2**30 for length in lengths]
    ax.plot(lengths, amounts, marker="o", label=name)
    print(f"{name:21}" + "".join(f"{amount:8.1f}" for amount in amounts), "GiB")
ax.axhline(80, color="gray", linestyle="--", label="80 GiB")
ax.set(title="Activations of one sequence", xlabel="tokens", ylabel="GiB", xscale="log", yscale="log")
ax.set_xticks(lengths, [str(length) for length in lengths])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# ## How much of a device a run used
#
# A step of GPT-2 with 16 sequences in 0.1 seconds, on a GPU with a peak of 312 teraFLOPs a second:

# %%
step = budget.explain(gpt2, batch=16, seq_len=1024)
print(f"{budget.utilization(step.flops_per_step, seconds=0.1, peak=312e12):.1%}")
