"""Values of code that failed, known without running it: names, attributes, items, and the shapes of what is computed.

No code but Python's, NumPy's and PyTorch's runs here. What would need other code, such as a property or a call, is refused
with the reason.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from math import prod
from typing import Any

from tensorref.errors._standins import (
    CHEAP,
    FUNCTIONS,
    KINDS,
    PLAIN,
    Standin,
    Unknown,
    arrays_in,
    computed,
    facts,
    has_shape,
    is_array,
    is_exactly,
    is_module,
    is_of,
    is_tensor,
    mapped,
    name_of,
    numpy,
    own_dict,
    row_major,
    row_major_array,
    standin,
    times,
    torch,
)

ARITHMETIC: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MADE = {"zeros", "ones", "empty", "full", "rand", "randn", "randint", "arange", "eye", "linspace", "tensor", "array"}
_LARGEST = 2**63
_MISSING = object()


class Scope:
    """The names that code sees, and the values of expressions in them."""

    def __init__(self, names: dict[str, Any], beyond: dict[str, Any], code: types.CodeType) -> None:
        self.names = names
        self.beyond = beyond
        self.code = code
        self.known: dict[ast.AST, Any] = {}
        """Expressions whose values were seen."""

    def value(self, node: ast.AST) -> Any:  # noqa: C901, PLR0911, PLR0912  one case for each form
        """Return the value of an expression, or raise `Unknown`."""
        if node in self.known:
            return self.known[node]
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self.named(node.id)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Subscript():
                return item(self.value(node.value), self.value(node.slice))
            case ast.Tuple():
                return tuple(self.listed(node.elts))
            case ast.List():
                return self.listed(node.elts)
            case ast.Slice():
                return slice(*(part and self.value(part) for part in (node.lower, node.upper, node.step)))
            case ast.NamedExpr():
                return self.value(node.target)
            case ast.UnaryOp() if type(node.op) in ARITHMETIC:
                return arithmetic(ARITHMETIC[type(node.op)], self.value(node.operand))
            case ast.BinOp():
                return arithmetic(ARITHMETIC[type(node.op)], self.value(node.left), self.value(node.right))
            case ast.Compare(ops=[only], comparators=[other]) if type(only) in ARITHMETIC:
                return arithmetic(ARITHMETIC[type(only)], self.value(node.left), self.value(other))
            case ast.Compare(ops=[ast.Is() | ast.IsNot() as only], comparators=[other]):
                return (self.value(node.left) is self.value(other)) == isinstance(only, ast.Is)
            case ast.IfExp():
                return self.value(node.body if self.truth(node.test) else node.orelse)
            case ast.BoolOp():
                found: Any = None
                for part in node.values:
                    found = self.value(part)
                    if self.truth(part) != isinstance(node.op, ast.And):
                        break
                return found
            case ast.UnaryOp(op=ast.Not()):
                return not self.truth(node.operand)
            case ast.Call():
                return self.called(node)
            case _:
                raise Unknown("it would have to be computed again")

    def attribute(self, node: ast.Attribute) -> Any:
        """Return an attribute; one whose name begins with two underscores belongs to the class of the code."""
        owners = [f"_{owner.lstrip('_')}{node.attr}" for owner in self.code.co_qualname.split(".")]
        return attribute(
            self.value(node.value), next((name for name in owners if name in self.code.co_names), node.attr)
        )

    def truth(self, node: ast.AST) -> bool:
        """Return whether a plain value is true."""
        value = self.value(node)
        if not is_exactly(value, PLAIN):
            raise Unknown("whether it is true would have to be asked again")
        return bool(value)

    def named(self, name: str) -> Any:
        """Return what a name stands for."""
        for names in (self.names, self.beyond, builtins.__dict__):
            found = dict.get(names, name, _MISSING)
            if found is not _MISSING:
                return found
        raise Unknown("there is no such name any more")

    def listed(self, nodes: Sequence[ast.expr]) -> list[Any]:
        """Return the values of items or arguments, those behind a star too."""
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                several = self.value(node.value)
                if not is_exactly(several, (list, tuple)):
                    raise Unknown(f"*{ast.unparse(node.value)} would have to be unpacked again")
                found += several
            else:
                found.append(self.value(node))
        return found

    def arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        """Return the values of the arguments of a call."""
        if any(keyword.arg is None for keyword in node.keywords):
            raise Unknown("** would have to be unpacked again")
        return self.listed(node.args), {keyword.arg or "": self.value(keyword.value) for keyword in node.keywords}

    def called(self, node: ast.Call) -> Any:
        """Return what a call gave, where it depends on shapes alone."""
        if isinstance(node.func, ast.Attribute):
            base = self.value(node.func.value)
            if has_shape(base):
                return _method(base, node.func.attr, *self.arguments(node))
            function = self.attribute(node.func)
        else:
            function = self.value(node.func)
        if any(function is plain for plain in (len, int, float)) and len(node.args) == 1:
            (value,), _ = self.arguments(node)
            if has_shape(value) and function is len and facts(value).shape:
                return facts(value).shape[0]
            if is_exactly(value, ((list, tuple, dict, str) if function is len else (int, float, str))):
                return function(value)
        elif type(function) is types.FunctionType and function.__module__ == "torch.nn._reduction":
            return function(*self.arguments(node)[0])  # of a word, which the functions of losses ask
        elif _name_in(function, KINDS, torch(), sys.modules.get("torch.nn.functional"), numpy()) is not None:
            args, kwargs = self.arguments(node)
            if [*arrays_in([args, kwargs])]:
                return computed(function, args, kwargs)
        elif (name := _name_in(function, _MADE, torch(), numpy(), numpy() and numpy().random)) is not None:
            return _made(name, function, *self.arguments(node))
        raise Unknown("it would have to be called again")


def is_of_torch(function: object) -> bool:
    """Tell whether a function was written in C for PyTorch, or is one of `torch.nn.functional`."""
    if type(function) is types.FunctionType:
        return function.__module__ == "torch.nn.functional"
    return type(function) is types.BuiltinFunctionType and is_of(function, "torch")


def is_of_numpy(function: object) -> bool:
    """Tell whether a function is one of NumPy's namespace."""
    own = is_of(function if is_exactly(function, FUNCTIONS) else type(function), "numpy")
    return own and any(function is found for found in vars(numpy()).values())


def _name_in(function: object, names: Collection[str], *spaces: Any) -> str | None:
    """Return which of some names stands for a function in the namespaces of the libraries."""
    owner = function if is_exactly(function, FUNCTIONS) else type(function)
    if not (is_of(owner, "numpy") or is_of(owner, "torch")):
        return None  # such as one of the user's that was put there
    found = (name for space in spaces if space is not None for name in names if vars(space).get(name) is function)
    return next(found, None)


def _made(name: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Standin:
    """Return what stands for an array that was made of numbers alone; its elements are not made again."""
    if [*arrays_in([args, kwargs])]:
        raise Unknown("it would have to be made again")
    mapped([args, kwargs], standin)  # which refuses what is no number or word
    try:
        if is_of_torch(function):
            device = kwargs.get("device")
            return Standin(function(*args, **{**kwargs, "device": "meta"}), "" if device is None else str(device))
        if name in ("rand", "randn"):
            return row_major_array(args, float)
        if name in ("zeros", "ones", "empty", "full") and args:
            shape = args[0] if is_exactly(args[0], (tuple, list)) else args[:1]
            dtype = function(0, *args[1:], **kwargs).dtype
            return row_major_array(shape, dtype)
        if times([args, kwargs]) <= CHEAP:
            return standin(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  what the library refuses here it refused there
        raise Unknown(f"it raises {type(error).__name__}") from None
    raise Unknown("it would have to be made again")


def arithmetic(function: Callable[..., Any], *values: Any) -> Any:
    """Return what an operator gives for numbers and arrays."""
    if any(map(has_shape, values)):
        return computed(function, values, {})
    if all(is_exactly(value, (list, tuple)) for value in values) and function is operator.add:
        return function(*values)
    if not all(is_exactly(value, (int, float, bool)) and abs(value) < _LARGEST for value in values):
        raise Unknown("it would have to be computed again")
    if function in (operator.pow, operator.lshift) and abs(values[1]) > 63:  # noqa: PLR2004  bits
        raise Unknown("it would have to be computed again")
    try:
        return function(*values)
    except Exception as error:  # noqa: BLE001  such as a division by zero
        raise Unknown(f"it raises {type(error).__name__}") from None


def attribute(base: Any, name: str) -> Any:  # noqa: C901, PLR0911, PLR0912  one case for each kind
    """Return an attribute, or raise `Unknown` where user code would run."""
    if has_shape(base):
        return _array_attribute(base, name)
    kind = type(base)
    if type(inspect.getattr_static(kind, "__getattribute__")) is not types.WrapperDescriptorType:
        raise Unknown(f"{name_of(kind)} has a __getattribute__ of its own, which is not run")
    found = inspect.getattr_static(base, name, _MISSING)
    if found is _MISSING and is_module(base):
        for table in ("_parameters", "_buffers", "_modules"):
            held: Any = own_dict(base).get(table)
            if is_exactly(held, (dict, OrderedDict)) and name in held:
                return held[name]
    if is_of(kind, "torch") and not is_module(base) and (found is _MISSING or is_of(type(found), "torch")):
        return getattr(base, name)  # PyTorch's own settings
    if found is _MISSING:
        raise Unknown(f"{name_of(kind)} has no {name} that can be read without running code")
    if issubclass(kind, types.ModuleType):
        return found
    if type(found) is types.MemberDescriptorType:
        try:
            return found.__get__(base)
        except Exception:  # noqa: BLE001  a slot that is empty
            raise Unknown(f"{name_of(kind)} has no {name} any more") from None
    if type(found) is property:
        raise Unknown(f"{name} is a property, which is not run")
    if type(found) is staticmethod:
        return found.__func__
    fields = inspect.getattr_static(kind, "_fields", ()) if issubclass(kind, tuple) else ()
    if type(fields) is tuple and name in fields:
        return tuple.__getitem__(base, fields.index(name))
    if not is_exactly(found, FUNCTIONS) and inspect.getattr_static(type(found), "__get__", None) is not None:
        raise Unknown(f"{name} is a {name_of(type(found))}, which is not run")
    return found


def _array_attribute(base: Any, name: str) -> Any:  # noqa: PLR0911  one case for each name
    stand = base.array if type(base) is Standin else base
    if name in ("shape", "ndim", "dtype", "device", "itemsize"):
        known = facts(base)
        if name == "shape":
            return known.shape
        if name == "ndim":
            return len(known.shape)
        if name == "device":
            return torch().device(known.device) if is_tensor(stand) else known.device
        dtype = standin(base).array.dtype
        return dtype if name == "dtype" else dtype.itemsize
    if name == "size" and is_array(stand):
        return prod(facts(base).shape)
    if name == "data" and is_tensor(stand):
        return computed(torch().Tensor.detach, [base], {})
    if name in ("T", "mT", "H", "mH", "real", "imag"):
        return computed(operator.attrgetter(name), [base], {})
    if name == "grad" and type(base) is not Standin and facts(base):
        get = inspect.getattr_static(torch().Tensor, "is_leaf").__get__
        if is_tensor(base) and get(base):
            return inspect.getattr_static(torch().Tensor, "grad").__get__(base)
    raise Unknown(f"{name} is not read")


def _method(base: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a method of an array gives, where it depends on shapes alone."""
    stand = base.array if type(base) is Standin else base
    tensor = is_tensor(stand)
    if tensor and name in ("size", "dim", "numel", "stride", "element_size", "ndimension", "nelement", "is_contiguous"):
        return getattr(torch().Tensor, name)(standin(base).array, *args, **kwargs)
    if tensor and name in ("to", "cpu"):
        return _moved(base, ["cpu"] if name == "cpu" else args, kwargs)
    if name not in KINDS:
        raise Unknown(f"{name} would have to be called again")
    method = inspect.getattr_static(torch().Tensor if tensor else numpy().ndarray, name, None)
    if type(method) is types.MethodDescriptorType or (type(method) is types.FunctionType and is_of(method, "torch")):
        return computed(method, [base, *args], kwargs)
    raise Unknown(f"{name} would have to be called again")


def _moved(base: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return a tensor on another device or in another dtype."""
    device, rest = facts(base).device, []
    for value in [*args, *(kwargs.get(name) for name in ("device", "dtype"))]:
        if type(value) is str or type(value) is torch().device:
            device = str(torch().device(value))
        elif type(value) is torch().dtype:
            rest.append(value)
        elif value is not None and type(value) is not bool:
            raise Unknown("to is not followed for this argument")
    if not rest and device == facts(base).device:
        return base
    made = computed(torch().Tensor.to, [base, *rest], {}) if rest else standin(base)
    return Standin(made.array, device)


def item(base: Any, index: Any) -> Any:
    """Return what stands in square brackets behind a value, or raise `Unknown`."""
    if has_shape(base):
        return _indexed(base, index)
    kind = type(base)
    if is_module(base) and is_exactly(index, (int, str)):
        if not is_of(inspect.getattr_static(kind, "__getitem__", None), "torch"):
            raise Unknown(f"{name_of(kind)} has a __getitem__ of its own, which is not run")
        held = own_dict(base).get("_modules", ())
        return attribute(base, str(index + len(held) if type(index) is int and index < 0 else index))
    own = inspect.getattr_static(kind, "__getitem__", None)
    for plain in (list, tuple, dict):
        if own is inspect.getattr_static(plain, "__getitem__") and (is_exactly(index, (int, str)) or plain is not dict):
            found = _MISSING
            if plain is dict:
                found = dict.get(base, index, _MISSING)
            elif is_exactly(index, (int, slice)) and -len(base) <= (index if type(index) is int else 0) < len(base):
                found = plain.__getitem__(base, index)
            if found is _MISSING:
                raise Unknown("there is no such item any more")
            return found
    if torch() is not None and kind is torch().Size:
        return item(tuple(base), index)
    raise Unknown(f"{name_of(kind)} has a __getitem__ of its own, which is not run")


def _indexed(base: Any, index: Any) -> Any:
    stand = base.array if type(base) is Standin else base
    items = index if type(index) is tuple else (index,)
    basic = all(is_exactly(entry, (int, slice, type(None), type(...))) for entry in items)
    if basic:
        return computed(operator.getitem, [base, index], {})
    if any(type(array) is Standin or facts(array).device != "cpu" for array in arrays_in(index)):
        raise Unknown("how much it selects depends on values")
    from tensorref import indexing

    try:
        shape = indexing.result_shape(facts(base).shape, index, library="torch" if is_tensor(stand) else "numpy")
    except Exception as error:  # noqa: BLE001  what the library refuses here it refused there
        raise Unknown(f"the index raises {type(error).__name__}") from None
    made = row_major(standin(base).array, shape=shape)
    return made if type(made) is Standin else Standin(made, facts(base).device)
