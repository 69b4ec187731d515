"""What a message of NumPy or PyTorch means, why it is raised, and what to write instead.

>>> from tensorref import errors
>>> print(errors.explain("RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)"))
"""

from __future__ import annotations

import sys
from typing import Any

from tensorref._arguments import quoted
from tensorref.errors import _explanation, _frames, _matching
from tensorref.errors._catalogue import Entry, Mend, UnknownEntryError, entries, get
from tensorref.errors._explanation import Explanation
from tensorref.errors._frames import Operand
from tensorref.errors._hooks import explaining, install, uninstall

__all__ = ["Entry", "Explanation", "Mend", "Operand", "UnknownEntryError", "entries", "explain", "explaining", "get", "install", "uninstall"]


def explain(error: Any = None) -> Explanation | None:
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
    if error is None:
        error = _last()
    if error is None or issubclass(type(error), BaseException):
        return explained(error)
    if not isinstance(error, str):
        raise TypeError(
            f"error is {quoted(error)}, of type {type(error).__name__}; give a text or an exception, such as str(error)"
        )
    found = _matching.match(str(error))
    return None if found is None else _explanation.of(found)


def explained(error: BaseException | None) -> Explanation | None:
    """Return what is known of an exception, of what it was raised from, or of what it met."""
    for link in _frames.links(error) if error is not None else ():
        found = _matching.match(_frames.message(link))
        if found is not None:
            return _explanation.of(found, _frames.read(link))
    return None


def _last() -> BaseException | None:
    """Return the exception that is being handled, or the last one that nobody caught."""
    for error in (sys.exc_info()[1], getattr(sys, "last_exc", None), getattr(sys, "last_value", None)):
        if error is not None:
            return error
    return None
