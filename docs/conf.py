"""How the documentation is built. The extensions that serve only this site are in ``_ext``."""

from __future__ import annotations

import os
import sys
import tomllib
from importlib.metadata import distributions
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from links.shape_types import ShapeTypes  # noqa: E402  its folder has just joined the path
from links.sources import linkcode_resolve  # noqa: E402, F401  Sphinx takes it from here

project = "tensorref"
author = "The tensorref developers"
copyright = "2026, the tensorref developers"  # noqa: A001  Sphinx's name for it
version = release = version_of("tensorref")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.linkcode",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_nb",
    "tensorref.sphinxext",
    "benchmarks",
    "from_package",
    "from_package.counterparts",
    "from_package.dictionary",
    "from_package.entries",
    "from_package.errors",
    "from_package.exercises",
    "from_package.teaching",
    "gallery",
    "links.code",
    "output.bundle",
    "output.descriptions",
    "output.docstrings",
    "output.machine_readable",
    "output.markup",
    "provenance.foot",
]
exclude_patterns = ["_build", "_ext", "_inventories", "_templates", "conf.py"]
templates_path = ["_templates"]
nitpicky = True
# A name in single backticks is a parameter or one of our functions; whichever it is, a link is made where there is one.
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", r"[a-z_0-9]+")]
highlight_language = "python"

# Python, NumPy and PyTorch, without a network: the names that these pages use stand here as plain text.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3/", ("_inventories/python.txt", None)),
    "numpy": ("https://numpy.org/doc/stable/", ("_inventories/numpy.txt", None)),
    "torch": ("https://docs.pytorch.org/docs/stable/", ("_inventories/torch.txt", None)),
}

# References: signatures without types, which stand in the lists of parameters, with the words of `ShapeTypes`.
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = False
napoleon_google_docstring = False
typehints_formatter = ShapeTypes()
typehints_use_rtype = False
typehints_document_rtype = True
always_use_bars_union = True

# Examples run from a cache that knows the package, the libraries and the device (see `gallery`). A cell that fails is a
# warning with its traceback, and a warning fails the build after all pages were tried.
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_execution_cache_path = str(HERE / "_build" / "jupyter_cache")
nb_custom_formats = {".py": "gallery.read_script"}

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

codeautolink_concat_default = True
codeautolink_disable_link_titles = True  # the address says the same

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# The addresses of the site and of the repository stand in pyproject.toml alone; Read the Docs knows that of the site.
PYPROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))
html_baseurl = (
    os.environ.get("READTHEDOCS_CANONICAL_URL") or f"{PYPROJECT['project']['urls']['Documentation']}/en/latest/"
)
# With another version of anything that is installed, which is what makes them, all pages are read again.
built_with = sorted({f"{found.name} {found.version}" for found in distributions()})
tagline = "tensors in NumPy and PyTorch for people who build language models"
ogp_site_url = html_baseurl
ogp_social_cards = {"font": "DejaVu Sans", "image_mini": "_static/card.png"}

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "tensorref"
html_static_path = ["_static"]
html_css_files = ["site.css", "home.css"]
html_favicon = "_static/favicon.svg"
html_search_scorer = str(HERE / "_ext" / "search_scorer.js")
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"footer_icons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def setup(app: Sphinx) -> None:
    app.add_config_value("built_with", [], "env")
