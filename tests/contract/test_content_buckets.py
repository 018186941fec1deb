"""Buckets say with a tag, or with the policy that WorkMail needs, that PutRawMessageContent may read them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.aws.content_buckets import CACHE_S, ContentBuckets
from postroom.contracts.message_flow import InvalidContentLocation, S3Reference
from postroom.errors import StoreUnavailableError
from postroom.model.audit_targets import Place
from postroom.model.consent import PUT_CONTENT
from postroom.model.content_buckets import lets_workmail_read
from tests.support.builders import ORG, OTHER

if TYPE_CHECKING:
    from tests.support.stack import Stack

PLACE: Final = Place("aws", "us-east-1", "123456789012")
HERE: Final = S3Reference("mine", "a/b")


def guide(**changes: Any) -> dict[str, Any]:
    """The guide's bucket policy, ZH:4303-4335, for one organization."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "workmail.us-east-1.amazonaws.com"},
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": "arn:aws:s3:::mine/*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "Bool": {"aws:SecureTransport": "true"},
            "ArnLike": {"aws:SourceArn": f"arn:aws:workmailmessageflow:us-east-1:123456789012:message/{ORG}/*"},
        },
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


SAMPLES: Final = {
    "Bool": {"aws:SecureTransport": True},
    "ArnLike": {"aws:SourceArn": "arn:aws:workmailmessageflow:us-east-1:123456789012:message/*"},
}
"""Conditions of AWS's sample applications, with JSON's true."""

PLAIN_HTTP: Final = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::mine/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize(
    ("policy", "may"),
    [
        (guide(), True),
        (guide(Condition=SAMPLES), True),
        ({"Statement": [*guide()["Statement"], PLAIN_HTTP]}, True),
        (guide(Resource="arn:aws:s3:::other/*"), False),
        (guide(Resource="arn:aws:s3:::mine/b/*"), False),
        (guide(Action="s3:PutObject"), False),
        (guide(Principal={"Service": "workmail.eu-west-1.amazonaws.com"}), False),
        (guide(Principal={"AWS": "arn:aws:iam::123456789012:root"}), False),
        (guide(Principal="*"), False),
        (guide(Effect="Deny"), False),
        ({"Statement": [*guide()["Statement"], *guide(Effect="Deny", Principal="*")["Statement"]]}, False),
        ({}, False),
    ],
)
def test_workmails_policy_is_a_consent(policy: dict[str, Any], *, may: bool) -> None:
    assert lets_workmail_read(policy, PLACE, ORG, "mine", "a/b") is may
    assert not lets_workmail_read(guide(), PLACE, OTHER, "mine", "a/b"), "of another organization"


@pytest.fixture
def mine(stack: Stack) -> Any:
    client: Any = stack.s3
    client.create_bucket(Bucket="mine")
    return client


def tag(client: Any, value: str) -> None:
    client.put_bucket_tagging(Bucket="mine", Tagging={"TagSet": [{"Key": PUT_CONTENT, "Value": value}]})


def test_a_bucket_is_meant_for_the_organizations_that_it_names(mine: Any) -> None:
    now = 0.0
    buckets = ContentBuckets(mine, PLACE, None, lambda: now)
    refused = pytest.raises(InvalidContentLocation, match=f"not meant for messages of {ORG}. Its tag {PUT_CONTENT}")
    with refused:
        buckets.check(HERE, ORG)
    tag(mine, OTHER)
    with refused:
        buckets.check(HERE, ORG)
    buckets.check(HERE, OTHER)
    tag(mine, f"{OTHER} {ORG}")
    buckets.check(HERE, ORG)  # read again, because what was kept did not allow it
    mine.delete_bucket_tagging(Bucket="mine")
    buckets.check(HERE, ORG)
    now = CACHE_S
    with refused:
        buckets.check(HERE, ORG)
    mine.put_bucket_policy(Bucket="mine", Policy=json.dumps(guide()))
    buckets.check(HERE, ORG)
    with pytest.raises(InvalidContentLocation):
        buckets.check(HERE, OTHER)


def test_a_list_is_all_that_counts(mine: Any) -> None:
    tag(mine, "all")
    ContentBuckets(mine, PLACE, frozenset({"mine", "other"}), lambda: 0.0).check(HERE, ORG)
    with pytest.raises(InvalidContentLocation, match="not one of the stack's PutContentBuckets"):
        ContentBuckets(mine, PLACE, frozenset({"other"}), lambda: 0.0).check(HERE, ORG)


@pytest.mark.parametrize(
    ("code", "error"), [("AccessDenied", InvalidContentLocation), ("InternalError", StoreUnavailableError)]
)
@pytest.mark.parametrize("operation", ["GetBucketTagging", "GetBucketPolicy"])
def test_a_bucket_that_does_not_say_is_not_read(mine: Any, operation: str, code: str, error: type[Exception]) -> None:
    class Answer:
        status_code = 400

    said = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {}}
    mine.meta.events.register(f"before-call.s3.{operation}", partial(lambda answer, **_: answer, (Answer(), said)))
    with pytest.raises(error):
        ContentBuckets(mine, PLACE, None, lambda: 0.0).check(HERE, ORG)
