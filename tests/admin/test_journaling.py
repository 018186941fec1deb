"""SetJournalingRules and GetJournalingRules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from postroom.model.journaling import Journaling

if TYPE_CHECKING:
    from collections.abc import Callable

SET, GET = "SetJournalingRules", "GetJournalingRules"
AUTHOR = "amazonjournaling@acme.mail.test"
BOTH = {"JournalingAddress": "journal@archive.example", "ReportAddress": "admin@example.com"}
IN_FORCE = Journaling("journal@archive.example", "admin@example.com", AUTHOR)


def in_force(context: Any, domain: str) -> Journaling | None:
    """What ingest and submit find for a domain, by the rule set that its row names."""
    found = context.directory.domain(domain)
    both = context.rule_sets.inbound(found.organization.id, found.rules_version)
    assert both.journaling == context.rule_sets.outbound(found.organization.id, found.rules_version).journaling
    return cast("Journaling | None", both.journaling)


def test_it_is_off_for_a_new_organization(caller: Any, acme: str, context: Any) -> None:
    assert caller(GET, OrganizationId=acme) == {"Enabled": False}
    assert in_force(context, "example.com") is None


def test_every_domain_says_where_reports_go_while_it_is_on(caller: Any, acme: str, context: Any) -> None:
    assert caller(SET, OrganizationId=acme, Enabled=True, **BOTH) == {}
    assert caller(GET, OrganizationId=acme) == {"Enabled": True, **BOTH}
    for name in ("example.com", "acme.mail.test"):
        assert in_force(context, name) == IN_FORCE


def test_its_addresses_are_kept_while_it_is_off(caller: Any, acme: str, context: Any) -> None:
    caller(SET, OrganizationId=acme, Enabled=True, **BOTH)
    for _ in range(2):
        assert caller(SET, OrganizationId=acme, Enabled=False) == {}
        assert in_force(context, "example.com") is None
    assert caller(GET, OrganizationId=acme) == {"Enabled": False, **BOTH}
    caller(SET, OrganizationId=acme, Enabled=True, ReportAddress="Other@Bücher.example")
    assert in_force(context, "example.com") == Journaling(
        "journal@archive.example", "Other@xn--bcher-kva.example", AUTHOR
    )


def test_a_domain_that_is_registered_later_knows_it_too(caller: Any, acme: str, context: Any) -> None:
    caller(SET, OrganizationId=acme, Enabled=True, **BOTH)
    caller("RegisterMailDomain", OrganizationId=acme, DomainName="later.example")
    assert in_force(context, "later.example") == IN_FORCE


def test_changes_of_rules_keep_it_and_it_keeps_rules(caller: Any, acme: str, context: Any) -> None:
    everyone = {"SenderPatterns": ["*"], "RecipientPatterns": ["*"], "Action": {"Type": "DROP"}}
    caller("CreateInboundMailFlowRule", OrganizationId=acme, Name="one", **everyone)
    caller(SET, OrganizationId=acme, Enabled=True, **BOTH)
    caller("CreateInboundMailFlowRule", OrganizationId=acme, Name="two", **everyone)
    assert in_force(context, "example.com") == IN_FORCE
    caller(SET, OrganizationId=acme, Enabled=False)
    version = context.directory.domain("example.com").rules_version
    assert {rule.name for rule in context.rule_sets.inbound(acme, version).rules} == {"one", "two"}
    caller(SET, OrganizationId=acme, Enabled=False)
    assert context.directory.domain("example.com").rules_version == version, "what is so already is not written again"


@pytest.mark.parametrize("missing", BOTH)
def test_both_addresses_are_needed_to_switch_it_on(caller: Any, acme: str, missing: str) -> None:
    given = {name: value for name, value in BOTH.items() if name != missing}
    text = caller.refused("InvalidParameterException", SET, OrganizationId=acme, Enabled=True, **given)
    assert text == "Journaling needs a JournalingAddress and a ReportAddress."


@pytest.mark.parametrize("member", BOTH)
@pytest.mark.parametrize(
    "address", ["nobody", "a b@archive.example", "Ann <ann@archive.example>", "ann@localhost", "a@b,c@archive.example"]
)
def test_what_is_no_address_is_refused(caller: Any, acme: str, member: str, address: str) -> None:
    text = caller.refused(
        "InvalidParameterException", SET, OrganizationId=acme, Enabled=True, **{**BOTH, member: address}
    )
    assert text == f"{member} is no address that mail can be sent to."
    assert caller(GET, OrganizationId=acme) == {"Enabled": False}


@pytest.mark.parametrize("member", BOTH)
def test_the_address_that_reports_come_from_gets_none(caller: Any, acme: str, member: str) -> None:
    given = {**BOTH, member: AUTHOR.upper()}
    assert AUTHOR in caller.refused("InvalidParameterException", SET, OrganizationId=acme, Enabled=True, **given)


def test_the_address_that_reports_come_from_is_nobodys(caller: Any, acme: str, enable: Callable[..., str]) -> None:
    ann = enable("ann")
    caller.refused("EmailAddressInUseException", "CreateAlias", OrganizationId=acme, EntityId=ann, Alias=AUTHOR)


def test_unknown_organizations_are_not_found(caller: Any) -> None:
    unknown = {"OrganizationId": "m-" + "0" * 32}
    caller.refused("OrganizationNotFoundException", GET, **unknown)
    caller.refused("OrganizationNotFoundException", SET, **unknown, Enabled=False)
