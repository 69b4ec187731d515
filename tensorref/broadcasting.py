"""Broadcasting lets you add or multiply arrays of different shapes: an axis of size 1 is repeated, without a copy.

It is how one bias is added to every token and one mask to every head. It also lets shapes pass that were never meant to
meet, and then the result is wrong without an error.

>>> from tensorref import broadcasting
>>> broadcasting.result_shape((32, 10, 64), (64,))
(32, 10, 64)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from math import prod
from operator import add, methodcaller, mul, sub
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from tensorref import _picture
from tensorref._arguments import as_choice, as_itemsize, as_operand_names
from tensorref._explanation import Fix, Messages, ShapeRule, TensorrefError
from tensorref._operands import check_operands, computed
from tensorref._shape import MAX_RANK, agreed, as_shape, as_shapes, joined, lined_up
from tensorref._typing import ArrayT, ShapeLike, jaxtyping
from tensorref._words import Templates

__all__ = [
    "Axis",
    "BroadcastError",
    "Explanation",
    "Operand",
    "add_bias",
    "compatible",
    "expanded_strides",
    "explain",
    "gradient_axes",
    "messages",
    "result_shape",
    "sum_to_size",
]

_MOST_NAMED = 8  # axes that a sentence names before it counts the rest
_MOST_DRAWN = 3  # axes
_MOST_OPERANDS = 6  # that are drawn
_A_PAIR = 2
_PLACE = 10  # the first operand counts in tens and the second in ones, so that a sum shows both
_COMPUTED = MappingProxyType({"+": add, "-": sub, "*": mul})
_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>")
_MOST_VALUES = 100
_MOST_EXPLAINED = 64  # operands, as many as NumPy broadcasts at once

WORDS: Mapping[str, str] = Templates(
    {
        "axis": "axis",
        "result": "result",
        "verdict": "verdict",
        "equal": "equal",
        "expand": "expands",
        "conflict": "conflict",
        "padded": "padded",
        "shapes": "{operands}.",
        "align": "The last axes stand under each other; the longest shape has rank {rank}.",
        "pad": "A missing axis counts as 1: {missing}.",
        "pad.missing": "{name} lacks {count}",
        "pad.none": "No axis is missing.",
        "compare": "From the right: {axes}.",
        "compare.axis": "axis {axis} has {sizes}: {verdict}",
        "compare.more": "{count} more",
        "compare.none": "There is no axis to compare.",
        "expand.text": "A size of 1 repeats without a copy, by a stride of 0: {repeats}.",
        "expand.repeat": "{name} along axis {axes}",
        "expand.none": "No size of 1 has to repeat.",
        "expand.conflict": "Nothing repeats while an axis is in conflict.",
        "success": "The result has shape {shape}, {elements:,} {elements|element|elements}.",
        "failure": "{operands} do not broadcast: {axes}. Sizes on one axis must be equal or 1.",
        "failure.axis": "axis {axis} has {sizes}",
        "fix": "{code} has shape {shape} and would give {result}.",
        "fix.several": "{code} would together give {result}.",
        "warning": (
            "The result has {result:,} elements, more than any operand: right for a table of all pairs, "
            "wrong if the operands were to be paired one to one."
        ),
        "warning.same": (
            "{first} and {second} have {elements:,} elements each, the result has {result:,}: every element of one "
            "meets every element of the other. To pair them one to one, give both the same shape."
        ),
        "warning.chance": (
            "{name} {shape} may fit by chance: its first axis meets axis {axis} of the result, and axis {first} has size "
            "{size} too. If it is meant for axis {first}, write {code}."
        ),
        "bytes": "Stored: {stored:,} bytes. With every operand copied to the shape of the result: {copied:,} bytes.",
        "strides": "Strides once expanded, in elements: {strides}. A stride of 0 reads one element again and again.",
        "gradient": "The gradient of {name} sums over axis {axes}.",
    }
)

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "numpy": "operands could not be broadcast together with shapes {shapes} ",
        "torch": "The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {axis}",
    }
)


class BroadcastError(TensorrefError, ValueError):
    """Raised for shapes that do not broadcast.

    >>> from tensorref import broadcasting
    >>> try:
    ...     broadcasting.result_shape((3, 4, 5), (2, 4, 6))
    ... except broadcasting.BroadcastError as error:
    ...     print(error.explanation.conflicts)
    (-3, -1)
    """

    explanation: Explanation
    """All that is wrong with the shapes, and what would fit."""


def result_shape(*shapes: ShapeLike, names: Sequence[str] | None = None) -> tuple[int, ...]:
    """Return the shape that any number of `shapes` broadcast to.

    >>> import torch
    >>> from tensorref import broadcasting
    >>> broadcasting.result_shape((4, 1), (1, 3))
    (4, 3)
    >>> broadcasting.result_shape([8, 1], torch.zeros(4, 1, 5).shape, 5)
    (4, 8, 5)

    Parameters
    ----------
    *shapes
        Each an int, a sequence of ints or the ``.shape`` of an array; at most 64 axes.
    names
        What to call them in an error; ``a``, ``b``, ``c`` by default.

    Returns
    -------
    :
        The shape of the result.

    Raises
    ------
    BroadcastError
        If the sizes of an axis do not agree. It names every such axis, and a shape that would fit.
    TypeError, ValueError
        If an argument is not a shape: a fraction, a negative size, more than 64 axes.

    See Also
    --------
    explain : the same step by step, for shapes that do not fit too.
    numpy.broadcast_shapes : NumPy's own, which names the operands that disagree but not the axis.
    torch.broadcast_shapes : PyTorch's own, which names one axis.

    Examples
    --------
    >>> broadcasting.result_shape((32, 10, 64), (32,))
    Traceback (most recent call last):
    ...
    tensorref.broadcasting.BroadcastError: a (32, 10, 64), b (32,) do not broadcast: axis -1 has 64, 32. Sizes on one axis must be equal or 1. b[:, None, None] has shape (32, 1, 1) and would give (32, 10, 64).
    """
    given = as_shapes(shapes)
    result = joined(given)
    called = as_operand_names(names, len(given)) if result is None or names is not None else ()
    if result is None:
        raise _refusal(_explain_pair(given, called) if len(given) > _MOST_EXPLAINED else explain(*given, names=called))
    return result


def compatible(*shapes: ShapeLike) -> bool:
    """Tell whether `shapes` broadcast together.

    >>> from tensorref import broadcasting
    >>> broadcasting.compatible((3, 4), (1,)), broadcasting.compatible((3, 4), (2, 4))
    (True, False)

    Parameters
    ----------
    *shapes
        As for `result_shape`, which gives the shape that they broadcast to.

    Returns
    -------
    :
        True if on every axis the sizes that are not 1 are equal.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a shape.

    See Also
    --------
    numpy.broadcast_shapes : raises where this is False.
    torch.broadcast_shapes : raises too.
    """
    return joined(as_shapes(shapes)) is not None


def explain(
    *shapes: ShapeLike, names: Sequence[str] | None = None, itemsize: int = 4, operator: str | None = None
) -> Explanation:
    """Explain step by step how `shapes` broadcast, or all that keeps them from it.

    >>> from tensorref import broadcasting
    >>> print(broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"]))
    axis           -3        -2     -1
    x              32        10     64
    bias     (1) → 32  (1) → 10     64
    result         32        10     64
    verdict   expands   expands  equal
    * The result has shape (32, 10, 64), 20,480 elements.
    * Stored: 82,176 bytes. With every operand copied to the shape of the result: 163,840 bytes.
    * Strides once expanded, in elements: x (640, 64, 1), bias (0, 0, 1). A stride of 0 reads one element again and again.
    * The gradient of bias sums over axis -3, -2.

    Parameters
    ----------
    *shapes
        One or more, as for `result_shape`.
    names
        A name for each; ``a``, ``b``, ``c`` by default.
    itemsize
        Bytes per element: 4 for float32, 2 for bfloat16.
    operator
        What the picture has between the operands, such as ``*``, because the rule is the same for all. By default small
        operands are added, and others stand with commas between them.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a shape, `names` are not as many, `operator` is none of Python's that work element by element,
        or there are more than 64 shapes.

    See Also
    --------
    numpy.broadcast_arrays : gives views of the result shape.
    torch.broadcast_tensors : does so too.
    numpy.newaxis : inserts an axis of size 1, as a fix may ask; it is None.
    numpy.expand_dims : the same by a number.
    torch.unsqueeze : the same in PyTorch.

    Examples
    --------
    Shapes that do not fit are explained too:

    >>> print(broadcasting.explain((3, 4), (2, 4)))
    axis           -2     -1
    a               3      4
    b               2      4
    result          ?      4
    verdict  conflict  equal
    * a (3, 4), b (2, 4) do not broadcast: axis -2 has 3, 2. Sizes on one axis must be equal or 1.
    * NumPy: operands could not be broadcast together with shapes (3,4) (2,4)
    * PyTorch: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0
    * a[:, None, :] has shape (3, 1, 4) and would give (3, 2, 4).
    * b[:, None, :] has shape (2, 1, 4) and would give (2, 3, 4).

    A success can be a bug. Predictions of shape ``(n, 1)`` less targets of shape ``(n,)`` are n² differences:

    >>> broadcasting.explain((5, 1), (5,), names=["prediction", "target"]).warning
    'prediction and target have 5 elements each, the result has 25: every element of one meets every element of the other. To pair them one to one, give both the same shape.'

    So can a mask of shape ``(batch, seq_len, seq_len)`` where there are as many heads as sequences:

    >>> broadcasting.explain((8, 8, 5, 5), (8, 5, 5), names=["scores", "mask"]).warning
    'mask (8, 5, 5) may fit by chance: its first axis meets axis -3 of the result, and axis -4 has size 8 too. If it is meant for axis -4, write mask[:, None].'
    """
    if not shapes:
        raise TypeError("shapes is empty; give at least one shape, such as (4, 1)")
    given = as_shapes(shapes)
    if len(given) > _MOST_EXPLAINED:
        raise ValueError(
            f"shapes has {len(given)} entries, the most that is explained is {_MOST_EXPLAINED}; leave some out"
        )
    itemsize = as_itemsize(itemsize)
    if operator is not None:
        operator = as_choice(operator, "operator", _OPERATORS)
    names = as_operand_names(names, len(given))
    axes = _axes(given)
    conflicts = tuple(axis.index for axis in axes if axis.size is None)
    result = joined(given)
    elements = None if result is None else prod(result)
    return Explanation(
        operands=tuple(
            Operand(
                name,
                shape,
                prod(shape),
                None if result is None else expanded_strides(shape, result),
                None if result is None else gradient_axes(shape, result),
            )
            for name, shape in zip(names, given, strict=True)
        ),
        axes=axes,
        conflicts=conflicts,
        result=result,
        elements=elements,
        stored_bytes=itemsize * sum(map(prod, given)),
        copied_bytes=None if elements is None else itemsize * elements * len(given),
        steps=_steps(given, names, axes),
        warning=None if result is None else _warning(given, names, result),
        messages=messages(*given),
        fixes=_fixes(given, names) if conflicts else (),
        operator=operator,
    )


@dataclass(frozen=True)
class Explanation(ShapeRule):
    """All that broadcasting does with some shapes, or all that keeps it from doing so: what `explain` returns.

    >>> from tensorref import broadcasting
    >>> explanation = broadcasting.explain((4, 1), (1, 3))
    >>> explanation.result, explanation.elements, explanation.conflicts
    ((4, 3), 12, ())
    >>> explanation.steps[3]
    'From the right: axis -1 has 1, 3: expands; axis -2 has 4, 1: expands.'

    Without a result, `result`, `elements` and `copied_bytes` are None; with one, `messages` is.
    """

    operands: tuple[Operand, ...]
    axes: tuple[Axis, ...]
    conflicts: tuple[int, ...]
    """The axes whose sizes do not agree."""
    result: tuple[int, ...] | None
    elements: int | None
    """How many elements the result has."""
    stored_bytes: int
    """What the operands take."""
    copied_bytes: int | None
    """What they would take as copies of the shape of the result."""
    steps: tuple[str, ...]
    """A sentence for each step, which are shapes, align right, pad with 1, compare, expand, result."""
    warning: str | None
    """Set where the result has more elements than any operand, or an operand could be meant for other axes."""
    messages: Messages | None
    fixes: tuple[Fix, ...]
    operator: str | None = None
    """What the picture has between the operands; None where it adds what is small, and else names no operation."""

    _words: ClassVar[Mapping[str, str]] = WORDS

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: axes, operands, result, verdict."""
        labels = (WORDS["axis"], *(operand.name for operand in self.operands), WORDS["result"], WORDS["verdict"])
        columns = (
            (
                str(axis.index),
                *(axis.cell(operand) for operand in range(len(self.operands))),
                "?" if axis.size is None else str(axis.size),
                WORDS[axis.verdict],
            )
            for axis in self.axes
        )
        return tuple(zip(labels, *columns, strict=True))

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence each."""
        notes = self._verdict()
        if self.copied_bytes is not None and self.copied_bytes > self.stored_bytes:
            notes.append(WORDS["bytes"].format(stored=self.stored_bytes, copied=self.copied_bytes))
        if any(operand.gradient_axes for operand in self.operands):
            strides = ", ".join(f"{operand.name} {operand.strides}" for operand in self.operands)
            notes.append(WORDS["strides"].format(strides=strides))
        notes += [
            WORDS["gradient"].format(name=operand.name, axes=", ".join(map(str, operand.gradient_axes)))
            for operand in self.operands
            if operand.gradient_axes
        ]
        return (*notes, *self.mends())

    def mends(self) -> tuple[str, ...]:
        """Return the fixes, a sentence each."""
        return tuple(WORDS["fix.several" if fix.shape is None else "fix"].format(**vars(fix)) for fix in self.fixes)

    def _drawn(self) -> _picture.Drawing:
        """Draw the operands as they are read, and the result: three axes of them, those in conflict before all others."""
        order = sorted(self.axes, key=lambda axis: (axis.size is not None, -axis.index))
        axes = [axis for axis in self.axes if axis in order[:_MOST_DRAWN]]
        grids = [self._grid(number, axes) for number, _ in enumerate(self.operands[:_MOST_OPERANDS])]
        operator = self.operator or ("+" if self._has_values() else ",")
        signs = [operator] * (len(grids) - 1)
        if len(self.operands) > _MOST_OPERANDS:
            grids.append(_picture.Drawing())
            grids[-1].text((0, 0), "…")
            signs.append(operator)
        return _picture.flow([*grids, self._result(axes)], [*signs, "→" if operator == "," else "="])

    def _grid(self, number: int, axes: Sequence[Axis]) -> _picture.Drawing:
        """Draw an operand: what it stores, and the copies that it is read as."""
        operand = self.operands[number]

        def cell(index: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            copied = [axis.index for axis, at in zip(axes, index, strict=True) if axis.expands[number] and at]
            text = str(self._value(number, axes, index)) if self._has_values() else ""
            if copied:
                return text, _picture.COPY._replace(hue=_picture.hue_of(copied[-1]))
            return text, _picture.STORED

        drawing = _picture.grid([self._side(axis, number) for axis in axes], cell)
        drawing.heading(f"{operand.name} {operand.shape}", 0)
        return drawing

    def _result(self, axes: Sequence[Axis]) -> _picture.Drawing:
        def cell(index: tuple[int, ...]) -> tuple[str, _picture.Mark]:
            values = [self._value(number, axes, index) for number in range(_A_PAIR)] if self._has_values() else []
            return str(reduce(_COMPUTED[self.operator or "+"], values)) if values else "", _picture.RESULT

        if self.result is None:
            drawing = _picture.refusal("?")
        else:
            drawing = _picture.grid([self._side(axis, None) for axis in axes], cell)
        drawing.heading(f"{WORDS['result']} {'?' if self.result is None else self.result}", 0)
        return drawing

    def _side(self, axis: Axis, number: int | None) -> _picture.Side:
        """Return an axis of an operand, or of the result, as long as it is drawn."""
        hue = _picture.hue_of(axis.index)
        if number is None or axis.expands[number]:
            size = axis.size or 0
            return _picture.Side(size, str(size) if number is None else axis.cell(number), hue)
        return _picture.Side(axis.sizes[number], axis.cell(number), hue, axis.size is None)

    def _has_values(self) -> bool:
        """Tell whether the elements can be told apart by short numbers: those of two operands, and what they give."""
        return (
            (self.operator or "+") in _COMPUTED
            and len(self.operands) == _A_PAIR
            and self.result is not None
            and (self.operands[0].elements <= _MOST_VALUES and self.operands[1].elements <= _PLACE)
        )

    def _value(self, number: int, axes: Sequence[Axis], index: tuple[int, ...]) -> int:
        """Return what an operand holds where `index` reads it: 0, 10, 20 of the first, 0, 1, 2 of the second."""
        strides = self.operands[number].strides or ()
        place = sum(at * strides[axis.index] for axis, at in zip(axes, index, strict=True))
        return place * (1 if number else _PLACE)


@dataclass(frozen=True)
class Operand:
    """One of the shapes that an `Explanation` is about.

    >>> from tensorref import broadcasting
    >>> broadcasting.explain((2, 3), (3,)).operands[1]
    Operand(name='b', shape=(3,), elements=3, strides=(0, 1), gradient_axes=(-2,))
    """

    name: str
    shape: tuple[int, ...]
    elements: int
    strides: tuple[int, ...] | None
    """Strides of the expanded view (see `expanded_strides`); None without a result."""
    gradient_axes: tuple[int, ...] | None
    """The axes its gradient sums over (see `gradient_axes`); None without a result."""


@dataclass(frozen=True)
class Axis:
    """What happens on one axis of the result, counted from the right; a tuple has an entry per operand.

    >>> from tensorref import broadcasting
    >>> broadcasting.explain((2, 3), (3,)).axes[0]
    Axis(index=-2, sizes=(2, 1), padded=(False, True), expands=(False, True), size=2, verdict='expand')
    """

    index: int
    sizes: tuple[int, ...]
    padded: tuple[bool, ...]
    """Whether the operand lacks the axis, which then counts as 1."""
    expands: tuple[bool, ...]
    """Whether the operand repeats along the axis."""
    size: int | None
    """The size in the result; None in a conflict."""
    verdict: Literal["equal", "expand", "conflict"]

    def cell(self, operand: int) -> str:
        """Return what stands in the table for an operand.

        Parameters
        ----------
        operand
            Which one, counted from 0.

        Returns
        -------
        :
            Its size, and what the size becomes.
        """
        size = f"({self.sizes[operand]})" if self.padded[operand] else str(self.sizes[operand])
        return f"{size} → {self.size}" if self.expands[operand] else size


def messages(*shapes: ShapeLike) -> Messages | None:
    """Return what NumPy and PyTorch say when operands of `shapes` meet, or None where they broadcast.

    >>> import numpy as np
    >>> from tensorref import broadcasting
    >>> broadcasting.messages((3, 4), (2, 4)).numpy
    'operands could not be broadcast together with shapes (3,4) (2,4) '
    >>> try:
    ...     np.ones((3, 4)) + np.ones((2, 4))
    ... except ValueError as error:
    ...     print(str(error) == broadcasting.messages((3, 4), (2, 4)).numpy)
    True

    Parameters
    ----------
    *shapes
        As for `result_shape`, in the order of the operands.

    Returns
    -------
    :
        The messages of ``a + b``, for three operands of ``where``, for more of their sum, to the letter: NumPy's ends
        in a space.
        PyTorch names the first conflict from the right, by its index from the left.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a shape.
    """
    given = as_shapes(shapes)
    met: tuple[int, ...] = ()
    for shape in given:
        result = joined((met, shape))
        if result is None:
            columns = lined_up((met, shape))
            axis = max(axis for axis, sizes in enumerate(columns) if agreed(sizes) is None)
            a, b = columns[axis]
            pair = (met, shape) if len(given) > 3 else given  # noqa: PLR2004  beyond `where`, a sum meets two at a time
            listed = " ".join(str(shape).replace(" ", "") for shape in pair)
            return Messages(MESSAGES["numpy"].format(shapes=listed), MESSAGES["torch"].format(a=a, b=b, axis=axis))
        met = result
    return None


def expanded_strides(shape: ShapeLike, to: ShapeLike) -> tuple[int, ...]:
    """Return the strides of a row-major array of `shape` when it is expanded `to` a shape.

    >>> import numpy as np
    >>> from tensorref import broadcasting
    >>> broadcasting.expanded_strides((64,), (32, 10, 64))
    (0, 0, 1)

    A stride of 0 reads the same element again, so that expanding takes no memory. PyTorch counts strides in elements;
    NumPy counts bytes:

    >>> np.broadcast_to(np.zeros(64, dtype=np.float32), (32, 10, 64)).strides
    (0, 0, 4)

    Parameters
    ----------
    shape, to
        The shape as it is stored and the shape of the view.

    Returns
    -------
    :
        A stride per axis of `to`, in elements. It is 0 where `shape` lacks the axis or has size 1 there, and
        everywhere in an array without elements, as in NumPy.

    Raises
    ------
    ValueError
        If `shape` does not broadcast to `to`.

    See Also
    --------
    numpy.broadcast_to : gives the view, which is read-only.
    torch.Tensor.expand : gives the view.
    """
    source, target = _expandable(shape, to)
    strides = [prod(source[axis + 1 :]) for axis in range(len(source))]
    return (0,) * (len(target) - len(source)) + tuple(
        0 if size == 1 or 0 in source else stride for size, stride in zip(source, strides, strict=True)
    )


def gradient_axes(shape: ShapeLike, to: ShapeLike) -> tuple[int, ...]:
    """Return the axes over which the gradient of an operand of `shape` sums after it was expanded `to` a shape.

    >>> from tensorref import broadcasting
    >>> broadcasting.gradient_axes((64,), (32, 10, 64))
    (-3, -2)

    An element that is used many times collects the gradient of every use; `sum_to_size` does the sum.

    Parameters
    ----------
    shape, to
        The shape of the operand and the shape of the result.

    Returns
    -------
    :
        The axes of `to` along which the operand repeats, counted from the right.

    Raises
    ------
    ValueError
        If `shape` does not broadcast to `to`.

    See Also
    --------
    torch.Tensor.sum_to_size : sums over these axes.
    """
    return tuple(axis.index for axis in _axes(_expandable(shape, to)) if axis.expands[0])


def sum_to_size(gradient: jaxtyping.Num[ArrayT, "..."], shape: ShapeLike) -> jaxtyping.Num[ArrayT, "..."]:
    """Sum a gradient over the axes that broadcasting repeated, back to the `shape` of the operand.

    >>> import torch
    >>> from tensorref import broadcasting
    >>> broadcasting.sum_to_size(torch.ones(4, 3), (3,))
    tensor([4., 4., 4.])

    Parameters
    ----------
    gradient
        With respect to the result; an array or a tensor of any numeric dtype.
    shape
        The shape of the operand before it was broadcast.

    Returns
    -------
    :
        The gradient with respect to the operand: of shape `shape`, a view of `gradient` where nothing is summed.

    Raises
    ------
    ValueError
        If `shape` does not broadcast to the shape of `gradient`.

    See Also
    --------
    torch.Tensor.sum_to_size : the same for tensors; NumPy has none.

    Examples
    --------
    >>> bias, weight = torch.zeros(3, requires_grad=True), torch.arange(12.0).reshape(4, 3)
    >>> ((torch.zeros(4, 3) + bias) * weight).sum().backward()
    >>> bias.grad
    tensor([18., 22., 26.])
    >>> broadcasting.sum_to_size(weight, bias.shape)
    tensor([18., 22., 26.])
    """
    size = as_shape(shape, "shape")
    check_operands(gradient=gradient)
    axes = gradient_axes(size, gradient.shape)
    total: Any = gradient  # the libraries' types name the arguments of `sum` differently; both take NumPy's names
    if axes:  # none at all would mean every axis to PyTorch
        total = computed(methodcaller("sum", axis=axes, keepdims=True), gradient=total)
    result: ArrayT = total.reshape(size)
    return result


def add_bias(
    x: jaxtyping.Num[ArrayT, "*batch features"], bias: jaxtyping.Num[ArrayT, " features"]
) -> jaxtyping.Num[ArrayT, "*batch features"]:
    r"""Add a bias to every row.

    >>> import numpy as np
    >>> from tensorref import broadcasting
    >>> x, bias = np.ones((4, 3)), np.array([1, 2, 3])
    >>> result = broadcasting.add_bias(x, bias)
    >>> print(f"Shape {x.shape} + {bias.shape} = {result.shape}")
    Shape (4, 3) + (3,) = (4, 3)
    >>> print(f"Result:\n{result}")
    Result:
    [[2. 3. 4.]
     [2. 3. 4.]
     [2. 3. 4.]
     [2. 3. 4.]]

    Parameters
    ----------
    x
        The rows; an array or a tensor of any numeric dtype.
    bias
        A value for each feature, of the same library as `x`.

    Returns
    -------
    :
        ``x + bias``, of the shape of `x`, in new memory; the dtype is what the library promotes the two to.

    Raises
    ------
    ValueError
        If `bias` is not one value per feature; ``x + bias`` alone lets ``(n, 1)`` and ``(1,)`` pass.
    TypeError
        If one is an array and the other a tensor.

    See Also
    --------
    numpy.add : ``+``, which lets other shapes pass too.
    torch.add : ``+`` too.

    Examples
    --------
    >>> import torch
    >>> embeddings, bias = torch.zeros(4, 32, 64), torch.ones(64)
    >>> print(f"Embeddings: {embeddings.shape}")
    Embeddings: torch.Size([4, 32, 64])
    >>> print(f"Bias: {bias.shape}")
    Bias: torch.Size([64])
    >>> print(f"Result: {broadcasting.add_bias(embeddings, bias).shape}")
    Result: torch.Size([4, 32, 64])
    """
    check_operands(x=x, bias=bias)
    given, features = tuple(bias.shape), tuple(x.shape[-1:])
    if given != features or not features:
        raise ValueError(
            f"bias has shape {given}, x has shape {tuple(x.shape)}; a bias has one value for each feature on the last "
            f"axis of x: reshape it to {features or '(1,), and x to (1, 1)'}"
        )
    result: ArrayT = x + bias
    return result


def _axes(shapes: Sequence[tuple[int, ...]]) -> tuple[Axis, ...]:
    columns = lined_up(shapes)
    axes = []
    for index, sizes in zip(range(-len(columns), 0), columns, strict=True):
        size = agreed(sizes)
        padded = tuple(-index > len(shape) for shape in shapes)
        expands = tuple(size not in (None, given) for given in sizes)
        axes.append(
            Axis(
                index,
                sizes,
                padded,
                expands,
                size,
                "conflict" if size is None else "expand" if any(expands) else "equal",
            )
        )
    return tuple(axes)


def _refusal(explanation: Explanation) -> BroadcastError:
    return BroadcastError(explanation.refusal(), explanation)


def _explain_pair(shapes: Sequence[tuple[int, ...]], names: Sequence[str]) -> Explanation:
    """Explain two of the shapes that do not go together."""
    sizes = next(sizes for sizes in lined_up(shapes) if agreed(sizes) is None)
    first = next(at for at, size in enumerate(sizes) if size != 1)
    second = next(at for at, size in enumerate(sizes) if size not in (1, sizes[first]))
    return explain(shapes[first], shapes[second], names=(names[first], names[second]))


def _expandable(shape: ShapeLike, to: ShapeLike) -> tuple[tuple[int, ...], tuple[int, ...]]:
    source, target = as_shape(shape, "shape"), as_shape(to, "to")
    result = joined((source, target))
    if result is None:
        found = explain(source, target, names=("x", "to"))
        # What is written is the operand, and a shape that both would grow to is not the one that is asked for.
        fixes = (guess for guess in found.fixes if guess.code.startswith("x") and guess.result == target)
        raise _refusal(replace(found, fixes=tuple(fixes)))
    if result != target:
        words = f"shape {source} does not expand to {target}: the two broadcast to {result}; give that as to"
        raise BroadcastError(words, explain(source, target, names=("x", "to")))
    return source, target


def _steps(shapes: Sequence[tuple[int, ...]], names: Sequence[str], axes: Sequence[Axis]) -> tuple[str, ...]:
    rank, named = len(axes), list(zip(names, shapes, strict=True))
    operands = ", ".join(f"{name} {shape}" for name, shape in named)
    missing = [
        WORDS["pad.missing"].format(name=name, count=rank - len(shape)) for name, shape in named if len(shape) < rank
    ]
    compared = [
        WORDS["compare.axis"].format(axis=axis.index, sizes=_listed(axis.sizes), verdict=WORDS[axis.verdict])
        for axis in axes[::-1]
    ]
    if rank > _MOST_NAMED:
        compared[_MOST_NAMED:] = [WORDS["compare.more"].format(count=rank - _MOST_NAMED)]
    conflicts = [
        WORDS["failure.axis"].format(axis=axis.index, sizes=_listed(axis.sizes)) for axis in axes if axis.size is None
    ]
    repeats = [
        WORDS["expand.repeat"].format(name=name, axes=_listed(along))
        for operand, name in enumerate(names)
        if (along := [axis.index for axis in axes if axis.expands[operand]])
    ]
    shape = tuple(axis.size for axis in axes if axis.size is not None)
    return (
        WORDS["shapes"].format(operands=operands),
        WORDS["align"].format(rank=rank),
        WORDS["pad"].format(missing="; ".join(missing)) if missing else WORDS["pad.none"],
        WORDS["compare"].format(axes="; ".join(compared)) if axes else WORDS["compare.none"],
        WORDS["expand.conflict"]
        if conflicts
        else WORDS["expand.text"].format(repeats="; ".join(repeats))
        if repeats
        else WORDS["expand.none"],
        WORDS["failure"].format(operands=operands, axes="; ".join(conflicts))
        if conflicts
        else WORDS["success"].format(shape=shape, elements=prod(shape)),
    )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _warning(shapes: Sequence[tuple[int, ...]], names: Sequence[str], result: tuple[int, ...]) -> str | None:
    counts = [prod(shape) for shape in shapes]
    elements, rank = prod(result), len(result)
    if elements <= max(counts):
        for name, shape in zip(names, shapes, strict=True):
            # A vector is left out: a bias beside a square matrix is nearly always meant for its last axis.
            if 1 < len(shape) < rank and 1 < shape[0] == result[0]:
                code = f"{name}[:{', None' * (rank - len(shape))}]"
                return WORDS["warning.chance"].format(
                    name=name, shape=shape, axis=-len(shape), first=-rank, size=shape[0], code=code
                )
        return None
    for (a, first), (b, second) in combinations(enumerate(shapes), 2):
        if first != second and counts[a] == counts[b]:
            return WORDS["warning.same"].format(first=names[a], second=names[b], elements=counts[a], result=elements)
    return WORDS["warning"].format(result=elements)


def _fixes(shapes: Sequence[tuple[int, ...]], names: Sequence[str]) -> tuple[Fix, ...]:
    """Guess which operand lacks an axis or is transposed, or else which of them; the smallest result is the likeliest."""
    most = min(max(map(len, shapes)) + len(shapes) - 1, MAX_RANK)
    found: list[Fix] = []
    for operand, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        target = joined([*shapes[:operand], *shapes[operand + 1 :]])
        if target is None:
            continue
        guesses = [_with_axes(name, shape, target)]
        if len(shape) > 1:
            guesses.append((f"{name}.mT", (*shape[:-2], shape[-1], shape[-2])))
        for code, guess in guesses:
            result = joined((guess, target))
            if result is not None and len(guess) <= most:
                found.append(Fix(code, guess, result))
    for first in shapes if len(shapes) > _A_PAIR else ():  # the others fit it one after the other
        met: tuple[int, ...] | None = first
        codes = []
        for name, shape in zip(names, shapes, strict=True):
            if met is not None and joined((met, shape)) is None:
                code, shape = _with_axes(name, shape, met)  # noqa: PLW2901  it takes its place
                codes.append(code)
            met = None if met is None else joined((met, shape))
        if met is not None and len(met) <= most and len(codes) > 1:
            found.append(Fix(", ".join(codes), None, met))
    found.sort(key=lambda fix: (prod(fix.result or ()), fix.code.endswith(".mT")))
    return tuple(dict.fromkeys(found))[:3]


def _with_axes(name: str, shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Insert an axis of size 1 wherever a size of `shape`, from the right, does not go with that of `target`."""
    index: list[str] = []
    sizes: list[int] = []
    for size in reversed(shape):
        while len(sizes) < len(target) and agreed((size, target[-1 - len(sizes)])) is None:
            index.append("None")
            sizes.append(1)
        index.append(":")
        sizes.append(size)
    return f"{name}[{', '.join(reversed(index))}]", tuple(reversed(sizes))
