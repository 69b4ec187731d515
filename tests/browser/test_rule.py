"""The rule and the parser in JavaScript against those in Python, number for number and word for word."""

import itertools
import json
import random
from pathlib import Path

import pytest

from tensorref import _words, broadcasting
from tensorref.sphinxext.shapes import ERRORS

SHAPES = [shape for rank in range(3) for shape in itertools.product(range(4), repeat=rank)]
TEXTS = Path(__file__).parents[1] / "sphinxext/shape_texts.json"

# `source` is the number as it stands in the text: JSON.parse alone would round it.
COMPARE = """
async ([text, words]) => {
  const { explain, notes } = await import("/furo/_static/tensorref/broadcasting.js");
  const exact = (_, value, { source }) => (typeof value === "number" ? BigInt(source) : value);
  const differs = (a, b) => {
    if (a === b) return false;
    if (typeof a !== "object" || typeof b !== "object" || !a || !b) return true;
    if (Array.isArray(a) !== Array.isArray(b)) return true;
    const keys = Object.keys(a);
    return keys.length !== Object.keys(b).length || keys.some((key) => !Object.hasOwn(b, key) || differs(a[key], b[key]));
  };
  const show = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
  const found = [];
  for (const { shapes, names, itemsize, explanation, notes: expected } of JSON.parse(text, exact)) {
    const explained = explain(shapes, { names, itemsize: Number(itemsize), words });
    if (differs(explained, explanation) || differs(notes(explained, words).map((note) => note.text), expected)) {
      found.push(JSON.stringify({ explained, explanation }, show));
    }
  }
  return found;
}
"""


def vector(shapes, names, itemsize):
    explanation = broadcasting.explain(*shapes, names=names, itemsize=itemsize)
    return {
        "shapes": shapes,
        "names": [operand.name for operand in explanation.operands],
        "itemsize": itemsize,
        "explanation": explanation.to_dict(),
        "notes": explanation.notes(),
    }


def differences(page, vectors):
    return page.evaluate(COMPARE, [json.dumps(vectors), dict(_words.BROADCASTING)])


def test_every_pair_of_rank_0_to_2_over_sizes_0_to_3(visit):
    vectors = [vector(pair, None, 4) for pair in itertools.product(SHAPES, repeat=2)]
    assert len(vectors) == 441
    assert differences(visit(), vectors) == []


def drawn(rng):
    """Draw shapes that mostly broadcast: parts of one shape, with a 1 or a wrong size here and there."""
    rank = rng.choice([1, 2, 3, 4, 5, 9, 10, 64])
    sizes = [0, 1, 2, 3, 7, 2**53 + 1, 10**30]
    whole = [rng.choice(sizes) for _ in range(rank)]
    wrong = rng.choice([0, 0.1, 0.5])
    for _ in range(rng.randint(1, 4)):
        shape = [1 if rng.random() < 0.3 else rng.choice(sizes) if rng.random() < wrong else size for size in whole]
        yield shape[rng.choice([0, rng.randrange(rank + 1)]) :]


NAMES = ["x", "bias", "{name}", "$&", "__proto__", "constructor", "<b>", "größe", "{elements:,}"]


def test_random_shapes(visit):
    rng = random.Random(20261122)  # noqa: S311
    vectors = []
    for _ in range(600):
        shapes = [*drawn(rng)]
        names = rng.choice([None, rng.sample(NAMES, len(shapes))])
        vectors.append(vector(shapes, names, rng.choice([1, 2, 4, 8, 16])))
    results = [entry["explanation"] for entry in vectors]
    # The draw is worth something only if it holds enough of each kind.
    assert sum(bool(result["conflicts"]) for result in results) > 100
    assert sum(bool(result["warning"]) for result in results) > 20
    assert sum(bool(result["suggestions"]) for result in results) > 20
    assert sum((result["elements"] or 0) > 2**53 for result in results) > 100
    assert differences(visit(), vectors) == []


def test_the_comparison_sees_a_difference(visit):
    """A difference of 1 beyond 2**53, a word, a key too few: each is found."""
    page, good = visit(), vector([[2**53 + 1], [1]], None, 4)
    assert differences(page, [good]) == []
    for key, value in {"elements": 2**53 + 2, "warning": "other", "result": [2**53]}.items():
        bad = {**good, "explanation": {**good["explanation"], key: value}}
        assert len(differences(page, [good, bad])) == 1
    fewer = {**good["explanation"]}
    del fewer["steps"]
    assert len(differences(page, [{**good, "explanation": fewer}])) == 1
    assert len(differences(page, [{**good, "notes": []}])) == 1


PARSE = """
async ([text, errors]) => {
  const { parseShape, ShapeTextError } = await import("/furo/_static/tensorref/shapes.js");
  return JSON.parse(text).map((text) => {
    try { return parseShape(text, errors).map(String); }
    catch (error) { return error instanceof ShapeTextError ? error.message : `not ours: ${error}`; }
  });
}
"""


def test_the_parser(visit):
    cases = json.loads(TEXTS.read_text(encoding="utf-8"))
    read = visit().evaluate(PARSE, [json.dumps([case["text"] for case in cases]), dict(ERRORS)])
    for case, got in zip(cases, read, strict=True):
        expected = case["error"] if "error" in case else [str(size) for size in case["shape"]]
        assert got == expected, case["text"]


def test_the_types_of_the_numbers(visit):
    kinds = visit().evaluate(
        """async (words) => {
          const { explain } = await import("/furo/_static/tensorref/broadcasting.js");
          const { axes, elements, stored_bytes } = explain([[3n]], { names: ["a"], itemsize: 4, words });
          return [axes[0].index, axes[0].size, elements, stored_bytes].map((value) => typeof value);
        }""",
        dict(_words.BROADCASTING),
    )
    assert kinds == ["bigint"] * 4


@pytest.mark.parametrize("limit", [40 * 1024])
def test_script_and_style_stay_small(limit):
    import tensorref.sphinxext.broadcasting as directive

    static = Path(directive.__file__).parent / "static/tensorref"
    assert sum(path.stat().st_size for path in static.iterdir() if path.suffix in {".js", ".css"}) < limit
