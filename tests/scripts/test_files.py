"""The scripts and the style as files: what they weigh, and what they never do."""

import importlib
import re
from pathlib import Path

import pytest

import tensorref.sphinxext

STATIC = Path(tensorref.sphinxext.__file__).parent / "static/tensorref"
KINDS = sorted(path.name.removesuffix("-explorer.js") for path in STATIC.glob("*-explorer.js"))


def loaded(kind):
    """Return what a page with one kind of explorer loads: its module, all that this one imports, and the style."""
    styles = getattr(importlib.import_module(f"tensorref.sphinxext.{kind}"), f"{kind.title()}Directive").styles
    found, waiting = {STATIC / f"{style}.css" for style in styles}, [STATIC / f"{kind}-explorer.js"]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            imports = re.findall(r"""\b(?:from|import)\s*\(?\s*["'](.+?)["']""", module.read_text(encoding="utf-8"))
            waiting += [(module.parent / name).resolve() for name in imports]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_script_and_style_of_a_page_stay_small(kind):
    sizes = {path.name: path.stat().st_size for path in loaded(kind)}
    assert sum(sizes.values()) < 48 * 1024, sizes


def test_every_script_belongs_to_a_kind():
    assert {*STATIC.rglob("*.*")} == {path for kind in KINDS for path in loaded(kind)}


def test_no_script_makes_markup_or_code_of_text():
    scripts = [*STATIC.glob("*.js")]
    assert len(scripts) > 5
    for script in scripts:
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|eval\(|Function\(|document\.write|fetch\(|https?:",
            script.read_text(encoding="utf-8"),
        )
        assert found == [], script.name
