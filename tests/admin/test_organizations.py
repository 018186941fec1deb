"""Organizations: creation, description, listing, deletion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.errors import RefusedByServiceError
from postroom.ports.organization_keys import KeyFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.admin.context import Context

KEY = "arn:aws:kms:us-east-1:123456789012:key/mine"


def test_a_new_organization_is_active_with_its_test_domain(caller: Any, context: Any) -> None:
    organization = caller("CreateOrganization", Alias="Acme")["OrganizationId"]
    found = caller("DescribeOrganization", OrganizationId=organization)
    assert found["State"] == "Active"
    assert found["Alias"] == "Acme"
    assert found["DefaultMailDomain"] == "acme.mail.test"
    assert found["ARN"] == f"arn:aws:workmail:us-east-1:123456789012:organization/{organization}"
    assert found["CompletedDate"] == pytest.approx(caller.now / 1000, abs=2)
    domain = context.directory.domain("acme.mail.test")
    assert domain.is_test
    assert domain.organization.active
    assert domain.dmarc_enforced, "on by default for a new organization (architecture, invariant 8)"
    assert context.domain_services.routed == {"acme.mail.test"}


def test_the_first_organization_has_the_id_that_the_local_stack_was_given(caller: Any, context: Any) -> None:
    fixed = "m-" + "0a" * 16
    caller.context = replace(context, settings=replace(context.settings, first_organization_id=fixed))
    assert caller("CreateOrganization", Alias="one")["OrganizationId"] == fixed
    assert caller("CreateOrganization", Alias="two")["OrganizationId"] != fixed
    caller("DeleteOrganization", OrganizationId=fixed, DeleteDirectory=True)
    caller.settle()
    assert caller("CreateOrganization", Alias="one")["OrganizationId"] != fixed, "an id is never used again"


def test_its_domains_are_registered_with_it(caller: Any, context: Any) -> None:
    caller(
        "CreateOrganization", Alias="acme", Domains=[{"DomainName": "B.example.com"}, {"DomainName": "a.example.com"}]
    )
    assert context.domain_services.routed == {"acme.mail.test", "a.example.com", "b.example.com"}


def test_an_alias_is_taken_whatever_its_case(caller: Any, acme: str) -> None:
    caller.refused("NameAvailabilityException", "CreateOrganization", Alias="ACME")


def test_a_domain_of_another_organization_is_refused_and_nothing_stays(caller: Any, acme: str, context: Any) -> None:
    text = caller.refused(
        "InvalidParameterException", "CreateOrganization", Alias="other", Domains=[{"DomainName": "example.com"}]
    )
    assert "example.com belongs to another organization" in text
    assert context.directory.organization_with_alias("other") is None


def test_the_same_token_gets_the_same_organization(caller: Any) -> None:
    first = caller("CreateOrganization", Alias="acme", ClientToken="t")
    assert caller("CreateOrganization", Alias="acme", ClientToken="t") == first
    caller.refused("InvalidParameterException", "CreateOrganization", Alias="other", ClientToken="t")
    caller.now += 25 * 3600 * 1000
    assert caller("CreateOrganization", Alias="other", ClientToken="t") != first


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
def test_a_key_that_cannot_wrap_is_refused_by_name(
    caller: Any, context: Any, facts: KeyFacts | None, words: str
) -> None:
    if facts:
        context.organization_keys.keys[KEY] = facts
    text = caller.refused("InvalidParameterException", "CreateOrganization", Alias="acme", KmsKeyArn=KEY)
    assert KEY in text
    assert words in text


def test_the_chosen_key_wraps_mailbox_keys_and_an_alias_is_resolved_once(caller: Any, context: Any) -> None:
    alias = "arn:aws:kms:us-east-1:123456789012:alias/mail"
    context.organization_keys.keys[alias] = KeyFacts(KEY, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled")
    organization = caller("CreateOrganization", Alias="acme", KmsKeyArn=alias)["OrganizationId"]
    user = caller("CreateUser", OrganizationId=organization, Name="ann", DisplayName="Ann")["UserId"]
    caller("RegisterToWorkMail", OrganizationId=organization, EntityId=user, Email="ann@acme.mail.test")
    head = context.mailboxes.heads[user]
    assert head.kms_key_arn == KEY
    assert head.organization_arn.endswith(organization)
    assert context.directory.domain("acme.mail.test").organization.kms_key_arn == KEY


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
def test_what_we_do_not_do_is_refused(caller: Any, parameters: dict[str, Any]) -> None:
    caller.refused("InvalidParameterException", "CreateOrganization", Alias="acme", **parameters)


def test_an_account_has_a_hundred_organizations_at_most(caller: Any) -> None:
    ids = [caller("CreateOrganization", Alias=f"acme{number}")["OrganizationId"] for number in range(100)]
    caller.refused("LimitExceededException", "CreateOrganization", Alias="onemore")
    caller("DeleteOrganization", OrganizationId=ids[0], DeleteDirectory=True)
    caller.refused("LimitExceededException", "CreateOrganization", Alias="onemore")
    caller.settle()
    caller("CreateOrganization", Alias="onemore")


def test_unknown_and_inactive_organizations_are_told_apart(caller: Any, acme: str) -> None:
    unknown = "m-" + "0" * 32
    caller.refused("OrganizationNotFoundException", "DescribeOrganization", OrganizationId=unknown)
    caller.refused("OrganizationNotFoundException", "ListUsers", OrganizationId=unknown)
    caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
    caller.refused("OrganizationStateException", "ListUsers", OrganizationId=acme)
    caller.settle()
    caller.refused("OrganizationStateException", "ListUsers", OrganizationId=acme)
    caller.refused("OrganizationStateException", "DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)


class TestDeletion:
    def test_a_deleted_one_stays_describable_and_frees_its_names(
        self, caller: Any, acme: str, context: Context, enable: Callable[..., str]
    ) -> None:
        enable("ann")
        request = {"OrganizationId": acme, "DeleteDirectory": True}
        caller.refused("OrganizationStateException", "DeleteOrganization", **request)
        assert caller("DeleteOrganization", **request, ForceDelete=True) == {
            "OrganizationId": acme,
            "State": "Deleting",
        }
        assert caller("DescribeOrganization", OrganizationId=acme)["State"] == "Deleting"
        assert caller("DeleteOrganization", **request) == {"OrganizationId": acme, "State": "Deleting"}
        caller.refused("NameAvailabilityException", "CreateOrganization", Alias="acme")
        caller.settle()
        assert caller("DescribeOrganization", OrganizationId=acme)["State"] == "Deleted"
        assert caller("ListOrganizations")["OrganizationSummaries"][0]["State"] == "Deleted"
        assert context.directory.domain_record("example.com") is None
        again = caller("CreateOrganization", Alias="acme", Domains=[{"DomainName": "example.com"}])["OrganizationId"]
        assert again != acme
        bob = caller("CreateUser", OrganizationId=again, Name="bob", DisplayName="Bob")["UserId"]
        caller("RegisterToWorkMail", OrganizationId=again, EntityId=bob, Email="ann@example.com")

    def test_the_same_token_gets_the_same_answer(self, caller: Any, acme: str) -> None:
        request = {"OrganizationId": acme, "DeleteDirectory": True, "ClientToken": "t"}
        first = caller("DeleteOrganization", **request)
        assert caller("DeleteOrganization", **request) == first
        caller.settle()
        assert caller("DeleteOrganization", **request) == {**first, "State": "Deleted"}
        caller.refused("InvalidParameterException", "DeleteOrganization", **{**request, "ForceDelete": True})

    def test_one_that_could_not_be_completed_can_go(self, caller: Any, context: Any) -> None:
        context.domain_services.refuses["acme.mail.test"] = "no rule set"
        caller.refused("InvalidParameterException", "CreateOrganization", Alias="acme")
        (stuck,) = caller("ListOrganizations")["OrganizationSummaries"]
        assert stuck["State"] == "Creating"
        context.domain_services.refuses.clear()
        caller("DeleteOrganization", OrganizationId=stuck["OrganizationId"], DeleteDirectory=True)
        caller.settle()
        assert caller("DescribeOrganization", OrganizationId=stuck["OrganizationId"])["State"] == "Deleted"

    def test_rules_that_ses_refuses_keep_it_deleting_until_mended(self, caller: Any, acme: str, context: Any) -> None:
        context.domain_services.refuses["example.com"] = "the bucket is gone"
        caller("DeleteOrganization", OrganizationId=acme, DeleteDirectory=True)
        with pytest.raises(RefusedByServiceError, match="the bucket is gone"):
            caller.settle()
        assert caller("DescribeOrganization", OrganizationId=acme)["State"] == "Deleting"
        context.domain_services.refuses.clear()
        caller.settle()
        assert caller("DescribeOrganization", OrganizationId=acme)["State"] == "Deleted"


def test_pages_of_organizations(caller: Any) -> None:
    made = sorted(caller("CreateOrganization", Alias=f"acme{number}")["OrganizationId"] for number in range(5))
    first = caller("ListOrganizations", MaxResults=3)
    second = caller("ListOrganizations", MaxResults=3, NextToken=first["NextToken"])
    assert "NextToken" not in second
    listed = first["OrganizationSummaries"] + second["OrganizationSummaries"]
    assert [found["OrganizationId"] for found in listed] == made
    assert "NextToken" not in caller("ListOrganizations", MaxResults=5)
