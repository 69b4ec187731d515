"""Measuring tells which of two ways takes longer, and what keeps each of them from being faster.

A clock around one call tells neither. It mostly measures how long loading took, or how long it took to ask a GPU.

>>> import torch
>>> from tensorref import benchmark, kernels
>>> x = torch.randn(64, 64)
>>> comparison = benchmark.compare(
...     {"torch.softmax": lambda: torch.softmax(x, -1), "by hand": lambda: kernels.softmax(x)}, seconds=0.01
... )
>>> [candidate.name for candidate in comparison.candidates]
['torch.softmax', 'by hand']
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
