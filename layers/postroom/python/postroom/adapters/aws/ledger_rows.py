"""Facts as rows of LedgerTable, written and read.

One row per fact, never changed; `expires` (TTL):

pk message part · sk own digits#fact key      of the flows of one SES message, which are read together
pk trace        · sk fact key                 of all other traces: an earlier version's flows, and what is no such flow

A trace says which of the two it is (``model.facts.split_trace``; docs/decisions/0042).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.rows import key, number, readable, to_json
from postroom.model.facts import Fact, fact_name, split_trace
from postroom.model.limits import LEDGER_DAYS

if TYPE_CHECKING:
    from postroom.adapters.aws.rows import Row

LATEST_MS: Final = 253_402_300_799_999
"""Last millisecond of the year 9999, the last time of RFC 3339 and EventBridge."""

_MESSAGE_PART: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}")


def place(trace: str, fact_key: str) -> tuple[str, str]:
    """Return the partition key and sort key of a fact's row; of a whole trace with an empty ``fact_key``: a prefix."""
    found = split_trace(trace)
    return (trace, fact_key) if found is None else (found[0], f"{found[1]}#{fact_key}")


def of_place(pk: str, sk: str) -> tuple[str, str]:
    """Return the trace and the fact's key of a row by its partition key and sort key."""
    if not _MESSAGE_PART.fullmatch(pk):
        return pk, sk
    own, _, fact_key = sk.partition("#")
    return f"{pk}-{own}", fact_key


def fact_row(fact: Fact) -> dict[str, Any]:
    """Return a fact's row."""
    return {
        **key(*place(fact.trace, fact.key)),
        "org": {"S": fact.organization_id},
        "name": {"S": fact.name.value},
        "at": number(fact.at),
        "event": {"S": to_json(fact.event)},
        "data": {"S": to_json(fact.data)},
        "expires": number(fact.at // 1000 + LEDGER_DAYS * 86_400),
    }


def fact_from_row(row: Row) -> Fact:
    """Read a fact's row, of the table or of its stream.

    Raises:
        NewerFormError: only a newer version reads it.
        KeyError, ValueError: the row is not a readable fact; a stream may contain such rows.
    """
    readable(row)
    at = int(row["at"]["N"])
    event, data = json.loads(row["event"]["S"]), json.loads(row["data"]["S"])
    if not (isinstance(event, dict) and isinstance(data, dict) and 0 <= at <= LATEST_MS):
        raise ValueError("a fact does not have such fields")
    trace, fact_key = of_place(row["pk"]["S"], row["sk"]["S"])
    return Fact(
        trace=trace,
        organization_id=row["org"]["S"],
        name=fact_name(row["name"]["S"]),
        key=fact_key,
        at=at,
        event=event,
        data=data,
    )
