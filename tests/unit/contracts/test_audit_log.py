"""Audit records: their keys, what is absent, and their ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts import audit_log, audited_facts
from postroom.contracts.audit_log import FIELDS, MailboxAction, ObjectType, Protocol, Request, Scope, TokenAction
from postroom.model.audit_deliveries import LogType
from postroom.model.facts import EventName, Fact
from tests.support.builders import provider_call

ORGANIZATION: Final = "m-" + "a" * 32
ARN: Final = f"arn:aws:workmail:us-east-1:123456789012:organization/{ORGANIZATION}"
REQUEST: Final = Request(
    id="7a3d",
    organization_id=ORGANIZATION,
    organization_arn=ARN,
    at_ms=1_795_000_000_000,
    protocol=Protocol.EWS,
    source_ip="192.0.2.7",
    user_agent="exchangelib/5.6",
    user_id="u-ann",
)
IMPERSONATED: Final = replace(REQUEST, impersonator_id="role-1")
FIRST: Final = {"event_timestamp": 1_795_000_000_000, "request_id": "7a3d", "organization_arn": ARN, "user_id": "u-ann"}
CLIENT: Final = {"protocol": "EWS", "source_ip": "192.0.2.7"}
AGENT: Final = {**CLIENT, "user_agent": "exchangelib/5.6"}

RECORDS: Final = {
    "a folder is read": (
        audit_log.mailbox_access(
            REQUEST, MailboxAction.READ_SUMMARY, owner_id="u-bob", object_type=ObjectType.FOLDER, allowed=True,
            folder_id="CALENDAR", folder_path=audit_log.folder_path("CALENDAR"),
        ),
        {**FIRST, **AGENT, "action": "read_summary", "owner_id": "u-bob", "object_type": "Folder",
         "folder_path": "/CALENDAR", "folder_id": "CALENDAR", "action_allowed": True},
    ),
    "an attachment is refused to a role": (
        audit_log.mailbox_access(
            IMPERSONATED, MailboxAction.READ_ATTACHMENT, owner_id="u-bob", object_type=ObjectType.ATTACHMENT,
            allowed=False, item_id="i-1", attachment_path="figures.xlsx",
        ),
        {**FIRST, "impersonator_id": "role-1", **AGENT, "action": "read_attachment", "owner_id": "u-bob",
         "object_type": "Attachment", "item_id": "i-1", "attachment_path": "figures.xlsx", "action_allowed": False},
    ),
    "no access rule matched": (
        audit_log.access_evaluation(REQUEST, granted=False),
        {**FIRST, **CLIENT, "scope": "AccessControl", "access_granted": False},
    ),
    "an impersonation rule allowed": (
        audit_log.access_evaluation(
            IMPERSONATED, granted=True, scope=Scope.IMPERSONATION_ACCESS_CONTROL, rule_id="rule-1"
        ),
        {**FIRST, "impersonator_id": "role-1", **CLIENT, "scope": "ImpersonationAccessControl", "rule_id": "rule-1",
         "access_granted": True},
    ),
    "a password is right": (
        audit_log.authentication(REQUEST, user="ann@acme.test"),
        {**FIRST, "user": "ann@acme.test", **AGENT, "method": "basic", "auth_successful": True},
    ),
    "no such user": (
        audit_log.authentication(replace(REQUEST, user_id=""), user="eve", failed_reason="UNKNOWN_USER"),
        {**{name: FIRST[name] for name in FIRST if name != "user_id"}, "user": "eve", **AGENT, "method": "basic",
         "auth_successful": False, "auth_failed_reason": "UNKNOWN_USER"},
    ),
    "a token is used": (
        audit_log.authentication(REQUEST, user="ann@acme.test", personal_access_token_id="t-1"),
        {**FIRST, "user": "ann@acme.test", **AGENT, "method": "basic", "auth_successful": True,
         "personal_access_token_id": "t-1"},
    ),
    "a token is made": (
        audit_log.token_event(
            REQUEST, TokenAction.CREATE, user="ann", name="phone", expires_ms=1_795_000_000_001, scopes=["EWS", "IMAP"]
        ),
        {**FIRST, "user": "ann", "protocol": "webapp", **{name: AGENT[name] for name in ("source_ip", "user_agent")},
         "action": "create", "name": "phone", "expires_time": "2026-11-18T11:06:40.001Z", "scopes": ["EWS", "IMAP"]},
    ),
    "a provider's function answers": (
        audited_facts.from_fact(provider_call(organization_arn=ARN).ended(1_795_000_000_000), "unused"),
        dict(provider_call(organization_arn=ARN).ended(1_795_000_000_000).event),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_the_guides_keys_in_their_order_and_none_without_a_value(name: str) -> None:
    record, expected = RECORDS[name]
    assert list(record.fields.items()) == list(expected.items())
    assert isinstance(record.type, LogType)
    in_order = [key for key in FIELDS[record.type] if key in record.fields]
    assert list(record.fields) == in_order


def test_every_kind_has_a_record_here() -> None:
    assert {record.type for record, _ in RECORDS.values()} == set(LogType) == set(FIELDS)


def delivery(**data: Any) -> Fact:
    event = {"recipient": "ann@acme.test", "folder": "JUNK_EMAIL"}
    said = {"mailboxId": "u-ann", "blob": "mail/m-1/u-ann/" + "f" * 32, **data}
    return Fact("trace-1", ORGANIZATION, EventName.MAILBOX_EMAIL_DELIVERED, "order:u-ann", 17, event, said)


def test_a_delivery_is_the_creation_of_a_message_in_its_owners_mailbox() -> None:
    record = audited_facts.from_fact(delivery(sequence=5), ARN)
    assert list(record.fields.items()) == [
        ("event_timestamp", 17),
        ("request_id", "trace-1"),
        ("organization_arn", ARN),
        ("user_id", "u-ann"),
        ("protocol", "IncomingEmail"),
        ("action", "create"),
        ("owner_id", "u-ann"),
        ("object_type", "Message"),
        ("item_id", "000000000005-" + "f" * 32),
        ("folder_path", "/JUNK_EMAIL"),
        ("folder_id", "JUNK_EMAIL"),
        ("action_allowed", True),
    ]
    assert (record.type, record.at_ms, record.organization_id) == (LogType.MAILBOX_ACCESS, 17, ORGANIZATION)


def test_a_delivery_of_an_older_version_names_no_item() -> None:
    assert "item_id" not in audited_facts.from_fact(delivery(), ARN).fields


def test_the_same_event_has_the_same_id_and_another_one_another() -> None:
    again = audit_log.authentication(replace(REQUEST, at_ms=5), user="ann@acme.test")
    assert again.id == RECORDS["a password is right"][0].id
    assert len({record.id for record, _ in RECORDS.values()}) == len(RECORDS)
    refused = [audit_log.access_evaluation(REQUEST, granted=False, number=number).id for number in (0, 0, 1)]
    assert refused[0] == refused[1] != refused[2]


def test_two_deliveries_of_one_flow_have_two_ids() -> None:
    other = replace(delivery(), key="order:u-bob")
    assert audited_facts.from_fact(delivery(), ARN).id != audited_facts.from_fact(other, ARN).id


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_no_text_of_a_client_breaks_a_record(text: str) -> None:
    record = audit_log.authentication(replace(REQUEST, user_agent=text), user=text + "x")
    said = record.fields["user"]
    said.encode()  # no lone surrogate
    assert not set(said) & set("\x00\x0b\ufffe\uffff")
    assert len(said) == len(text) + 1


def test_a_long_text_is_cut() -> None:
    record = audit_log.authentication(REQUEST, user="x" * 100_000)
    assert len(record.fields["user"]) == audit_log.MAX_TEXT_CHARACTERS
