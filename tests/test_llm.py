"""The steps of a language model, held against torch.nn.functional and the paper."""

from __future__ import annotations

import inspect
import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorref import attention, broadcasting, kernels, llm, matmul

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


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("biased", [False, True], ids=["unbiased", "biased"])
@few
@given(st.lists(sizes, min_size=1, max_size=3), st.sampled_from([1e-5, 1.0]), seeds)
def test_layer_norm(weighted, biased, shape, eps, seed):
    embed_dim = shape[-1]
    x = 100 + 10 * normal(*shape, seed=seed)
    weight, bias = normal(embed_dim, seed=1) if weighted else None, normal(embed_dim, seed=2) if biased else None
    result = in_both(llm.layer_norm, x, weight, bias, eps=eps)
    torch.testing.assert_close(result, F.layer_norm(x, (embed_dim,), weight, bias, eps), rtol=1e-9, atol=1e-10)


@few
@given(st.lists(sizes, max_size=2), st.integers(2, 6), st.sampled_from([1e-5, 1.0]), seeds)
def test_layer_norm_as_often_written_by_hand(batch, embed_dim, eps, seed):
    x = normal(*batch, embed_dim, seed=seed)
    mean, std = x.mean(dim=-1, keepdim=True), x.std(dim=-1, keepdim=True)
    close(in_both(llm.layer_norm_unbiased, x, eps=eps), (x - mean) / (std + eps))


@pytest.mark.claim("layer-norm")
def test_the_two_forms_of_layer_norm_differ_by_the_divisor_of_the_variance():
    for embed_dim in (2, 3, 64):
        x = normal(5, embed_dim)
        layer = torch.nn.LayerNorm(embed_dim, dtype=torch.float64, device="cpu")
        assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
        close(llm.layer_norm(x), layer(x).detach())
        by_hand = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)
        close(llm.layer_norm_unbiased(x), by_hand)
        assert not torch.allclose(by_hand, layer(x))
        factor = math.sqrt(embed_dim / (embed_dim - 1))
        close(llm.layer_norm_unbiased(x, eps=0.0) * factor, llm.layer_norm(x, eps=0.0))
    # Where the numbers of a token hardly differ, eps decides, and inside the root it weighs far more.
    x = torch.tensor([0.0, 1e-4], dtype=torch.float64, device="cpu")
    inside, outside = (function(x)[1].item() for function in (llm.layer_norm, llm.layer_norm_unbiased))
    assert inside == pytest.approx(5e-5 / math.sqrt(25e-10 + 1e-5))
    assert outside == pytest.approx(5e-5 / (math.sqrt(50e-10) + 1e-5))
    assert outside > 30 * inside


def test_tokens_that_do_not_vary_become_the_bias():
    x, bias = torch.full((2, 3), 7.0), torch.tensor([1.0, 2.0, 3.0])
    assert llm.layer_norm(x, None, bias).tolist() == [[1, 2, 3]] * 2
    assert llm.layer_norm_unbiased(x).tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize("empty", [np.ones, torch.ones], ids=["numpy", "torch"])
def test_layer_norm_refuses_what_it_cannot_normalize(empty):
    layer_norm, unbiased = inspect.unwrap(llm.layer_norm), inspect.unwrap(llm.layer_norm_unbiased)
    for function, shape, least in [
        (layer_norm, (2, 0), 1),
        (layer_norm, (), 1),
        (unbiased, (2, 1), 2),
        (unbiased, (), 2),
    ]:
        with pytest.raises(ValueError) as raised:
            function(empty(shape))
        assert str(raised.value) == (
            f"x has shape {shape}, so {shape[-1] if shape else 0} features; normalizing takes {least} or more on the last axis"
        )
    for wrong in [(1,), (4, 3), ()]:
        for options in ({"weight": empty(wrong)}, {"bias": empty(wrong)}):
            with pytest.raises(ValueError) as raised:
                layer_norm(empty((4, 3)), **options)
            assert str(raised.value) == (
                f"{next(iter(options))} has shape {wrong}, x has 3 features; give one number for each, of shape (3,)"
            )


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


def test_gradients_by_finite_differences():
    small = normal(2, 3).requires_grad_()
    mask = torch.tensor([[False, False, False], [True, False, True]], device="cpu")
    assert torch.autograd.gradcheck(kernels.softmax, small)
    assert torch.autograd.gradcheck(llm.layer_norm, small)
    assert torch.autograd.gradcheck(llm.layer_norm_unbiased, small)
    assert torch.autograd.gradcheck(lambda scores: attention.weights(scores, mask), small)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_two_bytes_lose_no_more_than_their_rounding(dtype):
    eps = torch.finfo(dtype).eps
    x = normal(4, 8, 256, dtype=dtype)
    far = 5 + 30 * x
    weight, bias = normal(256, seed=1, dtype=dtype), normal(256, seed=2, dtype=dtype)

    for ours, exact in [
        (kernels.softmax(far), torch.softmax(far.double(), -1)),
        (llm.layer_norm(far), F.layer_norm(far.double(), (256,))),
        (llm.layer_norm(far, weight, bias), F.layer_norm(far.double(), (256,), weight.double(), bias.double())),
        (llm.layer_norm_unbiased(far), llm.layer_norm_unbiased(far.double())),
        (attention.weights(far), torch.softmax(far.double(), -1)),
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
        (attention.scores, (query, key), lambda query, key: query @ key.mT / 8),
        (attention.output, (query, key, value), F.scaled_dot_product_attention),
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
        (attention.scores, (half, single), ("query", "key")),
        (attention.output, (half, single, half), ("query", "key")),
        (attention.output, (half, half, single), ("query", "value")),
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
    assert llm.linear(two, two, four[0]).dtype == attention.output(two, two, four).dtype == np.float32
    assert attention.scores(two, two.astype(np.float64)).dtype == np.float64


def test_numpy_float16_stays_float16():
    x = normal(3, 64, dtype=torch.float16).numpy()
    for result in (kernels.softmax(x), llm.layer_norm(x), attention.weights(x)):
        assert result.dtype == np.float16
    np.testing.assert_array_equal(llm.layer_norm(x), llm.layer_norm(torch.from_numpy(x)).numpy())


def test_sums_in_float16_do_not_overflow():
    large = torch.full((1, 4096), 300.0, dtype=torch.float16)
    assert large.sum().isinf()
    large[0, 0] = 0
    assert llm.layer_norm(large).isfinite().all()
    assert kernels.softmax(large).sum().item() == pytest.approx(1, abs=1e-2)
    query = torch.full((1, 64), 40.0, dtype=torch.float16)
    assert (query @ query.mT).isinf().all()
    assert attention.scores(query, query).tolist() == [[12800]]


FRACTIONS = {
    "softmax": (kernels.softmax, 1, "logits"),
    "layer_norm": (llm.layer_norm, 1, "x"),
    "layer_norm_unbiased": (llm.layer_norm_unbiased, 1, "x"),
    "attention_weights": (attention.weights, 1, "scores"),
    "attention_scores": (attention.scores, 2, "query"),
    "attention": (attention.output, 3, "query"),
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
    "layer_norm": (llm.layer_norm, (np.ones((2, 2)), np.ones(2)), ("x", "weight")),
    "attention_scores": (attention.scores, (np.ones((2, 2)), np.ones((2, 2))), ("query", "key")),
    "attention": (attention.output, (np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))), ("query", "key")),
    "attention_weights": (attention.weights, (np.ones((2, 2)), np.ones((2, 2), bool)), ("scores", "mask")),
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
    assert (
        str(raised.value)
        == "token_ids has dtype float64; ids and lengths are integers: write token_ids.astype(np.int64)"
    )


def test_inputs_are_left_as_they_were():
    x, mask = normal(2, 4, 4), torch.eye(4, dtype=torch.bool, device="cpu")
    before = x.clone()
    for function in (kernels.softmax, llm.layer_norm, llm.layer_norm_unbiased, attention.weights):
        function(x).add_(1)
        assert torch.equal(x, before)
    attention.output(x, x, x, mask).add_(1)
    assert torch.equal(x, before)


X = torch.ones(2, 2)
REQUIRED = {
    "x": lambda none: llm.linear(none, X),
    "weight": lambda none: llm.linear(X, none),
    "logits": kernels.softmax,
    "scores": attention.weights,
    "key": lambda none: attention.scores(X, none),
    "value": lambda none: attention.output(X, X, none),
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
