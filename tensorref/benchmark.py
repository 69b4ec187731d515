"""How long something takes, which of several takes longer, and what keeps each from being faster.

>>> import torch
>>> from tensorref import benchmark, kernels
>>> x = torch.randn(64, 64)
>>> comparison = benchmark.compare(
...     {"torch.softmax": lambda: torch.softmax(x, -1), "by hand": lambda: kernels.softmax(x)}, seconds=0.01
... )
>>> [candidate.name for candidate in comparison.candidates]
['torch.softmax', 'by hand']

``print(comparison)`` shows a table. ``time.time()`` around one call measures the wrong thing: the first call also loads
and compiles, an accelerator is still at work when it returns, one number does not say how far the next would be from it,
and a machine that slows down between two candidates decides between them. `compare` therefore calls before it counts,
waits for the device at both ends of every run, lets the candidates take turns, and divides their times turn by turn.
`measure` does the same for one function.

Whether a time is good, only the machine can say. A kernel has to do its arithmetic and to move its bytes (`Work`), the
machine can do only so much of each in a second (`ceiling`), and the time cannot be shorter than the longer of the two
takes. This is the roofline model (`Williams, Waterman and Patterson 2009 <https://doi.org/10.1145/1498765.1498785>`__): left of the
ridge, with few operations a byte, memory is the limit, and right of it arithmetic.

>>> machine = benchmark.Ceiling(device="cpu", dtype="float32", flops=80e9, bandwidth=20e9)
>>> machine.ridge
4.0
>>> benchmark.Work.softmax((1000, 1000)).intensity, benchmark.Work.matmul(1024, 1024, 1024).intensity
(0.625, 170.66666666666666)

A whole set runs with ``python -m tensorref bench``, which is `suite`; `write` and `read` keep its result.
"""

from __future__ import annotations

import json
import math
import statistics
import timeit
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import prod
from os import PathLike
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import torch
    from torch import Tensor

    from tensorref import _machine
    from tensorref._matrices import Dtype, normal, precision_kept, product

from tensorref import broadcasting, devices, matmul
from tensorref._explanation import Diagram
from tensorref._records import record
from tensorref._shape import as_shape
from tensorref._typing import Number, ShapeLike

__all__ = [
    "GROUPS",
    "Candidate",
    "Ceiling",
    "Comparison",
    "Entry",
    "Machine",
    "Measurement",
    "Omission",
    "Results",
    "Settings",
    "Work",
    "ceiling",
    "compare",
    "measure",
    "read",
    "suite",
    "write",
]

_LEAST_ROUNDS = 6  # of six values, the least and the greatest have the median between them with 97 %
CALLS_AT_LEAST = 3 + _LEAST_ROUNDS  # three to warm up
_SMALLEST = 64
_FORMAT = 1  # of the file; a change that an old reader would misread counts it up


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
        factor, unit = next(
            (scale for scale in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if self.median * scale[0] >= 1), (1e9, "ns")
        )
        return (
            f"{self.median * factor:.2f} {unit} ± {self.spread * factor:.2f} {unit} "
            f"(median and interquartile range of {self.runs} runs on {self.device})"
        )


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
        If `seconds` is not positive, or `device` is not available here.

    See Also
    --------
    compare : for more than one function; it is what measures here too.
    torch.utils.benchmark.Timer : PyTorch's own, for a statement as text.
    """
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
        If there are no `functions`, `seconds` is not positive, `pause` is negative, `device` is not available here, or
        `work` or `ceiling` has a name that `functions` has not.
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
    names = _checked(functions, seconds, pause, work=work, ceiling=ceiling)
    place = devices.best() if device is None else torch.device(device)
    clock = _clock(place)
    timers = [timeit.Timer(functions[name], timer=clock) for name in names]
    calls = [_calls(timer, seconds / 20, pause) for timer in timers]
    rounds = _rounds(timers, calls, seconds, pause)
    candidates: list[Candidate] = []
    for index, name in enumerate(names):
        times = [times[index] for times in rounds]
        ratios = [times[index] / times[0] for times in rounds]
        first, median, third = statistics.quantiles(times, method="inclusive")
        candidates.append(
            Candidate(
                name=name,
                time=Measurement(median, (first, third), min(times), len(times), calls[index], str(place)),
                ratio=statistics.median(ratios),
                interval=_interval(ratios),
                work=_of(work, name),
                ceiling=_of(ceiling, name),
            )
        )
    return Comparison(tuple(candidates))


def _checked(functions: Mapping[str, Any], seconds: float, pause: float, **by_name: object) -> tuple[str, ...]:
    """Return the names, or raise an error about what `compare` was given."""
    if not seconds > 0:
        raise ValueError(f"seconds is {seconds}; a measurement takes time: write more than 0, such as 0.2")
    if not pause >= 0:
        raise ValueError(f"pause is {pause}; there is no rest shorter than none: write 0 or more seconds")
    if not functions:
        raise ValueError('functions is empty; give at least one by its name: {"torch.add": lambda: x + y}')
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(
                f"functions[{name!r}] is {type(function).__name__}, which cannot be called; give what computes it: "
                "lambda: ..."
            )
    for argument, given in by_name.items():
        for name in given if isinstance(given, Mapping) else ():
            if name not in functions:
                raise ValueError(f"{argument} has {name!r}, functions has {', '.join(map(repr, functions))}")
    return tuple(functions)


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
    while 2 * (outside + math.comb(count, below + 1)) <= 0.05 * 2**count:
        below += 1
        outside += math.comb(count, below)
    return ordered[below], ordered[-1 - below]


def _of(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, Mapping) else given


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
    ...     ceiling=benchmark.Ceiling("cpu", "float32", flops=80e9, bandwidth=20e9),
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
        return _table(("candidate",), [((candidate.name,), candidate) for candidate in self.candidates])

    def notes(self) -> tuple[str, ...]:
        """Return how to read the table, a sentence each."""
        first, *others = (candidate.name for candidate in self.candidates)
        ratio = f"ratio: time over that of {first} in the same round, the median of the rounds."
        return (*([ratio] if others else []), *_note_of_caches(self.candidates))


_HEADING = ("median ms", "quartiles", "ratio", "95 % interval", "GFLOP/s", "GB/s", "of ceiling")


def _table(labels: tuple[str, ...], rows: list[tuple[tuple[str, ...], Candidate]]) -> tuple[tuple[str, ...], ...]:
    filled = [(*names, *_cells(candidate)) for names, candidate in rows]
    kept = [
        index
        for index in range(len(labels) + len(_HEADING))
        if index < len(labels) + 2 or any(row[index] != "–" for row in filled)
    ]
    return tuple(tuple(row[index] for index in kept) for row in ((*labels, *_HEADING), *filled))


def _cells(candidate: Candidate) -> tuple[str, ...]:
    time, share, first = candidate.time, candidate.share, candidate.interval == (1, 1)
    return (
        _figure(1e3 * time.median),
        " – ".join(_figure(1e3 * quartile) for quartile in time.quartiles),
        "–" if first else _figure(candidate.ratio),
        "–" if first else " – ".join(map(_figure, candidate.interval)),
        *(
            "–" if rate is None else _figure(rate / 1e9)
            for rate in (candidate.flops_per_second, candidate.bytes_per_second)
        ),
        "–" if share is None else f"{_figure(100 * share)} %",
    )


def _note_of_caches(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    if not any((candidate.share or 0) > 1 for candidate in candidates):
        return ()
    note = "the data stayed in a cache, which is faster than the memory; NumPy multiplied faster than PyTorch, with which the"
    return (f"Above 100 % of the ceiling: {note} ceiling is measured; or the machine was disturbed meanwhile.",)


def _figure(value: Number) -> str:
    """Write a number with three significant digits, without an exponent."""
    if value == 0:
        return "0"
    return f"{value:,.{min(9, max(0, 2 - math.floor(math.log10(abs(value)))))}f}"


@dataclass(frozen=True)
class Work:
    """What there is to do: floating-point operations, and bytes to read and write, the least for the task.

    >>> from tensorref import benchmark
    >>> benchmark.Work.matmul(32, 64, 256, itemsize=2)
    Work(flops=1048576, moved_bytes=53248, source='2 · 32 · 64 · 256 operations; both matrices read once, the product written once')

    The bytes are those of the operands and of the result, once each. What a chain of operations by hand moves beyond
    that is no part of the task; it shows as a smaller share of the ceiling. So does the line that a processor reads before
    it overwrites it.
    """

    flops: int
    """Floating-point operations, of which an addition, a multiplication, a comparison or a call of ``exp`` is one each."""
    moved_bytes: int
    """Bytes that have to be read and written."""
    source: str = ""
    """Where the counts come from."""

    @property
    def intensity(self) -> float:
        """Floating-point operations a byte; ``inf`` where no byte moves."""
        return self.flops / self.moved_bytes if self.moved_bytes else math.inf if self.flops else math.nan

    @classmethod
    def matmul(cls, m: int, k: int, n: int, itemsize: int = 4) -> Work:
        """Return the work of ``(m, k) @ (k, n)``, two operations for every term.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.matmul(1024, 1024, 1024)
        >>> work.flops == 2 * 1024**3, work.moved_bytes == 3 * 1024**2 * 4
        (True, True)

        Parameters
        ----------
        m, k, n
            Rows of the first matrix, its columns, and columns of the second.
        itemsize
            Bytes per element: 4 for float32, 2 for bfloat16.

        Returns
        -------
        :
            The counts of `tensorref.matmul.explain`; the operations are those of ``torch.utils.flop_counter`` too.
        """
        product = matmul.explain((m, k), (k, n), itemsize=itemsize)
        source = f"2 · {m} · {k} · {n} operations; both matrices read once, the product written once"
        return cls(product.flops or 0, product.moved_bytes or 0, source)

    @classmethod
    def softmax(cls, shape: ShapeLike, itemsize: int = 4) -> Work:
        """Return the work of a softmax along any axis, five operations an element.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.softmax((1000, 1000))
        >>> work.flops, work.moved_bytes
        (5000000, 8000000)

        Parameters
        ----------
        shape
            The shape of the logits.
        itemsize
            Bytes per element.

        Returns
        -------
        :
            Maximum, subtraction, ``exp``, sum and division are one operation an element each, as in the counts of
            `ELECTRA <https://github.com/google-research/electra/blob/master/flops_computation.py>`__ (Clark et al. 2020).
            An ``exp`` takes longer than an addition, so that the share of peak arithmetic is understated; a softmax is
            limited by memory on every machine that has its ridge above 5/8 of an operation a byte in float32.
        """
        elements = prod(as_shape(shape, "shape"))
        source = "5 operations an element: maximum, subtraction, exp, sum, division; read once, written once"
        return cls(5 * elements, 2 * elements * itemsize, source)

    @classmethod
    def elementwise(cls, *shapes: ShapeLike, itemsize: int = 4, operations: int = 1) -> Work:
        """Return the work of an element-wise operation on operands that broadcast.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.elementwise((1000, 1000), (1000,))
        >>> work.flops, work.moved_bytes
        (1000000, 8004000)

        Parameters
        ----------
        *shapes
            A shape for every operand that has to be read.
        itemsize
            Bytes per element.
        operations
            How many are done for an element of the result: 2 for ``a * x + b``.

        Returns
        -------
        :
            Every operand is read once in its own shape, and the result is written once.

        Raises
        ------
        tensorref.broadcasting.BroadcastError
            If the shapes do not broadcast.
        """
        elements = prod(broadcasting.result_shape(*shapes))
        moved = elements + sum(prod(as_shape(shape, "shape")) for shape in shapes)
        source = f"{operations} an element of the result; every operand read once, the result written once"
        return cls(operations * elements, moved * itemsize, source)

    @classmethod
    def copy(cls, shape: ShapeLike, itemsize: int = 4) -> Work:
        """Return the work of a copy, which computes nothing.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.copy((1024, 1024), itemsize=2)
        >>> work.flops, work.moved_bytes
        (0, 4194304)

        Parameters
        ----------
        shape
            The shape of what is copied.
        itemsize
            Bytes per element.

        Returns
        -------
        :
            Every byte is read once and written once, as `STREAM <https://www.cs.virginia.edu/stream/ref.html>`__ counts.
        """
        return cls(0, 2 * prod(as_shape(shape, "shape")) * itemsize, "no operation; read once, written once")


@dataclass(frozen=True)
class Ceiling:
    """The most that a machine did in a second: what `ceiling` returns.

    >>> from tensorref import benchmark
    >>> machine = benchmark.Ceiling(device="cpu", dtype="float32", flops=80e9, bandwidth=20e9)
    >>> print(machine)
    cpu, float32: 80.0 GFLOP/s, 20.0 GB/s, ridge at 4.00 operations a byte
    """

    device: str
    dtype: str
    """As in `ceiling`, without ``torch.``."""
    flops: float
    """Floating-point operations per second, of the best of several matrix products."""
    bandwidth: float
    """Bytes per second, read and written, of a copy larger than the caches."""

    @property
    def ridge(self) -> float:
        """Floating-point operations a byte at which both limits meet; memory limits what has fewer."""
        return self.flops / self.bandwidth

    def seconds(self, work: Work) -> float:
        """Return the least time that some work can take: what its arithmetic or its bytes take, whichever is longer.

        >>> from tensorref import benchmark
        >>> machine = benchmark.Ceiling("cpu", "float32", flops=80e9, bandwidth=20e9)
        >>> machine.seconds(benchmark.Work.copy((1000, 1000))), machine.seconds(benchmark.Work.matmul(1000, 1000, 1000))
        (0.0004, 0.025)

        Parameters
        ----------
        work
            What there is to do.

        Returns
        -------
        :
            Seconds.
        """
        return max(work.flops / self.flops, work.moved_bytes / self.bandwidth)

    def attainable(self, intensity: float) -> float:
        """Return the height of the roof: the floating-point operations per second that an intensity allows.

        >>> from tensorref import benchmark
        >>> machine = benchmark.Ceiling("cpu", "float32", flops=80e9, bandwidth=20e9)
        >>> machine.attainable(0.5), machine.attainable(100.0)
        (10000000000.0, 80000000000.0)

        Parameters
        ----------
        intensity
            Floating-point operations a byte, as in `Work.intensity`.

        Returns
        -------
        :
            Rises with the intensity up to the ridge, and is flat from there.
        """
        return min(self.flops, intensity * self.bandwidth)

    def __str__(self) -> str:
        return (
            f"{self.device}, {self.dtype}: {_figure(self.flops / 1e9)} GFLOP/s, {_figure(self.bandwidth / 1e9)} GB/s, "
            f"ridge at {_figure(self.ridge)} operations a byte"
        )


def ceiling(
    dtype: Dtype = torch.float32,
    device: torch.device | str | None = None,
    *,
    seconds: float = 0.2,
    largest: int = 8192,
    copy_bytes: int = 2**28,
) -> Ceiling:
    """Measure the most that a device does in a second: in arithmetic, with matrix products, and in memory, with a copy.

    >>> import torch
    >>> from tensorref import benchmark
    >>> machine = benchmark.ceiling(torch.float32, "cpu", seconds=0.01, largest=64, copy_bytes=2**16)
    >>> machine.device, machine.dtype, machine.ridge == machine.flops / machine.bandwidth
    ('cpu', 'float32', True)

    Parameters
    ----------
    dtype
        A floating-point dtype, or ``"tf32"``: float32 in memory, with 10 bits of mantissa in the multiplication, which
        NVIDIA GPUs have since 2020.
    device
        By default `tensorref.devices.best`.
    seconds
        For every product and for the copy, as in `measure`.
    largest
        The largest matrix has this many rows and columns.
    copy_bytes
        How much is copied; it has to be more than the caches hold.

    Returns
    -------
    :
        The fastest run counts, as in `STREAM <https://www.cs.virginia.edu/stream/ref.html>`__: a ceiling is what is
        possible, and what disturbs a run can only slow it down. It is what this build of PyTorch reaches, less than
        what the maker of the hardware writes.

    Raises
    ------
    ValueError
        If `device` is not available here, or `largest` or `copy_bytes` is less than 1.
    TypeError
        If `dtype` is no floating-point dtype.

    Notes
    -----
    Matrices have 256 rows and columns, then twice as many, up to `largest` or until a product takes 50 ms; from there on
    a larger one is hardly faster, and some dtypes have no fast kernel on a CPU. They are filled with normal values:
    multiplying zeros takes a GPU less power, and so less time.
    """
    if dtype != "tf32" and not dtype.is_floating_point:
        raise TypeError(f"dtype is {dtype}; give a floating-point dtype, such as torch.float32, or 'tf32'")
    for name, value in (("largest", largest), ("copy_bytes", copy_bytes)):
        if value < 1:
            raise ValueError(f"{name} is {value}; there has to be something to measure: write 1 or more")
    place = devices.best() if device is None else torch.device(device)
    peak = 0.0
    for n in _doubled(min(256, largest), largest):
        a, b = (normal(n, place, seed).to(torch.float32 if dtype == "tf32" else dtype) for seed in (0, 1))
        with precision_kept():
            multiply = product(a, b, "tf32" if dtype == "tf32" else "ieee")
            fastest = measure(multiply, seconds=seconds, device=place).fastest
        peak = max(peak, 2 * n**3 / fastest)
        if fastest > 0.05:  # noqa: PLR2004  see Notes
            break
    source = torch.ones(copy_bytes, dtype=torch.uint8, device=place)
    copy = measure(torch.empty_like(source).copy_, source, seconds=seconds)
    return Ceiling(str(place), str(dtype).removeprefix("torch."), peak, 2 * copy_bytes / copy.fastest)


def _doubled(first: int, last: int) -> Iterator[int]:
    n = first
    while n <= last:
        yield n
        n *= 2


GROUPS = ("matmul", "dtypes", "softmax", "elementwise", "view", "broadcasting")
"""The names of the comparisons that `suite` makes."""


@dataclass(frozen=True)
class Machine:
    """What a result was measured on.

    >>> from tensorref import benchmark
    >>> print(benchmark.Machine("AMD EPYC", cores=2, threads=2, memory=25 * 2**30, accelerator=None))
    AMD EPYC, 2 cores, 2 threads, 25 GiB; no accelerator
    """

    cpu: str
    """The model, as its maker calls it where the system says so."""
    cores: int
    """How many the process may use."""
    threads: int
    """How many compute in PyTorch."""
    memory: int | None
    """Bytes, where the system says so."""
    accelerator: str | None
    """Its name, or None where none took part."""
    accelerator_memory: int | None = None
    """Bytes, where PyTorch says so."""

    def __str__(self) -> str:
        memory, of_accelerator = (
            f", {amount / 2**30:.0f} GiB" if amount else "" for amount in (self.memory, self.accelerator_memory)
        )
        return (
            f"{self.cpu}, {self.cores} cores, {self.threads} threads{memory}; "
            f"{self.accelerator or 'no accelerator'}{of_accelerator}"
        )


@dataclass(frozen=True)
class Settings:
    """What `suite` was told.

    >>> from tensorref import benchmark
    >>> told = benchmark.Settings(("matmul",), device="cpu", largest=512, seconds=0.2, limit=30.0, copy_bytes=2**28)
    >>> told.only, told.largest
    (('matmul',), 512)
    """

    only: tuple[str, ...]
    device: str
    largest: int
    seconds: float
    limit: float
    copy_bytes: int


@dataclass(frozen=True)
class Entry:
    """One comparison of `suite`.

    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["view"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> entry = results.entries[0]
    >>> entry.group, entry.size, entry.device
    ('view', 64, 'cpu')
    """

    group: str
    """One of `GROUPS`."""
    size: int
    """Matrices have this many rows and as many columns."""
    device: str
    """Where it ran; of ``matmul`` the one that NumPy and the CPU are compared with."""
    comparison: Comparison


@dataclass(frozen=True)
class Omission:
    """What `suite` left out.

    >>> from tensorref import benchmark
    >>> left = benchmark.Omission("dtypes", 4096, "cpu", "float16", "it would take about 90 s, the limit is 30 s")
    >>> left.candidate, left.reason
    ('float16', 'it would take about 90 s, the limit is 30 s')
    """

    group: str
    size: int
    device: str
    candidate: str
    reason: str


@dataclass(frozen=True)
class Results(Diagram):
    """All that `suite` measured, and where: what `read` gives and `write` takes.

    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["view"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> [each.dtype for each in results.ceilings], results.machine.accelerator, results.omitted
    (['float32'], None, ())
    """

    format: int
    """Which fields there are; it changes with them."""
    date: str
    """When the run began, in UTC (ISO 8601)."""
    machine: Machine
    versions: dict[str, str]
    settings: Settings
    ceilings: tuple[Ceiling, ...]
    entries: tuple[Entry, ...]
    omitted: tuple[Omission, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a heading, then a row a candidate."""
        return _table(
            ("benchmark", "n", "device", "candidate"),
            [
                ((entry.group, str(entry.size), entry.device, candidate.name), candidate)
                for entry in self.entries
                for candidate in entry.comparison.candidates
            ],
        )

    def notes(self) -> tuple[str, ...]:
        """Return how to read the table, what was left out, the ceilings and the machine, a sentence each."""
        candidates = [candidate for entry in self.entries for candidate in entry.comparison.candidates]
        libraries = ", ".join(f"{name} {self.versions[name]}" for name in ("python", "numpy", "torch"))
        return (
            "n: matrices are n × n, float32 where nothing else is said.",
            "ratio: time over that of the first of the same comparison in the same round, the median of the rounds.",
            *_note_of_caches(candidates),
            *(
                f"Left out: {left.group}, n = {left.size}, {left.device}, {left.candidate}: {left.reason}."
                for left in self.omitted
            ),
            *(f"Ceiling: {each}." for each in self.ceilings),
            f"Measured on {self.date}: {self.machine}; {libraries}.",
        )


def suite(  # noqa: PLR0913  each is one setting
    *,
    only: Sequence[str] = GROUPS,
    device: torch.device | str | None = None,
    largest: int = 8192,
    seconds: float = 0.2,
    limit: float = 30.0,
    copy_bytes: int = 2**28,
    progress: Callable[[int, int, str], object] | None = None,
) -> Results:
    """Measure the set of comparisons that the benchmarks page shows, on the CPU and on an accelerator.

    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["softmax"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> [candidate.name for candidate in results.entries[0].comparison.candidates]
    ['torch.softmax', 'stable by hand', 'naive by hand']

    Parameters
    ----------
    only
        Some of `GROUPS`:

        - ``matmul``: NumPy, PyTorch on the CPU, PyTorch on the accelerator;
        - ``dtypes``: a matrix product in float32, in TF32 on an NVIDIA GPU, in bfloat16 and in float16;
        - ``softmax``: the built-in one, and by hand with and without the largest logit subtracted;
        - ``elementwise``: ``2 * x + bias`` in one kernel, in two that share their memory, and in two;
        - ``view``: a view, a copy, and a copy that also transposes;
        - ``broadcasting``: a vector added to every row, and the same with its copy a row.
    device
        The accelerator that joins the CPU; by default `tensorref.devices.best`. With ``"cpu"`` none does.
    largest
        The largest matrices that have a say have this many rows and columns.
    seconds
        For every candidate, as in `compare`.
    limit
        What would take more seconds than this is left out, and the result says so. How long it takes is reckoned from the
        next smaller size, by the operations or the bytes.
    copy_bytes
        As in `ceiling`.
    progress
        Is called before every step with how many are done, how many there are, and what comes.

    Returns
    -------
    :
        Data that is ready for JSON; ``print`` shows a table.

    Raises
    ------
    ValueError
        If `only` names what is none of `GROUPS`, `device` is not available here, or `largest` is less than 64.

    See Also
    --------
    write : keeps the result in a file.

    Notes
    -----
    The ceilings are measured first, in the same run. The work of a comparison is that of its task, the same for every
    candidate that gives the same result. ``torch.compile`` takes no part: it needs a compiler that many machines lack,
    and what it makes of a chain is one kernel, as the one in ``elementwise``.
    """
    from tensorref._suite import Run

    for name in only:
        if name not in GROUPS:
            raise ValueError(f"only has {name!r}; give some of {', '.join(GROUPS)}")
    if largest < _SMALLEST:
        raise ValueError(
            f"largest is {largest}; the smallest matrices of the set have {_SMALLEST} rows: write at least that"
        )
    place = devices.best() if device is None else torch.device(device)
    devices.synchronize(place)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    settings = Settings(tuple(only), str(place), largest, seconds, limit, copy_bytes)
    run = Run(settings, place, progress)
    run.measure()
    accelerator, accelerator_memory = _machine.accelerator(place)
    machine = Machine(
        cpu=_machine.processor(),
        cores=_machine.cores(),
        threads=torch.get_num_threads(),
        memory=_machine.memory(),
        accelerator=accelerator,
        accelerator_memory=accelerator_memory,
    )
    return Results(
        format=_FORMAT,
        date=date,
        machine=machine,
        versions=_machine.versions(),
        settings=settings,
        ceilings=tuple(run.ceilings.values()),
        entries=tuple(run.entries),
        omitted=tuple(run.omitted),
    )


def write(results: Results, path: str | PathLike[str]) -> None:
    """Write what `suite` measured to a JSON file.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tensorref import benchmark
    >>> results = benchmark.suite(only=["view"], device="cpu", largest=64, seconds=0.001, copy_bytes=2**16)
    >>> with TemporaryDirectory() as folder:
    ...     benchmark.write(results, Path(folder, "results.json"))
    ...     benchmark.read(Path(folder, "results.json")) == results
    True

    Parameters
    ----------
    results
        What to write.
    path
        The file, which is overwritten.

    See Also
    --------
    read : the other way.
    """
    Path(path).write_text(json.dumps(results.to_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(path: str | PathLike[str]) -> Results:
    """Read what `write` wrote, and check that it is whole.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tensorref import benchmark
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "results.json").write_text('{"format": 1, "date": ')
    ...     try:
    ...         benchmark.read(Path(folder, "results.json"))
    ...     except ValueError as error:
    ...         print(str(error).partition("results.json ")[2])
    is no whole JSON file: Expecting value: line 1 column 23 (char 22); run python -m tensorref bench --output again

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    :
        Equal to what was written.

    Raises
    ------
    ValueError
        If the file is not whole, or lacks a field, or has one that is not known or of another type. The words name it.
    OSError
        If the file cannot be read.
    """
    text = Path(path).read_text("utf-8")
    again = "run python -m tensorref bench --output again"
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no whole JSON file: {error}; {again}") from None
    if isinstance(data, dict) and data.get("format", _FORMAT) != _FORMAT:
        raise ValueError(f"{path} has format {data['format']!r}, this tensorref reads format {_FORMAT}; {again}")
    try:
        return record(Results, data)
    except ValueError as error:
        raise ValueError(f"{path} is no benchmark result: {error}; {again}") from None
