"""Outbound mail in AWS's container: functions with work to do, and its effect in the running stack.

The stack's own functions take what is in its queues. Orders of these tests have their rows alone, so only the container
carries them out.
"""

from __future__ import annotations

import base64
import email
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.contracts.reply_orders import ReplyOrder
from postroom.contracts.stored import RawLocation
from postroom.ports.transit import Commit
from tests.docker.conftest import INVOKE_SECONDS, READY_SECONDS, ROOT, invoke
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postroom.contracts.stored import Order
    from tests.docker.conftest import UpStack

ADDRESS: Final = "dora@outbound.example"
CARL: Final = "carl@elsewhere.example"
CONTENT: Final = (
    f"From: <{ADDRESS}>\r\nTo: <{CARL}>\r\nSubject: sent %s\r\nMessage-ID: <1@outbound.example>\r\n\r\n8-bit \xe9\r\n"
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(READY_SECONDS + INVOKE_SECONDS + 240)]


@dataclass(frozen=True)
class Sender:
    """A user of the stack, and what the tests put into it."""

    up: UpStack
    organization: str
    id: str
    folder: Path

    def submit(self, token: str) -> dict[str, Any]:
        """Submit a message in a container; return the answer."""
        event = {
            "organization_id": self.organization,
            "user_id": self.id,
            "token": f"API:{token}",
            "protocol": "API",
            "content": base64.b64encode((CONTENT % token).encode("latin-1")).decode(),
        }
        answer: dict[str, Any] = self.invoked("SubmitFunction", event)
        return answer

    def raw(self, trace: str, content: bytes) -> RawLocation:
        """Store a message in transit."""
        where = RawLocation(bucket=self.up.variables["TransmitFunction"]["INBOUND_BUCKET"], key=f"transit/{trace}/test")
        self.up.client("s3").put_object(Bucket=where.bucket, Key=where.key, Body=content)
        return where

    def carry_out(self, function: str, sample: str, order: Order) -> None:
        """Open an order, and have a function in a container carry it out."""
        with self.up.entered() as stack:
            stack.operator().transit.commit(Commit(orders=[order]))
        assert self.invoked(function, self.record(sample, order.message)) == {"batchItemFailures": []}

    def record(self, sample: str, body: str) -> dict[str, Any]:
        """Return a sample of a queue's event with another body."""
        event: dict[str, Any] = json.loads((ROOT / f"events/{sample}.json").read_text())
        event["Records"][0]["body"] = body
        return event

    def invoked(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke a function in a container."""
        (self.folder / "event.json").write_text(json.dumps(event))
        return invoke(function, self.folder / "event.json")


@pytest.fixture(scope="module")
def sender(up: UpStack, tmp_path_factory: pytest.TempPathFactory) -> Sender:
    return Sender(up, *up.mailbox(ADDRESS), tmp_path_factory.mktemp("events"))


@pytest.fixture(scope="module")
def submitted(sender: Sender) -> dict[str, Any]:
    return sender.submit("first")


def sent_by(sender: Sender, text: str, to: str = CARL) -> Callable[[], list[bytes]]:
    """Return what finds messages in the outbox by recipient and a text in them; SES gives them another Message-ID."""
    return lambda: [each for each in sender.up.sent_to(to) if text.encode() in each]


def test_a_message_that_submit_takes_is_in_sent_items_and_leaves(sender: Sender, submitted: dict[str, Any]) -> None:
    assert submitted["message_id"] == "<1@outbound.example>"
    (item,) = sender.up.rows("mailbox", "list", ADDRESS, "--folder", "SENT_ITEMS")
    assert sender.up.postroom("mailbox", "show", ADDRESS, item["id"]).endswith(b"8-bit \xe9\r\n")
    (content,) = wait_for(sent_by(sender, "sent first"))
    assert content.endswith(b"8-bit \xe9\r\n")


def test_an_order_that_transmit_carries_out_leaves_by_ses(sender: Sender) -> None:
    trace = uuid.uuid4().hex
    raw = sender.raw(trace, (CONTENT % trace).encode("latin-1"))
    order = TransmitOrder(
        trace=trace,
        organization_id=sender.organization,
        name="ses:1",
        envelope_from=ADDRESS,
        recipients=(CARL,),
        message_id="<1@outbound.example>",
        author=ADDRESS,
        raw=raw,
        size=len(CONTENT),
        since=time.time_ns() // 1_000_000,
    )
    sender.carry_out("TransmitFunction", "transmit", order)
    (content,) = sent_by(sender, f"sent {trace}")()
    assert content.endswith(b"8-bit \xe9\r\n")
    assert [fact["name"] for fact in sender.up.rows("trace", trace)] == ["OUTGOING_EMAIL_SENT"]


def test_a_bounce_that_record_feedback_records_is_reported_to_the_sender(
    sender: Sender, submitted: dict[str, Any]
) -> None:
    wait_for(sent_by(sender, "sent first"))
    event = json.loads(json.loads((ROOT / "events/record_feedback.json").read_text())["Records"][0]["body"])
    event["mail"]["tags"] |= {
        "postroom-trace": [submitted["trace"]],
        "postroom-organization": [sender.organization],
    }
    done = sender.invoked("RecordFeedbackFunction", sender.record("record_feedback", json.dumps(event)))
    assert done == {"batchItemFailures": []}
    assert "OUTGOING_EMAIL_BOUNCED" in {fact["name"] for fact in sender.up.rows("trace", submitted["trace"])}
    (report,) = wait_for(lambda: sender.up.rows("mailbox", "list", ADDRESS, "--folder", "INBOX"))
    assert b"550 5.1.1 user unknown" in sender.up.postroom("mailbox", "show", ADDRESS, report["id"])


def test_accept_outbound_sends_an_out_of_office_reply(sender: Sender) -> None:
    sender.up.postroom("away", "set", ADDRESS, "Back on Monday.")
    trace = uuid.uuid4().hex
    fields = f"From: <{CARL}>\r\nTo: <{ADDRESS}>\r\nSubject: are you there\r\nMessage-ID: <{trace}@elsewhere.example>"
    raw = sender.raw(trace, f"{fields}\r\n\r\nhello\r\n".encode())
    order = ReplyOrder(
        trace=trace,
        organization_id=sender.organization,
        mailbox_id=sender.id,
        recipient=ADDRESS,
        envelope_from=CARL,
        raw=raw,
        size=200,
        received_at=time.time_ns() // 1_000_000,
    )
    sender.carry_out("AcceptOutboundFunction", "accept_outbound_reply", order)
    (reply,) = wait_for(sent_by(sender, trace))
    assert "Back on Monday." in str(email.message_from_bytes(reply).get_payload())
