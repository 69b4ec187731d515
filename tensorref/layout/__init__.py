"""How a shape lies in memory, when ``view`` works, and how attention splits its heads.

>>> from tensorref import layout
>>> layout.strides((4, 32, 64))
(2048, 64, 1)

Elements lie in memory in one row. The stride of an axis is the step in memory from one index along it to the next,
counted in elements. In row-major order, also called C order, the last axis has stride 1, and every other axis steps
over all elements of the axes after it. An array in that order, without a gap, is contiguous. A transpose changes shape
and strides, and leaves the memory as it is:

>>> import torch
>>> x = torch.arange(12).reshape(3, 4)
>>> print(f"Original is contiguous: {x.is_contiguous()}")
Original is contiguous: True
>>> x_t = x.transpose(0, 1)
>>> print(f"Transposed is contiguous: {x_t.is_contiguous()}")
Transposed is contiguous: False
>>> x_t.stride(), x_t.data_ptr() == x.data_ptr()
((1, 4), True)

A view is another shape for the same memory, so it needs strides that reach every element in the right order. If there
are no such strides, ``view`` raises an error, while ``contiguous`` and ``reshape`` copy:

>>> try:
...     x_t.view(12)
... except RuntimeError as error:
...     print(f"Error: {error}")
Error: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.
>>> print(f"After contiguous(): {x_t.contiguous().is_contiguous()}")
After contiguous(): True
>>> if x_t.contiguous().view(12).shape == (12,):
...     print("view() works after contiguous()")
view() works after contiguous()
>>> print(f"reshape() auto-handles non-contiguous: {x_t.reshape(12).shape}")
reshape() auto-handles non-contiguous: torch.Size([12])

A tensor that is not contiguous can still have a view, as ``columns`` has below. Axes that one stride can step through form
a *run* of memory. A view works if each axis of the new shape lies within one run:

>>> columns = torch.ones(4, 6)[:, :3]
>>> columns.is_contiguous(), columns.view(4, 3, 1).stride()
(False, (6, 1, 1))
>>> layout.can_view((4, 3), (6, 1), (4, 3, 1)), layout.can_view((4, 3), (6, 1), (12,))
(True, False)

To swap the last two axes, write ``.mT`` in either library. ``.T`` reverses all axes. For two axes that is the same.
For more it is not, and PyTorch deprecates it there.
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
