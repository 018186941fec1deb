"""Caps on the bounce messages of an hour: which of them holds, and what the fact says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.bounce.caps import Caps
from postroom.model.limits import HOUR_MS
from tests.support.builders import NOON, ORG

from .conftest import MailSystem

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHER = "m-" + "0" * 31 + "f"


def flood(mail_system: MailSystem, senders: Iterable[str], organization: str = ORG) -> list[str]:
    """Let each sender write to an unknown address; return the reasons for which bounce messages were not sent."""
    reasons = []
    for sender in senders:
        mail_system.tables.transit.clear()
        mail_system.tables.facts.clear()
        mail_system.receive(sender=sender, organization=organization)
        mail_system.accept(mail_system.refuse("a@acme.test"))
        reasons += mail_system.reasons()
    return reasons


def test_random_local_parts_of_one_domain_have_a_cap_together() -> None:
    mail_system = MailSystem(Caps(per_sender=20, per_domain=100))
    reasons = flood(mail_system, (f"x{number}@Flood.example" for number in range(130)))
    assert len(mail_system.told) == 100
    assert reasons == ["the sender's domain has had 100 bounce messages in this hour"] * 30
    assert flood(mail_system, ["bob@example.org"]) == []  # another domain has its own


def test_random_domains_have_the_organization_s_cap_together() -> None:
    mail_system = MailSystem(Caps(per_organization=5))
    reasons = flood(mail_system, (f"x@flood{number}.example" for number in range(7)))
    assert len(mail_system.told) == 5
    assert reasons == ["senders to this organization have had 5 bounce messages in this hour"] * 2
    assert flood(mail_system, ["bob@example.org"], OTHER) == []


def test_all_organizations_have_the_stack_s_cap_together() -> None:
    mail_system = MailSystem(Caps(per_stack=3))
    assert flood(mail_system, ["a@one.example", "a@two.example"]) == []
    assert flood(mail_system, ["a@three.example", "a@four.example"], OTHER) == [
        "senders to all organizations have had 3 bounce messages in this hour"
    ]
    assert len(mail_system.told) == 3


def test_a_bounce_that_a_narrow_cap_refuses_does_not_count_under_a_wide_one() -> None:
    mail_system = MailSystem(Caps(per_sender=1, per_domain=2))
    assert len(flood(mail_system, ["bob@example.org"] * 9)) == 8
    assert flood(mail_system, ["ann@example.org"]) == []


def test_the_narrowest_cap_that_is_used_up_is_named() -> None:
    mail_system = MailSystem(Caps(1, 1, 1, 1))
    assert flood(mail_system, ["bob@example.org"] * 2) == ["the sender has had 1 bounce messages in this hour"]
    assert flood(mail_system, ["ann@example.org"]) == ["the sender's domain has had 1 bounce messages in this hour"]


@pytest.mark.parametrize(
    ("one", "same"), [("bob@bücher.example", "bob@xn--bcher-kva.example"), ("Bob@Example.ORG", "bob@example.org")]
)
def test_another_spelling_of_an_address_is_the_same_sender(one: str, same: str) -> None:
    mail_system = MailSystem(Caps(per_sender=1))
    assert flood(mail_system, [one, same]) == ["the sender has had 1 bounce messages in this hour"]


def test_every_cap_counts_anew_in_the_next_hour() -> None:
    mail_system = MailSystem(Caps(1, 1, 1, 1))
    assert len(flood(mail_system, ["bob@example.org"] * 2)) == 1
    mail_system.now += HOUR_MS
    assert flood(mail_system, ["bob@example.org"]) == []


def test_counts_end_after_the_hour_and_name_no_address() -> None:
    mail_system = MailSystem()
    mail_system.receive(sender="bob@example.org")
    (received,) = mail_system.ledger.facts(next(iter(mail_system.tables.facts)))
    allowances = list(Caps().allowances(received, NOON))
    hour = NOON // HOUR_MS
    assert [each.most for each in allowances] == [20, 100, 500, 1000]
    assert len({each.name for each in allowances}) == 4
    for each in allowances:
        assert (hour + 1) * HOUR_MS < each.expires_s * 1000 <= (hour + 2) * HOUR_MS
        assert "bob" not in each.name
        assert "example" not in each.name
