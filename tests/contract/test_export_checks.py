"""Promises of ``ExportBuckets``, held in memory and over moto alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from postroom.adapters.aws.export_checks import AwsExportBuckets
from postroom.adapters.memory.export_checks import MemoryExportBuckets
from postroom.errors import StoreUnavailableError
from postroom.ports.export_checks import BucketFacts
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.ports.export_checks import ExportBuckets

REGION, ELSEWHERE, ACCOUNT = "eu-west-1", "us-west-2", "123456789012"
PLAIN = BucketFacts(REGION)
BY_POLICY = BucketFacts(REGION, public="its policy is public")
BY_ACL = BucketFacts(REGION, public="its ACL has a grant for AllUsers")


def policy(bucket: str, **changes: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | changes]})


@pytest.fixture
def s3() -> Iterator[Any]:
    with empty_account():
        client = boto3.client("s3", REGION, config=Config(retries={"total_max_attempts": 1}))
        here: Any = {"LocationConstraint": REGION}
        for name in ("plain", "policed", "open-by-policy", "open-by-acl"):
            client.create_bucket(Bucket=name, CreateBucketConfiguration=here)
        there: Any = {"LocationConstraint": ELSEWHERE}
        boto3.client("s3", ELSEWHERE).create_bucket(Bucket="abroad", CreateBucketConfiguration=there)
        own = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        client.put_bucket_policy(Bucket="policed", Policy=policy("policed", Principal=own))
        client.put_bucket_policy(Bucket="open-by-policy", Policy=policy("open-by-policy"))
        client.put_bucket_acl(Bucket="open-by-acl", ACL="public-read")
        yield client


@pytest.fixture(params=["memory", "aws"])
def buckets(request: pytest.FixtureRequest) -> ExportBuckets:
    if request.param == "memory":
        known = {"plain": PLAIN, "policed": PLAIN, "open-by-policy": BY_POLICY, "open-by-acl": BY_ACL}
        return MemoryExportBuckets({**known, "abroad": BucketFacts(ELSEWHERE)})
    return AwsExportBuckets(request.getfixturevalue("s3"), REGION, ACCOUNT)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("plain", PLAIN),
        ("policed", PLAIN),
        ("open-by-policy", BY_POLICY),
        ("open-by-acl", BY_ACL),
        ("abroad", BucketFacts(ELSEWHERE)),
        ("nowhere", None),
    ],
)
def test_a_bucket_says_where_it_is_and_whether_it_is_public(
    buckets: ExportBuckets, name: str, facts: BucketFacts | None
) -> None:
    assert buckets.describe(name) == facts


def test_the_bucket_is_asked_as_one_of_this_account(s3: Any) -> None:
    """Moto 5.2 does not read ExpectedBucketOwner: it would describe buckets of all accounts."""
    asked: dict[str, str | None] = {}

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        asked[model.name] = params["headers"].get("x-amz-expected-bucket-owner")

    s3.meta.events.register("before-call.s3", note)
    AwsExportBuckets(s3, REGION, ACCOUNT).describe("plain")
    assert asked == {"HeadBucket": None, "GetBucketPolicyStatus": ACCOUNT, "GetBucketAcl": ACCOUNT}


@pytest.fixture
def answers(s3: Any) -> Callable[..., ExportBuckets]:
    """Let S3 answer an operation in its own way."""

    def let(operation: str, status: int, headers: dict[str, str] | None = None, code: str = "") -> ExportBuckets:
        body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""

        def answer(**_: Any) -> AWSResponse:
            raw: Any = type("Raw", (), {"stream": lambda *_: iter([body])})()
            given: Any = headers or {}
            return AWSResponse("https://s3", status, given, raw)

        s3.meta.events.register_first(f"before-send.s3.{operation}", answer)
        return AwsExportBuckets(s3, REGION, ACCOUNT)

    return let


@pytest.mark.parametrize(
    ("status", "headers", "facts"),
    [
        (403, {"x-amz-bucket-region": REGION}, PLAIN),
        (403, {"x-amz-bucket-region": ELSEWHERE}, BucketFacts(ELSEWHERE)),
        (403, {}, PLAIN),
        (404, {}, None),
    ],
)
def test_a_bucket_whose_objects_may_not_be_listed_says_its_region(
    answers: Callable[..., ExportBuckets], status: int, headers: dict[str, str], facts: BucketFacts | None
) -> None:
    assert answers("HeadBucket", status, headers).describe("plain") == facts


@pytest.mark.parametrize("operation", ["GetBucketPolicyStatus", "GetBucketAcl"])
def test_a_bucket_that_may_not_be_looked_at_is_not_readable(
    answers: Callable[..., ExportBuckets], operation: str
) -> None:
    found = answers(operation, 403, code="AccessDenied").describe("plain")
    assert found == BucketFacts(REGION, readable=False)


@pytest.mark.parametrize("operation", ["HeadBucket", "GetBucketPolicyStatus", "GetBucketAcl"])
def test_a_bucket_that_throttles_may_be_asked_again(answers: Callable[..., ExportBuckets], operation: str) -> None:
    with pytest.raises(StoreUnavailableError):
        answers(operation, 503, code="" if operation == "HeadBucket" else "SlowDown").describe("plain")


@pytest.mark.parametrize(("name", "facts"), [("plain", PLAIN), ("policed", BY_POLICY)])
def test_where_nothing_says_what_a_policy_means_every_policy_is_public(
    answers: Callable[..., ExportBuckets], name: str, facts: BucketFacts
) -> None:
    """LocalStack 4.14.0 has no GetBucketPolicyStatus."""
    assert answers("GetBucketPolicyStatus", 501, code="InternalFailure").describe(name) == facts


def test_a_silent_service_may_be_asked_again(s3: Any) -> None:
    def cut(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    s3.meta.events.register_first("before-send.s3", cut)
    with pytest.raises(StoreUnavailableError):
        AwsExportBuckets(s3, REGION, ACCOUNT).describe("plain")
