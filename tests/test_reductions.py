"""The rule of reductions, held against NumPy and PyTorch."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch

from tensorref import reductions

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = [shape for count in range(4) for shape in itertools.product((0, 1, 3), repeat=count)]


def axes(count):
    """Every axis, and every pair and some three of them, those that are wrong too."""
    one = range(-count - 1, count + 1)
    return [None, *one, *((axis,) for axis in one), *itertools.product(one, repeat=2), *([(0, 1, -1)] * (count > 1))]


def numpy_says(x, axis, keepdims):
    try:
        return np.sum(x, axis=axis, keepdims=keepdims).shape
    except ValueError as error:
        return str(error)


def torch_says(x, axis, keepdims):
    try:
        return tuple(torch.sum(x, dim=axis, keepdim=keepdims).shape)
    except (IndexError, RuntimeError) as error:
        return str(error)


@pytest.mark.usefixtures("unchecked")
def test_every_axis_of_small_shapes():
    refused = 0
    for shape in SHAPES:
        array, tensor = np.zeros(shape), torch.zeros(shape)
        for axis, keepdims in itertools.product(axes(len(shape)), (False, True)):
            explanation = reductions.explain(shape, axis, keepdims=keepdims)
            said = numpy_says(array, axis, keepdims), torch_says(tensor, axis, keepdims)
            if explanation.result is not None:
                assert said == (explanation.result,) * 2, (shape, axis)
                assert explanation.elements == np.prod(explanation.result, dtype=int)
                continue
            refused += 1
            told = explanation.messages
            # PyTorch passes over axis 0 of a scalar in a tuple, which NumPy refuses.
            assert said == (told.numpy, () if told.torch is None else told.torch), (shape, axis)
            (fix,) = explanation.fixes
            mended = eval(fix.code.removeprefix("axis="))  # noqa: S307  ours
            assert numpy_says(array, mended, keepdims) == torch_says(tensor, mended, keepdims) == fix.result
    assert refused > 1000


def warned(shape, axis):
    """Return whether what is left broadcasts with the shape, and pairs other elements than with the axis kept."""
    x = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    try:
        wrong = np.broadcast_to(x.sum(axis), shape)
    except ValueError:
        return False
    return not np.array_equal(wrong, np.broadcast_to(x.sum(axis, keepdims=True), shape))


@pytest.mark.usefixtures("unchecked")
def test_the_warning_is_given_where_the_result_pairs_other_elements():
    found = 0
    for shape in itertools.product((2, 3), repeat=3):
        for axis in (0, 1, 2, (0, 1), (0, 2), (1, 2), None):
            warning = reductions.explain(shape, axis).warning
            kept = reductions.explain(shape, axis, keepdims=True).warning
            is_square = axis == 1 and shape[1] == shape[2]
            assert (warning is not None) == (warned(shape, axis) or is_square), (shape, axis)
            assert (kept is not None) == is_square
            found += warning is not None
    assert found > 10


def test_the_last_but_one_axis_is_warned_of_where_the_last_one_has_its_size():
    for axis in (1, -2, (1,)):
        explanation = reductions.explain((2, 3, 3), axis, keepdims=True)
        assert explanation.warning == (
            "Axis -2 and axis -1 both have size 3, so that the wrong one of them gives no error. A softmax of attention "
            "scores runs along axis -1."
        )
        assert str(explanation).splitlines()[6] == f"* ⚠ {explanation.warning}"
    for shape, axis in (
        ((2, 3, 3), -1),
        ((2, 3, 3), 0),
        ((2, 3, 4), -2),
        ((3, 3), (0, 1)),
        ((3,), 0),
        ((2, 3, 3), None),
    ):
        assert reductions.explain(shape, axis, keepdims=True).warning is None


def test_one_is_said_in_the_singular():
    explanation = reductions.explain((3,), 0, name="loss")
    assert explanation.steps[3] == "The result has shape (), 1 element."
    assert explanation.notes()[1].endswith("keeps the shape (3,), and sums to 1 in 1 group, such as loss[:].")
    assert reductions.explain((1,), 0).steps[2].startswith("Each element of the result is made of 1 element, such as")
    assert "has 1 axis; write one from -1 to 0." in reductions.explain((3,), 1).steps[-1]


def test_an_axis_of_size_1_or_0_is_warned_of():
    assert reductions.explain((1, 10), 0).warning.startswith("Axis 0 has size 1: nothing is summed along it")
    assert reductions.explain((3, 0), -1).warning.startswith("Axis 1 has size 0: a sum of no element is 0")
    assert reductions.explain((1, 10)).warning is None  # nobody meant another axis
    x = torch.zeros(1, 10)
    assert torch.softmax(x, 0).eq(1).all()
    assert np.zeros((3, 0)).sum(-1).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="zero-size array"):
        np.zeros((3, 0)).max(-1)


@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 0), ((2, 3), -1), ((2, 3, 4), 1), ((2, 2, 3, 3), -2)])
def test_what_a_softmax_makes_sum_to_1(shape, axis):
    said = " ".join(reductions.explain(shape, axis).notes())
    own, other = re.findall(r"(\d+) groups, such as x\[(.*?)\]", said)
    wrong = int(re.search(r"Along axis (-\d+) instead", said)[1])
    for dim, (count, group) in ((axis, own), (wrong, other)):
        weights = torch.softmax(torch.randn(shape, generator=torch.Generator().manual_seed(0)), dim)
        index = tuple(slice(None) if part == ":" else int(part) for part in group.split(", "))
        assert weights[index].sum().item() == pytest.approx(1)
        assert weights.sum().item() == pytest.approx(int(count))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 0), ((2, 3), 1), ((2, 3), None), ((2, 3, 4), 0), ((4,), -1)])
def test_the_picture_has_the_sums(shape, axis, keepdims):
    picture = ET.fromstring(reductions.explain(shape, axis, keepdims=keepdims).svg())  # noqa: S314  ours
    written = [int(text.text) for text in picture.iter(f"{SVG}text") if text.text.isdigit()]
    x = np.arange(np.prod(shape)).reshape(shape)
    for part in (x, x.sum(axis)):
        for row in np.atleast_2d(part).reshape(-1, max(part.shape[-1:], default=1) if part.shape else 1)[:3].tolist():
            assert any(written[at : at + len(row)] == row for at in range(len(written))), row


REFUSED = {
    "out of range": (
        lambda: reductions.result_shape((32, 10, 64), 3),
        "axis is 3, x of shape (32, 10, 64) has 3 axes; write one from -3 to 2. axis=-1 would give (32, 10).",
    ),
    "below": (
        lambda: reductions.result_shape((2, 3), (0, -3), keepdims=True),
        "axis is -3, x of shape (2, 3) has 2 axes; write one from -2 to 1. axis=0 would give (1, 3).",
    ),
    "twice": (
        lambda: reductions.result_shape((2, 3), (1, -1)),
        "axis is (1, -1), which names axis 1 twice; name it once. axis=1 would give (2,).",
    ),
    "of a scalar": (
        lambda: reductions.result_shape((), 1),
        "axis is 1, x is a scalar and has no axis; leave it out. axis=None would give ().",
    ),
    "empty": (
        lambda: reductions.result_shape((2, 3), ()),
        "axis is empty, of which NumPy reduces nothing and PyTorch everything; leave it out to reduce all axes",
    ),
    "a fraction": (
        lambda: reductions.result_shape((2, 3), 0.5),
        "axis is 0.5, of type float; an axis is an int: divide with // to keep it whole",
    ),
    "one of several": (
        lambda: reductions.result_shape((2, 3), (0, "1")),
        "axis[1] is '1', of type str; an axis is an int: write it as a number, such as 4",
    ),
    "many": (
        lambda: reductions.result_shape((2, 3), range(65)),
        "axis has 65 entries, the most is 64; name each axis once",
    ),
    "a number for keepdims": (
        lambda: reductions.result_shape((2, 3), 0, keepdims=1),
        "keepdims is 1, of type int; write True or False",
    ),
    "a name": (
        lambda: reductions.explain((2, 3), 0, name=1),
        "name is 1, of type int; a name is a string: write it as 'x'",
    ),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError)) as raised:
        call()
    assert str(raised.value) == message


def test_an_axis_beyond_what_a_library_counts_has_no_message():
    explanation = reductions.explain((2, 3), 2**31)
    assert explanation.messages is None
    assert explanation.steps[-1].startswith(f"axis is {2**31}, x of shape (2, 3) has 2 axes")
