"""The page for teaching says of each concept what one can do after its page."""

from __future__ import annotations

import re
from pathlib import Path

import tensorref

PAGE = Path(__file__).resolve().parents[2] / "docs" / "teaching.md"
# Pages to look things up on, rather than to learn from.
LOOKED_UP = {"errors", "exercises", "benchmark"}


def test_every_concept_has_its_line_in_the_order_of_the_course():
    lines = re.findall(r"^\| \[\]\(reference/(\w+)\.md\) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [concept for concept, _ in lines] == [name for name in tensorref.CONCEPTS if name not in LOOKED_UP]
    assert all(20 < len(said) < 100 for _, said in lines)
