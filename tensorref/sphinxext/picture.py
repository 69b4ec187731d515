"""The directive ``{picture}``: the picture of an explanation, which a call in its argument gives.

The call is read, and never evaluated as code: it names one of `CALLS`, and its arguments are literals.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar

import sphinx.application
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.writers.html5 import HTML5Translator

from tensorref import _picture, _words, broadcasting, dtypes, einsum, layout, matmul
from tensorref._arguments import quoted
from tensorref._explanation import Illustrated
from tensorref.sphinxext.explorer import (
    SHARED,
    RuleDirective,
    depart_man,
    files_of,
    finished,
    is_site,
    translation,
    visit_man,
)

__all__ = ["CALLS", "Picture", "PictureDirective", "setup_pictures"]

CALLS: Mapping[str, tuple[ModuleType, Callable[..., Illustrated]]] = MappingProxyType(
    {
        "broadcasting.explain": (broadcasting, broadcasting.explain),
        "einsum.explain": (einsum, einsum.explain),
        "matmul.explain": (matmul, matmul.explain),
        "layout.explain": (layout, layout.explain),
        "layout.history": (layout, layout.history),
        "dtypes.bits": (dtypes, dtypes.bits),
    }
)
"""What a picture may be asked of, and the module that it stands in."""

_LONGEST = 1000  # letters of a call
_EXAMPLE = "broadcasting.explain((4, 1), (1, 3))"


class Picture(nodes.container):
    """Holds the table and its notes, for builders that draw no picture, and the picture as SVG."""


class PictureDirective(RuleDirective):
    """Shows what an explanation draws: ``{picture} broadcasting.explain((4, 1), (1, 3))``."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = {
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Build the node, or refuse the argument with the place where it stands."""
        catalogs = self.catalogs()
        with _words.translated(translation(catalogs).gettext):
            module, explanation = self.read()
            files = (file for part in (*SHARED, _picture, module) for file in files_of(part))
            for source in (__file__, *files, *catalogs):
                self.env.note_dependency(source)
            title = self.options.get("alt") or explanation.described()[0]
            name = nodes.make_id(f"tensorref-{self.env.docname}-{self.env.new_serialno('tensorref-picture')}")
            picture = Picture(
                "",
                *finished(title, explanation.table(), explanation.notes()),
                svg=explanation.svg(name, title),
                classes=self.options.get("class", []),
            )
        return self.placed(picture)

    def read(self) -> tuple[ModuleType, Illustrated]:
        """Return the explanation that the argument asks for, and the module that gives it."""
        text = self.arguments[0]
        asked = f"the argument of {self.name} is {quoted(text)}"
        wanted = f"write a call of {', '.join(CALLS)} with literals, such as {_EXAMPLE}"
        if len(text) > _LONGEST:
            raise self.error(f"{asked}, {len(text)} characters; write a call of at most {_LONGEST}")
        try:
            call = ast.parse(text, mode="eval").body
            if not isinstance(call, ast.Call) or any(each.arg is None for each in call.keywords):
                raise self.error(f"{asked}, which is no call of one function; {wanted}")
            function = ast.unparse(call.func)
            if function not in CALLS:
                raise self.error(f"{asked}, a call of {quoted(function)}, which gives no picture; {wanted}")
            args = [ast.literal_eval(each) for each in call.args]
            named = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            raise self.error(f"{asked}, which cannot be read; {wanted}") from None
        module, explain = CALLS[function]
        try:
            inspect.signature(explain).bind(*args, **named)
        except TypeError as error:
            raise self.error(f"{asked}. {function} {error}") from None
        try:
            return module, explain(*args, **named)
        except (TypeError, ValueError) as error:
            raise self.error(f"{asked}. {error}") from None


def setup_pictures(app: sphinx.application.Sphinx) -> None:
    """Add the directive, and its style to the pages that use it."""
    app.add_directive("picture", PictureDirective)
    # Other builders fall back to how they show a container, which is what `Picture` derives from.
    app.add_node(Picture, html=(_visit_html, _depart_html), man=(visit_man, depart_man))
    app.connect("html-page-context", _add_style)


def _visit_html(translator: HTML5Translator, node: Picture) -> None:
    if not is_site(translator.builder):
        translator.visit_container(node)
        return
    translator.body.append(f"{translator.starttag(node, 'div', '', CLASS='tensorref-figure')}{node['svg']}</div>\n")
    raise nodes.SkipNode


def _depart_html(translator: HTML5Translator, node: Picture) -> None:
    translator.depart_container(node)


def _add_style(
    app: sphinx.application.Sphinx,
    _pagename: str,
    _templatename: str,
    _context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    if doctree and is_site(app.builder) and next(iter(doctree.findall(Picture)), None):
        app.add_css_file("tensorref/explorer.css")
