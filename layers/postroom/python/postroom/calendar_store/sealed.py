"""What a mailbox keeps of an object beside its bytes: ciphertexts under the mailbox key, and a hash of its UID."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any, Final

from postroom.calendars.entry import Entry
from postroom.model.calendars import NewObject, ObjectTimes
from postroom.model.folders import Folder
from postroom.model.mailbox import NewItem, summary_place
from postroom.sealing import open_entry, seal_entry

if TYPE_CHECKING:
    from postroom.calendars.objects import CalendarObject
    from postroom.model.calendars import SealedEntry
    from postroom.model.mailbox import Item, Marks
    from postroom.sealing import Random

ITEM_CLASS: Final = "IPM.Appointment"
"""Class of the item of an object. Source: [MS-OXOCAL]."""

MAX_ADDRESSES: Final = 50
"""Most attendees that the summary keeps; the object itself has them all. Ours."""

_ATTACHMENT: Final = re.compile(rb"(?im)^ATTACH[;:]")


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """What a list of a calendar shows of an object, and what tells its versions apart.

    The names are those of a message's summary where both have the same; addresses are lower-case without names.

    Attributes:
        from_address: the organizer's address, or nothing.
        to: addresses of attendees.
        uid: exactly as in the object.
        sequence: with ``dtstamp_ms``, see ``version_of``.
        is_cut: ``("to",)`` if the object has more attendees.
    """

    uid: str
    subject: str = ""
    location: str = ""
    from_address: str = ""
    to: tuple[str, ...] = ()
    sequence: int = 0
    dtstamp_ms: int = 0
    is_cut: tuple[str, ...] = field(default=())

    @property
    def version(self) -> tuple[int, int]:
        """See ``version_of``."""
        return self.sequence, self.dtstamp_ms

    def dump(self) -> bytes:
        """Return the summary as JSON bytes; empty fields are left out."""
        fields = {name: value for name, value in asdict(self).items() if value not in ("", (), 0)}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    @classmethod
    def load(cls, dumped: bytes) -> ObjectSummary:
        """Read back what ``dump`` wrote."""
        read: dict[str, Any] = json.loads(dumped)
        known = {each.name: read[each.name] for each in dataclass_fields(cls) if each.name in read}
        lists: dict[str, Any] = {name: tuple(known.get(name, ())) for name in ("to", "is_cut")}
        return cls(**known | lists)


def uid_hash(uid: str, *, mailbox_key: bytes) -> str:
    """Return what finds an object by its UID: 32 hexadecimal digits, keyed, so that the table does not betray UIDs."""
    return hmac.new(mailbox_key, b"calendar\0" + uid.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def summarize(found: CalendarObject) -> ObjectSummary:
    """Return what the index keeps of an object."""
    first = found.parts[0]
    attendees = tuple(attendee.address for attendee in first.attendees)
    sequence, dtstamp_ms = version_of(found)
    return ObjectSummary(
        uid=found.uid,
        subject=first.summary,
        location=_location(found.entry),
        from_address=first.organizer.address if first.organizer else "",
        to=attendees[:MAX_ADDRESSES],
        sequence=sequence,
        dtstamp_ms=dtstamp_ms,
        is_cut=("to",) if len(attendees) > MAX_ADDRESSES else (),
    )


def version_of(found: CalendarObject) -> tuple[int, int]:
    """Return what a newer version of an object has a greater value of: SEQUENCE, then DTSTAMP (RFC 5546, 2.1.5).

    A series is as new as the newest of its parts.
    """
    return max((part.sequence, part.dtstamp_ms) for part in found.parts)


def new_object(
    found: CalendarObject,
    *,
    mailbox_id: str,
    mailbox_key: bytes,
    token: str,
    blob: str,
    now_ms: int,
    random: Random,
    marks: Marks,
) -> NewObject:
    """Return an object about to enter a mailbox, or to replace the version with the same token."""
    hashed = uid_hash(found.uid, mailbox_key=mailbox_key)
    summary, entry = summarize(found).dump(), found.entry
    return NewObject(
        item=NewItem(
            token=token,
            folder=Folder.CALENDAR.value,
            blob=blob,
            size=len(found.ics),
            summary=seal_entry(summary, mailbox_key=mailbox_key, place=summary_place(mailbox_id, token), random=random),
            item_class=ITEM_CLASS,
            conversation=hashed,
            received=now_ms if marks.received is None else marks.received,
            created=now_ms,
            has_attachments=_ATTACHMENT.search(found.ics) is not None,
            unread=not marks.read,
            flags=marks.flags,
            keywords=marks.keywords,
            categories=marks.categories,
        ),
        uid_hash=hashed,
        times=ObjectTimes(entry.start_ms, entry.end_ms, entry.recurs),
        entry=seal_entry(entry.freeze(), mailbox_key=mailbox_key, place=_entry_place(mailbox_id, token), random=random),
    )


def open_summary(item: Item, *, mailbox_key: bytes, mailbox_id: str) -> ObjectSummary:
    """Open the summary of an object's item.

    Raises:
        UnreadableMailError: it belongs to another mailbox or item, or was changed.
    """
    place = summary_place(mailbox_id, item.token)
    return ObjectSummary.load(open_entry(item.summary, mailbox_key=mailbox_key, place=place))


def open_index(entry: SealedEntry, *, mailbox_key: bytes, mailbox_id: str) -> Entry:
    """Open an entry of the index.

    Raises:
        UnreadableMailError: it belongs to another mailbox or item, or was changed.
    """
    token = entry.item_id.partition("-")[2]
    return Entry.thaw(open_entry(entry.sealed, mailbox_key=mailbox_key, place=_entry_place(mailbox_id, token)))


def _location(entry: Entry) -> str:
    """Return the location of a series, or of a single event; of changed instances without their series, the first."""
    if entry.series is not None:
        return entry.series.shown.location
    return next((placed.shown.location for placed in entry.placed if placed.shown is not None), "")


def _entry_place(mailbox_id: str, token: str) -> str:
    return f"calendar\0{mailbox_id}\0{token}"
