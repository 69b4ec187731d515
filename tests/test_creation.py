"""What is created, held against both libraries and against the distribution it is drawn from."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import creation

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@pytest.mark.claim("same-syntax")
@pytest.mark.parametrize("row", creation.DEFAULTS, ids=[row.topic for row in creation.DEFAULTS])
def test_defaults_are_those_of_the_libraries(row):
    generator = torch.Generator(torch.get_default_device()).manual_seed(0)
    names = {"np": np, "torch": torch, "generator": generator}
    array, tensor = (eval(code, names) for code in (row.numpy, row.torch))  # noqa: S307  the code is ours
    assert isinstance(array, np.ndarray)
    assert isinstance(tensor, torch.Tensor)
    assert str(array.dtype) == row.numpy_dtype
    assert str(tensor.dtype) == f"torch.{row.torch_dtype}"
    assert array.shape == tensor.shape
    if "generator" not in row.torch:
        assert array.tolist() == tensor.tolist()


def test_the_default_dtype_of_floats_can_be_set_and_that_of_arrays_stays():
    torch.set_default_dtype(torch.float64)
    assert creation.from_list([1.0]).dtype == torch.float64
    assert torch.tensor(np.ones(1, np.float32)).dtype == torch.float32
    for tensor in (creation.zeros(1), creation.ones(1), creation.linspace(0, 1, 3), creation.normal(1, seed=0)):
        assert tensor.dtype == torch.float32


@given(st.recursive(st.integers(-9, 9), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=12))
def test_a_list_is_refused_where_pytorch_refuses_it(values):
    if isinstance(values, int):
        return
    try:
        expected = torch.tensor(values)
    except (ValueError, TypeError):
        with pytest.raises(ValueError, match="give lists beside each other one length"):
            creation.from_list(values)
    else:
        assert torch.equal(creation.from_list(values), expected)


RAGGED = [
    ([[1, 2], [3]], "values[0] has length 2, values[1] has length 1"),
    ([1, [2]], "values[0] is not a list, values[1] has length 1"),
    ([[1], 2], "values[0] has length 1, values[1] is not a list"),
    ([[[1], [2]], [[3], [4, 5]]], "values[0][0] has length 1, values[1][1] has length 2"),
    ([[1], [[2]]], "values[0][0] is not a list, values[1][0] has length 1"),
]


@pytest.mark.parametrize(("values", "words"), RAGGED, ids=[str(values) for values, _ in RAGGED])
def test_lists_of_unequal_length_are_refused_with_the_fix(values, words):
    with pytest.raises(ValueError) as raised:
        creation.from_list(values)
    assert str(raised.value) == f"{words}; give lists beside each other one length: pad the shorter"


def test_what_is_no_number_is_refused_in_the_words_of_pytorch():
    with pytest.raises(ValueError, match="too many dimensions 'str'"):
        creation.from_list(["a"])


def test_a_list_is_copied():
    values = [[1.0, 2.0]]
    tensor = creation.from_list(values, dtype=torch.bfloat16, device="cpu")
    tensor.zero_()
    assert values == [[1.0, 2.0]]
    assert (tensor.dtype, tensor.device.type) == (torch.bfloat16, "cpu")


@given(shapes)
def test_shapes_dtypes_and_values(shape):
    for function, value in ((creation.zeros, 0), (creation.ones, 1)):
        for dtype in (torch.float32, torch.float16, torch.int64, torch.bool):
            tensor = function(shape, dtype=dtype)
            assert (tuple(tensor.shape), tensor.dtype) == (shape, dtype)
            assert tensor.tolist() == np.full(shape, value, str(dtype).removeprefix("torch.")).tolist()
    assert tuple(creation.normal(shape, seed=0).shape) == shape


def test_steps():
    assert creation.arange(5).tolist() == np.arange(5).tolist()
    assert creation.arange(0).shape == (0,)
    assert creation.arange(5).dtype == torch.int64
    assert creation.linspace(-1.0, 2.0, 7).tolist() == np.linspace(-1, 2, 7).tolist()
    assert creation.linspace(0, 1, 0).shape == (0,)
    assert creation.linspace(0, 1, 1).tolist() == [0.0]
    assert creation.linspace(0, 1, 3).dtype == torch.float32


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_global_generator_alone():
    torch.manual_seed(7)
    expected = torch.randn(3)
    torch.manual_seed(7)
    first = creation.normal((4, 5), seed=0)
    assert torch.equal(torch.randn(3), expected)
    assert torch.equal(first, creation.normal((4, 5), seed=0))
    assert not torch.equal(first, creation.normal((4, 5), seed=1))
    assert torch.equal(first * 0.5, creation.normal((4, 5), seed=0, std=0.5))
    assert torch.equal(creation.normal((4, 5), seed=0, std=0.0), creation.zeros((4, 5)))


@pytest.mark.parametrize("std", [1.0, 0.02])
def test_normal_numbers_are_normal(std):
    """Hold the shares within 1, 2 and 3 standard deviations against the normal distribution."""
    size = 100_000
    numbers = creation.normal(size, seed=0, std=std, dtype=torch.float64)
    # Five standard errors: a right generator would miss that for one seed in two million.
    assert abs(numbers.mean()) < 5 * std / math.sqrt(size)
    assert abs(numbers.std() / std - 1) < 5 / math.sqrt(2 * size)
    for width in (1, 2, 3):
        share = math.erf(width / math.sqrt(2))
        error = 5 * math.sqrt(share * (1 - share) / size)
        assert abs((numbers.abs() < width * std).double().mean() - share) < error


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_normal_has_the_dtype_and_the_device(dtype):
    assert creation.normal(3, seed=0, dtype=dtype).dtype == dtype
    assert creation.normal(3, seed=0, device="cpu").device.type == "cpu"
    assert creation.normal(3, seed=0).device.type == torch.get_default_device().type


def test_wrong_arguments_are_refused_with_the_fix():
    with pytest.raises(ValueError) as raised:
        creation.normal(3, seed=0, std=-1.0)
    assert str(raised.value) == "std is -1.0; a standard deviation is 0 or more, its square is the variance"
    for function in (creation.zeros, creation.ones, lambda shape: creation.normal(shape, seed=0)):
        with pytest.raises(TypeError) as raised_type:
            function((64 / 8, 3))
        assert str(raised_type.value) == (
            "shape[0] is 8.0, of type float; a size is an int: divide with // to keep it whole"
        )
    with pytest.raises(ValueError) as raised:
        creation.arange(-1)
    assert str(raised.value) == "stop is -1; it says how many numbers there are to be, 0 or more"
    with pytest.raises(ValueError) as raised:
        creation.linspace(0, 1, -1)
    assert str(raised.value) == "num is -1; it says how many numbers there are to be, 0 or more"
    with pytest.raises(TypeError) as raised_type:
        inspect.unwrap(creation.linspace)(0.0, 1.0, 2.5)
    assert str(raised_type.value).startswith("num is 2.5, of type float; a size is an int")
    # Without the import hook's check of the annotations, as a user calls it.
    arange, linspace = inspect.unwrap(creation.arange), inspect.unwrap(creation.linspace)
    for wrong in ((2, 3), (), (2,), [4]):
        words = f"is {wrong}, of type {type(wrong).__name__}; a size is an int: write it as a number, such as 4"
        with pytest.raises(TypeError) as raised_type:
            arange(wrong)
        assert str(raised_type.value) == f"stop {words}"
        with pytest.raises(TypeError) as raised_type:
            linspace(0.0, 1.0, wrong)
        assert str(raised_type.value) == f"num {words}"


def test_a_dtype_is_what_pytorch_takes_for_one():
    zeros, normal = inspect.unwrap(creation.zeros), inspect.unwrap(creation.normal)
    for dtype in (float, int, bool, complex, None):
        assert zeros((2,), dtype=dtype).dtype == torch.zeros(2, dtype=dtype).dtype
    assert normal((2,), seed=0, dtype=float).dtype == torch.float64
    for wrong in (torch.int64, torch.bool, torch.float8_e4m3fn):
        with pytest.raises(TypeError) as raised:
            normal((2,), seed=0, dtype=wrong)
        assert str(raised.value) == f"dtype is {wrong}, in which PyTorch draws no normal numbers; write torch.float32"


def test_a_device_that_is_not_there_is_named():
    # No machine has a hundredth accelerator of a kind that is not PyTorch's own.
    for make in (
        lambda device: creation.zeros((2,), device=device),
        lambda device: creation.ones((2,), device=device),
        lambda device: creation.arange(2, device=device),
        lambda device: creation.linspace(0, 1, 2, device=device),
        lambda device: creation.from_list([1], device=device),
        lambda device: creation.normal((2,), seed=0, device=device),
    ):
        with pytest.raises(ValueError, match="no tensor here") as raised:
            make("privateuseone:99")
        assert str(raised.value) == (
            "device is 'privateuseone:99', on which PyTorch makes no tensor here; devices.status() says why"
        )
    assert creation.zeros((2,), device="meta").is_meta
    with pytest.raises(ValueError, match="write 'cpu', or zeros"):
        creation.normal((2,), seed=0, device="meta")


def test_a_number_that_requires_grad_is_not_cut_off_in_silence():
    learned = torch.nn.Parameter(torch.tensor(0.5))
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(creation.linspace)(0.0, learned, 3)
    assert str(raised.value) == "stop requires grad, which one number cannot pass on; write stop.item() for its value"
    assert inspect.unwrap(creation.linspace)(0.0, learned.item(), 3).tolist() == [0.0, 0.25, 0.5]
