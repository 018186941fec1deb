"""Applications of IAM Identity Center, and an organization's identity-provider configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.admin.models.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
OTHER_INSTANCE = "arn:aws:sso:::instance/ssoins-fedcba0987654321"
TOKENS = {"Status": "ACTIVE", "LifetimeInDays": 365}


@pytest.fixture
def application(caller: Any) -> str:
    made: str = caller("CreateIdentityCenterApplication", Name="mail", InstanceArn=INSTANCE)["ApplicationArn"]
    return made


def settings(application: str, **changes: Any) -> dict[str, Any]:
    center = {"InstanceArn": INSTANCE, "ApplicationArn": application}
    return {
        "AuthenticationMode": "IDENTITY_PROVIDER_AND_DIRECTORY",
        "IdentityCenterConfiguration": center,
        "PersonalAccessTokenConfiguration": TOKENS,
    } | changes


def test_an_application_has_an_arn_of_the_models_form(application: str) -> None:
    assert re.fullmatch(SHAPES["ApplicationArn"]["pattern"], application)
    assert application.startswith("arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-")


def test_a_repeated_creation_has_the_same_answer(caller: Any) -> None:
    request = {"Name": "mail", "InstanceArn": INSTANCE, "ClientToken": "t"}
    assert caller("CreateIdentityCenterApplication", **request) == caller("CreateIdentityCenterApplication", **request)
    request["Name"] = "other"
    caller.refused("InvalidParameterException", "CreateIdentityCenterApplication", **request)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"AuthenticationMode": "IDENTITY_PROVIDER_ONLY"},
        {"PersonalAccessTokenConfiguration": {"Status": "INACTIVE"}},
    ],
)
def test_a_configuration_is_described_as_it_was_put(
    caller: Any, acme: str, application: str, changes: dict[str, Any]
) -> None:
    caller("PutIdentityProviderConfiguration", OrganizationId=acme, **settings(application))
    asked = settings(application, **changes)
    assert caller("PutIdentityProviderConfiguration", OrganizationId=acme, **asked) == {}
    assert caller("DescribeIdentityProviderConfiguration", OrganizationId=acme) == asked


def test_without_a_configuration_there_is_nothing_to_describe_and_nothing_to_delete(
    caller: Any, acme: str, application: str
) -> None:
    caller.refused("ResourceNotFoundException", "DescribeIdentityProviderConfiguration", OrganizationId=acme)
    caller("PutIdentityProviderConfiguration", OrganizationId=acme, **settings(application))
    for _ in range(2):
        assert caller("DeleteIdentityProviderConfiguration", OrganizationId=acme) == {}
    caller.refused("ResourceNotFoundException", "DescribeIdentityProviderConfiguration", OrganizationId=acme)


def test_a_configuration_names_an_application_of_its_instance(caller: Any, acme: str, application: str) -> None:
    refused: Callable[..., str] = caller.refused
    unknown = application[:-1] + ("0" if application[-1] != "0" else "1")
    put = "PutIdentityProviderConfiguration"
    refused("ResourceNotFoundException", put, OrganizationId=acme, **settings(unknown))
    other = {"InstanceArn": OTHER_INSTANCE, "ApplicationArn": application}
    asked = settings(application, IdentityCenterConfiguration=other)
    refused("InvalidParameterException", put, OrganizationId=acme, **asked)


@pytest.mark.parametrize("days", [0, 3654])
def test_a_lifetime_has_limits(caller: Any, acme: str, application: str, days: int) -> None:
    tokens = {"Status": "ACTIVE", "LifetimeInDays": days}
    asked = settings(application, PersonalAccessTokenConfiguration=tokens)
    caller.refused("InvalidParameterException", "PutIdentityProviderConfiguration", OrganizationId=acme, **asked)


def test_deleting_an_application_leaves_configurations_as_they_are(caller: Any, acme: str, application: str) -> None:
    asked = settings(application)
    caller("PutIdentityProviderConfiguration", OrganizationId=acme, **asked)
    for _ in range(2):
        assert caller("DeleteIdentityCenterApplication", ApplicationArn=application) == {}
    assert caller("DescribeIdentityProviderConfiguration", OrganizationId=acme) == asked
    caller.refused("ResourceNotFoundException", "PutIdentityProviderConfiguration", OrganizationId=acme, **asked)


@pytest.mark.parametrize("ends", [True, False])
def test_an_organization_may_take_its_application_with_it(
    caller: Any, acme: str, application: str, *, ends: bool
) -> None:
    caller("PutIdentityProviderConfiguration", OrganizationId=acme, **settings(application))
    flags = {"DeleteDirectory": True, "ForceDelete": True, "DeleteIdentityCenterApplication": ends}
    caller("DeleteOrganization", OrganizationId=acme, **flags)
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    if ends:
        code = "ResourceNotFoundException"
        caller.refused(code, "PutIdentityProviderConfiguration", OrganizationId=other, **settings(application))
    else:
        caller("PutIdentityProviderConfiguration", OrganizationId=other, **settings(application))
