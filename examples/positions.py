# %% [markdown]
# # Rotary embedding in both layouts
#
# The two forms that open models write, which one a piece of code follows, and how weights get from one to the other.

# %%
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch

from tensorref import positions

# %% [markdown]
# ## Two forms
#
# Hugging Face's code turns feature i with feature i + head_dim / 2, by `rotate_half`. Meta's code turns neighbors, as complex
# numbers. The angles are the same, and the results are not.


# %%
def of_hugging_face(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn in halves."""
    first, second = x.chunk(2, dim=-1)
    rotated_half = torch.cat([-second, first], dim=-1)
    angles = torch.cat([angles, angles], dim=-1)
    return x * angles.cos() + rotated_half * angles.sin()


def of_meta(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn in pairs."""
    points = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(points * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


torch.manual_seed(0)
batch, num_heads, seq_len, head_dim, embed_dim = 2, 4, 6, 8, 32
places = torch.arange(seq_len)
angles = positions.angles(places, head_dim)  # (seq_len, head_dim / 2)
x = torch.randn(batch, num_heads, seq_len, head_dim)
for function in (of_hugging_face, of_meta):
    turned = function(x, angles)  # (batch, num_heads, seq_len, head_dim)
    layout = positions.layout_of(turned, x)
    same = torch.allclose(turned, positions.rotate(x, layout=layout), atol=1e-6)
    print(f"{function.__name__:15} is in the layout {layout}, as positions.rotate gives it: {same}")
print(positions.explain(head_dim))

# %% [markdown]
# ## Weights of one layout in the code of the other
#
# Scores of queries and keys from the same weights, in both layouts. Only reordered weights give the same scores. With grouped
# queries the keys have fewer heads, here 2, and are converted with that number.

# %%
kv_heads = 2
w_query = torch.randn(num_heads * head_dim, embed_dim) / embed_dim**0.5
w_key = torch.randn(kv_heads * head_dim, embed_dim) / embed_dim**0.5
hidden = torch.randn(batch, seq_len, embed_dim)


def scores(w_query: torch.Tensor, w_key: torch.Tensor, function: Callable[..., torch.Tensor]) -> torch.Tensor:
    """Return (batch, num_heads, seq_len, seq_len)."""
    query, key = (
        function((hidden @ w.mT).reshape(batch, seq_len, -1, head_dim).transpose(1, 2), angles)
        for w in (w_query, w_key)
    )
    return query @ key.repeat_interleave(num_heads // kv_heads, dim=1).mT / head_dim**0.5


meant = scores(w_query, w_key, of_meta)
for name, weights in {
    "as they are": (w_query, w_key),
    "keys converted with the heads of the queries": (
        positions.convert(w_query, num_heads),
        positions.convert(w_key, num_heads),
    ),
    "each with its own heads": (positions.convert(w_query, num_heads), positions.convert(w_key, kv_heads)),
}.items():
    off = (scores(*weights, of_hugging_face) - meant).abs()
    first, last = off[:, :, 0, 0].max(), off.max()
    print(f"{name:44}: scores off by {first:.3f} at token 0, by up to {last:.3f}")

# %% [markdown]
# Position 0 is not turned, so that its score is right in any layout, except where rows went to another head. A test on one token
# sees nothing.
#
# ## Scores by distance, and longer contexts
#
# The mean score of equal vectors falls as they move apart. Linear scaling by 4 stretches that curve by 4.

# %%
head_dim, length = 64, 256
key = torch.ones(1, head_dim)
curves: dict[str, torch.Tensor] = {}
for name, base, factor in [
    ("as trained", 10000.0, 1.0),
    ("linear, factor 4", 10000.0, 4.0),
    ("NTK-aware, factor 4", 10000.0 * 4 ** (head_dim / (head_dim - 2)), 1.0),
]:
    turned = positions.rotate(key.expand(length, head_dim), base=base, factor=factor)
    curves[name] = turned @ turned[0] / head_dim
    slowest = positions.frequencies(head_dim, base=base, factor=factor)[-1]
    print(f"{name:20}: score {curves[name][16]:.3f} at distance 16, slowest pair {slowest:.2e} radians a position")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
image = left.imshow(positions.angles(torch.arange(64), 32).cos().numpy(force=True), aspect="auto", cmap="RdBu")
left.set(title="Cosine of the angles, 32 features", xlabel="pair", ylabel="position")
figure.colorbar(image, ax=left)
for (name, curve), color in zip(curves.items(), ("#0072B2", "#D55E00", "#009E73"), strict=True):
    right.plot(curve.numpy(force=True), color=color, label=name)
right.set(title="Score of equal vectors", xlabel="distance", ylabel="score / head_dim")
right.legend()
plt.show()
