"""A rule's action in the API's form: which members are valid together, and how it is described.

Source: guide, ZH:3797-3828 and ZH:3968-3988; the combination of gateways with functions is ours (docs/parity.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from postroom.admin import rule_calls
from postroom.admin.context import present
from postroom.contracts.admin.exceptions import InvalidParameterException
from postroom.model.rules import ActionType, RuleAction

if TYPE_CHECKING:
    from postroom.admin.context import AdminSettings
    from postroom.contracts.admin.models import requests
    from postroom.model.rules import LambdaCall


def from_request(
    action: requests.InboundMailFlowAction | requests.OutboundMailFlowAction, settings: AdminSettings
) -> RuleAction:
    """Return the action of a request.

    Raises:
        InvalidParameterException: its members are not valid together.
    """
    kind = ActionType(action["Type"])
    if "BounceMessage" in action and kind is not ActionType.BOUNCE:
        raise InvalidParameterException(f"BounceMessage goes with BOUNCE, not with {kind}.")
    call = rule_calls.from_request(action, settings)
    # an inbound action has no gateways: validation has removed them
    gateway_id = _gateway(cast("requests.OutboundMailFlowAction", action), kind, call)
    return RuleAction(kind, action.get("BounceMessage"), call, gateway_id)


def _gateway(action: requests.OutboundMailFlowAction, kind: ActionType, call: LambdaCall | None) -> str | None:
    """Return the id of the gateway that the action sends mail through."""
    gateway, then = action.get("SmtpGatewayId"), action.get("ThenSmtpGatewayId")
    if gateway is not None and kind is not ActionType.SMTP_GATEWAY:
        raise InvalidParameterException(f"SmtpGatewayId goes with SMTP_GATEWAY, not with {kind}.")
    if gateway is None and kind is ActionType.SMTP_GATEWAY:
        raise InvalidParameterException("SMTP_GATEWAY needs SmtpGatewayId: the id of the gateway.")
    waits = call is not None and call.synchronous
    if then is not None and not waits:
        raise InvalidParameterException(
            "ThenSmtpGatewayId goes with RUN_LAMBDA and Synchronous: it names the gateway for mail that the function "
            "accepts."
        )
    if then is None and call is not None and call.fallback is ActionType.SMTP_GATEWAY:
        raise InvalidParameterException("FallbackAction SMTP_GATEWAY needs ThenSmtpGatewayId: the id of the gateway.")
    return gateway or then


def described(action: RuleAction) -> dict[str, object]:
    """Return an action in the API's form."""
    calls = action.call is not None
    return present(
        Type=action.type.value,
        BounceMessage=action.bounce_message,
        Lambda=_call(action.call),
        SmtpGatewayId=None if calls else action.gateway_id,
        ThenSmtpGatewayId=action.gateway_id if calls else None,
    )


def _call(call: LambdaCall | None) -> dict[str, object] | None:
    if call is None:
        return None
    if not call.synchronous:
        return {"FunctionArn": call.function_arn, "Synchronous": False}
    return present(
        FunctionArn=call.function_arn,
        Synchronous=True,
        FallbackAction=call.fallback,
        RuleTimeoutMinutes=call.timeout_minutes,
    )
