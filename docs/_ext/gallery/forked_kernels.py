"""Kernels that start at once: a server imports what every example imports, and each kernel is forked from it.

It is the kernel of ipykernel all the same, in a process of its own, and Jupyter talks to it as to any other; only how the
process comes about differs. The server has imported PyTorch and computed nothing, because a process forked from one that
has computed can hang.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import socketserver
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from select import select
from typing import Any, ClassVar
from uuid import uuid4

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

IMPORTED = (
    *("numpy", "torch", "jaxtyping", "ipykernel.kernelapp", "ipykernel.debugger", "IPython.core.pylabtools"),
    *("matplotlib.pyplot", "matplotlib.backends.backend_agg", "PIL.Image"),
)
"""Not matplotlib_inline, which looks for its kernel when it is imported."""


class Server:
    """The process that kernels are forked from, as the one that has started it sees it; until it stops, all kernels are."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        address = ForkedKernels.address = str(Path(self._folder.name) / "server")
        with socket.socket(socket.AF_UNIX) as listening:  # before the server is ready, so that nobody has to try again
            listening.bind(address)
            listening.listen()
            command = [sys.executable, __file__, str(listening.fileno())]
            # A thread that waits for others leaves its core to the other kernels: a third less time of processors.
            env = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
            self._process = subprocess.Popen(command, pass_fds=[listening.fileno()], start_new_session=True, env=env)  # noqa: S603
        self._factory = KernelProvisionerFactory.instance()
        self._usual = self._factory.default_provisioner_name
        self._factory.default_provisioner_name = (
            "forked"  # the name of the entry point in ../forked_kernels-1.dist-info
        )

    def stop(self) -> None:
        self._factory.default_provisioner_name = self._usual
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()


class ForkedKernels(LocalProvisioner):
    """Lets the server fork where its base class would start an interpreter."""

    address: ClassVar[str]
    """Of the server."""

    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        # Over sockets of the file system, because of TCP's ports two managers may choose the same.
        self.parent.transport, self.parent.ip = "ipc", f"{self.address}-{uuid4()}"
        return await super().pre_launch(**options)

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict[str, Any]:
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.cwd = str(options.get("cwd") or Path.cwd())
        self.process = _Process(self.address, arguments, self.cwd, options["env"])
        self.pid = self.pgid = self.process.pid  # it leads a group
        return self.connection_info

    async def shutdown_requested(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002  the base class has it
        """End at once, without tidying up: a cell that took too long no longer says where it was."""
        await self.kill(restart)
        await self.wait()

    async def wait(self) -> int | None:
        """Wait for the end, which comes at once; the base class looks ten times a second."""
        while await self.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return await super().wait()


class _Process:
    """As much of `subprocess.Popen` as a provisioner uses, for a process that is no child of this one.

    It has ended when its end of the connection is closed.
    """

    stdin = stdout = stderr = None

    def __init__(self, address: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address)
        order = {"arguments": arguments, "folder": folder, "environment": environment}
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        if not (answer := self._connection.recv(64)):
            raise RuntimeError("the process that kernels are forked from has ended; its error stands above")
        self.pid = int(answer)

    def poll(self) -> int | None:
        ended, _, _ = select([self._connection], [], [], 0)  # nothing but its end can come
        return 0 if ended else None

    def wait(self) -> int:
        self._connection.close()  # only asked for after `poll` has seen the end
        return 0

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class _Kernel(socketserver.StreamRequestHandler):
    """Becomes a kernel, in a process of its own."""

    def handle(self) -> None:
        import numpy as np
        from ipykernel.kernelapp import IPKernelApp

        order = json.loads(self.rfile.readline())
        os.setsid()
        self.wfile.write(b"%d" % os.getpid())
        os.environ.clear()
        os.environ.update(order["environment"], JPY_PARENT_PID=str(os.getppid()))
        os.chdir(order["folder"])
        np.random.seed()  # noqa: NPY002  or all kernels would draw the same; Python sees to its own, PyTorch always begins at one
        sys.argv = [str(find_spec("ipykernel_launcher").origin), *order["arguments"]]
        IPKernelApp.launch_instance()


class _Forking(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    max_children = sys.maxsize

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(listening.getsockname(), _Kernel, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.started_by = os.getppid()

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self.started_by:  # and was killed, or it would have stopped this process
            raise SystemExit


def _serve(listening: socket.socket) -> None:
    # ipykernel and Matplotlib look at these when they are imported.
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    os.environ.setdefault(
        "PYDEVD_DISABLE_FILE_VALIDATION", "1"
    )  # or the debugger warns that it cannot stop in frozen modules
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    del sys.path[0]  # the folder of this file
    for module in [*IMPORTED, *(f"tensorref.{concept}" for concept in import_module("tensorref").CONCEPTS)]:
        import_module(module)
    sys.modules["PIL.Image"].preinit()  # imports what the first figure would
    _Forking(listening).serve_forever()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
