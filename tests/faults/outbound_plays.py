"""The events of scenarios in which users send."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import boto3

from postroom.adapters.aws.gateway_passwords import KmsGatewayPasswords
from postroom.model.facts import submission_trace
from postroom.model.journaling import Journaling
from postroom.model.records import Insert, SmtpGateway
from postroom.model.rules import ActionType
from tests.faults.gateway import HOST, LISTED
from tests.faults.harness import ATTEMPTS, HOUR
from tests.faults.organizations import CROWD, acme
from tests.faults.outgoing import AUTHOR
from tests.support.builders import ORG, submission_event
from tests.support.outbound import outbound
from tests.support.rules import rule
from tests.support.ses_events import bounce_event
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

CARL: Final = "carl@example.org"
DORA: Final = "dora@example.org"
EVE: Final = "eve@example.org"
JOURNAL: Final = "journal@archive.example"
REFUSED: Final = tuple(f"{name}@refused.example" for name in CROWD)
"""More refusals than one transaction holds."""


def submitted_content(name: str) -> bytes:
    """Return a message as a mail client submits it; nothing has to be added."""
    return (
        f"From: Ann <ann@acme.test>\r\nTo: {CARL}\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
        f"Message-ID: <{name}@acme.test>\r\nSubject: caf\u00e9\r\n\r\n.\r\n..\r\n{name}\r\n"
    ).encode()


def submission(*recipients: str) -> Callable[[Harness], None]:
    """Ann submits m1."""

    def play(harness: Harness) -> None:
        _submit(harness, "m1", *recipients)
        harness.pump()

    return play


def two_submissions(harness: Harness) -> None:
    """Ann submits m1 for Carl and m2 for Dora, before either is transmitted."""
    _submit(harness, "m1", CARL)
    _submit(harness, "m2", DORA)
    harness.pump()


def _submit(harness: Harness, name: str, *recipients: str) -> None:
    content = harness.submitted[name] = submitted_content(name)
    event = submission_event(content, *recipients, user_id=AUTHOR, token=name)
    for _ in range(harness.handing.copies):
        answers = (harness.answer("submit", event) for _ in range(ATTEMPTS))  # a client submits again
        assert any("trace" in each for each in answers), "submit always fails"


def refused_by_the_gateway(harness: Harness) -> None:
    """Ann writes to three; the gateway does not know Dora, and takes the message for Eve the second time only."""
    harness.gateway.refused[DORA] = "550 5.1.1 No such user"
    harness.gateway.refusals[EVE] = ["450 4.2.0 Come again"]
    submission(CARL, DORA, EVE)(harness)


def refused_altogether(harness: Harness) -> None:
    """Ann writes to Dora, an address that the gateway does not know."""
    harness.gateway.refused[DORA] = "550 5.1.1 No such user"
    submission(DORA)(harness)


def down_at_first(harness: Harness) -> None:
    """Ann writes to Carl; the gateway ends connections for six hours; she is told after four, or five."""
    harness.gateway.up_at = harness.clock.time() + 6 * HOUR
    submission(CARL)(harness)


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


def by_gateway(pipeline: Pipeline) -> None:
    """As acme, with an outbound rule that sends the mail for example.org through a gateway."""
    acme(pipeline)
    passwords = KmsGatewayPasswords(boto3.client("kms"), pipeline.stack.environment["STACK_KEY_ARN"])
    record = SmtpGateway(
        organization_id=ORG,
        id="g-1",
        name="partner",
        host=HOST,
        port=int(os.environ[LISTED].rpartition(":")[2]),
        user_name=USER,
        sealed_password=passwords.seal(PASSWORD, ORG, "g-1"),
    )
    pipeline.directory.commit([Insert(record)])
    pipeline.apply_rules(outbound(ActionType.SMTP_GATEWAY, recipients="example.org", gateway=record.id))


def journaled(pipeline: Pipeline) -> None:
    """As acme, with journaling."""
    acme(pipeline)
    pipeline.apply_rules(
        rule(ActionType.DEFAULT), journaling=Journaling(JOURNAL, JOURNAL, "amazonjournaling@acme.test")
    )
