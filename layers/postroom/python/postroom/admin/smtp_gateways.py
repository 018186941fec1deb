"""CreateSmtpGateway, UpdateSmtpGateway, DeleteSmtpGateway, DescribeSmtpGateway, ListSmtpGateways.

Where outbound rules may send mail instead of SES. Every change replaces the organization in its transaction, as every
change of a rule does: of a rule that names a gateway and the gateway's deletion, whoever is second decides anew.
Source: guide, "Enabling SMTP gateways" (ZH:3730-3762); where it is silent, docs/parity.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import idempotency, lookup, pages
from postroom.admin.context import known
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    EntityStateException,
    InvalidParameterException,
    LimitExceededException,
    NameAvailabilityException,
    OrganizationStateException,
)
from postroom.errors import InvalidHostError, KeyUnavailableError
from postroom.model.public_hosts import public_host
from postroom.model.records import Insert, Put, Remove, Replace, SmtpGateway
from postroom.model.rules import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Organization
    from postroom.model.rules import Rule

MAX_GATEWAYS: Final = 100
"""Most gateways of an organization. Ours; WorkMail's quota is not public."""

SMTP_PORT: Final = 25
"""Refused: AWS keeps it closed to functions, and opens it to none outside a VPC: every message would fail. Ours.

Source: AWS re:Post, "How do I remove the restriction on port 25 from my EC2 instance or Lambda function?"
"""

RULES_NAMED: Final = 5
"""Most rules that a refused deletion names. Ours."""


def create(context: Context, request: requests.CreateSmtpGatewayRequest, now: int) -> answers.CreateSmtpGatewayResponse:
    """Add a gateway; nothing is sent to it before a rule names it."""
    organization = lookup.organization(context, request["OrganizationId"])
    replay = idempotency.look_up(context, "CreateSmtpGateway", request, now)
    if replay.answer is not None:
        return {"SmtpGatewayId": replay.answer}
    others = list(all_records(context, organization.id))
    if len(others) >= MAX_GATEWAYS:
        raise LimitExceededException(f"An organization has at most {MAX_GATEWAYS} SMTP gateways.")
    gateway_id = context.new_uuid()
    gateway = SmtpGateway(
        organization_id=organization.id,
        id=gateway_id,
        name=_free(request["Name"], others),
        host=_host(request["Host"]),
        port=_port(request["Port"]),
        user_name=request["UserName"],
        sealed_password=_sealed(context, organization, gateway_id, request["Password"]),
    )
    _commit(context, organization, Insert(gateway), *replay.remember(gateway_id))
    return {"SmtpGatewayId": gateway_id}


def update(
    context: Context, request: requests.UpdateSmtpGatewayRequest, _now: int
) -> answers.UpdateSmtpGatewayResponse:
    """Replace what is known of a gateway; it holds for the next message.

    Without a password the former one stays, but not for another host: whoever may change a gateway could have the
    password sent to a host of their own.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    found = _gateway(context, organization, request["SmtpGatewayId"])
    others = [other for other in all_records(context, organization.id) if other.id != found.id]
    changed = replace(
        found,
        name=_free(request["Name"], others),
        host=_host(request["Host"]),
        port=_port(request["Port"]),
        user_name=request["UserName"],
    )
    if "Password" in request:
        sealed = _sealed(context, organization, found.id, request["Password"])
        changed = replace(changed, sealed_password=sealed)
    elif changed.host != found.host:
        raise InvalidParameterException("Password: another host gets it only from whoever knows it; give it again.")
    if changed != found:
        _commit(context, organization, Put(changed))
    return {}


def delete(
    context: Context, request: requests.DeleteSmtpGatewayRequest, _now: int
) -> answers.DeleteSmtpGatewayResponse:
    """Take a gateway away, unless a rule names it; one that is not there is no error (ours, as with rules)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = context.directory.gateway(organization.id, request["SmtpGatewayId"])
    if found is None:
        return {}
    rules = pages.everything(lambda *at: context.directory.rules(organization.id, Direction.OUTBOUND, *at), None)
    names = sorted(record.rule.name for record in rules if record.rule.action.gateway_id == found.id)
    if names:
        more = f" and {len(names) - RULES_NAMED} more" if len(names) > RULES_NAMED else ""
        raise EntityStateException(
            f"Outbound mail-flow rules use SMTP gateway {found.name}: {', '.join(names[:RULES_NAMED])}{more}."
        )
    _commit(context, organization, Remove(found))
    return {}


def describe(
    context: Context, request: requests.DescribeSmtpGatewayRequest, _now: int
) -> answers.DescribeSmtpGatewayResponse:
    """Describe one gateway, without its password."""
    organization = lookup.organization(context, request["OrganizationId"])
    return _described(_gateway(context, organization, request["SmtpGatewayId"]))


def list_(context: Context, request: requests.ListSmtpGatewaysRequest, _now: int) -> dict[str, object]:
    """List gateways by id, without their passwords."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListSmtpGateways",
        request,
        lambda after: pages.everything(lambda *at: context.directory.gateways(organization.id, *at), after),
        lambda gateway: gateway.id,
    )
    return known(SmtpGateways=[_described(gateway) for gateway in found], NextToken=token)


def all_records(context: Context, organization_id: str) -> Iterable[SmtpGateway]:
    """Yield the gateways of an organization."""
    return pages.everything(lambda *at: context.directory.gateways(organization_id, *at), None)


def check_named(context: Context, organization: Organization, rule: Rule) -> None:
    """Look whether the gateway that a rule names is there.

    Raises:
        InvalidParameterException: the organization has none of that id.
    """
    gateway_id = rule.action.gateway_id
    if gateway_id is not None and context.directory.gateway(organization.id, gateway_id) is None:
        member = "SmtpGatewayId" if rule.action.call is None else "ThenSmtpGatewayId"
        raise InvalidParameterException(f"{member}: there is no SMTP gateway {gateway_id} in the organization.")


def _gateway(context: Context, organization: Organization, gateway_id: str) -> SmtpGateway:
    found = context.directory.gateway(organization.id, gateway_id)
    if found is None:
        raise EntityNotFoundException(f"There is no SMTP gateway {gateway_id} in the organization.")
    return found


def _free(name: str, others: Iterable[SmtpGateway]) -> str:
    """Return a name that no other gateway has, whatever its case."""
    if any(other.name.casefold() == name.casefold() for other in others):
        raise NameAvailabilityException(f"Another SMTP gateway has the name {name}.")
    return name


def _host(text: str) -> str:
    try:
        return public_host(text)
    except InvalidHostError as error:
        raise InvalidParameterException(f"Host: {error}.") from error


def _port(port: int) -> int:
    if port == SMTP_PORT:
        raise InvalidParameterException("Port: AWS keeps 25 closed to functions; gateways listen on 587, 465 or 2525.")
    return port


def _sealed(context: Context, organization: Organization, gateway_id: str, password: str) -> bytes:
    try:
        return context.gateway_passwords.seal(password, organization.id, gateway_id)
    except KeyUnavailableError as error:
        raise OrganizationStateException(f"The password cannot be kept: {error}.") from error


def _commit(context: Context, organization: Organization, *changes: Change) -> None:
    """Write a change, unless the organization has changed since it was read."""
    context.directory.commit([Replace(organization), *changes])


def _described(gateway: SmtpGateway) -> answers.DescribeSmtpGatewayResponse:
    return {
        "SmtpGatewayId": gateway.id,
        "Name": gateway.name,
        "Host": gateway.host,
        "Port": gateway.port,
        "UserName": gateway.user_name,
    }
