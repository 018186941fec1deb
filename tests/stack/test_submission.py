"""On a running stack: messages that users send through the API and the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.reports import sent_to
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running_stack import RunningStack

CARL = "Carl.C@elsewhere.example"
"""As it is written in To, its domain in lower case."""
DORA = "dora@elsewhere.example"
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

MAIL = (
    b"From: Ann <ann@submission.example>\r\nTo: Carl.C@Elsewhere.example\r\nBcc: dora@elsewhere.example\r\n"
    b"Message-ID: <1@submission.example>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: caf\xe9\r\n\r\n\xff\r\n"
)


def test_a_message_of_a_stock_client_and_a_large_one_of_the_command_are_in_sent_items(
    running: RunningStack, tmp_path: Path
) -> None:
    organization = running.organization("submission")
    ann = running.user(organization, "ann", "ann@submission.example")
    workmail: Any = running.client("workmail")
    asked = {"OrganizationId": organization, "UserId": ann, "RawMessage": MAIL, "ClientToken": "one"}
    said = workmail.submit_raw_message(**asked)
    assert workmail.submit_raw_message(**asked)["TraceId"] == said["TraceId"]
    assert said["MessageId"] == "<1@submission.example>"
    large = tmp_path / "large.eml"
    large.write_bytes(MAIL.replace(b" <1@submission.example>", b"") + b"x" * 76 + b"\r\n" * 2_600_000)
    sent = json.loads(running.command("submit", large, "--as", ann, "--json").stdout)
    assert sent[0]["traceId"] != said["TraceId"]
    new_id = f"Message-ID: {sent[0]['messageId']}\r\n".encode()
    completed = new_id + large.read_bytes().replace(b"Message-ID:\r\n", b"")
    first, second = running.rows("mailbox", "list", ann, "--folder", "SENT_ITEMS")
    for row, content in ((first, MAIL), (second, completed)):
        assert row["size"] == len(content)
        assert running.command("mailbox", "show", ann, row["id"]).stdout == content
    left = wait_for(lambda: len(found := sent_to(running, DORA)) == 2 and found)
    small, other = sorted(left, key=lambda each: each[0]["size"])
    for envelope, content in (small, other):
        assert (envelope["from"], envelope["to"]) == ("ann@submission.example", [CARL, DORA])
        assert b"Bcc" not in content.partition(b"\r\n\r\n")[0]
    assert small[1].endswith(b"To: Carl.C@Elsewhere.example\r\nSubject: caf\xe9\r\n\r\n\xff\r\n")
    assert other[1].partition(b"\r\n\r\n")[2] == large.read_bytes().partition(b"\r\n\r\n")[2]
    trace = wait_for(lambda: running.command("trace", said["TraceId"]).stdout)
    assert CARL.encode() in trace
