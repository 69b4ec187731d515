"""The note on an error, the hooks, and the extension of IPython: they add, and take nothing away."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import traceback

import numpy as np
import pytest
import torch

import tensorref
from tensorref import errors
from tensorref.errors import _explanation, _frames, _hooks


def multiplied():
    x, w = torch.zeros(3, 4), torch.zeros(5, 6)
    return x @ w


NOTE = """\
tensorref: mat1-mat2-shapes, in x @ w
  x  Tensor  (3, 4)  float32  cpu
  w  Tensor  (5, 6)  float32  cpu
These operands lead to exactly these words.
"""
ADDRESS = "https://tensorref.readthedocs.io/en/latest/errors/shape.html#mat1-mat2-shapes"


def notes(function, *args):
    """Return the error of a function and its notes."""
    with pytest.raises(Exception) as raised:
        function(*args)
    return raised.value, getattr(raised.value, "__notes__", [])


@errors.explaining()
def decorated(factor):
    """Multiply."""
    return factor * multiplied()


def in_a_block():
    with errors.explaining():
        multiplied()


@pytest.mark.parametrize("function", [in_a_block, lambda: decorated(2)])
def test_a_note_is_added(function):
    error, (note,) = notes(function)
    assert (type(error), str(error)) == (RuntimeError, "mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)")
    assert note.startswith(NOTE)
    assert len(note.splitlines()) <= 12
    assert note.endswith(f"\nMore: {ADDRESS}")
    assert note in "".join(traceback.format_exception(error))


def test_a_note_is_added_once():
    def program():
        with errors.explaining(), errors.explaining():
            decorated(1)

    assert len(notes(program)[1]) == 1


def test_a_note_of_many_operands_has_at_most_twelve_lines():
    def program():
        parts = [torch.zeros(2, size) for size in range(2, 20)]
        with errors.explaining():
            torch.stack(parts)

    (note,) = notes(program)[1]
    assert len(note.splitlines()) <= 12
    assert max(map(len, note.splitlines())) <= 160


def test_what_is_not_known_gets_no_note():
    def program():
        with errors.explaining():
            raise ValueError("no")

    assert notes(program)[1] == []


def test_other_notes_stay():
    def program():
        with errors.explaining():
            try:
                multiplied()
            except RuntimeError as error:
                error.add_note("in step 7")
                raise

    first, second = notes(program)[1]
    assert first == "in step 7"
    assert second.startswith("tensorref: ")


def test_nothing_is_swallowed_and_nothing_replaced():
    for error in (KeyboardInterrupt(), SystemExit(3), GeneratorExit(), StopIteration(1)):
        with pytest.raises(type(error)) as raised, errors.explaining():
            raise error
        assert raised.value is error
        assert not hasattr(error, "__notes__")


class ClosedError(RuntimeError):
    """What takes no note, and answers nothing."""

    __slots__ = ()

    def add_note(self, _note):
        raise AssertionError

    def __setattr__(self, name, value):
        raise AssertionError

    def __getattribute__(self, name):
        raise AssertionError

    @property
    def __notes__(self):
        raise AssertionError


def test_an_error_that_takes_no_note_passes():
    error = ClosedError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)")
    try:
        with errors.explaining():
            raise error
    except RuntimeError as passed:
        assert passed is error  # noqa: PT017


def test_a_fault_of_ours_replaces_nothing(monkeypatch):
    def fault(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(_explanation, "of_error", fault)
    error, found = notes(in_a_block)
    assert type(error) is RuntimeError
    assert found == []


def test_what_a_decorated_function_is_stays():
    assert decorated.__name__ == "decorated"
    assert decorated.__doc__ == "Multiply."
    assert errors.explaining()(lambda: 3)() == 3


def test_a_coroutine():
    @errors.explaining()
    async def program(fails):
        await asyncio.sleep(0)
        return multiplied() if fails else 3

    assert asyncio.iscoroutinefunction(program)
    assert asyncio.run(program(fails=False)) == 3
    assert len(notes(lambda: asyncio.run(program(fails=True)))[1]) == 1


def test_a_generator():
    @errors.explaining()
    def program():
        got = yield 1
        try:
            yield got
        except KeyError:
            yield "caught"
        multiplied()

    running = program()
    assert [next(running), running.send(2), running.throw(KeyError)] == [1, 2, "caught"]
    assert len(notes(next, running)[1]) == 1


def test_a_generator_of_a_coroutine():
    closed = []

    @errors.explaining()
    async def program():
        try:
            got = yield 1
            try:
                yield got
            except KeyError:
                yield "caught"
            multiplied()
        finally:
            closed.append(True)

    async def run():
        running = program()
        got = [await anext(running), await running.asend(2), await running.athrow(KeyError)]
        try:
            await anext(running)
        except RuntimeError as error:
            return [*got, error.__notes__]
        return None

    async def stop():
        running = program()
        await anext(running)
        await running.aclose()

    *got, (note,) = asyncio.run(run())
    assert got == [1, 2, "caught"]
    assert note.startswith(NOTE)
    asyncio.run(stop())
    assert closed == [True, True]


@pytest.mark.parametrize("kind", ["async def f(): pass", "def f(): yield", "async def f(): yield"])
def test_exact_takes_no_function_that_stops_and_goes_on(kind):
    names = {}
    exec(kind, names)  # noqa: S102
    with pytest.raises(TypeError) as raised:
        errors.explaining(exact=True)(names["f"])
    assert str(raised.value) == (
        "exact is True, which holds for a thread while a function runs, and this function stops and goes on; write "
        "`with explaining(exact=True):` in it, around what never waits"
    )


def double(x):
    return 2 * x


def test_exact_tells_what_has_no_name():
    x, w = torch.zeros(3, 4), torch.zeros(5, 6)

    def program(*, exact):
        with errors.explaining(exact=exact):
            double(x) @ w

    assert "double(x) is not known: it would have to be called again." in notes(lambda: program(exact=False))[1][0]
    (note,) = notes(lambda: program(exact=True))[1]
    assert note.splitlines()[1:4] == [
        "  double(x)  Tensor  (3, 4)  float32  cpu",
        "  w          Tensor  (5, 6)  float32  cpu",
        "These operands lead to exactly these words.",
    ]


def test_exact_leaves_no_mode_behind():
    before = torch.overrides.TorchFunctionMode
    with contextlib.suppress(RuntimeError), errors.explaining(exact=True):
        multiplied()
    seen = []

    class Mode(before):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    with Mode(), errors.explaining(exact=True):
        torch.zeros(3).sum()
    assert len(seen) == 2


def test_exact_of_an_error_that_was_caught_is_not_taken_for_another():
    x, w = torch.zeros(3, 4), torch.zeros(5, 6)

    def program():
        with errors.explaining(exact=True):
            with contextlib.suppress(RuntimeError):
                double(torch.zeros(7, 8)) @ w
            np.ones(3) + np.ones(4)

    assert "7, 8" not in notes(program)[1][0]
    assert x.shape == (3, 4)


@pytest.fixture
def hooks():
    before = sys.excepthook, threading.excepthook
    yield before
    errors.uninstall()
    sys.excepthook, threading.excepthook = before


def test_hooks_are_chained_installed_once_and_taken_back(hooks, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    monkeypatch.setattr(threading, "excepthook", seen.append)
    before = sys.excepthook, threading.excepthook
    errors.install()
    ours = sys.excepthook, threading.excepthook
    errors.install()
    assert (sys.excepthook, threading.excepthook) == ours != before
    error = notes(multiplied)[0]
    sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=multiplied)
    thread.start()
    thread.join()
    assert seen[0] == (type(error), error, error.__traceback__)
    assert error.__notes__[0].startswith(NOTE)
    assert seen[1].exc_value.__notes__[0].startswith(NOTE)
    assert seen[1].thread is thread
    errors.uninstall()
    errors.uninstall()
    assert (sys.excepthook, threading.excepthook) == before
    assert hooks != before


@pytest.mark.usefixtures("hooks")
def test_a_hook_on_top_of_ours_stays(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    errors.install()
    ours = sys.excepthook

    def other(*args):
        ours(*args)

    sys.excepthook = other
    errors.uninstall()
    assert sys.excepthook is other
    error = notes(multiplied)[0]
    sys.excepthook(type(error), error, error.__traceback__)
    assert not hasattr(error, "__notes__")


@pytest.mark.usefixtures("hooks")
def test_a_hook_takes_what_is_no_error(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    errors.install()
    sys.excepthook(None, None, None)
    assert seen == [(None, None, None)]


SCRIPT = """
import concurrent.futures, multiprocessing, sys, threading
import numpy as np
import tensorref.errors
from tensorref import errors

@errors.explaining()
def work(rows):
    return np.ones((2, rows)) + weight

weight = np.ones(3)

if __name__ == "__main__":
    assert sys.excepthook is sys.__excepthook__
    errors.install()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        error = pool.submit(work, 4).exception()
    print(*error.__notes__)
    thread = threading.Thread(target=lambda: np.ones(2) + weight)
    thread.start()
    thread.join()
    x = np.ones((2, 4))
    x + weight
"""


def test_in_a_script_a_thread_and_a_process_pool(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    run = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    address = "More: https://tensorref.readthedocs.io/en/latest/errors/"
    assert run.returncode == 1
    assert (
        "  np.ones((2, rows))  ndarray  (2, 4)  float64  cpu\n  weight              ndarray    (3,)  float64  cpu"
        in run.stdout
    )
    assert run.stdout.count(address) == 1
    assert run.stderr.count(address) == 2
    assert "  x       ndarray  (2, 4)  float64  cpu\n  weight  ndarray    (3,)  float64  cpu" in run.stderr
    assert "These operands lead to exactly these words." in run.stderr
    assert run.stderr.splitlines()[-1].startswith(address)


def test_nothing_is_installed_on_import():
    program = (
        "import sys, threading; before = sys.excepthook, threading.excepthook, sys.gettrace(), sys.getprofile();"
        "import tensorref.errors; after = sys.excepthook, threading.excepthook, sys.gettrace(), sys.getprofile();"
        "print(before == after, sorted({'numpy', 'torch', 'IPython'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "True []\n"


@pytest.fixture
def shell():
    """Return a shell that has shown nothing, and what it shows."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)

    def run(cell):
        with capture_output() as shown:
            shell.run_cell(cell)
        return shown

    yield run
    with contextlib.suppress(ValueError):
        tensorref.unload_ipython_extension(shell)
    InteractiveShell.clear_instance()


def test_the_extension_shows_the_explanation_under_the_traceback(shell):
    shell("import torch; x, w = torch.zeros(3, 4), torch.zeros(5, 6)")
    assert shell("x @ w").outputs == []
    shell("%load_ext tensorref")
    shell("%load_ext tensorref")
    shown = shell("x @ w")
    assert "mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)" in shown.stdout
    (output,) = shown.outputs
    assert "<svg" in output.data["text/html"]
    assert "x @ w, line 1 of" in output.data["text/plain"]
    assert shell("1 + 1").stderr == ""
    assert shell("raise ValueError('no')").outputs == []
    shell("%unload_ext tensorref")
    assert shell("x @ w").outputs == []


def test_the_last_error_of_a_cell_is_explained(shell):
    shell("import torch; from tensorref import errors; x, w = torch.zeros(3, 4), torch.zeros(5, 6)")
    shell("x @ w")
    assert shell("print(errors.explain().operands[1].name)").stdout == "w\n"


def test_a_fault_of_ours_is_not_shown(shell, monkeypatch):
    shell("%load_ext tensorref")
    monkeypatch.setattr(_frames, "links", None)
    shown = shell("[1][1]")
    assert "list index out of range" in shown.stdout
    assert "links" not in shown.stdout + shown.stderr
    assert shown.outputs == []
    assert _hooks._installed == []  # noqa: SLF001
