"""What the demo makes of the facts that it sees."""

from typing import TYPE_CHECKING, cast

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.errors import ErrorMailRecipientNotFound
from exchangelib.properties import CalendarEvent, FreeBusyView
from rich.console import Console

from postroom.contracts.event_log import RuleAction
from postroom.model.facts import Fact, OwnFact
from postroom.model.free_busy import BusyEvent, BusyType, FailureCode, MailboxAvailability, MailboxFailure
from tests.support.facts import fact, own, received, rule
from tour import free_busy
from tour.mail import FROM_THE_PRESS, FUNCTION, Message
from tour.stack import DemoError
from tour.tour import Sent, Tour, dropped

if TYPE_CHECKING:
    from cli.running import Stack
    from postroom.bootstrap.operator import Operator


def test_of_several_actions_of_a_rule_only_drop_ends_a_recipient() -> None:
    did = (
        RuleAction(action="DEFAULT", recipients=("ann@example.com",)),
        RuleAction(action="DROP", recipients=("ben@example.com", "cleo@example.com")),
        RuleAction(action="BOUNCE", recipients=("dan@example.com",)),
    )
    assert dropped([fact(rule(rule_actions=did))]) == {"ben@example.com", "cleo@example.com"}


def tour(*facts: Fact) -> Tour:
    """A tour at whose end the press's one message met these facts, and whose stack is not asked."""
    message = Sent(Message("news", b"", FROM_THE_PRESS), "s1", "t1", facts)
    return Tour(Console(quiet=True), cast("Stack", None), cast("Operator", None), sent=[message])


def test_a_timeline_that_names_the_function_of_a_changed_message_holds() -> None:
    function = f"arn:aws:lambda:us-east-1:123456789012:function:{FUNCTION}"
    asked = own(OwnFact.RULE_ATTEMPTED, functionArn=function, functionVersion="$LATEST", attempt=1)
    assert tour(fact(received()), asked).show_trace(tagged=True).startswith("2 facts")


def test_a_timeline_without_the_function_of_a_changed_message_stops_the_tour() -> None:
    with pytest.raises(DemoError, match="tells of the function"):
        tour(fact(received())).show_trace(tagged=True)


def test_the_answer_of_exchangelib_is_shown_as_a_strip() -> None:
    zone = EWSTimeZone(free_busy.ZONE)
    start, end = (EWSDateTime(*free_busy.DAY, hour, tzinfo=zone) for hour in (9, 10))
    event = CalendarEvent(start=start, end=end, busy_type="Tentative")
    answer = free_busy._result("ann@example.com", FreeBusyView(view_type="FreeBusy", calendar_events=[event]))
    start_ms = 1_796_630_400_000  # 2026-12-07T08:00:00Z
    assert answer == MailboxAvailability(
        "ann@example.com", (BusyEvent(start_ms, start_ms + 3_600_000, BusyType.TENTATIVE),)
    )
    failed = free_busy._result("nobody@example.com", ErrorMailRecipientNotFound("no such mailbox"))
    assert failed == MailboxFailure("nobody@example.com", FailureCode.MAIL_RECIPIENT_NOT_FOUND, "no such mailbox")
