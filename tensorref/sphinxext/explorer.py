"""What the directives share: the finished table as ordinary nodes, and in HTML the data for an explorer around it.

The nodes stand inside a container, so that a builder which knows nothing of this shows the table. The HTML builder
hands the script its data as JSON in one attribute: the texts of the fields, and every word that the script says.
"""

from __future__ import annotations

import gettext
import json
import keyword
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar, NamedTuple, Protocol

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from sphinx.writers.manpage import ManualPageTranslator

from tensorref import _arguments, _explanation, _picture, _shape, _words
from tensorref._arguments import quoted
from tensorref.sphinxext import shapes

__all__ = [
    "CATALOG",
    "LABELS",
    "SHARED",
    "Explained",
    "Explorer",
    "ExplorerDirective",
    "Fields",
    "Preset",
    "RuleDirective",
    "depart_man",
    "files_of",
    "finished",
    "is_site",
    "setup_explorers",
    "translation",
    "visit_man",
]

CATALOG = "tensorref"
"""The name of the message catalogs in ``locale``."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "code": "Code to copy",
        "copied": "Copied",
        "copy": "Copy the code for {library}",
        "field": "Shape of {name}",
        "kept": "The picture keeps the last shapes that could be read.",
        "link": "Link to this",
        "notes": "What follows",
        "point": "Point at a cell of the result to see what it reads.",
        "presets": "Try",
        "reads": "{cell} reads {sources}.",
        "result": "result",
        "step": "Step",
        "table": "Table of the axes",
    }
)
"""What every explorer says of itself; what it says of shapes are the sentences of the rules."""

SHARED = (_arguments, _explanation, _picture, _shape, _words)
"""What every table and every picture depends on."""

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_LARGEST_ITEM = 16  # bytes of a complex128


class Explained(Protocol):
    """An explanation by one of the rules."""

    @property
    def steps(self) -> Sequence[str]:
        """A sentence for each step."""
        raise NotImplementedError

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the finished table."""
        raise NotImplementedError

    def notes(self) -> tuple[str, ...]:
        """Return the sentences below it."""
        raise NotImplementedError

    def svg(self, name: str | None = None) -> str:
        """Return the picture."""
        raise NotImplementedError


class Fields(NamedTuple):
    """What a directive was given: for each field what it is called and its text, and the explanation of it all."""

    names: Sequence[str]
    texts: Sequence[str]
    explanation: Explained


class Preset(NamedTuple):
    """Something to try: what the menu calls it, and for each field what it is called and its text."""

    label: str
    fields: Mapping[str, str]


class Explorer(nodes.container):
    """Holds the finished table and its notes, and the picture as SVG."""


class RuleDirective(SphinxDirective):
    """A directive that shows a rule, in the language of the page."""

    def catalogs(self) -> list[str]:
        """Return the compiled catalogs of the language, those of the project before that of the extension."""
        folders = (*(Path(self.env.srcdir, folder) for folder in self.config.locale_dirs), _HERE / "locale")
        found = (gettext.find(CATALOG, str(folder), [self.config.language]) for folder in folders)
        return [path for path in found if path]

    def picture_name(self) -> str:
        """Return what the ids of the next picture of the page begin with."""
        return nodes.make_id(f"tensorref-{self.env.docname}-{self.env.new_serialno('tensorref-picture')}")

    def placed(self, node: nodes.container) -> list[nodes.Node]:
        """Return a node by its name, with the place where it was written."""
        self.add_name(node)
        for part in node.findall(nodes.Element):
            self.set_source_info(part)
        return [node]


class ExplorerDirective(RuleDirective):
    """What the explorers share; each says what its argument means, and in which words."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = {
        "names": directives.unchanged,
        "step": directives.unchanged,
        "itemsize": directives.unchanged,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    steps: ClassVar[Sequence[str]]
    """What the steps are called; empty where the argument says it."""
    labels: ClassVar[Mapping[str, str]]
    """What the explorer says of itself beyond `LABELS`, the caption of the table among it."""
    presets: ClassVar[Sequence[Preset]]
    words: ClassVar[Mapping[str, str]]
    messages: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What the libraries say, which stays as it is in any language."""
    errors: ClassVar[Mapping[str, str]]
    styles: ClassVar[Sequence[str]] = ("explorer", "table")
    """The sheets of style that its page needs."""
    modules: ClassVar[Sequence[ModuleType]]
    """Which modules, or packages, the table depends on, beyond those that every table depends on."""

    def read(self) -> Fields:
        """Return what the argument and the options say, or raise the error that says what is wrong with them."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Build the nodes, or refuse the argument or an option with the place where it stands."""
        catalogs = self.catalogs()
        for source in (*_sources(type(self)), *catalogs):
            self.env.note_dependency(source)
        translate = translation(catalogs).gettext
        with _words.translated(translate):
            fields = self.read()
            last = len(fields.explanation.steps) - 1
            labels = {key: translate(text) for key, text in {**LABELS, **self.labels}.items()}
            data = {
                "fields": [*zip(fields.names, fields.texts, strict=True)],
                "step": self.whole("step", last, 0, last),
                "itemsize": self.itemsize,
                "presets": [
                    {"label": translate(preset.label), "fields": [*preset.fields.items()]} for preset in self.presets
                ],
                "steps": [translate(step) for step in self.steps],
                "labels": labels,
                "words": dict(self.words),
                "messages": dict(self.messages),
                "errors": {key: translate(text) for key, text in self.errors.items()},
                "reserved": keyword.kwlist,
            }
            given = ", ".join(f"{name} {text}" for name, text in zip(fields.names, fields.texts, strict=True))
            explorer = Explorer(
                "",
                *finished(
                    labels["caption"].format(fields=given), fields.explanation.table(), fields.explanation.notes()
                ),
                kind=self.name,
                styles=self.styles,
                svg=fields.explanation.svg(self.picture_name()),
                data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
                classes=self.options.get("class", []),
            )
        return self.placed(explorer)

    @property
    def itemsize(self) -> int:
        """The option of that name."""
        return self.whole("itemsize", 4, 1, _LARGEST_ITEM)

    def whole(self, option: str, default: int, least: int, most: int) -> int:
        """Return an option that is a whole number."""
        text = str(self.options.get(option, default))
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise self.error(
                f"the option {option} of {self.name} is {quoted(text)}; write a whole number from {least} to {most}"
            )
        return int(text)

    def shapes(self, least: int, most: int, text: str | None = None) -> tuple[shapes.WrittenShape, ...]:
        """Return the shapes of a text, by default the argument, as many as there are fields for."""
        text = self.arguments[0] if text is None else text
        wanted = f"{least} or more, {most} at the most" if most > least else str(least)
        try:
            given = shapes.parse_shapes(text)
        except shapes.ShapeTextError as error:
            raise self.error(f"the argument of {self.name} is {quoted(self.arguments[0])}. {error}") from None
        if not least <= len(given) <= most:
            raise self.error(
                f"the argument of {self.name} is {quoted(self.arguments[0])}, {len(given)} shape{'s'[: len(given) != 1]}; "
                f"write {wanted}, such as (4, 1) (1, 3)"
            )
        return given

    def shape_and_rest(self, pattern: re.Pattern[str]) -> tuple[str, str, tuple[int, ...], str]:
        """Return the name of the one operand, its shape as text and as sizes, and what follows the shape."""
        text = self.arguments[0]
        (name,) = self.names(1) or ["x"]
        found = pattern.match(text)
        end = found.end() if found else 0
        shape = text[:end].strip()
        try:
            sizes = shapes.parse_shape(shape)
        except shapes.ShapeTextError as error:
            raise self.error(f"the shape of {self.name} is {quoted(shape)}. {error}") from None
        return name, shape, sizes, text[end:].strip()

    def names(self, count: int) -> list[str] | None:
        """Return the option of that name, which has a name for each shape, or None where it is not given."""
        if "names" not in self.options:
            return None
        text = self.options["names"] or ""
        names = [name.strip() for name in text.split(",")]
        if len(names) != count or not all(names):
            raise self.error(
                f"the option names of {self.name} is {quoted(text)} for {count} shape{'s'[: count != 1]}; write "
                + (
                    "one name for each, with commas between them, such as x, bias"
                    if count > 1
                    else "one name, such as x"
                )
            )
        if len({*names}) < count:
            raise self.error(
                f"the option names of {self.name} is {quoted(text)}, which says a name twice; give each shape its own"
            )
        return names


def setup_explorers(app: Sphinx, **kinds: type[ExplorerDirective]) -> None:
    """Add a directive by its name, and its script and style to the pages that use it."""
    for name, directive in kinds.items():
        app.add_directive(name, directive)
    # Other builders fall back to how they show a container, which is what `Explorer` derives from.
    app.add_node(Explorer, html=(_visit_html, _depart_html), man=(visit_man, depart_man))
    app.connect("builder-inited", _add_static_path)
    app.connect("html-page-context", _add_assets)


def _sources(directive: type[ExplorerDirective]) -> list[str]:
    """Return the files that change a table or an explorer, when they change."""
    modules = (*SHARED, shapes, sys.modules[directive.__module__], *directive.modules)
    return [__file__, *(file for module in modules for file in files_of(module))]


def files_of(module: ModuleType) -> list[str]:
    """Return the file of a module, or all files of a package."""
    file = Path(str(module.__file__))
    return [*map(str, file.parent.glob("*.py"))] if file.name == "__init__.py" else [str(file)]


def translation(catalogs: Iterable[str]) -> gettext.NullTranslations:
    """Return what looks a sentence up in the catalogs, one after the other; it stays English where none has it."""
    found = gettext.NullTranslations()
    for path in catalogs:
        with Path(path).open("rb") as file:
            found.add_fallback(gettext.GNUTranslations(file))
    return found


def finished(caption: str, table: Sequence[Sequence[str]], notes: Iterable[str]) -> list[nodes.Node]:
    """Return the table with its notes, as any builder shows it."""
    # A paragraph: a man page takes the title of a table for its own, and numbered tables would count it.
    return [_paragraph(caption), _table(table), _bullets(notes)]


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


def is_site(builder: Builder) -> bool:
    """Tell whether pages of `builder` go to a browser: not to a reader of EPUB or of help files."""
    return builder.format == "html" and not getattr(builder, "embedded", False) and builder.name != "epub"


def _visit_html(translator: HTML5Translator, node: Explorer) -> None:
    if is_site(translator.builder):
        data: dict[str, Any] = {"data-tensorref": node["data"]}
        kind = f"tensorref-explorer tensorref-{node['kind']}"
        translator.body.append(translator.starttag(node, "div", CLASS=kind, **data) + node["svg"])
    else:
        translator.visit_container(node)


def _depart_html(translator: HTML5Translator, node: Explorer) -> None:
    if is_site(translator.builder):
        translator.body.append("</div>\n")
    else:
        translator.depart_container(node)


def visit_man(translator: ManualPageTranslator, _node: nodes.container) -> None:
    """Begin a paragraph: without this the first one of a container runs on in the one before."""
    translator.body.append(".sp\n")


def depart_man(_translator: ManualPageTranslator, _node: nodes.container) -> None:
    """Do nothing, as for any container."""


def _add_static_path(app: Sphinx) -> None:
    if is_site(app.builder):
        app.config.html_static_path = [*app.config.html_static_path, str(_STATIC)]


def _add_assets(
    app: Sphinx, _pagename: str, _templatename: str, _context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if not doctree or not is_site(app.builder):
        return
    explorers = [*doctree.findall(Explorer)]
    for kind in sorted({explorer["kind"] for explorer in explorers}):
        app.add_js_file(f"tensorref/{kind}-explorer.js", type="module")
    for style in sorted({style for explorer in explorers for style in explorer["styles"]}):
        app.add_css_file(f"tensorref/{style}.css")
