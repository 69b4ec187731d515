"""The comparisons of `tensorref.benchmark.suite`, and the run that makes them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from tensorref import kernels
from tensorref._matrices import Dtype, has_tf32, normal, precision_kept, product
from tensorref.benchmark import CALLS_AT_LEAST, Ceiling, Entry, Omission, Settings, Work, ceiling, compare

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Task:
    """One candidate of the set, ready to run."""

    function: Callable[[], Any]
    work: Work
    device: torch.device
    dtype: str = "float32"


def _matmul_tasks(n: int, device: torch.device) -> dict[str, Task]:
    work = Work.matmul(n, n, n)
    a, b = (normal(n, _CPU, seed) for seed in (0, 1))
    tasks = {
        "NumPy": Task(partial(np.matmul, a.numpy(), b.numpy()), work, _CPU),
        "PyTorch cpu": Task(product(a, b), work, _CPU),
    }
    if device.type != "cpu":
        tasks[f"PyTorch {device}"] = Task(product(a.to(device), b.to(device)), work, device)
    return tasks


def _dtype_tasks(n: int, device: torch.device) -> dict[str, Task]:
    a, b = (normal(n, device, seed) for seed in (0, 1))
    tasks = {"float32": Task(product(a, b), Work.matmul(n, n, n), device)}
    if has_tf32(device):
        tasks["tf32"] = Task(product(a, b, "tf32"), Work.matmul(n, n, n), device, "tf32")
    for dtype in (torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        tasks[name] = Task(product(a.to(dtype), b.to(dtype)), Work.matmul(n, n, n, itemsize=2), device, name)
    return tasks


def _softmax_tasks(n: int, device: torch.device) -> dict[str, Task]:
    x, work = normal(n, device), Work.softmax((n, n))
    return {
        "torch.softmax": Task(lambda: torch.softmax(x, -1), work, device),
        "stable by hand": Task(lambda: kernels.softmax(x), work, device),
        "naive by hand": Task(lambda: kernels.naive_softmax(x), work, device),
    }


def _elementwise_tasks(n: int, device: torch.device) -> dict[str, Task]:
    x, bias = (normal(n, device, seed) for seed in (0, 1))
    work = Work.elementwise((n, n), (n, n), operations=2)
    return {
        "torch.add(bias, x, alpha=2)": Task(lambda: torch.add(bias, x, alpha=2), work, device),
        "torch.mul(x, 2).add_(bias)": Task(lambda: torch.mul(x, 2).add_(bias), work, device),
        "x * 2 + bias": Task(lambda: x * 2 + bias, work, device),
    }


def _view_tasks(n: int, device: torch.device) -> dict[str, Task]:
    x, copied = normal(n, device), Work.copy((n, n))
    return {
        "x.view(-1)": Task(lambda: x.view(-1), Work(0, 0, "no operation; nothing read or written"), device),
        "x.clone()": Task(x.clone, copied, device),
        "x.mT.contiguous()": Task(lambda: x.mT.contiguous(), copied, device),  # noqa: PLW0108  .mT is part of it
    }


def _broadcasting_tasks(n: int, device: torch.device) -> dict[str, Task]:
    x, work = normal(n, device), Work.elementwise((n, n), (n,))
    bias = x[0].clone()
    return {
        "x + bias": Task(lambda: x + bias, work, device),
        "x + bias.repeat(n, 1)": Task(lambda: x + bias.repeat(n, 1), work, device),
    }


@dataclass(frozen=True)
class Group:
    tasks: Callable[[int, torch.device], dict[str, Task]]
    sizes: tuple[int, ...]
    dtypes: tuple[Dtype, ...] = (torch.float32,)
    crosses: bool = False
    """Whether a comparison has the CPU and the accelerator in it, and not one of the two."""
    pause: float = 0.0
    """As in `compare`."""


_SIZES = (64, 256, 1024, 4096)
GROUPS = {
    "matmul": Group(_matmul_tasks, tuple(2**power for power in range(6, 14)), crosses=True, pause=0.2),
    "dtypes": Group(_dtype_tasks, _SIZES, (torch.float32, "tf32", torch.bfloat16, torch.float16)),
    "softmax": Group(_softmax_tasks, (64, 256, 1000, 4096)),
    "elementwise": Group(_elementwise_tasks, _SIZES),
    "view": Group(_view_tasks, _SIZES),
    "broadcasting": Group(_broadcasting_tasks, _SIZES),
}


class Run:
    """The run of a suite: what has been measured so far."""

    def __init__(
        self, settings: Settings, place: torch.device, progress: Callable[[int, int, str], object] | None
    ) -> None:
        self.settings, self.place, self.progress = settings, place, progress or _silent
        self.ceilings: dict[tuple[str, str], Ceiling] = {}
        self.entries: list[Entry] = []
        self.omitted: list[Omission] = []
        self.paces: dict[tuple[str, str, str], float] = {}  # seconds for an operation or a byte

    def measure(self) -> None:
        steps = [*self._steps()]
        for done, (words, step) in enumerate(steps):
            self.progress(done, len(steps), words)
            step()
        self.progress(len(steps), len(steps), "done")

    def _steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        groups = {name: group for name, group in GROUPS.items() if name in self.settings.only}
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
                        yield f"{name}, {place}, n = {n}", partial(self._measure_entry, name, group, n, place)

    def _measure_ceiling(self, dtype: Dtype, place: torch.device) -> None:
        settings = self.settings
        found = ceiling(
            dtype, place, seconds=settings.seconds, largest=settings.largest, copy_bytes=settings.copy_bytes
        )
        self.ceilings[str(place), found.dtype] = found

    def _measure_entry(self, name: str, group: Group, n: int, place: torch.device) -> None:
        try:
            tasks = {
                candidate: task
                for candidate, task in group.tasks(n, place).items()
                if self._in_time(Omission(name, n, str(place), candidate, ""), task)
            }
            if not tasks:
                return
            with precision_kept():
                comparison = compare(
                    {candidate: task.function for candidate, task in tasks.items()},
                    seconds=self.settings.seconds,
                    pause=group.pause,
                    device=place,
                    work={candidate: task.work for candidate, task in tasks.items()},
                    ceiling={
                        candidate: self.ceilings[str(task.device), task.dtype] for candidate, task in tasks.items()
                    },
                )
        except torch.OutOfMemoryError:
            self.omitted.append(Omission(name, n, str(place), "all", "the memory of the device is too small"))
            return
        self.entries.append(Entry(name, n, str(place), comparison))
        for candidate in comparison.candidates:
            self.paces[name, str(place), candidate.name] = candidate.time.median / _amount(tasks[candidate.name].work)

    def _in_time(self, omission: Omission, task: Task) -> bool:
        """Tell whether a candidate is expected to keep to the limit, or note that it is not."""
        pace = self.paces.get((omission.group, omission.device, omission.candidate), 0.0)
        expected = pace * _amount(task.work) * CALLS_AT_LEAST
        if expected <= self.settings.limit:
            return True
        reason = f"it would take about {expected:,.0f} s, the limit is {self.settings.limit:g} s"
        self.omitted.append(replace(omission, reason=reason))
        return False


def _silent(*_: object) -> None:
    pass


def _amount(work: Work) -> int:
    """Return what the time of some work grows with."""
    return work.flops or work.moved_bytes or 1
