"""The hooks of pre-commit and the group ``lint`` of pyproject.toml: the same tools, in versions that go together."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
HOOKS = {
    repo["repo"].rsplit("/", 1)[1].removesuffix("-pre-commit"): repo["rev"].removeprefix("v")
    for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
}
GROUP = {
    (requirement := Requirement(line)).name: requirement.specifier
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]["lint"]
}
# Hooks without a tool behind them, and a tool that looks at the whole project, which no hook does.
HOOKS_ALONE, TOOLS_ALONE = {"pre-commit-hooks"}, {"sp-repo-review"}


def test_hooks_and_group_have_the_same_tools():
    assert HOOKS.keys() - HOOKS_ALONE == GROUP.keys() - TOOLS_ALONE


def test_a_hook_has_a_version_that_the_group_allows():
    assert [(name, rev) for name, rev in HOOKS.items() if name in GROUP and rev not in GROUP[name]] == []
