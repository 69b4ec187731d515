"""Every row runs: both forms on the same inputs, every name, every form in place, every case of memory and difference."""

from __future__ import annotations

import ast
import builtins
import copy
import dataclasses
import functools
import html
import importlib
import inspect
import itertools
import json
import math
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.version import Version

from tensorref import _dictionary, interop

HOMES = {
    "np": np,
    "ndarray": np.ndarray,
    "Generator": np.random.Generator,
    "torch": torch,
    "Tensor": torch.Tensor,
}
VERSIONS = {"NumPy": Version(np.__version__), "PyTorch": Version(torch.__version__)}
TOLERANCE = {"float16": 1e-3, "float32": 1e-5, "complex64": 1e-5}
ROWS = interop.EQUIVALENTS
FORMS = [(row, form) for row in ROWS for form in row.forms]

DTYPES = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64", "complex64")
INPUT_GROUPS = {"integers": DTYPES[1:4], "floats": DTYPES[4:7], "numbers": DTYPES[1:], "infinity": ("inf", "-inf")}
"""What rows are tried with has its own name, but for these, which are several."""


def named(pair):
    return f"{pair[0].slug}-{pair[1].library}"


each_row = pytest.mark.parametrize("row", ROWS, ids=[row.slug for row in ROWS])


def each_form(kept=lambda _: True):
    """Run a test for the forms of the rows, or for some of them."""
    chosen = [(row, form) for row, form in FORMS if kept(form)]
    return pytest.mark.parametrize(("row", "form"), chosen, ids=map(named, chosen))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give one folder to all, since to make thousands takes longer than the tests."""
    return tmp_path_factory.mktemp("dictionary")


@pytest.fixture(autouse=True)
def in_a_folder(folder, monkeypatch):
    """Run on the CPU, where a file may be left, and let PyTorch repeat the warnings that it gives once a process."""
    monkeypatch.chdir(folder)
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    torch.set_default_device("cpu")
    yield
    torch.set_default_device("cpu")
    torch.set_warn_always(always)


def convert(value):
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, np.random.Generator):
        return torch.Generator().manual_seed(0)
    if isinstance(value, list):
        return [*map(convert, value)]
    return value


def inputs_of(row, library):
    """Return new inputs; ``array`` is one of NumPy for both."""
    names = {"np": np, "torch": torch}
    for line in row.inputs:
        name, _, code = line.partition(" = ")
        value = eval(code, {"np": np, "torch": torch})  # noqa: S307  the code is ours
        names[name] = convert(value) if library == "PyTorch" and name != "array" else value
    return names


def run(code, names):
    """Return what the last expression gives, or, of a statement in place, what it changed: the first input."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), code, "exec"), names)  # noqa: S102
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), code, "eval"), names)  # noqa: S307
    else:
        exec(compile(ast.Module([last], []), code, "exec"), names)  # noqa: S102
        value = None
    return first(names) if value is None else value


def first(names):
    return next(value for name, value in names.items() if name not in {"np", "torch", "__builtins__"})


def since(form):
    """Tell whether the library is new enough for a form."""
    return form.since is None or VERSIONS[form.library] >= Version(form.since)


def is_array(value):
    return isinstance(value, (np.ndarray, np.generic, torch.Tensor))


def arrays(value):
    """Return the arrays and tensors in a result."""
    if is_array(value):
        return [value]
    return [found for each in value for found in arrays(each)] if isinstance(value, (tuple, list)) else []


def facts(value, *, values=True):
    """Return kind, dtype and shape of a result, with its values as an array of NumPy, whichever library it is of."""
    if is_array(value):
        dtype = str(value.dtype).removeprefix("torch.")
        if isinstance(value, torch.Tensor):
            plain = value.detach().resolve_conj().resolve_neg()
            value = (plain.float() if dtype == "bfloat16" else plain).numpy()
        return dtype, tuple(value.shape), np.asarray(value) if values else None
    if isinstance(value, (np.dtype, torch.dtype)):
        return "dtype", (), str(value).removeprefix("torch.")
    if isinstance(value, (tuple, list)):
        return "several", (len(value),), tuple(facts(each, values=values) for each in value)
    return type(value).__name__, (), value


def same(left, right, *, dtypes=True):
    """Tell whether two results are of one kind, dtype and shape, and their values as close as rounding allows."""
    if (dtypes and left[0] != right[0]) or left[1] != right[1]:
        return False
    if left[0] == "several":
        return all(itertools.starmap(same, zip(left[2], right[2], strict=True)))
    if isinstance(left[2], np.ndarray) and left[2].dtype.kind in "fc":
        tolerance = max(TOLERANCE.get(dtype, 1e-12) for dtype in (left[0], right[0]))
        # What cancels out is as exact as what it was the sum of.
        scale = np.max(np.abs(left[2]), where=np.isfinite(left[2]), initial=1)
        return np.allclose(left[2], right[2], rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    if isinstance(left[2], float) and math.isnan(left[2]):
        return math.isnan(right[2])
    return np.array_equal(left[2], right[2]) if isinstance(left[2], np.ndarray) else left[2] == right[2]


def address(value):
    """Return an array of NumPy over the memory of a value, or None."""
    if isinstance(value, torch.Tensor):
        storage = value.untyped_storage()
        return np.asarray(interop._Addresses(torch.empty(0, dtype=torch.uint8).set_(storage)))  # noqa: SLF001
    if isinstance(value, bytearray):
        return np.frombuffer(value, np.uint8)
    return value if isinstance(value, np.ndarray) else None


def shares(one, other):
    """Tell whether two use the same memory: exact for arrays, the same storage for tensors."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
    one, other = address(one), address(other)
    return one is not None and other is not None and bool(np.shares_memory(one, other))


def memory_of(result, given):
    """Return "view", "copy", "no elements", or "mixed" where parts of a result differ."""
    shared = {any(shares(each, other) for other in given) for each in arrays(result)}
    return "no elements" if not shared else "mixed" if len(shared) > 1 else "view" if shared.pop() else "copy"


def given_in(names):
    return [
        each
        for value in names.values()
        for each in ([value] if isinstance(value, (np.ndarray, torch.Tensor, bytearray)) else arrays(value))
    ]


def shown(code):
    """Return what code shows to a reader: the value on one line, and the error or the warning that it raises."""
    names = {"np": np, "torch": torch}
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = run(code, names)
    except Exception as error:  # noqa: BLE001  every one that the libraries raise is shown
        return f"raises {type(error).__name__}", type(error).__name__
    said = "".join(f" and a {each.category.__name__}" for each in caught[:1])
    return " ".join(repr(value).split()) + said, (facts(value), said)


def alike(left, right, *, dtypes=True):
    """Tell whether two outcomes that `shown` gave are the same: error, value and warning."""
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    return left[1] == right[1] and same(left[0], right[0], dtypes=dtypes)


# Both forms


@each_row
def test_both_forms_give_the_same(row):
    too_new = [form for form in row.forms if not since(form)]
    for form in too_new:
        with pytest.raises((AttributeError, TypeError)):
            run(form.code, inputs_of(row, form.library))
    if too_new:
        return
    results = [run(form.code, inputs_of(row, form.library)) for form in row.forms]
    values = row.compares == "values"
    left, right = (facts(result, values=values) for result in results)
    assert same(left, right), f"{row.slug}: {left} is not {right}"


# Other inputs: every dtype, NaN, infinity, and ids of other dtypes

KINDS = {"f": "values", "c": "values", "i": "ids", "u": "ids", "b": "mask"}
SPECIAL = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf}


def plain(value):
    """Return the array that a value is or has first, or None."""
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    return value if isinstance(value, np.ndarray) else None


def kind_of(value):
    array = plain(value)
    return None if array is None else KINDS[array.dtype.kind]


def each_array(value, change):
    """Return a value with its arrays and tensors changed."""
    if isinstance(value, list):
        return [each_array(each, change) for each in value]
    if isinstance(value, torch.Tensor):
        return torch.from_numpy(change(value.detach().numpy()))
    return change(value)


def cast(array, dtype):
    """Return an array of another dtype; integers are many times the fractions, so that few are equal that were not."""
    dtype = np.dtype(dtype)
    if array.dtype == dtype:
        return array
    if dtype.kind == "b":
        return array.real > 0
    if dtype.kind in "iu":
        whole = array.real * 20 if array.dtype.kind in "fc" else array
        return (np.abs(whole) if dtype.kind == "u" else whole).astype(dtype)
    return (array * (1 + 0.5j) if dtype.kind == "c" else array.real).astype(dtype)


def with_special(array, special):
    """Return an array with a value first; or last, where what is sorted would not stay so."""
    array = array.copy()
    is_sorted = array.ndim == 1 and (np.diff(array) > 0).all()
    array.flat[-1 if is_sorted and special != -np.inf else 0] = special
    return array


def tried(row):
    """Yield the other inputs that a row is tried with: what they are called, and the inputs by name."""
    names = inputs_of(row, "NumPy")

    def changed(chosen, change, *arguments):
        return names | {name: each_array(names[name], lambda array: change(array, *arguments)) for name in chosen}

    of_kind = {kind: [name for name in names if kind_of(names[name]) == kind] for kind in ("values", "ids", "mask")}
    main = next((chosen for chosen in of_kind.values() if chosen), [])
    for dtype in DTYPES if main else ():
        yield dtype, changed(main, cast, dtype)
    for dtype in ("uint8", "int32") if of_kind["values"] and of_kind["ids"] else ():
        yield f"{dtype} ids", changed(of_kind["ids"], cast, dtype)
    for name, (label, special) in itertools.product(of_kind["values"], SPECIAL.items()):
        # An array and a tensor of the same values are one input.
        alike = [other for other in of_kind["values"] if np.array_equal(plain(names[other]), plain(names[name]))]
        yield label, changed(alike, with_special, special)


def refused(row, names):
    """Return that NumPy refuses what PyTorch is better not tried with: MKL ends the process, or never does."""
    with pytest.raises(np.linalg.LinAlgError):
        run(row.numpy.code, dict(names))
    return "crash"


def result_of(row, names):
    """Return how the two forms compare for some inputs, in the words of `interop.Outcome`, or "the same"."""
    found = []
    for form in row.forms:
        mine = copy.deepcopy({name: value for name, value in names.items() if name not in {"np", "torch"}})
        if form.library == "PyTorch":
            mine = {name: value if name == "array" else convert(value) for name, value in mine.items()}
        try:
            found.append(facts(run(form.code, {"np": np, "torch": torch, **mine}), values=row.compares == "values"))
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
            found.append(None)
    left, right = found
    if left is None or right is None:
        return "PyTorch only" if right else "NumPy only" if left else "neither"
    if same(left, right):
        return "the same"
    return "another dtype" if same(left, right, dtypes=False) else "other values"


def outcomes_of(row):
    """Return what each input that a row is tried with leads to; of several, what is not the same."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crashing = {label for label, result in named_in(row).items() if result == "crash"}
        for label, names in tried(row):
            result = refused(row, names) if label in crashing else result_of(row, names)
            if found.get(label, "the same") in {"the same", "neither"}:
                found[label] = result
    return found


def named_in(row):
    """Return the same as the row says it."""
    return {
        label: outcome.result
        for outcome in row.outcomes
        for given in outcome.inputs
        for label in INPUT_GROUPS.get(given, (given,))
    }


@each_row
def test_other_inputs_give_what_the_row_says(row):
    if not all(map(since, row.forms)):
        return
    found = {label: result for label, result in outcomes_of(row).items() if result != "the same"}
    if any(each.until and VERSIONS["NumPy"] < Version(each.until) for each in row.differences):
        assert found.items() >= named_in(row).items()
        return
    assert found == named_in(row)


# The names


def substituted(form, name):
    """Return the code of a form with another name, or with a call of the name in the place of an operator."""
    tree = ast.parse(form.code)
    for parent in ast.walk(tree):
        for field, node in ast.iter_fields(parent):
            for place, each in enumerate(node if isinstance(node, list) else [node]):
                if (new := replaced(each, form.names[0], name)) is not None:
                    if isinstance(node, list):
                        node[place] = new
                    else:
                        setattr(parent, field, new)
                    return ast.unparse(ast.fix_missing_locations(tree))
    return None


def replaced(node, old, new):
    """Return a node that calls `new` where one calls `old`, or None where it does not."""
    if isinstance(node, ast.Call) and named_by(node.func, old):
        arguments = [node.func.value, *node.args] if is_method(old) else node.args
        return called(new, arguments, node.keywords)
    operation, operands = parts(node)
    if new.rpartition(".")[2] in OPERATORS.get(operation, ()):
        return called(new, operands, [])
    return called(new, [node.value], []) if named_by(node, old) else None


def parts(node):
    """Return the operator of an expression and what it works on, or None and nothing."""
    if isinstance(node, ast.BinOp):
        return type(node.op), [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return type(node.op), [node.operand]
    return (type(node.ops[0]), [node.left, *node.comparators]) if isinstance(node, ast.Compare) else (None, [])


def called(name, arguments, keywords):
    head, _, last = name.rpartition(".")
    if not is_method(name):
        return ast.Call(ast.parse(name, mode="eval").body, arguments, keywords)
    found = ast.Attribute(arguments[0], last, ast.Load())
    return ast.Call(found, arguments[1:], keywords) if callable(getattr(HOMES[head], last)) else found


def is_method(name):
    return name.partition(".")[0] in {"ndarray", "Tensor", "Generator"}


OPERATORS = {
    ast.Add: {"add"},
    ast.Sub: {"sub", "subtract"},
    ast.Mult: {"mul", "multiply"},
    ast.Div: {"div", "divide", "true_divide"},
    ast.FloorDiv: {"floor_divide"},
    ast.Mod: {"mod", "remainder"},
    ast.Pow: {"pow", "power"},
    ast.MatMult: {"matmul"},
    ast.LShift: {"left_shift", "bitwise_left_shift"},
    ast.RShift: {"right_shift", "bitwise_right_shift"},
    ast.BitAnd: {"bitwise_and"},
    ast.BitOr: {"bitwise_or"},
    ast.BitXor: {"bitwise_xor"},
    ast.Invert: {"invert", "bitwise_invert", "bitwise_not"},
    ast.USub: {"neg", "negative"},
    ast.UAdd: {"positive"},
    ast.Eq: {"eq", "equal"},
    ast.NotEq: {"ne", "not_equal"},
    ast.Lt: {"lt", "less"},
    ast.LtE: {"le", "less_equal"},
    ast.GtE: {"ge", "greater_equal"},
}


def named_by(node, name):
    """Tell whether an expression is a name of the dictionary."""
    if not isinstance(node, ast.Attribute):
        return False
    return node.attr == name.rpartition(".")[2] if is_method(name) else ast.unparse(node) == name


def packed(code, name):
    """Return the code with all arguments but the first as one tuple, which functions take where methods take many."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and named_by(node.func, name):
            keep = 0 if is_method(name) else 1
            node.args[keep:] = [ast.Tuple(node.args[keep:], ast.Load())]
    return ast.unparse(ast.fix_missing_locations(tree))


# Pages that tell of brackets, of which there is no name to call.
PAGES = {"ndarray.__getitem__", "ndarray.__setitem__", "ndarray.__len__", "torch.Tensor"}


@each_form()
def test_every_name_is_in_the_library_and_gives_the_same(row, form):
    for name in form.names:
        home, *path = name.split(".")
        if not since(form):
            continue
        functools.reduce(getattr, path, HOMES[home])
        if name in PAGES or name.startswith("np.ufunc."):
            continue
        if name == form.names[0] and name.rpartition(".")[2] in form.code:
            continue
        code = substituted(form, name)
        assert code is not None, f"{name} takes the place of nothing in {form.code}"
        want = facts(run(form.code, inputs_of(row, form.library)), values=row.compares == "values")
        try:
            got = run(code, inputs_of(row, form.library))
        except TypeError:
            code = packed(code, name)
            got = run(code, inputs_of(row, form.library))
        assert same(facts(got, values=row.compares == "values"), want), f"{code} is not {form.code}"


# The memory


@each_form()
def test_the_memory_is_as_it_says(row, form):
    if not since(form):
        return
    names = inputs_of(row, form.library)
    before = {name: copy.deepcopy(value) for name, value in names.items() if is_array(value)}
    given = given_in(names)
    result = run(form.code, names)
    found = memory_of(result, given)
    changed = [name for name, value in before.items() if not same(facts(value), facts(names[name]))]
    if form.memory == "in place":
        assert (found, changed) == ("view", [next(iter(before))])
        return
    assert changed == []
    assert found in ({"view", "copy"} if form.memory == "depends" else {form.memory})


def test_cases_are_there_where_it_depends_and_nowhere_else():
    assert [named(pair) for pair in FORMS if pair[1].memory == "depends"] == [
        named(pair) for pair in FORMS if pair[1].cases
    ]


@each_form(lambda form: form.cases)
def test_a_case_of_each_shows_that_it_depends(row, form):
    for code, memory in zip(form.cases, ("view", "copy"), strict=True):
        names = {"np": np, "torch": torch}
        result = run(code, names)
        assert memory_of(result, [names["x"]]) == memory, f"{row.slug}: {code} gives no {memory}"


@each_form(lambda form: form.in_place)
def test_the_form_in_place_leaves_the_result_in_the_first_input(row, form):
    if not since(form):
        return
    want = facts(run(form.code, inputs_of(row, form.library)))
    names = inputs_of(row, form.library)
    target = first(names)
    given = [target]
    run(form.in_place, names)
    assert same(facts(first(names)), want)
    assert first(names) is target
    assert memory_of(first(names), given) == "view"


@each_form(lambda form: form.out_of_place)
def test_the_form_out_of_place_gives_the_result_as_a_copy(row, form):
    assert form.memory == "in place"
    want = facts(run(form.code, inputs_of(row, form.library)))
    names = inputs_of(row, form.library)
    before, given = copy.deepcopy(first(names)), given_in(names)
    result = run(form.out_of_place, names)
    assert same(facts(result), want)
    assert memory_of(result, given) == "copy"
    assert same(facts(first(names)), facts(before))
    assert not same(facts(result), facts(before))


# The differences


DIFFERENCES = [
    pytest.param(difference, id=f"{row.slug}-{number}")
    for row in ROWS
    for number, difference in enumerate(row.differences, 1)
]


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_difference_shows(difference):
    (numpy_gives, numpy_facts), (torch_gives, torch_facts) = shown(difference.numpy), shown(difference.torch)
    assert torch_gives == difference.torch_gives
    if difference.until and VERSIONS["NumPy"] >= Version(difference.until):
        assert f"Before NumPy {difference.until}" in difference.how
        assert alike(numpy_facts, torch_facts, dtypes=True)
        return
    assert numpy_gives == difference.numpy_gives
    of_dtypes = any(word in difference.how for word in ("float", "int", "dtype"))
    assert not alike(numpy_facts, torch_facts, dtypes=of_dtypes)


# That the checks can fail


def changed(slug, **fields):
    """Return a row in which the form of PyTorch has other fields."""
    (row,) = (row for row in ROWS if row.slug == slug)
    return dataclasses.replace(row, torch=dataclasses.replace(row.torch, **fields))


PLANTED = {
    "other values": (test_both_forms_give_the_same, "std", {"code": "torch.std(x, dim=-1)"}),
    "another dtype": (test_both_forms_give_the_same, "zeros", {"code": "torch.zeros(2, 3, dtype=torch.float64)"}),
    "another shape": (test_both_forms_give_the_same, "sum-keepdims", {"code": "torch.sum(x, dim=-1)"}),
    "a name that is not there": (
        test_every_name_is_in_the_library_and_gives_the_same,
        "stack",
        {"names": ("torch.stak",)},
    ),
    "a name of something else": (
        test_every_name_is_in_the_library_and_gives_the_same,
        "maximum",
        {"names": ("torch.maximum", "torch.minimum")},
    ),
    "a copy that is a view": (test_the_memory_is_as_it_says, "slice", {"memory": "copy"}),
    "a view that is a copy": (test_the_memory_is_as_it_says, "flip", {"memory": "view"}),
    "a view that is in place": (test_the_memory_is_as_it_says, "assign", {"memory": "view"}),
    "a case of the other sort": (
        test_a_case_of_each_shows_that_it_depends,
        "reshape",
        {"cases": ("x = torch.zeros(2, 3).mT; x.reshape(6)", "x = torch.zeros(2, 3); x.reshape(6)")},
    ),
    "not in place": (
        test_the_form_in_place_leaves_the_result_in_the_first_input,
        "exp",
        {"in_place": "x = x.exp()"},
    ),
    "a copy that is in place": (
        test_the_form_out_of_place_gives_the_result_as_a_copy,
        "scatter",
        {"out_of_place": "x.scatter_(-1, ids[..., None], 0)"},
    ),
    "a copy of something else": (
        test_the_form_out_of_place_gives_the_result_as_a_copy,
        "scatter",
        {"out_of_place": "x.scatter(-1, ids[..., None], 1)"},
    ),
    "in place, but something else": (
        test_the_form_in_place_leaves_the_result_in_the_first_input,
        "exp",
        {"in_place": "x.log_()"},
    ),
}


@pytest.mark.parametrize(
    ("slug", "outcomes"),
    [
        ("std", ()),
        ("std", (interop.Outcome("NumPy only", ("bool", "int32", "int64")),)),
        ("sign", (interop.Outcome("neither", ("bool", "complex64", "NaN")),)),
        ("exp", (interop.Outcome("other values", ("bool", "integers")),)),
        ("zeros", (interop.Outcome("neither", ("bool",)),)),
        ("gather", (interop.Outcome("NumPy only", ("uint8 ids", "int32 ids")),)),
    ],
)
def test_a_row_that_says_other_outcomes_fails(slug, outcomes):
    (row,) = (row for row in ROWS if row.slug == slug)
    with pytest.raises(AssertionError):
        test_other_inputs_give_what_the_row_says(dataclasses.replace(row, outcomes=outcomes))


@pytest.mark.parametrize(("check", "slug", "fields"), PLANTED.values(), ids=PLANTED)
def test_a_wrong_row_fails(check, slug, fields):
    row = changed(slug, **fields)
    with pytest.raises((AssertionError, AttributeError)):
        check(row) if check is test_both_forms_give_the_same else check(row, row.torch)


def test_a_difference_that_does_not_show_fails():
    same_shape = ("np.zeros(2).shape", "torch.zeros(2).shape")
    only_the_default_dtype = ("np.ones(2)", "torch.ones(2)")
    for code in (same_shape, only_the_default_dtype):
        (numpy_gives, _), (torch_gives, _) = map(shown, code)
        difference = interop.Difference("The values differ.", code[0], numpy_gives, code[1], torch_gives)
        with pytest.raises(AssertionError):
            test_a_difference_shows(difference)


# The whole, and the search


def test_every_task_has_rows_and_every_row_an_address_of_its_own():
    assert len(ROWS) >= 150
    assert [*dict.fromkeys(row.topic for row in ROWS)] == [*_dictionary.TOPICS]
    slugs = [row.slug for row in ROWS]
    assert len({*slugs, *_dictionary.TOPICS}) == len(slugs) + len(_dictionary.TOPICS)
    assert all(re.fullmatch(r"[a-z0-9-]+", slug) for slug in slugs)


def test_every_entry_is_a_function_of_ours():
    for entry in {entry for row in ROWS for entry in row.entries}:
        module, _, name = entry.partition(".")
        assert callable(getattr(importlib.import_module(f"tensorref.{module}"), name))


def test_every_name_of_a_row_finds_it():
    for row, form in FORMS:
        for name, full in zip(form.names, form.documented, strict=True):
            for spelled in (name, full, name.rpartition(".")[2], f"{name}(x)"):
                assert row in interop.translate(spelled).rows, spelled
        for word in (row.slug, *row.words):
            assert row in interop.translate(word).rows, word


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("tensor.unsqueeze", "expand-dims"),
        ("torch.tensor.unsqueeze", "expand-dims"),
        ("logits.masked_fill_", "masked-fill"),
        ("numpy.random.Generator.choice", "multinomial"),
        ("F.pad", "pad"),
        ("nn.functional.one_hot", "one-hot"),
        ("  EINSUM ", "einsum-scores"),
        ("np.cat", "concatenate"),
        ("keepdim", "sum-keepdims"),
        ("add_", "add"),
        ("weight.T", "transpose-2d"),
    ],
)
def test_a_name_may_be_written_as_people_write_it(name, slug):
    assert slug in [row.slug for row in interop.translate(name).rows]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("np.r_", "brackets"),
        ("cat", "concatenate"),
        ("torch.cat", "concatenate"),
        ("torch.Tensor.view", "view"),
        ("np.append", "append"),
        ("argmax", "argmax"),
        ("|", "or-of-masks"),
        ("&", "and-of-masks"),
        ("^", "xor-of-masks"),
        ("~", "not-of-masks"),
        ("<", "less"),
        ("<=", "less-equal"),
        (">", "greater"),
        (">=", "greater-equal"),
        ("==", "equal"),
        ("!=", "not-equal"),
        ("<<", "left-shift"),
        (">>", "right-shift"),
        ("-", "subtract"),
        ("@", "matmul"),
        ("**", "power"),
    ],
)
def test_the_row_of_a_name_itself_comes_first(name, slug):
    assert interop.translate(name).rows[0].slug == slug


def gone_by(call):
    """Return whether a name is gone, and the words of the library on it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
        except (AttributeError, RuntimeError) as error:
            return True, str(error)
    return False, " ".join(str(each.message) for each in caught)


# Calls that warn or raise, of names that are there only to do so.
CALLS = {
    "torch.range": "torch.range(0, 1)",
    "torch.lstsq": "torch.lstsq(torch.eye(2), torch.eye(2))",
    "torch.solve": "torch.solve(torch.eye(2), torch.eye(2))",
    "torch.triangular_solve": "torch.triangular_solve(torch.eye(2), torch.eye(2))",
    "torch.set_default_tensor_type": "torch.set_default_tensor_type(torch.FloatTensor)",
    "torch.lu_solve": "torch.lu_solve(torch.eye(2), *torch.linalg.lu_factor(torch.eye(2)))",
    "torch.testing.assert_allclose": "torch.testing.assert_allclose(torch.eye(2), torch.eye(2))",
    "torch.cuda.amp.autocast": "torch.cuda.amp.autocast()",
    "torch.cuda.amp.GradScaler": "torch.cuda.amp.GradScaler()",
    "torch.get_autocast_gpu_dtype": "torch.get_autocast_gpu_dtype()",
    "torch.get_autocast_cpu_dtype": "torch.get_autocast_cpu_dtype()",
    "torch.is_autocast_cpu_enabled": "torch.is_autocast_cpu_enabled()",
    "np.row_stack": "np.row_stack([np.ones(2)])",
}


@pytest.mark.parametrize("name", _dictionary.gone())
def test_a_name_that_is_gone_or_deprecated_is_that_and_what_to_write_is_there(name):
    instead, sentence = _dictionary.gone()[name]
    code = CALLS.get(name, f"{name}(torch.eye(2))" if name.startswith("torch.") else name)
    gone, words = gone_by(lambda: eval(code, {**HOMES}))  # noqa: S307  the code is ours
    when = re.search(r"gone since (NumPy|PyTorch) ([\d.]+)", sentence)
    assert gone == ("gone" in sentence and not (when and VERSIONS[when[1]] < Version(when[2].rstrip("."))))
    if "deprecated" in sentence and not gone:
        assert "deprecated" in words
    for release in re.findall(r"removed in the (NumPy [\d.]+) release|deprecated since version ([\d.]+)", words):
        assert "".join(release) in sentence
    eval(instead, {**vars(builtins), **HOMES})  # noqa: S307
    translation = interop.translate(name)
    assert translation.gone == sentence
    assert str(translation).startswith(sentence)
    assert html.escape(sentence) in translation._repr_html_()
    assert all(instead in row.numpy.names + row.torch.names + row.words for row in translation.rows)


def test_every_name_that_is_gone_or_deprecated_says_since_when():
    for _, sentence in _dictionary.gone().values():
        assert re.search(r"since (before )?(NumPy|PyTorch) \d+\.\d+", sentence), sentence


def test_what_is_gone_is_found_by_its_last_part_where_no_row_has_that():
    assert interop.translate("bool8").gone == "np.bool8 is gone since NumPy 2.0; write np.bool."
    assert (
        interop.translate("numpy.float").gone == "np.float was Python's own, and is gone since NumPy 1.24; write float."
    )
    assert interop.translate("float").gone is None
    assert [row.slug for row in interop.translate("np.product").rows] == ["prod"]


# The names that there are: those of the Array API standard, and those that public training code calls


NAMES = tomllib.loads((Path(__file__).parent / "dictionary_names.toml").read_text("utf-8"))
STANDARD = [f"np.{prefix}{name}" for prefix, names in NAMES["standard"]["names"].items() for name in names.split()]
MOST = {"np": STANDARD, "torch": [*NAMES["training"]["calls"]]}


def found(name):
    """Tell whether a row, or a sentence on why there is none, has a name in full."""
    try:
        translation = interop.translate(name)
    except interop.UnknownNameError:
        return False
    words = {each for row in translation.rows for each in (*row.numpy.names, *row.torch.names, *row.words)}
    inplace = re.findall(r"\.(\w+_)\(", " ".join(f"{row.torch.code} {row.torch.in_place}" for row in translation.rows))
    return bool(translation.sentences) or name in words | {f"Tensor.{each}" for each in inplace}


@pytest.mark.parametrize("library", MOST)
def test_most_names_that_people_meet_lead_to_a_row_or_to_why_there_is_none(library):
    missing = [name for name in MOST[library] if not found(name)]
    assert len(missing) <= 0.05 * len(MOST[library]), missing


def test_a_name_that_is_missing_is_noticed():
    assert not found("torch.no_such_name")
    assert not found("torch.nothing.unsqueeze")
    assert found("Tensor.add_")


def test_the_names_that_people_meet_are_those_that_were_counted():
    assert len(STANDARD) == 170
    assert len(MOST["torch"]) > 300
    most = len(NAMES["training"]["codebases"])
    assert all(3 <= codebases <= min(most, calls) for codebases, calls in NAMES["training"]["calls"].values())


@pytest.mark.parametrize("name", _dictionary.no_counterparts())
def test_a_name_without_counterpart_is_in_its_library_and_in_no_row(name):
    home, *path = name.split(".")
    functools.reduce(getattr, path, HOMES[home])
    translation = interop.translate(name)
    assert translation.rows == ()
    assert translation.no_counterpart == str(translation) == _dictionary.no_counterparts()[name]
    assert translation.no_counterpart.startswith(f"{name} has no counterpart: ")
    assert not any(name in form.names for _, form in FORMS)


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("torch.cuda.is_available", "torch.cuda"),
        ("torch.nn.init.normal_", "torch.nn.init"),
        ("torch.utils.checkpoint.checkpoint", "torch.utils.checkpoint"),
        ("loss.backward()", "Tensor.backward"),
        ("no_grad", "torch.no_grad"),
        ("compile", "torch.compile"),
    ],
)
def test_a_module_stands_for_all_in_it_and_a_last_part_for_the_whole(name, alone):
    assert interop.translate(name).no_counterpart == _dictionary.no_counterparts()[alone]


class Unprintable:
    def __repr__(self):
        raise ValueError

    __str__ = __repr__


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (5, TypeError, "name is 5, of type int; a name is a string: write it as 'x'"),
        (b"cat", TypeError, "name is b'cat', of type bytes; a name is a string: write it as 'x'"),
        (10**5000, TypeError, "name is an int of 16610 bits, of type int; a name is a string: write it as 'x'"),
        (Unprintable(), TypeError, "name is <Unprintable instance at "),
        ("x" * 10**6, ValueError, "name has 1000000 letters, the most is 60; write a shorter one"),
    ],
    ids=["a number", "bytes", "many digits", "no repr", "long"],
)
def test_what_is_no_name_is_refused(name, error, message):
    with pytest.raises(error) as raised:
        inspect.unwrap(interop.translate)(name)
    assert str(raised.value).startswith(message)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("np.concatenat", "np.concatenate"),
        ("unsqeeze", "unsqueeze"),
        ("torch.gahter", "torch.gather"),
        ("Tensor.premute", "Tensor.permute"),
        ("keepdmis", "keepdims"),
        ("np.arrange", "np.arange"),
    ],
)
def test_a_misspelt_name_is_answered_with_those_near_it(name, nearest):
    with pytest.raises(interop.UnknownNameError) as raised:
        interop.translate(name)
    assert raised.value.matches[0] == nearest
    assert isinstance(raised.value, ValueError)
    matches = ", ".join(raised.value.matches)
    assert str(raised.value) == f"name is {name!r}, which no row of the dictionary has; did you mean {matches}?"


def test_a_name_like_no_other_is_answered_with_where_all_are():
    for name in ("", "zzzz", "[]"):
        with pytest.raises(interop.UnknownNameError) as raised:
            interop.translate(name)
        assert str(raised.value) == f"name is {name!r}, which no row of the dictionary has; EQUIVALENTS has them all"


def test_a_row_prints_all_that_it_holds_and_is_data():
    for row, form in FORMS:
        text = str(row)
        for piece in (
            form.code,
            form.memory,
            *form.names[1:],
            *(form.cases or ()),
            form.in_place,
            form.out_of_place,
            form.since,
        ):
            assert piece is None or piece in text
        for outcome in row.outcomes:
            assert outcome.sentence in text
        for difference in row.differences:
            assert f"* {difference.how}\n    {difference.numpy}  # {difference.numpy_gives}\n" in text
        assert json.loads(json.dumps(row.to_dict())) == row.to_dict()


def test_a_translation_shows_its_rows_one_after_the_other():
    translation = interop.translate("torch.take")
    assert str(translation) == "\n\n".join(map(str, translation.rows))
    assert translation._repr_html_().count("<table>") == len(translation.rows)


def test_the_rows_are_read_on_first_use():
    program = (
        "from tensorref import _dictionary, interop\n"
        "before = _dictionary.equivalents.cache_info().currsize\n"
        "interop.EQUIVALENTS\n"
        "print(before, _dictionary.equivalents.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0 1\n"
    with pytest.raises(AttributeError, match=r"module 'tensorref\.interop' has no attribute 'EQUIVALENT'"):
        interop.EQUIVALENT  # noqa: B018


LISTS = ("no-counterpart", "gone")


def test_the_page_has_every_task_and_the_names_without_rows():
    page = (Path(__file__).parents[1] / "docs" / "reference" / "dictionary.md").read_text("utf-8")
    assert re.findall(r"^```\{dictionary\} (.*)$", page, re.MULTILINE) == [*_dictionary.TOPICS, *LISTS]
