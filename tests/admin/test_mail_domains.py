"""Mail domains: into SES and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.admin_services import MemoryDomainServices
from postroom.model.records import Remove

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_domain_is_identified_and_routed(desk: Any, acme: str, office: Any) -> None:
    assert desk("RegisterMailDomain", OrganizationId=acme, DomainName="New.Example.org") == {}
    assert "new.example.org" in office.domain_services.routed
    assert office.directory.domain("new.example.org").organization.id == acme
    found = desk("GetMailDomain", OrganizationId=acme, DomainName="new.example.org")
    records = {(record["Type"], record["Hostname"]): record["Value"] for record in found["Records"]}
    assert records["TXT", "_amazonses.new.example.org"] == "token-new.example.org"
    assert records["MX", "new.example.org"] == "10 inbound-smtp.us-east-1.amazonaws.com"
    assert records["CNAME", "a-new.example.org._domainkey.new.example.org"] == "a-new.example.org.dkim.amazonses.com"
    assert ("TXT", "_dmarc.new.example.org") in records
    assert (found["IsTestDomain"], found["IsDefault"]) == (False, False)
    assert found["OwnershipVerificationStatus"] == found["DkimVerificationStatus"] == "VERIFIED"


def test_registering_again_repairs_what_is_missing_in_ses(desk: Any, acme: str, office: Any) -> None:
    office.domain_services.routed.clear()
    desk("RegisterMailDomain", OrganizationId=acme, DomainName="example.com")
    assert office.domain_services.routed == {"example.com"}


def test_a_token_is_good_for_one_domain(desk: Any, acme: str) -> None:
    desk("RegisterMailDomain", OrganizationId=acme, DomainName="a.example.org", ClientToken="t")
    desk("RegisterMailDomain", OrganizationId=acme, DomainName="a.example.org", ClientToken="t")
    desk.refused(
        "InvalidParameterException",
        "RegisterMailDomain",
        OrganizationId=acme,
        DomainName="b.example.org",
        ClientToken="t",
    )


def test_a_domain_belongs_to_one_organization(desk: Any, acme: str) -> None:
    other = desk("CreateOrganization", Alias="other")["OrganizationId"]
    desk.refused("MailDomainInUseException", "RegisterMailDomain", OrganizationId=other, DomainName="example.com")
    desk.refused("MailDomainNotFoundException", "GetMailDomain", OrganizationId=other, DomainName="example.com")
    assert desk("DeregisterMailDomain", OrganizationId=other, DomainName="example.com") == {}
    assert desk("GetMailDomain", OrganizationId=acme, DomainName="example.com")


def test_names_that_are_no_domains_and_test_domains_are_refused(desk: Any, acme: str) -> None:
    for name in ("nodots", "a..b", "-a.example.org", "10.0.0.1", "mail.test", "x.mail.test", f"{'a' * 64}.org"):
        desk.refused("InvalidParameterException", "RegisterMailDomain", OrganizationId=acme, DomainName=name)


def test_what_ses_refuses_is_said_and_can_be_mended(desk: Any, acme: str, office: Any) -> None:
    office.domain_services.refuses["a.example.org"] = "SES says: the rule set does not exist"
    request = {"OrganizationId": acme, "DomainName": "a.example.org"}
    assert "rule set" in desk.refused("InvalidParameterException", "RegisterMailDomain", **request)
    desk.refused("MailDomainStateException", "UpdateDefaultMailDomain", **request)
    office.domain_services.refuses.clear()
    desk("RegisterMailDomain", **request)
    desk("UpdateDefaultMailDomain", **request)


def test_the_default_domain_must_be_verified_and_is_shown(desk: Any, acme: str, office: Any) -> None:
    office.domain_services.unverified.add("a.example.org")
    request = {"OrganizationId": acme, "DomainName": "A.example.org"}
    desk("RegisterMailDomain", **request)
    desk.refused("MailDomainStateException", "UpdateDefaultMailDomain", **request)
    assert desk("GetMailDomain", **request)["OwnershipVerificationStatus"] == "PENDING"
    office.domain_services.unverified.clear()
    desk("UpdateDefaultMailDomain", **request)
    assert desk("GetMailDomain", **request)["IsDefault"]
    assert desk("DescribeOrganization", OrganizationId=acme)["DefaultMailDomain"] == "a.example.org"
    desk.refused("MailDomainInUseException", "DeregisterMailDomain", **request)
    desk.refused(
        "MailDomainNotFoundException", "UpdateDefaultMailDomain", OrganizationId=acme, DomainName="unknown.org"
    )


def test_domains_are_listed_by_name_in_pages(desk: Any, acme: str) -> None:
    for letter in "cab":
        desk("RegisterMailDomain", OrganizationId=acme, DomainName=f"{letter}.example.org")
    first = desk("ListMailDomains", OrganizationId=acme, MaxResults=4)
    second = desk("ListMailDomains", OrganizationId=acme, MaxResults=4, NextToken=first["NextToken"])
    names = [(found["DomainName"], found["DefaultDomain"]) for found in first["MailDomains"] + second["MailDomains"]]
    assert names == [
        ("a.example.org", False),
        ("acme.mail.test", True),
        ("b.example.org", False),
        ("c.example.org", False),
        ("example.com", False),
    ]


class TestDeregistration:
    def test_a_domain_with_addresses_stays(self, desk: Any, acme: str, office: Any, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "DomainName": "Example.com"}
        assert "ann@example.com" in desk.refused("MailDomainInUseException", "DeregisterMailDomain", **request)
        desk("CreateAlias", OrganizationId=acme, EntityId=ann, Alias="still@example.com")
        desk("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        assert desk("DeregisterMailDomain", **request) == {}
        assert office.domain_services.routed == {"acme.mail.test"}
        assert "example.com" in office.domain_services.known, "SES keeps the identity"
        desk.refused("MailDomainNotFoundException", "GetMailDomain", **request)
        desk.refused(
            "MailDomainNotFoundException",
            "RegisterToWorkMail",
            OrganizationId=acme,
            EntityId=ann,
            Email="a@example.com",
        )
        assert desk("DeregisterMailDomain", **request) == {}, "a missing one is no error"

    def test_the_test_domain_stays(self, desk: Any, acme: str) -> None:
        desk.refused(
            "InvalidParameterException", "DeregisterMailDomain", OrganizationId=acme, DomainName="acme.mail.test"
        )

    def test_rules_that_ses_does_not_take_back_have_an_error_of_their_own(
        self, desk: Any, acme: str, office: Any
    ) -> None:
        office.domain_services.refuses["example.com"] = "SES says: could not write to bucket"
        request = {"OrganizationId": acme, "DomainName": "example.com"}
        text = desk.refused("InvalidCustomSesConfigurationException", "DeregisterMailDomain", **request)
        assert "could not write to bucket" in text
        assert desk("GetMailDomain", **request), "it is as registered as before"


@pytest.mark.parametrize("known", [False, True])
def test_a_domain_that_goes_while_it_is_registered_is_not_left_in_the_rules_of_ses(
    desk: Any, acme: str, office: Any, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        desk("RegisterMailDomain", OrganizationId=acme, DomainName="new.example.org")
    route = MemoryDomainServices.route

    def late(services: MemoryDomainServices, name: str) -> None:
        """Wait for a turn, while the organization is deleted, and its domain given back."""
        desk("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
        services.unroute(name, lambda: True)
        office.directory.commit([Remove(office.directory.domain_record(name))])
        route(services, name)

    monkeypatch.setattr(MemoryDomainServices, "route", late)
    desk.refused("OrganizationStateException", "RegisterMailDomain", OrganizationId=acme, DomainName="new.example.org")
    assert "new.example.org" not in office.domain_services.routed
