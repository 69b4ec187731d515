"""The shapes of indices along an axis, held against NumPy and PyTorch."""

from __future__ import annotations

import itertools
import math
from typing import get_args

import numpy as np
import pytest
import torch

from tensorref import indexing
from tensorref.indexing import _gather_rule

READING, WRITING = get_args(_gather_rule.Gathering), get_args(_gather_rule.Scattering)
SHAPES = [(), (0,), (1,), (2,), (2, 3), (3, 2), (1, 2), (2, 1), (0, 2), (2, 0), (1, 2, 2), (2, 2, 3)]
WHOLE = ["torch.take_along_dim", "numpy.take_along_axis", "numpy.put_along_axis", "numpy.take"]  # take None for an axis


def called(function, x, axis, index, source):
    """Return what a library gives."""
    library, name = function.split(".")
    if library == "torch":
        x, index = torch.as_tensor(x), torch.as_tensor(index)
        if name == "take":
            return x.take(index)
        if source is None:
            return getattr(torch, name)(x, *((index, axis) if name == "take_along_dim" else (axis, index)))
        more = ("sum",) if name == "scatter_reduce" else ()
        source = torch.as_tensor(source)
        if name == "scatter" and not source.ndim:
            source = source.item()
        return getattr(torch, name)(x, axis, index, source, *more)
    if name != "put_along_axis":
        return getattr(np, name)(x, index, axis)
    x = x.copy()
    np.put_along_axis(x, index, source, axis)
    return x


def outcome(function, shape, axis, index, source):
    """Return the shape that a library gives, or what it says."""
    x = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    values = None if source is None else np.ones(source, np.float32)
    try:
        return tuple(called(function, x, axis, index, values).shape)
    except (IndexError, ValueError, RuntimeError) as error:
        return str(error)


def said(explanation):
    return explanation.messages and (explanation.messages.numpy or explanation.messages.torch)


def explained(function, shape, axis, index, source):
    if source is None:
        return indexing.explain_gather(shape, axis, index, function=function)
    return indexing.explain_scatter(shape, axis, index, source, function=function)


def axes_of(function, shape):
    if function == "torch.take":
        return [None]
    rank = len(shape)
    return [*range(-rank - 1, rank + 1), *([None] if function in WHOLE else [])]


def agree(function, shape, axis, index, source):
    explanation, theirs = explained(function, shape, axis, index, source), outcome(function, shape, axis, index, source)
    case = (function, shape, axis, index.shape, index.dtype, source, theirs, explanation.reasons)
    if isinstance(theirs, tuple):
        assert explanation.result == theirs, case
        assert (explanation.reasons, explanation.messages, explanation.fixes) == ((), None, ()), case
    else:
        assert explanation.result is None, case
        assert explanation.reasons, case
        assert said(explanation) in (None, theirs.strip(), theirs), (case, explanation.messages)
    return explanation


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("function", READING)
def test_reading_along_every_axis_of_small_shapes(function):
    for shape, index in itertools.product(SHAPES, SHAPES):
        for axis in axes_of(function, shape):
            agree(function, shape, axis, np.zeros(index, np.int64), None)


@pytest.mark.full
@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("function", WRITING)
def test_writing_along_every_axis_of_small_shapes(function):
    for shape, index, source in itertools.product(SHAPES, SHAPES, SHAPES):
        for axis in axes_of(function, shape):
            agree(function, shape, axis, np.zeros(index, np.int64), source)


DTYPES = ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64")
FEWER = [(), (0,), (2,), (2, 1), (0, 2), (2, 0), (1, 2, 2)]


@pytest.mark.full
@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("function", [*READING, *WRITING])
def test_dtypes_and_values_of_the_index(function):
    """Each index holds one value, as which of several is found first is not said."""
    dtypes = DTYPES if function in READING else DTYPES[:3]
    for shape, index, dtype in itertools.product(FEWER, FEWER, dtypes):
        for value in (-1, 0, 2) if dtype.startswith("int") else (0, 2):
            for source in [None] if function in READING else [(), index, shape]:
                for axis in axes_of(function, shape):
                    agree(function, shape, axis, np.full(index, value, dtype), source)


def run(fix, shape, index, source):
    """Return the shape that the code of a fix gives."""
    is_numpy = fix.code.startswith("np.")
    to = np.asarray if is_numpy else torch.as_tensor
    names = {"x": to(np.zeros(shape, np.float32)), "index": to(index), "reduce": "sum", "np": np, "torch": torch}
    if source is not None:
        names["source"] = to(np.ones(source, np.float32)) if source or "scatter(" not in fix.code else 1.0
    result = eval(fix.code, names)  # noqa: S307  the code is ours
    return tuple((names["x"] if result is None else result).shape)


@pytest.mark.full
@pytest.mark.usefixtures("unchecked")
@pytest.mark.filterwarnings("error")
def test_a_fix_gives_what_it_says():
    """Every shape of up to three axes, with the values and dtypes that lead to a fix of their own."""
    forms, ran = set(), 0
    for function in (*READING, *WRITING):
        for shape, index in itertools.product(FEWER, FEWER):
            for source in (
                [None] if function in READING else [(), index, shape, (*index, *shape[1:]), shape[:1], (2, 1)]
            ):
                for axis, (dtype, value) in itertools.product(
                    axes_of(function, shape), [("int64", 0), ("int64", -1), ("int64", 9), ("int16", -1)]
                ):
                    given = np.full(index, value, dtype)
                    for fix in explained(function, shape, axis, given, source).fixes:
                        assert run(fix, shape, given, source) == fix.result, (function, shape, axis, given, source, fix)
                        forms.add(fix.code.partition("(")[0])
                        ran += 1
    assert ran > 2000
    assert forms >= {
        "torch.gather",
        "torch.take_along_dim",
        "torch.index_select",
        "torch.index_add",
        "np.take",
        "x[index]",
    }
    assert forms >= {f"torch.{name}" for name in ("scatter", "scatter_add", "scatter_reduce", "index_copy", "take")}


def test_what_people_write_by_mistake_has_the_fix():
    def first(explanation):
        return explanation.fixes[0].code

    assert first(indexing.explain_gather((4, 128, 50257), -1, (4, 128))) == "torch.gather(x, -1, index[..., None])"
    assert first(indexing.explain_gather((1, 3), 1, (4, 2))) == "torch.take_along_dim(x, index, 1)"
    assert first(indexing.explain_gather((9, 4), 0, (2, 3), function="torch.index_select")) == "x[index]"
    ids = indexing.Indices((4, 1), dtype="uint8")
    assert first(indexing.explain_gather((4, 9), 1, ids)) == "torch.gather(x, 1, index.long())"
    rows = indexing.explain_scatter((10, 64), 0, (5,), (5, 64), function="torch.scatter_add")
    assert [fix.code for fix in rows.fixes] == [
        "torch.index_add(x, 0, index, source)",
        "torch.scatter_add(x, 0, index[..., None].expand_as(source), source)",
    ]
    tokens = indexing.explain_scatter((10, 64), 0, (2, 5), (2, 5, 64), function="torch.index_add")
    assert first(tokens) == "torch.index_add(x, 0, index.flatten(), source.flatten(0, 1))"
    best = indexing.explain_gather((4, 9), 1, (4,), function="numpy.take_along_axis")
    assert first(best) == "np.take_along_axis(x, index[..., None], axis=1)"
    assert indexing.explain_gather((2, 3), 1, (4, 1)).fixes == ()


def test_scatter_with_an_underscore_and_a_number_has_the_same_rule():
    x, index = torch.zeros(2, 3), torch.zeros(2, 2, dtype=torch.int64)
    for source in (torch.ones(2, 2), 1.0):
        shape = getattr(source, "shape", ())
        assert tuple(x.scatter_(1, index, source).shape) == indexing.explain_scatter((2, 3), 1, (2, 2), shape).result
    with pytest.raises(RuntimeError) as raised:
        x.scatter_add_(1, index, torch.ones(1, 2))
    explanation = indexing.explain_scatter((2, 3), 1, (2, 2), (1, 2), function="torch.scatter_add")
    assert said(explanation) == str(raised.value).strip()


def test_the_explanation_is_data_and_a_diagram():
    explanation = indexing.explain_scatter((2, 3, 4), 1, (3, 2, 4), (3, 1, 4))
    assert explanation.conflicts == (0, 1)
    assert explanation.table() == (
        ("axis", "0", "1", "2"),
        ("x", "2", "3", "4"),
        ("index", "3", "2", "4"),
        ("source", "3", "1", "4"),
        ("rule", "conflict", "conflict", "fits"),
    )
    assert explanation.reasons == (
        "axis 0 has 3 in index, 2 in x; off axis 1 index is no longer than x.",
        "axis 1 has 2 in index, 1 in source; index is no longer than source.",
    )
    assert explanation.to_dict()["result"] is None
    assert "<table>" in explanation._repr_html_()
    fits = indexing.explain_gather((2, 3), 1, (1, 3))
    assert fits.notes() == ("The result has shape (1, 3), 3 elements.",)
    assert fits.table()[-1] == ("rule", "fits", "axis")


WRONG = [
    (((2, 3), 1.5, (2, 3)), {}, TypeError, "axis is 1.5, of type float; an axis is an int: "),
    (((2, 3), None, (2, 3)), {}, TypeError, "axis is None, of type NoneType; an axis is an int: "),
    (((2, 3), 1, (2, 3)), {"function": "torch.take"}, ValueError, "axis is 1; torch.take counts in the flat tensor: "),
    (((2, 3), 1, (2, -3)), {}, ValueError, "index[1] is -3; a size is 0 or more: "),
    (("x", 1, (2, 3)), {}, TypeError, "shape is 'x', of type str; "),
    (((2, 3), 1, np.zeros((2, 3))), {}, TypeError, "index must hold integers, got float64; convert it to int64"),
    (
        ((2, 3), 1, torch.zeros(2, dtype=torch.bool)),
        {},
        TypeError,
        "index must hold integers, got bool; convert it to int64",
    ),
    (((2, 3), 1, (2, 3)), {"function": "gather"}, ValueError, "function is 'gather'; write 'torch.gather', "),
    (((2, 3), 1, (2, 3)), {"function": []}, ValueError, "function is []; write 'torch.gather', "),
]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("arguments", "options", "error", "words"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments_are_refused_with_the_fix(arguments, options, error, words):
    with pytest.raises(error) as raised:
        indexing.explain_gather(*arguments, **options)
    assert str(raised.value).startswith(words)


@pytest.mark.usefixtures("unchecked")
def test_a_source_that_is_no_shape_and_a_function_that_reads_are_refused():
    with pytest.raises(TypeError, match=r"^source is None, of type NoneType; "):
        indexing.explain_scatter((2, 3), 1, (2, 3), None)
    with pytest.raises(ValueError, match=r"^function is 'torch\.gather'; write 'torch\.scatter', "):
        indexing.explain_scatter((2, 3), 1, (2, 3), (2, 3), function="torch.gather")


def test_an_index_is_as_good_as_its_shape():
    index = torch.tensor([[0, 2], [1, -1]])
    assert indexing.explain_gather((2, 3), 1, index).reasons == (
        "index holds -1, axis 1 of x has size 3; torch.gather takes 0 to 2.",
    )
    assert indexing.explain_gather((2, 3), 1, index.numpy(), function="numpy.take_along_axis").result == (2, 2)
    assert indexing.explain_gather((2, 3), 1, index.shape).result == (2, 2)


def test_take_along_dim_takes_the_rest_of_a_division():
    x = torch.arange(6).reshape(2, 3)
    assert torch.take_along_dim(x, torch.tensor([[-1], [3]]), 1).tolist() == [[2], [3]]
    explanation = indexing.explain_gather((2, 3), 1, torch.tensor([[-1], [3]]), function="torch.take_along_dim")
    assert explanation.result == (2, 1)


@pytest.mark.parametrize("shape", [(), (0, 0), (0, 2), (2, 0), (0, 0, 3), (3, 0, 0)])
@pytest.mark.parametrize("function", ["numpy.take", "torch.take_along_dim", "torch.index_copy"])
def test_nothing_to_take_is_told_as_the_library_tells_it(function: str, shape: tuple[int, ...]):
    for axis in range(-3, 3):
        along = axis if -len(shape) <= axis < len(shape) else None
        for count in (1, 2):
            if function == "torch.index_copy":
                if along is None:
                    continue
                source = [*shape]
                source[axis] = count
                got = indexing.explain_scatter(shape, axis, (count,), tuple(source), function=function)
                index, values = torch.zeros(count, dtype=torch.int64), torch.ones(source)
                call = lambda: torch.index_copy(torch.ones(shape), axis, index, values)  # noqa: B023, E731
            elif function == "torch.take_along_dim":
                sizes = tuple(count if place == (along or 0) % len(shape) else 1 for place in range(len(shape)))
                if along is None:
                    continue
                got = indexing.explain_gather(shape, axis, sizes, function=function)
                call = lambda: torch.take_along_dim(torch.ones(shape), torch.zeros(sizes, dtype=torch.int64), axis)  # noqa: B023, E731
            else:
                got = indexing.explain_gather(shape, axis, (count,), function=function)
                call = lambda: np.take(np.ones(shape), np.zeros(count, int), axis)  # noqa: B023, E731
            wanted, said = None, ("",)
            try:
                wanted = tuple(call().shape)
            except (IndexError, RuntimeError, ZeroDivisionError) as error:
                said = (str(error), type(error).__name__)
            assert got.result == wanted
            if got.messages:
                assert (got.messages.numpy or got.messages.torch) in said
