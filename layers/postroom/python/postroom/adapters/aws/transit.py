"""Messages on their way, in DynamoDB: every change and its facts in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.adapters.aws import rows, transit_rows
from postroom.adapters.aws.message_contents import STALE, write_contents
from postroom.adapters.aws.open_calls import called_from
from postroom.adapters.aws.tables import query, record, scan, take_out
from postroom.adapters.aws.transactions import NOT_THERE, Transaction, store_errors
from postroom.contracts.expansions import Expansion
from postroom.contracts.orders import BounceOrder, DeliveryOrder, Order
from postroom.errors import ConflictError, UnreadableFactError
from postroom.ports.transit import EXPANSION, Allowance, Called, Claim, Parked, Standing, Waiting, first_slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from postroom.model.facts import Fact
    from postroom.ports.message_contents import FlowContents

MAX_WRITES: Final = 100
"""Most writes of one transaction. Source: DynamoDB's API reference, TransactWriteItems."""

_OPEN: Mapping[str, Any] = {
    "ExpressionAttributeNames": {"#state": "state"},
    "ExpressionAttributeValues": {":open": {"S": transit_rows.OPEN}},
}
_PARKED: Mapping[str, Any] = {
    "ExpressionAttributeNames": {"#state": "state"},
    "ExpressionAttributeValues": {":parked": {"S": transit_rows.PARKED}},
}


@dataclass(frozen=True, slots=True)
class DynamoTransit:
    """Implements ``Transit``. ``now`` gives milliseconds since the epoch."""

    client: DynamoDBClient
    transit_table: str
    ledger_table: str
    now: Callable[[], int]

    def open(
        self,
        facts: Sequence[Fact],
        orders: Sequence[Order],
        expansion: Expansion | None,
    ) -> bool:
        write = Transaction(self.client)
        record(write, self.ledger_table, facts)
        self._add_orders(write, orders, expansion)
        return not write.commit()

    def expand(self, before: Expansion, facts: Sequence[Fact], orders: Sequence[Order]) -> bool:
        write, place = Transaction(self.client), rows.key(before.trace, before.key)
        # the plan as well: where this one is finished, another may stand in its place
        condition = "#state = :open AND #done = :done AND contains(#body, :plan)"
        names = {"#state": "state", "#done": "done", "#body": "body"}
        plan = {"S": before.plan.model_dump_json()}
        values = {":open": {"S": transit_rows.OPEN}, ":done": rows.number(before.done), ":plan": plan}
        if before.done + 1 == before.chunks:
            write.delete(
                "expansion",
                self.transit_table,
                place,
                condition=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        else:
            write.update(
                "expansion",
                self.transit_table,
                place,
                "SET #done = :next",
                condition=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={**values, ":next": rows.number(before.done + 1)},
            )
        record(write, self.ledger_table, facts)
        self._add_orders(write, orders)
        return not write.commit()

    def expansion(self, trace: str, key: str = EXPANSION) -> Expansion | None:
        row = self._get(trace, key)
        return None if row is None or row["state"]["S"] != transit_rows.OPEN else transit_rows.expansion_from_row(row)

    def under_way(self, trace: str) -> Iterator[Order | Expansion]:
        for row in self._query(trace, ""):
            if row.get("state") == {"S": transit_rows.OPEN}:
                yield transit_rows.entry_from_row(row)

    def open_orders(self, trace: str) -> Iterator[Order]:
        yield from (entry for entry in self.under_way(trace) if not isinstance(entry, Expansion))

    def order(self, trace: str, key: str) -> DeliveryOrder | None:
        row = self._get(trace, key)
        return None if row is None else DeliveryOrder.model_validate_json(row["body"]["S"])

    def is_clear(self, trace: str) -> bool:
        return next(self._query(trace, ""), None) is None

    def settle(self, order: Order | Expansion, facts: Sequence[Fact], orders: Sequence[Order] = ()) -> bool:
        write = Transaction(self.client)
        take_out(write, self.transit_table, order)
        record(write, self.ledger_table, facts)
        self._add_orders(write, orders)
        return not write.commit()

    def claim_bounce(self, intent: Fact, allowance: Allowance) -> Claim:
        write = Transaction(self.client)
        record(write, self.ledger_table, [intent])
        write.update(
            "allowance",
            self.transit_table,
            rows.key(allowance.name, "sent"),
            "ADD #sent :one SET #expires = :expires",
            condition="attribute_not_exists(#sent) OR #sent < :most",
            ExpressionAttributeNames={"#sent": "sent", "#expires": "expires"},
            ExpressionAttributeValues={
                ":one": rows.number(1),
                ":most": rows.number(allowance.most),
                ":expires": rows.number(allowance.expires),
            },
        )
        refused = write.commit()
        if "fact" in refused:
            return Claim.TAKEN
        return Claim.OVER_LIMIT if refused else Claim.MADE

    def settle_bounces(self, orders: Sequence[BounceOrder], facts: Sequence[Fact]) -> bool:
        room = MAX_WRITES - len(facts)
        rest = [((), orders[start : start + room]) for start in range(room, len(orders), room)]
        for its_facts, its_orders in [(facts, orders[:room]), *rest]:
            write = Transaction(self.client)
            record(write, self.ledger_table, its_facts)
            for order in its_orders:
                write.delete("order", self.transit_table, rows.key(order.trace, order.key))
            if (its_facts or its_orders) and write.commit():
                return False
        return True

    def called(self, trace: str, key: str) -> Called | None:
        return called_from(self._get(trace, key))

    def call_again(self, called: Called, due: int, facts: Sequence[Fact]) -> bool:
        write, call = Transaction(self.client), called.call
        stands = _stands(called)
        write.update(
            "call",
            self.transit_table,
            rows.key(call.trace, call.key),
            "SET #failed = :failed, #since = :due, #sweeps = :none",
            condition=stands.pop("ConditionExpression"),
            ExpressionAttributeNames=stands["ExpressionAttributeNames"] | {"#since": "since", "#sweeps": "sweeps"},
            ExpressionAttributeValues=stands["ExpressionAttributeValues"]
            | {":failed": rows.number(called.failed + 1), ":due": rows.number(due), ":none": rows.number(0)},
        )
        record(write, self.ledger_table, facts)
        return not write.commit()

    def decide(
        self,
        called: Called,
        facts: Sequence[Fact],
        orders: Sequence[Order],
        expansion: Expansion | None,
        contents: FlowContents | None = None,
    ) -> bool:
        write, call, stands = Transaction(self.client), called.call, _stands(called)
        condition = stands.pop("ConditionExpression")
        write.delete("call", self.transit_table, rows.key(call.trace, call.key), condition=condition, **stands)
        record(write, self.ledger_table, facts)
        self._add_orders(write, orders, expansion)
        if contents is not None:
            write_contents(write, self.transit_table, contents, self.now())
        refused = write.commit()
        if refused == {STALE}:
            raise ConflictError("somebody else changed what was put into this flow")
        return not refused

    def park(self, parked: Parked, fact: Fact) -> bool:
        write = Transaction(self.client)
        attributes = transit_rows.parked_attributes(parked)
        if parked.in_transit:
            names = {f"#{name}": name for name in attributes}
            values = {f":{name}": value for name, value in attributes.items()}
            write.update(
                "order",
                self.transit_table,
                rows.key(parked.trace, parked.key),
                "SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
                condition="#state = :open",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={**values, ":open": {"S": transit_rows.OPEN}},
            )
        else:
            row = {**rows.key(parked.trace, parked.key), **attributes, "body": {"S": parked.body}}
            write.put("row", self.transit_table, row, condition=f"{NOT_THERE} OR attribute_exists(released)")
        record(write, self.ledger_table, [fact])
        return not write.commit()

    def parked(self, parked_id: str) -> Parked | None:
        trace, _, key = parked_id.partition("/")
        row = self._get(trace, key) if key else None
        return None if row is None or row["state"]["S"] != transit_rows.PARKED else transit_rows.parked_from_row(row)

    def all_parked(self) -> Iterator[Parked]:
        for row in self._scan("#state = :parked", **_PARKED):
            yield transit_rows.parked_from_row(row)

    def release(self, parked: Parked) -> bool:
        write = Transaction(self.client).update(
            "row",
            self.transit_table,
            rows.key(parked.trace, parked.key),
            "SET released = :yes",
            condition="#state = :parked",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":yes": {"BOOL": True}, ":parked": {"S": transit_rows.PARKED}},
        )
        return not write.commit()

    def redrive(self, parked: Parked, fact: Fact) -> bool:
        write, place = Transaction(self.client), rows.key(parked.trace, parked.key)
        if parked.in_transit:
            write.update(
                "row",
                self.transit_table,
                place,
                "SET #state = :open, #since = :now, #sweeps = :none REMOVE #cause, #station, #parkings, #org",
                condition="#state = :parked",
                ExpressionAttributeNames={
                    f"#{name}": name for name in ("state", "since", "sweeps", "cause", "station", "parkings", "org")
                },
                ExpressionAttributeValues={
                    ":open": {"S": transit_rows.OPEN},
                    ":parked": {"S": transit_rows.PARKED},
                    ":now": rows.number(self.now()),
                    ":none": rows.number(0),
                },
            )
        else:
            write.delete("row", self.transit_table, place, condition="attribute_exists(released)")
        record(write, self.ledger_table, [fact])
        return not write.commit()

    def discard(self, parked: Parked, facts: Sequence[Fact]) -> bool:
        write, place = Transaction(self.client), rows.key(parked.trace, parked.key)
        write.delete("row", self.transit_table, place, condition="#state = :parked", **_PARKED)
        record(write, self.ledger_table, facts)
        return not write.commit()

    def of_organization(self, organization_id: str) -> Iterator[Standing]:
        unreadable = 0
        member = {"S": f'"organization_id":{json.dumps(organization_id)}'}
        for row in self._scan("contains(body, :member)", ExpressionAttributeValues={":member": member}):
            try:
                parked = transit_rows.parked_from_row(row) if row["state"]["S"] == transit_rows.PARKED else None
                entry = None if parked is not None and not parked.in_transit else transit_rows.entry_from_row(row)
                standing = Standing(entry, parked, int(row["since"]["N"]), int(row["sweeps"]["N"]))
            except (AttributeError, KeyError, TypeError, ValueError):
                unreadable += 1
                continue
            if (parked or entry).organization_id == organization_id:  # type: ignore[union-attr]  # one of them is there
                yield standing
        if unreadable:
            raise UnreadableFactError(f"{unreadable} rows in transit are neither order nor expansion")

    def note(self, facts: Sequence[Fact]) -> bool:
        write = Transaction(self.client)
        record(write, self.ledger_table, facts)
        return not write.commit()

    def waiting(self, before: int) -> Iterator[Waiting]:
        names = {**_OPEN["ExpressionAttributeNames"], "#since": "since"}
        values = {**_OPEN["ExpressionAttributeValues"], ":before": rows.number(before)}
        found = self._scan(
            "#state = :open AND #since < :before", ExpressionAttributeNames=names, ExpressionAttributeValues=values
        )
        unreadable = 0
        for row in found:
            try:
                waiting = Waiting(transit_rows.entry_from_row(row), int(row["since"]["N"]), int(row["sweeps"]["N"]))
            except (AttributeError, KeyError, TypeError, ValueError):
                unreadable += 1
                continue
            yield waiting
        if unreadable:
            raise UnreadableFactError(f"{unreadable} rows in transit are neither order nor expansion")

    def swept(self, waiting: Waiting, now: int) -> None:
        entry = waiting.entry
        write = Transaction(self.client).update(
            "row",
            self.transit_table,
            rows.key(entry.trace, entry.key),
            "SET #since = :now, #sweeps = :sweeps",
            condition="#state = :open AND #since = :since",
            ExpressionAttributeNames={"#state": "state", "#since": "since", "#sweeps": "sweeps"},
            ExpressionAttributeValues={
                ":open": {"S": transit_rows.OPEN},
                ":now": rows.number(now),
                ":since": rows.number(waiting.since),
                ":sweeps": rows.number(waiting.sweeps + 1),
            },
        )
        write.commit()  # refused: somebody settled, parked or swept it meanwhile, which is as good

    def _add_orders(self, write: Transaction, orders: Sequence[Order], expansion: Expansion | None = None) -> None:
        for order in orders:
            write.put("order", self.transit_table, transit_rows.order_row(order, self.now()), condition=NOT_THERE)
        contents = first_slots(orders)
        if contents is not None:
            write_contents(write, self.transit_table, contents, self.now())
        if expansion is not None:
            row = transit_rows.expansion_row(expansion, self.now())
            write.put("expansion", self.transit_table, row, condition=NOT_THERE)

    def _get(self, trace: str, key: str) -> rows.Row | None:
        with store_errors("read what is in transit"):
            answer = self.client.get_item(TableName=self.transit_table, Key=rows.key(trace, key), ConsistentRead=True)
        return answer.get("Item")

    def _query(self, trace: str, prefix: str) -> Iterator[rows.Row]:
        yield from query(self.client, self.transit_table, trace, prefix)

    def _scan(self, condition: str, **more: Any) -> Iterator[rows.Row]:
        yield from scan(self.client, self.transit_table, condition, **more)


def _stands(called: Called) -> dict[str, Any]:
    """Return the condition that a rule call is open, and no further attempt of it has failed."""
    names, values = {"#state": "state", "#failed": "failed"}, {":open": {"S": transit_rows.OPEN}}
    if not called.failed:
        condition = "#state = :open AND attribute_not_exists(#failed)"
    else:
        condition, values = "#state = :open AND #failed = :before", {**values, ":before": rows.number(called.failed)}
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
