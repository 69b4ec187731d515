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

import sys
from typing import Any

from tensorref._arguments import quoted
from tensorref.errors import _explanation, _matching
from tensorref.errors._catalogue import Entry, Mend, UnknownEntryError, entries, get
from tensorref.errors._explanation import Explanation
from tensorref.errors._hooks import Explaining, explaining, install, uninstall
from tensorref.errors._reading import Operand

__all__ = [
    "Entry",
    "Explaining",
    "Explanation",
    "Mend",
    "Operand",
    "UnknownEntryError",
    "entries",
    "explain",
    "explaining",
    "get",
    "install",
    "uninstall",
]


def explain(error: Any = None) -> Explanation | None:
    """Explain an error or the text of one: why it is raised, of which operands, and what to write instead.

    >>> import torch
    >>> from tensorref import errors
    >>> explanation = errors.explain("IndexError: too many indices for tensor of dimension 1")
    >>> explanation.fields
    {'ndim': 1}
    >>> explanation.mends[1].code
    'torch.zeros(3)[..., 1]'
    >>> print(errors.explain("what nobody has said yet"))
    None

    An exception tells the operands too, as they are called in your code, and the explanation says whether they lead to
    exactly these words:

    >>> hidden, layer = torch.zeros(3, 4), torch.nn.Linear(10, 5)
    >>> try:
    ...     layer(hidden)
    ... except RuntimeError as error:
    ...     explanation = errors.explain(error)
    >>> [(operand.name, operand.shape) for operand in explanation.operands]
    [('hidden', (3, 4)), ('layer.weight', (5, 10)), ('layer.bias', (5,))]
    >>> explanation.proved
    True

    Parameters
    ----------
    error
        A text that holds a message, such as a traceback as it was printed; of a long one the beginning and the end are
        read. Or an exception, whose frames are read too, with those of what it was raised from. By default it is the
        exception that is being handled, or the last one that nobody caught.

    Returns
    -------
    :
        What is known of the message, and None where no message is known in it. Of several it is an error before a
        warning, then the last one. Nothing of your code runs for it, and no tensor is kept: what would need a property or
        a call is told to be not known.

    Raises
    ------
    TypeError
        If `error` is neither a text nor an exception.

    See Also
    --------
    get : a message by its id.
    """
    if error is None:
        last = (sys.exc_info()[1], getattr(sys, "last_exc", None), getattr(sys, "last_value", None))
        error = next((each for each in last if each is not None), None)
    if error is None or issubclass(type(error), BaseException):
        return _explanation.of_error(error)
    if not isinstance(error, str):
        raise TypeError(
            f"error is {quoted(error)}, of type {type(error).__name__}; give a text or an exception, such as str(error)"
        )
    found = _matching.match(str(error))
    return None if found is None else _explanation.of(found)
