"""The masks of attention, held against flex_attention's definitions, plain loops and PyTorch's own attention."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.bias import causal_lower_right
from torch.nn.attention.flex_attention import create_mask

from tensorref import attention, masks

LENGTHS = [(queries, keys) for keys in range(5) for queries in range(6)]


def normal(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu").to(dtype)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def ids(*rows):
    return torch.tensor(rows, device="cpu")


def as_defined(queries, keys, sees):
    """Return the mask that a definition gives, pair by pair, where the queries are the last tokens."""
    rows = [[sees(query + keys - queries, key) for key in range(keys)] for query in range(queries)]
    return torch.tensor(rows, dtype=torch.bool, device="cpu").reshape(queries, keys)


def test_causal_mask_is_that_of_numpy_and_of_pytorch():
    for queries, keys in itertools.product(range(5), repeat=2):
        ours = masks.causal(queries, keys, device="cpu")
        assert (ours.numpy() == np.tri(queries, keys, keys - queries, dtype=bool)).all()
        if 0 < queries <= keys:
            x, y = normal(1, 1, queries, 2), normal(1, 1, keys, 2)
            theirs = F.scaled_dot_product_attention(x, y, y, causal_lower_right(queries, keys))
            close(attention.output(x, y, y, ours), theirs)
    assert torch.equal(masks.causal(4), masks.causal(4, 4))
    x = normal(1, 4, 2)
    close(
        attention.output(x, x, x, masks.causal(4, device="cpu")),
        F.scaled_dot_product_attention(x, x, x, is_causal=True),
    )
    assert masks.causal(2, device="meta").device.type == "meta"
    for lengths, name in (((-1,), "query_len"), ((2, -1), "key_len")):
        with pytest.raises(ValueError) as raised:
            masks.causal(*lengths)
        assert str(raised.value) == (
            f"{name} is -1; a size is 0 or more: write the size itself, only reshape works out -1"
        )


@pytest.mark.usefixtures("unchecked")
@settings(max_examples=40)
@given(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9), st.randoms(use_true_random=False))
def test_an_explanation_of_a_mask_counts_what_is_true(parts, queries, keys, random):
    mask = np.array([random.random() < 0.6 for _ in range(parts * queries * keys)], bool).reshape(parts, queries, keys)
    explanation = masks.explain(mask)
    assert masks.explain(torch.tensor(mask, device="cpu")) == explanation
    assert explanation.pairs == mask.sum()
    assert explanation.blind == (~mask.any(-1)).sum()
    later = np.arange(keys) > np.arange(queries)[:, None] + keys - queries
    assert explanation.causal == (bool(mask.any()) and queries > 1 and not (mask & later).any())
    for query in explanation.queries:
        seen = mask[query.index].nonzero()[0].tolist()
        assert [key for key in range(keys) if query.sees(key)] == seen
        assert query.count == len(seen)


def test_a_large_mask_is_explained_by_its_first_queries_and_the_last():
    explanation = masks.explain(np.tri(1000, dtype=bool))
    assert [query.index for query in explanation.queries] == [*((row,) for row in range(6)), (999,)]
    assert explanation.table()[-1] == ("999", "0-999", "1000 of 1000")
    comb = masks.explain((np.arange(20) % 2 == 0)[None])
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
        inspect.unwrap(masks.explain)(mask)
    assert str(raised.value) == words


def test_padding_changes_nothing_for_the_tokens():
    token_ids = torch.tensor([[3, 1, 2, 0, 0], [1, 1, 4, 2, 3]], device="cpu")
    x = normal(5, 4)[token_ids][:, None]
    mask = masks.padding(token_ids, pad_id=0)
    assert mask.shape == (2, 1, 1, 5)
    assert (masks.padding(token_ids.numpy(), pad_id=0) == mask.numpy()).all()
    padded = attention.output(x, x, x, mask)
    close(padded[0, :, :3], attention.output(x[0, :, :3], x[0, :, :3], x[0, :, :3]))
    close(padded[1], attention.output(x[1], x[1], x[1]))


def test_a_later_token_changes_nothing_before_it():
    x = normal(1, 6, 4)
    changed = x.clone()
    changed[0, 4:] = 100
    mask = masks.causal(6, device="cpu")
    assert torch.equal(attention.output(x, x, x, mask)[0, :4], attention.output(changed, changed, changed, mask)[0, :4])
    assert not torch.equal(attention.output(x, x, x)[0, :4], attention.output(changed, changed, changed)[0, :4])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("width", [1, 2, 3, 9])
def test_a_window_is_as_defined(width):
    for queries, keys in LENGTHS:
        ours = masks.sliding_window(queries, keys, window=width, device="cpu")
        expected = as_defined(queries, keys, lambda query, key: query - width < key <= query)
        assert torch.equal(ours, expected), (queries, keys)
    theirs = create_mask(lambda _b, _h, q, k: (k <= q) & (q - k < width), 1, 1, 6, 6, device="cpu")
    assert torch.equal(masks.sliding_window(6, window=width, device="cpu"), theirs[0, 0])
    assert masks.sliding_window(6, window=width, device="cpu").sum(-1).tolist() == [min(n + 1, width) for n in range(6)]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("length", [0, 1, 3, 9])
def test_a_prefix_is_as_defined(length):
    for queries, keys in LENGTHS:
        ours = masks.prefix(queries, keys, prefix_len=length, device="cpu")
        expected = as_defined(queries, keys, lambda query, key: key <= query or key < length)
        assert torch.equal(ours, expected), (queries, keys)
    theirs = create_mask(lambda _b, _h, q, k: (k <= q) | (k < length), 1, 1, 6, 6, device="cpu")
    assert torch.equal(masks.prefix(6, prefix_len=length, device="cpu"), theirs[0, 0])


@pytest.mark.usefixtures("unchecked")
@settings(max_examples=25)
@given(st.lists(st.integers(0, 4), max_size=4))
def test_documents_of_a_packed_row(lengths):
    cumulative = ids(0, *itertools.accumulate(lengths))
    numbers = masks.document_ids(cumulative)
    assert numbers.tolist() == [document for document, length in enumerate(lengths) for _ in range(length)]
    array = masks.document_ids(cumulative.numpy())
    assert array.dtype == np.int64
    assert array.tolist() == numbers.tolist() == masks.document_ids(cumulative.int()).tolist()
    assert masks.positions(numbers).tolist() == [place for length in lengths for place in range(length)]
    mask = masks.documents(numbers)[0]
    blocks = [torch.ones(length, length, dtype=torch.bool, device="cpu") for length in lengths]
    assert torch.equal(mask, torch.block_diag(*blocks).bool().reshape(mask.shape))
    assert (masks.documents(array) == mask.numpy()).all()
    for queries in range(len(numbers) + 1):
        assert torch.equal(masks.documents(numbers, queries)[0], mask[len(numbers) - queries :])


def test_a_packed_row_gives_what_each_document_gives_alone():
    lengths, x = (3, 1, 4), normal(1, 8, 4)
    numbers = masks.document_ids(ids(0, 3, 4, 8))
    packed = attention.output(x, x, x, masks.documents(numbers) & masks.causal(8, device="cpu"))
    alone = [F.scaled_dot_product_attention(part, part, part, is_causal=True) for part in x.split(lengths, 1)]
    close(packed, torch.cat(alone, 1))
    batch = masks.documents(torch.stack([numbers, numbers.flip(-1)]))
    assert batch.shape == (2, 1, 8, 8)
    assert torch.equal(batch[1, 0], masks.documents(numbers.flip(-1))[0])


@pytest.mark.parametrize("side", ["left", "right"])
def test_positions_of_padded_rows_are_those_without_padding(side):
    prompts = [[5, 2, 7], [4], [3, 3]]
    fills = [[0] * (3 - len(prompt)) for prompt in prompts]
    rows = [fill + prompt if side == "left" else prompt + fill for prompt, fill in zip(prompts, fills, strict=True)]
    token_ids = ids(*rows)
    positions = masks.positions(token_ids != 0)
    assert (masks.positions(token_ids.numpy() != 0) == positions.numpy()).all()
    for row, kept, prompt in zip(positions, token_ids != 0, prompts, strict=True):
        assert row[kept].tolist() == [*range(len(prompt))]
    # A model with positions gives the tokens of a padded row what it gives the prompt alone.
    table, places = normal(8, 4), normal(3, 4, seed=1)
    x = (table[token_ids] + places[positions])[:, None]
    mask = masks.padding(token_ids, 0) & masks.causal(3, device="cpu")
    mixed = attention.output(x, x, x, mask)[:, 0]
    for row, kept, prompt in zip(mixed, token_ids != 0, prompts, strict=True):
        alone = table[prompt] + places[: len(prompt)]
        close(row[kept], F.scaled_dot_product_attention(*[alone[None]] * 3, is_causal=True)[0])


def test_a_mask_while_decoding_is_the_last_row_of_that_of_the_prompt():
    token_ids, numbers = ids([0, 0, 7, 3, 5]), ids(0, 0, 1, 1, 1)
    for queries in (1, 2):
        for whole, part in [
            (masks.causal(5), masks.causal(queries, 5)),
            (masks.sliding_window(5, window=2), masks.sliding_window(queries, 5, window=2)),
            (masks.prefix(5, prefix_len=4), masks.prefix(queries, 5, prefix_len=4)),
            (masks.documents(numbers), masks.documents(numbers, queries)),
            (masks.causal(5) & masks.padding(token_ids, 0), masks.causal(queries, 5) & masks.padding(token_ids, 0)),
        ]:
            assert torch.equal(part, whole[..., -queries:, :])
    # PyTorch's own is_causal lines up the first query with the first key instead.
    x = normal(1, 1, 5, 4)
    first = F.scaled_dot_product_attention(x[:, :, -1:], x, x, is_causal=True)
    close(first, x[:, :, :1])
    assert not torch.allclose(first, attention.output(x[:, :, -1:], x, x, masks.causal(1, 5, device="cpu")))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_an_additive_mask_does_what_the_boolean_does(dtype):
    mask, x = masks.causal(4, device="cpu"), normal(1, 1, 4, 8, dtype=dtype)
    expected = F.scaled_dot_product_attention(x, x, x, mask)
    for value in (-math.inf, torch.finfo(dtype).min, *([-1e9] if dtype != torch.float16 else [])):
        added = masks.additive(mask, dtype, value=value)
        assert added.dtype == dtype
        assert torch.equal(added == 0, mask)
        assert torch.equal(F.scaled_dot_product_attention(x, x, x, added), expected)
    array = masks.additive(mask.numpy(), np.float32, value=-1e9)
    assert array.dtype == np.float32
    assert np.array_equal(array, masks.additive(mask, value=-1e9).numpy())


def test_what_becomes_of_a_row_that_sees_nothing_and_of_sums():
    nothing, scores = torch.zeros(1, 2, dtype=torch.bool, device="cpu"), torch.tensor([[1.0, 3.0]], device="cpu")
    lowest = torch.finfo(torch.float32).min
    assert torch.softmax(scores + masks.additive(nothing), -1).isnan().all()
    assert torch.softmax(scores + masks.additive(nothing, value=lowest), -1).tolist() == [[0.5, 0.5]]
    assert torch.equal(torch.softmax(scores + masks.additive(nothing, value=-1e4), -1), torch.softmax(scores, -1))
    assert torch.softmax(scores + masks.additive(nothing, value=-1e9), -1).tolist() == [[0.5, 0.5]]
    double = scores.double()
    far = masks.additive(nothing, torch.float64, value=-1e9)
    torch.testing.assert_close(torch.softmax(double + far, -1), torch.softmax(double, -1), rtol=1e-6, atol=0)
    assert attention.weights(scores, nothing).tolist() == [[0.0, 0.0]]
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        twice = masks.additive(nothing, dtype, value=torch.finfo(dtype).min)
        assert (twice + twice).isinf().all()
    # In float16 a score is large enough to overflow with the lowest number, in bfloat16 and float32 it is not.
    low = {
        dtype: masks.additive(nothing, dtype, value=torch.finfo(dtype).min) for dtype in (torch.float16, torch.bfloat16)
    }
    assert (low[torch.float16] - 16).isinf().all()
    assert (low[torch.float16] - 15).isfinite().all()
    assert (low[torch.bfloat16] - 1e9).isfinite().all()
    with pytest.raises(RuntimeError, match="cannot be converted to type"):
        scores.half().masked_fill(~nothing, -1e9)


def test_nn_multihead_attention_means_the_opposite():
    token_ids, x = ids([5, 2, 7], [4, 0, 0]), normal(2, 3, 4)
    layer = torch.nn.MultiheadAttention(4, 1, bias=False, batch_first=True, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(4))
    seen = masks.padding(token_ids, 0)[:, 0]
    ours = attention.output(x, x, x, seen & masks.causal(3, device="cpu"))
    theirs = layer(
        x, x, x, key_padding_mask=token_ids == 0, attn_mask=~masks.causal(3, device="cpu"), need_weights=False
    )
    close(ours, theirs[0].detach())


@pytest.mark.parametrize(
    ("mask", "warning"),
    [
        (np.tri(3, dtype=bool), None),
        (
            ~np.tri(3, dtype=bool),
            (
                "No query sees its own token or an earlier one. If True is meant for what is hidden, write ~mask. 1 query sees no "
                "key: softmax gives it nan, attention.weights gives it 0."
            ),
        ),
        (np.zeros((2, 2), bool), "2 queries see no key: softmax gives them nan, attention.weights gives them 0."),
        (np.array([[False, True]]), None),
        (np.ones((3, 3), bool), None),
    ],
    ids=["causal", "inverted", "nothing", "padding", "all"],
)
def test_what_is_suspicious_about_a_mask_is_said(mask, warning):
    explanation = masks.explain(mask)
    assert explanation.warning == warning
    assert (warning in explanation.notes()) == (warning is not None)


REFUSED = {
    "no window": (
        lambda: masks.sliding_window(3, window=0),
        "window is 0; a token sees itself at least: write 1 or more",
    ),
    "a prefix": (
        lambda: masks.prefix(3, prefix_len=-1),
        "prefix_len is -1; a size is 0 or more: write the size itself, only reshape works out -1",
    ),
    "lengths that fall": (
        lambda: masks.document_ids(ids(0, 3, 2)),
        "cumulative_lengths is [0, 3, 2]; it begins with 0 and never falls: write [0, 3, 5] for lengths 3 and 2",
    ),
    "no beginning": (
        lambda: masks.document_ids(np.array([3, 5])),
        "cumulative_lengths is [3, 5]; it begins with 0 and never falls: write [0, 3, 5] for lengths 3 and 2",
    ),
    "two rows": (
        lambda: masks.document_ids(ids([0, 3])),
        "cumulative_lengths has shape (1, 2); it is one row: write (0, 3, 5) for lengths 3 and 2",
    ),
    "fractions": (
        lambda: masks.document_ids(torch.zeros(1)),
        "cumulative_lengths has dtype torch.float32; ids and lengths are integers: write cumulative_lengths.long()",
    ),
    "fractions of an array": (
        lambda: masks.padding(np.zeros(2), 0),
        "token_ids has dtype float64; ids and lengths are integers: write token_ids.astype(np.int64)",
    ),
    "no values": (
        lambda: masks.document_ids(torch.zeros(1, dtype=torch.int64, device="meta")),
        "cumulative_lengths is on meta and has no values; give one that has, such as one on the CPU",
    ),
    "more queries than tokens": (
        lambda: masks.documents(ids(0, 0), 3),
        "query_len is 3, document_ids has 2 tokens; write 2 or less",
    ),
    "no axis": (
        lambda: masks.positions(torch.tensor(1)),
        "document_ids has shape (); it has an id for each token: write document_ids[None]",
    ),
    "no axis of padding": (
        lambda: masks.padding(torch.tensor(1), 0),
        "token_ids has shape (); it has an id for each token: write token_ids[None]",
    ),
    "a number too low": (
        lambda: masks.additive(ids([True]), torch.float16, value=-1e9),
        "value is -1000000000.0, below the lowest number of torch.float16, -65504.0; write that, or float('-inf')",
    ),
    "a number too high": (
        lambda: masks.additive(ids([True]), value=0),
        "value is 0.0; it hides a key, so it is below all scores: write float('-inf')",
    ),
    "whole numbers": (
        lambda: masks.additive(ids([True]), torch.int64),
        "dtype is torch.int64; scores are of floating point of 16 bits or more: write torch.float32",
    ),
    "whole numbers of NumPy": (
        lambda: masks.additive(np.array([True]), "int8"),
        "dtype is int8; scores are of floating point of 16 bits or more: write np.float32",
    ),
    "no dtype": (
        lambda: masks.additive(np.array([True]), 3.5),
        "dtype is 3.5, of type float; it is a dtype of NumPy: write np.float32",
    ),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError)) as raised:
        call()
    assert str(raised.value) == message
