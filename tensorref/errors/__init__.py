"""What an error message of NumPy or PyTorch means, why it is raised, and what to write instead.

>>> from tensorref import errors
>>> print(errors.explain("ValueError: operands could not be broadcast together with shapes (3,4) (2,4) "))
axis           -2     -1
a               3      4
b               2      4
result          ?      4
verdict  conflict  equal
* NumPy: operands could not be broadcast together with shapes (3,4) (2,4)
* Likely cause: Two shapes do not broadcast. Lined up at their last axes, two sizes differ and neither is 1.
* Or: An axis was lost on the way: a mean without keepdims=True, an index with a number, or squeeze.
* Mend: Insert the missing axis with None: np.zeros((3, 1, 4)) + np.zeros((2, 4))
* Mend: Keep the axis that was reduced: a = np.zeros((3, 4)); a - a.mean(axis=1, keepdims=True)
* More: https://tensorref.readthedocs.io/en/latest/errors/shape.html#np-broadcast

The text may be a whole traceback, and the words those of a version of years ago. Each message has an id, and its `Entry` has
code that raises it and the code of each mend:

>>> entry = errors.get("np-broadcast")
>>> print(entry.code)
np.zeros((3, 4)) + np.zeros((2, 4))
>>> print(entry.mends[1].code)
a = np.zeros((3, 4))
a - a.mean(axis=1, keepdims=True)

In a terminal, ``python -m tensorref explain`` does the same: with the message, with its id, or with ``-`` for what another
program prints.
"""

from __future__ import annotations

from typing import Any

from tensorref._arguments import quoted
from tensorref.errors import _explanation, _matching
from tensorref.errors._catalogue import Entry, Mend, UnknownEntryError, entries, get
from tensorref.errors._explanation import Explanation, Operand

__all__ = ["Entry", "Explanation", "Mend", "Operand", "UnknownEntryError", "entries", "explain", "get"]


def explain(error: Any) -> Explanation | None:
    """Explain a message: why it is raised, and what to write instead.

    >>> from tensorref import errors
    >>> explanation = errors.explain("IndexError: too many indices for tensor of dimension 1")
    >>> explanation.fields
    {'ndim': 1}
    >>> explanation.mends[1].code
    'torch.zeros(3)[..., 1]'
    >>> print(errors.explain("what nobody has said yet"))
    None

    Parameters
    ----------
    error
        A text that holds a message, such as a traceback as it was printed; of a long one the beginning and the end are
        read.

    Returns
    -------
    :
        What is known of the message, and None where no message is known in it. Of several it is an error before a
        warning, then the last one.

    Raises
    ------
    TypeError
        If `error` is neither a text nor an exception.

    See Also
    --------
    get : a message by its id.
    """
    if isinstance(error, BaseException):
        try:
            error = str(error)
        except Exception:  # noqa: BLE001  an error whose words cannot be read says nothing
            return None
    if not isinstance(error, str):
        raise TypeError(
            f"error is {quoted(error)}, of type {type(error).__name__}; give a text or an exception, such as str(error)"
        )
    found = _matching.match(str(error))
    return None if found is None else _explanation.of(found)
