"""The operations of availability configurations: Create, Update, Delete, List and Test.

A configuration names the provider of free/busy information for one domain: an EWS server or a function. The password
of an EWS server is put before its configuration is written, and removed after its configuration; an interrupted
request leaves nothing that is used, and the same request again finds what was left (docs/decisions/0024).
Source: guide, "Configuring availability settings" (ZH:2964-3031); for what it does not say, docs/parity.md.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import idempotency, lookup, mail_domains, pages
from postroom.admin.context import present, seconds
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    NameAvailabilityException,
    OrganizationStateException,
    ResourceNotFoundException,
)
from postroom.contracts.availability_query import ProviderTest
from postroom.errors import InvalidHostError, KeyUnavailableError
from postroom.model.availability import EwsProvider, LambdaProvider
from postroom.model.private_servers import endpoint
from postroom.model.records import AvailabilityConfiguration, Check, Insert, Remove, Replace
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.availability import Provider

    GivenProviders = requests.CreateAvailabilityConfigurationRequest | requests.UpdateAvailabilityConfigurationRequest

MAX_CONFIGURATIONS: Final = 100
"""Most availability configurations of an organization. Ours; WorkMail's quota is not public."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def create(
    context: Context, request: requests.CreateAvailabilityConfigurationRequest, now: int
) -> answers.CreateAvailabilityConfigurationResponse:
    """Add the provider of a domain, which need not be a domain of the organization."""
    organization = lookup.organization(context, request["OrganizationId"])
    domain = mail_domains.valid_name(request["DomainName"])
    _check_providers(context, request)
    with context.availability_passwords.changing(organization.id, domain):
        replay = idempotency.look_up(context, "CreateAvailabilityConfiguration", request, now)
        if replay.answer is not None:
            return {}
        if context.directory.availability(organization.id, domain) is not None:
            raise NameAvailabilityException(f"There is an availability configuration for {domain} already.")
        _check_limit(context, organization.id)
        made = AvailabilityConfiguration(
            organization_id=organization.id,
            domain=domain,
            provider=_kept_provider(context, organization.id, domain, request),
            created=now,
            modified=now,
        )
        if isinstance(made.provider, LambdaProvider):  # an interrupted request may have left a password
            context.availability_passwords.remove(organization.id, domain)
        context.directory.commit([Replace(organization), Insert(made), *replay.remember(domain)])
    return {}


def update(
    context: Context, request: requests.UpdateAvailabilityConfigurationRequest, now: int
) -> answers.UpdateAvailabilityConfigurationResponse:
    """Replace the provider of a domain, by one of the same or the other type."""
    organization = lookup.organization(context, request["OrganizationId"])
    domain = request["DomainName"].lower()
    _check_providers(context, request)
    with context.availability_passwords.changing(organization.id, domain):
        found = _existing(context, organization.id, domain)
        provider = _kept_provider(context, organization.id, domain, request)
        changed = replace(found, provider=provider, modified=now)
        context.directory.commit([Check(organization), Replace(changed)])
        if isinstance(provider, LambdaProvider):
            context.availability_passwords.remove(organization.id, domain)
    return {}


def delete(
    context: Context, request: requests.DeleteAvailabilityConfigurationRequest, _now: int
) -> answers.DeleteAvailabilityConfigurationResponse:
    """Delete the provider of a domain, with its password. It is no error if there is none: the model has none for it.

    A password is removed even if there is no configuration: an interrupted request may have left it.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    domain = request["DomainName"].lower()
    with context.availability_passwords.changing(organization.id, domain):
        found = context.directory.availability(organization.id, domain)
        if found is not None:
            context.directory.commit([Remove(found, unchanged=True)])
        context.availability_passwords.remove(organization.id, domain)
    return {}


def list_(context: Context, request: requests.ListAvailabilityConfigurationsRequest, _now: int) -> dict[str, object]:
    """List configurations ordered by domain, without passwords."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListAvailabilityConfigurations",
        request,
        lambda after: every_item(lambda *at: context.directory.availabilities(organization.id, *at), after),
        lambda record: record.domain,
    )
    return present(AvailabilityConfigurations=[_described(record) for record in found], NextToken=token)


def test(
    context: Context, request: requests.TestAvailabilityConfigurationRequest, _now: int
) -> answers.TestAvailabilityConfigurationResponse:
    """Test the provider of a domain, or one that may become its provider; a failed test is no error.

    Another function makes the test, since it may call providers and read their passwords, which this one may not.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    given = [member for member in ("DomainName", "EwsProvider", "LambdaProvider") if member in request]
    if len(given) != 1:
        raise InvalidParameterException(
            "A request has exactly one of DomainName, EwsProvider and LambdaProvider: what is to be tested."
        )
    failure = context.provider_tests.test(_to_test(context, organization.id, request))
    if failure:
        return {"TestPassed": False, "FailureReason": failure}
    return {"TestPassed": True}


def _to_test(
    context: Context, organization_id: str, request: requests.TestAvailabilityConfigurationRequest
) -> ProviderTest:
    if "DomainName" in request:
        domain = request["DomainName"].lower()
        return ProviderTest(organization_id, domain, _existing(context, organization_id, domain).provider)
    if "LambdaProvider" in request:
        return ProviderTest(organization_id, "", LambdaProvider(request["LambdaProvider"]["LambdaArn"]))
    ews = request["EwsProvider"]
    _check_ews(context, ews)
    return ProviderTest(
        organization_id, "", EwsProvider(ews["EwsEndpoint"], ews["EwsUsername"], ""), ews["EwsPassword"]
    )


def _existing(context: Context, organization_id: str, domain: str) -> AvailabilityConfiguration:
    """Return the configuration of a domain.

    Raises:
        ResourceNotFoundException: there is none.
    """
    found = context.directory.availability(organization_id, domain)
    if found is None:
        raise ResourceNotFoundException(f"There is no availability configuration for {domain}.")
    return found


def _check_limit(context: Context, organization_id: str) -> None:
    """Check that the organization may have one more configuration.

    Raises:
        LimitExceededException: it has ``MAX_CONFIGURATIONS``.
    """
    found = every_item(lambda *at: context.directory.availabilities(organization_id, *at))
    if sum(1 for _ in found) >= MAX_CONFIGURATIONS:
        raise LimitExceededException(f"An organization has at most {MAX_CONFIGURATIONS} availability configurations.")


def _check_providers(context: Context, request: GivenProviders) -> None:
    """Check that a request has exactly one provider, and that it is valid.

    Raises:
        InvalidParameterException: it has none or two, or the EWS provider's endpoint, user name or password is refused.
    """
    if ("EwsProvider" in request) == ("LambdaProvider" in request):
        raise InvalidParameterException("A request has exactly one provider: EwsProvider or LambdaProvider.")
    if "EwsProvider" in request:
        _check_ews(context, request["EwsProvider"])


def _check_ews(context: Context, ews: requests.EwsAvailabilityProvider) -> None:
    _check_endpoint(context, ews["EwsEndpoint"])
    if ":" in ews["EwsUsername"] or _CONTROL.search(ews["EwsUsername"]):
        raise InvalidParameterException("EwsUsername: basic authentication allows no colon and no control characters.")
    if _CONTROL.search(ews["EwsPassword"]):
        raise InvalidParameterException("EwsPassword: basic authentication allows no control characters.")


def _check_endpoint(context: Context, url: str) -> None:
    try:
        context.settings.private_servers.check(endpoint(url).origin)
    except InvalidHostError as error:
        raise InvalidParameterException(f"EwsEndpoint: {error}.") from error


def _kept_provider(context: Context, organization_id: str, domain: str, request: GivenProviders) -> Provider:
    """Return the provider of a checked request; the password of an EWS provider is kept before.

    Raises:
        OrganizationStateException: the password cannot be kept, because the stack's KMS key cannot be used.
    """
    if "LambdaProvider" in request:
        return LambdaProvider(request["LambdaProvider"]["LambdaArn"])
    ews, version = request["EwsProvider"], context.new_uuid()
    try:
        context.availability_passwords.put(organization_id, domain, version, ews["EwsPassword"])
    except KeyUnavailableError as error:
        raise OrganizationStateException(f"The password cannot be stored: {error}.") from error
    return EwsProvider(ews["EwsEndpoint"], ews["EwsUsername"], version)


def _described(record: AvailabilityConfiguration) -> dict[str, object]:
    provider: dict[str, object]
    match record.provider:
        case EwsProvider(endpoint, user_name):
            provider = {"ProviderType": "EWS", "EwsProvider": {"EwsEndpoint": endpoint, "EwsUsername": user_name}}
        case LambdaProvider(arn):
            provider = {"ProviderType": "LAMBDA", "LambdaProvider": {"LambdaArn": arn}}
    return {
        "DomainName": record.domain,
        **provider,
        "DateCreated": seconds(record.created),
        "DateModified": seconds(record.modified),
    }
