"""A mailbox, its folders, and the items of its index; EWS, IMAP and export will need these fields."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from postroom.model.folders import FOLDER_CLASS, SPECIAL_USE, Folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.out_of_office import Away


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters of a folder. They change with every delivery, so they are in the mailbox's head row: one write.

    ``modseq`` is the mailbox sequence of the folder's last change; ``size`` is in bytes.
    """

    uid_next: int = 1
    total: int = 0
    unread: int = 0
    size: int = 0
    modseq: int = 0


@dataclass(frozen=True, slots=True)
class FolderInfo:
    """Properties of a folder that change rarely. ``id`` is immutable; ``uid_validity`` is seconds since the epoch."""

    id: str
    name: str
    parent: str | None
    folder_class: str
    special_use: str | None
    uid_validity: int
    modseq: int
    subscribed: bool = True
    permissions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How many recipients outside its organization a mailbox has sent to in one day.

    Attributes:
        day: the day, counted from the epoch, in UTC.
        recipients: those of that day.
        reserved: how many of the account's recipients the mailbox has taken for that day, at least ``recipients``.
    """

    day: int = 0
    recipients: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """A mailbox's head: its organization, its wrapped key, its sequence, and the counters of its folders.

    Attributes:
        quota_bytes: largest size of the mailbox.
        size: size of its messages, in bytes.
        sequence: grows by one with every change in the mailbox; a writer states the value that it read.
        noticed: the mailbox has the quota notice, and was not below the share of the notice since then.
        outgoing: what was sent on the last day on which something was sent.
        away: when its owner may have an out-of-office reply.
    """

    mailbox_id: str
    organization_id: str
    organization_arn: str
    kms_key_arn: str
    wrapped_key: bytes
    quota_bytes: int
    size: int
    sequence: int
    noticed: bool
    folders: Mapping[str, Counters]
    outgoing: Outgoing = Outgoing()
    away: Away | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What a source of items knows of one beside its content; ``received`` is milliseconds since the epoch.

    ``received`` is ``None`` where the source does not know it.
    """

    received: int | None = None
    read: bool = True
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewItem:
    """A message that is about to enter a folder; the mailbox assigns UID, sequence and id in one transaction.

    ``summary`` is one ciphertext under the mailbox key, bound to ``summary_place``. It has the fields that lists and
    search show (subject, addresses, Message-ID, preview). Times are milliseconds since the epoch, sizes are bytes.
    """

    token: str
    """32 hexadecimal digits; the item id is the creation sequence and this token."""
    folder: str
    blob: str
    size: int
    summary: bytes
    item_class: str
    conversation: str
    received: int
    created: int
    has_attachments: bool
    unread: bool = True
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A message in a mailbox, as the index has it.

    Attributes:
        id: 45 characters; it stays the same when the item is moved. It begins with the mailbox sequence of its
            creation, so that the items are the mailbox's log of creations.
        uids: UID by the folder that the item is in.
    """

    id: str
    uids: Mapping[str, int]
    blob: str
    size: int
    summary: bytes
    item_class: str
    conversation: str
    received: int
    created: int
    modified: int
    has_attachments: bool
    change_key: int
    content_modseq: int
    read_modseq: int
    read: bool
    flags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """The value of ``NewItem.token``; summaries are bound to it."""
        return self.id.partition("-")[2]


class ChangeKind(StrEnum):
    """Kind of an entry of the change log. Delivery writes only NEW, which is the item's own row."""

    NEW = "NEW"
    MODIFIED = "MODIFIED"
    READ = "READ"
    MOVED = "MOVED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the mailbox's change log."""

    sequence: int
    kind: ChangeKind
    item_id: str
    folder: str
    uid: int


def item_id(sequence: int, token: str) -> str:
    """Return an item's id: 12 hexadecimal digits of the creating sequence, a dash, and the token."""
    return f"{sequence:012x}-{token}"


def item_token(trace: str, mailbox_id: str, kind: str) -> str:
    """Return the token of the item that an order creates; deterministic for the order."""
    return hashlib.sha256(f"item\0{trace}\0{mailbox_id}\0{kind}".encode()).hexdigest()[:32]


def blob_key(organization_id: str, mailbox_id: str, token: str) -> str:
    """Return the key of the sealed object; the message key is bound to it as its place."""
    return f"mail/{organization_id}/{mailbox_id}/{token}"


def summary_place(mailbox_id: str, token: str) -> str:
    """Return the place that an item's summary is bound to."""
    return f"summary\0{mailbox_id}\0{token}"


def enter(head: Head, item: NewItem, now: int) -> tuple[Item, Counters]:
    """Return the item of a new message, and its folder's counters after it. ``now`` in milliseconds since the epoch."""
    before, sequence = head.folders[item.folder], head.sequence + 1
    after = replace(
        before,
        uid_next=before.uid_next + 1,
        total=before.total + 1,
        unread=before.unread + item.unread,
        size=before.size + item.size,
        modseq=sequence,
    )
    entered = Item(
        id=item_id(sequence, item.token),
        uids={item.folder: before.uid_next},
        blob=item.blob,
        size=item.size,
        summary=item.summary,
        item_class=item.item_class,
        conversation=item.conversation,
        received=item.received,
        created=item.created,
        modified=now,
        has_attachments=item.has_attachments,
        change_key=sequence,
        content_modseq=sequence,
        read_modseq=sequence,
        read=not item.unread,
        flags=item.flags,
        keywords=item.keywords,
        categories=item.categories,
    )
    return entered, after


def first_head(
    mailbox_id: str,
    *,
    organization_id: str,
    organization_arn: str,
    kms_key_arn: str,
    wrapped_key: bytes,
    quota_bytes: int,
) -> Head:
    """Return the head of a new mailbox: empty, at sequence 1, with the standard folders' counters."""
    return Head(
        mailbox_id=mailbox_id,
        organization_id=organization_id,
        organization_arn=organization_arn,
        kms_key_arn=kms_key_arn,
        wrapped_key=wrapped_key,
        quota_bytes=quota_bytes,
        size=0,
        sequence=1,
        noticed=False,
        folders={folder.value: Counters(modseq=1) for folder in Folder},
    )


def standard_folders(now: int) -> list[FolderInfo]:
    """Return the folders of a new mailbox. ``now`` in milliseconds since the epoch."""
    return [
        FolderInfo(
            id=folder.value,
            name=folder.value,
            parent=None,
            folder_class=FOLDER_CLASS[folder],
            special_use=SPECIAL_USE.get(folder),
            uid_validity=now // 1000,
            modseq=1,
        )
        for folder in Folder
    ]
