"""Filters of logits against distributions worked out by hand, token by token, in both libraries."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from tensorref import kernels, sampling

# A vocabulary of five, whose probabilities are exact in binary; two are as likely.
SHARES = [Fraction(n, 16) for n in (1, 8, 2, 4, 1)]
NO_PROBABILITIES = (
    "logits has a row with nan or inf, or with -inf alone, which has no probabilities; keep a token, and divide by a larger "
    "temperature"
)
LOGITS = torch.tensor([float(share) for share in SHARES], dtype=torch.float64, device="cpu").log() + 3


def both(function, logits, *arguments):
    """Return what a function gives of a tensor, which is what it gives of an array."""
    result = function(logits, *arguments)
    arrays = [each.numpy() if isinstance(each, torch.Tensor) else each for each in arguments]
    array = function(logits.numpy(), *arrays)
    assert isinstance(array, np.ndarray | np.generic)
    torch.testing.assert_close(torch.as_tensor(array), result, rtol=1e-14, atol=0)
    return result


def shares(logits):
    """Return the probabilities of a row as fractions."""
    return [Fraction(p).limit_denominator(1000) for p in kernels.softmax(logits).tolist()]


def over(kept):
    """Return the exact distribution over the tokens that are kept."""
    total = sum(SHARES[token] for token in kept)
    return [share / total if token in kept else 0 for token, share in enumerate(SHARES)]


@pytest.mark.parametrize(
    ("function", "value", "kept"),
    [
        (sampling.top_k, 1, {1}),
        (sampling.top_k, 3, {1, 2, 3}),
        (sampling.top_k, 4, {0, 1, 2, 3, 4}),  # the last two are as likely
        (sampling.top_k, 9, {0, 1, 2, 3, 4}),
        (sampling.top_p, 0.01, {1}),
        (sampling.top_p, 0.49, {1}),
        (sampling.top_p, 0.51, {1, 3}),
        (sampling.top_p, 0.8, {1, 2, 3}),
        (sampling.top_p, 0.9, {0, 1, 2, 3}),  # of two as likely the first
        (sampling.top_p, 1, {0, 1, 2, 3, 4}),
        (sampling.min_p, 1, {1}),
        (sampling.min_p, 0.49, {1, 3}),
        (sampling.min_p, 0.2, {1, 2, 3}),
        (sampling.min_p, 0.1, {0, 1, 2, 3, 4}),
    ],
)
def test_a_filter_leaves_the_distribution_over_what_it_keeps(function, value, kept):
    result = both(function, LOGITS, value)
    assert shares(result) == over(kept)
    assert torch.equal(result[[*kept]], LOGITS[[*kept]])
    stacked = torch.stack([LOGITS, LOGITS.flip(0), torch.zeros(5, dtype=torch.float64)]).reshape(3, 1, 5)
    rows = both(function, stacked, value)
    assert torch.equal(rows[0, 0], result)
    assert rows.isfinite().any(dim=-1).all()


def test_temperature_raises_probabilities_to_a_power():
    for value, power in [(0.5, 2), (1, 1), (0.25, 4)]:
        powers = [share**power for share in SHARES]
        right = [float(each / sum(powers)) for each in powers]
        assert kernels.softmax(both(sampling.temperature, LOGITS, value)).tolist() == pytest.approx(right, rel=1e-12)


def reference_top_p(row, p):
    """Keep token by token, as the rule says it."""
    order = sorted(range(len(row)), key=lambda token: -row[token])  # which is stable
    reached, kept = 0.0, set()
    for token in order:
        if reached >= p:
            break
        kept.add(token)
        reached += row[token]
    return kept


@pytest.mark.usefixtures("unchecked")
def test_any_rows_are_filtered_as_token_by_token():
    generator = torch.Generator("cpu").manual_seed(0)
    for number in range(40):
        ties = torch.randint(0, 4, (3, 9), generator=generator, device="cpu").double()
        logits = ties if number % 2 else 3 * torch.randn(3, 9, generator=generator, device="cpu", dtype=torch.float64)
        p = torch.rand(1, generator=generator, device="cpu").item() * 0.98 + 0.01
        for row, kept in zip(kernels.softmax(logits).tolist(), both(sampling.top_p, logits, p), strict=True):
            assert {*kept.isfinite().nonzero().flatten().tolist()} == reference_top_p(row, p)
        probabilities = kernels.softmax(logits)
        expected = probabilities >= p * probabilities.amax(-1, keepdim=True) * (1 - 1e-15)
        assert torch.equal(both(sampling.min_p, logits, p).isfinite(), expected)
        k = number % 9 + 1
        assert torch.equal(both(sampling.top_k, logits, k).isfinite(), logits >= logits.topk(k).values[:, -1:])


def test_the_order_of_temperature_matters_to_top_p_and_min_p_but_not_to_top_k():
    logits = torch.tensor([3.0, 2.0, 1.0, 0.0])
    for function, value, differs in [
        (sampling.top_k, 2, False),
        (sampling.top_p, 0.8, True),
        (sampling.min_p, 0.3, True),
    ]:
        first = function(sampling.temperature(logits, 0.5), value)
        last = sampling.temperature(function(logits, value), 0.5)
        assert torch.equal(first, last) != differs


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_the_dtype_stays_and_a_large_vocabulary_keeps_one_token_at_least(dtype):
    logits = torch.zeros(2, 20_000, dtype=dtype)
    for result in (sampling.top_k(logits, 5), sampling.top_p(logits, 1e-6), sampling.min_p(logits, 0.5)):
        assert result.dtype == dtype
        assert result.isfinite().any(-1).all()
    assert sampling.top_p(logits, 1.0).isfinite().all()
    assert sampling.temperature(logits, 0.5).dtype == dtype
    assert sampling.repetition_penalty(logits, torch.tensor([[1], [2]]), 1.1).dtype == dtype


def test_a_penalty_counts_a_token_once_and_asks_for_its_sign():
    logits = torch.tensor([[2.0, -1.0, 0.0, 3.0], [2.0, -1.0, 0.0, 3.0]], dtype=torch.float64)
    token_ids = torch.tensor([[0, 0, 1], [2, 3, 3]])
    result = both(sampling.repetition_penalty, logits, token_ids, 2.0)
    assert result.tolist() == [[1, -2, 0, 3], [2, -1, 0, 1.5]]
    # A number that is added to all logits changes no probability, but what this does.
    moved = sampling.repetition_penalty(logits + 10, token_ids, 2.0) - 10
    assert not torch.allclose(kernels.softmax(moved), kernels.softmax(result), atol=0.1)
    nothing = both(sampling.repetition_penalty, logits, torch.zeros(2, 0, dtype=torch.int64), 2.0)
    assert torch.equal(nothing, logits)
    assert both(sampling.repetition_penalty, logits[0], torch.tensor([3]), 2.0).tolist() == [2, -1, 0, 1.5]


def test_draws_over_all_numbers_have_the_exact_distribution():
    uniform = (torch.arange(1600, dtype=torch.float64) + 0.5) / 1600
    drawn = both(sampling.draw, LOGITS.expand(1600, -1), uniform)
    assert drawn.bincount().tolist() == [1600 * share for share in SHARES]
    filtered = sampling.top_k(LOGITS, 3).expand(1400, -1)
    drawn = sampling.draw(filtered, (torch.arange(1400, dtype=torch.float64) + 0.5) / 1400)
    assert drawn.bincount(minlength=5).tolist() == [1400 * share for share in over({1, 2, 3})]


def test_what_cannot_be_drawn_is_never_drawn():
    ends = torch.tensor([0.0, 1 - 2**-24])
    for logits, possible in [
        ([0.0, 0.0, -math.inf], {0, 1}),
        ([-math.inf, 1.0, 1.0], {1, 2}),
        ([-math.inf, 0.0, -math.inf], {1}),
    ]:
        drawn = sampling.draw(torch.tensor(logits).expand(2, -1), ends)
        assert {*drawn.tolist()} == possible
    assert sampling.draw(np.zeros((1, 3), np.float32), np.array([1 - 2**-53])).tolist() == [2]


def test_pytorchs_own_draws_are_as_often():
    generator = torch.Generator("cpu").manual_seed(0)
    right = torch.tensor([float(share) for share in over({1, 2, 3})], dtype=torch.float64)
    count, degrees = 20_000, 2
    filtered = sampling.top_k(LOGITS, 3)
    theirs = torch.multinomial(kernels.softmax(filtered), count, replacement=True, generator=generator)
    ours = sampling.draw(filtered.expand(count, -1), torch.rand(count, generator=generator, device="cpu"))
    for drawn in (theirs, ours):
        often = drawn.bincount(minlength=5).double()
        assert (often[right == 0] == 0).all()
        chi_square = ((often - count * right) ** 2 / (count * right))[right > 0].sum()
        assert chi_square < degrees + 5 * (2 * degrees) ** 0.5


def test_greedy_takes_the_first_of_equals_as_the_limit_of_temperature():
    logits = torch.tensor([[1.0, 3.0, 3.0], [0.0, -1.0, -2.0]], dtype=torch.float64)
    assert both(sampling.greedy, logits).tolist() == [1, 0]
    cold = sampling.top_k(sampling.temperature(logits[1], 1e-3), 3)
    assert sampling.draw(cold[None], torch.tensor([0.999])).tolist() == [0]


def test_rows_that_have_ended_go_on_with_padding():
    ended, rows = torch.zeros(3, dtype=torch.bool), []
    for drawn in ([5, 2, 6], [2, 7, 6], [8, 2, 2]):
        arrays = sampling.finish(np.array(drawn), ended.numpy(), eos_id=2, pad_id=0)
        appended, ended = sampling.finish(torch.tensor(drawn), ended, eos_id=2, pad_id=0)
        assert [each.tolist() for each in arrays] == [appended.tolist(), ended.tolist()]
        rows.append(appended)
    assert torch.stack(rows, dim=1).tolist() == [[5, 2, 0], [2, 0, 0], [6, 6, 2]]
    assert ended.all()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: sampling.temperature(LOGITS, 0),
            ValueError,
            "value is 0.0; a temperature is above 0: for the most probable token write greedy(logits)",
        ),
        (
            lambda: sampling.top_k(LOGITS, 0),
            ValueError,
            "k is 0; one token stays at least: write 1, or greedy(logits)",
        ),
        (lambda: sampling.top_p(LOGITS, 0), ValueError, "p is 0.0; it is above 0 and at most 1: write 0.9"),
        (lambda: sampling.min_p(LOGITS, 90), ValueError, "p is 90.0; it is above 0 and at most 1: write 0.9"),
        (
            lambda: sampling.greedy(torch.tensor(1.0)),
            ValueError,
            "logits has shape (); it has a number for every token: (…, vocab_size)",
        ),
        (
            lambda: sampling.repetition_penalty(LOGITS, torch.tensor([1]), 0),
            ValueError,
            "penalty is 0.0; it is above 0: write 1.1, or 1 for none",
        ),
        (
            lambda: sampling.repetition_penalty(LOGITS, torch.tensor([[1]]), 1.1),
            ValueError,
            "token_ids has shape (1, 1), logits has shape (5,), so token_ids should have (seq_len,); cut both from the same batch",
        ),
        (
            lambda: sampling.repetition_penalty(LOGITS, torch.tensor([-1]), 1.1),
            ValueError,
            "token_ids[0] is -1; logits has 5 numbers in each row, the ids are 0 to 4: replace what marks padding first",
        ),
        (
            lambda: sampling.draw(LOGITS, torch.tensor([0.5])),
            ValueError,
            "uniform has shape (1,), logits has shape (5,); it has a number for each row: make it of shape ()",
        ),
        (
            lambda: sampling.draw(LOGITS, torch.tensor(1.0)),
            ValueError,
            "uniform has numbers that are below 0 or not below 1; write torch.rand, or rng.random",
        ),
        *(
            (
                lambda logits=logits: sampling.draw(torch.tensor(logits), torch.tensor(0.5)),
                ValueError,
                NO_PROBABILITIES,
            )
            for logits in ([1.0, math.nan], [math.inf, 0.0], [-math.inf, -math.inf])
        ),
        (
            lambda: sampling.finish(torch.tensor([1]), torch.tensor([1]), eos_id=1, pad_id=0),
            TypeError,
            "ended has dtype torch.int64; it is True where a row has ended: write ended != 0",
        ),
        (
            lambda: sampling.finish(torch.tensor([1]), torch.tensor([True, True]), eos_id=1, pad_id=0),
            ValueError,
            "token_ids has shape (1,), ended has shape (2,); give both of one shape",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_mend(call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == words
