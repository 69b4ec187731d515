"""A training step: the loss, its gradients, their norm, and an optimizer that moves each parameter a little.

All of it is arithmetic of a few lines, which PyTorch has built in. Most of what goes wrong in it raises nothing: the loss
falls more slowly, and nobody knows why.

>>> import torch
>>> from tensorref import training
>>> parameter, gradient = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 0.0])
>>> training.adamw(parameter, gradient, rate=0.1, weight_decay=0.0)[0]
tensor([ 0.9000, -2.0000])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor

    from tensorref import _private_parts

from tensorref._arguments import as_function, as_int, as_number, quoted
from tensorref._operands import cast, check_fractions, is_tensor, library_of, widened
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = ["Moments", "adamw", "clip_by_norm", "learning_rate", "saved_bytes"]


@dataclass(frozen=True)
class Moments:
    """What AdamW remembers of the gradients of a parameter: what `adamw` returns, and takes at the next step.

    >>> import torch
    >>> from tensorref import training
    >>> _, moments = training.adamw(torch.zeros(2), torch.tensor([1.0, 2.0]), rate=0.1)
    >>> moments.step, moments.mean, moments.square
    (1, tensor([0.1000, 0.2000]), tensor([0.0010, 0.0040]))
    """

    step: int
    """How many steps there have been."""
    mean: Any
    """The moving average of the gradients, of the shape of the parameter."""
    square: Any
    """That of their squares."""


def adamw(  # noqa: PLR0913  the settings of an optimizer
    parameter: jaxtyping.Float[ArrayT, "*shape"],
    gradient: jaxtyping.Float[ArrayT, "*shape"],
    moments: Moments | None = None,
    *,
    rate: Number,
    betas: tuple[Number, Number] = (0.9, 0.999),
    eps: Number = 1e-8,
    weight_decay: Number = 0.01,
) -> tuple[jaxtyping.Float[ArrayT, "*shape"], Moments]:
    """Take one step of AdamW.

    >>> import torch
    >>> from tensorref import training
    >>> parameter, moments = torch.tensor([1.0]), None
    >>> for _ in range(3):
    ...     parameter, moments = training.adamw(parameter, 2 * parameter, moments, rate=0.1)  # of the square
    >>> parameter
    tensor([0.6989])

    Parameters
    ----------
    parameter, gradient
        Of one shape and dtype.
    moments
        What the last step returned; None at the first.
    rate
        The learning rate; PyTorch calls it ``lr``.
    betas
        How much of each moving average stays at a step.
    eps
        Added to the root of the average square, not to the square.
    weight_decay
        The share of the parameter that goes, times the rate. It is not in the gradient, which is what the W stands for.

    Returns
    -------
    :
        The parameter after the step, without a history, and its moments; all in new memory.

    Raises
    ------
    ValueError
        If the shapes differ, or a setting is out of range.
    TypeError
        If an argument is not of floating point, or one is an array and another a tensor.

    See Also
    --------
    clip_by_norm : comes before it.
    learning_rate : the rate of each step.
    torch.optim.AdamW : PyTorch's own, which changes parameters in place.

    Notes
    -----
    The average of ``t`` gradients begins at 0, so that it is too small by ``1 - beta**t``, by which it is divided.
    Loshchilov and Hutter, `Decoupled Weight Decay Regularization <https://arxiv.org/abs/1711.05101>`__.
    """
    check_fractions(parameter=parameter, gradient=gradient)
    if parameter.shape != gradient.shape:
        raise ValueError(
            f"parameter has shape {tuple(parameter.shape)}, gradient has shape {tuple(gradient.shape)}; a gradient has the "
            "shape of its parameter: write parameter.grad"
        )
    value, slope = _detached(parameter), _detached(gradient)
    before: Any = Moments(0, 0 * slope, 0 * slope) if moments is None else moments
    if not isinstance(before, Moments) or getattr(before.mean, "shape", None) != parameter.shape:
        raise TypeError(
            f"moments is {quoted(moments)}; give what the last step of this parameter returned, or None at the first"
        )
    pair: Any = betas
    if not isinstance(pair, tuple) or len(pair) != 2:  # noqa: PLR2004  one for each average
        raise TypeError(f"betas is {quoted(betas)}; it has two numbers: write (0.9, 0.999)")
    first, second = (_within(beta, f"betas[{place}]", 1.0) for place, beta in enumerate(pair))
    lr = _within(rate, "rate")
    small, decay = _within(eps, "eps"), _within(weight_decay, "weight_decay")
    step = before.step + 1
    mean = first * before.mean + (1 - first) * slope
    square = second * before.square + (1 - second) * slope * slope
    unbiased = mean / (1 - first**step)
    scale = library_of(square).sqrt(square / (1 - second**step)) + small
    moved: ArrayT = value * (1 - lr * decay) - lr * unbiased / scale
    return moved, Moments(step, mean, square)


def clip_by_norm(
    gradients: Sequence[jaxtyping.Float[ArrayT, "..."]], max_norm: Number
) -> tuple[list[jaxtyping.Float[ArrayT, "..."]], float]:
    """Scale all gradients alike, so that the norm of all together is at most a number.

    >>> import torch
    >>> from tensorref import training
    >>> training.clip_by_norm([torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])], 1.0)
    ([tensor([0.6000, 0.0000]), tensor([[0.8000]])], 5.0)

    Parameters
    ----------
    gradients
        Those of all parameters. To clip each by itself changes the direction of the step.
    max_norm
        The largest norm that stays; with infinity all do, and the norm is only measured.

    Returns
    -------
    :
        The gradients in new memory, and the norm that they had. The norm of a step is what to look at: it jumps before the
        loss does.

    Raises
    ------
    ValueError
        If `max_norm` is below 0.
    TypeError
        If a gradient is not of floating point, or `gradients` is no sequence.

    See Also
    --------
    adamw : divides by the size of each element too, and after it.
    torch.nn.utils.clip_grad_norm_ : PyTorch's own, which changes ``.grad`` in place and returns the norm.

    Examples
    --------
    Smaller ones stay as they are. One that is infinite makes all of them nan or 0, and one that is nan makes all nan:

    >>> training.clip_by_norm([torch.tensor([0.5])], 1.0)
    ([tensor([0.5000])], 0.5)
    >>> training.clip_by_norm([torch.tensor([torch.inf]), torch.tensor([1.0])], 1.0)
    ([tensor([nan]), tensor([0.])], inf)
    >>> training.clip_by_norm([torch.tensor([torch.nan]), torch.tensor([1.0])], 1.0)
    ([tensor([nan]), tensor([nan])], nan)
    """
    if not isinstance(gradients, (list, tuple)):
        raise TypeError(f"gradients is {quoted(gradients)}; give a list of all of them")
    for place, gradient in enumerate(gradients):
        check_fractions(**{f"gradients[{place}]": gradient})
    largest = as_number(max_norm, "max_norm")
    if not largest >= 0:
        raise ValueError(f"max_norm is {largest}; it is 0 or more: write 1.0, or math.inf for the norm alone")
    norms = [_norm(gradient) for gradient in gradients]
    norm = math.nan if any(map(math.isnan, norms)) else math.hypot(*norms)
    share = largest / (norm + 1e-6)  # as PyTorch keeps from a division by 0
    if share > 1:  # nan is not, and goes to all gradients
        share = 1.0
    return [_detached(gradient) * share for gradient in gradients], norm


def learning_rate(step: int, *, peak: Number, warmup: int, total: int, floor: Number = 0.0) -> float:
    """Return the rate of a step: up to the peak in a line, and down along a cosine.

    >>> from tensorref import training
    >>> [round(training.learning_rate(step, peak=1.0, warmup=2, total=6), 3) for step in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]

    Parameters
    ----------
    step
        Counted from 0. A step with the rate 0 would learn nothing, so the first one has ``peak / warmup``.
    peak
        The largest rate.
    warmup
        How many steps it goes up.
    total
        At which step it has come down. Later ones stay there.
    floor
        The rate at the end.

    Returns
    -------
    :
        ``peak * (step + 1) / warmup`` at first, then ``floor + (peak - floor) * (1 + cos(pi * x)) / 2``, where x goes
        from 0 to 1.

    Raises
    ------
    ValueError
        If a number is below 0, or `warmup` is not below `total`.
    TypeError
        If a count is no int.

    See Also
    --------
    adamw : takes it.
    torch.optim.lr_scheduler.SequentialLR : joins ``LinearLR`` and ``CosineAnnealingLR``, which are stepped once a step.
    """
    now, up, end = (
        as_int(each, name, "a number of steps is")
        for each, name in ((step, "step"), (warmup, "warmup"), (total, "total"))
    )
    top, bottom = _within(peak, "peak"), _within(floor, "floor")
    for name, count in (("step", now), ("warmup", up)):
        if count < 0:
            raise ValueError(f"{name} is {count}; steps count from 0: write 0 or more")
    if up >= end:
        raise ValueError(f"total is {end}, warmup is {up}; the warm-up ends before the last step: write a larger total")
    if now < up:
        return top * (now + 1) / up
    share = (min(now, end) - up) / (end - up)
    return bottom + (top - bottom) * (1 + math.cos(math.pi * share)) / 2


def saved_bytes(function: Callable[..., object], *tensors: object) -> int:
    """Count the bytes that a function keeps for the backward pass: its activations.

    >>> import torch
    >>> from tensorref import training
    >>> from torch.utils.checkpoint import checkpoint
    >>> block = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.GELU(), torch.nn.Linear(256, 64))
    >>> x = torch.ones(32, 64)
    >>> training.saved_bytes(block, x)  # before and after GELU, 32 x 256 numbers of 4 bytes each
    65536
    >>> training.saved_bytes(lambda x: checkpoint(block, x, use_reentrant=False), x)
    0

    Parameters
    ----------
    function
        A module, or a function of tensors.
    *tensors
        What to call it with.

    Returns
    -------
    :
        The bytes of all that is saved, each memory counted once. `tensors` do not count, nor do leaves that require
        grad, such as weights: they are there anyway.
        A kernel's own memory, which is free again before the backward pass, is not in it.

    Raises
    ------
    TypeError
        If `function` is none.

    See Also
    --------
    tensorref.autograd.saved : names what an operation saves.
    torch.autograd.graph.saved_tensors_hooks : how it is seen.
    torch.utils.checkpoint.checkpoint : keeps the input of a part alone, and computes the part again in the backward pass.

    Examples
    --------
    Nothing is kept where no gradient can be asked for:

    >>> with torch.no_grad():
    ...     training.saved_bytes(block, x)
    0
    """
    as_function(function, "function")
    kept: dict[int, int] = {}
    with torch.autograd.graph.saved_tensors_hooks(partial(_noted, kept), lambda tensor: tensor):
        result = function(*tensors)
    given = (each for each in tensors if isinstance(each, Tensor) and each.layout == torch.strided)
    for each in given:
        kept.pop(each.untyped_storage().data_ptr(), None)
    del result  # until here it holds what was saved, so that no memory is used twice
    return sum(kept.values())


def _noted(kept: dict[int, int], tensor: Tensor) -> Tensor:
    """Return a tensor that is saved, after its memory and the bytes of it were noted, unless it is a leaf's."""
    whole = _private_parts.base(tensor)
    if tensor.layout == torch.strided and not (whole.is_leaf and whole.requires_grad):
        memory = tensor.untyped_storage()
        kept[memory.data_ptr()] = memory.nbytes()
    return tensor


def _within(value: Any, argument: str, end: float = math.inf) -> float:
    """Return a number that is 0 or more and below an end."""
    number = as_number(value, argument)
    if not 0 <= number < end:
        below = f" and below {end:g}" if end < math.inf else ", and finite"
        raise ValueError(f"{argument} is {number}; it is 0 or more{below}")
    return number


def _detached(array: Any) -> Any:
    """Return an array, or a tensor without a history."""
    return array.detach() if is_tensor(array) else array


def _norm(gradient: Any) -> float:
    """Return the norm, of float32 or more; of NumPy in float64, as its squares of large float32 are infinite."""
    library = library_of(gradient)
    numbers = widened(_detached(gradient)) if is_tensor(gradient) else cast(gradient, library.float64)
    return float(library.linalg.norm(numbers.reshape(-1)))
