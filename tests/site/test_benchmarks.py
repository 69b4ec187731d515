"""The benchmarks page: as it was built, and as it follows files of figures that are made up here."""

from __future__ import annotations

import io
import math
import re
import shutil
import subprocess
from pathlib import Path

import benchmarks
import pytest
from benchmarks import plots
from bs4 import BeautifulSoup
from pages import ROOT, SITE, soup
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace, patch_docutils

from tensorref import benchmark
from tensorref.benchmark import Candidate, Ceiling, Comparison, Entry, Measurement, Work

PAGE = SITE / "benchmarks.html"
COMMITTED = sorted((ROOT / "docs" / "benchmarks").glob("*.json"))
BUILT = ROOT / "docs" / "_build" / "benchmark.json"


# As it was built


def test_the_page_names_each_machine_with_its_date_and_versions():
    text = " ".join(soup(PAGE).find("article").get_text().split())
    for file in [*COMMITTED, BUILT]:
        found = benchmark.read(file)
        versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
        assert f"{found.machine}, on {found.date[:10]}, with {versions}." in text
    assert ("No result file is here yet" in text) == (not COMMITTED)


def test_the_page_pretends_nothing_of_an_accelerator():
    text = soup(PAGE).find(id="what-the-course-claims").get_text()
    machines = [benchmark.read(file).machine for file in [*COMMITTED, BUILT]]
    assert text.count("not measured: no accelerator") == sum(machine.accelerator is None for machine in machines)


def test_the_machine_that_built_the_page_shows_all_that_it_measured():
    found, table = benchmark.read(BUILT), soup(PAGE).find(id="the-machine-that-built-this-page").find("table")
    rows = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in table.find_all("tr")[1:]]
    candidates = [(entry, each) for entry in found.entries for each in entry.comparison.candidates]
    assert [row[1] for row in rows] == [each.name for _, each in candidates]
    assert {entry.group for entry, _ in candidates} == {*benchmark.GROUPS} - {"dtypes"}
    assert max(entry.size for entry, _ in candidates) == 1024
    assert ("softmax", 1000) in {(entry.group, entry.size) for entry, _ in candidates}


def test_the_page_is_on_the_first_one_and_links_to_how_it_measures():
    assert soup(PAGE.with_name("index.html")).find("a", href="benchmarks.html")
    assert soup(PAGE).find("article").find("a", href="reference/benchmark.html")


def test_the_page_begins_with_charts_and_folds_its_tables():
    article = soup(PAGE).find("article")
    assert article.find("svg", role="img").find_previous("h2") is None
    tables = article.find_all("table")
    assert len(tables) > 5
    assert all(table.find_parent("details", class_="numbers") for table in tables)
    assert not any("open" in details.attrs for details in article.find_all("details"))


# As it follows the files


def a_comparison(seconds, work, ceilings, spread=0.04):
    first = next(iter(seconds.values()))
    return Comparison(
        tuple(
            Candidate(
                name,
                Measurement(time, (0.98 * time, 1.02 * time), 0.97 * time, 12, 1, "cuda:0"),
                time / first,
                (1.0, 1.0) if time is first else (time / first * (1 - spread), time / first * (1 + spread)),
                work,
                ceilings[name],
            )
            for name, time in seconds.items()
        )
    )


def a_result(accelerator=None, speedups=None):
    """Return figures of a machine that there is not, whose accelerator is so many times as fast as NumPy, by size."""
    slow, fast = Ceiling("cpu", "float32", 1e12, 1e11), Ceiling("cuda:0", "float32", 5e13, 4e12)
    entries = []
    for n, times in (speedups or {64: 1.0, 1024: 1.0}).items():
        work = Work.matmul(n, n, n)
        seconds = {"NumPy": 2 * slow.seconds(work), "PyTorch cpu": 1.9 * slow.seconds(work)}
        if accelerator:
            seconds["PyTorch cuda:0"] = seconds["NumPy"] / times
        ceilings = {name: fast if "cuda" in name else slow for name in seconds}
        entries.append(Entry("matmul", n, "cuda:0" if accelerator else "cpu", a_comparison(seconds, work, ceilings)))
    for device, ceiling in {"cuda:0": fast, "cpu": slow}.items() if accelerator else [("cpu", slow)]:
        work = Work.softmax((1000, 1000))
        seconds = {"torch.softmax": ceiling.seconds(work), "stable by hand": 3.25 * ceiling.seconds(work)}
        entries.append(Entry("softmax", 1000, device, a_comparison(seconds, work, dict.fromkeys(seconds, ceiling))))
    return benchmark.Results(
        1,
        "2026-01-31T12:00:00+00:00",
        benchmark.Machine("Processor X", 8, 8, 2**35, accelerator),
        {"python": "3.12.1", "numpy": "2.5.0", "torch": "2.11.0"},
        benchmark.Settings(("matmul", "softmax"), "cuda:0" if accelerator else "cpu", 8192, 0.2, 30.0, 2**28),
        (slow, fast) if accelerator else (slow,),
        tuple(entries),
        (benchmark.Omission("matmul", 8192, "cpu", "NumPy", "it would take about 99 s, the limit is 30 s"),),
    )


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return a function that builds the page beside stubs and tells which pages were read."""
    source = tmp_path / "docs"
    for name in ("benchmark", "dtypes", "kernels"):
        (source / "reference").mkdir(parents=True, exist_ok=True)
        (source / "reference" / f"{name}.md").write_text(f"# {name}\n")
    (source / "index.md").write_text("# Index\n\n```{toctree}\n:glob:\n\nbenchmarks\nreference/*\n```\n")
    (source / "benchmarks").mkdir()
    shutil.copy(ROOT / "docs" / "benchmarks.md", source)

    def measure(app):
        file = benchmarks._built(app)  # noqa: SLF001
        if not file.exists():
            file.parent.mkdir()
            benchmark.write(a_result(), file)

    monkeypatch.setattr(benchmarks, "_measure", measure)
    settings = {"extensions": ["myst_parser", "benchmarks"], "exclude_patterns": ["_build"], "nitpicky": True}

    def build():
        said, read = io.StringIO(), []
        with patch_docutils(), docutils_namespace():
            folders = source, None, tmp_path / "html", tmp_path / "doctrees"
            app = Sphinx(*folders, "html", settings, io.StringIO(), said)
            app.connect("env-before-read-docs", lambda *given: read.extend(given[2]))
            app.build()
        assert said.getvalue() == ""
        return BeautifulSoup((tmp_path / "html" / "benchmarks.html").read_text("utf-8"), "html.parser"), read

    build.folder = source / "benchmarks"
    return build


def verdicts_on(page):
    items = page.find(id="what-the-course-claims").find_all("li")
    return [" ".join(item.get_text().split()) for item in items]


def test_the_page_follows_the_files_without_an_edit(build):
    page, _ = build()
    assert "No result file is here yet" in page.get_text()
    assert len(page.find_all("svg", role="img")) == 2  # products and ratios of the machine that built the page
    assert verdicts_on(page)[0] == "the machine that built this page: not measured: no accelerator."

    benchmark.write(a_result("Card Y", {64: 0.5, 128: 4, 1024: 40, 8192: 160}), build.folder / "card-y.json")
    page, read = build()
    assert read == ["benchmarks"]
    assert "No result file is here yet" not in page.get_text()
    assert verdicts_on(page)[0] == (
        "card-y: holds for some sizes: 10 to 100 times as fast as NumPy for n = 1024; more than 100 times for n = 8192; "
        "slower for n = 64; less than 10 times for n = 128. At n = 8192 the accelerator is 160 times as fast "
        "(154 – 167); it is the fastest from n = 128 on."
    )
    assert verdicts_on(page)[1].startswith("the machine that built this page: not measured")
    assert "n = 1000 softmax by hand takes 3.25 times as long" in verdicts_on(page)[2]
    machines = " ".join(page.find(id="machines").get_text().split())
    assert (
        "card-y: Processor X, 8 cores, 8 threads, 32 GiB; Card Y, on 2026-01-31, with python 3.12.1, numpy 2.5.0"
        in machines
    )
    assert "Left out: matmul, n = 8192, cpu, NumPy: it would take about 99 s" in machines
    rows = [row.get_text(" ", strip=True) for row in page.find(id="matrix-products").find("table").find_all("tr")]
    assert rows[0] == "n NumPy PyTorch cpu PyTorch cuda:0"
    # 2 · 8192³ operations at half of 10¹² a second are 2.20 s.
    assert rows[4] == "8192 2.20 s 2.09 s, 0.950 × (0.912 – 0.988) 13.7 ms, 0.00625 × (0.00600 – 0.00650)"
    assert len(page.find_all("svg", role="img")) == 5  # products, and on each device the ratios and the roofline

    _, read = build()
    assert read == []
    benchmark.write(a_result("Card Y", {64: 20, 128: 30}), build.folder / "card-y.json")
    page, read = build()
    assert read == ["benchmarks"]
    assert verdicts_on(page)[0].startswith("card-y: holds: 10 to 100 times as fast as NumPy for n = 64 to 128.")
    (build.folder / "card-y.json").unlink()
    page, _ = build()
    assert "card-y" not in page.get_text()


def test_files_stand_by_name_and_one_that_is_cut_off_stops_the_build(build):
    for name in ("b", "a"):
        benchmark.write(a_result(), build.folder / f"{name}.json")
    page, _ = build()
    assert [verdict.partition(":")[0] for verdict in verdicts_on(page)][:2] == ["a", "b"]
    (build.folder / "a.json").write_text("{")
    with pytest.raises(ExtensionError) as raised:
        build()
    assert "a.json is not a whole JSON file" in str(raised.value)


# Its figures


@pytest.fixture(scope="module")
def figures():
    found = a_result("Card Y", {64: 0.5, 128: 4, 1024: 40})
    products = [entry for entry in found.entries if entry.group == "matmul"]
    rest = [entry for entry in found.entries if entry.group == "softmax" and entry.device == "cpu"]
    return {
        "matmul": plots.matmul(products, 128, "Products"),
        "ratios": plots.ratios(rest, "Ratios"),
        "roofline": plots.roofline([*products, *rest], found.ceilings[:1], 'Roof "<&>"'),
    }


@pytest.mark.parametrize("name", ["matmul", "ratios", "roofline"])
def test_a_figure_says_in_words_what_it_shows_and_disturbs_nothing(figures, name):
    page = BeautifulSoup(figures[name], "html.parser")
    picture = page.find("svg")
    assert picture["role"] == "img"
    assert picture["aria-label"].startswith(page.find("figcaption").get_text())
    assert "Both axes are logarithmic" in picture["aria-label"]
    assert not picture.find_all(["style", "script", "metadata"])
    assert not {*picture.attrs} & {"width", "height"}  # it is as wide as there is room
    assert "http" not in figures[name].replace("http://www.w3.org/", "")


def test_no_two_figures_share_an_id(figures):
    ids = [
        element["id"]
        for figure in figures.values()
        for element in BeautifulSoup(figure, "html.parser").find_all(id=True)
    ]
    assert ids
    assert len(ids) == len({*ids})
    for figure in figures.values():
        for target in re.findall(r'(?:href="|url\()#([^")]+)', figure):
            assert f'id="{target}"' in figure


def luminance(color):
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colors_stand_out_on_light_and_on_dark(figures):
    used = {color.lower() for figure in figures.values() for color in re.findall(r"#[0-9a-fA-F]{6}\b", figure)}
    okabe_ito = {"#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}
    assert used
    assert used <= okabe_ito
    for color in plots.COLORS[:-1]:
        for background in ("#ffffff", "#131416"):  # those of furo
            darker, lighter = sorted([luminance(color), luminance(background)])
            assert (lighter + 0.05) / (darker + 0.05) >= 3, (color, background)
    assert all("currentColor" in figure for figure in figures.values())


def marks(figure, color):
    return [
        (float(mark["x"]), float(mark["y"]))
        for mark in BeautifulSoup(figure, "html.parser").find_all("use")
        if color.lower() in mark.get("style", "").lower()
    ]


def test_points_stand_where_the_figures_say_on_logarithmic_axes(figures):
    *points, legend = marks(figures["matmul"], plots.COLORS[2])  # of the accelerator, then in the legend
    (x, y), (x2, y2), (x3, y3) = points
    assert (x3 - x2) / (x2 - x) == pytest.approx(3, rel=1e-3)  # 64 to 128 is one doubling, 128 to 1024 are three
    # NumPy takes twice as long as 10¹² operations or 10¹¹ bytes a second allow.
    rates = [
        2 * n**3 * times / max(2 * n**3 / 1e12, 12 * n**2 / 1e11) for n, times in [(64, 0.5), (128, 4), (1024, 40)]
    ]
    assert (y - y2) / (y2 - y3) == pytest.approx(
        math.log(rates[1] / rates[0]) / math.log(rates[2] / rates[1]), rel=1e-3
    )
    assert y > y2 > y3  # downwards
    assert legend[1] > y


def test_the_crossover_and_the_roof_are_said(figures):
    assert "from n = 128 on the accelerator is the fastest" in figures["matmul"]
    label = BeautifulSoup(figures["roofline"], "html.parser").find("svg")["aria-label"]
    assert (
        label
        == 'Roof "<&>". Both axes are logarithmic. Height of the flat part of the roof: float32 1,000 GFLOP/s from intensity 10.0 on.'
    )


# The machine that builds


@pytest.fixture
def project(tmp_path):
    return type("App", (), {"srcdir": str(tmp_path)})()


def test_the_machine_is_measured_once(project, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(command)
        Path(command[command.index("--output") + 1]).write_text("{}")
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("TENSORREF_DEVICE", raising=False)
    benchmarks._measure(project)  # noqa: SLF001
    benchmarks._measure(project)  # noqa: SLF001
    assert len(commands) == 1
    assert commands[0][1:6] == ["-m", "tensorref", "bench", "--quick", "--largest"]
    assert commands[0][commands[0].index("--device") + 1] == "cpu"
    monkeypatch.setenv("TENSORREF_DEVICE", "cuda:1")
    benchmarks._measure(project)  # noqa: SLF001
    assert commands[1][commands[1].index("--device") + 1] == "cuda:1"
    monkeypatch.setattr(benchmarks, "version", lambda name: f"other {name}")
    benchmarks._measure(project)  # noqa: SLF001
    assert len(commands) == 3
    benchmarks._built(project).unlink()  # noqa: SLF001
    benchmarks._measure(project)  # noqa: SLF001
    assert len(commands) == 4


def test_a_measurement_that_fails_stops_the_build_and_says_why(project, monkeypatch):
    monkeypatch.setattr(benchmarks, "QUICK", ("--only", "nothing"))
    with pytest.raises(ExtensionError) as raised:
        benchmarks._measure(project)  # noqa: SLF001
    assert "argument --only: must be one of matmul" in str(raised.value)
    assert [*Path(project.srcdir, "_build").iterdir()] == []
