"""The types that annotations use, without importing NumPy or PyTorch before an annotation is evaluated."""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from typing import TYPE_CHECKING, Annotated, Any, Protocol, SupportsIndex, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jaxtyping as jaxtyping
    import numpy as np
    import torch

    ShapeLike: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
    ArrayT = TypeVar("ArrayT", np.ndarray[Any, Any], torch.Tensor)
else:

    @runtime_checkable
    class Array(Protocol):
        """A NumPy array or a PyTorch tensor."""

        @property
        def shape(self) -> tuple[int, ...]: ...

        @property
        def dtype(self) -> object: ...

    # `as_shape` says better than a type checker what is wrong with a shape, so it is let through to it.
    ShapeLike = Annotated[object, "ShapeLike"]
    ArrayT = TypeVar("ArrayT", bound=Array)

    # jaxtyping imports NumPy, which a rule module does not need before its annotations are read.
    if "jaxtyping" in sys.modules:
        jaxtyping = sys.modules["jaxtyping"]
    else:
        _spec = find_spec("jaxtyping")
        _spec.loader = LazyLoader(_spec.loader)
        sys.modules["jaxtyping"] = jaxtyping = module_from_spec(_spec)
        _spec.loader.exec_module(jaxtyping)

Number: TypeAlias = int | float
"""What `float` says to a type checker; when annotations are checked, an int is no float."""


__all__ = ["ArrayT", "Number", "ShapeLike", "jaxtyping"]
