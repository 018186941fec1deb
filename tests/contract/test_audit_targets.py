"""Promises of ``AuditTargets``, held in memory and over moto alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError

from postroom.adapters.aws.audit_targets import AwsAuditTargets
from postroom.adapters.memory.audit_deliveries import MemoryAuditTargets
from postroom.errors import StoreUnavailableError
from postroom.model.audit_targets import AuditTarget, target_of
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.audit_targets import AuditTargets

REGION, ELSEWHERE = "eu-west-1", "us-west-2"
GROUP = f"arn:aws:logs:{REGION}:123456789012:log-group:/audit/all"
STREAM = f"arn:aws:firehose:{REGION}:123456789012:deliverystream/workmail-audit"
BUCKET, ABROAD = "arn:aws:s3:::audit-here", "arn:aws:s3:::audit-abroad"


def at(arn: str) -> AuditTarget:
    target = target_of(arn)
    assert target is not None
    return target


@pytest.fixture
def clients() -> Iterator[tuple[Any, Any, Any]]:
    with empty_account():
        yield boto3.client("logs", REGION), boto3.client("s3", REGION), boto3.client("firehose", REGION)


@pytest.fixture(params=["memory", "aws"])
def targets(request: pytest.FixtureRequest) -> AuditTargets:
    if request.param == "memory":
        return MemoryAuditTargets({GROUP: REGION, STREAM: REGION, BUCKET: REGION, ABROAD: ELSEWHERE})
    logs, s3, firehose = request.getfixturevalue("clients")
    logs.create_log_group(logGroupName="/audit/all")
    for arn, region in ((BUCKET, REGION), (ABROAD, ELSEWHERE)):
        where: Any = {"LocationConstraint": region}
        boto3.client("s3", region).create_bucket(Bucket=at(arn).name, CreateBucketConfiguration=where)
    firehose.create_delivery_stream(
        DeliveryStreamName="workmail-audit",
        ExtendedS3DestinationConfiguration={"RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": BUCKET},
    )
    return AwsAuditTargets(logs, s3, firehose, REGION)


@pytest.mark.parametrize("arn", [GROUP, STREAM, BUCKET, f"{BUCKET}/some/prefix"])
def test_a_destination_that_exists_has_a_region(targets: AuditTargets, arn: str) -> None:
    assert targets.region(at(arn)) == REGION


def test_a_bucket_may_be_in_another_region(targets: AuditTargets) -> None:
    assert targets.region(at(ABROAD)) == ELSEWHERE


@pytest.mark.parametrize("arn", [GROUP[:-1], STREAM[:-1], BUCKET[:-1]])
def test_what_does_not_exist_has_none(targets: AuditTargets, arn: str) -> None:
    assert targets.region(at(arn)) is None


def _answer(status: int, headers: Any) -> Any:
    return lambda **_: AWSResponse("https://s3", status, headers, type("Raw", (), {"stream": lambda *_: iter([b""])})())


@pytest.mark.parametrize(
    ("status", "headers", "region"),
    [
        (403, {"x-amz-bucket-region": ELSEWHERE}, ELSEWHERE),
        (403, {"x-amz-bucket-region": REGION}, REGION),
        (403, {}, None),
        (404, {}, None),
    ],
)
def test_a_bucket_whose_answer_denies_access_tells_its_region(
    clients: tuple[Any, Any, Any], status: int, headers: dict[str, str], region: str | None
) -> None:
    _, s3, _ = clients
    s3.meta.events.register_first("before-send.s3.HeadBucket", _answer(status, headers))
    assert AwsAuditTargets(*clients, REGION).region(at(BUCKET)) == region


def test_services_that_are_silent_may_be_asked_again(clients: tuple[Any, Any, Any]) -> None:
    def cut(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    for client in clients:
        client.meta.events.register_first("before-send", cut)
    for arn in (GROUP, STREAM, BUCKET):
        with pytest.raises(StoreUnavailableError):
            AwsAuditTargets(*clients, REGION).region(at(arn))


def test_a_bucket_that_throttles_may_be_asked_again(clients: tuple[Any, Any, Any]) -> None:
    _, s3, _ = clients
    s3.meta.events.register_first("before-send.s3.HeadBucket", _answer(503, {}))
    s3.meta.events.register_first("needs-retry.s3", lambda **_: None)
    with pytest.raises(StoreUnavailableError):
        AwsAuditTargets(*clients, REGION).region(at(BUCKET))
