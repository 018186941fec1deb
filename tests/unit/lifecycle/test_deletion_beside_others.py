"""A deletion takes nothing from organizations that stay, and leaves nothing between two that go."""

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
from tests.support.deletion import LETTER, PEOPLE, SETTLES, another, begin, deliver, domain_of, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.lifecycle.deletion import Deletion
    from tests.support.memory_mail_system import MemoryMailSystem


def test_what_ses_does_not_tell_stops_the_names_and_nothing_else(
    post: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(post)
    another(post)
    begin(post)

    def refuse(_: MemoryDomainServices) -> int:
        raise RefusedByServiceError("the rule set does not exist")

    monkeypatch.setattr(MemoryDomainServices, "receipt_rules", refuse)
    for _ in range(2):
        with pytest.raises(RefusedByServiceError, match="does not exist"):
            deletion.run(lambda: 1 << 30)
        post.later += SETTLES
    assert list(post.raw.stored("")) == []
    assert post.directory.entities(ORG, EntityKind.USER, None, 9).items == []


def test_a_domain_that_another_organization_got_while_a_run_was_at_it_stays_with_it(
    post: MemoryMailSystem, deletion: Deletion, services: MemoryDomainServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(post)
    other = another(post)
    before = domain_of(post)
    theirs = AddressClaim(address="ceo@acme.test", organization_id=OTHER, entity_id="ceo", kind=EntityKind.USER)

    def slowly(service: MemoryDomainServices, domain: str, still: Callable[[], bool]) -> None:
        """Wait for SES's rules, while a run that was faster gives the domain back, and the other gets it."""
        if post.directory.domain_record(domain) == before:
            claims = [replace(theirs, address=each) for each in post.directory.addresses_in(domain, 90)]
            post.directory.commit([Remove(before), *map(Remove, claims)])
            post.directory.commit([Insert(replace(before, organization=other.ref)), Insert(theirs)])
        if still():
            service.routed.discard(domain)

    monkeypatch.setattr(MemoryDomainServices, "unroute", slowly)
    for _ in range(2):
        deletion.run(lambda: 1 << 30)
    assert services.routed == {"acme.test"}
    assert post.directory.addresses_in("acme.test", 9) == ["ceo@acme.test"]
    assert domain_of(post).organization == other.ref
    assert state(post) is OrganizationState.DELETED


def test_a_message_stays_for_another_organization_where_its_notification_is_parked(
    post: MemoryMailSystem, deletion: Deletion
) -> None:
    other = another(post)
    post.raw.store("inbound/m1", LETTER)
    post.ingest.accept(notification("m1", [f"{PEOPLE[0]}@acme.test", "zoe@elsewhere.test"]))
    post.pump()
    post.directory.commit([Insert(replace(domain_of(post), name="elsewhere.test", organization=other.ref, version=1))])
    begin(post)
    deletion.run(lambda: 1 << 30)
    post.later += 2 * SETTLES
    deletion.run(lambda: 1 << 30)
    assert state(post) is OrganizationState.DELETED
    assert [stored.key for stored in post.raw.stored("inbound/")] == ["inbound/m1"], "a redrive reads it"


def test_a_message_of_another_organizations_flow_stays_when_its_own_receipt_rule_is_the_last(
    post: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another(post)
    post.directory.commit([Insert(replace(domain_of(post), name="zebra.test", organization=other.ref, version=1))])
    post.raw.store("inbound/m1", LETTER)
    post.ingest.accept(notification("m1", [f"{PEOPLE[0]}@acme.test"]))  # one rule of SES's, one notification
    post.pump()
    begin(post)
    rules = [2]
    monkeypatch.setattr(MemoryDomainServices, "receipt_rules", lambda _: rules[0])
    assert deletion.run(lambda: 1 << 30)["deleted"] == 0
    rules[0] = 1  # that of the organization is gone
    deletion.run(lambda: 1 << 30)
    assert [stored.key for stored in post.raw.stored("inbound/")] == ["inbound/m1"], "its notification is on its way"
    post.ingest.accept(notification("m1", ["zoe@zebra.test"]))
    post.later += 2 * SETTLES
    deletion.run(lambda: 1 << 30)
    assert state(post) is OrganizationState.DELETED
    assert [stored.key for stored in post.raw.stored("inbound/")] == ["inbound/m1"]


def test_what_is_parked_for_two_organizations_goes_when_both_do(post: MemoryMailSystem, deletion: Deletion) -> None:
    other = another(post)
    begin(post)
    gone = replace(other, state=OrganizationState.DELETING)
    zebra = replace(domain_of(post), name="zebra.test", organization=gone.ref, version=1)
    third = replace(other, id="m-" + "c" * 32, alias="third", version=1)
    post.directory.commit([Replace(gone), Insert(zebra), Insert(third)])
    post.raw.store("inbound/m1", LETTER)
    post.ingest.accept(notification("m1", [f"{PEOPLE[0]}@acme.test", "zoe@zebra.test"]))
    assert len(list(post.parking.list())) == 1
    for _ in range(3):
        deletion.run(lambda: 1 << 30)
        post.later += SETTLES
    assert list(post.parking.list()) == []
    assert list(post.raw.stored("")) == []
