"""Every exercise takes its solution for right, wrong answers for wrong, and never says what is wanted."""

from __future__ import annotations

import inspect
import math
import re

import numpy as np
import pytest
import torch

import tensorref
from tensorref import exercises

ATTENTION = {"embedding-lookup", "attention-weights", "attention-output"}


def solved(name):
    """Return the solution as the function that it is, with what a reader would have imported."""
    namespace = {"torch": torch, "math": math, "np": np}
    exec(exercises.get(name).solution, namespace)  # noqa: S102  the code is ours
    (function,) = (value for value in namespace.values() if inspect.isfunction(value))
    return function


def softmax_of(scores, dim):
    return scores, torch.softmax(scores, dim)


def in_place(scores, allowed):
    return scores.masked_fill_(~allowed, -torch.inf)


def differentiated_in_place(function, x):
    y = x.requires_grad_()
    function(y).sum().backward()
    with torch.no_grad():
        x += 1
    return y.grad


# A wrong answer to an exercise, and what is said of it.
WRONG = {
    "tensor-bytes": {
        "sum": (
            lambda shape, itemsize: sum(shape) * itemsize,
            "With shape = (4, 8) and itemsize = 8: bytes is not right",
        ),
        "a NumPy integer": (lambda shape, itemsize: np.prod(shape) * itemsize, "bytes is an object of type int64, the"),
        "a float": (
            lambda shape, itemsize: float(math.prod(shape) * itemsize),
            "bytes is an object of type float, the",
        ),
        "overflow": (
            lambda shape, itemsize: int(np.prod(shape, dtype=np.int64)) * itemsize,
            "bytes is not right (it is 0).",
        ),
    },
    "positions": {
        "one row": (
            lambda _, seq_len: torch.arange(seq_len),
            (
                "positions has shape (5,), the task asks for (2, 5). The difference is one of broadcasting (axis -2 is "
                "missing), which == and allclose do not see."
            ),
        ),
        "one row with an axis": (
            lambda _, seq_len: torch.arange(seq_len)[None],
            (
                "positions has shape (1, 5), the task asks for (2, 5). The difference is one of broadcasting (axis -2 has 1 "
                "instead of 2), which == and allclose do not see."
            ),
        ),
        "floats": (
            lambda batch, seq_len: torch.arange(float(seq_len)).expand(batch, -1),
            "positions has dtype torch.float32, the task asks for torch.int64.",
        ),
        "from one on": (
            lambda batch, seq_len: torch.arange(1, seq_len + 1).expand(batch, -1),
            "positions[0, 0] is not right (it is 1); 10 of 10 elements differ, this is the first.",
        ),
    },
    "last-token": {
        "every pair": (
            lambda hidden, lengths: hidden[:, lengths - 1],
            (
                "vectors has shape (3, 3, 2), the task asks for (3, 2). The difference is one of broadcasting (axis -3, of "
                "size 3, is too many), which == and allclose do not see."
            ),
        ),
        "the last place": (
            lambda hidden, _: hidden[:, -1],
            "vectors[1, 0] is not right (it is 18); 4 of 6 elements differ",
        ),
        "off by one": (
            lambda hidden, lengths: hidden[torch.arange(len(hidden)), lengths],
            "it raised IndexError: index 5 is out of bounds",
        ),
    },
    "silu": {
        "overflow": (
            lambda x: x * torch.exp(x) / (1 + torch.exp(x)),
            "With x of shape (2,): activations[1] is not right (it is nan)",
        ),
        "nothing": (lambda _: None, "activations is nothing (a return is missing), the task asks for Tensor."),
        "sparse": (
            lambda x: torch.nn.functional.silu(x).to_sparse(),
            "With x of shape (7,): activations has layout torch.sparse_coo, the task asks for torch.strided.",
        ),
        "relu": (torch.relu, "activations[0] is not right (it is 0); 6 of 7 elements differ"),
    },
    "cosine-similarity": {
        "dot products": (lambda a, b: a @ b.mT, "similarities[0, 0] is not right"),
        "turned": (
            lambda a, b: torch.cosine_similarity(b[:, None], a, dim=-1),
            "similarities has shape (5, 3), the task asks for (3, 5). The sizes are right, the order of the axes is not.",
        ),
        "pairs": (
            lambda a, b: torch.cosine_similarity(a, b, dim=-1),
            "it raised RuntimeError: The size of tensor a (3)",
        ),
    },
    "squared-errors": {
        "every pair": (
            lambda prediction, target: (prediction - target) ** 2,
            (
                "errors has shape (6, 6), the task asks for (6,). The difference is one of broadcasting (axis -2, of size 6, "
                "is too many), which == and allclose do not see."
            ),
        ),
        "a column": (
            lambda prediction, target: (prediction - target[:, None]) ** 2,
            (
                "errors has shape (6, 1), the task asks for (6,). The difference is one of broadcasting (axis -1 has 1 instead "
                "of 6, axis -2, of size 6, is too many), which == and allclose do not see."
            ),
        ),
        "squeezed to a scalar": (
            lambda prediction, target: (prediction.squeeze() - target).squeeze() ** 2,
            "With prediction of shape (1, 1) and target of shape (1,): errors has shape (), the task asks for (1,).",
        ),
        "not squared": (lambda prediction, target: prediction[:, 0] - target, "errors[0] is not right"),
    },
    "to-numpy": {
        "a tensor": (
            lambda tensor: tensor.detach().float(),
            "array is an object of type Tensor, the task asks for ndarray.",
        ),
        "bfloat16": (lambda tensor: tensor.cpu().numpy(), "it raised TypeError: Got unsupported ScalarType BFloat16"),
        "grad": (
            lambda tensor: tensor.float().cpu().numpy(),
            "it raised RuntimeError: Can't call numpy() on Tensor that",
        ),
        "reversed": (
            lambda tensor: tensor.detach().float().numpy()[::-1],
            "With tensor of shape (2, 3): array[0, 0] is not right (it is ",
        ),
        "float64": (
            lambda tensor: np.array(tensor.tolist()),
            "array has dtype float64, the task asks for float32.",
        ),
    },
    "mixed-product": {
        "no promotion": (lambda x, weight: x @ weight, "it raised RuntimeError: "),
        "float16": (lambda x, weight: x.to(weight) @ weight, "product has dtype torch.float16, the task asks for"),
        "rounded first": (lambda x, weight: (x.to(weight) @ weight).float(), "product[0, 0] is not right"),
    },
    "split-heads": {
        "view alone": (lambda x, heads: x.reshape(x.shape[0], heads, x.shape[1], -1), "heads[0, 0, 1, 0] is not right"),
        "no transpose": (
            lambda x, heads: x.unflatten(-1, (heads, -1)),
            (
                "heads has shape (2, 5, 4, 3), the task asks for (2, 4, 5, 3). The sizes are right, the order of the axes is "
                "not."
            ),
        ),
        "interleaved": (
            lambda x, heads: x.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2),
            "heads[0, 0, 0, 1] is not right",
        ),
    },
    "rows-of-zeros": {
        "default dtype": (
            lambda x, count: torch.zeros(count, x.shape[-1], device=x.device),
            "With x of shape (2, 3) and count = 1: rows has dtype torch.float32, the task asks for torch.bfloat16.",
        ),
        "default device": (
            lambda x, count: torch.zeros(count, x.shape[-1], dtype=x.dtype),
            "the task asks for meta.",
        ),
        "one row": (
            lambda x, _: x.new_zeros(x.shape[-1]),
            "rows has shape (3,), the task asks for (4, 3). The difference is",
        ),
    },
    "derivative": {
        "the value": (
            lambda function, x: function(x),
            "With function = sin and x of shape (5,): slopes[0] is not right",
        ),
        "the sum": (
            lambda function, x: torch.func.grad(lambda y: function(y).sum())(x).sum(),
            "slopes has shape (), the task asks for (5,).",
        ),
        "x changed": (differentiated_in_place, "it changed its argument x; return a new tensor."),
    },
    "log-softmax": {
        "naive": (lambda logits: logits.exp() / logits.exp().sum(-1, keepdim=True), "logarithms[0, 0] is not right"),
        "overflow": (lambda logits: torch.log(logits.exp() / logits.exp().sum(-1, keepdim=True)), "(it is nan)"),
        "underflow": (lambda logits: logits.softmax(-1).log(), "logarithms[0, 2] is not right (it is -inf)"),
        "over all": (lambda logits: logits - logits.logsumexp((0, 1)), "logarithms[0, 0] is not right"),
    },
    "embedding-lookup": {
        "one id": (
            lambda table, token_ids: table[token_ids[0]],
            "embeddings has shape (32,), the task asks for (4, 32).",
        ),
        "always the same": (
            lambda table, _: table[[5, 23, 7, 42]],
            "With table of shape (10, 3) and token_ids of shape (2, 3): it raised IndexError: ",
        ),
        "one hot with a float64": (
            lambda table, token_ids: torch.nn.functional.one_hot(token_ids, len(table)).double() @ table.double(),
            "embeddings has dtype torch.float64, the task asks for torch.float32.",
        ),
        "a row further": (lambda table, token_ids: table[token_ids - 1], "embeddings[0, 0] is not right"),
    },
    "attention-weights": {
        "columns": (lambda tokens: softmax_of(tokens @ tokens.T, 0), "weights[0, 1] is not right"),
        "scaled": (lambda tokens: softmax_of(tokens @ tokens.T / 8**0.5, -1), "scores[0, 0] is not right"),
        "weights alone": (
            lambda tokens: torch.softmax(tokens @ tokens.T, -1),
            "it returned an object of type Tensor, the task asks for a tuple of scores and weights.",
        ),
        "three": (
            lambda tokens: (tokens,) * 3,
            "it returned a tuple of 3, the task asks for a tuple of scores and weights.",
        ),
        "of features": (
            lambda tokens: softmax_of(tokens.T @ tokens, -1),
            "scores has shape (8, 8), the task asks for (6, 6).",
        ),
    },
    "attention-output": {
        "columns": (lambda weights, tokens: weights.T @ tokens, "output[0, 0] is not right"),
        "the tokens": (lambda _, tokens: tokens, "output[0, 0] is not right"),
        "their mean": (
            lambda weights, tokens: (weights @ tokens).mean(0),
            "output has shape (8,), the task asks for (6, 8). The difference is one of broadcasting (axis -2 is missing)",
        ),
        "element by element": (
            lambda weights, tokens: weights * tokens,
            "it raised RuntimeError: The size of tensor a (6)",
        ),
    },
    "layer-norm": {
        "unbiased": (
            lambda x: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5),
            "normalized[0, 0, 0] is not right",
        ),
        "eps outside": (
            lambda x: (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, correction=0) + 1e-5),
            "normalized[",
        ),
        "over the batch": (lambda x: (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5) ** 0.5, "normalized[0, 0, 0]"),
    },
    "mask-scores": {
        "in place": (
            in_place,
            "it changed its argument scores; return a new tensor. Methods ending in _, += and x[...] = change.",
        ),
        "zeros": (lambda scores, allowed: scores * allowed, "masked[0, 0, 1] is not right (it is "),
        "the other way round": (
            lambda scores, allowed: scores.masked_fill(allowed, -torch.inf),
            "masked[0, 0, 0] is not",
        ),
        "a large number": (lambda scores, allowed: scores.masked_fill(~allowed, -1e9), "masked[0, 0, 1] is not right"),
    },
}
CASES = [(name, answer) for name, answers in WRONG.items() for answer in answers]


@pytest.mark.parametrize("name", exercises.names())
def test_the_solution_is_right(name):
    verdict = exercises.get(name).check(solved(name))
    assert verdict.correct, verdict
    assert verdict
    assert str(verdict) == "Right."


@pytest.mark.parametrize(("name", "answer"), CASES, ids=[f"{name}: {answer}" for name, answer in CASES])
def test_a_wrong_answer_is_told_its_first_difference(name, answer):
    function, words = WRONG[name][answer]
    verdict = exercises.get(name).check(function)
    assert not verdict.correct
    assert not verdict
    assert str(verdict).startswith("Not yet. With ")
    assert words in str(verdict)


@pytest.mark.parametrize("name", exercises.names())
def test_every_exercise_has_two_wrong_answers(name):
    assert len(WRONG[name]) >= 2


@pytest.mark.parametrize("name", exercises.names())
def test_an_answer_that_is_off_a_little_is_wrong_and_is_not_told_the_value(name):
    right = solved(name)

    def off(*arguments):
        result = right(*arguments)
        *before, last = result if isinstance(result, tuple) else (result,)
        seen.append(last)
        last = last + 1 if isinstance(last, int) or not is_float(last) else last + abs(last) * 0.03 + 0.03
        return (*before, last) if before else last

    seen = []
    verdict = exercises.get(name).check(off)
    assert not verdict.correct
    told = re.fullmatch(
        r"Not yet\. With .*: \w+(\[[\d, ]+\])? is not right \(it is (\S+)\)(; \d+ of \d+ elements differ, this is the first)?\.",
        str(verdict),
    )
    place = tuple(map(int, re.findall(r"\d+", told[1] or "")))
    wanted = seen[-1][place] if place else seen[-1]
    assert f"{wanted:.4g}" != told[2]


def is_float(value):
    return value.is_floating_point() if isinstance(value, torch.Tensor) else value.dtype.kind == "f"


@pytest.mark.parametrize("name", exercises.names())
def test_rounding_is_allowed(name):
    right = solved(name)

    def rounded(*arguments):
        result = right(*arguments)
        parts = result if isinstance(result, tuple) else (result,)
        parts = tuple(part * (1 + 2e-7) if not isinstance(part, int) and is_float(part) else part for part in parts)
        return parts if isinstance(result, tuple) else parts[0]

    assert exercises.get(name).check(rounded)


def test_every_concept_has_an_exercise_and_attention_has_three():
    concepts = {exercises.get(name).concept for name in exercises.names()}
    assert concepts == {*tensorref.__all__} - {"benchmark", "exercises"}
    assert {*exercises.names()} >= ATTENTION
    for name in ATTENTION:
        assert exercises.get(name).concept == "llm"
    assert [exercises.get(name).name for name in exercises.names()] == [*exercises.names()]


def arguments_of(name):
    """Return what the checker calls an answer with, and what it says of one that gives nothing."""
    right, given = solved(name), []

    def recorded(*arguments):
        given.append(arguments)
        return right(*arguments)

    assert exercises.get(name).check(recorded)
    return given


@pytest.mark.parametrize("name", exercises.names())
def test_the_task_is_shown_and_the_rest_is_not(name):
    exercise, function = exercises.get(name), solved(name)
    assert exercise.starter == f"def {function.__name__}{inspect.signature(function)}:\n    ..."
    shown = f"{exercise!r}{exercise}"
    assert exercise.task in shown
    for hidden in (exercise.hint, *exercise.solution.splitlines()[1:]):
        assert hidden.strip() not in shown
    message = str(exercise.check(lambda *_: None))
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"\b{parameter} (of|=) ", message)


@pytest.mark.parametrize("name", exercises.names())
def test_inputs_are_the_same_each_time_and_the_global_seed_is_left_alone(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = arguments_of(name), arguments_of(name)
    assert torch.equal(before, torch.get_rng_state())
    assert len(first) >= 2
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a == b if not isinstance(a, torch.Tensor) else a.is_meta or torch.equal(a, b)


@pytest.mark.parametrize("name", exercises.names())
def test_answers_run_on_the_cpu_whatever_the_default_device(name):
    torch.set_default_device("meta")
    assert exercises.get(name).check(solved(name))
    assert {
        argument.device.type
        for arguments in arguments_of(name)
        for argument in arguments
        if hasattr(argument, "device")
    } <= {
        "cpu",
        *(["meta"] if name == "rows-of-zeros" else []),
    }
    assert torch.get_default_device().type == "meta"


def test_a_result_instead_of_a_function_is_refused():
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(exercises.Exercise.check)(exercises.get("embedding-lookup"), torch.zeros(4, 32))
    assert str(raised.value) == (
        "answer is of type Tensor; pass the function itself, not what it returns: check(lookup)"
    )


def test_an_error_without_words_and_one_of_several_lines():
    def raises(words):
        def answer(_):
            raise ValueError(*words)

        return str(exercises.get("silu").check(answer))

    assert raises([]) == "Not yet. With x of shape (7,): it raised ValueError: "
    assert raises(["one\ntwo"]) == "Not yet. With x of shape (7,): it raised ValueError: one"


@pytest.mark.parametrize(
    "strange",
    [
        lambda array: np.flip(np.flip(array).copy()),
        np.asfortranarray,
        lambda array: np.broadcast_to(array, array.shape),
        lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    ],
    ids=["negative strides", "column by column", "read-only", "every other"],
)
def test_an_array_is_right_whatever_its_memory(strange):
    assert exercises.get("to-numpy").check(lambda tensor: strange(solved("to-numpy")(tensor)))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_cannot_be_compared_is_told_and_does_not_crash():
    def nested(x):
        return torch.nested.nested_tensor([x, x])

    with pytest.raises(RuntimeError) as raised:
        tuple(nested(torch.ones(7)).shape)
    (line,) = str(raised.value).splitlines()[:1]
    assert str(exercises.get("silu").check(nested)) == (
        "Not yet. With x of shape (7,): activations cannot be compared with what the task asks for: "
        f"RuntimeError: {line}"
    )


def test_an_argument_that_became_another_kind_of_tensor_was_changed():
    def answered(change):
        def answer(scores, allowed):
            masked = scores.masked_fill(~allowed, -torch.inf)
            change(scores)
            return masked

        return str(exercises.get("mask-scores").check(answer))

    for change in (lambda x: setattr(x, "data", x.data.double()), lambda x: x.resize_(1)):
        assert answered(change) == (
            "Not yet. With scores of shape (2, 4, 4) and allowed of shape (4, 4): it changed its argument scores; return a "
            "new tensor. Methods ending in _, += and x[...] = change."
        )


def test_a_wrong_number_of_parameters_is_told():
    message = str(exercises.get("embedding-lookup").check(lambda table: table))
    assert "it raised TypeError: " in message
    assert "takes 1 positional argument but 2 were given" in message


def test_wrong_names_are_answered_with_those_there_are():
    with pytest.raises(ValueError) as raised:
        exercises.get("embedding")
    assert str(raised.value) == f"name is 'embedding'; the exercises are {', '.join(exercises.names())}"
    with pytest.raises(ValueError) as raised:
        exercises.names("exercises")
    assert str(raised.value) == (
        "concept is 'exercises', which has no exercise; those that have are anatomy, creation, indexing, elementwise, "
        "matmul, broadcasting, interop, dtypes, layout, devices, autograd, kernels, llm, pitfalls"
    )
