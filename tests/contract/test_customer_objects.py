"""Customers' objects, in memory and in S3 alike."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest

from postroom.adapters.aws.content_buckets import ContentBuckets
from postroom.adapters.aws.customer_objects import S3CustomerObjects
from postroom.adapters.memory.customer_objects import MemoryBucket, MemoryCustomerObjects
from postroom.contracts.message_flow import InvalidContentLocation, MessageRejected, S3Reference
from postroom.errors import StoreUnavailableError
from postroom.model.audit_targets import Place
from postroom.model.consent import PUT_CONTENT
from tests.support.builders import ORG

if TYPE_CHECKING:
    from postroom.ports.customer_objects import CustomerObjects
    from tests.support.stack import Stack

OURS = "123456789012"
THEIRS = "111122223333"
OWN = "inbound-bucket"
MB = 1 << 20
PLACE = Place("aws", "us-east-1", OURS)


def meant(stack: Stack, *listed: str) -> ContentBuckets:
    return ContentBuckets(stack.s3, PLACE, frozenset(listed) or None, lambda: 0.0)


class Shelf(Protocol):
    @property
    def objects(self) -> CustomerObjects: ...

    def make(
        self, bucket: str, *, account: str = OURS, region: str = "us-east-1", deny: bool = False, meant_for: str = ORG
    ) -> None: ...

    def store(self, bucket: str, key: str, content: bytes) -> str:
        """Store a version and return its id."""
        ...


class MemoryShelf:
    def __init__(self) -> None:
        self.objects = MemoryCustomerObjects(own=frozenset({OWN}))
        self.make(OWN)

    def make(
        self, bucket: str, *, account: str = OURS, region: str = "us-east-1", deny: bool = False, meant_for: str = ORG
    ) -> None:
        self.objects.buckets[bucket] = MemoryBucket(account, region, deny, tuple(meant_for.split()))

    def store(self, bucket: str, key: str, content: bytes) -> str:
        versions = self.objects.buckets[bucket].objects.setdefault(key, [])
        versions.append(content)
        return str(len(versions))


class S3Shelf:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.objects = S3CustomerObjects(stack.s3, meant(stack), frozenset({OWN}))

    def make(
        self, bucket: str, *, account: str = OURS, region: str = "us-east-1", deny: bool = False, meant_for: str = ORG
    ) -> None:
        # the key is the account at LocalStack, the header at moto
        client: Any = boto3.client("s3", aws_access_key_id=account, aws_secret_access_key="test")
        client.meta.events.register(
            "before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", account)
        )
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=bucket, **place)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        if meant_for:
            client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": PUT_CONTENT, "Value": meant_for}]})
        if deny:
            statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def store(self, bucket: str, key: str, content: bytes) -> str:
        return self.stack.s3.put_object(Bucket=bucket, Key=key, Body=content)["VersionId"]


@pytest.fixture(params=["memory", "s3"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return MemoryShelf() if request.param == "memory" else S3Shelf(request.getfixturevalue("stack"))


def refusal(shelf: Shelf, *reference: str) -> str:
    with pytest.raises(InvalidContentLocation) as caught:
        shelf.objects.read(S3Reference(*reference), ORG, limit_bytes=MB)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", bytes(range(256)), b"x" * MB])
def test_an_object_is_read_byte_for_byte(shelf: Shelf, content: bytes) -> None:
    shelf.make("mine")
    shelf.store("mine", "a/b-C", content)
    assert shelf.objects.read(S3Reference("mine", "a/b-C"), ORG, limit_bytes=MB) == content


def test_a_version_is_read_whatever_was_stored_since(shelf: Shelf) -> None:
    shelf.make("mine")
    first, second = (shelf.store("mine", "k", content) for content in (b"one", b"two"))
    assert shelf.objects.read(S3Reference("mine", "k", first), ORG, limit_bytes=MB) == b"one"
    assert shelf.objects.read(S3Reference("mine", "k", second), ORG, limit_bytes=MB) == b"two"
    assert shelf.objects.read(S3Reference("mine", "k"), ORG, limit_bytes=MB) == b"two"


def test_a_larger_object_is_not_read(shelf: Shelf) -> None:
    shelf.make("mine")
    shelf.store("mine", "k", b"x" * (MB + 1))
    with pytest.raises(MessageRejected, match="larger than 1 MB"):
        shelf.objects.read(S3Reference("mine", "k"), ORG, limit_bytes=MB)


def test_what_is_not_there_is_named(shelf: Shelf) -> None:
    shelf.make("mine")
    shelf.store("mine", "k", b"x")
    assert "no bucket nowhere" in refusal(shelf, "nowhere", "k")
    assert "no object s3://mine/other" in refusal(shelf, "mine", "other")
    assert "no such version: s3://mine/k, version 404" in refusal(shelf, "mine", "k", "404")


def test_a_bucket_of_another_account_is_refused(shelf: Shelf) -> None:
    shelf.make("theirs", account=THEIRS)
    assert "belongs to another account" in refusal(shelf, "theirs", "k")


def test_a_bucket_in_another_region_is_refused(shelf: Shelf) -> None:
    shelf.make("far", region="eu-west-1")
    shelf.store("far", "k", b"x")
    assert "is in eu-west-1, not in us-east-1" in refusal(shelf, "far", "k")


def test_a_bucket_whose_policy_denies_is_refused(shelf: Shelf) -> None:
    shelf.make("closed", deny=True)
    shelf.store("closed", "k", b"x")
    assert "denied" in refusal(shelf, "closed", "k")


@pytest.mark.parametrize("meant_for", ["", "m-other", f"{ORG}0"])
def test_a_bucket_that_is_not_meant_for_the_organization_is_refused(shelf: Shelf, meant_for: str) -> None:
    shelf.make("others", meant_for=meant_for)
    shelf.store("others", "k", b"x")
    assert f"not meant for {ORG}" in refusal(shelf, "others", "k").replace("messages of ", "")


@pytest.mark.parametrize("meant_for", ["all", f"m-other {ORG}"])
def test_a_bucket_may_be_meant_for_many_organizations(shelf: Shelf, meant_for: str) -> None:
    shelf.make("shared", meant_for=meant_for)
    shelf.store("shared", "k", b"x")
    assert shelf.objects.read(S3Reference("shared", "k"), ORG, limit_bytes=MB) == b"x"


def test_mail_of_others_cannot_be_put_by_naming_our_own_bucket(shelf: Shelf) -> None:
    assert "mail system's own" in refusal(shelf, OWN, "inbound/1")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("InvalidObjectState", "cannot be read as it is stored: InvalidObjectState"),  # archived
        ("InvalidRequest", "cannot be read as it is stored: InvalidRequest"),  # encrypted with a key of the caller's
        ("KMS.DisabledException", "cannot be read as it is stored: KMS.DisabledException"),
        ("NoSuchBucket", "There is no bucket mine"),  # deleted since it was looked at
    ],
)
def test_an_object_that_no_retry_will_read_is_said(stack: Stack, code: str, says: str) -> None:
    stack.s3.create_bucket(Bucket="mine")
    events: Any = stack.s3.meta.events
    events.register("before-call.s3.GetObject", partial(_refused, 400, code))
    with pytest.raises(InvalidContentLocation, match=says):
        S3CustomerObjects(stack.s3, meant(stack, "mine"), frozenset()).read(
            S3Reference("mine", "k"), ORG, limit_bytes=1
        )


def test_a_store_that_does_not_answer_may_be_asked_again(stack: Stack) -> None:
    objects = S3CustomerObjects(stack.s3, meant(stack, "mine"), frozenset())
    stack.s3.create_bucket(Bucket="mine")
    events: Any = stack.s3.meta.events
    events.register("before-call.s3.GetObject", partial(_refused, 500, "InternalError"))
    with pytest.raises(StoreUnavailableError):
        objects.read(S3Reference("mine", "k"), ORG, limit_bytes=1)
    events.register("before-call.s3.HeadBucket", partial(_refused, 500, "InternalError"))
    with pytest.raises(StoreUnavailableError):
        objects.read(S3Reference("mine", "k"), ORG, limit_bytes=1)


def _refused(status: int, code: str, **_: Any) -> Any:
    class Answer:
        status_code = status

    return Answer(), {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {}}
