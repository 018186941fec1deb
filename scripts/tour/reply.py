"""A step of the tour: a user replies to a message from outside, with a colleague in copy."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, Final

from cli.commands.mailbox import all_items
from cli.commands.trace import find_flows, timeline
from postroom.model.facts import EventName
from postroom.model.folders import Folder
from tour.mail import DOMAIN
from tour.stack import DemoError, expect
from tour.tour import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.facts import Fact
    from tour.tour import Tour

AUTHOR: Final = f"ada@{DOMAIN}"
COLLEAGUE: Final = f"grace@{DOMAIN}"
ENDS: Final = (EventName.OUTGOING_EMAIL_SENT, EventName.MAILBOX_EMAIL_DELIVERED)
"""One ends a recipient of a submission, the other a copy inside."""


def send(tour: Tour) -> str:
    """Reply with a stock boto3 client; show the trace, and check both ways, the copy in Sent Items and all bytes."""
    answered = next(each for each in tour.sent if each.message.kind.to == ("ada",))
    original = message_from_bytes(answered.message.content, policy=SMTP)
    stranger = "chris@example.net"
    reply = _reply(str(original["Subject"] or "hello"), str(original["Message-ID"] or ""), stranger)
    asked = {"OrganizationId": tour.organization, "UserId": tour.users["ada"], "RawMessage": reply}
    workmail: Any = tour.stack.client("workmail")
    trace = workmail.submit_raw_message(**asked)["TraceId"]
    story = _story(tour, trace)
    tour.console.print(timeline(story), soft_wrap=True)
    sent = sorted(str(fact.event["recipient"]) for fact in story if fact.name is EventName.OUTGOING_EMAIL_SENT)
    expect("recipients of the reply", sent, sorted([stranger, COLLEAGUE]))
    expect("the copy in Sent Items", _contents(tour, "ada", Folder.SENT_ITEMS), [reply])
    received = [each for each in _contents(tour, "grace", Folder.INBOX) if each == reply]
    expect("the colleague's copy is the reply, byte for byte", len(received), 1)
    return f"{AUTHOR} to {stranger} by SES and to {COLLEAGUE} inside; one copy in Sent Items, the same bytes in all"


def _reply(subject: str, message_id: str, to: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Ada <{AUTHOR}>"
    message["To"] = to
    message["Cc"] = COLLEAGUE
    message["Subject"] = f"Re: {subject}"
    message["Date"] = "Tue, 24 Nov 2026 12:00:00 +0000"
    message["Message-ID"] = f"<reply@{DOMAIN}>"
    if message_id:
        message["In-Reply-To"] = message["References"] = message_id
    message.set_content("Thank you, that suits us well.\n")
    return message.as_bytes()


def _story(tour: Tour, trace: str) -> Sequence[Fact]:
    """Wait until both recipients and the copy inside have their ends."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while time.monotonic() < deadline:
        (story,) = find_flows(tour.operator.ledger, trace, None)
        if sum(fact.name in ENDS for fact in story) == 3:
            return story
        time.sleep(0.1)
    raise DemoError(f"the reply {trace} has not arrived everywhere")


def _contents(tour: Tour, name: str, folder: Folder) -> list[bytes]:
    mailbox, operator = tour.users[name], tour.operator
    head = operator.mailboxes.head(mailbox)
    if head is None:
        raise DemoError(f"{name} has no mailbox")
    items = all_items(operator.mailboxes, mailbox, folder.value)
    return [b"".join(operator.content(head, item)) for item in items]
