"""Every exercise takes its solution for right, wrong answers for wrong, and never says what is wanted."""

from __future__ import annotations

import inspect
import itertools
import math
import os
import re
import sys

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from torch.nn import functional

import tensorref
from tensorref import exercises
from tensorref._exercises import checker

DEVICE = os.environ.get("TENSORREF_DEVICE", "cpu")
ATTENTION = {"embedding-lookup": "llm", "attention-weights": "attention", "attention-output": "attention"}


def solved(name):
    """Return the solution as the function that it is."""
    namespace = {}
    exec(exercises.get(name).solution, namespace)  # noqa: S102  the code is ours
    return namespace[exercises.get(name).function]


def rules(name):
    return exercises.get(name)._rules  # noqa: SLF001


def softmax_of(scores, dim):
    return scores, torch.softmax(scores, dim)


def differentiated_in_place(function, x):
    y = x.requires_grad_()
    function(y).sum().backward()
    with torch.no_grad():
        x += 1
    return y.grad


def globally_seeded(seed, fan_in, fan_out):
    torch.manual_seed(seed)
    return torch.randn(fan_in, fan_out) / fan_in**0.5


def with_noise_in_place(features, start, noise):
    batch = features[start : start + 2]
    batch += noise
    return batch


def filled_by_a_loop(lengths, seq_len):
    mask = torch.zeros(len(lengths), seq_len, dtype=torch.bool)
    for row, length in enumerate(lengths):
        mask[row, :length] = True
    return mask


def stepped_in_place(parameter, loss, rate):
    gradient = torch.autograd.grad(loss(parameter), parameter)[0]
    with torch.no_grad():
        parameter -= rate * gradient
    return parameter


def stepped_through_backward(parameter, loss, rate):
    loss(parameter).backward()
    return (parameter - rate * parameter.grad).detach().requires_grad_()


def only_k(logits, k):
    values, places = logits.topk(k, dim=-1)
    return torch.full_like(logits, -torch.inf).scatter(-1, places, values)


def merged_naively(output_a, lse_a, output_b, lse_b):
    a, b = lse_a.exp()[:, None], lse_b.exp()[:, None]
    return (a * output_a + b * output_b) / (a + b), (a + b).log()[:, 0]


def merged_with_nan(output_a, lse_a, output_b, lse_b):
    lse = torch.logaddexp(lse_a, lse_b)
    return (lse_a - lse).exp()[:, None] * output_a + (lse_b - lse).exp()[:, None] * output_b, lse


def merged_equally(output_a, lse_a, output_b, lse_b):
    return (output_a + output_b) / 2, torch.logaddexp(lse_a, lse_b)


def merged_by_lse(output_a, lse_a, output_b, lse_b):
    lse = torch.logaddexp(lse_a, lse_b)
    return (lse_a / lse)[:, None] * output_a + (lse_b / lse)[:, None] * output_b, lse


def attended(query, key, value, allowed=None, scale=None):
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return torch.softmax(scores, -1) @ value


def lower(n, diagonal=0):
    return torch.ones(n, n, dtype=torch.bool).tril(diagonal)


def masked_after(query, key, value):
    weights = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, -1)
    return weights * lower(query.shape[1]) @ value


def masked_by_addition(query, key, value):
    return torch.softmax(query @ key.mT / query.shape[-1] ** 0.5 + lower(query.shape[1]), -1) @ value


def turned(x, positions, *, sign=1, interleaved=False, swapped=False):
    half = x.shape[-1] // 2
    angles = positions[:, None] * 10000 ** -(torch.arange(half) / half)
    cos, sin = angles.cos(), sign * angles.sin()
    if swapped:
        cos, sin = sin, cos
    a, b = (x[..., ::2], x[..., 1::2]) if interleaved else x.chunk(2, dim=-1)
    parts = [a * cos - b * sin, a * sin + b * cos]
    return torch.stack(parts, -1).flatten(-2) if interleaved else torch.cat(parts, -1)


def rotated_over_the_batch(x, positions):
    return turned(x.transpose(1, 2), positions[: x.shape[1]]).transpose(1, 2)


def mean_of_all_places(logits, token_ids, pad_id):
    loss = functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten(), ignore_index=pad_id, reduction="none"
    )
    return loss.sum() / max(loss.numel(), 1)


def mean_of_rows(logits, token_ids, pad_id):
    kept = token_ids[:, 1:] != pad_id
    loss = functional.cross_entropy(logits[:, :-1].mT, token_ids[:, 1:], reduction="none") * kept
    return (loss.sum(1) / kept.sum(1).clamp(min=1)).mean()


def next_token(logits, token_ids, pad_id):
    return functional.cross_entropy(logits.flatten(0, 1), token_ids.flatten(), ignore_index=pad_id)


def cached(query, key, value, keys, values, length, *, seen=0, place=0):
    keys[:, :, length + place : length + place + 1] = key
    values[:, :, length + place : length + place + 1] = value
    return attended(query, keys[:, :, : length + 1 + seen], values[:, :, : length + 1 + seen])


def cached_in_copies(query, key, value, keys, values, length):
    return attended(query, torch.cat([keys[:, :, :length], key], 2), torch.cat([values[:, :, :length], value], 2))


def cached_and_seen_whole(query, key, value, keys, values, length):
    cached(query, key, value, keys, values, length)
    return attended(query, keys, values)


def nucleus(logits, p, *, inclusive=False, sorted_places=False):
    values, order = logits.sort(dim=-1, descending=True)
    sums = values.softmax(-1).cumsum(-1)
    removed = (sums if inclusive else sums - values.softmax(-1)) >= p
    if sorted_places:
        return values.masked_fill(removed, -torch.inf)
    return logits.masked_fill(torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, removed), -torch.inf)


def over_the_limit(logits, p):
    return logits.masked_fill(logits.softmax(-1) < 1 - p, -torch.inf)


def written_once(token_ids, gradient, vocab_size):
    table = torch.zeros(vocab_size, gradient.shape[-1])
    table[token_ids] += gradient
    return table


def written_over(token_ids, gradient, vocab_size):
    table = torch.zeros(vocab_size, gradient.shape[-1])
    table[token_ids] = gradient
    return table


def added_by_a_loop(token_ids, gradient, vocab_size):
    table = torch.zeros(vocab_size, gradient.shape[-1])
    for token, row in zip(token_ids.flatten().tolist(), gradient.flatten(0, 1), strict=True):
        table[token] += row
    return table


def grouped(query, key, value, how):
    groups = query.shape[1] // key.shape[1]
    if how == "tiled":
        return attended(query, key.repeat(1, groups, 1, 1), value.repeat(1, groups, 1, 1))
    if how == "value tiled":
        return attended(query, key.repeat_interleave(groups, 1), value.repeat(1, groups, 1, 1))
    return attended(query, key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1), scale=1)


def layer(x, w_qkv, w_out, num_heads, mask, how=""):
    heads = (num_heads, -1)
    parts = (x @ w_qkv).chunk(3, dim=-1)
    if how == "heads first":
        parts = (x @ w_qkv).unflatten(-1, (num_heads, 3, -1)).transpose(1, 2).unbind(-2)
        query, key, value = parts
    elif how == "view":
        query, key, value = (p.reshape(x.shape[0], num_heads, x.shape[1], -1) for p in parts)
    else:
        query, key, value = (p.unflatten(-1, heads).transpose(1, 2) for p in parts)
    allowed = mask[:, None, None, :].expand(-1, 1, x.shape[1], -1)
    if how != "not causal":
        allowed = allowed & lower(x.shape[1])
    if how == "no padding":
        allowed = lower(x.shape[1])
    if how == "rows":
        allowed = lower(x.shape[1]) & mask[:, None, :, None]
    size = x.shape[-1] if how == "embed_dim" else query.shape[-1]
    weights = torch.softmax((query @ key.mT / size**0.5).masked_fill(~allowed, -torch.inf), -1)
    if how != "nan":
        weights = weights.nan_to_num(0.0)
    output = weights @ value
    return (output if how == "not moved" else output.transpose(1, 2)).reshape(x.shape) @ w_out


def sinusoids_in_halves(seq_len, embed_dim):
    angles = torch.arange(seq_len)[:, None] * 10000 ** -(torch.arange(0, embed_dim, 2) / embed_dim)
    return torch.cat([angles.sin(), angles.cos()], -1)


def sinusoids_by_a_loop(seq_len, embed_dim):
    table = torch.zeros(seq_len, embed_dim)
    frequencies = 10000 ** -(torch.arange(0, embed_dim, 2) / embed_dim)
    for position in range(seq_len):
        table[position, ::2] = (position * frequencies).sin()
        table[position, 1::2] = (position * frequencies).cos()
    return table


def sinusoids_of_features(seq_len, embed_dim):
    angles = torch.arange(seq_len)[:, None] * 10000 ** -(torch.arange(embed_dim) / embed_dim)
    return torch.where(torch.arange(embed_dim) % 2 == 0, angles.sin(), angles.cos())


def quantized(weight, largest=None, rounding=torch.round):
    largest = weight.abs().amax(-1, keepdim=True) if largest is None else largest
    scales = torch.where(largest == 0, 1.0, largest / 127)
    return rounding(weight / scales).to(torch.int8), scales


def quantized_zero_by_zero(weight):
    scales = weight.abs().amax(-1, keepdim=True) / 127
    return (weight / scales).round().to(torch.int8), scales


def quantized_up_to_128(weight):
    scales = weight.abs().amax(-1, keepdim=True) / 128
    return (weight / scales).round().to(torch.int8), scales


def seeded(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def tanh(x):
    return np.tanh(x) if isinstance(x, np.ndarray) else torch.tanh(x)


# A wrong answer to an exercise, and what is said of it.
WRONG = {
    "tensor-bytes": {
        "sum": (lambda shape, itemsize: sum(shape) * itemsize, "bytes is not right (yours is 96)"),
        "a NumPy integer": (
            lambda shape, itemsize: np.prod(shape) * itemsize,
            "bytes is an object of type int64, the task asks for int.",
        ),
        "a float": (
            lambda shape, itemsize: float(math.prod(shape) * itemsize),
            "bytes is an object of type float, the task asks for int.",
        ),
    },
    "parameter-bytes": {
        "four bytes each": (
            lambda parameters: sum(4 * p.numel() for p in parameters),
            "bytes is not right (yours is 13440)",
        ),
        "the storages": (
            lambda parameters: sum(p.untyped_storage().nbytes() for p in parameters),
            "bytes is not right (yours is 1280)",
        ),
        "rows": (
            lambda parameters: sum(len(p) * p.element_size() for p in parameters),
            "bytes is not right (yours is 1040)",
        ),
        "a tensor": (
            lambda parameters: sum(torch.tensor(p.nbytes) for p in parameters),
            "bytes is an object of type Tensor, the task asks for int.",
        ),
        "of the first dtype": (
            lambda parameters: sum(p.numel() for p in parameters) * parameters[0].element_size(),
            "bytes is not right (yours is 6720)",
        ),
    },
    "positions": {
        "one row": (
            lambda _, seq_len: torch.arange(seq_len),
            "positions has shape (5,), the task asks for (2, 5). The difference is one of broadcasting (axis -2 is missing)",
        ),
        "one row with an axis": (
            lambda _, seq_len: torch.arange(seq_len)[None],
            "positions has shape (1, 5), the task asks for (2, 5). The difference is one of broadcasting (axis -2 has 1 instead of 2)",
        ),
        "floats": (
            lambda batch, seq_len: torch.arange(float(seq_len)).expand(batch, -1),
            "positions has dtype torch.float32, the task asks for torch.int64.",
        ),
        "from one on": (
            lambda batch, seq_len: torch.arange(1, seq_len + 1).expand(batch, -1),
            "positions[0, 0] is not right (yours is 1)",
        ),
        "counted on": (
            lambda batch, seq_len: torch.arange(batch * seq_len).reshape(batch, seq_len),
            "positions[1, 0] is not right (yours is 5)",
        ),
    },
    "seeded-weights": {
        "the global seed": (globally_seeded, "it changed the global random state; draw from a torch.Generator."),
        "turned": (
            lambda seed, fan_in, fan_out: seeded(seed, fan_out, fan_in) / fan_in**0.5,
            "weight has shape (16, 64), the task asks for (64, 16). The sizes are right, the order of the axes is not.",
        ),
        "over fan_out": (
            lambda seed, fan_in, fan_out: seeded(seed, fan_in, fan_out) / fan_out**0.5,
            "weight[0, 0] is not right",
        ),
        "not divided": (seeded, "weight[0, 0] is not right"),
        "NumPy's": (
            lambda seed, fan_in, fan_out: torch.from_numpy(np.random.default_rng(seed).normal(size=(fan_in, fan_out))),
            "weight has dtype torch.float64, the task asks for torch.float32.",
        ),
    },
    "causal-mask": {
        "top left": (
            lambda query_len, key_len: torch.ones(query_len, key_len, dtype=torch.bool).tril(),
            "mask[0, 1] is not right (yours is False)",
        ),
        "the other triangle": (
            lambda query_len, key_len: torch.ones(query_len, key_len, dtype=torch.bool).triu(key_len - query_len),
            "mask[0, 1] is not right (yours is True)",
        ),
        "not itself": (
            lambda query_len, key_len: torch.ones(query_len, key_len, dtype=torch.bool).tril(key_len - query_len - 1),
            "mask[0, 0] is not right (yours is False)",
        ),
        "floats": (
            lambda query_len, key_len: torch.ones(query_len, key_len).tril(key_len - query_len),
            "mask has dtype torch.float32, the task asks for torch.bool.",
        ),
        "square": (
            lambda _, key_len: torch.ones(key_len, key_len, dtype=torch.bool).tril(),
            "mask has shape (5, 5), the task asks for (2, 5).",
        ),
    },
    "shift-labels": {
        "not shifted": (lambda token_ids: (token_ids, token_ids), "inputs has shape (2, 4), the task asks for (2, 3)."),
        "rolled": (
            lambda token_ids: (token_ids, token_ids.roll(-1, 1)),
            "inputs has shape (2, 4), the task asks for (2, 3).",
        ),
        "targets first": (
            lambda token_ids: (token_ids[:, 1:], token_ids[:, :-1]),
            "inputs[0, 0] is not right (yours is 23)",
        ),
        "over the batch": (
            lambda token_ids: (token_ids[:-1], token_ids[1:]),
            "inputs has shape (1, 4), the task asks for (2, 3).",
        ),
        "copies": (
            lambda token_ids: (token_ids[:, :-1].clone(), token_ids[:, 1:].clone()),
            "inputs lies in memory of its own; the task asks for a view of token_ids",
        ),
        "one tensor": (
            lambda token_ids: token_ids[:, 1:],
            "it returned an object of type Tensor, the task asks for a tuple of inputs and targets.",
        ),
    },
    "last-token": {
        "every pair": (
            lambda hidden, lengths: hidden[:, lengths - 1],
            "vectors has shape (3, 3, 2), the task asks for (3, 2). The difference is one of broadcasting (axis -3, of size 3, is too many)",
        ),
        "the last place": (lambda hidden, _: hidden[:, -1], "vectors[1, 0] is not right (yours is 18)"),
        "off by one": (
            lambda hidden, lengths: hidden[torch.arange(len(hidden)), lengths],
            "it raised IndexError: index 5 is out of bounds for dimension 1 with si",
        ),
        "a loop": (
            lambda hidden, lengths: torch.stack([row[n - 1] for row, n in zip(hidden, lengths, strict=True)]),
            "that is a loop, and the task asks for none.",
        ),
    },
    "top-k-filter": {
        "k of a tie": (only_k, "filtered[0, 1] is not right (yours is -inf, no finite number)"),
        "over the batch": (
            lambda logits, k: logits.masked_fill(logits < logits.flatten().topk(k).values[-1], -torch.inf),
            "filtered[0, 2] is not right (yours is -inf, no finite number)",
        ),
        "zeros": (
            lambda logits, k: torch.where(logits >= logits.topk(k).values[:, -1:], logits, 0.0),
            "filtered[0, 0] is not right (yours is 0)",
        ),
        "the limit too": (
            lambda logits, k: logits.masked_fill(logits <= logits.topk(k).values[:, -1:], -torch.inf),
            "filtered[0, 2] is not right (yours is -inf, no finite number)",
        ),
        "no axis kept": (
            lambda logits, k: logits.masked_fill(logits < logits.topk(k).values[:, -1], -torch.inf),
            "it raised RuntimeError: The size of tensor a (10) must match the size",
        ),
        "in place": (
            lambda logits, k: logits.masked_fill_(logits < logits.topk(k).values[:, -1:], -torch.inf),
            "it changed its argument logits;",
        ),
    },
    "row-probabilities": {
        "no axis kept": (
            lambda counts: counts / counts.sum(-1),
            "it raised RuntimeError: The size of tensor a (4) must match the size of tensor b (2)",
        ),
        "along the columns": (
            lambda counts: counts / counts.sum(0, keepdim=True),
            "probabilities[0, 0] is not right (yours is 0.3333)",
        ),
        "by the total": (lambda counts: counts / counts.sum(), "probabilities[0, 0] is not right (yours is 0.0625)"),
        "in place": (lambda counts: counts.div_(counts.sum(-1, keepdim=True)), "it changed its argument counts;"),
        "no axis kept where it fits": (
            lambda counts: (
                counts / (counts.sum(-1) if len(counts) == counts.shape[1] else counts.sum(-1, keepdim=True))
            ),
            "probabilities[0, 1] is not right (yours is 0.375)",
        ),
    },
    "sequence-rewards": {
        "squeezed": (
            lambda values: (values.squeeze().mean(-1), values.squeeze().amax(-1)),
            "means has shape (), the task asks for (1,)",
        ),
        "one axis only": (
            lambda values: (values.mean(1), values.amax(1)),
            "means has shape (3, 1), the task asks for (3,)",
        ),
        "over the batch": (
            lambda values: (values.mean((0, 2)), values.amax((0, 2))),
            "means has shape (4,), the task asks for (3,)",
        ),
        "the places too": (
            lambda values: (values.squeeze(-1).mean(1), values.squeeze(-1).max(1)),
            "largest is a tuple of 2, the task asks for Tensor.",
        ),
    },
    "silu": {
        "overflow": (
            lambda x: x * torch.exp(x) / (1 + torch.exp(x)),
            "activations[1] is not right (yours is nan, no finite number)",
        ),
        "nothing": (lambda _: None, "activations is nothing (a return is missing), the task asks for Tensor."),
        "sparse": (
            lambda x: functional.silu(x).to_sparse(),
            "activations has layout torch.sparse_coo, the task asks for torch.strided.",
        ),
        "relu": (torch.relu, "activations[0] is not right (yours is 0)"),
        "in place": (lambda x: x.mul_(x.sigmoid()), "it changed its argument x;"),
    },
    "gelu": {
        "erf": (lambda x: functional.gelu(torch.as_tensor(x)), "activations[0] is not right"),
        "a tensor for an array": (
            lambda x: functional.gelu(torch.as_tensor(x), approximate="tanh"),
            "activations is an object of type Tensor, the task asks for ndarray.",
        ),
        "the square": (
            lambda x: 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**2))),
            "activations[0] is not right",
        ),
        "no half": (
            lambda x: x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
            "activations[0] is not right",
        ),
        "float64": (
            lambda x: 0.5 * x * (1 + tanh(np.float64(0.7978845608) * (x + 0.044715 * x**3))),
            "activations has dtype float64, the task asks for float32.",
        ),
    },
    "cosine-similarity": {
        "dot products": (lambda a, b: a @ b.mT, "similarities[0, 0] is not right"),
        "turned": (
            lambda a, b: torch.cosine_similarity(b[:, None], a, dim=-1),
            "similarities has shape (5, 3), the task asks for (3, 5). The sizes are right, the order of the axes is not.",
        ),
        "pairs": (
            lambda a, b: torch.cosine_similarity(a, b, dim=-1),
            "it raised RuntimeError: The size of tensor a (3) must match the size o",
        ),
        "norms of columns": (
            lambda a, b: (a / a.norm(dim=0)) @ (b / b.norm(dim=0)).mT,
            "similarities[0, 0] is not right",
        ),
        "in place": (
            lambda a, b: a.div_(a.norm(dim=-1, keepdim=True)) @ (b / b.norm(dim=-1, keepdim=True)).mT,
            "it changed its argument a;",
        ),
    },
    "scaled-scores": {
        "all axes turned": (
            lambda query, key: query @ key.permute(3, 2, 1, 0) / query.shape[-1] ** 0.5,
            "it raised RuntimeError: The size of tensor a (3) must match the size o",
        ),
        "not scaled": (lambda query, key: query @ key.mT, "scores[0, 0, 0, 0] is not right (yours is -6)"),
        "not rooted": (lambda query, key: query @ key.mT / query.shape[-1], "scores[0, 0, 0, 0] is not right"),
        "keys by queries": (
            lambda query, key: key @ query.mT / query.shape[-1] ** 0.5,
            "scores has shape (2, 3, 6, 5), the task asks for (2, 3, 5, 6). The sizes are right, the order of the axes is not.",
        ),
        "reshaped": (
            lambda query, key: query @ key.reshape(*key.shape[:2], key.shape[3], key.shape[2]) / query.shape[-1] ** 0.5,
            "scores[0, 0, 0, 0] is not right (yours is -5)",
        ),
        "in place": (lambda query, key: query.div_(query.shape[-1] ** 0.5) @ key.mT, "it changed its argument query;"),
    },
    "weighted-average": {
        "heads first": (
            lambda weights, value: weights @ value,
            "output has shape (2, 3, 4, 6), the task asks for (2, 4, 3, 6). The sizes are right, the order of the axes is not.",
        ),
        "reshaped": (
            lambda weights, value: (weights @ value).reshape(len(value), -1, value.shape[1], value.shape[3]),
            "output[0, 0, 1, 0] is not right",
        ),
        "all heads with all": (
            lambda weights, value: torch.einsum("bhqk,bgkd->bqhd", weights, value),
            "output[0, 0, 0, 0] is not right",
        ),
    },
    "training-bytes": {
        "all are trained": (
            lambda parameters: 16 * sum(p.numel() for p in parameters),
            "bytes is not right (yours is 640)",
        ),
        "no master weights": (
            lambda parameters: sum(p.numel() * (12 if p.requires_grad else 2) for p in parameters),
            "bytes is not right (yours is 432)",
        ),
        "numbers alone": (lambda parameters: sum(p.nbytes for p in parameters), "bytes is not right (yours is 72)"),
    },
    "cache-batch": {
        "keys alone": (
            lambda memory, weights, layers, heads, dim, seq_len: (
                max(0, memory - weights) // (2 * layers * heads * dim * seq_len)
            ),
            "batch is not right (yours is 18)",
        ),
        "a fraction": (
            lambda memory, weights, layers, heads, dim, seq_len: (
                (memory - weights) / (4 * layers * heads * dim * seq_len)
            ),
            "batch is",
        ),
        "below 0": (
            lambda memory, weights, layers, heads, dim, seq_len: (
                (memory - weights) // (4 * layers * heads * dim * seq_len)
            ),
            "batch is not right (yours is -7)",
        ),
    },
    "expert-weights": {
        "of all experts": (
            lambda logits, top_k: (
                logits.topk(top_k).indices,
                logits.softmax(-1).topk(top_k).values,
            ),
            "weights[0, 0] is not right",
        ),
        "the logits themselves": (lambda logits, top_k: logits.topk(top_k)[::-1], "weights[0, 0] is not right"),
        "along the tokens": (
            lambda logits, top_k: (logits.topk(top_k).indices, logits.topk(top_k).values.softmax(0)),
            "weights[0, 0] is not right",
        ),
    },
    "expert-slots": {
        "counted from 1": (
            lambda experts, n, capacity: torch.where(
                (place := (functional.one_hot(experts, n).cumsum(0).gather(1, experts[:, None])[:, 0])) <= capacity,
                place,
                -1,
            ),
            "slots[0] is not right",
        ),
        "nobody is dropped": (
            lambda experts, n, capacity: functional.one_hot(experts, n).cumsum(0).gather(1, experts[:, None])[:, 0] - 1,
            "slots[3] is not right",
        ),
        "the last place for all that is too much": (
            lambda experts, n, capacity: (
                functional.one_hot(experts, n).cumsum(0).gather(1, experts[:, None])[:, 0] - 1
            ).clamp(max=capacity - 1),
            "slots[3] is not right",
        ),
    },
    "dequantize-groups": {
        "scales in turns": (
            lambda numbers, scales: numbers * scales.repeat(1, numbers.shape[1] // scales.shape[1]),
            "weight[0, 1] is not right",
        ),
        "one scale a row": (lambda numbers, scales: numbers * scales[:, :1], "weight[0, 2] is not right"),
        "divided": (
            lambda numbers, scales: numbers / scales.repeat_interleave(numbers.shape[1] // scales.shape[1], 1),
            "weight[0, 0] is not right",
        ),
    },
    "pack-int4": {
        "the second first": (
            lambda numbers: (low := numbers.to(torch.uint8) & 15)[:, 1::2] | low[:, ::2] << 4,
            "packed[0, 0] is not right",
        ),
        "without a mask": (
            lambda numbers: numbers[:, ::2].to(torch.uint8) | numbers[:, 1::2].to(torch.uint8) << 4,
            "is not right",
        ),
        "halves of the row": (
            lambda numbers: torch.bitwise_or(
                *(half << 4 * place for place, half in enumerate((numbers.to(torch.uint8) & 15).chunk(2, dim=1)))
            ),
            "is not right",
        ),
    },
    "bilinear-score": {
        "no weight between": (lambda a, weight, b: a @ b[:, : a.shape[1]].mT, "scores[0, 0] is not right"),
        "b by a": (
            lambda a, weight, b: torch.einsum("ni,ij,mj->mn", a, weight, b),
            "scores has shape (2, 3), the task asks for (3, 2). The sizes are right, the order of the axes is not.",
        ),
        "row by row": (
            lambda a, weight, b: torch.einsum("ni,ij,nj->n", a[: len(b)], weight, b),
            "scores has shape (2,), the task asks for (3, 2).",
        ),
    },
    "response-labels": {
        "padding stays": (
            lambda token_ids, prompt_lengths, lengths: token_ids.masked_fill(
                torch.arange(token_ids.shape[1]) < prompt_lengths[:, None], -100
            ),
            "labels[1, 5] is not right",
        ),
        "shifted": (
            lambda token_ids, prompt_lengths, lengths: token_ids[:, 1:],
            "labels has shape (2, 5), the task asks for (2, 6).",
        ),
        "in place": (
            lambda token_ids, prompt_lengths, lengths: token_ids.masked_fill_(
                (torch.arange(token_ids.shape[1]) < prompt_lengths[:, None])
                | (torch.arange(token_ids.shape[1]) >= lengths[:, None]),
                -100,
            ),
            "it changed its argument token_ids;",
        ),
    },
    "mean-of-batches": {
        "mean of means": (lambda means, counts: means.mean(), "loss is not right"),
        "nan times 0": (lambda means, counts: (means * counts).sum() / counts.sum(), "loss is not right"),
        "one for each": (
            lambda means, counts: means * counts / counts.sum(),
            "loss has shape (3,), the task asks for ().",
        ),
    },
    "min-p-filter": {
        "of all, not of the best": (
            lambda logits, p: logits.masked_fill(logits.softmax(-1) < p, -torch.inf),
            "filtered[0, 2] is not right",
        ),
        "of the batch": (
            lambda logits, p: logits.masked_fill(logits < logits.amax() + math.log(p), -torch.inf),
            "filtered[0, 2] is not right",
        ),
        "zeros": (
            lambda logits, p: logits.masked_fill(logits < logits.amax(-1, keepdim=True) + math.log(p), 0.0),
            "filtered[0, 0] is not right",
        ),
    },
    "ended-rows": {
        "forgets who ended": (
            lambda drawn, ended, eos_id, pad_id: (torch.where(ended, pad_id, drawn), drawn == eos_id),
            "now_ended[2] is not right",
        ),
        "no end": (
            lambda drawn, ended, eos_id, pad_id: (
                torch.where(ended | (drawn == eos_id), pad_id, drawn),
                ended | (drawn == eos_id),
            ),
            "appended[1] is not right",
        ),
        "in place": (
            lambda drawn, ended, eos_id, pad_id: (drawn.masked_fill_(ended, pad_id), ended | (drawn == eos_id)),
            "it changed its argument drawn;",
        ),
    },
    "clipped-gradients": {
        "one by one": (
            lambda a, b, max_norm: (
                a * (max_norm / a.norm()).clamp(max=1.0),
                b * (max_norm / b.norm()).clamp(max=1.0),
            ),
            "clipped_a[0, 0] is not right",
        ),
        "each number": (
            lambda a, b, max_norm: (a.clamp(-max_norm, max_norm), b.clamp(-max_norm, max_norm)),
            "clipped_a[0, 0] is not right",
        ),
        "in place": (
            lambda a, b, max_norm: (
                a.mul_(min(1.0, max_norm / max(1e-6, (a.norm() ** 2 + b.norm() ** 2).item() ** 0.5))),
                b,
            ),
            "it changed its argument a;",
        ),
    },
    "accumulated-gradient": {
        "mean of means": (
            lambda weight, x, targets, size: (
                sum(
                    2 * some.mT @ (some @ weight - wanted) / len(some)
                    for some, wanted in zip(x.split(size), targets.split(size), strict=True)
                )
                / math.ceil(len(x) / size)
            ),
            "gradient[0] is not right",
        ),
        "a sum": (lambda weight, x, targets, size: 2 * x.mT @ (x @ weight - targets), "gradient[0] is not right"),
        "no error": (lambda weight, x, targets, size: 2 * x.mT @ (x @ weight) / len(x), "gradient[0] is not right"),
    },
    "low-rank-update": {
        "alpha alone": (
            lambda x, weight, a, b, alpha: x @ weight.mT + alpha * (x @ a.mT @ b.mT),
            "output[0, 0, 0] is not right (yours is 38)",
        ),
        "no update": (lambda x, weight, *_: x @ weight.mT, "output[0, 0, 0] is not right (yours is -18)"),
        "no weight": (
            lambda x, weight, a, b, alpha: alpha / len(a) * (x @ a.mT @ b.mT),
            "output[0, 0, 0] is not right (yours is 28)",
        ),
        "not transposed": (
            lambda x, weight, a, b, alpha: x @ weight + x @ a.mT @ b.mT * (alpha / len(a)),
            "it raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (10x",
        ),
        "into the weight": (
            lambda x, weight, a, b, alpha: x @ weight.add_(alpha / len(a) * (b @ a)).mT,
            "it changed its argument weight;",
        ),
        "over in_features": (
            lambda x, weight, a, b, alpha: x @ weight.mT + x @ a.mT @ b.mT * (alpha / a.shape[1]),
            "output[0, 0, 0] is not right (yours is -11)",
        ),
    },
    "squared-errors": {
        "every pair": (
            lambda prediction, target: (prediction - target) ** 2,
            "errors has shape (6, 6), the task asks for (6,). The difference is one of broadcasting (axis -2, of size 6, is too many)",
        ),
        "a column": (
            lambda prediction, target: (prediction - target[:, None]) ** 2,
            "errors has shape (6, 1), the task asks for (6,). The difference is one of broadcasting (axis -1 has 1 instead of 6, axis -2, of size 6, is too many)",
        ),
        "squeezed to a scalar": (
            lambda prediction, target: (prediction.squeeze() - target).squeeze() ** 2,
            "errors has shape (), the task asks for (1,). The difference is one of broadcasting (axis -1 is missing)",
        ),
        "not squared": (lambda prediction, target: prediction[:, 0] - target, "errors[0] is not right"),
        "the mean": (
            lambda prediction, target: ((prediction[:, 0] - target) ** 2).mean(),
            "errors has shape (), the task asks for (6,). The difference is one of broadcasting (axis -1 is missing)",
        ),
    },
    "add-positions": {
        "the whole table": (
            lambda x, table: x + table,
            "it raised RuntimeError: The size of tensor a (3) must match the size o",
        ),
        "by sequence": (lambda x, table: x + table[: len(x), None], "embeddings[0, 1, 0] is not right (yours is 4)"),
        "the same for all": (lambda x, table: x + table[0], "embeddings[0, 1, 0] is not right (yours is 4)"),
        "in place": (lambda x, table: x.add_(table[: x.shape[1]]), "it changed its argument x;"),
        "from one on": (
            lambda x, table: x + table[1 : x.shape[1] + 1],
            "embeddings[0, 0, 0] is not right (yours is 4)",
        ),
    },
    "padding-mask": {
        "one more": (
            lambda lengths, seq_len: torch.arange(seq_len) <= lengths[:, None],
            "mask[1, 2] is not right (yours is True)",
        ),
        "the padding": (
            lambda lengths, seq_len: torch.arange(seq_len) >= lengths[:, None],
            "mask[0, 0] is not right (yours is False)",
        ),
        "turned": (
            lambda lengths, seq_len: torch.arange(seq_len)[:, None] < lengths,
            "mask has shape (5, 3), the task asks for (3, 5). The sizes are right, the order of the axes is not.",
        ),
        "numbers": (
            lambda lengths, seq_len: (torch.arange(seq_len) < lengths[:, None]).float(),
            "mask has dtype torch.float32, the task asks for torch.bool.",
        ),
        "a loop": (filled_by_a_loop, "that is a loop, and the task asks for none."),
        "pairs": (
            lambda lengths, seq_len: torch.arange(seq_len) < lengths,
            "it raised RuntimeError: The size of tensor a (5) must match the size o",
        ),
    },
    "pairwise-distances": {
        "pairs": (
            lambda a, b: (a - b).norm(dim=-1),
            "it raised RuntimeError: The size of tensor a (3) must match the size o",
        ),
        "squares": (lambda a, b: (a[:, None] - b).square().sum(-1), "distances[0, 0] is not right (yours is 33)"),
        "turned": (
            lambda a, b: (b[:, None] - a).norm(dim=-1),
            "distances has shape (5, 3), the task asks for (3, 5). The sizes are right, the order of the axes is not.",
        ),
        "over the pairs": (
            lambda a, b: (a[:, None] - b).square().sum(1).sqrt(),
            "distances has shape (3, 4), the task asks for (3, 5).",
        ),
        "magnitudes": (lambda a, b: (a[:, None] - b).abs().sum(-1), "distances[0, 0] is not right (yours is 9)"),
        "a loop": (
            lambda a, b: torch.stack([(row - b).norm(dim=-1) for row in a]),
            "that is a loop, and the task asks for none.",
        ),
    },
    "shared-tensor": {
        "a copy": (
            torch.tensor,
            "tensor lies in memory of its own; the task asks for a view of array",
        ),
        "contiguous": (
            lambda array: torch.from_numpy(np.ascontiguousarray(array)),
            "tensor lies in memory of its own; the task asks for a view of array",
        ),
        "float32": (
            lambda array: torch.as_tensor(array, dtype=torch.float32),
            "tensor has dtype torch.float32, the task asks for torch.int64.",
        ),
        "the array": (lambda array: array, "tensor is an object of type ndarray, the task asks for Tensor."),
    },
    "to-numpy": {
        "a tensor": (
            lambda tensor: tensor.detach().float(),
            "array is an object of type Tensor, the task asks for ndarray.",
        ),
        "bfloat16": (lambda tensor: tensor.cpu().numpy(), "it raised TypeError: Got unsupported ScalarType BFloat16"),
        "grad": (
            lambda tensor: tensor.float().cpu().numpy(),
            "it raised RuntimeError: Can't call numpy() on Tensor that requires gra",
        ),
        "reversed": (lambda tensor: tensor.detach().float().numpy()[::-1], "array[0, 0] is not right"),
        "float64": (lambda tensor: np.array(tensor.tolist()), "array has dtype float64, the task asks for float32."),
        "a list": (lambda tensor: tensor.tolist(), "array is an object of type list, the task asks for ndarray."),
    },
    "independent-tensor": {
        "shared": (
            torch.from_numpy,
            "tensor shares its memory with array; the task asks for a copy.",
        ),
        "as_tensor": (
            lambda array: torch.as_tensor(array, dtype=torch.float32),
            "tensor shares its memory with array; the task asks for a copy.",
        ),
        "float64": (
            torch.tensor,
            "tensor has dtype torch.float64, the task asks for torch.float32.",
        ),
        "no copy of float32": (
            lambda array: torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)),
            "tensor shares its memory with array; the task asks for a copy.",
        ),
        "negative strides": (
            lambda array: torch.tensor(array, dtype=torch.float32),
            "it raised ValueError: At least one stride in the given numpy array is",
        ),
        "forwards": (
            lambda array: torch.tensor(np.sort(array), dtype=torch.float32),
            "tensor[0] is not right (yours is 0)",
        ),
    },
    "mixed-product": {
        "no promotion": (
            lambda x, weight: x @ weight,
            "it raised RuntimeError: expected m1 and m2 to have the same dtype, but",
        ),
        "float16": (
            lambda x, weight: x.to(weight) @ weight,
            "product has dtype torch.float16, the task asks for torch.float32.",
        ),
        "rounded first": (lambda x, weight: (x.to(weight) @ weight).float(), "product[0, 0] is not right"),
        "float64": (
            lambda x, weight: x.double() @ weight.double(),
            "product has dtype torch.float64, the task asks for torch.float32.",
        ),
    },
    "rms-norm": {
        "overflow": (
            lambda x, weight: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight,
            "normalized[0, 0] is not right (yours is 0)",
        ),
        "float32": (
            lambda x, weight: functional.rms_norm(x.float(), x.shape[-1:], weight.float(), 1e-6),
            "normalized has dtype torch.float32, the task asks for torch.float16.",
        ),
        "layer norm": (
            lambda x, weight: functional.layer_norm(x, x.shape[-1:], weight, eps=1e-6),
            "normalized[0, 0, 0] is not right",
        ),
        "no weight": (
            lambda x, weight: functional.rms_norm(x, x.shape[-1:], eps=1e-6),
            "normalized[0, 0, 0] is not right",
        ),
        "the sum": (
            lambda x, weight: (
                x.float() * torch.rsqrt(x.float().square().sum(-1, keepdim=True) + 1e-6) * weight.float()
            ).to(x),
            "normalized[0, 0, 0] is not right",
        ),
        "no axis kept": (
            lambda x, weight: (x.float() * torch.rsqrt(x.float().square().mean(-1) + 1e-6) * weight.float()).to(x),
            "it raised RuntimeError: The size of tensor a (8) must match the size o",
        ),
        "no epsilon": (
            lambda x, weight: (x.float() * torch.rsqrt(x.float().square().mean(-1, keepdim=True)) * weight.float()).to(
                x
            ),
            "normalized[0, 0] is not right (yours is nan, no finite number)",
        ),
    },
    "quantize": {
        "cut off": (
            lambda weight: quantized(weight, rounding=torch.trunc),
            "numbers[0, 1] is not right (yours is -63)",
        ),
        "one scale": (
            lambda weight: quantized(weight, weight.abs().amax().expand(len(weight), 1)),
            "numbers[1, 0] is not right (yours is 0)",
        ),
        "0 / 0": (quantized_zero_by_zero, "scales[0, 0] is not right (yours is 0)"),
        "up to 128": (quantized_up_to_128, "numbers[0, 0] is not right (yours is -128)"),
        "no axis kept": (
            lambda weight: (quantized(weight)[0], quantized(weight)[1][:, 0]),
            "scales has shape (2,), the task asks for (2, 1). The difference is one of broadcasting (axis -1 has 2 instead of 1, axis -2 is missing)",
        ),
        "the largest, signed": (
            lambda weight: quantized(weight, weight.amax(-1, keepdim=True)),
            "numbers[1, 0] is not right (yours is 44)",
        ),
        "floats": (
            lambda weight: (quantized(weight)[0].float(), quantized(weight)[1]),
            "numbers has dtype torch.float32, the task asks for torch.int8.",
        ),
    },
    "split-heads": {
        "view alone": (
            lambda x, num_heads: x.reshape(x.shape[0], num_heads, x.shape[1], x.shape[2] // num_heads),
            "heads[0, 0, 1, 0] is not right (yours is 3)",
        ),
        "no transpose": (
            lambda x, num_heads: x.unflatten(-1, (num_heads, -1)),
            "heads has shape (2, 5, 4, 3), the task asks for (2, 4, 5, 3). The sizes are right, the order of the axes is not.",
        ),
        "interleaved": (
            lambda x, num_heads: x.unflatten(-1, (-1, num_heads)).permute(0, 3, 1, 2),
            "heads[0, 0, 0, 1] is not right (yours is 4)",
        ),
        "wrong axes": (
            lambda x, num_heads: x.unflatten(-1, (num_heads, -1)).transpose(2, 3),
            "heads has shape (2, 5, 3, 4), the task asks for (2, 4, 5, 3). The sizes are right, the order of the axes is not.",
        ),
    },
    "merge-heads": {
        "not moved": (
            lambda heads: heads.reshape(heads.shape[0], heads.shape[2], heads.shape[1] * heads.shape[3]),
            "merged[0, 0, 3] is not right (yours is 3)",
        ),
        "view": (
            lambda heads: heads.transpose(1, 2).view(heads.shape[0], heads.shape[2], -1),
            "it raised RuntimeError: view size is not compatible with input tensor'",
        ),
        "interleaved": (
            lambda heads: heads.permute(0, 2, 3, 1).reshape(
                heads.shape[0], heads.shape[2], heads.shape[1] * heads.shape[3]
            ),
            "merged[0, 0, 1] is not right (yours is 15)",
        ),
        "not joined": (
            lambda heads: heads.transpose(1, 2),
            "merged has shape (2, 5, 4, 3), the task asks for (2, 5, 12).",
        ),
        "joined with the tokens": (
            lambda heads: heads.flatten(1, 2),
            "merged has shape (2, 20, 3), the task asks for (2, 5, 12).",
        ),
    },
    "sliding-windows": {
        "copies": (
            lambda x, window: torch.stack([x[:, i : i + window] for i in range(x.shape[1] - window + 1)], 1),
            "windows lies in memory of its own; the task asks for a view of x",
        ),
        "side by side": (
            lambda x, window: x.unfold(1, window, window),
            "windows has shape (2, 2, 3), the task asks for (2, 4, 3).",
        ),
        "over the batch": (
            lambda x, window: x.unfold(0, window, 1),
            "it raised RuntimeError: maximum size for tensor at dimension 0 is 2",
        ),
        "strides of another": (
            lambda x, window: x.as_strided((x.shape[0], x.shape[1] - window + 1, window), (x.shape[1], 1, 1)),
            "windows[0, 0, 1] is not right (yours is 1)",
        ),
        "one too few": (
            lambda x, window: x.unfold(1, window, 1)[:, :-1],
            "windows has shape (2, 3, 3), the task asks for (2, 4, 3).",
        ),
        "turned": (
            lambda x, window: x.unfold(1, window, 1).mT,
            "windows has shape (2, 3, 4), the task asks for (2, 4, 3). The sizes are right, the order of the axes is not.",
        ),
    },
    "rows-of-zeros": {
        "default dtype": (
            lambda x, count: torch.zeros(count, x.shape[-1], device=x.device),
            "rows has dtype torch.float32, the task asks for torch.bfloat16.",
        ),
        "default device": (
            lambda x, count: torch.zeros(count, x.shape[-1], dtype=x.dtype),
            "rows is on cpu, the task asks for meta.",
        ),
        "one row": (
            lambda x, _: x.new_zeros(x.shape[-1]),
            "rows has shape (3,), the task asks for (4, 3). The difference is one of broadcasting (axis -2 is missing)",
        ),
        "ones": (lambda x, count: x.new_ones((count, x.shape[-1])), "rows[0, 0] is not right (yours is 1)"),
        "like x": (lambda x, _: torch.zeros_like(x), "rows has shape (2, 3), the task asks for (4, 3)."),
    },
    "match-tensor": {
        "dtype alone": (lambda tensor, other: tensor.to(other.dtype), "matched is on cpu, the task asks for meta."),
        "device alone": (
            lambda tensor, other: tensor.to(other.device),
            "matched has dtype torch.float32, the task asks for torch.bfloat16.",
        ),
        "always a copy": (
            lambda tensor, other: tensor.to(other, copy=True),
            "matched lies in memory of its own; the task asks for a view of tensor",
        ),
        "the other way round": (
            lambda tensor, other: other.to(tensor),
            "matched has shape (2, 5, 8), the task asks for (8,). The difference is one of broadcasting (axis -2, of size 5, is too many, axis -3, of size 2, is too many)",
        ),
        "its values": (lambda tensor, other: other.copy_(tensor[0]), "it changed its argument other;"),
    },
    "frozen-target": {
        "not detached": (
            lambda prediction, target: (prediction - target).square().mean(),
            "gradient of target[0, 0] is not right",
        ),
        "the prediction detached": (
            lambda prediction, target: (prediction.detach() - target).square().mean(),
            "gradient of prediction[0, 0] is not right (yours is 0)",
        ),
        "all detached": (
            lambda prediction, target: (prediction - target).detach().square().mean(),
            "loss does not require grad, the task asks for one that requires grad.",
        ),
        "the sum": (lambda prediction, target: (prediction - target.detach()).square().sum(), "loss is not right"),
        "not reduced": (
            lambda prediction, target: (prediction - target.detach()).square(),
            "loss has shape (2, 5), the task asks for (). The difference is one of broadcasting (axis -1, of size 5, is too many, axis -2, of size 2, is too many)",
        ),
        "a leaf in place": (
            lambda prediction, target: (prediction - target.requires_grad_(requires_grad=False)).square().mean(),
            "it changed its argument target;",
        ),
    },
    "derivative": {
        "the value": (lambda function, x: function(x), "slopes[0] is not right"),
        "the sum": (
            lambda function, x: torch.func.grad(lambda y: function(y).sum())(x).sum(),
            "slopes has shape (), the task asks for (5,). The difference is one of broadcasting (axis -1 is missing)",
        ),
        "x changed": (differentiated_in_place, "it changed its argument x;"),
        "no sum": (
            lambda function, x: torch.autograd.grad(function(leaf := x.clone().requires_grad_()), leaf)[0],
            "it raised RuntimeError: grad can be implicitly created only for scalar",
        ),
        "a difference": (lambda function, x: (function(x + 1e-3) - function(x)) / 1e-3, "slopes[0] is not right"),
    },
    "gradient-step": {
        "in place": (stepped_in_place, "it changed its argument parameter;"),
        "backward": (
            stepped_through_backward,
            "it filled the .grad of its argument parameter, which is to stay as it was.",
        ),
        "uphill": (
            lambda p, loss, rate: (p + rate * torch.autograd.grad(loss(p), p)[0]).detach().requires_grad_(),
            "updated[0, 0] is not right",
        ),
        "with a history": (
            lambda p, loss, rate: p - rate * torch.autograd.grad(loss(p), p)[0],
            "updated has a history for gradients, the task asks for one that has no history for gradients.",
        ),
        "no gradient any more": (
            lambda p, loss, rate: (p - rate * torch.autograd.grad(loss(p), p)[0]).detach(),
            "updated does not require grad, the task asks for one that requires grad.",
        ),
        "no rate": (
            lambda p, loss, _: (p - torch.autograd.grad(loss(p), p)[0]).detach().requires_grad_(),
            "updated[0, 0] is not right",
        ),
    },
    "straight-through": {
        "rounded": (torch.round, "gradient of x[0] is not right (yours is 0)"),
        "the other way round": (lambda x: x.round() + (x - x.round()).detach(), "rounded[0] is not right"),
        "detached": (
            lambda x: x.round().detach(),
            "rounded does not require grad, the task asks for one that requires grad.",
        ),
        "not rounded": (lambda x: x + 0, "rounded[0] is not right"),
        "halves up": (
            lambda x: x + (torch.floor(x + 0.5) - x).detach(),
            "With x of shape (4,): rounded[1] is not right (yours is 1)",
        ),
        "cut off": (lambda x: x + (x.trunc() - x).detach(), "rounded[0] is not right (yours is -1)"),
        "doubled": (lambda x: x.round().detach() + 2 * (x - x.detach()), "gradient of x[0] is not right (yours is 2)"),
    },
    "log-softmax": {
        "no logarithm": (
            lambda logits: logits.exp() / logits.exp().sum(-1, keepdim=True),
            "logarithms[0, 0] is not right",
        ),
        "overflow": (
            lambda logits: torch.log(logits.exp() / logits.exp().sum(-1, keepdim=True)),
            "logarithms[0, 0] is not right (yours is nan, no finite number)",
        ),
        "underflow": (
            lambda logits: logits.softmax(-1).log(),
            "logarithms[0, 2] is not right (yours is -inf, no finite number)",
        ),
        "over all": (lambda logits: logits - logits.logsumexp((0, 1)), "logarithms[0, 0] is not right"),
        "over the batch": (lambda logits: logits.log_softmax(0), "logarithms[0, 0] is not right"),
    },
    "merge-blocks": {
        "overflow": (merged_naively, "output[0, 0] is not right (yours is nan, no finite number)"),
        "-inf - (-inf)": (merged_with_nan, "output[0, 0] is not right (yours is nan, no finite number)"),
        "the mean": (merged_equally, "output[0, 0] is not right"),
        "shares of the logarithms": (merged_by_lse, "output[0, 0] is not right"),
        "the output alone": (
            lambda output_a, lse_a, output_b, lse_b: (output_a + output_b) / 2,
            "it returned an object of type Tensor, the task asks for a tuple of output and lse.",
        ),
    },
    "embedding-lookup": {
        "one id": (
            lambda table, token_ids: table[token_ids[0]],
            "embeddings has shape (32,), the task asks for (4, 32). The difference is one of broadcasting (axis -2 is missing)",
        ),
        "always the same": (
            lambda table, _: table[[5, 23, 7, 42]],
            "it raised IndexError: index 23 is out of bounds for dimension 0 with s",
        ),
        "one hot with a float64": (
            lambda table, token_ids: functional.one_hot(token_ids, len(table)).double() @ table.double(),
            "embeddings has dtype torch.float64, the task asks for torch.float32.",
        ),
        "a row further": (lambda table, token_ids: table[token_ids - 1], "embeddings[0, 0] is not right"),
        "columns": (
            lambda table, token_ids: table[:, token_ids.clamp(max=table.shape[1] - 1)],
            "embeddings has shape (100, 4), the task asks for (4, 32).",
        ),
    },
    "attention-weights": {
        "columns": (lambda tokens: softmax_of(tokens @ tokens.T, 0), "weights[0, 1] is not right"),
        "scaled": (lambda tokens: softmax_of(tokens @ tokens.T / 8**0.5, -1), "scores[0, 0] is not right"),
        "weights alone": (
            lambda tokens: torch.softmax(tokens @ tokens.T, -1),
            "it returned an object of type Tensor, the task asks for a tuple of scores and weights.",
        ),
        "three": (
            lambda tokens: (tokens,) * 3,
            "it returned a tuple of 3, the task asks for a tuple of scores and weights.",
        ),
        "of features": (
            lambda tokens: softmax_of(tokens.T @ tokens, -1),
            "scores has shape (8, 8), the task asks for (6, 6).",
        ),
    },
    "attention-output": {
        "columns": (lambda weights, tokens: weights.T @ tokens, "output[0, 0] is not right"),
        "the tokens": (lambda _, tokens: tokens, "output[0, 0] is not right"),
        "their mean": (
            lambda weights, tokens: (weights @ tokens).mean(0),
            "output has shape (8,), the task asks for (6, 8). The difference is one of broadcasting (axis -2 is missing)",
        ),
        "element by element": (
            lambda weights, tokens: weights * tokens,
            "it raised RuntimeError: The size of tensor a (6) must match the size o",
        ),
    },
    "layer-norm": {
        "unbiased": (
            lambda x: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5),
            "normalized[0, 0, 0] is not right",
        ),
        "eps outside": (
            lambda x: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, correction=0) + 1e-5),
            "normalized[0, 0] is not right",
        ),
        "over the batch": (
            lambda x: (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5) ** 0.5,
            "normalized[0, 0, 0] is not right (yours is -1)",
        ),
        "no axis kept": (
            lambda x: (x - x.mean(-1)) / (x.var(-1, correction=0) + 1e-5) ** 0.5,
            "it raised RuntimeError: The size of tensor a (8) must match the size o",
        ),
        "in place": (
            lambda x: x.sub_(x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5) ** 0.5,
            "it changed its argument x;",
        ),
    },
    "folded-norm": {
        "the rows": (
            lambda norm_weight, weight: weight * norm_weight[:, None],
            "it raised RuntimeError: The size of tensor a (3) must match the size of tensor b (4)",
        ),
        "the product": (
            lambda norm_weight, weight: weight @ norm_weight,
            "folded has shape (3,), the task asks for (3, 4).",
        ),
        "divided": (lambda norm_weight, weight: weight / norm_weight, "folded[0, 0] is not right"),
        "in place": (lambda norm_weight, weight: weight.mul_(norm_weight), "it changed its argument weight;"),
    },
    "rotary-angles": {
        "one for each feature": (
            lambda at, head_dim, base: at[:, None] / base ** (torch.arange(head_dim) / head_dim),
            "angles has shape (5, 8), the task asks for (5, 4).",
        ),
        "half the exponent": (
            lambda at, head_dim, base: at[:, None] / base ** (torch.arange(head_dim // 2) / head_dim),
            "angles[1, 1] is not right",
        ),
        "times": (
            lambda at, head_dim, base: at[:, None] * base ** (torch.arange(0, head_dim, 2) / head_dim),
            "angles[1, 1] is not right (yours is 10)",
        ),
        "base 10000": (
            lambda at, head_dim, _: at[:, None] / 10000 ** (torch.arange(0, head_dim, 2) / head_dim),
            "angles[0, 1] is not right",
        ),
        "twice": (
            lambda at, head_dim, base: (at[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)).repeat(1, 2),
            "angles has shape (5, 8), the task asks for (5, 4).",
        ),
    },
    "rotary-layout": {
        "over all heads": (
            lambda weight, _: torch.cat([weight[0::2], weight[1::2]]),
            "reordered[4, 0] is not right",
        ),
        "the way back": (
            lambda weight, n: weight.unflatten(0, (n, 2, -1)).transpose(1, 2).reshape(weight.shape),
            "reordered[1, 0] is not right",
        ),
        "the columns": (
            lambda weight, _: torch.cat([weight[:, 0::2], weight[:, 1::2]], 1),
            "reordered[0, 1] is not right",
        ),
        "heads and pairs": (
            lambda weight, n: weight.unflatten(0, (n, -1, 2)).transpose(0, 2).reshape(weight.shape),
            "reordered[1, 0] is not right",
        ),
        "left as it is": (lambda weight, _: weight.clone(), "reordered[1, 0] is not right"),
    },
    "fused-gate": {
        "up is bent": (
            lambda x, weight: (h := (x @ weight.mT).chunk(2, -1))[0] * functional.silu(h[1]),
            "hidden[0, 0, 0] is not right",
        ),
        "every other row": (
            lambda x, weight: functional.silu(x @ weight[0::2].mT) * (x @ weight[1::2].mT),
            "hidden[0, 0, 0] is not right",
        ),
        "not split": (
            lambda x, weight: functional.silu(x @ weight.mT),
            "hidden has shape (2, 3, 16), the task asks for (2, 3, 8).",
        ),
        "sigmoid": (lambda x, weight: functional.glu(x @ weight.mT), "hidden[0, 0, 0] is not right"),
        "GELU": (
            lambda x, weight: functional.gelu((h := (x @ weight.mT).chunk(2, -1))[0]) * h[1],
            "hidden[0, 0, 0] is not right",
        ),
    },
    "gated-size": {
        "rounded down": (lambda e, m: 8 * e // 3 // m * m, "hidden_dim is not right (yours is 10752)"),
        "4 times": (lambda e, m: 4 * e, "hidden_dim is not right (yours is 16384)"),
        "one more": (lambda e, m: (8 * e // 3 // m + 1) * m, "hidden_dim is not right"),
        "a float": (lambda e, m: math.ceil(8 * e / 3 / m) * float(m), "hidden_dim"),
        "not rounded": (lambda e, m: 8 * e // 3, "hidden_dim is not right (yours is 10922)"),
    },
    "masked-mean": {
        "padding below": (
            lambda hidden, mask: hidden.masked_fill(~mask[..., None], 0).mean(1),
            "means[1, 0] is not right",
        ),
        "padding above": (lambda hidden, mask: hidden.mean(1), "means[1, 0] is not right"),
        "nan for none": (
            lambda hidden, mask: hidden.masked_fill(~mask[..., None], 0).sum(1) / mask.sum(1, keepdim=True),
            "means[1, 0] is not right (yours is nan, no finite number)",
        ),
        "times 0": (
            lambda hidden, mask: (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1),
            "means[0, 0] is not right (yours is nan, no finite number)",
        ),
        "no axis kept": (
            lambda hidden, mask: hidden.masked_fill(~mask[..., None], 0).sum(1) / mask.sum(1).clamp(min=1),
            "it raised RuntimeError: The size of tensor a (4) must match the size o",
        ),
        "axes kept": (
            lambda hidden, mask: (
                hidden.masked_fill(~mask[..., None], 0).sum(1, keepdim=True) / mask.sum(1)[:, None, None].clamp(min=1)
            ),
            "means has shape (3, 1, 4), the task asks for (3, 4). The difference is one of broadcasting (axis -2 has 1 instead of 3, axis -3, of size 3, is too many)",
        ),
        "a loop": (
            lambda hidden, mask: torch.stack(
                [row[kept].sum(0) / max(int(kept.sum()), 1) for row, kept in zip(hidden, mask, strict=True)]
            ),
            "that is a loop, and the task asks for none.",
        ),
    },
    "left-padding-positions": {
        "of the row": (
            lambda mask: torch.arange(mask.shape[1]).expand(mask.shape),
            "positions[0, 1] is not right (yours is 1)",
        ),
        "below 0": (lambda mask: mask.cumsum(-1) - 1, "positions[0, 0] is not right (yours is -1)"),
        "from 1": (lambda mask: mask.cumsum(-1) * mask, "positions[0, 2] is not right (yours is 1)"),
        "clamped": (lambda mask: (mask.cumsum(-1) - 1).clamp(min=0), "positions[0, 2] is not right (yours is 1)"),
    },
    "packed-mask": {
        "later ones too": (
            lambda document_ids: document_ids[:, None] == document_ids,
            "mask[0, 1] is not right (yours is True)",
        ),
        "all documents": (
            lambda document_ids: torch.ones(len(document_ids), len(document_ids), dtype=torch.bool).tril(),
            "mask[3, 0] is not right (yours is True)",
        ),
        "hidden": (
            lambda document_ids: (document_ids[:, None] != document_ids).triu(1),
            "mask[0, 0] is not right (yours is False)",
        ),
    },
    "cache-bytes": {
        "keys alone": (
            lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: (
                num_layers * num_kv_heads * head_dim * seq_len * batch * itemsize
            ),
            "bytes is not right (yours is 536870912)",
        ),
        "one layer": (
            lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: (
                2 * num_kv_heads * head_dim * seq_len * batch * itemsize
            ),
            "bytes is not right (yours is 33554432)",
        ),
        "numbers": (
            lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: (
                2 * num_layers * num_kv_heads * head_dim * seq_len * batch
            ),
            "bytes is not right (yours is 536870912)",
        ),
    },
    "static-cache": {
        "copied": (
            lambda cache, new, start: torch.cat([cache[:, :, :start], new], dim=2),
            "cache after the call[0, 0, 2, 0] is not right (yours is 6)",
        ),
        "the whole": (
            lambda cache, new, start: cache.index_copy_(2, torch.arange(start, start + new.shape[2]), new),
            "filled has shape (2, 2, 6, 3), the task asks for (2, 2, 3, 3).",
        ),
        "at the beginning": (
            lambda cache, new, start: (cache[:, :, : new.shape[2]].copy_(new), cache[:, :, : start + new.shape[2]])[1],
            "filled[0, 0, 0, 1] is not right (yours is -1)",
        ),
    },
    "shared-heads": {
        "repeated": (
            lambda key, num_heads: key.repeat(1, num_heads // key.shape[1], 1, 1),
            "keys[0, 1, 0, 0] is not right (yours is 12)",
        ),
        "the wrong axis": (
            lambda key, num_heads: key.repeat_interleave(num_heads // key.shape[1], dim=2),
            "keys has shape (2, 2, 6, 4), the task asks for (2, 4, 3, 4).",
        ),
        "groups first": (
            lambda key, num_heads: key[:, None].expand(-1, num_heads // key.shape[1], -1, -1, -1).flatten(1, 2),
            "keys[0, 1, 0, 0] is not right (yours is 12)",
        ),
    },
    "masked-softmax": {
        "zeros": (lambda scores, allowed: torch.softmax(scores * allowed, -1), "weights[0, 0, 0] is not right"),
        "0 and 1 added": (lambda scores, allowed: torch.softmax(scores + allowed, -1), "weights[0, 0, 0] is not right"),
        "afterwards": (lambda scores, allowed: torch.softmax(scores, -1) * allowed, "weights[0, 0, 0] is not right"),
        "nan": (
            lambda scores, allowed: torch.softmax(scores.masked_fill(~allowed, -torch.inf), -1),
            "weights[1, 0] is not right (yours is nan, no finite number)",
        ),
        "a large number": (
            lambda scores, allowed: torch.softmax(scores.masked_fill(~allowed, -1e9), -1),
            "weights[1, 0] is not right",
        ),
        "the wrong axis": (
            lambda scores, allowed: torch.softmax(scores.masked_fill(~allowed, -torch.inf), -2).nan_to_num(0),
            "weights[0, 0, 0] is not right",
        ),
        "by hand": (
            lambda scores, allowed: (
                scores.exp() * allowed / (scores.exp() * allowed).sum(-1, keepdim=True).clamp(min=1e-30)
            ),
            "weights[0, 0, 0] is not right (yours is nan, no finite number)",
        ),
    },
    "mask-scores": {
        "in place": (
            lambda scores, allowed: scores.masked_fill_(~allowed, -torch.inf),
            "it changed its argument scores;",
        ),
        "zeros": (lambda scores, allowed: scores * allowed, "masked[0, 0, 1] is not right (yours is -0)"),
        "the other way round": (
            lambda scores, allowed: scores.masked_fill(allowed, -torch.inf),
            "masked[0, 0, 0] is not right (yours is -inf, no finite number)",
        ),
        "a large number": (lambda scores, allowed: scores.masked_fill(~allowed, -1e9), "masked[0, 0, 1] is not right"),
        "those that are left": (
            lambda scores, allowed: scores[allowed.expand_as(scores)],
            "masked has shape (20,), the task asks for (2, 4, 4).",
        ),
    },
    "mask-keys": {
        "as it stands": (
            lambda scores, keep: scores.masked_fill(~keep, -torch.inf),
            "it raised RuntimeError: The size of tensor a (2) must match the size of tensor b (6) at non-singleton dimension 2",
        ),
        "queries": (
            lambda scores, keep: scores.masked_fill(~keep[:, None, :, None], -torch.inf),
            "masked[1, 0, 0, 3] is not right",
        ),
        "in place": (
            lambda scores, keep: scores.masked_fill_(~keep[:, None, None], -torch.inf),
            "it changed its argument scores;",
        ),
        "what is kept": (
            lambda scores, keep: scores.masked_fill(keep[:, None, None], -torch.inf),
            "masked[0, 0, 0, 0] is not right (yours is -inf, no finite number)",
        ),
    },
    "shares-of-scores": {
        "as it stands": (
            lambda scores: (shares := scores.exp()).div_(shares.sum(-1, keepdim=True)),
            "modified by an inplace operation",
        ),
        "detached": (
            lambda scores: (shares := scores.exp()).detach() / shares.sum(-1, keepdim=True),
            "gradient",
        ),
        "of all": (lambda scores: scores.exp() / scores.exp().sum(), "shares[0, 0] is not right"),
        "not exponential": (lambda scores: scores / scores.sum(-1, keepdim=True), "shares[0, 0] is not right"),
    },
    "noisy-batch": {
        "in place": (with_noise_in_place, "it changed its argument features;"),
        "a copy of all": (
            lambda features, start, noise: features.clone().add_(noise[:1])[start : start + 2],
            "batch[1, 0] is not right",
        ),
        "without noise": (
            lambda features, start, noise: features[start : start + 2].clone(),
            "batch[0, 0] is not right",
        ),
        "three rows": (
            lambda features, start, noise: features[start : start + 3] + noise[:1],
            "batch has shape (3, 3), the task asks for (2, 3).",
        ),
    },
    "mean-of-kept": {
        "as it stands": (
            lambda losses, keep, weight: (
                (losses * keep).sum(-1, keepdim=True) / keep.sum(-1, keepdim=True) * weight
            ).sum(),
            "total is not right (yours is nan, no finite number)",
        ),
        "all pairs": (
            lambda losses, keep, weight: (
                (losses * keep).sum(-1, keepdim=True) / keep.sum(-1, keepdim=True).clamp(min=1) * weight
            ).sum(),
            "total is not right",
        ),
        "of all tokens": (
            lambda losses, keep, weight: ((losses * keep).mean(-1) * weight).sum(),
            "total is not right",
        ),
        "one for each": (
            lambda losses, keep, weight: (losses * keep).sum(-1) / keep.sum(-1).clamp(min=1) * weight,
            "total has shape (3,), the task asks for ().",
        ),
    },
    "repeat-row": {
        "expand": (
            lambda row, count: row.expand(count, -1),
            "table shares its memory with row; the task asks for a copy.",
        ),
        "the row itself": (
            lambda row, count: row[None] if count == 1 else row.repeat(count, 1),
            "table shares its memory with row; the task asks for a copy.",
        ),
        "end to end": (lambda row, count: row.repeat(count), "table has shape (12,), the task asks for (3, 4)."),
        "each element": (
            lambda row, count: row.repeat_interleave(count).reshape(count, -1),
            "table[0, 1] is not right",
        ),
        "columns": (
            lambda row, count: row[:, None].repeat(1, count),
            "table has shape (4, 3), the task asks for (3, 4). The sizes are right, the order of the axes is not.",
        ),
        "broadcast_to": (
            lambda row, count: torch.broadcast_to(row.clone(), (count, len(row))),
            "elements of table share memory with one another; the task asks for a copy of each.",
        ),
    },
    "snapshot": {
        "the dict": (
            dict,
            "kept['weight'] requires grad, the task asks for one that does not require grad.",
        ),
        "detached": (
            lambda parameters: {name: p.detach() for name, p in parameters.items()},
            "kept shares its memory with parameters; the task asks for a copy.",
        ),
        "cloned": (
            lambda parameters: {name: p.clone() for name, p in parameters.items()},
            "kept['weight'] requires grad, the task asks for one that does not require grad.",
        ),
        "a list": (
            lambda parameters: [p.detach().clone() for p in parameters.values()],
            "kept is an object of type list, the task asks for dict.",
        ),
        "sorted": (
            lambda parameters: {name: parameters[name].detach().clone() for name in sorted(parameters)},
            "kept has the keys bias, scale, weight, which are not those of the argument.",
        ),
    },
    "swiglu": {
        "both gated": (
            lambda x, gate, up, down: functional.silu((x @ gate) * (x @ up)) @ down,
            "output[0, 0, 0] is not right",
        ),
        "the other gated": (
            lambda x, gate, up, down: ((x @ gate) * functional.silu(x @ up)) @ down,
            "output[0, 0, 0] is not right",
        ),
        "sigmoid": (
            lambda x, gate, up, down: (torch.sigmoid(x @ gate) * (x @ up)) @ down,
            "output[0, 0, 0] is not right",
        ),
        "added": (
            lambda x, gate, up, down: (functional.silu(x @ gate) + x @ up) @ down,
            "output[0, 0, 0] is not right",
        ),
        "not brought back": (
            lambda x, gate, up, down: functional.silu(x @ gate) * (x @ up),
            "output has shape (2, 3, 8), the task asks for (2, 3, 4).",
        ),
        "in order": (
            lambda x, gate, up, down: functional.silu(x @ gate) @ (x @ up) @ down,
            "it raised RuntimeError: Expected size for first two dimensions of batc",
        ),
    },
    "sinusoidal-positions": {
        "in halves": (sinusoids_in_halves, "table[0, 1] is not right (yours is 0)"),
        "a loop": (sinusoids_by_a_loop, "that is a loop, and the task asks for none."),
        "a frequency for each feature": (sinusoids_of_features, "table[1, 1] is not right"),
        "turned": (
            lambda seq_len, embed_dim: sinusoids_in_halves(seq_len, embed_dim).T,
            "table has shape (8, 5), the task asks for (5, 8). The sizes are right, the order of the axes is not.",
        ),
        "cosines first": (
            lambda seq_len, embed_dim: (
                sinusoids_in_halves(seq_len, embed_dim).reshape(seq_len, 2, embed_dim // 2).flip(1).mT.flatten(1)
            ),
            "table[0, 0] is not right (yours is 1)",
        ),
    },
    "causal-attention": {
        "not causal": (attended, "output[0, 0, 0] is not right"),
        "not itself": (
            lambda query, key, value: attended(query, key, value, lower(query.shape[1], -1)),
            "output[0, 0, 0] is not right (yours is nan, no finite number)",
        ),
        "the other triangle": (
            lambda query, key, value: attended(query, key, value, lower(query.shape[1]).T),
            "output[0, 0, 0] is not right",
        ),
        "not scaled": (
            lambda query, key, value: attended(query, key, value, lower(query.shape[1]), scale=1),
            "output[0, 1, 0] is not right",
        ),
        "masked after": (masked_after, "output[0, 0, 0] is not right"),
        "0 and 1 added": (masked_by_addition, "output[0, 0, 0] is not right"),
        "over the queries": (
            lambda query, key, value: (
                torch.softmax(
                    (query @ key.mT / query.shape[-1] ** 0.5).masked_fill(~lower(query.shape[1]), -torch.inf), 1
                )
                @ value
            ),
            "output[0, 0, 0] is not right",
        ),
    },
    "sequence-log-probability": {
        "probabilities": (
            lambda logits, ids, mask: (logits.softmax(-1).gather(-1, ids[..., None])[..., 0] * mask).sum(1),
            "logarithms[0] is not right",
        ),
        "logits": (
            lambda logits, ids, mask: (logits.gather(-1, ids[..., None])[..., 0] * mask).sum(1),
            "logarithms[0] is not right",
        ),
        "padding too": (
            lambda logits, ids, _: logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0].sum(1),
            "logarithms[1] is not right",
        ),
        "the mean": (
            lambda logits, ids, mask: (
                (logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0] * mask).sum(1) / mask.sum(1).clamp(min=1)
            ),
            "logarithms[0] is not right",
        ),
        "squeezed": (
            lambda logits, ids, mask: (
                (logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze() * mask).sum(-1).squeeze()
            ),
            "logarithms has shape (), the task asks for (1,). The difference is one of broadcasting (axis -1 is missing)",
        ),
        "every pair": (
            lambda logits, ids, mask: (logits.log_softmax(-1)[..., ids] * mask).sum(-1),
            "logarithms has shape (2, 4, 2), the task asks for (2,). The difference is one of broadcasting (axis -2, of size 4, is too many, axis -3, of size 2, is too many)",
        ),
        "all in one": (
            lambda logits, ids, mask: (logits.log_softmax(-1).gather(-1, ids[..., None])[..., 0] * mask).sum(),
            "logarithms has shape (), the task asks for (2,). The difference is one of broadcasting (axis -1 is missing)",
        ),
    },
    "rotary-embedding": {
        "neighbors": (lambda x, positions: turned(x, positions, interleaved=True), "rotated[0, 0, 1, 0] is not right"),
        "clockwise": (lambda x, positions: turned(x, positions, sign=-1), "rotated[0, 0, 1, 0] is not right"),
        "sine for cosine": (
            lambda x, positions: turned(x, positions, swapped=True),
            "rotated[0, 0, 0, 0] is not right",
        ),
        "places for positions": (
            lambda x, positions: turned(x, torch.arange(len(positions))),
            "rotated[0, 0, 0, 0] is not right",
        ),
        "from one on": (lambda x, positions: turned(x, positions + 1), "rotated[0, 0, 0, 0] is not right"),
        "heads for tokens": (rotated_over_the_batch, "rotated[0, 0, 1, 0] is not right"),
    },
    "next-token-loss": {
        "not shifted": (next_token, "loss is not right"),
        "shifted the other way": (
            lambda logits, ids, pad: functional.cross_entropy(
                logits[:, 1:].flatten(0, 1), ids[:, :-1].flatten(), ignore_index=pad
            ),
            "loss is not right",
        ),
        "padding too": (
            lambda logits, ids, _: functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()),
            "loss is not right",
        ),
        "padding below": (mean_of_all_places, "loss is not right"),
        "a mean of means": (mean_of_rows, "loss is not right"),
        "nan for none": (
            lambda logits, ids, pad: functional.cross_entropy(
                logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad
            ),
            "loss is not right (yours is nan, no finite number)",
        ),
        "each place": (
            lambda logits, ids, pad: functional.cross_entropy(
                logits[:, :-1].mT, ids[:, 1:], ignore_index=pad, reduction="none"
            ),
            "loss has shape (2, 4), the task asks for (). The difference is one of broadcasting (axis -1, of size 4, is too many, axis -2, of size 2, is too many)",
        ),
        "classes on the wrong axis": (
            lambda logits, ids, pad: functional.cross_entropy(logits[:, :-1], ids[:, 1:], ignore_index=pad),
            "it raised RuntimeError: Expected target size [2, 10], got [2, 4]",
        ),
    },
    "kv-cache-step": {
        "not written": (cached_in_copies, "keys after the call[0, 0, 2, 0] is not right (yours is 9)"),
        "the whole cache": (cached_and_seen_whole, "output[0, 1, 0, 0] is not right"),
        "not the new one": (lambda *given: cached(*given, seen=-1), "output[0, 0, 0, 0] is not right"),
        "one place further": (
            lambda q, k, v, keys, values, n: cached(q, k, v, keys, values, n, place=-1),
            "output[0, 0, 0, 0] is not right",
        ),
        "the keys alone": (
            lambda q, k, v, keys, values, n: cached(q, k, v, keys, values.clone(), n),
            "values after the call[0, 0, 2, 0] is not right (yours is 9)",
        ),
        "the query too": (lambda q, *rest: cached(q.mul_(1.5), *rest), "it changed its argument query;"),
    },
    "top-p-filter": {
        "without the one that crosses": (
            lambda logits, p: nucleus(logits, p, inclusive=True),
            "filtered[0, 3] is not right (yours is -inf, no finite number)",
        ),
        "in sorted order": (lambda logits, p: nucleus(logits, p, sorted_places=True), "filtered[0, 0] is not right"),
        "a limit": (over_the_limit, "filtered[0, 0] is not right (yours is -inf, no finite number)"),
        "least probable first": (lambda logits, p: -nucleus(-logits, p), "filtered[0, 0] is not right"),
        "over the batch": (lambda logits, p: nucleus(logits.T, p).T, "filtered[0, 2] is not right"),
        "zeros": (
            lambda logits, p: nucleus(logits, p).masked_fill(nucleus(logits, p) == -torch.inf, 0),
            "filtered[0, 0] is not right (yours is 0)",
        ),
    },
    "embedding-gradient": {
        "written once": (written_once, "table_gradient[1, 0] is not right (yours is 3)"),
        "written over": (written_over, "table_gradient[1, 0] is not right (yours is 3)"),
        "a loop": (added_by_a_loop, "that is a loop, and the task asks for none."),
        "a row for each place": (
            lambda ids, gradient, _: gradient.flatten(0, 1),
            "table_gradient has shape (6, 4), the task asks for (10, 4).",
        ),
        "columns": (
            lambda ids, gradient, n: (functional.one_hot(ids.flatten(), n).float().mT @ gradient.flatten(0, 1)).mT,
            "table_gradient has shape (4, 10), the task asks for (10, 4). The sizes are right, the order of the axes is not.",
        ),
    },
    "grouped-query-attention": {
        "tiled": (lambda *given: grouped(*given, "tiled"), "output[0, 1, 0, 0] is not right"),
        "value tiled": (lambda *given: grouped(*given, "value tiled"), "output[0, 1, 0, 0] is not right"),
        "not scaled": (lambda *given: grouped(*given, "not scaled"), "output[0, 0, 0, 0] is not right"),
        "the first heads": (
            lambda query, key, value: attended(query[:, : key.shape[1]], key, value),
            "output has shape (2, 2, 4, 4), the task asks for (2, 6, 4, 4).",
        ),
        "broadcast": (
            attended,
            "it raised RuntimeError: The size of tensor a (6) must match the size o",
        ),
    },
    "multi-head-attention": {
        "not causal": (lambda *given: layer(*given, "not causal"), "output[0, 0, 0] is not right"),
        "no padding": (lambda *given: layer(*given, "no padding"), "output[1, 3, 0] is not right"),
        "padding on the queries": (lambda *given: layer(*given, "rows"), "output[1, 3, 0] is not right (yours is 0)"),
        "nan": (lambda *given: layer(*given, "nan"), "output[0, 0, 0] is not right (yours is nan, no finite number)"),
        "over embed_dim": (lambda *given: layer(*given, "embed_dim"), "output[0, 1, 0] is not right"),
        "view instead of transpose": (lambda *given: layer(*given, "view"), "output[0, 0, 0] is not right"),
        "heads before parts": (lambda *given: layer(*given, "heads first"), "output[0, 0, 0] is not right"),
        "not moved back": (lambda *given: layer(*given, "not moved"), "output[0, 0, 0] is not right"),
        "one head": (lambda x, w_qkv, w_out, _, mask: layer(x, w_qkv, w_out, 1, mask), "output[0, 1, 0] is not right"),
    },
}


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.round()

    @staticmethod
    def backward(_, gradient):
        return gradient


def seeded_in_a_fork(seed, fan_in, fan_out):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.init.normal_(torch.empty(fan_in, fan_out), std=fan_in**-0.5)


def stepped_by_an_optimizer(parameter, loss, rate):
    updated = parameter.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([updated], lr=rate)
    loss(updated).backward()
    optimizer.step()
    updated.grad = None
    return updated


def filtered_by_sorting(logits, k):
    limits = logits.sort(dim=-1).values.select(-1, logits.shape[-1] - k)
    return torch.where(logits < limits[:, None], float("-inf"), logits)


def merged_by_a_softmax(output_a, lse_a, output_b, lse_b):
    both = torch.stack([lse_a, lse_b])
    shares = both.softmax(0).nan_to_num(0)
    return shares[0][:, None] * output_a + shares[1][:, None] * output_b, both.logsumexp(0)


def rotated_by_halves(x, positions):
    half = x.shape[-1] // 2
    angles = torch.outer(positions.float(), 1 / 10000 ** (torch.arange(half) / half)).repeat(1, 2)
    return x * angles.cos() + torch.cat([-x[..., half:], x[..., :half]], -1) * angles.sin()


def rotated_as_complex_numbers(x, positions):
    half = x.shape[-1] // 2
    angles = positions[:, None] * 10000.0 ** (-torch.arange(half) / half)
    pairs = torch.view_as_complex(torch.stack(x.chunk(2, -1), -1).contiguous())
    turned_pairs = torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles))
    return torch.cat(turned_pairs.unbind(-1), -1)


def loss_by_hand(logits, token_ids, pad_id):
    targets = token_ids[:, 1:]
    chosen = logits[:, :-1].log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    kept = (targets != pad_id).float()
    return -(chosen * kept).sum() / kept.sum().clamp(min=1)


def cached_by_copy(query, key, value, keys, values, length):
    keys.narrow(2, length, 1).copy_(key)
    values.select(2, length).copy_(value[:, :, 0])
    allowed = torch.arange(keys.shape[2]) <= length
    return functional.scaled_dot_product_attention(query, keys, values, attn_mask=allowed[None])


def nucleus_by_rows(logits, p):
    kept = torch.full_like(logits, -torch.inf)
    for row, values in enumerate(logits):
        order = values.argsort(descending=True)
        count = int((values.softmax(-1)[order].cumsum(0) < p).sum()) + 1
        kept[row, order[:count]] = values[order[:count]]
    return kept


def layer_of_the_library(x, w_qkv, w_out, num_heads, mask):
    query, key, value = (x @ w_qkv).unflatten(-1, (3, num_heads, -1)).permute(2, 0, 3, 1, 4)
    allowed = lower(x.shape[1]) & mask[:, None, None]
    output = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed).nan_to_num(0)
    return torch.einsum("bhsd,hde->bse", output, w_out.unflatten(0, (num_heads, -1)))


def sinusoids_in_steps(seq_len, embed_dim):
    table = torch.empty(seq_len, embed_dim)
    angles = torch.outer(
        torch.arange(seq_len).float(), torch.exp(torch.arange(0, embed_dim, 2) * (-math.log(10000) / embed_dim))
    )
    table[:, 0::2], table[:, 1::2] = angles.sin(), angles.cos()
    return table


def by_backward(function, x):
    leaf = x.clone().requires_grad_()
    function(leaf).sum().backward()
    return leaf.grad


# Other ways of doing it right.
ALTERNATIVES = {
    "parameter-bytes": [lambda parameters: sum(p.nbytes for p in parameters)],
    "positions": [
        lambda batch, seq_len: torch.arange(seq_len).repeat(batch, 1),
        lambda batch, seq_len: torch.ones(batch, seq_len, dtype=torch.int64).cumsum(1) - 1,
    ],
    "seeded-weights": [seeded_in_a_fork],
    "causal-mask": [
        lambda q, k: torch.arange(k) <= torch.arange(q)[:, None] + k - q,
        lambda q, k: ~torch.triu(torch.ones(q, k, dtype=torch.bool), diagonal=k - q + 1),
    ],
    "last-token": [
        lambda hidden, lengths: hidden.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, hidden.shape[2]))[:, 0],
        lambda hidden, lengths: torch.take_along_dim(hidden, (lengths - 1)[:, None, None], 1).squeeze(1),
    ],
    "top-k-filter": [filtered_by_sorting],
    "row-probabilities": [lambda counts: counts / counts.sum(1)[:, None], lambda counts: (counts.T / counts.sum(1)).T],
    "sequence-rewards": [
        lambda values: (values.squeeze(-1).mean(-1), values.squeeze(-1).max(-1).values),
        lambda values: (values[..., 0].mean(1), values.flatten(1).amax(1)),
    ],
    "silu": [lambda x: x * torch.sigmoid(x), functional.silu],
    "gelu": [
        lambda x: (
            functional.gelu(x, approximate="tanh")
            if isinstance(x, torch.Tensor)
            else functional.gelu(torch.from_numpy(x), approximate="tanh").numpy()
        )
    ],
    "cosine-similarity": [lambda a, b: functional.normalize(a) @ functional.normalize(b).T],
    "scaled-scores": [lambda query, key: torch.einsum("...qd,...kd->...qk", query, key) / query.shape[-1] ** 0.5],
    "weighted-average": [lambda weights, value: (weights @ value).transpose(1, 2)],
    "training-bytes": [lambda parameters: sum(p.nbytes * (8 if p.requires_grad else 1) for p in parameters)],
    "cache-batch": [
        lambda memory, weights, *sizes: max(0, math.floor((memory - weights) / (4 * math.prod(sizes)))),
    ],
    "expert-weights": [
        lambda logits, top_k: (
            (chosen := logits.topk(top_k)).indices,
            (taken := logits.softmax(-1).gather(1, chosen.indices)) / taken.sum(-1, keepdim=True),
        ),
    ],
    "expert-slots": [
        lambda experts, n, capacity: (
            place := functional.one_hot(experts, n).cumsum(0).gather(1, experts[:, None])[:, 0] - 1
        ).masked_fill(place >= capacity, -1),
    ],
    "dequantize-groups": [
        lambda numbers, scales: numbers.view(*scales.shape, -1).mul(scales.unsqueeze(-1)).reshape(numbers.shape),
    ],
    "pack-int4": [lambda numbers: (numbers[:, ::2] & 15 | numbers[:, 1::2] << 4).to(torch.uint8)],
    "bilinear-score": [
        lambda a, weight, b: a @ weight @ b.mT,
        lambda a, weight, b: torch.nn.functional.bilinear(
            a[:, None].expand(-1, len(b), -1), b.expand(len(a), -1, -1).contiguous(), weight[None]
        ).squeeze(-1),
    ],
    "response-labels": [
        lambda token_ids, prompt_lengths, lengths: torch.where(
            (prompt_lengths[:, None] <= torch.arange(token_ids.shape[1]))
            & (torch.arange(token_ids.shape[1]) < lengths[:, None]),
            token_ids,
            -100,
        )
    ],
    "mean-of-batches": [lambda means, counts: torch.nansum(means * counts) / counts.sum()],
    "min-p-filter": [
        lambda logits, p: torch.where(logits - logits.amax(-1, keepdim=True) >= math.log(p), logits, -torch.inf)
    ],
    "ended-rows": [
        lambda drawn, ended, eos_id, pad_id: (torch.where(ended, pad_id, drawn), ended.logical_or(drawn == eos_id))
    ],
    "clipped-gradients": [
        lambda a, b, max_norm: tuple(
            each * torch.clamp(max_norm / torch.cat([a.flatten(), b]).norm(), max=1.0) for each in (a, b)
        )
    ],
    "accumulated-gradient": [
        lambda weight, x, targets, size: (
            torch.stack(
                [2 * a.mT @ (a @ weight - b) for a, b in zip(x.split(size), targets.split(size), strict=True)]
            ).sum(0)
            / len(x)
        )
    ],
    "low-rank-update": [lambda x, weight, a, b, alpha: x @ (weight + alpha / len(a) * (b @ a)).T],
    "padding-mask": [lambda lengths, seq_len: torch.arange(seq_len).expand(len(lengths), -1).lt(lengths.unsqueeze(1))],
    "pairwise-distances": [
        torch.cdist,
        lambda a, b: torch.linalg.vector_norm(a[:, None] - b, dim=-1),
        lambda a, b: (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp(min=0).sqrt(),
    ],
    "shared-tensor": [torch.as_tensor, torch.asarray],
    "independent-tensor": [
        lambda array: torch.tensor(array.copy(), dtype=torch.float32),
        lambda array: torch.from_numpy(np.array(array, dtype=np.float32)),
    ],
    "to-numpy": [
        lambda tensor: tensor.float().numpy(force=True),
        lambda tensor: np.float32(tensor.tolist()).reshape(tensor.shape),
    ],
    "mixed-product": [lambda x, weight: torch.einsum("bn,nm->bm", x, weight.to(x))],
    "rms-norm": [lambda x, weight: functional.rms_norm(x.float(), x.shape[-1:], weight.float(), 1e-6).to(x.dtype)],
    "quantize": [
        lambda weight: (
            (weight * 127 / weight.abs().amax(1, keepdim=True).clamp(min=1e-12)).round().to(torch.int8),
            torch.where((weight == 0).all(1, keepdim=True), 1, weight.abs().amax(1, keepdim=True) / 127),
        )
    ],
    "split-heads": [
        lambda x, n: x.unflatten(-1, (n, -1)).permute(0, 2, 1, 3),
        lambda x, n: torch.stack(x.split(x.shape[-1] // n, -1), 1),
    ],
    "merge-heads": [lambda heads: heads.permute(0, 2, 1, 3).flatten(2)],
    "sliding-windows": [
        lambda x, window: torch.as_strided(x, (x.shape[0], x.shape[1] - window + 1, window), (*x.stride(), x.stride(1)))
    ],
    "match-tensor": [lambda tensor, other: tensor.to(other.device, other.dtype)],
    "frozen-target": [lambda prediction, target: functional.mse_loss(prediction, target.detach())],
    "derivative": [
        by_backward,
        lambda function, x: torch.func.vjp(function, x)[1](torch.ones_like(x))[0],
    ],
    "gradient-step": [stepped_by_an_optimizer],
    "straight-through": [StraightThrough.apply, lambda x: x.round().detach() + x - x.detach()],
    "log-softmax": [
        lambda logits: logits - torch.logsumexp(logits, -1, keepdim=True),
        torch.nn.LogSoftmax(-1),
    ],
    "merge-blocks": [merged_by_a_softmax],
    "embedding-lookup": [
        lambda table, ids: table.index_select(0, ids.flatten()).reshape(*ids.shape, -1),
        lambda table, ids: functional.one_hot(ids, len(table)).float() @ table,
    ],
    "folded-norm": [
        lambda norm_weight, weight: torch.einsum("oe,e->oe", weight, norm_weight),
        lambda norm_weight, weight: (weight.mT * norm_weight[:, None]).mT,
    ],
    "rotary-angles": [
        lambda at, head_dim, base: torch.outer(at.float(), base ** -(torch.arange(0, head_dim, 2) / head_dim)),
        lambda at, head_dim, base: at[:, None] * torch.exp(torch.arange(0, head_dim, 2) * (-math.log(base) / head_dim)),
    ],
    "rotary-layout": [
        lambda weight, n: weight.view(n, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape),
        lambda weight, n: weight.view(n, -1, weight.shape[1])[
            :, [*range(0, len(weight) // n, 2), *range(1, len(weight) // n, 2)]
        ].reshape_as(weight),
    ],
    "fused-gate": [
        lambda x, weight: functional.silu((h := x @ weight.mT)[..., : len(weight) // 2]) * h[..., len(weight) // 2 :],
        lambda x, weight: functional.silu((h := functional.linear(x, weight).split(len(weight) // 2, -1))[0]) * h[1],
    ],
    "gated-size": [
        lambda e, m: math.ceil(8 * e // 3 / m) * m,
        lambda e, m: -(-(8 * e // 3) // m) * m,
    ],
    "masked-mean": [
        lambda hidden, mask: torch.where(mask[..., None], hidden, 0).sum(1) / mask.sum(1).clamp(min=1).unsqueeze(1),
    ],
    "left-padding-positions": [
        lambda mask: (mask.cumsum(-1) - 1).clamp(min=0) * mask,
        lambda mask: torch.where(mask, mask.long().cumsum(1) - mask.long(), 0),
    ],
    "packed-mask": [
        lambda document_ids: (
            torch.eq(document_ids.unsqueeze(1), document_ids.unsqueeze(0))
            & (torch.arange(len(document_ids)) <= torch.arange(len(document_ids))[:, None])
        ),
    ],
    "cache-bytes": [
        lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: math.prod(
            (2, num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize)
        ),
    ],
    "static-cache": [
        lambda cache, new, start: cache.index_copy_(2, torch.arange(start, start + new.shape[2]), new)[
            :, :, : start + new.shape[2]
        ],
    ],
    "shared-heads": [
        lambda key, num_heads: key[:, :, None].expand(-1, -1, num_heads // key.shape[1], -1, -1).flatten(1, 2),
    ],
    "masked-softmax": [
        lambda scores, allowed: (scores + torch.where(allowed, 0.0, -torch.inf)).softmax(-1).nan_to_num(0),
    ],
    "repeat-row": [lambda row, count: row.expand(count, -1).clone()],
    "swiglu": [lambda x, gate, up, down: torch.sigmoid(g := x @ gate) * g * (x @ up) @ down],
    "sinusoidal-positions": [sinusoids_in_steps],
    "causal-attention": [
        lambda query, key, value: attended(query, key, value, lower(query.shape[1])),
        lambda query, key, value: functional.scaled_dot_product_attention(query, key, value, is_causal=True),
    ],
    "sequence-log-probability": [
        lambda logits, ids, mask: (
            logits.log_softmax(-1) * functional.one_hot(ids, logits.shape[-1]) * mask[..., None]
        ).sum((1, 2)),
    ],
    "rotary-embedding": [rotated_by_halves, rotated_as_complex_numbers],
    "next-token-loss": [loss_by_hand],
    "kv-cache-step": [cached_by_copy],
    "top-p-filter": [nucleus_by_rows],
    "embedding-gradient": [
        lambda ids, gradient, n: functional.one_hot(ids.flatten(), n).float().mT @ gradient.flatten(0, 1),
        lambda ids, gradient, n: torch.zeros(n, gradient.shape[-1]).index_put((ids,), gradient, accumulate=True),
    ],
    "grouped-query-attention": [
        lambda query, key, value: attended(
            query,
            key.repeat_interleave(query.shape[1] // key.shape[1], 1),
            value.repeat_interleave(query.shape[1] // key.shape[1], 1),
        )
    ],
    "multi-head-attention": [layer_of_the_library, layer],
}


@pytest.mark.parametrize("device", sorted({"cpu", DEVICE}))
@pytest.mark.parametrize("name", exercises.names())
def test_the_solution_is_right(name, device):
    verdict = exercises.get(name).check(solved(name), device=device)
    assert verdict.correct, verdict
    assert verdict
    assert str(verdict) == "Right."


@pytest.mark.parametrize("name", exercises.names())
def test_the_starter_says_shapes_that_are_true(name):
    checked = jaxtyping.jaxtyped(typechecker=beartype)(solved(name))
    assert exercises.get(name).check(checked), exercises.get(name).check(checked)


@pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name in ALTERNATIVES for place in range(len(ALTERNATIVES[name]))]
)
def test_another_right_answer_is_right(name, place):
    verdict = exercises.get(name).check(ALTERNATIVES[name][place])
    assert verdict.correct, verdict


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in WRONG for answer in WRONG[name]])
def test_a_wrong_answer_is_told_its_first_difference(name, answer):
    function, words = WRONG[name][answer]
    verdict = exercises.get(name).check(function)
    assert not verdict.correct
    assert not verdict
    assert re.match(r"Not yet\. (With|It takes) ", str(verdict))
    assert words in str(verdict)


@pytest.mark.parametrize("name", exercises.names())
def test_every_exercise_has_three_wrong_answers(name):
    assert len(WRONG[name]) >= 3


def parts_of(result):
    """Return the tensors, arrays and numbers of a result, and what makes a result of others."""
    if isinstance(result, dict):
        return [*result.values()], lambda parts: dict(zip(result, parts, strict=True))
    return ([*result], tuple) if isinstance(result, tuple) else ([result], lambda parts: parts[0])


def is_float(value):
    return (
        value.is_floating_point()
        if isinstance(value, torch.Tensor)
        else getattr(value, "dtype", np.dtype(int)).kind == "f"
    )


def changed(value, change):
    """Change a value, which stays a leaf if it was one."""
    leaf = isinstance(value, torch.Tensor) and value.requires_grad and value.is_leaf
    return change(value.detach()).requires_grad_() if leaf else change(value)


def moved(value):
    if isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        return ~value
    return value + abs(value) * 0.03 + 0.03 if is_float(value) else value + 1


@pytest.mark.parametrize("name", exercises.names())
def test_an_answer_that_is_off_a_little_is_wrong_and_is_not_told_the_value(name):
    right = solved(name)

    def off(*arguments):
        parts, joined = parts_of(right(*arguments))
        seen.append(parts[-1] if parts else None)
        return joined([*parts[:-1], *(changed(part, moved) for part in parts[-1:])])

    seen = []
    verdict = exercises.get(name).check(off)
    assert not verdict.correct
    told = re.fullmatch(
        r"Not yet\. With .*: \w+(?:\['\w+'\])?(\[[\d, ]+\])? is not right \(yours is ([^,)]+)(?:, no finite number)?\)"
        r"(; \d+ of \d+ elements differ, this is the first)?\.(?: The elements are the right ones, in other places\.)?",
        str(verdict),
    )
    assert told, verdict
    place = tuple(map(int, re.findall(r"\d+", told[1] or "")))
    wanted = seen[-1].detach() if isinstance(seen[-1], torch.Tensor) else seen[-1]
    wanted = wanted[place] if place else wanted
    assert (str(bool(wanted)) if told[2] in {"True", "False"} else f"{float(wanted):.4g}") != told[2]


ROUNDED = [name for name in exercises.names() if rules(name).memory != "view" and name != "tensor-bytes"]


@pytest.mark.parametrize("name", ROUNDED)
def test_rounding_is_allowed(name):
    right = solved(name)

    def rounded(*arguments):
        parts, joined = parts_of(right(*arguments))
        return joined([changed(part, lambda x: x * (1 + 2e-7)) if is_float(part) else part for part in parts])

    assert exercises.get(name).check(rounded)


class Named(torch.Tensor):
    """A subclass, as libraries make them."""


class Labeled(np.ndarray):
    """A subclass, as np.memmap is one."""


def of_a_subclass(value, kind):
    if isinstance(value, np.ndarray):
        return value.view(Labeled)
    return changed(value, lambda x: x.as_subclass(kind)) if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", exercises.names())
def test_a_subclass_and_a_list_are_right(name):
    right = solved(name)

    def answer(*arguments):
        result = right(*arguments)
        parts, joined = parts_of(result)
        given = [of_a_subclass(part, Named) for part in parts]
        return given if isinstance(result, tuple) else joined(given)

    verdict = exercises.get(name).check(answer)
    assert verdict.correct, verdict


@pytest.mark.parametrize(
    "name",
    ["gradient-step", "seeded-weights", "layer-norm", "snapshot", "derivative", "repeat-row", "causal-attention"],
)
def test_a_parameter_is_right_where_a_new_tensor_is(name):
    right = solved(name)

    def answer(*arguments):
        parts, joined = parts_of(right(*arguments))
        return joined([torch.nn.Parameter(part, requires_grad=name != "snapshot") for part in parts])

    verdict = exercises.get(name).check(answer)
    assert verdict.correct, verdict


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", ["rms-norm", "kv-cache-step", "shift-labels", "snapshot", "gelu", "masked-mean"])
def test_an_answer_may_switch_gradients_off_where_none_is_asked_for(name, mode):
    assert exercises.get(name).check(mode()(solved(name)))


def test_a_gradient_is_asked_for_only_where_an_argument_has_one():
    assert exercises.get("silu").check(lambda x: functional.silu(x.clone().requires_grad_()))
    assert "requires grad, the task asks for one that does not require grad." in str(
        exercises.get("snapshot").check(lambda parameters: {name: p.clone() for name, p in parameters.items()})
    )


def test_random_numbers_are_an_answers_own_unless_the_task_says_otherwise():
    def answer(table, token_ids):
        embedding = torch.nn.Embedding(*table.shape)  # draws weights
        embedding.load_state_dict({"weight": table})
        return embedding(token_ids)

    before = torch.get_rng_state()
    assert exercises.get("embedding-lookup").check(answer)
    assert torch.equal(before, torch.get_rng_state())
    strict = [name for name in exercises.names() if rules(name).keeps_random_state]
    assert strict == [name for name in exercises.names() if "random state stays" in exercises.get(name).task]
    assert strict == ["seeded-weights"]


@pytest.mark.parametrize("name", exercises.names())
def test_no_case_is_empty_that_the_task_does_not_name(name):
    for case in rules(name).cases():
        results, _ = parts_of(rules(name).expected(*case))
        empty = [
            value
            for value in (*arrays_of(case), *arrays_of(results))
            if 0 in getattr(value, "shape", ()) or (type(value) is tuple and 0 in value)
        ]
        empty += [argument for argument in case if isinstance(argument, list | dict) and not argument]
        told = {
            "tensor-bytes": "may be () and may hold a 0",
            "parameter-bytes": "an empty list takes 0",
            "training-bytes": "An empty list takes 0",
        }
        assert not empty or told[name] in exercises.get(name).task


def test_half_precision_is_compared_to_the_last_bit_and_no_right_rounding_is_near_another():
    halves = {torch.float16, torch.bfloat16}
    compared = 0
    for name in exercises.names():
        for case in rules(name).cases():
            results, _ = parts_of(rules(name).expected(*case))
            compared += sum(getattr(result, "dtype", None) in halves for result in results)
    assert compared >= 5
    for x, weight in rules("rms-norm").cases():
        if x.dtype not in halves:
            continue
        exact = functional.rms_norm(x.double(), x.shape[-1:], weight.double(), 1e-6)
        nearest = exact.to(x.dtype)
        for side in (-torch.inf, torch.inf):
            middle = (nearest.double() + nearest.nextafter(torch.tensor(side, dtype=x.dtype)).double()) / 2
            assert ((exact - middle).abs() > 2**-20 * exact.abs()).all()  # 8 units in the last place of float32


def test_every_concept_has_two_exercises_and_ten_combine_them():
    found = [exercises.get(name) for name in exercises.names()]
    assert len(found) >= 40
    concepts = {*tensorref.CONCEPTS} - {"benchmark", "errors", "exercises"}
    assert {*exercises.CONCEPTS} == concepts
    for concept in concepts:
        assert sum(exercise.concepts == (concept,) for exercise in found) >= 2, concept
    assert sum(len(exercise.concepts) > 1 for exercise in found) >= 10
    assert {*itertools.chain(*(exercise.concepts for exercise in found))} == concepts
    assert {*exercises.names()} >= {
        *ATTENTION,
        "multi-head-attention",
        "rotary-embedding",
        "kv-cache-step",
        "next-token-loss",
    }
    for name, concept in ATTENTION.items():
        assert exercises.get(name).concepts == (concept,)
    assert [exercise.name for exercise in found] == [*exercises.names()]


def test_names_rise_in_difficulty_and_can_be_chosen():
    levels = [exercises.get(name).difficulty for name in exercises.names()]
    assert levels == sorted(levels)
    assert {*levels} == {1, 2, 3, 4, 5}
    for level in {*levels}:
        assert {exercises.get(name).difficulty for name in exercises.names(difficulty=level)} == {level}
    assert [*itertools.chain(*(exercises.names(difficulty=level) for level in range(1, 6)))] == [*exercises.names()]
    for concept in exercises.CONCEPTS:
        assert {*exercises.names(concept)} == {
            name for name in exercises.names() if concept in exercises.get(name).concepts
        }
    assert {*exercises.names("attention", difficulty=5)} == {"grouped-query-attention", "multi-head-attention"}


def arguments_of(name):
    """Return what the checker calls an answer with."""
    right, given = solved(name), []

    def recorded(*arguments):
        given.append(arguments)
        return right(*arguments)

    assert exercises.get(name).check(recorded)
    return given


def arrays_of(arguments):
    for argument in arguments:
        yield from (
            argument if isinstance(argument, list) else argument.values() if isinstance(argument, dict) else [argument]
        )


@pytest.mark.parametrize("name", exercises.names())
def test_the_task_is_shown_and_the_rest_is_not(name, capsys):
    exercise, function = exercises.get(name), solved(name)
    assert 1 <= len(exercise.hints) <= 3
    assert exercise.learns
    shown = f"{exercise!r}{exercise}"
    assert exercise.task in shown
    body = exercise.solution.partition("    return")[2]
    for hidden in (*exercise.hints, exercise.learns, body):
        assert hidden.strip() not in shown
    assert ("loop" in exercise.task) == (rules(name).growing is not None)
    # The starter runs as it is, and its function has the parameters of the solution.
    namespace = {}
    exec(exercise.starter, namespace)  # noqa: S102  the code is ours
    assert capsys.readouterr().out.startswith("Not yet. With ")
    assert inspect.signature(namespace[exercise.function]) == inspect.signature(function)
    message = str(exercise.check(lambda *_: None))
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"\b{parameter} (of|=) ", message)


@pytest.mark.parametrize("name", exercises.names())
def test_inputs_are_the_same_each_time_of_several_sizes_and_the_global_seed_is_left_alone(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = arguments_of(name), arguments_of(name)
    assert torch.equal(before, torch.get_rng_state())
    assert len({str([getattr(x, "shape", x) for x in arrays_of(arguments)]) for arguments in first}) >= 2
    for one, other in zip(first, second, strict=True):
        for a, b in zip(arrays_of(one), arrays_of(other), strict=True):
            if isinstance(a, torch.Tensor):
                assert a.is_meta or torch.equal(a.nan_to_num(0), b.nan_to_num(0))
            else:
                assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@pytest.mark.parametrize("name", exercises.names())
def test_answers_run_on_the_cpu_whatever_the_default_device(name):
    torch.set_default_device("meta")
    assert exercises.get(name).check(solved(name))
    places = {
        argument.device.type
        for arguments in arguments_of(name)
        for argument in arrays_of(arguments)
        if isinstance(argument, torch.Tensor)
    }
    assert places <= ({"cpu", "meta"} if name in {"rows-of-zeros", "match-tensor"} else {"cpu"})
    assert torch.get_default_device().type == "meta"


def test_inputs_go_to_the_device_and_the_answer_has_to_stay_there():
    """On meta, which alone is there on every machine, no values are compared: this holds devices alone."""
    given = []

    def answer(x):
        given.append(x)
        return torch.zeros(x.shape)

    words = checker.first_difference(answer, rules("silu"), torch.device("meta"))
    assert words == "With x of shape (7,): activations is on cpu, the task asks for meta."
    assert given[0].device.type == "meta"
    # What is made from sizes alone is made on the CPU, wherever inputs would be.
    assert checker.first_difference(solved("positions"), rules("positions"), torch.device("meta")) is None


def test_a_device_that_cannot_be_used_is_refused(monkeypatch):
    check = inspect.unwrap(exercises.Exercise.check)
    with pytest.raises(ValueError) as raised:
        check(exercises.get("silu"), torch.relu, device="meta")
    assert str(raised.value) == "device is 'meta', which holds no values to check; pass 'cpu' or an accelerator"
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda *_, **__: None)
    with pytest.raises(ValueError) as raised:
        check(exercises.get("silu"), torch.relu, device="privateuseone")
    assert str(raised.value) == "device is 'privateuseone', available are cpu; devices.status() says why"


def test_a_result_instead_of_a_function_is_refused():
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(exercises.Exercise.check)(exercises.get("embedding-lookup"), torch.zeros(4, 32))
    assert str(raised.value) == (
        "answer is of type Tensor; pass the function itself, not what it returns: check(lookup)"
    )


def test_an_error_without_words_and_one_of_several_lines():
    def raises(words):
        def answer(_):
            raise ValueError(*words)

        return str(exercises.get("silu").check(answer))

    assert raises([]) == "Not yet. With x of shape (7,): it raised ValueError: "
    assert raises(["one\ntwo"]) == "Not yet. With x of shape (7,): it raised ValueError: one"


@pytest.mark.parametrize(
    "strange",
    [
        lambda array: np.flip(np.flip(array).copy()),
        np.asfortranarray,
        lambda array: np.broadcast_to(array, array.shape),
        lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    ],
    ids=["negative strides", "column by column", "read-only", "every other"],
)
def test_an_array_is_right_whatever_its_memory(strange):
    assert exercises.get("to-numpy").check(lambda tensor: strange(solved("to-numpy")(tensor)))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_cannot_be_compared_is_told_and_does_not_crash():
    def nested(x):
        return torch.nested.nested_tensor([x, x])

    with pytest.raises(RuntimeError) as raised:
        tuple(nested(torch.ones(7)).shape)
    (line,) = str(raised.value).splitlines()[:1]
    assert str(exercises.get("silu").check(nested)) == (
        "Not yet. With x of shape (7,): activations cannot be compared with what the task asks for: "
        f"RuntimeError: {line}"
    )


def test_a_result_whose_gradient_raises_is_told():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x.round()

        @staticmethod
        def backward(_, gradient):
            raise NotImplementedError("later")

    assert str(exercises.get("straight-through").check(Broken.apply)) == (
        "Not yet. With x of shape (5,): rounded cannot be compared with what the task asks for: NotImplementedError: later"
    )


DAMAGE = {
    "dtype": lambda x: setattr(x, "data", x.data.double()),
    "size": lambda x: x.resize_(1),
    "strides": lambda x: x.transpose_(-1, -2),
    "a gradient asked for": lambda x: x.requires_grad_(),
    "one element": lambda x: x.select(0, 0).zero_(),
    "NaN": lambda x: x.view(-1)[3].fill_(torch.nan),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_an_argument_that_became_another_was_changed(change):
    def answer(scores, allowed):
        masked = scores.masked_fill(~allowed, -torch.inf)
        change(scores)
        return masked

    assert str(exercises.get("mask-scores").check(answer)) == (
        "Not yet. With scores of shape (2, 4, 4) and allowed of shape (4, 4): it changed its argument scores; return a "
        "new tensor. Methods ending in _, += and x[...] = change."
    )


def test_damage_to_an_array_a_list_and_a_dict_is_noticed():
    def in_array(x):
        result = solved("gelu")(x)
        x *= 2 if isinstance(x, np.ndarray) else 1
        return result

    def in_list(parameters):
        return sum(p.nbytes for p in parameters) + (0 * parameters[0].zero_().sum().long().item() if parameters else 0)

    def in_dict(parameters):
        kept = solved("snapshot")(parameters)
        parameters.clear()
        return kept

    for name, answer, argument in (
        ("gelu", in_array, "x"),
        ("parameter-bytes", in_list, "parameters"),
        ("snapshot", in_dict, "parameters"),
    ):
        assert f"it changed its argument {argument};" in str(exercises.get(name).check(answer))


def test_steps_grow_with_a_loop_wherever_it_runs_and_not_otherwise():
    torch.set_default_device(None)  # which another device is set by would run lines for each call as well
    small, large = torch.ones(2, 3), torch.ones(9, 3)

    def steps(function):
        return tuple(checker._steps(function, (x,)) for x in (small, large))  # noqa: SLF001

    loops = {
        "for": lambda x: [row.sum() for row in x],
        "a generator": lambda x: sum(row.sum() for row in x),
        "map, which runs in C": lambda x: [*map(torch.sum, x.unbind())],
        "lists alone": lambda x: [a + 1 for row in x.tolist() for a in row],
        "vectorize": lambda x: np.vectorize(lambda a: a + 1)(x.numpy()),
    }
    for name, loop in loops.items():
        few, many = steps(loop)
        assert few < many, name
    for operation in (torch.sum, lambda x: functional.layer_norm(x, (3,)), torch.vmap(lambda row: row.sum())):
        steps(operation)
        few, many = steps(operation)
        assert few == many


def test_an_answer_that_fails_on_the_inputs_of_the_count_is_told_so():
    def answer(lengths, seq_len):
        assert seq_len < 12
        return solved("padding-mask")(lengths, seq_len)

    assert str(exercises.get("padding-mask").check(answer)).startswith(
        "Not yet. With lengths of shape (6,) and seq_len = 12: it raised AssertionError"
    )


def test_counting_steps_leaves_a_debugger_in_place():
    def trace(*_):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert exercises.get("padding-mask").check(solved("padding-mask"))
        during = sys.gettrace()
    finally:
        sys.settrace(before)
    assert during is trace


@pytest.mark.parametrize("name", exercises.names())
def test_another_default_dtype_changes_nothing(name):
    torch.set_default_dtype(torch.float64)
    assert exercises.get(name).check(solved(name))
    assert torch.get_default_dtype() == torch.float64


def test_an_answer_that_finds_no_gradients_switched_on_gets_them():
    with torch.no_grad():
        assert exercises.get("derivative").check(by_backward)


def test_elements_in_other_places_are_named_as_that():
    told = "The elements are the right ones, in other places."
    assert told in str(exercises.get("split-heads").check(WRONG["split-heads"]["view alone"][0]))
    assert told not in str(exercises.get("silu").check(torch.relu))


def test_a_wrong_number_of_parameters_is_told():
    message = str(exercises.get("embedding-lookup").check(lambda table: table))
    assert "it raised TypeError: " in message
    assert "takes 1 positional argument but 2 were given" in message


def test_wrong_names_are_answered_with_those_most_like_them():
    def refused(call):
        with pytest.raises(ValueError) as raised:
            call()
        return str(raised.value)

    rest = f"exercises.names() lists all {len(exercises.names())}"
    assert refused(lambda: exercises.get("embeding-lookup")) == (
        f"name is 'embeding-lookup'; did you mean embedding-lookup? {rest}"
    )
    assert refused(lambda: exercises.get("norm")) == (
        f"name is 'norm'; did you mean rms-norm or layer-norm or folded-norm? {rest}"
    )
    assert refused(lambda: exercises.get("zzz")) == f"name is 'zzz'; {rest}"
    assert refused(lambda: exercises.names("exercises")) == (
        "concept is 'exercises'; the concepts with exercises are anatomy, creation, indexing, elementwise, reductions, matmul, "
        "broadcasting, einsum, interop, dtypes, layout, devices, autograd, kernels, normalization, positions, activations, "
        "masks, attention, caches, losses, sampling, training, budget, quantization, experts, llm, pitfalls"
    )
    assert refused(lambda: exercises.names(difficulty=6)) == "difficulty is 6; exercises have 1 to 5"
