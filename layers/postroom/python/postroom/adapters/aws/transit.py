"""Messages in transit, in DynamoDB. Each change and its facts are one transaction."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws import transit_rows
from postroom.adapters.aws.flow_writes import FlowWrites, outcome
from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.open_calls import open_call_from
from postroom.adapters.aws.tables import get, query
from postroom.adapters.aws.transactions import MAX_WRITES, Transaction
from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import end_key, listed_orders
from postroom.contracts.orders import Order, order_of
from postroom.model.facts import RECEIVED, OwnFact
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import EXPANSION, MAIL_PREFIX, Commit, OpenCall, Outcome, SettleIfThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.orders import DeliveryOrder


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
        if len(writes.write) == 1 and any(fact.key == RECEIVED for fact in commit.facts):
            return outcome(writes.write.put_alone())  # whoever finds a flow opened sends its orders, too
        return outcome(writes.write.commit())

    def order(self, trace: str, key: str) -> Order | None:
        found = self._order(trace, key)
        if found is not None or not key.startswith(MAIL_PREFIX):
            return found
        received = self._ledger.fact(trace, RECEIVED)
        listed = {} if received is None else {order.key: order for order in listed_orders(received)}
        if key not in listed:
            return None
        end = self._ledger.fact(trace, end_key(listed[key]))
        if end is None:
            return listed[key]
        return self._order(trace, key) if end.name is OwnFact.ORDER_STORED else None  # stored since the first read

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
        listed = self._listed(trace)
        for row in query(self.client, self.transit_table, trace, ""):
            key = row["sk"]["S"]
            while listed and listed[0].key <= key:
                order = listed.popleft()
                if order.key < key:  # else it was stored since the first read
                    yield order
            if row.get("state") == {"S": transit_rows.OPEN}:
                yield transit_rows.entry_from_row(row)
        yield from listed

    def is_clear(self, trace: str) -> bool:
        return not self._listed(trace) and next(query(self.client, self.transit_table, trace, ""), None) is None

    def _order(self, trace: str, key: str) -> Order | None:
        """Return the order of a row."""
        row = get(self.client, self.transit_table, trace, key)
        return None if row is None else order_of(json.loads(row["body"]["S"]))

    def _listed(self, trace: str) -> deque[DeliveryOrder]:
        """Return the listed orders that are open, by key. They are read before rows: one may get its row meanwhile."""
        opened = self._ledger.opened(trace)
        return deque(sorted(opened.listed, key=lambda order: order.key) if opened is not None else ())

    @property
    def _ledger(self) -> DynamoLedger:
        return DynamoLedger(self.client, self.ledger_table)

    def _writes(self) -> FlowWrites:
        return FlowWrites(Transaction(self.client), self.transit_table, self.ledger_table, self.now())
