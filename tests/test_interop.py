"""What is shared is shown by writing to one and reading the other; what is copied or refused, by the libraries' own."""

from __future__ import annotations

import ctypes
import inspect
import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import Fix, anatomy, interop

NUMPY_DTYPES = sorted({np.dtype(code).name for code in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"})
TORCH_DTYPES = sorted(
    {dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype) and "q" not in str(dtype)}, key=str
)


def read_only(array):
    array.flags.writeable = False
    return array


ARRAYS = {
    "row-major": lambda: np.zeros((2, 3)),
    "column-major": lambda: np.zeros((2, 3), order="F"),
    "scalar": lambda: np.array(5.0),
    "empty": lambda: np.zeros((0, 3)),
    "slice": lambda: np.zeros((4, 6))[::2, 1:4],
    "transposed": lambda: np.zeros((2, 3)).T,
    "reversed": lambda: np.arange(3.0)[::-1],
    "reversed, one element": lambda: np.zeros((1, 3))[::-1],
    "broadcast": lambda: np.broadcast_to(np.zeros(3), (2, 3)),
    "read-only": lambda: read_only(np.zeros(3)),
    "big-endian": lambda: np.zeros(3, ">f8"),
    "field that tears elements": lambda: np.zeros(3, [("a", "i1"), ("b", "f4")])["b"],
    "field between elements": lambda: np.zeros(3, [("a", "i8"), ("b", "f8")])["b"],
    "ulonglong": lambda: np.zeros(3, np.ulonglong),
    "longlong": lambda: np.zeros(3, np.longlong),
}
TENSORS = {
    "row-major": lambda: torch.zeros(2, 3, device="cpu"),
    "scalar": lambda: torch.tensor(5.0, device="cpu"),
    "empty": lambda: torch.zeros(0, 3, device="cpu"),
    "slice": lambda: torch.zeros(4, 6, device="cpu")[::2, 1:4],
    "transposed": lambda: torch.zeros(2, 3, device="cpu").mT,
    "expanded": lambda: torch.zeros(3, device="cpu").expand(2, 3),
    "conjugate": lambda: torch.ones(3, dtype=torch.complex64, device="cpu").conj(),
    "negative": lambda: torch.ones(3, dtype=torch.complex64, device="cpu").conj().imag,
    "detached": lambda: torch.ones(3, requires_grad=True, device="cpu").detach(),
    "requires grad": lambda: torch.ones(3, requires_grad=True, device="cpu"),
    "computed from what requires grad": lambda: torch.ones(3, requires_grad=True, device="cpu") * 2,
    "meta": lambda: torch.ones(3, device="meta"),
    "sparse": lambda: torch.eye(3, device="cpu").to_sparse(),
    "sparse, requires grad": lambda: torch.eye(3, device="cpu").to_sparse().requires_grad_(),
    "bfloat16": lambda: torch.ones(3, dtype=torch.bfloat16, device="cpu"),
    "bfloat16, requires grad": lambda: torch.ones(3, dtype=torch.bfloat16, device="cpu", requires_grad=True),
}


def bytes_of(x):
    """Return the memory of an array or a CPU tensor as bytes that can be written to, even where it is read-only."""
    if isinstance(x, torch.Tensor):
        address, size = x.untyped_storage().data_ptr(), x.untyped_storage().nbytes()
    else:
        start, end = np.lib.array_utils.byte_bounds(x)
        address, size = start, (end - start) * (x.size > 0)
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), np.uint8) if size else np.empty(0, np.uint8)


def written_through(source, target):
    """Tell whether changing the memory of `source` changes what is read from `target`."""
    before = target.tolist()
    memory = bytes_of(source)
    memory ^= 1
    try:
        return target.tolist() != before
    finally:
        memory ^= 1


def by(call):
    """Return whether a library converts by itself, with its warnings as errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call()
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


@pytest.fixture
def every_warning():
    """Let PyTorch repeat the warnings that it gives once a process."""
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(always)


@pytest.mark.claim("shared-memory")
def test_from_numpy_and_numpy_share_what_tensor_copies():
    array = np.array([1.0, 2.0, 3.0])
    tensor = torch.from_numpy(array)
    back = tensor.numpy()
    copy = torch.tensor(array)
    array[0], tensor[1], back[2] = 10, 20, 30
    assert array.tolist() == tensor.tolist() == back.tolist() == [10, 20, 30]
    assert copy.tolist() == [1, 2, 3]
    assert interop.shares_memory(array, tensor)
    assert interop.shares_memory(tensor, back)
    assert not interop.shares_memory(array, copy)


@pytest.mark.claim("shared-memory")
def test_tensor_numpy_needs_the_cpu_and_no_grad():
    for name in ("requires grad", "meta", "sparse", "conjugate", "negative", "bfloat16"):
        with pytest.raises((RuntimeError, TypeError)):
            TENSORS[name]().numpy()


@pytest.mark.claim("shared-memory")
@pytest.mark.usefixtures("every_warning")
def test_a_read_only_array_warns_in_from_numpy_and_is_copied_here():
    array = read_only(np.zeros(3))
    with pytest.warns(UserWarning, match="not writable"):
        shared = torch.from_numpy(array)
    shared[0] = 1
    assert array[0] == 1  # what was read-only has changed
    tensor = interop.to_torch(array)
    tensor[1] = 1
    assert array[1] == 0


@pytest.mark.parametrize("make", ARRAYS.values(), ids=ARRAYS)
def test_an_array_is_shared_where_explained_so_and_copied_elsewhere(make):
    array = make()
    outcome = interop.explain(array).outcome
    tensor = interop.to_torch(array)
    assert tensor.tolist() == array.tolist()
    assert tuple(tensor.shape) == array.shape
    assert tensor.device.type == "cpu"
    assert str(tensor.dtype) == f"torch.{array.dtype.newbyteorder('=').name.replace('longlong', 'int64')}"
    shares = array.size > 0 and outcome == "shared"
    assert written_through(array, tensor) == written_through(tensor, array) == shares
    assert interop.shares_memory(array, tensor) == interop.shares_memory(tensor, array) == shares
    if outcome == "shared":
        assert tensor.stride() == tuple(stride // array.itemsize for stride in array.strides)
        assert interop.to_torch(array, copy=False).data_ptr() == array.ctypes.data or array.size == 0
        if array.dtype != np.ulonglong or array.dtype.char == "L":
            assert by(lambda: torch.from_numpy(array))
    else:
        if array.flags.writeable:
            assert not by(lambda: torch.from_numpy(array))
        assert tensor.is_contiguous()
        with pytest.raises(interop.ConversionError, match="copy is False"):
            interop.to_torch(array, copy=False)


@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
def test_a_tensor_is_shared_where_numpy_shares_it(make):
    tensor = make()
    explanation = interop.explain(tensor)
    assert (explanation.outcome == "shared") == by(tensor.numpy)
    if explanation.outcome == "refused":
        for copy in (None, True, False):
            with pytest.raises(interop.ConversionError) as raised:
                interop.to_numpy(tensor, copy=copy)
            assert raised.value.explanation == explanation
        return
    array = interop.to_numpy(tensor)
    assert array.tolist() == tensor.tolist()
    assert array.shape == tuple(tensor.shape)
    assert tensor.dtype == getattr(torch, array.dtype.name)
    shares = tensor.numel() > 0 and explanation.outcome == "shared"
    assert array.flags.writeable
    assert written_through(tensor, array) == shares
    assert interop.shares_memory(array, tensor) == shares
    if explanation.outcome == "copied":
        with pytest.raises(interop.ConversionError, match="copy is False"):
            interop.to_numpy(tensor, copy=False)


@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
def test_the_fix_of_a_refused_tensor_works(make):
    tensor = make()
    explanation = interop.explain(tensor)
    assert bool(explanation.fixes) == (explanation.outcome == "refused")
    for fix in explanation.fixes:
        fixed = eval(fix.code, {"tensor": tensor, "torch": torch})  # noqa: S307  the code is ours
        array = interop.to_numpy(fixed)
        assert array.shape == tuple(tensor.shape)
        if tensor.device.type == "cpu":
            assert array.tolist() == tensor.detach().to_dense().tolist()


REFUSED = {
    "longdouble": (np.ones(3, np.longdouble), "array.astype(np.float64)"),
    "clongdouble": (np.ones(3, np.clongdouble), "array.astype(np.complex128)"),
    "object": (np.array([1, 2], object), "array.astype(np.float64)"),
    "text": (np.array(["to", "be", "to"]), "np.unique(array, return_inverse=True)[1]"),
    "bytes": (np.array([b"to", b"be"]), "np.unique(array, return_inverse=True)[1]"),
    "text of any length": (np.array(["to", "be"], np.dtypes.StringDType()), "np.unique(array, return_inverse=True)[1]"),
    "date": (np.array(["2026-01-01"], "M8[D]"), "array.astype(np.int64)"),
    "duration": (np.array([3], "m8[s]"), "array.astype(np.int64)"),
    "record": (np.zeros(2, [("token", "i4"), ("score", "f4")]), "array['token']"),
    "void": (np.zeros(2, "V4"), "array.view(np.uint8)"),
    "ragged rows": (np.array([[1, 2], [3]], object), "np.concatenate(array)"),
    "rows as objects": (np.array([np.arange(2), np.arange(2), None], object)[:2], "np.stack(array)"),
    "complex object": (np.array([1j, 2], object), "array.astype(np.complex128)"),
    "text as objects": (np.array(["to", "be"], object), "np.unique(array, return_inverse=True)[1]"),
    "record of text first": (np.zeros(2, [("word", "U3"), ("score", ">f4")]), "array['score']"),
    "record of a record": (np.zeros(2, [("at", [("word", "U3"), ("x", "i4")])]), "array['at']['x']"),
    "record of text alone": (np.zeros(2, [("word", "U3")]), "array.view(np.uint8)"),
    "columns of void": (np.zeros((2, 4), "V4")[:, ::2], "np.ascontiguousarray(array).view(np.uint8)"),
    "one void": (np.zeros((), "V4"), "np.ascontiguousarray(array).view(np.uint8)"),
    "records without fields": (np.empty(3, dtype=[]), "array.view(np.uint8)"),
    "masked ragged": (
        np.ma.array(np.array([[1, 2], [3]], object), mask=[False, False]),
        "np.concatenate(array.filled(0))",
    ),
    "masked": (np.ma.array([1.0, 2.0], mask=[True, False]), "array.filled(0)"),
    "masked object": (np.ma.array([1, 2], object, mask=[True, False]), "array.filled(0).astype(np.float64)"),
}


@pytest.mark.parametrize(("array", "fix"), REFUSED.values(), ids=REFUSED)
def test_a_refused_array_and_its_fix(array, fix):
    explanation = interop.explain(array)
    assert (explanation.outcome, explanation.target_dtype, explanation.fixes) == ("refused", None, (Fix(fix),))
    if not isinstance(array, np.ma.MaskedArray):
        with pytest.raises(TypeError):
            torch.from_numpy(array)
    with pytest.raises(interop.ConversionError):
        interop.to_torch(array)
    fixed = eval(fix, {"array": array, "np": np})  # noqa: S307  the code is ours
    assert interop.to_torch(fixed).tolist() == fixed.tolist()


NO_FIX = {
    "objects of any kind": np.array([object(), {}], object),
    "nothing as objects": np.array([None, [1]], object),
}


@pytest.mark.parametrize("array", NO_FIX.values(), ids=NO_FIX)
def test_what_nothing_makes_numbers_of_is_refused_without_code(array):
    explanation = interop.explain(array)
    assert (explanation.outcome, explanation.fixes) == ("refused", ())
    assert explanation.notes()[-1] == "Make an array of numbers of it first."
    with pytest.raises(interop.ConversionError, match=r"Make an array of numbers of it first\.$"):
        interop.to_torch(array)


def test_from_numpy_loses_a_mask_without_a_word():
    assert torch.from_numpy(REFUSED["masked"][0]).tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_the_dtypes_of_both_are_those_that_the_libraries_convert():
    assert len(NUMPY_DTYPES) >= 16
    for name in NUMPY_DTYPES:
        array = np.zeros(3, name)
        shares = interop.explain(array).outcome == "shared"
        assert shares == (name in interop.DTYPES) or name.endswith("longlong")
        assert shares == by(lambda array=array: torch.from_numpy(array)) or name.endswith("longlong")
    converted = set()
    for dtype in TORCH_DTYPES:
        tensor = torch.empty(4, dtype=dtype, device="cpu")
        if by(tensor.numpy):
            converted.add(str(tensor.numpy().dtype))
            assert interop.to_numpy(tensor).dtype.name == str(dtype).removeprefix("torch.")
        else:
            explanation = interop.explain(tensor)
            assert explanation.outcome == "refused"
            fixed = eval(explanation.fixes[0].code, {"tensor": tensor, "torch": torch})  # noqa: S307  the code is ours
            interop.to_numpy(fixed)
    assert converted == set(interop.DTYPES)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_quantized_and_nested_tensors_are_refused_with_a_fix_that_works():
    quantized = torch.quantize_per_tensor(torch.ones(3, device="cpu"), 0.5, 0, torch.quint8)
    assert interop.explain(quantized).fixes == (Fix("tensor.dequantize()"),)
    assert interop.to_numpy(quantized.dequantize()).tolist() == [1, 1, 1]
    rows = [torch.ones(2, device="cpu"), torch.ones(3, device="cpu")]
    for layout in (torch.jagged, torch.strided):
        nested = torch.nested.nested_tensor(rows, layout=layout)
        explanation = inspect.unwrap(interop.explain)(nested)
        assert explanation.outcome == "refused"
        assert explanation.fixes == (Fix("tensor.to_padded_tensor(0.0)"),)
        assert interop.to_numpy(nested.to_padded_tensor(0.0)).tolist() == [[1, 1, 0], [1, 1, 1]]


def test_every_bfloat16_and_float8_survives_the_fix():
    for dtype, bits in (
        (torch.bfloat16, torch.int16),
        (torch.float8_e4m3fn, torch.int8),
        (torch.float8_e5m2, torch.int8),
    ):
        patterns = torch.arange(2 ** (8 * dtype.itemsize), device="cpu").to(bits)
        tensor = patterns.view(dtype)
        array = interop.to_numpy(tensor.float())
        again = torch.from_numpy(array).to(dtype)
        assert bool(((again == tensor) | tensor.isnan()).all())


def test_a_copy_is_new_memory_and_sharing_is_not():
    array = np.arange(6.0).reshape(2, 3)
    for copy, shared in ((None, True), (False, True), (True, False)):
        tensor = interop.to_torch(array, copy=copy)
        assert interop.shares_memory(array, tensor) == shared == written_through(array, tensor)
        back = interop.to_numpy(tensor, copy=copy)
        assert interop.shares_memory(back, tensor) == shared == written_through(tensor, back)
        assert back.tolist() == array.tolist()


def test_a_file_of_tokens_is_shared_when_it_is_mapped_copy_on_write(tmp_path):
    path = tmp_path / "tokens.bin"
    np.arange(8, dtype=np.uint16).tofile(path)
    assert interop.explain(np.memmap(path, np.uint16, mode="r")).outcome == "copied"
    mapped = np.memmap(path, np.uint16, mode="c")
    tensor = interop.to_torch(mapped, copy=False)
    assert interop.shares_memory(mapped, tensor)
    assert tensor.tolist() == list(range(8))


slices = st.builds(slice, st.integers(0, 6), st.integers(0, 6), st.integers(1, 4))


@given(st.tuples(slices, slices), st.tuples(slices, slices), st.sampled_from([torch.float32, torch.bfloat16]))
def test_sharing_is_what_writing_shows_for_any_two_slices(first, second, dtype):
    whole = torch.zeros(6, 6, dtype=dtype, device="cpu")
    a, b = whole[first], whole[second].mT
    whole.zero_()
    a.fill_(1)
    seen = bool((b == 1).any())
    assert interop.shares_memory(a, b) == interop.shares_memory(b, a) == seen
    if dtype == torch.float32:
        assert interop.shares_memory(a.numpy(), b) == interop.shares_memory(a, b.numpy()) == seen
        assert np.shares_memory(a.numpy(), b.numpy()) == seen


def test_sharing_looks_at_no_more_than_addresses():
    leaf = torch.ones(3, requires_grad=True)
    assert interop.shares_memory(leaf, leaf.detach())
    assert not interop.shares_memory(leaf, leaf.clone())
    meta = torch.ones(3, device="meta")
    assert not interop.shares_memory(meta, meta)
    assert not interop.shares_memory(torch.ones(3, device="cpu"), meta)
    bits = leaf.detach().view(torch.uint8)
    assert interop.shares_memory(bits[-1:], leaf[2:])
    assert not interop.shares_memory(bits[:-4], leaf[2:])


def test_sharing_is_not_asked_of_a_sparse_tensor():
    with pytest.raises(TypeError) as raised:
        interop.shares_memory(torch.ones(3), torch.eye(3).to_sparse())
    assert str(raised.value) == "b is a tensor of several pieces of memory; compare those, such as b.values()"


WORDS = {
    "bfloat16": (
        lambda: interop.to_numpy(TENSORS["bfloat16, requires grad"]()),
        (
            "tensor of dtype bfloat16 does not convert to NumPy: it requires grad, which NumPy would lose; NumPy has no "
            "bfloat16. Write tensor.detach().float()."
        ),
    ),
    "meta": (
        lambda: interop.to_numpy(TENSORS["meta"]()),
        (
            "tensor of dtype float32 does not convert to NumPy: a tensor on the meta device has no values. Write "
            'torch.empty_like(tensor, device="cpu").'
        ),
    ),
    "sparse": (
        lambda: interop.to_numpy(TENSORS["sparse"]()),
        (
            "tensor of dtype float32 does not convert to NumPy: its layout is torch.sparse_coo, which NumPy does not support. Write "
            "tensor.to_dense()."
        ),
    ),
    "conjugate": (
        lambda: interop.to_numpy(TENSORS["conjugate"](), copy=False),
        (
            "copy is False, and tensor of dtype complex64 cannot share memory with NumPy: its conjugate is still to be "
            "taken. Write copy=None."
        ),
    ),
    "masked": (
        lambda: interop.to_torch(REFUSED["masked"][0]),
        (
            "array of dtype float64 does not convert to PyTorch: a tensor has no mask, and the masked values would come "
            "back. Write array.filled(0)."
        ),
    ),
    "text": (
        lambda: interop.to_torch(REFUSED["text"][0]),
        (
            "array of dtype <U2 does not convert to PyTorch: PyTorch has no str64. Write "
            "np.unique(array, return_inverse=True)[1]."
        ),
    ),
    "read-only": (
        lambda: interop.to_torch(ARRAYS["broadcast"](), copy=False),
        (
            "copy is False, and array of dtype float64 cannot share memory with PyTorch: it is read-only, and every tensor "
            "can be written to. Write copy=None."
        ),
    ),
    "torn": (
        lambda: interop.to_torch(ARRAYS["field that tears elements"](), copy=False),
        (
            "copy is False, and array of dtype float32 cannot share memory with PyTorch: a stride is no multiple of the "
            "element's size. Write copy=None."
        ),
    ),
}


@pytest.mark.parametrize(("call", "words"), WORDS.values(), ids=WORDS)
def test_an_error_says_what_is_in_the_way_and_what_to_write(call, words):
    with pytest.raises(interop.ConversionError) as raised:
        call()
    assert str(raised.value) == words
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize(
    ("function", "wrong", "words"),
    [
        (
            interop.to_torch,
            [1.0],
            "array is of type list, not a NumPy array; to_numpy converts a tensor, np.asarray makes an array of a list",
        ),
        (
            interop.to_torch,
            torch.ones(1),
            "array is of type Tensor, not a NumPy array; to_numpy converts a tensor, np.asarray makes an array of a list",
        ),
        (
            interop.to_numpy,
            np.float64(1),
            "tensor is of type float64, not a tensor; to_torch converts an array, torch.tensor makes a tensor of a list",
        ),
        (
            interop.explain,
            (1, 2),
            "x is of type tuple, not an array or a tensor; np.asarray and torch.tensor make one of a list",
        ),
    ],
    ids=["list", "tensor", "NumPy scalar", "tuple"],
)
def test_what_is_neither_is_refused(function, wrong, words):
    # Without the import hook's check of the annotations, as a user calls it.
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(function)(wrong)
    assert str(raised.value) == words
    with pytest.raises(TypeError, match="b is of type int"):
        inspect.unwrap(interop.shares_memory)(np.ones(3), 1)


def test_an_explanation_is_data():
    for make in [*ARRAYS.values(), *TENSORS.values()]:
        explanation = interop.explain(make())
        assert json.loads(json.dumps(explanation.to_dict())) == explanation.to_dict()
        for line in (*explanation.table()[-1], *explanation.notes()):
            assert line in str(explanation)
        assert (explanation.outcome == "shared") == (explanation.reasons == ())


# The equivalents; tests/test_dictionary.py runs every row


def test_the_rows_of_the_course_are_among_the_equivalents():
    rows = {row.slug: (row.numpy.code, row.torch.code) for row in interop.EQUIVALENTS}
    course = {"array", "shape", "dtype", "matmul", "exp", "reshape", "transpose-2d"}
    assert course <= rows.keys()
    assert rows["transpose-2d"] == ("a.T", "a.T")


@pytest.mark.claim("transpose")
@pytest.mark.usefixtures("every_warning")
def test_of_more_than_two_axes_transposing_differs():
    assert np.ones((2, 3, 4)).T.shape == (4, 3, 2)
    with pytest.warns(UserWarning, match="deprecated"):
        torch.ones(2, 3, 4, device="cpu").T  # noqa: B018
    (row,) = (row for row in interop.EQUIVALENTS if row.slug == "transpose-2d")
    assert row.differences[0].torch_gives == "torch.Size([4, 3, 2]) and a UserWarning"


def test_exp_is_close_on_ordinary_values():
    x = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(torch.exp(torch.from_numpy(x)).numpy(), np.exp(x), rtol=1e-14)


def test_integers_widen_by_their_width_in_numpy():
    for name, widened in (("int8", "float16"), ("int16", "float32"), ("int32", "float64"), ("int64", "float64")):
        assert np.exp(np.zeros(1, name)).dtype == widened
        assert torch.exp(torch.zeros(1, dtype=getattr(torch, name))).dtype == torch.get_default_dtype()


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 3)),
        np.zeros((2, 3)).T[::-1],
        np.broadcast_to(np.zeros(3), (2, 3)),
        np.zeros(4, [("a", "i1"), ("b", "i4")])["b"],
        torch.zeros(2, 3, device="cpu").mT,
        torch.zeros(3, device="cpu").to_sparse(),
    ],
    ids=["rows", "reversed", "repeated", "fields", "columns", "sparse"],
)
def test_an_explanation_has_the_shape_and_the_strides(x):
    explanation, described = interop.explain(x), anatomy.describe(x)
    assert (explanation.shape, explanation.strides) == (described.shape, described.strides)
