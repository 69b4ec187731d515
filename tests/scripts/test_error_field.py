"""The script of "Paste your error" finds in a text what `tensorref.errors.explain` finds in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_package.errors import to_look_through

from tensorref import errors
from tensorref.errors import _matching

MODULE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "errors.js"
MATCH = """
async (module, messages, texts) => {
  const { match } = await import(module);
  return texts.map((text) => { const found = match(text, messages); return found ? [found.entry.id, found.words] : null; });
}
"""
ENTRIES = errors.entries()
MAT = "mat1 and mat2 shapes cannot be multiplied (32x784 and 512x10)"


@pytest.fixture(scope="module")
def same(run):
    """Return a function that asks the script and Python about texts, and compares."""

    def compare(texts):
        found = run(MATCH, MODULE.as_uri(), to_look_through(), texts)
        wanted = [_matching.match(text) for text in texts]
        assert found == [each and [each.entry.id, each.words] for each in wanted]
        return [each and each[0] for each in found]

    return compare


def test_every_message_is_found_alike(same):
    assert same([entry.text() for entry in ENTRIES]) == [entry.id for entry in ENTRIES]
    same([text for entry in ENTRIES for _, text in entry.texts])
    # A field as it is written stands for no number, but what has no field stands in older words too.
    same([template for entry in ENTRIES for template in entry.templates])


@pytest.mark.full
def test_every_message_is_found_alike_as_it_is_pasted(same):
    traceback = 'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    step()\n'
    for begin, margin in [("", ""), (traceback, ""), ("", "> "), ("", "E   "), ("", "  | "), ("", "\x1b[31m")]:
        texts = [
            begin + margin + f"{entry.type}: {entry.text()}".replace("\n", f"\n{margin}") + "\n" for entry in ENTRIES
        ]
        assert same(texts) == [entry.id for entry in ENTRIES]


def test_white_space_length_and_order_are_read_alike(same):
    warning = "UserWarning: " + errors.get("mse-target-size").text()
    odd = [
        MAT.replace(" ", space) for space in ("\n", "\t", "\u2028", "\x85", "\xa0", "\ufeff", "\u200b", "\x1f", "\r\n")
    ]
    long = [f"{'x' * 400_000}{MAT}{'x' * 400_000}", f"{'x' * 400_000}{MAT}", f"{MAT}{'x' * 400_000}"]
    found = same([*odd, *long, f"{MAT}\n{warning}", f"{warning}\n{MAT}", f"{MAT} {errors.get('np-axis').text()}", ""])
    assert found[:5] == ["mat1-mat2-shapes"] * 5
    assert found[9:12] == [None, "mat1-mat2-shapes", "mat1-mat2-shapes"]
    assert found[12:] == ["mat1-mat2-shapes", "mat1-mat2-shapes", "np-axis", None]
