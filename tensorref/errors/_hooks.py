"""Explanations where errors appear: a note on an error that passes, and hooks for those that nobody catches."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import nullcontext, suppress
from types import TracebackType
from typing import Any

from tensorref._arguments import as_flag
from tensorref._explanation import aligned
from tensorref.errors import _explanation
from tensorref.errors._catalogue import SITE
from tensorref.errors._explanation import Explanation

__all__ = ["explaining", "install", "load_ipython_extension", "uninstall", "unload_ipython_extension"]

_MOST_LINES = 12
_MOST_OPERANDS = 5
_MOST_LETTERS = 160  # of a line of a note


def explaining(*, exact: bool = False) -> Explaining:
    """Add to every error that leaves a block or a function a note that explains it.

    >>> import torch
    >>> from tensorref import errors
    >>> try:
    ...     with errors.explaining():
    ...         x, w = torch.zeros(3, 4), torch.zeros(5, 4)
    ...         x @ w
    ... except RuntimeError as error:
    ...     print(error.__notes__[0].splitlines()[1])
      x  Tensor  (3, 4)  float32  cpu

    Tracebacks show notes below the error, in scripts, threads, pytest and notebooks. The error itself passes as it is.

    Parameters
    ----------
    exact
        Whether to look at each call of PyTorch too, which tells the operands that have no name, such as what a function
        returned. It makes each call a little slower.

    Returns
    -------
    :
        A context manager, and a decorator of functions, coroutines and generators.

    Raises
    ------
    TypeError
        If `exact` is neither True nor False, or is True for a coroutine or a generator, which stop and go on.
    ModuleNotFoundError
        If `exact` is True and PyTorch is not installed.

    See Also
    --------
    install : the same for all errors that nobody catches.
    """
    return Explaining(exact=as_flag(exact, "exact"))


class Explaining:  # numpydoc ignore=PR01
    """What `explaining` returns: a context manager for one block after another, and a decorator.

    >>> from tensorref import errors
    >>> @errors.explaining()
    ... def mean(rows):
    ...     return sum(rows) / len(rows)
    >>> mean([1, 2, 3])
    2.0
    """

    __module__ = "tensorref.errors"

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact
        self._mode: Any = _seeing() if exact else nullcontext()

    def __enter__(self) -> None:
        self._mode.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mode.__exit__(kind, error, trace)
        if error is not None:
            _annotate(error)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of the same kind whose errors are explained."""
        kinds = {
            inspect.iscoroutinefunction: _coroutine,
            inspect.isgeneratorfunction: _generator,
            inspect.isasyncgenfunction: _async_generator,
        }
        wrapper = next((wrapper for is_kind, wrapper in kinds.items() if is_kind(function)), _function)
        if self._exact and wrapper is not _function:
            raise TypeError(
                "exact is True, which holds for a thread while a function runs, and this function stops and goes on; write "
                "`with explaining(exact=True):` in it, around what never waits"
            )
        return functools.wraps(function)(wrapper(functools.partial(Explaining, exact=self._exact), function))


def _function(explained: Callable[[], Explaining], function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with explained():
            return function(*args, **kwargs)

    return run


def _coroutine(explained: Callable[[], Explaining], function: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        with explained():
            return await function(*args, **kwargs)

    return run


def _generator(explained: Callable[[], Explaining], function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with explained():
            return (yield from function(*args, **kwargs))

    return run


def _async_generator(explained: Callable[[], Explaining], function: Callable[..., Any]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with explained():
            inner = function(*args, **kwargs)
            step, sent = inner.asend, None
            try:
                while True:
                    try:
                        value = await step(sent)
                    except StopAsyncIteration:
                        return
                    try:
                        step, sent = inner.asend, (yield value)
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:  # noqa: BLE001  it is for the generator to say what becomes of it
                        step, sent = inner.athrow, thrown
            finally:
                await inner.aclose()

    return run


def _seeing() -> Any:
    """Return a mode of PyTorch that notes what is told of the operands of a call that fails."""
    from tensorref._libraries import needed

    with needed("tensorref.errors.explaining(exact=True)", "torch"):
        from torch.overrides import TorchFunctionMode

    from tensorref.errors._frames import apart, told_of_tensors

    class Seeing(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            try:
                return func(*args, **(kwargs or {}))
            except Exception:
                # The error keeps this frame, where `tensorref.errors._source.steps` finds what was seen.
                seen = apart(lambda: told_of_tensors([args, kwargs or {}])) or []  # noqa: F841  # pyright: ignore[reportUnusedVariable]
                raise

    return Seeing()


def _annotate(error: BaseException) -> None:
    """Add the note to an error, once; whatever goes wrong, the error stays as it is."""
    with suppress(Exception):  # an explanation is never worth an error
        if issubclass(type(error), Exception) and _NOTED not in _notes(error):
            explanation = _explanation.of_error(error)
            if explanation is not None:
                BaseException.add_note(error, _note(explanation))


_NOTED = f"\nMore: {SITE}"


def _notes(error: BaseException) -> str:
    found = inspect.getattr_static(error, "__notes__", None)
    return "\n".join(text for text in found if type(text) is str) if type(found) is list else ""


def _note(explanation: Explanation) -> str:
    """Return what is known in at most twelve lines, of which the last has the address of the page."""
    rows = [operand.row()[:-1] for operand in explanation.operands[:_MOST_OPERANDS]]
    lines = [
        f"tensorref: {explanation.id}" + (f", in {explanation.code}" if explanation.code else ""),
        *("  " + "  ".join(row).rstrip() for row in aligned(rows)),
        *explanation.remarks[:2],
        *(f"Cause: {cause}" for cause in explanation.causes[:1]),
        *(f"Mend: {mend.words}" for mend in explanation.mends[:1]),
    ]
    short = [line if len(line) <= _MOST_LETTERS else f"{line[: _MOST_LETTERS - 1]}…" for line in lines]
    return "\n".join(
        [*(" ".join(line.splitlines()) for line in short[: _MOST_LINES - 1]), f"More: {explanation.address}"]
    )


class _Hook:
    """A hook that adds the note to an error, and then does what was done before it."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.previous: Callable[..., Any] = module.excepthook
        self.active = True

    def __call__(self, *args: Any) -> None:
        if self.active:
            error = args[0].exc_value if self.module is threading else args[1]
            if error is not None:
                _annotate(error)
        self.previous(*args)


_installed: list[_Hook] = []


def install() -> None:
    """Explain every error that nobody catches, in the main thread and in others.

    >>> from tensorref import errors
    >>> errors.install()
    >>> errors.uninstall()

    What showed such errors before still does, with a note on each that is known. A second call does nothing.

    See Also
    --------
    explaining : the same for one block or one function.
    sys.excepthook : what is called for an error of the main thread.
    threading.excepthook : what is called for one of another thread.
    """
    if _installed:
        return
    modules: tuple[Any, ...] = (sys, threading)
    for module in modules:
        hook = _Hook(module)
        module.excepthook = hook
        _installed.append(hook)


def uninstall() -> None:
    """Take back what `install` did.

    >>> from tensorref import errors
    >>> errors.uninstall()

    Where another hook was put on top, that one stays, and ours does nothing any more.
    """
    for hook in _installed:
        hook.active = False
        if hook.module.excepthook is hook:
            hook.module.excepthook = hook.previous
    _installed.clear()


def load_ipython_extension(shell: Any) -> None:  # numpydoc ignore=PR01
    """Show under the traceback of each cell what is known of its error: what ``%load_ext tensorref`` calls."""
    shell.events.register("post_run_cell", _show)


def unload_ipython_extension(shell: Any) -> None:  # numpydoc ignore=PR01
    """Take back what ``%load_ext tensorref`` did."""
    shell.events.unregister("post_run_cell", _show)


def _show(result: Any) -> None:
    """Show the explanation of the error of a cell, with its picture where pictures are shown."""
    with suppress(Exception):  # an explanation is never worth an error
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        shell: Any = get_ipython()
        explanation = _explanation.of_error(result.error_in_exec)
        if explanation is not None:
            forms, _ = shell.display_formatter.format(explanation)
            show: Any = display
            show({**forms, "text/plain": str(explanation)}, raw=True)
