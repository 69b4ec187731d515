"""The catalogs of messages: collect what the explorers say, and keep the folder ``locale`` in step with it.

``nox -s catalogs`` runs this as a script: it writes the template, merges it into the catalog of each language, and
compiles these for Sphinx. ``nox -s catalogs -- fr`` begins one for French.

>>> from tensorref.sphinxext import catalogs
>>> catalogs.sentences()["Copy the code for {library}"]
['label copy']
"""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tensorref import sphinxext
from tensorref.sphinxext.explorer import CATALOG, LABELS, ExplorerDirective

__all__ = ["compile_catalog", "directives", "sentences", "update"]

LOCALE = Path(__file__).parent / "locale"
HEADER = "# What the explorers of tensorref say; `nox -s catalogs` updates this file."


def directives() -> list[type[ExplorerDirective]]:
    """List the kinds of explorers that the extension has.

    >>> from tensorref.sphinxext import catalogs
    >>> catalogs.directives()[0].__name__
    'BroadcastingDirective'

    Returns
    -------
    :
        The directives, by the names of their classes.
    """
    for module in pkgutil.iter_modules(sphinxext.__path__, f"{sphinxext.__name__}."):
        importlib.import_module(module.name)
    kinds = (kind for kind in ExplorerDirective.__subclasses__() if kind.__module__.startswith(sphinxext.__name__))
    return sorted(kinds, key=lambda kind: kind.__name__)


def sentences() -> dict[str, list[str]]:
    """Collect the English sentences that every explorer says, and what each is for.

    >>> from tensorref.sphinxext import catalogs
    >>> catalogs.sentences()["expands"]
    ['word expand']

    Returns
    -------
    :
        What each is for, by the sentence: words of the rules, errors of the parsers, labels, presets and steps.
    """
    found: dict[str, list[str]] = {}
    for sentence, purpose in _said():
        purposes = found.setdefault(sentence, [])
        if purpose not in purposes:
            purposes.append(purpose)
    return found


def update(folder: Path = LOCALE, *begun: str) -> None:
    """Write the template, merge it into the catalogs in `folder`, and compile them.

    Parameters
    ----------
    folder
        Where the template stands, with a folder for each language.
    *begun
        Languages to begin a catalog for, such as ``fr`` or ``pt_BR``.
    """
    template = _Catalog(fuzzy=False, header_comment=HEADER)
    for sentence, purposes in sentences().items():
        template.add(sentence, auto_comments=purposes)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{CATALOG}.pot", template)
    for language in begun:
        path = folder / language / "LC_MESSAGES" / f"{CATALOG}.po"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, _Catalog(language, fuzzy=False, header_comment=HEADER))
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{CATALOG}.po")):
        catalog = _read(path)
        catalog.update(template, update_creation_date=False)
        _write(path, catalog)
        path.with_suffix(".mo").write_bytes(compile_catalog(path))


def compile_catalog(path: Path) -> bytes:
    """Compile the catalog of one language, leaving out what is fuzzy or not yet translated.

    Parameters
    ----------
    path
        The file to read, which ends in ``.po``.

    Returns
    -------
    :
        What goes into the file beside it that ends in ``.mo``, the same on every machine.
    """
    file = io.BytesIO()
    write_mo(file, _read(path))
    return file.getvalue()


class _Catalog(Catalog):
    """A catalog whose header holds no dates and no versions, so that nothing changes where no sentence does."""

    def __iter__(self) -> Iterator[Message]:
        _, *messages = super().__iter__()
        language = f"Language: {self.locale_identifier}\n" if self.locale_identifier else ""
        yield Message("", f"{language}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8")
        yield from messages


def _read(path: Path) -> _Catalog:
    language = path.parent.parent.name
    with path.open("rb") as file:
        read = read_po(file, locale=language)
    catalog = _Catalog(locale=language, fuzzy=False, header_comment=read.header_comment)
    for message in read:
        if message.id:
            catalog[message.id] = message
    return catalog


def _write(path: Path, catalog: Catalog) -> None:
    with path.open("wb") as file:
        write_po(file, catalog, ignore_obsolete=True, include_previous=True)


def _said() -> Iterator[tuple[str, str]]:
    yield from ((label, f"label {key}") for key, label in LABELS.items())
    for kind in directives():
        yield from ((label, f"label {key}") for key, label in kind.labels.items())
        yield from ((step, f"step {number}") for number, step in enumerate(kind.steps))
        yield from ((preset.label, "preset") for preset in kind.presets)
        yield from ((word, f"word {key}") for key, word in kind.words.items())
        yield from ((error, f"error {key}") for key, error in kind.errors.items())


if __name__ == "__main__":
    update(LOCALE, *sys.argv[1:])
