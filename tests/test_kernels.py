"""Softmax by hand against PyTorch's, where exp overflows, and what a measurement does (never how long it took)."""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.benchmark import Timer

from tensorref import devices, kernels

LIMITS = [(torch.float16, 11.1), (torch.bfloat16, 88.5), (torch.float32, 88.7), (torch.float64, 709.8)]

rows = st.integers(1, 6).flatmap(
    lambda size: st.lists(st.lists(st.floats(-1e4, 1e4), min_size=size, max_size=size), min_size=1, max_size=3)
)


@given(rows)
def test_stable_softmax_is_pytorchs(values):
    x = torch.tensor(values, dtype=torch.float64, device="cpu")
    expected = torch.softmax(x, dim=-1)
    torch.testing.assert_close(kernels.stable_softmax(x), expected, rtol=1e-12, atol=1e-300)
    array = kernels.stable_softmax(x.numpy())
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
    result, expected = kernels.stable_softmax(x), torch.softmax(x, dim=-1)
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
        assert torch.softmax(x, dim=-1).tolist() == kernels.stable_softmax(x).tolist()
        assert kernels.stable_softmax(x)[-1] == 1


def test_the_sum_of_a_vocabulary_overflows_in_float16_only_by_hand():
    for size, overflows in [(60_000, False), (128_256, True)]:
        x = torch.zeros(size, dtype=torch.float16)
        assert bool(torch.exp(x).sum().isinf()) == overflows
        right = pytest.approx(1 / size, rel=0.02)  # float16 has few digits down there
        for softmax in (torch.softmax, lambda x, _: kernels.stable_softmax(x.float()).to(x.dtype)):
            assert [value.item() for value in softmax(x, -1).aminmax()] == [right, right]
        by_hand = kernels.stable_softmax(x).aminmax()
        assert [value.item() for value in by_hand] == ([0, 0] if overflows else [right, right])


def test_underflow_and_a_sum_that_overflows_break_the_naive_one_too():
    for x, wrong in [([-200.0, -200.0], [math.nan] * 2), ([88.5, 88.5], [0.0, 0.0])]:
        np.testing.assert_array_equal(kernels.naive_softmax(torch.tensor(x)).tolist(), wrong)
        assert kernels.stable_softmax(torch.tensor(x)).tolist() == [0.5, 0.5]


def test_a_row_of_minus_infinity_is_nan_as_in_pytorch():
    x = torch.tensor([[-math.inf, -math.inf], [-math.inf, 0.0], [math.inf, 0.0]])
    torch.testing.assert_close(kernels.stable_softmax(x), torch.softmax(x, dim=-1), equal_nan=True)


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


@pytest.mark.claim("softmax-speed", "gpu-speed")
def test_a_measurement_waits_for_the_device_at_both_ends_of_every_run(monkeypatch):
    events = []
    synchronize = devices.synchronize
    monkeypatch.setattr(devices, "synchronize", lambda device: events.append("wait") or synchronize(device))
    measurement = kernels.measure(lambda: events.append("call"), seconds=0.001)
    text = "".join(event[0] for event in events)
    # Every run is between two waits, so that no work of one run is counted in the next.
    runs = [run for run in text.strip("w").split("ww") if run]
    assert text.startswith("ww")
    assert text.endswith("w")
    assert len(runs) >= measurement.runs
    assert all(set(run) == {"c"} for run in runs)


@pytest.mark.claim("softmax-speed", "gpu-speed")
def test_the_first_call_does_not_count():
    calls = []

    def slow_at_first():
        calls.append(None)
        time.sleep(0.3 if len(calls) == 1 else 0.001)

    measurement = kernels.measure(slow_at_first, seconds=0.02)
    assert len(calls) > measurement.runs
    assert 0.001 <= measurement.median < 0.3


def test_median_and_spread_are_those_of_numpy(monkeypatch):
    times = [0.004, 0.001, 0.002, 0.009, 0.003, 0.002]

    class Fixed(Timer):
        def blocked_autorange(self, **options):
            result = super().blocked_autorange(**options)
            result.raw_times[:] = [seconds * result.number_per_run for seconds in times]
            return result

    monkeypatch.setattr(kernels, "Timer", Fixed)
    measurement = kernels.measure(len, "", seconds=1e-6)
    assert measurement.median == pytest.approx(np.median(times))
    assert measurement.spread == pytest.approx(np.subtract(*np.percentile(times, [75, 25])))
    assert measurement.runs == len(times)


def test_a_long_call_is_run_five_times():
    assert kernels.measure(time.sleep, 0.005, seconds=1e-6).runs >= 5


def test_threads_are_those_outside():
    before, inside = torch.get_num_threads(), set()
    try:
        torch.set_num_threads(2)
        kernels.measure(lambda: inside.add(torch.get_num_threads()), seconds=0.001)
        assert inside == {2}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_device_is_that_of_the_first_tensor(monkeypatch):
    x = torch.ones(3, device="meta")
    assert kernels.measure(torch.add, 1, x, seconds=0.001).device == "meta"
    assert kernels.measure(torch.add, x, x, seconds=0.001, device="cpu").device == "cpu"
    assert kernels.measure(len, "", seconds=0.001).device == str(torch.get_default_device())
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda *_, **__: None)
    with pytest.raises(ValueError) as raised:
        kernels.measure(len, "", device="cuda")
    assert str(raised.value) == "device is 'cuda', available are cpu; devices.status() says why"


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan], ids=str)
def test_a_measurement_takes_time(seconds):
    with pytest.raises(ValueError) as raised:
        kernels.measure(len, "", seconds=seconds)
    assert str(raised.value) == f"seconds is {seconds}; a measurement takes time: write more than 0, such as 0.2"


def test_what_the_function_raises_and_warns_comes_through():
    with pytest.raises(ZeroDivisionError):
        kernels.measure(lambda: 1 / 0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kernels.measure(lambda: warnings.warn("slow", UserWarning, stacklevel=1), seconds=0.001)
    assert caught


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2.5, "2.50 s ± 0.25 s"),
        (0.25, "250.00 ms ± 25.00 ms"),
        (2.5e-5, "25.00 µs ± 2.50 µs"),
        (4e-8, "40.00 ns ± 4.00 ns"),
    ],
    ids=["s", "ms", "µs", "ns"],
)
def test_units(seconds, words):
    measurement = kernels.Measurement(seconds, seconds / 10, 7, "cpu")
    assert str(measurement) == f"{words} (median and interquartile range of 7 runs on cpu)"
