"""What tables on the pages say of NumPy and PyTorch is what NumPy and PyTorch do, cell by cell."""

from __future__ import annotations

import operator
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def rows_of(page, header):
    """Return the rows of the table with a header, by their first cell."""
    text = (REFERENCE / f"{page}.md").read_text("utf-8")
    table = text.partition(f"{header}\n")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
    assert len({first for first, *_ in cells}) == len(cells) > 1
    return {first: rest for first, *rest in cells}


WHICH_INDEX = rows_of(
    "indexing", "| You want | Write | Shape of the result, for `x` of shape `(batch, seq_len, embed_dim)` | Memory |"
)
SIZES = {"batch": 2, "seq_len": 5, "embed_dim": 3}


def tensors(array_of):
    return {
        "x": array_of(np.arange(30.0).reshape(2, 5, 3)),
        "lengths": array_of(np.array([2, 4])),
        "mask": array_of(np.arange(10).reshape(2, 5) % 3 == 0),
        "table": array_of(np.arange(21.0).reshape(7, 3)),
        "ids": array_of(np.arange(10).reshape(2, 5) % 7),
        "log_probs": array_of(np.arange(70.0).reshape(2, 5, 7)),
        "targets": array_of(np.arange(10).reshape(2, 5) % 7),
    }


NAMES = {
    "NumPy": tensors(np.array),
    "PyTorch": tensors(lambda array: torch.tensor(array, device="cpu")),
}


# What is wanted, of lists.
WANTED = {
    "the token at one position": lambda x, **_: [tokens[0] for tokens in x],
    "the last token": lambda x, **_: [tokens[4] for tokens in x],
    "the last token before the padding": lambda x, lengths, **_: [x[0][lengths[0] - 1], x[1][lengths[1] - 1]],
    "all but the last token": lambda x, **_: [tokens[:4] for tokens in x],
    "every second token": lambda x, **_: [[tokens[0], tokens[2], tokens[4]] for tokens in x],
    "the tokens in reverse": lambda x, **_: [list(reversed(tokens)) for tokens in x],
    "a new axis": lambda x, **_: [[tokens] for tokens in x],
    "the tokens that a mask keeps": lambda x, mask, **_: [x[i][j] for i in range(2) for j in range(5) if mask[i][j]],
    "the log-probability of each target": lambda log_probs, targets, **_: [
        [[log_probs[i][j][targets[i][j]]] for j in range(5)] for i in range(2)
    ],
    "the embeddings of token ids": lambda table, ids, **_: [[table[token] for token in tokens] for tokens in ids],
}


@pytest.mark.parametrize("library", NAMES)
@pytest.mark.parametrize("wanted", WHICH_INDEX)
def test_an_index_gives_what_its_row_says(wanted, library):
    write, shape, memory = WHICH_INDEX[wanted]
    codes = re.findall(r"`(.+?)`", write)
    if "in PyTorch" in write:
        numpy, pytorch = codes
    else:
        numpy = pytorch = codes[0]
        if of_shape := re.search(r", (\w+) of shape `(.+)`", write):
            assert NAMES[library][of_shape[1]].shape == eval(of_shape[2], SIZES)  # noqa: S307  the page is ours
    names = NAMES[library]
    result = eval(numpy if library == "NumPy" else pytorch, {"np": np, "torch": torch, **SIZES, **names})  # noqa: S307
    assert result.tolist() == WANTED[wanted](**{name: one.tolist() for name, one in names.items()})
    if of_dtype := re.search(r", with (\w+) (\w+)$", write):
        assert str(names[of_dtype[2]].dtype).removeprefix("torch.") == of_dtype[1]
    kept = int(names["mask"].sum())
    assert tuple(result.shape) == eval(shape.strip("`"), {"kept": kept, **SIZES})  # noqa: S307
    if library == "NumPy":
        view = any(np.shares_memory(result, array) for array in names.values())
        said = memory.partition(",")[0]
    else:
        view = result.untyped_storage().data_ptr() in {one.untyped_storage().data_ptr() for one in names.values()}
        said = memory.rpartition(", in PyTorch a ")[2]
    assert said == ("view" if view else "copy")


def shown(call):
    """Return what a library does in the words of the tables: a dtype or a value, an error, a warning."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result = call()
        except (TypeError, RuntimeError):
            return "an error"
        except OverflowError:
            return "`OverflowError`"
    text = result if isinstance(result, str) else str(result).removeprefix("torch.")
    return f"{text}, with a warning" if warned else text


def cpu(values, dtype=None):
    return torch.tensor(values, dtype=dtype, device="cpu")


def numpy_exp():
    assert np.exp(np.ones(1, "int16")).dtype.itemsize < np.exp(np.ones(1, "int32")).dtype.itemsize
    return f"{np.exp(np.ones(1, 'int64')).dtype}; less for less than 32 bits"


def default(dtype):
    assert dtype == torch.get_default_dtype()
    return f"{dtype}, the default".removeprefix("torch.")


def overlapping(x):
    """Subtract the first column from a matrix in place; it is read while it is written."""
    x -= x[:, 0][:, None]
    return x.tolist()


def numpy_overlap():
    assert overlapping(np.array([[1, 2], [3, 5]])) == [[0, 1], [0, 2]]
    return "copied first"


def torch_overlap():
    assert overlapping(cpu([[1, 2], [3, 5]])) != [[0, 1], [0, 2]]
    x = cpu([1, 2, 3])
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x[1:] += x[:-1]
    return "other numbers, or an error"


LIBRARIES = " | NumPy | PyTorch |"
ROWS = {
    "dtypes": {
        "int64 array + float16 array": (
            lambda: (np.ones(1, "int64") + np.ones(1, "float16")).dtype,
            lambda: (cpu([1]) + cpu([1.0], torch.float16)).dtype,
        ),
        "int64 array + Python float": (
            lambda: (np.ones(1, "int64") + 1.0).dtype,
            lambda: default((cpu([1]) + 1.0).dtype),
        ),
        "float32 array + zero-dimensional float64": (
            lambda: (np.ones(1, "float32") + np.float64(1)).dtype,
            lambda: (cpu([1.0]) + cpu(1.0, torch.float64)).dtype,
        ),
        "uint8 array + 300": (
            lambda: np.ones(1, "uint8") + 300,
            lambda: f"wraps: 300 counts as {(cpu([0], torch.uint8) + 300).item()}",
        ),
    },
    "elementwise": {
        "a list of Python floats": (lambda: np.array([1.0]).dtype, lambda: cpu([1.0]).dtype),
        "`exp` of integers": (numpy_exp, lambda: torch.exp(cpu([1])).dtype),
        "a result out of range": (lambda: np.exp(np.array([1000.0]))[0], lambda: torch.exp(cpu([1000.0])).item()),
        "integers divided by 0 with `//`": (
            lambda: (np.array([1]) // 0)[0],
            lambda: f"{shown(lambda: cpu([1]) // 0)} on the CPU",
        ),
        "an array with a list, `x + [1, 2]`": (
            lambda: "adds" if operator.add(np.array([1, 2]), [1, 2]).tolist() == [2, 4] else "",
            lambda: operator.add(cpu([1, 2]), [1, 2]),
        ),
        "overlap in an update in place": (numpy_overlap, torch_overlap),
    },
}


@pytest.mark.parametrize("page", ROWS)
def test_the_libraries_differ_as_the_table_says(page):
    done = {label: [shown(numpy), shown(pytorch)] for label, (numpy, pytorch) in ROWS[page].items()}
    assert rows_of(page, LIBRARIES) == done
