"""RegisterMailDomain, DeregisterMailDomain, GetMailDomain, ListMailDomains, UpdateDefaultMailDomain.

A domain is set up in SES and in our table. Its row has the state of that work; every step may be repeated.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from postroom.admin import entities, idempotency, lookup, pages, routing
from postroom.contracts.admin.exceptions import (
    EmailAddressInUseException,
    InvalidCustomSesConfigurationException,
    InvalidParameterException,
    LimitExceededException,
    MailDomainInUseException,
    MailDomainNotFoundException,
    MailDomainStateException,
)
from postroom.errors import ConflictError, RefusedByServiceError
from postroom.model.records import Check, Domain, DomainState, Insert, Remove, Replace
from postroom.ports.directory import every_item
from postroom.ports.domain_services import Verification

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Organization

MAX_DOMAINS: Final = 1000
"""Most domains of an organization. Source: guide, organization quotas (ZH:3462)."""

LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
"""One label of a host name. Source: RFC 1123, section 2.1."""

MX_PRIORITY: Final = 10
SPF: Final = "v=spf1 include:amazonses.com ~all"
DMARC: Final = "v=DMARC1;p=quarantine;pct=100;fo=1"
"""Values of the DNS records of a domain. Source: guide, adding a domain (ZH:4793-4850)."""


def register(
    context: Context, request: requests.RegisterMailDomainRequest, now: int
) -> answers.RegisterMailDomainResponse:
    """Register a domain in our table and in SES. Registering it again repairs what is missing in SES (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "RegisterMailDomain", request, now)
    if replay.answer is not None:
        return {}
    name = valid_name(request["DomainName"])
    if is_below_test_suffix(context, name) and name != test_domain_name(context, organization.alias):
        raise InvalidParameterException(f"Domains below {context.settings.test_domain_suffix} are test domains.")
    domain = context.directory.domain_record(name)
    if domain is not None and domain.organization.id != organization.id:
        raise MailDomainInUseException(f"Domain {name} belongs to another organization.")
    if domain is None:
        count = sum(1 for _ in islice(routing.all_domains(context, organization.id), MAX_DOMAINS))
        if count >= MAX_DOMAINS:
            raise LimitExceededException(f"An organization has at most {MAX_DOMAINS} domains.")
        domain = new_domain(name, organization, is_test=False)
        context.directory.commit([Check(organization), Insert(domain)])
    try:
        establish(context, domain)
    except RefusedByServiceError as error:
        raise InvalidParameterException(str(error)) from error
    done = replay.remember("")
    if done:
        context.directory.commit(done)
    return {}


def deregister(
    context: Context,
    request: requests.DeregisterMailDomainRequest,
    _now: int,
) -> answers.DeregisterMailDomainResponse:
    """Remove a domain from our table and receipt rules; SES keeps the identity. It is no error if it does not exist."""
    organization = lookup.organization(context, request["OrganizationId"])
    name = request["DomainName"].lower()
    domain = context.directory.domain_record(name)
    if domain is None or domain.organization.id != organization.id:
        return {}
    if domain.is_test:
        raise InvalidParameterException(f"{name} is the organization's test domain and cannot be removed.")
    if name == organization.default_domain:
        raise MailDomainInUseException(f"{name} is the default domain; choose another first.")
    # From here on no address of the domain can be claimed, so the check for claims below is final.
    leaving = replace(domain, state=DomainState.DEREGISTERING)
    context.directory.commit([Check(organization), Replace(leaving)])
    leaving = replace(leaving, version=domain.version + 1)
    used = context.directory.addresses_in(name, 1)
    if used:
        context.directory.commit([Replace(replace(leaving, state=DomainState.ACTIVE))])
        raise MailDomainInUseException(f"Domain {name} is in use, by {used[0]} for example.")
    try:
        context.domain_services.unroute(name, lambda: context.directory.domain_record(name) == leaving)
    except RefusedByServiceError as error:
        context.directory.commit([Replace(replace(leaving, state=DomainState.ACTIVE))])
        raise InvalidCustomSesConfigurationException(str(error)) from error
    context.directory.commit([Remove(leaving, unchanged=True)])
    return {}


def get(context: Context, request: requests.GetMailDomainRequest, _now: int) -> answers.GetMailDomainResponse:
    """Describe a domain, with the DNS records that its owner must publish."""
    organization = lookup.organization(context, request["OrganizationId"])
    domain = registered(context, organization, request["DomainName"])
    status = context.domain_services.status(domain.name)
    return {
        "Records": dns_records(domain, context.settings.region),
        "IsTestDomain": domain.is_test,
        "IsDefault": domain.name == organization.default_domain,
        "OwnershipVerificationStatus": Verification.VERIFIED.value if domain.is_test else status.ownership.value,
        "DkimVerificationStatus": status.dkim.value,
    }


def list_(context: Context, request: requests.ListMailDomainsRequest, _now: int) -> answers.ListMailDomainsResponse:
    """List domains ordered by name."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListMailDomains",
        request,
        lambda after: every_item(lambda *at: context.directory.domains_of(organization.id, *at), after),
        lambda domain: domain.name,
    )
    answer: answers.ListMailDomainsResponse = {
        "MailDomains": [
            {"DomainName": domain.name, "DefaultDomain": domain.name == organization.default_domain} for domain in found
        ]
    }
    if token:
        answer["NextToken"] = token
    return answer


def update_default(
    context: Context,
    request: requests.UpdateDefaultMailDomainRequest,
    _now: int,
) -> answers.UpdateDefaultMailDomainResponse:
    """Set the domain that the console proposes."""
    organization = lookup.organization(context, request["OrganizationId"])
    domain = verified(context, registered(context, organization, request["DomainName"]))
    if organization.default_domain != domain.name:
        changed = replace(organization, default_domain=domain.name)
        context.directory.commit([Replace(changed), Check(domain)])
    return {}


def new_domain(name: str, organization: Organization, *, is_test: bool) -> Domain:
    """Return the row of a domain that is not set up in SES yet."""
    bare = Domain(name=name, organization=organization.ref, is_test=is_test, state=DomainState.REGISTERING)
    return routing.copy_for(bare, organization)


def establish(context: Context, domain: Domain) -> None:
    """Set up a domain in SES and record that in its row. May be repeated.

    If the domain was released meanwhile, perhaps with its organization, it is removed from SES's rules again.

    Raises:
        RefusedByServiceError: SES refuses the domain.
        ConflictError: its row has changed since it was read, or is gone.
    """
    tokens = context.domain_services.identify(domain.name)
    context.domain_services.route(domain.name)
    status = context.domain_services.status(domain.name)
    done = replace(
        domain,
        state=DomainState.ACTIVE,
        verification_token=tokens.verification,
        dkim_tokens=tokens.dkim,
        # the parent of test domains belongs to the operator, who verified it before the deployment (ours)
        verified=domain.verified or domain.is_test or status.ownership is Verification.VERIFIED,
    )
    try:
        context.directory.commit([Replace(done) if done != domain else Check(domain)])
    except ConflictError:
        context.domain_services.unroute(domain.name, lambda: context.directory.domain_record(domain.name) is None)
        raise


def registered(context: Context, organization: Organization, name: str) -> Domain:
    """Return a domain of an organization.

    Raises:
        MailDomainNotFoundException: the organization does not have the domain.
    """
    domain = context.directory.domain_record(name.lower())
    if domain is None or domain.organization.id != organization.id or domain.state is DomainState.DEREGISTERING:
        raise MailDomainNotFoundException(f"Organization {organization.id} has no domain {name.lower()}.")
    return domain


def verified(context: Context, domain: Domain) -> Domain:
    """Return the domain if its ownership is verified; SES is asked until it has confirmed that once.

    Raises:
        MailDomainStateException: it is not verified, or its registration is not finished.
    """
    if domain.state is not DomainState.ACTIVE:
        raise MailDomainStateException(f"Domain {domain.name} is not registered completely; register it again.")
    if domain.verified:
        return domain
    if context.domain_services.status(domain.name).ownership is not Verification.VERIFIED:
        raise MailDomainStateException(f"Domain {domain.name} is not verified; see GetMailDomain for its DNS records.")
    context.directory.commit([Replace(replace(domain, verified=True))])
    return replace(domain, verified=True, version=domain.version + 1)


def for_address(context: Context, organization: Organization, address: str) -> Domain:
    """Return the domain of an address that an entity will get.

    Raises:
        MailDomainNotFoundException: the organization does not have the domain.
        MailDomainStateException: its ownership is not verified.
        EmailAddressInUseException: the address is reserved.
    """
    local, _, name = address.lower().rpartition("@")
    if local in entities.RESERVED_NAMES:
        raise EmailAddressInUseException(f"{address} is reserved.")
    return verified(context, registered(context, organization, name))


def valid_name(name: str) -> str:
    """Return a domain name in lower case.

    Raises:
        InvalidParameterException: it is not a host name with two labels or more.
    """
    labels = name.lower().split(".")
    if len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise InvalidParameterException(f"{name} is not a domain name.")
    return name.lower()


def test_domain_name(context: Context, alias: str) -> str:
    """Return the name of an organization's test domain."""
    return f"{alias.lower()}.{context.settings.test_domain_suffix}"


def is_below_test_suffix(context: Context, name: str) -> bool:
    """Say whether a name is the suffix of test domains, or below it."""
    return f".{name}".endswith(f".{context.settings.test_domain_suffix}")


def dns_records(domain: Domain, region: str) -> list[answers.DnsRecord]:
    """Return the records that the owner of a domain must publish: ownership, MX, DKIM, SPF and DMARC.

    Source: guide, adding a domain (ZH:4793-4850); values as SES documents them.
    """
    records: list[answers.DnsRecord] = [
        {"Type": "TXT", "Hostname": f"_amazonses.{domain.name}", "Value": domain.verification_token},
        {"Type": "MX", "Hostname": domain.name, "Value": f"{MX_PRIORITY} inbound-smtp.{region}.amazonaws.com"},
    ]
    records += [
        {"Type": "CNAME", "Hostname": f"{token}._domainkey.{domain.name}", "Value": f"{token}.dkim.amazonses.com"}
        for token in domain.dkim_tokens
    ]
    records += [
        {"Type": "TXT", "Hostname": domain.name, "Value": SPF},
        {"Type": "TXT", "Hostname": f"_dmarc.{domain.name}", "Value": DMARC},
    ]
    return [record for record in records if record.get("Value")]
