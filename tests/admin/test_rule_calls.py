"""Rules that call customers' functions: what the API accepts, and how it checks the permission."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.memory.rule_functions import MemoryRuleFunctions
from postroom.contracts.admin.models.shapes import SHAPES
from postroom.errors import StoreUnavailableError
from postroom.model.rules import MAX_RULE_TIMEOUT_MINUTES, MOST_RESTRICTIVE_FIRST, ActionType, Direction, LambdaCall

if TYPE_CHECKING:
    from collections.abc import Callable

Create, Update = "CreateInboundMailFlowRule", "UpdateInboundMailFlowRule"
Describe, List, Test = "DescribeInboundMailFlowRule", "ListInboundMailFlowRules", "TestInboundMailFlowRules"

PREFIX = "arn:aws:lambda:us-east-1:123456789012:function:"
ARN = f"{PREFIX}tag-subjects"
SYNC = {"FunctionArn": ARN, "Synchronous": True, "FallbackAction": "DEFAULT", "RuleTimeoutMinutes": 5}
ASYNC = {"FunctionArn": ARN, "Synchronous": False}


def run(call: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the parameters of a rule that calls a function."""
    action = {"Type": "RUN_LAMBDA", "Lambda": call}
    return {"Name": "r", "SenderPatterns": ["*"], "RecipientPatterns": ["*"], "Action": action, **changes}


def permission(**changes: Any) -> dict[str, Any]:
    statement = {
        "Sid": "AllowWorkMail",
        "Effect": "Allow",
        "Principal": {"Service": "workmail.us-east-1.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:workmail:us-east-1:123456789012:organization/*"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement | changes]}


@pytest.fixture
def functions(context: Any) -> MemoryRuleFunctions:
    """The account's functions: ``tag-subjects`` and its alias ``live``, each with the permission."""
    held = context.function_policies
    assert isinstance(held, MemoryRuleFunctions)
    for arn in (ARN, f"{ARN}:live"):
        held.functions[arn] = lambda event: event
        held.policies[arn] = permission()
    return held


@pytest.fixture
def create(caller: Any, acme: str, functions: MemoryRuleFunctions) -> Callable[..., str]:
    """Create a rule and return its id."""

    def make(rule: dict[str, Any]) -> str:
        made: str = caller(Create, OrganizationId=acme, **rule)["RuleId"]
        return made

    return make


@pytest.fixture
def refused(caller: Any, acme: str, functions: MemoryRuleFunctions) -> Callable[[dict[str, Any]], str]:
    """Try to create a rule, check that none was created, and return the text of the error."""

    def make(rule: dict[str, Any]) -> str:
        text: str = caller.refused("InvalidParameterException", Create, OrganizationId=acme, **rule)
        assert caller(List, OrganizationId=acme) == {"Rules": []}
        return text

    return make


@pytest.mark.parametrize("call", [SYNC, SYNC | {"RuleTimeoutMinutes": 0, "FallbackAction": "DROP"}, ASYNC])
def test_a_rule_comes_back_as_it_was_made(
    caller: Any, acme: str, create: Callable[..., str], call: dict[str, Any]
) -> None:
    made = create(run(call))
    found = caller(Describe, OrganizationId=acme, RuleId=made)
    assert found["Action"] == {"Type": "RUN_LAMBDA", "Lambda": call}
    assert caller(List, OrganizationId=acme)["Rules"] == [found]


def test_ingest_reads_how_the_function_is_called(
    caller: Any, context: Any, acme: str, create: Callable[..., str]
) -> None:
    create(run(SYNC, Name="a"))
    create(run(ASYNC | {"FunctionArn": f"{ARN}:live"}, Name="b"))
    version = context.directory.domain("example.com").rules_version
    assert [rule.action.call for rule in context.rule_sets.inbound(acme, version).rules] == [
        LambdaCall(ARN, synchronous=True, fallback=ActionType.DEFAULT, timeout_minutes=5),
        LambdaCall(f"{ARN}:live", synchronous=False),
    ]


def test_a_rule_is_changed_from_one_way_of_calling_to_the_other_and_to_calling_nothing(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    made = create(run(SYNC))
    for action in ({"Type": "RUN_LAMBDA", "Lambda": ASYNC}, {"Type": "DROP"}, {"Type": "RUN_LAMBDA", "Lambda": SYNC}):
        caller(Update, OrganizationId=acme, RuleId=made, **run(SYNC, Action=action))
        assert caller(Describe, OrganizationId=acme, RuleId=made)["Action"] == action


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (SYNC | {"FallbackAction": "RUN_LAMBDA"}, "enum value set: [DROP, BOUNCE, MOVE_TO_JUNK, DEFAULT, BYPASS"),
        (SYNC | {"FallbackAction": "SMTP_GATEWAY"}, "enum value set"),
        (SYNC | {"RuleTimeoutMinutes": -1}, "greater than or equal to 0"),
        (SYNC | {"RuleTimeoutMinutes": 241}, "less than or equal to 240"),
        (SYNC | {"FallbackAction": None}, "called synchronously needs FallbackAction"),
        (SYNC | {"RuleTimeoutMinutes": None}, "called synchronously needs RuleTimeoutMinutes"),
        (SYNC | {"Synchronous": None}, "'action.lambda.synchronous' failed to satisfy constraint"),
        (SYNC | {"FunctionArn": None}, "'action.lambda.functionArn' failed to satisfy constraint"),
        (ASYNC | {"FallbackAction": "DEFAULT"}, "FallbackAction goes with Synchronous"),
        (ASYNC | {"RuleTimeoutMinutes": 0}, "RuleTimeoutMinutes goes with Synchronous"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(
    refused: Callable[[dict[str, Any]], str], call: dict[str, Any], said: str
) -> None:
    assert said in refused(run(call))


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"Type": "RUN_LAMBDA"}, "RUN_LAMBDA needs Lambda"),
        ({"Type": "DROP", "Lambda": ASYNC}, "Lambda goes with RUN_LAMBDA, not with DROP"),
        ({"Type": "RUN_LAMBDA", "Lambda": SYNC, "BounceMessage": "no"}, "goes with BOUNCE, not with RUN_LAMBDA"),
    ],
)
def test_a_function_goes_with_its_action_alone(
    refused: Callable[[dict[str, Any]], str], action: dict[str, Any], said: str
) -> None:
    assert said in refused(run(SYNC, Action=action))


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("tag-subjects", f"is not the ARN of a function: {PREFIX}NAME"),
        ("arn:aws:lambda:us-east-1:123456789012:layer:tag-subjects", "is not the ARN of a function"),
        ("arn:aws:sqs:us-east-1:123456789012:tag-subjects", "is not the ARN of a function"),
        (f"{PREFIX}", "is not the ARN of a function"),
        (f"{ARN}:", "is not the ARN of a function"),
        (f"{ARN}:live:2", "is not the ARN of a function"),
        (f"{PREFIX}tag subjects", "is not the ARN of a function"),
        (f"{PREFIX}tag-*", "is not the ARN of a function"),
        (ARN.replace("us-east-1", "eu-west-1"), "is of another account or Region"),
        (ARN.replace("123456789012", "999999999999"), "is of another account or Region"),
        (ARN.replace("arn:aws:", "arn:aws-cn:"), "is of another account or Region"),
        (f"{ARN}:$LATEST", "leave out :$LATEST"),
    ],
)
@pytest.mark.parametrize("call", [SYNC, ASYNC])
def test_what_is_no_function_of_ours_is_refused_and_nobody_is_asked(
    refused: Callable[[dict[str, Any]], str],
    functions: MemoryRuleFunctions,
    call: dict[str, Any],
    arn: str,
    said: str,
) -> None:
    functions.functions[arn] = lambda event: event
    functions.policies[arn] = permission()
    text = refused(run(call | {"FunctionArn": arn}))
    assert text.startswith("FunctionArn: ")
    assert said in text


@pytest.mark.parametrize("recipients", [["ann@example.com"], ["example.com"], ["*", "example.com"], ["*.example.com"]])
def test_only_an_asynchronous_call_is_for_some_recipients(
    caller: Any, acme: str, refused: Callable[[dict[str, Any]], str], create: Callable[..., str], recipients: list[str]
) -> None:
    assert "RecipientPatterns" in refused(run(SYNC, RecipientPatterns=recipients))
    made = create(run(ASYNC, RecipientPatterns=recipients))
    named = {"OrganizationId": acme, "RuleId": made}
    assert "RecipientPatterns" in caller.refused(
        "InvalidParameterException", Update, **named, **run(SYNC, RecipientPatterns=recipients)
    )
    create(run(SYNC, Name="for all", RecipientPatterns=["*", "*"]))


def test_a_function_that_is_not_there_is_named(refused: Callable[[dict[str, Any]], str]) -> None:
    assert refused(run(SYNC | {"FunctionArn": f"{PREFIX}gone"})) == f"FunctionArn: there is no function {PREFIX}gone."


@pytest.mark.parametrize(
    "policy",
    [
        {},
        permission(Principal={"Service": "ses.amazonaws.com"}),
        permission(
            Condition={"ArnLike": {"AWS:SourceArn": "arn:aws:workmail:us-east-1:123456789012:organization/m-1"}}
        ),
    ],
)
@pytest.mark.parametrize("call", [SYNC, ASYNC])
def test_a_function_that_does_not_let_the_organization_call_it_is_refused_with_the_line_that_is_missing(
    context: Any,
    acme: str,
    refused: Callable[[dict[str, Any]], str],
    create: Callable[..., str],
    functions: MemoryRuleFunctions,
    policy: dict[str, Any],
    call: dict[str, Any],
) -> None:
    functions.policies[ARN] = policy
    assert refused(run(call)).endswith(
        f"Missing: aws --region us-east-1 lambda add-permission --function-name {ARN} "
        f"--statement-id AllowWorkMail-{acme} "
        "--action lambda:InvokeFunction --principal workmail.us-east-1.amazonaws.com "
        f"--source-arn {context.directory.organization(acme).arn}"
    )
    functions.policies[ARN] = permission()
    create(run(call))


def test_an_alias_needs_its_own_permission(
    refused: Callable[[dict[str, Any]], str], create: Callable[..., str], functions: MemoryRuleFunctions
) -> None:
    alias = f"{ARN}:live"
    del functions.policies[alias]
    assert f"--function-name {alias} " in refused(run(SYNC | {"FunctionArn": alias}))
    functions.policies[alias] = permission()
    create(run(SYNC | {"FunctionArn": alias}))


def test_a_change_asks_for_the_permission_again_and_what_changes_nothing_or_deletes_does_not(
    caller: Any, acme: str, create: Callable[..., str], functions: MemoryRuleFunctions
) -> None:
    named = {"OrganizationId": acme, "RuleId": create(run(SYNC))}
    functions.policies.clear()
    assert caller(Update, **named, **run(SYNC)) == {}
    assert "Missing: aws" in caller.refused("InvalidParameterException", Update, **named, **run(SYNC, Description="d"))
    assert caller("DeleteInboundMailFlowRule", **named) == {}


def test_where_lambda_does_not_answer_no_rule_is_made(caller: Any, acme: str, context: Any) -> None:
    class Silent:
        def policy(self, function_arn: str) -> None:
            raise StoreUnavailableError("could not read a function's policy")

    silent = replace(caller, context=replace(context, function_policies=Silent()))
    silent.refused("ServiceUnavailable", Create, OrganizationId=acme, **run(SYNC))
    assert caller(List, OrganizationId=acme) == {"Rules": []}


def test_a_test_answers_with_the_call_and_says_which_of_two_comes_first(
    caller: Any, acme: str, create: Callable[..., str]
) -> None:
    for name, call in (("async", ASYNC), ("sync", SYNC), ("younger", SYNC)):
        create(run(call, Name=name))
    request = {"OrganizationId": acme, "From": "x@example.org", "Recipients": ["ann@example.com"]}
    (found,) = caller(Test, **request)["Results"]
    assert (found["RuleName"], found["Action"]) == ("sync", {"Type": "RUN_LAMBDA", "Lambda": SYNC})
    assert [(match["Name"], match["Action"]) for match in found["MatchedRules"]] == [
        (name, {"Type": "RUN_LAMBDA"}) for name in ("sync", "younger", "async")
    ]
    assert found["Reason"] == "equally specific, same action: the older rule"


def test_the_models_actions_and_limits_are_those_of_the_rules() -> None:
    inbound = [action.value for action in MOST_RESTRICTIVE_FIRST[Direction.INBOUND]]
    assert sorted(SHAPES["InboundMailFlowActionType"]["enum"]) == sorted(inbound)
    assert sorted([*SHAPES["InboundMailFlowFallbackAction"]["enum"], "RUN_LAMBDA"]) == sorted(inbound)
    assert SHAPES["MailFlowRuleTimeout"]["max"] == MAX_RULE_TIMEOUT_MINUTES
