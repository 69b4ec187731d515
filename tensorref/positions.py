"""Attention does not see in which order the tokens stand, so a model has to be told their positions.

Rotary embedding turns pairs of features by an angle that grows with the position. Two layouts differ in which features are
a pair. With the weights of one and the code of the other, a model writes nonsense, and no error is raised.

>>> from tensorref import positions
>>> print(positions.explain(8))
pair  halves  pairs  radians a position  positions a turn
0        0 4    0 1                   1                 6
1        1 5    2 3                 0.1                63
2        2 6    4 5                0.01               628
3        3 7    6 7               0.001             6,283
* In the layout halves, as in Hugging Face's Llama, pair i is features i and i + 4.
* In the layout pairs, as in Meta's Llama, pair i is features 2i and 2i + 1.
* From pairs to halves: x[..., [0, 2, 4, 6, 1, 3, 5, 7]]; back: x[..., [0, 4, 1, 5, 2, 6, 3, 7]].
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tensorref import _picture
from tensorref._arguments import as_choice, as_int, as_number, attribute
from tensorref._explanation import Illustrated
from tensorref._operands import cast, check_fractions, check_operands, is_tensor, library_of, widened
from tensorref._shape import joined
from tensorref._typing import ArrayT, Number, jaxtyping

__all__ = [
    "Pair",
    "Pairing",
    "angles",
    "convert",
    "explain",
    "frequencies",
    "layout_of",
    "permutation",
    "rotate",
]

Layout: TypeAlias = Literal["halves", "pairs"]
_LAYOUTS: tuple[Layout, ...] = ("halves", "pairs")
_MODELS = {"halves": "Hugging Face's Llama", "pairs": "Meta's Llama"}


def rotate(
    x: jaxtyping.Float[ArrayT, "*batch seq_len head_dim"],
    positions: jaxtyping.Integer[ArrayT, "..."] | None = None,
    *,
    layout: Layout = "halves",
    base: Number = 10000.0,
    factor: Number = 1.0,
) -> jaxtyping.Float[ArrayT, "*batch seq_len head_dim"]:
    """Turn each pair of features by the angle of its position: rotary embedding, RoPE.

    >>> import torch
    >>> from tensorref import positions
    >>> x = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    >>> positions.rotate(x)
    tensor([[1.0000, 0.0000, 0.0000, 0.0000],
            [0.5403, 0.0000, 0.8415, 0.0000]])
    >>> positions.rotate(x, layout="pairs")
    tensor([[1.0000, 0.0000, 0.0000, 0.0000],
            [0.5403, 0.8415, 0.0000, 0.0000]])

    Queries and keys are turned, and values are not. A score then depends only on how far the two tokens stand apart.

    Parameters
    ----------
    x
        Queries or keys. The axis before the last one is that of the tokens, so split the heads and transpose first.
    positions
        The position of each token, 0 to ``seq_len - 1`` by default. With a cache the new token stands after those that are
        kept: ``torch.tensor([length])``. The shape broadcasts to that of `x` without `head_dim`: for positions of shape
        ``(batch, seq_len)`` and `x` with heads, give ``positions[:, None]``.
    layout
        ``"halves"``: feature i and feature i + head_dim / 2 are a pair. ``"pairs"``: features 2i and 2i + 1 are.
    base
        What the frequencies are powers of. Configurations call it ``rope_theta``: 500000 in Llama 3.
    factor
        What positions are divided by, for a context that is longer than in training: linear scaling.

    Returns
    -------
    :
        Of the shape and the dtype of `x`, in new memory. Angles are float32, for `x` of float64 float64. float16 and
        bfloat16 are rounded once, at the end.

    Raises
    ------
    ValueError
        If `head_dim` is odd or 0, `positions` do not broadcast to the tokens of `x`, or `layout` is another word.
    TypeError
        If `x` is not floating point, `positions` are not integers, or one is an array and the other a tensor.

    See Also
    --------
    layout_of : tells which layout other code follows.
    convert : brings weights from one layout to the other.
    torch.polar : a complex number of an angle, by which a product turns.

    References
    ----------
    Su et al.: `RoFormer <https://arxiv.org/abs/2104.09864>`__ (2021), equation 34.

    Examples
    --------
    The score of a query at position 7 and a key at position 5 is that at 102 and 100:

    >>> query, key = torch.tensor([[0.5, 1.0, -1.0, 2.0]]), torch.tensor([[1.0, -0.5, 0.5, 1.0]])
    >>> for q, k in ((7, 5), (102, 100), (7, 7)):
    ...     q_turned, k_turned = (positions.rotate(x, torch.tensor([p])) for x, p in ((query, q), (key, k)))
    ...     print(f"{(q_turned * k_turned).sum():.4f}")
    2.6763
    2.6763
    1.5000
    """
    check_fractions(x=x)
    half = _half_of((x.shape or (0,))[-1], f"x has shape {tuple(x.shape)}")
    if len(x.shape) < 2:  # noqa: PLR2004  positions and features
        raise ValueError(f"x has shape {tuple(x.shape)}; it has a vector for each token: write x[None] for one")
    layout, lead = as_choice(layout, "layout", _LAYOUTS), tuple(x.shape[:-1])
    points: Any = widened(x)
    turns = _angles(_places(positions, x), frequencies(2 * half, base=base, factor=factor), points.dtype)
    # One layout is the transpose of the other: (2, head_dim / 2) or (head_dim / 2, 2).
    points = points.reshape(*lead, 2, half).mT if layout == "halves" else points.reshape(*lead, half, 2)
    library = library_of(x)
    (a, b), cos, sin = (points[..., 0], points[..., 1]), library.cos(turns), library.sin(turns)
    turned = library.stack([a * cos - b * sin, a * sin + b * cos], -1)
    result: ArrayT = cast((turned.mT if layout == "halves" else turned).reshape(x.shape), x.dtype)
    return result


def frequencies(head_dim: int, *, base: Number = 10000.0, factor: Number = 1.0) -> tuple[float, ...]:
    """Return by how many radians each pair turns from one position to the next.

    >>> from tensorref import positions
    >>> [round(frequency, 6) for frequency in positions.frequencies(8)]
    [1.0, 0.1, 0.01, 0.001]

    Pair i turns by ``base ** (-2 * i / head_dim) / factor``.

    Parameters
    ----------
    head_dim
        The number of features of a head, twice that of the pairs.
    base, factor
        As for `rotate`.

    Returns
    -------
    :
        A number for each pair, the fastest first.

    Raises
    ------
    TypeError, ValueError
        If `head_dim` is odd, or `base` or `factor` is not a number above 0.

    See Also
    --------
    angles : times the positions.
    numpy.logspace : numbers in such steps, up to a last one.
    torch.logspace : the same in PyTorch.

    Examples
    --------
    A larger base leaves the fastest pair as it is and slows down the slowest. This one, called NTK-aware, makes the slowest
    pair 4 times as slow, as ``factor=4`` does with all:

    >>> slower = positions.frequencies(8, base=10000 * 4 ** (8 / (8 - 2)))
    >>> [round(frequency, 6) for frequency in slower]
    [1.0, 0.062996, 0.003969, 0.00025]
    >>> [round(frequency, 6) for frequency in positions.frequencies(8, factor=4)]
    [0.25, 0.025, 0.0025, 0.00025]
    """
    half = _pairs_of(head_dim)
    numbers = {name: as_number(value, name) for name, value in (("base", base), ("factor", factor))}
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"{name} is {number}; it is a number above 0: write 10000.0 for base, 1.0 for factor")
    return tuple(numbers["base"] ** (-pair / half) / numbers["factor"] for pair in range(half))


def angles(
    positions: jaxtyping.Integer[ArrayT, "*batch"], head_dim: int, *, base: Number = 10000.0, factor: Number = 1.0
) -> jaxtyping.Float[ArrayT, "*batch pairs"]:
    """Return the angle of each pair at each position, the table whose cosine and sine a model keeps.

    >>> import torch
    >>> from tensorref import positions
    >>> positions.angles(torch.arange(3), head_dim=4, base=100.0)
    tensor([[0.0000, 0.0000],
            [1.0000, 0.1000],
            [2.0000, 0.2000]])

    Parameters
    ----------
    positions
        Positions of tokens, of any shape.
    head_dim, base, factor
        As for `frequencies`.

    Returns
    -------
    :
        ``positions`` times the frequencies, in radians, of float32, with an axis of ``head_dim / 2`` pairs at the end.

    Raises
    ------
    TypeError, ValueError
        If `positions` are not integers, or as `frequencies` does.

    See Also
    --------
    numpy.outer : the product of each position and each frequency.
    torch.outer : the same in PyTorch.

    Examples
    --------
    bfloat16 has no 257. Angles in bfloat16 give two tokens one position:

    >>> torch.arange(255, 260).bfloat16().tolist()
    [255.0, 256.0, 256.0, 258.0, 260.0]
    """
    check_operands(positions=positions)
    _check_integers(positions)
    turns = frequencies(head_dim, base=base, factor=factor)
    result: ArrayT = _angles(positions, turns, library_of(positions).float32)
    return result


def permutation(head_dim: int, layout: Layout = "halves") -> list[int]:
    """Return the index that brings the features of a head to a layout from the other one.

    >>> from tensorref import positions
    >>> positions.permutation(8)
    [0, 2, 4, 6, 1, 3, 5, 7]
    >>> positions.permutation(8, "pairs")
    [0, 4, 1, 5, 2, 6, 3, 7]

    ``x[..., positions.permutation(8)]`` has the layout halves if `x` has the layout pairs.

    Parameters
    ----------
    head_dim
        The number of features of a head.
    layout
        The layout of the result, as for `rotate`.

    Returns
    -------
    :
        A place for each feature. The two permutations undo each other.

    Raises
    ------
    TypeError, ValueError
        If `head_dim` is odd, or `layout` is another word.

    See Also
    --------
    convert : applies it to the weights of all heads.
    numpy.take : takes features by such an index.
    torch.index_select : the same in PyTorch.
    """
    half = _pairs_of(head_dim)
    if as_choice(layout, "layout", _LAYOUTS) == "halves":
        return [*range(0, 2 * half, 2), *range(1, 2 * half, 2)]
    return [feature for pair in range(half) for feature in (pair, pair + half)]


def convert(
    weight: jaxtyping.Num[ArrayT, "features ..."], num_heads: int, *, layout: Layout = "halves"
) -> jaxtyping.Num[ArrayT, "features ..."]:
    """Reorder the rows of a projection to queries or keys, from one layout to the other.

    >>> import torch
    >>> from tensorref import positions
    >>> weight = torch.arange(8)[:, None] * torch.ones(3, dtype=torch.int64)
    >>> positions.convert(weight, num_heads=2)[:, 0]
    tensor([0, 2, 1, 3, 4, 6, 5, 7])

    Scores do not change if both projections are reordered and both are turned in the other layout. Values and the output
    keep their order.

    Parameters
    ----------
    weight
        The weight of a ``torch.nn.Linear``, ``(num_heads * head_dim, in_features)``, or its bias. Where heads share keys,
        that of the keys has fewer heads.
    num_heads
        How many heads `weight` has.
    layout
        The layout of the result, as for `rotate`: `weight` has the other one.

    Returns
    -------
    :
        Of the shape and the dtype of `weight`, in new memory.

    Raises
    ------
    TypeError, ValueError
        If `num_heads` does not divide the first size into heads of even size, or `layout` is another word.

    See Also
    --------
    permutation : the order of the features of one head.
    numpy.take : takes rows by an index.
    torch.index_select : the same in PyTorch.
    """
    check_operands(weight=weight)
    count, rows = as_int(num_heads, "num_heads", "a number of heads is"), (weight.shape or (0,))[0]
    if count < 1 or not rows or rows % (2 * count):
        raise ValueError(
            f"num_heads is {count}, weight has shape {tuple(weight.shape)}; its first size is num_heads times an even "
            "head_dim: give the heads of this projection, weight.mT where it is the second size"
        )
    heads: Any = weight.reshape(count, rows // count, *weight.shape[1:])
    result: ArrayT = heads[:, permutation(rows // count, layout)].reshape(weight.shape)
    return result


def layout_of(
    rotated: jaxtyping.Float[ArrayT, "*batch seq_len head_dim"],
    x: jaxtyping.Float[ArrayT, "*batch seq_len head_dim"],
    positions: jaxtyping.Integer[ArrayT, "..."] | None = None,
    *,
    base: Number = 10000.0,
    factor: Number = 1.0,
) -> Layout:
    """Tell in which layout other code has turned vectors.

    >>> import torch
    >>> from tensorref import positions
    >>> _ = torch.manual_seed(0)
    >>> x, turns = torch.randn(5, 8), positions.angles(torch.arange(5), head_dim=8)
    >>> turned = torch.view_as_complex(x.reshape(5, 4, 2)) * torch.polar(torch.ones(5, 4), turns)
    >>> positions.layout_of(torch.view_as_real(turned).flatten(-2), x)
    'pairs'

    Parameters
    ----------
    rotated
        What the other code made of `x`.
    x, positions, base, factor
        What `rotate` takes, and what the other code was given. Random vectors of a few positions are enough.

    Returns
    -------
    :
        ``"halves"`` or ``"pairs"``: the only one in which `rotate` gives `rotated` but for rounding.

    Raises
    ------
    ValueError
        If neither layout gives `rotated`, so that another base or other positions were used. If both do, as of positions
        that are all 0. If the two shapes differ.
    TypeError
        As `rotate` does, or if one of them has no values.

    See Also
    --------
    rotate : turns in either layout.
    numpy.allclose : compares but for rounding.
    torch.allclose : the same in PyTorch.
    """
    check_fractions(rotated=rotated, x=x)
    if rotated.shape != x.shape:
        raise ValueError(
            f"rotated has shape {tuple(rotated.shape)}, x has shape {tuple(x.shape)}; give what the code made of this x"
        )
    for name, given in (("rotated", rotated), ("x", x), ("positions", positions)):
        if attribute(given, "is_meta") is True:
            raise TypeError(f"{name} is on meta and has no values; give one that has, such as one on the CPU")
    library = library_of(x)
    wide: Any = cast(x, library.float64)
    largest = float(library.abs(wide).max()) if 0 not in x.shape else 0.0
    farthest = float(abs(_places(positions, x)).max()) if 0 not in x.shape else 0.0
    # Cosine and sine rounded as x is, the sum of two products, and angles that are off by the rounding of float32.
    allowed = largest * (8 * float(library.finfo(rotated.dtype).eps) + 4 * farthest * _STEP)
    off: dict[Layout, float] = {
        layout: float(
            library.abs(
                cast(rotated, library.float64) - rotate(wide, positions, layout=layout, base=base, factor=factor)
            ).max()
        )
        if 0 not in x.shape
        else 0.0
        for layout in _LAYOUTS
    }
    found: list[Layout] = [layout for layout in _LAYOUTS if off[layout] <= allowed]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            "rotated is x turned in both layouts, which differ where positions are not 0 and head_dim is more than 2; give "
            "random x at positions 0 to 7"
        )
    raise ValueError(
        f"rotated is x turned in neither layout: it is off by up to {off['halves']:.2g} in halves and {off['pairs']:.2g} in "
        f"pairs; give the base ({base:g} here), the factor and the positions that were used"
    )


def explain(head_dim: int, *, base: Number = 10000.0, factor: Number = 1.0) -> Pairing:
    """Tell which features are a pair in each layout, and how fast each pair turns.

    >>> from tensorref import positions
    >>> print(positions.explain(4, base=500000.0))
    pair  halves  pairs  radians a position  positions a turn
    0        0 2    0 1                   1                 6
    1        1 3    2 3             0.00141             4,443
    * In the layout halves, as in Hugging Face's Llama, pair i is features i and i + 2.
    * In the layout pairs, as in Meta's Llama, pair i is features 2i and 2i + 1.
    * From pairs to halves: x[..., [0, 2, 1, 3]]; back: x[..., [0, 2, 1, 3]].

    Parameters
    ----------
    head_dim
        The number of features of a head.
    base, factor
        As for `rotate`.

    Returns
    -------
    :
        The facts as data; ``print`` shows them as a table, and a notebook a picture above it.

    Raises
    ------
    TypeError, ValueError
        As `frequencies` does.

    See Also
    --------
    rotate : turns the pairs.
    """
    turns = frequencies(head_dim, base=base, factor=factor)
    half = len(turns)
    pairs = tuple(Pair(i, (i, i + half), (2 * i, 2 * i + 1), turn) for i, turn in enumerate(turns))
    return Pairing(2 * half, float(base), float(factor), pairs)


@dataclass(frozen=True)
class Pair:
    """Two features that are turned together, in each layout.

    >>> from tensorref import positions
    >>> positions.explain(8).pairs[1]
    Pair(index=1, halves=(1, 5), pairs=(2, 3), frequency=0.1)
    """

    index: int
    halves: tuple[int, int]
    """The features in the layout halves."""
    pairs: tuple[int, int]
    """The features in the layout pairs."""
    frequency: float
    """By how many radians it turns from one position to the next."""


@dataclass(frozen=True)
class Pairing(Illustrated):
    """Which features are a pair in each layout: what `explain` returns.

    >>> from tensorref import positions
    >>> [pair.halves for pair in positions.explain(4).pairs]
    [(0, 2), (1, 3)]
    """

    head_dim: int
    base: float
    factor: float
    pairs: tuple[Pair, ...]

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a pair each, of many the first ones and the last."""
        rows = [
            ("…", "", "", "", "")
            if place is None
            else (
                str(place),
                " ".join(map(str, self.pairs[place].halves)),
                " ".join(map(str, self.pairs[place].pairs)),
                f"{self.pairs[place].frequency:.3g}",
                f"{2 * math.pi / self.pairs[place].frequency:,.0f}",
            )
            for place in _picture.visible(len(self.pairs), _ROWS)
        ]
        return (("pair", "halves", "pairs", "radians a position", "positions a turn"), *rows)

    def notes(self) -> tuple[str, ...]:
        """Return which features are a pair, a sentence for each layout, and how to get from one to the other."""
        orders = [
            str(permutation(self.head_dim, layout))
            if self.head_dim <= _WRITTEN
            else f"positions.permutation({self.head_dim}, {layout!r})"
            for layout in _LAYOUTS
        ]
        return (
            f"In the layout halves, as in {_MODELS['halves']}, pair i is features i and i + {self.head_dim // 2}.",
            f"In the layout pairs, as in {_MODELS['pairs']}, pair i is features 2i and 2i + 1.",
            f"From pairs to halves: x[..., {orders[0]}]; back: x[..., {orders[1]}].",
        )

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        return f"rotary pairs of {self.head_dim} features", " ".join(self.notes())

    def _drawn(self) -> _picture.Drawing:
        """Draw the features of a head in each layout, with an arc between the two of a pair."""
        shown = _picture.visible(len(self.pairs), _ARCS)
        drawings: list[_picture.Drawing] = []
        for layout in _LAYOUTS:
            places = (
                [(pair, end) for end in (0, 1) for pair in shown]
                if layout == "halves"
                else [(pair, end) for pair in shown for end in ((0, 1) if pair is not None else (0,))]
            )
            drawings.append(self._row(layout, places))
        return _picture.stacked(drawings)

    def _row(self, layout: str, places: list[tuple[int | None, int]]) -> _picture.Drawing:
        drawing, seen = _picture.Drawing(), dict[int, int]()
        wide = max(_picture.CELL, _picture.width_of(str(self.head_dim - 1)) + 6)
        for column, (place, end) in enumerate(places):
            x, middle = column * wide, column * wide + wide // 2
            if place is None:
                drawing.text((middle, _picture.CELL // 2), "…", faded=True)
                continue
            features = getattr(self.pairs[place], layout)
            mark = _picture.Mark(place % 4, 30 if place % 4 else 8, _DASHES[place % 4])
            drawing.box((x, 0), (wide, _picture.CELL), mark, str(features[end]))
            start = seen.setdefault(place, middle)
            if start != middle:
                low, drop = _picture.CELL + 2, min(_DROP, middle - start)
                ends = [(start, low), (middle, low + drop // 2)]
                drawing.line(
                    f"M{start} {low}Q{(start + middle) // 2} {low + drop} {middle} {low}", ends, mark.hue, mark.dash
                )
                drawing.text(((start + middle) // 2, low + drop // 2 + 11), str(place), faded=True)
        drawing.text((-_picture.GAP, _picture.CELL + 22), "pair", "end", faded=True)
        drawing.heading(f"{layout}: {_MODELS[layout]}", len(places) * wide // 2)
        return drawing


_STEP = 2.0**-23  # of float32 at 1
_MOST = 2**16  # features of a head
_ROWS = 8  # of the table
_WRITTEN = 16  # features, up to which a permutation is written out
_ARCS = 4
_DROP = 44  # of the arcs
_DASHES = ("", *_picture.DASHES)


def _half_of(head_dim: int, says: str) -> int:
    """Return the number of pairs, or raise an error that begins with what was given."""
    if not 0 < head_dim <= _MOST or head_dim % 2:
        raise ValueError(f"{says}; features are turned in pairs: give an even number of them, 2 to {_MOST:,}")
    return head_dim // 2


def _pairs_of(head_dim: Any) -> int:
    """Return the number of pairs of the argument ``head_dim``."""
    size = as_int(head_dim, "head_dim", "a size is")
    return _half_of(size, f"head_dim is {size}")


def _check_integers(positions: Any) -> None:
    tensor = is_tensor(positions)
    library = library_of(positions)
    whole = not (positions.is_floating_point() or positions.is_complex()) if tensor else positions.dtype.kind in "iu"
    if not whole or positions.dtype == (library.bool if tensor else None):
        convert = "positions.long()" if tensor else "positions.astype(np.int64)"
        raise TypeError(f"positions has dtype {positions.dtype}; positions are integers: write {convert}")


def _places(positions: Any, x: Any) -> Any:
    """Return the position of each token of `x`, those that are given or 0, 1, 2 and so on."""
    if positions is None:
        length = x.shape[-2]
        return library_of(x).arange(length, **({"device": x.device} if is_tensor(x) else {}))
    check_operands(x=x, positions=positions)
    _check_integers(positions)
    shape, lead = tuple(positions.shape), tuple(x.shape[:-1])
    if joined([shape, lead]) != lead:
        batched = len(shape) == 2 and len(lead) == 3 and joined([(shape[0], 1, shape[1]), lead]) == lead  # noqa: PLR2004
        mend = "write positions[:, None] for the axis of the heads" if batched else "give one for each token"
        raise ValueError(f"positions has shape {shape}, x has shape {tuple(x.shape)}, so tokens {lead}; {mend}")
    return positions


def _angles(positions: Any, turns: tuple[float, ...], dtype: Any) -> Any:
    """Return positions times frequencies in a dtype."""
    if is_tensor(positions):
        return positions.to(dtype)[..., None] * positions.new_tensor(turns, dtype=dtype)
    return positions.astype(dtype)[..., None] * sys.modules["numpy"].array(turns, dtype)
