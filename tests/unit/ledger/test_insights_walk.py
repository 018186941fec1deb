"""The guide's walk "why did user B not receive the mail of user A" (ZH:1764-1803), over what submissions really record.

The queries are the guide's, word for word, with ``(?i)`` where the machine-translated guide prints ``(?!i)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.emulator import insights
from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.contracts.event_log import record_of
from postroom.ledger.counting import count
from postroom.model.facts import EventName
from postroom.model.rules import ActionType
from postroom.model.transmissions import Answer
from tests.support.builders import ORG
from tests.support.outbound import Office
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BEN, CARL, DORA = "ben@acme.test", "carl@example.org", "dora@example.org"

SUBMISSIONS = """fields @timestamp, traceId
| sort @timestamp asc
| filter (event.from like /(?i)ann@acme.test/
and event.eventName = "OUTGOING_EMAIL_SUBMITTED"
and event.recipients.0 like /(?i)$RECIPIENT/)"""
BY_TRACE = """fields @timestamp, event.eventName
| sort @timestamp asc
| filter traceId = "$TRACEID\""""
BY_MESSAGE = """fields @timestamp, event.eventName
| sort @timestamp asc
| filter event.messageId like "$MESSAGEID\""""
NEXT = BY_MESSAGE.replace("event.eventName", "event.eventName, event.messageId, traceId")
BOUNCED = """fields @timestamp, event.destination, event.reason
| sort @timestamp desc
| filter event.eventName = "OUTGOING_EMAIL_BOUNCED\""""


@pytest.fixture
def office() -> Office:
    return Office()


def ask(office: Office, query: str, **placeholders: str) -> Sequence[Mapping[str, Any]]:
    """Ask the organization's event log, as record_events writes it."""
    for name, value in placeholders.items():
        query = query.replace(f"${name}", value)
    facts = [fact for fact in office.ledger.all_facts(ORG) if isinstance(fact.name, EventName)]
    return insights.run(query, [insights.Event(fact.at, record_of(fact)) for fact in facts]).rows


def names(office: Office, query: str, **placeholders: str) -> list[str]:
    return sorted(str(row["event.eventName"]) for row in ask(office, query, **placeholders))


def walked(office: Office) -> list[str]:
    """Walk from the submission to user B to the events of the flow in which B receives it, by what each answer says."""
    (submission,) = ask(office, SUBMISSIONS, RECIPIENT=BEN)
    sent = names(office, BY_TRACE, TRACEID=submission["traceId"])
    assert {"OUTGOING_EMAIL_SUBMITTED", "OUTGOING_EMAIL_SENT"} <= set(sent)
    (message_id,) = {row["event.messageId"] for row in ask(office, NEXT, MESSAGEID="<1@acme.test>")}
    assert "ORGANIZATION_EMAIL_RECEIVED" in names(office, BY_MESSAGE, MESSAGEID=message_id)
    (received,) = [
        row["traceId"]
        for row in ask(office, NEXT, MESSAGEID=message_id)
        if row["event.eventName"] == "ORGANIZATION_EMAIL_RECEIVED"
    ]
    assert received != submission["traceId"]
    return names(office, BY_TRACE, TRACEID=received)


def test_the_walk_ends_at_the_delivery(office: Office) -> None:
    office.mail(BEN, CARL)
    office.go_out()
    assert walked(office) == ["MAILBOX_EMAIL_DELIVERED", "ORGANIZATION_EMAIL_RECEIVED"]


def test_the_walk_shows_the_rule_that_dropped_the_message(office: Office) -> None:
    office.rules(rule(ActionType.DROP, recipients=BEN, name="not to Ben"))
    office.mail(BEN)
    assert walked(office) == ["ORGANIZATION_EMAIL_RECEIVED", "RULE_APPLIED"]


def test_the_walk_ends_early_where_the_message_bounced_on_its_way_out(office: Office) -> None:
    office.ses.answers[CARL] = [Answer.permanent("5.1.1", "550 no such user")]
    office.mail(CARL)
    office.go_out()
    (submission,) = ask(office, SUBMISSIONS, RECIPIENT=CARL)
    found = names(office, BY_TRACE, TRACEID=submission["traceId"])
    assert found == ["OUTGOING_EMAIL_BOUNCED", "OUTGOING_EMAIL_SUBMITTED"]
    (bounced,) = ask(office, BOUNCED)
    assert (bounced["event.destination"], bounced["event.reason"]) == (CARL, "550 no such user")


def test_metrics_count_recipients_that_were_sent_the_message_and_that_were_not(office: Office) -> None:
    """Guide, ZH:1518-1523: per recipient, those inside among them."""
    office.ses.answers[DORA] = [Answer.permanent("5.1.1", "550 no such user")]
    office.mail(BEN, CARL, DORA)
    office.go_out()
    metrics = MemoryMetrics()
    count(office.ledger.all_facts(ORG), metrics)
    assert metrics.sums[ORG, "OutgoingEmailSent"] == 2
    assert metrics.sums[ORG, "OutgoingEmailBounced"] == 1
