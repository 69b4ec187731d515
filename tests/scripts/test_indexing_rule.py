"""The rule of an index and the parser of its text in JavaScript against those in Python."""

import itertools
import json
import random

import pytest

from tensorref import indexing
from tensorref.indexing._parsing import IndexTextError, parse_index
from tensorref.sphinxext.indexing import IndexingDirective

pytestmark = pytest.mark.usefixtures("unchecked")

DATA = {"words": {**IndexingDirective.words}, "errors": {**IndexingDirective.errors}}
# `source` is the number as it stands in the text: JSON.parse alone would round it.
COMPARE = """
async (text, { words, errors }) => {
  const { explain, notes } = await load("indexing.js");
  const { readIndex } = await load("index-text.js");
  const { TextError } = await load("words.js");
  const exact = (_, value, { source }) => (typeof value === "number" ? BigInt(source) : value);
  const show = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
  const told = (shape, index) => {
    try {
      const explanation = explain(shape, readIndex(index, errors), words);
      return { explanation, notes: notes(explanation).map((note) => note.text) };
    } catch (error) {
      if (error instanceof TextError) return { error: error.message };
      throw error;
    }
  };
  const found = [];
  for (const { shape, index, expected } of JSON.parse(text, exact)) {
    const got = told(shape, index);
    if (!agrees(got, expected)) found.push(JSON.stringify({ shape, index, got, expected }, show));
  }
  return found;
}
"""


def vector(shape, index):
    """Return what Python says of an index as text, as far as the page says it too."""
    try:
        given = parse_index(index)
    except IndexTextError as error:
        return {"shape": shape, "index": index, "expected": {"error": str(error)}}
    explanation = indexing.explain(shape, given)
    # The last step has a place of its own on the page, before the notes.
    notes = [note for note in explanation.notes() if note != explanation.steps[-1]]
    if explanation.reasons:
        notes = [*explanation.reasons[1:], *([f"⚠ {explanation.other}"] if explanation.other else [])]
    facts = explanation.to_dict()
    for key in ("library", "conflicts"):
        del facts[key]  # which the page has no use for
    return {"shape": shape, "index": index, "expected": {"explanation": facts, "notes": notes}}


@pytest.fixture
def differences(run):
    return lambda vectors: run(COMPARE, json.dumps(vectors), DATA)


ITEMS = [
    *("0", "-1", "2", ":", "1:", "5:-7:2", "::-1", "0:0", "::0", "None", "..."),
    *("True", "False", "[0, 1]", "[-2]", "[[0], [1]]", "[]", "[[]]", "[2]"),
    *("[True, False]", "[True, True, False]", "[[True, True], [False, True], [False, False]]"),
]


def test_every_one_and_every_two_on_small_shapes(differences):
    shapes = [(), (2,), (0,), (2, 3), (3, 0), (3, 2, 2)]
    vectors = [
        vector(shape, f"x[{', '.join(items)}]")
        for shape in shapes
        for count in (1, 2)
        for items in itertools.product(ITEMS, repeat=count)
    ]
    assert differences(vectors) == []


def test_random_indices(differences):
    rng = random.Random(20261128)  # noqa: S311
    vectors = []
    for _ in range(500):
        shape = [rng.choice([0, 1, 2, 3, 4, 10**20]) for _ in range(rng.choice([1, 2, 3, 4, 5, 64]))]
        items = rng.choices(ITEMS, k=rng.randint(1, 5))
        vectors.append(vector(shape, f"x[{', '.join(items)}{rng.choice(['', ','])}]"))
    results = [entry["expected"]["explanation"] for entry in vectors]
    # The draw is worth something only if it holds enough of each kind.
    assert sum(result["result"] is None for result in results) > 100
    assert sum(result["result"] is not None for result in results) > 100
    assert sum(bool(result["other"]) for result in results) > 40
    assert sum(result["apart"] for result in results) > 5
    assert differences(vectors) == []


PIECES = [*ITEMS, *"x[](),:-+ 0123456789\n", "−", "None", "mask", "1.5", "😀", "é", "np.newaxis", "x[", "]", ", "]


def test_any_text_is_read_alike(differences):
    rng = random.Random(7)  # noqa: S311
    texts = ["".join(rng.choices(PIECES, k=rng.randint(0, 8))) for _ in range(800)]
    texts += [f"x[{''.join(rng.choices(PIECES, k=rng.randint(0, 4)))}]" for _ in range(800)]
    texts += [
        "[" * 999,
        "x" * 1001,
        "😀" * 1000,
        "x[" + "1, " * 300,
        "x[" + "0," * 129 + "]",
        "x[" + "None," * 70 + "]",
    ]
    vectors = [vector((4, 3), text) for text in texts]
    errors = sum("error" in entry["expected"] for entry in vectors)
    assert 500 < errors < len(texts) - 100
    assert differences(vectors) == []


def test_the_comparison_sees_a_difference(differences):
    good = vector((4, 10**20), "x[:, [0, 2], None]")
    assert differences([good]) == []
    for key, value in {"result": [4, 2], "view": True, "other": "", "position": 0}.items():
        explanation = {**good["expected"]["explanation"], key: value}
        assert len(differences([good, {**good, "expected": {**good["expected"], "explanation": explanation}}])) == 1, (
            key
        )
