"""The organization that a command means, over the API."""

from __future__ import annotations

from typing import Any

from cli.errors import RefusedError, UsageError
from cli.repository import ORGANIZATION_ID


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
    pages = workmail.get_paginator("list_organizations").paginate()
    active = [each for page in pages for each in page["OrganizationSummaries"] if each["State"] == "Active"]
    if organization is not None:
        meant = [each["OrganizationId"] for each in active if organization.lower() == each["Alias"].lower()]
        if not meant:
            raise RefusedError(f"no organization {organization}")
        return str(meant[0])
    if not active:
        raise RefusedError("there is no organization")
    if len(active) > 1:
        names = ", ".join(sorted(each["Alias"] for each in active))
        raise UsageError(f"say which --organization: {names}")
    return str(active[0]["OrganizationId"])
