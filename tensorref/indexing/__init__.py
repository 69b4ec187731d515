r"""What an index selects: the shape of the result, and whether it is a view or a copy.

>>> from tensorref import indexing
>>> indexing.result_shape((2, 3, 4), (slice(None), 0))
(2, 4)

An int takes an axis away, a slice keeps it, ``None`` adds one of size 1, and ``...`` stands for the axes that are not
named. All of these give a view, which shares the memory of its source. A mask or an array of integers picks elements
one by one: a copy.

>>> import numpy as np
>>> batch = np.arange(24).reshape(2, 3, 4)  # (batch, seq_len, features)
>>> print(f"Full shape: {batch.shape}")
Full shape: (2, 3, 4)
>>> print(f"Original:\n{batch}")
Original:
[[[ 0  1  2  3]
  [ 4  5  6  7]
  [ 8  9 10 11]]
<BLANKLINE>
 [[12 13 14 15]
  [16 17 18 19]
  [20 21 22 23]]]
>>> print(f"batch[0, 0]: {batch[0, 0]}")
batch[0, 0]: [0 1 2 3]
>>> print(f"batch[:, 0, :] shape: {batch[:, 0, :].shape}")
batch[:, 0, :] shape: (2, 4)
>>> print(f"batch[0, -1, :]: {batch[0, -1, :]}")
batch[0, -1, :]: [ 8  9 10 11]
>>> print(f"Elements > 10: {batch[batch > 10]}")
Elements > 10: [11 12 13 14 15 16 17 18 19 20 21 22 23]

Index arrays broadcast together to one shape. In ``x[:, [0, 2], [1, 3]]`` they stand side by side, and in the result
that shape takes their place. In ``x[[0, 2], :, [1, 3]]`` a slice stands between them, so that shape comes first. The
rule is `NumPy's <https://numpy.org/doc/stable/user/basics.indexing.html>`__; PyTorch follows it, with four exceptions.
A slice cannot run backward; `torch.flip` can, and copies. An int beside index arrays is applied before them, so it
never stands between them. A tensor of indices has the dtype int64 or int32; PyTorch takes one of uint8 for a mask and
refuses the others. An int for every axis gives a view of shape ``()``, where NumPy gives a scalar:

>>> import torch
>>> batch[0, :, [0, 1]].shape, torch.tensor(batch)[0, :, [0, 1]].shape
((2, 3), torch.Size([3, 2]))
>>> torch.arange(3)[::-1]
Traceback (most recent call last):
...
ValueError: step must be greater than zero
>>> indexing.result_shape((4, 3), torch.tensor([2, 0], dtype=torch.int16), library="torch")
Traceback (most recent call last):
...
tensorref.indexing.IndexingError: index holds int16, PyTorch indexes with int32 or int64; write index.long().
"""

from __future__ import annotations

from tensorref.indexing._brackets import Entry, Explanation, IndexingError, explain, is_view, result_shape
from tensorref.indexing._gather import GatherExplanation, explain_gather, explain_scatter
from tensorref.indexing._items import Indices, Mask
from tensorref.indexing._tokens import last, masked, token

__all__ = [
    "Entry",
    "Explanation",
    "GatherExplanation",
    "IndexingError",
    "Indices",
    "Mask",
    "explain",
    "explain_gather",
    "explain_scatter",
    "is_view",
    "last",
    "masked",
    "result_shape",
    "token",
]
