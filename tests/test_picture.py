"""The pictures of explanations: well formed, of bounded size, with a text for those who do not see them, and true."""

import re
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch

from tensorref import (
    anatomy,
    attention,
    autograd,
    broadcasting,
    budget,
    caches,
    devices,
    dtypes,
    experts,
    indexing,
    interop,
    layout,
    masks,
    matmul,
    quantization,
    reductions,
)

AXES = ("layer", "x" * 60, "<b>", "num_heads", "seq_len", "head_dim")
ONES = torch.ones(3, 2, device="cpu")
META = torch.empty(10**6, 10**6, device="meta")
PADDED = masks.padding(torch.tensor([[0, 0, 5], [1, 2, 3]], device="cpu"), 0) & masks.causal(3, device="cpu")


def all_earlier(x):
    """Make operations that each take all before them."""
    made = [x]
    for _ in range(20):
        made.append(torch.cat(made))
    return made[-1]


SVG = "{http://www.w3.org/2000/svg}"
EXPLANATIONS = {
    "broadcasting": broadcasting.explain((4, 1), (1, 3)),
    "three shapes": broadcasting.explain((4, 1), (1, 3), ()),
    "a cube": broadcasting.explain((2, 3, 4), (4,)),
    "no element": broadcasting.explain((3, 0), (1,)),
    "scalars": broadcasting.explain((), ()),
    "a conflict": broadcasting.explain((3, 4), (2, 4)),
    "many axes": broadcasting.explain((8, 12, 128, 128), (8, 1, 1, 128)),
    "many axes in conflict": broadcasting.explain((2,) * 64, (3,) * 64),
    "many operands": broadcasting.explain(*[(2, 1)] * 64),
    "hostile names": broadcasting.explain((4, 1), (1, 3), names=["<b>\x00&\"'", "x" * 60]),
    "large": broadcasting.explain((10**6, 1, 10**6), (10**9, 1)),
    "matrices": matmul.explain((3, 2), (2, 4)),
    "vectors": matmul.explain(3, 3),
    "stacks": matmul.explain((2, 8, 32, 16), (16, 32)),
    "no product": matmul.explain((5, 32, 10, 64), (4, 1, 256, 64)),
    "large matrices": matmul.explain((10**6, 10**6), (10**6, 10**9)),
    "a view": layout.explain((4, 3), (6, 1), (2, 2, 3)),
    "no view": layout.explain((4, 3), (1, 4), (12,)),
    "overlapping": layout.explain((1000, 1000, 1000), (1, 2, 3), (10**6, 1000)),
    "a transpose": layout.history((3, 4), ".transpose(0, 1)"),
    "a copy": layout.history((3, 4), ".transpose(0, 1)[:, ::2].reshape(8)"),
    "refused": layout.history((4, 3), ".mT.view(12)"),
    "a scalar in memory": layout.history((), ""),
    "large in memory": layout.history((10**6, 10**6), ".mT[::7, 3:].reshape(-1)"),
    "an index": indexing.explain((4, 5, 6), (slice(None), [0, 2], None)),
    "an index of a scalar": indexing.explain((), (None, ...)),
    "an index that is wrong": indexing.explain((3, 4), (0, 5)),
    "an index of too many axes": indexing.explain((3, 4), (0, 1, 2)),
    "a large index": indexing.explain((10**6, 10**6, 10**6), ([5, 23, 10**5], slice(7, None, 1000), -1)),
    "a long index": indexing.explain((100, 3), np.arange(100)),
    "many axes indexed": indexing.explain((2,) * 60, (0, None, [0, 1])),
    "masked": indexing.explain((2, 3, 4), ([[True, False, True], [False, False, True]],)),
    "a budget": budget.explain(budget.Sizes(50257, 768, 12, 12, 3072), seq_len=1024),
    "a budget of a module": budget.explain(torch.nn.Linear(2, 3)),
    "a layer of experts": experts.explain(1024, 4096, 14336, num_experts=8, top_k=2),
    "groups with a scale": quantization.explain((4096, 4096), "int4", per="group", group_size=128),
    "a vector with a scale": quantization.explain(4),
    "a sum": reductions.explain((2, 3), 1),
    "a sum of everything": reductions.explain((2, 3, 4)),
    "a sum that keeps its axis": reductions.explain((2, 3, 4), 1, keepdims=True),
    "a large sum": reductions.explain((10**6, 10**6, 10**6), (0, 2)),
    "a sum of nothing": reductions.explain((0, 10**9)),
    "no such axis": reductions.explain((2, 3), 5),
    **{dtype: dtypes.bits(1 / 3, dtype) for dtype in ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn")},
    **{f"{n}D": anatomy.describe(np.zeros((2, 3, 4, 5, 6, 7)[:n])) for n in range(7)},
    "4D and large": anatomy.describe(torch.empty(10**6, 12, 10**6, 64, device="meta")),
    "4D and empty": anatomy.describe(np.zeros((0, 2, 3, 4))),
    **{f"{n}D and named": anatomy.describe(np.zeros((2, 3, 4, 5, 6, 7)[:n]), axes=AXES[:n]) for n in range(1, 7)},
    "shared": interop.explain(np.arange(4)),
    "reversed": interop.explain(np.arange(4)[::-1]),
    "repeated": interop.explain(np.broadcast_to(np.zeros(2), (3, 2))),
    "refused by NumPy": interop.explain(torch.ones(3, dtype=torch.bfloat16, requires_grad=True)),
    "refused by PyTorch": interop.explain(np.array([None, {}], object)),
    "records": interop.explain(np.zeros(2, [("x" * 40, "i4"), ("y", "f8")])),
    "no memory": interop.explain(np.zeros((0, 3))),
    "sparse": interop.explain(ONES.to_sparse()),
    "nested": interop.explain(torch.nested.nested_tensor([ONES, ONES[:1]], layout=torch.jagged)),
    "large and strided": interop.explain(np.broadcast_to(np.float32(0), (10**6, 10**6))[::-1, ::7]),
    "bytes across": interop.explain(np.zeros(4, [("a", "i1"), ("b", "i4")])["b"]),
    "same device": devices.explain_move(ONES, "cpu"),
    "another dtype": devices.explain_move(ONES, dtype=torch.float16),
    "to an accelerator": devices.explain_move(ONES, "cuda:0"),
    "without blocking": devices.explain_move(ONES, "cuda:0", non_blocking=True),
    "may go on": devices.explain_move(ONES[:1, :1].expand(10**7, 10**7), "mps", non_blocking=True),
    "to meta": devices.explain_move(ONES, "meta"),
    "from meta": devices.explain_move(META, "cuda:0"),
    "from an accelerator": replace(devices.explain_move(ONES, copy=True), device="cuda:0", waits="no", queued=False),
    "pinned": replace(devices.explain_move(ONES, "cuda:0", non_blocking=True), pinned=True, staged=False, waits="no"),
    "a graph": autograd.graph(lambda x, w, b: (x @ w + b).relu().sum(), ONES, ONES.mT, ONES[:, 0]),
    "a cut": autograd.graph(lambda x: x * x.detach() + x, ONES),
    "in place": autograd.graph(lambda x: x.exp().add_(1), ONES),
    "a leaf in place": autograd.graph(lambda x: x.add_(1), ONES),
    "no operation": autograd.graph(lambda x: x, ONES),
    "no leaf": autograd.graph(lambda: torch.ones(3, device="cpu")),
    "all earlier": autograd.graph(all_earlier, ONES[:0]),
    "a layer": autograd.graph(torch.nn.TransformerEncoderLayer(2, 1, 2, dropout=0.0, device="cpu"), ONES),
    "a causal mask": masks.explain(masks.causal(5, device="cpu")),
    "a mask with parts": masks.explain(PADDED),
    "a large mask": masks.explain(np.tri(1000, dtype=bool)),
    "a mask of much": masks.explain(np.eye(20, dtype=bool)[..., None] | (np.arange(2000) % 2 == 0)),
    "no query": masks.explain(np.zeros((0, 3), bool)),
    "no key": masks.explain(np.zeros((2, 1, 3, 0), bool)),
    "no part": masks.explain(np.zeros((0, 1, 1, 3), bool)),
    "attention": attention.explain((4, 32, 64), 8),
    "attention with shared heads": attention.explain((4, 32, 64), 8, num_kv_heads=2),
    "decoding": attention.explain((1, 64), 8, key_len=2048),
    "attention of much": attention.explain((*(1,) * 60, 2**20, 2**20), 2**10, key_len=2**30),
    "a cache": caches.explain(4, 3, max_len=8),
    "a large cache": caches.explain(1000, 10**9, max_len=10**10),
    "no cache": caches.explain(0, 0),
    "attention of nothing": attention.explain((0, 0, 0), 8),
    **{
        f"{a} + {b}": dtypes.explain(a, b) for a, b in (("int64", "float16"), ("bfloat16", "float16"), ("complex64", 1))
    },
    "bool + uint64": dtypes.explain("bool", np.ones((), np.uint64)),
    "float8": dtypes.explain("float8_e4m3fn", "complex32"),
    "infinity": dtypes.bits(1e9, "float16"),
    "not a number": dtypes.bits(float("nan"), "bfloat16"),
}


@pytest.fixture(params=EXPLANATIONS.values(), ids=[*EXPLANATIONS])
def explanation(request):
    return request.param


def parsed(picture):
    return ET.fromstring(picture)  # noqa: S314  ours


def texts(picture):
    """Return what is written in a picture, in its order."""
    return [text.text for text in parsed(picture).iter(f"{SVG}text")]


def test_a_picture_is_a_file_with_a_text_and_without_a_style(explanation):
    picture = explanation.svg()
    root = parsed(picture)
    assert root.tag == f"{SVG}svg"
    title, description = root[0], root[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text
    assert description.text
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert root.get("role") == "img"
    used = {attribute for element in root.iter() for attribute in element.attrib}
    assert "style" not in used
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "title", "desc", "g", "path", "text"}
    assert len(picture.encode()) < 20_000


def test_nothing_lies_outside(explanation):
    """Each point of a path and each text is within the box that is shown."""
    root = parsed(explanation.svg())
    left, top, width, height = map(int, root.get("viewBox").split())
    assert (root.get("width"), root.get("height")) == (str(width), str(height))

    def check(element, x, y):
        shift = re.fullmatch(r"translate\((-?\d+) (-?\d+)\)", element.get("transform", "translate(0 0)"))
        x, y = x + int(shift[1]), y + int(shift[2])
        points = re.findall(r"[ML](-?\d+) (-?\d+)", element.get("d", ""))
        if element.tag == f"{SVG}text":
            wide = 7.9 * len(element.text)
            start = int(element.get("x")) - {"end": wide, "start": 0, None: wide / 2}[element.get("text-anchor")]
            points = [(start, element.get("y")), (start + wide, element.get("y"))]
        for px, py in points:
            assert left <= float(px) + x <= left + width
            assert top <= float(py) + y <= top + height
        for child in element:
            check(child, x, y)

    check(root, 0, 0)


@cache
def pictures():
    return [explanation.svg() for explanation in EXPLANATIONS.values()]


def test_the_same_explanation_has_the_same_picture_and_others_have_other_ids(explanation):
    assert explanation.svg() == replace(explanation).svg()
    (name,) = {*re.findall(r'id="(.*?)-title"', explanation.svg())}
    assert sum(name in picture for picture in pictures()) == 1
    assert 'id="mine-desc"' in explanation.svg("mine")
    assert '<title id="mine-title">Another &lt;</title>' in explanation.svg("mine", "Another <")


def test_what_is_no_name_is_refused():
    explanation = EXPLANATIONS["broadcasting"]
    for name in ("", "two words", '"><script>', "ä"):
        with pytest.raises(ValueError) as raised:
            explanation.svg(name)
        wanted = f"name is {name!r}; write a letter, then letters, digits, - and _, such as picture-1"
        assert str(raised.value) == wanted


def test_a_notebook_shows_the_picture_before_the_table(explanation):
    shown = explanation._repr_html_()
    assert shown.startswith(explanation.svg())
    assert "<table>" in shown.removeprefix(explanation.svg())


@pytest.mark.parametrize("shapes", [((4, 1), (1, 3)), ((2, 3), (3,)), ((), (3,)), ((4, 3), (4, 1))])
def test_the_values_are_those_of_a_sum(shapes):
    first, second = (np.arange(np.prod(shape, dtype=int)).reshape(shape) for shape in shapes)
    values = [np.broadcast_to(first * 10, (first + second).shape), np.broadcast_to(second, (first + second).shape)]
    written = [int(text) for text in texts(broadcasting.explain(*shapes).svg()) if text.isdigit()]
    for wanted in (*values, values[0] + values[1]):
        row = wanted.ravel().tolist()
        assert any(written[at : at + len(row)] == row for at in range(len(written)))


@pytest.mark.parametrize(("operator", "compute"), [("-", np.subtract), ("*", np.multiply)])
def test_the_values_are_those_of_the_operator(operator, compute):
    first, second = np.arange(4).reshape(4, 1) * 10, np.arange(3)
    written = texts(broadcasting.explain((4, 1), (3,), operator=operator).svg())
    row = [str(value) for value in compute(first, second).ravel()]
    assert any(written[at : at + len(row)] == row for at in range(len(written)))
    assert written.count(operator) == written.count("=") == 1
    assert "+" not in written


def test_a_picture_without_values_names_no_operation_but_the_one_that_is_asked_for():
    for shapes in (((128, 128), (32, 12, 128, 128), ()), ((3, 4), (2, 4)), ((32, 12, 128, 64), (128, 64))):
        written = texts(broadcasting.explain(*shapes).svg())
        assert written.count(",") == len(shapes) - 1
        assert written.count("→") == 1
        assert not {"+", "="} & {*written}
    written = texts(broadcasting.explain((4, 1), (1, 3), operator="==").svg())
    assert written.count("==") == written.count("=") == 1
    assert not any(text.isdigit() and int(text) > 4 for text in written)


@pytest.mark.parametrize(
    ("shape", "operations", "change"),
    [
        ((3, 4), ".transpose(0, 1)", lambda x: x.transpose(0, 1)),
        ((3, 4), ".mT[:, ::2].reshape(8)", lambda x: x.mT[:, ::2].reshape(8)),
        ((2, 6), "[:, 1:4].expand(2, 3)", lambda x: x[:, 1:4].expand(2, 3)),
        ((3, 4), ".mT.reshape(2, 6).mT.reshape(12)[2:8]", lambda x: x.mT.reshape(2, 6).mT.reshape(12)[2:8]),
    ],
)
def test_the_elements_of_a_layout_are_those_of_torch(shape, operations, change):
    x = torch.arange(12).reshape(shape)
    written = [int(text) for text in texts(layout.history(shape, operations).svg()) if text.isdigit()]
    row = change(x).ravel().tolist()
    assert any(written[at : at + len(row)] == row for at in range(len(written)))


def test_a_memory_marks_what_a_view_does_not_read():
    picture = parsed(layout.history((3, 4), "[1:, ::2]").svg())
    faded = [text.text for text in picture.iter(f"{SVG}text") if text.get("fill-opacity")]
    assert faded == [str(place) for place in range(12) if place not in {4, 6, 8, 10}]


def test_a_conflict_is_marked_by_more_than_a_color():
    assert [text for text in texts(broadcasting.explain((3, 4), (2, 4)).svg()) if "✗" in text] == ["✗ 3", "✗ 2"]
    assert [text for text in texts(matmul.explain((2, 3), (2, 3)).svg()) if "✗" in text] == ["✗ 3", "✗ 2"]
    assert "✗" in texts(layout.history((4, 3), ".mT.view(12)").svg())
    shown = texts(broadcasting.explain((3, *[2] * 63), [2] * 64).svg())  # an axis in conflict before all others
    assert "✗ 3" in shown


def test_bits_are_drawn_to_scale():
    fields = "".join(text for text in texts(dtypes.bits(1 / 3, "float16").svg()) if text in {"0", "1"})
    assert fields == dtypes.bits(1 / 3, "float16").pattern
    widths = [int(parsed(dtypes.bits(0.5, dtype).svg()).get("width")) for dtype in ("float32", "float64")]
    assert widths[0] == widths[1]


def test_a_rule_that_is_changed_changes_the_picture(monkeypatch):
    before = broadcasting.explain((4, 1), (1, 3)).svg()
    with monkeypatch.context() as changed:
        changed.setattr(broadcasting, "expanded_strides", lambda _shape, to: (7,) * len(to))
        assert broadcasting.explain((4, 1), (1, 3)).svg() != before
    with monkeypatch.context() as changed:
        changed.setattr(broadcasting, "agreed", lambda _sizes: None, raising=True)
        assert "✗" in broadcasting.explain((4, 1), (1, 3)).svg()
    assert broadcasting.explain((4, 1), (1, 3)).svg() == before


def words(explanation):
    return " ".join(texts(explanation.svg()))


def boxes(explanation):
    """Return how wide the boxes of a picture are."""
    return [int(width) for width in re.findall(r"M-?\d+ -?\d+h(\d+)v", explanation.svg())]


def test_an_axis_has_its_name_beside_its_size():
    named = anatomy.describe(np.zeros((2, 3, 4)), axes=("batch", "seq_len", "embed_dim"))
    assert {"batch 2", "seq_len 3", "embed_dim 4"} < {*texts(named.svg())}


@pytest.mark.parametrize("array", [np.arange(4), np.arange(4)[::-1], np.arange(6).reshape(2, 3).T[::-1]])
def test_a_copy_has_the_elements_in_the_order_of_the_array(array):
    written = [int(text) for text in texts(interop.explain(array).svg()) if text.isdigit()]
    order = array.ravel().tolist()
    shared = interop.explain(array).outcome == "shared"
    assert written == [*range(array.size), *([] if shared else order)]
    assert torch.tensor(array.copy()).flatten().tolist() == order


def test_memory_that_is_passed_over_is_marked():
    picture = parsed(interop.explain(np.arange(6, dtype=">i4")[1::2]).svg())
    faded = [text.text for text in picture.iter(f"{SVG}text") if text.get("fill-opacity")]
    assert faded == ["1", "3"]


def test_one_memory_is_drawn_once_and_two_have_a_copy_between():
    arrows = [picture.svg().count('<path d="M') for picture in (EXPLANATIONS["shared"], EXPLANATIONS["reversed"])]
    assert arrows[1] > arrows[0]
    assert "✗ array" in texts(EXPLANATIONS["refused by NumPy"].svg())


def test_a_mask_shows_the_keys_that_are_true():
    for mask in (
        np.tri(4, dtype=bool),
        np.tri(3, 5, 2, dtype=bool),
        np.array([[True, False, True], [False, True, False]]),
    ):
        written = [int(text) for text in texts(masks.explain(mask).svg()) if text.isdigit()]
        assert written == [int(key) for row in mask for key in np.flatnonzero(row)]


def test_a_query_that_sees_nothing_is_marked():
    assert texts(masks.explain(PADDED).svg()).count("✗") == 2


def test_attention_is_drawn_with_the_shapes_that_pytorch_gives():
    x, heads = torch.zeros(4, 5, 6, device="cpu"), 2
    query = x.unflatten(-1, (heads, -1)).transpose(1, 2)
    scores = query @ query.mT
    merged = (scores.softmax(-1) @ query).transpose(1, 2).flatten(2)
    stages = {stage.name: stage.shape for stage in attention.explain(x.shape, heads).stages}
    for name, tensor in {"query": query, "scores": scores, "weights": scores, "mixed": query, "merged": merged}.items():
        assert stages[name] == tensor.shape
    written = [int(text) for text in texts(attention.explain(x.shape, heads).svg()) if text.isdigit()]
    rows = ("x", "query", "key", "scores", "weights", "mixed", "merged")
    assert written == [size for row in rows for size in stages[row]]


def test_dtypes_are_drawn_to_one_scale():
    explanation = dtypes.explain("int64", "float16")
    drawn = [width for width in boxes(explanation) if width % 5 == 0]
    sizes = [("sign", 1), ("digits", 63), ("sign", 1), ("exponent", 5), ("mantissa", 10)]
    for _, bits in sizes:
        assert bits * 5 in drawn
    limits = dtypes.limits("float64")
    assert {limits.exponent_bits * 5, limits.mantissa_bits * 5} < {*drawn}


def test_a_graph_has_an_arrow_back_wherever_a_gradient_goes():
    def back(explanation):
        return len(re.findall('stroke-dasharray="6 3"/>', explanation.svg())) - 1  # that of the legend

    assert back(EXPLANATIONS["a graph"]) == 6
    assert back(EXPLANATIONS["a cut"]) == 3
    assert back(EXPLANATIONS["in place"]) == 0
    assert "✗ detach" in texts(EXPLANATIONS["a cut"].svg())
    assert ".grad, sum of 2" in texts(EXPLANATIONS["a cut"].svg())
    assert "✗ in place: exp saved it" in texts(EXPLANATIONS["in place"].svg())


def test_a_move_shows_who_waits():
    assert " waits " in words(EXPLANATIONS["to an accelerator"])
    assert " may wait " in words(EXPLANATIONS["without blocking"])
    assert "pinned" in texts(EXPLANATIONS["to an accelerator"].svg())
    assert "✗ not there" in texts(EXPLANATIONS["from an accelerator"].svg())
    assert "✗ no write" in texts(EXPLANATIONS["pinned"].svg())


CHANGES = {
    "anatomy": (anatomy, "kind", lambda _ndim: "cube", lambda: anatomy.describe(np.zeros((2, 3)))),
    "interop": (interop, "_array_copies", lambda _array: ("of a whim",), lambda: interop.explain(np.arange(4))),
    "devices": (
        devices,
        "_course",
        lambda *_, **__: ("no", (), False, False),
        lambda: devices.explain_move(ONES, "cuda:0"),
    ),
    "dtypes": (dtypes, "_holds", lambda *_: True, lambda: dtypes.explain("int64", "float16")),
    "autograd": (
        torch.Tensor,
        "detach",
        lambda x: x * 1,
        lambda: autograd.graph(lambda x: x * x.detach(), ONES),
    ),
    "attention, split": (
        layout,
        "split_heads",
        lambda x, heads: x.unflatten(-1, (heads, -1)),
        lambda: attention.explain((2, 1, 4), 2),
    ),
    "attention, merge": (layout, "merge_heads", lambda x: x.flatten(1, 2), lambda: attention.explain((2, 3, 4), 2)),
    "attention, product": (
        matmul,
        "result_shape",
        lambda a, b: (*a[:-1], b[-1] + (len(a) > 3)),
        lambda: attention.explain((2, 1, 1), 1),
    ),
}


@pytest.mark.parametrize("concept", CHANGES)
def test_any_rule_that_is_changed_changes_its_picture(monkeypatch, concept):
    module, name, changed, explain = CHANGES[concept]
    before = explain().svg("same")
    with monkeypatch.context() as patch:
        patch.setattr(module, name, changed)
        assert explain().svg("same") != before
    assert explain().svg("same") == before


def test_a_mask_that_is_changed_changes_its_picture(monkeypatch):
    before = masks.explain(masks.causal(4)).svg("same")
    monkeypatch.setattr(torch.Tensor, "tril", lambda mask, _diagonal: mask)
    assert masks.explain(masks.causal(4)).svg("same") != before


@pytest.mark.parametrize(
    ("module", "name", "wrong", "draw"),
    [
        ("indexing._brackets", "number_of", lambda _index, _shape: 0, lambda: indexing.explain((3, 4), [0, 2])),
        ("indexing._brackets", "_gives", lambda _item, _sizes: (1,), lambda: indexing.explain((3, 4), slice(2))),
        ("reductions", "number_of", lambda _index, _shape: 0, lambda: reductions.explain((2, 3), 1)),
        ("reductions", "_left", lambda _axes, *, keepdims: [2, 3][keepdims:], lambda: reductions.explain((2, 3), 1)),
    ],
)
def test_another_rule_of_indices_and_sums_changes_the_picture(monkeypatch, module, name, wrong, draw):
    before = draw().svg()
    monkeypatch.setattr(f"tensorref.{module}.{name}", wrong)
    try:
        assert draw().svg() != before
    except (ValueError, IndexError, StopIteration):
        assert name == "_left"  # which leaves an axis over


@pytest.mark.parametrize("index", [(slice(None), [0, 2]), (1,), ([2, 0], [1, 3]), (slice(None, None, 2), None), (0, 0)])
def test_the_elements_of_an_index_are_those_of_numpy(index):
    x = np.arange(12).reshape(3, 4)
    picture = indexing.explain(x.shape, index).svg()
    written = [int(text) for text in texts(picture) if text.isdigit()]
    assert written[:12] == x.ravel().tolist()
    for row in np.atleast_2d(x[index]).reshape(-1, np.atleast_1d(x[index]).shape[-1]).tolist():
        assert any(written[at : at + len(row)] == row for at in range(12, len(written)))
    bold = [text.text for text in parsed(picture).iter(f"{SVG}text") if text.get("font-weight")]
    assert {int(text) for text in bold if text.isdigit()} == {*np.ravel(x[index]).tolist()}
