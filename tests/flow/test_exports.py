"""A mailbox is exported: from a stock boto3 client through the functions' own handlers into the customer's bucket."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from cli.repository import repository_root
from postroom.bootstrap import admin_api
from postroom.model import consent
from postroom.model.role_trust import statement
from tests.support import customer_roles
from tests.support.builders import NOON, ORG, arn
from tests.support.pipeline import Pipeline
from tests.wire.conftest import Body, proxy_event

if TYPE_CHECKING:
    from tests.support.stack import Stack

MESSAGES = [
    f"From: Bob <bob@example.org>\r\nSubject: {number}\r\n\r\n{'text ' * number}".encode() for number in range(5)
]
BUCKET = "take-out"
DOCUMENTED = (repository_root() / "docs" / "export.md").read_text("utf-8")


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    """A mailbox with messages, and what its administrator has prepared for an export."""
    made = Pipeline(stack)
    made.organization()
    made.entity("ann", mailbox_provisioned=NOON)
    for number, message in enumerate(MESSAGES):
        made.arrive(f"m{number}", message, "ann@acme.test")
    made.pump()
    stack.s3.create_bucket(Bucket=BUCKET)
    return made


@pytest.fixture
def workmail(pipeline: Pipeline) -> Any:
    """A stock client."""
    answer = admin_api.build(pipeline.admin_settings)
    client: Any = boto3.client("workmail")

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        response = answer(proxy_event(request), "").response
        raw: Any = Body(response["body"].encode())
        return AWSResponse(request.url, response["statusCode"], response["headers"], raw)

    client.meta.events.register("before-send.workmail", send)
    return client


@pytest.fixture
def to(pipeline: Pipeline) -> dict[str, str]:
    """A role, a key and a bucket."""
    ours = pipeline.admin_settings.export_role_arns.split(",")
    role = customer_roles.made(boto3.client("iam"), "export", ours, arn(), consent.MAILBOX_EXPORT)
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    return {"RoleArn": role, "KmsKeyArn": key, "S3BucketName": BUCKET, "S3Prefix": "mail"}


def test_a_mailbox_becomes_an_archive_in_the_customers_bucket(
    pipeline: Pipeline, workmail: Any, to: dict[str, str]
) -> None:
    job = workmail.start_mailbox_export_job(OrganizationId=ORG, EntityId="ann", **to)["JobId"]
    pipeline.pump()
    found = workmail.describe_mailbox_export_job(OrganizationId=ORG, JobId=job)
    assert (found["State"], found["EstimatedProgress"]) == ("COMPLETED", 100)
    s3 = pipeline.stack.s3
    got = s3.get_object(Bucket=BUCKET, Key=found["S3Path"])
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", to["KmsKeyArn"])
    archive = got["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        mail = [opened.read(name) for name in opened.namelist() if name.endswith(".eml")]
    assert sorted(mail) == sorted(MESSAGES)
    log = json.loads(s3.get_object(Bucket=BUCKET, Key=f"mail/{job}.json")["Body"].read())
    assert log["sha384Hash"] == hashlib.sha384(archive).hexdigest()
    assert log["totalMessages"] == str(len(MESSAGES))
    assert left_over(pipeline) == []


def test_jobs_that_are_cancelled_leave_nothing_in_the_bucket(
    pipeline: Pipeline, workmail: Any, to: dict[str, str]
) -> None:
    s3 = pipeline.stack.s3
    for stations in ([], ["plan_export"], ["plan_export", "pack_export"]):
        job = workmail.start_mailbox_export_job(OrganizationId=ORG, EntityId="ann", **to)["JobId"]
        assert [pipeline.carry_out(station) for station in stations] == [1] * len(stations)
        workmail.cancel_mailbox_export_job(OrganizationId=ORG, JobId=job)
        pipeline.pump()
        assert workmail.describe_mailbox_export_job(OrganizationId=ORG, JobId=job)["State"] == "CANCELLED"
        assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
        assert left_over(pipeline) == []


def test_the_steps_of_the_documentation_work(
    pipeline: Pipeline, workmail: Any, to: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, trust, log = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", DOCUMENTED, re.DOTALL))
    assert {"s3:PutObject", "kms:GenerateDataKey"} <= {name for each in policy["Statement"] for name in each["Action"]}
    ours = pipeline.admin_settings.export_role_arns.split(",")
    text = json.dumps(trust).replace("ORGANIZATION-ARN", arn())
    text = text.replace('"EXPORT-ROLE-1", "EXPORT-ROLE-2", "EXPORT-ROLE-3"', ", ".join(map(json.dumps, ours)))
    assert json.loads(text)["Statement"] == [statement(ours, arn())]
    role = customer_roles.made(boto3.client("iam"), "documented", ours, arn(), consent.MAILBOX_EXPORT, text)
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENTED, re.DOTALL)
    code = code.replace("amzn-s3-demo-bucket", BUCKET).replace("ada@example.com", "ann@acme.test")
    monkeypatch.setattr(boto3, "client", lambda _: workmail)
    monkeypatch.setattr(time, "sleep", lambda _: pipeline.pump())
    values: dict[str, Any] = {"organization": ORG, "role": role, "key": to["KmsKeyArn"]}
    exec(compile(code, "docs/export.md", "exec"), values)  # noqa: S102
    found = values["found"]
    assert (found["State"], found["S3Path"]) == ("COMPLETED", f"S3-PREFIX/{values['job']}.zip")
    written = pipeline.stack.s3.get_object(Bucket=BUCKET, Key=f"S3-PREFIX/{values['job']}.json")["Body"].read()
    assert list(json.loads(written)) == list(log)


def left_over(pipeline: Pipeline) -> list[str]:
    """Return open orders of exports, and what they have staged."""
    rows = [row["pk"]["S"] for row in pipeline.stack.rows("TRANSIT_TABLE")]
    staged = pipeline.stack.objects("MAIL_BUCKET")
    return [*(row for row in rows if row.startswith("export:")), *(key for key in staged if key.startswith("exports/"))]
