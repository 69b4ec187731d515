"""The explorer of matrix products on a page: what it shows, marks, writes and refuses, and how it is used."""

import itertools
import random
import re
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from tensorref import matmul
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.matmul import ERRORS, MatmulDirective
from tensorref.sphinxext.shapes import parse_shapes

STEPS = ["0 Shapes", "1 Vectors", "2 Batch axes", "3 Sum", "4 Result"]
PRESETS = MatmulDirective.presets
LINEAR = matmul.explain((32, 10, 64), (64, 256), names=["x", "weight.mT"])


@pytest.fixture
def explorer(visit):
    return visit(name="matmul").locator(".tensorref-explorer").first


def choose(explorer, step):
    explorer.get_by_role("button", name=STEPS[step], exact=True).click()


def sentence(explorer):
    return explorer.get_by_role("status")


def notes(explorer):
    """Return what stands behind the verdict: warnings beside it, and the notes below."""
    _, *warnings = sentence(explorer).text_content().split("\n")
    return [*warnings, *explorer.locator(".tref-notes li").all_text_contents()]


def verdict(explanation):
    """Return the last sentence, with a warning where there is one."""
    warned = [explanation.warning] if explanation.warning else []
    return "\n".join([explanation.steps[-1], *(f"⚠ {warning}" for warning in warned)])


def rows(explorer):
    """Return the table as text, without what is not shown yet and what is there only to be seen."""
    return explorer.locator("table.tref-axes").evaluate(
        """(table) => [...table.rows].map((row) => [...row.cells].map((cell) => {
          const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
          let shown = "";
          while (texts.nextNode()) {
            const part = texts.currentNode.parentElement;
            const isSeen = getComputedStyle(part).visibility === "visible";
            if (isSeen && !part.closest("[aria-hidden]")) shown += texts.currentNode.data;
          }
          return shown.trim();
        }))"""
    )


def finished(explanation, texts=("", "")):
    """Return the finished table, of 16 axes at most; an axis that is named in the text of an operand bears its name."""
    heading, *operands, result, verdict = map(list, explanation.table())
    for at, (row, text) in enumerate(zip(operands, texts, strict=True)):
        names = [name.partition("=")[0] for name in re.findall(r"[^\s(),\[\]]+", text)]
        own = [column for column, axis in enumerate(explanation.axes, 1) if axis.axes[at] is not None]
        for column, name in zip(own, names, strict=bool(text)):
            if not name.isdigit():
                row[column] = f"{name}={row[column]}"
    table = [heading, *operands, verdict, result]
    if len(explanation.axes) > 16:
        last_first = sorted(enumerate(explanation.axes, 1), key=lambda axis: (axis[1].size is not None, -axis[0]))
        kept = [0, *sorted(at for at, _ in last_first[:16])]
        places = [*kept, len(explanation.axes) + 1]
        gaps = [at for at, (place, after) in enumerate(itertools.pairwise(places), 1) if after - place > 1]
        table = [[row[at] for at in kept] for row in table]
        for at in reversed(gaps):
            for row in table:
                row.insert(at, "…")
    return table


def field(explorer, name):
    return explorer.get_by_label(LABELS["field"].format(name=name), exact=True)


def texts(explorer):
    return explorer.locator(".tref-field input").evaluate_all("(all) => all.map((one) => one.value)")


def refused(explorer, name, message):
    """Expect that a field, once it is left, says what is wrong, beside it and as its description."""
    field(explorer, name).blur()
    told = explorer.locator(f"#{field(explorer, name).get_attribute('aria-describedby')}")
    expect(told).to_have_text(f"{message} {LABELS['kept']}", use_inner_text=False)
    assert field(explorer, name).get_attribute("aria-invalid") == "true"


def bring(page, names, written, step=4, number=1):
    """Follow a link to a state, and return the explorer that is in it."""
    fragment = urlencode([("explorer", number), ("step", step), *zip(names, map(str, written), strict=True)])
    page.evaluate(
        """(fragment) => new Promise((resolve) => {
          addEventListener("hashchange", resolve, { once: true });
          location.hash = fragment;
        })""",
        fragment,
    )
    return page.locator(".tensorref-explorer").nth(number - 1)


def explained(names, written, **options):
    a, b = (shape.sizes for shape in parse_shapes(" ".join(map(str, written))))
    return matmul.explain(a, b, names=names, **options)


# Steps and shapes


def test_each_step_says_its_sentence_and_shows_no_more(explorer):
    roles = ["axis", "batch", "row", "sum", "column"]
    first, second = ["x", "B=32", "T=10", "D=64", "–"], ["weight.mT", "(1) → 32", "–", "D=64", "F=256"]
    early = ["weight.mT", "", "–", "D=64", "F=256"]
    expected = [
        [
            ["axis", *[""] * 4],
            ["x", "B=32", "T=10", "D=64", ""],
            ["weight.mT", "D=64", "F=256", "", ""],
            [""] * 4,
            [""] * 4,
        ],
        [roles, first, early, [""] * 4, [""] * 4],
        [roles, first, second, ["expands", "", "", ""], [""] * 4],
        [roles, first, second, ["expands", "", "sum", ""], [""] * 4],
        [roles, first, second, ["expands", "kept", "sum", "kept"], ["32", "10", "–", "256"]],
    ]
    for step, (heading, *operands, verdicts, result) in enumerate(expected):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(LINEAR.steps[step])
        assert rows(explorer) == [heading, *operands, ["verdict", *verdicts], ["result", *result]]
        expect(explorer.locator(".tref-notes")).to_be_visible(visible=step == 4)
    assert notes(explorer) == list(LINEAR.notes()[1:])


def test_presets(explorer, subtests):
    choose(explorer, 4)
    for preset in PRESETS:
        with subtests.test(preset.label):
            explorer.get_by_role("combobox", name="Try").select_option(preset.label)
            names, written = [*preset.fields], [*preset.fields.values()]
            explanation = explained(names, written)
            expect(sentence(explorer)).to_have_text(verdict(explanation))
            assert rows(explorer) == finished(explanation, written)
            assert notes(explorer) == list(explanation.notes()[1:])
            assert texts(explorer) == written
            outcome = "conflict" if explanation.result is None else "warning" if explanation.warning else "success"
            expect(sentence(explorer)).to_have_attribute("data-outcome", outcome)


def test_the_presets_show_every_verdict_and_every_kind_of_note():
    explanations = [explained([*preset.fields], [*preset.fields.values()]) for preset in PRESETS]
    assert {axis.verdict for one in explanations for axis in one.axes} == {"equal", "expand", "sum", "keep", "conflict"}
    assert {axis.role for one in explanations for axis in one.axes if axis.verdict == "conflict"} == {"batch", "sum"}
    for kind in ("warning", "messages", "fixes"):
        assert any(getattr(one, kind) for one in explanations), kind


TYPED = [
    ((2, 3), (3, 2)),
    ((3,), (3,)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((3, 0), (0, 2)),
    ((0, 2, 3), (1, 3, 2)),
    ((2, 3), (4, 5)),
    ((3, 4, 5), (2, 6, 7)),
    ((4, 64), (4, 64, 32)),
    ((10**30, 2**53 + 1), (2**53 + 1, 3)),
    ((2,) * 64, (3,) * 64),
    ((2,) * 64, (2,) * 10),
    ((1,), (1,)),
]


def test_typed_shapes(explorer, subtests):
    choose(explorer, 4)
    for shapes in TYPED:
        with subtests.test(str(shapes)[:50]):
            for name, shape in zip(["x", "weight.mT"], shapes, strict=True):
                field(explorer, name).fill(str(shape))
            explanation = matmul.explain(*shapes, names=["x", "weight.mT"])
            expect(sentence(explorer)).to_have_text(verdict(explanation))
            assert rows(explorer) == finished(explanation)
            assert notes(explorer) == list(explanation.notes()[1:])


def test_it_starts_as_the_directive_says(visit):
    page = visit(name="matmul")
    for number, step in enumerate([4, 4, 2]):
        explorer = page.locator(".tensorref-explorer").nth(number)
        expect(explorer.get_by_role("button", name=STEPS[step], exact=True)).to_have_attribute("aria-pressed", "true")
    third = page.locator(".tensorref-explorer").nth(2)
    choose(third, 4)
    assert notes(third) == list(matmul.explain((3,), (2, 3, 4), names=["query", "<i>keys</i>"], itemsize=2).notes()[1:])
    assert third.locator("i").count() == 0
    assert rows(third)[2][0] == "<i>keys</i>"


def test_a_number_of_operands_other_than_two_is_no_product(explorer):
    expect(explorer.locator(".tref-field input")).to_have_count(2)
    expect(explorer.locator(".tref-fields button")).to_have_count(0)


BAD = {
    "()": ERRORS["scalar"],
    "[]": ERRORS["scalar"],
    "torch.Size([])": ERRORS["scalar"],
    "": "There is no shape; write one, such as (4, 1), or () for a scalar.",
    "(4, -1)": "Position 5: a size is 0 or more; write the size itself, only reshape works out -1.",
    "(32, 10": "Position 1: '(' is not closed; add ')' after the last size.",
    f"({'1,' * 65})": "The shape has 65 axes, the most is 64; merge some of them.",
    "9" * 10_000: "Position 1: a size has at most 64 digits, this one has 10000; write a smaller one.",
    "<img src=x onerror=alert(1)>": "Position 1: '<' is not part of a shape; write sizes in digits, such as (4, 1).",
    "__proto__": (
        "Position 1: '__proto__' is a name without a size; give it one, such as B=32, here or in another shape."
    ),
    "\u202e(4)": "Position 1: '\u202e' is not part of a shape; write sizes in digits, such as (4, 1).",
}


def test_bad_input_is_said_beside_the_field(explorer, subtests):
    choose(explorer, 4)
    field(explorer, "x").fill("(32, 10, 64)")
    field(explorer, "weight.mT").fill("(64, 256)")
    before, count = rows(explorer), "document.querySelectorAll('body *').length"
    elements = explorer.page.evaluate(count)
    for text, message in BAD.items():
        with subtests.test(ascii(text)[:30]):
            field(explorer, "x").fill(text)
            refused(explorer, "x", message)
            assert rows(explorer) == before
            assert explorer.page.evaluate(count) == elements
    field(explorer, "x").fill("(32, 10, 64)")
    field(explorer, "weight.mT").fill("()")
    refused(explorer, "weight.mT", ERRORS["scalar"])
    assert rows(explorer) == before
    field(explorer, "weight.mT").fill("(64,)")
    expect(field(explorer, "weight.mT")).not_to_have_attribute("aria-invalid", "true")
    assert rows(explorer) != before


# The picture


CELLS = ".tref-panel svg [role=button]"


def read(name, shape, *index):
    """Return how what is read is written: the axes of a stack are left out."""
    return f"{name}[{', '.join(['...'] * (len(shape) > 2) + [*index])}]" if index or len(shape) > 2 else name


PICTURED = [
    ((4, 3), (3, 2)),
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((4, 3), (3,)),
    ((1, 1), (1, 1)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((2, 4, 3), (3, 2)),
    ((2, 4, 3), (2, 3, 2)),
    ((2, 1, 4, 3), (3, 3, 2)),
    ((2, 3, 2, 2), (2, 1, 2, 2)),
    ((3, 1, 2, 2), (1, 4, 2, 3)),
    ((1, 2, 3), (5, 3, 2)),
    ((1, 2, 3), (3, 2)),
    ((2, 2, 2, 2, 1, 2), (2, 1, 2, 2, 2, 1)),
    ((9, 8), (8, 7)),
    ((7, 12, 9), (9, 15)),
]


def test_a_cell_of_the_result_marks_what_it_sums(visit, subtests, marks):
    """A row and a column are marked, each as far as it is drawn."""
    page = visit(name="matmul")
    for shapes in PICTURED:
        with subtests.test(str(shapes)):
            check_marks(page, shapes, marks)


def check_marks(page, shapes, marks):
    names, (a, b) = ["a", "<b>"], shapes
    explorer = bring(page, names, shapes)
    seen = set()
    for cell in marks(explorer):
        places = re.findall(r"\d+", cell["name"].removeprefix("result"))
        own = places[: len(a) > 1], places[len(places) - (len(b) > 1) :]
        result = max(shapes, key=len)
        assert cell["name"] == read("result", result, *places)
        sources = read("a", a, *own[0], ":"), read("<b>", b, ":", *own[1])
        assert cell["said"] == f"{cell['name']} sums over {', '.join(sources)}."
        assert len(cell["marked"]) == 2 * (a[-1] if a[-1] <= 5 else 4) + 1  # the ends of a long axis
        seen.add(cell["name"])
    assert len(seen) == explorer.locator(CELLS).count() > 0


def test_nothing_is_summed_where_there_is_nothing(visit, subtests):
    page = visit(name="matmul")
    for shapes in [((3, 0), (0, 2)), ((0, 3), (3, 2)), ((2, 3), (4, 5)), ((2, 3, 0), (0,))]:
        with subtests.test(str(shapes)):
            explorer = bring(page, "ab", shapes)
            for cell in explorer.locator(CELLS).all():
                cell.focus()
                assert explorer.locator("[data-read]").count() == 1


def test_a_conflict_pictures_the_operands_and_no_result(visit):
    explorer = visit(name="matmul").locator(".tensorref-explorer").nth(1)
    for step in range(5):
        choose(explorer, step)
        shown = explorer.locator(".tref-panel svg").text_content()
        assert [text in shown for text in ("a (2, 8, 32, 16)", "b (2, 2, 16, 32)")] == [True, True]
        assert ("result ?" in shown) == (step == 4)
        expect(explorer.locator(CELLS)).to_have_count(0)


# Code to copy


@pytest.fixture
def little_memory():
    """Let a process have 16 GiB of addresses, which is much less than large operands take."""
    import resource  # which Windows has not

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**34, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def code(explorer):
    return explorer.locator("pre").evaluate_all(
        "(all) => Object.fromEntries(all.map((pre) => [pre.getAttribute('aria-label'), pre.textContent]))"
    )


def promised(explorer, given):
    """Return what the code has to do by what the explorer shows: print the shape, or raise what the library says."""
    shown = sentence(explorer).text_content()
    if success := re.match(r"The result has shape (\(.*?\)), .* elements?\.", shown):
        shape = success[1]
        torch_shape = f"torch.Size({[int(size) for size in re.findall('[0-9]+', shape)]})"
        outcomes = {"NumPy": ["", f"{shape}\n"], "PyTorch": ["", f"{torch_shape}\n"]}
    else:
        messages = dict(text.split(": ", 1) for text in explorer.locator("li[data-kind=message]").all_text_contents())
        outcomes = {"NumPy": ["ValueError", messages["NumPy"]], "PyTorch": ["RuntimeError", messages["PyTorch"]]}
    return [outcomes[library] for library in given]


def random_shapes(rng):
    sizes = [0, 1, 2, 3, 5]
    m, k, n = (rng.choice(sizes) for _ in range(3))
    batch = [rng.choice(sizes) for _ in range(rng.randint(0, 3))]
    wrong = rng.choice([0, 0, 0.3])
    for matrix in ([m, k], rng.choice([[k, n], [k, n], [n, k]])):
        stack = [1 if rng.random() < 0.3 else rng.choice(sizes) if rng.random() < wrong else size for size in batch]
        yield (k,) if rng.random() < 0.2 else (*stack[rng.randint(0, len(stack)) :], *matrix)


def test_code_does_what_it_says(visit, run):
    rng, page = random.Random(4), visit(name="matmul")  # noqa: S311
    hard = [
        "class",
        "print",
        "np",
        "torch",
        "operand1",
        "größe",
        "<b>",
        "x y",
        "",
        "a.b",
        "x\ny",
        "'",
        "__proto__",
        "1",
    ]
    states = [([*preset.fields], [*preset.fields.values()]) for preset in PRESETS]
    states += [(rng.sample(hard, 2), [*random_shapes(rng)]) for _ in range(20)]
    states += [(["x", "x"], [(2, 3), (3, 2)]), (["a b", "a_b"], [(2, 3), (4, 2)])]
    codes, expected, einsums = [], [], []
    for names, written in states:
        explorer = bring(page, names, written)
        given = code(explorer)
        assert given["PyTorch"].startswith("import torch\n")
        codes += given.values()
        expected += promised(explorer, given)
        if "NumPy" in given:
            shapes = [shape.sizes for shape in parse_shapes(" ".join(map(str, written)))]
            einsums.append((given["NumPy"].rpartition("# ")[2], shapes))
    assert len(codes) == 2 * len(states) - 1  # NumPy is left out of the logits, which are large
    assert sum(bool(error) for error, _ in expected) > 8
    for written, wanted in zip(codes, expected, strict=True):
        assert run(written) == wanted, written
    for einsum, (a, b) in einsums:
        if (result := matmul.explain(a, b).result) is not None:
            assert np.einsum(einsum, np.ones(a), np.ones(b)).shape == result
    (logits,) = [preset for preset in PRESETS if preset.label == "Vocabulary logits"]
    assert [*code(bring(page, [*logits.fields], [*logits.fields.values()]))] == ["PyTorch"]


LARGE = {
    ((32, 128, 4096), (4096, 16384)): ["PyTorch"],
    ((32, 128, 4096), (16384, 4096)): [],
    ((64, 1, 4096, 4096), (64, 4096, 4096)): ["PyTorch"],
    ((2, 2**30), (2**30,)): ["PyTorch"],
    ((2, 2**30), (2**29,)): [],
    ((2**59, 1), (1,)): ["PyTorch"],
    ((0, 10**9, 10**7), (10**7, 3)): ["PyTorch"],
    ((10**9, 0), (0, 10**7)): ["PyTorch"],
    ((10**30, 2), (2, 3)): [],
    ((2**30, 1), (1, 2**30)): [],
}


@pytest.mark.usefixtures("little_memory")
def test_code_of_large_operands_takes_no_memory(visit, run):
    page, codes, expected = visit(name="matmul"), [], []
    for shapes, libraries in LARGE.items():
        explorer = bring(page, "ab", shapes)
        given = code(explorer)
        assert [*given] == libraries, shapes
        codes += given.values()
        expected += promised(explorer, given)
    for written, wanted in zip(codes, expected, strict=True):
        assert run(written) == wanted, written


def test_code_as_it_is_shown(explorer):
    assert code(explorer) == {
        "NumPy": (
            "import numpy as np\n\nx = np.ones((32, 10, 64))\nweight_mT = np.ones((64, 256))\n"
            "print((x @ weight_mT).shape)  # ...ik,kj->...ij"
        ),
        "PyTorch": (
            "import torch\n\nx = torch.ones((32, 10, 64))\nweight_mT = torch.ones((64, 256))\n"
            "print((x @ weight_mT).shape)  # ...ik,kj->...ij"
        ),
    }
    assert torch.einsum("...ik,kj->...ij", torch.ones(32, 10, 64), torch.ones(64, 256)).shape == (32, 10, 256)


# Ways of using it


def seen(explorer):
    link = explorer.get_by_role("link", name=LABELS["link"], exact=True)
    return (
        texts(explorer),
        sentence(explorer).text_content(),
        rows(explorer),
        notes(explorer),
        link.get_attribute("href"),
    )


def test_a_link_brings_the_state_back(visit):
    page = visit(name="matmul")
    first, second, _ = page.locator(".tensorref-explorer").all()
    untouched = seen(first)
    field(second, "a").fill("(B=2, 1, T=5, D=3)")
    field(second, "b").fill("(H=4, D, F=6)")
    choose(second, 3)
    state = seen(second)
    url = second.get_by_role("link", name=LABELS["link"]).evaluate("(link) => link.href")
    page.goto("about:blank")
    page.goto(url)
    assert seen(second) == state
    assert seen(first) == untouched


def test_a_link_with_more_or_fewer_operands_changes_nothing(visit):
    page = visit(name="matmul")
    before = seen(page.locator(".tensorref-explorer").first)
    for names in ("a", "abc"):
        assert seen(bring(page, names, ["(2, 2)"] * len(names))) == before


def test_explorers_do_not_disturb_one_another(visit):
    page = visit(name="matmul")
    first, second, third = page.locator(".tensorref-explorer").all()
    before = seen(second), seen(third)
    choose(first, 3)
    field(first, "x").fill("(2, 2)")
    field(first, "weight.mT").fill("()")
    refused(first, "weight.mT", ERRORS["scalar"])
    assert (seen(second), seen(third)) == before


def test_it_can_be_used_by_keyboard_alone(explorer):
    page = explorer.page

    def focused():
        return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")

    field(explorer, "x").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("4x3")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("3x2")
    page.keyboard.press("Tab")
    assert focused() == "Try"
    page.keyboard.press("Tab")
    assert focused() == STEPS[4]
    expect(sentence(explorer)).to_have_text("The result has shape (4, 2), 8 elements.")
    page.keyboard.press("Tab")
    for key, cell in [("ArrowRight", "0, 1"), ("ArrowDown", "1, 1"), ("End", "3, 1"), ("ArrowLeft", "3, 0")]:
        page.keyboard.press(key)
        row, column = cell.split(", ")
        said = f"result[{cell}] sums over x[{row}, :], weight.mT[:, {column}]."
        expect(explorer.locator(".tref-reads")).to_have_text(said)
    page.keyboard.press("Tab")
    assert focused() == LABELS["table"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(explorer.locator("pre").first).to_be_visible()


def test_axe_finds_nothing(axe, visit):
    """All that an explorer can show at once: bad input, marked cells, what follows, and the code."""
    page = visit(name="matmul")
    first, second, third = page.locator(".tensorref-explorer").all()
    for explorer in (first, second, third):
        explorer.locator("summary").click()
        choose(explorer, 4)
    field(third, "query").fill("()")
    refused(third, "query", ERRORS["scalar"])
    first.locator(CELLS).nth(3).focus()
    assert page.locator("[data-read]").count() > 3
    assert axe(page, ".tensorref-explorer") == []


@pytest.mark.full
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_step(axe, visit, scheme):
    page = visit("furo", "matmul", color_scheme=scheme)  # other themes are those of the explorer of broadcasting
    explorers = page.locator(".tensorref-explorer").all()
    for explorer in explorers:
        explorer.locator("summary").click()
    for step in range(5):
        for explorer in explorers:
            choose(explorer, step)
        if step == 2:
            field(explorers[0], "x").fill("()")
            expect(field(explorers[0], "x")).to_have_attribute("aria-invalid", "true")
            refused(explorers[0], "x", ERRORS["scalar"])
        if step == 4:
            explorers[0].locator(CELLS).nth(3).focus()
            assert page.locator("[data-read]").count() > 3
        assert axe(page, ".tensorref-explorer") == []


WIDE = [
    ["(32, 10, 64)", "(64, 256)"],
    [(1,) * 64, (2,) * 64],
    [(10**30, 2), (2, 10**30)],
    [f"({'9' * 64}, 3)", f"({'8' * 64}, {'7' * 64})"],
]


@pytest.mark.parametrize("theme", ["furo", pytest.param("alabaster", marks=pytest.mark.full)])
def test_a_narrow_page_does_not_scroll_sideways(visit, theme, subtests):
    page = visit(theme, "matmul")
    page.set_viewport_size({"width": 320, "height": 640})
    for written in WIDE:
        for step in range(5):
            with subtests.test(f"{str(written)[:30]} at step {step}"):
                bring(page, ["x", "weight.mT"], written, step)
                assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_nothing_jumps_from_step_to_step(explorer):
    sizes = []
    for step in range(5):
        choose(explorer, step)
        sizes.append(explorer.locator("table.tref-axes").evaluate("(table) => [table.offsetWidth, table.offsetHeight]"))
    assert len({height for _, height in sizes}) == 1, sizes


def test_verdicts_differ_without_color(visit):
    page = visit(name="matmul")

    def verdicts(*shapes):
        return bring(page, "ab", shapes).locator(".tref-verdicts td").all_text_contents()

    assert verdicts((2, 1, 4, 3), (2, 5, 3, 6)) == ["= equal", "→ expands", "· kept", "Σ sum", "· kept"]
    assert verdicts((2, 4, 3), (3, 5, 6)) == ["≠ conflict", "· kept", "≠ conflict", "· kept"]
    # Those have the border of a conflict, which forced colors keep.
    assert page.locator(".tensorref-explorer").first.locator("tbody [data-verdict=conflict]").count() == 8


def test_without_javascript_the_table_is_there(visit):
    page = visit(name="matmul", java_script_enabled=False)
    explorer = page.locator(".tensorref-explorer").first
    assert page.locator(".tref-panel").count() == 0
    cells = [cell.strip() for cell in explorer.locator("th, td").all_text_contents()]
    assert cells == [cell for row in LINEAR.table() for cell in row]
    expect(explorer.locator("table")).to_be_visible()
    for note in LINEAR.notes():
        expect(explorer.get_by_text(note, exact=True)).to_be_visible()


def test_a_strict_policy_forbids_nothing_that_it_needs(visit):
    page = visit("basic", "matmul")
    assert "unsafe" not in page.request.get(page.url).headers["content-security-policy"]
    explorer = page.locator(".tensorref-explorer").first
    for step in range(5):
        choose(explorer, step)
    explorer.locator(CELLS).nth(2).hover(force=True)
    expect(explorer.locator(".tref-reads")).to_contain_text("sums over")


def test_what_a_screen_reader_meets(visit):
    explorer = bring(visit(name="matmul"), "ab", [(2, 1), (1, 2)])
    explorer.locator(CELLS).last.focus()
    expect(explorer).to_match_aria_snapshot("""
      - group "Matrix product explorer":
        - textbox "Shape of a": (2, 1)
        - textbox "Shape of b": (1, 2)
        - status: The result has shape (2, 2), 4 elements.
        - group /a \\(2, 1\\), b \\(1, 2\\)/:
          - button "result[0, 0]"
          - button "result[0, 1]"
          - button "result[1, 0]"
          - button "result[1, 1]"
        - paragraph: "result[1, 1] sums over a[1, :], b[:, 1]."
        - group "Table of the axes":
          - table:
            - rowgroup:
              - row "axis row sum column":
                - columnheader "axis"
                - columnheader "row"
                - columnheader "sum"
                - columnheader "column"
            - rowgroup:
              - row "a 2 1 –":
                - rowheader "a"
                - cell "2"
                - cell "1"
                - cell "–"
        - list "What follows":
          - listitem: 8 floating-point operations on 32 bytes, 0.3 a byte.
    """)
