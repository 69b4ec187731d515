"""The directive in every builder: ordinary nodes everywhere, and in HTML the data for the script around them."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from tensorref import _words, broadcasting
from tensorref.sphinxext import shapes
from tensorref.sphinxext.broadcasting import LABELS, PRESETS

BIAS = "# Page\n\n```{broadcasting} (32, 10, 64) (64,)\n:names: x, bias\n```\n"
PLAIN = "# Plain\n\nNothing to see.\n"
TOCTREE = "\n```{toctree}\n:hidden:\nplain\n```\n"


class Explorers(HTMLParser):
    """Collects the data of the explorers on a page, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.data = []
        self.feed(text)

    def handle_starttag(self, _tag, attrs):
        if dict(attrs).get("class") == "tensorref-explorer":
            self.data.append(json.loads(dict(attrs)["data-tensorref"]))


def explorers(text):
    return Explorers(text).data


def cells(text):
    return re.findall(r"<t[hd][^>]*><p>(.*?)</p></t[hd]>", text)


@pytest.mark.parametrize("theme", ["alabaster", "classic"])
@pytest.mark.parametrize("builder", ["html", "singlehtml", "dirhtml"])
def test_html(build, builder, theme):
    page = build({"index.md": BIAS}, builder, html_theme=theme)["index.html"]
    explanation = broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"])
    assert cells(page) == [cell for row in explanation.table() for cell in row]
    assert all(f"<li><p>{note}</p></li>" in page for note in explanation.notes())
    assert "<p>Broadcasting x (32, 10, 64), bias (64,)</p>" in page
    (data,) = explorers(page)
    assert data == {
        "shapes": ["(32, 10, 64)", "(64,)"],
        "names": ["x", "bias"],
        "step": 0,
        "itemsize": 4,
        "presets": [
            {"label": "Simple broadcast", "names": ["a", "b"], "shapes": ["(4, 1)", "(1, 3)"]},
            {"label": "One element", "names": ["a", "b"], "shapes": ["(3, 4)", "(1,)"]},
            {"label": "Same shapes", "names": ["a", "b"], "shapes": ["(2, 3)", "(2, 3)"]},
            {"label": "Incompatible", "names": ["a", "b"], "shapes": ["(3, 4)", "(2, 4)"]},
            {"label": "Add a bias", "names": ["x", "bias"], "shapes": ["(32, 10, 64)", "(64,)"]},
        ],
        "steps": ["Shapes", "Align right", "Pad with 1", "Compare", "Expand", "Result"],
        "words": dict(_words.BROADCASTING),
        "labels": dict(LABELS),
        "errors": dict(shapes.ERRORS),
    }
    assert len(data["presets"]) == len(PRESETS)


TABLE = """\
Page
****

Broadcasting x (32, 10, 64), bias (64,)

+---------+----------+----------+-------+
| axis    | -3       | -2       | -1    |
|=========|==========|==========|=======|
| x       | 32       | 10       | 64    |
+---------+----------+----------+-------+
| bias    | (1) → 32 | (1) → 10 | 64    |
+---------+----------+----------+-------+
| result  | 32       | 10       | 64    |
+---------+----------+----------+-------+
| verdict | expands  | expands  | equal |
+---------+----------+----------+-------+

* The result has shape (32, 10, 64), 20,480 elements.

* Stored: 82,176 bytes. With every operand copied to the shape of the
  result: 163,840 bytes.

* The gradient of bias sums over axis -3, -2.
"""


def test_text(build):
    assert build({"index.md": BIAS}, "text")["index.txt"] == TABLE


@pytest.mark.parametrize(
    ("builder", "name", "parts"),
    [
        ("man", "small.7", ["bias\nT}\tT{\n(1) → 32\n", ".sp\nBroadcasting x (32, 10, 64), bias (64,)\n"]),
        (
            "latex",
            "small.tex",
            ["bias", r"(1) \(\rightarrow\) 32", "82,176 bytes", "Broadcasting x (32, 10, 64), bias (64,)"],
        ),
        ("texinfo", "small.texi", ["bias", "(1) → 32", "82,176 bytes", "@multitable"]),
        ("epub", "index.xhtml", ["<p>bias</p>", "<p>(1) → 32</p>", "82,176 bytes"]),
        ("xml", "index.xml", ["<paragraph>bias</paragraph>", "<paragraph>(1) → 32</paragraph>"]),
    ],
)
def test_other_builders_show_the_table(build, builder, name, parts):
    settings = {"language": "en", "epub_show_urls": "no", "epub_exclude_files": []}
    text = build({"index.md": BIAS}, builder, **settings)[name]
    for part in parts:
        assert part in text
    assert "data-tensorref" not in text
    assert "explorer." not in text


def test_epub_and_text_carry_no_assets(build):
    for builder in ("epub", "text"):
        folder = build({"index.md": BIAS}, builder).folder
        assert not [*folder.rglob("explorer*")]


def test_the_assets_are_on_the_pages_that_use_them_and_on_no_others(build):
    built = build({"index.md": BIAS + TOCTREE, "plain.md": PLAIN})
    assert re.search(r'<script type="module" src="_static/tensorref/explorer\.js\?v=\w+">', built["index.html"])
    assert re.search(r'href="_static/tensorref/explorer\.css\?v=\w+"', built["index.html"])
    for page in ("plain.html", "genindex.html", "search.html"):
        assert "tensorref" not in built[page]
    assert (built.folder / "_static/tensorref/explorer.js").is_file()


def test_own_static_files_stay(build, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.txt").write_text("mine", encoding="utf-8")
    built = build({"index.md": BIAS}, html_static_path=[str(tmp_path / "own")])
    assert built["_static/mine.txt"] == "mine"
    assert (built.folder / "_static/tensorref/explorer.css").is_file()


def test_restructuredtext(build):
    text = "Page\n====\n\n.. broadcasting:: (4, 1)\n   (1, 3) 3\n   :names: a, b, c\n   :step: 5\n   :itemsize: 2\n"
    (data,) = explorers(build({"index.rst": text})["index.html"])
    assert data["shapes"] == ["(4, 1)", "(1, 3)", "(3,)"]
    assert (data["names"], data["step"], data["itemsize"]) == (["a", "b", "c"], 5, 2)


def test_a_conflict_is_shown_with_its_messages(build):
    page = build({"index.md": "# Page\n\n```{broadcasting} (3, 4) (2, 4)\n```\n"}, "text")["index.txt"]
    assert "| result  | ?        | 4     |" in page
    assert "* NumPy: operands could not be broadcast together with shapes (3,4)" in page
    assert "* PyTorch: The size of tensor a (3) must match" in page


def test_scalars(build):
    page = build({"index.md": "# Page\n\n```{broadcasting} () ()\n```\n"}, "text")["index.txt"]
    assert "Broadcasting a (), b ()" in page


HOSTILE = """<b onclick="x">&amp;"'</b>"""


@pytest.mark.parametrize("builder", ["html", "text"])
def test_names_stay_text(build, builder):
    # Typographic quotes are Sphinx's doing, not ours.
    text = f"# Page\n\n```{{broadcasting}} (4, 1) (1, 3)\n:names: '{HOSTILE}, __proto__'\n```\n"
    built = build({"index.md": text.replace("'" + HOSTILE, HOSTILE).replace("__'", "__")}, builder, smartquotes=False)
    if builder == "html":
        page = built["index.html"]
        (data,) = explorers(page)
        assert data["names"] == [HOSTILE, "__proto__"]
        assert "<b " not in page
    else:
        assert HOSTILE in built["index.txt"]


ERRORS = {
    "(4, 1) (1,": "the argument of broadcasting is '(4, 1) (1,'. Position 8: '(' is not closed; add ')' after the last size.",
    "(4, 1)": "the argument of broadcasting is '(4, 1)', one shape; write two or more, such as (4, 1) (1, 3)",
    "4 1\n:names: a": (
        "the option names of broadcasting is 'a' for 2 shapes; "
        "write one name for each, with commas between them, such as x, bias"
    ),
    "4 1\n:names: a, ": (
        "the option names of broadcasting is 'a,' for 2 shapes; "
        "write one name for each, with commas between them, such as x, bias"
    ),
    "4 1\n:names: a, a": "the option names of broadcasting is 'a, a', which says a name twice; give each shape its own",
    "4 1\n:step: 6": "the option step of broadcasting is '6'; write a whole number from 0 to 5",
    "4 1\n:step: -1": "the option step of broadcasting is '-1'; write a whole number from 0 to 5",
    "4 1\n:step: two": "the option step of broadcasting is 'two'; write a whole number from 0 to 5",
    "4 1\n:itemsize: 0": "the option itemsize of broadcasting is '0'; write a whole number from 1 to 16",
    "4 1\n:itemsize: 1.5": "the option itemsize of broadcasting is '1.5'; write a whole number from 1 to 16",
}


@pytest.mark.parametrize("written", ERRORS)
@pytest.mark.parametrize("syntax", ["md", "rst"])
def test_errors_name_file_and_line(build, syntax, written):
    argument, *options = written.split("\n")
    if syntax == "md":
        text = "\n".join(["# Page", "", "Words.", "", f"```{{broadcasting}} {argument}", *options, "```", ""])
    else:
        lines = [f".. broadcasting:: {argument}", *(f"   {option}" for option in options)]
        text = "\n".join(["Page", "====", "Words.", "", *lines, ""])
    warnings = build({f"index.{syntax}": text}, "text", warnings=True).warnings
    assert f"index.{syntax}:5: ERROR: {ERRORS[written]}" in re.sub(r"\x1b\[[0-9;]*m", "", warnings)


def test_a_second_build_reads_nothing_anew(build):
    files = {"index.md": BIAS + TOCTREE, "plain.md": PLAIN}
    assert sorted(build(files).updated) == ["index", "plain"]
    assert build({}).updated == []


def test_a_page_that_changes_gets_and_loses_its_assets(build):
    files = {"index.md": BIAS + TOCTREE, "plain.md": PLAIN}
    build(files)
    built = build({"plain.md": BIAS})
    assert built.updated == ["plain"]
    assert "tensorref/explorer.js" in built["plain.html"]
    built = build({"plain.md": PLAIN})
    assert "tensorref" not in built["plain.html"]
    assert "tensorref/explorer.js" in built["index.html"]


def test_a_change_of_the_rule_reads_its_pages_anew(build, monkeypatch, tmp_path):
    files = {"index.md": BIAS + TOCTREE, "plain.md": PLAIN}
    source = tmp_path / "rule.py"
    source.touch()
    monkeypatch.setattr("tensorref.sphinxext.broadcasting._SOURCES", [str(source)])
    build(files)
    source.write_text("changed", encoding="utf-8")
    assert build({}).updated == ["index"]


def test_parallel_and_without_the_libraries(tmp_path):
    """In a fresh interpreter, which also shows that building a page loads neither NumPy nor PyTorch."""
    for page in range(8):
        (tmp_path / f"page{page}.md").write_text(BIAS if page % 2 else PLAIN, encoding="utf-8")
    toctree = "# Index\n\n```{toctree}\n:glob:\n*\n```\n"
    (tmp_path / "index.md").write_text(toctree, encoding="utf-8")
    (tmp_path / "conf.py").write_text('extensions = ["myst_parser", "tensorref.sphinxext"]\n', encoding="utf-8")
    program = (
        "import sys; from sphinx.cmd.build import build_main; "
        f"code = build_main(['-q', '-W', '-j2', {str(tmp_path)!r}, {str(tmp_path / 'out')!r}]); "
        "loaded = {'numpy', 'torch'} & {*sys.modules}; sys.exit(code or str(loaded or '') or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    for page in range(8):
        text = (tmp_path / f"out/page{page}.html").read_text(encoding="utf-8")
        assert ("tensorref/explorer.js" in text) == bool(page % 2)
        assert len(explorers(text)) == page % 2


def test_the_extension_is_light():
    program = (
        "import sys, tensorref.sphinxext; "
        "print(*sorted({'numpy', 'torch', 'sphinx', 'docutils', 'jaxtyping'} & {*sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
