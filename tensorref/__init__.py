"""Tensors for people who build language models: every concept a module of annotated functions.

>>> from tensorref import broadcasting
>>> broadcasting.result_shape((4, 1), (1, 3))
(4, 3)

A concept is imported on first use: ``import tensorref`` loads neither NumPy nor PyTorch. Those that compute with a library
say what to install where it is missing; those that work on shapes need none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorref import (
        anatomy,
        attention,
        autograd,
        benchmark,
        broadcasting,
        budget,
        caches,
        creation,
        devices,
        dtypes,
        einsum,
        elementwise,
        errors,
        exercises,
        experts,
        indexing,
        interop,
        kernels,
        layout,
        llm,
        losses,
        masks,
        matmul,
        pitfalls,
        quantization,
        reductions,
        sampling,
        training,
    )
    from tensorref._explanation import Fix, Messages, TensorrefError
    from tensorref._watch import Finding, Seen, watch

__all__ = [  # noqa: RUF022  the concepts in the order in which they build on each other, as everywhere
    "anatomy",
    "creation",
    "indexing",
    "elementwise",
    "reductions",
    "matmul",
    "broadcasting",
    "einsum",
    "interop",
    "dtypes",
    "layout",
    "devices",
    "autograd",
    "kernels",
    "losses",
    "sampling",
    "training",
    "masks",
    "attention",
    "caches",
    "budget",
    "quantization",
    "experts",
    "llm",
    "pitfalls",
    "errors",
    "exercises",
    "benchmark",
    "watch",
    "Seen",
    "Finding",
    "Fix",
    "Messages",
    "TensorrefError",
]

_OF_WATCH = ("watch", "Seen", "Finding")
CONCEPTS = tuple(name for name in __all__ if name.islower() and name not in _OF_WATCH)
"""The modules, in the order in which they build on each other."""


def __getattr__(name: str) -> Any:
    if name in CONCEPTS:
        return importlib.import_module(f"tensorref.{name}")
    if name in __all__:
        module = "_watch" if name in _OF_WATCH else "_explanation"
        return getattr(importlib.import_module(f"tensorref.{module}"), name)
    if name == "__version__":
        from importlib.metadata import version  # takes longer to load than all else here

        return version("tensorref")
    raise AttributeError(f"module 'tensorref' has no attribute {name!r}; it has {', '.join(__all__)}")


def load_ipython_extension(shell: Any) -> None:  # numpydoc ignore=PR01
    """Show under each traceback what is known of the error; ``%load_ext tensorref`` calls it."""
    from tensorref.errors import _hooks

    _hooks.load_ipython_extension(shell)


def unload_ipython_extension(shell: Any) -> None:  # numpydoc ignore=PR01
    """Take that back; ``%unload_ext tensorref`` calls it."""
    from tensorref.errors import _hooks

    _hooks.unload_ipython_extension(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
