"""The tests of pages share one page: what one of them leaves does not reach the next, and its complaints stay its own."""

import pytest

# What a page knows of tests before, and what it says of how it is seen.
STATE = """() => ({
  left: [window.left, localStorage.length, sessionStorage.length, document.cookie, document.querySelectorAll("#left").length],
  seen: [innerWidth, innerHeight, matchMedia("print").matches, matchMedia("(prefers-color-scheme: dark)").matches],
  felt: [matchMedia("(prefers-reduced-motion)").matches, matchMedia("(forced-colors: active)").matches],
  hovered: document.querySelectorAll("button:hover").length,
  focused: document.activeElement.localName,
  place: [location.hash, scrollY],
})"""
LEAVE = """() => {
  window.left = true;
  localStorage.left = sessionStorage.left = document.cookie = "left=1";
  document.querySelector("h1").id = "left";
  scrollTo(0, 300);
  location.hash = "#left";
}"""


def test_nothing_is_left_for_the_next_test(visits):
    with visits() as visit:
        page = visit()
        clean = page.evaluate(STATE)
        fields = page.locator(".tref-field input").evaluate_all("(all) => all.map((field) => field.value)")
    with visits() as visit:
        page = visit()
        page.evaluate(LEAVE)
        page.locator(".tref-field input").first.fill("(7, 64)")
        page.set_viewport_size({"width": 400, "height": 300})
        page.emulate_media(color_scheme="dark", reduced_motion="reduce", forced_colors="active")
        page.locator(".tref-steps button").nth(3).hover()
        page.route("**/*.css", lambda route: route.abort())
        page.context.route("**/*.js", lambda route: route.abort())
        page.context.grant_permissions(["clipboard-read"])
        page.context.new_page()
        dirty = page.evaluate(STATE)
        assert [key for key in clean if dirty[key] == clean[key]] == []
        page.emulate_media(media="print")
    with visits() as visit:
        page = visit()
        assert page.evaluate(STATE) == clean
        assert page.locator(".tref-field input").evaluate_all("(all) => all.map((field) => field.value)") == fields
        assert (
            page.evaluate("navigator.permissions.query({ name: 'clipboard-read' }).then(({ state }) => state)")
            == "prompt"
        )
        assert page.evaluate("document.styleSheets.length") > 2
        assert page.context.pages == [page]


@pytest.mark.parametrize(
    "complaint",
    [
        "console.warn('left')",
        "setTimeout(() => { throw new Error('left') })",
        "alert('left')",
    ],
)
def test_a_complaint_fails_its_own_test(visits, complaint):
    with pytest.raises(AssertionError, match="left"), visits() as visit:
        visit().evaluate(complaint)
    with visits() as visit:
        visit()


def test_a_context_of_its_own_is_watched_too(visits):
    with pytest.raises(AssertionError, match="left"), visits() as visit:
        visit(alone=True).evaluate("setTimeout(() => { throw new Error('left') })")


def test_to_ask_another_host_fails_a_test(visits, serve, tmp_path):
    (tmp_path / "left").touch()
    with pytest.raises(AssertionError, match="left"), visits() as visit:
        visit().evaluate("(host) => void fetch(`${host}/left`, { mode: 'no-cors' })", serve(tmp_path))
    with visits() as visit:
        visit()


def test_a_page_that_was_closed_is_replaced(visits):
    with visits() as visit:
        visit().close()
    with visits() as visit:
        assert visit().title()
