"""A deletion removes nothing of organizations that stay, and leaves nothing shared by two that are deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.admin_services import MemoryDomainServices
from postroom.errors import RefusedByServiceError
from postroom.model.directory import EntityKind
from postroom.model.records import (
    AddressClaim,
    Insert,
    OrganizationState,
    Remove,
    Replace,
)
from tests.support.builders import ORG, OTHER, notification
from tests.support.deletion import MESSAGE, SETTLES, USERS, another, begin, deliver, domain_of, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.lifecycle.deletion import Deletion
    from tests.support.memory_mail_system import MemoryMailSystem


def test_what_ses_does_not_tell_stops_the_names_and_nothing_else(
    mail_system: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(mail_system)
    another(mail_system)
    begin(mail_system)

    def refuse(_: MemoryDomainServices) -> int:
        raise RefusedByServiceError("the rule set does not exist")

    monkeypatch.setattr(MemoryDomainServices, "receipt_rules", refuse)
    for _ in range(2):
        with pytest.raises(RefusedByServiceError, match="does not exist"):
            deletion.run(lambda: 1 << 30)
        mail_system.later += SETTLES
    assert list(mail_system.raw.stored("")) == []
    assert mail_system.directory.entities(ORG, EntityKind.USER, None, 9).items == []


def test_a_domain_that_another_organization_got_while_a_run_was_at_it_stays_with_it(
    mail_system: MemoryMailSystem, deletion: Deletion, services: MemoryDomainServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(mail_system)
    other = another(mail_system)
    before = domain_of(mail_system)
    theirs = AddressClaim(address="ceo@acme.test", organization_id=OTHER, entity_id="ceo", kind=EntityKind.USER)

    def slowly(service: MemoryDomainServices, domain: str, still: Callable[[], bool]) -> None:
        """Wait for SES's rules while a faster run releases the domain and another organization registers it."""
        if mail_system.directory.domain_record(domain) == before:
            claims = [replace(theirs, address=each) for each in mail_system.directory.addresses_in(domain, 90)]
            mail_system.directory.commit([Remove(before), *map(Remove, claims)])
            mail_system.directory.commit([Insert(replace(before, organization=other.ref)), Insert(theirs)])
        if still():
            service.routed.discard(domain)

    monkeypatch.setattr(MemoryDomainServices, "unroute", slowly)
    for _ in range(2):
        deletion.run(lambda: 1 << 30)
    assert services.routed == {"acme.test"}
    assert mail_system.directory.addresses_in("acme.test", 9) == ["ceo@acme.test"]
    assert domain_of(mail_system).organization == other.ref
    assert state(mail_system) is OrganizationState.DELETED


def test_a_message_stays_for_another_organization_where_its_notification_is_parked(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    other = another(mail_system)
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", [f"{USERS[0]}@acme.test", "zoe@elsewhere.test"]))
    mail_system.pump()
    mail_system.directory.commit(
        [Insert(replace(domain_of(mail_system), name="elsewhere.test", organization=other.ref, version=1))]
    )
    begin(mail_system)
    deletion.run(lambda: 1 << 30)
    mail_system.later += 2 * SETTLES
    deletion.run(lambda: 1 << 30)
    assert state(mail_system) is OrganizationState.DELETED
    assert [stored.key for stored in mail_system.raw.stored("inbound/")] == ["inbound/m1"], "a redrive reads it"


def test_a_message_of_another_organizations_flow_stays_when_its_own_receipt_rule_is_the_last(
    mail_system: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another(mail_system)
    mail_system.directory.commit(
        [Insert(replace(domain_of(mail_system), name="zebra.test", organization=other.ref, version=1))]
    )
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", [f"{USERS[0]}@acme.test"]))  # one rule of SES's, one notification
    mail_system.pump()
    begin(mail_system)
    rules = [2]
    monkeypatch.setattr(MemoryDomainServices, "receipt_rules", lambda _: rules[0])
    assert deletion.run(lambda: 1 << 30)["deleted"] == 0
    rules[0] = 1  # that of the organization is gone
    deletion.run(lambda: 1 << 30)
    assert [stored.key for stored in mail_system.raw.stored("inbound/")] == ["inbound/m1"], (
        "its notification is on its way"
    )
    mail_system.ingest.accept(notification("m1", ["zoe@zebra.test"]))
    mail_system.later += 2 * SETTLES
    deletion.run(lambda: 1 << 30)
    assert state(mail_system) is OrganizationState.DELETED
    assert [stored.key for stored in mail_system.raw.stored("inbound/")] == ["inbound/m1"]


def test_what_is_parked_for_two_organizations_goes_when_both_do(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    other = another(mail_system)
    begin(mail_system)
    gone = replace(other, state=OrganizationState.DELETING)
    zebra = replace(domain_of(mail_system), name="zebra.test", organization=gone.ref, version=1)
    third = replace(other, id="m-" + "c" * 32, alias="third", version=1)
    mail_system.directory.commit([Replace(gone), Insert(zebra), Insert(third)])
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", [f"{USERS[0]}@acme.test", "zoe@zebra.test"]))
    assert len(list(mail_system.parking.list())) == 1
    for _ in range(3):
        deletion.run(lambda: 1 << 30)
        mail_system.later += SETTLES
    assert list(mail_system.parking.list()) == []
    assert list(mail_system.raw.stored("")) == []
