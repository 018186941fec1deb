"""An organization's mail-flow rules over the API, in the form that files have.

Files name functions of the organization's account and its SMTP gateways by their names, the API by ARN and id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cli import organizations, output, running
from cli.errors import RefusedError
from cli.rules_file import WrittenCall, WrittenRule
from cli.rules_plan import Change, KnownRule, Step
from postroom.model.rules import ActionType, Direction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(slots=True)
class Api:
    """The API's client, the organization that is meant, and what the ARNs of its account's functions begin with."""

    workmail: Any
    organization_id: str
    functions: str
    _gateways: dict[str, str] | None = None
    """Names of gateways by id, once they were asked for."""

    @property
    def named(self) -> dict[str, str]:
        """The organization, as every operation takes it."""
        return {"OrganizationId": self.organization_id}

    @property
    def gateways(self) -> dict[str, str]:
        """Names of the organization's gateways by id; read once, and only where a rule names one."""
        if self._gateways is None:
            pages = self.workmail.get_paginator("list_smtp_gateways").paginate(**self.named)
            self._gateways = {each["SmtpGatewayId"]: each["Name"] for page in pages for each in page["SmtpGateways"]}
        return self._gateways

    def localized(self, rules: Sequence[WrittenRule]) -> list[WrittenRule]:
        """Return a file's rules with the names that the organization has, so that either way says the same.

        Functions of the account go by name instead of ARN, gateways in their own upper and lower case.

        Raises:
            RefusedError: a rule names a gateway that is not there.
        """
        return [
            replace(
                rule,
                call=rule.call and replace(rule.call, function=self._name(rule.call.function)),
                gateway=rule.gateway and self.gateways[self._gateway_id(rule)],
            )
            for rule in rules
        ]

    def rules(self) -> list[KnownRule]:
        """Return the rules of the organization, inbound first, by name."""
        found = [self._known(direction, rule) for direction in Direction for rule in self._listed(direction)]
        return sorted(found, key=lambda each: (each.rule.key, each.rule.name))

    def test(self, direction: Direction, **request: Any) -> list[dict[str, Any]]:
        """Return what the rules of one direction do with a message, recipient by recipient."""
        operation = getattr(self.workmail, f"test_{direction.lower()}_mail_flow_rules")
        results: list[dict[str, Any]] = operation(**self.named, **request)["Results"]
        return results

    def make(self, step: Step) -> None:
        """Make one step; an unchanged rule costs no call."""
        match step:
            case Step(change=Change.CREATE, wanted=WrittenRule() as wanted):
                self._operation("create", wanted)(**self.named, **self._said(wanted))
            case Step(change=Change.CHANGE, known=KnownRule() as known, wanted=WrittenRule() as wanted):
                self._operation("update", wanted)(**self.named, RuleId=known.id, **self._said(wanted))
            case Step(change=Change.DELETE, known=KnownRule() as known):
                self._operation("delete", known.rule)(**self.named, RuleId=known.id)
            case _:
                return
        step.done = True

    def call(self, action: dict[str, Any]) -> WrittenCall | None:
        """Return the call of an action of the API, as a file has it."""
        found = action.get("Lambda")
        if found is None:
            return None
        return WrittenCall(
            function=self._name(found["FunctionArn"]),
            synchronous=found["Synchronous"],
            fallback=found.get("FallbackAction", ""),
            timeout_minutes=found.get("RuleTimeoutMinutes"),
        )

    def gateway(self, action: dict[str, Any]) -> str:
        """Return the name of an action's gateway; empty where it has none."""
        gateway_id = action.get("SmtpGatewayId") or action.get("ThenSmtpGatewayId")
        # one that was made a moment ago is shown by its id
        return self.gateways.get(gateway_id, gateway_id) if gateway_id else ""

    def _operation(self, verb: str, rule: WrittenRule) -> Any:
        return getattr(self.workmail, f"{verb}_{rule.direction.lower()}_mail_flow_rule")

    def _listed(self, direction: Direction) -> list[dict[str, Any]]:
        pages = self.workmail.get_paginator(f"list_{direction.lower()}_mail_flow_rules").paginate(**self.named)
        return [rule for page in pages for rule in page["Rules"]]

    def _known(self, direction: Direction, rule: dict[str, Any]) -> KnownRule:
        return KnownRule(
            id=rule["RuleId"],
            rule=WrittenRule(
                direction=direction,
                name=rule["Name"],
                description=rule.get("Description", ""),
                senders=tuple(rule["SenderPatterns"]),
                recipients=tuple(rule["RecipientPatterns"]),
                action=rule["Action"]["Type"],
                bounce_message=rule["Action"].get("BounceMessage", ""),
                call=self.call(rule["Action"]),
                gateway=self.gateway(rule["Action"]),
            ),
            created=_when(rule["DateCreated"]),
            modified=_when(rule["DateModified"]),
        )

    def _said(self, rule: WrittenRule) -> dict[str, Any]:
        """Return a rule as the API takes it."""
        action: dict[str, Any] = {"Type": rule.action}
        if rule.bounce_message:
            action["BounceMessage"] = rule.bounce_message
        if rule.call is not None:
            action["Lambda"] = self._said_call(rule.call)
        if rule.gateway:
            member = "SmtpGatewayId" if rule.action == ActionType.SMTP_GATEWAY else "ThenSmtpGatewayId"
            action[member] = self._gateway_id(rule)
        said = {
            "Name": rule.name,
            "SenderPatterns": rule.senders,
            "RecipientPatterns": rule.recipients,
            "Action": action,
        }
        return said | ({"Description": rule.description} if rule.description else {})

    def _said_call(self, call: WrittenCall) -> dict[str, Any]:
        arn = call.function if call.function.startswith("arn:") else self.functions + call.function
        members = {"FunctionArn": arn, "Synchronous": call.synchronous}
        if call.synchronous:
            members |= {"FallbackAction": call.fallback, "RuleTimeoutMinutes": call.timeout_minutes}
        return members

    def _gateway_id(self, rule: WrittenRule) -> str:
        """Return the id of a rule's gateway, by its name whatever its case."""
        wanted = rule.gateway.casefold()
        found = next((each for each, name in self.gateways.items() if name.casefold() == wanted), None)
        if found is None:
            raise RefusedError(
                f"rule {rule.name!r} names SMTP gateway {rule.gateway!r}, which the organization does not have; "
                "make it with: aws workmail create-smtp-gateway"
            )
        return found

    def _name(self, function: str) -> str:
        return function.removeprefix(self.functions)


def api(organization: str | None) -> Api:
    """Return the API for the organization that is meant.

    Raises:
        RefusedError: there is no such organization, or none at all.
        UsageError: there are several, and none was named.
    """
    workmail = running.workmail()
    organization_id = organizations.find(workmail, organization)
    # arn:<partition>:workmail:<region>:<account>:organization/<id>
    arn = workmail.describe_organization(OrganizationId=organization_id)["ARN"]
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Api(workmail, organization_id, f"arn:{partition}:lambda:{region}:{account}:function:")


def _when(date: datetime) -> str:
    return output.rfc3339(round(date.timestamp() * 1000))
