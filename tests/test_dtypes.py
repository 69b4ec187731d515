"""How numbers are stored and what dtypes become together, held against NumPy and PyTorch."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import re
import struct
import sys

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import dtypes
from tensorref.anatomy import itemsize

UNSIGNED = ("uint16", "uint32", "uint64")
FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
IN_NUMPY = ("bool", *INTEGERS, "float16", "float32", "float64", "complex64", "complex128")
IN_TORCH = (*IN_NUMPY, "bfloat16", "complex32", *FLOAT8)
NUMBERS = (True, 1, 1.0, 1j)
FLOATS = (*FLOAT8, "float16", "bfloat16", "float32", "float64")

# On the CPU by nature: these compare single elements, and some of the dtypes are there on no other device.
on_cpu = {"device": "cpu"}
ignore_complex32 = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")


def ours(a, b, library):
    try:
        return dtypes.promote(a, b, library)
    except dtypes.PromotionError:
        return None


def pytorch(function, *operands):
    """Return the dtype that PyTorch names, or None where it refuses."""
    try:
        name = str(function(*operands)).removeprefix("torch.")
    except RuntimeError as error:
        assert "romotion for" in str(error) or "Unknown Complex ScalarType" in str(error)  # noqa: PT017
        return None
    return None if name in {*UNSIGNED, *FLOAT8} else name  # a common dtype, and no + for it


def test_every_pair_becomes_what_numpy_says():
    for a, b in itertools.product(IN_NUMPY, repeat=2):
        assert ours(a, b, "numpy") == np.promote_types(a, b).name, (a, b)


def test_every_pair_becomes_what_pytorch_says():
    for a, b in itertools.product(IN_TORCH, repeat=2):
        theirs = pytorch(torch.promote_types, getattr(torch, a), getattr(torch, b))
        assert ours(a, b, "torch") == theirs, (a, b)


@ignore_complex32
@pytest.mark.claim("dtype-mix")
def test_every_sum_of_arrays_has_that_dtype():
    for a, b in itertools.product(IN_NUMPY, repeat=2):
        assert (np.zeros(2, a) + np.zeros(2, b)).dtype == dtypes.promote(a, b, "numpy"), (a, b)
    computed = [name for name in IN_TORCH if name not in (*UNSIGNED, *FLOAT8)]
    for a, b in itertools.product(computed, repeat=2):
        total = torch.zeros(2, dtype=getattr(torch, a), **on_cpu) + torch.zeros(2, dtype=getattr(torch, b), **on_cpu)
        assert str(total.dtype) == f"torch.{dtypes.promote(a, b, 'torch')}", (a, b)


@ignore_complex32
def test_numbers_and_zero_dimensional_tensors_yield_as_in_pytorch():
    for a in IN_TORCH:
        for shape in ((2,), ()):
            x = torch.zeros(shape, dtype=getattr(torch, a), **on_cpu)
            for number in NUMBERS:
                assert ours(x, number, "torch") == pytorch(torch.result_type, x, number), (a, shape, number)
                assert ours(number, x, "torch") == ours(x, number, "torch")
            for b in IN_TORCH:
                y = torch.zeros((), dtype=getattr(torch, b), **on_cpu)
                assert ours(x, y, "torch") == ours(y, x, "torch") == pytorch(torch.result_type, x, y), (a, shape, b)


def test_numbers_yield_and_zero_dimensional_arrays_do_not_as_in_numpy():
    for a in IN_NUMPY:
        for shape in ((2,), ()):
            x = np.zeros(shape, a)
            for number in NUMBERS:
                expected = (x + number).dtype.name
                assert dtypes.promote(x, number, "numpy") == dtypes.promote(number, x, "numpy") == expected
            for b in IN_NUMPY:
                for y in (np.zeros((), b), np.zeros(1, b)[0]):
                    assert dtypes.promote(x, y, "numpy") == (x + y).dtype.name, (a, shape, b)


@pytest.mark.filterwarnings("ignore:Casting complex values to real discards the imaginary part")
def test_numpy_scalars_are_numbers_to_pytorch_and_arrays_to_numpy():
    kinds = ("bool", *INTEGERS, "float16", "float32", "float64", "complex64", "complex128")
    for kind, name in itertools.product(kinds, IN_TORCH):
        scalar = np.dtype(kind).type(1)
        for tensor in (
            torch.ones(2, **on_cpu).to(getattr(torch, name)),
            torch.tensor(1, **on_cpu).to(getattr(torch, name)),
        ):
            expected = pytorch(torch.result_type, tensor, scalar)
            assert ours(tensor, scalar, "torch") == ours(scalar, tensor, "torch") == expected, (kind, tensor.dtype)
        if name in IN_NUMPY:
            assert ours(scalar, name, "numpy") == np.result_type(scalar, np.ones(2, name)).name
    tensor = torch.tensor([1, 2], **on_cpu)
    assert (tensor * np.float64(2)).dtype == torch.float32
    assert dtypes.explain(np.float64(2), "int64").torch.why == (
        "PyTorch: a NumPy float64 outranks int64, and becomes the default, float32."
    )


def test_two_numbers():
    for a, b in itertools.product(NUMBERS, repeat=2):
        assert dtypes.promote(a, b, "numpy") == np.result_type(a, b).name
        assert f"torch.{dtypes.promote(a, b, 'torch')}" == str(torch.result_type(a, b))


def test_a_number_that_does_not_fit_is_refused_by_numpy_and_wrapped_by_pytorch():
    with pytest.raises(OverflowError):
        np.zeros(1, np.uint8) + 300
    assert (torch.zeros(1, dtype=torch.uint8) + 300).item() == 300 % 256
    assert dtypes.promote("uint8", 300, "torch") == "uint8"
    with pytest.raises(OverflowError):
        dtypes.promote("uint8", 300, "numpy")


def sum_of(a, b):
    try:
        return str((a + b).dtype).removeprefix("torch.")
    except (OverflowError, TypeError, RuntimeError):
        return None


@ignore_complex32
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_an_int_of_python_is_taken_or_refused_as_by_the_libraries():
    for value in (0, 255, 256, -1, -129, 2**62, 2**63 - 1, 2**64, -(2**63) - 1, 10**39, 10**400):
        for name in IN_NUMPY:
            assert ours(name, value, "numpy") == sum_of(np.ones(2, name), value), (name, value)
        for name in IN_TORCH:
            x = torch.ones(2, **on_cpu).to(getattr(torch, name))
            if name != "complex32":
                assert ours(x, value, "torch") == sum_of(x, value), (name, value)


@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept context:DeprecationWarning")
def test_a_tensor_and_an_array_are_added_by_numpy():
    for a, b in itertools.product((*IN_NUMPY, "bfloat16"), IN_NUMPY):
        for shape in ((2,), ()):
            x, y = torch.ones(2, **on_cpu).to(getattr(torch, a)), np.ones(shape, b)
            assert ours(x, y, "torch") == sum_of(x, y), (a, b, shape)
            assert ours(y, x, "torch") is sum_of(y, x) is None


def test_what_has_a_common_dtype_is_added_on_the_cpu_or_refused():
    for a, b in itertools.product((*IN_NUMPY, "bfloat16", *FLOAT8), repeat=2):
        x, y = (torch.ones(2, **on_cpu).to(getattr(torch, name)) for name in (a, b))
        assert ours(x, y, "torch") == sum_of(x, y), (a, b)


def test_a_dtype_in_every_form():
    for float32 in ("float32", "torch.float32", torch.float32, np.float32, np.dtype("<f4"), torch.zeros(2)):
        assert dtypes.promote(float32, np.float64, "torch") == "float64"
    assert dtypes.promote(np.float32, float, "numpy") == np.result_type(np.float32, float) == "float64"
    assert dtypes.promote("float32", 1.0, "numpy") == "float32"


def test_what_a_library_lacks_or_refuses_is_said():
    for a, b, library, words in [
        ("bfloat16", "float32", "numpy", "NumPy has no bfloat16; convert it to float32 first."),
        ("int8", "complex32", "numpy", "NumPy has no complex32; convert it to complex64 first."),
        ("float8_e5m2", 1.0, "numpy", "NumPy has no float8_e5m2; convert it to float32 first."),
        (
            "float8_e5m2",
            "float16",
            "torch",
            "PyTorch promotes no float8; convert both to one dtype, such as bfloat16, first.",
        ),
        (
            "uint16",
            "int32",
            "torch",
            "PyTorch promotes uint16, uint32 and uint64 only with floating point; convert them to int64 first.",
        ),
    ]:
        with pytest.raises(dtypes.PromotionError) as raised:
            dtypes.promote(a, b, library)
        assert str(raised.value) == words
        assert isinstance(raised.value, TypeError)
    for name in ("bfloat16", "complex32", *FLOAT8):
        assert not hasattr(np, name)


@pytest.mark.parametrize(
    ("a", "words"),
    [
        ("float", "dtype is 'float', which is float64 to NumPy and torch.float32 to PyTorch; write 'float64' or "),
        ("float8_e8m0fnu", "dtype is 'float8_e8m0fnu', which is not known here; write one of bool, uint8, uint16, "),
        (torch.quint8, "dtype is 'quint8', which is not known here; write one of bool, uint8, uint16, "),
        (np.dtype("U3"), "dtype is 'str96', which is not known here; write one of bool, uint8, uint16, "),
    ],
    ids=["float", "e8m0", "quint8", "text"],
)
def test_a_dtype_that_is_not_known_is_refused(a, words):
    for function in (dtypes.explain, lambda a, b: dtypes.promote(b, a, "torch"), lambda a, _: dtypes.limits(a)):
        with pytest.raises(ValueError) as raised:
            function(a, "float32")
        assert re.sub(r"^[ab] ", "dtype ", str(raised.value)).startswith(words)


def test_a_library_that_is_neither_is_refused():
    with pytest.raises(ValueError) as raised:
        inspect.unwrap(dtypes.promote)("int8", "int8", "pytorch")
    assert str(raised.value) == "library is 'pytorch'; write 'numpy' or 'torch'"


@ignore_complex32
@pytest.mark.claim("dtype-mix")
def test_matrix_products_of_every_pair_do_what_the_explanation_says():
    for a, b in itertools.product(IN_NUMPY, repeat=2):
        product = np.zeros((2, 2), a) @ np.zeros((2, 2), b)
        assert dtypes.explain(a, b).numpy.product == product.dtype.name, (a, b)
    for a, b in itertools.product(IN_TORCH, repeat=2):
        said = dtypes.explain(a, b).torch
        matrices = [torch.zeros((2, 2), dtype=getattr(torch, name), **on_cpu) for name in (a, b)]
        if said.product == "raises":
            for left, right in itertools.product(*([matrix, matrix[0]] for matrix in matrices)):
                with pytest.raises(RuntimeError):
                    left @ right
        elif said.product != "varies":
            assert str((matrices[0] @ matrices[1]).dtype) == f"torch.{said.product}" == f"torch.{said.result}"
        assert (said.product == "raises") == (a != b)


def test_the_matrix_product_that_is_the_fix_works():
    computed = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64")
    for a, b in itertools.permutations(computed, 2):
        explanation = dtypes.explain(a, b)
        (fix,) = explanation.fixes
        assert explanation.steps[-1].endswith(f"; write {fix.code}.")
        operands = {
            "a": torch.ones((2, 2), dtype=getattr(torch, a), **on_cpu),
            "b": torch.ones((2, 2), dtype=getattr(torch, b), **on_cpu),
        }
        product = eval(fix.code, {"torch": torch}, operands)  # noqa: S307  the code is ours
        assert str(product.dtype) == f"torch.{explanation.torch.result}"
        assert product.tolist() == [[2, 2], [2, 2]]


def test_a_number_has_no_matrix_product():
    for scalar in (2.0, np.float32(2), np.array(2.0)):
        explanation = dtypes.explain("float32", scalar)
        assert explanation.numpy.product == explanation.torch.product == "raises"
        with pytest.raises((ValueError, TypeError)):
            np.ones((2, 2), np.float32) @ scalar
    with pytest.raises(TypeError):
        torch.ones(2, 2) @ 2.0
    with pytest.raises(RuntimeError):
        torch.ones(2, 2) @ torch.tensor(2.0)


@pytest.mark.parametrize(
    ("a", "b", "numpy", "torch_"),
    [
        ("int8", "int8", "both are int8.", "both are int8."),
        ("int16", "float16", "float32 is its smallest dtype that holds every value of both.", None),
        ("int32", "float16", "float64 is its smallest dtype that holds every value of both.", None),
        ("int64", "float16", "no dtype holds every value of both, so it takes float64, which rounds integers", None),
        ("int64", "complex64", "no dtype holds every value of both, so it takes complex128, which rounds", None),
        ("int16", "float16", None, "beside floating point an integer does not count, so float16 stays."),
        ("float32", 2, "Python int yields to float32, so float32 stays.", "Python int yields to float32"),
        (torch.ones(2), torch.tensor(2.0).double(), None, "float64 () yields to float32, so float32 stays."),
        (torch.ones(2).int(), torch.tensor(2.0), None, "float32 () is of a higher category than int32, so float32"),
        ("bool", 2, "a Python int outranks bool, and becomes the default, int64.", None),
        (
            "float16",
            2j,
            "Python complex is of a higher category than float16, and complex64 is the complex dtype",
            None,
        ),
        (
            "float16",
            2j,
            None,
            "Python complex is of a higher category than float16, and complex32 is the complex dtype",
        ),
    ],
)
def test_the_reasons(a, b, numpy, torch_):
    explanation = dtypes.explain(a, b)
    assert explanation.numpy.why.startswith(f"NumPy: {numpy or ''}")
    assert explanation.torch.why.startswith(f"PyTorch: {torch_ or ''}")


@given(st.sampled_from(IN_TORCH), st.sampled_from((*IN_TORCH, *NUMBERS)))
def test_explanations_are_values_and_json(a, b):
    explanation = dtypes.explain(a, b)
    assert explanation == dtypes.explain(a, b)
    assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()
    assert explanation.steps[0] == f"The operands: {explanation.a}, {explanation.b}."
    assert explanation.steps[1:3] == (explanation.numpy.why, explanation.torch.why)
    assert explanation.notes() == explanation.steps[1:]
    assert explanation.torch.result == ours(a, b, "torch")
    assert explanation.numpy.result == ours(a, b, "numpy")
    for note in explanation.notes():
        assert f"* {note}" in str(explanation)


@pytest.fixture
def unchecked():
    """Leave out the check of every call's types, which takes most of the time where there are very many."""
    jaxtyping.config.update("jaxtyping_disable", True)  # noqa: FBT003  jaxtyping's signature
    yield
    jaxtyping.config.update("jaxtyping_disable", False)  # noqa: FBT003


def stored_by_pytorch(numbers, name):
    """Return the bits with which PyTorch stores numbers, as ints."""
    tensor = torch.tensor(numbers, dtype=torch.float64, **on_cpu).to(getattr(torch, name))
    rows = tensor[:, None].view(torch.uint8).tolist()
    return [int.from_bytes(bytes(row), sys.byteorder) for row in rows]


def read_by_pytorch(bits):
    """Return the value that PyTorch reads from bits."""
    raw = list(int(bits.pattern, 2).to_bytes(itemsize(bits.dtype), sys.byteorder))
    return torch.tensor(raw, dtype=torch.uint8, **on_cpu).view(getattr(torch, bits.dtype)).double().item()


def values(name):
    """Return every value of a dtype of at most 16 bits, in the order of its bits."""
    width = 8 * itemsize(name)
    codes = torch.arange(2**width, **on_cpu).to(torch.uint8 if width == 8 else torch.int16)
    return codes.view(getattr(torch, name)).double().tolist()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", FLOATS[:4])
def test_every_value_of_16_bits_or_fewer_has_the_bits_that_the_libraries_store(name):
    finite = [(code, value) for code, value in enumerate(values(name)) if not math.isnan(value)]
    assert len(finite) >= 2 ** (8 * itemsize(name)) - 2 ** (dtypes.limits(name).mantissa_bits + 1)
    for code, value in finite:
        bits = dtypes.bits(value, name)
        assert int(bits.pattern, 2) == code
        assert bits.stored == value
    if name == "float16":
        assert [code for code, _ in finite] == np.array([value for _, value in finite], name).view("u2").tolist()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", FLOATS[:4])
def test_what_lies_between_two_values_is_rounded_as_in_pytorch(name):
    finite = sorted({value for value in values(name) if math.isfinite(value)})
    step = 1 if itemsize(name) == 1 else 17
    middles = [(low + high) / 2 for low, high in itertools.pairwise(finite)][::step]
    # Exact in float32, through which PyTorch goes.
    numbers = [
        np.nextafter(np.float32(middle), np.float32(to)) for middle in middles for to in (middle, -np.inf, np.inf)
    ]
    numbers = list(map(float, numbers))
    assert [int(dtypes.bits(number, name).pattern, 2) for number in numbers] == stored_by_pytorch(numbers, name)


@given(st.floats())
def test_any_float_is_stored_in_32_and_64_bits_as_by_the_libraries(number):
    for name, integers in (("float32", np.uint32), ("float64", np.uint64)):
        bits = dtypes.bits(number, name)
        with np.errstate(over="ignore"):
            theirs = np.float64(number).astype(name)
        if math.isnan(number):
            assert math.isnan(bits.stored)
            assert math.isnan(read_by_pytorch(bits))
        else:
            assert bits.pattern == f"{theirs.view(integers):0{8 * itemsize(name)}b}"
            assert int(bits.pattern, 2) == stored_by_pytorch([number], name)[0]
            assert bits.stored == theirs


@given(st.floats())
def test_any_float_is_stored_in_16_bits_as_by_numpy_and_by_the_standard_library(number):
    bits = dtypes.bits(number, "float16")
    with np.errstate(over="ignore"):
        theirs = np.float64(number).astype(np.float16)
    assert math.isnan(bits.stored) if math.isnan(number) else bits.stored == theirs
    if math.isfinite(bits.stored):
        assert int(bits.pattern, 2) == int.from_bytes(struct.pack(">e", number))


@given(st.floats(width=32))
def test_any_float32_is_stored_in_bfloat16_and_float8_as_by_pytorch(number):
    for name in ("bfloat16", *FLOAT8):
        bits = dtypes.bits(number, name)
        if math.isnan(bits.stored):
            assert math.isnan(torch.tensor(number, **on_cpu).to(getattr(torch, name)).double().item())
        else:
            assert int(bits.pattern, 2) == stored_by_pytorch([number], name)[0]


def test_a_number_is_rounded_once_as_in_numpy_where_pytorch_rounds_twice():
    number = 1 + 2**-11 + 2**-40  # just above the middle of two float16 values
    assert dtypes.bits(number, "float16").stored == np.float64(number).astype(np.float16) == 1 + 2**-10
    assert torch.tensor(number, dtype=torch.float64, **on_cpu).half() == 1


def test_bits_are_of_any_number_of_one_element():
    expected = dtypes.bits(1.5, "float16")
    for number in (np.float32(1.5), np.array(1.5), torch.tensor(1.5), torch.tensor(1.5, dtype=torch.bfloat16)):
        assert dtypes.bits(number, torch.float16) == expected
    assert dtypes.bits(3, np.float32).stored == 3
    with pytest.raises(OverflowError):
        dtypes.bits(10**400, "float64")


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(FLOATS))
def test_the_table_of_bits_multiplies_out(number, name):
    bits = dtypes.bits(number, name)
    if math.isfinite(bits.stored):
        sign, power, mantissa = bits.table()[2][1:]
        assert float(f"{sign}1") * float(mantissa) * 2.0 ** int(power.removeprefix("2**")) == bits.stored


def test_what_became_of_a_number_is_said():
    for number, name, words in [
        (0.5, "float16", "0.5 is stored as it is."),
        (math.nan, "float16", "nan is stored as it is."),
        (-math.inf, "bfloat16", "-inf is stored as it is."),
        (0.1, "float16", "0.1 is stored as 0.0999755859375, the nearest float16."),
        (1e-9, "float16", "1e-09 is too small for float16, and becomes zero."),
        (-70000, "float16", "-70000.0 is outside ±65504.0, the range of float16, and becomes infinity."),
        (500, "float8_e4m3fn", "500.0 is stored as 448.0, the nearest float8_e4m3fn."),
    ]:
        assert dtypes.bits(number, name).notes() == (words,)


def test_dtypes_without_an_exponent_have_no_such_bits():
    with pytest.raises(ValueError) as raised:
        dtypes.bits(1, "int64")
    assert str(raised.value) == (
        "dtype is 'int64', which has no exponent and mantissa; "
        "write one of float8_e4m3fn, float8_e5m2, float16, bfloat16, float32, float64"
    )


@pytest.mark.claim("dtype-bits")
def test_bfloat16_has_the_exponent_of_float32_and_fewer_mantissa_bits_than_float16():
    bits = {name: dtypes.bits(1 / 3, name) for name in ("float16", "bfloat16", "float32")}
    assert len(bits["bfloat16"].exponent) == len(bits["float32"].exponent) == 8
    assert len(bits["bfloat16"].mantissa) == 7 < len(bits["float16"].mantissa) == 10
    # The very bits: half of those of float32, but for rounding.
    number = torch.tensor([1.0, -2.5, 3e38, 1e-30], **on_cpu)
    halves = number.view(torch.int32) >> 16
    assert torch.equal(number.bfloat16().view(torch.int16).int() - halves, torch.tensor([0, 0, 1, 0], **on_cpu).int())


@pytest.mark.parametrize("name", FLOATS)
def test_limits_of_floating_point_are_those_of_the_libraries(name):
    limits, theirs = dtypes.limits(name), torch.finfo(getattr(torch, name))
    assert (limits.smallest, limits.largest) == (theirs.min, theirs.max)
    assert (limits.epsilon, limits.smallest_normal) == (theirs.eps, theirs.smallest_normal)
    assert 1 + limits.exponent_bits + limits.mantissa_bits == theirs.bits == 8 * limits.itemsize
    if hasattr(np, name):
        info = np.finfo(name)
        assert (limits.largest, limits.epsilon) == (info.max, info.eps)
        assert (limits.smallest_normal, limits.smallest_subnormal) == (info.tiny, info.smallest_subnormal)
        assert (limits.digits, limits.exponent_bits, limits.mantissa_bits) == (info.precision, info.nexp, info.nmant)
    else:
        assert limits.smallest_subnormal == min(value for value in values(name) if value > 0)


@pytest.mark.parametrize("name", INTEGERS)
def test_limits_of_integers_are_those_of_the_libraries(name):
    limits = dtypes.limits(name)
    for info in (np.iinfo(name), torch.iinfo(getattr(torch, name))):
        assert (limits.smallest, limits.largest, 8 * limits.itemsize) == (info.min, info.max, info.bits)
    assert limits.exact_integers == limits.largest
    assert limits.epsilon is limits.digits is limits.smallest_normal is limits.smallest_subnormal is None


def test_limits_of_bool_and_of_complex():
    assert (dtypes.limits("bool").smallest, dtypes.limits("bool").largest) == (0, 1)
    with pytest.raises(ValueError) as raised:
        dtypes.limits("complex64")
    assert str(raised.value) == "dtype is 'complex64', a pair of 'float32'; ask for the limits of that"


@pytest.mark.parametrize("name", FLOATS)
def test_integers_are_exact_up_to_the_limit_and_not_beyond(name):
    limit = dtypes.limits(name).exact_integers
    integers = range(limit + 1) if limit <= 4096 else range(limit - 1000, limit + 1)
    tensor = torch.tensor([*integers, limit + 1], **on_cpu)
    back = tensor.double().to(getattr(torch, name)).double().long()
    assert torch.equal(back[:-1], tensor[:-1])
    assert back[-1] != tensor[-1]


def test_advice_is_about_what_really_happens():
    guide = dtypes.when_to_use()
    assert [limits.dtype for limits in guide.limits] == ["float32", "bfloat16", "float16", "float64", "int64", "bool"]
    assert torch.get_default_dtype() == torch.float32
    assert np.zeros(1).dtype == np.float64
    # A gradient step that float32 keeps and bfloat16 rounds away.
    assert torch.tensor(1.0) + 1e-3 > 1
    assert torch.tensor(1.0, dtype=torch.bfloat16) + 1e-3 == 1
    # A gradient that float16 makes zero.
    assert torch.tensor(1e-8).half() == 0 < torch.tensor(1e-8).bfloat16()
    # An integer mask indexes, a bool mask selects.
    x, mask = torch.tensor([5, 7, 9]), torch.tensor([1, 0, 1])
    assert x[mask].tolist() == [7, 5, 7]
    assert x[mask.bool()].tolist() == [5, 9]
    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x.masked_fill(mask, 0)
    with pytest.raises((RuntimeError, IndexError)):
        torch.nn.functional.cross_entropy(torch.zeros(3, 4), torch.ones(3, dtype=torch.int32))


def test_advice_for_some():
    guide = dtypes.when_to_use(torch.bfloat16, np.float16)
    assert [row[0] for row in guide.table()] == ["dtype", "bfloat16", "float16"]
    assert guide.notes()[0].startswith("bfloat16: to train")
    with pytest.raises(ValueError) as raised:
        dtypes.when_to_use("int8")
    assert str(raised.value) == (
        "dtypes has 'int8', on which there is no advice; there is on float32, bfloat16, float16, float64, int64, bool"
    )


def test_what_is_not_finite_is_a_string_in_json():
    numbers = {70000: "inf", -70000: "-inf", math.nan: "nan"}
    for number, text in numbers.items():
        facts = dtypes.bits(number, "float16").to_dict()
        assert json.loads(json.dumps(facts, allow_nan=False)) == facts
        assert facts["stored"] == text
        assert str(float(text)) == text


def test_bits_of_an_array_of_one_element():
    expected = dtypes.bits(0.5, "float16")
    values = (
        *(np.array([0.5]), np.array([[0.5]], np.float16), np.array(0.5), np.float32(0.5)),
        *(torch.tensor([0.5], requires_grad=True), torch.tensor(0.5, requires_grad=True)),
        torch.tensor([[0.5]], dtype=torch.bfloat16),
    )
    for value in values:
        assert dtypes.bits(value, "float16") == expected
    for value in (np.ones(2), torch.ones(2)):
        with pytest.raises(ValueError) as raised:
            dtypes.bits(value, "float16")
        assert str(raised.value) == "value has shape (2,); bits are of one element, such as value[0]"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool"])
def test_an_array_before_a_tensor_raises_and_the_mend_adds(dtype):
    array, tensor = np.ones(2, dtype), torch.ones(2)
    with pytest.raises(TypeError, match="Concatenation operation is not implemented for NumPy arrays"):
        array + tensor
    with pytest.raises(dtypes.PromotionError) as raised:
        dtypes.promote(array, tensor, "torch")
    assert str(raised.value) == (
        f"PyTorch: an array of {dtype} and a tensor of float32 do not add so; write torch.as_tensor(array)."
    )
    moved = torch.as_tensor(array)
    assert (moved + tensor).dtype == getattr(torch, dtypes.promote(moved, tensor, "torch"))


@pytest.mark.parametrize("name", ["bool", "uint8", "int64", "float32", "complex64"])
@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**70, -(2**63), -(2**63) - 1])
def test_ints_at_the_ends_of_their_range(name: str, number: int):
    for library, array in (("torch", torch.ones(2, dtype=getattr(torch, name))), ("numpy", np.ones(2, dtype=name))):
        try:
            wanted = str((array + number).dtype).removeprefix("torch.")
        except (OverflowError, RuntimeError):
            with pytest.raises(dtypes.OutOfRangeError) as raised:
                dtypes.promote(name, number, library)
            if "write a float" in str(raised.value):
                assert dtypes.promote(name, float(number), library) == str((array + float(number)).dtype).removeprefix(
                    "torch."
                )
            else:  # an array of a wider dtype
                assert library == "numpy"
                assert (array + np.array(number)).dtype.kind != "O"
        else:
            assert dtypes.promote(name, number, library) == wanted
