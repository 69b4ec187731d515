"""Every public function, each of its arguments replaced by what nobody should pass: an error that teaches, at once."""

from __future__ import annotations

import importlib
import inspect
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tensorref
from tensorref import benchmark, exercises, quantization

FUNCTIONS = {
    f"{concept}.{name}": getattr(module, name)
    for concept in tensorref.CONCEPTS
    for module in [importlib.import_module(f"tensorref.{concept}")]
    for name in module.__all__
    if inspect.isfunction(getattr(module, name))
} | {"watch": tensorref.watch}
FUNCTION_ARGUMENTS = ("f", "operation", "function", "functions", "progress")
PASSED_ON = [
    ("autograd.graph", "tensors"),
    ("autograd.saved", "tensors"),
    ("benchmark.measure", "arguments"),
    ("training.saved_bytes", "tensors"),
]  # to a function, which says what it takes
MOST_LETTERS = 1000
MOST_SECONDS = 2.0
MOST_BYTES = 64 * 2**20


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Unindexable:
    def __index__(self) -> int:
        raise RuntimeError("no index")


class Unreadable:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def in_itself() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def deep() -> list[Any]:
    items: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 2):
        items = [items]
    return items


def hostile() -> dict[str, Any]:
    """Return the values by what they are, made anew, since a function may keep or change one."""
    matrix = torch.eye(2, device="cpu")
    return {
        "an int of 5000 digits": 10**5000,
        "a negative one": -(10**5000),
        "-1": -1,
        "True": True,
        "None": None,
        "nan": float("nan"),
        "infinity": float("inf"),
        "a complex number": 1j,
        "text": "x" * 10**6,
        "no text": "",
        "bytes": b"4",
        "a range of 10**18": range(10**18),
        "10**6 parts": (1,) * 10**6,
        "a list in itself": in_itself(),
        "a deep list": deep(),
        "a set": {1, 2},
        "a dict": {"a": 1},
        "a generator": (size for size in (1, 2)),
        "a function that raises": Unprintable.__repr__,
        "a class": Unprintable,
        "an object without a repr": Unprintable(),
        "an object without an index": Unindexable(),
        "an object without attributes": Unreadable(),
        "a list of them": [Unprintable(), Unindexable()],
        "an array of objects": np.array([None, {}], object),
        "an array of text": np.array(["x", "y"]),
        "a record": np.zeros(2, [("x", "i4")]),
        "a NumPy scalar": np.float32(-2),
        "an array without axes": np.array(-2.5),
        "an array without elements": np.empty((0, 3)),
        "a tensor without axes": torch.tensor(-2.5, device="cpu"),
        "a complex tensor": matrix.cfloat(),
        "a boolean tensor": matrix.bool(),
        "a float8 tensor": matrix.to(torch.float8_e4m3fn),
        "a sparse tensor": matrix.to_sparse(),
        "a sparse row tensor": matrix.to_sparse_csr(),
        "a quantized tensor": torch.quantize_per_tensor(matrix, 0.5, 0, torch.quint8),
        "a nested tensor": torch.nested.nested_tensor([matrix, matrix[:1]]),
        "a jagged tensor": torch.nested.nested_tensor([matrix, matrix[:1]], layout=torch.jagged),
        "a tensor on meta": matrix.to("meta"),
    }


X = torch.arange(6.0, device="cpu").reshape(2, 3)
SQUARE = torch.eye(2, device="cpu")
IDS = torch.tensor([[0, 1]], device="cpu")
MASK = torch.tensor([[True, False], [True, True]], device="cpu")
COPY = 2**16
QUANTIZED = quantization.quantize(X)
MODEL = {"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 9, "n_positions": 4}


RESULTS = benchmark.Results(
    1,
    "2026-11-28T12:00:00+00:00",
    benchmark.Machine("a processor", 2, 2, None, None, None),
    {},
    benchmark.Settings((), "cpu", 64, 1e-4, 1.0, COPY),
    (),
    (),
    (),
)


# A call that works for each, by the names of its arguments; ``*`` before a name gives its values one by one.
CALLS: Mapping[str, Mapping[str, Any]] = {
    "anatomy.describe": {"array": X, "axes": ("seq_len", "embed_dim")},
    "anatomy.dtype_name": {"dtype": "float32", "name": "dtype"},
    "anatomy.itemsize": {"dtype": "float32"},
    "anatomy.kind": {"ndim": 2},
    "anatomy.meaning": {"shape": (2, 3), "embed_dim": 3},
    "anatomy.nbytes": {"shape": (2, 3), "dtype": "float32"},
    "attention.output": {
        "query": SQUARE,
        "key": SQUARE,
        "value": SQUARE,
        "mask": MASK,
        "scale": 1.0,
        "enable_gqa": False,
    },
    "attention.repeat_kv": {"x": SQUARE[None], "num_heads": 2},
    "attention.scores": {"query": SQUARE, "key": SQUARE, "scale": 1.0, "enable_gqa": False},
    "attention.weights": {"scores": SQUARE, "mask": MASK},
    "attention.explain": {"shape": (2, 3, 4), "num_heads": 2, "num_kv_heads": 1, "key_len": 3},
    "autograd.check": {"f": torch.sum, "x": X, "tolerance": 1e-6},
    "autograd.derivative": {"f": torch.sin, "x": 2.0},
    "autograd.explain_in_place": {"f": torch.Tensor.exp, "x": X},
    "autograd.finite_difference": {"f": torch.sum, "x": X, "step": 1e-5},
    "autograd.gradient": {"f": torch.sum, "x": X},
    "autograd.graph": {"f": torch.exp, "*tensors": (X,)},
    "autograd.saved": {"operation": torch.exp, "*tensors": (X,)},
    "benchmark.ceiling": {"dtype": torch.float32, "device": "cpu", "seconds": 1e-4, "largest": 64, "copy_bytes": COPY},
    "benchmark.compare": {
        "functions": {"exp": X.exp},
        "seconds": 1e-4,
        "pause": 0.0,
        "device": "cpu",
        "work": None,
        "ceiling": None,
    },
    "benchmark.measure": {"function": torch.exp, "*arguments": (X,), "seconds": 1e-4, "device": "cpu"},
    "benchmark.read": {"path": Path("nowhere.json")},
    "benchmark.suite": {
        "only": ["view"],
        "device": "cpu",
        "largest": 64,
        "seconds": 1e-4,
        "limit": 1.0,
        "copy_bytes": COPY,
        "progress": None,
    },
    "benchmark.write": {"results": RESULTS, "path": Path("nowhere/result.json")},
    "broadcasting.add_bias": {"x": X, "bias": X[0]},
    "broadcasting.compatible": {"*shapes": ((2, 3), (3,))},
    "broadcasting.expanded_strides": {"shape": (3,), "to": (2, 3)},
    "broadcasting.explain": {"*shapes": ((2, 3), (3,)), "names": ("x", "y"), "itemsize": 4, "operator": "+"},
    "broadcasting.gradient_axes": {"shape": (3,), "to": (2, 3)},
    "broadcasting.messages": {"*shapes": ((2, 3), (3,))},
    "broadcasting.result_shape": {"*shapes": ((2, 3), (3,)), "names": ("x", "y")},
    "broadcasting.sum_to_size": {"gradient": SQUARE, "shape": (2,)},
    "caches.append": {"cache": SQUARE, "new": SQUARE},
    "caches.explain": {
        "prompt_len": 4,
        "new_tokens": 3,
        "max_len": 8,
        "num_layers": 1,
        "num_kv_heads": 1,
        "head_dim": 4,
        "batch": 1,
        "dtype": "float32",
    },
    "caches.mask": {"query_len": 1, "start": 2, "max_len": 4, "device": "cpu"},
    "caches.nbytes": {
        "num_layers": 1,
        "num_kv_heads": 1,
        "head_dim": 4,
        "seq_len": 2,
        "batch": 1,
        "dtype": "float32",
    },
    "caches.write": {"cache": SQUARE, "new": SQUARE, "start": 0},
    "creation.arange": {"stop": 4, "device": "cpu"},
    "creation.from_list": {"values": [1.0, 2.0], "dtype": torch.float32, "device": "cpu"},
    "creation.linspace": {"start": 0.0, "stop": 1.0, "num": 3, "device": "cpu"},
    "creation.normal": {"shape": (2,), "seed": 0, "std": 1.0, "dtype": torch.float32, "device": "cpu"},
    "creation.ones": {"shape": (2,), "dtype": torch.float32, "device": "cpu"},
    "creation.zeros": {"shape": (2,), "dtype": torch.float32, "device": "cpu"},
    "devices.available": {},
    "devices.best": {},
    "devices.explain_move": {
        "tensor": X,
        "device": "cpu",
        "dtype": torch.float16,
        "non_blocking": False,
        "copy": False,
    },
    "devices.status": {},
    "devices.synchronize": {"device": "cpu"},
    "budget.explain": {
        "model": MODEL,
        "batch": 2,
        "seq_len": 4,
        "dtype": "bfloat16",
        "master_weights": True,
        "checkpointing": False,
        "fused_attention": True,
    },
    "budget.from_config": {"config": MODEL},
    "budget.largest_batch": {
        "model": MODEL,
        "memory": 2**20,
        "seq_len": 4,
        "training": True,
        "dtype": "bfloat16",
        "master_weights": True,
        "checkpointing": False,
        "fused_attention": True,
    },
    "budget.largest_model": {"memory": 2**20, "training": True, "dtype": "bfloat16", "master_weights": True},
    "budget.parameters": {"model": MODEL},
    "budget.utilization": {"flops": 1e12, "seconds": 1.0, "peak": 2e12},
    "dtypes.bits": {"value": 0.5, "dtype": "float16"},
    "dtypes.explain": {"a": "int8", "b": "float16"},
    "dtypes.limits": {"dtype": "float16"},
    "dtypes.promote": {"a": "int8", "b": "float16", "library": "torch"},
    "dtypes.when_to_use": {"*dtypes": ("float32",)},
    "einsum.explain": {"equation": "ij,jk->ik", "*shapes": ((2, 3), (3, 4)), "names": ("x", "y"), "library": "numpy"},
    "einsum.flops": {"equation": "ij,jk->ik", "*shapes": ((2, 3), (3, 4))},
    "einsum.result_shape": {"equation": "ij->i", "*shapes": ((2, 3),), "names": ("x",), "library": "torch"},
    "elementwise.add": {"a": SQUARE, "b": SQUARE},
    "elementwise.exp": {"x": X},
    "elementwise.multiply": {"a": SQUARE, "b": SQUARE},
    "elementwise.power": {"a": SQUARE, "exponent": 2},
    "errors.entries": {"group": "shape"},
    "errors.explain": {"error": "too many indices for tensor of dimension 1"},
    "errors.explaining": {"exact": False},
    "errors.get": {"name": "np-axis"},
    "errors.install": {},
    "errors.uninstall": {},
    "exercises.get": {"name": "silu"},
    "exercises.names": {"concept": "llm", "difficulty": 1},
    "interop.explain": {"x": X},
    "interop.shares_memory": {"a": X, "b": X},
    "interop.to_numpy": {"tensor": X, "copy": None},
    "interop.to_torch": {"array": np.ones(3), "copy": None},
    "interop.translate": {"name": "np.exp"},
    "experts.capacity": {"tokens": 8, "num_experts": 4, "top_k": 2, "factor": 1.25},
    "experts.combine": {"outputs": X[:, None], "experts": IDS.mT, "slots": IDS.mT * 0, "weights": IDS.mT.float()},
    "experts.dispatch": {"x": X, "experts": IDS.mT, "num_experts": 2, "capacity": 1},
    "experts.explain": {
        "tokens": 8,
        "embed_dim": 4,
        "intermediate_dim": 16,
        "num_experts": 4,
        "top_k": 2,
        "factor": 1.25,
    },
    "experts.load_balancing_loss": {"probabilities": SQUARE, "experts": IDS.mT},
    "experts.route": {"logits": X, "top_k": 2, "normalize": True},
    "indexing.explain": {"shape": (4, 5), "index": 1, "library": "numpy"},
    "indexing.explain_gather": {"shape": (4, 5), "axis": 1, "index": (4, 2), "function": "torch.gather"},
    "indexing.explain_scatter": {
        "shape": (4, 5),
        "axis": 1,
        "index": (4, 2),
        "source": (4, 2),
        "function": "torch.scatter",
    },
    "indexing.is_view": {"shape": (4, 5), "index": 1, "library": "numpy"},
    "indexing.last": {"x": X[None], "lengths": torch.tensor([1], device="cpu")},
    "indexing.masked": {"x": SQUARE, "mask": MASK},
    "indexing.result_shape": {"shape": (4, 5), "index": 1, "library": "numpy"},
    "indexing.token": {"x": X[None], "position": 0},
    "kernels.naive_softmax": {"logits": X, "axis": -1},
    "kernels.overflow_limit": {"dtype": torch.float16},
    "kernels.softmax": {"logits": X, "axis": -1},
    "layout.can_view": {"shape": (2, 3), "strides": (3, 1), "target": (6,)},
    "layout.explain": {"shape": (2, 3), "strides": (3, 1), "target": (6,), "name": "x", "itemsize": 4},
    "layout.history": {"shape": (2, 3), "operations": ".mT", "name": "x", "itemsize": 4},
    "layout.is_contiguous": {"shape": (2, 3), "strides": (3, 1)},
    "layout.merge_heads": {"x": X[None, None]},
    "layout.split_heads": {"x": X[None], "num_heads": 3},
    "layout.strides": {"shape": (2, 3)},
    "layout.view_strides": {"shape": (2, 3), "strides": (3, 1), "target": (6,)},
    "llm.embedding": {"table": X, "token_ids": IDS},
    "llm.layer_norm": {"x": X, "weight": X[0], "bias": X[0], "eps": 1e-5},
    "llm.layer_norm_unbiased": {"x": X, "eps": 1e-5},
    "llm.linear": {"x": SQUARE, "weight": SQUARE, "bias": SQUARE[0]},
    "losses.cross_entropy": {
        "logits": X,
        "targets": IDS[0],
        "axis": -1,
        "ignore_index": -100,
        "label_smoothing": 0.1,
        "reduction": "mean",
    },
    "losses.log_probs": {"logits": X, "token_ids": IDS[0]},
    "losses.next_token_loss": {"logits": X, "token_ids": IDS[0], "ignore_index": -100},
    "losses.perplexity": {"loss": 2.0},
    "losses.shift": {"logits": X, "token_ids": IDS[0]},
    "masks.additive": {"mask": MASK, "dtype": torch.float32, "value": -1e9},
    "masks.causal": {"query_len": 2, "key_len": 3, "device": "cpu"},
    "masks.document_ids": {"cumulative_lengths": torch.tensor([0, 2, 3], device="cpu")},
    "masks.documents": {"document_ids": IDS, "query_len": 1},
    "masks.explain": {"mask": MASK},
    "masks.padding": {"token_ids": IDS, "pad_id": 0},
    "masks.positions": {"document_ids": IDS},
    "masks.prefix": {"query_len": 2, "key_len": 3, "prefix_len": 1, "device": "cpu"},
    "masks.sliding_window": {"query_len": 2, "key_len": 3, "window": 2, "device": "cpu"},
    "matmul.explain": {"a": (2, 3), "b": (3, 4), "names": ("x", "y"), "itemsize": 4},
    "matmul.flops": {"a": (2, 3), "b": (3, 4)},
    "matmul.messages": {"a": (2, 3), "b": (3, 4)},
    "matmul.product": {"a": X, "b": X.mT},
    "matmul.result_shape": {"a": (2, 3), "b": (3, 4), "names": ("x", "y")},
    "pitfalls.check_broadcast": {"*arrays": (X, X), "names": None, "same_shape": False},
    "pitfalls.check_in_place": {"tensor": X, "*results": (X,)},
    "pitfalls.check_same_device": {"*tensors": (X, X), "names": None},
    "pitfalls.check_same_dtype": {"*arrays": (X, X), "names": None},
    "pitfalls.check_shape": {"x": X, "spec": "a b", "sizes": {"a": 2}, "name": "x"},
    "pitfalls.check_view": {"tensor": X, "target": (6,)},
    "quantization.dequantize": {"quantized": QUANTIZED},
    "quantization.error_bound": {"quantized": QUANTIZED},
    "quantization.explain": {
        "shape": (2, 4),
        "dtype": "int4",
        "per": "group",
        "group_size": 2,
        "symmetric": True,
        "scale_dtype": "float16",
    },
    "quantization.linear": {"x": X[0], "weight": QUANTIZED},
    "quantization.pack_int4": {"numbers": MASK.to(torch.int8)},
    "quantization.quantize": {
        "x": SQUARE,
        "dtype": "int4",
        "per": "group",
        "group_size": 2,
        "symmetric": False,
    },
    "quantization.unpack_int4": {"packed": MASK.to(torch.uint8)},
    "reductions.explain": {"shape": (2, 3), "axis": (0, 1), "keepdims": True, "name": "x"},
    "reductions.result_shape": {"shape": (2, 3), "axis": (0, 1), "keepdims": True},
    "sampling.draw": {"logits": X, "uniform": X[:, 0] / 6},
    "sampling.finish": {"token_ids": IDS, "ended": MASK[:1], "eos_id": 2, "pad_id": 0},
    "sampling.greedy": {"logits": X},
    "sampling.min_p": {"logits": X, "p": 0.1},
    "sampling.repetition_penalty": {"logits": X[:1], "token_ids": IDS, "penalty": 1.1},
    "sampling.temperature": {"logits": X, "value": 0.5},
    "sampling.top_k": {"logits": X, "k": 2},
    "sampling.top_p": {"logits": X, "p": 0.9},
    "training.adamw": {
        "parameter": X,
        "gradient": X,
        "moments": None,
        "rate": 0.1,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0.01,
    },
    "training.clip_by_norm": {"gradients": [X, SQUARE], "max_norm": 1.0},
    "training.learning_rate": {"step": 1, "peak": 0.1, "warmup": 2, "total": 4, "floor": 0.0},
    "training.saved_bytes": {"function": torch.exp, "*tensors": (X,)},
    "watch": {"only": ["broadcasts"], "accelerator": False},
}


def calls(name: str) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Yield every argument of a function with every value that is put in its place, and the call."""
    function, given = inspect.unwrap(FUNCTIONS[name]), CALLS[name]

    def call(replaced: Mapping[str, Any]) -> Any:
        positional = [value for key, values in replaced.items() if key.startswith("*") for value in values]
        named = {key: value for key, value in replaced.items() if not key.startswith("*")}
        before = [named.pop(key) for key in [*named] if positional and key in first]
        return function(*before, *positional, **named)

    first = [
        each.name for each in inspect.signature(function).parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    for argument in given:
        for kind, value in hostile().items():
            wrong = (value, *given[argument][1:]) if argument.startswith("*") else value
            yield argument.strip("*"), kind, lambda argument=argument, wrong=wrong: call({**given, argument: wrong})


def test_every_function_is_tried():
    assert {*CALLS} == {*FUNCTIONS}
    for name, given in CALLS.items():
        wanted = inspect.signature(inspect.unwrap(FUNCTIONS[name])).parameters
        said = {argument.strip("*") for argument in given}
        assert said <= {*wanted} or name == "anatomy.meaning"
        assert said >= {each for each, parameter in wanted.items() if parameter.kind is not parameter.VAR_KEYWORD}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::DeprecationWarning"
)  # of kinds of tensors that are new or old
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_nobody_should_pass_is_refused_in_few_words_and_at_once(name):
    exercises.names()  # reads all exercises, which is not what a wrong argument costs
    wrong = []
    for argument, kind, call in calls(name):
        begun = time.process_time()
        tracemalloc.start()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                call()
        except (TypeError, ValueError, IndexError, OverflowError, RuntimeError, OSError) as error:
            said = str(error)
            teaches = any(each.strip("*") in said for each in CALLS[name]) and type(error) is not RuntimeError
            teaches |= isinstance(error, tensorref.TensorrefError) and error.explanation is not None
            # A function that was given, PyTorch of devices that differ, and the system of a file say so themselves.
            teaches |= argument in FUNCTION_ARGUMENTS and kind in {"a function that raises", "a class"}
            teaches |= "on device" in said
            if isinstance(error, OSError) or (name, argument) in PASSED_ON:
                continue
            if not teaches or len(said) > MOST_LETTERS:
                wrong.append(f"{argument}={kind}: {type(error).__name__}: {said[:200]!r} of {len(said)}")
        except BaseException as error:  # noqa: BLE001  what is raised is what is tested
            wrong.append(f"{argument}={kind}: {type(error).__name__}: {str(error)[:200]!r}")
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        seconds = time.process_time() - begun
        if seconds > MOST_SECONDS or peak > MOST_BYTES:
            wrong.append(f"{argument}={kind}: {seconds:.1f} s, {peak:,} bytes")
    assert wrong == []
