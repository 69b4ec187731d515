"""What a name in example code stands for, where sphinx-codeautolink does not find out.

It follows imports, annotations and classes. Added here are types that PyTorch states in stubs alone, shapes of
jaxtyping, fields of dataclasses, and things of NumPy and PyTorch that are defined elsewhere than they are documented.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from sphinx_codeautolink.extension import resolve
from sphinx_codeautolink.extension.resolve import CouldNotResolve, resolve_location
from sphinx_codeautolink.parse import Name, NameBreak

LIBRARIES = ("numpy.", "torch.")


located: dict[tuple[str, ...], str | None] = {}
"""What was found before, or None; to find out anew, PyTorch would be imported."""


def locate(name: Name, inventory: dict[str, str]) -> str:
    """Return the full name of what a name in code stands for."""
    key = tuple(name.import_components)
    if key not in located:
        try:
            located[key] = _locate(name.import_components, inventory)
        except CouldNotResolve:
            located[key] = None
    if (found := located[key]) is None:
        raise CouldNotResolve(name)
    return found


def _locate(components: list[str], inventory: dict[str, str]) -> str:
    try:
        return resolve_location(Name(components, "", 0, 0), inventory)
    except CouldNotResolve:
        # What follows a value whose type only stubs, the fields of a dataclass or a name of NumPy tell.
        *before, last = components
        if not before or last == NameBreak.for_iter:
            raise
        owner = _locate(before, inventory)
        if last == NameBreak.call or not inspect.isclass(_object(owner)):
            owner = type_of(owner)
        if last == NameBreak.call:
            return owner
        if owner == EITHER and not hasattr(_object("numpy.ndarray"), last):
            owner = "torch.Tensor"
        if hasattr(_object(owner), last) or last in getattr(_object(owner), "__dataclass_fields__", ()):
            return f"{owner}.{last}"
        raise


def type_of(name: str) -> str:
    """Return the class of an attribute, or of what a function gives."""
    owner, _, last = name.rpartition(".")
    if name in GIVES:
        return GIVES[name]
    if owner.startswith("torch") and last in gives_tensor():
        return "torch.Tensor"
    annotation = get_type_hints(_object(owner)).get(last) if inspect.isclass(_object(owner)) else None
    if not inspect.isclass(annotation):
        raise CouldNotResolve(name)
    return f"{annotation.__module__}.{annotation.__qualname__}"


EITHER = "tensorref._typing.Array"
"""What a function gives that takes arrays and tensors."""

GIVES = dict.fromkeys(
    [
        f"numpy.{name}"
        for name in ("array", "arange", "broadcast_to", "ones", "zeros", "ndarray.copy", "ndarray.reshape")
    ]
    + ["numpy.random.Generator.standard_normal", "torch.Tensor.numpy"],
    "numpy.ndarray",
) | {
    "numpy.random.default_rng": "numpy.random.Generator",
    "torch.nn.modules.container.Sequential": "torch.Tensor",
    "torch.nn.modules.linear.Linear": "torch.Tensor",
    "torch.nn.modules.sparse.Embedding": "torch.Tensor",
}
"""What functions give that state it nowhere; of those that the examples call."""


@cache
def gives_tensor() -> set[str]:
    """Return the names of functions, methods and attributes that always give a tensor, by PyTorch's stubs."""
    import torch  # here, because a build with no names to resolve need not wait for it

    folder = Path(torch.__file__).parent / "_C"
    functions = ast.parse((folder / "_VariableFunctions.pyi").read_text("utf-8")).body
    classes = ast.parse((folder / "__init__.pyi").read_text("utf-8")).body
    methods = next(node.body for node in classes if isinstance(node, ast.ClassDef) and node.name == "TensorBase")
    given: dict[str, set[str]] = {}
    for node in [*functions, *methods]:
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            given.setdefault(node.name, set()).add(ast.unparse(node.returns))
        elif isinstance(node, ast.AnnAssign):
            given.setdefault(ast.unparse(node.target), set()).add(ast.unparse(node.annotation))
    return {name for name, kinds in given.items() if kinds <= {"Tensor", "Tensor | None", "Self"}}


class PublicNames:
    """The documented name of a thing of the libraries, whose own name is that of where it is defined.

    A field of ours that has no entry of its own is in that of its class.
    """

    def __init__(self, inventory: dict[str, str]) -> None:
        self.inventory = inventory

    def get(self, name: str, default: str) -> str:
        """Return the name under which there is an entry; sphinx-codeautolink asks as it would a dictionary."""
        owner = name.rpartition(".")[0]
        if name in self.inventory:
            return name
        if owner.startswith("tensorref.") and owner in self.inventory:
            return owner
        return self._defined.get(name, default) if name.startswith(LIBRARIES) else default

    @cached_property
    def _defined(self) -> dict[str, str]:
        names = {}
        for documented in self.inventory:
            if documented.startswith(LIBRARIES):
                found = _object(documented)
                module, qualified = (getattr(found, part, None) for part in ("__module__", "__qualname__"))
                names[f"{module}.{qualified}"] = documented
        return names


@cache
def _object(name: str) -> Any:
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
    return None


def return_type(function: Any) -> Any:
    """Return the class that a function gives, where its annotation, or a shape of jaxtyping, says it."""
    annotation = _annotated(function)
    return getattr(annotation, "array_type", annotation)


def populate_type_checking(module: ModuleType) -> None:
    """Import what a module imports for type checkers alone, but for what no link needs: all our concepts, and PyTorch's compiler."""
    if module.__name__ != "tensorref" and module.__name__.partition(".")[0] != "torch":
        _populate(module)


_annotated, _populate = resolve.get_return_annotation, resolve.populate_type_checking
