"""The explorer in themes with a mind of their own: styles of elements, dark mode by a button, code that runs on hashes."""

import pytest
from playwright.sync_api import expect

from tensorref import broadcasting

INDEX = """\
# Explorers

```{toctree}
other
```

```{broadcasting} (32, 10, 64) (64,)
:names: x, bias
```

## Second

```{broadcasting} (3, 4) (2, 4)
:step: 5
```
"""
CONF = """\
extensions = ["myst_parser", "tensorref.sphinxext"]
project, language = "small", "en"
html_context = {"default_mode": "auto"}
"""
FILES = {"index.md": INDEX, "other.md": "# Other\n\nNo explorer.\n", "conf.py": CONF}
THEMES = ("pydata_sphinx_theme", "alabaster")
pytestmark = pytest.mark.full

BIAS = broadcasting.explain((32, 10, 64), (64,), names=["x", "bias"])
MIXED = broadcasting.explain((5, 1), (5,), names=["x", "bias"])


@pytest.fixture(scope="module")
def site(publish):
    """Return the address of a project that is built with each theme."""
    return publish(FILES, **{theme: ["-D", f"html_theme={theme}"] for theme in THEMES})


@pytest.fixture
def visit(visit):
    """Let a theme say which mode it is in, which it does on the console."""
    yield visit
    visit.complaints[:] = [said for said in visit.complaints if not said.startswith("log: [PST]: ")]


@pytest.fixture(params=THEMES)
def theme(request):
    return request.param


def colors(explorer):
    """Return the lightness of the text and of what is behind it."""
    return explorer.locator(".tref-panel").evaluate(
        """(panel) => {
          const light = (color) => {
            const canvas = new OffscreenCanvas(1, 1).getContext("2d");
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
            return a ? (r + g + b) / 3 : null;
          };
          const behind = [];
          for (let part = panel; part; part = part.parentElement) behind.push(light(getComputedStyle(part).backgroundColor));
          return [light(getComputedStyle(panel).color), behind.find((found) => found !== null) ?? 255];
        }"""
    )


def test_it_works(visit, theme):
    explorer = visit(theme).locator(".tensorref-explorer").first
    for step, text in enumerate(BIAS.steps):
        explorer.locator(".tref-steps button").nth(step).click()
        expect(explorer.get_by_role("status")).to_have_text(text)
    explorer.get_by_label("Shape of x", exact=True).fill("(5, 1)")
    explorer.get_by_label("Shape of bias", exact=True).fill("5")
    verdict, warning, *rest = MIXED.notes()
    assert verdict == MIXED.steps[-1]
    expect(explorer.get_by_role("status")).to_contain_text(verdict)
    expect(explorer.get_by_role("status")).to_contain_text(warning)
    assert explorer.locator(".tref-notes li").all_text_contents() == rest


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_for_assistive_technology(axe, visit, theme, scheme):
    page = visit(theme, color_scheme=scheme)
    first = page.locator(".tensorref-explorer").first
    for step in range(6):
        first.locator(".tref-steps button").nth(step).click()
        assert axe(page, ".tensorref-explorer") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_colors_are_those_of_the_theme(visit, scheme):
    page = visit("pydata_sphinx_theme", color_scheme=scheme)
    text, ground = colors(page.locator(".tensorref-explorer").first)
    assert (text < ground) == (scheme == "light")
    assert abs(text - ground) > 120


def test_the_button_of_the_theme_turns_it_dark(axe, visit):
    page = visit("pydata_sphinx_theme", color_scheme="light")
    page.locator("html").evaluate("(root) => { root.dataset.theme = 'dark'; }")
    text, ground = colors(page.locator(".tensorref-explorer").first)
    assert text > ground
    assert axe(page, ".tensorref-explorer") == []


@pytest.mark.parametrize("width", [1000, 320])
def test_the_page_does_not_scroll_sideways(visit, theme, width):
    page = visit(theme)
    page.set_viewport_size({"width": width, "height": 900})
    for explorer in page.locator(".tensorref-explorer").all():
        explorer.locator(".tref-steps button").last.click()
        explorer.locator("summary").click()
    measure = "document.documentElement.scrollWidth"
    with_explorers = page.evaluate(measure)
    box = page.locator(".tref-panel").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    # The header of a theme may be wider than the page by itself.
    page.locator(".tensorref-explorer").evaluate_all(
        "(explorers) => explorers.forEach((explorer) => explorer.remove())"
    )
    assert page.evaluate(measure) == with_explorers


def test_a_link_brings_back_what_it_says(visit, theme):
    page = visit(theme)
    explorer = page.locator(".tensorref-explorer").nth(1)
    explorer.get_by_label("Shape of a", exact=True).fill("(5, 1)")
    explorer.get_by_label("Shape of b", exact=True).fill("5")
    explorer.get_by_role("button", name="4 Expand").click()
    explorer.get_by_role("link", name="Link to this").click()
    expect(explorer.get_by_role("button", name="4 Expand")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(explorer.get_by_label("Shape of a", exact=True)).to_have_value("(5, 1)")
    expect(explorer.get_by_role("button", name="4 Expand")).to_have_attribute("aria-pressed", "true")
    expect(explorer.locator(".tref-panel")).to_be_in_viewport()
    expect(page.locator(".tensorref-explorer").first.get_by_label("Shape of x", exact=True)).to_have_value(
        "(32, 10, 64)"
    )


def test_a_page_without_an_explorer_loads_nothing_of_it(visit, theme):
    page = visit(theme, "other")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if "/tensorref/" in name] == []
