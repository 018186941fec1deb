"""How each resource type of a template is made at the emulator: one visible table, `MAKERS`.

A maker gets the resolved properties and answers what Ref and GetAtt give. What no emulator executes (alarms, log
metric filters …), or what we execute from the template itself, is listed in `NOT_EXECUTED`, so that an unknown type
in our own template is an error and not an oversight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.template.makers.feedback import make_event_destination
from local.template.makers.messaging import (
    make_configuration_set,
    make_event_bus,
    make_queue,
    make_queue_policy,
    make_rule_set,
    make_subscription,
    make_topic,
    make_topic_policy,
)
from local.template.makers.operations import (
    make_alias,
    make_key,
    make_log_group,
    make_parameter,
    make_role,
    make_secret,
)
from local.template.makers.storage import make_bucket, make_bucket_policy, make_simple_table, make_table
from local.template.makers.workflows import make_rule, make_state_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.template.makers.base import Maker

MAKERS: Final[Mapping[str, Maker]] = {
    "AWS::DynamoDB::Table": make_table,
    "AWS::Events::EventBus": make_event_bus,
    "AWS::Events::Rule": make_rule,
    "AWS::IAM::Role": make_role,
    "AWS::KMS::Alias": make_alias,
    "AWS::KMS::Key": make_key,
    "AWS::Logs::LogGroup": make_log_group,
    "AWS::S3::Bucket": make_bucket,
    "AWS::S3::BucketPolicy": make_bucket_policy,
    "AWS::SES::ConfigurationSet": make_configuration_set,
    "AWS::SES::ConfigurationSetEventDestination": make_event_destination,
    "AWS::SES::ReceiptRuleSet": make_rule_set,
    "AWS::SNS::Subscription": make_subscription,
    "AWS::SNS::Topic": make_topic,
    "AWS::SNS::TopicPolicy": make_topic_policy,
    "AWS::SQS::Queue": make_queue,
    "AWS::SQS::QueuePolicy": make_queue_policy,
    "AWS::SSM::Parameter": make_parameter,
    "AWS::SecretsManager::Secret": make_secret,
    "AWS::Serverless::SimpleTable": make_simple_table,
    "AWS::Serverless::StateMachine": make_state_machine,
    "AWS::StepFunctions::StateMachine": make_state_machine,
}

NOT_EXECUTED: Final = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::Lambda::Permission",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::QueryDefinition",
        "AWS::Logs::ResourcePolicy",
        "AWS::Scheduler::Schedule",
    }
)
