"""A stock boto3 client of the Message Flow API, whose requests end in the function, wired as on AWS, over moto."""

from __future__ import annotations

import email
import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.function_roles import LambdaFunctionRoles
from postroom.bootstrap import message_flow_api, parts
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.message_flow_api import MessageFlowApiSettings
from postroom.contracts.message_flow import DELIMITER
from postroom.contracts.orders import RawLocation
from postroom.model.consent import PUT_CONTENT
from postroom.model.facts import RECEIVED, EventName, Fact, flow_message_id
from postroom.model.records import Insert
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import Commit, Outcome
from tests.support.builders import FUNCTION, ORG, TRACE, call, order
from tests.support.directory_records import organization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.stack import Stack

LISTED = "arn:aws:iam::123456789012:user/ann"
MESSAGE_ID = flow_message_id(TRACE)
ORIGINAL = b"From: bob@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
CHANGED = ORIGINAL.replace(b"Hello\r\nM", b"[External] Hello\r\nM")


class Body:
    """What botocore reads a response from, and what a caller streams it from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content

    def read(self, amt: int | None = None) -> bytes:
        taken, self._content = self._content[:amt], b"" if amt is None else self._content[amt:]
        return taken


@pytest.fixture
def variables(stack: Stack) -> dict[str, str]:
    own = {"ACCOUNT_ID": "123456789012", "MESSAGE_FLOW_PRINCIPALS": LISTED, "PUT_CONTENT_BUCKETS": "TAGGED"}
    return {**stack.environment, **own}


@pytest.fixture
def settings(variables: dict[str, str]) -> MessageFlowApiSettings:
    return MessageFlowApiSettings.read(variables)


@pytest.fixture
def flow(stack: Stack, settings: MessageFlowApiSettings) -> Any:
    """A stock client; one message is on its way."""
    table = DirectoryTable(stack.dynamodb, stack.environment["DIRECTORY_TABLE"])
    DynamoDirectory(table).commit([Insert(organization(ORG))])
    stack.s3.put_object(Bucket="inbound-bucket", Key="inbound/1", Body=ORIGINAL)
    raw = RawLocation(bucket="inbound-bucket", key="inbound/1")
    name, data = EventName.ORGANIZATION_EMAIL_RECEIVED, {"raw": raw.model_dump(), "size": len(ORIGINAL)}
    received = Fact(TRACE, ORG, name, RECEIVED, now_ms(), {}, data)
    assert parts.transit(settings).commit(Commit(facts=[received], orders=[order()])) is Outcome.DONE
    client: Any = boto3.client("workmailmessageflow", config=Config(retries={"total_max_attempts": 1}))
    client.meta.events.register("before-send.workmailmessageflow", routed(message_flow_api.build(settings)))
    return client


def routed(answer: Callable[[dict[str, Any], str], Any], caller: str = LISTED) -> Callable[..., AWSResponse]:
    """Do what API Gateway does with a request and a streamed answer; ``caller`` is the ARN of the signature's."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        path = urlsplit(request.url).path
        prefix, message_id = path.rsplit("/", 1)
        assert prefix == "/messages"
        sent: Any = request.body
        event = {
            "httpMethod": request.method,
            "path": path,
            "pathParameters": {"messageId": unquote(message_id)},
            "headers": {},
            "body": sent.decode() if isinstance(sent, bytes) else sent,
            "isBase64Encoded": False,
            "requestContext": {"requestId": "request-1", "identity": {"userArn": caller}},
        }
        streamed = b"".join(answer(event, "own").answer.pieces())
        head, content = streamed.split(DELIMITER, 1)
        read = json.loads(head)
        raw: Any = Body(content)
        return AWSResponse(request.url, read["statusCode"], read["headers"], raw)

    return send


@pytest.fixture
def bucket(stack: Stack) -> str:
    stack.s3.create_bucket(Bucket="rule-functions")
    tags: Any = {"TagSet": [{"Key": PUT_CONTENT, "Value": ORG}]}
    stack.s3.put_bucket_tagging(Bucket="rule-functions", Tagging=tags)
    return "rule-functions"


def location(key: str, bucket: str = "rule-functions", **version: str) -> dict[str, Any]:
    return {"s3Reference": {"bucket": bucket, "key": key, **version}}


def read(flow: Any) -> bytes:
    content: bytes = flow.get_raw_message_content(messageId=MESSAGE_ID)["messageContent"].read()
    return content


def test_a_message_comes_out_and_another_content_goes_in(flow: Any, stack: Stack, bucket: str) -> None:
    assert read(flow) == ORIGINAL
    stack.s3.put_object(Bucket=bucket, Key="a/B-1", Body=CHANGED)
    answer = flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("a/B-1"))
    assert set(answer) == {"ResponseMetadata"}
    assert answer["ResponseMetadata"]["RequestId"] == "request-1"
    assert read(flow) == CHANGED
    assert stack.objects("INBOUND_BUCKET")["inbound/1"] == ORIGINAL


def test_a_put_content_is_a_copy(flow: Any, stack: Stack, bucket: str) -> None:
    stack.s3.put_object(Bucket=bucket, Key="k", Body=CHANGED)
    flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k"))
    stack.s3.put_object(Bucket=bucket, Key="k", Body=b"changed since")
    assert read(flow) == CHANGED
    stack.s3.delete_object(Bucket=bucket, Key="k")
    assert read(flow) == CHANGED


def test_a_version_may_be_named(flow: Any, stack: Stack, bucket: str) -> None:
    stack.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = stack.s3.put_object(Bucket=bucket, Key="k", Body=CHANGED)["VersionId"]
    stack.s3.put_object(Bucket=bucket, Key="k", Body=b"no message")
    flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k", objectVersion=first))
    assert read(flow) == CHANGED
    stack.s3.delete_object(Bucket=bucket, Key="k")
    with pytest.raises(flow.exceptions.InvalidContentLocation, match="no object"):
        flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k"))


@pytest.mark.parametrize("message_id", [flow_message_id("0" * 32), "UPPER", "..", "x" * 200])
def test_no_message_is_the_modelled_error(flow: Any, message_id: str) -> None:
    with pytest.raises(flow.exceptions.ResourceNotFoundException) as caught:
        flow.get_raw_message_content(messageId=message_id)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(flow.exceptions.ResourceNotFoundException):
        flow.put_raw_message_content(messageId=message_id, content=location("k"))


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"bucket": "nowhere", "key": "k"}, "no bucket nowhere"),
        ({"bucket": "rule-functions", "key": "missing"}, "no object"),
        ({"bucket": "rule-functions", "key": "../k"}, "key:"),
        ({"bucket": "rule.functions", "key": "k"}, "bucket:"),
        ({"bucket": "inbound-bucket", "key": "inbound/1"}, "own"),
    ],
)
def test_a_content_that_cannot_be_read_is_the_modelled_error(
    flow: Any, bucket: str, where: dict[str, str], says: str
) -> None:
    with pytest.raises(flow.exceptions.InvalidContentLocation, match=says) as caught:
        flow.put_raw_message_content(messageId=MESSAGE_ID, content={"s3Reference": where})
    assert caught.value.response["Error"]["Code"] == "InvalidContentLocation"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_content_that_is_no_message_is_the_modelled_error(flow: Any, stack: Stack, bucket: str) -> None:
    stack.s3.put_object(Bucket=bucket, Key="k", Body=CHANGED.replace(b"Subject", b"Subject: twice\r\nSubject"))
    with pytest.raises(flow.exceptions.MessageRejected, match="Subject occurs more than once"):
        flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k"))
    stack.s3.put_object(Bucket=bucket, Key="k", Body=b"x" * (41 << 20))
    with pytest.raises(flow.exceptions.MessageRejected, match="larger than 40 MB"):
        flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k"))
    assert read(flow) == ORIGINAL


TAGGER = "arn:aws:sts::123456789012:assumed-role/tagger-role/tag-subjects"
OTHER_SESSION = "arn:aws:sts::123456789012:assumed-role/other-role/other"


def test_a_message_is_for_sessions_of_the_role_of_its_rules_function(
    flow: Any, settings: MessageFlowApiSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function's role is asked of Lambda, by its ARN."""
    asked = []

    def role(_self: object, function_arn: str, *, again: bool = False) -> str:
        asked.append((function_arn, again))
        return "arn:aws:iam::123456789012:role/rules/tagger-role"

    monkeypatch.setattr(LambdaFunctionRoles, "role", role)
    parts.transit(settings).commit(Commit(orders=[call()]))
    answer = message_flow_api.build(settings)

    def as_(caller: str) -> Any:
        client: Any = boto3.client("workmailmessageflow", config=Config(retries={"total_max_attempts": 1}))
        client.meta.events.register("before-send.workmailmessageflow", routed(answer, caller))
        return client

    assert read(as_(TAGGER)) == read(flow) == ORIGINAL
    assert asked == [(FUNCTION, False)]
    for caller in (OTHER_SESSION, "arn:aws:iam::123456789012:user/eve", ""):
        with pytest.raises(ClientError) as caught:
            read(as_(caller))
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        said = f"User: {caller or 'anonymous'} is not authorized to perform: workmailmessageflow:GetRawMessageContent"
        assert said in caught.value.response["Error"]["Message"]
        with pytest.raises(ClientError, match="AccessDeniedException"):
            as_(caller).put_raw_message_content(messageId=MESSAGE_ID, content=location("k"))


def test_a_bucket_that_is_not_meant_for_it_is_the_modelled_error(flow: Any, stack: Stack) -> None:
    stack.s3.create_bucket(Bucket="payroll")
    stack.s3.put_object(Bucket="payroll", Key="k", Body=CHANGED)
    with pytest.raises(flow.exceptions.InvalidContentLocation, match=f"payroll is not meant for messages of {ORG}"):
        flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k", "payroll"))
    assert read(flow) == ORIGINAL


def test_a_frozen_message_is_the_modelled_error(
    flow: Any, stack: Stack, bucket: str, settings: MessageFlowApiSettings
) -> None:
    parts.transit(settings).commit(Commit(contents=FlowContents(TRACE, frozen=True)))
    stack.s3.put_object(Bucket=bucket, Key="k", Body=CHANGED)
    with pytest.raises(flow.exceptions.MessageFrozen):
        flow.put_raw_message_content(messageId=MESSAGE_ID, content=location("k"))


def test_the_guides_function_changes_a_subject(flow: Any, stack: Stack, bucket: str) -> None:
    """The steps of the guide's example, ZH:4345 onwards, with this client and bucket."""
    parsed = email.message_from_bytes(read(flow))
    parsed.replace_header("Subject", "New Subject Updated From Lambda")
    key = str(uuid.uuid4())
    stack.s3.put_object(Body=parsed.as_bytes(), Bucket=bucket, Key=key)
    flow.put_raw_message_content(messageId=MESSAGE_ID, content={"s3Reference": {"bucket": bucket, "key": key}})
    assert email.message_from_bytes(read(flow))["Subject"] == "New Subject Updated From Lambda"


def test_times_that_the_speed_divides_end_sooner(stack: Stack, flow: Any, variables: dict[str, str]) -> None:
    fast = MessageFlowApiSettings.read({**variables, "POSTROOM_SPEED": "86400000"})
    client: Any = boto3.client("workmailmessageflow")
    client.meta.events.register("before-send.workmailmessageflow", routed(message_flow_api.build(fast)))
    stack.dynamodb.update_item(
        TableName=fast.ledger_table,
        Key={"pk": {"S": TRACE}, "sk": {"S": RECEIVED}},
        UpdateExpression="SET #at = :at",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":at": {"N": str(now_ms() - 2000)}},
    )
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_raw_message_content(messageId=MESSAGE_ID)
    assert read(flow) == ORIGINAL
