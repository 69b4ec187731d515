"""A built-in operation does in one step what would be several by hand.

It is usually faster, and it does not overflow where the formula by hand does. A loss then stays a number, and does not
become nan.

>>> import torch
>>> from tensorref import kernels
>>> logits = torch.tensor([1000.0, 999.0, 998.0])
>>> kernels.naive_softmax(logits)
tensor([nan, nan, nan])
>>> torch.softmax(logits, dim=-1)
tensor([0.6652, 0.2447, 0.0900])
"""

from __future__ import annotations

import math
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch

from tensorref._arguments import as_axis, as_torch_dtype
from tensorref._operands import cast, check_fractions, library_of, widened
from tensorref._typing import ArrayT, jaxtyping

__all__ = ["naive_softmax", "overflow_limit", "softmax"]


def naive_softmax(logits: jaxtyping.Float[ArrayT, "*shape"], *, axis: int = -1) -> jaxtyping.Float[ArrayT, "*shape"]:
    """Compute softmax as its formula stands, ``exp(x) / sum(exp(x))``: right for small logits only.

    >>> import torch
    >>> from tensorref import kernels
    >>> kernels.naive_softmax(torch.tensor([2.0, 1.0, 0.1]))
    tensor([0.6590, 0.2424, 0.0986])

    Parameters
    ----------
    logits
        An array or a tensor of any floating-point dtype.
    axis
        The axis that is to sum to 1; PyTorch calls it ``dim``.

    Returns
    -------
    :
        Of the shape and dtype of `logits`, in new memory. A logit above `overflow_limit` makes ``inf / inf``, which is nan;
        where every ``exp`` underflows to 0, so does ``0 / 0``; where only the sum overflows, every result is 0. NumPy warns
        of the first two, PyTorch is silent.

    Raises
    ------
    TypeError
        If `logits` are not an array or tensor of floating point: PyTorch's own refuses integers too.

    See Also
    --------
    softmax : right for large logits too.
    torch.softmax : what to use.

    Examples
    --------
    >>> kernels.naive_softmax(torch.tensor([0.0, 89.0]))
    tensor([0., nan])
    >>> kernels.naive_softmax(torch.tensor([-200.0, -200.0]))
    tensor([nan, nan])
    >>> kernels.naive_softmax(torch.tensor([88.5, 88.5]))
    tensor([0., 0.])

    The sum has the dtype of the logits. float16 ends at 65504, so that over a larger vocabulary the sum of near-equal
    logits is ``inf``. One kernel sums in float32:

    >>> logits = torch.zeros(128256, dtype=torch.float16)
    >>> kernels.naive_softmax(logits).max().item(), f"{torch.softmax(logits, dim=-1).max().item():.1e}"
    (0.0, '7.8e-06')
    """
    check_fractions(logits=logits)
    axis = as_axis(axis, "axis", logits.shape, "logits")
    powers = library_of(logits).exp(logits)
    result: ArrayT = powers / powers.sum(axis=axis, keepdims=True)
    return result


def softmax(logits: jaxtyping.Float[ArrayT, "*shape"], *, axis: int = -1) -> jaxtyping.Float[ArrayT, "*shape"]:
    """Turn logits into probabilities that sum to 1 along an axis.

    >>> import torch
    >>> from tensorref import kernels
    >>> logits = torch.tensor([2.0, 1.0, 0.1])
    >>> probs = kernels.softmax(logits)
    >>> print(f"Logits: {logits.tolist()}")
    Logits: [2.0, 1.0, 0.10000000149011612]
    >>> print(f"Probs: {[f'{p:.3f}' for p in probs.tolist()]}")
    Probs: ['0.659', '0.242', '0.099']
    >>> print(f"Sum: {probs.sum():.3f}")
    Sum: 1.000

    The largest logit is subtracted first, which changes nothing but that ``exp`` does not overflow:

    >>> kernels.softmax(torch.tensor([1000.0, 999.0]))
    tensor([0.7311, 0.2689])

    float16 and bfloat16 are summed in float32, and rounded once.

    Parameters
    ----------
    logits
        Any numbers; -inf gives probability 0.
    axis
        The axis that sums to 1; PyTorch calls it ``dim``.

    Returns
    -------
    :
        Of the shape and the dtype of `logits`, in new memory. Where all logits are -inf there is no distribution: nan, as
        in PyTorch (NumPy warns). `attention.weights <tensorref.attention.weights>` gives 0
        instead.

    Raises
    ------
    TypeError
        If `logits` have no fractions: PyTorch refuses integers too.

    See Also
    --------
    naive_softmax : without the subtraction.
    torch.softmax : the same in one kernel; NumPy has none, SciPy has ``scipy.special.softmax``.

    Notes
    -----
    ``exp(x - m) / sum(exp(x - m))`` is ``exp(x) / sum(exp(x))`` for every ``m``, since ``exp(-m)`` cancels. With the
    largest logit as ``m`` every power is at most 1 and one of them is 1, so that the sum is at least 1.
    """
    check_fractions(logits=logits)
    axis = as_axis(axis, "axis", logits.shape, "logits")
    numbers: Any = widened(logits)
    if 0 not in numbers.shape:  # else there is no largest one
        numbers = numbers - library_of(numbers).amax(numbers, axis=axis, keepdims=True)
    result: ArrayT = cast(naive_softmax(numbers, axis=axis), logits.dtype)
    return result


def overflow_limit(dtype: torch.dtype) -> float:
    """Return the largest number of a dtype whose ``exp`` the dtype can hold.

    >>> import torch
    >>> from tensorref import kernels
    >>> kernels.overflow_limit(torch.float32)
    88.72283172607422
    >>> kernels.overflow_limit(torch.float16)
    11.0859375

    Parameters
    ----------
    dtype
        ``torch.float16``, ``torch.bfloat16``, ``torch.float32`` or ``torch.float64``.

    Returns
    -------
    :
        The logarithm of the largest number, rounded down to one that the dtype has.

    Raises
    ------
    TypeError
        If `dtype` is another one.

    See Also
    --------
    torch.finfo : the largest number, and the distance from 1 to the next.
    numpy.finfo : the same in NumPy.

    Examples
    --------
    The next number is one too many:

    >>> torch.tensor([11.0859375, 11.09375], dtype=torch.float16).exp().isinf()
    tensor([False,  True])

    bfloat16 reaches as far as float32, in steps of 0.5 up there:

    >>> kernels.overflow_limit(torch.bfloat16), kernels.overflow_limit(torch.float64)
    (88.5, 709.782712893384)
    """
    dtype = as_torch_dtype(dtype)
    if dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise TypeError(
            f"dtype is {dtype}; exp overflows in a floating-point dtype: give torch.float16, torch.bfloat16, "
            "torch.float32 or torch.float64"
        )
    info = torch.finfo(dtype)
    limit = math.log(info.max)
    step = info.eps * 2.0 ** (math.frexp(limit)[1] - 1)
    return limit // step * step
