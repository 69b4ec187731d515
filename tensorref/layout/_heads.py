"""How attention splits its heads, and merges them."""

from __future__ import annotations

from tensorref._arguments import as_int
from tensorref._operands import check_operands
from tensorref._typing import ArrayT, jaxtyping


def split_heads(
    x: jaxtyping.Shaped[ArrayT, "*batch seq_len embed_dim"], num_heads: int
) -> jaxtyping.Shaped[ArrayT, "*batch {num_heads} seq_len head_dim"]:
    """Split the last axis into attention heads, and bring the heads before the sequence.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(4, 32, 64)
    >>> print(f"Original: {x.shape}")
    Original: torch.Size([4, 32, 64])
    >>> print(f"After view: {x.view(4, 32, 8, 8).shape}")
    After view: torch.Size([4, 32, 8, 8])
    >>> print(f"After transpose: {layout.split_heads(x, 8).shape}")
    After transpose: torch.Size([4, 8, 32, 8])

    Parameters
    ----------
    x
        A vector for each position; an array or a tensor of any dtype.
    num_heads
        How many heads; it divides ``embed_dim``.

    Returns
    -------
    :
        ``head_dim`` is ``embed_dim // num_heads``; head ``h`` has the features from ``h * head_dim`` on. Always a view,
        whatever the strides of `x`, as one axis lies within one run. It is not contiguous.

    Raises
    ------
    ValueError
        If `num_heads` does not divide ``embed_dim``, or `x` has fewer than two axes.
    TypeError
        If `num_heads` is not an int, such as ``64 / 8``.

    See Also
    --------
    merge_heads : the way back.
    torch.Tensor.unflatten : the split without the transpose.
    numpy.swapaxes : brings the heads to the front, after a reshape.

    Examples
    --------
    >>> layout.split_heads(x, 8).data_ptr() == x.data_ptr()
    True
    """
    check_operands(x=x)
    shape = tuple(x.shape)
    if len(shape) < 2:  # noqa: PLR2004  seq_len and embed_dim
        raise ValueError(
            f"x has shape {shape}; heads are split from (…, seq_len, embed_dim): write x[None] for one position"
        )
    *batch, seq_len, embed_dim = shape
    count = as_int(num_heads, "num_heads", "a number of heads is")
    if count < 1 or embed_dim % count:
        # Those of 0 are all numbers, those of a large one too many to name or to look for.
        divisors = [str(heads) for heads in range(1, min(embed_dim, 2**16) + 1) if embed_dim % heads == 0][:32]
        fix = f"choose one of {', '.join(divisors)}" if divisors else "write 1 or more"
        raise ValueError(f"num_heads is {count}, which does not divide embed_dim, the {embed_dim} of x; {fix}")
    split: ArrayT = x.reshape((*batch, seq_len, count, embed_dim // count))
    heads: ArrayT = split.swapaxes(-3, -2)
    return heads


def merge_heads(
    x: jaxtyping.Shaped[ArrayT, "*batch num_heads seq_len head_dim"],
) -> jaxtyping.Shaped[ArrayT, "*batch seq_len num_heads*head_dim"]:
    """Bring attention heads back to one vector for each position: the inverse of `split_heads`.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.randn(4, 32, 64)
    >>> torch.equal(layout.merge_heads(layout.split_heads(x, 8)), x)
    True

    Parameters
    ----------
    x
        What each head gives for each position; an array or a tensor of any dtype.

    Returns
    -------
    :
        The heads side by side on the last axis: a view if in memory the heads of a position lie side by side, as
        `split_heads` leaves them, else a copy.

    Raises
    ------
    ValueError
        If `x` has fewer than three axes.

    See Also
    --------
    split_heads : the way there.
    numpy.swapaxes : brings the heads back, before a reshape.
    torch.flatten : the merge without the transpose.

    Examples
    --------
    >>> layout.merge_heads(layout.split_heads(x, 8)).data_ptr() == x.data_ptr()
    True

    Attention by hand gives a new tensor with the heads outermost, and merging them copies. The fused function keeps the
    order that the queries have in memory, so after it the merge of split heads is a view, and of contiguous ones a copy:

    >>> q = k = v = layout.split_heads(torch.randn(4, 32, 64, device="cpu"), 8)
    >>> by_hand = (q @ k.mT / 8**0.5).softmax(-1) @ v
    >>> by_hand.stride(), layout.merge_heads(by_hand).data_ptr() == by_hand.data_ptr()
    ((2048, 256, 8, 1), False)
    >>> fused = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    >>> fused.stride(), layout.merge_heads(fused).data_ptr() == fused.data_ptr()
    ((2048, 8, 64, 1), True)

    With dropout the CPU computes as by hand does, and merging copies.
    """
    check_operands(x=x)
    shape = tuple(x.shape)
    if len(shape) < 3:  # noqa: PLR2004  num_heads, seq_len and head_dim
        raise ValueError(
            f"x has shape {shape}; heads are merged from (…, num_heads, seq_len, head_dim): write x[None] for one head"
        )
    *batch, num_heads, seq_len, head_dim = shape
    swapped: ArrayT = x.swapaxes(-3, -2)
    merged: ArrayT = swapped.reshape((*batch, seq_len, num_heads * head_dim))
    return merged
