"""The directive for matrix products: its table in every builder, the data for its script, and what it refuses."""

import html
import keyword
import re

import pytest

from tensorref import matmul
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.matmul import ERRORS, MatmulDirective
from tensorref.sphinxext.shapes import parse_shapes

LINEAR = "Page\n====\n\n.. matmul:: (B=32, T=10, D=64) (D, F=256)\n   :names: x, weight.mT\n"
CONFLICT = "Page\n====\n\n.. matmul:: (32, 10, 64) (256, 64)\n   :names: x, weight\n"
PAGES = {
    "index.rst": LINEAR,
    "conflict.rst": f":orphan:\n\n{CONFLICT}",
    "options.rst": ":orphan:\n\nPage\n====\n\n.. matmul:: (4, 3)\n   3\n   :step: 4\n   :itemsize: 2\n",
}
EXPLANATION = matmul.explain((32, 10, 64), (64, 256), names=["x", "weight.mT"])


@pytest.mark.parametrize("builder", ["html", "singlehtml", "dirhtml"])
def test_html(built, builder):
    site = built(PAGES, builder)
    page = site["index.html"]
    assert site.cells() == [cell for row in EXPLANATION.table() for cell in row]
    assert all(f"<li><p>{note}</p></li>" in page for note in EXPLANATION.notes())
    assert "<p>Matrix product of x (B=32, T=10, D=64), weight.mT (D, F=256)</p>" in page
    (data,) = site.explorers()
    labels = {**LABELS, **MatmulDirective.labels}
    assert data["labels"] == labels
    assert data["labels"]["reads"] == "{cell} sums over {sources}."
    assert data["steps"] == ["Shapes", "Vectors", "Batch axes", "Sum", "Result"]
    assert data["words"] == dict(matmul.WORDS)
    assert data["messages"] == dict(matmul.MESSAGES)
    assert data["errors"] == dict(ERRORS)
    assert data["reserved"] == keyword.kwlist
    assert (data["step"], data["itemsize"]) == (4, 4)
    assert len(data["presets"]) == len(MatmulDirective.presets) == 12


def test_the_assets_are_those_of_the_kind(built):
    page = built(PAGES)["index.html"]
    assert re.findall(r'src="_static/tensorref/([\w-]+\.js)', page) == ["matmul-explorer.js"]
    assert re.findall(r'href="_static/tensorref/([\w-]+\.css)', page) == ["explorer.css", "table.css"]


TABLE = """\
Page
****

Matrix product of x (B=32, T=10, D=64), weight.mT (D, F=256)

+-----------+----------+------+-----+--------+
| axis      | batch    | row  | sum | column |
|===========|==========|======|=====|========|
| x         | 32       | 10   | 64  | –      |
+-----------+----------+------+-----+--------+
| weight.mT | (1) → 32 | –    | 64  | 256    |
+-----------+----------+------+-----+--------+
| result    | 32       | 10   | –   | 256    |
+-----------+----------+------+-----+--------+
| verdict   | expands  | kept | sum | kept   |
+-----------+----------+------+-----+--------+

* The result has shape (32, 10, 256), 81,920 elements.

* 10,485,760 floating-point operations on 475,136 bytes, 22.1 a byte.

* With copies for every matrix of the stack: 2,506,752 bytes.
"""


def test_text(built):
    assert built(PAGES, "text")["index.txt"] == TABLE


def test_a_conflict_is_shown_with_its_messages(built):
    page = built(PAGES, "text")["conflict.txt"]
    assert "| verdict | expands  | kept | conflict | kept   |" in page
    assert "* PyTorch: mat1 and mat2 shapes cannot be multiplied (320x64 and\n  256x64)" in page
    assert "* NumPy: matmul: Input operand 1 has a mismatch in its core" in page
    assert "* x @ weight.mT would give (32, 10, 256)." in page


@pytest.mark.parametrize(
    ("builder", "name", "parts"),
    [
        ("man", "small.7", ["weight.mT\nT}\tT{\n(1) → 32\n", ".sp\nMatrix product of x", "22.1 a byte"]),
        ("latex", "small.tex", ["weight.mT", r"(1) \(\rightarrow\) 32", "22.1 a byte", "Matrix product of x"]),
        ("epub", "index.xhtml", ["<p>weight.mT</p>", "<p>(1) → 32</p>", "22.1 a byte"]),
    ],
)
def test_other_builders_show_the_table(built, builder, name, parts):
    text = built(PAGES, builder)[name]
    for part in parts:
        assert part in text
    assert "data-tensorref" not in text
    assert "explorer." not in text


def test_options(built):
    (data,) = built(PAGES).explorers("options.html")
    assert (data["step"], data["itemsize"]) == (4, 2)
    assert matmul.explain((4, 3), 3, itemsize=2).notes()[1] in built(PAGES)["options.html"]


def test_every_preset_is_a_product_or_a_conflict():
    for preset in MatmulDirective.presets:
        assert [*preset.fields.values()] == [shape.text for shape in parse_shapes(" ".join(preset.fields.values()))], (
            preset.label
        )
    conflicts = {"Weight not transposed", "Heads that differ", "Inner sizes differ"}
    for preset in MatmulDirective.presets:
        a, b = (shape.sizes for shape in parse_shapes(" ".join(preset.fields.values())))
        explanation = matmul.explain(a, b, names=[*preset.fields])
        assert (explanation.result is None) == (preset.label in conflicts), preset.label
        assert bool(explanation.warning) == (preset.label == "Vectors taken for a matrix"), preset.label


SCALAR = "() is a scalar; a matrix product needs an axis to sum over: write a size, such as (4,)."
ERRORS_OF_PAGES = {
    "() (3,)": f"the argument of matmul is '() (3,)'. {SCALAR}",
    "(3,) torch.Size([])": f"the argument of matmul is '(3,) torch.Size([])'. {SCALAR}",
    "(4, 1)": "the argument of matmul is '(4, 1)', 1 shape; write 2, such as (4, 1) (1, 3)",
    "(4, 1) (1, 3) (3, 2)": (
        "the argument of matmul is '(4, 1) (1, 3) (3, 2)', 3 shapes; write 2, such as (4, 1) (1, 3)"
    ),
    "(4, 1) (1,": "the argument of matmul is '(4, 1) (1,'. Position 8: '(' is not closed; add ')' after the last size.",
    "(4, D) (1, 3)": (
        "the argument of matmul is '(4, D) (1, 3)'. Position 5: 'D' is a name without a size; give it one, such as "
        "B=32, here or in another shape."
    ),
    "(4, 3) 3\n:names: a": (
        "the option names of matmul is 'a' for 2 shapes; "
        "write one name for each, with commas between them, such as x, bias"
    ),
    "(4, 3) 3\n:names: a, a": "the option names of matmul is 'a, a', which says a name twice; give each shape its own",
    "(4, 3) 3\n:step: 5": "the option step of matmul is '5'; write a whole number from 0 to 4",
    "(4, 3) 3\n:itemsize: 0": "the option itemsize of matmul is '0'; write a whole number from 1 to 16",
}


@pytest.mark.parametrize("written", ERRORS_OF_PAGES)
@pytest.mark.parametrize("syntax", ["md", "rst"])
def test_errors_name_file_and_line(complained, syntax, written):
    assert complained("matmul", ERRORS_OF_PAGES, syntax)[written] == f"5: ERROR: {ERRORS_OF_PAGES[written]}"


HOSTILE = """<b onclick="x">&amp;"'</b>"""


def test_names_stay_text(build):
    text = f"Page\n====\n\n.. matmul:: (4, 3) (3, 2)\n   :names: {HOSTILE}, __proto__\n"
    site = build({"index.rst": text}, smartquotes=False)
    assert "<b " not in site["index.html"]
    assert len(site.explorers()) == 1
    assert HOSTILE in map(html.unescape, site.cells())
