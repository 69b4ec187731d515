"""The private parts of other projects are there; and without each of them a site builds, says what it lacks, and is right."""

from __future__ import annotations

import dataclasses
import io
import json
import re

import private_parts
import pytest
from from_package import counterparts
from links import names
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ENTRIES = """# Entries

```{eval-rst}
.. py:function:: torch.ones(size)

.. py:method:: torch.Tensor.view(shape)

.. py:function:: tensorref.layout.can_view(shape)

   .. used-in:: torch.ones
```
"""
EXAMPLE = "# Example\n\n```python\nimport torch\n\ntorch.ones(2).view(1, 2)\n```\n\n![](figure.png)\n\n$x^2$\n"
PAGES = {
    "index": "# Index\n\n```{toctree}\nentries\ngallery/index\n```\n",
    "entries": ENTRIES,
    "gallery/index": "# Gallery\n\n```{toctree}\nexample\n```\n",
    "gallery/example": EXAMPLE,
}
EXTENSIONS = ["myst_parser", "links.code", "gallery.cards", "from_package.counterparts"]
EXTENSIONS += ["output.markup", "output.bundle"]
NAMES = [counterparts.Counterpart("numpy.reshape", "numpy", "tensorref.layout.can_view", "it is the same.")]


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds a small site and returns it and what was said."""
    monkeypatch.setattr(counterparts, "harvest", lambda: NAMES)
    private_parts._miss.cache_clear()  # noqa: SLF001  each build says it anew
    clear_found()
    source = tmp_path / "docs"
    (source / "gallery").mkdir(parents=True)
    Image.new("RGB", (400, 400), "red").save(source / "gallery" / "figure.png")
    for page, text in PAGES.items():
        (source / f"{page}.md").write_text(text, "utf-8")
    settings = {"extensions": EXTENSIONS, "myst_enable_extensions": ["dollarmath"], "html_math_renderer": "mathml"}
    settings |= {"html_theme": "basic"}

    def build(*listeners):
        said, warned = io.StringIO(), io.StringIO()
        with patch_docutils(), docutils_namespace():
            app = Sphinx(source, None, tmp_path / "html", tmp_path / "doctrees", "html", settings, said, warned)
            for event, listener, priority in listeners:
                app.connect(event, listener, priority=priority)
            app.build()
        assert warned.getvalue() == ""
        return tmp_path / "html", said.getvalue()

    yield build
    clear_found()


def clear_found():
    for kept in (private_parts.gives_tensor, names.given_by, names.type_of):
        kept.cache_clear()


def found(site):
    """Return what a reader has of each part on the site."""
    example, entries = ((site / f"{page}.html").read_text("utf-8") for page in ("gallery/example", "entries"))
    index = json.loads((site / "searchindex.js").read_text("utf-8").removeprefix("Search.setIndex(").removesuffix(")"))
    return {
        "code_blocks": 'class="used-in"' in entries,
        "gives_tensor": 'href="../entries.html#torch.Tensor.view"' in example,
        "search_terms": "np.reshape" in index["indexentries"],
        "to_mathml": "<math" in example,
        "in_order": "bundle.css?v=" in example and "pygments.css" not in example,
    }


def test_nothing_is_gone(build):
    site, said = build()
    assert [part for part, there in found(site).items() if not there] == []
    assert "left out" not in said
    assert {"ones", "view", "mT", "grad"} <= private_parts.gives_tensor()
    assert not {"shape", "tolist", "equal"} & private_parts.gives_tensor()


def rename(monkeypatch, part):
    gone = dataclasses.replace(private_parts.PARTS[part], name="gone")
    monkeypatch.setitem(private_parts.PARTS, part, gone)
    return f"{gone.owner} has no gone: left out: {gone.without}"


@pytest.mark.parametrize("part", ["code_blocks", "gives_tensor", "search_terms", "to_mathml", "in_order"])
def test_without_a_part_the_site_builds_and_says_what_it_lacks(part, build, monkeypatch):
    sentence = rename(monkeypatch, part)
    site, said = build()
    assert said.count(sentence) == 1
    lacks = {"code_blocks": {"code_blocks", "gives_tensor"}}.get(part, {part})
    assert {each for each, there in found(site).items() if not there} == lacks
    example = (site / "gallery" / "example.html").read_text("utf-8")
    assert 'href="../entries.html#torch.ones"' in example  # sphinx-codeautolink finds this name by itself
    if part == "to_mathml":
        assert "<code>x^2</code>" in example
    if part == "in_order":
        assert re.search(r'href="\.\./_static/pygments\.css\?v=', example)


def test_without_the_attribute_itself_sphinx_codeautolink_links_what_it_finds(build):
    """As if it kept its findings elsewhere."""
    name = private_parts.PARTS["code_blocks"].name
    site, said = build(("env-before-read-docs", lambda _, env, __: delattr(env, name), 900))
    assert said.count("left out: only names that sphinx-codeautolink follows have links") == 1
    assert 'href="../entries.html#torch.ones"' in (site / "gallery" / "example.html").read_text("utf-8")


def test_each_part_is_listed_with_its_reason():
    for name, part in private_parts.PARTS.items():
        assert callable(getattr(private_parts, name))
        assert part.reason.endswith(".")
        assert part.without
