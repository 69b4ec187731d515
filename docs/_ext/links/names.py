"""What a name in example code stands for, by importing it, by annotations, and by the stubs of PyTorch.

sphinx-codeautolink takes names apart: ``x.view`` after ``x = torch.ones(2)`` is ``("torch", "ones", "()", "view")``. By itself
it follows 3,229 of the 4,063 names that these pages link. Of the others, 102 are documented elsewhere than they are
defined, and 732 follow a value: a tensor that a built-in function gives, a shape of jaxtyping, a field of a dataclass.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, get_args, get_type_hints

import private_parts

CALL = "()"
NOT_FOLLOWED = {":=", ">", "<>"}
"""How sphinx-codeautolink writes an assignment in an expression, ``import *`` and an iteration."""

EITHER = "tensorref._typing.Array"
"""What a function gives that takes arrays and tensors."""

GIVES = dict.fromkeys(
    [
        f"numpy.{name}"
        for name in ("array", "arange", "broadcast_to", "ones", "zeros", "ndarray.copy", "ndarray.reshape")
    ]
    + ["numpy.random.Generator.standard_normal", "torch.Tensor.numpy"],
    "numpy.ndarray",
) | {"numpy.random.default_rng": "numpy.random.Generator", "torch.nn.Sequential": "torch.Tensor"}
"""What functions, and modules of PyTorch that are called, give that state it nowhere; of those that the examples call."""


def entries(parts: Sequence[str]) -> list[str]:
    """Return the names under which there may be an entry of what a name in code stands for, the best first."""
    try:
        return [] if NOT_FOLLOWED & {*parts} else [*_follow(parts)]
    except LookupError:
        return []


def _follow(parts: Sequence[str]) -> Iterator[str]:
    name, is_value = parts[0], False  # of what has this name, or of the class of a value
    for part in parts[1:]:
        if part == CALL:
            if is_value or not inspect.isclass(imported(name)):
                name = given_by(name, is_value=is_value)
            is_value = True
        else:
            if not is_value and not isinstance(imported(name), type | ModuleType):
                name = type_of(name)
            if name == EITHER and not hasattr(imported("numpy.ndarray"), part):
                name = "torch.Tensor"
            name, is_value = f"{name}.{part}", False
    yield name
    owner, _, last = name.rpartition(".")
    found, cls = imported(name), imported(owner)
    if inspect.isclass(cls):
        yield from (f"{place}.{last}" for base in cls.__mro__ for place in _places(base))
    if inspect.isclass(found) or inspect.isfunction(found):
        yield from _places(found)
    elif inspect.isclass(cls) and last in getattr(cls, "__dataclass_fields__", ()):  # it has no entry of its own
        yield from (owner, *_places(cls))


def _places(found: Any) -> Iterator[str]:
    """Yield the names under which a class or function may be documented: where it is defined, and in packages around that."""
    packages = found.__module__.removeprefix("builtins").split(".")
    for count in range(len(packages), 0, -1):
        yield ".".join([*packages[:count], found.__qualname__]).removeprefix(".")


@cache
def given_by(name: str, *, is_value: bool = False) -> str:
    """Return the class of what a function gives, or a value of a class when it is called."""
    if name in GIVES:
        return GIVES[name]
    called = imported(name)
    if is_value:
        called = getattr(called, "forward", None) or getattr(called, "__call__", None)  # noqa: B004  of what the class defines
    elif name.startswith("torch.") and name.rpartition(".")[2] in private_parts.gives_tensor():
        return "torch.Tensor"
    return _class(_hints(called).get("return"))


@cache
def type_of(name: str) -> str:
    """Return the class of an attribute."""
    owner, _, last = name.rpartition(".")
    if owner.startswith("torch") and last in private_parts.gives_tensor():
        return "torch.Tensor"
    found, cls = imported(name), imported(owner)
    if isinstance(found, property):
        return _class(_hints(found.fget).get("return"))
    return _class(_hints(cls).get(last)) if inspect.isclass(cls) else _class(type(found))


def _class(annotation: Any) -> str:
    """Return the name of the one class that an annotation states."""
    annotation = getattr(annotation, "array_type", annotation)  # of a shape of jaxtyping
    classes = [part for part in get_args(annotation) or [annotation] if part is not type(None)]
    found = getattr(annotation, "__origin__", annotation) if len(classes) > 1 else classes[0]
    if not inspect.isclass(found) or found in {type(None), object}:
        raise LookupError(annotation)
    return next(_places(found))


@cache
def _hints(of: Any) -> dict[str, Any]:
    libraries = {name: imported(full) for name, full in {"np": "numpy", "torch": "torch"}.items()}
    try:
        return get_type_hints(of, localns=libraries)
    except (NameError, TypeError):
        return {}


@cache
def imported(name: str) -> Any:
    """Return what has a full name, or None."""
    module, attributes = name, list[str]()
    while module:
        try:
            found: Any = import_module(module)
        except ImportError:
            module, _, last = module.rpartition(".")
            attributes.insert(0, last)
        else:
            for attribute in attributes:
                found = getattr(found, attribute, None)
            return found
    return getattr(builtins, name, None)
