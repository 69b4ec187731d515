"""Programs as people write them, each of which fails: the operands that are shown are those that a person would name."""

# ruff: noqa: ARG005, B009, B904, B905, E731, F841, PLC2401, PLW0602, PLW0603, RET503, RUF059, S102 - as people write

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import doctest
import functools
import gc
import importlib
import io
import linecache
import math
import operator
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from IPython.core.interactiveshell import InteractiveShell
from torch import nn

from tensorref import errors

PROGRAMS = []


def fails(*operands, says=None):
    """Add a program; its arrays are written name(shape):dtype, and `says` is of the remark where they are not proved."""

    def add(program):
        rare = says is None and len(PROGRAMS) % 4 != 0  # a sample of those that are proved is run each time
        marks = [pytest.mark.full] if rare else []
        PROGRAMS.append(pytest.param(program, set(operands), says, id=program.__name__, marks=marks))
        return program

    return add


def raised(program, *arguments):
    with pytest.raises(Exception) as caught:
        program(*arguments)
    return caught.value


def shown(explanation):
    return {
        f"{operand.name}{operand.shape}" + ("" if operand.dtype == "float32" else f":{operand.dtype}")
        for operand in explanation.operands
        if operand.shape is not None
    }


# --- Modules


@fails("q(2, 4, 8, 16)", "k(2, 4, 8, 16)")
def attention_without_transpose():
    q, k, v = (torch.zeros(2, 4, 8, 16) for _ in range(3))
    return torch.softmax(q @ k / math.sqrt(16), -1) @ v


@fails("q(2, 4, 8, 16)", "k.transpose(1, 2)(2, 8, 4, 16)")
def attention_with_a_wrong_transpose():
    q, k = torch.zeros(2, 4, 8, 16), torch.zeros(2, 4, 8, 16)
    return (q @ k.transpose(1, 2)) / 4


class Attention(nn.Module):
    def __init__(self, width=16, heads=4):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.heads = heads
        self.register_buffer("mask", torch.ones(10, 10).tril())

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1)
        scores = scores.masked_fill(self.mask == 0, -math.inf)
        return scores @ v


@fails("scores(2, 6, 6)", "self.mask == 0(10, 10):bool", says="-math.inf is not known")
def mask_of_the_wrong_size():
    Attention()(torch.zeros(2, 6, 16))


@fails("x(2, 6, 12)", "self.qkv.weight(48, 16)", "self.qkv.bias(48,)")
def linear_in_a_module():
    Attention()(torch.zeros(2, 6, 12))


@fails("input in model[1](4, 10)", "model[1].weight(20,)", "model[1].bias(20,)")
def layernorm_in_a_sequential():
    model = nn.Sequential(nn.Linear(8, 10), nn.LayerNorm(20), nn.ReLU())
    batch = torch.zeros(4, 8)
    return model(batch)


@fails("batch(4, 10)", "norm.weight(20,)", "norm.bias(20,)")
def layernorm_alone():
    norm = nn.LayerNorm(20)
    batch = torch.zeros(4, 10)
    return norm(batch)


@fails("images(4, 28, 28, 3)", "conv.weight(8, 3, 3, 3)", "conv.bias(8,)")
def conv_with_channels_last():
    conv = nn.Conv2d(3, 8, 3)
    images = torch.zeros(4, 28, 28, 3)
    return conv(images)


@fails("tokens(2, 3):int64", "emb.weight(10, 4)", says="values, which are not read")
def embedding_out_of_range():
    emb = nn.Embedding(10, 4)
    tokens = torch.tensor([[1, 2, 3], [4, 5, 10]])
    return emb(tokens)


@fails("tokens(2, 3)", "emb.weight(10, 4)")
def embedding_of_floats():
    emb = nn.Embedding(10, 4)
    tokens = torch.zeros(2, 3)
    return emb(tokens)


@dataclasses.dataclass
class Model:
    w: torch.Tensor
    b: torch.Tensor

    def __call__(self, x):
        return x @ self.w + self.b


@fails("x(4, 8)", "self.w(3, 8)")
def dataclass_model():
    m = Model(torch.zeros(3, 8), torch.zeros(3))
    return m(torch.zeros(4, 8))


class Lazy:
    def __init__(self):
        self._w = torch.zeros(3, 8)

    @property
    def weight(self):
        return self._w

    def run(self, x):
        return x @ self.weight


@fails("x(4, 8)", says="weight is a property, which is not run")
def property_of_a_class():
    return Lazy().run(torch.zeros(4, 8))


class Slots:
    __slots__ = ("w",)

    def __init__(self):
        self.w = torch.zeros(3, 8)


@fails("x(4, 8)", "s.w(3, 8)")
def slots_of_a_class():
    s = Slots()
    x = torch.zeros(4, 8)
    return x @ s.w


# --- training
@fails("x(2, 3, 5)", "y(2, 3, 4)")
def addition():
    x, y = torch.zeros(2, 3, 5), torch.zeros(2, 3, 4)
    return x + y


@fails("logits(2, 5, 7)", "labels(2, 5):int64")
def cross_entropy_with_a_class_axis_in_the_wrong_place():
    logits, labels = torch.zeros(2, 5, 7), torch.zeros(2, 5, dtype=torch.long)
    return F.cross_entropy(logits, labels)


@fails("logits(4, 7)", "labels(3,):int64")
def cross_entropy_with_too_few_labels():
    logits, labels = torch.zeros(4, 7), torch.zeros(3, dtype=torch.long)
    return F.cross_entropy(logits, labels)


@fails("logits(4, 7)", "labels(4,)")
def cross_entropy_with_float_labels():
    logits, labels = torch.zeros(4, 7), torch.zeros(4)
    return F.cross_entropy(logits, labels)


@fails("logits(4, 7)", "labels(4,):int32")
def cross_entropy_with_int32_labels():
    logits, labels = torch.zeros(4, 7), torch.zeros(4, dtype=torch.int32)
    loss = nn.CrossEntropyLoss()
    return loss(logits, labels)


@fails("logits(4, 7)", "labels(4,):int64", says="values, which are not read")
def cross_entropy_with_a_label_too_large():
    logits, labels = torch.zeros(4, 7), torch.tensor([0, 1, 2, 7])
    return F.cross_entropy(logits, target=labels)


@fails("h(5, 6)", says="The line is not the cause")
def backward_through_a_change_in_place():
    w = torch.ones(5, 6, requires_grad=True)
    h = (w * 2).sigmoid()
    other = torch.zeros(5, 6)
    loss = h.sum()
    h.add_(1)
    loss.backward()


@fails("loss()", says="is not proved")
def backward_twice():
    w = torch.ones(5, requires_grad=True)
    loss = (w.exp() * w).sum()
    loss.backward()
    loss.backward()


@fails("y(5,)", says="is not proved")
def backward_of_a_vector():
    w = torch.ones(5, requires_grad=True)
    y = w * 2
    y.backward()


@fails("w(5,)", says="more than shapes and dtypes")
def leaf_changed_in_place():
    w = torch.ones(5, requires_grad=True)
    w += 1


@fails("w(5,)")
def numpy_of_a_tensor_that_requires_grad():
    w = torch.ones(5, requires_grad=True)
    return w.numpy()


@fails("batch[0](3, 4)", "batch[1](3, 5)")
def collate():
    data = [torch.zeros(3, 4), torch.zeros(3, 5)]

    def collate_fn(batch):
        return torch.stack(batch)

    for _ in torch.utils.data.DataLoader(data, batch_size=2, collate_fn=collate_fn):
        pass


@fails("data[0](3, 4)", "data[1](3, 5)")
def default_collate():
    data = [torch.zeros(3, 4), torch.zeros(3, 5)]
    loader = torch.utils.data.DataLoader(data, batch_size=2)
    return next(iter(loader))


# --- forms of Python
@fails("row(4,)", "w(5,)")
def comprehension():
    rows, w = torch.zeros(3, 4), torch.zeros(5)
    return [row * w for row in rows]


@fails("a(3, 4)", "b(5, 4)")
def function_without_a_name():
    project = lambda a, b: a @ b
    return project(torch.zeros(3, 4), torch.zeros(5, 4))


@fails("x(4, 8)", "weight(3, 8)")
def closure():
    weight = torch.zeros(3, 8)

    def outer():
        def inner(x):
            return torch.matmul(x, weight)

        return inner

    return outer()(torch.zeros(4, 8))


def logged(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs)

    return wrapper


@fails("x(4, 8)", "w(3, 8)")
def decorator():
    @logged
    def project(x, w):
        return x.matmul(w)

    return project(torch.zeros(4, 8), w=torch.zeros(3, 8))


@fails("args[0](4, 8)", "args[1](3, 8)")
def star_arguments():
    args = (torch.zeros(4, 8), torch.zeros(3, 8))
    return torch.matmul(*args)


@fails("kw['input'](4, 8)", "kw['other'](3, 8)")
def double_star_arguments():
    kw = {"input": torch.zeros(4, 8), "other": torch.zeros(3, 8)}
    return torch.matmul(**kw)


@fails("x(4, 8)", 'weights["q"](3, 8)')
def dict_of_tensors():
    weights = {"q": torch.zeros(3, 8), "k": torch.zeros(8, 3)}
    x = torch.zeros(4, 8)
    return x @ weights["q"]


@fails("states[-1](4, 8)", "states[i](4, 5)")
def list_of_tensors():
    states = [torch.zeros(4, 5), torch.zeros(4, 8)]
    i = 0
    return states[-1] - states[i]


@fails("y(4, 8)", "w(3, 8)")
def walrus():
    x, w = torch.zeros(8, 4), torch.zeros(3, 8)
    if (y := x.T) is not None and (z := y @ w).sum() > 0:
        return z


@fails("x(4, 8)", "w(3, 8)")
def f_string():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    return f"the product is {x @ w} and {x + 1}"


@fails("x(4, 8)", "w(3, 8)")
def several_lines():
    x, w, b = torch.zeros(4, 8), torch.zeros(3, 8), torch.zeros(8)
    return torch.relu(x + b - (x @ w).sum())


@fails("x.view(2, 2, 8).transpose(1, 2)(2, 8, 2)")
def method_chain():
    x = torch.zeros(4, 8)
    return x.view(2, 2, 8).transpose(1, 2).view(2, 16).sum()


@fails("x.t()(8, 4)")
def view_after_transpose():
    x = torch.zeros(4, 8)
    return x.t().view(-1)


@fails("x(4, 8)")
def view_of_a_wrong_size():
    x = torch.zeros(4, 8)
    return x.view(3, -1)


@fails("x(4, 8)")
def reshape_of_a_wrong_size():
    x = torch.zeros(4, 8)
    return x.reshape(5, 5)


# --- names bound anew
@fails("x(4, 3)", "w(3, 8)", says="x may have been bound anew since")
def rebound_in_finally():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        return x @ w
    finally:
        x = torch.zeros(4, 3)


@fails("x(4, 8):float64", "w(3, 8)", says="x may have been bound anew since")
def rebound_in_finally_to_what_gives_the_same_words():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        return x @ w
    finally:
        x = torch.zeros(4, 8, dtype=torch.float64)


@fails("x(3, 8)", "w(4, 8)", says="x, w may have been bound anew since")
def rebound_in_except_and_raised_again():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        return x + w
    except RuntimeError:
        x, w = w, x
        raise


@fails("x(5, 7)", says="grow() is not known")
def rebound_in_the_expression():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)

    def grow():
        nonlocal x
        x = torch.zeros(5, 7)
        return w

    return x @ grow()


@fails("x(4, 8)", "w(3, 8)")
def raised_from():
    def inner():
        x, w = torch.zeros(4, 8), torch.zeros(3, 8)
        return x @ w

    try:
        inner()
    except RuntimeError as e:
        raise ValueError("the step failed") from e


@fails(says="the line raises the error itself")
def raised_from_none():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        x @ w
    except RuntimeError as e:
        raise RuntimeError(str(e)) from None


@fails("x(4, 8)", "w(3, 8)")
def context_manager():
    with torch.no_grad(), contextlib.suppress(KeyError):
        x, w = torch.zeros(4, 8), torch.zeros(3, 8)
        x = torch.mm(x, w)


@fails("b(3, 5)", "a(4, 5)")
def name_bound_twice_on_a_line():
    a, b = torch.zeros(4, 3), torch.zeros(3, 5)
    a = a @ b
    b = b @ a


# --- other operations
@fails("a(2, 3)", "b(4, 5)")
def einsum():
    a, b = torch.zeros(2, 3), torch.zeros(4, 5)
    return torch.einsum("ij,jk->ik", a, b)


@fails("a(2, 3)", "b(2, 4)")
def cat_along_the_wrong_axis():
    a, b = torch.zeros(2, 3), torch.zeros(2, 4)
    return torch.cat([a, b], dim=0)


@fails("parts[0](2, 3)", "parts[1](2, 3)", "parts[2](3, 3)")
def cat_of_a_list():
    parts = [torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3, 3)]
    return torch.cat(parts, dim=1)


@fails("a(2, 3)", "b(2, 4)")
def stack_of_a_tuple():
    a, b = torch.zeros(2, 3), torch.zeros(2, 4)
    return torch.stack((a, b))


@fails("scores(4, 5)", "index(4,):int64")
def gather_with_too_few_axes():
    scores, index = torch.zeros(4, 5), torch.zeros(4, dtype=torch.long)
    return scores.gather(1, index)


@fails("scores(4, 5)", "index(6, 1):int64")
def gather_with_an_index_too_long():
    scores, index = torch.zeros(4, 5), torch.zeros(6, 1, dtype=torch.long)
    return torch.gather(scores, 1, index)


@fails("scores(4, 5)", "index(4, 1)")
def gather_with_a_float_index():
    scores, index = torch.zeros(4, 5), torch.zeros(4, 1)
    return torch.gather(scores, dim=1, index=index)


@fails("x(4, 5)", "mask(3, 5):bool")
def boolean_index_of_a_wrong_size():
    x, mask = torch.zeros(4, 5), torch.ones(3, 5, dtype=torch.bool)
    return x[mask]


@fails("x(4, 5)")
def too_many_indices():
    x = torch.zeros(4, 5)
    return x[0, :, 1]


@fails("x(4, 5)")
def index_out_of_range():
    x, i = torch.zeros(4, 5), 4
    return x[i]


@fails("x(4, 5)")
def dimension_out_of_range():
    x = torch.zeros(4, 5)
    return x.sum(dim=2)


@fails("x(4, 5)", "y(3, 5)")
def assignment_to_a_slice():
    x, y = torch.zeros(4, 5), torch.zeros(3, 5)
    x[:2] = y


@fails("x(4, 5)")
def expand():
    x = torch.zeros(4, 5)
    return x.expand(3, 5)


@fails("x(4, 5)", "y(5, 2):float64")
def float_and_double():
    x, y = torch.zeros(4, 5), torch.zeros(5, 2, dtype=torch.float64)
    return x @ y


@fails("features(4, 5):float64", "layer.weight(2, 5)", "layer.bias(2,)")
def numpy_doubles_into_a_layer():
    layer = nn.Linear(5, 2)
    features = torch.from_numpy(np.zeros((4, 5)))
    return layer(features)


@fails("x(4, 5):int64")
def mean_of_integers():
    x = torch.zeros(4, 5, dtype=torch.long)
    return x.mean()


@fails("x(4, 5):float16", "w(5, 2):bfloat16")
def half_on_cpu():
    x, w = torch.zeros(4, 5, dtype=torch.float16), torch.zeros(5, 2, dtype=torch.bfloat16)
    return x @ w


@fails("x(4, 5)")
def meta_to_cpu():
    x = torch.zeros(4, 5, device="meta")
    return x.cpu()


@fails("x(4, 5)")
def item_of_many():
    x = torch.zeros(4, 5)
    return x.item()


@fails("x(4, 5)")
def truth_of_many():
    x = torch.zeros(4, 5)
    if x > 0:
        return 1


@fails("q(2, 8, 4, 16)", "k(2, 8, 4, 12)", "v(2, 8, 4, 16)")
def scaled_dot_product():
    q, k, v = torch.zeros(2, 8, 4, 16), torch.zeros(2, 8, 4, 12), torch.zeros(2, 8, 4, 16)
    return F.scaled_dot_product_attention(q, k, v)


@fails("a(2, 3, 4)", "b(3, 4, 5)")
def bmm():
    a, b = torch.zeros(2, 3, 4), torch.zeros(3, 4, 5)
    return torch.bmm(a, b)


@fails(says="no operand that is an array")
def load_state_dict():
    class Head(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.head = nn.Linear(8, n)

    model, state = Head(5), Head(6).state_dict()
    model.load_state_dict(state)


# --- NumPy
@fails("a(3, 4):float64", "b(3,):float64")
def numpy_broadcasting():
    a, b = np.zeros((3, 4)), np.zeros(3)
    return a * b


@fails("a(3, 4):float64", "b(3,):float64")
def numpy_in_place():
    a, b = np.zeros((3, 4)), np.zeros(3)
    a += b


@fails("a(3, 4):float64", "b.T(2, 4):float64")
def numpy_matmul():
    a, b = np.zeros((3, 4)), np.zeros((4, 2))
    return a @ b.T


@fails("a(3, 4):float64", "b(3, 2):float64")
def numpy_dot():
    a, b = np.zeros((3, 4)), np.zeros((3, 2))
    return a.dot(b)


@fails("a(3, 4):float64", "b(2,):float64")
def numpy_concatenate_of_other_rank():
    a, b = np.zeros((3, 4)), np.zeros(2)
    return np.concatenate([a, b])


@fails("a(3, 4):float64", "b(2, 5):float64")
def numpy_concatenate_of_other_size():
    a, b = np.zeros((3, 4)), np.zeros((2, 5))
    return np.concatenate((a, b), axis=0)


@fails("a(3, 4):float64", "mask(4,):bool")
def numpy_mask():
    a, mask = np.zeros((3, 4)), np.ones(4, bool)
    return a[mask]


@fails("a(3, 4):float64")
def numpy_reshape():
    a = np.zeros((3, 4))
    return a.reshape(5, -1)


@fails("a(3, 4):float64", "b(2, 4):float64")
def numpy_ufunc_with_out():
    a, b = np.zeros((3, 4)), np.zeros((2, 4))
    return np.add(a, 1, out=b)


@fails("a(3,):float64")
def numpy_axis():
    a = np.zeros(3)
    return a.sum(axis=1)


@fails("a(3,):float64")
def numpy_index():
    a = np.zeros(3)
    return a[5]


@fails("a > 0(3, 2):bool", "a(3, 2):float64", "b(4, 5):float64")
def numpy_where():
    a, b = np.zeros((3, 2)), np.zeros((4, 5))
    return np.where(a > 0, a, b)


@fails("a(3, 2):float64")
def numpy_truth():
    a = np.zeros((3, 2))
    return bool(a) or a > 1


@fails("a(3,):int64")
def numpy_cast_in_place():
    a = np.zeros(3, int)
    a += 0.5


# --- other places
@fails("x(4, 8)", "w(3, 8)")
def thread():
    caught = []

    def work(x, w):
        try:
            x @ w
        except RuntimeError as e:
            caught.append(e)

    t = threading.Thread(target=work, args=(torch.zeros(4, 8), torch.zeros(3, 8)))
    t.start()
    t.join()
    raise caught[0]


@fails("x(4, 8)", "w(3, 8)")
def thread_pool():
    def work(x, w):
        return x @ w

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(work, torch.zeros(4, 8), torch.zeros(3, 8)).result()


@fails("x(4, 8)", "w(3, 8)")
def generator():
    def gen(w):
        for x in [torch.zeros(4, 8)]:
            yield x @ w

    return list(gen(torch.zeros(3, 8)))


@fails(says="there is no source of <string>")
def code_that_is_executed():
    exec("x, w = torch.zeros(4, 8), torch.zeros(3, 8)\nx @ w", {"torch": torch})


@fails("x(4, 8)", "w(3, 8)")
def sorted_with_a_key():
    w = torch.zeros(3, 8)
    return sorted([torch.zeros(4, 8)], key=lambda x: (x @ w).sum())


@fails("self.a(4, 8)", "other.a(4, 7)")
def operator_of_a_class():
    class Box:
        def __init__(self, a):
            self.a = a

        def __add__(self, other):
            return self.a + other.a

    return Box(torch.zeros(4, 8)) + Box(torch.zeros(4, 7))


@fails("a[:, :3](4, 3)", "b[1:](4, 8)")
def slices():
    a, b = torch.zeros(4, 8), torch.zeros(5, 8)
    return a[:, :3] * b[1:]


@fails("a[..., None](4, 8, 1)", "b(5, 3)")
def new_axis():
    a, b = torch.zeros(4, 8), torch.zeros(5, 3)
    return a[..., None] + b


@fails("x(4, 8)", "torch.zeros(3, 8)(3, 8)")
def temporary():
    x = torch.zeros(4, 8)
    return x @ torch.zeros(3, 8)


@fails("w(3, 8)", says="make(4) is not known")
def call():
    def make(n):
        return torch.zeros(n, 8)

    w = torch.zeros(3, 8)
    return make(4) @ w


@fails("x(4, 8)", "x.mean(1)(4,)")
def mean_without_keepdim():
    x = torch.zeros(4, 8)
    return x - x.mean(1)


@fails("x(4, 8)", "x.std(0, keepdim=True).T(8, 1)")
def keepdim_and_transpose():
    x = torch.zeros(4, 8)
    return x / x.std(0, keepdim=True).T


@fails("x(4, 8)", "w(3, 8)")
def conditional():
    x, w, small = torch.zeros(4, 8), torch.zeros(3, 8), False
    return x @ w if not small else x + 1


@fails("a(4, 8)", "b(3, 8)")
def chain_of_comparisons():
    a, b, c = torch.zeros(4, 8), torch.zeros(3, 8), torch.zeros(())
    return torch.all(a < b)


@fails("x(4, 8)", "layer.weight(3, 5)", "layer.bias(3,)")
def list_of_modules():
    layers = nn.ModuleList([nn.Linear(5, 3)])
    x = torch.zeros(4, 8)
    for layer in layers:
        x = layer(x)


@fails("x(4, 8)", "self.w(3, 8)")
def parameter_of_a_module():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(3, 8))

        def forward(self, x):
            return F.gelu(x) @ self.w if False else x @ self.w

    return Own()(torch.zeros(4, 8))


@fails("h(7, 4, 8)", says="is not proved")
def recurrent():
    rnn = nn.GRU(6, 5)
    h = torch.zeros(7, 4, 8)
    return rnn(h)


# --- What changed after the error, and more forms

W = torch.zeros(3, 8)


class Box:
    pass


@fails("x(4, 8)", "b.w(3, 8):float64", says="b.w may have been bound anew since")
def attr_rebound_in_finally():
    x, b = torch.zeros(4, 8), Box()
    b.w = torch.zeros(3, 8)
    try:
        return x @ b.w
    finally:
        b.w = b.w.double()


@fails("x(4, 8)", 'd["w"](3, 8):float64', says="may have been bound anew since")
def item_rebound_in_finally():
    x, d = torch.zeros(4, 8), {"w": torch.zeros(3, 8)}
    try:
        return x @ d["w"]
    finally:
        d["w"] = torch.zeros(3, 8, dtype=torch.float64)


@fails("x(4, 8)", "w[0](3, 8):float64", says="are as they are now")
def list_changed_in_finally():
    x, w = torch.zeros(4, 8), [torch.zeros(3, 8), torch.zeros(3, 8, dtype=torch.float64)]
    try:
        return x @ w[0]
    finally:
        w.pop(0)


@fails("x(4, 8, 1)", "w(3, 8)", says="they may have changed since")
def inplace_unsqueeze_in_finally():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        return x @ w
    finally:
        x.unsqueeze_(-1)


@fails("x(4, 8):float64", "w(3, 8)", says="are as they are now")
def data_rebound_in_finally():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        return x @ w
    finally:
        x.data = x.data.double()


@fails("x(4, 8)", "layer.weight(5, 6):float64", says="are as they are now")
def layer_converted_in_finally():
    x, layer = torch.zeros(4, 8), nn.Linear(6, 5)
    try:
        return x @ layer.weight
    finally:
        layer.double()


@fails("x(4, 8)", "W(3, 8):float64", says="are as they are now")
def global_changed_by_a_call():
    global W

    def reset():
        global W
        W = torch.zeros(3, 8, dtype=torch.float64)

    x = torch.zeros(4, 8)
    try:
        return x @ W
    except RuntimeError:
        reset()
        raise


@fails("x(4, 8)", "w(3, 8):float64", says="are as they are now")
def nonlocal_changed_by_a_call():
    w = torch.zeros(3, 8)

    def reset():
        nonlocal w
        w = torch.zeros(3, 8, dtype=torch.float64)

    x = torch.zeros(4, 8)
    try:
        return x @ w
    finally:
        reset()


@fails('state["a"](4, 1)', 'state["b"](3, 1)', says="are as they are now")
def swap_in_the_caller():
    state = {"a": torch.zeros(4, 8), "b": torch.zeros(3, 8)}

    def step():
        return state["a"] + state["b"]

    try:
        step()
    except RuntimeError:
        state["a"], state["b"] = torch.zeros(4, 1), torch.zeros(3, 1)
        raise


@fails("x(3, 8)", "x := y(3, 8)", says="is not proved")
def walrus_in_arguments():
    x, y = torch.zeros(4, 8), torch.zeros(3, 8)
    return torch.add(x, (x := y))


@fails("w(3, 8)", says="there is no such name any more")
def deleted_in_finally():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        return x @ w
    finally:
        del x


@fails("x(4, 8)", "w(3, 8):float64", says="w may have been bound anew since")
def first_error_kept():
    errs = []
    ws = [torch.zeros(3, 8), torch.zeros(5, 8), torch.zeros(3, 8, dtype=torch.float64)]
    x = torch.zeros(4, 8)
    for w in ws:
        try:
            x @ w
        except RuntimeError as e:
            errs.append(e)
    raise errs[0]


@fails("parts[0](3,)", "parts[1](3,)", "parts[2](4,)")
def sum_of_a_list():
    parts = [torch.zeros(3), torch.zeros(3), torch.zeros(4)]
    return sum(parts)


@fails(says="is not known")
def map_over_lists():
    xs, ws = [torch.zeros(4, 8), torch.zeros(4, 8)], [torch.zeros(8, 3), torch.zeros(3, 8)]
    return list(map(torch.matmul, xs, ws))


@fails("f.args[0](4, 8)", "w(3, 8)")
def partial_function():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    f = functools.partial(torch.matmul, x)
    return f(w)


@fails("x(4, 8)", "w(3, 8)")
def operator_as_a_function():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    return operator.matmul(x, w)


@fails("row(8,)", "w(3, 5)", says="more than shapes and dtypes")
def vmap():
    x, w = torch.zeros(4, 8), torch.zeros(3, 5)
    return torch.vmap(lambda row: row @ w)(x)


@fails("input in layer(8, 4)", "layer.weight(3, 8)", "layer.bias(3,)")
def pre_hook():
    layer = nn.Linear(8, 3)
    layer.register_forward_pre_hook(lambda m, a: (a[0].T,))
    x = torch.zeros(4, 8)
    return layer(x)


@fails("out(4, 3)", "bad(5,)")
def forward_hook():
    layer = nn.Linear(8, 3)
    bad = torch.zeros(5)
    layer.register_forward_hook(lambda m, a, out: out + bad)
    x = torch.zeros(4, 8)
    return layer(x)


@fails("x(4, 5)", "layer.bias(3,)", says="is not proved")
def weight_norm():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(8, 3))
    x = torch.zeros(4, 5)
    return layer(x)


@fails(
    "x(5, 2, 12)",
    "attn.in_proj_weight(48, 16)",
    "attn.in_proj_bias(48,)",
    "attn.out_proj.weight(16, 16)",
    "attn.out_proj.bias(16,)",
)
def mha():
    attn = nn.MultiheadAttention(16, 4)
    x = torch.zeros(5, 2, 12)
    return attn(x, x, x)


@fails("x(4, 8)", "w(3, 8)")
def augmented():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    x @= w


@fails("x(4, 8)", "y(4, 7)")
def augmented_in_loop():
    x = torch.zeros(4, 8)
    for y in [torch.zeros(4, 8), torch.zeros(4, 7)]:
        x -= y


@fails("a @ b(2, 4)", "c(3, 5)")
def chain():
    a, b, c = torch.zeros(2, 3), torch.zeros(3, 4), torch.zeros(3, 5)
    return a @ b @ c


@fails("x[mask](3, 8)", "y(4, 8)")
def masked():
    x, mask, y = torch.zeros(6, 8), torch.tensor([True, False, True, True, False, False]), torch.zeros(4, 8)
    return x[mask] + y


@fails("x.to(torch.float64)(4, 8):float64", "w(8, 3)")
def to_double():
    x, w = torch.zeros(4, 8), torch.zeros(8, 3)
    return x.to(torch.float64) @ w


@fails("a(2, 3):float64", "b(4, 5):float64")
def np_einsum():
    a, b = np.zeros((2, 3)), np.zeros((4, 5))
    return np.einsum("ij,jk->ik", a, b)


@fails("x(4, 8)", "self.__w(3, 8)")
def name_that_is_mangled():
    class Private(nn.Module):
        def __init__(self):
            super().__init__()
            self.__w = nn.Parameter(torch.zeros(3, 8))

        def forward(self, x):
            return x @ self.__w

    Private()(torch.zeros(4, 8))


@fails("größe(4, 8)", "gewicht(3, 8)")
def names_that_are_not_ascii():
    größe, gewicht, ähm = torch.zeros(4, 8), torch.zeros(3, 8), "äöü€"
    ähm = ("😀€", größe @ gewicht)


@fails('self.layers["up"](x)(4, 16)', 'self.layers["down"].weight(16, 8)', 'self.layers["down"].bias(16,)')
def module_dict():
    self = nn.Module()
    self.layers = nn.ModuleDict({"up": nn.Linear(8, 16), "down": nn.Linear(8, 16)})
    x = torch.zeros(4, 8)
    return self.layers["down"](self.layers["up"](x))


@fails("x(4, 8)", says="would have to be called again")
def attribute_by_getattr():
    b = Box()
    b.w = torch.zeros(3, 8)
    x = torch.zeros(4, 8)
    return x @ getattr(b, "w")


@fails("x(4, 8)", "w(3, 8)")
def exception_group():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)

    async def work():
        return x @ w

    async def main():
        async with asyncio.TaskGroup() as g:
            g.create_task(work())

    asyncio.run(main())


@fails("x(4, 8)", "w(3, 8)")
def wrapped_text():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        x @ w
    except RuntimeError as e:
        raise RuntimeError(f"in layer 3: {e}") from e


@fails("x(4, 8)", "w(3, 8)")
def context_without_from():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    try:
        x @ w
    except RuntimeError as e:
        raise KeyError("layer 3")


@fails("g(4, 8)", "saved(4, 8)")
def custom_function():
    class Fn(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (saved,) = ctx.saved_tensors
            return g @ saved

    w = torch.zeros(4, 8, requires_grad=True)
    Fn.apply(w).sum().backward()


@fails("t(3,)", "a(4,):float64")
def tensor_and_array():
    t, a = torch.zeros(3), np.zeros(4)
    return t + a


@fails("pred(4, 1)", "target(4, 2)")
def loss_target_shape():
    pred, target = torch.zeros(4, 1), torch.zeros(4, 2)
    return F.binary_cross_entropy(pred, target)


@fails(says="list(d.values()) is not known")
def stack_values():
    d = {"a": torch.zeros(2, 3), "b": torch.zeros(2, 4)}
    return torch.stack(list(d.values()))


@fails("a(4,)", "b(5,)")
def zip_loop():
    for a, b in zip([torch.zeros(3), torch.zeros(4)], [torch.zeros(3), torch.zeros(5)]):
        print_ = a * b


@fails("x(5, 5)", "rows(3,):int64", "cols(2,):int64")
def index_broadcast():
    x, rows, cols = torch.zeros(5, 5), torch.tensor([0, 1, 2]), torch.tensor([0, 1])
    return x[rows, cols]


@fails("x(5, 5):float64", "rows(3,):int64", "cols(2,):int64")
def np_index_broadcast():
    x, rows, cols = np.zeros((5, 5)), np.array([0, 1, 2]), np.array([0, 1])
    return x[rows, cols]


@fails("x(2, 3, 8, 8):uint8", "c.weight(4, 3, 3, 3)", "c.bias(4,)")
def conv_dtype():
    c = nn.Conv2d(3, 4, 3)
    x = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    return c(x)


@fails("x(2, 10, 8)", "n.weight(8,)", "n.bias(8,)", "n.running_mean(8,)", "n.running_var(8,)")
def batchnorm():
    n = nn.BatchNorm1d(8)
    x = torch.zeros(2, 10, 8)
    return n(x)


@fails("a(2, 3):float64", "b(2, 4):float64")
def vstack():
    a, b = np.zeros((2, 3)), np.zeros((2, 4))
    return np.vstack([a, b])


@fails("a(2, 3):float64", "b(2, 2):float64")
def np_assign():
    a, b = np.zeros((2, 3)), np.zeros((2, 2))
    a[:, :] = b


@fails("a(4, 8)", "c(3, 8)")
def same_line_twice():
    a, b, c = torch.zeros(4, 8), torch.zeros(8, 4), torch.zeros(3, 8)
    return (a @ b, a @ c, b @ c)


@fails("torch.matmul(a, b)(4, 4)", "c(3, 8)")
def nested_calls():
    a, b, c = torch.zeros(4, 8), torch.zeros(8, 4), torch.zeros(3, 8)
    return F.relu(torch.matmul(torch.matmul(a, b), c))


@fails('cache["k"](2, 5, 8)', "k(2, 1, 9)")
def cat_with_a_cache():
    cache = {"k": torch.zeros(2, 5, 8)}
    k = torch.zeros(2, 1, 9)
    cache["k"] = torch.cat([cache["k"], k], dim=1)


@fails("cache(2, 10, 8)", "k(2, 3, 8)")
def kv_cache():
    cache, k, pos = torch.zeros(2, 10, 8), torch.zeros(2, 3, 8), 8
    cache[:, pos : pos + 3] = k


@fails("x(2, 4, 10, 16)", "cos(10, 8)")
def rope():
    x, cos = torch.zeros(2, 4, 10, 16), torch.zeros(10, 8)
    return x * cos + x.flip(-1) * cos


# --- The tests


@pytest.mark.parametrize(("program", "operands", "says"), PROGRAMS)
def test_the_operands_are_those_that_a_person_would_name(program, operands, says):
    explanation = errors.explain(raised(program))
    assert explanation is not None
    assert shown(explanation) == operands
    assert (explanation.proved is True) == (says is None), explanation.remarks
    if says:
        assert says in " ".join(explanation.remarks)


def product():
    x, w = torch.zeros(4, 8), torch.zeros(3, 8)
    return x @ w


def layer():
    net, x = nn.Linear(8, 3), torch.zeros(4, 5)
    return net(x)


def scores_of_shape_batch_tokens_classes():
    return F.cross_entropy(logits := torch.zeros(2, 5, 7), labels := torch.zeros(2, 5, dtype=torch.long))


def labels_of_another_length():
    return F.cross_entropy(logits := torch.zeros(2, 7, 5), labels := torch.zeros(2, 4, dtype=torch.long))


def classes_as_a_column():
    return F.cross_entropy(logits := torch.zeros(4, 7), labels := torch.zeros(4, 1, dtype=torch.long))


def classes_as_rows():
    return F.nll_loss(scores := torch.zeros(4, 7), labels := torch.zeros(4, 7, dtype=torch.long))


def float_labels():
    return F.cross_entropy(logits := torch.zeros(4, 7), labels := torch.zeros(4))


def label_for_padding():
    return F.cross_entropy(logits := torch.zeros(4, 7), labels := torch.tensor([0, 1, -1, 2]))


def channels_last():
    return nn.Conv2d(3, 6, 3)(torch.zeros(1, 8, 8, 3))


def gray_image():
    return nn.Conv2d(3, 6, 3)(torch.zeros(1, 1, 8, 8))


def layers_that_do_not_fit():
    return nn.Conv2d(16, 6, 3)(torch.zeros(1, 8, 8, 8))


def half_model():
    return nn.Linear(3, 2).bfloat16()(torch.zeros(4, 3))


@pytest.mark.parametrize(
    ("program", "start"),
    [
        (product, "In a matrix product of your own"),
        (layer, "The last axis of the input is not in_features"),
        (scores_of_shape_batch_tokens_classes, "The scores have the classes on their last axis"),
        (labels_of_another_length, "The targets have another length"),
        (classes_as_a_column, "The targets have shape (N, 1)"),
        (classes_as_rows, "The targets are one-hot rows"),
        (float_labels, "Classes as targets have to be int64"),
        (label_for_padding, "A label for padding is negative"),
        (channels_last, "The channels stand last"),
        (gray_image, "A gray image has one channel"),
        (layers_that_do_not_fit, "Two layers do not fit"),
        (half_model, "The model is in half precision"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_first_cause_is_the_one_that_the_operands_speak_for(program, start):
    explanation = errors.explain(raised(program))
    assert explanation.causes[0].startswith(start)
    assert sorted(explanation.causes) == sorted(errors.get(explanation.id).causes)


def test_a_module_is_found_in_the_model():
    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.project = nn.Linear(width, 8)

        def forward(self, x):
            return self.project(x)

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Block(8), Block(8), Block(16)])

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    def step():
        model = Decoder()
        model(torch.zeros(2, 8))

    explanation = errors.explain(raised(step))
    assert shown(explanation) == {"x(2, 8)", "self.project.weight(8, 16)", "self.project.bias(8,)"}
    assert explanation.proved
    place = explanation.remarks[-1]
    assert place == f"self is model.blocks[2] in {step.__qualname__}."


def explained(error):
    explanation = errors.explain(error)
    return shown(explanation), explanation.proved


X_AND_W = {"x(4, 8)", "w(3, 8)"}


@pytest.mark.full
def test_a_cell_of_a_notebook():
    shell = InteractiveShell.instance()
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell("import torch\nx, w = torch.zeros(4, 8), torch.zeros(3, 8)")
        error = shell.run_cell("y = 1\n(x\n @ w)").error_in_exec
    InteractiveShell.clear_instance()
    assert explained(error) == (X_AND_W, True)


def test_a_doctest():
    text = ">>> import torch\n>>> x, w = torch.zeros(4, 8), torch.zeros(3, 8)\n>>> try:\n...     x @ w\n"
    text += "... except RuntimeError as error:\n...     found.append(explained(error))\n>>> x @ w\n"
    found = []
    test = doctest.DocTestParser().get_doctest(text, {"found": found, "explained": explained}, "example", None, 0)
    error = raised(doctest.DebugRunner().run, test).exc_info[1]
    assert found == [(X_AND_W, True)]
    assert errors.explain(error).remarks == ("The operands are not known: there is no source of <doctest example[3]>.",)


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False).stdout


@pytest.mark.full
def test_pytest(tmp_path):
    file = tmp_path / "test_numpy.py"
    file.write_text(
        textwrap.dedent("""
        import numpy as np
        from tensorref import errors

        @errors.explaining()
        def test_sum():
            x, w = np.zeros((4, 8)), np.zeros((3, 8))
            assert (x + w).sum() == 0
        """)
    )
    text = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file))
    assert "x  ndarray  (4, 8)  float64" in text
    assert "w  ndarray  (3, 8)  float64" in text
    assert "ValueError: operands could not be broadcast together with shapes (4,8) (3,8)" in text


POOL = """
import concurrent.futures
import multiprocessing
import numpy as np
from tensorref import errors

def work(rows):
    x, w = np.zeros((rows, 8)), np.zeros((3, 8))
    return x + w

@errors.explaining()
def noted(rows):
    return work(rows)

if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for function in (noted, work):
            try:
                pool.submit(function, 4).result()
            except ValueError as error:
                print(*getattr(error, "__notes__", []), "remarks", errors.explain(error).remarks)
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    file = tmp_path_factory.mktemp("pool") / "pool.py"
    file.write_text(POOL)
    return run(str(file))


@pytest.mark.full
def test_a_process_pool_hands_the_note_on(pool):
    assert "x  ndarray  (4, 8)  float64" in pool


@pytest.mark.full
def test_an_error_from_a_process_pool_says_that_its_operands_are_not_known(pool):
    assert "not known" in pool.splitlines()[-1]


def test_a_file_that_was_edited_since(tmp_path, monkeypatch):
    file = tmp_path / "edited.py"
    lines = "import torch\ndef f():\n    a, b, c, d = torch.zeros(4, 4, 8)\n    return a @ b\n"
    file.write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("edited")
    file.write_text(lines.replace("a @ b", "c @ d"))
    os.utime(file, (1, 1))
    linecache.clearcache()
    explanation = errors.explain(raised(module.f))
    assert shown(explanation) == {"a(4, 8)", "b(4, 8)"} or explanation.proved is not True


# --- What is promised beside


def everything(explanation):
    parts = [*explanation.notes(), *explanation.described(), explanation.svg(), explanation.table(), explanation]
    return "\n".join(map(str, parts))


def values_of_tensors():
    x, w = torch.full((4, 8), 98765.4321), torch.full((3, 8), 98765.4321)
    return (x * 1) @ w


def keys_and_values_of_a_dictionary():
    d, key, x = {"98765.4321": torch.zeros(3, 8), "other": "98765.4321"}, "98765.4321", torch.zeros(4, 8)
    return x @ d[key]


def arrays_of_text():
    a, b = np.array([["98765.4321"] * 3]), np.zeros((2, 4))
    return np.concatenate([a, b])


def scalars():
    x, scale = torch.zeros(4, 8), 98765.4321
    return (x * scale) @ torch.full((3, 8), scale)


@pytest.mark.parametrize(
    "program", [values_of_tensors, keys_and_values_of_a_dictionary, arrays_of_text, scalars], ids=lambda f: f.__name__
)
def test_no_value_is_told(program):
    explanation = errors.explain(raised(program))
    assert explanation.operands
    assert "98765" not in everything(explanation)


def test_no_text_is_told_that_the_message_does_not_have():
    def program():
        x, password = torch.zeros(4, 8), "hunter2"
        return x + password

    assert "hunter2" not in everything(errors.explain(raised(program)))


@pytest.mark.parametrize("exact", [False, True])
def test_no_tensor_is_kept_alive(exact):
    kept = []
    context = errors.explaining(exact=exact)

    def program():
        x, w = torch.zeros(4, 8), torch.zeros(3, 8)
        kept.extend([weakref.ref(x), weakref.ref(w)])
        with context:
            return x @ w

    error = raised(program)
    explanation, note = errors.explain(error), error.__notes__[0]
    del error
    gc.collect()
    assert explanation.proved
    assert "x  Tensor  (4, 8)" in note
    assert [tensor() for tensor in kept] == [None, None]


def draws():
    x = torch.zeros(4, 8)
    return (x + torch.rand(4, 8)) @ F.dropout(torch.rand(3, 8))


def draws_in_place():
    x = torch.zeros(4, 8)
    return x.normal_() @ torch.zeros(3, 8).uniform_()


@pytest.mark.parametrize("program", [draws, draws_in_place], ids=lambda f: f.__name__)
def test_the_random_state_is_left_alone(program):
    error = raised(program)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    errors.explain(error)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


WORDS = "mat1 and mat2 shapes cannot be multiplied (4x8 and 3x8)"


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, StopIteration])
def test_the_error_passes_as_it_is(exact, kind):
    error = kind(WORDS)

    @errors.explaining(exact=exact)
    def program():
        raise error

    with pytest.raises(kind) as caught:
        program()
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)


class UnspeakableError(RuntimeError):
    def __str__(self):
        raise KeyboardInterrupt


def test_an_error_that_cannot_be_printed():
    error = UnspeakableError(WORDS)
    assert errors.explain(error).id == "mat1-mat2-shapes"
    with pytest.raises(UnspeakableError) as caught, errors.explaining():
        raise error
    assert caught.value is error


def test_hooks_are_restored(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: seen.append(error))
    monkeypatch.setattr(threading, "excepthook", seen.append)
    before = sys.excepthook, threading.excepthook
    errors.install()
    errors.install()
    try:
        error = raised(addition)
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        errors.uninstall()
    assert (sys.excepthook, threading.excepthook) == before
    assert seen[0][1] is error
    assert len(error.__notes__) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WORDS + "\n" + "x" * 10_000_000, True),
        ("x" * 10_000_000 + "\n" + WORDS, True),
        ("The size of tensor a (" * 450_000, False),
        ("expected input[" * 100 + "1, " * 3_000_000, False),
        (bytes(range(256)).decode("latin1") * 4_000, False),
        ("\x00\ud800" + WORDS + "\ud8ff", True),
    ],
    ids=["first", "last", "halves", "commas", "binary", "surrogates"],
)
def test_texts_without_end(text, found):
    start = time.process_time()
    explanation = errors.explain(text)
    assert time.process_time() - start < 1
    assert (explanation is not None) == found


def calls_of_python(size):
    parts, calls = [torch.zeros(1)] * size + [torch.zeros(2)], []
    error = raised(lambda: torch.stack(parts))
    threading.setprofile(lambda *_: calls.append(0))  # the frames are read in a thread
    try:
        errors.explain(error)
    finally:
        threading.setprofile(None)
    return len(calls)


def test_a_long_list_takes_no_longer():
    calls_of_python(2)  # which loads what is needed
    short = calls_of_python(200)
    assert calls_of_python(16_000) - short < 50


def test_exact_tells_tensors_in_a_list_that_a_call_returned():
    def program():
        d = {"a": torch.zeros(2, 3), "b": torch.zeros(2, 4)}
        with errors.explaining(exact=True):
            torch.stack(list(d.values()))

    assert "(2, 4)" in raised(program).__notes__[0]
