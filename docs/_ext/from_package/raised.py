"""What the messages of the catalogue say on this machine, and what their mends give: each code is run, all in one process.

That takes seconds, so what came is kept until the messages, this file or a library change. The process is forked from that of
the build where this can be done: it has imported PyTorch for the pages.
"""

from __future__ import annotations

import ast
import hashlib
import json
import multiprocessing
import os
import platform
import re
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gallery import CAN_FORK
from provenance import record

FILE = Path(__file__).resolve()
MESSAGES = record.ROOT / "tensorref" / "errors" / "messages"
KEPT = record.ROOT / "docs" / "_build" / "errors.json"
_COLORS = re.compile(r"\x1b\[[\d;]*m")
_EMPTY_LINES = re.compile(r"\n{3,}")
_LONGEST, _LARGEST = 60, 10**6
_LIMIT = 120


def digest(folder: Path = MESSAGES) -> str:
    """Return a digest of all that what came can depend on."""
    versions = [platform.python_version(), *map(version, ("numpy", "torch"))]
    return hashlib.sha256(
        " ".join([record.digest(FILE, *sorted(folder.glob("*.toml"))), *versions]).encode()
    ).hexdigest()


def kept() -> dict[str, Any]:
    """Return what came when it was last tried: the facts of the run, and by id the words and what the mends give."""
    found: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return found


def keep() -> None:
    """Try all messages, if what is kept is not of them."""
    if kept().get("digest") == digest():
        return
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.unlink(missing_ok=True)
    process = multiprocessing.get_context("fork" if CAN_FORK else "spawn").Process(target=_try_all, daemon=False)
    process.start()
    process.join(_LIMIT)
    process.kill()  # where it has not ended
    if not KEPT.exists():
        raise RuntimeError(
            "the messages of the catalogue were not tried: python -m pytest tests/test_error_catalogue.py"
        )


def _try_all() -> None:
    import torch

    from tensorref import errors

    nowhere = os.open(os.devnull, os.O_WRONLY)  # libraries say more than they raise
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    torch.set_warn_always(True)
    here = {None} if torch.backends.cuda.is_built() else {None, "a PyTorch without CUDA"}
    entries = errors.entries()
    said = {entry.id: _alone(words, entry.code, entry.type) for entry in entries if entry.needs in here}
    mends = {entry.id: [mend.code and _alone(gives, mend.code) for mend in entry.mends] for entry in entries}
    found = {"digest": digest(), "facts": record.facts(torch.empty(0).device), "said": said, "gives": mends}
    KEPT.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")


def _alone(do: Callable[..., str | None], *arguments: str) -> str | None:
    """Do something with the same random numbers each time, and leave no process group."""
    import torch

    torch.manual_seed(0)
    try:
        return do(*arguments)
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def words(code: str, kind: str) -> str | None:
    """Return the class and the words of the error that code raises, or of the warning of a class that it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always" if kind.endswith("Warning") else "ignore")
        try:
            _run(code)
        except Exception as error:  # noqa: BLE001  which one it is, is shown
            return _shown(error, str(error))
    return next((_shown(one.message, str(one.message)) for one in caught if one.category.__name__ == kind), None)


def gives(code: str) -> str | None:
    """Return what code ends in, in words that are the same in each run, or None where it ends in nothing to show."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = _run(code)
    if isinstance(shape := getattr(value, "shape", None), tuple):
        return f"shape {tuple(map(int, shape))}, {str(value.dtype).removeprefix('torch.')}"
    changes = isinstance(value, int) and abs(value) > _LARGEST  # an address
    written = repr(value)
    return None if value is None or changes or len(written) > _LONGEST or " at 0x" in written else written


def _run(code: str) -> Any:
    """Run statements as a script, and return the value of the last one, where that is an expression."""
    import numpy as np
    import torch

    names: dict[str, Any] = {"__name__": "example", "np": np, "torch": torch}
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "example", "exec"), names)  # noqa: S102  it is ours
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "example", "eval"), names)  # noqa: S307  it is ours


def _shown(error: object, text: str) -> str:
    """Return a message as it is printed, without colors and with one empty line for several."""
    lines: Iterator[str] = (line.rstrip() for line in _COLORS.sub("", text).splitlines())
    told = _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()
    return f"{type(error).__name__}: {told}"
