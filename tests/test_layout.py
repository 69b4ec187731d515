"""Strides, views and heads, held against PyTorch and NumPy."""

from __future__ import annotations

import inspect
import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import layout

SHAPES = [shape for rank in range(4) for shape in itertools.product(range(4), repeat=rank)]
STEPS = (0, 1, 2, 3, 6)
TARGETS = [shape for rank in range(4) for shape in itertools.product((1, 2, 3, 4, 6, 9, 12, 18, 27), repeat=rank)]
EMPTY = [(0,), (0, 2), (3, 0, 1), (2, 0, 3)]
REFUSED = layout.explain((2, 2), (1, 2), 4).messages.torch

shapes = st.lists(st.integers(0, 5), max_size=5).map(tuple)


def view_of(tensor, target):
    """Return the strides of the view that PyTorch gives, or None."""
    try:
        return tensor.view(target).stride()
    except RuntimeError as error:
        if str(error) != REFUSED:
            raise
        return None


@st.composite
def strided(draw):
    """Draw a tensor as code makes it: transposed, sliced, expanded, now and then empty."""
    tensor = torch.zeros(draw(st.lists(st.sampled_from([2, 3, 4, 6]), max_size=4)), device="cpu")
    for axis in range(tensor.ndim):
        start, step = draw(st.sampled_from([(0, 1), (0, 1), (1, 1), (0, 2)]))
        tensor = tensor[(slice(None),) * axis + (slice(start, None, step),)]
    tensor = tensor.permute(draw(st.permutations(range(tensor.ndim))))
    if draw(st.booleans()):
        axis = draw(st.integers(0, tensor.ndim))
        tensor = tensor.unsqueeze(axis)
        tensor = tensor.expand(*tensor.shape[:axis], draw(st.sampled_from([1, 2, 3, 0])), *tensor.shape[axis + 1 :])
    return tensor


@st.composite
def target_of(draw, shape):
    """Draw a shape with as many elements: neighbors merged, axes split, a 1 put in."""
    sizes = [*shape]
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(sizes)))
        if draw(st.booleans()):
            sizes[place : place + 2] = [math.prod(sizes[place : place + 2])]
        elif place < len(sizes) and sizes[place] > 1:
            size = sizes[place]
            part = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
            sizes[place : place + 1] = [part, size // part]
    return tuple(sizes)


def test_strides_are_those_of_a_new_tensor():
    for shape in [*SHAPES, *itertools.product(range(3), repeat=4)]:
        assert layout.strides(shape) == torch.empty(shape).stride(), shape
        if 0 not in shape:
            assert layout.strides(shape) == np.empty(shape, np.int8).strides, shape


@pytest.mark.full
@pytest.mark.usefixtures("unchecked")
@pytest.mark.claim("view-needs-contiguous")
def test_views_of_every_small_shape_strides_and_target_are_those_of_pytorch():
    base = torch.zeros(64, device="cpu")
    works = fails = surprising = 0
    for shape in SHAPES:
        elements = math.prod(shape)
        targets = [target for target in TARGETS if math.prod(target) == elements] if elements else [*EMPTY, shape]
        for steps in itertools.product(STEPS if elements else (0, 1, 3), repeat=len(shape)):
            tensor = base.as_strided(shape, steps)
            contiguous = layout.is_contiguous(shape, steps)
            assert contiguous == tensor.is_contiguous(), (shape, steps)
            for target in targets:
                expected = view_of(tensor, target)
                assert layout.view_strides(shape, steps, target) == expected, (shape, steps, target)
                works += expected is not None
                fails += expected is None
                surprising += expected is not None and not contiguous and target != shape
                assert expected is not None or not contiguous
    assert min(works, fails, surprising) > 5_000


@given(st.data())
def test_views_of_real_tensors_are_those_of_pytorch(data):
    tensor = data.draw(strided())
    target = data.draw(st.one_of(target_of(tensor.shape), st.just(tuple(tensor.shape[::-1]))))
    expected = view_of(tensor, target)
    assert layout.view_strides(tensor.shape, tensor.stride(), target) == expected
    assert layout.can_view(tensor.shape, tensor.stride(), target) == (expected is not None)
    assert layout.is_contiguous(tensor.shape, tensor.stride()) == tensor.is_contiguous()
    assert layout.is_contiguous(tensor.shape, tensor.stride()) == tensor.numpy().flags.c_contiguous


@pytest.mark.claim("reshape-always")
@given(st.data())
def test_reshape_of_both_libraries_copies_where_there_is_no_view(data):
    tensor = data.draw(strided())
    target = data.draw(target_of(tensor.shape))
    view = layout.can_view(tensor.shape, tensor.stride(), target)
    reshaped, array = tensor.reshape(target), np.reshape(tensor.numpy(), target)
    assert reshaped.shape == array.shape == target
    if tensor.numel():
        assert (reshaped.data_ptr() == tensor.data_ptr()) == view
        assert np.may_share_memory(array, tensor.numpy()) == view
        steps = layout.view_strides(tensor.shape, tensor.stride(), target)
        for size, ours, theirs in zip(target, steps or (), array.strides, strict=view):
            assert size == 1 or ours * array.itemsize == theirs
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        tensor.reshape((tensor.numel() + 1,))


@given(shapes.filter(lambda shape: 0 not in shape), st.data())
def test_the_rule_holds_for_numpys_negative_strides(shape, data):
    array = np.zeros(shape)[*(slice(None, None, data.draw(st.sampled_from([1, -1]))) for _ in shape), ...]
    target = data.draw(target_of(shape))
    steps = layout.view_strides(shape, [step // array.itemsize for step in array.strides], target)
    reshaped = array.reshape(target)
    assert np.may_share_memory(array, reshaped) == (steps is not None)
    for size, ours, theirs in zip(target, steps or (), reshaped.strides, strict=steps is not None):
        assert size == 1 or ours * array.itemsize == theirs


@given(st.data())
def test_explanation_agrees_with_the_view(data):
    tensor = data.draw(strided())
    target = data.draw(target_of(tensor.shape))
    explanation = layout.explain(tensor.shape, tensor.stride(), target, itemsize=tensor.itemsize)
    assert explanation.result == view_of(tensor, target)
    assert explanation.contiguous == tensor.is_contiguous()
    assert bool(explanation.conflicts) == (explanation.result is None) == (explanation.messages is not None)
    assert all(run.fits for run in explanation.runs) == (explanation.result is not None)
    assert explanation.copied_bytes == (tensor.nbytes if explanation.conflicts else 0)
    if explanation.runs:
        assert [axis for run in explanation.runs for axis in run.axes] == [*range(-tensor.ndim, 0)]
        assert math.prod(run.elements for run in explanation.runs) == tensor.numel()
        for run in explanation.runs:
            # One stride steps through a run: that is what the run is.
            start = tensor[tuple(slice(None) if axis in run.axes else 0 for axis in range(-tensor.ndim, 0))]
            assert start.numel() == run.elements
            assert run.elements == 1 or start.view(-1).stride() == (run.stride,)
    shown = {axis for run in explanation.runs for axis in run.target}
    assert shown == ({*range(-len(target), 0)} if explanation.runs else set())
    assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()


@pytest.mark.claim("view-needs-contiguous")
def test_a_tensor_that_is_not_contiguous_can_have_a_view():
    columns = torch.ones(4, 6)[:, :3]
    assert not columns.is_contiguous()
    assert columns.view(4, 3, 1).data_ptr() == columns.data_ptr()
    assert layout.view_strides(columns.shape, columns.stride(), (4, 3, 1)) == columns.view(4, 3, 1).stride()
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        columns.view(12)


@pytest.mark.claim("transpose")
def test_t_reverses_all_axes_and_mt_swaps_the_last_two():
    array, tensor = np.zeros((2, 3, 4)), torch.zeros(2, 3, 4)
    assert array.T.shape == (4, 3, 2)
    with pytest.warns(UserWarning, match=r"x\.T.*deprecated.*x\.mT"):
        assert tensor.T.shape == (4, 3, 2)
    assert array.mT.shape == tensor.mT.shape == tensor.transpose(-2, -1).shape == (2, 4, 3)
    assert array.transpose(1, 0, 2).shape == tensor.permute(1, 0, 2).shape == (3, 2, 4)
    matrix = np.arange(6.0).reshape(2, 3)
    assert (torch.tensor(matrix).T.numpy(force=True) == matrix.T).all()
    assert (matrix.mT == matrix.T).all()


def test_minus_one_is_worked_out():
    tensor = torch.zeros(4, 3)
    for target in [-1, (-1,), [-1, 2], (2, -1, 3), (np.int64(-1), 1), torch.Size([12])]:
        expected = tensor.view(target).stride()
        assert layout.view_strides(tensor.shape, tensor.stride(), target) == expected
    assert layout.explain((4, 3), (3, 1), (2, -1)).target == (2, 6)


BAD = [
    (
        ((4, 3), (3, 1), (5,)),
        ValueError,
        "target is (5,), which 5 elements fill; shape (4, 3) has 12, and neither view nor reshape adds or drops any",
    ),
    (
        ((4, 3), (3, 1), (-1, 5)),
        ValueError,
        "target is (-1, 5), and 5 does not divide the 12 elements of shape (4, 3); choose sizes that do",
    ),
    (
        ((4, 3), (3, 1), (-1, -1)),
        ValueError,
        "target is (-1, -1); only one size can be worked out, and only beside sizes that are not 0: write the others",
    ),
    (
        ((4, 0), (1, 1), (-1, 0)),
        ValueError,
        "target is (-1, 0); only one size can be worked out, and only beside sizes that are not 0: write the others",
    ),
    (
        ((4, 3), (3, 1), (-2, 6)),
        ValueError,
        "target[0] is -2; a size is 0 or more: write the size itself, only reshape works out -1",
    ),
    (
        ((4, 3), (3, 1), 2.5),
        TypeError,
        "target is 2.5, of type float; a size is an int: divide with // to keep it whole",
    ),
    (
        ((4, 3), (3, 1), np.ones((4, 3))),
        TypeError,
        "target is of type ndarray, not a shape; pass its shape: target.shape",
    ),
    (
        ((4, 3), (3,), (12,)),
        ValueError,
        "strides has 1 entries for the 2 axes of shape (4, 3); give one for each, such as x.stride()",
    ),
    (
        ((4, 2.5), (1, 1), (12,)),
        TypeError,
        "shape[1] is 2.5, of type float; a size is an int: divide with // to keep it whole",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "words"), BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("function", [layout.view_strides, layout.can_view, layout.explain])
def test_what_does_not_fit_is_refused_with_the_fix(function, arguments, error, words):
    with pytest.raises(error) as raised:
        inspect.unwrap(function)(*arguments)
    assert str(raised.value) == words


def test_strides_are_whole():
    for function in (layout.view_strides, layout.explain):
        with pytest.raises(TypeError) as raised:
            inspect.unwrap(function)((4, 3), (1.5, 1), (12,))
        assert str(raised.value) == (
            "strides is (1.5, 1); strides are ints, counted in elements: divide NumPy's by itemsize with //"
        )


def test_steps():
    assert layout.explain((4, 3), (1, 4), (2, 6)).steps == (
        "x has shape (4, 3) and strides (1, 4): it is not contiguous.",
        "Runs of memory, each of which one stride can step through: axis -2 (4 elements, 1 apart); axis -1 (3 elements, 4 apart).",
        "Axis -1 of (2, 6) would take more than one run.",
        "x has no view of shape (2, 6): axis -1, of size 6, would take more than one run of memory, but an axis has only one stride.",
    )
    assert layout.explain((2, 3), (3, 1), (6,)).steps == (
        "x has shape (2, 3) and strides (3, 1): it is contiguous.",
        "Runs of memory, each of which one stride can step through: axis -2, -1 (6 elements, 1 apart).",
        "Each axis of (6,) lies within one run.",
        "The view has shape (6,) and strides (1,), without a copy.",
    )
    assert layout.explain((), (), (1,)).steps[1] == "There is nothing to step through."


def test_a_notebook_shows_the_same_as_the_terminal():
    explanation = layout.explain((4, 3), (1, 4), (12,), name="<x>")
    shown = explanation._repr_html_()
    assert "<x>" not in shown
    for cell in itertools.chain.from_iterable(explanation.table()[1:]):
        assert f">{cell}<" in shown
        assert cell in str(explanation)


def test_explanations_are_values():
    assert layout.explain([4, 3], [3, 1], 12) == layout.explain((4, 3), (3, 1), (12,))
    with pytest.raises(AttributeError):
        layout.explain((4,), (1,), 4).result = (1,)


@given(st.lists(st.integers(0, 3), max_size=2), st.integers(0, 4), st.integers(1, 4), st.integers(0, 3), st.booleans())
def test_heads_are_slices_of_the_features(batch, seq, num_heads, head_dim, swapped):
    embed = num_heads * head_dim
    values = np.arange(math.prod(batch) * seq * embed)
    x = torch.tensor(values, device="cpu").reshape(*batch, seq, embed)
    if swapped and len(batch) == 2:
        x = x.transpose(0, 1).contiguous().transpose(0, 1)
    heads = layout.split_heads(x, num_heads)
    assert heads.shape == (*batch, num_heads, seq, head_dim)
    for head in range(num_heads):
        assert torch.equal(heads[..., head, :, :], x[..., head * head_dim : (head + 1) * head_dim])
    merged = layout.merge_heads(heads)
    assert torch.equal(merged, x)
    array = layout.split_heads(x.numpy(), num_heads)
    assert isinstance(array, np.ndarray)
    assert (array == heads.numpy()).all()
    assert (layout.merge_heads(array) == x.numpy()).all()
    if x.numel():
        assert heads.data_ptr() == merged.data_ptr() == x.data_ptr()
        assert np.shares_memory(array, x.numpy())


def test_split_is_a_view_whatever_the_strides():
    x = torch.zeros(6, 4, 8)[::2].transpose(0, 1)[..., ::2]
    assert not x.is_contiguous()
    assert layout.split_heads(x, 2).data_ptr() == x.data_ptr()


@pytest.mark.parametrize("module", [np, torch], ids=["numpy", "torch"])
def test_merging_what_attention_gives_is_a_copy(module):
    heads = module.ones((2, 4, 3, 5))
    merged = layout.merge_heads(heads)
    merged[:] = 0
    assert (heads == 1).all()
    assert not layout.can_view((2, 3, 4, 5), (60, 5, 15, 1), (2, 3, 20))


def test_heads_are_those_of_pytorchs_attention():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(8, 2, bias=False, batch_first=True, dtype=torch.float64)
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    query, key, value = (layout.split_heads(part, 2) for part in (x @ attention.in_proj_weight.mT).chunk(3, dim=-1))
    attended = (query @ key.mT / 2).softmax(dim=-1) @ value
    ours = layout.merge_heads(attended) @ attention.out_proj.weight.mT
    assert torch.allclose(ours, attention(x, x, x, need_weights=False)[0])


@pytest.mark.parametrize("zeros", [np.zeros, torch.zeros], ids=["numpy", "torch"])
def test_heads_that_do_not_fit_are_refused(zeros):
    # Without the import hook's check of the annotations, as a user calls it.
    split, merge = inspect.unwrap(layout.split_heads), inspect.unwrap(layout.merge_heads)
    for wrong in (5, 0, -2):
        with pytest.raises(ValueError) as raised:
            split(zeros((4, 12)), wrong)
        assert str(raised.value) == (
            f"num_heads is {wrong}, which does not divide embed_dim, the 12 of x; choose one of 1, 2, 3, 4, 6, 12"
        )
    for wrong, fix in ((64 / 8, "divide with // to keep it whole"), ("4", "write it as a number, such as 4")):
        with pytest.raises(TypeError) as raised_type:
            split(zeros((4, 12)), wrong)
        kind = type(wrong).__name__
        assert str(raised_type.value) == f"num_heads is {wrong!r}, of type {kind}; a number of heads is an int: {fix}"
    with pytest.raises(ValueError) as raised:
        split(zeros(12), 2)
    assert str(raised.value) == (
        "x has shape (12,); heads are split from (…, seq_len, embed_dim): write x[None] for one position"
    )
    with pytest.raises(ValueError) as raised:
        merge(zeros((4, 12)))
    assert str(raised.value) == (
        "x has shape (4, 12); heads are merged from (…, num_heads, seq_len, head_dim): write x[None] for one head"
    )


STRIDES = [
    (5, "strides is 5, of type int; strides are a sequence of ints, one for each axis: write x.stride()"),
    ("4", "strides is '4', of type str; strides are a sequence of ints, one for each axis: write x.stride()"),
    ([0.5], "strides is [0.5]; strides are ints, counted in elements: divide NumPy's by itemsize with //"),
    (
        range(10**30),
        f"strides has {10**30} entries for the 1 axes of shape (1,); give one for each, such as x.stride()",
    ),
    ([10**5000], "strides is [an int of 16610 bits]; a stride is at most 64 digits long: write x.stride()"),
]


@pytest.mark.parametrize(("strides", "words"), STRIDES, ids=range(len(STRIDES)))
def test_what_are_no_strides_is_refused_with_the_fix(strides, words):
    for function, more in ((layout.is_contiguous, ()), (layout.view_strides, ((1,),)), (layout.explain, ((1,),))):
        with pytest.raises((TypeError, ValueError)) as raised:
            inspect.unwrap(function)((1,), strides, *more)
        assert str(raised.value) == words


def test_a_target_given_as_an_array_is_refused_with_what_it_holds():
    target = np.array([0])
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(layout.view_strides)((0,), (1,), target)
    assert str(raised.value).endswith("or the sizes that it holds: target.tolist()")
    assert layout.view_strides((0,), (1,), target.tolist()) == torch.empty(0).view(*target).stride()


def test_what_history_cannot_take_is_refused_by_name():
    for words, arguments in [
        ("operations is 5, of type int; operations are a string: write '.view(-1, 4)'", {"operations": 5}),
        ("name is 5, of type int; a name is a string: write it as 'x'", {"operations": "", "name": 5}),
        ("name has 1000000 letters, the most is 60; write a shorter one", {"operations": "", "name": "x" * 10**6}),
        ("itemsize is -4; bytes per element are 1 to 2147483647: ", {"operations": "", "itemsize": -4}),
        ("Position 1: '((((((((((((((((((((…' is not an operation", {"operations": "(" * 10**6}),
    ]:
        with pytest.raises((TypeError, ValueError)) as raised:
            inspect.unwrap(layout.history)((2,), **arguments)
        assert str(raised.value).startswith(words)


def test_heads_of_a_size_of_0_and_of_a_large_one_are_refused_in_time():
    for size, count, fix in ((0, 0, "write 1 or more"), (2**40, 3, "choose one of 1, 2, 4, 8, 16")):
        with pytest.raises(ValueError) as raised:
            inspect.unwrap(layout.split_heads)(torch.empty((1, size), device="meta"), count)
        assert f"the {size} of x; {fix}" in str(raised.value)
    for function, more in ((layout.split_heads, (2,)), (layout.merge_heads, ())):
        with pytest.raises(TypeError, match=r"^x is of type list, not a NumPy array or a PyTorch tensor; "):
            inspect.unwrap(function)([[1.0]], *more)
