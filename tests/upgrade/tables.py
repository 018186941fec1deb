"""Rows of TransitTable, LedgerTable and MailboxTable; those of orders are in ``messages``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from postroom.adapters.aws import (
    calendar_rows,
    ledger_rows,
    mailbox_additions,
    mailbox_rows,
    rows,
    transit_rows,
    written_objects,
)
from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import ORDERS, listed_orders
from postroom.contracts.orders import RawLocation
from postroom.model.audit_chains import AuditChain
from postroom.model.calendars import BlobNote, CalendarSettings, NewObject, ObjectTimes
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact
from postroom.model.free_busy import Weekday, WorkingPeriod
from postroom.model.mailbox import Change, ChangeKind, Counters, FolderInfo, Head, Item, NewItem
from postroom.ports.message_contents import Content, FlowContents, Slot
from postroom.ports.parked import Parked
from postroom.ports.written_objects import WrittenObject

from .kinds import NOON, ORG, TOKEN, TRACE, Kind

RAW: Final = RawLocation(bucket="inbound-bucket", key="inbound/m1")
EXPANSION: Final = Expansion(
    trace=TRACE, organization_id=ORG, plan=RAW, chunks=3, done=1, notification="{}", of="call:r-1"
)
PARKED: Final = Parked(TRACE, "order:ann", ORG, "deliver", "KeyUnavailableError: it is disabled", NOON, 2, "{}")
CONTENT: Final = Content(RAW, 900, 2)
CONTENTS: Final = FlowContents(
    TRACE, shown=CONTENT, slots={"r-1": Slot(2, CONTENT, closed=True), "r-2": Slot(1)}, puts=2, frozen=True, version=4
)
PLACE: Final = f"{ORG}/audit-bucket/own/"
CHAIN: Final = AuditChain(ORG, "audit-bucket", "own/", NOON, 7, "key", "5" * 64, "6" * 64, final=True, settled=False)
WRITTEN: Final = WrittenObject(ORG, "d1", "audit-bucket", "own/AWSLogs/1/x.gz", "5" * 64, 812, NOON, 9)

EVENT: Final = {
    "messageId": "<1@example.org>",
    "subject": "Grüße",
    "messageTimestamp": "2026-11-24T12:00:00.000Z",
    "recipients": ["ann@acme.test", "room@acme.test"],
}
LISTED: Final = Fact(
    TRACE,
    ORG,
    EventName.ORGANIZATION_EMAIL_RECEIVED,
    RECEIVED,
    NOON,
    EVENT,
    {
        "envelopeFrom": "bob@example.org",
        "raw": {"bucket": "inbound-bucket", "key": "inbound/m1"},
        "size": 1000,
        ORDERS: [["ann", "ann@acme.test"], ["room", "room@acme.test", "all@acme.test", "JUNK_EMAIL"]],
    },
)
OWN: Final = Fact(TRACE, ORG, OwnFact.PARKED, "PARKED:order:ann:1", NOON, {}, {"what": "order:ann", "cause": "x: y"})

HEAD: Final = Head(
    mailbox_id="ann",
    organization_id=ORG,
    organization_arn=f"arn:aws:workmail:us-east-1:123456789012:organization/{ORG}",
    kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/1",
    wrapped_key=b"\0wrapped\xff",
    quota_bytes=1 << 35,
    size=2_000,
    sequence=12,
    noticed=True,
    folders={"INBOX": Counters(3, 2, 1, 2_000, 11), "SENT_ITEMS": Counters(modseq=1)},
)
FOLDER: Final = FolderInfo(
    "f-1", "Über", "INBOX", "IPF.Note", "\\Archive", NOON // 1000, 9, subscribed=False, permissions={"ann": "read"}
)
ITEM: Final = Item(
    id=f"00000000000c-{TOKEN}",
    uids={"INBOX": 2},
    blob=f"mail/{ORG}/ann/{TOKEN}",
    size=900,
    summary=b"\1sealed\2",
    item_class="IPM.Note",
    conversation="c" * 32,
    received=NOON,
    created=NOON + 10,
    modified=NOON + 20,
    has_attachments=True,
    change_key=14,
    content_modseq=13,
    read_modseq=14,
    read=True,
    flags=("\\Flagged",),
    keywords=("$Forwarded",),
    categories=("Blau", "Red"),
)
PLAIN: Final = replace(
    ITEM,
    modified=ITEM.created,
    change_key=12,
    content_modseq=12,
    read_modseq=12,
    read=False,
    flags=(),
    keywords=(),
    categories=(),
)
CHANGE: Final = Change(255, ChangeKind.DELETED, ITEM.id, "INBOX", 2)

EVENT_ITEM: Final = replace(ITEM, uids={"CALENDAR": 5}, item_class="IPM.Appointment")
NEW_EVENT: Final = NewItem(
    token=TOKEN,
    folder="CALENDAR",
    blob=ITEM.blob,
    size=900,
    summary=b"\1sealed\2",
    item_class="IPM.Appointment",
    conversation="c" * 32,
    received=NOON,
    created=NOON,
    has_attachments=False,
)
SERIES: Final = NewObject(NEW_EVENT, "9" * 32, ObjectTimes(NOON, None, recurs=True), b"\3entry\4")
SINGLE: Final = NewObject(NEW_EVENT, "8" * 32, ObjectTimes(NOON, NOON + 3_600_000, recurs=False), b"\3entry\4")
NOTE: Final = BlobNote("7" * 32, NOON, ("mail/a", "mail/b"), closed=True)
SETTINGS: Final = CalendarSettings("Europe/Vienna", (WorkingPeriod((Weekday.MON, Weekday.SAT), 480, 1020),))


def parked_row() -> dict[str, Any]:
    return {**rows.key(PARKED.trace, PARKED.key), **transit_rows.parked_attributes(PARKED), "body": {"S": PARKED.body}}


def object_rows() -> dict[str, Any]:
    return {
        "object": calendar_rows.object_row("ann", EVENT_ITEM, SINGLE),
        "item": calendar_rows.item_row("ann", EVENT_ITEM, SINGLE.uid_hash),
    }


def entered(row: Any) -> object:
    """Read a token's row; the version before read it in another function."""
    if hasattr(mailbox_additions, "_entered_from"):
        return mailbox_additions._entered_from(row)
    return row["item"]["S"], row["place"]["S"]


def read_list(row: Any) -> object:
    fact = ledger_rows.fact_from_row(row)
    return fact, listed_orders(fact)


TABLES: Final = (
    Kind(
        "transit: expansion",
        (Expansion, transit_rows.expansion_row, RawLocation),
        lambda: transit_rows.expansion_row(EXPANSION, NOON),
        transit_rows.expansion_from_row,
    ),
    Kind("transit: parked", (), parked_row, transit_rows.parked_from_row),
    Kind(
        "transit: contents",
        (transit_rows.contents_row,),
        lambda: transit_rows.contents_row(CONTENTS, NOON // 1000),
        transit_rows.contents_from_row,
    ),
    Kind(
        "transit: written object",
        (written_objects._object_row,),
        lambda: written_objects._object_row(WRITTEN, complete=True),
        lambda row: written_objects._object_from(row, CHAIN),
    ),
    Kind(
        "transit: chain of digests",
        (written_objects._head_row,),
        lambda: written_objects._head_row(CHAIN),
        written_objects._head_from,
    ),
    Kind("ledger: fact with a list", (ledger_rows.fact_row,), lambda: ledger_rows.fact_row(LISTED), read_list),
    Kind("ledger: own fact", (), lambda: ledger_rows.fact_row(OWN), ledger_rows.fact_from_row),
    Kind(
        "mailbox: head", (mailbox_rows.head_row,), lambda: mailbox_rows.head_row(HEAD, NOON), mailbox_rows.head_from_row
    ),
    Kind(
        "mailbox: folder",
        (mailbox_rows.folder_row,),
        lambda: mailbox_rows.folder_row("ann", FOLDER),
        mailbox_rows.folder_from_row,
    ),
    Kind(
        "mailbox: item",
        (mailbox_rows.item_row,),
        lambda: mailbox_rows.item_row("ann", ITEM),
        mailbox_rows.item_from_row,
    ),
    Kind("mailbox: plain item", (), lambda: mailbox_rows.item_row("ann", PLAIN), mailbox_rows.item_from_row),
    Kind(
        "mailbox: change",
        (mailbox_rows.change_row,),
        lambda: mailbox_rows.change_row("ann", CHANGE),
        mailbox_rows.change_from_row,
    ),
    Kind(
        "mailbox: token",
        (mailbox_additions._token_row,),
        lambda: mailbox_additions._token_row("ann", ITEM),
        entered,
    ),
    Kind(
        "mailbox: index of a series",
        (calendar_rows.index_row, calendar_rows._times_row),
        lambda: calendar_rows.index_row("ann", EVENT_ITEM, SERIES),
        calendar_rows.entry_from_row,
    ),
    Kind(
        "mailbox: index of a single event",
        (),
        lambda: calendar_rows.index_row("ann", EVENT_ITEM, SINGLE),
        calendar_rows.entry_from_row,
    ),
    Kind(
        "mailbox: object",
        (calendar_rows.object_row, calendar_rows.item_row),
        object_rows,
        lambda found: calendar_rows.stored_from_rows(found["object"], found["item"]),
    ),
    Kind(
        "mailbox: note of blobs",
        (calendar_rows.note_row,),
        lambda: calendar_rows.note_row("ann", NOTE),
        calendar_rows.note_from_row,
    ),
    Kind(
        "mailbox: settings of a calendar",
        (calendar_rows.settings_row,),
        lambda: calendar_rows.settings_row("ann", SETTINGS),
        calendar_rows.settings_from_row,
    ),
)
