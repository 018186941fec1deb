"""Queue messages with audit records: their form, and how records are divided into them."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.audit_log import API_CALL, AuditRecord
from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import MAX_BODY_BYTES, AuditMessage, messages
from postroom.contracts.messages import read_message
from postroom.contracts.orders import STATIONS
from postroom.errors import InvalidNotificationError
from postroom.model.audit_deliveries import LogType

SAMPLE: Final[dict[str, Any]] = {
    "version": 1,
    "trace": "audit:0123456789abcdef0123456789abcdef",
    "organization_id": "m-1",
    "kind": "AUDIT_RECORDS",
    "records": [
        {"id": "r1", "organization_id": "m-1", "type": "AUTHENTICATION_LOGS", "at_ms": 5, "fields": {"user": "ann"}},
        {"id": "r2", "organization_id": "m-1", "type": "API_CALL", "at_ms": 6, "fields": {"a": {"b": [1, None]}}},
    ],
    "delivery_id": "d1",
}
"""A message as the first version wrote it, on 30 November 2026."""


def record(name: str = "r1", organization_id: str = "m-1", **fields: Any) -> AuditRecord:
    return AuditRecord(name, organization_id, LogType.AUTHENTICATION, 5, fields or {"user": "ann"})


def test_a_message_of_an_earlier_version_is_read() -> None:
    found = read_message(json.dumps({**SAMPLE, "newer": 1}))
    assert isinstance(found, AuditRecords)
    assert found.records == (record(), AuditRecord("r2", "m-1", API_CALL, 6, {"a": {"b": [1, None]}}))
    assert json.loads(found.message) == SAMPLE


def test_records_for_one_delivery_alone_are_a_retry() -> None:
    assert AuditMessage("m-1", [record()]).station == "write_audit_log"
    assert AuditMessage("m-1", [record()], "d1").station == "retry_audit"
    assert {"write_audit_log", "retry_audit"} <= STATIONS.keys()


def test_the_same_records_have_the_same_trace() -> None:
    traces = [
        AuditMessage("m-1", records, delivery).trace
        for records, delivery in [([record()], ""), ([record()], ""), ([record("r2")], ""), ([record()], "d1")]
    ]
    assert traces[0] == traces[1]
    assert len(set(traces)) == 3


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text()))))
def test_a_message_is_read_as_it_is_sent(fields: dict[str, Any]) -> None:
    sent = AuditMessage("m-1", [record(), AuditRecord("r2", "m-1", API_CALL, 6, fields)], "d1")
    found = AuditRecords.read(sent.message)
    assert (found.message, found.trace, found.station, found.group) == (
        sent.message, sent.trace, sent.station, sent.group,
    )  # fmt: skip
    assert list(found.records) == sent.records


@pytest.mark.parametrize("change", [{"records": 5}, {"records": [{"id": "r"}]}, {"version": 99}, {"kind": "AUDIT"}])
def test_another_form_is_no_message(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidNotificationError):
        read_message(json.dumps({**SAMPLE, **change}))


@given(st.lists(st.tuples(st.sampled_from(["m-1", "m-2", ""]), st.integers(0, 120_000)), max_size=12))
def test_messages_hold_every_record_once_one_organization_each_within_the_limit(sizes: list[tuple[str, int]]) -> None:
    records = [record(f"r{n}", organization, user="ü" * (size // 2)) for n, (organization, size) in enumerate(sizes)]
    found = list(messages(records))
    held = [each for message in found for each in message.records]
    assert sorted(held, key=lambda each: each.id) == sorted(records, key=lambda each: each.id)
    for message in found:
        assert {each.organization_id for each in message.records} == {message.organization_id}
        assert len(message.message.encode()) <= MAX_BODY_BYTES + 300 or len(message.records) == 1
    for organization in {each.organization_id for each in records}:
        of_it = [each.id for message in found if message.organization_id == organization for each in message.records]
        assert of_it == [each.id for each in records if each.organization_id == organization]
