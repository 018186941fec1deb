"""The guide's own queries (ZH:1764-1899), word for word, over the records that we write, as the emulator runs them.

No real record of WorkMail is public, so these queries are the acceptance test of the records' shape. One thing is not
word for word: the machine-translated guide prints ``(?!i)`` where the English one has ``(?i)``.
"""

from __future__ import annotations

from typing import Any

import pytest

from local.emulator import insights
from postroom.adapters.memory.event_bus import MemoryEventBus
from postroom.adapters.memory.event_log import MemoryEventLogs
from postroom.adapters.memory.metrics import MemoryMetrics
from postroom.adapters.memory.queues import MemoryQueues
from postroom.contracts.event_log import RuleAction
from postroom.contracts.pointers import Part
from postroom.ledger.bus import BusProjection
from postroom.ledger.event_log import EventLogProjection
from postroom.ledger.record_events import RecordEvents
from postroom.model.directory import Monitoring
from postroom.model.facts import Fact, OwnFact
from postroom.model.verdicts import Verdict
from postroom.ports.event_log import LedgerRecord
from tests.support.facts import (
    ACME,
    NOON,
    Settings,
    bounced_in,
    bounced_out,
    delivered,
    fact,
    own,
    plenty,
    received,
    rule,
    sent,
    submitted,
)

OUT, IN, SPAM, LATER = "sending", "receiving", "spam", "later"
GO = (RuleAction(action="DEFAULT", recipients=("userb@example.com", "c@there.example", "d@there.example")),)

FACTS: list[Fact] = [
    # user A writes to user B and to two strangers, one of whom does not exist; an outbound rule fires
    fact(submitted("userb@example.com", "c@there.example", "d@there.example"), OUT, NOON),
    fact(rule("OUTBOUND_RULE", rule_name="everything goes", rule_actions=GO), OUT, NOON + 1),
    fact(sent("userb@example.com"), OUT, NOON + 2, "sent:1"),
    fact(sent("c@there.example"), OUT, NOON + 3, "sent:2"),
    fact(bounced_out("d@there.example"), OUT, NOON + 4),
    # it arrives: one mailbox by a rule to Junk, one in the inbox, one is full
    fact(received("userb@example.com", "full@example.com", "team@example.com"), IN, NOON + 10),
    fact(rule(), IN, NOON + 11),
    fact(delivered("userb@example.com", "JUNK_EMAIL"), IN, NOON + 12, "delivered:1"),
    fact(delivered("team@example.com"), IN, NOON + 13, "delivered:2"),
    fact(bounced_in("full@example.com"), IN, NOON + 14),
    own(OwnFact.QUOTA_NOTICE_DELIVERED, IN, NOON + 15),
    # spam, sent on behalf of another address
    fact(
        received(
            "userb@example.com",
            spam=Verdict.FAIL,
            from_="win@spam.example",
            sender="robot@spam.example",
            subject="You WON",
            message_id="<2@spam.example>",
        ),
        SPAM,
        NOON + 20,
    ),
    fact(delivered("userb@example.com", "JUNK_EMAIL"), SPAM, NOON + 21),
    # and user A once more
    fact(submitted("userb@example.com"), LATER, NOON + 30),
]


@pytest.fixture(scope="module")
def log() -> list[tuple[int, str]]:
    """The organization's log after record_events has written all facts, newest first."""
    logs = MemoryEventLogs(now=lambda: NOON)
    settings = Settings({ACME: Monitoring("acme", enabled=True, log_group=None, role_arn=None)})
    station = RecordEvents(
        projections={Part.LOG: EventLogProjection(settings, logs, ""), Part.BUS: BusProjection(MemoryEventBus())},
        metrics=MemoryMetrics(),
        queues=MemoryQueues(),
        delay_s=60,
    )
    outcome = station.accept([LedgerRecord(str(n), each) for n, each in enumerate(reversed(FACTS))], plenty)
    assert not outcome.refused
    return [(line.at_ms, line.text) for line in logs.groups["/aws/workmail/emailevents/acme"]]


def ask(log: list[tuple[int, str]], query: str, **placeholders: str) -> list[dict[str, Any]]:
    for name, value in placeholders.items():
        query = query.replace(f"${name}", value)
    answer = insights.run(query.replace("(?!i)", "(?i)"), [insights.Event(at, text) for at, text in log])
    return [{name: value for name, value in row.items() if name != "@ptr"} for row in answer.rows]


def test_why_user_b_did_not_get_what_user_a_sent(log: list[tuple[int, str]]) -> None:
    submissions = ask(
        log,
        """fields @timestamp, traceId
| sort @timestamp asc
| filter (event.from like /(?!i)userA@example.com/
and event.eventName = "OUTGOING_EMAIL_SUBMITTED"
and event.recipients.0 like /(?!i)userB@example.com/)""",
    )
    assert submissions == [{"@timestamp": NOON, "traceId": OUT}, {"@timestamp": NOON + 30, "traceId": LATER}]
    by_trace = """fields @timestamp, event.eventName
| sort @timestamp asc
| filter traceId = "$TRACEID\""""
    assert ask(log, by_trace, TRACEID=OUT) == [
        {"@timestamp": NOON, "event.eventName": "OUTGOING_EMAIL_SUBMITTED"},
        {"@timestamp": NOON + 1, "event.eventName": "RULE_APPLIED"},
        {"@timestamp": NOON + 2, "event.eventName": "OUTGOING_EMAIL_SENT"},
        {"@timestamp": NOON + 3, "event.eventName": "OUTGOING_EMAIL_SENT"},
        {"@timestamp": NOON + 4, "event.eventName": "OUTGOING_EMAIL_BOUNCED"},
    ]
    by_message = ask(
        log,
        """fields @timestamp, event.eventName
| sort @timestamp asc
| filter event.messageId like "$MESSAGEID\"""",
        MESSAGEID="<1@example.com>",
    )
    assert [row["event.eventName"] for row in by_message] == [
        "OUTGOING_EMAIL_SENT",
        "OUTGOING_EMAIL_SENT",
        "ORGANIZATION_EMAIL_RECEIVED",
    ]
    assert [row["event.eventName"] for row in ask(log, by_trace, TRACEID=IN)] == [
        "ORGANIZATION_EMAIL_RECEIVED",
        "RULE_APPLIED",
        "MAILBOX_EMAIL_DELIVERED",
        "MAILBOX_EMAIL_DELIVERED",
        "INCOMING_EMAIL_BOUNCED",
    ]


def test_mail_received_from_a_user(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.eventName
| sort @timestamp asc
| filter (event.from like /(?!i)user@example.com/ and event.eventName =
"ORGANIZATION_EMAIL_RECEIVED")""".replace("user@", "userA@"),
    ) == [{"@timestamp": NOON + 10, "event.eventName": "ORGANIZATION_EMAIL_RECEIVED"}]


def test_mail_received_from_a_domain(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.eventName
| sort @timestamp asc
| filter (event.from like "example.com" and event.eventName =
"ORGANIZATION_EMAIL_RECEIVED")""",
    ) == [{"@timestamp": NOON + 10, "event.eventName": "ORGANIZATION_EMAIL_RECEIVED"}]


def test_outgoing_mail_that_bounced(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.destination, event.reason
| sort @timestamp desc
| filter event.eventName = "OUTGOING_EMAIL_BOUNCED\"""",
    ) == [{"@timestamp": NOON + 4, "event.destination": "d@there.example", "event.reason": "no such user"}]


def test_incoming_mail_that_bounced(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.bouncedRecipient.emailAddress, event.bouncedRecipient.reason,
event.bouncedRecipient.status
| sort @timestamp desc
| filter event.eventName = "INCOMING_EMAIL_BOUNCED\"""",
    ) == [
        {
            "@timestamp": NOON + 14,
            "event.bouncedRecipient.emailAddress": "full@example.com",
            "event.bouncedRecipient.reason": "mailbox full",
            "event.bouncedRecipient.status": "5.2.2",
        }
    ]


def test_who_gets_spam(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """stats count(*) as c by event.recipients.0
| filter (event.eventName = "ORGANIZATION_EMAIL_RECEIVED" and event.spamVerdict =
"FAIL")
| sort c desc""",
    ) == [{"event.recipients.0": "userb@example.com", "c": 1}]


def test_who_sends_spam(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.recipients.0, event.sender, event.from
| sort @timestamp asc
| filter (event.spamVerdict = "FAIL")""",
    ) == [
        {
            "@timestamp": NOON + 20,
            "event.recipients.0": "userb@example.com",
            "event.sender": "robot@spam.example",
            "event.from": "win@spam.example",
        }
    ]


def test_why_mail_went_to_junk(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.recipients.0, event.spamVerdict, event.spfVerdict,
event.dkimVerdict, event.dmarcVerdict
| sort @timestamp asc
| filter event.subject like /(?!i)$SUBJECT/ and event.eventName =
"ORGANIZATION_EMAIL_RECEIVED\"""",
        SUBJECT="you won",
    ) == [
        {
            "@timestamp": NOON + 20,
            "event.recipients.0": "userb@example.com",
            "event.spamVerdict": "FAIL",
            "event.spfVerdict": "GRAY",
            "event.dkimVerdict": "PASS",
            "event.dmarcVerdict": "FAIL",
        }
    ]


def test_mail_that_met_an_outbound_rule(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.ruleName, event.ruleActions.0.action
| sort @timestamp desc
| filter event.ruleType = "OUTBOUND_RULE\"""",
    ) == [
        {
            "@timestamp": NOON + 1,
            "event.ruleName": "everything goes",
            "event.ruleActions.0.action": "DEFAULT",
        }
    ]


def test_mail_that_met_an_inbound_rule(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """fields @timestamp, event.ruleName, event.ruleActions.0.action,
event.ruleActions.0.recipients.0
| sort @timestamp desc
| filter event.ruleType = "INBOUND_RULE\"""",
    ) == [
        {
            "@timestamp": NOON + 11,
            "event.ruleName": "no newsletters",
            "event.ruleActions.0.action": "MOVE_TO_JUNK",
            "event.ruleActions.0.recipients.0": "userb@example.com",
        }
    ]


def test_how_many_messages_each_recipient_got(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """stats count(*) as c by event.recipient
| filter event.eventName = "MAILBOX_EMAIL_DELIVERED"
| sort c desc""",
    ) == [
        {"event.recipient": "userb@example.com", "c": 2},
        {"event.recipient": "team@example.com", "c": 1},
    ]


def test_how_many_messages_each_sender_sent(log: list[tuple[int, str]]) -> None:
    assert ask(
        log,
        """stats count(*) as c by event.from
| filter event.eventName = "OUTGOING_EMAIL_SUBMITTED"
| sort c desc""",
    ) == [{"event.from": "usera@example.com", "c": 2}]


def test_the_log_is_in_order_of_time_and_holds_no_fact_of_ours(log: list[tuple[int, str]]) -> None:
    assert [at for at, _ in log] == sorted(at for at, _ in log)
    assert len(log) == len(FACTS) - 1
    assert not ask(log, 'filter event.eventName = "QUOTA_NOTICE_DELIVERED"')
