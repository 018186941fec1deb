"""Facts as rows of LedgerTable, written and read.

pk trace · sk fact key      one row per fact, never changed; `expires` (TTL)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws.rows import key, number, readable, to_json
from postroom.model.facts import Fact, fact_name
from postroom.model.limits import LEDGER_DAYS

if TYPE_CHECKING:
    from postroom.adapters.aws.rows import Row

LATEST_MS: Final = 253_402_300_799_999
"""Last millisecond of the year 9999, the last time of RFC 3339 and EventBridge."""


def fact_row(fact: Fact) -> dict[str, Any]:
    """Return a fact's row."""
    return {
        **key(fact.trace, fact.key),
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
    return Fact(
        trace=row["pk"]["S"],
        organization_id=row["org"]["S"],
        name=fact_name(row["name"]["S"]),
        key=row["sk"]["S"],
        at=at,
        event=event,
        data=data,
    )
