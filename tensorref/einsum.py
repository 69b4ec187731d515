"""An equation of einsum names the axes of its operands with letters, and says which letters the result keeps.

Transposes, sums, dot products, matrix products and attention are all such equations, and none needs an axis to be moved
first. A letter that is wrong by one place gives another sum, often without an error.

>>> from tensorref import einsum
>>> einsum.result_shape("bqd,bkd->bqk", (32, 10, 64), (32, 12, 64))
(32, 10, 12)
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import ClassVar, Literal

from tensorref import _picture
from tensorref._arguments import as_library, as_operand_names, quoted
from tensorref._explanation import Fix, Messages, ShapeRule, TensorrefError
from tensorref._shape import agreed, as_shapes
from tensorref._typing import ShapeLike
from tensorref._words import Templates

__all__ = ["EinsumError", "Explanation", "Letter", "explain", "flops", "result_shape"]

_DOTS = "..."
_LONGEST = 512  # letters of an equation
_MOST_NAMED = 12  # letters that a sentence names before it counts the rest
_MOST_DRAWN = 8  # letters that are drawn before the middle is left out
_UNKNOWN = "?", _picture.CONFLICT

WORDS: Mapping[str, str] = Templates(
    {
        "letter": "letter",
        "result": "result",
        "verdict": "verdict",
        "none": "–",
        "keep": "kept",
        "sum": "summed",
        "conflict": "conflict",
        "equation": "The equation is {equation}: {operands}.",
        "operand": "{name} {shape} has {letters}",
        "scalar": "{name} is a scalar and has no letter",
        "sizes": "Sizes of the letters: {sizes}.",
        "size": "{letter} is {size}",
        "wrong": "{letter} has {sizes}",
        "no.letters": "There is no letter.",
        "no.sizes": "No letter gets a size while one of the operands has too many or too few.",
        "kept": "The output keeps {letters}.",
        "kept.none": "The output has no letter, so the result is a scalar.",
        "summed": "Letters that the output lacks are summed over: {letters}.",
        "terms": "Every element is a sum of {terms:,} {terms|product|products}.",
        "nothing": "The output has every letter, so nothing is summed.",
        "success": "The result has shape {shape}, {elements:,} {elements|element|elements}.",
        "failure": "{equation} does not fit: {problems}.",
        "sizes.differ": "letter {letter} has {sizes}, and the sizes of a letter must be equal or 1",
        "repeated": "{name} has letter {letter} twice, with {sizes}: for a diagonal both must be equal",
        "too.many": "{name} has {count} {count|axis|axes} and {given} {given|letter|letters}: write a letter for each, or ... for the rest",
        "too.few": "{name} has {count} {count|axis|axes}, fewer than its {given} letters",
        "dots": "the output lacks ..., and NumPy does not sum over the axes that it stands for",
        "warning": "{letter} is 1 in {name} and {size} elsewhere: it repeats, and is not checked.",
        "cost": "{flops:,} floating-point operations, if computed in one go.",
        "fix": "{code} would give {result}.",
    }
)

ERRORS: Mapping[str, str] = MappingProxyType(
    {
        "long": "equation has {count} letters, the most is {most}.",
        "count": (
            "equation '{operands}': the number of operands is {named}, that of shapes is {given}; write a shape for each."
        ),
        "operand.letter": "operand {number} of the equation has {found}; letters are a to z and A to Z.",
        "operand.dots": "operand {number} of the equation has '.'; three dots, ..., stand once.",
        "output.letter": "the output of the equation has {found}; letters are a to z and A to Z.",
        "output.dots": "the output of the equation has '.'; three dots, ..., stand once.",
        "output.twice": "the output of the equation has {letter} {count} times; write it once.",
        "output.unknown": "the output of the equation has {letter}, which no operand has; leave it out.",
    }
)
"""What is said of an equation that cannot be read."""

MESSAGES: Mapping[str, str] = {
    "numpy.few": "einstein sum subscripts string contains too many subscripts for operand {number}",
    "numpy.many": (
        "operand has more dimensions than subscripts given in einstein sum, but no '...' ellipsis provided to broadcast "
        "the extra dimensions."
    ),
    "numpy.dots": (
        "output has more dimensions than subscripts given in einstein sum, but no '...' ellipsis provided to broadcast "
        "the extra dimensions."
    ),
    "numpy.twice": "dimensions in {operand} for collapsing index '{name}' don't match ({own} != {size})",
    "numpy.sizes": "operands could not be broadcast together with remapped shapes [original->remapped]: {remapped} ",
    "torch.count": (
        "einsum(): the number of subscripts in the equation ({given}) does not match the number of dimensions ({count}) "
        "for operand {number} and no ellipsis was given"
    ),
    "torch.count.dots": (
        "einsum(): the number of subscripts in the equation ({given}) is more than the number of dimensions ({count}) for "
        "operand {number}"
    ),
    "torch.twice": (
        "einsum(): subscript {name} is repeated for operand {number} but the sizes don't match, {size} != {own}"
    ),
    "torch.sizes": (
        "einsum(): subscript {name} has size {size} for operand {number} which does not broadcast with previously seen "
        "size {before}"
    ),
    # Its missing space too.
    "torch.dots": (
        "einsum(): dimension {axis} covered by ellipsis in operand {number}has size {size} which does not broadcast with "
        "previously seen ellipsis with size {before} for the respective dimension"
    ),
}


class EinsumError(TensorrefError, ValueError):
    """Raised for an equation that does not fit its shapes, or is none.

    >>> from tensorref import einsum
    >>> try:
    ...     einsum.result_shape("ij,jk->ik", (2, 3), (4, 3))
    ... except einsum.EinsumError as error:
    ...     print(error.explanation.conflicts, error.explanation.fixes[0].code)
    ('j',) einsum('ij,kj->ik', a, b)
    """

    explanation: Explanation | None
    """All that is wrong with the shapes, and an equation that would fit; None where the equation itself cannot be read."""


def result_shape(
    equation: str, *shapes: ShapeLike, names: Sequence[str] | None = None, library: Literal["numpy", "torch"] = "torch"
) -> tuple[int, ...]:
    """Return the shape that an equation gives.

    >>> from tensorref import einsum
    >>> einsum.result_shape("ij,jk->ik", (2, 3), (3, 4)), einsum.result_shape("ii", (3, 3))
    ((2, 4), ())

    Parameters
    ----------
    equation
        As `torch.einsum` takes it: letters for the axes of each operand, ``,`` between operands, ``->`` before the output.
    *shapes
        One for each operand: an int, a sequence of ints or the ``.shape`` of an array.
    names
        What to call them in an error; ``a``, ``b``, ``c`` by default.
    library
        Whose rule it follows. They differ in one thing: PyTorch sums over the axes of ``...`` where the output lacks it.

    Returns
    -------
    :
        The sizes of the letters of the output.

    Raises
    ------
    EinsumError
        If the equation cannot be read, or the shapes do not fit it. It names every letter that is wrong.
    TypeError, ValueError
        If an argument is not a shape.

    See Also
    --------
    explain : the same letter by letter, for shapes that do not fit too.
    tensorref.matmul.result_shape : the rule for ``@``, which is one of these equations.
    numpy.einsum : gives the result itself.
    torch.einsum : so does PyTorch's.

    Examples
    --------
    >>> einsum.result_shape("ij,jk->ik", (2, 3), (4, 5))
    Traceback (most recent call last):
    ...
    tensorref.einsum.EinsumError: ij,jk->ik does not fit: letter j has 3, 4, and the sizes of a letter must be equal or 1.
    """
    explanation = explain(equation, *shapes, names=names, library=library)
    if explanation.result is None:
        raise EinsumError(explanation.refusal(), explanation)
    return explanation.result


def flops(equation: str, *shapes: ShapeLike) -> int:
    """Return the floating-point operations of an equation that is computed in one go.

    >>> from tensorref import einsum
    >>> einsum.flops("ij,jk->ik", (32, 64), (64, 256))
    1048576

    Parameters
    ----------
    equation, *shapes
        As for `result_shape`.

    Returns
    -------
    :
        For each combination of all letters the multiplications, and an addition where something is summed. For two operands
        with a sum that is what `tensorref.matmul.flops` counts. Three or more operands cost less in pairs:
        `numpy.einsum_path` looks for an order.

    Raises
    ------
    EinsumError, TypeError, ValueError
        As for `result_shape`.

    See Also
    --------
    numpy.einsum_path : its "Naive FLOP count" is the same where operands share a letter and something is summed; it finds a cheaper order.
    """
    explanation = explain(equation, *shapes)
    if explanation.flops is None:
        raise EinsumError(explanation.refusal(), explanation)
    return explanation.flops


def explain(
    equation: str,
    *shapes: ShapeLike,
    names: Sequence[str] | None = None,
    library: Literal["numpy", "torch"] = "torch",
) -> Explanation:
    """Explain an equation letter by letter, or all that keeps the shapes from fitting it.

    >>> from tensorref import einsum
    >>> print(einsum.explain("bhqd,bhkd->bhqk", (2, 8, 10, 64), (2, 8, 12, 64), names=["query", "key"]))
    letter      b     h     q       d     k
    query       2     8    10      64     –
    key         2     8     –      64    12
    result      2     8    10       –    12
    verdict  kept  kept  kept  summed  kept
    * The result has shape (2, 8, 10, 12), 1,920 elements.
    * Letters that the output lacks are summed over: d. Every element is a sum of 64 products.
    * 245,760 floating-point operations, if computed in one go.

    Parameters
    ----------
    equation, *shapes, names, library
        As for `result_shape`.

    Returns
    -------
    :
        The explanation as data; ``print`` shows it as a diagram.

    Raises
    ------
    EinsumError
        If the equation cannot be read, or names more or fewer operands than there are shapes.
    TypeError, ValueError
        If an argument is not a shape.

    See Also
    --------
    numpy.einsum : computes it.
    torch.einsum : computes it in PyTorch.

    Examples
    --------
    Shapes that do not fit are explained too:

    >>> print(einsum.explain("bqd,bkd->bqk", (2, 10, 64), (2, 64, 12)))
    letter      b     q         d     k
    a           2    10        64     –
    b           2     –        12    64
    result      2    10         ?    64
    verdict  kept  kept  conflict  kept
    * bqd,bkd->bqk does not fit: letter d has 64, 12, and the sizes of a letter must be equal or 1.
    * NumPy: operands could not be broadcast together with remapped shapes [original->remapped]: (2,10,64)->(2,10,newaxis,64) (2,64,12)->(2,newaxis,64,12)
    * PyTorch: einsum(): subscript d has size 12 for operand 1 which does not broadcast with previously seen size 64
    * einsum('bqd,bdk->bqk', a, b) would give (2, 10, 12).
    """
    given = as_shapes(shapes)
    called = as_operand_names(names, len(given))
    library = as_library(library)
    inputs, output = _read(equation, len(given))
    written = _written(inputs, output)
    uncovered = tuple(
        number
        for number, (shape, subscripts) in enumerate(zip(given, inputs, strict=True))
        if not _covers(subscripts, shape)
    )
    letters = () if uncovered else _letters(given, inputs, output)
    problems = [_uncovered(called[number], given[number], inputs[number]) for number in uncovered]
    problems += [problem for letter in letters for problem in _conflict(letter, called)]
    if library == "numpy" and _sums_dots(letters, output):
        problems.append(WORDS["dots"])
    result = None if problems else tuple(_sized(letters, output))
    summed = [letter for letter in letters if not letter.kept]
    terms = prod(letter.size or 0 for letter in summed)
    if result is None:
        verdict = WORDS["failure"].format(equation=written, problems="; ".join(problems))
    else:
        verdict = WORDS["success"].format(shape=result, elements=prod(result))
    return Explanation(
        equation=written,
        names=called,
        shapes=given,
        letters=letters,
        conflicts=tuple(letter.name for letter in letters if letter.size is None),
        result=result,
        elements=None if result is None else prod(result),
        terms=None if result is None else terms,
        flops=None if result is None else prod(result) * terms * (len(given) - 1 + bool(summed)),
        steps=(
            _opening(written, called, given, inputs),
            *((WORDS["no.sizes"],) * 3 if uncovered else _letter_steps(letters, called, None if problems else terms)),
            verdict,
        ),
        warning=None if result is None else _warning(letters, called),
        messages=_messages(given, inputs, output, letters, uncovered),
        fixes=_fixes(given, inputs, output, called, library) if problems else (),
    )


@dataclass(frozen=True)
class Explanation(ShapeRule):
    """All that an equation does with its operands, or all that keeps them from fitting: what `explain` returns.

    >>> from tensorref import einsum
    >>> explanation = einsum.explain("ij,jk", (2, 3), (3, 4))
    >>> explanation.equation, explanation.result, explanation.terms, explanation.flops
    ('ij,jk->ik', (2, 4), 3, 48)

    Without a result, `result`, `elements`, `terms` and `flops` are None.
    """

    equation: str
    """With its output, and without spaces."""
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    letters: tuple[Letter, ...]
    """In the order in which they come, with an entry for every axis of ``...``; none where an operand has too few or too
    many letters."""
    conflicts: tuple[str, ...]
    """The letters whose sizes do not agree."""
    result: tuple[int, ...] | None
    elements: int | None
    """How many elements the result has."""
    terms: int | None
    """How many products each of them sums up."""
    flops: int | None
    """Floating-point operations (see `flops`)."""
    steps: tuple[str, ...]
    """A sentence for each step, which are equation, sizes, what is kept, what is summed, result."""
    warning: str | None
    """Set where a letter has size 1 in one operand and more in another."""
    messages: Messages | None
    """What the libraries say where one of them refuses."""
    fixes: tuple[Fix, ...]

    _words: ClassVar[Mapping[str, str]] = WORDS

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: letters, operands, result, verdict."""
        labels = (WORDS["letter"], *self.names, WORDS["result"], WORDS["verdict"])
        if self.result is None and not self.letters:
            return tuple(zip(labels, ("?", *map(str, self.shapes), "?", WORDS["conflict"]), strict=True))
        columns = (
            (
                letter.name,
                *(letter.cell(operand) for operand in range(len(self.names))),
                "?" if letter.size is None else str(letter.size) if letter.kept else WORDS["none"],
                WORDS[letter.verdict],
            )
            for letter in self.letters
        )
        return tuple(zip(labels, *columns, strict=True))

    def notes(self) -> tuple[str, ...]:
        """Return the verdict and what follows from it, a sentence each."""
        notes = self._verdict()
        if self.flops is not None:
            notes += [self.steps[-2], WORDS["cost"].format(flops=self.flops)]
        return (*notes, *self.mends())

    def _drawn(self) -> _picture.Drawing:
        """Draw the sizes, a column for each letter: what is summed leaves the result."""
        inputs, _ = _read(self.equation.partition("->")[0], len(self.shapes))
        covered = [_covers(*each) for each in zip(inputs, self.shapes, strict=True)]
        if not all(covered):
            return _picture.boxes(
                [*self.names, WORDS["result"]], [*map(_sizes_alone, self.shapes, covered), [_UNKNOWN]]
            )
        places = _picture.visible(len(self.letters), _MOST_DRAWN)
        rows = [[self._box(place, operand) for place in places] for operand in (*range(len(self.names)), None)]
        heading = ["" if place is None else self.letters[place].name.replace(_DOTS, "…") for place in places]
        return _picture.boxes([*self.names, WORDS["result"]], rows, heading)

    def _box(self, place: int | None, operand: int | None) -> tuple[str, _picture.Mark]:
        if place is None:
            return "…", _picture.EMPTY
        letter = self.letters[place]
        if operand is None:
            if letter.size is None:
                return _UNKNOWN
            return (str(letter.size), _picture.RESULT) if letter.kept else ("", _picture.EMPTY)
        if not letter.sizes[operand]:
            return "", _picture.EMPTY
        mark = _picture.STORED if letter.kept else _picture.READ
        return letter.cell(operand), _picture.CONFLICT if letter.size is None else mark


@dataclass(frozen=True)
class Letter:
    """One letter of an equation, or one of the axes that ``...`` stands for.

    >>> from tensorref import einsum
    >>> einsum.explain("ij,jk->ik", (2, 3), (3, 4)).letters[1]
    Letter(name='j', sizes=((3,), (3,)), size=3, kept=False)
    """

    name: str
    """The letter; ``...-1`` for the last axis of ``...``."""
    sizes: tuple[tuple[int, ...], ...]
    """The sizes in each operand, which are none where it does not stand, and two or more where it takes a diagonal."""
    size: int | None
    """The size that they agree on; None in a conflict."""
    kept: bool
    """Whether the output has it; otherwise it is summed over."""

    @property
    def verdict(self) -> Literal["keep", "sum", "conflict"]:
        """What becomes of it."""
        return "conflict" if self.size is None else "keep" if self.kept else "sum"

    def cell(self, operand: int) -> str:
        """Return what stands in the table for an operand.

        Parameters
        ----------
        operand
            Which one, counted from 0.

        Returns
        -------
        :
            Its size, and what the size becomes.
        """
        given = ", ".join(map(str, self.sizes[operand]))
        repeats = self.size not in (None, *self.sizes[operand])
        return f"{given} → {self.size}" if given and repeats else given or WORDS["none"]


def _read(equation: object, count: int) -> tuple[list[list[str]], list[str]]:
    """Return the subscripts of each operand and of the output, in which ``...`` is one."""
    if not isinstance(equation, str):
        raise TypeError(
            f"equation is {quoted(equation)}, of type {type(equation).__name__}; it is a string: write 'ij,jk->ik'"
        )
    if len(equation) > _LONGEST:
        raise EinsumError(ERRORS["long"].format(count=len(equation), most=_LONGEST))
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = [_subscripts(part, "operand", number) for number, part in enumerate(left.split(","))]
    if len(inputs) != count:
        raise EinsumError(ERRORS["count"].format(operands=left, named=len(inputs), given=count))
    times = Counter(letter for subscripts in inputs for letter in subscripts)
    if not arrow:
        dots = [_DOTS] if _DOTS in times else []
        return inputs, dots + sorted(letter for letter, number in times.items() if number == 1 and letter != _DOTS)
    output = _subscripts(right, "output")
    for letter, number in Counter(output).items():
        key = "twice" if number > 1 else "unknown" if letter not in times and letter != _DOTS else None
        if key:
            raise EinsumError(ERRORS[f"output.{key}"].format(letter=letter, count=number))
    return inputs, output


def _subscripts(text: str, where: str, number: int = 0) -> list[str]:
    before, dots, after = text.partition(_DOTS)
    for letter in before + after:
        if letter not in string.ascii_letters:
            found = f"'{letter}'" if letter.isprintable() else f"U+{ord(letter):04X}"
            kind = "dots" if letter == "." else "letter"
            raise EinsumError(ERRORS[f"{where}.{kind}"].format(number=number, found=found))
    return [*before, *([dots] if dots else []), *after]


def _written(inputs: Sequence[Sequence[str]], output: Sequence[str]) -> str:
    """Return the equation."""
    return f"{','.join(map(''.join, inputs))}->{''.join(output)}"


def _sizes_alone(shape: Sequence[int], covered: bool) -> list[tuple[str, _picture.Mark]]:  # noqa: FBT001
    """Draw sizes that have no letters."""
    mark = _picture.STORED if covered else _picture.CONFLICT
    places = _picture.visible(len(shape), _MOST_DRAWN)
    return [("…", _picture.EMPTY) if place is None else (str(shape[place]), mark) for place in places]


def _covers(subscripts: Sequence[str], shape: Sequence[int]) -> bool:
    return len(subscripts) - 1 <= len(shape) if _DOTS in subscripts else len(subscripts) == len(shape)


def _uncovered(name: str, shape: Sequence[int], subscripts: Sequence[str]) -> str:
    given = len(subscripts) - (_DOTS in subscripts)
    return WORDS["too.few" if given > len(shape) else "too.many"].format(name=name, count=len(shape), given=given)


def _axes(shape: Sequence[int], subscripts: Sequence[str]) -> list[tuple[str, int]]:
    """Return what each axis of an operand is called, with its size; the axes of ``...`` are counted from the right."""
    count = len(shape) - (len(subscripts) - 1)  # of the axes of ``...``
    called = [
        name
        for subscript in subscripts
        for name in ([f"{_DOTS}{axis}" for axis in range(-count, 0)] if subscript == _DOTS else [subscript])
    ]
    return [*zip(called, shape, strict=True)]


def _letters(
    shapes: Sequence[Sequence[int]], inputs: Sequence[Sequence[str]], output: Sequence[str]
) -> tuple[Letter, ...]:
    axes = [_axes(shape, subscripts) for shape, subscripts in zip(shapes, inputs, strict=True)]
    letters: list[Letter] = []
    for name in dict.fromkeys(name for operand in axes for name, _ in operand):
        sizes = tuple(tuple(size for called, size in operand if called == name) for operand in axes)
        diagonals_fit = all(len({*found}) <= 1 for found in sizes)
        size = agreed([size for found in sizes for size in found]) if diagonals_fit else None
        letters.append(Letter(name, sizes, size, _subscript(name) in output))
    return tuple(letters)


def _subscript(name: str) -> str:
    """Return what stands in the equation for a letter, or for an axis of ``...``."""
    return _DOTS if name.startswith(_DOTS) else name


def _sized(letters: Sequence[Letter], output: Sequence[str]) -> list[int]:
    """Return the sizes of the output."""
    of: dict[str, list[int]] = {subscript: [] for subscript in output}
    for letter in sorted(letters, key=_place):
        if letter.kept:
            of[_subscript(letter.name)].append(letter.size or 0)
    return [size for subscript in output for size in of[subscript]]


def _place(letter: Letter) -> int:
    """Return where an axis of ``...`` stands among them, counted from the right."""
    return int(letter.name.removeprefix(_DOTS)) if letter.name.startswith(_DOTS) else 0


def _conflict(letter: Letter, names: Sequence[str]) -> list[str]:
    """Return what is wrong with a letter."""
    if letter.size is not None:
        return []
    twice = [
        WORDS["repeated"].format(name=name, letter=letter.name, sizes=", ".join(map(str, sizes)))
        for name, sizes in zip(names, letter.sizes, strict=True)
        if len({*sizes}) > 1
    ]
    sizes = ", ".join(str(sizes[0]) for sizes in letter.sizes if sizes)
    return twice or [WORDS["sizes.differ"].format(letter=letter.name, sizes=sizes)]


def _sums_dots(letters: Sequence[Letter], output: Sequence[str]) -> bool:
    return _DOTS not in output and any(letter.name.startswith(_DOTS) for letter in letters)


def _letter_steps(letters: Sequence[Letter], names: Sequence[str], terms: int | None) -> tuple[str, str, str]:
    """Say which sizes the letters have, which of them are kept, and which are summed over."""
    sizes = [
        WORDS["wrong" if letter.size is None else "size"].format(
            letter=letter.name,
            size=letter.size,
            sizes=", ".join(letter.cell(operand) for operand in range(len(names)) if letter.sizes[operand]),
        )
        for letter in letters
    ]
    kept = [letter.name for letter in letters if letter.kept]
    summed = [letter.name for letter in letters if not letter.kept]
    products = "" if terms is None else f" {WORDS['terms'].format(terms=terms)}"
    return (
        WORDS["sizes"].format(sizes=_joined(sizes)) if sizes else WORDS["no.letters"],
        WORDS["kept"].format(letters=_joined(kept)) if kept else WORDS["kept.none"],
        WORDS["summed"].format(letters=_joined(summed)) + products if summed else WORDS["nothing"],
    )


def _opening(equation: str, names: Sequence[str], shapes: Sequence[object], inputs: Sequence[Sequence[str]]) -> str:
    """Return which letters each operand has, in words."""
    operands = [
        WORDS["operand" if subscripts else "scalar"].format(name=name, shape=shape, letters=" ".join(subscripts))
        for name, shape, subscripts in zip(names, shapes, inputs, strict=True)
    ]
    return WORDS["equation"].format(equation=equation, operands="; ".join(operands))


def _joined(words: Sequence[str]) -> str:
    """Return words in a row, with the rest counted where they are many."""
    return ", ".join([*words[:_MOST_NAMED], *([f"+ {len(words) - _MOST_NAMED}"] if len(words) > _MOST_NAMED else [])])


def _warning(letters: Sequence[Letter], names: Sequence[str]) -> str | None:
    for letter in letters:
        for name, sizes in zip(names, letter.sizes, strict=True):
            if letter.size != 1 and 1 in sizes and not letter.name.startswith(_DOTS):
                return WORDS["warning"].format(letter=letter.name, name=name, size=letter.size)
    return None


def _messages(
    shapes: Sequence[Sequence[int]],
    inputs: Sequence[Sequence[str]],
    output: Sequence[str],
    letters: Sequence[Letter],
    uncovered: Sequence[int],
) -> Messages | None:
    said = Messages(
        _numpy_message(shapes, inputs, output, letters, uncovered), _torch_message(shapes, inputs, uncovered)
    )
    return said if said.numpy or said.torch else None


def _numpy_message(
    shapes: Sequence[Sequence[int]],
    inputs: Sequence[Sequence[str]],
    output: Sequence[str],
    letters: Sequence[Letter],
    uncovered: Sequence[int],
) -> str | None:
    if uncovered:
        number = uncovered[0]
        if len(inputs[number]) - (_DOTS in inputs[number]) > len(shapes[number]):
            return MESSAGES["numpy.few"].format(number=number)
        return MESSAGES["numpy.many"]
    if _sums_dots(letters, output):
        return MESSAGES["numpy.dots"]
    if not any(letter.size is None for letter in letters):
        return None
    for number, (shape, subscripts) in enumerate(zip(shapes, inputs, strict=True)):
        own: dict[str, int] = {}
        for name, size in _axes(shape, subscripts):
            if own.setdefault(name, size) != size:
                is_view = len(shapes) == 1 and all(_subscript(before) in output for before in own)
                operand = "single operand" if is_view else f"operand {number}"
                return MESSAGES["numpy.twice"].format(operand=operand, name=name, own=own[name], size=size)
    of = {letter.name: letter for letter in letters}
    dots = sorted((letter for letter in letters if letter.name.startswith(_DOTS)), key=_place)
    order = [
        of[name]
        for subscript in output
        for name in ([axis.name for axis in dots] if subscript == _DOTS else [subscript])
    ]
    order += [of[name] for name in sorted(of.keys() - {letter.name for letter in order})]
    remapped: list[str] = []
    for number, shape in enumerate(shapes):
        sizes = [str(letter.sizes[number][0]) if letter.sizes[number] else "newaxis" for letter in order]
        while sizes and sizes[0] == "newaxis":
            del sizes[0]
        given = [str(size) for size in dict(_axes(shape, inputs[number])).values()]  # a diagonal is one axis
        remapped.append(f"{_tuple(given, len(given))}->{_tuple(sizes, len(order))}")
    return MESSAGES["numpy.sizes"].format(remapped=" ".join(remapped))


def _tuple(sizes: Sequence[str], ndim: int) -> str:
    """Return sizes as NumPy writes them: with a comma behind the only one of one axis."""
    return f"({','.join(sizes)}{',' if sizes and ndim == 1 else ''})"


def _torch_message(
    shapes: Sequence[Sequence[int]],
    inputs: Sequence[Sequence[str]],
    uncovered: Sequence[int],
) -> str | None:
    if uncovered:
        number = uncovered[0]
        has_dots = _DOTS in inputs[number]
        message = MESSAGES["torch.count.dots" if has_dots else "torch.count"]
        return message.format(given=len(inputs[number]) - has_dots, count=len(shapes[number]), number=number)
    seen: dict[str, int] = {}
    for number, (shape, subscripts) in enumerate(zip(shapes, inputs, strict=True)):
        own: dict[str, int] = {}
        for name, size in _axes(shape, subscripts):
            before = seen.get(name, 1)
            facts: dict[str, object] = {"name": name, "size": size, "number": number, "before": before}
            if own.setdefault(name, size) != size:
                return MESSAGES["torch.twice"].format(**facts, own=own[name])
            if 1 not in (size, before) and size != before:
                key = "torch.dots" if name.startswith(_DOTS) else "torch.sizes"
                return MESSAGES[key].format(**facts, axis=len(own) - 1)
            seen[name] = size if before == 1 else before
    return None


def _fixes(
    shapes: Sequence[tuple[int, ...]],
    inputs: Sequence[Sequence[str]],
    output: Sequence[str],
    names: Sequence[str],
    library: Literal["numpy", "torch"],
) -> tuple[Fix, ...]:
    """Guess what was meant: an operand's last two letters swapped, or ``...`` for axes that have no letter."""
    guesses: list[tuple[list[list[str]], list[str]]] = []
    for number, subscripts in reversed([*enumerate(inputs)]):
        if len(subscripts) > 1 and _DOTS not in subscripts[-2:]:
            swapped = [*subscripts[:-2], subscripts[-1], subscripts[-2]]
            guesses.append(([swapped if at == number else [*each] for at, each in enumerate(inputs)], [*output]))
    dotted = [
        [*subscripts] if _covers(subscripts, shape) else [_DOTS, *subscripts]
        for subscripts, shape in zip(inputs, shapes, strict=True)
    ]
    guesses.append((dotted, [*output] if _DOTS in output else [_DOTS, *output]))
    found: list[Fix] = []
    for guessed, wanted in guesses:
        if not all(_covers(each, shape) for each, shape in zip(guessed, shapes, strict=True)):
            continue
        letters = _letters(shapes, guessed, wanted)
        if all(letter.size is not None for letter in letters) and not (
            library == "numpy" and _sums_dots(letters, wanted)
        ):
            code = f"einsum({_written(guessed, wanted)!r}, {', '.join(names)})"
            found.append(Fix(code, result=tuple(_sized(letters, wanted))))
    return tuple(found[:3])
