"""Queues, topics, subscriptions, event buses, and SES's sets of rules and of what is sent."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from local.template.makers.base import Made, Resource, applicable


def make_queue(resource: Resource) -> Made:
    """Make a queue. Encryption is left to real SQS: an emulator keeps messages in memory."""
    name = resource.properties.get("QueueName", resource.physical_name)
    names = (
        "DelaySeconds",
        "FifoQueue",
        "ContentBasedDeduplication",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "VisibilityTimeout",
        "RedrivePolicy",
        "RedriveAllowPolicy",
    )
    attributes = {key: _text(value) for key, value in resource.only(*names).items()}
    sqs = resource.aws.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def make_queue_policy(resource: Resource) -> Made:
    """Put the policy on each of its queues; statements that refuse plain HTTP are left out."""
    policy = applicable(resource.properties["PolicyDocument"])
    for url in resource.properties["Queues"] if policy["Statement"] else ():
        resource.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return Made(resource.physical_name)


def make_topic(resource: Resource) -> Made:
    """Make a topic with the subscriptions of its own block."""
    sns = resource.aws.client("sns")
    name = resource.properties.get("TopicName", resource.physical_name)
    arn = sns.create_topic(Name=name)["TopicArn"]
    for subscription in resource.properties.get("Subscription", ()):
        sns.subscribe(TopicArn=arn, Protocol=subscription["Protocol"], Endpoint=subscription["Endpoint"])
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def make_topic_policy(resource: Resource) -> Made:
    """Put the policy on each of its topics; statements that refuse plain HTTP are left out."""
    policy = applicable(resource.properties["PolicyDocument"])
    for arn in resource.properties["Topics"] if policy["Statement"] else ():
        resource.aws.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(policy)
        )
    return Made(resource.physical_name)


def make_subscription(resource: Resource) -> Made:
    """Subscribe; the emulator hands on to queues itself, raw or wrapped."""
    names = ("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy")
    attributes = {key: _text(value) for key, value in resource.only(*names).items()}
    answer = resource.aws.client("sns").subscribe(
        TopicArn=resource.properties["TopicArn"],
        Protocol=resource.properties["Protocol"],
        Endpoint=resource.properties["Endpoint"],
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    return Made(answer["SubscriptionArn"])


def make_event_bus(resource: Resource) -> Made:
    """Make an event bus."""
    name = resource.properties["Name"]
    arn = resource.aws.client("events").create_event_bus(Name=name)["EventBusArn"]
    return Made(name, {"Arn": arn, "Name": name})


def make_configuration_set(resource: Resource) -> Made:
    """Make a configuration set for what is sent; an emulator counts and tracks nothing."""
    name = resource.properties.get("Name", resource.physical_name)
    resource.aws.client("sesv2").create_configuration_set(ConfigurationSetName=name)
    return Made(name)


def make_rule_set(resource: Resource) -> Made:
    """Make a receipt rule set; one that is there already is used as it is."""
    name = resource.properties.get("RuleSetName", resource.physical_name)
    try:
        resource.aws.client("ses").create_receipt_rule_set(RuleSetName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in (
            "AlreadyExists",
            "AlreadyExistsException",
            "RuleSetNameAlreadyExists",
        ):
            raise
    return Made(name)


def _text(value: Any) -> str:
    """Encode an attribute as these services take it: documents as JSON, flags in lower case."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
