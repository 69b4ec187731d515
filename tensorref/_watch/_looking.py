"""The rules of a watch: what each operation tells, from its operands and its results alone.

A rule reads attributes. Values are read by those alone that cannot do without: NaN and infinity, and lost fractions.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from math import isfinite, prod
from types import FrameType
from typing import Any, Literal

import torch
from torch import Tensor

from tensorref import _private_parts, broadcasting
from tensorref._watch import _frames
from tensorref._watch._findings import COSTS, MENDS, WORDS, Finding, Kind, reshaped
from tensorref._watch._frames import Caller, Site

_MOST_KEPT = 2**14  # addresses of each sort, and places
_MOST_LETTERS = 200
_MAKES_AXES = {"unsqueeze", "view", "reshape"}
_KEEPS_AXES = {"t", "transpose", "permute", "expand", "detach", "alias", "_to_copy", "clone", "lift_fresh"}
_WITHOUT_VALUES = ("empty", "new_empty", "resize", "_efficientzerotensor", "set_")
_FILLS = {
    *("fill", "fill_", "masked_fill", "masked_fill_", "full_like", "new_full", "scatter", "scatter_"),
    *("index_fill", "index_fill_", "constant_pad_nd"),
}
_PUTS = {"copy_", "index_put_"}
_OVERWRITES = {"copy_", "fill_", "zero_", "normal_", "uniform_", "set_", "resize_"}
_SOFTMAXES = {"_softmax", "_log_softmax", "softmax", "log_softmax"}
_MEANS = {"mean", "var", "std", "linalg_vector_norm", "norm", "var_mean", "std_mean"}
_LAYER_NORMS = {"native_layer_norm", "layer_norm", "rms_norm", "_fused_rms_norm"}
_COPIES = {"reshape", "reshape_as", "contiguous", "flatten", "ravel", "unflatten"}
_WAITS = {
    "_local_scalar_dense": "item",
    "nonzero": "nonzero",
    "masked_select": "masked_select",
    "equal": "equal",
    "_unique2": "unique",
    "unique_dim": "unique",
    "unique_consecutive": "unique_consecutive",
}
_PLAIN = (Tensor, torch.nn.Parameter)

Place = tuple[Site, Kind]


class _Recent(dict[Any, Any]):
    """A dict that forgets what it was told first."""

    def put(self, key: object, value: object) -> None:
        if len(self) >= _MOST_KEPT:
            del self[next(iter(self))]
        self[key] = value


@dataclass(frozen=True)
class _Operation:
    """What is known of an operation by its name and its tags."""

    name: str
    pointwise: bool
    writes: bool
    """Whether it changes its first argument."""


@lru_cache(maxsize=2**12)
def _operation(func: Any) -> _Operation:
    name = func.name().partition("::")[2].partition(".")[0]
    packets = [getattr(torch.ops.aten, each, None) for each in dict.fromkeys((name, name.rstrip("_")))]
    overloads = [getattr(packet, each) for packet in packets if packet is not None for each in packet.overloads()]
    pointwise = any(torch.Tag.pointwise in each.tags for each in overloads)
    return _Operation(name, pointwise, name.endswith("_") and not name.endswith("__"))


@dataclass(slots=True)
class _Found:
    """A finding as it is counted."""

    operation: str
    shapes: tuple[tuple[int, ...], ...]
    result: tuple[int, ...] | None
    reasons: tuple[str, ...]
    mends: tuple[str, ...]
    count: int = 0
    nbytes: int | None = None
    right: bool = False
    """Whether another call at the place showed that it is meant."""


class Event:
    """An operation that has just run."""

    __slots__ = ("args", "caller", "kwargs", "operation", "results", "tensors")

    def __init__(self, operation: _Operation, args: Any, kwargs: Any, result: Any, frame: FrameType | None) -> None:
        self.operation, self.args, self.kwargs = operation, args, kwargs
        self.tensors = [*_tensors(args), *(_tensors(kwargs.values()) if kwargs else ())]
        self.results = [*_tensors((result,))]
        self.caller = Caller(frame)

    @property
    def written(self) -> list[Tensor]:
        """The tensors that it has changed."""
        if self.operation.writes:
            return [*_tensors(self.args[:1])]
        return [*_tensors((self.kwargs["out"],))] if "out" in self.kwargs else []


def _of(event: Event, reason: str, mend: str) -> _Found:
    """Return what was found of an operation as it stands."""
    result = _shape(event.results[0]) if event.results else None
    return _Found(event.operation.name.lstrip("_"), _shapes(event.tensors), result, (reason,), (mend,))


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _address(tensor: Tensor) -> int:
    """Return where the memory of a tensor begins, or 0 where it has none of its own."""
    return tensor.untyped_storage().data_ptr() if _is_plain(tensor) else 0


def _start(tensor: Tensor) -> int:
    """Return where the first element of a tensor is, or 0."""
    return tensor.data_ptr() if _is_plain(tensor) else 0


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _shapes(tensors: Iterable[Tensor]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(_shape, tensors))


class Looking:
    """What a watch knows while it runs: a finding a place, and addresses of memory, no tensor."""

    def __init__(self, only: Iterable[Kind], *, accelerator: bool) -> None:
        self.accelerator = accelerator
        self.found: dict[Place, _Found] = {}
        self.compiled: dict[Site, None] = {}
        self.unseen: dict[str, None] = {}
        rules: Mapping[Kind, Callable[[Event], None]] = {
            "broadcasts": self._broadcasts,
            "losses": self._losses,
            "promotions": self._promotions,
            "fractions": self._fractions,
            "non_finite": self._non_finite,
            "in_place": self._in_place,
            "views": self._views,
            "single_axes": self._single_axes,
            "copies": self._copies,
            "transfers": self._transfers,
            "waits": self._waits,
            "memory": self._memory,
        }
        self._rules = [rules[kind] for kind in rules if kind in only]
        self.reads_values = "non_finite" in only
        self._written_before: tuple[bool, bool] = (False, False)
        self._has_nan = False  # whether it was reported
        self._sites = _Recent()
        self._words: dict[Site, _frames.Where] = {}
        self._axes = _Recent()  # operands whose axes of size 1 are written out, by address and shape
        self._loss: int | None = None
        self._writes = _Recent()  # who changed memory last, by address
        self._unrecorded = _Recent()  # … where autograd did not record it
        self._view_lines = _Recent()  # where a view was made
        self._view_writes = _Recent()  # … and written to
        self._live: dict[int, tuple[int, Site | None, weakref.ref[Any]]] = {}
        self._now = 0
        self.peak = 0
        self._at_peak: dict[Site | None, int] | None = {}

    def before(self, func: Any, args: Any) -> None:
        """Look at what an operation is about to change."""
        if self.reads_values:
            operation = _operation(func)
            if operation.writes and args and not operation.name.startswith(("_foreach", "_fused")):
                self._written_before = _not_finite(_tensors(args[:1]))

    def after(self, func: Any, args: Any, kwargs: Any, result: Any, frame: FrameType | None) -> None:
        """Look at an operation that has run."""
        event = Event(_operation(func), args, kwargs, result, frame)
        site = event.caller.site
        if site is not None and site not in self._sites:
            self._sites.put(site, None)
            if event.caller.within("compiled") and len(self.compiled) < _MOST_KEPT:
                self.compiled[site] = None
        for rule in self._rules:
            try:
                rule(event)
            except Exception as error:  # noqa: BLE001  the reader's program goes on, whatever kind of tensor it has
                said = f"{rule.__name__.strip('_')} of {event.operation.name} raised {type(error).__name__}: {error}"
                self.unseen.setdefault(f"Not looked at: {said[:_MOST_LETTERS]}.")

    def findings(self) -> list[Finding]:
        """Return what was found: mistakes, then costs, in the order in which each was found first."""
        kept = [(place, found) for place, found in self.found.items() if found.count and not found.right]
        kept.sort(key=lambda one: COSTS.index(one[0][1]) + 1 if one[0][1] in COSTS else 0)
        return [
            Finding(
                kind=kind,
                **vars(self.where(site)),
                **{name: value for name, value in asdict(found).items() if name != "right"},
            )
            for (site, kind), found in kept
        ] + self._memory_findings()

    def where(self, site: Site) -> _frames.Where:
        """Return a site in words, read when it is found: later its source may be gone, as that of an example is."""
        if site not in self._words:
            self._words[site] = _frames.where(site)
        return self._words[site]

    def _record(self, event: Event, kind: Kind, found: _Found, site: Site | None = None) -> None:
        """Count what was found, at the line of the operation or at another one that it is about."""
        place = self._place(event, kind, site)
        if place is None:
            return
        if place not in self.found and len(self.found) >= _MOST_KEPT:
            self.unseen[f"More than {_MOST_KEPT:,} places: those beyond are not reported."] = None
            return
        first = self.found.setdefault(place, found)
        self.where(place[0])
        first.count += 1
        if first is not found and found.nbytes is not None:
            first.nbytes = (first.nbytes or 0) + found.nbytes

    def _clear(self, event: Event, kind: Kind) -> None:
        """Note that a call shows how the line is meant, so that nothing at its place is a finding."""
        place = self._place(event, kind, None)
        if place is not None and (place in self.found or len(self.found) < _MOST_KEPT):
            self.found.setdefault(place, _Found(event.operation.name, (), None, (), ())).right = True

    def _place(self, event: Event, kind: Kind, site: Site | None) -> Place | None:
        site = site or event.caller.site
        if site is None:
            self.unseen["Operations in threads where no line of yours runs, such as backward on a GPU."] = None
            return None
        return site, kind

    # Mistakes

    def _broadcasts(self, event: Event) -> None:
        self._note_axes(event)
        operation = event.operation
        if not operation.pointwise or len(event.tensors) < 2:  # noqa: PLR2004  a pair
            return
        shapes = _shapes(event.tensors)
        if len({*shapes}) == 1:
            return
        verdict, warning = _judged(shapes)
        if verdict == "right" or not event.caller.direct:
            return
        if verdict == "not by chance":
            self._clear(event, "broadcasts")
            return
        if verdict == "grows" and any((_start(t), t.shape) in self._axes for t in event.tensors):
            return
        if event.caller.within("transform"):
            return
        site = event.caller.site
        names = _frames.operands(site, operation.name, len(shapes)) if site else None
        if names:
            warning = str(broadcasting.explain(*shapes, names=names).warning)
        mend = WORDS["broadcasts.chance"]
        if verdict == "grows":
            fix = reshaped(names or ("a", "b", "c"), shapes)
            mend = WORDS["broadcasts.mend"].format(fix=fix) if fix else WORDS["broadcasts.table"]
        self._record(event, "broadcasts", _of(event, warning, mend))

    def _note_axes(self, event: Event) -> None:
        """Keep in mind which tensors got an axis of size 1 because the reader wrote one."""
        operation = event.operation
        for result in event.results:
            if 1 not in result.shape:
                continue
            key, before = (_start(result), result.shape), event.tensors[:1]
            made = operation.name in _MAKES_AXES and before and _ones(result) > _ones(before[0])
            kept = any(value is True for value in (*event.args[1:], event.kwargs.get("keepdim")))
            made = (made or kept) and event.caller.direct
            if made or (
                (operation.pointwise or operation.name in _KEEPS_AXES or operation.name in _MAKES_AXES)
                and any((_start(tensor), tensor.shape) in self._axes for tensor in event.tensors)
            ):
                self._axes.put(key, None)
            elif not (before and _address(before[0]) == _address(result)):
                self._axes.pop(key, None)

    def _losses(self, event: Event) -> None:
        name, token = event.caller.function, event.caller.token()
        if name not in _frames.LOSSES:
            self._loss = None
            return
        if token == self._loss:
            return
        self._loss = token
        given, target = event.caller.argument("input"), event.caller.argument("target")
        if not isinstance(given, Tensor) or not isinstance(target, Tensor) or given.shape == target.shape:
            return
        shapes = _shapes((given, target))
        if not broadcasting.compatible(*shapes):
            return
        result = broadcasting.result_shape(*shapes)
        fix = reshaped(("input", "target"), shapes)
        reason = WORDS["losses"].format(
            operation=name, input=shapes[0], target=shapes[1], result=result, elements=prod(result)
        )
        mend = WORDS["losses.mend"].format(fix=fix) if fix else WORDS["losses.shapes"]
        self._record(event, "losses", _Found(name, shapes, result, (reason,), (mend,)))

    def _promotions(self, event: Event) -> None:
        if len(event.tensors) < 2 or not event.results or event.operation.writes or "dtype" in event.kwargs:  # noqa: PLR2004  a pair
            return
        result = event.results[0]
        dtypes = dict.fromkeys(t.dtype for t in event.tensors if t.ndim and (t.is_floating_point() or t.is_complex()))
        if len(dtypes) < 2 or not event.caller.direct:  # noqa: PLR2004  a pair
            return
        wider = result.dtype in dtypes and any(dtype.itemsize < result.dtype.itemsize for dtype in dtypes)
        if not wider or _autocasts():
            return
        named = " and ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        dtype = str(result.dtype).removeprefix("torch.")
        reason = WORDS["promotions"].format(dtypes=named, result=dtype, nbytes=result.nbytes)
        found = _of(event, reason, WORDS["promotions.mend"])
        self._record(event, "promotions", replace(found, nbytes=result.nbytes))

    def _fractions(self, event: Event) -> None:
        operation = event.operation
        if operation.name not in _PUTS and operation.name not in _FILLS:
            return
        into = (event.written or event.results)[:1]
        if not into or into[0].is_floating_point() or into[0].is_complex() or into[0].dtype == torch.bool:
            return
        if not event.caller.direct:
            return
        lost = any(isinstance(value, float) and _frames.fraction(value) for value in event.args[1:])
        if operation.name in _PUTS:
            source = event.tensors[-1]
            if source.is_floating_point():
                lost = _is_plain(source) and bool((source != source.trunc()).any())
            elif not source.ndim:  # a Python number, which was made whole before
                site = event.caller.site
                value = _frames.assigned(site) if site else None
                number = None if value is None else event.caller.number(value)
                lost = number is not None and _frames.fraction(number)
        if lost:
            dtype = str(into[0].dtype).removeprefix("torch.")
            found = _of(event, WORDS["fractions"].format(dtype=dtype), WORDS["fractions.mend"])
            self._record(event, "fractions", found)

    def _non_finite(self, event: Event) -> None:
        operation, before = event.operation, self._written_before
        self._written_before = (False, False)
        if not event.tensors or operation.name.startswith((*_WITHOUT_VALUES, "_foreach", "_fused")):
            return
        written = event.written
        # What an operation gives besides its result is for its own backward, and may be infinite.
        results = event.results if operation.name.endswith("backward") else event.results[:1]
        if not written:  # a view has the values that were there
            addresses = {_address(tensor) for tensor in event.tensors}
            results = [result for result in results if _address(result) not in addresses or not _address(result)]
        after = _not_finite(results)
        if not any(after) or any(
            isinstance(value, float) and not isfinite(value) for value in (*event.args, *event.kwargs.values())
        ):
            return
        read = _not_finite(tensor for tensor in event.tensors if all(tensor is not each for each in written))
        nan, infinite = before[0] or read[0], before[1] or read[1]
        made_nan, made_infinite = after[0] and not nan, after[1] and not (nan or infinite)
        what = " and ".join(word for word, made in (("NaN", made_nan), ("infinity", made_infinite)) if made)
        if not what:
            if after[0] and not self._has_nan and operation.name not in _PUTS:
                self._has_nan = True
                reason = WORDS["non_finite.before"].format(what="NaN", operation=operation.name.lstrip("_"))
                self._record(event, "non_finite", _of(event, reason, MENDS[""]))
            return
        self._has_nan = self._has_nan or made_nan
        wrong = next(result for result in results if any(_not_finite([result])))
        key = "non_finite.backward" if event.caller.within("backward") else "non_finite"
        reason = WORDS[key].format(
            operation=operation.name.lstrip("_"),
            what=what,
            count=int((~wrong.isfinite()).sum()),
            elements=wrong.numel(),
        )
        mend = next((mend for part, mend in MENDS.items() if part in operation.name and part), MENDS[""])
        self._record(event, "non_finite", _of(event, reason, mend))

    def _in_place(self, event: Event) -> None:
        written = event.written
        if written:
            recorded = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in event.tensors)
            write = (event.caller.site, event.operation.name)
            for tensor in written:
                address = _address(tensor)
                self._writes.put(address, write)
                if recorded or not event.caller.direct:
                    self._unrecorded.pop(address, None)
                elif tensor.is_floating_point():
                    self._unrecorded.put(address, write)
            return
        for result in event.results:
            address = _address(result)
            if address and all(_address(tensor) != address for tensor in event.tensors):  # its memory is new
                self._unrecorded.pop(address, None)
                self._writes.pop(address, None)
        if self._unrecorded and torch.is_grad_enabled():
            self._read_unrecorded(event)
        if self._writes and event.operation.name == "ones_like" and event.caller.begins_backward:
            self._saved(event)

    def _read_unrecorded(self, event: Event) -> None:
        """Look for an operand whose history does not know that it was changed."""
        for tensor in event.tensors:
            write = self._unrecorded.get(_address(tensor)) if tensor.grad_fn is not None else None
            base = _private_parts.base(tensor)
            if write is not None and (base is tensor or base.grad_fn is not None):
                site, name = write
                reason = WORDS["in_place.unrecorded"].format(operation=name)
                found = _Found(name, _shapes((tensor,)), None, (reason,), (WORDS["in_place.mend"],))
                self._unrecorded.pop(_address(tensor))
                self._record(event, "in_place", found, site)

    def _saved(self, event: Event) -> None:
        """Look through all that backward is about to need."""
        for node in _private_parts.record(event.tensors):
            for tensor in _private_parts.changed(node):
                site, name = self._writes.get(_address(tensor), (None, ""))
                if site is not None:
                    reason = WORDS["in_place.saved"].format(operation=name, node=node.name())
                    found = _Found(name, _shapes((tensor,)), None, (reason,), (WORDS["in_place.mend"],))
                    self._record(event, "in_place", found, site)

    def _views(self, event: Event) -> None:
        if not event.caller.direct:
            return
        if not event.written:
            self._note_views(event)
        elif event.operation.name not in _OVERWRITES:
            for tensor in event.written:
                self._write_view(event, tensor)
        if self._view_writes:
            self._read_below_view(event)

    def _note_views(self, event: Event) -> None:
        """Keep in mind on which line a view was made."""
        source = _address(event.tensors[0]) if event.tensors else 0
        for result in event.results:
            address = _address(result)
            if address and address == source:
                self._view_lines.put((_start(result), result.shape, result.stride()), event.caller.site)
            elif address:
                self._view_writes.pop(address, None)

    def _write_view(self, event: Event, tensor: Tensor) -> None:
        """Keep in mind that a view was changed, if it was made on another line: there nobody may know that it is one."""
        if not _address(tensor) or _private_parts.base(tensor) is tensor:
            return
        made, site = self._view_lines.get((_start(tensor), tensor.shape, tensor.stride())), event.caller.site
        if made and site and (made.code, made.line) != (site.code, site.line):
            write = (site, event.operation.name, tensor.numel(), _start(tensor), _shape(tensor))
            self._view_writes.put(_address(tensor), write)

    def _read_below_view(self, event: Event) -> None:
        """Look for an operand that is more than the view through which its memory was changed."""
        now = event.caller.site
        for tensor in event.tensors:
            if now is None or _address(tensor) not in self._view_writes:
                continue
            site, name, size, start, shape = self._view_writes[_address(tensor)]
            turned = tensor.numel() == size and _start(tensor) == start and _shape(tensor) != shape
            if (tensor.numel() > size or turned) and (now.code, now.line) != (site.code, site.line):
                del self._view_writes[_address(tensor)]
                reason = WORDS["views"].format(operation=name, line=now.line)
                self._record(event, "views", _Found(name, (shape,), None, (reason,), (WORDS["views.mend"],)), site)

    def _single_axes(self, event: Event) -> None:
        name, caller = event.operation.name, event.caller
        if name not in _SOFTMAXES and name not in _MEANS and name not in _LAYER_NORMS:
            return
        if not event.tensors or not (caller.direct or caller.function in _frames.NORMALIZING):
            return
        x = event.tensors[0]
        if name in _LAYER_NORMS:
            sizes = event.args[1] if len(event.args) > 1 and isinstance(event.args[1], (list, tuple)) else ()
            axes = [*range(-len(sizes), 0)]
        else:
            given = _axes_of(event)
            axes = [given] if isinstance(given, int) else [*given] if isinstance(given, (list, tuple)) else []
        if not axes or not x.numel() or any(not -x.ndim <= axis < x.ndim for axis in axes):
            return
        if prod(x.shape[axis] for axis in axes) > 1:
            self._clear(event, "single_axes")
            return
        soft = "softmax" in name
        effect = " and gives 1 whatever it is given" if name in {"_softmax", "softmax"} else ""
        effect = " and gives 0 whatever it is given" if soft and not effect else effect
        called, shape = caller.function or name.strip("_"), _shape(x)
        reason, mend = WORDS["single_axes"].format(operation=called, effect=effect), WORDS["single_axes.mend"]
        self._record(event, "single_axes", replace(_of(event, reason, mend.format(shape=shape)), operation=called))

    # Costs

    def _copies(self, event: Event) -> None:
        name = event.operation.name
        if name != "clone" and name not in _COPIES:
            return
        asked = event.kwargs.get("memory_format") == torch.contiguous_format
        if not event.caller.direct or (name == "clone" and not asked) or not event.results:
            return
        x, result = event.tensors[0], event.results[0]
        if _address(x) == _address(result):
            return
        site = event.caller.site
        code = (_frames.called(site) if site else None) if name == "clone" else name
        if code in _COPIES and x.layout == torch.strided:
            reason = WORDS["copies"].format(operation=code, nbytes=result.nbytes, shape=_shape(x), strides=x.stride())
            found = _of(event, reason, WORDS["copies.mend"])
            self._record(event, "copies", replace(found, operation=code, nbytes=result.nbytes))

    def _transfers(self, event: Event) -> None:
        if event.operation.name not in {"_to_copy", "copy_"} or not event.results:
            return
        source, target = event.tensors[-1].device, event.results[0].device
        if source != target:
            nbytes = event.results[0].nbytes
            reason = WORDS["transfers"].format(nbytes=nbytes, source=source, target=target)
            self._record(event, "transfers", replace(_of(event, reason, WORDS["transfers.mend"]), nbytes=nbytes))

    def _waits(self, event: Event) -> None:
        name = _WAITS.get(event.operation.name)
        if name is None and event.operation.name in {"_to_copy", "copy_"} and event.results:
            source, target = event.tensors[-1].device, event.results[0].device
            name = "to" if target.type == "cpu" and source.type not in {"cpu", "meta"} else None
        if name is None and event.operation.name in {"index", "index_put_"}:
            masked = any(tensor.dtype in {torch.bool, torch.uint8} for tensor in event.tensors[1:])
            name = "mask" if masked else None
        if name is None or not event.tensors or not (event.caller.direct or event.caller.prints):
            return
        device = event.tensors[-1 if name == "to" else 0].device
        if device.type == "meta" or (device.type == "cpu" and not self.accelerator):
            return
        words = WORDS["waits.cpu" if device.type == "cpu" else "waits"]
        found = _of(event, words.format(operation=name, device=device), WORDS["waits.mend"])
        self._record(event, "waits", replace(found, operation=name))

    def _memory(self, event: Event) -> None:
        for result in event.results:
            if not _is_plain(result):
                continue
            storage = result.untyped_storage()
            address, nbytes = storage.data_ptr(), storage.nbytes()
            if not address or address in self._live or any(_address(tensor) == address for tensor in event.tensors):
                continue
            self._live[address] = (nbytes, event.caller.site, weakref.ref(storage, _Freed(self, address)))
            self._now += nbytes
            if self._now > self.peak:
                self.peak, self._at_peak = self._now, None  # by line it is counted when the first goes

    def free(self, address: int) -> None:
        """Note that memory is given back."""
        if self._at_peak is None:
            self._at_peak = self._by_line()
        nbytes, _, _ = self._live.pop(address, (0, None, None))
        self._now -= nbytes

    def stop(self) -> None:
        """Let go of memory that is still in use."""
        if self._at_peak is None:
            self._at_peak = self._by_line()
        for site in (*self._at_peak, *self.compiled):
            if site is not None:
                self.where(site)
        self._live.clear()
        self._now = 0

    def _by_line(self) -> dict[Site | None, int]:
        lines: dict[Site | None, int] = {}
        for nbytes, site, _ in self._live.values():
            lines[site] = lines.get(site, 0) + nbytes
        return lines

    def _memory_findings(self) -> list[Finding]:
        lines: dict[_frames.Where, int] = {}
        for site, nbytes in (self._by_line() if self._at_peak is None else self._at_peak).items():
            if site is not None:
                place = self.where(site)
                lines[place] = lines.get(place, 0) + nbytes
        most = sorted(lines.items(), key=lambda one: -one[1])[:5]
        return [
            Finding(
                kind="memory",
                **vars(place),
                operation="",
                shapes=(),
                result=None,
                count=1,
                nbytes=nbytes,
                reasons=(WORDS["memory"].format(nbytes=nbytes, peak=self.peak),),
                mends=(),
            )
            for place, nbytes in most
        ]


class _Freed:
    """What is called when memory is given back, without a hold on who is told."""

    __slots__ = ("address", "looking")

    def __init__(self, looking: Looking, address: int) -> None:
        self.looking, self.address = weakref.ref(looking), address

    def __call__(self, _: object) -> None:
        looking = self.looking()
        if looking is not None:
            looking.free(self.address)


Verdict = Literal["right", "grows", "chance", "not by chance"]


@lru_cache(maxsize=2**12)
def _judged(shapes: tuple[tuple[int, ...], ...]) -> tuple[Verdict, str]:
    """Return what the rule says of shapes: right, too many elements, or a fit by chance."""
    if not broadcasting.compatible(*shapes):
        return "right", ""
    result = broadcasting.result_shape(*shapes)
    warning = broadcasting.explain(*shapes).warning
    if warning is not None:
        return ("grows" if prod(result) > max(map(prod, shapes)) else "chance"), warning
    # The same line with other sizes: what may fit by chance there is meant for the axis that it meets.
    if any(1 < len(shape) < len(result) and 1 < shape[0] != result[0] for shape in shapes):
        return "not by chance", ""
    return "right", ""


def _autocasts() -> bool:
    """Tell whether autocast chooses dtypes; below autograd, where a mode is asked, its own flag says it does not."""
    depth: int = torch.autocast_increment_nesting()
    torch.autocast_decrement_nesting()
    return depth > 1


def _ones(tensor: Tensor) -> int:
    return tuple(tensor.shape).count(1)


def _is_plain(tensor: Tensor) -> bool:
    """Tell whether the values of a tensor can be read."""
    return type(tensor) in _PLAIN and tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized


def _not_finite(tensors: Iterable[Tensor]) -> tuple[bool, bool]:
    """Tell whether any of some tensors has NaN, and whether any has an infinity."""
    nan = infinite = False
    for tensor in tensors:
        fractions = tensor.is_floating_point() or tensor.is_complex()
        if not fractions or tensor.dtype.itemsize == 1 or not _is_plain(tensor) or not tensor.numel():
            continue
        # A sum is not finite where an element is not, and takes one pass; half precision could overflow in it.
        total = tensor.sum(dtype=torch.float32 if tensor.dtype.itemsize == 2 else None).item()  # noqa: PLR2004  bytes
        if not isfinite(abs(total)):
            nan = nan or bool(tensor.isnan().any())
            infinite = infinite or bool(tensor.isinf().any())
    return nan, infinite


def _axes_of(event: Event) -> Any:
    """Return the argument that says along which axes."""
    name, args = event.operation.name, event.args
    if "dim" in event.kwargs:
        return event.kwargs["dim"]
    position = 2 if name in {"linalg_vector_norm", "norm"} else 1
    return args[position] if len(args) > position and not isinstance(args[position], bool) else None
