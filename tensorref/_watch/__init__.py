"""Running code with an eye on what raises nothing: `tensorref.watch`."""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from tensorref._libraries import needed

with needed("tensorref.watch", "torch"):
    from tensorref import _private_parts
    from tensorref._watch._looking import Looking

from tensorref._arguments import as_choice, as_flag, quoted
from tensorref._watch._findings import COSTS, KINDS, Finding, Kind, Report

__all__ = ["Finding", "Seen", "watch"]

_MOST_NAMED = 3
_busy = threading.local()


def watch(only: Sequence[Kind] = KINDS, *, accelerator: bool = False) -> Seen:
    """Run code and report, by file and line, the mistakes with tensors that raise nothing.

    >>> import torch
    >>> import tensorref
    >>> prediction, target = torch.zeros(32, 1), torch.zeros(32)
    >>> with tensorref.watch() as seen:
    ...     loss = (prediction - target).square().mean()
    >>> finding = seen.broadcasts[0]
    >>> finding.code
    'loss = (prediction - target).square().mean()'
    >>> finding.reasons[0]
    'prediction and target have 32 elements each, the result has 1,024: every element of one meets every element of the other. To pair them one to one, give both the same shape.'
    >>> finding.mends[0]
    'Write target.reshape((32, 1)); if a table of all pairs is meant, write its axes out, as in x[:, None].'

    Parameters
    ----------
    only
        What to look for; all by default. Mistakes are ``broadcasts``, ``losses``, ``promotions``, ``fractions``,
        ``non_finite``, ``in_place``, ``views`` and ``single_axes``; costs are ``copies``, ``transfers``, ``waits`` and
        ``memory``.
    accelerator
        Whether to report on the CPU too what would wait if the tensors were on an accelerator.

    Returns
    -------
    :
        What is seen, for ``with`` or as a decorator. It fills while the code runs, and can be read at any time.

    Raises
    ------
    ValueError, TypeError
        If `only` is no list of these names, or `accelerator` is not True or False.

    See Also
    --------
    tensorref.pitfalls.check_broadcast : a guard for one line, to leave in the code.
    torch.autograd.detect_anomaly : names the line in forward of a NaN in backward, which this does not.

    Examples
    --------
    In a test, nothing wrong is nothing seen:

    >>> with tensorref.watch() as seen:
    ...     loss = (prediction - target.reshape(32, 1)).square().mean()
    >>> assert not seen
    >>> assert not seen.broadcasts

    A function that is always to be watched, and read afterwards:

    >>> seen = tensorref.watch(only=["non_finite"])
    >>> @seen
    ... def entropy(p):
    ...     return -(p * p.log()).sum()
    >>> entropy(torch.tensor([0.5, 0.5, 0.0]))
    tensor(nan)
    >>> [(finding.operation, finding.code) for finding in seen.non_finite]
    [('log', 'return -(p * p.log()).sum()'), ('mul', 'return -(p * p.log()).sum()')]
    """
    if not isinstance(only, (list, tuple)):
        raise TypeError(f"only is {quoted(only)}, of type {type(only).__name__}; give a list of {', '.join(KINDS)}")
    for position, kind in enumerate(only):
        as_choice(kind, f"only[{position}]", KINDS)
    return Seen(only, accelerator=as_flag(accelerator, "accelerator"))


class Seen(contextlib.ContextDecorator, Report):
    """What a watch has seen: what `watch` returns.

    >>> import torch
    >>> import tensorref
    >>> with tensorref.watch(only=["promotions", "copies"]) as seen:
    ...     total = torch.ones(3) + torch.ones(3, dtype=torch.float64)
    ...     flat = torch.ones(2, 3).mT.reshape(6)
    >>> bool(seen), len(seen.promotions), len(seen.copies)
    (True, 1, 1)
    >>> seen.copies[0].nbytes
    24

    It is true where there is a mistake; costs alone leave it false. ``print`` shows a table, a notebook the pictures too,
    and `to_dict` gives all of it as plain data. It holds numbers and text for each place, up to 16,384 of them, and no
    tensor.
    """

    only: tuple[Kind, ...]
    """What is looked for."""

    def __init__(self, only: Sequence[Kind], *, accelerator: bool) -> None:
        self.only = tuple(dict.fromkeys(only))
        self._looking = Looking(self.only, accelerator=accelerator)
        self._modes: list[Any] = []

    def __enter__(self) -> Seen:  # noqa: PYI034  checked while tests run, which cannot be said of Self
        # A decorated function may call itself: it is watched once.
        self._modes.append(None if self._modes else _private_parts.dispatch_mode(self._look))
        if self._modes[-1] is not None:
            self._modes[-1].__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        mode = self._modes.pop()
        if mode is not None:
            mode.__exit__(kind, error, traceback)
            self._looking.stop()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found, mistakes first, each in the order of when."""
        return tuple(self._looking.findings())

    @property
    def mistakes(self) -> tuple[Finding, ...]:
        """What is wrong, or looks like it."""
        return tuple(finding for finding in self.findings if finding.kind not in COSTS)

    @property
    def costs(self) -> tuple[Finding, ...]:
        """What takes time or memory, and may have to."""
        return tuple(finding for finding in self.findings if finding.kind in COSTS)

    @property
    def broadcasts(self) -> tuple[Finding, ...]:
        """Results with more elements than any operand, though nobody wrote the axes out; and fits by chance."""
        return self._of("broadcasts")

    @property
    def losses(self) -> tuple[Finding, ...]:
        """Losses whose target was broadcast."""
        return self._of("losses")

    @property
    def promotions(self) -> tuple[Finding, ...]:
        """Floating-point operands of two dtypes, whose result has the wider one."""
        return self._of("promotions")

    @property
    def fractions(self) -> tuple[Finding, ...]:
        """Numbers that lost their fraction in a tensor of integers."""
        return self._of("fractions")

    @property
    def non_finite(self) -> tuple[Finding, ...]:
        """Operations that gave NaN or infinity though no operand had any, the first one first."""
        return self._of("non_finite")

    @property
    def in_place(self) -> tuple[Finding, ...]:
        """Changes in place that make a gradient wrong, or ``backward`` raise."""
        return self._of("in_place")

    @property
    def views(self) -> tuple[Finding, ...]:
        """Changes of a view that was made on another line, where the tensor under it is read later."""
        return self._of("views")

    @property
    def single_axes(self) -> tuple[Finding, ...]:
        """Softmax, mean, norm and the like along an axis that has size 1 in every call."""
        return self._of("single_axes")

    @property
    def copies(self) -> tuple[Finding, ...]:
        """``reshape``, ``contiguous`` and ``flatten`` where they had to copy, with the bytes."""
        return self._of("copies")

    @property
    def transfers(self) -> tuple[Finding, ...]:
        """Copies from one device to another, with the bytes."""
        return self._of("transfers")

    @property
    def waits(self) -> tuple[Finding, ...]:
        """Where Python waits for an accelerator."""
        return self._of("waits")

    @property
    def memory(self) -> tuple[Finding, ...]:
        """The five lines that held most of `peak_nbytes`."""
        return self._of("memory")

    @property
    def peak_nbytes(self) -> int:
        """The most bytes that tensors made under the watch took at a time."""
        return self._looking.peak

    def __bool__(self) -> bool:
        return bool(self.mistakes)

    def remarks(self) -> tuple[str, ...]:
        """Return the peak of memory, and what was not seen."""
        remarks = [] if self.mistakes else ["No mistake seen."]
        if self.peak_nbytes:
            remarks.append(f"Memory at its peak: {self.peak_nbytes:,} bytes of tensors made under the watch.")
        compiled = [*dict.fromkeys(map(self._looking.where, self._looking.compiled))]
        if compiled:
            lines = ", ".join(f"{each.function}, line {each.line}" for each in compiled[:_MOST_NAMED])
            remarks.append(
                f"A watch sets torch.compile aside ({lines}): the code ran as it is written, and what compiling makes of it "
                "is not seen."
            )
        return (*remarks, *self._looking.unseen)

    def _of(self, kind: Kind) -> tuple[Finding, ...]:
        if kind not in self.only:
            raise AttributeError(
                f"{kind} were not looked for: only is {list(self.only)}; add {kind!r} to it, or leave only out"
            )
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def _look(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run an operation and look at it; operations of the look itself are not looked at."""
        if getattr(_busy, "looking", False):
            return func(*args, **kwargs)
        _busy.looking = True
        try:
            self._looking.before(func, args)
        finally:
            _busy.looking = False
        result = func(*args, **kwargs)
        _busy.looking = True
        try:
            self._looking.after(func, args, kwargs, result, inspect.currentframe())
        finally:
            _busy.looking = False
        return result
