"""What PyTorch's built-in operations do better than the same by hand, and where doing it by hand goes wrong.

>>> import torch
>>> from tensorref import kernels
>>> logits = torch.tensor([1000.0, 999.0, 998.0])
>>> kernels.naive_softmax(logits)
tensor([nan, nan, nan])
>>> torch.softmax(logits, dim=-1)
tensor([0.6652, 0.2447, 0.0900])

A kernel is the compiled function that computes an operation on one kind of device. A chain of operations by hand reads
and writes memory at every link. A built-in operation does so less often, though not always once: cross-entropy writes the
logarithms of all probabilities before it takes one of each row. `torch.compile` joins a chain by hand into fewer kernels.
A built-in operation is also written with care for what numbers can hold: here ``exp(1000)`` does not fit into float32, `overflow_limit` says what does. Softmax does not change when the same
number is subtracted from every logit, so that `stable_softmax` subtracts the largest, and no power overflows:

>>> kernels.stable_softmax(logits)
tensor([0.6652, 0.2447, 0.0900])

Which one is faster, and by how much, depends on the device, the shape and the day: `tensorref.benchmark.compare` measures
both in one run.
"""

from __future__ import annotations

import math
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import numpy as np
    import torch
    from torch import Tensor

from tensorref._operands import check_fractions
from tensorref._typing import ArrayT, jaxtyping

__all__ = ["naive_softmax", "overflow_limit", "stable_softmax"]


def naive_softmax(x: jaxtyping.Float[ArrayT, "*batch classes"]) -> jaxtyping.Float[ArrayT, "*batch classes"]:
    """Compute softmax as its formula stands, ``exp(x) / sum(exp(x))``: right for small logits only.

    >>> import torch
    >>> from tensorref import kernels
    >>> kernels.naive_softmax(torch.tensor([2.0, 1.0, 0.1]))
    tensor([0.6590, 0.2424, 0.0986])

    Parameters
    ----------
    x
        The logits, an array or a tensor of any floating-point dtype; softmax runs along the last axis.

    Returns
    -------
    :
        Of the shape and dtype of `x`, in new memory. A logit above `overflow_limit` makes ``inf / inf``, which is nan;
        where every ``exp`` underflows to 0, so does ``0 / 0``; where only the sum overflows, every result is 0. NumPy warns
        of the first two, PyTorch is silent.

    Raises
    ------
    TypeError
        If `x` is no array or tensor of floating point: PyTorch's own refuses integers too.

    See Also
    --------
    stable_softmax : right for large logits too.
    torch.softmax : what to use.

    Examples
    --------
    >>> kernels.naive_softmax(torch.tensor([0.0, 89.0]))
    tensor([0., nan])
    >>> kernels.naive_softmax(torch.tensor([-200.0, -200.0]))
    tensor([nan, nan])
    >>> kernels.naive_softmax(torch.tensor([88.5, 88.5]))
    tensor([0., 0.])
    """
    check_fractions(x=x)
    powers = _library(x).exp(x)
    result: ArrayT = powers / powers.sum(axis=-1, keepdims=True)
    return result


def stable_softmax(x: jaxtyping.Float[ArrayT, "*batch classes"]) -> jaxtyping.Float[ArrayT, "*batch classes"]:
    """Compute softmax by hand after the largest logit was subtracted from all, so that no power overflows.

    >>> import torch
    >>> from tensorref import kernels
    >>> kernels.stable_softmax(torch.tensor([88.0, 89.0]))
    tensor([0.2689, 0.7311])

    Parameters
    ----------
    x
        The logits, an array or a tensor of any floating-point dtype; softmax runs along the last axis.

    Returns
    -------
    :
        Of the shape and dtype of `x`, in new memory; every row sums to 1, but for rounding and the sum in float16 (see
        Notes). A row of which every logit is ``-inf``, a token that may attend to nothing, is nan: ``-inf`` less ``-inf``
        has no value.

    Raises
    ------
    TypeError
        As for `naive_softmax`.

    See Also
    --------
    naive_softmax : without the subtraction.
    torch.softmax : the same in one kernel; it too gives nan for a row of ``-inf``.

    Notes
    -----
    ``exp(x - m) / sum(exp(x - m))`` is ``exp(x) / sum(exp(x))`` for every ``m``, since ``exp(-m)`` cancels. With the
    largest logit as ``m`` every power is at most 1 and one of them is 1, so that the sum is at least 1.

    The sum has the dtype of `x`. float16 ends at 65504: over a vocabulary larger than that, of near-equal logits, the sum
    is ``inf`` and every result 0. `torch.softmax` sums in float32; by hand, convert with ``x.float()`` before.

    Examples
    --------
    >>> kernels.stable_softmax(torch.tensor([[-200.0, -200.0], [-torch.inf, 0.0]]))
    tensor([[0.5000, 0.5000],
            [0.0000, 1.0000]])

    The sum of a vocabulary in float16, by hand and in one kernel:

    >>> logits = torch.zeros(128256, dtype=torch.float16)
    >>> kernels.stable_softmax(logits).max().item(), f"{torch.softmax(logits, dim=-1).max().item():.1e}"
    (0.0, '7.8e-06')
    """
    check_fractions(x=x)
    if 0 in x.shape:
        return naive_softmax(x)  # there is no largest logit
    shifted: ArrayT = x - _library(x).amax(x, axis=-1, keepdims=True)
    return naive_softmax(shifted)


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
    if dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise TypeError(
            f"dtype is {dtype}; exp overflows in a floating-point dtype: give torch.float16, torch.bfloat16, "
            "torch.float32 or torch.float64"
        )
    info = torch.finfo(dtype)
    limit = math.log(info.max)
    step = info.eps * 2.0 ** (math.frexp(limit)[1] - 1)
    return limit // step * step


def _library(x: object) -> Any:
    return torch if isinstance(x, Tensor) else np
