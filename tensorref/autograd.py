"""PyTorch records what a program computes, and works out the derivatives from that record.

This is how a model learns: the gradient says in which direction each parameter lowers the loss. Some changes in place
break the record, a few of them without an error.

>>> import torch
>>> from tensorref import autograd
>>> autograd.derivative(lambda x: x**2 + 3 * x, 2.0)
tensor(7.)
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from jaxtyping import Float

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor
    from torch.overrides import TorchFunctionMode, resolve_name

from tensorref import _picture
from tensorref._arguments import as_function, as_number
from tensorref._explanation import Diagram, Illustrated, Messages
from tensorref._operands import check_dense, check_tensor

__all__ = [
    "Check",
    "Explanation",
    "Graph",
    "Node",
    "check",
    "derivative",
    "explain_in_place",
    "finite_difference",
    "gradient",
    "graph",
    "saved",
]

Verdict = Literal["works", "leaf", "saved", "view", "overlap", "inference", "output", "wrong"]

_ELSEWHERE = "write the operation without the underscore, which makes a new tensor"
_REASONS: dict[Verdict, tuple[str, str]] = {
    "works": ("No value that backward needs was changed.", ""),
    "leaf": (
        "It changes a leaf that requires grad, or a view of one, and so the very input that the gradient is for.",
        f"{_ELSEWHERE}; to set a parameter, change it under torch.no_grad()",
    ),
    "saved": (
        "It changes a value that an earlier operation saved for backward.",
        f"{_ELSEWHERE}, or change a clone()",
    ),
    "view": (
        (
            "It changes a view that autograd does not follow, or the tensor under one: of several that one call returned, "
            "made under torch.no_grad(), or detached in place."
        ),
        f"{_ELSEWHERE}, or take the view by indexing",
    ),
    "overlap": (
        "It changes a tensor of which several elements are one in memory, or which shares memory with what is read.",
        f"{_ELSEWHERE}, or change a clone()",
    ),
    "inference": (
        "It changes or saves a tensor that was made in inference mode.",
        "make it under torch.no_grad() instead, or use a clone() of it",
    ),
    "output": (
        "It writes the result into a tensor given as out=, which autograd does not record.",
        "leave out= away, and use what the function returns",
    ),
    "wrong": (
        (
            "Autograd and the measurement differ: a change that autograd does not record, a detached value, randomness, "
            "half precision, or a corner of f."
        ),
        f"if f changes a value in place, {_ELSEWHERE}; never write through .data, and under torch.no_grad() only to leaves",
    ),
}
_MESSAGES: dict[str, Verdict] = {
    "leaf Variable that requires grad": "leaf",
    "has been modified by an inplace operation": "saved",
    "is a view and is being modified inplace": "view",
    "base or another view of its base has been modified inplace": "view",
    "A view was created in no_grad mode": "view",
    "Can't detach views in-place": "view",
    "to a single memory location": "overlap",
    "nference tensor": "inference",
    "don't support automatic differentiation": "output",
}
_STEP = 1e-5  # of a central difference in float64
_HALVINGS = 12  # of the step, in search of the one with the least doubt
_MOST_DOUBT = 1e-2  # what a measurement may be unsure of and still decide


def derivative(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"] | float
) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
    """Return the derivative of a function of one number, at one number or at every element of a tensor.

    >>> import torch
    >>> from tensorref import autograd
    >>> autograd.derivative(lambda x: x**3, torch.tensor([0.0, 1.0, 2.0]))
    tensor([ 0.,  3., 12.])

    Parameters
    ----------
    f
        Made of PyTorch's operations, and element by element: no element of the result depends on another of `x`.
    x
        Where to take it; a tensor of a floating-point dtype, or a Python number, which becomes one of the default dtype.

    Returns
    -------
    :
        Of the shape, dtype and device of `x`, in new memory; the ``.grad`` of `x` stays as it is.

    Raises
    ------
    ValueError
        If `f` changes the shape, or its result does not depend on its argument.
    TypeError
        If `x` has no floating-point dtype.

    See Also
    --------
    gradient : of a function of many numbers.
    torch.func.grad : PyTorch's own, as a function of functions; ``torch.func.vmap`` of it takes a tensor of numbers.

    Examples
    --------
    As the slope of ReLU at 0 PyTorch takes 0; any number from 0 to 1 would be a valid subgradient:

    >>> autograd.derivative(torch.relu, torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0., 0., 1.])
    """
    start = _leaf(x)
    y = _recorded(_called(f, start))
    if y.shape != start.shape:
        raise ValueError(
            f"f gives shape {tuple(y.shape)} for x of shape {tuple(start.shape)}; a derivative is taken element by "
            "element: use gradient(f, x) where f gives one number"
        )
    return _gradient(y.sum(), start)


def gradient(f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return the gradient of a function that gives one number: how that changes with each element of a tensor.

    >>> import torch
    >>> from tensorref import autograd
    >>> autograd.gradient(lambda w: (w**2).sum(), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [6., 8.]])

    Parameters
    ----------
    f
        Made of PyTorch's operations; gives a tensor of one element, such as a loss.
    x
        Where to take it, of a floating-point dtype.

    Returns
    -------
    :
        Of the shape, dtype and device of `x`, in new memory; the ``.grad`` of `x` stays as it is.

    Raises
    ------
    ValueError
        If `f` gives more than one number, or its result does not depend on its argument.
    TypeError
        If `x` has no floating-point dtype.

    See Also
    --------
    check : whether it is right.
    torch.autograd.grad : what computes it; ``backward`` adds it to ``.grad`` instead.
    torch.func.jacrev : for a function that gives many numbers.

    Examples
    --------
    Of cross-entropy with respect to the logits it is the probabilities less 1 for the token that came:

    >>> logits, token = torch.tensor([[0.0, 0.0]]), torch.tensor([1])
    >>> autograd.gradient(lambda x: torch.nn.functional.cross_entropy(x, token), logits)
    tensor([[ 0.5000, -0.5000]])
    """
    start = _leaf(x)
    return _gradient(_one_number(_recorded(_called(f, start))), start)


def finite_difference(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"], *, step: float = _STEP
) -> Float[Tensor, "*shape"]:
    """Measure the gradient: move each element a little up and down and see how far the result moves.

    >>> import torch
    >>> from tensorref import autograd
    >>> x = torch.tensor([1.0, 2.0], device="cpu")
    >>> autograd.finite_difference(lambda x: (x**2).sum(), x).round(decimals=6)
    tensor([2., 4.], dtype=torch.float64)

    Parameters
    ----------
    f
        Gives a tensor of one element; called twice for each element of `x`, in float64.
    x
        Where to take it, of a floating-point dtype.
    step
        How far to move: the formula is wrong by about ``step**2`` times the third derivative, rounding by about ``1e-16``
        times the result over `step`. In float32 no step is good, so that `x` is taken to float64. What `f` rounds to float32
        itself, as a buffer of that dtype does, wants a larger step, such as 1e-2.

    Returns
    -------
    :
        ``(f(x + step) - f(x - step)) / (2 * step)`` for each element; of the shape of `x`, in float64 on the CPU where
        the device has none (MPS).

    Raises
    ------
    ValueError
        If `f` gives more than one number.
    TypeError
        If `x` has no floating-point dtype.

    See Also
    --------
    check : holds it against autograd.
    numpy.gradient : the slope of values that were sampled; it calls no function.
    torch.gradient : the same in PyTorch.
    """
    point, size = _double(x), as_number(step, "step")
    if not size:
        raise ValueError("step is 0, and nothing moves; write a small number, such as 1e-5")
    return _slopes(_of_one_number(f), point, size)


@dataclass(frozen=True)
class Check(Diagram):
    """A gradient as autograd computes it beside the same measured: what `check` returns.

    >>> import torch
    >>> from tensorref import autograd
    >>> autograd.check(lambda x: (x**2).sum(), torch.tensor([1.0, 2.0], device="cpu")).right
    True
    """

    right: bool
    """Whether every element agrees to `tolerance`, or to what rounding in `f` lets one measure, a hundredth at most."""
    automatic: tuple[float, ...]
    """What autograd computes, in float64, row by row."""
    measured: tuple[float, ...]
    """What `finite_difference` finds."""
    error: float
    """The largest difference, relative where the element is larger than 1."""
    tolerance: float

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: each element with both gradients."""
        pairs = zip(self.automatic, self.measured, strict=True)
        rows = ((str(index), f"{ours:.6f}", f"{found:.6f}") for index, (ours, found) in enumerate(pairs))
        return (("element", "autograd", "measured"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return the verdict."""
        if self.right and self.error > self.tolerance:
            return (f"The two agree to within {self.error:.1g}, as far as rounding in f lets one measure.",)
        words = "agree" if self.right else "do not agree"
        return (f"The two {words} to within {self.tolerance:g}.",)


def check(f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"], *, tolerance: float = 1e-6) -> Check:
    """Check the gradient of a function against finite differences, both in float64.

    >>> import torch
    >>> from tensorref import autograd
    >>> print(autograd.check(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0], device="cpu")))
    element   autograd   measured
    0         3.000000   3.000000
    1        12.000000  12.000000
    * The two agree to within 1e-06.

    Parameters
    ----------
    f
        Gives a tensor of one element; called in float64.
    x
        Where to check, of a floating-point dtype; away from corners such as that of ReLU at 0.
    tolerance
        The largest difference to accept; relative where an element is larger than 1. Where `f` rounds, because it fills a
        float32 buffer for example, the gradient is measured again with larger steps, and what those leave in doubt is
        accepted too.

    Returns
    -------
    :
        Whether the two agree, and both.

    Raises
    ------
    ValueError
        As for `gradient`.
    TypeError
        If `x` has no floating-point dtype.

    See Also
    --------
    torch.autograd.gradcheck : PyTorch's own, for functions of several tensors; it raises where this returns.

    Examples
    --------
    A value that was taken out of the record counts as a constant to autograd:

    >>> print(autograd.check(lambda x: (x * x.detach()).sum(), torch.tensor([3.0], device="cpu")))
    element  autograd  measured
    0        3.000000  6.000000
    * The two do not agree to within 1e-06.
    """
    point, tolerance = _double(x), as_number(tolerance, "tolerance")
    automatic = gradient(f, point)
    measured, error, right = _compared(_of_one_number(f), point, automatic, tolerance)
    return Check(right, _numbers(automatic), _numbers(measured), error, tolerance)


def saved(operation: Callable[..., object], *tensors: object) -> tuple[str, ...]:
    """Name what an operation saves for ``backward``: what must not be changed in place until then.

    >>> import torch
    >>> from tensorref import autograd
    >>> x = torch.tensor([1.0, 2.0])
    >>> autograd.saved(torch.sigmoid, x), autograd.saved(torch.sin, x), autograd.saved(torch.neg, x)
    (('result',), ('tensors[0]',), ())

    Parameters
    ----------
    operation
        One of PyTorch's, or a function of several.
    *tensors
        What to call it with. Those of floating point require grad in the call; others, and what is not a tensor, go as they
        are.

    Returns
    -------
    :
        ``tensors[0]`` and so on for its arguments, ``result`` for what it returns, or ``result[0]`` and so on for several;
        values of its own in between have no
        name here and are left out, as are tensors without memory (empty, or on the device ``meta``). An argument that is
        saved through a view, such as a transpose, counts: the two share memory.

    See Also
    --------
    explain_in_place : what becomes of a change.
    torch.autograd.graph.saved_tensors_hooks : how it is seen.

    Examples
    --------
    >>> autograd.saved(torch.mul, x, x), autograd.saved(torch.add, x, x)
    (('tensors[0]', 'tensors[1]'), ())

    A linear layer saves its weight transposed:

    >>> autograd.saved(torch.nn.functional.linear, torch.ones(2, 3), torch.ones(4, 3))
    ('tensors[0]', 'tensors[1]')

    Of the two results of ``topk`` it is the indices:

    >>> autograd.saved(torch.topk, x, 1)
    ('result[1]',)
    """
    inputs = [_input(tensor) for tensor in tensors]
    kept = set[int]()
    with _noted(kept):
        result = as_function(operation, "operation")(*inputs)
    named: dict[str, object] = {f"tensors[{position}]": tensor for position, tensor in enumerate(inputs)}
    if isinstance(result, (tuple, list)):
        named |= {f"result[{position}]": each for position, each in enumerate(result)}
    else:
        named["result"] = result
    kept.discard(0)  # no memory
    return tuple(name for name, value in named.items() if isinstance(value, Tensor) and _address(value) in kept)


def graph(f: Callable[..., Tensor], *tensors: object) -> Graph:
    """Record what a function does with tensors, and where the gradient of its result goes.

    >>> import torch
    >>> from tensorref import autograd
    >>> x, w = torch.ones(3, 2), torch.ones(2, 4)
    >>> print(autograd.graph(lambda x, w: (x @ w).relu().sum(), x, w))
    value   made of   shape   saves     gradient
    x                (3, 2)               x.grad
    w                (2, 4)               w.grad
    matmul     x, w  (3, 4)    x, w    passes on
    relu     matmul  (3, 4)  result    passes on
    sum        relu      ()          starts here
    * The gradient goes from sum back to x, w. Each gets one of its own shape.

    Parameters
    ----------
    f
        Made of PyTorch's operations. It is run, and run again with ``backward`` from the sum of its result.
    *tensors
        What to call it with. Those of floating point are copied, and the copies require grad; others, and what is no
        tensor, go as they are.

    Returns
    -------
    :
        The leaves and the operations as data; ``print`` shows them as a table, and a notebook a picture above it.
        Parameters that `f` uses without being given them are leaves too.

    Raises
    ------
    RuntimeError
        If `f` fails for a reason that has nothing to do with a change in place.
    TypeError
        If `f` gives no tensor.

    See Also
    --------
    saved : what one operation saves.
    explain_in_place : whether a gradient is right after a change in place.
    torch.autograd.graph.Node.next_functions : the same graph as ``backward`` walks it, from its end.

    Notes
    -----
    The operations are seen by a `mode of PyTorch
    <https://docs.pytorch.org/docs/stable/notes/extending.html#extending-all-torch-api-with-modes>`__. What one of PyTorch's
    own functions does within itself, such as ``torch.nn.functional.cross_entropy``, counts as one operation.

    Examples
    --------
    A leaf that is used twice gets the sum of two gradients. What ``detach`` gives is a constant to autograd:

    >>> print(autograd.graph(lambda x: x * x.detach() + x, torch.ones(2)))
    value     made of  shape   saves     gradient
    x                   (2,)               x.grad
    detach          x   (2,)                  cut
    mul     x, detach   (2,)  detach    passes on
    add        mul, x   (2,)          starts here
    * The gradient goes from add back to x. Each gets one of its own shape.
    * x is used 2 times, and its 2 gradients are added up.
    * No gradient goes through detach.
    """
    run = as_function(f, "f")
    module: Any = f if isinstance(f, torch.nn.Module) else None
    recorder = _Recorder({id(each): name for name, each in module.named_parameters()} if module else {})
    inputs = [_input(tensor) for tensor in tensors]
    for name, value in zip(_parameters(module.forward if module else f, len(inputs)), inputs, strict=True):
        if isinstance(value, Tensor):
            recorder.leaf(value, name)
    raised: Literal["at once", "at backward"] | None = "at once"
    message: str | None = None
    end: int | None = None
    reached = list[int]()
    try:
        with recorder:
            result = _as_tensor(run(*inputs))
        end = recorder.place_of(result)
        raised = "at backward"
        if result.requires_grad:
            reached = _reached(run, tensors, inputs, recorder.leaves)
        raised = None
    except RuntimeError as error:
        message = str(error)
        if not any(words in message for words in _MESSAGES):
            raise
    return Graph(
        nodes=tuple(recorder.nodes),
        result=end,
        reached=tuple(reached),
        raised=raised,
        messages=None if message is None else Messages(None, message),
    )


@dataclass(frozen=True)
class Node:
    """A leaf or an operation of a graph.

    >>> import torch
    >>> from tensorref import autograd
    >>> autograd.graph(torch.exp, torch.ones(3)).nodes[1]
    Node(name='exp', shape=(3,), inputs=(0,), saves=('result',), passes=True, cut=False, changes=None, spoils=())
    """

    name: str
    """The name of the leaf, or of the operation."""
    shape: tuple[int, ...]
    """That of the tensor; of the first one where an operation gives several."""
    inputs: tuple[int, ...]
    """The nodes that it is made of; none of a leaf."""
    saves: tuple[str, ...]
    """What it saves for ``backward``: names of `inputs`, ``result``, or ``constant`` for a tensor that is no node."""
    passes: bool
    """Whether the tensor requires grad, so that a gradient can come to it."""
    cut: bool
    """Whether an input requires grad and the result does not."""
    changes: int | None
    """The node whose memory it writes to; the first one, where several share it."""
    spoils: tuple[int, ...]
    """The earlier nodes that saved what it writes to."""


@dataclass(frozen=True)
class Graph(Illustrated):
    """What a function does with tensors: what `graph` returns.

    >>> import torch
    >>> from tensorref import autograd
    >>> graph = autograd.graph(lambda x: x.exp().add_(1), torch.ones(3))
    >>> graph.raised, graph.nodes[2].changes
    ('at backward', 1)
    """

    nodes: tuple[Node, ...]
    """In the order of time, a leaf before its first use."""
    result: int | None
    """The node of the result; None where it has none, or `f` raised."""
    reached: tuple[int, ...]
    """The leaves that get a gradient."""
    raised: Literal["at once", "at backward"] | None
    """When PyTorch raises; None where it does not."""
    messages: Messages | None
    """What PyTorch says; None where it does not raise."""

    @property
    def _names(self) -> list[str]:
        return [node.name for node in self.nodes]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a leaf or an operation each."""
        names, way = self._names, _on_the_way(self)
        rows = (
            (
                names[place],
                ", ".join(names[each] for each in node.inputs),
                str(node.shape),
                ", ".join(node.saves),
                self._gradient(place, way),
            )
            for place, node in enumerate(self.nodes)
        )
        return (("value", "made of", "shape", "saves", "gradient"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return where the gradient goes, and what is in its way, a sentence each."""
        names, notes = self._names, list[str]()
        if self.messages:
            notes.append(f"PyTorch raises {self.raised}: {self.messages.torch}")
        elif self.result is None or not self.reached:
            notes.append("No gradient comes back to a leaf.")
        else:
            leaves = ", ".join(names[place] for place in self.reached)
            notes.append(
                f"The gradient goes from {names[self.result]} back to {leaves}. Each gets one of its own shape."
            )
        uses = _uses(self, _on_the_way(self))
        for place in self.reached:
            if (count := uses[place]) > 1:
                notes.append(f"{names[place]} is used {count} times, and its {count} gradients are added up.")
        notes += [f"No gradient goes through {name}." for name, node in zip(names, self.nodes, strict=True) if node.cut]
        for name, node in zip(names, self.nodes, strict=True):
            if node.changes is not None:
                spoiled = [names[place] for place in node.spoils]
                which = f", which {' and '.join(spoiled)} saved" if spoiled else ""
                notes.append(f"{name} changes the tensor of {names[node.changes]} in place{which}.")
        return tuple(notes)

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        made = [f"{value} {shape} is made of {inputs}." for value, inputs, shape, *_ in self.table()[1:] if inputs]
        names = self._names
        leaves = ", ".join(node.name for node in self.nodes if not node.inputs) or "no leaf"
        end = "no operation" if self.result is None else names[self.result]
        return f"graph from {leaves} to {end}", " ".join([*made, *self.notes()])

    def _gradient(self, place: int, way: set[int]) -> str:
        """Return what becomes of the gradient at a node."""
        node = self.nodes[place]
        if node.cut:
            return "cut"
        if self.messages:
            return ""
        if not node.inputs:
            return f"{node.name}.grad" if place in self.reached else "none"
        if place == self.result and node.passes:
            return "starts here"
        return "passes on" if place in way else "none"

    def _drawn(self) -> _picture.Drawing:
        """Draw the operations from top to bottom, leaves at their side, values as solid arrows and gradients as dashed ones."""
        operations = [place for place, node in enumerate(self.nodes) if node.inputs]
        shown = [None if at is None else operations[at] for at in _picture.visible(len(operations), _MOST_OPERATIONS)]
        drawing = _Sketch(self, self._names, _on_the_way(self))
        for place in shown:
            drawing.operation(place)
        if not operations:
            for place in range(min(len(self.nodes), _MOST_SIDES)):
                drawing.leaf(place, place * _ROW)
        drawing.legend()
        return drawing.drawing


_MOST_OPERATIONS = 9  # that are drawn before the middle is left out
_MOST_SIDES = 4  # leaves that are drawn beside an operation
_BACK = 1  # the hue of gradients
_ROW = 50
_APART = 50  # from an operation to a leaf
_MOST_LINES = 3
_MOST_LANES = 8  # ways past other operations


@dataclass
class _Sketch:
    """Draws a graph from top to bottom."""

    graph: Graph
    names: Sequence[str]
    way: set[int]
    drawing: _picture.Drawing = field(default_factory=_picture.Drawing)
    y: int = 0
    tops: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Where the box of an operation begins and ends."""
    drawn: set[int] = field(default_factory=set)
    last: int | None = None
    lanes: int = 0
    uses: Counter[int] = field(init=False)
    wide: int = 0
    leaf_wide: int = 0

    def __post_init__(self) -> None:
        """Count the gradients, and make the boxes as wide as what stands in them."""
        self.uses = _uses(self.graph, self.way)
        made = [node for node in self.graph.nodes if node.inputs]
        operations = [
            "no operation",
            *(f"✗ {node.name}" for node in made),
            *(each for node in made for each in self.lines(node)),
        ]
        leaves = [".grad, sum of 99", *(f"{node.name} {node.shape}" for node in self.graph.nodes if not node.inputs)]
        self.wide, self.leaf_wide = (_picture.width_of(*texts) + 12 for texts in (operations, leaves))

    @property
    def side(self) -> int:
        """Where the leaves begin."""
        return self.wide + _APART

    def operation(self, place: int | None) -> None:
        """Draw an operation below those before, with the leaves that it takes and an arrow from each operation."""
        if place is None:
            self.drawing.text((self.wide // 2, self.y + 6), "⋮", faded=True)
            self.y, self.last = self.y + 30, None
            return
        node = self.graph.nodes[place]
        lines = self.lines(node)
        sides = [each for each in dict.fromkeys(node.inputs) if not self.graph.nodes[each].inputs]
        high = max(28 + 18 * len(lines), _ROW * min(len(sides), _MOST_SIDES) - 8)
        mark = _picture.CONFLICT if node.spoils else _picture.STORED
        mark = _picture.COPY._replace(faded=False) if node.cut else mark
        self.drawing.box((0, self.y), (self.wide, high), mark)
        self.drawing.text(
            (self.wide // 2, self.y + 12), f"✗ {self.names[place]}" if node.cut else self.names[place], bold=True
        )
        for line, text in enumerate(lines):
            self.drawing.text((self.wide // 2, self.y + 30 + 18 * line), text, faded=line > 0)
        self.tops[place] = (self.y, self.y + high)
        for line, each in enumerate(sides[:_MOST_SIDES]):
            top = self.y + line * _ROW
            self.leaf(each, top)
            self.arrows((self.side - 4, top + 20), (self.wide + 4, top + 20), self.passes(place, each))
        for each in dict.fromkeys(node.inputs):
            if each == self.last:
                start, end = self.tops[each][1] + 3, self.y - 3
                self.arrows((self.wide // 2, start), (self.wide // 2, end), self.passes(place, each))
            elif each in self.tops and self.lanes < _MOST_LANES:
                self.around(each, place)
        self.last, self.y = place, self.y + high + 34

    def lines(self, node: Node) -> list[str]:
        """Return what stands in the box of an operation, besides its name."""
        lines = [str(node.shape)]
        if node.saves:
            lines += _picture.wrapped(f"saves {', '.join(node.saves)}", _MOST_LINES)
        if node.changes is not None:
            spoiled = [self.names[place] for place in node.spoils]
            lines += (
                _picture.wrapped(f"✗ in place: {', '.join(spoiled)} saved it", _MOST_LINES) if spoiled else ["in place"]
            )
        return lines

    def passes(self, place: int, each: int) -> bool:
        """Tell whether a gradient goes from an operation to one of its inputs."""
        return not self.graph.messages and place in self.way and self.graph.nodes[each].passes

    def leaf(self, place: int, top: int) -> None:
        """Draw a leaf, and what it gets."""
        node, again = self.graph.nodes[place], place in self.drawn
        gets = place in self.graph.reached
        self.drawing.box((self.side, top), (self.leaf_wide, 42), _picture.COPY if again else _picture.RESULT)
        self.drawing.text((self.side + self.leaf_wide // 2, top + 12), f"{self.names[place]} {node.shape}", bold=True)
        words = ".grad" if gets else "no gradient"
        count = self.uses[place]
        if gets and (again or count > 1):
            words = "the same" if again else f".grad, sum of {count}"
        self.drawing.text((self.side + self.leaf_wide // 2, top + 30), words, faded=not gets or again)
        self.drawn.add(place)

    def arrows(self, start: tuple[int, int], end: tuple[int, int], back: bool) -> None:  # noqa: FBT001  it is what is drawn
        """Draw an arrow for a value, and one for the gradient that comes back."""
        (x, y), (to_x, to_y) = start, end
        aside = (7, 0) if x == to_x else (0, 7)
        self.drawing.arrow((x - aside[0], y - aside[1]), (to_x - aside[0], to_y - aside[1]))
        if back:
            self.drawing.arrow(
                (to_x + aside[0], to_y + aside[1]), (x + aside[0], y + aside[1]), _BACK, _picture.DASHES[1]
            )

    def around(self, each: int, place: int) -> None:
        """Draw the way from an earlier operation past those between."""
        self.lanes += 1
        x = -12 - 18 * self.lanes
        start, end = sum(self.tops[each]) // 2, sum(self.tops[place]) // 2
        self.drawing.line(f"M-4 {start - 6}H{x}V{end + 6}H-12", [(x, start - 6), (0, end + 6)])
        self.drawing.arrow((-14, end + 6), (-3, end + 6))
        if self.passes(place, each):
            self.drawing.line(
                f"M-4 {end - 6}H{x + 8}V{start + 6}H-12", [(x, start), (0, end)], _BACK, _picture.DASHES[1]
            )
            self.drawing.arrow((-14, start + 6), (-3, start + 6), _BACK)

    def legend(self) -> None:
        """Draw what the arrows mean."""
        y = self.drawing.bottom + 24
        self.drawing.arrow((0, y), (34, y))
        self.drawing.text((42, y), "values", "start", faded=True)
        self.drawing.arrow((150, y), (116, y), _BACK, _picture.DASHES[1])
        self.drawing.text((158, y), "gradients", "start", faded=True)


def _on_the_way(graph: Graph) -> set[int]:
    """Return the nodes that the gradient comes to."""
    found, left = set[int](), [] if graph.result is None else [graph.result]
    while left:
        place = left.pop()
        if place not in found and graph.nodes[place].passes:
            found.add(place)
            left += graph.nodes[place].inputs
    return found


def _uses(graph: Graph, way: set[int]) -> Counter[int]:
    """Return how many gradients come to each node, besides that of the result."""
    return Counter(each for place in way for each in graph.nodes[place].inputs)


class _Recorder(TorchFunctionMode):
    """Sees the operations of PyTorch while a function runs."""

    def __init__(self, parameters: Mapping[int, str]) -> None:
        super().__init__()
        self.parameters = parameters
        self.nodes: list[Node] = []
        self.leaves: dict[int, Tensor] = {}
        self.places: dict[int, int] = {}
        self.names: dict[str, int] = {}
        self.memories: dict[int, int] = {}
        """The first node with a memory, by the address of that."""
        self.kept: list[set[int]] = []
        """The memories that each node saved."""
        self.alive: list[Tensor] = []  # so that no tensor takes the id of another

    def place_of(self, tensor: Tensor) -> int | None:
        """Return the node of a tensor, None where it has none."""
        return self.places.get(id(tensor))

    def leaf(self, tensor: Tensor, name: str) -> None:
        """Take a leaf in."""
        self.leaves[len(self.nodes)] = tensor
        node = Node(name, tuple(tensor.shape), (), (), tensor.requires_grad, cut=False, changes=None, spoils=())
        self._add(node, [tensor], set())

    def _add(self, node: Node, tensors: Sequence[Tensor], kept: set[int]) -> None:
        count = self.names[node.name] = self.names.get(node.name, 0) + 1
        node = replace(node, name=f"{node.name} #{count}") if count > 1 else node
        for tensor in tensors:
            self.places[id(tensor)] = len(self.nodes)
            self.memories.setdefault(_address(tensor), len(self.nodes))
        self.kept.append(kept)
        self.alive += tensors
        self.nodes.append(node)

    def __torch_function__(
        self, func: Any, _types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call an operation and take it in, if it makes a tensor of one that is known."""
        kept = set[int]()
        name, given = _operation_name(func), [*_tensors([args, kwargs or {}])]
        before = [tensor.grad_fn for tensor in given]
        with _noted(kept):
            result = func(*args, **(kwargs or {}))
        made = [*_tensors(args[0] if name == "setitem" else result)]
        for tensor in given:
            if self.place_of(tensor) is None and tensor.is_leaf and tensor.requires_grad:
                self.leaf(tensor, self.parameters.get(id(tensor), "leaf"))
        known = {place: tensor for tensor in given if (place := self.place_of(tensor)) is not None}
        if made and known:
            kept.discard(0)  # no memory
            names = {_address(tensor): self.nodes[place].name for place, tensor in known.items()}
            names |= {_address(each): "result" for each in made if _address(each) not in names}
            changed = [
                tensor
                for tensor, grad_fn in zip(given, before, strict=True)
                if any(tensor is each for each in made) and (name.endswith("_") or tensor.grad_fn is not grad_fn)
            ]
            written = {_address(tensor) for tensor in changed} - {0}
            saves = [each for address, each in names.items() if address in kept]
            saves += ["constant"] * (not kept <= names.keys())
            passes = any(each.requires_grad for each in made)
            cut = not passes and any(self.nodes[place].passes for place in known)
            self._add(
                Node(
                    name=name,
                    shape=tuple(made[0].shape),
                    inputs=tuple(known),
                    saves=tuple(saves),
                    passes=passes,
                    cut=cut,
                    changes=next((self.memories.get(_address(each), self.place_of(each)) for each in changed), None),
                    spoils=tuple(place for place, earlier in enumerate(self.kept) if earlier & written),
                ),
                made,
                kept,
            )
        return result


def _reached(
    run: Callable[..., Tensor], tensors: Sequence[object], inputs: Sequence[object], leaves: Mapping[int, Tensor]
) -> list[int]:
    """Return which leaves get a gradient, when nobody looks at what is saved."""
    anew = [_input(tensor) for tensor in tensors]
    copies = {id(value): copied for value, copied in zip(inputs, anew, strict=True)}
    wanted: dict[int, Any] = {place: copies.get(id(leaf), leaf) for place, leaf in leaves.items() if leaf.requires_grad}
    if not wanted:
        return []
    result = run(*anew)
    gradients: object = torch.autograd.grad(result.sum(), [*wanted.values()], allow_unused=True)
    found = cast("Sequence[Tensor | None]", gradients)
    return [place for place, gradient in zip(wanted, found, strict=True) if gradient is not None]


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in arguments or a result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in cast("Sequence[object]", value):
            yield from _tensors(each)
    elif isinstance(value, dict):
        yield from _tensors([*cast("dict[str, object]", value).values()])


def _operation_name(func: Any) -> str:
    """Return what an operation is called in code: ``mul`` of ``Tensor.__mul__``, ``T`` of the attribute."""
    name = str(func.__name__)
    if name == "__get__":
        name = (resolve_name(func) or name).split(".")[-2]
    return name[2:-2] if name.startswith("__") and name.endswith("__") else name


def _parameters(f: object, count: int) -> list[str]:
    """Return what the arguments of a function are called."""
    try:
        names = [
            name
            for name, each in inspect.signature(cast("Callable[..., object]", f)).parameters.items()
            if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
        ]
    except (TypeError, ValueError):
        names = []
    return [*names[:count], *(f"tensors[{place}]" for place in range(len(names), count))]


def _input(value: object) -> object:
    """Return a leaf of the values of a tensor that can have a gradient, and anything else as it is."""
    if not isinstance(value, Tensor):
        return value
    copied = value.detach().clone()
    return copied.requires_grad_() if copied.is_floating_point() or copied.is_complex() else copied


def _noted(kept: set[int]) -> torch.autograd.graph.saved_tensors_hooks:
    """Return a context in which the memory of all that is saved for ``backward`` goes into a set."""

    def note(tensor: Tensor) -> Tensor:
        kept.add(_address(tensor))
        return tensor

    return torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0


@dataclass(frozen=True)
class Explanation(Diagram):
    """What becomes of the gradient of a function that works in place: what `explain_in_place` returns.

    >>> import torch
    >>> from tensorref import autograd
    >>> explanation = autograd.explain_in_place(lambda x: x.mul_(2), torch.tensor([1.0]))
    >>> explanation.verdict, explanation.raised
    ('leaf', 'at once')
    """

    verdict: Verdict
    """``works``, or what is changed that must not be: a ``leaf``, a ``saved`` value, a ``view`` that autograd does not follow,
    elements that are one in memory (``overlap``), a tensor of ``inference`` mode, what is given as ``out=`` (``output``). Or
    ``wrong``: nothing is raised, and the gradient is not the measured one."""
    raised: Literal["at once", "at backward"] | None
    """When PyTorch raises; None where it does not."""
    messages: Messages | None
    """What PyTorch says; None where it does not raise."""
    automatic: tuple[float, ...] | None
    """The gradient of the sum of the result that autograd gives, if it does."""
    measured: tuple[float, ...] | None
    """The same measured by `finite_difference`; None where the function raises without a gradient too."""
    advice: str
    """What to write instead; empty where it works."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: each element with both gradients."""
        heading = ("element", "autograd", "measured")
        if self.measured is None:
            return (heading, ("all", "none", "none"))
        automatic = self.automatic or ("none",) * len(self.measured)
        cells = [ours if isinstance(ours, str) else f"{ours:.4f}" for ours in automatic]
        rows = ((str(index), ours, f"{self.measured[index]:.4f}") for index, ours in enumerate(cells))
        return (heading, *rows)

    def notes(self) -> tuple[str, ...]:
        """Return the reason, what PyTorch says and the fix, a sentence each."""
        notes = [_REASONS[self.verdict][0]]
        if self.messages:
            notes.append(f"PyTorch raises {self.raised}: {self.messages.torch}")
        if self.advice:
            notes.append(f"{self.advice[0].upper()}{self.advice[1:]}.")
        return tuple(notes)


def explain_in_place(f: Callable[[Tensor], Tensor], x: Float[Tensor, "*shape"]) -> Explanation:
    """Tell whether a function that works in place still has a gradient, and whether it is right.

    >>> import torch
    >>> from tensorref import autograd
    >>> x = torch.tensor([1.0, 2.0, 3.0], device="cpu")
    >>> print(autograd.explain_in_place(lambda x: x.add_(1), x))
    element  autograd  measured
    0            none    1.0000
    1            none    1.0000
    2            none    1.0000
    * It changes a leaf that requires grad, or a view of one, and so the very input that the gradient is for.
    * PyTorch raises at once: a leaf Variable that requires grad is being used in an in-place operation.
    * Write the operation without the underscore, which makes a new tensor; to set a parameter, change it under torch.no_grad().

    Parameters
    ----------
    f
        Takes a leaf that requires grad. It is run, with ``backward`` from the sum of its result, and run again to measure
        the gradient; what it changes are copies of `x`.
    x
        Where to try it, of a floating-point dtype.

    Returns
    -------
    :
        What happened, as data; ``print`` shows a table.

    Raises
    ------
    RuntimeError
        If `f` fails for a reason that has nothing to do with a change in place.
    ValueError
        If the result of `f` does not depend on its argument.
    TypeError
        If `x` has no floating-point dtype, or `f` gives no tensor.

    See Also
    --------
    saved : which values an operation saves.
    torch.Tensor.is_leaf : whether a tensor is one.

    Notes
    -----
    Every tensor counts its changes in place (``tensor._version``), and ``backward`` compares the count with that at the
    time of saving. A change under ``torch.no_grad()`` is counted but not recorded: of a saved value it raises, of another it
    goes unnoticed. A change through ``.data`` is not even counted:
    https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd

    Examples
    --------
    The result of a product is not a leaf, and the product has not saved it, so that ``add_`` works:

    >>> autograd.explain_in_place(lambda x: (x * 2).add_(1), x).automatic
    (2.0, 2.0, 2.0)

    To fill a buffer is a change in place too, which autograd records:

    >>> def filled(x):
    ...     out = torch.zeros(3)
    ...     out[:] = x * 2
    ...     return out
    >>> autograd.explain_in_place(filled, x).verdict
    'works'

    A change that is not counted is the worst of all, since nothing is raised and the gradient is wrong:

    >>> def shifted(x):
    ...     z = x.exp()
    ...     z.data.add_(1)
    ...     return z
    >>> print(autograd.explain_in_place(shifted, torch.tensor([0.0], device="cpu")))
    element  autograd  measured
    0          2.0000    1.0000
    * Autograd and the measurement differ: a change that autograd does not record, a detached value, randomness, half precision, or a corner of f.
    * If f changes a value in place, write the operation without the underscore, which makes a new tensor; never write through .data, and under torch.no_grad() only to leaves.
    """
    point = _double(x)
    leaf = _leaf(point)
    raised: Literal["at once", "at backward"] = "at once"
    try:
        total = _recorded(_called(f, leaf).sum())
        raised = "at backward"
        automatic = _gradient(total, leaf)
    except RuntimeError as error:
        said = str(error)
        for words, broken in _MESSAGES.items():
            if words in said:
                try:
                    found = _numbers(_measured(f, point))
                except RuntimeError:
                    found = None
                return Explanation(broken, raised, Messages(None, said), None, found, _REASONS[broken][1])
        raise
    measured, _, right = _compared(f, point, automatic, 2e-5)
    verdict: Verdict = "works" if right else "wrong"
    return Explanation(verdict, None, None, _numbers(automatic), _numbers(measured), _REASONS[verdict][1])


def _called(f: Callable[[Tensor], object], x: Tensor) -> Tensor:
    """Return what a function gives, or raise an error if that is not a tensor."""
    return _as_tensor(as_function(f, "f")(x))


def _as_tensor(y: object) -> Tensor:
    """Return what a function gave, or raise an error if that is not a tensor."""
    if isinstance(y, Tensor):
        return y
    mend = "return one of them" if isinstance(y, (tuple, list)) else "compute it from x with PyTorch's operations alone"
    raise TypeError(f"f gives a {type(y).__name__}, not a tensor; {mend}")


def _of_one_number(f: Callable[[Tensor], object]) -> Callable[[Tensor], Tensor]:
    """Return a function that raises an error where `f` gives anything but one number."""
    return lambda x: _one_number(_called(f, x))


def _slopes(f: Callable[[Tensor], Tensor], point: Tensor, steps: Tensor | float = _STEP) -> Tensor:
    """Return the central difference of each element, each with its own step; of the sum where `f` gives several numbers."""
    result = torch.empty_like(point)
    steps = torch.as_tensor(steps, dtype=point.dtype, device=point.device).expand(point.shape).reshape(-1)
    with torch.no_grad():
        for index in range(point.numel()):
            step, ends = steps[index], list[Tensor]()
            for shift in (step, -step):
                moved = point.clone()
                moved.view(-1)[index] += shift
                ends.append(f(moved).double())
            result.view(-1)[index] = (ends[0] - ends[1]).sum() / (2 * step)
    return result


def _measured(f: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """Return the gradient as measured, with large steps where rounding in `f` spoils the small one."""
    measured = _slopes(f, point)
    better, doubt = _extrapolated(f, point)
    return torch.where((better - measured).abs() > doubt, better, measured)


def _compared(
    f: Callable[[Tensor], Tensor], point: Tensor, automatic: Tensor, tolerance: float
) -> tuple[Tensor, float, bool]:
    """Return the measured gradient, how far autograd's is from it, and whether that is near enough."""
    measured = first = _slopes(f, point)
    off = _off(automatic, measured)
    if not bool((off > tolerance).any()):
        return measured, off.max().item() if off.numel() else 0.0, not bool(off.isnan().any())
    better, doubt = _extrapolated(f, point)
    known = doubt.isfinite()
    measured = torch.where(known, better, measured)
    off = _off(automatic, measured)
    # Where rounding is what is wrong, it was worst with the smallest step.
    unsure = torch.maximum(10 * doubt, (first - measured).abs() / 10) / measured.abs().clamp(min=1)
    allowed = torch.where(known, unsure.clamp(tolerance, _MOST_DOUBT), tolerance)
    return measured, off.max().item(), bool((off <= allowed).all())


def _off(automatic: Tensor, measured: Tensor) -> Tensor:
    return (automatic - measured).abs() / measured.abs().clamp(min=1)


def _extrapolated(f: Callable[[Tensor], Tensor], point: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient measured with large steps and extrapolated to none, and how much that is in doubt.

    Ridders' method: central differences are off by a series in step**2, whose terms two steps cancel. Rounding in `f`, to
    float32 for example, weighs the less the larger the step is.
    """
    steps = 0.1 * point.abs().clamp(min=1)
    best, least = torch.full_like(point, torch.nan), torch.full_like(point, torch.inf)
    above: list[Tensor] = []
    for _ in range(_HALVINGS):
        row = [_slopes(f, point, steps)]
        for order, old in enumerate(above):
            row.append(row[order] + (row[order] - old) / (4.0 ** (order + 1) - 1))
            doubt = torch.maximum((row[-1] - row[-2]).abs(), (row[-1] - old).abs())
            best, least = torch.where(doubt < least, row[-1], best), torch.where(doubt < least, doubt, least)
        above, steps = row, steps / 2
    return best, least


def _leaf(x: Any) -> Tensor:
    given: Any = x
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        given = torch.tensor(as_number(x, "x"), dtype=torch.get_default_dtype())
    check_tensor("x", given)
    check_dense("x", given)
    start: Tensor = given.detach().clone()
    if not start.is_floating_point() or start.dtype.itemsize == 1:
        computed = "float8 is for storing, so compute with x.float()" if start.is_floating_point() else "pass x.float()"
        raise TypeError(f"x has dtype {start.dtype}; only floating-point tensors have gradients: {computed}")
    return start.requires_grad_()


def _double(x: Any) -> Tensor:
    """Return a contiguous copy in float64, on the CPU where the device has none."""
    point = _leaf(x).detach()
    if point.is_meta:
        raise TypeError("x is on meta and has no values to move; give a tensor that has, such as one on the CPU")
    return (point.cpu() if point.device.type == "mps" else point).to(torch.float64).contiguous()


def _recorded(y: Tensor) -> Tensor:
    if not y.requires_grad:
        raise ValueError(
            "f gives a result without a record of how it came from x; compute it with PyTorch's operations alone, without "
            "item(), numpy(), detach() or torch.no_grad()"
        )
    return y


def _one_number(y: Tensor) -> Tensor:
    if y.numel() != 1:
        raise ValueError(
            f"f gives shape {tuple(y.shape)}; a gradient is that of one number: end f with .sum() or .mean(), or use "
            "torch.func.jacrev for all"
        )
    return y.reshape(())


def _gradient(y: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(y, x, materialize_grads=True)[0]


def _numbers(x: Tensor) -> tuple[float, ...]:
    return tuple(cast("list[float]", x.flatten().tolist()))
