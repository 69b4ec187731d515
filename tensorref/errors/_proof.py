"""Whether operands lead to the words of an error: predicted by the rules, and by the library itself on stand-ins.

A stand-in has the shape, strides and dtype of its operand, but no elements of it. The library raises before it computes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tensorref import broadcasting, layout, matmul
from tensorref.errors._standins import (
    Unknown,
    are_small,
    arrays_in,
    called,
    facts,
    is_tensor,
    is_view,
    repeated,
    shrunk,
    standin,
    without_elements,
    zeros,
)

_WITH_EFFECTS = re.compile(
    "rand|normal|bernoulli|dropout|multinomial|poisson|exponential|geometric|cauchy|uniform|seed|cuda|xpu|^to$|memory|"
    "^set_|resize|save|file|hook|dlpack|frombuffer|backward|apply|map_"
)
_NUMBER = re.compile(r"\d+")
_DEVICE = re.compile(r"\b(?:cpu|meta|cuda|mps|xpu|mtia|hpu)(?::\d+)?\b")


def proves(
    text: str, function: Callable[..., Any] | None, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> bool | None:
    """Tell whether a call raises the words of an error; None where that cannot be tried."""
    arrays = [*arrays_in([*args, *kwargs.values()])]
    if not arrays:
        return None
    devices = {facts(array).device for array in arrays if facts(array).shape or facts(array).device != "cpu"} - {""}
    if len(devices) > 1 and "device" in text:
        return {*_DEVICE.findall(text)} == devices
    if function is None and "ambiguous" in text and len(args) == 1:  # a name alone was asked whether it is true
        function = bool
    if not text or function is None or _WITH_EFFECTS.search(getattr(function, "__name__", "")):
        return None
    said = None
    for words in _raised(text, function, args, kwargs, arrays):
        if words and (text == words or text.startswith(words + "\n")):  # a trace of C++ can follow
            return True
        said = said or words
    return False if said and are_small(arrays) else None


def _raised(
    text: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], arrays: Sequence[Any]
) -> Iterator[str | None]:
    """Yield what a call on stand-ins raises, in several ways, None where it raises nothing."""

    def said(call: Callable[..., Any], *change: Any) -> str | None:
        try:
            found = call(function, args, kwargs, *change)
            if "ambiguous" in text:  # what failed is the question whether the result is true
                bool(found)
        except Unknown:  # an argument has no stand-in
            return None
        except Exception as error:  # noqa: BLE001  whatever it is, it is compared
            return str(error)
        return None

    def without_gradient(array: Any) -> Any:
        made = zeros(array)
        return made.detach() if is_tensor(made) else made

    if are_small(arrays, args, kwargs):
        yield said(called, zeros)
        yield said(called, without_gradient)
    elif are_small([], args, kwargs):
        words = said(shrunk, arrays)
        yield words
        if _NUMBER.sub("", words or "") == _NUMBER.sub("", text):  # so that the real sizes are refused at once
            yield said(called, repeated)
    tensors = all(is_tensor(standin(array).array) for array in arrays)
    if tensors and (
        is_view(getattr(function, "__name__", "")) or any(facts(array).device == "meta" for array in arrays)
    ):
        yield said(called, without_elements)


def broken(
    text: str, function: Callable[..., Any] | None, args: Sequence[Any], known: Sequence[tuple[str, Any]]
) -> Any:
    """Return the explanation of the rule of ours that raises the words of an error for these operands, or None."""
    for rule in _rules(function, args, [name[:60] for name, _ in known], [facts(array).shape for _, array in known]):
        with suppress(Exception):  # where these are no operands for the rule
            found = rule()
            if found.messages is not None and text in (found.messages.numpy, found.messages.torch):
                return found
    return None


def _rules(
    function: Callable[..., Any] | None, args: Sequence[Any], names: Sequence[str], shapes: Sequence[tuple[int, ...]]
) -> Iterator[Callable[[], Any]]:
    name = getattr(function, "__name__", "")
    if name == "view" and shapes:
        target = args[1] if type(args[1]) in (tuple, list) else args[1:]
        yield lambda: layout.explain(shapes[0], facts(args[0]).strides or (), target, name=names[0])
    if name == "linear" and len(shapes) > 1:  # a layer is not mended by another order of its weight
        transposed = shapes[1][::-1]
        yield lambda: replace(matmul.explain(shapes[0], transposed, names=(names[0], f"{names[1]}.mT")), fixes=())
    elif len(shapes) > 1:
        yield lambda: matmul.explain(*shapes[:2], names=names[:2])
    if shapes:
        yield lambda: broadcasting.explain(*shapes, names=names)
