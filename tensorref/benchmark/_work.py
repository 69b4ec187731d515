"""What there is to do, and what a machine can do at most: the roofline model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import prod

from tensorref import broadcasting, matmul
from tensorref._shape import as_shape
from tensorref._typing import ShapeLike
from tensorref.benchmark._table import figure


@dataclass(frozen=True)
class Work:
    """What there is to do: floating-point operations, and bytes to read and write, the least that give the result.

    >>> from tensorref import benchmark
    >>> benchmark.Work.matmul(32, 64, 256, itemsize=2)
    Work(flops=1048576, moved_bytes=53248, source='2 · 32 · 64 · 256 operations; both matrices read once, the product written once')

    The bytes are those of the operands and of the result, once each. What a chain of operations by hand moves beyond
    that is no part of the work; it shows as a smaller share of the ceiling. So does the line that a processor reads before
    it overwrites it.
    """

    flops: int
    """Floating-point operations, of which an addition, a multiplication, a comparison or a call of ``exp`` is one each."""
    moved_bytes: int
    """Bytes that have to be read and written."""
    source: str = ""
    """Where the counts come from."""

    @property
    def intensity(self) -> float:
        """Floating-point operations per byte; ``inf`` where no byte moves."""
        return self.flops / self.moved_bytes if self.moved_bytes else math.inf if self.flops else math.nan

    @classmethod
    def matmul(cls, m: int, k: int, n: int, itemsize: int = 4) -> Work:
        """Return the work of ``(m, k) @ (k, n)``, two operations for every term.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.matmul(1024, 1024, 1024)
        >>> work.flops == 2 * 1024**3, work.moved_bytes == 3 * 1024**2 * 4
        (True, True)

        Parameters
        ----------
        m, k, n
            Rows of the first matrix, its columns, and columns of the second.
        itemsize
            Bytes per element: 4 for float32, 2 for bfloat16.

        Returns
        -------
        :
            The counts of `tensorref.matmul.explain`; the operations are those of ``torch.utils.flop_counter`` too.
        """
        product = matmul.explain((m, k), (k, n), itemsize=itemsize)
        source = f"2 · {m} · {k} · {n} operations; both matrices read once, the product written once"
        return cls(product.flops or 0, product.moved_bytes or 0, source)

    @classmethod
    def softmax(cls, shape: ShapeLike, itemsize: int = 4) -> Work:
        """Return the work of a softmax along any axis, five operations an element.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.softmax((1000, 1000))
        >>> work.flops, work.moved_bytes
        (5000000, 8000000)

        Parameters
        ----------
        shape
            The shape of the logits.
        itemsize
            Bytes per element.

        Returns
        -------
        :
            Maximum, subtraction, ``exp``, sum and division are one operation an element each, as in the counts of
            `ELECTRA <https://github.com/google-research/electra/blob/master/flops_computation.py>`__ (Clark et al. 2020).
            An ``exp`` takes longer than an addition, so that the share of peak arithmetic is understated; a softmax is
            limited by memory on every machine that has its ridge above an intensity of 5/8 in float32.
        """
        elements = prod(as_shape(shape, "shape"))
        source = "5 operations an element: maximum, subtraction, exp, sum, division; read once, written once"
        return cls(5 * elements, 2 * elements * itemsize, source)

    @classmethod
    def elementwise(cls, *shapes: ShapeLike, itemsize: int = 4, operations: int = 1) -> Work:
        """Return the work of an element-wise operation on operands that broadcast.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.elementwise((1000, 1000), (1000,))
        >>> work.flops, work.moved_bytes
        (1000000, 8004000)

        Parameters
        ----------
        *shapes
            A shape for every operand that has to be read.
        itemsize
            Bytes per element.
        operations
            How many are done for an element of the result: 2 for ``a * x + b``.

        Returns
        -------
        :
            Every operand is read once in its own shape, and the result is written once.

        Raises
        ------
        tensorref.broadcasting.BroadcastError
            If the shapes do not broadcast.
        """
        elements = prod(broadcasting.result_shape(*shapes))
        moved = elements + sum(prod(as_shape(shape, "shape")) for shape in shapes)
        source = f"{operations} an element of the result; every operand read once, the result written once"
        return cls(operations * elements, moved * itemsize, source)

    @classmethod
    def copy(cls, shape: ShapeLike, itemsize: int = 4) -> Work:
        """Return the work of a copy, which computes nothing.

        >>> from tensorref import benchmark
        >>> work = benchmark.Work.copy((1024, 1024), itemsize=2)
        >>> work.flops, work.moved_bytes
        (0, 4194304)

        Parameters
        ----------
        shape
            The shape of what is copied.
        itemsize
            Bytes per element.

        Returns
        -------
        :
            Every byte is read once and written once, as `STREAM <https://www.cs.virginia.edu/stream/ref.html>`__ counts.
        """
        return cls(0, 2 * prod(as_shape(shape, "shape")) * itemsize, "no operation; read once, written once")


@dataclass(frozen=True)
class Ceiling:
    """The most that a machine did in a second: what `ceiling` returns.

    >>> from tensorref import benchmark
    >>> machine = benchmark.Ceiling(device="cpu", dtype="float32", flops_per_second=80e9, bytes_per_second=20e9)
    >>> print(machine)
    cpu, float32: 80.0 GFLOP/s, 20.0 GB/s, ridge at intensity 4.00
    """

    device: str
    dtype: str
    """As in `ceiling`, without ``torch.``."""
    flops_per_second: float
    """Floating-point operations per second, of the best of several matrix products."""
    bytes_per_second: float
    """Bytes per second, read and written, of a copy larger than the caches."""

    @property
    def ridge(self) -> float:
        """The intensity at which both limits meet; memory limits work that has less."""
        return self.flops_per_second / self.bytes_per_second

    def seconds(self, work: Work) -> float:
        """Return the least time that some work can take: what its arithmetic or its bytes take, whichever is longer.

        >>> from tensorref import benchmark
        >>> machine = benchmark.Ceiling("cpu", "float32", flops_per_second=80e9, bytes_per_second=20e9)
        >>> machine.seconds(benchmark.Work.copy((1000, 1000))), machine.seconds(benchmark.Work.matmul(1000, 1000, 1000))
        (0.0004, 0.025)

        Parameters
        ----------
        work
            What there is to do.

        Returns
        -------
        :
            Seconds.
        """
        return max(work.flops / self.flops_per_second, work.moved_bytes / self.bytes_per_second)

    def attainable(self, intensity: float) -> float:
        """Return the height of the roof: the floating-point operations per second that an intensity allows.

        >>> from tensorref import benchmark
        >>> machine = benchmark.Ceiling("cpu", "float32", flops_per_second=80e9, bytes_per_second=20e9)
        >>> machine.attainable(0.5), machine.attainable(100.0)
        (10000000000.0, 80000000000.0)

        Parameters
        ----------
        intensity
            As `Work.intensity`.

        Returns
        -------
        :
            Rises with the intensity up to the ridge, and is flat from there.
        """
        return min(self.flops_per_second, intensity * self.bytes_per_second)

    def __str__(self) -> str:
        return (
            f"{self.device}, {self.dtype}: {figure(self.flops_per_second / 1e9)} GFLOP/s, {figure(self.bytes_per_second / 1e9)} GB/s, "
            f"ridge at intensity {figure(self.ridge)}"
        )
