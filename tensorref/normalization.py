"""Normalization scales every vector of a layer to the same size, whatever size it came with.

Without it the numbers grow from layer to layer. A model computes it twice a block, and two norms that differ by a detail
do not take each other's weights.

>>> import torch
>>> from tensorref import normalization
>>> x = torch.tensor([[1.0, 7.0], [10.0, 70.0]])
>>> normalization.rms_norm(x)
tensor([[0.2000, 1.4000],
        [0.2000, 1.4000]])
"""

from __future__ import annotations

from typing import Any

from tensorref._arguments import as_flag, as_number
from tensorref._operands import cast, check_fractions, widened
from tensorref._typing import ArrayT, jaxtyping

__all__ = ["layer_norm", "layer_norm_unbiased", "rms_norm"]


def layer_norm(
    x: jaxtyping.Float[ArrayT, "*batch embed_dim"],
    weight: jaxtyping.Float[ArrayT, " embed_dim"] | None = None,
    bias: jaxtyping.Float[ArrayT, " embed_dim"] | None = None,
    *,
    eps: float = 1e-5,
) -> jaxtyping.Float[ArrayT, "*batch embed_dim"]:
    """Shift and scale every vector on the last axis to mean 0 and variance 1, as ``torch.nn.LayerNorm`` does.

    >>> import torch
    >>> from tensorref import normalization
    >>> normalization.layer_norm(torch.tensor([[1.0, 3.0], [10.0, 30.0]]), eps=0.0)
    tensor([[-1.,  1.],
            [-1.,  1.]])

    The variance is the biased one, the mean of the squared deviations, and `eps` is added to it under the root:
    ``(x - mean) / sqrt(variance + eps)``.

    Parameters
    ----------
    x
        Vectors of at least one number.
    weight, bias
        What a model learns: a factor and a summand for each feature.
    eps
        Keeps the root from 0 where all numbers of a vector are equal.

    Returns
    -------
    :
        Of the shape and the dtype of `x`, in new memory.

    Raises
    ------
    ValueError
        If `x` has no features, or `weight` or `bias` is not one number for each.
    TypeError
        If an argument is not floating point, or is of the other library.

    See Also
    --------
    layer_norm_unbiased : the form often written by hand.
    torch.nn.functional.layer_norm : PyTorch's own.

    References
    ----------
    Ba, Kiros, Hinton: `Layer Normalization <https://arxiv.org/abs/1607.06450>`__ (2016), equation 3.

    Examples
    --------
    The mean of every token is 0 but for rounding:

    >>> _ = torch.manual_seed(0)
    >>> x_norm = normalization.layer_norm(torch.randn(4, 32, 64))
    >>> print(f"LayerNorm output shape: {x_norm.shape}")
    LayerNorm output shape: torch.Size([4, 32, 64])
    >>> print(f"Mean per token: {x_norm.mean(dim=-1)[0, :3].abs().round(decimals=4)}")
    Mean per token: tensor([0., 0., 0.])
    """
    given = {"weight": weight, "bias": bias}
    check_fractions(x=x, **{name: value for name, value in given.items() if value is not None})
    _check_features(x, 1)
    centered, variance = _centered(x, 0)
    result = centered / (variance + as_number(eps, "eps")) ** 0.5
    if weight is not None:
        result = result * _checked("weight", weight, x)
    if bias is not None:
        result = result + _checked("bias", bias, x)
    rounded: ArrayT = cast(result, x.dtype)
    return rounded


def layer_norm_unbiased(
    x: jaxtyping.Float[ArrayT, "*batch embed_dim"], *, eps: float = 1e-5
) -> jaxtyping.Float[ArrayT, "*batch embed_dim"]:
    """Shift and scale every vector on the last axis by its sample standard deviation: ``(x - mean) / (std + eps)``.

    >>> import torch
    >>> from tensorref import normalization
    >>> x = torch.tensor([1.0, 2.0, 3.0])
    >>> normalization.layer_norm_unbiased(x, eps=0.0)
    tensor([-1.,  0.,  1.])
    >>> normalization.layer_norm(x, eps=0.0)
    tensor([-1.2247,  0.0000,  1.2247])

    This is often written by hand, and is not what ``torch.nn.LayerNorm`` computes: ``std`` divides by ``embed_dim - 1``
    in PyTorch (by ``embed_dim`` in NumPy), and `eps` stands outside the root. Without `eps` the two differ by the
    factor ``sqrt(embed_dim / (embed_dim - 1))``, which for 64 features is 0.8 percent.

    Parameters
    ----------
    x
        Vectors of at least two numbers.
    eps
        Keeps the divisor from 0 where all numbers of a vector are equal.

    Returns
    -------
    :
        Of the shape and the dtype of `x`, in new memory.

    Raises
    ------
    ValueError
        If `x` has fewer than two features: one number has no sample deviation.
    TypeError
        If `x` is not floating point.

    See Also
    --------
    layer_norm : the form of PyTorch and of the paper.
    numpy.std : divides by n where nothing else is said.
    torch.std : divides by n - 1, as here.
    """
    check_fractions(x=x)
    _check_features(x, 2)
    centered, variance = _centered(x, 1)
    result: ArrayT = cast(centered / (variance**0.5 + as_number(eps, "eps")), x.dtype)
    return result


def rms_norm(
    x: jaxtyping.Float[ArrayT, "*batch embed_dim"],
    weight: jaxtyping.Float[ArrayT, " embed_dim"] | None = None,
    *,
    eps: float = 1e-6,
    cast_before_weight: bool = False,
) -> jaxtyping.Float[ArrayT, "*batch embed_dim"]:
    """Scale every vector on the last axis to a mean square of 1, as Llama and most models after it do.

    >>> import torch
    >>> from tensorref import normalization
    >>> normalization.rms_norm(torch.tensor([[1.0, 7.0], [10.0, 70.0]]))
    tensor([[0.2000, 1.4000],
            [0.2000, 1.4000]])

    Nothing is subtracted, and there is no bias: ``x / sqrt(mean(x**2) + eps) * weight``.

    float16 and bfloat16 are computed in float32. They are rounded once, at the end, as `torch.nn.functional.rms_norm` does.
    The Llama of Meta and that of Hugging Face round before the weight, and so round twice. To round as
    they do, ask for it:

    >>> x, weight = torch.tensor([1.0, 1.0, 5.0]).bfloat16(), torch.tensor([1.7, 1.7, 1.7]).bfloat16()
    >>> normalization.rms_norm(x, weight).tolist()
    [0.56640625, 0.56640625, 2.84375]
    >>> normalization.rms_norm(x, weight, cast_before_weight=True).tolist()
    [0.5703125, 0.5703125, 2.828125]

    Parameters
    ----------
    x
        Vectors of at least one number.
    weight
        What a model learns: a factor for each feature. Gemma stores it less 1, and adds that in
        float32: give ``1 + weight.float()``.
    eps
        Keeps the root from 0 where all numbers of a vector are 0. Configurations call it ``rms_norm_eps``, and models differ
        in it: 1e-5 and 1e-6 are usual.
    cast_before_weight
        Whether the vectors are rounded to the dtype of `x` before `weight` multiplies them, and not only after it.

    Returns
    -------
    :
        Of the shape and the dtype of `x`, in new memory.

    Raises
    ------
    ValueError
        If `x` has no features, or `weight` is not one number for each.
    TypeError
        If an argument is not floating point, or is of the other library.

    See Also
    --------
    layer_norm : with the mean subtracted, and a bias.
    torch.nn.functional.rms_norm : PyTorch's own; its `eps` is 1.19e-7 by default, the step of float32 at 1.

    References
    ----------
    Zhang, Sennrich: `Root Mean Square Layer Normalization <https://arxiv.org/abs/1910.07467>`__ (2019), equation 4.

    Examples
    --------
    The square of 300 is more than float16 holds. Computed in float32 it does no harm:

    >>> x = torch.tensor([300.0, 300.0], dtype=torch.float16)
    >>> x / x.square().mean().sqrt()
    tensor([0., 0.], dtype=torch.float16)
    >>> normalization.rms_norm(x)
    tensor([1., 1.], dtype=torch.float16)
    """
    check_fractions(x=x, **({} if weight is None else {"weight": weight}))
    _check_features(x, 1)
    numbers = widened(x)
    result = numbers / ((numbers * numbers).mean(axis=-1, keepdims=True) + as_number(eps, "eps")) ** 0.5
    if as_flag(cast_before_weight, "cast_before_weight"):
        result = cast(result, x.dtype)
    if weight is not None:
        result = result * _checked("weight", weight, x)
    rounded: ArrayT = cast(result, x.dtype)
    return rounded


def _checked(name: str, parameter: Any, x: Any) -> Any:
    """Return a learned parameter, which has one number for each feature of `x`."""
    if parameter.shape != x.shape[-1:]:
        raise ValueError(
            f"{name} has shape {tuple(parameter.shape)}, x has {x.shape[-1]} features; give one number for each, "
            f"of shape {tuple(x.shape[-1:])}"
        )
    return parameter


def _centered(x: Any, correction: int) -> tuple[Any, Any]:
    """Return the deviations from the mean, and the variance."""
    numbers = widened(x)
    centered = numbers - numbers.mean(axis=-1, keepdims=True)
    return centered, (centered * centered).sum(axis=-1, keepdims=True) / (x.shape[-1] - correction)


def _check_features(x: Any, least: int) -> None:
    features = x.shape[-1] if x.shape else 0
    if features < least:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, so {features} features; normalizing takes {least} or more on the last axis"
        )
