"""An archive is imported: from a client through the functions' own handlers into the mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from contracts import generate
from postroom.bootstrap import admin_api
from postroom.model import consent
from tests.support import customer_roles
from tests.support.builders import NOON, ORG, arn
from tests.support.import_jobs import archive, messages
from tests.support.pipeline import Pipeline
from tests.wire.conftest import Body, proxy_event

if TYPE_CHECKING:
    from tests.support.stack import Stack

BUCKET = "bring-in"


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    made = Pipeline(stack)
    made.organization()
    made.entity("ann", mailbox_provisioned=NOON)
    made.arrive("m1", b"Subject: first\r\n\r\nthe mailbox is made by it\r\n", "ann@acme.test")
    made.pump()
    stack.s3.create_bucket(Bucket=BUCKET)
    return made


@pytest.fixture
def workmail(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that knows our operations."""
    monkeypatch.setenv("AWS_DATA_PATH", str(generate.CLIENT))
    answer = admin_api.build(pipeline.admin_settings)
    client: Any = boto3.session.Session().client("workmail")

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        response = answer(proxy_event(request), "").response
        raw: Any = Body(response["body"].encode())
        return AWSResponse(request.url, response["statusCode"], response["headers"], raw)

    client.meta.events.register("before-send.workmail", send)
    return client


def test_an_archive_enters_a_mailbox_once_and_a_bad_one_not(pipeline: Pipeline, workmail: Any) -> None:
    s3 = pipeline.stack.s3
    ours = [pipeline.admin_settings.import_role_arn]
    role = customer_roles.made(boto3.client("iam"), "import", ours, arn(), consent.MAILBOX_IMPORT)
    named = {"OrganizationId": ORG, "EntityId": "ann", "RoleArn": role, "S3BucketName": BUCKET}
    s3.put_object(Bucket=BUCKET, Key="good.zip", Body=archive(messages(3)))
    s3.put_object(Bucket=BUCKET, Key="bad.zip", Body=archive({"../a.eml": b"Subject: x\r\n\r\n"}))
    found = []
    for path in ("good.zip", "good.zip", "bad.zip"):
        job = workmail.start_mailbox_import_job(**named, S3Key=path)["JobId"]
        pipeline.pump()
        found.append(workmail.describe_mailbox_import_job(OrganizationId=ORG, JobId=job))
    counts = [(each["State"], each["ItemsEntered"], each["ItemsThereBefore"]) for each in found]
    assert counts == [("COMPLETED", 3, 0), ("COMPLETED", 0, 3), ("FAILED", 0, 0)]
    assert "ErrorInfo" in found[2]
    assert not [row for row in pipeline.stack.rows("TRANSIT_TABLE") if row["pk"]["S"].startswith("import:")]
