"""The private parts of other projects that something here stands on, each with its reason and a way on without it.

Nothing else reads them. Where a part is gone, what stands on it warns, and finds less than it did.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

import torch
from torch import Tensor
from torch.autograd.graph import Node

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "torch.Tensor._base": "which tensor a view is of",
        "torch.autograd.graph.Node._raw_saved_*": "what an operation that was recorded before saved for backward",
        "torch.Tensor._version": "how often a tensor was written in place",
    }
)
"""What nothing public tells, by the part that does."""

_SAVED = "_raw_saved_"


def base(tensor: Tensor) -> Tensor:
    """Return the tensor that `tensor` is a view of, or itself."""
    try:
        found: Tensor | None = tensor._base  # noqa: SLF001
    except AttributeError:
        _miss("torch.Tensor._base")
        return tensor
    return tensor if found is None else found


def saved(node: Node) -> Iterator[Tensor]:
    """Yield the tensors that an operation saved; hooks, which may compute, are left alone."""
    if not _slots(_known()):
        _miss("torch.autograd.graph.Node._raw_saved_*")
    for attribute in _slots(type(node)):
        slots = getattr(node, attribute)
        for slot in slots if isinstance(slots, tuple) else (slots,):
            value = None if slot.unpack_hook else slot.data
            if value is not None:
                yield value


def version(tensor: Tensor) -> int | None:
    """Return how often a tensor and its views were written in place, or None where that is not known."""
    try:
        return tensor._version  # noqa: SLF001
    except AttributeError:
        _miss("torch.Tensor._version")
    except RuntimeError:  # one that was made in inference mode has none
        pass
    return None


@lru_cache(maxsize=1024)
def _slots(kind: type[Node]) -> tuple[str, ...]:
    return tuple(name for name in dir(kind) if name.startswith(_SAVED))


@lru_cache(maxsize=1)
def _known() -> type[Node]:
    """Return an operation that saves its result."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        node = torch.ones(1, device="cpu", requires_grad=True).exp().grad_fn
    return type(node)  # type: ignore[return-value]  # it is recorded


def _miss(part: str) -> None:
    warnings.warn(f"this PyTorch has no {part}, so it is not known {PARTS[part]}", RuntimeWarning, stacklevel=4)
