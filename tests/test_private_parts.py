"""The private parts of PyTorch that the package stands on: each is there, nothing else is used, and none is missed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import torch

import tensorref
from tensorref import _private_parts, pitfalls

PACKAGE = Path(tensorref.__file__).parent
BASE, SAVED, MODE, VERSION = _private_parts.PARTS


@pytest.fixture
def gone(monkeypatch):
    """Return a function that makes a part vanish."""

    def refuse(_):
        raise AttributeError

    def gone(part):
        if part in (BASE, VERSION):
            monkeypatch.setattr(torch.Tensor, part.rpartition(".")[2], property(refuse), raising=False)
        elif part == MODE:
            monkeypatch.delattr(part)
        else:
            monkeypatch.setattr(_private_parts, "_SAVED", "_saved_somewhere_else_")
            _private_parts._slots.cache_clear()  # noqa: SLF001

    yield gone
    _private_parts._slots.cache_clear()  # noqa: SLF001


def test_tensor_base():
    x = torch.zeros(2, 3)
    assert x[0]._base is x  # noqa: SLF001
    assert _private_parts.base(x[0]) is x
    assert _private_parts.base(x) is x


def test_tensor_version():
    x = torch.zeros(2, 3)
    x[0].add_(1)
    assert x._version == _private_parts.version(x) == 1  # noqa: SLF001
    with torch.inference_mode():
        assert _private_parts.version(torch.zeros(1)) is None


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_node_raw_saved(mode):
    x = torch.ones(3, requires_grad=True)
    y, unsaved = x.exp(), (x + 1).grad_fn
    assert y.grad_fn._raw_saved_result.data.data_ptr() == y.data_ptr()  # noqa: SLF001
    _private_parts._known.cache_clear()  # noqa: SLF001
    with mode():
        (saved,) = _private_parts.saved(y.grad_fn)
        assert saved.data_ptr() == y.data_ptr()
        assert list(_private_parts.saved(unsaved)) == []


def test_torch_dispatch_mode():
    ran = []

    def look(func, args, kwargs):
        ran.append(func.name())
        return func(*args, **kwargs)

    with _private_parts.dispatch_mode(look):
        result = torch.ones(2, requires_grad=True) * 2
    assert ran == ["aten::ones", "aten::mul.Tensor"]
    assert result.requires_grad


def test_saved_values_that_were_changed():
    x = torch.ones(3, requires_grad=True)
    y, unsaved = x.exp(), x + 1
    assert list(_private_parts.changed(y.grad_fn)) == []
    y.add_(1)
    unsaved.add_(1)
    (changed,) = _private_parts.changed(y.grad_fn.next_functions[0][0])
    assert changed.data_ptr() == y.data_ptr()
    assert list(_private_parts.changed(unsaved.grad_fn.next_functions[0][0])) == []


def test_without_dispatch_mode_a_watch_sees_nothing_and_says_so(gone):
    gone(MODE)
    words = (
        "this PyTorch has no torch.utils._python_dispatch.TorchDispatchMode, so it is not known which operations run"
    )
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(words)}$"), tensorref.watch() as seen:
        torch.zeros(3, 1) * torch.zeros(3)
    assert seen.findings == ()


def test_without_tensor_base_a_view_of_a_leaf_is_not_known(gone):
    leaf = torch.zeros(3, requires_grad=True)
    gone(BASE)
    words = "this PyTorch has no torch.Tensor._base, so it is not known which tensor a view is of"
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(words)}$"):
        pitfalls.check_in_place(leaf[:2])
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(pitfalls.InPlaceError, match="tensor is a leaf that requires grad"),
    ):
        pitfalls.check_in_place(leaf)


def test_without_node_raw_saved_what_was_saved_is_not_known(gone):
    y = torch.zeros(3, requires_grad=True).exp()
    gone(SAVED)
    words = (
        "this PyTorch has no torch.autograd.graph.Node._raw_saved_*, "
        "so it is not known what an operation that was recorded before saved for backward"
    )
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(words)}$"):
        pitfalls.check_in_place(y)
    with pytest.raises(pitfalls.InPlaceError, match="tensor is a leaf"):
        pitfalls.check_in_place(torch.zeros(3, requires_grad=True))


def test_without_tensor_version_what_backward_found_changed_is_not_known(gone):
    gone(VERSION)
    words = "this PyTorch has no torch.Tensor._version, so it is not known how often a tensor was written in place"
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(words)}$"):
        assert _private_parts.version(torch.zeros(1)) is None


def private_names(source):
    """Return the private attributes and modules of others that Python code reads."""
    own, documented = {"self", "cls", "tensorref"}, {"_replace", "_repr_html_"}
    found = []
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Attribute)
            and re.match("_[a-z]", node.attr, re.IGNORECASE)
            and node.attr not in documented
        ):
            found += [node.attr] if not (isinstance(node.value, ast.Name) and node.value.id in own) else []
        elif isinstance(node, (ast.ImportFrom, ast.Import)):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            private = [part for name in names for part in name.split(".") if re.match("_[a-z]", part, re.IGNORECASE)]
            found += private if "tensorref" not in names[0].split(".") else []
    return found


def test_no_other_module_reads_private_parts_of_others():
    ours = {path.stem for path in PACKAGE.rglob("_*")}
    for path in PACKAGE.rglob("*.py"):
        if path.name != "_private_parts.py":
            assert [name for name in private_names(path.read_text("utf-8")) if name not in ours] == [], path


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("tensor._base", ["_base"]),
        ("torch._C.x", ["_C"]),
        ("import torch._inductor", ["_inductor"]),
        ("from torch._C import y", ["_C"]),
        ("from numpy import _core", ["_core"]),
        ("self._own; __name__; x.__class__; from tensorref._words import y", []),
    ],
)
def test_the_search_for_private_parts_finds_them(source, found):
    assert private_names(source) == found
