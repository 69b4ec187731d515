"""The parser of shapes, by the texts that the parser on the page is tested with as well."""

import json
from pathlib import Path

import pytest

from tensorref.sphinxext import shapes

TEXTS = json.loads(Path(__file__).with_name("shape_texts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: ascii(case["text"])[:40])
def test_one_shape(case):
    if "shape" in case:
        assert shapes.parse_shape(case["text"]) == tuple(case["shape"])
    else:
        with pytest.raises(shapes.ShapeTextError) as raised:
            shapes.parse_shape(case["text"])
        assert str(raised.value) == case["error"]


def test_every_error_has_a_case():
    said = [case["error"] for case in TEXTS if "error" in case]
    for template in shapes.ERRORS.values():
        fixed = max(template.replace("}", "{").split("{")[::2], key=len)
        assert any(fixed in error for error in said), template


@pytest.mark.parametrize("text", ["(4, 1) (1, 3)", "(4, 1), (1, 3)", "(4, 1)(1, 3),", "4x1 [1, 3]", "\n(4,1)\n(1,3)\n"])
def test_several_shapes(text):
    assert shapes.parse_shapes(text) == (("(4, 1)", (4, 1)), ("(1, 3)", (1, 3)))


def test_a_comma_outside_brackets_begins_another_shape():
    assert shapes.parse_shapes("4, 1") == shapes.parse_shapes("4 1") == (("(4,)", (4,)), ("(1,)", (1,)))


def test_a_name_has_its_size_in_all_shapes_and_is_kept():
    given = shapes.parse_shapes("(B, T=10,D) [B=32 D=64] D")
    assert given == (("(B, T=10,D)", (32, 10, 64)), ("[B=32 D=64]", (32, 64)), ("D", (64,)))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "There is no shape; write one, such as (4, 1), or () for a scalar."),
        ("(4, 1) (1,", "Position 8: '(' is not closed; add ')' after the last size."),
        ("(4, 1),, 3", "Position 8: a size is missing before ','; write the size, or leave out a comma."),
        ("(4, 1) + (3,)", "Position 8: '+' is not part of a shape; write sizes in digits, such as (4, 1)."),
        (f"4 ({'1,' * 65})", "The shape has 65 axes, the most is 64; merge some of them."),
    ],
)
def test_several_shapes_with_an_error(text, error):
    with pytest.raises(shapes.ShapeTextError) as raised:
        shapes.parse_shapes(text)
    assert str(raised.value) == error


def test_the_largest_shape_that_is_read_can_be_explained():
    from tensorref import broadcasting

    shape = shapes.parse_shape("(" + f"{'9' * shapes.MAX_DIGITS}," * 64 + ")")
    assert len(shape) == 64
    assert str(broadcasting.explain(shape, shape, itemsize=16))
