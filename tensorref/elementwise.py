"""An element-wise operation does the same to every element, as ``a + b`` or ``exp(a)`` do.

Biases, activations and residual connections are such operations. NumPy and PyTorch write them in the same words, but
they do not always give the same result.

>>> import numpy as np
>>> from tensorref import elementwise
>>> elementwise.add(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
array([5., 7., 9.])
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import numpy as np
    import torch

from tensorref._operands import check_operands, computed, is_array
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = ["add", "exp", "multiply", "power"]


def add(a: jaxtyping.Num[ArrayT, "..."], b: jaxtyping.Num[ArrayT, "..."] | Number) -> jaxtyping.Num[ArrayT, "..."]:
    """Add element by element.

    >>> import torch
    >>> from tensorref import elementwise
    >>> elementwise.add(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0]))
    tensor([5., 7., 9.])

    Parameters
    ----------
    a, b
        Arrays or tensors of shapes that broadcast; `b` may be a number.

    Returns
    -------
    :
        ``a + b`` in new memory: of the shape that the two broadcast to, and of the dtype that the library promotes
        them to.

    Raises
    ------
    TypeError
        If one is an array and the other a tensor. Without this check ``array + tensor`` raises in PyTorch's words, and
        ``tensor + array`` gives a tensor with a DeprecationWarning, of float64 if the array is. If one is neither, or is
        sparse, nested or quantized. And if PyTorch does not compute with the dtype on the device: on the CPU it does not
        add ``uint16``, ``uint32``, ``uint64`` and the float8 dtypes, though two of them have a common dtype.

    See Also
    --------
    numpy.add : NumPy's name for it.
    torch.add : PyTorch's, which can scale: ``torch.add(a, b, alpha=0.1)``.

    Examples
    --------
    >>> elementwise.add(torch.tensor([1, 2]), 0.5)
    tensor([1.5000, 2.5000])
    """
    result: ArrayT = _of_two(operator.add, a=a, b=b)
    return result


def multiply(a: jaxtyping.Num[ArrayT, "..."], b: jaxtyping.Num[ArrayT, "..."] | Number) -> jaxtyping.Num[ArrayT, "..."]:
    """Multiply element by element, which is no matrix product.

    >>> import torch
    >>> from tensorref import elementwise
    >>> matrix = torch.tensor([[1, 2], [3, 4]])
    >>> elementwise.multiply(matrix, matrix)
    tensor([[ 1,  4],
            [ 9, 16]])
    >>> matrix @ matrix
    tensor([[ 7, 10],
            [15, 22]])

    Parameters
    ----------
    a, b
        Arrays or tensors of shapes that broadcast; `b` may be a number.

    Returns
    -------
    :
        ``a * b`` in new memory: of the shape that the two broadcast to, and of the dtype that the library promotes
        them to.

    Raises
    ------
    TypeError
        As for `add`.

    See Also
    --------
    numpy.multiply : NumPy's name for it.
    torch.mul : PyTorch's.
    """
    result: ArrayT = _of_two(operator.mul, a=a, b=b)
    return result


def power(
    a: jaxtyping.Num[ArrayT, "..."], exponent: jaxtyping.Num[ArrayT, "..."] | Number
) -> jaxtyping.Num[ArrayT, "..."]:
    """Raise every element to a power.

    >>> import numpy as np
    >>> from tensorref import elementwise
    >>> elementwise.power(np.array([1.0, 2.0, 3.0]), 2)
    array([1., 4., 9.])

    Parameters
    ----------
    a, exponent
        Arrays or tensors of shapes that broadcast; `exponent` may be a number.

    Returns
    -------
    :
        ``a ** exponent`` in new memory: of the shape that the two broadcast to, and of the dtype that the library
        promotes them to. A fractional power of a negative number is nan.

    Raises
    ------
    TypeError
        As for `add`.
    ValueError, RuntimeError
        NumPy's and PyTorch's, if integers are raised to a negative integer: write -1.0 rather than -1.

    See Also
    --------
    numpy.power : NumPy's name for it.
    torch.pow : PyTorch's.

    Examples
    --------
    >>> import torch
    >>> elementwise.power(torch.tensor([1, 2, 4]), -1.0)
    tensor([1.0000, 0.5000, 0.2500])
    """
    result: ArrayT = _of_two(operator.pow, a=a, exponent=exponent)
    return result


def exp(x: jaxtyping.Num[ArrayT, "..."]) -> jaxtyping.Inexact[ArrayT, "..."]:
    """Raise e to the power of every element.

    >>> import torch
    >>> from tensorref import elementwise
    >>> elementwise.exp(torch.tensor([1.0, 2.0, 3.0]))
    tensor([ 2.7183,  7.3891, 20.0855])

    Parameters
    ----------
    x
        An array or a tensor.

    Returns
    -------
    :
        ``numpy.exp(x)`` or ``torch.exp(x)`` in new memory, of the shape of `x`. Floating point keeps its dtype. Integers
        become floating point: float32 in PyTorch; in NumPy float64 for 32 and 64 bits, float32 for 16, float16 for 8.

    Raises
    ------
    TypeError
        As for `add`.

    See Also
    --------
    numpy.exp : warns where the result is out of range.
    torch.exp : does not warn.

    Examples
    --------
    The result is inf for float32 from about 88.7 on, for float16 from about 11.1 on. A softmax therefore subtracts the
    maximum first:

    >>> elementwise.exp(torch.tensor([88.0, 89.0]))
    tensor([1.6516e+38,        inf])
    """
    check_operands(x=x)
    source: Any = x
    result: ArrayT = computed(torch.exp if isinstance(source, torch.Tensor) else np.exp, x=source)
    return result


def _of_two(operation: Callable[[Any, Any], Any], **operands: Any) -> Any:
    """Return what an operation makes of an array or a tensor and another one or a number, NumPy's too."""
    numbers = (int, float, complex, np.generic)
    arrays = {name: value for name, value in operands.items() if not isinstance(value, numbers)}
    if arrays or not any(map(is_array, operands.values())):
        check_operands(**(arrays or operands))
    return computed(operation, **operands)
