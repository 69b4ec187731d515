"""Exercises that combine concepts, up to attention with several heads, a cache, and a loss."""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from tensorref._exercises.task import counted, exercise, normal, whole


def _ids(*shape: int, high: int, seed: int = 0) -> Tensor:
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randint(high, shape, generator=generator, device="cpu")


@exercise(
    "swiglu",
    "elementwise",
    "matmul",
    difficulty=3,
    task=(
        "Compute the feed-forward layer of Llama: silu(x @ gate) times x @ up, element by element, and that @ down, where "
        "silu(t) = t * sigmoid(t)."
    ),
    hints=("Two products go in, one comes out.", "Only the gate goes through silu."),
    learns="A gated layer multiplies two projections: one says what, the other how much of it.",
    results=("output",),
    expected=lambda x, gate, up, down: functional.linear(
        functional.silu(functional.linear(x, gate.mT)) * functional.linear(x, up.mT), down.mT
    ),
    cases=lambda: [
        tuple(0.5 * normal(*shape, seed=seed) for seed, shape in enumerate(shapes))
        for shapes in (
            ((2, 3, 4), (4, 8), (4, 8), (8, 4)),
            ((5, 4), (4, 4), (4, 4), (4, 4)),
            ((1, 1), (1, 2), (1, 2), (2, 1)),
        )
    ],
)
def feed_forward(
    x: Float[Tensor, "*batch embed_dim"],
    gate: Float[Tensor, "embed_dim hidden_dim"],
    up: Float[Tensor, "embed_dim hidden_dim"],
    down: Float[Tensor, "hidden_dim embed_dim"],
) -> Float[Tensor, "*batch embed_dim"]:
    return (functional.silu(x @ gate) * (x @ up)) @ down


def _sinusoids(seq_len: int, embed_dim: int) -> Tensor:
    rows = [
        [(math.cos if i % 2 else math.sin)(position / 10000 ** ((i - i % 2) / embed_dim)) for i in range(embed_dim)]
        for position in range(seq_len)
    ]
    return torch.tensor(rows, dtype=torch.float32).reshape(seq_len, embed_dim)


@exercise(
    "sinusoidal-positions",
    "creation",
    "elementwise",
    "broadcasting",
    difficulty=3,
    task=(
        "Make, without a loop, the table of positions of the first Transformer, in float32: feature 2i of a position is "
        "sin(position / 10000**(2i / embed_dim)), feature 2i + 1 is the cosine of the same angle. embed_dim is even."
    ),
    hints=(
        "A column of positions and a row of frequencies give a table of angles.",
        "Sines go to the even features, cosines to the odd ones: slices with a step of 2, or stack and flatten.",
    ),
    learns="A table of a product of two sequences is one broadcast; interleaving two tables is a stack on a new last axis.",
    results=("table",),
    expected=_sinusoids,
    cases=lambda: [(5, 8), (4, 4), (1, 2)],
    growing=lambda: ((3, 8), (12, 32)),
)
def sinusoids(seq_len: int, embed_dim: int) -> Float[Tensor, "seq_len embed_dim"]:
    frequencies = 10000 ** -(torch.arange(0, embed_dim, 2) / embed_dim)
    angles = torch.arange(seq_len)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@exercise(
    "causal-attention",
    "matmul",
    "broadcasting",
    "kernels",
    "masks",
    "attention",
    difficulty=3,
    task=(
        "Let each token attend to itself and to the tokens before it: scores are dot products of query and key over the "
        "square root of head_dim, weights their softmax over the keys it may see, the output the weighted mean of value."
    ),
    hints=(
        "Scores, mask, softmax, product: in this order.",
        "A key that comes later gets the score -inf. torch.ones(n, n).tril() says which do not.",
    ),
    learns="Attention is two matrix products with a softmax between; the mask goes in before it.",
    results=("output",),
    expected=lambda query, key, value: functional.scaled_dot_product_attention(query, key, value, is_causal=True),
    cases=lambda: [
        (normal(2, 5, 4), normal(2, 5, 4, seed=1), normal(2, 5, 4, seed=2)),
        (normal(4, 4, 4), normal(4, 4, 4, seed=1), normal(4, 4, 4, seed=2)),
        (normal(1, 1, 8), normal(1, 1, 8, seed=1), normal(1, 1, 8, seed=2)),
        (normal(3, 6, 1), normal(3, 6, 1, seed=1), normal(3, 6, 1, seed=2)),
    ],
)
def causal_attention(
    query: Float[Tensor, "batch seq_len head_dim"],
    key: Float[Tensor, "batch seq_len head_dim"],
    value: Float[Tensor, "batch seq_len head_dim"],
) -> Float[Tensor, "batch seq_len head_dim"]:
    seq_len, head_dim = query.shape[-2:]
    scores = query @ key.mT / math.sqrt(head_dim)
    allowed = torch.ones(seq_len, seq_len, dtype=torch.bool, device=query.device).tril()
    return torch.softmax(scores.masked_fill(~allowed, -torch.inf), dim=-1) @ value


@exercise(
    "sequence-log-probability",
    "indexing",
    "broadcasting",
    "kernels",
    difficulty=3,
    task=(
        "Give the logarithm of the probability of each sequence: the sum over its tokens of the log-softmax of the logits "
        "at the id of the token. logits are already those for the token at their own place. Tokens where mask is False do "
        "not count; a sequence without a token has 0. No loop."
    ),
    hints=(
        "Of every row of log-softmax one number is wanted: gather takes an index for each row, with an axis of size 1.",
        "Drop that axis by its number before the mask goes on.",
    ),
    learns="gather picks one number for each place; squeeze() without an axis also drops a batch of 1.",
    results=("logarithms",),
    expected=lambda logits, token_ids, mask: (
        -functional.cross_entropy(logits.flatten(0, 1), token_ids.flatten(), reduction="none").reshape(mask.shape)
        * mask
    ).sum(dim=1),
    cases=lambda: [
        (normal(2, 4, 10), _ids(2, 4, high=10), torch.tensor([[True] * 4, [True, True, False, False]])),
        (normal(3, 3, 3, seed=1), _ids(3, 3, high=3), torch.tensor([[True] * 3, [False] * 3, [True, False, True]])),
        (normal(1, 1, 5), _ids(1, 1, high=5), torch.tensor([[True]])),
        (normal(1, 3, 5), _ids(1, 3, high=5), torch.tensor([[True, True, False]])),
    ],
    growing=lambda: (
        (normal(2, 4, 6), _ids(2, 4, high=6), torch.ones(2, 4, dtype=torch.bool)),
        (normal(6, 12, 6), _ids(6, 12, high=6), torch.ones(6, 12, dtype=torch.bool)),
    ),
)
def sequence_log_probability(
    logits: Float[Tensor, "batch seq_len vocab_size"],
    token_ids: Int64[Tensor, "batch seq_len"],
    mask: Bool[Tensor, "batch seq_len"],
) -> Float[Tensor, " batch"]:
    logarithms = torch.log_softmax(logits, dim=-1)
    chosen = logarithms.gather(-1, token_ids[:, :, None]).squeeze(-1)
    return chosen.masked_fill(~mask, 0.0).sum(dim=1)


def _rotated(x: Tensor, positions: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    frequencies = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    turns = torch.polar(torch.ones(1, dtype=torch.float64), positions[:, None].double() * frequencies)
    turned = torch.complex(x[..., :half].double(), x[..., half:].double()) * turns
    return torch.cat([turned.real, turned.imag], dim=-1).float()


@exercise(
    "rotary-embedding",
    "elementwise",
    "broadcasting",
    "layout",
    difficulty=4,
    task=(
        "Turn each head's vector by its position (RoPE), in the layout of Hugging Face's Llama: feature i of the first half of "
        "head_dim and feature i of the second half are the two coordinates of a point (in Meta's own Llama they are features "
        "2i and 2i + 1). Turn it counterclockwise by the angle position / 10000**(2i / head_dim). positions says the position "
        "of each token, head_dim is even, and the angles are float32."
    ),
    hints=(
        "The angles are a table of (seq_len, head_dim / 2).",
        "(a, b) turned by an angle is (a cos - b sin, a sin + b cos).",
        "chunk splits the last axis into halves; cat joins them again.",
    ),
    learns="Rotary embedding multiplies pairs of features by a rotation; which features are a pair is a matter of layout.",
    results=("rotated",),
    expected=_rotated,
    cases=lambda: [
        (normal(2, 3, 5, 8), torch.arange(5)),
        (normal(1, 2, 4, 4), torch.tensor([7, 8, 9, 10])),
        (normal(2, 2, 1, 2), torch.tensor([3])),
        (normal(1, 1, 3, 6), torch.tensor([0, 0, 2])),
    ],
)
def rotate(
    x: Float[Tensor, "batch num_heads seq_len head_dim"], positions: Int64[Tensor, " seq_len"]
) -> Float[Tensor, "batch num_heads seq_len head_dim"]:
    head_dim = x.shape[-1]
    frequencies = 10000 ** -(torch.arange(0, head_dim, 2, device=x.device) / head_dim)
    angles = positions[:, None] * frequencies
    first, second = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


@exercise(
    "next-token-loss",
    "indexing",
    "layout",
    "kernels",
    "llm",
    difficulty=4,
    task=(
        "Give the mean cross-entropy of a language model: the logits at each place predict the token at the next one, so "
        "the last logits predict nothing and the first token is predicted by nothing. Places whose target is pad_id do not "
        "count. If none is left, as in sequences of one token, the loss is 0. The result has shape ()."
    ),
    hints=(
        "Shift first: all logits but the last, all tokens but the first.",
        "functional.cross_entropy wants the classes on axis 1, or places and batch joined into one axis.",
        "Its mean over nothing is NaN; a sum over a count can be kept from that.",
    ),
    learns="A loss over tokens shifts by one, averages over real targets alone, and has to say what a batch without one gives.",
    results=("loss",),
    expected=lambda logits, token_ids, pad_id: functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten(), ignore_index=pad_id
    ).nan_to_num(0.0),
    cases=lambda: [
        (normal(2, 5, 10), torch.tensor([[5, 1, 7, 2, 3], [4, 9, 6, 0, 0]]), 0),
        (normal(3, 4, 3, seed=1), torch.tensor([[1, 2, 1, 1], [0, 0, 1, 0], [2, 0, 2, 2]]), 2),
        (normal(1, 2, 4, seed=2), torch.tensor([[1, 3]]), 0),
        (normal(1, 3, 4), torch.tensor([[1, 0, 0]]), 0),
        (normal(2, 1, 4), torch.tensor([[1], [2]]), 0),
    ],
)
def next_token_loss(
    logits: Float[Tensor, "batch seq_len vocab_size"], token_ids: Int64[Tensor, "batch seq_len"], pad_id: int
) -> Float[Tensor, ""]:
    predictions, targets = logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten()
    total = functional.cross_entropy(predictions, targets, ignore_index=pad_id, reduction="sum")
    return total / (targets != pad_id).sum().clamp(min=1)


def _stepped(query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, length: int) -> Tensor:
    keys[:, :, length : length + 1] = key
    values[:, :, length : length + 1] = value
    seen = slice(0, length + 1)
    return functional.scaled_dot_product_attention(query, keys[:, :, seen], values[:, :, seen])


def _step_case(batch: int, num_heads: int, max_len: int, head_dim: int, length: int) -> tuple[Tensor | int, ...]:
    new = (normal(batch, num_heads, 1, head_dim, seed=seed) for seed in range(3))
    # What lies behind the filled part is as unlike a zero as memory can be.
    caches = [normal(batch, num_heads, max_len, head_dim, seed=seed) for seed in (3, 4)]
    for cache in caches:
        cache[:, :, length:] = 9.0
    return (*new, *caches, length)


@exercise(
    "kv-cache-step",
    "indexing",
    "matmul",
    "kernels",
    "caches",
    difficulty=4,
    task=(
        "Take one step of generation with a cache: the first length places of keys and values are filled. Write key and "
        "value, in place, to the place behind them, and return the attention of query over the filled places and the new "
        "one: scores over the square root of head_dim, softmax, weighted mean. What lies further back in the caches does "
        "not count, whatever finite numbers it holds, and stays as it was; length is from 0 to max_len - 1."
    ),
    hints=(
        "An assignment to a slice writes into the cache.",
        "How many places count after the write? One query sees them all, so that no mask is needed.",
    ),
    learns="A cache is memory made once and written at a place; attention takes a view of the part that is filled.",
    results=("output",),
    expected=_stepped,
    cases=lambda: [
        _step_case(2, 3, 6, 4, 2),
        _step_case(1, 2, 4, 4, 3),
        _step_case(2, 1, 3, 8, 0),
        _step_case(1, 1, 1, 1, 0),
    ],
    changes=("keys", "values"),
)
def cached_attention(
    query: Float[Tensor, "batch num_heads 1 head_dim"],
    key: Float[Tensor, "batch num_heads 1 head_dim"],
    value: Float[Tensor, "batch num_heads 1 head_dim"],
    keys: Float[Tensor, "batch num_heads max_len head_dim"],
    values: Float[Tensor, "batch num_heads max_len head_dim"],
    length: int,
) -> Float[Tensor, "batch num_heads 1 head_dim"]:
    keys[:, :, length : length + 1] = key
    values[:, :, length : length + 1] = value
    scores = query @ keys[:, :, : length + 1].mT / math.sqrt(query.shape[-1])
    return torch.softmax(scores, dim=-1) @ values[:, :, : length + 1]


def _nucleus(logits: Tensor, p: float) -> Tensor:
    kept = torch.full_like(logits, -torch.inf)
    for row, probabilities in enumerate(torch.softmax(logits.double(), dim=-1).tolist()):
        total = 0.0
        for token in sorted(range(len(probabilities)), key=lambda i: -probabilities[i]):
            if total >= p:
                break
            kept[row, token] = logits[row, token]
            total += probabilities[token]
    return kept


@exercise(
    "top-p-filter",
    "indexing",
    "kernels",
    "llm",
    difficulty=4,
    task=(
        "Keep of each row the fewest tokens, the most probable first, whose probabilities together reach p, and put -inf in "
        "place of the other logits (nucleus sampling). p lies between 0 and 1, so that at least one token stays; the logits "
        "of a row differ from one another, and no sum of probabilities is p itself."
    ),
    hints=(
        "Sort each row, and take the cumulative sum of the probabilities.",
        "A token goes if those before it reach p without it.",
        "sort also says where each one came from; scatter puts the decision back there.",
    ),
    learns="The token that crosses the limit stays; what is decided in sorted order has to be put back in the order of the ids.",
    results=("filtered",),
    expected=_nucleus,
    cases=lambda: [
        (torch.tensor([[0.05, 0.5, 0.15, 0.3], [0.97, 0.01, 0.015, 0.005]]).log(), 0.7),
        (normal(3, 10), 0.9),
        (normal(2, 5, seed=1), 0.01),
        (torch.zeros(1, 1), 0.5),
    ],
)
def top_p_filter(logits: Float[Tensor, "batch vocab_size"], p: float) -> Float[Tensor, "batch vocab_size"]:
    values, order = logits.sort(dim=-1, descending=True)
    probabilities = torch.softmax(values, dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    removed = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= p)
    return logits.masked_fill(removed, -torch.inf)


def _table_gradient(token_ids: Tensor, gradient: Tensor, vocab_size: int) -> Tensor:
    table = torch.zeros(vocab_size, gradient.shape[-1], dtype=gradient.dtype, requires_grad=True)
    return torch.autograd.grad((functional.embedding(token_ids, table) * gradient).sum(), table)[0]


@exercise(
    "embedding-gradient",
    "indexing",
    "autograd",
    "llm",
    difficulty=4,
    task=(
        "Give the gradient of an embedding table from the gradient of what was looked up in it: row i is the sum of the "
        "gradients of all places where token_ids is i, and zeros if there is none. No loop."
    ),
    hints=(
        "table[token_ids] += gradient writes each row once, even if its id is there twice.",
        "index_add_ adds for every index, also for one that comes again; it wants one axis of ids.",
    ),
    learns="An assignment through an index keeps one of several writes to a place; index_add and scatter_add add them all.",
    results=("table_gradient",),
    expected=_table_gradient,
    cases=lambda: [
        (torch.tensor([[1, 1, 9], [0, 2, 1]]), whole(2, 3, 4), 10),
        (torch.tensor([[3, 3, 3, 3]]), whole(1, 4, 4, seed=1), 4),
        (torch.tensor([[0]]), whole(1, 1, 1), 1),
    ],
    growing=lambda: (
        (_ids(2, 4, high=6), whole(2, 4, 3), 6),
        (_ids(6, 12, high=20), whole(6, 12, 3), 20),
    ),
)
def embedding_gradient(
    token_ids: Int64[Tensor, "batch seq_len"], gradient: Float[Tensor, "batch seq_len embed_dim"], vocab_size: int
) -> Float[Tensor, "vocab_size embed_dim"]:
    table = gradient.new_zeros((vocab_size, gradient.shape[-1]))
    return table.index_add(0, token_ids.flatten(), gradient.flatten(0, 1))


@exercise(
    "grouped-query-attention",
    "matmul",
    "broadcasting",
    "layout",
    "attention",
    difficulty=5,
    task=(
        "Let several heads of query share a head of key and value: with num_heads = groups * kv_heads, head h uses head "
        "h // groups. Scores over the square root of head_dim, softmax over all keys, weighted mean of value; no mask."
    ),
    hints=(
        "Heads 0 to groups - 1 use the first head of key, not every kv_heads-th one.",
        "repeat_interleave repeats each head in turn; or split the axis of the heads into two, and broadcast.",
    ),
    learns="Shared heads need no copies: an axis of groups broadcasts against one of size 1. Which axis comes first is the point.",
    results=("output",),
    expected=lambda query, key, value: functional.scaled_dot_product_attention(query, key, value, enable_gqa=True),
    cases=lambda: [
        (normal(2, 6, 4, 4), normal(2, 2, 4, 4, seed=1), normal(2, 2, 4, 4, seed=2)),
        (normal(1, 4, 3, 8), normal(1, 2, 5, 8, seed=1), normal(1, 2, 5, 8, seed=2)),
        (normal(2, 3, 1, 4), normal(2, 1, 6, 4, seed=1), normal(2, 1, 6, 4, seed=2)),
        (normal(1, 2, 3, 1), normal(1, 2, 3, 1, seed=1), normal(1, 2, 3, 1, seed=2)),
    ],
)
def grouped_attention(
    query: Float[Tensor, "batch num_heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    value: Float[Tensor, "batch kv_heads key_len head_dim"],
) -> Float[Tensor, "batch num_heads query_len head_dim"]:
    batch, num_heads, query_len, head_dim = query.shape
    kv_heads = key.shape[1]
    grouped = query.reshape(batch, kv_heads, num_heads // kv_heads, query_len, head_dim)
    scores = grouped @ key[:, :, None].mT / math.sqrt(head_dim)
    return (torch.softmax(scores, dim=-1) @ value[:, :, None]).flatten(1, 2)


def _multi_head(x: Tensor, w_qkv: Tensor, w_out: Tensor, num_heads: int, mask: Tensor) -> Tensor:
    outputs = []
    for tokens, real in zip(x.double(), mask, strict=True):
        heads = []
        chunks = [part.chunk(num_heads, dim=-1) for part in (tokens @ w_qkv.double()).chunk(3, dim=-1)]
        for query, key, value in zip(*chunks, strict=True):
            rows = []
            for place in range(len(tokens)):
                seen = torch.arange(place + 1)[real[: place + 1]]
                weights = torch.softmax(key[seen] @ query[place] / query.shape[-1] ** 0.5, dim=0)
                rows.append(weights @ value[seen])
            heads.append(torch.stack(rows))
        outputs.append(torch.cat(heads, dim=-1) @ w_out.double())
    return torch.stack(outputs).float()


@exercise(
    "multi-head-attention",
    "matmul",
    "layout",
    "broadcasting",
    "kernels",
    "masks",
    "attention",
    difficulty=5,
    task=(
        "Compute the attention layer of a decoder. x @ w_qkv holds query, key and value side by side, in this order, and "
        "each of them its heads side by side. In every head a token attends to itself and to the tokens before it, but to "
        "none where mask is False: that is padding. A token that so has nothing to attend to gets zeros from every head. "
        "Scores are over the square root of head_dim; the heads, side by side again, go through @ w_out."
    ),
    hints=(
        "Split the last axis into three, then each part into heads, and move the heads in front of the tokens.",
        "The causal mask has shape (seq_len, seq_len). Which axes of size 1 does the padding mask need to hide keys?",
        "The softmax of a row of -inf is NaN: replace it before it meets value.",
    ),
    learns="A layer of attention is a dozen steps, each of which is one of the exercises before.",
    results=("output",),
    expected=_multi_head,
    cases=lambda: [
        (
            normal(2, 5, 8),
            0.5 * normal(8, 24, seed=1),
            0.5 * normal(8, 8, seed=2),
            4,
            torch.tensor([[True] * 5, [True, True, True, False, False]]),
        ),
        (
            normal(2, 4, 4),
            0.5 * normal(4, 12, seed=1),
            0.5 * normal(4, 4, seed=2),
            2,
            torch.tensor([[False, False, True, True], [False] * 4]),
        ),
        (counted(1, 1, 2), normal(2, 6, seed=1), normal(2, 2, seed=2), 1, torch.tensor([[True]])),
    ],
)
def multi_head_attention(
    x: Float[Tensor, "batch seq_len embed_dim"],
    w_qkv: Float[Tensor, "embed_dim 3*embed_dim"],
    w_out: Float[Tensor, "embed_dim embed_dim"],
    num_heads: int,
    mask: Bool[Tensor, "batch seq_len"],
) -> Float[Tensor, "batch seq_len embed_dim"]:
    batch, seq_len, embed_dim = x.shape
    heads = (batch, seq_len, num_heads, embed_dim // num_heads)
    query, key, value = (part.reshape(heads).transpose(1, 2) for part in (x @ w_qkv).chunk(3, dim=-1))
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    causal = torch.ones(seq_len, seq_len, dtype=torch.bool, device=x.device).tril()
    allowed = causal & mask[:, None, None, :]
    weights = torch.softmax(scores.masked_fill(~allowed, -torch.inf), dim=-1).masked_fill(~allowed, 0.0)
    return (weights @ value).transpose(1, 2).flatten(2) @ w_out
