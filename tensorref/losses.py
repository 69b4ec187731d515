"""The loss of a language model is the mean of the negative log-probabilities that it gives to the tokens that follow.

It says how surprised the model is by a text. A target that is off by one place, or a mean that counts padding, still gives
a number that falls, so nothing but a check tells that it is wrong.

>>> import torch
>>> from tensorref import losses
>>> logits = torch.zeros(2, 6, 50257)
>>> token_ids = torch.zeros(2, 6, dtype=torch.int64)
>>> loss = losses.next_token_loss(logits, token_ids)
>>> print(f"{loss:.4f}, as unsure as between {losses.perplexity(loss):,.0f} tokens")
10.8249, as unsure as between 50,257 tokens
"""

from __future__ import annotations

import math
from math import prod
from typing import Any, Literal, SupportsFloat

from tensorref._arguments import as_axis, as_choice, as_int, as_number
from tensorref._operands import cast, check_fractions, check_ids, check_operands, is_tensor, library_of, widened
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = ["cross_entropy", "log_probs", "next_token_loss", "perplexity", "shift"]


def shift(
    logits: jaxtyping.Float[ArrayT, "*batch seq_len vocab_size"], token_ids: jaxtyping.Integer[ArrayT, "*batch seq_len"]
) -> tuple[jaxtyping.Float[ArrayT, "*batch predicted vocab_size"], jaxtyping.Integer[ArrayT, "*batch predicted"]]:
    """Pair the logits at each place with the token at the next one.

    >>> import torch
    >>> from tensorref import losses
    >>> token_ids = torch.tensor([[7, 3, 9, 1]])
    >>> predictions, targets = losses.shift(torch.zeros(1, 4, 10), token_ids)
    >>> predictions.shape, targets
    (torch.Size([1, 3, 10]), tensor([[3, 9, 1]]))

    Parameters
    ----------
    logits
        What the model says at each place of what comes next.
    token_ids
        The tokens that it read.

    Returns
    -------
    :
        All logits but the last, which predict what the text does not have, and all tokens but the first, which nothing
        predicts. Both are views.

    Raises
    ------
    ValueError
        If there is not one row of logits for each token.
    TypeError
        If one argument is an array and the other a tensor.

    See Also
    --------
    next_token_loss : does this first.
    torch.Tensor.narrow : a part of an axis, as the slices here are.
    """
    check_operands(logits=logits, token_ids=token_ids)
    _check_shapes("token_ids", token_ids, logits, -1)
    if not token_ids.shape:
        raise ValueError("token_ids has shape (); it has a token for each place: write token_ids[None], (1,)")
    return logits[..., :-1, :], token_ids[..., 1:]


def next_token_loss(
    logits: jaxtyping.Float[ArrayT, "*batch seq_len vocab_size"],
    token_ids: jaxtyping.Integer[ArrayT, "*batch seq_len"],
    *,
    ignore_index: int = -100,
) -> jaxtyping.Float[ArrayT, ""]:
    """Compute the loss of a language model on the tokens that it read.

    >>> import torch
    >>> from tensorref import losses
    >>> sure = torch.tensor([[0.0, 9.0, 0.0], [0.0, 0.0, 9.0], [9.0, 0.0, 0.0]])  # of 1, then of 2
    >>> losses.next_token_loss(sure, torch.tensor([0, 1, 2]))
    tensor(0.0002)
    >>> losses.next_token_loss(sure, torch.tensor([1, 2, 0]))  # the row itself, without a shift, would be 0.0002
    tensor(9.0002)

    Parameters
    ----------
    logits
        What the model says at each place of what comes next.
    token_ids
        The tokens that it read, with `ignore_index` wherever a token is not to be learned: padding, and a prompt.
    ignore_index
        The id of targets that do not count.

    Returns
    -------
    :
        `cross_entropy` of what `shift` gives: the mean over all targets that count. It is nan where none does.

    Raises
    ------
    ValueError, TypeError
        As `shift` and `cross_entropy` do.

    See Also
    --------
    cross_entropy : without the shift.
    torch.nn.functional.cross_entropy : PyTorch's own, of logits and targets that were shifted and flattened.

    Examples
    --------
    In PyTorch:

    >>> from torch.nn import functional
    >>> _ = torch.manual_seed(0)
    >>> logits, token_ids = torch.randn(2, 6, 50), torch.randint(50, (2, 6))
    >>> functional.cross_entropy(logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten())
    tensor(4.1572)
    >>> losses.next_token_loss(logits, token_ids)
    tensor(4.1572)
    """
    predictions, targets = shift(logits, token_ids)
    return cross_entropy(predictions, targets, ignore_index=ignore_index)


def cross_entropy(  # noqa: PLR0913  the names that PyTorch has
    logits: jaxtyping.Float[ArrayT, "..."],
    targets: jaxtyping.Integer[ArrayT, "..."],
    *,
    axis: int = -1,
    ignore_index: int = -100,
    label_smoothing: Number = 0.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> jaxtyping.Float[ArrayT, "..."]:
    """Average the negative log-probability of every target.

    >>> import torch
    >>> from tensorref import losses
    >>> logits = torch.tensor([[2.0, 1.0, 0.1], [0.0, 0.0, 0.0]])
    >>> losses.cross_entropy(logits, torch.tensor([0, 2]))
    tensor(0.7578)
    >>> losses.cross_entropy(logits, torch.tensor([0, 2]), reduction="none")
    tensor([0.4170, 1.0986])

    Parameters
    ----------
    logits
        A number for every class, along `axis`.
    targets
        The class of each place, as an integer: the shape of `logits` without `axis`.
    axis
        That of the classes. It is the last one in a language model, and 1 in PyTorch's function, which takes ``(batch,
        vocab_size, seq_len)`` or ``(tokens, vocab_size)``.
    ignore_index
        Targets that are this count neither in the sum nor in the number that it is divided by.
    label_smoothing
        The share of the target that goes to all classes alike, from 0 to 1.
    reduction
        ``"mean"`` over the targets that count, ``"sum"``, or ``"none"``: a loss for each target, 0 where it is ignored.

    Returns
    -------
    :
        Of the dtype of `logits`. float16 and bfloat16 are computed in float32 and rounded once, at the end. PyTorch
        rounds on the way too, so that a loss there is off by as much as the largest logit is rounded: pass
        ``logits.float()``.

    Raises
    ------
    ValueError
        If `targets` has another shape, or a class that is none of them.
    TypeError
        If `logits` have no fractions, `targets` are no integers, or one is an array and the other a tensor.

    See Also
    --------
    log_probs : the same without a sign and a mean.
    torch.nn.functional.cross_entropy : PyTorch's own, with the classes on axis 1.

    Examples
    --------
    The mean is over all targets that count. The mean of the means of batches is another number where they differ in
    how many that are:

    >>> logits = torch.tensor([[[3.0, 0.0]] * 4, [[0.0, 3.0]] * 4])
    >>> targets = torch.tensor([[0, 0, 0, 0], [0, -100, -100, -100]])
    >>> losses.cross_entropy(logits, targets)
    tensor(0.6486)
    >>> torch.stack([losses.cross_entropy(*pair) for pair in zip(logits, targets)]).mean()
    tensor(1.5486)

    Add sums, and divide once:

    >>> total = sum(losses.cross_entropy(*pair, reduction="sum") for pair in zip(logits, targets))
    >>> total / (targets != -100).sum()
    tensor(0.6486)

    A class that is none of them is named, where a GPU says ``device-side assert triggered``:

    >>> losses.cross_entropy(logits, torch.tensor([[0, 0, 2, 0], [0, 0, 0, 0]]))
    Traceback (most recent call last):
    ...
    ValueError: targets[0, 2] is 2; logits has 2 classes on axis 2, the ids are 0 to 1: use the tokenizer that the model was made for
    """
    check_fractions(logits=logits)
    check_operands(logits=logits, targets=targets)
    axis = as_axis(axis, "axis", logits.shape, "logits")
    ignored = as_int(ignore_index, "ignore_index", "an id is")
    smoothing = as_number(label_smoothing, "label_smoothing")
    if not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing is {smoothing}; it is a share, from 0 to 1: write 0.1")
    as_choice(reduction, "reduction", ("mean", "sum", "none"))
    _check_shapes("targets", targets, logits, axis)
    library = library_of(logits)
    counted = targets != ignored
    targets = library.where(counted, targets, 0)
    logarithms = _log_softmax(logits, axis)
    each = -_chosen(logarithms, targets, axis, "targets", "write ignore_index={} if it marks what does not count")
    if smoothing:
        each = (1 - smoothing) * each - smoothing * logarithms.mean(axis=axis)
    each = library.where(counted, each, 0)
    if reduction == "none":
        result = each
    elif reduction == "sum":
        result = each.sum()
    else:
        result = each.sum() / counted.sum()
    loss: ArrayT = _as_given(result, logits)
    return loss


def log_probs(
    logits: jaxtyping.Float[ArrayT, "*batch vocab_size"], token_ids: jaxtyping.Integer[ArrayT, "*batch"]
) -> jaxtyping.Float[ArrayT, "*batch"]:
    """Pick the log-probability of one token in every row of logits.

    >>> import torch
    >>> from tensorref import losses
    >>> losses.log_probs(torch.tensor([[2.0, 1.0, 0.1], [0.0, 0.0, 0.0]]), torch.tensor([0, 2]))
    tensor([-0.4170, -1.0986])

    Parameters
    ----------
    logits
        A number for every token of the vocabulary, for the place of the token itself: `shift` them first.
    token_ids
        The token of each row.

    Returns
    -------
    :
        The log-probabilities, of the dtype of `logits`, in new memory. Their sum over a sequence is the logarithm of its
        probability.

    Raises
    ------
    ValueError
        If there is not one token for each row, or an id is not in the vocabulary.
    TypeError
        If `logits` have no fractions, `token_ids` are no integers, or one is an array and the other a tensor.

    See Also
    --------
    tensorref.indexing.explain_gather : which shape an index must have.
    torch.gather : reads one number of each row: ``logits.log_softmax(-1).gather(-1, token_ids[..., None])[..., 0]``.
    numpy.take_along_axis : does so in NumPy.
    """
    check_fractions(logits=logits)
    check_operands(logits=logits, token_ids=token_ids)
    axis = as_axis(-1, "axis", logits.shape, "logits")
    _check_shapes("token_ids", token_ids, logits, axis)
    picked = _chosen(_log_softmax(logits, axis), token_ids, axis, "token_ids", "replace what marks padding first")
    chosen: ArrayT = _as_given(picked, logits)
    return chosen


def perplexity(loss: SupportsFloat) -> float:
    """Return how many tokens, all as likely, would be as surprising as a loss.

    >>> from tensorref import losses
    >>> print(f"{losses.perplexity(2.302585):.4f}")
    10.0000

    Parameters
    ----------
    loss
        The mean over all tokens of a text, as one number. Of several batches, take the mean of their tokens first: the mean
        of perplexities is larger.

    Returns
    -------
    :
        ``exp(loss)``, or infinity where a float does not hold it.

    Raises
    ------
    TypeError
        If `loss` is not one number, or requires grad.

    See Also
    --------
    cross_entropy : the loss, in nats; ``loss / log(2)`` has it in bits.
    math.exp, torch.exp, numpy.exp : the same of any number.

    Examples
    --------
    >>> losses.perplexity(0.0), losses.perplexity(1000.0)
    (1.0, inf)
    """
    number = as_number(loss, "loss")
    try:
        return math.exp(number)
    except OverflowError:
        return math.inf


def _log_softmax(logits: Any, axis: int) -> Any:
    """Return the logarithms of the probabilities, of float32 or more."""
    numbers: Any = widened(logits)
    if 0 in numbers.shape:  # there is no largest one
        return numbers
    library = library_of(numbers)
    below = numbers - library.amax(numbers, axis=axis, keepdims=True)
    return below - library.log(library.exp(below).sum(axis=axis, keepdims=True))


def _chosen(logarithms: Any, ids: Any, axis: int, name: str, negative: str) -> Any:
    """Return the number at an id along an axis."""
    library = library_of(logarithms)
    ids = check_ids(
        name,
        ids,
        logarithms.shape[axis],
        f"logits has {logarithms.shape[axis]} classes on axis {axis % logarithms.ndim}",
        negative=negative,
    )
    last, index = library.moveaxis(logarithms, axis, -1), ids[..., None]
    if is_tensor(last):
        return last.gather(-1, index)[..., 0]
    return library.take_along_axis(last, index, -1)[..., 0]


def _as_given(result: Any, logits: Any) -> Any:
    """Return a result in the dtype of the logits; of NumPy an array, where a reduction gave a number."""
    rounded = cast(result, logits.dtype)
    return rounded if is_tensor(rounded) else library_of(rounded).asarray(rounded)


def _check_shapes(name: str, ids: Any, logits: Any, axis: int) -> None:
    """Raise an error unless there is one id for each row of logits."""
    shape, given = tuple(logits.shape), tuple(ids.shape)
    if not shape:
        raise ValueError("logits has shape (); it has a number for every class: (…, vocab_size)")
    axis %= len(shape)
    wanted = (*shape[:axis], *shape[axis + 1 :])
    if given == wanted:
        return
    others = [other for other in range(len(shape)) if (*shape[:other], *shape[other + 1 :]) == given]
    if given == shape:
        mend = f"of one-hot rows write {name}.argmax({axis})"
    elif others and name == "targets":
        mend = f"the classes are on another axis: write axis={others[0]}"
    elif given[:-1] == wanted[:-1] and given and wanted and given[-1] == wanted[-1] + 1:
        mend = f"shift both alike: write {name}[..., 1:] for logits[..., :-1, :]"
    elif prod(given) == prod(wanted):
        mend = f"write {name}.reshape({wanted})"
    else:
        mend = "cut both from the same batch"
    raise ValueError(f"{name} has shape {given}, logits has shape {shape}, so {name} should have {wanted}; {mend}")
