"""The rule of reductions and the parser of its text in JavaScript against those in Python."""

import itertools
import json
import random

import pytest

from tensorref import reductions
from tensorref.sphinxext.reduction import ReductionDirective, ReductionTextError, parse_reduction

pytestmark = pytest.mark.usefixtures("unchecked")

DATA = {
    "words": {**ReductionDirective.words},
    "messages": {**ReductionDirective.messages},
    "errors": {**ReductionDirective.errors},
}
# `source` is the number as it stands in the text: JSON.parse alone would round it.
COMPARE = """
async (text, data) => {
  const { explain, notes, readReduction } = await load("reductions.js");
  const { TextError } = await load("words.js");
  const exact = (_, value, { source }) => (typeof value === "number" ? BigInt(source) : value);
  const show = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
  const told = (shape, written, name) => {
    try {
      const { axis, keepdims } = readReduction(written, data.errors);
      const explanation = explain(shape, axis, keepdims, name, data);
      return { explanation, notes: notes(explanation, data.words).map((note) => note.text) };
    } catch (error) {
      if (error instanceof TextError) return { error: error.message };
      throw error;
    }
  };
  const found = [];
  for (const { shape, written, name, expected } of JSON.parse(text, exact)) {
    const got = told(shape, written, name);
    if (!agrees(got, expected)) found.push(JSON.stringify({ shape, written, got, expected }, show));
  }
  return found;
}
"""


def vector(shape, written, name="x"):
    """Return what Python says of a reduction as text."""
    try:
        axis, keepdims = parse_reduction(written)
    except ReductionTextError as error:
        expected = {"error": str(error)}
    else:
        explanation = reductions.explain(shape, axis, keepdims=keepdims, name=name)
        expected = {"explanation": explanation.to_dict(), "notes": explanation.notes()[1:]}
    return {"shape": shape, "written": written, "name": name, "expected": expected}


@pytest.fixture
def differences(run):
    return lambda vectors: run(COMPARE, json.dumps(vectors), DATA)


def test_every_axis_of_small_shapes(differences):
    shapes = [shape for count in range(4) for shape in itertools.product((0, 1, 3), repeat=count)]
    vectors = []
    for shape in shapes:
        one = range(-len(shape) - 1, len(shape) + 1)
        axes = [None, *one, *((axis,) for axis in one), *itertools.product(one, repeat=2)]
        vectors += [vector(shape, f"axis={axis}{kept}") for axis in axes for kept in ("", " keepdims=True")]
    results = [entry["expected"]["explanation"] for entry in vectors]
    assert sum(result["result"] is None for result in results) > 500
    assert sum(bool(result["warning"]) for result in results) > 500
    assert differences(vectors) == []


NAMES = ["x", "{name}", "$&", "__proto__", "<b>", "größe", "{terms:,}"]


def test_random_shapes(differences):
    rng = random.Random(20261128)  # noqa: S311
    vectors = []
    for _ in range(300):
        shape = [rng.choice([0, 1, 2, 3, 3, 7, 2**53 + 1, 10**30]) for _ in range(rng.choice([1, 2, 3, 4, 9, 64]))]
        axes = rng.choices(range(-len(shape), len(shape)), k=rng.randint(1, rng.choice([2, 3, 12])))
        written = rng.choice([f"dim={axes[0]}", f"axis={tuple(axes)}", f"{axes}", f"{2**31 + axes[0]}"])
        vectors.append(vector(shape, f"{written} {rng.choice(['', 'keepdim=True'])}", rng.choice(NAMES)))
    assert differences(vectors) == []


READ = {
    "": (None, False),
    " \n": (None, False),
    "axis=None": (None, False),
    "-1": (-1, False),
    "dim = −1,keepdim = True": (-1, True),
    "keepdims=False (0, -1,)": ((0, -1), False),
    "[ 2 ] keepdims=True": ((2,), True),
}
WRITE = "cannot be read; write an axis and whether it is kept, as in axis=-1 keepdim=True."
EMPTY = "axis is empty, of which NumPy reduces nothing and PyTorch everything; leave it out to reduce all axes."
REFUSED = {
    "axis": f"Position 1: 'axis' {WRITE}",
    "axis=1.5": f"Position 1: 'axis=1.5' {WRITE}",
    "axis=1 keep": f"Position 8: 'keep' {WRITE}",
    " axis=1 dim=0": "Position 9: 'dim=0' says it a second time; leave it out.",
    "keepdim=1": f"Position 1: 'keepdim=1' {WRITE}",
    "axis=(0, 1": f"Position 1: 'axis=(0, 1' {WRITE}",
    "axis=()": EMPTY,
    "[]": EMPTY,
    "axis=9999999999999999999": f"Position 1: 'axis=999999999999999…' {WRITE}",
    f"[{'1, ' * 65}]": "axis has 65 entries, the most is 64; name each axis once.",
}


@pytest.mark.parametrize("text", READ)
def test_text_that_is_read(text):
    assert parse_reduction(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_text_that_is_refused(text):
    with pytest.raises(ReductionTextError) as raised:
        parse_reduction(text)
    assert str(raised.value) == REFUSED[text]


PIECES = ["axis=", "dim=", "keepdim=", "keepdims=", "True", "False", "None", "(0, 1)", "[-1]", "()", "1.5", "−1", "😀"]


def test_any_text_is_read_alike(differences):
    rng = random.Random(7)  # noqa: S311
    texts = ["".join(rng.choices([*PIECES, *" ,=()[]-01x\n"], k=rng.randint(0, 6))) for _ in range(800)]
    texts += [*READ, *REFUSED, "(" + "1, " * 10**4, " " * 10**4 + "!", "9" * 10**4]
    vectors = [vector((4, 3), text) for text in texts]
    errors = sum("error" in entry["expected"] for entry in vectors)
    assert 300 < errors < len(texts) - 100
    assert differences(vectors) == []


def test_the_comparison_sees_a_difference(differences):
    good = vector((2, 2**53 + 1), "axis=1")
    assert differences([good]) == []
    for key, value in {"terms": 2**53 + 2, "warning": "other", "keepdims": True, "axis": None}.items():
        explanation = {**good["expected"]["explanation"], key: value}
        assert len(differences([good, {**good, "expected": {**good["expected"], "explanation": explanation}}])) == 1, (
            key
        )
