"""Records of ``model.owned`` as rows of DirectoryTable: their keys, and records from what rows hold.

A record is made by the annotations of its class: texts of a ``StrEnum`` become its members, lists become tuples, maps
become dataclasses. Attributes that the class does not know are ignored, so that an older version reads newer rows.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.owned import Owned, OwnedT

OWNED_PREFIX: Final = "OWNED#"


def owned_key(kind: type[Owned], organization_id: str, key: str) -> tuple[str, str]:
    """Return the key of a record's row."""
    return (f"ORG#{organization_id}", f"{OWNED_PREFIX}{kind.family}#{key}")


def owned_from(kind: type[OwnedT], values: Mapping[str, Any]) -> OwnedT:
    """Make a record of what its row holds.

    Raises:
        TypeError: the row lacks a member without a default.
        ValueError: a text is no member of its ``StrEnum``.
    """
    return _made(kind, values)  # type: ignore[no-any-return]  # an instance of the class that it is given


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _made(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
        return None if value is None else _made(kind, value)
    if origin is tuple:
        return tuple(_made(get_args(kind)[0], each) for each in value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _made(hints[name], each) for name, each in value.items() if name in hints})
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    return value
