"""Kernels that are forked: their outputs are those of stock kernels, each is a process of its own, and none is left."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from pathlib import Path

import gallery
import nbformat
import pytest
from jupyter_cache.executors.utils import single_nb_execution
from jupyter_client.provisioning import KernelProvisionerFactory

ROOT = Path(__file__).resolve().parents[2]

if not gallery.CAN_FORK:
    pytest.skip("no process can be forked here", allow_module_level=True)
from gallery import forked_kernels  # noqa: E402

CELLS = {
    "streams": "import sys\n\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again', end='')",
    "from outside Python": "import os\n\nos.system('echo shell') and None",
    "warning": "import warnings\n\nwarnings.warn('careful')\nwarnings.warn('old', DeprecationWarning)",
    "last expression": "import torch\n\ntorch.ones(2, 3)",
    "rich display": "from IPython.display import HTML, display\n\ndisplay(HTML('<b>bold</b>'))\nHTML('<i>last</i>')",
    "figure": "import matplotlib.pyplot as plt\n\nplt.plot([1, 3, 2])\nplt.title('A figure');",
    "two figures": "plt.figure()\nplt.plot([1])\nplt.figure()\nplt.plot([2])\nplt.show()\nprint('after')",
    "magic": "%precision 3\n1 / 3",
    "seeded": "torch.manual_seed(0)\nprint(torch.randn(3))",
    "not seeded": "print(torch.initial_seed())",
    "place": "print(os.getcwd())\nprint(__name__, sys.argv[0].rpartition('/')[2], get_ipython().__class__)",
    "path": "print(sys.path)",
    # But for the process that kernels are started by, and what the debugger notes for itself when it is imported.
    "environment": "print({name: value for name, value in os.environ.items() if name[:4] not in ('JPY_', 'PYDE')})",
    "asks": "try:\n    input('a number')\nexcept Exception as error:\n    print(type(error), error)",
    "thread pool": "print((torch.ones(300, 300) @ torch.ones(300, 300)).sum(), torch.get_num_threads())",
    "process pool": "from concurrent.futures import ProcessPoolExecutor\n\n"
    "with ProcessPoolExecutor(1) as pool:\n    print(pool.submit(abs, -1).result())",
    "run": "sys.path.insert(0, 'EXTENSIONS')\nfrom provenance import record\n\nrecord.show(globals())",
}
ERROR = {
    "before": "def half(x):\n    return x / 0",
    "error": "print('so far')\nhalf(1)",
    "never": "print('never reached')",
}
TIMEOUT = {"before": "print('before')", "sleep": "import time\n\nprint('asleep', flush=True)\ntime.sleep(60)"}


@pytest.fixture(scope="module")
def server():
    server = forked_kernels.Server()
    yield server
    server.stop()


@contextmanager
def stock():
    """Let kernels be stock ones while a server runs."""
    factory = KernelProvisionerFactory.instance()
    forked, factory.default_provisioner_name = factory.default_provisioner_name, "local-provisioner"
    yield
    factory.default_provisioner_name = forked


def run(cells, folder, timeout=60):
    sources = [cell.replace("EXTENSIONS", str(ROOT / "docs" / "_ext")) for cell in cells.values()]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return single_nb_execution(notebook, cwd=str(folder), timeout=timeout, allow_errors=False)


def shown(result):
    """Return what each cell shows, without numbers of processes."""
    cells = []
    for cell in result.nb.cells:
        outputs = []
        for output in cell.outputs:  # what is written in one go can arrive in pieces
            if outputs and outputs[-1].get("name", "") == output.get("name"):
                outputs[-1]["text"] += output["text"]
            else:
                outputs.append(dict(output))
        cells.append((cell.execution_count, re.sub(r"ipykernel_\d+", "ipykernel", str(outputs))))
    return cells


@pytest.mark.full
@pytest.mark.usefixtures("server")
def test_outputs_are_those_of_a_stock_kernel(tmp_path):
    with stock():
        usual = run(CELLS, tmp_path)
    own = run(CELLS, tmp_path)
    assert usual.err is own.err is None
    for name, one, other in zip(CELLS, shown(own), shown(usual), strict=True):
        assert one == other, name
    text = str(shown(own))
    for part in ("careful", "old", "image/png", "bold", "shell", "tensor([[1., 1., 1.]", "StdinNotImplementedError"):
        assert part in text


@pytest.mark.usefixtures("server")
def test_an_error_is_that_of_a_stock_kernel(tmp_path):
    with stock():
        usual = run(ERROR, tmp_path)
    own = run(ERROR, tmp_path)
    assert shown(own) == shown(usual)
    assert type(own.err) is type(usual.err)
    assert str(own.err) == str(usual.err)
    (_, before), (_, error), (count, never) = shown(own)
    assert (before, count, never) == ("[]", None, "[]")
    assert "so far" in error
    assert "ZeroDivisionError" in error


@pytest.mark.full
@pytest.mark.usefixtures("server")
def test_a_cell_that_takes_too_long_is_stopped_as_in_a_stock_kernel(tmp_path):
    with stock():
        usual = run(TIMEOUT, tmp_path, timeout=2)
    start = time.monotonic()
    own = run(TIMEOUT, tmp_path, timeout=2)
    assert time.monotonic() - start < 30
    assert type(own.err).__name__ == type(usual.err).__name__ == "CellTimeoutError"
    # Where it was, a kernel that ends at once does not say.
    *before, (_, said) = shown(usual)
    assert shown(own)[:-1] == before
    assert "asleep" in said
    assert "asleep" in shown(own)[-1][1]


@pytest.mark.usefixtures("server")
def test_each_notebook_has_a_process_of_its_own_which_ends_with_it(tmp_path):
    cells = {
        "first": "import os\nimport sys\nimport numpy as np\n\nprint(os.getpid())",
        "names": "print('kept' in globals(), hasattr(np, 'kept'))\nkept = np.kept = 1",
        "random": "print(np.random.rand())",
    }
    first, second = (shown(run(cells, tmp_path)) for _ in range(2))
    for each in (first, second):
        assert "False False" in each[1][1]
        number = int(re.search(r"\d+", each[0][1].split("text")[1])[0])
        for _ in range(100):
            if not Path(f"/proc/{number}").exists():
                break
            time.sleep(0.1)
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    assert first[0] != second[0]
    assert first[2] != second[2]  # draws that nobody seeded


@pytest.fixture
def another_server(monkeypatch):
    """Return one that takes the place of the one that the other tests share, and gives it back."""
    monkeypatch.setattr(forked_kernels.ForkedKernels, "address", "", raising=False)
    with stock():
        server = forked_kernels.Server()
        yield server
        server.stop()


@pytest.mark.full
def test_a_server_that_has_ended_is_named(another_server, tmp_path):
    another_server._process.kill()  # noqa: SLF001  as nothing should
    another_server._process.wait()  # noqa: SLF001
    with pytest.raises(
        (RuntimeError, ConnectionError), match=r"process that kernels are forked from has ended|refused"
    ):
        run({"one": "1"}, tmp_path)


@pytest.mark.full
def test_kernels_are_forked_until_the_server_stops(another_server):
    factory = KernelProvisionerFactory.instance()
    assert factory.default_provisioner_name == "forked"
    another_server.stop()
    assert factory.default_provisioner_name == "local-provisioner"
