r"""An index picks a part of a tensor: ``x[:, -1]`` is the last token of every sequence.

What stands in the brackets decides two things: the shape of the result, and whether it is a view or a copy. A write to
a view changes ``x`` too.

>>> from tensorref import indexing
>>> indexing.result_shape((2, 3, 4), (slice(None), 0))
(2, 4)
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
