"""The private parts of other projects that something here stands on, each with its reason and a way on without it.

Nothing else reads them. Where a part is gone, what stands on it warns, and finds less than it did.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "torch.Tensor._base": "which tensor a view is of",
        "torch.autograd.graph.Node._raw_saved_*": "what an operation that was recorded before saved for backward",
        "torch.utils._python_dispatch.TorchDispatchMode": "which operations run",
        "torch.Tensor._version": "how often a tensor was written in place",
    }
)
"""What nothing public tells, by the part that does."""

_SAVED = "_raw_saved_"
_COMPILER = "torch._dynamo"

Look = Callable[[Any, Any, Any], Any]


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
    for _, value in _kept(node):
        yield value


def changed(node: Node) -> Iterator[Tensor]:
    """Yield the tensors that an operation saved and that were changed in place since, so that backward raises."""
    for attribute, value in _kept(node):
        try:
            getattr(node, attribute.replace("_raw", "", 1))
        except RuntimeError:
            yield value


def _kept(node: Node) -> Iterator[tuple[str, Tensor]]:
    """Yield what an operation saved, each with the attribute that has it."""
    for attribute in _slots(type(node)):
        slots = getattr(node, attribute)
        for slot in slots if isinstance(slots, tuple) else (slots,):
            value = None if slot.unpack_hook else slot.data
            if value is not None:
                yield attribute, value


def record(results: Sequence[Tensor]) -> Iterator[Node]:
    """Yield every operation that `results` came from."""
    waiting: list[Node | None] = [result.grad_fn for result in results]
    seen = set[Node]()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(following for following, _ in node.next_functions)
            yield node


def dispatch_mode(look: Look) -> AbstractContextManager[object]:
    """Return a context in which `look` is asked to run every operation, with its arguments."""
    try:
        mode = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode
    except (ImportError, AttributeError):
        _miss("torch.utils._python_dispatch.TorchDispatchMode")
        return nullcontext()
    # What looks must not be compiled itself. PyTorch sees to it for a method that stands in the class, and loads its
    # compiler to do so; where that is not loaded yet, the method is inherited, and sees to it once it is.
    own = {"__torch_dispatch__": _Looking.__torch_dispatch__} if _COMPILER in sys.modules else {}
    made: AbstractContextManager[object] = type("Mode", (_Looking, mode), own)()
    made.look = look  # type: ignore[attr-defined]
    return made


class _Looking:
    """What a mode does with an operation."""

    look: Look
    guarded = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self.guarded and _COMPILER in sys.modules:
            self.look, self.guarded = torch.compiler.disable(self.look), True  # type: ignore[no-untyped-call]
        return self.look(func, args, kwargs or {})


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
