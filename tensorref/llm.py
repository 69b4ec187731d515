"""A language model turns token ids into vectors, mixes them, and turns the result into a probability for each next word.

Each step here is a function of a few lines, which computes what PyTorch does. So you can read what a model does, and
check your own.

>>> import torch
>>> from tensorref import llm
>>> table = torch.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
>>> x = llm.embedding(table, torch.tensor([2, 0]))
>>> llm.linear(x, table.mT).shape
torch.Size([2, 3])
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Integer

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor

from tensorref import broadcasting, matmul
from tensorref._arguments import as_number
from tensorref._operands import cast, check_fractions, check_operands, check_whole, library_of, result_dtype, widened
from tensorref._typing import ArrayT

__all__ = [
    "embedding",
    "layer_norm",
    "layer_norm_unbiased",
    "linear",
]


def embedding(
    table: Float[ArrayT, "vocab_size embed_dim"], token_ids: Integer[ArrayT, "*batch"]
) -> Float[ArrayT, "*batch embed_dim"]:
    """Look up the row of `table` for every token id.

    >>> import torch
    >>> from tensorref import llm
    >>> table = torch.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    >>> llm.embedding(table, torch.tensor([2, 0, 2]))
    tensor([[2.0000, 2.1000],
            [0.0000, 0.1000],
            [2.0000, 2.1000]])

    Parameters
    ----------
    table
        A vector for each word of the vocabulary.
    token_ids
        Ids from 0 to ``vocab_size - 1``, of any shape; in PyTorch int32 or int64.

    Returns
    -------
    :
        ``table[token_ids]``, of the dtype of `table`: a copy, except that a single id, of shape ``()``, gives a view in
        PyTorch.

    Raises
    ------
    ValueError
        If an id has no row. ``table[-1]`` alone takes the last one, so that ids which mark padding pass unseen. To look
        at the ids waits for an accelerator, as PyTorch's own does not.
    TypeError
        If `token_ids` are not integers or have no values, or PyTorch does not take their dtype for indices: ``uint8`` would
        be a mask. If one argument is an array and the other a tensor.

    See Also
    --------
    torch.nn.functional.embedding : PyTorch's own.
    numpy.take : NumPy's own: ``numpy.take(table, token_ids, axis=0)``.

    Examples
    --------
    >>> llm.embedding(table, torch.tensor([[0, 3]]))
    Traceback (most recent call last):
    ...
    ValueError: token_ids[0, 1] is 3; table has 3 rows, for the ids 0 to 2: use the tokenizer that the table was made for
    """
    check_operands(table=table, token_ids=token_ids)
    ids: Any = token_ids
    rows: Any = table
    check_whole(token_ids=token_ids)
    if isinstance(ids, Tensor) and ids.dtype not in {torch.int32, torch.int64}:
        raise TypeError(f"token_ids has dtype {ids.dtype}; PyTorch indexes with int32 or int64: write token_ids.long()")
    if len(table.shape) != 2:  # noqa: PLR2004  words and features
        raise ValueError(f"table has shape {tuple(table.shape)}; it has a row for each word: (vocab_size, embed_dim)")
    if getattr(ids, "is_meta", False) and not rows.is_meta:
        raise TypeError("token_ids is on meta and has no values; give ids that have, such as some on the CPU")
    count = table.shape[0]
    wrong = (ids < 0) | (ids >= count)
    if not getattr(ids, "is_meta", False) and wrong.any():
        place = library_of(ids).argwhere(wrong)[0].tolist()
        first = int(ids[tuple(place)])
        fix = "use the tokenizer that the table was made for" if first > 0 else "replace what marks padding first"
        raise ValueError(
            f"token_ids{place or ''} is {first}; table has {count} rows, for the ids 0 to {count - 1}: {fix}"
        )
    result: ArrayT = rows[ids]
    return result


def linear(
    x: Float[ArrayT, "*batch in_features"],
    weight: Float[ArrayT, "in_features out_features"],
    bias: Float[ArrayT, " out_features"] | None = None,
) -> Float[ArrayT, "*batch out_features"]:
    """Map every vector on the last axis of `x` by a matrix, and add a bias.

    >>> import torch
    >>> from tensorref import llm
    >>> W, b, x = torch.ones(64, 256), torch.zeros(256), torch.ones(4, 32, 64)
    >>> print(f"Linear output shape: {llm.linear(x, W, b).shape}")
    Linear output shape: torch.Size([4, 32, 256])

    Parameters
    ----------
    x
        Vectors of `in_features` numbers.
    weight
        A column for each feature of the result. ``torch.nn.Linear`` stores the transpose, ``(out_features,
        in_features)``: pass ``layer.weight.mT``.
    bias
        A number for each feature of the result.

    Returns
    -------
    :
        ``x @ weight + bias``, in new memory, of the dtype of all three (NumPy promotes dtypes that differ). float16 and
        bfloat16 are rounded once, after the bias.

    Raises
    ------
    ValueError
        If the features do not agree, or `bias` is not one number for each.
    TypeError
        If tensors differ in dtype: PyTorch does not promote in a product.

    See Also
    --------
    torch.nn.functional.linear : PyTorch's own, with the transposed weight.
    numpy.matmul : the product, without the bias.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 3)
    >>> x = torch.tensor([[1.0, 2.0]])
    >>> torch.allclose(llm.linear(x, layer.weight.mT, layer.bias), layer(x))
    True
    """
    dtype = result_dtype(x=x, weight=weight, **_given(bias=bias))
    matmul.result_shape(x.shape, weight.shape, names=("x", "weight"))
    result: Any = widened(x) @ widened(weight)
    if bias is not None:
        result = broadcasting.add_bias(result, widened(bias))
    rounded: ArrayT = cast(result, dtype)
    return rounded


def layer_norm(
    x: Float[ArrayT, "*batch embed_dim"],
    weight: Float[ArrayT, " embed_dim"] | None = None,
    bias: Float[ArrayT, " embed_dim"] | None = None,
    *,
    eps: float = 1e-5,
) -> Float[ArrayT, "*batch embed_dim"]:
    """Shift and scale every vector on the last axis to mean 0 and variance 1, as ``torch.nn.LayerNorm`` does.

    >>> import torch
    >>> from tensorref import llm
    >>> llm.layer_norm(torch.tensor([[1.0, 3.0], [10.0, 30.0]]), eps=0.0)
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
    >>> x_norm = llm.layer_norm(torch.randn(4, 32, 64))
    >>> print(f"LayerNorm output shape: {x_norm.shape}")
    LayerNorm output shape: torch.Size([4, 32, 64])
    >>> print(f"Mean per token: {x_norm.mean(dim=-1)[0, :3].abs().round(decimals=4)}")
    Mean per token: tensor([0., 0., 0.])
    """
    check_fractions(x=x, **_given(weight=weight, bias=bias))
    _check_features(x, 1)
    centered, variance = _centered(x, 0)
    result = centered / (variance + as_number(eps, "eps")) ** 0.5
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.shape != x.shape[-1:]:
            raise ValueError(
                f"{name} has shape {tuple(parameter.shape)}, x has {x.shape[-1]} features; give one number for each, "
                f"of shape {tuple(x.shape[-1:])}"
            )
    if weight is not None:
        result = result * weight
    if bias is not None:
        result = result + bias
    rounded: ArrayT = cast(result, x.dtype)
    return rounded


def layer_norm_unbiased(
    x: Float[ArrayT, "*batch embed_dim"], *, eps: float = 1e-5
) -> Float[ArrayT, "*batch embed_dim"]:
    """Shift and scale every vector on the last axis by its sample standard deviation: ``(x - mean) / (std + eps)``.

    >>> import torch
    >>> from tensorref import llm
    >>> x = torch.tensor([1.0, 2.0, 3.0])
    >>> llm.layer_norm_unbiased(x, eps=0.0)
    tensor([-1.,  0.,  1.])
    >>> llm.layer_norm(x, eps=0.0)
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


def _given(**optional: Any) -> dict[str, Any]:
    """Return the arguments that are not left out."""
    return {name: value for name, value in optional.items() if value is not None}


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
