r"""A matrix product, written ``@``, multiplies the rows of one matrix with the columns of another, and adds up.

A language model spends most of its time there: every linear layer is a matrix product, and attention is two of them.

>>> from tensorref import matmul
>>> matmul.result_shape((4, 3, 2), (4, 2, 5))
(4, 3, 5)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from operator import matmul as _matmul
from types import MappingProxyType
from typing import ClassVar, Literal

from tensorref import _picture
from tensorref._arguments import as_itemsize, as_names
from tensorref._explanation import Fix, Messages, ShapeRule, TensorrefError
from tensorref._operands import check_one_dtype, check_operands, computed
from tensorref._shape import agreed, as_shape, lined_up
from tensorref._typing import ArrayT, ShapeLike, jaxtyping
from tensorref._words import Templates

__all__ = [
    "Axis",
    "Explanation",
    "MatmulError",
    "explain",
    "flops",
    "messages",
    "product",
    "result_shape",
]

_MOST_NAMED = 8  # batch axes that a sentence names before it counts the rest

_MOST_BOXES = 6  # batch axes that are drawn before the middle is left out
# A row of one operand meets a column of the other; the axis of the sum has the last axis' hue in both.
_SUM_HUE, _ROW_HUE, _COLUMN_HUE = 1, 2, 3
_SUMMED = _picture.READ._replace(hue=_SUM_HUE)
_SUM = _picture.READ._replace(hue=0)

WORDS: Mapping[str, str] = Templates(
    {
        "axis": "axis",
        "result": "result",
        "verdict": "verdict",
        "batch": "batch",
        "row": "row",
        "sum": "sum",
        "column": "column",
        "none": "–",
        "equal": "equal",
        "expand": "expands",
        "keep": "kept",
        "conflict": "conflict",
        "shapes": "{a} {first}, {b} {second}.",
        "vector.a": "{a} is a vector: it counts as one row, and that axis leaves the result.",
        "vector.b": "{b} is a vector: it counts as one column, and that axis leaves the result.",
        "vector.none": "Neither is a vector.",
        "batch.text": "The batch axes broadcast, from the right: {axes}.",
        "batch.axis": "axis {axis} has {sizes}: {verdict}",
        "batch.more": "{count} more",
        "batch.none": "There is no batch axis.",
        "sum.text": "Axis -1 of {a} is summed against axis {row} of {b}: {terms} and {rows} terms.",
        "success": "The result has shape {shape}, {elements:,} {elements|element|elements}.",
        "failure": "{a} {first}, {b} {second} have no matrix product: {axes}.",
        "failure.sum": "axis -1 of {a} has {terms}, axis {row} of {b} has {rows}, and the two must be equal",
        "failure.batch": "batch axis {axis} has {sizes}, and sizes there must be equal or 1",
        "warning": (
            "Every row of {a} meets every matrix of {b}: the result is {result}. For one row a matrix, "
            "{a}[..., None, :] @ {b} gives {meant}."
        ),
        "cost": "{flops:,} floating-point operations on {bytes:,} bytes, {intensity} a byte.",
        "copies": "With copies for every matrix of the stack: {copied:,} bytes.",
        "fix": "{code} would give {result}.",
    }
)

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "numpy.sum": (
            "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
            "(n?,k),(k,m?)->(n?,m?) (size {rows} is different from {terms})"
        ),
        "numpy.batch": (
            "operands could not be broadcast together with remapped shapes [original->remapped]: {remapped}  and "
            "requested shape ({requested})"
        ),
        "torch.dot": (
            "inconsistent tensor size, expected tensor [{terms}] and src [{rows}] to have the same number of elements, "
            "but got {terms} and {rows} elements respectively"
        ),
        "torch.mm": "mat1 and mat2 shapes cannot be multiplied ({count}x{terms} and {rows}x{columns})",
        "torch.mv": "size mismatch, got input ({count}), mat ({count}x{size}), vec ({vector})",
        "torch.batch": (
            "The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {axis}"
        ),
        "torch.bmm": (
            "Expected size for first two dimensions of batch2 tensor to be: [{stack}, {terms}] but got: [{stack}, {rows}]."
        ),
    }
)


class MatmulError(TensorrefError, ValueError):
    """Raised for shapes that have no matrix product.

    >>> from tensorref import matmul
    >>> try:
    ...     matmul.result_shape((2, 3), (2, 3))
    ... except matmul.MatmulError as error:
    ...     print(error.explanation.conflicts)
    ((-1, -2),)
    """

    explanation: Explanation
    """All that is wrong with the shapes, and what would fit."""


def result_shape(a: ShapeLike, b: ShapeLike, *, names: Sequence[str] = ("a", "b")) -> tuple[int, ...]:
    """Return the shape of the matrix product of arrays of shapes `a` and `b`.

    >>> from tensorref import matmul
    >>> matmul.result_shape((32, 10, 64), (64, 256))
    (32, 10, 256)
    >>> matmul.result_shape((32, 10, 64), 64)
    (32, 10)

    Parameters
    ----------
    a, b
        Each an int, a sequence of ints or the ``.shape`` of an array; 1 to 64 axes.
    names
        What to call them in an error.

    Returns
    -------
    :
        The batch axes, then the rows of `a`, then the columns of `b`; a vector has no rows or columns to give.

    Raises
    ------
    MatmulError
        If the shapes have no product. It names every axis that is wrong, and a product that would fit.
    TypeError, ValueError
        If an argument is not a shape, or is that of a scalar.

    See Also
    --------
    explain : the same step by step, for shapes that do not fit too.
    tensorref.broadcasting.result_shape : the rule for the batch axes, and for all that works element by element.
    numpy.matmul : gives the product itself.
    torch.matmul : gives it too.

    Examples
    --------
    >>> matmul.result_shape((2, 8, 32, 16), (2, 8, 32, 16))
    Traceback (most recent call last):
    ...
    tensorref.matmul.MatmulError: a (2, 8, 32, 16), b (2, 8, 32, 16) have no matrix product: axis -1 of a has 16, axis -2 of b has 32, and the two must be equal. a @ b.mT would give (2, 8, 32, 32).
    """
    pair = _pair(names)
    return _checked(*_operands(a, b, pair), pair)


def flops(a: ShapeLike, b: ShapeLike) -> int:
    """Return the floating-point operations of a matrix product.

    >>> from tensorref import matmul
    >>> matmul.flops((32, 64), (64, 256))
    1048576

    Parameters
    ----------
    a, b
        As for `result_shape`.

    Returns
    -------
    :
        Two for every term, a multiplication and an addition: ``2 * m * k * n`` a matrix. It is what
        ``torch.utils.flop_counter`` counts, except that it leaves out products with a vector on the right. The 6 operations
        a parameter and token of training (`Kaplan et al. 2020 <https://arxiv.org/abs/2001.08361>`__) are made of it: 2
        forward, 4 backward.

    Raises
    ------
    TypeError, ValueError
        As for `result_shape`.

    See Also
    --------
    numpy.einsum_path : counts those of any sum of products.
    """
    first, second = _operands(a, b)
    return 2 * prod(_checked(first, second)) * first[-1]


def explain(a: ShapeLike, b: ShapeLike, *, names: Sequence[str] = ("a", "b"), itemsize: int = 4) -> Explanation:
    """Explain a matrix product axis by axis, with what it costs, or all that keeps it from being one.

    >>> from tensorref import matmul
    >>> print(matmul.explain((2, 8, 32, 16), (2, 8, 16, 32), names=["query", "key.mT"]))
    axis     batch  batch   row  sum  column
    query        2      8    32   16       –
    key.mT       2      8     –   16      32
    result       2      8    32    –      32
    verdict  equal  equal  kept  sum    kept
    * The result has shape (2, 8, 32, 32), 16,384 elements.
    * 524,288 floating-point operations on 131,072 bytes, 4.0 a byte.

    Parameters
    ----------
    a, b
        As for `result_shape`.
    names
        A name for each.
    itemsize
        Bytes per element: 4 for float32, 2 for bfloat16.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a shape or is that of a scalar, or `names` are not two.

    See Also
    --------
    numpy.einsum : any sum of products; the explanation has its text.
    torch.einsum : the same in PyTorch.

    Examples
    --------
    Shapes that do not fit are explained too. The weight of `torch.nn.Linear` is stored as ``(out, in)``, and is
    transposed to be multiplied by:

    >>> print(matmul.explain((32, 10, 64), (256, 64), names=["x", "weight"]))
    axis        batch   row       sum  column
    x              32    10        64       –
    weight   (1) → 32     –       256      64
    result         32    10         ?      64
    verdict   expands  kept  conflict    kept
    * x (32, 10, 64), weight (256, 64) have no matrix product: axis -1 of x has 64, axis -2 of weight has 256, and the two must be equal.
    * NumPy: matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature (n?,k),(k,m?)->(n?,m?) (size 256 is different from 64)
    * PyTorch: mat1 and mat2 shapes cannot be multiplied (320x64 and 256x64)
    * x @ weight.mT would give (32, 10, 256).

    A success can be a bug. A vector for each of 4 matrices is itself a matrix, which meets every one of them:

    >>> matmul.explain((4, 64), (4, 64, 32), names=["vectors", "matrices"]).warning
    'Every row of vectors meets every matrix of matrices: the result is (4, 4, 32). For one row a matrix, vectors[..., None, :] @ matrices gives (4, 1, 32).'
    """
    pair, itemsize = _pair(names), as_itemsize(itemsize)
    first, second = _operands(a, b, pair)
    axes = _axes(first, second)
    conflicts = tuple((axis.axes[0] or 0, axis.axes[1] or 0) for axis in axes if axis.verdict == "conflict")
    result = None if conflicts else _checked(first, second)
    elements = moved = copied = operations = None
    if result is not None:
        elements, operations = prod(result), 2 * prod(result) * first[-1]
        stack = prod(axis.size or 0 for axis in axes if axis.role == "batch")
        moved = itemsize * (prod(first) + prod(second) + elements)
        copied = itemsize * (stack * (prod(first[-2:]) + prod(second[-2:])) + elements)
    return Explanation(
        names=pair,
        shapes=(first, second),
        axes=axes,
        conflicts=conflicts,
        result=result,
        elements=elements,
        einsum=_einsum(first, second),
        flops=operations,
        moved_bytes=moved,
        copied_bytes=copied,
        intensity=None if operations is None or moved is None else operations / moved if moved else 0.0,
        steps=_steps(first, second, pair, axes, result),
        warning=None if result is None or len(first) == 1 else _warning(first, second, pair, result),
        messages=messages(first, second),
        fixes=_fixes(first, second, pair) if conflicts else (),
    )


@dataclass(frozen=True)
class Explanation(ShapeRule):
    """All that a matrix product does with two shapes, or all that keeps it from doing so: what `explain` returns.

    >>> from tensorref import matmul
    >>> explanation = matmul.explain((4, 3, 2), (2, 5))
    >>> explanation.result, explanation.flops, explanation.einsum
    ((4, 3, 5), 240, '...ik,kj->...ij')

    Without a result, `result`, `elements`, `flops`, `intensity` and the bytes are None; with one, `messages` is.
    """

    names: tuple[str, str]
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    axes: tuple[Axis, ...]
    """The batch axes, then the rows, the sum and the columns."""
    conflicts: tuple[tuple[int, int], ...]
    """The axes of a and b, counted from the right, whose sizes do not agree."""
    result: tuple[int, ...] | None
    elements: int | None
    """How many elements the result has."""
    einsum: str
    """The same product for ``numpy.einsum`` and ``torch.einsum``."""
    flops: int | None
    """Floating-point operations (see `flops`)."""
    moved_bytes: int | None
    """What the operands and the result take, the least that has to be read and written."""
    copied_bytes: int | None
    """The same, had each matrix of the stack its own copy of what repeats. PyTorch makes such a copy of an operand of three
    or more axes that repeats along some batch axes and not along others."""
    intensity: float | None
    """Floating-point operations a byte. Where it is low, the memory is what takes the time, not the arithmetic."""
    steps: tuple[str, ...]
    """A sentence for each step, which are shapes, vectors, batch axes, sum, result."""
    warning: str | None
    """Set where vectors that come with a stack are taken for one matrix."""
    messages: Messages | None
    fixes: tuple[Fix, ...]

    _words: ClassVar[Mapping[str, str]] = WORDS

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: axes, operands, result, verdict."""
        labels = (WORDS["axis"], *self.names, WORDS["result"], WORDS["verdict"])
        columns = (
            (
                WORDS[axis.role],
                axis.cell(0),
                axis.cell(1),
                "?" if axis.size is None else WORDS["none"] if axis.role == "sum" else str(axis.size),
                WORDS[axis.verdict],
            )
            for axis in self.axes
        )
        return tuple(zip(labels, *columns, strict=True))

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence each."""
        notes = self._verdict()
        if self.flops is not None and self.moved_bytes is not None and self.copied_bytes is not None:
            intensity = _one_decimal(self.flops, self.moved_bytes)
            notes.append(WORDS["cost"].format(flops=self.flops, bytes=self.moved_bytes, intensity=intensity))
            if self.copied_bytes > self.moved_bytes:
                notes.append(WORDS["copies"].format(copied=self.copied_bytes))
        return (*notes, *self.mends())

    def _drawn(self) -> _picture.Drawing:
        """Draw a to the left and b above, so that a row and a column meet at the element that they give."""
        stack = [axis for axis in self.axes if axis.role == "batch"]
        of = {axis.role: axis for axis in self.axes}
        row, total, column = of.get("row"), of["sum"], of.get("column")
        wrong = total.size is None
        rows = _picture.Side(1, "", 0) if row is None else _side(row.sizes[0], _ROW_HUE)
        columns = _picture.Side(1, "", 0) if column is None else _side(column.sizes[1], _COLUMN_HUE)
        terms, met = (_side(size, _SUM_HUE, wrong) for size in total.sizes)
        first = _picture.grid([rows, terms], lambda index: ("", _picture.STORED if index[0] else _SUMMED))
        second = _picture.grid([met, columns], lambda index: ("", _picture.STORED if index[1] else _SUMMED))
        if self.result is None:
            result = _picture.refusal("?")
        else:
            result = _picture.grid([rows, columns], lambda index: ("", _picture.RESULT if any(index) else _SUM))
        for drawing, name, shape in zip((first, second), self.names, self.shapes, strict=True):
            drawing.heading(f"{name} {shape}", 0)
        drawing = _picture.Drawing()
        drawing.place(result, 0, 0)
        below = result.bottom
        drawing.text((0, below + 12), f"{WORDS['result']} {'?' if self.result is None else self.result}", bold=True)
        drawing.place(first, min(result.left, second.left) - _picture.GAP - first.right, 0)
        drawing.place(second, 0, result.top - _picture.GAP - second.bottom)
        return _picture.stacked([drawing, self._stack(stack)]) if stack else drawing

    def _stack(self, axes: Sequence[Axis]) -> _picture.Drawing:
        """Draw the sizes of the batch axes: how often the product is taken."""
        places = _picture.visible(len(axes), _MOST_BOXES)

        def box(place: int | None, operand: int | None) -> tuple[str, _picture.Mark]:
            if place is None:
                return "…", _picture.EMPTY
            axis = axes[place]
            if axis.size is None:
                text = "?" if operand is None else f"✗ {axis.cell(operand)}"
                return text, _picture.CONFLICT
            if operand is None:
                return str(axis.size), _picture.RESULT
            is_copy = axis.sizes[operand] != axis.size
            return axis.cell(operand), _picture.COPY if is_copy else _picture.STORED

        rows = [[box(place, operand) for place in places] for operand in (0, 1, None)]
        heading = [WORDS["batch"], *[""] * (len(places) - 1)]  # over the first, as it would be wider than a box
        return _picture.boxes([*self.names, WORDS["result"]], rows, heading)


@dataclass(frozen=True)
class Axis:
    """One axis of a matrix product: of the stack, of the rows, of the sum or of the columns.

    >>> from tensorref import matmul
    >>> matmul.explain((4, 3, 2), (2, 5)).axes[0]
    Axis(role='batch', axes=(-3, None), sizes=(4, 1), size=4, verdict='expand')
    """

    role: Literal["batch", "row", "sum", "column"]
    axes: tuple[int | None, int | None]
    """Where a and b have it, counted from the right; None where they do not."""
    sizes: tuple[int | None, int | None]
    """The sizes there. A batch axis that an operand lacks counts as 1."""
    size: int | None
    """The size in the result, for the sum the number of terms; None in a conflict."""
    verdict: Literal["equal", "expand", "sum", "keep", "conflict"]

    @property
    def index(self) -> int:
        """Where it stands in the operand that has it, counted from the right; for the sum, in the first."""
        return next(axis for axis in self.axes if axis is not None)

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
        given = self.sizes[operand]
        if given is None:
            return WORDS["none"]
        size = str(given) if self.axes[operand] is not None else f"({given})"
        return size if self.size in (None, given) else f"{size} → {self.size}"


def messages(a: ShapeLike, b: ShapeLike) -> Messages | None:
    """Return what NumPy and PyTorch say of ``a @ b`` for shapes without a product, or None where there is one.

    >>> import torch
    >>> from tensorref import matmul
    >>> matmul.messages((4, 32, 64), (256, 64)).torch
    'mat1 and mat2 shapes cannot be multiplied (128x64 and 256x64)'
    >>> try:
    ...     torch.ones(4, 32, 64) @ torch.ones(256, 64)
    ... except RuntimeError as error:
    ...     print(str(error) == matmul.messages((4, 32, 64), (256, 64)).torch)
    True

    Parameters
    ----------
    a, b
        As for `result_shape`; the shapes of scalars too.

    Returns
    -------
    :
        The messages to the letter, for PyTorch those of contiguous tensors that need no gradient. PyTorch multiplies
        a stack by a matrix as one matrix, hence the sizes in its message that stand nowhere in the code.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a shape.
    """
    first, second = as_shape(a, "a"), as_shape(b, "b")
    axes = _axes(first, second) if first and second else ()
    if axes and all(axis.size is not None for axis in axes):
        return None
    return Messages(_numpy_message(first, second, axes), _torch_message(first, second, axes))


def product(a: jaxtyping.Num[ArrayT, "..."], b: jaxtyping.Num[ArrayT, "..."]) -> jaxtyping.Num[ArrayT, "..."]:
    """Multiply two matrices, two vectors, or stacks of matrices.

    >>> import numpy as np
    >>> from tensorref import matmul
    >>> matmul.product(np.array([[1, 2], [3, 4]]), np.array([[5, 6], [7, 8]]))
    array([[19, 22],
           [43, 50]])

    Parameters
    ----------
    a, b
        Arrays or tensors of one library, with at least one axis each.

    Returns
    -------
    :
        ``a @ b``, of the shape that `result_shape` gives, in new memory. NumPy promotes dtypes that differ.

    Raises
    ------
    MatmulError
        If the shapes have no product; it says which would.
    ValueError
        If an operand is a scalar.
    TypeError
        If one operand is an array and the other a tensor, or one is neither; if tensors differ in dtype, which PyTorch does
        not promote in a product; or if it does not multiply the dtype on the device: bool on the CPU, integers on a GPU.
    RuntimeError
        PyTorch's own, where devices differ.

    See Also
    --------
    numpy.matmul : NumPy's name for ``@``.
    torch.matmul : PyTorch's.
    numpy.dot : the same where no operand has more than two axes and none is a scalar.
    torch.mm : for two axes only.
    torch.bmm : for three axes only, without broadcasting.

    Examples
    --------
    >>> import torch
    >>> matmul.product(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0]))
    tensor(32.)

    Attention multiplies every query by every key, a vector for each position:

    >>> _ = torch.manual_seed(0)
    >>> Q, K = torch.randn(2, 8, 32, 8), torch.randn(2, 8, 32, 8)
    >>> print(f"Q shape: {Q.shape}")
    Q shape: torch.Size([2, 8, 32, 8])
    >>> print(f"K^T shape: {K.mT.shape}")
    K^T shape: torch.Size([2, 8, 8, 32])
    >>> print(f"Scores shape: {matmul.product(Q, K.mT).shape}")
    Scores shape: torch.Size([2, 8, 32, 32])
    """
    check_operands(a=a, b=b)
    result_shape(a.shape, b.shape)
    check_one_dtype(a=a, b=b)
    result: ArrayT = computed(_matmul, a=a, b=b)
    return result


def _operands(
    a: ShapeLike, b: ShapeLike, names: tuple[str, str] = ("a", "b")
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    first, second = as_shape(a, "a"), as_shape(b, "b")
    for name, shape in zip(names, (first, second), strict=True):
        if not shape:
            raise ValueError(
                f"{name} has shape (), a scalar; a matrix product needs an axis to sum over: write {' * '.join(names)}"
            )
    return first, second


def _pair(names: Sequence[str]) -> tuple[str, str]:
    a, b = as_names(names, 2)
    return a, b


def _checked(a: tuple[int, ...], b: tuple[int, ...], names: tuple[str, str] = ("a", "b")) -> tuple[int, ...]:
    """Return the shape of the product of two shapes that have an axis, or raise."""
    sizes = [axis.size for axis in _axes(a, b) if axis.role != "sum" or axis.size is None]
    if None in sizes:
        explanation = explain(a, b, names=names)
        raise MatmulError(explanation.refusal(), explanation)
    return tuple(size for size in sizes if size is not None)


def _axes(a: Sequence[int], b: Sequence[int]) -> tuple[Axis, ...]:
    axes: list[Axis] = []
    columns = lined_up((a[:-2], b[:-2]))
    for index, sizes in zip(range(-2 - len(columns), -2), columns, strict=True):
        size = agreed(sizes)
        axes.append(
            Axis(
                "batch",
                (index if -index <= len(a) else None, index if -index <= len(b) else None),
                (sizes[0], sizes[1]),
                size,
                "conflict" if size is None else "equal" if sizes[0] == sizes[1] else "expand",
            )
        )
    if len(a) > 1:
        axes.append(Axis("row", (-2, None), (a[-2], None), a[-2], "keep"))
    row = -2 if len(b) > 1 else -1
    axes.append(
        Axis("sum", (-1, row), (a[-1], b[row]), a[-1], "sum")
        if a[-1] == b[row]
        else Axis("sum", (-1, row), (a[-1], b[row]), None, "conflict")
    )
    if len(b) > 1:
        axes.append(Axis("column", (None, -1), (None, b[-1]), b[-1], "keep"))
    return tuple(axes)


def _einsum(a: Sequence[int], b: Sequence[int]) -> str:
    dots = ["..." if len(shape) > 2 else "" for shape in (a, b)]  # noqa: PLR2004  the axes before a matrix
    row, column = "i" if len(a) > 1 else "", "j" if len(b) > 1 else ""
    return f"{dots[0]}{row}k,{dots[1]}k{column}->{max(dots)}{row}{column}"


def _steps(
    a: tuple[int, ...], b: tuple[int, ...], names: tuple[str, str], axes: Sequence[Axis], result: tuple[int, ...] | None
) -> tuple[str, ...]:
    summed = next(axis for axis in axes if axis.role == "sum")
    words: dict[str, object] = {"a": names[0], "b": names[1], "first": a, "second": b}
    words |= {"row": summed.axes[1], "terms": summed.sizes[0], "rows": summed.sizes[1]}
    vectors = [WORDS[f"vector.{side}"].format(**words) for side, shape in (("a", a), ("b", b)) if len(shape) == 1]
    compared = [
        WORDS["batch.axis"].format(axis=axis.index, sizes=_joined(axis.sizes, ", "), verdict=WORDS[axis.verdict])
        for axis in axes[::-1]
        if axis.role == "batch"
    ]
    if len(compared) > _MOST_NAMED:
        compared[_MOST_NAMED:] = [WORDS["batch.more"].format(count=len(compared) - _MOST_NAMED)]
    wrong = [
        WORDS[f"failure.{axis.role}"].format(axis=axis.index, sizes=_joined(axis.sizes, ", "), **words)
        for axis in axes
        if axis.size is None
    ]
    return (
        WORDS["shapes"].format(**words),
        " ".join(vectors) or WORDS["vector.none"],
        WORDS["batch.text"].format(axes="; ".join(compared)) if compared else WORDS["batch.none"],
        WORDS["sum.text"].format(**words),
        WORDS["failure"].format(axes="; ".join(wrong), **words)
        if result is None
        else WORDS["success"].format(shape=result, elements=prod(result)),
    )


def _warning(a: Sequence[int], b: Sequence[int], names: tuple[str, str], result: tuple[int, ...]) -> str | None:
    if (*a,) != (*b[:-1],):
        return None
    meant = (*b[:-2], 1, b[-1])
    return WORDS["warning"].format(a=names[0], b=names[1], result=result, meant=meant)


def _fixes(a: Sequence[int], b: Sequence[int], names: tuple[str, str]) -> tuple[Fix, ...]:
    """Guess what was meant, the likeliest first: a stack of vectors, a transpose, a lacking batch axis, the order."""
    first, second = names
    guesses: list[tuple[str, Sequence[int], Sequence[int]]] = []
    if len(b) > 1 and (*a[:-2], a[-1]) == (*b,):
        guesses.append((f"{first} @ {second}[..., None]", a, (*b, 1)))
    if len(a) > 1 and (*a,) == (*b[:-1],):
        guesses.append((f"{first}[..., None, :] @ {second}", (*a[:-1], 1, a[-1]), b))
    if len(b) > 1:
        guesses.append((f"{first} @ {_transposed(second)}", a, (*b[:-2], b[-1], b[-2])))
    if len(a) > 1:
        guesses.append((f"{_transposed(first)} @ {second}", (*a[:-2], a[-1], a[-2]), b))
    if len(a) > len(b) > 2:  # noqa: PLR2004  b has a batch axis
        guesses.append((f"{first} @ {second}[:, None]", a, (b[0], 1, *b[1:])))
    if len(b) > len(a) > 2:  # noqa: PLR2004  a has a batch axis
        guesses.append((f"{first}[:, None] @ {second}", (a[0], 1, *a[1:]), b))
    guesses.append((f"{second} @ {first}", b, a))
    found: list[Fix] = []
    for code, left, right in guesses:
        axes = _axes(left, right)
        if all(axis.size is not None for axis in axes):
            found.append(Fix(code, result=_checked((*left,), (*right,))))
    return tuple(found[:3])


def _numpy_message(a: Sequence[int], b: Sequence[int], axes: Sequence[Axis]) -> str:
    if not (a and b):
        return (
            f"matmul: Input operand {1 if a else 0} does not have enough dimensions (has 0, gufunc core with signature "
            "(n?,k),(k,m?)->(n?,m?) requires 1)"
        )
    summed = next(axis for axis in axes if axis.role == "sum")
    if summed.size is None:
        return MESSAGES["numpy.sum"].format(terms=summed.sizes[0], rows=summed.sizes[1])
    remapped = (f"({_joined(shape)})->({_joined([*shape[:-2], 'newaxis', 'newaxis'])})" for shape in (a, b))
    return MESSAGES["numpy.batch"].format(remapped=" ".join(remapped), requested=_joined([a[-2], b[-1]]))


def _torch_message(a: Sequence[int], b: Sequence[int], axes: Sequence[Axis]) -> str:
    if not (a and b):
        return f"both arguments to matmul need to be at least 1D, but they are {len(a)}D and {len(b)}D"
    terms, rows = a[-1], b[-2] if len(b) > 1 else b[-1]
    if len(a) == len(b) == 1:
        return MESSAGES["torch.dot"].format(terms=terms, rows=rows)
    if len(b) == 2:  # noqa: PLR2004  a stack by a matrix is multiplied as one matrix
        return MESSAGES["torch.mm"].format(count=prod(a[:-1]), terms=terms, rows=rows, columns=b[-1])
    if len(b) == 1 or (len(a) == 1 and (0 in b or rows == 1)):  # so is a stack that can be read as one, by a vector
        count, size, vector = (prod(a[:-1]), terms, rows) if len(b) == 1 else (prod(b[:-2]) * b[-1], rows, terms)
        return MESSAGES["torch.mv"].format(count=count, size=size, vector=vector)
    batch = [axis for axis in axes if axis.role == "batch"]
    for position, axis in reversed([*enumerate(batch)]):
        if axis.size is None:
            return MESSAGES["torch.batch"].format(a=axis.sizes[0], b=axis.sizes[1], axis=position)
    return MESSAGES["torch.bmm"].format(stack=prod(axis.size or 0 for axis in batch), terms=terms, rows=rows)


def _joined(sizes: Sequence[object], separator: str = ",") -> str:
    return separator.join(map(str, sizes))


def _transposed(name: str) -> str:
    return name.removesuffix(".mT") if name.endswith(".mT") else f"{name}.mT"


def _one_decimal(dividend: int, divisor: int) -> str:
    """Return a quotient to one decimal, halves rounded up; in whole numbers, as a float is not exact for large ones."""
    tenths = (20 * dividend + divisor) // (2 * divisor) if divisor else 0
    return f"{tenths // 10}.{tenths % 10}"


def _side(size: int | None, hue: int, conflict: bool = False) -> _picture.Side:  # noqa: FBT001, FBT002  a field
    return _picture.Side(size or 0, str(size), hue, conflict)
