"""The rule of indexing, held against NumPy and PyTorch."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import indexing
from tensorref.indexing._parsing import IndexTextError, parse_index

# PyTorch takes a tensor of uint8 for a mask, and warns.
pytestmark = pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8:UserWarning")

LIBRARIES = ["numpy", "torch"]
SHAPES = [(), (2,), (0,), (2, 3), (3, 0), (3, 2, 2), (2, 1, 3)]
BASIC = [0, -1, 2, slice(None), slice(1, None), slice(5, -7, 2), slice(None, None, -1), slice(0, 0), None, ...]
ADVANCED = [
    *(True, False),
    *(np.array(index) for index in ([0, 1], [-2], [[0], [1]], [2], 0)),
    *(np.zeros(shape, int) for shape in [(0,), (1, 0)]),
    *(np.array(index, dtype) for index, dtype in [([1, 0], "uint8"), ([0, 1], "int16"), ([1], "int32"), ([], "int8")]),
    *(np.array(mask) for mask in ([True, False], [True, True, False], [[True, True], [False, True], [False, False]])),
]
# The 'cpu' is for the values that are out of range: an accelerator looks at them too late to raise an error.
TO = {"numpy": lambda array: array, "torch": lambda array: torch.tensor(array, device="cpu")}


def source(library, shape):
    """Return an array whose memory holds one element more, so that even one without elements has some."""
    size = math.prod(shape)
    return TO[library](np.arange(size + 1))[:size].reshape(shape)


def converted(library, index):
    return tuple(TO[library](item) if isinstance(item, np.ndarray) else item for item in index)


def shared(library, result, x):
    """Return whether a result has the memory of x."""
    if library == "torch":
        return result.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    if np.size(result):
        return np.shares_memory(result, x)
    return result.base is x.base


def by(library, shape, index):
    """Return the shape that a library gives and whether it is a view, or None."""
    x = source(library, shape)
    try:
        result = x[converted(library, index)]
    except (IndexError, ValueError):
        return None
    except DeprecationWarning as warning:
        # Of a result without elements NumPy 2.0 says that it will raise, and newer ones do.
        assert "In the future the index error will be raised" in str(warning)  # noqa: PT017
        return None
    return tuple(result.shape), shared(library, result, x)


def ours(library, shape, index):
    index = converted(library, index)
    try:
        return indexing.result_shape(shape, index, library=library), indexing.is_view(shape, index, library=library)
    except indexing.IndexingError:
        return None


def ellipses(index):
    return sum(item is ... for item in index)


def agree(library, shape, index):
    if library == "torch" and ellipses(index) > 1:
        assert ours(library, shape, index) is None
    else:
        assert ours(library, shape, index) == by(library, shape, index), (library, shape, index)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_one_and_every_two_on_small_shapes(library, shape):
    for length in range(3):
        for index in itertools.product(BASIC + ADVANCED, repeat=length):
            agree(library, shape, index)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_three_of_the_kinds_on_four_axes(library):
    """Only here can a slice, ``None``, an int or an empty ellipsis part index arrays that do not stand first."""
    kinds = [
        1,
        slice(1, None),
        None,
        ...,
        True,
        np.array([0, 1, 1]),
        np.array([[0], [1]]),
        np.array([True, True, True]),
    ]
    for index in itertools.product(kinds, repeat=3):
        agree(library, (3, 3, 2, 4), (slice(None), *index))
        agree(library, (3, 3, 2), (slice(None), *index))


items = st.one_of(
    st.integers(-4, 4),
    st.slices(4),
    st.none(),
    st.just(...),
    st.booleans(),
    st.lists(st.integers(-3, 3), min_size=1, max_size=3).map(np.array),
    st.lists(st.booleans(), min_size=1, max_size=4).map(np.array),
    st.lists(st.lists(st.booleans(), min_size=2, max_size=2), min_size=1, max_size=3).map(np.array),
)


@given(
    st.sampled_from(LIBRARIES),
    st.lists(st.integers(0, 4), max_size=5).map(tuple),
    st.lists(items, max_size=6).map(tuple),
)
def test_any_index(library, shape, index):
    agree(library, shape, index)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple), st.data())
def test_an_index_that_fits(shape, data):
    """Draw each entry for its axis, so that most of them have a result."""
    index = []
    for size in shape:
        fancy = st.lists(st.integers(-size, size - 1), min_size=1, max_size=2).map(np.array)
        truths = st.lists(st.booleans(), min_size=size, max_size=size).map(np.array)
        index.append(data.draw(st.one_of(st.integers(-size, size - 1), st.slices(size), fancy, truths)))
        index += data.draw(st.sampled_from([[], [], [None], [True]]))
    for library in LIBRARIES:
        agree(library, shape, tuple(index[: data.draw(st.integers(0, len(index)))]))


def test_writing_to_a_view_writes_to_the_source_and_to_a_copy_does_not():
    for empty, index in itertools.product(
        (np.zeros, torch.zeros), (0, slice(1, None), None, [0, 1], [True, False, True])
    ):
        x = empty((3, 2))
        x[index][...] = 1
        assert bool((x == 0).all()) != indexing.is_view(x.shape, index)
        x[index] = 1
        assert not (x == 0).all()


@pytest.mark.claim("indexing-identical")
def test_where_numpy_and_pytorch_differ():
    array, tensor = np.arange(24).reshape(2, 3, 4), torch.arange(24).reshape(2, 3, 4)
    # A negative step.
    assert array[:, ::-1].tolist() == torch.flip(tensor, dims=[1]).tolist()
    with pytest.raises(ValueError, match="step must be greater than zero"):
        tensor[:, ::-1]
    # An int beside an index array, with a slice between them.
    assert array[0, :, [0, 1]].T.tolist() == tensor[0, :, [0, 1]].tolist()
    assert indexing.result_shape((2, 3, 4), (0, slice(None), [0, 1])) == array[0, :, [0, 1]].shape == (2, 3)
    assert indexing.result_shape((2, 3, 4), (0, slice(None), [0, 1]), library="torch") == (3, 2)
    # An int for every axis.
    assert not np.shares_memory(array[0, 0, 0], array)
    assert tensor[0, 0, 0].data_ptr() == tensor.data_ptr()
    # A list of lists, without a tuple around it, is no array to PyTorch; what it stands for here is.
    with pytest.warns(UserWarning, match="non-tuple sequence"):
        assert tensor[[[0, 1], [1, 2]]].shape == (2, 4)
    assert tensor[torch.tensor([[0, 1], [1, 0]])].shape == array[[[0, 1], [1, 0]]].shape == (2, 2, 3, 4)
    # A second ellipsis.
    with pytest.raises(IndexError, match="single ellipsis"):
        array[..., ...]
    assert tensor[..., ...].shape == tensor.shape


def test_what_differs_is_told():
    for index in [slice(None, None, -1), (0, slice(None), [0, 1]), (0, 0, 0)]:
        assert indexing.explain((2, 3, 4), index).other.startswith("PyTorch differs: ")
        assert indexing.explain((2, 3, 4), index, library="torch").other.startswith("NumPy differs: ")
    for index in [0, (0, [0, 1]), [True, False], (..., None)]:
        assert indexing.explain((2, 3, 4), index).other is None


@pytest.mark.parametrize("library", LIBRARIES)
def test_arrays_lists_and_stand_ins_mean_the_same(library):
    to = {"numpy": np.asarray, "torch": torch.tensor}[library]
    for values in ([0, 1], [[0], [-1]], [], [[], []]):
        array = to(np.array(values, int))
        for index in ((values,), array, indexing.Indices(tuple(array.shape))):
            assert indexing.result_shape((2, 3), index, library=library) == (*array.shape, 3)
    for mask in ([True, False], [[True, False, True], [False, False, True]]):
        array = to(np.array(mask))
        for index in ((mask,), array, indexing.Mask(tuple(array.shape), int(array.sum()))):
            assert indexing.result_shape((2, 3), index, library=library) == tuple(to(np.zeros((2, 3)))[array].shape)
    assert indexing.result_shape((2, 3), to(np.array(1)), library=library) == (3,)
    assert indexing.is_view((2, 3), to(np.array(1)), library=library) == (library == "torch")
    assert indexing.is_view((2, 3), indexing.Indices(()), library=library) == (library == "torch")
    assert indexing.is_view((2, 3), np.int64(1), library=library)
    assert indexing.result_shape((2, 3), range(2), library=library) == (2, 3)


DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_of_index_tensors(dtype):
    for shape, values in itertools.product([(2,), (2, 3), (4,)], [[1, 0], [[1, 0, 1], [0, 0, 1]], [], 1, 0]):
        index = torch.tensor(values, dtype=getattr(torch, dtype), device="cpu")
        try:
            expected = tuple(torch.zeros(shape, device="cpu")[index].shape)
        except IndexError:
            expected = None
        explanation = indexing.explain(shape, index, library="torch")
        assert explanation.result == expected, (shape, values)
        array = np.array(values, dtype)
        assert indexing.result_shape((3, 3), array) == np.zeros((3, 3))[array].shape
        # PyTorch makes int64 of an array, but for uint8, and an index of a scalar.
        ours = indexing.explain((2, 3), array, library="torch").result
        assert ours == (
            None if (dtype, values) == ("uint8", []) else tuple(torch.zeros(2, 3, device="cpu")[array].shape)
        )
        scalar = np.dtype(dtype).type(1)
        theirs = torch.zeros(2, 3, device="cpu")[scalar].shape
        assert indexing.result_shape((2, 3), scalar, library="torch") == tuple(theirs)


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "uint32", "uint64"])
def test_an_index_tensor_of_another_dtype_is_refused_with_the_fix(dtype):
    words = "holds {}, PyTorch indexes with int32 or int64; write {}.long()."
    for index in (torch.tensor([1, 0], dtype=getattr(torch, dtype)), indexing.Indices((2,), dtype=dtype)):
        with pytest.raises(indexing.IndexingError) as raised:
            indexing.result_shape((2, 3), index, library="torch")
        assert str(raised.value) == f"index {words.format(dtype, 'index')}"
        with pytest.raises(indexing.IndexingError) as raised:
            indexing.is_view((2, 3), (0, index), library="torch")
        assert str(raised.value) == f"index[1] {words.format(dtype, 'index[1]')}"
        assert indexing.explain((2, 3), index).result == (2, 3)
        assert indexing.explain((2, 3), index).other == f"PyTorch differs: index {words.format(dtype, 'index')}"


WRONG = [
    (3, "index is 3, axis 0 has size 2; give an int from -2 to 1."),
    ((0, -4), "index[1] is -4, axis 1 has size 3; give an int from -3 to 2."),
    ((0, [1, 7, -9]), "index[1] holds -9, axis 1 has size 3; give an int from -3 to 2."),
    ((slice(None), 0, 0), "index takes 3 axes, shape (2, 3) has 2; take 1 away, or write None for a new axis."),
    ((..., ...), "index has 2 ellipses; keep one, which stands for all axes that are not named."),
    (slice(None, None, 0), "index has step 0; a step is not 0, leave it out for 1."),
    (
        [True, False, True],
        (
            "index is a mask of shape (3,), its axes have shape (2,); a mask does not broadcast, give it the sizes of "
            "the first axes it selects from."
        ),
    ),
    (
        ([0, 1], [0, 1, 2]),
        (
            "the index arrays have shapes (2,), (3,), which do not broadcast; give all one shape, or, for every "
            "combination, make the first a column: rows[:, None]."
        ),
    ),
    (
        (2, slice(None, None, 0)),
        (
            "index[0] is 2, axis 0 has size 2; give an int from -2 to 1. index[1] has step 0; a step is not 0, leave "
            "it out for 1."
        ),
    ),
]


@pytest.mark.parametrize(("index", "words"), WRONG, ids=[str(index) for index, _ in WRONG])
def test_a_wrong_index_is_refused_with_the_fix(index, words):
    for function in (indexing.result_shape, indexing.is_view):
        with pytest.raises(indexing.IndexingError) as raised:
            function((2, 3), index)
        assert str(raised.value).startswith(words)
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, IndexError)
    assert raised.value.explanation == indexing.explain((2, 3), index)


def test_a_size_of_0_has_no_int():
    with pytest.raises(indexing.IndexingError) as raised:
        indexing.result_shape((2, 0), (0, 0))
    assert str(raised.value) == "index[1] is 0, axis 1 has size 0; no int fits, a slice does."


def test_numpy_has_64_axes_at_most():
    assert indexing.result_shape((1,) * 63, None) == np.empty((1,) * 63)[None].shape
    with pytest.raises(IndexError, match="64"):
        np.empty((1,) * 64)[None]
    with pytest.raises(indexing.IndexingError) as raised:
        indexing.result_shape((1,) * 64, None)
    assert str(raised.value) == ("the result would have 65 axes, the most in NumPy is 64; index fewer times with None.")
    assert len(indexing.result_shape((1,) * 64, None, library="torch")) == torch.empty((1,) * 64)[None].ndim


NO_INDEX = [
    (1.5, "index must hold ints, slices or arrays, got 1.5; divide with // to keep it whole"),
    ((0, slice(0, 3 / 2)), "index[1] must hold ints, slices or arrays, got 1.5; divide with // to keep it whole"),
    ("ab", "index must hold ints, slices or arrays, got 'ab'; give an int, a slice or an array"),
    ({0, 1}, "index must hold ints, slices or arrays, got {0, 1}; give an int, a slice or an array"),
    ([[0, 1], [0]], "index is [[0, 1], [0]], whose rows differ in length; give all of them one length"),
    ([0.0, 1.0], "index must hold integers or truth values, got float64; convert it to int64 or bool"),
    (torch.zeros(2), "index must hold integers or truth values, got float32; convert it to int64 or bool"),
]


@pytest.mark.parametrize(("index", "words"), NO_INDEX, ids=[words for _, words in NO_INDEX])
def test_what_is_no_index_is_refused_with_the_fix(index, words):
    with pytest.raises(TypeError) as raised:
        indexing.result_shape((2, 3), index)
    assert str(raised.value) == words


def test_other_arguments_are_refused_with_the_fix():
    with pytest.raises(ValueError) as raised:
        inspect.unwrap(indexing.result_shape)((2, 3), 0, library="jax")
    assert str(raised.value) == "library is 'jax'; write 'numpy' or 'torch'"
    with pytest.raises(ValueError) as raised:
        indexing.Mask((2, 3), count=7)
    assert str(raised.value) == "count is 7; a mask of shape (2, 3) has 0 to 6 True"
    with pytest.raises(TypeError, match=re.escape("shape[0] is 8.0, of type float;")):
        indexing.result_shape((64 / 8, 3), 0)


def test_explanation_is_data_and_a_diagram():
    explanation = indexing.explain((4, 32, 64), (slice(None), None, 0, [[0, 1], [2, 3]]))
    assert (explanation.joint, explanation.position, explanation.apart) == ((2, 2), 2, False)
    assert [entry.kind for entry in explanation.entries] == ["slice", "newaxis", "int", "array"]
    assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()
    assert ">array (2, 2)<" in explanation._repr_html_()
    assert explanation.notes() == (
        "The result has shape (4, 1, 2, 2), 16 elements: a copy.",
        "The index arrays broadcast to (2, 2), from axis 2 of the result on.",
    )
    assert explanation.steps == (
        "The source has shape (4, 32, 64).",
        (
            "From the left: ':' (slice) takes axis 0 of size 4, gives size 4; 'None' (newaxis) takes no axis, gives size 1; "
            "'0' (int) takes axis 1 of size 32, gives no axis; 'array (2, 2)' (array) takes axis 2 of size 64, gives size "
            "2, 2."
        ),
        explanation.notes()[1],
        explanation.notes()[0],
    )
    assert indexing.explain((2,), ...).steps[1:3] == (
        "From the left: '...' (ellipsis) takes axis 0 of size 2, gives size 2.",
        "There is no index array.",
    )
    assert indexing.explain((), ()).steps[1] == "The brackets are empty: no axis is touched."
    assert str(indexing.explain((), ())).startswith("index\nkind\naxis\nsize\ngives\n* The result has shape ()")
    wrong = indexing.explain((2,), (0, 0, [0]))
    assert wrong.steps[2] == "The index arrays are not placed while something is wrong."
    assert wrong.steps[3] == " ".join(wrong.reasons) == " ".join(wrong.notes()[: len(wrong.reasons)])
    assert "'0' (int) takes no axis, gives nothing, as it is wrong" in wrong.steps[1]
    assert [entry.gives for entry in wrong.entries] == [(), None, None]
    assert wrong.table()[-1] == ("gives", "–", "?", "?")


@pytest.mark.parametrize("to", [np.array, torch.tensor], ids=LIBRARIES)
def test_tokens(to):
    x = to([[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]])
    assert indexing.token(x, 1).tolist() == [[3, 4], [9, 10]]
    assert indexing.token(x[..., 0], -1).tolist() == [5, 11]
    assert indexing.last(x).tolist() == [[5, 6], [11, 12]]
    lengths = to([1, 3])
    assert indexing.last(x, lengths).tolist() == [[1, 2], [11, 12]]
    assert indexing.masked(x, x > 9).tolist() == [10, 11, 12]
    assert indexing.masked(x, x[..., 0] > 4).tolist() == [[5, 6], [7, 8], [9, 10], [11, 12]]
    for result in (indexing.token(x, 0), indexing.last(x), indexing.last(x, lengths), indexing.masked(x, x > 9)):
        assert type(result) is type(x)
    indexing.token(x, 0)[...] = 0
    indexing.last(x)[...] = 0
    assert x.tolist() == [[[0, 0], [3, 4], [0, 0]], [[0, 0], [9, 10], [0, 0]]]
    indexing.last(x, to([2, 2]))[...] = 0
    indexing.masked(x, x == 3)[...] = 0
    assert x.tolist() == [[[0, 0], [3, 4], [0, 0]], [[0, 0], [9, 10], [0, 0]]]


@pytest.mark.parametrize("to", [np.array, torch.tensor], ids=LIBRARIES)
def test_wrong_lengths_and_masks_are_refused_with_the_fix(to):
    x = to([[5, 23, 7], [42, 0, 0]])
    for lengths in ([3, 0], [4, 1]):
        with pytest.raises(ValueError) as raised:
            indexing.last(x, to(lengths))
        assert str(raised.value) == f"lengths is {lengths}; a length is from 1 to 3, the sequence axis of x"
    last = inspect.unwrap(indexing.last)
    for lengths, shape in (([2], (1,)), ([1, 2, 3], (3,)), ([[1], [2]], (2, 1)), (2, ())):
        with pytest.raises(ValueError) as raised:
            last(x, to(lengths))
        assert str(raised.value) == (
            f"lengths has shape {shape}, x has shape (2, 3); give one length for each sequence: shape (2,)"
        )
    masked = inspect.unwrap(indexing.masked)
    with pytest.raises(TypeError) as raised:
        masked(x, to([[1, 1, 1], [1, 0, 0]]))
    assert str(raised.value).startswith("mask has dtype ")
    assert str(raised.value).endswith("int64, which would select positions; compare to get truth: mask != 0")
    with pytest.raises(indexing.IndexingError, match=re.escape("is a mask of shape (3,), its axes have shape (2,)")):
        masked(x, to([True, False, True]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lengths_of_any_dtype(dtype):
    values = np.arange(6).reshape(2, 3)
    assert indexing.last(values, np.array([2, 1], dtype)).tolist() == [1, 3]
    lengths = torch.tensor([2, 1], dtype=getattr(torch, dtype), device="cpu")
    assert indexing.last(torch.tensor(values, device="cpu"), lengths).tolist() == [1, 3]
    assert indexing.last(values[:0], np.array([], dtype)).shape == (0,)


def raw(library, shape, index):
    """Return the shape that a library gives for an index as it is, or None."""
    try:
        return tuple((np.empty if library == "numpy" else torch.empty)(shape)[index].shape)
    except (IndexError, ValueError, TypeError, RuntimeError, OverflowError):
        return None


def ruled(library, shape, index):
    try:
        return indexing.result_shape(shape, index, library=library)
    except (indexing.IndexingError, TypeError):
        return None


LISTED = [
    *(0, 1, True, None, ..., slice(None), 1.5),
    *([0, 1], [], [[0], [1]], [True, False], [0.5], (0, 1), range(2)),
    *(np.array([0, 1]), np.array([], float), np.array([1.9])),
]


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence for multidimensional indexing:UserWarning")
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy.ndarrays is extremely slow:UserWarning")
@pytest.mark.parametrize("library", LIBRARIES)
def test_lists_and_arrays_as_they_are_written(library):
    """A bare list that holds lists, slices, None or an ellipsis is a tuple to PyTorch, and numbers are cut to integers."""
    results = 0
    for length in range(3):
        for items in itertools.product(LISTED, repeat=length):
            for index in ([*items], items, ([*items],)):
                # Nor is there an array of rows that differ in length, which PyTorch takes where the first is empty.
                if ellipses(index) < 2 and not (len(index) < len(items) and not np.size(items[0])):
                    theirs = raw(library, (2, 3), index)
                    assert ruled(library, (2, 3), index) == theirs, index
                    results += theirs is not None
    assert results > 200


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence for multidimensional indexing:UserWarning")
def test_a_long_list_of_lists_is_an_array_to_pytorch_too():
    x = torch.empty((1,) * 40)
    for count in (30, 31, 32, 33):
        index = [[0]] * count
        assert indexing.result_shape(x.shape, index, library="torch") == tuple(x[index].shape)


@pytest.mark.parametrize("library", LIBRARIES)
def test_masks_of_arrays_beside_an_ellipsis(library):
    masks = [
        *(np.ones((), bool), np.ones(2, bool), np.ones((2, 3), bool), np.ones((3, 4), bool), np.ones((2, 3, 4), bool)),
        *(np.zeros(0, bool), np.zeros((2, 0), bool), np.zeros((0, 3), bool), np.zeros((3, 0), bool)),
    ]
    for mask, *others in itertools.product(masks, [(), (0,), (slice(None),), (None,)], [(), (0,), (True,), (None,)]):
        before, after = others
        for index in ((*before, mask, *after), (*before, ..., mask, *after), (*before, mask, ..., *after)):
            assert ruled(library, (2, 3, 4), index) == raw(library, (2, 3, 4), index), index


@pytest.mark.parametrize("dtype", [">i8", ">i2", "<u4", ">u8"])
def test_bytes_in_another_order(dtype):
    for values in ([1, 0], [], 1):
        index = np.array(values, dtype)
        for library in LIBRARIES:
            assert ruled(library, (2, 3), index) == raw(library, (2, 3), index), (library, values)
    with pytest.raises(indexing.IndexingError) as raised:
        indexing.result_shape((2, 3), np.array([1, 0], ">i8"), library="torch")
    fix = str(raised.value).rpartition(" write ")[2].rstrip(".")
    assert raw("torch", (2, 3), eval(fix, {"index": np.array([1, 0], ">i8")})) == (2, 3)  # noqa: S307  the code is ours


def test_a_truth_value_of_numpy_is_no_index_of_a_tensor():
    for index in (np.True_, (0, np.False_), (np.True_, ...)):
        assert ruled("torch", (2, 3), index) is raw("torch", (2, 3), index) is None
        assert ruled("numpy", (2, 3), index) == raw("numpy", (2, 3), index)
    assert indexing.explain((2, 3), np.True_).other == (
        "PyTorch differs: index is a truth value of NumPy, which PyTorch does not take; write bool(index)."
    )


@pytest.mark.usefixtures("unchecked")
def test_numpy_has_64_index_arrays_at_most():
    for shape in ((1,) * 64, (1,) * 63 + (2,), (1,) * 63):
        for count in (31, 32, 61, 62, 63, 64):
            for more in ((), (True,), (0,), (True, True), (0, True), (None,)):
                index = ([0],) * count + more
                assert ruled("numpy", shape, index) == raw("numpy", shape, index), (shape, count, more)
        for masks in ((63,), (64,), (62, 1), (63, 1), (32, 31), (32, 32)):
            for more in ((), (None,), (...,)):
                index = (*(np.ones((1,) * axes, bool) for axes in masks), *more)
                assert ruled("numpy", shape, index) == raw("numpy", shape, index), (shape, masks, more)


class Raising:
    def __index__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


ITSELF = []
ITSELF.append(ITSELF)
HOSTILE = [
    *(10**5000, -(10**5000), [10**5000], range(10**18), [range(10**18)], range(10**30), Raising(), [Raising()]),
    *((0,) * 10**6, (None,) * 10**6, [[0]] * 10**6, nested(10**5), ITSELF, [[0] * 10**4] * 10**4, "x" * 10**6),
    *(slice(Raising()), [[], [Raising()]], np.float64(1.5), 1j, float("nan"), object(), {}, b"x" * 10**6),
    *(torch.ones(2, dtype=torch.bool, device="meta"), torch.eye(2).long().to_sparse(), torch.tensor([1j])),
    *(np.array([10**30]), np.array(["a" * 10**5]), np.array([np.nan]), np.zeros(2, [("a", int)])),
]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("index", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_hostile_is_refused_in_few_words(library, index):
    for function in (indexing.result_shape, indexing.is_view):
        with pytest.raises((TypeError, indexing.IndexingError)) as raised:
            inspect.unwrap(function)((2, 3), index, library=library)
        assert str(raised.value).startswith("index")
        assert len(str(raised.value)) < 1000


def test_what_is_large_and_fits_is_followed():
    assert indexing.result_shape((2, 3), slice(10**5000)) == np.empty((2, 3))[: 10**5000].shape
    assert indexing.result_shape((10**18, 3), range(10**18)) == (10**18, 3)
    index = torch.zeros(2, dtype=torch.long, device="meta")
    assert indexing.result_shape((2, 3), index, library="torch") == torch.zeros(2, 3, device="meta")[index].shape


STAND_INS = [
    (indexing.Indices, (5,), "shape is 5, of type int; it is a tuple here: write (4,)"),
    (indexing.Indices, ((-1,),), "shape[0] is -1; a size is 0 or more: "),
    (indexing.Indices, ((2,), 3), "bounds is 3; bounds are the least and the greatest: write (0, 1)"),
    (indexing.Indices, ((2,), (1, 0)), "bounds is (1, 0); the least comes first: write (0, 1)"),
    (indexing.Indices, ((2,), (0, math.nan)), "bounds[1] is nan, of type float; a bound is an int: "),
    (indexing.Indices, ((2,), (0, 1), b"4"), "dtype is b'4'; indices are of an integer dtype: write 'int64'"),
    (indexing.Indices, (b"4",), "shape is b'4', of type bytes; it is a tuple here: write (4,)"),
    (indexing.Mask, (4, 2), "shape is 4, of type int; it is a tuple here: write (4,)"),
    (indexing.Mask, ((4, 3), 2.5), "count is 2.5, of type float; a number of True is an int: "),
    (indexing.Mask, ((4, 3), "2"), "count is '2', of type str; a number of True is an int: "),
]


@pytest.mark.parametrize(("kind", "arguments", "words"), STAND_INS, ids=range(len(STAND_INS)))
def test_stand_ins_are_checked(kind, arguments, words):
    stand_in = object.__new__(kind)  # the tests check annotations, which would refuse first
    fields = ("shape", "bounds", "dtype") if kind is indexing.Indices else ("shape", "count")
    for name, value in zip(fields, arguments, strict=False):
        object.__setattr__(stand_in, name, value)
    with pytest.raises((TypeError, ValueError)) as raised:
        inspect.unwrap(kind.__post_init__)(stand_in)
    assert str(raised.value).startswith(words)


def test_tokens_of_what_is_no_array_and_of_no_position_are_refused_with_the_fix():
    token, x = inspect.unwrap(indexing.token), np.zeros((2, 3, 4))
    for position, words in [
        ([0, 1], "position is [0, 1], of type list; the position of a token is an int: "),
        (3, "position is 3, the sequence axis of x has size 3; write one from -3 to 2"),
        (True, "position is True, of type bool; "),
    ]:
        with pytest.raises((TypeError, IndexError)) as raised:
            token(x, position)
        assert str(raised.value).startswith(words)
    with pytest.raises(IndexError, match=r"^x has shape \(3,\); tokens are"):
        token(x[0, :, 0], 0)
    for function, more in ((token, (0,)), (inspect.unwrap(indexing.masked), (np.ones(1, bool),))):
        with pytest.raises(TypeError, match=r"^x is of type list, not a NumPy array or a PyTorch tensor; "):
            function([[1.0]], *more)


class ArrayLike:
    def __array__(self, dtype=None, copy=None):
        return np.array([1, 0], dtype)


def test_what_numpy_makes_an_array_of_is_one():
    for index in (ArrayLike(), (0, ArrayLike()), (ArrayLike(), [[0], [1]])):
        assert indexing.result_shape((2, 3), index) == np.zeros((2, 3))[index].shape


HELD = [
    *(0, True, 1.5, 1j, [], [0], [0, 1], [[0]], (), range(2), None, ..., slice(None), np.True_, np.int64(1)),
    *(torch.tensor(1), torch.tensor([1]), torch.tensor([0, 1]), torch.tensor([]), torch.tensor([True, False])),
    *(np.array(1), np.array([0]), np.array([]), np.array([True, False]), np.ones((2, 3), bool)),
]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence for multidimensional indexing:UserWarning")
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy.ndarrays is extremely slow:UserWarning")
def test_lists_that_hold_arrays_tensors_and_empty_lists():
    """The shape of a list is that of its first items to PyTorch, and a tensor of one integer is a number."""
    results = 0
    for count in (1, 2):
        for items in itertools.product(HELD, repeat=count):
            for index in ([*items], ([*items],), ([*items], 0), [[*items]]):
                if ellipses(index) < 2:
                    theirs = raw("torch", (2, 3, 4), index)
                    assert ruled("torch", (2, 3, 4), index) == theirs, index
                    results += theirs is not None
    assert results > 500


@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence for multidimensional indexing:UserWarning")
@pytest.mark.parametrize("count", [1, 2, pytest.param(3, marks=pytest.mark.full)])
def test_masks_of_numpy_count_for_one_axis_of_a_tensor(count):
    """So a mask for all axes leaves room for whole slices, and one without axes takes the room of an axis."""
    masks = [np.ones(shape, bool) for shape in [(), (2,), (2, 3), (3, 4), (2, 3, 4), (2, 0)]]
    others = [slice(None), slice(0, None), ..., None, 0, [0, 1], True, torch.ones(2, 3, dtype=torch.bool)]
    accepted = 0
    for shape in [(2, 3), (2, 3, 4)]:
        for items in itertools.product([*masks, *others], repeat=count):
            if ellipses(items) < 2 and any(isinstance(item, np.ndarray) for item in items):
                for index in (items, [*items]):
                    theirs = raw("torch", shape, index)
                    assert ruled("torch", shape, index) == theirs, (shape, index)
                    accepted += theirs is not None
    assert accepted > 6**count
    assert ruled("torch", (2, 3), [masks[2], slice(None)]) == (6,)


def test_tokens_of_one_sequence_and_of_none_are_refused_with_the_fix():
    last, masked = inspect.unwrap(indexing.last), inspect.unwrap(indexing.masked)
    for of in (np.asarray, torch.tensor):
        x = of([5, 23, 7])
        with pytest.raises(IndexError, match=r"^x has shape \(3,\); .*: write x\[None\] for one sequence$"):
            last(x)
        assert last(eval("x[None]", {"x": x})).tolist() == [7]  # noqa: S307  the code of the message
        with pytest.raises(IndexError, match=r"^x has shape \(\); .*: write x\[None, None\] for one token$"):
            last(x[0, ...] if of is torch.tensor else np.array(5))
        with pytest.raises(IndexError, match=r"^x has shape \(2, 0\), whose sequences have no token; "):
            last(of([[], []]))
        with pytest.raises(TypeError, match=r"^lengths has dtype (torch\.)?float64; lengths are integers: "):
            last(x[None], of([1.0]) if of is np.asarray else torch.tensor([1.0], dtype=torch.float64))
    with pytest.raises(TypeError, match=r"^lengths has no values; "):
        last(torch.zeros(1, 3), torch.ones(1, dtype=torch.long, device="meta"))
    sparse = torch.eye(3).to_sparse()
    for refused in (lambda: last(sparse, torch.tensor([1, 1, 1])), lambda: masked(sparse, torch.ones(3) > 0)):
        with pytest.raises(
            TypeError, match=r"^x has layout torch.sparse_coo, not torch.strided; write x.to_dense\(\)$"
        ):
            refused()
    assert last(eval("x.to_dense()", {"x": sparse}), torch.tensor([1, 2, 3])).tolist() == [1, 1, 1]  # noqa: S307  as above


ADVISED = [
    *(5, -5, slice(None), slice(None, None, -1), slice(None, None, 0), None, ..., True, np.True_, [0, 7], [-9, 0]),
    *(
        np.array([0, 1], ">i8"),
        torch.tensor([0, 1], dtype=torch.int16),
        np.ones((2, 3), bool),
        np.ones((), bool),
        [0, 1],
    ),
]


def advised(index, problem):
    """Return indices that do what the sentence about what is wrong says."""
    found = re.match(r"index(?:\[(\d)\])? ", problem)
    at = int(found[1] or 0) if found else None
    before, after = index[:at], index[at + 1 :] if found else ()
    code = re.search(r"write ((?:torch\.as_tensor|bool)\(.*?\)|index.*?\.(?:long|astype)\(.*?\))\.$", problem)
    if code:
        names = {"torch": torch, "index": index}
        return [(*before, eval(code[1], names), *after)]  # noqa: S307  the code is ours
    if limits := re.search(r"; give an int from (-?\d+) to (-?\d+)\.$", problem):
        return [(*before, int(limit), *after) for limit in limits.groups()]
    if problem.endswith("a step is not 0, leave it out for 1."):
        return [(*before, slice(index[at].start, index[at].stop), *after)]
    if problem.endswith("no int fits, a slice does."):
        return [(*before, slice(None), *after)]
    return []


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_advised_is_taken_by_the_library(library):
    """It ends the problem; values that are out of range are looked at once the shapes are right."""
    kinds = set()
    for shape, count in itertools.product([(2,), (2, 3), (0, 2), (2, 3, 4)], (1, 2)):
        for index in itertools.product(ADVISED, repeat=count):
            explanation = indexing.explain(shape, index, library=library) if ellipses(index) < 2 else None
            if explanation is not None and len(explanation.reasons) == 1:
                for better in advised(index, explanation.reasons[0]):
                    rest = indexing.explain(shape, better, library=library).reasons
                    assert explanation.reasons[0] not in rest, (shape, index, better)
                    assert (raw(library, shape, better) is None) == bool(rest), (shape, index, better, rest)
                    kinds.add(explanation.reasons[0].rpartition("; ")[2][:10])
    assert len(kinds) >= (5 if library == "torch" else 3), kinds


def test_a_mask_without_values_selects_nothing():
    x = torch.ones(2, 3, device="meta")
    with pytest.raises(TypeError, match="mask is on meta and has no values"):
        indexing.masked(x, x > 0)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 2)], ids=str)
def test_the_picture_reads_what_the_library_reads(library, shape):
    """Each element of the result comes from where the explanation says, and the source marks these and no others."""
    tried = 0
    for length in range(3):
        for index in itertools.product(BASIC + ADVANCED, repeat=length):
            explanation = indexing.explain(shape, converted(library, index), library=library)
            if explanation.result is None:
                continue
            result = np.array(source(library, shape)[converted(library, index)].tolist(), int).reshape(
                explanation.result
            )
            for place in np.ndindex(result.shape):
                assert np.ravel_multi_index(explanation._source(place), shape) == result[place], index  # noqa: SLF001
            read = {*explanation._picked()}  # noqa: SLF001
            marked = {at for at in np.ndindex(shape) if explanation._reads(at, read)}  # noqa: SLF001
            assert {int(np.ravel_multi_index(at, shape)) for at in marked} == {*result.ravel().tolist()}, index
            tried += 1
    assert tried > 150


@pytest.mark.parametrize("index", [torch.zeros(200, dtype=int), indexing.Indices((2,)), indexing.Mask((3,), 2)])
def test_what_is_not_known_or_long_is_not_marked(index):
    explanation = indexing.explain((3, 2), index)
    assert [entry.picks for entry in explanation.entries] == [None, None]
    assert explanation.result is not None
    assert 'stroke-width="3"' not in explanation.svg()


READ = {
    "x[0]": 0,
    "[ -1 ]": -1,
    "x[−1]": -1,
    "x[0,]": (0,),
    "x[:, [0, 2], None]": (slice(None), [0, 2], None),
    "x[..., 1:-1:2, ::]": (..., slice(1, -1, 2), slice(None)),
    "x [np.newaxis,newaxis , numpy.newaxis]": (None, None, None),
    "x[True]": True,
    "x[[True, False]]": [True, False],
    "x[[[0, 1], [1, 2,],]]": [[0, 1], [1, 2]],
    "x[[]]": [],
    "x[[[], []]]": [[], []],
    "x[999999999999999999]": 999999999999999999,
}
UNREAD = (
    "cannot be read as an index; write ints, slices, None, ... or lists of one kind and length, and close the brackets, as "
    "in x[:, [0, 2]]."
)
# What is no index, where reading stops, and what it finds there.
REFUSED = {
    "": (1, ""),
    "x": (1, "x"),
    "0, 1": (1, "0, 1"),
    "x[]": (3, "]"),
    "x[ ]": (4, "]"),
    "x[": (3, "x["),
    "x[0": (3, "0"),
    "x[[0, 1]": (3, "[0, 1]"),
    "x[0][1]": (5, "[1]"),
    "x[, 0]": (3, ", 0]"),
    "x[0 1]": (3, "0 1]"),
    "x[mask]": (3, "mask]"),
    "x[1.5]": (3, "1.5]"),
    "x[1:2:3:4]": (3, "1:2:3:4]"),
    "x[0, [None]]": (6, "[None]]"),
    "x[....]": (3, "....]"),
    "x[9999999999999999999]": (3, "9999999999999999999]"),
    "x[[[[0]]]]": (3, "[[[0]]]]"),
    "x[[0, [1]]]": (3, "[0, [1]]]"),
    "x[[[0], [1, 2]]]": (3, "[[0], [1, 2]]]"),
    "x[[True, 1]]": (3, "[True, 1]]"),
    "x[" + "0, " * 90 + "]": (3, "0, 0, 0, 0, 0, 0, 0,…"),
}


def same(a, b):
    return (type(a), a) == (type(b), b) and (not isinstance(a, (list, tuple)) or all(map(same, a, b)))


@pytest.mark.parametrize("text", READ)
def test_an_index_as_text_is_what_python_reads(text):
    found = parse_index(text)
    assert same(found, READ[text])


@pytest.mark.parametrize("text", REFUSED, ids=[text[:30] for text in REFUSED])
def test_text_that_is_no_index_says_where(text):
    with pytest.raises(IndexTextError) as raised:
        parse_index(text)
    position, found = REFUSED[text]
    assert str(raised.value) == f"Position {position}: '{found}' {UNREAD}"
