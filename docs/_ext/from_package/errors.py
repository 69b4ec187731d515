"""The pages of error messages: a page a group, a section a message, and the list of all; all that they say is the catalogue's.

Each page is a file of few lines, made before pages are found; the directive in it fills it. What the code of a message says
here and what its mends give comes from `raised`. What "Paste your error" looks through is one file, which ``errors.js`` asks for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from from_package import dictionary, raised, write_pages
from from_package.exercises import FOLDER as EXERCISES
from from_package.exercises import escaped
from tensorref import _dictionary, _picture
from tensorref._explanation import Illustrated
from tensorref.errors import Entry, Mend, _catalogue, _explanation, _matching, entries, explain
from tensorref.sphinxext.explorer import RuleDirective
from tensorref.sphinxext.picture import Picture

FOLDER = "errors"
INDEX = f"{FOLDER}/index"
ASKING = {"index", "search", INDEX}
"""The pages with a field for a message."""
FILE = "errors.json"
TITLES = {
    "shape": "Shape errors",
    "layout": "View and layout errors",
    "indexing": "Indexing errors",
    "dtype": "Dtype errors",
    "device": "Device errors",
    "autograd": "Gradient errors",
    "loss": "Loss errors",
    "module": "Module and optimizer errors",
    "value": "Numerical errors",
    "interop": "Interop errors",
    "data": "Data loading errors",
    "load": "Checkpoint errors",
    "compile": "Compile and vmap errors",
    "distributed": "Distributed errors",
    "install": "Installation errors",
}
FIELD = """<search class="error-find">
<form action="{search}" method="get" aria-label="Paste your error">
<label for="error-find">{label}</label>
<textarea id="error-find" name="q" rows="2" autocomplete="off" spellcheck="false" placeholder="{placeholder}"></textarea>
<button>Find</button>
</form>
</search>
"""
PLACEHOLDER = "mat1 and mat2 shapes cannot be multiplied"
_LONGEST, _ENOUGH = 64, 28
"""Letters of a heading, and those before the first field that say enough."""
_SECTION = "goes-wrong-when"
_TOO_SHORT = 16
# The codes of a page do not build on one another.
_PAGE = "(errors-{group})=\n# {title}\n\n```{{autolink-concat}} off\n```\n\n```{{error-group}} {group}\n```\n"


class OfErrors(RuleDirective):
    """What the directives here share: they show what stands in the package and what came of it."""

    def note(self, *files: Path) -> None:
        for source in (
            __file__,
            raised.__file__,
            _catalogue.__file__,
            _explanation.__file__,
            _picture.__file__,
            *files,
        ):
            self.env.note_dependency(str(source))


class ErrorGroup(OfErrors):
    """The messages of a group, a section each."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (group,) = self.arguments
        self.note(raised.MESSAGES / f"{group}.toml", raised.KEPT)
        found = entries(group)
        came = raised.kept()
        self.env.metadata[self.env.docname]["ran"] = came["facts"]
        labels = self.env.get_domain("std")
        for entry in found:
            labels.anonlabels[label(entry)] = self.env.docname, entry.id
            labels.labels[label(entry)] = self.env.docname, entry.id, short(entry)
        begun = (
            f"{TITLES[group]}, {len(found)} messages: what each means, code that raises it, and what to write instead."
        )
        return [nodes.paragraph("", begun), *(self.section(entry, came) for entry in found)]

    def section(self, entry: Entry, came: dict[str, Any]) -> nodes.section:
        said = came["said"].get(entry.id)
        mends = zip(entry.mends, came["gives"][entry.id], strict=True)
        cells = [
            _raised(entry, said),
            *(_mended(*mend, "Or" if number else "Mend") for number, mend in enumerate(mends)),
        ]
        return nodes.section(
            "",
            nodes.title("", short(entry)),
            _block(said or f"{entry.type}: {entry.text()}", "text", "error-said"),
            self.facts(entry),
            _side_by_side(nodes.container("", *_causes(entry)), *self.picture(entry)),
            _side_by_side(*(nodes.container("", *cell) for cell in cells)),
            *_versions(entry, said),
            *self.links(entry),
            ids=[entry.id],
            classes=["error-entry"],
            support_smartquotes=False,  # they are quotes of code
        )

    def facts(self, entry: Entry) -> nodes.paragraph:
        words = [_explanation.LIBRARIES[entry.library], "warning" if entry.is_warning else "error"]
        words += ["asked often"] * entry.often
        return nodes.paragraph("", " · ".join(words), classes=["error-facts"])

    def picture(self, entry: Entry) -> list[nodes.Node]:
        """Return the picture of the rule, from the numbers of the message alone."""
        explained = explain(entry.text())
        if explained is None or not isinstance(explained.rule, Illustrated):
            return []
        title, shows = explained.described()
        name = self.picture_name()
        return [
            Picture("", nodes.paragraph("", shows), svg=explained.svg(name, title), alt=f"{title} {shows}", file=name)
        ]

    def links(self, entry: Entry) -> list[nodes.Node]:
        rows = {row.slug: row for row in _dictionary.equivalents()}
        parts = {
            "Concepts": (f"[{each}](/reference/{each}.md)" for each in entry.concepts),
            "Guard": (f"{{py:func}}`{each} <tensorref.pitfalls.{each}>`" for each in entry.pitfalls),
            "Exercises": (f"[{each}](/{EXERCISES}/{each}.md)" for each in entry.exercises),
            "Dictionary": (
                f"[{escaped(rows[each].title)}](#{dictionary.label(rows[each])})" for each in entry.dictionary
            ),
        }
        told = (f"{name}: {', '.join(found)}" for name, each in parts.items() if (found := [*each]))
        return self.parse_text_to_nodes("{.error-links}\n" + " · ".join(told) + "\n")


class ErrorIndex(OfErrors):
    """All messages: those that are asked most, then by group."""

    def run(self) -> list[nodes.Node]:
        self.note(*sorted(raised.MESSAGES.glob("*.toml")))
        return [
            nodes.section(
                "",
                nodes.title("", title),
                nodes.bullet_list(
                    "",
                    *(nodes.list_item("", _link(entry)) for entry in entries(group)),
                    classes=["error-list"],
                    support_smartquotes=False,
                ),
                ids=[nodes.make_id(title)],
            )
            for group, title in TITLES.items()
        ]


class ErrorField(SphinxDirective):
    """The field for a message, which the page of the search answers without scripts."""

    def run(self) -> list[nodes.Node]:
        return [nodes.raw("", field(self.env.docname), format="html")]


def field(page: str) -> str:
    """Return the HTML of the field for a message."""
    label = "An error message, a shape or a name" if page == "index" else "Paste a message or a whole traceback"
    return FIELD.format(search=f"{'../' * page.count('/')}search.html", label=label, placeholder=PLACEHOLDER)


def label(entry: Entry) -> str:
    """Return what a link to an entry calls it."""
    return f"error-{entry.id}"


def short(entry: Entry) -> str:
    """Return a message as a heading: without what differs, and no longer than a line."""
    template = " ".join(entry.template.replace("`", "").split()).removesuffix(".")
    whole = _matching.FIELD.sub("…", template)
    begun = whole.partition("…")[0]
    words = begun if len(begun) > _ENOUGH else whole
    if len(words) > _LONGEST:
        words = words[:_LONGEST].rpartition(" ")[0]
    return words if words == whole else words.rstrip("…,;:([ ") + " …"


def _link(entry: Entry) -> nodes.paragraph:
    text = nodes.inline("", short(entry))
    link = addnodes.pending_xref("", text, refdomain="std", reftype="ref", reftarget=label(entry), refexplicit=True)
    return nodes.paragraph("", "", link, classes=["error-often"] if entry.often else [])


def _side_by_side(*parts: nodes.Node) -> nodes.container:
    """Return parts side by side, where there is room."""
    return nodes.container("", *parts, classes=["error-sides"] if len(parts) > 1 else [])


def _block(text: str, language: str, *classes: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language, classes=[*classes])


def _causes(entry: Entry) -> list[nodes.Node]:
    first, *others = entry.causes
    begin = "Likely cause: " if others else "Cause: "
    found: list[nodes.Node] = [
        nodes.paragraph("", "", nodes.strong("", begin), nodes.Text(first), classes=["error-cause"])
    ]
    items = (nodes.list_item("", nodes.paragraph("", cause)) for cause in others)
    return [*found, nodes.bullet_list("", *items, bullet="*")] if others else found


def _raised(entry: Entry, said: str | None) -> Iterator[nodes.Node]:
    """Yield the code of an entry, and whether what stands above came of it."""
    yield nodes.paragraph("", "", nodes.strong("", "Raises it"), classes=["error-side"])
    if entry.code:
        yield _block(entry.code, "python")
    if said is None:
        yield nodes.paragraph(
            "", f"Not raised here: it takes {entry.needs}.", classes=["error-gives", "error-not-here"]
        )


def _mended(mend: Mend, given: str | None, begin: str) -> Iterator[nodes.Node]:
    yield nodes.paragraph("", "", nodes.strong("", f"{begin}: "), nodes.Text(mend.words), classes=["error-side"])
    if mend.code:
        yield _block(mend.code, "python")
        yield nodes.paragraph("", f"Gives {given}." if given else "Runs, and raises nothing.", classes=["error-gives"])


def _versions(entry: Entry, said: str | None) -> list[nodes.Node]:
    """Return what other versions say: texts that were seen, and wordings that are known."""
    library = _explanation.LIBRARIES[entry.library]
    here = said or entry.text()
    seen = {text: f"{library} {since}" for since, text in entry.texts if _heart(text) not in here}
    older = {_matching.FIELD.sub(r"\1", template): "" for template in entry.older}
    items = [
        nodes.list_item("", nodes.paragraph("", "", nodes.Text(f"{who}: " if who else ""), nodes.literal("", text)))
        for text, who in {**older, **seen}.items()
    ]
    if not items:
        return []
    begun = nodes.paragraph("", "Other versions, devices and modes say:", classes=["error-versions"])
    return [begun, nodes.bullet_list("", *items, bullet="*")]


def _heart(text: str) -> str:
    """Return the longest part of a text that is the same in every run."""
    return max(text.split("…"), key=len)


def entry_of(text: str) -> Entry | None:
    """Return the message that a text is, or a part of; None for what is no message."""
    if len(text) < _TOO_SHORT or " " not in text:
        return None
    if found := _matching.match(text):
        return found.entry
    part = " ".join(text.split())
    return next((entry for entry in entries() if any(part in said for said in (entry.text(), *entry.templates))), None)


def _link_messages(app: Sphinx, doctree: nodes.document) -> None:
    """Let a message on a page of the reference, where it says what goes wrong, lead to its entry."""
    for section in doctree.findall(nodes.section) if app.env.docname.startswith("reference/") else ():
        for literal in [*section.findall(nodes.literal)] if _SECTION in section["ids"] else ():
            if not isinstance(literal.parent, nodes.reference | addnodes.pending_xref) and (
                entry := entry_of(literal.astext())
            ):
                link = addnodes.pending_xref(
                    "", refdomain="std", reftype="ref", reftarget=label(entry), refexplicit=True, refdoc=app.env.docname
                )
                literal.replace_self(link)
                link += nodes.inline("", "", literal)


def make_pages(folder: Path) -> None:
    """Write the file of each group."""
    write_pages(folder, {group: _PAGE.format(group=group, title=title) for group, title in TITLES.items()})


def to_look_through() -> dict[str, Any]:
    """Return what the browser needs to find a message: all that may stand in a field, and the templates of each entry."""
    return {
        "first": _matching.FIRST,
        "last": _matching.LAST,
        "entries": [
            {
                "id": entry.id,
                "page": entry.page,
                "title": short(entry),
                "kind": f"{_explanation.LIBRARIES[entry.library]} · {entry.type}",
                "cause": entry.causes[0],
                "mend": entry.mends[0].words,
                "warning": entry.is_warning,
                "templates": [
                    [found.expression.replace("(?P<", "(?<"), found.rarest, found.weight]
                    for found in _matching.templates_of(entry.id)
                ],
            }
            for entry in entries()
        ],
    }


def _write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        text = json.dumps(to_look_through(), ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, FILE).write_text(text, "utf-8")


def _finish(app: Sphinx, page: str, _: str, context: dict[str, Any], __: nodes.document | None) -> None:
    if page.startswith(f"{FOLDER}/"):
        app.add_css_file("errors.css")
    if page in ASKING:
        app.add_js_file("errors.js", type="module")
        context["error_field"] = field(page)  # for the page of the search, which has no source


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("error-field", ErrorField)
    app.add_directive("error-group", ErrorGroup)
    app.add_directive("error-index", ErrorIndex)
    app.connect("config-inited", lambda app, _: make_pages(Path(app.srcdir) / FOLDER))
    app.connect("env-before-read-docs", lambda *_: raised.keep(), priority=950)  # when PyTorch may have been imported
    app.connect("doctree-read", _link_messages)
    app.connect("html-page-context", _finish)
    app.connect("build-finished", _write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
