# %% [markdown]
# # A traceback, explained
#
# A small decoder raises three errors one after another. `tensorref.errors` says of each which operands met, where they
# come from, and what to write instead.

# %%
import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tensorref import errors

# %% [markdown]
# ## The model
#
# Each block has attention over the tokens so far and a feed-forward part. The tokens are the digits of a clock that
# counts to five and starts again, padded to one length.

# %%
VOCABULARY, WIDTH, HEADS, TOKENS = 6, 32, 4, 12
PADDING = 5


class Block(nn.Module):
    """Attention and a feed-forward part, each added to what came in."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(hidden, WIDTH)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """Return what the block makes of a batch, in which keep says what is no padding."""
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / k.shape[-1] ** 0.5
        causal = torch.ones(TOKENS, TOKENS, dtype=torch.bool).tril()
        scores = scores.masked_fill(~(causal & keep), float("-inf"))
        x = x + (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        return x + self.down(functional.gelu(self.up(x)))


class Decoder(nn.Module):
    """Tokens to scores of the next token."""

    def __init__(self, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList([Block(each) for each in hidden])
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, tokens: Tensor, keep: Tensor) -> Tensor:
        """Return the scores of the next token at each position."""
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x, keep)
        return self.head(x)


torch.manual_seed(0)
lengths = torch.tensor([12, 9, 7])
positions = torch.arange(TOKENS + 1)
clock = torch.where(positions < lengths[:, None] + 1, positions % PADDING, PADDING)
tokens, targets = clock[:, :-1], clock[:, 1:]
keep = tokens != PADDING

# %% [markdown]
# ## The mask
#
# `keep` has shape `(batch, tokens)`, and meets scores of shape `(batch, heads, tokens, tokens)`. The explanation lists the
# operands of the line that failed and proves that they lead to exactly these words.


# %%
def report(error: Exception) -> None:
    """Print what is known of an error: its words, the operands, and the first cause."""
    explanation = errors.explain(error)
    if explanation is None:
        return
    print(explanation.words)
    print(f"  in {explanation.code}")
    for operand in explanation.operands:
        print(f"  {operand.name}: {operand.shape} {operand.dtype}")
    print(*(f"  {remark}\n" for remark in explanation.remarks), sep="", end="")
    print(f"  {explanation.causes[0]}")


model = Decoder(hidden=(4 * WIDTH, 2 * WIDTH))
try:
    model(tokens, keep)
except RuntimeError as error:
    report(error)

# %% [markdown]
# The mask needs an axis for the heads and one for the queries: `keep[:, None, None]`.
#
# ## The block that does not fit
#
# A model has many layers of one kind, and a traceback names the line they share. The remark says which of them it was:
# `model.blocks[1]`, whose `down` was made for another width.

# %%
try:
    model(tokens, keep[:, None, None])
except RuntimeError as error:
    report(error)

# %% [markdown]
# ## The loss
#
# With both mended, the scores have their classes on the last axis, and `cross_entropy` takes them on axis 1. In a loop, a
# note under the traceback says it: `with errors.explaining()`.

# %%
model = Decoder(hidden=(4 * WIDTH, 4 * WIDTH))
try:
    with errors.explaining():
        functional.cross_entropy(model(tokens, keep[:, None, None]), targets)
except RuntimeError as error:
    print(error.__notes__[0])

# %% [markdown]
# ## Mended


# %%
def train(steps: int) -> list[float]:
    """Train the model, and return its loss at each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    losses = []
    for _ in range(steps):
        scores = model(tokens, keep[:, None, None])
        loss = functional.cross_entropy(scores.transpose(1, 2), targets, ignore_index=PADDING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


losses = train(steps=60)
print(f"loss: {losses[0]:.2f} at first, {losses[-1]:.4f} after {len(losses)} steps")

# %%
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.semilogy(losses, color="#0072B2")
ax.axhline(torch.tensor(5.0).log().item(), color="0.5", linewidth=1)
ax.annotate("a guess among five digits", (59, 1.2), ha="right", va="top", color="0.4")
ax.set(title="Three errors later", xlabel="step", ylabel="loss")
plt.show()
