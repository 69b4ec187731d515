"""Expressions over shapes and dtypes, as they are written in code, explained.

>>> from tensorref._expression import explain
>>> print(explain("(4, 6)[:, [0, 2]]"))
index      :  [0, 2]
kind   slice   array
axis       0       1
size       4       6
gives      4       2
* The result has shape (4, 2), 8 elements: a copy.
* The index arrays broadcast to (2,), from axis 1 of the result on.

Nothing is evaluated: the shapes, the index and the operations are read, and no function is called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any, Literal

import tensorref
from tensorref._arguments import as_operand_names
from tensorref._explanation import Illustrated
from tensorref.sphinxext.shapes import parse_shape, parse_shapes

EXAMPLES = ('"(8, 1) + (8,)"', '"(2, 3) @ (3, 4)"', '"(4, 6)[:, [0, 2]]"', '"(3, 4).T.view(12)"', '"int64 + float16"')
MAX_LETTERS = 1000

_OPERATOR = r"\*\*|//|<<|>>|[=!<>]=|[-−+*/%@<>&|^]"
_DTYPE = r"[A-Za-z_][\w.]*"
_NUMBER = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?[jJ]?"
_OF_DTYPES = re.compile(
    rf"\s*(?:({_DTYPE})\s*(?:{_OPERATOR})\s*({_DTYPE}|{_NUMBER})|({_NUMBER})\s*(?:{_OPERATOR})\s*({_DTYPE}))\s*"
)
_NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*(?=[(\[])")
_INDEXED = re.compile(r"\s*(?:(torch\.Size\(.*?\)|\(.*?\)|\[.*?\])|([A-Za-z_]\w*)|)\s*(?=[.\[])")


class ExpressionError(ValueError):
    """Raised for a text that is no expression; it says where reading stopped, counted from 1, and how to go on."""


def explain(
    text: str, shape: Sequence[int] | None = None, library: Literal["numpy", "torch"] | None = None
) -> Illustrated:
    """Return the explanation of an expression, or raise an error that says what cannot be read.

    Parameters
    ----------
    text
        Shapes with operators between them, one shape or name with an index or operations behind it, or two dtypes.
    shape
        That of a name with an index or operations behind it.
    library
        Whose rule an index follows: "numpy", the default, or "torch".

    Returns
    -------
    :
        What the rule's own ``explain``, or `layout.history`, gives.

    Raises
    ------
    ExpressionError, ValueError, TypeError
        If a part cannot be read, or the rule does not take it.
    """
    if len(text) > MAX_LETTERS:
        raise ExpressionError(f"it has {len(text)} letters, the most is {MAX_LETTERS}; write a shorter one.")
    text = re.sub(r"\s", " ", text)
    indexed, of_dtypes = _INDEXED.match(text), _OF_DTYPES.fullmatch(text)
    operators = [*re.finditer(_OPERATOR, _outside(text))]
    has_index = indexed is not None and not operators and _is_index(text[indexed.end() :])
    if library and not has_index:
        raise ExpressionError(
            "--library says whose rule an index follows; leave it out here, or write an index, as in "
            + EXAMPLES[2]
            + "."
        )
    if shape is not None and (operators or not indexed):
        raise ExpressionError('--shape is that of a name before an index, as in "x[:, 0]"; leave it out.')
    if of_dtypes:
        return tensorref.dtypes.explain(*(_operand(operand) for operand in of_dtypes.groups() if operand))
    if operators:
        return _operation(text, operators)
    if indexed:
        return _after_shape(text, indexed, shape, library)
    if re.search(r"[\d(\[]", text):
        parse_shape(text)  # which says what is wrong, if it is not a shape
    raise ExpressionError(f"Position {len(text) + 1}: an operation is missing; write one, such as {EXAMPLES[0]}.")


def _outside(text: str) -> str:
    """Return a text of the same length with a point for each letter between brackets."""
    depth, letters = 0, []
    for letter in text:
        depth = max(depth - (letter in ")]"), 0)
        letters.append("." if depth else letter)
        depth += letter in "(["
    return "".join(letters)


def _is_index(text: str) -> bool:
    """Tell whether a text is one pair of square brackets."""
    return bool(re.fullmatch(r"\[\.*\] *", _outside(text)))


def _operand(text: str) -> Any:
    """Return the name of a dtype, or a number."""
    return ast.literal_eval(text) if re.fullmatch(_NUMBER, text) else re.sub(r"^(np|numpy)\.", "", text)


def _operation(text: str, operators: Sequence[re.Match[str]]) -> Illustrated:
    starts = [0, *(operator.end() for operator in operators)]
    ends = [*(operator.start() for operator in operators), len(text)]
    names: list[str | None] = []
    operands: list[str] = []  # each at its place in the text, so that errors have its position
    for start, end in zip(starts, ends, strict=True):
        operand = text[start:end]
        if not operand.strip():
            raise ExpressionError(f"Position {end + 1}: a shape is missing; write one, as in {EXAMPLES[0]}.")
        named = _NAMED.match(operand)
        names.append(named[1] if named else None)
        operands.append(" " * (start + (named.end() if named else 0)) + operand[named.end() if named else 0 :])
    blank = [" "] * len(text)
    for operand in operands:
        at = len(operand) - len(operand.lstrip())
        blank[at : len(operand)] = operand[at:]
    shapes = [written.sizes for written in parse_shapes("".join(blank))]  # which share the sizes of names, such as B=32
    if len(shapes) != len(operands):
        shapes = [parse_shape(operand) for operand in operands]
    usual = as_operand_names(None, len(names))
    given = [name or letter for name, letter in zip(names, usual, strict=True)] if any(names) else None
    products = [operator for operator in operators if operator[0] == "@"]
    if not products:
        written = {operator[0].replace("−", "-") for operator in operators}
        return tensorref.broadcasting.explain(
            *shapes, names=given, operator=written.pop() if len(written) == 1 else None
        )
    if len(operators) > 1:
        raise ExpressionError(
            f"Position {operators[1].start() + 1}: one product is explained at a time; write two shapes, as in "
            f"{EXAMPLES[1]}."
        )
    return tensorref.matmul.explain(*shapes, names=given or ("a", "b"))


def _after_shape(
    text: str, indexed: re.Match[str], shape: Sequence[int] | None, library: Literal["numpy", "torch"] | None
) -> Illustrated:
    written, name = indexed.groups()
    if shape is not None and written:
        raise ExpressionError(
            f"Position {indexed.start(1) + 1}: the shape is written here and as --shape; leave out one, as in {EXAMPLES[2]}."
        )
    if shape is None and not written:
        raise ExpressionError(
            f"Position {indexed.end() + 1}: the shape of {name or 'x'} is not known; add --shape, such as --shape 4,5,6."
        )
    sizes = parse_shape(text[: indexed.end()]) if shape is None else shape
    rest = text[indexed.end() :]
    if _is_index(rest):
        from tensorref.indexing._parsing import IndexTextError, parse_index

        try:
            index = parse_index(" " * indexed.end() + rest)  # so that an error has the position in all of the text
        except IndexTextError as error:
            raise ExpressionError(str(error)) from None
        return tensorref.indexing.explain(sizes, index, library=library or "numpy")
    return tensorref.layout.history(sizes, " " * indexed.end() + rest, name=name or "x")
