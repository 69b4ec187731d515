"""The command line: what it prints and writes, what it refuses, and what it does not load."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tensorref import __main__ as command_line
from tensorref import benchmark, broadcasting, budget, dtypes, errors, exercises, indexing, interop, layout, matmul
from tensorref._expression import explain

ROOT = Path(__file__).resolve().parents[1]

TINY = ("bench", "--quick", "--largest", "64", "--device", "cpu")


def run(*arguments, path=None, code=0):
    """Run the command, with a folder to import from first, and return what it wrote to stdout and stderr."""
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **({"PYTHONPATH": str(path)} if path else {})}
    command = [sys.executable, "-W", "error", "-m", "tensorref", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def without_rich(tmp_path):
    """Return a folder from which rich is imported as where it is not installed."""
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'rich'\", name='rich')\n"
    )
    return tmp_path


def check_examples(text, count):
    """Check that each command prints what stands below it."""
    examples = re.findall(r"^\$ python (.+)\n((?:(?!```).+\n)+)", text, re.MULTILINE)
    assert len(examples) == count
    for command, shown in examples:
        done = subprocess.run(
            [sys.executable, *shlex.split(command)], capture_output=True, encoding="utf-8", check=True
        )
        assert done.stdout == shown


def test_alone_it_shows_commands_and_what_they_print():
    out, err = run()
    assert (out, err) == (command_line.OVERVIEW, "")
    check_examples(out, 3)
    for command in re.findall("`python -m tensorref (.+?)`", out):
        with pytest.raises(SystemExit) as raised:
            command_line.main([*shlex.split(command), "--help"])
        assert raised.value.code == 0
        if command.startswith("explain"):
            assert command_line.main(shlex.split(command)) == 0


def test_the_readme_shows_what_commands_print(tmp_path):
    readme = (ROOT / "README.md").read_text("utf-8")
    check_examples(readme, 3)
    alt, file = re.search(r"!\[(.+)\]\((.+\.svg)\)", readme).groups()
    command = re.search("`python -m tensorref (.+ --svg )picture.svg`", readme)[1]
    run(*shlex.split(command), str(tmp_path / "picture.svg"))
    assert (ROOT / file).read_text("utf-8") == (tmp_path / "picture.svg").read_text("utf-8"), (
        f"python -m tensorref {command}{file} draws it anew"
    )
    explanation = broadcasting.explain((4, 1), (1, 3))
    assert alt == f"{explanation.steps[0]} {explanation.steps[-1]}"


def test_help_lists_the_commands():
    out, err = run("--help")
    assert out.startswith("usage: python -m tensorref [-h] COMMAND ...")
    assert re.search(r"\bbench +measure this machine: matrix products, softmax, dtypes, copies\n", out)
    assert re.search(r"\bexercises\s+list and show the exercises, which check answers\n", out)
    assert err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        "[]",
        "['--help']",
        "['bench', '--help']",
        "['bench', '--largest', '1']",
        "['exercises', '--help']",
        "['budget', '--help']",
        "['budget', 'n_head=2']",
    ],
)
def test_help_and_errors_load_neither_library(arguments):
    program = (
        "import sys\n"
        "from tensorref.__main__ import main\n"
        "try:\n"
        f"    main({arguments})\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted({'numpy', 'torch', 'rich', 'tensorref.benchmark'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_bench_prints_a_table_and_writes_the_same_result(tmp_path):
    file = tmp_path / "results.json"
    out, err = run(*TINY, "--only", "softmax", "--only", "view", "--output", str(file))
    results = benchmark.read(file)
    assert out == f"{results}\n"
    assert [(entry.group, entry.size, entry.device) for entry in results.entries] == [
        ("softmax", 64, "cpu"),
        ("view", 64, "cpu"),
    ]
    assert results.settings == benchmark.Settings(("softmax", "view"), "cpu", 64, 0.01, 30.0, 2**24)
    assert json.loads(file.read_text("utf-8"))["format"] == 1
    steps = ["[0/3] ceiling, cpu, float32", "[1/3] softmax, cpu, n = 64", "[2/3] view, cpu, n = 64", "[3/3] done"]
    assert err.splitlines() == steps  # rich is installed, but this is no terminal
    heading = out.partition("\n")[0].split("  ")
    units = ["median ms", "quartiles", "ratio", "95 % interval", "GFLOP/s", "GB/s", "of ceiling"]
    assert [cell.strip() for cell in heading if cell.strip()][-7:] == units


def test_without_rich_it_says_so_once_and_prints_lines(without_rich):
    out, err = run(*TINY, "--only", "view", path=without_rich)
    assert out.startswith("group")
    assert err.splitlines() == [
        "A line a step: a progress bar needs rich, python -m pip install rich.",
        "[0/2] ceiling, cpu, float32",
        "[1/2] view, cpu, n = 64",
        "[2/2] done",
    ]


def test_on_a_terminal_there_is_a_bar(monkeypatch, capsys):
    for name in ("NO_COLOR", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    assert command_line.main([*TINY, "--only", "view"]) == 0
    shown = terminal.getvalue()
    assert "view, cpu, n = 64" in shown
    assert "━" in shown
    assert "[1/2]" not in shown
    assert capsys.readouterr().out.startswith("group")


WRONG = {
    "only": (
        ["--only", "matmull"],
        "argument --only: must be one of matmul, dtypes, softmax, elementwise, view, broadcasting",
    ),
    "device that is not there": (
        ["--device", "privateuseone"],
        "argument --device: device is 'privateuseone', available are cpu; devices.status() says why",
    ),
    "no device": (["--device", "gpu"], "argument --device: device is 'gpu', which PyTorch does not know; give 'cpu', "),
    "largest": (["--largest", "63"], "argument --largest: must be an integer from 64 to 1048576, got '63'"),
    "no number": (["--largest", "big"], "argument --largest: must be an integer from 64 to 1048576, got 'big'"),
    "limit": (["--limit", "0"], "argument --limit: must be a finite number of seconds above 0, such as 30, got '0'"),
    "no limit": (
        ["--limit", "a minute"],
        "argument --limit: must be a finite number of seconds above 0, such as 30, got 'a minute'",
    ),
    "limit that is no number": (
        ["--limit", "nan"],
        "argument --limit: must be a finite number of seconds above 0, such as 30, got 'nan'",
    ),
    "limit without end": (
        ["--limit", "inf"],
        "argument --limit: must be a finite number of seconds above 0, such as 30, got 'inf'",
    ),
    "limit too large": (["--limit", "1e999"], "argument --limit: must be a finite number of seconds above 0, "),
    "limit below nothing": (
        ["--limit", "-5"],
        "argument --limit: must be a finite number of seconds above 0, such as 30, got '-5'",
    ),
    "largest without end": (
        ["--largest", "inf"],
        "argument --largest: must be an integer from 64 to 1048576, got 'inf'",
    ),
    "largest of many digits": (
        ["--largest", "9" * 5000],
        "argument --largest: must be an integer from 64 to 1048576, got '999999",
    ),
    "largest below nothing": (
        ["--largest", "-64"],
        "argument --largest: must be an integer from 64 to 1048576, got '-64'",
    ),
    "no folder": (
        ["--output", "nowhere/results.json"],
        "argument --output: 'nowhere/results.json' cannot be written: give a file in a folder that exists",
    ),
    "a folder": (["--output", "."], "argument --output: '.' cannot be written: give a file in a folder that exists"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_before_anything_runs(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "suite", None)
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda *_, **__: None)
    with pytest.raises(SystemExit) as raised:
        command_line.main(["bench", *arguments])
    assert raised.value.code == 2
    error = capsys.readouterr().err
    assert f"python -m tensorref bench: error: {words}" in error
    assert len(error.splitlines()[-1]) < 300


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"largest": 8192, "seconds": 0.2, "copy_bytes": 2**28, "limit": 30.0}),
        (["--quick"], {"largest": 256, "seconds": 0.01, "copy_bytes": 2**24}),
        (["--largest", "1024"], {"largest": 1024, "seconds": 0.2, "copy_bytes": 2**28}),
        (["--limit", "7.5"], {"largest": 8192, "seconds": 0.2, "copy_bytes": 2**28, "limit": 7.5}),
    ],
    ids=["whole", "quick", "capped", "patient"],
)
def test_options_reach_the_suite(arguments, expected, monkeypatch, capsys):
    given = {}
    monkeypatch.setattr(benchmark, "suite", lambda **options: given.update(options))
    assert command_line.main(["bench", *arguments]) == 0
    assert {name: given[name] for name in expected} == expected
    assert (given["only"], given["device"]) == (benchmark.GROUPS, None)
    assert capsys.readouterr().out == "None\n"


def test_an_interruption_writes_nothing(monkeypatch, tmp_path, capsys):
    def suite(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "suite", suite)
    assert command_line.main(["bench", "--output", str(tmp_path / "results.json")]) == 130
    assert capsys.readouterr().err.endswith("\nInterrupted; nothing was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_exercises_are_listed_the_easy_ones_first(capsys):
    assert command_line.main(["exercises"]) == 0
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines] == [*exercises.names()]
    for level, name, concepts in lines:
        assert (int(level), concepts) == (exercises.get(name).difficulty, ", ".join(exercises.get(name).concepts))


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--concept", "layout"], exercises.names("layout")),
        (["--difficulty", "5"], exercises.names(difficulty=5)),
        (["--concept", "attention", "--difficulty", "1"], ("attention-output",)),
        (["--concept", "anatomy", "--difficulty", "5"], ()),
    ],
)
def test_a_list_can_be_shortened(arguments, names, capsys):
    assert command_line.main(["exercises", *arguments]) == 0
    assert tuple(line.split()[1] for line in capsys.readouterr().out.splitlines()) == names


@pytest.mark.parametrize("name", ["split-heads", "multi-head-attention"])
def test_an_exercise_is_shown_as_a_script_that_checks_its_answer(name, capsys, tmp_path):
    exercise = exercises.get(name)
    assert command_line.main(["exercises", name]) == 0
    shown = capsys.readouterr().out
    comments, _, script = shown.partition("\n\n")
    words = " ".join(line.removeprefix("# ") for line in comments.splitlines())
    assert words == f"{name} ({', '.join(exercise.concepts)}, difficulty {exercise.difficulty} of 5) {exercise.task}"
    assert max(map(len, comments.splitlines())) <= 100
    assert script == f"{exercise.starter}\n"
    answer = tmp_path / "answer.py"
    answer.write_text(shown, "utf-8")
    runpy.run_path(str(answer))
    assert capsys.readouterr().out.startswith("Not yet. With ")
    *_, check = exercise.starter.splitlines()
    answer.write_text(f"from tensorref import exercises\n{exercise.solution}\n{check}\n", "utf-8")
    runpy.run_path(str(answer))
    assert capsys.readouterr().out == "Right.\n"


def test_hints_and_the_solution_are_shown_when_asked_for(capsys):
    exercise = exercises.get("rotary-embedding")
    for number, hint in enumerate(exercise.hints, 1):
        assert command_line.main(["exercises", exercise.name, "--hint", str(number)]) == 0
        assert capsys.readouterr().out == f"{hint}\n"
    assert command_line.main(["exercises", exercise.name, "--solution"]) == 0
    solution, _, learns = capsys.readouterr().out.rpartition("\n\n")
    assert solution == exercise.solution
    assert " ".join(line.removeprefix("# ") for line in learns.splitlines()) == exercise.learns


WRONG_EXERCISES = {
    "name": (
        ["split-head"],
        "argument NAME: name is 'split-head'; did you mean split-heads? exercises.names() lists all ",
    ),
    "concept": (["--concept", "layot"], "argument --concept: must be one of anatomy, creation, indexing, "),
    "difficulty": (["--difficulty", "6"], "argument --difficulty: must be an integer from 1 to 5, got '6'"),
    "hint": (["silu", "--hint", "2"], "argument --hint: 2 is not from 1 to 1, as many as there are"),
    "hint that is no number": (["silu", "--hint", "one"], "argument --hint: must be an integer from 1 to 9, got 'one'"),
    "hint of many digits": (
        ["silu", "--hint", "9" * 5000],
        "argument --hint: must be an integer from 1 to 9, got '999999",
    ),
    "difficulty that is no number": (
        ["--difficulty", "nan"],
        "argument --difficulty: must be an integer from 1 to 5, got 'nan'",
    ),
    "difficulty below nothing": (
        ["--difficulty", "-1"],
        "argument --difficulty: must be an integer from 1 to 5, got '-1'",
    ),
    "hint of nothing": (["--hint", "1"], "--hint and --solution need the NAME of an exercise"),
    "solution of nothing": (["--solution"], "--hint and --solution need the NAME of an exercise"),
    "one of a list": (["silu", "--concept", "llm"], "--concept and --difficulty choose what is listed; leave them out"),
    "hint and solution": (
        ["silu", "--hint", "1", "--solution"],
        "argument --solution: not allowed with argument --hint",
    ),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG_EXERCISES.values(), ids=WRONG_EXERCISES)
def test_what_is_wrong_with_an_exercise_is_said(arguments, words, capsys):
    with pytest.raises(SystemExit) as raised:
        command_line.main(["exercises", *arguments])
    assert raised.value.code == 2
    assert f"python -m tensorref exercises: error: {words}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "(4, 1) + (3,)"],
        *(
            pytest.param(arguments, marks=pytest.mark.full)
            for arguments in ([], ["--help"], ["exercises"], ["translate", "unsqueeze"], [*TINY, "--only", "view"])
        ),
    ],
)
def test_a_reader_that_has_enough_ends_the_command_quietly(arguments):
    """The output goes into a pipe that is closed at its other end, as that of ``head`` is after its first lines."""
    end, start = os.pipe()
    os.close(end)
    command = [sys.executable, "-m", "tensorref", *arguments]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, env=env, stdout=start, stderr=subprocess.PIPE, text=True, check=False)
    os.close(start)
    assert done.returncode == command_line.BROKEN_PIPE
    assert [line for line in done.stderr.splitlines() if not line.startswith("[")] == []


@pytest.mark.parametrize(
    ("arguments", "encoding"),
    [
        (["explain", "(4, 1) + (3,)"], "cp1252"),
        (["explain", "(4, 1) + (3,)"], "ascii"),
        *(
            pytest.param(arguments, encoding, marks=pytest.mark.full)
            for arguments, encoding in [
                ([], "ascii"),
                (["exercises", "rotary-embedding"], "cp1252"),
                (["translate", "reshape"], "ascii"),
                ([*TINY, "--only", "view"], "cp1252"),
            ]
        ),
    ],
)
def test_a_terminal_without_a_character_gets_a_question_mark(arguments, encoding):
    command = [sys.executable, "-m", "tensorref", *arguments]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, env=env, capture_output=True, check=True)
    if arguments[:1] != ["bench"]:  # which never shows the same twice
        expected, _ = run(*arguments)
        assert done.stdout.replace(os.linesep.encode(), b"\n") == expected.encode(encoding, "replace")
    assert b"Traceback" not in done.stderr


EXPLAINED = {
    "(8,1) + (8,)": lambda: broadcasting.explain((8, 1), (8,)),
    "(4,1) + (1,3) * (3,)": lambda: broadcasting.explain((4, 1), (1, 3), (3,)),
    "scores (4, 3) - (2, 3)": lambda: broadcasting.explain((4, 3), (2, 3), names=["scores", "b"]),
    "x [4, 3] / torch.Size([3])": lambda: broadcasting.explain((4, 3), (3,), names=["x", "b"]),
    "(B=32, T=10, D=64) == (D,)": lambda: broadcasting.explain((32, 10, 64), (64,)),
    "4x1 ** 3": lambda: broadcasting.explain((4, 1), (3,)),
    "4, 1 - 3": lambda: broadcasting.explain((4, 1), (3,)),
    "(2,3) @ (3,4)": lambda: matmul.explain((2, 3), (3, 4)),
    "x (2,3) @ weight (4,3)": lambda: matmul.explain((2, 3), (4, 3), names=["x", "weight"]),
    "(4,5,6)[:, [0,2], None]": lambda: indexing.explain((4, 5, 6), (slice(None), [0, 2], None)),
    "[4, 5][-1, 1::2]": lambda: indexing.explain((4, 5), (-1, slice(1, None, 2))),
    "torch.Size([4, 5])[..., np.newaxis]": lambda: indexing.explain((4, 5), (..., None)),
    "(2, 3)[[[True, False, True], [False, False, True]]]": lambda: indexing.explain(
        (2, 3), [[True, False, True], [False, False, True]]
    ),
    "(4,)[[1, 2],]": lambda: indexing.explain((4,), ([1, 2],)),
    "(3,)[5]": lambda: indexing.explain((3,), 5),
    "(3,4).T.view(12)": lambda: layout.history((3, 4), ".T.view(12)"),
    "(4, 6)[:, ::2].reshape(-1)": lambda: layout.history((4, 6), "[:, ::2].reshape(-1)"),
    "int64 + float16": lambda: dtypes.explain("int64", "float16"),
    "torch.bfloat16 * -2.5": lambda: dtypes.explain("torch.bfloat16", -2.5),
    "2 @ np.int8": lambda: dtypes.explain(2, "int8"),
}


@pytest.mark.parametrize("text", EXPLAINED)
def test_explain_prints_what_the_rule_says(text, capsys):
    assert command_line.main(["explain", text]) == 0
    assert capsys.readouterr().out == f"{EXPLAINED[text]()}\n"


def test_the_commands_of_the_page_run(capsys):
    page = (Path(__file__).parents[1] / "docs/reference/explanations.md").read_text("utf-8")
    commands = re.findall(r"^\$ python -m tensorref (explain .+)$", page, re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        assert command_line.main(shlex.split(command)) == 0
        assert len(capsys.readouterr().out.splitlines()) > 4


def test_explain_reads_a_name_with_a_shape_beside_it(capsys):
    for text, expected in {
        "x[:, [0,2], None]": indexing.explain((4, 5, 6), (slice(None), [0, 2], None)),
        "keys.mT[0]": layout.history((4, 5, 6), ".mT[0]", name="keys"),
        "[0]": indexing.explain((4, 5, 6), 0),
    }.items():
        assert command_line.main(["explain", text, "--shape", "4,5,6"]) == 0
        assert capsys.readouterr().out == f"{expected}\n"


def test_explain_follows_the_rule_of_the_library_that_is_asked_for(capsys):
    assert command_line.main(["explain", "(2, 3, 4)[0, :, [0, 1]]", "--library", "torch"]) == 0
    expected = indexing.explain((2, 3, 4), (0, slice(None), [0, 1]), library="torch")
    assert expected.result == (3, 2)
    assert capsys.readouterr().out == f"{expected}\n"


WRONG_EXPRESSIONS = {
    "letter": (
        ["x (8,1) + y (8;)"],
        "'x (8,1) + y (8;)': Position 15: ';' is not part of a shape; write sizes in digits, such as (4, 1).",
    ),
    "no operand": (["(4,) +"], """'(4,) +': Position 7: a shape is missing; write one, as in "(8, 1) + (8,)"."""),
    "no first operand": (["+ (4,)"], """'+ (4,)': Position 1: a shape is missing; write one, as in "(8, 1) + (8,)"."""),
    "no operator": (["(4,) (3,) + 2"], "'(4,) (3,) + 2': Position 6: a second shape begins here; write one shape, "),
    "no operation": (
        ["(4, 6)"],
        """'(4, 6)': Position 7: an operation is missing; write one, such as "(8, 1) + (8,)".""",
    ),
    "a word": (
        ["hello"],
        """'hello': Position 6: an operation is missing; write one, such as "(8, 1) + (8,)".""",
    ),
    "nothing": ([""], """'': Position 1: an operation is missing; write one, such as "(8, 1) + (8,)"."""),
    "open bracket": (["(4, 6"], "'(4, 6': Position 1: '(' is not closed; add ')' after the last size."),
    "second product": (
        ["(2,3) @ (3,4) @ (4,)"],
        """'(2,3) @ (3,4) @ (4,)': Position 15: one product is explained at a time; write two shapes, as in "(2, 3)""",
    ),
    "dtype": (["int63 + float16"], "'int63 + float16': a must be a dtype, got 'int63'; did you mean 'int64'?"),
    "name in an index": (
        ["(4, 6)[:, mask]"],
        "'(4, 6)[:, mask]': Position 11: 'mask]' cannot be read as an index; write ints, slices, None, ... or lists of",
    ),
    "call in an index": (["(4,)[exit(1)]"], "'(4,)[exit(1)]': Position 6: 'exit(1)]' cannot be read as an index; "),
    "syntax of an index": (["(4, 6)[1, , 2]"], "'(4, 6)[1, , 2]': Position 11: ', 2]' cannot be read as an index; "),
    "letter beyond ASCII in an index": (
        ["(4,)[['é'], ü]"],
        """"(4,)[['é'], ü]": Position 6: '['é'], ü]' cannot be read""",
    ),
    "empty index": (["(4,)[]"], "'(4,)[]': Position 6: ']' cannot be read as an index; "),
    "null": (["(4,)[\0]"], "'(4,)[\\x00]': Position 6: '\0]' cannot be read as an index; "),
    "fraction in an index": (["(4,)[1.5]"], "'(4,)[1.5]': Position 6: '1.5]' cannot be read as an index; "),
    "operation": (
        ["(3,4).flip(0)"],
        "'(3,4).flip(0)': Position 6: the point is followed by 'flip'; write one of transpose, permute, mT, T, expand, ",
    ),
    "deprecated": (
        ["(3, 4, 5).T"],
        "'(3, 4, 5).T': .T: PyTorch deprecates it for other than two axes, and here are 3; ",
    ),
    "size before a point": (["(3, -4).T"], "'(3, -4).T': Position 5: a size is 0 or more; write the size itself, "),
    "too large": ([f"({2**53},).view(-1)"], f"'({2**53},).view(-1)': shape is "),
    "no shape": (["x[0]"], "'x[0]': Position 2: the shape of x is not known; add --shape, such as --shape 4,5,6."),
    "two shapes": (["(4,)[0]", "--shape", "4"], "'(4,)[0]': Position 1: the shape is written here and as --shape; "),
    "shape of no name": (["(4,) + 3", "--shape", "4"], "'(4,) + 3': --shape is that of a name before an index, as in "),
    "library of no index": (
        ["(4,) + 3", "--library", "torch"],
        "'(4,) + 3': --library says whose rule an index follows",
    ),
    "message with a library": (
        ["mean of empty slice", "--library", "torch"],
        "'mean of empty slice': --library says whose rule an index follows; leave it out here",
    ),
    "message with a shape": (
        ["mean of empty slice", "--shape", "4"],
        "'mean of empty slice': --shape is that of a name before an index",
    ),
    "long name": (["ab-" * 300 + "a"], "'ab-ab-ab-"),
    "long": (["(" * 1001], f"'{'(' * 27}...{'(' * 28}': it has 1001 letters, "),
    "deep": (["(4,)[" + "[" * 400 + "]" * 401], "'(4,)["),
    "unary": (["(4,)[" + "-" * 900 + "1]"], "'(4,)["),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG_EXPRESSIONS.values(), ids=WRONG_EXPRESSIONS)
def test_what_cannot_be_explained_is_said_in_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as raised:
        command_line.main(["explain", *arguments])
    assert raised.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"python -m tensorref explain: error: argument TEXT: {words}")
    assert len(line) < 600


def test_a_shape_that_cannot_be_read_is_said(capsys):
    with pytest.raises(SystemExit) as raised:
        command_line.main(["explain", "x[0]", "--shape", "4,x"])
    assert raised.value.code == 2
    assert (
        "explain: error: argument --shape: '4,x': Position 3: 'x' is a name without a size; " in capsys.readouterr().err
    )


def test_what_is_piped_is_no_expression(capsys):
    with pytest.raises(SystemExit) as raised:
        command_line.main(["explain", "-", "--library", "torch"])
    assert raised.value.code == 2
    assert "explain: error: --shape and --library are for an expression; leave them out " in capsys.readouterr().err


MESSAGE = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)"


@pytest.mark.parametrize("name", ["mat1-mat2-shapes", "np-str-to-float", "weights-only"])
def test_explain_takes_a_message_and_its_id(name, capsys):
    entry = errors.get(name)
    for text in (name, entry.text()):
        assert command_line.main(["explain", text]) == 0
        assert capsys.readouterr().out == f"{errors.explain(entry.text())}\n"


@pytest.mark.parametrize(
    "text", [MESSAGE, "x\n" * 10**6 + MESSAGE, MESSAGE + "\nx" * 10**6], ids=["alone", "end", "start"]
)
def test_explain_reads_what_another_program_prints(text, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff" + text.encode()), encoding="utf-8"))
    assert command_line.main(["explain", "-"]) == 0
    assert capsys.readouterr().out == f"{errors.explain(MESSAGE)}\n"


@pytest.mark.parametrize("arguments", [["something that nobody has said"], ["-"]])
def test_explain_says_where_no_message_is_known(arguments, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("done\n"))
    assert command_line.main(["explain", *arguments]) == 1
    words = "No message that is known stands in this text; "
    assert capsys.readouterr() == (
        "",
        f"{words}https://tensorref.readthedocs.io/en/latest/errors/index.html has all that are.\n",
    )


def test_explain_knows_ids_that_look_like_the_one_given(capsys):
    with pytest.raises(SystemExit) as raised:
        command_line.main(["explain", "mat1-mat2-shape"])
    assert raised.value.code == 2
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith(
            "python -m tensorref explain: error: argument TEXT: name is 'mat1-mat2-shape', the id of no message; "
            "similar: mat1-mat2-shapes"
        )
    )


RED = {
    "(4, 3) + (2, 3)": ["?", "conflict"],
    "(3,4).T.view(12)": ["refused"],
    "int64 @ float16": ["raises"],
    "(4, 5)[9]": ["?"],
}


@pytest.mark.parametrize("text", RED)
def test_on_a_terminal_the_same_diagram_has_colors(text, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")  # long lines are left to the terminal
    monkeypatch.setattr(sys, "stdout", terminal := _Terminal())
    assert command_line.main(["explain", text]) == 0
    shown = terminal.getvalue()
    assert re.sub("\x1b\\[[0-9;]*m", "", shown) == f"{explain(text)}\n"
    assert re.findall("\x1b\\[1;31m *(.+?) *\x1b", shown) == RED[text]


@pytest.mark.parametrize("variable", ["NO_COLOR", "without rich"])
def test_where_no_color_is_wanted_there_is_none(variable, monkeypatch):
    if variable == "without rich":
        monkeypatch.setitem(sys.modules, "rich.console", None)
    else:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(sys, "stdout", terminal := _Terminal())
    assert command_line.main(["explain", "(4, 3) + (2, 3)"]) == 0
    assert re.sub("\x1b\\[1?m|\x1b\\[0m", "", terminal.getvalue()) == f"{broadcasting.explain((4, 3), (2, 3))}\n"


def test_translate_prints_what_interop_gives():
    out, err = run("translate", "unsqueeze")
    assert out == f"{interop.translate('unsqueeze')}\n"
    assert "np.expand_dims(x, axis=1)" in out
    assert err == ""


def test_translate_answers_a_misspelt_name_with_near_ones():
    out, err = run("translate", "np.concatenat", code=1)
    assert out == ""
    assert err.startswith("name is 'np.concatenat', which no row of the dictionary has; did you mean np.concatenate")


@pytest.mark.parametrize(
    ("arguments", "concept"),
    [
        (["exercises"], "exercises"),
        (["exercises", "silu"], "exercises"),
        (["exercises", "--concept", "llm"], "exercises"),
        (["bench"], "benchmark"),
        (["bench", "--only", "softmax"], "benchmark"),
        (["bench", "--device", "cpu"], "devices"),
    ],
)
def test_without_the_libraries_a_command_says_in_one_line_what_to_install(arguments, concept):
    program = f"import sys; sys.modules.update(numpy=None, torch=None); from tensorref import __main__ as command; sys.exit(command.main({arguments}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    both = 'NumPy and PyTorch; install them with: pip install "tensorref[numpy,torch]"'
    only = 'PyTorch; install it with: pip install "tensorref[torch]"'
    assert done.stderr == f"tensorref.{concept} needs {only if concept == 'devices' else both}\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["translate", "unsqueeze"], *(["explain", text] for text in EXPLAINED)],
    ids=" ".join,
)
def test_other_commands_need_no_library(arguments):
    program = f"import sys; sys.modules.update(numpy=None, torch=None, rich=None); from tensorref import __main__ as command; sys.exit(command.main({arguments}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert (len(done.stdout.splitlines()) >= 5, done.stderr) == (True, "")


@pytest.mark.parametrize("arguments", [["translate", "cat"], ["explain", "(4, 5)[[0, 2]]"]])
def test_what_needs_no_library_loads_none(arguments):
    program = (
        "import sys\n"
        "from tensorref.__main__ import main\n"
        f"main({arguments})\n"
        "print(sorted({'numpy', 'torch'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


GPT_2 = ("n_layer=12", "n_head=12", "n_embd=768", "n_positions=1024", "vocab_size=50257")


def test_budget_says_what_a_model_takes_and_what_fits(tmp_path, capsys):
    sizes = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257}
    (tmp_path / "config.json").write_text(json.dumps({**sizes, "n_layer": 1, "model_type": "gpt2"}), "utf-8")
    options = [
        "--batch",
        "2",
        "--seq-len",
        "1024",
        "--checkpointing",
        "--memory",
        "24",
        "--svg",
        str(tmp_path / "x.svg"),
    ]
    assert command_line.main(["budget", str(tmp_path / "config.json"), "n_layer=12", *options]) == 0
    explanation = budget.explain(sizes, batch=2, seq_len=1024, checkpointing=True)
    fits = [
        budget.largest_batch(sizes, 24 * 2**30, seq_len=1024, checkpointing=True, training=training)
        for training in (True, False)
    ]
    assert capsys.readouterr().out == (
        f"{explanation}\n* 24 GiB have room for a batch of {fits[0]} in training, {fits[1]} in generation.\n"
    )
    assert 'color="#6e7781"' in (tmp_path / "x.svg").read_text("utf-8")
    command_line.main(["budget", *GPT_2, "--dtype", "float32", "--no-master-weights", "--no-fused-attention"])
    assert capsys.readouterr().out == f"{budget.explain(sizes, dtype='float32')}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.json"], "argument SIZES: 'nowhere.json' cannot be read: No such file or directory"),
        (["LICENSE"], "argument SIZES: 'LICENSE' is no JSON: Expecting value: line 1 column 1 (char 0)"),
        (["list.json"], "argument SIZES: 'list.json' holds no names and sizes; give a config.json"),
        (GPT_2[1:], "model lacks n_layer; give every size by its name in config.json"),
        (
            [*GPT_2, "n_layer=many"],
            "model['n_layer'] is 'many', of type str; it is an int: write it as a number, such as 4",
        ),
        ([*GPT_2, "--memory", "24"], "--memory needs --seq-len, on which it depends what fits"),
    ],
)
def test_budget_refuses_what_is_no_model(arguments, said, tmp_path, monkeypatch, capsys):
    (tmp_path / "LICENSE").write_text("A license.", "utf-8")
    (tmp_path / "list.json").write_text("[]", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as raised:
        command_line.main(["budget", *arguments])
    assert raised.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"python -m tensorref budget: error: {said}"
