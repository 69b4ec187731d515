"""Matrices to be multiplied, and their products in a set precision."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

Dtype: TypeAlias = torch.dtype | Literal["tf32"]
"""TF32 is not a dtype of a tensor: it is what the multiplication of float32 rounds to."""

_AMPERE = (8, 0)  # the first NVIDIA GPUs that multiply in TF32


def has_tf32(device: torch.device) -> bool:
    """Tell whether a device multiplies in TF32."""
    return (
        device.type == "cuda" and torch.version.cuda is not None and torch.cuda.get_device_capability(device) >= _AMPERE
    )


def normal(n: int, device: torch.device, seed: int = 0) -> Tensor:
    """Return normal values in float32 of shape ``(n, n)``, the same ones on every device."""
    array = np.random.default_rng(seed).standard_normal((n, n), dtype=np.float32)
    return torch.from_numpy(array).to(device)


def product(a: Tensor, b: Tensor, precision: Literal["ieee", "tf32"] = "ieee") -> Callable[[], Tensor]:
    """Return what multiplies two matrices; on an NVIDIA GPU float32 is float32 or TF32, whatever was set before."""

    def multiply() -> Tensor:
        torch.backends.cuda.matmul.fp32_precision = precision  # half a microsecond, the same for every candidate
        return a @ b

    return multiply


@contextmanager
def precision_kept() -> Generator[None]:
    """Put back what `product` sets."""
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
