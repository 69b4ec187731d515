"""The command line: ``python -m tensorref`` shows what there is, and loads nothing but that."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import re
import sys
import textwrap
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tensorref._arguments import quoted
from tensorref._libraries import MissingLibraryError

if TYPE_CHECKING:
    from tensorref._explanation import Diagram, Illustrated

COLORS = ("cyan", "magenta", "yellow", "green")
REFUSED = ("?", "conflict", "refused", "raises")  # the words of the tables for what does not work
_NAME = re.compile("[a-z0-9]+(?:-[a-z0-9]+)+")  # of a message
_PROSE = re.compile("[A-Za-z']{2,} [A-Za-z']{2,}")  # which no expression has
INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 and the number of the signal, as a shell has it

OVERVIEW = """\
tensorref, a reference of tensors for people who build language models

How the other library writes something, and what is a view:

$ python -m tensorref translate unsqueeze
expand-dims                       code  memory         in place
NumPy        np.expand_dims(x, axis=1)    view                -
PyTorch                 x.unsqueeze(1)    view  x.unsqueeze_(1)
* Insert an axis of size 1; also torch.unsqueeze.
* With
    x = np.sin(np.arange(24, dtype=np.float32)).reshape(2, 3, 4)

What an operation makes of shapes:

$ python -m tensorref explain "(4, 3) @ (3, 2)"
axis      row  sum  column
a           4    3       –
b           –    3       2
result      4    –       2
verdict  kept  sum    kept
* The result has shape (4, 2), 8 elements.
* 48 floating-point operations on 104 bytes, 0.5 a byte.

It explains an index, a view and dtypes too: `python -m tensorref explain "(4, 5, 6)[:, [0, 2], None]"`,
`python -m tensorref explain "(3, 4).T.view(12)"` and `python -m tensorref explain "int64 + float16"`. It explains error
messages as well: `python -m tensorref explain "too many indices for tensor of dimension 1"`. With `-` in place of the
text it reads what another program prints: python train.py 2>&1 | python -m tensorref explain -

Exercises that check an answer, with hints:

$ python -m tensorref exercises silu --hint 1
sigmoid(x) is 1 / (1 + exp(-x)).

`python -m tensorref exercises` lists them. What a model takes, of the sizes in its config.json or written out:
`python -m tensorref budget n_layer=12 n_head=12 n_embd=768 n_positions=1024 vocab_size=50257 --seq-len 1024`.
`python -m tensorref bench --quick` measures this machine, and
`python -m tensorref --help` has all commands.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command, or show what there is where none is given; return the status."""
    parser = argparse.ArgumentParser(prog="python -m tensorref", description="A reference of tensors.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (_add_bench, _add_budget, _add_exercises, _add_explain, _add_translate):
        add(commands)
    try:
        try:
            options = parser.parse_args(arguments)
            if hasattr(options, "run"):
                status: int = options.run(options)
                return status
            sys.stdout.write(OVERVIEW)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # who read the output, such as head, has enough; what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MissingLibraryError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; nothing was written.\n")
        return INTERRUPTED
    return 0


def _add_bench(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        help="measure this machine: matrix products, softmax, dtypes, copies",
        description=(
            "Measure the comparisons of tensorref.benchmark.suite on the CPU and on the accelerator, if there is "
            "one, and print a table. It takes minutes, and nothing else should run meanwhile."
        ),
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="seconds instead of minutes: small matrices, short runs; shows that it works",
    )
    parser.add_argument(
        "--device", type=_device, help="the accelerator to compare with the CPU, such as cuda:1; cpu for none"
    )
    parser.add_argument("--output", type=_output, metavar="FILE.json", help="write the result there too")
    parser.add_argument(
        "--only",
        action="append",
        type=_group,
        metavar="NAME",
        help="a group of comparisons, such as matmul or softmax; may be given again. A wrong name lists them all",
    )
    parser.add_argument(
        "--largest",
        type=_integer(64, 2**20),
        metavar="N",
        help="leave out matrices of more than N rows and columns; at least 64",
    )
    parser.add_argument(
        "--limit",
        type=_limit,
        default=30.0,
        metavar="SECONDS",
        help="leave out a candidate that would take longer; by default 30",
    )
    parser.set_defaults(run=_bench)


def _device(name: str) -> str:
    from tensorref import devices

    try:
        devices.synchronize(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


def _group(name: str) -> str:
    from tensorref import benchmark

    if name not in benchmark.GROUPS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(benchmark.GROUPS)}, got {quoted(name)}")
    return name


def _integer(least: int, most: int) -> Callable[[str], int]:
    """Return what reads an integer of an option, or says which ones there are."""

    def read(number: str) -> int:
        if number.isdecimal() and len(number) <= len(str(most)) and least <= int(number) <= most:
            return int(number)
        raise argparse.ArgumentTypeError(f"must be an integer from {least} to {most}, got {quoted(number)}")

    return read


def _limit(number: str) -> float:
    try:
        seconds = float(number)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"must be a finite number of seconds above 0, such as 30, got {quoted(number)}"
        )
    return seconds


def _output(name: str) -> Path:
    path = Path(name)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{quoted(name)} cannot be written: give a file in a folder that exists")
    return path


def _bench(options: argparse.Namespace) -> int:
    from tensorref import benchmark

    largest, seconds, copy_bytes = (256, 0.01, 2**24) if options.quick else (8192, 0.2, 2**28)
    with _progress() as progress:
        results = benchmark.suite(
            only=options.only or benchmark.GROUPS,
            device=options.device,
            largest=options.largest or largest,
            seconds=seconds,
            limit=options.limit,
            copy_bytes=copy_bytes,
            progress=progress,
        )
    if options.output:
        benchmark.write(results, options.output)
    sys.stdout.write(f"{results}\n")
    return 0


def _add_budget(commands: Any) -> None:
    parser = commands.add_parser(
        "budget",
        help="say what a model takes: parameters, memory of training and generation, operations",
        description=(
            "Say what a model takes: its parameters by part, the bytes of training with AdamW and of generation with a cache, "
            "and the floating-point operations."
        ),
    )
    parser.add_argument(
        "sizes",
        nargs="+",
        metavar="SIZES",
        type=_sizes,
        help="a config.json, and sizes by the names in one, such as num_hidden_layers=32; the later one counts",
    )
    parser.add_argument("--batch", type=_integer(1, 2**40), default=1, metavar="N", help="sequences; by default 1")
    parser.add_argument("--seq-len", type=_integer(1, 2**40), metavar="N", help="tokens of each sequence")
    parser.add_argument(
        "--dtype",
        choices=("bfloat16", "float16", "float32"),
        default="bfloat16",
        help="of weights and activations; by default bfloat16",
    )
    parser.add_argument(
        "--no-master-weights", action="store_true", help="keep the optimizer in the dtype of the weights"
    )
    parser.add_argument("--checkpointing", action="store_true", help="keep the inputs of the layers alone")
    parser.add_argument("--no-fused-attention", action="store_true", help="compute attention by hand")
    parser.add_argument(
        "--memory",
        type=_integer(1, 2**20),
        metavar="GIB",
        help="say what fits on a device of so many GiB; needs --seq-len",
    )
    parser.add_argument("--svg", type=_output, metavar="FILE.svg", help="write the picture there too")
    parser.set_defaults(run=_budget, error=parser.error)


def _sizes(text: str) -> dict[str, Any]:
    """Return the sizes of a file, or the one that is written out."""
    name, is_written, value = text.partition("=")
    if is_written:
        return {name: int(value) if value.isdecimal() else {"true": True, "false": False}.get(value.lower(), value)}
    try:
        found = json.loads(Path(text).read_text("utf-8"))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{quoted(text)} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{quoted(text)} holds no names and sizes; give a config.json")
    return cast("dict[str, Any]", found)


def _budget(options: argparse.Namespace) -> int:
    from tensorref import budget

    if options.memory and not options.seq_len:
        options.error("--memory needs --seq-len, on which it depends what fits")
    config = {name: size for sizes in options.sizes for name, size in sizes.items()}
    settings = {
        "seq_len": options.seq_len,
        "dtype": options.dtype,
        "master_weights": not options.no_master_weights,
        "checkpointing": options.checkpointing,
        "fused_attention": not options.no_fused_attention,
    }
    try:
        explanation = budget.explain(config, batch=options.batch, **settings)
        memory = (options.memory or 0) * 2**30
        fits = [budget.largest_batch(config, memory, training=each, **settings) for each in (True, False) if memory]
    except (TypeError, ValueError) as error:
        options.error(str(error))
        raise  # which it does not come to
    if options.svg:
        _write(options.svg, explanation)
    _show(explanation)
    if fits:
        sys.stdout.write(
            f"* {options.memory} GiB have room for a batch of {fits[0]:,} in training, {fits[1]:,} in generation.\n"
        )
    return 0


def _add_exercises(commands: Any) -> None:
    parser = commands.add_parser(
        "exercises",
        help="list and show the exercises, which check answers",
        description=(
            "List the exercises of tensorref.exercises by difficulty, or show one as a script to fill in, which checks the "
            "answer when it is run."
        ),
    )
    parser.add_argument("name", nargs="?", metavar="NAME", type=_exercise, help="the one to show; without it, a list")
    parser.add_argument("--concept", type=_concept, metavar="NAME", help="list those of one concept, such as layout")
    parser.add_argument(
        "--difficulty", type=_integer(1, 5), metavar="N", help="list those of one difficulty, from 1 to 5"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--hint", type=_integer(1, 9), metavar="N", help="show hint N of it")
    shown.add_argument("--solution", action="store_true", help="show a solution of it, and what there is to learn")
    parser.set_defaults(run=_exercises, error=parser.error)


def _exercise(name: str) -> str:
    from tensorref import exercises

    try:
        return exercises.get(name).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _concept(name: str) -> str:
    from tensorref import exercises

    if name not in exercises.CONCEPTS:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(exercises.CONCEPTS)}, got {quoted(name)}")
    return name


def _exercises(options: argparse.Namespace) -> int:
    from tensorref import exercises

    if options.name is None:
        if options.solution or options.hint is not None:
            options.error("--hint and --solution need the NAME of an exercise")
        listed = [exercises.get(name) for name in exercises.names(options.concept, difficulty=options.difficulty)]
        width = max((len(exercise.name) for exercise in listed), default=0)
        for exercise in listed:
            sys.stdout.write(f"{exercise.difficulty}  {exercise.name:{width}}  {', '.join(exercise.concepts)}\n")
        return 0
    if options.concept or options.difficulty:
        options.error("--concept and --difficulty choose what is listed; leave them out to show one exercise")
    exercise = exercises.get(options.name)
    if options.hint is not None:
        if options.hint > len(exercise.hints):
            options.error(
                f"argument --hint: {options.hint} is not from 1 to {len(exercise.hints)}, as many as there are"
            )
        sys.stdout.write(f"{exercise.hints[options.hint - 1]}\n")
    elif options.solution:
        sys.stdout.write(f"{exercise.solution}\n\n{_comment(exercise.learns)}\n")
    else:
        heading, task, _ = str(exercise).split("\n", 2)
        sys.stdout.write(f"{_comment(heading)}\n{_comment(task)}\n\n{exercise.starter}\n")
    return 0


def _comment(text: str) -> str:
    """Return a text as comments of a script, so that what is shown can be run."""
    return textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _add_explain(commands: Any) -> None:
    parser = commands.add_parser(
        "explain",
        help="explain an error message, or an expression: what it makes of shapes or dtypes, or why it fails",
        description=(
            "Explain an error message of NumPy or PyTorch, or a traceback that holds one. Or explain an expression over shapes "
            "or dtypes, as it is written in code: broadcasting, a matrix product, an index, operations of a tensor, or dtypes "
            "that meet. Quote it, so that the shell leaves it as it is."
        ),
    )
    parser.add_argument(
        "text",
        metavar="TEXT",
        help=(
            "a message, the name of one such as mat1-mat2-shapes, - for what another program prints, or an expression such as "
            '"(8, 1) + (8,)", "(2, 3) @ (3, 4)", "x[:, [0, 2], None]", "(3, 4).T.view(12)" or "int64 + float16"'
        ),
    )
    parser.add_argument("--shape", type=_shape, help="the shape of a name in TEXT, such as 4,5,6")
    parser.add_argument("--library", choices=("numpy", "torch"), help="whose rule an index follows; by default numpy")
    parser.add_argument("--svg", type=_output, metavar="FILE.svg", help="write the picture there too")
    parser.set_defaults(run=_explain, error=parser.error)


def _shape(text: str) -> tuple[int, ...]:
    from tensorref.sphinxext.shapes import ShapeTextError, parse_shape

    try:
        return parse_shape(text)
    except ShapeTextError as error:
        raise argparse.ArgumentTypeError(f"{quoted(text)}: {error}") from None


def _explain(options: argparse.Namespace) -> int:
    from tensorref import errors
    from tensorref.errors._catalogue import SITE

    is_piped, is_expression = options.text == "-", options.shape is not None or options.library is not None
    if is_piped and is_expression:
        options.error("--shape and --library are for an expression; leave them out where - reads a message")
    text = _piped() if is_piped else options.text
    explanation = None if is_expression else errors.explain(_words_of(text))
    if explanation is None and not is_piped:
        explanation = _of_expression(text, options, has_words=not is_expression and bool(_PROSE.search(text)))
    if explanation is None:
        sys.stderr.write(f"No message that is known stands in this text; {SITE}errors/index.html has all that are.\n")
        return 1
    if options.svg:
        _write(options.svg, explanation)
    _show(explanation)
    return 0


def _of_expression(text: str, options: argparse.Namespace, *, has_words: bool) -> Any:
    """Return the explanation of an expression, None where words can be none, or end with what is wrong with it."""
    from tensorref._expression import explain

    try:
        return explain(text, options.shape, options.library)
    except (TypeError, ValueError) as error:
        if not has_words:
            options.error(f"argument TEXT: {_wrong(text, error)}")
        return None


def _wrong(text: str, error: Exception) -> str:
    """Return what is wrong with a text that is no expression: it can be the name of a message that there is not."""
    from tensorref import errors

    if _NAME.fullmatch(text):
        try:
            errors.get(text)
        except errors.UnknownEntryError as unknown:
            return str(unknown)
        except ValueError:  # it is longer than any name
            pass
    return f"{quoted(text)}: {error}"


def _piped() -> str:
    """Return what another program prints; of a long text the beginning and the end."""
    from tensorref.errors._matching import FIRST, LAST

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    text, end = sys.stdin.read(FIRST), ""
    while part := sys.stdin.read(LAST):
        end = (end + part)[-LAST:]
    return text + end


def _words_of(text: str) -> str:
    """Return the words of the message with this name, or the text itself."""
    from tensorref.errors._catalogue import by_id

    known = by_id()
    return known[text].text() if text in known else text


def _write(file: Path, explanation: Illustrated) -> None:
    # A gray that is read on a white and on a black ground, because a file cannot know on which it will be.
    file.write_text(explanation.svg().replace("<svg ", '<svg color="#6e7781" ', 1), "utf-8")


def _show(explanation: Diagram) -> None:
    if not _colored(explanation):
        sys.stdout.write(f"{explanation}\n")


def _colored(explanation: Diagram) -> bool:
    """Print an explanation with a color for each column, and tell whether this is a terminal where rich does so."""
    if not sys.stdout.isatty():
        return False
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return False
    from tensorref._explanation import aligned

    lines: list[Text] = []
    for row in aligned(explanation.table()):
        cells: list[Text] = []
        for place, cell in enumerate(row):
            color = COLORS[place % len(COLORS)] if place else "default"
            style = "bold red" if cell.strip() in REFUSED else color if lines else f"bold {color}"
            cells.append(Text(cell, style))
        line = Text("  ").join(cells)
        line.rstrip()
        lines.append(line)
    text = Text("\n").join([*lines, *(Text(f"* {note}") for note in explanation.notes())])
    Console(file=sys.stdout, highlight=False).print(text, soft_wrap=True)
    return True


def _add_translate(commands: Any) -> None:
    parser = commands.add_parser(
        "translate",
        help="say how NumPy or PyTorch writes what the other one does, and what is a view",
        description="Print the rows of the dictionary that have a name, as tensorref.interop.translate does.",
    )
    parser.add_argument(
        "name", help="a function, a method or a keyword of either, such as np.concatenate, unsqueeze or keepdims"
    )
    parser.set_defaults(run=_translate)


def _translate(options: argparse.Namespace) -> int:
    from tensorref._dictionary import UnknownNameError, translate

    try:
        translation = translate(options.name)
    except UnknownNameError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{translation}\n")
    return 0


@contextmanager
def _progress() -> Generator[Callable[[int, int, str], None]]:
    """Give what shows how far a run is: a bar on a terminal, a line a step elsewhere or without rich."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        sys.stderr.write("A line a step: a progress bar needs rich, python -m pip install rich.\n")
        yield _line
        return
    if not sys.stderr.isatty():
        yield _line
        return
    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        line = bar.add_task("")
        yield lambda done, total, words: bar.update(line, completed=done, total=total, description=words, refresh=True)


def _line(done: int, total: int, words: str) -> None:
    sys.stderr.write(f"[{done}/{total}] {words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a ? is better than an error where a terminal has no × or →
    sys.exit(main())
