"""In a mixture of experts, a router sends each token to a few of many feed-forward networks, and adds what they give back.

So a model has many parameters, and a token takes few of them. The way to the experts and back is all indices, and each mistake
in them gives numbers of the right shape.

>>> import torch
>>> from tensorref import experts
>>> logits = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
>>> routing = experts.route(logits, top_k=2)
>>> routing.experts
tensor([[0, 2],
        [1, 0]])
>>> routing.weights
tensor([[0.7311, 0.2689],
        [0.9526, 0.0474]])
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from tensorref import _picture
from tensorref._arguments import as_flag, as_int, as_number, attribute
from tensorref._explanation import Illustrated
from tensorref._operands import cast, check_fractions, check_operands, is_tensor, library_of, widened
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = [
    "Dispatched",
    "Explanation",
    "Routing",
    "Stage",
    "capacity",
    "combine",
    "dispatch",
    "explain",
    "load_balancing_loss",
    "route",
]

_MATRIX = 2  # axes
_MARKS = {
    "tokens": _picture.Mark(2, 16, _picture.DASHES[1]),
    "num_experts": _picture.Mark(3, 16, _picture.DASHES[2]),
    "capacity": _picture.Mark(1, 16),
}


class Routing(NamedTuple):
    """Where each token goes: what `route` returns.

    >>> import numpy as np
    >>> from tensorref import experts
    >>> experts.route(np.zeros((1, 4)), top_k=1)
    Routing(experts=array([[0]]), weights=array([[1.]]), probabilities=array([[0.25, 0.25, 0.25, 0.25]]))
    """

    experts: Any
    """The experts of each token, the likeliest first; ``(tokens, top_k)``, of int64."""
    weights: Any
    """What their results are multiplied with; ``(tokens, top_k)``."""
    probabilities: Any
    """What the router makes of all experts; ``(tokens, num_experts)``."""


class Dispatched(NamedTuple):
    """The tokens as the experts get them: what `dispatch` returns.

    >>> import torch
    >>> from tensorref import experts
    >>> sent = experts.dispatch(torch.ones(3, 2), torch.tensor([[1], [1], [1]]), num_experts=2, capacity=2)
    >>> sent.buffers.shape, sent.slots.T
    (torch.Size([2, 2, 2]), tensor([[ 0,  1, -1]]))
    """

    buffers: Any
    """For each expert the tokens that it gets, and 0 where it gets none; ``(num_experts, capacity, embed_dim)``."""
    slots: Any
    """The place of each token in the buffer of each of its experts, -1 where it was dropped; ``(tokens, top_k)``."""


def route(logits: jaxtyping.Float[ArrayT, "tokens num_experts"], top_k: int, *, normalize: bool = True) -> Routing:
    """Choose the experts of each token, and how much each of them counts.

    >>> import torch
    >>> from tensorref import experts
    >>> experts.route(torch.tensor([[2.0, 0.0, 1.0]]), top_k=2, normalize=False).weights
    tensor([[0.6652, 0.2447]])

    Parameters
    ----------
    logits
        The scores of the router: ``x @ weight.T``, with batch and positions flattened into one axis.
    top_k
        How many experts a token goes to.
    normalize
        Whether the weights of a token sum to 1, as in Mixtral, which is the softmax of the chosen logits alone. Otherwise they
        are the probabilities among all experts, as in Switch Transformer, where the router learns through them.

    Returns
    -------
    :
        Experts, weights and probabilities. Among equal logits the first expert is chosen. The softmax is in float32 at least,
        and weights and probabilities have its dtype.

    Raises
    ------
    TypeError, ValueError
        If `logits` are not floating point with two axes, or there are fewer than `top_k` experts.

    See Also
    --------
    torch.topk : the largest, in an order among equal ones that is left open.
    numpy.argsort : with ``kind="stable"`` the order of equal ones is that in which they stand.
    """
    check_fractions(logits=logits)
    shape = tuple(logits.shape)
    if len(shape) != _MATRIX or 0 in shape:
        raise ValueError(
            f"logits has shape {shape}; it is (tokens, num_experts): write logits.reshape(-1, num_experts)"
        )
    top_k, normalize = _count(top_k, "top_k"), as_flag(normalize, "normalize")
    if top_k > shape[1]:
        raise ValueError(
            f"top_k is {top_k}, and logits has shape {shape}: there are {shape[1]} experts; write at most that"
        )
    library, numbers = library_of(logits), widened(logits)
    powers = library.exp(numbers - library.amax(numbers, axis=-1, keepdims=True))
    probabilities = powers / powers.sum(axis=-1, keepdims=True)
    chosen = library.argsort(-numbers, **{"dim": -1} if is_tensor(logits) else {"axis": -1}, stable=True)[:, :top_k]
    rows = _arange(chosen, len(chosen))[:, None]
    weights = probabilities[rows, chosen]
    if normalize:
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return Routing(chosen, weights, probabilities)


def capacity(tokens: int, num_experts: int, top_k: int, factor: Number = 1.0) -> int:
    """Return how many tokens the buffer of an expert has room for.

    >>> from tensorref import experts
    >>> experts.capacity(1024, num_experts=8, top_k=2), experts.capacity(1024, num_experts=8, top_k=2, factor=1.25)
    (256, 320)

    Parameters
    ----------
    tokens
        Of the whole batch.
    num_experts, top_k
        Experts in all, and for each token.
    factor
        How much more room there is than even use would need. More drops fewer tokens, and computes more zeros.

    Returns
    -------
    :
        ``tokens * top_k / num_experts * factor``, rounded up.

    Raises
    ------
    TypeError, ValueError
        If a number is not above 0, or `top_k` is more than `num_experts`.
    """
    tokens, num_experts, top_k = _count(tokens, "tokens"), _count(num_experts, "num_experts"), _count(top_k, "top_k")
    number = as_number(factor, "factor")
    if top_k > num_experts:
        raise ValueError(f"top_k is {top_k}, and num_experts is {num_experts}; a token goes to at most all of them")
    if not 0 < number < float("inf"):
        raise ValueError(f"factor is {number}; it is a finite number above 0, such as 1.25")
    return ceil(Fraction(tokens * top_k, num_experts) * Fraction(repr(number)))


def dispatch(
    x: jaxtyping.Float[ArrayT, "tokens embed_dim"],
    experts: jaxtyping.Integer[ArrayT, "tokens top_k"],
    *,
    num_experts: int,
    capacity: int,
) -> Dispatched:
    """Copy each token into the buffer of each of its experts.

    >>> import torch
    >>> from tensorref import experts
    >>> x = torch.tensor([[1.0], [2.0], [3.0]])
    >>> chosen = torch.tensor([[0], [1], [0]])
    >>> experts.dispatch(x, chosen, num_experts=2, capacity=2).buffers.tolist()
    [[[1.0], [3.0]], [[2.0], [0.0]]]

    Parameters
    ----------
    x
        The tokens, with batch and positions flattened into one axis.
    experts
        Those of each token, as `route` gives them.
    num_experts
        How many there are.
    capacity
        How many tokens each takes; more are dropped.

    Returns
    -------
    :
        The buffers, and the place of each token in them. All first choices come before all second choices, and among them the
        order is that of the tokens. In PyTorch nothing waits for the device but the check of `experts`, and gradients flow.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not go together, or an expert is not from 0 to ``num_experts - 1``.

    See Also
    --------
    combine : the way back.
    torch.Tensor.index_put : writes at places that tensors of indices name.
    numpy.put_along_axis : writes at a place on one axis.
    """
    check_fractions(x=x)
    check_operands(x=x, experts=experts)
    chosen = _checked_experts(experts, num_experts)
    size, tokens = _count(capacity, "capacity"), tuple(x.shape)
    if len(tokens) != _MATRIX or tokens[0] != experts.shape[0]:
        raise ValueError(
            f"x has shape {tokens}, experts has shape {tuple(experts.shape)}; they are (tokens, embed_dim) and (tokens, top_k)"
        )
    library, rows = library_of(x), experts.shape[0]
    in_turn: Any = chosen.T.reshape(-1)
    is_for = in_turn[:, None] == _arange(experts, num_experts)
    place = (library.cumsum(is_for, 0) * is_for).sum(-1) - 1
    slots = place.reshape(-1, rows).T
    fits = slots < size
    # What is dropped goes to a place of its own behind the others, so that no mask waits for the device.
    buffers = library.zeros((num_experts, size + 1, tokens[1]), dtype=x.dtype, **_device(x))
    buffers[chosen, library.where(fits, slots, size)] = x[:, None]
    return Dispatched(buffers[:, :size], library.where(fits, slots, -1))


def combine(
    outputs: jaxtyping.Float[ArrayT, "num_experts capacity embed_dim"],
    experts: jaxtyping.Integer[ArrayT, "tokens top_k"],
    slots: jaxtyping.Integer[ArrayT, "tokens top_k"],
    weights: jaxtyping.Float[ArrayT, "tokens top_k"],
) -> jaxtyping.Float[ArrayT, "tokens embed_dim"]:
    """Bring what the experts gave back to the tokens, and add it by weight.

    >>> import torch
    >>> from tensorref import experts
    >>> outputs = torch.tensor([[[10.0], [30.0]], [[20.0], [0.0]]])
    >>> chosen, slots = torch.tensor([[0], [1], [0], [1]]), torch.tensor([[0], [0], [1], [-1]])
    >>> experts.combine(outputs, chosen, slots, torch.ones(4, 1)).T
    tensor([[10., 20., 30.,  0.]])

    Parameters
    ----------
    outputs
        What each expert made of its buffer.
    experts, slots, weights
        As `route` and `dispatch` gave them.

    Returns
    -------
    :
        A vector for each token, of the dtype of `outputs`; the sum is in float32 at least. What was dropped adds 0, so that a
        token without an expert passes by on the residual connection alone.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not go together, or an expert or a slot is not there.

    See Also
    --------
    dispatch : the way there.
    torch.gather : takes at a place on one axis.
    numpy.take_along_axis : the same in NumPy.
    """
    check_fractions(outputs=outputs, weights=weights)
    check_operands(outputs=outputs, experts=experts, slots=slots, weights=weights)
    given: dict[str, tuple[int, ...]] = {
        "experts": tuple(experts.shape),
        "slots": tuple(slots.shape),
        "weights": tuple(weights.shape),
    }
    if outputs.ndim != 3 or len({*given.values()}) > 1:  # noqa: PLR2004  experts, places, features
        others = ", ".join(f"{name} has shape {shape}" for name, shape in given.items())
        raise ValueError(
            f"outputs has shape {tuple(outputs.shape)}, {others}; they are (num_experts, capacity, embed_dim) and thrice "
            "(tokens, top_k)"
        )
    chosen = _checked_experts(experts, outputs.shape[0])
    library, places = library_of(outputs), _whole("slots", slots)
    size = outputs.shape[1]
    if not attribute(places, "is_meta") and (places >= size).any():
        raise ValueError(
            f"slots has {places.max().item()}, and outputs has shape {tuple(outputs.shape)}: a buffer has {size} places; give "
            "what the same call of dispatch gave"
        )
    kept = places >= 0
    found = library.where(kept[..., None], widened(outputs)[chosen, library.where(kept, places, 0)], 0.0)
    mixed: ArrayT = cast((found * widened(weights)[..., None]).sum(1), outputs.dtype)
    return mixed


def load_balancing_loss(
    probabilities: jaxtyping.Float[ArrayT, "tokens num_experts"], experts: jaxtyping.Integer[ArrayT, "tokens top_k"]
) -> Any:
    """Compute the loss that keeps a router from sending everything to the same experts.

    >>> import torch
    >>> from tensorref import experts
    >>> even = torch.eye(4)
    >>> experts.load_balancing_loss(even, torch.tensor([[0], [1], [2], [3]]))
    tensor(1.)
    >>> one_sided = torch.eye(4)[:1].expand(4, 4)
    >>> experts.load_balancing_loss(one_sided, torch.tensor([[0], [0], [0], [0]]))
    tensor(4.)

    Parameters
    ----------
    probabilities, experts
        As `route` gives them.

    Returns
    -------
    :
        One number: ``num_experts`` times the sum over the experts of the fraction of the tokens that goes there and of the mean
        probability. Even use gives 1, one expert for all gives ``num_experts / top_k``. The gradient flows through the
        probabilities alone. It is added to the loss with a factor such as 0.01.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not go together, or an expert is not from 0 to ``num_experts - 1``.

    Notes
    -----
    Libraries differ by a factor: where the fractions are not divided by ``top_k``, as in Hugging Face's Mixtral, even use gives
    ``top_k``.

    References
    ----------
    Fedus, Zoph, Shazeer, Switch Transformers, 2021, section 2.2.
    """
    check_fractions(probabilities=probabilities)
    check_operands(probabilities=probabilities, experts=experts)
    shape = tuple(probabilities.shape)
    if len(shape) != _MATRIX or tuple(experts.shape[:1]) != shape[:1] or 0 in shape:
        raise ValueError(
            f"probabilities has shape {shape}, experts has shape {tuple(experts.shape)}; they are (tokens, num_experts) and "
            "(tokens, top_k)"
        )
    chosen = _checked_experts(experts, shape[1]).reshape(-1)
    counts = (chosen[:, None] == _arange(experts, shape[1])).sum(0)
    numbers = widened(probabilities)
    return shape[1] * (cast(counts, numbers.dtype) / len(chosen) * numbers.mean(0)).sum()


def explain(  # noqa: PLR0913  each is one size
    tokens: int,
    embed_dim: int,
    intermediate_dim: int,
    *,
    num_experts: int,
    top_k: int,
    factor: Number = 1.0,
) -> Explanation:
    """Follow the shapes through a layer of experts, from the tokens to their experts and back.

    >>> from tensorref import experts
    >>> print(experts.explain(1024, 512, 2048, num_experts=8, top_k=2, factor=1.25))
    tensor                       code           shape
    x                                     (1024, 512)
    logits             x @ W_router.T       (1024, 8)
    experts           topk(logits, 2)       (1024, 2)
    weights   softmax of those logits       (1024, 2)
    buffers          x to its experts   (8, 320, 512)
    hidden        act(buffers @ W_up)  (8, 320, 2048)
    outputs           hidden @ W_down   (8, 320, 512)
    mixed    sum of weights * outputs     (1024, 512)
    * 2,048 copies of tokens go to 8 experts with room for 320 each: 2,560 places.
    * If all tokens chose the same experts, 1,408 copies would be dropped.
    * A token takes 2 of 8 experts, 25.0% of their parameters.

    Parameters
    ----------
    tokens
        Of the whole batch, in one axis.
    embed_dim, intermediate_dim
        The features of a token, and those inside an expert.
    num_experts, top_k
        Experts in all, and for each token.
    factor
        As for `capacity`.

    Returns
    -------
    :
        The tensors by their names, each with its code and its shape; ``print`` shows them as a table, and a notebook a picture
        above it.

    Raises
    ------
    TypeError, ValueError
        As for `capacity`; or if a size is not an int of 1 or more.
    """
    room = capacity(tokens, num_experts, top_k, factor)
    count, chosen = int(tokens), int(top_k)
    features, hidden = _count(embed_dim, "embed_dim"), _count(intermediate_dim, "intermediate_dim")
    total = int(num_experts)
    of_token, of_expert = ("tokens", "top_k"), ("num_experts", "capacity")
    return Explanation(
        tokens=count,
        num_experts=total,
        top_k=chosen,
        capacity=room,
        stages=(
            Stage("x", "", (count, features), ("tokens", "embed_dim")),
            Stage("logits", "x @ W_router.T", (count, total), ("tokens", "num_experts")),
            Stage("experts", f"topk(logits, {chosen})", (count, chosen), of_token),
            Stage("weights", "softmax of those logits", (count, chosen), of_token),
            Stage("buffers", "x to its experts", (total, room, features), (*of_expert, "embed_dim")),
            Stage("hidden", "act(buffers @ W_up)", (total, room, hidden), (*of_expert, "intermediate_dim")),
            Stage("outputs", "hidden @ W_down", (total, room, features), (*of_expert, "embed_dim")),
            Stage("mixed", "sum of weights * outputs", (count, features), ("tokens", "embed_dim")),
        ),
    )


@dataclass(frozen=True)
class Stage:
    """A tensor on the way through a layer of experts: what makes it, and its shape.

    >>> from tensorref import experts
    >>> experts.explain(8, 4, 16, num_experts=4, top_k=1).stages[4]
    Stage(name='buffers', code='x to its experts', shape=(4, 2, 4), axes=('num_experts', 'capacity', 'embed_dim'))
    """

    name: str
    code: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    """What each axis counts."""


@dataclass(frozen=True)
class Explanation(Illustrated):
    """The shapes on the way through a layer of experts: what `explain` returns.

    >>> from tensorref import experts
    >>> explanation = experts.explain(8, 4, 16, num_experts=4, top_k=1)
    >>> explanation.capacity, explanation.stages[-1].shape
    (2, (8, 4))
    """

    tokens: int
    num_experts: int
    top_k: int
    capacity: int
    stages: tuple[Stage, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a tensor each."""
        rows = ((stage.name, stage.code, str(stage.shape)) for stage in self.stages)
        return (("tensor", "code", "shape"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return what the shapes say, a sentence each."""
        copies, places = self.tokens * self.top_k, self.num_experts * self.capacity
        dropped = max(0, self.tokens - self.capacity) * self.top_k
        room = f"{self.num_experts:,} experts with room for {self.capacity:,} each"
        return (
            f"{copies:,} copies of tokens go to {room}: {places:,} places.",
            f"If all tokens chose the same experts, {dropped:,} copies would be dropped.",
            f"A token takes {self.top_k} of {self.num_experts:,} experts, {self.top_k / self.num_experts:.1%} of their parameters.",
        )

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        steps = (f"{stage.name} = {stage.code} has shape {stage.shape}." for stage in self.stages[1:])
        title = f"{self.tokens:,} tokens, {self.top_k} of {self.num_experts:,} experts each"
        return title, " ".join([f"x has shape {self.stages[0].shape}.", *steps, *self.notes()])

    def _drawn(self) -> _picture.Drawing:
        """Draw the shape of each tensor as a row of boxes, an axis in the same hue all the way down."""
        wide = _picture.width_of(*(text for s in self.stages for text in (*s.axes, *map(str, s.shape)))) + 8
        whole, y = _picture.Drawing(), 0
        for stage in self.stages:
            if stage.code:
                whole.arrow((wide // 2, y), (wide // 2, y + 24))
                whole.text((wide // 2 + 14, y + 12), stage.code, "start")
                y += 30
            whole.text((-10, y + 19), stage.name, "end", bold=True)
            for column, (size, axis) in enumerate(zip(stage.shape, stage.axes, strict=True)):
                x = column * (wide + 4)
                whole.box((x, y), (wide, 38), _MARKS.get(axis, _picture.STORED))
                whole.text((x + wide // 2, y + 11), str(size), bold=True)
                whole.text((x + wide // 2, y + 27), axis, faded=True)
            y += 44
        whole.heading(self.described()[0])
        return whole


def _count(value: Any, argument: str) -> int:
    number = as_int(value, argument, "it is")
    if number < 1:
        raise ValueError(f"{argument} is {number}; it is 1 or more")
    return number


def _device(array: Any) -> dict[str, Any]:
    return {"device": array.device} if is_tensor(array) else {}


def _arange(array: Any, count: int) -> Any:
    """Return 0, 1, 2 and so on, where an array is."""
    return library_of(array).arange(count, **_device(array))


def _whole(name: str, value: Any) -> Any:
    """Return indices as int64, or raise an error for what are none."""
    kind = str(value.dtype).removeprefix("torch.")
    if "int" not in kind or kind.startswith("q"):
        raise TypeError(f"{name} has dtype {value.dtype}; indices are integers: convert them to int64")
    return cast(value, library_of(value).int64)


def _checked_experts(experts: Any, num_experts: Any) -> Any:
    """Return indices of experts as int64, or raise an error for what are none."""
    check_operands(experts=experts)
    total, chosen = _count(num_experts, "num_experts"), _whole("experts", experts)
    if chosen.ndim != _MATRIX or 0 in chosen.shape:
        raise ValueError(f"experts has shape {tuple(chosen.shape)}; it is (tokens, top_k)")
    if not attribute(chosen, "is_meta") and ((chosen < 0) | (chosen >= total)).any():
        wrong = chosen[(chosen < 0) | (chosen >= total)][0].item()
        raise ValueError(
            f"experts has {wrong}; there are {total} experts, 0 to {total - 1}: give as many as the router has"
        )
    return chosen
