"""A NumPy array and a PyTorch tensor can be two names for one piece of memory.

Conversion then costs nothing. But a write to one of them also changes the other.

>>> import numpy as np
>>> from tensorref import interop
>>> array = np.array([1.0, 2.0, 3.0])
>>> tensor = interop.to_torch(array)
>>> tensor[0] = 10
>>> array
array([10.,  2.,  3.])
"""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Shaped

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import numpy as np
    import torch
    from torch import Tensor

from tensorref import _dictionary, _picture
from tensorref._dictionary import Difference, Equivalent, Form, Outcome, Translation, UnknownNameError, translate
from tensorref._explanation import Fix, Illustrated, TensorrefError
from tensorref._operands import element_strides
from tensorref._shape import index_of

__all__ = [
    "DTYPES",
    "EQUIVALENTS",
    "ConversionError",
    "Difference",
    "Equivalent",
    "Explanation",
    "Form",
    "Outcome",
    "Translation",
    "UnknownNameError",
    "explain",
    "shares_memory",
    "to_numpy",
    "to_torch",
    "translate",
]

DTYPES: tuple[str, ...] = (
    "bool",
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
    *("complex64", "complex128"),
)
"""The dtypes that both libraries have, under the same names.

PyTorch alone has bfloat16, the float8 family, complex32, quantized and sub-byte dtypes. NumPy alone has longdouble,
clongdouble, text, objects, dates and records.
"""


class ConversionError(TensorrefError, ValueError):
    """Raised for a conversion that is refused, or that would copy where only sharing was asked for.

    >>> import torch
    >>> from tensorref import interop
    >>> weight = torch.ones(3, requires_grad=True, device="cpu")
    >>> try:
    ...     interop.to_numpy(weight)
    ... except interop.ConversionError as error:
    ...     print(error.explanation.fixes[0].code)
    tensor.detach()
    """

    explanation: Explanation
    """What is in the way, and what to write instead."""


def to_torch(array: Shaped[np.ndarray, "*shape"], *, copy: bool | None = None) -> Shaped[Tensor, "*shape"]:
    """Convert a NumPy array to a tensor on the CPU, sharing its memory where possible.

    >>> import numpy as np
    >>> from tensorref import interop
    >>> tokens = np.array([15496, 995], dtype=np.uint16)
    >>> interop.to_torch(tokens)
    tensor([15496,   995], dtype=torch.uint16)

    Parameters
    ----------
    array
        Of any shape, strides and byte order, and a dtype in `DTYPES`.
    copy
        None shares where it can and copies where it must; True copies always; False shares or raises. This is what
        ``copy`` means to ``np.asarray``.

    Returns
    -------
    :
        A tensor of the same shape and dtype, on the CPU whatever the default device is. A copy is row-major, in native
        byte order and free to write to.

    Raises
    ------
    ConversionError
        If PyTorch lacks the dtype, if `array` is masked, or if `copy` is False and memory cannot be shared.
    TypeError
        If `array` is no NumPy array.

    See Also
    --------
    torch.from_numpy : shares or raises; for a read-only array it warns once, and lets you write to it.
    torch.tensor : copies always, and lands on the default device.

    Examples
    --------
    A reversed array has a negative stride, which PyTorch does not support:

    >>> interop.to_torch(np.arange(4)[::-1])
    tensor([3, 2, 1, 0])
    >>> interop.to_torch(np.arange(4)[::-1], copy=False)
    Traceback (most recent call last):
    ...
    tensorref.interop.ConversionError: copy is False, and array of dtype int64 cannot share memory with PyTorch: a stride is negative, which PyTorch does not support. Write copy=None.
    """
    _require(
        array, np.ndarray, "array", "a NumPy array", "to_numpy converts a tensor, np.asarray makes an array of a list"
    )
    if _copies(explain(array), copy):
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    # The same dtype under another name, such as ulonglong, is not known to PyTorch.
    return torch.from_numpy(array.view(_native(array.dtype)))


def to_numpy(tensor: Shaped[Tensor, "*shape"], *, copy: bool | None = None) -> Shaped[np.ndarray, "*shape"]:
    """Convert a tensor to a NumPy array, sharing its memory where possible.

    >>> import torch
    >>> from tensorref import interop
    >>> logits = torch.tensor([[2.0, 1.0, 0.5]], device="cpu")
    >>> array = interop.to_numpy(logits)
    >>> array[0, 2] = 7
    >>> logits
    tensor([[2., 1., 7.]])

    Parameters
    ----------
    tensor
        On any device, of any shape and strides, and a dtype in `DTYPES`.
    copy
        As for `to_torch`. A tensor on an accelerator is always a copy, which waits for the accelerator.

    Returns
    -------
    :
        An array of the same shape and dtype, which can be written to.

    Raises
    ------
    ConversionError
        If `tensor` requires grad, is sparse, nested or on the meta device, if NumPy lacks the dtype, or if `copy` is
        False and memory cannot be shared.
    TypeError
        If `tensor` is not a tensor.

    See Also
    --------
    torch.Tensor.numpy : shares or raises; ``force=True`` detaches and copies whatever stands in the way.
    numpy.asarray : takes a tensor on the CPU too.

    Examples
    --------
    NumPy knows no gradients, so the tensor has to leave them behind first:

    >>> weight = torch.ones(2, requires_grad=True, device="cpu")
    >>> interop.to_numpy(weight)
    Traceback (most recent call last):
    ...
    tensorref.interop.ConversionError: tensor of dtype float32 does not convert to NumPy: it requires grad, which NumPy would lose. Write tensor.detach().
    >>> interop.to_numpy(weight.detach())
    array([1., 1.], dtype=float32)
    """
    _require(tensor, Tensor, "tensor", "a tensor", "to_torch converts an array, torch.tensor makes a tensor of a list")
    explanation = explain(tensor)
    copies = _copies(explanation, copy)
    array = tensor.numpy(force=True)
    return array.copy() if copies and explanation.outcome == "shared" else array


def explain(x: Shaped[np.ndarray | Tensor, "..."]) -> Explanation:
    """Explain what becomes of an array or a tensor in the other library: shared, copied or refused.

    >>> import numpy as np
    >>> from tensorref import interop
    >>> print(interop.explain(np.broadcast_to(np.zeros(2), (3, 2))))
                given         result
    library     NumPy        PyTorch
    dtype     float64  torch.float64
    device        cpu            cpu
    memory   48 bytes         copied
    * The values are copied: it is read-only, and every tensor can be written to.

    Parameters
    ----------
    x
        An array, which would go to PyTorch, or a tensor, which would go to NumPy. Only its attributes are read, but that the
        fix for objects is tried on them.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram. `to_torch` and `to_numpy` do what it says.

    Raises
    ------
    TypeError
        If `x` is neither.

    Examples
    --------
    >>> interop.explain(np.array(["to", "be"])).fixes[0].code
    'np.unique(array, return_inverse=True)[1]'
    >>> interop.explain(np.zeros(3)).outcome
    'shared'
    """
    _require(x, (np.ndarray, Tensor), "x", "an array or a tensor", _BY_LIST)
    if isinstance(x, np.ndarray):
        refusals, copies, native = _array_refusals(x), _array_copies(x), _native(x.dtype).name
    else:
        refusals, copies, native = _tensor_refusals(x), _tensor_copies(x), _name(x.dtype)
    from_numpy = isinstance(x, np.ndarray)
    return Explanation(
        source="NumPy" if from_numpy else "PyTorch",
        target="PyTorch" if from_numpy else "NumPy",
        dtype=_name(x.dtype),
        target_dtype=None if refusals else native,
        device=str(_device(x)),
        nbytes=x.nbytes if isinstance(x, np.ndarray) else x.numel() * x.element_size(),
        outcome="refused" if refusals else "copied" if copies else "shared",
        reasons=tuple(reason for reason, _ in refusals) or copies,
        fixes=_chained("array" if from_numpy else "tensor", [fix for _, fix in refusals]) if refusals else (),
        shape=None if getattr(x, "is_nested", False) else tuple(x.shape),
        strides=element_strides(x),
    )


@dataclass(frozen=True)
class Explanation(Illustrated):
    """What becomes of an array or a tensor in the other library: what `explain` returns.

    >>> import numpy as np
    >>> from tensorref import interop
    >>> explanation = interop.explain(np.zeros(3, dtype=">f4"))
    >>> explanation.outcome, explanation.reasons
    ('copied', ('its bytes are not in native order',))
    """

    source: Literal["NumPy", "PyTorch"]
    target: Literal["NumPy", "PyTorch"]
    dtype: str
    target_dtype: str | None
    """The dtype in the other library, None where it is refused."""
    device: str
    nbytes: int
    """What the elements take, with the zeros that a sparse tensor does not store."""
    outcome: Literal["shared", "copied", "refused"]
    reasons: tuple[str, ...]
    """Why memory is not shared; empty where it is."""
    fixes: tuple[Fix, ...]
    """The code that makes a refused conversion possible, with ``array`` or ``tensor`` for what was given. None is there where
    it is not refused, and for objects that nothing makes numbers of."""
    shape: tuple[int, ...] | None = None
    """None of a nested tensor."""
    strides: tuple[int, ...] | None = None
    """For each axis, how many elements on the next one is stored; None where it is not a whole number of elements."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: library, dtype, device, memory."""
        prefix = "torch." if self.target == "PyTorch" else ""
        refused = self.target_dtype is None
        return (
            ("", "given", "result"),
            ("library", self.source, self.target),
            ("dtype", self.dtype, "-" if refused else f"{prefix}{self.target_dtype}"),
            ("device", self.device, "-" if refused else "cpu"),
            ("memory", f"{self.nbytes:,} bytes", self.outcome),
        )

    def notes(self) -> tuple[str, ...]:
        """Return why, and the fix, a sentence each."""
        reasons = "; ".join(self.reasons)
        if self.outcome == "shared":
            return ("The memory is shared: what is written to one is read from the other.",)
        if self.outcome == "copied":
            return (f"The values are copied: {reasons}.",)
        return (f"{reasons[0].upper()}{reasons[1:]}.", _mend(self))

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        given, result = (" ".join(row[at] for row in self.table()[1:-1]) for at in (1, 2))
        shown = {
            "shared": f"{given} and {result} stand over one memory of {self.nbytes:,} bytes.",
            "copied": f"{given} and {result} have a memory each; the values of the first are copied to the second.",
            "refused": f"{given} has a memory; the second is crossed out.",
        }[self.outcome]
        return f"{self.source} to {self.target}: {self.outcome}", " ".join([shown, *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw the two over their memory: one strip where it is shared, two where the values are copied."""
        drawing, refused = _picture.Drawing(), self.outcome == "refused"
        _, _, dtypes, devices, _ = self.table()
        names = ("array", "tensor") if self.source == "NumPy" else ("tensor", "array")
        for at, name in enumerate(names):
            wrong = refused and at == 1
            words = "refused" if wrong else f"{dtypes[1 + at]} on {devices[1 + at]}"
            drawing.box((at * _APART - _WIDE // 2, 0), (_WIDE, 42), _picture.CONFLICT if wrong else _picture.RESULT)
            drawing.text((at * _APART, 12), f"✗ {name}" if wrong else name, bold=True)
            drawing.text((at * _APART, 30), words)
        memory, copied = self._memories()
        middle = _APART // 2
        if self.outcome == "shared":
            drawing.place(memory, middle, _BELOW)
            drawing.arrow((0, 46), (middle - 24, _BELOW - 20))
            drawing.arrow((_APART, 46), (middle + 24, _BELOW - 20))
        else:
            drawing.place(memory, 0, _BELOW)
            drawing.arrow((0, 46), (0, _BELOW - 18))
        if self.outcome == "copied":
            drawing.place(copied, _APART, _BELOW)
            drawing.arrow((_APART, 46), (_APART, _BELOW - 18))
            drawing.arrow((memory.right + 8, _BELOW), (_APART + copied.left - 8, _BELOW))
        for line, text in enumerate(_picture.wrapped(" ".join(self.notes()), _LINES)):
            drawing.text((middle, _BELOW + 34 + 18 * line), text)
        return drawing

    def _memories(self) -> tuple[_picture.Drawing, _picture.Drawing]:
        """Draw the memory of what is given, and that of a copy: each element has the number of its place in the first."""
        shape = self.shape or ()
        size = math.prod(shape)
        strides = self.strides
        if strides is None:  # as if the elements lay side by side
            strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        axes = [*zip(shape, strides, strict=True)]
        last = sum(abs(stride) * (count - 1) for count, stride in axes) if size else -1
        first = sum(stride * (count - 1) for count, stride in axes if stride < 0)
        read = {0, last}
        for count, stride in axes:
            steps = [abs(stride) * step for step in range(min(count, _CELLS))]
            read |= {place + step for place in read for step in steps if place + step < _CELLS}

        def element(place: int) -> tuple[str, _picture.Mark]:
            text = str(place)
            return text if len(text) <= _DIGITS else "", _picture.Mark(1, 4 + 40 * place // max(last, 1))

        def stored(at: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            text, mark = element(at[0])
            return text, mark if at[0] in read else _picture.EMPTY

        def copied(at: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            index = index_of(at[0], shape)
            return element(sum(i * stride for i, stride in zip(index, strides, strict=True)) - first)

        strips = ((last + 1, stored), (size, copied))
        given, result = (_picture.grid([_picture.Side(count, "", 0)], cell, _CELLS) for count, cell in strips)
        return given, result


_WIDE, _APART, _BELOW = 190, 220, 92  # of the boxes, their middles, and the middle of the memory below
_CELLS = 6  # of a memory
_DIGITS = 3  # that a cell has room for
_LINES = 6  # of words


def shares_memory(a: Shaped[np.ndarray | Tensor, "..."], b: Shaped[np.ndarray | Tensor, "..."]) -> bool:
    """Tell whether a write to one of two arrays or tensors, of either library, can be read from the other.

    >>> import numpy as np
    >>> import torch
    >>> from tensorref import interop
    >>> array = np.zeros(6)
    >>> interop.shares_memory(array, torch.from_numpy(array)), interop.shares_memory(array, torch.tensor(array))
    (True, False)

    Parameters
    ----------
    a, b
        Of any shape and dtype. Nothing is read but shape, strides, address and device, so a gradient or an
        accelerator does not matter.

    Returns
    -------
    :
        True if an element of one overlaps an element of the other. The answer is exact, as is that of
        ``np.shares_memory``, which can take long for strides made to be hard.

    Raises
    ------
    TypeError
        If one is neither an array nor a tensor, or is a sparse or nested tensor.

    See Also
    --------
    numpy.shares_memory : the same for arrays; PyTorch has no such function.

    Examples
    --------
    One storage need not mean one element:

    >>> x = torch.zeros(6)
    >>> interop.shares_memory(x[::2], x[1::2]), interop.shares_memory(x[::2], x[::3])
    (False, True)
    """
    for name, x in (("a", a), ("b", b)):
        _require(x, (np.ndarray, Tensor), name, "an array or a tensor", _BY_LIST)
        if isinstance(x, Tensor) and (x.layout != torch.strided or x.is_nested):
            raise TypeError(f"{name} is a tensor of several pieces of memory; compare those, such as {name}.values()")
    devices = {_device(a), _device(b)}
    if len(devices) > 1 or torch.device("meta") in devices:
        return False
    return bool(np.shares_memory(_addresses(a), _addresses(b)))


EQUIVALENTS: tuple[Equivalent, ...]
"""What both libraries can do, a row each, grouped by task; they are read on first use."""


def __getattr__(name: str) -> Any:
    if name == "EQUIVALENTS":
        return _dictionary.equivalents()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_LABELS = "np.unique(array, return_inverse=True)[1]"


def _mend(explanation: Explanation) -> str:
    return next((f"Write {fix.code}." for fix in explanation.fixes), "Make an array of numbers of it first.")


_BY_LIST = "np.asarray and torch.tensor make one of a list"


def _require(x: object, kind: Any, argument: str, wanted: str, fix: str) -> None:
    if not isinstance(x, kind):
        raise TypeError(f"{argument} is of type {type(x).__name__}, not {wanted}; {fix}")


def _copies(explanation: Explanation, copy: bool | None) -> bool:  # noqa: FBT001  it is the argument of its callers
    if explanation.outcome == "refused" or (explanation.outcome == "copied" and copy is False):
        subject = f"{'array' if explanation.source == 'NumPy' else 'tensor'} of dtype {explanation.dtype}"
        reasons = "; ".join(explanation.reasons)
        raise ConversionError(
            f"{subject} does not convert to {explanation.target}: {reasons}. {_mend(explanation)}"
            if explanation.outcome == "refused"
            else f"copy is False, and {subject} cannot share memory with {explanation.target}: {reasons}. Write copy=None.",
            explanation,
        )
    return explanation.outcome == "copied" or copy is True


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in native byte order and under its usual name: ulonglong is uint64 where both have 8 bytes."""
    return np.dtype(f"{dtype.kind}{dtype.itemsize}") if dtype.kind in "biufc" else dtype


def _name(dtype: np.dtype[Any] | torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _array_refusals(array: np.ndarray) -> list[tuple[str, str | None]]:
    """Return why PyTorch cannot have the values, each with the code that fixes it."""
    dtype, refusals = _native(array.dtype), list[tuple[str, str | None]]()
    if isinstance(array, np.ma.MaskedArray):
        refusals.append(("a tensor has no mask, and the masked values would come back", "array.filled(0)"))
    if dtype.name not in DTYPES:
        fixes = {
            "f": "array.astype(np.float64)",
            "c": "array.astype(np.complex128)",
            "M": "array.astype(np.int64)",
            "m": "array.astype(np.int64)",
        }
        fix: str | None = fixes.get(dtype.kind, _LABELS)
        if dtype.kind in "OV":
            fix = next((code for code in _ways(dtype) if _leads_on(code, array)), None)
        refusals.append((f"PyTorch has no {dtype.name}", fix))
    return refusals


def _ways(dtype: np.dtype[Any]) -> Iterator[str]:
    """Yield code that may make numbers of records or objects, the likeliest first."""
    if dtype.kind == "V":
        for path, field in _fields(dtype):
            if field.name in DTYPES:
                yield f"array{path}"
        yield from (f"{form}.view(np.uint8)" for form in ("array", "np.ascontiguousarray(array)", "array[None]"))
    else:
        yield from (
            "array.astype(np.float64)",
            "array.astype(np.complex128)",
            "np.stack(array)",
            "np.concatenate(array)",
        )
        yield _LABELS


def _fields(dtype: np.dtype[Any], path: str = "") -> Iterator[tuple[str, np.dtype[Any]]]:
    for name in dtype.names or ():
        field = dtype[name].base
        yield f"{path}[{name!r}]", _native(field)
        yield from _fields(field, f"{path}[{name!r}]")


def _leads_on(code: str, array: np.ndarray) -> bool:
    """Tell whether code makes of an array one that PyTorch can have: records and objects are what they hold."""
    given = array.filled(0) if isinstance(array, np.ma.MaskedArray) else array
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = eval(code, {"array": given, "np": np})  # noqa: S307  the code is ours
    except Exception:  # noqa: BLE001  an object raises what it likes
        return False
    return isinstance(result, np.ndarray) and _native(result.dtype).name in DTYPES


def _array_copies(array: np.ndarray) -> tuple[str, ...]:
    reasons = {
        "its bytes are not in native order": not array.dtype.isnative,
        "a stride is negative, which PyTorch does not support": any(stride < 0 for stride in array.strides),
        "a stride is no multiple of the element's size": bool(array.itemsize)
        and any(stride % array.itemsize for stride in array.strides),
        "it is read-only, and every tensor can be written to": not array.flags.writeable,
    }
    return tuple(reason for reason, applies in reasons.items() if applies)


def _tensor_refusals(tensor: Tensor) -> list[tuple[str, str | None]]:
    """Return why NumPy cannot have the values, each with the code that fixes it."""
    name, refusals = _name(tensor.dtype), list[tuple[str, str | None]]()
    if tensor.requires_grad:
        refusals.append(("it requires grad, which NumPy would lose", "tensor.detach()"))
    if tensor.is_meta:
        refusals.append(("a tensor on the meta device has no values", 'torch.empty_like(tensor, device="cpu")'))
    if tensor.is_nested:
        refusals.append(("a nested tensor has rows of several lengths", "tensor.to_padded_tensor(0.0)"))
    elif tensor.layout != torch.strided:
        refusals.append((f"its layout is {tensor.layout}, which NumPy does not support", "tensor.to_dense()"))
    if name not in DTYPES:
        fix = "tensor.view(torch.uint8)"
        if tensor.is_quantized:
            fix = "tensor.dequantize()"
        elif tensor.is_complex():
            fix = "tensor.to(torch.complex64)"
        elif name == "bfloat16" or name.startswith("float8"):
            fix = "tensor.float()"
        refusals.append((f"NumPy has no {name}", fix))
    return refusals


def _tensor_copies(tensor: Tensor) -> tuple[str, ...]:
    reasons = {
        f"it is on {tensor.device}, and NumPy is on the CPU": tensor.device.type != "cpu",
        "its conjugate is still to be taken": tensor.is_conj(),
        "its sign is still to be changed": tensor.is_neg(),
    }
    return tuple(reason for reason, applies in reasons.items() if applies)


def _chained(subject: str, fixes: list[str | None]) -> tuple[Fix, ...]:
    """Return one expression that does what all of `fixes` do: each takes the place of the name in the next."""
    known = [fix for fix in fixes if fix is not None]
    if len(known) < len(fixes):
        return ()
    word = re.compile(rf"\b{subject}\b")
    return (Fix(functools.reduce(word.sub, known)),)


def _device(x: np.ndarray | Tensor) -> torch.device:
    return x.device if isinstance(x, Tensor) else torch.device("cpu")


class _Addresses:
    """Tells NumPy where the elements of a tensor lie, without reading any: NumPy compares the addresses."""

    def __init__(self, tensor: Tensor) -> None:
        size = tensor.element_size()
        self.__array_interface__ = {
            "version": 3,
            "data": (tensor.data_ptr(), False),
            "shape": tuple(tensor.shape),
            "strides": tuple(stride * size for stride in tensor.stride()),
            "typestr": f"|V{size}",
        }


def _addresses(x: np.ndarray | Tensor) -> np.ndarray:
    if not isinstance(x, Tensor):
        return x
    # The address of nothing is 0, which NumPy 2.0 takes for none given.
    return np.asarray(_Addresses(x)) if x.numel() else np.empty(0)
