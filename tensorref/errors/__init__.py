"""What a message of NumPy or PyTorch means, why it is raised, and what to write instead.

>>> from tensorref import errors
>>> print(errors.explain("RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)"))
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
