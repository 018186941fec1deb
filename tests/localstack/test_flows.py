"""One flow of each kind on a stack at LocalStack: delivered, dropped, bounced, logged, exported, submitted."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from postroom.model import consent
from tests.localstack.conftest import VARIABLES
from tests.support import customer_roles
from tests.support.reports import outbox, sent_to, status_of
from tests.support.running_stack import ROOT, RUN, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.localstack, pytest.mark.timeout(900)]

RULES = {"inbound": [{"name": "No evil", "senders": ["evil.example"], "recipients": ["*"], "action": "DROP"}]}


def message(number: int, sender: str = "bob@elsewhere.example") -> bytes:
    fields = [
        f"From: <{sender}>",
        "To: <ann@local.example>",
        f"Subject: plums {number}",
        f"Message-ID: <{number}@p.example>",
    ]
    return "\r\n".join([*fields, "", "gr\u00fc\u00dfe", ""]).encode("latin-1")


def names_of(running: RunningStack, number: int) -> set[str]:
    """Return the names of a message's facts."""
    done = running.command("trace", "--message-id", f"<{number}@p.example>", "--json")
    return {fact["name"] for fact in json.loads(done.stdout)} if done.returncode == 0 else set()


@pytest.fixture(scope="module")
def organization(running: RunningStack) -> str:
    return running.organization("local")


@pytest.fixture(scope="module")
def ann(running: RunningStack, organization: str) -> str:
    """A user, with one message in the mailbox."""
    user = running.user(organization, "ann", "ann@local.example")
    running.send(message(1), "ann@local.example")
    wait_for(lambda: running.rows("mailbox", "list", user))
    return user


def test_a_delivered_message_has_the_bytes_that_were_sent(running: RunningStack, ann: str) -> None:
    (item,) = running.rows("mailbox", "list", ann)
    assert running.command("mailbox", "show", ann, item["id"]).stdout == message(1)


def test_a_rule_drops_a_message(running: RunningStack, ann: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(RULES), "utf-8")
    assert [row["change"] for row in running.rows("rules", "apply", file, "--organization", "local")] == ["create"]
    running.send(message(2, "eve@evil.example"), "ann@local.example")
    wait_for(lambda: "RULE_APPLIED" in names_of(running, 2))
    wait_for(running.is_idle)
    assert running.copies_of(ann) == 1


def test_a_bounce_message_is_in_the_outbox(running: RunningStack, ann: str) -> None:
    running.send(message(3), "nobody@local.example", sender="bob@elsewhere.example")
    ((envelope, report),) = wait_for(lambda: outbox(running, "bob@elsewhere.example"))
    assert (envelope["from"], envelope["to"]) == ("", ["bob@elsewhere.example"])
    _, recipient = status_of(report)
    assert (recipient["Final-Recipient"], recipient["Status"]) == ("rfc822; nobody@local.example", "5.1.1")
    wait_for(lambda: "BOUNCE_SENT" in names_of(running, 3))


def test_the_event_log_is_in_cloudwatch_logs(running: RunningStack, ann: str) -> None:
    def events() -> set[str]:
        group = "/aws/workmail/emailevents/local"
        return {record["event"]["eventName"] for record in running.events(group)}

    wait_for(lambda: {"ORGANIZATION_EMAIL_RECEIVED", "MAILBOX_EMAIL_DELIVERED"} <= events())


def test_an_exported_mailbox_has_the_message(running: RunningStack, organization: str, ann: str) -> None:
    workmail, s3 = running.client("workmail"), running.client("s3")
    arn = workmail.describe_organization(OrganizationId=organization)["ARN"]
    ours = running.settings["EXPORT_ROLE_ARNS"].split(",")
    s3.create_bucket(Bucket="take-out")
    to = {
        "RoleArn": customer_roles.made(running.client("iam"), "export", ours, arn, consent.MAILBOX_EXPORT),
        "KmsKeyArn": running.client("kms").create_key()["KeyMetadata"]["Arn"],
        "S3BucketName": "take-out",
        "S3Prefix": "ann",
    }
    job = workmail.start_mailbox_export_job(OrganizationId=organization, EntityId=ann, **to)["JobId"]

    def ended() -> Any:
        found = workmail.describe_mailbox_export_job(OrganizationId=organization, JobId=job)
        return found if found["State"] != "RUNNING" else None

    found = wait_for(ended)
    assert found["State"] == "COMPLETED", found.get("ErrorInfo")
    archive = s3.get_object(Bucket="take-out", Key=found["S3Path"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert message(1) in [opened.read(name) for name in opened.namelist() if not name.endswith("/")]


def test_what_a_user_submits_leaves_and_comes_back_as_a_report_if_it_bounces(
    running: RunningStack, ann: str, tmp_path: Path
) -> None:
    """API v2 sends, and what SES reports goes by the topic, at LocalStack, to record_feedback."""
    (tmp_path / "m.eml").write_bytes(
        b"From: <ann@local.example>\r\nMessage-ID: <4@p.example>\r\nSubject: plums 4\r\n\r\ngr\xfc\xdfe\r\n"
    )
    to = ("bob@elsewhere.example", "bounce+NoEmail@simulator.local")
    running.rows("submit", tmp_path / "m.eml", "--as", ann, "--to", to[0], "--to", to[1])
    (sent,) = wait_for(lambda: [each for _, each in sent_to(running, to[0]) if b"plums 4" in each])
    assert sent.endswith(b"gr\xfc\xdfe\r\n")
    (copy,) = running.rows("mailbox", "list", ann, "--folder", "SENT_ITEMS")
    assert copy["subject"] == "plums 4"
    wait_for(lambda: {"OUTGOING_EMAIL_SENT", "OUTGOING_EMAIL_BOUNCED"} <= names_of(running, 4))

    def reports() -> list[str]:
        inbox = running.rows("mailbox", "list", ann, "--folder", "INBOX")
        return [item["id"] for item in inbox if item["subject"] != "plums 1"]

    (report,) = wait_for(reports)
    content = running.command("mailbox", "show", ann, report).stdout.lower()
    assert to[1].lower().encode() in content
    assert to[0].encode() not in content


def test_what_is_sent_by_ses_is_in_the_outbox_with_its_bytes_and_its_envelope(running: RunningStack, ann: str) -> None:
    """LocalStack's own SES (4.14.0) refuses bytes that are not UTF-8, and keeps no recipients of an envelope."""
    content = b"From: <ann@local.example>\r\nTo: <list@elsewhere.example>\r\n\r\ngr\xfc\xdfe\r\n"
    running.client("ses").send_raw_email(Destinations=["hidden@elsewhere.example"], RawMessage={"Data": content})
    ((envelope, sent),) = sent_to(running, "hidden@elsewhere.example")
    assert envelope["to"] == ["hidden@elsewhere.example"]
    assert sent.endswith(b"gr\xfc\xdfe\r\n")


def test_a_second_stack_is_refused_in_one_line(running: RunningStack, tmp_path: Path) -> None:
    for name in ("functions", "layers", "samconfig.toml", "template.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    command = [sys.executable, "-c", RUN, str(tmp_path), "0", "1", "", json.dumps({"emulator": "localstack"})]
    done = subprocess.run(command, env={**os.environ, **VARIABLES}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "an earlier `postroom up`" in done.stderr.splitlines()[-1]
