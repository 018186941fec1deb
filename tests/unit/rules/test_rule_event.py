"""The event that a rule's function gets."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.rule_lambda import MAX_EVENT_BYTES, EventAddress, EventEnvelope, RuleEvent
from postroom.model.rules import Direction


def event(recipients: list[str], subject: str = "Hello From Amazon WorkMail!", sender: str | None = None) -> RuleEvent:
    return RuleEvent(
        envelope=EventEnvelope(
            mail_from=EventAddress(address="from@example.com"),
            recipients=tuple(EventAddress(address=recipient) for recipient in recipients),
        ),
        sender=EventAddress(address=sender) if sender else None,
        subject=subject,
        message_id="00000000-0000-0000-0000-000000000000",
        invocation_id="0" * 32,
        flow_direction=Direction.INBOUND,
    )


def test_the_event_has_the_documented_form() -> None:
    """ZH:3996-4028."""
    shown = event(["recipient1@example.com", "recipient2@example.com"], sender="sender@example.com").encode()
    assert json.loads(shown) == {
        "summaryVersion": "2018-10-10",
        "envelope": {
            "mailFrom": {"address": "from@example.com"},
            "recipients": [{"address": "recipient1@example.com"}, {"address": "recipient2@example.com"}],
        },
        "sender": {"address": "sender@example.com"},
        "subject": "Hello From Amazon WorkMail!",
        "messageId": "00000000-0000-0000-0000-000000000000",
        "invocationId": "00000000000000000000000000000000",
        "flowDirection": "INBOUND",
        "truncated": False,
    }


def test_sender_is_in_the_event_only_for_mail_sent_on_behalf() -> None:
    """ZH:4050."""
    assert "sender" not in json.loads(event(["a@example.com"]).encode())


def test_recipients_are_left_out_to_keep_the_limit() -> None:
    """ZH:4069."""
    recipients = [f"{n:05}-{'x' * 240}@example.com" for n in range(600)]
    shown = event(recipients).encode()
    read = json.loads(shown)
    kept = [recipient["address"] for recipient in read["envelope"]["recipients"]]
    assert read["truncated"] is True
    assert MAX_EVENT_BYTES - 300 < len(shown) <= MAX_EVENT_BYTES
    assert kept == recipients[: len(kept)]


@given(st.text(max_size=256), st.lists(st.text(max_size=300), max_size=500))
def test_it_is_always_json_within_the_limit(subject: str, recipients: list[str]) -> None:
    shown = event(recipients, subject).encode()
    assert len(shown) <= MAX_EVENT_BYTES
    read = json.loads(shown)
    assert read["subject"] == subject
    assert read["truncated"] is (len(read["envelope"]["recipients"]) < len(recipients))
