"""How long something takes, which of several takes longer, and what keeps each from being faster.

>>> import torch
>>> from tensorref import benchmark, kernels
>>> x = torch.randn(64, 64)
>>> comparison = benchmark.compare(
...     {"torch.softmax": lambda: torch.softmax(x, -1), "by hand": lambda: kernels.softmax(x)}, seconds=0.01
... )
>>> [candidate.name for candidate in comparison.candidates]
['torch.softmax', 'by hand']

``print(comparison)`` shows a table. ``time.time()`` around one call measures the wrong thing. The first call also
loads and compiles. An accelerator is still at work when the call returns. One number does not say how far the next one
would be from it. And if the machine slows down between two candidates, the second one looks slower than it is.
`compare` therefore calls before it counts, waits for the device at both ends of every run, lets the candidates take
turns, and divides their times turn by turn. `measure` does the same for one function.

A time is good if it is close to the best that the machine can do. A kernel has to do its arithmetic and to move its
bytes (`Work`). The machine can do only so much of each in a second (`ceiling`). The kernel cannot be faster than the
slower of the two. This is the roofline model (`Williams, Waterman and Patterson 2009
<https://doi.org/10.1145/1498765.1498785>`__): left of the ridge, at a low arithmetic intensity, memory is the limit,
and right of it arithmetic.

>>> machine = benchmark.Ceiling(device="cpu", dtype="float32", flops_per_second=80e9, bytes_per_second=20e9)
>>> machine.ridge
4.0
>>> benchmark.Work.softmax((1000, 1000)).intensity, benchmark.Work.matmul(1024, 1024, 1024).intensity
(0.625, 170.66666666666666)

The comparisons of this package run with ``python -m tensorref bench``, which is `suite`; `write` and `read` keep its
results.
"""

from __future__ import annotations

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    from tensorref.benchmark._machine import Machine, ceiling
    from tensorref.benchmark._results import Entry, Omission, Results, Settings, read, write
    from tensorref.benchmark._suite import GROUPS, suite
    from tensorref.benchmark._timing import Candidate, Comparison, Measurement, compare, measure
    from tensorref.benchmark._work import Ceiling, Work

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
