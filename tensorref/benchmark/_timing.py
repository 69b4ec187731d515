"""How long functions take, in turns, and the table that says so."""

from __future__ import annotations

import math
import statistics
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, sleep
from typing import Any

import torch
from torch import Tensor

from tensorref import devices
from tensorref._arguments import as_device, as_function, as_number, quoted
from tensorref._explanation import Diagram
from tensorref.benchmark._table import NOTHING, figure, note_of_caches, scale, table
from tensorref.benchmark._work import Ceiling, Work

_LEAST_ROUNDS = 6  # of six values, the least and the greatest have the median between them with 97 %
CALLS_AT_LEAST = 3 + _LEAST_ROUNDS  # three to warm up


@dataclass(frozen=True)
class Measurement:
    """How long a function takes: what `measure` returns.

    >>> from tensorref import benchmark
    >>> time = benchmark.Measurement(0.00182, (0.0018, 0.00184), fastest=0.00179, runs=110, calls=5, device="cpu")
    >>> print(time)
    1.82 ms ± 0.04 ms (median and interquartile range of 110 runs on cpu)
    """

    median: float
    """Seconds per call in the middle run; half of the runs took longer."""
    quartiles: tuple[float, float]
    """Seconds per call; a quarter of the runs took less than the first, a quarter more than the second."""
    fastest: float
    """Seconds per call in the fastest run, which was the one disturbed least."""
    runs: int
    """How many runs there were."""
    calls: int
    """How many calls make a run, more than one where a call is short."""
    device: str
    """The device that was waited for."""

    @property
    def spread(self) -> float:
        """The interquartile range in seconds; the middle half of the runs lies this close together."""
        return self.quartiles[1] - self.quartiles[0]

    def __str__(self) -> str:
        factor, unit = scale(self.median)
        return (
            f"{self.median * factor:.2f} {unit} ± {self.spread * factor:.2f} {unit} "
            f"(median and interquartile range of {self.runs} runs on {self.device})"
        )


@dataclass(frozen=True)
class Candidate:
    """One function of a `Comparison`: its time, its ratio to the first, and what it reached.

    >>> from tensorref import benchmark
    >>> candidate = benchmark.Candidate(
    ...     name="torch.matmul",
    ...     time=benchmark.Measurement(0.04, (0.039, 0.042), fastest=0.038, runs=20, calls=1, device="cpu"),
    ...     ratio=0.5,
    ...     interval=(0.48, 0.53),
    ...     work=benchmark.Work.matmul(1000, 1000, 1000),
    ...     ceiling=benchmark.Ceiling("cpu", "float32", flops_per_second=80e9, bytes_per_second=20e9),
    ... )
    >>> candidate.flops_per_second, candidate.bytes_per_second, candidate.share
    (50000000000.0, 300000000.0, 0.625)
    """

    name: str
    time: Measurement
    ratio: float
    """The median of its times, each divided by that of the first candidate in the same round."""
    interval: tuple[float, float]
    """Where the true median of the ratio lies, with at least 95 %."""
    work: Work | None
    ceiling: Ceiling | None

    @property
    def flops_per_second(self) -> float | None:
        """Floating-point operations per second at the median, or None where the work is not known."""
        return None if self.work is None else self.work.flops / self.time.median

    @property
    def bytes_per_second(self) -> float | None:
        """Number of bytes read and written per second at the median, or None where the work is not known."""
        return None if self.work is None else self.work.moved_bytes / self.time.median

    @property
    def share(self) -> float | None:
        """Part of the ceiling that was reached, 1 for all of it; None where there is nothing to do or no ceiling to reach."""
        if self.work is None or self.ceiling is None or not (self.work.flops or self.work.moved_bytes):
            return None
        return self.ceiling.seconds(self.work) / self.time.median

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in its row of a table; a dash where there is nothing to say."""
        first, rates = self.interval == (1, 1), (self.flops_per_second, self.bytes_per_second)
        return (
            figure(1e3 * self.time.median),
            " – ".join(figure(1e3 * quartile) for quartile in self.time.quartiles),
            NOTHING if first else figure(self.ratio),
            NOTHING if first else " – ".join(map(figure, self.interval)),
            *(NOTHING if rate is None else figure(rate / 1e9) for rate in rates),
            NOTHING if self.share is None else f"{figure(100 * self.share)} %",
        )


@dataclass(frozen=True)
class Comparison(Diagram):
    """How long each of several functions takes: what `compare` returns.

    >>> from tensorref import benchmark
    >>> one = benchmark.Measurement(0.0004, (0.00039, 0.00042), fastest=0.00038, runs=8, calls=20, device="cpu")
    >>> two = benchmark.Measurement(0.001, (0.00098, 0.0011), fastest=0.00097, runs=8, calls=8, device="cpu")
    >>> work = benchmark.Work.softmax((1000, 1000))
    >>> comparison = benchmark.Comparison(
    ...     (
    ...         benchmark.Candidate("torch.softmax", one, 1.0, (1.0, 1.0), work, None),
    ...         benchmark.Candidate("by hand", two, 2.5, (2.41, 2.62), work, None),
    ...     )
    ... )
    >>> print(comparison)
    candidate      median ms      quartiles  ratio  95 % interval  GFLOP/s  GB/s
    torch.softmax      0.400  0.390 – 0.420      –              –     12.5  20.0
    by hand             1.00   0.980 – 1.10   2.50    2.41 – 2.62     5.00  8.00
    * ratio: time over that of torch.softmax in the same round, the median of the rounds.
    """

    candidates: tuple[Candidate, ...]
    """In the order in which they were given; the first is what the others are compared with."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a heading, then a row a candidate; columns that nobody fills are left out."""
        return table(("candidate",), [(candidate.name, *candidate.cells) for candidate in self.candidates])

    def notes(self) -> tuple[str, ...]:
        """Return how to read the table, a sentence each."""
        first, *others = (candidate.name for candidate in self.candidates)
        ratio = f"ratio: time over that of {first} in the same round, the median of the rounds."
        return (*([ratio] if others else []), *note_of_caches(candidate.share for candidate in self.candidates))


def measure(
    function: Callable[..., Any], *arguments: Any, seconds: float = 0.2, device: torch.device | str | None = None
) -> Measurement:
    """Measure how long ``function(*arguments)`` takes: after a warm-up, over many runs, to the end of the work.

    >>> import torch
    >>> from tensorref import benchmark
    >>> x = torch.ones(64, 64, device="cpu")
    >>> time = benchmark.measure(torch.softmax, x, -1, seconds=0.01)
    >>> time.runs >= 6, time.device
    (True, 'cpu')

    Parameters
    ----------
    function
        What to call. What it returns is thrown away.
    *arguments
        What to call it with.
    seconds
        How long the runs take together, at least; six runs where those take longer. The warm-up comes on top.
    device
        The accelerator to wait for. By default the device of the first tensor among `arguments`, and without one
        `tensorref.devices.best`.

    Returns
    -------
    :
        Median and spread in seconds per call. Compare with what was measured in the same process only.

    Raises
    ------
    ValueError
        If `seconds` is not positive and finite, or `device` is not available here.

    See Also
    --------
    compare : for more than one function; it is what measures here too.
    torch.utils.benchmark.Timer : PyTorch's own, for a statement as text.
    """
    as_function(function, "function")
    if device is None:
        device = next((argument.device for argument in arguments if isinstance(argument, Tensor)), None)
    return compare({"function": partial(function, *arguments)}, seconds=seconds, device=device).candidates[0].time


def compare(  # noqa: PLR0913  each is one setting
    functions: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 0.2,
    pause: float = 0.0,
    device: torch.device | str | None = None,
    work: Work | Mapping[str, Work] | None = None,
    ceiling: Ceiling | Mapping[str, Ceiling] | None = None,
) -> Comparison:
    """Compare how long functions take: warmed up, in turns, each to the end of its work.

    >>> import torch
    >>> from tensorref import benchmark
    >>> a, b = torch.randn(64, 64), torch.randn(64, 64)
    >>> comparison = benchmark.compare(
    ...     {"@": lambda: a @ b, "einsum": lambda: torch.einsum("ik,kj->ij", a, b)},
    ...     seconds=0.01,
    ...     work=benchmark.Work.matmul(64, 64, 64),
    ... )
    >>> comparison.candidates[0].ratio, comparison.candidates[1].work.flops
    (1.0, 524288)

    Parameters
    ----------
    functions
        What to call, without arguments, by the name that the table shows. The others are compared with the first.
    seconds
        How long the runs of each take together, at least; six runs where those take longer. The warm-up comes on top.
    pause
        Seconds of rest between a candidate and another. Where libraries bring threads of their own, as NumPy's OpenBLAS
        and PyTorch do, those of one look out for work for about 0.1 s after their last, on the cores that the other needs.
    device
        The accelerator to wait for; by default `tensorref.devices.best`, so that nothing is measured short.
    work
        What there is to do, for all or by name; the table then shows operations and bytes a second.
    ceiling
        What the machine can do, for all or by name; the table then shows which part of it was reached.

    Returns
    -------
    :
        Median and spread of every candidate, and its ratio to the first; ``print`` shows a table.

    Raises
    ------
    ValueError
        If there are no `functions`, `seconds` is not positive and finite, `pause` is negative or infinite, `device` is
        not available here, or `work` or `ceiling` has a name that `functions` has not.
    TypeError
        If one of `functions` cannot be called.

    See Also
    --------
    torch.utils.benchmark.Timer : measures one statement at a time, with as many threads as it is told, by default one.

    Notes
    -----
    Every function is called once, which counts nowhere: it may load, compile and allocate. Then it is called until it is
    known how many calls last a twentieth of `seconds`, beside which the clock and the wait for the device are short; that
    many are a run. In a round each candidate has one run, and the next round begins with the next candidate: A B, B A for
    two. The rounds end when every candidate was each turn equally often. A run is one of the standard library's
    ``timeit.Timer``, which switches garbage collection off meanwhile and adds some 50 ns a call; as many threads compute as
    outside.

    A ratio divides two runs of the same round, so that a machine that gets slower on the way slows both. The interval is
    that of the sign test: it needs no assumption about how times are distributed, only that rounds do not depend on each
    other (David and Nagaraja, *Order Statistics*, on confidence intervals for quantiles).
    """
    _check(functions, work=work, ceiling=ceiling)
    seconds, pause = as_seconds(seconds, "seconds"), as_number(pause, "pause")
    if not 0 <= pause < math.inf:
        raise ValueError(f"pause is {pause}; a rest has an end, and none is the shortest: write 0 or more seconds")
    place = devices.best() if device is None else as_device(device)
    clock = _clock(place)
    timers = [timeit.Timer(function, timer=clock) for function in functions.values()]
    calls = [_calls(timer, seconds / 20, pause) for timer in timers]
    rounds = _rounds(timers, calls, seconds, pause)
    candidates: list[Candidate] = []
    for index, name in enumerate(functions):
        times = [times[index] for times in rounds]
        ratios = [times[index] / times[0] for times in rounds]
        first, median, third = statistics.quantiles(times, method="inclusive")
        time = Measurement(median, (first, third), min(times), len(times), calls[index], str(place))
        candidates.append(
            Candidate(name, time, statistics.median(ratios), _interval(ratios), _of(work, name), _of(ceiling, name))
        )
    return Comparison(tuple(candidates))


def _check(functions: Any, **by_name: Any) -> None:
    """Raise an error about what `compare` was given."""
    if not isinstance(functions, Mapping) or not functions:
        raise ValueError(
            f'functions is {quoted(functions)}; give at least one by its name: {{"torch.add": lambda: x + y}}'
        )
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(
                f"functions[{name!r}] is {type(function).__name__}, which cannot be called; give what computes it: "
                "lambda: ..."
            )
    for argument, given in by_name.items():
        if given is not None and not isinstance(given, (Mapping, Work, Ceiling)):
            raise TypeError(f"{argument} is {quoted(given)}, of type {type(given).__name__}; give one or one by name")
        for name in given if isinstance(given, Mapping) else ():
            if name not in functions:
                raise ValueError(f"{argument} has {name!r}, functions has {', '.join(map(repr, functions))}")


def as_seconds(value: Any, argument: str) -> float:  # numpydoc ignore=PR01
    """Return a time that passes and ends, or raise an error that names `argument`."""
    seconds = as_number(value, argument)
    if not 0 < seconds < math.inf:
        raise ValueError(
            f"{argument} is {seconds}; it is a time that passes and ends: write more than 0 seconds, such as 0.2"
        )
    return seconds


def _clock(place: torch.device) -> Callable[[], float]:
    """Return a clock that waits for a device before it tells the time."""
    devices.synchronize(place)  # raises where it is not available
    if place.type in {"cpu", "meta"}:
        return lambda: perf_counter()  # noqa: PLW0108  looked up at every call, so that a test can set it

    def clock() -> float:
        torch.accelerator.synchronize(place)
        return perf_counter()

    return clock


def _calls(timer: timeit.Timer, block: float, pause: float) -> int:
    """Warm a function up, and return how many calls last as many seconds as `block`."""
    sleep(pause)
    timer.timeit(1)
    calls = 1
    while (time := min(timer.timeit(calls), timer.timeit(calls))) < block:  # of two, one may have been disturbed
        calls = 10 * calls if 10 * time < block else math.ceil(1.1 * calls * block / time)
    return calls


def _rounds(timers: list[timeit.Timer], calls: list[int], seconds: float, pause: float) -> list[list[float]]:
    """Return for every round the seconds per call of each timer, in their order, whoever went first."""
    count = len(timers)
    rounds: list[list[float]] = []
    spent, last = 0.0, len(timers) - 1  # the one that was warmed up last
    while spent < seconds * count or len(rounds) < _LEAST_ROUNDS or len(rounds) % count:
        first = len(rounds) % count
        times: dict[int, float] = {}
        for turn in (*range(first, count), *range(first)):
            if turn != last:
                sleep(pause)
            times[turn] = timers[turn].timeit(calls[turn])
            last = turn
        spent += sum(times.values())
        rounds.append([times[index] / calls[index] for index in range(count)])
    return rounds


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Return two of at least six values that have the median of their distribution between them with at least 95 %."""
    ordered, count = sorted(values), len(values)
    outside, below = 0, -1
    while 40 * (outside + math.comb(count, below + 1)) <= 2**count:  # in ints: 2**1024 is no float
        below += 1
        outside += math.comb(count, below)
    return ordered[below], ordered[-1 - below]


def _of(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, Mapping) else given
