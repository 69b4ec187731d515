"""Links in example code, and the examples below an entry, stay right however little a build reads again."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from links import names
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ENTRY = "Prose.\n\n```{eval-rst}\n.. py:function:: textwrap.dedent(text)\n\n   .. used-in:: textwrap.dedent\n```\n"
EXAMPLE = "```python\nimport textwrap\n\nprint(textwrap.{})\n```\n\n![](figure.png)\n"
PAGES = {
    "index": "# Index\n\n```{toctree}\nreference\ngallery/index\n```\n",
    "reference": "# Reference\n\n" + ENTRY,
    "gallery/index": "# Gallery\n\n```{toctree}\nfirst\nsecond\n```\n",
    "gallery/first": "# First\n\n" + EXAMPLE.format("dedent('')"),
    "gallery/second": "# Second\n\n" + EXAMPLE.format("indent('', ' ')"),
}


class Site:
    def __init__(self, root):
        self.root = root
        (root / "docs" / "gallery").mkdir(parents=True)
        Image.new("RGB", (400, 400), "red").save(root / "docs" / "gallery" / "figure.png")
        for name, text in PAGES.items():
            self.write(name, text)

    def write(self, name, text):
        (self.root / "docs" / f"{name}.md").write_text(text, "utf-8")

    def build(self, **settings):
        said = io.StringIO()
        settings = {
            "extensions": ["myst_parser", "links.code", "gallery.cards"],
            "html_theme": "basic",
            **settings,
        }
        with patch_docutils(), docutils_namespace():
            folders = (self.root / name for name in ("docs", "html", "doctrees"))
            source, out, doctrees = folders
            Sphinx(source, None, out, doctrees, "html", settings, io.StringIO(), said).build()
        assert said.getvalue() == ""

    def __getitem__(self, name):
        return (self.root / "html" / f"{name}.html").read_text("utf-8")

    def linked(self, name):
        return re.findall(r'<a class="sphinx-codeautolink-a" href="([^"]*)"', self[name])

    def used_in(self):
        return re.findall(r'<li><a class="reference internal" href="([^"]*)"><img', self["reference"])


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


LINK = ["../reference.html#textwrap.dedent"]


def test_links_and_examples_survive_builds_that_read_little(site):
    site.build()
    assert site.linked("gallery/first") == LINK
    assert site.linked("gallery/second") == []
    assert site.used_in() == ["gallery/first.html#first"]

    site.write("reference", PAGES["reference"].replace("Prose", "Other prose"))
    site.build()
    assert "Other prose" in site["reference"]
    assert site.used_in() == ["gallery/first.html#first"]  # the example was not read again

    site.build(project="Another")
    assert "Another" in site["gallery/first"]  # all pages were written again, none was read
    assert site.linked("gallery/first") == LINK

    site.write("gallery/second", PAGES["gallery/second"].replace("indent('', ' ')", "dedent('')"))
    site.build(project="Another")
    assert site.linked("gallery/second") == LINK
    assert site.used_in() == ["gallery/first.html#first", "gallery/second.html#second"]  # a page that did not change

    site.write("reference", PAGES["reference"].replace("dedent", "shorten"))
    site.build(project="Another")
    assert site.used_in() == []
    site.write("reference", PAGES["reference"])
    site.build(project="Another")
    assert site.used_in() == ["gallery/first.html#first", "gallery/second.html#second"]


@pytest.mark.parametrize(
    ("chain", "name"),
    [
        (["torch", "nn", "Linear"], "torch.nn.Linear"),
        (["torch", "allclose"], "torch.allclose"),
        (["torch", "zeros", "()", "mT", "contiguous", "()", "view"], "torch.Tensor.view"),
        (["torch", "nn", "Linear", "()", "()", "view"], "torch.Tensor.view"),
        (["numpy", "array", "()", "reshape", "()", "reshape"], "numpy.ndarray.reshape"),
        (["tensorref", "layout", "explain", "()", "conflicts"], "tensorref.layout.Explanation"),
        (["tensorref", "layout", "explain", "()", "to_dict"], "tensorref.layout.Explanation.to_dict"),
        (["tensorref", "dtypes", "explain", "()", "numpy", "result"], "tensorref.dtypes.Outcome"),
        (["tensorref", "layout", "split_heads", "()", "stride"], "torch.Tensor.stride"),
        (["torch", "nn", "Linear", "()", "weight", "mT", "view"], "torch.Tensor.view"),
        (["torch", "nn", "Linear", "()", "to"], "torch.nn.Module.to"),
        (["numpy", "random", "default_rng", "()"], "numpy.random.Generator"),
        (["int", "()"], "int"),
    ],
)
def test_a_name_that_follows_a_value_is_found_by_its_type(chain, name):
    known = {"torch.nn.Linear", "torch.allclose", "torch.Tensor.view", "torch.Tensor.stride", "torch.nn.Module.to"}
    known |= {"numpy.ndarray.reshape", "numpy.random.Generator", "tensorref.layout.Explanation", "int"}
    known |= {"tensorref.layout.Explanation.to_dict", "tensorref.dtypes.Outcome"}
    assert next(entry for entry in names.entries(chain) if entry in known) == name


@pytest.mark.parametrize(
    "chain", [["torch", "nothing", "()", "view"], ["nothing", "at", "all", "()"], ["x", ":=", "y"]]
)
def test_a_name_of_which_nothing_is_known_has_no_entry(chain):
    assert not {*names.entries(chain)} & {"torch.Tensor.view", "torch.Tensor", "torch"}


def test_what_is_said_to_give_an_array_does():
    x = np.ones((2, 2))
    given = {
        "numpy.array": np.array([1]),
        "numpy.arange": np.arange(2),
        "numpy.broadcast_to": np.broadcast_to(x, (2, 2, 2)),
        "numpy.ones": x,
        "numpy.zeros": np.zeros(2),
        "numpy.ndarray.copy": x.copy(),
        "numpy.ndarray.reshape": x.reshape(4),
        "numpy.random.Generator.standard_normal": np.random.default_rng(0).standard_normal(2),
        "numpy.random.default_rng": np.random.default_rng(0),
        "torch.Tensor.numpy": torch.ones(2, device="cpu").numpy(),
        "torch.nn.Sequential": torch.nn.Sequential()(torch.ones(2)),
    }
    assert given.keys() == names.GIVES.keys()
    for name, value in given.items():
        module, _, qualified = names.GIVES[name].rpartition(".")
        kind = type(value)
        assert (kind.__module__.removesuffix("._generator"), kind.__qualname__) == (module, qualified)
