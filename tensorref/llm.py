"""A language model turns token ids into vectors, mixes them, and turns the result into a probability for each next word.

Each step here is a function of a few lines, which computes what PyTorch does. So you can read what a model does, and
check your own.

>>> import torch
>>> from tensorref import llm
>>> llm.attention_weights(torch.zeros(2, 2), llm.causal_mask(2))
tensor([[1.0000, 0.0000],
        [0.5000, 0.5000]])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from jaxtyping import Bool, Float, Integer

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import numpy as np
    import torch
    from torch import Tensor

from tensorref import _picture, broadcasting, kernels, layout, matmul
from tensorref._arguments import as_int, as_number, as_place
from tensorref._explanation import Illustrated
from tensorref._operands import cast, check_fractions, check_one_dtype, check_operands, library_of, widened
from tensorref._shape import as_shape, as_size, index_of, joined
from tensorref._typing import ArrayT, ShapeLike

__all__ = [
    "Attention",
    "Mask",
    "Query",
    "Stage",
    "attention",
    "attention_scores",
    "attention_weights",
    "causal_mask",
    "embedding",
    "explain_attention",
    "explain_mask",
    "linear",
    "padding_mask",
]


def embedding(
    table: Float[ArrayT, "vocab_size embed_dim"], token_ids: Integer[ArrayT, "*batch"]
) -> Float[ArrayT, "*batch embed_dim"]:
    """Look up the row of `table` for every token id.

    >>> import torch
    >>> from tensorref import llm
    >>> table = torch.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    >>> llm.embedding(table, torch.tensor([2, 0, 2]))
    tensor([[2.0000, 2.1000],
            [0.0000, 0.1000],
            [2.0000, 2.1000]])

    Parameters
    ----------
    table
        A vector for each word of the vocabulary.
    token_ids
        Ids from 0 to ``vocab_size - 1``, of any shape; in PyTorch int32 or int64.

    Returns
    -------
    :
        ``table[token_ids]``, of the dtype of `table`: a copy, except that a single id, of shape ``()``, gives a view in
        PyTorch.

    Raises
    ------
    ValueError
        If an id has no row. ``table[-1]`` alone takes the last one, so that ids which mark padding pass unseen. To look
        at the ids waits for an accelerator, as PyTorch's own does not.
    TypeError
        If `token_ids` are not integers or have no values, or PyTorch does not take their dtype for indices: ``uint8`` would
        be a mask. If one argument is an array and the other a tensor.

    See Also
    --------
    torch.nn.functional.embedding : PyTorch's own.
    numpy.take : NumPy's own: ``numpy.take(table, token_ids, axis=0)``.

    Examples
    --------
    >>> llm.embedding(table, torch.tensor([[0, 3]]))
    Traceback (most recent call last):
    ...
    ValueError: token_ids[0, 1] is 3; table has 3 rows, for the ids 0 to 2: use the tokenizer that the table was made for
    """
    check_operands(table=table, token_ids=token_ids)
    ids: Any = token_ids
    rows: Any = table
    _check_ids(ids)
    if isinstance(ids, Tensor) and ids.dtype not in {torch.int32, torch.int64}:
        raise TypeError(f"token_ids has dtype {ids.dtype}; PyTorch indexes with int32 or int64: write token_ids.long()")
    if len(table.shape) != 2:  # noqa: PLR2004  words and features
        raise ValueError(f"table has shape {tuple(table.shape)}; it has a row for each word: (vocab_size, embed_dim)")
    if getattr(ids, "is_meta", False) and not rows.is_meta:
        raise TypeError("token_ids is on meta and has no values; give ids that have, such as some on the CPU")
    count = table.shape[0]
    wrong = (ids < 0) | (ids >= count)
    if not getattr(ids, "is_meta", False) and wrong.any():
        place = library_of(ids).argwhere(wrong)[0].tolist()
        first = int(ids[tuple(place)])
        fix = "use the tokenizer that the table was made for" if first > 0 else "replace what marks padding first"
        raise ValueError(
            f"token_ids{place or ''} is {first}; table has {count} rows, for the ids 0 to {count - 1}: {fix}"
        )
    result: ArrayT = rows[ids]
    return result


def linear(
    x: Float[ArrayT, "*batch in_features"],
    weight: Float[ArrayT, "in_features out_features"],
    bias: Float[ArrayT, " out_features"] | None = None,
) -> Float[ArrayT, "*batch out_features"]:
    """Map every vector on the last axis of `x` by a matrix, and add a bias.

    >>> import torch
    >>> from tensorref import llm
    >>> W, b, x = torch.ones(64, 256), torch.zeros(256), torch.ones(4, 32, 64)
    >>> print(f"Linear output shape: {llm.linear(x, W, b).shape}")
    Linear output shape: torch.Size([4, 32, 256])

    Parameters
    ----------
    x
        Vectors of `in_features` numbers.
    weight
        A column for each feature of the result. ``torch.nn.Linear`` stores the transpose, ``(out_features,
        in_features)``: pass ``layer.weight.mT``.
    bias
        A number for each feature of the result.

    Returns
    -------
    :
        ``x @ weight + bias``, in new memory, of the dtype of all three (NumPy promotes dtypes that differ). float16 and
        bfloat16 are rounded once, after the bias.

    Raises
    ------
    ValueError
        If the features do not agree, or `bias` is not one number for each.
    TypeError
        If tensors differ in dtype: PyTorch does not promote in a product.

    See Also
    --------
    torch.nn.functional.linear : PyTorch's own, with the transposed weight.
    numpy.matmul : the product, without the bias.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 3)
    >>> x = torch.tensor([[1.0, 2.0]])
    >>> torch.allclose(llm.linear(x, layer.weight.mT, layer.bias), layer(x))
    True
    """
    dtype = _result_dtype(x=x, weight=weight, **_given(bias=bias))
    matmul.result_shape(x.shape, weight.shape, names=("x", "weight"))
    result: Any = widened(x) @ widened(weight)
    if bias is not None:
        result = broadcasting.add_bias(result, widened(bias))
    rounded: ArrayT = cast(result, dtype)
    return rounded


def attention_scores(
    query: Float[ArrayT, "*#batch query_len head_dim"],
    key: Float[ArrayT, "*#batch key_len head_dim"],
    *,
    scale: float | None = None,
) -> Float[ArrayT, "*#batch query_len key_len"]:
    """Compare every query with every key, scaled: their dot products, divided by the square root of `head_dim`.

    >>> import torch
    >>> from tensorref import llm
    >>> x = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    >>> llm.attention_scores(x, x)
    tensor([[1., 0.],
            [0., 2.]])
    >>> llm.attention_scores(x, x, scale=1.0)
    tensor([[2., 0.],
            [0., 4.]])

    A dot product of `head_dim` independent numbers of variance 1 has variance `head_dim`; divided by the root it keeps
    variance 1, and softmax its gradient (`Vaswani et al. <https://arxiv.org/abs/1706.03762>`__, 3.2.1).

    Parameters
    ----------
    query, key
        A vector per token; the axes before the last two broadcast.
    scale
        What the dot products are multiplied by: ``1 / sqrt(head_dim)`` by default, 1.0 for the plain product.

    Returns
    -------
    :
        A row per query, a column per key, in new memory, of the dtype of both (NumPy promotes dtypes that differ).
        float16 does not overflow where the scores themselves fit.

    Raises
    ------
    MatmulError
        If the sizes of the last axis differ, or the batch axes do not broadcast.
    ValueError
        If `query` or `key` has fewer than two axes.
    TypeError
        If tensors differ in dtype: PyTorch does not promote in a product.

    See Also
    --------
    tensorref.matmul.product : any matrix product; this is ``product(query, key.mT)``, scaled.
    attention_weights : what softmax makes of the scores.
    torch.nn.functional.scaled_dot_product_attention : scores, softmax and mean in one.
    """
    dtype = _result_dtype(query=query, key=key)
    for name, shape in (("query", query.shape), ("key", key.shape)):
        if len(shape) < 2:  # noqa: PLR2004  positions and features
            raise ValueError(
                f"{name} has shape {tuple(shape)}; attention takes a vector for each position: write {name}[None] for "
                "one position"
            )
    shapes = (query.shape, key.mT.shape)
    if query.shape[-1] != key.shape[-1]:
        raise matmul.MatmulError(
            f"query has vectors of {query.shape[-1]}, key of {key.shape[-1]}; project both to the same head_dim, and "
            "give key as it is: it is transposed here",
            matmul.explain(*shapes, names=("query", "key.mT")),
        )
    matmul.result_shape(*shapes, names=("query", "key.mT"))
    scaled = widened(query) * (max(query.shape[-1], 1) ** -0.5 if scale is None else as_number(scale, "scale"))
    result: ArrayT = cast(scaled @ widened(key).mT, dtype)
    return result


def attention_weights(
    scores: Float[ArrayT, "*#batch query_len key_len"],
    mask: Bool[ArrayT, "*#batch #query_len #key_len"] | None = None,
) -> Float[ArrayT, "*#batch query_len key_len"]:
    """Turn scores into weights: softmax over the keys that `mask` allows.

    >>> import torch
    >>> from tensorref import llm
    >>> llm.attention_weights(torch.zeros(3, 3), llm.causal_mask(3))
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.3333, 0.3333, 0.3333]])

    A query that may look nowhere, because its row of the mask is all False or its scores are all -inf, gets weights
    of 0, and its gradient is 0 too:

    >>> llm.attention_weights(torch.zeros(2, 2), torch.tensor([[False, False], [True, True]]))
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000]])
    >>> torch.softmax(torch.full((2,), float("-inf")), dim=-1)
    tensor([nan, nan])

    So do `torch.nn.functional.scaled_dot_product_attention` and ``torch.nn.MultiheadAttention`` when it returns no
    weights; when it does, it gives nan.

    Parameters
    ----------
    scores
        A row per query, a column per key.
    mask
        True where a query may look at a key; its shape broadcasts to that of `scores`. See `causal_mask` and
        `padding_mask`; ``&`` joins two.

    Returns
    -------
    :
        Of the shape and the dtype of `scores`, in new memory; each row sums to 1, or to 0 where nothing is allowed.

    Raises
    ------
    TypeError
        If `mask` is not boolean: numbers can be meant to be added to the scores. If `scores` are not floating point or a
        masked array, or `mask` is of the other library.
    ValueError
        If `mask` does not broadcast to the shape of `scores`; the error says which part of it, or which axes to add, would.

    See Also
    --------
    torch.softmax : without a mask.
    """
    check_fractions(scores=scores)
    if isinstance(scores, np.ma.MaskedArray):
        raise TypeError("scores is a masked array, whose mask would be lost; write scores.filled(-np.inf)")
    library, numbers = library_of(scores), widened(scores)
    if mask is not None:
        numbers = library.where(_checked_mask(mask, scores), numbers, -float("inf"))
    nowhere = (numbers == -float("inf")).all(axis=-1, keepdims=True)
    weights = kernels.softmax(library.where(nowhere, 0, numbers))
    result: ArrayT = cast(library.where(nowhere, 0, weights), scores.dtype)
    return result


def attention(
    query: Float[ArrayT, "*#batch query_len head_dim"],
    key: Float[ArrayT, "*#batch key_len head_dim"],
    value: Float[ArrayT, "*#batch key_len value_dim"],
    mask: Bool[ArrayT, "*#batch #query_len #key_len"] | None = None,
    *,
    scale: float | None = None,
) -> Float[ArrayT, "*#batch query_len value_dim"]:
    """Give each query the weighted mean of the values, weighted by how well its query fits each key.

    >>> import torch
    >>> from tensorref import llm
    >>> x = torch.tensor([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    >>> llm.attention(x, x, x, llm.causal_mask(3)).round(decimals=2)
    tensor([[4., 0.],
            [0., 4.],
            [4., 4.]])

    Parameters
    ----------
    query, key, value
        A vector per token, of ``(batch, seq_len, embed_dim)`` or, with heads, ``(batch, num_heads, seq_len,
        head_dim)``; the axes before the last two broadcast.
    mask
        True where a query may look at a key, as for `attention_weights`.
    scale
        As for `attention_scores`.

    Returns
    -------
    :
        A vector per query, in new memory; 0 for a query that may look nowhere. Of the dtype of all three (NumPy promotes
        dtypes that differ). float16 and bfloat16 are rounded at the end alone, so scores and weights keep their digits.

    Raises
    ------
    TypeError, ValueError
        As `attention_scores` and `attention_weights` do.

    See Also
    --------
    torch.nn.functional.scaled_dot_product_attention : PyTorch's own; its fused kernels never store all weights at once.
    tensorref.layout.split_heads : from ``(batch, seq_len, embed_dim)`` to heads.

    Notes
    -----
    PyTorch's own falls back to the plain computation, which stores all weights, where no fused kernel takes the input: on
    fewer than four axes, among other things. The device, the dtype, the mask, dropout and unequal head sizes decide too;
    :func:`torch.nn.attention.sdpa_kernel` allows one kernel only and so shows whether it takes the input.

    References
    ----------
    Vaswani et al.: `Attention Is All You Need <https://arxiv.org/abs/1706.03762>`__ (2017), equation 1.
    """
    dtype = _result_dtype(query=query, key=key, value=value)
    weights = attention_weights(attention_scores(widened(query), widened(key), scale=scale), mask)
    matmul.result_shape(weights.shape, value.shape, names=("weights", "value"))
    result: ArrayT = cast(weights @ widened(value), dtype)
    return result


def causal_mask(
    query_len: int, key_len: int | None = None, *, device: torch.device | str | None = None
) -> Bool[Tensor, "query_len key_len"]:
    """Return the mask that lets a token look at itself and at what came before.

    >>> from tensorref import llm
    >>> llm.causal_mask(3)
    tensor([[ True, False, False],
            [ True,  True, False],
            [ True,  True,  True]])

    With more keys than queries, as when the keys of earlier tokens are kept, the queries are the last tokens:

    >>> llm.causal_mask(2, 4)
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
    queries, keys = as_shape((query_len, query_len if key_len is None else key_len), "(query_len, key_len)")
    return torch.ones(queries, keys, dtype=torch.bool, device=as_place(device)).tril(keys - queries)


def padding_mask(token_ids: Integer[ArrayT, "*batch seq_len"], pad_id: int) -> Bool[ArrayT, "*batch 1 1 seq_len"]:
    """Return the mask that keeps every query from looking at padding.

    >>> import torch
    >>> from tensorref import llm
    >>> token_ids = torch.tensor([[5, 2, 7], [4, 0, 0]])
    >>> llm.padding_mask(token_ids, pad_id=0).shape
    torch.Size([2, 1, 1, 3])
    >>> llm.padding_mask(token_ids, pad_id=0)[:, 0, 0]
    tensor([[ True,  True,  True],
            [ True, False, False]])

    Parameters
    ----------
    token_ids
        Sequences, filled up with `pad_id`.
    pad_id
        The id that stands for no token.

    Returns
    -------
    :
        True at tokens, in new memory. The two axes of size 1 stand for the heads and the queries. For scores without
        heads, write ``mask[:, 0]``. If you forget that, the mask has one axis more than the scores, and
        `attention_weights` raises an error. With fewer axes in the mask, its batch axis could meet the heads of the
        scores, and no error would tell.

    See Also
    --------
    causal_mask : joined with ``&``, for a batch of prompts.
    torch.nn.MultiheadAttention : has ``key_padding_mask``, where True means that no query may look.

    Examples
    --------
    >>> mask = llm.padding_mask(token_ids, pad_id=0) & llm.causal_mask(3)
    >>> llm.attention_weights(torch.zeros(2, 1, 3, 3), mask)[1, 0]
    tensor([[1., 0., 0.],
            [1., 0., 0.],
            [1., 0., 0.]])
    """
    check_operands(token_ids=token_ids)
    if not token_ids.shape:
        raise ValueError("token_ids has shape (); a mask is one of sequences: write token_ids[None]")
    ids: Any = token_ids
    _check_ids(ids)
    result: ArrayT = (ids != as_int(pad_id, "pad_id", "an id is"))[..., None, None, :]
    return result


def explain_mask(mask: Bool[ArrayT, "*batch query_len key_len"]) -> Mask:
    """Tell which keys each query sees.

    >>> from tensorref import llm
    >>> print(llm.explain_mask(llm.causal_mask(4)))
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
        True where a query may look at a key, as for `attention_weights`.

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
    causal_mask : the mask of a model that predicts the next token.
    padding_mask : the mask of a batch of prompts.

    Examples
    --------
    A prompt that is padded on the left has queries that see nothing:

    >>> import torch
    >>> token_ids = torch.tensor([[0, 0, 5, 2]])
    >>> print(llm.explain_mask(llm.padding_mask(token_ids, pad_id=0) & llm.causal_mask(4)))
    query      sees keys   count
    [0, 0, 0]       none  0 of 4
    [0, 0, 1]       none  0 of 4
    [0, 0, 2]          2  1 of 4
    [0, 0, 3]        2-3  2 of 4
    * 3 of 16 pairs of a query and a key are True: there the query sees the key.
    * The mask is causal: no query sees a later key.
    * 2 queries see no key: softmax gives them nan, attention_weights gives them 0.
    """
    check_operands(mask=mask)
    _check_bool(mask)
    shape = tuple(mask.shape)
    if len(shape) < 2:  # noqa: PLR2004  queries and keys
        raise ValueError(f"mask has shape {shape}; it has a row for each query: write mask[None] for one row")
    if getattr(mask, "is_meta", False):
        raise TypeError("mask is on meta and has no values; give one that has, such as one on the CPU")
    values: Any = mask
    *stack, query_len, key_len = shape
    parts, rows = _picture.visible(prod(stack), _PARTS), _picture.visible(query_len, _PLACES)
    drawn = [(part, row) for part, row in product(parts, rows) if part is not None and row is not None]
    indices = [index_of(part * query_len + row, shape[:-1]) for part, row in drawn]
    queries = tuple(Query(index, tuple(_runs(values[index]))) for index in indices)
    pairs = int(values.sum())
    seen = values.any(axis=-1)
    later = library_of(values).triu(values, key_len - query_len + 1)
    return Mask(
        shape=shape,
        queries=queries,
        pairs=pairs,
        blind=int((~seen).sum()),
        causal=pairs > 0 and query_len > 1 and not bool(later.any()),
    )


@dataclass(frozen=True)
class Query:
    """Which keys one query sees.

    >>> from tensorref import llm
    >>> llm.explain_mask(llm.causal_mask(3)).queries[1]
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
    """Which keys each query sees: what `explain_mask` returns.

    >>> import torch
    >>> from tensorref import llm
    >>> mask = llm.explain_mask(torch.tensor([[True, False], [False, False]]))
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
        if self.blind:
            who = "1 query sees" if self.blind == 1 else f"{self.blind:,} queries see"
            them = "it" if self.blind == 1 else "them"
            notes.append(f"{who} no key: softmax gives {them} nan, attention_weights gives {them} 0.")
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


def explain_attention(shape: ShapeLike, num_heads: int, *, key_len: int | None = None) -> Attention:
    """Follow the shapes through attention with heads, from the input to the output.

    >>> from tensorref import llm
    >>> print(llm.explain_attention((4, 32, 64), num_heads=8))
    tensor                              code           shape
    x                                            (4, 32, 64)
    query    split_heads(x @ W_q, num_heads)   (4, 8, 32, 8)
    key      split_heads(x @ W_k, num_heads)   (4, 8, 32, 8)
    value    split_heads(x @ W_v, num_heads)   (4, 8, 32, 8)
    scores                    query @ key.mT  (4, 8, 32, 32)
    scaled         scores * head_dim ** -0.5  (4, 8, 32, 32)
    masked         where(mask, scaled, -inf)  (4, 8, 32, 32)
    weights              softmax(masked, -1)  (4, 8, 32, 32)
    mixed                    weights @ value   (4, 8, 32, 8)
    merged                merge_heads(mixed)     (4, 32, 64)
    * Each head compares 32 x 32 pairs of a query and a key: 32,768 scores in all.
    * Scale, mask and softmax change the scores and keep their shape; softmax runs along the keys, the last axis.

    Parameters
    ----------
    shape
        That of the input: ``(batch, seq_len, embed_dim)``, with any number of batch axes.
    num_heads
        How many heads; it divides ``embed_dim``.
    key_len
        How many keys and values there are, where those of earlier tokens are kept; as many as queries by default.

    Returns
    -------
    :
        The tensors by their names, each with its code and its shape; ``print`` shows them as a table, and a notebook a
        picture above it. Nothing is computed but shapes, so that a tensor may be larger than memory.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape of two axes or more, `num_heads` does not divide its last size, or `key_len` is not a size.

    See Also
    --------
    attention : what computes it.
    tensorref.layout.split_heads : the axis of the heads.
    tensorref.matmul.explain : one product.

    Examples
    --------
    A step of decoding has one query, and a key for every token so far:

    >>> step = llm.explain_attention((4, 1, 64), num_heads=8, key_len=2048)
    >>> {stage.name: stage.shape for stage in step.stages if stage.name in {"query", "key", "scores"}}
    {'query': (4, 8, 1, 8), 'key': (4, 8, 2048, 8), 'scores': (4, 8, 1, 2048)}
    """
    x = as_shape(shape, "shape")
    if len(x) < 2:  # noqa: PLR2004  tokens and features
        raise ValueError(f"shape is {x}; attention takes (…, seq_len, embed_dim): write (1, {', '.join(map(str, x))})")
    *batch, query_len, embed_dim = x
    keys = query_len if key_len is None else as_size(key_len, "key_len")
    source = (*batch, keys, embed_dim)
    for argument, value, sizes in (("shape", x, x), ("key_len", keys, source)):
        if prod(max(size, 1) for size in sizes) > _MOST_ELEMENTS:
            raise ValueError(f"{argument} is {value}; attention is followed up to 2**53 elements: write a smaller one")
    weight = (embed_dim, embed_dim)
    query, key = (
        _without_values(layout.split_heads, matmul.result_shape(sizes, weight), num_heads) for sizes in (x, source)
    )
    transposed = (*key[:-2], key[-1], key[-2])
    scores = matmul.result_shape(query, transposed)
    weights = broadcasting.result_shape(scores, (query_len, keys))
    mixed = matmul.result_shape(weights, key)
    merged = _without_values(layout.merge_heads, mixed)
    batches = ("batch",) if len(batch) == 1 else tuple(f"batch_{number}" for number in range(len(batch)))
    whole = (*batches, "seq_len", "embed_dim")
    queries, kept, pairs = (
        (*batches, "num_heads", *last)
        for last in (("query_len", "head_dim"), ("key_len", "head_dim"), ("query_len", "key_len"))
    )
    given = "x" if key_len is None else "seen"  # the tokens so far
    return Attention(
        x,
        query[-3],
        (
            Stage("x", "", x, whole),
            Stage("query", "split_heads(x @ W_q, num_heads)", query, queries),
            Stage("key", f"split_heads({given} @ W_k, num_heads)", key, kept),
            Stage("value", f"split_heads({given} @ W_v, num_heads)", key, kept),
            Stage("scores", "query @ key.mT", scores, pairs),
            Stage("scaled", "scores * head_dim ** -0.5", scores, pairs),
            Stage("masked", "where(mask, scaled, -inf)", weights, pairs),
            Stage("weights", "softmax(masked, -1)", weights, pairs),
            Stage("mixed", "weights @ value", mixed, queries),
            Stage("merged", "merge_heads(mixed)", merged, whole),
        ),
    )


@dataclass(frozen=True)
class Stage:
    """A tensor on the way through attention: what makes it, and its shape.

    >>> from tensorref import llm
    >>> llm.explain_attention((4, 32, 64), num_heads=8).stages[4]
    Stage(name='scores', code='query @ key.mT', shape=(4, 8, 32, 32), axes=('batch', 'num_heads', 'query_len', 'key_len'))
    """

    name: str
    code: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    """What each axis counts."""


@dataclass(frozen=True)
class Attention(Illustrated):
    """The shapes on the way through attention with heads: what `explain_attention` returns.

    >>> from tensorref import llm
    >>> attention = llm.explain_attention((4, 32, 64), num_heads=8)
    >>> attention.stages[-1].shape == attention.shape
    True
    """

    shape: tuple[int, ...]
    num_heads: int
    stages: tuple[Stage, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a tensor each."""
        rows = ((stage.name, stage.code, str(stage.shape)) for stage in self.stages)
        return (("tensor", "code", "shape"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return what the shapes say, a sentence each."""
        scores = next(stage.shape for stage in self.stages if stage.name == "scores")
        queries, keys = scores[-2:]
        return (
            f"Each head compares {queries:,} x {keys:,} pairs of a query and a key: {prod(scores):,} scores in all.",
            "Scale, mask and softmax change the scores and keep their shape; softmax runs along the keys, the last axis.",
        )

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        steps = [f"{stage.name} = {stage.code} has shape {stage.shape}." for stage in self.stages[1:]]
        heads = f"{self.num_heads} head{'s'[: self.num_heads != 1]}"
        return f"attention with {heads}", " ".join([f"x has shape {self.shape}.", *steps, *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw the shape of each tensor as a row of boxes, an axis in the same hue all the way down."""
        stages = {stage.name: stage for stage in self.stages}
        batches = len(self.shape) - 2
        shown = _picture.visible(batches, _PARTS)
        wide = _picture.width_of(*(text for s in self.stages for text in (*s.axes, *map(str, s.shape)))) + 8
        middle = (len(shown) + 3) * (wide + 4) // 2 - 8
        whole, y = _picture.Drawing(), 0
        for label, name, operations in _ROWS:
            if operations:
                end = y + 18 * len(operations) + 4
                whole.arrow((middle, y), (middle, end))
                for line, text in enumerate(operations):
                    whole.text((middle + 14, y + 11 + 18 * line), text, "start")
                y = end + 6
            whole.text((-10, y + 19), label, "end", bold=True)
            stage = stages[name]
            last = [*range(batches, len(stage.shape))]
            between: list[int | None] = [None] * (3 - len(last))
            for column, axis in enumerate([*shown, *between, *last]):
                x = column * (wide + 4)
                if axis is None:
                    whole.text((x + wide // 2, y + 19), "…" if column < len(shown) else "", faded=True)
                else:
                    counts = stage.axes[axis]
                    whole.box((x, y), (wide, 38), _AXES.get(counts, _picture.STORED))
                    whole.text((x + wide // 2, y + 11), str(stage.shape[axis]), bold=True)
                    whole.text((x + wide // 2, y + 27), counts, faded=True)
            y += 44
        whole.heading(self.described()[0])
        return whole


_PARTS = 3  # of a mask that has more axes than queries and keys, that are shown
_PLACES = 8  # of queries and of keys
_RUNS = 4  # of keys that a row of the table names
_SEEN = _picture.Mark(1, 30)
_BLIND = _picture.Mark(4, 0, "1 4")
_MOST_ELEMENTS = 2**53
_ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("x", "x", ()),
    ("query", "query", ("@ W_q, W_k, W_v", "split_heads")),
    ("key, value", "key", ()),
    ("scores", "scores", ("query @ key.mT", "sums over head_dim")),
    ("weights", "weights", ("* head_dim ** -0.5", "where(mask, …, -inf)", "softmax over key_len")),
    ("mixed", "mixed", ("@ value", "sums over key_len")),
    ("merged", "merged", ("merge_heads",)),
)
"""What is drawn of attention: what a row is called, the stage that it shows, and what leads to it."""
_AXES = {
    "num_heads": _picture.Mark(3, 16, _picture.DASHES[2]),
    **dict.fromkeys(("seq_len", "query_len"), _picture.Mark(2, 16, _picture.DASHES[1])),
    "key_len": _picture.Mark(1, 16),
}


def _without_values(rearranged: Any, shape: tuple[int, ...], *arguments: Any) -> tuple[int, ...]:
    """Return the shape that a function gives, which gets a tensor without values."""
    return tuple(rearranged(torch.empty(shape, dtype=torch.bool, device="meta"), *arguments).shape)


def _runs(row: Any) -> Iterator[tuple[int, int]]:
    """Yield where the runs of True in a row begin and end."""
    values = np.asarray(row.cpu() if isinstance(row, Tensor) else row)
    edges = np.flatnonzero(np.diff(values, prepend=False, append=False))
    yield from ((int(start), int(stop)) for start, stop in edges.reshape(-1, 2))


def _check_ids(token_ids: Any) -> None:
    if not isinstance(token_ids, Tensor) and token_ids.dtype.kind not in "iu":
        raise TypeError(f"token_ids has dtype {token_ids.dtype}; ids are integers: write token_ids.astype(np.int64)")


def _result_dtype(**arrays: Any) -> Any:
    """Return the dtype of a product, or raise an error for what it does not take."""
    check_fractions(**arrays)
    check_one_dtype(**arrays)
    dtypes = [array.dtype for array in arrays.values()]
    return dtypes[0] if isinstance(dtypes[0], torch.dtype) else np.result_type(*dtypes)


def _given(**optional: Any) -> dict[str, Any]:
    """Return the arguments that are not left out."""
    return {name: value for name, value in optional.items() if value is not None}


def _checked_mask(mask: Any, scores: Any) -> Any:
    """Return a mask that is boolean and, repeated, of the shape of the scores."""
    check_operands(mask=mask, scores=scores)
    _check_bool(mask)
    shapes = tuple(scores.shape), tuple(mask.shape)
    result = joined(shapes)
    if result != shapes[0]:
        fix = _mask_fix(shapes[1], shapes[0]) or f"make it for these scores, of {shapes[0][-2:]} in its last two axes"
        together = "they do not broadcast" if result is None else f"together they broadcast to {result}"
        raise ValueError(f"mask has shape {shapes[1]}, scores has shape {shapes[0]}: {together}; {fix}")
    return mask


def _check_bool(mask: Any) -> None:
    if mask.dtype != (torch.bool if isinstance(mask, Tensor) else np.bool):
        raise TypeError(
            f"mask has dtype {mask.dtype}; it is True where a query may look: write mask != 0 for ones and zeros, or add "
            "what is to be added to the scores"
        )


def _mask_fix(mask: tuple[int, ...], scores: tuple[int, ...]) -> str | None:
    """Return code that makes a mask broadcast to scores: their part of it, or the same without, or with, axes of 1."""
    surplus = len(mask) - len(scores)
    places: list[list[tuple[str, tuple[int, ...]]]] = [[("mask", mask)], [], []]
    for axis, size in enumerate(mask[:-2]):
        if size == 1 and surplus > 0:
            places[1].append((f"mask[{':, ' * axis}0]", (*mask[:axis], *mask[axis + 1 :])))
    if mask:
        for count in range(1, 1 - surplus):
            places[2].append((f"mask[:{', None' * count}]", (mask[0], *(1,) * count, *mask[1:])))
    for code, shape in (found for group in places for found in group):
        candidates = [(code, shape)]
        if len(shape) > 1 and len(scores) > 1:
            queries, keys = scores[-2:]
            if shape[-2] >= keys >= queries and shape[-1] >= keys:  # a causal mask for more tokens than there are
                part = f"{keys - queries}:{keys}" if keys != shape[-2] else f"{keys - queries}:"
                columns = ":" if keys == shape[-1] else f":{keys}"
                rows = "-1:" if (queries, keys) == (1, shape[-2]) else part
                candidates.append((f"{code}[..., {rows}, {columns}]", (*shape[:-2], queries, keys)))
        for written, given in candidates:
            if written != "mask" and joined((scores, given)) == scores:
                return f"write {written}"
    return None
