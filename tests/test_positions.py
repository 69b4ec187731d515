"""Rotary embedding in both layouts, held against complex numbers, against the code of open models, and against each other."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import linear, scaled_dot_product_attention

from tensorref import positions

LAYOUTS = ("halves", "pairs")
few = settings(max_examples=25)
sizes = st.integers(1, 4)
places = st.integers(0, 5000)


def normal(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu").to(dtype)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


def table(length, head_dim, base):
    """Return the angles as open models compute them."""
    inverse = 1.0 / base ** (torch.arange(0, head_dim, 2, dtype=torch.float64, device="cpu") / head_dim)
    return torch.outer(torch.as_tensor(length, dtype=torch.float64, device="cpu"), inverse)


def of_hugging_face(x, turns):
    emb = torch.cat((turns, turns), dim=-1)
    half = x.shape[-1] // 2
    rotated_half = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return x * emb.cos() + rotated_half * emb.sin()


def of_meta(x, turns):
    points = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(points * torch.polar(torch.ones_like(turns), turns)).flatten(-2)


MODELS = {"halves": of_hugging_face, "pairs": of_meta}


@pytest.mark.parametrize("layout", LAYOUTS)
@few
@given(st.lists(sizes, max_size=2), st.lists(places, min_size=1, max_size=4), sizes, st.sampled_from([10000.0, 5e5]))
def test_each_layout_is_that_of_its_model(layout, batch, where, half, base):
    x, at = normal(*batch, len(where), 2 * half), torch.tensor(where, device="cpu")
    ours = positions.rotate(x, at, layout=layout, base=base)
    close(ours, MODELS[layout](x, table(where, 2 * half, base)))
    array = positions.rotate(x.numpy(), at.numpy(), layout=layout, base=base)
    assert isinstance(array, np.ndarray)
    close(torch.from_numpy(array), ours)


@pytest.mark.parametrize("layout", LAYOUTS)
@few
@given(places, places, places, sizes)
def test_scores_depend_on_the_distance_alone(layout, first, second, shift, half):
    query, key = normal(1, 2 * half, seed=1), normal(1, 2 * half, seed=2)

    def score(q, k):
        turned = [positions.rotate(x, torch.tensor([at]), layout=layout) for x, at in ((query, q), (key, k))]
        return (turned[0] * turned[1]).sum()

    close(score(first, second), score(first + shift, second + shift))
    # Turned by the distance alone, the key left as it is.
    alone = positions.rotate(query, torch.tensor([first - second]), layout=layout)
    close(score(first, second), (alone * key).sum())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_lengths_stay_and_negative_positions_turn_back(layout):
    x, at = normal(3, 5, 8), torch.tensor([0, 3, 7, 100, 4096], device="cpu")
    turned = positions.rotate(x, at, layout=layout)
    close(turned.norm(dim=-1), x.norm(dim=-1))
    close(positions.rotate(turned, -at, layout=layout), x)
    assert torch.equal(turned[:, 0], x[:, 0])


@pytest.mark.parametrize("head_dim", [2, 4, 6, 64])
def test_the_permutation_leads_from_one_layout_to_the_other(head_dim):
    x, at = normal(2, 3, head_dim), torch.tensor([5, 6, 900], device="cpu")
    to_halves, to_pairs = (positions.permutation(head_dim, layout) for layout in LAYOUTS)
    turned = positions.rotate(x, at, layout="pairs")
    close(positions.rotate(x[..., to_halves], at, layout="halves"), turned[..., to_halves])
    assert [to_halves[i] for i in to_pairs] == [*range(head_dim)]
    half = head_dim // 2
    assert to_halves == torch.arange(head_dim).view(half, 2).T.flatten().tolist()


def test_converted_weights_give_the_same_attention():
    embed_dim, heads, kv_heads, head_dim = 12, 4, 2, 6
    x, at = normal(2, 5, embed_dim), torch.arange(7, 12, device="cpu")
    w_query, w_key = normal(heads * head_dim, embed_dim, seed=1), normal(kv_heads * head_dim, embed_dim, seed=2)
    w_value, bias = normal(kv_heads * head_dim, embed_dim, seed=3), normal(heads * head_dim, seed=4)

    def attended(query, bias, key, layout):
        q, k, v = (
            each.unflatten(-1, (-1, head_dim)).transpose(1, 2)
            for each in (linear(x, query, bias), linear(x, key), linear(x, w_value))
        )
        q, k = (positions.rotate(each, at, layout=layout) for each in (q, k))
        return scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)

    of_meta_ = attended(w_query, bias, w_key, "pairs")
    converted = [positions.convert(w_query, heads), positions.convert(bias, heads), positions.convert(w_key, kv_heads)]
    close(attended(*converted, "halves"), of_meta_)
    assert not torch.allclose(attended(w_query, bias, w_key, "halves"), of_meta_)
    # The heads of the queries given for the keys, which share them, is what broke converters.
    wrong = positions.convert(w_key, 1)
    assert not torch.allclose(attended(*converted[:2], wrong, "halves"), of_meta_)
    # The reshape of the script that converts Meta's weights for Hugging Face's code.
    script = w_query.view(heads, head_dim // 2, 2, embed_dim).transpose(1, 2).reshape(heads * head_dim, embed_dim)
    assert torch.equal(converted[0], script)
    assert torch.equal(positions.convert(script, heads, layout="pairs"), w_query)
    assert (positions.convert(w_query.numpy(), heads) == script.numpy()).all()
    eighths = torch.arange(8, dtype=torch.int8, device="cpu")[:, None]
    assert positions.convert(eighths, 2).dtype == torch.int8


def test_a_cache_gives_what_the_whole_sequence_gives():
    x = normal(2, 3, 6, 8)
    whole = positions.rotate(x)
    for step in range(6):
        close(
            positions.rotate(x[..., step : step + 1, :], torch.tensor([step], device="cpu")),
            whole[..., step : step + 1, :],
        )


def test_positions_of_a_padded_batch_broadcast_over_the_heads():
    x, at = normal(2, 3, 4, 8), torch.tensor([[0, 1, 2, 3], [0, 0, 0, 1]], device="cpu")
    turned = positions.rotate(x, at[:, None])
    for row in range(2):
        close(turned[row], positions.rotate(x[row], at[row]))
    with pytest.raises(ValueError) as raised:
        inspect.unwrap(positions.rotate)(x, at)
    assert str(raised.value) == (
        "positions has shape (2, 4), x has shape (2, 3, 4, 8), so tokens (2, 3, 4); write positions[:, None] for the axis of "
        "the heads"
    )
    with pytest.raises(ValueError, match="so tokens \\(2, 3, 4\\); give one for each token"):
        inspect.unwrap(positions.rotate)(x, at[0, :3])


def test_frequencies_and_scalings():
    for head_dim, base in itertools.product((2, 8, 128), (10000.0, 500000.0)):
        ours = positions.frequencies(head_dim, base=base)
        np.testing.assert_allclose(ours, table([1], head_dim, base)[0].numpy(), rtol=1e-14)
        np.testing.assert_allclose(positions.frequencies(head_dim, base=base, factor=4), np.array(ours) / 4, rtol=1e-14)
    # Linear scaling: position 4 p at a factor of 4 is position p without.
    x, at = normal(5, 8), torch.arange(5, device="cpu")
    close(positions.rotate(x, 4 * at, factor=4.0), positions.rotate(x, at))
    # NTK-aware: the fastest pair keeps its frequency, the slowest is divided by the factor.
    slow = positions.frequencies(64, base=10000 * 8 ** (64 / 62))
    assert slow[0] == 1
    assert slow[-1] == pytest.approx(positions.frequencies(64)[-1] / 8)


def test_angles_are_float32_and_right_at_long_positions():
    at = torch.tensor([[0, 1], [4096, 131072]], device="cpu")
    ours = positions.angles(at, 64)
    assert ours.dtype == torch.float32
    assert ours.shape == (2, 2, 32)
    assert positions.angles(at.numpy(), 64).dtype == np.float32
    exact = table(at.flatten().tolist(), 64, 10000.0).reshape(2, 2, 32)
    # One rounding of the frequency and one of the product.
    torch.testing.assert_close(ours.double(), exact, rtol=2 * 2**-24, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_narrow_loses_no_more_than_its_rounding(dtype, layout):
    x = normal(4, 100, 64, dtype=dtype)
    ours, exact = positions.rotate(x, layout=layout), positions.rotate(x.double(), layout=layout)
    assert ours.dtype == dtype
    atol = 0 if dtype == torch.float32 else 5e-5  # of the angles in float32, near 0
    atol = max(atol, 4 * 100 * 2**-24 * x.abs().max().item())
    torch.testing.assert_close(ours.double(), exact, rtol=0.51 * torch.finfo(dtype).eps, atol=atol)
    if dtype == torch.float16:
        array = positions.rotate(x.numpy(), layout=layout)
        assert array.dtype == np.float16
        assert (array != ours.numpy()).mean() < 0.002


def test_bfloat16_has_no_position_257():
    at = torch.arange(512)
    assert len({*at.bfloat16().tolist()}) < 512
    assert torch.tensor(257).bfloat16() == 256


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_layout_is_told_from_a_result(layout, dtype):
    x, at = normal(2, 6, 16, dtype=dtype), torch.tensor([0, 1, 2, 50, 500, 8191], device="cpu")
    turned = MODELS[layout](x.double(), table(at.tolist(), 16, 1e4)).to(dtype)
    assert positions.layout_of(turned, x, at) == layout
    halved = MODELS[layout](x.float(), table(at.tolist(), 16, 1e4).float()).to(dtype)
    assert positions.layout_of(halved, x, at) == layout
    if dtype != torch.bfloat16:
        assert positions.layout_of(turned.numpy(), x.numpy(), at.numpy()) == layout


def test_what_no_layout_gives_is_refused():
    x, at = normal(6, 8), torch.arange(6, device="cpu")
    layout_of = inspect.unwrap(positions.layout_of)
    others = {
        "another base": positions.rotate(x, at, base=5e5),
        "clockwise": positions.rotate(x, -at),
        "from one on": positions.rotate(x, at + 1),
        "not at all": x,
    }
    for rotated in others.values():
        with pytest.raises(
            ValueError, match=r"rotated is x turned in neither layout: it is off by up to .* in halves and"
        ):
            layout_of(rotated, x, at)
    assert layout_of(others["another base"], x, at, base=5e5) == "halves"
    for same in ((x[:1], x[:1]), (0 * x, 0 * x), (positions.rotate(x[:, :2]), x[:, :2]), (x[:0], x[:0])):
        with pytest.raises(
            ValueError, match="rotated is x turned in both layouts, which differ where positions are not 0"
        ):
            layout_of(*same)
    with pytest.raises(ValueError) as raised:
        layout_of(x, x[:2])
    assert str(raised.value) == ("rotated has shape (6, 8), x has shape (2, 8); give what the code made of this x")
    for call, name in (((x.to("meta"), x), "rotated"), ((x, x.to("meta")), "x"), ((x, x, at.to("meta")), "positions")):
        with pytest.raises(TypeError) as raised:
            layout_of(*call)
        assert str(raised.value) == f"{name} is on meta and has no values; give one that has, such as one on the CPU"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_pairs_that_are_drawn_are_those_that_are_turned(layout):
    pairing = positions.explain(8)
    for pair in pairing.pairs:
        features = getattr(pair, layout)
        basis = torch.eye(8, dtype=torch.float64, device="cpu")[features[0]][None]
        turned = positions.rotate(basis, torch.tensor([1], device="cpu"), layout=layout)[0]
        assert turned.nonzero().flatten().tolist() == [*features]
        assert turned[[*features]].tolist() == pytest.approx([math.cos(pair.frequency), math.sin(pair.frequency)])


def test_what_the_pairing_says():
    assert str(positions.explain(128)).splitlines()[-4:] == [
        "63    63 127  126 127            0.000115            54,410",
        "* In the layout halves, as in Hugging Face's Llama, pair i is features i and i + 64.",
        "* In the layout pairs, as in Meta's Llama, pair i is features 2i and 2i + 1.",
        (
            "* From pairs to halves: x[..., positions.permutation(128, 'halves')]; back: "
            "x[..., positions.permutation(128, 'pairs')]."
        ),
    ]
    x = normal(3, 8)
    codes = positions.explain(8).notes()[-1].removesuffix(".").split(": ", 1)[1].split("; back: ")
    there = eval(codes[0], {"x": x})  # noqa: S307  the code is ours
    assert torch.equal(eval(codes[1], {"x": there}), x)  # noqa: S307


def test_gradients_turn_too():
    x = normal(2, 4).requires_grad_()
    for layout in LAYOUTS:
        assert torch.autograd.gradcheck(lambda x, layout=layout: positions.rotate(x, layout=layout), x)


def refused(function, *arguments, **options):
    with pytest.raises((TypeError, ValueError)) as raised:
        inspect.unwrap(function)(*arguments, **options)
    return str(raised.value)


def test_what_cannot_be_turned_is_refused():
    pairs = "features are turned in pairs: give an even number of them, 2 to 65,536"
    for wrong in (0, 1, 7, -2, 2**16 + 2):
        for function in (positions.frequencies, positions.permutation, positions.explain):
            assert refused(function, wrong) == f"head_dim is {wrong}; {pairs}"
    assert refused(positions.rotate, torch.ones(2, 3)) == f"x has shape (2, 3); {pairs}"
    assert refused(positions.rotate, torch.ones(4)) == (
        "x has shape (4,); it has a vector for each token: write x[None] for one"
    )
    assert refused(positions.rotate, torch.ones(2, 4), layout="interleaved") == (
        "layout is 'interleaved'; write 'halves' or 'pairs'"
    )
    for at, convert in (
        (torch.ones(2), "positions.long()"),
        (torch.tensor([True, False]), "positions.long()"),
        (np.ones(2), "positions.astype(np.int64)"),
    ):
        x = torch.ones(2, 4) if isinstance(at, torch.Tensor) else np.ones((2, 4))
        words = f"positions has dtype {at.dtype}; positions are integers: write {convert}"
        assert refused(positions.rotate, x, at) == refused(positions.angles, at, 4) == words
    for name in ("base", "factor"):
        for wrong in (0.0, -1.0, math.inf, math.nan):
            assert refused(positions.frequencies, 4, **{name: wrong}) == (
                f"{name} is {wrong}; it is a number above 0: write 10000.0 for base, 1.0 for factor"
            )
    for weight, heads in ((torch.ones(6, 4), 2), (torch.ones(8, 4), 3), (torch.ones(8), 0), (torch.ones(0, 4), 1)):
        assert refused(positions.convert, weight, heads) == (
            f"num_heads is {heads}, weight has shape {tuple(weight.shape)}; its first size is num_heads times an even "
            "head_dim: give the heads of this projection, weight.mT where it is the second size"
        )
