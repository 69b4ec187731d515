"""What an array is, held against what NumPy and PyTorch say of it."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import anatomy

SCALAR_TYPES = [
    np.bool,
    *(getattr(np, f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(np.float16, np.float32, np.float64, np.complex64, np.complex128),
]
TORCH_DTYPES = sorted({value for value in vars(torch).values() if isinstance(value, torch.dtype)}, key=str)
# Apart from those of raw bits, of quantized tensors, and of integers narrower than a byte, which do not compute.
SHELLS = re.compile("bits|q|float4|u?int[1-7]$")
KNOWN = sorted(
    {name for dtype in TORCH_DTYPES if not SHELLS.match(name := str(dtype).removeprefix("torch."))}
    | {np.dtype(scalar).name for scalar in SCALAR_TYPES}
)

shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def test_kinds():
    assert [anatomy.kind(ndim) for ndim in range(5)] == ["scalar", "vector", "matrix", "3D tensor", "4D tensor"]
    assert anatomy.kind(np.int64(64)) == "64D tensor"


@pytest.mark.parametrize(
    ("ndim", "error", "words"),
    [
        (-1, ValueError, "ndim is -1; a number of axes is 0 or more: pass array.ndim or len(shape)"),
        (
            (2, 3),
            TypeError,
            "ndim is (2, 3), of type tuple; a number of axes is an int: pass array.ndim or len(shape)",
        ),
        (2.0, TypeError, "ndim is 2.0, of type float; a number of axes is an int: pass array.ndim or len(shape)"),
    ],
    ids=["negative", "a shape", "a fraction"],
)
def test_what_is_no_number_of_axes_is_refused(ndim, error, words):
    with pytest.raises(error) as raised:
        inspect.unwrap(anatomy.kind)(ndim)
    assert str(raised.value) == words


@pytest.mark.parametrize("name", KNOWN)
def test_bytes_by_name_are_those_of_the_libraries(name):
    theirs = [getattr(library, name) for library in (np, torch) if hasattr(library, name)]
    assert theirs
    for dtype in theirs:
        assert anatomy.itemsize(name) == (np.dtype(dtype) if isinstance(dtype, type) else dtype).itemsize
        assert anatomy.dtype_name(dtype) == name


@pytest.mark.parametrize("dtype", TORCH_DTYPES, ids=str)
def test_every_dtype_of_pytorch(dtype):
    assert anatomy.itemsize(dtype) == dtype.itemsize
    assert anatomy.dtype_name(dtype) == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("scalar", SCALAR_TYPES)
def test_every_number_of_numpy_as_a_scalar_type_and_as_a_dtype_in_either_byte_order(scalar):
    for dtype in (scalar, np.dtype(scalar), np.dtype(scalar).newbyteorder()):
        assert anatomy.itemsize(dtype) == np.zeros((), dtype).itemsize
        assert anatomy.dtype_name(dtype) == np.dtype(scalar).name


@pytest.mark.parametrize("code", ["g", "U3", "S5", "O", "M8[ns]", "i4,f8"])
def test_dtypes_of_numpy_that_are_no_plain_numbers(code):
    dtype = np.dtype(code)
    assert anatomy.itemsize(dtype) == dtype.itemsize
    assert anatomy.dtype_name(dtype) == dtype.name
    assert anatomy.describe(np.zeros(3, dtype)).nbytes == np.zeros(3, dtype).nbytes


@pytest.mark.parametrize("python", [bool, int, float, complex])
def test_types_of_python_are_what_both_libraries_take_them_for(python):
    assert anatomy.dtype_name(python) == np.dtype(python).name
    assert f"torch.{anatomy.dtype_name(python)}" == str(torch.zeros(1, dtype=python, device="cpu").dtype)
    assert anatomy.itemsize(python) == np.dtype(python).itemsize


@pytest.mark.parametrize(
    ("name", "numpy", "pytorch"),
    [("int", "int64", torch.int), ("float", "float64", torch.float), ("complex", "complex128", torch.cfloat)],
)
def test_a_name_that_the_libraries_read_differently_is_refused(name, numpy, pytorch):
    words = np.dtype(name).name, str(pytorch).removeprefix("torch.")
    assert words[0] == numpy != words[1]
    with pytest.raises(ValueError) as raised:
        anatomy.itemsize(name)
    assert str(raised.value) == (
        f"dtype is {name!r}, which is {words[0]} to NumPy and torch.{words[1]} to PyTorch; "
        f"write {words[0]!r} or {words[1]!r}"
    )


@pytest.mark.parametrize(
    ("dtype", "error", "words"),
    [
        ("bf16", ValueError, "dtype must be a dtype, got 'bf16'; did you mean 'bfloat16'?"),
        ("torch.float23", ValueError, "dtype must be a dtype, got 'float23'; did you mean 'float32'?"),
        (
            "?",
            ValueError,
            "dtype must be a dtype, got '?'; write one such as 'float32', 'bfloat16', 'int64' or 'bool'",
        ),
        (
            np.zeros(3),
            TypeError,
            "dtype is of type ndarray; a dtype is a name or a dtype of NumPy or PyTorch: pass its dtype: array.dtype",
        ),
        (
            torch.zeros(3),
            TypeError,
            "dtype is of type Tensor; a dtype is a name or a dtype of NumPy or PyTorch: pass its dtype: array.dtype",
        ),
        (
            np.float32(1),
            TypeError,
            "dtype is of type float32; a dtype is a name or a dtype of NumPy or PyTorch: pass its dtype: array.dtype",
        ),
        (
            32,
            TypeError,
            "dtype is of type int; a dtype is a name or a dtype of NumPy or PyTorch: write its name, such as 'float32'",
        ),
        (
            None,
            TypeError,
            "dtype is of type NoneType; a dtype is a name or a dtype of NumPy or PyTorch: write its name, such as 'float32'",
        ),
    ],
    ids=["bf16", "float23", "?", "array", "tensor", "number", "bits", "None"],
)
def test_what_is_no_dtype_is_refused_with_the_fix(dtype, error, words):
    for function in (anatomy.dtype_name, anatomy.itemsize, lambda dtype: anatomy.nbytes(3, dtype)):
        with pytest.raises(error) as raised:
            function(dtype)
        assert str(raised.value) == words


@given(shapes, st.sampled_from(SCALAR_TYPES))
def test_bytes_from_shape_and_dtype_are_those_of_the_array(shape, dtype):
    assert anatomy.nbytes(shape, dtype) == np.empty(shape, dtype).nbytes


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@given(shapes, st.sampled_from(KNOWN))
def test_bytes_from_shape_and_dtype_are_those_of_the_tensor(shape, name):
    assert anatomy.nbytes(shape, name) == torch.empty(shape, dtype=getattr(torch, name)).nbytes


def test_bytes_that_no_machine_has():
    assert anatomy.nbytes((10**12, 10**12), "float64") == 8 * 10**24
    with pytest.raises(ValueError, match=r"shape\[0\] is -1;"):
        anatomy.nbytes((-1, 3), "float32")


@pytest.mark.claim("tensor-is-an-array")
@given(shapes, st.sampled_from(SCALAR_TYPES), st.booleans())
def test_a_description_says_what_the_array_says(shape, dtype, transposed):
    array = np.zeros(shape, dtype)
    array = array.T if transposed else array
    description = anatomy.describe(array)
    for name in ("shape", "ndim", "size", "itemsize", "nbytes", "device"):
        assert getattr(description, name) == getattr(array, name)
    assert description.dtype == array.dtype.name
    assert tuple(stride * array.itemsize for stride in description.strides) == array.strides
    assert description.kind == anatomy.kind(len(shape))


@pytest.mark.claim("tensor-is-an-array")
@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")
@given(shapes, st.sampled_from(KNOWN), st.booleans())
def test_a_description_says_what_the_tensor_says(shape, name, transposed):
    tensor = torch.zeros(shape, dtype=getattr(torch, name))
    tensor = tensor.permute(tuple(reversed(range(len(shape))))) if transposed else tensor
    description = anatomy.describe(tensor)
    assert description.shape == tuple(tensor.shape)
    assert type(description.shape) is tuple
    assert (description.ndim, description.size) == (tensor.dim(), tensor.numel())
    assert (description.itemsize, description.nbytes) == (tensor.element_size(), tensor.nbytes)
    assert (description.dtype, description.device) == (name, str(tensor.device))
    assert description.strides == tensor.stride()


def test_strides_of_views():
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    assert anatomy.describe(array[::-1, ::2]).strides == (-12, 8, 1)
    assert anatomy.describe(torch.arange(24).reshape(2, 3, 4)[:, ::2]).strides == (12, 8, 1)
    pairs = np.zeros(3, dtype=[("a", "i1"), ("b", "f4")])
    assert pairs["b"].strides == (5,)
    description = anatomy.describe(pairs["b"])
    assert description.strides is None
    assert len(description.notes()) == 1
    sparse = anatomy.describe(torch.eye(3).to_sparse())
    assert (sparse.strides, sparse.nbytes) == (None, 36)


def test_a_repeated_element_is_told():
    assert "A stride of 0" in anatomy.describe(np.broadcast_to(np.zeros(3), (4, 3))).notes()[0]
    for plain in (np.zeros((4, 3)), np.broadcast_to(np.zeros(3), (1, 3)), np.broadcast_to(np.zeros((0, 1)), (0, 3))):
        assert anatomy.describe(plain).notes() == ()


def test_a_description_in_a_notebook_and_as_json():
    description = anatomy.describe(np.zeros((2, 3)))
    assert '<th scope="row">shape</th><td>(2, 3)</td>' in description._repr_html_()
    assert json.loads(json.dumps(description.to_dict()))["shape"] == [2, 3]
    with pytest.raises(AttributeError):
        description.shape = (3, 2)


@pytest.mark.parametrize(
    ("given", "name"), [([[1, 2]], "list"), (3.5, "float"), (np.ndarray, "type"), ((4, 3), "tuple")]
)
def test_what_is_no_array_is_refused(given, name):
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(anatomy.describe)(given)
    assert str(raised.value) == (
        f"array is of type {name}, not an array; make it one with np.array(array) or torch.tensor(array)"
    )


SIZES = {"batch": 2, "seq_len": 5, "embed_dim": 24, "vocab_size": 11, "num_heads": 6, "num_kv_heads": 3, "head_dim": 4}
SIZES |= {"num_tokens": 10, "hidden_dim": 96, "context_len": 16, "query_len": 7, "key_len": 9, "num_layers": 15}
SIZES |= {"out_features": 17, "in_features": 13, "num_experts": 8, "capacity": 14}


def model(ids):
    """Return the arrays of a model by the name of their role."""
    embedding, positions, linear = torch.nn.Embedding(11, 24), torch.nn.Embedding(16, 24), torch.nn.Linear(13, 17)
    x = embedding(ids) + positions(torch.arange(5))
    before = x.unflatten(-1, (6, 4))
    heads = before.transpose(1, 2)
    grouped = torch.nn.Linear(24, 12)(x).unflatten(-1, (3, 4)).transpose(1, 2)
    scores = heads @ grouped.repeat_interleave(2, dim=1).mT
    logits = (scores.softmax(-1) @ heads).transpose(1, 2).flatten(2) @ embedding.weight.T
    cache = torch.zeros(15, 2, 3, 9, 4)
    cached = torch.zeros(2, 6, 7, 4) @ cache[0].repeat_interleave(2, dim=1).mT
    causal = torch.ones(5, 5, dtype=torch.bool).tril()
    padding = torch.arange(9) < torch.tensor([[9], [7]])
    rows = (causal & padding[:, None, :5])[:, None]
    return {
        "token ids": ids,
        "token ids of a sequence": ids[0],
        "flattened targets": ids.flatten(),
        "embedding table": embedding.weight,
        "table of learned positions": positions.weight,
        "weight of a linear layer": linear.weight,
        "embeddings": x,
        "embeddings of a sequence": x[0],
        "embedding of a token": x[0, 0],
        "flattened embeddings": x.flatten(0, 1),
        "hidden features": torch.nn.Linear(24, 96)(x),
        "router logits": torch.nn.Linear(24, 8)(x.flatten(0, 1)),
        "expert buffers": torch.zeros(8, 14, 24),
        "weights of experts": torch.zeros(8, 17, 13),
        "heads before the transpose": before,
        "queries, keys or values": heads,
        "grouped keys or values": grouped,
        "cache of keys or values": cache[0],
        "cache of all layers": cache,
        "causal, window or prefix mask": causal,
        "mask with a cache": torch.ones(7, 9, dtype=torch.bool).tril(2),
        "padding mask": padding[:, :5],
        "padding mask of keys": padding[:, None, None],
        "mask of each row": rows,
        "additive mask of each row": torch.zeros(rows.shape).masked_fill(~rows, -torch.inf),
        "attention scores or weights": scores,
        "attention scores or weights, with a cache": cached,
        "attention scores or weights of one new token": cached[:, :, -1:],
        "logits": logits,
        "flattened logits": logits.flatten(0, 1),
        "logits of the next token": logits[0, -1],
        "logits of the next token, of a batch": logits[:, -1],
        "loss": torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten()),
    }


@pytest.mark.claim("dimension-roles")
def test_every_array_of_a_model_has_its_role():
    arrays = model(torch.arange(10).reshape(2, 5))
    assert {role.name for role in anatomy.ROLES} == {*arrays}
    for name, array in arrays.items():
        (role,) = anatomy.meaning(array.shape, dtype=array.dtype, **SIZES)
        assert role.name == name
        assert tuple((SIZES | {"1": 1})[axis] for axis in role.axes) == array.shape


def test_a_table_of_positions_is_not_token_ids():
    table = torch.nn.Embedding(16, 24).weight
    for sizes in ({"embed_dim": 24}, {"context_len": 16}, {"batch": 16}, {}):
        names = [role.name for role in anatomy.meaning(table.shape, dtype=table.dtype, **sizes)]
        assert "token ids" not in names
    assert "token ids" not in [role.name for role in anatomy.meaning((16, 24), embed_dim=24, vocab_size=11)]


@pytest.mark.parametrize(("dtype", "name"), [("int64", "token ids"), ("uint16", "token ids"), ("bool", "padding mask")])
def test_the_dtype_tells_ids_from_masks(dtype, name):
    assert [role.name for role in anatomy.meaning((2, 5), dtype=dtype, batch=2, seq_len=5)] == [name]


def test_the_page_has_every_role():
    page = (Path(__file__).parents[1] / "docs" / "reference" / "anatomy.md").read_text("utf-8")
    assert re.findall(r"^\| `(\(.*\))` \| (.*) \| (.*) \|$", page, re.MULTILINE) == [
        (str(role).removeprefix(f"{role.name} "), role.name, role.holds) for role in anatomy.ROLES
    ]


def test_the_shapes_of_a_decoder_are_those_of_one():
    steps = anatomy.shapes(batch=2, seq_len=5, vocab_size=11, embed_dim=24, num_heads=6, num_kv_heads=3).stages
    arrays = model(torch.arange(10).reshape(2, 5))
    assert [step.shape for step in steps] == [tuple(arrays[step.role.name].shape) for step in steps]
    assert [step.operation == "" for step in steps] == [True] + [False] * (len(steps) - 1)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"num_heads": 7}, "num_heads is 7, which does not divide embed_dim=64; write num_heads=4"),
        ({"num_kv_heads": 3}, "num_kv_heads is 3, which does not divide num_heads=8; write num_kv_heads=2"),
        ({"batch": 0}, "batch is 0, and a model has at least one; write batch=1"),
    ],
)
def test_sizes_that_make_no_model_are_refused(sizes, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        anatomy.shapes(**sizes)


@pytest.mark.claim("dimension-roles")
def test_the_usual_meaning_comes_first():
    assert [anatomy.meaning((2,) * ndim)[0].axes for ndim in range(4)] == [
        (),
        ("vocab_size",),
        ("seq_len", "embed_dim"),
        ("batch", "seq_len", "embed_dim"),
    ]


def test_a_meaning_agrees_with_the_sizes_that_are_known():
    square = [role.name for role in anatomy.meaning((6, 6), vocab_size=100)]
    assert square[:2] == ["embeddings of a sequence", "token ids"]
    assert "causal, window or prefix mask" in square
    assert not {"embedding table", "flattened logits"} & {*square}
    assert "causal, window or prefix mask" not in {role.name for role in anatomy.meaning((6, 7))}
    assert anatomy.meaning((4, 32), batch=5, seq_len=33, vocab_size=65, embed_dim=65, dtype="int64") == ()
    assert anatomy.meaning((1,) * 7) == ()
    assert str(anatomy.meaning((5,), seq_len=5, vocab_size=9, embed_dim=9)[0]) == "token ids of a sequence (seq_len,)"
    assert str(anatomy.meaning(())[0]) == "loss ()"


def test_an_axis_that_no_role_has_is_refused():
    with pytest.raises(TypeError) as raised:
        anatomy.meaning((4, 3), tokens=4)
    assert str(raised.value) == (
        "sizes has 'tokens', which no axis is called; "
        "the axes are batch, capacity, context_len, embed_dim, head_dim, hidden_dim, in_features, key_len, num_experts, "
        "num_heads, num_kv_heads, num_layers, num_tokens, out_features, query_len, seq_len, vocab_size"
    )


@pytest.mark.parametrize(
    ("axes", "kind", "words"),
    [
        (
            "ab",
            TypeError,
            "axes is 'ab', of type str; names are a sequence of strings: write ('x', 'y')",
        ),
        (("batch",), ValueError, "axes has 1 entries for 2 axes; give one name for each axis"),
        ((1, 2), TypeError, "axes[0] is 1, of type int; a name is a string: write it as 'x'"),
    ],
)
def test_what_names_no_axes_is_refused(axes, kind, words):
    with pytest.raises(kind) as raised:
        inspect.unwrap(anatomy.describe)(np.zeros((2, 3)), axes=axes)
    assert str(raised.value) == words


def test_the_roles_of_axes_are_names_of_them():
    for role in anatomy.ROLES:
        description = anatomy.describe(np.zeros((2,) * len(role.axes)), axes=role.axes)
        assert description.axes == role.axes
        assert f"({', '.join(role.axes)})" in str(description) or not role.axes
