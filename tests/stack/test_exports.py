"""On a running stack: a mailbox is exported by a stock boto3 client, and everything in the archive is right."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.contracts.export_manifest import MANIFEST, ManifestItem, read_line
from postroom.model import consent
from tests.support import customer_roles
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

MAIL: Final = sorted((Path(__file__).parents[3] / "shared" / "data" / "mail").rglob("*.eml"))[:40]
OWN: Final = [f"From: bob@example.org\r\nSubject: {n}\r\n\r\n{'plums ' * n}\r\n".encode() for n in range(12)]
BUCKET: Final = "take-out"


def ends_as_smtp_does(content: bytes) -> bytes:
    return content if content.endswith(b"\r\n") else content + b"\r\n"


CONTENTS: Final = [*OWN, *(ends_as_smtp_does(path.read_bytes()) for path in MAIL)]


@pytest.fixture(scope="module")
def mailbox(running: RunningStack) -> tuple[str, str]:
    """An organization, and a user with some dozens of messages."""
    organization = running.organization("leaving")
    user = running.user(organization, "ann", "ann@leaving.example")
    for content in CONTENTS:
        running.send(content, "ann@leaving.example")
    wait_for(lambda: running.copies_of(user) == len(CONTENTS))
    return organization, user


def customers_things(running: RunningStack, organization: str) -> dict[str, str]:
    """Make what the guide wants: a bucket, a key, and a role that the stack's functions may assume."""
    arn = running.client("workmail").describe_organization(OrganizationId=organization)["ARN"]
    roles = running.settings["EXPORT_ROLE_ARNS"].split(",")
    running.client("s3").create_bucket(Bucket=BUCKET)
    return {
        "RoleArn": customer_roles.made(running.client("iam"), "export", roles, arn, consent.MAILBOX_EXPORT),
        "KmsKeyArn": running.client("kms").create_key()["KeyMetadata"]["Arn"],
        "S3BucketName": BUCKET,
        "S3Prefix": "ann",
    }


def test_an_exported_mailbox_has_every_message_with_its_bytes(running: RunningStack, mailbox: tuple[str, str]) -> None:
    organization, user = mailbox
    workmail, s3 = running.client("workmail"), running.client("s3")
    to = customers_things(running, organization)
    job = workmail.start_mailbox_export_job(OrganizationId=organization, EntityId=user, **to)["JobId"]

    def ended() -> Any:
        found = workmail.describe_mailbox_export_job(OrganizationId=organization, JobId=job)
        return found if found["State"] != "RUNNING" else None

    found = wait_for(ended)
    assert (found["State"], found["EstimatedProgress"]) == ("COMPLETED", 100)
    stored = s3.get_object(Bucket=BUCKET, Key=found["S3Path"])
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", to["KmsKeyArn"])
    archive = stored["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        names = [name for name in opened.namelist() if not name.endswith("/") and name != MANIFEST]
        contents = {name: opened.read(name) for name in names}
        lines = [read_line(line) for line in opened.read(MANIFEST).splitlines()]
    assert sorted(contents.values()) == sorted(CONTENTS)
    items = [line for line in lines if isinstance(line, ManifestItem)]
    assert {item.path: item.sha256 for item in items} == {
        name: hashlib.sha256(content).hexdigest() for name, content in contents.items()
    }
    log = json.loads(s3.get_object(Bucket=BUCKET, Key=f"ann/{job}.json")["Body"].read())
    assert log["sha384Hash"] == hashlib.sha384(archive).hexdigest()
    assert (log["totalMessages"], log["totalNonExportableItems"]) == (str(len(CONTENTS)), "0")
    assert log["totalBytes"] == str(sum(map(len, CONTENTS)))
    assert not s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    staged = s3.list_objects_v2(Bucket=running.settings["MAIL_BUCKET"], Prefix="exports/")
    assert not staged.get("Contents")
