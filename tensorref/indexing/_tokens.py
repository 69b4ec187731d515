"""Tokens of a batch of sequences: at a position, at the end, under a mask."""

from __future__ import annotations

from typing import Any

from tensorref._arguments import as_int, quoted
from tensorref._operands import check_array, check_operands
from tensorref._typing import ArrayT, jaxtyping
from tensorref.indexing._brackets import result_shape
from tensorref.indexing._items import Mask


def token(
    x: jaxtyping.Shaped[ArrayT, "batch seq_len *features"], position: int
) -> jaxtyping.Shaped[ArrayT, " batch *features"]:
    """Select the token at one position of every sequence.

    >>> import torch
    >>> from tensorref import indexing
    >>> hidden = torch.arange(12).reshape(2, 3, 2)
    >>> indexing.token(hidden, 0)
    tensor([[0, 1],
            [6, 7]])

    Parameters
    ----------
    x
        A batch of sequences, of any dtype.
    position
        Which token; -1 is the last.

    Returns
    -------
    :
        ``x[:, position]``, a view.

    Raises
    ------
    IndexError
        If no sequence is as long.
    TypeError
        If `position` is not an int; several positions are an index: ``x[:, [0, 1]]``.

    See Also
    --------
    numpy.take : takes any positions, and copies.
    torch.select : ``x.select(1, position)``, a view.
    torch.index_select : takes any positions, and copies.
    """
    _, seq_len = _batch_and_seq_len(x)
    at = as_int(position, "position", "the position of a token is")
    if not -seq_len <= at < seq_len:
        raise IndexError(
            f"position is {quoted(at)}, the sequence axis of x has size {seq_len}; "
            + (f"write one from {-seq_len} to {seq_len - 1}" if seq_len else "there is no token")
        )
    result: ArrayT = x[:, at]
    return result


def last(
    x: jaxtyping.Shaped[ArrayT, "batch seq_len *features"], lengths: jaxtyping.Integer[ArrayT, " batch"] | None = None
) -> jaxtyping.Shaped[ArrayT, " batch *features"]:
    """Select the last token of every sequence, which predicts the next.

    >>> import torch
    >>> from tensorref import indexing
    >>> ids = torch.tensor([[5, 23, 7], [42, 0, 0]])
    >>> indexing.last(ids), indexing.last(ids, torch.tensor([3, 1]))
    (tensor([7, 0]), tensor([ 7, 42]))

    Parameters
    ----------
    x
        A batch of sequences, of any dtype.
    lengths
        How many tokens each has before the padding, from 1 to ``seq_len``; without, no sequence is padded.

    Returns
    -------
    :
        ``x[:, -1]``, a view; with `lengths` a copy.

    Raises
    ------
    IndexError
        If `x` has fewer than two axes, or no token.
    TypeError
        If `lengths` does not hold integers, or is given for an `x` that is sparse.
    ValueError
        If there is not one length for each sequence, or a length is not from 1 to ``seq_len``: 0 would select the last
        token, which is padding.

    See Also
    --------
    numpy.take : ``numpy.take(x, -1, axis=1)`` copies.
    torch.select : ``x.select(1, -1)``, a view.
    """
    batch, size = _batch_and_seq_len(x)
    if not size:
        raise IndexError(f"x has shape {tuple(x.shape)}, whose sequences have no token; give sequences of 1 or more")
    result: ArrayT
    if lengths is None:
        result = x[:, -1]
        return result
    check_operands(x=x, lengths=lengths)
    if tuple(lengths.shape) != (batch,):
        raise ValueError(
            f"lengths has shape {tuple(lengths.shape)}, x has shape {tuple(x.shape)}; give one length for each "
            f"sequence: shape ({batch},)"
        )
    try:
        ends: list[Any] = lengths.tolist()
    except Exception:  # noqa: BLE001  a tensor on meta
        raise TypeError("lengths has no values; give a tensor that has, such as one on the CPU") from None
    if not all(isinstance(end, int) and not isinstance(end, bool) for end in ends):
        raise TypeError(f"lengths has dtype {lengths.dtype}; lengths are integers: give an array of int64")
    if not all(1 <= end <= size for end in ends):
        raise ValueError(f"lengths is {quoted(ends)}; a length is from 1 to {size}, the sequence axis of x")
    # One pair of positions per sequence: slicing the rows instead would pair every row with every length. Lists, as
    # PyTorch would take lengths of uint8 for a mask.
    result = x[list(range(batch)), [end - 1 for end in ends]]
    return result


def _batch_and_seq_len(x: Any) -> tuple[int, int]:
    check_array("x", x)
    sizes = x.shape
    if len(sizes) < 2:  # noqa: PLR2004  batch and seq_len
        fix = "write x[None] for one sequence" if len(sizes) else "write x[None, None] for one token"
        raise IndexError(f"x has shape {tuple(sizes)}; tokens are of shape (batch, seq_len, …): {fix}")
    return sizes[0], sizes[1]


def masked(
    x: jaxtyping.Shaped[ArrayT, "..."], mask: jaxtyping.Bool[ArrayT, "..."]
) -> jaxtyping.Shaped[ArrayT, "selected ..."]:
    """Select the elements, or the tokens, where a mask is True.

    >>> import torch
    >>> from tensorref import indexing
    >>> ids = torch.tensor([[5, 23, 7], [42, 0, 0]])
    >>> indexing.masked(ids, ids != 0)
    tensor([ 5, 23,  7, 42])
    >>> hidden = torch.zeros(2, 3, 64)
    >>> indexing.masked(hidden, ids != 0).shape
    torch.Size([4, 64])

    Parameters
    ----------
    x
        An array or a tensor of any dtype.
    mask
        Truth values for the first axes of `x`, or all of them.

    Returns
    -------
    :
        ``x[mask]``, a copy: the axes of the mask become one, in row-major order.

    Raises
    ------
    TypeError
        If `x` is sparse, or `mask` holds numbers: zeros and ones would select the positions 0 and 1.
    ValueError
        If `mask` does not have the sizes of the first axes of `x`.

    See Also
    --------
    numpy.where : keeps the shape, and takes another value where the mask is False.
    torch.masked_select : the same for a mask of the shape of `x`; it broadcasts, an index does not.
    """
    check_operands(x=x, mask=mask)
    if str(mask.dtype).rpartition(".")[2] != "bool":
        raise TypeError(f"mask has dtype {mask.dtype}, which would select positions; compare to get truth: mask != 0")
    if getattr(mask, "is_meta", False):
        raise TypeError("mask is on meta and has no values; give one that has, such as one on the CPU")
    result_shape(x.shape, Mask(tuple(mask.shape), 0))
    source: Any = x
    result: ArrayT = source[mask]
    return result
