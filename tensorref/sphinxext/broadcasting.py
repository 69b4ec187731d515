"""The directive ``{broadcasting}``: the finished table for every builder, and an explorer around it in HTML.

The nodes are ordinary ones inside a container, so that a builder which knows nothing of this shows the table. The HTML
builder hands the script its data as JSON in one attribute: the shapes, and every word that the script says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.manpage import ManualPageTranslator

from tensorref import _explanation, _words, broadcasting
from tensorref.sphinxext import shapes

__all__ = ["LABELS", "PRESETS", "BroadcastingDirective", "BroadcastingExplorer", "setup_broadcasting"]

_STATIC = Path(__file__).parent / "static"
_SOURCES = [
    *(str(module.__file__) for module in (_explanation, _words, broadcasting, shapes)),
    __file__,
    *(str(path) for path in _STATIC.rglob("*.*")),
]
_STEPS = ("Shapes", "Align right", "Pad with 1", "Compare", "Expand", "Result")
_LARGEST_ITEM = 16  # bytes of a complex128

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "caption": "Broadcasting {operands}",
        "explorer": "Broadcasting explorer",
        "field": "Shape of {name}",
        "kept": "The picture keeps the last shape that could be read.",
        "notes": "What follows",
        "presets": "Try",
        "scalar": "scalar",
        "step": "Step",
        "table": "Table of the axes",
    }
)
"""What the explorer says of itself; what it says of shapes are the sentences of the rule."""

PRESETS: Sequence[tuple[str, Mapping[str, tuple[int, ...]]]] = (
    ("Simple broadcast", {"a": (4, 1), "b": (1, 3)}),
    ("One element", {"a": (3, 4), "b": (1,)}),
    ("Same shapes", {"a": (2, 3), "b": (2, 3)}),
    ("Incompatible", {"a": (3, 4), "b": (2, 4)}),
    ("Add a bias", {"x": (32, 10, 64), "bias": (64,)}),
)
"""Shapes to try: a name for the button, and each operand's name with its shape."""


class BroadcastingExplorer(nodes.container):
    """Holds the finished table and its notes."""


class BroadcastingDirective(SphinxDirective):
    """Shows how shapes broadcast: ``{broadcasting} (32, 10, 64) (64,)``."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = {
        "names": directives.unchanged,
        "step": directives.unchanged,
        "itemsize": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Build the nodes, or refuse the argument or an option with the place where it stands."""
        for source in _SOURCES:
            self.env.note_dependency(source)
        given = self._shapes()
        itemsize = self._whole("itemsize", 4, 1, _LARGEST_ITEM)
        explanation = broadcasting.explain(*given, names=self._names(len(given)), itemsize=itemsize)
        caption = ", ".join(f"{operand.name} {operand.shape}" for operand in explanation.operands)
        explorer = BroadcastingExplorer(
            "",
            # A paragraph: a man page takes the title of a table for its own, and numbered tables would count it.
            _paragraph(LABELS["caption"].format(operands=caption)),
            _table(explanation.table()),
            _bullets(explanation.notes()),
            shapes=[str(operand.shape) for operand in explanation.operands],
            names=[operand.name for operand in explanation.operands],
            step=self._whole("step", 0, 0, len(_STEPS) - 1),
            itemsize=itemsize,
        )
        for node in explorer.findall(nodes.Element):
            self.set_source_info(node)
        return [explorer]

    def _shapes(self) -> tuple[tuple[int, ...], ...]:
        text = self.arguments[0]
        try:
            given = shapes.parse_shapes(text)
        except shapes.ShapeTextError as error:
            raise self.error(f"the argument of {self.name} is {_quoted(text)}. {error}") from None
        if len(given) < 2:  # noqa: PLR2004
            raise self.error(
                f"the argument of {self.name} is {_quoted(text)}, one shape; write two or more, such as (4, 1) (1, 3)"
            )
        return given

    def _names(self, count: int) -> list[str] | None:
        if "names" not in self.options:
            return None
        text = self.options["names"] or ""
        names = [name.strip() for name in text.split(",")]
        if len(names) != count or not all(names):
            raise self.error(
                f"the option names of {self.name} is {_quoted(text)} for {count} shapes; "
                "write one name for each, with commas between them, such as x, bias"
            )
        if len({*names}) < count:
            raise self.error(
                f"the option names of {self.name} is {_quoted(text)}, which says a name twice; give each shape its own"
            )
        return names

    def _whole(self, option: str, default: int, least: int, most: int) -> int:
        text = str(self.options.get(option, default))
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise self.error(
                f"the option {option} of {self.name} is {_quoted(text)}; write a whole number from {least} to {most}"
            )
        return int(text)


def setup_broadcasting(app: Sphinx) -> None:
    """Add the directive, and its script and style to the pages that use it."""
    app.add_directive("broadcasting", BroadcastingDirective)
    # Other builders fall back to how they show a container, which is what `BroadcastingExplorer` derives from.
    app.add_node(BroadcastingExplorer, html=(_visit_html, _depart_html), man=(_visit_man, _depart_man))
    app.connect("builder-inited", _add_static_path)
    app.connect("html-page-context", _add_assets)


def _table(rows: Sequence[Sequence[str]]) -> nodes.table:
    columns = [nodes.colspec(colwidth=max(map(len, column))) for column in zip(*rows, strict=True)]
    columns[0]["stub"] = 1
    heading, *body = (nodes.row("", *(nodes.entry("", _paragraph(cell)) for cell in row)) for row in rows)
    group = nodes.tgroup("", *columns, nodes.thead("", heading), nodes.tbody("", *body), cols=len(columns))
    # Given widths would become style attributes, which a strict content security policy forbids.
    return nodes.table("", group, classes=["colwidths-auto"])


def _bullets(sentences: Iterable[str]) -> nodes.bullet_list:
    items = (nodes.list_item("", _paragraph(sentence)) for sentence in sentences)
    return nodes.bullet_list("", *items, bullet="*")


def _paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph(text, text)


def _quoted(text: str) -> str:
    longest = 60
    return repr(text if len(text) <= longest else f"{text[:longest]}…")


def _data(node: BroadcastingExplorer) -> str:
    return json.dumps(
        {
            "shapes": node["shapes"],
            "names": node["names"],
            "step": node["step"],
            "itemsize": node["itemsize"],
            "presets": [
                {"label": label, "names": [*operands], "shapes": [str(shape) for shape in operands.values()]}
                for label, operands in PRESETS
            ],
            "steps": _STEPS,
            "words": dict(_words.BROADCASTING),
            "labels": dict(LABELS),
            "errors": dict(shapes.ERRORS),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _is_site(builder: Builder) -> bool:
    """Tell whether pages of `builder` go to a browser: not to a reader of EPUB or of help files."""
    return builder.format == "html" and not getattr(builder, "embedded", False) and builder.name != "epub"


def _visit_html(translator: HTML5Translator, node: BroadcastingExplorer) -> None:
    if _is_site(translator.builder):
        data: dict[str, Any] = {"data-tensorref": _data(node)}
        translator.body.append(translator.starttag(node, "div", CLASS="tensorref-explorer", **data))
    else:
        translator.visit_container(node)


def _depart_html(translator: HTML5Translator, node: BroadcastingExplorer) -> None:
    translator.depart_container(node)


def _visit_man(translator: ManualPageTranslator, _node: BroadcastingExplorer) -> None:
    # Without this the first paragraph of a container runs on in the one before.
    translator.body.append(".sp\n")


def _depart_man(_translator: ManualPageTranslator, _node: BroadcastingExplorer) -> None:
    """Do nothing, as for any container."""


def _add_static_path(app: Sphinx) -> None:
    if _is_site(app.builder):
        app.config.html_static_path = [*app.config.html_static_path, str(_STATIC)]


def _add_assets(
    app: Sphinx, _pagename: str, _templatename: str, _context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if doctree and _is_site(app.builder) and next(doctree.findall(BroadcastingExplorer), None):
        app.add_js_file("tensorref/explorer.js", type="module")
        app.add_css_file("tensorref/explorer.css")
