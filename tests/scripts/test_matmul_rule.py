"""The rule of matrix products in JavaScript against that in Python, number for number and word for word."""

import itertools
import random

import pytest

from tensorref import matmul

pytestmark = pytest.mark.usefixtures("unchecked")

SHAPES = [shape for rank in range(1, 4) for shape in itertools.product(range(4), repeat=rank)]


def vector(a, b, names=("a", "b"), itemsize=4):
    explanation = matmul.explain(a, b, names=names, itemsize=itemsize)
    return {
        "shapes": [a, b],
        "names": names,
        "itemsize": itemsize,
        "explanation": explanation.to_dict(),
        "notes": explanation.notes()[1:],  # the first, the last step, is a place of its own on the page
    }


@pytest.fixture
def differences(unlike):
    return lambda vectors: unlike("matmul.js", vectors, matmul.WORDS, matmul.MESSAGES)


@pytest.mark.full
def test_every_pair_of_rank_1_to_3_over_sizes_0_to_3(differences):
    vectors = [vector(a, b) for a, b in itertools.product(SHAPES, repeat=2)]
    assert len(vectors) == 84**2
    said = {
        entry["explanation"]["messages"]["torch"].split()[0] for entry in vectors if entry["explanation"]["messages"]
    }
    assert said == {"inconsistent", "mat1", "size", "The", "Expected"}
    assert differences(vectors) == []


def drawn(rng):
    """Draw two shapes that mostly have a product, with a 1, a transpose or a wrong size here and there."""
    sizes = [0, 1, 2, 3, 7, 2**53 + 1, 10**30, 10**64 - 1]
    m, k, n = (rng.choice(sizes) for _ in range(3))
    batch = [rng.choice(sizes) for _ in range(rng.choice([0, 0, 1, 2, 3, 8, 9, 20, 61, 62]))]
    matrices = [[m, k], rng.choice([[k, n], [k, n], [n, k], [rng.choice(sizes), n], [m, k]])]
    wrong = rng.choice([0, 0, 0.1, 0.4])
    for matrix in matrices:
        if rng.random() < 0.1:
            yield [k]
            continue
        stack = [1 if rng.random() < 0.3 else rng.choice(sizes) if rng.random() < wrong else size for size in batch]
        yield stack[rng.choice([0, rng.randrange(len(batch) + 1)]) :] + matrix


NAMES = ["x", "weight.mT", "{first}", "$&", "__proto__", "constructor", "<b>", "größe", "{flops:,}", ".mT"]


def test_random_shapes(differences):
    rng = random.Random(20261122)  # noqa: S311
    vectors = [vector(*drawn(rng), rng.sample(NAMES, 2), rng.choice([1, 2, 4, 8, 16])) for _ in range(1000)]
    # Vectors for a stack of matrices, which are one matrix by mistake, and what is meant for them.
    for stack in ([4], [2, 3], [10**30], [2] * 62):
        vectors += [vector([*stack, 64], [*stack, 64, 32]), vector([*stack, 64, 32], [*stack, 32])]
    results = [entry["explanation"] for entry in vectors]
    # The draw is worth something only if it holds enough of each kind.
    assert sum(bool(result["conflicts"]) for result in results) > 300
    assert sum(result["result"] is not None for result in results) > 300
    assert sum(len(result["conflicts"]) > 1 for result in results) > 50
    assert sum(bool(result["warning"]) for result in results) >= 3
    assert sum(bool(result["fixes"]) for result in results) > 100
    assert sum((result["flops"] or 0) > 2**53 for result in results) > 100
    assert sum((result["copied_bytes"] or 0) > (result["moved_bytes"] or 0) for result in results) > 50
    assert max(len(shape) for entry in vectors for shape in entry["shapes"]) == 64
    assert differences(vectors) == []


def test_the_comparison_sees_a_difference(differences):
    """A difference of 1 beyond 2**53, a word, a key too few, a number a little off: each is found."""
    good = vector([2, 2**53 + 1], [2**53 + 1, 3])
    assert differences([good]) == []
    changes = {
        "flops": 12 * (2**53 + 1) + 1,
        "einsum": "ij,jk->ik",
        "result": [2, 4],
    }
    for key, value in {**changes, "messages": {"numpy": "", "torch": ""}}.items():
        bad = {**good, "explanation": {**good["explanation"], key: value}}
        assert len(differences([good, bad])) == 1, key
    fewer = {**good["explanation"]}
    del fewer["steps"]
    assert len(differences([{**good, "explanation": fewer}])) == 1
    assert len(differences([{**good, "notes": []}])) == 1


def test_the_types_of_the_numbers(run):
    kinds = run(
        """async (words, messages) => {
          const { explain } = await load("matmul.js");
          const given = { itemsize: 4, words, messages };
          const { axes, flops, moved_bytes } = explain([[2n, 3n], [3n, 4n]], ["a", "b"], given);
          return [axes[0].axes[0], axes[0].size, flops, moved_bytes].map((value) => typeof value);
        }""",
        dict(matmul.WORDS),
        dict(matmul.MESSAGES),
    )
    assert kinds == ["bigint"] * 4
