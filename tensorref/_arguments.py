"""Arguments as they are given: quoted in an error whatever they are, and made what a function works with."""

from __future__ import annotations

import operator
import reprlib
import string
import sys
from collections.abc import Sequence
from typing import Any, Final

MAX_DIGITS: Final = 64
"""The most digits of a number: 64 sizes of as many still multiply to one that Python prints."""

LARGEST_ITEMSIZE: Final = 2**31 - 1
"""The most bytes of an element in NumPy."""

_LIBRARIES = ("numpy", "torch")
_MOST_LETTERS = 60  # of a name, and of what is quoted


class _Quoting(reprlib.Repr):
    """The ``repr`` of anything, short and without an error."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxtuple = self.maxlist = self.maxset = self.maxfrozenset = self.maxdict = self.maxdeque = 8
        self.maxstring = self.maxother = _MOST_LETTERS

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002  reprlib's signature
        # Python refuses to write some thousands of digits, and takes long for fewer.
        return str(x) if is_short(x) else f"an int of {x.bit_length()} bits"


_quoting = _Quoting()


def quoted(value: object) -> str:
    """Return the ``repr`` of anything on one line, cut short where it is long."""
    text = " ".join(_quoting.repr(value).split())
    return text if len(text) <= 3 * _MOST_LETTERS else f"{text[: 3 * _MOST_LETTERS]}..."


def is_short(number: int) -> bool:
    """Tell whether a number has at most `MAX_DIGITS` digits."""
    return bool(abs(number) < 10**MAX_DIGITS)


def attribute(value: object, name: str) -> Any:
    """Return an attribute, or None where there is none or asking for it raises: a nested tensor has no shape."""
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001  whatever an object raises, it has no such attribute
        return None


def length(value: Sequence[Any]) -> int:
    """Return how many items a sequence has; a range may have more than ``len`` can say."""
    if isinstance(value, range):
        return (value[-1] - value[0]) // value.step + 1 if value else 0
    return len(value)


def as_int(value: Any, argument: str, wanted: str, fix: str | None = None) -> int:
    """Return `value` as an int, or raise an error that names `argument` and says what is `wanted`, as in "a size is"."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except Exception:  # noqa: BLE001  whatever its ``__index__`` raises, it is not an int
        usual = "divide with // to keep it whole" if isinstance(value, float) else "write it as a number, such as 4"
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {type(value).__name__}; {wanted} an int: {fix or usual}"
        ) from None
    if not is_short(number):
        raise ValueError(
            f"{argument} is {quoted(number)}; {wanted} at most {MAX_DIGITS} digits long: write a smaller one"
        )
    return number


def as_number(value: Any, argument: str) -> float:
    """Return `value`, one real number, as a float, or raise an error that names `argument`."""
    if attribute(value, "requires_grad"):
        raise TypeError(
            f"{argument} requires grad, which one number cannot pass on; write {argument}.item() for its value"
        )
    try:
        if isinstance(value, (str, bytes, bool)) or attribute(value, "shape"):
            raise TypeError
        return float(value)
    except OverflowError:
        raise ValueError(f"{argument} is {quoted(value)}, more than a float holds; write a smaller one") from None
    except Exception:  # noqa: BLE001  whatever its ``__float__`` raises, it is no number
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {type(value).__name__}; it is one number: write one, such as 0.5"
        ) from None


def as_flag(value: Any, argument: str) -> bool:
    """Return `value`, True or False, or raise an error that names `argument`."""
    is_numpy = str(attribute(value, "dtype")) == "bool" and attribute(value, "shape") == ()  # one of NumPy's is as good
    if not isinstance(value, bool) and not is_numpy:
        raise TypeError(f"{argument} is {quoted(value)}, of type {type(value).__name__}; write True or False")
    return bool(value)


def as_function(value: Any, argument: str) -> Any:
    """Return `value`, which can be called, or raise an error that names `argument`."""
    if not callable(value):
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {type(value).__name__}; it is a function: write lambda x: x.sum()"
        )
    return value


def as_axis(value: Any, argument: str, shape: Sequence[int], of: str) -> int:
    """Return `value`, an axis of `shape`, or raise an error that names `argument`."""
    axis = as_int(value, argument, "an axis is")
    count = len(shape)
    if not -count <= axis < count:
        there = f"those of {of} are {-count} to {count - 1}" if count else f"{of} has none"
        raise IndexError(f"{argument} is {axis}; {there}: its shape is {tuple(shape)}")
    return axis


def as_device(value: Any, argument: str = "device") -> Any:
    """Return a device of PyTorch, and None as it is, or raise an error that names `argument`."""
    torch = sys.modules["torch"]
    try:
        return None if value is None else torch.device(value)
    except Exception:  # noqa: BLE001  PyTorch raises RuntimeError, ValueError and TypeError
        raise ValueError(
            f"{argument} is {quoted(value)}, which PyTorch does not know; give 'cpu', 'meta' or an accelerator such as 'cuda:0'"
        ) from None


def as_place(value: Any, argument: str = "device") -> Any:
    """Return a device on which PyTorch makes tensors here, and None as it is, or raise an error that names `argument`."""
    device = as_device(value, argument)
    try:
        sys.modules["torch"].empty(0, device=device)
    except Exception:  # noqa: BLE001  PyTorch raises AssertionError, RuntimeError and NotImplementedError
        raise ValueError(
            f"{argument} is {quoted(value)}, on which PyTorch makes no tensor here; devices.status() says why"
        ) from None
    return device


def as_torch_dtype(value: Any, argument: str = "dtype") -> Any:
    """Return the dtype that PyTorch takes a value for, float and None too, or raise an error that names `argument`."""
    torch = sys.modules["torch"]
    try:
        return value if isinstance(value, torch.dtype) else torch.empty(0, dtype=value, device="meta").dtype
    except Exception:  # noqa: BLE001  PyTorch raises what it likes
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {type(value).__name__}; it is a dtype of PyTorch: write torch.float32"
        ) from None


def as_itemsize(value: Any) -> int:
    """Return the argument ``itemsize``, bytes per element."""
    number = as_int(value, "itemsize", "bytes per element are")
    if not 1 <= number <= LARGEST_ITEMSIZE:
        raise ValueError(
            f"itemsize is {number}; bytes per element are 1 to {LARGEST_ITEMSIZE}: write 4 for float32, 2 for bfloat16"
        )
    return number


def as_choice(value: Any, argument: str, choices: Sequence[str]) -> Any:
    """Return `value`, one of `choices`, or raise an error that names `argument`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{argument} is {quoted(value)}; write {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
        )
    return value


def as_library(value: Any) -> Any:
    """Return the argument ``library``."""
    return as_choice(value, "library", _LIBRARIES)


def as_name(value: Any, argument: str = "name") -> str:
    """Return what to call something in an explanation."""
    if not isinstance(value, str):
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {type(value).__name__}; a name is a string: write it as 'x'"
        )
    if len(value) > _MOST_LETTERS:
        raise ValueError(f"{argument} has {len(value)} letters, the most is {_MOST_LETTERS}; write a shorter one")
    return value


def as_names(value: Any, count: int, of: str = "shapes", argument: str = "names") -> tuple[str, ...]:
    """Return the argument ``names``, one for each of `count` shapes, or of what else they name."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise TypeError(
            f"{argument} is {quoted(value)}, of type {type(value).__name__}; names are a sequence of strings: write "
            "('x', 'y')"
        )
    if len(value) != count:
        each = "axis" if of == "axes" else of[:-1]
        raise ValueError(f"{argument} has {len(value)} entries for {count} {of}; give one name for each {each}")
    return tuple(as_name(name, f"{argument}[{position}]") for position, name in enumerate(value))


def as_operand_names(value: Any, count: int) -> tuple[str, ...]:
    """Return the argument ``names`` of a function of any number of operands: ``a``, ``b``, ``c`` where it is None."""
    if value is not None:
        return as_names(value, count)
    letters = string.ascii_lowercase
    return tuple(letters[operand] if operand < len(letters) else f"operand{operand}" for operand in range(count))
