"""An activation bends each number between two matrix products, without which both would be a single matrix.

Models of today multiply what is bent by a second product. Their feed-forward layer then has three matrices, and a hidden
size such as 11008. Two activations of one name, as the two GELUs, do not give the same model.

>>> import torch
>>> from tensorref import activations
>>> x = torch.tensor([-2.0, 0.0, 2.0])
>>> activations.silu(x), activations.gelu(x)
(tensor([-0.2384,  0.0000,  1.7616]), tensor([-0.0455,  0.0000,  1.9545]))
"""

from __future__ import annotations

import math
import sys
from functools import reduce
from typing import Any, Literal

from tensorref import matmul
from tensorref._arguments import as_choice, as_flag, as_int, as_number
from tensorref._operands import cast, check_fractions, check_one_dtype, is_tensor, library_of, widened
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = ["gelu", "hidden_dim", "parameter_count", "silu", "swiglu"]


def gelu(
    x: jaxtyping.Float[ArrayT, "*shape"], *, approximate: Literal["none", "tanh"] = "none"
) -> jaxtyping.Float[ArrayT, "*shape"]:
    """Multiply every number by the probability that a standard normal one is smaller.

    >>> import torch
    >>> from tensorref import activations
    >>> x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
    >>> activations.gelu(x)
    tensor([-0.0040, -0.1587,  0.0000,  0.8413,  2.9960])
    >>> activations.gelu(x, approximate="tanh")
    tensor([-0.0036, -0.1588,  0.0000,  0.8412,  2.9964])

    The exact form is ``x * (1 + erf(x / sqrt(2))) / 2``. The other one has a tanh in place of erf, and differs by up to
    0.0005.

    Parameters
    ----------
    x
        Any numbers.
    approximate
        ``"none"`` for the exact form, as in BERT; ``"tanh"`` as in GPT-2 and Gemma.

    Returns
    -------
    :
        Of the shape and the dtype of `x`, in new memory. float16 and bfloat16 are computed in float32 and rounded once.

    Raises
    ------
    TypeError
        If `x` is not floating point.
    ValueError
        If `approximate` is another word.

    See Also
    --------
    silu : the activation of Llama.
    torch.nn.functional.gelu : PyTorch's own, exact by default; that of JAX is the tanh by default.

    References
    ----------
    Hendrycks, Gimpel: `Gaussian Error Linear Units <https://arxiv.org/abs/1606.08415>`__ (2016).
    """
    check_fractions(x=x)
    numbers = widened(x)
    library = library_of(x)
    if as_choice(approximate, "approximate", ("none", "tanh")) == "tanh":
        bent = library.tanh(math.sqrt(2 / math.pi) * (numbers + 0.044715 * numbers**3))
    else:
        # NumPy has no erf.
        erf = library.erf if is_tensor(x) else library.vectorize(math.erf, otypes=[numbers.dtype])
        bent = erf(numbers / math.sqrt(2))
    result: ArrayT = cast(0.5 * numbers * (1 + bent), x.dtype)
    return result


def silu(x: jaxtyping.Float[ArrayT, "*shape"]) -> jaxtyping.Float[ArrayT, "*shape"]:
    """Multiply every number by its sigmoid: ``x / (1 + exp(-x))``, also called swish.

    >>> import torch
    >>> from tensorref import activations
    >>> activations.silu(torch.tensor([-1000.0, -1.0, 0.0, 1.0, 1000.0]))
    tensor([-0.0000e+00, -2.6894e-01,  0.0000e+00,  7.3106e-01,  1.0000e+03])

    Parameters
    ----------
    x
        Any numbers.

    Returns
    -------
    :
        Of the shape and the dtype of `x`, in new memory. float16 and bfloat16 are computed in float32 and rounded once.

    Raises
    ------
    TypeError
        If `x` is not floating point.

    See Also
    --------
    swiglu : the layer that it stands in.
    torch.nn.functional.silu : PyTorch's own.
    """
    check_fractions(x=x)
    numbers = widened(x)
    result: ArrayT = cast(numbers * _sigmoid(numbers), x.dtype)
    return result


def swiglu(
    x: jaxtyping.Float[ArrayT, "*batch embed_dim"],
    gate: jaxtyping.Float[ArrayT, "embed_dim hidden_dim"],
    up: jaxtyping.Float[ArrayT, "embed_dim hidden_dim"],
    down: jaxtyping.Float[ArrayT, "hidden_dim embed_dim"],
) -> jaxtyping.Float[ArrayT, "*batch embed_dim"]:
    """Compute the feed-forward layer of Llama: ``(silu(x @ gate) * (x @ up)) @ down``.

    >>> import torch
    >>> from tensorref import activations
    >>> x = torch.tensor([[1.0, -1.0]])
    >>> gate, up, down = torch.eye(2, 3), 2 * torch.eye(2, 3), torch.ones(3, 2)
    >>> activations.swiglu(x, gate, up, down)
    tensor([[2., 2.]])

    Parameters
    ----------
    x
        A vector per token.
    gate, up
        Matrices of one shape: one is bent, the other is multiplied by it. Meta's code calls them w1 and w3.
    down
        The matrix that leads back, w2. ``torch.nn.Linear`` stores each one transposed: pass ``layer.weight.mT``.

    Returns
    -------
    :
        Of the shape of `x`, in new memory, of the dtype of all (NumPy promotes dtypes that differ). float16 and bfloat16
        are computed in float32 and rounded once; a model rounds after each step.

    Raises
    ------
    MatmulError
        If a product has no shape.
    ValueError
        If `gate` and `up` differ in shape.
    TypeError
        If tensors differ in dtype: PyTorch does not promote in a product. If an argument is not floating point.

    See Also
    --------
    hidden_dim : the size in between.
    parameter_count : how many numbers the matrices have.
    torch.nn.functional.silu : the activation; PyTorch has no function for the whole.

    References
    ----------
    Shazeer: `GLU Variants Improve Transformer <https://arxiv.org/abs/2002.05202>`__ (2020), equation 6.
    """
    operands = {"x": x, "gate": gate, "up": up, "down": down}
    check_fractions(**operands)
    check_one_dtype(**operands)
    if gate.shape != up.shape:
        raise ValueError(
            f"gate has shape {tuple(gate.shape)}, up has shape {tuple(up.shape)}; give two of one shape, (embed_dim, "
            "hidden_dim)"
        )
    hidden = matmul.result_shape(x.shape, gate.shape, names=("x", "gate"))
    matmul.result_shape(hidden, down.shape, names=("hidden", "down"))
    wide: Any = widened(x)
    gated: Any = wide @ widened(gate)
    output = (gated * _sigmoid(gated) * (wide @ widened(up))) @ widened(down)
    dtypes: list[Any] = [operand.dtype for operand in operands.values()]
    result: ArrayT = cast(output, reduce(library_of(x).promote_types, dtypes))
    return result


def hidden_dim(embed_dim: int, *, multiple_of: int = 256, multiplier: Number = 1.0) -> int:
    """Return the hidden size of a gated layer, which costs as much as one of ``4 * embed_dim`` without a gate.

    >>> from tensorref import activations
    >>> activations.hidden_dim(4096)  # Llama 2, 7B
    11008
    >>> activations.hidden_dim(4096, multiple_of=1024, multiplier=1.3)  # Llama 3, 8B
    14336

    Three matrices instead of two leave 2/3 of the size: ``8 / 3 * embed_dim``. It is cut to a whole number, multiplied, and
    rounded up to a multiple that suits the hardware.

    Parameters
    ----------
    embed_dim
        The size of a token's vector.
    multiple_of
        What the result is a multiple of.
    multiplier
        A factor for a wider layer, ``ffn_dim_multiplier`` in Meta's configurations.

    Returns
    -------
    :
        ``intermediate_size`` of a configuration.

    Raises
    ------
    TypeError, ValueError
        If a size is not 1 or more, or `multiplier` is not a number above 0, or leaves no size.

    See Also
    --------
    parameter_count : how many numbers the matrices have.
    """
    embed_dim, multiple_of = _size(embed_dim, "embed_dim"), _size(multiple_of, "multiple_of")
    factor = as_number(multiplier, "multiplier")
    if not 0 < factor < math.inf:
        raise ValueError(f"multiplier is {factor}; it is a number above 0: write 1.0 to leave the size as it is")
    wanted = 8 * embed_dim // 3
    if factor != 1:
        scaled = factor * wanted
        if not 1 <= scaled < math.inf:
            raise ValueError(f"multiplier is {factor}, which makes {scaled} of {wanted}; write one nearer to 1")
        wanted = int(scaled)
    return -(-wanted // multiple_of) * multiple_of


def parameter_count(embed_dim: int, hidden_dim: int, *, gated: bool = True, bias: bool = False) -> int:
    """Count the numbers that a feed-forward layer learns.

    >>> from tensorref import activations
    >>> f"{activations.parameter_count(4096, 11008):,}"  # Llama 2, 7B
    '135,266,304'
    >>> f"{activations.parameter_count(768, 3072, gated=False, bias=True):,}"  # GPT-2
    '4,722,432'

    Parameters
    ----------
    embed_dim, hidden_dim
        The size of a token's vector, and that in between.
    gated
        Whether there are three matrices, and not two.
    bias
        Whether each matrix has a bias.

    Returns
    -------
    :
        ``3 * embed_dim * hidden_dim`` with a gate and without biases.

    Raises
    ------
    TypeError, ValueError
        If a size is not 1 or more, or a flag is not True or False.

    See Also
    --------
    hidden_dim : the size that costs as much as a layer without a gate.
    torch.nn.Module.parameters : what a module learns: ``sum(p.numel() for p in module.parameters())``.

    Examples
    --------
    As many as without a gate at 4 times the size, but for the rounding:

    >>> gated = activations.parameter_count(4096, activations.hidden_dim(4096))
    >>> round(gated / activations.parameter_count(4096, 4 * 4096, gated=False), 3)
    1.008
    """
    embed_dim, hidden_dim = _size(embed_dim, "embed_dim"), _size(hidden_dim, "hidden_dim")
    inward = 2 if as_flag(gated, "gated") else 1
    biases = inward * hidden_dim + embed_dim if as_flag(bias, "bias") else 0
    return (inward + 1) * embed_dim * hidden_dim + biases


def _size(value: Any, argument: str) -> int:
    size = as_int(value, argument, "a size is")
    if size < 1:
        raise ValueError(f"{argument} is {size}; a size is 1 or more: write the number of features")
    return size


def _sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))`` without an overflow."""
    if is_tensor(x):
        return x.sigmoid()
    numpy = sys.modules["numpy"]
    power = numpy.exp(-abs(x))
    return numpy.where(x >= 0, 1, power) / (1 + power)
