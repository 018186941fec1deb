"""The published schemas of audit records accept what is written and refuse what looks like it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from contracts.audit_schemas import FILES
from postroom.contracts import audit_log, audited_facts
from postroom.model.audit_deliveries import LogType
from postroom.model.logins import Method

from .test_audit_log import ARN, RECORDS, REQUEST, delivery

FOLDER: Final = Path(__file__).parents[3] / "schemas"
SCHEMAS: Final[dict[LogType, Any]] = {
    log_type: json.loads((FOLDER / f"{name}.schema.json").read_text()) for log_type, name in FILES.items()
}
WRITTEN: Final = {name: record for name, (record, _) in RECORDS.items()} | {
    "a message is delivered": audited_facts.from_fact(delivery(sequence=5), ARN)
}


def faults(log_type: LogType, fields: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[log_type]).iter_errors(fields)]


@pytest.mark.parametrize("log_type", LogType)
def test_a_schema_is_one(log_type: LogType) -> None:
    Draft202012Validator.check_schema(SCHEMAS[log_type])
    assert "format" not in json.dumps(SCHEMAS[log_type])
    assert list(SCHEMAS[log_type]["properties"]) == list(audit_log.FIELDS[log_type])


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_accepted(name: str) -> None:
    record = WRITTEN[name]
    assert isinstance(record.type, LogType)
    assert faults(record.type, dict(record.fields)) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a folder is read", {"event_timestamp": "2026-11-18T11:06:40.000Z"}),
        ("a folder is read", {"event_timestamp": 1.5}),
        ("a folder is read", {"action_allowed": "true"}),
        ("a folder is read", {"action": "create_folder"}),
        ("a folder is read", {"object_type": "FOLDER"}),
        ("a folder is read", {"folder_path": "CALENDAR"}),
        ("a folder is read", {"item_id": ""}),
        ("a folder is read", {"organization_arn": "arn:aws:workmail:us-east-1:1:organization/m-1"}),
        ("a folder is read", {"surprise": "x"}),
        ("no access rule matched", {"source_ip": "10.0.0.256"}),
        ("no access rule matched", {"source_ip": "10.0.0.1, 10.0.0.2"}),
        ("no access rule matched", {"source_ip": "host"}),
        ("no access rule matched", {"protocol": "POP3"}),
        ("no access rule matched", {"scope": "accessControl"}),
        ("a password is right", {"method": "digest"}),
        ("a password is right", {"auth_failed_reason": "x"}),
        ("no such user", {"auth_successful": True}),
        ("a token is made", {"protocol": "EWS"}),
        ("a token is made", {"expires_time": "2026-11-18"}),
        ("a token is made", {"scopes": "EWS"}),
        ("a provider's function answers", {"availability_event_successful": False}),
        ("a provider's function answers", {"ews_endpoint": "https://mail.example.org"}),
        ("a provider's function answers", {"type": "EWS"}),
    ],
)
def test_what_looks_like_it_is_refused(name: str, change: dict[str, Any]) -> None:
    record = WRITTEN[name]
    assert isinstance(record.type, LogType)
    assert faults(record.type, {**record.fields, **change})


@pytest.mark.parametrize("method", Method)
def test_every_method_of_authentication_is_accepted(method: Method) -> None:
    record = audit_log.authentication(REQUEST, user="Sync", method=method)
    assert faults(LogType.AUTHENTICATION, dict(record.fields)) == []


@pytest.mark.parametrize("address", ["192.0.2.7", "255.255.255.255", "2001:db8::1", "::ffff:192.0.2.7", "::1"])
def test_addresses_of_both_kinds_are_accepted(address: str) -> None:
    record = WRITTEN["no access rule matched"]
    assert faults(LogType.ACCESS_CONTROL, {**record.fields, "source_ip": address}) == []
