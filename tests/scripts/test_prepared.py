"""What is written in code leads from the search to its explorer, with a text that Python reads as the same."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

MODULE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "prepared.js"
PREPARE = """
async (module, texts) => {
  const { prepared } = await import(module);
  return texts.map((text) => prepared(text) ?? null);
}
"""
LED = {
    "(4, 1) + (1, 3)": ("broadcasting", {"a": "(4, 1)", "b": "(1, 3)"}),
    " (32,10,64) (64,) ": ("broadcasting", {"a": "(32,10,64)", "b": "(64,)"}),
    "(2, 1) * (3,) - ()": ("broadcasting", {"a": "(2, 1)", "b": "(3,)", "c": "()"}),
    "(2, 3) @ (3, 4)": ("matmul", {"a": "(2, 3)", "b": "(3, 4)"}),
    "bqd,bkd->bqk (2, 3, 4) (2, 5, 4)": ("einsum", {"equation": "bqd,bkd->bqk", "a": "(2, 3, 4)", "b": "(2, 5, 4)"}),
    "bqd, bkd -> bqk": ("einsum", {"equation": "bqd, bkd -> bqk", "a": "(2, 3, 4)", "b": "(2, 5, 4)"}),
    "...ii->...": ("einsum", {"equation": "...ii->...", "a": "(2, 2)"}),
    "x[:, None]": ("indexing", {"x": "(2, 3, 4)", "index": "x[:, None]"}),
    "scores[:, [0, 2], None]": ("indexing", {"x": "(2, 3, 4)", "index": "x[:, [0, 2], None]"}),
    "(4, 6)[:, [0, 2]]": ("indexing", {"x": "(4, 6)", "index": "x[:, [0, 2]]"}),
    "(3, 4).T.view(12)": ("layout", {"x": "(3, 4)", "operations": ".T.view(12)"}),
    "(4, 6)[1:].view(-1)": ("layout", {"x": "(4, 6)", "operations": "[1:].view(-1)"}),
    "(4, 6)[0][1]": ("layout", {"x": "(4, 6)", "operations": "[0][1]"}),
}
ELSEWHERE = [
    *("", "unsqueeze", "torch.arange", "np.ones((2, 3))", "(3, 4)", "time gpu", "x.view(2, 3)", "[0, 1]"),
    "mat1 and mat2 shapes cannot be multiplied (32x10 and 64x128)",
    "operands could not be broadcast together with shapes (5,4) (3,)",
    *(" ".join(["(1,)"] * 7), "list -> tensor", "-> (2, 3)"),
]


@pytest.fixture(scope="module")
def found(run):
    texts = [*LED, *ELSEWHERE]
    return dict(zip(texts, run(PREPARE, MODULE.as_uri(), texts), strict=True))


def test_code_leads_to_its_explorer(found):
    for text, (page, fields) in LED.items():
        address = urlsplit(found[text])
        assert address.path == f"reference/{page}.html"
        assert dict(parse_qsl(address.fragment)) == {"explorer": "1", "step": "12", **fields}


def test_other_texts_are_left_to_the_search(found):
    assert [found[text] for text in ELSEWHERE] == [None] * len(ELSEWHERE)
