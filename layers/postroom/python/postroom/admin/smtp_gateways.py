"""CreateSmtpGateway, UpdateSmtpGateway, DeleteSmtpGateway, DescribeSmtpGateway, ListSmtpGateways.

Outbound rules may send mail through a gateway instead of SES. Each change of a gateway or rule also replaces the
organization in its transaction. If a rule names a gateway while the gateway is deleted, the second of the two therefore
conflicts, and is decided again. Source: guide, "Enabling SMTP gateways" (ZH:3730-3762); for what it does not say,
docs/parity.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.admin import idempotency, lookup, pages
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import (
    EntityNotFoundException,
    EntityStateException,
    InvalidParameterException,
    LimitExceededException,
    NameAvailabilityException,
    OrganizationStateException,
)
from postroom.errors import InvalidHostError, KeyUnavailableError
from postroom.model.records import Insert, Put, Remove, Replace, SmtpGateway
from postroom.model.rules import Direction
from postroom.ports.directory import every_item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.admin.context import Context
    from postroom.contracts.admin.models import answers, requests
    from postroom.model.records import Change, Organization
    from postroom.model.rules import Rule

MAX_GATEWAYS: Final = 100
"""Most gateways of an organization. Ours; WorkMail's quota is not public."""

SMTP_PORT: Final = 25
"""Port that is refused. AWS blocks it for functions, and lifts the block for none outside a VPC. Ours.

Source: AWS re:Post, "How do I remove the restriction on port 25 from my EC2 instance or Lambda function?"
"""

MAX_NAMED_RULES: Final = 5
"""Most rules that the error of a refused deletion names. Ours."""


def create(context: Context, request: requests.CreateSmtpGatewayRequest, now: int) -> answers.CreateSmtpGatewayResponse:
    """Add a gateway. It is used once a rule names it."""
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
        name=_unused_name(request["Name"], others),
        host=_host(context, request["Host"], request["Port"]),
        port=_port(request["Port"]),
        user_name=request["UserName"],
        sealed_password=_sealed_password(context, organization, gateway_id, request["Password"]),
    )
    _commit(context, organization, Insert(gateway), *replay.remember(gateway_id))
    return {"SmtpGatewayId": gateway_id}


def update(
    context: Context, request: requests.UpdateSmtpGatewayRequest, _now: int
) -> answers.UpdateSmtpGatewayResponse:
    """Replace a gateway's settings, from the next message on.

    Without a password the former one stays, except for another host: an administrator could otherwise have the password
    sent to a host of their own.
    """
    organization = lookup.organization(context, request["OrganizationId"])
    found = _gateway(context, organization, request["SmtpGatewayId"])
    others = [other for other in all_records(context, organization.id) if other.id != found.id]
    changed = replace(
        found,
        name=_unused_name(request["Name"], others),
        host=_host(context, request["Host"], request["Port"]),
        port=_port(request["Port"]),
        user_name=request["UserName"],
    )
    if "Password" in request:
        sealed = _sealed_password(context, organization, found.id, request["Password"])
        changed = replace(changed, sealed_password=sealed)
    elif changed.host != found.host:
        raise InvalidParameterException("Password: a new host needs the password again.")
    if changed != found:
        _commit(context, organization, Put(changed))
    return {}


def delete(
    context: Context, request: requests.DeleteSmtpGatewayRequest, _now: int
) -> answers.DeleteSmtpGatewayResponse:
    """Delete a gateway, unless a rule names it. It is no error if it does not exist (ours, as with rules)."""
    organization = lookup.organization(context, request["OrganizationId"])
    found = context.directory.gateway(organization.id, request["SmtpGatewayId"])
    if found is None:
        return {}
    rules = every_item(lambda *at: context.directory.rules(organization.id, Direction.OUTBOUND, *at), None)
    names = sorted(record.rule.name for record in rules if record.rule.action.gateway_id == found.id)
    if names:
        more = f" and {len(names) - MAX_NAMED_RULES} more" if len(names) > MAX_NAMED_RULES else ""
        raise EntityStateException(
            f"Outbound mail-flow rules use SMTP gateway {found.name}: {', '.join(names[:MAX_NAMED_RULES])}{more}."
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
    """List gateways ordered by id, without their passwords."""
    organization = lookup.organization(context, request["OrganizationId"])
    found, token = pages.page(
        context,
        "ListSmtpGateways",
        request,
        lambda after: every_item(lambda *at: context.directory.gateways(organization.id, *at), after),
        lambda gateway: gateway.id,
    )
    return present(SmtpGateways=[_described(gateway) for gateway in found], NextToken=token)


def all_records(context: Context, organization_id: str) -> Iterable[SmtpGateway]:
    """Return the gateways of an organization, ordered by id."""
    return every_item(lambda *at: context.directory.gateways(organization_id, *at), None)


def check_named(context: Context, organization: Organization, rule: Rule) -> None:
    """Check that the gateway that a rule names exists.

    Raises:
        InvalidParameterException: the organization has no gateway of that id.
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


def _unused_name(name: str, others: Iterable[SmtpGateway]) -> str:
    """Return the name, unless another gateway has it; case-insensitive."""
    if any(other.name.casefold() == name.casefold() for other in others):
        raise NameAvailabilityException(f"Another SMTP gateway has the name {name}.")
    return name


def _host(context: Context, text: str, port: int) -> str:
    try:
        return context.settings.private_gateways.host(text, port)
    except InvalidHostError as error:
        raise InvalidParameterException(f"Host: {error}.") from error


def _port(port: int) -> int:
    if port == SMTP_PORT:
        raise InvalidParameterException("Port: AWS blocks port 25 for functions; gateways listen on 587, 465 or 2525.")
    return port


def _sealed_password(context: Context, organization: Organization, gateway_id: str, password: str) -> bytes:
    try:
        return context.gateway_passwords.seal(password, organization.id, gateway_id)
    except KeyUnavailableError as error:
        raise OrganizationStateException(f"The password cannot be stored: {error}.") from error


def _commit(context: Context, organization: Organization, *changes: Change) -> None:
    """Write changes, unless the organization has changed since it was read."""
    context.directory.commit([Replace(organization), *changes])


def _described(gateway: SmtpGateway) -> answers.DescribeSmtpGatewayResponse:
    return {
        "SmtpGatewayId": gateway.id,
        "Name": gateway.name,
        "Host": gateway.host,
        "Port": gateway.port,
        "UserName": gateway.user_name,
    }
