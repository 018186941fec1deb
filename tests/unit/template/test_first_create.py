"""A first deployment that fails leaves nothing behind that stops the second; and it fits into a new account."""

import re
import tomllib
from typing import Any, Final

import pytest

from .conftest import ROOT
from .deployed import Deployed

UNIQUE: Final = {
    (
        "AWS::Events::EventBus",
        "Name",
    ): "CloudFormation makes no name for an event bus",
    ("AWS::KMS::Alias", "AliasName"): "an alias is its name",
    ("AWS::Logs::LogGroup", "LogGroupName"): "people look for /aws/lambda/STACK/FUNCTION",
    ("AWS::SES::ReceiptRuleSet", "RuleSetName"): "policies name the set, and the account's owner chooses it",
}
"""Names that can exist only once, each with its reason."""
SHARED: Final = {
    ("AWS::ApiGateway::RestApi", "Name"): "APIs are told apart by their ids",
    ("AWS::ApiGateway::Stage", "StageName"): "within its API",
    ("AWS::CloudWatch::Alarm", "MetricName"): "what it watches",
    ("AWS::Lambda::LayerVersion", "LayerName"): "each create is a new version",
}
"""Names that do not have to be free."""
REFERENCES: Final = {"Ref", "Fn::GetAtt"}
NEW_ACCOUNT: Final = "10"
"""Concurrent executions of a new account. Source: Lambda's quotas and `aws lambda get-account-settings` of one."""
MAIN: Final = ("IngestFunction", "RunSyncRuleFunction", "DeliverFunction")


def names(resource: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Return the parts of a resource's name that are not names of other resources."""
    return {
        (resource["Type"], key): value
        for key, value in resource.get("Properties", {}).items()
        if re.search(r"Name$", key) and not (isinstance(value, dict) and refers_to_a_resource(value))
    }


def refers_to_a_resource(value: dict[str, Any]) -> bool:
    match value:
        case {"Fn::If": [_, *choices]}:
            return all(isinstance(each, dict) and bool(REFERENCES & each.keys()) for each in choices)
        case {"Ref": str(name)}:
            return not name.startswith("AWS::") and name.endswith(("Function", "ConfigurationSet"))
        case _:
            return "Fn::GetAtt" in value


def test_nothing_outlives_a_create_that_is_rolled_back(stack_body: dict[str, Any]) -> None:
    policies = {name: each.get("DeletionPolicy", "Delete") for name, each in stack_body["Resources"].items()}
    assert {name for name, policy in policies.items() if policy not in {"Delete", "RetainExceptOnCreate"}} == set()


def test_a_fixed_name_is_found_and_a_reference_is_none() -> None:
    assert names({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "fixed"}}) == {
        ("AWS::SQS::Queue", "QueueName"): "fixed"
    }
    assert names({"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${AWS::StackName}-q"}}})
    assert not names({"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "IngestFunction"}}})


def test_a_name_is_fixed_only_where_it_must_be(stack_body: dict[str, Any]) -> None:
    fixed = {key for each in stack_body["Resources"].values() for key in names(each)}
    assert fixed <= UNIQUE.keys() | SHARED.keys()


def test_a_fixed_name_is_the_stacks_own_or_chosen(stack_body: dict[str, Any]) -> None:
    for name, each in stack_body["Resources"].items():
        for key, value in names(each).items():
            if key in UNIQUE:
                assert "${AWS::StackName}" in str(value) or value == {"Ref": "ReceiptRuleSetName"}, name


def test_no_deployment_starts_with_tables_that_a_rollback_cannot_delete(stacks: dict[str, dict[str, Any]]) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    given = [
        dict(each.split("=", 1) for each in environment["deploy"]["parameters"].get("parameter_overrides", ()))
        for environment in config.values()
        if isinstance(environment, dict)
    ]
    body = stacks["template.yaml"]
    defaults = {name: str(each["Default"]) for name, each in body["Parameters"].items()}
    assert len(given) >= 4
    for overrides in given:
        deployed = Deployed(body, **defaults | overrides)
        assert {table["DeletionProtectionEnabled"] for _, table in deployed.of_type("AWS::DynamoDB::Table")} == {False}
    protected = Deployed(body, **defaults | {"TableDeletionProtection": "ENABLED"})
    assert {table["DeletionProtectionEnabled"] for _, table in protected.of_type("AWS::DynamoDB::Table")} == {True}


UNLIMITED: Final = {
    "AcceptOutboundFunction": "submissions that one transaction cannot hold, and automatic replies",
    "ImportMailboxFunction": "10 jobs of an organization at once",
    "ParkFunction": "dead letters, which have been received a hundred times before",
    "PlanExportFunction": "10 jobs of an organization at once",
    "RecordFeedbackFunction": "bounces, complaints and delays of what SES sends at its rate",
    "RetryEventsFunction": "what record_events could not write, which has a maximum",
    "SealExportFunction": "10 jobs of an organization at once",
    "WriteAuditLogFunction": "what write_audit_log could not write, which has a maximum",
}
"""Functions with a queue that has a maximum only if the quota is small, and what bounds the queue (decision 0047)."""


def concurrency(body: dict[str, Any], quota: str) -> dict[str, list[int]]:
    """Return the most invocations of each function that its queues start, one for each queue, and the stream one."""
    deployed = Deployed(body, AccountConcurrency=quota)
    most: dict[str, list[int]] = {}
    for name, mapping in deployed.of_type("AWS::Lambda::EventSourceMapping"):
        function = body["Resources"][name]["Properties"]["FunctionName"]["Ref"]
        if "ScalingConfig" in mapping:
            most.setdefault(function, []).append(int(mapping["ScalingConfig"].get("MaximumConcurrency", 0)))
        else:
            most.setdefault(function, []).append(int(mapping["ParallelizationFactor"]))
    return most


def test_only_queues_that_hold_little_have_no_maximum_and_none_with_a_small_quota(
    stacks: dict[str, dict[str, Any]],
) -> None:
    without = {
        quota: {name for name, limits in concurrency(stacks["template.yaml"], quota).items() if 0 in limits}
        for quota in ("10", "100", "1000")
    }
    assert without == {"10": set(), "100": UNLIMITED.keys(), "1000": UNLIMITED.keys()}


def test_a_maximum_that_an_upgrade_takes_away_is_an_empty_value(stacks: dict[str, dict[str, Any]]) -> None:
    """A mapping without the property keeps its maximum. Source: CloudFormation's page on ScalingConfig."""
    deployed = Deployed(stacks["template.yaml"], AccountConcurrency="100")
    mappings = [each for _, each in deployed.of_type("AWS::Lambda::EventSourceMapping")]
    queues = [each for each in mappings if "ParallelizationFactor" not in each]
    assert queues
    assert all("ScalingConfig" in each for each in queues)


def test_the_default_is_the_quota_of_a_new_account(stacks: dict[str, dict[str, Any]]) -> None:
    parameter = stacks["template.yaml"]["Parameters"]["AccountConcurrency"]
    assert parameter["Default"] == NEW_ACCOUNT == min(parameter["AllowedValues"], key=int)


@pytest.mark.parametrize("quota", ["10", "100", "1000"])
def test_the_way_of_a_message_leaves_room_for_apis_and_functions_of_rules(
    stacks: dict[str, dict[str, Any]], quota: str
) -> None:
    body = stacks["template.yaml"]
    assert quota in body["Parameters"]["AccountConcurrency"]["AllowedValues"]
    most = concurrency(body, quota)
    assert all(len(most[function]) == 1 for function in MAIN)
    on_the_way = sum(most[function][0] for function in (*MAIN, "RecordEventsFunction"))
    assert on_the_way <= 0.7 * int(quota)


def test_more_quota_is_more_at_once(stacks: dict[str, dict[str, Any]]) -> None:
    small, middle, large = (concurrency(stacks["template.yaml"], quota) for quota in ("10", "100", "1000"))
    aside = (
        "RunAsyncRuleFunction",
        "UpdateCalendarFunction",
        "BounceFunction",
        "PackExportFunction",
        "RecordEventsFunction",
    )
    for function in (*MAIN, *aside):
        assert small[function] < middle[function] < large[function], function
