"""Arrays without their elements: what is told of an array, and what stands for it where a library computes again.

A stand-in has the shape, strides and dtype of an array, but no elements of it. PyTorch's are on the device meta, or zeros on
the CPU; NumPy's are views of one element, or zeros.
"""

from __future__ import annotations

import inspect
import operator
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from math import prod
from typing import Any, NamedTuple

from tensorref.layout._views import row_major_strides

PLAIN = (int, float, complex, bool, str, type(None), type(...))
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.BuiltinMethodType)
# Methods and functions of one name whose result depends on shapes and dtypes alone, by what becomes of the shape.
_PURE = {
    "view": """
        T mT H mH t transpose permute swapaxes swapdims movedim view view_as expand expand_as squeeze unsqueeze unflatten
        narrow select unbind chunk split unfold diagonal real detach getitem setitem expand_dims broadcast_to attrgetter
    """,
    "reshape": "reshape reshape_as flatten ravel contiguous",
    "same": """
        clone copy float double half bfloat16 int long short bool type_as astype relu gelu silu sigmoid softmax log_softmax
        tanh exp log sqrt rsqrt abs neg square cos sin tril triu cumsum clamp zeros_like ones_like empty_like full_like
    """,
    "other": """
        roll flip repeat tile repeat_interleave cat concat concatenate stack hstack vstack sum mean std var norm amax amin
        max min argmax argmin logsumexp matmul mm bmm dot outer pow add sub mul div addmm where masked_fill gather
        index_select pad one_hot embedding linear layer_norm normalize einsum
    """,
}
KINDS = {name: kind for kind, names in _PURE.items() for name in names.split()}
CHEAP = 2**14  # elements of which anything is computed at once
_MOST_ARRAYS = 128  # of one call
_LARGEST = 2**63
_NO_SIZES: Mapping[int, int] = types.MappingProxyType({})


class Unknown(Exception):  # noqa: N818  no error: it says why something is not known
    """Why a value cannot be known without running code."""


class Facts(NamedTuple):
    """What is told of an array."""

    shape: tuple[int, ...]
    dtype: str
    device: str
    strides: tuple[int, ...] | None
    """In elements; None where it has none, as a sparse tensor."""


class Standin(NamedTuple):
    """An array without its elements, which is on another device than the one that it stands for."""

    array: Any
    device: str
    strides: Any = ...
    """Those of the array that it stands for: ``...`` for its own, None where they are not known."""


def is_view(name: str) -> bool:
    """Tell whether a method or a function of this name gives a view."""
    return KINDS.get(name) == "view"


def torch() -> Any:
    """Return PyTorch if it is loaded."""
    return sys.modules.get("torch")


def numpy() -> Any:
    """Return NumPy if it is loaded."""
    return sys.modules.get("numpy")


def is_exactly(value: object, kinds: Iterable[type]) -> bool:
    """Tell whether a value is of one of some types; ``in`` would ask the class of its class, which can be the user's code."""
    return any(type(value) is kind for kind in kinds)


def name_of(kind: type) -> str:
    """Return the name of a class, as `is_exactly`."""
    return str(type.__getattribute__(kind, "__name__"))


def is_tensor(value: object) -> bool:
    """Tell whether a value is a tensor; `isinstance` would ask its ``__class__``, which can be the user's code."""
    return (library := torch()) is not None and issubclass(type(value), library.Tensor)


def is_array(value: object) -> bool:
    """Tell whether a value is an array of NumPy's, as `is_tensor`."""
    return (library := numpy()) is not None and issubclass(type(value), (library.ndarray, library.generic))


def is_module(value: object) -> bool:
    """Tell whether a value is a module of `torch.nn`."""
    nn = sys.modules.get("torch.nn")
    return nn is not None and issubclass(type(value), nn.Module)


def own_dict(module: Any) -> dict[str, Any]:
    """Return the attributes that a module of `torch.nn` has of its own, past what its class may have made of them."""
    found: dict[str, Any] = vars(sys.modules["torch.nn"].Module)["__dict__"].__get__(module)
    return found


def has_shape(value: object) -> bool:
    """Tell whether a value is an array, a tensor or a stand-in of one."""
    return type(value) is Standin or is_tensor(value) or is_array(value)


def is_of(value: object, library: str) -> bool:
    """Tell whether a class or a function was defined in a library."""
    ask: Any = getattr if is_exactly(value, FUNCTIONS) else type.__getattribute__
    module = ask(value, "__module__")
    return type(module) is str and module.partition(".")[0] == library


def facts(value: Any) -> Facts:
    """Return what is told of an array, or raise `Unknown`."""
    if type(value) is Standin:
        known = facts(value.array)._replace(device=value.device)
        return known if value.strides is ... else known._replace(strides=value.strides)
    return _tensor_facts(value) if is_tensor(value) else _array_facts(value)


def _tensor_facts(tensor: Any) -> Facts:
    kind = type(tensor)
    for special in ("__torch_function__", "__torch_dispatch__"):
        owner = next(base for base in kind.__mro__ if special in vars(base))
        if not is_of(owner, "torch"):
            raise Unknown(f"{name_of(kind)} has a {special} of its own, which is not run")
    owner = kind if is_of(kind, "torch") else torch().Tensor

    def get(name: str) -> Any:
        return inspect.getattr_static(owner, name).__get__(tensor)

    try:
        if get("is_nested"):
            raise Unknown("it is a nested tensor, which has no one shape")
        sizes = tuple(get("shape"))
        strided = str(get("layout")) == "torch.strided"
        strides = tuple(get("stride")()) if strided else None
        dtype, device = str(get("dtype")).removeprefix("torch."), str(get("device"))
    except Unknown:
        raise
    except Exception as error:  # noqa: BLE001  a lazy parameter has no shape yet
        raise Unknown(f"{name_of(kind)} has no shape: {type(error).__name__}") from None
    if not all(type(number) is int for number in (*sizes, *(strides or ()))):
        raise Unknown("its sizes are symbols")
    return Facts(sizes, dtype, device, strides)


def _array_facts(array: Any) -> Facts:
    if issubclass(type(array), numpy().generic):
        return Facts((), str(numpy().dtype(type(array))), "cpu", ())
    get = numpy().ndarray
    shape, dtype, strides = (getattr(get, name).__get__(array) for name in ("shape", "dtype", "strides"))
    each = dtype.itemsize
    whole = each and all(stride % each == 0 for stride in strides)
    return Facts(shape, str(dtype)[:60], "cpu", tuple(stride // each for stride in strides) if whole else None)


def standin(value: Any) -> Standin:
    """Return what stands for an array: a tensor on the device meta, or a view that nothing can be written to."""
    if type(value) is Standin:
        return value
    known = facts(value)
    if is_tensor(value):
        if known.strides is None:
            raise Unknown("a tensor without strides has no stand-in")
        dtype = getattr(torch(), known.dtype)
        meta = torch().empty_strided(known.shape, known.strides, dtype=dtype, device="meta")
        if inspect.getattr_static(torch().Tensor, "requires_grad").__get__(value):
            meta.requires_grad_()
        return Standin(meta, known.device)
    array = numpy().ndarray
    view = array.view(value, array) if issubclass(type(value), array) else numpy().zeros((), type(value))
    view.flags.writeable = False
    return Standin(view, "cpu")


def made_again(known: Facts) -> Any:
    """Return a tensor without elements of which this is told."""
    return torch().empty_strided(known.shape, known.strides or (), dtype=getattr(torch(), known.dtype), device="meta")


def mapped(value: Any, change: Callable[[Any], Any], sizes: Mapping[int, int] = _NO_SIZES) -> Any:
    """Return an argument with every array in it changed, and some numbers; lists, tuples, dicts and slices stay such."""
    if has_shape(value):
        return change(value)
    if is_exactly(value, (list, tuple)):
        return type(value)(mapped(item, change, sizes) for item in value)
    if type(value) is dict:
        return {key: mapped(item, change, sizes) for key, item in value.items()}
    if type(value) is slice:
        return slice(*(mapped(part, change, sizes) for part in (value.start, value.stop, value.step)))
    if type(value) is int:
        return sizes.get(value, value)
    if is_exactly(value, PLAIN) or _is_word(value):
        return value
    raise Unknown(f"it takes a {name_of(type(value))}")


def _is_word(value: object) -> bool:
    """Tell whether a value is a dtype, a device or the like."""
    kind = type(value)
    names = ("dtype", "device", "Size", "memory_format", "layout")
    if (library := torch()) is not None and is_exactly(value, [getattr(library, name) for name in names]):
        return True
    if (library := numpy()) is None:
        return any(value is number for number in (int, float, bool, complex))
    scalar = kind is type and issubclass(value, (int, float, complex, library.generic))  # type: ignore[arg-type]
    return scalar or issubclass(kind, library.dtype)


def arrays_in(value: Any) -> Iterator[Any]:
    """Yield the arrays in an argument, or raise `Unknown` where there is too much to read."""
    arrays = 0
    for read, leaf in enumerate(_leaves(value)):
        if has_shape(leaf):
            arrays += 1
            yield leaf
        if arrays > _MOST_ARRAYS or read > CHEAP:
            raise Unknown("it takes too many to read them all")


def _leaves(value: Any) -> Iterator[Any]:
    """Yield what stands in an argument, each item of a list by itself."""
    if not has_shape(value):
        if is_exactly(value, (list, tuple)):
            for item in value:
                yield from _leaves(item)
            return
        if type(value) is dict:
            yield from _leaves([*value.values()])
            return
        if type(value) is slice:
            yield from _leaves([value.start, value.stop, value.step])
            return
    yield value


def zeros(value: Any) -> Any:
    """Return zeros for an array, with its shape, strides and dtype, on the CPU."""
    stand = standin(value).array
    known = facts(stand)
    if not is_tensor(stand):
        return numpy().zeros(known.shape, stand.dtype)
    pairs = [*zip(known.shape, known.strides or (), strict=True)]
    extent = 1 + sum((size - 1) * stride for size, stride in pairs if size)
    if extent > CHEAP**2:
        raise Unknown("it spans too much memory to be made again")
    made = torch().zeros(extent, dtype=stand.dtype, device="cpu").as_strided(known.shape, known.strides)
    return made.requires_grad_() if stand.requires_grad else made


def small_sizes(arrays: Sequence[Any]) -> dict[int, int]:
    """Return 2, 3 and so on for the sizes of some arrays, in their order."""
    sizes = {size for array in arrays for size in facts(array).shape if size > 1}
    return {size: at for at, size in enumerate(sorted(sizes), start=2)}


def shrunk(function: Callable[..., Any], args: Any, kwargs: Any, arrays: Sequence[Any]) -> Any:
    """Call a function of a library with zeros of small sizes for every array."""
    sizes = small_sizes([*arrays_in(arrays)])

    def change(array: Any) -> Any:
        stand, shape = standin(array).array, tuple(sizes.get(size, size) for size in facts(array).shape)
        return (
            torch().zeros(shape, dtype=stand.dtype, device="cpu")
            if is_tensor(stand)
            else numpy().zeros(shape, stand.dtype)
        )

    return called(function, args, kwargs, change, sizes)


def repeated(array: Any) -> Any:
    """Return one zero, repeated to the shape of an array of any size."""
    stand, shape = standin(array).array, facts(array).shape
    if is_tensor(stand):
        return torch().zeros((), dtype=stand.dtype, device="cpu").expand(shape)
    return numpy().broadcast_to(numpy().zeros((), stand.dtype), shape)


def are_small(arrays: Sequence[Any], *others: Any) -> bool:
    """Tell whether anything can be computed with arrays as large as these, and with numbers as large as the others."""
    elements = sum(prod(facts(array).shape) for array in arrays)
    return elements <= CHEAP and elements * times(others) <= CHEAP**2


def times(value: Any) -> float:
    """Return the product of the numbers in an argument, which can be sizes of the result."""
    if is_exactly(value, (list, tuple)):
        return prod(map(times, value), start=1.0)
    if type(value) is dict:
        return times([*value.values()])
    return max(1.0, float(value)) if is_exactly(value, (int, float)) and value < _LARGEST else 1.0


def called(
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    change: Callable[[Any], Any],
    sizes: Mapping[int, int] = _NO_SIZES,
) -> Any:
    """Call a function of a library with every array changed, and some numbers."""
    given = mapped([*args], change, sizes), mapped({**kwargs}, change, sizes)
    library = torch()
    with warnings.catch_warnings(), library.random.fork_rng([]) if library else nullcontext():
        warnings.simplefilter("ignore")
        return function(*given[0], **given[1])


def computed(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return what a function of a library makes of arguments, computed on stand-ins."""
    arrays = [*arrays_in([*args, *kwargs.values()])]
    stands = [standin(array) for array in arrays]
    device = next((stand.device for stand in stands if is_tensor(stand.array)), "cpu")
    kind = KINDS.get(getattr(function, "__name__", "attrgetter"), "other")
    try:
        found = _on_standins(kind, function, args, kwargs, [stand.array for stand in stands])
    except Unknown:
        raise
    except Exception as error:  # noqa: BLE001  what the library refuses here it refused there
        raise Unknown(f"it raises {type(error).__name__}") from None
    like = are_small(arrays, args, kwargs) and all(
        is_tensor(stand.array) or _is_contiguous(stand.array) for stand in stands
    )
    own = (kind in ("view", "reshape") or like) and all(stand.strides is ... for stand in stands)
    strides = ... if own else None
    return mapped(_plain(found), lambda array: array if type(array) is Standin else Standin(array, device, strides))


def _on_standins(  # noqa: PLR0911  one way for each kind
    kind: str, function: Callable[..., Any], args: Any, kwargs: Any, stands: Sequence[Any]
) -> Any:
    """Return the result; PyTorch takes seconds to load what computes on the device meta, but for views."""
    first = stands[0]
    if kind == "view":
        return called(function, args, kwargs, without_elements)
    if kind == "reshape" and not is_tensor(first):
        return _reshaped(first, function.__name__, args[1:])
    if kind == "reshape":
        rows = first if _is_contiguous(first) else row_major(first)
        found = called(function, [Standin(rows, ""), *args[1:]], kwargs, without_elements)
        with suppress(RuntimeError):  # where it is a copy
            found = first.view(found.shape) if function.__name__ != "contiguous" else found
        return found
    if are_small(stands, args, kwargs):
        return called(function, args, kwargs, zeros)
    if kind == "same":
        return row_major(first, shrunk(function, args, kwargs, args).dtype)
    if any(function is plain for plain in vars(operator).values()):
        from tensorref import broadcasting, matmul

        rule = matmul.result_shape if function is operator.matmul else broadcasting.result_shape
        shapes = [facts(value).shape if has_shape(value) else () for value in args]
        return row_major(first, shrunk(function, args, kwargs, args).dtype, rule(*shapes))
    if not is_tensor(first):
        raise Unknown("it is too large to be computed again")
    return called(function, args, kwargs, without_elements)


def without_elements(array: Any) -> Any:
    """Return the array of a stand-in."""
    return standin(array).array


def _is_contiguous(array: Any) -> bool:
    """Tell whether an array is contiguous."""
    return bool(array.is_contiguous() if is_tensor(array) else array.flags.c_contiguous)


def _reshaped(array: Any, name: str, sizes: Sequence[Any]) -> Standin:
    """Return what stands for an array of NumPy's in another shape; it may be a copy, so nothing is called."""
    target = sizes[0] if len(sizes) == 1 else sizes
    if name != "reshape":
        target = (array.size,)
    from tensorref import layout

    shape = layout.explain(array.shape, row_major_strides(array.shape), target).target
    return row_major_array(shape, array.dtype)


def row_major(array: Any, dtype: Any = None, shape: tuple[int, ...] | None = None) -> Any:
    """Return a stand-in in row-major order."""
    shape, dtype = tuple(array.shape) if shape is None else shape, dtype or array.dtype
    return torch().empty(shape, dtype=dtype, device="meta") if is_tensor(array) else row_major_array(shape, dtype)


def row_major_array(shape: Sequence[int], dtype: Any) -> Standin:
    """Return what stands for an array of NumPy's of any size: one zero, repeated."""
    zero = numpy().broadcast_to(numpy().zeros((), dtype), tuple(shape))
    return Standin(zero, "cpu", row_major_strides(tuple(shape)))


def _plain(found: Any) -> Any:
    """Return the results of a library as tuples and lists."""
    if type(found) is Standin:
        return found
    if issubclass(type(found), tuple):
        return tuple(_plain(item) for item in found)
    return [_plain(item) for item in found] if type(found) is list else found
