"""A guard raises exactly where the operation raises or goes wrong without a word, and its fix works."""

from __future__ import annotations

import inspect
import itertools
import re
import time
import warnings
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import autograd, broadcasting, layout, pitfalls

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "pitfalls.md"
BOTH = pytest.mark.parametrize("empty", [np.empty, torch.empty], ids=["numpy", "torch"])

SHAPES = [shape for rank in range(4) for shape in itertools.product((1, 2, 3), repeat=rank)]
SPECS = [
    *("", "...", "_", "a", "2", "*b", "a b", "a a", "2 a", "a 3", "_ _", "a _ a", "a b c", "a b a", "2 2 2", "1 a 1"),
    *("... a", "a ...", "a ... a", "*b 3", "a *b", "a *b a", "2 ... 3", "*b a b", "_ *b _"),
]


# check_shape


def by_jaxtyping(x, spec):
    """Return whether jaxtyping, which has the same notation, takes the shape."""
    return isinstance(x, jaxtyping.Shaped[type(x), spec])


def passes(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except ValueError:
        return False
    return True


@BOTH
def test_a_specification_takes_the_shapes_that_jaxtyping_takes(empty):
    for spec in SPECS:
        outcomes = set()
        for shape in SHAPES:
            outcome = passes(pitfalls.check_shape, empty(shape), spec)
            assert outcome == by_jaxtyping(empty(shape), spec), (shape, spec)
            outcomes.add(outcome)
        assert spec in {"...", "*b"} or outcomes == {True, False}, spec


def test_sizes_are_the_same_over_several_calls_as_in_jaxtyping():
    pairs = list(itertools.product(["a b", "a a", "*c a", "a *c"], ["a", "b a", "*c", "*c b"]))
    both = 0
    for (first, second), a, b in itertools.product(pairs, SHAPES[:13], SHAPES[:13]):

        @jaxtyping.jaxtyped(typechecker=None)
        def together(x, y, first=first, second=second):
            return by_jaxtyping(x, first) and by_jaxtyping(y, second)

        x, y = np.empty(a), np.empty(b)
        try:
            ours = bool(pitfalls.check_shape(y, second, pitfalls.check_shape(x, first)) is not None)
        except pitfalls.ShapeError:
            ours = False
        assert ours == together(x, y), (first, second, a, b)
        both += ours
    assert both > 100


@BOTH
def test_the_sizes_found_are_those_of_the_shape(empty):
    x = empty((2, 8, 10, 64))
    assert pitfalls.check_shape(x, "batch heads seq 64") == {"batch": 2, "heads": 8, "seq": 10}
    assert pitfalls.check_shape(x, "*lead seq _") == {"*lead": (2, 8), "seq": 10}
    assert pitfalls.check_shape(x, "... head_dim") == {"head_dim": 64}
    assert pitfalls.check_shape(empty(()), "") == {}
    known = {"batch": 2, "vocab": 100}
    assert pitfalls.check_shape(x, "batch _ seq _", known) == {"batch": 2, "vocab": 100, "seq": 10}
    assert known == {"batch": 2, "vocab": 100}


WRONG_SHAPES = [
    (
        (4, 10, 32),
        "batch seq 64",
        None,
        (
            "x has shape (4, 10, 32), expected 'batch seq 64': axis -1 is 32, not 64. Change spec if this shape is right, else "
            "what makes x."
        ),
    ),
    (
        (4, 12, 64),
        "batch seq 64",
        {"seq": 10},
        (
            "x has shape (4, 12, 64), expected 'batch seq 64': axis -2 is 12, but seq is 10. Change spec if this shape is "
            "right, else what makes x."
        ),
    ),
    (
        (4, 64, 10),
        "batch seq 64",
        None,
        "x has shape (4, 64, 10), expected 'batch seq 64': axis -1 is 10, not 64. Write x.swapaxes(-2, -1).",
    ),
    (
        (4, 1, 64),
        "batch 64",
        None,
        "x has shape (4, 1, 64), expected 'batch 64': it has 3 axes, not 2. Write x.squeeze(-2).",
    ),
    (
        (64,),
        "... seq 64",
        None,
        "x has shape (64,), expected '... seq 64': it has 1 axis, not at least 2. Write x[None, :].",
    ),
    (
        (2, 3, 5),
        "*batch 5",
        {"*batch": (2, 4)},
        (
            "x has shape (2, 3, 5), expected '*batch 5': its axes for *batch are (2, 3), but *batch is (2, 4). Change spec if "
            "this shape is right, else what makes x."
        ),
    ),
    (
        (4, 6),
        "4 1 1 seq",
        None,
        "x has shape (4, 6), expected '4 1 1 seq': it has 2 axes, not 4. Write x[:, None, None, :].",
    ),
    (
        (3, 5),
        "2 4",
        None,
        (
            "x has shape (3, 5), expected '2 4': axis -2 is 3, not 2; axis -1 is 5, not 4. Change spec if this shape is right, "
            "else what makes x."
        ),
    ),
    (
        (),
        "a b",
        None,
        "x has shape (), expected 'a b': it has 0 axes, not 2. Write x[None, None].",
    ),
]


@BOTH
@pytest.mark.parametrize(
    ("shape", "spec", "sizes", "words"), WRONG_SHAPES, ids=[f"{s} {t}" for s, t, *_ in WRONG_SHAPES]
)
def test_a_wrong_shape_is_told_axis_by_axis(empty, shape, spec, sizes, words):
    with pytest.raises(pitfalls.ShapeError) as raised:
        pitfalls.check_shape(empty(shape), spec, sizes)
    assert str(raised.value) == words


@BOTH
def test_code_that_an_error_tells_to_write_makes_the_shape_right(empty):
    told = 0
    for spec, shape in itertools.product(SPECS, [*SHAPES, (1, 2, 3, 1)]):
        x = empty(shape)
        try:
            pitfalls.check_shape(x, spec)
        except pitfalls.ShapeError as error:
            code = re.search(r"Write (x.*)\.$", str(error))
            if code:
                pitfalls.check_shape(eval(code[1], {"x": x}), spec)  # noqa: S307  the code is ours
                told += 1
    assert told > 100


WRONG_SPECS = [
    (
        "batch, seq",
        ValueError,
        (
            "each word of spec must be a size, a name, _, ... or *name, got 'batch,' in 'batch, seq'; separate them by "
            "spaces alone"
        ),
    ),
    (
        "seq-1",
        ValueError,
        (
            "each word of spec must be a size, a name, _, ... or *name, got 'seq-1' in 'seq-1'; separate them by spaces "
            "alone"
        ),
    ),
    (
        "... a *b",
        ValueError,
        "spec is '... a *b'; of ... and *name it can have one, or nobody knows where the other ends",
    ),
    ((2, 3), TypeError, "spec is (2, 3), of type tuple; write it as a string: 'batch seq 64'"),
    ([2], TypeError, "spec is [2], of type list; write it as a string: 'batch seq 64'"),
]


@pytest.mark.parametrize(("spec", "error", "words"), WRONG_SPECS, ids=[str(spec) for spec, *_ in WRONG_SPECS])
def test_what_is_no_specification_is_refused(spec, error, words):
    with pytest.raises(error) as raised:
        inspect.unwrap(pitfalls.check_shape)(np.empty((2, 3)), spec)
    assert str(raised.value) == words
    assert not isinstance(raised.value, pitfalls.ShapeError)


# check_broadcast


def pairs_of_shapes():
    return itertools.product([*SHAPES[:13], (0,), (0, 1), (1, 0)], repeat=2)


@BOTH
def test_a_broadcast_that_grows_is_refused_and_no_other(empty):
    grown = 0
    for a, b in pairs_of_shapes():
        x, y = empty(a), empty(b)
        try:
            result = tuple((x + y).shape)
        except (ValueError, RuntimeError):
            with pytest.raises(broadcasting.BroadcastError):
                pitfalls.check_broadcast(x, y)
            continue
        elements = int(np.prod(result))
        if elements > max(np.prod(a), np.prod(b)):
            grown += 1
            with pytest.raises(ValueError, match="leave this check out") as raised:
                pitfalls.check_broadcast(x, y, names=["x", "y"])
            code = re.search(r"Write (y\.reshape\(.*\));", str(raised.value))
            assert bool(code) == (np.prod(a) == np.prod(b))
            if code:
                fixed = eval(code[1], {"y": y})  # noqa: S307  the code is ours
                assert pitfalls.check_broadcast(x, fixed) == a
        else:
            assert pitfalls.check_broadcast(x, y) == result
    assert grown > 10


@pytest.mark.claim("silent-broadcast")
def test_a_column_against_a_row_trains_on_all_pairs_and_is_refused():
    n = 8
    prediction, target = torch.arange(n, dtype=torch.float32)[:, None], torch.arange(n, dtype=torch.float32)
    assert (prediction - target).shape == (n, n)
    assert (prediction - target).square().mean() > 0  # though every prediction is right
    assert (prediction - target.reshape((n, 1))).square().mean() == 0
    with pytest.raises(ValueError) as raised:
        pitfalls.check_broadcast(prediction, target)
    assert str(raised.value) == (
        "arrays[0] and arrays[1] have 8 elements each, the result has 64: every element of one meets every element of the "
        "other. To pair them one to one, give both the same shape. Write arrays[1].reshape((8, 1)); if the table of all "
        "pairs is meant, leave this check out."
    )


def test_a_table_of_two_sizes_is_refused_without_a_guess():
    with pytest.raises(ValueError) as raised:
        pitfalls.check_broadcast(np.empty((4, 1)), torch.empty(3))
    assert str(raised.value) == (
        "The result has 12 elements, more than any operand: right for a table of all pairs, wrong if the operands were to "
        "be paired one to one. If the table of all pairs is meant, leave this check out."
    )


def test_shapes_that_do_not_fit_are_told_by_name():
    with pytest.raises(broadcasting.BroadcastError) as raised:
        pitfalls.check_broadcast(np.empty((3, 4)), np.empty((2, 4)), names=["x", "y"])
    assert str(raised.value).startswith("x (3, 4), y (2, 4) do not broadcast: axis -2 has 3, 2.")


GROWTH = [  # shapes, and what an error says to write
    (((10, 1), (1, 1)), None),
    (((10, 1), ()), None),
    (((3,), (1, 3)), "b.reshape((3,))"),
    (((5, 1), (5,)), "b.reshape((5, 1))"),
    (((5, 1), (5,), (5,)), "b.reshape((5, 1)) and c.reshape((5, 1))"),
    (((5,), (5, 1), (1, 5)), "b.reshape((5,)) and c.reshape((5,))"),
    (((4, 3), (3,)), None),
]


@pytest.mark.parametrize(("shapes", "fix"), GROWTH, ids=str)
def test_same_shape_refuses_any_growth_as_a_loss_does(shapes, fix):
    arrays = [torch.zeros(shape) for shape in shapes]
    names = ["a", "b", "c"][: len(arrays)]
    with pytest.raises(ValueError) as raised:
        pitfalls.check_broadcast(*arrays, names=names, same_shape=True)
    with pytest.warns(UserWarning, match="Using a target size"):
        torch.nn.functional.mse_loss(*arrays[:2])
    assert (f"Write {fix}" if fix else "Check what makes them") in str(raised.value) or "If the table" in str(
        raised.value
    )
    if fix:
        mended = dict(zip(names, arrays, strict=True))
        for code in fix.split(" and "):
            mended[code[0]] = eval(code, {**mended})  # noqa: S307  the code is ours
        same = tuple(mended["a"].shape)
        assert pitfalls.check_broadcast(*mended.values(), same_shape=True) == same


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=3), st.lists(st.sampled_from([1, 2, 3]), max_size=3))
def test_same_shape_passes_where_mse_loss_does_not_warn(a, b):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            torch.nn.functional.mse_loss(torch.zeros(a), torch.zeros(b))
        except RuntimeError:
            caught.append(None)
    assert passes(pitfalls.check_broadcast, np.zeros(a), np.zeros(b), same_shape=True) == (not caught)


# check_same_dtype


FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.claim("dtype-mix")
def test_two_dtypes_promote_in_a_sum_and_raise_in_a_matrix_product():
    a, b = torch.ones(2, 2, dtype=torch.float32), torch.ones(2, 2, dtype=torch.float16)
    assert (a + b).dtype == torch.float32
    with pytest.raises(RuntimeError, match="same dtype"):
        a @ b
    for first, second in itertools.product(FLOATS, repeat=2):
        a, b = torch.ones(2, 2, dtype=first, device="cpu"), torch.ones(2, 2, dtype=second, device="cpu")
        if first == second:
            assert pitfalls.check_same_dtype(a, b) == (a + b).dtype == (a @ b).dtype == first
            continue
        with pytest.raises(TypeError) as raised:
            pitfalls.check_same_dtype(a, b)
        promoted = str((a + b).dtype).removeprefix("torch.")
        assert f"element-wise operations give {promoted}, a matrix product raises" in str(raised.value)
        with pytest.raises(RuntimeError):
            a @ b
        assert pitfalls.check_same_dtype(a, b.to(a.dtype)) == first


WRONG_DTYPES = {
    "numpy": (
        lambda: (np.ones(2, np.float32), np.ones(2)),
        (
            "arrays[1] is float64, arrays[0] is float32: element-wise operations give float64, and so does a matrix product. "
            "Write arrays[0].astype(arrays[1].dtype)."
        ),
    ),
    "third": (
        lambda: (torch.ones(2), torch.ones(2), torch.ones(2, dtype=torch.int64)),
        (
            "arrays[2] is int64, arrays[0] is float32: element-wise operations give float32, a matrix product raises. Write "
            "arrays[2].to(arrays[0].dtype)."
        ),
    ),
    "no promotion": (
        lambda: (torch.ones(2, device="cpu").to(torch.float8_e4m3fn), torch.ones(2, device="cpu")),
        (
            "arrays[1] is float32, arrays[0] is float8_e4m3fn: element-wise operations raise, a matrix product raises. Write "
            "arrays[0].to(arrays[1].dtype)."
        ),
    ),
    "two libraries": (
        lambda: (torch.ones(2), np.ones(2, np.float32)),
        "arrays[1] is of type ndarray, arrays[0] of type Tensor. Write interop.to_torch(arrays[1]).",
    ),
    "two libraries, NumPy first": (
        lambda: (np.ones(2, np.float32), torch.ones(2)),
        "arrays[1] is of type Tensor, arrays[0] of type ndarray. Write interop.to_numpy(arrays[1]).",
    ),
}


@pytest.mark.parametrize(("make", "words"), WRONG_DTYPES.values(), ids=WRONG_DTYPES)
def test_two_dtypes_are_told_with_what_they_become(make, words):
    arrays = make()
    with pytest.raises(TypeError) as raised:
        pitfalls.check_same_dtype(*arrays)
    assert str(raised.value) == words


def test_one_dtype_is_returned():
    assert pitfalls.check_same_dtype(np.ones(2), np.ones((3, 1))) == np.float64
    assert pitfalls.check_same_dtype(torch.ones(2)) == torch.float32


@pytest.mark.parametrize("guard", [pitfalls.check_same_dtype, pitfalls.check_broadcast])
def test_names_and_arrays_are_as_many(guard):
    with pytest.raises(ValueError) as raised:
        guard(np.ones(2), names=["x", "y"])
    assert str(raised.value) == "names has 2 entries for 1 arrays; give one name for each array"
    with pytest.raises(TypeError) as raised:
        guard()
    assert str(raised.value) == "arrays is empty; give at least one array"


TORCH_DTYPES = [
    getattr(torch, name)
    for name in [
        *("bool", "int8", "int32", "int64", "uint8", "uint16", "uint64", "float16", "bfloat16", "float32", "float64"),
        *("complex64", "float8_e4m3fn", "float8_e5m2"),
    ]
]


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_the_code_for_two_dtypes_loses_no_fraction_and_no_sign(library):
    dtypes = TORCH_DTYPES if library == "torch" else [np.dtype(code) for code in "?bBhHiIlLefdFD"] + [np.dtype(">f4")]
    for kinds in [*itertools.permutations(dtypes, 2), *itertools.permutations(dtypes[3:12:2], 3)]:
        arrays = [
            (torch.ones if library == "torch" else np.ones)(2, dtype=torch.float32 if library == "torch" else float)
        ]
        arrays = [(arrays[0] / 2).to(kind) if library == "torch" else (arrays[0] / 2).astype(kind) for kind in kinds]
        with pytest.raises(TypeError) as raised:
            pitfalls.check_same_dtype(*arrays)
        mended = [*arrays]
        for code in str(raised.value).partition("Write ")[2].removesuffix(".").split(" and "):
            place = int(re.match(r"arrays\[(\d)\]\.", code)[1])
            mended[place] = eval(code, {"arrays": arrays, "torch": torch, "np": np})  # noqa: S307  the code is ours
        common = pitfalls.check_same_dtype(*mended)
        for before, after in zip(arrays, mended, strict=True):
            assert after.dtype == common
            assert before.tolist() == after.tolist()


# check_same_device


def test_two_devices_are_refused_and_a_scalar_of_the_cpu_may_join():
    cpu, meta, scalar = torch.ones(3, device="cpu"), torch.ones(3, device="meta"), torch.tensor(2.0, device="cpu")
    with pytest.raises(ValueError) as raised:
        pitfalls.check_same_device(cpu, meta)
    assert str(raised.value) == (
        "tensors[1] is on meta, tensors[0] is on cpu; a tensor on meta has no values to move, so make room for some with "
        "torch.empty_like(tensors[1], device='cpu')"
    )
    assert pitfalls.check_same_device(meta, scalar) == pitfalls.check_same_device(meta, scalar) == torch.device("meta")


# check_in_place


OPERATIONS = {
    "neg": torch.neg,
    "twice": lambda x: x * 2,
    "plus": lambda x: x + 1,
    "exp": torch.exp,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "sqrt": torch.sqrt,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "sin": torch.sin,
    "log": torch.log,
    "square": torch.square,
    "reciprocal": torch.reciprocal,
    "softmax": lambda x: x.softmax(-1),
    "log-softmax": lambda x: x.log_softmax(-1),
    "layer norm": lambda x: torch.nn.functional.layer_norm(x, x.shape),
    "clone": torch.clone,
    "cumprod": lambda x: x.cumprod(0),
    "view of what exp saved": lambda x: x.exp()[1:],
    "reshaped exp": lambda x: x.exp().reshape(-1, 1),
    "view of a sum": lambda x: (x + 1)[:2],
    "view of the leaf": lambda x: x[1:],
    "the leaf": lambda x: x,
}


@pytest.mark.claim("in-place-breaks-gradients")
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_guard_raises_where_the_gradient_breaks(operation):
    x = torch.tensor([0.5, 1.0, 2.0])
    truth = autograd.explain_in_place(lambda x: operation(x).add_(1), x)
    assert truth.verdict in {"works", "leaf", "saved"}
    leaf = x.clone().requires_grad_()
    assert passes(pitfalls.check_in_place, operation(leaf)) == (truth.verdict == "works")


USES = {
    "plus": lambda y, w: y + w,
    "times": lambda y, w: y * w,
    "matrix product": lambda y, w: y @ w,
    "sin": lambda y, w: y.sin() + w,
    "exp": lambda y, w: y.exp() + w,
    "power": lambda y, w: y**2 + w,
    "mean": lambda y, w: y.mean() + w,
    "view, then times": lambda y, w: y[None] * w,
    "several operations": lambda y, w: ((y + 1) * 2 * w).tanh() + 3,
    "several, y saved far back": lambda y, w: (((y * w) + 1) * 2).sum() + 3,
    "concatenated": lambda y, w: torch.cat([y, w]) * 2,
    "as an index": lambda y, w: w[(y * 0).long()],
    "twice": lambda y, w: y + y * w,
    "not at all": lambda _, w: w * 2,
}


PARTS = {
    "chunk": lambda y: y.chunk(2),
    "split": lambda y: y.split([1, 3]),
    "unbind": lambda y: y.unbind(),
    "view of a chunk": lambda y: [part.mT for part in y.chunk(2)],
    "index": lambda y: (y[0], y[1:]),
    "tensor_split": lambda y: torch.tensor_split(y, 2),
    "clones": lambda y: [part.clone() for part in y.chunk(2)],
    "detached": lambda y: [part.detach() for part in y.chunk(2)],
}


@pytest.mark.parametrize("changed", ["base", "another view"])
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("grad", [True, False], ids=["recorded", "under no_grad"])
def test_views_that_could_not_be_used_after_the_change_are_seen(parts, changed, grad):
    y = torch.ones(4, 4, requires_grad=True) * 2
    first, second, *_ = parts(y)
    tensor = y if changed == "base" else y.view(-1)
    with torch.set_grad_enabled(grad):
        safe = passes(pitfalls.check_in_place, tensor, first, second)
        tensor.add_(1)
    try:
        (first.sum() * second.sum()).sum()
    except RuntimeError as error:
        assert "its base or another view of its base has been modified inplace" in str(error)  # noqa: PT017
        assert not safe
    else:
        assert safe


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("quiet", [False, True], ids=["recorded", "under no_grad"])
def test_results_know_what_was_saved(use, quiet):
    x = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    result = use(y, w)
    with torch.set_grad_enabled(not quiet):
        safe = passes(pitfalls.check_in_place, y, result)
        y.add_(1)
    try:
        result.sum().backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)  # noqa: PT017  it does not always raise
        assert not safe
    else:
        assert safe


def test_a_record_is_walked_once():
    y = torch.ones(3, requires_grad=True)
    for _ in range(100):
        y = y + y  # 2¹⁰⁰ ways back to the leaf
    pitfalls.check_in_place(torch.ones(3), y)


def test_what_backward_has_used_may_be_changed():
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    assert not passes(pitfalls.check_in_place, y)
    y.sum().backward()
    assert passes(pitfalls.check_in_place, y)
    y.add_(1)


def test_an_alias_that_autograd_does_not_see_is_seen():
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    for alias in (y.detach(), y.data):
        assert passes(pitfalls.check_in_place, alias)  # it has no record of its own
        assert not passes(pitfalls.check_in_place, alias, y)


def test_a_function_of_ones_own_is_seen():
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, gradient):
            (y,) = ctx.saved_tensors
            return gradient * y

    x = torch.ones(3, requires_grad=True)
    y = Exp.apply(x)
    assert not passes(pitfalls.check_in_place, y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_hooks_are_not_called():
    called = []
    x = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda saved: saved, lambda packed: called.append(1) or packed):
        y = x.exp()
    assert passes(pitfalls.check_in_place, y, y * 2)
    assert not called


def test_a_leaf_may_be_changed_without_a_record():
    x = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        pitfalls.check_in_place(x)
        pitfalls.check_in_place(x[0])
        x.add_(1)
    pitfalls.check_in_place(torch.ones(3))
    pitfalls.check_in_place(torch.ones(3, device="meta"))
    pitfalls.check_in_place(torch.eye(3).to_sparse())


def inference_tensor():
    with torch.inference_mode():
        return torch.ones(3)


def viewed_without_a_record(x):
    y = x * 2
    with torch.no_grad():
        return y[0]


SEVERAL = "is one of several views that one call returned ({})"
EXPANDED = "is expanded: the {} elements along axis {} are one in memory"
CHANGED = {  # each with why a tensor made of x, of shape (4, 4), must not be changed in place, or None
    "unbind": (lambda x: (x * 2).unbind()[0], SEVERAL.format("UnbindBackward0")),
    "iteration": (lambda x: next(iter(x * 2)), SEVERAL.format("UnbindBackward0")),
    "chunk": (lambda x: (x * 2).chunk(2)[1], SEVERAL.format("SplitBackward0")),
    "one chunk": (lambda x: (x * 2).chunk(1)[0], SEVERAL.format("SplitBackward0")),
    "split by sizes": (lambda x: (x * 2).split([1, 3])[0], SEVERAL.format("SplitWithSizesBackward0")),
    "view of a chunk": (lambda x: (x * 2).chunk(2)[0].mT[1:], SEVERAL.format("SplitBackward0")),
    "chunk of a view": (lambda x: (x * 2).view(2, 8).chunk(2)[0], SEVERAL.format("SplitBackward0")),
    "clone of a chunk": (lambda x: (x * 2).chunk(2)[0].clone(), None),
    "result of a chunk": (lambda x: ((x * 2).chunk(2)[0] + 1)[:1], None),
    "tensor_split": (lambda x: torch.tensor_split(x * 2, 2)[0], None),
    "chunk of no record": (lambda x: x.detach().clone().chunk(2)[0], None),
    "detached chunk": (lambda x: (x * 2).chunk(2)[0].detach(), None),
    "view after a change": (lambda x: (x * 2).add_(1)[1:].mul_(2), None),
    "expanded": (lambda x: (x * 2)[:1].expand(4, 4), EXPANDED.format(4, -2)),
    "expanded, no record": (lambda _: torch.ones(1).expand(3), EXPANDED.format(3, -1)),
    "expanded to a new axis": (lambda _: torch.ones(3).expand(2, 3)[None], EXPANDED.format(2, -2)),
    "expanded to 1": (lambda _: torch.ones(1).expand(1), None),
    "expanded to nothing": (lambda _: torch.ones(1, 0).expand(3, 0), None),
    "part of an expanded one": (lambda _: torch.ones(2, 1, 3).expand(2, 4, 3)[:, :1], None),
    "inference": (
        lambda _: inference_tensor(),
        "was made in inference mode, and outside it an inference tensor must not change",
    ),
    "view made without a record": (
        viewed_without_a_record,
        "is a view that was made under torch.no_grad() of a tensor that requires grad",
    ),
}


@pytest.mark.parametrize("grad", [True, False], ids=["recorded", "under no_grad"])
@pytest.mark.parametrize(("make", "why"), CHANGED.values(), ids=CHANGED)
def test_the_guard_raises_where_add_would(make, why, grad):
    tensor = make(torch.ones(4, 4, requires_grad=True))
    if not grad and why and " view" in why:
        why = None  # nothing is recorded that could be wrong
    with torch.set_grad_enabled(grad):
        if why is None:
            pitfalls.check_in_place(tensor)
            tensor.add_(1)
            return
        with pytest.raises(pitfalls.InPlaceError) as raised:
            pitfalls.check_in_place(tensor)
        assert str(raised.value) == (
            f"tensor {why}. Make a new tensor, as with tensor + 1 rather than tensor.add_(1), or change tensor.clone()."
        )
        with pytest.raises(RuntimeError):
            tensor.add_(1)
        tensor.clone().add_(1)


def test_inside_inference_mode_an_inference_tensor_may_be_changed():
    tensor = inference_tensor()
    with torch.inference_mode():
        pitfalls.check_in_place(tensor)
        tensor.add_(1)


def test_the_words_of_an_in_place_error():
    x = torch.ones(3, requires_grad=True)
    for tensor, kind in ((x, "a leaf"), (x[0], "a view of a leaf")):
        with pytest.raises(pitfalls.InPlaceError) as raised:
            pitfalls.check_in_place(tensor)
        assert str(raised.value) == (
            f"tensor is {kind} that requires grad. Make a new tensor, as with tensor + 1 rather than tensor.add_(1); to set "
            "a parameter, change it under torch.no_grad()."
        )
    with pytest.raises(pitfalls.InPlaceError) as raised:
        pitfalls.check_in_place(x.sigmoid())
    assert str(raised.value) == (
        "tensor lies in memory that SigmoidBackward0 saved for backward. Make a new tensor, as with tensor + 1 rather than "
        "tensor.add_(1), or change tensor.clone()."
    )


# check_view


sizes = st.lists(st.integers(0, 4), max_size=4)


@given(sizes, st.data())
def test_a_view_is_refused_where_pytorch_refuses_it(shape, data):
    x = torch.zeros(shape).permute(data.draw(st.permutations(range(len(shape)))))
    if x.ndim:
        x = x[:: data.draw(st.integers(1, 2))]
    factors = {(x.numel(),), (1, x.numel()), tuple(x.shape), tuple(x.shape[::-1]), (-1, 1) if x.numel() else (0, 2)}
    if x.numel() % 2 == 0:
        factors.add((2, x.numel() // 2))
    for target in sorted(factors):
        try:
            view = x.view(target)
        except RuntimeError:
            with pytest.raises(ValueError) as raised:
                pitfalls.check_view(x, target)
            code = re.search(r"Write (tensor\.reshape\(.*\)), which copies", str(raised.value))[1]
            assert eval(code, {"tensor": x}).shape == x.reshape(target).shape  # noqa: S307  the code is ours
        else:
            assert pitfalls.check_view(x, target) == view.stride()


def test_the_words_of_a_view_error_are_those_of_layout():
    heads = torch.zeros(4, 32, 64, dtype=torch.bfloat16).view(4, 32, 8, 8).transpose(1, 2)
    why = layout.explain(heads.shape, heads.stride(), (4, 32, 64), name="tensor").steps[-1]
    with pytest.raises(ValueError) as raised:
        pitfalls.check_view(heads, (4, 32, -1))
    assert str(raised.value) == f"{why} Write tensor.reshape((4, 32, 64)), which copies 16,384 bytes."


SLOW = [("26 words", (2,) * 6, 26), ("64 words", (2, 3), 64), ("64 axes", (1,) * 32, 64)]


@pytest.mark.parametrize(("_", "shape", "count"), SLOW, ids=[case[0] for case in SLOW])
def test_a_long_specification_is_refused_at_once(_, shape, count):
    start = time.process_time()
    with pytest.raises(pitfalls.ShapeError):
        inspect.unwrap(pitfalls.check_shape)(np.empty(shape), " ".join(f"a{place}" for place in range(count)))
    assert time.process_time() - start < 0.5


def test_a_specification_of_more_axes_than_an_array_can_have_is_refused():
    with pytest.raises(ValueError) as raised:
        pitfalls.check_shape(np.empty((2, 3)), "_ " * 300)
    assert str(raised.value) == "spec has 300 words; an array has 64 axes at most: write ... for those of any size"


def test_what_is_no_array_is_refused_by_its_name():
    ours = {
        "x": (pitfalls.check_shape, ([1, 2], "a")),
        "arrays[1]": (pitfalls.check_broadcast, (np.ones(2), [1, 2])),
        "arrays[0]": (pitfalls.check_same_dtype, ([1, 2],)),
    }
    for name, (guard, operands) in ours.items():
        with pytest.raises(TypeError) as raised:
            inspect.unwrap(guard)(*operands)
        assert str(raised.value) == (
            f"{name} is of type list, not a NumPy array or a PyTorch tensor; make it one with np.array({name}) or "
            f"torch.tensor({name})"
        )
    tensors = {
        "tensors[0]": (pitfalls.check_same_device, ([1, 2],)),
        "tensor": (pitfalls.check_in_place, ([1, 2],)),
        "results[0]": (pitfalls.check_in_place, (torch.ones(2), [1, 2])),
    }
    for name, (guard, operands) in tensors.items():
        with pytest.raises(TypeError) as raised:
            inspect.unwrap(guard)(*operands)
        assert str(raised.value) == (
            f"{name} is of type list, not a PyTorch tensor; make it one with torch.tensor({name})"
        )


# All guards


def test_a_guard_takes_microseconds_and_no_memory():
    x = torch.empty(2**20, 2**20, device="meta")
    leaf = torch.ones(4, 4, requires_grad=True)
    y = leaf * 2
    calls = [
        lambda: inspect.unwrap(pitfalls.check_shape)(x, "batch seq"),
        lambda: inspect.unwrap(pitfalls.check_same_device)(x, x),
        lambda: inspect.unwrap(pitfalls.check_same_dtype)(x, x),
        lambda: inspect.unwrap(pitfalls.check_broadcast)(x, x),
        lambda: inspect.unwrap(pitfalls.check_in_place)(y),
    ]
    for call in calls:
        call()
        best = float("inf")
        for _ in range(20):
            start = time.perf_counter()
            call()
            best = min(best, time.perf_counter() - start)
        assert best < 2e-3  # a hundred times what it takes, for the slowest of machines


# What the page says a reader sees


def silently(call):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return call()


def leaf():
    return torch.tensor([1.0, 2.0, 3.0], requires_grad=True)


def changed_after_exp():
    x = leaf()
    z = x.exp()
    z.add_(1)
    z.sum().backward()


def cpu(*shape, **options):
    return torch.ones(*shape, device="cpu", **options)


@torch.inference_mode()
def inferred():
    return cpu(3)


SYMPTOMS = {
    "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0": lambda: (
        cpu(3, 4) + cpu(2, 4)
    ),
    "operands could not be broadcast together with shapes (3,4) (2,4)": lambda: np.ones((3, 4)) + np.ones((2, 4)),
    "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)": lambda: cpu(2, 3) @ cpu(4, 5),
    "Using a target size (torch.Size([5])) that is different to the input size (torch.Size([5, 1]))": lambda: (
        torch.nn.functional.mse_loss(cpu(5, 1), cpu(5))
    ),
    "Tensor on device meta is not on the expected device cpu!": lambda: cpu(3) + torch.ones(3, device="meta"),
    "a leaf Variable that requires grad is being used in an in-place operation.": lambda: leaf().add_(1),
    "a view of a leaf Variable that requires grad is being used in an in-place operation.": lambda: leaf()[0].add_(1),
    "This view is the output of a function that returns multiple views.": lambda: (leaf() * 1).chunk(2)[0].add_(1),
    "more than one element of the written-to tensor refers to a single memory location.": lambda: (
        cpu(1).expand(3).add_(1)
    ),
    "Inplace update to inference tensor outside InferenceMode is not allowed.": lambda: inferred().add_(1),
    "one of the variables needed for gradient computation has been modified by an inplace operation": changed_after_exp,
    "view size is not compatible with input tensor's size and stride": lambda: cpu(3, 4).mT.view(12),
    "expected m1 and m2 to have the same dtype, but got: float != c10::Half": lambda: cpu(2, 2) @ cpu(2, 2).half(),
    "result type Float can't be cast to the desired output type Long": lambda: torch.arange(3, device="cpu").add_(0.5),
}


if torch.cuda.is_available():
    SYMPTOMS["Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"] = (
        lambda: torch.ones(3, device="cuda:0") + cpu(3)
    )


@pytest.mark.parametrize(("message", "call"), SYMPTOMS.items(), ids=[" ".join(key.split()[:6]) for key in SYMPTOMS])
def test_the_page_lists_the_message_that_a_reader_sees(message, call):
    with pytest.raises((RuntimeError, ValueError, UserWarning)) as raised:
        silently(call)
    assert message in str(raised.value)
    assert f"`{message}" in PAGE.read_text("utf-8")


def test_a_truth_value_of_numpy_is_one():
    x = torch.ones(2)
    assert inspect.unwrap(pitfalls.check_broadcast)(x, x, same_shape=np.True_) == (2,)
    with pytest.raises(TypeError, match="same_shape is 1, of type int; write True or False"):
        inspect.unwrap(pitfalls.check_broadcast)(x, x, same_shape=1)
    with pytest.raises(TypeError, match="of type ndarray; write True or False"):
        inspect.unwrap(pitfalls.check_broadcast)(x, x, same_shape=np.array([True, False]))
