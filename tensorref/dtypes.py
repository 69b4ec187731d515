r"""A dtype says how each number is stored: with how many bits, how large it can be, and how finely it is rounded.

Fewer bits take less memory, and on most accelerators less time, but numbers are less exact or overflow sooner. Where
two dtypes meet, the library chooses that of the result, and does not tell you.

>>> from tensorref import dtypes
>>> print(dtypes.bits(0.1, "bfloat16"))
bfloat16    sign  exponent   mantissa
bits           0  01111011    1001101
stands for     +     2**-4  1.6015625
* 0.1 is stored as 0.10009765625, the nearest bfloat16.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, SupportsFloat, TypeAlias

from tensorref import _picture
from tensorref._arguments import as_library, attribute, quoted
from tensorref._explanation import Diagram, Fix, Illustrated, TensorrefError
from tensorref.anatomy import DTypeLike, dtype_name, itemsize

if TYPE_CHECKING:
    import numpy as np
    import torch

    OperandLike: TypeAlias = DTypeLike | complex | np.ndarray[Any, Any] | np.generic | torch.Tensor
else:
    OperandLike = Annotated[object, "OperandLike"]

__all__ = [
    "Bits",
    "Explanation",
    "Guide",
    "Limits",
    "OperandLike",
    "OutOfRangeError",
    "Outcome",
    "PromotionError",
    "bits",
    "explain",
    "limits",
    "promote",
    "when_to_use",
]

# The bits of the exponent and of the mantissa.
_FLOATS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "float8_e4m3fn": (4, 3),
        "float8_e5m2": (5, 2),
        "float16": (5, 10),
        "bfloat16": (8, 7),
        "float32": (8, 23),
        "float64": (11, 52),
    }
)
_COMPONENTS: Mapping[str, str] = MappingProxyType(
    {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
)
_BOOL, _INTEGER, _FLOAT, _COMPLEX = range(4)

_SIGNED = ("int8", "int16", "int32", "int64")
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
# What each library computes with, smallest first, so that the first that holds two dtypes is what they become.
_DTYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "numpy": (
            "bool",
            *(name for pair in zip(_UNSIGNED, _SIGNED, strict=True) for name in pair),
            *("float16", "float32", "float64", "complex64", "complex128"),
        ),
        "torch": ("bool", "uint8", *_SIGNED, "float16", "bfloat16", "float32", "float64", *_COMPONENTS),
    }
)
_OUT_OF_RANGE, _OUT_OF_ALL = "out.of.range", "out.of.all"  # the keys of reasons
_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "same": "{library}: both are {result}.",
        "holds": "{library}: {result} is its smallest dtype that holds every value of both.",
        "none": (
            "{library}: no dtype holds every value of both, so it takes {result}, which rounds integers beyond 2**53."
        ),
        "outranked": "{library}: beside floating point an integer does not count, so {result} stays.",
        "yields": "{library}: {low} yields to {high}, so {result} stays.",
        "outranks": "{library}: {low} is of a higher category than {high}, so {result} stays.",
        "outranks.default": "{library}: a {low} outranks {high}, and becomes the default, {result}.",
        "complex": (
            "{library}: {low} is of a higher category than {high}, and {result} is the complex dtype that holds it."
        ),
        "lacks": "{library} has no {lacking}; convert it to {wider} first.",
        "refused.float8": "{library} promotes no float8; convert both to one dtype, such as bfloat16, first.",
        "refused.unsigned": (
            "{library} promotes uint16, uint32 and uint64 only with floating point; convert them to int64 first."
        ),
        "no.sum": "{library}: both become {result}, which has no + on the CPU; convert both to {wider} first.",
        _OUT_OF_RANGE: (
            "{library}: the int does not fit {result}, so it raises OverflowError; make it an array of a wider dtype."
        ),
        _OUT_OF_ALL: "{library}: the int is too far from 0 to be added, so it raises; write a float, such as 1e30.",
        "mixed": (
            "{library}: NumPy adds a tensor and an array, by its own rule, and {result} is the dtype of "
            "the tensor that it makes."
        ),
        "mixed.raises": (
            "{library}: an array of {array} and a tensor of {tensor} do not add so; write torch.as_tensor(array)."
        ),
    }
)
_USES: Mapping[str, str] = MappingProxyType(
    {
        "float32": (
            "the default of PyTorch, for learning, debugging and small models; a loss and long sums stay in it while "
            "a model runs in half the bytes."
        ),
        "bfloat16": (
            "to train and run large models: the range of float32 in half the bytes, but 2 digits. The weights that an "
            "optimizer updates stay in float32, where a small step is not rounded away."
        ),
        "float16": (
            "to run models on GPUs without bfloat16. It ends at 65504 and small gradients become zero, so training "
            "scales the loss (torch.amp.GradScaler)."
        ),
        "float64": (
            "the default of NumPy, for the reference that a test compares with. Slow on most GPUs; MPS has none."
        ),
        "int64": "for token ids, positions and targets, which floating point would round.",
        "bool": "for masks. An int64 mask indexes instead: x[mask] picks rows 0 and 1.",
    }
)
_STORED_ONLY = (*_UNSIGNED[1:], "float8_e4m3fn", "float8_e5m2")  # by PyTorch
# What a number of Python becomes without an array.
_NUMBERS = (bool, int, float, complex)
_DEFAULTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"numpy": ("bool", "int64", "float64", "complex128"), "torch": ("bool", "int64", "float32", "complex64")}
)
_TITLES: Mapping[str, str] = MappingProxyType({"numpy": "NumPy", "torch": "PyTorch"})
_MULTIPLIED = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


class PromotionError(TensorrefError, TypeError):
    """Raised for dtypes that a library does not promote, or does not have.

    >>> from tensorref import dtypes
    >>> try:
    ...     dtypes.promote("bfloat16", "float32", "numpy")
    ... except dtypes.PromotionError as error:
    ...     print(error)
    NumPy has no bfloat16; convert it to float32 first.
    """

    explanation: Explanation
    """What both libraries make of the two."""


class OutOfRangeError(PromotionError, OverflowError):
    """Raised for a number of Python that the dtype beside it does not hold.

    >>> from tensorref import dtypes
    >>> try:
    ...     dtypes.promote("uint8", 256, "numpy")
    ... except OverflowError as error:
    ...     print(error)
    NumPy: the int does not fit uint8, so it raises OverflowError; make it an array of a wider dtype.
    """


def promote(a: OperandLike, b: OperandLike, library: Literal["numpy", "torch"]) -> str:
    """Return the dtype that ``a + b`` has in a library.

    >>> import numpy as np
    >>> import torch
    >>> from tensorref import dtypes
    >>> dtypes.promote("float16", "bfloat16", "torch"), dtypes.promote("int32", "float32", "numpy")
    ('float32', 'float64')
    >>> torch.promote_types(torch.float16, torch.bfloat16), np.promote_types(np.int32, np.float32)
    (torch.float32, dtype('float64'))

    One rule serves both: the result is the library's smallest dtype that holds every value of `a` and of `b`.

    - NumPy takes float64 or complex128 where none does, which rounds integers beyond 2⁵³.
    - PyTorch leaves bools and integers out beside floating point or complex, so that these keep their size. It promotes
      no float8, and uint16, uint32 and uint64 only with floating point.

    A number of Python yields to an array: it matters only if its category (bool, integer, floating point, complex) is
    higher, and is then the default of the library, which for floats is float64 in NumPy and float32 in PyTorch. Beside
    floating point of n bits, a complex number makes that complex. In PyTorch a zero-dimensional tensor yields as a
    number does, and keeps its own dtype where it matters; in NumPy it counts as any array:

    >>> vector, zero_dim = np.ones(3, np.float32), np.array(2.0)
    >>> (vector * 2.0).dtype, (vector * zero_dim).dtype
    (dtype('float32'), dtype('float64'))
    >>> (torch.tensor(vector, device="cpu") * torch.tensor(zero_dim, device="cpu")).dtype
    torch.float32

    A NumPy scalar, such as ``np.float64(2)`` or an element of an array, is an array to NumPy and a Python number to
    PyTorch: its dtype does not count. PyTorch takes even ``np.bool_`` and ``np.complex64`` for floats (2.13):

    >>> dtypes.promote(np.float64(2), "float32", "numpy"), dtypes.promote(np.float64(2), "int64", "torch")
    ('float64', 'float32')
    >>> (torch.tensor([1, 2]) * np.float64(2)).dtype
    torch.float32

    Parameters
    ----------
    a, b
        Each a dtype (as for `dtype_name <tensorref.anatomy.dtype_name>`), which stands for an array with axes; a number
        of Python; or an array, tensor or NumPy scalar, of which dtype and ``ndim`` count. The order matters only to
        PyTorch, for an array beside a tensor: the array first raises.
    library
        ``"numpy"`` (2 and later) or ``"torch"`` (with ``torch.get_default_dtype()`` at float32).

    Returns
    -------
    :
        The name of the dtype. Division is another matter: ``/`` on integers gives floats in both libraries.

    Raises
    ------
    PromotionError
        If the library does not promote the two, or lacks one.
    TypeError, ValueError
        If `a` or `b` is not a dtype that is known here, or `library` neither library.

    See Also
    --------
    explain : both libraries side by side, with the reason.
    numpy.result_type : NumPy's own; its rule for numbers is `NEP 50 <https://numpy.org/neps/nep-0050-scalar-promotion.html>`__.
    torch.result_type : PyTorch's own; its rule is in the notes on
        `tensor attributes <https://docs.pytorch.org/docs/stable/tensor_attributes.html>`__.
    """
    as_library(library)
    found = _promoted(_operand(a, library, "a"), _operand(b, library, "b"), library)
    if found.result is None:
        raise (OutOfRangeError if found.key in (_OUT_OF_RANGE, _OUT_OF_ALL) else PromotionError)(
            found.why, explain(a, b)
        )
    return found.result


def explain(a: OperandLike, b: OperandLike) -> Explanation:
    """Explain what two dtypes become in each library, and why.

    >>> from tensorref import dtypes
    >>> print(dtypes.explain("float32", "float16"))
    float32, float16    NumPy  PyTorch
    a + b             float32  float32
    a @ b             float32   raises
    * NumPy: float32 is its smallest dtype that holds every value of both.
    * PyTorch: float32 is its smallest dtype that holds every value of both.
    * PyTorch: a matrix product takes one dtype, so a @ b raises RuntimeError; write a @ b.to(a.dtype).

    Parameters
    ----------
    a, b
        As for `promote`.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a table.

    Raises
    ------
    TypeError, ValueError
        If `a` or `b` is not a dtype that is known here. What a library refuses is part of the explanation.

    See Also
    --------
    numpy.promote_types : NumPy's rule for two dtypes.
    torch.promote_types : PyTorch's rule for two dtypes.

    Examples
    --------
    An integer array costs float64 in NumPy and nothing in PyTorch:

    >>> print(dtypes.explain("int64", "float16"))
    int64, float16    NumPy  PyTorch
    a + b           float64  float16
    a @ b           float64   raises
    * NumPy: no dtype holds every value of both, so it takes float64, which rounds integers beyond 2**53.
    * PyTorch: beside floating point an integer does not count, so float16 stays.
    * PyTorch: a matrix product takes one dtype, so a @ b raises RuntimeError; write a.to(b.dtype) @ b.

    A Python number is no array:

    >>> print(dtypes.explain("int64", 0.5))
    int64, Python float    NumPy  PyTorch
    a + b                float64  float32
    a @ b                 raises   raises
    * NumPy: a Python float outranks int64, and becomes the default, float64.
    * PyTorch: a Python float outranks int64, and becomes the default, float32.
    * A matrix product needs axes on both sides.
    """
    outcomes = []
    notes: list[str] = []
    fixes: tuple[Fix, ...] = ()
    operands = {library: (_operand(a, library, "a"), _operand(b, library, "b")) for library in _TITLES}
    names = tuple(operand.label for operand in operands["numpy"])
    for library, title in _TITLES.items():
        first, second = operands[library]
        found = _promoted(first, second, library)
        product, note, code = _product(first, second, found.result, library)
        outcomes.append(Outcome(title, found.common, found.result, product, found.why))
        fixes = (Fix(code),) if code else fixes
        if note and note not in notes:
            notes.append(note)
    steps = (f"The operands: {names[0]}, {names[1]}.", *(outcome.why for outcome in outcomes), *notes)
    return Explanation(names[0], names[1], outcomes[0], outcomes[1], steps, fixes)


@dataclass(frozen=True)
class Explanation(Illustrated):
    """What two dtypes become, and why: what `explain` returns.

    >>> from tensorref import dtypes
    >>> explanation = dtypes.explain("bfloat16", "float16")
    >>> explanation.numpy.result, explanation.torch.result
    (None, 'float32')
    >>> explanation.numpy.why
    'NumPy has no bfloat16; convert it to float32 first.'
    """

    a: str
    b: str
    numpy: Outcome
    torch: Outcome
    steps: tuple[str, ...]
    """A sentence for each step, which are operands, NumPy, PyTorch, and what there is to say of the matrix product."""
    fixes: tuple[Fix, ...]
    """The matrix product in one dtype, where PyTorch refuses it for two."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: libraries, sum, matrix product."""
        both = (self.numpy, self.torch)
        return (
            (f"{self.a}, {self.b}", *(outcome.library for outcome in both)),
            ("a + b", *(outcome.result or "raises" for outcome in both)),
            ("a @ b", *(outcome.product for outcome in both)),
        )

    def notes(self) -> tuple[str, ...]:
        """Return the reasons, a sentence each."""
        return self.steps[1:]

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        results = (f"{outcome.library}: {outcome.result or 'raises'}." for outcome in (self.numpy, self.torch))
        return f"{self.a} + {self.b}", " ".join([*results, *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw the bits of both operands and of what each library makes of them, in one scale."""
        rows = [(self.a, _stored(self.a)), (f"+ {self.b}", _stored(self.b))]
        for outcome in (self.numpy, self.torch):
            name = outcome.result or "raises"
            bits = _stored(outcome.result) if outcome.result else _unstored("✗ raises", _picture.CONFLICT)
            rows.append((f"{outcome.library}: {name}", bits))
        drawing = _picture.Drawing()
        for number, (text, bits) in enumerate(rows):
            y = drawing.bottom + (26 if number else 0)
            if number == len(rows) - 2:
                drawing.line(f"M0 {y - 4}H{_WIDE}", [(0, y - 4), (_WIDE, y - 4)])
                y += 16
            drawing.text((0, y), text, "start", bold=True)
            drawing.place(bits, 0, y + 12)
        x, y = 0, drawing.bottom + 24
        for text, mark in zip(_MEANINGS, _FIELD_MARKS, strict=True):
            drawing.box((x, y - 6), (_BIT, _BIT), mark)
            drawing.text((x + _BIT + 6, y), text, "start", faded=True)
            x += _BIT + 18 + _picture.width_of(text)
        return drawing


@dataclass(frozen=True)
class Outcome:
    """What one library makes of two dtypes.

    >>> from tensorref import dtypes
    >>> dtypes.explain("uint8", "int8").torch
    Outcome(library='PyTorch', common='int16', result='int16', product='raises', why='PyTorch: int16 is its smallest dtype that holds every value of both.')
    """

    library: str
    common: str | None
    """The dtype that the two become, as ``result_type`` of the library says; None where they have none in common."""
    result: str | None
    """The dtype of ``a + b``; None where it raises, which PyTorch also does for a common dtype that it only stores."""
    product: str
    """The dtype of ``a @ b`` for matrices, or "raises", or "varies" where it depends on the device."""
    why: str


@dataclass(frozen=True)
class Limits(Diagram):
    """What a dtype can hold: what `limits` returns.

    >>> from tensorref import dtypes
    >>> dtypes.limits("int8")
    Limits(dtype='int8', itemsize=1, smallest=-128, largest=127, exact_integers=127, exponent_bits=0, mantissa_bits=0, digits=None, epsilon=None, smallest_normal=None, smallest_subnormal=None)

    What only floating point has is None otherwise, and its bits 0.
    """

    dtype: str
    itemsize: int
    """Bytes per element."""
    smallest: int | float
    """The least finite value; an int for integers."""
    largest: int | float
    """The greatest finite value; an int for integers."""
    exact_integers: int
    """Every integer from 0 to this one is stored exactly."""
    exponent_bits: int
    mantissa_bits: int
    digits: int | None
    """Decimal digits that are kept, whatever they are; NumPy calls it ``precision``."""
    epsilon: float | None
    """The step from 1 to the next value; ``eps`` in both libraries."""
    smallest_normal: float | None
    """The least positive value of full precision."""
    smallest_subnormal: float | None
    """The least positive value."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a limit each."""
        limits = [(field.name, getattr(self, field.name)) for field in fields(self)[2:]]
        shown = (
            (name.replace("_", " "), str(value))
            for name, value in limits
            if value is not None and (value or name[-4:] != "bits")
        )
        return ((self.dtype, "limit"), ("bytes", str(self.itemsize)), *shown)

    def notes(self) -> tuple[str, ...]:
        """Return what is kept of a number, in a sentence."""
        least = self.smallest if self.digits is None else -self.exact_integers
        kept = "" if self.digits is None else f"A number within the range keeps {self.digits} decimal digits. "
        return (f"{kept}Every integer from {least} to {self.exact_integers} is stored exactly.",)


def limits(dtype: DTypeLike) -> Limits:
    """Return the range and the precision of a dtype.

    >>> from tensorref import dtypes
    >>> dtypes.limits("float16").largest, dtypes.limits("bfloat16").epsilon
    (65504.0, 0.0078125)
    >>> print(dtypes.limits("int8"))
    int8            limit
    bytes               1
    smallest         -128
    largest           127
    exact integers    127
    * Every integer from -128 to 127 is stored exactly.

    Token ids do not survive bfloat16, which holds every integer up to 256 only:

    >>> import torch
    >>> dtypes.limits("bfloat16").exact_integers
    256
    >>> torch.tensor([256, 257, 50256], device="cpu").to(torch.bfloat16).long()
    tensor([  256,   256, 50176])

    Parameters
    ----------
    dtype
        A dtype of bools, integers or floating point, as for `dtype_name <tensorref.anatomy.dtype_name>`.

    Returns
    -------
    :
        The limits as data: ints for integers, floats for floating point.

    Raises
    ------
    TypeError, ValueError
        If `dtype` is not a dtype, or a complex one, or one that is not known here.

    See Also
    --------
    numpy.finfo : NumPy's own for floating point, ``numpy.iinfo`` for integers.
    torch.finfo : PyTorch's own, and ``torch.iinfo``.
    """
    name = dtype_name(dtype)
    form = _format(name)
    if form.category == _COMPLEX:
        raise ValueError(f"dtype is {name!r}, a pair of {_COMPONENTS[name]!r}; ask for the limits of that")
    if name not in _FLOATS:
        least, most = -(2**form.digits) if form.signed else 0, 2**form.digits - 1
        return Limits(name, itemsize(name), least, most, most, 0, 0, None, None, None, None)
    exponent_bits, mantissa_bits = _FLOATS[name]
    largest = _decode(_infinity(name) - 1, name)
    return Limits(
        dtype=name,
        itemsize=itemsize(name),
        smallest=-largest,
        largest=largest,
        exact_integers=2**form.digits,
        exponent_bits=exponent_bits,
        mantissa_bits=mantissa_bits,
        digits=int(mantissa_bits * math.log10(2)),
        epsilon=2.0**-mantissa_bits,
        smallest_normal=_decode(1 << mantissa_bits, name),
        smallest_subnormal=_decode(1, name),
    )


def bits(value: SupportsFloat, dtype: DTypeLike) -> Bits:
    """Return the sign, the exponent and the mantissa with which a dtype stores a number.

    >>> from tensorref import dtypes
    >>> print(dtypes.bits(70000, "float16"))
    float16     sign  exponent    mantissa
    bits           0     11111  0000000000
    stands for     +              infinity
    * 70000.0 is outside ±65504.0, the range of float16, and becomes infinity.

    Parameters
    ----------
    value
        A number, or an array or tensor of one element; as a Python float it is what is stored.
    dtype
        A dtype of floating point, as for `dtype_name <tensorref.anatomy.dtype_name>`.

    Returns
    -------
    :
        The bits as data; ``print`` shows them as a table. The nearest number is stored, of two that are as near the one
        with an even mantissa (IEEE 754, as both libraries round). Beyond the range that is infinity, and in
        float8_e4m3fn, which has none, the largest number (so PyTorch since 2.12). A number is rounded once, as in NumPy;
        PyTorch takes float64 to 16 bits by way of float32, which rounds twice.

    Raises
    ------
    TypeError, ValueError
        If `dtype` is not a dtype, not of floating point, or not known here, or `value` has not one element.
    OverflowError
        If `value` is an int that is too large for a Python float.

    See Also
    --------
    numpy.ndarray.view : shows the bits as an integer: ``x.view(np.uint32)``.
    torch.Tensor.view : does so too: ``x.view(torch.uint32)``.

    Examples
    --------
    They are the bytes that the libraries store, here of a tensor:

    >>> import torch
    >>> dtypes.bits(0.1, "bfloat16").pattern
    '0011110111001101'
    >>> f"{torch.tensor(0.1, dtype=torch.bfloat16).view(torch.int16).item():016b}"
    '0011110111001101'
    """
    name = dtype_name(dtype)
    if name not in _FLOATS:
        raise ValueError(f"dtype is {name!r}, which has no exponent and mantissa; write one of {', '.join(_FLOATS)}")
    number = _number(value)
    exponent_bits, mantissa_bits = _FLOATS[name]
    width = 1 + exponent_bits + mantissa_bits
    pattern = f"{_encode(number, name):0{width}b}"
    stored = math.copysign(_decode(int(pattern[1:], 2), name), number)
    return Bits(name, number, stored, pattern[0], pattern[1 : 1 + exponent_bits], pattern[1 + exponent_bits :])


@dataclass(frozen=True)
class Bits(Illustrated):
    """How a dtype stores a number: what `bits` returns.

    >>> from tensorref import dtypes
    >>> one_third = dtypes.bits(1 / 3, "float16")
    >>> one_third.sign, one_third.exponent, one_third.mantissa, one_third.stored
    ('0', '01101', '0101010101', 0.333251953125)
    """

    dtype: str
    value: float
    """What was to be stored."""
    stored: float
    """The nearest value that the dtype has, which is what is stored."""
    sign: str
    exponent: str
    """The exponent plus a bias, half the range; 0 for zero and subnormal numbers."""
    mantissa: str
    """The digits after the binary point; those before it, 1 for normal numbers, are not stored."""

    @property
    def pattern(self) -> str:
        """All bits, the sign first."""
        return self.sign + self.exponent + self.mantissa

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: the bits and what they stand for."""
        sign = "-" if self.sign == "1" else "+"
        if math.isfinite(self.stored):
            power = max(int(self.exponent, 2), 1) + 1 - 2 ** (len(self.exponent) - 1)
            meaning = (sign, f"2**{power}", str(math.ldexp(abs(self.stored), -power)))
        else:
            meaning = (sign, "", "not a number" if math.isnan(self.stored) else "infinity")
        return (
            (self.dtype, "sign", "exponent", "mantissa"),
            ("bits", self.sign, self.exponent, self.mantissa),
            ("stands for", *meaning),
        )

    def notes(self) -> tuple[str, ...]:
        """Return what became of the number, in a sentence."""
        if math.isnan(self.value) or self.value == self.stored:
            return (f"{self.value} is stored as it is.",)
        if math.isinf(self.stored):
            largest = limits(self.dtype).largest
            return (f"{self.value} is outside ±{largest}, the range of {self.dtype}, and becomes infinity.",)
        if not self.stored:
            return (f"{self.value} is too small for {self.dtype}, and becomes zero.",)
        return (f"{self.value} is stored as {self.stored}, the nearest {self.dtype}.",)

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        heading, bits, meaning = self.table()
        fields = "; ".join(
            f"{name} {digits}: {value}" for name, digits, value in zip(heading[1:], bits[1:], meaning[1:], strict=True)
        )
        return f"{self.value} in {self.dtype}", f"{fields}. {' '.join(self.notes())}"

    def _drawn(self) -> _picture.Drawing:
        """Draw every bit in the same width, so that the pictures of two dtypes compare, and what a field stands for."""
        fields = self.table()[1][1:]
        bits = [(bit, mark) for text, mark in zip(fields, _FIELD_MARKS, strict=True) for bit in text]
        lines = [_bits(bits[start : start + _BITS_IN_A_LINE]) for start in range(0, len(bits), _BITS_IN_A_LINE)]
        meaning = _fields(self.table(), _FIELD_MARKS)
        meaning.text((2 * _BIT, meaning.bottom + 14), f"= {self.stored}", "start", bold=True)
        drawing = _picture.stacked([*lines, meaning])
        drawing.heading(self.described()[0])
        return drawing


def when_to_use(*dtypes: DTypeLike) -> Guide:
    """Say when to use which dtype in a language model.

    >>> from tensorref import dtypes
    >>> print(dtypes.when_to_use())
    dtype     bytes      largest  digits    exact integers to
    float32       4   3.4028e+38       6             16777216
    bfloat16      2   3.3895e+38       2                  256
    float16       2        65504       3                 2048
    float64       8  1.7977e+308      15     9007199254740992
    int64         8   9.2234e+18          9223372036854775807
    bool          1            1                            1
    * float32: the default of PyTorch, for learning, debugging and small models; a loss and long sums stay in it while a model runs in half the bytes.
    * bfloat16: to train and run large models: the range of float32 in half the bytes, but 2 digits. The weights that an optimizer updates stay in float32, where a small step is not rounded away.
    * float16: to run models on GPUs without bfloat16. It ends at 65504 and small gradients become zero, so training scales the loss (torch.amp.GradScaler).
    * float64: the default of NumPy, for the reference that a test compares with. Slow on most GPUs; MPS has none.
    * int64: for token ids, positions and targets, which floating point would round.
    * bool: for masks. An int64 mask indexes instead: x[mask] picks rows 0 and 1.

    Parameters
    ----------
    *dtypes
        The dtypes to compare; by default float32, bfloat16, float16, float64, int64, bool.

    Returns
    -------
    :
        The advice as data; ``print`` shows it as a table with a sentence for each.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a dtype, or one that there is no advice on.
    """
    names = [dtype_name(dtype, name=f"dtypes[{place}]") for place, dtype in enumerate(dtypes)] or [*_USES]
    for name in names:
        if name not in _USES:
            raise ValueError(f"dtypes has {name!r}, on which there is no advice; there is on {', '.join(_USES)}")
    return Guide(tuple(map(limits, names)), tuple(_USES[name] for name in names))


@dataclass(frozen=True)
class Guide(Diagram):
    """When to use which dtype: what `when_to_use` returns.

    >>> from tensorref import dtypes
    >>> dtypes.when_to_use("int64").advice
    ('for token ids, positions and targets, which floating point would round.',)
    """

    limits: tuple[Limits, ...]
    advice: tuple[str, ...]
    """A sentence for each."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a dtype each."""
        rows = (
            (
                limits.dtype,
                str(limits.itemsize),
                f"{limits.largest:.5g}",
                "" if limits.digits is None else str(limits.digits),
                str(limits.exact_integers),
            )
            for limits in self.limits
        )
        return (("dtype", "bytes", "largest", "digits", "exact integers to"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return the advice, a sentence for each dtype."""
        return tuple(f"{limits.dtype}: {advice}" for limits, advice in zip(self.limits, self.advice, strict=True))


def _number(value: Any) -> float:
    """Return a number, or the one element of an array or a tensor, as a Python float."""
    shape = attribute(value, "shape") or ()
    if math.prod(shape) != 1:
        raise ValueError(f"value has shape {tuple(shape)}; bits are of one element, such as value[0]")
    try:
        # An array of one element in axes has no float, and a tensor that requires grad warns; both have an item.
        element = value.item() if attribute(value, "item") else value
        if isinstance(element, (str, bytes)):
            raise TypeError
        return float(element)
    except OverflowError:
        raise OverflowError(
            f"value is {quoted(value)}, more than a Python float holds; write float('inf') for what is beyond every dtype"
        ) from None
    except Exception:  # noqa: BLE001  whatever it raises, it is no number
        raise TypeError(
            f"value is {quoted(value)}, of type {type(value).__name__}; bits are of one number: write one, such as 0.1"
        ) from None


class _Format(NamedTuple):
    category: int
    signed: bool
    exponent: int
    """Bits of the exponent."""
    digits: int
    """Bits of the largest integer up to which all are exact."""


class _Operand(NamedTuple):
    dtype: str
    rank: int
    """The lower of two yields: 0 for a number of Python, 1 for a zero-dimensional tensor, 2 for an array."""
    axes: bool
    label: str
    value: int | None = None
    """Of an int of Python."""
    kind: str = ""
    """What it is, a "tensor" or an "array", if it is either."""


def _format(name: str) -> _Format:
    if name == "bool":
        return _Format(_BOOL, signed=False, exponent=0, digits=1)
    if name in _FLOATS:
        exponent, mantissa = _FLOATS[name]
        return _Format(_FLOAT, signed=True, exponent=exponent, digits=mantissa + 1)
    if name in _COMPONENTS:
        return _format(_COMPONENTS[name])._replace(category=_COMPLEX)
    if found := re.fullmatch(r"(u?)int(8|16|32|64)", name):
        unsigned, width = bool(found[1]), int(found[2])
        return _Format(_INTEGER, signed=not unsigned, exponent=0, digits=width if unsigned else width - 1)
    known = ", ".join(("bool", *_UNSIGNED, *_SIGNED, *_FLOATS, *_COMPONENTS))
    raise ValueError(f"dtype is {name!r}, which is not known here; write one of {known}")


def _holds(name: str, other: str) -> bool:
    """Tell whether every value of `other` is a value of the dtype `name`."""
    return all(wide >= narrow for wide, narrow in zip(_format(name), _format(other), strict=True))


def _operand(value: Any, library: str, argument: str) -> _Operand:
    if attribute(value, "dtype") is not None and attribute(value, "shape") is not None and not isinstance(value, type):
        name, axes = dtype_name(value.dtype, name=f"{argument}.dtype"), len(value.shape)
        if library == "torch" and not hasattr(value, "__setitem__"):  # a NumPy scalar
            operand = _Operand(_DEFAULTS[library][_scalar(value, name)], 0, axes=False, label=f"NumPy {name}")
        else:
            rank, label = 1 if library == "torch" and not axes else 2, name if axes else f"{name} ()"
            kind = "tensor" if str(value.dtype).startswith("torch.") else "array"
            operand = _Operand(name, rank, bool(axes), label, kind=kind)
    elif (category := _python(value)) is not None:
        label = f"Python {_NUMBERS[category].__name__}"
        number: Any = value if category == _INTEGER else None
        operand = _Operand(_DEFAULTS[library][category], 0, axes=False, label=label, value=number)
    else:
        name = dtype_name(value, name=argument)
        operand = _Operand(name, 2, axes=True, label=name)
    _format(operand.dtype)
    return operand


def _scalar(value: object, name: str) -> int:
    """Return the category that a NumPy scalar has as a number in PyTorch, which takes what it does not know for a float."""
    return _INTEGER if _format(name).category == _INTEGER else _COMPLEX if isinstance(value, complex) else _FLOAT


def _python(value: object) -> int | None:
    """Return the category of a number of Python, None for anything else."""
    return next((category for category, number in enumerate(_NUMBERS) if isinstance(value, number)), None)


class _Promotion(NamedTuple):
    common: str | None
    result: str | None
    key: str
    """Of the reason."""
    why: str


def _promoted(a: _Operand, b: _Operand, library: str) -> _Promotion:
    """Return what the library makes of two operands."""
    high, low = (a, b) if a.rank >= b.rank else (b, a)
    lacking = [
        name
        for name in (a.dtype, b.dtype)
        if name not in _DTYPES[library] and not (library == "torch" and name in _STORED_ONLY)
    ]
    common: str | None
    if lacking:
        common, key = None, "lacks"
    elif library == "torch" and {a.kind, b.kind} == {"tensor", "array"}:
        common, key = _mixed(a, b)
    elif high.rank > low.rank:
        common, key = _yielding(high, low, library)
    else:
        common, key = _together(a.dtype, b.dtype, library)
    result, wider = common, "complex64" if lacking[:1] == ["complex32"] else "float32"
    beside = high.dtype if library == "torch" else common
    if beside and any(not _fits(operand.value, beside, library) for operand in (a, b)):
        # No dtype of PyTorch is wider than its numbers, and none of NumPy than 64 bits.
        is_in_one = library == "numpy" and all(_fits(operand.value, "uint8", "torch") for operand in (a, b))
        result, key = None, _OUT_OF_RANGE if is_in_one else _OUT_OF_ALL
    elif result and library == "torch" and result in _STORED_ONLY and key != "mixed":
        wider = "int64" if result.startswith("uint") else "float32"
        result, key = None, "no.sum"
    why = _REASONS[key].format(
        library=_TITLES[library],
        result=common,
        high=high.label,
        low=low.label,
        lacking="".join(lacking[:1]),
        wider=wider,
        **{operand.kind: operand.dtype for operand in (a, b) if operand.kind},
    )
    return _Promotion(common, result, key, why)


def _mixed(a: _Operand, b: _Operand) -> tuple[str | None, str]:
    """Return the dtype of a tensor plus an array, which NumPy adds, and the key of the reason."""
    if a.kind == "array" or not {a.dtype, b.dtype} <= {*_DTYPES["numpy"]}:
        return None, "mixed.raises"
    if a.dtype == b.dtype == "bool":
        return "uint8", "mixed"  # PyTorch has long made uint8 of NumPy's bool here
    return _together(a.dtype, b.dtype, "numpy")[0], "mixed"


def _fits(value: int | None, dtype: str, library: str) -> bool:
    """Tell whether a library takes an int of Python beside or as a dtype."""
    if value is None:
        return True
    if library == "torch":
        return -(2**63) <= value < (2**63 if dtype == "bool" else 2**64)
    form = _format(dtype)
    if form.category == _INTEGER:
        return bool((-(2**form.digits) if form.signed else 0) <= value < 2**form.digits)
    return abs(value) < 2**1024 - 2**970


def _yielding(high: _Operand, low: _Operand, library: str) -> tuple[str | None, str]:
    """Return what an array and something without axes become, and the key of the reason."""
    category, other = _format(high.dtype).category, _format(low.dtype).category
    if other <= category:
        return high.dtype, "yields"
    if category < _FLOAT and low.dtype not in _STORED_ONLY:
        return low.dtype, "outranks" if low.rank else "outranks.default"
    if category == _FLOAT and high.dtype not in _STORED_ONLY:
        return _smallest([high.dtype], [name for name in _DTYPES[library] if name in _COMPONENTS]), "complex"
    return _together(high.dtype, low.dtype, library)


def _together(a: str, b: str, library: str) -> tuple[str | None, str]:
    """Return what two dtypes become when neither yields, and the key of the reason."""
    categories = [_format(name).category for name in (a, b)]
    if a == b:
        return a, "same"
    if library == "torch":
        if any(name.startswith("float8") for name in (a, b)):
            return None, "refused.float8"
        if any(name in _STORED_ONLY for name in (a, b)) and _FLOAT not in categories:
            return None, "refused.unsigned"
        if max(categories) >= _FLOAT > min(categories):
            return (a if categories[0] >= _FLOAT else b), "outranked"
    if found := _smallest([a, b], _DTYPES[library]):
        return found, "holds"
    return "complex128" if _COMPLEX in categories else "float64", "none"


def _smallest(names: Sequence[str], among: Sequence[str]) -> str | None:
    return next((name for name in among if all(_holds(name, other) for other in names)), None)


def _product(a: _Operand, b: _Operand, result: str | None, library: str) -> tuple[str, str, str]:
    """Return what ``a @ b`` gives, a sentence where there is something to say, and code that gives it where it raises."""
    varies = f"PyTorch: a matrix product of {a.dtype} works on some devices at most; convert it first."
    if not (a.axes and b.axes):
        return "raises", "A matrix product needs axes on both sides.", ""
    if library == "torch" and a.dtype == b.dtype in _STORED_ONLY:
        return "varies", varies, ""
    if result is None:
        return "raises", "", ""
    if library == "numpy":
        return result, "", ""
    if a.dtype == b.dtype:
        return (result, "", "") if result in _MULTIPLIED else ("varies", varies, "")
    if a.dtype == result:
        code = "a @ b.to(a.dtype)"
    elif b.dtype == result:
        code = "a.to(b.dtype) @ b"
    else:
        code = f"a.to(torch.{result}) @ b.to(torch.{result})"
    return "raises", f"PyTorch: a matrix product takes one dtype, so a @ b raises RuntimeError; write {code}.", code


def _infinity(name: str) -> int:
    """Return the bits, without the sign, of what follows the largest finite value."""
    exponent_bits, mantissa_bits = _FLOATS[name]
    if name.endswith("fn"):  # finite, and NaN only where all bits are set
        return (1 << (exponent_bits + mantissa_bits)) - 1
    return ((1 << exponent_bits) - 1) << mantissa_bits


def _most(name: str) -> int:
    """Return the bits of what is beyond the largest finite value: infinity, or where there is none that value itself."""
    return _infinity(name) - name.endswith("fn")


def _encode(number: float, name: str) -> int:
    """Return the bits of the nearest value of a dtype."""
    exponent_bits, mantissa_bits = _FLOATS[name]
    size = abs(number)
    if math.isnan(size):
        code = _infinity(name) | 1 << (mantissa_bits - 1)
    elif math.isinf(size) or not size:
        code = _most(name) if size else 0
    else:
        least = 2 - 2 ** (exponent_bits - 1)  # the exponent of subnormal numbers and of the smallest normal ones
        exponent = max(math.frexp(size)[1] - 1, least)
        steps = round(math.ldexp(size, mantissa_bits - exponent))  # exact before it is rounded, half to even
        # The bit before the point, and a carry out of the mantissa, add to the exponent.
        code = min(((exponent - least) << mantissa_bits) + steps, _most(name))
    return code | (math.copysign(1, number) < 0) << (exponent_bits + mantissa_bits)


def _decode(code: int, name: str) -> float:
    """Return the value of bits without a sign."""
    exponent_bits, mantissa_bits = _FLOATS[name]
    if code >= _infinity(name):
        return math.nan if code > _infinity(name) or name.endswith("fn") else math.inf
    field, fraction = divmod(code, 1 << mantissa_bits)
    whole = fraction + (1 << mantissa_bits if field else 0)
    return math.ldexp(whole, max(field, 1) + 1 - 2 ** (exponent_bits - 1) - mantissa_bits)


_BITS_IN_A_LINE = 32
_BIT = 13
_FIELD_MARKS = tuple(_picture.Mark(hue, 22, _picture.DASHES[hue - 1]) for hue in (3, 2, 1))
_SCALE = 5  # units of a bit that is not written out
_WIDE = 64 * _SCALE
_MEANINGS = ("sign", "exponent", "mantissa or integer")


def _stored(label: str) -> _picture.Drawing:
    """Draw how many bits each field of a dtype has; a complex number is two of them, and a number of Python has none."""
    name = label.removesuffix(" ()")
    if name in _COMPONENTS:
        return _picture.stacked([_stored(_COMPONENTS[name])] * 2, 0)
    if name.startswith("Python "):
        return _unstored("has no dtype yet", _picture.COPY)
    form = _format(name)
    width = itemsize(name) * 8
    fields = (int(form.signed), form.exponent, width - form.signed - form.exponent)
    drawing, x = _picture.Drawing(), 0
    for bits, mark in zip(fields, _FIELD_MARKS, strict=True):
        if bits:
            drawing.box((x, 0), (bits * _SCALE, 22), mark, str(bits) if bits > 1 else "")
            x += bits * _SCALE
    return drawing


def _unstored(text: str, mark: _picture.Mark) -> _picture.Drawing:
    drawing = _picture.Drawing()
    drawing.box((0, 0), (32 * _SCALE, 22), mark, text)
    return drawing


def _bits(bits: Sequence[tuple[str, _picture.Mark]]) -> _picture.Drawing:
    """Draw bits in a line."""
    drawing = _picture.Drawing()
    for place, (bit, mark) in enumerate(bits):
        drawing.box((place * _BIT, 0), (_BIT, 2 * _BIT), mark, bit)
    return drawing


def _fields(table: Sequence[Sequence[str]], marks: Sequence[_picture.Mark]) -> _picture.Drawing:
    """Draw what the fields are called, how many bits they have, and what they stand for."""
    drawing = _picture.Drawing()
    for line, (name, digits, meaning, mark) in enumerate(zip(*(row[1:] for row in table), marks, strict=True)):
        y = line * 22
        drawing.box((0, y - 6), (_BIT, _BIT), mark)
        drawing.text((2 * _BIT, y), f"{name} {len(digits)}", "start")
        drawing.text((11 * _BIT, y), meaning, "start", bold=True)
    return drawing
