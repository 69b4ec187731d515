"""The rule of memory layouts and the parser of operations in JavaScript against those in Python."""

import itertools
import json
import random
from pathlib import Path

import pytest

from tensorref import layout
from tensorref.layout import _parsing
from tensorref.sphinxext.layout import LayoutDirective

pytestmark = pytest.mark.usefixtures("unchecked")

TEXTS = json.loads((Path(__file__).parents[1] / "operation_texts.json").read_text(encoding="utf-8"))
SHAPES = [(), (0,), (1,), (3,), (1, 1), (0, 2), (2, 3), (2, 1, 3), (1, 0, 2)]
DATA = {
    "words": {**LayoutDirective.words},
    "messages": {**LayoutDirective.messages},
    "errors": {**LayoutDirective.errors},
}

# `source` is the number as it stands in the text: JSON.parse alone would round it.
COMPARE = """
async (text, data) => {
  const { follow } = await load("layout.js");
  const { readOperations } = await load("operations.js");
  const { TextError } = await load("words.js");
  const exact = (_, value, { source }) => (typeof value === "number" ? BigInt(source) : value);
  const show = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
  const told = (shape, operations, name, given) => {
    try {
      const read = readOperations(operations, given);
      const { notes, ...history } = follow(shape, read, name, given);
      const stages = history.stages.map(({ axes, ...stage }) => stage);
      return { ...history, stages, notes: notes.map((note) => note.text) };
    } catch (error) {
      if (error instanceof TextError) return { error: error.message };
      throw error;
    }
  };
  const found = [];
  for (const { shape, operations, name, itemsize, expected } of JSON.parse(text, exact)) {
    const followed = told(shape, operations, name, { ...data, itemsize: Number(itemsize) });
    if (!agrees(followed, expected)) found.push(JSON.stringify({ shape, operations, followed, expected }, show));
  }
  return found;
}
"""


def vector(shape, operations, name="x", itemsize=4):
    """Return what Python says of a history, as far as the page says it too."""
    try:
        history = layout.history(shape, operations, name=name, itemsize=itemsize)
    except layout.OperationsTextError as error:
        expected = {"error": str(error)}
    else:
        facts = history.to_dict()
        for stage in facts["stages"]:
            del stage["memory"]  # which the page has no use for
        expected = {key: facts[key] for key in ("stages", "steps")}
        expected["outcome"] = "conflict" if history.messages else "success"
        # The first note, the verdict, has a place of its own on the page.
        expected["notes"] = history.notes()[1:]
    return {"shape": shape, "operations": operations, "name": name, "itemsize": itemsize, "expected": expected}


@pytest.fixture
def differences(run):
    return lambda vectors: run(COMPARE, json.dumps(vectors), DATA)


def listed(numbers):
    return ", ".join(map(str, numbers)) or "()"


def one_operation(rank):
    """Every operation with small numbers: those that fit and those that do not."""
    dims = range(-rank - 1, rank + 2)
    yield from (".mT", ".T", ".contiguous()", "")
    yield from (f".transpose({first}, {second})" for first in dims for second in dims)
    for count in range(min(rank, 2) + 2):
        yield from (f".permute({listed(order)})" for order in itertools.product(dims, repeat=count))
    for count in range(4):
        for sizes in itertools.product((2, -1, 0, 1, 3)[: 5 if count < 3 else 4], repeat=count):
            yield from (f".{name}({listed(sizes)})" for name in ("view", "reshape", "expand"))
    items = ("0", "-1", "-3", "2", ":", "1:", ":-1", "1::2", "2:1:3", "-9:9", "::0", "::-1", "None", "...")
    for count in (1, 2, 3):
        yield from (
            f"[{', '.join(chosen)}]" for chosen in itertools.product(items[:: 3 if count == 3 else 1], repeat=count)
        )


@pytest.mark.parametrize("rank", range(4))
def test_every_operation_on_every_small_shape(differences, rank):
    shapes = [shape for shape in SHAPES if len(shape) == rank]
    vectors = [vector(shape, code) for shape in shapes for code in one_operation(rank)]
    refused = sum(entry["expected"].get("outcome") == "conflict" for entry in vectors)
    assert 100 < refused < len(vectors) - 40
    assert differences(vectors) == []


def drawn(rng, shape):
    """Draw an operation that mostly fits a shape."""
    rank = len(shape)
    kind = rng.choice(["transpose", "permute", ".mT", ".contiguous()", "index", "index", "expand", "view", "reshape"])
    if kind == "transpose":
        return f".transpose({rng.randint(-rank, rank)}, {rng.randint(-rank, max(rank - 1, 0))})"
    if kind == "permute":
        return f".permute({listed(rng.sample(range(rank), rank))})"
    if kind == "index":
        ends = ["", "", "1", "-1", "3", str(10**12)]
        slices = [f"{rng.choice(ends)}:{rng.choice(ends)}:{rng.choice(['', '', '2', '3'])}" for _ in range(2)]
        items = [rng.choice([":", "0", "-1", "None", "...", *slices]) for _ in range(rng.randint(1, rank + 1))]
        return f"[{', '.join(items)}]"
    if kind == "expand":
        return f".expand({listed([3] * rng.choice([0, 0, 1]) + [rng.choice([-1, 4, 4, 2**52]) if n == 1 else -1 for n in shape])})"
    if kind.startswith("."):
        return kind
    left, sizes = list(shape), []
    while left:  # neighbors are merged
        size = left.pop()
        while left and rng.random() < 0.5:
            size *= left.pop()
        sizes[:0] = [size // 2, 2] if size and size % 2 == 0 and rng.random() < 0.3 else [size]
    if rng.random() < 0.2:
        sizes = [-1]
    return f".{kind}({listed(sizes)})"


NAMES = ["x", "keys", "{name}", "$&", "__proto__", "constructor", "<b>", "größe", "{bytes:,}", ""]


def test_random_histories(differences):
    rng = random.Random(20261122)  # noqa: S311
    vectors = []
    for _ in range(1500):
        start = [rng.choice([1, 2, 3, 4, 6, 8, 0, 1000, 2**20][: rng.choice([6, 9])]) for _ in range(rng.randint(0, 4))]
        shape, text = start, ""
        for _ in range(rng.randint(0, 7)):
            text += drawn(rng, shape)
            try:
                last = layout.history(start, text, itemsize=1)
            except ValueError:
                break
            shape = last.stages[-1].shape
            if last.messages:
                break
        try:
            vectors.append(vector(start, text, rng.choice(NAMES), rng.choice([1, 2, 4, 8, 16])))
        except ValueError as error:
            assert "shape is" in str(error)  # noqa: PT017
    told = [entry["expected"] for entry in vectors]
    # The draw is worth something only if it holds enough of each kind.
    messages = [history["notes"][0] for history in told if history.get("outcome") == "conflict"]
    assert sum("contiguous subspaces" in message for message in messages) > 20
    assert len(messages) > 200
    assert sum(len(history.get("stages", ())) > 4 for history in told) > 200
    assert sum(any(stage["verdict"] == "copy" for stage in history.get("stages", ())) for history in told) > 50
    assert sum("2**53" in history.get("error", "") for history in told) > 5
    assert differences(vectors) == []


def test_numbers_beyond_what_a_double_holds(differences):
    cases = [((2**51,), "[1:].view(1, -1).mT"), ((0, 2**25, 2**25), ".mT"), ((3, 5), "[:, ::999999999999999]")]
    cases += [
        ((2, 3), ".view(999999999999999999)"),
        ((1,), ".expand(9007199254740993)"),
        ((3,), "[-999999999999999999:]"),
    ]
    assert differences([vector(*case) for case in cases]) == []


def test_the_comparison_sees_a_difference(differences):
    """A stride, a word, a note too few: each is found."""
    good = vector((2, 3), ".mT.view(6)")
    assert differences([good]) == []
    bad_stage = {**good["expected"]["stages"][1], "strides": [1, 4]}
    stages = [good["expected"]["stages"][0], bad_stage, good["expected"]["stages"][2]]
    for key, value in {
        "stages": stages,
        "message": "other",
        "notes": [],
        "steps": good["expected"]["steps"][:-1],
    }.items():
        assert len(differences([good, {**good, "expected": {**good["expected"], key: value}}])) == 1


PARSE = """
async (texts, data) => {
  const { readOperations } = await load("operations.js");
  const { TextError, attempt } = await load("words.js");
  const plain = (value) => (typeof value === "bigint" ? Number(value) : Array.isArray(value) ? value.map(plain) : value);
  return texts.map((text) => {
    const read = attempt(() => readOperations(text, data));
    if (read instanceof TextError) return { error: read.message };
    return { operations: read.map(({ items, ...operation }) => ({ ...operation, items: plain(items) })) };
  });
}
"""


def test_the_parser(run):
    assert len(TEXTS) > 100
    read = run(PARSE, [case["text"] for case in TEXTS], DATA)
    for case, got in zip(TEXTS, read, strict=True):
        case.pop("operations", ()) if "error" in case else None
        if "operations" in case:  # a double holds 18 digits only about
            assert json.dumps(got["operations"], sort_keys=True).replace(
                "1000000000000000000", "999999999999999999"
            ) == (json.dumps(case["operations"], sort_keys=True)), case["text"]
        else:
            assert got == {"error": case["error"]}, case["text"]


PIECES = [
    *_parsing.EXAMPLES,
    *_parsing.EXAMPLES.values(),
    *"()[].,:-+ 0123456789\n",
    "...",
    "None",
    "x",
    "−",
    "😀",
    "é",
]


def test_any_text_is_read_alike(run):
    rng = random.Random(7)  # noqa: S311
    texts = ["".join(rng.choices(PIECES, k=rng.randint(0, 12))) for _ in range(3000)]
    texts += [
        "." * 10**4,
        "[" * 10**4,
        " " * 10**4 + "!",
        ".view(" + "1, " * 10**4,
        "[" + " " * 10**4 + "!]",
        "9" * 10**4,
    ]
    read = run(PARSE, texts, DATA)
    errors = 0
    for text, got in zip(texts, read, strict=True):
        try:
            codes = [operation.code for operation in _parsing.parse_operations(text)]
        except layout.OperationsTextError as error:
            errors += 1
            codes = str(error)
        assert (got.get("error") or [operation["code"] for operation in got["operations"]]) == codes, text
    assert 500 < errors < len(texts) - 100
