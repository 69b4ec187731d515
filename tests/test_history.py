"""Shape, strides, memory and messages, operation by operation, held against PyTorch."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tensorref import layout
from tensorref.layout import _parsing, _words

TEXTS = json.loads(Path(__file__).with_name("operation_texts.json").read_text(encoding="utf-8"))
SHAPES = [(), (0,), (1,), (2,), (3,), (1, 1), (0, 2), (2, 1), (2, 3), (2, 1, 3), (1, 0, 2)]

pytestmark = pytest.mark.filterwarnings("ignore:Tensor.mT is deprecated on 0-D tensors")


def applied(tensor, code):
    """Return what Python and PyTorch make of an operation."""
    return eval(f"tensor{code}", {"tensor": tensor})  # noqa: S307  the texts are ours


def follow(tensor, codes):
    """Return the tensor after each operation, and what PyTorch raises."""
    tensors = [tensor]
    for code in codes:
        try:
            after = applied(tensors[-1], code)
            # Beside a size of 0, expand of a tensor without axes lets -1 through, to a tensor that is none.
            if min(after.shape, default=0) < 0:
                assert "expand" in code
                assert (0 in after.shape, tensors[-1].shape) == (True, ())
                raise RuntimeError("numel: integer multiplication overflow")
        except (RuntimeError, IndexError, ValueError) as error:
            return tensors, error
        tensors.append(after)
    return tensors, None


def numbered(shape, device="cpu"):
    return torch.arange(math.prod(shape), dtype=torch.float32, device=device).reshape(shape)


def agree(tensor, codes):
    """Assert that the history of a contiguous tensor is what PyTorch makes of it, and return the history."""
    history = layout.history(tuple(tensor.shape), "".join(codes), itemsize=tensor.itemsize)
    tensors, error = follow(tensor, codes)
    context = tuple(tensor.shape), codes
    stages = [*history.stages]
    assert len(history.steps) == len(stages)
    raised = (None, None) if error is None else (type(error).__name__, str(error))
    assert (history.exception, (history.messages and history.messages.torch)) == raised, context
    if error:
        failed, last = stages.pop(), stages[-1]
        code = codes[len(tensors) - 1]
        assert failed == dataclasses.replace(last, code=code, verdict="error", moved_bytes=0), context
    assert len(stages) == len(tensors), context
    assert (stages[0].verdict, stages[0].memory, stages[0].moved_bytes) == ("start", 0, 0)
    for stage, now in zip(stages, tensors, strict=True):
        assert stage.shape == now.shape, context
        assert stage.strides == now.stride(), context
        assert stage.offset == now.storage_offset(), context
        assert stage.contiguous == now.is_contiguous(), context
        assert stage.elements * now.itemsize == now.untyped_storage().nbytes(), context
    if tensor.device.type == "cpu":
        for (stage, then), (after, now) in itertools.pairwise(zip(stages, tensors, strict=True)):
            shared = now.untyped_storage().data_ptr() == then.untyped_storage().data_ptr()
            assert after.verdict == ("view" if shared else "copy"), context
            assert after.memory == stage.memory + (not shared), context
            assert after.moved_bytes == (0 if shared else now.nbytes), context
            assert shared or now.flatten().tolist() == taken(stage, then), context
    return history


def taken(stage, tensor):
    """Return the elements of a tensor by what a stage says of where they are."""
    stored = torch.empty(0, device="cpu").set_(tensor.untyped_storage()).tolist()
    places = itertools.product(*map(range, stage.shape))
    return [stored[stage.offset + sum(map(int.__mul__, place, stage.strides))] for place in places]


def listed(numbers):
    return ", ".join(map(str, numbers)) or "()"


def one_operation(rank):
    """Every operation with small numbers: those that fit and those that do not."""
    dims = range(-rank - 2, rank + 2)
    yield from (".mT", ".contiguous()")
    for first in dims:
        yield from (f".transpose({first}, {second})" for second in dims)
    for count in range(min(rank, 2) + 2):
        yield from (f".permute({listed(order)})" for order in itertools.product(dims, repeat=count))
    for count in range(4):
        for sizes in itertools.product((2, -1, 0, 1, 3)[: 5 if count < 3 else 4], repeat=count):
            yield from (f".{name}({listed(sizes)})" for name in ("view", "reshape", "expand"))
    items = ("0", "-1", "-3", "2", ":", "1:", ":-1", "1::2", "2:1:3", "-9:9", "::0", "::-1", "None", "...")
    yield from (f"[{item}]" for item in items)
    for chosen in [*itertools.product(items, repeat=2), *itertools.product((*items[1::4], "..."), repeat=3)]:
        if chosen.count("...") < 2:
            yield f"[{', '.join(chosen)}]"


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("rank", range(4))
def test_every_operation_on_every_small_shape(rank):
    verdicts = {"view": 0, "copy": 0, "error": 0}
    for code in one_operation(rank):
        for shape in SHAPES:
            if len(shape) == rank:
                verdicts[agree(numbered(shape), [code]).stages[-1].verdict] += 1
    assert min(verdicts["view"], verdicts["error"]) > 50
    assert verdicts["copy"] == 0  # the tensor is contiguous


@st.composite
def operation(draw, shape):
    """Draw an operation that mostly fits a shape."""
    rank = len(shape)
    wrong = draw(st.integers(0, 19)) == 0
    dims = st.integers(-rank - 2, rank + 2) if wrong or not rank else st.integers(-rank, rank - 1)
    kind = draw(st.sampled_from(["axes", "axes", "index", "index", "expand", "sizes", "sizes", "copy"]))
    if kind == "axes":
        name = draw(st.sampled_from(["transpose", "permute", "mT"]))
        if name == "transpose":
            return f".transpose({draw(dims)}, {draw(dims)})"
        return ".mT" if name == "mT" else f".permute({listed(draw(st.permutations(range(rank))))})"
    if kind == "index":
        items = [drawn_item(draw, size + wrong) for size in shape[: draw(st.integers(0, rank))]]
        for extra in draw(st.lists(st.sampled_from(["None", "..."]), max_size=2, unique=True)):
            items.insert(draw(st.integers(0, len(items))), extra)
        return f"[{', '.join(items) or '...'}]"
    if kind == "expand":
        sizes = [draw(st.sampled_from([-1, size, 3 if size == 1 or wrong else size])) for size in shape]
        return f".expand({listed(draw(st.lists(st.integers(0, 3), max_size=2)) + sizes)})"
    if kind == "copy":
        return ".contiguous()"
    sizes = [math.prod(shape) + wrong]
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(sizes) - 1))
        part = draw(st.sampled_from([n for n in range(1, max(sizes[place], 1) + 1) if sizes[place] % n == 0]))
        sizes[place : place + 1] = [part, sizes[place] // part]
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    return f".{draw(st.sampled_from(['view', 'reshape']))}({listed(sizes)})"


def drawn_item(draw, size):
    ends = st.one_of(st.just(""), st.integers(-size - 1, size + 1))
    step = draw(st.sampled_from(["", ":1", ":2", ":3", ":"]))
    taken = f"{draw(ends)}:{draw(ends)}{step}"
    return draw(st.sampled_from([":", taken, taken, str(draw(st.integers(-size, size - 1)))])) if size else taken


@given(st.data())
def test_histories_are_those_of_pytorch(data):
    shape = data.draw(st.lists(st.sampled_from([1, 2, 2, 3, 4, 0]), max_size=4))
    tensor = numbered(shape)
    codes, now = [], tensor
    for _ in range(data.draw(st.integers(1, 6))):
        codes.append(data.draw(operation(tuple(now.shape))))
        tensors, error = follow(now, codes[-1:])
        now = tensors[-1]
        if error or now.numel() > 500:
            break
    text = "".join(codes)
    parsed = "".join(operation.code for operation in _parsing.parse_operations(text))
    history = agree(tensor, [operation.code for operation in _parsing.parse_operations(text)])
    assert history.code == f"x{parsed}"[: len(history.code)]
    # As it was written and as it is read are one thing to Python.
    written, read = follow(tensor, [text]), follow(tensor, [parsed])
    assert str(written[1]) == str(read[1])
    assert all(torch.equal(*pair) for pair in zip(written[0], read[0], strict=True))
    assert json.loads(json.dumps(history.to_dict())) == history.to_dict()
    assert len(history.table()) == len(history.stages) + 1
    assert history.notes()
    for words in (*history.steps, *history.notes()):
        assert "{" not in words.replace("FloatTensor{", "")


SEQUENCES = [
    ((2, 3), (".mT", ".view(6)")),
    ((2, 3), (".T", ".reshape(6)")),
    ((2, 3, 4), ("[1]", ".T", ".view(12)")),
    ((2, 3), (".mT", ".reshape(6)", ".view(3, 2)", ".mT", ".contiguous()")),
    ((2, 3), (".mT", ".reshape(-1)")),
    ((4, 6), ("[:, :3]", ".view(4, 3, 1)")),
    ((4, 6), ("[:, :3]", ".view(12)")),
    ((4, 6), ("[1::2, 3]", ".reshape(-1)", ".reshape(2, 1)", ".reshape(-1)")),
    ((6,), ("[::2]", ".reshape(-1)", ".contiguous()", "[1:]", ".contiguous()")),
    ((5,), ("[::7]", ".reshape(-1)", ".reshape(1)", ".view(1, 1)", ".contiguous()")),
    ((1, 3), (".expand(2, 3)", ".view(6)")),
    ((1, 3), (".expand(2, 3)", ".reshape(6)", ".contiguous()")),
    ((1,), (".expand(6)", ".view(2, 3)", "[1]", ".contiguous()")),
    ((), (".expand(2, 3)", ".contiguous()", "[0, 1]", ".reshape(-1)")),
    ((2, 0), (".mT", ".contiguous()", ".reshape(0, 5)", ".reshape(-1)", ".view(3, 0)")),
    ((2, 0, 3), (".permute(2, 0, 1)", ".reshape(3, 2, 0)", ".reshape(0)")),
    ((2, 1), (".mT", ".contiguous()", ".reshape(2, 1)", "[:, 0]", "[:, None]")),
    ((4, 32, 64), (".view(4, 32, 8, 8)", ".transpose(1, 2)", ".view(4, 8, 256)")),
    ((2, 3), ("[1::99999999999999]", "[:, None]", "[None]", ".view(3)")),
    ((2, 1, 3), ("[:, ::9999999999999]", "[:, None, ::9]")),
    ((1,) * 64, ("[None]", ".mT", ".contiguous()", ".view(1)")),
    ((2, *(1,) * 61, 3), (".expand(2" + ", -1" * 63 + ")", ".mT", ".view(12)")),
]


@pytest.mark.parametrize("code", ["[:,]", "[0,]", "[-1,]", "[5,]", "[::0,]", "[None,]", "[...,]"])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_a_tuple_of_one_has_messages_of_its_own(shape, code):
    agree(numbered(shape), [code])


@pytest.mark.parametrize(("shape", "codes"), SEQUENCES, ids=range(len(SEQUENCES)))
def test_sequences(shape, codes):
    agree(numbered(shape), codes)


LARGE = [
    ((2**25, 2**26), (".mT", ".contiguous()", "[::99]", "[:, None]", ".mT")),
    ((2**25, 2**26), (".mT", ".view(-1)")),
    ((2**25, 2**26), ("[:, ::9]", "[:, None]", "[None, 1:]", "[:, :, :, :, None]", "[0]")),
    ((10**7, 10**7), ("[:, ::99999999999999]", ".reshape(-1)", ".contiguous()")),
    ((10**7, 10**7), ("[-999999999999999999:999999999999999999]", "[999999999999999999:]", "[0]")),
    ((10**7, 10**7), (".view(10, 999999999999999999)",)),
    ((10**7, 10**7), (".view(-1, 999999999)",)),
    ((1,), (f".expand({10**9})", "[None]", ".expand(9, -1)", ".view(-1)", "[5:]")),
    ((1, 1), (f".expand({2**50}, 2)", ".contiguous()")),
    ((1, 1, 2), (f".expand({2**49}, 2, 2)", ".mT", ".reshape(-1)")),
    ((2**51,), ("[1:]", ".contiguous()", ".view(1, -1)", ".mT")),
    ((0, 2**25, 2**25), (".mT", ".view(-1, 7)", ".contiguous()")),
]


@pytest.mark.parametrize(("shape", "codes"), LARGE, ids=range(len(LARGE)))
def test_numbers_that_no_memory_holds(shape, codes):
    agree(torch.empty(shape, device="meta"), codes)


BEYOND = [
    ((2**26, 2**26), "", 4),
    ((2**26, 2**26), ".mT", 4),
    ((0, 2**30, 2**30), "", 1),
    ((1,), f"[None].expand({2**30}, -1).mT[None].expand({2**22}, -1, -1)", 4),
    ((1,), f".expand({2**51 + 1})", 4),
    ((1,), ".expand(999999999999999999)", 1),
    ((2, 3), f"[::{2**50}]", 4),
    ((2, 0), f".view(0, {2**53}, {2**53})", 1),
]


@pytest.mark.parametrize(("shape", "text", "itemsize"), BEYOND, ids=range(len(BEYOND)))
def test_what_is_beyond_2_to_the_53_bytes_is_said(shape, text, itemsize):
    stored = math.prod(max(size, 1) for size in shape) * itemsize
    with pytest.raises(ValueError) as raised:
        layout.history(shape, text, itemsize=itemsize)
    found = f"shape is {shape}" if stored > 2**53 else _parsing.parse_operations(text)[-1].code
    assert str(raised.value) == f"{found}: more than 2**53 bytes, the most that is followed here; choose smaller sizes."
    assert isinstance(raised.value, layout.OperationsTextError) == (stored <= 2**53)


@pytest.mark.parametrize(
    ("shape", "fix"), [((), ".permute(())"), ((3,), ".permute(0)"), ((2, 3, 4), ".permute(2, 1, 0)")]
)
def test_what_pytorch_deprecates_is_refused_with_code_that_does_the_same(shape, fix):
    with pytest.raises(layout.OperationsTextError) as raised:
        layout.history(shape, ".T")
    assert str(raised.value) == (
        f".T: PyTorch deprecates it for other than two axes, and here are {len(shape)}; write {fix}."
    )
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with pytest.warns(UserWarning, match="deprecated"):
            strides = torch.zeros(shape).T.stride()
    finally:
        torch.set_warn_always(always)
    assert strides == layout.history(shape, fix).stages[-1].strides


def test_2_to_the_53_bytes_are_followed():
    for shape, text, itemsize in [
        ((2**51,), ".view(2, -1).mT", 4),
        ((2**53,), "[1:]", 1),
        ((1,), f".expand({2**51})", 4),
        ((2, 3), f"[::{2**51 // 3}]", 4),
    ]:
        assert layout.history(shape, text, itemsize=itemsize).messages is None


def test_a_negative_size_is_refused():
    """PyTorch makes a tensor of it where another size is 0, which nothing can be done with."""
    assert torch.zeros((), device="cpu").expand(0, -1).shape == (0, -1)
    assert layout.history((), ".expand(0, -1)").messages.torch == "numel: integer multiplication overflow"


@pytest.mark.claim("view-needs-contiguous", "reshape-always")
def test_view_refuses_where_reshape_copies():
    for codes in [(".mT",), ("[:, :2]",), (".mT", "[1:]"), ("[:, None]",)]:
        for target in [(12,), (3, 4), (4, 3), (8,), (2, 4), (4, 2, 1), (2, 2, 3)]:
            elements = follow(numbered((4, 3)), codes)[0][-1].numel()
            if math.prod(target) == elements:
                view = agree(numbered((4, 3)), [*codes, f".view({listed(target)})"])
                copy = agree(numbered((4, 3)), [*codes, f".reshape({listed(target)})"])
                assert copy.messages is None
                assert (view.refused is None) == (copy.stages[-1].verdict == "view")
                if view.refused:
                    assert view.refused.copied_bytes == copy.stages[-1].moved_bytes > 0
                    assert copy.stages[-1].contiguous
                    fix = view.notes()[-1]
                    for text in fix.partition(" copies ")[0].split(" or "):
                        operations = _parsing.parse_operations(text)
                        fixed = agree(numbered((4, 3)), [operation.code for operation in operations])
                        assert fixed.stages[-1].shape == target
                        assert f" copies {sum(stage.moved_bytes for stage in fixed.stages):,} bytes." in fix


def test_what_view_refuses_is_explained():
    history = layout.history((4, 3), "x.mT.view(2, -1)", name="keys", itemsize=2)
    assert history.refused == layout.explain((3, 4), (1, 3), (2, 6), name="keys.mT", itemsize=2)
    assert history.messages == history.refused.messages
    assert history.notes() == (
        "PyTorch refuses keys.mT.view(2, -1).",
        f"PyTorch: {history.messages.torch}",
        (
            "Runs of memory, each of which one stride can step through: axis -2 (3 elements, 1 apart); axis -1 (4 elements, "
            "3 apart). keys.mT has no view of shape (2, 6): axis -1, of size 6, would take more than one run of memory, but "
            "an axis has only one stride."
        ),
        "keys.mT.reshape(2, 6) or keys.mT.contiguous().view(2, 6) copies 24 bytes.",
    )
    assert history.steps[-1] == history.notes()[0]
    assert history.table()[-1] == (".view(2, -1)", "(3, 4)", "(1, 3)", "0", "no", "refused")


REASONS = [
    ((2, 3), ".transpose(0, 2)", "An axis is from -2 to 1 here, and 2 is not."),
    ((), ".transpose(0, -2)", "An axis is from -1 to 0 here, and -2 is not."),
    ((2, 3), ".permute(0)", "permute names each axis once: it takes 2 numbers here, not 1."),
    ((2, 3), ".permute(0, -2)", "permute names each axis once."),
    ((3,), ".mT", "mT swaps the last two axes, and there is only one."),
    ((2, 3), "[:, 0, 0, 0]", "4 ints and slices are too many for 2 axes; leave some out."),
    ((2, 3), "[None, :, -4]", "An int counts from 0, or from -1 back, and this axis has size 3."),
    ((0, 3), "[0]", "An int counts from 0, or from -1 back, and this axis has size 0."),
    ((), "[0]", "There is no axis to take from; write [...] or [None]."),
    ((), "[5]", "An int counts from 0, or from -1 back, and this axis has size 0."),
    ((), "[:]", "There is no axis to take from; write [...] or [None]."),
    ((3,), "[::0]", "Slices of PyTorch go forward: write a step of 1 or more."),
    ((3,), "[::-1]", "Slices of PyTorch go forward: write a step of 1 or more. flip copies backward."),
    ((2, 3), ".expand(3)", "expand keeps every axis and may add some in front: write 2 sizes or more."),
    ((3,), ".expand(-1, 3)", "-1 keeps the size of an axis, and a new axis has none to keep; write its size."),
    ((), ".expand(2, -1)", "-1 keeps the size of an axis, and a new axis has none to keep; write its size."),
    ((2, 3), ".expand(5, 4, 3)", "Only a size of 1 repeats, and this axis has size 2; write 2 or -1 for it."),
    (
        (20, 100),
        ".view(7)",
        "The sizes must multiply to 2,000, the number of elements, and -1 must come out whole.",
    ),
    ((2, 3), ".reshape(-1, 4)", "The sizes must multiply to 6, the number of elements, and -1 must come out whole."),
    ((2, 3), ".view(-1, -1)", "Only one size can be worked out from the others; write the others."),
    ((0, 3), ".view(0, -1)", "Beside a size of 0, any size would do for -1; write the one you want."),
]


@pytest.mark.parametrize(("shape", "text", "reason"), REASONS, ids=[f"{shape}{text}" for shape, text, _ in REASONS])
def test_reasons(shape, text, reason):
    history = agree(numbered(shape), [operation.code for operation in _parsing.parse_operations(text)])
    assert history.reasons == (reason,)
    assert history.notes() == (f"PyTorch refuses x{text}.", f"PyTorch: {history.messages.torch}", reason)
    assert history.steps[-1] == f"PyTorch refuses x{text}."
    assert history.refused is None


def test_every_message_and_every_reason_has_a_case():
    histories = [layout.history(shape, text) for shape, text, _ in REASONS] + [layout.history((2, 3), ".mT.view(6)")]
    for templates, said in [
        (_words.MESSAGES.values(), [(history.messages and history.messages.torch) for history in histories]),
        (
            [words for key, words in _words.WORDS.items() if key.startswith("why.")],
            [h.reasons[0] if h.reasons else None for h in histories],
        ),
    ]:
        for template in templates:
            fixed = max(template.replace("}", "{").split("{")[::2], key=len)
            assert any(fixed in words for words in said), template


INDEXED = "an int or a start moves the offset, a step multiplies a stride, None adds an axis of size 1."
STEPS = [
    ((4, 3), ".transpose(0, -1)", ".transpose(0, -1): the axes change places, each with its stride."),
    ((4, 3), ".mT", ".mT: the axes change places, each with its stride."),
    ((2, 3, 4), ".permute(2, 0, -2)", ".permute(2, 0, -2): the axes change places, each with its stride."),
    ((4, 999), "[2:, ::2]", f"[2:, ::2]: {INDEXED}"),
    ((4, 3), "[:, 0]", f"[:, 0]: {INDEXED}"),
    (
        (1, 4, 1),
        ".expand(2, 4, 3)",
        ".expand(2, 4, 3): where a size of 1 repeats, the stride is 0; no element is copied.",
    ),
    (
        (4,),
        ".view(2, -1)",
        ".view(2, -1): each axis of (2, 2) lies within one run of memory, so other strides are enough.",
    ),
    ((4, 1), ".view(-1)", ".view(-1): each axis of (4,) lies within one run of memory, so other strides are enough."),
    (
        (4, 3),
        ".mT.reshape(-1)",
        ".reshape(-1): strides alone cannot do this, so 48 bytes are copied in row-major order.",
    ),
    (
        (40, 30),
        ".mT.contiguous()",
        ".contiguous(): strides alone cannot do this, so 4,800 bytes are copied in row-major order.",
    ),
    ((4, 3), ".contiguous()", ".contiguous(): it is contiguous, and no element moves."),
]


@pytest.mark.parametrize(("shape", "text", "step"), STEPS, ids=[f"{shape}{text}" for shape, text, _ in STEPS])
def test_steps(shape, text, step):
    history = layout.history(shape, text)
    last = history.stages[-1]
    state = f"Shape {last.shape}, strides {last.strides}, offset {last.offset:,}: {'' if last.contiguous else 'not '}"
    assert history.steps[-1] == f"{step} {state}contiguous."
    assert history.steps[0] == f"x has shape {shape} and strides {layout.strides(shape)}: it is contiguous."


NOTES = [
    ((4, 3), "", ["x has shape (4, 3), strides (3, 1) and offset 0."]),
    (
        (),
        ".expand(1)",
        [
            "x.expand(1) has shape (1,), strides (0,) and offset 0.",
            "It is a view: it uses the memory of x, and what is written to one is in the other.",
        ],
    ),
    (
        (1, 0),
        ".expand(3, 0)",
        [
            "x.expand(3, 0) has shape (3, 0), strides (0, 1) and offset 0.",
            "It is a view: it uses the memory of x, and what is written to one is in the other.",
        ],
    ),
    (
        (4, 3),
        "[1].view(3)",
        [
            "x[1].view(3) has shape (3,), strides (1,) and offset 3.",
            "It is a view: it uses the memory of x, and what is written to one is in the other.",
            "It keeps all 12 elements of that memory alive, and has 3.",
        ],
    ),
    (
        (40, 30),
        ".mT",
        [
            "x.mT has shape (30, 40), strides (1, 30) and offset 0.",
            "It is a view: it uses the memory of x, and what is written to one is in the other.",
            (
                "It is not contiguous. view works where each new axis lies within one run of memory; contiguous() copies "
                "4,800 bytes."
            ),
        ],
    ),
    (
        (4, 1),
        ".expand(4, 3)[1:]",
        [
            "x.expand(4, 3)[1:] has shape (3, 3), strides (1, 0) and offset 1.",
            "It is a view: it uses the memory of x, and what is written to one is in the other.",
            (
                "It is not contiguous. view works where each new axis lies within one run of memory; contiguous() copies "
                "36 bytes."
            ),
            "Several of its elements share one place, so PyTorch refuses to add to it in place.",
        ],
    ),
    (
        (4, 3),
        ".mT.contiguous().mT.reshape(-1)[6:]",
        [
            "x.mT.contiguous().mT.reshape(-1)[6:] has shape (6,), strides (1,) and offset 6.",
            "Its memory is a copy, apart from that of x. Copied in all: 96 bytes, by .contiguous(), .reshape(-1).",
            "It keeps all 12 elements of that memory alive, and has 6.",
        ],
    ),
]


@pytest.mark.parametrize(("shape", "text", "notes"), NOTES, ids=range(len(NOTES)))
def test_notes(shape, text, notes):
    assert [*layout.history(shape, text).notes()] == notes


def test_every_sentence_has_a_case():
    said = [step for shape, text, _ in STEPS for step in layout.history(shape, text).steps]
    said += [note for _, _, notes in NOTES for note in notes]
    refused = layout.history((2, 3), ".mT.reshape(6).mT")
    said += [*itertools.chain.from_iterable(refused.table()), *layout.history((2, 3), ".mT.view(6)").notes()]
    for key, template in _words.WORDS.items():
        fixed = max(template.replace("}", "{").split("{")[::2], key=len)
        assert not key.startswith("history.") or any(fixed in words for words in said), key


@given(st.data())
def test_what_the_notes_say_of_writing_is_true(data):
    tensor = numbered(data.draw(st.lists(st.integers(1, 3), max_size=3)))
    codes, now = [], tensor
    for _ in range(data.draw(st.integers(1, 4))):
        code = data.draw(operation(tuple(now.shape)))
        tensors, error = follow(now, [code])
        if error is None and 0 < tensors[-1].numel() < 500:
            codes.append(code)
            now = tensors[-1]
    if codes:
        notes = layout.history(tuple(tensor.shape), "".join(codes)).notes()
        tensor.fill_(7)
        assert any("what is written to one is in the other" in note for note in notes) == bool((now == 7).all())
        if any("Several of its elements share one place" in note for note in notes):
            with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to a single"):
                now.add_(1)
        else:
            now.add_(1)


def test_the_table():
    assert layout.history((4, 300), "x[1:].mT.reshape(-1)", name="rows").table() == (
        ("operation", "shape", "strides", "offset", "contiguous", "memory"),
        ("rows", "(4, 300)", "(300, 1)", "0", "yes", "4,800 bytes"),
        ("[1:]", "(3, 300)", "(300, 1)", "300", "yes", "view"),
        (".mT", "(300, 3)", "(1, 300)", "300", "no", "view"),
        (".reshape(-1)", "(900,)", "(1,)", "0", "yes", "copy of 3,600 bytes"),
    )


def test_a_name_stays_a_name():
    for name in ("<b>", "{shape}", "{0.__class__}", "$&", ""):
        for text in ("", ".mT.view(6)", ".mT.contiguous()"):
            history = layout.history((2, 3), text, name=name)
            assert history.table()[1][0] == history.name == name
            assert history.notes()[0].removeprefix("PyTorch refuses ").startswith(name + text)
            assert "<b>" not in history._repr_html_()


def plain(operation):
    items = [[*item] if isinstance(item, tuple) else item for item in operation.items]
    return {"name": operation.name, "items": items, "code": operation.code}


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: ascii(case["text"])[:40])
def test_texts(case):
    if "operations" in case:
        assert [plain(operation) for operation in _parsing.parse_operations(case["text"])] == case["operations"]
    else:
        with pytest.raises(layout.OperationsTextError) as raised:
            layout.history((2, 3), case["text"])
        assert str(raised.value) == case["error"]


def test_every_error_has_a_case():
    said = [case["error"] for case in TEXTS if "error" in case]
    for key, template in _words.OPERATIONS.items():
        fixed = max(template.replace("}", "{").split("{")[::2], key=len)
        assert key in ("large", "T") or any(fixed in error for error in said), template


def test_the_examples_in_errors_can_be_written():
    for name, example in _parsing.EXAMPLES.items():
        (operation,) = _parsing.parse_operations(example)
        assert (operation.name, operation.code) == (name, example)


PIECES = (*_parsing.EXAMPLES, *"()[].,:-+ x0123456789\n", "...", "None", "x", "−", "😀", "__class__", "\0", "é")


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=20).map("".join)))
def test_any_text_is_read_or_refused(text):
    refusal, operations = None, ()
    try:
        operations = _parsing.parse_operations(text)
    except layout.OperationsTextError as error:
        refusal = str(error)
    if refusal:
        assert 1 <= int(refusal.partition(":")[0].removeprefix("Position ")) <= len(text) + 1
        assert len(refusal) < 250
    code = "".join(operation.code for operation in operations)
    assert _parsing.parse_operations(f"x{code}") == operations
    assert len(operations) <= _parsing.MAX_OPERATIONS


def test_a_long_text_is_refused_at_once():
    for text in ("." * 10**5, "[" * 10**5, "x" * 10**5 + "(", "9" * 10**5, ".view(" + "9" * 10**5, "." + "a" * 10**5):
        with pytest.raises(layout.OperationsTextError) as raised:
            layout.history((2, 3), text)
        assert len(str(raised.value)) < 250


def test_shapes_are_refused_with_the_fix():
    history = inspect.unwrap(layout.history)
    with pytest.raises(ValueError) as raised:
        history((-1, 2), "")
    assert str(raised.value).startswith("shape[0] is -1; a size is 0 or more")


def test_histories_are_values():
    history = layout.history([4, 3], "x.mT")
    assert history == layout.history((4, 3), " .mT ")
    assert layout.OperationsTextError.__module__ == "tensorref.layout"
    with pytest.raises(AttributeError):
        history.stages[0].offset = 1
