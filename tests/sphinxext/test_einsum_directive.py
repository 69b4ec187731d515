"""The directive for equations: its table in every builder, the data for the script, what it refuses."""

import pytest

from tensorref import einsum
from tensorref.sphinxext.einsum import EinsumDirective
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.shapes import parse_shapes

PAGES = {
    "index.rst": "Page\n====\n\n.. einsum:: b q d, bkd -> bqk torch.Size([2, 3, 4]) (B=2, 5, 4)\n   :names: query, key\n",
}
EXPLANATION = einsum.explain("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4), names=["query", "key"])


def test_html_has_the_table_the_picture_and_the_data(built):
    site = built(PAGES)
    assert site.cells() == [cell for row in EXPLANATION.table() for cell in row]
    assert EXPLANATION.svg("tensorref-index-0") in site["index.html"]
    (data,) = site.explorers()
    assert data["labels"] == {**LABELS, **EinsumDirective.labels}
    assert data["words"] == dict(EinsumDirective.words)
    assert data["messages"] == dict(einsum.MESSAGES)
    assert data["errors"] == dict(EinsumDirective.errors)
    assert data["step"] == len(data["steps"]) - 1 == len(EXPLANATION.steps) - 1
    assert data["fields"] == [["equation", "b q d, bkd -> bqk"], ["query", "(2, 3, 4)"], ["key", "(B=2, 5, 4)"]]


@pytest.mark.parametrize(("builder", "file"), [("text", "index.txt"), ("man", "small.7"), ("latex", "small.tex")])
def test_other_builders_have_the_table(built, builder, file):
    text = " ".join(built(PAGES, builder)[file].split())
    assert "The result has shape (2, 3, 5), 30 elements." in text
    assert "data-tensorref" not in text


def test_every_preset_is_what_it_says():
    labels = {}
    for preset in EinsumDirective.presets:
        equation, *shapes = preset.fields.values()
        sizes = [shape.sizes for shape in parse_shapes(" ".join(shapes))]
        explanation = einsum.explain(equation, *sizes)
        labels[preset.label] = "fails" if explanation.result is None else "warns" if explanation.warning else "fits"
    odd = {label: outcome for label, outcome in labels.items() if outcome != "fits"}
    assert odd == {
        "A size of 1 repeats": "warns",
        "Sizes of a letter differ": "fails",
        "An axis without a letter": "fails",
    }


REFUSED = {
    "ij->ik (4, 5)": (
        "the equation of einsum is 'ij->ik'. the output of the equation has k, which no operand has; leave it out."
    ),
    "ij,jk (4, 5)": (
        "the equation of einsum is 'ij,jk'. equation 'ij,jk': the number of operands is 2, that of shapes is 1; write a shape for each."
    ),
    "i;j (4, 5)": "the equation of einsum is 'i;j'. operand 0 of the equation has ';'; letters are a to z and A to Z.",
    "ij->i": ("the argument of einsum is 'ij->i'. There is no shape; write one, such as (4, 1), or () for a scalar."),
    "ij->i (4, 5)\n:step: 5": "the option step of einsum is '5'; write a whole number from 0 to 4",
    "ij->i (4, 5)\n:names: a, b": "the option names of einsum is 'a, b' for 1 shape; write one name, such as x",
}


@pytest.mark.parametrize("written", REFUSED)
def test_errors_name_file_and_line(complained, written):
    assert complained("einsum", REFUSED, "md")[written] == f"5: ERROR: {REFUSED[written]}"
