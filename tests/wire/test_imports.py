"""Mailbox import jobs through a client that knows our operations: their errors, and what is wrong with a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from postroom.contracts.import_orders import ImportOrder
from postroom.contracts.messages import read_message
from postroom.model import consent
from postroom.model.imports import import_trace
from tests.support import customer_roles
from tests.wire.conftest import IMPORT_ROLE
from tests.wire.test_exports import enabled

if TYPE_CHECKING:
    from postroom.bootstrap.admin_api import AdminApiSettings

BUCKET = "amzn-s3-demo-bucket"


@pytest.fixture
def ann(taught_workmail: Any, acme: str) -> str:
    return enabled(taught_workmail, acme, "ann")


@pytest.fixture
def source(taught_workmail: Any, acme: str) -> dict[str, str]:
    """A role, a bucket and an object."""
    arn = taught_workmail.describe_organization(OrganizationId=acme)["ARN"]
    role = customer_roles.made(boto3.client("iam"), "import", [IMPORT_ROLE], arn, consent.MAILBOX_IMPORT)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    boto3.client("s3").put_object(Bucket=BUCKET, Key="a.zip", Body=b"an archive")
    return {"RoleArn": role, "S3BucketName": BUCKET, "S3Key": "a.zip"}


def test_a_job_is_started_described_listed_and_cancelled(
    taught_workmail: Any, settings: AdminApiSettings, acme: str, ann: str, source: dict[str, str]
) -> None:
    named = {"OrganizationId": acme}
    job = taught_workmail.start_mailbox_import_job(**named, EntityId="ann", **source)["JobId"]
    found = taught_workmail.describe_mailbox_import_job(**named, JobId=job)
    assert {name: found[name] for name in source} == source
    assert (found["EntityId"], found["State"], found["ItemsEntered"]) == (ann, "RUNNING", 0)
    (page,) = taught_workmail.get_paginator("list_mailbox_import_jobs").paginate(**named)
    assert [each["JobId"] for each in page["Jobs"]] == [job]
    url = settings.import_mailbox_queue_url
    (message,) = boto3.client("sqs").receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    order = ImportOrder(trace=import_trace(job), organization_id=acme, job_id=job)
    assert read_message(message["Body"]) == order
    taught_workmail.cancel_mailbox_import_job(**named, JobId=job)
    assert taught_workmail.describe_mailbox_import_job(**named, JobId=job)["State"] == "CANCELLED"


def test_errors_are_the_modelled_classes(taught_workmail: Any, acme: str, ann: str, source: dict[str, str]) -> None:
    client, named = taught_workmail, {"OrganizationId": acme}
    raised = client.exceptions
    with pytest.raises(raised.EntityNotFoundException, match="nobody"):
        client.start_mailbox_import_job(**named, EntityId="nobody", **source)
    for changes, said in (
        ({"RoleArn": source["RoleArn"] + "2"}, "RoleArn: there is no role"),
        ({"S3BucketName": "nowhere"}, "there is no bucket nowhere"),
        ({"S3Key": "a.zi"}, "S3Key: there is no object a.zi in"),
    ):
        with pytest.raises(raised.InvalidParameterException, match=said):
            client.start_mailbox_import_job(**named, EntityId=ann, **source | changes)
    job = client.start_mailbox_import_job(**named, EntityId=ann, **source)["JobId"]
    with pytest.raises(raised.LimitExceededException, match=job):
        client.start_mailbox_import_job(**named, EntityId=ann, **source)
    for operation in (client.describe_mailbox_import_job, client.cancel_mailbox_import_job):
        with pytest.raises(raised.EntityNotFoundException, match="no mailbox import job j-404"):
            operation(**named, JobId="j-404")
    with pytest.raises(raised.InvalidParameterException, match="NextToken"):
        client.list_mailbox_import_jobs(**named, NextToken="forged")
    other = {"OrganizationId": "m-" + "0" * 32}
    with pytest.raises(raised.OrganizationNotFoundException):
        client.list_mailbox_import_jobs(**other)
