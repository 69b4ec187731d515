"""The directives for indices and reductions: their table in every builder, the data for the script, what they refuse."""

import pytest

from tensorref import indexing, reductions
from tensorref.indexing import _parsing, _words
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.indexing import IndexingDirective
from tensorref.sphinxext.reduction import ReductionDirective, parse_reduction
from tensorref.sphinxext.shapes import parse_shape

PAGES = {
    "index.rst": "Page\n====\n\n.. indexing:: (4, 5, 6) x[:, [0, 2], None]\n",
    "sum.rst": ":orphan:\n\nPage\n====\n\n.. reduction:: (T=2, 3, D=4) axis=-1 keepdim=True\n   :names: scores\n",
}
EXPLANATIONS = {
    "index": indexing.explain((4, 5, 6), (slice(None), [0, 2], None)),
    "sum": reductions.explain((2, 3, 4), -1, keepdims=True, name="scores"),
}


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_html_has_the_table_the_picture_and_the_data(built, name):
    site = built(PAGES)
    page, explanation = site[f"{name}.html"], EXPLANATIONS[name]
    assert site.cells(f"{name}.html") == [cell.replace("...", "…") for row in explanation.table() for cell in row]
    assert explanation.svg(f"tensorref-{name}-0") in page
    (data,) = site.explorers(f"{name}.html")
    kind = IndexingDirective if name == "index" else ReductionDirective
    assert data["labels"] == {**LABELS, **kind.labels}
    assert data["words"] == dict(kind.words)
    assert data["errors"] == dict(kind.errors)
    assert data["steps"] == [*kind.steps]
    assert data["step"] == len(kind.steps) - 1
    texts = [["x", "(4, 5, 6)"], ["index", "x[:, [0, 2], None]"]]
    if name == "sum":
        texts = [["scores", "(T=2, 3, D=4)"], ["reduction", "axis=-1 keepdim=True"]]
    assert data["fields"] == texts


@pytest.mark.parametrize(("builder", "file"), [("text", "index.txt"), ("man", "small.7"), ("latex", "small.tex")])
def test_other_builders_have_the_table(built, builder, file):
    text = " ".join(built(PAGES, builder)[file].split())
    assert "16" not in text
    assert "The result has shape (4, 2, 1, 6), 48 elements: a copy." in text
    assert "data-tensorref" not in text


def test_every_preset_is_what_it_says():
    for preset in IndexingDirective.presets:
        shape, index = preset.fields.values()
        explanation = indexing.explain(parse_shape(shape), _parsing.parse_index(index))
        assert (explanation.result is None) == (preset.label == "Out of range"), preset.label
        assert preset.label != "NumPy and PyTorch differ" or explanation.other
    for preset in ReductionDirective.presets:
        shape, written = preset.fields.values()
        reduction = parse_reduction(written)
        explained = reductions.explain(parse_shape(shape), reduction.axis, keepdims=reduction.keepdims)
        assert (explained.result is None) == (preset.label == "No such axis"), preset.label
        warned = {"Softmax along the wrong axis", "Square, axis not kept", "Batch of one"}
        assert bool(explained.warning) == (preset.label in warned), preset.label


UNREAD = _words.UNREAD.format(position=9, found="mask]")
REFUSED = {
    "indexing": {
        "(4, 5) x[0, mask]": f"the index of indexing is 'x[0, mask]'. {UNREAD.replace('Position 9', 'Position 6')}",
        "(4, -1) x[0]": (
            "the shape of indexing is '(4, -1)'. Position 5: a size is 0 or more; write the size itself, only reshape "
            "works out -1."
        ),
        "x[0]": ("the shape of indexing is ''. There is no shape; write one, such as (4, 1), or () for a scalar."),
        "(4, 5) x[0]\n:names: a, b": ("the option names of indexing is 'a, b' for 1 shape; write one name, such as x"),
    },
    "reduction": {
        "(4, 5) axis=all": (
            "the axis of reduction is 'axis=all'. Position 1: 'axis=all' cannot be read; write an axis and whether it is "
            "kept, as in axis=-1 keepdim=True."
        ),
        "(4, 5) axis=()": (
            "the axis of reduction is 'axis=()'. axis is empty, of which NumPy reduces nothing and PyTorch everything; "
            "leave it out to reduce all axes."
        ),
        "(4, 5) axis=0\n:step: 4": "the option step of reduction is '4'; write a whole number from 0 to 3",
    },
}


@pytest.mark.parametrize("syntax", ["md", "rst"])
@pytest.mark.parametrize(("kind", "written"), [(kind, each) for kind, all_ in REFUSED.items() for each in all_])
def test_errors_name_file_and_line(complained, syntax, kind, written):
    assert complained(kind, REFUSED[kind], syntax)[written] == f"5: ERROR: {REFUSED[kind][written]}"


@pytest.mark.parametrize(
    ("call", "title"),
    [
        ('indexing.explain((4, 5, 6), "x[:, [0, 2], None]")', "The source has shape (4, 5, 6)."),
        ('indexing.explain((2, 3), "[::-1]", library="torch")', "The source has shape (2, 3)."),
        ("reductions.explain((2, 3), axis=1, keepdims=True)", "x has shape (2, 3)."),
    ],
)
def test_a_picture_is_asked_for_by_its_call(built, call, title):
    page = built({"index.rst": f"Page\n====\n\n.. picture:: {call}\n"})["index.html"]
    assert f">{title}</title>" in page
