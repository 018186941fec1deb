"""The log beside an exported archive: one JSON object, all of whose values are strings.

    {"totalNonExportableItems":"13","totalMessages":"76","sha384Hash":"4de9…","totalBytes":"161892","totalFolders":"15",
     "startTime":"1695…380","endTime":"1695…384"}

Source: guide, ZH:7323-7334. The times are masked there; seconds since the epoch follow from their difference. Ours:
calendar items count as messages; items that could not be read count as not exportable, and the manifest names them.
"""

from __future__ import annotations

from pydantic import Field

from postroom.contracts.base import Sent


class ExportLog(Sent):
    """The log of one export."""

    non_exportable: str = Field(serialization_alias="totalNonExportableItems")
    messages: str = Field(serialization_alias="totalMessages")
    sha384: str = Field(serialization_alias="sha384Hash")
    """Of the archive, in hexadecimal digits."""
    size: str = Field(serialization_alias="totalBytes")
    """Bytes of the exported items, not of the archive."""
    folders: str = Field(serialization_alias="totalFolders")
    start: str = Field(serialization_alias="startTime")
    end: str = Field(serialization_alias="endTime")


def write_log(
    *, left_out: int, items: int, sha384: str, size: int, folders: int, started_ms: int, ended_ms: int
) -> str:
    """Return the log's text. Times are milliseconds since the epoch."""
    log = ExportLog(
        non_exportable=str(left_out),
        messages=str(items),
        sha384=sha384,
        size=str(size),
        folders=str(folders),
        start=str(started_ms // 1000),
        end=str(ended_ms // 1000),
    )
    return log.model_dump_json(by_alias=True)
