# %% [markdown]
# # Attention in four equations
#
# Project, score, average and project back, without one transpose; and what the order of three operands costs.

# %%
import matplotlib.pyplot as plt
import torch
from torch.nn import functional

from tensorref import einsum

# %% [markdown]
# ## Four equations
#
# `b` is the batch, `s` and `t` are positions, `e` is a feature of the model, `h` a head and `d` a feature of a head. A
# letter that the output lacks is summed over.

# %%
torch.manual_seed(0)
batch, seq_len, embed_dim, num_heads, head_dim = 2, 6, 32, 4, 8
x = torch.randn(batch, seq_len, embed_dim)
to_query, to_key, to_value = torch.randn(3, num_heads, head_dim, embed_dim) / embed_dim**0.5
to_output = torch.randn(embed_dim, num_heads, head_dim) / embed_dim**0.5

query, key, value = (torch.einsum("bse,hde->bhsd", x, weight) for weight in (to_query, to_key, to_value))
scores = torch.einsum("bhsd,bhtd->bhst", query, key) / head_dim**0.5
mixed = torch.einsum("bhst,bhtd->bhsd", scores.softmax(dim=-1), value)
output = torch.einsum("bhsd,ehd->bse", mixed, to_output)

print("output", tuple(output.shape))
built_in = functional.scaled_dot_product_attention(query, key, value)
print("As PyTorch's attention:", torch.allclose(mixed, built_in, atol=1e-5))

# %% [markdown]
# ## What an equation does
#
# The scores, letter by letter:

# %%
print(einsum.explain("bhsd,bhtd->bhst", query.shape, key.shape, names=["query", "key"]))

# %% [markdown]
# ## The order of three operands
#
# A low-rank update multiplies three matrices. In one go, every element is a sum over both inner axes. In pairs it is cheap one
# way, and expensive the other.

# %%
x_shape, a_shape, b_shape = (512, 1024), (8, 1024), (1024, 8)
ways = {
    "in one go": einsum.flops("se,re,or->so", x_shape, a_shape, b_shape),
    "b and a first": einsum.flops("or,re->oe", b_shape, a_shape)
    + einsum.flops("se,oe->so", x_shape, (b_shape[0], a_shape[1])),
    "x and a first": einsum.flops("se,re->sr", x_shape, a_shape)
    + einsum.flops("sr,or->so", (x_shape[0], a_shape[0]), b_shape),
}
for name, flops in ways.items():
    print(f"{name:14} {flops:>14,} floating-point operations")

# %%
figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
bars = ax.barh([*ways], [*ways.values()], color="#0072B2")
ax.bar_label(bars, fmt="{:,.0f}", padding=4)
ax.set(title="Floating-point operations of x, a and b", xscale="log")
ax.invert_yaxis()
ax.margins(x=0.35)
plt.show()
