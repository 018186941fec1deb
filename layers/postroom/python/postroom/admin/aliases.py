"""CreateAlias, DeleteAlias, ListAliases. Here EntityId is an id only, no name or address (contracts 7.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from postroom.admin import lookup, mail_domains, pages
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import (
    EmailAddressInUseException,
    InvalidParameterException,
    LimitExceededException,
)
from postroom.model.records import AddressClaim, Check, Insert, Remove, Replace

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Entity, Organization

MAX_ALIASES: Final = 100
"""Most aliases of one entity. Source: guide, per-user quotas (ZH:3474)."""


def create(context: Context, request: requests.CreateAliasRequest, _now: int) -> answers.CreateAliasResponse:
    """Add an address to an enabled entity; if the entity has it already, nothing changes."""
    organization = lookup.organization(context, request["OrganizationId"])
    entity = lookup.enabled(lookup.entity_by_id(context, organization.id, request["EntityId"]))
    address = request["Alias"].lower()
    domain = mail_domains.for_address(context, organization, address)
    if address in entity.addresses:
        return {}
    if claimed_by_others(context, organization, entity, address):
        raise EmailAddressInUseException(f"The address {request['Alias']} is in use.")
    if len(entity.aliases) >= MAX_ALIASES:
        raise LimitExceededException(f"{entity.id} has {MAX_ALIASES} aliases, the most that are allowed.")
    changed = replace(entity, aliases=(*entity.aliases, request["Alias"]))
    context.directory.commit(
        [Check(organization), Check(domain), Replace(changed), Insert(address_claim(entity, address))]
    )
    return {}


def delete(context: Context, request: requests.DeleteAliasRequest, _now: int) -> answers.DeleteAliasResponse:
    """Remove an alias. It is no error if the entity does not have it (ours)."""
    organization = lookup.organization(context, request["OrganizationId"])
    entity = lookup.not_deleted(lookup.entity_by_id(context, organization.id, request["EntityId"]))
    address = request["Alias"].lower()
    if entity.email is not None and entity.email.lower() == address:
        raise InvalidParameterException(f"{request['Alias']} is the primary address, not an alias.")
    remaining = tuple(alias for alias in entity.aliases if alias.lower() != address)
    if remaining != entity.aliases:
        context.directory.commit(
            [Check(organization), Replace(replace(entity, aliases=remaining)), Remove(address_claim(entity, address))]
        )
    return {}


def list_(context: Context, request: requests.ListAliasesRequest, _now: int) -> answers.ListAliasesResponse:
    """List aliases ordered by address, without the primary address."""
    organization = lookup.organization(context, request["OrganizationId"])
    entity = lookup.not_deleted(lookup.entity_by_id(context, organization.id, request["EntityId"]))
    found, token = pages.page(
        context,
        "ListAliases",
        request,
        lambda after: (alias for alias in sorted(entity.aliases, key=_order) if after is None or _order(alias) > after),
        _order,
    )
    return cast("answers.ListAliasesResponse", present(Aliases=found, NextToken=token))


def _order(address: str) -> str:
    """Return the sort key of lists: local part, then domain, case-insensitive (as in the AWS CLI's example)."""
    return address.lower().replace("@", "\0")


def address_claim(entity: Entity, address: str) -> AddressClaim:
    """Return an entity's claim of a lower-case address."""
    return AddressClaim(address=address, organization_id=entity.organization_id, entity_id=entity.id, kind=entity.kind)


def claimed_by_others(context: Context, organization: Organization, entity: Entity, address: str) -> bool:
    """Say whether another entity has a lower-case address; at the commit, the claim decides between two writers."""
    owner = context.directory.entity_at(organization.id, address)
    return owner is not None and owner.id != entity.id
