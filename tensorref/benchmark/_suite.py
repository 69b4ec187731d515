"""The suite: its groups of comparisons, and the run that makes them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import torch

from tensorref import devices, kernels
from tensorref._arguments import as_choice, as_device, as_function, as_int, quoted
from tensorref.benchmark._machine import ceiling, this_machine, versions
from tensorref.benchmark._matrices import Dtype, has_tf32, normal, precision_kept, product
from tensorref.benchmark._results import FORMAT, Entry, Omission, Results, Settings
from tensorref.benchmark._timing import CALLS_AT_LEAST, as_seconds, compare
from tensorref.benchmark._work import Ceiling, Work

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class _Implementation:
    """One way to do a piece of work, ready to run."""

    function: Callable[[], Any]
    work: Work
    device: torch.device
    dtype: str = "float32"


def _matmul(n: int, device: torch.device) -> dict[str, _Implementation]:
    work = Work.matmul(n, n, n)
    a, b = (normal(n, _CPU, seed) for seed in (0, 1))
    found = {
        "NumPy": _Implementation(partial(np.matmul, a.numpy(), b.numpy()), work, _CPU),
        "PyTorch cpu": _Implementation(product(a, b), work, _CPU),
    }
    if device.type != "cpu":
        found[f"PyTorch {device}"] = _Implementation(product(a.to(device), b.to(device)), work, device)
    return found


def _dtypes(n: int, device: torch.device) -> dict[str, _Implementation]:
    a, b = (normal(n, device, seed) for seed in (0, 1))
    found = {"float32": _Implementation(product(a, b), Work.matmul(n, n, n), device)}
    if has_tf32(device):
        found["tf32"] = _Implementation(product(a, b, "tf32"), Work.matmul(n, n, n), device, "tf32")
    for dtype in (torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        found[name] = _Implementation(product(a.to(dtype), b.to(dtype)), Work.matmul(n, n, n, itemsize=2), device, name)
    return found


def _softmax(n: int, device: torch.device) -> dict[str, _Implementation]:
    x, work = normal(n, device), Work.softmax((n, n))
    return {
        "torch.softmax": _Implementation(lambda: torch.softmax(x, -1), work, device),
        "stable by hand": _Implementation(lambda: kernels.softmax(x), work, device),
        "naive by hand": _Implementation(lambda: kernels.naive_softmax(x), work, device),
    }


def _elementwise(n: int, device: torch.device) -> dict[str, _Implementation]:
    x, bias = (normal(n, device, seed) for seed in (0, 1))
    work = Work.elementwise((n, n), (n, n), operations=2)
    return {
        "torch.add(bias, x, alpha=2)": _Implementation(lambda: torch.add(bias, x, alpha=2), work, device),
        "torch.mul(x, 2).add_(bias)": _Implementation(lambda: torch.mul(x, 2).add_(bias), work, device),
        "x * 2 + bias": _Implementation(lambda: x * 2 + bias, work, device),
    }


def _view(n: int, device: torch.device) -> dict[str, _Implementation]:
    x, copied = normal(n, device), Work.copy((n, n))
    return {
        "x.view(-1)": _Implementation(lambda: x.view(-1), Work(0, 0, "no operation; nothing read or written"), device),
        "x.clone()": _Implementation(x.clone, copied, device),
        "x.mT.contiguous()": _Implementation(lambda: x.mT.contiguous(), copied, device),  # noqa: PLW0108  .mT is part of it
    }


def _broadcasting(n: int, device: torch.device) -> dict[str, _Implementation]:
    x, work = normal(n, device), Work.elementwise((n, n), (n,))
    bias = x[0].clone()
    return {
        "x + bias": _Implementation(lambda: x + bias, work, device),
        "x + bias.repeat(n, 1)": _Implementation(lambda: x + bias.repeat(n, 1), work, device),
    }


@dataclass(frozen=True)
class _Group:
    implementations: Callable[[int, torch.device], dict[str, _Implementation]]
    sizes: tuple[int, ...]
    dtypes: tuple[Dtype, ...] = (torch.float32,)
    crosses: bool = False
    """Whether a comparison has the CPU and the accelerator in it, and not one of the two."""
    pause: float = 0.0
    """As in `compare`."""


_SIZES = (64, 256, 1024, 4096)
_GROUPS = {
    "matmul": _Group(_matmul, tuple(2**power for power in range(6, 14)), crosses=True, pause=0.2),
    "dtypes": _Group(_dtypes, _SIZES, (torch.float32, "tf32", torch.bfloat16, torch.float16)),
    "softmax": _Group(_softmax, (64, 256, 1000, 4096)),
    "elementwise": _Group(_elementwise, _SIZES),
    "view": _Group(_view, _SIZES),
    "broadcasting": _Group(_broadcasting, _SIZES),
}
GROUPS = tuple(_GROUPS)


@dataclass
class _Run:
    """The run of a suite: what has been measured so far."""

    settings: Settings
    place: torch.device
    progress: Callable[[int, int, str], object] | None
    ceilings: dict[tuple[str, str], Ceiling] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    omitted: list[Omission] = field(default_factory=list)
    paces: dict[tuple[str, str, str], float] = field(default_factory=dict)  # seconds for an operation or a byte

    def measure(self) -> None:
        steps = [*self._steps(), ("done", lambda: None)]
        for done, (words, step) in enumerate(steps):
            if self.progress:
                self.progress(done, len(steps) - 1, words)
            step()

    def _steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        groups = {name: group for name, group in _GROUPS.items() if name in self.settings.only}
        places = [_CPU] if self.place.type == "cpu" else [_CPU, self.place]
        for place in places:
            wanted: dict[Dtype, None] = dict.fromkeys(dtype for group in groups.values() for dtype in group.dtypes)
            for dtype in wanted:
                if dtype != "tf32" or has_tf32(place):
                    words = f"ceiling, {place}, {str(dtype).removeprefix('torch.')}"
                    yield words, partial(self._measure_ceiling, dtype, place)
        for name, group in groups.items():
            for place in places[-1:] if group.crosses else places:
                for n in group.sizes:
                    if n <= self.settings.largest:
                        yield f"{name}, {place}, n = {n}", partial(self._measure_entry, name, n, place)

    def _measure_ceiling(self, dtype: Dtype, place: torch.device) -> None:
        told = self.settings
        found = ceiling(dtype, place, seconds=told.seconds, largest=told.largest, copy_bytes=told.copy_bytes)
        self.ceilings[str(place), found.dtype] = found

    def _measure_entry(self, name: str, n: int, place: torch.device) -> None:
        group = _GROUPS[name]
        try:
            kept = {
                candidate: each
                for candidate, each in group.implementations(n, place).items()
                if self._in_time(name, n, place, candidate, each.work)
            }
            if not kept:
                return
            with precision_kept():
                comparison = compare(
                    {candidate: each.function for candidate, each in kept.items()},
                    seconds=self.settings.seconds,
                    pause=group.pause,
                    device=place,
                    work={candidate: each.work for candidate, each in kept.items()},
                    ceiling={
                        candidate: self.ceilings[str(each.device), each.dtype] for candidate, each in kept.items()
                    },
                )
        except torch.OutOfMemoryError:
            self.omitted.append(Omission(name, n, str(place), "all", "the memory of the device is too small"))
            return
        self.entries.append(Entry(name, n, str(place), comparison))
        for found in comparison.candidates:
            self.paces[name, str(place), found.name] = found.time.median / _amount(kept[found.name].work)

    def _in_time(self, name: str, n: int, place: torch.device, candidate: str, work: Work) -> bool:
        """Tell whether a candidate is expected to keep to the limit, or note that it is not."""
        limit, pace = self.settings.limit, self.paces.get((name, str(place), candidate), 0.0)
        expected = pace * _amount(work) * CALLS_AT_LEAST
        if expected > limit:
            reason = f"it would take about {expected:,.0f} s, the limit is {limit:g} s"
            self.omitted.append(Omission(name, n, str(place), candidate, reason))
        return expected <= limit


def _amount(work: Work) -> int:
    """Return what the time of some work grows with."""
    return work.flops or work.moved_bytes or 1


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
    """Measure the comparisons that the benchmarks page shows, on the CPU and on an accelerator.

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
        If `only` names what is none of `GROUPS`, `device` is not available here, `largest` is less than 64, or `seconds` or
        `limit` is not positive and finite.

    See Also
    --------
    write : keeps the result in a file.

    Notes
    -----
    The ceilings are measured first, in the same run. Candidates that give the same result have the same
    work, whatever each of them does beyond it. ``torch.compile`` takes no part: it needs a compiler that many machines lack,
    and what it makes of a chain is one kernel, as the one in ``elementwise``.
    """
    if not isinstance(only, (list, tuple)):
        raise TypeError(f"only is {quoted(only)}, of type {type(only).__name__}; give a list of {', '.join(GROUPS)}")
    for position, name in enumerate(only):
        as_choice(name, f"only[{position}]", GROUPS)
    largest = as_int(largest, "largest", "a number of rows is")
    if largest < _SIZES[0]:
        raise ValueError(
            f"largest is {largest}; the smallest matrices of the suite have {_SIZES[0]} rows: write at least that"
        )
    seconds, limit = as_seconds(seconds, "seconds"), as_seconds(limit, "limit")
    copy_bytes = as_int(copy_bytes, "copy_bytes", "a number of bytes is")
    if copy_bytes < 1:
        raise ValueError(f"copy_bytes is {copy_bytes}; there has to be something to copy: write 1 or more")
    if progress is not None:
        as_function(progress, "progress")
    place = devices.best() if device is None else as_device(device)
    devices.synchronize(place)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    run = _Run(Settings(tuple(only), str(place), largest, seconds, limit, copy_bytes), place, progress)
    run.measure()
    measured = tuple(run.ceilings.values()), tuple(run.entries), tuple(run.omitted)
    return Results(FORMAT, date, this_machine(place), versions(), run.settings, *measured)
