"""A stock boto3 client whose requests end in the function, wired as on AWS, over moto."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws

from contracts import generate
from local.emulator import patches
from postroom.adapters.aws import clients
from postroom.bootstrap import admin_api
from postroom.bootstrap.admin_api import AdminApiSettings

ACCOUNT = "123456789012"
RULE_SET = "mail"
IMPORT_ROLE = "arn:aws:iam::123456789012:role/import"
EXPORT_ROLES = [f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("plan-export", "pack-export", "seal-export")]
RECORD_EVENTS_ROLE = f"arn:aws:iam::{ACCOUNT}:role/record-events"

Answer = Callable[[dict[str, Any], str], Any]
NeedsActive = Callable[[Mapping[str, Mapping[str, Any]]], None]


class Body:
    """What botocore reads a response from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


def proxy_event(request: AWSPreparedRequest, *, encoded: bool = False) -> dict[str, Any]:
    """Return the event that API Gateway would make of a request."""
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    raw: dict[str, Any] = dict(request.headers.items())
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in raw.items()}
    return {
        "httpMethod": "POST",
        "path": "/",
        "headers": headers,
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
        "requestContext": {"requestId": "request-1"},
    }


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DATA_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    clients.forget()
    with mock_aws():
        patches.apply()
        yield
    clients.forget()


@pytest.fixture
def settings(aws: None) -> AdminApiSettings:
    """What template.yaml makes, as far as the admin API needs it."""
    for name in ("directory", "mailboxes", "transit", "ledger"):
        boto3.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    boto3.client("s3").create_bucket(Bucket="inbound")
    boto3.client("ses").create_receipt_rule_set(RuleSetName=RULE_SET)
    return AdminApiSettings.read(
        {
            "AUDIT_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="audit")["QueueUrl"],
            "DIRECTORY_TABLE": "directory",
            "MAILBOX_TABLE": "mailboxes",
            "INBOUND_BUCKET": "inbound",
            "MAIL_BUCKET": "mail",
            "API_TRAIL_LOG_GROUP": "api-trail",
            "INBOUND_TOPIC_ARN": boto3.client("sns").create_topic(Name="inbound")["TopicArn"],
            "RECEIPT_RULE_SET_NAME": RULE_SET,
            "STACK_KEY_ARN": boto3.client("kms").create_key()["KeyMetadata"]["Arn"],
            "TEST_DOMAIN_SUFFIX": "mail.test",
            "RECORD_EVENTS_ROLE_ARN": RECORD_EVENTS_ROLE,
            "AVAILABILITY_SECRET_PREFIX": "postroom/availability/",
            "PRIVATE_EWS_SERVERS": "NONE",
            "PRIVATE_SMTP_GATEWAYS": "NONE",
            "ROLE_PASSERS": "ANY",
            "FIRST_ADMINISTRATORS": "NONE",
            "QUERY_AVAILABILITY_FUNCTION": "query_availability",
            "SUBMIT_FUNCTION": "submit",
            "LEDGER_TABLE": "ledger",
            "TRANSIT_TABLE": "transit",
            "PLAN_EXPORT_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="plan-export")["QueueUrl"],
            "SEAL_EXPORT_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="seal-export")["QueueUrl"],
            "IMPORT_MAILBOX_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="import-mailbox")["QueueUrl"],
            "IMPORT_ROLE_ARN": IMPORT_ROLE,
            "EXPORT_ROLE_ARNS": ",".join(EXPORT_ROLES),
        }
    )


@pytest.fixture
def answer(settings: AdminApiSettings) -> Answer:
    """The function's answer to an event."""
    built = admin_api.build(settings)
    return lambda event, request_id: built(event, request_id).response


@pytest.fixture
def route(answer: Answer) -> Callable[..., AWSResponse]:
    """Answers what botocore is about to send; to be registered for ``before-send.workmail``."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        response = answer(proxy_event(request), "")
        raw: Any = Body(response["body"].encode())
        return AWSResponse(request.url, response["statusCode"], response["headers"], raw)

    return send


@pytest.fixture
def workmail(route: Callable[..., AWSResponse]) -> Any:
    """A stock client."""
    client: Any = boto3.client("workmail")
    client.meta.events.register("before-send.workmail", route)
    return client


@pytest.fixture
def taught_workmail(route: Callable[..., AWSResponse], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stock client of a process that has AWS_DATA_PATH, and so operations of ours."""
    monkeypatch.setenv("AWS_DATA_PATH", str(generate.CLIENT))
    client: Any = boto3.session.Session().client("workmail")
    client.meta.events.register("before-send.workmail", route)
    return client


@pytest.fixture
def acme(workmail: Any) -> str:
    """The id of an organization with the alias acme and the domain example.com."""
    made: str = workmail.create_organization(Alias="acme", Domains=[{"DomainName": "example.com"}])["OrganizationId"]
    return made


@pytest.fixture
def refused(workmail: Any) -> Callable[..., None]:
    """Checks that an operation raises an exception of the model; takes its code, the operation, and the request."""

    def call(code: str, operation: str, **request: Any) -> None:
        with pytest.raises(getattr(workmail.exceptions, code)):
            getattr(workmail, operation)(**request)

    return call


@pytest.fixture
def needs_active(workmail: Any, acme: str, refused: Callable[..., None]) -> NeedsActive:
    """Checks that operations, by name with their requests, refuse an unknown organization and a deleted one."""

    def check(operations: Mapping[str, Mapping[str, Any]]) -> None:
        workmail.delete_organization(OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
        for name, request in operations.items():
            refused("OrganizationNotFoundException", name, OrganizationId="m-" + "0" * 32, **request)
            refused("OrganizationStateException", name, OrganizationId=acme, **request)

    return check


@pytest.fixture
def post(answer: Answer) -> Callable[..., tuple[int, dict[str, Any], dict[str, str]]]:
    """Send a body to a target as it stands; returns status, body and headers."""

    def send(body: str | None, target: str | None, **event: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        headers = {"content-type": "application/x-amz-json-1.1"} | ({"x-amz-target": target} if target else {})
        response = answer({"headers": headers, "body": body, "requestContext": {"requestId": "r-1"}} | event, "own")
        return response["statusCode"], json.loads(response["body"]), response["headers"]

    return send


@pytest.fixture
def route_lambda(aws: None) -> Iterator[Callable[[Callable[[dict[str, Any]], Any]], None]]:
    """Let a callable answer every invocation of a function."""
    hooks: Any = clients.availability_queries().meta.events
    answers: list[Callable[[dict[str, Any]], Any]] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        payload: Any = io.BytesIO(json.dumps(answers[-1](json.loads(cast("bytes", request.body)))).encode())
        headers: Any = {"x-amzn-RequestId": "r"}
        return AWSResponse(request.url, 200, headers, payload)

    hooks.register("before-send.lambda.Invoke", answer)
    yield answers.append
    hooks.unregister("before-send.lambda.Invoke", answer)
