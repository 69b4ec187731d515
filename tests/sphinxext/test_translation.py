"""The explorers in another language: what a page says, what the script is handed, and the catalogs themselves."""

import gettext
import html
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import tensorref.sphinxext
from tensorref import broadcasting
from tensorref.sphinxext import catalogs, explorer, shapes

LOCALE = Path(tensorref.sphinxext.__file__).parent / "locale"
GERMAN = LOCALE / "de/LC_MESSAGES/tensorref.po"
BIAS = "Page\n====\n\n.. broadcasting:: (32, 10, 64) (64,)\n   :names: x, bias\n"
PAGES = {
    "index.rst": BIAS,
    "conflict.rst": ":orphan:\n\nPage\n====\n\n.. broadcasting:: (3, 4) (2, 4)\n",
    "matmul.rst": ":orphan:\n\nPage\n====\n\n.. matmul:: (4, 3) (3, 5)\n",
    "layout.rst": ":orphan:\n\nPage\n====\n\n.. layout:: (4, 3) .mT\n",
    "indexing.rst": ":orphan:\n\nPage\n====\n\n.. indexing:: (4, 3) x[0]\n",
    "einsum.rst": ":orphan:\n\nPage\n====\n\n.. einsum:: ij->i (4, 3)\n",
    "reduction.rst": ":orphan:\n\nPage\n====\n\n.. reduction:: (4, 3) axis=0\n",
}
NUMPY = "NumPy: operands could not be broadcast together with shapes (3,4) (2,4)"
TORCH = "PyTorch: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0"
PRESETS = [
    *("Einfaches Broadcasting", "Ein Element", "Gleiche Formen", "Unverträglich", "Bias addieren"),
    *("Gewicht einer Layer-Norm", "Kausale Maske", "Padding-Maske", "Rotary Embedding", "where"),
    "Versehentlich gepaart",
]


def read(path):
    with path.open("rb") as file:
        return {message.id: message for message in read_po(file) if message.id}


def fields(text):
    """Return the fields; words that depend on one may be the same in another language."""
    found = [(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
    plain = sorted(field for field in found if "|" not in field[0])
    assert {name.split("|")[0] for name, _ in found} == {name for name, _ in plain}
    assert all(name.count("|") in {0, 2} for name, _ in found)
    return plain


def german(text):
    with GERMAN.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file).gettext(text)


TABLE = """\
Page
****

Broadcasting von x (32, 10, 64), bias (64,)

+----------+----------+----------+--------+
| Achse    | -3       | -2       | -1     |
|==========|==========|==========|========|
| x        | 32       | 10       | 64     |
+----------+----------+----------+--------+
| bias     | (1) → 32 | (1) → 10 | 64     |
+----------+----------+----------+--------+
| Ergebnis | 32       | 10       | 64     |
+----------+----------+----------+--------+
| Befund   | gedehnt  | gedehnt  | gleich |
+----------+----------+----------+--------+

* Das Ergebnis hat die Form (32, 10, 64), 20,480 Elemente.

* Gespeichert: 82,176 Byte. Würde jeder Operand in die Form des
  Ergebnisses kopiert: 163,840 Byte.

* Schrittweiten nach dem Dehnen, in Elementen: x (640, 64, 1), bias
  (0, 0, 1). Eine Schrittweite von 0 liest ein Element immer wieder.

* Der Gradient von bias summiert über Achse -3, -2.
"""


def test_text_in_german(built):
    assert built(PAGES, "text", language="de")["index.txt"] == TABLE


def test_a_page_in_german_and_what_the_script_says_there(built):
    site = built(PAGES, language="de")
    page = site["conflict.html"]
    for text in ("Broadcasting von a (3, 4), b (2, 4)", "Achse", "Befund", "Konflikt", "gleich", "Ergebnis"):
        assert f"<p>{text}</p>" in page
    for note in (
        "a (3, 4), b (2, 4) passen nicht zusammen: Achse -2 hat 3, 2. Die Größen auf einer Achse müssen gleich oder 1 sein.",
        "a[:, None, :] hat die Form (3, 1, 4) und ergäbe (3, 2, 4).",
        NUMPY,
        TORCH,
    ):
        assert f"<li><p>{note}</p></li>" in page
    (said,) = site.explorers("conflict.html")
    assert said["steps"] == ["Formen", "Rechtsbündig", "Mit 1 auffüllen", "Vergleichen", "Dehnen", "Ergebnis"]
    assert [preset["label"] for preset in said["presets"]] == PRESETS
    assert said["labels"]["explorer"] == "Broadcasting erkunden"
    assert said["labels"]["copy"] == "Code für {library} kopieren"
    assert said["words"]["gradient"] == "Der Gradient von {name} summiert über Achse {axes}."
    assert (
        said["errors"]["comma"] == "Stelle {position}: Vor '{found}' fehlt ein Komma; schreiben Sie Größen wie (4, 1)."
    )


@pytest.mark.parametrize("kind", catalogs.directives(), ids=lambda kind: kind.__name__)
def test_every_kind_hands_its_script_nothing_but_german(built, kind):
    (said,) = built(PAGES, language="de").explorers(EXAMPLES[kind.__name__])
    english = {**explorer.LABELS, **kind.labels}
    assert said["labels"] == {key: german(label) for key, label in english.items()}
    assert said["words"] == {key: german(word) for key, word in kind.words.items()}
    assert said["errors"] == {key: german(error) for key, error in kind.errors.items()}
    assert [preset["label"] for preset in said["presets"]] == [german(preset.label) for preset in kind.presets]
    assert said["steps"] == [german(step) for step in kind.steps] or not kind.steps


EXAMPLES = {
    "BroadcastingDirective": "index.html",
    "EinsumDirective": "einsum.html",
    "MatmulDirective": "matmul.html",
    "LayoutDirective": "layout.html",
    "IndexingDirective": "indexing.html",
    "ReductionDirective": "reduction.html",
}


@pytest.mark.parametrize("language", ["de_AT", "de_CH"])
def test_a_region_takes_the_language(build, language):
    assert "Achse" in build({"index.rst": BIAS}, "text", language=language)["index.txt"]


@pytest.mark.parametrize("language", ["en", "fr", "eo"])
def test_without_a_catalog_all_is_english(built, language):
    site = built({"index.rst": BIAS}, language=language)
    page, (said,) = site["index.html"], site.explorers()
    for note in broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"]).notes():
        assert f"<li><p>{note}</p></li>" in page
    assert said["words"] == dict(broadcasting.WORDS)
    assert said["errors"] == dict(shapes.ERRORS)


def test_builds_in_one_process_do_not_mix(build):
    for language, word in [("de", "Achse"), ("en", "axis"), ("de", "Achse")]:
        site = build({"index.rst": f"{BIAS}\n{language}\n"}, language=language)
        assert f'<th class="head stub"><p>{word}</p></th>' in site["index.html"]
        assert site.explorers()[0]["words"]["axis"] == word
    assert broadcasting.WORDS["axis"] == "axis"


def test_another_language_rewrites_pages_of_an_earlier_build(build):
    assert "axis" in build({"index.rst": BIAS}, "text", language="en")["index.txt"]
    assert "Achse" in build({"index.rst": BIAS}, "text", language="de")["index.txt"]


def test_what_the_libraries_say_is_not_translated(built):
    page = built(PAGES, language="de")["conflict.html"]
    messages = broadcasting.messages((3, 4), (2, 4))
    assert f"NumPy: {messages.numpy.strip()}" == NUMPY
    assert f"PyTorch: {messages.torch}" == TORCH
    assert html.escape(TORCH) in page
    assert not any("could not be broadcast" in sentence for sentence in catalogs.sentences())


def test_the_directives_are_those_that_setup_adds(build, monkeypatch):
    added = {}
    setup = explorer.setup_explorers
    monkeypatch.setattr(explorer, "setup_explorers", lambda app, **kinds: (added.update(kinds), setup(app, **kinds)))
    build({"index.rst": BIAS})
    assert set(catalogs.directives()) == set(added.values())


def test_the_template_has_every_sentence_and_no_other():
    assert {*read(LOCALE / "tensorref.pot")} == {*catalogs.sentences()}, "run nox -s catalogs"
    said = {*explorer.LABELS.values(), *shapes.ERRORS.values(), *broadcasting.WORDS.values()}
    assert said <= {*catalogs.sentences()}


@pytest.mark.parametrize("path", sorted(LOCALE.glob("*/LC_MESSAGES/*.po")), ids=lambda path: path.parent.parent.name)
def test_a_catalog_is_complete_and_has_the_same_fields(path):
    messages = read(path)
    assert {*messages} == {*catalogs.sentences()}, "run nox -s catalogs"
    for sentence, message in messages.items():
        assert message.string, f"{sentence!r} is not translated"
        assert not message.fuzzy, f"{sentence!r} is fuzzy"
        assert fields(message.string) == fields(sentence)
    assert "#~" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(LOCALE.glob("*/LC_MESSAGES/*.po")), ids=lambda path: path.parent.parent.name)
def test_what_is_compiled_is_what_stands_in_the_catalog(path):
    compiled = path.with_suffix(".mo").read_bytes()
    assert compiled == catalogs.compile_catalog(path), "run nox -s catalogs"
    with path.with_suffix(".mo").open("rb") as file:
        translate = gettext.GNUTranslations(file).gettext
    assert {sentence: translate(sentence) for sentence in read(path)} == {
        sentence: message.string for sentence, message in read(path).items()
    }


def test_a_language_is_begun_and_kept(tmp_path):
    catalogs.update(tmp_path, "fr")
    path = tmp_path / "fr/LC_MESSAGES/tensorref.po"
    assert {*read(path)} == {*catalogs.sentences()}
    path.write_text(path.read_text().replace('msgid "axis"\nmsgstr ""', 'msgid "axis"\nmsgstr "axe"'))
    catalogs.update(tmp_path, "fr")
    first = path.read_bytes()
    catalogs.update(tmp_path)
    assert path.read_bytes() == first
    with path.with_suffix(".mo").open("rb") as file:
        translate = gettext.GNUTranslations(file).gettext
    assert translate("axis") == "axe"
    assert translate("result") == "result"


def test_a_sentence_that_changed_is_not_shown_until_it_was_read_again(tmp_path, monkeypatch):
    catalogs.update(tmp_path, "fr")
    path = tmp_path / "fr/LC_MESSAGES/tensorref.po"
    path.write_text(
        path.read_text().replace('"No axis is missing."\nmsgstr ""', '"No axis is missing."\nmsgstr "Aucun"')
    )
    monkeypatch.setattr(catalogs, "sentences", lambda: {"No axis is missing here.": ["word"]})
    catalogs.update(tmp_path)
    (message,) = read(path).values()
    assert (message.string, message.fuzzy) == ("Aucun", True)
    assert b"Aucun" not in path.with_suffix(".mo").read_bytes()


def test_a_project_brings_a_language_of_its_own(build, tmp_path):
    """In the folder of its own catalogs, where Sphinx compiles what was translated."""
    folder = tmp_path / "source/locales"
    catalogs.update(folder, "fr")
    path = folder / "fr/LC_MESSAGES/tensorref.po"
    path.write_text(path.read_text().replace('msgid "axis"\nmsgstr ""', 'msgid "axis"\nmsgstr "axe"'))
    path.with_suffix(".mo").unlink()
    text = build({"index.rst": BIAS}, "text", language="fr")["index.txt"]
    assert "| axe " in text
    assert "verdict" in text
    path.write_text(path.read_text().replace('msgid "verdict"\nmsgstr ""', 'msgid "verdict"\nmsgstr "conclusion"'))
    catalogs.update(folder)
    assert "conclusion" in build({}, "text", language="fr")["index.txt"]


def test_a_project_words_a_language_of_the_extension_its_own_way(build, tmp_path):
    path = tmp_path / "words/de/LC_MESSAGES/tensorref.po"
    catalogs.update(tmp_path / "words", "de")
    path.write_text(path.read_text().replace('msgid "axis"\nmsgstr ""', 'msgid "axis"\nmsgstr "Dimension"'))
    catalogs.update(tmp_path / "words")
    text = build({"index.rst": BIAS}, "text", language="de", locale_dirs=[str(tmp_path / "words")])["index.txt"]
    assert "| Dimension " in text
    assert "| Befund " in text
