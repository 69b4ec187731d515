"""The gallery: every script of ``examples/`` becomes a page, run by myst-nb, with a card on the overview.

A script is in percent format. Its first cell is Markdown: the title as a heading, then a sentence for the card. Its
figure stands on top of its page, and its first panel on the card (see `gallery_panel` and `cards`).

Each script runs in a kernel of its own. With ``gallery_kernels = "forked"`` the kernels are forked from a process that has
imported PyTorch, so that each starts at once (see `forked_kernels`); with ``"stock"``, and where that cannot be done, Jupyter
starts them as ever. The outputs are the same. They are kept by jupyter-cache, whose key is the code and the kernelspec;
the kernelspec holds a digest of what the script imports of the package, the libraries and the device, so that a change
of those runs it again. A last cell, which no reader sees, leaves among the outputs what they were run with, and the
thumbnail.
"""

from __future__ import annotations

import hashlib
import os
import platform
import posixpath
import shutil
import sqlite3
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gallery_panel
import jupytext
import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from provenance import record
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx
from sphinx.config import ENUM
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger
from sqlalchemy import Connection, Engine, event

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
FOLDER = "gallery"
LIBRARIES = ("numpy", "torch", "matplotlib")
"""The libraries whose version an output can depend on."""

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
"""Whether a process that has imported all of this can be forked; on macOS its system libraries can crash then."""

LAST_CELL = """import sys

sys.path.insert(0, "../_ext")
import gallery_panel
from provenance import record

record.show(globals())
gallery_panel.show(globals())"""
PLOTS = "plt.show()"
"""A cell with this line draws; its code is folded, and its figure stands on top of the page."""

logger = getLogger(__name__)


@cache
def digest(script: str) -> str:
    """Return what the outputs of a script depend on besides its text, as a digest."""
    facts = [
        platform.python_version(),
        record.device(),
        *(Path(str(module.__file__)).read_text("utf-8") for module in (record, gallery_panel)),
        *map(version, LIBRARIES),
        record.digest(*record.imported(script, ROOT)),
    ]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


def read_script(text: str) -> nbformat.NotebookNode:
    """Return a script in percent format as a notebook for myst-nb."""
    notebook = jupytext.reads(text, "py:percent")
    for cell in notebook.cells:
        cell.source = cell.source.strip("\n")  # the two lines before a function are no part of it
    if (device := record.device()) != "cpu":
        choose = f"import torch\n\ntorch.set_default_device({device!r})"
        notebook.cells.insert(1, nbformat.v4.new_code_cell(choose, metadata={"tags": ["remove-cell"]}))
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL, metadata={"tags": ["remove-cell"]}))
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python", "digest": digest(text)},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def summary(script: Path) -> tuple[str, str]:
    """Return the title and the first paragraph of a script's first cell."""
    cell = read_script(script.read_text("utf-8")).cells[0]
    title, _, rest = cell.source.partition("\n")
    paragraph = " ".join(rest.strip().partition("\n\n")[0].split())
    if cell.cell_type != "markdown" or not title.startswith("# ") or not paragraph:
        raise ExtensionError(
            f"{script.relative_to(ROOT)} has no title for the gallery; begin it with a Markdown cell that holds a "
            "heading, '# # Title', and a sentence below it"
        )
    return title.removeprefix("# "), paragraph


class Gallery(SphinxDirective):
    """The cards of all examples, in the groups and in the order that the content says: a title, then their names.

    A title ends in a colon; each name stands in a line of its own.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        groups: dict[str, list[str]] = {}
        for line in filter(None, map(str.strip, self.content)):
            if line.endswith(":"):
                groups[line.removesuffix(":")] = []
            elif groups:
                [*groups.values()][-1].append(line)
            else:
                raise self.error(f"gallery begins with {line!r}; begin with the title of a group, such as 'Shapes:'")
        names = [name for group in groups.values() for name in group]
        if sorted(names) != (there := sorted(script.stem for script in EXAMPLES.glob("*.py"))):
            differ = ", ".join(sorted({*names} ^ {*there})) or "one twice"
            raise self.error(f"gallery and examples/ differ in {differ}; name each script once, a line each")
        tree = "```{{toctree}}\n:hidden:\n\n{}\n```\n".format("\n".join(names))
        return [*(self._group(title, group) for title, group in groups.items()), *self.parse_text_to_nodes(tree)]

    def _group(self, title: str, names: list[str]) -> nodes.section:
        cards = []
        for script in (EXAMPLES / f"{name}.py" for name in names):
            self.env.note_dependency(str(script))
            heading, paragraph = summary(script)
            cards.append(
                f":::{{grid-item-card}} {heading}\n:link: {script.stem}\n:link-type: doc\n\n"
                f"```{{thumbnail}} {FOLDER}/{script.stem}\n```\n{paragraph}\n:::\n"
            )
        grid = f"::::{{grid}} 2 2 3 3\n:gutter: 2\n:class-container: gallery-cards\n\n{''.join(cards)}::::\n"
        return nodes.section("", nodes.title("", title), *self.parse_text_to_nodes(grid), ids=[nodes.make_id(title)])


def _choose_kernels(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Let kernels be forked from a server while examples are read; parallel readers inherit the way to it."""
    if app.config.gallery_kernels != "forked" or not CAN_FORK or not _examples(env) & {*docnames}:
        return
    from gallery.forked_kernels import Server

    server = Server()
    app.connect("build-finished", lambda *_: server.stop())


def _create_cache(app: Sphinx) -> None:
    """Create the cache's tables here, because parallel readers would do it all at once and fail.

    Readers take turns at the cache. What it does to drop its oldest records is two queries, and a record that another
    reader added between them would go as well.
    """
    get_cache(app.config.nb_execution_cache_path).list_cache_records()


@event.listens_for(Engine, "connect")
def _leave_transactions_to_sqlalchemy(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # or sqlite3 begins one only before the first change


@event.listens_for(Engine, "begin")
def _take_turns(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _copy_examples(app: Sphinx, _: Any) -> None:
    """Bring the scripts into the source folder, touching only those that changed."""
    folder = Path(app.srcdir) / FOLDER
    scripts = {script.name: script for script in EXAMPLES.glob("*.py")}
    for stale in folder.glob("*.py"):
        if stale.name not in scripts:
            stale.unlink()
    for name, script in scripts.items():
        copy = folder / name
        if not copy.exists() or copy.read_bytes() != script.read_bytes():
            shutil.copyfile(script, copy)


def _examples(env: BuildEnvironment) -> set[str]:
    return {name for name in env.found_docs if Path(env.doc2path(name, base=False)).suffix == ".py"}


def _outdated(_: Sphinx, env: BuildEnvironment, added: set[str], __: set[str], removed: set[str]) -> set[str]:
    """Read an example again when what its outputs depend on changed, and one that failed until it does not.

    The overview is read again when an example came or went.
    """
    overview = {f"{FOLDER}/index"} if any(name.startswith(f"{FOLDER}/") for name in added | removed) else set()
    scripts = {name: (EXAMPLES / f"{posixpath.basename(name)}.py").read_text("utf-8") for name in _examples(env)}
    before, after = getattr(env, "gallery_digests", {}), {name: digest(script) for name, script in scripts.items()}
    env.gallery_digests = after  # type: ignore[attr-defined]
    return overview | {
        name for name in scripts if before.get(name) != after[name] or "ran" not in env.metadata.get(name, {})
    }


def _note_read(_: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    env.gallery_read = bool(_examples(env) & {*docnames})  # type: ignore[attr-defined]


def _rewrite(_: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the overview again when an example, and so perhaps its thumbnail, changed."""
    return [f"{FOLDER}/index"] if env.gallery_read else []  # type: ignore[attr-defined]


def _finish_page(app: Sphinx, doctree: nodes.document) -> None:
    """Put the downloads under the title of an example, and note what it ran with; say which cell failed."""
    env = app.env
    name = posixpath.basename(env.docname)
    if env.docname not in _examples(env):
        return
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{env.docname}.ipynb"  # where myst-nb puts it
    script = EXAMPLES / f"{name}.py"
    summary(script)  # says what is wrong with a page that has no title
    notebook = read_script(script.read_text("utf-8"))
    try:  # what comes from the cache, myst-nb writes without its outputs
        _, notebook = get_cache(app.config.nb_execution_cache_path).merge_match_into_notebook(notebook)
    except KeyError:
        if executed.exists():
            _report_failure(script, nbformat.read(executed, as_version=4))
    else:
        outputs = notebook.cells.pop().outputs
        env.metadata[env.docname]["ran"] = dict(outputs[0].data[record.MIME])
        for data in (output.data for output in outputs if gallery_panel.MIME in output.get("data", {})):
            env.metadata[env.docname] |= {"thumbnail": data[gallery_panel.MIME], "shows": data["text/plain"]}
        nbformat.write(notebook, executed)
    _merge_streams(doctree)
    _fold_plotting(doctree)
    targets = {f"{name}.py": f"/{env.docname}.py", f"{name}.ipynb": "/" + os.path.relpath(executed, app.srcdir)}
    downloads = nodes.paragraph("", "Download: ", classes=["gallery-downloads"])
    for position, (label, target) in enumerate(targets.items()):
        downloads += [nodes.Text(", ")] if position else []
        downloads += download_reference("", "", nodes.literal("", label), reftarget=target)
    _put_first(next(doctree.findall(nodes.section)), downloads, env.metadata[env.docname].get("shows", ""))


def _put_first(page: nodes.section, downloads: nodes.paragraph, shows: str) -> None:
    """Let a page begin with what the script is about, its figure, what it is made of, and the downloads."""
    figure = next(page.findall(nodes.image), None)
    top: list[nodes.Node] = []
    if figure is not None:
        figure.parent.remove(figure)
        figure["alt"] = shows
        top.append(nodes.container("", figure, classes=["gallery-figure"]))
    parts = [section for section in page.children if isinstance(section, nodes.section)]
    links = [
        nodes.list_item(
            "", nodes.paragraph("", "", nodes.reference("", part[0].astext(), refid=part["ids"][0], internal=True))
        )
        for part in parts
    ]
    if links:
        top.append(nodes.bullet_list("", *links, classes=["gallery-parts"]))
    first = next((place for place, node in enumerate(page) if isinstance(node, nodes.paragraph)), 0)
    page[first + 1 : first + 1] = [*top, downloads]


def _fold_plotting(doctree: nodes.document) -> None:
    """Close the code of the cells that draw; what myst-nb folds has a paragraph where HTML allows none."""
    for cell in list(doctree.findall(nodes.container)):
        if "cell_input" in cell["classes"] and PLOTS in cell.astext().splitlines():
            place = cell.parent.index(cell)
            opened = nodes.raw("", '<details class="gallery-plotting"><summary>Plotting</summary>', format="html")
            cell.parent[place : place + 1] = [opened, cell, nodes.raw("", "</details>", format="html")]


def _report_failure(script: Path, notebook: nbformat.NotebookNode) -> None:
    text = script.read_text("utf-8")
    for cell in notebook.cells:
        for error in (output for output in cell.get("outputs", []) if output.output_type == "error"):
            line = text[: text.find(cell.source)].count("\n") + 1
            what = f"cell {cell.execution_count} raised {error.ename}: {error.evalue}"
            logger.warning(what, location=f"{script.relative_to(ROOT)}:{line}", type="gallery")


def _merge_streams(doctree: nodes.document) -> None:
    """Show in one block what a cell printed; the kernel sends it in pieces (and `nb_merge_streams` repeats some)."""
    for block in list(doctree.findall(nodes.literal_block)):
        position = block.parent.index(block)
        before = block.parent[position - 1] if position else None
        if (
            "stream" in block["classes"]
            and isinstance(before, nodes.literal_block)
            and before["classes"] == block["classes"]
        ):
            text = before.astext() + block.astext()
            block.rawsource = text
            block.children = [nodes.Text(text)]
            block.parent.remove(before)


def _add_script(app: Sphinx, page: str, *_: object) -> None:
    if page.startswith(f"{FOLDER}/"):
        app.add_css_file("gallery.css")
        app.add_js_file("gallery.js", type="module")


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("gallery.cards")
    app.add_config_value("gallery_kernels", "forked", "", ENUM("forked", "stock"))
    app.add_directive("gallery", Gallery)
    app.connect("config-inited", _copy_examples)
    app.connect("builder-inited", _create_cache)
    app.connect("env-get-outdated", _outdated)
    app.connect("env-before-read-docs", _note_read)
    app.connect("env-before-read-docs", _choose_kernels)
    app.connect("doctree-read", _finish_page, priority=400)  # before Sphinx collects the downloads of a page
    app.connect("env-updated", _rewrite)
    app.connect("html-page-context", _add_script)
    return {"version": "1", "env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
