"""A mixture of experts, held against a plain loop over the tokens, in both libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from tensorref import experts

TOKENS, FEATURES, HIDDEN, COUNT = 13, 6, 8, 5


def normal(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, device="cpu", dtype=torch.float64).to(dtype)


X, ROUTER = normal(TOKENS, FEATURES), normal(COUNT, FEATURES, seed=1)
UP, DOWN = normal(COUNT, HIDDEN, FEATURES, seed=2), normal(COUNT, FEATURES, HIDDEN, seed=3)


def expert(x, number):
    return functional.linear(functional.silu(functional.linear(x, UP[number])), DOWN[number])


def looped(top_k, capacity, *, normalize=True):
    """Send one token after the other, all first choices before all second ones."""
    probabilities = (X @ ROUTER.T).softmax(-1)
    weights, chosen = probabilities.topk(top_k)
    if normalize:
        weights = (X @ ROUTER.T).topk(top_k).values.softmax(-1)
    mixed, taken, dropped = torch.zeros_like(X), [0] * COUNT, 0
    for choice in range(top_k):
        for token in range(TOKENS):
            number = int(chosen[token, choice])
            if taken[number] == capacity:
                dropped += 1
                continue
            taken[number] += 1
            mixed[token] += weights[token, choice] * expert(X[token], number)
    return mixed, dropped


def computed(x, top_k, capacity, **options):
    routing = experts.route(x @ ROUTER.T, top_k, **options)
    sent = experts.dispatch(x, routing.experts, num_experts=COUNT, capacity=capacity)
    outputs = functional.silu(sent.buffers @ UP.mT) @ DOWN.mT
    return experts.combine(outputs, routing.experts, sent.slots, routing.weights), sent


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("capacity", [1, 2, 4, TOKENS])
@pytest.mark.parametrize("top_k", [1, 2, COUNT])
def test_the_result_is_that_of_a_loop_over_the_tokens(top_k, capacity, normalize):
    mixed, sent = computed(X, top_k, capacity, normalize=normalize)
    expected, dropped = looped(top_k, capacity, normalize=normalize)
    torch.testing.assert_close(mixed, expected)
    assert (sent.slots < 0).sum() == dropped
    assert (dropped == 0) == (capacity == TOKENS or (top_k == 2 and capacity > 10))


def test_numpy_gives_what_pytorch_gives():
    logits = X @ ROUTER.T
    ours, theirs = experts.route(logits, 2), experts.route(logits.numpy(), 2)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other, rtol=1e-12)
    sent = [
        experts.dispatch(x, routing.experts, num_experts=COUNT, capacity=4)
        for x, routing in ((X, ours), (X.numpy(), theirs))
    ]
    np.testing.assert_array_equal(sent[0].buffers.numpy(), sent[1].buffers)
    np.testing.assert_array_equal(sent[0].slots.numpy(), sent[1].slots)
    mixed = [
        experts.combine(parts.buffers, routing.experts, parts.slots, routing.weights)
        for parts, routing in zip(sent, (ours, theirs), strict=True)
    ]
    np.testing.assert_allclose(mixed[0].numpy(), mixed[1], rtol=1e-12)
    losses = [experts.load_balancing_loss(each.probabilities, each.experts) for each in (ours, theirs)]
    assert losses[0].item() == pytest.approx(losses[1])


def test_gradients_are_those_of_the_loop_where_nothing_is_dropped():
    x = X.clone().requires_grad_()
    computed(x, 2, TOKENS)[0].square().sum().backward()
    y = X.clone().requires_grad_()
    values, chosen = (y @ ROUTER.T).topk(2)
    every = torch.stack([expert(y, number) for number in range(COUNT)], 1)
    mixed = (every.take_along_dim(chosen[..., None], 1) * values.softmax(-1)[..., None]).sum(1)
    mixed.square().sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_a_router_chooses_the_largest_and_the_first_of_equal_ones():
    logits = normal(50, 7)
    routing = experts.route(logits, 3)
    values, chosen = logits.topk(3)
    assert torch.equal(routing.experts, chosen)
    torch.testing.assert_close(routing.weights, values.softmax(-1))
    torch.testing.assert_close(routing.probabilities, logits.softmax(-1))
    switch = experts.route(logits, 1, normalize=False)
    torch.testing.assert_close(switch.weights[:, 0], logits.softmax(-1).amax(-1))
    assert experts.route(torch.zeros(1, 6), 4).experts.tolist() == [[0, 1, 2, 3]]
    half = experts.route(logits.bfloat16(), 2)
    assert (half.weights.dtype, half.probabilities.dtype) == (torch.float32, torch.float32)


def test_every_slot_of_an_expert_has_one_token_and_the_rest_are_zero():
    x = torch.arange(1.0, TOKENS + 1, device="cpu")[:, None]
    chosen = experts.route(X @ ROUTER.T, 2).experts
    buffers, slots = experts.dispatch(x, chosen, num_experts=COUNT, capacity=4)
    places = {
        (int(e), int(s)): token
        for token in range(TOKENS)
        for e, s in zip(chosen[token], slots[token], strict=True)
        if s >= 0
    }
    assert len(places) == (slots >= 0).sum()
    for number in range(COUNT):
        for place in range(4):
            token = places.get((number, place))
            assert buffers[number, place].item() == (0 if token is None else token + 1)


def test_a_token_that_was_dropped_adds_nothing():
    chosen = torch.tensor([[1], [1]])
    sent = experts.dispatch(torch.ones(2, 3), chosen, num_experts=2, capacity=1)
    mixed = experts.combine(sent.buffers + 5, chosen, sent.slots, torch.ones(2, 1))
    assert mixed.tolist() == [[6.0] * 3, [0.0] * 3]
    poisoned = experts.combine(torch.full((2, 1, 3), torch.nan), chosen, torch.tensor([[-1], [-1]]), torch.ones(2, 1))
    assert poisoned.eq(0).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_experts_of_small_integers_are_indices(dtype):
    chosen = torch.tensor([[0, 1], [1, 0], [0, 2]])
    sent, small = (experts.dispatch(X[:3], each, num_experts=3, capacity=2) for each in (chosen, chosen.to(dtype)))
    assert torch.equal(small.buffers, sent.buffers)
    assert torch.equal(small.slots, sent.slots)
    back, small_back = (
        experts.combine(sent.buffers, each, sent.slots, torch.ones(3, 2)) for each in (chosen, chosen.to(dtype))
    )
    assert torch.equal(small_back, back)


def test_the_sum_is_rounded_once_in_half_precision():
    weights = torch.tensor([[0.5, 0.5]])
    outputs = torch.tensor([[[1.0]], [[2**-8]]], dtype=torch.bfloat16)
    mixed = experts.combine(outputs, torch.tensor([[0, 1]]), torch.zeros(1, 2, dtype=torch.long), weights)
    assert mixed.dtype == torch.bfloat16
    assert mixed.item() == torch.tensor(0.5 + 2**-9).bfloat16().item()


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_the_loss_is_that_of_the_papers(top_k):
    routing = experts.route(X @ ROUTER.T, top_k)
    chosen = functional.one_hot(routing.experts, COUNT).double()
    ours = experts.load_balancing_loss(routing.probabilities, routing.experts)
    fractions = chosen.sum((0, 1)) / (TOKENS * top_k)
    torch.testing.assert_close(ours, COUNT * (fractions * routing.probabilities.mean(0)).sum())
    of_each_choice = chosen.mean(0) * routing.probabilities.mean(0)  # undivided, for each choice
    torch.testing.assert_close(ours * top_k, of_each_choice.sum() * COUNT)
    even = torch.full((COUNT, COUNT), 1 / COUNT, dtype=torch.float64)
    each = torch.arange(COUNT)[:, None].add(torch.arange(top_k)) % COUNT
    assert experts.load_balancing_loss(even, each).item() == pytest.approx(1)


def test_the_loss_moves_the_router_towards_even_use():
    router = ROUTER.clone().requires_grad_()
    before = None
    for _ in range(200):
        routing = experts.route(X @ router.T, 1)
        loss = experts.load_balancing_loss(routing.probabilities, routing.experts)
        before = before or loss.item()
        (gradient,) = torch.autograd.grad(loss, router)
        router = (router - 0.3 * gradient).detach().requires_grad_()
    counts = torch.bincount(experts.route(X @ router.T, 1).experts.flatten(), minlength=COUNT)
    assert loss.item() < before
    assert counts.max() < torch.bincount((X @ ROUTER.T).argmax(-1), minlength=COUNT).max()


def test_a_capacity_is_rounded_up_from_the_decimal_that_was_written():
    assert experts.capacity(40, 4, 1, 1.1) == 11
    assert experts.capacity(10, 4, 1) == 3
    assert experts.capacity(10, 4, 4, 0.5) == 5


def test_an_explanation_has_the_shapes_of_real_tensors():
    explanation = experts.explain(TOKENS, FEATURES, HIDDEN, num_experts=COUNT, top_k=2, factor=1.5)
    routing = experts.route(X @ ROUTER.T, 2)
    sent = experts.dispatch(X, routing.experts, num_experts=COUNT, capacity=explanation.capacity)
    hidden = functional.silu(sent.buffers @ UP.mT)
    outputs = hidden @ DOWN.mT
    mixed = experts.combine(outputs, routing.experts, sent.slots, routing.weights)
    real = (X, X @ ROUTER.T, routing.experts, routing.weights, sent.buffers, hidden, outputs, mixed)
    assert [stage.shape for stage in explanation.stages] == [tuple(each.shape) for each in real]
    assert all(len(stage.shape) == len(stage.axes) for stage in explanation.stages)
    all_alike = torch.arange(2).expand(TOKENS, 2)
    slots = experts.dispatch(X, all_alike, num_experts=COUNT, capacity=explanation.capacity).slots
    assert f"{(slots < 0).sum()} copies would be dropped" in explanation.notes()[1]


def test_a_picture_shows_every_stage_with_its_sizes():
    explanation = experts.explain(8, 4, 16, num_experts=4, top_k=2)
    picture = explanation.svg()
    for stage in explanation.stages:
        assert f">{stage.name}</text>" in picture
    assert picture.count(">capacity</text>") == 3
    assert "8 tokens, 2 of 4 experts each" in picture
    assert explanation.to_dict()["stages"][0]["shape"] == [8, 4]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: experts.route(torch.zeros(2, 3), 4),
            "top_k is 4, and logits has shape (2, 3): there are 3 experts; write at most that",
        ),
        (
            lambda: experts.capacity(8, 2, 3),
            "top_k is 3, and num_experts is 2; a token goes to at most all of them",
        ),
        (lambda: experts.capacity(8, 2, 1, 0), "factor is 0.0; it is a finite number above 0, such as 1.25"),
        (lambda: experts.capacity(0, 2, 1), "tokens is 0; it is 1 or more"),
        (
            lambda: experts.dispatch(torch.ones(1, 2), torch.tensor([[2]]), num_experts=2, capacity=1),
            "experts has 2; there are 2 experts, 0 to 1: give as many as the router has",
        ),
        (
            lambda: experts.combine(torch.ones(2, 2, 1), torch.tensor([[0]]), torch.tensor([[5]]), torch.ones(1, 1)),
            "slots has 5, and outputs has shape (2, 2, 1): a buffer has 2 places; give what the same call of dispatch gave",
        ),
        (
            lambda: experts.load_balancing_loss(torch.ones(0, 2), torch.ones(0, 1, dtype=torch.long)),
            "probabilities has shape (0, 2), experts has shape (0, 1); they are (tokens, num_experts) and (tokens, top_k)",
        ),
    ],
)
def test_what_cannot_be_says_why(call, words):
    with pytest.raises(ValueError) as raised:
        call()
    assert str(raised.value) == words


@pytest.mark.usefixtures("unchecked")
def test_shapes_that_do_not_go_together_are_named():
    chosen, slots = torch.zeros(3, 1, dtype=torch.long), torch.zeros(3, 1, dtype=torch.long)
    with pytest.raises(ValueError) as raised:
        experts.route(torch.zeros(2, 3, 4), 1)
    assert str(raised.value) == (
        "logits has shape (2, 3, 4); it is (tokens, num_experts): write logits.reshape(-1, num_experts)"
    )
    with pytest.raises(ValueError) as raised:
        experts.dispatch(torch.ones(2, 4), chosen, num_experts=2, capacity=1)
    assert str(raised.value) == (
        "x has shape (2, 4), experts has shape (3, 1); they are (tokens, embed_dim) and (tokens, top_k)"
    )
    with pytest.raises(ValueError) as raised:
        experts.combine(torch.ones(2, 1, 4), chosen, slots, torch.ones(3, 2))
    assert str(raised.value) == (
        "outputs has shape (2, 1, 4), experts has shape (3, 1), slots has shape (3, 1), weights has shape (3, 2); they are "
        "(num_experts, capacity, embed_dim) and thrice (tokens, top_k)"
    )
    with pytest.raises(
        TypeError, match=r"experts has dtype torch.float32; indices are integers: convert them to int64"
    ):
        experts.dispatch(torch.ones(3, 4), chosen.float(), num_experts=2, capacity=1)
