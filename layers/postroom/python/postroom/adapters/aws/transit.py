"""Messages in transit, in DynamoDB. Each change and its facts are one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws import transit_rows
from postroom.adapters.aws.flow_writes import FlowWrites, outcome
from postroom.adapters.aws.open_calls import open_call_from
from postroom.adapters.aws.tables import get, query
from postroom.adapters.aws.transactions import MAX_WRITES, Transaction
from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import Order, order_of
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import EXPANSION, Commit, OpenCall, Outcome, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoTransit:
    """Implements ``Transit``. ``now`` returns milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def commit(self, commit: Commit) -> Outcome:
        writes = self._writes()
        for take in commit.takes:
            if not isinstance(take, SettleIfThere):
                writes.take(take)
        writes.facts(commit.facts)
        writes.orders(commit.orders)
        if commit.expansion is not None:
            writes.expansion(commit.expansion)
        if (contents := commit.new_contents) is not None:
            writes.contents(contents)
        if commit.allowance is not None:
            writes.allowance(commit.allowance)
        for take in commit.takes:
            if isinstance(take, SettleIfThere):
                if len(writes.write) == MAX_WRITES:
                    if refused := writes.write.commit():
                        return outcome(refused)
                    writes = self._writes()
                writes.take(take)
        return outcome(writes.write.commit())

    def order(self, trace: str, key: str) -> Order | None:
        row = get(self.client, self.transit_table, trace, key)
        return None if row is None else order_of(json.loads(row["body"]["S"]))

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        row = get(self.client, self.transit_table, trace, key)
        is_open = row is not None and row["state"]["S"] == transit_rows.OPEN
        return transit_rows.expansion_from_row(row) if row is not None and is_open else None

    def contents(self, trace: str) -> FlowContents:
        row = get(self.client, self.transit_table, transit_rows.contents_key(trace), "contents")
        return FlowContents(trace) if row is None else transit_rows.contents_from_row(row)

    def open_call(self, trace: str, key: str) -> OpenCall | None:
        return open_call_from(get(self.client, self.transit_table, trace, key))

    def open_orders(self, trace: str) -> Iterator[Order]:
        yield from (entry for entry in self.under_way(trace) if not isinstance(entry, Expansion))

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        for row in query(self.client, self.transit_table, trace, ""):
            if row.get("state") == {"S": transit_rows.OPEN}:
                yield transit_rows.entry_from_row(row)

    def is_clear(self, trace: str) -> bool:
        return next(query(self.client, self.transit_table, trace, ""), None) is None

    def _writes(self) -> FlowWrites:
        return FlowWrites(Transaction(self.client), self.transit_table, self.ledger_table, self.now())
