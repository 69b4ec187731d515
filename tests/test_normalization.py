"""The norms, held against torch.nn.functional and against what open models write."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorref import normalization

HALVES = [torch.float16, torch.bfloat16]
NORMS = (normalization.layer_norm, normalization.layer_norm_unbiased, normalization.rms_norm)
few = settings(max_examples=25)
sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32)


def normal(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu").to(dtype)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def in_both(function, *tensors, **options):
    """Return what a function gives for tensors, after checking that NumPy arrays give the same."""
    result = function(*tensors, **options)
    array = function(*(None if tensor is None else tensor.numpy(force=True) for tensor in tensors), **options)
    assert isinstance(result, torch.Tensor)
    assert isinstance(array, np.ndarray)
    close(torch.from_numpy(array), result)
    return result


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("biased", [False, True], ids=["unbiased", "biased"])
@few
@given(st.lists(sizes, min_size=1, max_size=3), st.sampled_from([1e-5, 1.0]), seeds)
def test_layer_norm(weighted, biased, shape, eps, seed):
    embed_dim = shape[-1]
    x = 100 + 10 * normal(*shape, seed=seed)
    weight, bias = normal(embed_dim, seed=1) if weighted else None, normal(embed_dim, seed=2) if biased else None
    result = in_both(normalization.layer_norm, x, weight, bias, eps=eps)
    torch.testing.assert_close(result, F.layer_norm(x, (embed_dim,), weight, bias, eps), rtol=1e-9, atol=1e-10)


@few
@given(st.lists(sizes, max_size=2), st.integers(2, 6), st.sampled_from([1e-5, 1.0]), seeds)
def test_layer_norm_as_often_written_by_hand(batch, embed_dim, eps, seed):
    x = normal(*batch, embed_dim, seed=seed)
    mean, std = x.mean(dim=-1, keepdim=True), x.std(dim=-1, keepdim=True)
    close(in_both(normalization.layer_norm_unbiased, x, eps=eps), (x - mean) / (std + eps))


@pytest.mark.claim("layer-norm")
def test_the_two_forms_of_layer_norm_differ_by_the_divisor_of_the_variance():
    for embed_dim in (2, 3, 64):
        x = normal(5, embed_dim)
        layer = torch.nn.LayerNorm(embed_dim, dtype=torch.float64, device="cpu")
        assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
        close(normalization.layer_norm(x), layer(x).detach())
        by_hand = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)
        close(normalization.layer_norm_unbiased(x), by_hand)
        assert not torch.allclose(by_hand, layer(x))
        factor = math.sqrt(embed_dim / (embed_dim - 1))
        close(normalization.layer_norm_unbiased(x, eps=0.0) * factor, normalization.layer_norm(x, eps=0.0))
    # Where the numbers of a token hardly differ, eps decides, and inside the root it weighs far more.
    x = torch.tensor([0.0, 1e-4], dtype=torch.float64, device="cpu")
    inside, outside = (
        function(x)[1].item() for function in (normalization.layer_norm, normalization.layer_norm_unbiased)
    )
    assert inside == pytest.approx(5e-5 / math.sqrt(25e-10 + 1e-5))
    assert outside == pytest.approx(5e-5 / (math.sqrt(50e-10) + 1e-5))
    assert outside > 30 * inside


def test_tokens_that_do_not_vary_become_the_bias():
    x, bias = torch.full((2, 3), 7.0), torch.tensor([1.0, 2.0, 3.0])
    assert normalization.layer_norm(x, None, bias).tolist() == [[1, 2, 3]] * 2
    assert normalization.layer_norm_unbiased(x).tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize("empty", [np.ones, torch.ones], ids=["numpy", "torch"])
def test_a_norm_refuses_what_it_cannot_normalize(empty):
    layer_norm, unbiased, rms_norm = map(inspect.unwrap, NORMS)
    for function, shape, least in [
        (layer_norm, (2, 0), 1),
        (layer_norm, (), 1),
        (unbiased, (2, 1), 2),
        (unbiased, (), 2),
        (rms_norm, (2, 0), 1),
    ]:
        with pytest.raises(ValueError) as raised:
            function(empty(shape))
        assert str(raised.value) == (
            f"x has shape {shape}, so {shape[-1] if shape else 0} features; normalizing takes {least} or more on the last axis"
        )
    for wrong in [(1,), (4, 3), ()]:
        for options in ({"weight": empty(wrong)}, {"bias": empty(wrong)}):
            with pytest.raises(ValueError) as raised:
                layer_norm(empty((4, 3)), **options)
            assert str(raised.value) == (
                f"{next(iter(options))} has shape {wrong}, x has 3 features; give one number for each, of shape (3,)"
            )
        with pytest.raises(ValueError, match=r"weight has shape .*, x has 3 features"):
            rms_norm(empty((4, 3)), empty(wrong))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@few
@given(st.lists(sizes, min_size=1, max_size=3), st.sampled_from([1e-6, 1.0]), seeds)
def test_rms_norm(weighted, shape, eps, seed):
    x = 100 * normal(*shape, seed=seed)
    weight = normal(shape[-1], seed=1) if weighted else None
    exact = F.rms_norm(x, shape[-1:], weight, eps)
    close(in_both(normalization.rms_norm, x, weight, eps=eps), exact)
    close(in_both(normalization.rms_norm, x, weight, eps=eps, cast_before_weight=True), exact)


def test_epsilon_stands_inside_the_root():
    x = torch.full((4,), 1e-3, dtype=torch.float64, device="cpu")
    close(normalization.rms_norm(x), x / math.sqrt(1e-6 + 1e-6))
    assert normalization.rms_norm(torch.zeros(2, 3)).tolist() == [[0, 0, 0]] * 2


def test_pytorch_takes_the_step_of_float32_for_epsilon_in_half_precision_too():
    step = torch.finfo(torch.float32).eps
    for dtype in (torch.float32, *HALVES):
        x = torch.full((1, 4), 1e-4, dtype=dtype, device="cpu")
        ours = normalization.rms_norm(x, eps=step)
        torch.testing.assert_close(F.rms_norm(x, (4,)), ours)
        assert not torch.allclose(ours, normalization.rms_norm(x, eps=torch.finfo(torch.bfloat16).eps), rtol=0.1)
    assert torch.nn.RMSNorm(4).eps is None


def of_hugging_face(x, weight, eps):
    hidden = x.to(torch.float32)
    hidden = hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + eps)
    return weight * hidden.to(x.dtype)


def of_gemma(x, weight, eps):
    hidden = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + eps)
    return (hidden * (1.0 + weight.float())).type_as(x)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_the_place_of_the_cast_is_that_of_each_model(dtype):
    x, weight = normal(64, 128, dtype=dtype), normal(128, seed=1, dtype=dtype)
    after, before = (normalization.rms_norm(x, weight, cast_before_weight=early) for early in (False, True))
    # rsqrt and a quotient by the root differ in the last bit of float32, which now and then is the one that decides.
    assert (before != of_hugging_face(x, weight, 1e-6)).float().mean() < 0.002
    assert (after != F.rms_norm(x, (128,), weight, 1e-6)).float().mean() < 0.002
    assert 0.1 < (before != after).float().mean() < 0.5
    gemma = normalization.rms_norm(x, 1 + weight.float())
    assert not torch.equal(gemma, normalization.rms_norm(x, 1 + weight))
    assert (gemma != of_gemma(x, weight, 1e-6)).float().mean() < 0.002
    # A weight of float32 makes the one of Hugging Face give float32; this one keeps the dtype of x.
    assert of_hugging_face(x, weight.float(), 1e-6).dtype == torch.float32
    assert normalization.rms_norm(x, weight.float(), cast_before_weight=True).dtype == dtype


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_two_bytes_lose_no_more_than_their_rounding(dtype):
    eps = torch.finfo(dtype).eps
    x = 5 + 30 * normal(4, 8, 256, dtype=dtype)
    weight, bias = normal(256, seed=1, dtype=dtype), normal(256, seed=2, dtype=dtype)
    for function, parameters, roundings in [
        (normalization.layer_norm, (), 1),
        (normalization.layer_norm, (weight, bias), 1),
        (normalization.layer_norm_unbiased, (), 1),
        (normalization.rms_norm, (weight,), 1),
        (lambda x, weight: normalization.rms_norm(x, weight, cast_before_weight=True), (weight,), 2),
    ]:
        ours = function(x, *parameters)
        exact = function(x.double(), *(parameter.double() for parameter in parameters))
        assert ours.dtype == dtype
        # Half a unit in the last place for each time that it was rounded.
        torch.testing.assert_close(
            ours.double(), exact, rtol=0.51 * roundings * eps, atol=1e-6 * exact.abs().max().item()
        )


def test_numpy_float16_stays_float16():
    x = normal(3, 64, dtype=torch.float16)
    for function in NORMS:
        assert function(x.numpy()).dtype == np.float16
        np.testing.assert_array_equal(function(x.numpy()), function(x).numpy())


def test_squares_in_float16_do_not_overflow():
    large = torch.full((1, 4096), 300.0, dtype=torch.float16)
    assert large.square().isinf().all()
    assert normalization.rms_norm(large).tolist() == [[1] * 4096]
    large[0, 0] = 0
    assert normalization.layer_norm(large).isfinite().all()


def test_gradients_by_finite_differences():
    small, weight = normal(2, 3).requires_grad_(), normal(3, seed=1).requires_grad_()
    for function in NORMS:
        assert torch.autograd.gradcheck(function, small)
    assert torch.autograd.gradcheck(normalization.rms_norm, (small, weight))


def test_inputs_are_left_as_they_were():
    x = normal(2, 4)
    before = x.clone()
    for function in NORMS:
        function(x).add_(1)
        assert torch.equal(x, before)


@pytest.mark.parametrize("function", NORMS, ids=lambda function: function.__name__)
def test_what_is_no_floating_point_of_one_library_is_refused(function):
    function = inspect.unwrap(function)
    for x, convert in [(torch.tensor([1, 2]), "x.float()"), (np.array([1, 2]), "x.astype(np.float32)")]:
        with pytest.raises(TypeError) as raised:
            function(x)
        assert str(raised.value) == (
            f"x has dtype {x.dtype}; this takes floating point: convert it, as with {convert}, or the result would be rounded "
            "to whole numbers"
        )
    if function.__name__ != "layer_norm_unbiased":
        with pytest.raises(TypeError) as raised:
            function(torch.ones(2), np.ones(2))
        assert str(raised.value) == (
            "x is a tensor, weight is an array; convert one with torch.as_tensor(array) or tensor.numpy(force=True)"
        )


def test_the_place_of_the_cast_is_true_or_false():
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(normalization.rms_norm)(torch.ones(2), cast_before_weight="weight")
    assert str(raised.value) == "cast_before_weight is 'weight', of type str; write True or False"
