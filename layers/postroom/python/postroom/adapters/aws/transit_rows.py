"""Orders, expansions and parked things as rows of TransitTable, written and read.

pk trace            sk order:… | bounce:… | call:… | expansion… | arrival | event:…    gone once final
pk bounces:…        sk sent               bounce messages in an hour, under one cap; `expires` (TTL)
pk replies:…        sk sent               out-of-office replies to a sender in a day; `expires` (TTL)
pk recipients:<day> sk sent               recipients of the account; so test-recipients:<day>; `expires` (TTL)
pk transit-key:<day> sk key               adapters/aws/transit_keys.py
pk attempts:<id>    sk attempts           failed and unanswered attempts of an SQS message; `expires` (TTL)
pk contents:<trace> sk contents           contents that rule functions put; `expires` (TTL)
pk probe:<group>    sk probe              turn to call a function that is held back; `expires` (TTL)
pk audit:…, audit-chains              adapters/aws/written_objects.py
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from postroom.adapters.aws.rows import key, number, readable, to_json
from postroom.ports.message_contents import Content, FlowContents, Slot
from postroom.ports.parked import Parked
from postroom.ports.transit import EXPANSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.adapters.aws.rows import Row
    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import Order

OPEN = "OPEN"
PARKED = "PARKED"


def order_row(order: Order, since_ms: int) -> dict[str, Any]:
    """Return an open order's row."""
    return {
        **key(order.trace, order.key),
        "state": {"S": OPEN},
        "since": number(since_ms),
        "sweeps": number(0),
        "body": {"S": order.model_dump_json()},
    }


def expansion_row(expansion: Expansion, since_ms: int) -> dict[str, Any]:
    """Return an expansion's row. ``done`` is an attribute of its own, because it changes."""
    return {
        **key(expansion.trace, expansion.key),
        "state": {"S": OPEN},
        "since": number(since_ms),
        "sweeps": number(0),
        "done": number(expansion.done),
        "body": {"S": expansion.model_dump_json()},
    }


def expansion_from_row(row: Row) -> Expansion:
    """Read an expansion's row."""
    readable(row)
    from postroom.contracts.expansions import Expansion

    return Expansion.model_validate_json(row["body"]["S"]).model_copy(update={"done": int(row["done"]["N"])})


def entry_from_row(row: Row) -> Order | Expansion:
    """Read an open order's or expansion's row.

    Raises:
        NewerFormError: only a newer version reads it.
        KeyError, ValueError: it is neither.
    """
    from postroom.contracts.orders import order_of

    readable(row)
    if row["sk"]["S"].startswith(EXPANSION):
        return expansion_from_row(row)
    return order_of(json.loads(row["body"]["S"]))


def parked_attributes(parked: Parked) -> dict[str, Any]:
    """Return the attributes that parking sets, without key and body, which an order or expansion has already."""
    return {
        "state": {"S": PARKED},
        "since": number(parked.since_ms),
        "sweeps": number(0),
        "org": {"S": parked.organization_id},
        "station": {"S": parked.station},
        "cause": {"S": parked.cause},
        "parkings": number(parked.parkings),
    }


def parked_from_row(row: Row) -> Parked:
    """Read a parked thing's row."""
    readable(row)
    return Parked(
        trace=row["pk"]["S"],
        key=row["sk"]["S"],
        organization_id=row["org"]["S"],
        station=row["station"]["S"],
        cause=row["cause"]["S"],
        since_ms=int(row["since"]["N"]),
        parkings=int(row["parkings"]["N"]),
        body=row["body"]["S"],
    )


def contents_key(trace: str) -> str:
    """Return the partition key of a flow's contents."""
    return f"contents:{trace}"


def contents_row(contents: FlowContents, expires_s: int) -> dict[str, Any]:
    """Return the row of a flow's contents as their next version. ``expires_s`` is in seconds since the epoch."""
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
        "body": {"S": to_json(body)},
        "expires": number(expires_s),
    }


def contents_from_row(row: Row) -> FlowContents:
    """Read the row of a flow's contents."""
    readable(row)
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
    from postroom.contracts.orders import RawLocation

    return Content(RawLocation(**body["raw"]), body["size"], body["number"]) if body else None
