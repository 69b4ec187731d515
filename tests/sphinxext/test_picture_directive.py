"""The directive for pictures: SVG in HTML, the table elsewhere, and what it refuses to read."""

import re
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as ET

import pytest
from sphinx.transforms.post_transforms.images import ImageConverter

from tensorref import broadcasting, layout
from tensorref.sphinxext.picture import CALLS

REST = """\
Page
====

.. picture:: broadcasting.explain((4, 1), (1, 3))
   :name: four-and-three
   :class: wide

.. picture:: broadcasting.explain((4, 1), (1, 3))
   :alt: The same again

.. picture:: layout.history((3, 4), ".transpose(0, 1)", name="weight")

See :ref:`the first one <four-and-three>`.
"""
MYST = """\
# Page

```{picture} matmul.explain((3, 2), (2, 4), names=["x", "weight"])
:alt: A product
```

```{picture} dtypes.bits(-0.1, "bfloat16")
```

```{picture} layout.explain((4, 3), (1, 4), (12,))
```
"""
PAGES = {"index.rst": REST, "plain.rst": ":orphan:\n\nPage\n====\n"}


def pictures(page):
    found = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    return [ET.fromstring(text) for text in found]  # noqa: S314  ours


def test_html_has_the_picture_and_its_style(built):
    site = built(PAGES)
    page = site["index.html"]
    explanation = broadcasting.explain((4, 1), (1, 3))
    assert f'id="four-and-three">{explanation.svg("tensorref-index-0", explanation.described()[0])}</div>' in page
    assert layout.history((3, 4), ".transpose(0, 1)", name="weight").svg("tensorref-index-2") in page
    titles = [picture[0].text for picture in pictures(page)]
    assert titles == [
        "a (4, 1), b (1, 3).",
        "The same again",
        "weight has shape (3, 4) and strides (4, 1): it is contiguous.",
    ]
    ids = re.findall(r' id="(.*?)"', page)
    assert len(ids) == len({*ids})
    assert "<table" not in page
    assert re.findall(r'class="[^"]*tensorref-figure[^"]*"', page)[0] == 'class="wide tensorref-figure"'
    assert re.findall(r'"_static/tensorref/([\w.-]+)', page) == ["explorer.css"]
    assert re.findall(r'"_static/tensorref/([\w.-]+)', site["plain.html"]) == []
    assert 'href="#four-and-three"' in page


def test_markdown_has_it_too(built):
    page = built({"index.md": MYST}, extensions=["myst_parser", "tensorref.sphinxext"])["index.html"]
    assert [picture[0].text for picture in pictures(page)] == [
        "A product",
        "-0.1 in bfloat16",
        layout.explain((4, 3), (1, 4), (12,)).steps[0],
    ]


@pytest.mark.parametrize(
    ("builder", "file"),
    [
        ("text", "index.txt"),
        ("man", "small.7"),
        ("latex", "small.tex"),
        ("texinfo", "small.texi"),
        ("xml", "index.xml"),
    ],
)
def test_other_builders_have_the_table(built, builder, file):
    text = re.sub(r"\s+", " ", built(PAGES, builder)[file])
    assert "The same again" in text
    assert text.count("12 elements, more than any operand") == 2
    assert "svg" not in text
    assert "The result has shape (4, 3), 12 elements." in text


def images(site, folder):
    return {path.name: path.read_text("utf-8") for path in (site.folder / folder).glob("*.svg")}


def test_a_book_has_an_image_with_its_text_and_its_own_colors(built):
    site = built(PAGES, "epub")
    page = site["index.xhtml"]
    explanation = broadcasting.explain((4, 1), (1, 3))
    alt = " ".join(explanation.described())
    assert f'<img alt="{alt}" src="_images/tensorref-index-0.svg" />' in page
    assert "<table" not in page
    found = images(site, "_images")
    assert sorted(found) == [f"tensorref-index-{number}.svg" for number in range(3)]
    for text in found.values():
        root = ET.fromstring(text)  # noqa: S314  ours
        assert root.get("viewBox").split()[2:] == [root.get("width"), root.get("height")]
        assert "currentColor" not in text
        assert "var(" not in text
        assert 'fill="#fff"' in text
    assert "tensorref-index-0.svg" in site["content.opf"]


class Converter(ImageConverter):
    """Makes a PNG of an SVG, as a converter with a program for it would."""

    conversion_rules: ClassVar = [("image/svg+xml", "image/png")]

    def is_available(self):
        return True

    def convert(self, _from, _to):
        assert Path(_from).read_text("utf-8").startswith("<svg")
        Path(_to).write_bytes(b"\x89PNG\r\n\x1a\n")
        return True


def setup(app):
    """Add the converter, which makes this module an extension."""
    app.add_post_transform(Converter)


def test_a_converter_that_the_project_loads_is_used(built):
    site = built(PAGES, "latex", extensions=["tensorref.sphinxext", __name__])
    text = site["small.tex"]
    assert text.count("sphinxincludegraphics") == 3
    assert "{tensorref-index-0}.png" in text
    assert "12 elements, more than any operand" not in text
    assert (site.folder / "tensorref-index-0.png").is_file()


def test_a_site_writes_no_image(built):
    site = built(PAGES)
    assert not [*site.folder.rglob("tensorref-index-*")]
    assert "<img" not in site["index.html"]


CALLED = {
    "anatomy.shapes(batch=2)": "From token ids to the loss",
    'anatomy.describe(np.zeros((2, 3)), axes=("seq_len", "embed_dim"))': "matrix (2, 3)",
    'anatomy.describe(torch.empty(10000000, 10000000, device="meta"))': "matrix (10000000, 10000000)",
    "interop.explain(np.arange(8)[::-1, None])": "NumPy to PyTorch: copied",
    "interop.explain(torch.ones(2, dtype=torch.bfloat16))": "PyTorch to NumPy: refused",
    'devices.explain_move(torch.zeros(8), "cuda:0", non_blocking=True)': "cpu float32 to cuda:0 float32",
    "autograd.graph(lambda x, w: (-(x @ w).relu() / 2).sum(), torch.ones(3, 2), torch.ones(2, 1))": (
        "graph from x, w to sum"
    ),
    "autograd.graph(lambda x, w: F.silu(x @ w), torch.ones(3, 2), torch.ones(2, 1))": "graph from x, w to silu",
    "masks.explain(masks.causal(3) & ~masks.padding(torch.tensor([[1, 0, 0]]), pad_id=1))": ("mask (1, 1, 3, 3)"),
    "attention.explain((4, 32, 64), num_heads=8)": "attention with 8 heads",
    "caches.explain(4, 3, max_len=8)": "cache of 4 + 3 tokens",
    'dtypes.explain("int64", 0.5)': "int64 + Python float",
    'indexing.explain((4, 5, 6), "x[:, [0, 2], None]")': "The source has shape (4, 5, 6).",
    'einsum.explain("ij,jk->ik", (2, 3), (3, 4))': "The equation is ij,jk->ik: a (2, 3) has i j; b (3, 4) has j k.",
    'budget.explain({"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 9, "n_positions": 4}, seq_len=4)': (
        "992 parameters, 1 x 4 tokens"
    ),
    "experts.explain(8, 4, 16, num_experts=4, top_k=2)": "8 tokens, 2 of 4 experts each",
    'quantization.explain((4, 8), "int4", per="group", group_size=4)': "(4, 8) in int4, a scale per group",
    "positions.explain(8)": "rotary pairs of 8 features",
    "reductions.explain((2, 3, 4), 1)": "x has shape (2, 3, 4).",
}


def test_every_call_has_a_picture(built):
    lines = [f".. picture:: {call}\n" for call in CALLED]
    page = built({"index.rst": "\n".join(["Page\n====\n", *lines])})["index.html"]
    assert [picture[0].text for picture in pictures(page)] == [*CALLED.values()]
    shown = {call.partition("(")[0] for call in [*CALLED, *re.findall(r"picture(?:::|}) (.*)", REST + MYST)]}
    assert shown == {*CALLS}


def test_it_speaks_the_language_of_the_page(built):
    page = built(PAGES, language="de")["index.html"]
    assert "Das Ergebnis hat die Form (4, 3)" in pictures(page)[0][1].text


WRITE = f"write a call of {', '.join(CALLS)} with literals, such as broadcasting.explain((4, 1), (1, 3))"
REFUSED = {
    '__import__("os").system("true")': (
        'ERROR: the argument of picture is \'__import__("os").system("true")\', a call of '
        f"\"__import__('os').system\", which gives no picture; {WRITE}"
    ),
    "broadcasting.explain(open('x'))": (
        f"ERROR: the argument of picture is \"broadcasting.explain(open('x'))\", which cannot be read; {WRITE}"
    ),
    "broadcasting.explain(*[(1,)] * 9)": (
        f"ERROR: the argument of picture is 'broadcasting.explain(*[(1,)] * 9)', which cannot be read; {WRITE}"
    ),
    "layout.history((3,), **{'operations': ''})": (
        "ERROR: the argument of picture is \"layout.history((3,), **{'operations': ''})\", "
        f"which is no call of one function; {WRITE}"
    ),
    "anatomy.describe(np.zeros((100000, 100000)))": (
        f"ERROR: the argument of picture is 'anatomy.describe(np.zeros((100000, 100000)))', which cannot be read; {WRITE}"
    ),
    'interop.explain(np.load("x"))': (
        f"ERROR: the argument of picture is 'interop.explain(np.load(\"x\"))', which cannot be read; {WRITE}"
    ),
    "autograd.graph(lambda x: x.__class__, torch.ones(2))": (
        "ERROR: the argument of picture is 'autograd.graph(lambda x: x.__class__, torch.ones(2))', "
        f"which cannot be read; {WRITE}"
    ),
    "autograd.graph(lambda x: np.load, torch.ones(2))": (
        "ERROR: the argument of picture is 'autograd.graph(lambda x: np.load, torch.ones(2))', "
        f"which cannot be read; {WRITE}"
    ),
    "autograd.graph(lambda x, *y: x, torch.ones(2))": (
        f"ERROR: the argument of picture is 'autograd.graph(lambda x, *y: x, torch.ones(2))', which cannot be read; {WRITE}"
    ),
    "autograd.graph(lambda x: x.mm, torch.ones(2))": (
        f"ERROR: the argument of picture is 'autograd.graph(lambda x: x.mm, torch.ones(2))', which cannot be read; {WRITE}"
    ),
    "interop.explain(np)": (f"ERROR: the argument of picture is 'interop.explain(np)', which cannot be read; {WRITE}"),
    "anatomy.describe(np.zeros((2, 3)), axes=['batch'])": (
        "ERROR: the argument of picture is \"anatomy.describe(np.zeros((2, 3)), axes=['batch'])\". "
        "axes has 1 entries for 2 axes; give one name for each axis"
    ),
    "autograd.graph(lambda x: x @ x, torch.ones(2, 3))": (
        "ERROR: the argument of picture is 'autograd.graph(lambda x: x @ x, torch.ones(2, 3))'. "
        "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"
    ),
    "broadcasting.messages.__globals__": (
        "ERROR: the argument of picture is 'broadcasting.messages.__globals__', which is no call of one function; "
        + WRITE
    ),
    "broadcasting.explain((4, 1)": (
        f"ERROR: the argument of picture is 'broadcasting.explain((4, 1)', which cannot be read; {WRITE}"
    ),
    "broadcasting.explain((2, 1), 4.5)": (
        "ERROR: the argument of picture is 'broadcasting.explain((2, 1), 4.5)'. shapes[1] is 4.5, of type float; a size "
        "is an int: divide with // to keep it whole"
    ),
    "broadcasting.explain(shape=(4, 1))": (
        "ERROR: the argument of picture is 'broadcasting.explain(shape=(4, 1))'. "
        "broadcasting.explain got an unexpected keyword argument 'shape'"
    ),
    f"broadcasting.explain({'(' * 300}1{')' * 300})": (
        f"ERROR: the argument of picture is 'broadcasting.explain({'(' * 6}...{')' * 28}', which cannot be read; {WRITE}"
    ),
    f"broadcasting.explain({'1,' * 600})": (
        f"ERROR: the argument of picture is 'broadcasting.explain({'1,' * 3}...{',1' * 13},)', 1222 characters; "
        "write a call of at most 1000"
    ),
}


@pytest.mark.parametrize("syntax", ["rst", "md"])
@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_call_of_a_rule_with_literals_is_refused(complained, text, syntax):
    found = complained("picture", REFUSED, syntax)[text]
    assert found.partition(" ")[2] == REFUSED[text]
