"""Lets the tests of the built site import the extensions that made it, and what they share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "docs" / "_ext")]
