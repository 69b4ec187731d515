"""The site that `nox -s docs` has just built."""

from __future__ import annotations

import base64
import io
import json
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import gallery_panel
import nbformat
import pytest
from matplotlib.figure import Figure
from pages import EXAMPLES, PAGES, ROOT, SITE, by_id, page_name, printed_by, soup
from PIL import Image, ImageStat
from provenance import record

from tensorref import devices

RECORD = record.record_file(ROOT)

# Their output depends on the machine, so that two runs differ.
SHOWS_THE_MACHINE = {"devices", "kernels", "transfer"}


def test_the_site_was_built():
    assert {"index.html", "reference/broadcasting.html", "gallery/index.html"} <= {*map(page_name, PAGES)}


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_prints_what_its_page_shows(script, tmp_path):
    downloaded = next((SITE / "_downloads").rglob(script.name))
    assert downloaded.read_bytes() == script.read_bytes()
    printed = printed_by(downloaded, tmp_path / "printed.txt")
    loaded = {Path(name) for name in (tmp_path / "printed.modules").read_text("utf-8").splitlines()}
    assert loaded <= {*record.imported(script.read_text("utf-8"))}  # or it would not run again when one of them changes
    notebook = nbformat.read(next((SITE / "_downloads").rglob(f"{script.stem}.ipynb")), as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    if script.stem not in SHOWS_THE_MACHINE:
        assert "".join(output.text for output in outputs if output.output_type == "stream") == printed
    assert {output.output_type for output in outputs} <= {"stream", "display_data"}
    assert any("image/png" in output.get("data", {}) for output in outputs)


def foot(page):
    """Return the foot of a page in words, or None."""
    feet = soup(page).select("article footer.ran")
    assert len(feet) <= 1
    return feet[0].get_text() if feet else None


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_the_foot_of_an_example_says_what_it_ran_on(script):
    text = foot(SITE / "gallery" / f"{script.stem}.html")
    number = {name: re.escape(version(name)) for name in ("numpy", "torch", "matplotlib", "tensorref")}
    found = re.fullmatch(
        rf"The outputs on this page are those of a run on (\d{{4}}-\d\d-\d\d) with Python {platform.python_version()}, "
        rf"NumPy {number['numpy']}, PyTorch {number['torch']}, Matplotlib {number['matplotlib']} and "
        rf"tensorref {number['tensorref']} on (.+)\.",
        text,
    )
    assert found, text
    notebook = (SITE / "_downloads").rglob(f"{script.stem}.ipynb")
    assert "record.show" not in next(notebook).read_text("utf-8")
    places = set(re.findall(r"(?:^| and )(\w+(?::\d+)?) \(", found[2]))
    default = os.environ.get("TENSORREF_DEVICE", "cpu")
    assert default in places | {place.partition(":")[0] for place in places}
    if "devices.best()" in script.read_text("utf-8"):
        assert str(devices.best()) in places


def test_the_foot_of_a_page_with_examples_names_a_run_of_this_very_text_or_there_is_none():
    of_pytest = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {"package": None, "files": {}}
    seen = 0
    for page in PAGES:
        document = page.relative_to(SITE).with_suffix("").as_posix()
        if document.startswith(("gallery/", "errors/")) and not document.endswith("/index"):
            continue  # their outputs are those of the build
        shows = any(block.get_text().lstrip().startswith(">>> ") for block in soup(page).select("article pre"))
        source, module = ROOT / "docs" / f"{document}.md", ROOT / "tensorref" / f"{page.stem}.py"
        ran = shows and of_pytest["package"] == record.package(ROOT)
        if ran and record.examples(source):
            ran = of_pytest["files"].get(f"docs/{document}.md") == record.digest(source)
        if ran and module.exists():
            ran = f"tensorref/{module.name}" in of_pytest["files"]
        text = foot(page)
        assert bool(text) == ran, document
        assert not ran or f"The examples on this page ran on {of_pytest['date']} with " in text
        seen += shows
    assert seen > 15


def test_every_example_has_a_card_with_the_first_panel_of_its_figure():
    page = soup(SITE / "gallery" / "index.html")
    for script in EXAMPLES:
        card = page.find("a", href=f"{script.stem}.html", class_="sd-stretched-link").find_parent(class_="sd-card")
        kind, data = card.find("img")["src"].split(",")
        assert kind == "data:image/webp;base64"
        content = base64.b64decode(data)
        assert content == (SITE / "_images" / "thumbnails" / f"{script.stem}.webp").read_bytes()
        assert len(content) < 8192
        with Image.open(io.BytesIO(content)) as small:
            assert small.size == gallery_panel.SIZE
            for ground in ("white", "#131416"):  # those of furo
                flat = Image.alpha_composite(Image.new("RGBA", small.size, ground), small.convert("RGBA")).convert("L")
                assert ImageStat.Stat(flat).stddev[0] > 10  # of 255: there is something to see
        assert card.find(class_="sd-card-text").get_text(strip=True)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_the_page_of_an_example_begins_with_its_figure(script):
    article = soup(SITE / "gallery" / f"{script.stem}.html").find("article")
    first = [tag.name for tag in article.find("h1").find_all_next(["p", "img", "li", "pre"])][:3]
    assert first == ["p", "img", "li"]
    assert len(article.find_all("img")) == 1
    assert re.search(r"\w{3}", article.find("img")["alt"])
    assert not article.find("img")["alt"].endswith(".png")
    headings = [heading.get_text().removesuffix("¶") for heading in article.find_all("h2")]
    assert [link.get_text() for link in article.select(".gallery-parts a")] == headings
    plotting = [block for block in article.select("div.cell_input pre") if "plt.show()" in block.get_text()]
    assert len(plotting) == 1
    assert "open" not in plotting[0].find_parent("details").attrs


def test_a_thumbnail_is_one_panel_without_small_print():
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    image = left.imshow([[0, 1], [1, 0]])
    left.set(title="Left", xlabel="x")
    left.text(0, 0, "0.5")
    left.text(0, 1, "a long remark")
    right.plot([0, 1], color="black", label="line")
    right.legend()
    figure.colorbar(image, ax=left)
    assert gallery_panel.titles(figure) == "Left"
    gallery_panel.drawn(figure)
    assert figure.axes == [left]
    assert (left.get_title(), left.get_xlabel()) == ("", "")
    assert [text.get_text() for text in left.texts] == ["0.5"]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_nothing_comes_from_another_host_and_every_local_link_leads_somewhere(page):
    content = soup(page)
    for tag, attribute in [
        ("script", "src"),
        ("img", "src"),
        ("link", "href"),
        ("source", "srcset"),
        ("iframe", "src"),
    ]:
        for element in content.find_all(tag, **{attribute: True}):
            if element.get("rel") == ["canonical"]:
                continue  # says where the page itself is; a browser fetches nothing from there
            assert not re.match(r"(https?:)?//", element[attribute]), element
    for link in content.find_all("a", href=True):
        target, _, anchor = link["href"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.is_file(), f"{link['href']} leads nowhere"
        if anchor.startswith("explorer="):  # a state, which the script of the first explorer reads
            assert soup(file).find(class_="tensorref-explorer"), link
        elif anchor and file.suffix == ".html":
            assert anchor in by_id(file), f"{link['href']} leads to no place on {file.name}"


def test_names_in_an_example_link_to_their_entries_and_entries_to_the_example():
    code = soup(SITE / "gallery" / "broadcasting.html").select("a.sphinx-codeautolink-a")
    targets = {link["href"] for link in code}
    assert "../reference/broadcasting.html#tensorref.broadcasting.add_bias" in targets
    assert any(target.startswith("https://docs.pytorch.org/") for target in targets)
    entry = soup(SITE / "reference" / "broadcasting.html").find(id="tensorref.broadcasting.add_bias").find_parent("dl")
    assert entry.find("a", href=re.compile(r"^\.\./gallery/broadcasting\.html"))


def test_annotations_link_to_reading_shapes():
    entry = soup(SITE / "reference" / "broadcasting.html").find(id="tensorref.broadcasting.add_bias").find_parent("dl")
    for anchor in ("reading-num", "reading-array"):
        assert entry.find("a", href=f"reading-shapes.html#{anchor}")
    assert '"*batch features"' in entry.get_text()
