"""Plant faults in the outputs that the documentation shows, and report those that nobody noticed.

The outputs are found in the text itself: whatever follows a prompt in Python or Markdown, whether pytest collects it or
not. In a copy of the tree each gets one fault, and the examples run there as they always do, except that a docstring
goes on after its first failure. An output is no input, so each fault is noticed, or not, as if it were the only one.
That the examples pass as they stand is for the session ``doctest`` to say.
"""

from __future__ import annotations

import argparse
import doctest
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEFT_BEHIND = shutil.ignore_patterns(".*", "_build", "__pycache__")

# What ends a docstring or a fence would else belong to the output before it.
_CLOSES = re.compile(r'^[ \t]*(?:"""|`{3,}|~{3,}).*$', re.MULTILINE)
# Of an exception doctest compares what follows the traceback.
_TRACEBACK = re.compile(r"( *)Traceback \((?:most recent call last|innermost last)\):\n(?:\1[ \t].*\n)*")
_OF_DOCTEST = re.compile(r"<BLANKLINE>")


@dataclass(frozen=True)
class Output:
    """What an example shows: the file, the line of the example's prompt, the first line of the output, its text."""

    file: str
    prompt: int
    line: int
    text: str


@dataclass(frozen=True)
class Fault:
    """A wrong text in place of an output."""

    output: Output
    kind: str
    text: str

    def __str__(self) -> str:
        """Return where the output stands, as it was, and as nobody noticed it."""
        before, after = self.output.text.splitlines(), self.text.splitlines()
        first, was, planted = next(
            (number, *pair) for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]
        )
        line = self.output.line + first
        return f"{self.output.file}:{line}: nobody noticed a wrong {self.kind}\n  was      {was}\n  planted  {planted}"


def _next_digit(found: re.Match[str]) -> str:
    return str((int(found[0]) + 1) % 10)


def _misspelled(found: re.Match[str]) -> str:
    word = found[0]
    return word[:-1] + chr(ord(word[-1]) + (1 if word[-1] not in "zZ" else -1))


def _another(*names: str) -> Callable[[re.Match[str]], str]:
    return lambda found: names[(names.index(found[0]) + 1) % len(names)]


def _one_more_axis(found: re.Match[str]) -> str:
    return "(1, " + found[0][1:] if found[1] else "(1,)"


DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
ERRORS = ("ValueError", "TypeError", "RuntimeError", "IndexError", "KeyError")

OTHERWISE = "bracket"
"""The kind for an output that admits no other, such as `[]`."""

KINDS: Mapping[str, tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = {
    "digit": (re.compile(r"\d"), _next_digit),
    "word": (re.compile(r"[A-Za-z]{2,}"), _misspelled),
    "truth value": (re.compile(r"\b(?:True|False)\b"), _another("True", "False")),
    "shape": (re.compile(r"\(((?:\d+, )*\d+,?)?\)"), _one_more_axis),
    "sign": (re.compile(r"-(?=\d)|(?<![\w.-])(?=\d)"), lambda found: "" if found[0] else "-"),
    "dtype": (re.compile(rf"\b(?:{'|'.join(DTYPES)})\b"), _another(*DTYPES)),
    "exception": (re.compile(rf"\b(?:{'|'.join(ERRORS)})(?=:)"), _another(*ERRORS)),
    OTHERWISE: (re.compile(r"[\[\](){}]"), _another(*"[](){}")),
}
"""The ways in which an output can be wrong: what is replaced, and by what."""


def find_outputs(root: Path) -> list[Output]:
    """Return every output that follows a prompt in the package and in the Markdown of a tree."""
    files = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("tensorref/**/*.py")]
    found = []
    for file in sorted({*files} - {*root.glob("docs/_build/**/*.md")}):
        text = _CLOSES.sub("", file.read_text("utf-8"))
        lines = text.splitlines(keepends=True)
        for example in doctest.DocTestParser().get_examples(text, str(file)):
            if example.want:
                first = example.lineno + example.source.count("\n")
                shown = "".join(lines[first : first + example.want.count("\n")])
                name = file.relative_to(root).as_posix()
                found.append(Output(name, example.lineno + 1, first + 1, shown))
    return found


def find_faults(output: Output, seed: str) -> list[Fault]:
    """Return a fault of each kind that an output admits, at a place that the seed chooses."""
    choose = random.Random(f"{seed} {output.file} {output.line}")  # noqa: S311  nothing is kept secret
    traceback = _TRACEBACK.search(output.text)
    begin = traceback.end() if traceback else 0
    blank = {place for found in _OF_DOCTEST.finditer(output.text) for place in range(*found.span())}
    faults: list[Fault] = []
    for kind, (pattern, replace) in KINDS.items():
        places = [found for found in pattern.finditer(output.text, begin) if found.start() not in blank]
        if places and not (faults and kind == OTHERWISE):
            place = choose.choice(places)
            text = output.text[: place.start()] + replace(place) + output.text[place.end() :]
            faults.append(Fault(output, kind, text))
    choose.shuffle(faults)
    return faults


def plant(root: Path, faults: Iterable[Fault]) -> None:
    """Write faults into the files of a tree."""
    by_file: dict[str, list[Fault]] = {}
    for fault in faults:
        by_file.setdefault(fault.output.file, []).append(fault)
    for name, of_file in by_file.items():
        file = root / name
        lines = file.read_text("utf-8").splitlines(keepends=True)
        for fault in of_file:
            first = fault.output.line - 1
            new = fault.text.splitlines(keepends=True)
            lines[first : first + len(new)] = new
        file.write_text("".join(lines), "utf-8")


def failing(root: Path, arguments: Iterable[str]) -> set[tuple[str, int]]:
    """Run the examples of a tree with pytest, and return the file and the prompt's line of each that failed."""
    report = root / "failing.json"
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "failing", "--doctest-continue-on-failure", *arguments]
    path = os.pathsep.join([str(root), str(Path(__file__).parent)])
    env = {**os.environ, "PYTHONPATH": path, "FAILING": str(report)}
    run = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if run.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest could not run the examples:\n{run.stdout}{run.stderr}")
    return {(file, line) for file, line in json.loads(report.read_text("utf-8"))}


def survivors(root: Path, faults: Sequence[Fault], arguments: Iterable[str]) -> list[Fault]:
    """Plant faults, one an output, in a copy of a tree, and return those that its examples pass with."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "copy"
        shutil.copytree(root, copy, ignore=LEFT_BEHIND)
        plant(copy, faults)
        failed = failing(copy, arguments)
    if others := failed - {(fault.output.file, fault.output.prompt) for fault in faults}:
        places = ", ".join(f"{file}:{line}" for file, line in sorted(others))
        raise RuntimeError(f"these fail as they are, without a fault; run nox -s 'doctest(cpu)': {places}")
    return [fault for fault in faults if (fault.output.file, fault.output.prompt) not in failed]


def main(root: Path, arguments: Sequence[str]) -> int:
    """Plant, and print what survived; give 1 if something did."""
    parser = argparse.ArgumentParser(prog="nox -s truth --", allow_abbrev=False)
    parser.add_argument("--all", action="store_true", help="plant each kind of fault in each output that admits it")
    today = datetime.now(UTC).date().isoformat()
    parser.add_argument("--seed", default=today, help="chooses kinds and places; by default the date")
    chosen, pytest_arguments = parser.parse_known_args(arguments)

    begin = time.monotonic()
    outputs = find_outputs(root)
    if not outputs:
        raise RuntimeError(f"{root} shows no output; is it the root of the project?")
    planted = [find_faults(output, chosen.seed) for output in outputs]
    rounds = itertools.zip_longest(*planted) if chosen.all else [tuple(faults[0] for faults in planted if faults)]
    tried, survived = 0, []
    for number, faults in enumerate(rounds, 1):
        of_round = [fault for fault in faults if fault]
        survived += survivors(root, of_round, pytest_arguments)
        tried += len(of_round)
        print(f"round {number}: {len(of_round)} faults", flush=True)
    for fault in survived:
        print(fault)
    says_nothing = [output for output, faults in zip(outputs, planted, strict=True) if not faults]
    for output in says_nothing:
        print(f"{output.file}:{output.line}: nothing in this output can be wrong\n  {output.text.strip()}")
    seconds = time.monotonic() - begin
    print(f"seed {chosen.seed}: {tried} faults in {len(outputs)} outputs, {len(survived)} survived; {seconds:.0f} s")
    return 1 if survived or says_nothing else 0


if __name__ == "__main__":
    raise SystemExit(main(ROOT, sys.argv[1:]))
