"""The operands that are read from the frames of an error: each right, or refused with the reason, and none wrong yet proved."""

from __future__ import annotations

import doctest
import gc
import linecache
import random
import subprocess
import sys
import threading
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  as everyone writes it
from torch import nn

from tensorref import errors
from tensorref.errors import _frames


def failing(program, *args):
    """Return the error of a program."""
    try:
        program(*args)
    except Exception as error:  # noqa: BLE001  whatever a program raises
        return error
    raise AssertionError


def read(program, *args):
    """Return what the frames of a program's error tell."""
    reading = _frames.read(failing(program, *args))
    assert reading is not None
    return reading


def shapes(reading):
    """Return the shapes of the arrays by name, and why others are not known."""
    return {
        operand.name: operand.unknown or operand.shape
        for operand in reading.operands
        if operand.unknown or operand.shape is not None
    }


# Programs, each with its operands and whether they are proved.


def scores():
    query, key = torch.zeros(2, 4, 10, 16), torch.zeros(2, 4, 12, 16)
    return query @ key / 4


class Attention(nn.Module):
    def __init__(self, embed_dim=16, num_heads=4):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim)
        self.out = nn.Linear(embed_dim // 2, embed_dim)

    def forward(self, x):
        batch, seq_len, embed_dim = x.shape
        q, k, v = (
            part.view(batch, seq_len, self.num_heads, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1)
        )
        weights = (q @ k.mT).softmax(-1)
        return self.out(
            (weights @ v).transpose(1, 2).reshape(batch, seq_len, embed_dim),
        )


def attention():
    return Attention()(torch.zeros(2, 5, 16))


def mask():
    scores, mask = torch.zeros(2, 4, 6, 6), torch.ones(2, 6, dtype=torch.bool)
    return scores.masked_fill(mask[:, None], float("-inf"))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.LayerNorm(8))

    def forward(self, x):
        return x + self.net(x)


def layer_norm_in_sequential():
    return Block()(torch.zeros(4, 8))


def layers_in_a_loop():
    layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(5, 4)])
    x = torch.zeros(2, 4)
    for layer in layers:
        x = layer(x)
    return x


def cross_entropy():
    logits, labels = torch.zeros(2, 5, 7), torch.zeros(2, 4, dtype=torch.long)
    return F.cross_entropy(logits.view(-1, 7), labels.view(-1))


def targets_of_another_shape():
    criterion, logits, y = nn.BCEWithLogitsLoss(), torch.zeros(8, 1), torch.zeros(8)
    return criterion(logits, y)


def transposed_view():
    x = torch.zeros(4, 3)
    # fmt: off
    return (
        x
        .t()
        .view(12)
    )
    # fmt: on


def comprehension():
    weight = torch.zeros(3, 3)
    batches = [torch.zeros(2, 3), torch.zeros(2, 4)]
    return [batch @ weight for batch in batches]


def lambda_():
    scale = np.zeros(3)
    return sorted(np.zeros((2, 4)), key=lambda row: row * scale)


class Scaler:
    def __init__(self):
        self.std = np.ones(4)

    def in_a_property(self):
        return self.scaled

    @property
    def scaled(self):
        return np.zeros((2, 3)) / self.std


def within_a_property():
    return Scaler().in_a_property()


class Standardized:
    def __init__(self):
        self.asked = 0

    @property
    def mean(self):
        self.asked += 1
        if self.asked > 1:
            raise AssertionError
        return np.zeros(3)


def operand_is_a_property():
    data, scaler = np.zeros((2, 4)), Standardized()
    return data - scaler.mean


class Batch(NamedTuple):
    ids: torch.Tensor
    mask: torch.Tensor


@dataclass(slots=True)
class Config:
    width: int
    bias: torch.Tensor


def fields():
    batch, config = Batch(torch.zeros(2, 3), torch.zeros(4)), Config(3, torch.zeros(5))
    table = {"rows": [torch.zeros(2, 3)]}
    return torch.stack([batch.ids, table["rows"][0], batch.mask.expand(2, 4), config.bias])


def collated():
    from torch.utils.data import DataLoader

    rows = [torch.zeros(3), torch.zeros(4)]
    return [*DataLoader(rows, batch_size=2)]


def in_place():
    weight = torch.ones(3, 4, requires_grad=True)
    hidden = weight.exp()
    hidden += 1
    other = torch.zeros(3, 4)
    loss = (hidden * other).sum()
    loss.backward()


def not_a_scalar():
    loss = torch.ones(3, requires_grad=True) * 2
    loss.backward()


def concatenated():
    past, now = torch.zeros(2, 3, 8), torch.zeros(3, 1, 8)
    parts = [past, now]
    return torch.cat(parts, dim=1)


def index_beyond():
    tokens, position = torch.zeros(2, 8), 8
    return tokens[:, position]


def item_assigned():
    cache, key = torch.zeros(2, 16, 8), torch.zeros(2, 4, 8)
    cache[:, 0:5] = key
    return cache


def large_and_of_two_dtypes():
    x, weight = torch.empty(3000, 400), torch.empty(400, 5000, dtype=torch.float64)
    return x.relu() @ weight


def temporary():
    def double(x):
        return 2 * x

    x, w = torch.zeros(3, 4), torch.zeros(3, 4)
    return double(x) @ w


def bound_anew():
    x, w = torch.zeros(3, 4), torch.zeros(3, 4)
    try:
        return x @ w
    finally:
        w = torch.zeros(5, 5)


def bound_anew_in_another_dtype():
    x, w = torch.zeros(3, 4), torch.zeros(3, 4)
    try:
        return x @ w
    finally:
        w = w.double()


def attribute_bound_anew():
    holder = Config(1, torch.zeros(3, 4))
    try:
        return holder.bias @ holder.bias
    finally:
        holder.bias = torch.zeros(3, 4, dtype=torch.float64)


def within_no_grad():
    x, w = torch.zeros(3, 4), torch.zeros(3, 4)
    with torch.no_grad():
        x = x @ w
    return x  # noqa: RET504  the name is bound behind what fails


def two_devices():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        x, w = torch.zeros(3, 4), torch.zeros(4, 5, device="cuda")
        return torch.mm(x, w)


def asked_whether_it_is_true():
    mask = np.zeros(3)
    if mask:
        return 1
    return 0


def asked_whether_a_comparison_is_true():
    loss, best = torch.zeros(3), torch.zeros(3)
    return 1 if loss < best else 0


def einsum():
    q, k = torch.zeros(2, 3, 4), torch.zeros(2, 3, 5)
    return torch.einsum("bqd,bkd->bqk", q, k)


def reduced():
    x, axes = torch.zeros(2, 3), [2]
    return x.sum(axes)


def numpy_in_large():
    images, mean = np.zeros((64, 100, 100, 3)), np.zeros(4)
    return images.transpose(0, 3, 1, 2)[:, ::-1] - mean


PROGRAMS = {
    scores: ({"query": (2, 4, 10, 16), "key": (2, 4, 12, 16)}, True),
    attention: (
        {
            "(weights @ v).transpose(1, 2).reshape(batch, seq_len, embed…": (2, 5, 16),
            "self.out.weight": (16, 8),
            "self.out.bias": (16,),
        },
        True,
    ),
    mask: ({"scores": (2, 4, 6, 6), "mask[:, None]": (2, 1, 6)}, True),
    layer_norm_in_sequential: (
        {"input in self.net[2]": (4, 32), "self.net[2].weight": (8,), "self.net[2].bias": (8,)},
        True,
    ),
    layers_in_a_loop: ({"x": (2, 4), "layer.weight": (4, 5), "layer.bias": (4,)}, True),
    cross_entropy: ({"logits.view(-1, 7)": (10, 7), "labels.view(-1)": (8,)}, True),
    targets_of_another_shape: ({"logits": (8, 1), "y": (8,)}, True),
    transposed_view: ({"x.t()": (3, 4)}, True),
    comprehension: ({"batch": (2, 4), "weight": (3, 3)}, True),
    lambda_: ({"row": (4,), "scale": (3,)}, True),
    within_a_property: ({"np.zeros((2, 3))": (2, 3), "self.std": (4,)}, True),
    operand_is_a_property: ({"data": (2, 4), "scaler.mean": "mean is a property, which is not run"}, False),
    fields: (
        {"batch.ids": (2, 3), 'table["rows"][0]': (2, 3), "batch.mask.expand(2, 4)": (2, 4), "config.bias": (5,)},
        True,
    ),
    collated: ({"rows[0]": (3,), "rows[1]": (4,)}, True),
    in_place: ({"hidden": (3, 4)}, False),
    not_a_scalar: ({"loss": (3,)}, False),
    concatenated: ({"parts[0]": (2, 3, 8), "parts[1]": (3, 1, 8)}, True),
    index_beyond: ({"tokens": (2, 8)}, True),
    item_assigned: ({"cache": (2, 16, 8), "key": (2, 4, 8)}, True),
    large_and_of_two_dtypes: ({"x.relu()": (3000, 400), "weight": (400, 5000)}, True),
    temporary: ({"double(x)": "it would have to be called again", "w": (3, 4)}, False),
    bound_anew: ({"x": (3, 4), "w": (5, 5)}, False),
    bound_anew_in_another_dtype: ({"x": (3, 4), "w": (3, 4)}, False),
    attribute_bound_anew: ({"holder.bias": (3, 4)}, False),
    within_no_grad: ({"x": (3, 4), "w": (3, 4)}, True),
    two_devices: ({"x": (3, 4), "w": (4, 5)}, True),
    asked_whether_it_is_true: ({"mask": (3,)}, True),
    asked_whether_a_comparison_is_true: ({"loss": (3,), "best": (3,)}, True),
    einsum: ({"q": (2, 3, 4), "k": (2, 3, 5)}, True),
    reduced: ({"x": (2, 3)}, True),
    numpy_in_large: ({"images.transpose(0, 3, 1, 2)[:, ::-1]": (64, 3, 100, 100), "mean": (4,)}, True),
}


SLOW = {two_devices}  # which loads all that compiles


@pytest.mark.parametrize(
    "program", [pytest.param(each, marks=[pytest.mark.full] * (each in SLOW), id=each.__name__) for each in PROGRAMS]
)
def test_operands(program):
    operands, proved = PROGRAMS[program]
    reading = read(program)
    assert shapes(reading) == operands
    assert reading.proved is proved
    assert proved or reading.remarks


def test_facts_of_an_operand():
    reading = read(transposed_view)
    (operand,) = reading.operands
    assert operand == errors.Operand("x.t()", "Tensor", (3, 4), "float32", "cpu", (1, 3))
    assert (reading.code, reading.by) == ("x.t().view(12)", None)
    assert reading.file == __file__
    assert linecache.getline(__file__, reading.line).strip() == ".view(12)"


def test_a_number_and_a_text_are_operands_too():
    assert read(index_beyond).operands[1] == errors.Operand("position", "int", value=8)
    assert read(einsum).operands[0].value == "bqd,bkd->bqk"


@pytest.mark.parametrize(
    ("program", "rule"),
    [(scores, "matmul"), (numpy_in_large, "broadcasting"), (transposed_view, "layout"), (layers_in_a_loop, "matmul")],
)
def test_a_rule_of_ours_explains_in_the_names_of_the_code(program, rule):
    reading = read(program)
    assert type(reading.rule).__module__.startswith(f"tensorref.{rule}")
    assert reading.operands[0].name in str(reading.rule)


def test_the_mend_of_a_rule_is_told_in_the_names_of_the_code():
    explanation = errors.explain(failing(scores))
    assert explanation.mends[0].words == "Write query @ key.mT, which would give (2, 4, 10, 12)."


def test_the_code_of_the_library_is_told():
    assert read(layers_in_a_loop).by == "F.linear(input, self.weight, self.bias)"


def test_backward_says_that_the_line_is_not_the_cause():
    first, last = read(in_place).remarks
    assert first == "The line is not the cause: backward found here what was written in place before."
    assert last == "These have the shape (3, 4) and the version 1 of the message, so one of them may be it."


def test_backward_of_what_has_no_name_any_more():
    def program():
        weight = torch.ones(3, requires_grad=True)
        hidden = weight.exp()
        hidden += 1
        hidden = hidden.sum()
        hidden.backward()

    assert read(program).remarks[1] == "No tensor of shape (3,) and version 1 has a name here any more."


@pytest.mark.parametrize("program", [bound_anew, bound_anew_in_another_dtype])
def test_a_name_that_was_bound_anew_is_said(program):
    assert read(program).remarks == ("w may have been bound anew since.",)


def test_a_handler_in_a_loop_leads_to_other_values():
    found = []

    def program():
        kept = []
        for size in (4, 5):
            x, w = torch.zeros(3, size), torch.zeros(3, size)
            try:
                x @ w
            except RuntimeError as error:
                kept.append(error)
        found.append(_frames.read(kept[0]))

    program()
    assert found[0].proved is False
    assert found[0].remarks == ("x, w may have been bound anew since.",)


def test_in_a_loop_an_error_that_is_being_handled_is_proved():
    for size in (4, 5):
        x, w = torch.zeros(3, size), torch.zeros(3, size)
        try:
            x @ w
        except RuntimeError as error:
            assert _frames.read(error).proved  # noqa: PT017  while it is handled


def test_changed_in_place_since():
    x, w = torch.zeros(3, 4), torch.zeros(3, 4)
    try:
        x @ w
    except RuntimeError as error:
        w.resize_(5, 5)
        reading = _frames.read(error)
    assert reading.proved is False
    assert reading.remarks == ("As they are now, these operands lead to other words: they may have changed since.",)


def test_values_are_said_to_be_what_it_may_hang_on():
    def program():
        ids, table = torch.tensor([11]), nn.Embedding(10, 4)
        return table(ids)

    reading = read(program)
    assert reading.proved is False
    assert reading.remarks == (
        "That these operands lead to these words is not proved: it may hang on values, which are not read.",
    )


# Where programs run.


def test_in_a_thread():
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(scores).exception()
    assert shapes(_frames.read(error)) == PROGRAMS[scores][0]


def test_what_another_thread_passes_on_has_the_operands_of_its_own_frames():
    def program():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(scores).result()

    assert shapes(read(program)) == PROGRAMS[scores][0]


def test_what_another_process_passes_on_has_none():
    def program():
        x = torch.zeros(3, 4)
        error = RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)")
        from concurrent.futures import Future

        future = Future()
        future.set_exception(error)
        future.result()
        return x

    reading = read(program)
    assert reading.operands == ()
    assert reading.remarks == (
        "The operands are not known: the error was raised elsewhere, such as in another process, and this line passes it on.",
    )


def test_in_a_doctest():
    test = doctest.DocTestParser().get_doctest(
        """
        >>> import torch
        >>> from tensorref import errors
        >>> x, w = torch.zeros(3, 4), torch.zeros(3, 4)
        >>> try:
        ...     x @ w
        ... except RuntimeError as error:
        ...     found = errors.explain(error)
        >>> [operand.name for operand in found.operands], found.proved, found.code
        (['x', 'w'], True, 'x @ w')
        """,
        {},
        "page",
        None,
        0,
    )
    assert doctest.DocTestRunner(verbose=False).run(test) == (0, 5)


def test_in_a_notebook(shell):
    shell.run_cell("import torch\nx, w = torch.zeros(3, 4), torch.zeros(3, 4)")
    result = shell.run_cell("(x\n    .double()\n    @ w)")
    reading = _frames.read(result.error_in_exec)
    assert shapes(reading) == {"x.double()": (3, 4), "w": (3, 4)}
    assert reading.proved


@pytest.fixture
def shell():
    """Return a shell as a notebook has it, which keeps no history."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    return InteractiveShell(config=config)


def test_without_a_source():
    names = {"torch": torch, "x": torch.zeros(3, 4)}
    with pytest.raises(RuntimeError) as raised:
        exec("x @ x", names)  # noqa: S102  as python -c does
    reading = _frames.read(raised.value)
    assert reading.operands == ()
    assert reading.remarks == ("The operands are not known: there is no source of <string>.",)


def test_without_a_source_a_layer_is_known_all_the_same():
    with pytest.raises(RuntimeError) as raised:
        exec("layer(torch.zeros(3, 4))", {"torch": torch, "layer": nn.Linear(10, 5)})  # noqa: S102
    reading = _frames.read(raised.value)
    assert shapes(reading) == {
        "input in layer": (3, 4),
        "layer.weight": (5, 10),
        "layer.bias": (5,),
    }
    assert reading.proved


def test_a_source_that_is_another_now(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("def f(x, w):\n    return x @ w\n")
    names = {}
    exec(compile(path.read_text(), path, "exec"), names)  # noqa: S102
    path.write_text("def f(y, v):\n    return y @ v\n")
    reading = read(names["f"], torch.zeros(3, 4), torch.zeros(3, 4))
    assert reading.operands == ()
    assert reading.remarks == (f"The operands are not known: the source of {path} is not that of the code any more.",)


# What must not happen.


class Hostile:
    """What counts every question it is asked."""

    asked = 0

    def _count(self, *_args, **_kwargs):
        type(self).asked += 1
        raise AssertionError

    __repr__ = __str__ = __bool__ = __len__ = __getitem__ = __iter__ = __hash__ = __eq__ = __index__ = _count
    __matmul__ = __array__ = __call__ = __format__ = _count

    def __getattr__(self, name):
        self._count()

    @property
    def weight(self):
        self._count()

    @property
    def __class__(self):
        self._count()

    @cached_property
    def bias(self):
        self._count()


class AllHostile(Hostile):
    def __getattribute__(self, name):
        type(self).asked += 1
        raise AssertionError


class HostileClass(type):
    asked = 0

    def __eq__(cls, other):
        HostileClass.asked += 1
        raise AssertionError

    __hash__ = None

    def __getattribute__(cls, name):
        HostileClass.asked += 1
        return type.__getattribute__(cls, name)


class OfAHostileClass(metaclass=HostileClass):
    pass


class HostileTensor(torch.Tensor):
    asked = 0

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        HostileTensor.asked += 1
        return super().__torch_function__(function, types, args, kwargs or {})


class HostileArray(np.ndarray):
    asked = 0

    @property
    def shape(self):
        HostileArray.asked += 1
        raise AssertionError

    def __array_finalize__(self, other):
        pass


class Counting(torch.overrides.TorchFunctionMode):
    asked = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        Counting.asked += 1
        return function(*args, **(kwargs or {}))


class HostileModule(nn.Module):
    asked = 0

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, 4))

    def __getattr__(self, name):
        HostileModule.asked += 1
        return super().__getattr__(name)


def test_no_code_of_the_user_runs_in_objects():
    hostile, worse, odd, x = Hostile(), AllHostile(), OfAHostileClass(), torch.zeros(3, 4)
    table = {"a": hostile}
    programs = [
        lambda: torch.cat([x, hostile.weight]),
        lambda: torch.cat([x, hostile.bias]),
        lambda: torch.cat([x, hostile.other]),
        lambda: torch.cat([x, worse.weight]),
        lambda: torch.cat([x, hostile[0]]),
        lambda: torch.cat([x, hostile()]),
        lambda: torch.cat([x, table["a"].weight]),
        lambda: torch.cat([x, x[hostile]]),
        lambda: torch.cat([x, x + hostile]),
        lambda: torch.cat([x, hostile or x]),
        lambda: torch.cat([x, x if hostile else hostile]),
        lambda: torch.cat([x, f"{hostile}"]),
        lambda: torch.add(x, hostile),
        lambda: x + odd,
        lambda: torch.cat([x, odd.weight]),
        lambda: x[odd],
    ]
    found = [failing(program) for program in programs]
    Hostile.asked = AllHostile.asked = HostileClass.asked = 0
    readings = [_frames.read(error) for error in found]
    assert Hostile.asked == AllHostile.asked == HostileClass.asked == 0
    assert all(reading is not None and not reading.proved for reading in readings)


def test_no_code_of_the_user_runs_in_tensors_and_arrays():
    odd, strange, module = (
        torch.zeros(3, 4).as_subclass(HostileTensor),
        np.zeros((3, 4)).view(HostileArray),
        HostileModule(),
    )
    programs = [lambda: odd @ odd, lambda: np.zeros(3) + strange, lambda: module.weight @ module.weight]
    found = [failing(program) for program in programs]
    HostileTensor.asked = HostileArray.asked = HostileModule.asked = 0
    refused, array, parameter = [_frames.read(error) for error in found]
    assert HostileTensor.asked == HostileArray.asked == HostileModule.asked == 0
    assert shapes(refused) == {"odd": "HostileTensor has a __torch_function__ of its own, which is not run"}
    assert shapes(array)["strange"] == (3, 4)
    assert shapes(parameter) == {"module.weight": (3, 4)}


def test_no_mode_of_the_user_runs():
    x = torch.zeros(3, 4)
    with Counting():
        error = failing(lambda: x.t().view(12))
        Counting.asked = 0
        reading = _frames.read(error)
        assert Counting.asked == 0
    assert shapes(reading) == {"x.t()": (4, 3)}


def test_values_do_not_leak():
    secret = torch.full((3, 4), 1234.5)

    def program():
        rows = {"key": [secret], "word": "a secret that is longer than sixty letters, which is much for a name"}
        count = 1234
        return torch.cat([rows["key"][0], rows["key"][0][:, 0]], count, rows["word"])

    reading = read(program)
    assert "1234.5" not in repr(reading)
    assert "a secret" not in repr(reading)
    assert [operand.value for operand in reading.operands if operand.value is not None] == [1234]


def test_no_tensor_is_kept():
    def program():
        x, w = torch.zeros(3, 4), torch.zeros(3, 4)
        found = weakref.ref(x), weakref.ref(w)
        try:
            x @ w
        except RuntimeError as error:
            explanation = errors.explain(error)
            assert explanation.proved
        del x, w
        return explanation, [reference() for reference in found]

    gc.disable()
    try:
        assert program()[1] == [None, None]
    finally:
        gc.enable()


def test_names_that_the_user_took_are_left_alone():
    def program():
        x, w = torch.zeros(3, 4), torch.zeros(3, 4)
        taken = locals()
        try:
            x @ w
        except RuntimeError as error:
            assert _frames.read(error).proved  # noqa: PT017  while it is handled
        return taken

    assert {"x", "w"} <= program().keys()


def test_a_debugger_finds_the_names_where_they_were():
    seen = []

    def program():
        x, w = torch.zeros(3, 4), torch.zeros(3, 4)
        try:
            x @ w
        except RuntimeError as error:
            here = _frames.read(error)
        return x, w, here

    def trace(frame, event, argument):
        if frame.f_code is program.__code__ and event == "exception":
            seen.append(_frames.read(argument[1].with_traceback(argument[2])))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        x, w, here = program()
    finally:
        sys.settrace(before)
    assert (x.shape, w.shape) == ((3, 4), (3, 4))
    assert seen[0].proved
    assert here.proved


def test_random_state_is_untouched(unchecked):  # noqa: ARG001  the check of annotations is random
    def program():
        x = torch.zeros(3, 4)
        return F.multi_head_attention_forward(
            x, x, x[:, :2], 4, 2, torch.zeros(12, 4), None, None, None, 0, 0.5, torch.zeros(4, 4), None
        )

    found = [failing(program), failing(scores), failing(in_place)]
    states = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    for error in found:
        _frames.read(error)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), str(np.random.get_state()))  # noqa: NPY002


class NoWordsError(Exception):
    def __str__(self):
        raise AssertionError

    __repr__ = __str__

    @property
    def __traceback__(self):
        raise AssertionError

    @property
    def __cause__(self):
        raise AssertionError

    @property
    def args(self):
        raise AssertionError

    def __eq__(self, other):
        raise AssertionError

    __hash__ = None


def raised(error):
    """Return an error with the frame of this function."""
    try:
        raise error
    except BaseException as found:  # noqa: BLE001
        return found


def ring():
    first, second = RuntimeError("one"), RuntimeError("two")
    first.__context__, second.__context__ = second, first
    first.__cause__, second.__cause__ = second, first
    return first


@pytest.mark.parametrize(
    "error",
    [
        NoWordsError(),
        raised(NoWordsError("mat1")),
        RuntimeError(),
        RuntimeError("x" * 10_000_000),
        RuntimeError(Hostile()),
        RuntimeError(*range(100_000)),
        ring(),
        raised(ring()),
        ExceptionGroup("several", [NoWordsError(), ExceptionGroup("more", [ring()])]),
        raised(KeyboardInterrupt()),
        SystemExit(Hostile()),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
        OSError(2, "none", "here"),
    ],
    ids=range(13),
)
def test_it_never_raises(error):
    assert errors.explain(error) is None
    _frames.read(error)


def test_a_deep_recursion():
    def program():
        return program()

    reading = read(program)
    assert reading.code == "program()"


def test_what_ran_since_is_looked_through_once(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "x, w = torch.zeros(3, 4), torch.zeros(3, 4)\ntry:\n    x @ w\nexcept RuntimeError as error:\n    kept = error\n"
        + "".join(f"n{at} = {at} if x is w else 1\n" for at in range(2000))
        + "start = time.process_time()\nreading = read(kept)\ntook = time.process_time() - start\n"
    )
    names = {"torch": torch, "time": time, "read": _frames.read}
    exec(compile(path.read_text(), path, "exec"), names)  # noqa: S102
    assert shapes(names["reading"]) == {"x": (3, 4), "w": (3, 4)}
    assert names["reading"].proved
    assert names["took"] < 5  # it was 35 where each step back looked at all instructions again


def test_a_chain_is_followed_to_its_root():
    def program():
        try:
            scores()
        except RuntimeError as error:
            raise ValueError("the size of the batch is wrong") from error

    explanation = errors.explain(failing(program))
    assert explanation.id == "bmm-batch2"
    assert explanation.code == "query @ key"
    assert explanation.proved


def test_a_group_is_looked_into():
    def program():
        raise ExceptionGroup("several", [ValueError("no"), failing(numpy_in_large)])

    assert errors.explain(failing(program)).operands[1].name == "mean"


def test_what_was_met_while_another_was_handled_comes_first():
    def program():
        try:
            scores()
        except RuntimeError:
            transposed_view()

    assert errors.explain(failing(program)).id == "view-not-compatible"


def test_what_was_met_is_found_where_the_error_itself_is_not_known():
    def program():
        try:
            scores()
        except RuntimeError:
            raise ValueError("no")  # noqa: B904  a mistake that is made

    assert errors.explain(failing(program)).id == "bmm-batch2"


def test_the_last_error():
    assert errors.explain() is None or "last_value" in vars(sys)
    try:
        scores()
    except RuntimeError:
        assert errors.explain().id == "bmm-batch2"


TIMED = """
import sys, time
sys.path.insert(0, {tests!r})
import test_error_frames as tests
for program in tests.PROGRAMS:
    error, took = tests.failing(program), []
    for _ in range(5):
        start = time.process_time()
        tests.errors.explain(error)
        took.append(time.process_time() - start)
    if min(took) > 0.05:
        print(program.__name__, took)
"""


@pytest.mark.full
def test_it_takes_no_longer_than_50_ms():  # apart, where no annotations are checked, which takes most of the time
    program = TIMED.format(tests=str(Path(__file__).parent))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == ""


def test_the_error_stays_as_it_is():
    error = failing(scores)
    before = (type(error), str(error), error.__traceback__, error.__context__, vars(error).copy())
    errors.explain(error)
    assert (type(error), str(error), error.__traceback__, error.__context__, vars(error).copy()) == before


def test_warnings_are_not_shown():
    x, y = torch.zeros(2, 3, 4), torch.zeros(5)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        error = failing(lambda: x.mT + y)
        _frames.read(error)
    assert shown == []


def test_threads_end():
    before = threading.active_count()
    read(scores)
    assert threading.active_count() == before


def test_nothing_of_the_user_is_written():
    rows, row = np.arange(12.0).reshape(3, 4), np.arange(3.0)
    x, y = torch.arange(12.0).reshape(3, 4), torch.arange(3.0)

    def assigned(whole, part):
        whole[0] = part

    def added(whole, part):
        whole += part

    for program in (assigned, added):
        for whole, part in ((rows, row), (x, y)):
            assert read(program, whole, part).proved
    assert rows.tolist() == x.tolist() == np.arange(12.0).reshape(3, 4).tolist()
    assert rows.flags.writeable
    assert x._version == 0  # noqa: SLF001


@pytest.mark.parametrize(
    ("operand", "shape", "strides"),
    [
        (lambda a, b: a[0, 1] + b, (), ()),
        (lambda a, b: a[::2, None] + b, (2, 1, 4), (8, 0, 1)),
        (lambda a, b: a.T.reshape(2, -1) + b, (2, 6), (6, 1)),
        (lambda a, b: a.T.flatten() + b, (12,), (1,)),
        (lambda a, b: (a.T * 2) + b, (4, 3), None),
        (lambda a, b: a.astype(np.float16).mean(0) + b, (4,), (1,)),
        (lambda a, b: np.concatenate([a, a]) + b, (6, 4), (4, 1)),
    ],
    ids=range(7),
)
def test_arrays_that_are_computed(operand, shape, strides):
    reading = read(operand, np.arange(12.0).reshape(3, 4), np.ones((5, 7)) if shape else "word")
    first = reading.operands[0]
    assert (first.shape, first.strides) == (shape, strides)


@pytest.mark.parametrize(
    ("operand", "shape", "strides"),
    [
        (lambda a, w: a.mT.reshape(8, 3) @ w, (8, 3), (3, 1)),
        (lambda a, w: a.flatten(1) @ w, (2, 12), (12, 1)),
        (lambda a, w: a.mT.contiguous() @ w, (2, 4, 3), (12, 3, 1)),
        (lambda a, w: a[:, [0, 2]] @ w, (2, 2, 4), (8, 4, 1)),
        (lambda a, w: a.mT.relu() @ w, (2, 4, 3), (12, 1, 4)),
        (lambda a, w: torch.cat([a, a], dim=-1) @ w, (2, 3, 8), (24, 8, 1)),
        (lambda a, w: F.pad(a, (0, 1)) @ w, (2, 3, 5), (15, 5, 1)),
        (lambda a, w: a.unbind(1)[2] @ w, (2, 4), (12, 1)),
        (lambda a, w: a.view(a.size(0), -1) @ w, (2, 12), (12, 1)),
    ],
    ids=range(9),
)
def test_tensors_that_are_computed(operand, shape, strides):
    reading = read(operand, torch.zeros(2, 3, 4), torch.zeros(9, 9))
    first = reading.operands[0]
    assert (first.shape, first.strides) == (shape, strides)
    assert reading.proved


def test_what_a_mask_selects_is_counted_where_it_is_there():
    def program(mask):
        x, w = torch.zeros(4, 3), torch.zeros(4, 2)
        return x[mask] @ w

    assert shapes(read(program, torch.tensor([True, False, True, True]))) == {"x[mask]": (3, 3), "w": (4, 2)}

    def other(mask):
        x, w = torch.zeros(4, 3), torch.zeros(4, 2)
        return x[~mask] @ w

    assert shapes(read(other, torch.tensor([True, False, True, True])))["x[~mask]"] == (
        "how much it selects depends on values"
    )
