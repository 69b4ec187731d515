"""A tensor is in the memory of one device: the CPU, or an accelerator such as a GPU.

Operations take operands on one device, and moving data between devices takes time. So it matters where a tensor is
made, and when it is moved.

>>> import torch
>>> from tensorref import devices
>>> device = devices.best()
>>> torch.zeros(2, 3, device=device).device == device
True
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import warnings
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, NamedTuple

from tensorref._libraries import needed

with needed(__name__, "torch"):
    import torch
    from torch import Tensor

from tensorref import _picture
from tensorref._arguments import as_device, as_flag, as_torch_dtype
from tensorref._explanation import Diagram, Illustrated
from tensorref._operands import check_dense, check_tensor

__all__ = [
    "Accelerator",
    "Move",
    "Status",
    "available",
    "best",
    "explain_move",
    "status",
    "synchronize",
]

_CPU = torch.device("cpu")
_NAMES = {"cuda": "CUDA", "mps": "MPS", "xpu": "XPU"}
_INTEL = "0x8086"  # its number as a maker of PCI devices


def available() -> tuple[torch.device, ...]:
    """Return the devices that a tensor can be put on here: the CPU first, then each accelerator.

    >>> from tensorref import devices
    >>> devices.available()[0]
    device(type='cpu')

    Returns
    -------
    :
        The CPU without an index and the accelerators with theirs, as ``tensor.device`` has them.

    See Also
    --------
    status : why an accelerator is not among them.
    torch.accelerator.is_available : whether there is more than the CPU.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return (_CPU,)
    return (_CPU, *(torch.device(accelerator.type, index) for index in range(torch.accelerator.device_count())))


def best() -> torch.device:
    """Return the accelerator that is in use, or the CPU where there is none.

    >>> from tensorref import devices
    >>> devices.best() in devices.available()
    True

    Returns
    -------
    :
        A device with its index, equal to the ``.device`` of a tensor that was put there.

    See Also
    --------
    torch.accelerator.current_accelerator : the same without the index, and None where there is none.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return _CPU if accelerator is None else torch.device(accelerator.type, torch.accelerator.current_device_index())


def synchronize(device: torch.device | str | None = None) -> None:
    """Wait until everything that was asked of a device is done.

    >>> from tensorref import devices
    >>> devices.synchronize()

    Parameters
    ----------
    device
        The accelerator to wait for; by default the one in use, and nothing where there is none. The devices ``cpu``
        and ``meta`` never have anything to wait for.

    Raises
    ------
    ValueError
        If `device` is an accelerator that is not available here.

    See Also
    --------
    torch.accelerator.synchronize : raises where there is no accelerator, and this does nothing there.
    torch.cuda.synchronize : for NVIDIA and AMD alone.

    Examples
    --------
    >>> devices.synchronize("cpu")
    """
    place = best() if device is None else as_device(device)
    if place.type in {"cpu", "meta"}:
        return
    if all(place not in (other, torch.device(other.type)) for other in available()):
        here = ", ".join(map(str, available()))
        raise ValueError(f"device is {str(place)!r}, available are {here}; devices.status() says why")
    torch.accelerator.synchronize(place)


@dataclass(frozen=True)
class Move(Illustrated):
    """What ``tensor.to`` makes of a tensor: what `explain_move` returns.

    >>> import torch
    >>> from tensorref import devices
    >>> move = devices.explain_move(torch.zeros(8, 1024, device="cpu"), "cuda:0")
    >>> move.outcome, move.result_nbytes
    ('copy', 32768)
    """

    device: str
    """Where the tensor is, as in ``str(tensor.device)``."""
    result_device: str
    """Where the result is."""
    dtype: str
    """The dtype of the tensor, such as ``float32``."""
    result_dtype: str
    """The dtype of the result."""
    nbytes: int
    """The memory that the elements of the tensor take, in bytes; what ``expand`` repeats counts once."""
    result_nbytes: int
    """The memory that the result takes besides, in bytes."""
    pinned: bool
    """Whether the tensor is in pinned memory of the CPU, from which an accelerator reads by itself."""
    outcome: Literal["same", "copy", "refused"]
    """Whether the result is the tensor itself, a copy, or an exception."""
    reasons: tuple[str, ...]
    """What follows from it, a sentence each."""
    waits: Literal["yes", "no", "maybe"] = "no"
    """Whether Python waits until the copy is done."""
    staged: bool = False
    """Whether the values go by way of pinned memory, because they are in pageable memory."""
    queued: bool = False
    """Whether the device of the result does what is asked of it next after the copy."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: what is given, and what ``.to`` returns."""
        given = f"{self.nbytes} bytes{', pinned' if self.pinned else ''}"
        memory = {"same": "the same", "copy": f"{self.result_nbytes} bytes", "refused": "refused"}[self.outcome]
        device, dtype = ("-", "-") if self.outcome == "refused" else (self.result_device, self.result_dtype)
        heading = ("", "given", "result")
        return (heading, ("device", self.device, device), ("dtype", self.dtype, dtype), ("memory", given, memory))

    def notes(self) -> tuple[str, ...]:
        """Return the reasons."""
        return self.reasons

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        given, result = (", ".join(row[at] for row in self.table()[1:]) for at in (1, 2))
        title = f"{self.device} {self.dtype} to {self.result_device} {self.result_dtype}"
        return title, f"given {given}; result {result}. {' '.join(self.reasons)}"

    def _drawn(self) -> _picture.Drawing:
        """Draw the memories, and below them what happens at the same time."""
        title = self.described()[0]
        memories = self._memories()
        memories.heading(title)
        if self.outcome != "copy" or "meta" in {self.device, self.result_device}:
            return memories
        return _picture.stacked([memories, self._times()], 24)

    def _memories(self) -> _picture.Drawing:
        """Draw what holds the tensor and what holds the result, each in its device."""
        _, _, dtypes, sizes = self.table()
        words = [f"{dtypes[at]}, {sizes[at].partition(' ')[0]} B" for at in (1, 2)]
        box = max(_BOX, _picture.width_of(*words) + 8)
        wide, apart, high = box + 20, box + 50, 118 if self.staged else 72
        drawing, copies, right = _picture.Drawing(), self.outcome == "copy", (apart + 10, 28)
        if self.device == self.result_device:
            drawing.box((0, 0), (wide + apart * copies, high), _HELD)
        else:
            drawing.box((0, 0), (wide, high), _HELD)
            drawing.box((apart, 0), (wide, high), _HELD)
            drawing.text((apart + 10, 14), self.result_device, "start", bold=True)
        drawing.text((10, 14), self.device, "start", bold=True)
        drawing.text((wide - 10, 14), "pinned" if self.pinned else "", "end")
        drawing.box((10, 28), (box, 34), _TENSOR)
        drawing.text((10 + box // 2, 37), "tensor, result" if self.outcome == "same" else "tensor", bold=True)
        drawing.text((10 + box // 2, 53), words[0])
        if self.outcome == "refused":
            drawing.box(right, (box, 34), _picture.CONFLICT, "✗ result")
        elif copies:
            has_values = self.result_device != "meta"
            drawing.box(right, (box, 34), _TENSOR if has_values else _picture.EMPTY)
            drawing.text((right[0] + box // 2, 37), "result", bold=True)
            drawing.text((right[0] + box // 2, 53), words[1] if has_values else "no values")
            if self.staged:
                drawing.box((10, 80), (box, 28), _picture.COPY, "pinned")
                drawing.arrow((10 + box // 2, 64), (10 + box // 2, 79))
                drawing.arrow((12 + box, 94), (apart + 8, 50))
            elif has_values:
                drawing.arrow((12 + box, 45), (apart + 8, 45))
        return drawing

    def _times(self) -> _picture.Drawing:
        """Draw who does what while the copy runs, and who waits."""
        drawing = _picture.Drawing()
        python = {"yes": "waits", "no": "goes on", "maybe": "may wait"}[self.waits]
        lanes: list[tuple[str, list[tuple[int, int, str, _picture.Mark]]]] = [
            ("copy", [(_ASKED, _DONE, "copy", _picture.READ)]),
        ]
        begun = (0, _ASKED, ".to", _picture.STORED)
        if self.waits == "no":
            lanes.insert(0, ("Python", [begun, (_ASKED, _END, python, _picture.STORED)]))
        else:
            waiting = (_ASKED, _DONE, python, _picture.COPY)
            lanes.insert(0, ("Python", [begun, waiting, (_DONE, _END, "goes on", _picture.STORED)]))
        if self.queued:
            ahead = (_ASKED, _DONE, "waits", _picture.COPY)
            lanes.append((self.result_device, [ahead, (_DONE, _END, "next", _picture.STORED)]))
        elif self.waits != "yes":
            early = (_ASKED, _DONE, "✗ not there", _picture.CONFLICT)
            lanes.append(("result", [early, (_DONE, _END, "there", _picture.STORED)]))
        if self.pinned and self.waits != "yes":
            lanes.append(
                ("tensor", [(_ASKED, _DONE, "✗ no write", _picture.CONFLICT), (_DONE, _END, "free", _picture.STORED)])
            )
        for line, (label, parts) in enumerate(lanes):
            y = line * 30
            drawing.text((-8, y + 12), label, "end", bold=True)
            for start, end, text, mark in parts:
                drawing.box((start, y), (end - start, 24), mark, text)
        y = len(lanes) * 30 + 4
        drawing.arrow((0, y), (_END, y))
        drawing.text((_END // 2, y + 13), "time", faded=True)
        return drawing


_BOX = 160  # the width of a memory
_ASKED, _DONE, _END = 40, 160, 250  # of the time
_HELD, _TENSOR = _picture.Mark(0, 4), _picture.Mark(1, 24)


def explain_move(
    tensor: Tensor,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    *,
    non_blocking: bool = False,
    copy: bool = False,
) -> Move:
    """Tell what ``tensor.to(device, dtype)`` copies and whether Python waits for it, without doing it.

    >>> import torch
    >>> from tensorref import devices
    >>> token_ids = torch.zeros(8, 1024, dtype=torch.int64, device="cpu")
    >>> print(devices.explain_move(token_ids, "cuda:0", non_blocking=True))
                  given       result
    device          cpu       cuda:0
    dtype         int64        int64
    memory  65536 bytes  65536 bytes
    * The next operation on cuda:0 waits for the copy.
    * Python may wait too, because pageable memory is first copied to pinned memory. A DataLoader can pin in another thread.

    Parameters
    ----------
    tensor
        Of any shape and dtype, on any device.
    device
        Where to; by default where the tensor is. Nothing is moved, so this machine need not have it.
    dtype
        What to become; by default what the tensor is.
    non_blocking, copy
        As ``Tensor.to`` takes them: not to wait, and to copy even where nothing changes.

    Returns
    -------
    :
        The outcome, the bytes and what follows; ``print`` shows a table.

    Raises
    ------
    ValueError
        If PyTorch knows no such `device`.
    TypeError
        If `tensor` is none, or is sparse, nested, quantized or in the layout of MKL-DNN: each has its own parts, which
        :meth:`torch.Tensor.values`, say, gives.

    See Also
    --------
    torch.Tensor.to : the call that this explains.
    tensorref.pitfalls.check_same_device : which of several tensors has to move.

    Notes
    -----
    Who waits follows PyTorch's `guide to pin_memory and non_blocking
    <https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html>`__, which is about CUDA; for another
    accelerator the reasons promise less.

    Examples
    --------
    Where nothing changes, nothing is copied:

    >>> x = torch.ones(3, device="cpu")
    >>> print(devices.explain_move(x, "cpu", torch.float32))
               given    result
    device       cpu       cpu
    dtype    float32   float32
    memory  12 bytes  the same
    * Nothing is copied: the result is the tensor itself, so a write to one changes the other.

    A copy has memory for each of its elements, so move first and then expand:

    >>> print(devices.explain_move(x.expand(1000, 3), "cuda:0"))
               given       result
    device       cpu       cuda:0
    dtype    float32      float32
    memory  12 bytes  12000 bytes
    * Python waits for the copy, and for all that cuda:0 still has to do.
    * Pageable memory is first copied to pinned memory. A pinned tensor is copied faster.
    * The copy stores every repetition of expand. Expand after the move instead.

    A change of dtype makes a copy too. The copy of a parameter is an ordinary tensor, which the optimizer does not
    know:

    >>> weight = torch.nn.Parameter(x)
    >>> print(devices.explain_move(weight, dtype=torch.bfloat16))
               given    result
    device       cpu       cpu
    dtype    float32  bfloat16
    memory  12 bytes   6 bytes
    * Python waits until the CPU has copied, whatever non_blocking says.
    * The copy is not a leaf: the gradient goes to the original, so give the original to the optimizer.

    The device ``meta`` has nothing to give back:

    >>> print(devices.explain_move(torch.ones(3, device="meta"), "cpu"))
              given   result
    device     meta        -
    dtype   float32        -
    memory  0 bytes  refused
    * A tensor on meta has no values to copy. torch.empty_like(tensor, device='cpu') makes one with room for them.
    """
    check_tensor("tensor", tensor)
    check_dense("tensor", tensor)
    non_blocking, copy = as_flag(non_blocking, "non_blocking"), as_flag(copy, "copy")
    place = _target(device, tensor)
    # A tensor never says "cpu:0", which PyTorch takes for another place than "cpu", and copies to.
    asked, place = place, torch.device(place.type) if place.type in {"cpu", "meta"} else place
    result_dtype = tensor.dtype if dtype is None else as_torch_dtype(dtype)
    # What `expand` repeats has stride 0.
    given = prod(size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride or not size)
    nbytes = 0 if tensor.is_meta else given * tensor.element_size()
    result_nbytes = 0 if place.type == "meta" else tensor.numel() * result_dtype.itemsize
    pinned = tensor.is_cpu and tensor.is_pinned()
    outcome: Literal["same", "copy", "refused"]
    waits, reasons, staged, queued = _Course()
    if tensor.is_meta and place.type != "meta":
        outcome = "refused"
        reasons = (
            f"A tensor on meta has no values to copy. torch.empty_like(tensor, device={str(place)!r}) makes one with room for them.",
        )
    elif (asked, result_dtype) == (tensor.device, tensor.dtype) and not copy:
        outcome = "same"
        reasons = ("Nothing is copied: the result is the tensor itself, so a write to one changes the other.",)
    else:
        outcome = "copy"
        waits, reasons, staged, queued = _course(tensor.device, place, pinned=pinned, non_blocking=non_blocking)
        if given < tensor.numel():
            reasons += ("The copy stores every repetition of expand. Expand after the move instead.",)
        if tensor.requires_grad and tensor.is_leaf and (result_dtype.is_floating_point or result_dtype.is_complex):
            reasons += (
                "The copy is not a leaf: the gradient goes to the original, so give the original to the optimizer.",
            )
    return Move(
        device=str(tensor.device),
        result_device=str(place),
        dtype=str(tensor.dtype).removeprefix("torch."),
        result_dtype=str(result_dtype).removeprefix("torch."),
        nbytes=nbytes,
        result_nbytes=result_nbytes if outcome == "copy" else 0,
        pinned=pinned,
        outcome=outcome,
        reasons=reasons,
        waits=waits,
        staged=staged,
        queued=queued,
    )


def _target(device: torch.device | str | None, tensor: Tensor) -> torch.device:
    """Return where `Tensor.to` takes a tensor: an accelerator without an index is the one in use."""
    if device is None:
        return tensor.device
    place: torch.device = as_device(device)
    in_use = best()
    return in_use if place == torch.device(in_use.type) else place


class _Course(NamedTuple):
    """How a copy goes, and what follows."""

    waits: Literal["yes", "no", "maybe"] = "no"
    reasons: tuple[str, ...] = ()
    staged: bool = False
    queued: bool = False


def _course(source: torch.device, target: torch.device, *, pinned: bool, non_blocking: bool) -> _Course:
    """Tell who waits for a copy, and what must not happen before it is done."""
    staged = source.type == "cpu" and not pinned
    queue = f"The next operation on {target} waits for the copy."
    if target.type == "meta":
        course = _Course("no", ("A tensor on meta has a shape, a dtype and strides, but no values.",))
    elif source.type == target.type == "cpu":
        course = _Course("yes", ("Python waits until the CPU has copied, whatever non_blocking says.",))
    elif source.type == target.type:
        course = _Course("no", (f"Python goes on at once. {queue}",), queued=True)
    elif not non_blocking:
        reasons = (
            f"Python waits for the copy, and for all that {target if source.type == 'cpu' else source} still has to do.",
            "Pageable memory is first copied to pinned memory. A pinned tensor is copied faster.",
        )
        course = _Course("yes", reasons[: 1 + staged], staged=staged)
    elif target.type == "cpu":
        hazard = "Python goes on before the values are there. Call devices.synchronize() before you read them."
        course = _Course("no", (hazard,))
    elif target.type != "cuda":
        hazard = "Python may go on before the copy is done. Call devices.synchronize() before you use the result."
        course = _Course("maybe", (hazard,))
    elif pinned:
        hazard = "Write to the tensor only when the copy is done, or the copy may hold the new values."
        course = _Course("no", (f"Python goes on at once. {queue}", hazard), queued=True)
    else:
        way = "Python may wait too, because pageable memory is first copied to pinned memory. A DataLoader can pin in another thread."
        course = _Course("maybe", (queue, way), staged=True, queued=True)
    return course


@dataclass(frozen=True)
class Accelerator:
    """What `status` found out about one kind of accelerator.

    >>> from tensorref import devices
    >>> [accelerator.kind for accelerator in devices.status().accelerators][:3]
    ['cuda', 'mps', 'xpu']
    """

    kind: str
    """As in ``torch.device(kind)``."""
    state: Literal["usable", "unusable", "none"]
    """Whether it computes, is there but does not, or is not there."""
    count: int
    """How many of them PyTorch sees."""
    reason: str
    """What the state follows from, a sentence, and where the state is ``unusable`` what to do."""


@dataclass(frozen=True)
class Status(Diagram):
    """Which accelerators are there, and why one that is there cannot be used: what `status` returns.

    >>> from tensorref import devices
    >>> print(devices.Status((devices.Accelerator("xpu", "none", 0, "no sign of an Intel GPU."),)))
    device   state  count
    cpu     usable      1
    xpu       none      0
    * xpu: no sign of an Intel GPU.
    """

    accelerators: tuple[Accelerator, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: the CPU and each kind of accelerator."""
        rows = ((found.kind, found.state, str(found.count)) for found in self.accelerators)
        return (("device", "state", "count"), ("cpu", "usable", "1"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return the reasons, a sentence each."""
        return tuple(f"{found.kind}: {found.reason}" for found in self.accelerators)


def status() -> Status:
    """Tell for each kind of accelerator whether it is usable, there but not usable, or not there.

    >>> from tensorref import devices
    >>> {accelerator.state for accelerator in devices.status().accelerators} <= {"usable", "unusable", "none"}
    True

    Returns
    -------
    :
        CUDA, MPS and XPU, and what else PyTorch was built for; ``print`` shows a table with the reasons.

    See Also
    --------
    torch.cuda.is_available : for NVIDIA and AMD alone.
    torch.backends.mps.is_available : for Apple alone.

    Notes
    -----
    The accelerator in use has to add two numbers before it counts as usable, which takes memory on it. What PyTorch was
    not built for can only be guessed from what the system shows: a driver of NVIDIA or AMD, an Apple processor, on Linux
    an Intel GPU. What none of those shows counts as not there.
    """
    built = torch.accelerator.current_accelerator()
    kind = None if built is None else built.type
    kinds = [*_NAMES, *([kind] if kind and kind not in _NAMES else [])]
    return Status(tuple(_try(each) if each == kind else _not_built(each) for each in kinds))


def _not_built(kind: str) -> Accelerator:
    seen = _seen(kind)
    if seen is None:
        return Accelerator(kind, "none", 0, f"nothing shows one, and {_version()} was built without {_NAMES[kind]}.")
    return Accelerator(
        kind,
        "unusable",
        0,
        f"{seen} is there, but {_version()} was built without {_NAMES[kind]}; where PyTorch supports it, install another "
        "build: https://pytorch.org/get-started/locally",
    )


def _try(kind: str) -> Accelerator:
    """Tell how it stands with the kind of accelerator that PyTorch was built for."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        usable, count = torch.accelerator.is_available(), torch.accelerator.device_count()
        complaint = _complaint(kind, usable=usable)
    complaint = complaint or (str(caught[0].message) if caught and not usable else None)
    complaint = complaint and complaint.strip().partition("\n")[0]
    name = _NAMES.get(kind, kind)
    if usable and complaint is None:
        return Accelerator(kind, "usable", count, f"{best()} computes, with {_version()}.")
    seen = _seen(kind)
    if usable:
        return Accelerator(kind, "unusable", count, f"PyTorch finds it, but {best()} does not compute: {complaint}")
    if seen is None and (complaint is None or re.search(r"\b(no|zero)\b", complaint, re.IGNORECASE)):
        return Accelerator(kind, "none", 0, f"nothing shows one, though {_version()} was built for {name}.")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") if kind == "cuda" else None
    words = [f"{seen or 'a driver'} is there, but {_version()}, built for {name}, cannot use it:"]
    words.append(complaint or "is the driver or the operating system too old?")
    if hidden is not None:
        words.append(f"CUDA_VISIBLE_DEVICES is {hidden!r}, which may hide it.")
    return Accelerator(kind, "unusable", 0, " ".join(words))


def _complaint(kind: str, *, usable: bool) -> str | None:
    """Return what PyTorch says when it is made to use an accelerator, or None where it does or says nothing."""
    try:
        if usable:
            (torch.ones(1, device=best()) + 1).item()
        elif hasattr(module := torch.get_device_module(kind), "init"):
            module.init()
    except (RuntimeError, AssertionError) as error:
        return str(error)
    return None


def _seen(kind: str) -> str | None:
    """Return what of the system shows an accelerator, in words, or None."""
    if kind == "mps":
        return "an Apple GPU" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else None
    if kind == "xpu":
        makers = Path("/sys/class/drm").glob("card*/device/vendor")
        return "an Intel GPU" if any(maker.read_text().strip() == _INTEL for maker in makers) else None
    if kind == "cuda":
        if any(Path("/proc/driver/nvidia/gpus").glob("*")):
            return "an NVIDIA GPU (/proc/driver/nvidia/gpus lists it)"
        if tool := shutil.which("nvidia-smi"):
            return f"an NVIDIA driver ({tool})"
        return "an AMD GPU (/dev/kfd)" if Path("/dev/kfd").exists() else None
    return None


def _version() -> str:
    return f"PyTorch {torch.__version__}"
