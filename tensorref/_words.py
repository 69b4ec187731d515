"""The sentences of the explanations as templates: one place to translate, and to hand to a script on a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_FORMS = re.compile(r"\{(\w+)\|([^|]*)\|([^}]*)\}")
_translate: ContextVar[Callable[[str], str]] = ContextVar("translate", default=str)


class Template(str):
    """A sentence that may have words for one and words for more: ``{axes} {axes|axis|axes}``."""

    __slots__ = ()

    def format(self, *args: Any, **values: Any) -> str:
        """Return the sentence with its values."""
        chosen = _FORMS.sub(lambda forms: forms[2] if values[forms[1]] == 1 else forms[3], str(self))
        return chosen.format(*args, **values)


class Templates(Mapping[str, str]):
    """Sentences by their keys: English ones, or those of a block that `translated` opens."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._sentences = sentences

    def __getitem__(self, key: str) -> Template:
        return Template(_translate.get()(self._sentences[key]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._sentences)

    def __len__(self) -> int:
        return len(self._sentences)


@contextmanager
def translated(translate: Callable[[str], str]) -> Generator[None]:
    """Have every explanation that is made or read within the block say what `translate` makes of its sentences."""
    token = _translate.set(translate)
    try:
        yield
    finally:
        _translate.reset(token)
