"""The directive in every builder: ordinary nodes everywhere, and in HTML the data for the script around them."""

import json
import keyword
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docutils import nodes

from tensorref import broadcasting
from tensorref.sphinxext import shapes
from tensorref.sphinxext.broadcasting import BroadcastingDirective
from tensorref.sphinxext.explorer import LABELS, Explorer

SNAPSHOTS = Path(__file__).with_name("snapshots")
BIAS = "Page\n====\n\n.. broadcasting:: (32, 10, 64) (64,)\n   :names: x, bias\n"
PLAIN = "Plain\n=====\n\nNothing to see.\n"
ORPHAN = ":orphan:\n\nPage\n====\n\n.. broadcasting:: "
PAGES = {
    "index.rst": BIAS,
    "plain.rst": f":orphan:\n\n{PLAIN}",
    "axes.rst": f"{ORPHAN}(B=2, T=3, D=4) [T, 1] (D,) (B,1,1) () torch.Size([1])\n",
    "conflict.rst": f"{ORPHAN}(3, 4) (2, 4)\n",
    "named-conflict.rst": f"{ORPHAN}(B=2, T=3) [T, 1, 1] (4, T) ()\n   :names: x, y, z, w\n",
    "options.rst": f"{ORPHAN}(4, 1)\n   (1, 3) 3\n   :names: a, b, c\n   :step: 5\n   :itemsize: 2\n",
    "scalars.rst": f"{ORPHAN}() ()\n",
}
MARKDOWN = "# Page\n\n```{broadcasting} (32, 10, 64) (64,)\n:names: x, bias\n```\n"
TOCTREE = "\n.. toctree::\n   :hidden:\n\n   plain\n"


@pytest.mark.parametrize(
    ("directive", "argument"),
    [
        ("broadcasting", "(4, 3) (3,)"),
        ("matmul", "(4, 3) (3,)"),
        ("layout", "(4, 3)"),
        ("indexing", "(4, 3) x[0]"),
        ("reduction", "(4, 3)"),
        ("einsum", "ij->i (4, 3)"),
    ],
)
def test_name_and_class_are_what_they_are_for_other_directives(built, directive, argument):
    options = ":name: first-one\n   :class: wide quiet\n"
    text = f"Page\n====\n\n:ref:`Seen <first-one>`\n\n.. {directive}:: {argument}\n   {options}"
    page = built({"index.rst": text})["index.html"]
    assert re.search(rf'<div class="wide quiet tensorref-explorer tensorref-{directive}"[^>]* id="first-one">', page)
    assert '<a class="reference internal" href="#first-one">' in page


@pytest.mark.parametrize("builder", ["html", "singlehtml", "dirhtml"])
def test_html(built, builder):
    site = built(PAGES, builder)
    page = site["index.html"]
    explanation = broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"])
    assert site.cells() == [cell for row in explanation.table() for cell in row]
    assert all(f"<li><p>{note}</p></li>" in page for note in explanation.notes())
    assert "<p>Broadcasting x (32, 10, 64), bias (64,)</p>" in page
    (data,) = site.explorers()
    assert data == {
        "fields": [["x", "(32, 10, 64)"], ["bias", "(64,)"]],
        "step": 5,
        "itemsize": 4,
        "presets": [
            {"label": "Simple broadcast", "fields": [["a", "(4, 1)"], ["b", "(1, 3)"]]},
            {"label": "One element", "fields": [["a", "(3, 4)"], ["b", "(1,)"]]},
            {"label": "Same shapes", "fields": [["a", "(2, 3)"], ["b", "(2, 3)"]]},
            {"label": "Incompatible", "fields": [["a", "(3, 4)"], ["b", "(2, 4)"]]},
            {"label": "Add a bias", "fields": [["x", "(32, 10, 64)"], ["bias", "(64,)"]]},
            {"label": "Layer-norm weight", "fields": [["x", "(B=32, T=128, C=768)"], ["weight", "(C,)"]]},
            {"label": "Causal mask", "fields": [["scores", "(B=32, H=12, T=128, T)"], ["mask", "(T, T)"]]},
            {"label": "Padding mask", "fields": [["scores", "(B=32, H=12, T=128, T)"], ["mask", "(B, 1, 1, T)"]]},
            {"label": "Rotary embedding", "fields": [["query", "(B=32, H=12, T=128, D=64)"], ["cos", "(T, D)"]]},
            {
                "label": "where",
                "fields": [["condition", "(T=128, T)"], ["x", "(B=32, H=12, T, T)"], ["y", "()"]],
            },
            {"label": "Paired by mistake", "fields": [["prediction", "(32, 1)"], ["target", "(32,)"]]},
        ],
        "steps": ["Shapes", "Align right", "Pad with 1", "Compare", "Expand", "Result"],
        "words": dict(broadcasting.WORDS),
        "messages": dict(broadcasting.MESSAGES),
        "labels": {**LABELS, **BroadcastingDirective.labels},
        "errors": dict(shapes.ERRORS),
        "reserved": keyword.kwlist,
    }
    assert explorer_of(page) == snapshot("html")


def test_markdown(built):
    from_markdown = built({"index.md": MARKDOWN}, extensions=["myst_parser", "tensorref.sphinxext"])
    assert explorer_of(from_markdown["index.html"]) == snapshot("html")
    assert from_markdown.explorers() == built(PAGES).explorers()


def explorer_of(page, begin='<div class="tensorref-explorer ', end="</div>"):
    """Return the part of an output that is the explorer, without the data for the script."""
    (found,) = re.findall(f"{re.escape(begin)}.*?{re.escape(end)}", page, re.DOTALL)
    return re.sub(r'data-tensorref="[^"]*"', 'data-tensorref="…"', found) + "\n"


def snapshot(name):
    return (SNAPSHOTS / f"{name}.txt").read_text(encoding="utf-8")


def test_text(built):
    assert built(PAGES, "text")["index.txt"] == snapshot("text")


def test_names_of_axes_and_a_conflict_as_text(built):
    assert built(PAGES, "text")["named-conflict.txt"] == snapshot("text-conflict")


@pytest.mark.parametrize(
    ("builder", "name", "end"),
    [
        ("man", "small.7", ".SH Copyright"),
        ("latex", "small.tex", r"\end{itemize}"),
        ("texinfo", "small.texi", "@end itemize"),
        ("epub", "index.xhtml", "</ul>"),
        ("xml", "index.xml", "</bullet_list>"),
    ],
)
def test_other_builders_show_the_table(built, builder, name, end):
    text = built(PAGES, builder)[name]
    assert explorer_of(text, "Broadcasting x (32, 10, 64), bias (64,)", end) == snapshot(builder)
    assert "data-tensorref" not in text
    assert "explorer." not in text


def test_epub_and_text_carry_no_assets(built):
    for builder in ("epub", "text"):
        folder = built(PAGES, builder).folder
        assert not [*folder.rglob("explorer*")]


@pytest.mark.parametrize(("builder", "up"), [("html", ""), ("dirhtml", "../"), ("singlehtml", "")])
def test_the_assets_are_on_the_pages_that_use_them_and_on_no_others(built, builder, up):
    site = built(PAGES, builder)
    pages = {
        "index": "index.html",
        **({} if builder == "singlehtml" else {"axes": "axes/index.html" if up else "axes.html"}),
    }
    for name in pages.values():
        back = up if "/" in name else ""
        (script,) = re.findall(r'<script type="module" src="([^"?]+)\?v=\w+">', site[name])
        assert script == f"{back}_static/tensorref/broadcasting-explorer.js"
        assert re.search(rf'href="{re.escape(back)}_static/tensorref/explorer\.css\?v=\w+"', site[name])
        assert (site.folder / name).parent.joinpath(script).is_file()
    if builder != "singlehtml":
        for name in ("plain", "genindex", "search"):
            assert "tensorref" not in site[f"{name}/index.html" if up else f"{name}.html"]


def test_own_static_files_stay(build, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/mine.txt").write_text("mine", encoding="utf-8")
    built = build({"index.rst": BIAS}, html_static_path=[str(tmp_path / "own")])
    assert built["_static/mine.txt"] == "mine"
    assert (built.folder / "_static/tensorref/explorer.css").is_file()


def test_options(built):
    (data,) = built(PAGES).explorers("options.html")
    assert [text for _, text in data["fields"]] == ["(4, 1)", "(1, 3)", "(3,)"]
    assert ([name for name, _ in data["fields"]], data["step"], data["itemsize"]) == (["a", "b", "c"], 5, 2)


def test_names_of_axes_and_up_to_six_shapes(built):
    (data,) = built(PAGES).explorers("axes.html")
    assert [text for _, text in data["fields"]] == ["(B=2, T=3, D=4)", "[T, 1]", "(D,)", "(B,1,1)", "()", "(1,)"]
    assert [name for name, _ in data["fields"]] == [*"abcdef"]
    explanation = broadcasting.explain((2, 3, 4), (3, 1), (4,), (2, 1, 1), (), (1,))
    assert built(PAGES).cells("axes.html") == [cell for row in explanation.table() for cell in row]


def test_a_conflict_is_shown_with_its_messages(built):
    page = built(PAGES, "text")["conflict.txt"]
    assert "| result  | ?        | 4     |" in page
    assert "* NumPy: operands could not be broadcast together with shapes (3,4)" in page
    assert "* PyTorch: The size of tensor a (3) must match" in page


def test_scalars(built):
    page = built(PAGES, "text")["scalars.txt"]
    assert "Broadcasting a (), b ()" in page


HOSTILE = """<b onclick="x">&amp;"'</b>"""


@pytest.mark.parametrize("builder", ["html", "text"])
def test_names_stay_text(build, builder):
    # Typographic quotes are Sphinx's doing, not ours.
    text = f"Page\n====\n\n.. broadcasting:: (4, 1) (1, 3)\n   :names: {HOSTILE}, __proto__\n"
    site = build({"index.rst": text}, builder, smartquotes=False)
    if builder == "html":
        (data,) = site.explorers()
        assert [name for name, _ in data["fields"]] == [HOSTILE, "__proto__"]
        assert "<b " not in site["index.html"]
    else:
        assert HOSTILE in site["index.txt"]


ERRORS = {
    "(4, 1) (1,": "the argument of broadcasting is '(4, 1) (1,'. Position 8: '(' is not closed; add ')' after the last size.",
    "(4, 1)": "the argument of broadcasting is '(4, 1)', 1 shape; write 2 or more, 6 at the most, such as (4, 1) (1, 3)",
    "1 2 3 4 5 6 7": (
        "the argument of broadcasting is '1 2 3 4 5 6 7', 7 shapes; write 2 or more, 6 at the most, such as (4, 1) (1, 3)"
    ),
    "(4, -1) 3": (
        "the argument of broadcasting is '(4, -1) 3'. "
        "Position 5: a size is 0 or more; write the size itself, only reshape works out -1."
    ),
    "(B=32, T) (T,)": (
        "the argument of broadcasting is '(B=32, T) (T,)'. "
        "Position 8: 'T' is a name without a size; give it one, such as B=32, here or in another shape."
    ),
    "(T=3) (T=5)": (
        "the argument of broadcasting is '(T=3) (T=5)'. "
        "Position 8: 'T' is 3 where it first has a size; give a name one size."
    ),
    f"({'1, ' * 65}) 3": (
        f"the argument of broadcasting is '({'1, ' * 8}1,...{' 1,' * 8} ) 3'. The shape has 65 axes, the most is 64; merge some of them."
    ),
    "<b>x</b>": (
        "the argument of broadcasting is '<b>x</b>'. "
        "Position 1: '<' is not part of a shape; write sizes in digits, such as (4, 1)."
    ),
    "4 1\n:names:": (
        "the option names of broadcasting is '' for 2 shapes; "
        "write one name for each, with commas between them, such as x, bias"
    ),
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
    "4 1\n:itemsize: 17": "the option itemsize of broadcasting is '17'; write a whole number from 1 to 16",
    "4 1\n:itemsize: ٤": "the option itemsize of broadcasting is '٤'; write a whole number from 1 to 16",
    f"4 1\n:step: {'9' * 5000}": f"the option step of broadcasting is '{'9' * 27}...{'9' * 28}'; write a whole number from 0 to 5",
}


@pytest.mark.parametrize("written", ERRORS)
@pytest.mark.parametrize("syntax", ["md", "rst"])
def test_errors_name_file_and_line(complained, syntax, written):
    assert complained("broadcasting", ERRORS, syntax)[written] == f"5: ERROR: {ERRORS[written]}"


def test_a_second_build_reads_nothing_anew(build):
    files = {"index.rst": BIAS + TOCTREE, "plain.rst": PLAIN}
    assert sorted(build(files).updated) == ["index", "plain"]
    assert build({}).updated == []


def test_a_page_that_changes_gets_and_loses_its_assets(build):
    files = {"index.rst": BIAS + TOCTREE, "plain.rst": PLAIN}
    build(files)
    built = build({"plain.rst": BIAS})
    assert built.updated == ["plain"]
    assert "tensorref/broadcasting-explorer.js" in built["plain.html"]
    built = build({"plain.rst": PLAIN})
    assert "tensorref" not in built["plain.html"]
    assert "tensorref/broadcasting-explorer.js" in built["index.html"]


def test_a_change_of_the_rule_reads_its_pages_anew(build, monkeypatch, tmp_path):
    files = {"index.rst": BIAS + TOCTREE, "plain.rst": PLAIN}
    source = tmp_path / "rule.py"
    source.touch()
    monkeypatch.setattr("tensorref.sphinxext.explorer._sources", lambda _directive: [str(source)])
    build(files)
    source.write_text("changed", encoding="utf-8")
    assert build({}).updated == ["index"]


def test_a_page_depends_on_all_that_it_shows(build, tmp_path):
    """The rule, its words, the parser, what the directives share and say, and the catalog of the language."""
    build({"index.rst": BIAS}, language="de")
    with (tmp_path / "doctrees-html/environment.pickle").open("rb") as file:
        environment = pickle.load(file)  # noqa: S301  we have just written it
    package = Path(broadcasting.__file__).parent
    found = {(tmp_path / "source" / name).resolve() for name in environment.dependencies["index"]}
    wanted = ["broadcasting.py", "_words.py", "_shape.py", "_explanation.py"]
    wanted += [f"sphinxext/{name}.py" for name in ("broadcasting", "explorer", "shapes")]
    wanted += ["sphinxext/locale/de/LC_MESSAGES/tensorref.mo"]
    assert {package / name for name in wanted} <= found


def test_a_page_depends_on_every_file_of_a_package(build, tmp_path):
    build(
        {
            "index.rst": ".. layout:: (4, 3).mT\n",
            "picture.rst": ":orphan:\n\n.. picture:: layout.history((4, 3), '.mT')\n",
        }
    )
    with (tmp_path / "doctrees-html/environment.pickle").open("rb") as file:
        environment = pickle.load(file)  # noqa: S301  we have just written it
    package = Path(broadcasting.__file__).parent
    wanted = {package / "_explanation.py", *(package / "layout").glob("*.py")}
    assert len(wanted) > 5
    for page in ("index", "picture"):
        assert wanted <= {(tmp_path / "source" / name).resolve() for name in environment.dependencies[page]}


def test_the_node_survives_on_disk(build, tmp_path):
    site = build({"index.rst": BIAS, "plain.rst": f":orphan:\n\n{PLAIN}"})
    with (tmp_path / "doctrees-html/index.doctree").open("rb") as file:
        (node,) = pickle.load(file).findall(Explorer)  # noqa: S301  we have just written it
    assert node["kind"] == "broadcasting"
    found = site.explorers()
    assert [json.loads(node["data"])] == found
    assert [type(child).__name__ for child in node] == ["paragraph", "table", "bullet_list"]
    for part in [node, *node.findall(nodes.Element)]:
        assert (Path(part.source).name, part.line) == ("index.rst", 4)
    # A page that is written anew but not read anew has its assets and its data all the same.
    again = build({"conf.txt": ""}, html_title="other")
    assert again.updated == []
    assert again.explorers() == found
    assert "tensorref/broadcasting-explorer.js" in again["index.html"]


def test_parallel_and_without_the_libraries(tmp_path):
    """In a fresh interpreter, which also shows that building a page loads neither NumPy nor PyTorch."""
    for page in range(8):
        (tmp_path / f"page{page}.rst").write_text(BIAS if page % 2 else PLAIN, encoding="utf-8")
    toctree = "Index\n=====\n\n.. toctree::\n   :glob:\n\n   page*\n"
    (tmp_path / "index.rst").write_text(toctree, encoding="utf-8")
    (tmp_path / "conf.py").write_text('extensions = ["tensorref.sphinxext"]\n', encoding="utf-8")
    program = (
        "import sys; from sphinx.cmd.build import build_main; "
        f"code = build_main(['-q', '-W', '-j2', {str(tmp_path)!r}, {str(tmp_path / 'out')!r}]); "
        "loaded = {'numpy', 'torch'} & {*sys.modules}; sys.exit(code or str(loaded or '') or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    for page in range(8):
        text = (tmp_path / f"out/page{page}.html").read_text(encoding="utf-8")
        assert ("tensorref/broadcasting-explorer.js" in text) == bool(page % 2)
        assert text.count("data-tensorref=") == page % 2


def test_the_extension_is_light():
    program = (
        "import sys, tensorref.sphinxext; "
        "print(*sorted({'numpy', 'torch', 'sphinx', 'docutils', 'jaxtyping'} & {*sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
