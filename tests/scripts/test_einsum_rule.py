"""The rule of einsum and the parser of its text in JavaScript against those in Python."""

import json
import random

import pytest

from tensorref import einsum
from tensorref.sphinxext.einsum import EinsumDirective

pytestmark = pytest.mark.usefixtures("unchecked")

DATA = {
    "words": {**EinsumDirective.words},
    "messages": {**EinsumDirective.messages},
    "errors": {**EinsumDirective.errors},
}
# `source` is the number as it stands in the text: JSON.parse alone would round it.
COMPARE = """
async (text, data) => {
  const { explain, notes, readEquation } = await load("einsum.js");
  const { TextError } = await load("words.js");
  const exact = (_, value, { source }) => (typeof value === "number" ? BigInt(source) : value);
  const show = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
  const told = (equation, shapes, names) => {
    try {
      const explanation = explain(readEquation(equation, shapes.length, data.errors), shapes, names, data);
      return { explanation, notes: notes(explanation, data.words).map((note) => note.text) };
    } catch (error) {
      if (error instanceof TextError) return { error: error.message };
      throw error;
    }
  };
  const found = [];
  for (const { equation, shapes, names, expected } of JSON.parse(text, exact)) {
    const got = told(equation, shapes, names);
    if (!agrees(got, expected)) found.push(JSON.stringify({ equation, shapes, got, expected }, show));
  }
  return found;
}
"""
NAMES = ["x", "{name}", "$&", "__proto__", "<b>", "größe", "{terms:,}"]


def vector(equation, shapes, names=("a", "b", "c", "d")):
    """Return what Python says of an equation."""
    names = names[: len(shapes)]
    try:
        explanation = einsum.explain(equation, *shapes, names=names)
    except einsum.EinsumError as error:
        expected = {"error": str(error)}
    else:
        facts = explanation.to_dict()
        del facts["conflicts"]  # which the page has no use for
        expected = {"explanation": facts, "notes": explanation.notes()[1:]}
    return {"equation": equation, "shapes": shapes, "names": names, "expected": expected}


@pytest.fixture
def differences(run):
    return lambda vectors: run(COMPARE, json.dumps(vectors), DATA)


def drawn(rng):
    """Return an equation and shapes that mostly go with it."""
    of = {letter: rng.choice([0, 1, 2, 3, 3, 2**53 + 1]) for letter in "abcAz"}
    inputs, shapes = [], []
    for _ in range(rng.choice([1, 2, 2, 2, 3, 4])):
        letters = rng.choices("abcAz", k=rng.randrange(4))
        sizes = [rng.choice([of[letter]] * 9 + [1, 2]) for letter in letters]
        if rng.random() < 0.3:
            at = rng.randrange(len(letters) + 1)
            sizes[at:at] = rng.choices([1, 2, 2, 3], k=rng.choice([0, 1, 2, 14]))
            letters.insert(at, "...")
        if rng.random() < 0.05:
            sizes = rng.choice([[*sizes, 2], sizes[1:]])
        inputs.append("".join(letters))
        shapes.append(sizes)
    there = sorted({*"".join(inputs)} - {"."})
    output = rng.sample(there, rng.randrange(len(there) + 1))
    if "..." in "".join(inputs) and rng.random() < 0.8:
        output.insert(rng.randrange(len(output) + 1), "...")
    return ",".join(inputs) + rng.choice(["", f"->{''.join(output)}", f" -> {' '.join(output)}"]), shapes


def test_any_equation(differences):
    rng = random.Random(20261128)  # noqa: S311
    vectors = [vector(*drawn(rng), rng.sample(NAMES, 4)) for _ in range(1500)]
    explained = [each["expected"]["explanation"] for each in vectors]
    assert sum(each["result"] is None for each in explained) > 300
    assert sum(bool(each["warning"]) for each in explained) > 50
    assert sum(bool(each["fixes"]) for each in explained) > 30
    assert differences(vectors) == []


def test_any_text_is_read_alike(differences):
    rng = random.Random(7)  # noqa: S311
    texts = [
        "".join(rng.choices([*"ijk", "ij", "...", ",", "->", *"-> .'\\\n\u00a0é😀"], k=rng.randint(0, 7)))
        for _ in range(800)
    ]
    texts += ["", ",", "->", "i->->i", "i" * 513, "ij,jk->ik" + " " * 600]
    vectors = [vector(text, shapes) for text in texts for shapes in ([[2, 3]], [[2, 3], [3, 4]])]
    assert 300 < sum("error" in each["expected"] for each in vectors) < len(vectors) - 100
    assert differences(vectors) == []


def test_the_comparison_sees_a_difference(differences):
    good = vector("ij,jk->ik", [[2, 3], [3, 2**53 + 1]])
    assert differences([good]) == []
    for key, value in {"flops": 2**53 + 2, "warning": "other", "terms": 2, "equation": "ij,jk"}.items():
        explanation = {**good["expected"]["explanation"], key: value}
        wrong = {**good, "expected": {**good["expected"], "explanation": explanation}}
        assert len(differences([good, wrong])) == 1, key
