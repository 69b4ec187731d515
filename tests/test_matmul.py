"""The rule of the matrix product, held against NumPy and PyTorch."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, bmm_flop

from tensorref import matmul

SMALL = [shape for rank in range(4) for shape in itertools.product(range(4), repeat=rank)]
RANK_4 = [shape for rank in range(5) for shape in itertools.product(range(3), repeat=rank)]
PAIRS = [
    *itertools.product(SMALL, repeat=2),
    *((a, b) for a, b in itertools.product(RANK_4, repeat=2) if 4 in (len(a), len(b))),
]

sizes = st.integers(0, 5)
shapes = st.lists(sizes, max_size=5).map(tuple)


@st.composite
def fitting(draw):
    """Draw two shapes that have a product."""
    m, k, n = draw(sizes), draw(sizes), draw(sizes)
    batch = draw(st.lists(st.integers(0, 3), max_size=3))
    a, b = ([draw(st.sampled_from([1, size])) for size in batch[draw(st.integers(0, len(batch))) :]] for _ in range(2))
    matrices = [((*a, m, k), (*b, k, n))]
    if not a:
        matrices.append(((k,), (*b, k, n)))
    if not b:
        matrices.append(((*a, m, k), (k,)))
    if not (a or b):
        matrices.append(((k,), (k,)))
    return draw(st.sampled_from(matrices))


def numbers(shape, start=1):
    """Return float64 whole numbers, so that sums are exact in any order."""
    return (np.arange(start, start + math.prod(shape)) % 7 - 3.0).reshape(shape)


def by(product, a, b):
    """Return the shape that a library gives, or None, and its message, or None."""
    try:
        return tuple(product(a, b).shape), None
    except (ValueError, RuntimeError) as error:
        return None, str(error)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.claim("batched-matmul")
def test_every_small_pair_gives_what_numpy_and_pytorch_give_and_say():
    arrays = {shape: np.zeros(shape) for shape in {*SMALL, *RANK_4}}
    tensors = {shape: torch.zeros(shape, device="cpu") for shape in arrays}
    assert len(PAIRS) == 85**2 + 121**2 - 40**2
    assert {(len(a), len(b)) for a, b in PAIRS} == {*itertools.product(range(5), repeat=2)}
    fit = 0
    for a, b in PAIRS:
        numpy_shape, numpy_words = by(np.matmul, arrays[a], arrays[b])
        torch_shape, torch_words = by(torch.matmul, tensors[a], tensors[b])
        messages = matmul.messages(a, b)
        if messages is None:
            assert matmul.result_shape(a, b) == numpy_shape == torch_shape, (a, b)
            fit += 1
        else:
            assert (messages.numpy, messages.torch) == (numpy_words, torch_words), (a, b)
    assert 4000 < fit < len(PAIRS) / 2


@given(shapes, shapes)
def test_a_result_a_message_an_error(a, b):
    expected, _ = by(np.matmul, np.zeros(a), np.zeros(b))
    if expected is None:
        for function in (matmul.result_shape, matmul.flops):
            with pytest.raises(ValueError):
                function(a, b)
        assert matmul.messages(a, b) is not None
    else:
        assert matmul.result_shape(a, b) == expected
        assert matmul.messages(a, b) is None


@given(fitting())
def test_product_is_that_of_both_libraries_and_of_einsum(operands):
    a, b = (numbers(shape, start) for start, shape in enumerate(operands))
    expected = np.matmul(a, b)
    explanation = matmul.explain(a.shape, b.shape)
    assert explanation.result == expected.shape
    assert (matmul.product(a, b) == expected).all()
    assert (np.einsum(explanation.einsum, a, b) == expected).all()
    x, y = torch.tensor(a, device="cpu"), torch.tensor(b, device="cpu")
    product = matmul.product(x, y)
    assert isinstance(product, torch.Tensor)
    assert product.shape == expected.shape
    for same in (product, torch.matmul(x, y), torch.einsum(explanation.einsum, x, y)):
        assert (same.numpy() == expected).all()


@given(fitting())
def test_operations_are_those_that_pytorch_counts(operands):
    a, b = (shape if len(shape) > 1 else (1, *shape) for shape in operands)
    rows, columns = a[-2], b[-1] if len(operands[1]) > 1 else 1
    stack = math.prod(np.broadcast_shapes(a[:-2], b[:-2]))
    assert matmul.flops(*operands) == bmm_flop((stack, rows, a[-1]), (stack, a[-1], columns))


@pytest.mark.parametrize("a", [(3,), (2, 3), (5, 2, 3)], ids=str)
def test_pytorchs_counter_leaves_out_a_vector_on_the_right(a):
    for b, counted in [((3,), False), ((3, 4), True)]:
        with FlopCounterMode(display=False) as counter:
            torch.ones(a) @ torch.ones(b)
        assert counter.get_total_flops() == (matmul.flops(a, b) if counted else 0)


@given(fitting(), st.sampled_from([np.float16, np.float32, np.float64]))
def test_bytes_are_those_of_the_arrays(operands, dtype):
    a, b = (np.zeros(shape, dtype) for shape in operands)
    explanation = matmul.explain(a.shape, b.shape, itemsize=a.itemsize)
    result = np.asarray(a @ b)
    assert explanation.moved_bytes == a.nbytes + b.nbytes + result.nbytes
    assert explanation.elements == result.size
    if explanation.moved_bytes:
        assert explanation.intensity == explanation.flops / explanation.moved_bytes
    else:
        assert explanation.intensity == 0
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    copies = [np.broadcast_to(array, stack + array.shape[-2:]).copy() for array in (a, b)]
    assert explanation.copied_bytes == sum(copy.nbytes for copy in copies) + result.nbytes
    said = [note for note in explanation.notes() if "copies" in note]
    if explanation.copied_bytes > explanation.moved_bytes:
        assert said == [f"With copies for every matrix of the stack: {explanation.copied_bytes:,} bytes."]
    else:
        assert said == []


@given(st.integers(0, 10**63), st.integers(1, 10**63), st.integers(1, 10**63), st.integers(1, 16))
def test_operations_a_byte_are_exact_for_any_size(m, k, n, itemsize):
    explanation = matmul.explain((m, k), (k, n), itemsize=itemsize)
    exact = Fraction(2 * m * k * n, itemsize * (m * k + k * n + m * n))
    said = re.fullmatch(r".* bytes, (\d+\.\d) a byte\.", explanation.notes()[1])[1]
    assert -Fraction(1, 20) <= exact - Fraction(said) < Fraction(1, 20)
    assert explanation.intensity == pytest.approx(float(exact))


class Copies(TorchDispatchMode):
    """Counts the copies that PyTorch makes."""

    count = 0

    def __torch_dispatch__(self, operation, _types, args=(), kwargs=None):
        self.count += operation is torch.ops.aten.clone.default
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("a", "b", "copies"),
    [
        ((2, 8, 32, 16), (2, 1, 16, 32), 1),
        ((2, 8, 32, 16), (8, 16, 32), 1),
        ((2, 1, 32, 16), (1, 8, 16, 32), 2),
        ((2, 8, 32, 16), (1, 1, 16, 32), 0),
        ((2, 8, 32, 16), (16, 32), 0),
        ((8, 32, 16), (1, 16, 32), 0),
        ((2, 8, 32, 16), (2, 8, 16, 32), 0),
    ],
)
def test_pytorch_copies_what_repeats_along_some_batch_axes_only(a, b, copies):
    a, b = torch.ones(a), torch.ones(b)
    with Copies() as counter:
        _ = a @ b
    assert counter.count == copies


@given(st.one_of(st.tuples(shapes.filter(len), shapes.filter(len)), fitting()))
def test_explanation_agrees_with_the_shapes(operands):
    a, b = operands
    explanation = matmul.explain(a, b)
    assert explanation.result == by(np.matmul, np.zeros(a), np.zeros(b))[0]
    assert explanation.messages == matmul.messages(a, b)
    assert bool(explanation.conflicts) == (explanation.result is None) == (explanation.messages is not None)
    for first, second in explanation.conflicts:
        assert a[first] != b[second]
    kept = tuple(axis.size for axis in explanation.axes if axis.role != "sum")
    assert explanation.result in (None, kept)
    for axis in explanation.axes:
        if axis.role == "batch":
            verdict = "equal" if len({*axis.sizes}) == 1 else "expand" if 1 in axis.sizes else "conflict"
        elif axis.role == "sum":
            verdict = "sum" if axis.sizes[0] == axis.sizes[1] else "conflict"
        else:
            verdict = "keep"
        assert axis.verdict == verdict
        for shape, index, size in zip(operands, axis.axes, axis.sizes, strict=True):
            if index is not None:
                assert shape[index] == size
            else:
                assert size == (1 if axis.role == "batch" else None)
    assert [axis.index for axis in explanation.axes if axis.role == "batch"] == [*range(-max(len(a), len(b), 2), -2)]
    assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()
    for row in explanation.table():
        assert len(row) == 1 + len(explanation.axes)


@given(shapes.filter(len), shapes.filter(len))
def test_fixes_fit_when_their_code_is_run(a, b):
    for fix in matmul.explain(a, b).fixes:
        for empty in (np.zeros, torch.zeros):
            product = eval(fix.code, {"a": empty(a), "b": empty(b)})  # noqa: S307  the code is ours
            assert tuple(product.shape) == fix.result


def test_the_usual_fixes_come_first():
    def first(a, b):
        return matmul.explain(a, b).fixes[0].code

    assert first((32, 64), (256, 64)) == "a @ b.mT"
    assert first((64, 32), (64, 256)) == "a.mT @ b"
    assert first((4, 32, 64), (4, 64)) == "a @ b[..., None]"
    assert first((2, 4, 64), (2, 4, 64, 32)) == "a[..., None, :] @ b"
    assert first((2, 8, 32, 16), (2, 16, 16)) == "a @ b[:, None]"
    assert first((2, 16, 16), (2, 8, 16, 32)) == "a[:, None] @ b"
    assert first((2, 3, 5), (7, 3)) == "b @ a"
    assert first((3,), (4, 3)) == "a @ b.mT"
    assert matmul.explain((3, 4, 5), (2, 7, 6)).fixes == ()


def test_a_vector_for_each_matrix_is_told_from_one_matrix():
    vectors, matrices = numbers((4, 6)), numbers((4, 6, 3))
    warning = matmul.explain(vectors.shape, matrices.shape).warning
    assert warning == (
        "Every row of a meets every matrix of b: the result is (4, 4, 3). For one row a matrix, a[..., None, :] @ b gives "
        "(4, 1, 3)."
    )
    assert (vectors @ matrices).shape == (4, 4, 3)
    assert (vectors[..., None, :] @ matrices).shape == (4, 1, 3)
    for fine in [((5, 6), (4, 6, 3)), ((6,), (6, 3)), ((4, 1, 6), (4, 6, 3)), ((6,), (6,)), ((4, 5), (4, 6, 3))]:
        assert matmul.explain(*fine).warning is None, fine


def test_every_conflict_is_named():
    with pytest.raises(matmul.MatmulError) as raised:
        matmul.result_shape((3, 4, 5), (2, 6, 7))
    assert str(raised.value) == (
        "a (3, 4, 5), b (2, 6, 7) have no matrix product: batch axis -3 has 3, 2, and sizes there must be equal or 1; "
        "axis -1 of a has 5, axis -2 of b has 6, and the two must be equal."
    )
    assert isinstance(raised.value, ValueError)
    assert raised.value.explanation == matmul.explain((3, 4, 5), (2, 6, 7))
    assert raised.value.explanation.conflicts == ((-3, -3), (-1, -2))


def test_a_size_of_1_does_not_repeat_in_the_sum():
    with pytest.raises(matmul.MatmulError) as raised:
        matmul.result_shape((4, 1), (3, 5))
    assert str(raised.value) == (
        "a (4, 1), b (3, 5) have no matrix product: axis -1 of a has 1, axis -2 of b has 3, and the two must be equal."
    )


@pytest.mark.parametrize("function", [matmul.result_shape, matmul.flops, matmul.explain])
def test_a_scalar_has_no_product(function):
    for a, b, name in [((), (3,), "a"), ((3,), (), "b"), ((), (), "a")]:
        with pytest.raises(ValueError) as raised:
            function(a, b)
        assert (
            str(raised.value)
            == f"{name} has shape (), a scalar; a matrix product needs an axis to sum over: write a * b"
        )


@pytest.mark.parametrize("function", [matmul.result_shape, matmul.flops, matmul.explain, matmul.messages])
def test_what_is_no_shape_is_refused_by_name(function):
    with pytest.raises(TypeError) as raised:
        function((4, 2.5), (3,))
    assert str(raised.value) == "a[1] is 2.5, of type float; a size is an int: divide with // to keep it whole"
    with pytest.raises(TypeError) as raised:
        function((4, 3), np.ones((3, 2)))
    assert str(raised.value) == "b is of type ndarray, not a shape; pass its shape: b.shape"


def test_shapes_in_every_form():
    for a in [(4, 3), [4, 3], torch.Size([4, 3]), (np.int64(4), np.uint8(3))]:
        assert matmul.result_shape(a, 3) == (4,)
        assert type(matmul.result_shape(a, 3)[0]) is int


def test_names():
    with pytest.raises(ValueError) as raised:
        matmul.explain((4, 1), (1, 3), names=["x"])
    assert str(raised.value) == "names has 1 entries for 2 shapes; give one name for each shape"
    assert matmul.explain((4, 1), (2, 3), names=["x", "w"]).steps[-1].startswith("x (4, 1), w (2, 3) have no")


def test_steps():
    assert matmul.explain((8,), (2, 8, 3)).steps == (
        "a (8,), b (2, 8, 3).",
        "a is a vector: it counts as one row, and that axis leaves the result.",
        "The batch axes broadcast, from the right: axis -3 has 1, 2: expands.",
        "Axis -1 of a is summed against axis -2 of b: 8 and 8 terms.",
        "The result has shape (2, 3), 6 elements.",
    )
    assert matmul.explain((8, 3), (3, 2)).steps[1:3] == ("Neither is a vector.", "There is no batch axis.")


def test_a_long_list_of_batch_axes_is_cut():
    step = matmul.explain((2,) * 12, (2,) * 12).steps[2]
    assert step.count("axis -") == 8
    assert step.endswith("axis -10 has 2, 2: equal; 2 more.")
    assert matmul.explain((2,) * 10, (2,) * 10).steps[2].endswith("axis -10 has 2, 2: equal.")


def test_transposed_twice_is_as_it_was():
    (fix, *_) = matmul.explain((10, 64), (256, 64), names=["x", "weight.mT"]).fixes
    assert (fix.code, fix.result) == ("x @ weight", (10, 256))
    (fix, *_) = matmul.explain((64, 10), (64, 256), names=["x.mT", "w"]).fixes
    assert (fix.code, fix.result) == ("x @ w", (10, 256))


def test_a_notebook_shows_the_same_as_the_terminal():
    explanation = matmul.explain((32, 10, 64), (256, 64), names=["<x>", "weight"])
    shown = explanation._repr_html_()
    assert "<x>" not in shown
    for cell in itertools.chain.from_iterable(explanation.table()[2:]):
        assert f">{cell}<" in shown
        assert cell in str(explanation)


def test_explanations_are_values():
    assert matmul.explain([4, 3], 3) == matmul.explain((4, 3), (3,))
    with pytest.raises(AttributeError):
        matmul.explain((4, 3), 3).result = (1,)


@pytest.mark.claim("three-ways-to-multiply")
def test_dot_is_the_product_of_two_matrices_and_pairs_the_matrices_of_stacks():
    a, b = numbers((3, 4)), numbers((4, 5))
    assert (np.dot(a, b) == np.matmul(a, b)).all()
    assert (a @ b == np.matmul(a, b)).all()
    stack, other = numbers((2, 3, 4)), numbers((2, 4, 5))
    pairs = np.dot(stack, other)
    assert pairs.shape == (2, 3, 2, 5) != (stack @ other).shape == (2, 3, 5)
    for i, j in itertools.product(range(2), repeat=2):
        assert (pairs[i, :, j] == stack[i] @ other[j]).all()


@pytest.mark.claim("three-ways-to-multiply")
def test_dot_of_pytorch_takes_two_vectors_only():
    assert torch.dot(torch.ones(3), torch.ones(3)) == 3
    with pytest.raises(RuntimeError, match="1D tensors expected"):
        torch.dot(torch.ones(2, 2), torch.ones(2, 2))
    for product, shape in [(torch.mm, (2, 2, 2)), (torch.bmm, (2, 2))]:
        with pytest.raises(RuntimeError, match="must be a"):
            product(torch.ones(shape), torch.ones(shape))


def test_product_says_what_would_fit():
    # Without the import hook's check of the annotations, as a user calls it.
    product = inspect.unwrap(matmul.product)
    for ones in (np.ones, torch.ones):
        with pytest.raises(matmul.MatmulError) as raised:
            product(ones((2, 3)), ones((4, 3)))
        assert str(raised.value).endswith("and the two must be equal. a @ b.mT would give (2, 4).")
        with pytest.raises(ValueError, match="b has shape"):
            product(ones((2, 3)), ones(()))
