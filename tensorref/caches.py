"""A key-value cache keeps the keys and values of the tokens so far, so that a step of generation computes those of one token alone.

It is memory that grows with the length and the batch, and that is copied at every step where it grows by ``cat``.

>>> from tensorref import caches
>>> caches.nbytes(num_layers=32, num_kv_heads=8, head_dim=128, seq_len=8192, dtype="bfloat16")
1073741824
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import Bool, Shaped

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor

from tensorref import _picture, anatomy, masks
from tensorref._explanation import Illustrated
from tensorref._operands import check_operands, library_of
from tensorref._shape import as_size
from tensorref._typing import ArrayT

__all__ = ["Cache", "Call", "append", "explain", "mask", "nbytes", "write"]


def nbytes(  # noqa: PLR0913  those that a model says of itself
    *,
    num_layers: int,
    num_kv_heads: int,
    head_dim: int,
    seq_len: int,
    batch: int = 1,
    dtype: anatomy.DTypeLike = "bfloat16",
) -> int:
    """Return the bytes of the keys and values of all layers.

    >>> from tensorref import caches
    >>> caches.nbytes(num_layers=32, num_kv_heads=8, head_dim=128, seq_len=1)
    131072

    Parameters
    ----------
    num_layers
        Layers of the model, ``num_hidden_layers`` in Hugging Face's configurations.
    num_kv_heads
        Heads of keys and values, ``num_key_value_heads`` there; as many as heads of query where they are not shared.
    head_dim
        Numbers of a key.
    seq_len
        Tokens of each sequence, prompt and answer; with a sliding window no more than the window.
    batch
        How many sequences.
    dtype
        That of the cache, as for `tensorref.anatomy.nbytes`.

    Returns
    -------
    :
        Two tensors in each layer, of ``(batch, num_kv_heads, seq_len, head_dim)``.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a size, or `dtype` no dtype.

    See Also
    --------
    numpy.ndarray.nbytes : of an array that is there.
    torch.Tensor.nbytes : of a tensor that is there.

    Examples
    --------
    Eight sequences of 8,192 tokens, with 8 heads of keys for 32 of query, and with 32 of each, in GiB:

    >>> sizes = {"num_layers": 32, "head_dim": 128, "seq_len": 8192, "batch": 8}
    >>> [caches.nbytes(num_kv_heads=heads, **sizes) // 2**30 for heads in (8, 32)]
    [8, 32]
    """
    sizes = {
        "num_layers": num_layers,
        "batch": batch,
        "num_kv_heads": num_kv_heads,
        "seq_len": seq_len,
        "head_dim": head_dim,
    }
    return anatomy.nbytes((2, *(as_size(value, name) for name, value in sizes.items())), dtype)


def append(
    cache: Shaped[ArrayT, "*batch cached_len head_dim"], new: Shaped[ArrayT, "*batch new_len head_dim"]
) -> Shaped[ArrayT, "*batch key_len head_dim"]:
    """Return a cache that is longer by the keys, or the values, of new tokens: a growing cache.

    >>> import torch
    >>> from tensorref import caches
    >>> cache, new = torch.zeros(1, 2, 5, 8), torch.ones(1, 2, 1, 8)
    >>> caches.append(cache, new).shape
    torch.Size([1, 2, 6, 8])

    Parameters
    ----------
    cache
        Those of the tokens so far; of none at first: ``torch.empty(batch, num_kv_heads, 0, head_dim)``.
    new
        Those of the new tokens, of the same sizes but for how many they are.

    Returns
    -------
    :
        A copy: all of `cache` is written again, in memory for all tokens. For a moment the old and the new one are there.

    Raises
    ------
    ValueError
        If the shapes differ in more than the number of tokens.
    TypeError
        If the dtypes differ, or one is an array and the other a tensor.

    See Also
    --------
    write : into memory that is there already.
    torch.cat : ``torch.cat([cache, new], dim=-2)`` is what this does.
    numpy.concatenate : the same of arrays.
    """
    _check_alike(cache, new)
    result: ArrayT = library_of(cache).concatenate([cache, new], -2)
    return result


def write(
    cache: Shaped[ArrayT, "*batch max_len head_dim"], new: Shaped[ArrayT, "*batch new_len head_dim"], start: int
) -> Shaped[ArrayT, "*batch key_len head_dim"]:
    """Write the keys, or the values, of new tokens into a cache that has room for them: a static cache.

    >>> import torch
    >>> from tensorref import caches
    >>> cache = torch.zeros(1, 2, 16, 8)
    >>> filled = caches.write(cache, torch.ones(1, 2, 1, 8), start=5)
    >>> filled.shape, filled.data_ptr() == cache.data_ptr()
    (torch.Size([1, 2, 6, 8]), True)

    Parameters
    ----------
    cache
        Memory for `max_len` tokens, which is changed in place.
    new
        Those of the new tokens.
    start
        How many tokens are cached before them.

    Returns
    -------
    :
        A view of what is filled now, ``cache[..., : start + new_len, :]``. Nothing but `new` is copied.

    Raises
    ------
    ValueError
        If the new tokens do not fit, or the shapes differ in more than the number of tokens.
    TypeError
        If the dtypes differ, or one is an array and the other a tensor.

    See Also
    --------
    append : makes a longer cache.
    mask : hides what is not filled, for attention over all of `cache`.
    torch.Tensor.index_copy_ : writes at positions that are a tensor, which a compiled model does not read on the CPU.
    numpy.ndarray.__setitem__ : an assignment to a slice, which is what this does.
    """
    _check_alike(cache, new)
    first = as_size(start, "start")
    end = first + new.shape[-2]
    if end > cache.shape[-2]:
        raise ValueError(
            f"start is {first}, and with {new.shape[-2]} new tokens that is {end}; cache has room for {cache.shape[-2]}: make "
            "a larger one, or append"
        )
    if getattr(new, "is_meta", False) and not getattr(cache, "is_meta", False):
        raise TypeError("new is on meta and has no values; give one that has, such as one on the CPU")
    cache[..., first:end, :] = new
    filled: ArrayT = cache[..., :end, :]
    return filled


def mask(
    query_len: int, start: int, max_len: int, *, device: torch.device | str | None = None
) -> Bool[Tensor, "query_len max_len"]:
    """Return the causal mask over all of a static cache, which hides what is not filled too.

    >>> from tensorref import caches
    >>> caches.mask(1, start=2, max_len=5)
    tensor([[ True,  True,  True, False, False]])
    >>> caches.mask(3, start=0, max_len=5)
    tensor([[ True, False, False, False, False],
            [ True,  True, False, False, False],
            [ True,  True,  True, False, False]])

    Its shape does not depend on how much is filled, which a compiled model is glad of. Over the filled part alone one query
    needs no mask, and several take `masks.causal <tensorref.masks.causal>`.

    Parameters
    ----------
    query_len
        How many tokens are new, and look.
    start
        How many tokens are cached before them.
    max_len
        How many the cache has room for.
    device
        PyTorch's default device by default.

    Returns
    -------
    :
        A tensor, True where a query may look.

    Raises
    ------
    ValueError
        If the tokens do not fit into the cache.
    TypeError
        If one of them is not a size.

    See Also
    --------
    tensorref.masks.causal : over the keys so far.
    numpy.tri : ``numpy.tri(query_len, max_len, start, dtype=bool)`` is the same.
    torch.tril : keeps what is at or below a diagonal.
    """
    queries, first, room = as_size(query_len, "query_len"), as_size(start, "start"), as_size(max_len, "max_len")
    if first + queries > room:
        raise ValueError(
            f"start is {first}, and with {queries} new tokens that is {first + queries}; max_len is {room}: write more"
        )
    # Of a cache that is full the new tokens are the last ones; the rest is not filled.
    full = masks.causal(queries, first + queries, device=device)
    return torch.cat([full, full.new_zeros(queries, room - first - queries)], dim=-1)


def explain(  # noqa: PLR0913  those of `nbytes`
    prompt_len: int,
    new_tokens: int,
    *,
    max_len: int | None = None,
    num_layers: int = 1,
    num_kv_heads: int = 1,
    head_dim: int = 1,
    batch: int = 1,
    dtype: anatomy.DTypeLike = "bfloat16",
) -> Cache:
    """Follow a cache through the prompt and the steps of decoding, growing and static.

    >>> from tensorref import caches
    >>> print(caches.explain(4, 3, num_layers=32, num_kv_heads=8, head_dim=128))
    step      queries  keys  scores  cat writes  static writes
    prefill         4     4   4 x 4     524,288        524,288
    decode 1        1     5   1 x 5     655,360        131,072
    decode 2        1     6   1 x 6     786,432        131,072
    decode 3        1     7   1 x 7     917,504        131,072
    * A token takes 131,072 bytes.
    * By cat every step writes all keys and values: 2,883,584 bytes, of which 1,966,080 were written before.
    * A static cache of 7 tokens takes 917,504 bytes from the start; 917,504 are written.
    * The prompt needs a causal mask. A step of decoding has one query, which sees all keys so far: it needs none.

    Parameters
    ----------
    prompt_len
        Tokens of the prompt, whose keys and values are computed at once: *prefill*.
    new_tokens
        Steps of decoding. Each computes one token, with all keys so far.
    max_len
        Tokens that a static cache has room for; all of them by default.
    num_layers, num_kv_heads, head_dim, batch, dtype
        As for `nbytes`; by default two numbers of bfloat16 a token.

    Returns
    -------
    :
        The steps and the bytes as data; ``print`` shows them as a table, and a notebook a picture above it. Of many steps it has
        the first and the last one; the sums are those of all.

    Raises
    ------
    TypeError, ValueError
        If one of them is not a size, or `max_len` is less than there are tokens.

    See Also
    --------
    tensorref.attention.explain : the shapes of one step.
    """
    prompt, new = as_size(prompt_len, "prompt_len"), as_size(new_tokens, "new_tokens")
    total = prompt + new
    room = total if max_len is None else as_size(max_len, "max_len")
    if room < total:
        raise ValueError(f"max_len is {room}, prompt and new tokens are {total}; write {total} or more")
    token = nbytes(
        num_layers=num_layers, num_kv_heads=num_kv_heads, head_dim=head_dim, seq_len=1, batch=batch, dtype=dtype
    )
    calls = tuple(
        Call(f"decode {number}" if number else "prefill", 1 if number else prompt, prompt + number)
        for number in _picture.visible(1 + new, _STEPS)
        if number is not None
    )
    # The prompt, then one token more at every step.
    written = (new + 1) * prompt + new * (new + 1) // 2
    return Cache(prompt, new, room, token, calls, grown=written * token, written=total * token)


@dataclass(frozen=True)
class Call:
    """One run of the model: the prompt, or one token.

    >>> from tensorref import caches
    >>> caches.explain(4, 3).calls[1]
    Call(name='decode 1', query_len=1, key_len=5)
    """

    name: str
    query_len: int
    """How many tokens are new, whose keys and values are computed and written."""
    key_len: int
    """How many keys and values there are then, which the queries see."""


@dataclass(frozen=True)
class Cache(Illustrated):
    """A key-value cache through prefill and decoding: what `explain` returns.

    >>> from tensorref import caches
    >>> cache = caches.explain(1000, 1000)
    >>> cache.grown / cache.written
    750.75
    """

    prompt_len: int
    new_tokens: int
    max_len: int
    """How many tokens the static cache has room for."""
    token_bytes: int
    """Bytes of the keys and values of one token, of all sequences."""
    calls: tuple[Call, ...]
    """The first ones and the last one, which are those that are shown."""
    grown: int
    """Bytes that all steps write together where each makes a longer cache by ``cat``."""
    written: int
    """Bytes that they write into a static cache."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a step each."""
        rows = (
            (
                step.name,
                f"{step.query_len:,}",
                f"{step.key_len:,}",
                f"{step.query_len:,} x {step.key_len:,}",
                f"{step.key_len * self.token_bytes:,}",
                f"{step.query_len * self.token_bytes:,}",
            )
            for step in self.calls
        )
        return (("step", "queries", "keys", "scores", "cat writes", "static writes"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return what holds for all steps, a sentence each."""
        again, room = self.grown - self.written, self.max_len * self.token_bytes
        tokens = f"{self.max_len:,} token{'s'[: self.max_len != 1]}"
        return (
            f"A token takes {self.token_bytes:,} bytes.",
            f"By cat every step writes all keys and values: {self.grown:,} bytes, of which {again:,} were written before.",
            f"A static cache of {tokens} takes {room:,} bytes from the start; {self.written:,} are written.",
            "The prompt needs a causal mask. A step of decoding has one query, which sees all keys so far: it needs none.",
        )

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        steps = [f"{step.name}: {step.query_len} new, {step.key_len} keys." for step in self.calls]
        return f"cache of {self.prompt_len} + {self.new_tokens} tokens", " ".join([*steps, *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw a row of places for each step, once for a cache that grows and once for one that is static."""
        parts = []
        for title, old, room in (
            ("growing, by cat", _picture.COPY, self.prompt_len + self.new_tokens),
            ("static", _picture.STORED, self.max_len),
        ):
            wanted = range(max(self.prompt_len - 2, 0), min(self.prompt_len - 2 + _PLACES, room))
            places = _picture.visible(room, _PLACES, wanted)
            rows = [[self._cell(step, place, old, static=title == "static") for place in places] for step in self.calls]
            part = _picture.boxes([step.name for step in self.calls], rows)
            part.heading(title)
            parts.append(part)
        whole = _picture.stacked(parts)
        whole.heading(self.described()[0])
        return whole

    @staticmethod
    def _cell(step: Call, place: int | None, old: _picture.Mark, *, static: bool) -> tuple[str, _picture.Mark]:
        """Return what stands at a place of the cache after a step: a token that is new or old, or nothing yet."""
        if place is None:
            return "…", _picture.NOTHING
        if place >= step.key_len:
            return "", _picture.EMPTY if static else _picture.NOTHING
        return str(place), old if place < step.key_len - step.query_len else _picture.READ


_STEPS = 5  # that are shown
_PLACES = 9  # of the cache


def _check_alike(cache: Any, new: Any) -> None:
    """Raise an error unless new keys or values differ from those of a cache in how many they are alone."""
    check_operands(cache=cache, new=new)
    shapes = tuple(cache.shape), tuple(new.shape)
    if len(shapes[0]) < 2 or (*shapes[0][:-2], shapes[0][-1]) != (*shapes[1][:-2], *shapes[1][-1:]):  # noqa: PLR2004
        raise ValueError(
            f"cache has shape {shapes[0]}, new has shape {shapes[1]}; all sizes but that of the tokens, the last but one, are "
            "equal: give (batch, num_kv_heads, tokens, head_dim)"
        )
    if cache.dtype != new.dtype:
        convert = "to" if isinstance(new, Tensor) else "astype"
        raise TypeError(f"cache has dtype {cache.dtype}, new has dtype {new.dtype}; write new.{convert}(cache.dtype)")
