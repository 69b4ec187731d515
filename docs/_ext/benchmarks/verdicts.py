"""What measured figures say about the claims of the course that are figures themselves."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tensorref.benchmark import Candidate, Results, _figure

COURSE = Path(__file__).parents[3] / "tests" / "module" / "claims.toml"
CLAIMS: dict[str, str] = tomllib.loads(COURSE.read_text("utf-8"))
COURSE_SOFTMAX = 1000
"""The course measures softmax of this many rows and columns."""


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds on a machine, and the figures that say so."""

    word: str
    """``"holds"``, ``"holds for some sizes"``, ``"does not hold"`` or ``"not measured"``."""
    reason: str


def verdicts(results: Results) -> dict[str, Verdict]:
    """Return the verdict on each claim, by its name in ``claims.toml``."""
    return {"gpu-speed": gpu_speed(results), "softmax-speed": softmax_speed(results)}


def speedups(results: Results) -> dict[int, float]:
    """Return how many times as fast as NumPy the accelerator multiplies matrices, by their size."""
    return {
        size: 1 / accelerated.ratio
        for size, (accelerated, others) in _products(results).items()
        if others[0].name == "NumPy"
    }


def crossover(results: Results) -> int | None:
    """Return the size from which on the accelerator is the fastest, beyond what is uncertain, or None."""
    found = None
    for size, (accelerated, others) in sorted(_products(results).items(), reverse=True):
        if accelerated.interval[1] >= min(other.interval[0] for other in others):
            break
        found = size
    return found


def _products(results: Results) -> dict[int, tuple[Candidate, list[Candidate]]]:
    """Return by size the product on the accelerator, and those that it is compared with."""
    found: dict[int, tuple[Candidate, list[Candidate]]] = {}
    for entry in results.entries:
        if entry.group == "matmul" and entry.device != "cpu":
            named = {candidate.name: candidate for candidate in entry.comparison.candidates}
            accelerated = named.pop(f"PyTorch {entry.device}", None)
            if accelerated and named:
                found[entry.size] = accelerated, [*named.values()]
    return found


def gpu_speed(results: Results) -> Verdict:
    """Judge how much faster than NumPy the accelerator is."""
    least, most = map(int, re.findall(r"\d+", CLAIMS["gpu-speed"]))
    if results.machine.accelerator is None:
        return Verdict("not measured", "no accelerator.")
    by_size = speedups(results)
    if not by_size:
        return Verdict("not measured", "no matrix product in NumPy and on the accelerator.")
    classes = {
        f"{least} to {most} times as fast as NumPy": [n for n, times in by_size.items() if least <= times <= most],
        f"less than {least} times": [n for n, times in by_size.items() if 1 <= times < least],
        f"more than {most} times": [n for n, times in by_size.items() if times > most],
        "slower": [n for n, times in by_size.items() if times < 1],
    }
    words = [f"{name} for n = {_sizes(sizes, [*by_size])}" for name, sizes in classes.items() if sizes]
    n, start = max(by_size), crossover(results)
    wins = f"it is the fastest from n = {start} on" if start else "it is not the fastest for the largest matrices"
    return Verdict(
        _word(len(classes[f"{least} to {most} times as fast as NumPy"]), len(by_size)),
        f"the accelerator is {'; '.join(words)}. At n = {n} it is {_figure(by_size[n])} times as fast; {wins}.",
    )


def softmax_speed(results: Results) -> Verdict:
    """Judge whether the built-in softmax is faster than the course's, which subtracts the maximum."""
    fast, slow = (float(figure) for figure in re.findall(r"([\d.]+) ms", CLAIMS["softmax-speed"]))
    devices: dict[str, dict[int, Candidate]] = {}
    for entry in results.entries:
        first, *others = entry.comparison.candidates
        for candidate in others:
            if (entry.group, first.name, candidate.name) == ("softmax", "torch.softmax", "stable by hand"):
                devices.setdefault(entry.device, {})[entry.size] = candidate
    if not devices:
        return Verdict("not measured", "no softmax.")
    reasons, faster = [], 0
    for device, by_size in devices.items():
        classes = {
            "faster": [n for n, each in by_size.items() if each.interval[0] > 1],
            "not clearly faster or slower": [
                n for n, each in by_size.items() if each.interval[0] <= 1 <= each.interval[1]
            ],
            "slower": [n for n, each in by_size.items() if each.interval[1] < 1],
        }
        faster += len(classes["faster"])
        words = [f"{name} for n = {_sizes(sizes, [*by_size])}" for name, sizes in classes.items() if sizes]
        n = min(by_size, key=lambda size: abs(size - COURSE_SOFTMAX))
        low, high = map(_figure, by_size[n].interval)
        reasons.append(
            f"{device} torch.softmax is {'; '.join(words)}. At n = {n} softmax by hand takes "
            f"{_figure(by_size[n].ratio)} times as long ({low} – {high}), in the course {_figure(slow / fast)} times"
        )
    return Verdict(_word(faster, sum(map(len, devices.values()))), f"on {'. On '.join(reasons)}.")


def _word(holding: int, measured: int) -> str:
    return "does not hold" if not holding else "holds" if holding == measured else "holds for some sizes"


def _sizes(some: list[int], measured: list[int]) -> str:
    """Write sizes, neighbors among the measured ones as a range."""
    runs: list[list[int]] = []
    before = None
    for n in sorted(measured):
        if n in some:
            if runs and before == runs[-1][-1]:
                runs[-1].append(n)
            else:
                runs.append([n])
        before = n
    words = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
