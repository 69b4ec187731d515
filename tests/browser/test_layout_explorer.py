"""The explorer of memory layouts on a page: what it shows, marks, writes and refuses, and how it is used."""

import contextlib
import io
import random
import re
from math import prod
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from tensorref import layout
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.layout import LayoutDirective
from tensorref.sphinxext.shapes import parse_shape

PRESETS = LayoutDirective.presets
WORDS = {**LABELS, **LayoutDirective.labels}
FIRST = layout.history((3, 4), ".transpose(0, 1)[:, ::2].view(8)")


@pytest.fixture
def page(visit):
    return visit(name="layout")


@pytest.fixture
def explorer(page):
    return page.locator(".tensorref-explorer").first


def steps(explorer):
    return explorer.locator(".tref-steps button")


def choose(explorer, step):
    steps(explorer).nth(step).click()


def sentence(explorer):
    return explorer.get_by_role("status")


def notes(explorer):
    return explorer.locator(".tref-notes li").all_text_contents()


def fields(explorer):
    return explorer.locator(".tref-field input")


def rows(explorer):
    """Return the table as text, without what is not shown yet."""
    return explorer.locator(".tref-panel table").evaluate(
        """(table) => [...table.rows].map((row) => [...row.cells].map((cell) =>
          getComputedStyle(cell.querySelector("span") ?? cell).visibility === "visible" ? cell.textContent : ""))"""
    )


def bring(page, shape, operations, step=0, name="x"):
    """Follow a link to a state, and return the explorer that is in it."""
    given = [("explorer", 1), ("step", step), (name, shape), ("operations", operations)]
    page.evaluate(
        """(fragment) => new Promise((resolve) => {
          addEventListener("hashchange", resolve, { once: true });
          location.hash = fragment;
        })""",
        urlencode(given),
    )
    return page.locator(".tensorref-explorer").first


def shows(explorer, history):
    """Expect every step of a history, and in the end its notes."""
    stages = history.stages
    expect(steps(explorer)).to_have_count(len(stages))
    names = [f"0 {history.name} {history.shape}", *(f"{at} {stage.code}" for at, stage in enumerate(stages[1:], 1))]
    assert steps(explorer).all_text_contents() == names
    heading, *table = map(list, history.table())
    for step, text in enumerate(history.steps):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(text)
        later = [[row[0], *[""] * 5] for row in table[step + 1 :]]
        assert rows(explorer) == [heading, *table[: step + 1], *later]
        expect(explorer.locator(".tref-notes")).to_be_visible(
            visible=step == len(stages) - 1 and len(history.notes()) > 1
        )
    outcome = "success" if history.messages is None else "conflict"
    expect(sentence(explorer)).to_have_attribute("data-outcome", outcome)
    assert notes(explorer) == list(history.notes()[1:])
    refused = explorer.locator("td[data-verdict=error]").count()
    assert refused == (0 if history.messages is None else 5)


def test_each_step_says_its_sentence_and_shows_no_more(explorer):
    shows(explorer, FIRST)
    assert "refused" in rows(explorer)[-1]


def test_presets(explorer, subtests):
    for preset in PRESETS:
        with subtests.test(preset.label):
            explorer.get_by_role("combobox", name="Try").select_option(preset.label)
            shape, operations = preset.fields.values()
            assert fields(explorer).evaluate_all("(all) => all.map((one) => one.value)") == [shape, operations]
            shows(explorer, layout.history(parse_shape(shape), operations))


def test_the_presets_do_what_they_are_called():
    told = {
        preset.label: layout.history(parse_shape(preset.fields["x"]), preset.fields["operations"]) for preset in PRESETS
    }
    assert [label for label, history in told.items() if history.refused] == [
        "Transpose, then view",
        "Merge heads with view",
    ]
    copies = [label for label, history in told.items() if any(stage.moved_bytes for stage in history.stages)]
    assert copies == ["Flatten a transposed matrix", "Merge heads after contiguous"]
    assert told["Repeat without memory"].stages[-1].strides == (1, 0)
    assert told["Slice that has a view"].stages[1].contiguous is False
    assert told["Split heads"].stages[-1].shape == told["Merge heads with view"].shape


def test_it_starts_as_the_directive_says(page):
    for number, step in enumerate([3, 2, 1]):
        button = steps(page.locator(".tensorref-explorer").nth(number)).nth(step)
        expect(button).to_have_attribute("aria-pressed", "true")
    second, third = (page.locator(".tensorref-explorer").nth(number) for number in (1, 2))
    shows(second, layout.history((2, 3, 4), ".transpose(0, 1).contiguous().view(3, 8)", name="heads", itemsize=2))
    shows(third, layout.history((3, 1), ".expand(3, 2)[1:]", name="<i>x</i>"))
    assert third.locator("i").count() == 0
    expect(second.get_by_label("Shape of heads", exact=True)).to_have_value("(H=2, T=3, D=4)")
    expect(second.get_by_label("Operations", exact=True)).to_have_value(".transpose(0, 1).contiguous().view(3, 8)")


BAD = {
    ".view(2.5)": "Position 1: '.view(2.5)' cannot be read; write .view(-1, 4) or the like.",
    "[0": "Position 1: '[0' is no index; write ints, slices, None or one '...', with commas between.",
    "x.mT y": (
        "Position 2: the point is followed by 'mT y'; write one of transpose, permute, mT, T, expand, view, reshape, "
        "contiguous after it."
    ),
    ".mT" * 13: "Position 37: at most 12 operations are followed, with 64 numbers each; leave out the rest.",
    ".view(-1)[:, None].expand(-1, 999999999999999999)": (
        ".expand(-1, 999999999999999999): more than 2**53 bytes, the most that is followed here; choose smaller sizes."
    ),
    "<img src=x onerror=alert(1)>": (
        "Position 1: '<img src=x onerror=a…' begins no operation; write a point and a name, or '['."
    ),
    "__proto__ constructor": "Position 11: 'constructor' begins no operation; write a point and a name, or '['.",
    ".__proto__": (
        "Position 1: the point is followed by '__proto__'; write one of transpose, permute, mT, T, expand, view, reshape, "
        "contiguous after it."
    ),
    "\u202e.mT": "Position 1: '\u202e.mT' begins no operation; write a point and a name, or '['.",
    "[" * 10_000: f"Position 1: '{'[' * 20}…' is no index; write ints, slices, None or one '...', with commas between.",
    "9" * 10_000: f"Position 1: '{'9' * 20}…' begins no operation; write a point and a name, or '['.",
}


def refused(explorer, field, message):
    """Expect that a field, once it is left, says what is wrong."""
    field.blur()
    expect(field).to_have_attribute("aria-invalid", "true")
    told = explorer.locator(f"#{field.get_attribute('aria-describedby')}")
    expect(told).to_have_text(f"{message} {WORDS['kept']}", use_inner_text=False)


def test_bad_operations_are_said_beside_the_field(explorer, subtests):
    choose(explorer, 3)
    count = "document.querySelectorAll('body *').length"
    before, elements = rows(explorer), explorer.page.evaluate(count)
    field = explorer.get_by_label("Operations", exact=True)
    for text, message in BAD.items():
        with subtests.test(ascii(text)[:30]):
            field.fill(text)
            refused(explorer, field, message)
            expect(explorer.get_by_label("Shape of x", exact=True)).to_have_attribute("aria-invalid", "false")
            assert rows(explorer) == before
            assert explorer.page.evaluate(count) == elements
    field.fill("[1]")
    expect(field).to_have_attribute("aria-invalid", "false")
    shows(explorer, layout.history((3, 4), "[1]"))


BAD_SHAPES = {
    "": "There is no shape; write one, such as (4, 1), or () for a scalar.",
    "(4, -1)": "Position 5: a size is 0 or more; write the size itself, only reshape works out -1.",
    f"({10**30},)": f"({10**30},): more than 2**53 bytes, the most that is followed here; choose smaller sizes.",
}


def test_bad_shapes_are_said_beside_the_field(explorer, subtests):
    before = rows(explorer)
    field = explorer.get_by_label("Shape of x", exact=True)
    for text, message in BAD_SHAPES.items():
        with subtests.test(text):
            field.fill(text)
            refused(explorer, field, message)
            assert rows(explorer) == before


def test_each_field_says_what_is_wrong_with_it(explorer):
    fields(explorer).first.fill("(")
    fields(explorer).last.fill("!")
    refused(explorer, fields(explorer).first, "Position 1: '(' is not closed; add ')' after the last size.")
    refused(explorer, fields(explorer).last, "Position 1: '!' begins no operation; write a point and a name, or '['.")


# The picture

CELLS = ".tref-panel svg [role=button]"


def numbered(shape):
    """Return a tensor whose elements are where they lie in its memory."""
    return torch.arange(prod(shape)).reshape(shape)


def follow(tensor, history):
    """Return the tensor of each stage, as PyTorch makes it; the last one again where it refuses."""
    tensors = [tensor]
    for stage in history.stages[1:]:
        last = tensors[-1]
        tensors.append(last if stage.verdict == "error" else eval(f"last{stage.code}", {"last": last}))  # noqa: S307
    return tensors


PICTURED = [
    ((3, 4), ".transpose(0, 1)[:, ::2].view(8)"),
    ((3, 4), ".mT[1:].contiguous()"),
    ((3, 4), ".mT[1:].reshape(-1)[2:].view(7, 1).expand(7, 2)"),
    ((4, 1), ".expand(4, 3)"),
    ((3,), ".expand(2, 3).reshape(6)[::4]"),
    ((2, 3, 4), ".permute(2, 0, 1)[1::2, :, None].contiguous().mT"),
    ((2, 2, 2, 3), ".transpose(0, 2)[1].reshape(3, -1)"),
    ((), ".expand(2, 2)[1, 1]"),
    ((4, 6), "[1:3, 2:5]"),
    ((3, 4), "[:, 1:1].mT"),
    ((4, 6), "[::3, ::5].mT"),
    ((4, 32, 64), ".view(4, 32, 8, 8).transpose(1, 2).reshape(4, 8, 256)[1:]"),
    ((100, 100), "[::7, 3:].mT.contiguous()"),
    ((1000,), "[7:9]"),
]


def test_the_picture_is_that_of_pytorch(page, subtests, marks):
    """A cell of the tensor has the number of the element that PyTorch finds there, and so has all that is marked with it."""
    for shape, text in PICTURED:
        with subtests.test(f"{shape} {text}"):
            check_picture(page, shape, text, marks)


def check_picture(page, shape, text, marks):
    history = layout.history(shape, text)
    code, copied = "", False
    for step, (stage, now) in enumerate(zip(history.stages, follow(numbered(shape), history), strict=True)):
        code, copied = code + stage.code, copied or stage.verdict == "copy"
        found = marks(bring(page, shape, text, step))
        assert bool(found) == (0 not in now.shape and stage.verdict != "error")
        places = torch.arange(stage.elements).as_strided(now.shape, now.stride(), now.storage_offset())
        for cell in found:
            index = tuple(map(int, re.findall(r"\d+", cell["name"].removeprefix(code))))
            assert cell["name"] == (f"{code}[{', '.join(map(str, index))}]" if index else code)
            origin, place = int(now[index]), int(places[index])
            assert {*cell["marked"]} <= {str(origin), None}  # a large number does not stand in the memory
            assert str(origin) in cell["marked"]
            where = f"place {place} of the new memory, and began at place {origin} of the first"
            assert cell["said"] == f"{cell['name']} lies at {where if copied else f'place {place} of the memory'}."


def test_what_is_unused_differs_by_more_than_color(page):
    drawn = bring(page, (4, 6), "[:, ::2]", 1).locator(".tref-panel svg").evaluate("(svg) => svg.outerHTML")
    assert drawn.count('stroke-dasharray="1 4"') == 1


def test_the_script_writes_the_picture_of_python(page):
    def bare(text):
        text = re.sub(r' (?:role|aria-label|tabindex|id|aria-labelledby)="[^"]*"', "", text)
        return re.sub(r"<path ([^>]*)></path>", r"<path \1/>", text)

    for shape, text in PICTURED:
        history = layout.history(shape, text)
        drawn = bring(page, shape, text, len(history.stages) - 1).locator(".tref-panel svg")
        assert bare(drawn.evaluate("(svg) => svg.outerHTML")) == bare(history.svg()), text


def test_pointing_at_a_cell_marks_it(explorer):
    choose(explorer, 2)
    explorer.get_by_role("button", name="x.transpose(0, 1)[:, ::2][1, 1]", exact=True).hover(force=True)
    expect(explorer.locator(".tref-reads")).to_have_text(
        "x.transpose(0, 1)[:, ::2][1, 1] lies at place 9 of the memory."
    )
    expect(explorer.locator("[data-read]")).to_have_count(6)


# Code to copy


def run(code):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "code", "exec"), {"__name__": "__main__"})  # noqa: S102
    except (RuntimeError, IndexError, ValueError) as error:
        return str(error)
    return printed.getvalue()


CASES = [
    *((parse_shape(preset.fields["x"]), preset.fields["operations"]) for preset in PRESETS),
    *PICTURED,
    ((2, 3), ""),
    ((2, 3), "[5]"),
    ((2, 3, 4), ".permute(1, -1, 0)[..., None].mT.reshape(-1)"),
    ((5, 3), ".transpose(-1, 0)[1:, ::2]"),
    ((2048, 1024), ".mT.reshape(-1)"),
    ((4, 1), ".expand(4, 999999)"),
    ((2**40,), ".view(2, -1).mT.contiguous()"),
]


def test_code_does_what_the_page_shows(page):
    numpy_ran = 0
    for number, (shape, text) in enumerate(CASES):
        name = ["x", "class", "print", "größe", "<b>", "torch", "y"][number % 7]
        history = layout.history(shape, text, name=name)
        explorer = bring(page, shape, text, name=name)
        if any(prod(stage.shape) > 2**20 for stage in history.stages):
            expect(explorer.locator("pre")).to_have_count(0)
            continue
        codes = explorer.locator("pre").evaluate_all(
            "(all) => Object.fromEntries(all.map((pre) => [pre.getAttribute('aria-label'), pre.textContent]))"
        )
        last = history.stages[-1]
        printed = f"{torch.Size(last.shape)} {last.strides} {last.contiguous}\n"
        assert run(codes["PyTorch"]) == ((history.messages and history.messages.torch) or printed), (shape, text)
        if "NumPy" in codes:
            numpy_ran += 1
            scope = {}
            exec(codes["NumPy"], scope)  # noqa: S102
            (array,) = (value for key, value in scope.items() if isinstance(value, np.ndarray) and key != "np")
            assert array.shape == last.shape
            assert array.flags.c_contiguous == last.contiguous
            steps = [step // array.itemsize for step in array.strides]
            pairs = zip(last.shape, steps, last.strides, strict=True)
            assert all(mine == theirs for size, mine, theirs in pairs if size > 1 and 0 not in last.shape)
            copied = any(stage.verdict == "copy" for stage in history.stages)
            assert copied or array.ravel().tolist() == follow(numbered(shape), history)[-1].flatten().tolist()
            assert history.messages is None
        else:
            assert history.messages or any(word in text for word in ("view", "expand", "contiguous"))
    assert numpy_ran > 8


# Ways of using it


def test_a_link_brings_back_what_it_says(page):
    explorer = page.locator(".tensorref-explorer").nth(1)
    explorer.get_by_label("Operations", exact=True).fill("[:, 1].mT")
    choose(explorer, 1)
    explorer.get_by_role("link", name="Link to this").click()
    page.reload()
    expect(explorer.get_by_label("Operations", exact=True)).to_have_value("[:, 1].mT")
    expect(steps(explorer).nth(1)).to_have_attribute("aria-pressed", "true")
    shows(explorer, layout.history((2, 3, 4), "[:, 1].mT", name="heads", itemsize=2))
    expect(page.locator(".tensorref-explorer").first.get_by_label("Operations", exact=True)).to_have_value(
        ".transpose(0, 1)[:, ::2].view(8)"
    )


def test_it_can_be_used_by_keyboard_alone(explorer):
    page = explorer.page
    focused = "document.activeElement.textContent"
    fields(explorer).first.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("4x6")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("[1].view(2, 3)")
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "2 .view(2, 3)"
    page.keyboard.press("Tab")
    x = "x[1].view(2, 3)"
    expect(explorer.locator(".tref-reads")).to_have_text(f"{x}[0, 0] lies at place 6 of the memory.")
    for key, cell in [("ArrowRight", "[0, 1]"), ("ArrowDown", "[1, 1]"), ("End", "[1, 2]")]:
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.ariaLabel") == x + cell
    expect(explorer.locator(".tref-reads")).to_have_text(f"{x}[1, 2] lies at place 11 of the memory.")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "tref-table"


def test_without_javascript_the_table_is_there(visit):
    explorer = visit(name="layout", java_script_enabled=False).locator(".tensorref-explorer").first
    cells = [cell.strip() for cell in explorer.locator("th, td").all_text_contents()]
    assert cells == [cell for row in FIRST.table() for cell in row]
    assert explorer.get_by_text(FIRST.notes()[0], exact=True).is_visible()


def test_axe_finds_nothing(axe, page):
    """All that an explorer can show at once: an operation that is refused, bad input, marked cells, and the code."""
    first, second, third = page.locator(".tensorref-explorer").all()
    for explorer in (first, second, third):
        explorer.locator("summary").click()
        steps(explorer).last.click()
    choose(third, 1)
    fields(third).last.fill("!")
    second.locator(CELLS).last.focus()
    expect(fields(third).last).to_have_attribute("aria-invalid", "true")
    assert axe(page, ".tensorref-explorer") == []


@pytest.mark.full
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_step(axe, visit, scheme):
    page = visit("furo", "layout", color_scheme=scheme)  # other themes are those of the explorer of broadcasting
    for step in range(4):
        for explorer in page.locator(".tensorref-explorer").all():
            choose(explorer, min(step, steps(explorer).count() - 1))
            if explorer.locator(CELLS).count():
                explorer.locator(CELLS).last.focus()
        if step == 2:
            fields(page.locator(".tensorref-explorer").first).last.fill("!")
            expect(fields(page.locator(".tensorref-explorer").first).last).to_have_attribute("aria-invalid", "true")
        assert axe(page, ".tensorref-explorer") == []


WIDE = [
    *(PICTURED[at] for at in (0, 2, 11, 12)),
    ((2**23, 2**24), ".mT[5:].view(2, 1, -1)"),
    ((1,) * 64, "[None].mT.contiguous()"),
]


@pytest.mark.parametrize("theme", ["furo", pytest.param("alabaster", marks=pytest.mark.full)])
def test_a_narrow_page_does_not_scroll_sideways(visit, theme, subtests):
    page = visit(theme, "layout")
    page.set_viewport_size({"width": 320, "height": 640})
    for shape, text in WIDE:
        with subtests.test(f"{str(shape)[:20]} {text}"):
            explorer = bring(page, shape, text)
            for step in range(steps(explorer).count()):
                choose(explorer, step)
                assert page.evaluate("document.documentElement.scrollWidth") <= 320
            box = explorer.locator(".tref-panel").bounding_box()
            assert box["x"] + box["width"] <= 320


def test_names_and_texts_stay_text(page):
    explorer = bring(page, "(3, 4)", ".mT.view(12)", 2, name="<img src=x onerror=alert(1)>{code}$&")
    assert explorer.locator("img").count() == 0
    history = layout.history((3, 4), ".mT.view(12)", name="<img src=x onerror=alert(1)>{code}$&")
    shows(explorer, history)


def test_random_texts_never_throw(explorer):
    rng = random.Random(3)  # noqa: S311
    pieces = [".view(", ".mT", "[", "]", ")", "0", ",", ":", "-1", "...", " ", "None", ".expand(3, -1)", "é", "<", "2"]
    fields(explorer).last.evaluate(
        """(field, texts) => {
          for (const text of texts) {
            field.value = text;
            field.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }""",
        ["".join(rng.choices(pieces, k=rng.randint(0, 6))) for _ in range(150)],
    )
    fields(explorer).last.fill("[1]")
    shows(explorer, layout.history((3, 4), "[1]"))
