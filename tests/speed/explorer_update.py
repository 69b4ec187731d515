"""Measure how long an explorer takes from a changed text to a finished layout, for random inputs, in Chromium.

``nox -s speed`` runs it. An update sets the texts of all fields, sends one ``input`` event, and forces style and
layout; before it, the explorer stands at its last step, where everything is drawn. A frame of a screen lasts 16 ms.
Beside the time by the clock stands what the page's thread spent on it, which other programs disturb less.
"""

import argparse
import functools
import http.server
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from tensorref import __version__

FRAME = 16.0  # milliseconds
LONGEST = 120  # characters of an input that are printed
LARGE = (32, 128, 4096, 4096)
CONF = 'extensions = ["myst_parser", "tensorref.sphinxext"]\nhtml_theme, language = "furo", "en"\n'
SPENT = {"script": "ScriptDuration", "style": "RecalcStyleDuration", "layout": "LayoutDuration"}
UPDATE = """
(texts) => {
  const root = document.querySelector(".tensorref-explorer");
  const fields = [...root.querySelectorAll("input")];
  if (fields.length !== texts.length) throw new Error(`${texts.length} texts for ${fields.length} fields`);
  const start = performance.now();
  for (const [at, field] of fields.entries()) field.value = texts[at];
  fields[0].dispatchEvent(new Event("input", { bubbles: true }));
  root.getBoundingClientRect();
  const clock = performance.now() - start;
  const wrong = [...root.querySelectorAll(".tref-problem")].map((problem) => problem.textContent).join("");
  const isLast = root.querySelector(".tref-steps button:last-child").getAttribute("aria-pressed") === "true";
  return { clock, wrong, isLast, elements: root.querySelectorAll("*").length };
}
"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the pages."""

    def log_message(self, *_args):
        """Say nothing."""


def size(random_):
    """Return a size: mostly an everyday one, now and then 0, 1 or one beyond all memory."""
    kind = random_.random()
    if kind < 0.1:
        return random_.choice((0, 1, 1))
    if kind < 0.8:
        return random_.choice((2, 3, 4, 7, 12, 32, 64, 128, 768, 4096, 50257))
    return random_.randrange(10 ** random_.randint(1, 30) + 1)


def rank(random_):
    """Return a rank from 0 to 64; half of them are up to 5, as most tensors are."""
    return random_.randint(0, 5) if random_.random() < 0.5 else random_.randint(0, 64)


def operands(random_, axes, count):
    """Return shapes that broadcast to `axes`, but for one in four, where a size may be wrong."""
    shapes = []
    for _ in range(count):
        own = axes[random_.randint(0, len(axes)) :] if random_.random() < 0.5 else axes
        shapes.append([1 if random_.random() < 0.3 else axis for axis in own])
    if random_.random() < 0.25 and any(shapes):
        wrong = random_.choice([shape for shape in shapes if shape])
        wrong[random_.randrange(len(wrong))] = size(random_)
    return shapes


def written(shape):
    """Write a shape as Python does."""
    return str(tuple(shape))


def broadcasting(random_, count):
    """Return shapes for `count` fields."""
    axes = LARGE if random_.random() < 0.05 else [size(random_) for _ in range(rank(random_))]
    return [*map(written, operands(random_, [*axes], count))]


def matmul(random_, _count):
    """Return the shapes of two operands, whose inner sizes agree but for one in eight."""
    row, inner, column = (size(random_) for _ in range(3))
    batch = [size(random_) for _ in range(min(rank(random_), 62))]
    first, second = operands(random_, batch, 2)
    second_inner = size(random_) if random_.random() < 0.125 else inner
    left = [inner] if random_.random() < 0.1 else [*first, row, inner]
    right = [second_inner] if random_.random() < 0.1 else [*second, second_inner, column]
    return [written(left), written(right)]


def layout(random_, _count):
    """Return a shape whose bytes PyTorch can count, and operations on it, some of which it refuses."""
    shape = [random_.choice((0, 1, 2, 3, 4, 8, 12)) for _ in range(random_.randint(0, 16))]
    if random_.random() < 0.3:
        shape = random_.choice(([*LARGE], [2**10, 2**10], [1] * 64, [8, 1024, 12, 64]))
    operations = []
    for _ in range(random_.randint(0, 8)):
        axis = random_.randint(-3, 3)
        choices = (
            *(
                ".mT",
                ".contiguous()",
                ".reshape(-1)",
                ".view(-1)",
                "[::2]",
                "[None]",
                "[..., 0]",
                "[1:]",
                "[..., None]",
            ),
            *(f".transpose({axis}, -1)", ".expand(2, -1, -1)", f".view({axis + 5}, -1)"),
        )
        operations.append(random_.choice(choices))
    return [written(shape), "".join(operations)]


def indexing(random_, _count):
    """Return a shape and an index, which may take more axes than there are or reach beyond one."""
    shape = LARGE if random_.random() < 0.1 else [size(random_) for _ in range(random_.randint(0, 8))]
    entries = (
        *(":", "0", "-1", "1:", "::2", "::-1", "None", "...", "True"),
        *("[0, 1]", "[[0], [1]]", "[[5, 23, 7], [42, 0, 0]]", "[True, False, True]"),
    )
    return [written(shape), f"x[{', '.join(random_.choices(entries, k=random_.randint(1, 6)))}]"]


def reduction(random_, _count):
    """Return a shape, and up to four of its axes, now and then one that it has not."""
    shape = LARGE if random_.random() < 0.05 else [size(random_) for _ in range(rank(random_))]
    axes = [random_.randint(-len(shape), len(shape)) for _ in range(random_.randint(1, 4))]
    axis = random_.choice((None, axes[0], tuple(axes)))
    return [written(shape), f"axis={axis} keepdims={random_.random() < 0.5}"]


def einsum(random_, count):
    """Return an equation of three letters an operand, and shapes that may not fit it."""
    letters = ["".join(random_.sample("abcdef", 3)) for _ in range(count - 1)]
    sizes = {letter: size(random_) for letter in "abcdef"}
    shapes = [[sizes[letter] if random_.random() < 0.98 else 7 for letter in own] for own in letters]
    return [f"{','.join(letters)}->{letters[0][:2]}", *map(written, shapes)]


# A page for each number of fields, and what goes into them.
KINDS = {
    "broadcasting": ({count: f"{'(4, 3) ' * count}" for count in range(2, 7)}, broadcasting),
    "matmul": ({2: "(4, 3) (3, 5)"}, matmul),
    "layout": ({2: "(4, 3) .mT"}, layout),
    "indexing": ({2: "(4, 3) x[0]"}, indexing),
    "reduction": ({2: "(4, 3) axis=0"}, reduction),
    "einsum": ({2: "ij->i (4, 3)", 3: "ij,jk->ik (4, 3) (3, 5)", 4: "i,i,i-> (3,) (3,) (3,)"}, einsum),
}


def build(folder, kinds):
    """Build a page for each number of fields of each kind."""
    source = folder / "source"
    source.mkdir()
    pages = {f"{kind}-{count}": (kind, text) for kind in kinds for count, text in KINDS[kind][0].items()}
    for name, (kind, text) in pages.items():
        page = f"---\norphan: true\n---\n# Measured\n\n```{{{kind}}} {text}\n```\n"
        (source / f"{name}.md").write_text(page, encoding="utf-8")
    (source / "index.md").write_text("# Measured\n", encoding="utf-8")
    (source / "conf.py").write_text(CONF, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", source, folder / "site"], check=True)


def launch(playwright):
    """Start the browser that TENSORREF_BROWSER names, or else one that is there."""
    named = os.environ.get("TENSORREF_BROWSER")
    installed = map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    path = named or next(filter(None, installed), None)
    # As root, Chromium starts only without its sandbox; the pages are ours.
    switches = ["--disable-gpu", *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    return playwright.chromium.launch(executable_path=path, args=switches)


def update(page, spent, texts):
    """Return what one update took, at the last step of what the texts give."""
    before = spent()
    found = page.evaluate(UPDATE, texts)
    after = spent()
    page.evaluate(PAINTED)
    if not found["isLast"]:
        page.locator(".tref-steps button").last.click()
        return update(page, spent, texts)
    parts = {name: after[name] - before[name] for name in SPENT}
    return {**found, **parts, "thread": sum(parts.values())}


def measure(browser, address, kind, inputs, repeats):
    """Return what each update took at its quickest, and its texts."""
    pages, draw = KINDS[kind]
    random_ = random.Random(2026)  # noqa: S311  inputs, not secrets
    drawn = [(count, draw(random_, count)) for count in (random_.choice([*pages]) for _ in range(inputs))]
    found = []
    for count in pages:
        given = [texts for number, texts in drawn if number == count]
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.goto(f"{address}/{kind}-{count}.html")
        page.locator(".tensorref-explorer[data-live] .tref-steps button").last.click()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        spent = functools.partial(thread_times, session)
        for texts in given[:20]:  # until the browser has compiled the script
            update(page, spent, texts)
        rounds = zip(*([update(page, spent, texts) for texts in given] for _ in range(repeats)), strict=True)
        for measured, texts in zip(rounds, given, strict=True):
            quickest = {key: min(times[key] for times in measured) for key in ("clock", "thread", *SPENT)}
            found.append(({**measured[0], **quickest}, texts))
        page.close()
    return found


def thread_times(session):
    """Return the milliseconds that the page's thread has spent on each part of its work."""
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return {name: 1000 * metrics[metric] for name, metric in SPENT.items()}


def report(kind, found):
    """Print the distribution, what the slowest were, and what was not measured because it could not be read."""
    read = [(times, texts) for times, texts in found if not times["wrong"]]
    print(f"{kind}: {len(read)} updates, {len(found) - len(read)} refused by the parser")
    print(f"  {'':20}{'median':>8}{'90 %':>8}{'99 %':>8}{'most':>8}{'over 16 ms':>12}")
    for label, key in (
        *(("by the clock, ms", "clock"), ("in the thread, ms", "thread")),
        *((f"… {part}", part) for part in SPENT),
        ("elements", "elements"),
    ):
        values = sorted(times[key] for times, _ in read)
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        digits = int(key != "elements")
        shown = "".join(f"{value:8.{digits}f}" for value in (cuts[49], cuts[89], cuts[98], values[-1]))
        over = f"{sum(value > FRAME for value in values):12}" if key in {"clock", "thread"} else ""
        print(f"  {label:20}{shown}{over}")
    for times, texts in sorted(read, key=lambda pair: -pair[0]["thread"])[:3]:
        text = " ".join(texts)
        shown = text if len(text) < LONGEST else f"{text[:LONGEST]}…"
        print(f"  {times['thread']:6.1f} ms, {times['elements']} elements: {shown}")


def main():
    """Measure every kind of explorer, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", default=[*KINDS], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--inputs", type=int, default=1000, help="how many for each kind (1000)")
    parser.add_argument("--repeats", type=int, default=1, help="take the quickest of so many, on a busy machine (1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        build(Path(made), given.kinds)
        handler = functools.partial(Handler, directory=f"{made}/site")
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = launch(playwright)
            cores = os.cpu_count()
            print(f"tensorref {__version__}, Chromium {browser.version}, {platform.machine()}, {cores} cores")
            for kind in given.kinds:
                address = f"http://127.0.0.1:{server.server_port}"
                report(kind, measure(browser, address, kind, given.inputs, given.repeats))
            browser.close()
            server.shutdown()


if __name__ == "__main__":
    main()
