"""The explorers of indices and reductions on a page: what they show, mark and refuse."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tensorref import indexing, reductions
from tensorref.indexing._parsing import parse_index
from tensorref.sphinxext.indexing import IndexingDirective
from tensorref.sphinxext.reduction import ReductionDirective, parse_reduction
from tensorref.sphinxext.shapes import parse_shape

KEPT = "The picture keeps what could be read last."
# Presets of mistakes that raise no error, so that no plain tick may stand beside them.
MISTAKES = {"Softmax along the wrong axis", "Square, axis not kept", "Batch of one"}


@pytest.fixture
def index(visit):
    return visit(name="indexing").locator(".tensorref-explorer").first


@pytest.fixture
def reduction(visit):
    return visit(name="reduction").locator(".tensorref-explorer").first


def type_into(explorer, shape, text):
    for place, value in enumerate((shape, text)):
        explorer.get_by_role("textbox").nth(place).fill(value)
        explorer.get_by_role("textbox").nth(place).blur()


def sentence(explorer):
    return explorer.get_by_role("status")


def test_each_preset_of_an_index_says_what_python_says_and_marks_what_numpy_reads(index, marks):
    for preset in IndexingDirective.presets:
        index.get_by_role("combobox").select_option(label=preset.label)
        shape, text = preset.fields.values()
        sizes, given = parse_shape(shape), parse_index(text)
        explanation = indexing.explain(sizes, given)
        warned = [f"⚠ {explanation.other}"] if explanation.other else []
        expect(sentence(index)).to_have_text("\n".join([explanation.steps[-1], *warned]))
        found = marks(index)
        assert bool(found) == (preset.label != "Out of range"), preset.label
        x = np.arange(np.prod(sizes)).reshape(sizes)
        for cell in found:
            place = tuple(map(int, cell["name"].removeprefix("result").strip("[]").split(", ")))
            assert cell["marked"] == [str(x[given][place])] * 2, (preset.label, cell)


def test_each_preset_of_a_reduction_says_what_python_says_and_marks_what_numpy_sums(reduction, marks):
    for preset in ReductionDirective.presets:
        reduction.get_by_role("combobox").select_option(label=preset.label)
        shape, text = preset.fields.values()
        sizes, (axis, keepdims) = parse_shape(shape), parse_reduction(text)
        explanation = reductions.explain(sizes, axis, keepdims=keepdims)
        warned = [f"⚠ {explanation.warning}"] if explanation.warning else []
        expect(sentence(reduction)).to_have_text("\n".join([explanation.steps[-1], *warned]))
        outcome = "conflict" if explanation.result is None else "warning" if warned else "success"
        expect(sentence(reduction)).to_have_attribute("data-outcome", outcome)
        assert (outcome == "warning") == (preset.label in MISTAKES), preset.label
        found = marks(reduction)
        assert bool(found) == (preset.label != "No such axis"), preset.label
        x = np.arange(np.prod(sizes)).reshape(sizes)
        for cell in found:
            place = tuple(map(int, filter(None, cell["name"].removeprefix("result").strip("[]").split(", "))))
            total = x.sum(axis, keepdims=keepdims)[place]
            *terms, last = map(int, cell["marked"])
            assert sum(terms) == last == total, (preset.label, cell)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "x[mask]",
            "Position 3: 'mask]' cannot be read as an index; write ints, slices, None, ... or lists of one kind",
        ),
        ("<b>x</b>", "Position 1: '<b>x</b>' cannot be read as an index"),
    ],
)
def test_what_is_no_index_is_said_and_the_picture_stays(index, text, problem):
    before = sentence(index).text_content()
    type_into(index, "(2, 3, 4)", text)
    expect(index.locator(".tref-problem").nth(1)).to_contain_text(problem)
    expect(index.locator(".tref-problem").nth(1)).to_contain_text(KEPT)
    expect(sentence(index)).to_have_text(before)
    stale = index.locator("[aria-busy=true]")
    expect(stale.first).to_be_visible()
    expect(sentence(index)).to_have_css("filter", "grayscale(1) opacity(0.6)")  # after a while
    type_into(index, "(2, 3, 4)", "x[0]")
    expect(stale).to_have_count(0)


def test_the_code_of_an_index_does_what_it_says(index, run):
    for preset in IndexingDirective.presets:
        index.get_by_role("combobox").select_option(label=preset.label)
        shape, text = preset.fields.values()
        explanation = indexing.explain(parse_shape(shape), parse_index(text))
        codes = dict(zip(["NumPy", "PyTorch"], index.locator("pre").all_text_contents(), strict=True))
        if explanation.result is None:
            assert {run(text)[0] for text in codes.values()} == {"IndexError"}
            continue
        assert run(codes["NumPy"]) == ["", f"{explanation.result}\n"]
        if explanation.other is None:
            assert run(codes["PyTorch"]) == ["", f"torch.Size({[*explanation.result]})\n"]
    type_into(index, "(10000, 10000)", "x[0]")
    expect(index.locator("details")).to_be_hidden()


def test_what_differs_in_pytorch_stands_beside_the_verdict(index):
    type_into(index, "(2, 3, 4)", "x[0, :, [0, 1]]")
    expect(sentence(index)).to_contain_text("⚠ PyTorch differs: shape (3, 2), a copy.")
    assert index.get_by_role("listitem").all_text_contents()[:3] == [
        "'0' (int) takes axis 0 of size 2, gives no axis",
        "':' (slice) takes axis 1 of size 3, gives size 3",
        "'[0, 1]' (array) takes axis 2 of size 4, gives size 2",
    ]


def test_what_no_library_takes_is_said_in_their_words(reduction):
    type_into(reduction, "(2, 3)", "dim=2")
    said = reduction.locator(".tref-notes li").all_text_contents()
    assert said[:2] == [
        "NumPy: axis 2 is out of bounds for array of dimension 2",
        "PyTorch: Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    ]
    type_into(reduction, "(2, 3)", "nonsense")
    expect(reduction.locator(".tref-problem").nth(1)).to_contain_text("Position 1: 'nonsense' cannot be read")
