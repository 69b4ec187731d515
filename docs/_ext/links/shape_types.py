"""Writes a jaxtyping annotation as it stands in the source, with links: ``Float[Array, "batch seq"]``."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Annotated, Any

from jaxtyping import AbstractArray
from sphinx.config import Config


@dataclass(frozen=True)
class ShapeTypes:
    """The formatter: an instance rather than a function, because Sphinx must be able to pickle its configuration."""

    def __call__(self, annotation: Any, config: Config) -> str | None:
        """Return reStructuredText for the annotations that link to "Reading shapes", None for all others."""
        if typing.get_origin(annotation) is Annotated:
            name = typing.get_args(annotation)[1]
            return f":ref:`{name} <reading-{name.lower()}>`"
        if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
            kind = annotation.__name__.partition("[")[0]
            array = annotation.array_type
            library = array.__module__.partition(".")[0]
            link = (
                ":ref:`Array <reading-array>`" if library == "tensorref" else f":py:class:`~{library}.{array.__name__}`"
            )
            shape = annotation.dim_str.strip()
            return rf':ref:`{kind} <reading-{kind.lower()}>`\ [{link}, ``"{shape}"``]'
        return None
