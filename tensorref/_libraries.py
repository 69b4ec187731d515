"""NumPy and PyTorch, which the rules and the directives do without: the error where one is needed and missing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

from tensorref._explanation import TensorrefError

_NAMES = {"numpy": "NumPy", "torch": "PyTorch"}


class MissingLibraryError(TensorrefError, ModuleNotFoundError):
    """Raised where a library is needed that is not installed."""


@contextmanager
def needed(by: str, *libraries: Literal["numpy", "torch"]) -> Generator[None]:
    """Say what to install where the imports in the block find one of `libraries` missing, which `by` needs."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in libraries:
            raise
        missing = [name for name in libraries if find_spec(name) is None]
        refusal = MissingLibraryError(
            f"{by} needs {' and '.join(_NAMES[name] for name in missing)}; "
            f'install {"it" if len(missing) == 1 else "them"} with: pip install "tensorref[{",".join(missing)}]"'
        )
        refusal.name = error.name
        raise refusal from None
