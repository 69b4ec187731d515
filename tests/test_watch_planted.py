"""Mistakes that raise nothing, planted in lines from training code: the watch names each by its kind and its line.

A comment ends the line of a mistake and says its kind. What is found has to be those lines and no other, so that the
right lines around them are tried for false alarms too.
"""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

import tensorref
from tensorref._watch._findings import COSTS, KINDS

PLANTED = []


def planted(function):
    PLANTED.append(function)
    return function


def expected(function):
    """Return the kinds and lines that the comments say."""
    lines, first = inspect.getsourcelines(function)
    return sorted(
        (kind, first + number)
        for number, line in enumerate(lines)
        if "  # " in line
        for kind in line.rpartition("  # ")[2].strip().split(", ")
        if kind in KINDS
    )


def found(function):
    torch.manual_seed(0)
    with warnings.catch_warnings(), tensorref.watch(accelerator=True) as seen:
        warnings.simplefilter("ignore")
        function()
    return seen


# Broadcasts


@planted
def regression_without_squeeze():
    head, x, target = nn.Linear(8, 1), torch.randn(32, 8), torch.randn(32)
    prediction = head(x)
    loss = (prediction - target).pow(2).mean()  # broadcasts
    loss.backward()


@planted
def accuracy_of_a_column():
    logits, labels = torch.randn(16, 1), torch.randint(2, (16,))
    correct = (logits > 0).long() == labels  # broadcasts
    return correct.float().mean()


@planted
def column_of_a_table_as_target():
    table = torch.randn(64, 5)
    features, target = table[:, :-1], table[:, -1:]
    prediction = nn.Linear(4, 1)(features).squeeze(-1)
    error = torch.abs(prediction - target)  # broadcasts
    return error.mean()


@planted
def advantage_of_values():
    returns, values = torch.randn(20), nn.Linear(3, 1)(torch.randn(20, 3))
    advantage = returns - values.detach()  # broadcasts
    return advantage.std()


@planted
def mask_of_as_many_sequences_as_heads():
    scores = torch.randn(8, 8, 6, 6)
    mask = torch.zeros(8, 6, 6)
    weights = (scores + mask).softmax(-1)  # broadcasts
    return weights + 0


@planted
def weights_of_examples():
    per_example, weight = nn.Linear(4, 1)(torch.randn(12, 4)), torch.rand(12)
    weighted = per_example * weight  # broadcasts
    return weighted.sum()


@planted
def where_with_a_column():
    predicted, fallback = nn.Linear(4, 1)(torch.randn(12, 4)), torch.zeros(12)
    chosen = torch.where(fallback > -1, predicted, fallback)  # broadcasts
    return chosen + 0


# Losses


@planted
def mse_of_a_column():
    model, x, y = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), torch.randn(10, 4), torch.randn(10)
    criterion = nn.MSELoss()
    for _ in range(3):
        loss = criterion(model(x), y)  # losses
        loss.backward()


@planted
def l1_of_one_target():
    return functional.l1_loss(torch.randn(10, 1), torch.randn(1))  # losses


@planted
def smooth_l1_of_boxes():
    boxes, target = torch.randn(6, 4), torch.randn(6, 1)
    return nn.SmoothL1Loss()(boxes, target)  # losses


@planted
def huber_of_q_values():
    q_values, target = nn.Linear(3, 1)(torch.randn(32, 3)), torch.randn(32)
    return functional.huber_loss(q_values, target)  # losses


@planted
def divergence_from_one_row():
    student, teacher = torch.randn(5, 7).log_softmax(-1), torch.randn(7).softmax(-1)
    return functional.kl_div(student, teacher, reduction="sum")  # losses


# Promotions


@planted
def features_from_numpy():
    features = torch.randn(16, 4)
    scale = torch.linspace(0, 1, 4, dtype=torch.float64)
    scaled = features * scale  # promotions
    return scaled + 0


@planted
def norm_that_leaves_half_precision():
    x, weight = torch.randn(2, 5, 8).bfloat16(), torch.ones(8)
    normed = x * x.float().pow(2).mean(-1, keepdim=True).add(1e-6).rsqrt().bfloat16()
    hidden = weight * normed  # promotions
    return hidden + 0


@planted
def residual_in_another_dtype():
    hidden, residual = torch.randn(4, 8).half(), torch.randn(4, 8)
    out = residual + hidden  # promotions
    return torch.cat([out, out])


@planted
def bias_in_double():
    scores = torch.randn(2, 5, 5)
    slopes = -torch.arange(5).double()
    biased = torch.add(scores, slopes)  # promotions
    return biased + 0


@planted
def cache_of_another_dtype():
    past, key = torch.randn(1, 2, 3, 4).half(), torch.randn(1, 2, 1, 4)
    keys = torch.cat([past, key], dim=2)  # promotions
    return keys + 0


# Fractions


@planted
def rate_into_a_count():
    counts = torch.zeros(4, dtype=torch.int64)
    counts[1] = 0.5  # fractions
    return counts


@planted
def mean_into_a_table():
    table = torch.zeros(3, 2, dtype=torch.int32)
    for row in range(3):
        table[row] = torch.tensor([0.25, 1.5])  # fractions


@planted
def variable_into_an_element():
    correct, total = 7, 9
    history = torch.arange(5)
    history[0] = correct / total  # fractions


@planted
def masked_with_a_half():
    ids = torch.arange(6).reshape(2, 3)
    return ids.masked_fill(ids > 3, 0.5)  # fractions


@planted
def filled_like_integers():
    lengths = torch.tensor([3, 5])
    weights = torch.full_like(lengths, 0.1)  # fractions
    return weights + 0


# NaN and infinity


@planted
def entropy_of_a_certainty():
    p = torch.tensor([1.0, 0.0])
    logs = p.log()  # non_finite
    return -(p * logs).sum()  # non_finite


@planted
def mean_over_an_empty_mask():
    losses, mask = torch.rand(4), torch.zeros(4)
    return (losses * mask).sum() / mask.sum()  # non_finite


@planted
def softmax_by_its_formula():
    logits = torch.tensor([[100.0, 1.0]])
    exps = logits.exp()  # non_finite
    return exps / exps.sum(-1, keepdim=True)  # non_finite


@planted
def row_masked_everywhere():
    scores = torch.randn(2, 3)
    masked = scores.masked_fill(torch.tensor([[True], [False]]), float("-inf"))
    return masked.softmax(-1)  # non_finite


@planted
def distance_to_itself():
    x = torch.ones(3, requires_grad=True)
    distance = ((x - x.detach()) ** 2).sum().sqrt()
    distance.backward()  # non_finite


@planted
def half_precision_overflows():
    activation = torch.full((4, 4), 300.0).half()
    squared = activation * activation  # non_finite
    return squared + 0


@planted
def normalized_by_nothing():
    x = torch.zeros(2, 3)
    x /= x.norm(dim=-1, keepdim=True)  # non_finite
    return x


@planted
def nan_in_the_data():
    x, layer = torch.randn(4, 3), nn.Linear(3, 2)
    x[1, 2] = float("nan")
    return layer(x)  # non_finite


# In place


@planted
def clipped_without_a_record():
    hidden = nn.Linear(3, 3)(torch.randn(4, 3))
    with torch.no_grad():
        hidden.clamp_(-1, 1)  # in_place
    hidden.sum().backward()


@planted
def dropped_through_data():
    hidden = nn.Linear(3, 3)(torch.randn(4, 3)).relu()
    hidden.data.mul_(2)  # in_place
    (hidden * 3).sum().backward()


@planted
def scaled_through_detach():
    hidden = nn.Linear(3, 3)(torch.randn(4, 3))
    shared = hidden.detach()
    shared += 1  # in_place
    return hidden.mean()


@planted
def activation_that_was_saved():
    x = torch.randn(4, requires_grad=True)
    gate = x.sigmoid()
    loss = (gate * 2).sum()
    gate += 1  # in_place
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@planted
def step_between_forward_and_backward():
    first, second = nn.Linear(3, 3), nn.Linear(3, 1)
    optimizer = torch.optim.SGD(second.parameters(), lr=0.1)
    hidden = first(torch.randn(5, 3))
    one, other = second(hidden).mean(), second(hidden.tanh()).square().mean()
    one.backward(retain_graph=True)
    optimizer.step()  # in_place
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        other.backward()


# Views


@planted
def batch_centered_in_the_dataset():
    dataset = torch.randn(100, 3)
    for start in range(0, 100, 50):
        batch = dataset[start : start + 50]
        batch -= batch.mean(0)  # views
    return dataset.std()


@planted
def flat_scores_clamped():
    scores = torch.randn(4, 4)
    flat = scores.view(-1)
    flat.clamp_(min=0)  # views
    return scores.softmax(-1)


@planted
def transposed_and_scaled():
    weight = torch.randn(3, 5)
    scaled = weight.T
    scaled *= 0.5  # views
    return weight @ torch.randn(5, 2)


# Axes of size 1


@planted
def softmax_of_one_logit():
    logits = nn.Linear(4, 1)(torch.randn(6, 4))
    return torch.softmax(logits, dim=-1)  # single_axes


@planted
def cross_entropy_of_one_class():
    logits, labels = nn.Linear(4, 1)(torch.randn(6, 4)), torch.zeros(6, dtype=torch.long)
    loss = nn.CrossEntropyLoss()(logits, labels)  # single_axes
    loss.backward()


@planted
def mean_over_the_heads_axis_that_was_lost():
    attention = torch.rand(2, 1, 5, 5)
    return attention.mean(dim=1)  # single_axes


@planted
def norm_of_columns():
    embeddings = torch.randn(7, 1)
    return functional.normalize(embeddings, dim=-1)  # single_axes


@planted
def layer_norm_of_one_feature():
    x = torch.randn(4, 9)[..., None]
    return nn.LayerNorm(1)(x)  # single_axes


# Costs


@planted
def keys_made_contiguous_each_step():
    keys = torch.randn(2, 4, 3, 8)
    for _ in range(3):
        turned = keys.transpose(1, 2).contiguous()  # copies
    return turned


@planted
def flattened_after_a_transpose():
    x = torch.randn(3, 4, 5)
    return x.transpose(0, 1).reshape(4, -1)  # copies


@planted
def loss_read_each_step():
    losses = [torch.rand(()) for _ in range(3)]
    total = 0.0
    for loss in losses:
        total += loss.item()  # waits
    return total


@planted
def masked_rows():
    x = torch.randn(5, 2)
    rows = x[x[:, 0] > 0]  # waits
    where = (x > 0).nonzero()  # waits
    return rows, where


@planted
def a_tensor_as_a_condition():
    loss = torch.rand(()) + 3
    if loss > 2:  # waits
        return f"{loss:.3f}"  # waits
    return ""


@planted
def moved_in_the_loop():
    table = torch.zeros(10, 4)
    for _ in range(2):
        moved = table.to("meta")  # transfers
    return moved


def test_there_are_enough():
    kinds = {kind for function in PLANTED for kind, _ in expected(function)}
    assert kinds == {*KINDS} - {"memory"}
    assert sum(kind not in COSTS for function in PLANTED for kind, _ in expected(function)) >= 40


@pytest.mark.parametrize("function", PLANTED, ids=lambda function: function.__name__)
def test_each_is_found_and_nothing_else_is(function):
    seen = found(function)
    assert [remark for remark in seen.remarks() if remark.startswith("Not looked at")] == []
    got = [finding for finding in seen.findings if finding.kind != "memory"]
    assert sorted((finding.kind, finding.line) for finding in got) == expected(function)
    assert all(finding.file == __file__ and finding.function == function.__name__ for finding in got)
    assert all(finding.reasons and finding.mends for finding in got)
