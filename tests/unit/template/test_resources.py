"""Stores keep mail, and queues have alarms."""

import io
from collections import Counter
from random import Random
from typing import Any, Final

import pytest
from aws_lambda_powertools import Logger

from postroom.adapters.aws.batches import MOST_FAILURES, MOST_UNANSWERED, SqsBatch, SqsRecord
from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.audit.write_audit_log import LAST_RECEIVE
from postroom.bootstrap.transmit import LONGEST_ATTEMPT_MS
from postroom.contracts.ses_events import EventType
from postroom.ports.smtp_relays import MAX_SECONDS

from .conftest import Template, listed, subject

DAY: Final = 86_400
DEAD_LETTERS: Final = "DeadLetterQueue"
POSTPONED: Final = {"RetryEventsQueue", "RetryAuditQueue"}


def queues_read_by(template: Template, function: str) -> set[str]:
    events = template.functions[function].get("Events", {}).values()
    return {subject(each["Properties"]["Queue"]) for each in events if each["Type"] == "SQS"}


def test_every_queue_but_that_of_dead_letters_sends_what_it_gives_up_there(template: Template) -> None:
    for name, queue in template.of_type("AWS::SQS::Queue").items():
        redrive = queue["Properties"].get("RedrivePolicy")
        if name == DEAD_LETTERS:
            assert redrive is None, f"{name}: what ends here is parked, not thrown on"
        else:
            assert subject(redrive["deadLetterTargetArn"]) == DEAD_LETTERS, name
            assert redrive["maxReceiveCount"] >= 5, f"{name}: AWS advises five or more where Lambda reads"


def test_sqs_gives_up_after_functions_do_and_long_before_it_forgets(template: Template) -> None:
    for name, queue in template.of_type("AWS::SQS::Queue").items():
        if (redrive := queue["Properties"].get("RedrivePolicy")) and name not in POSTPONED:
            receives, properties = redrive["maxReceiveCount"], queue["Properties"]
            assert receives > 2 * (MOST_FAILURES + MOST_UNANSWERED + 1), f"{name}: functions count attempts themselves"
            assert receives * properties["VisibilityTimeout"] < properties["MessageRetentionPeriod"] / 4, name


def most_receives(messages: int, batch_size: int, timeout_ms: int) -> int:
    """Return how often one of some orders to transmit is received, if each attempt takes as long as a gateway may."""
    counts: Any = None  # each is received for the first time, as far as the batch knows
    batch = SqsBatch(Logger(stream=io.StringIO()), counts, MemoryStackMetrics(), reserve_ms=LONGEST_ATTEMPT_MS)
    receives, chance, most, left_ms = Counter[str](), Random(1), 0, 0  # noqa: S311

    def hang(_: SqsRecord) -> None:
        nonlocal left_ms
        left_ms -= MAX_SECONDS * 1000

    def left() -> int:
        return left_ms

    waiting = [f"m{number}" for number in range(messages)]
    while waiting:
        taken, left_ms = chance.sample(waiting, min(batch_size, len(waiting))), timeout_ms
        receives.update(taken)
        records = [
            {"messageId": each, "body": "", "eventSourceARN": "", "attributes": {"ApproximateReceiveCount": "1"}}
            for each in taken
        ]
        failed = batch.process({"Records": records}, hang, left)["batchItemFailures"]
        done = set(taken) - {each["itemIdentifier"] for each in failed}
        most = max(most, *(receives[each] for each in done))
        waiting = [each for each in waiting if each not in done]
    return most


def test_sqs_gives_up_no_order_that_waits_behind_a_gateway_that_hangs(template: Template) -> None:
    """One order of each batch is carried out; there is no time for the others, and they come again at once."""
    properties = template.functions["TransmitFunction"]
    size, timeout_ms = properties["Events"]["Queue"]["Properties"]["BatchSize"], properties["Timeout"] * 1000
    allowed = template.resources["TransmitQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert most_receives(2000, size, timeout_ms) < allowed


def test_the_queue_of_refused_audit_records_ends_retries_where_their_function_does(template: Template) -> None:
    redrive = template.resources["RetryAuditQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == LAST_RECEIVE


def test_a_dead_letter_queue_remembers_longer_than_the_queue_before_it(template: Template) -> None:
    # a redriven message keeps the time it was first sent
    for queue in template.of_type("AWS::SQS::Queue").values():
        if redrive := queue["Properties"].get("RedrivePolicy"):
            dead = template.resources[subject(redrive["deadLetterTargetArn"])]["Properties"]
            assert dead["MessageRetentionPeriod"] == 14 * DAY
            assert dead["MessageRetentionPeriod"] > queue["Properties"]["MessageRetentionPeriod"]


def test_park_reads_the_dead_letters(template: Template) -> None:
    assert queues_read_by(template, "ParkFunction") == {DEAD_LETTERS}


def test_a_queue_hides_a_message_for_six_times_the_time_its_function_has(template: Template) -> None:
    for function, properties in template.functions.items():
        for queue in queues_read_by(template, function):
            hidden = template.resources[queue]["Properties"]["VisibilityTimeout"]
            assert hidden >= 6 * properties["Timeout"], queue


def test_every_queue_and_the_topic_is_encrypted_and_refuses_plain_http(template: Template) -> None:
    policies = [*template.of_type("AWS::SQS::QueuePolicy").values()]
    guarded = [subject(queue) for policy in policies for queue in policy["Properties"]["Queues"]]
    assert sorted(guarded) == sorted(template.of_type("AWS::SQS::Queue")), "each queue in one policy: the last one wins"
    policies = [*policies, *template.of_type("AWS::SNS::TopicPolicy").values()]
    for policy in policies:
        assert refuses_plain_http(policy["Properties"]["PolicyDocument"])
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        for name, each in template.of_type(kind).items():
            assert subject(each["Properties"]["KmsMasterKeyId"]) == "StackKey", name


def refuses_plain_http(document: Any) -> bool:
    return any(
        each["Effect"] == "Deny" and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for each in document["Statement"]
    )


def test_services_act_for_this_account_alone(template: Template) -> None:
    kinds = ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::KMS::Key")
    seen = 0
    for kind in kinds:
        for name, each in template.of_type(kind).items():
            document = each["Properties"].get("PolicyDocument") or each["Properties"]["KeyPolicy"]
            for statement in document["Statement"]:
                if isinstance(statement["Principal"], dict) and "Service" in statement["Principal"]:
                    keys = {key for operator in statement["Condition"].values() for key in operator}
                    assert keys & {"aws:SourceAccount", "aws:SourceArn"}, f"{name}: {statement['Sid']}"
                    seen += 1
    assert seen >= 5


@pytest.mark.parametrize("door", ["InboundBucketPolicy", "InboundTopicPolicy"])
def test_ses_comes_in_through_rules_of_the_one_rule_set(template: Template, door: str) -> None:
    (statement,) = (
        each
        for each in template.resources[door]["Properties"]["PolicyDocument"]["Statement"]
        if each["Principal"] == {"Service": "ses.amazonaws.com"}
    )
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith("receipt-rule-set/${ReceiptRuleSetName}:receipt-rule/*")


def test_notifications_reach_ingest_as_ses_wrote_them(template: Template) -> None:
    subscription = template.resources["InboundSubscription"]
    assert subscription["Properties"]["RawMessageDelivery"] is True
    assert subject(subscription["Properties"]["Endpoint"]) == "IngestQueue"
    target = subscription["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
    assert subject(target) == DEAD_LETTERS
    assert subscription["DependsOn"] == "InboundQueuesPolicy"
    statements = template.resources["InboundQueuesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (allowing,) = (each for each in statements if each["Effect"] == "Allow")
    assert allowing["Action"] == "sqs:SendMessage"
    assert list(map(subject, allowing["Condition"]["ArnEquals"]["aws:SourceArn"])) == ["InboundTopic", "FeedbackTopic"]


def test_events_of_sent_messages_reach_record_feedback_as_ses_wrote_them(template: Template) -> None:
    subscription = template.resources["FeedbackSubscription"]["Properties"]
    assert subscription["RawMessageDelivery"] is True
    assert [subject(subscription[name]) for name in ("TopicArn", "Endpoint")] == ["FeedbackTopic", "FeedbackQueue"]
    assert subject(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == DEAD_LETTERS
    destination = template.resources["FeedbackDestination"]["Properties"]
    assert subject(destination["ConfigurationSetName"]) == "ConfigurationSet"
    assert subject(destination["EventDestination"]["SnsDestination"]["TopicARN"]) == "FeedbackTopic"
    read = {"".join(word.capitalize() for word in each.split("_")) for each in EventType.__members__}
    assert {each[0].upper() + each[1:] for each in destination["EventDestination"]["MatchingEventTypes"]} == read
    policy = template.resources["FeedbackTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (ses,) = (each for each in policy if each["Principal"] == {"Service": "ses.amazonaws.com"})
    assert ses["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(":configuration-set/${ConfigurationSet}")


def test_tables_are_on_demand_encrypted_and_have_point_in_time_recovery(template: Template) -> None:
    tables = template.of_type("AWS::DynamoDB::Table")
    assert set(tables) == {"DirectoryTable", "LedgerTable", "TransitTable", "MailboxTable"}
    for name, table in tables.items():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, name
        assert subject(properties["SSESpecification"]["KMSMasterKeyId"]) == "StackKey", name
        assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"], name


def test_rows_expire_by_an_attribute_except_in_mailboxes(template: Template) -> None:
    tables = template.of_type("AWS::DynamoDB::Table")
    expiring = {name for name, each in tables.items() if "TimeToLiveSpecification" in each["Properties"]}
    assert expiring == {"DirectoryTable", "LedgerTable", "TransitTable"}
    for name in expiring:
        specification = tables[name]["Properties"]["TimeToLiveSpecification"]
        assert specification == {"AttributeName": "expires", "Enabled": True}


def test_the_ledger_has_a_stream_of_new_images(template: Template) -> None:
    table = template.resources["LedgerTable"]["Properties"]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_stores_of_mail_are_retained_when_the_stack_is_deleted(template: Template) -> None:
    keepers = {
        "StackKey",
        *template.of_type("AWS::DynamoDB::Table"),
        *template.of_type("AWS::S3::Bucket"),
    }
    for name in keepers:
        resource = template.resources[name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), name


def test_buckets_are_private_and_refuse_plain_http(template: Template) -> None:
    policies = template.of_type("AWS::S3::BucketPolicy").values()
    guarded = {subject(each["Properties"]["Bucket"]): each["Properties"]["PolicyDocument"] for each in policies}
    for name, bucket in template.of_type("AWS::S3::Bucket").items():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert len(properties["PublicAccessBlockConfiguration"]) == 4, name
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, name
        assert "BucketEncryption" in properties, name
        assert refuses_plain_http(guarded[name]), name


def test_mail_is_versioned_and_raw_mail_expires(template: Template) -> None:
    mail = template.resources["MailBucket"]["Properties"]
    assert mail["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = mail["LifecycleConfiguration"]["Rules"]
    assert [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule] == ["exports/"], "what exports stage"
    inbound = template.resources["InboundBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in inbound if "ExpirationInDays" in rule}
    assert expiring == {"inbound/", "transit/", "transit/staged/"}


def test_the_key_rotates(template: Template) -> None:
    assert template.resources["StackKey"]["Properties"]["EnableKeyRotation"] is True


def test_deploying_with_defaults_touches_no_active_rule_set(template: Template) -> None:
    assert template.body["Parameters"]["ActivateReceiptRuleSet"]["Default"] == "false"
    conditions = {name: each.get("Condition") for name, each in template.resources.items()}
    assert conditions["ActiveReceiptRuleSet"] == "ActivatesReceiptRuleSet"
    assert conditions["ActivateRuleSetFunction"] == "ActivatesReceiptRuleSet"


def test_every_parameter_has_a_default_and_a_description(template: Template) -> None:
    for name, parameter in template.body["Parameters"].items():
        assert "Default" in parameter, name
        assert parameter["Description"], name
    groups = template.body["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template.body["Parameters"])


def routes(template: Template, api: str) -> list[tuple[str, str, str]]:
    return [
        (name, event["Properties"]["Method"], event["Properties"]["Path"])
        for name, function in template.functions.items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api" and subject(event["Properties"]["RestApiId"]) == api
    ]


def test_the_api_has_iam_authorization(template: Template) -> None:
    assert template.resources["Api"]["Properties"]["Auth"] == {"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"}
    assert routes(template, "Api") == [
        ("AdminApiFunction", "POST", "/"),
        ("MessageFlowApiFunction", "GET", "/messages/{messageId}"),
        ("MessageFlowApiFunction", "POST", "/messages/{messageId}"),
    ]


def test_rules_functions_take_nothing_from_the_administrators_calls(template: Template) -> None:
    """A method with settings of its own has a limit of its own; its path has ~1 for each slash behind the first."""
    settings = template.resources["Api"]["Properties"]["MethodSettings"]
    limits = {(each["HttpMethod"], each["ResourcePath"]): each for each in settings}
    assert len(limits) == len(settings) == 3
    for function, method, path in routes(template, "Api"):
        own = limits.get((method, "/" + path.replace("/", "~1")))
        assert (own is not None) is (function == "MessageFlowApiFunction")
    everything = limits["*", "/*"]
    for each in settings:
        assert each["ThrottlingRateLimit"] >= everything["ThrottlingRateLimit"] > 0
        assert each["ThrottlingBurstLimit"] == 2 * each["ThrottlingRateLimit"]
        assert each["MetricsEnabled"] is False, "alarm and dashboard read the metrics of the whole API, which are free"


def test_mail_clients_have_an_api_of_their_own_with_passwords(template: Template) -> None:
    assert routes(template, "ClientApi") == [("EwsFunction", "ANY", "/{service}/{file}")]
    auth = template.resources["ClientApi"]["Properties"]["Auth"]
    (authorizer,) = auth["Authorizers"].values()
    assert auth["DefaultAuthorizer"] in auth["Authorizers"]
    assert subject(authorizer["FunctionArn"]) == "AuthenticateFunction"
    assert authorizer["Identity"] == {"Headers": ["Authorization"], "ReauthorizeEvery": 0}


def test_every_api_has_the_limits_and_the_log_of_the_first(template: Template) -> None:
    apis = template.of_type("AWS::Serverless::Api")
    assert set(apis) == {"Api", "ClientApi"}
    first, second = (apis[name]["Properties"] for name in ("Api", "ClientApi"))
    for name in ("StageName", "EndpointConfiguration", "OpenApiVersion"):
        assert second[name] == first[name]
    assert second["MethodSettings"] == first["MethodSettings"][:1]
    logged, destination, nothing = second["AccessLogSetting"]["Fn::If"]
    assert (logged, nothing) == ("LogsApiAccess", {"Ref": "AWS::NoValue"})
    assert "body" not in destination["Format"].lower()
    assert "authorization" not in destination["Format"].lower()


def test_a_failed_batch_of_facts_is_split_retried_a_few_times_and_kept(template: Template) -> None:
    stream = template.functions["RecordEventsFunction"]["Events"]["Ledger"]["Properties"]
    assert stream["BisectBatchOnFunctionError"] is True
    assert 0 < stream["MaximumRetryAttempts"] <= 10
    assert subject(stream["DestinationConfig"]["OnFailure"]["Destination"]) == DEAD_LETTERS
    assert "ReportBatchItemFailures" in listed(stream["FunctionResponseTypes"])
