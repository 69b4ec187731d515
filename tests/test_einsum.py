"""The rule of einsum, held against NumPy and PyTorch."""

from __future__ import annotations

import itertools
import random
import re

import numpy as np
import pytest
import torch

from tensorref import einsum


def by(library, equation, arrays):
    """Return the shape that a library gives, or None, and its message, or None."""
    try:
        return tuple(library.einsum(equation, *arrays).shape), None
    except (ValueError, RuntimeError) as error:
        return None, str(error)


def drawn(choose):
    """Return an equation and shapes that mostly go with it."""
    count = choose.choice([1, 2, 2, 2, 3])
    of = {letter: choose.choice([0, 1, 2, 3, 3]) for letter in "abcAz"}
    inputs, shapes = [], []
    for _ in range(count):
        letters = choose.choices("abcAz", k=choose.randrange(4))
        dots = choose.random() < 0.3
        at = choose.randrange(len(letters) + 1)
        sizes = [choose.choice([of[letter]] * 9 + [1, 2]) for letter in letters]
        if dots:
            sizes[at:at] = choose.choices([1, 2, 2, 3], k=choose.randrange(3))
            letters.insert(at, "...")
        if choose.random() < 0.03:
            sizes.append(2)
        inputs.append(letters)
        shapes.append(tuple(sizes))
    there = sorted({letter for letters in inputs for letter in letters} - {"..."})
    output = choose.sample(there, choose.randrange(len(there) + 1))
    if any("..." in letters for letters in inputs) and choose.random() < 0.8:
        output.insert(choose.randrange(len(output) + 1), "...")
    equation = ",".join("".join(letters) for letters in inputs)
    return equation + choose.choice(["", "->" + "".join(output), "->" + "".join(output)]), shapes


def compared(equation, shapes):
    """Hold an explanation against both libraries; return whether it fits."""
    expected, words = by(torch, equation, [torch.zeros(shape, device="cpu") for shape in shapes])
    explanation = einsum.explain(equation, *shapes)
    assert explanation.result == expected, (equation, shapes, words)
    assert (explanation.messages and explanation.messages.torch) == words, (equation, shapes)
    if any(0 in {*sizes} and len({*sizes}) > 1 for letter in explanation.letters for sizes in letter.sizes):
        return False  # NumPy 2.4 takes a size of 0 on a diagonal for one that it has not seen yet, and reads beside the array
    expected, words = by(np, equation, [np.zeros(shape) for shape in shapes])
    explanation = einsum.explain(equation, *shapes, library="numpy")
    assert explanation.result == expected, (equation, shapes, words)
    assert (explanation.messages and explanation.messages.numpy) == words, (equation, shapes)
    return explanation.result is not None


@pytest.mark.usefixtures("unchecked")
def test_any_equation_gives_what_numpy_and_pytorch_give_and_say():
    choose = random.Random(0)  # noqa: S311
    fit = sum(compared(*drawn(choose)) for _ in range(3000))
    assert 1000 < fit < 2500


@pytest.mark.usefixtures("unchecked")
def test_every_fix_gives_what_it_says():
    choose, tried = random.Random(1), 0  # noqa: S311
    while tried < 200:
        equation, shapes = drawn(choose)
        for library in (np, torch):
            explanation = einsum.explain(equation, *shapes, library=library.__name__)
            operands = dict(zip(explanation.names, map(library.zeros, shapes), strict=True))
            for fix in explanation.fixes:
                result = eval(fix.code, {"einsum": library.einsum, **operands})  # noqa: S307  code of our own
                assert tuple(result.shape) == fix.result, (equation, shapes, fix)
                tried += 1


@pytest.mark.usefixtures("unchecked")
def test_operations_are_those_that_numpy_counts():
    choose, counted = random.Random(2), 0  # noqa: S311
    while counted < 100:
        equation, shapes = drawn(choose)
        explanation = einsum.explain(equation, *shapes)
        summed = any(not letter.kept for letter in explanation.letters)
        shared = any(sum(map(bool, letter.sizes)) > 1 for letter in explanation.letters)
        if explanation.result is None or "..." in equation or 0 in itertools.chain(*shapes) or not (summed and shared):
            continue
        _, report = np.einsum_path(explanation.equation, *map(np.zeros, shapes), optimize=False)
        shown = float(re.search(r"Naive FLOP count: +(\S+)", report)[1])
        assert float(f"{explanation.flops:.3e}") == shown, (equation, shapes)
        counted += 1


@pytest.mark.parametrize(
    ("equation", "shapes", "words"),
    [
        (
            "ij,jk",
            [(2, 3)],
            "equation 'ij,jk': the number of operands is 2, that of shapes is 1; write a shape for each.",
        ),
        ("i1", [(2, 3)], "operand 0 of the equation has '1'; letters are a to z and A to Z."),
        ("i.j", [(2, 3)], "operand 0 of the equation has '.'; three dots, ..., stand once."),
        ("......i", [(2, 3)], "operand 0 of the equation has '.'; three dots, ..., stand once."),
        ("ij->iji", [(2, 3)], "the output of the equation has i 2 times; write it once."),
        ("ij->ik", [(2, 3)], "the output of the equation has k, which no operand has; leave it out."),
        ("i" * 600, [(2, 3)], "equation has 600 letters, the most is 512."),
    ],
)
def test_an_equation_that_cannot_be_read_says_why(equation, shapes, words):
    with pytest.raises(einsum.EinsumError) as raised:
        einsum.result_shape(equation, *shapes)
    assert str(raised.value) == words
    for library in (np, torch):
        with pytest.raises((ValueError, RuntimeError, IndexError)):
            library.einsum(equation, *map(library.ones, shapes))


@pytest.mark.usefixtures("unchecked")
def test_an_equation_is_a_string():
    with pytest.raises(TypeError, match="equation is 3, of type int; it is a string: write 'ij,jk->ik'"):
        einsum.explain(3, (2, 3))


def test_a_picture_shows_every_letter_and_what_is_summed(monkeypatch):
    explanation = einsum.explain("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4), names=["query", "key"])
    picture = explanation.svg()
    assert [picture.count(f">{letter}</text>") for letter in "bqkd"] == [1, 1, 1, 1]
    assert explanation.steps[-1] in picture
    monkeypatch.setattr(einsum, "agreed", max)
    assert einsum.explain("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4), names=["query", "key"]).svg() == picture
    monkeypatch.setattr(einsum, "agreed", lambda sizes: 1 + max(sizes))
    assert einsum.explain("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4), names=["query", "key"]).svg() != picture


def test_an_operand_with_too_many_axes_is_shown_with_its_sizes():
    explanation = einsum.explain("qd,bkd->bqk", (2, 3, 4), (2, 5, 4))
    assert explanation.table() == (
        ("letter", "?"),
        ("a", "(2, 3, 4)"),
        ("b", "(2, 5, 4)"),
        ("result", "?"),
        ("verdict", "conflict"),
    )
    assert {*explanation.steps[1:-1]} == {einsum.WORDS["no.sizes"]}
    assert [explanation.svg().count(f">{size}</text>") for size in "2345?"] == [2, 1, 2, 1, 1]


def test_every_step_of_a_conflict_says_nothing_of_products():
    steps = einsum.explain("bqd,bkd->bqk", (2, 3, 4), (2, 4, 5)).steps
    assert steps[2:4] == ("The output keeps b, q, k.", "Letters that the output lacks are summed over: d.")
