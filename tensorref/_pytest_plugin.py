"""The fixture ``tensorref_watch``, which pytest finds where tensorref is installed; nothing is loaded before it is used."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from tensorref import Seen

__all__ = ["tensorref_watch"]


@pytest.fixture
def tensorref_watch() -> Seen:
    """Watch the test, as `tensorref.watch` does, and fail it with the report where there is a mistake."""
    import tensorref

    return tensorref.watch()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run a test that asks for the fixture under its watch; what it raises itself comes first."""
    if "tensorref_watch" not in pyfuncitem.funcargs:
        return (yield)
    seen = cast("Seen", pyfuncitem.funcargs["tensorref_watch"])
    try:
        with seen:
            result = yield
    except BaseException:
        pyfuncitem.add_report_section("call", "tensorref_watch", str(seen))
        raise
    if seen:
        pytest.fail(str(seen), pytrace=False)
    return result
