"""Every public function names what NumPy and PyTorch have for it, or is listed here as having nothing."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from from_package import counterparts

import tensorref

ROOT = Path(__file__).resolve().parents[2]

# Both: they are about this package, about words and files rather than arrays, or check what the libraries let pass.
NEITHER = {
    "tensorref.anatomy.meaning",
    "tensorref.attention.explain",
    "tensorref.benchmark.ceiling",
    "tensorref.benchmark.read",
    "tensorref.benchmark.suite",
    "tensorref.benchmark.write",
    "tensorref.broadcasting.messages",
    "tensorref.budget.from_config",
    "tensorref.caches.explain",
    "tensorref.pitfalls.check_same_device",
    "tensorref.dtypes.when_to_use",
    "tensorref.errors.entries",
    "tensorref.errors.explain",
    "tensorref.errors.explaining",
    "tensorref.errors.get",
    "tensorref.errors.install",
    "tensorref.errors.uninstall",
    "tensorref.exercises.get",
    "tensorref.exercises.names",
    "tensorref.experts.capacity",
    "tensorref.experts.explain",
    "tensorref.experts.load_balancing_loss",
    "tensorref.indexing.result_shape",
    "tensorref.interop.explain",
    "tensorref.interop.translate",
    "tensorref.masks.explain",
    "tensorref.matmul.messages",
    "tensorref.pitfalls.check_shape",
}
# NumPy has no gradients, no devices but the CPU, no benchmark, no attention, no softmax, no quantization.
NONE = {
    "numpy": {
        *NEITHER,
        "tensorref.attention.output",
        "tensorref.attention.scores",
        "tensorref.attention.weights",
        "tensorref.autograd.check",
        "tensorref.autograd.derivative",
        "tensorref.autograd.explain_in_place",
        "tensorref.autograd.gradient",
        "tensorref.autograd.graph",
        "tensorref.autograd.saved",
        "tensorref.benchmark.compare",
        "tensorref.benchmark.measure",
        "tensorref.broadcasting.gradient_axes",
        "tensorref.broadcasting.sum_to_size",
        "tensorref.budget.explain",
        "tensorref.budget.largest_batch",
        "tensorref.budget.largest_model",
        "tensorref.budget.parameters",
        "tensorref.budget.utilization",
        "tensorref.devices.available",
        "tensorref.devices.best",
        "tensorref.devices.explain_move",
        "tensorref.devices.status",
        "tensorref.devices.synchronize",
        "tensorref.interop.to_torch",
        "tensorref.kernels.naive_softmax",
        "tensorref.kernels.softmax",
        "tensorref.llm.layer_norm",
        "tensorref.losses.cross_entropy",
        "tensorref.losses.next_token_loss",
        "tensorref.losses.shift",
        "tensorref.masks.padding",
        "tensorref.training.adamw",
        "tensorref.training.clip_by_norm",
        "tensorref.training.learning_rate",
        "tensorref.training.saved_bytes",
        "tensorref.pitfalls.check_in_place",
        "tensorref.quantization.dequantize",
        "tensorref.quantization.error_bound",
        "tensorref.quantization.linear",
        "tensorref.quantization.quantize",
    },
    # PyTorch does not tell whether memory is shared, counts operations only while they run, and packs no bits.
    "torch": {
        *NEITHER,
        "tensorref.indexing.is_view",
        "tensorref.interop.shares_memory",
        "tensorref.einsum.flops",
        "tensorref.matmul.flops",
        "tensorref.quantization.pack_int4",
        "tensorref.quantization.unpack_int4",
    },
}


def functions():
    for concept in tensorref.CONCEPTS:
        module = importlib.import_module(f"tensorref.{concept}")
        yield from (
            f"tensorref.{concept}.{name}" for name in module.__all__ if inspect.isroutine(getattr(module, name))
        )


@pytest.mark.parametrize("library", counterparts.LIBRARIES)
def test_a_function_names_a_counterpart_or_has_none_on_purpose(library):
    named = {one.target for one in counterparts.harvest() if one.library == library}
    assert {*functions()} - named == NONE[library]


def test_each_counterpart_is_in_the_library_and_says_how_it_compares():
    for one in counterparts.harvest():
        found = importlib.import_module(one.library)
        for part in one.name.split(".")[1:]:
            if inspect.ismodule(found) and not hasattr(found, part):
                importlib.import_module(f"{found.__name__}.{part}")
            found = getattr(found, part)  # raises where there is no such thing
        assert one.note.endswith((".", "__", "``")), one


def test_each_counterpart_has_an_address():
    for library in counterparts.LIBRARIES:
        lines = (ROOT / "docs" / "_inventories" / f"{library}.txt").read_text("utf-8").splitlines()
        known = {line.partition(" ")[0] for line in lines}
        assert {one.name for one in counterparts.harvest() if one.library == library} <= known


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("numpy.newaxis", {"numpy.newaxis", "newaxis", "np.newaxis"}),
        ("torch.Tensor.view", {"torch.Tensor.view", "Tensor.view", "view"}),
        (
            "torch.nn.functional.layer_norm",
            {
                "torch.nn.functional.layer_norm",
                "nn.functional.layer_norm",
                "functional.layer_norm",
                "F.layer_norm",
                "layer_norm",
            },
        ),
    ],
)
def test_it_is_found_by_each_name_that_a_reader_may_type(name, terms):
    assert counterparts.Counterpart(name, name.partition(".")[0], "", "").terms == terms


def test_only_names_of_the_libraries_are_counterparts():
    docstring = """Do it.

    See Also
    --------
    other : ours.
    torch.add, numpy.add : theirs,
        on two lines.
    jaxtyping : of neither.
    """
    assert list(counterparts.named_by("tensorref.x.y", inspect.cleandoc(docstring))) == [
        counterparts.Counterpart("torch.add", "torch", "tensorref.x.y", "theirs, on two lines."),
        counterparts.Counterpart("numpy.add", "numpy", "tensorref.x.y", "theirs, on two lines."),
    ]
