"""The rule of broadcasting, held against NumPy and PyTorch."""

from __future__ import annotations

import inspect
import itertools
import json
import random
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import broadcasting

SHAPES = [shape for rank in range(4) for shape in itertools.product(range(4), repeat=rank)]
PAIRS = list(itertools.product(SHAPES, repeat=2))

shapes = st.lists(st.integers(0, 4), max_size=5).map(tuple)


def by(library, *operands):
    """Return the shape that a library broadcasts to, or None."""
    try:
        return tuple(library.broadcast_shapes(*operands))
    except (ValueError, RuntimeError):
        return None


def ours(*operands):
    return broadcasting.result_shape(*operands) if broadcasting.compatible(*operands) else None


@pytest.mark.usefixtures("unchecked")
@pytest.mark.claim("broadcast-rule")
def test_every_small_pair_gives_what_numpy_and_pytorch_give():
    assert len(PAIRS) == 7225
    for pair in PAIRS:
        assert ours(*pair) == by(np, *pair) == by(torch, *pair), pair


@pytest.mark.claim("scalar-broadcast")
def test_a_scalar_and_a_vector_of_one_element_go_with_every_shape_and_differ():
    for shape in SHAPES:
        assert ours((), shape) == by(np, (), shape) == shape
        assert ours((1,), shape) == by(np, (1,), shape) == (shape or (1,))


@pytest.mark.claim("incompatible")
def test_sizes_that_differ_with_neither_1_do_not_broadcast():
    assert by(np, (3, 4), (2, 4)) is by(torch, (3, 4), (2, 4)) is None
    explanation = broadcasting.explain((3, 4), (2, 4))
    assert [axis.sizes for axis in explanation.axes if axis.index in explanation.conflicts] == [(3, 2)]


@given(st.lists(shapes, min_size=1, max_size=4))
def test_up_to_four_operands(operands):
    assert ours(*operands) == by(np, *operands) == by(torch, *operands)


@given(st.lists(shapes, min_size=1, max_size=4))
def test_explanation_agrees_with_the_shape(operands):
    explanation = broadcasting.explain(*operands)
    assert explanation.result == by(np, *operands)
    assert bool(explanation.conflicts) == (explanation.result is None) == (explanation.messages is not None)
    for axis in explanation.conflicts:
        sizes = {shape[axis] for shape in operands if len(shape) >= -axis} - {1}
        assert len(sizes) > 1
    for fix in explanation.fixes:
        assert fix.result is not None
    assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()


def test_messages_are_those_of_the_libraries_for_every_pair_that_does_not_fit():
    wrong = [pair for pair in PAIRS if by(np, *pair) is None]
    assert wrong
    for a, b in wrong:
        messages = broadcasting.messages(a, b)
        with pytest.raises(ValueError) as numpy_error:
            np.zeros(a) + np.zeros(b)
        with pytest.raises(RuntimeError) as torch_error:
            torch.zeros(a) + torch.zeros(b)
        assert (messages.numpy, messages.torch) == (str(numpy_error.value), str(torch_error.value))


@given(st.tuples(shapes, shapes, shapes).filter(lambda operands: by(np, *operands) is None))
def test_messages_of_three_operands_are_those_of_where(operands):
    messages = broadcasting.messages(*operands)
    with pytest.raises(ValueError) as numpy_error:
        np.where(np.empty(operands[0], bool), np.empty(operands[1]), np.empty(operands[2]))
    with pytest.raises(RuntimeError) as torch_error:
        torch.where(torch.empty(operands[0]) > 0, torch.empty(operands[1]), torch.empty(operands[2]))
    assert (messages.numpy, messages.torch) == (str(numpy_error.value), str(torch_error.value))


@given(st.lists(shapes, min_size=4, max_size=6).filter(lambda operands: by(np, *operands) is None))
def test_messages_of_four_and_more_operands_are_those_of_their_sum(operands):
    messages = broadcasting.messages(*operands)
    with pytest.raises(ValueError) as numpy_error:
        sum(map(np.zeros, operands[1:]), np.zeros(operands[0]))
    with pytest.raises(RuntimeError) as torch_error:
        sum(map(torch.zeros, operands[1:]), torch.zeros(operands[0]))
    assert (messages.numpy, messages.torch) == (str(numpy_error.value), str(torch_error.value))


def test_four_operands_meet_two_at_a_time():
    """The third meets the sum of the first two, whose shape the message has; the fourth is never reached."""
    operands = (4, 1), (1, 3), (2, 3), (7,)
    messages = broadcasting.messages(*operands)
    assert messages.numpy == "operands could not be broadcast together with shapes (4,3) (2,3) "
    assert messages.torch == "The size of tensor a (4) must match the size of tensor b (2) at non-singleton dimension 0"
    a, b, c, d = map(np.ones, operands)
    with pytest.raises(ValueError) as raised:
        a + b + c + d
    assert str(raised.value) == messages.numpy


def test_no_messages_where_shapes_fit():
    assert broadcasting.messages((4, 1), (1, 3)) is None


def test_strides_are_those_of_broadcast_to():
    for a, b in PAIRS:
        result = by(np, a, b)
        if result is not None:
            view = np.broadcast_to(np.empty(a, np.int8), result)
            assert broadcasting.expanded_strides(a, result) == view.strides, (a, result)


@given(st.lists(shapes, min_size=2, max_size=6).filter(lambda operands: by(np, *operands) is not None))
def test_the_note_on_strides_has_those_of_broadcast_to(operands):
    arrays = [np.empty(shape, np.int8) for shape in operands]
    result = by(np, *operands)
    views = [np.broadcast_to(array, result) for array in arrays]
    strides = ", ".join(f"{name} {view.strides}" for name, view in zip("abcdef", views, strict=False))
    note = f"Strides once expanded, in elements: {strides}. A stride of 0 reads one element again and again."
    notes = broadcasting.explain(*operands).notes()
    repeats = any((1,) * (len(result) - array.ndim) + array.shape != result for array in arrays)
    assert (note in notes) == repeats


def test_strides_are_those_of_expand_where_there_is_more_than_one_element_to_step_to():
    for a, b in PAIRS:
        result = by(np, a, b)
        if result is not None and 0 not in result:
            for size, ours_, theirs in zip(
                result, broadcasting.expanded_strides(a, result), torch.empty(a).expand(result).stride(), strict=True
            ):
                assert size == 1 or ours_ == theirs


@given(shapes, shapes)
def test_gradients_are_those_of_autograd(a, b):
    result = by(np, a, b)
    if result is None:
        return
    generator = torch.Generator(torch.get_default_device()).manual_seed(0)
    x, y = torch.zeros(a, requires_grad=True), torch.zeros(b, requires_grad=True)
    gradient = torch.randn(result, generator=generator)
    (x + y).backward(gradient)
    for operand in (x, y):
        ours_ = broadcasting.sum_to_size(gradient, operand.shape)
        torch.testing.assert_close(ours_, operand.grad)
        torch.testing.assert_close(ours_, gradient.sum_to_size(operand.shape))
        array = broadcasting.sum_to_size(gradient.numpy(force=True), operand.shape)
        assert isinstance(array, np.ndarray)
        np.testing.assert_allclose(array, operand.grad.numpy(force=True), rtol=1e-5, atol=1e-6)


def test_gradient_axes_are_where_the_operand_repeats():
    assert broadcasting.gradient_axes((1, 3), (2, 4, 3)) == (-3, -2)
    assert broadcasting.gradient_axes((2, 3), (2, 3)) == ()
    assert broadcasting.gradient_axes((1,), (0,)) == (-1,)


def test_shapes_in_every_form():
    expected = (4, 3)
    array = np.empty((4, 1))
    for shape in [(4, 1), [4, 1], torch.Size([4, 1]), array.shape, torch.empty(4, 1).shape, (np.int64(4), np.uint8(1))]:
        assert broadcasting.result_shape(shape, (1, 3)) == expected
    for shape in [3, np.int64(3), np.array(3), torch.tensor(3), range(3, 4)]:
        assert broadcasting.result_shape((4, 1), shape) == expected
    result = broadcasting.result_shape((np.int64(4), 1), 3)
    assert [type(size) for size in result] == [int, int]


def test_no_shape_at_all_is_a_scalar_as_in_numpy():
    assert broadcasting.result_shape() == np.broadcast_shapes() == ()
    assert broadcasting.compatible()


def test_sizes_beyond_64_bits_lose_nothing():
    assert broadcasting.result_shape((10**30, 1), (1, 2**53 + 1)) == (10**30, 2**53 + 1)
    assert broadcasting.explain((10**30, 1), (1, 2**53 + 1)).elements == 10**30 * (2**53 + 1)


def test_rank_64_is_the_most_as_in_numpy():
    assert broadcasting.result_shape((1,) * 64, 3) == (np.zeros((1,) * 64) + np.zeros(3)).shape
    with pytest.raises(ValueError, match="64"):
        np.empty((1,) * 65)


BAD = [
    (-1, ValueError, "shapes[0] is -1; a size is 0 or more: write the size itself, only reshape works out -1"),
    ((4, -1), ValueError, "shapes[0][1] is -1; a size is 0 or more: write the size itself, only reshape works out -1"),
    (2.5, TypeError, "shapes[0] is 2.5, of type float; a size is an int: divide with // to keep it whole"),
    ((64 / 8, 3), TypeError, "shapes[0][0] is 8.0, of type float; a size is an int: divide with // to keep it whole"),
    ((True, 3), TypeError, "shapes[0][0] is True, of type bool; a size is an int: write it as a number, such as 4"),
    (("4", 3), TypeError, "shapes[0][0] is '4', of type str; a size is an int: write it as a number, such as 4"),
    ((4, None), TypeError, "shapes[0][1] is None, of type NoneType; a size is an int: write it as a number, such as 4"),
    (
        "4, 1",
        TypeError,
        "shapes[0] is '4, 1', of type str; a shape is an int or a sequence of ints: write it as (4, 1)",
    ),
    (
        None,
        TypeError,
        "shapes[0] is None, of type NoneType; a shape is an int or a sequence of ints: write it as (4, 1)",
    ),
    (
        {4, 1},
        TypeError,
        "shapes[0] is {1, 4}, of type set; a shape is an int or a sequence of ints: write it as (4, 1)",
    ),
    ((1,) * 65, ValueError, "shapes[0] has 65 axes, the most is 64; merge some of them with reshape"),
    (np.ones((4, 1)), TypeError, "shapes[0] is of type ndarray, not a shape; pass its shape: shapes[0].shape"),
    (torch.ones(4), TypeError, "shapes[0] is of type Tensor, not a shape; pass its shape: shapes[0].shape"),
    (
        np.float64(2.5),
        TypeError,
        "shapes[0] is np.float64(2.5), of type float64; a size is an int: divide with // to keep it whole",
    ),
]


@pytest.mark.parametrize(("shape", "error", "words"), BAD)
@pytest.mark.parametrize(
    "function", [broadcasting.result_shape, broadcasting.compatible, broadcasting.explain, broadcasting.messages]
)
def test_what_is_no_shape_is_refused_with_the_fix(function, shape, error, words):
    with pytest.raises(error) as raised:
        function(shape, (1, 3))
    assert str(raised.value) == words


def test_the_argument_is_named_by_its_place():
    with pytest.raises(ValueError, match=re.escape("shapes[1][0] is -2;")):
        broadcasting.result_shape((4, 1), (-2,))
    with pytest.raises(ValueError, match=re.escape("to[0] is -2;")):
        broadcasting.gradient_axes((4, 1), (-2,))
    with pytest.raises(ValueError, match=re.escape("shape[0] is -2;")):
        broadcasting.sum_to_size(np.ones(3), (-2,))


def test_a_conflict_names_every_axis():
    with pytest.raises(broadcasting.BroadcastError) as raised:
        broadcasting.result_shape((3, 4, 5), (2, 4, 6))
    assert str(raised.value) == (
        "a (3, 4, 5), b (2, 4, 6) do not broadcast: axis -3 has 3, 2; axis -1 has 5, 6. Sizes on one axis must be equal "
        "or 1."
    )
    assert isinstance(raised.value, ValueError)
    assert raised.value.explanation.conflicts == (-3, -1)


@given(shapes, shapes)
def test_fixes_fit_when_their_code_is_run(a, b):
    for fix in broadcasting.explain(a, b).fixes:
        for empty in (np.empty, torch.empty):
            operands = {"a": empty(a), "b": empty(b)}
            name = fix.code[0]
            operands[name] = eval(fix.code, operands.copy())  # noqa: S307  the code is ours
            assert tuple(operands[name].shape) == fix.shape
            assert (operands["a"] + operands["b"]).shape == fix.result


def test_fixes_of_three_and_more_fit_when_their_code_is_run():
    """Each is run in NumPy and in PyTorch: what it gives takes the place of the operands that it names."""
    rng, several = random.Random(14), 0  # noqa: S311
    for _ in range(150):
        shapes = [
            tuple(rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(0, 3))) for _ in range(rng.randint(3, 5))
        ]
        for fix in broadcasting.explain(*shapes).fixes:
            for ones in (np.ones, torch.ones):
                operands = {name: ones(shape) for name, shape in zip("abcde", shapes, strict=False)}
                codes = re.findall(r"\w(?:\[.*?\]|\.mT)", fix.code)
                several += len(codes) > 1
                for code in codes:
                    operands[code[0]] = eval(code, dict(operands))  # noqa: S307  the code is ours
                assert tuple(sum(operands.values()).shape) == fix.result, (shapes, fix)
    assert several > 100
    masks = broadcasting.explain((8, 12, 5, 5), (8, 5), (8, 5))
    assert masks.mends()[0] == "b[:, None, None, :], c[:, None, None, :] would together give (8, 12, 5, 5)."


def test_the_usual_fixes_come_first():
    assert broadcasting.explain((32, 10, 64), (32,)).fixes[0].code == "b[:, None, None]"
    assert broadcasting.explain((4, 3), (3, 4)).fixes[0].code == "a.mT"
    assert broadcasting.explain((5, 3), (5,)).fixes[0].code == "b[:, None]"


def test_the_suspicious_success_is_told():
    warning = broadcasting.explain((8, 1), (8,)).warning
    assert warning.startswith("a and b have 8 elements each, the result has 64:")
    assert "(8, 1)" not in warning
    assert broadcasting.explain((4, 1), (1, 3)).warning.startswith("The result has 12 elements, more than any operand")
    for fine in [((4, 3), (3,)), ((2, 3), (2, 3)), ((3, 4), (1,)), ((), ()), ((8, 1), (8, 1)), ((3, 1), (1, 0))]:
        assert broadcasting.explain(*fine).warning is None, fine


def test_bytes_are_those_of_the_arrays():
    a, b = np.zeros((32, 1), np.float16), np.zeros(64, np.float16)
    explanation = broadcasting.explain(a.shape, b.shape, itemsize=2)
    assert explanation.stored_bytes == a.nbytes + b.nbytes
    assert explanation.copied_bytes == sum(array.copy().nbytes for array in np.broadcast_arrays(a, b))


def test_names():
    assert [operand.name for operand in broadcasting.explain(*[(1,)] * 27).operands][24:] == ["y", "z", "operand26"]
    with pytest.raises(ValueError) as raised:
        broadcasting.explain((4, 1), (1, 3), names=["x"])
    assert str(raised.value) == "names has 1 entries for 2 shapes; give one name for each shape"
    with pytest.raises(TypeError) as raised:
        broadcasting.explain()
    assert str(raised.value) == "shapes is empty; give at least one shape, such as (4, 1)"


def test_an_operator_that_is_none_is_refused():
    assert broadcasting.explain((2,), (2,), operator="//").operator == "//"
    with pytest.raises(ValueError, match=r"^operator is '@'; write '\+', '-', '\*', '/', .* or '>>'$"):
        broadcasting.explain((2,), (2,), operator="@")


def test_steps_of_a_scalar_and_of_many_axes():
    assert broadcasting.explain((), ()).steps == (
        "a (), b ().",
        "The last axes stand under each other; the longest shape has rank 0.",
        "No axis is missing.",
        "There is no axis to compare.",
        "No size of 1 has to repeat.",
        "The result has shape (), 1 element.",
    )
    assert broadcasting.explain((1,) * 64, 3).steps[3].endswith("axis -8 has 1, 1: equal; 56 more.")


def test_a_notebook_shows_the_same_as_the_terminal_and_escapes_names():
    explanation = broadcasting.explain((4, 1), (1, 3), names=["<b>", "y"])
    shown = explanation._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    for cell in itertools.chain.from_iterable(explanation.table()[2:]):
        assert f">{cell}<" in shown
    for note in explanation.notes()[1:2]:
        assert note in shown


def test_explanations_are_values():
    assert broadcasting.explain((4, 1), 3) == broadcasting.explain([4, 1], (3,))
    with pytest.raises(AttributeError):
        broadcasting.explain((4, 1), 3).result = (1,)


@pytest.mark.parametrize("function", [broadcasting.expanded_strides, broadcasting.gradient_axes])
def test_a_shape_that_does_not_expand_is_refused(function):
    with pytest.raises(ValueError) as raised:
        function((4, 1), (1, 3))
    assert str(raised.value) == "shape (4, 1) does not expand to (1, 3): the two broadcast to (4, 3); give that as to"
    with pytest.raises(broadcasting.BroadcastError, match="do not broadcast"):
        function((4,), (3,))


@pytest.mark.parametrize("empty", [np.empty, torch.empty], ids=["numpy", "torch"])
def test_a_bias_is_one_value_per_feature(empty):
    # Without the import hook's check of the annotations, as a user calls it.
    add_bias = inspect.unwrap(broadcasting.add_bias)
    for wrong in [(4, 1), (1,), (), (4,)]:
        with pytest.raises(ValueError) as raised:
            add_bias(empty((4, 3)), empty(wrong))
        assert str(raised.value) == (
            f"bias has shape {wrong}, x has shape (4, 3); a bias has one value for each feature on the last axis of x: "
            "reshape it to (3,)"
        )
    with pytest.raises(ValueError, match=re.escape("x has shape ();")):
        add_bias(empty(()), empty(()))


def test_add_bias_is_the_sum_in_either_library():
    x, bias = np.arange(24.0).reshape(2, 4, 3), np.array([1.0, 2.0, 3.0])
    assert (broadcasting.add_bias(x, bias) == x + bias).all()
    tensor = broadcasting.add_bias(torch.tensor(x), torch.tensor(bias))
    assert isinstance(tensor, torch.Tensor)
    assert (tensor.numpy(force=True) == x + bias).all()


def test_a_conflict_says_what_would_fit():
    with pytest.raises(broadcasting.BroadcastError) as raised:
        broadcasting.result_shape((32, 10, 64), (32,))
    assert str(raised.value).endswith("b[:, None, None] has shape (32, 1, 1) and would give (32, 10, 64).")


def test_add_bias_refuses_an_array_beside_a_tensor():
    add_bias = inspect.unwrap(broadcasting.add_bias)
    fix = "convert one with torch.as_tensor(array) or tensor.numpy(force=True)"
    with pytest.raises(TypeError) as raised:
        add_bias(torch.ones(4, 3), np.ones(3))
    assert str(raised.value) == f"x is a tensor, bias is an array; {fix}"
    with pytest.raises(TypeError) as raised:
        add_bias(np.ones((4, 3)), torch.ones(3))
    assert str(raised.value) == f"x is an array, bias is a tensor; {fix}"


@pytest.mark.usefixtures("unchecked")
def test_a_shape_that_does_not_expand_has_no_advice_that_fails():
    advised = 0
    for a, to in PAIRS:
        try:
            broadcasting.expanded_strides(a, to)
        except broadcasting.BroadcastError as error:
            if error.explanation.result is not None:
                grown = eval(str(error).partition("broadcast to ")[2].partition(";")[0])  # noqa: S307  a tuple of sizes
                assert np.broadcast_to(np.empty(a), grown).shape == grown
            for fix in error.explanation.fixes:
                advised += 1
                for x in (np.empty(a), torch.empty(a)):
                    view = np.broadcast_to if isinstance(x, np.ndarray) else torch.broadcast_to
                    assert view(eval(fix.code, {"x": x}), to).shape == to  # noqa: S307  the code is ours
    assert advised > 100
    with pytest.raises(broadcasting.BroadcastError) as raised:
        broadcasting.expanded_strides((3,), (2, 4))
    assert raised.value.explanation.fixes == ()


@pytest.mark.usefixtures("unchecked")
def test_an_operand_that_may_fit_by_chance_is_told():
    """For every shape of two axes and more, what is written instead has the same result by another axis."""
    told = 0
    for a, b in PAIRS:
        explanation = broadcasting.explain(a, b)
        chance = 1 < len(b) < len(a) and 1 < b[0] == a[0] == a[-len(b)]
        if explanation.result == a and len(b) < len(a):
            assert ("may fit by chance" in (explanation.warning or "")) == chance, (a, b)
        if chance and explanation.result == a:
            told += 1
            code = explanation.warning.rpartition(" write ")[2].rstrip(".")
            for zeros in (np.zeros, torch.zeros):
                moved = eval(code, {"b": zeros(b)})  # noqa: S307  the code is ours
                assert moved.ndim == len(a)
                assert moved.shape[0] == b[0]
                assert (zeros(a) + moved).shape == a
    assert told
    for operands in [((8, 8, 5, 5), (8, 5, 5)), ((5, 2, 5, 5), (5, 5)), ((5, 5, 5), (5, 5))]:
        assert "may fit by chance" in broadcasting.explain(*operands).warning
    for operands in [((8, 4, 5, 5), (4, 5, 5)), ((8, 8), (8,)), ((4, 2, 5, 5), (5, 5)), ((8, 8, 5, 5), (8, 1, 5, 5))]:
        assert broadcasting.explain(*operands).warning is None


def test_bytes_per_element_and_names_are_checked():
    explain = inspect.unwrap(broadcasting.explain)
    for wrong in ("4", -4, 0, 2.0, True, 10**5000, None):
        with pytest.raises((TypeError, ValueError), match=r"^itemsize is "):
            explain((2,), (1,), itemsize=wrong)
    for wrong, words in [
        (5, "names is 5, of type int; names are a sequence of strings: write ('x', 'y')"),
        ("xy", "names is 'xy', of type str; names are a sequence of strings: write ('x', 'y')"),
        (["x", 5], "names[1] is 5, of type int; a name is a string: write it as 'x'"),
    ]:
        with pytest.raises(TypeError) as raised:
            explain((2,), (1,), names=wrong)
        assert str(raised.value) == words
    with pytest.raises(ValueError) as raised:
        explain((2,), names=["x" * 10**6])
    assert str(raised.value) == "names[0] has 1000000 letters, the most is 60; write a shorter one"


@pytest.mark.usefixtures("unchecked")
def test_any_number_of_shapes():
    many = [(1, 3)] * 20_000
    assert broadcasting.result_shape(*many, (2, 1)) == (2, 3)
    with pytest.raises(broadcasting.BroadcastError) as raised:
        broadcasting.result_shape(*many, (2, 1), (4,), (5,))
    assert str(raised.value).startswith("a (1, 3), operand20001 (4,) do not broadcast: axis -1 has 3, 4.")
    with pytest.raises(ValueError) as raised:
        broadcasting.explain(*many)
    assert str(raised.value) == "shapes has 20000 entries, the most that is explained is 64; leave some out"


def test_sizes_that_a_shape_may_have_and_those_that_an_array_holds():
    for held in (np.array([0, 3]), torch.tensor([0, 3])):
        with pytest.raises(TypeError) as raised:
            broadcasting.result_shape(held)
        words = str(raised.value).partition("; pass ")[2]
        assert words == "its shape: shapes[0].shape, or the sizes that it holds: shapes[0].tolist()"
        assert broadcasting.result_shape(held.tolist()) == np.empty(0).reshape(0, 3).shape
        assert broadcasting.result_shape(held.shape) == (2,)
    assert broadcasting.result_shape((10**64 - 1,)) == (10**64 - 1,)
    for wrong in (10**64, 10**5000, (10**5000, 1)):
        with pytest.raises(ValueError, match="a size is at most 64 digits long: write a smaller one"):
            broadcasting.result_shape(wrong)


@pytest.mark.parametrize("function", [broadcasting.sum_to_size, broadcasting.add_bias])
def test_what_is_no_array_is_refused_with_the_fix(function):
    for wrong in ([[1.0]], 2.0, None):
        with pytest.raises(TypeError, match="not a NumPy array or a PyTorch tensor; "):
            inspect.unwrap(function)(wrong, np.ones(1) if function is broadcasting.add_bias else (1,))
