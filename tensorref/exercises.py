"""Tasks for every concept, in rising order of difficulty, each with a checker that says what is wrong and not what is right.

>>> from tensorref import exercises
>>> exercise = exercises.get("split-heads")
>>> print(exercise.task)
Split the last axis of x into heads: head h of a token holds its features from h * head_dim on.
>>> def split_heads(x, num_heads):
...     batch, seq_len, embed_dim = x.shape
...     return x.view(batch, num_heads, seq_len, embed_dim // num_heads)
>>> print(exercise.check(split_heads))
Not yet. With x of shape (2, 5, 12) and num_heads = 4: heads[0, 0, 1, 0] is not right (yours is 3); 108 of 120 elements differ, this is the first. The elements are the right ones, in other places.

An answer is a function. The checker calls it with several inputs, some of size 1, but none of size 0 unless the task
names it. It is strict: shape, dtype and device must be those the task asks for, and the arguments must be left as they
were. Float32 values may differ by the order of a sum, those in half precision not at all. A subclass of a tensor, such
as ``torch.nn.Parameter``, is accepted for a tensor, and a list for a tuple. If the task says so, a loop in Python
counts as wrong. So does a copy where the task asks for a view, or a view where it asks for a copy. If a shape is wrong
but broadcasts to the right one, the checker says so, because ``==`` and ``allclose`` let it pass. `Exercise.hints`
help, and `Exercise.solution` shows an answer. In a terminal, ``python -m tensorref exercises`` lists all exercises.

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

>>> from tensorref import attention
>>> tokens = torch.eye(6, 8)
>>> scores = attention.scores(tokens, tokens, scale=1.0)
>>> weights = attention.weights(scores)
>>> print(f"Attention scores shape: {scores.shape}")
Attention scores shape: torch.Size([6, 6])
>>> print(f"Attention weights shape: {weights.shape}")
Attention weights shape: torch.Size([6, 6])

and ``attention-output``:

>>> output = attention.output(tokens, tokens, tokens, scale=1.0)
>>> for name, tensor in {"Input": tokens, "Weights": weights, "Output": output}.items():
...     print(f"{name}: {tensor.shape}")
Input: torch.Size([6, 8])
Weights: torch.Size([6, 6])
Output: torch.Size([6, 8])
>>> if (weights > 0).all():
...     print("Each output token is a weighted average of ALL input tokens!")
Each output token is a weighted average of ALL input tokens!
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import torch

    from tensorref._exercises.checker import Rules, first_difference

import tensorref
from tensorref import devices
from tensorref._arguments import as_int, as_name, quoted

__all__ = ["Exercise", "Verdict", "get", "names"]

CONCEPTS = tuple(concept for concept in tensorref.CONCEPTS if concept not in {"errors", "exercises", "benchmark"})
"""The concepts with exercises, in the order of the reference."""


@dataclass(frozen=True)
class Verdict:
    """What the checker says of an answer; true if the answer is right.

    >>> from tensorref import exercises
    >>> verdict = exercises.get("silu").check(lambda x: x)
    >>> verdict.correct, bool(verdict)
    (False, False)
    >>> print(verdict)
    Not yet. With x of shape (7,): activations[0] is not right (yours is -3); 6 of 7 elements differ, this is the first.
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
    """A task and what checks an answer to it; ``print`` shows the task and where to start.

    >>> from tensorref import exercises
    >>> exercise = exercises.get("embedding-lookup")
    >>> print(exercise)
    embedding-lookup (llm, difficulty 1 of 5)
    Look up the row of table for each of token_ids, which has any shape.
    <BLANKLINE>
    import torch
    from jaxtyping import Float, Int64
    from tensorref import exercises
    from torch import Tensor
    <BLANKLINE>
    <BLANKLINE>
    def lookup(
        table: Float[Tensor, "vocab_size embed_dim"], token_ids: Int64[Tensor, "*batch"]
    ) -> Float[Tensor, "*batch embed_dim"]:
        ...
    <BLANKLINE>
    <BLANKLINE>
    print(exercises.get("embedding-lookup").check(lookup))
    >>> exercise.hints
    ('An array of ids is an index.',)
    """

    name: str
    concepts: tuple[str, ...]
    """The modules that it belongs to; several if it combines them."""
    difficulty: int
    """From 1, one operation, to 5, a part of a model."""
    task: str
    """What to write; the starter says the shapes and the dtypes."""
    hints: tuple[str, ...] = field(repr=False)
    """What helps without telling the answer, one to three of them, each more than the one before."""
    learns: str = field(repr=False)
    """What its author hopes that one keeps of it."""
    starter: str = field(repr=False)
    """A script to fill in, which checks the answer."""
    solution: str = field(repr=False)
    """Source of a function that the checker takes for right; one of many."""
    function: str = field(repr=False)
    """The name of the function."""
    _rules: Rules = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.concepts)}, difficulty {self.difficulty} of 5)\n{self.task}\n\n{self.starter}"

    def check(self, answer: Callable[..., Any], *, device: torch.device | str = "cpu") -> Verdict:
        """Check an answer with several inputs, up to the first difference.

        >>> from tensorref import exercises
        >>> def lookup(table, token_ids):
        ...     return table[token_ids[0]]
        >>> print(exercises.get("embedding-lookup").check(lookup))
        Not yet. With table of shape (100, 32) and token_ids of shape (4,): embeddings has shape (32,), the task asks for (4, 32). The difference is one of broadcasting (axis -2 is missing), which == and allclose do not see.

        Parameters
        ----------
        answer
            The function itself, of the parameters that the starter names. It runs with gradients on, and with float32
            and the CPU as the defaults, whatever yours are.
        device
            Where the inputs are. On the CPU an index out of range raises an error rather than ending all work on the
            accelerator, so check there first; then on an accelerator, to see that the answer makes nothing elsewhere:
            a tensor that names no device is made on the CPU.

        Returns
        -------
        :
            Whether it is right, and if not, what differs first: an error it raised, an argument it changed, and of what
            it returned the type, the layout, the shape, the dtype, the device, the first element, the memory or the
            gradient.

        Raises
        ------
        TypeError
            If `answer` cannot be called.
        ValueError
            If `device` cannot be used here, or holds no values as ``"meta"`` does.
        """
        if not callable(answer):
            raise TypeError(
                f"answer is of type {type(answer).__name__}; pass the function itself, not what it returns: "
                f"check({self.function})"
            )
        place = torch.device(device)
        if place.type == "meta":
            raise ValueError("device is 'meta', which holds no values to check; pass 'cpu' or an accelerator")
        devices.synchronize(place)
        wrong = first_difference(answer, self._rules, place)
        return Verdict(correct=False, message=f"Not yet. {wrong}") if wrong else Verdict(correct=True, message="Right.")


def names(concept: str | None = None, *, difficulty: int | None = None) -> tuple[str, ...]:
    """Return the names of the exercises, the easy ones first.

    >>> from tensorref import exercises
    >>> exercises.names("layout", difficulty=2)
    ('split-heads', 'merge-heads')

    Parameters
    ----------
    concept
        A module, to have the exercises that belong to it, if only among others.
    difficulty
        From 1 to 5, to have those alone.

    Returns
    -------
    :
        The names, to be given to `get`, by difficulty and then in the order of the concepts.

    Raises
    ------
    ValueError
        If no exercise is of `concept`, or of `difficulty`.
    """
    if concept is not None and as_name(concept, "concept") not in CONCEPTS:
        raise ValueError(f"concept is {quoted(concept)}; the concepts with exercises are {', '.join(CONCEPTS)}")
    levels = sorted({exercise.difficulty for exercise in _exercises().values()})
    if difficulty is not None and as_int(difficulty, "difficulty", "a difficulty is") not in levels:
        raise ValueError(f"difficulty is {quoted(difficulty)}; exercises have {levels[0]} to {levels[-1]}")
    return tuple(
        name
        for name, exercise in _exercises().items()
        if concept in {None, *exercise.concepts} and difficulty in {None, exercise.difficulty}
    )


def get(name: str) -> Exercise:
    """Return an exercise by its name.

    >>> from tensorref import exercises
    >>> exercises.get("silu")
    Exercise(name='silu', concepts=('elementwise',), difficulty=1, task='Apply x * sigmoid(x) to every element of x, which can be as large as 1,000 either way.')

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
        If there is none of that name; it says which names are like it.
    """
    found = _exercises().get(as_name(name))
    if found is None:
        near = difflib.get_close_matches(name, _exercises(), n=3)
        near += [other for other in _exercises() if name and name in other and other not in near]
        guess = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"name is {name!r}; {guess}exercises.names() lists all {len(_exercises())}")
    return found


@cache
def _exercises() -> Mapping[str, Exercise]:
    """Return all exercises, from the files that need this one."""
    found: list[Exercise] = []
    for file in (*CONCEPTS, "combined"):
        module = importlib.import_module(f"tensorref._exercises.{file}")
        found += [value for value in vars(module).values() if isinstance(value, Exercise)]
    found.sort(key=lambda exercise: exercise.difficulty)
    return MappingProxyType({exercise.name: exercise for exercise in found})
