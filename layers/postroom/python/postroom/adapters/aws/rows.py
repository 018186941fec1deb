"""How facts, orders and mailboxes lie in DynamoDB: pure, both ways.

LedgerTable    pk trace            sk fact key           one row a fact, never changed; `expires` (TTL)
TransitTable   pk trace            sk order:… | bounce:… | call:… | expansion… | arrival | event:…    gone once final
               pk bounces:…        sk sent               how many a sender got in an hour; `expires` (TTL)
               pk attempts:<id>    sk attempts         failed and unanswered attempts at an SQS message; `expires` (TTL)
               pk contents:<trace> sk contents         what rule functions put; `expires` (TTL)
               pk probe:<group>    sk probe            who may call a function that is held back; `expires` (TTL)
MailboxTable   pk mailbox id       sk head | folder:… | item:… | in:<folder>:<uid> | change:…
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from postroom.model.facts import EventName, Fact, OwnFact
from postroom.model.limits import LEDGER_DAYS
from postroom.model.mailbox import Counters, FolderInfo, Head, Item
from postroom.ports.message_contents import Content, FlowContents, Slot
from postroom.ports.transit import EXPANSION, Parked

if TYPE_CHECKING:
    from postroom.contracts.between_stations import Expansion, Order

Row = Mapping[str, Any]

OPEN = "OPEN"
PARKED = "PARKED"

LATEST: Final = 253_402_300_799_999
"""Last millisecond of the year 9999: what RFC 3339 and EventBridge can still write."""


def key(pk: str, sk: str) -> dict[str, Any]:
    """Return a primary key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def number(value: int) -> dict[str, str]:
    """Return a number as DynamoDB writes it."""
    return {"N": str(value)}


def fact_row(fact: Fact) -> dict[str, Any]:
    """Return a fact's row."""
    return {
        **key(fact.trace, fact.key),
        "org": {"S": fact.organization_id},
        "name": {"S": fact.name.value},
        "at": number(fact.at),
        "event": {"S": _json(fact.event)},
        "data": {"S": _json(fact.data)},
        "expires": number(fact.at // 1000 + LEDGER_DAYS * 86_400),
    }


def fact_from_row(row: Row) -> Fact:
    """Read a fact's row, of the table or of its stream.

    Raises:
        KeyError, ValueError: it is no fact; whoever reads a stream must expect that.
    """
    name, at = row["name"]["S"], int(row["at"]["N"])
    event, data = json.loads(row["event"]["S"]), json.loads(row["data"]["S"])
    if not (isinstance(event, dict) and isinstance(data, dict) and 0 <= at <= LATEST):
        raise ValueError("no fact has such fields")
    return Fact(
        trace=row["pk"]["S"],
        organization_id=row["org"]["S"],
        name=OwnFact(name) if name in set(OwnFact) else EventName(name),
        key=row["sk"]["S"],
        at=at,
        event=event,
        data=data,
    )


def order_row(order: Order, since: int) -> dict[str, Any]:
    """Return an open order's row."""
    return {
        **key(order.trace, order.key),
        "state": {"S": OPEN},
        "since": number(since),
        "sweeps": number(0),
        "body": {"S": order.model_dump_json()},
    }


def expansion_row(expansion: Expansion, since: int) -> dict[str, Any]:
    """Return an expansion's row; ``done`` stands beside the rest, because it is what changes."""
    return {
        **key(expansion.trace, expansion.key),
        "state": {"S": OPEN},
        "since": number(since),
        "sweeps": number(0),
        "done": number(expansion.done),
        "body": {"S": expansion.model_dump_json()},
    }


def expansion_from_row(row: Row) -> Expansion:
    """Read an expansion's row."""
    from postroom.contracts.between_stations import Expansion  # the admin API keeps mailboxes too, and reads none

    return Expansion.model_validate_json(row["body"]["S"]).model_copy(update={"done": int(row["done"]["N"])})


def entry_from_row(row: Row) -> Order | Expansion:
    """Read an open order's or expansion's row.

    Raises:
        KeyError, ValueError: it is neither.
    """
    from postroom.contracts.between_stations import stored_order

    if row["sk"]["S"].startswith(EXPANSION):
        return expansion_from_row(row)
    return stored_order(row["sk"]["S"], row["body"]["S"])


def parked_attributes(parked: Parked) -> dict[str, Any]:
    """Return what parking adds to a row, key and body left out: what is in transit has its body already."""
    return {
        "state": {"S": PARKED},
        "since": number(parked.since),
        "sweeps": number(0),
        "org": {"S": parked.organization_id},
        "station": {"S": parked.station},
        "cause": {"S": parked.cause},
        "parkings": number(parked.parkings),
    }


def parked_from_row(row: Row) -> Parked:
    """Read a parked thing's row."""
    return Parked(
        trace=row["pk"]["S"],
        key=row["sk"]["S"],
        organization_id=row["org"]["S"],
        station=row["station"]["S"],
        cause=row["cause"]["S"],
        since=int(row["since"]["N"]),
        parkings=int(row["parkings"]["N"]),
        body=row["body"]["S"],
    )


def contents_key(trace: str) -> str:
    """Return the partition of what was put into a flow."""
    return f"contents:{trace}"


def contents_row(contents: FlowContents, expires: int) -> dict[str, Any]:
    """Return the row of what was put into a flow, as its next version. ``expires`` is seconds since the epoch."""
    body = {
        "shown": _content(contents.shown),
        "slots": {
            run: {"attempt": slot.attempt, "content": _content(slot.content), "closed": slot.closed}
            for run, slot in contents.slots.items()
        },
        "puts": contents.puts,
        "frozen": contents.frozen,
    }
    return {
        **key(contents_key(contents.trace), "contents"),
        "version": number(contents.version + 1),
        "body": {"S": _json(body)},
        "expires": number(expires),
    }


def contents_from_row(row: Row) -> FlowContents:
    """Read the row of what was put into a flow."""
    body = json.loads(row["body"]["S"])
    slots = {
        run: Slot(slot["attempt"], _content_from(slot["content"]), slot["closed"])
        for run, slot in body["slots"].items()
    }
    return FlowContents(
        trace=row["pk"]["S"].partition(":")[2],
        shown=_content_from(body["shown"]),
        slots=slots,
        puts=body["puts"],
        frozen=body["frozen"],
        version=int(row["version"]["N"]),
    )


def _content(content: Content | None) -> dict[str, Any] | None:
    if content is None:
        return None
    return {"raw": content.raw.model_dump(), "size": content.size, "number": content.number}


def _content_from(body: Mapping[str, Any] | None) -> Content | None:
    from postroom.contracts.between_stations import RawLocation

    return Content(RawLocation(**body["raw"]), body["size"], body["number"]) if body else None


def head_row(head: Head, created: int) -> dict[str, Any]:
    """Return a new mailbox's head."""
    return {
        **key(head.mailbox_id, "head"),
        "org": {"S": head.organization_id},
        "arn": {"S": head.organization_arn},
        "kms": {"S": head.kms_key_arn},
        "key": {"B": head.wrapped_key},
        "quota": number(head.quota),
        "size": number(head.size),
        "sequence": number(head.sequence),
        "noticed": {"BOOL": head.noticed},
        "created": number(created),
        "folders": {"M": {name: counters(folder) for name, folder in head.folders.items()}},
    }


def head_from_row(row: Row) -> Head:
    """Read a mailbox's head."""
    return Head(
        mailbox_id=row["pk"]["S"],
        organization_id=row["org"]["S"],
        organization_arn=row["arn"]["S"],
        kms_key_arn=row["kms"]["S"],
        wrapped_key=bytes(row["key"]["B"]),
        quota=int(row["quota"]["N"]),
        size=int(row["size"]["N"]),
        sequence=int(row["sequence"]["N"]),
        noticed=row["noticed"]["BOOL"],
        folders={name: _counters_from(folder["M"]) for name, folder in row["folders"]["M"].items()},
    )


def counters(folder: Counters) -> dict[str, Any]:
    """Return a folder's numbers; short names, because every delivery writes them."""
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


def folder_row(mailbox_id: str, folder: FolderInfo) -> dict[str, Any]:
    """Return a folder's row: what rarely changes."""
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
    """Return an item's row. Below 1 KB for ordinary mail: one write unit.

    What follows from the rest is left out: the end of an object's name that is the item's own, a modification at
    creation, and sequences that are still that of the creation, with which the id begins.
    """
    created = _creation_sequence(item.id)
    sequences = (("change", item.change_key), ("modseq", item.content_modseq), ("readseq", item.read_modseq))
    return {
        **key(mailbox_id, f"item:{item.id}"),
        "uids": {"M": {folder: number(uid) for folder, uid in item.uids.items()}},
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
    """Read an item's row."""
    item_id = row["sk"]["S"].partition(":")[2]
    created = number(_creation_sequence(item_id))
    return Item(
        id=item_id,
        uids={folder: int(uid["N"]) for folder, uid in row["uids"]["M"].items()},
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


def _creation_sequence(item_id: str) -> int:
    return int(item_id.partition("-")[0], 16)


def _shorter(blob: str, mailbox_id: str, token: str) -> str:
    """Cut off an object's name what the item's row says anyway; a name that ends in a slash was cut."""
    own = f"/{mailbox_id}/{token}"
    return blob.removesuffix(own) + "/" if blob.endswith(own) else blob


def _whole(blob: str, mailbox_id: str, token: str) -> str:
    return f"{blob}{mailbox_id}/{token}" if blob.endswith("/") else blob


def membership_key(folder: str, uid: int) -> str:
    """Return the sort key of a message in a folder: folders list in UID order."""
    return f"in:{folder}:{uid:010d}"


def _words(row: Row, name: str) -> tuple[str, ...]:
    return tuple(sorted(row[name]["SS"])) if name in row else ()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
