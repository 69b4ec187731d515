"""What a result was measured on: the parts of the machine, the versions of what ran, and the most that it can do."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tensorref import devices
from tensorref._arguments import as_device, as_int, as_torch_dtype
from tensorref.benchmark._matrices import Dtype, normal, precision_kept, product
from tensorref.benchmark._timing import as_seconds, measure
from tensorref.benchmark._work import Ceiling


def processor() -> str:
    """Return the model of the CPU, as its maker calls it where the system says so."""
    try:
        if found := re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE):
            return found[1]
    except OSError:
        pass
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    return platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def memory() -> int | None:
    """Return the bytes of memory, or None where the system has no such call."""
    sysconf = getattr(os, "sysconf", None)
    return sysconf("SC_PAGE_SIZE") * sysconf("SC_PHYS_PAGES") if sysconf else None


def accelerator(device: torch.device) -> tuple[str | None, int | None]:  # numpydoc ignore=PR01
    """Return the name of an accelerator, and the bytes of its memory where PyTorch tells; None for the CPU."""
    if device.type == "cpu":
        return None, None
    if device.type == "mps":
        return torch.backends.mps.get_name(), torch.mps.recommended_max_memory()
    module: Any = getattr(torch, device.type, None)
    properties = getattr(module, "get_device_properties", str)(device)
    return getattr(module, "get_device_name", str)(device), getattr(properties, "total_memory", None)


def versions() -> dict[str, str]:
    """Return the versions of Python, the libraries and what they multiply matrices with."""
    found = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "tensorref": version("tensorref"),
        "numpy": np.__version__,
        "torch": torch.__version__,
    }
    built: Any = np.show_config(mode="dicts")
    blas = built["Build Dependencies"]["blas"]
    found["numpy blas"] = f"{blas.get('name')} {blas.get('version', '')}".strip()
    if info := re.search(r"BLAS_INFO=(\w+)", torch.__config__.show()):
        found["torch blas"] = info[1]
    found["torch cpu capability"] = torch.backends.cpu.get_cpu_capability()
    for name in ("cuda", "hip", "xpu"):
        if runtime := getattr(torch.version, name, None):
            found[name] = str(runtime)
    return found


@dataclass(frozen=True)
class Machine:
    """What a result was measured on.

    >>> from tensorref import benchmark
    >>> print(benchmark.Machine("AMD EPYC", cores=2, threads=2, memory=25 * 2**30, accelerator=None))
    AMD EPYC, 2 cores, 2 threads, 25 GiB; no accelerator
    """

    cpu: str
    """The model, as its maker calls it where the system says so."""
    cores: int
    """How many the process may use."""
    threads: int
    """How many compute in PyTorch."""
    memory: int | None
    """Bytes, where the system says so."""
    accelerator: str | None
    """Its name, or None where none took part."""
    accelerator_memory: int | None = None
    """Bytes, where PyTorch says so."""

    def __str__(self) -> str:
        memory, of_accelerator = (
            f", {amount / 2**30:.0f} GiB" if amount else "" for amount in (self.memory, self.accelerator_memory)
        )
        return (
            f"{self.cpu}, {self.cores} cores, {self.threads} threads{memory}; "
            f"{self.accelerator or 'no accelerator'}{of_accelerator}"
        )


def this_machine(place: torch.device) -> Machine:  # numpydoc ignore=PR01
    """Describe the machine of this process, with an accelerator that takes part."""
    return Machine(processor(), cores(), torch.get_num_threads(), memory(), *accelerator(place))


def ceiling(
    dtype: Dtype = torch.float32,
    device: torch.device | str | None = None,
    *,
    seconds: float = 0.2,
    largest: int = 8192,
    copy_bytes: int = 2**28,
) -> Ceiling:
    """Measure the most that a device does in a second: in arithmetic, with matrix products, and in memory, with a copy.

    >>> import torch
    >>> from tensorref import benchmark
    >>> machine = benchmark.ceiling(torch.float32, "cpu", seconds=0.01, largest=64, copy_bytes=2**16)
    >>> machine.device, machine.dtype, machine.ridge == machine.flops_per_second / machine.bytes_per_second
    ('cpu', 'float32', True)

    Parameters
    ----------
    dtype
        A floating-point dtype, or ``"tf32"``: float32 in memory, with 10 bits of mantissa in the multiplication, which
        NVIDIA GPUs have since 2020.
    device
        By default `tensorref.devices.best`.
    seconds
        For every product and for the copy, as in `measure`.
    largest
        The largest matrix has this many rows and columns.
    copy_bytes
        How much is copied; it has to be more than the caches hold.

    Returns
    -------
    :
        The fastest run counts, as in `STREAM <https://www.cs.virginia.edu/stream/ref.html>`__: a ceiling is what is
        possible, and what disturbs a run can only slow it down. It is what this build of PyTorch reaches, less than
        what the maker of the hardware writes.

    Raises
    ------
    ValueError
        If `device` is not available here, or `largest` or `copy_bytes` is less than 1.
    TypeError
        If `dtype` is not a floating-point dtype.

    Notes
    -----
    Matrices have 256 rows and columns, then twice as many, up to `largest` or until a product takes 50 ms; from there on
    a larger one is hardly faster, and some dtypes have no fast kernel on a CPU. They are filled with normal values:
    multiplying zeros takes a GPU less power, and so less time.
    """
    is_tf32 = isinstance(dtype, str) and dtype == "tf32"
    wanted = torch.float32 if is_tf32 else as_torch_dtype(dtype)
    if not wanted.is_floating_point:
        raise TypeError(f"dtype is {dtype}; give a floating-point dtype, such as torch.float32, or 'tf32'")
    largest, copy_bytes = as_int(largest, "largest", "a size is"), as_int(copy_bytes, "copy_bytes", "a size is")
    for name, value in (("largest", largest), ("copy_bytes", copy_bytes)):
        if value < 1:
            raise ValueError(f"{name} is {value}; there has to be something to measure: write 1 or more")
    place = devices.best() if device is None else as_device(device)
    seconds = as_seconds(seconds, "seconds")
    peak = 0.0
    for n in [min(256, largest), *(2**power for power in range(9, largest.bit_length()))]:
        a, b = (normal(n, place, seed).to(wanted) for seed in (0, 1))
        with precision_kept():
            multiply = product(a, b, "tf32" if is_tf32 else "ieee")
            fastest = measure(multiply, seconds=seconds, device=place).fastest
        peak = max(peak, 2 * n**3 / fastest)
        if fastest > 0.05:  # noqa: PLR2004  see Notes
            break
    source = torch.ones(copy_bytes, dtype=torch.uint8, device=place)
    copy = measure(torch.empty_like(source).copy_, source, seconds=seconds)
    return Ceiling(
        str(place), "tf32" if is_tf32 else str(wanted).removeprefix("torch."), peak, 2 * copy_bytes / copy.fastest
    )
