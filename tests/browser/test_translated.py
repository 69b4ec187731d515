"""An explorer on a German page: what it says at each step, of bad input, and of what does not fit."""

import pytest
from playwright.sync_api import expect

INDEX = """\
# Formen

```{broadcasting} (32, 10, 64) (64,)
:names: x, bias
```
"""
CONF = 'extensions = ["myst_parser", "tensorref.sphinxext"]\nhtml_theme, project, language = "furo", "klein", "de"\n'
STEPS = {
    "0 Formen": "x (32, 10, 64), bias (64,).",
    "1 Rechtsbündig": "Die letzten Achsen stehen untereinander; die längste Form hat den Rang 3.",
    "2 Mit 1 auffüllen": "Eine fehlende Achse zählt als 1: bias hat 2 zu wenig.",
    "3 Vergleichen": (
        "Von rechts: Achse -1 hat 64, 64: gleich; Achse -2 hat 10, 1: gedehnt; Achse -3 hat 32, 1: gedehnt."
    ),
    "4 Dehnen": "Eine Größe von 1 wiederholt sich ohne Kopie, mit der Schrittweite 0: bias entlang Achse -3, -2.",
    "5 Ergebnis": "Das Ergebnis hat die Form (32, 10, 64), 20,480 Elemente.",
}
NOTES = [
    "Gespeichert: 82,176 Byte. Würde jeder Operand in die Form des Ergebnisses kopiert: 163,840 Byte.",
    (
        "Schrittweiten nach dem Dehnen, in Elementen: x (640, 64, 1), bias (0, 0, 1). "
        "Eine Schrittweite von 0 liest ein Element immer wieder."
    ),
    "Der Gradient von bias summiert über Achse -3, -2.",
]
CONFLICT = [
    "NumPy: operands could not be broadcast together with shapes (3,4) (2,4)",
    "PyTorch: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 0",
    "x[:, None, :] hat die Form (3, 1, 4) und ergäbe (3, 2, 4).",
    "bias[:, None, :] hat die Form (2, 1, 4) und ergäbe (2, 3, 4).",
]
BAD = {
    "": "Hier steht keine Form; schreiben Sie eine, etwa (4, 1), oder () für einen Skalar.",
    "(3, -1)": "Stelle 5: Eine Größe ist 0 oder mehr; schreiben Sie die Größe selbst, nur reshape berechnet -1.",
    "(3": "Stelle 1: '(' ist nicht geschlossen; fügen Sie nach der letzten Größe ')' hinzu.",
}
# All that a reader sees or hears, but for the code to copy and the examples in the fields.
SAID = """(explorer) => {
  const copy = explorer.querySelector(".tref-panel").cloneNode(true);
  copy.querySelectorAll("pre").forEach((code) => code.remove());
  const labels = [...copy.querySelectorAll("[aria-label]")].map((part) => part.getAttribute("aria-label"));
  return [copy.getAttribute("aria-label"), ...labels, copy.innerText ?? copy.textContent].join("\\n");
}"""


@pytest.fixture(scope="module")
def site(publish):
    """Return the address of a project in German."""
    return publish({"index.md": INDEX, "conf.py": CONF}, furo=[])


@pytest.fixture
def explorer(visit):
    return visit().locator(".tensorref-explorer")


def fill(explorer, name, text):
    explorer.get_by_label(f"Form von {name}", exact=True).fill(text)


def test_every_step(explorer):
    for name, text in STEPS.items():
        explorer.get_by_role("button", name=name, exact=True).click()
        expect(explorer.get_by_role("status")).to_have_text(text)
    assert explorer.locator(".tref-notes li").all_text_contents() == NOTES
    assert explorer.locator(".tref-axes tbody th").all_text_contents() == ["x", "bias", "Befund", "Ergebnis"]
    assert explorer.locator(".tref-verdicts td").all_text_contents() == ["→ gedehnt", "→ gedehnt", "= gleich"]


def test_what_does_not_fit(explorer):
    explorer.get_by_role("button", name="5 Ergebnis").click()
    fill(explorer, "x", "(3, 4)")
    fill(explorer, "bias", "(2, 4)")
    expect(explorer.get_by_role("status")).to_have_text(
        "x (3, 4), bias (2, 4) passen nicht zusammen: Achse -2 hat 3, 2. "
        "Die Größen auf einer Achse müssen gleich oder 1 sein."
    )
    assert explorer.locator(".tref-notes li").all_text_contents() == CONFLICT
    assert explorer.locator(".tref-verdicts td").all_text_contents() == ["≠ Konflikt", "= gleich"]


def test_bad_input(explorer, subtests):
    for text, message in BAD.items():
        with subtests.test(text):
            fill(explorer, "x", text)
            explorer.get_by_label("Form von x", exact=True).blur()
            expect(explorer.locator(".tref-problem").first).to_have_text(
                f"{message} Das Bild zeigt weiter die letzten lesbaren Formen."
            )


def test_no_english_is_left(explorer):
    explorer.get_by_role("button", name="Form hinzufügen").click()
    explorer.get_by_role("button", name="5 Ergebnis").click()
    said = explorer.evaluate(SAID)
    for word in ("Tabelle der Achsen", "Ausprobieren", "Was daraus folgt", "Code zum Kopieren", "x entfernen"):
        assert word in said
    english = {
        "the",
        "of",
        "shape",
        "step",
        "axis",
        "result",
        "elements",
        "add",
        "remove",
        "copy",
        "link",
        "and",
        "what",
    }
    assert english.isdisjoint(said.lower().split())


def test_a_cell_says_what_it_reads(explorer):
    explorer.get_by_role("combobox").select_option("Einfaches Broadcasting")
    explorer.get_by_role("button", name="5 Ergebnis").click()
    expect(explorer.locator(".tref-reads")).to_have_text(
        "Zeigen Sie auf eine Zelle des Ergebnisses, um zu sehen, was sie liest."
    )
    explorer.get_by_role("button", name="Ergebnis[1, 2]").hover()
    expect(explorer.locator(".tref-reads")).to_have_text("Ergebnis[1, 2] liest a[1, 0], b[0, 2]: 10 + 2 = 12.")
