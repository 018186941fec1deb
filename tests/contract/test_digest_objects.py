"""Objects in customers' buckets, in memory and in S3."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from postroom.adapters.aws.digest_objects import S3DigestObjects
from postroom.adapters.memory.digest_objects import MemoryDigestObjects
from postroom.errors import AuditRefusedError, StoreUnavailableError
from postroom.ports.digest_objects import StoredObject
from tests.support.accounts import ACCOUNT_ID
from tests.support.audit_targets import Targets

if TYPE_CHECKING:
    from postroom.ports.digest_objects import DigestObjects
    from tests.support.stack import Stack

BUCKET: Final = "audit-of-example"
ONE, TWO = StoredObject(b"one\x00\xff", {"signature": "ab"}), StoredObject(b"two", {})


@pytest.fixture(params=["memory", "s3"])
def objects(request: pytest.FixtureRequest) -> DigestObjects:
    if request.param == "memory":
        return MemoryDigestObjects({BUCKET: {}})
    request.getfixturevalue("stack")
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return S3DigestObjects(client, ACCOUNT_ID)


def test_an_object_comes_back_with_its_metadata(objects: DigestObjects) -> None:
    objects.put(BUCKET, "a", ONE)
    assert objects.get(BUCKET, "a") == ONE
    assert objects.sha256(BUCKET, "a") == hashlib.sha256(ONE.content).hexdigest()
    assert objects.get(BUCKET, "b") is None
    assert objects.sha256(BUCKET, "b") is None


def test_a_new_object_is_stored_once(objects: DigestObjects) -> None:
    assert objects.put_new(BUCKET, "a", ONE)
    assert not objects.put_new(BUCKET, "a", TWO)
    assert objects.get(BUCKET, "a") == ONE
    objects.put(BUCKET, "a", TWO)
    assert objects.get(BUCKET, "a") == TWO


def test_keys_are_listed_by_prefix_in_order(objects: DigestObjects) -> None:
    for key in ("logs/b", "logs/é", "logs/a", "log", "other"):
        objects.put(BUCKET, key, ONE)
    assert list(objects.keys(BUCKET, "logs/")) == ["logs/a", "logs/b", "logs/é"]
    assert not list(objects.keys(BUCKET, "none/"))


def test_a_bucket_that_is_missing_refuses(objects: DigestObjects) -> None:
    for call in (
        lambda: objects.put_new("absent", "a", ONE),
        lambda: objects.put("absent", "a", ONE),
        lambda: objects.get("absent", "a"),
        lambda: objects.sha256("absent", "a"),
        lambda: list(objects.keys("absent", "")),
    ):
        with pytest.raises(AuditRefusedError, match="NoSuchBucket at the bucket absent"):
            call()


def test_a_put_that_a_policy_denies_log_delivery_is_not_made(stack: Stack) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT_ID}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    policies = Targets(0).policies
    objects = S3DigestObjects(client, ACCOUNT_ID, partial(policies.check_object, "digests"))
    assert objects.put_new(BUCKET, f"AWSLogs/{ACCOUNT_ID}/WorkMail-Digest/a", ONE)
    with pytest.raises(AuditRefusedError):
        objects.put_new(BUCKET, f"logs/AWSLogs/{ACCOUNT_ID}/WorkMail-Digest/a", ONE)
    with pytest.raises(AuditRefusedError):
        objects.put(BUCKET, "elsewhere", ONE)
    assert list(objects.keys(BUCKET, "")) == [f"AWSLogs/{ACCOUNT_ID}/WorkMail-Digest/a"]


class Answering:
    """Stands for a client of S3 whose calls end with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def put_object(self, **_: Any) -> None:
        raise self.error

    get_object = put_object


@pytest.mark.parametrize("code", ["AccessDenied", "AllAccessDisabled", "KMS.DisabledException"])
def test_a_bucket_or_key_that_denies_refuses(code: str) -> None:
    client: Any = Answering(ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject"))
    with pytest.raises(AuditRefusedError, match=code):
        S3DigestObjects(client, ACCOUNT_ID).put_new(BUCKET, "a", ONE)
    with pytest.raises(AuditRefusedError, match=code):
        S3DigestObjects(client, ACCOUNT_ID).get(BUCKET, "a")


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://s3"),
        ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject"),
        ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": ""}}, "PutObject"),
    ],
    ids=["no answer", "throttled", "another put under way"],
)
def test_s3_that_does_not_answer_is_unavailable(error: Exception) -> None:
    client: Any = Answering(error)
    with pytest.raises(StoreUnavailableError):
        S3DigestObjects(client, ACCOUNT_ID).put_new(BUCKET, "a", ONE)
    with pytest.raises(StoreUnavailableError):
        S3DigestObjects(client, ACCOUNT_ID).sha256(BUCKET, "a")
