"""Reads of the ledger, in DynamoDB. A fact is written by the transaction that makes it true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws import ledger_rows, rows
from postroom.adapters.aws.tables import between, query, scan
from postroom.adapters.aws.transactions import store_errors
from postroom.errors import UnreadableFactError
from postroom.model.facts import OPENINGS, RECEIVED, SUBMITTED, EventName, Fact, OwnFact, in_order, message_id_of
from postroom.model.message_ids import bare, spellings
from postroom.ports.ledger import OpenedFlow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoLedger:
    """Implements ``Ledger``."""

    client: DynamoDBClient
    table: str

    def facts(self, trace: str) -> Sequence[Fact]:
        return in_order(_facts(query(self.client, self.table, *ledger_rows.place(trace, ""))))

    def fact(self, trace: str, key: str) -> Fact | None:
        place = ledger_rows.place(trace, key)
        with store_errors("read the ledger"):
            answer = self.client.get_item(TableName=self.table, Key=rows.key(*place), ConsistentRead=True)
        if "Item" not in answer:
            return None
        return _fact(answer["Item"])

    def opened(self, trace: str) -> OpenedFlow | None:
        from postroom.contracts.order_list import open_orders  # most readers of the ledger need no orders

        # the keys of listed orders' ends, up to that of the first fact
        pk, first = ledger_rows.place(trace, f"{EventName.MAILBOX_EMAIL_DELIVERED}:")
        _, last = ledger_rows.place(trace, RECEIVED)
        read = between(self.client, self.table, pk, first, last)
        found = {ledger_rows.of_place(pk, row["sk"]["S"])[1]: row for row in read}
        if RECEIVED not in found:
            return None
        received = _fact(found[RECEIVED])
        return OpenedFlow(received, open_orders(received, found))

    def of_message(self, part: str, *, latest: bool) -> Sequence[Fact]:
        return in_order(map(_fact, query(self.client, self.table, part, "", consistent=latest)))

    def attempts(self, trace: str) -> Sequence[Fact]:
        place = ledger_rows.place(trace, f"{OwnFact.RULE_ATTEMPTED}:")
        return list(_facts(query(self.client, self.table, *place)))

    def openings(self, traces: Collection[str], key: str = RECEIVED) -> Mapping[str, Fact]:
        return {trace: fact for (trace, _), fact in self.facts_at([(trace, key) for trace in traces]).items()}

    def facts_at(self, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Fact]:
        from postroom.adapters.aws.directory_table import DirectoryTable  # few readers read batches

        found = DirectoryTable(self.client, self.table).get_all([ledger_rows.place(*place) for place in places])
        return {(fact.trace, fact.key): fact for fact in _facts(found.values())}

    def by_message_id(self, message_id: str) -> Iterator[Fact]:
        found = scan(
            self.client,
            self.table,
            "#name IN (:received, :submitted)",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":received": {"S": RECEIVED}, ":submitted": {"S": SUBMITTED}},
        )
        meant = spellings(message_id)
        for fact in _facts(found):
            if fact.key in OPENINGS and bare(message_id_of(fact)) in meant:
                yield fact

    def between(self, since_ms: int, until_ms: int) -> Iterator[Fact]:
        found = scan(
            self.client,
            self.table,
            "#at BETWEEN :since AND :last",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":since": rows.number(since_ms), ":last": rows.number(until_ms - 1)},
        )
        yield from _facts(found)

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        found = scan(self.client, self.table, "org = :org", ExpressionAttributeValues={":org": {"S": organization_id}})
        yield from _facts(found)


def _fact(row: rows.Row) -> Fact:
    try:
        return ledger_rows.fact_from_row(row)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableFactError("in the ledger") from error


def _facts(found: Iterable[rows.Row]) -> Iterator[Fact]:
    """Read rows. A row that cannot be read is left out (record_events parks it), so that the others are returned."""
    for row in found:
        try:
            yield _fact(row)
        except UnreadableFactError:
            continue
