"""The steps of a language model, held against torch.nn.functional and the paper."""

from __future__ import annotations

import inspect
import itertools
import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.bias import causal_lower_right

from tensorref import broadcasting, kernels, layout, llm, matmul

HALVES = [torch.float16, torch.bfloat16]
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
@given(sizes, sizes, st.lists(sizes, max_size=3), seeds)
def test_embedding(vocab_size, embed_dim, shape, seed):
    table = normal(vocab_size, embed_dim)
    token_ids = torch.randint(vocab_size, shape, generator=torch.Generator("cpu").manual_seed(seed), device="cpu")
    result = in_both(llm.embedding, table, token_ids)
    assert torch.equal(result, F.embedding(token_ids, table))
    assert torch.equal(result, F.embedding(token_ids.int(), table))
    shares = result.untyped_storage().data_ptr() == table.untyped_storage().data_ptr()
    assert shares == (not shape)
    assert not np.shares_memory(llm.embedding(table.numpy(), token_ids.numpy()), table.numpy())


def test_the_gradient_of_an_embedding_adds_up_over_the_uses_of_a_row():
    table = normal(3, 2).requires_grad_()
    llm.embedding(table, torch.tensor([2, 0, 2], device="cpu")).sum().backward()
    assert table.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_an_id_without_a_row_is_named(library):
    array = np.array if library == "numpy" else torch.tensor
    table = array([[0.0], [1.0], [2.0]])
    for ids, words in [
        (
            [[0, 1], [2, 3]],
            "token_ids[1, 1] is 3; table has 3 rows, for the ids 0 to 2: use the tokenizer that the table was made for",
        ),
        (
            [5, -1],
            "token_ids[0] is 5; table has 3 rows, for the ids 0 to 2: use the tokenizer that the table was made for",
        ),
        ([0, -1], "token_ids[1] is -1; table has 3 rows, for the ids 0 to 2: replace what marks padding first"),
        (-1, "token_ids is -1; table has 3 rows, for the ids 0 to 2: replace what marks padding first"),
    ]:
        with pytest.raises(ValueError) as raised:
            llm.embedding(table, array(ids))
        assert str(raised.value) == words
    assert llm.embedding(table, array([], dtype=np.int64 if library == "numpy" else torch.int64)).shape == (0, 1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16])
def test_ids_that_pytorch_does_not_index_with_are_refused(dtype):
    with pytest.raises(TypeError) as raised:
        llm.embedding(normal(3, 2), torch.zeros(2, dtype=dtype, device="cpu"))
    assert str(raised.value) == (
        f"token_ids has dtype {dtype}; PyTorch indexes with int32 or int64: write token_ids.long()"
    )


def test_ids_as_a_file_of_tokens_holds_them():
    assert llm.embedding(np.eye(3), np.array([2, 0], np.uint16)).tolist() == [[0, 0, 1], [1, 0, 0]]


@few
@given(st.lists(sizes, max_size=2), sizes, sizes, st.booleans())
def test_linear(batch, in_features, out_features, biased):
    x, weight = normal(*batch, in_features), normal(in_features, out_features, seed=1)
    bias = normal(out_features, seed=2) if biased else None
    close(in_both(llm.linear, x, weight, bias), F.linear(x, weight.mT, bias))


@pytest.mark.parametrize("wrong", [(1,), (3,), (), (2, 2)], ids=str)
def test_a_bias_that_would_broadcast_is_refused(wrong, monkeypatch):
    monkeypatch.setattr(broadcasting, "add_bias", inspect.unwrap(broadcasting.add_bias))
    with pytest.raises(
        ValueError, match=re.escape(f"bias has shape {wrong}, x has shape (4, 2); a bias has one value")
    ):
        inspect.unwrap(llm.linear)(torch.ones(4, 3), torch.ones(3, 2), torch.ones(wrong))


@few
@given(st.lists(sizes, min_size=1, max_size=3), st.data(), seeds, st.sampled_from([1.0, 100.0, 1e4]))
def test_softmax(shape, data, seed, spread):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    logits = spread * normal(*shape, seed=seed)
    result = in_both(kernels.softmax, logits, axis=axis)
    close(result, torch.softmax(logits, axis))
    close(result.sum(axis), torch.ones_like(result.sum(axis)))


def test_softmax_of_minus_infinity():
    inf = float("inf")
    logits = torch.tensor([[0.0, -inf, 0.0], [-inf, -inf, 3.0]])
    assert kernels.softmax(logits).tolist() == [[0.5, 0, 0.5], [0, 0, 1]]
    alone = torch.full((2,), -inf)
    assert kernels.softmax(alone).isnan().tolist() == torch.softmax(alone, -1).isnan().tolist() == [True, True]
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(kernels.softmax(np.full(2, -inf))).all()


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2)], ids=str)
def test_nothing_gives_nothing_as_in_pytorch(shape):
    nothing = torch.empty(shape)
    assert kernels.softmax(nothing).shape == torch.softmax(nothing, -1).shape == shape
    assert kernels.softmax(np.empty(shape)).shape == shape


@few
@given(st.tuples(sizes, sizes, sizes, sizes), st.sampled_from([None, 1.0, 0.3]), seeds)
def test_attention_scores_are_the_dot_products(lengths, scale, seed):
    batch, query_len, key_len, head_dim = lengths
    query, key = normal(batch, 2, query_len, head_dim, seed=seed), normal(1, 2, key_len, head_dim, seed=1)
    result = in_both(llm.attention_scores, query, key, scale=scale)
    products = torch.einsum("bhqd,bhkd->bhqk", query, key.expand(batch, -1, -1, -1))
    close(result, products * (1 / math.sqrt(head_dim) if scale is None else scale))


def test_keys_of_one_head_serve_every_head():
    query, key = normal(2, 8, 3, 4, seed=0), normal(2, 1, 5, 4, seed=1)
    assert torch.equal(llm.attention_scores(query, key), llm.attention_scores(query, key.expand(2, 8, 5, 4)))


@pytest.mark.parametrize("ones", [np.ones, torch.ones], ids=["numpy", "torch"])
def test_scores_refuse_what_has_none(ones):
    scores = inspect.unwrap(llm.attention_scores)
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
        "equal or 1."
    )


MASKS = {
    "none": lambda *_: None,
    "causal": lambda _batch, _heads, queries, keys: llm.causal_mask(queries, keys, device="cpu"),
    "random": lambda *shape: allowed(shape, 3),
    "padding": lambda batch, _heads, _queries, keys: llm.padding_mask(
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
    ours = in_both(llm.attention, query, key, value, given_mask, scale=scale)
    close(ours, F.scaled_dot_product_attention(query, key, value, given_mask, scale=scale))
    weights = in_both(llm.attention_weights, llm.attention_scores(query, key), given_mask)
    where = torch.ones(shape, dtype=torch.bool, device="cpu") if given_mask is None else given_mask.expand(shape)
    assert (weights[~where] == 0).all()
    close(weights.sum(-1), where.any(-1).double())


@pytest.mark.parametrize("mask", ["causal", "random", "nothing"])
def test_gradients_are_those_of_pytorch_and_never_nan(mask):
    tensors = [normal(2, 3, 4, 5, seed=seed).requires_grad_() for seed in range(3)]
    given_mask = MASKS[mask](2, 3, 4, 4)
    upstream = normal(2, 3, 4, 5, seed=9)
    ours = torch.autograd.grad(llm.attention(*tensors, given_mask), tensors, upstream)
    theirs = torch.autograd.grad(F.scaled_dot_product_attention(*tensors, given_mask), tensors, upstream)
    for one, other in zip(ours, theirs, strict=True):
        assert one.isfinite().all()
        close(one, other)


def test_gradients_by_finite_differences():
    small = normal(2, 3).requires_grad_()
    mask = torch.tensor([[False, False, False], [True, False, True]], device="cpu")
    assert torch.autograd.gradcheck(kernels.softmax, small)
    assert torch.autograd.gradcheck(lambda scores: llm.attention_weights(scores, mask), small)


def test_a_query_that_may_look_nowhere():
    inf = float("inf")
    nowhere = torch.tensor([[False, False], [True, True]], device="cpu")
    scores = torch.zeros(2, 2, device="cpu")
    expected = [[0, 0], [0.5, 0.5]]
    assert llm.attention_weights(scores, nowhere).tolist() == expected
    assert llm.attention_weights(scores.numpy(), nowhere.numpy()).tolist() == expected
    assert llm.attention_weights(torch.where(nowhere, scores, -inf)).tolist() == expected
    # PyTorch gives nan, 0 or nan, by the function that is called.
    assert torch.softmax(torch.where(nowhere, scores, -inf), -1)[0].isnan().all()
    x = normal(1, 2, 4)
    assert (F.scaled_dot_product_attention(x, x, x, nowhere)[0, 0] == 0).all()
    layer = torch.nn.MultiheadAttention(4, 2, bias=False, batch_first=True, dtype=torch.float64, device="cpu")
    for need_weights in (True, False):
        row = layer(x, x, x, attn_mask=~nowhere, need_weights=need_weights)[0][0, 0]
        assert row.isnan().all() if need_weights else (row == 0).all()


def test_infinite_and_nan_scores_are_not_hidden():
    assert llm.attention_weights(torch.tensor([[float("nan"), 0.0]])).isnan().all()
    assert llm.attention_weights(torch.tensor([[float("inf"), 0.0]])).isnan().any()


def test_no_keys_at_all():
    query, nothing = normal(2, 3), normal(0, 3)
    assert torch.equal(llm.attention(query, nothing, nothing), F.scaled_dot_product_attention(query, nothing, nothing))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_two_bytes_lose_no_more_than_their_rounding(dtype):
    eps = torch.finfo(dtype).eps
    x = normal(4, 8, 256, dtype=dtype)
    far = 5 + 30 * x

    for ours, exact in [
        (kernels.softmax(far), torch.softmax(far.double(), -1)),
        (llm.attention_weights(far), torch.softmax(far.double(), -1)),
    ]:
        assert ours.dtype == dtype
        # Half a unit in the last place: the result was rounded once.
        smallest = torch.finfo(dtype).smallest_normal * eps
        torch.testing.assert_close(
            ours.double(), exact, rtol=0.51 * eps, atol=max(smallest, 1e-6 * exact.abs().max().item())
        )


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_products_of_two_bytes_are_rounded_once(dtype):
    x, weight, bias = (normal(*shape, seed=7, dtype=dtype) for shape in ((2, 48, 64), (64, 96), (96,)))
    query, key, value = (normal(2, 48, 64, seed=seed, dtype=dtype) for seed in range(3))
    for function, arguments, theirs in [
        (llm.linear, (x, weight), lambda x, weight: F.linear(x, weight.mT)),
        (llm.linear, (x, weight, bias), lambda x, weight, bias: F.linear(x, weight.mT, bias)),
        (llm.attention_scores, (query, key), lambda query, key: query @ key.mT / 8),
        (llm.attention, (query, key, value), F.scaled_dot_product_attention),
    ]:
        exact = theirs(*(argument.double() for argument in arguments))
        ours = function(*arguments)
        assert ours.dtype == dtype
        # All but the few that float32 itself puts on the other side of the middle between two numbers.
        assert (ours != exact.to(dtype)).float().mean() < 0.002
        assert torch.equal(ours, function(*(argument.float() for argument in arguments)).to(dtype))
        if dtype == torch.float16:
            assert (function(*(argument.numpy() for argument in arguments)) != ours.numpy()).mean() < 0.002


def test_a_sum_that_fits_float16_where_the_product_does_not():
    x, weight = torch.full((1, 2), 200.0, dtype=torch.float16), torch.full((2, 1), 200.0, dtype=torch.float16)
    assert llm.linear(x, weight).isinf().all()
    assert llm.linear(x, weight, torch.full((1,), -60000.0, dtype=torch.float16)).tolist() == [[20000]]


def test_tensors_of_two_dtypes_are_refused_and_arrays_promote():
    half, single = torch.ones(2, 2, dtype=torch.bfloat16), torch.ones(2, 2)
    words = (
        "{} has dtype torch.bfloat16, {} has dtype torch.float32; PyTorch does not promote in a product: convert one, such "
        "as {}.to({}.dtype)"
    )
    for function, arguments, names in [
        (llm.linear, (half, single), ("x", "weight")),
        (llm.linear, (half, half, single[0]), ("x", "bias")),
        (llm.attention_scores, (half, single), ("query", "key")),
        (llm.attention, (half, single, half), ("query", "key")),
        (llm.attention, (half, half, single), ("query", "value")),
    ]:
        with pytest.raises(TypeError) as raised:
            function(*arguments)
        assert str(raised.value) == words.format(*names, *names)
        fix = re.search(r"such as ((\w+)\.to\(.*\))$", str(raised.value))
        mended = dict(zip(inspect.signature(function).parameters, arguments, strict=False))
        mended[fix[2]] = eval(fix[1], {**mended})  # noqa: S307  the code is ours
        if len(mended) > 2:  # the next error is about the next argument
            mended = {name: value.float() for name, value in mended.items()}
        assert function(*mended.values()).dtype == torch.float32
    with pytest.raises(RuntimeError):
        F.linear(half, single)
    with pytest.raises(RuntimeError):
        F.scaled_dot_product_attention(half, half, single)
    two, four = np.ones((2, 2), np.float16), np.ones((2, 2), np.float32)
    assert llm.linear(two, two, four[0]).dtype == llm.attention(two, two, four).dtype == np.float32
    assert llm.attention_scores(two, two.astype(np.float64)).dtype == np.float64


def test_numpy_float16_stays_float16():
    x = normal(3, 64, dtype=torch.float16).numpy()
    for result in (kernels.softmax(x), llm.attention_weights(x)):
        assert result.dtype == np.float16


def test_sums_in_float16_do_not_overflow():
    large = torch.full((1, 4096), 300.0, dtype=torch.float16)
    assert large.sum().isinf()
    large[0, 0] = 0
    assert kernels.softmax(large).sum().item() == pytest.approx(1, abs=1e-2)
    query = torch.full((1, 64), 40.0, dtype=torch.float16)
    assert (query @ query.mT).isinf().all()
    assert llm.attention_scores(query, query).tolist() == [[12800]]


def test_causal_mask_is_that_of_numpy_and_of_pytorch():
    for queries, keys in itertools.product(range(5), repeat=2):
        ours = llm.causal_mask(queries, keys, device="cpu")
        assert (ours.numpy() == np.tri(queries, keys, keys - queries, dtype=bool)).all()
        if 0 < queries <= keys:
            x, y = normal(1, 1, queries, 2), normal(1, 1, keys, 2)
            theirs = F.scaled_dot_product_attention(x, y, y, causal_lower_right(queries, keys))
            close(llm.attention(x, y, y, ours), theirs)
    assert torch.equal(llm.causal_mask(4), llm.causal_mask(4, 4))
    x = normal(1, 4, 2)
    close(
        llm.attention(x, x, x, llm.causal_mask(4, device="cpu")),
        F.scaled_dot_product_attention(x, x, x, is_causal=True),
    )
    assert llm.causal_mask(2, device="meta").device.type == "meta"
    with pytest.raises(ValueError) as raised:
        llm.causal_mask(-1)
    assert str(raised.value) == (
        "(query_len, key_len)[0] is -1; a size is 0 or more: write the size itself, only reshape works out -1"
    )


def test_a_later_token_changes_nothing_before_it():
    x = normal(1, 6, 4)
    changed = x.clone()
    changed[0, 4:] = 100
    mask = llm.causal_mask(6, device="cpu")
    assert torch.equal(llm.attention(x, x, x, mask)[0, :4], llm.attention(changed, changed, changed, mask)[0, :4])
    assert not torch.equal(llm.attention(x, x, x)[0, :4], llm.attention(changed, changed, changed)[0, :4])


def test_padding_changes_nothing_for_the_tokens():
    token_ids = torch.tensor([[3, 1, 2, 0, 0], [1, 1, 4, 2, 3]], device="cpu")
    x = normal(5, 4)[token_ids][:, None]
    mask = llm.padding_mask(token_ids, pad_id=0)
    assert mask.shape == (2, 1, 1, 5)
    assert (llm.padding_mask(token_ids.numpy(), pad_id=0) == mask.numpy()).all()
    padded = llm.attention(x, x, x, mask)
    close(padded[0, :, :3], llm.attention(x[0, :, :3], x[0, :, :3], x[0, :, :3]))
    close(padded[1], llm.attention(x[1], x[1], x[1]))


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_mask_that_is_not_one_is_refused(library):
    weights = inspect.unwrap(llm.attention_weights)
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
    weights = inspect.unwrap(llm.attention_weights)
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
        assert (mended == llm.causal_mask(queries, keys, device="cpu").numpy()).all()


FRACTIONS = {
    "softmax": (kernels.softmax, 1, "logits"),
    "attention_weights": (llm.attention_weights, 1, "scores"),
    "attention_scores": (llm.attention_scores, 2, "query"),
    "attention": (llm.attention, 3, "query"),
    "linear": (llm.linear, 2, "x"),
    "naive_softmax": (kernels.naive_softmax, 1, "logits"),
}


@pytest.mark.parametrize("name", FRACTIONS)
def test_numbers_without_fractions_are_refused_in_both_libraries(name):
    function, count, argument = FRACTIONS[name]
    function = inspect.unwrap(function)
    values = [[2, 1], [0, 3]]
    right = function(*[torch.tensor(values, dtype=torch.float32)] * count)
    for dtype in ("bool", "int8", "uint8", "int32", "int64", "uint16", "uint32", "uint64"):
        tensor, array = torch.tensor(values).to(getattr(torch, dtype)), np.array(values).astype(dtype)
        for operands, convert in ((tensor, f"{argument}.float()"), (array, f"{argument}.astype(np.float32)")):
            with pytest.raises(TypeError) as raised:
                function(*[operands] * count)
            assert str(raised.value) == (
                f"{argument} has dtype {operands.dtype}; this takes floating point: convert it, as with {convert}, or the "
                "result would be rounded to whole numbers"
            )
            mended = eval(convert, {argument: operands, "np": np})  # noqa: S307  the code is ours
            result = torch.as_tensor(function(*[mended] * count))
            if dtype != "bool":
                torch.testing.assert_close(result, right)
    for tensor in (torch.ones(2, 2).to(torch.float8_e4m3fn), torch.ones(2, 2).to(torch.float8_e5m2)):
        with pytest.raises(TypeError) as raised:
            function(*[tensor] * count)
        assert str(raised.value) == (
            f"{argument} has dtype {tensor.dtype}; this takes floating point: float8 is for storing, so compute with "
            f"{argument}.float()"
        )
    for operands in (torch.ones(2, 2, dtype=torch.complex64), np.ones((2, 2), np.complex64)):
        with pytest.raises(TypeError) as raised:
            function(*[operands] * count)
        assert str(raised.value).endswith(f"take its real part, {argument}.real, or its size, abs({argument})")
        function(*[operands.real] * count)
        function(*[abs(operands)] * count)
    for operands in (np.array([["1", "2"]]), np.array([[1.0, 2.0]], dtype=object)):
        with pytest.raises(TypeError, match="this takes floating point: give an array of numbers"):
            function(*[operands] * count)
    for operands, words in [
        ([[1.0]], f"{argument} is of type list, not a NumPy array or a PyTorch tensor; make it one with "),
        ("ab", f"{argument} is of type str, not a NumPy array or a PyTorch tensor; give one of them"),
        (
            torch.eye(2).to_sparse(),
            f"{argument} has layout torch.sparse_coo, not torch.strided; write {argument}.to_dense()",
        ),
    ]:
        with pytest.raises(TypeError) as raised:
            function(*[operands] * count)
        assert str(raised.value).startswith(words)


def test_softmax_of_integers_is_refused_by_pytorch_too():
    with pytest.raises(NotImplementedError):
        torch.softmax(torch.tensor([2, 1, 0]), -1)


MIXED = {
    "embedding": (llm.embedding, (np.ones((3, 2)), np.array([0, 1])), ("table", "token_ids")),
    "linear": (llm.linear, (np.ones((2, 2)), np.ones((2, 2))), ("x", "weight")),
    "attention_scores": (llm.attention_scores, (np.ones((2, 2)), np.ones((2, 2))), ("query", "key")),
    "attention": (llm.attention, (np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))), ("query", "key")),
    "attention_weights": (llm.attention_weights, (np.ones((2, 2)), np.ones((2, 2), bool)), ("scores", "mask")),
    "product": (matmul.product, (np.ones((2, 2)), np.ones((2, 2))), ("a", "b")),
}


@pytest.mark.parametrize("name", MIXED)
def test_two_libraries_are_refused_with_the_fix(name):
    function, arrays, names = MIXED[name]
    function = inspect.unwrap(function)
    tensors = [torch.as_tensor(array) for array in arrays]
    for operands in ([tensors[0], *arrays[1:]], [arrays[0], *tensors[1:]]):
        with pytest.raises(TypeError) as raised:
            function(*operands)
        said = str(raised.value)
        assert "; convert one with torch.as_tensor(array) or tensor.numpy(force=True)" in said
        assert all(re.search(rf"\b{name} is (a tensor|an array)", said) for name in names)
    function(*tensors)
    function(*arrays)


def test_ids_of_an_array_are_integers():
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(llm.embedding)(np.eye(3), np.array([0.0, 1.0]))
    assert str(raised.value) == "token_ids has dtype float64; ids are integers: write token_ids.astype(np.int64)"


@pytest.mark.filterwarnings("ignore::UserWarning")  # each says why a kernel is not used
def test_pytorchs_own_attention_is_fused_for_four_axes_only():
    four = normal(1, 2, 8, 4, dtype=torch.float32)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.FLASH_ATTENTION):
        F.scaled_dot_product_attention(four, four, four)
        for fewer in (four[0], four[0, 0]):
            with pytest.raises(RuntimeError, match="No available kernel"):
                F.scaled_dot_product_attention(fewer, fewer, fewer)


def test_inputs_are_left_as_they_were():
    x, mask = normal(2, 4, 4), torch.eye(4, dtype=torch.bool, device="cpu")
    before = x.clone()
    for function in (kernels.softmax, llm.attention_weights):
        function(x).add_(1)
        assert torch.equal(x, before)
    llm.attention(x, x, x, mask).add_(1)
    assert torch.equal(x, before)


X = torch.ones(2, 2)
REQUIRED = {
    "x": lambda none: llm.linear(none, X),
    "weight": lambda none: llm.linear(X, none),
    "logits": kernels.softmax,
    "scores": llm.attention_weights,
    "key": lambda none: llm.attention_scores(X, none),
    "value": lambda none: llm.attention(X, X, none),
    "token_ids": lambda none: llm.embedding(X, none),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", REQUIRED)
def test_none_is_no_array_where_one_is_required(name):
    with pytest.raises(TypeError) as raised:
        REQUIRED[name](None)
    assert str(raised.value) == f"{name} is of type NoneType, not a NumPy array or a PyTorch tensor; give one of them"


def test_ids_without_values_look_up_nothing():
    ids, table = torch.zeros(2, dtype=torch.int64, device="meta"), torch.ones(3, 4)
    with pytest.raises(TypeError, match="token_ids is on meta and has no values"):
        llm.embedding(table, ids)  # PyTorch reads what lies in memory by chance
    assert llm.embedding(table.to("meta"), ids).shape == (2, 4)


def test_the_mask_of_a_masked_array_is_not_lost():
    scores = np.ma.masked_array([[1.0, 2.0, 2.0]], mask=[[True, False, False]])
    with pytest.raises(TypeError) as raised:
        llm.attention_weights(scores)
    assert str(raised.value) == "scores is a masked array, whose mask would be lost; write scores.filled(-np.inf)"
    assert llm.attention_weights(scores.filled(-np.inf)).tolist() == [[0.0, 0.5, 0.5]]


def test_a_scale_that_is_learned_is_refused_rather_than_cut_off():
    x, scale = torch.ones(2, 3), torch.nn.Parameter(torch.tensor(0.5))
    with pytest.raises(TypeError, match="scale requires grad"):
        inspect.unwrap(llm.attention_scores)(x, x, scale=scale)


@given(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9), st.randoms(use_true_random=False))
def test_an_explanation_of_a_mask_counts_what_is_true(parts, queries, keys, random):
    mask = np.array([random.random() < 0.6 for _ in range(parts * queries * keys)], bool).reshape(parts, queries, keys)
    explanation = llm.explain_mask(mask)
    assert llm.explain_mask(torch.tensor(mask, device="cpu")) == explanation
    assert explanation.pairs == mask.sum()
    assert explanation.blind == (~mask.any(-1)).sum()
    later = np.arange(keys) > np.arange(queries)[:, None] + keys - queries
    assert explanation.causal == (bool(mask.any()) and queries > 1 and not (mask & later).any())
    for query in explanation.queries:
        seen = mask[query.index].nonzero()[0].tolist()
        assert [key for key in range(keys) if query.sees(key)] == seen
        assert query.count == len(seen)


def test_a_large_mask_is_explained_by_its_first_queries_and_the_last():
    explanation = llm.explain_mask(np.tri(1000, dtype=bool))
    assert [query.index for query in explanation.queries] == [*((row,) for row in range(6)), (999,)]
    assert explanation.table()[-1] == ("999", "0-999", "1000 of 1000")
    comb = llm.explain_mask((np.arange(20) % 2 == 0)[None])
    assert comb.table()[1] == ("0", "0, 2, 4, …, 18", "10 of 20")
    assert "The mask has one row, which holds for every query." in comb.notes()


@pytest.mark.parametrize(
    ("mask", "kind", "words"),
    [
        (
            np.ones(3, bool),
            ValueError,
            "mask has shape (3,); it has a row for each query: write mask[None] for one row",
        ),
        (
            np.ones((2, 2)),
            TypeError,
            (
                "mask has dtype float64; it is True where a query may look: write mask != 0 for ones and zeros, or add what "
                "is to be added to the scores"
            ),
        ),
        (
            torch.ones(2, 2, dtype=torch.bool, device="meta"),
            TypeError,
            "mask is on meta and has no values; give one that has, such as one on the CPU",
        ),
    ],
)
def test_what_is_no_mask_is_not_explained(mask, kind, words):
    with pytest.raises(kind) as raised:
        inspect.unwrap(llm.explain_mask)(mask)
    assert str(raised.value) == words


@given(st.integers(0, 3), st.integers(0, 5), st.integers(1, 3), st.integers(0, 3), st.none() | st.integers(0, 7))
def test_the_shapes_of_attention_are_those_of_pytorch(batch, seq_len, num_heads, head_dim, key_len):
    x = torch.zeros(batch, seq_len, num_heads * head_dim, device="cpu")
    seen = x if key_len is None else torch.zeros(batch, key_len, num_heads * head_dim, device="cpu")
    query, key = (layout.split_heads(each, num_heads) for each in (x, seen))
    scores = llm.attention_scores(query, key)
    mixed = llm.attention(query, key, key)
    names = ("x", "query", "key", "value", "scores", "scaled", "masked", "weights", "mixed", "merged")
    weights, merged = llm.attention_weights(scores), layout.merge_heads(mixed)
    made = dict(zip(names, (x, query, key, key, scores, scores, scores, weights, mixed, merged), strict=True))
    explanation = llm.explain_attention(tuple(x.shape), num_heads, key_len=key_len)
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
        llm.explain_attention(shape, num_heads, key_len=key_len)
    assert str(raised.value) == words
