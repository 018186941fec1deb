"""Audit records that could not be written are parked with all that they say, and a redrive sends exactly them."""

from __future__ import annotations

from typing import Final

import pytest

from postroom.contracts.audit_log import API_CALL, AuditRecord
from postroom.contracts.audit_messages import AuditRecords
from postroom.contracts.audit_sending import AuditMessage
from postroom.model.audit_deliveries import LogType
from postroom.parking.dead_letters import DeadLetters
from postroom.parking.redrive import undeliverable
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

RECORD: Final = AuditRecord("r1", ORG, LogType.AUTHENTICATION, 5, {"user": "ann", "auth_successful": True})
CALL: Final = AuditRecord("r2", "", API_CALL, 6, {"eventName": "CreateUser"})
MESSAGES: Final = {
    "write_audit_log": AuditMessage(ORG, [RECORD, RECORD]),
    "retry_audit": AuditMessage(ORG, [RECORD], "d1"),
}


@pytest.fixture
def post() -> MemoryMailSystem:
    return MemoryMailSystem()


@pytest.mark.parametrize("station", MESSAGES)
def test_they_are_parked_with_their_cause(post: MemoryMailSystem, station: str) -> None:
    message = MESSAGES[station]
    DeadLetters(post.parking).accept("arn:aws:sqs:us-east-1:1:audit", message.message, 6, "AccessDenied at bucket")
    (parked,) = post.parking.list()
    assert (parked.station, parked.organization_id) == (station, ORG)
    assert parked.cause == "AccessDenied at bucket"
    assert AuditRecords.read(parked.body) == AuditRecords.read(message.message)
    assert [fact.name for fact in post.ledger.facts(message.trace)] == ["PARKED"]
    assert "ann" not in str(list(post.ledger.facts(message.trace)))
    assert undeliverable(parked, post.directory) is None


@pytest.mark.parametrize("station", MESSAGES)
def test_a_redrive_sends_them_to_their_station(post: MemoryMailSystem, station: str) -> None:
    DeadLetters(post.parking).accept("queue", MESSAGES[station].message, 6)
    (parked,) = post.parking.list()
    assert post.parking.redrive(parked)
    assert list(post.queues.queues[station]) == [MESSAGES[station].message]
    assert not list(post.parking.list())
    assert not post.parking.redrive(parked)


def test_what_is_given_up_again_is_parked_again(post: MemoryMailSystem) -> None:
    letters, body = DeadLetters(post.parking), MESSAGES["retry_audit"].message
    for _ in range(2):
        letters.accept("queue", body, 6)
        letters.accept("queue", body, 6)  # a dead letter that is read twice
        (parked,) = post.parking.list()
        assert post.parking.redrive(parked)
    assert parked.parkings == 2


def test_an_operator_may_give_them_up(post: MemoryMailSystem) -> None:
    DeadLetters(post.parking).accept("queue", MESSAGES["retry_audit"].message, 6)
    (parked,) = post.parking.list()
    assert post.parking.discard(parked)
    facts = [fact.name for fact in post.ledger.facts(parked.trace)]
    assert sorted(facts) == ["DISCARDED", "PARKED"]


def test_a_record_of_no_organization_is_parked_as_nobodys(post: MemoryMailSystem) -> None:
    DeadLetters(post.parking).accept("queue", AuditMessage("", [CALL]).message, 6)
    (parked,) = post.parking.list()
    assert parked.organization_id == "-"
    assert post.parking.redrive(parked)
