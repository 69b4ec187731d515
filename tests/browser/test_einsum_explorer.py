"""The explorer of equations on a page: what it shows, marks and refuses, and how many operands it takes."""

import pytest
from playwright.sync_api import expect

from tensorref import einsum
from tensorref.sphinxext.einsum import EinsumDirective
from tensorref.sphinxext.shapes import parse_shapes


@pytest.fixture
def explorer(visit):
    return visit(name="einsum").locator(".tensorref-explorer").first


def type_into(explorer, *texts):
    for place, text in enumerate(texts):
        explorer.get_by_role("textbox").nth(place).fill(text)
        explorer.get_by_role("textbox").nth(place).blur()


def sentence(explorer):
    return explorer.get_by_role("status")


def test_each_preset_says_what_python_says_and_marks_where_a_letter_stands(explorer, marks):
    for preset in EinsumDirective.presets:
        explorer.get_by_role("combobox").select_option(label=preset.label)
        equation, *shapes = preset.fields.values()
        names = [*preset.fields][1:]
        explanation = einsum.explain(equation, *(each.sizes for each in parse_shapes(" ".join(shapes))), names=names)
        warned = [f"⚠ {explanation.warning}"] if explanation.warning else []
        expect(sentence(explorer)).to_have_text("\n".join([explanation.steps[-1], *warned]))
        outcome = "conflict" if explanation.result is None else "warning" if warned else "success"
        expect(sentence(explorer)).to_have_attribute("data-outcome", outcome)
        sizes = dict(zip([*names, "result"], [*explanation.shapes, explanation.result], strict=True))
        found = marks(explorer)
        assert bool(found) == (explanation.result is not None), preset.label
        for cell in found:
            told = cell["said"].partition(" is ")[2].removesuffix(".").split(", ")
            assert {*cell["name"].split(", ")} <= {*told}, preset.label
            read = [sizes[name][int(axis)] for name, axis in (each.removesuffix("]").split(".shape[") for each in told)]
            assert {*read} <= {1, max(read)}, (preset.label, cell)


def test_the_code_does_what_it_says(explorer, run):
    for preset in EinsumDirective.presets:
        explorer.get_by_role("combobox").select_option(label=preset.label)
        equation, *shapes = preset.fields.values()
        explanation = einsum.explain(equation, *(each.sizes for each in parse_shapes(" ".join(shapes))))
        numpy, torch = explorer.locator("pre").all_text_contents()
        if explanation.result is None:
            assert run(numpy) == ["ValueError", explanation.messages.numpy]
            assert run(torch) == ["RuntimeError", explanation.messages.torch]
        else:
            assert run(numpy) == ["", f"{explanation.result}\n"]
            assert run(torch) == ["", f"torch.Size({[*explanation.result]})\n"]


def test_steps_come_to_the_result_letter_by_letter(explorer):
    explanation = einsum.explain("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4), names=["query", "key"])
    for number, said in enumerate(explanation.steps):
        explorer.get_by_role("group", name="Step", exact=True).get_by_role("button").nth(number).click()
        expect(sentence(explorer)).to_have_text(said)
        verdicts = explorer.locator(".tref-verdicts td").all_text_contents()
        kept, summed = ("· kept" if number > 1 else ""), ("Σ summed" if number > 2 else "")
        assert verdicts == [kept, kept, summed, kept]
        result = explorer.locator(".tref-result td").all_text_contents()
        assert result == (["2", "3", "–", "5"] if number > 3 else [""] * 4)


def test_an_equation_that_cannot_be_read_is_said_and_operands_come_and_go(explorer):
    type_into(explorer, "bqd,bkd,bk->bq")
    problem = explorer.locator(".tref-problem").first
    expect(problem).to_contain_text("the number of operands is 3, that of shapes is 2")
    expect(problem).to_contain_text("The picture keeps what could be read last.")
    expect(explorer.locator("[aria-busy=true]").first).to_be_visible()
    explorer.get_by_role("button", name="Add a shape").click()
    type_into(explorer, "bqd,bkd,bk->bq", "(2, 3, 4)", "(2, 5, 4)", "(2, 5)")
    expect(sentence(explorer)).to_have_text("The result has shape (2, 3), 6 elements.")
    assert explorer.get_by_role("button", name="Remove").count() == 3  # the equation stays
    explorer.get_by_role("button", name="Remove a").click()
    expect(problem).to_contain_text("the number of operands is 3, that of shapes is 2")
    type_into(explorer, "bqd,bkd->bz<b>")
    expect(problem).to_contain_text("the output of the equation has '<'; letters are a to z and A to Z.")
    type_into(explorer, "bqd,bkd->bz")
    expect(problem).to_contain_text("the output of the equation has z, which no operand has; leave it out.")
