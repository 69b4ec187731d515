"""What errors and explanations have in common, over all concepts."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle

import numpy as np
import pytest
import torch

import tensorref
from tensorref import broadcasting, dtypes, einsum, errors, indexing, interop, layout, matmul, pitfalls, reductions
from tensorref._explanation import Diagram
from tensorref._libraries import MissingLibraryError

PUBLIC = {
    f"{concept}.{name}": getattr(module, name)
    for concept in tensorref.CONCEPTS
    for module in [importlib.import_module(f"tensorref.{concept}")]
    for name in module.__all__
    if inspect.isclass(getattr(module, name))
}
RAISED = {
    "broadcasting.BroadcastError": lambda: broadcasting.result_shape((2,), (3,)),
    "dtypes.OutOfRangeError": lambda: dtypes.promote("uint8", 256, "numpy"),
    "dtypes.PromotionError": lambda: dtypes.promote("bfloat16", "float32", "numpy"),
    "errors.UnknownEntryError": lambda: errors.get("nothing"),
    "indexing.IndexingError": lambda: indexing.result_shape((2,), 5),
    "interop.ConversionError": lambda: interop.to_torch(np.array(["a"])),
    "interop.UnknownNameError": lambda: interop.translate("np.concatenat"),
    "layout.OperationsTextError": lambda: layout.history((2,), "?"),
    "einsum.EinsumError": lambda: einsum.result_shape("ij,jk->ik", (2, 3), (2, 3)),
    "matmul.MatmulError": lambda: matmul.result_shape((2, 3), (2, 3)),
    "pitfalls.DeviceError": lambda: pitfalls.check_same_device(
        torch.ones(2, device="cpu"), torch.ones(2, device="meta")
    ),
    "pitfalls.DtypeError": lambda: pitfalls.check_same_dtype(np.ones(2), np.ones(2, np.float32)),
    "pitfalls.InPlaceError": lambda: pitfalls.check_in_place(torch.ones(2, requires_grad=True)),
    "pitfalls.ShapeError": lambda: pitfalls.check_shape(np.ones(2), "3"),
    "reductions.ReductionError": lambda: reductions.result_shape((2, 3), 2),
    "pitfalls.ViewError": lambda: pitfalls.check_view(torch.ones(2, 3).mT, (6,)),
}
WITHOUT = {
    "errors.UnknownEntryError",
    "interop.UnknownNameError",
    "layout.OperationsTextError",
    "pitfalls.DeviceError",
    "pitfalls.InPlaceError",
    "pitfalls.ShapeError",
}
"""Errors that have no more to say than their words."""

FIELDS = {
    "conflicts": ("tuple[int, ...]", "tuple[str, ...]", "tuple[tuple[int, int], ...]"),
    "fixes": ("tuple[Fix, ...]",),
    "messages": ("Messages | None",),
    "reasons": ("tuple[str, ...]",),
    "steps": ("tuple[str, ...]",),
    "warning": ("str | None",),
}
"""What each field of an explanation is, in all modules."""


def test_every_error_is_tried():
    assert {*RAISED} == {name for name, kind in PUBLIC.items() if issubclass(kind, BaseException)}


@pytest.mark.parametrize("name", RAISED)
def test_an_error_is_ours_is_python_s_and_survives_a_process(name):
    with pytest.raises(PUBLIC[name]) as raised:
        RAISED[name]()
    error = raised.value
    assert type(error) is PUBLIC[name]
    assert isinstance(error, tensorref.TensorrefError)
    assert isinstance(error, (ValueError, TypeError, IndexError))
    assert (error.explanation is None) == (name in WITHOUT)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301  we have just made it
        assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


def test_a_missing_library_is_an_error_of_ours_and_of_python():
    assert issubclass(MissingLibraryError, tensorref.TensorrefError)
    assert issubclass(MissingLibraryError, ModuleNotFoundError)


def test_a_field_means_one_thing_in_all_explanations():
    found = set()
    for name, kind in PUBLIC.items():
        if issubclass(kind, Diagram):
            for field in dataclasses.fields(kind):
                assert field.type in FIELDS.get(field.name, (field.type,)), (name, field.name)
                assert field.name not in {"fix", "message", "problems", "suggestions"}, (name, field.name)
                found.add(field.name)
    assert {*FIELDS} <= found


def test_what_is_exported_at_the_top_is_there():
    assert {
        name: getattr(tensorref, name).__name__ for name in tensorref.__all__ if name not in tensorref.CONCEPTS
    } == {name: name for name in ("watch", "Seen", "Finding", "Fix", "Messages", "TensorrefError")}
