"""The pages of the built site, parsed once by each worker, and its scripts, run in children of a process with PyTorch loaded."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import warnings
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "_build" / "html"
PAGES = sorted(SITE.rglob("*.html"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@cache
def soup(page):
    return BeautifulSoup(page.read_text("utf-8"), "html.parser")


@cache
def by_id(page):
    """Return the elements of a page that a link can lead to."""
    return {element["id"]: element for element in soup(page).find_all(id=True)}


def page_name(page):
    return page.relative_to(SITE).as_posix()


def printed_by(script, output):
    """Return what a script prints that runs as it is, with warnings as errors, in a process of its own.

    Beside the file for it is one with the names of those of our modules that it has loaded.
    """
    start = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    start.set_forkserver_preload(["torch", "matplotlib.pyplot", "PIL.Image"])
    process = start.Process(target=_run, args=(script, output))
    process.start()
    process.join(300)
    process.kill()  # where it has not ended
    assert process.exitcode == 0, f"{script.name} failed; its error stands above"
    return output.read_text("utf-8")


def _run(script, output):
    import matplotlib as mpl
    import torch

    mpl.use("agg")
    if (device := os.environ.get("TENSORREF_DEVICE", "cpu")) != "cpu":
        torch.set_default_device(device)
    os.chdir(script.parent)
    warnings.simplefilter("error")
    with output.open("w", encoding="utf-8") as file, redirect_stdout(file):
        runpy.run_path(script.name, run_name="__main__")
    ours = [str(module.__file__) for name, module in sys.modules.items() if name.partition(".")[0] == "tensorref"]
    output.with_suffix(".modules").write_text("\n".join(ours), "utf-8")
