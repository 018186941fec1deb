"""Mail domains: registration in SES and deregistration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.admin_services import MemoryDomainServices
from postroom.model.records import Remove

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_domain_is_identified_and_routed(caller: Any, acme: str, context: Any) -> None:
    assert caller("RegisterMailDomain", OrganizationId=acme, DomainName="New.Example.org") == {}
    assert "new.example.org" in context.domain_services.routed
    assert context.directory.domain("new.example.org").organization.id == acme
    found = caller("GetMailDomain", OrganizationId=acme, DomainName="new.example.org")
    records = {(record["Type"], record["Hostname"]): record["Value"] for record in found["Records"]}
    assert records["TXT", "_amazonses.new.example.org"] == "token-new.example.org"
    assert records["MX", "new.example.org"] == "10 inbound-smtp.us-east-1.amazonaws.com"
    assert records["CNAME", "a-new.example.org._domainkey.new.example.org"] == "a-new.example.org.dkim.amazonses.com"
    assert ("TXT", "_dmarc.new.example.org") in records
    assert (found["IsTestDomain"], found["IsDefault"]) == (False, False)
    assert found["OwnershipVerificationStatus"] == found["DkimVerificationStatus"] == "VERIFIED"


def test_registering_again_repairs_what_is_missing_in_ses(caller: Any, acme: str, context: Any) -> None:
    context.domain_services.routed.clear()
    caller("RegisterMailDomain", OrganizationId=acme, DomainName="example.com")
    assert context.domain_services.routed == {"example.com"}


def test_a_token_is_good_for_one_domain(caller: Any, acme: str) -> None:
    caller("RegisterMailDomain", OrganizationId=acme, DomainName="a.example.org", ClientToken="t")
    caller("RegisterMailDomain", OrganizationId=acme, DomainName="a.example.org", ClientToken="t")
    caller.refused(
        "InvalidParameterException",
        "RegisterMailDomain",
        OrganizationId=acme,
        DomainName="b.example.org",
        ClientToken="t",
    )


def test_a_domain_belongs_to_one_organization(caller: Any, acme: str) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    caller.refused("MailDomainInUseException", "RegisterMailDomain", OrganizationId=other, DomainName="example.com")
    caller.refused("MailDomainNotFoundException", "GetMailDomain", OrganizationId=other, DomainName="example.com")
    assert caller("DeregisterMailDomain", OrganizationId=other, DomainName="example.com") == {}
    assert caller("GetMailDomain", OrganizationId=acme, DomainName="example.com")


def test_names_that_are_no_domains_and_test_domains_are_refused(caller: Any, acme: str) -> None:
    for name in ("nodots", "a..b", "-a.example.org", "10.0.0.1", "mail.test", "x.mail.test", f"{'a' * 64}.org"):
        caller.refused("InvalidParameterException", "RegisterMailDomain", OrganizationId=acme, DomainName=name)


def test_what_ses_refuses_is_said_and_can_be_mended(caller: Any, acme: str, context: Any) -> None:
    context.domain_services.refuses["a.example.org"] = "SES says: the rule set does not exist"
    request = {"OrganizationId": acme, "DomainName": "a.example.org"}
    assert "rule set" in caller.refused("InvalidParameterException", "RegisterMailDomain", **request)
    caller.refused("MailDomainStateException", "UpdateDefaultMailDomain", **request)
    context.domain_services.refuses.clear()
    caller("RegisterMailDomain", **request)
    caller("UpdateDefaultMailDomain", **request)


def test_the_default_domain_must_be_verified_and_is_shown(caller: Any, acme: str, context: Any) -> None:
    context.domain_services.unverified.add("a.example.org")
    request = {"OrganizationId": acme, "DomainName": "A.example.org"}
    caller("RegisterMailDomain", **request)
    caller.refused("MailDomainStateException", "UpdateDefaultMailDomain", **request)
    assert caller("GetMailDomain", **request)["OwnershipVerificationStatus"] == "PENDING"
    context.domain_services.unverified.clear()
    caller("UpdateDefaultMailDomain", **request)
    assert caller("GetMailDomain", **request)["IsDefault"]
    assert caller("DescribeOrganization", OrganizationId=acme)["DefaultMailDomain"] == "a.example.org"
    caller.refused("MailDomainInUseException", "DeregisterMailDomain", **request)
    caller.refused(
        "MailDomainNotFoundException", "UpdateDefaultMailDomain", OrganizationId=acme, DomainName="unknown.org"
    )


def test_domains_are_listed_by_name_in_pages(caller: Any, acme: str) -> None:
    for letter in "cab":
        caller("RegisterMailDomain", OrganizationId=acme, DomainName=f"{letter}.example.org")
    first = caller("ListMailDomains", OrganizationId=acme, MaxResults=4)
    second = caller("ListMailDomains", OrganizationId=acme, MaxResults=4, NextToken=first["NextToken"])
    names = [(found["DomainName"], found["DefaultDomain"]) for found in first["MailDomains"] + second["MailDomains"]]
    assert names == [
        ("a.example.org", False),
        ("acme.mail.test", True),
        ("b.example.org", False),
        ("c.example.org", False),
        ("example.com", False),
    ]


class TestDeregistration:
    def test_a_domain_with_addresses_stays(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "DomainName": "Example.com"}
        assert "ann@example.com" in caller.refused("MailDomainInUseException", "DeregisterMailDomain", **request)
        caller("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="still@example.com")
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        assert caller("DeregisterMailDomain", **request) == {}
        assert context.domain_services.routed == {"acme.mail.test"}
        assert "example.com" in context.domain_services.known, "SES keeps the identity"
        caller.refused("MailDomainNotFoundException", "GetMailDomain", **request)
        caller.refused(
            "MailDomainNotFoundException",
            "RegisterToWorkMail",
            OrganizationId=acme,
            EntityId=ann,
            Email="a@example.com",
        )
        assert caller("DeregisterMailDomain", **request) == {}, "a missing one is no error"

    def test_the_test_domain_stays(self, caller: Any, acme: str) -> None:
        caller.refused(
            "InvalidParameterException", "DeregisterMailDomain", OrganizationId=acme, DomainName="acme.mail.test"
        )

    def test_rules_that_ses_does_not_take_back_have_an_error_of_their_own(
        self, caller: Any, acme: str, context: Any
    ) -> None:
        context.domain_services.refuses["example.com"] = "SES says: could not write to bucket"
        request = {"OrganizationId": acme, "DomainName": "example.com"}
        text = caller.refused("InvalidCustomSesConfigurationException", "DeregisterMailDomain", **request)
        assert "could not write to bucket" in text
        assert caller("GetMailDomain", **request), "it is as registered as before"


@pytest.mark.parametrize("known", [False, True])
def test_a_domain_that_goes_while_it_is_registered_is_not_left_in_the_rules_of_ses(
    caller: Any, acme: str, context: Any, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        caller("RegisterMailDomain", OrganizationId=acme, DomainName="new.example.org")
    route = MemoryDomainServices.route

    def late(services: MemoryDomainServices, name: str) -> None:
        """Wait while the organization is deleted and its domain released."""
        caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
        services.unroute(name, lambda: True)
        context.directory.commit([Remove(context.directory.domain_record(name))])
        route(services, name)

    monkeypatch.setattr(MemoryDomainServices, "route", late)
    caller.refused(
        "OrganizationStateException", "RegisterMailDomain", OrganizationId=acme, DomainName="new.example.org"
    )
    assert "new.example.org" not in context.domain_services.routed
