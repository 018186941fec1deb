"""Mailboxes as rows of MailboxTable, written and read.

pk mailbox id · sk head | folder:… | in:<folder>:<uid> | change:… | token:…

A message is one row, whose key is its place in its folder. Builds before docs/decisions/0022 wrote two rows: the
message as ``item:<id>``, and at its place a row with only that id (attribute ``item``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.rows import key, number, readable
from postroom.model.mailbox import Change, ChangeKind, Counters, FolderInfo, Head, Item, Outgoing
from postroom.model.out_of_office import Away

if TYPE_CHECKING:
    from postroom.adapters.aws.rows import Row

ENTERED: Final = "token:"
"""Prefix of the sort key of the row that has the place of an item that entered without a flow, by the item's token."""

OLD_ITEM: Final = "item:"
"""Prefix of the sort key of a message in the former format."""


def head_row(head: Head, created: int) -> dict[str, Any]:
    """Return a new mailbox's head."""
    return {
        **key(head.mailbox_id, "head"),
        "org": {"S": head.organization_id},
        "arn": {"S": head.organization_arn},
        "kms": {"S": head.kms_key_arn},
        "key": {"B": head.wrapped_key},
        "quota": number(head.quota_bytes),
        "size": number(head.size),
        "sequence": number(head.sequence),
        "noticed": {"BOOL": head.noticed},
        "created": number(created),
        "folders": {"M": {name: counters(folder) for name, folder in head.folders.items()}},
    }


def head_from_row(row: Row) -> Head:
    """Read a mailbox's head."""
    readable(row)
    return Head(
        mailbox_id=row["pk"]["S"],
        organization_id=row["org"]["S"],
        organization_arn=row["arn"]["S"],
        kms_key_arn=row["kms"]["S"],
        wrapped_key=bytes(row["key"]["B"]),
        quota_bytes=int(row["quota"]["N"]),
        size=int(row["size"]["N"]),
        sequence=int(row["sequence"]["N"]),
        noticed=row["noticed"]["BOOL"],
        folders={name: _counters_from(folder["M"]) for name, folder in row["folders"]["M"].items()},
        outgoing=_outgoing_from(row["outgoing"]["M"]) if "outgoing" in row else Outgoing(),
        away=_away_from(row["away"]["M"]) if "away" in row else None,
    )


def counters(folder: Counters) -> dict[str, Any]:
    """Return a folder's counters. Their names are short because every delivery writes them."""
    return {
        "M": {
            "u": number(folder.uid_next),
            "t": number(folder.total),
            "r": number(folder.unread),
            "s": number(folder.size),
            "q": number(folder.modseq),
        }
    }


def _counters_from(row: Row) -> Counters:
    return Counters(*(int(row[name]["N"]) for name in "utrsq"))


def outgoing(sent: Outgoing) -> dict[str, Any]:
    """Return what a mailbox has sent; a mailbox that never sent anything has none of it."""
    return {"M": {"d": number(sent.day), "n": number(sent.recipients), "r": number(sent.reserved)}}


def _outgoing_from(row: Row) -> Outgoing:
    return Outgoing(*(int(row[name]["N"]) for name in "dnr"))


def away(time: Away) -> dict[str, Any]:
    """Return when a mailbox's owner may have an out-of-office reply; most mailboxes have none of it."""
    end = {} if time.until_ms is None else {"u": number(time.until_ms)}
    return {"M": {"f": number(time.from_ms), **end}}


def _away_from(row: Row) -> Away:
    return Away(int(row["f"]["N"]), int(row["u"]["N"]) if "u" in row else None)


def folder_row(mailbox_id: str, folder: FolderInfo) -> dict[str, Any]:
    """Return a folder's row, with what rarely changes."""
    return {
        **key(mailbox_id, f"folder:{folder.id}"),
        "name": {"S": folder.name},
        "class": {"S": folder.folder_class},
        "validity": number(folder.uid_validity),
        "modseq": number(folder.modseq),
        "subscribed": {"BOOL": folder.subscribed},
        "permissions": {"M": {who: {"S": what} for who, what in folder.permissions.items()}},
        **({"parent": {"S": folder.parent}} if folder.parent else {}),
        **({"use": {"S": folder.special_use}} if folder.special_use else {}),
    }


def folder_from_row(row: Row) -> FolderInfo:
    """Read a folder's row."""
    readable(row)
    return FolderInfo(
        id=row["sk"]["S"].partition(":")[2],
        name=row["name"]["S"],
        parent=row["parent"]["S"] if "parent" in row else None,
        folder_class=row["class"]["S"],
        special_use=row["use"]["S"] if "use" in row else None,
        uid_validity=int(row["validity"]["N"]),
        modseq=int(row["modseq"]["N"]),
        subscribed=row["subscribed"]["BOOL"],
        permissions={who: what["S"] for who, what in row["permissions"]["M"].items()},
    )


def item_row(mailbox_id: str, item: Item) -> dict[str, Any]:
    """Return the row of an item that is in one folder. For ordinary mail it is below 1 KB, which is one write unit.

    Values that follow from others are left out: the end of the object's name if it is that of the item, the time of
    modification if it is that of creation, and sequences that are that of creation, with which the id begins.
    """
    ((folder, uid),) = item.uids.items()
    created = created_at(item.id)
    sequences = (("change", item.change_key), ("modseq", item.content_modseq), ("readseq", item.read_modseq))
    return {
        **key(mailbox_id, place_key(folder, uid)),
        "id": {"S": item.id},
        "blob": {"S": _shorter(item.blob, mailbox_id, item.token)},
        "size": number(item.size),
        "summary": {"B": item.summary},
        "class": {"S": item.item_class},
        "conversation": {"S": item.conversation},
        "received": number(item.received),
        "created": number(item.created),
        "attachments": {"BOOL": item.has_attachments},
        "read": {"BOOL": item.read},
        **({"modified": number(item.modified)} if item.modified != item.created else {}),
        **{name: number(sequence) for name, sequence in sequences if sequence != created},
        **{
            name: {"SS": sorted(words)}
            for name, words in (("flags", item.flags), ("keywords", item.keywords), ("categories", item.categories))
            if words
        },
    }


def item_from_row(row: Row) -> Item:
    """Read an item's row, of this format or of the former one."""
    readable(row)
    item_id = row["id"]["S"] if "id" in row else row["sk"]["S"].removeprefix(OLD_ITEM)
    created = number(created_at(item_id))
    return Item(
        id=item_id,
        uids=_uids(row),
        blob=_whole(row["blob"]["S"], row["pk"]["S"], item_id.partition("-")[2]),
        size=int(row["size"]["N"]),
        summary=bytes(row["summary"]["B"]),
        item_class=row["class"]["S"],
        conversation=row["conversation"]["S"],
        received=int(row["received"]["N"]),
        created=int(row["created"]["N"]),
        modified=int(row.get("modified", row["created"])["N"]),
        has_attachments=row["attachments"]["BOOL"],
        change_key=int(row.get("change", created)["N"]),
        content_modseq=int(row.get("modseq", created)["N"]),
        read_modseq=int(row.get("readseq", created)["N"]),
        read=row["read"]["BOOL"],
        flags=_words(row, "flags"),
        keywords=_words(row, "keywords"),
        categories=_words(row, "categories"),
    )


def _uids(row: Row) -> dict[str, int]:
    if "uids" in row:
        return {folder: int(uid["N"]) for folder, uid in row["uids"]["M"].items()}
    folder, uid = place_of(row)
    return {folder: uid}


def created_at(item_id: str) -> int:
    """Return the mailbox sequence of an item's creation, with which its id begins.

    Raises:
        ValueError: it is not the id of an item.
    """
    return int(item_id.partition("-")[0], 16)


def _shorter(blob: str, mailbox_id: str, token: str) -> str:
    """Return an object's name without the part that the item's row has anyway; it then ends in a slash."""
    own = f"/{mailbox_id}/{token}"
    return blob.removesuffix(own) + "/" if blob.endswith(own) else blob


def _whole(blob: str, mailbox_id: str, token: str) -> str:
    return f"{blob}{mailbox_id}/{token}" if blob.endswith("/") else blob


def place_key(folder: str, uid: int) -> str:
    """Return the sort key of a message in a folder. Keys sort by folder, then UID."""
    return f"in:{folder}:{uid:010d}"


def place_of(row: Row) -> tuple[str, int]:
    """Return the folder and the UID of a row at a place in a folder."""
    folder, _, uid = row["sk"]["S"].removeprefix("in:").rpartition(":")
    return folder, int(uid)


def item_at(row: Row) -> str:
    """Return the item id of a row at a place in a folder, of either format."""
    return str((row["id"] if "id" in row else row["item"])["S"])


def change_row(mailbox_id: str, change: Change) -> dict[str, Any]:
    """Return the row of a change in the mailbox's log; a creation has none, its item's row is enough."""
    return {
        **key(mailbox_id, change_key(change.sequence)),
        "kind": {"S": change.kind.value},
        "item": {"S": change.item_id},
        "folder": {"S": change.folder},
        "uid": number(change.uid),
    }


def change_key(sequence: int) -> str:
    """Return the sort key of a change. Keys sort by sequence."""
    return f"change:{sequence:012x}"


def change_from_row(row: Row) -> Change:
    """Read a change."""
    readable(row)
    return Change(
        sequence=int(row["sk"]["S"].partition(":")[2], 16),
        kind=ChangeKind(row["kind"]["S"]),
        item_id=row["item"]["S"],
        folder=row["folder"]["S"],
        uid=int(row["uid"]["N"]),
    )


def _words(row: Row, name: str) -> tuple[str, ...]:
    return tuple(sorted(row[name]["SS"])) if name in row else ()
