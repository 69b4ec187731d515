"""The pictures in JavaScript against those in Python, letter for letter."""

import itertools
import json
import random
import re

import pytest

from tensorref import _picture, broadcasting, einsum, indexing, layout, matmul, reductions
from tensorref.indexing._parsing import parse_index
from tensorref.layout import _drawing
from tensorref.sphinxext.broadcasting import BroadcastingDirective
from tensorref.sphinxext.einsum import EinsumDirective
from tensorref.sphinxext.indexing import IndexingDirective
from tensorref.sphinxext.layout import LayoutDirective
from tensorref.sphinxext.matmul import MatmulDirective
from tensorref.sphinxext.reduction import ReductionDirective

pytestmark = pytest.mark.usefixtures("unchecked")

DRAW = """
async (kind, text, data, width) => {
  if (width) globalThis.matchMedia = () => ({ matches: true });
  const { framed } = await load("picture.js");
  const { drawn } = await load(`${kind}-picture.js`);
  const { explain, follow } = await load(`${kind}.js`);
  const { readOperations } = kind === "layout" ? await load("operations.js") : {};
  const { readIndex } = kind === "indexing" ? await load("index-text.js") : {};
  const { readEquation } = kind === "einsum" ? await load("einsum.js") : {};
  const { speaker } = await load("words.js");
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const written = (part) => {
    if (typeof part === "string") return escaped(part);
    const [tag, given, ...children] = part;
    const open = [tag, ...Object.entries(given).map(([name, value]) => `${name}="${value}"`)].join(" ");
    return tag === "path" ? `<${open}/>` : `<${open}>${children.map(written).join("")}</${tag}>`;
  };
  const exact = (_, value, { source }) => (typeof value === "number" ? BigInt(source) : value);
  const explained = {
    indexing: (shape, index) => explain(shape, readIndex(index, data.errors), data.words),
    reductions: (shape, [axis, keepdims], name) => explain(shape, axis, keepdims, name, data),
  };
  const found = [];
  for (const { shapes, names, operations, expected } of JSON.parse(text, exact)) {
    const given = { ...data, itemsize: 4 };
    const equation = readEquation?.(operations, shapes.length, data.errors);
    const drawing = equation
      ? drawn(explain(equation, shapes, names, data), equation.inputs, speaker(data.words))
      : follow
      ? drawn(follow(shapes[0], readOperations(operations, given), names[0], given).stages)
      : drawn(explained[kind]?.(shapes[0], operations, names[0]) ?? explain(shapes, names, given), speaker(data.words));
    const { viewBox, width, height } = framed(drawing);
    const got = [`viewBox="${viewBox}" width="${width}" height="${height}"`, drawing.elements().map(written).join("")];
    if (!agrees(got, expected)) found.push({ shapes: String(shapes), operations, got, expected });
  }
  return found;
}
"""
FRAME = re.compile('viewBox="[^"]*" width="[^"]*" height="[^"]*"')
NAMES = [
    "x",
    "bias",
    "{name}",
    "$&",
    "__proto__",
    "a name that is longer than any picture has room for",
    "<b>&",
    "größe",
]


def vector(explanation, shapes, names, operations=""):
    """Return what Python draws: the frame, and all that stands in it."""
    text = explanation.svg("x")
    body = text.removesuffix("</g></svg>").partition('text-anchor="middle">')[2]
    return {
        "shapes": shapes,
        "names": names,
        "operations": operations,
        "expected": [FRAME.search(text)[0], body],
    }


@pytest.fixture
def differences(run):
    """Return a function that returns which vectors are drawn in another way."""

    def differences(kind, vectors, *, phone=False):
        directive = {
            "broadcasting": BroadcastingDirective,
            "einsum": EinsumDirective,
            "indexing": IndexingDirective,
            "layout": LayoutDirective,
            "matmul": MatmulDirective,
            "reductions": ReductionDirective,
        }[kind]
        data = {
            "words": dict(directive.words),
            "messages": dict(directive.messages),
            "errors": dict(directive.errors),
        }
        return run(DRAW, kind, json.dumps(vectors), data, phone)

    return differences


@pytest.fixture(params=["wide", "phone"])
def phone(request, monkeypatch):
    """Draw as on a wide page, then as on a phone, where the script draws less side by side."""
    if request.param == "phone":
        monkeypatch.setattr(_picture, "_WIDTH", 270)
        monkeypatch.setattr(_picture, "_SHOWN", (1, 7, 4, 3))
        monkeypatch.setattr(_drawing, "_PLACES", 8)
        monkeypatch.setattr(matmul, "_MOST_BOXES", 3)
        monkeypatch.setattr(einsum, "_MOST_DRAWN", 7)
    return request.param == "phone"


def operands(rng, count, largest):
    """Return shapes of 0 to `largest` axes, which mostly broadcast, now and then with a size of 0 or a huge one."""
    whole = [rng.choice([0, 1, 2, 3, 4, 6, 9, 10**30]) for _ in range(rng.randint(0, largest))]
    for _ in range(count):
        shape = [1 if rng.random() < 0.35 else size for size in whole]
        if shape and rng.random() < 0.12:
            shape[rng.randrange(len(shape))] = 5
        yield shape[rng.choice([0, rng.randint(0, len(shape))]) :]


def broadcast(shapes, names=None):
    names = names or [*"abcdef"][: len(shapes)]
    return vector(broadcasting.explain(*shapes, names=names), shapes, names)


def test_broadcasting(differences, phone):
    rng = random.Random(14)  # noqa: S311
    small = [shape for rank in range(3) for shape in itertools.product((0, 1, 3), repeat=rank)]
    vectors = [broadcast(pair) for pair in itertools.product(small, repeat=2)]
    vectors += [broadcast([[4, 1], [1, 3]]), broadcast([[2, 3, 4], [3, 1]]), broadcast([[12, 1], [9]])]
    for _ in range(60):
        count = rng.randint(1, 6)
        vectors.append(broadcast([*operands(rng, count, rng.choice([2, 3, 4, 9]))], rng.sample(NAMES, count)))
    assert sum("✗" in body for _, body in (entry["expected"] for entry in vectors)) > 40
    assert sum(">12</text>" in body for _, body in (entry["expected"] for entry in vectors)) > 3
    assert differences("broadcasting", vectors, phone=phone) == []


def test_matmul(differences, phone):
    rng = random.Random(14)  # noqa: S311
    sizes = [0, 1, 2, 3, 4, 9, 10**30]
    vectors = []
    for _ in range(60):
        inner, names = rng.choice(sizes), rng.sample(NAMES, 2)
        stacks = [*operands(rng, 2, rng.choice([0, 0, 2, 7]))]
        other = rng.choice(sizes) if rng.random() < 0.2 else inner
        first = [inner] if rng.random() < 0.2 else [*stacks[0], rng.choice(sizes), inner]
        second = [other] if rng.random() < 0.2 else [*stacks[1], other, rng.choice(sizes)]
        vectors.append(vector(matmul.explain(first, second, names=names), [first, second], names))
    assert differences("matmul", vectors, phone=phone) == []


def test_einsum(differences, phone):
    rng = random.Random(14)  # noqa: S311
    given = [(["abcdefghijk", "k"], [[2] * 11, [2]]), (["", ""], [[], []]), (["ij", "jk"], [[2] * 9, []])]
    while len(given) < 80:
        inputs = [rng.choice(["", "i", "ii", "ij", "ijk", "jk", "...i", "k..."]) for _ in range(rng.randint(1, 3))]
        sizes = {letter: rng.choice([0, 1, 2, 3, 10**30]) for letter in "ijk"}
        shapes = [[sizes.get(letter, 4) for letter in letters.replace("...", "..")] for letters in inputs]
        if rng.random() < 0.3:
            shapes[0] = [1, *shapes[0][:2]]
        given.append((inputs, shapes))
    vectors = []
    for inputs, shapes in given:
        names, equation = rng.sample(NAMES, len(shapes)), ",".join(inputs) + rng.choice(["", "->", "->..."])
        vectors.append(vector(einsum.explain(equation, *shapes, names=names), shapes, names, equation))
    wrong = sum(">?<" in body for _, body in (entry["expected"] for entry in vectors))
    assert 10 < wrong < 60
    assert differences("einsum", vectors, phone=phone) == []


OPERATIONS = [
    ".transpose(0, 1)",
    ".mT",
    ".contiguous()",
    ".reshape(-1)",
    ".view(-1)",
    "[::2]",
    "[1:]",
    "[None]",
    "[..., 0]",
    "[..., None]",
    ".expand(2, -1, -1)",
    ".view(2, -1)",
    "[:, 1::3]",
]


def history(shape, operations, name="x"):
    try:
        return [vector(layout.history(shape, operations, name=name), [shape], [name], operations)]
    except ValueError:
        return []


def test_layout(differences, phone):
    rng = random.Random(14)  # noqa: S311
    vectors = [*history([3, 4], ".mT.view(12)"), *history([0, 2, 3], ".mT"), *history([3, 4], ".mT.contiguous().mT")]
    assert len(vectors) == 3
    while len(vectors) < 60:
        shape = [rng.choice([0, 1, 2, 3, 4, 4, 6, 12, 2**20]) for _ in range(rng.randint(0, 4))]
        operations = "".join(rng.choices(OPERATIONS, k=rng.randint(0, 6)))
        vectors += history(shape, operations, rng.choice(NAMES))
    assert differences("layout", vectors, phone=phone) == []


INDICES = [
    *("0", "-1", ":", "1:", "::-2", "0:0", "None", "...", "True"),
    *("[0, 1]", "[[0], [1]]", "[2]", "[5, 0, 2]", "[True, False, True]", "[[True, False, True], [True, True, False]]"),
]


def test_indexing(differences, phone):
    rng = random.Random(14)  # noqa: S311
    given = [([4, 5, 6], ":, [0, 2], None"), ([50257, 64], "[[5, 23, 7], [42, 0, 0]]"), ([8, 128, 64], ":, -1")]
    given += [([0, 2, 3], "0"), ([2, 0, 3], ":"), ([6, 12, 9, 40], "[4, 1], 3, 2:9, 20")]
    while len(given) < 150:
        shape = [rng.choice([0, 1, 2, 3, 3, 4, 6, 12, 10**4]) for _ in range(rng.randint(0, 4))]
        given.append((shape, ", ".join(rng.choices(INDICES, k=rng.randint(1, 4)))))
    vectors = []
    for shape, index in given:
        vectors.append(vector(indexing.explain(shape, parse_index(f"x[{index}]")), [shape], ["x"], f"x[{index}]"))
    assert sum('stroke-width="3"' in body and "→" in body for _, body in (entry["expected"] for entry in vectors)) > 30
    assert differences("indexing", vectors, phone=phone) == []


def test_reductions(differences, phone):
    rng = random.Random(14)  # noqa: S311
    given = [([2, 3, 4], -1, False), ([2, 3], None, True), ([0, 2, 3], 0, False), ([0, 10**9], None, False)]
    while len(given) < 100:
        shape = [rng.choice([0, 1, 2, 3, 4, 12, 10**30]) for _ in range(rng.randint(0, 4))]
        axes = rng.sample(range(-len(shape), len(shape) + 1), rng.randint(1, min(len(shape) + 1, 2)))
        given.append((shape, rng.choice([None, axes[0], axes]), rng.random() < 0.5))
    vectors = []
    for shape, axis, keepdims in given:
        name = rng.choice(NAMES)
        explanation = reductions.explain(shape, axis, keepdims=keepdims, name=name)
        vectors.append(vector(explanation, [shape], [name], [axis, keepdims]))
    assert sum("→" in body and ">?<" not in body for _, body in (entry["expected"] for entry in vectors)) > 40
    assert differences("reductions", vectors, phone=phone) == []


def test_the_comparison_sees_a_difference(differences, monkeypatch):
    """Another rule in Python alone, be it of a value, a mark or a place, and the script draws what it drew before."""
    shapes = [[4, 1], [1, 3]]
    assert differences("broadcasting", [broadcast(shapes)]) == []
    for name, value in {"_PLACE": 11, "_MOST_DRAWN": 1}.items():
        with monkeypatch.context() as patch:
            patch.setattr(broadcasting, name, value)
            assert len(differences("broadcasting", [broadcast(shapes)])) == 1
    for name, value in {"_LETTER": 9, "GAP": 17, "_SHOWN": (8, 8, 3, 4), "_HUES": ("#000",) * 4}.items():
        with monkeypatch.context() as patch:
            patch.setattr(_picture, name, value)
            assert len(differences("broadcasting", [broadcast(shapes)])) == 1
