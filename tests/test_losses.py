"""Losses by hand against PyTorch's, in both libraries, and what is said of targets that do not fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from tensorref import errors, losses
from tensorref.anatomy import nbytes


def normal(*shape, dtype=torch.float64, scale=3.0):
    return (scale * torch.randn(shape, generator=torch.Generator().manual_seed(0), device="cpu")).to(dtype)


def ids(*shape, high):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(1), device="cpu")


LOGITS, TARGETS = normal(4, 6, 11), ids(4, 6, high=11)
TARGETS[0, 2:] = TARGETS[2] = -100


def exact(result, expected):
    torch.testing.assert_close(torch.as_tensor(result), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignore_index", [-100, 3])
def test_cross_entropy_is_pytorchs(reduction, label_smoothing, ignore_index):
    targets = TARGETS if ignore_index == -100 else TARGETS.clamp(min=0)
    options = {"reduction": reduction, "label_smoothing": label_smoothing, "ignore_index": ignore_index}
    second = functional.cross_entropy(LOGITS.mT, targets, **options)
    exact(losses.cross_entropy(LOGITS, targets, **options), second)
    exact(losses.cross_entropy(LOGITS.mT, targets, axis=1, **options), second)
    flat = losses.cross_entropy(LOGITS.flatten(0, 1), targets.flatten(), **options)
    exact(flat.reshape(second.shape), second)
    array = losses.cross_entropy(LOGITS.numpy(), targets.numpy(), **options)
    assert isinstance(array, np.ndarray)
    exact(array, second)


def test_next_token_loss_is_that_of_shifted_and_flattened_tokens():
    tokens = ids(4, 6, high=11)
    expected = functional.cross_entropy(LOGITS[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    exact(losses.next_token_loss(LOGITS, tokens), expected)
    exact(losses.next_token_loss(LOGITS.numpy(), tokens.numpy()), expected)
    predictions, targets = losses.shift(LOGITS, tokens)
    assert predictions.data_ptr() == LOGITS.data_ptr()
    assert targets.data_ptr() == tokens[:, 1:].data_ptr()


def test_the_log_probabilities_of_tokens_are_what_gather_picks():
    expected = LOGITS.log_softmax(-1).gather(-1, TARGETS.clamp(min=0)[..., None]).squeeze(-1)
    exact(losses.log_probs(LOGITS, TARGETS.clamp(min=0)), expected)
    exact(losses.log_probs(LOGITS.numpy(), TARGETS.clamp(min=0).numpy()), expected)
    exact(losses.log_probs(LOGITS[0, 0], TARGETS[0, 0]), expected[0, 0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_rounded_once_and_pytorchs_more_often(dtype):
    logits, targets = normal(256, 50, dtype=dtype), ids(256, high=50)
    right = functional.cross_entropy(logits.double(), targets, reduction="none")
    ours = losses.cross_entropy(logits, targets, reduction="none")
    assert ours.dtype == dtype
    assert torch.equal(ours, right.to(dtype))
    theirs = functional.cross_entropy(logits, targets, reduction="none")
    off, half = (theirs.double() - right).abs(), torch.finfo(dtype).eps / 2
    assert (off <= half * (right + logits.abs().amax())).all()
    assert (off > 2 * half * right).any()
    assert torch.equal(functional.cross_entropy(logits.float(), targets, reduction="none").to(dtype), ours)
    for reduced in (losses.cross_entropy(logits, targets), functional.cross_entropy(logits, targets)):
        torch.testing.assert_close(reduced.double(), right.mean(), rtol=8 * half, atol=0)


def test_the_gradient_is_that_of_pytorch_and_of_finite_differences():
    logits = LOGITS[:, :3, :5].clone().requires_grad_()
    targets = TARGETS[:, :3].clamp(max=4)
    ours = torch.autograd.grad(losses.cross_entropy(logits, targets, label_smoothing=0.1), logits)[0]
    theirs = torch.autograd.grad(functional.cross_entropy(logits.mT, targets, label_smoothing=0.1), logits)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)
    assert torch.autograd.gradcheck(lambda x: losses.cross_entropy(x, targets), logits)


def test_extreme_logits_give_what_pytorch_gives():
    far = torch.tensor([[1e4, -1e4, 0.0], [-math.inf, 0.0, 0.0], [-math.inf] * 3, [math.inf, 0.0, 0.0]])
    for target in range(3):
        targets = torch.full((4,), target)
        for smoothing in (0.0, 0.5):
            torch.testing.assert_close(
                losses.cross_entropy(far, targets, reduction="none", label_smoothing=smoothing),
                functional.cross_entropy(far, targets, reduction="none", label_smoothing=smoothing),
                equal_nan=True,
            )


@pytest.mark.filterwarnings("ignore:invalid value")  # NumPy warns of 0 / 0
def test_a_mean_over_no_target_is_nan_as_in_pytorch():
    nothing = torch.full((2,), -100)
    assert functional.cross_entropy(LOGITS[0, :2], nothing).isnan()
    assert losses.cross_entropy(LOGITS[0, :2], nothing).isnan()
    assert np.isnan(losses.cross_entropy(LOGITS[0, :2].numpy(), nothing.numpy()))
    assert losses.next_token_loss(LOGITS[:, :1], ids(4, 1, high=11)).isnan()
    assert losses.cross_entropy(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64), reduction="sum") == 0


def test_the_mean_of_means_is_not_the_mean():
    counts = (TARGETS != -100).sum(1)
    means = torch.stack([losses.cross_entropy(*pair) for pair in zip(LOGITS, TARGETS, strict=True)])
    right = losses.cross_entropy(LOGITS, TARGETS)
    weighted = (means * counts)[counts > 0].sum() / counts.sum()
    exact(weighted, right)
    assert (means[counts > 0].mean() - right).abs() > 0.01


def test_perplexity_is_the_exponential_of_the_loss_and_the_vocabulary_at_worst():
    assert losses.perplexity(losses.cross_entropy(torch.zeros(7, 1000).double(), ids(7, high=1000))) == pytest.approx(
        1000
    )
    assert losses.perplexity(np.float32(2)) == math.exp(2)
    with pytest.raises(TypeError, match=r"loss requires grad, which one number cannot pass on; write loss.item\(\)"):
        losses.perplexity(torch.tensor(1.0, requires_grad=True))


def test_float32_logits_are_saved_in_float32_and_their_gradient_is_as_large():
    kept = {}
    logits = torch.zeros(8, 1000, dtype=torch.bfloat16, requires_grad=True)
    wide = logits.float()
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.setdefault(x.data_ptr(), x), lambda x: x):
        loss = functional.cross_entropy(wide, ids(8, high=1000))
    large = [x for x in kept.values() if x.numel() > 8]
    assert [(x.dtype, x.nbytes) for x in large] == [(torch.float32, nbytes((8, 1000), "float32"))]
    assert large[0].data_ptr() != wide.data_ptr()
    assert torch.autograd.grad(loss, wide)[0].nbytes == wide.nbytes == large[0].nbytes


WRONG = {
    "one hot": (TARGETS.new_zeros(4, 6, 11), {}, "of one-hot rows write targets.argmax(2)"),
    "another axis": (TARGETS.new_zeros(4, 11), {}, "the classes are on another axis: write axis=1"),
    "not shifted": (TARGETS.new_zeros(4, 7), {}, "shift both alike: write targets[..., 1:] for logits[..., :-1, :]"),
    "flattened": (TARGETS.new_zeros(24), {}, "write targets.reshape((4, 6))"),
    "another batch": (TARGETS.new_zeros(3, 6), {}, "cut both from the same batch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_targets_of_another_shape_are_refused_with_a_mend(name):
    targets, options, mend = WRONG[name]
    with pytest.raises(ValueError) as raised:
        losses.cross_entropy(LOGITS, targets, **options)
    assert str(raised.value) == (
        f"targets has shape {tuple(targets.shape)}, logits has shape (4, 6, 11), so targets should have (4, 6); {mend}"
    )


def test_each_mend_of_a_shape_works():
    losses.cross_entropy(LOGITS, WRONG["one hot"][0].argmax(2))
    losses.cross_entropy(LOGITS, WRONG["another axis"][0], axis=1)
    losses.cross_entropy(LOGITS[..., :-1, :], WRONG["not shifted"][0][..., 1:-1])
    losses.cross_entropy(LOGITS, WRONG["flattened"][0].reshape((4, 6)))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: losses.cross_entropy(LOGITS, TARGETS, ignore_index=0),
            ValueError,
            (
                "targets[0, 2] is -100; logits has 11 classes on axis 2, the ids are 0 to 10: "
                "write ignore_index=-100 if it marks what does not count"
            ),
        ),
        (
            lambda: losses.log_probs(LOGITS[0, 0], torch.tensor(11)),
            ValueError,
            (
                "token_ids is 11; logits has 11 classes on axis 0, the ids are 0 to 10: "
                "use the tokenizer that the model was made for"
            ),
        ),
        (
            lambda: losses.log_probs(LOGITS, TARGETS.double()),
            TypeError,
            "token_ids has dtype torch.float64; ids are integers: write token_ids.long()",
        ),
        (
            lambda: losses.log_probs(LOGITS.numpy(), TARGETS.numpy() > 0),
            TypeError,
            "token_ids has dtype bool; ids are integers: write token_ids.astype(np.int64)",
        ),
        (
            lambda: losses.cross_entropy(LOGITS, TARGETS, label_smoothing=1.5),
            ValueError,
            "label_smoothing is 1.5; it is a share, from 0 to 1: write 0.1",
        ),
        (
            lambda: losses.cross_entropy(LOGITS, TARGETS.to("meta")),
            TypeError,
            "targets is on meta and has no values; give ids that have, such as some on the CPU",
        ),
        (
            lambda: losses.shift(torch.zeros(5), torch.tensor(1)),
            ValueError,
            "token_ids has shape (); it has a token for each place: write token_ids[None], (1,)",
        ),
        (
            lambda: losses.shift(torch.tensor(0.0), torch.tensor(1)),
            ValueError,
            "logits has shape (); it has a number for every class: (…, vocab_size)",
        ),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_is_wrong_is_said_with_a_mend(call, error, words):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: functional.cross_entropy(LOGITS[:, :-1].flatten(0, 1), TARGETS.flatten()), "cross-entropy-batch"),
        (lambda: functional.cross_entropy(LOGITS, TARGETS), "cross-entropy-target-size"),
        (lambda: functional.cross_entropy(LOGITS[0], TARGETS[0, :, None]), "nll-multi-target"),
        (lambda: functional.cross_entropy(LOGITS[0], TARGETS[1] + 20), "target-out-of-bounds"),
    ],
)
def test_what_pytorch_says_is_an_entry_that_leads_here(call, name):
    with pytest.raises((ValueError, RuntimeError, IndexError)) as raised:
        call()
    assert errors.explain(raised.value).id == name
    assert errors.get(name).concepts[0] == "losses"
