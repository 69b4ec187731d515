"""What PyTorch's built-in operations do better than the same by hand, and how to find out how long they take.

>>> import torch
>>> from tensorref import kernels
>>> logits = torch.tensor([1000.0, 999.0, 998.0])
>>> kernels.naive_softmax(logits)
tensor([nan, nan, nan])
>>> torch.softmax(logits, dim=-1)
tensor([0.6652, 0.2447, 0.0900])

A kernel is the compiled function that computes an operation on one kind of device. A built-in operation reads and writes
memory once where a chain of operations by hand does so at every link, and it is written with care for what numbers can
hold: here ``exp(1000)`` does not fit into float32, `overflow_limit` says what does. Softmax does not change when the same
number is subtracted from every logit, so that `stable_softmax` subtracts the largest, and no power overflows:

>>> kernels.stable_softmax(logits)
tensor([0.6652, 0.2447, 0.0900])

Which one is faster, and by how much, depends on the device, the shape and the day: `measure` both in one run and compare.

>>> fast = kernels.measure(torch.softmax, logits, -1, seconds=0.01)
>>> fast.median > 0
True
"""

from __future__ import annotations

import math
import statistics
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.benchmark import Timer

from tensorref import devices
from tensorref._typing import ArrayT, jaxtyping

__all__ = ["Measurement", "measure", "naive_softmax", "overflow_limit", "stable_softmax"]

_LEAST_RUNS = 5  # below that a spread says little


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


@dataclass(frozen=True)
class Measurement:
    """How long a function takes: what `measure` returns.

    >>> from tensorref import kernels
    >>> print(kernels.Measurement(median=0.00182, spread=0.00004, runs=110, device="cpu"))
    1.82 ms ± 0.04 ms (median and interquartile range of 110 runs on cpu)
    """

    median: float
    """Seconds per call in the middle run; half of the runs took longer."""
    spread: float
    """The interquartile range in seconds; the middle half of the runs lies this close together."""
    runs: int
    """How many runs there were; a run is one call, or many where a call is short."""
    device: str
    """The device that was waited for."""

    def __str__(self) -> str:
        factor, unit = next(
            (scale for scale in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if self.median * scale[0] >= 1), (1e9, "ns")
        )
        return (
            f"{self.median * factor:.2f} {unit} ± {self.spread * factor:.2f} {unit} "
            f"(median and interquartile range of {self.runs} runs on {self.device})"
        )


def measure(
    function: Callable[..., Any], *arguments: Any, seconds: float = 0.2, device: torch.device | str | None = None
) -> Measurement:
    """Measure how long ``function(*arguments)`` takes: after a warm-up, over many runs, to the end of the work.

    >>> import torch
    >>> from tensorref import kernels
    >>> x = torch.ones(64, 64, device="cpu")
    >>> time = kernels.measure(torch.softmax, x, -1, seconds=0.01)
    >>> time.runs >= 5, time.device
    (True, 'cpu')

    Parameters
    ----------
    function
        What to call. What it returns is thrown away.
    *arguments
        What to call it with.
    seconds
        How long the runs take together, at least; five runs where those take longer. The warm-up comes on top.
    device
        The accelerator to wait for. By default the device of the first tensor among `arguments`, and without one the
        default device.

    Returns
    -------
    :
        Median and spread in seconds per call. Compare with what was measured in the same process only.

    Raises
    ------
    ValueError
        If `seconds` is not positive, or `device` is not available here.

    See Also
    --------
    torch.utils.benchmark.Timer : what measures, in blocks of calls long enough that the clock does not count.

    Notes
    -----
    ``time.time()`` around one call measures the wrong thing three times: the first call also loads and compiles, an
    accelerator is still at work when it returns, and one number does not say how far the next would be from it. Here
    every run starts and ends with `tensorref.devices.synchronize`, and as many threads compute as outside (``Timer`` by
    itself uses one).
    """
    if not seconds > 0:
        raise ValueError(f"seconds is {seconds}; a measurement takes time: write more than 0, such as 0.2")
    if device is None:
        found = (argument.device for argument in arguments if isinstance(argument, Tensor))
        device = next(found, torch.get_default_device())
    place = torch.device(device)
    devices.synchronize(place)

    def clock() -> float:
        devices.synchronize(place)
        return timeit.default_timer()

    timer = Timer(
        "function(*arguments)",
        timer=clock,
        globals={"function": function, "arguments": arguments},
        num_threads=torch.get_num_threads(),
    )
    measured = timer.blocked_autorange(min_run_time=seconds)  # begins with calls that do not count
    times = measured.times
    while len(times) < _LEAST_RUNS:
        times += timer.timeit(measured.number_per_run).times
    # Not `Timer`'s own statistics, which need float64 on the default device; MPS has none.
    first, median, third = statistics.quantiles(times, method="inclusive")
    return Measurement(median, third - first, len(times), str(place))


def _library(x: object) -> Any:
    return torch if isinstance(x, Tensor) else np
