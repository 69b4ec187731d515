"""The sentences of indexing as templates."""

from __future__ import annotations

from collections.abc import Mapping

from tensorref._words import Templates

WORDS: Mapping[str, str] = Templates(
    {
        "index": "index",
        "kind": "kind",
        "axis": "axis",
        "size": "size",
        "gives": "gives",
        "int": "int",
        "slice": "slice",
        "newaxis": "newaxis",
        "ellipsis": "ellipsis",
        "array": "array",
        "mask": "mask",
        "numpy": "NumPy",
        "torch": "PyTorch",
        "success": "The result has shape {shape}, {elements:,} {elements|element|elements}: {memory}.",
        "view": "a view",
        "copy": "a copy",
        "axis.code": "{code} of {size}",
        "drawn": "{shape}: {memory}",
        "shape": "The source has shape {shape}.",
        "entries": "From the left: {entries}.",
        "entries.none": "The brackets are empty: no axis is touched.",
        "entry": "'{code}' ({kind}) takes {takes}, gives {gives}",
        "entry.takes": "axis {axes} of size {sizes}",
        "entry.gives": "size {sizes}",
        "entry.none": "no axis",
        "entry.wrong": "nothing, as it is wrong",
        "joint.none": "There is no index array.",
        "joint.open": "The index arrays are not placed while something is wrong.",
        "joint.together": "The index arrays broadcast to {joint}, from axis {position} of the result on.",
        "joint.apart": (
            "The index arrays broadcast to {joint}. Something stands between them, so this comes first in the result."
        ),
        "other": "{library} differs: shape {shape}, {memory}.",
        "other.problem": "{library} differs: {problem}",
        "take": "index takes {taken} axes, shape {shape} has {rank}; take {extra} away, or write None for a new axis.",
        "range": "{where} {has} {value}, axis {axis} has size {size}; give an int from {low} to {high}.",
        "range.empty": "{where} {has} {value}, axis {axis} has size 0; no int fits, a slice does.",
        "range.is": "is",
        "range.holds": "holds",
        "mask.shape": (
            "{where} is a mask of shape {mask}, its axes have shape {sizes}; a mask does not broadcast, give it the "
            "sizes of the first axes it selects from."
        ),
        "mask.scalar": "{where} is a truth value of NumPy, which PyTorch does not take; write bool({where}).",
        "mask.counted": (
            "{where} is a mask of shape {mask} that PyTorch counts for one axis, as it is not a tensor; "
            "write torch.as_tensor({where})."
        ),
        "parts": "index has {count:,} entries, the most that is followed is {most}; take the rest away.",
        "arrays": "index has {count} index arrays, counting a mask once for each axis, NumPy takes {most}; take some away.",
        "byteorder": (
            "{where} holds {dtype}, whose bytes stand in an order that PyTorch does not read; write "
            "{where}.astype('{name}')."
        ),
        "dtype": "{where} holds {dtype}, PyTorch indexes with int32 or int64; write {where}.long().",
        "step.zero": "{where} has step 0; a step is not 0, leave it out for 1.",
        "step.negative": (
            "{where} has step {step}, PyTorch takes positive ones; reverse with torch.flip(x, dims=[{axis}]), which "
            "copies, and slice that with step {positive}."
        ),
        "joint.wrong": (
            "the index arrays have shapes {shapes}, which do not broadcast; give all one shape, or, for every "
            "combination, make the first a column: rows[:, None]."
        ),
        "ellipses": "index has {count} ellipses; keep one, which stands for all axes that are not named.",
        "rank": "the result would have {rank} axes, the most in NumPy is {most}; index fewer times with None.",
    }
)

UNREAD = (
    "Position {position}: '{found}' cannot be read as an index; write ints, slices, None, ... or lists of one kind and "
    "length, and close the brackets, as in x[:, [0, 2]]."
)
"""What the parser of an index as text says."""
