"""Kinds that the version before did not know, and samples of them: what this version wrote when they were new."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from postroom.adapters.aws import mailbox_rows
from postroom.adapters.aws.directory_rows import to_item, values_of
from postroom.adapters.aws.owned_rows import owned_from
from postroom.contracts.journal_orders import JournalFailure, JournalOrder
from postroom.contracts.outbound_orders import AcceptOrder, InsideOrder, SealedLocation, TransmitOrder
from postroom.contracts.reply_orders import ReplyOrder
from postroom.contracts.rule_set import StoredJournaling, dump_rules, load_rule_set
from postroom.contracts.ses_events import SesEvent, read_event
from postroom.contracts.stored import RawLocation
from postroom.model.journaling import Journaling
from postroom.model.mailbox import Outgoing
from postroom.model.out_of_office import Audience, Away, OutOfOffice, ReplySettings, State
from postroom.model.rules import Direction
from tests.support.ses_events import bounce_event

from .former import KINDS as ALL
from .former import samples as former_samples
from .kinds import NOON, ORG, TRACE, Kind, load
from .objects import RULES
from .tables import HEAD

SAMPLES: Final = Path(__file__).parent / "samples" / "later.json"
"""Made by ``python -m tests.upgrade.write_later``, which leaves those that are there."""

TRANSMIT: Final = TransmitOrder(
    trace=TRACE,
    organization_id=ORG,
    name="ses:1",
    gateway_id="g-1",
    envelope_from="ann@acme.test",
    recipients=("bob@example.org",),
    message_id="<1@acme.test>",
    author="ann@acme.test",
    sender="ben@acme.test",
    raw=SealedLocation(bucket="mail-bucket", key="mail/a", message_key="wrapped"),
    size=1000,
    since=NOON,
)

INSIDE: Final = InsideOrder(
    trace=TRACE,
    organization_id=ORG,
    name="1",
    envelope_from="ann@acme.test",
    recipients=("ben@acme.test",),
    message_id="<1@acme.test>",
    author="ann@acme.test",
    sender="eve@acme.test",
    raw=RawLocation(bucket="inbound-bucket", key="transit/a/submitted"),
    size=1000,
    since=NOON,
)

ACCEPT: Final = AcceptOrder(
    trace=TRACE,
    organization_id=ORG,
    plan=RawLocation(bucket="inbound-bucket", key="transit/a/plan-b"),
    chunks=3,
    number=1,
)

JOURNAL: Final = JournalOrder(
    trace=TRACE,
    organization_id=ORG,
    part=":0123456789abcdef",
    address="journal@archive.example",
    report_address="admin@acme.test",
    author="amazonjournaling@acme.mail.test",
    submitted=True,
    envelope_from="ann@acme.test",
    recipients=("ben@acme.test",),
    domains=("acme.test",),
    raw=SealedLocation(bucket="mail-bucket", key="mail/a", message_key="wrapped"),
    size=1000,
    since=NOON,
    failure=JournalFailure(status="5.1.1", reason="550 no such user", at=NOON),
)

REPLY: Final = ReplyOrder(
    trace=TRACE,
    organization_id=ORG,
    mailbox_id="ann",
    recipient="ann@acme.test",
    envelope_from="bob@example.org",
    raw=RawLocation(bucket="inbound-bucket", key="inbound/a"),
    size=1000,
    received_at=NOON,
)

JOURNALING: Final = Journaling("journal@archive.example", "admin@acme.test", "amazonjournaling@acme.mail.test")

AWAY: Final = replace(HEAD, away=Away(NOON, NOON + 1))

BOTH_TEXTS: Final = OutOfOffice.of(
    ORG,
    "ann",
    ReplySettings(
        state=State.SCHEDULED,
        audience=Audience.ALL,
        inside="Ask Ben.",
        outside="<p>Back in May.</p>",
        start_ms=NOON,
        end_ms=NOON + 1,
    ),
    now=NOON - 1,
)

SENDING: Final = replace(HEAD, outgoing=Outgoing(day=20_781, recipients=3, reserved=4))

OF_LATER: Final[tuple[Kind, ...]] = (
    Kind(
        "order: transmit",
        (TransmitOrder, SealedLocation),
        TRANSMIT.model_dump_json,
        TransmitOrder.read,
    ),
    Kind("order: inside", (InsideOrder,), INSIDE.model_dump_json, InsideOrder.read),
    Kind("order: accept", (AcceptOrder,), ACCEPT.model_dump_json, AcceptOrder.read),
    Kind("order: reply", (ReplyOrder,), REPLY.model_dump_json, ReplyOrder.read),
    Kind("order: journal", (JournalOrder, JournalFailure), JOURNAL.model_dump_json, JournalOrder.read),
    Kind(
        "message: event of SES",
        (SesEvent,),
        partial(bounce_event, "bob@example.org", trace=TRACE, organization=ORG),
        read_event,
    ),
    Kind(
        "object: rules with journaling",
        (StoredJournaling,),
        lambda: dump_rules(RULES, JOURNALING),
        lambda content: load_rule_set(content, Direction.INBOUND).journaling,
    ),
    Kind(
        "mailbox: head of one that has sent",
        (),
        lambda: mailbox_rows.head_row(SENDING, NOON) | {"outgoing": mailbox_rows.outgoing(SENDING.outgoing)},
        mailbox_rows.head_from_row,
    ),
    Kind(
        "mailbox: head of one whose owner is away",
        (),
        lambda: mailbox_rows.head_row(AWAY, NOON) | {"away": mailbox_rows.away(Away(NOON, NOON + 1))},
        mailbox_rows.head_from_row,
    ),
    Kind(
        "directory: out-of-office reply with texts for two sides",
        (),
        partial(to_item, BOTH_TEXTS),
        lambda row: owned_from(OutOfOffice, values_of(row)),
    ),
)
"""Kinds that need what only this version has. A new family of ``model.owned`` needs no line: it is found."""

KINDS: Final = {name: kind for name, kind in ALL.items() if name not in former_samples()} | {
    kind.name: kind for kind in OF_LATER
}


def samples() -> dict[str, Any]:
    """Return the samples, by kind."""
    return load(SAMPLES.read_text())
