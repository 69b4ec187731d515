"""Tokens of a batch of sequences: at a position, at the end, under a mask."""

from __future__ import annotations

from typing import Any

from tensorref._arguments import as_array, as_int
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
        If `position` is no int; several positions are an index: ``x[:, [0, 1]]``.

    See Also
    --------
    numpy.take : takes any positions, and copies.
    torch.select : ``x.select(1, position)``, a view.
    torch.index_select : takes any positions, and copies.
    """
    sizes = as_array(x, "x").shape
    at = as_int(position, "position", "the position of a token is")
    if len(sizes) < 2:  # noqa: PLR2004  batch and seq_len
        raise IndexError(
            f"x has shape {tuple(sizes)}; tokens are of shape (batch, seq_len, …): write x[None] for one sequence"
        )
    if not -sizes[1] <= at < sizes[1]:
        raise IndexError(
            f"position is {at}, the sequence axis of x has size {sizes[1]}; write one from {-sizes[1]} to -1"
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
    ValueError
        If there is not one length for each sequence, or a length is not from 1 to ``seq_len``: 0 would select the last
        token, which is padding.

    See Also
    --------
    numpy.take : ``numpy.take(x, -1, axis=1)`` copies.
    torch.select : ``x.select(1, -1)``, a view.
    """
    result: ArrayT
    if lengths is None:
        result = x[:, -1]
        return result
    batch, size = as_array(x, "x").shape[:2]
    if tuple(as_array(lengths, "lengths").shape) != (batch,):
        raise ValueError(
            f"lengths has shape {tuple(lengths.shape)}, x has shape {tuple(x.shape)}; give one length for each "
            f"sequence: shape ({batch},)"
        )
    ends: list[int] = lengths.tolist()
    if not all(1 <= end <= size for end in ends):
        raise ValueError(f"lengths is {ends}; a length is from 1 to {size}, the sequence axis of x")
    # One pair of positions per sequence: slicing the rows instead would pair every row with every length. Lists, as
    # PyTorch would take lengths of uint8 for a mask.
    result = x[list(range(batch)), [end - 1 for end in ends]]
    return result


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
        If `mask` holds numbers: zeros and ones would select the positions 0 and 1.
    ValueError
        If `mask` does not have the sizes of the first axes of `x`.

    See Also
    --------
    numpy.where : keeps the shape, and takes another value where the mask is False.
    torch.masked_select : the same for a mask of the shape of `x`; it broadcasts, an index does not.
    """
    as_array(x, "x")
    if str(as_array(mask, "mask").dtype).rpartition(".")[2] != "bool":
        raise TypeError(f"mask has dtype {mask.dtype}, which would select positions; compare to get truth: mask != 0")
    result_shape(x.shape, Mask(tuple(mask.shape), 0))
    source: Any = x
    result: ArrayT = source[mask]
    return result
