"""Activations and the gated layer, held against torch.nn.functional; sizes and counts against open models and modules."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorref import activations, matmul

HALVES = [torch.float16, torch.bfloat16]
few = settings(max_examples=25)
sizes = st.integers(1, 5)
ALIKE = {
    "gelu": (activations.gelu, F.gelu),
    "gelu, tanh": (
        lambda x: activations.gelu(x, approximate="tanh"),
        lambda x: F.gelu(x, approximate="tanh"),
    ),
    "silu": (activations.silu, F.silu),
}


def normal(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu").to(dtype)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def in_both(function, *tensors):
    """Return what a function gives for tensors, after checking that NumPy arrays give the same."""
    result = function(*tensors)
    array = function(*(tensor.numpy(force=True) for tensor in tensors))
    assert isinstance(result, torch.Tensor)
    assert isinstance(array, (np.ndarray, np.generic))
    close(torch.as_tensor(array), result)
    return result


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1000,), (3, 4, 5)], ids=str)
def test_an_activation_is_that_of_pytorch(name, shape):
    ours, theirs = ALIKE[name]
    x = 4 * normal(*shape)
    close(in_both(ours, x), theirs(x))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ALIKE)
def test_an_activation_does_not_overflow(name):
    ours, theirs = ALIKE[name]
    x = torch.tensor([-1e4, -745.2, -100.0, -0.0, 0.0, 100.0, 1e4], dtype=torch.float64, device="cpu")
    close(in_both(ours, x), theirs(x))
    assert ours(x)[0] == 0


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_two_bytes_lose_no_more_than_their_rounding(name, dtype):
    ours, theirs = ALIKE[name]
    x = 3 * normal(5000, dtype=dtype)
    result, exact = ours(x), theirs(x.double())
    assert result.dtype == dtype
    # 1 + erf and 1 + tanh lose digits near 0, in PyTorch too.
    torch.testing.assert_close(result.double(), exact, rtol=0.51 * torch.finfo(dtype).eps, atol=1e-6)
    if dtype == torch.float16:
        array = ours(x.numpy())
        assert array.dtype == np.float16
        np.testing.assert_allclose(array, result.numpy(), rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


def test_the_two_forms_of_gelu_differ_by_less_than_their_docstring_says():
    x = torch.linspace(-10, 10, 20001, dtype=torch.float64, device="cpu")
    off = (activations.gelu(x) - activations.gelu(x, approximate="tanh")).abs().max()
    assert 0.0004 < off < 0.0005


def test_gelu_is_the_number_times_the_normal_distribution_function():
    x = normal(100)
    close(activations.gelu(x), x * torch.special.ndtr(x))
    close(activations.silu(x), x / (1 + torch.exp(-x)))


@few
@given(st.lists(sizes, max_size=2), sizes, sizes)
def test_swiglu(batch, embed_dim, hidden_dim):
    x, gate, up = (
        normal(*batch, embed_dim),
        normal(embed_dim, hidden_dim, seed=1),
        normal(embed_dim, hidden_dim, seed=2),
    )
    down = normal(hidden_dim, embed_dim, seed=3)
    close(in_both(activations.swiglu, x, gate, up, down), (F.silu(x @ gate) * (x @ up)) @ down)
    # As modules write it, with the transposed weights.
    theirs = F.linear(F.silu(F.linear(x, gate.mT)) * F.linear(x, up.mT), down.mT)
    close(activations.swiglu(x, gate, up, down), theirs)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_swiglu_in_two_bytes_is_rounded_once(dtype):
    tensors = [normal(*shape, seed=n, dtype=dtype) for n, shape in enumerate(((16, 32), (32, 64), (32, 64), (64, 32)))]
    ours = activations.swiglu(*tensors)
    exact = activations.swiglu(*(tensor.double() for tensor in tensors))
    assert ours.dtype == dtype
    assert (ours != exact.to(dtype)).float().mean() < 0.01
    # A model rounds after each step, and so more.
    x, gate, up, down = tensors
    stepwise = ((F.silu(x @ gate) * (x @ up)) @ down).double()
    assert (stepwise - exact).abs().mean() > 1.5 * (ours.double() - exact).abs().mean()


def test_gradients_by_finite_differences():
    x = normal(2, 3).requires_grad_()
    for ours, _ in ALIKE.values():
        assert torch.autograd.gradcheck(ours, x)
        assert torch.autograd.gradgradcheck(ours, torch.zeros(1, dtype=torch.float64, device="cpu", requires_grad=True))
    weights = [normal(*shape, seed=5).requires_grad_() for shape in ((3, 4), (3, 4), (4, 3))]
    assert torch.autograd.gradcheck(activations.swiglu, (x, *weights))


def test_inputs_are_left_as_they_were():
    for dtype in (torch.float64, torch.float16):
        x = normal(2, 2, dtype=dtype)
        before = x.clone()
        for ours, _ in ALIKE.values():
            ours(x).add_(1)
        activations.swiglu(x, x, x, x).add_(1)
        assert torch.equal(x, before)


MODELS = {  # embed_dim, multiple_of, multiplier, hidden_dim
    "Llama 2 7B": (4096, 256, 1.0, 11008),
    "Llama 2 13B": (5120, 256, 1.0, 13824),
    "Llama 2 70B": (8192, 4096, 1.3, 28672),
    "Llama 3 8B": (4096, 1024, 1.3, 14336),
    "Llama 3 70B": (8192, 4096, 1.3, 28672),
    "Llama 3.1 405B": (16384, 4096, 1.2, 53248),
}


@pytest.mark.parametrize("model", MODELS)
def test_the_hidden_size_is_that_of_each_llama(model):
    embed_dim, multiple_of, multiplier, hidden_dim = MODELS[model]
    assert activations.hidden_dim(embed_dim, multiple_of=multiple_of, multiplier=multiplier) == hidden_dim


@few
@given(st.integers(1, 100000), st.integers(1, 5000), st.sampled_from([1.0, 1.3, 0.5, 1.2, 2]))
def test_the_hidden_size_follows_the_code_of_meta(embed_dim, multiple_of, multiplier):
    hidden_dim = int(2 * (4 * embed_dim) / 3)
    hidden_dim = int(multiplier * hidden_dim)
    theirs = multiple_of * ((hidden_dim + multiple_of - 1) // multiple_of)
    assert activations.hidden_dim(embed_dim, multiple_of=multiple_of, multiplier=multiplier) == theirs


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("gated", [False, True])
def test_parameters_are_those_of_modules(gated, bias):
    shapes = [(6, 10)] * (2 if gated else 1) + [(10, 6)]
    modules = [torch.nn.Linear(*shape, bias=bias, device="meta") for shape in shapes]
    counted = sum(parameter.numel() for module in modules for parameter in module.parameters())
    assert activations.parameter_count(6, 10, gated=gated, bias=bias) == counted


def refused(function, *arguments, error=ValueError, **options):
    with pytest.raises(error) as raised:
        inspect.unwrap(function)(*arguments, **options)
    return str(raised.value)


def test_what_is_wrong_is_named():
    ones = torch.ones
    assert refused(activations.gelu, ones(2), approximate="erf") == "approximate is 'erf'; write 'none' or 'tanh'"
    for function in (activations.gelu, activations.silu):
        assert refused(function, torch.tensor([1]), error=TypeError) == (
            "x has dtype torch.int64; this takes floating point: convert it, as with x.float(), or the result would be rounded "
            "to whole numbers"
        )
    assert refused(activations.swiglu, ones(2, 4), ones(4, 8), ones(4, 1), ones(8, 4)) == (
        "gate has shape (4, 8), up has shape (4, 1); give two of one shape, (embed_dim, hidden_dim)"
    )
    transposed = (ones(2, 4), ones(8, 4), ones(8, 4), ones(4, 8))
    assert "x (2, 4), gate (8, 4) have no matrix product" in refused(
        activations.swiglu, *transposed, error=matmul.MatmulError
    )
    assert "hidden (2, 8), down (4, 8) have no matrix product" in refused(
        activations.swiglu, ones(2, 4), ones(4, 8), ones(4, 8), ones(4, 8), error=matmul.MatmulError
    )
    half = ones(4, 8, dtype=torch.bfloat16)
    assert refused(activations.swiglu, ones(2, 4), half, half, ones(8, 4), error=TypeError) == (
        "x has dtype torch.float32, gate has dtype torch.bfloat16; PyTorch does not promote in a product: convert one, such "
        "as gate.to(x.dtype)"
    )
    for wrong in (0, -4):
        for name, call in {
            "embed_dim": lambda size: refused(activations.hidden_dim, size),
            "multiple_of": lambda size: refused(activations.hidden_dim, 4, multiple_of=size),
            "hidden_dim": lambda size: refused(activations.parameter_count, 4, size),
        }.items():
            assert call(wrong) == f"{name} is {wrong}; a size is 1 or more: write the number of features"
    for wrong in (0.0, -1.0, math.inf, math.nan):
        assert refused(activations.hidden_dim, 4, multiplier=wrong) == (
            f"multiplier is {wrong}; it is a number above 0: write 1.0 to leave the size as it is"
        )
    for wrong, scaled in ((0.0625, "0.625"), (1e308, "inf")):
        assert refused(activations.hidden_dim, 4, multiplier=wrong) == (
            f"multiplier is {wrong}, which makes {scaled} of 10; write one nearer to 1"
        )


def test_arrays_of_two_dtypes_promote():
    x, weight = np.ones((2, 2), np.float16), np.ones((2, 2), np.float64)
    assert activations.swiglu(x, weight, weight, weight).dtype == np.float64
    assert activations.swiglu(x, x, x, x).dtype == np.float16
