"""A malformed message is delivered as it came, a malformed notification is parked with its cause."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import notification
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

MESSAGES = sorted((Path(__file__).parents[3] / "shared" / "data" / "mail" / "error_emails").glob("*.eml"))


@pytest.mark.skipif(not MESSAGES, reason="the collection of malformed messages is not here")
def test_malformed_messages_are_delivered_as_they_came(running: RunningStack) -> None:
    user = running.user(running.organization("odd"), "ann", "ann@odd.example")
    contents = [path.read_bytes() for path in MESSAGES]
    contents = [content if content.endswith(b"\r\n") else content + b"\r\n" for content in contents]  # as SMTP ends
    for content in contents:
        running.send(content, "ann@odd.example")
    wait_for(lambda: running.copies_of(user) == len(contents))
    operator = running.operator()
    head = operator.mailboxes.head(user)
    assert head is not None
    found = [b"".join(operator.content(head, item)) for item in operator.mailboxes.items(user, "INBOX")]
    assert sorted(found) == sorted(contents)


@pytest.mark.parametrize("case", ["malformed", "missing object"])
def test_a_notification_without_a_valid_target_is_parked_with_its_cause(running: RunningStack, case: str) -> None:
    known = {row["id"] for row in running.rows("parked", "list")}
    running.organization(f"odd-{case[:7].strip()}")
    body = '{"notificationType": "Received"}'
    if case == "missing object":
        body = notification("never-stored", ["ann@odd-missing.example"])
        body = body.replace("inbound-bucket", running.settings["INBOUND_BUCKET"])
    running.client("sqs").send_message(QueueUrl=running.settings["INGEST_QUEUE_URL"], MessageBody=body)
    (row,) = wait_for(lambda: [row for row in running.rows("parked", "list") if row["id"] not in known])
    assert row["station"] == "ingest"
    assert row["cause"]
