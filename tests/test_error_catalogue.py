"""The messages of the catalogue: each is raised by its code, has the words it is said to have, and its mends run."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import tensorref
from tensorref import errors, exercises, pitfalls
from tensorref._dictionary import equivalents
from tensorref.errors._catalogue import GROUPS, SITE

NEEDS = {
    "a GPU": {
        "same-device",
        "generator-device",
        "device-side-assert",
        "cuda-oom",
        "cublas",
        "cuda-fork",
        "dataparallel-device",
        "cudnn",
        "device-ordinal",
        "flash-attention-dtype",
    },
    "a GPU and a faulty kernel": {"illegal-memory-access"},
    "a GPU for which the build has no code": {"no-kernel-image"},
    "a GPU of Apple": {"mps-float64", "mps-not-implemented"},
    "a GPU that is older than Ampere": {"flash-attention-gpu"},
    "a process that has used up its open files": {"too-many-open-files"},
    "a script whose processes are spawned": {"spawn-main"},
    "a PyTorch without CUDA": {"not-compiled-cuda"},
    "a PyTorch with CUDA, on a machine without a GPU": {"no-nvidia-driver"},
    "two GPUs": {"nccl", "nccl-timeout"},
    "an extension that was built for NumPy 1": {"np2-abi"},
    "an extension that was built for NumPy 2": {"np-dtype-size"},
}
"""What cannot be raised everywhere, by what it takes."""

HERE = {
    "a PyTorch without CUDA": not torch.backends.cuda.is_built(),
    "a PyTorch with CUDA, on a machine without a GPU": (
        torch.backends.cuda.is_built() and not torch.cuda.is_available()
    ),
}
VERSIONS = {"numpy": np.__version__, "torch": torch.__version__, "python": sys.version}
ENTRIES = {entry.id: entry for entry in errors.entries()}
RAISED = [entry for entry in ENTRIES.values() if entry.needs is None or HERE.get(entry.needs)]
MENDS = [
    pytest.param(mend.code, id=f"{entry.id}-{number}")
    for entry in ENTRIES.values()
    for number, mend in enumerate(entry.mends)
    if mend.code
]
LIBRARIES = {"np": np, "torch": torch}


@pytest.fixture(autouse=True)
def _alone():
    """Leave the process as it was: no process group, nothing compiled, warnings that are shown once shown again."""
    always, state = torch.is_warn_always_enabled(), torch.get_rng_state()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(always)
    torch.set_rng_state(state)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def run(code):
    exec(compile(code, "<code of the catalogue>", "exec"), {"__name__": "catalogue", **LIBRARIES})  # noqa: S102  it is ours


def said_by(entry):
    """Return the class and the words of what the code of an entry raises, or of the warnings it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always" if entry.is_warning else "ignore")
        try:
            run(entry.code)
        except Exception as error:  # noqa: BLE001  which one it is, is tested
            return [(type(error).__name__, str(error))]
    return [(warning.category.__name__, str(warning.message)) for warning in caught]


def fits(text, words):
    """Tell whether words are a text of the catalogue, in which … is what differs between runs."""
    return re.fullmatch("(?s:.*)".join(map(re.escape, text.split("…"))), words) is not None


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.id) for entry in RAISED])
def test_the_code_of_an_entry_raises_its_words(entry):
    said = said_by(entry)
    own = [words for name, words in said if name == entry.type and fits(entry.text(VERSIONS[entry.library]), words)]
    assert own, said
    found = errors.explain(f"Traceback (most recent call last):\n{entry.type}: {own[0]}\n")
    assert found is not None
    assert (found.id, found.type) == (entry.id, entry.type)


def test_other_words_are_noticed():
    assert fits("worker (pid(s) …) exited", "worker (pid(s) 1, 2) exited")
    assert not fits("worker (pid(s) …) exited", "worker (pid(s) 1, 2) is gone")
    assert said_by(ENTRIES["np-axis"]) == [("AxisError", "axis 2 is out of bounds for array of dimension 2")]


@pytest.mark.parametrize("code", MENDS)
def test_a_mend_runs_without_a_warning(code):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(code)


def test_what_is_not_raised_says_what_it_needs():
    needed = {}
    for entry in ENTRIES.values():
        if entry.needs:
            needed.setdefault(entry.needs, set()).add(entry.id)
    assert needed == NEEDS


def test_a_mend_has_code_where_something_can_be_written():
    without = {entry.id for entry in ENTRIES.values() if not any(mend.code for mend in entry.mends)}
    assert without == {
        "dataparallel-device",
        "illegal-memory-access",
        "nccl",
        "nccl-timeout",
        "np-dtype-size",
        "np2-abi",
    }
    for entry in ENTRIES.values():
        assert entry.code or entry.needs


def test_there_are_many_and_each_is_in_a_file_of_its_group():
    assert len(ENTRIES) >= 180
    assert sum(entry.is_warning for entry in ENTRIES.values()) >= 12
    folder = Path(errors.__file__).parent / "messages"
    assert {path.stem for path in folder.iterdir()} == {*GROUPS} == {entry.group for entry in ENTRIES.values()}
    assert [entry.id for entry in errors.entries("layout")] == re.findall(
        r"^\[([\w-]+)\]$", (folder / "layout.toml").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_links_lead_somewhere():
    rows = {row.slug for row in equivalents()}
    for entry in ENTRIES.values():
        assert entry.concepts, entry.id
        assert {*entry.concepts} <= {*tensorref.CONCEPTS}, entry.id
        assert {*entry.pitfalls} <= {*pitfalls.__all__}, entry.id
        assert {*entry.exercises} <= {*exercises.names()}, entry.id
        assert {*entry.dictionary} <= rows, entry.id
    linked = {guard for entry in ENTRIES.values() for guard in entry.pitfalls}
    assert linked == {name for name in pitfalls.__all__ if name.startswith("check_")}


def test_sentences_are_sentences():
    for entry in ENTRIES.values():
        for sentence in (*entry.causes, *(mend.words for mend in entry.mends)):
            assert re.fullmatch(r"\S.*[.)\d>]|.*names of both\.", sentence), (entry.id, sentence)
            assert not re.search(r"  |\btodo\b|—", sentence), (entry.id, sentence)


def test_every_version_that_was_tried_has_its_words():
    differ = {entry.id for entry in ENTRIES.values() if len(entry.texts) > 1}
    assert differ == {
        "inplace-modified",
        "multi-view-inplace",
        "np-length1",
        "np-mean-empty",
        "target-dtype-long",
        "unused-in-graph",
        "vmap-control-flow",
    }
    entry = ENTRIES["target-dtype-long"]
    assert entry.text("2.11.0+cpu") == entry.text("2.12.1") == "expected scalar type Long but found Float"
    assert entry.text() == entry.text("2.13.0") == "expected target dtype to be Long or Byte, but got Float"


def test_an_address_is_that_of_the_site():
    import tomllib

    project = tomllib.loads((Path(tensorref.__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["urls"]["Documentation"] + "/en/latest/" == SITE
    assert errors.get("np-axis").address == f"{SITE}errors/shape.html#np-axis"


def test_a_wrong_id_is_answered_with_those_like_it():
    with pytest.raises(errors.UnknownEntryError) as raised:
        errors.get("matmul-shapes")
    assert raised.value.matches[0] in ENTRIES
    assert str(raised.value).startswith("name is 'matmul-shapes', the id of no message; similar: ")
    with pytest.raises(errors.UnknownEntryError) as raised:
        errors.get("?")
    assert str(raised.value) == "name is '?', the id of no message; errors.entries() has them all"
    with pytest.raises(ValueError) as refused:
        errors.entries("shapes")
    assert str(refused.value) == (
        "group is 'shapes'; write " + ", ".join(map(repr, GROUPS[:-1])) + f" or {GROUPS[-1]!r}"
    )
