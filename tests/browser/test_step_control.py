"""The step control by itself: the contract, key by key."""

import pytest

MAKE = """
async (options) => {
  const { stepControl } = await import("/furo/_static/tensorref/step-control.js");
  const control = stepControl(options);
  control.id = "made";
  document.querySelector("#made")?.remove();
  document.querySelector("h1").after(control);
  window.made = control;
  const heard = [];
  window.inputs = heard;
  document.body.addEventListener("input", (event) => {
    if (event.target === control) heard.push([control.value, event.bubbles]);
  });
}
"""


@pytest.fixture
def make(visit):
    page = visit()

    def make(**options):
        page.evaluate(MAKE, options)
        return page.locator("#made")

    return make


def state(control):
    return control.evaluate(
        """(control) => {
          const segments = [...control.querySelectorAll("button")];
          const of = (test) => segments.flatMap((segment, index) => (test(segment) ? [index] : []));
          return {
            value: control.value,
            pressed: of((segment) => segment.getAttribute("aria-pressed") === "true"),
            unpressed: of((segment) => segment.getAttribute("aria-pressed") === "false").length,
            reached: of((segment) => segment.tabIndex === 0),
            skipped: of((segment) => segment.getAttribute("tabindex") === "-1").length,
            focused: of((segment) => segment === document.activeElement),
          };
        }"""
    )


def at(step, *, focused=True, count=6):
    others = count - 1
    return {
        "value": step,
        "pressed": [step],
        "unpressed": others,
        "reached": [step],
        "skipped": others,
        "focused": [step] if focused else [],
    }


def test_it_starts_at_min(make):
    control = make(max=5)
    assert state(control) == at(0, focused=False)
    assert control.get_by_role("button").all_text_contents() == ["0", "1", "2", "3", "4", "5"]
    assert control.get_attribute("aria-label") == "Step control"


def test_it_starts_at_value_and_has_a_label(make):
    control = make(min=0, max=5, value=2, label="Step", names=["Shapes", "Align", "Pad"])
    assert state(control) == at(2, focused=False)
    assert (control.get_attribute("role"), control.get_attribute("aria-label")) == ("group", "Step")
    assert control.get_by_role("button", name="1 Align", exact=True).count() == 1
    assert control.get_by_role("button", name="3", exact=True).count() == 1


KEYS = [
    ("ArrowRight", 2, 3),
    ("ArrowDown", 2, 3),
    ("ArrowLeft", 2, 1),
    ("ArrowUp", 2, 1),
    ("ArrowRight", 5, 5),
    ("ArrowDown", 5, 5),
    ("ArrowLeft", 0, 0),
    ("ArrowUp", 0, 0),
    ("Home", 3, 0),
    ("End", 3, 5),
    ("Home", 0, 0),
    ("End", 5, 5),
]


def test_every_key(make, subtests):
    for key, start, end in KEYS:
        with subtests.test(f"{key} at {start}"):
            control = make(max=5, value=start)
            control.get_by_role("button").nth(start).focus()
            control.page.keyboard.press(key)
            assert state(control) == at(end)
            assert control.page.evaluate("inputs") == ([] if start == end else [[end, True]])


def test_other_keys_are_left_alone(make, subtests):
    for key in ("Alt+ArrowLeft", "Control+End", "Shift+ArrowRight", "Tab", "a"):
        with subtests.test(key):
            control = make(max=5, value=2)
            control.get_by_role("button").nth(2).focus()
            control.page.keyboard.press(key)
            assert state(control)["value"] == 2
            assert control.page.evaluate("inputs") == []


def test_a_click_or_its_key_selects(make, subtests):
    for key in ("Enter", "Space"):
        with subtests.test(key):
            control = make(max=5)
            control.get_by_role("button").nth(3).click()
            assert state(control)["value"] == 3
            control.get_by_role("button").nth(1).press(key)
            assert state(control)["value"] == 1
            assert control.page.evaluate("inputs") == [[3, True], [1, True]]


def test_negative_steps(make):
    control = make(min=-1, max=1)
    assert control.get_by_role("button").all_text_contents() == ["-1", "0", "1"]
    control.get_by_role("button").first.press("End")
    assert state(control)["value"] == 1


def test_value_can_be_set(make):
    control = make(max=5)
    control.evaluate("(control) => { control.value = 4; control.value = 4; }")
    assert state(control) == at(4, focused=False)
    assert control.page.evaluate("inputs") == [[4, True]]


BAD = [
    ({"min": 3, "max": 2}, "max is 2 and min is 3; give whole numbers, max no less than min"),
    ({}, "max is undefined and min is 0; give whole numbers, max no less than min"),
    ({"max": 2.5}, "max is 2.5 and min is 0; give whole numbers, max no less than min"),
    ({"max": 5, "value": 6}, "value is 6; give a whole number from 0 to 5"),
    ({"max": 5, "value": -1}, "value is -1; give a whole number from 0 to 5"),
    ({"max": 5, "value": "2"}, "value is 2; give a whole number from 0 to 5"),
]


def test_bad_options(visit, subtests):
    page = visit()
    for options, error in BAD:
        with subtests.test(error):
            said = page.evaluate(
                """async (options) => {
                  const { stepControl } = await import("/furo/_static/tensorref/step-control.js");
                  try { return stepControl(options); } catch (error) { return [error.constructor.name, error.message]; }
                }""",
                options,
            )
            assert said == ["RangeError", error]


def test_a_bad_value_changes_nothing(make):
    control = make(max=5, value=2)
    said = control.evaluate("(control) => { try { control.value = 9; } catch (error) { return error.name; } }")
    assert said == "RangeError"
    assert state(control)["value"] == 2
