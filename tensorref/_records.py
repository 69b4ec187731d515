"""Makes a dataclass again out of what its ``to_dict`` gave, and says what is wrong with what did not come from there."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_WORDS: dict[Any, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def record(kind: type[T], value: Any, path: str = "") -> T:
    """Return a dataclass of `kind` from a dict, or raise ValueError that names the field: ``entries[3].size is ...``."""
    if not isinstance(value, dict):
        raise ValueError(f"{path or 'it'} is {_shown(value)}, an object is wanted")  # noqa: TRY004  it is the file that is wrong
    wanted = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    for verb, names in (("lacks", [name for name in wanted if name not in value]), ("has an unknown", [*value])):
        for name in names:
            if verb == "lacks" or name not in wanted:
                raise ValueError(f"{path or 'it'} {verb} {name!r}")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], value[name], f"{path}.{name}".lstrip(".")) for name in wanted})


def _value(kind: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return record(kind, value, path)
    arguments = get_args(kind)
    if get_origin(kind) is types.UnionType:  # something or None
        return None if value is None else _value(arguments[0], value, path)
    if get_origin(kind) is tuple:
        return _items(arguments, value, path)
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{path} is {_shown(value)}, an object is wanted")
        return {name: _value(arguments[1], item, f"{path}.{name}") for name, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:  # True is an int to isinstance
        raise ValueError(f"{path} is {_shown(value)}, {_WORDS[kind]} is wanted")
    return value


def _items(kinds: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{path} is {_shown(value)}, a list is wanted")  # noqa: TRY004
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise ValueError(f"{path} has {len(value)} items, {len(kinds)} are wanted")
    return tuple(
        _value(kind, item, f"{path}[{index}]") for index, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _shown(value: Any) -> str:
    words = repr(value)
    return words if len(words) <= 40 else f"{words[:37]}..."  # noqa: PLR2004  enough to find it by
