"""The directive for memory layouts: its table in every builder, the data for its script, and what it refuses."""

import keyword
import re

import pytest

from tensorref import layout
from tensorref.layout import _parsing, _words
from tensorref.sphinxext import shapes
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.layout import LayoutDirective

SLICED = "Page\n====\n\n.. layout:: (3, 4) .transpose(0, 1)[:, ::2].reshape(8)\n"
REFUSED = "Page\n====\n\n.. layout:: (H=2, T=3, D=4) .transpose(0, 1).view(3, 8)\n   :names: heads\n"
ORPHAN = ":orphan:\n\nPage\n====\n\n.. layout:: "
ARGUMENTS = {
    "(3, 4)": ["(3, 4)", ""],
    "3x4 [0]": ["3x4", "[0]"],
    "[3, 4] [0]": ["[3, 4]", "[0]"],
    "[3, 4][0]": ["[3, 4]", "[0]"],
    "torch.Size([3, 4]).mT": ["torch.Size([3, 4])", ".mT"],
    "() [None]": ["()", "[None]"],
    "(B=2, T=3) x[:, 0]": ["(B=2, T=3)", "x[:, 0]"],
    "12 .view(3, 4)": ["12", ".view(3, 4)"],
}
PAGES = {
    "index.rst": SLICED,
    "refused.rst": f":orphan:\n\n{REFUSED}",
    "options.rst": f"{ORPHAN}(4, 3)\n   x.mT\n   .contiguous()\n   :step: 2\n   :itemsize: 2\n   :names: keys\n",
    "hostile.rst": f"{ORPHAN}(3,) [1:]\n   :names: <b>x</b>\n",
    "arguments.rst": ORPHAN + "\n.. layout:: ".join(f"{written}\n" for written in ARGUMENTS),
}
HISTORY = layout.history((3, 4), ".transpose(0, 1)[:, ::2].reshape(8)")


@pytest.mark.parametrize("builder", ["html", "singlehtml", "dirhtml"])
def test_html(built, builder):
    site = built(PAGES, builder)
    page = site["index.html"]
    assert site.cells() == [cell for row in HISTORY.table() for cell in row]
    assert all(f"<li><p>{note}</p></li>" in page for note in HISTORY.notes())
    assert "<p>Memory layout of x (3, 4), operations .transpose(0, 1)[:, ::2].reshape(8)</p>" in page
    (data,) = site.explorers()
    assert data["fields"] == [["x", "(3, 4)"], ["operations", ".transpose(0, 1)[:, ::2].reshape(8)"]]
    assert data["labels"] == {**LABELS, **LayoutDirective.labels}
    assert data["steps"] == []
    assert data["words"] == dict(_words.WORDS)
    examples = {f"example.{name}": example for name, example in _parsing.EXAMPLES.items()}
    assert data["messages"] == {**_words.MESSAGES, **examples}
    operations = {f"operations.{key}": text for key, text in _words.OPERATIONS.items()}
    assert data["errors"] == {**shapes.ERRORS, **operations}
    assert data["reserved"] == keyword.kwlist
    assert (data["step"], data["itemsize"]) == (3, 4)
    assert len(data["presets"]) == len(LayoutDirective.presets) == 9


def test_the_assets_are_those_of_the_kind(built):
    page = built(PAGES)["index.html"]
    assert re.findall(r'src="_static/tensorref/([\w-]+\.js)', page) == ["layout-explorer.js"]
    assert re.findall(r'href="_static/tensorref/([\w-]+\.css)', page) == ["explorer.css", "layout.css"]


TABLE = """\
Page
****

Memory layout of x (3, 4), operations .transpose(0, 1)[:,
::2].reshape(8)

+------------------+--------+---------+--------+------------+------------------+
| operation        | shape  | strides | offset | contiguous | memory           |
|==================|========|=========|========|============|==================|
| x                | (3, 4) | (4, 1)  | 0      | yes        | 48 bytes         |
+------------------+--------+---------+--------+------------+------------------+
| .transpose(0, 1) | (4, 3) | (1, 4)  | 0      | no         | view             |
+------------------+--------+---------+--------+------------+------------------+
| [:, ::2]         | (4, 2) | (1, 8)  | 0      | no         | view             |
+------------------+--------+---------+--------+------------+------------------+
| .reshape(8)      | (8,)   | (1,)    | 0      | yes        | copy of 32 bytes |
+------------------+--------+---------+--------+------------+------------------+

* x.transpose(0, 1)[:, ::2].reshape(8) has shape (8,), strides (1,)
  and offset 0.

* Its memory is a copy, apart from that of x. Copied in all: 32 bytes,
  by .reshape(8).
"""


def test_text(built):
    assert built(PAGES, "text")["index.txt"] == TABLE


def test_man(built):
    text = built(PAGES, "man")["small.7"]
    assert ".sp\nMemory layout of x (3, 4), operations .transpose(0, 1)[:, ::2].reshape(8)\n" in text
    rows = [
        "T{\noperation\nT}\tT{\nshape\nT}\tT{\nstrides\nT}\tT{\noffset\nT}\tT{\ncontiguous\nT}\tT{\nmemory\nT}",
        "T{\n\\&.transpose(0, 1)\nT}\tT{\n(4, 3)\nT}\tT{\n(1, 4)\nT}\tT{\n0\nT}\tT{\nno\nT}\tT{\nview\nT}",
        "T{\n\\&.reshape(8)\nT}\tT{\n(8,)\nT}\tT{\n(1,)\nT}\tT{\n0\nT}\tT{\nyes\nT}\tT{\ncopy of 32 bytes\nT}",
    ]
    for row in rows:
        assert row in text, text


def test_latex(built):
    text = built(PAGES, "latex")["small.tex"]
    body = " ".join(text.partition(r"\begin{document}")[2].split())
    assert "Memory layout of x (3, 4), operations .transpose(0, 1){[}:, ::2{]}.reshape(8)" in body
    for row in HISTORY.table():
        written = (cell.replace("[", "{[}").replace("]", "{]}") for cell in row)
        assert all(cell in body for cell in written), row
    assert "explorer" not in body


def test_a_view_that_is_refused_is_explained(built):
    page = built(PAGES, "text")["refused.txt"]
    history = layout.history((2, 3, 4), ".transpose(0, 1).view(3, 8)", name="heads")
    assert " ".join(history.notes()).replace(" ", "") in re.sub(r"\s|^\* ", "", page, flags=re.MULTILINE)
    assert "| .view(3, 8)      | (3, 2, 4) | (4, 12, 1) | 0      | no         | refused  |" in page
    assert "Memory layout of heads (H=2, T=3, D=4), operations .transpose(0,\n1).view(3, 8)" in page


def test_options(built):
    (data,) = built(PAGES).explorers("options.html")
    assert (data["step"], data["itemsize"]) == (2, 2)
    assert data["fields"] == [["keys", "(4, 3)"], ["operations", "x.mT\n.contiguous()"]]
    assert "copy of 24 bytes" in built(PAGES)["options.html"]


def test_the_argument_is_a_shape_and_what_follows_it(built):
    found = [[text for _, text in data["fields"]] for data in built(PAGES).explorers("arguments.html")]
    assert found == [*ARGUMENTS.values()]


def test_a_name_stays_text(built):
    assert "<b>" not in built(PAGES)["hostile.html"]
    (data,) = built(PAGES).explorers("hostile.html")
    assert data["fields"][0][0] == "<b>x</b>"


ERRORS = {
    "(3, 4": "the shape of layout is '(3, 4'. Position 1: '(' is not closed; add ')' after the last size.",
    "(3, B) .mT": (
        "the shape of layout is '(3, B)'. Position 5: 'B' is a name without a size; give it one, such as B=32, here or in "
        "another shape."
    ),
    "(3, 4) .H": (
        "the operations of layout are '.H'. Position 1: the point is followed by 'H'; write one of transpose, permute, "
        "mT, T, expand, view, reshape, contiguous after it."
    ),
    "(3, 4, 5) .T": (
        "the operations of layout are '.T'. .T: PyTorch deprecates it for other than two axes, and here are 3; write "
        ".permute(2, 1, 0)."
    ),
    "(3, 4) [1.5]": (
        "the operations of layout are '[1.5]'. Position 1: '[1.5]' is not an index; write ints, slices, None or one '...', "
        "with commas between."
    ),
    "(3, 1) .expand(3, 99999999999999999)": (
        "the operations of layout are '.expand(3, 99999999999999999)'. .expand(3, 99999999999999999): more than 2**53 "
        "bytes, the most that is followed here; choose smaller sizes."
    ),
    "(99999999999, 99999999999)": (
        "the argument of layout is '(99999999999, 99999999999)'. shape is (99999999999, 99999999999): more than 2**53 "
        "bytes, the most that is followed here; choose smaller sizes."
    ),
    "(3, 4) .mT\n:step: 2": "the option step of layout is '2'; write a whole number from 0 to 1",
    "(3, 4) .mT\n:itemsize: 0": "the option itemsize of layout is '0'; write a whole number from 1 to 16",
    "(3, 4) .mT\n:names:": "the option names of layout is '' for 1 shape; write one name, such as x",
}


@pytest.mark.parametrize("written", ERRORS)
@pytest.mark.parametrize("syntax", ["md", "rst"])
def test_errors_name_file_and_line(complained, syntax, written):
    assert complained("layout", ERRORS, syntax)[written] == f"5: ERROR: {ERRORS[written]}"
