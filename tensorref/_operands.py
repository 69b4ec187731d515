"""What the functions that compute take: arrays or tensors of one library, of a dtype that the operation has."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce
from typing import Any

from tensorref._arguments import quoted

_HALF = 2  # bytes of float16 and bfloat16
_CONVERT = "convert one with torch.as_tensor(array) or tensor.numpy(force=True)"


def is_tensor(value: object) -> bool:
    """Tell whether a value is a tensor, without importing PyTorch: where it is not loaded, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: object) -> bool:
    """Tell whether a value is an array or a number of NumPy's, without importing NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def check_operands(**operands: Any) -> None:
    """Raise an error unless the operands are dense arrays or tensors of one library."""
    for name, value in operands.items():
        if is_tensor(value):
            check_dense(name, value)
        else:
            check_array(name, value)
    first, *others = operands
    for name in others:
        check_one_library(first, operands[first], name, operands[name])


def check_array(name: str, value: object) -> None:
    """Raise an error unless a value is an array or a tensor."""
    if is_array(value):
        return
    if is_tensor(value):
        check_one_shape(name, value)
        return
    mend = "give one of them"
    if isinstance(value, (list, tuple, int, float)):
        mend = f"make it one with np.array({name}) or torch.tensor({name})"
    raise TypeError(f"{name} is of type {type(value).__name__}, not a NumPy array or a PyTorch tensor; {mend}")


def check_tensor(name: str, value: object) -> None:
    """Raise an error unless a value is a tensor."""
    if is_tensor(value):
        return
    mend = "give a tensor"
    if is_array(value):
        mend = f"make it one with torch.as_tensor({name})"
    elif isinstance(value, (list, tuple, int, float)):
        mend = f"make it one with torch.tensor({name})"
    raise TypeError(f"{name} is of type {type(value).__name__}, not a PyTorch tensor; {mend}")


def check_dense(name: str, tensor: Any) -> None:
    """Raise an error for a tensor that is no block of numbers at strides: nested, sparse, quantized."""
    check_one_shape(name, tensor)
    layout = str(tensor.layout)
    if layout != "torch.strided":
        raise TypeError(f"{name} has layout {layout}, not torch.strided; write {name}.to_dense()")
    if tensor.is_quantized:
        raise TypeError(f"{name} is quantized, of dtype {tensor.dtype}; write {name}.dequantize()")


def check_one_shape(name: str, tensor: Any) -> None:
    """Raise an error for a nested tensor, whose rows differ in length."""
    if tensor.is_nested:
        raise TypeError(f"{name} is a nested tensor; pad its rows to one length: {name}.to_padded_tensor(0.0)")


def check_one_library(first: str, a: object, second: str, b: object) -> None:
    """Raise an error if one of two is an array and the other a tensor."""
    if is_tensor(a) and is_array(b):
        raise TypeError(f"{first} is a tensor, {second} is an array; {_CONVERT}")
    if is_array(a) and is_tensor(b):
        raise TypeError(f"{first} is an array, {second} is a tensor; {_CONVERT}")


def library_of(value: object) -> Any:
    """Return the library, NumPy or PyTorch, of an array or a tensor."""
    return sys.modules["torch" if is_tensor(value) else "numpy"]


def element_strides(array: Any) -> tuple[int, ...] | None:
    """Return how many elements on the next one of each axis is stored, or None where that is not a whole number."""
    layout = getattr(array, "layout", None)
    if layout is not None:
        return tuple(array.stride()) if str(layout) == "torch.strided" and not array.is_nested else None
    size = int(array.dtype.itemsize)
    is_whole = size and all(stride % size == 0 for stride in array.strides)
    return tuple(stride // size for stride in array.strides) if is_whole else None


def cast(array: Any, dtype: Any) -> Any:
    """Return an array or a tensor in a dtype: itself where it has it."""
    return array.to(dtype) if is_tensor(array) else array.astype(dtype, copy=False)


def widened(array: Any) -> Any:
    """Return float16 and bfloat16 as float32, in which sums keep their digits, and all else as it is."""
    return cast(array, library_of(array).float32) if array.dtype.itemsize <= _HALF else array


def check_fractions(**operands: Any) -> None:
    """Raise an error unless the operands are of one library and of floating point of at least 16 bits."""
    check_operands(**operands)
    for name, value in operands.items():
        tensor = is_tensor(value)
        whole = not (value.is_floating_point() or value.is_complex()) if tensor else value.dtype.kind in "biu"
        complex_ = value.is_complex() if tensor else value.dtype.kind == "c"
        says = f"{name} has dtype {value.dtype}; this takes floating point:"
        if whole:
            convert = f"{name}.float()" if tensor else f"{name}.astype(np.float32)"
            raise TypeError(f"{says} convert it, as with {convert}, or the result would be rounded to whole numbers")
        if complex_:
            raise TypeError(f"{says} take its real part, {name}.real, or its size, abs({name})")
        if tensor and value.dtype.itemsize == 1:
            raise TypeError(f"{says} float8 is for storing, so compute with {name}.float()")
        if not tensor and value.dtype.kind != "f":
            raise TypeError(f"{says} give an array of numbers")


def check_whole(**operands: Any) -> None:
    """Raise an error unless arrays or tensors hold integers."""
    for name, value in operands.items():
        if is_tensor(value):
            whole = not (value.is_floating_point() or value.is_complex()) and str(value.dtype) != "torch.bool"
        else:
            whole = value.dtype.kind in "iu"
        if not whole:
            convert = "long()" if is_tensor(value) else "astype(np.int64)"
            raise TypeError(f"{name} has dtype {value.dtype}; ids and lengths are integers: write {name}.{convert}")


def check_mask(mask: Any) -> None:
    """Raise an error unless the argument ``mask`` is boolean."""
    if str(mask.dtype).rpartition(".")[2] != "bool":
        raise TypeError(
            f"mask has dtype {mask.dtype}; it is True where a query may look: write mask != 0 for ones and zeros, or add "
            "what is to be added to the scores"
        )


def check_one_dtype(**operands: Any) -> None:
    """Raise an error if tensors differ in dtype: PyTorch does not promote in a product."""
    first, *others = operands
    for name in others:
        a, b = operands[first], operands[name]
        if is_tensor(a) and a.dtype != b.dtype:
            raise TypeError(
                f"{first} has dtype {a.dtype}, {name} has dtype {b.dtype}; PyTorch does not promote in a product: convert "
                f"one, such as {to_one_dtype(**{first: a, name: b})}"
            )


def result_dtype(**operands: Any) -> Any:
    """Return the dtype of a product, or raise an error for what it does not take."""
    check_fractions(**operands)
    check_one_dtype(**operands)
    dtypes = [value.dtype for value in operands.values()]
    return dtypes[0] if is_tensor(next(iter(operands.values()))) else sys.modules["numpy"].result_type(*dtypes)


def to_one_dtype(**operands: Any) -> str:
    """Return the code that gives arrays or tensors of one library one dtype, without losing fractions or sign."""
    dtypes = [value.dtype for value in operands.values()]
    if is_tensor(next(iter(operands.values()))):
        common, convert = reduce(_promoted, dtypes), "to"
    else:
        common, convert = sys.modules["numpy"].result_type(*dtypes), "astype"
    has_it = next((name for name, value in operands.items() if value.dtype == common), None)
    written = f"{has_it}.dtype" if has_it else str(common) if convert == "to" else f"np.{common.name}"
    return " and ".join(f"{name}.{convert}({written})" for name, value in operands.items() if value.dtype != common)


def computed(operation: Callable[..., Any], **operands: Any) -> Any:
    """Return what an operation gives; where it lacks a dtype on the device, raise an error that names one it has."""
    try:
        return operation(*operands.values())
    except OverflowError as error:
        name, number = next((name, value) for name, value in operands.items() if isinstance(value, int))
        raise OverflowError(
            f"{name} is {quoted(number)}, which the other's dtype does not hold; write a smaller one"
        ) from error
    except RuntimeError as error:
        if not isinstance(error, NotImplementedError) and "Promotion for" not in str(error):
            raise
        first, tensor = next((name, value) for name, value in operands.items() if is_tensor(value))
        dtypes = ", ".join(f"{name} has dtype {value.dtype}" for name, value in operands.items() if is_tensor(value))
        mend = next((code for code in ("long", "float", "cfloat") if _works(operation, operands, code)), None)
        write = f"write {', '.join(_with(mend, operands))}" if mend else f"convert {first}"
        raise TypeError(f"{dtypes}, which PyTorch does not compute with here on {tensor.device}; {write}") from error


def _with(convert: str, operands: dict[str, Any]) -> list[str]:
    return [f"{name}.{convert}()" for name, value in operands.items() if is_tensor(value)]


def _works(operation: Callable[..., Any], operands: dict[str, Any], convert: str) -> bool:
    """Tell whether an operation has a dtype that holds what the operands hold, by trying it on one element."""
    tensors = [value for value in operands.values() if is_tensor(value)]
    if convert == "long" and any(value.is_floating_point() or value.is_complex() for value in tensors):
        return False
    if convert == "float" and any(value.is_complex() for value in tensors):
        return False
    small = [
        getattr(value.new_ones((1,) * value.ndim), convert)() if is_tensor(value) else 1 for value in operands.values()
    ]
    try:
        operation(*small)
    except RuntimeError:
        return False
    return True


def _promoted(a: Any, b: Any) -> Any:
    """Return a dtype that holds what two hold, also where PyTorch promotes neither: unsigned and float8."""
    torch = sys.modules["torch"]
    try:
        return torch.promote_types(a, b)
    except RuntimeError:
        exact = [dtype.is_floating_point or dtype.is_complex for dtype in (a, b)]
        if not any(exact):
            return torch.int64
        wide = (
            dtype if kept and dtype.itemsize > 1 else torch.float32 for dtype, kept in zip((a, b), exact, strict=True)
        )
        return torch.promote_types(*wide)


def check_ids(name: str, ids: Any, count: int, of: str, *, negative: str) -> Any:
    """Return token ids as int64, or raise an error unless each is one of `count`; `negative` says what to do with "{}"."""
    check_operands(**{name: ids})
    whole = not (ids.is_floating_point() or ids.is_complex()) if is_tensor(ids) else ids.dtype.kind in "biu"
    if not whole or str(ids.dtype).endswith("bool"):
        convert = f"{name}.long()" if is_tensor(ids) else f"{name}.astype(np.int64)"
        raise TypeError(f"{name} has dtype {ids.dtype}; ids are integers: write {convert}")
    if getattr(ids, "is_meta", False):
        raise TypeError(f"{name} is on meta and has no values; give ids that have, such as some on the CPU")
    wrong = (ids < 0) | (ids >= count)
    if wrong.any():
        place = library_of(ids).argwhere(wrong)[0].tolist()
        first = int(ids[tuple(place)])
        there = f"the ids are 0 to {count - 1}" if count else "so that there is no id"
        fix = negative.format(first) if first < 0 else "use the tokenizer that the model was made for"
        raise ValueError(f"{name}{place or ''} is {first}; {of}, {there}: {fix}")
    return cast(ids, library_of(ids).int64)
