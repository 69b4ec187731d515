"""Every claim of the course is shown, as it really is, by a test that cites it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLAIMS = tomllib.loads((HERE / "claims.toml").read_text("utf-8"))
CITED = {
    claim
    for test in HERE.parent.glob("test_*.py")
    for marks in re.findall(r"^@pytest\.mark\.claim\((.*?)\)$", test.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for claim in re.findall(r'"([^"]+)"', marks)
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_test_shows(claim):
    assert claim in CITED, f"no test is marked claim({claim!r}): {CLAIMS[claim]}"


def test_no_test_cites_a_claim_that_is_not_there():
    assert CLAIMS.keys() >= CITED
