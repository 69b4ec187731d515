"""The field for a message on the built site: what a reader sees who pastes a traceback, on each page that has it."""

import pytest
from playwright.sync_api import expect

TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 12, in <module>
    logits = layer(x)
RuntimeError: mat1 and mat2 shapes cannot be multiplied (32x784 and 512x10)
"""


@pytest.fixture(scope="module")
def site(documentation):
    return documentation


def test_a_traceback_is_explained_before_any_search(visit, documentation):
    page = visit("errors", "index")
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    for name in ("index", "errors/index"):
        page.goto(f"{documentation}/{name}.html")
        page.wait_for_load_state("networkidle")
        assert "errors.json" not in asked
        page.locator(".error-find textarea").fill(TRACEBACK)
        answer = page.locator(".error-answer")
        expect(answer).to_contain_text("Mend: Give the layer as many input features")
        assert "errors.json" in asked
        asked.clear()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    expect(page.locator(".error-find textarea")).to_have_value(TRACEBACK.splitlines()[-1].partition(": ")[2])
    expect(page.locator(".error-answer a")).to_have_attribute(
        "href", f"{documentation}/errors/shape.html#mat1-mat2-shapes"
    )
    page.locator(".error-answer a").click()
    expect(page.locator("#mat1-mat2-shapes svg[role=img]")).to_be_in_viewport()


def test_what_is_not_known_says_so_and_leaves_the_search(visit, documentation):
    page = visit("errors", "index")
    box, answer = page.locator(".error-find textarea"), page.locator(".error-answer")
    box.fill("RuntimeError: nobody has said this yet")
    expect(answer).to_contain_text("No message in it is known here.")
    box.fill("unsqueeze")
    expect(answer).to_be_empty()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{documentation}/search.html?q=unsqueeze")
