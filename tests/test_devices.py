"""Devices: on whatever this machine has, on machines that are made up, and on the device that needs none."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import json
import platform
import shutil
import types
import warnings
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from tensorref import devices, pitfalls

TOO_OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by downloading and "
    "installing a new version."
)
NO_DRIVER = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver."


@pytest.fixture
def machine(monkeypatch):
    """Make up a machine: what PyTorch was built for, what of it is there, and what the system shows."""

    def make(built=None, *, count=0, says=None, warns=None, shown=()):
        def current(check_available=False):  # noqa: FBT002  as PyTorch has it
            return torch.device(built) if built and (count or not check_available) else None

        def is_available():
            if warns:
                warnings.warn(warns, UserWarning, stacklevel=1)
            return count > 0

        def init():
            if says:
                raise RuntimeError(says)

        accelerator = torch.accelerator
        monkeypatch.setattr(accelerator, "current_accelerator", current)
        monkeypatch.setattr(accelerator, "is_available", is_available)
        monkeypatch.setattr(accelerator, "device_count", lambda: count)
        monkeypatch.setattr(accelerator, "current_device_index", lambda: count - 1)
        monkeypatch.setattr(torch, "get_device_module", lambda _: types.SimpleNamespace(init=init))
        monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi" if "nvidia-smi" in shown else None)
        monkeypatch.setattr(platform, "system", lambda: "Darwin" if "apple" in shown else "Linux")
        monkeypatch.setattr(platform, "machine", lambda: "arm64" if "apple" in shown else "x86_64")
        monkeypatch.setattr(Path, "exists", lambda path: "amd" in shown and str(path) == "/dev/kfd")
        files = {"/proc/driver/nvidia/gpus": "nvidia", "/sys/class/drm": "intel"}
        monkeypatch.setattr(Path, "glob", lambda path, _: [path] if files.get(str(path)) in shown else [])
        monkeypatch.setattr(Path, "read_text", lambda _: "0x8086\n")
        monkeypatch.setattr(torch, "__version__", "2.13.0")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return make


def found(kind):
    return next(each for each in devices.status().accelerators if each.kind == kind)


def test_this_machine():
    here = devices.available()
    assert here[0] == torch.device("cpu")
    assert len(here) == 1 + torch.accelerator.device_count()
    for device in here:
        assert torch.zeros(2, device=device).device == device
        devices.synchronize(device)
    assert (devices.best().type != "cpu") == torch.accelerator.is_available()
    assert torch.zeros(2, device=devices.best()).device == devices.best()
    usable = {each.kind for each in devices.status().accelerators if each.state == "usable"}
    assert usable == {device.type for device in here[1:]}


def test_without_any_accelerator(machine):
    machine()
    assert devices.available() == (torch.device("cpu"),)
    assert devices.best() == torch.device("cpu")
    devices.synchronize()


def test_status_of_a_machine_that_has_none(machine):
    machine()
    assert str(devices.status()) == (
        "device   state  count\n"
        "cpu     usable      1\n"
        "cuda      none      0\n"
        "mps       none      0\n"
        "xpu       none      0\n"
        "* cuda: nothing shows one, and PyTorch 2.13.0 was built without CUDA.\n"
        "* mps: nothing shows one, and PyTorch 2.13.0 was built without MPS.\n"
        "* xpu: nothing shows one, and PyTorch 2.13.0 was built without XPU."
    )


@pytest.mark.parametrize(
    ("shown", "kind", "words"),
    [
        ("nvidia", "cuda", "an NVIDIA GPU (/proc/driver/nvidia/gpus lists it)"),
        ("nvidia-smi", "cuda", "an NVIDIA driver (/usr/bin/nvidia-smi)"),
        ("amd", "cuda", "an AMD GPU (/dev/kfd)"),
        ("apple", "mps", "an Apple GPU"),
        ("intel", "xpu", "an Intel GPU"),
    ],
)
def test_there_but_pytorch_was_built_without_it(machine, shown, kind, words):
    machine(shown=(shown,))
    assert found(kind) == devices.Accelerator(
        kind,
        "unusable",
        0,
        f"{words} is there, but PyTorch 2.13.0 was built without {kind.upper()}; where PyTorch supports it, install "
        "another build: https://pytorch.org/get-started/locally",
    )
    assert {each.state for each in devices.status().accelerators if each.kind != kind} == {"none"}
    assert devices.best() == torch.device("cpu")


@pytest.mark.parametrize("as_warning", [True, False], ids=["warned", "raised"])
@pytest.mark.parametrize("shown", [(), ("nvidia-smi",)], ids=["unseen", "seen"])
def test_a_driver_that_is_too_old_is_there_but_not_usable(machine, as_warning, shown):
    words = f"{TOO_OLD}\n(Triggered internally)"
    machine("cuda", shown=shown, **({"warns": words} if as_warning else {"says": words}))
    seen = "an NVIDIA driver (/usr/bin/nvidia-smi)" if shown else "a driver"
    assert found("cuda") == devices.Accelerator(
        "cuda", "unusable", 0, f"{seen} is there, but PyTorch 2.13.0, built for CUDA, cannot use it: {TOO_OLD}"
    )


@pytest.mark.parametrize("says", [None, NO_DRIVER, "No CUDA GPUs are available"], ids=["nothing", "driver", "gpus"])
def test_built_for_cuda_on_a_machine_without(machine, says):
    machine("cuda", says=says)
    assert found("cuda") == devices.Accelerator(
        "cuda", "none", 0, "nothing shows one, though PyTorch 2.13.0 was built for CUDA."
    )


def test_a_gpu_that_is_hidden(machine, monkeypatch):
    machine("cuda", says="No CUDA GPUs are available", shown=("nvidia",))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert found("cuda").state == "unusable"
    assert found("cuda").reason == (
        "an NVIDIA GPU (/proc/driver/nvidia/gpus lists it) is there, but PyTorch 2.13.0, built for CUDA, cannot use it: "
        "No CUDA GPUs are available CUDA_VISIBLE_DEVICES is '', which may hide it."
    )


def test_a_mac_that_is_too_old(machine):
    machine("mps", shown=("apple",))
    assert found("mps") == devices.Accelerator(
        "mps",
        "unusable",
        0,
        "an Apple GPU is there, but PyTorch 2.13.0, built for MPS, cannot use it: is the driver or the operating system "
        "too old?",
    )


def test_a_gpu_that_is_found_but_does_not_compute(machine, monkeypatch):
    machine("cuda", count=1)

    def ones(*_, **__):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors …")

    monkeypatch.setattr(torch, "ones", ones)
    assert found("cuda") == devices.Accelerator(
        "cuda",
        "unusable",
        1,
        "PyTorch finds it, but cuda:0 does not compute: CUDA error: no kernel image is available for execution on the "
        "device",
    )


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu", "mtia"])
def test_several_of_any_kind(machine, monkeypatch, kind):
    machine(kind, count=2)
    ones = torch.ones
    monkeypatch.setattr(
        torch, "ones", lambda *shape, device: ones(*shape, device="cpu" if device.type == kind else device)
    )
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    first, second = torch.device(kind, 0), torch.device(kind, 1)
    assert devices.available() == (torch.device("cpu"), first, second)
    assert devices.best() == second
    assert found(kind) == devices.Accelerator(kind, "usable", 2, f"{kind}:1 computes, with PyTorch 2.13.0.")
    for device in (None, kind, first, "cpu", "meta"):
        devices.synchronize(device)
    assert waited == [second, torch.device(kind), first]
    with pytest.raises(ValueError) as raised:
        devices.synchronize(torch.device(kind, 2))
    assert str(raised.value) == (
        f"device is '{kind}:2', available are cpu, {kind}:0, {kind}:1; devices.status() says why"
    )


def test_a_device_that_is_not_there_cannot_be_waited_for(machine):
    machine("cuda")
    for device in ("cuda", "cuda:0", "xpu"):
        with pytest.raises(ValueError) as raised:
            devices.synchronize(device)
        assert str(raised.value) == f"device is {device!r}, available are cpu; devices.status() says why"


def test_status_is_data():
    status = devices.status()
    assert json.loads(json.dumps(status.to_dict())) == status.to_dict()
    assert all(each.reason in status._repr_html_() for each in status.accelerators)


def outcome(function, *arguments):
    """Return the device of a result, or None where the devices did not agree."""
    try:
        result = function(*arguments)
    except (RuntimeError, ValueError):
        return None
    return result if isinstance(result, torch.device) else result.device


def tensors_on_cpu_and(other):
    return [torch.ones(shape, device=device) for device in ("cpu", other) for shape in ((), (1,), (3,), (2, 3))]


@pytest.mark.claim("same-device")
@pytest.mark.parametrize("other", ["meta", "best"])
def test_same_device_is_what_pytorch_asks_for(other):
    tensors = tensors_on_cpu_and(devices.best() if other == "best" else other)
    seen = set()
    for pair in itertools.product(tensors, repeat=2):
        expected = outcome(torch.add, *pair)
        assert outcome(pitfalls.check_same_device, *pair) == expected
        seen.add(expected)
    for three in itertools.product(tensors, repeat=3):
        assert outcome(pitfalls.check_same_device, *three) == outcome(torch.addcmul, *three)
    if other == "meta":
        assert seen == {torch.device("cpu"), torch.device("meta"), None}


@pytest.mark.claim("same-device")
def test_a_cpu_scalar_may_join_and_nothing_else():
    far, scalar = torch.ones(3, device="meta"), torch.tensor(2.0, device="cpu")
    assert (far * scalar).device == pitfalls.check_same_device(scalar, far) == torch.device("meta")
    for wrong in (scalar[None], torch.ones(3, device="cpu")):
        with pytest.raises(RuntimeError, match="Tensor on device cpu is not on the expected device meta!"):
            far * wrong
        with pytest.raises(ValueError) as raised:
            pitfalls.check_same_device(scalar, far, far, wrong)
        assert str(raised.value) == (
            "tensors[3] is on cpu, tensors[1] is on meta; move it there with tensors[3].to('meta'): only a CPU tensor of "
            "shape () may stay"
        )
    with pytest.raises(ValueError, match=r"tensors\[1\] is on meta, tensors\[0\] is on cpu"):
        pitfalls.check_same_device(torch.ones(3, device="cpu"), torch.ones((), device="meta"))


def test_the_mend_works():
    tensors = [torch.ones(3, device="meta"), torch.ones(3, device="cpu")]
    tensors[1] = tensors[1].to("meta")
    assert pitfalls.check_same_device(*tensors) == torch.device("meta")


def test_the_mend_for_what_is_on_meta_works():
    tensors = [torch.ones(3, device="cpu"), torch.ones(3, device="meta")]
    with pytest.raises(ValueError) as raised:
        pitfalls.check_same_device(*tensors)
    code = str(raised.value).partition("make room for some with ")[2]
    tensors[1] = eval(code, {"tensors": tensors, "torch": torch})  # noqa: S307  the code is ours
    assert pitfalls.check_same_device(*tensors) == torch.device("cpu")


@pytest.mark.parametrize("place", ["cpu:0", "meta:0", "cpu", "meta"])
def test_a_device_without_an_index_is_called_as_the_tensor_calls_it(place):
    for given in (torch.ones(3, device="cpu"), torch.ones(3, device="meta")):
        explained, result = devices.explain_move(given, place), moved(given, place)
        if result is None:
            assert explained.outcome == "refused"
        else:
            assert explained.result_device == str(result.device)
            assert explained.outcome == ("same" if result is given else "copy")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_a_tensor_of_several_parts_is_refused_with_code_that_works():
    dense = torch.eye(4, device="cpu")
    rows = [torch.ones(2, device="cpu"), torch.ones(3, device="cpu")]
    given = {
        "to_dense()": [dense.to_sparse(), dense.to_sparse_csr(), dense.to_sparse_bsr((2, 2)), dense.to_mkldnn()],
        "to_padded_tensor(0.0)": [
            torch.nested.nested_tensor(rows, layout=kind) for kind in (torch.jagged, torch.strided)
        ],
        "dequantize()": [torch.quantize_per_tensor(dense, 0.5, 0, torch.quint8)],
    }
    for code, tensors in given.items():
        for tensor in tensors:
            with pytest.raises(TypeError) as raised:
                inspect.unwrap(devices.explain_move)(tensor, "cuda:0")
            assert str(raised.value).endswith(f"tensor.{code}")
            devices.explain_move(eval(f"tensor.{code}", {"tensor": tensor}), "cuda:0")  # noqa: S307  the code is ours
    with pytest.raises(TypeError) as raised:
        inspect.unwrap(devices.explain_move)([1.0], "cpu")
    assert str(raised.value) == "tensor is of type list, not a PyTorch tensor; make it one with torch.tensor(tensor)"


def test_no_tensors():
    with pytest.raises(TypeError) as raised:
        pitfalls.check_same_device()
    assert str(raised.value) == "tensors is empty; give at least one tensor"


def shown_on(device, tensor):
    """Return a tensor that says it is on a device which this machine may not have: PyTorch's own stand-in, without values."""
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode:
        return FakeTensor(mode, tensor.to("meta"), torch.device(device))


def moved(tensor, *arguments, **options):
    """Return what `Tensor.to` gives, or None where it raises."""
    try:
        with getattr(tensor, "fake_mode", contextlib.nullcontext()):
            return tensor.to(*arguments, **options)
    except NotImplementedError:
        return None


GIVEN = {
    "matrix": lambda: torch.ones(3, 4, device="cpu"),
    "expanded": lambda: torch.ones(3, 1, device="cpu").expand(3, 4),
    "expanded scalar": lambda: torch.ones((), device="cpu").expand(5),
    "nothing": lambda: torch.ones(1, 0, device="cpu").expand(7, 0),
    "slice": lambda: torch.ones(8, 8, device="cpu")[::2, 1:3],
    "token ids": lambda: torch.zeros(2, 3, dtype=torch.int64, device="cpu"),
    "parameter": lambda: torch.nn.Parameter(torch.ones(2, 3, device="cpu")),
    "result": lambda: torch.ones(2, 3, device="cpu", requires_grad=True) * 2,
    "on meta": lambda: torch.ones(3, 4, device="meta"),
    "on cuda:0": lambda: shown_on("cuda:0", torch.ones(3, 4, device="cpu")),
    "on xpu:1": lambda: shown_on("xpu:1", torch.ones(3, 4, device="cpu")),
}


PLACES = [
    (name, place)
    for name in GIVEN
    for place in (None, "cpu", "meta", "cuda:0", "xpu:0", "xpu:1")
    if place in {None, "cpu", "meta"} or name in {"on cuda:0", "on xpu:1"}  # only the stand-ins go where nothing is
]


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_move_is_explained_as_pytorch_makes_it(name, place):
    for dtype, copy in itertools.product([None, torch.float32, torch.bfloat16, torch.int64], [False, True]):
        tensor = GIVEN[name]()
        explained = devices.explain_move(tensor, place, dtype, copy=copy)
        options = {key: value for key, value in {"device": place, "dtype": dtype}.items() if value is not None}
        result = moved(tensor, **options, copy=copy)
        if not tensor.is_meta:
            assert explained.nbytes == len({*positions(tensor)}) * tensor.element_size()
        if result is None:
            assert (explained.outcome, explained.result_nbytes) == ("refused", 0)
            continue
        assert explained.outcome == ("same" if result is tensor else "copy")
        assert (explained.result_device, f"torch.{explained.result_dtype}") == (str(result.device), str(result.dtype))
        own = 0 if result is tensor or result.is_meta else result.untyped_storage().nbytes()
        assert explained.result_nbytes == own
        lost = tensor.is_leaf and tensor.requires_grad and not result.is_leaf
        assert lost == any("not a leaf" in reason for reason in explained.reasons)
        repeats = result is not tensor and tensor.numel() > len({*positions(tensor)})
        assert repeats == any("Expand after the move" in reason for reason in explained.reasons)


def positions(tensor):
    """Return where in memory each element stands, counted as the definition of strides has it."""
    for index in itertools.product(*map(range, tensor.shape)):
        yield sum(position * stride for position, stride in zip(index, tensor.stride(), strict=True))


def test_a_move_on_this_machine():
    for here in devices.available():
        for name in ("matrix", "expanded", "parameter", "result"):
            tensor = GIVEN[name]()
            for options in ({}, {"non_blocking": True}, {"copy": True}, {"dtype": torch.float16}):
                result = tensor.to(here, **options)
                devices.synchronize()
                explained = devices.explain_move(tensor, here, **options)
                assert explained.outcome == ("same" if result is tensor else "copy")
                assert explained.result_device == str(result.device)
                back = result.to("cpu", non_blocking=True)
                devices.synchronize()
                torch.testing.assert_close(back, tensor.to(back.dtype))


def test_an_accelerator_without_an_index_is_the_one_in_use(machine):
    machine("cuda", count=2)
    tensor = shown_on("cuda:1", torch.ones(3, device="cpu"))
    assert devices.explain_move(tensor, "cuda").outcome == "same"
    assert devices.explain_move(tensor, "cuda:0").outcome == "copy"
    assert devices.explain_move(torch.ones(3, device="cpu"), "cuda").result_device == "cuda:1"
    assert devices.explain_move(torch.ones(3, device="cpu"), "xpu").result_device == "xpu"


# What PyTorch's guide to pin_memory and non_blocking says of a copy from here to there; only a GPU can show it.
BLOCKS = "Python waits for the copy, and for all that cuda:0 still has to do."
STAGED = "Pageable memory is first copied to pinned memory. A pinned tensor is copied faster."
ORDERED = "The next operation on {} waits for the copy."
AT_ONCE = "Python goes on at once. The next operation on {} waits for the copy."
WAITS = {
    ("cpu", "cuda:0", "pageable", "blocking"): [BLOCKS, STAGED],
    ("cpu", "cuda:0", "pinned", "blocking"): [BLOCKS],
    ("cpu", "cuda:0", "pageable", "non_blocking"): [
        ORDERED.format("cuda:0"),
        "Python may wait too, because pageable memory is first copied to pinned memory. A DataLoader can pin in another thread.",
    ],
    ("cpu", "cuda:0", "pinned", "non_blocking"): [
        AT_ONCE.format("cuda:0"),
        "Write to the tensor only when the copy is done, or the copy may hold the new values.",
    ],
    ("cpu", "mps:0", "pageable", "non_blocking"): [
        "Python may go on before the copy is done. Call devices.synchronize() before you use the result."
    ],
    ("cuda:0", "cpu", "pageable", "blocking"): [BLOCKS],
    ("cuda:0", "cpu", "pageable", "non_blocking"): [
        "Python goes on before the values are there. Call devices.synchronize() before you read them."
    ],
    ("cuda:0", "cuda:1", "pageable", "blocking"): [AT_ONCE.format("cuda:1")],
    ("cuda:0", "meta", "pageable", "blocking"): ["A tensor on meta has a shape, a dtype and strides, but no values."],
}


@pytest.mark.parametrize("case", WAITS, ids=" ".join)
def test_who_waits_for_a_copy(monkeypatch, case):
    source, target, memory, way = case
    tensor = shown_on(source, torch.ones(3, device="cpu")) if source != "cpu" else torch.ones(3, device="cpu")
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda _: memory == "pinned")
    move = devices.explain_move(tensor, target, non_blocking=way == "non_blocking")
    assert [*move.reasons] == WAITS[case]
    said = " ".join(move.reasons)
    python = {
        "yes": ("waits", "copies before Python"),
        "maybe": ("may wait", "may go on"),
        "no": ("goes on", "on meta"),
    }
    assert any(words in said for words in python[move.waits])
    assert move.staged == ("first copied to pinned memory" in said)
    assert move.queued == ("The next operation on" in said)
    assert move.pinned == (memory == "pinned") == ("12 bytes, pinned" in str(move))


def test_the_mend_of_a_move_from_meta():
    tensor = torch.ones(3, 4, device="meta").T
    reason = devices.explain_move(tensor, "cpu").reasons[0]
    mend = reason.split(". ", 1)[1].removesuffix(" makes one with room for them.")
    made = eval(mend, {"torch": torch, "tensor": tensor})  # noqa: S307  the words of the reason
    assert (made.device.type, made.shape, made.stride()) == ("cpu", tensor.shape, tensor.stride())


def test_the_optimizer_wants_the_tensor_and_not_its_copy():
    tensor = torch.ones(3, device="cpu", requires_grad=True)
    copy = tensor.to(torch.float64)
    copy.sum().backward()
    assert tensor.grad is not None
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        torch.optim.SGD([copy], lr=0.1)


def test_a_move_is_data():
    move = devices.explain_move(torch.ones(3, device="cpu"), "cuda:0")
    assert json.loads(json.dumps(move.to_dict())) == move.to_dict()
    assert all(reason in move._repr_html_() for reason in move.reasons)


def test_a_device_that_pytorch_does_not_know():
    with pytest.raises(ValueError) as raised:
        devices.explain_move(torch.ones(3, device="cpu"), "gpu")
    assert str(raised.value) == (
        "device is 'gpu', which PyTorch does not know; give 'cpu', 'meta' or an accelerator such as 'cuda:0'"
    )


def test_what_the_page_says_of_machines_without_an_accelerator():
    tensor, accelerator = torch.ones(3, device="cpu"), torch.accelerator
    loader = torch.utils.data.DataLoader(tensor, pin_memory=True)
    if accelerator.is_available() and devices.best().type != "mps":
        assert tensor.pin_memory().is_pinned()
        assert next(iter(loader)).is_pinned()
        before = accelerator.memory_allocated()
        accelerator.reset_peak_memory_stats()
        torch.ones(2**20, device=devices.best())
        assert accelerator.max_memory_allocated() - before >= 2**22
        assert accelerator.memory_reserved() >= accelerator.memory_allocated()
    elif not accelerator.is_available():
        missing = "Cannot access accelerator device when none is available|Found no NVIDIA driver"
        with pytest.raises(RuntimeError, match=missing):
            tensor.pin_memory()
        memory = accelerator.reset_peak_memory_stats, accelerator.max_memory_allocated, accelerator.memory_reserved
        for function in memory:
            if torch.version.cuda:
                assert not function()
            else:
                with pytest.raises(RuntimeError, match=missing):
                    function()
        with pytest.raises(KeyError):
            torch.cuda.memory_summary()
        with pytest.warns(UserWarning, match="no accelerator is found"):
            next(iter(loader))


def test_a_module_moves_in_place():
    module = torch.nn.Linear(2, 2, device="cpu")
    assert module.to(torch.float64) is module
    assert module.weight.dtype == torch.float64


def kept(tokens, *, autocast, features=256):
    """Return the bytes that forward keeps for backward, each piece of memory once, the parameters aside."""
    layers = torch.nn.Sequential(*(torch.nn.Linear(features, features, device="cpu") for _ in range(3)))
    own = {parameter.data_ptr() for parameter in layers.parameters()}
    found = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        layers(torch.ones(tokens, features, device="cpu"))
    return sum(storage.nbytes() for storage in found.values())


def test_autocast_keeps_more_for_few_tokens_and_less_for_many():
    assert kept(16, autocast=True) > kept(16, autocast=False)
    assert kept(4096, autocast=True) < kept(4096, autocast=False)


def test_what_has_a_shape_that_depends_on_values_needs_them():
    x = torch.ones(3, device="meta")
    for function in (
        lambda: x[x > 0],
        lambda: torch.nonzero(x),
        lambda: torch.unique(x),
        lambda: x.masked_select(x > 0),
    ):
        with pytest.raises((NotImplementedError, RuntimeError)):
            function()
    assert torch.where(x > 0, x, 0).shape == (3,)


@pytest.mark.parametrize("device", ["cpu", "best"])
def test_autocast_changes_the_dtype_of_what_is_computed_and_not_of_parameters(device):
    device = devices.best() if device == "best" else torch.device(device)
    layer = torch.nn.Linear(4, 3, device=device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        logits = layer(torch.ones(2, 4, device=device))
        loss = torch.nn.functional.cross_entropy(logits, torch.zeros(2, dtype=torch.int64, device=device))
    loss.backward()
    assert (logits.dtype, loss.dtype) == (torch.bfloat16, torch.float32)
    assert {layer.weight.dtype, layer.weight.grad.dtype} == {torch.float32}


def test_small_gradients_vanish_in_float16_unless_they_are_scaled():
    x = torch.tensor(1.0, dtype=torch.float16, device="cpu", requires_grad=True)
    (x.float() * 1e-8).backward()
    assert x.grad == 0
    x.grad = None
    (x.float() * 1e-8 * 2**16).backward()
    assert x.grad.float() / 2**16 == pytest.approx(1e-8, rel=2**-10)
