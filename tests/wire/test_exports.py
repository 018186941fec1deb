"""Mailbox export jobs through a stock boto3 client and the AWS CLI: the guide's steps, and every error of the model."""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import awscli  # type: ignore[import-untyped]  # has no stubs
import boto3
import pytest
from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]  # has no stubs
from moto.s3.models import s3_backends

from postroom.contracts.export_orders import PlanExportOrder, end_order
from postroom.contracts.messages import read_message
from postroom.model import consent
from postroom.model.exports import export_trace
from tests.support import customer_roles
from tests.wire.conftest import EXPORT_ROLES, NeedsActive

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.bootstrap.admin_api import AdminApiSettings

CLI_DATA: Final = Path(awscli.__file__).parent / "data"
BUCKET: Final = "amzn-s3-demo-bucket"
ROLE: Final = "WorkmailMailboxExportRole"

GUIDE: Final = """aws workmail start-mailbox-export-job --organization-id m-a123b4c5de678fg9h0ij1k2lm234no56
 --entity-id S-1-1-11-1111111111-222222222-3333333333-3333
 --kms-key-arn arn:aws:kms:us-east-1:111122223333:key/KEY-ID
 --role-arn arn:aws:iam::111122223333:role/WorkmailMailboxExportRole
 --s3-bucket-name amzn-s3-demo-bucket --s3-prefix S3-PREFIX
aws workmail list-mailbox-export-jobs --organization-id m-a123b4c5de678fg9h0ij1k2lm234no56
aws workmail describe-mailbox-export-job --organization-id m-a123b4c5de678fg9h0ij1k2lm234no56 --job-id JOB-ID"""
"""The guide's commands, ZH:7290-7310."""


@pytest.fixture
def ann(workmail: Any, acme: str) -> str:
    return enabled(workmail, acme, "ann")


def enabled(workmail: Any, acme: str, name: str) -> str:
    made: str = workmail.create_user(OrganizationId=acme, Name=name, DisplayName=name)["UserId"]
    workmail.register_to_work_mail(OrganizationId=acme, EntityId=made, Email=f"{name}@example.com")
    return made


@pytest.fixture
def to(workmail: Any, acme: str) -> dict[str, str]:
    """A role, a key and a bucket as the guide has them made."""
    arn = workmail.describe_organization(OrganizationId=acme)["ARN"]
    role = customer_roles.made(boto3.client("iam"), ROLE, EXPORT_ROLES, arn, consent.MAILBOX_EXPORT)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    return {"RoleArn": role, "KmsKeyArn": key, "S3BucketName": BUCKET, "S3Prefix": "S3-PREFIX"}


def test_a_job_is_started_described_listed_and_cancelled(
    workmail: Any, settings: AdminApiSettings, acme: str, ann: str, to: dict[str, str]
) -> None:
    named = {"OrganizationId": acme}
    job = workmail.start_mailbox_export_job(**named, EntityId="ann", Description="all of it", **to)["JobId"]
    found = workmail.describe_mailbox_export_job(**named, JobId=job)
    assert {name: found[name] for name in to} == to
    assert (found["EntityId"], found["Description"], found["State"]) == (ann, "all of it", "RUNNING")
    assert found["S3Path"] == f"S3-PREFIX/{job}.zip"
    assert (found["EstimatedProgress"], type(found["StartTime"])) == (0, datetime)
    assert {"EndTime", "ErrorInfo"}.isdisjoint(found)
    (listed,) = workmail.list_mailbox_export_jobs(**named)["Jobs"]
    assert listed["JobId"] == job
    assert listed.items() <= {**found, "JobId": job}.items()
    sqs = boto3.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=settings.plan_export_queue_url, MessageSystemAttributeNames=["All"])[
        "Messages"
    ]
    order = read_message(message["Body"])
    assert isinstance(order, PlanExportOrder)
    assert (order.trace, order.organization_id, order.job_id) == (export_trace(job), acme, job)
    assert workmail.cancel_mailbox_export_job(**named, JobId=job)["ResponseMetadata"]["HTTPStatusCode"] == 200
    found = workmail.describe_mailbox_export_job(**named, JobId=job)
    assert (found["State"], type(found["EndTime"])) == ("CANCELLED", datetime)
    (message,) = sqs.receive_message(QueueUrl=settings.seal_export_queue_url)["Messages"]
    assert read_message(message["Body"]) == end_order(export_trace(job), acme, job)


def test_the_guides_commands_work(
    workmail: Any,
    acme: str,
    ann: str,
    to: dict[str, str],
    route: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(CLI_DATA))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_CLI_HISTORY_FILE", str(tmp_path / "history"))
    real = {
        "m-a123b4c5de678fg9h0ij1k2lm234no56": acme,
        "S-1-1-11-1111111111-222222222-3333333333-3333": ann,
        "arn:aws:kms:us-east-1:111122223333:key/KEY-ID": to["KmsKeyArn"],
        "111122223333": "123456789012",
    }
    answers = []
    for command in GUIDE.replace("\n --", " --").splitlines():
        words = [reduce(lambda word, pair: word.replace(*pair), real.items(), word) for word in shlex.split(command)]
        driver = create_clidriver()
        driver.session.register("before-send.workmail", route)
        status = driver.main(words[1:])
        output = capsys.readouterr()
        assert status == 0, output.err
        answers.append(json.loads(output.out))
        real["JOB-ID"] = answers[0]["JobId"]
    started, listed, described = answers
    assert [job["JobId"] for job in listed["Jobs"]] == [started["JobId"]]
    assert described["State"] == listed["Jobs"][0]["State"] == "RUNNING"


def test_what_is_wrong_with_role_key_and_bucket_is_named(
    workmail: Any, acme: str, ann: str, to: dict[str, str]
) -> None:
    iam, kms, s3 = boto3.client("iam"), boto3.client("kms"), boto3.client("s3")
    guide = {"Effect": "Allow", "Principal": {"Service": "export.workmail.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [guide]})
    arn = workmail.describe_organization(OrganizationId=acme)["ARN"]
    workmails = customer_roles.made(iam, "guide", (), arn, consent.MAILBOX_EXPORT, trust)
    untagged = iam.create_role(RoleName="untagged", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)
    asymmetric = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    for name, region in (("abroad", "eu-west-1"), ("open", "us-east-1")):
        where: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        boto3.client("s3", region).create_bucket(Bucket=name, **where)
    opened = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open/*"}
    s3.put_bucket_policy(Bucket="open", Policy=json.dumps({"Version": "2012-10-17", "Statement": [opened]}))
    s3_backends["111122223333"]["aws"].create_bucket("foreign", "us-east-1")
    for changes, said in (
        ({"RoleArn": to["RoleArn"] + "2"}, "RoleArn: there is no role .*Role2 in account 123456789012"),
        (
            {"RoleArn": untagged},
            f"Its tag postroom:mailbox-export must .*Key=postroom:mailbox-export,Value={acme}",
        ),
        ({"RoleArn": workmails}, "RoleArn: role .*role/guide does not trust Postroom.*sts:ExternalId"),
        ({"KmsKeyArn": to["KmsKeyArn"][:-4] + "0000"}, "KmsKeyArn: there is no key"),
        ({"KmsKeyArn": disabled}, "is in state Disabled"),
        ({"KmsKeyArn": asymmetric}, "is RSA_2048 for ENCRYPT_DECRYPT"),
        ({"KmsKeyArn": to["KmsKeyArn"].replace("us-east-1", "eu-west-1")}, "is in Region eu-west-1"),
        ({"S3BucketName": "nowhere"}, "there is no bucket nowhere"),
        ({"S3BucketName": "abroad"}, "bucket abroad is in Region eu-west-1"),
        ({"S3BucketName": "foreign"}, "bucket foreign does not belong to account 123456789012"),
        ({"S3BucketName": "open"}, "bucket open is public: its policy is public"),
    ):
        with pytest.raises(workmail.exceptions.InvalidParameterException, match=said):
            workmail.start_mailbox_export_job(OrganizationId=acme, EntityId=ann, **to | changes)
    assert workmail.list_mailbox_export_jobs(OrganizationId=acme)["Jobs"] == []


def test_errors_are_the_modelled_classes(workmail: Any, acme: str, ann: str, to: dict[str, str]) -> None:
    raised, named = workmail.exceptions, {"OrganizationId": acme}
    with pytest.raises(raised.EntityNotFoundException, match="nobody"):
        workmail.start_mailbox_export_job(**named, EntityId="nobody", **to)
    job = workmail.start_mailbox_export_job(**named, EntityId=ann, **to)["JobId"]
    with pytest.raises(raised.LimitExceededException, match=f"once in 24 hours, and job {job}"):
        workmail.start_mailbox_export_job(**named, EntityId=ann, **to)
    for operation in ("describe_mailbox_export_job", "cancel_mailbox_export_job"):
        with pytest.raises(raised.EntityNotFoundException, match="no mailbox export job j-404"):
            getattr(workmail, operation)(**named, JobId="j-404")
        with pytest.raises(raised.InvalidParameterException):
            getattr(workmail, operation)(**named, JobId="j_404")
    with pytest.raises(raised.InvalidParameterException, match="NextToken"):
        workmail.list_mailbox_export_jobs(**named, NextToken="forged")
    workmail.cancel_mailbox_export_job(**named, JobId=job, ClientToken="t")
    again = workmail.start_mailbox_export_job(**named, EntityId=ann, **to)["JobId"]
    with pytest.raises(raised.InvalidParameterException, match="ClientToken"):
        workmail.cancel_mailbox_export_job(**named, JobId=again, ClientToken="t")


def test_each_operation_needs_an_organization_that_is_active(
    needs_active: NeedsActive, ann: str, to: dict[str, str]
) -> None:
    needs_active(
        {
            "start_mailbox_export_job": {"EntityId": ann, **to},
            "cancel_mailbox_export_job": {"JobId": "j"},
            "describe_mailbox_export_job": {"JobId": "j"},
            "list_mailbox_export_jobs": {},
        }
    )
