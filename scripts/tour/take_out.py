"""The tour's export of a mailbox: a job through boto3, as the guide has it; then the archive is opened and compared."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cli import output
from cli.commands.mailbox import all_items
from postroom.contracts.export_manifest import MANIFEST
from postroom.model import consent
from postroom.model.role_trust import statement
from tour.mail import USERS
from tour.stack import DemoError, expect

if TYPE_CHECKING:
    from tour.tour import Tour

BUCKET: Final = "demo-take-out"
MAX_WAIT_SECONDS: Final = 60.0


def export(tour: Tour) -> str:
    """Export the first user's mailbox, and compare every message of the archive with the mailbox."""
    job = _completed(tour, _started(tour))
    s3 = tour.stack.client("s3")
    answer = s3.get_object(Bucket=BUCKET, Key=job["S3Path"])
    archive = answer["Body"].read()
    log = json.loads(s3.get_object(Bucket=BUCKET, Key=job["S3Path"].replace(".zip", ".json"))["Body"].read())
    expect("encryption of the archive", answer["ServerSideEncryption"], "aws:kms")
    expect("the archive's hash", log["sha384Hash"], hashlib.sha384(archive).hexdigest())
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        expect("a damaged entry", opened.testzip(), None)
        lines = [json.loads(line) for line in opened.read(MANIFEST).splitlines()]
        items = {line["path"]: line["sha256"] for line in lines if line["kind"] == "item"}
        hashes = {path: hashlib.sha256(opened.read(path)).hexdigest() for path in items}
    expect("hashes in the manifest", items, hashes)
    expect("hashes of the mailbox's items", Counter(hashes.values()), _hashes(tour))
    expect("messages that the log counts", log["totalMessages"], str(len(items)))
    size = output.human_size(len(archive))
    return f"{len(items)} items of {USERS[0]} in a zip archive of {size}; each has the SHA-256 of the mailbox's item"


def _started(tour: Tour) -> str:
    """Make a role, a key and a bucket, and start a job; return its id."""
    workmail = tour.stack.client("workmail")
    organization = workmail.describe_organization(OrganizationId=tour.organization)
    trust = {"Version": "2012-10-17", "Statement": [statement(_our_roles(tour), organization["ARN"])]}
    role = tour.stack.client("iam").create_role(
        RoleName="DemoMailboxExport",
        AssumeRolePolicyDocument=json.dumps(trust),
        Tags=[{"Key": consent.MAILBOX_EXPORT, "Value": tour.organization}],
    )["Role"]
    tour.stack.client("s3").create_bucket(Bucket=BUCKET)
    started: dict[str, Any] = workmail.start_mailbox_export_job(
        OrganizationId=tour.organization,
        EntityId=tour.users[USERS[0]],
        RoleArn=role["Arn"],
        KmsKeyArn=tour.stack.client("kms").create_key()["KeyMetadata"]["Arn"],
        S3BucketName=BUCKET,
        S3Prefix="mail",
    )
    return str(started["JobId"])


def _our_roles(tour: Tour) -> list[str]:
    """Return the roles that the role must trust: the stack's output ExportRoleArns."""
    return tour.stack.output("ExportRoleArns").split(",")


def _completed(tour: Tour, job_id: str) -> dict[str, Any]:
    """Wait for the end of a job, and return it."""
    workmail, deadline = tour.stack.client("workmail"), time.monotonic() + MAX_WAIT_SECONDS
    while True:
        job: dict[str, Any] = workmail.describe_mailbox_export_job(OrganizationId=tour.organization, JobId=job_id)
        if job["State"] != "RUNNING":
            expect("the job's end", (job["State"], job.get("ErrorInfo")), ("COMPLETED", None))
            return job
        if time.monotonic() > deadline:
            raise DemoError(f"the export is at {job['EstimatedProgress']} percent: {job.get('ErrorInfo', '')}")
        time.sleep(0.2)


def _hashes(tour: Tour) -> Counter[str]:
    """Return the hashes of the items of the first user's mailbox."""
    operator, user = tour.operator, tour.users[USERS[0]]
    head = operator.mailboxes.head(user)
    if head is None:
        raise DemoError(f"{USERS[0]} has no mailbox")
    return Counter(
        hashlib.sha256(b"".join(operator.content(head, item))).hexdigest()
        for folder in operator.mailboxes.folders(user)
        for item in all_items(operator.mailboxes, user, folder.id)
    )
