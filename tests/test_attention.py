"""Attention, held against torch.nn.functional."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorref import attention, layout, masks, matmul

few = settings(max_examples=25)
sizes = st.integers(1, 5)
seeds = st.integers(0, 2**32)


def normal(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu").to(dtype)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def in_both(function, *tensors, **options):
    """Return what a function gives for tensors, after checking that NumPy arrays give the same."""
    result = function(*tensors, **options)
    arrays = [None if tensor is None else tensor.numpy(force=True) for tensor in tensors]
    array = function(*arrays, **options)
    assert isinstance(result, torch.Tensor)
    assert isinstance(array, np.ndarray)
    close(torch.from_numpy(array), result)
    return result


def allowed(shape, seed):
    """Return a mask at random, its first row all False."""
    mask = normal(*shape, seed=seed) > 0
    mask[..., 0, :] = False
    return mask


@few
@given(st.tuples(sizes, sizes, sizes, sizes), st.sampled_from([None, 1.0, 0.3]), seeds)
def test_attention_scores_are_the_dot_products(lengths, scale, seed):
    batch, query_len, key_len, head_dim = lengths
    query, key = normal(batch, 2, query_len, head_dim, seed=seed), normal(1, 2, key_len, head_dim, seed=1)
    result = in_both(attention.scores, query, key, scale=scale)
    products = torch.einsum("bhqd,bhkd->bhqk", query, key.expand(batch, -1, -1, -1))
    close(result, products * (1 / math.sqrt(head_dim) if scale is None else scale))


def test_keys_of_one_head_serve_every_head():
    query, key = normal(2, 8, 3, 4, seed=0), normal(2, 1, 5, 4, seed=1)
    assert torch.equal(attention.scores(query, key), attention.scores(query, key.expand(2, 8, 5, 4)))


@pytest.mark.parametrize("ones", [np.ones, torch.ones], ids=["numpy", "torch"])
def test_scores_refuse_what_has_none(ones):
    scores = inspect.unwrap(attention.scores)
    with pytest.raises(matmul.MatmulError) as raised:
        scores(ones((2, 6, 8)), ones((2, 8, 6)))
    assert raised.value.explanation == matmul.explain((2, 6, 8), (2, 6, 8), names=("query", "key.mT"))
    assert raised.value.explanation.conflicts == ((-1, -2),)
    assert str(raised.value) == (
        "query has vectors of 8, key of 6; project both to the same head_dim, and give key as it is: it is transposed "
        "here"
    )
    with pytest.raises(ValueError) as raised:
        scores(ones((6, 8)), ones(8))
    assert str(raised.value) == (
        "key has shape (8,); attention takes a vector for each position: write key[None] for one position"
    )
    with pytest.raises(matmul.MatmulError) as raised:
        scores(ones((2, 8, 6, 4)), ones((2, 2, 6, 4)))
    assert str(raised.value) == (
        "query (2, 8, 6, 4), key.mT (2, 2, 4, 6) have no matrix product: batch axis -3 has 8, 2, and sizes there must be "
        "equal or 1. Where heads of query share those of key, write enable_gqa=True."
    )
    assert scores(ones((2, 8, 6, 4)), ones((2, 2, 6, 4)), enable_gqa=True).shape == (2, 8, 6, 6)
    for key in ((2, 3, 6, 4), (3, 8, 6, 4), (2, 0, 6, 4)):
        with pytest.raises(matmul.MatmulError) as raised:
            scores(ones((2, 8, 6, 4)), ones(key))
        assert str(raised.value).endswith("sizes there must be equal or 1.")
    with pytest.raises(ValueError) as raised:
        inspect.unwrap(attention.weights)(ones(()))
    assert str(raised.value) == (
        "scores has shape (); it has a row of keys for each query: write scores[None, None] for one score"
    )


MASKS = {
    "none": lambda *_: None,
    "causal": lambda _batch, _heads, queries, keys: masks.causal(queries, keys, device="cpu"),
    "random": lambda *shape: allowed(shape, 3),
    "padding": lambda batch, _heads, _queries, keys: masks.padding(
        torch.arange(batch * keys, device="cpu").reshape(batch, keys) % 3, pad_id=2
    ),
    "nothing": lambda *shape: torch.zeros(shape, dtype=torch.bool, device="cpu"),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@few
@given(st.tuples(sizes, sizes, sizes, sizes), st.sampled_from([None, 0.7]), seeds)
def test_attention(mask, lengths, scale, seed):
    query_len, key_len, head_dim, value_dim = lengths
    shape = (2, 3, query_len, key_len)
    query, key = normal(2, 3, query_len, head_dim, seed=seed), normal(2, 3, key_len, head_dim, seed=1)
    value = normal(2, 3, key_len, value_dim, seed=2)
    given_mask = mask(*shape)
    ours = in_both(attention.output, query, key, value, given_mask, scale=scale)
    close(ours, F.scaled_dot_product_attention(query, key, value, given_mask, scale=scale))
    weights = in_both(attention.weights, attention.scores(query, key), given_mask)
    where = torch.ones(shape, dtype=torch.bool, device="cpu") if given_mask is None else given_mask.expand(shape)
    assert (weights[~where] == 0).all()
    close(weights.sum(-1), where.any(-1).double())


@pytest.mark.parametrize("mask", ["causal", "random", "nothing"])
def test_gradients_are_those_of_pytorch_and_never_nan(mask):
    tensors = [normal(2, 3, 4, 5, seed=seed).requires_grad_() for seed in range(3)]
    given_mask = MASKS[mask](2, 3, 4, 4)
    upstream = normal(2, 3, 4, 5, seed=9)
    ours = torch.autograd.grad(attention.output(*tensors, given_mask), tensors, upstream)
    theirs = torch.autograd.grad(F.scaled_dot_product_attention(*tensors, given_mask), tensors, upstream)
    for one, other in zip(ours, theirs, strict=True):
        assert one.isfinite().all()
        close(one, other)


def test_a_query_that_may_look_nowhere():
    inf = float("inf")
    nowhere = torch.tensor([[False, False], [True, True]], device="cpu")
    scores = torch.zeros(2, 2, device="cpu")
    expected = [[0, 0], [0.5, 0.5]]
    assert attention.weights(scores, nowhere).tolist() == expected
    assert attention.weights(scores.numpy(), nowhere.numpy()).tolist() == expected
    assert attention.weights(torch.where(nowhere, scores, -inf)).tolist() == expected
    # PyTorch gives nan, 0 or nan, by the function that is called.
    assert torch.softmax(torch.where(nowhere, scores, -inf), -1)[0].isnan().all()
    x = normal(1, 2, 4)
    assert (F.scaled_dot_product_attention(x, x, x, nowhere)[0, 0] == 0).all()
    layer = torch.nn.MultiheadAttention(4, 2, bias=False, batch_first=True, dtype=torch.float64, device="cpu")
    for need_weights in (True, False):
        row = layer(x, x, x, attn_mask=~nowhere, need_weights=need_weights)[0][0, 0]
        assert row.isnan().all() if need_weights else (row == 0).all()


def test_infinite_and_nan_scores_are_not_hidden():
    assert attention.weights(torch.tensor([[float("nan"), 0.0]])).isnan().all()
    assert attention.weights(torch.tensor([[float("inf"), 0.0]])).isnan().any()


def test_no_keys_at_all():
    query, nothing = normal(2, 3), normal(0, 3)
    assert torch.equal(
        attention.output(query, nothing, nothing), F.scaled_dot_product_attention(query, nothing, nothing)
    )


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_mask_that_is_not_one_is_refused(library):
    weights = inspect.unwrap(attention.weights)
    ones = np.ones if library == "numpy" else torch.ones
    scores = ones((2, 4, 4))
    for name in ("float32", "int64"):
        dtype = np.dtype(name) if library == "numpy" else getattr(torch, name)
        with pytest.raises(TypeError) as raised:
            weights(scores, ones((4, 4), dtype=dtype))
        assert str(raised.value) == (
            f"mask has dtype {dtype}; it is True where a query may look: write mask != 0 for ones and zeros, or add what "
            "is to be added to the scores"
        )
    boolean = bool if library == "numpy" else torch.bool
    with pytest.raises(ValueError) as raised:
        weights(scores, ones((2, 1, 1, 4), dtype=boolean))
    assert str(raised.value) == (
        "mask has shape (2, 1, 1, 4), scores has shape (2, 4, 4): together they broadcast to (2, 2, 4, 4); write "
        "mask[:, 0]"
    )
    with pytest.raises(
        ValueError, match=r"they do not broadcast; make it for these scores, of \(4, 4\) in its last two axes"
    ):
        weights(scores, ones((3, 4), dtype=boolean))
    assert weights(scores, ones((2, 1, 1, 4), dtype=boolean)[:, 0]).shape == (2, 4, 4)


MASK_SHAPES = [
    # the mask of a prompt for one new token, for several, and of a model for fewer tokens
    ((1, 1, 10, 10), (1, 4, 1, 10), "mask[..., -1:, :]"),
    ((10, 10), (4, 1, 10), "mask[..., -1:, :]"),
    ((10, 10), (2, 8, 3, 10), "mask[..., 7:, :]"),
    ((16, 16), (2, 8, 10, 10), "mask[..., 0:10, :10]"),
    ((1, 1, 16, 16), (2, 8, 1, 10), "mask[..., 9:10, :10]"),
    # axes too many, too few
    ((2, 1, 1, 4), (2, 4, 4), "mask[:, 0]"),
    ((2, 1, 6, 6), (2, 1, 6), "mask[:, 0][..., -1:, :]"),
    ((2, 5), (2, 8, 5, 5), "mask[:, None, None]"),
    ((2, 5), (2, 5, 5), "mask[:, None]"),
    ((2, 5, 5), (2, 8, 5, 5), "mask[:, None]"),
    ((2, 6, 6), (2, 8, 1, 6), "mask[:, None][..., -1:, :]"),
    ((3, 7), (2, 8, 5, 5), None),
    ((2, 8, 4, 4), (2, 4, 4), None),
]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("shape", "scores", "fix"), MASK_SHAPES, ids=str)
def test_a_mask_of_another_shape_is_refused_with_code_that_works(library, shape, scores, fix):
    weights = inspect.unwrap(attention.weights)
    values = np.tri(shape[-2], shape[-1], shape[-1] - shape[-2], dtype=bool) if len(shape) > 1 else np.ones(shape, bool)
    mask, numbers = np.broadcast_to(values, shape).copy(), np.zeros(scores)
    if library == "torch":
        mask, numbers = torch.from_numpy(mask), torch.from_numpy(numbers)
    with pytest.raises(ValueError) as raised:
        weights(numbers, mask)
    assert str(raised.value).startswith(f"mask has shape {shape}, scores has shape {scores}: ")
    if fix is None:
        assert str(raised.value).endswith(f"make it for these scores, of {scores[-2:]} in its last two axes")
        return
    assert str(raised.value).endswith(f"; write {fix}")
    mended = eval(fix, {"mask": mask})  # noqa: S307  the code is ours
    result = weights(numbers, mended)
    assert tuple(result.shape) == scores
    if "..." in fix and len(shape) == 2:  # the last queries, as they stand in the whole
        queries, keys = scores[-2:]
        assert (mended == masks.causal(queries, keys, device="cpu").numpy()).all()


def test_the_mask_of_a_masked_array_is_not_lost():
    scores = np.ma.masked_array([[1.0, 2.0, 2.0]], mask=[[True, False, False]])
    with pytest.raises(TypeError) as raised:
        attention.weights(scores)
    assert str(raised.value) == "scores is a masked array, whose mask would be lost; write scores.filled(-np.inf)"
    assert attention.weights(scores.filled(-np.inf)).tolist() == [[0.0, 0.5, 0.5]]


def test_a_scale_that_is_learned_is_refused_rather_than_cut_off():
    x, scale = torch.ones(2, 3), torch.nn.Parameter(torch.tensor(0.5))
    with pytest.raises(TypeError, match="scale requires grad"):
        inspect.unwrap(attention.scores)(x, x, scale=scale)


@given(st.integers(0, 3), st.integers(0, 5), st.integers(1, 3), st.integers(0, 3), st.none() | st.integers(0, 7))
def test_the_shapes_of_attention_are_those_of_pytorch(batch, seq_len, num_heads, head_dim, key_len):
    x = torch.zeros(batch, seq_len, num_heads * head_dim, device="cpu")
    seen = x if key_len is None else torch.zeros(batch, key_len, num_heads * head_dim, device="cpu")
    query, key = (layout.split_heads(each, num_heads) for each in (x, seen))
    scores = attention.scores(query, key)
    mixed = attention.output(query, key, key)
    names = ("x", "query", "key", "value", "scores", "scaled", "masked", "weights", "mixed", "merged")
    weights, merged = attention.weights(scores), layout.merge_heads(mixed)
    made = dict(zip(names, (x, query, key, key, scores, scores, scores, weights, mixed, merged), strict=True))
    explanation = attention.explain(tuple(x.shape), num_heads, key_len=key_len)
    assert {stage.name: stage.shape for stage in explanation.stages} == {
        name: each.shape for name, each in made.items()
    }
    assert all(len(stage.axes) == len(stage.shape) for stage in explanation.stages)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((64,), 8, None), "shape is (64,); attention takes (…, seq_len, embed_dim): write (1, 64)"),
        (
            ((4, 32, 64), 7, None),
            "num_heads is 7, which does not divide embed_dim, the 64 of x; choose one of 1, 2, 4, 8, 16, 32, 64",
        ),
        (
            ((2**30, 2**30, 8), 8, None),
            "shape is (1073741824, 1073741824, 8); attention is followed up to 2**53 elements: write a smaller one",
        ),
        (
            ((1, 1, 8), 8, 2**60),
            "key_len is 1152921504606846976; attention is followed up to 2**53 elements: write a smaller one",
        ),
    ],
)
def test_shapes_that_attention_does_not_take(arguments, words):
    shape, num_heads, key_len = arguments
    with pytest.raises(ValueError) as raised:
        attention.explain(shape, num_heads, key_len=key_len)
    assert str(raised.value) == words


GROUPED = [(6, 6), (6, 3), (6, 2), (6, 1), (1, 1)]


@pytest.mark.parametrize("masked", [False, True], ids=["all", "causal"])
@pytest.mark.parametrize(("num_heads", "num_kv_heads"), GROUPED)
def test_grouped_queries_are_those_of_pytorch(num_heads, num_kv_heads, masked):
    query, key = normal(2, num_heads, 3, 4, seed=1), normal(2, num_kv_heads, 5, 4, seed=2)
    value = normal(2, num_kv_heads, 5, 7, seed=3)
    mask = masks.causal(3, 5, device="cpu") if masked else None
    ours = in_both(attention.output, query, key, value, mask, enable_gqa=True)
    close(ours, F.scaled_dot_product_attention(query, key, value, mask, enable_gqa=True))
    repeated = attention.repeat_kv(key, num_heads), attention.repeat_kv(value, num_heads)
    assert torch.equal(repeated[0], key.repeat_interleave(num_heads // num_kv_heads, dim=1))
    close(ours, F.scaled_dot_product_attention(query, *repeated, mask))
    close(in_both(attention.scores, query, key, enable_gqa=True), attention.scores(query, repeated[0]))


def test_what_is_repeated_the_other_way_pairs_the_wrong_heads():
    query, key = normal(1, 6, 3, 4, seed=1), normal(1, 2, 5, 4, seed=2)
    right = F.scaled_dot_product_attention(query, key, key, enable_gqa=True)
    wrong = [key.repeat(1, 3, 1, 1)] * 2
    assert attention.repeat_kv(key, 6).shape == wrong[0].shape
    assert not torch.allclose(F.scaled_dot_product_attention(query, *wrong), right)
    by_expansion = key[:, :, None].expand(-1, -1, 3, -1, -1)
    assert by_expansion.untyped_storage().data_ptr() == key.untyped_storage().data_ptr()
    assert torch.equal(by_expansion.flatten(1, 2), attention.repeat_kv(key, 6))
    assert torch.equal(by_expansion.mT, key.mT[:, :, None].expand(-1, -1, 3, -1, -1))


def test_keys_are_repeated_in_new_memory_and_only_where_they_have_to_be():
    key = normal(2, 2, 5, 4)
    assert attention.repeat_kv(key, 2) is key
    copy = attention.repeat_kv(key, 8)
    assert copy.nbytes == 4 * key.nbytes
    assert copy.untyped_storage().data_ptr() != key.untyped_storage().data_ptr()
    array = attention.repeat_kv(key.numpy(), 8)
    assert (array == np.repeat(key.numpy(), 4, axis=-3)).all()
    assert not np.shares_memory(array, key.numpy())


def test_gradients_of_shared_heads_are_those_of_pytorch():
    tensors = [normal(2, heads, 4, 5, seed=heads).requires_grad_() for heads in (4, 2, 2)]
    upstream = normal(2, 4, 4, 5, seed=9)
    ours = torch.autograd.grad(attention.output(*tensors, enable_gqa=True), tensors, upstream)
    theirs = torch.autograd.grad(F.scaled_dot_product_attention(*tensors, enable_gqa=True), tensors, upstream)
    for one, other in zip(ours, theirs, strict=True):
        close(one, other)


DIVIDES = "; each head of keys and values serves as many heads of query: give 1, or another divisor"
REFUSED = {
    "scores": (
        lambda: attention.scores(torch.ones(1, 8, 2, 4), torch.ones(1, 3, 2, 4), enable_gqa=True),
        f"key has 3 heads, which does not divide num_heads, 8{DIVIDES}",
    ),
    "value": (
        lambda: attention.output(
            torch.ones(1, 8, 2, 4), torch.ones(1, 4, 2, 4), torch.ones(1, 3, 2, 4), enable_gqa=True
        ),
        f"value has 3 heads, which does not divide num_heads, 8{DIVIDES}",
    ),
    "repeat_kv": (
        lambda: attention.repeat_kv(torch.ones(1, 3, 2, 4), 8),
        f"x has 3 heads, which does not divide num_heads, 8{DIVIDES}",
    ),
    "explain": (
        lambda: attention.explain((4, 32, 64), 8, num_kv_heads=3),
        f"num_kv_heads is 3, which does not divide num_heads, 8{DIVIDES}",
    ),
    "no heads": (
        lambda: attention.repeat_kv(torch.ones(2, 4), 8),
        "x has shape (2, 4); heads are the axis before the last two: write x[None] for one head",
    ),
    "no heads of query": (
        lambda: attention.scores(torch.ones(2, 4), torch.ones(2, 4), enable_gqa=True),
        "query has shape (2, 4); with enable_gqa the heads are the axis before the last two: write query[None]",
    ),
    "keys of another batch": (
        lambda: attention.scores(torch.ones(3, 8, 2, 4), torch.ones(2, 4, 5, 4), enable_gqa=True),
        (
            "query of a group (3, 4, 4, 4), key.mT (2, 4, 4, 5) have no matrix product: batch axis -4 has 3, 2, and sizes "
            "there must be equal or 1."
        ),
    ),
    "fewer values than keys": (
        lambda: attention.output(
            torch.ones(1, 8, 2, 4), torch.ones(1, 4, 5, 4), torch.ones(1, 4, 3, 7), enable_gqa=True
        ),
        (
            "weights of a group (1, 4, 4, 5), value (1, 4, 3, 7) have no matrix product: axis -1 of weights of a group has 5, "
            "axis -2 of value has 3, and the two must be equal."
        ),
    ),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("case", REFUSED)
def test_heads_that_do_not_go_together_are_refused(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError) as raised:
        call()
    assert str(raised.value) == message


def test_shapes_with_shared_heads_are_those_of_pytorch():
    explanation = attention.explain((4, 1, 64), 8, num_kv_heads=2, key_len=20)
    x, seen = torch.zeros(4, 1, 64, device="cpu"), torch.zeros(4, 20, 64, device="cpu")
    weight = torch.zeros(64, 2 * 8, device="cpu")
    query, key = layout.split_heads(x, 8), layout.split_heads(seen @ weight, 2)
    mixed = F.scaled_dot_product_attention(query, key, key, enable_gqa=True)
    shapes = {stage.name: stage.shape for stage in explanation.stages}
    assert shapes["key"] == shapes["value"] == key.shape
    assert (shapes["query"], shapes["mixed"]) == (query.shape, mixed.shape)
    assert explanation.stages[2].axes == ("batch", "num_kv_heads", "key_len", "head_dim")
    codes = {stage.name: stage.code for stage in explanation.stages}
    assert (codes["scores"], codes["mixed"]) == (
        "query @ repeat_kv(key, num_heads).mT",
        "weights @ repeat_kv(value, num_heads)",
    )
    assert explanation.described()[0] == "8 heads of query, 2 of key"
    same = attention.explain((4, 32, 64), 8, num_kv_heads=8)
    assert same == attention.explain((4, 32, 64), 8)


def kernel(*given, **options):
    """Return the name of what computes PyTorch's own attention."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as run:
        F.scaled_dot_product_attention(*given, **options)
    return [event.key for event in run.key_averages() if "::_scaled_dot_product" in event.key]


X4 = normal(1, 2, 8, 4, dtype=torch.float32)
FUSED = {
    "four axes": (lambda: kernel(X4, X4, X4, is_causal=True), True),
    "a mask": (lambda: kernel(X4, X4, X4, torch.ones(8, 8, dtype=torch.bool, device="cpu")), True),
    "float64": (lambda: kernel(*[X4.double()] * 3), True),
    "a view": (lambda: kernel(*[normal(1, 8, 2, 4).transpose(1, 2)] * 3), True),
    "shared heads": (lambda: kernel(X4, X4[:, :1], X4[:, :1], enable_gqa=True), True),
    "heads that broadcast": (lambda: kernel(X4, X4[:, :1], X4[:, :1]), False),
    "three axes": (lambda: kernel(*[X4[0]] * 3), False),
    "dropout": (lambda: kernel(X4, X4, X4, dropout_p=0.1), False),
    "values of another size": (lambda: kernel(X4, X4, X4[..., :3]), False),
    "features that are apart": (lambda: kernel(*[normal(1, 2, 4, 8).mT] * 3), False),
    "a mask with a gradient": (
        lambda: kernel(X4, X4, X4, torch.zeros(8, 8, device="cpu").requires_grad_()),
        False,
    ),
}


@pytest.mark.parametrize("case", FUSED)
def test_when_pytorchs_own_attention_is_fused_on_the_cpu(case):
    call, fused = FUSED[case]
    name = "aten::_scaled_dot_product_flash_attention_for_cpu" if fused else "aten::_scaled_dot_product_attention_math"
    assert call() == [name]
