"""Messages in transit, in DynamoDB: the rows of a flow as writes of a transaction, and the reads of open work.

Each change and its facts are one transaction. Each kind of row has its condition; a label names the write whose
condition has failed.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.adapters.aws import ledger_rows, transit_rows
from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.open_calls import open_call_from
from postroom.adapters.aws.rows import key, number
from postroom.adapters.aws.tables import get, query
from postroom.adapters.aws.transactions import MAX_WRITES, NOT_THERE, THERE, Transaction
from postroom.contracts.expansions import Expansion
from postroom.contracts.order_list import end_key, listed_orders
from postroom.contracts.orders import CALL_PREFIX, Order, RuleCall, order_of
from postroom.model.facts import RECEIVED, OwnFact
from postroom.model.limits import RETENTION_AFTER_FINAL_DAYS
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import (
    EXPANSION,
    MAIL_PREFIX,
    Commit,
    EndCall,
    OpenCall,
    Outcome,
    OverLimit,
    Postpone,
    PostponeCall,
    Settle,
    SettleIfThere,
    TakeChunk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact
    from postroom.ports.transit import Allowance, Take

FACT: Final = "fact"
ORDER: Final = "order"
TAKE: Final = "take"
CONTENTS: Final = "contents"
ALLOWANCE: Final = "allowance:"
"""Prefix of the labels of allowances, before their names."""

_OPEN: Final[dict[str, Any]] = {":open": {"S": transit_rows.OPEN}}


class Keyed(Protocol):
    """A thing with a row in the transit table: an order, an expansion, a parked thing."""

    @property
    def trace(self) -> str:
        """The partition key."""

    @property
    def key(self) -> str:
        """The sort key."""


def place(row: Keyed) -> dict[str, Any]:
    """Return the primary key of a row of a flow."""
    return key(row.trace, row.key)


@dataclass(frozen=True, slots=True)
class FlowWrites:
    """Adds writes to ``write``. ``now_ms`` is the time, in milliseconds since the epoch.

    ``prefix`` begins the labels of orders, facts and takes, if a transaction has those of several flows.
    """

    write: Transaction
    transit_table: str
    ledger_table: str
    now_ms: int
    prefix: str = ""

    def facts(self, facts: Iterable[Fact]) -> None:
        """Add facts. Condition: they do not exist."""
        for fact in facts:
            self.write.put(self.prefix + FACT, self.ledger_table, ledger_rows.fact_row(fact), condition=NOT_THERE)

    def orders(self, orders: Iterable[Order]) -> None:
        """Add open orders. Condition: they do not exist."""
        for order in orders:
            row = transit_rows.order_row(order, order.open_since_ms(self.now_ms))
            self.write.put(self.prefix + ORDER, self.transit_table, row, condition=NOT_THERE)

    def expansion(self, expansion: Expansion) -> None:
        """Add an open expansion. Condition: it does not exist."""
        row = transit_rows.expansion_row(expansion, self.now_ms)
        self.write.put(EXPANSION, self.transit_table, row, condition=NOT_THERE)

    def contents(self, contents: FlowContents) -> None:
        """Write a flow's contents as the next version. Condition: the stored version is the one that was read."""
        row = transit_rows.contents_row(contents, self.now_ms // 1000 + RETENTION_AFTER_FINAL_DAYS * 86_400)
        if contents.version == 0:
            self.write.put(CONTENTS, self.transit_table, row, condition=NOT_THERE)
            return
        self.write.put(
            CONTENTS,
            self.transit_table,
            row,
            condition="#version = :version",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":version": number(contents.version)},
        )

    def allowance(self, allowance: Allowance) -> None:
        """Count the commit. Condition: the count is below ``allowance.most``."""
        self.write.update(
            ALLOWANCE + allowance.name,
            self.transit_table,
            key(allowance.name, "sent"),
            "ADD #sent :one SET #expires = :expires",
            condition="attribute_not_exists(#sent) OR #sent < :most",
            ExpressionAttributeNames={"#sent": "sent", "#expires": "expires"},
            ExpressionAttributeValues={
                ":one": number(1),
                ":most": number(allowance.most),
                ":expires": number(allowance.expires_s),
            },
        )

    def take(self, take: Take) -> None:
        """Add the change of a row, with the condition that the port names."""
        match take:
            case Settle(entry):
                if entry.has_row:  # a listed order ends with a fact alone
                    self.write.delete(self.prefix + TAKE, self.transit_table, place(entry), condition=THERE)
            case SettleIfThere(entry):
                self.write.delete(self.prefix + TAKE, self.transit_table, place(entry))
            case Postpone(entry, due_ms):
                self._set_due(entry, due_ms)
            case EndCall(call):
                self.write.delete(self.prefix + TAKE, self.transit_table, place(call.call), **_as_read(call))
            case PostponeCall(call, due_ms):
                self._postpone(call, due_ms)
            case TakeChunk(expansion):
                self._take_chunk(expansion)

    def _set_due(self, entry: Order, due_ms: int) -> None:
        self.write.update(
            self.prefix + TAKE,
            self.transit_table,
            place(entry),
            "SET #since = :due, #sweeps = :none",
            condition="#state = :open",
            ExpressionAttributeNames={"#state": "state", "#since": "since", "#sweeps": "sweeps"},
            ExpressionAttributeValues={**_OPEN, ":due": number(due_ms), ":none": number(0)},
        )

    def _postpone(self, call: OpenCall, due_ms: int) -> None:
        as_read = _as_read(call)
        as_read["ExpressionAttributeNames"] |= {"#failed": "failed", "#since": "since", "#sweeps": "sweeps"}
        as_read["ExpressionAttributeValues"] |= {
            ":failed": number(call.failed + 1),
            ":due": number(due_ms),
            ":none": number(0),
        }
        change = "SET #failed = :failed, #since = :due, #sweeps = :none"
        self.write.update(self.prefix + TAKE, self.transit_table, place(call.call), change, **as_read)

    def _take_chunk(self, expansion: Expansion) -> None:
        as_read: dict[str, Any] = {
            # the plan too: after the end of this expansion, another may have the same key
            "condition": "#state = :open AND #done = :done AND contains(#body, :plan)",
            "ExpressionAttributeNames": {"#state": "state", "#done": "done", "#body": "body"},
            "ExpressionAttributeValues": {
                **_OPEN,
                ":done": number(expansion.done),
                ":plan": {"S": expansion.plan.model_dump_json()},
            },
        }
        if expansion.done + 1 == expansion.chunks:
            self.write.delete(self.prefix + TAKE, self.transit_table, place(expansion), **as_read)
            return
        as_read["ExpressionAttributeValues"][":next"] = number(expansion.done + 1)
        self.write.update(self.prefix + TAKE, self.transit_table, place(expansion), "SET #done = :next", **as_read)


def outcome(refused: frozenset[str], allowances: Sequence[Allowance] = ()) -> Outcome | OverLimit:
    """Return the outcome of a transaction by the labels of the conditions that failed."""
    used_up = [each for each in allowances if ALLOWANCE + each.name in refused]
    if not refused:
        return Outcome.DONE
    if len(refused - {CONTENTS}) > len(used_up):
        return Outcome.ALREADY
    return OverLimit(used_up[0]) if CONTENTS not in refused else Outcome.STALE


def _as_read(call: OpenCall) -> dict[str, Any]:
    """Return the condition that a rule call is open, and no further attempt of it has failed."""
    names = {"#state": "state", "#failed": "failed"}
    if not call.failed:
        condition, values = "#state = :open AND attribute_not_exists(#failed)", dict(_OPEN)
    else:
        condition, values = "#state = :open AND #failed = :before", {**_OPEN, ":before": number(call.failed)}
    return {"condition": condition, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}


@dataclass(frozen=True, slots=True)
class DynamoTransit:
    """Implements ``Transit``. ``now`` returns milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def commit(self, commit: Commit) -> Outcome | OverLimit:
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
        for allowance in commit.allowances:
            writes.allowance(allowance)
        for take in commit.takes:
            if isinstance(take, SettleIfThere):
                if len(writes.write) == MAX_WRITES:
                    if refused := writes.write.commit():
                        return outcome(refused, commit.allowances)
                    writes = self._writes()
                writes.take(take)
        if len(writes.write) == 1 and any(fact.key == RECEIVED for fact in commit.facts):
            return outcome(writes.write.put_alone())  # a run that finds the flow opened sends its orders, too
        return outcome(writes.write.commit(), commit.allowances)

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

    def rule_calls(self, trace: str) -> Iterator[RuleCall]:
        for row in query(self.client, self.transit_table, trace, CALL_PREFIX):
            if isinstance(order := order_of(json.loads(row["body"]["S"])), RuleCall):
                yield order

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
