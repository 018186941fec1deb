"""The organization that a command means: over the API, or by the domain of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.errors import RefusedError, UsageError
from cli.repository import ORGANIZATION_ID
from postroom.model.addresses import Address

if TYPE_CHECKING:
    from cli.running import Stack
    from postroom.bootstrap.operator import Operator


def find(workmail: Any, organization: str | None) -> str:
    """Return the id of an organization.

    A caller that may use one organization only names it by its id: others are listed, which needs all of them.

    Args:
        workmail: the API's client.
        organization: its alias or id; None for the only one.

    Raises:
        RefusedError: there is no such organization, or none at all.
        UsageError: there are several, and none was named.
    """
    if organization is not None and ORGANIZATION_ID.fullmatch(organization.lower()):
        return organization.lower()
    active = _active(workmail)
    if organization is not None:
        meant = [each["OrganizationId"] for each in active if organization.lower() == each["Alias"].lower()]
        if not meant:
            raise RefusedError(f"no organization {organization}")
        return str(meant[0])
    if not active:
        raise RefusedError("there is no organization")
    if len(active) > 1:
        raise UsageError(f"say which --organization: {_aliases(active)}")
    return str(active[0]["OrganizationId"])


def of_user(stack: Stack, organization: str | None, user: str) -> str:
    """Return the id of a user's organization.

    The API is asked alone where an organization is named, or exists alone. Of several, the domain of the user's
    address decides, or the mailbox with the user's id; a name is not enough.

    Raises:
        RefusedError: there is no such organization, or none with the address's domain.
        UsageError: there are several, and neither an address nor the id of a user with a mailbox says which.
    """
    workmail = stack.client("workmail")
    if organization is not None or len(active := _active(workmail)) < 2:
        return find(workmail, organization)
    operator = stack.operator()
    if "@" in user:
        return of_address(operator, user)[0]
    head = operator.mailboxes.head(user)
    if head is None:
        raise UsageError(f"give an address of {user}, or say which --organization: {_aliases(active)}")
    return head.organization_id


def of_address(operator: Operator, user: str) -> tuple[str, str]:
    """Return the id of the organization with an address's domain, and the address as the directory has it.

    Raises:
        RefusedError: no organization has the domain, or the organization is being deleted.
    """
    address = Address.parse(user)
    domain = operator.directory.domain(address.domain) if address else None
    if address is None or domain is None:
        raise RefusedError(f"no organization here has the domain of {user}")
    if not domain.organization.active:
        raise RefusedError(f"the organization of {user} is being deleted")
    return domain.organization.id, str(address)


def _active(workmail: Any) -> list[dict[str, Any]]:
    pages = workmail.get_paginator("list_organizations").paginate()
    return [each for page in pages for each in page["OrganizationSummaries"] if each["State"] == "Active"]


def _aliases(active: list[dict[str, Any]]) -> str:
    return ", ".join(sorted(each["Alias"] for each in active))
