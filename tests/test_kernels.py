"""Softmax by hand against PyTorch's, where exp overflows, and what each sum can hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import kernels

LIMITS = [(torch.float16, 11.1), (torch.bfloat16, 88.5), (torch.float32, 88.7), (torch.float64, 709.8)]

rows = st.integers(1, 6).flatmap(
    lambda size: st.lists(st.lists(st.floats(-1e4, 1e4), min_size=size, max_size=size), min_size=1, max_size=3)
)


@given(rows)
def test_softmax_is_pytorchs(values):
    x = torch.tensor(values, dtype=torch.float64, device="cpu")
    expected = torch.softmax(x, dim=-1)
    torch.testing.assert_close(kernels.softmax(x), expected, rtol=1e-12, atol=1e-300)
    array = kernels.softmax(x.numpy())
    assert isinstance(array, np.ndarray)
    np.testing.assert_allclose(array, expected.numpy(), rtol=1e-12, atol=1e-300)


@given(rows)
def test_naive_softmax_is_pytorchs_for_small_logits(values):
    x = torch.tensor(values, dtype=torch.float64, device="cpu") / 100
    expected = torch.softmax(x, dim=-1)
    torch.testing.assert_close(kernels.naive_softmax(x), expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(kernels.naive_softmax(x.numpy()), expected.numpy(), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 4, 5), (0, 3), (3, 0)], ids=str)
def test_shape_dtype_and_device_stay(dtype, shape):
    torch.manual_seed(0)
    x = 30 * torch.randn(shape, dtype=dtype)
    result, expected = kernels.softmax(x), torch.softmax(x, dim=-1)
    assert (result.shape, result.dtype, result.device) == (expected.shape, expected.dtype, expected.device)
    torch.testing.assert_close(
        result, expected, rtol=4 * torch.finfo(dtype).eps, atol=1e-3 * torch.finfo(dtype).eps ** 0.5
    )


@pytest.mark.claim("softmax-stable")
@pytest.mark.parametrize(("dtype", "about"), LIMITS, ids=str)
def test_exp_overflows_just_above_the_limit(dtype, about):
    limit = kernels.overflow_limit(dtype)
    assert limit == pytest.approx(about, abs=0.05)
    # On the CPU, whose exp is right to the last digit; other devices may be off by one there.
    at = torch.tensor(limit, dtype=dtype, device="cpu")
    assert at.item() == limit
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    following = (at.view(integer) + 1).view(dtype)
    assert following > at
    assert at.exp().isfinite()
    assert following.exp().isinf()
    clearly = torch.tensor([limit * 0.99, limit * 1.01], dtype=dtype)
    assert clearly.exp().isinf().tolist() == [False, True]


@pytest.mark.claim("softmax-stable")
@pytest.mark.parametrize("dtype", [dtype for dtype, _ in LIMITS], ids=str)
def test_only_the_naive_softmax_overflows(dtype):
    limit = kernels.overflow_limit(dtype)
    for top in (limit * 1.1, limit * 4):
        x = torch.tensor([0, 1, top], dtype=dtype)
        assert kernels.naive_softmax(x)[-1].isnan()
        assert torch.softmax(x, dim=-1).tolist() == kernels.softmax(x).tolist()
        assert kernels.softmax(x)[-1] == 1


def test_the_sum_of_a_vocabulary_overflows_in_float16_only_by_hand():
    for size, overflows in [(60_000, False), (128_256, True)]:
        x = torch.zeros(size, dtype=torch.float16)
        assert bool(torch.exp(x).sum().isinf()) == overflows
        right = pytest.approx(1 / size, rel=0.02)  # float16 has few digits down there
        for result in (torch.softmax(x, -1), kernels.softmax(x)):
            assert [value.item() for value in result.aminmax()] == [right, right]
        by_hand = kernels.naive_softmax(x).aminmax()
        assert [value.item() for value in by_hand] == ([0, 0] if overflows else [right, right])


def test_underflow_and_a_sum_that_overflows_break_the_naive_one_too():
    for x, wrong in [([-200.0, -200.0], [math.nan] * 2), ([88.5, 88.5], [0.0, 0.0])]:
        np.testing.assert_array_equal(kernels.naive_softmax(torch.tensor(x)).tolist(), wrong)
        assert kernels.softmax(torch.tensor(x)).tolist() == [0.5, 0.5]


def test_a_row_of_minus_infinity_is_nan_as_in_pytorch():
    x = torch.tensor([[-math.inf, -math.inf], [-math.inf, 0.0], [math.inf, 0.0]])
    torch.testing.assert_close(kernels.softmax(x), torch.softmax(x, dim=-1), equal_nan=True)


def test_numpy_warns_where_pytorch_is_silent():
    with pytest.warns(RuntimeWarning) as raised:
        kernels.naive_softmax(np.array([1000.0, 0.0]))
    assert [str(each.message) for each in raised] == [
        "overflow encountered in exp",
        "invalid value encountered in divide",
    ]


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.bool], ids=str)
def test_a_limit_of_what_does_not_overflow(dtype):
    with pytest.raises(TypeError) as raised:
        kernels.overflow_limit(dtype)
    assert str(raised.value) == (
        f"dtype is {dtype}; exp overflows in a floating-point dtype: give torch.float16, torch.bfloat16, torch.float32 or "
        "torch.float64"
    )
