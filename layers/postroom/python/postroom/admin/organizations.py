"""CreateOrganization, DescribeOrganization, ListOrganizations, DeleteOrganization.

Creation and deletion take several steps, so a state is written first (Creating or Deleting). A creation that was
interrupted is finished by the next call with the same parameters. A deletion continues by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import idempotency, identity_provider, lookup, mail_domains, pages, routing
from postroom.admin.context import seconds
from postroom.contracts.admin.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    NameAvailabilityException,
    OrganizationStateException,
)
from postroom.errors import ConflictError, RefusedByServiceError, TakenError
from postroom.model.directory import EntityKind, EntityState
from postroom.model.records import (
    AliasClaim,
    ClientToken,
    Domain,
    DomainState,
    Insert,
    Organization,
    OrganizationState,
)
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change

DIRECTORY_TYPE: Final = "VpcDirectory"
"""DirectoryType of WorkMail's own directories. Source: AWS CLI, examples/workmail/describe-organization.rst."""

MAX_ORGANIZATIONS: Final = 100
"""Most organizations of an account, deleted ones not counted. Source: guide, organization and user quotas (ZH:3446)."""


def create(
    context: Context, request: requests.CreateOrganizationRequest, now: int
) -> answers.CreateOrganizationResponse:
    """Create an organization with its test domain, or continue a creation that was interrupted."""
    replay = idempotency.look_up(context, "CreateOrganization", request, now)
    if replay.answer is not None:
        organization = lookup.any_organization(context, replay.answer)
    else:
        organization = _unfinished(context, request) or _begin(context, request, replay, now)
    if organization.state is OrganizationState.CREATING:
        _complete(context, organization, now)
    return {"OrganizationId": organization.id}


def _unfinished(context: Context, request: requests.CreateOrganizationRequest) -> Organization | None:
    """Return the organization whose creation the same request began.

    Raises:
        NameAvailabilityException: another organization has the alias.
    """
    found = context.directory.organization_with_alias(request["Alias"].lower())
    if found is None:
        return None
    if found.state is OrganizationState.CREATING and found.fingerprint == idempotency.fingerprint(request):
        return found
    raise NameAvailabilityException(f"The alias {request['Alias']} is taken.")


def _begin(
    context: Context, request: requests.CreateOrganizationRequest, replay: idempotency.Replay, now: int
) -> Organization:
    _refuse_unsupported(request)
    _check_count(context)
    organization = _new(context, request, now)
    names = {mail_domains.valid_name(domain["DomainName"]) for domain in request.get("Domains", ())}
    if any(mail_domains.is_below_test_suffix(context, name) for name in names):
        raise InvalidParameterException(f"Domains below {context.settings.test_domain_suffix} are test domains.")
    inserts: list[Change] = [
        Insert(organization),
        Insert(AliasClaim(alias=organization.alias.lower(), organization_id=organization.id)),
        Insert(mail_domains.new_domain(organization.default_domain, organization, is_test=True)),
        *(Insert(mail_domains.new_domain(name, organization, is_test=False)) for name in sorted(names)),
    ]
    try:
        context.directory.commit(inserts + replay.remember(organization.id))
    except TakenError as error:
        if isinstance(error.record, ClientToken | AliasClaim | Organization):  # perhaps the same call at the same time
            raise ConflictError("another writer was faster") from error
        if isinstance(error.record, Domain) and not error.record.is_test:
            raise InvalidParameterException(f"Domain {error.record.name} belongs to another organization.") from error
        raise NameAvailabilityException(f"The alias {organization.alias} is taken.") from error
    return organization


def _refuse_unsupported(request: requests.CreateOrganizationRequest) -> None:
    if "DirectoryId" in request or request.get("EnableInteroperability"):
        raise InvalidParameterException(
            "Organizations have their own directory here: DirectoryId and EnableInteroperability are not supported."
        )
    if any("HostedZoneId" in domain for domain in request.get("Domains", ())):
        raise InvalidParameterException("HostedZoneId is not supported: publish the records that GetMailDomain lists.")


def _new(context: Context, request: requests.CreateOrganizationRequest, now: int) -> Organization:
    settings, organization_id = context.settings, _new_id(context)
    test_domain = mail_domains.test_domain_name(context, request["Alias"])
    return Organization(
        id=organization_id,
        arn=settings.organization_arn(organization_id),
        alias=request["Alias"],
        state=OrganizationState.CREATING,
        directory_id=f"d-{context.new_uuid().replace('-', '')[:10]}",
        kms_key_arn=_chosen_key(context, request.get("KmsKeyArn")),
        default_domain=test_domain,
        fingerprint=idempotency.fingerprint(request),
        created=now,
    )


def _new_id(context: Context) -> str:
    """Return the id that the deployment's settings fix, if no organization has or had it; else a random one."""
    fixed = context.settings.first_organization_id
    if fixed is not None and context.directory.organization(fixed) is None:
        return fixed
    return f"m-{context.new_uuid().replace('-', '')}"


def _check_count(context: Context) -> None:
    organizations = every_item(context.directory.organizations, None)
    if sum(found.state is not OrganizationState.DELETED for found in organizations) >= MAX_ORGANIZATIONS:
        raise LimitExceededException(f"An account has at most {MAX_ORGANIZATIONS} organizations.")


def _chosen_key(context: Context, key_arn: str | None) -> str:
    """Return the ARN of the KMS key that will wrap the organization's mailbox keys.

    Raises:
        InvalidParameterException: the key does not exist, is not symmetric, not for encryption, or not enabled.
    """
    if key_arn is None:
        return context.settings.stack_key_arn
    key = context.organization_keys.describe(key_arn)
    if key is None:
        raise InvalidParameterException(
            f"KMS key {key_arn} does not exist in this account and Region, or Postroom may not use it."
        )
    if key.spec != "SYMMETRIC_DEFAULT" or key.usage != "ENCRYPT_DECRYPT":
        raise InvalidParameterException(
            f"KMS key {key_arn} is {key.spec} for {key.usage}; a symmetric key for encryption is needed."
        )
    if key.state != "Enabled":
        raise InvalidParameterException(f"KMS key {key_arn} is in state {key.state}; it must be enabled.")
    return key.arn


def _complete(context: Context, organization: Organization, now: int) -> None:
    """Set up every domain in SES, then set the organization Active."""
    for domain in routing.all_domains(context, organization.id):
        if domain.state is DomainState.REGISTERING:
            try:
                mail_domains.establish(context, domain)
            except RefusedByServiceError as error:
                raise InvalidParameterException(f"{domain.name}: {error}") from error
    routing.change(context, replace(organization, state=OrganizationState.ACTIVE, completed=now))


def describe(
    context: Context,
    request: requests.DescribeOrganizationRequest,
    _now: int,
) -> answers.DescribeOrganizationResponse:
    """Describe an organization in any state; deleted organizations are described, too."""
    organization = lookup.any_organization(context, request["OrganizationId"])
    answer: answers.DescribeOrganizationResponse = {
        "OrganizationId": organization.id,
        "Alias": organization.alias,
        "State": organization.state.value,
        "DirectoryId": organization.directory_id,
        "DirectoryType": DIRECTORY_TYPE,
        "DefaultMailDomain": organization.default_domain,
        "ARN": organization.arn,
        "InteroperabilityEnabled": False,
    }
    completed = seconds(organization.completed)
    if completed is not None:
        answer["CompletedDate"] = completed
    return answer


def list_(
    context: Context,
    request: requests.ListOrganizationsRequest,
    _now: int,
) -> answers.ListOrganizationsResponse:
    """List organizations ordered by id. Deleted ones are included, with their state (ours)."""
    found, token = pages.page(
        context,
        "ListOrganizations",
        request,
        lambda after: every_item(context.directory.organizations, after),
        lambda organization: organization.id,
    )
    answer: answers.ListOrganizationsResponse = {
        "OrganizationSummaries": [
            {
                "OrganizationId": organization.id,
                "Alias": organization.alias,
                "DefaultMailDomain": organization.default_domain,
                "State": organization.state.value,
            }
            for organization in found
        ]
    }
    if token:
        answer["NextToken"] = token
    return answer


def delete(
    context: Context, request: requests.DeleteOrganizationRequest, now: int
) -> answers.DeleteOrganizationResponse:
    """Begin to delete an organization: from now on it accepts no mail, and every other operation is refused.

    ``lifecycle.deletion`` does the rest, including its domains and its alias, and then sets the state Deleted. The
    directory is always deleted with the organization, regardless of DeleteDirectory, because it is our own (ours).
    """
    replay = idempotency.look_up(context, "DeleteOrganization", request, now)
    organization = lookup.any_organization(context, request["OrganizationId"])
    if organization.state is OrganizationState.DELETED and replay.answer is not None:
        return {"OrganizationId": organization.id, "State": organization.state.value}
    if organization.state is not OrganizationState.DELETING:
        if organization.state is not OrganizationState.CREATING:  # an incomplete organization may be deleted, too
            organization = lookup.organization(context, request["OrganizationId"])
        if not request.get("ForceDelete") and _has_enabled_users(context, organization.id):
            raise OrganizationStateException("The organization has enabled users; ForceDelete deletes it nevertheless.")
        deleting = replace(organization, state=OrganizationState.DELETING, deleting=now, fallback_mailbox=None)
        ended = identity_provider.end_application(context, organization, request)
        routing.change(context, deleting, [*replay.remember(organization.id), *ended])
    routing.finish(context, organization.id)
    return {"OrganizationId": organization.id, "State": OrganizationState.DELETING.value}


def _has_enabled_users(context: Context, organization_id: str) -> bool:
    users = every_item(lambda *at: context.directory.entities(organization_id, EntityKind.USER, *at), None)
    return any(user.state is EntityState.ENABLED for user in users)
