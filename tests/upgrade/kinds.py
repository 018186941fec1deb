"""What is kept between versions, kind by kind: how this version writes a sample, and how it reads one.

The modules of kinds run under the version before, too (``run_former``), so they use only what both versions have; kinds
that the version before did not know are in ``later``.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from enum import StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable

ORG: Final = "m-" + "a" * 32
NOON: Final = 1_795_521_600_000
TRACE: Final = "f" * 32
TOKEN: Final = "0123456789abcdef" * 2
KEY: Final = bytes(range(32))
BYTES: Final = "$bytes"


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        covers: the classes and functions of which it is a sample.
        write: makes the sample: a row, the text of a message, or the bytes of an object.
        read: reads a sample; what it returns is compared.
    """

    name: str
    covers: tuple[object, ...]
    write: Callable[[], Any]
    read: Callable[[Any], object]


def no_chance(count: int) -> bytes:
    """Return bytes in the place of random ones."""
    return b"\7" * count


def dump(samples: dict[str, Any]) -> str:
    """Return samples as JSON, one per line."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(sample, ensure_ascii=False, separators=(',', ':'), default=_bytes)}"
        for name, sample in samples.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load(text: str) -> dict[str, Any]:
    """Read what ``dump`` wrote."""
    found: dict[str, Any] = json.loads(text, object_hook=_value)
    return found


def _bytes(value: Any) -> dict[str, str]:
    return {BYTES: base64.b64encode(bytes(value)).decode()}


def _value(document: dict[str, Any]) -> Any:
    return base64.b64decode(document[BYTES]) if BYTES in document else document


def filled(kind: Any) -> Any:
    """Return an instance of a dataclass in which every member has a value that follows from its name and type."""
    hints = get_type_hints(kind)
    return kind(**{each.name: _filled(hints[each.name], each.name) for each in dataclasses.fields(kind)})


def _filled(kind: Any, name: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _filled(next(each for each in get_args(kind) if each is not NoneType), name)
    if origin is tuple:
        return (_filled(get_args(kind)[0], name),)
    if origin is not None:
        return {name: name}
    if dataclasses.is_dataclass(kind):
        return filled(kind)
    if issubclass(kind, StrEnum):
        return next(iter(kind))
    simple = {bool: True, int: 1 + zlib.crc32(name.encode()) % 10**6, bytes: name.encode(), str: f"a {name}"}
    return simple[kind]
