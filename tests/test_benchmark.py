"""What a comparison does, on a machine whose time is made up; what work counts; what a file must hold. Never a speed."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
import math
import re
import statistics
import timeit
import warnings
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from tensorref import benchmark, broadcasting, devices, kernels, matmul
from tensorref.benchmark import (
    Candidate,
    Ceiling,
    Comparison,
    Measurement,
    Work,
    _machine,
    _suite,
    _table,
    _timing,
)

CPU = torch.device("cpu")
FILES = sorted(Path(benchmark.__file__).parent.glob("_[a-z]*.py"))
interval, figure = _timing._interval, _table.figure  # noqa: SLF001
GROUPS, Group, Implementation = _suite._GROUPS, _suite._Group, _suite._Implementation  # noqa: SLF001
TINY = {"seconds": 1e-6, "largest": 64, "copy_bytes": 2**12}


class FakeMachine:
    """A machine on which time passes only by what is called, and whose accelerator works on while the host returns."""

    def __init__(self, monkeypatch, kind=None):
        self.now, self.pending, self.events, self.kind = 0.0, 0.0, [], kind
        monkeypatch.setattr(_timing, "perf_counter", lambda: self.now)
        monkeypatch.setattr(_timing, "sleep", self.sleep)
        accelerator = torch.accelerator
        monkeypatch.setattr(accelerator, "current_accelerator", lambda *_, **__: kind and torch.device(kind))
        monkeypatch.setattr(accelerator, "device_count", lambda: 1)
        monkeypatch.setattr(accelerator, "current_device_index", lambda: 0)
        monkeypatch.setattr(accelerator, "synchronize", self.synchronize)

    def sleep(self, seconds):
        self.now += seconds
        self.events.append("." if seconds else "")

    def synchronize(self, place):
        assert torch.device(place).type == self.kind
        self.events.append("|")
        self.now += self.pending
        self.pending = 0.0

    def function(self, name, costs, launch=1e-9):
        """Return a function that takes the next of some costs whenever it is called."""
        costs = iter(costs)

        def call():
            self.events.append(name)
            if self.kind is None:
                self.now += next(costs)
            else:
                self.now += launch
                self.pending += next(costs)

        return call


@pytest.fixture
def host(monkeypatch):
    return FakeMachine(monkeypatch)


@pytest.fixture
def accelerated(monkeypatch):
    return FakeMachine(monkeypatch, "cuda")


def always(seconds):
    return itertools.repeat(seconds)


# The package


def test_the_files_of_the_package_import_one_another_one_way():
    pattern = re.compile(
        r"^ *(?:from|import) tensorref(?:\.benchmark(?:\.(_\w+))?| import .*\b(benchmark)\b)", re.MULTILINE
    )
    imports = {file.stem: {found[1] or "all" for found in pattern.finditer(file.read_text("utf-8"))} for file in FILES}
    order = [*TopologicalSorter({**imports, "all": {file.stem for file in FILES}}).static_order()]  # or a CycleError
    assert order[-2:] == ["_suite", "all"]
    for before, after in itertools.pairwise(["_table", "_work", "_timing", "_machine", "_results", "_suite"]):
        assert before in imports[after]


# How a comparison is made


@pytest.mark.claim("softmax-speed", "gpu-speed")
def test_the_first_call_does_not_count(host):
    function = host.function("f", itertools.chain([1000.0], always(0.25)))
    time = benchmark.measure(function, seconds=0.01)
    assert (time.median, time.quartiles, time.fastest, time.calls) == (0.25, (0.25, 0.25), 0.25, 1)


@pytest.mark.parametrize(
    ("names", "rounds"),
    [("a", "a a a a a a"), ("ab", "ab ba ab ba ab ba"), ("abc", "abc bca cab abc bca cab")],
    ids=["one", "two", "three"],
)
def test_candidates_take_turns_and_each_is_first_equally_often(host, names, rounds):
    benchmark.compare({name: host.function(name, always(1.0)) for name in names}, seconds=0.01)
    warm_up = "".join(3 * name for name in names)
    assert "".join(host.events) == warm_up + rounds.replace(" ", "")


def test_a_candidate_rests_before_it_follows_another(host):
    functions = {name: host.function(name, always(1.0)) for name in "ab"}
    comparison = benchmark.compare(functions, seconds=0.01, pause=0.25)
    assert "".join(host.events) == ".aaa.bbb" + ".a.bb.aa.bb.aa.bb.a"
    assert [candidate.time.median for candidate in comparison.candidates] == [1.0, 1.0]


def test_the_suite_rests_where_both_libraries_have_threads():
    assert {name for name, group in GROUPS.items() if group.pause} == {"matmul"}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_rounds_fill_the_time_and_are_balanced(host, count):
    names = "abcdefg"[:count]
    comparison = benchmark.compare({name: host.function(name, always(1.0)) for name in names}, seconds=18.5)
    runs = {candidate.time.runs for candidate in comparison.candidates}
    assert len(runs) == 1
    assert 19 <= min(runs) < 19 + count
    turns = "".join(host.events)[-count * min(runs) :]
    for place in range(count):
        assert set(Counter(turns[place::count]).values()) == {min(runs) // count}


@pytest.mark.claim("softmax-speed", "gpu-speed")
def test_every_run_is_between_two_waits_for_the_device(accelerated):
    functions = {name: accelerated.function(name, always(1e-4)) for name in "ab"}
    comparison = benchmark.compare(functions, seconds=0.02)
    calls = {candidate.name: candidate.time.calls for candidate in comparison.candidates}
    runs = re.findall(r"\|(a+|b+)\|", text := "".join(accelerated.events))
    assert text == "|" + "".join(f"|{run}|" for run in runs)  # the first wait asks whether the device is there
    turns = runs[-2 * comparison.candidates[0].time.runs :]
    assert "".join(run[0] for run in turns).startswith("abbaabba")
    assert all(len(run) == calls[run[0]] for run in turns)


@pytest.mark.claim("gpu-speed")
def test_work_that_the_host_does_not_wait_for_is_counted(accelerated):
    fast, slow = accelerated.function("a", always(0.002)), accelerated.function("b", always(0.008))
    first, second = benchmark.compare({"fast": fast, "slow": slow}, seconds=0.1).candidates
    assert first.time.median == pytest.approx(0.002, rel=1e-5)
    assert second.ratio == pytest.approx(4, rel=1e-5)
    assert (first.time.device, second.time.device) == ("cuda:0", "cuda:0")


def test_without_the_wait_only_the_launch_would_be_counted(accelerated, monkeypatch):
    monkeypatch.setattr(accelerated, "synchronize", lambda _: None)
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda _: None)
    assert benchmark.measure(accelerated.function("a", always(0.002)), seconds=1e-7).median < 1e-6


def test_the_cpu_is_not_waited_for(accelerated):
    accelerated.kind = None  # its functions work on the host now, and a wait would raise
    assert benchmark.measure(accelerated.function("a", always(1.0)), device="cpu").device == "cpu"
    assert "|" not in accelerated.events


seconds_each = st.lists(st.tuples(st.floats(0.5, 8.0), st.floats(0.5, 8.0)), min_size=6, max_size=6)


@given(seconds_each)
def test_medians_quartiles_and_ratios_are_those_of_the_rounds(pairs):
    with pytest.MonkeyPatch.context() as monkeypatch:
        host = FakeMachine(monkeypatch)
        warm_up = [3.0] * 3
        functions = {
            name: host.function(name, [*warm_up, *costs])
            for name, costs in zip("ab", zip(*pairs, strict=True), strict=True)
        }
        # A run of one call ends the warm-up whatever it takes, and six rounds are more than a microsecond.
        first, second = benchmark.compare(functions, seconds=1e-6).candidates
    for candidate, costs in zip((first, second), zip(*pairs, strict=True), strict=True):
        assert candidate.time.median == pytest.approx(statistics.median(costs))
        assert candidate.time.quartiles == pytest.approx(tuple(np.percentile(costs, [25, 75])))
        assert candidate.time.spread == pytest.approx(np.subtract(*np.percentile(costs, [75, 25])))
        assert candidate.time.fastest == pytest.approx(min(costs))
        assert candidate.time.runs == 6
    ratios = [b / a for a, b in pairs]
    assert second.ratio == pytest.approx(statistics.median(ratios))
    assert second.interval == pytest.approx((min(ratios), max(ratios)))
    assert (first.ratio, first.interval) == (1, (1, 1))


def test_a_machine_that_slows_down_does_not_decide(host):
    slower = [1.0, 1.0, 1.0, *(2.0**index for index in range(6))]
    functions = {"a": host.function("a", slower), "b": host.function("b", [3 * cost for cost in slower])}
    first, second = benchmark.compare(functions, seconds=1e-6).candidates
    assert second.time.median / first.time.median == 3
    assert second.interval == (3, 3)


@pytest.mark.parametrize("cost", [1e-8, 3e-6, 0.004, 0.0099, 0.5])
def test_a_run_is_as_many_calls_as_the_clock_needs(host, cost):
    time = benchmark.measure(host.function("f", always(cost)), seconds=0.2)
    assert time.median == pytest.approx(cost)
    assert time.calls * cost >= 0.01 * (1 - 1e-9)
    assert time.calls == 1 or time.calls * cost < 0.1
    assert time.runs * time.calls * cost >= 0.2 * (1 - 1e-9)


def test_one_disturbance_of_the_warm_up_changes_nothing(host):
    disturbed = itertools.chain([1e-6, 5.0], always(1e-6))
    assert benchmark.measure(host.function("f", disturbed), seconds=0.2).calls >= 10_000


RANKS = {6: (1, 6), 8: (1, 8), 9: (2, 8), 10: (2, 9), 15: (4, 12), 20: (6, 15), 25: (8, 18), 30: (10, 21), 50: (18, 33)}


@pytest.mark.parametrize(("count", "ranks"), RANKS.items())
def test_the_interval_has_the_ranks_of_the_tables_of_the_sign_test(count, ranks):
    values = np.random.default_rng(0).permutation(np.arange(1.0, count + 1)).tolist()
    assert interval(values) == ranks


def test_the_interval_has_the_median_in_it_as_often_as_it_says():
    samples = np.random.default_rng(0).exponential(size=(4000, 17))
    held = statistics.fmean(
        low <= math.log(2) <= high for low, high in (interval(sample.tolist()) for sample in samples)
    )
    assert 0.945 <= held <= 0.965  # of 17 values the ranks 5 and 13 hold it with 95.1 %


def test_a_long_call_is_run_six_times_and_threads_are_those_outside():
    before, inside = torch.get_num_threads(), []
    try:
        torch.set_num_threads(2)
        time = benchmark.measure(lambda: inside.append(torch.get_num_threads()), seconds=1e-9)
        assert {*inside} == {2}
        assert time.runs >= 6
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_device_is_that_of_the_first_tensor_or_the_best():
    x = torch.ones(3, device="meta")
    assert benchmark.measure(torch.add, 1, x, seconds=0.001).device == "meta"
    assert benchmark.measure(torch.add, x, x, seconds=0.001, device="cpu").device == "cpu"
    assert benchmark.measure(len, "", seconds=0.001).device == str(devices.best())
    assert benchmark.compare({"len": lambda: len("")}, seconds=0.001).candidates[0].time.device == str(devices.best())


def test_what_a_function_raises_and_warns_comes_through():
    with pytest.raises(ZeroDivisionError):
        benchmark.compare({"f": lambda: 1 / 0})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        benchmark.measure(lambda: warnings.warn("slow", UserWarning, stacklevel=1), seconds=0.001)
    assert caught


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf], ids=str)
def test_a_measurement_takes_time_and_ends(seconds):
    with pytest.raises(ValueError) as raised:
        benchmark.measure(len, "", seconds=seconds)
    assert (
        str(raised.value)
        == f"seconds is {seconds}; it is a time that passes and ends: write more than 0 seconds, such as 0.2"
    )


ONE = Ceiling("cpu", "float32", 4.0, 2.0)

WRONG = {
    "nothing": ({}, {}, 'functions is {}; give at least one by its name: {"torch.add": lambda: x + y}'),
    "a result": (
        {"a": torch.ones(3)},
        {},
        "functions['a'] is Tensor, which cannot be called; give what computes it: lambda: ...",
    ),
    "no rest": (
        {"a": len},
        {"pause": -1.0},
        "pause is -1.0; a rest has an end, and none is the shortest: write 0 or more seconds",
    ),
    "rest for ever": (
        {"a": len},
        {"pause": math.inf},
        "pause is inf; a rest has an end, and none is the shortest: write 0 or more seconds",
    ),
    "work of another": (
        {"a": len, "b": len},
        {"work": {"c": Work.copy(3)}},
        "work has 'c', functions has 'a', 'b'",
    ),
    "ceiling of another": ({"a": len}, {"ceiling": {"a": ONE, "A": ONE}}, "ceiling has 'A', functions has 'a'"),
}


@pytest.mark.parametrize(("functions", "options", "words"), WRONG.values(), ids=WRONG)
def test_errors_of_a_comparison(functions, options, words):
    # Below the check of the annotations, which only these tests run under.
    with pytest.raises((TypeError, ValueError)) as raised:
        inspect.unwrap(benchmark.compare)(functions, **options)
    assert str(raised.value) == words


def test_a_device_that_is_not_there(host):
    with pytest.raises(ValueError) as raised:
        benchmark.measure(len, "", device="cuda")
    assert str(raised.value) == "device is 'cuda', available are cpu; devices.status() says why"
    assert host.events == []


# What a comparison shows


def a_measurement(median):
    return Measurement(median, (0.9 * median, 1.2 * median), 0.8 * median, 8, 3, "cpu")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (2.5, "2.50 s ± 0.75 s"),
        (0.25, "250.00 ms ± 75.00 ms"),
        (2.5e-5, "25.00 µs ± 7.50 µs"),
        (4e-8, "40.00 ns ± 12.00 ns"),
    ],
    ids=["s", "ms", "µs", "ns"],
)
def test_units(seconds, words):
    assert str(a_measurement(seconds)) == f"{words} (median and interquartile range of 8 runs on cpu)"


def a_comparison(work=None, ceiling=None):
    return Comparison(
        (
            Candidate("one", a_measurement(0.001), 1.0, (1.0, 1.0), work, ceiling),
            Candidate("two", a_measurement(0.002), 2.01, (1.9, 2.1), work, ceiling),
        )
    )


def test_columns_that_nobody_fills_are_left_out():
    assert a_comparison().table() == (
        ("candidate", "median ms", "quartiles", "ratio", "95 % interval"),
        ("one", "1.00", "0.900 – 1.20", "–", "–"),
        ("two", "2.00", "1.80 – 2.40", "2.01", "1.90 – 2.10"),
    )
    table = a_comparison(Work(3_000_000, 1_000_000), Ceiling("cpu", "float32", 12e9, 100e9)).table()
    assert [row[5:] for row in table] == [
        ("GFLOP/s", "GB/s", "of ceiling"),
        ("3.00", "1.00", "25.0 %"),
        ("1.50", "0.500", "12.5 %"),
    ]
    assert Comparison(a_comparison().candidates[:1]).table()[0] == ("candidate", "median ms", "quartiles")


def test_notes_say_how_to_read_the_table():
    assert a_comparison().notes() == ("ratio: time over that of one in the same round, the median of the rounds.",)
    assert Comparison(a_comparison().candidates[:1]).notes() == ()
    above = a_comparison(Work(0, 1_000_000), Ceiling("cpu", "float32", 12e9, 0.6e9))
    assert above.candidates[0].share == pytest.approx(1 / 0.6)
    assert above.notes()[1] == (
        "Above 100 % of the ceiling: the data stayed in a cache, which is faster than the memory; NumPy multiplied faster "
        "than PyTorch, with which the ceiling is measured; or the machine was disturbed meanwhile."
    )
    assert "<td>2.01</td>" in above._repr_html_()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (1.0, "1.00"),
        (12.345, "12.3"),
        (123456.0, "123,456"),
        (0.0012345, "0.00123"),
        (999.6, "1,000"),
    ],
)
def test_figures_have_three_digits_and_no_exponent(value, words):
    assert figure(value) == words


# Work and ceiling


sizes = st.integers(1, 20)


@given(sizes, sizes, sizes, st.sampled_from([torch.float16, torch.float32, torch.float64]))
def test_a_matrix_product_costs_what_pytorch_counts(m, k, n, dtype):
    a, b = torch.ones(m, k, dtype=dtype, device="cpu"), torch.ones(k, n, dtype=dtype, device="cpu")
    with FlopCounterMode(display=False) as counter:
        result = a @ b
    work = Work.matmul(m, k, n, dtype.itemsize)
    assert work.flops == counter.get_total_flops() == matmul.flops((m, k), (k, n))
    assert work.moved_bytes == a.nbytes + b.nbytes + result.nbytes


class Operations(TorchDispatchMode):
    """Counts the operations that are called, views aside."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("shape", [(), (7,), (4, 6), (2, 0, 3)], ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
def test_a_softmax_is_as_many_operations_an_element_as_it_takes_by_hand(shape, dtype):
    x = torch.ones(shape, dtype=dtype, device="cpu")
    work = Work.softmax(shape, dtype.itemsize)
    with Operations() as operations:
        kernels.softmax(torch.ones(3, 5, device="cpu"))
    assert operations.count - 1 == 5  # one made the ones
    assert work.flops == 5 * x.numel()
    assert work.moved_bytes == x.nbytes + torch.softmax(x, -1).nbytes if shape else 2 * x.nbytes


@given(st.integers(1, 9), st.integers(1, 9))
def test_element_wise_work_reads_every_operand_in_its_own_shape(rows, columns):
    x, bias = torch.ones(rows, columns, device="cpu"), torch.ones(columns, device="cpu")
    work = Work.elementwise(x.shape, bias.shape, operations=2)
    assert work.flops == 2 * (x * 2 + bias).numel()
    assert work.moved_bytes == x.nbytes + bias.nbytes + (x * 2 + bias).nbytes
    with pytest.raises(broadcasting.BroadcastError):
        Work.elementwise((rows, columns + 1), (columns + 2,))


@given(st.lists(st.integers(0, 5), max_size=3), st.sampled_from([torch.int8, torch.float32]))
def test_a_copy_reads_and_writes(shape, dtype):
    x = torch.ones(shape, dtype=dtype, device="cpu")
    work = Work.copy(shape, dtype.itemsize)
    assert (work.flops, work.moved_bytes) == (0, x.nbytes + x.clone().nbytes)


def test_shapes_that_are_none():
    for make in (Work.softmax, Work.copy, Work.elementwise):
        with pytest.raises((TypeError, ValueError)) as raised:
            make((2, -3))
        assert "-3" in str(raised.value)


def test_intensity():
    assert Work(10, 4).intensity == 2.5
    assert Work(10, 0).intensity == math.inf
    assert math.isnan(Work(0, 0).intensity)


rates = st.floats(1e-3, 1e15)
counts = st.integers(1, 10**15)


@given(counts, counts, rates, rates)
def test_the_roof(flops, moved, peak, bandwidth):
    work, machine = Work(flops, moved), Ceiling("cpu", "float32", peak, bandwidth)
    # The two ways to write the model (Williams et al. 2009) are one: time by the slower limit, rate by the lower roof.
    assert machine.seconds(work) == pytest.approx(flops / machine.attainable(work.intensity))
    assert machine.attainable(machine.ridge) == pytest.approx(peak)
    assert machine.attainable(machine.ridge / 2) == pytest.approx(peak / 2)
    assert machine.attainable(machine.ridge * 2) == peak
    at_the_roof = Candidate("a", a_measurement(machine.seconds(work)), 1.0, (1.0, 1.0), work, machine)
    assert at_the_roof.share == pytest.approx(1)
    assert at_the_roof.flops_per_second == pytest.approx(machine.attainable(work.intensity))
    assert at_the_roof.bytes_per_second * work.intensity == pytest.approx(at_the_roof.flops_per_second)


def test_without_work_or_ceiling_there_is_no_share():
    for work, ceiling in [(None, ONE), (Work.copy(3), None), (Work(0, 0), ONE)]:
        assert a_comparison(work, ceiling).candidates[0].share is None
    nothing = a_comparison().candidates[0]
    assert (nothing.flops_per_second, nothing.bytes_per_second) == (None, None)


@pytest.fixture
def measured(monkeypatch):
    """Let a product of ``n`` rows run at a rate that is given by ``n``, and a copy at 32 bytes a second."""
    rates, seen = {}, []

    def measure(function, *arguments, **_):
        if arguments:
            return a_measurement(arguments[0].nbytes / 32 / 0.8)
        n = function().shape[0]
        seen.append(n)
        return a_measurement(2 * n**3 / rates[n] / 0.8)  # of which the fastest is 0.8

    monkeypatch.setattr(_machine, "measure", measure)
    return rates, seen


def test_the_ceiling_is_the_best_product_and_a_copy_both_ways(measured):
    rates, seen = measured
    rates |= {64: 1e12, 256: 2e10, 512: 5e10, 1024: 4e10}
    found = benchmark.ceiling(torch.float32, "cpu", largest=1024, copy_bytes=2**10)
    assert seen == [256, 512, 1024]
    assert found.flops_per_second == pytest.approx(5e10)
    assert found.bytes_per_second == pytest.approx(64)
    seen.clear()
    for seconds, tried in [(0.051, [256]), (0.049, [256, 512])]:
        seen.clear()
        rates |= {256: 2 * 256**3 / seconds, 512: 1e6}
        found = benchmark.ceiling(torch.float32, "cpu", copy_bytes=2**10)
        assert found.flops_per_second == pytest.approx(rates[256])
        assert seen == tried
    seen.clear()
    assert benchmark.ceiling(torch.float32, "cpu", largest=64, copy_bytes=2**10).flops_per_second == pytest.approx(1e12)
    assert seen == [64]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64, "tf32"], ids=str)
def test_a_ceiling_of_this_machine(dtype):
    before = torch.backends.cuda.matmul.fp32_precision
    found = benchmark.ceiling(dtype, "cpu", seconds=1e-6, largest=64, copy_bytes=2**12)
    assert (found.device, found.dtype) == ("cpu", str(dtype).removeprefix("torch."))
    assert found.flops_per_second > 0 < found.bytes_per_second
    assert torch.backends.cuda.matmul.fp32_precision == before
    assert re.fullmatch(r"cpu, \w+: [\d,.]+ GFLOP/s, [\d,.]+ GB/s, ridge at intensity [\d,.]+", str(found))


def test_errors_of_a_ceiling():
    with pytest.raises(TypeError) as raised:
        benchmark.ceiling(torch.int64)
    assert str(raised.value) == "dtype is torch.int64; give a floating-point dtype, such as torch.float32, or 'tf32'"
    for name in ("largest", "copy_bytes"):
        with pytest.raises(ValueError) as raised:
            benchmark.ceiling(**{name: 0})
        assert str(raised.value) == f"{name} is 0; there has to be something to measure: write 1 or more"


# The suite


@pytest.mark.claim("softmax-speed")
@pytest.mark.parametrize("name", benchmark.GROUPS)
def test_candidates_of_the_suite_compute_the_same(name):
    found = GROUPS[name].implementations(64, CPU)
    assert len(found) >= 2
    results = {candidate: torch.as_tensor(each.function()) for candidate, each in found.items()}
    expected = next(iter(results.values()))
    for candidate, result in results.items():
        if candidate == "x.mT.contiguous()":
            result, expected = result.mT, expected.view(64, 64)  # noqa: PLW2901  the transposed copy
        tolerance = {"bfloat16": 0.5, "float16": 0.1}.get(candidate, 1e-5)
        torch.testing.assert_close(result.float().flatten(), expected.flatten(), rtol=tolerance, atol=tolerance)


def test_only_the_view_shares_memory_and_does_no_work():
    found = GROUPS["view"].implementations(64, CPU)
    moved = {candidate: (each.function().data_ptr(), each.work.moved_bytes) for candidate, each in found.items()}
    addresses = [address for address, _ in moved.values()]
    assert found["x.view(-1)"].function().data_ptr() == addresses[0]  # the same every time
    assert addresses[0] not in addresses[1:]
    assert [amount for _, amount in moved.values()] == [0, 2 * 64 * 64 * 4, 2 * 64 * 64 * 4]


def test_precision_is_set_for_every_product_and_put_back(monkeypatch):
    monkeypatch.setattr(_suite, "has_tf32", lambda _: True)
    found = GROUPS["dtypes"].implementations(64, CPU)
    assert list(found) == ["float32", "tf32", "bfloat16", "float16"]
    seen = {}
    for candidate, each in found.items():
        each.function()
        seen[candidate] = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "none"
    assert seen == {"float32": "ieee", "tf32": "tf32", "bfloat16": "ieee", "float16": "ieee"}
    assert [each.work.moved_bytes // 64**2 for each in found.values()] == [12, 12, 6, 6]
    benchmark.suite(only=["matmul"], device="cpu", **TINY)
    assert torch.backends.cuda.matmul.fp32_precision == "none"


@pytest.fixture(scope="module")
def results():
    """Return what the suite gives when the device ``meta`` stands in for an accelerator."""
    return benchmark.suite(device="meta", **TINY)


def test_the_suite(results):
    shape = [(entry.group, entry.size, entry.device) for entry in results.entries]
    assert shape[:1] == [("matmul", 64, "meta")]
    assert shape[1:] == [(name, 64, device) for name in benchmark.GROUPS[1:] for device in ("cpu", "meta")]
    names = [[candidate.name for candidate in entry.comparison.candidates] for entry in results.entries]
    assert names[0] == ["NumPy", "PyTorch cpu", "PyTorch meta"]
    assert names[1] == names[2] == ["float32", "bfloat16", "float16"]
    dtypes = [(each.device, each.dtype) for each in results.ceilings]
    assert dtypes == list(itertools.product(["cpu", "meta"], ["float32", "bfloat16", "float16"]))
    assert [candidate.ceiling.device for candidate in results.entries[0].comparison.candidates] == [
        "cpu",
        "cpu",
        "meta",
    ]
    assert [candidate.ceiling.dtype for candidate in results.entries[1].comparison.candidates] == names[1]
    for entry in results.entries:
        for candidate in entry.comparison.candidates:
            assert candidate.ceiling in results.ceilings
            assert candidate.time.device == entry.device
            assert (candidate.share is None) == (candidate.name == "x.view(-1)")
    assert results.settings == benchmark.Settings(benchmark.GROUPS, "meta", 64, 1e-6, 30.0, 2**12)
    assert results.omitted == ()


def test_the_suite_says_where_it_ran(results):
    assert results.versions["torch"] == torch.__version__
    assert results.versions["numpy"] == np.__version__
    assert results.machine.threads == torch.get_num_threads()
    assert results.machine.cores >= 1
    assert results.machine.cpu
    assert results.machine.accelerator == "meta"
    assert benchmark.suite(only=["view"], device="cpu", **TINY).machine.accelerator is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", results.date)


def test_the_table_has_a_row_a_candidate_and_notes_on_all(results):
    table, notes = results.table(), results.notes()
    assert table[0] == (
        *("group", "n", "device", "candidate", "median ms", "quartiles", "ratio", "95 % interval"),
        *("GFLOP/s", "GB/s", "of ceiling"),
    )
    assert len(table) == 1 + sum(len(entry.comparison.candidates) for entry in results.entries)
    assert table[1][:4] == ("matmul", "64", "meta", "NumPy")
    assert notes[0] == "n: matrices are n × n, float32 where nothing else is said."
    assert [note for note in notes if note.startswith("Ceiling: ")] == [
        f"Ceiling: {each}." for each in results.ceilings
    ]
    assert notes[-1].startswith(f"Measured on {results.date}: {results.machine}; python ")


def test_progress_is_told_before_every_step():
    told = []
    benchmark.suite(only=["softmax", "view"], device="cpu", **TINY, progress=lambda *step: told.append(step))
    assert told == [
        (0, 3, "ceiling, cpu, float32"),
        (1, 3, "softmax, cpu, n = 64"),
        (2, 3, "view, cpu, n = 64"),
        (3, 3, "done"),
    ]


def test_what_would_take_too_long_is_left_out_and_said(monkeypatch):
    def implementations(n, device):
        return {name: Implementation(lambda: None, Work(n**3, 0), device) for name in ("fast", "slow")}

    def compare(functions, **options):
        found = original({name: lambda: None for name in functions}, **options)
        pace = {"fast": 1e-9, "slow": 1e-6}
        paced = (
            dataclasses.replace(each, time=a_measurement(pace[each.name] * each.work.flops))
            for each in found.candidates
        )
        return Comparison(tuple(paced))

    original = benchmark.compare
    monkeypatch.setattr(_suite, "compare", compare)
    monkeypatch.setitem(GROUPS, "view", Group(implementations, (64, 128, 256, 512)))
    found = benchmark.suite(only=["view"], device="cpu", seconds=1e-6, largest=512, copy_bytes=2**12, limit=30.0)
    # 9 calls of 128³ microseconds are 19 s, of 256³ 151 s.
    names = [[candidate.name for candidate in entry.comparison.candidates] for entry in found.entries]
    assert names == [["fast", "slow"], ["fast", "slow"], ["fast"], ["fast"]]
    assert found.omitted == (
        benchmark.Omission("view", 256, "cpu", "slow", "it would take about 151 s, the limit is 30 s"),
        benchmark.Omission("view", 512, "cpu", "slow", "it would take about 1,208 s, the limit is 30 s"),
    )
    assert "Left out: view, n = 256, cpu, slow: it would take about 151 s, the limit is 30 s." in found.notes()


def test_what_does_not_fit_into_the_memory_is_left_out_and_said(monkeypatch):
    def implementations(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(GROUPS, "view", Group(implementations, (64,)))
    found = benchmark.suite(only=["view"], device="cpu", **TINY)
    assert found.entries == ()
    assert found.omitted == (benchmark.Omission("view", 64, "cpu", "all", "the memory of the device is too small"),)
    assert len(found.table()) == 1


@pytest.mark.usefixtures("host")
def test_errors_of_the_suite():
    for options, words in [
        (
            {"only": ["matmul", "matmull"]},
            "only[1] is 'matmull'; write 'matmul', 'dtypes', 'softmax', 'elementwise', 'view' or 'broadcasting'",
        ),
        ({"largest": 63}, "largest is 63; the smallest matrices of the suite have 64 rows: write at least that"),
        (
            {"limit": math.inf},
            "limit is inf; it is a time that passes and ends: write more than 0 seconds, such as 0.2",
        ),
        (
            {"seconds": math.nan},
            "seconds is nan; it is a time that passes and ends: write more than 0 seconds, such as 0.2",
        ),
        ({"device": "cuda"}, "device is 'cuda', available are cpu; devices.status() says why"),
    ]:
        with pytest.raises(ValueError) as raised:
            benchmark.suite(**options)
        assert str(raised.value) == words


# The machine


def test_the_processor_of_each_system(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(_machine, "Path", lambda _: file)
    file.write_text("processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nmodel name\t: Another\n")
    assert _machine.processor() == "A Processor @ 2 GHz"
    file.write_text("CPU part\t: 0xd0c\n")  # as on ARM
    monkeypatch.setattr(_machine.platform, "system", lambda: "Linux")
    monkeypatch.setattr(_machine.platform, "processor", lambda: "")
    monkeypatch.setattr(_machine.platform, "machine", lambda: "aarch64")
    assert _machine.processor() == "aarch64"
    file.unlink()
    monkeypatch.setattr(_machine.platform, "system", lambda: "Darwin")
    run = type("Run", (), {"stdout": "Apple M4\n"})
    monkeypatch.setattr(_machine.subprocess, "run", lambda *_, **__: run)
    assert _machine.processor() == "Apple M4"


def test_the_accelerator_of_each_kind(monkeypatch):
    properties = type("Properties", (), {"total_memory": 80 * 2**30})
    for kind in ("cuda", "xpu"):
        module = getattr(torch, kind)
        monkeypatch.setattr(module, "get_device_name", lambda device: f"Card {device}")
        monkeypatch.setattr(module, "get_device_properties", lambda _: properties)
        assert _machine.accelerator(torch.device(kind, 1)) == (f"Card {kind}:1", 80 * 2**30)
    monkeypatch.setattr(torch.backends.mps, "get_name", lambda: "Apple M4")
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * 2**30)
    assert _machine.accelerator(torch.device("mps")) == ("Apple M4", 12 * 2**30)
    assert _machine.accelerator(CPU) == (None, None)
    machine = benchmark.Machine("CPU", 8, 4, None, *_machine.accelerator(torch.device("mps")))
    assert str(machine) == "CPU, 8 cores, 4 threads; Apple M4, 12 GiB"


# The file


def test_what_is_written_is_read(results, tmp_path):
    file = tmp_path / "results.json"
    benchmark.write(results, file)
    assert benchmark.read(file) == results
    assert benchmark.read(str(file)) == results
    data = json.loads(file.read_text("utf-8"))
    assert data["entries"][0]["comparison"]["candidates"][0]["work"]["flops"] == 2 * 64**3


def in_place(path, change):
    """Return what changes one field of a result, by its path."""

    def apply(data):
        *way, last = path
        for key in way:
            data = data[key]
        if change is None:
            del data[last]
        else:
            data[last] = change

    return apply


TIME = ("entries", 0, "comparison", "candidates", 1, "time")
BROKEN = {
    "text for an integer": (
        in_place(("entries", 3, "size"), "64"),
        "entries[3].size is '64', an integer of at least 0 is wanted",
    ),
    "true for an integer": (
        in_place(("entries", 3, "size"), change=True),
        "entries[3].size is True, an integer of at least 0 is wanted",
    ),
    "a fraction for an integer": (
        in_place(("entries", 3, "size"), 6.5),
        "entries[3].size is 6.5, an integer of at least 0 is wanted",
    ),
    "text for a number": (
        in_place((*TIME, "median"), "nan"),
        "entries[0].comparison.candidates[1].time.median is 'nan', a finite number above 0 is wanted",
    ),
    "an integer for text": (in_place(("date",), 2026), "date is 2026, a string is wanted"),
    "one quartile": (
        in_place((*TIME, "quartiles"), [0.1]),
        "entries[0].comparison.candidates[1].time.quartiles has 1 items, 2 are wanted",
    ),
    "a field that is not there": (
        in_place((*TIME, "runs"), None),
        "entries[0].comparison.candidates[1].time lacks 'runs'",
    ),
    "a field too many": (in_place(("machine", "color"), "gray"), "machine has an unknown 'color'"),
    "an object for a list": (in_place(("entries",), {}), "entries is {}, a list is wanted"),
    "a list for an object": (
        in_place(("machine",), [1] * 40),
        "machine is [1, 1, 1, 1, 1, 1, 1, 1, ...], an object is wanted",
    ),
    "a list for a table": (in_place(("versions",), []), "versions is [], an object is wanted"),
    "a number for a version": (in_place(("versions", "numpy"), 2.4), "versions.numpy is 2.4, a string is wanted"),
    "nothing at all": (dict.clear, "it lacks 'format'"),
}


@pytest.mark.parametrize(("breaks", "words"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_result_is_refused(results, tmp_path, breaks, words):
    data = results.to_dict()
    breaks(data)
    file = tmp_path / "results.json"
    file.write_text(json.dumps(data), "utf-8")
    with pytest.raises(ValueError) as raised:
        benchmark.read(file)
    assert str(raised.value) == (
        f"{file} is not a result of the suite: {words}; run python -m tensorref bench --output again"
    )


def test_a_file_that_was_cut_off_is_refused(results, tmp_path):
    file = tmp_path / "results.json"
    benchmark.write(results, file)
    text = file.read_text("utf-8")
    for end in (0, 1, 100, len(text) // 2, len(text) - 3):
        file.write_text(text[:end], "utf-8")
        with pytest.raises(ValueError) as raised:
            benchmark.read(file)
        with pytest.raises(json.JSONDecodeError) as reason:
            json.loads(text[:end])
        assert str(raised.value) == (
            f"{file} is not a whole JSON file: {reason.value}; run python -m tensorref bench --output again"
        )


def test_other_files_are_refused(results, tmp_path):
    file = tmp_path / "results.json"
    file.write_text("[]", "utf-8")
    with pytest.raises(ValueError) as raised:
        benchmark.read(file)
    assert str(raised.value) == (
        f"{file} is not a result of the suite: it is [], an object is wanted; run python -m tensorref bench --output again"
    )
    file.write_text(json.dumps({**results.to_dict(), "format": 2}), "utf-8")
    with pytest.raises(ValueError) as raised:
        benchmark.read(file)
    assert str(raised.value) == (
        f"{file} has format 2, this tensorref reads format 1; run python -m tensorref bench --output again"
    )
    with pytest.raises(FileNotFoundError):
        benchmark.read(tmp_path / "none.json")


def numbers(facts, way=()):
    """Yield the way to every number of a result."""
    for key, value in facts.items() if isinstance(facts, dict) else enumerate(facts):
        if isinstance(value, dict | list):
            yield from numbers(value, (*way, key))
        elif type(value) in {int, float}:
            yield (*way, key), value


def changed(facts, way, value):
    """Return a result with one number changed."""
    if not way:
        return value
    key, *rest = way
    if isinstance(facts, tuple):
        return (*facts[:key], changed(facts[key], rest, value), *facts[key + 1 :])
    return dataclasses.replace(facts, **{key: changed(getattr(facts, key), rest, value)})


READ = [1, 2, 2**63, 10**400, 0.1, 5e-324, 1.7976931348623157e308]
REFUSED = [-1, True, 0.0, -0.5, math.inf, -math.inf, math.nan]


@pytest.mark.full
def test_what_write_writes_read_reads_whatever_a_number_is(results, tmp_path):
    """Each number of a result, and each odd value: refused before anything is written, or read as it was."""
    few = dataclasses.replace(results, entries=results.entries[:1], ceilings=results.ceilings[:1])
    file, tried = tmp_path / "results.json", 0
    for way, number in numbers(few.to_dict()):
        name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in way)
        for value in READ:
            if isinstance(value, type(number)) and way != ("format",):
                odd = changed(few, way, value)
                benchmark.write(odd, file)
                assert benchmark.read(file) == odd
        file.unlink(missing_ok=True)
        for value in REFUSED:
            if isinstance(value, type(number)):
                with pytest.raises(ValueError) as raised:
                    benchmark.write(changed(few, way, value), file)
                assert str(raised.value).startswith(f"results{name} is ")
                wanted = "an integer of at least 0 is wanted", "a finite number above 0 is wanted", "writes format 1"
                assert str(raised.value).endswith(wanted)
                assert not file.exists()
                tried += 1
    assert tried > 100
    with pytest.raises(ValueError) as raised:
        benchmark.write(dataclasses.replace(few, format=2), file)
    assert str(raised.value) == "results.format is 2, this tensorref writes format 1"


@given(st.text(), st.text(), st.floats(0, exclude_min=True, allow_infinity=False), st.integers(0))
def test_what_write_writes_read_reads_whatever_its_words_are(tmp_path_factory, name, reason, seconds, size):
    file = tmp_path_factory.getbasetemp() / "odd.json"
    odd = benchmark.Results(
        1,
        name,
        benchmark.Machine(name, size, size, size, reason),
        {name: reason},
        benchmark.Settings((name,), reason, size, seconds, seconds, size),
        (Ceiling(name, reason, seconds, seconds),),
        (),
        (benchmark.Omission(name, size, reason, name, reason),),
    )
    benchmark.write(odd, file)
    assert benchmark.read(file) == odd


def test_a_file_of_hostile_text_is_refused_in_words(results, tmp_path):
    file = tmp_path / "results.json"
    text = json.dumps(results.to_dict())
    for hostile, words in {
        b"\xff": "is not a whole JSON file: 'utf-8' codec can't decode",
        b"[" * 100_000: "is not a whole JSON file: ",
        text.replace('"limit": 30.0', f'"limit": {"9" * 5000}').encode(): "is not a whole JSON file: Exceeds the limit",
        text.replace(
            '"limit": 30.0', f'"limit": {"9" * 400}'
        ).encode(): "settings.limit is an int of 1329 bits, a finite",
        text.replace(
            '"limit": 30.0', '"limit": 1e999'
        ).encode(): "settings.limit is inf, a finite number above 0 is wanted",
        text.replace(
            '"limit": 30.0', '"limit": NaN'
        ).encode(): "settings.limit is nan, a finite number above 0 is wanted",
    }.items():
        file.write_bytes(hostile)
        with pytest.raises(ValueError) as raised:
            benchmark.read(file)
        assert type(raised.value) is ValueError
        assert words in str(raised.value)
        assert len(str(raised.value)) < 400 + len(str(file))


def test_integers_are_numbers_and_null_is_nothing(results, tmp_path):
    data = results.to_dict()
    data["settings"]["seconds"], data["machine"]["memory"] = 1, None
    file = tmp_path / "results.json"
    file.write_text(json.dumps(data), "utf-8")
    found = benchmark.read(file)
    assert type(found.settings.seconds) is float
    assert found.machine.memory is None


def test_runs_are_timed_by_the_standard_library(host, monkeypatch):
    """Its timer switches garbage collection off, which no candidate should pay for."""
    made = []

    class Recorded(timeit.Timer):
        def __init__(self, *arguments, **options):
            made.append(arguments)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(_timing.timeit, "Timer", Recorded)
    benchmark.measure(host.function("f", always(1.0)))
    assert len(made) == 1


@pytest.mark.usefixtures("unchecked")
def test_numbers_of_numpy_are_numbers(tmp_path):
    results = benchmark.suite(
        only=["view"], device="cpu", largest=np.int64(64), seconds=0.001, copy_bytes=np.int64(2**16)
    )
    benchmark.write(results, tmp_path / "results.json")
    assert benchmark.read(tmp_path / "results.json") == results
    ceiling = benchmark.ceiling(device="cpu", seconds=0.001, largest=np.int64(64), copy_bytes=2**16)
    assert ceiling.dtype == "float32"
