"""A tensor's elements lie in memory in one row; strides say how far apart the neighbors on each axis are.

That is why a transpose costs nothing, why ``view`` raises an error after it, and when ``reshape`` copies.

>>> from tensorref import layout
>>> layout.strides((4, 32, 64))
(2048, 64, 1)
"""

from __future__ import annotations

from tensorref.layout._heads import merge_heads, split_heads
from tensorref.layout._history import History, Stage, history
from tensorref.layout._parsing import OperationsTextError
from tensorref.layout._views import Explanation, Run, can_view, explain, is_contiguous, strides, view_strides

__all__ = [
    "Explanation",
    "History",
    "OperationsTextError",
    "Run",
    "Stage",
    "can_view",
    "explain",
    "history",
    "is_contiguous",
    "merge_heads",
    "split_heads",
    "strides",
    "view_strides",
]
