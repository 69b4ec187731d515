"""What people write, right and wrong, beside the answers of test_exercises: written from the tasks, not from the checker."""

from __future__ import annotations

import collections
import copy
import functools
import math
import operator
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tensorref import exercises

pytestmark = pytest.mark.usefixtures("unchecked")

RIGHT = collections.defaultdict(list)
WRONG = collections.defaultdict(list)


def right(name, *more):
    """Register a usual right answer to an exercise, and ``more`` of them."""
    RIGHT[name].extend(more)
    return lambda answer: RIGHT[name].append(answer) or answer


def wrong(name, *more):
    """Register a usual wrong answer to an exercise, and ``more`` of them."""
    WRONG[name].extend(more)
    return lambda answer: WRONG[name].append(answer) or answer


right(
    "tensor-bytes",
    lambda shape, itemsize: math.prod(shape) * itemsize,
    lambda shape, itemsize: torch.Size(shape).numel() * itemsize,
    lambda shape, itemsize: int(np.prod(shape)) * itemsize,
    lambda shape, itemsize: functools.reduce(operator.mul, shape, itemsize),
    lambda shape, itemsize: torch.empty(shape, device="meta").numel() * itemsize,
)
wrong(
    "tensor-bytes",
    lambda shape, itemsize: math.prod(shape),
    lambda shape, itemsize: sum(shape) * itemsize,
    lambda shape, itemsize: math.prod(shape) * 4,
    lambda shape, itemsize: math.prod(shape) * itemsize / 1,
    lambda shape, itemsize: torch.tensor(shape).prod() * itemsize,
)


right(
    "positions",
    lambda batch, seq_len: torch.arange(seq_len).expand(batch, seq_len),
    lambda batch, seq_len: torch.arange(seq_len).expand(batch, -1),
    lambda batch, seq_len: torch.arange(0, seq_len, dtype=torch.long).unsqueeze(0).repeat(batch, 1),
    lambda batch, seq_len: torch.arange(seq_len).tile((batch, 1)),
    lambda batch, seq_len: torch.ones(batch, seq_len, dtype=torch.int64).cumsum(-1) - 1,
    lambda batch, seq_len: torch.stack([torch.arange(seq_len) for _ in range(batch)]),
    lambda batch, seq_len: torch.tensor([list(range(seq_len))] * batch),
    lambda batch, seq_len: torch.from_numpy(np.tile(np.arange(seq_len), (batch, 1))),
)
wrong(
    "positions",
    lambda batch, seq_len: torch.arange(seq_len),
    lambda batch, seq_len: torch.arange(seq_len)[None],
    lambda batch, seq_len: torch.arange(1, seq_len + 1).expand(batch, -1),
    lambda batch, seq_len: torch.arange(batch * seq_len).view(batch, seq_len),
    lambda batch, seq_len: torch.arange(seq_len, dtype=torch.float).expand(batch, -1),
    lambda batch, seq_len: torch.arange(batch)[:, None].expand(-1, seq_len),
    lambda batch, seq_len: torch.arange(seq_len, dtype=torch.int32).repeat(batch, 1),
)


right(
    "shift-labels",
    lambda token_ids: (token_ids[:, :-1], token_ids[:, 1:]),
    lambda token_ids: (token_ids[..., :-1], token_ids[..., 1:]),
    lambda token_ids: (token_ids.narrow(1, 0, token_ids.size(1) - 1), token_ids.narrow(1, 1, token_ids.size(1) - 1)),
    lambda token_ids: [token_ids[:, :-1], token_ids[:, 1:]],
)
wrong(
    "shift-labels",
    lambda token_ids: (token_ids[:, 1:], token_ids[:, :-1]),
    lambda token_ids: (token_ids[..., :-1].contiguous(), token_ids[..., 1:].contiguous()),
    lambda token_ids: (token_ids[:-1], token_ids[1:]),
    lambda token_ids: (token_ids, token_ids.roll(-1, 1)),
    lambda token_ids: (token_ids[:, :-1], token_ids[:, :-1]),
)


right(
    "row-probabilities",
    lambda counts: counts / counts.sum(dim=1, keepdim=True),
    lambda counts: counts / counts.sum(-1)[:, None],
    lambda counts: counts / counts.sum(-1).unsqueeze(-1),
    lambda counts: functional.normalize(counts, p=1, dim=-1),
    lambda counts: torch.einsum("bv,b->bv", counts, 1 / counts.sum(-1)),
)
wrong(
    "row-probabilities",
    lambda counts: counts / counts.sum(dim=-1),
    lambda counts: counts / counts.sum(dim=0),
    lambda counts: counts / counts.sum(),
    lambda counts: torch.softmax(counts, dim=-1),
    lambda counts: functional.normalize(counts, dim=-1),
    lambda counts: counts / counts.mean(dim=-1, keepdim=True),
)


right(
    "sequence-rewards",
    lambda values: (values.mean(dim=(1, 2)), values.amax(dim=(1, 2))),
    lambda values: (values.squeeze(-1).mean(dim=-1), values.squeeze(-1).max(dim=-1).values),
    lambda values: (values[:, :, 0].mean(1), values[:, :, 0].max(1)[0]),
    lambda values: (values.mean(1)[:, 0], values.max(1).values[:, 0]),
)
wrong(
    "sequence-rewards",
    lambda values: (values.squeeze().mean(-1), values.squeeze().amax(-1)),
    lambda values: (values.mean(dim=1), values.amax(dim=1)),
    lambda values: (values.mean(), values.max()),
    lambda values: (values.mean(dim=(0, 2)), values.amax(dim=(0, 2))),
    lambda values: (values.amax(dim=(1, 2)), values.mean(dim=(1, 2))),
)


right(
    "silu",
    lambda x: x * torch.sigmoid(x),
    lambda x: x / (1 + torch.exp(-x)),
    functional.silu,
    nn.SiLU(),
    nn.Sequential(nn.SiLU()),
)
wrong(
    "silu",
    torch.sigmoid,
    functional.relu,
    functional.gelu,
    lambda x: x * torch.tanh(x),
    lambda x: x * torch.sigmoid(1.702 * x),
    lambda x: functional.silu(x, inplace=True),
    lambda x: x.mul_(torch.sigmoid(x)),
)


right(
    "squared-errors",
    lambda prediction, target: (prediction.squeeze(-1) - target) ** 2,
    lambda prediction, target: (prediction[:, 0] - target).pow(2),
    lambda prediction, target: (prediction.flatten() - target).square(),
    lambda prediction, target: (prediction.view(-1) - target) ** 2,
    lambda prediction, target: (prediction.squeeze() - target) ** 2,
    lambda prediction, target: (prediction - target.unsqueeze(1)).pow(2).squeeze(1),
    lambda prediction, target: functional.mse_loss(prediction.squeeze(1), target, reduction="none"),
)
wrong(
    "squared-errors",
    lambda prediction, target: (prediction - target) ** 2,
    lambda prediction, target: (prediction - target[:, None]) ** 2,
    lambda prediction, target: ((prediction.squeeze(-1) - target) ** 2).mean(),
    lambda prediction, target: (prediction.squeeze(-1) - target).abs(),
    lambda prediction, target: ((prediction - target) ** 2).mean(1),
    lambda prediction, target: prediction.sub_(target[:, None]).pow(2).squeeze(1),
)


right(
    "add-positions",
    lambda x, table: x + table[: x.shape[1]],
    lambda x, table: x + table[: x.size(1)].unsqueeze(0),
    lambda x, table: x + table[torch.arange(x.size(1), device=x.device)],
    lambda x, table: x + functional.embedding(torch.arange(x.size(1), device=x.device), table),
    lambda x, table: x + nn.Embedding.from_pretrained(table)(torch.arange(x.size(-2), device=x.device)),
    lambda x, table: x.clone().add_(table.narrow(0, 0, x.shape[1])),
)
wrong(
    "add-positions",
    lambda x, table: x.add_(table[: x.shape[1]]),
    lambda x, table: x + table[1 : x.shape[1] + 1],
    lambda x, table: x + table[-x.shape[1] :],
    lambda x, table: x + table[0],
    lambda x, table: x + table[: x.shape[1]].sum(0),
)


right("shared-tensor", torch.from_numpy, torch.as_tensor, torch.asarray, lambda array: torch.from_numpy(array).detach())
wrong(
    "shared-tensor",
    torch.tensor,
    lambda array: torch.from_numpy(array.copy()),
    lambda array: torch.from_numpy(array).clone(),
    lambda array: torch.tensor(array.tolist()),
    lambda array: torch.as_tensor(np.array(array)),
)


right(
    "rows-of-zeros",
    lambda x, count: torch.zeros(count, x.shape[1], dtype=x.dtype, device=x.device),
    lambda x, count: x.new_zeros(count, x.shape[1]),
    lambda x, count: x.new_zeros((count, *x.shape[1:])),
    lambda x, count: torch.zeros(count, x.size(-1)).to(x),
    lambda x, count: functional.pad(x, (0, 0, 0, count))[x.shape[0] :],
    lambda x, count: torch.zeros_like(x[:1]).repeat(count, 1),
    lambda x, count: torch.zeros_like(x[0]).expand(count, -1),
)
wrong(
    "rows-of-zeros",
    lambda x, count: torch.zeros(count, x.shape[1]),
    lambda x, count: torch.zeros_like(x),
    lambda x, count: x.new_zeros(x.shape[0], count),
    lambda x, count: x.new_ones(count, x.shape[1]),
    lambda x, count: torch.cat([x, x.new_zeros(count, x.shape[1])]),
    lambda x, count: x.new_zeros(x.shape[1]),
)


right(
    "expert-weights",
    lambda logits, top_k: (logits.topk(top_k)[1], torch.softmax(torch.topk(logits, top_k)[0], dim=1)),
    lambda logits, top_k: (
        (order := torch.argsort(-logits, dim=-1)[:, :top_k]),
        torch.take_along_dim(logits, order, -1).softmax(-1),
    ),
)
wrong(
    "expert-weights",
    lambda logits, top_k: (logits.topk(top_k)[1], logits.softmax(-1).gather(1, logits.topk(top_k)[1])),
    lambda logits, top_k: (logits.topk(top_k)[1], torch.softmax(logits.topk(top_k)[0], dim=0)),
    lambda logits, top_k: (logits.argsort(-1)[:, -top_k:], logits.sort(-1)[0][:, -top_k:].softmax(-1)),
    lambda logits, top_k: logits.topk(top_k)[::-1],
)


@right("expert-slots")
def slots_by_sorting(experts, num_experts, capacity):
    order = experts.argsort(stable=True)
    counts = torch.bincount(experts, minlength=num_experts)
    slots = torch.empty_like(experts)
    slots[order] = torch.arange(len(experts), device=experts.device) - (counts.cumsum(0) - counts)[experts[order]]
    return slots.masked_fill(slots >= capacity, -1)


@right("expert-slots")
def slots_by_a_running_count(experts, num_experts, capacity):
    before = functional.one_hot(experts, num_experts).cumsum(0)[range(len(experts)), experts] - 1
    return torch.where(before >= capacity, torch.full_like(before, -1), before)


wrong(
    "expert-slots",
    lambda experts, n, capacity: torch.arange(len(experts), device=experts.device) % capacity,
    lambda experts, n, capacity: functional.one_hot(experts, n).cumsum(0).gather(1, experts[:, None])[:, 0] - 1,
    lambda experts, n, capacity: functional.one_hot(experts, n).cumsum(0).amax(-1) - 1,
)


right(
    "dequantize-groups",
    lambda numbers, scales: numbers * scales.repeat_interleave(numbers.shape[1] // scales.shape[1], dim=1),
    lambda numbers, scales: torch.cat(
        [part * scales[:, [place]] for place, part in enumerate(numbers.chunk(scales.shape[1], dim=1))], dim=1
    ),
)
wrong(
    "dequantize-groups",
    lambda numbers, scales: numbers * scales.tile(1, numbers.shape[1] // scales.shape[1]),
    lambda numbers, scales: numbers.unflatten(-1, (-1, scales.shape[1])).mul(scales[:, None]).flatten(-2),
    lambda numbers, scales: numbers.unflatten(-1, (scales.shape[1], -1)) * scales[..., None],
)


right(
    "pack-int4",
    lambda numbers: (numbers[:, ::2].remainder(16) + numbers[:, 1::2].remainder(16).to(torch.uint8) * 16).to(
        torch.uint8
    ),
    lambda numbers: torch.stack([numbers[:, ::2] & 15, (numbers[:, 1::2] & 15) << 4]).sum(0).to(torch.uint8),
)
wrong(
    "pack-int4",
    lambda numbers: ((numbers[:, ::2] + 8) | (numbers[:, 1::2] + 8) << 4).to(torch.uint8),
    lambda numbers: numbers[:, ::2] & 15 | numbers[:, 1::2] << 4,
    lambda numbers: (numbers[:, ::2].abs() | numbers[:, 1::2].abs() << 4).to(torch.uint8),
)


right(
    "training-bytes",
    lambda parameters: sum(2 * p.numel() + (14 * p.numel() if p.requires_grad else 0) for p in parameters),
    lambda parameters: sum(p.nbytes + p.requires_grad * (p.nbytes + 12 * p.numel()) for p in parameters),
)
wrong(
    "training-bytes",
    lambda parameters: sum(8 * p.nbytes for p in parameters),
    lambda parameters: sum(p.numel() * (18 if p.requires_grad else 2) for p in parameters),
    lambda parameters: sum(p.numel() * 16 for p in parameters if p.requires_grad),
)


right(
    "cache-batch",
    lambda memory, weights, layers, heads, dim, seq_len: max(
        (memory - weights) // (2 * 2 * layers * heads * dim * seq_len), 0
    ),
    lambda memory, weights, layers, heads, dim, seq_len: (
        0 if weights > memory else int((memory - weights) // (layers * heads * dim * seq_len * 4))
    ),
)
wrong(
    "cache-batch",
    lambda memory, weights, layers, heads, dim, seq_len: (
        max(0, memory - weights) // (8 * layers * heads * dim * seq_len)
    ),
    lambda memory, weights, layers, heads, dim, seq_len: memory // (4 * layers * heads * dim * seq_len),
    lambda memory, weights, layers, heads, dim, seq_len: max(
        0, -(-(memory - weights) // (4 * layers * heads * dim * seq_len))
    ),
)


right(
    "embedding-lookup",
    lambda table, token_ids: table[token_ids],
    lambda table, token_ids: functional.embedding(token_ids, table),
    lambda table, token_ids: nn.Embedding.from_pretrained(table)(token_ids),
    lambda table, token_ids: table.index_select(0, token_ids.reshape(-1)).reshape(*token_ids.shape, table.shape[-1]),
    lambda table, token_ids: table.index_select(0, token_ids.flatten()).view(*token_ids.shape, -1),
    lambda table, token_ids: functional.one_hot(token_ids, table.shape[0]).to(table.dtype) @ table,
)
wrong(
    "embedding-lookup",
    lambda table, token_ids: table[token_ids.flatten()],
    lambda table, token_ids: table[token_ids - 1],
    lambda table, token_ids: table[: token_ids.numel()],
    lambda table, token_ids: table.take(token_ids),
    lambda table, token_ids: table[token_ids].sum(-2),
)


right(
    "attention-output",
    lambda weights, tokens: weights @ tokens,
    torch.matmul,
    torch.mm,
    lambda weights, tokens: torch.einsum("ij,jd->id", weights, tokens),
    lambda weights, tokens: (weights.unsqueeze(-1) * tokens).sum(1),
    lambda weights, tokens: functional.linear(weights, tokens.T),
)
wrong(
    "attention-output",
    lambda weights, tokens: weights.T @ tokens,
    lambda weights, tokens: weights.softmax(-1) @ tokens,
    lambda weights, tokens: (weights.unsqueeze(-1) * tokens).mean(1),
    lambda weights, tokens: (weights.unsqueeze(-1) * tokens[:, None]).sum(1),
    lambda weights, tokens: tokens.T @ weights,
)


@right("mask-scores")
def filled_with_a_mask(scores, allowed):
    scores = scores.clone()
    scores[~allowed.expand_as(scores)] = float("-inf")
    return scores


right(
    "mask-scores",
    lambda scores, allowed: scores.masked_fill(~allowed, float("-inf")),
    lambda scores, allowed: scores.masked_fill(allowed == 0, -math.inf),
    lambda scores, allowed: torch.where(allowed, scores, -torch.inf),
    lambda scores, allowed: torch.where(allowed, scores, torch.full_like(scores, -torch.inf)),
    lambda scores, allowed: scores + torch.zeros_like(scores).masked_fill(allowed.logical_not(), -torch.inf),
    lambda scores, allowed: scores + torch.where(allowed, 0.0, -torch.inf).to(scores),
)
wrong(
    "mask-scores",
    lambda scores, allowed: scores.masked_fill(allowed, -torch.inf),
    lambda scores, allowed: scores.masked_fill(~allowed, -1e9),
    lambda scores, allowed: scores.masked_fill(~allowed, torch.finfo(scores.dtype).min),
    lambda scores, allowed: scores.masked_fill_(~allowed, -torch.inf),
    lambda scores, allowed: scores * allowed,
    lambda scores, allowed: scores + (1.0 - allowed.float()) * -10000.0,
)


right(
    "mask-keys",
    lambda scores, keep: scores.masked_fill(~keep[:, None, None], -torch.inf),
    lambda scores, keep: torch.where(keep.unsqueeze(1).unsqueeze(2), scores, -torch.inf),
    lambda scores, keep: scores.masked_fill(~keep.view(len(keep), 1, 1, -1).expand_as(scores), -torch.inf),
)
wrong(
    "mask-keys",
    lambda scores, keep: scores.masked_fill(~keep, -torch.inf),
    lambda scores, keep: scores.masked_fill(~keep[:, None], -torch.inf),
    lambda scores, keep: scores.masked_fill(~keep[:, None, :, None], -torch.inf),
    lambda scores, keep: scores * keep[:, None, None],
)


def divided_out_of_place(scores):
    shares = scores.exp()
    shares = shares / shares.sum(-1, keepdim=True)
    return shares  # noqa: RET504 - as people write


def divided_in_place(scores):
    shares = scores.exp()
    shares /= shares.sum(-1, keepdim=True)
    return shares


def divided_without_gradient(scores):
    with torch.no_grad():
        shares = scores.exp()
        shares /= shares.sum(-1, keepdim=True)
    return shares


right(
    "shares-of-scores",
    divided_out_of_place,
    functools.partial(torch.softmax, dim=-1),
    lambda scores: scores.log_softmax(-1).exp(),
)
wrong(
    "shares-of-scores",
    divided_in_place,
    divided_without_gradient,
    lambda scores: torch.softmax(scores, 0),
)


right(
    "noisy-batch",
    lambda features, start, noise: features[start : start + 2] + noise,
    lambda features, start, noise: features[start : start + len(noise)].clone().add_(noise),
    lambda features, start, noise: torch.add(features.narrow(0, start, 2), noise),
)
wrong(
    "noisy-batch",
    lambda features, start, noise: features[start : start + 2].add_(noise),
    lambda features, start, noise: features[start : start + 2] + noise[:1],
    lambda features, start, noise: features[:2] + noise,
)


def meaned_row_by_row(losses, keep, weight):
    total = losses.new_zeros(())
    for row, kept, part in zip(losses, keep, weight, strict=True):
        if kept.any():
            total = total + part * row[kept].mean()
    return total


right(
    "mean-of-kept",
    meaned_row_by_row,
    lambda losses, keep, weight: ((losses * keep).sum(-1) / keep.sum(-1).clamp(min=1) * weight).sum(),
    lambda losses, keep, weight: ((losses * keep).sum(-1) / keep.sum(-1)).nan_to_num() @ weight,
)
wrong(
    "mean-of-kept",
    lambda losses, keep, weight: ((losses * keep).sum(-1) / keep.sum(-1) * weight).sum(),
    lambda losses, keep, weight: (losses * keep).sum(-1, keepdim=True).div(keep.sum(-1).clamp(min=1)).mul(weight).sum(),
    lambda losses, keep, weight: ((losses * keep).mean(-1) * weight).sum(),
)


right(
    "parameter-bytes",
    lambda parameters: sum(parameter.numel() * parameter.element_size() for parameter in parameters),
    lambda parameters: sum(parameter.nbytes for parameter in parameters),
    lambda parameters: sum(math.prod(parameter.shape) * parameter.dtype.itemsize for parameter in parameters),
    lambda parameters: int(np.sum([parameter.nelement() * parameter.itemsize for parameter in parameters])),
)
wrong(
    "parameter-bytes",
    lambda parameters: sum(parameter.numel() * 4 for parameter in parameters),
    lambda parameters: sum(parameter.numel() for parameter in parameters),
    lambda parameters: sum(parameter.untyped_storage().nbytes() for parameter in parameters),
    lambda parameters: sum({parameter.data_ptr(): parameter.nbytes for parameter in parameters}.values()),
    lambda parameters: sum(parameter.nbytes for parameter in parameters if parameter.is_contiguous()),
)


@right("seeded-weights")
def seeded_in_a_fork(seed, fan_in, fan_out):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.randn(fan_in, fan_out) / math.sqrt(fan_in)


@right("seeded-weights")
def seeded_and_put_back(seed, fan_in, fan_out):
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    weight = torch.randn(fan_in, fan_out) / fan_in**0.5
    torch.set_rng_state(state)
    return weight


@right("seeded-weights")
def seeded_generator(seed, fan_in, fan_out):
    generator = torch.Generator()
    generator.manual_seed(seed)
    return torch.randn(fan_in, fan_out, generator=generator) * fan_in**-0.5


@wrong("seeded-weights")
def seeded_for_all(seed, fan_in, fan_out):
    torch.manual_seed(seed)
    return torch.randn(fan_in, fan_out) / math.sqrt(fan_in)


def generated(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


right(
    "seeded-weights",
    lambda seed, fan_in, fan_out: nn.Parameter(generated(seed, fan_in, fan_out) / math.sqrt(fan_in)),
    lambda seed, fan_in, fan_out: torch.empty(fan_in, fan_out).normal_(
        std=fan_in**-0.5, generator=torch.Generator().manual_seed(seed)
    ),
    lambda seed, fan_in, fan_out: generated(seed, fan_in, fan_out) / np.sqrt(fan_in),
)
wrong(
    "seeded-weights",
    generated,
    lambda seed, fan_in, fan_out: generated(seed, fan_in, fan_out) / math.sqrt(fan_out),
    lambda seed, fan_in, fan_out: generated(seed, fan_out, fan_in).T / math.sqrt(fan_in),
    lambda seed, fan_in, fan_out: generated(seed, fan_in, fan_out) * math.sqrt(2 / fan_in),
    lambda seed, fan_in, fan_out: generated(seed, fan_in, fan_out) / fan_in,
    lambda seed, fan_in, fan_out: (
        torch.rand(fan_in, fan_out, generator=torch.Generator().manual_seed(seed)) / math.sqrt(fan_in)
    ),
)


@right("last-token")
def last_by_gather(hidden, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, -1, hidden.size(-1))
    return hidden.gather(1, index).squeeze(1)


@right("embedding-lookup")
def looked_up_by_a_module(table, token_ids):
    embedding = nn.Embedding(*table.shape, device=table.device, dtype=table.dtype)
    embedding.weight.data.copy_(table)
    return embedding(token_ids)


@right("low-rank-update")
def updated_by_modules(x, weight, a, b, alpha):
    layers = [nn.Linear(*matrix.T.shape, bias=False, device=x.device) for matrix in (weight, a, b)]
    with torch.no_grad():
        for layer, matrix in zip(layers, (weight, a, b), strict=True):
            layer.weight.copy_(matrix)
    base, lora_a, lora_b = layers
    return base(x) + lora_b(lora_a(x)) * (alpha / a.shape[0])


@wrong("last-token")
def last_by_a_loop(hidden, lengths):
    return torch.stack([row[length - 1] for row, length in zip(hidden, lengths.tolist(), strict=True)])


right(
    "last-token",
    lambda hidden, lengths: hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1],
    lambda hidden, lengths: hidden[range(hidden.shape[0]), lengths - 1],
    lambda hidden, lengths: torch.take_along_dim(hidden, (lengths - 1)[:, None, None], 1)[:, 0],
    lambda hidden, lengths: hidden[torch.arange(hidden.size(1), device=hidden.device) == lengths[:, None] - 1],
    lambda hidden, lengths: torch.einsum(
        "bse,bs->be", hidden, functional.one_hot(lengths - 1, hidden.size(1)).to(hidden.dtype)
    ),
)
wrong(
    "last-token",
    lambda hidden, lengths: hidden[:, -1],
    lambda hidden, lengths: hidden[:, lengths - 1],
    lambda hidden, lengths: hidden[torch.arange(len(hidden)), lengths % hidden.shape[1]],
    lambda hidden, lengths: hidden[torch.arange(len(hidden)), lengths.max() - 1],
    lambda hidden, lengths: hidden[torch.arange(len(hidden)), lengths - 2],
)


@right("gelu")
def gelu_of_either(x):
    tanh = np.tanh if isinstance(x, np.ndarray) else torch.tanh
    return 0.5 * x * (1.0 + tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


@right("gelu")
def gelu_through_pytorch(x):
    if isinstance(x, np.ndarray):
        return functional.gelu(torch.from_numpy(x), approximate="tanh").numpy()
    return functional.gelu(x, approximate="tanh")


@right("gelu")
def gelu_by_module(x):
    result = nn.GELU("tanh")(torch.as_tensor(x))
    return result.numpy() if isinstance(x, np.ndarray) else result


@right("gelu")
def gelu_with_cubes(x):
    if torch.is_tensor(x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (np.float32(1) + np.tanh(inner))


@wrong("gelu")
def gelu_in_float64(x):
    library = np if isinstance(x, np.ndarray) else torch
    return 0.5 * x * (1 + library.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@wrong("gelu")
def gelu_exactly(x):
    if isinstance(x, np.ndarray):
        return functional.gelu(torch.from_numpy(x)).numpy()
    return functional.gelu(x)


@wrong("gelu")
def gelu_by_sigmoid(x):
    if isinstance(x, np.ndarray):
        return x / (1 + np.exp(-1.702 * x))
    return x * torch.sigmoid(1.702 * x)


wrong("gelu", lambda x: functional.gelu(torch.as_tensor(x), approximate="tanh"))


right(
    "cosine-similarity",
    lambda a, b: functional.normalize(a, dim=-1) @ functional.normalize(b, dim=-1).T,
    lambda a, b: functional.cosine_similarity(a[:, None], b[None], dim=-1),
    lambda a, b: (a / a.norm(dim=-1, keepdim=True)) @ (b / b.norm(dim=-1, keepdim=True)).t(),
    lambda a, b: torch.einsum("id,jd->ij", a, b) / torch.outer(a.norm(dim=1), b.norm(dim=1)),
    lambda a, b: nn.CosineSimilarity(dim=2)(a.unsqueeze(1), b.unsqueeze(0)),
)
wrong(
    "cosine-similarity",
    lambda a, b: a @ b.T,
    lambda a, b: functional.normalize(a) @ b.T,
    lambda a, b: functional.normalize(a, dim=0) @ functional.normalize(b, dim=0).T,
    lambda a, b: a @ b.T / (a.norm() * b.norm()),
    lambda a, b: functional.normalize(b) @ functional.normalize(a).T,
    lambda a, b: a @ b.T / (a.pow(2).sum(-1)[:, None] * b.pow(2).sum(-1)),
)


right(
    "scaled-scores",
    lambda query, key: query @ key.transpose(-2, -1) / math.sqrt(query.size(-1)),
    lambda query, key: (query @ key.mT) * (1.0 / math.sqrt(key.size(-1))),
    lambda query, key: torch.einsum("bhqd,bhkd->bhqk", query, key) * query.shape[-1] ** -0.5,
    lambda query, key: torch.matmul(query / query.shape[-1] ** 0.5, key.permute(0, 1, 3, 2)),
    lambda query, key: torch.matmul(query, key.transpose(2, 3)) / np.sqrt(query.shape[-1]),
)
wrong(
    "scaled-scores",
    lambda query, key: query @ key.mT,
    lambda query, key: query @ key.mT / query.shape[-1],
    lambda query, key: query @ key.mT / math.sqrt(query.shape[1]),
    lambda query, key: query @ key.mT / math.sqrt(key.shape[-2]),
    lambda query, key: (query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1),
    lambda query, key: key @ query.mT / math.sqrt(query.shape[-1]),
)


@wrong("padding-mask")
def padding_by_a_loop(lengths, seq_len):
    return torch.stack([torch.arange(seq_len, device=lengths.device) < length for length in lengths])


right(
    "padding-mask",
    lambda lengths, seq_len: torch.arange(seq_len, device=lengths.device)[None, :] < lengths[:, None],
    lambda lengths, seq_len: (
        torch.arange(seq_len, device=lengths.device).expand(len(lengths), seq_len) < lengths.unsqueeze(1)
    ),
    lambda lengths, seq_len: lengths.unsqueeze(-1).gt(torch.arange(seq_len, device=lengths.device)),
    lambda lengths, seq_len: ~(torch.arange(seq_len, device=lengths.device) >= lengths.view(-1, 1)),
    lambda lengths, seq_len: torch.ones(seq_len + 1, seq_len, dtype=torch.bool, device=lengths.device).tril(-1)[
        lengths
    ],
)
wrong(
    "padding-mask",
    lambda lengths, seq_len: torch.arange(seq_len, device=lengths.device) <= lengths[:, None],
    lambda lengths, seq_len: torch.arange(seq_len, device=lengths.device) >= lengths[:, None],
    lambda lengths, seq_len: (torch.arange(seq_len, device=lengths.device) < lengths[:, None]).float(),
    lambda lengths, seq_len: (torch.arange(seq_len, device=lengths.device) < lengths[:, None]).long(),
    lambda lengths, seq_len: torch.arange(seq_len, device=lengths.device)[:, None] < lengths,
)


right(
    "to-numpy",
    lambda tensor: tensor.detach().float().cpu().numpy(),
    lambda tensor: tensor.cpu().detach().to(torch.float32).numpy(),
    lambda tensor: tensor.to("cpu", torch.float).detach().numpy(),
    lambda tensor: np.asarray(tensor.detach().cpu().float()),
    lambda tensor: tensor.float().numpy(force=True),
    lambda tensor: tensor.data.float().cpu().numpy().copy(),
    lambda tensor: tensor.detach().cpu().double().numpy().astype(np.float32),
)
wrong(
    "to-numpy",
    lambda tensor: tensor.numpy(),
    lambda tensor: tensor.detach().cpu().numpy(),
    lambda tensor: tensor.detach().cpu().double().numpy(),
    lambda tensor: tensor.detach().cpu().half().numpy().astype(np.float32),
    lambda tensor: tensor.detach().cpu().float(),
    lambda tensor: tensor.requires_grad_(requires_grad=False).cpu().float().numpy(),
)


right(
    "mixed-product",
    lambda x, weight: x @ weight.float(),
    lambda x, weight: x @ weight.to(x.dtype),
    lambda x, weight: functional.linear(x, weight.T.float()),
    lambda x, weight: torch.einsum("bn,nm->bm", x, weight.to(torch.float32)),
    lambda x, weight: (x.double() @ weight.double()).float(),
    lambda x, weight: torch.mm(x, weight.type(torch.float32)),
)
wrong(
    "mixed-product",
    lambda x, weight: (x.to(weight.dtype) @ weight).float(),
    lambda x, weight: x.to(weight.dtype).float() @ weight.float(),
    lambda x, weight: (x @ weight.float()).to(weight.dtype).float(),
    lambda x, weight: (x @ weight.float()).to(weight.dtype),
    lambda x, weight: x.double() @ weight.double(),
    lambda x, weight: x @ weight,
    lambda x, weight: x.bfloat16() @ weight.bfloat16(),
)


@right("split-heads")
def split_as_nanogpt(x, num_heads):
    b, t, c = x.size()
    return x.view(b, t, num_heads, c // num_heads).transpose(1, 2)


@right("split-heads")
def split_as_hugging_face(x, num_heads):
    input_shape = x.shape[:-1]
    hidden_shape = (*input_shape, -1, x.shape[-1] // num_heads)
    return x.view(hidden_shape).transpose(1, 2)


right(
    "split-heads",
    lambda x, num_heads: x.reshape(x.shape[0], x.shape[1], num_heads, -1).transpose(1, 2),
    lambda x, num_heads: x.view(*x.shape[:-1], num_heads, -1).permute(0, 2, 1, 3),
    lambda x, num_heads: x.unflatten(-1, (num_heads, -1)).transpose(1, 2).contiguous(),
    lambda x, num_heads: torch.stack(x.chunk(num_heads, dim=-1), dim=1),
    lambda x, num_heads: torch.stack(x.split(x.shape[-1] // num_heads, dim=-1), dim=1),
)
wrong(
    "split-heads",
    lambda x, num_heads: x.reshape(x.shape[0], num_heads, x.shape[1], -1),
    lambda x, num_heads: x.unflatten(-1, (num_heads, -1)),
    lambda x, num_heads: x.unflatten(-1, (-1, num_heads)).permute(0, 3, 1, 2),
    lambda x, num_heads: x.transpose(1, 2).reshape(x.shape[0], num_heads, x.shape[1], -1),
    lambda x, num_heads: x.unflatten(-1, (num_heads, -1)).permute(0, 2, 3, 1),
)


right(
    "merge-heads",
    lambda heads: heads.transpose(1, 2).contiguous().view(heads.size(0), heads.size(2), -1),
    lambda heads: heads.transpose(1, 2).reshape(heads.shape[0], heads.shape[2], -1),
    lambda heads: heads.permute(0, 2, 1, 3).reshape(heads.size(0), -1, heads.size(1) * heads.size(3)),
    lambda heads: heads.transpose(1, 2).flatten(2),
    lambda heads: heads.transpose(1, 2).flatten(start_dim=-2),
    lambda heads: torch.cat(heads.unbind(1), dim=-1),
    lambda heads: torch.cat([heads[:, head] for head in range(heads.shape[1])], dim=-1),
)
wrong(
    "merge-heads",
    lambda heads: heads.reshape(heads.shape[0], heads.shape[2], -1),
    lambda heads: heads.permute(0, 2, 3, 1).flatten(2),
    lambda heads: heads.transpose(1, 2),
    lambda heads: heads.sum(1),
    lambda heads: torch.cat(heads.flip(1).unbind(1), -1),
)


right(
    "match-tensor",
    lambda tensor, other: tensor.to(other),
    lambda tensor, other: tensor.to(other.device, other.dtype),
    lambda tensor, other: tensor.to(device=other.device).to(dtype=other.dtype),
    lambda tensor, other: tensor.type_as(other),
    lambda tensor, other: torch.as_tensor(tensor, dtype=other.dtype, device=other.device),
)
wrong(
    "match-tensor",
    lambda tensor, other: tensor.to(other, copy=True),
    lambda tensor, other: tensor.clone().to(other),
    lambda tensor, other: tensor.to(other.device),
    lambda tensor, other: other.to(tensor),
    lambda tensor, other: tensor.to(other.device).float(),
    lambda tensor, other: other.new_tensor(tensor.tolist()),
)


@right("frozen-target")
def loss_on_a_copy(prediction, target):
    with torch.no_grad():
        frozen = target.clone()
    return functional.mse_loss(prediction, frozen)


@wrong("frozen-target")
def loss_without_gradients(prediction, target):
    with torch.no_grad():
        return functional.mse_loss(prediction, target)


right(
    "frozen-target",
    lambda prediction, target: functional.mse_loss(prediction, target.detach()),
    lambda prediction, target: ((prediction - target.detach()) ** 2).mean(),
    lambda prediction, target: nn.MSELoss()(prediction, target.data),
    lambda prediction, target: (prediction - target.clone().detach()).pow(2).mean(),
    lambda prediction, target: torch.mean(torch.square(target.detach() - prediction)),
)
wrong(
    "frozen-target",
    functional.mse_loss,
    lambda prediction, target: functional.mse_loss(prediction.detach(), target),
    lambda prediction, target: functional.mse_loss(prediction, target.detach(), reduction="sum"),
    lambda prediction, target: functional.mse_loss(prediction, target.detach(), reduction="none"),
    lambda prediction, target: functional.l1_loss(prediction, target.detach()),
    lambda prediction, target: functional.mse_loss(prediction, target.requires_grad_(requires_grad=False)),
)


@right("attention-weights")
def weights_by_hand(tokens):
    scores = torch.einsum("id,jd->ij", tokens, tokens)
    exponentials = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    return scores, exponentials / exponentials.sum(dim=-1, keepdim=True)


@wrong("attention-weights")
def weights_of_all(tokens):
    scores = tokens @ tokens.T
    return scores, scores.flatten().softmax(0).view_as(scores)


def scored(tokens, scale=1.0):
    return tokens @ tokens.T * scale


right(
    "attention-weights",
    lambda tokens: (scored(tokens), torch.softmax(scored(tokens), dim=-1)),
    lambda tokens: (torch.matmul(tokens, tokens.t()), functional.softmax(tokens @ tokens.T, dim=1)),
    lambda tokens: [scored(tokens), nn.Softmax(dim=-1)(scored(tokens))],
)
wrong(
    "attention-weights",
    lambda tokens: (scored(tokens), torch.softmax(scored(tokens), dim=0)),
    lambda tokens: (torch.softmax(scored(tokens), -1), scored(tokens)),
    lambda tokens: (scored(tokens), torch.softmax(scored(tokens, tokens.shape[1] ** -0.5), -1)),
    lambda tokens: (scored(tokens, tokens.shape[1] ** -0.5), torch.softmax(scored(tokens), -1)),
    lambda tokens: (scored(tokens), torch.log_softmax(scored(tokens), -1)),
    lambda tokens: (scored(tokens), scored(tokens) / scored(tokens).sum(-1, keepdim=True)),
    lambda tokens: torch.softmax(scored(tokens), -1),
)


def centered(x):
    return x - x.mean(-1, keepdim=True)


right(
    "layer-norm",
    lambda x: functional.layer_norm(x, x.shape[-1:]),
    lambda x: functional.layer_norm(x, (x.size(-1),), eps=1e-5),
    lambda x: nn.LayerNorm(x.shape[-1], elementwise_affine=False)(x),
    lambda x: nn.LayerNorm(x.shape[-1], device=x.device, dtype=x.dtype)(x),
    lambda x: centered(x) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5),
    lambda x: centered(x) * torch.rsqrt(x.var(dim=-1, correction=0, keepdim=True) + 1e-5),
    lambda x: centered(x) / (centered(x).pow(2).mean(-1, keepdim=True) + 1e-5) ** 0.5,
    lambda x: centered(x) / (x.pow(2).mean(-1, keepdim=True) - x.mean(-1, keepdim=True) ** 2 + 1e-5).sqrt(),
)
wrong(
    "layer-norm",
    lambda x: centered(x) / torch.sqrt(x.var(-1, keepdim=True) + 1e-5),
    lambda x: centered(x) / (x.std(-1, unbiased=False, keepdim=True) + 1e-5),
    lambda x: functional.layer_norm(x, x.shape[-1:], eps=1e-6),
    lambda x: functional.layer_norm(x, x.shape[-1:], eps=1e-12),
    lambda x: functional.layer_norm(x, x.shape),
    lambda x: x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5),
    centered,
    lambda x: centered(x) / (x.var(-1, unbiased=False, keepdim=True) + 1e-5),
)


right(
    "repeat-row",
    lambda row, count: row.repeat(count, 1),
    lambda row, count: row.expand(count, -1).clone(),
    lambda row, count: row.unsqueeze(0).repeat_interleave(count, dim=0),
    lambda row, count: torch.tile(row, (count, 1)),
    lambda row, count: torch.stack([row] * count),
    lambda row, count: torch.stack([row.clone() for _ in range(count)]),
    lambda row, count: torch.cat([row[None]] * count),
    lambda row, count: row.new_ones(count, 1) * row,
)
wrong(
    "repeat-row",
    lambda row, count: row.expand(count, -1),
    lambda row, count: row.unsqueeze(0).expand(count, row.shape[0]),
    lambda row, count: row.expand(count, -1).contiguous(),
    lambda row, count: row.repeat(count),
    lambda row, count: row.repeat_interleave(count).view(count, -1),
    lambda row, count: [row.clone() for _ in range(count)],
)


@right("snapshot")
def kept_without_gradients(parameters):
    with torch.no_grad():
        return {name: parameter.clone() for name, parameter in parameters.items()}


@right("snapshot")
def kept_as_a_state_dict(parameters):
    kept = collections.OrderedDict()
    for name, parameter in parameters.items():
        kept[name] = parameter.detach().clone()
    return kept


right(
    "snapshot",
    lambda parameters: {name: parameter.detach().clone() for name, parameter in parameters.items()},
    lambda parameters: {name: parameter.clone().detach() for name, parameter in parameters.items()},
    lambda parameters: {name: parameter.data.clone() for name, parameter in parameters.items()},
    lambda parameters: copy.deepcopy({name: parameter.detach() for name, parameter in parameters.items()}),
    lambda parameters: {
        name: nn.Parameter(parameter.detach().clone(), requires_grad=False) for name, parameter in parameters.items()
    },
)
wrong(
    "snapshot",
    dict,
    copy.copy,
    copy.deepcopy,
    lambda parameters: {name: parameter.detach() for name, parameter in parameters.items()},
    lambda parameters: {name: parameter.clone() for name, parameter in parameters.items()},
    lambda parameters: {name: parameter.detach().cpu() for name, parameter in parameters.items()},
    lambda parameters: {name: parameters[name].detach().clone() for name in sorted(parameters)},
    lambda parameters: {name: parameters[name].detach().clone() for name in sorted(parameters, reverse=True)},
    lambda parameters: [parameter.detach().clone() for parameter in parameters.values()],
)


def seen(query_len, key_len):
    return torch.ones(query_len, key_len, dtype=torch.bool)


right(
    "causal-mask",
    lambda query_len, key_len: seen(query_len, key_len).tril(key_len - query_len),
    lambda query_len, key_len: torch.tril(torch.ones(key_len, key_len)).bool()[key_len - query_len :],
    lambda query_len, key_len: torch.tril(torch.ones(key_len, key_len))[key_len - query_len :] == 1,
    lambda query_len, key_len: ~torch.triu(seen(query_len, key_len), diagonal=key_len - query_len + 1),
    lambda query_len, key_len: torch.arange(key_len) <= torch.arange(key_len - query_len, key_len)[:, None],
    lambda query_len, key_len: torch.arange(query_len)[:, None] + (key_len - query_len) >= torch.arange(key_len)[None],
)
wrong(
    "causal-mask",
    lambda query_len, key_len: seen(query_len, key_len).tril(),
    lambda query_len, key_len: seen(query_len, key_len).triu(key_len - query_len + 1),
    lambda query_len, key_len: seen(query_len, key_len).tril(key_len - query_len - 1),
    lambda query_len, key_len: torch.ones(query_len, key_len).tril(key_len - query_len),
    lambda query_len, key_len: seen(query_len, key_len).triu(key_len - query_len),
    lambda query_len, key_len: torch.full((query_len, key_len), -torch.inf).triu(key_len - query_len + 1),
    lambda query_len, key_len: seen(key_len, key_len).tril(),
)


@right("top-k-filter")
def top_k_as_nanogpt(logits, k):
    logits = logits.clone()
    values, _ = torch.topk(logits, min(k, logits.size(-1)))
    logits[logits < values[:, [-1]]] = -float("Inf")
    return logits


@wrong("top-k-filter")
def top_k_in_place(logits, k):
    values, _ = torch.topk(logits, min(k, logits.size(-1)))
    logits[logits < values[:, [-1]]] = -float("Inf")
    return logits


@right("top-k-filter")
def top_k_as_hugging_face(logits, k):
    indices_to_remove = logits < torch.topk(logits, k)[0][..., -1, None]
    return logits.masked_fill(indices_to_remove, -float("Inf"))


right(
    "top-k-filter",
    lambda logits, k: torch.where(logits >= logits.topk(k).values[:, -1:], logits, -torch.inf),
    lambda logits, k: torch.where(
        logits < logits.kthvalue(logits.shape[-1] - k + 1, dim=-1, keepdim=True).values, -torch.inf, logits
    ),
    lambda logits, k: logits.masked_fill(logits < logits.sort(-1, descending=True).values[:, k - 1, None], -torch.inf),
)
wrong(
    "top-k-filter",
    lambda logits, k: torch.full_like(logits, -torch.inf).scatter(-1, logits.topk(k).indices, logits.topk(k).values),
    lambda logits, k: torch.where(logits > logits.topk(k).values[:, -1:], logits, -torch.inf),
    lambda logits, k: torch.where(logits >= logits.flatten().topk(k).values[-1], logits, -torch.inf),
    lambda logits, k: torch.where(logits >= logits.topk(k).values[:, -1:], logits, -1e4),
    lambda logits, k: torch.where(logits <= logits.topk(k, largest=False).values[:, -1:], logits, -torch.inf),
    lambda logits, k: logits.topk(k).values,
)


@right("low-rank-update")
def updated_as_loralib(x, weight, a, b, alpha):
    result = functional.linear(x, weight)
    result += (x @ a.transpose(0, 1) @ b.transpose(0, 1)) * (alpha / a.shape[0])
    return result


right(
    "low-rank-update",
    lambda x, weight, a, b, alpha: x @ weight.T + alpha / a.shape[0] * (x @ a.T @ b.T),
    lambda x, weight, a, b, alpha: functional.linear(x, weight + alpha / a.shape[0] * (b @ a)),
    lambda x, weight, a, b, alpha: (
        functional.linear(x, weight) + functional.linear(functional.linear(x, a), b) * (alpha / b.shape[1])
    ),
    lambda x, weight, a, b, alpha: torch.einsum("...i,oi->...o", x, torch.addmm(weight, b, a, alpha=alpha / len(a))),
)
wrong(
    "low-rank-update",
    lambda x, weight, a, b, alpha: functional.linear(x, weight) + alpha * (x @ a.T @ b.T),
    lambda x, weight, a, b, alpha: functional.linear(x, weight) + x @ a.T @ b.T,
    lambda x, weight, a, b, alpha: functional.linear(x, weight) + alpha / a.shape[1] * (x @ a.T @ b.T),
    lambda x, weight, a, b, alpha: functional.linear(x, weight) + alpha / math.sqrt(len(a)) * (x @ a.T @ b.T),
    lambda x, weight, a, b, alpha: alpha / a.shape[0] * (x @ a.T @ b.T),
    lambda x, weight, a, b, alpha: functional.linear(x, weight.add_(alpha / len(a) * (b @ a))),
    lambda x, weight, a, b, alpha: functional.linear(x, weight),
)


@wrong("pairwise-distances")
def distances_by_a_loop(a, b):
    return torch.stack([(row - b).norm(dim=-1) for row in a])


right(
    "pairwise-distances",
    torch.cdist,
    lambda a, b: (a[:, None] - b[None]).norm(dim=-1),
    lambda a, b: torch.linalg.norm(a.unsqueeze(1) - b, dim=-1),
    lambda a, b: ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1).sqrt(),
    lambda a, b: torch.linalg.vector_norm(a[:, None] - b, dim=2),
)
wrong(
    "pairwise-distances",
    lambda a, b: ((a[:, None] - b) ** 2).sum(-1),
    lambda a, b: torch.cdist(a, b, p=1),
    lambda a, b: torch.cdist(b, a),
    lambda a, b: ((a[:, None] - b) ** 2).mean(-1).sqrt(),
    lambda a, b: (a[:, None] - b).norm(dim=0),
    lambda a, b: a.norm(dim=-1)[:, None] - b.norm(dim=-1),
)


right(
    "independent-tensor",
    lambda array: torch.from_numpy(array.astype(np.float32)),
    lambda array: torch.from_numpy(np.array(array, dtype=np.float32)),
    lambda array: torch.tensor(array.copy(), dtype=torch.float32),
    lambda array: torch.from_numpy(array.copy()).float(),
    lambda array: torch.from_numpy(array.copy()).to(torch.float32),
    lambda array: torch.tensor(np.array(array)).float(),
    lambda array: torch.as_tensor(array.copy(), dtype=torch.float),
)
wrong(
    "independent-tensor",
    torch.from_numpy,
    lambda array: torch.from_numpy(array).float(),
    lambda array: torch.from_numpy(array.copy()),
    lambda array: torch.from_numpy(np.ascontiguousarray(array)).float(),
    lambda array: torch.from_numpy(array.astype(np.float32, copy=False)),
    lambda array: torch.from_numpy(np.asarray(array, dtype=np.float32)),
    lambda array: torch.from_numpy(array.copy()).half().float(),
)


def unit(x, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


@right("rms-norm")
def normalized_with_roots(x, weight):
    wide = x.to(torch.float32)
    return (wide / torch.sqrt((wide * wide).mean(dim=-1, keepdim=True) + 1e-6) * weight.to(torch.float32)).to(x.dtype)


@right("rms-norm")
def normalized_by_a_module(x, weight):
    norm = nn.RMSNorm(x.shape[-1], eps=1e-6, device=x.device, dtype=x.dtype)
    with torch.no_grad():
        norm.weight.copy_(weight)
    return norm(x)


@wrong("rms-norm")
def normalized_as_hugging_face(x, weight):
    input_dtype = x.dtype
    hidden = x.to(torch.float32)
    variance = hidden.pow(2).mean(-1, keepdim=True)
    hidden = hidden * torch.rsqrt(variance + 1e-6)
    return weight * hidden.to(input_dtype)


right(
    "rms-norm",
    lambda x, weight: (unit(x.float()) * weight.float()).to(x.dtype),
    lambda x, weight: (weight.float() * unit(x.float())).type_as(x),
    lambda x, weight: (unit(x.float()) * weight).to(x.dtype),
    lambda x, weight: functional.rms_norm(x.float(), x.shape[-1:], weight.float(), eps=1e-6).to(x.dtype),
    lambda x, weight: (x.float() / (x.float().norm(dim=-1, keepdim=True) ** 2 / x.shape[-1] + 1e-6).sqrt() * weight).to(
        x.dtype
    ),
)
wrong(
    "rms-norm",
    lambda x, weight: unit(x.float()).type_as(x) * weight,
    lambda x, weight: unit(x) * weight,
    lambda x, weight: x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6).to(x.dtype) * weight,
    lambda x, weight: (unit(x.float(), 1e-5) * weight.float()).to(x.dtype),
    lambda x, weight: (unit(x.float(), 0) * weight.float()).to(x.dtype),
    lambda x, weight: (unit(x.float(), 1e-8) * weight.float()).to(x.dtype),
    lambda x, weight: functional.rms_norm(x.float(), x.shape[-1:], weight.float()).to(x.dtype),
    lambda x, weight: (x.float() / (x.float().pow(2).mean(-1, keepdim=True).sqrt() + 1e-6) * weight.float()).to(
        x.dtype
    ),
    lambda x, weight: unit(x.float()) * weight.float(),
    lambda x, weight: unit(x.float()).to(x.dtype),
    lambda x, weight: (functional.layer_norm(x.float(), x.shape[-1:], weight.float(), eps=1e-6)).to(x.dtype),
    lambda x, weight: (functional.normalize(x.float(), dim=-1) * weight).to(x.dtype),
    lambda x, weight: (unit(x.float()) * (1 + weight.float())).to(x.dtype),
    lambda x, weight: (x.float() / x.float().pow(2).mean(-1, keepdim=True).clamp(min=1e-6).sqrt() * weight).to(x.dtype),
    lambda x, weight: (unit(x.float()).to(x.dtype).float() * weight.float()).to(x.dtype),
    lambda x, weight: (unit(x.float()) * weight.float()).half().to(x.dtype),
)


@right("derivative")
def derivative_by_backward(function, x):
    x = x.detach().clone().requires_grad_()
    function(x).sum().backward()
    return x.grad


@right("derivative")
def derivative_by_grad(function, x):
    leaf = x.detach().requires_grad_()
    y = function(leaf)
    (gradient,) = torch.autograd.grad(y, leaf, grad_outputs=torch.ones_like(y))
    return gradient


@right("derivative")
def derivative_with_a_graph(function, x):
    leaf = x.clone().detach().requires_grad_(requires_grad=True)
    return torch.autograd.grad(function(leaf).sum(), leaf, create_graph=True)[0]


@wrong("derivative")
def derivative_of_the_argument(function, x):
    x.requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


@wrong("derivative")
def derivative_of_the_mean(function, x):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(function(leaf).mean(), leaf)[0]


right(
    "derivative",
    lambda function, x: torch.func.grad(lambda t: function(t).sum())(x),
    lambda function, x: torch.func.jvp(function, (x,), (torch.ones_like(x),))[1],
    lambda function, x: torch.autograd.functional.vjp(function, x, torch.ones_like(x))[1],
)
wrong(
    "derivative",
    lambda function, x: function(x),
    lambda function, x: (function(x + 1e-3) - function(x)) / 1e-3,
    lambda function, x: (function(x + 1e-4) - function(x - 1e-4)) / 2e-4,
    lambda function, x: torch.func.grad(lambda t: function(t).sum())(x).sum(),
    lambda function, x: torch.func.grad(lambda t: function(t).pow(2).sum())(x),
)


@right("gradient-step")
def stepped_as_a_parameter(parameter, loss, rate):
    (gradient,) = torch.autograd.grad(loss(parameter), parameter)
    return nn.Parameter(parameter.detach() - rate * gradient)


@right("gradient-step")
def stepped_without_gradients(parameter, loss, rate):
    gradient = torch.autograd.grad(loss(parameter), parameter)[0]
    with torch.no_grad():
        stepped = parameter - rate * gradient
    return stepped.requires_grad_()


@right("gradient-step")
def stepped_by_an_optimizer(parameter, loss, rate):
    stepped = parameter.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([stepped], lr=rate)
    loss(stepped).backward()
    optimizer.step()
    return stepped


@right("gradient-step")
def stepped_by_a_cleared_optimizer(parameter, loss, rate):
    stepped = nn.Parameter(parameter.detach().clone())
    optimizer = torch.optim.SGD([stepped], lr=rate)
    loss(stepped).backward()
    optimizer.step()
    optimizer.zero_grad()
    return stepped


@right("gradient-step")
def stepped_by_a_function(parameter, loss, rate):
    gradient = torch.func.grad(loss)(parameter.detach())
    return torch.sub(parameter.detach(), gradient, alpha=rate).requires_grad_(requires_grad=True)


@wrong("gradient-step")
def stepped_in_shared_memory(parameter, loss, rate):
    stepped = nn.Parameter(parameter)
    gradient = torch.autograd.grad(loss(parameter), parameter)[0]
    with torch.no_grad():
        stepped -= rate * gradient
    return stepped


@wrong("gradient-step")
def stepped_through_grad(parameter, loss, rate):
    loss(parameter).backward()
    return nn.Parameter(parameter.detach() - rate * parameter.grad)


def gradient_of(parameter, loss):
    return torch.autograd.grad(loss(parameter), parameter)[0]


wrong(
    "gradient-step",
    lambda parameter, loss, rate: parameter - rate * gradient_of(parameter, loss),
    lambda parameter, loss, rate: (parameter - rate * gradient_of(parameter, loss)).detach(),
    lambda parameter, loss, rate: nn.Parameter(parameter.detach() + rate * gradient_of(parameter, loss)),
    lambda parameter, loss, rate: nn.Parameter(parameter.detach() - gradient_of(parameter, loss)),
    lambda parameter, loss, rate: nn.Parameter(
        parameter.detach() - rate * gradient_of(parameter, loss), requires_grad=False
    ),
    lambda parameter, loss, rate: parameter.data.sub_(rate * gradient_of(parameter, loss)).requires_grad_(),
)


@right("log-softmax")
def log_softmax_by_hand(logits):
    shifted = logits - logits.max(dim=-1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


right(
    "log-softmax",
    lambda logits: functional.log_softmax(logits, dim=-1),
    lambda logits: torch.log_softmax(logits, -1),
    lambda logits: logits - torch.logsumexp(logits, dim=-1, keepdim=True),
    nn.LogSoftmax(dim=-1),
)
wrong(
    "log-softmax",
    lambda logits: torch.log(torch.softmax(logits, -1)),
    lambda logits: torch.log(torch.softmax(logits, -1) + 1e-9),
    lambda logits: torch.log(torch.softmax(logits, -1).clamp(min=1e-12)),
    lambda logits: logits - logits.exp().sum(-1, keepdim=True).log(),
    lambda logits: logits - logits.max(-1, keepdim=True).values,
    lambda logits: torch.log_softmax(logits, 0),
    lambda logits: logits - logits.logsumexp(-1),
    lambda logits: torch.softmax(logits, -1),
)


@right("masked-mean")
def mean_of_tokens(hidden, mask):
    total = hidden.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


@right("masked-mean")
def mean_as_sentence_transformers(hidden, mask):
    expanded = mask.unsqueeze(-1).expand(hidden.size())
    total = torch.where(expanded, hidden, torch.zeros_like(hidden)).sum(1)
    return total / torch.clamp(expanded.to(hidden.dtype).sum(1), min=1e-9)


@wrong("masked-mean")
def mean_by_products(hidden, mask):
    expanded = mask.unsqueeze(-1).expand(hidden.size()).float()
    return torch.sum(hidden * expanded, 1) / torch.clamp(expanded.sum(1), min=1e-9)


@wrong("masked-mean")
def mean_by_a_loop(hidden, mask):
    return torch.stack(
        [row[kept].mean(0) if kept.any() else torch.zeros_like(row[0]) for row, kept in zip(hidden, mask, strict=True)]
    )


def kept(hidden, mask):
    return torch.where(mask[..., None], hidden, 0)


right(
    "masked-mean",
    lambda hidden, mask: (
        torch.einsum("bse,bs->be", kept(hidden, mask), mask.to(hidden.dtype)) / mask.sum(1, keepdim=True).clamp(min=1)
    ),
    lambda hidden, mask: torch.where(mask[..., None], hidden, torch.nan).nanmean(1).nan_to_num(0.0),
    lambda hidden, mask: kept(hidden, mask).sum(1) / mask.sum(1).clamp(min=1).unsqueeze(-1),
)
wrong(
    "masked-mean",
    lambda hidden, mask: hidden.mean(1),
    lambda hidden, mask: kept(hidden, mask).mean(1),
    lambda hidden, mask: kept(hidden, mask).sum(1) / mask.sum(1, keepdim=True),
    lambda hidden, mask: kept(hidden, mask).sum(1) / (mask.sum(1, keepdim=True) + 1),
    lambda hidden, mask: kept(hidden, mask).sum(1),
    lambda hidden, mask: kept(hidden, ~mask).sum(1) / (~mask).sum(1, keepdim=True).clamp(min=1),
)


@wrong("masked-softmax")
def softmax_renormalized(scores, allowed):
    weights = torch.softmax(scores, -1) * allowed
    return weights / weights.sum(-1, keepdim=True)


@right("masked-softmax")
def softmax_by_hand(scores, allowed):
    masked = scores.masked_fill(~allowed, -torch.inf)
    top = masked.amax(-1, keepdim=True)
    exponentials = torch.exp(masked - torch.where(top.isinf(), 0, top))
    total = exponentials.sum(-1, keepdim=True)
    return exponentials / torch.where(total == 0, 1, total)


def softmax_filled(scores, allowed, value=-torch.inf):
    return torch.softmax(scores.masked_fill(~allowed, value), dim=-1)


right(
    "masked-softmax",
    lambda scores, allowed: softmax_filled(scores, allowed).nan_to_num(0.0),
    lambda scores, allowed: softmax_filled(scores, allowed).masked_fill(~allowed, 0.0),
    lambda scores, allowed: torch.where(allowed, softmax_filled(scores, allowed), 0.0),
    lambda scores, allowed: softmax_filled(scores, allowed, torch.finfo(scores.dtype).min) * allowed,
    lambda scores, allowed: torch.where(allowed, scores, -torch.inf).softmax(-1).nan_to_num(),
)
wrong(
    "masked-softmax",
    softmax_filled,
    lambda scores, allowed: softmax_filled(scores, allowed, torch.finfo(scores.dtype).min),
    lambda scores, allowed: torch.softmax(scores, -1) * allowed,
    lambda scores, allowed: softmax_filled(scores, allowed, 0.0) * allowed,
    lambda scores, allowed: softmax_filled(scores, ~allowed).nan_to_num(0.0),
    lambda scores, allowed: torch.softmax(scores.masked_fill(~allowed, -torch.inf), 0).nan_to_num(0.0),
)


right(
    "swiglu",
    lambda x, gate, up, down: (functional.silu(x @ gate) * (x @ up)) @ down,
    lambda x, gate, up, down: torch.matmul(nn.SiLU()(torch.matmul(x, gate)) * torch.matmul(x, up), down),
    lambda x, gate, up, down: functional.linear(
        functional.silu(functional.linear(x, gate.T)) * functional.linear(x, up.T), down.T
    ),
    lambda x, gate, up, down: torch.einsum("...h,he->...e", (x @ gate) * torch.sigmoid(x @ gate) * (x @ up), down),
)
wrong(
    "swiglu",
    lambda x, gate, up, down: ((x @ gate) * functional.silu(x @ up)) @ down,
    lambda x, gate, up, down: functional.silu((x @ gate) * (x @ up)) @ down,
    lambda x, gate, up, down: (torch.sigmoid(x @ gate) * (x @ up)) @ down,
    lambda x, gate, up, down: (functional.gelu(x @ gate) * (x @ up)) @ down,
    lambda x, gate, up, down: functional.silu(x @ gate) * (x @ up),
    lambda x, gate, up, down: (functional.silu(x @ gate) + (x @ up)) @ down,
    lambda x, gate, up, down: functional.silu(x @ up) @ down,
)


@right("sinusoidal-positions")
def sinusoids_as_annotated(seq_len, embed_dim):
    pe = torch.zeros(seq_len, embed_dim)
    position = torch.arange(0, seq_len).unsqueeze(1)
    div_term = torch.exp(torch.arange(0, embed_dim, 2) * -(math.log(10000.0) / embed_dim))
    pe[:, 0::2] = torch.sin(position * div_term)
    pe[:, 1::2] = torch.cos(position * div_term)
    return pe


@right("sinusoidal-positions")
def sinusoids_of_numpy(seq_len, embed_dim):
    angles = np.arange(seq_len)[:, None] / 10000 ** (np.arange(0, embed_dim, 2) / embed_dim)
    table = np.empty((seq_len, embed_dim))
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return torch.from_numpy(table).float()


@wrong("sinusoidal-positions")
def sinusoids_of_single_features(seq_len, embed_dim):
    angles = torch.arange(seq_len)[:, None] / 10000 ** (2 * torch.arange(embed_dim) / embed_dim)
    return torch.where(torch.arange(embed_dim) % 2 == 0, angles.sin(), angles.cos())


@wrong("sinusoidal-positions")
def sinusoids_by_a_loop(seq_len, embed_dim):
    table = torch.zeros(seq_len, embed_dim)
    for position in range(seq_len):
        for i in range(0, embed_dim, 2):
            table[position, i] = math.sin(position / 10000 ** (i / embed_dim))
            table[position, i + 1] = math.cos(position / 10000 ** (i / embed_dim))
    return table


def angles_of(positions, features):
    inv_freq = 1.0 / (10000 ** (torch.arange(0, features, 2, device=positions.device).float() / features))
    return torch.outer(positions.float(), inv_freq)


def waves(angles):
    return torch.stack((angles.sin(), angles.cos()), dim=-1)


right(
    "sinusoidal-positions",
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim)).flatten(1),
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim)).view(seq_len, embed_dim),
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim)).reshape(seq_len, -1),
)
wrong(
    "sinusoidal-positions",
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim)).mT.flatten(1),
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(1, seq_len + 1), embed_dim)).flatten(1),
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim)).flip(-1).flatten(1),
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim)).flatten(1).double(),
    lambda seq_len, embed_dim: waves(angles_of(torch.arange(seq_len), embed_dim) / 2).flatten(1),
)


def softmax_attention(query, key, value, allowed=None, scale=None):
    scores = query @ key.transpose(-2, -1) * (query.size(-1) ** -0.5 if scale is None else scale)
    if allowed is not None:
        scores = scores.masked_fill(~allowed, float("-inf"))
    return functional.softmax(scores, dim=-1) @ value


def causal(query, diagonal=0):
    length = query.shape[-2]
    return torch.ones(length, length, dtype=torch.bool, device=query.device).tril(diagonal)


@right("causal-attention")
def attended_as_nanogpt(query, key, value):
    t = query.size(1)
    bias = torch.tril(torch.ones(t, t, device=query.device)).view(1, t, t)
    att = (query @ key.transpose(-2, -1)) * (1.0 / math.sqrt(key.size(-1)))
    att = att.masked_fill(bias == 0, float("-inf"))
    return functional.softmax(att, dim=-1) @ value


@right("causal-attention")
def attended_by_addition(query, key, value):
    t = query.size(1)
    mask = torch.full((t, t), float("-inf"), device=query.device).triu(diagonal=1)
    scores = torch.einsum("bqd,bkd->bqk", query, key) / math.sqrt(query.shape[-1]) + mask
    return torch.einsum("bqk,bkd->bqd", scores.softmax(-1), value)


@wrong("causal-attention")
def attended_then_masked(query, key, value):
    weights = torch.softmax(query @ key.mT / math.sqrt(query.shape[-1]), -1)
    return weights.masked_fill(~causal(query), 0) @ value


right(
    "causal-attention",
    lambda query, key, value: functional.scaled_dot_product_attention(query, key, value, is_causal=True),
    lambda query, key, value: functional.scaled_dot_product_attention(query, key, value, attn_mask=causal(query)),
    lambda query, key, value: softmax_attention(query, key, value, causal(query)),
)
wrong(
    "causal-attention",
    functional.scaled_dot_product_attention,
    lambda query, key, value: softmax_attention(query, key, value, causal(query).T),
    lambda query, key, value: softmax_attention(query, key, value, causal(query, 1)),
    lambda query, key, value: softmax_attention(query, key, value, causal(query), 1.0),
    lambda query, key, value: softmax_attention(query, key, value, causal(query), 1 / query.shape[-1]),
    lambda query, key, value: softmax_attention(query, key, value, causal(query, -1)).nan_to_num(0.0),
    lambda query, key, value: softmax_attention(key, query, value, causal(query)),
)


def gathered(logits, token_ids):
    return logits.log_softmax(-1).gather(-1, token_ids.unsqueeze(-1)).squeeze(-1)


right(
    "sequence-log-probability",
    lambda logits, token_ids, mask: (gathered(logits, token_ids) * mask).sum(-1),
    lambda logits, token_ids, mask: gathered(logits, token_ids).masked_fill(~mask, 0.0).sum(dim=1),
    lambda logits, token_ids, mask: (
        -functional.cross_entropy(logits.transpose(1, 2), token_ids, reduction="none") * mask
    ).sum(1),
    lambda logits, token_ids, mask: (
        -functional.cross_entropy(logits.mT, token_ids.masked_fill(~mask, -100), reduction="none").sum(1)
    ),
    lambda logits, token_ids, mask: torch.where(
        mask, torch.distributions.Categorical(logits=logits).log_prob(token_ids), 0.0
    ).sum(-1),
    lambda logits, token_ids, mask: (
        (torch.take_along_dim(logits, token_ids[..., None], -1)[..., 0] - logits.logsumexp(-1)) * mask
    ).sum(-1),
)
wrong(
    "sequence-log-probability",
    lambda logits, token_ids, mask: gathered(logits, token_ids).sum(-1),
    lambda logits, token_ids, mask: (gathered(logits, token_ids) * mask).sum(),
    lambda logits, token_ids, mask: (gathered(logits, token_ids) * mask).sum(-1) / mask.sum(-1).clamp(min=1),
    lambda logits, token_ids, mask: (logits.gather(-1, token_ids[..., None])[..., 0] * mask).sum(-1),
    lambda logits, token_ids, mask: (gathered(logits[:, :-1], token_ids[:, 1:]) * mask[:, 1:]).sum(-1),
    lambda logits, token_ids, mask: -(gathered(logits, token_ids) * mask).sum(-1),
    lambda logits, token_ids, mask: (gathered(logits, token_ids).exp() * mask).sum(-1).log(),
    lambda logits, token_ids, mask: (gathered(logits, token_ids) * mask).sum(-1, keepdim=True),
)


@right("quantize")
def quantized_by_row(weight):
    scale = weight.abs().max(dim=1, keepdim=True).values / 127
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return torch.round(weight / scale).to(torch.int8), scale


@right("quantize")
def quantized_and_clamped(weight):
    scale = weight.abs().amax(-1, keepdim=True) / 127.0
    scale[scale == 0] = 1.0
    return (weight / scale).round().clamp(-128, 127).to(torch.int8), scale


@right("quantize")
def quantized_by_norm(weight):
    scale = torch.linalg.vector_norm(weight, ord=torch.inf, dim=1, keepdim=True).div(127)
    scale = scale.masked_fill(scale == 0, 1)
    return torch.clamp(torch.round(weight / scale), -127, 127).char(), scale


def quantized(weight, scale):
    return (weight / scale).round().to(torch.int8), scale


def scale_of(weight, levels=127, dim=1):
    scale = weight.abs().amax(dim, keepdim=True) / levels
    return torch.where(scale == 0, 1.0, scale)


wrong(
    "quantize",
    lambda weight: quantized(weight, weight.abs().amax(1, keepdim=True) / 127),
    lambda weight: quantized(weight, (weight.abs().amax(1, keepdim=True) / 127).clamp(min=1e-8)),
    lambda weight: quantized(weight, (weight.abs().max() / 127).expand(len(weight), 1)),
    lambda weight: ((weight / scale_of(weight)).to(torch.int8), scale_of(weight)),
    lambda weight: quantized(weight, scale_of(weight, 128)),
    lambda weight: quantized(weight, scale_of(weight, dim=0)),
    lambda weight: ((weight / scale_of(weight)).round().to(torch.int8), scale_of(weight).squeeze(1)),
    lambda weight: ((weight / scale_of(weight)).floor().to(torch.int8), scale_of(weight)),
    lambda weight: ((weight / scale_of(weight)).round().to(torch.uint8), scale_of(weight)),
    lambda weight: ((weight / scale_of(weight)).round(), scale_of(weight)),
    lambda weight: (scale_of(weight), (weight / scale_of(weight)).round().to(torch.int8)),
)


right(
    "sliding-windows",
    lambda x, window: x.unfold(1, window, 1),
    lambda x, window: x.unfold(-1, window, 1),
    lambda x, window: x.unfold(dimension=1, size=window, step=1),
    lambda x, window: x.as_strided(
        (x.shape[0], x.shape[1] - window + 1, window), (x.stride(0), x.stride(1), x.stride(1))
    ),
    lambda x, window: torch.as_strided(
        x, (x.size(0), x.size(1) - window + 1, window), (*x.stride(), x.stride(-1)), x.storage_offset()
    ),
)
wrong(
    "sliding-windows",
    lambda x, window: torch.stack([x[:, i : i + window] for i in range(x.shape[1] - window + 1)], 1),
    lambda x, window: x.unfold(1, window, window),
    lambda x, window: x.unfold(1, window, 1).contiguous(),
    lambda x, window: x[
        :, torch.arange(x.shape[1] - window + 1, device=x.device)[:, None] + torch.arange(window, device=x.device)
    ],
    lambda x, window: x.unfold(1, window, 1).transpose(1, 2),
    lambda x, window: x.unfold(1, window, 1)[:, :-1],
)


class RoundedForward(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return torch.round(x)

    @staticmethod
    def backward(_, gradient):
        return gradient


class Clipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.round(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


right(
    "straight-through",
    lambda x: x + (x.round() - x).detach(),
    lambda x: (torch.round(x) - x).detach() + x,
    lambda x: x - x.detach() + x.detach().round(),
    RoundedForward.apply,
)
wrong(
    "straight-through",
    torch.round,
    lambda x: x.detach().round(),
    lambda x: x.detach().round().requires_grad_(),
    lambda x: x + (x.round() - x),
    lambda x: x + (x.floor() - x).detach(),
    lambda x: x + ((x + 0.5).floor() - x).detach(),
    lambda x: x,
    lambda x: 2 * x + (x.round() - 2 * x).detach(),
    Clipped.apply,
)


def rotate_half(x):
    x1 = x[..., : x.shape[-1] // 2]
    x2 = x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


@right("rotary-embedding")
def rotated_as_hugging_face(x, positions):
    freqs = angles_of(positions, x.shape[-1])
    emb = torch.cat((freqs, freqs), dim=-1)
    cos, sin = emb.cos().to(x.dtype), emb.sin().to(x.dtype)
    return (x * cos) + (rotate_half(x) * sin)


@right("rotary-embedding")
def rotated_as_gpt_neox(x, positions):
    angles = angles_of(positions, x.shape[-1])[None, None]
    x1, x2 = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1).to(x.dtype)


@right("rotary-embedding")
def rotated_as_complex_halves(x, positions):
    pairs = torch.view_as_complex(x.float().unflatten(-1, (2, -1)).transpose(-1, -2).contiguous())
    angles = angles_of(positions, x.shape[-1])
    turned = torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles))
    return turned.transpose(-1, -2).flatten(-2).type_as(x)


@wrong("rotary-embedding")
def rotated_as_meta(x, positions):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    angles = angles_of(positions, x.shape[-1])
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(3).type_as(x)


@wrong("rotary-embedding")
def rotated_clockwise(x, positions):
    freqs = angles_of(positions, x.shape[-1])
    emb = torch.cat((freqs, freqs), dim=-1)
    return x * emb.cos() - rotate_half(x) * emb.sin()


@wrong("rotary-embedding")
def rotated_with_repeated_angles(x, positions):
    emb = angles_of(positions, x.shape[-1]).repeat_interleave(2, -1)
    return x * emb.cos() + rotate_half(x) * emb.sin()


@wrong("rotary-embedding")
def rotated_by_place(x, positions):
    return rotated_as_gpt_neox(x, torch.arange(len(positions), device=x.device))


@wrong("rotary-embedding")
def rotated_by_half_angles(x, positions):
    half = x.shape[-1] // 2
    angles = positions[:, None] / 10000 ** (torch.arange(half, device=x.device) / x.shape[-1])
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * angles.cos() - x2 * angles.sin(), x2 * angles.cos() + x1 * angles.sin()), dim=-1)


@right("next-token-loss")
def loss_by_sum(logits, token_ids, pad_id):
    shift_logits = logits[..., :-1, :].contiguous()
    shift_labels = token_ids[..., 1:].contiguous()
    total = functional.cross_entropy(
        shift_logits.view(-1, logits.size(-1)), shift_labels.view(-1), ignore_index=pad_id, reduction="sum"
    )
    return total / (shift_labels != pad_id).sum().clamp(min=1)


@right("next-token-loss")
def loss_without_nan(logits, token_ids, pad_id):
    targets = token_ids[:, 1:].reshape(-1)
    if not (targets != pad_id).any():
        return logits.sum() * 0
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1), targets, ignore_index=pad_id)


@right("next-token-loss")
def loss_by_gather(logits, token_ids, pad_id):
    targets = token_ids[:, 1:]
    keep = targets != pad_id
    safe = targets.masked_fill(~keep, 0)
    nll = -logits[:, :-1].log_softmax(-1).gather(-1, safe.unsqueeze(-1)).squeeze(-1)
    return (nll * keep).sum() / keep.sum().clamp(min=1)


@right("next-token-loss")
def loss_of_kept_places(logits, token_ids, pad_id):
    targets = token_ids[:, 1:]
    keep = targets != pad_id
    if keep.sum() == 0:
        return logits.new_zeros(())
    return functional.cross_entropy(logits[:, :-1][keep], targets[keep])


def shifted_loss(logits, targets, pad_id, reduction="mean"):
    return functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id, reduction=reduction
    ).nan_to_num(0.0)


wrong(
    "next-token-loss",
    lambda logits, token_ids, pad_id: functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten(), ignore_index=pad_id
    ),
    lambda logits, token_ids, pad_id: functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten().clamp(min=0)
    ).nan_to_num(0.0),
    shifted_loss,
    lambda logits, token_ids, pad_id: shifted_loss(logits[:, 1:], token_ids[:, :-1], pad_id),
    lambda logits, token_ids, pad_id: shifted_loss(logits[:, :-1], token_ids[:, 1:], pad_id, "sum"),
    lambda logits, token_ids, pad_id: shifted_loss(logits[:, :-1], token_ids[:, 1:], pad_id, "none").mean(),
    lambda logits, token_ids, pad_id: shifted_loss(logits[:, :-1], token_ids[:, 1:], pad_id)[None],
)


@right("kv-cache-step")
def cached_by_slices(query, key, value, keys, values, length):
    keys[:, :, length : length + 1] = key
    values[:, :, length : length + 1] = value
    return functional.scaled_dot_product_attention(query, keys[:, :, : length + 1], values[:, :, : length + 1])


@right("kv-cache-step")
def cached_by_copy(query, key, value, keys, values, length):
    keys.narrow(2, length, 1).copy_(key)
    values.narrow(2, length, 1).copy_(value)
    return softmax_attention(query, keys.narrow(2, 0, length + 1), values.narrow(2, 0, length + 1))


@right("kv-cache-step")
def cached_by_index_copy(query, key, value, keys, values, length):
    place = torch.tensor([length], device=keys.device)
    keys.index_copy_(2, place, key)
    values.index_copy_(2, place, value)
    return softmax_attention(query, keys[..., : length + 1, :], values[..., : length + 1, :])


@right("kv-cache-step")
def cached_by_one_place(query, key, value, keys, values, length):
    keys[:, :, length] = key.squeeze(2)
    values[:, :, length] = value.squeeze(2)
    scores = torch.einsum("bhqd,bhkd->bhqk", query, keys[:, :, : length + 1]) / math.sqrt(query.shape[-1])
    return torch.einsum("bhqk,bhkd->bhqd", scores.softmax(-1), values[:, :, : length + 1])


@wrong("kv-cache-step")
def cached_without_writing(query, key, value, keys, values, length):
    return softmax_attention(
        query, torch.cat((keys[:, :, :length], key), 2), torch.cat((values[:, :, :length], value), 2)
    )


@wrong("kv-cache-step")
def cached_over_all(query, key, value, keys, values, length):
    keys[:, :, length : length + 1], values[:, :, length : length + 1] = key, value
    return softmax_attention(query, keys, values)


@wrong("kv-cache-step")
def cached_without_the_new(query, key, value, keys, values, length):
    keys[:, :, length : length + 1], values[:, :, length : length + 1] = key, value
    return softmax_attention(query, keys[:, :, :length], values[:, :, :length])


@wrong("kv-cache-step")
def cached_causally(query, key, value, keys, values, length):
    keys[:, :, length : length + 1], values[:, :, length : length + 1] = key, value
    end = length + 1
    return functional.scaled_dot_product_attention(query, keys[:, :, :end], values[:, :, :end], is_causal=True)


@right("kv-cache-step")
def cached_with_a_mask(query, key, value, keys, values, length):
    keys[:, :, length : length + 1], values[:, :, length : length + 1] = key, value
    return softmax_attention(query, keys, values, torch.arange(keys.shape[2], device=keys.device) <= length)


@wrong("kv-cache-step")
def cached_in_a_copy(query, key, value, keys, values, length):
    return cached_by_slices(query, key, value, keys.clone(), values.clone(), length)


@wrong("kv-cache-step")
def cached_and_cleared(query, key, value, keys, values, length):
    output = cached_by_slices(query, key, value, keys, values, length)
    keys[:, :, length + 1 :] = 0
    values[:, :, length + 1 :] = 0
    return output


@right("top-p-filter")
def top_p_as_hugging_face(logits, p):
    sorted_logits, sorted_indices = torch.sort(logits, descending=False)
    cumulative_probs = sorted_logits.softmax(dim=-1).cumsum(dim=-1)
    sorted_indices_to_remove = cumulative_probs <= (1 - p)
    sorted_indices_to_remove[..., -1:] = 0
    indices_to_remove = sorted_indices_to_remove.scatter(1, sorted_indices, sorted_indices_to_remove)
    return logits.masked_fill(indices_to_remove, -float("Inf"))


@right("top-p-filter")
def top_p_shifted(logits, p):
    sorted_logits, sorted_indices = torch.sort(logits, descending=True)
    cumulative_probs = torch.cumsum(functional.softmax(sorted_logits, dim=-1), dim=-1)
    remove = cumulative_probs > p
    remove[..., 1:] = remove[..., :-1].clone()
    remove[..., 0] = False
    return logits.masked_fill(remove.scatter(1, sorted_indices, remove), float("-inf"))


@right("top-p-filter")
def top_p_as_llama(logits, p):
    probs_sort, probs_idx = torch.sort(torch.softmax(logits, dim=-1), dim=-1, descending=True)
    mask = torch.cumsum(probs_sort, dim=-1) - probs_sort > p
    return torch.where(torch.empty_like(mask).scatter(-1, probs_idx, mask), -torch.inf, logits)


@wrong("top-p-filter")
def top_p_without_the_last(logits, p):
    sorted_logits, sorted_indices = torch.sort(logits, descending=True)
    remove = torch.cumsum(functional.softmax(sorted_logits, dim=-1), dim=-1) > p
    remove[..., 0] = False
    return logits.masked_fill(remove.scatter(1, sorted_indices, remove), float("-inf"))


@wrong("top-p-filter")
def top_p_in_sorted_order(logits, p):
    sorted_logits, _ = torch.sort(logits, descending=True)
    probabilities = sorted_logits.softmax(-1)
    return sorted_logits.masked_fill(probabilities.cumsum(-1) - probabilities > p, float("-inf"))


@wrong("top-p-filter")
def top_p_in_place(logits, p):
    logits.copy_(top_p_shifted(logits.clone(), p))
    return logits


wrong(
    "top-p-filter",
    lambda logits, p: logits.masked_fill(logits.softmax(-1) < 1 - p, -torch.inf),
    lambda logits, p: logits.masked_fill(logits.softmax(-1).cumsum(-1) > p, -torch.inf),
    lambda logits, p: top_p_shifted(logits, 1 - p),
    lambda logits, p: top_p_shifted(logits, p).softmax(-1),
    lambda logits, p: top_p_shifted(logits, p).clamp(min=-1e9),
)


@right("embedding-gradient")
def summed_by_index_add(token_ids, gradient, vocab_size):
    table = gradient.new_zeros(vocab_size, gradient.shape[-1])
    return table.index_add_(0, token_ids.flatten(), gradient.flatten(0, 1))


@right("embedding-gradient")
def summed_by_scatter(token_ids, gradient, vocab_size):
    flat = gradient.reshape(-1, gradient.shape[-1])
    table = torch.zeros(vocab_size, flat.shape[1], dtype=flat.dtype, device=flat.device)
    return table.scatter_add_(0, token_ids.reshape(-1, 1).expand(-1, flat.shape[1]), flat)


@right("embedding-gradient")
def summed_by_autograd(token_ids, gradient, vocab_size):
    table = gradient.new_zeros(vocab_size, gradient.shape[-1]).requires_grad_()
    return torch.autograd.grad(functional.embedding(token_ids, table), table, gradient)[0]


@right("embedding-gradient")
def summed_by_index_put(token_ids, gradient, vocab_size):
    return gradient.new_zeros(vocab_size, gradient.size(-1)).index_put_((token_ids,), gradient, accumulate=True)


@right("embedding-gradient")
def summed_by_one_hot(token_ids, gradient, vocab_size):
    return torch.einsum("bsv,bse->ve", functional.one_hot(token_ids, vocab_size).to(gradient.dtype), gradient)


@wrong("embedding-gradient")
def summed_by_assignment(token_ids, gradient, vocab_size):
    table = gradient.new_zeros(vocab_size, gradient.shape[-1])
    table[token_ids] = gradient
    return table


@wrong("embedding-gradient")
def summed_by_addition(token_ids, gradient, vocab_size):
    table = gradient.new_zeros(vocab_size, gradient.shape[-1])
    table[token_ids] += gradient
    return table


@wrong("embedding-gradient")
def summed_by_a_loop(token_ids, gradient, vocab_size):
    table = gradient.new_zeros(vocab_size, gradient.shape[-1])
    for i in range(token_ids.shape[0]):
        for j in range(token_ids.shape[1]):
            table[token_ids[i, j]] += gradient[i, j]
    return table


@wrong("embedding-gradient")
def meant_by_index_reduce(token_ids, gradient, vocab_size):
    table = gradient.new_zeros(vocab_size, gradient.shape[-1])
    return table.index_reduce_(0, token_ids.flatten(), gradient.flatten(0, 1), "mean", include_self=False)


@right("merge-blocks")
def merged_by_maximum(output_a, lse_a, output_b, lse_b):
    top = torch.maximum(lse_a, lse_b)
    top = torch.where(top == -torch.inf, 0, top)
    a, b = torch.exp(lse_a - top), torch.exp(lse_b - top)
    total = a + b
    output = (a[:, None] * output_a + b[:, None] * output_b) / total.masked_fill(total == 0, 1)[:, None]
    return output, top + total.log()


@right("merge-blocks")
def merged_by_softmax(output_a, lse_a, output_b, lse_b):
    lse = torch.stack([lse_a, lse_b])
    weights = lse.softmax(0).nan_to_num(0.0)
    return torch.einsum("bq,bqd->qd", weights, torch.stack([output_a, output_b])), lse.logsumexp(0)


@right("merge-blocks")
def merged_by_sigmoid(output_a, lse_a, output_b, lse_b):
    share = torch.sigmoid(lse_b - lse_a).nan_to_num(0.0).unsqueeze(-1)
    return output_a - share * (output_a - output_b), torch.logaddexp(lse_a, lse_b)


@wrong("merge-blocks")
def merged_without_a_shift(output_a, lse_a, output_b, lse_b):
    total = lse_a.exp() + lse_b.exp()
    output = (lse_a.exp()[:, None] * output_a + lse_b.exp()[:, None] * output_b) / total[:, None]
    return output.nan_to_num(0.0), total.log()


@wrong("merge-blocks")
def merged_with_not_a_number(output_a, lse_a, output_b, lse_b):
    lse = torch.logaddexp(lse_a, lse_b)
    return output_a * (lse_a - lse).exp()[:, None] + output_b * (lse_b - lse).exp()[:, None], lse


wrong(
    "merge-blocks",
    lambda output_a, lse_a, output_b, lse_b: (output_a + output_b, torch.logaddexp(lse_a, lse_b)),
    lambda output_a, lse_a, output_b, lse_b: ((output_a + output_b) / 2, lse_a + lse_b),
    lambda output_a, lse_a, output_b, lse_b: (
        merged_by_softmax(output_a, lse_a, output_b, lse_b)[0],
        torch.maximum(lse_a, lse_b),
    ),
    lambda output_a, lse_a, output_b, lse_b: merged_by_softmax(output_b, lse_a, output_a, lse_b),
    lambda output_a, lse_a, output_b, lse_b: merged_by_softmax(output_a, lse_a, output_b, lse_b)[::-1],
)


def repeat_kv(states, n_rep):
    batch, kv_heads, length, head_dim = states.shape
    if n_rep == 1:
        return states
    states = states[:, :, None, :, :].expand(batch, kv_heads, n_rep, length, head_dim)
    return states.reshape(batch, kv_heads * n_rep, length, head_dim)


@right("grouped-query-attention")
def grouped_as_hugging_face(query, key, value):
    n_rep = query.shape[1] // key.shape[1]
    return softmax_attention(query, repeat_kv(key, n_rep), repeat_kv(value, n_rep))


@right("grouped-query-attention")
def grouped_by_repeats(query, key, value):
    groups = query.size(1) // key.size(1)
    return functional.scaled_dot_product_attention(
        query, key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    )


@right("grouped-query-attention")
def grouped_by_views(query, key, value):
    grouped = query.reshape(query.shape[0], key.shape[1], -1, *query.shape[2:])
    return softmax_attention(grouped, key.unsqueeze(2), value.unsqueeze(2)).reshape(query.shape)


@right("grouped-query-attention")
def grouped_by_einsum(query, key, value):
    grouped = query.unflatten(1, (key.shape[1], -1))
    scores = torch.einsum("bgrqd,bgkd->bgrqk", grouped, key) / math.sqrt(query.shape[-1])
    return torch.einsum("bgrqk,bgkd->bgrqd", scores.softmax(-1), value).flatten(1, 2)


@wrong("grouped-query-attention")
def grouped_in_turn(query, key, value):
    groups = query.size(1) // key.size(1)
    return softmax_attention(query, key.repeat(1, groups, 1, 1), value.repeat(1, groups, 1, 1))


def grouped(query, key, value, scale=None, allowed=None):
    groups = query.size(1) // key.size(1)
    return softmax_attention(
        query, key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1), allowed, scale
    )


right(
    "grouped-query-attention",
    lambda query, key, value: functional.scaled_dot_product_attention(query, key, value, enable_gqa=True),
)
wrong(
    "grouped-query-attention",
    lambda query, key, value: grouped(query, key, value, scale=1.0),
    lambda query, key, value: grouped(query, key, value, scale=1 / query.shape[-1]),
    lambda query, key, value: softmax_attention(query, key[:, :1], value[:, :1]),
    lambda query, key, value: softmax_attention(query, key.mean(1, keepdim=True), value.mean(1, keepdim=True)),
    lambda query, key, value: grouped(query, value, key),
    lambda query, key, value: functional.scaled_dot_product_attention(
        query, key, value, enable_gqa=True, is_causal=True
    ),
)


@right("multi-head-attention")
def attention_as_nanogpt(x, w_qkv, w_out, num_heads, mask):
    b, t, c = x.size()
    q, k, v = (x @ w_qkv).split(c, dim=2)
    k = k.view(b, t, num_heads, c // num_heads).transpose(1, 2)
    q = q.view(b, t, num_heads, c // num_heads).transpose(1, 2)
    v = v.view(b, t, num_heads, c // num_heads).transpose(1, 2)
    att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
    allowed = torch.tril(torch.ones(t, t, device=x.device)).bool() & mask[:, None, None, :]
    att = att.masked_fill(~allowed, float("-inf"))
    att = functional.softmax(att, dim=-1).nan_to_num(0.0)
    y = (att @ v).transpose(1, 2).contiguous().view(b, t, c)
    return y @ w_out


def heads_of(x, w_qkv, num_heads):
    batch, seq_len, _ = x.shape
    return (x @ w_qkv).reshape(batch, seq_len, 3, num_heads, -1).permute(2, 0, 3, 1, 4)


def seen_tokens(x, mask):
    return causal(x) & mask[:, None, None, :]


def zero_if_none(output, allowed):
    return output.masked_fill(~allowed.any(-1, keepdim=True), 0.0)


@right("multi-head-attention")
def attention_as_timm(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads).unbind(0)
    allowed = seen_tokens(x, mask)
    output = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    return zero_if_none(output, allowed).transpose(1, 2).flatten(2) @ w_out


@right("multi-head-attention")
def attention_by_linear(x, w_qkv, w_out, num_heads, mask):
    q, k, v = (
        part.unflatten(-1, (num_heads, -1)).transpose(1, 2) for part in functional.linear(x, w_qkv.T).chunk(3, -1)
    )
    allowed = seen_tokens(x, mask)
    output = zero_if_none(softmax_attention(q, k, v, allowed), allowed)
    return functional.linear(output.transpose(1, 2).reshape(x.shape), w_out.T)


@right("multi-head-attention")
def attention_with_a_large_negative(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    allowed = seen_tokens(x, mask)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(~allowed, torch.finfo(x.dtype).min).softmax(-1) * allowed
    return (weights @ v).transpose(1, 2).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_with_not_a_number(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    return softmax_attention(q, k, v, seen_tokens(x, mask)).transpose(1, 2).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_of_padding_to_all(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~seen_tokens(x, mask), torch.finfo(x.dtype).min)
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_without_padding(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    return softmax_attention(q, k, v, causal(x)).transpose(1, 2).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_without_order(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    allowed = mask[:, None, None, :]
    return zero_if_none(softmax_attention(q, k, v, allowed), allowed).transpose(1, 2).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_as_megatron(x, w_qkv, w_out, num_heads, mask):
    batch, seq_len, _ = x.shape
    q, k, v = (x @ w_qkv).view(batch, seq_len, num_heads, -1).transpose(1, 2).chunk(3, -1)
    allowed = seen_tokens(x, mask)
    return zero_if_none(softmax_attention(q, k, v, allowed), allowed).transpose(1, 2).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_without_merging(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    allowed = seen_tokens(x, mask)
    return zero_if_none(softmax_attention(q, k, v, allowed), allowed).reshape(x.shape) @ w_out


@wrong("multi-head-attention")
def attention_without_padded_rows(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    allowed = seen_tokens(x, mask)
    output = zero_if_none(softmax_attention(q, k, v, allowed), allowed).transpose(1, 2).reshape(x.shape)
    return output.masked_fill(~mask[..., None], 0.0) @ w_out


@wrong("multi-head-attention")
def attention_scaled_by_embed_dim(x, w_qkv, w_out, num_heads, mask):
    q, k, v = heads_of(x, w_qkv, num_heads)
    allowed = seen_tokens(x, mask)
    output = softmax_attention(q, k, v, allowed, x.shape[-1] ** -0.5)
    return zero_if_none(output, allowed).transpose(1, 2).reshape(x.shape) @ w_out


right(
    "weighted-average",
    lambda weights, value: torch.einsum("bhqk, bhkd -> bqhd", weights, value),
    lambda weights, value: (weights @ value).movedim(1, 2),
    lambda weights, value: torch.matmul(weights, value).permute(0, 2, 1, 3).contiguous(),
    lambda weights, value: (weights[..., None] * value[:, :, None]).sum(3).swapaxes(1, 2),
)
wrong(
    "weighted-average",
    lambda weights, value: weights @ value,
    lambda weights, value: (weights @ value).reshape(len(value), weights.shape[2], -1, value.shape[-1]),
    lambda weights, value: torch.einsum("bhqk,bhkd->bqhd", weights.softmax(-1), value),
    lambda weights, value: torch.einsum("bhqk,bhkd->bqhd", weights.mT, value),
    lambda weights, value: (weights @ value).transpose(1, 2) / weights.shape[-1],
)
right(
    "bilinear-score",
    lambda a, weight, b: a @ weight @ b.T,
    lambda a, weight, b: a @ (weight @ b.mT),
    lambda a, weight, b: torch.einsum("ni,ij,mj", a, weight, b).mT,
    lambda a, weight, b: ((a @ weight)[:, None] * b).sum(-1),
    lambda a, weight, b: torch.stack([torch.stack([x @ weight @ y for y in b]) for x in a]),
    lambda a, weight, b: torch.linalg.multi_dot([a, weight, b.mT]),
)
wrong(
    "bilinear-score",
    lambda a, weight, b: (a @ weight @ b.mT).mT,
    lambda a, weight, b: a @ weight,
    lambda a, weight, b: b @ weight @ a.mT,
    lambda a, weight, b: (a @ weight @ b.mT).softmax(-1),
    lambda a, weight, b: (a @ weight @ b.mT).diagonal(),
)


right(
    "left-padding-positions",
    lambda mask: (mask.int().cumsum(1) - 1) * mask,
    lambda mask: torch.where(mask, torch.cumsum(mask, dim=-1) - 1, 0),
    lambda mask: (mask.cumsum(-1) - 1).masked_fill(~mask, 0),
)
wrong(
    "left-padding-positions",
    lambda mask: torch.arange(mask.shape[1]).repeat(len(mask), 1),
    lambda mask: (mask.cumsum(-1) - 1).clamp(min=0),
    lambda mask: mask.cumsum(0) - 1,
    lambda mask: (torch.arange(mask.shape[1]) - (~mask).sum(-1, keepdim=True)).clamp(min=0),
    lambda mask: torch.where(mask, mask.cumsum(-1) - 1, 0).float(),
)
right(
    "packed-mask",
    lambda document_ids: (document_ids[:, None] == document_ids[None, :]).tril(),
    lambda document_ids: torch.tril(document_ids.unsqueeze(-1) == document_ids.unsqueeze(0)),
    lambda document_ids: (
        (document_ids[:, None] == document_ids) & torch.ones(len(document_ids), len(document_ids)).tril().bool()
    ),
)
wrong(
    "packed-mask",
    lambda document_ids: document_ids[:, None] == document_ids,
    lambda document_ids: (document_ids[:, None] == document_ids).triu(),
    lambda document_ids: (document_ids[:, None] == document_ids).tril(-1),
    lambda document_ids: document_ids[:, None] >= document_ids,
    lambda document_ids: (document_ids[:, None] == document_ids).tril().float(),
)
right(
    "shared-heads",
    lambda key, num_heads: torch.repeat_interleave(key, num_heads // key.shape[1], 1),
    lambda key, num_heads: key[:, :, None].expand(-1, -1, num_heads // key.shape[1], -1, -1).flatten(1, 2),
    lambda key, num_heads: key.unsqueeze(2).repeat(1, 1, num_heads // key.shape[1], 1, 1).flatten(1, 2),
    lambda key, num_heads: torch.stack(
        [key[:, head // (num_heads // key.shape[1])] for head in range(num_heads)], dim=1
    ),
)
wrong(
    "shared-heads",
    lambda key, num_heads: key.repeat(1, num_heads // key.shape[1], 1, 1),
    lambda key, num_heads: torch.cat([key] * (num_heads // key.shape[1]), dim=1),
    lambda key, num_heads: key[:, :1].expand(-1, num_heads, -1, -1),
    lambda key, num_heads: torch.repeat_interleave(key, num_heads, 1),
)
right(
    "cache-bytes",
    lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: (
        2 * batch * seq_len * num_layers * num_kv_heads * head_dim * itemsize
    ),
    lambda *sizes: 2 * math.prod(sizes),
    lambda *sizes: functools.reduce(operator.mul, sizes, 2),
)
wrong(
    "cache-bytes",
    lambda *sizes: math.prod(sizes),
    lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: (
        2 * num_layers * num_kv_heads * head_dim * seq_len * itemsize
    ),
    lambda *sizes: 2.0 * math.prod(sizes),
    lambda num_layers, num_kv_heads, head_dim, seq_len, batch, itemsize: (
        2 * num_layers * num_kv_heads * head_dim * seq_len**2 * batch * itemsize
    ),
)


@right("static-cache")
def written_by_copy(cache, new, start):
    end = start + new.shape[-2]
    cache[..., start:end, :].copy_(new)
    return cache[..., :end, :]


@right("static-cache")
def written_one_by_one(cache, new, start):
    for place in range(new.shape[2]):
        cache[:, :, start + place] = new[:, :, place]
    return cache.narrow(2, 0, start + new.shape[2])


wrong(
    "static-cache",
    lambda cache, new, start: torch.cat([cache[:, :, :start], new], dim=2),
    lambda cache, new, start: cache[:, :, : start + new.shape[2]],
    lambda cache, new, start: cache.index_copy(2, torch.arange(start, start + new.shape[2]), new),
    lambda cache, new, start: cache[:, :, start : start + new.shape[2]].copy_(new),
)


right(
    "response-labels",
    lambda token_ids, prompt_lengths, lengths: token_ids.where(
        (torch.arange(token_ids.shape[1]) >= prompt_lengths[:, None])
        & (torch.arange(token_ids.shape[1]) < lengths[:, None]),
        -100,
    ),
    lambda token_ids, prompt_lengths, lengths: torch.stack(
        [
            torch.cat([row.new_full((start,), -100), row[start:stop], row.new_full((len(row) - stop,), -100)])
            for row, start, stop in zip(token_ids, prompt_lengths.tolist(), lengths.tolist(), strict=True)
        ]
    ),
)
wrong(
    "response-labels",
    lambda token_ids, prompt_lengths, lengths: token_ids.masked_fill(
        torch.arange(token_ids.shape[1]) < prompt_lengths[:, None], -100
    ),
    lambda token_ids, prompt_lengths, lengths: token_ids.masked_fill_(
        (torch.arange(token_ids.shape[1]) < prompt_lengths[:, None])
        | (torch.arange(token_ids.shape[1]) >= lengths[:, None]),
        -100,
    ),
    lambda token_ids, prompt_lengths, lengths: token_ids.masked_fill(
        (torch.arange(token_ids.shape[1]) <= prompt_lengths[:, None])
        | (torch.arange(token_ids.shape[1]) >= lengths[:, None]),
        -100,
    ),
)


right(
    "mean-of-batches",
    lambda means, counts: (means * counts).nan_to_num(0.0).sum() / counts.sum(),
    lambda means, counts: (means * counts).nansum() / counts.sum(),
    lambda means, counts: means[counts > 0] @ (counts[counts > 0] / counts.sum()),
)
wrong(
    "mean-of-batches",
    lambda means, counts: means.mean(),
    lambda means, counts: means.nanmean(),
    lambda means, counts: (means * counts).sum() / counts.sum(),
    lambda means, counts: (means * counts).nansum() / len(counts),
)


right(
    "min-p-filter",
    lambda logits, p: logits.where(logits.softmax(-1) >= p * logits.softmax(-1).amax(-1, keepdim=True), -math.inf),
    lambda logits, p: torch.where((logits - logits.max(-1, keepdim=True).values).exp() >= p, logits, -torch.inf),
    lambda logits, p: torch.stack([row.masked_fill(row < row.max() + math.log(p), -torch.inf) for row in logits]),
)
wrong(
    "min-p-filter",
    lambda logits, p: logits.masked_fill(logits.softmax(-1) < p, -torch.inf),
    lambda logits, p: logits.masked_fill(logits < p * logits.amax(-1, keepdim=True), -torch.inf),
    lambda logits, p: logits.masked_fill(logits < logits.amax() + math.log(p), -torch.inf),
    lambda logits, p: logits.masked_fill(logits < logits.amax(-1, keepdim=True) + math.log(p), 0.0),
)


right(
    "ended-rows",
    lambda drawn, ended, eos_id, pad_id: (torch.where(ended, pad_id, drawn), ended | drawn.eq(eos_id)),
    lambda drawn, ended, eos_id, pad_id: (
        drawn * ~ended + pad_id * ended,
        torch.logical_or(ended, drawn == eos_id),
    ),
)
wrong(
    "ended-rows",
    lambda drawn, ended, eos_id, pad_id: (torch.where(ended, pad_id, drawn), drawn == eos_id),
    lambda drawn, ended, eos_id, pad_id: (
        torch.where(ended | (drawn == eos_id), pad_id, drawn),
        ended | (drawn == eos_id),
    ),
    lambda drawn, ended, eos_id, pad_id: (drawn, ended | (drawn == eos_id)),
    lambda drawn, ended, eos_id, pad_id: (drawn.masked_fill_(ended, pad_id), ended | (drawn == eos_id)),
)


def clipped_by_pytorch(a, b, max_norm):
    leaves = [nn.Parameter(torch.zeros_like(each)) for each in (a, b)]
    for leaf, gradient in zip(leaves, (a, b), strict=True):
        leaf.grad = gradient.clone()
    nn.utils.clip_grad_norm_(leaves, max_norm)
    return leaves[0].grad, leaves[1].grad


def clipped_one_by_one(a, b, max_norm):
    return a * (max_norm / a.norm()).clamp(max=1.0), b * (max_norm / b.norm()).clamp(max=1.0)


def scaled_to_one_norm(a, b, max_norm):
    share = max_norm / torch.cat([a.flatten(), b]).norm().clamp(min=1e-6)
    return a * share, b * share


right(
    "clipped-gradients",
    clipped_by_pytorch,
    lambda a, b, max_norm: tuple(
        each * min(1.0, max_norm / (math.hypot(a.norm().item(), b.norm().item()) or 1.0)) for each in (a, b)
    ),
    lambda a, b, max_norm: tuple(
        each * torch.where((norm := torch.cat([a.flatten(), b]).norm()) > max_norm, max_norm / norm, 1.0)
        for each in (a, b)
    ),
)
wrong(
    "clipped-gradients",
    clipped_one_by_one,
    scaled_to_one_norm,
    lambda a, b, max_norm: (a.clamp(-max_norm, max_norm), b.clamp(-max_norm, max_norm)),
    lambda a, b, max_norm: tuple(each * (max_norm / (a.norm() + b.norm())).clamp(max=1.0) for each in (a, b)),
)


def accumulated_by_backward(weight, x, targets, size, scale):
    leaf = nn.Parameter(weight.clone())
    for some, wanted in zip(x.split(size), targets.split(size), strict=True):
        scale(functional.mse_loss(some @ leaf, wanted, reduction="none"), size, len(x)).backward()
    return leaf.grad


right(
    "accumulated-gradient",
    functools.partial(accumulated_by_backward, scale=lambda errors, size, rows: errors.sum() / rows),
    functools.partial(accumulated_by_backward, scale=lambda errors, size, rows: errors.mean() * len(errors) / rows),
    lambda weight, x, targets, size: sum(
        2 * some.mT @ (some @ weight - wanted) / len(x)
        for some, wanted in zip(x.split(size), targets.split(size), strict=True)
    ),
)
wrong(
    "accumulated-gradient",
    functools.partial(accumulated_by_backward, scale=lambda errors, size, rows: errors.mean()),
    functools.partial(accumulated_by_backward, scale=lambda errors, size, rows: errors.mean() / math.ceil(rows / size)),
    functools.partial(accumulated_by_backward, scale=lambda errors, size, rows: errors.sum()),
    lambda weight, x, targets, size: 2 * x[:size].mT @ (x[:size] @ weight - targets[:size]) / size,
)


def of(answers):
    return [
        pytest.param(name, answer, id=f"{name}-{place}")
        for name in exercises.names()
        for place, answer in enumerate(answers[name])
    ]


@pytest.mark.filterwarnings("ignore")  # what PyTorch says of its own parts
@pytest.mark.parametrize(("name", "answer"), of(RIGHT))
def test_what_people_write_is_right(name, answer):
    verdict = exercises.get(name).check(answer)
    assert verdict.correct, verdict


@pytest.mark.filterwarnings("ignore")  # what PyTorch says of its own parts
@pytest.mark.parametrize(("name", "answer"), of(WRONG))
def test_what_people_get_wrong_is_told(name, answer):
    verdict = exercises.get(name).check(answer)
    assert not verdict.correct
    # An answer fails in its own way, not by a slip of ours.
    assert not re.search("it raised (?!RuntimeError|TypeError: Got unsupported ScalarType)", str(verdict)), verdict


def test_every_exercise_has_two_of_each():
    assert {*RIGHT} == {*WRONG} == {*exercises.names()}
    for name in exercises.names():
        assert min(len(RIGHT[name]), len(WRONG[name])) >= 2, name
