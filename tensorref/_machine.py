"""What a result belongs to: the processor, the accelerator, the memory, and the versions of what ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch


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


def accelerator(device: torch.device) -> tuple[str | None, int | None]:
    """Return the name of an accelerator, and the bytes of its memory where PyTorch tells; None for the CPU."""
    if device.type == "cpu":
        return None, None
    module: Any = getattr(torch, device.type, None)
    name = getattr(module, "get_device_name", None)
    properties = getattr(module, "get_device_properties", None)
    if device.type == "mps":
        return torch.backends.mps.get_name(), torch.mps.recommended_max_memory()
    return (
        name(device) if name else device.type,
        getattr(properties(device), "total_memory", None) if properties else None,
    )


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
