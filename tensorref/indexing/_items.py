"""What stands between the brackets: as it is written, and what it stands for."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias

from tensorref._arguments import as_int, attribute, length, quoted
from tensorref._libraries import needed
from tensorref._shape import MAX_RANK, as_shape

Library: TypeAlias = Literal["numpy", "torch"]
Kind: TypeAlias = Literal["int", "slice", "newaxis", "ellipsis", "array", "mask"]

_INTEGERS = re.compile(r"[<>]?u?int(8|16|32|64)")
_MOST_IN_A_TUPLE = 31  # entries of a list that PyTorch may take for a tuple
_MOST_LISTED = 2**20  # numbers in lists
_SHOWN = 8  # characters; the diagram gives a longer list by its shape


@dataclass(frozen=True)
class Indices:
    """An array of integers, of which only the shape is known.

    >>> from tensorref import indexing
    >>> indexing.result_shape((50257, 64), indexing.Indices((8, 128)))
    (8, 128, 64)
    """

    shape: tuple[int, ...]
    bounds: tuple[int, int] = (0, 0)
    """The least and the greatest of them, where they are known."""
    dtype: str = "int64"
    """Matters to PyTorch, which takes a tensor of int32 or int64; one of uint8 is a `Mask` to it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _as_sizes(self.shape))
        given: Any = self.bounds
        if not isinstance(given, tuple) or len(given) != 2:  # noqa: PLR2004  a pair
            raise TypeError(f"bounds is {quoted(self.bounds)}; bounds are the least and the greatest: write (0, 1)")
        least, most = (as_int(bound, f"bounds[{at}]", "a bound is") for at, bound in enumerate(self.bounds))
        if least > most:
            raise ValueError(f"bounds is {(least, most)}; the least comes first: write {(most, least)}")
        object.__setattr__(self, "bounds", (least, most))
        dtype: Any = self.dtype
        if not isinstance(dtype, str) or not _INTEGERS.fullmatch(self.dtype):
            raise TypeError(f"dtype is {quoted(self.dtype)}; indices are of an integer dtype: write 'int64'")


@dataclass(frozen=True)
class Mask:
    """An array of truth values, of which only the shape and how many are True is known.

    >>> from tensorref import indexing
    >>> indexing.result_shape((8, 128, 64), indexing.Mask((8, 128), count=700))
    (700, 64)
    """

    shape: tuple[int, ...]
    count: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _as_sizes(self.shape))
        object.__setattr__(self, "count", as_int(self.count, "count", "a number of True is"))
        if not 0 <= self.count <= prod(self.shape):
            raise ValueError(f"count is {self.count}; a mask of shape {self.shape} has 0 to {prod(self.shape)} True")


@dataclass(frozen=True)
class ArrayMask(Mask):
    """A mask that is not a tensor, which PyTorch counts for one axis when it works out an ellipsis."""

    is_scalar: bool = False
    """Whether it is a truth value of NumPy."""


KINDS: dict[type, Kind] = {
    int: "int",
    slice: "slice",
    type(None): "newaxis",
    type(...): "ellipsis",
    Indices: "array",
    Mask: "mask",
    ArrayMask: "mask",
}


def item_of(given: Any, where: str, library: Library) -> tuple[Any, str]:
    """Return what stands for something between the brackets, of a type in `KINDS`, and how to write it."""
    if given is None or given is ...:
        return given, "None" if given is None else "..."
    if isinstance(given, slice):
        ends = [None if end is None else _whole(end, where) for end in (given.start, given.stop, given.step)]
        return slice(*ends), ":".join("" if end is None else quoted(end) for end in ends[: 2 + (ends[2] is not None)])
    item = _array(given, where, library)
    if not isinstance(item, (Indices, Mask)):
        item = _whole(item, where)
        return item, quoted(item)
    code = quoted(given) if isinstance(given, (list, bool)) else ""
    return item, code if 0 < len(code) <= _SHOWN else f"{KINDS[type(item)]} {item.shape}"


def _array(given: Any, where: str, library: Library) -> Any:
    """Return the stand-in for an array, a tensor, a list or a truth value, and anything else as it is."""
    if isinstance(given, bool):
        return Mask((), int(given))
    if isinstance(given, range):
        return Indices((length(given),), (min(given[0], given[-1]), max(given[0], given[-1])) if given else (0, 0))
    if isinstance(given, (Indices, Mask)):
        return given if isinstance(given, Mask) or given.shape or library == "numpy" else given.bounds[0]
    if (found := _of_lists(given)) is not None:
        return found
    is_list = _is_list(given)
    array = _from_list(given, where, library) if is_list else given
    if library == "numpy" and attribute(array, "dtype") is None and hasattr(type(array), "__array__"):
        array = array.__array__()
    if attribute(array, "dtype") is None or not isinstance(attribute(array, "shape"), tuple):
        return given
    return _of_array(array, where, library, is_list=is_list)


def _of_lists(given: Any) -> Any:
    """Return the stand-in for lists of ints or of truth values in rows of one length; None for what needs NumPy."""
    level, shape, listed = [given], list[int](), 0
    while level and {*map(type, level)} <= {list, tuple}:
        lengths = {*map(len, level)}
        shape.append(max(lengths))
        listed += sum(map(len, level))
        if len(lengths) > 1 or len(shape) > MAX_RANK or listed > _MOST_LISTED:
            return None
        level = [item for items in level for item in items]
    kinds = {*map(type, level)}
    if not shape or not kinds <= {bool, int} or len(kinds) > 1:
        return None
    if kinds == {bool}:
        return ArrayMask(tuple(shape), sum(level))
    bounds = (min(level, default=0), max(level, default=0))
    return Indices(tuple(shape), bounds) if bounds[0] >= -(2**63) and bounds[1] < 2**63 else None


def _of_array(array: Any, where: str, library: Library, *, is_list: bool) -> Any:
    """Return the stand-in for an array or a tensor, or the number that it is."""
    dtype, shape = array.dtype, tuple(array.shape)
    is_tensor, is_scalar = str(dtype).startswith("torch."), not hasattr(array, "__setitem__")
    if is_tensor and str(array.layout) != "torch.strided":
        raise TypeError(f"{where} must be a dense tensor, got layout {array.layout}; write {where}.to_dense()")
    name = attribute(dtype, "name") or str(dtype).rpartition(".")[2]
    if library == "torch" and not (is_tensor or is_scalar) and dtype.kind == "f":
        array, name = _cut(array, where), "int64"  # PyTorch takes 1.5 for 1
    if name == "bool" or (name == "uint8" and library == "torch" and not (is_scalar or is_list)):
        return _mask(array, where, is_tensor=is_tensor, is_scalar=is_scalar)
    if not _INTEGERS.fullmatch(name):
        raise TypeError(f"{where} must hold integers or truth values, got {name}; convert it to int64 or bool")
    # An array without axes is an array to NumPy but not to PyTorch. A scalar is none: nothing can be assigned to it.
    is_native = is_tensor or dtype.isnative
    if shape == () and (is_scalar or (library == "torch" and is_native)):
        return _whole(array, where)
    # PyTorch makes int64 of what is not a tensor.
    return Indices(
        shape, _bounds(array, shape), name if is_tensor else "int64" if is_native else f"{dtype.str[0]}{name}"
    )


def indices_of(array: Any) -> Indices:
    """Return the stand-in for an array or a tensor of integers."""
    name = attribute(array.dtype, "name") or str(array.dtype).rpartition(".")[2]
    if not _INTEGERS.fullmatch(name):
        raise TypeError(f"index must hold integers, got {name}; convert it to int64")
    return Indices(tuple(array.shape), _bounds(array, tuple(array.shape)), name)


def values_of(given: Any, most: int) -> tuple[int, ...] | None:
    """Return the numbers of an index in row-major order; None if they are more than `most`, or cannot be read."""
    try:
        if attribute(given, "dtype") is not None:
            if prod(given.shape) > most:
                return None
            given = given.tolist()
        if not _is_list(given):
            return (int(given),)
        values: list[int] = []
        for item in given if length(given) <= most else ():
            values += values_of(item, most - len(values)) or ()
    except Exception:  # noqa: BLE001  a tensor on meta, or a stand-in
        return None
    return tuple(values)


def is_tuple_to_pytorch(index: Any) -> bool:
    """Tell whether PyTorch takes a list for a tuple: a short one that holds lists, tensors, slices, None or ``...``."""
    if not isinstance(index, list) or len(index) > _MOST_IN_A_TUPLE:
        return False
    return any(
        item is None or item is ... or isinstance(item, (slice, Sequence)) or hasattr(item, "__setitem__")
        for item in index
    )


def _from_list(given: Any, where: str, library: Library) -> Any:
    """Return the array that lists stand for, unless they are too many to be followed."""
    with needed("an index that is a list", "numpy"):
        import numpy as np

    lists, listed, leaves = [(given, 1)], 0, list[Any]()
    while lists:
        items, depth = lists.pop()
        listed += length(items)
        if listed > _MOST_LISTED or depth > MAX_RANK:
            raise TypeError(
                f"{where} is {quoted(given)}, lists of more than {_MOST_LISTED:,} numbers or {MAX_RANK} axes; make an "
                "array of them first"
            )
        lists += [(item, depth + 1) for item in items if _is_list(item)]
        leaves += [item for item in items if not _is_list(item)]
    if library == "torch":
        sizes = _first_sizes(given)
        if 0 in sizes and all(isinstance(leaf, (int, float, complex)) or hasattr(leaf, "dtype") for leaf in leaves):
            return np.empty(sizes, int)  # PyTorch looks no further
        if any(map(_is_array, leaves)):
            given = _without_tensors(given, where, len(sizes))
    try:
        array = np.array(given)
    except ValueError:
        raise TypeError(
            f"{where} is {quoted(given)}, whose rows differ in length; give all of them one length"
        ) from None
    except Exception:  # noqa: BLE001  whatever an entry raises, it makes no array
        raise TypeError(f"{where} is {quoted(given)}, which makes no array; give integers or truth values") from None
    if library == "torch" and array.dtype != bool and any(map(_is_truth, leaves)):
        raise TypeError(
            f"{where} is {quoted(given)}, and PyTorch takes no truth value of NumPy among numbers; write bool(...)"
        )
    return array if array.size else array.astype(int)


def _is_list(value: Any) -> bool:
    if isinstance(value, (list, tuple)):  # which are most of them, and numbers: an abstract class is slow to ask
        return True
    return not isinstance(value, (int, float, str, bytes)) and isinstance(value, Sequence)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "__setitem__")


def _is_truth(value: Any) -> bool:
    return str(attribute(value, "dtype")) == "bool"


def _is_tensor(value: Any) -> bool:
    return str(attribute(value, "dtype")).startswith("torch.")


def _first_sizes(given: Any) -> tuple[int, ...]:
    """Return the lengths of a list, of its first item, and so on, which are all that PyTorch asks for the shape."""
    sizes: list[int] = []
    while _is_list(given) or (_is_array(given) and not _is_tensor(given)):
        if attribute(given, "shape") == ():
            sizes.append(-1)
            break
        sizes.append(length(given) if _is_list(given) else len(given))
        if not sizes[-1]:
            break
        given = given[0]
    return tuple(sizes)


def _without_tensors(given: Any, where: str, axes: int) -> Any:
    """Return lists with the number in place of each tensor of one integer, and the list in place of others."""
    if axes and (_is_list(given) or _is_array(given)):
        items = given if _is_list(given) or attribute(given, "shape") else [None]
        return [_without_tensors(item, where, axes - 1) for item in items]
    if _is_tensor(given):
        if given.numel() != 1 or given.is_floating_point() or given.is_complex():
            raise TypeError(
                f"{where} has a tensor of dtype {given.dtype} and shape {tuple(given.shape)} in a list; PyTorch takes a "
                "list of numbers there: write one tensor, with torch.stack or torch.tensor"
            )
        return given.item()
    return given


def _cut(array: Any, where: str) -> Any:
    if array.size and not (abs(array) < 2**63).all():  # NaN neither
        raise TypeError(f"{where} is {quoted(array)}, which has no integers; give integers or truth values")
    return array.astype("int64")


def _mask(array: Any, where: str, *, is_tensor: bool, is_scalar: bool) -> Mask:
    try:
        count = int((array != 0).sum())
    except Exception:  # noqa: BLE001  a tensor on meta
        raise TypeError(
            f"{where} is a mask whose values cannot be read; say how many are True: indexing.Mask(shape, count)"
        ) from None
    return Mask(tuple(array.shape), count) if is_tensor else ArrayMask(tuple(array.shape), count, is_scalar)


def _bounds(array: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    try:
        # PyTorch has no least one of uint16, uint32 and uint64.
        whole = array.long() if hasattr(array, "long") else array
        return (0, 0) if 0 in shape else (int(whole.min()), int(whole.max()))
    except Exception:  # noqa: BLE001  a tensor on meta has a shape, and no values to be out of range
        return 0, 0


def _as_sizes(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"shape is {quoted(shape)}, of type {type(shape).__name__}; it is a tuple here: write (4,)")
    return as_shape(shape, "shape")


def _whole(value: Any, where: str) -> int:
    try:
        return operator.index(value)
    except Exception:  # noqa: BLE001  whatever its ``__index__`` raises, it is not an index
        fix = "divide with // to keep it whole" if isinstance(value, float) else "give an int, a slice or an array"
        raise TypeError(f"{where} must hold ints, slices or arrays, got {quoted(value)}; {fix}") from None
