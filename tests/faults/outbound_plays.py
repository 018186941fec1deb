"""The events of scenarios in which users send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.model.facts import submission_trace
from postroom.model.journaling import Journaling
from postroom.model.rules import ActionType
from tests.faults.harness import ATTEMPTS
from tests.faults.organizations import CROWD, acme
from tests.faults.outgoing import AUTHOR
from tests.support.builders import ORG, submission_event
from tests.support.outbound import outbound
from tests.support.rules import rule
from tests.support.ses_events import bounce_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

CARL: Final = "carl@example.org"
JOURNAL: Final = "journal@archive.example"
REFUSED: Final = tuple(f"{name}@refused.example" for name in CROWD)
"""More refusals than one transaction holds."""


def submitted_content(name: str) -> bytes:
    """Return a message as a mail client submits it; nothing has to be added."""
    return (
        f"From: Ann <ann@acme.test>\r\nTo: {CARL}\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
        f"Message-ID: <{name}@acme.test>\r\nSubject: caf\u00e9\r\n\r\n{name}\r\n"
    ).encode()


def submission(*recipients: str) -> Callable[[Harness], None]:
    """Ann submits m1."""

    def play(harness: Harness) -> None:
        content = harness.submitted["m1"] = submitted_content("m1")
        event = submission_event(content, *recipients, user_id=AUTHOR, token="m1")
        for _ in range(harness.handing.copies):
            answers = (harness.answer("submit", event) for _ in range(ATTEMPTS))  # a client submits again
            assert any("trace" in each for each in answers), "submit always fails"
        harness.pump()

    return play


def bounced_later(harness: Harness) -> None:
    """Ann's message to Carl is sent; SES reports later that it was refused."""
    submission(CARL)(harness)
    body = bounce_event(CARL, trace=submission_trace(ORG, AUTHOR, "m1"))
    harness.stack.sqs.send_message(QueueUrl=harness.stack.environment["FEEDBACK_QUEUE_URL"], MessageBody=body)
    harness.pump()


def asks_whether_she_is_there(harness: Harness) -> None:
    """Bob writes to Ann."""
    content = b"From: bob@example.org\r\nTo: ann@acme.test\r\nMessage-ID: <m1@example.org>\r\n\r\nAre you there?\r\n"
    harness.arrive("m1", "ann@acme.test", content=content, source="bob@example.org")
    harness.pump()


def refusing(pipeline: Pipeline) -> None:
    """As acme, with an outbound rule that refuses recipients of one domain."""
    acme(pipeline)
    pipeline.apply_rules(outbound(ActionType.BOUNCE, recipients="refused.example"))


def journaled(pipeline: Pipeline) -> None:
    """As acme, with journaling."""
    acme(pipeline)
    pipeline.apply_rules(
        rule(ActionType.DEFAULT), journaling=Journaling(JOURNAL, JOURNAL, "amazonjournaling@acme.test")
    )
