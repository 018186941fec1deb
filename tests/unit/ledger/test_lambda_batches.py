"""Batches of Lambda: records that are facts, records that are not, and records without trace and key."""

from __future__ import annotations

from typing import Any

import pytest

from postroom.adapters.aws.lambda_batches import failures, ledger_records, retried_messages
from postroom.adapters.aws.ledger_rows import fact_row
from postroom.contracts.pointers import FactPointer, Part
from postroom.ports.event_log import LedgerRecord
from postroom.ports.retried import Retried
from tests.support.facts import ACME, delivered, fact, received

FACT = fact(received())
ALL = tuple(Part)


def change(row: dict[str, Any], name: str = "INSERT", **more: Any) -> dict[str, Any]:
    keys = {name: value for name, value in row.items() if name in {"pk", "sk"}}
    return {"eventName": name, "dynamodb": {"SequenceNumber": "7", "Keys": keys, "NewImage": row, **more}}


def test_an_insert_is_a_fact() -> None:
    assert ledger_records({"Records": [change(fact_row(FACT))]}) == [LedgerRecord("7", FACT)]


@pytest.mark.parametrize("name", ["MODIFY", "REMOVE"])
def test_what_was_changed_or_expired_is_no_news(name: str) -> None:
    assert ledger_records({"Records": [change(fact_row(FACT), name), change(fact_row(fact(delivered())))]}) == [
        LedgerRecord("7", fact(delivered()))
    ]


@pytest.mark.parametrize(
    "damage",
    [
        {"name": {"S": "NO_SUCH_EVENT"}},
        {"at": {"S": "noon"}},
        {"at": {"N": "-1"}},
        {"at": {"N": "1" * 30}},
        {"event": {"S": "{"}},
        {"event": {"S": "null"}},
        {"data": {"S": "[]"}},
        {"data": "bare"},
    ],
    ids=str,
)
def test_a_row_that_is_no_fact_is_pointed_at(damage: dict[str, Any]) -> None:
    pointer = FactPointer(trace="t1", key=FACT.key, organization_id=ACME, parts=ALL)
    assert ledger_records({"Records": [change({**fact_row(FACT), **damage})]}) == [LedgerRecord("7", None, pointer)]


def test_a_row_without_an_organization_is_pointed_at_as_nobodys() -> None:
    row = fact_row(FACT)
    del row["org"]
    [record] = ledger_records({"Records": [change(row)]})
    assert record.pointer == FactPointer(trace="t1", key=FACT.key, organization_id="-", parts=ALL)


def test_a_row_without_readable_keys_has_no_name() -> None:
    assert ledger_records({"Records": [change(fact_row(FACT), Keys={"pk": {"B": "AA=="}}, NewImage={})]}) == [
        LedgerRecord("7", None, None)
    ]


def test_messages_come_with_their_receipts_and_counts() -> None:
    record = {"messageId": "m", "body": "b", "receiptHandle": "r", "attributes": {"ApproximateReceiveCount": "3"}}
    assert retried_messages({"Records": [record]}) == [Retried("m", "b", "r", 3)]


def test_failures_are_named_as_lambda_reads_them() -> None:
    assert failures(("7", "9")) == {"batchItemFailures": [{"itemIdentifier": "7"}, {"itemIdentifier": "9"}]}
    assert failures(()) == {"batchItemFailures": []}
