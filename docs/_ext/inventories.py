"""Links to Python, NumPy and PyTorch that resolve without a network: their inventories stand here as plain text.

``_inventories/NAME.txt`` has the lines of Sphinx's ``objects.inv`` before compression, for the names that these pages
use; ``$`` stands for the name, anywhere in its address. A missing name is one line to add.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

_HEADER_LINES = 4
_SITES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", _compile, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _compile(app: Sphinx, config: Config) -> None:
    folder = Path(app.doctreedir) / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    for name, site in _SITES.items():
        lines = (Path(app.srcdir) / "_inventories" / f"{name}.txt").read_text("utf-8").splitlines(keepends=True)
        entries = "".join(line.replace("$", line.partition(" ")[0]) for line in lines[_HEADER_LINES:])
        compiled = folder / f"{name}.inv"
        compiled.write_bytes("".join(lines[:_HEADER_LINES]).encode() + zlib.compress(entries.encode()))
        config.intersphinx_mapping[name] = (site, str(compiled))
