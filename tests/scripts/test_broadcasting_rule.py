"""The rule and the parser in JavaScript against those in Python, number for number and word for word."""

import itertools
import json
import random
from pathlib import Path

import pytest

from tensorref import broadcasting
from tensorref.sphinxext.shapes import ERRORS, parse_shapes

pytestmark = pytest.mark.usefixtures("unchecked")

SHAPES = [shape for rank in range(3) for shape in itertools.product(range(4), repeat=rank)]
TEXTS = Path(__file__).parents[1] / "sphinxext/shape_texts.json"


def vector(shapes, names, itemsize):
    explanation = broadcasting.explain(*shapes, names=names, itemsize=itemsize)
    return {
        "shapes": shapes,
        "names": [operand.name for operand in explanation.operands],
        "itemsize": itemsize,
        "explanation": explanation.to_dict(),
        "notes": explanation.notes()[1:],  # the first, the last step, is a place of its own on the page
    }


@pytest.fixture
def differences(unlike):
    return lambda vectors: unlike("broadcasting.js", vectors, broadcasting.WORDS, broadcasting.MESSAGES)


def test_every_pair_of_rank_0_to_2_over_sizes_0_to_3(differences):
    vectors = [vector(pair, None, 4) for pair in itertools.product(SHAPES, repeat=2)]
    assert len(vectors) == 441
    assert differences(vectors) == []


def drawn(rng):
    """Draw shapes that mostly broadcast: parts of one shape, with a 1 or a wrong size here and there."""
    rank = rng.choice([1, 2, 3, 4, 5, 9, 10, 64])
    sizes = [0, 1, 2, 3, 7, 2**53 + 1, 10**30]
    whole = [rng.choice(sizes) for _ in range(rank)]
    wrong = rng.choice([0, 0.1, 0.5])
    for _ in range(rng.randint(1, 6)):
        shape = [1 if rng.random() < 0.3 else rng.choice(sizes) if rng.random() < wrong else size for size in whole]
        yield shape[rng.choice([0, rng.randrange(rank + 1)]) :]


NAMES = ["x", "bias", "{name}", "$&", "__proto__", "constructor", "<b>", "größe", "{elements:,}"]


def test_random_shapes(differences):
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
    assert sum(bool(result["fixes"]) for result in results) > 20
    assert sum((result["elements"] or 0) > 2**53 for result in results) > 100
    assert differences(vectors) == []


def test_the_comparison_sees_a_difference(differences):
    """A difference of 1 beyond 2**53, a word, a key too few: each is found."""
    good = vector([[2**53 + 1], [1]], None, 4)
    assert differences([good]) == []
    for key, value in {"elements": 2**53 + 2, "warning": "other", "result": [2**53]}.items():
        bad = {**good, "explanation": {**good["explanation"], key: value}}
        assert len(differences([good, bad])) == 1
    fewer = {**good["explanation"]}
    del fewer["steps"]
    assert len(differences([{**good, "explanation": fewer}])) == 1
    assert len(differences([{**good, "notes": []}])) == 1


PARSE = """
async (all, errors) => {
  const { readShapes } = await load("shapes.js");
  const { TextError } = await load("words.js");
  const told = (read) => {
    if (read instanceof TextError) return { error: read.message };
    return { shape: read.sizes.map(String), names: read.names };
  };
  return all.map((texts) => readShapes(texts, errors).map(told));
}
"""


@pytest.fixture
def parsed(run):
    return lambda *texts: run(PARSE, texts, dict(ERRORS))


def test_the_parser(parsed):
    cases = json.loads(TEXTS.read_text(encoding="utf-8"))
    assert len(cases) > 60
    for case, (got,) in zip(cases, parsed(*([case["text"]] for case in cases)), strict=True):
        read = got.get("error") or [*map(int, got["shape"])]
        assert read == case.get("error", case.get("shape")), case["text"]


NAMED = [
    (["(B=2, 3, T=4)", "B T"], [(["2", "3", "4"], ["B", "", "T"]), (["2", "4"], ["B", "T"])]),
    (["D", "D=7"], [(["7"], ["D"]), (["7"], ["D"])]),
    (["(T=3)", "T=5"], [(["3"], ["T"]), "Position 1: 'T' is 3 where it first has a size; give a name one size."]),
    (
        ["4", "(B, 1)"],
        [
            (["4"], [""]),
            "Position 2: 'B' is a name without a size; give it one, such as B=32, here or in another shape.",
        ],
    ),
    (["(B=2", "B"], ["Position 1: '(' is not closed; add ')' after the last size.", (["2"], ["B"])]),
    (["", "T=1", "!", "T", "T=1", "T"], ["There is no shape; write one, such as (4, 1), or () for a scalar."]),
    (["__proto__=3", "__proto__ constructor=4"], [(["3"], ["__proto__"]), (["3", "4"], ["__proto__", "constructor"])]),
    (
        ["toString", "x=2"],
        [
            "Position 1: 'toString' is a name without a size; give it one, such as B=32, here or in another shape.",
            (["2"], ["x"]),
        ],
    ),
]


def test_names_have_one_size_in_all_fields(parsed):
    for (texts, expected), got in zip(NAMED, parsed(*(texts for texts, _ in NAMED)), strict=True):
        assert len(got) == len(texts)
        for read, wanted in zip(got, expected, strict=False):
            keys = ("error",) if isinstance(wanted, str) else ("shape", "names")
            assert read == dict(zip(keys, [wanted] if isinstance(wanted, str) else wanted, strict=True)), texts


def test_several_fields_read_what_one_text_says(parsed):
    """The page reads a field each, the directive one text: with names as well, both give the same sizes."""
    rng, given = random.Random(3), []  # noqa: S311
    while len(given) < 200:
        sizes = {name: rng.randint(0, 10**20) for name in rng.sample("BTDHNx", 3)}
        written = [f"{name}={size}" if rng.random() < 0.5 else name for name, size in sizes.items()] + ["1", "17"]
        texts = [f"({', '.join(rng.choices(written, k=rng.randint(0, 4)))})" for _ in range(rng.randint(2, 6))]
        texts.append(f"({', '.join(f'{name}={size}' for name, size in sizes.items())})")
        given.append(texts)
    for texts, got in zip(given, parsed(*given), strict=True):
        expected = [[*map(str, shape.sizes)] for shape in parse_shapes(" ".join(texts))]
        assert [read["shape"] for read in got] == expected, texts


def test_the_types_of_the_numbers(run):
    kinds = run(
        """async (words) => {
          const { explain } = await load("broadcasting.js");
          const { axes, elements, stored_bytes } = explain([[3n]], ["a"], { itemsize: 4, words, messages: {} });
          return [axes[0].index, axes[0].size, elements, stored_bytes].map((value) => typeof value);
        }""",
        dict(broadcasting.WORDS),
    )
    assert kinds == ["bigint"] * 4
