"""The directive for pictures: SVG in HTML, the table elsewhere, and what it refuses to read."""

import re
from xml.etree import ElementTree as ET

import pytest

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
    assert titles == ["a (4, 1), b (1, 3).", "The same again", "weight (3, 4), weight.transpose(0, 1)."]
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
        ("epub", "index.xhtml"),
    ],
)
def test_other_builders_have_the_table(built, builder, file):
    text = re.sub(r"\s+", " ", built(PAGES, builder)[file])
    assert "The same again" in text
    assert text.count("12 elements, more than any operand") == 2
    assert "svg" not in text
    assert "The result has shape (4, 3), 12 elements." in text


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
