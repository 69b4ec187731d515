"""The explorer on a page: what a reader sees, hears and can do, and what nobody can make it do."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tensorref import broadcasting
from tensorref.sphinxext.broadcasting import LABELS, PRESETS

STEPS = ["0 Shapes", "1 Align right", "2 Pad with 1", "3 Compare", "4 Expand", "5 Result"]
BIAS = broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"])


@pytest.fixture
def explorer(visit):
    return visit().locator(".tensorref-explorer").first


def choose(explorer, step):
    explorer.get_by_role("button", name=STEPS[step], exact=True).click()


def sentence(explorer):
    return explorer.get_by_role("status")


def rows(explorer):
    """Return the table as text, without what is there only to be heard or only to be seen."""
    return explorer.locator("table.tref-axes").evaluate(
        """(table) => [...table.rows].map((row) => [...row.cells].map((cell) => {
          const copy = cell.cloneNode(true);
          copy.querySelectorAll(".tref-unseen, [aria-hidden]").forEach((part) => part.remove());
          return copy.textContent.trim();
        }))"""
    )


def finished(explanation):
    heading, *operands, result, verdict = map(list, explanation.table())
    return [heading, *operands, verdict, result]


def fill(explorer, name, text):
    explorer.get_by_label(LABELS["field"].format(name=name), exact=True).fill(text)


def problem(explorer, name):
    field = explorer.get_by_label(LABELS["field"].format(name=name), exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    return explorer.locator(f"#{field.get_attribute('aria-describedby')}")


def test_each_step_says_its_sentence_and_shows_no_more(explorer):
    expected = [
        [["axis", "", "", ""], ["x", "32", "10", "64"], ["bias", "64", "", ""]],
        [["axis", "-3", "-2", "-1"], ["x", "32", "10", "64"], ["bias", "", "", "64"]],
        [["axis", "-3", "-2", "-1"], ["x", "32", "10", "64"], ["bias", "(1)", "(1)", "64"]],
        [["axis", "-3", "-2", "-1"], ["x", "32", "10", "64"], ["bias", "(1)", "(1)", "64"]],
        [["axis", "-3", "-2", "-1"], ["x", "32", "10", "64"], ["bias", "(1) → 32", "(1) → 10", "64"]],
        [["axis", "-3", "-2", "-1"], ["x", "32", "10", "64"], ["bias", "(1) → 32", "(1) → 10", "64"]],
    ]
    for step, table in enumerate(expected):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(BIAS.steps[step])
        verdict = ["expands", "expands", "equal"] if step >= 3 else ["", "", ""]
        result = ["32", "10", "64"] if step == 5 else ["", "", ""]
        assert rows(explorer) == [*table, ["verdict", *verdict], ["result", *result]]
        expect(explorer.locator(".tref-notes")).to_be_visible(visible=step == 5)
    assert explorer.locator(".tref-notes li").all_text_contents() == list(BIAS.notes()[1:])
    choose(explorer, 0)
    expect(explorer.locator(".tref-notes")).to_be_hidden()


@pytest.mark.parametrize(("number", "preset"), [*enumerate(PRESETS)])
def test_presets(explorer, number, preset):
    label, operands = preset
    explorer.locator(".tref-preset").nth(number).click()
    assert explorer.locator(".tref-preset").nth(number).text_content() == label
    explanation = broadcasting.explain(*operands.values(), names=[*operands])
    for step in range(6):
        choose(explorer, step)
        expect(sentence(explorer)).to_have_text(explanation.steps[step])
    assert rows(explorer) == finished(explanation)
    assert explorer.locator(".tref-notes li").all_text_contents() == list(explanation.notes()[1:])
    for name, shape in operands.items():
        expect(explorer.get_by_label(f"Shape of {name}", exact=True)).to_have_value(str(shape))


@pytest.mark.parametrize(
    "shapes",
    [
        ((4, 1), (1, 3)),
        ((3, 4), (2, 4)),
        ((3, 1), (1, 0)),
        ((), (3,)),
        ((), ()),
        ((5, 1), (5,)),
        ((1,) * 64, (2,)),
        ((10**30, 1), (2**53 + 1,)),
        ((3, 4, 5), (2, 4, 6)),
    ],
)
def test_typed_shapes(explorer, shapes):
    choose(explorer, 5)
    for name, shape in zip(["x", "bias"], shapes, strict=True):
        fill(explorer, name, str(shape))
    explanation = broadcasting.explain(*shapes, names=["x", "bias"])
    expect(sentence(explorer)).to_have_text(explanation.steps[5])
    assert explorer.locator(".tref-notes li").all_text_contents() == list(explanation.notes()[1:])
    if explanation.axes:
        assert rows(explorer) == finished(explanation)
    else:
        assert rows(explorer) == [["axis"], ["x", "scalar"], ["bias", "scalar"], ["result", "scalar"]]


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
    for number, step in enumerate([0, 5, 3]):
        control = page.locator(".tensorref-explorer").nth(number)
        expect(control.get_by_role("button", name=STEPS[step], exact=True)).to_have_attribute("aria-pressed", "true")
    third = page.locator(".tensorref-explorer").nth(2)
    choose(third, 5)
    explanation = broadcasting.explain((5, 1), (5,), (), names=["prediction", "target", "<i>scale</i>"], itemsize=2)
    assert third.locator(".tref-notes li").all_text_contents() == list(explanation.notes()[1:])


BAD = {
    "": "There is no shape; write one, such as (4, 1), or () for a scalar.",
    "(32, 10": "Position 1: '(' is not closed; add ')' after the last size.",
    "(4, -1)": "Position 5: a size is 0 or more; write the size itself, only reshape works out -1.",
    "(4, 2.5)": "Position 6: a size is a whole number; leave out the point and what follows it.",
    "(B, T)": "Position 2: 'B' is not part of a shape; write sizes in digits, such as (4, 1).",
    "(4, 1) (1, 3)": "Position 8: a second shape begins here; write one shape, such as (4, 1).",
    f"({'1,' * 65})": "The shape has 65 axes, the most is 64; merge some of them.",
    "9" * 10_000: "Position 1: a size has at most 64 digits, this one has 10000; write a smaller one.",
    "(" * 10_000: "Position 2: a shape holds sizes, not shapes; leave out the inner '('.",
    "a" * 10_000: "Position 1: 'aaaaaaaaaaaaaaaaaaaa…' is not part of a shape; write sizes in digits, such as (4, 1).",
    "<img src=x onerror=alert(1)>": "Position 1: '<' is not part of a shape; write sizes in digits, such as (4, 1).",
    "</p><script>alert(1)</script>": "Position 1: '<' is not part of a shape; write sizes in digits, such as (4, 1).",
    "__proto__": "Position 1: '__proto__' is not part of a shape; write sizes in digits, such as (4, 1).",
    "constructor": "Position 1: 'constructor' is not part of a shape; write sizes in digits, such as (4, 1).",
    "{position}": "Position 1: '{' is not part of a shape; write sizes in digits, such as (4, 1).",
    "\u202e(4)": "Position 1: '\u202e' is not part of a shape; write sizes in digits, such as (4, 1).",
    "مصفوفة": "Position 1: 'م' is not part of a shape; write sizes in digits, such as (4, 1).",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: ascii(text)[:30])
def test_bad_input_is_said_beside_the_field(explorer, text):
    choose(explorer, 5)
    before = rows(explorer)
    elements = explorer.page.evaluate("document.querySelectorAll('body *').length")
    fill(explorer, "x", text)
    expect(problem(explorer, "x")).to_have_text(f"{BAD[text]} {LABELS['kept']}", use_inner_text=False)
    assert problem(explorer, "x").get_attribute("aria-live") == "polite"
    assert rows(explorer) == before
    assert explorer.page.evaluate("document.querySelectorAll('body *').length") == elements
    choose(explorer, 4)
    assert rows(explorer)[2] == ["bias", "(1) → 32", "(1) → 10", "64"]
    fill(explorer, "x", "(2, 64)")
    field = explorer.get_by_label("Shape of x", exact=True)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    assert field.get_attribute("aria-describedby") is None
    expect(explorer.locator(".tref-problem").first).to_be_empty()
    assert rows(explorer)[1] == ["x", "2", "64"]


def test_bad_input_is_said_when_the_field_is_left(explorer):
    explorer.page.clock.install()  # time stands still, so that patience has no end
    fill(explorer, "x", "(4,")
    explorer.page.clock.run_for(100)
    expect(explorer.locator(".tref-problem").first).to_be_empty()
    explorer.get_by_label("Shape of x", exact=True).press("Tab")
    expect(explorer.locator(".tref-problem").first).not_to_be_empty()


def test_a_preset_mends_bad_input(explorer):
    fill(explorer, "x", "?")
    expect(problem(explorer, "x")).not_to_be_empty()
    explorer.get_by_role("button", name="Simple broadcast").click()
    expect(explorer.locator("[aria-invalid]")).to_have_count(0)
    expect(explorer.get_by_label("Shape of a", exact=True)).to_have_value("(4, 1)")


def test_explorers_do_not_disturb_one_another(visit):
    page = visit()
    first, second, third = page.locator(".tensorref-explorer").all()
    before = second.inner_text(), third.inner_text()
    choose(first, 4)
    fill(first, "x", "(7, 64)")
    fill(first, "bias", "nonsense")
    expect(problem(first, "bias")).not_to_be_empty()
    assert (second.inner_text(), third.inner_text()) == before
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len({*ids})


def test_it_can_be_used_by_keyboard_alone(explorer):
    page = explorer.page
    explorer.get_by_label("Shape of x", exact=True).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("4x1")
    page.keyboard.press("Tab")
    page.keyboard.type("1x3")
    for _ in range(len(PRESETS) + 1):
        page.keyboard.press("Tab")
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) == "0 Shapes"
    page.keyboard.press("End")
    assert page.evaluate(focused) == "5 Result"
    explanation = broadcasting.explain((4, 1), (1, 3), names=["x", "bias"])
    expect(sentence(explorer)).to_have_text(explanation.steps[5])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "tref-scroll"
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(explorer.get_by_label("Shape of a", exact=True)).to_have_value("(3, 4)")


def test_what_a_screen_reader_meets(explorer):
    choose(explorer, 3)
    expect(explorer).to_match_aria_snapshot("""
      - group "Broadcasting explorer":
        - textbox "Shape of x": (32, 10, 64)
        - textbox "Shape of bias": (64,)
        - group "Try":
          - button "Simple broadcast"
          - button "One element"
          - button "Same shapes"
          - button "Incompatible"
          - button "Add a bias"
        - group "Step":
          - button "0 Shapes"
          - button "1 Align right"
          - button "2 Pad with 1"
          - button "3 Compare" [pressed]
          - button "4 Expand"
          - button "5 Result"
        - status: "From the right: axis -1 has 64, 64: equal; axis -2 has 10, 1: expands; axis -3 has 32, 1: expands."
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
              - row "bias (1) padded (1) padded 64":
                - rowheader "bias"
                - cell "(1) padded"
                - cell "(1) padded"
                - cell "64"
              - row "verdict expands expands equal":
                - rowheader "verdict"
                - cell "expands"
                - cell "expands"
                - cell "equal"
    """)


@pytest.mark.parametrize("theme", ["furo", "alabaster", "basic"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_step(visit, theme, scheme):
    # The checker adds a script to the page, which the policy of the basic theme would forbid.
    page = visit(theme, color_scheme=scheme, bypass_csp=True)
    for step in range(6):
        for explorer in page.locator(".tensorref-explorer").all():
            choose(explorer, step)
        if step == 2:
            fill(page.locator(".tensorref-explorer").first, "x", "nonsense")
            expect(problem(page.locator(".tensorref-explorer").first, "x")).not_to_be_empty()
        page.mouse.move(0, 0)
        found = Axe().run(page, context=".tensorref-explorer")
        assert found.response["testEngine"]["name"] == "axe-core"
        assert found.violations_count == 0, found.generate_report()


def test_axe_would_find_something(visit):
    page = visit()
    page.add_style_tag(content=".tref-sentence { color: #ddd; background: #fff; }")
    page.evaluate("document.querySelector('.tref-field label').remove()")
    found = {violation["id"] for violation in Axe().run(page, context=".tensorref-explorer").response["violations"]}
    assert {"color-contrast", "label"} <= found


@pytest.mark.parametrize("theme", ["furo", "alabaster"])
@pytest.mark.parametrize("shape", ["(32, 10, 64)", str((1,) * 64), str((10**30,) * 5), "9" * 64 + "," + "8" * 64])
def test_a_narrow_page_does_not_scroll_sideways(visit, theme, shape):
    page = visit(theme)
    page.set_viewport_size({"width": 320, "height": 640})
    explorer = page.locator(".tensorref-explorer").first
    fill(explorer, "x", shape)
    for step in range(6):
        choose(explorer, step)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    scroll = explorer.locator(".tref-scroll")
    assert scroll.evaluate("(part) => part.scrollWidth > part.clientWidth")
    scroll.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_targets_are_large_enough(visit):
    page = visit()
    page.set_viewport_size({"width": 320, "height": 640})
    for target in page.locator(".tensorref-explorer").first.locator("button, input").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 31.9, target.text_content()


def test_nothing_jumps_from_step_to_step(visit):
    explorer = visit().locator(".tensorref-explorer").first
    sizes = []
    for step in range(6):
        choose(explorer, step)
        sizes.append(explorer.locator("table.tref-axes").evaluate("(table) => [table.offsetWidth, table.offsetHeight]"))
    assert all(size == sizes[0] for size in sizes), sizes


MOVING = "document.getAnimations().filter((a) => a.effect.target.closest('.tensorref-explorer')).length"


@pytest.mark.parametrize(("motion", "moves"), [("no-preference", True), ("reduce", False)])
def test_motion(visit, motion, moves):
    page = visit(reduced_motion=motion)
    explorer = page.locator(".tensorref-explorer").first
    moving = explorer.get_by_role("button", name=STEPS[1], exact=True).evaluate(
        f"(b) => {{ b.click(); return {MOVING}; }}"
    )
    assert bool(moving) == moves
    assert rows(explorer)[2] == ["bias", "", "", "64"]


def test_forced_colors_keep_the_borders(visit):
    explorer = visit(forced_colors="active").locator(".tensorref-explorer").nth(1)
    style = "(cell) => [getComputedStyle(cell).borderTopStyle, parseFloat(getComputedStyle(cell).borderTopWidth) > 0]"
    assert explorer.locator("tbody td[data-verdict=conflict]").first.evaluate(style) == ["double", True]
    assert explorer.locator("[aria-pressed=true]").evaluate(style) == ["solid", True]
    fill(explorer, "a", "(4,)")
    assert explorer.locator("td[data-padded]").first.evaluate(style) == ["dotted", True]
    choose(explorer, 2)
    assert explorer.locator("td[data-padded]").first.evaluate(style) == ["dashed", True]


def test_verdicts_differ_without_color(visit):
    explorer = visit().locator(".tensorref-explorer").first
    fill(explorer, "x", "(3, 10, 64)")
    fill(explorer, "bias", "(2, 1, 64)")
    choose(explorer, 3)
    assert explorer.locator(".tref-verdicts td").all_text_contents() == ["≠ conflict", "→ expands", "= equal"]


def test_without_javascript_the_table_is_there(visit):
    page = visit(java_script_enabled=False)
    explorer = page.locator(".tensorref-explorer").first
    assert page.locator(".tref-panel").count() == 0
    cells = [cell.strip() for cell in explorer.locator("th, td").all_text_contents()]
    assert cells == [cell for row in BIAS.table() for cell in row]
    expect(explorer.locator("table")).to_be_visible()
    expect(explorer.get_by_text(BIAS.notes()[0])).to_be_visible()


def test_print_shows_the_table(visit):
    page = visit()
    explorer = page.locator(".tensorref-explorer").first
    static = explorer.locator("table:not(.tref-axes)")
    expect(static).to_be_hidden()
    page.emulate_media(media="print")
    expect(static).to_be_visible()
    expect(explorer.locator(".tref-panel")).to_be_hidden()


def test_a_strict_policy_forbids_nothing_that_it_needs(visit):
    page = visit("basic")
    assert "unsafe" not in page.request.get(page.url).headers["content-security-policy"]
    explorer = page.locator(".tensorref-explorer").first
    fill(explorer, "x", "(7, 1)")
    fill(explorer, "bias", "(5,)")
    for step in range(6):
        choose(explorer, step)
    expect(sentence(explorer)).to_have_text("The result has shape (7, 5), 35 elements.")
    width = explorer.locator(".tref-result td").first.evaluate("(cell) => cell.style.minWidth")
    assert re.fullmatch(r"calc\(.*\)", width)


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
    choose(explorer, 0)
    expect(sentence(explorer)).to_have_text("prediction (5, 1), target (5,), <i>scale</i> ().")
    assert rows(explorer)[3] == ["<i>scale</i>", "scalar"]


def test_no_script_makes_markup_or_code_of_text():
    import tensorref.sphinxext.broadcasting as directive

    scripts = [*(Path(directive.__file__).parent / "static/tensorref").glob("*.js")]
    assert len(scripts) > 5
    for script in scripts:
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|Function\(|document\.write|fetch\(|https?:",
            script.read_text(encoding="utf-8"),
        )
        assert found == [], script.name
