"""Element-wise operations of both libraries, held against each other and against Python's own arithmetic."""

from __future__ import annotations

import inspect
import itertools
import math
import operator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import elementwise, matmul

numbers = st.floats(-4, 4).map(lambda number: round(number, 2))
vectors = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5)
shapes = st.lists(st.sampled_from([1, 3]), max_size=3).map(tuple)

OPERATIONS = [
    (elementwise.add, operator.add),
    (elementwise.multiply, operator.mul),
    (elementwise.power, math.pow),
]


@pytest.mark.claim("same-syntax")
@pytest.mark.parametrize(("ours", "theirs"), OPERATIONS, ids=["add", "multiply", "power"])
@given(vectors)
def test_both_libraries_give_what_python_gives(ours, theirs, pairs):
    if ours is elementwise.power:
        pairs = [(abs(a) + 0.5, b) for a, b in pairs]
    a, b = map(list, zip(*pairs, strict=True))
    expected = [theirs(*pair) for pair in pairs]
    array = ours(np.array(a), np.array(b))
    tensor = ours(
        torch.tensor(a, dtype=torch.float64, device="cpu"), torch.tensor(b, dtype=torch.float64, device="cpu")
    )
    assert isinstance(array, np.ndarray)
    np.testing.assert_allclose(array, expected, rtol=1e-14)
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-14)


@given(vectors)
def test_exp_is_that_of_python(pairs):
    values = [value for pair in pairs for value in pair]
    expected = [math.exp(value) for value in values]
    np.testing.assert_allclose(elementwise.exp(np.array(values)), expected, rtol=1e-14)
    tensor = elementwise.exp(torch.tensor(values, dtype=torch.float64, device="cpu"))
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-14)


@given(shapes, shapes)
def test_shapes_broadcast(a, b):
    for empty, function in itertools.product((np.ones, torch.ones), (f for f, _ in OPERATIONS)):
        assert tuple(function(empty(a), empty(b)).shape) == np.broadcast_shapes(a, b)


@pytest.mark.parametrize("ones", [np.ones, torch.ones], ids=["numpy", "torch"])
def test_the_result_is_new_and_of_the_same_kind(ones):
    a, b = ones((2, 3)), ones((2, 3))
    for result in (*(function(a, b) for function, _ in OPERATIONS), elementwise.add(a, 0), elementwise.exp(a)):
        assert type(result) is type(a)
        result[...] = 7
    assert (a == 1).all()
    assert (b == 1).all()


def test_dtypes_are_those_of_the_libraries():
    assert elementwise.exp(np.arange(3)).dtype == np.float64
    assert elementwise.exp(np.arange(3, dtype=np.int16)).dtype == np.float32
    assert elementwise.exp(torch.arange(3)).dtype == torch.float32
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert elementwise.exp(torch.zeros(3, dtype=dtype)).dtype == dtype
    assert elementwise.add(torch.tensor([1, 2]), 0.5).dtype == torch.float32
    assert elementwise.add(np.array([1, 2]), 0.5).dtype == np.float64


def test_out_of_range_warns_in_numpy_only():
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        assert np.isinf(elementwise.exp(np.array([1000.0]))).all()
    assert torch.isinf(elementwise.exp(torch.tensor([1000.0]))).all()
    limits = {torch.float32: (88.7, 88.8), torch.float16: (11.08, 11.1)}
    for dtype, values in limits.items():
        result = elementwise.exp(torch.tensor(values, dtype=dtype))
        assert result.isinf().tolist() == [False, True]


def test_integers_have_no_negative_powers():
    with pytest.raises(ValueError, match="Integers to negative integer powers are not allowed"):
        elementwise.power(np.array([1, 2]), -1)
    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        elementwise.power(torch.tensor([1, 2]), -1)
    assert elementwise.power(np.array([1, 2]), -1.0).tolist() == [1.0, 0.5]
    assert elementwise.power(torch.tensor([1, 2]), -1.0).tolist() == [1.0, 0.5]


@pytest.mark.claim("same-syntax")
def test_default_dtypes_differ():
    assert (np.array([1.0]) + np.array([2.0])).dtype == np.float64
    assert (torch.tensor([1.0]) + torch.tensor([2.0])).dtype == torch.float32


@pytest.mark.claim("same-syntax")
@given(st.integers(2, 5), st.integers(2, 5))
def test_an_overlapping_update_in_place_is_safe_in_numpy_only(rows, columns):
    values = np.arange(1.0, rows * columns + 1).reshape(rows, columns)
    right = values - values[:, 0][:, None].copy()

    array = values.copy()
    array -= array[:, 0][:, None]
    assert array.tolist() == right.tolist()

    # What comes out depends on the order in which the elements are visited, so on the device too.
    tensor = torch.tensor(values, device="cpu")
    assert (tensor - tensor[:, 0][:, None]).tolist() == right.tolist()
    cloned = tensor.clone()
    cloned -= cloned[:, 0][:, None].clone()
    assert cloned.tolist() == right.tolist()
    tensor -= tensor[:, 0][:, None]
    assert tensor.tolist() != right.tolist()


@pytest.mark.claim("same-syntax")
def test_an_overlap_that_pytorch_sees_is_refused():
    array, tensor = np.arange(5), torch.arange(5, device="cpu")
    array[1:] += array[:-1]
    assert array.tolist() == [0, 1, 3, 5, 7]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        tensor[1:] += tensor[:-1]


@pytest.mark.parametrize("function", [function for function, _ in OPERATIONS], ids=["add", "multiply", "power"])
def test_an_array_with_a_tensor_is_refused_with_the_fix(function):
    array, tensor, name = np.ones(2), torch.ones(2), "exponent" if function is elementwise.power else "b"
    fix = "convert one with torch.as_tensor(array) or tensor.numpy(force=True)"
    with pytest.raises(TypeError) as raised:
        function(array, tensor)
    assert str(raised.value) == f"a is an array, {name} is a tensor; {fix}"
    with pytest.raises(TypeError) as raised:
        function(tensor, array)
    assert str(raised.value) == f"a is a tensor, {name} is an array; {fix}"


def test_what_an_array_and_a_tensor_do_without_that_check():
    array, tensor = np.ones(2), torch.ones(2, device="cpu")
    with pytest.raises(TypeError):
        array + tensor
    with pytest.warns(DeprecationWarning, match="__array_wrap__"):
        result = tensor + array
    assert isinstance(result, torch.Tensor)
    assert result.dtype == torch.float64


LACKING = [f"uint{bits}" for bits in (16, 32, 64)] + [
    f"float8_{form}" for form in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz", "e8m0fnu")
]


@pytest.mark.parametrize("name", [*LACKING, "bool", "int64"])
@pytest.mark.parametrize("function", [*(ours for ours, _ in OPERATIONS), elementwise.exp, matmul.product])
def test_a_dtype_that_pytorch_does_not_compute_with_is_refused_with_code_that_works(function, name):
    theirs = {
        elementwise.add: torch.add,
        elementwise.multiply: torch.mul,
        elementwise.power: torch.pow,
        elementwise.exp: torch.exp,
        matmul.product: torch.matmul,
    }[function]
    function = inspect.unwrap(function)
    names = list(inspect.signature(function).parameters)
    operands = {each: torch.ones(2, 2, device="cpu").to(getattr(torch, name)) for each in names}
    try:
        expected = theirs(*operands.values())
    except NotImplementedError:
        with pytest.raises(TypeError, match="which PyTorch does not compute with here on cpu; write") as raised:
            function(*operands.values())
        said = str(raised.value)
        assert said.startswith(", ".join(f"{each} has dtype torch.{name}" for each in names))
        mended = eval(f"({said.partition('; write ')[2]},)", {**operands})  # noqa: S307  the code is ours
        result = function(*mended)
        torch.testing.assert_close(result, theirs(*(each.to(result.dtype) for each in operands.values())))
    else:
        assert function(*operands.values()).dtype == expected.dtype


@pytest.mark.parametrize("function", [*(ours for ours, _ in OPERATIONS), matmul.product])
def test_what_is_no_array_is_refused_by_its_name(function):
    function = inspect.unwrap(function)
    first, second = inspect.signature(function).parameters
    for kind, ones in (("list", [[1.0]]), ("tuple", ((1.0,),))):
        for operands, named in (((ones, torch.ones(1, 1)), first), ((torch.ones(1, 1), ones), second)):
            with pytest.raises(TypeError) as raised:
                function(*operands)
            assert str(raised.value) == (
                f"{named} is of type {kind}, not a NumPy array or a PyTorch tensor; make it one with np.array({named}) or "
                f"torch.tensor({named})"
            )


def test_exp_of_integers_has_the_size_that_is_said():
    said = {8: np.float16, 16: np.float32, 32: np.float64, 64: np.float64}
    for bits, dtype in said.items():
        assert elementwise.exp(np.zeros(1, f"int{bits}")).dtype == elementwise.exp(np.zeros(1, f"uint{bits}")).dtype
        assert elementwise.exp(np.zeros(1, f"int{bits}")).dtype == dtype


NAMES = {elementwise.add: ("a", "b"), elementwise.multiply: ("a", "b"), elementwise.power: ("a", "exponent")}


@pytest.mark.parametrize(
    ("function", "operation"),
    [(elementwise.add, operator.add), (elementwise.multiply, operator.mul), (elementwise.power, operator.pow)],
)
def test_a_number_of_numpy_is_a_number_beside_a_tensor_and_an_array_without_axes_alone(function, operation):
    ours, x = inspect.unwrap(function), torch.tensor([1.0, 2.0])
    for number in (np.float32(2), np.float64(2), np.int64(2)):
        assert torch.equal(ours(x, number), ours(x, 2))
        assert ours(number, 3) == operation(2, 3)


@pytest.mark.parametrize("function", NAMES)
@pytest.mark.parametrize("value", [None, "x", object()])
def test_what_is_neither_array_nor_number_is_named(function, value):
    ours, (first, second) = inspect.unwrap(function), NAMES[function]
    for arguments, name in (((value, torch.ones(2)), first), ((torch.ones(2), value), second), ((value, value), first)):
        with pytest.raises(TypeError) as raised:
            ours(*arguments)
        kind = type(value).__name__
        assert str(raised.value) == f"{name} is of type {kind}, not a NumPy array or a PyTorch tensor; give one of them"


@pytest.mark.parametrize("function", NAMES)
def test_of_two_numbers_one_has_to_be_an_array(function):
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(function)(1, 2)
    assert str(raised.value) == (
        "a is of type int, not a NumPy array or a PyTorch tensor; make it one with np.array(a) or torch.tensor(a)"
    )
