"""What measured figures say about the claims of the course that are figures themselves."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tensorref.benchmark import Candidate, Results
from tensorref.benchmark._table import figure

COURSE = Path(__file__).parents[3] / "tests" / "module" / "claims.toml"
CLAIMS: dict[str, str] = tomllib.loads(COURSE.read_text("utf-8"))
UNDECIDED = "not decided on this machine"
"""Where the interval of a ratio spans 1, or a bound of the claim."""
COURSE_SOFTMAX = 1000
"""The course measures softmax of this many rows and columns."""


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds on a machine, and the figures that say so."""

    word: str
    """``"holds"``, ``"holds for some sizes"``, ``"does not hold"``, ``"not decided on this machine"`` or ``"not measured"``."""
    reason: str


def verdicts(results: Results) -> dict[str, Verdict]:
    """Return the verdict on each claim, by its name in ``claims.toml``."""
    return {"gpu-speed": gpu_speed(results), "softmax-speed": softmax_speed(results)}


def speedups(results: Results) -> dict[int, tuple[float, float, float]]:
    """Return how many times as fast as NumPy the accelerator multiplies matrices, by their size, with the interval."""
    return {
        size: (1 / accelerated.ratio, 1 / accelerated.interval[1], 1 / accelerated.interval[0])
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
    claimed = f"{least} to {most} times as fast as NumPy"
    ranges = {
        claimed: (least, most),
        f"more than {most} times": (most, math.inf),
        "slower": (0, 1),
        f"less than {least} times": (0, least),
    }
    classes = {
        n: next((name for name, (start, end) in ranges.items() if start < low and high < end), UNDECIDED)
        for n, (_, low, high) in by_size.items()
    }
    n = max(by_size)
    times, low, high = map(figure, by_size[n])
    return Verdict(
        _word(classes.values(), claimed),
        f"{_words(classes, *ranges)}. At n = {n} the accelerator is {times} times as fast "
        f"({low} – {high}); {_wins(results)}.",
    )


def _wins(results: Results) -> str:
    """Say from which size on the accelerator is the fastest."""
    if start := crossover(results):
        return f"it is the fastest from n = {start} on"
    accelerated, others = max(_products(results).items())[1]
    if accelerated.interval[0] > min(other.interval[1] for other in others):
        return "it is not the fastest for the largest matrices"
    return f"whether it is the fastest for the largest matrices is {UNDECIDED}"


def softmax_speed(results: Results) -> Verdict:
    """Judge whether the built-in softmax is faster than the course's, which subtracts the maximum."""
    fast, slow = (float(time) for time in re.findall(r"([\d.]+) ms", CLAIMS["softmax-speed"]))
    devices: dict[str, dict[int, Candidate]] = {}
    for entry in results.entries:
        first, *others = entry.comparison.candidates
        for candidate in others:
            if (entry.group, first.name, candidate.name) == ("softmax", "torch.softmax", "stable by hand"):
                devices.setdefault(entry.device, {})[entry.size] = candidate
    if not devices:
        return Verdict("not measured", "no softmax.")
    reasons: list[str] = []
    found: list[str] = []
    for device, by_size in devices.items():
        classes = {
            n: "faster" if each.interval[0] > 1 else "slower" if each.interval[1] < 1 else UNDECIDED
            for n, each in by_size.items()
        }
        found += classes.values()
        n = min(by_size, key=lambda size: abs(size - COURSE_SOFTMAX))
        low, high = map(figure, by_size[n].interval)
        reasons.append(
            f"{device} {_words(classes, 'faster', 'slower')}. At n = {n} softmax by hand takes "
            f"{figure(by_size[n].ratio)} times as long ({low} – {high}), in the course {figure(slow / fast)} times"
        )
    return Verdict(_word(found, "faster"), f"on {'. On '.join(reasons)}.")


def _word(found: Collection[str], claimed: str) -> str:
    """Return the verdict on a claim of all sizes, of which each was found to be as claimed, not decided, or something else."""
    if claimed in found:
        return "holds" if {*found} == {claimed} else "holds for some sizes"
    return UNDECIDED if UNDECIDED in found else "does not hold"


def _words(classes: Mapping[int, str], *order: str) -> str:
    """Say which sizes are of which class, those that are not decided last."""
    by_class = {name: [n for n, found in classes.items() if found == name] for name in (*order, UNDECIDED)}
    return "; ".join(f"{name} for n = {_sizes(sizes, [*classes])}" for name, sizes in by_class.items() if sizes)


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
