"""A training step by hand against PyTorch's optimizer, clipping, schedulers and hooks; and what its pages say of it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tensorref import errors, training


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed), device="cpu").to(dtype)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight_decay": 0.0},
        {"weight_decay": 0.5, "betas": (0.9, 0.95), "eps": 1e-3},
        {"betas": (0.0, 0.0)},
    ],
    ids=str,
)
def test_adamw_is_pytorchs_step_by_step(settings):
    theirs = nn.Parameter(normal(3, 4))
    options = {"weight_decay": 0.01, **settings}
    optimizer = torch.optim.AdamW([theirs], lr=0.1, **options)
    ours, array = theirs.detach().clone(), theirs.detach().numpy().copy()
    moments = of_array = None
    for step in range(20):
        gradient = normal(3, 4, seed=step + 1) * 10.0 ** (step % 5 - 2)
        rate = training.learning_rate(step, peak=0.1, warmup=5, total=20, floor=0.01)
        optimizer.param_groups[0]["lr"] = rate
        theirs.grad = gradient.clone()
        optimizer.step()
        ours, moments = training.adamw(ours, gradient, moments, rate=rate, **settings)
        array, of_array = training.adamw(array, gradient.numpy(), of_array, rate=rate, **settings)
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(array, theirs.detach().numpy(), rtol=1e-12, atol=1e-14)
    state = optimizer.state[theirs]
    torch.testing.assert_close(moments.mean, state["exp_avg"], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(moments.square, state["exp_avg_sq"], rtol=1e-12, atol=1e-14)
    assert moments.step == state["step"].item() == of_array.step == 20


def test_adamw_leaves_its_arguments_and_has_no_history():
    parameter, gradient = nn.Parameter(normal(3)), normal(3, seed=1)
    before = parameter.detach().clone()
    moved, moments = training.adamw(parameter, gradient, rate=0.1)
    again, _ = training.adamw(moved, gradient, moments, rate=0.1)
    assert torch.equal(parameter, before)
    assert moments.step == 1
    assert [moved.requires_grad, again.requires_grad] == [False, False]


def test_weight_decay_is_not_in_the_gradient():
    parameter, nothing = torch.full((2,), 2.0, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    decayed, _ = training.adamw(parameter, nothing, rate=0.1, weight_decay=0.5)
    assert decayed.tolist() == [1.9, 1.9]
    in_the_gradient, _ = training.adamw(parameter, 0.5 * parameter, rate=0.1, weight_decay=0.0)
    assert in_the_gradient.tolist() == pytest.approx(
        [1.9, 1.9]
    )  # whatever the decay: a first step has the size of the rate
    ten_times, _ = training.adamw(parameter, 5 * parameter, rate=0.1, weight_decay=0.0)
    assert ten_times.tolist() == pytest.approx([1.9, 1.9])


@pytest.mark.parametrize("max_norm", [0.5, 1e3, 0.0, math.inf])
def test_clipping_is_pytorchs(max_norm):
    parameters = [nn.Parameter(normal(*shape)) for shape in [(3, 4), (5,), ()]]
    gradients = [normal(*each.shape, seed=seed) for seed, each in enumerate(parameters)]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    expected = nn.utils.clip_grad_norm_(parameters, max_norm)
    clipped, norm = training.clip_by_norm(gradients, max_norm)
    arrays, of_arrays = training.clip_by_norm([each.numpy() for each in gradients], max_norm)
    assert norm == of_arrays == pytest.approx(expected.item(), rel=1e-13)
    for parameter, gradient, array in zip(parameters, clipped, arrays, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-13, atol=0)
        np.testing.assert_allclose(array, parameter.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    "values", [(math.nan, 1.0), (1.0, math.nan), (math.nan, math.inf), (math.inf, 1.0), (1e30,), (0.0, 0.0)]
)
def test_what_is_not_finite_or_very_large_is_clipped_as_by_pytorch(values):
    gradients = [torch.tensor([value]) for value in values]
    parameters = [nn.Parameter(torch.zeros(1)) for _ in values]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    expected = nn.utils.clip_grad_norm_(parameters, 1.0).item()
    clipped, norm = training.clip_by_norm(gradients, 1.0)
    with np.errstate(invalid="ignore"):  # NumPy warns of inf times 0
        _, of_arrays = training.clip_by_norm([each.numpy() for each in gradients], 1.0)
    assert [norm, of_arrays] == pytest.approx([expected] * 2, nan_ok=True)
    for parameter, gradient in zip(parameters, clipped, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, equal_nan=True)


@pytest.mark.filterwarnings("ignore::UserWarning")  # the optimizer has no gradient, and is not stepped
def test_the_rate_is_that_of_pytorchs_schedulers_and_of_the_formula():
    peak, warmup, total, floor = 3e-3, 7, 40, 1e-4
    optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=peak)
    up = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
    down = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total - warmup, eta_min=floor)
    both = torch.optim.lr_scheduler.SequentialLR(optimizer, [up, down], [warmup])
    for step in range(total + 1):
        rate = training.learning_rate(step, peak=peak, warmup=warmup, total=total, floor=floor)
        assert rate == pytest.approx(both.get_last_lr()[0], rel=1e-12), step
        both.step()
    assert training.learning_rate(10**6, peak=peak, warmup=warmup, total=total, floor=floor) == floor
    assert training.learning_rate(0, peak=peak, warmup=0, total=4) == peak
    middle = training.learning_rate(warmup + (total - warmup) // 3, peak=peak, warmup=warmup, total=total)
    assert middle == pytest.approx(peak * (1 + math.cos(math.pi / 3)) / 2)


def test_means_of_unequal_batches_accumulate_to_another_gradient():
    weight = normal(4, 11).requires_grad_()
    batches = [(normal(count, 4, seed=count), torch.arange(count) % 11) for count in (2, 9)]
    features, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    (right,) = torch.autograd.grad(functional.cross_entropy(features @ weight, targets), weight)

    def accumulated(scaled):
        weight.grad = None
        for x, y in batches:
            scaled(x @ weight, y).backward()
        return weight.grad

    by_sums = accumulated(lambda x, y: functional.cross_entropy(x, y, reduction="sum") / len(targets))
    torch.testing.assert_close(by_sums, right, rtol=1e-12, atol=1e-14)
    by_means = accumulated(lambda x, y: functional.cross_entropy(x, y) / len(batches))
    assert (by_means - right).abs().max() > 0.01


def mlp(dim=8, hidden=32):
    return nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


def test_saved_bytes_are_those_of_the_activations():
    rows, dim, hidden = 5, 8, 32
    block, x = mlp(dim, hidden), normal(rows, dim, dtype=torch.float32)
    assert training.saved_bytes(block, x) == 2 * rows * hidden * 4  # before and after GELU
    assert training.saved_bytes(block, x.clone().requires_grad_()) == 2 * rows * hidden * 4
    assert training.saved_bytes(lambda x: block(x), x) == 2 * rows * hidden * 4  # noqa: PLW0108  no module
    three = [mlp(dim, hidden) for _ in range(3)]
    between = 2 * rows * dim * 4  # what the second and the third get
    assert training.saved_bytes(nn.Sequential(*three), x) == 3 * 2 * rows * hidden * 4 + between

    def checkpointed(x):
        for each in three:
            x = checkpoint(each, x, use_reentrant=False)
        return x

    assert training.saved_bytes(checkpointed, x.clone().requires_grad_()) == between
    assert training.saved_bytes(torch.add, x, x) == 0
    assert training.saved_bytes(torch.exp, normal(3).requires_grad_()) == 24  # its result
    with torch.no_grad():
        assert training.saved_bytes(block, x) == 0


def test_checkpointing_gives_the_same_gradients():
    block = mlp().double()
    x = normal(5, 8)
    plain = torch.autograd.grad(block(x).square().sum(), [*block.parameters()])
    again = torch.autograd.grad(checkpoint(block, x, use_reentrant=False).square().sum(), [*block.parameters()])
    assert all(torch.equal(*pair) for pair in zip(plain, again, strict=True))


def test_autocast_keeps_weights_gradients_and_losses_in_float32():
    block, x = mlp(), normal(5, 8, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = block(x)
        loss = functional.cross_entropy(result, torch.zeros(5, dtype=torch.int64))
        added = result + x
    loss.backward()
    assert (result.dtype, loss.dtype, added.dtype) == (torch.bfloat16, torch.float32, torch.float32)
    assert {(each.dtype, each.grad.dtype) for each in block.parameters()} == {(torch.float32, torch.float32)}


def test_a_small_step_is_lost_in_a_bfloat16_weight():
    weight, gradient = torch.ones(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)
    stuck, _ = training.adamw(weight, gradient, rate=1e-3)
    moved, _ = training.adamw(weight.float(), gradient.float(), rate=1e-3)
    assert torch.equal(stuck, weight)
    assert (moved < 1).all()
    theirs = nn.Parameter(weight.clone())
    theirs.grad = gradient
    torch.optim.AdamW([theirs], lr=1e-3).step()
    assert torch.equal(theirs.detach(), weight)


def test_inference_mode_is_no_remedy_for_training():
    weight = nn.Parameter(torch.ones(2))
    with torch.inference_mode():
        features = torch.ones(2) * 2
    with pytest.raises(RuntimeError) as raised:
        (features * weight).sum().backward()
    assert errors.explain(raised.value).id == "inference-saved"
    with torch.no_grad():
        features = torch.ones(2) * 2
    (features * weight).sum().backward()
    assert weight.grad.tolist() == [2, 2]


def test_gradients_add_until_they_are_set_to_none():
    block = mlp()
    x = normal(5, 8, dtype=torch.float32)
    for times in (1, 2):
        block(x).sum().backward()
        assert torch.equal(block[2].bias.grad, torch.full((8,), 5.0 * times))
    block.zero_grad()
    assert block[2].bias.grad is None
    state = copy.deepcopy(block[0].weight.detach())
    torch.optim.AdamW(block.parameters(), weight_decay=0.5).step()  # what has no gradient is not decayed either
    assert torch.equal(block[0].weight.detach(), state)


P = torch.ones(2)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: training.adamw(P, P[:1], rate=0.1),
            ValueError,
            "parameter has shape (2,), gradient has shape (1,); a gradient has the shape of its parameter: write parameter.grad",
        ),
        (
            lambda: training.adamw(P, P, training.adamw(P[:1], P[:1], rate=0.1)[1].step, rate=0.1),
            TypeError,
            "moments is 1; give what the last step of this parameter returned, or None at the first",
        ),
        (
            lambda: training.adamw(P, P, rate=0.1, betas=0.9),
            TypeError,
            "betas is 0.9; it has two numbers: write (0.9, 0.999)",
        ),
        (
            lambda: training.adamw(P, P, rate=0.1, betas=(0.9, 1)),
            ValueError,
            "betas[1] is 1.0; it is 0 or more and below 1",
        ),
        (lambda: training.adamw(P, P, rate=-0.1), ValueError, "rate is -0.1; it is 0 or more, and finite"),
        (
            lambda: training.clip_by_norm(P, 1.0),
            TypeError,
            "gradients is tensor([1., 1.]); give a list of all of them",
        ),
        (
            lambda: training.clip_by_norm([P], math.nan),
            ValueError,
            "max_norm is nan; it is 0 or more: write 1.0, or math.inf for the norm alone",
        ),
        (
            lambda: training.learning_rate(-1, peak=1.0, warmup=2, total=4),
            ValueError,
            "step is -1; steps count from 0: write 0 or more",
        ),
        (
            lambda: training.learning_rate(1, peak=1.0, warmup=4, total=4),
            ValueError,
            "total is 4, warmup is 4; the warm-up ends before the last step: write a larger total",
        ),
    ],
)
def test_what_is_wrong_is_said_with_a_mend(call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == words


def test_moments_of_another_parameter_are_refused():
    _, moments = training.adamw(P[:1], P[:1], rate=0.1)
    with pytest.raises(TypeError, match="give what the last step of this parameter returned"):
        training.adamw(P, P, moments, rate=0.1)
