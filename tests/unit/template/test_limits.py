"""The template stays within AWS's limits, so that a breach is found before the first deployment."""

import re
from typing import Any, Final

import pytest

from .deployed import LONGEST, Deployed
from .limits import Limit
from .limits_of_foundations import OF_ALARMS, OF_CLOUDFORMATION, OF_IDENTITIES
from .limits_of_lambda import OF_FUNCTIONS, OF_MAPPINGS, OF_THE_API
from .limits_of_services import OF_EVENTS_AND_RECEIVING, OF_QUEUES_AND_TOPICS, OF_STORES

LIMITS: Final = (
    *OF_CLOUDFORMATION,
    *OF_ALARMS,
    *OF_IDENTITIES,
    *OF_QUEUES_AND_TOPICS,
    *OF_STORES,
    *OF_EVENTS_AND_RECEIVING,
    *OF_FUNCTIONS,
    *OF_MAPPINGS,
    *OF_THE_API,
)
UNUSED: Final = {
    "AWS::CloudWatch::Alarm: expressions of a metric-math alarm",
    "AWS::CloudWatch::Alarm: metrics of a metric-math alarm",
    "AWS::CloudWatch::Alarm: results that an alarm watches",
    "AWS::DynamoDB::Table: local secondary indexes",
    "AWS::Events::Rule: characters of the pattern",
    "AWS::IAM::Role: managed policies",
    "AWS::Lambda::Function: reserved concurrency",
    "AWS::Logs::ResourcePolicy: characters of the policy",
    "AWS::SES::ReceiptRule: recipients",
    "AWS::SQS::Queue: seconds of delay",
    "AWS::SSM::Parameter: bytes of the value",
    "the template: subscription filters of a log group",
}
"""Limits of resources that no template has today."""

each_limit = pytest.mark.parametrize("limit", LIMITS, ids=str)


@pytest.fixture
def deployed(stack_body: dict[str, Any]) -> Deployed:
    return Deployed(stack_body)


@each_limit
def test_the_stack_stays_within(limit: Limit, deployed: Deployed) -> None:
    assert limit.broken(deployed) == []


@each_limit
def test_a_value_beyond_a_limit_is_found_and_named_with_its_source(limit: Limit) -> None:
    (first, *_) = limit.broken(Deployed(limit.over))
    assert limit.source in first


def test_a_limit_is_measured_unless_it_is_listed_as_unused(stacks: dict[str, dict[str, Any]]) -> None:
    deployed = [Deployed(body) for body in stacks.values()]
    unmeasured = {str(limit) for limit in LIMITS if not any(list(limit.measured(each)) for each in deployed)}
    assert unmeasured <= UNUSED


def test_the_longest_values_are_values_that_parameters_take(stack_body: dict[str, Any], deployed: Deployed) -> None:
    declared = stack_body["Parameters"]
    assert deployed.parameters.keys() == declared.keys()
    for name in LONGEST.keys() & declared.keys():
        assert re.fullmatch(declared[name].get("AllowedPattern", ".*"), deployed.parameters[name]), name
