"""The explorer on a page: what a reader sees, hears and can do, and what nobody can make it do."""

import itertools
import random
import re
from math import prod
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from tensorref import broadcasting
from tensorref.sphinxext.broadcasting import BroadcastingDirective
from tensorref.sphinxext.explorer import LABELS
from tensorref.sphinxext.shapes import parse_shapes

STEPS = ["0 Shapes", "1 Align right", "2 Pad with 1", "3 Compare", "4 Expand", "5 Result"]
PRESETS = BroadcastingDirective.presets
BIAS = broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"])


@pytest.fixture
def explorer(visit):
    return visit().locator(".tensorref-explorer").first


def choose(explorer, step):
    explorer.get_by_role("button", name=STEPS[step], exact=True).click()


def sentence(explorer):
    return explorer.get_by_role("status")


def chosen(explorer):
    return explorer.locator(".tref-steps [aria-pressed=true]").text_content()


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


def finished(explanation, texts=()):
    """Return the finished table, of 16 axes at most; an axis that is named in the text of an operand bears its name."""
    heading, *operands, result, verdict = map(list, explanation.table())
    for row, text in zip(operands, texts, strict=False):
        axes = [axis.partition("=")[0].strip() for axis in re.findall(r"[^\s(),\[\]]+", text)]
        for column, axis in enumerate(reversed(axes), 1):
            if not axis.isdigit():
                row[-column] = f"{axis}={row[-column]}"
    if not explanation.axes:
        return [heading, *([row[0], "scalar"] for row in operands), [result[0], "scalar"]]
    table = [heading, *operands, verdict, result]
    if len(explanation.axes) > 16:
        last_first = sorted(explanation.axes, key=lambda axis: (axis.size is not None, -axis.index))
        kept = [0, *sorted(axis.index for axis in last_first[:16])]
        gaps = [
            at
            for at, (axis, after) in enumerate(itertools.pairwise([-len(explanation.axes) - 1, *kept[1:], 0]))
            if after - axis > 1
        ]
        table = [[row[at] for at in kept] for row in table]
        for at in reversed(gaps):
            for row in table:
                row.insert(at + 1, "…")
    return table


def field(explorer, name):
    return explorer.get_by_label(LABELS["field"].format(name=name), exact=True)


def fill(explorer, name, text):
    field(explorer, name).fill(text)


def fields(explorer):
    """Return what the fields are called, and their texts."""
    return explorer.locator(".tref-field").evaluate_all(
        "(all) => all.map((one) => [one.querySelector('label').textContent, one.querySelector('input').value])"
    )


def written(names, texts):
    return [[LABELS["field"].format(name=name), text] for name, text in zip(names, texts, strict=True)]


# What a field says once it is left: whether it is wrong, what is described, how that is announced, and whether it shows.
LEFT = """(input) => {
  input.blur();
  const told = document.getElementById(input.getAttribute("aria-describedby"));
  return [input.getAttribute("aria-invalid"), told.textContent, told.getAttribute("aria-live"), told.checkVisibility()];
}"""


def refused(explorer, name, message):
    """Expect that a field, once it is left, says what is wrong, beside it and as its description."""
    assert field(explorer, name).evaluate(LEFT) == ["true", f"{message} {LABELS['kept']}", "polite", True]


def accepted(explorer, name):
    expect(field(explorer, name)).not_to_have_attribute("aria-invalid", "true")
    expect(field(explorer, name)).to_have_accessible_description("")


def address(names, texts, step=5, number=1):
    return urlencode([("explorer", number), ("step", step), *zip(names, texts, strict=True)])


def bring(page, fragment, number=1):
    """Follow a fragment on the page and return the explorer that it is about."""
    page.evaluate(
        """(fragment) => new Promise((resolve) => {
          addEventListener("hashchange", resolve, { once: true });
          location.hash = fragment;
        })""",
        fragment,
    )
    return page.locator(".tensorref-explorer").nth(number - 1)


def explained(names, texts, **options):
    shapes = [shape.sizes for shape in parse_shapes(" ".join(texts))]
    return broadcasting.explain(*shapes, names=names, **options)


# Steps and shapes


def test_each_step_says_its_sentence_and_shows_no_more(explorer):
    axes = ["axis", "-3", "-2", "-1"]
    expected = [
        [["axis", "", "", ""], ["x", "32", "10", "64"], ["bias", "64", "", ""]],
        [axes, ["x", "32", "10", "64"], ["bias", "", "", "64"]],
        [axes, ["x", "32", "10", "64"], ["bias", "(1)", "(1)", "64"]],
        [axes, ["x", "32", "10", "64"], ["bias", "(1)", "(1)", "64"]],
        [axes, ["x", "32", "10", "64"], ["bias", "(1) → 32", "(1) → 10", "64"]],
        [axes, ["x", "32", "10", "64"], ["bias", "(1) → 32", "(1) → 10", "64"]],
    ]
    for step, table in enumerate(expected):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(BIAS.steps[step])
        verdict = ["expands", "expands", "equal"] if step >= 3 else ["", "", ""]
        result = ["32", "10", "64"] if step == 5 else ["", "", ""]
        assert rows(explorer) == [*table, ["verdict", *verdict], ["result", *result]]
        expect(explorer.locator(".tref-notes")).to_be_visible(visible=step == 5)
    assert notes(explorer) == list(BIAS.notes()[1:])
    choose(explorer, 0)
    expect(explorer.locator(".tref-notes")).to_be_hidden()


def test_presets(explorer, subtests):
    choose(explorer, 5)
    for preset in PRESETS:
        with subtests.test(preset.label):
            explorer.get_by_role("combobox", name="Try").select_option(preset.label)
            names, texts = [*preset.fields], [*preset.fields.values()]
            assert fields(explorer) == written(names, texts)
            explanation = explained(names, texts)
            expect(sentence(explorer)).to_have_text(verdict(explanation))
            assert rows(explorer) == finished(explanation, texts)
            assert notes(explorer) == list(explanation.notes()[1:])


def test_the_presets_are_those_of_the_page_and_show_what_they_say(explorer):
    options = explorer.get_by_role("combobox", name="Try").locator("option")
    assert options.all_text_contents() == ["Try", *(preset.label for preset in PRESETS)]
    expect(explorer.get_by_role("combobox", name="Try")).to_have_value("Add a bias")
    fill(explorer, "x", "(3, 1)")
    expect(explorer.get_by_role("combobox", name="Try")).to_have_value("Try")
    results = {preset.label: explained([*preset.fields], [*preset.fields.values()]).result for preset in PRESETS}
    assert [label for label, result in results.items() if result is None] == ["Incompatible"]
    assert results["Causal mask"] == results["Padding mask"] == results["where"] == (32, 12, 128, 128)
    assert results["Layer-norm weight"] == (32, 128, 768)
    assert results["Rotary embedding"] == (32, 12, 128, 64)
    assert results["Paired by mistake"] == (32, 32)


TYPED = [
    ((4, 1), (1, 3)),
    ((3, 4), (2, 4)),
    ((3, 1), (1, 0)),
    ((), (3,)),
    ((), ()),
    ((5, 1), (5,)),
    ((1,) * 64, (2,)),
    ((*range(40), 7, 8), (*range(1, 12), 5, 13, *range(13, 40), 7, 9)),
    ((10**30, 1), (2**53 + 1,)),
    ((3, 4, 5), (2, 4, 6)),
    ((32, 128, 4096, 4096), (4096, 4096)),
]


def test_typed_shapes(explorer, subtests):
    choose(explorer, 5)
    for shapes in TYPED:
        with subtests.test(str(shapes)[:50]):
            for name, shape in zip(["x", "bias"], shapes, strict=True):
                fill(explorer, name, str(shape))
            explanation = broadcasting.explain(*shapes, names=["x", "bias"])
            expect(sentence(explorer)).to_have_text(verdict(explanation))
            assert notes(explorer) == list(explanation.notes()[1:])
            assert rows(explorer) == finished(explanation)


def test_a_conflict_repeats_nothing_until_the_end(visit):
    explorer = visit().locator(".tensorref-explorer").nth(1)
    fill(explorer, "a", "(3, 1)")
    fill(explorer, "b", "(2, 4)")
    choose(explorer, 4)
    assert rows(explorer)[1] == ["a", "3", "1"]
    choose(explorer, 5)
    assert rows(explorer) == finished(broadcasting.explain((3, 1), (2, 4)))
    expect(explorer.locator("[data-outcome=conflict]")).to_be_visible()


def test_it_starts_at_the_step_of_the_directive(visit):
    page = visit()
    for number, step in enumerate([5, 5, 3]):
        assert chosen(page.locator(".tensorref-explorer").nth(number)) == STEPS[step]
    third = page.locator(".tensorref-explorer").nth(2)
    choose(third, 5)
    explanation = broadcasting.explain((5, 1), (5,), (), names=["prediction", "target", "<i>scale</i>"], itemsize=2)
    assert notes(third) == list(explanation.notes()[1:])


# Names of axes


def test_axes_have_names(explorer):
    fill(explorer, "x", "(B=32, T=10, D=64)")
    fill(explorer, "bias", "D")
    for step in range(6):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(BIAS.steps[step])
    assert rows(explorer) == [
        ["axis", "-3", "-2", "-1"],
        ["x", "B=32", "T=10", "D=64"],
        ["bias", "(1) → 32", "(1) → 10", "D=64"],
        ["verdict", "expands", "expands", "equal"],
        ["result", "32", "10", "64"],
    ]
    fill(explorer, "x", "B=2 T=1 D=3")
    fill(explorer, "bias", "(4, D)")
    assert rows(explorer)[1:3] == [["x", "B=2", "T=1 → 4", "D=3"], ["bias", "(1) → 2", "4", "D=3"]]
    fill(explorer, "x", "T D")  # both sizes of it are gone
    refused(explorer, "bias", unnamed(5, "D"))


def unnamed(position, name):
    return (
        f"Position {position}: '{name}' is a name without a size; give it one, such as B=32, here or in another shape."
    )


def test_an_edit_of_one_field_can_take_a_name_from_another(explorer):
    choose(explorer, 5)
    fill(explorer, "x", "(B=32, T=10)")
    fill(explorer, "bias", "(B, 1, T)")
    before = rows(explorer)
    assert before == finished(
        broadcasting.explain((32, 10), (32, 1, 10), names=["x", "bias"]), ["B=32 T=10", "(B, 1, T)"]
    )
    fill(explorer, "x", "(32, T=10)")
    refused(explorer, "bias", unnamed(2, "B"))
    accepted(explorer, "x")
    assert rows(explorer) == before
    fill(explorer, "bias", "(B=32, 1, T)")
    for name in ("x", "bias"):
        accepted(explorer, name)
    fill(
        explorer, "x", "(B=31, T=10)"
    )  # the first that says a size is right, though it stands in the field being edited
    refused(explorer, "bias", "Position 2: 'B' is 31 where it first has a size; give a name one size.")
    accepted(explorer, "x")
    fill(explorer, "x", "(B, T=10)")
    for name in ("x", "bias"):
        accepted(explorer, name)
    assert rows(explorer)[1] == ["x", "(1) → 32", "B=32", "T=10"]


def test_names_of_the_directive(visit):
    explorer = visit(name="names").locator(".tensorref-explorer").first
    texts = ["(B=2, T=3, D=4)", "(T, 1)", "(D,)", "[B, 1, 1]", "()", "(1,)"]
    names = ["class", "print", "np", "operand5", "x y", "__debug__"]
    assert fields(explorer) == written(names, texts)
    assert rows(explorer) == finished(explained(names, texts), texts)
    assert notes(explorer) == list(explained(names, texts).notes()[1:])


# Two to six shapes


def test_shapes_can_be_added_up_to_six_and_removed_down_to_two(explorer):
    page, add = explorer.page, explorer.get_by_role("button", name="Add a shape", exact=True)
    focused = "document.activeElement.labels[0].textContent"
    choose(explorer, 5)
    names, texts = ["x", "bias"], ["(32, 10, 64)", "(64,)"]
    expect(explorer.get_by_role("button", name=re.compile("Remove"))).to_have_count(0)
    for name, text in [("a", "(10, 1)"), ("b", "()"), ("c", "1"), ("d", "(32, 1, 1)")]:
        add.click()
        names, texts = [*names, name], [*texts, text]
        assert fields(explorer) == written(names, [*texts[:-1], ""])
        assert page.evaluate(focused) == f"Shape of {name}"
        page.keyboard.type(text)
        assert fields(explorer) == written(names, texts)
        assert rows(explorer) == finished(explained(names, texts))
        assert notes(explorer) == list(explained(names, texts).notes()[1:])
        unique_ids(page)
    expect(add).to_have_count(0)
    for name in ["bias", "a", "x", "d"]:
        explorer.get_by_role("button", name=f"Remove {name}", exact=True).click()
        at = names.index(name)
        del names[at], texts[at]
        assert fields(explorer) == written(names, texts)
        assert page.evaluate(focused) == f"Shape of {names[0]}"
        assert rows(explorer) == finished(explained(names, texts))
        assert chosen(explorer) == STEPS[5]
        unique_ids(page)
        expect(add).to_have_count(1)
    expect(explorer.get_by_role("button", name=re.compile("Remove"))).to_have_count(0)
    add.click()  # names that were given up are free again
    assert fields(explorer) == written([*names, "a"], [*texts, ""])
    add.click()
    assert [label for label, _ in fields(explorer)] == ["Shape of b", "Shape of c", "Shape of a", "Shape of d"]


def unique_ids(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len({*ids})


def test_six_shapes_that_do_not_fit(explorer):
    for _ in range(4):
        explorer.get_by_role("button", name="Add a shape", exact=True).click()
    names, texts = ["x", "bias", *"abcd"], ["(4, 1)", "(1, 3)", "(2, 3)", "7", "()", "(2, 1, 7)"]
    for name, text in zip(names, texts, strict=True):
        fill(explorer, name, text)
    choose(explorer, 5)
    explanation = explained(names, texts)
    assert explanation.conflicts == (-2, -1)
    assert rows(explorer) == finished(explanation)
    assert notes(explorer) == list(explanation.notes()[1:])


def test_a_shape_that_was_added_is_wrong_only_once_it_is_left_empty(visit):
    page = visit(alone=True)  # whose clock is not that of the others
    explorer = page.locator(".tensorref-explorer").first
    page.clock.install(time=0)
    page.clock.pause_at(10_000)
    explorer.get_by_role("button", name="Add a shape", exact=True).click()
    page.clock.run_for(5000)
    accepted(explorer, "a")
    page.keyboard.press("Tab")
    page.clock.run_for(600)
    refused(explorer, "a", "There is no shape; write one, such as (4, 1), or () for a scalar.")


def test_a_shape_that_cannot_be_read_can_be_removed(explorer):
    explorer.get_by_role("button", name="Add a shape", exact=True).click()
    fill(explorer, "a", "(4,")
    refused(explorer, "a", "Position 1: '(' is not closed; add ')' after the last size.")
    explorer.get_by_role("button", name="Remove a", exact=True).click()
    expect(explorer.locator("[aria-invalid=true]")).to_have_count(0)
    assert fields(explorer) == written(["x", "bias"], ["(32, 10, 64)", "(64,)"])
    choose(explorer, 5)
    assert rows(explorer) == finished(BIAS)


# Bad input


UNEXPECTED = "Position 1: '{}' is not part of a shape; write sizes in digits, such as (4, 1)."
BAD = {
    "": "There is no shape; write one, such as (4, 1), or () for a scalar.",
    "(32, 10": "Position 1: '(' is not closed; add ')' after the last size.",
    "(4, -1)": "Position 5: a size is 0 or more; write the size itself, only reshape works out -1.",
    "(4, 2.5)": "Position 6: a size is a whole number; leave out the point and what follows it.",
    "(B, T)": unnamed(2, "B"),
    "(T=3, T=5)": "Position 7: 'T' is 3 where it first has a size; give a name one size.",
    "(T=3, T=)": "Position 8: '=' is not part of a shape; write sizes in digits, such as (4, 1).",
    f"(T={'9' * 65},)": "Position 2: a size has at most 64 digits, this one has 65; write a smaller one.",
    "(größe=3,)": unnamed(2, "gr"),
    "(4, 1) (1, 3)": "Position 8: a second shape begins here; write one shape, such as (4, 1).",
    f"({'1,' * 65})": "The shape has 65 axes, the most is 64; merge some of them.",
    "9" * 10_000: "Position 1: a size has at most 64 digits, this one has 10000; write a smaller one.",
    "(" * 10_000: "Position 2: a shape holds sizes, not shapes; leave out the inner '('.",
    "a" * 10_000: unnamed(1, "aaaaaaaaaaaaaaaaaaaa…"),
    "<img src=x onerror=alert(1)>": UNEXPECTED.format("<"),
    "</p><script>alert(1)</script>": UNEXPECTED.format("<"),
    "__proto__": unnamed(1, "__proto__"),
    "constructor": unnamed(1, "constructor"),
    "{position}": UNEXPECTED.format("{"),
    "\u202e(4)": UNEXPECTED.format("\u202e"),
    "مصفوفة": UNEXPECTED.format("م"),
}


# The table and the picture, and how much there is on the page.
DRAWN = """(explorer) => {
  const drawn = [...explorer.querySelectorAll(".tref-table, .tref-panel svg")].map((part) => part.innerHTML);
  return [...drawn, document.querySelectorAll("body *").length];
}"""


def test_bad_input_is_said_beside_the_field(explorer, subtests):
    choose(explorer, 5)
    before = explorer.evaluate(DRAWN)
    for text, message in BAD.items():
        with subtests.test(ascii(text)[:30]):
            fill(explorer, "x", text)
            refused(explorer, "x", message)
            assert explorer.evaluate(DRAWN) == before
    choose(explorer, 4)
    assert rows(explorer)[2] == ["bias", "(1) → 32", "(1) → 10", "64"]
    fill(explorer, "x", "(2, 64)")
    accepted(explorer, "x")
    expect(explorer.locator(".tref-problem").first).to_be_empty()
    assert rows(explorer)[1] == ["x", "2", "64"]


def test_bad_input_is_said_when_the_reader_rests_or_leaves(visit):
    page = visit(alone=True)
    explorer = page.locator(".tensorref-explorer").first
    page.clock.install(time=0)
    page.clock.pause_at(10_000)  # time stands still, so that patience has no end
    problem = explorer.locator(".tref-problem").first
    fill(explorer, "x", "(4,")
    page.clock.run_for(100)
    expect(problem).to_be_empty()
    page.clock.run_for(600)
    expect(problem).to_contain_text("'(' is not closed")
    fill(explorer, "x", "(4, 1")
    fill(explorer, "x", "?")
    expect(problem).to_contain_text("'(' is not closed")
    field(explorer, "x").press("Tab")
    expect(problem).to_contain_text("'?' is not part of a shape")


def test_a_preset_mends_bad_input(explorer):
    fill(explorer, "x", "?")
    refused(explorer, "x", UNEXPECTED.format("?"))
    explorer.get_by_role("combobox", name="Try").select_option("Simple broadcast")
    expect(explorer.locator("[aria-invalid=true]")).to_have_count(0)
    expect(field(explorer, "a")).to_have_value("(4, 1)")


def test_explorers_do_not_disturb_one_another(visit):
    page = visit()
    first, second, third = page.locator(".tensorref-explorer").all()
    before = second.inner_text(), third.inner_text()
    choose(first, 4)
    fill(first, "x", "(7, 64)")
    first.get_by_role("button", name="Add a shape", exact=True).click()
    fill(first, "bias", "nonsense")
    refused(first, "bias", unnamed(1, "nonsense"))
    first.locator("summary").click()
    assert (second.inner_text(), third.inner_text()) == before
    unique_ids(page)


# The picture


CELLS = ".tref-panel svg [role=button]"
PICTURED = [
    [(4, 1), (1, 3)],
    [(3,), ()],
    [(), ()],
    [(6, 7), (7, 6, 1)],
    [(3, 1), (1, 0)],
    [(2, 3, 1, 2), (3, 4, 1)],
    [(32, 10, 64), (64,)],
    [(1,) * 64, (2,)],
    [(10**30, 2, 1, 2), (7, 2)],
    [(5, 1), (5,), (), (2, 1, 1), (1, 5), (2, 5, 5)],
    [(3, 4), (2, 4)],
]


def picture(explorer):
    return explorer.locator(".tref-panel svg")


def without_roles(text):
    """Return a picture without what the script adds to it, and without the ids, of which a page has each once."""
    text = re.sub(r' (?:role|aria-label|tabindex|id|aria-labelledby|data-read)="[^"]*"', "", text)
    return re.sub(r"<path ([^>]*)></path>", r"<path \1/>", text)


def test_the_script_writes_the_picture_of_python(visit):
    page = visit()
    for shapes in PICTURED:
        names = ["<b>&", "x y", *"cdef"][: len(shapes)]
        drawn = picture(bring(page, address(names, map(str, shapes)))).evaluate("(svg) => svg.outerHTML")
        assert without_roles(drawn) == without_roles(broadcasting.explain(*shapes, names=names).svg()), shapes


def test_the_page_has_the_picture_before_the_script_runs(visit):
    explorer = visit(java_script_enabled=False).locator(".tensorref-explorer").nth(1)
    drawn = explorer.locator("svg").evaluate("(svg) => svg.outerHTML")
    assert without_roles(drawn) == without_roles(broadcasting.explain((3, 4), (2, 4)).svg())
    expect(explorer.locator("svg")).to_be_visible()
    expect(explorer.get_by_role("img", name=re.compile(r"a \(3, 4\), b \(2, 4\)\."))).to_be_visible()


def test_a_conflict_has_nothing_to_point_at(visit):
    explorer = visit().locator(".tensorref-explorer").nth(1)
    for step in range(6):
        choose(explorer, step)
        assert [text in picture(explorer).text_content() for text in ("a (3, 4)", "b (2, 4)", "✗ 3", "✗ 2")] == [
            True
        ] * 4
        assert ("result ?" in picture(explorer).text_content()) == (step == 5)
        expect(picture(explorer)).to_have_attribute("role", "img")
        expect(explorer.locator(CELLS)).to_have_count(0)
        expect(explorer.locator(".tref-reads")).to_be_empty()


def reads(names, shapes, name):
    """Return by NumPy what a cell of the result reads: the values, if they are written, and the sentence."""
    result = np.broadcast_shapes(*shapes)
    index = tuple(map(int, re.findall(r"\d+", name.removeprefix("result"))))
    values, sources = [], []
    for number, (operand, shape) in enumerate(zip(names, shapes, strict=True)):
        numbers = np.broadcast_to(np.arange(prod(shape)).reshape(shape), result)
        place = int(numbers[index])
        source = tuple(map(int, np.unravel_index(place, shape))) if shape else ()
        values.append(place * (1 if number else 10))
        sources.append(f"{operand}{[*source]}" if source else operand)
    said = f"{name} reads {', '.join(sources)}"
    if len(shapes) > 2 or prod(shapes[0]) > 100 or prod(shapes[1]) > 10:
        return None, f"{said}."
    return [*map(str, values), str(sum(values))], f"{said}: {' + '.join(map(str, values))} = {sum(values)}."


def random_shapes(rng, count, *, fitting=None):
    """Draw shapes of up to four axes, which fit, or do not, or either."""
    while True:
        whole = [rng.choice([0, 1, 2, 3, 3, 5, 7, 8]) for _ in range(rng.randint(0, 4))]
        wrong = rng.choice([0, 0.1, 0.4])
        shapes = []
        for _ in range(count):
            shape = [1 if rng.random() < 0.35 else rng.randint(0, 4) if rng.random() < wrong else n for n in whole]
            shapes.append(tuple(shape[rng.choice([0, 0, rng.randint(0, len(shape))]) :]))
        if fitting is None or broadcasting.compatible(*shapes) == fitting:
            return shapes


def test_a_cell_of_the_result_marks_what_it_reads(visit, marks):
    rng, page, count = random.Random(8), visit(), 0  # noqa: S311
    tried = [shapes for shapes in PICTURED[:-1] if max(map(prod, shapes)) < 2**22 and max(map(len, shapes)) <= 32]
    tried += [random_shapes(rng, rng.randint(2, 6), fitting=True) for _ in range(12)]
    for number, shapes in enumerate(tried):
        names = ["<b>", "x y", *"cdef"][: len(shapes)] if number % 2 else [*"abcdef"][: len(shapes)]
        explorer = bring(page, address(names, map(str, shapes)))
        if 0 in np.broadcast_shapes(*shapes):
            expect(explorer.locator(CELLS)).to_have_count(0)
            expect(explorer.locator(".tref-reads")).to_be_empty()
            continue
        expect(explorer.locator(".tref-reads")).to_have_text(LABELS["point"])
        for cell in marks(explorer):
            values, said = reads(names, shapes, cell["name"])
            assert cell["said"] == said
            assert len(cell["marked"]) == len(shapes) + 1, shapes
            if values:
                assert cell["marked"] == values, (shapes, cell)
            count += 1
    assert count > 90


@pytest.fixture
def square(visit):
    """Return an explorer of (4, 1) and (1, 3), and a function that says which cell of it is read and which are marked."""

    def square(**settings):
        explorer = bring(visit(**settings), address("ab", ["(4, 1)", "(1, 3)"]))

        def state():
            expect(explorer.locator("[data-read]")).to_have_count(3)
            return explorer.locator(".tref-reads").text_content()

        return explorer, state

    return square


def said(at):
    """Return what is said of the cell with a number in the result of (4, 1) and (1, 3)."""
    row, column = divmod(at, 3)
    return f"result[{row}, {column}] reads a[{row}, 0], b[0, {column}]: {row * 10} + {column} = {row * 10 + column}."


def test_pointing_marks(square):
    explorer, state = square()
    for at in (5, 0, 11, 7):
        explorer.locator(CELLS).nth(at).hover(force=True)  # over the number in it
        assert state() == said(at)
    explorer.page.mouse.move(0, 0)
    assert state() == said(7)


def test_tapping_marks(square):
    explorer, state = square(has_touch=True)
    for at in (10, 2):
        explorer.locator(CELLS).nth(at).tap(force=True)
        assert state() == said(at)


def test_arrow_keys_mark(square):
    explorer, state = square()
    explorer.get_by_role("button", name=STEPS[5]).focus()
    page = explorer.page
    page.keyboard.press("Tab")
    assert state() == said(0)
    moves = [
        ("ArrowLeft", 0),
        ("ArrowUp", 0),
        ("ArrowRight", 1),
        ("ArrowDown", 4),
        ("ArrowDown", 7),
        ("ArrowRight", 8),
        ("ArrowRight", 9),
        ("ArrowUp", 6),
        ("ArrowLeft", 5),
        ("End", 11),
        ("ArrowRight", 11),
        ("ArrowDown", 11),
        ("Home", 0),
        ("ArrowDown", 3),
    ]
    for key, at in moves:
        page.keyboard.press(key)
        assert state() == said(at), key
        assert explorer.locator(f"{CELLS}[tabindex='0']").count() == 1
        assert explorer.locator(CELLS).nth(at).get_attribute("tabindex") == "0"
    for key in ("Control+ArrowRight", "Shift+End", "a", "Enter", "Space"):
        page.keyboard.press(key)
        assert state() == said(3), key
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "Table of the axes"
    page.keyboard.press("Shift+Tab")
    assert state() == said(3)


def test_arrow_keys_pass_over_what_is_left_out(visit):
    explorer = bring(visit(), address("ab", ["(100, 200)", "()"]))
    explorer.locator(CELLS).first.focus()
    for key, index in [
        ("ArrowRight", "0, 1"),
        ("ArrowRight", "0, 2"),
        ("ArrowRight", "0, 199"),
        ("ArrowDown", "1, 199"),
        ("ArrowDown", "2, 199"),
        ("ArrowDown", "99, 199"),
        ("Home", "0, 0"),
    ]:
        explorer.page.keyboard.press(key)
        expect(explorer.locator(".tref-reads")).to_have_text(f"result[{index}] reads a[{index}], b.")


def test_a_phone_has_a_picture_of_its_own(visit):
    """It is drawn anew where there is less room, and its letters are read."""
    explorer = bring(visit(), address("ab", ["(8, 1)", "(1, 9)"]))
    wide = picture(explorer).get_attribute("viewBox")
    for width in (320, 360, 400):
        explorer.page.set_viewport_size({"width": width, "height": 640})
        expect(picture(explorer)).not_to_have_attribute("viewBox", wide)
        letters = (
            picture(explorer)
            .locator("text")
            .evaluate_all("(all) => all.map((text) => text.getBoundingClientRect().height)")
        )
        assert min(letters) > 13  # of a line, whose letters are 11 pixels or more
    explorer.page.set_viewport_size({"width": 1000, "height": 900})
    expect(picture(explorer)).to_have_attribute("viewBox", wide)


# Code to copy


CODE = "(all) => Object.fromEntries(all.map((pre) => [pre.getAttribute('aria-label'), pre.textContent]))"


def code(explorer):
    return explorer.locator("pre").evaluate_all(CODE)


def states():
    """Return names and texts: every preset, and random shapes with names that no variable can have."""
    rng = random.Random(20)  # noqa: S311
    found = [([*preset.fields], [*preset.fields.values()]) for preset in PRESETS]
    hard = ["class", "None", "print", "np", "torch", "__debug__", "operand0", "operand1", "operand5", "match", "größe"]
    hard += ["<b>x</b>", "x y", "1", "", "a.b", "x\ny", "'", "__proto__", "constructor", "x=1;y", "a", "a"]
    for count in [2, 2, 2, 3, 3, 3, 4, 5, 6, 6]:
        shapes = random_shapes(rng, count, fitting=rng.random() < 0.6)
        found.append((rng.sample(hard, count), [*map(str, shapes)]))
    return found


def test_code_does_what_it_says(visit, run):
    page, codes, expected = visit(), [], []
    for names, texts in states():
        explorer = bring(page, address(names, texts))
        shapes = [shape.sizes for shape in parse_shapes(" ".join(texts))]
        result = broadcasting.explain(*shapes).result
        given = code(explorer)
        assert [*given] == ["NumPy", "PyTorch"]
        codes += given.values()
        if result is None:
            numpy_said, torch_said = explorer.locator("li[data-kind=message]").all_text_contents()
            expected.append(["ValueError", numpy_said.removeprefix("NumPy: ")])
            expected.append(["RuntimeError", torch_said.removeprefix("PyTorch: ")])
        else:
            expected += [["", f"{np.broadcast_shapes(*shapes)}\n"], ["", f"{torch.broadcast_shapes(*shapes)}\n"]]
    assert len(codes) == 2 * (len(PRESETS) + 10)
    assert sum(bool(error) for error, _ in expected) > 5
    for written, wanted in zip(codes, expected, strict=True):
        error, said = run(written)
        assert [error, said.strip() if error else said] == wanted, written


def test_what_is_too_large_has_no_code(visit, subtests):
    """Some takes too much memory, some has more elements or axes than the libraries take."""
    page = visit()
    for texts in [
        ["(32, 128, 4096, 4096)", "(4096, 4096)"],
        ["(100000, 1)", "(100000,)"],
        ["(32, 128, 4096, 4096)", "(4096, 4095)"],
        ["(0, 2305843009213693952)", "(2,)"],
        [f"({10**30}, 1)", "(1,)"],
        [str((2,) * 40), "(1,)"],
    ]:
        with subtests.test(str(texts)[:50]):
            explorer = bring(page, address("ab", texts))
            assert code(explorer) == {}
            expect(explorer.locator("details")).to_be_hidden()
            fill(explorer, "a", "(8192, 8192)")
            fill(explorer, "b", "(8192,)")
            assert len(code(explorer)) == 2
            expect(explorer.locator("summary")).to_be_visible()


def test_code_as_it_is_shown(explorer):
    assert code(explorer) == {
        "NumPy": "import numpy as np\n\nx = np.ones((32, 10, 64))\nbias = np.ones((64,))\nprint((x + bias).shape)",
        "PyTorch": "import torch\n\nx = torch.ones((32, 10, 64))\nbias = torch.ones((64,))\nprint((x + bias).shape)",
    }
    expect(explorer.locator("pre").first).to_be_hidden()
    explorer.get_by_text("Code to copy", exact=True).click()
    expect(explorer.locator("pre").first).to_be_visible()
    choose(explorer, 3)
    expect(explorer.locator("pre").first).to_be_visible()


def test_code_can_be_copied(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    explorer = page.locator(".tensorref-explorer").first
    explorer.locator("summary").click()
    for library, text in code(explorer).items():
        copy = explorer.get_by_role("button", name=f"Copy the code for {library}", exact=True)
        copy.click()
        expect(explorer.get_by_role("button", name="Copied", exact=True).first).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_a_link_is_copied_and_stands_in_the_address(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    explorer = page.locator(".tensorref-explorer").first
    link(explorer).click()
    expect(link(explorer)).to_have_text("Copied")
    expect(link(explorer)).to_have_attribute("aria-live", "polite")
    assert page.url == page.evaluate("navigator.clipboard.readText()") == link(explorer).evaluate("(link) => link.href")
    choose(explorer, 2)
    expect(link(explorer)).to_have_text("Link to this")


@pytest.mark.parametrize(
    "closed",
    [
        "Object.defineProperty(navigator, 'clipboard', { value: undefined })",
        "void (navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'NotAllowedError')))",
    ],
)
def test_where_the_clipboard_is_closed_the_code_is_selected(explorer, closed):
    explorer.page.evaluate(closed)
    explorer.locator("summary").click()
    for library, text in code(explorer).items():
        explorer.get_by_role("button", name=f"Copy the code for {library}", exact=True).click()
        assert explorer.page.evaluate("getSelection().toString()").strip() == text
    expect(explorer.get_by_role("button", name="Copied", exact=True)).to_have_count(0)


# Links


def seen(explorer):
    """Return all that a link brings back, and what follows from it."""
    return {
        "fields": fields(explorer),
        "step": chosen(explorer),
        "sentence": sentence(explorer).text_content(),
        "rows": rows(explorer),
        "notes": notes(explorer),
        "code": code(explorer),
    }


def link(explorer):
    return explorer.get_by_role("link", name=re.compile("Link to this|Copied"))


def reopen(page, url):
    """Open an address as one that is typed, not as a link on the page."""
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_function("document.querySelectorAll('.tensorref-explorer:not([data-live])').length === 0")


STATES = [
    (["x", "bias"], ["(B=32, T=10, D=64)", "D"], 3),
    (["x", "bias", "a", "b", "c", "d"], ["(2, 3)", "( 2,3 )", "3", "torch.Size([3])", "2x3", "[ 1 , 1]"], 5),
    (["x", "bias"], ["(3, 4)", "\u00a0(2,   4) "], 0),
]


def test_a_link_brings_the_state_back(visit, subtests):
    page = visit()
    start, explorer = page.url, page.locator(".tensorref-explorer").first
    others = page.locator(".tensorref-explorer").all()[1:]
    untouched = [seen(other) for other in others]
    for names, texts, step in STATES:
        with subtests.test(str(texts)):
            reopen(page, start)
            for _ in names[2:]:
                explorer.get_by_role("button", name="Add a shape", exact=True).click()
            for name, text in zip(names, texts, strict=True):
                fill(explorer, name, text)
            choose(explorer, step)
            state = seen(explorer)
            assert state["fields"] == written(names, texts)
            link(explorer).click()
            assert seen(explorer) == state
            assert "#" in page.url
            assert page.url == link(explorer).evaluate("(link) => link.href")
            reopen(page, page.url)
            assert seen(explorer) == state
            expect(explorer).to_be_in_viewport()
    assert [seen(other) for other in others] == untouched


def test_names_in_a_link_are_kept_and_stay_text(visit, subtests):
    page = visit()
    for names in [["<b>x</b>", "&y=1"], ["a+b%41", "größe#"], ["__proto__", "x y"]]:
        with subtests.test(str(names)):
            explorer = bring(page, address(names, ["(4, 1)", "(3,)"], 2))
            assert fields(explorer) == written(names, ["(4, 1)", "(3,)"])
            state = seen(explorer)
            assert [row[0] for row in state["rows"][1:3]] == names
            link(explorer).click()
            reopen(page, page.url)
            assert seen(explorer) == state
            assert explorer.locator("b").count() == 0


def test_a_link_is_about_one_explorer(visit):
    page = visit()
    first, second, third = page.locator(".tensorref-explorer").all()
    before = seen(first), seen(third)
    fill(second, "a", "(7, 1)")
    choose(second, 4)
    state = seen(second)
    hrefs = page.locator(".tensorref-explorer a", has_text="Link to this").evaluate_all(
        "(all) => all.map((a) => a.href)"
    )
    assert len({*hrefs}) == 3
    reopen(page, link(second).evaluate("(link) => link.href"))
    assert [seen(first), seen(second), seen(third)] == [before[0], state, before[1]]
    expect(second).to_be_in_viewport()


def test_the_way_back_leads_to_the_link_before(visit):
    page = visit()
    explorer = page.locator(".tensorref-explorer").first
    choose(explorer, 2)
    link(explorer).click()
    earlier = seen(explorer)
    fill(explorer, "x", "(5, 64)")
    choose(explorer, 5)
    link(explorer).click()
    later = seen(explorer)
    assert earlier != later
    page.go_back()
    expect(field(explorer, "x")).to_have_value("(32, 10, 64)")
    assert seen(explorer) == earlier
    page.go_forward()
    expect(field(explorer, "x")).to_have_value("(5, 64)")
    assert seen(explorer) == later


def test_a_link_follows_what_was_last_readable(explorer):
    choose(explorer, 5)
    before = link(explorer).get_attribute("href")
    fill(explorer, "x", "(4,")
    refused(explorer, "x", "Position 1: '(' is not closed; add ')' after the last size.")
    assert link(explorer).get_attribute("href") == before


UNREAD = [
    "explorers",
    "explorer",
    "explorer=1",
    "explorer=1&step=5",
    "explorer=1&step=5&x=(4,1)",
    "explorer=1&step=5" + "&x=3" * 7,
    "explorer=1&step=5&many" + "&x=3" * 3000,
    "explorer=4&step=5&x=(4,1)&y=3",
    "explorer=0&step=5&x=(4,1)&y=3",
    "explorer=-1&step=5&x=(4,1)&y=3",
    "explorer=1.0&step=5&x=(4,1)&y=3",
    "explorer=__proto__&step=5&x=(4,1)&y=3",
    "explorer=<img src=x onerror=alert(1)>&step=5&x=(4,1)&y=3",
    "x=(4,1)&y=3",
    "__proto__=1&constructor=2",
    "<script>alert(1)</script>",
    "%E0%A4%A",
    "a" * 10_000,
    "&&&&",
    "====",
]


def test_an_address_that_is_no_link_changes_nothing(visit, subtests):
    page = visit()
    start, written = page.url, "() => [document.body.querySelector('article').innerHTML, document.images.length]"
    before = [seen(explorer) for explorer in page.locator(".tensorref-explorer").all()], page.evaluate(written)
    for fragment in UNREAD:
        with subtests.test(ascii(fragment)[:40]):
            bring(page, fragment)
            assert page.evaluate(written) == before[1]
    for fragment in ("explorer=1&step=5&x=(4,1)", "%E0%A4%A", "explorer=<img src=x onerror=alert(1)>&step=5&x=3&y=3"):
        with subtests.test(f"at first {fragment}"):
            reopen(page, f"{start}#{fragment}")
            now = [seen(explorer) for explorer in page.locator(".tensorref-explorer").all()], page.evaluate(written)
            assert now == before


def test_a_link_with_a_shape_that_cannot_be_read_is_as_if_it_were_typed(visit, subtests):
    page = visit()
    start, explorer = page.url, page.locator(".tensorref-explorer").first
    before = rows(explorer)
    for text in ("", "(4, -1)", "__proto__", "{position}", "a" * 10_000, "</p><script>alert(1)</script>"):
        message = BAD[text]
        with subtests.test(text[:30]):
            bring(page, f"explorer=1&step=5&x={quote(text)}&bias=(64,)")
            refused(explorer, "x", message)
            assert rows(explorer) == before
    reopen(page, f"{start}#explorer=1&step=5&x={quote('<img src=x onerror=alert(1)>')}&bias=(64,)")
    refused(explorer, "x", UNEXPECTED.format("<"))
    assert rows(explorer) == before
    fill(explorer, "x", "(2, 64)")
    accepted(explorer, "x")
    assert rows(explorer)[1] == ["x", "2", "64"]


def test_a_step_that_is_none_leads_to_one(visit, subtests):
    page = visit()
    explanation = broadcasting.explain((4, 1), (1, 3), names=["x", "bias"])
    steps = {"99": 5, "6": 5, "5": 5, "": 0, "-1": 0, "two": 0, "1e3": 0, "<b>": 0, "9" * 10_000: 0, "03": 3}
    for step, reached in steps.items():
        with subtests.test(step[:10]):
            explorer = bring(page, f"explorer=1&step={step}&x=(4,1)&bias=(1,3)")
            assert fields(explorer) == written(["x", "bias"], ["(4,1)", "(1,3)"])
            assert chosen(explorer) == STEPS[reached]
            assert sentence(explorer).text_content() == (
                verdict(explanation) if reached == 5 else explanation.steps[reached]
            )


def test_long_names_in_a_link_do_not_widen_a_narrow_page(visit):
    page = visit()
    page.set_viewport_size({"width": 320, "height": 640})
    bring(page, address(["n" * 10_000, "<b>" * 100], ["(4, 1)", "(1, 3)"]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


# Ways of using it


def test_it_can_be_used_by_keyboard_alone(explorer):  # noqa: PLR0915  one reader's way
    page = explorer.page

    def press(*keys):
        for key in keys:
            page.keyboard.press(key)

    def focused():
        return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")

    field(explorer, "x").focus()
    press("Control+A")
    page.keyboard.type("4x1")
    press("Tab")
    page.keyboard.type("1x3")
    press("Tab")
    assert focused() == "Add a shape"
    press("Tab")
    assert focused() == "Try"
    press("Tab")
    assert focused() == "5 Result"
    press("Home")
    assert focused() == "0 Shapes"
    press("End")
    explanation = broadcasting.explain((4, 1), (1, 3), names=["x", "bias"])
    expect(sentence(explorer)).to_have_text(verdict(explanation))
    press("Tab")
    assert focused() == "result[0, 0]"
    press("ArrowDown")
    expect(explorer.locator(".tref-reads")).to_have_text("result[1, 0] reads x[1, 0], bias[0, 0]: 10 + 0 = 10.")
    press("Tab")
    assert focused() == "Table of the axes"
    press("Tab")
    assert focused() == "Code to copy"
    press("Enter")
    reached = []
    for _ in range(5):
        press("Tab")
        reached.append(focused())
    copies = [["Copy the code for NumPy", "NumPy"], ["Copy the code for PyTorch", "PyTorch"]]
    assert reached == [*copies[0], *copies[1], "Link to this"]
    page.evaluate("addEventListener('hashchange', () => { window.isRestored = true; })")
    press("Enter")
    page.wait_for_function("window.isRestored")
    expect(link(explorer)).to_be_focused()
    field(explorer, "bias").focus()
    press("Tab", "Enter")
    assert page.evaluate("document.activeElement.labels[0].textContent") == "Shape of a"
    press("Shift+Tab")
    assert focused() == "Remove bias"
    press("Shift+Tab", "Shift+Tab")
    assert focused() == "Remove x"
    press("Enter")
    assert [label for label, _ in fields(explorer)] == ["Shape of bias", "Shape of a"]
    for _ in range(3):
        press("Tab")
    assert focused() == "Try"
    page.keyboard.type("One")
    press("Enter")
    expect(field(explorer, "a")).to_have_value("(3, 4)")


def test_what_a_screen_reader_meets(explorer):
    choose(explorer, 3)
    expect(explorer).to_match_aria_snapshot("""
      - group "Broadcasting explorer":
        - text: Shape of x
        - textbox "Shape of x": (32, 10, 64)
        - text: Shape of bias
        - textbox "Shape of bias": (64,)
        - button "Add a shape"
        - combobox "Try"
        - group "Step":
          - button "0 Shapes"
          - button "1 Align right"
          - button "2 Pad with 1"
          - button "3 Compare" [pressed]
          - button "4 Expand"
          - button "5 Result"
        - status: "From the right: axis -1 has 64, 64: equal; axis -2 has 10, 1: expands; axis -3 has 32, 1: expands."
        - img /x \\(32, 10, 64\\), bias/
        - group "Table of the axes":
          - table:
            - rowgroup:
              - row "axis -3 -2 -1":
                - columnheader "axis"
                - columnheader "-3"
                - columnheader "-2"
                - columnheader "-1"
            - rowgroup:
              - row "x 32 10 64":
                - rowheader "x"
                - cell "32"
                - cell "10"
                - cell "64"
              - row "bias (1) (1) 64":
                - rowheader "bias"
                - cell "(1)"
                - cell "(1)"
                - cell "64"
              - row "verdict expands expands equal":
                - rowheader "verdict"
                - cell "expands"
                - cell "expands"
                - cell "equal"
        - group: Code to copy
        - link "Link to this"
    """)


def test_what_a_screen_reader_meets_at_the_end(visit):
    explorer = bring(visit(), address(["a", "b", "c"], ["(2, 1)", "(1, 3)", "()"]))
    explorer.locator("summary").click()
    explorer.locator(CELLS).last.focus()
    expect(explorer).to_match_aria_snapshot("""
      - group "Broadcasting explorer":
        - textbox "Shape of a": (2, 1)
        - button "Remove a"
        - textbox "Shape of b": (1, 3)
        - button "Remove b"
        - textbox "Shape of c": ()
        - button "Remove c"
        - button "Add a shape"
        - status: /The result has shape \\(2, 3\\), 6 elements\\. ⚠ The result has 6 elements, more than any operand/
        - group /a \\(2, 1\\), b \\(1, 3\\)/:
          - button "result[0, 0]"
          - button "result[0, 1]"
          - button "result[0, 2]"
          - button "result[1, 0]"
          - button "result[1, 1]"
          - button "result[1, 2]"
        - paragraph: result[1, 2] reads a[1, 0], b[0, 2], c.
        - list "What follows":
          - listitem: /Stored/
          - listitem: /Strides once expanded/
          - listitem: The gradient of a sums over axis -1.
          - listitem: The gradient of b sums over axis -2.
          - listitem: The gradient of c sums over axis -2, -1.
        - group:
          - text: Code to copy
          - button "Copy the code for NumPy"
          - button "Copy the code for PyTorch"
        - link "Link to this"
    """)


def test_one_polite_region_says_each_change(explorer):
    """A step changes one live region: the sentence. Another is there for each field, the picture, and what was copied."""
    choose(explorer, 5)
    live = explorer.locator("[aria-live], [role=status], [role=alert], [role=log]")
    kinds = live.evaluate_all(
        "(all) => all.map((part) => [part.className, part.getAttribute('aria-live') ?? part.role])"
    )
    assert sorted({tuple(kind) for kind in kinds}) == [
        ("", "polite"),
        ("tref-problem", "polite"),
        ("tref-reads", "polite"),
        ("tref-sentence", "status"),
    ]
    changes = """(region) => {
      window.said = 0;
      new MutationObserver((records) => { said += records.length; }).observe(region, { childList: true, subtree: true });
    }"""
    sentence(explorer).evaluate(changes)
    for step in range(6):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(BIAS.steps[step])
        assert explorer.page.evaluate("said") == step + 1


def point_at(cell):
    """Point at a cell that may be far below; a page that scrolls smoothly would not be there yet."""
    cell.evaluate("(cell) => cell.scrollIntoView({ behavior: 'instant', block: 'center' })")
    cell.hover(force=True)


def test_axe_finds_nothing(axe, visit):
    """All that an explorer can show at once: bad input, marked cells, what follows, and the code."""
    page = visit()
    first, second, third = page.locator(".tensorref-explorer").all()
    for explorer in (first, second, third):
        explorer.locator("summary").click()
        choose(explorer, 5)
    fill(first, "x", "nonsense")
    refused(first, "x", unnamed(1, "nonsense"))
    choose(second, 3)
    first.locator(CELLS).nth(3).focus()
    point_at(third.locator(CELLS).nth(7))
    assert page.locator("[data-read]").count() >= 6
    assert axe(page, ".tensorref-explorer") == []


@pytest.mark.full
@pytest.mark.parametrize("theme", ["furo", "alabaster", "basic"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_step(axe, visit, theme, scheme):
    # The checker adds a script to the page, which the policy of the basic theme would forbid.
    page = visit(theme, color_scheme=scheme, bypass_csp=True)
    explorers = page.locator(".tensorref-explorer").all()
    for explorer in explorers:
        explorer.locator("summary").click()
    for step in range(6):
        for explorer in explorers:
            choose(explorer, step)
        if step == 2:
            fill(explorers[0], "x", "nonsense")
            expect(field(explorers[0], "x")).to_have_attribute("aria-invalid", "true")
            refused(explorers[0], "x", unnamed(1, "nonsense"))
        if step == 5:
            explorers[0].locator(CELLS).nth(3).focus()
            point_at(explorers[2].locator(CELLS).nth(7))
            assert page.locator("[data-read]").count() >= 6
        else:
            page.mouse.move(0, 0)
        assert axe(page, ".tensorref-explorer") == []


def test_axe_would_find_something(axe, visit):
    page = visit()
    page.add_style_tag(content=".tref-sentence { color: #ddd; background: #fff; }")
    page.evaluate("document.querySelector('.tref-field label').remove()")
    found = {rule for rule, *_ in axe(page, ".tensorref-explorer")}
    assert {"color-contrast", "label"} <= found


# What a theme cuts off or scrolls on its own stands beyond the explorer all the same.
BEYOND = """(panel) => {
  const { right } = panel.getBoundingClientRect();
  const parts = [...panel.querySelectorAll("*")].filter((part) => !part.parentElement.closest(".tref-table, pre"));
  return parts.filter((part) => part.getBoundingClientRect().right > right).map((part) => part.outerHTML.slice(0, 99));
}"""


WIDE = [
    "(32, 10, 64)",
    str((2,) * 64),
    "9" * 64 + "," + "8" * 64,
    f"({', '.join(['9' * 64] * 4)})",
]


@pytest.mark.parametrize("theme", ["furo", pytest.param("alabaster", marks=pytest.mark.full)])
def test_a_narrow_page_does_not_scroll_sideways(visit, theme, subtests):
    page = visit(theme)
    page.set_viewport_size({"width": 320, "height": 640})
    explorer = page.locator(".tensorref-explorer").first
    explorer.get_by_role("button", name="Add a shape", exact=True).click()
    explorer.locator("summary").evaluate("(summary) => { summary.parentElement.open = true; }")
    for shape in WIDE:
        with subtests.test(shape[:20]):
            fill(explorer, "x", shape)
            fill(explorer, "bias", "()")
            fill(explorer, "a", "(1, 1, 1)" if "10" in shape else "1")
            for step in (0, 5):
                choose(explorer, step)
                assert page.evaluate("document.documentElement.scrollWidth") <= 320
                assert explorer.locator(".tref-panel").evaluate(BEYOND) == []
            expect(sentence(explorer)).to_contain_text("The result has shape")
            scroll = explorer.get_by_role("group", name="Table of the axes")
            scrolls = scroll.evaluate("(part) => part.scrollWidth > part.clientWidth")
            assert scrolls or shape == "(32, 10, 64)"
            assert theme != "furo" or scrolls == (shape != "(32, 10, 64)")  # other themes have wider letters
    scroll.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_targets_are_large_enough(visit):
    page = visit()
    page.set_viewport_size({"width": 320, "height": 640})
    explorer = page.locator(".tensorref-explorer").first
    explorer.get_by_role("button", name="Add a shape", exact=True).click()
    explorer.locator("summary").click()
    choose(explorer, 5)
    targets = explorer.locator("button, input, select, [role=button], summary, a").evaluate_all(
        """(all) => all.map((target) => {
          const { width, height } = target.getBoundingClientRect();
          return [target.textContent, target.matches("[role], summary, a"), Math.min(width, height)];
        })"""
    )
    assert len(targets) > 20
    for text, small, size in targets:
        assert size >= (24 if small else 31.9), text


def test_nothing_jumps_from_step_to_step(visit):
    explorer = visit().locator(".tensorref-explorer").first
    sizes = []
    for step in range(6):
        choose(explorer, step)
        sizes.append(explorer.locator("table.tref-axes").evaluate("(table) => [table.offsetWidth, table.offsetHeight]"))
    assert len({height for _, height in sizes}) == 1, sizes


def test_nothing_moves(visit):
    page = visit()
    explorer = page.locator(".tensorref-explorer").first
    for step in (1, 5):
        moving = explorer.get_by_role("button", name=STEPS[step], exact=True).evaluate(
            "(button) => { button.click(); return document.getAnimations().length; }"
        )
        assert moving == 0
    explorer.locator(CELLS).nth(3).focus()
    assert page.evaluate("document.getAnimations().length") == 0


BORDER = """(part) => {
  const style = getComputedStyle(part);
  return [style.borderTopStyle, parseFloat(style.borderTopWidth) > 0];
}"""


def test_forced_colors_keep_the_borders(visit):
    explorer = visit(forced_colors="active").locator(".tensorref-explorer").nth(1)
    assert explorer.page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert explorer.locator("tbody td[data-verdict=conflict]").first.evaluate(BORDER) == ["double", True]
    assert explorer.locator("[aria-pressed=true]").evaluate(BORDER) == ["double", True]
    fill(explorer, "a", "(4,)")
    choose(explorer, 2)
    assert explorer.locator("td[data-state=padded]").first.evaluate(BORDER) == ["dashed", True]
    choose(explorer, 4)
    assert explorer.locator("td[data-state=repeats]").first.evaluate(BORDER) == ["dotted", True]
    choose(explorer, 5)
    explorer.locator(CELLS).last.focus()
    explorer.page.keyboard.press("End")
    stroke = "(all) => all.map((part) => getComputedStyle(part).stroke)"
    assert len(explorer.locator("[data-read]").evaluate_all(stroke)) == 3
    outline = "(part) => getComputedStyle(part).outlineStyle"
    assert explorer.locator(CELLS).last.evaluate(outline) == "auto"
    fill(explorer, "a", "?")
    refused(explorer, "a", UNEXPECTED.format("?"))
    assert field(explorer, "a").evaluate(BORDER) == ["double", True]


def test_verdicts_differ_without_color(visit):
    explorer = visit().locator(".tensorref-explorer").first
    fill(explorer, "x", "(3, 10, 64)")
    fill(explorer, "bias", "(2, 1, 64)")
    choose(explorer, 3)
    assert explorer.locator(".tref-verdicts td").all_text_contents() == ["≠ conflict", "→ expands", "= equal"]


def test_cells_differ_without_color(visit):
    """A copy is dashed, a cell that is read has a thick border, one that is neither has none."""
    explorer = bring(visit(), address("ab", ["(4, 1)", "(1, 3)"]))
    explorer.locator(CELLS).nth(5).focus()
    look = "(part) => { const { strokeDasharray, strokeWidth } = getComputedStyle(part); return [strokeDasharray, strokeWidth]; }"
    paths = picture(explorer).locator("g > path[d$=z]").evaluate_all(f"(all) => all.map({look})")
    kinds = {tuple(kind) for kind in paths}
    assert kinds == {("none", "1.25px"), ("3px, 3px", "1.25px"), ("none", "3px")}


def test_fields_look_right_or_wrong(explorer):
    assert field(explorer, "x").evaluate(BORDER)[0] == "solid"
    fill(explorer, "x", "?")
    refused(explorer, "x", UNEXPECTED.format("?"))
    assert field(explorer, "x").evaluate(BORDER)[0] == "double"
    assert field(explorer, "bias").evaluate(BORDER)[0] == "solid"


def test_without_javascript_the_table_is_there(visit):
    page = visit(java_script_enabled=False)
    explorer = page.locator(".tensorref-explorer").first
    assert page.locator(".tref-panel").count() == 0
    expect(explorer.locator("svg")).to_be_visible()
    cells = [cell.strip() for cell in explorer.locator("th, td").all_text_contents()]
    assert cells == [cell for row in BIAS.table() for cell in row]
    expect(explorer.locator("table")).to_be_visible()
    for note in BIAS.notes():
        expect(explorer.locator("li").filter(has_text=note)).to_be_visible()


def test_print_shows_the_table(visit):
    page = visit()
    explorer = page.locator(".tensorref-explorer").first
    explorer.locator("summary").click()
    choose(explorer, 5)
    static = explorer.locator("table:not(.tref-axes)")
    expect(static).to_be_hidden()
    page.emulate_media(media="print")
    expect(static).to_be_visible()
    for note in BIAS.notes():
        expect(explorer.locator(":scope > :not(.tref-panel)").locator("li").filter(has_text=note)).to_be_visible()
    expect(explorer.locator(".tref-panel")).to_be_hidden()
    expect(explorer.locator(":scope > svg")).to_be_visible()


def test_a_strict_policy_forbids_nothing_that_it_needs(visit):
    page = visit("basic")
    assert "unsafe" not in page.request.get(page.url).headers["content-security-policy"]
    explorer = page.locator(".tensorref-explorer").first
    fill(explorer, "x", "(7, 1)")
    fill(explorer, "bias", "(5,)")
    explorer.get_by_role("button", name="Add a shape", exact=True).click()
    for step in range(6):
        choose(explorer, step)
    expect(sentence(explorer)).to_contain_text("The result has shape (7, 5), 35 elements.")
    explorer.locator(CELLS).last.hover(force=True)
    expect(explorer.locator("[data-read]")).to_have_count(3)  # of x, of bias and of the result
    explorer.locator("summary").click()
    explorer.get_by_role("button", name="Copy the code for NumPy", exact=True).click()
    link(explorer).click()
    page.wait_for_function("location.hash")


def test_bad_data_leaves_the_table(visit, site):
    """A page that another tool has mangled keeps what was there; the explorers beside it work."""
    page = visit()
    html = page.request.get(page.url).text().replace('data-tensorref="{', 'data-tensorref="', 1)
    page.route("**/mangled.html", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{site}/furo/mangled.html")
    page.wait_for_function("document.querySelectorAll('.tref-panel').length === 2")
    expect(page.locator(".tensorref-explorer").first.locator("table")).to_be_visible()
    (complaint,) = visit.complaints
    assert "JSON" in complaint
    visit.complaints.clear()


def test_names_stay_text(visit):
    explorer = visit().locator(".tensorref-explorer").nth(2)
    for step in range(6):
        choose(explorer, step)
        assert explorer.locator("i").count() == 0
    assert "<i>scale</i>" in picture(explorer).text_content()
    choose(explorer, 0)
    expect(sentence(explorer)).to_have_text("prediction (5, 1), target (5,), <i>scale</i> ().")
    assert rows(explorer)[3] == ["<i>scale</i>", "scalar"]


def test_a_page_loads_nothing_of_other_kinds(visit):
    page = visit(name="names")
    urls = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    loaded = {url.rpartition("/tensorref/")[2].partition("?")[0] for url in urls if "/tensorref/" in url}
    assert {"explorer.css", "table.css", "broadcasting-explorer.js", "broadcasting.js"} <= loaded
    assert [name for name in loaded if name.startswith(("matmul", "layout", "operations"))] == []
