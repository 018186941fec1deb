"""Objects in buckets, and ciphertexts in rows."""

from __future__ import annotations

from typing import Any, Final

from postroom.calendar_store.sealed import ObjectSummary
from postroom.calendars.entry import Change, Entry, Length, Placed, Series, Shown
from postroom.calendars.rules import Frequency, Rule
from postroom.contracts import audit_digests
from postroom.contracts.export_journal import Checkpoint, Counted, JournalHead
from postroom.contracts.export_manifest import (
    ManifestFolder,
    ManifestHead,
    ManifestItem,
    MissingItem,
    _Item,
    read_line,
    write_line,
)
from postroom.contracts.export_staging import (
    Completion,
    PackedHead,
    PlanHead,
    PlannedItem,
    RunHead,
    read_plan,
    split_head,
    with_head,
    write_plan,
)
from postroom.contracts.rule_set import StoredRules, dump_rules, load_rules
from postroom.export.archive import Member, RunIndex
from postroom.export.manifest import Piece, piece_of
from postroom.export.packed import PackedRun
from postroom.model.export_formats import Format
from postroom.model.free_busy import BusyType
from postroom.routing.plan import Plan
from postroom.sealing import open_entry, open_message, seal_entry, seal_message
from postroom.summaries import Summary

from . import records
from .kinds import KEY, NOON, ORG, TOKEN, Kind, no_chance
from .messages import CALL, DELIVERY
from .tables import LISTED

PLACE: Final = f"{ORG}/ann/{TOKEN}"
RULES: Final = tuple(made.rule for made in (records.rule(), records.CALLING, records.RELAYING))
SUMMARY: Final = Summary(
    subject="Grüße",
    from_="Bob <bob@example.org>",
    from_address="bob@example.org",
    to=("ann@acme.test",),
    cc=("ben@acme.test",),
    date=NOON,
    message_id="<1@example.org>",
    in_reply_to="<0@example.org>",
    references=("<0@example.org>",),
    envelope_from="bounces@example.org",
    delivered_to="all@acme.test",
    is_cut=("cc",),
)
OBJECT: Final = ObjectSummary(
    "uid-1", "Treffen", "Saal", "bob@example.org", ("ann@acme.test",), sequence=2, dtstamp_ms=NOON, is_cut=("to",)
)
LOOK: Final = Shown(BusyType.OOF, "Treffen", "Saal", is_meeting=True, is_reminder_set=True, is_private=True)
HOUR: Final = Length(0, 3600)
ENTRY: Final = Entry(
    NOON,
    None,
    (Placed(1000, HOUR, LOOK, is_floating=True, all_day=True, key_s=1000, key_floats=True), Placed(1, HOUR, None)),
    Series(
        start_s=1000,
        zone="Europe/Vienna",
        all_day=False,
        length=HOUR,
        shown=LOOK,
        rules=(Rule(Frequency.WEEKLY, 2, 5000, (1, 12)),),
        more=((2000, None), (3000, HOUR)),
        excluded=frozenset({4000}),
        excluded_days=frozenset({3}),
        changes=(Change(5000, 60, HOUR, None),),
    ),
    is_tentative=True,
)
MEMBER: Final[dict[str, Any]] = {"path": "Inbox/1.eml", "folder": ("Inbox",), "size": 900, "received": NOON}
MARKS: Final[dict[str, Any]] = {"read": True, "flags": ("\\Seen",), "keywords": ("k",), "categories": ("Blau",)}
ITEM_LINE: Final = ManifestItem(**MEMBER, **MARKS, sha256="5" * 64)
FOLDER_LINE: Final = ManifestFolder(path="Inbox", folder=("Inbox",), standard="INBOX")
PIECE: Final = piece_of([ITEM_LINE])
PLANNED: Final = PlannedItem(
    blob=f"mail/{PLACE}",
    size=900,
    received=NOON,
    path="Inbox/1.eml",
    folder="INBOX",
    uid=2,
    item_class="IPM.Note",
    **MARKS,
)
PLAN_HEAD: Final = PlanHead(tail_part=9, part_bytes=5 << 20, folders=("Inbox",))
RUN_HEAD: Final = RunHead(first_part=3, part_bytes=5 << 20, folders={"INBOX": ("Inbox",)})
INDEX: Final = RunIndex((Member(b"Inbox/1.eml", *range(1, len(Member._fields))),), 1200)
PACKED: Final = PackedHead(
    first_part=3,
    parts=("etag",),
    staged=("0-aa",),
    items=1,
    size=900,
    missing=0,
    index_bytes=len(INDEX.dump()),
)
COMPLETION: Final = Completion(parts=((1, "etag"),), log="{}")
JOURNAL: Final = JournalHead(format=Format.ZIP, mailbox_id="ann", started=NOON, first_bytes=7)
CHECKPOINT: Final = Checkpoint(
    folder="INBOX", uid=2, items=3, size=4, missing=1, file="m.zip", length=9, entries=3, index_bytes=5, piece_bytes=6
)
FILE: Final = audit_digests.ListedFile("key", "5" * 64, 812, 9)
DIGEST: Final = audit_digests.Digest(
    account="123456789012",
    organization_id=ORG,
    bucket="audit-bucket",
    key="own/AWSLogs/d.json.gz",
    start_ms=NOON,
    end_ms=NOON + 3_600_000,
    number=2,
    fingerprint="7" * 32,
    previous=audit_digests.Previous("before", "5" * 64, "6" * 64),
    final=True,
    files=(FILE,),
    unfinished=(FILE,),
)


def opened(sealed: bytes) -> bytes:
    return b"".join(open_message(sealed, mailbox_key=KEY, place=PLACE))


def no_flow() -> Any:
    raise AssertionError("only a plan of 2026-11-29 needs its flow")


OBJECTS: Final = (
    Kind("object: rules", (StoredRules,), lambda: dump_rules(RULES), load_rules),
    Kind(
        "object: frozen plan",
        (Plan,),
        lambda: Plan((LISTED, DELIVERY, CALL)).freeze(),
        lambda frozen: Plan.thaw(frozen, no_flow),
    ),
    Kind(
        "object: sealed message",
        (seal_message,),
        lambda: seal_message(b"Subject: x\r\n\r\ny", mailbox_key=KEY, place=PLACE, random=no_chance),
        opened,
    ),
    Kind(
        "sealed: entry",
        (seal_entry,),
        lambda: seal_entry(b"content", mailbox_key=KEY, place=PLACE, random=no_chance),
        lambda sealed: open_entry(sealed, mailbox_key=KEY, place=PLACE),
    ),
    Kind("sealed: summary of a message", (Summary,), SUMMARY.dump, Summary.load),
    Kind("sealed: summary of an event", (ObjectSummary,), OBJECT.dump, ObjectSummary.load),
    Kind("sealed: entry of the index", (Entry,), ENTRY.freeze, Entry.thaw),
    Kind(
        "staged: head of a plan",
        (PlanHead,),
        lambda: with_head(PLAN_HEAD, PIECE.dump()),
        lambda content: (PlanHead.model_validate_json(split_head(content)[0]), Piece.load(split_head(content)[1])),
    ),
    Kind(
        "staged: run of a plan",
        (RunHead, PlannedItem),
        lambda: write_plan(RUN_HEAD, [PLANNED]),
        lambda content: (read_plan(content)[0], *read_plan(content)[1]),
    ),
    Kind("staged: run that is packed", (PackedHead,), PackedRun(PACKED, INDEX, PIECE).dump, PackedRun.load),
    Kind("staged: completion", (Completion,), COMPLETION.model_dump_json, Completion.model_validate_json),
    Kind("manifest: head", (ManifestHead,), lambda: write_line(ManifestHead()), read_line),
    Kind("manifest: folder", (ManifestFolder,), lambda: write_line(FOLDER_LINE), read_line),
    Kind("manifest: item", (ManifestItem, _Item), lambda: write_line(ITEM_LINE), read_line),
    Kind(
        "manifest: missing item",
        (MissingItem,),
        lambda: write_line(MissingItem(**MEMBER, **MARKS, cause="x")),
        read_line,
    ),
    Kind("disk: head of a journal", (JournalHead,), JOURNAL.model_dump_json, JournalHead.model_validate_json),
    Kind("disk: checkpoint", (Checkpoint, Counted), CHECKPOINT.model_dump_json, Checkpoint.model_validate_json),
    Kind("object: digest", (audit_digests.Digest,), lambda: audit_digests.to_bytes(DIGEST), audit_digests.read),
)
