"""Notes of sealed objects in transactions that give them to items (docs/decisions/0027)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import calendar_rows, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.adapters.aws.transactions import Transaction
    from postroom.model.calendars import BlobNote

AS_NOTED: Final = "#blobs = :blobs AND #closed = :closed"
"""The condition that a note is as it was read; ``names_and_values`` belongs to it."""


def end(write: Transaction, table: str, mailbox_id: str, note: BlobNote, former: Sequence[str] = ()) -> None:
    """Add the end of a note, whose blobs belong to items then; with ``former`` blobs, it names those instead."""
    if former:
        row = calendar_rows.note_row(mailbox_id, replace(note, blobs=tuple(former)))
        write.put("note", table, row, condition=AS_NOTED, **names_and_values(note))
    else:
        key = rows.key(mailbox_id, calendar_rows.NOTE + note.id)
        write.delete("note", table, key, condition=AS_NOTED, **names_and_values(note))


def names_and_values(note: BlobNote) -> dict[str, Any]:
    """Return what ``AS_NOTED`` compares."""
    row = calendar_rows.note_row("", note)
    return {
        "ExpressionAttributeNames": {"#blobs": "blobs", "#closed": "closed"},
        "ExpressionAttributeValues": {":blobs": row["blobs"], ":closed": row["closed"]},
    }
