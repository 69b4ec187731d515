"""Sampling turns the logits of a language model into the next token: filter them, then draw.

Each step is a function from logits to logits, so that the order can be seen. It decides what can be said at all, and no
result looks wrong.

>>> import torch
>>> from tensorref import kernels, sampling
>>> logits = torch.tensor([3.0, 2.0, 1.0, 0.0])
>>> kernels.softmax(logits)
tensor([0.6439, 0.2369, 0.0871, 0.0321])
>>> kernels.softmax(sampling.top_p(logits, 0.8))
tensor([0.7311, 0.2689, 0.0000, 0.0000])
"""

from __future__ import annotations

import math
from typing import Any

from tensorref._libraries import needed

with needed(__name__, "torch"):
    from tensorref import kernels
from tensorref._arguments import as_int, as_number
from tensorref._operands import cast, check_fractions, check_ids, check_operands, is_tensor, library_of, widened
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = ["draw", "finish", "greedy", "min_p", "repetition_penalty", "temperature", "top_k", "top_p"]


def greedy(logits: jaxtyping.Float[ArrayT, "*batch vocab_size"]) -> jaxtyping.Integer[ArrayT, "*batch"]:
    """Return the most probable token of each row.

    >>> import torch
    >>> from tensorref import sampling
    >>> sampling.greedy(torch.tensor([[0.0, 2.0, 1.0], [5.0, 5.0, 0.0]]))
    tensor([1, 0])

    Parameters
    ----------
    logits
        A number for every token.

    Returns
    -------
    :
        Its id, int64. Of several that are as large, it is the first.

    Raises
    ------
    TypeError, ValueError
        If `logits` have no fractions, no axis, or no token.

    See Also
    --------
    draw : any token, by its probability.
    torch.argmax, numpy.argmax : the same.
    """
    _check_logits(logits)
    result: ArrayT = library_of(logits).argmax(logits, axis=-1)
    return result


def temperature(
    logits: jaxtyping.Float[ArrayT, "*batch vocab_size"], value: Number
) -> jaxtyping.Float[ArrayT, "*batch vocab_size"]:
    """Divide the logits: below 1 the probable tokens become more probable, above 1 less.

    >>> import torch
    >>> from tensorref import kernels, sampling
    >>> logits = torch.tensor([2.0, 1.0, 0.0])
    >>> kernels.softmax(sampling.temperature(logits, 0.5))
    tensor([0.8668, 0.1173, 0.0159])
    >>> kernels.softmax(sampling.temperature(logits, 2.0))
    tensor([0.5065, 0.3072, 0.1863])

    Parameters
    ----------
    logits
        A number for every token.
    value
        The temperature, above 0.

    Returns
    -------
    :
        ``logits / value``, in new memory. The probabilities become their powers of ``1 / value``, divided by their sum.

    Raises
    ------
    ValueError
        If `value` is not above 0. The limit at 0 is `greedy`.
    TypeError
        If `logits` have no fractions.

    See Also
    --------
    top_p : what it keeps depends on the temperature before it; `top_k` does not.
    torch.div, numpy.divide : the same.
    """
    _check_logits(logits)
    number = as_number(value, "value")
    if not 0 < number < math.inf:
        raise ValueError(
            f"value is {number}; a temperature is above 0: for the most probable token write greedy(logits)"
        )
    result: ArrayT = logits / number
    return result


def top_k(logits: jaxtyping.Float[ArrayT, "*batch vocab_size"], k: int) -> jaxtyping.Float[ArrayT, "*batch vocab_size"]:
    """Keep the k largest logits of each row, and put -inf in place of the others.

    >>> import torch
    >>> from tensorref import sampling
    >>> sampling.top_k(torch.tensor([[3.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 0.0]]), 2)
    tensor([[3., -inf, 2., -inf],
            [1., 1., 1., -inf]])

    Parameters
    ----------
    logits
        A number for every token.
    k
        How many stay; all, if there are fewer.

    Returns
    -------
    :
        In new memory. Logits as large as the last one that stays stay too, as in the second row above.

    Raises
    ------
    ValueError
        If `k` is below 1.
    TypeError
        If `logits` have no fractions.

    See Also
    --------
    top_p : as many as it takes for a probability.
    torch.topk : the k largest with their places; of equal ones it takes as many as there is room for.
    numpy.partition : has the k largest at the end.
    """
    _check_logits(logits)
    count = as_int(k, "k", "a number of tokens is")
    if count < 1:
        raise ValueError(f"k is {count}; one token stays at least: write 1, or greedy(logits)")
    ordered: Any = library_of(logits).sort(logits)  # PyTorch gives the places too
    least = (ordered.values if is_tensor(logits) else ordered)[..., -min(count, logits.shape[-1]), None]
    return _kept(logits, logits >= least)


def top_p(
    logits: jaxtyping.Float[ArrayT, "*batch vocab_size"], p: Number
) -> jaxtyping.Float[ArrayT, "*batch vocab_size"]:
    """Keep the fewest tokens, the most probable first, whose probabilities together reach p: nucleus sampling.

    >>> import torch
    >>> from tensorref import sampling
    >>> sampling.top_p(torch.tensor([0.5, 0.25, 0.15, 0.1]).log(), 0.7).exp()
    tensor([0.5000, 0.2500, 0.0000, 0.0000])

    Parameters
    ----------
    logits
        A number for every token.
    p
        The probability to reach, above 0 and at most 1. With 1 all tokens stay.

    Returns
    -------
    :
        In new memory, with -inf in place of the others. The token that crosses `p` stays, so that there is always one.
        Of tokens that are as probable, those with the lower ids stay.

    Raises
    ------
    ValueError
        If `p` is not above 0 and at most 1.
    TypeError
        If `logits` have no fractions.

    See Also
    --------
    min_p : by the share of the most probable one.
    torch.cumsum, numpy.cumsum : the sums of the probabilities so far.

    Notes
    -----
    Holtzman et al., `The Curious Case of Neural Text Degeneration <https://arxiv.org/abs/1904.09751>`__.
    """
    _check_logits(logits)
    share = _share(p, "p")
    library = library_of(logits)
    probabilities = kernels.softmax(widened(logits))
    order = library.argsort(-probabilities, axis=-1, stable=True)
    ordered = _taken(probabilities, order)
    before = ordered.cumsum(axis=-1) - ordered
    places = library.argsort(order, axis=-1)
    removed = (before >= share) & (share < 1)  # sums of rounded numbers reach 1 too early
    return _kept(logits, ~_taken(removed, places))


def min_p(
    logits: jaxtyping.Float[ArrayT, "*batch vocab_size"], p: Number
) -> jaxtyping.Float[ArrayT, "*batch vocab_size"]:
    """Keep the tokens that are at least p times as probable as the most probable one.

    >>> import torch
    >>> from tensorref import sampling
    >>> sampling.min_p(torch.tensor([0.5, 0.25, 0.15, 0.1]).log(), 0.25).exp()
    tensor([0.5000, 0.2500, 0.1500, 0.0000])

    Parameters
    ----------
    logits
        A number for every token.
    p
        The share of the largest probability, above 0 and at most 1.

    Returns
    -------
    :
        In new memory, with -inf in place of the others. The most probable token always stays.

    Raises
    ------
    ValueError
        If `p` is not above 0 and at most 1.
    TypeError
        If `logits` have no fractions.

    See Also
    --------
    top_p : keeps few where the model is sure, and more tokens where it is not, too.
    torch.amax, numpy.max : the largest logit; no probability is needed.

    Notes
    -----
    A ratio of probabilities is a difference of logits, so that this is ``logits >= max(logits) + log(p)``.
    """
    _check_logits(logits)
    limit = math.log(_share(p, "p"))
    numbers: Any = widened(logits)
    return _kept(logits, numbers >= library_of(numbers).amax(numbers, axis=-1, keepdims=True) + limit)


def repetition_penalty(
    logits: jaxtyping.Float[ArrayT, "*batch vocab_size"],
    token_ids: jaxtyping.Integer[ArrayT, "*batch seq_len"],
    penalty: Number,
) -> jaxtyping.Float[ArrayT, "*batch vocab_size"]:
    """Lower the logits of the tokens that a row already has.

    >>> import torch
    >>> from tensorref import sampling
    >>> sampling.repetition_penalty(torch.tensor([[2.0, -1.0, 3.0]]), torch.tensor([[0, 1, 0]]), 2.0)
    tensor([[ 1., -2.,  3.]])

    Parameters
    ----------
    logits
        A number for every token.
    token_ids
        The tokens of each row so far: the prompt too, as open code has it. How often one stands there does not matter.
    penalty
        What positive logits are divided by, and negative ones multiplied with. 1 changes nothing.

    Returns
    -------
    :
        In new memory.

    Raises
    ------
    ValueError
        If `penalty` is not above 0, the rows are not those of `token_ids`, or an id is not in the vocabulary.
    TypeError
        If `logits` have no fractions, `token_ids` are no integers, or one is an array and the other a tensor.

    See Also
    --------
    top_k : what to do after it.
    torch.Tensor.scatter : marks the tokens that are there.
    numpy.put_along_axis : does so in NumPy.

    Notes
    -----
    It asks for the sign of a logit, so that it comes first, on the logits of the model: a number that is added to all of
    them changes no probability, but what this does. Keskar et al., `CTRL <https://arxiv.org/abs/1909.05858>`__.
    """
    _check_logits(logits)
    check_operands(logits=logits, token_ids=token_ids)
    number = as_number(penalty, "penalty")
    if not 0 < number < math.inf:
        raise ValueError(f"penalty is {number}; it is above 0: write 1.1, or 1 for none")
    rows: tuple[int, ...] = tuple(logits.shape[:-1])
    given: tuple[int, ...] = tuple(token_ids.shape)
    if given[:-1] != rows or not given:
        raise ValueError(
            f"token_ids has shape {given}, logits has shape {tuple(logits.shape)}, so token_ids should have "
            f"{(*rows, 'seq_len')}; cut both from the same batch".replace("'", "")
        )
    vocab_size = logits.shape[-1]
    of = f"logits has {vocab_size} numbers in each row"
    ids = check_ids("token_ids", token_ids, vocab_size, of, negative="replace what marks padding first")
    library = library_of(logits)
    there = library.zeros_like(logits, dtype=library.bool)
    if is_tensor(there):
        there.scatter_(-1, ids, True)  # noqa: FBT003  the value that is written
    else:
        library.put_along_axis(there, ids, True, -1)  # noqa: FBT003
    lowered = library.where(logits > 0, logits / number, logits * number)
    result: ArrayT = library.where(there, lowered, logits)
    return result


def draw(
    logits: jaxtyping.Float[ArrayT, "*batch vocab_size"], uniform: jaxtyping.Float[ArrayT, "*batch"]
) -> jaxtyping.Integer[ArrayT, "*batch"]:
    """Draw a token of each row by its probability: the one in whose part of 0 to 1 a number falls.

    >>> import torch
    >>> from tensorref import sampling
    >>> logits = torch.tensor([0.5, 0.25, 0.25]).log().expand(4, -1)
    >>> sampling.draw(logits, torch.tensor([0.0, 0.49, 0.51, 0.99]))
    tensor([0, 0, 1, 2])

    Parameters
    ----------
    logits
        A number for every token; with -inf it is never drawn.
    uniform
        A number for each row, from 0 to 1 without 1, such as ``torch.rand(batch, generator=generator)``.

    Returns
    -------
    :
        The ids, int64. The same logits and numbers give the same tokens.

    Raises
    ------
    ValueError
        If `uniform` has not one number for each row, or one that is below 0 or not below 1, or a row of `logits` has no
        probabilities: it has nan or inf, or is -inf everywhere.
    TypeError
        If `logits` or `uniform` have no fractions, or one is an array and the other a tensor.

    See Also
    --------
    greedy : without chance.
    torch.multinomial : draws with a generator of its own: ``torch.multinomial(logits.softmax(-1), 1)``.
    numpy.random.Generator.choice : draws for one row.

    Examples
    --------
    A generator with a seed makes a draw that can be repeated. In one batch a row gets another number than by itself:

    >>> def drawn(rows):
    ...     generator = torch.Generator().manual_seed(0)
    ...     return sampling.draw(torch.zeros(rows, 50), torch.rand(rows, generator=generator)).tolist()
    >>> drawn(3), drawn(3), drawn(1)
    ([24, 38, 4], [24, 38, 4], [24])
    """
    _check_logits(logits)
    check_fractions(uniform=uniform)
    check_operands(logits=logits, uniform=uniform)
    if uniform.shape != logits.shape[:-1]:
        raise ValueError(
            f"uniform has shape {tuple(uniform.shape)}, logits has shape {tuple(logits.shape)}; it has a number for each "
            f"row: make it of shape {tuple(logits.shape[:-1])}"
        )
    if not getattr(uniform, "is_meta", False) and ((uniform < 0) | (uniform >= 1)).any():
        raise ValueError("uniform has numbers that are below 0 or not below 1; write torch.rand, or rng.random")
    library = library_of(logits)
    ends = cast(kernels.softmax(widened(logits)), library.float64).cumsum(axis=-1)
    if not getattr(ends, "is_meta", False) and not library.isfinite(ends[..., -1]).all():
        raise ValueError(
            "logits has a row with nan or inf, or with -inf alone, which has no probabilities; keep a token, and divide by a "
            "larger temperature"
        )
    below = ends <= cast(uniform, library.float64)[..., None] * ends[..., -1:]
    last = library.argmax(ends, axis=-1)  # the last token that can be drawn, should a product be rounded up
    result: ArrayT = library.minimum(below.sum(axis=-1), last)
    return result


def finish(
    token_ids: jaxtyping.Integer[ArrayT, "*batch"], ended: jaxtyping.Bool[ArrayT, "*batch"], *, eos_id: int, pad_id: int
) -> tuple[jaxtyping.Integer[ArrayT, "*batch"], jaxtyping.Bool[ArrayT, "*batch"]]:
    """Let rows that have ended go on with padding, and note those that end now.

    >>> import torch
    >>> from tensorref import sampling
    >>> ended = torch.tensor([False, True, False])
    >>> sampling.finish(torch.tensor([7, 7, 2]), ended, eos_id=2, pad_id=0)
    (tensor([7, 0, 2]), tensor([False,  True,  True]))

    Parameters
    ----------
    token_ids
        The token that was drawn for each row.
    ended
        Which rows have had their end before.
    eos_id, pad_id
        The ids of the end and of padding. They may be the same.

    Returns
    -------
    :
        The tokens to append, and which rows have ended now, both in new memory. Stop when all have.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type, or the shapes differ.

    See Also
    --------
    draw : where the tokens come from.
    torch.where, numpy.where : choose between two for every element.
    """
    check_operands(token_ids=token_ids, ended=ended)
    if str(ended.dtype).rpartition(".")[2] != "bool":
        raise TypeError(f"ended has dtype {ended.dtype}; it is True where a row has ended: write ended != 0")
    if token_ids.shape != ended.shape:
        raise ValueError(
            f"token_ids has shape {tuple(token_ids.shape)}, ended has shape {tuple(ended.shape)}; give both of one shape"
        )
    end, pad = (as_int(each, name, "an id is") for each, name in ((eos_id, "eos_id"), (pad_id, "pad_id")))
    appended: ArrayT = library_of(token_ids).where(ended, pad, token_ids)
    now: Any = ended | (appended == end)
    return appended, now


def _check_logits(logits: Any) -> None:
    check_fractions(logits=logits)
    if not logits.shape or not logits.shape[-1]:
        raise ValueError(f"logits has shape {tuple(logits.shape)}; it has a number for every token: (…, vocab_size)")


def _share(value: Any, argument: str) -> float:
    number = as_number(value, argument)
    if not 0 < number <= 1:
        raise ValueError(f"{argument} is {number}; it is above 0 and at most 1: write 0.9")
    return number


def _kept(logits: ArrayT, keep: Any) -> ArrayT:
    """Return the logits where they are kept, and else -inf."""
    kept: ArrayT = library_of(logits).where(keep, logits, -math.inf)
    return kept


def _taken(array: Any, index: Any) -> Any:
    """Return the elements along the last axis in another order."""
    return array.gather(-1, index) if is_tensor(array) else library_of(array).take_along_axis(array, index, -1)
