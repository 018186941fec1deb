"""Outbound mail-flow rules: their own actions, and what they share with inbound rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.adapters.memory.rule_sets import MemoryRuleSets
from postroom.contracts.admin.models.shapes import SHAPES
from postroom.model.limits import MAX_PATTERNS, MAX_PATTERNS_OF_A_RULE
from postroom.model.rules import MOST_RESTRICTIVE_FIRST, Direction

from .test_rule_calls import ARN, ASYNC, SYNC, permission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postroom.model.journaling import Journaling
    from postroom.model.rules import Rule

Create, Update, Delete = "CreateOutboundMailFlowRule", "UpdateOutboundMailFlowRule", "DeleteOutboundMailFlowRule"
Describe, List, Test = "DescribeOutboundMailFlowRule", "ListOutboundMailFlowRules", "TestOutboundMailFlowRules"
CreateInbound, ListInbound = "CreateInboundMailFlowRule", "ListInboundMailFlowRules"

FOR_ALL = {"SenderPatterns": ["*"], "RecipientPatterns": ["*"]}
BLOCK = {**FOR_ALL, "Action": {"Type": "BOUNCE", "BounceMessage": "Not to competitors."}}


@pytest.fixture
def gateway(caller: Any, acme: str) -> str:
    request = {"Name": "Relay", "Host": "smtp.example.net", "Port": 587, "UserName": "u", "Password": "p"}
    made: str = caller("CreateSmtpGateway", OrganizationId=acme, **request)["SmtpGatewayId"]
    return made


@pytest.fixture(autouse=True)
def functions(context: Any) -> MemoryRuleFunctions:
    """A function of the account, with the permission."""
    held = context.function_policies
    assert isinstance(held, MemoryRuleFunctions)
    held.functions[ARN] = lambda event: event
    held.policies[ARN] = permission()
    return held


@pytest.fixture
def create(caller: Any, acme: str) -> Callable[..., str]:
    """Create a rule and return its id."""

    def make(name: str = "r", **changes: Any) -> str:
        made: str = caller(Create, OrganizationId=acme, Name=name, **{**BLOCK, **changes})["RuleId"]
        return made

    return make


def actions(gateway: str) -> list[dict[str, Any]]:
    """Return every kind of action."""
    return [
        {"Type": "DROP"},
        {"Type": "BOUNCE"},
        {"Type": "BOUNCE", "BounceMessage": "No."},
        {"Type": "DEFAULT"},
        {"Type": "SMTP_GATEWAY", "SmtpGatewayId": gateway},
        {"Type": "RUN_LAMBDA", "Lambda": ASYNC},
        {"Type": "RUN_LAMBDA", "Lambda": SYNC},
        {"Type": "RUN_LAMBDA", "Lambda": SYNC, "ThenSmtpGatewayId": gateway},
        {
            "Type": "RUN_LAMBDA",
            "Lambda": SYNC | {"FallbackAction": "SMTP_GATEWAY"},
            "ThenSmtpGatewayId": gateway,
        },
    ]


def test_every_action_comes_back_as_it_was_made_and_as_it_was_changed(
    caller: Any, acme: str, create: Callable[..., str], gateway: str
) -> None:
    changed = create("changed")
    for number, action in enumerate(actions(gateway)):
        made = create(f"r{number}", Action=action)
        found = caller(Describe, OrganizationId=acme, RuleId=made)
        assert {name: found[name] for name in ("RuleId", "Name", "SenderPatterns", "RecipientPatterns", "Action")} == {
            "RuleId": made,
            "Name": f"r{number}",
            **FOR_ALL,
            "Action": action,
        }
        caller(Update, OrganizationId=acme, RuleId=changed, Name="changed", **FOR_ALL, Action=action)
        assert caller(Describe, OrganizationId=acme, RuleId=changed)["Action"] == action
        assert found in caller(List, OrganizationId=acme)["Rules"]


def test_the_published_set_has_the_rules_of_both_directions_and_gateways_by_id(
    caller: Any, acme: str, context: Any, create: Callable[..., str], gateway: str
) -> None:
    class Published(MemoryRuleSets):
        """Keeps the set that was written last."""

        def keep(
            self, organization_id: str, version: int, rules: Iterable[Rule], journaling: Journaling | None = None
        ) -> bool:
            self.last = [*rules]
            return super().keep(organization_id, version, self.last, journaling)

    published = Published()
    caller.context = replace(context, rule_sets=published)
    create("through", Action={"Type": "SMTP_GATEWAY", "SmtpGatewayId": gateway})
    create("then", Action={"Type": "RUN_LAMBDA", "Lambda": SYNC, "ThenSmtpGatewayId": gateway})
    caller(CreateInbound, OrganizationId=acme, Name="in", **FOR_ALL, Action={"Type": "DROP"})
    assert {(rule.direction, rule.name): rule.action.gateway_id for rule in published.last} == {
        (Direction.OUTBOUND, "through"): gateway,
        (Direction.OUTBOUND, "then"): gateway,
        (Direction.INBOUND, "in"): None,
    }
    version = context.directory.domain("example.com").rules_version
    assert [rule.name for rule in published.inbound(acme, version).rules] == ["in"]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"Type": "MOVE_TO_JUNK"}, "enum value set: [DROP, BOUNCE, SMTP_GATEWAY, DEFAULT, RUN_LAMBDA]"),
        ({"Type": "BYPASS_SPAM_CHECK"}, "enum value set"),
        ({"Type": "SMTP_GATEWAY"}, "SMTP_GATEWAY needs SmtpGatewayId"),
        ({"Type": "SMTP_GATEWAY", "ThenSmtpGatewayId": "g"}, "SMTP_GATEWAY needs SmtpGatewayId"),
        ({"Type": "SMTP_GATEWAY", "SmtpGatewayId": "g-404"}, "SmtpGatewayId: there is no SMTP gateway g-404"),
        ({"Type": "DROP", "SmtpGatewayId": "g"}, "SmtpGatewayId goes with SMTP_GATEWAY, not with DROP"),
        ({"Type": "RUN_LAMBDA", "Lambda": SYNC, "SmtpGatewayId": "g"}, "goes with SMTP_GATEWAY, not with RUN_LAMBDA"),
        ({"Type": "DEFAULT", "ThenSmtpGatewayId": "g"}, "ThenSmtpGatewayId goes with RUN_LAMBDA and Synchronous"),
        ({"Type": "RUN_LAMBDA", "Lambda": ASYNC, "ThenSmtpGatewayId": "g"}, "goes with RUN_LAMBDA and Synchronous"),
        (
            {"Type": "RUN_LAMBDA", "Lambda": SYNC, "ThenSmtpGatewayId": "g-404"},
            "ThenSmtpGatewayId: there is no SMTP gateway g-404",
        ),
        (
            {"Type": "RUN_LAMBDA", "Lambda": SYNC | {"FallbackAction": "SMTP_GATEWAY"}},
            "FallbackAction SMTP_GATEWAY needs ThenSmtpGatewayId",
        ),
        (
            {"Type": "RUN_LAMBDA", "Lambda": SYNC | {"FallbackAction": "MOVE_TO_JUNK"}},
            "enum value set: [DROP, BOUNCE, SMTP_GATEWAY, DEFAULT]",
        ),
        ({"Type": "RUN_LAMBDA", "Lambda": SYNC | {"FallbackAction": "RUN_LAMBDA"}}, "enum value set"),
        ({"Type": "RUN_LAMBDA", "Lambda": SYNC | {"RuleTimeoutMinutes": 241}}, "less than or equal to 240"),
        ({"Type": "RUN_LAMBDA", "Lambda": ASYNC | {"FunctionArn": f"{ARN}x"}}, "there is no function"),
        (
            {"Type": "RUN_LAMBDA", "Lambda": ASYNC | {"FunctionArn": ARN.replace("us-east-1", "eu-west-1")}},
            "is of another account or Region",
        ),
        ({"Type": "RUN_LAMBDA"}, "RUN_LAMBDA needs Lambda"),
        ({"Type": "SMTP_GATEWAY", "SmtpGatewayId": "g", "BounceMessage": "no"}, "BounceMessage goes with BOUNCE"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(
    caller: Any, acme: str, action: dict[str, Any], said: str
) -> None:
    request = {"OrganizationId": acme, "Name": "r", **FOR_ALL, "Action": action}
    assert said in caller.refused("InvalidParameterException", Create, **request)
    assert caller(List, OrganizationId=acme) == {"Rules": []}


def test_another_organizations_gateway_is_not_there(caller: Any, gateway: str) -> None:
    other = caller("CreateOrganization", Alias="other")["OrganizationId"]
    request = {"Name": "r", **FOR_ALL, "Action": {"Type": "SMTP_GATEWAY", "SmtpGatewayId": gateway}}
    assert "there is no SMTP gateway" in caller.refused(
        "InvalidParameterException", Create, OrganizationId=other, **request
    )


def test_only_a_rule_that_waits_for_no_function_is_for_some_recipients(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    some = {"RecipientPatterns": ["rival.example"]}
    create("some", **some, Action={"Type": "RUN_LAMBDA", "Lambda": ASYNC})
    request = {"OrganizationId": acme, "Name": "r", **FOR_ALL, **some}
    action = {"Type": "RUN_LAMBDA", "Lambda": SYNC}
    assert "RecipientPatterns" in caller.refused("InvalidParameterException", Create, **request, Action=action)


def test_a_function_that_does_not_let_the_organization_call_it_is_refused_with_the_line_that_is_missing(
    caller: Any, acme: str, functions: MemoryRuleFunctions
) -> None:
    functions.policies.clear()
    request = {"OrganizationId": acme, "Name": "r", **FOR_ALL, "Action": {"Type": "RUN_LAMBDA", "Lambda": ASYNC}}
    assert "lambda add-permission" in caller.refused("InvalidParameterException", Create, **request)


class TestBothDirections:
    def test_a_name_is_unique_in_its_direction(self, caller: Any, acme: str, create: Callable[..., str]) -> None:
        create("Block")
        caller(CreateInbound, OrganizationId=acme, Name="Block", **FOR_ALL, Action={"Type": "DROP"})
        text = caller.refused("NameAvailabilityException", Create, OrganizationId=acme, Name="BLOCK", **BLOCK)
        assert text == "Another outbound mail-flow rule has the name BLOCK."

    def test_sender_patterns_count_together(self, caller: Any, acme: str, create: Callable[..., str]) -> None:
        many = [f"a{number}.example" for number in range(MAX_PATTERNS_OF_A_RULE)]
        for number in range(MAX_PATTERNS // MAX_PATTERNS_OF_A_RULE):
            create(f"r{number}", SenderPatterns=many)
        for operation in (Create, CreateInbound):
            request = {"OrganizationId": acme, "Name": "one more", **FOR_ALL, "Action": {"Type": "DROP"}}
            caller.refused("LimitExceededException", operation, **request)

    def test_neither_sees_the_others_rules(
        self, caller: Any, acme: str, context: Any, create: Callable[..., str]
    ) -> None:
        outbound = create()
        inbound = caller(CreateInbound, OrganizationId=acme, Name="in", **FOR_ALL, Action={"Type": "DROP"})["RuleId"]
        assert [rule["RuleId"] for rule in caller(List, OrganizationId=acme)["Rules"]] == [outbound]
        assert [rule["RuleId"] for rule in caller(ListInbound, OrganizationId=acme)["Rules"]] == [inbound]
        text = caller.refused("EntityNotFoundException", Describe, OrganizationId=acme, RuleId=inbound)
        assert text == f"There is no outbound mail-flow rule {inbound} in the organization."
        caller(Delete, OrganizationId=acme, RuleId=inbound)
        caller("DeleteInboundMailFlowRule", OrganizationId=acme, RuleId=outbound)
        version = context.directory.domain("example.com").rules_version
        assert [rule.id for rule in context.rule_sets.inbound(acme, version).rules] == [inbound]
        assert len(caller(List, OrganizationId=acme)["Rules"]) == 1

    def test_a_client_token_is_one_directions(self, caller: Any, acme: str, create: Callable[..., str]) -> None:
        made = create(ClientToken="t")
        assert create(ClientToken="t") == made
        request = {"OrganizationId": acme, "Name": "r", **BLOCK, "ClientToken": "t"}
        assert caller(CreateInbound, **request)["RuleId"] != made


class TestTesting:
    def test_of_equally_specific_rules_the_order_of_outbound_actions_decides(
        self, caller: Any, acme: str, create: Callable[..., str], gateway: str
    ) -> None:
        kinds = {action["Type"]: action for action in actions(gateway)}
        for name in reversed(MOST_RESTRICTIVE_FIRST[Direction.OUTBOUND]):
            create(name.value, Action=kinds[name])
            request = {"OrganizationId": acme, "From": "ann@example.com", "Recipients": ["x@rival.example"]}
            (found,) = caller(Test, **request)["Results"]
            assert (found["RuleName"], found["Action"]) == (name, kinds[name])
        assert [match["Name"] for match in found["MatchedRules"]] == [*MOST_RESTRICTIVE_FIRST[Direction.OUTBOUND]]
        assert found["Reason"] == "equally specific, and DROP is more restrictive than BOUNCE"

    def test_inbound_rules_decide_nothing_about_outbound_mail(self, caller: Any, acme: str) -> None:
        caller(CreateInbound, OrganizationId=acme, Name="in", **FOR_ALL, Action={"Type": "DROP"})
        request = {"OrganizationId": acme, "From": "ann@example.com", "Recipients": ["x@rival.example"]}
        (found,) = caller(Test, **request)["Results"]
        assert (found["Action"], found["MatchedRules"]) == ({"Type": "DEFAULT"}, [])


def test_the_models_actions_are_those_of_the_rules() -> None:
    outbound = [action.value for action in MOST_RESTRICTIVE_FIRST[Direction.OUTBOUND]]
    assert sorted(SHAPES["OutboundMailFlowActionType"]["enum"]) == sorted(outbound)
    assert sorted([*SHAPES["OutboundMailFlowFallbackAction"]["enum"], "RUN_LAMBDA"]) == sorted(outbound)
