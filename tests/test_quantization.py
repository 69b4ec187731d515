"""Quantization, held against its error bound, PyTorch's own functions and casts, and NumPy against PyTorch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tensorref import quantization

PER = {"tensor": {}, "channel": {"per": "channel"}, "group": {"per": "group", "group_size": 8}}
INTEGERS = ("int8", "int4")
FLOATS = ("float8_e4m3fn", "float8_e5m2")


def normal(*shape, dtype=torch.float32):
    generator = torch.Generator("cpu").manual_seed(0)
    x = torch.randn(shape, generator=generator, device="cpu", dtype=torch.float64)
    return (x * torch.logspace(-2, 2, shape[-1], dtype=torch.float64, device="cpu")).to(dtype)


def errors(x, quantized):
    """Return how far each number is from the original, a row for each scale, and the bounds."""
    far = (quantization.dequantize(quantized).double() - x.double()).abs()
    bound = quantization.error_bound(quantized).double()
    grouped = far.reshape(*x.shape[:-1], bound.shape[-1], -1)
    return grouped, bound[..., None]


@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize(
    ("dtype", "symmetric"), [*itertools.product(INTEGERS, [True, False]), *((dtype, True) for dtype in FLOATS)]
)
def test_no_number_is_further_away_than_the_bound_and_some_come_near(dtype, symmetric, per):
    for x in (normal(16, 32), normal(16, 32).abs(), normal(2, 16, 32, dtype=torch.float64)):
        quantized = quantization.quantize(x, dtype, **PER[per], symmetric=symmetric)
        far, bound = errors(x, quantized)
        assert (far <= bound * (1 + 1e-4)).all()
        assert (far > bound * 0.4).any()


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_numbers_that_a_scale_has_no_digits_for_keep_within_the_bound(dtype):
    for size in (1e-36, 2.6e-43, 1.4e-44):
        x = torch.tensor([size, -size / 2])
        far, bound = errors(x, quantization.quantize(x, dtype))
        assert (far <= bound * (1 + 1e-4)).all()


@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_numpy_and_pytorch_give_the_same(dtype, symmetric, per):
    x = normal(6, 16)
    ours, theirs = (quantization.quantize(each, dtype, **PER[per], symmetric=symmetric) for each in (x, x.numpy()))
    assert isinstance(theirs.numbers, np.ndarray)
    np.testing.assert_array_equal(ours.numbers.numpy(), theirs.numbers)
    np.testing.assert_array_equal(ours.scale.numpy(), theirs.scale)
    assert (ours.zero_point is None) == (theirs.zero_point is None) == symmetric
    np.testing.assert_array_equal(quantization.dequantize(ours).numpy(), quantization.dequantize(theirs), strict=True)
    assert ours.original == torch.float32
    assert theirs.original == np.float32


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_scale_per_tensor_is_pytorchs_with_that_scale(symmetric):
    x = normal(8, 8) if symmetric else normal(8, 8).abs()
    quantized = quantization.quantize(x, symmetric=symmetric)
    zero = 0 if symmetric else quantized.zero_point.item()
    theirs = torch.fake_quantize_per_tensor_affine(x, quantized.scale.item(), zero, -128, 127)
    torch.testing.assert_close(quantization.dequantize(quantized), theirs)
    assert zero == (0 if symmetric else -128)


def test_zero_is_exact_with_a_zero_point():
    for x in (torch.tensor([0.0, 1.1, 3.0]), torch.tensor([-0.7, 0.0, 2.0]), torch.tensor([-5.0, 0.0, -3.0])):
        assert quantization.dequantize(quantization.quantize(x, symmetric=False))[x == 0] == 0


@pytest.mark.parametrize(("dtype", "largest"), [("int8", 127), ("int4", 7)])
def test_a_scale_per_channel_is_pytorchs(dtype, largest):
    x = normal(5, 8)
    quantized = quantization.quantize(x, dtype, per="channel")
    assert quantized.scale.shape == (5, 1)
    zeros = torch.zeros(5, dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(x, quantized.scale[:, 0], zeros, 0, -largest, largest)
    torch.testing.assert_close(quantization.dequantize(quantized), theirs)


@pytest.mark.parametrize("dtype", FLOATS)
def test_float8_is_the_cast_of_pytorch(dtype):
    x = normal(4, 8)
    own = getattr(torch, dtype)
    quantized = quantization.quantize(x, dtype, per="channel")
    assert quantized.numbers.dtype == own
    scale = x.abs().amax(-1, keepdim=True) / torch.finfo(own).max
    assert torch.equal(quantized.numbers.float(), (x / scale).to(own).float())
    assert quantized.numbers.float().abs().amax(-1).eq(torch.finfo(own).max).all()
    far = (quantization.dequantize(quantized) - x).abs()
    normal_ones = (x / scale).abs() >= torch.finfo(own).smallest_normal
    assert (far <= x.abs() * torch.finfo(own).eps / 2 * (1 + 1e-5))[normal_ones].all()


def test_int4_is_packed_and_unpacked_without_loss():
    pairs = torch.tensor([*itertools.product(range(-8, 8), repeat=2)], dtype=torch.int8)
    packed = quantization.pack_int4(pairs)
    assert packed.shape == (256, 1)
    assert sorted(packed[:, 0].tolist()) == list(range(256))
    assert packed[:, 0].tolist() == [(first & 15) + 16 * (second & 15) for first, second in pairs.tolist()]
    assert torch.equal(quantization.unpack_int4(packed), pairs)
    assert np.array_equal(quantization.pack_int4(pairs.numpy()), packed.numpy())
    assert np.array_equal(quantization.unpack_int4(packed.numpy()), pairs.numpy())


@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize(("dtype", "symmetric"), [("int8", True), ("int8", False), ("int4", True), (FLOATS[0], True)])
def test_a_product_with_scales_is_that_with_the_dequantized_weight(dtype, symmetric, per):
    weight, x = normal(6, 16, dtype=torch.float64), normal(2, 3, 16, dtype=torch.float64)
    quantized = quantization.quantize(weight, dtype, **PER[per], symmetric=symmetric)
    product = quantization.linear(x, quantized)
    expected = torch.nn.functional.linear(x, quantization.dequantize(quantized))
    torch.testing.assert_close(product, expected, rtol=1e-12, atol=1e-12)
    bound = quantization.error_bound(quantized).expand(6, -1).repeat_interleave(16 // quantized.scale.shape[-1], 1)
    assert ((product - x @ weight.T).abs() <= x.abs() @ bound.T * (1 + 1e-9)).all()


def test_a_product_keeps_the_dtype_of_the_features_and_the_library():
    quantized = quantization.quantize(np.full((2, 4), 127.0, np.float32), per="channel")
    assert quantization.linear(np.ones(4, np.float16), quantized).dtype == np.float16
    assert quantization.linear(np.ones((3, 4)), quantized).tolist() == [[508.0, 508.0]] * 3
    half = quantization.quantize(torch.ones(2, 4, dtype=torch.bfloat16))
    assert quantization.linear(torch.ones(4, dtype=torch.bfloat16), half).dtype == torch.bfloat16
    assert quantization.dequantize(half).dtype == torch.bfloat16
    assert half.scale.dtype == torch.float32


def test_smaller_groups_are_nearer():
    x = normal(8, 64)
    far = [
        (quantization.dequantize(quantization.quantize(x, "int4", **options)) - x).square().mean().item()
        for options in ({}, {"per": "channel"}, {"per": "group", "group_size": 16}, {"per": "group", "group_size": 4})
    ]
    assert far == sorted(far, reverse=True)
    assert far[0] > 4 * far[-1]


def test_zeros_stay_zeros_and_a_gradient_is_cut():
    for symmetric in (True, False):
        quantized = quantization.quantize(torch.zeros(2, 4), per="channel", symmetric=symmetric)
        assert quantized.scale.eq(1).all()
        assert quantization.dequantize(quantized).eq(0).all()
    assert not quantization.quantize(torch.ones(2, requires_grad=True)).scale.requires_grad


@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize(("dtype", "symmetric"), [("int8", True), ("int8", False), ("int4", True), (FLOATS[1], True)])
def test_an_explanation_has_the_shapes_and_bytes_of_what_is_stored(dtype, symmetric, per):
    for x in (normal(3, 16), normal(2, 3, 16), normal(16)):
        explanation = quantization.explain(x.shape, dtype, **PER[per], symmetric=symmetric)
        quantized = quantization.quantize(x, dtype, **PER[per], symmetric=symmetric)
        real = [each for each in (quantized.numbers, quantized.scale, quantized.zero_point) if each is not None]
        assert [each.shape for each in explanation.stored] == [tuple(each.shape) for each in real]
        assert [f"torch.{each.dtype}" for each in explanation.stored] == [str(each.dtype) for each in real]
        assert [each.nbytes for each in explanation.stored] == [each.nbytes for each in real]
        assert explanation.nbytes == sum(each.nbytes for each in real)
        assert explanation.group_size == x.numel() // quantized.scale.numel()
        on_meta = quantization.quantize(x.to("meta"), dtype, **PER[per], symmetric=symmetric)
        assert on_meta.numbers.shape == quantized.numbers.shape or dtype == "int4"


def test_a_picture_has_a_hue_for_what_shares_a_scale():
    picture = quantization.explain((4, 8), "int4", per="group", group_size=4).svg()
    assert picture.count(">s</text>") == 8
    assert [picture.count(f"hue-{hue},") > 0 for hue in (1, 2, 3)] == [True] * 3
    assert "hue-2" not in quantization.explain((4, 8)).svg()
    assert quantization.explain((4, 8), scale_dtype="float16").to_dict()["stored"][1]["nbytes"] == 2


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: quantization.quantize(torch.ones(2, 6), "int4", per="group", group_size=4),
            ValueError,
            "group_size is 4, which does not divide the last axis of (2, 6); pad it, or take another",
        ),
        (
            lambda: quantization.quantize(torch.ones(2, 6), per="group"),
            ValueError,
            "group_size is None, and per is 'group'; a group has a size, and nothing else has: write per='group', group_size=32",
        ),
        (
            lambda: quantization.quantize(torch.ones(2, 3), "int4"),
            ValueError,
            "x is (2, 3), whose last axis is odd; two numbers of int4 are a byte: pad it",
        ),
        (
            lambda: quantization.quantize(np.ones(2), "float8_e5m2"),
            TypeError,
            "dtype is float8_e5m2, which NumPy has not; give a tensor: torch.as_tensor(x)",
        ),
        (
            lambda: quantization.explain((2, 4), "float8_e5m2", symmetric=False),
            ValueError,
            "symmetric is False, and dtype is float8_e5m2, which has no zero point: leave it out",
        ),
        (
            lambda: quantization.quantize(torch.tensor([1.0, torch.inf])),
            ValueError,
            "x has numbers that are not finite, or too far apart, which no scale reaches; replace them first",
        ),
        (
            lambda: quantization.explain(()),
            ValueError,
            "shape is (), which has no last axis with numbers on it; give at least one number: (1,)",
        ),
        (
            lambda: quantization.pack_int4(torch.tensor([8, 0], dtype=torch.int8)),
            ValueError,
            "numbers has some outside of -8 to 7, which four bits hold; quantize to int4 first",
        ),
        (
            lambda: quantization.pack_int4(np.zeros(3, np.int8)),
            ValueError,
            "numbers has shape (3,); two are packed in a byte: pad the last axis to even",
        ),
        (
            lambda: quantization.linear(torch.ones(3), quantization.quantize(torch.ones(2, 4))),
            ValueError,
            "x has shape (3,), weight has shape (2, 4); they are (*batch, in_features) and (out_features, in_features)",
        ),
    ],
)
def test_what_cannot_be_says_why(call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == words


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_quantized_weight_says_what_makes_one():
    weight = torch.ones(2, 4)
    for call, name in (
        (lambda: quantization.dequantize(weight), "quantized"),
        (lambda: quantization.error_bound(weight), "quantized"),
        (lambda: quantization.linear(torch.ones(4), weight), "weight"),
    ):
        with pytest.raises(TypeError) as raised:
            call()
        assert str(raised.value) == f"{name} is of type Tensor; give what quantization.quantize(x) returns"
    with pytest.raises(ValueError, match=r"packed has no axis to unpack along; give it one with packed\[None\]"):
        quantization.unpack_int4(np.array(3, np.uint8))
    with pytest.raises(TypeError, match=r"numbers has dtype torch.int64, not int8; write numbers.to\(torch.int8\)"):
        quantization.pack_int4(torch.tensor([1, 2]))
    with pytest.raises(TypeError, match=r"x is a tensor, weight is an array; convert one with"):
        quantization.linear(torch.ones(4), quantization.quantize(np.ones((2, 4))))
