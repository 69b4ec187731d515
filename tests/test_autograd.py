"""Gradients against calculus, finite differences and PyTorch's own checker, and what changes in place really break."""

from __future__ import annotations

import inspect
import json
import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import autograd

# Each with its derivative, as calculus has it.
FUNCTIONS = {
    "quadratic": (lambda x: x**2 + 3 * x, lambda x: 2 * x + 3),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "exp": (torch.exp, torch.exp),
    "sin": (torch.sin, torch.cos),
    "tanh": (torch.tanh, lambda x: 1 - torch.tanh(x) ** 2),
    "sigmoid": (torch.sigmoid, lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x))),
    "softplus": (lambda x: torch.log1p(torch.exp(x)), torch.sigmoid),
    "identity": (lambda x: x, torch.ones_like),
}
numbers = st.lists(st.floats(-3, 3), min_size=1, max_size=4)


def doubles(values):
    return torch.tensor(values, dtype=torch.float64, device="cpu")


@pytest.mark.parametrize("name", FUNCTIONS)
@given(numbers)
def test_derivatives_are_those_of_calculus(name, values):
    f, expected = FUNCTIONS[name]
    x = doubles(values)
    torch.testing.assert_close(autograd.derivative(f, x), expected(x))
    torch.testing.assert_close(autograd.gradient(lambda x: f(x).sum(), x), expected(x))
    measured = autograd.finite_difference(lambda x: f(x).sum(), x)
    torch.testing.assert_close(measured, expected(x), rtol=1e-6, atol=1e-6)


@pytest.mark.claim("autograd")
def test_the_derivative_of_a_quadratic():
    f = FUNCTIONS["quadratic"][0]
    assert autograd.derivative(f, 2.0).item() == 7
    assert autograd.derivative(f, torch.tensor([2.0])).tolist() == [7]
    x = torch.tensor([2.0], requires_grad=True)
    f(x).backward()
    assert x.grad.tolist() == [7]
    assert autograd.check(lambda x: f(x).sum(), torch.tensor([2.0])).right


def test_derivative_and_gradient_leave_the_tensor_alone():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.grad = torch.tensor([5.0, 5.0])
    for result in (autograd.derivative(torch.square, x), autograd.gradient(lambda x: x.square().sum(), x)):
        assert result.tolist() == [2, 4]
        assert not result.requires_grad
        assert result.data_ptr() != x.data_ptr()
    assert x.grad.tolist() == [5, 5]
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_shape_dtype_and_device_are_those_of_the_argument(dtype):
    for shape in [(), (3,), (2, 3), (2, 0)]:
        x = torch.ones(shape, dtype=dtype)
        for result in (autograd.derivative(torch.square, x), autograd.gradient(lambda x: x.square().sum(), x)):
            assert (result.shape, result.dtype, result.device) == (x.shape, x.dtype, x.device)
        measured = autograd.finite_difference(lambda x: x.square().sum(), x)
        assert (measured.shape, measured.dtype) == (x.shape, torch.float64)
        assert autograd.check(lambda x: x.square().sum(), x).right


def test_a_function_that_changes_its_argument_changes_a_copy():
    def shifts(x):
        x.data.add_(1)
        return x.square()

    x = torch.tensor([1.0, 2.0])
    for function in (autograd.derivative, lambda f, x: autograd.gradient(lambda x: f(x).sum(), x)):
        assert function(shifts, x).tolist() == [4, 6]
    autograd.explain_in_place(shifts, x)
    assert x.tolist() == [1, 2]


def test_a_result_that_hangs_together_with_something_else_has_gradient_zero():
    weight = torch.tensor(2.0, requires_grad=True)
    assert autograd.gradient(lambda _: weight * 3, torch.ones(2)).tolist() == [0, 0]
    assert weight.grad is None


def test_a_number_becomes_a_tensor_of_the_default_dtype():
    torch.set_default_dtype(torch.float64)
    assert autograd.derivative(torch.sin, 0.0).dtype == torch.float64
    assert autograd.derivative(torch.sin, 0.0).shape == ()


SCALARS = {
    "norm": lambda x: x.norm(),
    "logsumexp": lambda x: x.logsumexp(-1).sum(),
    "softmax": lambda x: (x.softmax(-1) ** 2).sum(),
    "layer_norm": lambda x: (torch.nn.functional.layer_norm(x, x.shape[-1:]) ** 3).sum(),
    "product": lambda x: x.prod(),
    "attention": lambda x: ((x @ x.mT).softmax(-1) @ x).sum() if x.ndim == 2 else x.sum(),
    "ignored": lambda x: (x * 0).sum() + 3,
}


@pytest.mark.parametrize("name", SCALARS)
def test_gradients_are_those_that_are_measured_and_gradcheck_agrees(name):
    generator = torch.Generator("cpu").manual_seed(0)
    for shape in [(3,), (2, 3), (4, 2)]:
        x = torch.randn(shape, generator=generator, device="cpu", dtype=torch.float64)
        result = autograd.check(SCALARS[name], x)
        assert result.right, result
        assert result.error < 1e-6
        assert torch.autograd.gradcheck(SCALARS[name], x.requires_grad_())


WRONG = {
    "detached": lambda x: (x * x.detach()).sum(),
    "data": lambda x: (x * x.data).sum(),
    "rounded": lambda x: x.sum() + x.detach().exp().sum(),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_is_found_as_by_gradcheck(name):
    x = doubles([0.5, 1.5])
    result = autograd.check(WRONG[name], x)
    assert not result.right
    assert result.error > 0.1
    assert "do not agree" in str(result)
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(WRONG[name], x.requires_grad_())


def test_the_error_is_relative_only_where_an_element_is_large():
    result = autograd.check(
        lambda x: (x * doubles([1.0, 1e6])).sum() + (x.detach() * doubles([0.5, 5e5])).sum(), doubles([0.0, 0.0])
    )
    assert result.automatic == (1, 1e6)
    assert result.error == pytest.approx(1 / 3)
    small = autograd.check(lambda x: (x * 0.01).sum() + (x.detach() * 0.01).sum(), doubles([0.0]))
    assert small.error == pytest.approx(0.01)
    assert autograd.check(lambda x: x.sum() + 0.01 * x.detach().sum(), doubles([0.0]), tolerance=0.02).right


def test_the_finite_difference_gets_better_with_the_square_of_the_step():
    x = doubles([1.0])
    errors = [abs(autograd.finite_difference(lambda x: (x**3).sum(), x, step=step).item() - 3) for step in (0.1, 0.01)]
    assert errors == pytest.approx([0.01, 0.0001], rel=1e-6)


NO_RECORD = (
    "f gives a result without a record of how it came from x; compute it with PyTorch's operations alone, without item(), "
    "numpy(), detach() or torch.no_grad()"
)


@pytest.mark.parametrize(
    "function", [autograd.derivative, autograd.gradient, autograd.check, autograd.explain_in_place]
)
def test_what_has_no_record_is_refused(function):
    for f in (lambda x: x.detach().sum().reshape(()), lambda x: torch.tensor(x.sum().item() * 2)):
        with pytest.raises(ValueError) as raised:
            function(f, torch.tensor(1.0))
        assert str(raised.value) == NO_RECORD


@pytest.mark.parametrize("function", [autograd.gradient, autograd.finite_difference, autograd.check])
def test_a_gradient_is_that_of_one_number(function):
    with pytest.raises(ValueError) as raised:
        function(torch.exp, torch.ones(2, 3))
    assert str(raised.value) == (
        "f gives shape (2, 3); a gradient is that of one number: end f with .sum() or .mean(), or use torch.func.jacrev "
        "for all"
    )


def test_a_derivative_is_taken_element_by_element():
    with pytest.raises(ValueError) as raised:
        autograd.derivative(torch.sum, torch.ones(3))
    assert str(raised.value) == (
        "f gives shape () for x of shape (3,); a derivative is taken element by element: use gradient(f, x) where f gives "
        "one number"
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64], ids=str)
@pytest.mark.parametrize(
    "function",
    [autograd.derivative, autograd.gradient, autograd.finite_difference, autograd.check, autograd.explain_in_place],
)
def test_other_dtypes_have_no_gradient(function, dtype):
    # Without the import hook's check of the annotations, as a user calls it.
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(function)(torch.sum, torch.ones(3, dtype=dtype))
    assert str(raised.value) == (f"x has dtype {dtype}; only floating-point tensors have gradients: pass x.float()")


# What is wrong in place


def add_to_a_product(x):
    y = x * 2
    y.add_(1)
    return y


def add_to_a_power(x):
    z = x.exp()
    z.add_(1)
    return z


def add_to_one_of_several_views(x):
    y = x * 1
    first, *_ = y.unbind()
    first.add_(1)
    return y


def change_the_input_of_a_square(x):
    y = x * 1
    z = y**2
    y.add_(1)
    return z


def through_data(x):
    z = x.exp()
    z.data.add_(1)
    return z


def through_detach(x):
    z = x.exp()
    z.detach().add_(1)
    return z


def without_grad(x):
    y = x * 1
    z = y.sin()
    with torch.no_grad():
        y.data.add_(1)
    return z


IN_PLACE = [
    (add_to_a_product, "works", None),
    (torch.square, "works", None),
    (lambda x: (x * 1).relu_(), "works", None),
    (lambda x: (x * 1).mul_(3).add_(1).neg_(), "works", None),
    (lambda x: (x * 1).exp_().clone().add_(1), "works", None),
    (lambda x: x.clone()[:1].zero_(), "works", None),
    (lambda x: x.add_(1), "leaf", "at once"),
    (lambda x: x.view(-1).add_(1), "leaf", "at once"),
    (lambda x: x[0].add_(1), "leaf", "at once"),
    (add_to_a_power, "saved", "at backward"),
    (lambda x: torch.sigmoid(x).mul_(2), "saved", "at backward"),
    (change_the_input_of_a_square, "saved", "at backward"),
    (through_detach, "saved", "at backward"),
    (add_to_one_of_several_views, "view", "at once"),
    (through_data, "wrong", None),
    (without_grad, "wrong", None),
]


@pytest.mark.claim("autograd", "in-place-breaks-gradients")
@pytest.mark.parametrize(("f", "verdict", "when"), IN_PLACE, ids=[f"{n}-{case[1]}" for n, case in enumerate(IN_PLACE)])
def test_what_becomes_of_a_change_in_place(f, verdict, when):
    x = torch.tensor([0.5, 1.0, 2.0])
    explanation = autograd.explain_in_place(f, x)
    assert (explanation.verdict, explanation.raised) == (verdict, when)
    assert x.tolist() == [0.5, 1.0, 2.0]
    # As a user meets it, without tensorref.
    leaf = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
    if when == "at once":
        with pytest.raises(RuntimeError) as raised:
            f(leaf)
    elif when == "at backward":
        total = f(leaf).sum()
        with pytest.raises(RuntimeError) as raised:
            total.backward()
    else:
        f(leaf).sum().backward()
        assert explanation.messages is None
        assert explanation.automatic == pytest.approx(leaf.grad.tolist(), rel=1e-5)
        agrees = explanation.automatic == pytest.approx(explanation.measured, abs=1e-5)
        assert agrees == (verdict == "works")
    if when:
        assert explanation.automatic is None
        dtypes = re.compile(r"torch\.(\w+\.)?\w+Tensor")
        assert dtypes.sub("", str(raised.value)) == dtypes.sub("", explanation.messages.torch)
    assert bool(explanation.advice) == (verdict != "works")


@pytest.mark.claim("in-place-breaks-gradients")
def test_add_on_what_is_no_leaf_works_and_the_gradient_is_right():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    assert not y.is_leaf
    y.add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


@pytest.mark.claim("in-place-breaks-gradients")
def test_add_on_a_leaf_raises_at_once():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with pytest.raises(
        RuntimeError, match=r"^a leaf Variable that requires grad is being used in an in-place operation\."
    ):
        x.add_(1)
    with torch.no_grad():
        x.add_(1)  # what an optimizer does
    assert x.tolist() == [2, 3, 4]


@pytest.mark.claim("in-place-breaks-gradients")
def test_a_change_of_a_saved_value_raises_at_backward():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = x.exp()
    z.add_(1)
    with pytest.raises(RuntimeError, match="one of the variables needed for gradient computation has been modified"):
        z.sum().backward()


def test_the_first_advice_is_a_new_tensor():
    for f, verdict, _ in IN_PLACE:
        if verdict != "works":
            advice = autograd.explain_in_place(f, torch.tensor([0.5, 1.0, 2.0])).advice
            assert "write the operation without the underscore, which makes a new tensor" in advice
            assert advice.startswith("write" if verdict != "wrong" else "if f changes a value in place, write")


NO_CHANGE = {
    "a corner": (lambda x: (x * 2).relu_(), 0.0),
    "a detached value": (lambda x: x * x.detach(), 1.0),
}


@pytest.mark.parametrize("name", NO_CHANGE)
def test_wrong_does_not_accuse_what_changes_nothing(name):
    f, at = NO_CHANGE[name]
    explanation = autograd.explain_in_place(f, torch.tensor([at]))
    assert (explanation.verdict, explanation.raised) == ("wrong", None)
    assert explanation.notes() == (
        (
            "Autograd and the measurement differ: a change that autograd does not record, a detached value, randomness, "
            "half precision, or a corner of f."
        ),
        (
            "If f changes a value in place, write the operation without the underscore, which makes a new tensor; never "
            "write through .data, and under torch.no_grad() only to leaves."
        ),
    )


@pytest.mark.claim("in-place-breaks-gradients")
def test_under_no_grad_a_saved_value_is_noticed_and_another_is_not():
    def changed(operation):
        def f(x):
            z = operation(x)
            with torch.no_grad():
                z.mul_(3)
            return z

        return f

    saved = autograd.explain_in_place(changed(torch.exp), torch.tensor([1.0]))
    assert (saved.verdict, saved.raised) == ("saved", "at backward")
    silent = autograd.explain_in_place(changed(lambda x: x * 2), torch.tensor([1.0]))
    assert (silent.verdict, silent.raised, silent.automatic) == ("wrong", None, (2.0,))
    assert silent.measured == pytest.approx((6.0,))


def test_the_fixes_work():
    x = torch.tensor([0.5, 1.0])
    for fixed in (lambda x: x.exp().add(1), lambda x: x.exp().clone().add_(1), lambda x: (x * 1)[0].add_(1)):
        assert autograd.explain_in_place(fixed, x).verdict == "works"


def test_other_errors_are_not_about_gradients():
    with pytest.raises(RuntimeError, match="must match the size"):
        autograd.explain_in_place(lambda x: (x * 1).add_(torch.ones(3)), torch.ones(2))


def changes_the_base_of(parts):
    def f(x):
        y = x * 2
        first, *_ = parts(y)
        y.add_(1)
        return first * 1

    return f


def in_no_grad(y):
    with torch.no_grad():
        return (y[:1],)


def changes_what_inference_made(x):
    with torch.inference_mode():
        made = torch.ones(3)
    return x * made.add_(1)


def saves_what_inference_made(x):
    with torch.inference_mode():
        made = torch.ones(3)
    return x * made


def adds_shifted(x):
    y = x * 2
    y[1:] += y[:-1]
    return y


REFUSED = {
    "base of a chunk": (changes_the_base_of(lambda y: y.chunk(2)), "view"),
    "base of a split": (changes_the_base_of(lambda y: y.split(1)), "view"),
    "base of unbind": (changes_the_base_of(lambda y: y.unbind()), "view"),
    "base of a view under no_grad": (changes_the_base_of(in_no_grad), "view"),
    "a view under no_grad": (lambda x: in_no_grad(x * 2)[0].add_(1), "view"),
    "detach_ on a view": (lambda x: (x * 2)[0].detach_() + x, "view"),
    "inference tensor": (changes_what_inference_made, "inference"),
    "inference tensor saved": (saves_what_inference_made, "inference"),
    "expanded": (lambda x: (x * 2)[:1].expand(3).add_(1), "overlap"),
    "shifted": (adds_shifted, "overlap"),
    "out": (lambda x: torch.add(x, x, out=torch.empty(3)), "output"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_has_a_verdict(name):
    f, verdict = REFUSED[name]
    explanation = autograd.explain_in_place(f, torch.tensor([0.5, 1.0, 2.0]))
    assert (explanation.verdict, explanation.raised, explanation.automatic) == (verdict, "at once", None)
    with pytest.raises(RuntimeError) as raised:
        f(torch.tensor([0.5, 1.0, 2.0], requires_grad=True))
    assert str(raised.value) == explanation.messages.torch
    assert explanation.advice
    assert str(explanation).splitlines()[0].split() == ["element", "autograd", "measured"]


def filled(dtype, size=3):
    def f(x):
        out = torch.zeros(size, dtype=dtype)
        out[:] = x * 2
        return out

    return f


def in_a_cache(x):
    cache = torch.zeros(2, 3)
    cache[0] = x.exp()
    cache[1] = x * x
    return cache.prod(0)


ROUNDING = {
    "buffer": filled(torch.float32),
    "buffer in double": filled(torch.float64),
    "cache": in_a_cache,
    "float inside": lambda x: (x.float() ** 2).to(x.dtype),
    "RMS norm in float32": lambda x: (x.float() * (x.float() ** 2).mean().rsqrt()).to(x.dtype),
    "zeros_like": lambda x: torch.zeros_like(x).copy_(x * 3),
}


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [0.1, -7.3, 1000.0], [0.05, 2.5, 5.0]], ids=str)
@pytest.mark.parametrize("name", ROUNDING)
def test_rounding_in_a_function_does_not_make_its_gradient_wrong(name, values):
    values = [min(value, 20.0) for value in values] if name == "cache" else values
    x = torch.tensor(values)
    explanation = autograd.explain_in_place(ROUNDING[name], x)
    assert explanation.verdict == "works", explanation
    leaf = x.double().requires_grad_()
    ROUNDING[name](leaf).sum().backward()
    assert explanation.automatic == pytest.approx(leaf.grad.tolist(), rel=1e-5)
    if max(values) <= 3:
        assert autograd.check(lambda x: ROUNDING[name](x).sum(), x).right


@pytest.mark.parametrize("wrong", [1.02, 2.0, 0.0], ids=str)
@pytest.mark.parametrize("name", ROUNDING)
def test_rounding_does_not_hide_a_wrong_gradient(name, wrong):
    def f(x):
        right = ROUNDING[name](x)
        return right + (wrong - 1) * right.detach() if wrong != 1 else right

    x = torch.tensor([1.0, 2.0, 3.0])
    assert autograd.explain_in_place(f, x).verdict == "wrong"
    assert not autograd.check(lambda x: f(x).sum(), x).right


def test_randomness_is_not_taken_for_rounding():
    torch.manual_seed(0)
    assert autograd.explain_in_place(lambda x: x * torch.rand(3), torch.ones(3)).verdict == "wrong"


@pytest.mark.parametrize(
    "function",
    [autograd.derivative, autograd.gradient, autograd.finite_difference, autograd.check, autograd.explain_in_place],
)
def test_what_gives_or_is_no_tensor_is_refused(function):
    function, x = inspect.unwrap(function), torch.ones(3)
    for f, words in [
        (lambda _: 3.0, "f gives a float, not a tensor; compute it from x with PyTorch's operations alone"),
        (
            lambda x: x.numpy(force=True),
            "f gives a ndarray, not a tensor; compute it from x with PyTorch's operations alone",
        ),
        (lambda _: None, "f gives a NoneType, not a tensor; compute it from x with PyTorch's operations alone"),
        (lambda x: x.max(dim=0), "f gives a max, not a tensor; return one of them"),
        (lambda x: (x, x), "f gives a tuple, not a tensor; return one of them"),
    ]:
        with pytest.raises(TypeError) as raised:
            function(f, x)
        assert str(raised.value) == words
    with pytest.raises(TypeError) as raised:
        function(torch.sum, [1.0, 2.0])
    assert str(raised.value) == "x is of type list, not a PyTorch tensor; make it one with torch.tensor(x)"
    with pytest.raises(TypeError) as raised:
        function(torch.sum, torch.ones(3).numpy())
    assert str(raised.value) == "x is of type ndarray, not a PyTorch tensor; make it one with torch.as_tensor(x)"


SEVERAL = {
    "max": (lambda x: x.max(dim=0), (), ("result[1]",)),
    "topk": (torch.topk, (2,), ("result[1]",)),
    "sort": (torch.sort, (), ("result[1]",)),
    "chunk": (torch.chunk, (2,), ()),
    "unbind": (torch.unbind, (), ()),
    "masked_fill": (torch.masked_fill, (torch.tensor([True, False, True], device="cpu"), 0.0), ("tensors[1]",)),
    "index_select": (torch.index_select, (0, torch.tensor([0, 2], device="cpu")), ("tensors[2]",)),
    "exp in chunks": (lambda x: x.exp().chunk(2), (), ("result[0]", "result[1]")),
    "no tensor": (lambda _: 3.0, (), ()),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_what_operations_of_several_results_and_other_arguments_save(name):
    operation, more, expected = SEVERAL[name]
    x = torch.tensor([0.5, 1.0, 2.0], device="cpu")
    assert autograd.saved(operation, x, *more) == expected
    if name in {"max", "topk", "sort"}:  # as PyTorch meets a change
        values, indices = operation(x.clone().requires_grad_(), *more)
        indices.add_(0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            values.sum().backward()


OPERATIONS = {
    "exp": torch.exp,
    "sqrt": torch.sqrt,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "reciprocal": torch.reciprocal,
    "softmax": lambda x: x.softmax(0),
    "log_softmax": lambda x: x.log_softmax(0),
    "log": torch.log,
    "sin": torch.sin,
    "square": torch.square,
    "power": lambda x: x**3,
    "abs": torch.abs,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "times": lambda x: x * 2,
    "itself": lambda x: x * x,
    "plus": lambda x: x + 2,
    "neg": torch.neg,
    "sum": torch.sum,
    "mean": torch.mean,
    "cumsum": lambda x: x.cumsum(0),
    "clone": torch.clone,
}


@pytest.mark.claim("in-place-breaks-gradients")
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_change_raises_exactly_where_the_value_was_saved(name):
    operation, x = OPERATIONS[name], torch.tensor([0.5, 1.0, 2.0])
    kept = autograd.saved(operation, x)

    def changes_the_result(x):
        return operation(x).add_(1)

    def changes_the_argument(x):
        y = x + 0
        result = operation(y)
        y.add_(1)
        return result

    for changes, what in [(changes_the_result, "result"), (changes_the_argument, "tensors[0]")]:
        verdict = autograd.explain_in_place(changes, x).verdict
        assert verdict == ("saved" if what in kept else "works"), what


@pytest.mark.parametrize(
    "x", [torch.arange(6.0, device="cpu").reshape(2, 3).T, torch.ones(3, 1, device="cpu").expand(3, 2)], ids=["T", "e"]
)
def test_a_tensor_need_not_be_contiguous(x):
    assert not x.is_contiguous()
    result = autograd.check(lambda x: (x**2).sum(), x)
    assert result.right
    assert result.automatic == tuple((2 * x).flatten().tolist())
    torch.testing.assert_close(autograd.finite_difference(lambda x: (x**2).sum(), x), (2 * x).double())
    assert autograd.explain_in_place(lambda x: (x * 2).add_(1), x).verdict == "works"


VIEWED = {
    "linear": torch.nn.functional.linear,
    "transposed": lambda a, b: a @ b.mT,
    "reshaped": lambda a, b: a.reshape(-1)[:4] * b.reshape(-1)[:4],
}


@pytest.mark.parametrize("name", VIEWED)
def test_what_is_saved_through_a_view_is_named(name):
    tensors = [torch.ones(2, 3), torch.ones(4, 3)]
    assert autograd.saved(VIEWED[name], *tensors) == ("tensors[0]", "tensors[1]")
    for changed in range(2):
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        result = VIEWED[name](*leaves)
        with torch.no_grad():
            leaves[changed].add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            result.sum().backward()


def test_empty_tensors_share_no_memory():
    assert autograd.saved(torch.mul, torch.ones(0), torch.ones(0)) == ()
    assert autograd.saved(lambda x, y: x.exp() + y * 2, torch.ones(0), torch.ones(0)) == ()


def test_saved_of_several_arguments():
    x, y = torch.ones(2, 3), torch.ones(3, 2)
    assert autograd.saved(torch.matmul, x, y) == ("tensors[0]", "tensors[1]")
    assert autograd.saved(torch.maximum, x, x) == ("tensors[0]", "tensors[1]")
    assert autograd.saved(torch.add, x, x) == ()
    assert not x.requires_grad


def test_results_are_data():
    x = torch.tensor([1.0, 2.0])
    for result in (autograd.check(torch.sum, x), autograd.explain_in_place(torch.exp, x)):
        assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
        assert result.notes()[0] in result._repr_html_()
        assert len(result.table()) == 3
    empty = autograd.check(torch.sum, torch.ones(0))
    assert (empty.right, empty.error, empty.automatic) == (True, 0, ())
    assert math.isclose(autograd.check(torch.sum, x).measured[0], 1, abs_tol=1e-9)


def test_a_float32_buffer_spoils_no_measurement_where_pytorch_raises():
    def given_as_out(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(3)
        torch.mul(x, 2, out=out)
        return out

    explanation = autograd.explain_in_place(given_as_out, torch.tensor([1.0, 2.0, 3.0]))
    assert explanation.verdict == "output"
    assert explanation.measured == pytest.approx((2.0, 2.0, 2.0), abs=1e-4)


def test_a_step_is_as_exact_as_the_point_whatever_the_default_dtype():
    x = torch.tensor([2.0, 3.0], device="cpu")
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float16)
    try:
        slope = autograd.finite_difference(lambda x: (x**2).sum(), x, step=1e-9)
    finally:
        torch.set_default_dtype(usual)
    assert slope.tolist() == pytest.approx([4.0, 6.0], abs=1e-5)


# The graph


def several(x, w):
    hidden = torch.tanh(x @ w)
    first, second = hidden.chunk(2, dim=-1)
    return (first * second.detach()).sum() + (hidden > 0).sum()


GRAPHS = {
    "a product": (lambda x, w: (x @ w).relu().sum(), [True, True]),
    "one of two": (lambda x, _w: x.exp(), [True, False]),
    "several results": (several, [True, True]),
    "a cut": (lambda x, w: (x.detach() @ w).sum(), [False, True]),
    "without a record": (lambda x, w: x.data @ w.detach(), [False, False]),
    "a buffer": (lambda x, _w: torch.zeros(3, 2).copy_(x), [True, False]),
    "a list": (lambda x, w: torch.cat([x, w]), [True, True]),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_reaches_the_leaves_that_get_a_gradient(name):
    f, expected = GRAPHS[name]
    x, w = torch.rand(3, 2, requires_grad=True), torch.rand(2, 2, requires_grad=True)
    graph = autograd.graph(f, x, w)
    assert (x.grad, w.grad) == (None, None)
    result = f(x, w)
    if result.requires_grad:
        result.sum().backward()
    assert [place in graph.reached for place in (0, 1)] == expected == [x.grad is not None, w.grad is not None]
    assert graph.nodes[graph.result].shape == result.shape
    assert graph.nodes[graph.result].passes == result.requires_grad


@pytest.mark.parametrize(("f", "verdict", "when"), IN_PLACE, ids=[f"{n}-{case[1]}" for n, case in enumerate(IN_PLACE)])
def test_a_graph_says_of_a_change_in_place_what_pytorch_does(f, verdict, when):
    graph = autograd.graph(f, torch.tensor([0.5, 1.0, 2.0], device="cpu"))
    assert graph.raised == when
    assert any(node.spoils for node in graph.nodes) == (verdict in {"saved", "wrong"})
    assert (graph.messages is None) == (when is None)


@pytest.mark.parametrize("operation", [torch.exp, torch.sin, torch.neg, torch.sigmoid, torch.square, torch.sum])
def test_a_node_saves_what_saved_says(operation):
    x = torch.ones(3, device="cpu")
    node = autograd.graph(operation, x).nodes[1]
    names = {"tensors[0]": autograd.graph(operation, x).nodes[0].name, "result": "result"}
    assert node.saves == tuple(names[name] for name in autograd.saved(operation, x))


def test_a_module_has_its_parameters_as_leaves():
    graph = autograd.graph(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)), torch.ones(4, 2))
    leaves = [node.name for node in graph.nodes if not node.inputs]
    assert leaves == ["input", "0.weight", "0.bias", "1.weight", "1.bias"]
    assert [node.name for node in graph.nodes if node.inputs] == ["linear", "linear #2"]
    assert len(graph.reached) == 5


def test_operations_are_called_as_in_code():
    def f(x):
        y = 1 - x.mT
        y += 1
        y[0] = 2.0
        return (y / 2 @ x).T

    names = [node.name for node in autograd.graph(f, torch.ones(3, 2)).nodes]
    assert names == ["x", "mT", "rsub", "add_", "setitem", "div", "matmul", "T"]


def test_a_graph_counts_the_gradients_that_are_added_up():
    graph = autograd.graph(lambda x: x * x.detach() + x, torch.ones(2))
    assert "x is used 2 times, and its 2 gradients are added up." in graph.notes()
    assert "No gradient goes through detach." in graph.notes()
    assert json.loads(json.dumps(graph.to_dict())) == graph.to_dict()


def test_a_graph_without_a_way_back():
    graph = autograd.graph(lambda x: x.detach(), torch.ones(2))
    assert graph.notes() == ("No gradient comes back to a leaf.", "No gradient goes through detach.")


def test_a_graph_of_what_was_made_before_has_no_leaf():
    before = torch.ones(2, requires_grad=True).exp()
    graph = autograd.graph(lambda: before * 2)
    assert (graph.nodes, graph.reached) == ((), ())
    assert graph.notes() == ("No gradient comes back to a leaf.",)


def test_other_errors_of_a_graph_pass():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        autograd.graph(lambda x: x @ x, torch.ones(2, 3))
    with pytest.raises(TypeError) as raised:
        autograd.graph(lambda _: 3.0, torch.ones(2))
    assert str(raised.value) == "f gives a float, not a tensor; compute it from x with PyTorch's operations alone"
