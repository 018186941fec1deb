"""How users log in: Create-, DeleteIdentityCenterApplication, Put-, Describe-, DeleteIdentityProviderConfiguration.

A changed configuration counts from the next request of a mail client on. Postroom has no web application, so nothing
logs in at IAM Identity Center itself; mail clients use directory passwords or personal access tokens, as the mode says.
An application is a record of ours. IAM Identity Center is not told of it. Source: guide, ZH:6244-6432; for what it does
not say, docs/parity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from postroom.admin import idempotency, lookup
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import InvalidParameterException, ResourceNotFoundException
from postroom.model.identity import (
    ACCOUNT,
    IDENTITY_PROVIDER_KEY,
    AuthenticationMode,
    IdentityCenterApplication,
    IdentityProvider,
    TokenStatus,
)
from postroom.model.records import Check, Insert, Put, Remove

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Organization

_ID_CHARACTERS: Final = 16
"""Length of an application's id in its ARN. Source: model, ApplicationArn."""


def create_application(
    context: Context, request: requests.CreateIdentityCenterApplicationRequest, now: int
) -> answers.CreateIdentityCenterApplicationResponse:
    """Add an application, for use in configurations of organizations."""
    replay = idempotency.look_up(context, "CreateIdentityCenterApplication", request, now)
    if replay.answer is not None:
        return {"ApplicationArn": replay.answer}
    instance_arn, settings = request["InstanceArn"], context.settings
    instance = instance_arn.partition("/")[2]
    application_id = context.new_uuid().replace("-", "")[:_ID_CHARACTERS]
    arn = f"arn:{settings.partition}:sso::{settings.account}:application/{instance}/apl-{application_id}"
    application = IdentityCenterApplication(
        organization_id=ACCOUNT, arn=arn, name=request["Name"], instance_arn=instance_arn
    )
    context.directory.commit([Insert(application), *replay.remember(arn)])
    return {"ApplicationArn": arn}


def delete_application(
    context: Context, request: requests.DeleteIdentityCenterApplicationRequest, _now: int
) -> answers.DeleteIdentityCenterApplicationResponse:
    """Delete an application; configurations that name it stay as they are. It is no error if it does not exist (ours).

    Source: model, "does not affect the authentication settings for any WorkMail organizations".
    """
    found = _application(context, request["ApplicationArn"])
    if found:
        context.directory.commit([Remove(found)])
    return {}


def put(
    context: Context, request: requests.PutIdentityProviderConfigurationRequest, _now: int
) -> answers.PutIdentityProviderConfigurationResponse:
    """Set or replace the configuration. Tokens keep their time; without LifetimeInDays new ones have none."""
    organization = lookup.organization(context, request["OrganizationId"])
    named, tokens = request["IdentityCenterConfiguration"], request["PersonalAccessTokenConfiguration"]
    application = _application(context, named["ApplicationArn"])
    if application is None:
        raise ResourceNotFoundException(f"There is no application {named['ApplicationArn']}.")
    if application.instance_arn != named["InstanceArn"]:
        raise InvalidParameterException("ApplicationArn: the application belongs to another instance.")
    provider = IdentityProvider(
        organization_id=organization.id,
        mode=AuthenticationMode(request["AuthenticationMode"]),
        instance_arn=named["InstanceArn"],
        application_arn=named["ApplicationArn"],
        token_status=TokenStatus(tokens["Status"]),
        lifetime_days=tokens.get("LifetimeInDays"),
    )
    context.directory.commit([Check(organization), Put(provider)])
    return {}


def describe(
    context: Context, request: requests.DescribeIdentityProviderConfigurationRequest, _now: int
) -> answers.DescribeIdentityProviderConfigurationResponse:
    """Return the configuration."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = given(find(context, organization), organization)
    answer = {
        "AuthenticationMode": found.mode.value,
        "IdentityCenterConfiguration": {"InstanceArn": found.instance_arn, "ApplicationArn": found.application_arn},
        "PersonalAccessTokenConfiguration": present(
            Status=found.token_status.value, LifetimeInDays=found.lifetime_days
        ),
    }
    return cast("answers.DescribeIdentityProviderConfigurationResponse", answer)


def delete(
    context: Context, request: requests.DeleteIdentityProviderConfigurationRequest, _now: int
) -> answers.DeleteIdentityProviderConfigurationResponse:
    """Remove the configuration: passwords count again, and tokens do not. It is no error if there is none (ours).

    Tokens stay, and count again with another configuration until they expire (ours).
    """
    organization = lookup.organization(context, request["OrganizationId"])
    found = find(context, organization)
    if found:
        context.directory.commit([Check(organization), Remove(found)])
    return {}


def given(found: IdentityProvider | None, organization: Organization) -> IdentityProvider:
    """Return the organization's configuration, which was looked up.

    Raises:
        ResourceNotFoundException: it has none.
    """
    if found is None:
        raise ResourceNotFoundException(f"Organization {organization.id} has no identity provider configuration.")
    return found


def end_application(context: Context, organization: Organization, request: Mapping[str, Any]) -> list[Change]:
    """Return what DeleteOrganization does with the application, if DeleteIdentityCenterApplication asks for it."""
    provider = find(context, organization) if request.get("DeleteIdentityCenterApplication") else None
    application = _application(context, provider.application_arn) if provider else None
    return [Remove(application)] if application else []


def find(context: Context, organization: Organization) -> IdentityProvider | None:
    """Return the organization's configuration, if it has one."""
    return context.directory.owned(IdentityProvider, organization.id, IDENTITY_PROVIDER_KEY)


def _application(context: Context, arn: str) -> IdentityCenterApplication | None:
    return context.directory.owned(IdentityCenterApplication, ACCOUNT, arn)
