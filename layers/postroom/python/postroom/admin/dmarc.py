"""PutInboundDmarcSettings, DescribeInboundDmarcSettings: whether the DMARC policies of senders' domains are applied."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postroom.admin import lookup, routing

if TYPE_CHECKING:
    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests


def put(
    context: Context,
    request: requests.PutInboundDmarcSettingsRequest,
    _now: int,
) -> answers.PutInboundDmarcSettingsResponse:
    """Switch DMARC on or off, from the next message to any of the organization's domains on."""
    organization = lookup.organization(context, request["OrganizationId"])
    changed = replace(organization, dmarc_enforced=request["Enforced"])
    if changed != organization:
        routing.change(context, changed)
    return {}


def describe(
    context: Context,
    request: requests.DescribeInboundDmarcSettingsRequest,
    _now: int,
) -> answers.DescribeInboundDmarcSettingsResponse:
    """Say whether DMARC is on; it is on for a new organization (guide, ZH:4533)."""
    return {"Enforced": lookup.organization(context, request["OrganizationId"]).dmarc_enforced}
