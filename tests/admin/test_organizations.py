"""Organizations: made, described, listed, deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.errors import RefusedByServiceError
from postroom.ports.organization_keys import KeyFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.admin.office import Office

KEY = "arn:aws:kms:us-east-1:123456789012:key/mine"


def test_a_new_organization_is_active_with_its_test_domain(desk: Any, office: Any) -> None:
    organization = desk("CreateOrganization", Alias="Acme")["OrganizationId"]
    found = desk("DescribeOrganization", OrganizationId=organization)
    assert found["State"] == "Active"
    assert found["Alias"] == "Acme"
    assert found["DefaultMailDomain"] == "acme.mail.test"
    assert found["ARN"] == f"arn:aws:workmail:us-east-1:123456789012:organization/{organization}"
    assert found["CompletedDate"] == pytest.approx(desk.now / 1000, abs=2)
    domain = office.directory.domain("acme.mail.test")
    assert domain.is_test
    assert domain.organization.active
    assert domain.dmarc_enforced, "on by default for a new organization (architecture, invariant 8)"
    assert office.domain_services.routed == {"acme.mail.test"}


def test_the_first_organization_has_the_id_that_the_local_stack_was_given(desk: Any, office: Any) -> None:
    fixed = "m-" + "0a" * 16
    desk.office = replace(office, settings=replace(office.settings, first_organization_id=fixed))
    assert desk("CreateOrganization", Alias="one")["OrganizationId"] == fixed
    assert desk("CreateOrganization", Alias="two")["OrganizationId"] != fixed
    desk("DeleteOrganization", OrganizationId=fixed, DeleteDirectory=True)
    desk.settle()
    assert desk("CreateOrganization", Alias="one")["OrganizationId"] != fixed, "an id is never used again"


def test_its_domains_are_registered_with_it(desk: Any, office: Any) -> None:
    desk("CreateOrganization", Alias="acme", Domains=[{"DomainName": "B.example.com"}, {"DomainName": "a.example.com"}])
    assert office.domain_services.routed == {"acme.mail.test", "a.example.com", "b.example.com"}


def test_an_alias_is_taken_whatever_its_case(desk: Any, acme: str) -> None:
    desk.refused("NameAvailabilityException", "CreateOrganization", Alias="ACME")


def test_a_domain_of_another_organization_is_refused_and_nothing_stays(desk: Any, acme: str, office: Any) -> None:
    text = desk.refused(
        "InvalidParameterException", "CreateOrganization", Alias="other", Domains=[{"DomainName": "example.com"}]
    )
    assert "example.com belongs to another organization" in text
    assert office.directory.organization_with_alias("other") is None


def test_the_same_token_gets_the_same_organization(desk: Any) -> None:
    first = desk("CreateOrganization", Alias="acme", ClientToken="t")
    assert desk("CreateOrganization", Alias="acme", ClientToken="t") == first
    desk.refused("InvalidParameterException", "CreateOrganization", Alias="other", ClientToken="t")
    desk.now += 25 * 3600 * 1000
    assert desk("CreateOrganization", Alias="other", ClientToken="t") != first


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "does not exist"),
        (KeyFacts(KEY, "RSA_2048", "ENCRYPT_DECRYPT", "Enabled"), "RSA_2048"),
        (KeyFacts(KEY, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Disabled"), "Disabled"),
        (KeyFacts(KEY, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "PendingDeletion"), "PendingDeletion"),
        (KeyFacts(KEY, "HMAC_256", "GENERATE_VERIFY_MAC", "Enabled"), "GENERATE_VERIFY_MAC"),
    ],
)
def test_a_key_that_cannot_wrap_is_refused_by_name(desk: Any, office: Any, facts: KeyFacts | None, words: str) -> None:
    if facts:
        office.organization_keys.keys[KEY] = facts
    text = desk.refused("InvalidParameterException", "CreateOrganization", Alias="acme", KmsKeyArn=KEY)
    assert KEY in text
    assert words in text


def test_the_chosen_key_wraps_mailbox_keys_and_an_alias_is_resolved_once(desk: Any, office: Any) -> None:
    alias = "arn:aws:kms:us-east-1:123456789012:alias/mail"
    office.organization_keys.keys[alias] = KeyFacts(KEY, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled")
    organization = desk("CreateOrganization", Alias="acme", KmsKeyArn=alias)["OrganizationId"]
    user = desk("CreateUser", OrganizationId=organization, Name="ann", DisplayName="Ann")["UserId"]
    desk("RegisterToWorkMail", OrganizationId=organization, EntityId=user, Email="ann@acme.mail.test")
    head = office.mailboxes.heads[user]
    assert head.kms_key_arn == KEY
    assert head.organization_arn.endswith(organization)
    assert office.directory.domain("acme.mail.test").organization.kms_key_arn == KEY


@pytest.mark.parametrize(
    "parameters",
    [
        {"DirectoryId": "d-0123456789"},
        {"EnableInteroperability": True},
        {"Domains": [{"DomainName": "example.com", "HostedZoneId": "Z1"}]},
        {"Domains": [{"DomainName": "nodots"}]},
        {"Domains": [{"DomainName": "-bad.example.com"}]},
        {"Domains": [{"DomainName": "other.mail.test"}]},
    ],
)
def test_what_we_do_not_do_is_refused(desk: Any, parameters: dict[str, Any]) -> None:
    desk.refused("InvalidParameterException", "CreateOrganization", Alias="acme", **parameters)


def test_an_account_has_a_hundred_organizations_at_most(desk: Any) -> None:
    ids = [desk("CreateOrganization", Alias=f"acme{number}")["OrganizationId"] for number in range(100)]
    desk.refused("LimitExceededException", "CreateOrganization", Alias="onemore")
    desk("DeleteOrganization", OrganizationId=ids[0], DeleteDirectory=True)
    desk.refused("LimitExceededException", "CreateOrganization", Alias="onemore")
    desk.settle()
    desk("CreateOrganization", Alias="onemore")


def test_unknown_and_inactive_organizations_are_told_apart(desk: Any, acme: str) -> None:
    unknown = "m-" + "0" * 32
    desk.refused("OrganizationNotFoundException", "DescribeOrganization", OrganizationId=unknown)
    desk.refused("OrganizationNotFoundException", "ListUsers", OrganizationId=unknown)
    desk("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    desk.refused("OrganizationStateException", "ListUsers", OrganizationId=acme)
    desk.settle()
    desk.refused("OrganizationStateException", "ListUsers", OrganizationId=acme)
    desk.refused("OrganizationStateException", "DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)


class TestDeletion:
    def test_a_deleted_one_stays_describable_and_frees_its_names(
        self, desk: Any, acme: str, office: Office, enable: Callable[..., str]
    ) -> None:
        enable("ann")
        request = {"OrganizationId": acme, "DeleteDirectory": True}
        desk.refused("OrganizationStateException", "DeleteOrganization", **request)
        assert desk("DeleteOrganization", **request, ForceDelete=True) == {"OrganizationId": acme, "State": "Deleting"}
        assert desk("DescribeOrganization", OrganizationId=acme)["State"] == "Deleting"
        assert desk("DeleteOrganization", **request) == {"OrganizationId": acme, "State": "Deleting"}
        desk.refused("NameAvailabilityException", "CreateOrganization", Alias="acme")
        desk.settle()
        assert desk("DescribeOrganization", OrganizationId=acme)["State"] == "Deleted"
        assert desk("ListOrganizations")["OrganizationSummaries"][0]["State"] == "Deleted"
        assert office.directory.domain_record("example.com") is None
        again = desk("CreateOrganization", Alias="acme", Domains=[{"DomainName": "example.com"}])["OrganizationId"]
        assert again != acme
        bob = desk("CreateUser", OrganizationId=again, Name="bob", DisplayName="Bob")["UserId"]
        desk("RegisterToWorkMail", OrganizationId=again, EntityId=bob, Email="ann@example.com")

    def test_the_same_token_gets_the_same_answer(self, desk: Any, acme: str) -> None:
        request = {"OrganizationId": acme, "DeleteDirectory": True, "ClientToken": "t"}
        first = desk("DeleteOrganization", **request)
        assert desk("DeleteOrganization", **request) == first
        desk.settle()
        assert desk("DeleteOrganization", **request) == {**first, "State": "Deleted"}
        desk.refused("InvalidParameterException", "DeleteOrganization", **{**request, "ForceDelete": True})

    def test_one_that_could_not_be_completed_can_go(self, desk: Any, office: Any) -> None:
        office.domain_services.refuses["acme.mail.test"] = "no rule set"
        desk.refused("InvalidParameterException", "CreateOrganization", Alias="acme")
        (stuck,) = desk("ListOrganizations")["OrganizationSummaries"]
        assert stuck["State"] == "Creating"
        office.domain_services.refuses.clear()
        desk("DeleteOrganization", OrganizationId=stuck["OrganizationId"], DeleteDirectory=True)
        desk.settle()
        assert desk("DescribeOrganization", OrganizationId=stuck["OrganizationId"])["State"] == "Deleted"

    def test_rules_that_ses_refuses_keep_it_deleting_until_mended(self, desk: Any, acme: str, office: Any) -> None:
        office.domain_services.refuses["example.com"] = "the bucket is gone"
        desk("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
        with pytest.raises(RefusedByServiceError, match="the bucket is gone"):
            desk.settle()
        assert desk("DescribeOrganization", OrganizationId=acme)["State"] == "Deleting"
        office.domain_services.refuses.clear()
        desk.settle()
        assert desk("DescribeOrganization", OrganizationId=acme)["State"] == "Deleted"


def test_pages_of_organizations(desk: Any) -> None:
    made = sorted(desk("CreateOrganization", Alias=f"acme{number}")["OrganizationId"] for number in range(5))
    first = desk("ListOrganizations", MaxResults=3)
    second = desk("ListOrganizations", MaxResults=3, NextToken=first["NextToken"])
    assert "NextToken" not in second
    listed = first["OrganizationSummaries"] + second["OrganizationSummaries"]
    assert [found["OrganizationId"] for found in listed] == made
    assert "NextToken" not in desk("ListOrganizations", MaxResults=5)
