"""Small tasks, one or more for every concept, each with a checker that says what is wrong and not what is right.

>>> from tensorref import exercises
>>> print(exercises.get("split-heads"))
split-heads (layout)
Split the last axis of x, of shape (batch, seq_len, embed_dim), into heads: the result has shape (batch, num_heads, seq_len, head_dim), and head h of a token holds its features from h * head_dim on.
<BLANKLINE>
def split_heads(x, num_heads):
    ...
>>> def split_heads(x, num_heads):
...     batch, seq_len, embed_dim = x.shape
...     return x.view(batch, num_heads, seq_len, embed_dim // num_heads)
>>> print(exercises.get("split-heads").check(split_heads))
Not yet. With x of shape (2, 5, 12) and num_heads = 4: heads[0, 0, 1, 0] is not right (it is 3); 108 of 120 elements differ, this is the first.

An answer is a function. The checker calls it with several inputs, and is strict: shape, dtype and device must be those the
task asks for, values may differ by rounding alone, and the arguments must be left as they were. A shape that is wrong by a
broadcast is named as that, because ``==`` and ``allclose`` let it pass. `Exercise.hint` helps, `Exercise.solution` shows.

Three tasks lead from token ids to attention: ``embedding-lookup``,

>>> import torch
>>> from tensorref import llm
>>> embedding_table, token_ids = torch.zeros(100, 32), torch.tensor([5, 23, 7, 42])
>>> print(f"Embedding table: {embedding_table.shape}")
Embedding table: torch.Size([100, 32])
>>> print(f"Token IDs: {token_ids}")
Token IDs: tensor([ 5, 23,  7, 42])
>>> print(f"Embeddings shape: {llm.embedding(embedding_table, token_ids).shape}")
Embeddings shape: torch.Size([4, 32])

``attention-weights``, with the scores as plain dot products,

>>> tokens = torch.eye(6, 8)
>>> scores = llm.attention_scores(tokens, tokens, scale=1.0)
>>> weights = llm.attention_weights(scores)
>>> print(f"Attention scores shape: {scores.shape}")
Attention scores shape: torch.Size([6, 6])
>>> print(f"Attention weights shape: {weights.shape}")
Attention weights shape: torch.Size([6, 6])

and ``attention-output``:

>>> output = llm.attention(tokens, tokens, tokens, scale=1.0)
>>> for name, tensor in {"Input": tokens, "Weights": weights, "Output": output}.items():
...     print(f"{name}: {tensor.shape}")
Input: torch.Size([6, 8])
Weights: torch.Size([6, 6])
Output: torch.Size([6, 8])
>>> if (weights > 0).all():
...     print("Each output token is a weighted average of ALL input tokens!")
Each output token is a weighted average of ALL input tokens!
"""

# pyright: reportUnknownLambdaType=false
# What is expected, and of which arguments, stands beside each task as a function without types.

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tensorref import broadcasting

__all__ = ["Exercise", "Verdict", "get", "names"]

# Relative and absolute, as torch.testing.assert_close has them: sums may be taken in another order.
_TOLERANCES = {torch.float16: (1e-3, 1e-5), torch.bfloat16: (1.6e-2, 1e-5), torch.float64: (1e-7, 1e-7)}
_FLOAT32 = (1.3e-6, 1e-5)


@dataclass(frozen=True)
class Verdict:
    """What the checker says of an answer; true if the answer is right.

    >>> from tensorref import exercises
    >>> verdict = exercises.get("silu").check(lambda x: x)
    >>> verdict.correct, bool(verdict)
    (False, False)
    >>> print(verdict)
    Not yet. With x of shape (7,): activations[0] is not right (it is -3); 6 of 7 elements differ, this is the first.
    """

    correct: bool
    message: str
    """The first difference; it never holds the value that is wanted."""

    def __bool__(self) -> bool:
        return self.correct

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Exercise:
    """A task and what checks an answer to it; ``print`` shows the task alone.

    >>> from tensorref import exercises
    >>> exercise = exercises.get("embedding-lookup")
    >>> print(exercise.hint)
    An array of ids is an index.
    >>> print(exercise.solution)
    def lookup(table, token_ids):
        return table[token_ids]
    """

    name: str
    concept: str
    """The module that it belongs to."""
    task: str
    """What to write, with the shapes and the dtypes."""
    hint: str = field(repr=False)
    """What helps without telling the answer."""
    solution: str = field(repr=False)
    """Source of a function that the checker takes for right; one of many."""
    results: tuple[str, ...] = field(repr=False)
    """The names of what the function returns, which is a tuple where there are several."""
    _expected: Callable[..., Any] = field(repr=False, compare=False)
    _cases: Callable[[], Sequence[tuple[Any, ...]]] = field(repr=False, compare=False)

    @property
    def starter(self) -> str:
        """The function to fill in, which is the first line of the solution."""
        return self.solution.partition("\n")[0] + "\n    ..."

    def __str__(self) -> str:
        return f"{self.name} ({self.concept})\n{self.task}\n\n{self.starter}"

    def check(self, answer: Callable[..., Any]) -> Verdict:
        """Check an answer with several inputs, up to the first difference.

        >>> from tensorref import exercises
        >>> def lookup(table, token_ids):
        ...     return table[token_ids[0]]
        >>> print(exercises.get("embedding-lookup").check(lookup))
        Not yet. With table of shape (100, 32) and token_ids of shape (4,): embeddings has shape (32,), the task asks for (4, 32). The difference is one of broadcasting (axis -2 is missing), which == and allclose do not see.

        Parameters
        ----------
        answer
            The function itself, of the parameters that the task names. It runs on the CPU, where an index out of range
            raises an error rather than ending all work on the accelerator.

        Returns
        -------
        :
            Whether it is right, and if not, what differs first: an error it raised, an argument it changed, and of what
            it returned the type, the layout, the shape, the dtype, the device or the first element.

        Raises
        ------
        TypeError
            If `answer` cannot be called.
        """
        if not callable(answer):
            raise TypeError(
                f"answer is of type {type(answer).__name__}; pass the function itself, not what it returns: "
                f"check({self.starter[4:].partition('(')[0]})"
            )
        parameters = [*inspect.signature(self._expected).parameters]
        with torch.device("cpu"):
            for arguments in self._cases():
                before = [_copy(argument) for argument in arguments]
                wrong = next(self._differences(answer, dict(zip(parameters, arguments, strict=True)), before), None)
                if wrong:
                    given = [_described(*pair) for pair in zip(parameters, before, strict=True)]
                    return Verdict(correct=False, message=f"Not yet. With {' and '.join(given)}: {wrong}")
        return Verdict(correct=True, message="Right.")

    def _differences(self, answer: Callable[..., Any], given: Mapping[str, Any], before: list[Any]) -> Iterator[str]:
        try:
            got = answer(*given.values())
        except Exception as error:  # noqa: BLE001  whatever the answer raises is told to its author
            yield f"it raised {_first_line(error)}"
            return
        for (name, argument), original in zip(given.items(), before, strict=True):
            if isinstance(argument, Tensor) and _changed(argument, original):
                yield f"it changed its argument {name}; return a new tensor. Methods ending in _, += and x[...] = change."
        wanted = self._expected(*before)
        if len(self.results) > 1:
            if not isinstance(got, tuple) or len(got) != len(self.results):
                yield f"it returned {_kind(got)}, the task asks for a tuple of {' and '.join(self.results)}."
                return
        else:
            got, wanted = (got,), (wanted,)
        for name, *pair in zip(self.results, got, wanted, strict=True):
            try:
                yield from _compared(name, *pair)
            except Exception as error:  # noqa: BLE001  an answer can return what PyTorch itself cannot compare
                yield f"{name} cannot be compared with what the task asks for: {_first_line(error)}"


def names(concept: str | None = None) -> tuple[str, ...]:
    """Return the names of the exercises, in the order of the concepts.

    >>> from tensorref import exercises
    >>> exercises.names("llm")
    ('embedding-lookup', 'attention-weights', 'attention-output', 'layer-norm')

    Parameters
    ----------
    concept
        A module, to have its exercises alone.

    Returns
    -------
    :
        The names, to be given to `get`.

    Raises
    ------
    ValueError
        If no exercise belongs to `concept`.
    """
    found = tuple(name for name, exercise in _EXERCISES.items() if concept in {None, exercise.concept})
    if not found:
        concepts = dict.fromkeys(exercise.concept for exercise in _EXERCISES.values())
        raise ValueError(f"concept is {concept!r}, which has no exercise; those that have are {', '.join(concepts)}")
    return found


def get(name: str) -> Exercise:
    """Return an exercise by its name.

    >>> from tensorref import exercises
    >>> exercises.get("silu")
    Exercise(name='silu', concept='elementwise', task='Apply x * sigmoid(x) to every element of x.')

    Parameters
    ----------
    name
        One of `names`.

    Returns
    -------
    :
        The exercise.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in _EXERCISES:
        raise ValueError(f"name is {name!r}; the exercises are {', '.join(_EXERCISES)}")
    return _EXERCISES[name]


def _copy(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return argument.detach().clone().requires_grad_(argument.requires_grad)
    return argument


def _changed(argument: Tensor, original: Tensor) -> bool:
    """Tell whether an answer left its argument other than it was, if only in shape, dtype, layout or device."""
    kinds = [(x.shape, x.dtype, x.layout, x.device) for x in (argument, original)]
    return kinds[0] != kinds[1] or not (argument.is_meta or torch.equal(argument, original))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {[*str(error).splitlines(), ''][0]}"


def _described(name: str, argument: Any) -> str:
    if isinstance(argument, Tensor):
        return f"{name} of shape {tuple(argument.shape)}"
    return f"{name} = {getattr(argument, '__name__', None) or repr(argument)}"


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "nothing (a return is missing)" if value is None else f"an object of type {type(value).__name__}"


def _compared(name: str, got: Any, wanted: Any) -> Iterator[str]:
    """Yield what is wrong with a result, the plainest difference first."""
    if type(got) is not type(wanted):
        yield f"{name} is {_kind(got)}, the task asks for {type(wanted).__name__}."
        return
    if not isinstance(wanted, Tensor | np.ndarray):
        if got != wanted:
            yield f"{name} is not right (it is {got})."
        return
    if isinstance(got, Tensor) and isinstance(wanted, Tensor) and got.layout != wanted.layout:
        yield f"{name} has layout {got.layout}, the task asks for {wanted.layout}."
    shape = tuple(wanted.shape)
    if tuple(got.shape) != shape:
        yield f"{name} has shape {tuple(got.shape)}, the task asks for {shape}.{_why(tuple(got.shape), shape)}"
    if got.dtype != wanted.dtype:
        yield f"{name} has dtype {got.dtype}, the task asks for {wanted.dtype}."
    # A copy, because torch.from_numpy takes no negative strides and warns of read-only memory.
    ours, theirs = (torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x for x in (got, wanted))
    if ours.device != theirs.device:
        yield f"{name} is on {ours.device}, the task asks for {theirs.device}."
    if theirs.is_meta:
        return
    relative, absolute = _TOLERANCES.get(theirs.dtype, _FLOAT32) if theirs.is_floating_point() else (0, 0)
    wrong = ~torch.isclose(ours, theirs, rtol=relative, atol=absolute, equal_nan=True)
    if wrong.any():
        place = torch.argwhere(wrong)[0].tolist()
        value = ours[tuple(place)].item()
        count = f"; {wrong.sum()} of {wrong.numel()} elements differ, this is the first" if place else ""
        yield f"{name}{place or ''} is not right (it is {value:.4g}){count}."


def _why(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Return what can be said of a wrong shape: whether it is wrong by a broadcast, or by the order of its axes."""
    if not broadcasting.compatible(got, wanted):
        turned = got != wanted and sorted(got) == sorted(wanted)
        return " The sizes are right, the order of the axes is not." if turned else ""
    told: list[str] = []
    for axis in range(-1, -1 - max(len(got), len(wanted)), -1):
        if -axis > len(got):
            told.append(f"axis {axis} is missing")
        elif -axis > len(wanted):
            told.append(f"axis {axis}, of size {got[axis]}, is too many")
        elif got[axis] != wanted[axis]:
            told.append(f"axis {axis} has {got[axis]} instead of {wanted[axis]}")
    return f" The difference is one of broadcasting ({', '.join(told)}), which == and allclose do not see."


def _normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return numbers that are the same on every call, and leave the global seed alone."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed), device="cpu").to(dtype)


def _count(*shape: int) -> Tensor:
    return torch.arange(float(math.prod(shape))).reshape(shape)


def _cube(t: Tensor) -> Tensor:
    return t**3 - 2 * t


_EXERCISES = {
    exercise.name: exercise
    for exercise in (
        Exercise(
            "tensor-bytes",
            "anatomy",
            "Say as an int how many bytes the elements of a tensor take, from its shape and the bytes of one element.",
            "A shape of () has one element; a shape with a 0 in it has none.",
            "def count_bytes(shape, itemsize):\n    return math.prod(shape) * itemsize",
            ("bytes",),
            lambda shape, itemsize: int(np.prod(shape, dtype=object)) * itemsize,
            lambda: [((4, 8), 8), ((), 4), ((0, 3), 2), ((50257, 768), 2), ((2**20, 2**20, 2**24), 2)],
        ),
        Exercise(
            "positions",
            "creation",
            "Make the positions of the tokens in a batch: int64, of shape (batch, seq_len), every row 0, 1, 2 and so on.",
            "Make one row, then expand it.",
            "def positions(batch, seq_len):\n    return torch.arange(seq_len).expand(batch, seq_len)",
            ("positions",),
            lambda batch, seq_len: torch.tensor([[*range(seq_len)]] * batch, dtype=torch.int64).reshape(batch, seq_len),
            lambda: [(2, 5), (1, 3), (4, 1)],
        ),
        Exercise(
            "last-token",
            "indexing",
            "Pick from hidden, of shape (batch, seq_len, embed_dim), the vector of the last token of each sequence; "
            "lengths, of shape (batch,), says how many tokens it has. The result has shape (batch, embed_dim).",
            "Two arrays of indices pair up: one says which sequence, the other which position.",
            "def last_token(hidden, lengths):\n    return hidden[torch.arange(len(hidden)), lengths - 1]",
            ("vectors",),
            lambda hidden, lengths: torch.stack([row[int(n) - 1] for row, n in zip(hidden, lengths, strict=True)]),
            lambda: [(_count(3, 5, 2), torch.tensor([5, 2, 3])), (_normal(1, 4, 3), torch.tensor([1]))],
        ),
        Exercise(
            "silu",
            "elementwise",
            "Apply x * sigmoid(x) to every element of x.",
            "sigmoid(x) is 1 / (1 + exp(-x)).",
            "def silu(x):\n    return x / (1 + torch.exp(-x))",
            ("activations",),
            lambda x: functional.silu(x),  # noqa: PLW0108  its parameters are those of the task
            lambda: [(torch.linspace(-3, 3, 7),), (_normal(2, 3, 4),), (torch.tensor([-1000.0, 1000.0]),)],
        ),
        Exercise(
            "cosine-similarity",
            "matmul",
            "Compare every row of a, of shape (n, embed_dim), with every row of b, of shape (m, embed_dim): the cosine of "
            "their angle, as a tensor of shape (n, m).",
            "The cosine is the dot product of two vectors of length 1.",
            "def similarities(a, b):\n"
            "    a = a / a.norm(dim=-1, keepdim=True)\n"
            "    b = b / b.norm(dim=-1, keepdim=True)\n"
            "    return a @ b.mT",
            ("similarities",),
            lambda a, b: functional.cosine_similarity(a[:, None], b, dim=-1),
            lambda: [(_normal(3, 4), _normal(5, 4, seed=1)), (_normal(1, 8), _normal(2, 8, seed=1))],
        ),
        Exercise(
            "squared-errors",
            "broadcasting",
            "Square the error of each prediction: prediction has shape (n, 1), target (n,), and the result (n,).",
            "(n, 1) against (n,) is a table of all pairs.",
            "def squared_errors(prediction, target):\n    return (prediction.squeeze(-1) - target) ** 2",
            ("errors",),
            lambda prediction, target: functional.mse_loss(prediction[:, 0], target, reduction="none"),
            lambda: [(_normal(6, 1), _normal(6, seed=1)), (_normal(1, 1), _normal(1, seed=1))],
        ),
        Exercise(
            "to-numpy",
            "interop",
            "Turn a tensor, which may require grad, be bfloat16 or be on an accelerator, into a NumPy array of float32.",
            "NumPy has no bfloat16, knows no gradients and sees the memory of the CPU alone.",
            "def to_numpy(tensor):\n    return tensor.detach().cpu().float().numpy()",
            ("array",),
            lambda tensor: np.array(tensor.tolist(), dtype=np.float32),
            lambda: [(_normal(2, 3),), (_normal(4, dtype=torch.bfloat16),), (_normal(2).requires_grad_(),)],
        ),
        Exercise(
            "mixed-product",
            "dtypes",
            "Multiply x, of shape (batch, n) and float32, with weight, of shape (n, m) and float16 or bfloat16; "
            "the result is float32 and as exact as float32 can be.",
            "A matrix product does not promote. Which of the two can be converted without a loss?",
            "def project(x, weight):\n    return x @ weight.float()",
            ("product",),
            lambda x, weight: (x.cpu().double() @ weight.cpu().double()).to(x),
            lambda: [(_normal(2, 4), _normal(4, 3, seed=1, dtype=dtype)) for dtype in (torch.float16, torch.bfloat16)],
        ),
        Exercise(
            "split-heads",
            "layout",
            "Split the last axis of x, of shape (batch, seq_len, embed_dim), into heads: the result has shape (batch, "
            "num_heads, seq_len, head_dim), and head h of a token holds its features from h * head_dim on.",
            "First split the last axis into two, then move one of them.",
            "def split_heads(x, num_heads):\n"
            "    batch, seq_len, embed_dim = x.shape\n"
            "    return x.view(batch, seq_len, num_heads, embed_dim // num_heads).transpose(1, 2)",
            ("heads",),
            lambda x, num_heads: torch.stack(x.chunk(num_heads, dim=-1), dim=1),
            lambda: [(_count(2, 5, 12), 4), (_count(1, 3, 4), 1)],
        ),
        Exercise(
            "rows-of-zeros",
            "devices",
            "Make count rows of zeros to put below x, of shape (n, embed_dim): of shape (count, embed_dim), on the device "
            "of x and of its dtype.",
            "What makes a tensor takes the device and the dtype; x knows both. new_zeros takes them by itself.",
            "def rows_of_zeros(x, count):\n    return torch.zeros(count, x.shape[-1], device=x.device, dtype=x.dtype)",
            ("rows",),
            lambda x, count: x.new_zeros((count, x.shape[-1])),
            lambda: [
                (_normal(2, 3), 4),
                (_normal(2, 3, dtype=torch.bfloat16), 1),
                (torch.empty(2, 3, device="meta"), 2),
            ],
        ),
        Exercise(
            "derivative",
            "autograd",
            "Give the derivative of function, which works element by element, at every element of x.",
            "The gradient of a sum is 1 for every summand. x must require grad, but the caller's x must not change.",
            "def derivative(function, x):\n"
            "    x = x.detach().requires_grad_()\n"
            "    return torch.autograd.grad(function(x).sum(), x)[0]",
            ("slopes",),
            lambda function, x: torch.cos(x) if function is torch.sin else 3 * x**2 - 2,
            lambda: [(torch.sin, torch.linspace(-2, 2, 5)), (_cube, _normal(2, 3))],
        ),
        Exercise(
            "log-softmax",
            "kernels",
            "Give the logarithm of the softmax over the last axis of logits, which can be as large as 10,000.",
            "Subtract the largest logit first. The logarithm of a quotient is a difference.",
            "def log_softmax(logits):\n"
            "    shifted = logits - logits.amax(dim=-1, keepdim=True)\n"
            "    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()",
            ("logarithms",),
            lambda logits: functional.log_softmax(logits, dim=-1),
            lambda: [(_normal(2, 5),), (torch.tensor([[10000.0, 9990.0, -10000.0], [0.0, 0.0, 0.0]]),)],
        ),
        Exercise(
            "embedding-lookup",
            "llm",
            "Look up the row of table, of shape (vocab_size, embed_dim), for each of token_ids, which has any shape; "
            "the result has the axes of token_ids and then embed_dim.",
            "An array of ids is an index.",
            "def lookup(table, token_ids):\n    return table[token_ids]",
            ("embeddings",),
            lambda table, token_ids: functional.embedding(token_ids, table),
            lambda: [
                (_normal(100, 32), torch.tensor([5, 23, 7, 42])),
                (_normal(10, 3), torch.tensor([[1, 1, 9], [0, 2, 1]])),
            ],
        ),
        Exercise(
            "attention-weights",
            "llm",
            "Return two tensors of shape (seq_len, seq_len) for tokens of shape (seq_len, embed_dim): the scores, which are "
            "the dot product of every token with every token, and the weights, the softmax of each row of scores.",
            "All dot products at once are one matrix product. The weights of a row sum to 1: over which axis?",
            "def attention_weights(tokens):\n"
            "    scores = tokens @ tokens.T\n"
            "    return scores, torch.softmax(scores, dim=-1)",
            ("scores", "weights"),
            lambda tokens: (torch.inner(tokens, tokens), functional.softmax(torch.inner(tokens, tokens), dim=1)),
            lambda: [(_normal(6, 8),), (_normal(3, 5, seed=1),), (_normal(1, 4),)],
        ),
        Exercise(
            "attention-output",
            "llm",
            "Mix tokens, of shape (seq_len, embed_dim), by weights, of shape (seq_len, seq_len), each row of which sums to "
            "1: row i of the result is the mean of all tokens, weighted by row i of the weights.",
            "A weighted sum for each row is a matrix product. Which of the two comes first?",
            "def mix(weights, tokens):\n    return weights @ tokens",
            ("output",),
            lambda weights, tokens: torch.einsum("qk,kd->qd", weights, tokens),
            lambda: [
                (torch.softmax(_normal(n, n), dim=-1), _normal(n, d, seed=1)) for n, d in ((6, 8), (4, 4), (1, 3))
            ],
        ),
        Exercise(
            "layer-norm",
            "llm",
            "Normalize the vectors on the last axis of x as torch.nn.LayerNorm does before its weight and bias: mean 0, and "
            "variance 1 by the biased variance, with 1e-5 added to it under the root.",
            "x.var divides by n - 1 unless it is told otherwise.",
            "def layer_norm(x):\n"
            "    mean = x.mean(dim=-1, keepdim=True)\n"
            "    variance = x.var(dim=-1, keepdim=True, correction=0)\n"
            "    return (x - mean) / torch.sqrt(variance + 1e-5)",
            ("normalized",),
            lambda x: functional.layer_norm(x, x.shape[-1:]),
            lambda: [(_normal(2, 3, 8),), (torch.tensor([[1.0, 1.0, 1.0, 1.001]]),)],
        ),
        Exercise(
            "mask-scores",
            "pitfalls",
            "Put -inf in place of the scores where allowed, a mask of booleans, is False; leave scores as they were.",
            "masked_fill has a twin whose name ends in _.",
            'def mask_scores(scores, allowed):\n    return scores.masked_fill(~allowed, float("-inf"))',
            ("masked",),
            lambda scores, allowed: torch.where(allowed, scores, -torch.inf),
            lambda: [(_normal(2, 4, 4), torch.ones(4, 4).tril() > 0), (_normal(3, 3), torch.ones(3, 3) > 0)],
        ),
    )
}
