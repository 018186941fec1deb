"""The rows of a flow as writes of a transaction, each kind of row with its condition.

A label names the write whose condition has failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.adapters.aws import ledger_rows, transit_rows
from postroom.adapters.aws.rows import key, number
from postroom.adapters.aws.transactions import NOT_THERE, THERE, Transaction
from postroom.model.limits import RETENTION_AFTER_FINAL_DAYS
from postroom.ports.transit import (
    EndCall,
    Outcome,
    PostponeCall,
    Settle,
    SettleIfThere,
    TakeChunk,
    has_row,
    open_since_ms,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.contracts.expansions import Expansion
    from postroom.contracts.orders import Order
    from postroom.model.facts import Fact
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.transit import Allowance, OpenCall, Take

FACT: Final = "fact"
ORDER: Final = "order"
EXPANSION: Final = "expansion"
TAKE: Final = "take"
CONTENTS: Final = "contents"
ALLOWANCE: Final = "allowance"

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
    """Adds writes to ``write``. ``now_ms`` is the time, in milliseconds since the epoch."""

    write: Transaction
    transit_table: str
    ledger_table: str
    now_ms: int

    def facts(self, facts: Iterable[Fact]) -> None:
        """Add facts. Condition: they do not exist."""
        for fact in facts:
            self.write.put(FACT, self.ledger_table, ledger_rows.fact_row(fact), condition=NOT_THERE)

    def orders(self, orders: Iterable[Order]) -> None:
        """Add open orders. Condition: they do not exist."""
        for order in orders:
            row = transit_rows.order_row(order, open_since_ms(order, self.now_ms))
            self.write.put(ORDER, self.transit_table, row, condition=NOT_THERE)

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
            ALLOWANCE,
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
                if has_row(entry):  # a listed order ends with a fact alone
                    self.write.delete(TAKE, self.transit_table, place(entry), condition=THERE)
            case SettleIfThere(entry):
                self.write.delete(TAKE, self.transit_table, place(entry))
            case EndCall(call):
                self.write.delete(TAKE, self.transit_table, place(call.call), **_as_read(call))
            case PostponeCall(call, due_ms):
                self._postpone(call, due_ms)
            case TakeChunk(expansion):
                self._take_chunk(expansion)

    def _postpone(self, call: OpenCall, due_ms: int) -> None:
        as_read = _as_read(call)
        as_read["ExpressionAttributeNames"] |= {"#failed": "failed", "#since": "since", "#sweeps": "sweeps"}
        as_read["ExpressionAttributeValues"] |= {
            ":failed": number(call.failed + 1),
            ":due": number(due_ms),
            ":none": number(0),
        }
        change = "SET #failed = :failed, #since = :due, #sweeps = :none"
        self.write.update(TAKE, self.transit_table, place(call.call), change, **as_read)

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
            self.write.delete(TAKE, self.transit_table, place(expansion), **as_read)
            return
        as_read["ExpressionAttributeValues"][":next"] = number(expansion.done + 1)
        self.write.update(TAKE, self.transit_table, place(expansion), "SET #done = :next", **as_read)


def outcome(refused: frozenset[str]) -> Outcome:
    """Return the outcome of a transaction by the labels of the conditions that failed."""
    if not refused:
        return Outcome.DONE
    if refused - {CONTENTS, ALLOWANCE}:
        return Outcome.ALREADY
    return Outcome.STALE if CONTENTS in refused else Outcome.OVER_LIMIT


def _as_read(call: OpenCall) -> dict[str, Any]:
    """Return the condition that a rule call is open, and no further attempt of it has failed."""
    names = {"#state": "state", "#failed": "failed"}
    if not call.failed:
        condition, values = "#state = :open AND attribute_not_exists(#failed)", dict(_OPEN)
    else:
        condition, values = "#state = :open AND #failed = :before", {**_OPEN, ":before": number(call.failed)}
    return {"condition": condition, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
