"""Attention gives each token a weighted mean of the vectors of other tokens: those that fit its question weigh the most.

Every shape on the way follows from that of the input. A head that is paired with the wrong keys, or a sum along the wrong axis,
often has the right shape, and trains to something worse.

>>> import torch
>>> from tensorref import attention, masks
>>> attention.weights(torch.zeros(2, 2), masks.causal(2))
tensor([[1.0000, 0.0000],
        [0.5000, 0.5000]])
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from jaxtyping import Bool, Float, Shaped

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch

from tensorref import _picture, broadcasting, kernels, layout, matmul
from tensorref._arguments import as_flag, as_int, as_number
from tensorref._explanation import Illustrated
from tensorref._operands import cast, check_fractions, check_mask, check_operands, library_of, result_dtype, widened
from tensorref._shape import as_shape, as_size, joined
from tensorref._typing import ArrayT, ShapeLike

__all__ = ["Attention", "Stage", "explain", "output", "repeat_kv", "scores", "weights"]


def scores(
    query: Float[ArrayT, "... query_len head_dim"],
    key: Float[ArrayT, "... key_len head_dim"],
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Float[ArrayT, "... query_len key_len"]:
    """Compare every query with every key, scaled: their dot products, divided by the square root of `head_dim`.

    >>> import torch
    >>> from tensorref import attention
    >>> x = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    >>> attention.scores(x, x)
    tensor([[1., 0.],
            [0., 2.]])
    >>> attention.scores(x, x, scale=1.0)
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
    enable_gqa
        Whether heads of query share heads of key, in groups of ``num_heads // num_kv_heads`` that stand next to each other. The
        keys are not repeated in memory for that.

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
        If `query` or `key` has fewer than two axes; with `enable_gqa`, fewer than three, or the heads of `key` do not divide
        those of `query`.
    TypeError
        If tensors differ in dtype: PyTorch does not promote in a product.

    See Also
    --------
    tensorref.matmul.product : any matrix product; this is ``product(query, key.mT)``, scaled.
    weights : what softmax makes of the scores.
    torch.nn.functional.scaled_dot_product_attention : scores, softmax and mean in one.

    Examples
    --------
    Eight heads of query, which share two of key:

    >>> query, key = torch.ones(1, 8, 5, 16), torch.ones(1, 2, 5, 16)
    >>> attention.scores(query, key, enable_gqa=True).shape
    torch.Size([1, 8, 5, 5])
    """
    dtype = result_dtype(query=query, key=key)
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
    scaled = widened(query) * (max(query.shape[-1], 1) ** -0.5 if scale is None else as_number(scale, "scale"))
    if as_flag(enable_gqa, "enable_gqa"):
        product = _by_group(scaled, widened(key).mT, "query", "key", "key.mT")
    else:
        try:
            matmul.result_shape(*shapes, names=("query", "key.mT"))
        except matmul.MatmulError as error:
            raise matmul.MatmulError(f"{error}{_heads_fix(query.shape, key.shape)}", error.explanation) from None
        product = scaled @ widened(key).mT
    result: ArrayT = cast(product, dtype)
    return result


def weights(
    scores: Float[ArrayT, "*#batch query_len key_len"],
    mask: Bool[ArrayT, "*#batch #query_len #key_len"] | None = None,
) -> Float[ArrayT, "*#batch query_len key_len"]:
    """Turn scores into weights: softmax over the keys that `mask` allows.

    >>> import torch
    >>> from tensorref import attention, masks
    >>> attention.weights(torch.zeros(3, 3), masks.causal(3))
    tensor([[1.0000, 0.0000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.3333, 0.3333, 0.3333]])

    A query that may look nowhere, because its row of the mask is all False or its scores are all -inf, gets weights
    of 0, and its gradient is 0 too:

    >>> attention.weights(torch.zeros(2, 2), torch.tensor([[False, False], [True, True]]))
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
        True where a query may look at a key; its shape broadcasts to that of `scores`. `tensorref.masks` makes them; ``&``
        joins two.

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
        If `scores` is a single number.

    See Also
    --------
    torch.softmax : without a mask.
    """
    check_fractions(scores=scores)
    if not scores.shape:
        raise ValueError(
            "scores has shape (); it has a row of keys for each query: write scores[None, None] for one score"
        )
    library, numbers = library_of(scores), widened(scores)
    if library is not torch and isinstance(scores, library.ma.MaskedArray):
        raise TypeError("scores is a masked array, whose mask would be lost; write scores.filled(-np.inf)")
    if mask is not None:
        numbers = library.where(_checked_mask(mask, scores), numbers, -float("inf"))
    nowhere = (numbers == -float("inf")).all(axis=-1, keepdims=True)
    weights = kernels.softmax(library.where(nowhere, 0, numbers))
    result: ArrayT = cast(library.where(nowhere, 0, weights), scores.dtype)
    return result


def output(  # noqa: PLR0913  those of PyTorch's own
    query: Float[ArrayT, "... query_len head_dim"],
    key: Float[ArrayT, "... key_len head_dim"],
    value: Float[ArrayT, "... key_len value_dim"],
    mask: Bool[ArrayT, "... #query_len #key_len"] | None = None,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Float[ArrayT, "... query_len value_dim"]:
    """Give each query the weighted mean of the values, weighted by how well its query fits each key.

    >>> import torch
    >>> from tensorref import attention, masks
    >>> x = torch.tensor([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    >>> attention.output(x, x, x, masks.causal(3)).round(decimals=2)
    tensor([[4., 0.],
            [0., 4.],
            [4., 4.]])

    Parameters
    ----------
    query, key, value
        A vector per token, of ``(batch, seq_len, embed_dim)`` or, with heads, ``(batch, num_heads, seq_len,
        head_dim)``; the axes before the last two broadcast.
    mask
        True where a query may look at a key, as for `weights`.
    scale, enable_gqa
        As for `scores`.

    Returns
    -------
    :
        A vector per query, in new memory; 0 for a query that may look nowhere. Of the dtype of all three (NumPy promotes
        dtypes that differ). float16 and bfloat16 are rounded at the end alone, so scores and weights keep their digits.

    Raises
    ------
    TypeError, ValueError
        As `scores` and `weights` do.

    See Also
    --------
    torch.nn.functional.scaled_dot_product_attention : PyTorch's own; its fused kernels never store all weights at once.
    tensorref.layout.split_heads : from ``(batch, seq_len, embed_dim)`` to heads.

    References
    ----------
    Vaswani et al.: `Attention Is All You Need <https://arxiv.org/abs/1706.03762>`__ (2017), equation 1.
    """
    dtype = result_dtype(query=query, key=key, value=value)
    mix: Any = weights(scores(widened(query), widened(key), scale=scale, enable_gqa=enable_gqa), mask)
    if enable_gqa:
        product = _by_group(mix, widened(value), "weights", "value", "value")
    else:
        matmul.result_shape(mix.shape, value.shape, names=("weights", "value"))
        product = mix @ widened(value)
    result: ArrayT = cast(product, dtype)
    return result


def repeat_kv(
    x: Shaped[ArrayT, "*batch num_kv_heads seq_len head_dim"], num_heads: int
) -> Shaped[ArrayT, "*batch {num_heads} seq_len head_dim"]:
    """Repeat each head of keys or values for the heads of query that share it, which stand next to each other.

    >>> import torch
    >>> from tensorref import attention
    >>> key = torch.tensor([10, 20]).reshape(1, 2, 1, 1)
    >>> attention.repeat_kv(key, 6).flatten()
    tensor([10, 10, 10, 20, 20, 20])

    ``repeat`` puts the whole behind itself. The shape is right, and the heads of query meet keys that they were not trained with:

    >>> key.repeat(1, 3, 1, 1).flatten()
    tensor([10, 20, 10, 20, 10, 20])

    Parameters
    ----------
    x
        The keys or the values of each head.
    num_heads
        How many heads query has: a multiple of ``num_kv_heads``.

    Returns
    -------
    :
        Head ``h`` is head ``h // (num_heads // num_kv_heads)`` of `x`. A copy with as many times the memory; `x` itself where it
        has `num_heads` already.

    Raises
    ------
    ValueError
        If the heads of `x` do not divide `num_heads`, or `x` has fewer than three axes.
    TypeError
        If `num_heads` is not an int.

    See Also
    --------
    torch.repeat_interleave : ``x.repeat_interleave(num_heads // num_kv_heads, dim=-3)`` is the same copy.
    torch.Tensor.expand : repeats an axis of size 1 as a view; `scores` and `output` need no more.
    numpy.repeat : repeats each in turn, as PyTorch's ``repeat_interleave``.

    References
    ----------
    Ainslie et al.: `GQA <https://arxiv.org/abs/2305.13245>`__ (2023), 2.2.

    Examples
    --------
    As a view, with an axis for the groups; where the two axes become one, PyTorch has to copy:

    >>> grouped = key[:, :, None].expand(-1, -1, 3, -1, -1)
    >>> grouped.shape, grouped.data_ptr() == key.data_ptr()
    (torch.Size([1, 2, 3, 1, 1]), True)
    >>> grouped.flatten(1, 2).data_ptr() == key.data_ptr()
    False
    """
    check_operands(x=x)
    count = as_int(num_heads, "num_heads", "a number of heads is")
    group = _group(count, tuple(x.shape), "x")
    if group == 1:
        return x
    *batch, kv_heads, length, last = x.shape
    wide = library_of(x).broadcast_to(x[..., None, :, :], (*batch, kv_heads, group, length, last))
    result: ArrayT = wide.reshape((*batch, count, length, last))
    return result


def explain(
    shape: ShapeLike, num_heads: int, *, num_kv_heads: int | None = None, key_len: int | None = None
) -> Attention:
    """Follow the shapes through attention with heads, from the input to the output.

    >>> from tensorref import attention
    >>> print(attention.explain((4, 32, 64), num_heads=8))
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
    num_kv_heads
        How many heads keys and values have, where heads of query share them; it divides `num_heads`, and is as many by default.
    key_len
        How many keys and values there are, where those of earlier tokens are kept; as many as queries by default. In the
        code ``seen`` then stands for all tokens so far.

    Returns
    -------
    :
        The tensors by their names, each with its code and its shape; ``print`` shows them as a table, and a notebook a
        picture above it. Nothing is computed but shapes, so that a tensor may be larger than memory.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape of two axes or more, `num_heads` does not divide its last size, `num_kv_heads` does not divide
        `num_heads`, or `key_len` is not a size.

    See Also
    --------
    output : what computes it.
    tensorref.layout.split_heads : the axis of the heads.
    tensorref.matmul.explain : one product.

    Examples
    --------
    A step of decoding has one query, and a key for every token so far:

    >>> step = attention.explain((4, 1, 64), num_heads=8, key_len=2048)
    >>> {stage.name: stage.shape for stage in step.stages if stage.name in {"query", "key", "scores"}}
    {'query': (4, 8, 1, 8), 'key': (4, 8, 2048, 8), 'scores': (4, 8, 1, 2048)}

    With two heads of keys and values, these take a quarter of the memory:

    >>> grouped = attention.explain((4, 32, 64), num_heads=8, num_kv_heads=2)
    >>> {stage.name: stage.shape for stage in grouped.stages if stage.name in {"query", "key", "scores"}}
    {'query': (4, 8, 32, 8), 'key': (4, 2, 32, 8), 'scores': (4, 8, 32, 32)}
    >>> grouped.notes()[-1]
    'Each head of key and value serves 4 heads of query, which stand next to each other: head h uses head h // 4.'
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
    query = _without_values(layout.split_heads, matmul.result_shape(x, (embed_dim, embed_dim)), num_heads)
    heads = query[-3] if num_kv_heads is None else as_int(num_kv_heads, "num_kv_heads", "a number of heads is")
    _group(query[-3], (heads, 0, 0), "num_kv_heads")
    projected = matmul.result_shape(source, (embed_dim, heads * query[-1]))
    key = _without_values(layout.split_heads, projected, heads)
    repeated = _without_values(repeat_kv, key, query[-3])
    scores = matmul.result_shape(query, (*repeated[:-2], repeated[-1], repeated[-2]))
    weights = broadcasting.result_shape(scores, (query_len, keys))
    mixed = matmul.result_shape(weights, repeated)
    merged = _without_values(layout.merge_heads, mixed)
    batches = ("batch",) if len(batch) == 1 else tuple(f"batch_{number}" for number in range(len(batch)))
    whole = (*batches, "seq_len", "embed_dim")
    queries, pairs = ((*batches, "num_heads", "query_len", last) for last in ("head_dim", "key_len"))
    of_kept, repeat = ("num_heads", "{}") if heads == query[-3] else ("num_kv_heads", "repeat_kv({}, num_heads)")
    kept = (*batches, of_kept, "key_len", "head_dim")
    given = "x" if key_len is None else "seen"  # the tokens so far
    return Attention(
        x,
        query[-3],
        heads,
        (
            Stage("x", "", x, whole),
            Stage("query", "split_heads(x @ W_q, num_heads)", query, queries),
            Stage("key", f"split_heads({given} @ W_k, {of_kept})", key, kept),
            Stage("value", f"split_heads({given} @ W_v, {of_kept})", key, kept),
            Stage("scores", f"query @ {repeat.format('key')}.mT", scores, pairs),
            Stage("scaled", "scores * head_dim ** -0.5", scores, pairs),
            Stage("masked", "where(mask, scaled, -inf)", weights, pairs),
            Stage("weights", "softmax(masked, -1)", weights, pairs),
            Stage("mixed", f"weights @ {repeat.format('value')}", mixed, queries),
            Stage("merged", "merge_heads(mixed)", merged, whole),
        ),
    )


@dataclass(frozen=True)
class Stage:
    """A tensor on the way through attention: what makes it, and its shape.

    >>> from tensorref import attention
    >>> attention.explain((4, 32, 64), num_heads=8).stages[4]
    Stage(name='scores', code='query @ key.mT', shape=(4, 8, 32, 32), axes=('batch', 'num_heads', 'query_len', 'key_len'))
    """

    name: str
    code: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    """What each axis counts."""


@dataclass(frozen=True)
class Attention(Illustrated):
    """The shapes on the way through attention with heads: what `explain` returns.

    >>> from tensorref import attention
    >>> flow = attention.explain((4, 32, 64), num_heads=8)
    >>> flow.stages[-1].shape == flow.shape
    True
    """

    shape: tuple[int, ...]
    num_heads: int
    num_kv_heads: int
    """How many heads keys and values have, which are fewer where heads of query share them."""
    stages: tuple[Stage, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a tensor each."""
        rows = ((stage.name, stage.code, str(stage.shape)) for stage in self.stages)
        return (("tensor", "code", "shape"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return what the shapes say, a sentence each."""
        scores = next(stage.shape for stage in self.stages if stage.name == "scores")
        queries, keys = scores[-2:]
        notes = (
            f"Each head compares {queries:,} x {keys:,} pairs of a query and a key: {prod(scores):,} scores in all.",
            "Scale, mask and softmax change the scores and keep their shape; softmax runs along the keys, the last axis.",
        )
        if self.num_kv_heads == self.num_heads:
            return notes
        group = self.num_heads // self.num_kv_heads
        who = f"Each head of key and value serves {group} heads of query, which stand next to each other"
        return (*notes, f"{who}: head h uses head h // {group}.")

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        steps = [f"{stage.name} = {stage.code} has shape {stage.shape}." for stage in self.stages[1:]]
        title = f"attention with {self.num_heads} head{'s'[: self.num_heads != 1]}"
        if self.num_kv_heads != self.num_heads:
            title = f"{self.num_heads} heads of query, {self.num_kv_heads} of key"
        return title, " ".join([f"x has shape {self.shape}.", *steps, *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw the shape of each tensor as a row of boxes, an axis in the same hue all the way down."""
        stages = {stage.name: stage for stage in self.stages}
        batches = len(self.shape) - 2
        shown = _picture.visible(batches, _PARTS)
        wide = _picture.width_of(*(text for s in self.stages for text in (*s.axes, *map(str, s.shape)))) + 8
        middle = (len(shown) + 3) * (wide + 4) // 2 - 8
        whole, y = _picture.Drawing(), 0
        for label, name, given in _ROWS:
            repeats = label in _SHARED and self.num_kv_heads != self.num_heads
            operations = (_SHARED[label], *given) if repeats else given
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


_PARTS = 3  # axes of a batch that are shown
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
_SHARED = {"scores": "repeat_kv(key, num_heads)", "mixed": "repeat_kv(value, num_heads)"}
"""What comes first where heads of query share heads of keys and values."""
_AXES = {
    "num_heads": _picture.Mark(3, 16, _picture.DASHES[2]),
    "num_kv_heads": _picture.Mark(3, 34, _picture.DASHES[2]),
    **dict.fromkeys(("seq_len", "query_len"), _picture.Mark(2, 16, _picture.DASHES[1])),
    "key_len": _picture.Mark(1, 16),
}


def _without_values(rearranged: Any, shape: tuple[int, ...], *arguments: Any) -> tuple[int, ...]:
    """Return the shape that a function gives, which gets a tensor without values."""
    return tuple(rearranged(torch.empty(shape, dtype=torch.bool, device="meta"), *arguments).shape)


def _group(num_heads: int, shape: tuple[int, ...], name: str) -> int:
    """Return how many heads of query share one of a shape, or raise an error."""
    if len(shape) < 3:  # noqa: PLR2004  heads, positions and features
        raise ValueError(
            f"{name} has shape {shape}; heads are the axis before the last two: write {name}[None] for one head"
        )
    if shape[-3] < 1 or num_heads < 1 or num_heads % shape[-3]:
        has = f"num_kv_heads is {shape[-3]}" if name == "num_kv_heads" else f"{name} has {shape[-3]} heads"
        raise ValueError(
            f"{has}, which does not divide num_heads, {num_heads}; each head of keys and values serves as many heads of "
            "query: give 1, or another divisor"
        )
    return num_heads // shape[-3]


def _heads_fix(query: tuple[int, ...], key: tuple[int, ...]) -> str:
    """Return a sentence on heads that share keys, where those of key divide those of query."""
    if min(len(query), len(key)) < 3 or key[-3] < 1 or query[-3] in {0, key[-3]} or query[-3] % key[-3]:  # noqa: PLR2004
        return ""
    return " Where heads of query share those of key, write enable_gqa=True."


def _by_group(a: Any, b: Any, a_name: str, kept_name: str, b_name: str) -> Any:
    """Return the product of each head of `a` with the head of `b` that it shares: the queries of a group follow each other."""
    shape, kept = tuple(a.shape), tuple(b.shape)
    if len(shape) < 3:  # noqa: PLR2004  heads, positions and features
        raise ValueError(
            f"query has shape {shape}; with enable_gqa the heads are the axis before the last two: write query[None]"
        )
    group = _group(shape[-3], kept, kept_name)
    stacked = a.reshape((*shape[:-3], kept[-3], group * shape[-2], shape[-1]))
    matmul.result_shape(stacked.shape, kept, names=(f"{a_name} of a group", b_name))
    product = stacked @ b
    return product.reshape((*product.shape[:-3], *shape[-3:-1], product.shape[-1]))


def _checked_mask(mask: Any, scores: Any) -> Any:
    """Return a mask that is boolean and, repeated, of the shape of the scores."""
    check_operands(mask=mask, scores=scores)
    check_mask(mask)
    shapes = tuple(scores.shape), tuple(mask.shape)
    result = joined(shapes)
    if result != shapes[0]:
        fix = _mask_fix(shapes[1], shapes[0]) or f"make it for these scores, of {shapes[0][-2:]} in its last two axes"
        together = "they do not broadcast" if result is None else f"together they broadcast to {result}"
        raise ValueError(f"mask has shape {shapes[1]}, scores has shape {shapes[0]}: {together}; {fix}")
    return mask


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
