"""Every fence in Markdown that holds Python runs, or the page says why not; every command names what there is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tensorref import __main__ as command_line

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")} - {*ROOT.glob("docs/_build/**/*.md")})
RUN = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["testpaths"]

PYTHON = re.compile(
    r"(?:i?python|py|pycon|code-cell|\{code-cell\}|\{(?:code|code-block|sourcecode)\} *i?py)", re.IGNORECASE
)
PROMPT = re.compile(r"^ *>>> (?! *#)", re.MULTILINE)
PYTHON_IN_RST = re.compile(
    r"^ *\.\. (?:code|code-block|sourcecode|testcode|doctest|ipython)::(?! *(?:console|text|rst))", re.MULTILINE
)
WHY_NOT = re.compile(r"\bnot run: \w", re.IGNORECASE)
NO_PYTHON = re.compile(r"console|text|rst|markdown|toml|yaml|bibtex|\{[\w-]+\}")


@dataclass(frozen=True)
class Fence:
    page: str
    line: int
    language: str
    text: str
    around: str

    @property
    def holds_python(self):
        return bool(PYTHON.match(self.language) or PROMPT.search(self.text) or PYTHON_IN_RST.search(self.text))

    @property
    def says_why_not(self):
        return bool(WHY_NOT.search(self.around))


def fences_of(text, page=""):
    """Return the fences of a page; one inside a longer one is text of that one."""
    found, lines, number = [], text.splitlines(), 0
    while number < len(lines):
        opened = re.match(r" *(`{3,}|~{3,}) *(.*)", lines[number])
        if opened:
            mark, end = opened[1], number + 1
            while end < len(lines) and not re.fullmatch(rf" *{mark[0]}{{{len(mark)},}} *", lines[end]):
                end += 1
            before = "\n".join(lines[:number]).rstrip().rpartition("\n\n")[2]
            after = "\n".join(lines[end + 1 :]).lstrip().partition("\n\n")[0]
            inside = "\n".join(lines[number + 1 : end])
            found.append(Fence(page, number + 1, opened[2].strip(), inside, f"{before}\n\n{after}"))
            number = end
        number += 1
    return found


FENCES = [fence for page in PAGES for fence in fences_of(page.read_text("utf-8"), page.relative_to(ROOT).as_posix())]
OF_PYTHON = [fence for fence in FENCES if fence.holds_python]


@pytest.fixture
def markdown(request):
    """Return what collects the Markdown of this project for pytest."""
    return request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py")).MARKDOWN


def runs(fence, path, markdown):
    """Tell whether all of a fence becomes examples."""
    inside = range(fence.line, fence.line + fence.text.count("\n") + 2)
    lines = [example.line for example in markdown.parse(path).examples()]
    return sum(line in inside for line in lines) == max(1, len(PROMPT.findall(fence.text)))


def where(thing):
    return f"{thing.page}:{thing.line}"


@pytest.mark.parametrize("fence", OF_PYTHON, ids=where)
def test_python_runs_or_the_page_says_why_not(fence, markdown):
    path = ROOT / fence.page
    collected = markdown.should_parse(path) and any(path.is_relative_to(ROOT / place) for place in RUN)
    assert (collected and runs(fence, path, markdown)) or fence.says_why_not, (
        f"{where(fence)}: nothing runs this Python; open it with ```python, or say beside it 'Not run: …'"
    )


@pytest.mark.parametrize("fence", [fence for fence in FENCES if not fence.holds_python], ids=where)
def test_a_fence_without_python_names_another_language(fence):
    assert NO_PYTHON.match(fence.language), f"{where(fence)}: say what this is, such as ```console or ```text"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_prompt_stands_in_a_fence(page):
    text = page.read_text("utf-8")
    assert len(PROMPT.findall(text)) == sum(len(PROMPT.findall(fence.text)) for fence in fences_of(text))


BAD = {
    "a language that nobody runs": "```pycon\n>>> 1 + 1\n2\n```\n",
    "a directive": "```{code-block} python\nx = 1\n```\n",
    "a cell": "```{code-cell}\nx = 1\n```\n",
    "a capital letter": "```Python\nx = 1\n```\n",
    "no language": "```\n>>> 1 + 1\n2\n```\n",
    "reStructuredText": "```{eval-rst}\n.. code-block:: python\n\n   x = 1\n```\n",
    "tildes": "~~~pycon\n>>> 1 + 1\n2\n~~~\n",
    "an output in a text": "```text\n>>> 1 + 1\n2\n```\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_does_not_run_is_found(text, markdown, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text, "utf-8")
    fence = fences_of(text)[-1]
    assert fence.holds_python
    assert not runs(fence, page, markdown)
    assert not fence.says_why_not
    assert fences_of(f"# Page\n\nNot run: it takes a cluster.\n\n{text}")[-1].says_why_not


def test_the_pages_hold_python_that_runs():
    assert len(OF_PYTHON) > 5
    assert {fence.page for fence in OF_PYTHON} >= {"README.md", "docs/explorers.md"}


# Commands.

SESSIONS = {
    node.name
    for node in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.decorator_list  # nothing else there is decorated
}
OPTIONS_OF_SESSIONS = "".join(
    path.read_text("utf-8")
    for path in [ROOT / "noxfile.py", ROOT / "tests" / "truth" / "plant.py", *ROOT.glob("tests/speed/*.py")]
)


def commands(text):
    """Return what a page tells its readers to type: the lines of a console, and code in a sentence or a table."""
    consoles = [fence.text for fence in fences_of(text) if fence.language == "console"]
    outside = re.sub(r"^ *(`{3,})[\s\S]*?^ *\1", "", text, flags=re.MULTILINE)
    return [*"\n".join(consoles).splitlines(), *(" ".join(code.split()) for code in re.findall(r"`([^`]+)`", outside))]


COMMANDS = [(page, command) for page in PAGES for command in commands(page.read_text("utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_python_is_indented(page):
    """Sybil would name another line of an example that fails."""
    assert re.findall(r"^ +```\w*py.*", page.read_text("utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize(
    "command", sorted({command for _, command in COMMANDS if re.search(r"\bnox\b.* -s ", command)})
)
def test_a_session_that_a_page_names_is_there(command):
    name, _, rest = re.search(r" -s \"?(.+)", command)[1].partition(" ")
    assert re.match(r"\w+", name)[0] in SESSIONS
    for option in re.findall(r"--[a-z-]+", rest):
        assert f'"{option}"' in OPTIONS_OF_SESSIONS, option


def test_contributing_names_every_session():
    table = re.findall(r"^\| (`.+?) \|", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`(\w+)(?:\(\w+\))?`", cell)}
    assert named == SESSIONS


@pytest.mark.parametrize("name", ["bench", "exercises", "translate"])
def test_an_option_of_the_command_line_is_there(name, capsys):
    with pytest.raises(SystemExit):
        command_line.main([name, "--help"])
    there = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    named = [command for _, command in COMMANDS if f"tensorref {name}" in command]
    if name == "bench":
        named += [command for page, command in COMMANDS if page.stem == "benchmark" and command.startswith("--")]
    assert named
    for command in named:
        assert set(re.findall(r"--[a-z-]+", command.partition(f"tensorref {name}")[2] or command)) <= there, command


def test_what_a_page_runs_with_python_c_works(tmp_path):
    programs = [found[1] for _, command in COMMANDS if (found := re.search(r'python -c "(.+)"', command))]
    assert programs
    for program in programs:
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
        assert [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "path", sorted({code for _, code in COMMANDS if re.fullmatch(r"(?:tests|docs|examples|tensorref)/[\w/.-]+", code)})
)
def test_a_path_that_a_page_names_is_there(path):
    assert (ROOT / path).exists()
