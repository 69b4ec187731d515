"""A mask says which keys each query of attention may look at: True where it looks.

Causal, padded, windowed and packed rows are each a mask, and ``&`` joins them. A mask that means the opposite raises no error:
the model then learns from what it should not see.

>>> from tensorref import masks
>>> masks.causal(2, 4)
tensor([[ True,  True,  True, False],
        [ True,  True,  True,  True]])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, product
from math import prod
from typing import Any

from jaxtyping import Bool, Float, Integer, Shaped

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor

from tensorref import _picture
from tensorref._arguments import as_int, as_number, as_place, as_torch_dtype, quoted
from tensorref._explanation import Illustrated
from tensorref._operands import cast, check_mask, check_operands, check_whole, is_tensor, library_of
from tensorref._shape import as_size, index_of
from tensorref._typing import ArrayT, Number

__all__ = [
    "Mask",
    "Query",
    "additive",
    "causal",
    "document_ids",
    "documents",
    "explain",
    "padding",
    "positions",
    "prefix",
    "sliding_window",
]


def causal(
    query_len: int, key_len: int | None = None, *, device: torch.device | str | None = None
) -> Bool[Tensor, "query_len key_len"]:
    """Return the mask that lets a token look at itself and at what came before.

    >>> from tensorref import masks
    >>> masks.causal(3)
    tensor([[ True, False, False],
            [ True,  True, False],
            [ True,  True,  True]])

    With more keys than queries, as when the keys of earlier tokens are kept, the queries are the last tokens:

    >>> masks.causal(2, 4)
    tensor([[ True,  True,  True, False],
            [ True,  True,  True,  True]])

    Parameters
    ----------
    query_len, key_len
        How many tokens look and how many are looked at; as many by default.
    device
        PyTorch's default device by default.

    Returns
    -------
    :
        A tensor, True where a query may look. NumPy's is ``numpy.tri(query_len, key_len, key_len - query_len,
        dtype=bool)``. With fewer keys than queries the first rows are all False.

    Raises
    ------
    TypeError, ValueError
        If a length is not a size.

    See Also
    --------
    torch.nn.attention.bias.causal_lower_right : the same for PyTorch's own attention, whose ``is_causal=True`` lines up
        the first query with the first key instead.
    numpy.tril : the lower triangle of an array.
    torch.tril : that of a tensor.
    """
    queries, keys = _lengths(query_len, key_len)
    return torch.ones(queries, keys, dtype=torch.bool, device=as_place(device)).tril(keys - queries)


def sliding_window(
    query_len: int, key_len: int | None = None, *, window: int, device: torch.device | str | None = None
) -> Bool[Tensor, "query_len key_len"]:
    """Return the causal mask in which a token looks at the last `window` tokens, itself included.

    >>> from tensorref import masks
    >>> masks.sliding_window(4, window=2)
    tensor([[ True, False, False, False],
            [ True,  True, False, False],
            [False,  True,  True, False],
            [False, False,  True,  True]])

    Parameters
    ----------
    query_len, key_len
        As for `causal`.
    window
        How many keys a query sees at the most, its own among them. Hugging Face's ``sliding_window`` counts so; the
        ``window_size`` of FlashAttention counts the keys before its own, and is one less.
    device
        As for `causal`.

    Returns
    -------
    :
        A tensor, True where a query may look. Through several layers a token still learns of what is farther away.

    Raises
    ------
    TypeError, ValueError
        If a length is not a size, or `window` is not 1 or more.

    See Also
    --------
    torch.triu : what is at or above a diagonal; this is ``causal(query_len, key_len).triu(key_len - query_len - window + 1)``.
    numpy.triu : the same of an array.

    References
    ----------
    Beltagy, Peters, Cohan: `Longformer <https://arxiv.org/abs/2004.05150>`__ (2020), 3.1.

    Examples
    --------
    A step of decoding with five keys in the cache:

    >>> masks.sliding_window(1, 5, window=3)
    tensor([[False, False,  True,  True,  True]])
    """
    queries, keys = _lengths(query_len, key_len)
    width = as_int(window, "window", "a number of keys is")
    if width < 1:
        raise ValueError(f"window is {width}; a token sees itself at least: write 1 or more")
    return causal(queries, keys, device=device).triu(keys - queries - min(width, keys) + 1)


def prefix(
    query_len: int, key_len: int | None = None, *, prefix_len: int, device: torch.device | str | None = None
) -> Bool[Tensor, "query_len key_len"]:
    """Return the causal mask in which every token looks at the whole prefix, the later tokens of the prefix included.

    >>> from tensorref import masks
    >>> masks.prefix(4, prefix_len=2)
    tensor([[ True,  True, False, False],
            [ True,  True, False, False],
            [ True,  True,  True, False],
            [ True,  True,  True,  True]])

    A prompt or an image is read as a whole so, and the answer is written token by token.

    Parameters
    ----------
    query_len, key_len
        As for `causal`.
    prefix_len
        How many of the first keys are the prefix.
    device
        As for `causal`.

    Returns
    -------
    :
        A tensor, True where a query may look.

    Raises
    ------
    TypeError, ValueError
        If a length is not a size.

    See Also
    --------
    torch.logical_or : joins a mask of the prefix with a causal one, as here.
    numpy.logical_or : the same of arrays.

    References
    ----------
    Raffel et al.: `Exploring the Limits of Transfer Learning <https://arxiv.org/abs/1910.10683>`__ (2020), 3.2.1.

    Examples
    --------
    With a prefix of its own for each row of a batch:

    >>> import torch
    >>> lengths = torch.tensor([1, 3])
    >>> mask = masks.causal(4) | (torch.arange(4) < lengths[:, None, None, None])
    >>> mask.shape
    torch.Size([2, 1, 4, 4])
    >>> bool((mask[1, 0] == masks.prefix(4, prefix_len=3)).all())
    True
    """
    queries, keys = _lengths(query_len, key_len)
    mask = causal(queries, keys, device=device)
    return mask | (torch.arange(keys, device=mask.device) < as_size(prefix_len, "prefix_len"))


def padding(token_ids: Integer[ArrayT, "*batch seq_len"], pad_id: int) -> Bool[ArrayT, "*batch 1 1 seq_len"]:
    """Return the mask that keeps every query from looking at padding, on the right or on the left.

    >>> import torch
    >>> from tensorref import masks
    >>> token_ids = torch.tensor([[5, 2, 7], [4, 0, 0]])
    >>> masks.padding(token_ids, pad_id=0).shape
    torch.Size([2, 1, 1, 3])
    >>> masks.padding(token_ids, pad_id=0)[:, 0, 0]
    tensor([[ True,  True,  True],
            [ True, False, False]])

    Parameters
    ----------
    token_ids
        Sequences, filled up with `pad_id`; while decoding, those of all keys so far.
    pad_id
        The id that stands for no token.

    Returns
    -------
    :
        True at tokens, in new memory. The two axes of size 1 stand for the heads and the queries. For scores without
        heads, write ``mask[:, 0]``. If you forget that, the mask has one axis more than the scores, and
        `attention.weights <tensorref.attention.weights>` raises an error. With fewer axes in the mask, its batch axis could meet the heads of the
        scores, and no error would tell.

    See Also
    --------
    causal : joined with ``&``, for a batch of prompts.
    positions : what a row that is padded on the left needs too.
    torch.nn.MultiheadAttention : has ``key_padding_mask``, where True means that no query may look: ``token_ids == pad_id``.

    Examples
    --------
    Where a prompt is padded on the left, its padding sees nothing, and its tokens see each other:

    >>> token_ids = torch.tensor([[0, 0, 7, 3]])
    >>> (masks.padding(token_ids, pad_id=0) & masks.causal(4))[0, 0]
    tensor([[False, False, False, False],
            [False, False, False, False],
            [False, False,  True, False],
            [False, False,  True,  True]])
    """
    check_operands(token_ids=token_ids)
    check_whole(token_ids=token_ids)
    ids: Any = _sequences("token_ids", token_ids)
    result: ArrayT = (ids != as_int(pad_id, "pad_id", "an id is"))[..., None, None, :]
    return result


def document_ids(cumulative_lengths: Integer[ArrayT, " documents_and_1"]) -> Integer[ArrayT, " seq_len"]:
    """Give each token of a packed row the number of its document, from where each document ends.

    >>> import torch
    >>> from tensorref import masks
    >>> masks.document_ids(torch.tensor([0, 3, 5]))
    tensor([0, 0, 0, 1, 1])

    Parameters
    ----------
    cumulative_lengths
        0, then where each document ends: what variable-length kernels of attention take as ``cu_seqlens``.

    Returns
    -------
    :
        An id for each token, of int64, in new memory.

    Raises
    ------
    ValueError
        If `cumulative_lengths` have not one axis, do not begin with 0, or fall.
    TypeError
        If they are not integers.

    See Also
    --------
    documents : makes the mask.
    torch.repeat_interleave : repeats each number as often as its length says.
    numpy.repeat : the same of an array.

    Examples
    --------
    From the lengths themselves:

    >>> lengths = torch.tensor([3, 2])
    >>> masks.document_ids(torch.nn.functional.pad(lengths.cumsum(0), (1, 0)))
    tensor([0, 0, 0, 1, 1])
    """
    check_operands(cumulative_lengths=cumulative_lengths)
    check_whole(cumulative_lengths=cumulative_lengths)
    _check_values("cumulative_lengths", cumulative_lengths)
    shape = tuple(cumulative_lengths.shape)
    if len(shape) != 1:
        raise ValueError(f"cumulative_lengths has shape {shape}; it is one row: write (0, 3, 5) for lengths 3 and 2")
    library = library_of(cumulative_lengths)
    ends = cast(cumulative_lengths, library.int64)
    if not shape[0] or int(ends[0]) != 0 or bool((ends[1:] < ends[:-1]).any()):
        raise ValueError(
            f"cumulative_lengths is {quoted(ends.tolist())}; it begins with 0 and never falls: write [0, 3, 5] for lengths "
            "3 and 2"
        )
    tokens = library.arange(int(ends[-1]), device=ends.device)
    result: ArrayT = library.searchsorted(ends[1:], tokens, side="right")
    return result


def documents(
    document_ids: Integer[ArrayT, "*batch key_len"], query_len: int | None = None
) -> Bool[ArrayT, "*batch 1 query_len key_len"]:
    """Return the mask of packed rows: a token looks at the tokens of its own document.

    >>> import torch
    >>> from tensorref import masks
    >>> ids = torch.tensor([0, 0, 0, 1, 1])
    >>> (masks.documents(ids) & masks.causal(5))[0]
    tensor([[ True, False, False, False, False],
            [ True,  True, False, False, False],
            [ True,  True,  True, False, False],
            [False, False, False,  True, False],
            [False, False, False,  True,  True]])

    Parameters
    ----------
    document_ids
        The number of the document of each key: equal where tokens belong together. See `document_ids`.
    query_len
        How many tokens look, which are the last ones; all of them by default.

    Returns
    -------
    :
        True where both are of one document, before and after; ``& causal(…)`` hides what comes later. In new memory; the axis
        of size 1 stands for the heads.

    Raises
    ------
    ValueError
        If `document_ids` have no axis, or `query_len` is more than there are tokens.
    TypeError
        If they are not integers.

    See Also
    --------
    positions : those of each document begin with 0 too.
    torch.eq : compares every two, with an axis of size 1 in each.
    numpy.equal : the same of arrays.
    torch.nn.attention.flex_attention.create_block_mask : takes such a rule as a function, and skips the blocks that it hides.
    """
    check_operands(document_ids=document_ids)
    ids: Any = _sequences("document_ids", document_ids)
    check_whole(document_ids=document_ids)
    keys = ids.shape[-1]
    queries = keys if query_len is None else as_size(query_len, "query_len")
    if queries > keys:
        raise ValueError(f"query_len is {queries}, document_ids has {keys} tokens; write {keys} or less")
    result: ArrayT = (ids[..., keys - queries :, None] == ids[..., None, :])[..., None, :, :]
    return result


def positions(document_ids: Shaped[ArrayT, "*batch seq_len"]) -> Integer[ArrayT, "*batch seq_len"]:
    """Give each token its place in its run of equal ids, from 0: positions that start anew in every document.

    >>> import torch
    >>> from tensorref import masks
    >>> masks.positions(torch.tensor([0, 0, 0, 1, 1]))
    tensor([0, 1, 2, 0, 1])

    Padding on the left is such a run too, so that the first token of a prompt has position 0:

    >>> token_ids = torch.tensor([[5, 8, 2, 9], [0, 0, 7, 3]])
    >>> masks.positions(token_ids != 0)
    tensor([[0, 1, 2, 3],
            [0, 1, 0, 1]])

    Parameters
    ----------
    document_ids
        Equal where tokens belong together: ids of documents, or True at tokens and False at padding.

    Returns
    -------
    :
        An int64 for each token, in new memory. What padding gets does not matter where nothing looks at it.

    Raises
    ------
    ValueError
        If `document_ids` have no axis.
    TypeError
        If they are neither integers nor boolean.

    See Also
    --------
    torch.arange : the positions of a row that is one document.
    numpy.arange : the same of an array.
    """
    check_operands(document_ids=document_ids)
    ids: Any = _sequences("document_ids", document_ids)
    if str(ids.dtype).rpartition(".")[2] != "bool":
        check_whole(document_ids=document_ids)
    library = library_of(ids)
    index = library.cumsum(library.ones_like(ids, dtype=library.int64), -1) - 1
    begins = index.clone() if is_tensor(index) else index.copy()
    begins[..., 1:] *= ids[..., 1:] != ids[..., :-1]
    last = library.cummax(begins, -1).values if is_tensor(begins) else library.maximum.accumulate(begins, axis=-1)
    result: ArrayT = index - last
    return result


def additive(mask: Bool[ArrayT, "*shape"], dtype: Any = None, *, value: Number = -math.inf) -> Float[ArrayT, "*shape"]:
    """Turn a boolean mask into numbers that are added to the scores: 0 where a query looks, `value` where it does not.

    >>> import torch
    >>> from tensorref import masks
    >>> masks.additive(masks.causal(2))
    tensor([[0., -inf],
            [0., 0.]])
    >>> masks.additive(masks.causal(2), torch.float16, value=torch.finfo(torch.float16).min)
    tensor([[     0., -65504.],
            [     0.,      0.]], dtype=torch.float16)

    Parameters
    ----------
    mask
        True where a query may look at a key.
    dtype
        That of the scores; ``float32`` of the mask's library by default.
    value
        What hides a key: -inf, the lowest number of `dtype`, or a number far below all scores, such as -1e9.

    Returns
    -------
    :
        Of the shape of `mask`, in new memory.

    Raises
    ------
    ValueError
        If `value` is not below 0, or below the lowest number of `dtype`: float16 ends at -65504, so that it has no -1e9.
    TypeError
        If `mask` is not boolean, or `dtype` is not one of floating point of 16 bits or more.

    See Also
    --------
    torch.where : chooses between two numbers.
    numpy.where : the same of arrays.
    torch.Tensor.masked_fill : hides scores in place of adding; it takes True for what is filled.
    torch.nn.functional.scaled_dot_product_attention : takes a mask of either kind.

    Examples
    --------
    Two masks whose hidden keys are the lowest number overflow where they are added. Join them while they are boolean:

    >>> lowest = masks.additive(torch.tensor([False]), value=torch.finfo(torch.float32).min)
    >>> lowest + lowest
    tensor([-inf])
    """
    check_operands(mask=mask)
    check_mask(mask)
    library = library_of(mask)
    kind, name = _float_dtype(dtype, library)
    number, lowest = as_number(value, "value"), float(library.finfo(kind).min)
    if not number < 0:
        raise ValueError(f"value is {number}; it hides a key, so it is below all scores: write float('-inf')")
    if lowest > number > -math.inf:
        raise ValueError(
            f"value is {number}, below the lowest number of {name}, {lowest}; write that, or float('-inf')"
        )
    fill = library.zeros_like(mask, dtype=kind)
    fill[~mask] = number
    result: ArrayT = fill
    return result


def explain(mask: Bool[ArrayT, "*batch query_len key_len"]) -> Mask:
    """Tell which keys each query sees.

    >>> from tensorref import masks
    >>> print(masks.explain(masks.causal(4)))
    query  sees keys   count
    0              0  1 of 4
    1            0-1  2 of 4
    2            0-2  3 of 4
    3            0-3  4 of 4
    * 10 of 16 pairs of a query and a key are True: there the query sees the key.
    * The mask is causal: no query sees a later key.

    Parameters
    ----------
    mask
        True where a query may look at a key, as for `attention.weights <tensorref.attention.weights>`.

    Returns
    -------
    :
        The facts as data; ``print`` shows them as a table, and a notebook a picture above it. Of a large mask it has the
        first queries and the last one; the counts are those of all.

    Raises
    ------
    TypeError
        If `mask` is not boolean, or has no values.
    ValueError
        If `mask` has fewer than two axes.

    See Also
    --------
    causal : the mask of a model that predicts the next token.
    padding : the mask of a batch of prompts.

    Examples
    --------
    A prompt that is padded on the left has queries that see nothing:

    >>> import torch
    >>> token_ids = torch.tensor([[0, 0, 5, 2]])
    >>> print(masks.explain(masks.padding(token_ids, pad_id=0) & masks.causal(4)))
    query      sees keys   count
    [0, 0, 0]       none  0 of 4
    [0, 0, 1]       none  0 of 4
    [0, 0, 2]          2  1 of 4
    [0, 0, 3]        2-3  2 of 4
    * 3 of 16 pairs of a query and a key are True: there the query sees the key.
    * The mask is causal: no query sees a later key.
    * 2 queries see no key: softmax gives them nan, attention.weights gives them 0.

    Here True means hidden, as for `torch.nn.MultiheadAttention`:

    >>> print(masks.explain(~masks.causal(3)).warning)
    No query sees its own token or an earlier one. If True is meant for what is hidden, write ~mask. 1 query sees no key: softmax gives it nan, attention.weights gives it 0.
    """
    check_operands(mask=mask)
    check_mask(mask)
    shape = tuple(mask.shape)
    if len(shape) < 2:  # noqa: PLR2004  queries and keys
        raise ValueError(f"mask has shape {shape}; it has a row for each query: write mask[None] for one row")
    _check_values("mask", mask)
    values: Any = mask
    *stack, query_len, key_len = shape
    parts, rows = _picture.visible(prod(stack), _PARTS), _picture.visible(query_len, _PLACES)
    drawn = [(part, row) for part, row in product(parts, rows) if part is not None and row is not None]
    indices = [index_of(part * query_len + row, shape[:-1]) for part, row in drawn]
    queries = tuple(Query(index, tuple(_runs(values[index]))) for index in indices)
    pairs = int(values.sum())
    seen = values.any(axis=-1)
    before = library_of(values).tril(values, key_len - query_len)
    several = pairs > 0 and query_len > 1
    no_later = several and int(before.sum()) == pairs
    blind = int((~seen).sum())
    inverted = several and key_len >= query_len and not bool(before.any())
    return Mask(
        shape=shape, queries=queries, pairs=pairs, blind=blind, causal=no_later, warning=_warning(blind, inverted)
    )


@dataclass(frozen=True)
class Query:
    """Which keys one query sees.

    >>> from tensorref import masks
    >>> masks.explain(masks.causal(3)).queries[1]
    Query(index=(1,), keys=((0, 2),))
    """

    index: tuple[int, ...]
    """Its place in the mask, on all axes but that of the keys."""
    keys: tuple[tuple[int, int], ...]
    """Runs of keys that it sees, each as its first key and the first one after it."""

    def sees(self, key: int) -> bool:
        """Tell whether it sees a key.

        Parameters
        ----------
        key
            Which one, counted from 0.

        Returns
        -------
        :
            True if it lies in one of its runs.
        """
        return any(start <= key < stop for start, stop in self.keys)

    @property
    def count(self) -> int:
        """How many keys it sees."""
        return sum(stop - start for start, stop in self.keys)


@dataclass(frozen=True)
class Mask(Illustrated):
    """Which keys each query sees: what `explain` returns.

    >>> import torch
    >>> from tensorref import masks
    >>> mask = masks.explain(torch.tensor([[True, False], [False, False]]))
    >>> mask.pairs, mask.blind, mask.causal
    (1, 1, True)
    """

    shape: tuple[int, ...]
    queries: tuple[Query, ...]
    """The first ones and the last one, which are those that are shown."""
    pairs: int
    """How many pairs of a query and a key are True."""
    blind: int
    """How many queries see no key."""
    causal: bool
    """Whether no query sees a later key, where the last query is the token of the last key."""
    warning: str | None
    """Set where a query sees no key, or where the mask looks like one in which True means hidden."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a query each."""
        rows = []
        for query in self.queries:
            runs = [str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in query.keys]
            shown = runs if len(runs) <= _RUNS else [*runs[: _RUNS - 1], "…", runs[-1]]
            label = str(query.index[0]) if len(query.index) == 1 else str([*query.index])
            rows.append((label, ", ".join(shown) or "none", f"{query.count} of {self.shape[-1]}"))
        return (("query", "sees keys", "count"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return what holds for all queries, a sentence each."""
        notes = [
            f"{self.pairs:,} of {prod(self.shape):,} pairs of a query and a key are True: there the query sees the key."
        ]
        if self.causal:
            notes.append("The mask is causal: no query sees a later key.")
        if self.shape[-2] == 1:
            notes.append("The mask has one row, which holds for every query.")
        if self.warning:
            notes.append(self.warning)
        return tuple(notes)

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        rows = [f"Query {label} sees keys {keys}." for label, keys, _count in self.table()[1:]]
        return f"mask {self.shape}", " ".join([*self.notes(), *rows])

    def _drawn(self) -> _picture.Drawing:
        """Draw a row for each query and a column for each key, with the number of the key where the query sees it."""
        *stack, query_len, key_len = self.shape
        sides = [_picture.Side(query_len, f"query {query_len}", 2), _picture.Side(key_len, f"key {key_len}", 1)]
        parts = [] if prod(stack) else [_picture.grid([_picture.Side(0, "0", 0)], lambda _at: ("", _picture.EMPTY))]
        for number in _picture.visible(prod(stack), _PARTS):
            if number is None:
                drawing = _picture.Drawing()
                drawing.text((0, 0), "…")
            else:
                index = index_of(number, stack)
                shown = [side._replace(label="") for side in sides] if number else sides
                drawing = _picture.grid(shown, self._cells(index), _PLACES)
                if stack:
                    drawing.heading(f"mask{[*index]}", 0)
            parts.append(drawing)
        whole = _picture.flow(parts, [""] * (len(parts) - 1))
        whole.heading(self.described()[0])
        return whole

    def _cells(self, part: tuple[int, ...]) -> Callable[[tuple[int, ...]], tuple[str, _picture.Mark]]:
        """Return what stands in a part of the mask at a query and a key."""
        queries = {query.index: query for query in self.queries}

        def cell(at: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            query, key = queries[*part, at[0]], at[1]
            if not query.keys:
                return "" if key else "✗", _BLIND
            return (str(key), _SEEN) if query.sees(key) else ("", _picture.EMPTY)

        return cell


_PARTS = 3  # of a mask that has more axes than queries and keys, that are shown
_PLACES = 8  # of queries and of keys
_RUNS = 4  # of keys that a row of the table names
_SEEN = _picture.Mark(1, 30)
_BLIND = _picture.Mark(4, 0, "1 4")


def _warning(blind: int, inverted: bool) -> str | None:  # noqa: FBT001
    """Return what is suspicious about a mask, or None."""
    warnings = []
    if inverted:
        warnings.append(
            "No query sees its own token or an earlier one. If True is meant for what is hidden, write ~mask."
        )
    if blind:
        who, them = ("1 query sees", "it") if blind == 1 else (f"{blind:,} queries see", "them")
        warnings.append(f"{who} no key: softmax gives {them} nan, attention.weights gives {them} 0.")
    return " ".join(warnings) or None


def _lengths(query_len: int, key_len: int | None) -> tuple[int, int]:
    queries = as_size(query_len, "query_len")
    return queries, queries if key_len is None else as_size(key_len, "key_len")


def _sequences(name: str, ids: Any) -> Any:
    """Return ids, or raise an error where they have no axis."""
    if not ids.shape:
        raise ValueError(f"{name} has shape (); it has an id for each token: write {name}[None]")
    return ids


def _check_values(name: str, array: Any) -> None:
    if getattr(array, "is_meta", False):
        raise TypeError(f"{name} is on meta and has no values; give one that has, such as one on the CPU")


def _float_dtype(dtype: Any, library: Any) -> tuple[Any, str]:
    """Return a dtype of floating point of 16 bits or more, and its name."""
    kind: Any
    if library is torch:
        kind = torch.float32 if dtype is None else as_torch_dtype(dtype)
        name, fits = str(kind), kind.is_floating_point and kind.itemsize > 1
    else:
        try:
            kind = library.dtype("float32" if dtype is None else dtype)
        except Exception:  # noqa: BLE001  NumPy raises what it likes
            raise TypeError(
                f"dtype is {quoted(dtype)}, of type {type(dtype).__name__}; it is a dtype of NumPy: write np.float32"
            ) from None
        name, fits = kind.name, kind.kind == "f"
    if not fits:
        write = "torch.float32" if library is torch else "np.float32"
        raise TypeError(f"dtype is {name}; scores are of floating point of 16 bits or more: write {write}")
    return kind, name


def _runs(row: Any) -> Iterator[tuple[int, int]]:
    """Yield where the runs of True in a row begin and end."""
    place = 0
    for seen, run in groupby(row.tolist()):
        end = place + len([*run])
        if seen:
            yield place, end
        place = end
