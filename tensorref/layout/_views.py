"""Strides, runs of memory, and when ``view`` works.

``sphinxext/static/tensorref/layout.js`` has the same rule for the page.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

from tensorref import _picture
from tensorref._arguments import as_itemsize, as_name, attribute, is_short, length, quoted
from tensorref._explanation import Fix, Illustrated, Messages
from tensorref._shape import MAX_RANK, as_shape
from tensorref._typing import ShapeLike
from tensorref.layout import _drawing
from tensorref.layout._operations import Layout, listed
from tensorref.layout._words import MESSAGES, WORDS

_REFUSED = MESSAGES["torch.view"]


def strides(shape: ShapeLike) -> tuple[int, ...]:
    """Return the strides of a row-major array of a shape.

    >>> import torch
    >>> from tensorref import layout
    >>> layout.strides((3, 4)), torch.zeros(3, 4).stride()
    ((4, 1), (4, 1))

    Parameters
    ----------
    shape
        An int, a sequence of ints or the ``.shape`` of an array.

    Returns
    -------
    :
        A stride for each axis, in elements, as `torch.Tensor.stride` gives. `numpy.ndarray.strides` counts bytes:
        divide by ``itemsize``. A size of 0 counts as 1, as in PyTorch; NumPy has 0 everywhere in an empty array.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape.

    See Also
    --------
    numpy.ndarray.strides : of an array, in bytes.
    torch.Tensor.stride : of a tensor, in elements.
    """
    return row_major_strides(as_shape(shape, "shape"))


def is_contiguous(shape: ShapeLike, strides: Sequence[int]) -> bool:
    """Tell whether an array lies in memory in row-major order without a gap.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(3, 4)
    >>> layout.is_contiguous(x.shape, x.stride()), layout.is_contiguous(x.mT.shape, x.mT.stride())
    (True, False)

    Parameters
    ----------
    shape
        The sizes of the array.
    strides
        Its strides, in elements: ``x.stride()`` in PyTorch.

    Returns
    -------
    :
        What `torch.Tensor.is_contiguous` and NumPy's ``flags.c_contiguous`` say. The stride of an axis of size 1 does
        not matter, nor any in an array without elements.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a shape, or `strides` are not one int for each axis.

    See Also
    --------
    numpy.ascontiguousarray : copies where it is not.
    torch.Tensor.contiguous : does so too.
    numpy.ndarray.flags : says it of an array.
    torch.Tensor.is_contiguous : says it of a tensor.
    """
    sizes = as_shape(shape, "shape")
    return is_row_major(sizes, _as_strides(strides, sizes))


def view_strides(shape: ShapeLike, strides: Sequence[int], target: ShapeLike) -> tuple[int, ...] | None:
    """Return the strides that a view of an array as another shape has, or None where there is no such view.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(4, 32, 64)
    >>> layout.view_strides(x.shape, x.stride(), (4, 32, 8, 8))
    (2048, 64, 8, 1)
    >>> x.view(4, 32, 8, 8).stride()
    (2048, 64, 8, 1)

    Parameters
    ----------
    shape, strides
        Of the array, strides in elements.
    target
        The shape of the view. One size may be -1 and is worked out.

    Returns
    -------
    :
        The strides that ``x.view(target)`` has in PyTorch, in elements; None where it raises and ``x.reshape(target)``
        copies. NumPy's ``reshape`` is a view in the same cases.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or `target` has another number of elements.

    See Also
    --------
    explain : the same with the reason.
    torch.Tensor.view : raises where this gives None.
    torch.Tensor.reshape : copies where this gives None.
    numpy.reshape : a view in the same cases.

    Examples
    --------
    Heads that were brought together in front cannot be merged without a copy:

    >>> heads = x.view(4, 32, 8, 8).transpose(1, 2)
    >>> print(layout.view_strides(heads.shape, heads.stride(), (4, 8, 256)))
    None
    """
    source = as_shape(shape, "shape")
    steps = _as_strides(strides, source)
    return strides_of_view(source, steps, _as_target(target, source))


def can_view(shape: ShapeLike, strides: Sequence[int], target: ShapeLike) -> bool:
    """Tell whether ``view`` works: whether another shape can be had without a copy.

    >>> import torch
    >>> from tensorref import layout
    >>> x = torch.zeros(3, 4).mT
    >>> layout.can_view(x.shape, x.stride(), (2, 2, 3)), layout.can_view(x.shape, x.stride(), (12,))
    (True, False)

    Parameters
    ----------
    shape, strides, target
        As for `view_strides`.

    Returns
    -------
    :
        True if each axis of `target` lies within one run of memory.

    Raises
    ------
    TypeError, ValueError
        As for `view_strides`.

    See Also
    --------
    numpy.reshape : raises with ``copy=False`` where this is False.
    torch.Tensor.view : raises where this is False.
    """
    return view_strides(shape, strides, target) is not None


def explain(
    shape: ShapeLike, strides: Sequence[int], target: ShapeLike, *, name: str = "x", itemsize: int = 4
) -> Explanation:
    """Explain why a view as another shape works, or what keeps it from working.

    >>> from tensorref import layout
    >>> print(layout.explain((4, 3), (1, 4), (12,)))
    run                     1         2
    shape                (4,)      (3,)
    strides              (1,)      (4,)
    target              (12,)     (12,)
    strides of view         ?         ?
    verdict          conflict  conflict
    * x has no view of shape (12,): axis -1, of size 12, would take more than one run of memory, but an axis has only one stride.
    * PyTorch: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.
    * x.reshape(12) copies 48 bytes.

    Parameters
    ----------
    shape, strides, target
        As for `view_strides`.
    name
        What to call the array.
    itemsize
        Bytes per element: 4 for float32, 2 for bfloat16.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram with a column for each run of memory.

    Raises
    ------
    TypeError, ValueError
        As for `view_strides`.

    See Also
    --------
    numpy.reshape : gives a view or a copy, and does not say which.
    torch.Tensor.view : gives a view, or raises an error.

    Examples
    --------
    A tensor that is not contiguous may still have the view that is asked for:

    >>> import torch
    >>> columns = torch.ones(4, 6)[:, :3]
    >>> print(layout.explain(columns.shape, columns.stride(), (2, 2, 3), name="columns"))
    run                    1     2
    shape               (4,)  (3,)
    strides             (6,)  (1,)
    target            (2, 2)  (3,)
    strides of view  (12, 6)  (1,)
    verdict             fits  fits
    * The view has shape (2, 2, 3) and strides (12, 6, 1), without a copy.
    """
    source = as_shape(shape, "shape")
    steps = _as_strides(strides, source)
    return explained_view(source, steps, _as_target(target, source), as_name(name), as_itemsize(itemsize))


@dataclass(frozen=True)
class Explanation(Illustrated):
    """Why a view works, or what keeps it from working: what `explain` returns.

    >>> from tensorref import layout
    >>> explanation = layout.explain((4, 3), (1, 4), (2, 6))
    >>> explanation.result, explanation.conflicts, explanation.copied_bytes
    (None, (-1,), 48)
    """

    name: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""
    contiguous: bool
    target: tuple[int, ...]
    """The shape of the view, with -1 worked out."""
    runs: tuple[Run, ...]
    """The runs of memory from left to right; none where there is no axis or no element."""
    conflicts: tuple[int, ...]
    """The axes of the target, counted from the right, that do not lie within one run."""
    result: tuple[int, ...] | None
    """The strides of the view in elements; None where it cannot work."""
    copied_bytes: int
    """What ``reshape`` copies: 0 where it gives the view."""
    steps: tuple[str, ...]
    """A sentence for each step, which are layout, runs, target, result."""
    messages: Messages | None
    """What ``view`` of PyTorch says; None where it works. NumPy's ``reshape`` copies instead."""
    fixes: tuple[Fix, ...]
    """What copies to the target instead."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: runs, what they hold, what the target makes of them, verdict."""
        labels = ("run", "shape", "strides", "target", "view", "verdict")
        columns = (
            (
                str(number),
                _part(self.shape, run.axes),
                _part(self.strides, run.axes),
                _part(self.target, run.target),
                "?" if self.result is None else _part(self.result, run.target),
                WORDS["fit" if run.fits else "conflict"],
            )
            for number, run in enumerate(self.runs, 1)
        )
        return tuple(zip((WORDS[label] for label in labels), *columns, strict=True))

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence each."""
        notes = [self.steps[-1]]
        if self.messages:
            copied = WORDS["copy"].format(name=self.name, sizes=listed(self.target), bytes=self.copied_bytes)
            notes += [*self.messages.notes(), copied]
        return tuple(notes)

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        return self.steps[0], " ".join(self.steps[1:])

    def _drawn(self) -> _picture.Drawing:
        """Draw the array and the view, with an element of the same color and number in both."""
        memory = 1 + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        memory = 0 if 0 in self.shape else memory
        source = _drawing.drawn(self.name, Layout(self.shape, self.strides, 0), memory, int, memory)
        title = f".view({listed(self.target)})"
        if self.result is None:
            view = _drawing.refused(title)
        else:
            view = _drawing.drawn(title, Layout(self.target, self.result, 0), memory, int, memory)
        return _picture.stacked([source, view])


@dataclass(frozen=True)
class Run:
    """Axes of an array that a single stride steps through.

    >>> from tensorref import layout
    >>> layout.explain((2, 3, 4), (24, 4, 1), (2, 12)).runs[1]
    Run(axes=(-2, -1), elements=12, stride=1, target=(-1,), fits=True)
    """

    axes: tuple[int, ...]
    """The axes of the array, counted from the right."""
    elements: int
    """How many elements it has."""
    stride: int
    """How far apart they are."""
    target: tuple[int, ...]
    """The axes of the target that have a part in it, counted from the right."""
    fits: bool
    """Whether all of them lie within it."""


def row_major_strides(sizes: Sequence[int]) -> tuple[int, ...]:  # numpydoc ignore=PR01
    """Return the strides of an array in row-major order; a size of 0 counts as 1."""
    return tuple(prod(max(size, 1) for size in sizes[axis + 1 :]) for axis in range(len(sizes)))


def is_row_major(sizes: Sequence[int], steps: Sequence[int]) -> bool:  # numpydoc ignore=PR01
    """Tell whether an array with these sizes and strides is contiguous."""
    row_major = row_major_strides(sizes)
    return 0 in sizes or all(
        size == 1 or step == wanted for size, step, wanted in zip(sizes, steps, row_major, strict=True)
    )


def _as_strides(value: Any, shape: Sequence[int]) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise TypeError(
            f"strides is {quoted(value)}, of type {type(value).__name__}; strides are a sequence of ints, one for each "
            "axis: write x.stride()"
        )
    count = length(value)
    if count != len(shape):
        raise ValueError(
            f"strides has {quoted(count)} entries for the {len(shape)} axes of shape {shape}; give one for each, such as "
            "x.stride()"
        )
    try:
        steps = tuple(operator.index(step) for step in value)
    except Exception:  # noqa: BLE001  whatever an ``__index__`` raises, it is no stride
        raise TypeError(
            f"strides is {quoted(value)}; strides are ints, counted in elements: divide NumPy's by itemsize with //"
        ) from None
    if not all(map(is_short, steps)):
        raise ValueError(f"strides is {quoted(value)}; a stride is at most 64 digits long: write x.stride()")
    return steps


def _as_target(value: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes of `value`, with -1 worked out, and refuse another number of elements than `shape` has."""
    given: list[Any] = [value]
    if isinstance(value, Sequence) and not isinstance(value, str) and length(value) <= MAX_RANK:
        given = [*value]
    unknown = [axis for axis, size in enumerate(given) if _is_minus_1(size)]
    elements = prod(shape)
    if not unknown:
        sizes = as_shape(value, "target")
        if prod(sizes) != elements:
            raise ValueError(
                f"target is {sizes}, which {prod(sizes)} elements fill; shape {shape} has {elements}, and neither view "
                "nor reshape adds or drops any"
            )
        return sizes
    sizes = as_shape([1 if axis in unknown else size for axis, size in enumerate(given)], "target")
    shown = tuple(-1 if axis in unknown else size for axis, size in enumerate(sizes))
    rest = prod(sizes)
    if len(unknown) > 1 or rest == 0:
        raise ValueError(
            f"target is {shown}; only one size can be worked out, and only beside sizes that are not 0: write the others"
        )
    if elements % rest:
        raise ValueError(
            f"target is {shown}, and {rest} does not divide the {elements} elements of shape {shape}; choose sizes that do"
        )
    return tuple(elements // rest if axis in unknown else size for axis, size in enumerate(sizes))


def _is_minus_1(size: Any) -> bool:
    try:
        return attribute(size, "shape") in ((), None) and operator.index(size) == -1
    except Exception:  # noqa: BLE001  whatever an ``__index__`` raises, it is not -1
        return False


def _runs(shape: Sequence[int], strides: Sequence[int]) -> list[tuple[tuple[int, ...], int, int]]:
    """Return the axes, elements and stride of each run, from the last axis on."""
    runs: list[tuple[tuple[int, ...], int, int]] = []
    for axis in range(-1, -1 - len(shape), -1):
        size, step = shape[axis], strides[axis]
        if runs:
            axes, elements, stride = runs[-1]
            if size == 1 or step == elements * stride:
                runs[-1] = (axis, *axes), elements * size, stride
                continue
        runs.append(((axis,), size, step))
    return runs


def _placed(runs: Sequence[tuple[tuple[int, ...], int, int]], target: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return for each axis of the target, from the last on, where it starts among the elements and the runs it meets."""
    bounds = [1, *accumulate((elements for _, elements, _ in runs), operator.mul)]
    placed: list[tuple[int, list[int]]] = []
    start = 1
    for size in reversed(target):
        end = start * size
        met = [run for run in range(len(runs)) if bounds[run] < end and start < bounds[run + 1]]
        if size == 1:  # it steps nowhere: PyTorch counts it to the run that ends there
            met = [next(run for run in range(len(runs)) if start <= bounds[run + 1])]
        placed.append((start // bounds[met[0]], met))
        start = end
    return placed


def strides_of_view(  # numpydoc ignore=PR01
    shape: tuple[int, ...], strides: tuple[int, ...], target: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the strides of a view of another shape, or None where there is none."""
    if 0 in shape:
        return strides if shape == target else row_major_strides(target)
    if not shape:
        return (1,) * len(target)
    runs = _runs(shape, strides)
    placed = _placed(runs, target)
    if any(len(met) > 1 for _, met in placed):
        return None
    return tuple(offset * runs[met[0]][2] for offset, met in reversed(placed))


def explained_view(  # numpydoc ignore=PR01
    source: tuple[int, ...], steps: tuple[int, ...], sizes: tuple[int, ...], name: str, itemsize: int
) -> Explanation:
    """Explain a view of arguments that are known to be good."""
    result = strides_of_view(source, steps, sizes)
    runs, conflicts = _explained_runs(source, steps, sizes)
    contiguous = is_row_major(source, steps)
    words: dict[str, object] = {"name": name, "shape": source, "strides": steps, "contiguous": contiguous}
    return Explanation(
        name=name,
        shape=source,
        strides=steps,
        contiguous=contiguous,
        target=sizes,
        runs=runs,
        conflicts=conflicts,
        result=result,
        copied_bytes=0 if result is not None else itemsize * prod(source),
        steps=_steps(words | {"target": sizes, "result": result}, sizes, runs, conflicts),
        messages=None if result is not None else Messages(None, _REFUSED),
        fixes=() if result is not None else _fixes(name, sizes),
    )


def _fixes(name: str, sizes: tuple[int, ...]) -> tuple[Fix, ...]:
    written = listed(sizes) or "()"
    codes = (f"{name}.reshape({written})", f"{name}.contiguous().view({written})")
    return tuple(Fix(code, result=sizes) for code in codes)


def _explained_runs(
    shape: tuple[int, ...], strides: tuple[int, ...], target: tuple[int, ...]
) -> tuple[tuple[Run, ...], tuple[int, ...]]:
    """Return the runs from left to right, and the axes of the target that do not lie within one."""
    if 0 in shape or not shape:
        return (), ()
    runs = _runs(shape, strides)
    placed = {-1 - axis: met for axis, (_, met) in enumerate(_placed(runs, target))}
    conflicts = tuple(axis for axis, met in sorted(placed.items()) if len(met) > 1)
    explained: list[Run] = []
    for number, (axes, elements, stride) in enumerate(runs):
        within = tuple(axis for axis, met in sorted(placed.items()) if number in met)
        explained.append(Run(axes, elements, stride, within, not {*within} & {*conflicts}))
    return tuple(explained[::-1]), conflicts


def _steps(
    words: dict[str, object], target: Sequence[int], runs: Sequence[Run], conflicts: Sequence[int]
) -> tuple[str, ...]:
    told = [WORDS["run.text"].format(axes=listed(run.axes), elements=run.elements, stride=run.stride) for run in runs]
    wrong = [WORDS["failure.axis"].format(axis=axis, size=target[axis]) for axis in conflicts]
    return (
        WORDS["contiguous" if words["contiguous"] else "strided"].format(**words),
        WORDS["runs"].format(runs="; ".join(told)) if runs else WORDS["runs.none"],
        WORDS["within.not"].format(axes=listed(conflicts), **words) if conflicts else WORDS["within"].format(**words),
        WORDS["failure"].format(axes="; ".join(wrong), **words) if conflicts else WORDS["success"].format(**words),
    )


def _part(sizes: Sequence[int], axes: Sequence[int]) -> str:
    return str(tuple(sizes[axis] for axis in axes)) if axes else WORDS["none"]
