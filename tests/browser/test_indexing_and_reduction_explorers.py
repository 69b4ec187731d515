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
        expect(sentence(index)).to_have_text(indexing.explain(sizes, given).steps[-1])
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
        expect(sentence(reduction)).to_have_text(reductions.explain(sizes, axis, keepdims=keepdims).steps[-1])
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


def test_what_differs_in_pytorch_stands_below(index):
    type_into(index, "(2, 3, 4)", "x[0, :, [0, 1]]")
    expect(index.locator(".tref-notes li").last).to_have_text("PyTorch differs: shape (3, 2), a copy.")
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
