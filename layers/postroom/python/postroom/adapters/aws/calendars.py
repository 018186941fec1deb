"""Calendars in DynamoDB, in the rows of their mailboxes (docs/decisions/0027)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import blob_notes, calendar_rows, mailbox_rows, rows, unprocessed
from postroom.adapters.aws.mailbox_heads import move_head
from postroom.adapters.aws.tables import get, query
from postroom.adapters.aws.transactions import NOT_THERE, THERE, Transaction, store_errors, written
from postroom.adapters.aws.transit import FACT, ORDER, TAKE, FlowWrites
from postroom.errors import ConflictError
from postroom.model.calendars import (
    DEFAULT_SETTINGS,
    LONGEST_SINGLE_MS,
    CalendarWindow,
    ObjectChange,
    PutObject,
    RemoveObject,
    apply,
    former_blobs,
)
from postroom.model.folders import Folder
from postroom.model.mailbox import ChangeKind
from postroom.ports.calendars import check_commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.model.calendars import Access, Applied, BlobNote, CalendarSettings, SealedEntry, StoredObject
    from postroom.model.mailbox import Head, Item
    from postroom.ports.transit import Commit

_FOLDER: Final = f"folder:{Folder.CALENDAR}"


@dataclass(frozen=True, slots=True)
class DynamoCalendars:
    """Implements ``Calendars``. ``now`` returns milliseconds since the epoch."""

    client: DynamoDBClient
    mailbox_table: str
    transit_table: str
    ledger_table: str
    now: Callable[[], int]
    pause: Callable[[float], None] = time.sleep

    def find(self, mailbox_id: str, uid_hashes: Sequence[str]) -> Mapping[str, StoredObject]:
        found = self._get_all(mailbox_id, [calendar_rows.object_key(uid_hash) for uid_hash in uid_hashes])
        items = self._get_all(mailbox_id, [calendar_rows.place_of_object(row) for row in found.values()])
        stored = [
            calendar_rows.stored_from_rows(row, items[place])
            for row in found.values()
            if (place := calendar_rows.place_of_object(row)) in items
        ]
        return {one.uid_hash: one for one in stored}

    def window(self, mailbox_id: str, start_ms: int, end_ms: int, *, consistent: bool = True) -> CalendarWindow | None:
        found = self._get_all(mailbox_id, ["head", _FOLDER, calendar_rows.SETTINGS])
        if not found.keys() >= {"head", _FOLDER}:
            return None
        settings = found.get(calendar_rows.SETTINGS)
        return CalendarWindow(
            head=mailbox_rows.head_from_row(found["head"]),
            folder=mailbox_rows.folder_from_row(found[_FOLDER]),
            settings=DEFAULT_SETTINGS if settings is None else calendar_rows.settings_from_row(settings),
            entries=tuple(self._entries(mailbox_id, start_ms, end_ms, consistent=consistent)),
        )

    def _entries(self, mailbox_id: str, start_ms: int, end_ms: int, *, consistent: bool) -> Iterator[SealedEntry]:
        """Yield the entries of a window.

        Single events come in order of their ends. Where a page ends with one that ends so late that it, and all after
        it, begin after the window, the next page begins with the series.
        """
        first, last = calendar_rows.index_range(start_ms)
        more: dict[str, Any] = {}
        while True:
            with store_errors("read a calendar"):
                answer = self.client.query(
                    TableName=self.mailbox_table,
                    KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                    FilterExpression="#start < :end",
                    ExpressionAttributeNames={"#start": "start"},
                    ExpressionAttributeValues={
                        ":pk": {"S": mailbox_id},
                        ":first": {"S": first},
                        ":last": {"S": last},
                        ":end": rows.number(end_ms),
                    },
                    ConsistentRead=consistent,
                    **more,
                )
            yield from map(calendar_rows.entry_from_row, answer["Items"])
            if (after := answer.get("LastEvaluatedKey")) is None:
                return
            if calendar_rows.is_after(after["sk"]["S"], end_ms + LONGEST_SINGLE_MS):
                first, more = calendar_rows.SERIES, {}
            else:
                more = {"ExclusiveStartKey": after}

    def change(
        self, head: Head, changes: Sequence[ObjectChange], note: BlobNote, commit: Commit | None = None
    ) -> Sequence[Item] | None:
        applied = apply(head, changes, self.now())
        write = Transaction(self.client)
        if commit is not None:
            check_commit(commit)
            flow = FlowWrites(write, self.transit_table, self.ledger_table, self.now())
            for take in commit.takes:
                flow.take(take)
            flow.facts(commit.facts)
            flow.orders(commit.orders)
        move_head(write, self.mailbox_table, head, applied.head, Folder.CALENDAR)
        for number, change in enumerate(changes):
            self._change(write, applied, number, change)
        blob_notes.end(write, self.mailbox_table, head.mailbox_id, note, former_blobs(changes))
        refused = write.commit()
        if refused & {TAKE, FACT, ORDER}:
            return None
        if refused:
            raise ConflictError("another change of the mailbox was faster")
        return applied.items

    def note(self, mailbox_id: str, note: BlobNote) -> None:
        with store_errors("note a change"):
            self.client.put_item(TableName=self.mailbox_table, Item=calendar_rows.note_row(mailbox_id, note))

    def notes(self, mailbox_id: str, *, before_ms: int) -> Sequence[BlobNote]:
        found = map(calendar_rows.note_from_row, query(self.client, self.mailbox_table, mailbox_id, calendar_rows.NOTE))
        return [note for note in found if note.since_ms < before_ms]

    def close_note(self, mailbox_id: str, note: BlobNote) -> bool:
        row = calendar_rows.note_row(mailbox_id, replace(note, closed=True))
        return written(
            lambda: self.client.put_item(
                TableName=self.mailbox_table,
                Item=row,
                ConditionExpression=blob_notes.AS_NOTED,
                **blob_notes.names_and_values(note),
            ),
            "close a note",
        )

    def end_note(self, mailbox_id: str, note_id: str) -> None:
        with store_errors("end a note"):
            self.client.delete_item(
                TableName=self.mailbox_table, Key=rows.key(mailbox_id, calendar_rows.NOTE + note_id)
            )

    def settings(self, mailbox_id: str) -> CalendarSettings:
        row = get(self.client, self.mailbox_table, mailbox_id, calendar_rows.SETTINGS)
        return DEFAULT_SETTINGS if row is None else calendar_rows.settings_from_row(row)

    def set_settings(self, mailbox_id: str, settings: CalendarSettings) -> bool:
        write = Transaction(self.client)
        write.check("head", self.mailbox_table, rows.key(mailbox_id, "head"), condition=THERE)
        write.put("settings", self.mailbox_table, calendar_rows.settings_row(mailbox_id, settings))
        return not write.commit()

    def set_access(self, mailbox_id: str, who: str, access: Access | None) -> bool:
        change: dict[str, Any] = {"UpdateExpression": "REMOVE #permissions.#who"}
        if access is not None:
            values = {":access": {"S": access.value}}
            change = {
                "UpdateExpression": "SET #permissions.#who = :access",
                "ExpressionAttributeValues": values,
            }
        return written(
            lambda: self.client.update_item(
                TableName=self.mailbox_table,
                Key=rows.key(mailbox_id, _FOLDER),
                ConditionExpression=THERE,
                ExpressionAttributeNames={"#permissions": "permissions", "#who": who},
                **change,
            ),
            "set what may be seen of a calendar",
        )

    def _change(self, write: Transaction, applied: Applied, number: int, change: ObjectChange) -> None:
        """Add the rows of one change. The condition on the head covers them: whatever changes them moves the head."""
        mailbox_id, item, log = applied.head.mailbox_id, applied.items[number], applied.log[number]
        old = change.replaces if isinstance(change, PutObject) else change.stored
        index = calendar_rows.index_key(change.new.times, item.token) if isinstance(change, PutObject) else ""
        if old is not None and (former := calendar_rows.index_key(old.times, item.token)) != index:
            write.delete("index", self.mailbox_table, rows.key(mailbox_id, former))
        match change:
            case PutObject(new):
                condition = NOT_THERE if old is None else None
                item_row = calendar_rows.item_row(mailbox_id, item, new.uid_hash)
                write.put("item", self.mailbox_table, item_row, condition=condition)
                write.put("index", self.mailbox_table, calendar_rows.index_row(mailbox_id, item, new))
                object_row = calendar_rows.object_row(mailbox_id, item, new)
                write.put("object", self.mailbox_table, object_row, condition=condition)
            case RemoveObject(stored):
                place = mailbox_rows.place_key(Folder.CALENDAR, item.uids[Folder.CALENDAR])
                for sort_key in (place, calendar_rows.object_key(stored.uid_hash)):
                    write.delete("item", self.mailbox_table, rows.key(mailbox_id, sort_key))
        if log.kind is not ChangeKind.NEW:
            write.put("log", self.mailbox_table, mailbox_rows.change_row(mailbox_id, log))

    def _get_all(self, mailbox_id: str, sort_keys: Iterable[str]) -> dict[str, rows.Row]:
        return unprocessed.get_rows(self.client, self.mailbox_table, mailbox_id, sort_keys, self.pause)
