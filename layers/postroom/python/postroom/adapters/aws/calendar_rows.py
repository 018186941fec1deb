"""Calendars as rows of MailboxTable, written and read.

pk mailbox id · sk cal:0:<end>:<token> | cal:1:<end, inverted>:<token> | object:<hash of the UID> | settings:calendar
                   | note:<id>, beside the rows of mailbox_rows.py

The index by time has single events in order of their ends, then series in the inverse order of theirs, those without
end first. Single events that end after a time, and series that end after it, are therefore one range of keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import mailbox_rows
from postroom.adapters.aws.rows import key, number, readable
from postroom.model.calendars import (
    BlobNote,
    CalendarSettings,
    NewObject,
    ObjectTimes,
    SealedEntry,
    StoredObject,
)
from postroom.model.folders import Folder
from postroom.model.free_busy import Weekday, WorkingPeriod

if TYPE_CHECKING:
    from postroom.adapters.aws.rows import Row
    from postroom.model.mailbox import Item

SETTINGS: Final = "settings:calendar"
"""Sort key of the settings of a calendar."""

NOTE: Final = "note:"
"""Prefix of the sort key of a note of blobs."""

SINGLES: Final = "cal:0:"
SERIES: Final = "cal:1:"
"""Prefixes of the sort keys of the index."""

_DIGITS: Final = 15
_FIRST_MS: Final = 10**14
"""Added to milliseconds, so that the times of the years 1 to 9999 are positive and have at most 15 digits."""

_NEVER: Final = 10**_DIGITS - 1


def index_key(times: ObjectTimes, token: str) -> str:
    """Return the sort key of an object in the index."""
    if times.is_series:
        return f"{SERIES}{_inverted(times.end_ms)}:{token}"
    return f"{SINGLES}{_place(times.end_ms)}:{token}"


def index_range(start_ms: int) -> tuple[str, str]:
    """Return the first and the last sort key of what ends at a time or later."""
    return f"{SINGLES}{_place(start_ms)}", f"{SERIES}{_inverted(start_ms)}:~"


def is_after(sort_key: str, end_ms: int) -> bool:
    """Return whether a key is that of a single event that ends after a time."""
    return sort_key.startswith(SINGLES) and sort_key > f"{SINGLES}{_place(end_ms)}:~"


def _place(ms: int | None) -> str:
    """Return a time as digits that sort; a time outside of the years 1 to 9999 is the nearest within."""
    return f"{_NEVER if ms is None else min(max(0, ms + _FIRST_MS), _NEVER - 1):0{_DIGITS}}"


def _inverted(ms: int | None) -> str:
    return f"{_NEVER - int(_place(ms)):0{_DIGITS}}"


def index_row(mailbox_id: str, item: Item, new: NewObject) -> dict[str, Any]:
    """Return an object's row in the index."""
    return {
        **key(mailbox_id, index_key(new.times, item.token)),
        "id": {"S": item.id},
        **_times_row(new.times),
        "entry": {"B": new.entry},
    }


def entry_from_row(row: Row) -> SealedEntry:
    """Read a row of the index."""
    readable(row)
    return SealedEntry(row["id"]["S"], _times_from(row), bytes(row["entry"]["B"]))


def object_key(uid_hash: str) -> str:
    """Return the sort key of the row that finds an object by its UID."""
    return f"object:{uid_hash}"


def object_row(mailbox_id: str, item: Item, new: NewObject) -> dict[str, Any]:
    """Return the row that finds an object by its UID."""
    return {
        **key(mailbox_id, object_key(new.uid_hash)),
        "uid": number(item.uids[Folder.CALENDAR]),
        **_times_row(new.times),
    }


def place_of_object(row: Row) -> str:
    """Return the sort key of the item of an object, by the row that finds it."""
    return mailbox_rows.place_key(Folder.CALENDAR, int(row["uid"]["N"]))


def item_row(mailbox_id: str, item: Item, uid_hash: str) -> dict[str, Any]:
    """Return the row of an object's item."""
    return {**mailbox_rows.item_row(mailbox_id, item), "object": {"S": uid_hash}}


def stored_from_rows(row: Row, item_row: Row) -> StoredObject:
    """Read an object from the row that finds it and that of its item."""
    uid_hash = readable(row)["sk"]["S"].partition(":")[2]
    return StoredObject(mailbox_rows.item_from_row(item_row), uid_hash, _times_from(row))


def _times_row(times: ObjectTimes) -> dict[str, Any]:
    return {
        "start": number(times.start_ms),
        **({"end": number(times.end_ms)} if times.end_ms is not None else {}),
        "recurs": {"BOOL": times.recurs},
    }


def _times_from(row: Row) -> ObjectTimes:
    end_ms = int(row["end"]["N"]) if "end" in row else None
    return ObjectTimes(int(row["start"]["N"]), end_ms, row["recurs"]["BOOL"])


def note_row(mailbox_id: str, note: BlobNote) -> dict[str, Any]:
    """Return the row of a note."""
    return {
        **key(mailbox_id, NOTE + note.id),
        "since": number(note.since_ms),
        "blobs": {"L": [{"S": blob} for blob in note.blobs]},
        "closed": {"BOOL": note.closed},
    }


def note_from_row(row: Row) -> BlobNote:
    """Read a note."""
    readable(row)
    blobs = tuple(blob["S"] for blob in row["blobs"]["L"])
    return BlobNote(row["sk"]["S"].removeprefix(NOTE), int(row["since"]["N"]), blobs, row["closed"]["BOOL"])


def settings_row(mailbox_id: str, settings: CalendarSettings) -> dict[str, Any]:
    """Return the row of a calendar's settings."""
    periods = [
        {
            "M": {
                "days": {"L": [{"S": day} for day in period.days]},
                "start": number(period.start_minutes),
                "end": number(period.end_minutes),
            }
        }
        for period in settings.periods
    ]
    return {**key(mailbox_id, SETTINGS), "zone": {"S": settings.zone}, "periods": {"L": periods}}


def settings_from_row(row: Row) -> CalendarSettings:
    """Read a calendar's settings."""
    readable(row)
    periods = (period["M"] for period in row["periods"]["L"])
    return CalendarSettings(
        row["zone"]["S"],
        tuple(
            WorkingPeriod(
                tuple(Weekday(day["S"]) for day in period["days"]["L"]),
                int(period["start"]["N"]),
                int(period["end"]["N"]),
            )
            for period in periods
        ),
    )
