"""The shapes of indices along an axis, held against NumPy and PyTorch."""

from __future__ import annotations

import itertools
import math
from typing import get_args

import numpy as np
import pytest
import torch

from tensorref import indexing
from tensorref.indexing import _gather

READING, WRITING = get_args(_gather.Gathering), get_args(_gather.Scattering)
SHAPES = [(), (0,), (1,), (2,), (3,), (2, 3), (3, 2), (1, 2), (2, 1), (2, 2), (0, 2), (2, 0), (1, 2, 2), (2, 2, 3)]
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
    case = (function, shape, axis, index.shape, index.dtype, source, theirs, explanation.problems)
    if isinstance(theirs, tuple):
        assert explanation.result == theirs, case
        assert explanation.problems == explanation.messages == explanation.fixes == (), case
    else:
        assert explanation.result is None, case
        assert explanation.problems, case
        assert explanation.messages in ((), (theirs.strip(),), (theirs,)), (case, explanation.messages)
    return explanation


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("function", READING)
def test_reading_along_every_axis_of_small_shapes(function):
    for shape, index in itertools.product(SHAPES, SHAPES):
        for axis in axes_of(function, shape):
            agree(function, shape, axis, np.zeros(index, np.int64), None)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("function", WRITING)
def test_writing_along_every_axis_of_small_shapes(function):
    for shape, index, source in itertools.product(SHAPES, SHAPES, SHAPES):
        for axis in axes_of(function, shape):
            agree(function, shape, axis, np.zeros(index, np.int64), source)
