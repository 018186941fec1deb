"""The table of limits, continued: queues and topics, stores, events, receiving."""

from collections.abc import Iterator
from typing import Final

from .deployed import Deployed
from .limits import TEMPLATE, Limit, Properties, count, length, many, number, one, physical_name, policy, size

SNS: Final = "docs/general/latest/gr/sns.html and docs/sns/latest/api/API_CreateTopic.html"
S3: Final = "docs/AmazonS3/latest/userguide"
DYNAMODB: Final = "docs/amazondynamodb/latest/developerguide/ServiceQuotas.html"
EVENTS: Final = "docs/eventbridge/latest/userguide/eb-quota.html"
EVENTS_API: Final = "docs/eventbridge/latest/APIReference"
SES: Final = "docs/ses/latest/dg/quotas.html, email receiving quotas"
SYSTEMS_MANAGER: Final = "docs/general/latest/gr/ssm.html: standard parameters"


def attribute_indexes(table: Properties, stack: Deployed) -> Iterator[float]:
    """Count a table's global secondary indexes; none is a number, too."""
    yield len(table.get("GlobalSecondaryIndexes", ()))


def stream_readers(table: Properties, stack: Deployed) -> Iterator[float]:
    """Count the readers of a table's stream."""
    if "StreamSpecification" in table:
        sources = [str(each.get("EventSourceArn")) for _, each in stack.of_type("AWS::Lambda::EventSourceMapping")]
        yield sum(":table/" in source and stack.properties(source) is table for source in sources)


TWO_READERS_TOO_MANY: Final = {
    "Resources": {
        "T": {"Type": "AWS::DynamoDB::Table", "Properties": {"StreamSpecification": {}}},
        **{
            f"M{n}": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {"EventSourceArn": {"Fn::GetAtt": ["T", "StreamArn"]}},
            }
            for n in range(3)
        },
    }
}
TABLE: Final = "AWS::DynamoDB::Table"
QUEUE_POLICY, TOPIC_POLICY, BUCKET_POLICY = "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"
QUEUE, RULE, BUS = "AWS::SQS::Queue", "AWS::Events::Rule", "AWS::Events::EventBus"
QUEUES: Final = "docs/AWSSimpleQueueService/latest/SQSDeveloperGuide"

OF_QUEUES_AND_TOPICS: Final = (
    Limit(
        TEMPLATE,
        "characters of a queue's name",
        80,
        f"{QUEUES}/quotas-queues.html",
        physical_name(QUEUE),
        one(QUEUE, QueueName="q" * 81),
    ),
    Limit(
        QUEUE,
        "seconds that a message is kept",
        1_209_600,
        f"{QUEUES}/quotas-messages.html",
        number("MessageRetentionPeriod"),
        one(QUEUE, MessageRetentionPeriod=1_209_601),
        least=60,
    ),
    Limit(
        QUEUE,
        "seconds that a message is hidden",
        43_200,
        f"{QUEUES}/quotas-messages.html",
        number("VisibilityTimeout"),
        one(QUEUE, VisibilityTimeout=43_201),
    ),
    Limit(
        QUEUE,
        "seconds of delay",
        900,
        f"{QUEUES}/quotas-queues.html",
        number("DelaySeconds"),
        one(QUEUE, DelaySeconds=901),
    ),
    Limit(
        QUEUE,
        "receives before a dead letter",
        1000,
        f"{QUEUES}/sqs-dead-letter-queues.html",
        number("RedrivePolicy", "maxReceiveCount"),
        one(QUEUE, RedrivePolicy={"maxReceiveCount": 1001}),
        least=1,
    ),
    Limit(
        QUEUE_POLICY,
        "bytes of the policy",
        8192,
        f"{QUEUES}/quotas-policies.html",
        size("PolicyDocument"),
        one(QUEUE_POLICY, PolicyDocument=policy(19, "r" * 400)),
    ),
    Limit(
        QUEUE_POLICY,
        "statements",
        20,
        f"{QUEUES}/quotas-policies.html",
        count("PolicyDocument", "Statement"),
        one(QUEUE_POLICY, PolicyDocument=policy(21)),
    ),
    Limit(
        QUEUE_POLICY,
        "actions of a statement",
        7,
        f"{QUEUES}/quotas-policies.html",
        count("PolicyDocument", "Statement", "*", "Action"),
        one(QUEUE_POLICY, PolicyDocument={"Statement": [{"Action": ["sqs:A"] * 8}]}),
    ),
    Limit(
        TOPIC_POLICY,
        "bytes of the policy",
        30_720,
        SNS,
        size("PolicyDocument"),
        one(TOPIC_POLICY, PolicyDocument=policy(700)),
    ),
    Limit(
        TEMPLATE,
        "characters of a topic's name",
        256,
        SNS,
        physical_name("AWS::SNS::Topic"),
        one("AWS::SNS::Topic", TopicName="t" * 257),
    ),
)

OF_STORES: Final = (
    Limit(
        BUCKET_POLICY,
        "bytes of the policy",
        20_480,
        f"{S3}/bucket-policies.html",
        size("PolicyDocument"),
        one(BUCKET_POLICY, PolicyDocument=policy(500)),
    ),
    Limit(
        "AWS::S3::Bucket",
        "lifecycle rules",
        1000,
        f"{S3}/object-lifecycle-mgmt.html",
        count("LifecycleConfiguration", "Rules"),
        one("AWS::S3::Bucket", LifecycleConfiguration={"Rules": [{}] * 1001}),
    ),
    Limit(
        TEMPLATE,
        "characters of a bucket's name",
        63,
        f"{S3}/bucketnamingrules.html",
        physical_name("AWS::S3::Bucket"),
        one("AWS::S3::Bucket", BucketName="b" * 64),
    ),
    Limit(
        TABLE, "global secondary indexes", 20, DYNAMODB, attribute_indexes, one(TABLE, GlobalSecondaryIndexes=[{}] * 21)
    ),
    Limit(
        TABLE,
        "local secondary indexes",
        5,
        DYNAMODB,
        count("LocalSecondaryIndexes"),
        one(TABLE, LocalSecondaryIndexes=[{}] * 6),
    ),
    Limit(TABLE, "readers of a shard of its stream", 2, DYNAMODB, stream_readers, TWO_READERS_TOO_MANY),
    Limit(
        "AWS::SSM::Parameter",
        "bytes of the value",
        4096,
        SYSTEMS_MANAGER,
        length("Value"),
        one("AWS::SSM::Parameter", Value="v" * 4097),
    ),
)

OF_EVENTS_AND_RECEIVING: Final = (
    Limit(RULE, "targets", 5, EVENTS, count("Targets"), one(RULE, Targets=[{}] * 6)),
    Limit(
        RULE,
        "characters of the pattern",
        2048,
        EVENTS,
        size("EventPattern"),
        one(RULE, EventPattern={"source": ["s" * 2048]}),
    ),
    Limit(
        RULE,
        "characters of the description",
        512,
        f"{EVENTS_API}/API_PutRule.html",
        length("Description"),
        one(RULE, Description="d" * 513),
    ),
    Limit(
        RULE,
        "characters of the schedule",
        256,
        f"{EVENTS_API}/API_PutRule.html",
        length("ScheduleExpression"),
        one(RULE, ScheduleExpression="r" * 257),
    ),
    Limit(
        BUS,
        "characters of the name",
        256,
        f"{EVENTS_API}/API_CreateEventBus.html",
        length("Name"),
        one(BUS, Name="b" * 257),
    ),
    Limit(
        BUS,
        "characters of the description",
        512,
        f"{EVENTS_API}/API_CreateEventBus.html",
        length("Description"),
        one(BUS, Description="d" * 513),
    ),
    Limit(
        "AWS::SES::ReceiptRuleSet",
        "characters of the name",
        64,
        "docs/ses/latest/APIReference/API_CreateReceiptRuleSet.html",
        length("RuleSetName"),
        one("AWS::SES::ReceiptRuleSet", RuleSetName="r" * 65),
    ),
    Limit(
        "AWS::SES::ReceiptRule",
        "recipients",
        100,
        SES,
        count("Rule", "Recipients"),
        one("AWS::SES::ReceiptRule", Rule={"Recipients": ["example.com"] * 101}),
    ),
    Limit(
        TEMPLATE,
        "receipt rules of a set",
        200,
        SES,
        lambda _, stack: iter([sum(1 for _ in stack.of_type("AWS::SES::ReceiptRule"))]),
        many("AWS::SES::ReceiptRule", 201),
    ),
)
