r"""The manifest of an exported mailbox: what the archive holds, one JSON object per line, UTF-8. Ours.

    {"kind":"export","version":1}
    {"kind":"folder","path":"Inbox","folder":["Inbox"],"standard":"INBOX","folder_class":"IPF.Note"}
    {"kind":"item","path":"Inbox/20261130T194931Z-17.eml","folder":["Inbox"],"sha256":"…","size":25600,
     "received":"2026-11-30T19:49:31.000Z","item_class":"IPM.Note","read":true,"flags":["\\Flagged"],"keywords":[],"categories":[]}
    {"kind":"missing","path":"Inbox/20261130T195000Z-18.eml","folder":["Inbox"],"size":900,…,"cause":"…"}

It is the archive's last entry. A later version may add kinds and members; a
reader ignores those that it does not know.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationError, WithJsonSchema

from postroom.contracts.base import Kept

MANIFEST: Final = "manifest.jsonl"
"""Path of the manifest in the archive; no folder has this path."""

VERSION: Final = 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def _text(milliseconds: int) -> str:
    at = _EPOCH + milliseconds * _MILLISECOND
    return f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _milliseconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("a time without its offset from UTC")
    return (at - _EPOCH) // _MILLISECOND


Moment = Annotated[
    int,
    BeforeValidator(_milliseconds),
    PlainSerializer(_text),
    Field(ge=-62_135_596_800_000, lt=253_402_300_800_000),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""Milliseconds since the epoch; in the manifest ``2026-11-30T19:49:31.000Z``."""


class ManifestHead(Kept):
    """The first line."""

    kind: Literal["export"] = "export"
    version: int = VERSION


class ManifestFolder(Kept):
    """A folder, empty or not.

    Attributes:
        path: path in the archive, without ``/`` at its end.
        folder: true names from the top.
        standard: id of a standard folder (``model.folders.Folder``).
    """

    kind: Literal["folder"] = "folder"
    path: str
    folder: tuple[str, ...]
    standard: str | None = None
    folder_class: str = "IPF.Note"


class _Item(Kept):
    kind: str
    path: str
    folder: tuple[str, ...]
    size: int = Field(ge=0)
    received: Moment
    item_class: str = "IPM.Note"
    read: bool = False
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class ManifestItem(_Item):
    """An item of the archive; ``sha256`` is that of its bytes, in hexadecimal digits; ``size`` in bytes."""

    kind: Literal["item"] = "item"
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class MissingItem(_Item):
    """An item of the mailbox that the archive does not have; ``cause`` says why."""

    kind: Literal["missing"] = "missing"
    cause: str


ManifestLine = ManifestHead | ManifestFolder | ManifestItem | MissingItem

_LINE: Final[TypeAdapter[ManifestLine]] = TypeAdapter(Annotated[ManifestLine, Field(discriminator="kind")])


def line_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line as it is written."""
    return _LINE.json_schema(mode="serialization")


def write_line(line: ManifestLine) -> bytes:
    """Return a line with its line feed."""
    return line.model_dump_json().encode() + b"\n"


def read_line(content: bytes) -> ManifestLine | None:
    """Read a line; ``None`` for a kind that is not known.

    Raises:
        ValueError: this is no line of a manifest.
    """
    try:
        return _LINE.validate_json(content)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "union_tag_invalid":
            return None
        raise
