"""Most mistakes with tensors are a wrong shape, dtype or device. Some raise an error, and the worst do not.

A guard is one line that checks what you expect, and stays in your code. Below, look up an error by its words.

>>> import torch
>>> from tensorref import pitfalls
>>> tokens = torch.zeros(2, 10, 64)
>>> pitfalls.check_shape(tokens, "batch seq 64")
{'batch': 2, 'seq': 10}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb, prod
from typing import Any, Literal, NoReturn

from jaxtyping import Shaped

from tensorref._libraries import needed

with needed(__name__, "numpy", "torch"):
    import numpy as np
    import torch
    from torch import Tensor

    from tensorref import _private_parts

from tensorref import broadcasting, dtypes, layout
from tensorref._arguments import as_flag, as_name, as_names, quoted
from tensorref._explanation import TensorrefError
from tensorref._operands import check_array, check_one_shape, check_tensor, is_tensor, to_one_dtype
from tensorref._shape import MAX_RANK, joined
from tensorref._typing import ShapeLike

__all__ = [
    "DeviceError",
    "DtypeError",
    "InPlaceError",
    "ShapeError",
    "ViewError",
    "check_broadcast",
    "check_in_place",
    "check_same_device",
    "check_same_dtype",
    "check_shape",
    "check_view",
]

_MOST_GUESSES = 1000  # ways to insert axes of 1 that are tried
_INSTEAD = "Make a new tensor, as with tensor + 1 rather than tensor.add_(1), or change tensor.clone()."


class ShapeError(TensorrefError, ValueError):
    """Raised for a shape that is not the one expected.

    >>> import numpy as np
    >>> from tensorref import pitfalls
    >>> try:
    ...     pitfalls.check_shape(np.zeros((10, 2)), "2 10")
    ... except pitfalls.ShapeError as error:
    ...     print(error)
    x has shape (10, 2), expected '2 10': axis -2 is 10, not 2; axis -1 is 2, not 10. Write x.swapaxes(-2, -1).
    """


class InPlaceError(TensorrefError, ValueError):
    """Raised for a tensor that must not be changed in place.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> try:
    ...     pitfalls.check_in_place(torch.ones(3, requires_grad=True))
    ... except pitfalls.InPlaceError as error:
    ...     print(error)
    tensor is a leaf that requires grad. Make a new tensor, as with tensor + 1 rather than tensor.add_(1); to set a parameter, change it under torch.no_grad().
    """


class DeviceError(TensorrefError, ValueError):
    """Raised for tensors on devices that do not work together.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> try:
    ...     pitfalls.check_same_device(torch.ones(3, device="cpu"), torch.ones(3, device="meta"))
    ... except pitfalls.DeviceError as error:
    ...     print(error)
    tensors[1] is on meta, tensors[0] is on cpu; a tensor on meta has no values to move, so make room for some with torch.empty_like(tensors[1], device='cpu')
    """


class DtypeError(TensorrefError, TypeError):
    """Raised for arrays or tensors whose dtypes differ.

    >>> import numpy as np
    >>> from tensorref import pitfalls
    >>> try:
    ...     pitfalls.check_same_dtype(np.ones(2), np.ones(2, dtype=np.float32))
    ... except pitfalls.DtypeError as error:
    ...     print(error.explanation.numpy.result)
    float64
    """

    explanation: dtypes.Explanation | None
    """What the two dtypes become; None for an array beside a tensor."""


class ViewError(TensorrefError, ValueError):
    """Raised for a shape in which a tensor cannot be viewed without a copy.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> try:
    ...     pitfalls.check_view(torch.zeros(3, 4).mT, (12,))
    ... except pitfalls.ViewError as error:
    ...     print(error.explanation.conflicts)
    (-1,)
    """

    explanation: layout.Explanation
    """The runs of memory, and which axes of the shape take more than one."""


def check_shape(
    x: Shaped[np.ndarray | Tensor, "..."], spec: str, sizes: Mapping[str, Any] | None = None, *, name: str = "x"
) -> dict[str, Any]:
    """Check a shape against a specification such as ``"batch seq 64"``.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> query, mask = torch.zeros(2, 8, 10, 64), torch.zeros(2, 1, 10, 12)
    >>> sizes = pitfalls.check_shape(query, "batch heads seq head_dim", name="query")
    >>> pitfalls.check_shape(mask, "batch 1 seq seq", sizes, name="mask")
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.ShapeError: mask has shape (2, 1, 10, 12), expected 'batch 1 seq seq': axis -1 is 12, but seq is 10. Change spec if this shape is right, else what makes mask.

    Parameters
    ----------
    x
        An array or a tensor.
    spec
        What to expect of each axis, separated by spaces: a size, a name, which stands for the same size wherever it is
        used, or ``_`` for any size. Once, ``...`` stands for any number of axes, and so does ``*batch``, which gives
        them a name. The empty string is a scalar. The notation is that of jaxtyping, which checks annotations.
    sizes
        What earlier calls returned, or sizes by name that are known otherwise.
    name
        What the error calls `x`.

    Returns
    -------
    :
        `sizes` and those found here: an int by name, and a tuple under ``"*batch"``.

    Raises
    ------
    ShapeError
        If the shape is another. It names every axis that is wrong, and the code that makes it right where one is known.
    ValueError, TypeError
        If `spec` is not a specification.

    Examples
    --------
    What broadcasts may still be wrong, and nothing is raised:

    >>> a, b = torch.zeros(4, 3), torch.zeros(3)
    >>> result = a + b
    >>> print(f"a: {a.shape}, b: {b.shape}, result: {result.shape}")
    a: torch.Size([4, 3]), b: torch.Size([3]), result: torch.Size([4, 3])

    If `b` was meant to be as large as `a`, it is `b` that has to be checked:

    >>> sizes = pitfalls.check_shape(a, "tokens features", name="a")
    >>> pitfalls.check_shape(b, "tokens features", sizes, name="b")
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.ShapeError: b has shape (3,), expected 'tokens features': it has 1 axis, not 2. Change spec if this shape is right, else what makes b.

    Any number of leading axes, the same for both:

    >>> sizes = pitfalls.check_shape(query, "*batch seq head_dim")
    >>> sizes
    {'*batch': (2, 8), 'seq': 10, 'head_dim': 64}
    >>> pitfalls.check_shape(torch.zeros(2, 8, 12, 64), "*batch key_len head_dim", sizes)["key_len"]
    12
    """
    check_array(as_name(name), x)
    shape, axes = tuple(x.shape), _axes(spec)
    given: Any = sizes
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(
            f"sizes is {quoted(sizes)}, of type {type(sizes).__name__}; sizes have names: write {{'batch': 2}}"
        )
    found, faults = _match(shape, axes, sizes or {})
    if not faults:
        return found
    fixes = [code for code, guess in _guesses(shape, axes, name) if not _match(guess, axes, sizes or {})[1]]
    fix = f"Write {fixes[0]}." if fixes else f"Change spec if this shape is right, else what makes {name}."
    raise ShapeError(f"{name} has shape {shape}, expected {quoted(spec)}: {'; '.join(faults)}. {fix}")


def check_same_device(*tensors: Shaped[Tensor, "..."], names: Sequence[str] | None = None) -> torch.device:
    """Check that tensors are on devices that can work together, or say which one to move.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> device = "cpu"
    >>> a, b = torch.randn(100, device=device), torch.randn(100, device=device)
    >>> print(f"Both on {pitfalls.check_same_device(a, b)}: operation succeeded")
    Both on cpu: operation succeeded

    Parameters
    ----------
    *tensors
        One or more, of any shape and dtype.
    names
        What the error calls them; ``tensors[0]`` and so on by default.

    Returns
    -------
    :
        The device on which an element-wise operation gives its result: that of all, CPU tensors without axes aside, which
        may join tensors on another device.

    Raises
    ------
    DeviceError
        If the operation would raise ``RuntimeError``; nothing is computed or moved.
    TypeError
        If there are no `tensors`, or one is none.

    See Also
    --------
    tensorref.devices.explain_move : what it takes to move one.

    Examples
    --------
    The device ``meta`` shows it without a GPU:

    >>> scale = torch.tensor(0.5, device="cpu")
    >>> pitfalls.check_same_device(torch.ones(3, device="meta"), scale)
    device(type='meta')
    >>> pitfalls.check_same_device(torch.ones(3, device="meta"), scale[None], names=["x", "scale"])
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.DeviceError: scale is on cpu, x is on meta; move it there with scale.to('meta'): only a CPU tensor of shape () may stay
    """
    names = _names("tensors", names, len(tensors))
    for name, tensor in zip(names, tensors, strict=True):
        check_tensor(name, tensor)
    bound = [position for position, tensor in enumerate(tensors) if not (tensor.is_cpu and tensor.ndim == 0)]
    first = bound[0] if bound else 0
    device = tensors[first].device
    for name, other in ((names[position], tensors[position].device) for position in bound):
        if other != device:
            fix = f"move it there with {name}.to({str(device)!r}): only a CPU tensor of shape () may stay"
            if other.type == "meta":
                room = f"torch.empty_like({name}, device={str(device)!r})"
                fix = f"a tensor on meta has no values to move, so make room for some with {room}"
            raise DeviceError(f"{name} is on {other}, {names[first]} is on {device}; {fix}")
    return device


def check_same_dtype(
    *arrays: Shaped[np.ndarray | Tensor, "..."], names: Sequence[str] | None = None
) -> np.dtype[Any] | torch.dtype:
    """Check that arrays or tensors have one dtype, so that nothing is promoted and no matrix product raises.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> a, b = torch.ones(2, dtype=torch.float32), torch.ones(2, dtype=torch.float16)
    >>> print(f"Result dtype: {(a + b).dtype}")
    Result dtype: torch.float32
    >>> pitfalls.check_same_dtype(a, b, names=["a", "b"])
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.DtypeError: b is float16, a is float32: element-wise operations give float32, a matrix product raises. Write b.to(a.dtype).
    >>> print(f"Explicit dtype: {pitfalls.check_same_dtype(a.to(b.dtype), b)}")
    Explicit dtype: torch.float16

    The code that it names loses neither fractions nor sign; to save memory, convert the other one, as in the last line.

    Parameters
    ----------
    *arrays
        One or more of the same library, of any shape. Zero-dimensional ones count as all others.
    names
        What the error calls them; ``arrays[0]`` and so on by default.

    Returns
    -------
    :
        The dtype of all.

    Raises
    ------
    DtypeError
        If there are two dtypes or two libraries.
    TypeError, ValueError
        If there are no `arrays`, or not as many `names`.

    See Also
    --------
    tensorref.dtypes.promote : what two dtypes become.
    numpy.result_type : gives the dtype that NumPy promotes to.
    torch.result_type : gives the dtype that PyTorch promotes two tensors to.
    """
    names = _names("arrays", names, len(arrays))
    for name, array in zip(names, arrays, strict=True):
        check_array(name, array)
    first = arrays[0].dtype
    for name, array in zip(names, arrays, strict=True):
        if array.dtype != first:
            _refuse_dtype(names[0], arrays[0], name, array, dict(zip(names, arrays, strict=True)))
    return first


def check_broadcast(
    *arrays: Shaped[np.ndarray | Tensor, "..."], names: Sequence[str] | None = None, same_shape: bool = False
) -> tuple[int, ...]:
    """Check that arrays broadcast, and to no more elements than the largest of them has.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> prediction, target = torch.zeros(5, 1), torch.zeros(5)
    >>> (prediction - target).shape
    torch.Size([5, 5])
    >>> pitfalls.check_broadcast(prediction, target, names=["prediction", "target"])
    Traceback (most recent call last):
    ...
    tensorref.broadcasting.BroadcastError: prediction and target have 5 elements each, the result has 25: every element of one meets every element of the other. To pair them one to one, give both the same shape. Write target.reshape((5, 1)); if the table of all pairs is meant, leave this check out.

    Parameters
    ----------
    *arrays
        One or more, of either library.
    names
        What the error calls them; ``arrays[0]`` and so on by default.
    same_shape
        Whether to refuse any growth, of the smaller ones too, as a loss wants: then all have to have one shape, or
        ``torch.nn.functional.mse_loss`` warns.

    Returns
    -------
    :
        The shape of the result.

    Raises
    ------
    BroadcastError
        If they do not broadcast, if the result has more elements than each of them, or if `same_shape` is True and they
        differ.
    TypeError, ValueError
        If there are no `arrays`, one is neither an array nor a tensor, or there are not as many `names`.

    See Also
    --------
    tensorref.broadcasting.explain : the same as a warning, with every step.
    numpy.broadcast_shapes : raises only where the shapes do not fit.
    torch.broadcast_shapes : does so too.

    Examples
    --------
    >>> pitfalls.check_broadcast(torch.zeros(32, 10, 64), torch.zeros(64))
    (32, 10, 64)

    One target for ten predictions broadcasts to no more than there are, and is no pair of them:

    >>> prediction, target = torch.zeros(10, 1), torch.zeros(1, 1)
    >>> pitfalls.check_broadcast(prediction, target)
    (10, 1)
    >>> pitfalls.check_broadcast(prediction, target, names=["prediction", "target"], same_shape=True)
    Traceback (most recent call last):
    ...
    tensorref.broadcasting.BroadcastError: prediction has shape (10, 1), target has shape (1, 1): they broadcast to (10, 1), and same_shape is True. Check what makes them, or leave same_shape out.
    """
    names, same_shape = _names("arrays", names, len(arrays)), as_flag(same_shape, "same_shape")
    for name, array in zip(names, arrays, strict=True):
        check_array(name, array)
    shapes = [tuple(array.shape) for array in arrays]
    result = broadcasting.result_shape(*shapes, names=names)
    grows = prod(result) > max(map(prod, shapes))
    if not grows and not (same_shape and {*shapes} != {result}):
        return result
    fix = _reshaped(shapes, names, same_shape=same_shape)
    explanation = broadcasting.explain(*shapes, names=names)
    if grows:
        write = f"Write {fix}; if" if fix else "If"
        words = f"{explanation.warning} {write} the table of all pairs is meant, leave this check out."
    else:
        given = ", ".join(f"{name} has shape {shape}" for name, shape in zip(names, shapes, strict=True))
        write = f"Write {fix}" if fix else "Check what makes them"
        words = f"{given}: they broadcast to {result}, and same_shape is True. {write}, or leave same_shape out."
    raise broadcasting.BroadcastError(words, explanation)


def _reshaped(shapes: Sequence[tuple[int, ...]], names: Sequence[str], *, same_shape: bool) -> str | None:
    """Return code after which arrays of as many elements have one shape and the check passes, or None."""
    for target in dict.fromkeys(shapes):
        alike = [prod(shape) == prod(target) for shape in shapes]
        after = [target if same else shape for same, shape in zip(alike, shapes, strict=True)]
        result = joined(after)
        if result is None or prod(result) > max(map(prod, after)) or (same_shape and {*after} != {result}):
            continue
        return (
            " and ".join(
                f"{name}.reshape({target})"
                for name, same, shape in zip(names, alike, shapes, strict=True)
                if same and shape != target
            )
            or None
        )
    return None


def check_in_place(tensor: Shaped[Tensor, "..."], *results: Shaped[Tensor, "..."]) -> None:
    """Check that a tensor may be changed in place without breaking a gradient.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = x * 2
    >>> pitfalls.check_in_place(y)
    >>> y.add_(1).sum().backward()
    >>> print(f"Gradient computed: {x.grad}")
    Gradient computed: tensor([2., 2., 2.])

    Known beforehand is what PyTorch refuses at once (a leaf that requires grad, or a view of one; one of several views that
    ``unbind``, ``chunk`` or ``split`` returned; an expanded tensor; an inference tensor), and whether the operation that
    made `tensor` saved its own result for ``backward``, as ``exp``, ``sigmoid`` and ``softmax`` do:

    >>> pitfalls.check_in_place(x.exp())
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.InPlaceError: tensor lies in memory that ExpBackward0 saved for backward. Make a new tensor, as with tensor + 1 rather than tensor.add_(1), or change tensor.clone().

    A tensor does not know which later operations saved it. The `results` that were computed from it do:

    >>> y, weight = x * 2, torch.ones(3, requires_grad=True)
    >>> loss = (y * weight).sum()
    >>> pitfalls.check_in_place(y)
    >>> pitfalls.check_in_place(y, loss)
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.InPlaceError: tensor lies in memory that MulBackward0 saved for backward. Make a new tensor, as with tensor + 1 rather than tensor.add_(1), or change tensor.clone().

    Parameters
    ----------
    tensor
        What is about to be changed; called ``tensor`` in the error.
    *results
        Tensors whose ``backward`` is still to come, or that are still to be used: views of `tensor` too. The record of each
        is walked, one step per operation.

    Raises
    ------
    InPlaceError
        If ``tensor.add_(1)``, say, would raise for one of these reasons, or make ``backward`` raise.

    See Also
    --------
    tensorref.autograd.explain_in_place : runs a function to see what becomes of its gradient.
    torch.Tensor.is_leaf : tells whether a tensor is a leaf, which no recorded operation made.

    Notes
    -----
    It cannot be known what is kept by hooks on saved tensors, as activation checkpointing and offloading do, nor what an
    operation that comes after the change will save; the latter does no harm. Nor is it known of a view that a
    ``torch.autograd.Function`` of one's own returned. Under ``torch.no_grad()`` a leaf may be changed, and so may one of
    several views; a saved value may not.

    Examples
    --------
    ``chunk`` returns several views of one tensor, and autograd does not follow changes through them:

    >>> y = x * 2
    >>> query, key, value = y.chunk(3)
    >>> pitfalls.check_in_place(query)
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.InPlaceError: tensor is one of several views that one call returned (SplitBackward0). Make a new tensor, as with tensor + 1 rather than tensor.add_(1), or change tensor.clone().

    Nor can they be used once the tensor itself was changed:

    >>> pitfalls.check_in_place(y, query)
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.InPlaceError: results[0] is one of several views that one call returned (SplitBackward0), of the memory that tensor lies in, and could not be used after the change. Make a new tensor, as with tensor + 1 rather than tensor.add_(1), or change tensor.clone().
    """
    for name, value in (("tensor", tensor), *((f"results[{place}]", result) for place, result in enumerate(results))):
        check_tensor(name, value)
        check_one_shape(name, value)
    base = _private_parts.base(tensor)
    if torch.is_grad_enabled() and base.is_leaf and base.requires_grad:
        kind = "a leaf" if base is tensor else "a view of a leaf"
        raise InPlaceError(
            f"tensor is {kind} that requires grad. Make a new tensor, as with tensor + 1 rather than tensor.add_(1); to set "
            "a parameter, change it under torch.no_grad()."
        )
    refusal = _refusal(tensor, base)
    if refusal:
        raise InPlaceError(f"tensor {refusal}. {_INSTEAD}")
    for place, result in enumerate(results):
        view = result is not tensor and _private_parts.base(result) is base and result.requires_grad
        if why := _of_several(result, base) if view else None:
            raise InPlaceError(
                f"results[{place}] {why}, of the memory that tensor lies in, and could not be used after the change. "
                f"{_INSTEAD}"
            )
    memory = _memory(tensor)
    for node in (tensor.grad_fn, base.grad_fn, *_private_parts.record(results)):
        if node is not None and memory is not None and memory in map(_memory, _private_parts.saved(node)):
            raise InPlaceError(f"tensor lies in memory that {node.name()} saved for backward. {_INSTEAD}")


def check_view(tensor: Shaped[Tensor, "..."], target: ShapeLike) -> tuple[int, ...]:
    """Check that a tensor can be viewed in another shape without a copy.

    >>> import torch
    >>> from tensorref import pitfalls
    >>> x = torch.zeros(3, 4)
    >>> x_t = x.transpose(0, 1)
    >>> print(f"Original contiguous: {x.is_contiguous()}")
    Original contiguous: True
    >>> print(f"Transposed contiguous: {x_t.is_contiguous()}")
    Transposed contiguous: False
    >>> pitfalls.check_view(x, (12,))
    (1,)
    >>> pitfalls.check_view(x_t, (12,))
    Traceback (most recent call last):
    ...
    tensorref.pitfalls.ViewError: tensor has no view of shape (12,): axis -1, of size 12, would take more than one run of memory, but an axis has only one stride. Write tensor.reshape((12,)), which copies 48 bytes.

    Parameters
    ----------
    tensor
        Contiguous or not; called ``tensor`` in the error.
    target
        The shape that ``tensor.view`` is to be called with.

    Returns
    -------
    :
        The strides of the view, in elements. The rule is that of `layout.view_strides <tensorref.layout.view_strides>`.

    Raises
    ------
    ViewError
        If no view has that shape, so that ``tensor.view`` would raise and ``tensor.reshape`` would copy.

    See Also
    --------
    numpy.reshape : raises with ``copy=False``.
    torch.Tensor.view : raises by itself.
    torch.Tensor.reshape : copies instead.

    Examples
    --------
    Not every tensor that is not contiguous is refused:

    >>> part = torch.zeros(4, 6)[:, :3]
    >>> part.is_contiguous(), pitfalls.check_view(part, (4, 3, 1))
    (False, (6, 1, 1))
    """
    check_tensor("tensor", tensor)
    check_one_shape("tensor", tensor)
    if tensor.layout != torch.strided:
        raise TypeError(f"tensor has layout {tensor.layout}, which has no views; check one that has strides")
    strides = layout.view_strides(tuple(tensor.shape), tensor.stride(), target)
    if strides is None:
        size = tensor.element_size()
        why = layout.explain(tuple(tensor.shape), tensor.stride(), target, name="tensor", itemsize=size)
        raise ViewError(
            f"{why.steps[-1]} Write tensor.reshape({why.target}), which copies {why.copied_bytes:,} bytes.", why
        )
    return strides


def _axes(spec: Any) -> tuple[int | str, ...]:
    if not isinstance(spec, str):
        raise TypeError(f"spec is {quoted(spec)}, of type {type(spec).__name__}; write it as a string: 'batch seq 64'")
    return _parsed(spec)


@lru_cache(maxsize=1024)
def _parsed(spec: str) -> tuple[int | str, ...]:
    """Return the axes of a specification: an int for a size, else the word itself."""
    words = spec.split()
    for word in words:
        if not (word == "..." or word.removeprefix("*").isidentifier() or (word.isascii() and word.isdecimal())):
            raise ValueError(
                f"each word of spec must be a size, a name, _, ... or *name, got {quoted(word)} in {quoted(spec)}; separate "
                "them by spaces alone"
            )
    if len(words) > MAX_RANK:
        raise ValueError(
            f"spec has {len(words)} words; an array has {MAX_RANK} axes at most: write ... for those of any size"
        )
    if sum(map(_is_open, words)) > 1:
        raise ValueError(
            f"spec is {quoted(spec)}; of ... and *name it can have one, or nobody knows where the other ends"
        )
    return tuple(int(word) if word.isdecimal() else word for word in words)


def _is_open(axis: int | str) -> bool:
    return isinstance(axis, str) and (axis == "..." or axis.startswith("*"))


def _match(
    shape: tuple[int, ...], axes: tuple[int | str, ...], sizes: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the sizes by name and all that is wrong."""
    found, faults = dict(sizes), list[str]()
    places = [place for place, axis in enumerate(axes) if _is_open(axis)]
    missing = len(axes) - len(places) - len(shape)
    if missing > 0 or (missing < 0 and not places):
        least = "at least " if places else ""
        plural = "axis" if len(shape) == 1 else "axes"
        return found, [f"it has {len(shape)} {plural}, not {least}{len(axes) - len(places)}"]
    if places:
        start, stop = places[0], places[0] - missing
        word, middle = str(axes[start]), shape[start:stop]
        if word != "..." and found.setdefault(word, middle) != middle:
            faults.append(f"its axes for {word} are {middle}, but {word} is {found[word]}")
        axes = (*axes[:start], *["_"] * -missing, *axes[start + 1 :])
    for index, (axis, size) in enumerate(zip(axes, shape, strict=True), start=-len(shape)):
        if isinstance(axis, int):
            if axis != size:
                faults.append(f"axis {index} is {size}, not {axis}")
        elif axis != "_" and found.setdefault(axis, size) != size:
            faults.append(f"axis {index} is {size}, but {axis} is {found[axis]}")
    return found, faults


def _guesses(shape: tuple[int, ...], axes: tuple[int | str, ...], name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield code that gives a similar shape, the same in NumPy and PyTorch, with that shape."""
    rank = len(shape)
    wanted = sum(not _is_open(axis) for axis in axes)
    for axis in range(rank):
        if shape[axis] == 1:
            yield f"{name}.squeeze({axis - rank})", (*shape[:axis], *shape[axis + 1 :])
    if wanted > rank and comb(wanted, wanted - rank) <= _MOST_GUESSES:
        for missing in combinations(range(wanted), wanted - rank):
            sizes = iter(shape)
            index = ", ".join("None" if place in missing else ":" for place in range(wanted))
            yield f"{name}[{index}]", tuple(1 if place in missing else next(sizes) for place in range(wanted))
    for first, second in combinations(range(rank), 2):
        swapped = [*shape]
        swapped[first], swapped[second] = shape[second], shape[first]
        yield f"{name}.swapaxes({first - rank}, {second - rank})", tuple(swapped)


def _names(argument: Literal["arrays", "tensors"], names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if not count:
        raise TypeError(f"{argument} is empty; give at least one {argument[:-1]}")
    if names is None:
        return tuple(f"{argument}[{position}]" for position in range(count))
    return as_names(names, count, argument)


def _refuse_dtype(first: str, a: Any, second: str, b: Any, arrays: Mapping[str, Any]) -> NoReturn:
    if isinstance(a, Tensor) != isinstance(b, Tensor):
        to = "to_torch" if isinstance(a, Tensor) else "to_numpy"
        raise DtypeError(
            f"{second} is of type {type(b).__name__}, {first} of type {type(a).__name__}. Write interop.{to}({second})."
        )
    library: Literal["numpy", "torch"] = "torch" if isinstance(a, Tensor) else "numpy"
    try:
        explanation = dtypes.explain(a, b)
    except ValueError:  # a quantized dtype, for one
        explanation = None
    result = getattr(explanation, library).result if explanation else None
    effect = f"element-wise operations give {result}" if result else "element-wise operations raise"
    same = {name: array for name, array in arrays.items() if is_tensor(array) == is_tensor(a)}
    product = ", a matrix product raises" if library == "torch" else ", and so does a matrix product"
    kinds = [str(array.dtype).removeprefix("torch.") for array in (a, b)]
    words = f"{second} is {kinds[1]}, {first} is {kinds[0]}: {effect}{product}. Write {to_one_dtype(**same)}."
    raise DtypeError(words, explanation)


def _refusal(tensor: Tensor, base: Tensor) -> str | None:
    """Return why PyTorch would not change a tensor whatever is saved, or None."""
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        return "was made in inference mode, and outside it an inference tensor must not change"
    if tensor.layout == torch.strided and tensor.numel():
        for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True), start=-tensor.ndim):
            if size > 1 and not stride:
                return f"is expanded: the {size} elements along axis {axis} are one in memory"
    if base is tensor or not (torch.is_grad_enabled() and tensor.requires_grad):
        return None
    node = tensor.grad_fn
    if node is None:
        return "is a view that was made under torch.no_grad() of a tensor that requires grad"
    return _of_several(tensor, base)


def _of_several(view: Tensor, base: Tensor) -> str | None:
    """Return that a view is one of several which one call returned, or None."""
    node = view.grad_fn
    while node is not None and node != base.grad_fn:  # the operations that make the view
        if node.name().startswith(("Unbind", "Split")):
            return f"is one of several views that one call returned ({node.name()})"
        node = node.next_functions[0][0] if node.next_functions else None
    return None


def _memory(tensor: Tensor) -> tuple[torch.device, int] | None:
    """Return what tells the memory of a tensor from all other, or None where it has none."""
    address = tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0
    return (tensor.device, address) if address else None
