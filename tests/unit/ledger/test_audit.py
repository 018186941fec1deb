"""Facts as audit records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from postroom.adapters.memory.audit_deliveries import MemoryAuditDeliveries
from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.errors import StoreUnavailableError
from postroom.ledger.audit import AuditProjection
from postroom.model.audit_deliveries import AuditDelivery, DestinationKind, LogType, OutputFormat
from postroom.model.facts import EventName, OwnFact
from tests.support.builders import ORG, provider_call
from tests.support.facts import ACME, OTHER, delivered, fact, own, plenty, received
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Sequence

ARNS: Final = "arn:aws:workmail:us-east-1:123456789012:organization/"
DELIVERED: Final = fact(delivered(), key="order:ann")
ASKED: Final = provider_call(organization_id=ACME, organization_arn=ARNS + ACME).ended(5, "no answer")


def delivery(log_type: LogType, fault: str = "") -> AuditDelivery:
    return AuditDelivery(
        "d1", log_type, DestinationKind.S3, "arn:aws:s3:::b", OutputFormat.JSON, ("user",), fault=fault
    )


@dataclass
class Audit:
    deliveries: MemoryAuditDeliveries = field(default_factory=MemoryAuditDeliveries)
    trail: MemoryAuditTrail = field(default_factory=MemoryAuditTrail)

    @property
    def projection(self) -> AuditProjection:
        return AuditProjection(self.deliveries, self.trail, ARNS)


@pytest.fixture
def audit() -> Audit:
    made = Audit()
    made.deliveries.deliveries[ACME] = [delivery(LogType.MAILBOX_ACCESS), delivery(LogType.AVAILABILITY_PROVIDER)]
    return made


def test_deliveries_and_calls_of_providers_are_recorded_and_nothing_else(audit: Audit) -> None:
    others = [fact(received()), own(OwnFact.QUOTA_NOTICE_DELIVERED), own(OwnFact.PARKED)]
    assert audit.projection.write([DELIVERED, ASKED, *others], plenty) == {}
    assert [record.type for record in audit.trail.records] == [LogType.MAILBOX_ACCESS, LogType.AVAILABILITY_PROVIDER]
    delivered_record, asked_record = audit.trail.records
    assert delivered_record.fields["organization_arn"] == ARNS + ACME
    assert asked_record.fields == ASKED.event


@pytest.mark.parametrize("log_type", LogType)
def test_only_what_a_delivery_has_is_sent(audit: Audit, log_type: LogType) -> None:
    audit.deliveries.deliveries[ACME] = [delivery(log_type)]
    audit.projection.write([DELIVERED, ASKED], plenty)
    assert {record.type for record in audit.trail.records} <= {log_type}
    assert bool(audit.trail.records) == (log_type in {LogType.MAILBOX_ACCESS, LogType.AVAILABILITY_PROVIDER})


def test_an_organization_without_deliveries_costs_nothing(audit: Audit) -> None:
    audit.trail.away = True
    assert audit.projection.write([fact(delivered(), organization_id=OTHER)], plenty) == {}


def test_a_delivery_with_a_fault_loses_nothing(audit: Audit) -> None:
    audit.deliveries.deliveries[ACME] = [delivery(LogType.MAILBOX_ACCESS, fault="its group is in another Region")]
    audit.projection.write([DELIVERED], plenty)
    assert len(audit.trail.records) == 1


def test_where_deliveries_cannot_be_read_everything_is_sent(audit: Audit) -> None:
    audit.deliveries.unavailable = True
    other = fact(delivered(), organization_id=OTHER)
    assert audit.projection.write([DELIVERED, other], plenty) == {}
    assert [record.organization_id for record in audit.trail.records] == [ACME, OTHER]


def test_deliveries_that_cannot_be_read_are_not_asked_for_by_each_organization(audit: Audit) -> None:
    """A read that fails may take half a minute, and the other projections of a batch wait for it."""
    asked = []

    class Away(MemoryAuditDeliveries):
        def of(self, organization_id: str) -> Sequence[AuditDelivery]:
            asked.append(organization_id)
            raise StoreUnavailableError("no answer")

    audit.deliveries = Away()
    facts = [fact(delivered(), organization_id=each) for each in (ACME, OTHER, ORG)]
    assert audit.projection.write([*facts, ASKED], plenty) == {}
    assert (asked, len(audit.trail.records)) == ([ACME], 4)


def test_facts_that_could_not_be_sent_are_refused_and_no_others(audit: Audit) -> None:
    audit.trail.away = True
    refused = audit.projection.write([DELIVERED, fact(received(), "t2"), ASKED], plenty)
    assert refused.keys() == {DELIVERED.id, ASKED.id}
    assert all("no answer" in cause for cause in refused.values())


def test_without_time_nothing_is_sent_and_all_comes_again(audit: Audit) -> None:
    assert audit.projection.write([DELIVERED], lambda: 100).keys() == {DELIVERED.id}
    assert audit.trail.records == []


def test_a_fact_that_is_projected_again_is_the_same_record(audit: Audit) -> None:
    audit.projection.write([DELIVERED], plenty)
    audit.projection.write([DELIVERED], plenty)
    first, second = audit.trail.records
    assert first == second


def test_the_record_of_a_delivery_names_the_item_that_is_in_the_mailbox(audit: Audit) -> None:
    system = MemoryMailSystem()
    system.user("ann")
    for number in (1, 2):
        system.arrive(f"m{number}", b"From: bob@example.org\r\n\r\nx\r\n", "ann@acme.test")
    system.pump()
    facts = [each for each in system.ledger.all_facts(ORG) if each.name is EventName.MAILBOX_EMAIL_DELIVERED]
    audit.deliveries.deliveries[ORG] = [delivery(LogType.MAILBOX_ACCESS)]
    audit.projection.write(facts, plenty)
    items = system.mailboxes.items("ann", "INBOX")
    assert len(items) == 2
    assert sorted(str(record.fields["item_id"]) for record in audit.trail.records) == sorted(item.id for item in items)
    assert {record.fields["owner_id"] for record in audit.trail.records} == {"ann"}
