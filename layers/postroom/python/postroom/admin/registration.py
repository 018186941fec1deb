"""RegisterToWorkMail, DeregisterFromWorkMail, UpdatePrimaryEmailAddress: which entities get mail, at which address."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import lookup, mail_domains, personal_access_tokens, routing
from postroom.admin.aliases import MAX_ALIASES, address_claim, claimed_by_others
from postroom.admin.entities import mailbox_kept_until
from postroom.contracts.admin.exceptions import (
    EmailAddressInUseException,
    EntityAlreadyRegisteredException,
    EntityStateException,
    InvalidParameterException,
    OrganizationStateException,
)
from postroom.errors import KeyUnavailableError
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.limits import DEFAULT_QUOTA_MB, MB
from postroom.model.out_of_office import OutOfOffice
from postroom.model.records import Check, Insert, Remove, Replace
from postroom.ports.directory import every_item
from postroom.ports.mailboxes import MailboxOwner

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Entity, Organization

MAX_RELEASED: Final = 50
"""Addresses that one transaction releases; the rest of its 100 rows is for domains that change with them. Ours."""


def register(
    context: Context, request: requests.RegisterToWorkMailRequest, now: int
) -> answers.RegisterToWorkMailResponse:
    """Enable an entity under an address, with a mailbox if it is a resource or a user of this organization.

    If the entity is enabled under the same address, nothing changes; under another, EntityAlreadyRegistered is raised
    (contracts 7.3). A mailbox of an earlier registration is used again; while it is being removed, the registration is
    refused. The mailbox is created before the address is claimed: creating it may be repeated, and no message can reach
    it before the claim.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    entity = lookup.not_deleted(lookup.entity(context, organization.id, request["EntityId"]))
    address = request["Email"].lower()
    if entity.state is EntityState.ENABLED:
        if entity.email is not None and entity.email.lower() == address:
            return {}
        raise EntityAlreadyRegisteredException(f"{entity.id} is enabled as {entity.email}.")
    if entity.mailbox_removing is not None:
        raise EntityStateException(f"The former mailbox of {entity.id} is being removed; try again in an hour.")
    entity = _release_remaining(context, entity)
    domain = mail_domains.for_address(context, organization, address)
    if claimed_by_others(context, organization, entity, address):
        raise EmailAddressInUseException(f"The address {request['Email']} is in use.")
    if entity.keeps_mail:
        _create_mailbox(context, organization, entity, now)
    enabled = replace(
        entity,
        state=EntityState.ENABLED,
        email=request["Email"],
        enabled=now,
        disabled=None,
        mailbox_provisioned=now if entity.keeps_mail else None,
        mailbox_kept_until=None,
    )
    changes: list[Change] = [Replace(enabled), Insert(address_claim(entity, address)), Check(domain)]
    if organization.fallback_mailbox is None and entity.kind is EntityKind.USER and entity.keeps_mail:
        routing.change(context, replace(organization, fallback_mailbox=entity.id), changes)
    else:
        context.directory.commit([Check(organization), *changes])
    return {}


def _create_mailbox(context: Context, organization: Organization, entity: Entity, now: int) -> None:
    """Create the entity's mailbox, unless one exists from an earlier registration.

    Raises:
        OrganizationStateException: the organization's KMS key cannot be used.
    """
    if context.mailboxes.head(entity.id) is not None:
        return
    try:
        wrapped_key = context.mailbox_keys.new(organization.kms_key_arn, organization.arn)
    except KeyUnavailableError as error:
        raise OrganizationStateException(f"The organization's KMS key cannot be used: {error}") from error
    owner = MailboxOwner(
        organization_id=organization.id, organization_arn=organization.arn, kms_key_arn=organization.kms_key_arn
    )
    quota_bytes = (entity.quota_mb or DEFAULT_QUOTA_MB) * MB
    context.mailboxes.create(entity.id, owner, wrapped_key=wrapped_key, quota_bytes=quota_bytes, now_ms=now)
    away = context.directory.owned(OutOfOffice, organization.id, entity.id)
    if away is not None:  # set before an earlier mailbox of the user was removed
        context.mailboxes.set_away(entity.id, away.away)


def deregister(
    context: Context, request: requests.DeregisterFromWorkMailRequest, now: int
) -> answers.DeregisterFromWorkMailResponse:
    """Disable an entity, release its addresses (ours: aliases too) and end its tokens. Its mailbox is kept for 30 days.

    A disabled entity does not change, so that a repeated call is no error (ours; the model calls this idempotent).
    """
    organization = lookup.organization(context, request["OrganizationId"])
    entity = lookup.not_deleted(lookup.entity(context, organization.id, request["EntityId"]))
    if entity.state is not EntityState.ENABLED:
        _release_remaining(context, entity)
        personal_access_tokens.end_all(context, organization, entity, now)
        return {}
    at_once, later = entity.addresses[:MAX_RELEASED], entity.addresses[MAX_RELEASED:]
    disabled = replace(
        entity,
        state=EntityState.DISABLED,
        email=None,
        aliases=(),
        releasing=later,
        disabled=now,
        mailbox_kept_until=mailbox_kept_until(entity, now),
    )
    changes: list[Change] = [Replace(disabled), *(Remove(address_claim(entity, address)) for address in at_once)]
    if organization.fallback_mailbox == entity.id:
        fallback = _next_fallback(context, entity)
        routing.change(context, replace(organization, fallback_mailbox=fallback), changes)
    else:
        context.directory.commit([Check(organization), *changes])
    _release_remaining(context, replace(disabled, version=entity.version + 1))
    personal_access_tokens.end_all(context, organization, entity, now)
    return {}


def _release_remaining(context: Context, entity: Entity) -> Entity:
    """Release the addresses that did not fit into the deregistration's transaction; may be repeated."""
    if not entity.releasing:
        return entity
    for start in range(0, len(entity.releasing), MAX_RELEASED):
        some = entity.releasing[start : start + MAX_RELEASED]
        context.directory.commit([Check(entity), *(Remove(address_claim(entity, address)) for address in some)])
    context.directory.commit([Replace(replace(entity, releasing=()))])
    return replace(entity, releasing=(), version=entity.version + 1)


def _next_fallback(context: Context, leaving: Entity) -> str | None:
    """Return the id of the other enabled user that was enabled first; None if there is no other."""
    users = every_item(lambda *at: context.directory.entities(leaving.organization_id, EntityKind.USER, *at), None)
    others = [
        user for user in users if user.state is EntityState.ENABLED and user.role is Role.USER and user.id != leaving.id
    ]
    return min(others, key=lambda user: (user.enabled or 0, user.id)).id if others else None


def update_primary(
    context: Context,
    request: requests.UpdatePrimaryEmailAddressRequest,
    _now: int,
) -> answers.UpdatePrimaryEmailAddressResponse:
    """Change the primary address of an enabled entity; the former one becomes an alias."""
    organization = lookup.organization(context, request["OrganizationId"])
    entity = lookup.enabled(lookup.entity(context, organization.id, request["EntityId"]))
    address, old = request["Email"].lower(), entity.email or ""
    if old.lower() == address:
        return {}
    domain = mail_domains.for_address(context, organization, address)
    aliases = tuple(alias for alias in entity.aliases if alias.lower() != address)
    if len(aliases) >= MAX_ALIASES:
        raise InvalidParameterException(f"{entity.id} has {MAX_ALIASES} aliases; {old} would be one more.")
    changed = replace(entity, email=request["Email"], aliases=(*aliases, old))
    changes: list[Change] = [Check(organization), Check(domain), Replace(changed)]
    if len(aliases) == len(entity.aliases):  # the address was not an alias of the entity
        if claimed_by_others(context, organization, entity, address):
            raise EmailAddressInUseException(f"The address {request['Email']} is in use.")
        changes.append(Insert(address_claim(entity, address)))
    context.directory.commit(changes)
    return {}
