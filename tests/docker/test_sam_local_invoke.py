"""One function in AWS's container, against a running local stack: the way a developer tries a change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.docker.conftest import INVOKE_SECONDS, READY_SECONDS, ROOT, invoke
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docker.conftest import UpStack

MESSAGE: Final = b"From: a@example.net\r\nTo: %s\r\nSubject: in a container\r\n\r\nbare\nline, 8-bit \xe9\r\n"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(READY_SECONDS + INVOKE_SECONDS + 60)]


@pytest.fixture(scope="module")
def event() -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events/ingest.json").read_text())
    return event


def test_a_message_that_ingest_took_in_a_container_is_in_the_mailbox(
    up: UpStack, event: dict[str, Any], tmp_path: Path
) -> None:
    notification = json.loads(event["Records"][0]["body"])
    bucket = up.variables["IngestFunction"]["INBOUND_BUCKET"]
    address = "ingest@container.example"
    raw = MESSAGE % address.encode()
    up.mailbox(address)
    notification["receipt"]["recipients"] = [address]
    notification["mail"]["messageId"] = "inacontainer"
    action = notification["receipt"]["action"]
    action |= {"bucketName": bucket, "objectKey": "inbound/inacontainer"}
    up.client("s3").put_object(Bucket=bucket, Key=action["objectKey"], Body=raw)
    event["Records"][0]["body"] = json.dumps(notification)
    (tmp_path / "event.json").write_text(json.dumps({"Records": event["Records"][:1]}))

    assert invoke("IngestFunction", tmp_path / "event.json") == {"batchItemFailures": []}

    (item,) = wait_for(
        lambda: up.rows("mailbox", "list", address)
    )  # deliver, which runs in the stack, has put it there
    assert item["subject"] == "in a container"
    assert up.postroom("mailbox", "show", address, item["id"]) == raw


def test_the_sample_event_runs_as_it_is(up: UpStack) -> None:
    assert invoke("IngestFunction", ROOT / "events/ingest.json") == {"batchItemFailures": []}


def test_the_stack_really_refuses_what_is_not_there(up: UpStack) -> None:
    with pytest.raises(ClientError, match="NotFound"):
        up.client("workmail").describe_organization(OrganizationId="m-" + "0" * 32)
