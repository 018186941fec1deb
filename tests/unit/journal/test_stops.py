"""A report is stopped at each call; then SQS hands the order out again, and time passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.journaling import Journaling
from postroom.model.transmissions import Answer
from postroom.outbound.inside import OwnAddresses
from postroom.outbound.journal_feedback import JournalFeedback
from postroom.outbound.reading import OrderReader
from tests.support.journals import ADMIN, JOURNAL, LETTER, Archive
from tests.support.stops import StoppedError, Stopping, Stops

if TYPE_CHECKING:
    from collections.abc import Callable

PORTS = ("mailboxes", "raw", "transit", "ledger", "queues")
"""Of ``OwnAddresses``, in its order; all but the directory, which only reads."""

ROOM = 1_500
"""Bytes of a journaling mailbox that one report of the letter fits into, and no second one."""

MOST_CALLS = 40
"""More than a run makes."""


def outside() -> Archive:
    return Archive()


def inside() -> Archive:
    return Archive(Journaling("ben@acme.test", ADMIN, "amazonjournaling@acme.test"))


def just_fits() -> Archive:
    """The first report fills the journaling mailbox: a repeated attempt finds no room."""
    made = inside()
    made.mailboxes.set_quota("ben", ROOM)
    return made


def refused() -> Archive:
    made = Archive()
    made.ses.answers[JOURNAL] = [Answer.permanent("5.1.1", "550 no such user")] * 9
    return made


def copies(archive: Archive) -> int:
    return len(archive.reports()) + len(archive.contents("ben"))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("make", "ends"),
    [
        (outside, ["JOURNALING_INITIATED"]),
        (inside, ["JOURNALING_INITIATED"]),
        (just_fits, ["JOURNALING_INITIATED"]),
        (refused, ["JOURNALING_FAILED", "JOURNAL_NOTICE_SENT"]),
    ],
)
def test_wherever_it_stops_a_report_ends_once_and_only_the_send_may_be_repeated(
    make: Callable[[], Archive], ends: list[str], *, after: bool
) -> None:
    for at in range(1, MOST_CALLS):
        archive = make()
        facts = archive.arrive("1", LETTER, "ann@acme.test")
        body = archive.queues.queues["transmit"].popleft()
        stops = Stops(at, after)
        was_stopped = stopped(archive, stops, body)
        sent_before_the_stop = copies(archive)
        archive.queues.queues["transmit"].append(body)
        archive.go_out()
        archive.pass_on(hours=1)
        trace = facts[0].trace
        archive.queues.send(archive.transit.open_orders(trace))  # as the sweep does
        archive.go_out()
        assert [fact.name.value for fact in archive.journal_facts(trace)] == ends
        assert archive.transit.is_clear(trace)
        assert archive.contents("ann") == [LETTER]
        assert copies(archive) <= (1 if make in (inside, just_fits, refused) else 1 + sent_before_the_stop)
        assert copies(archive) >= (0 if make is refused else 1)
        assert len(archive.sent_to(ADMIN)) <= (1 if make is refused else 0)
        if not was_stopped:
            assert at > 3
            return
    pytest.fail("more calls than are walked")


def stopped(archive: Archive, stops: Stops, body: str) -> bool:
    """Carry out one order with stops; say whether it was stopped."""
    ports: dict[str, Any] = {name: Stopping(getattr(archive, name), stops) for name in PORTS}
    own = OwnAddresses(archive.directory, *ports.values())
    station = replace(
        archive.transmit,
        read=OrderReader(ports["raw"], own).read,
        open=Stopping(archive.transmit.open, stops),
        ledger=ports["ledger"],
        ses=Stopping(archive.ses, stops),
        transit=ports["transit"],
        queues=ports["queues"],
    )
    try:
        station.accept(body)
    except StoppedError:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
def test_wherever_bounce_stops_a_report_that_its_mailbox_refuses_is_told_once(*, after: bool) -> None:
    for at in range(1, MOST_CALLS):
        archive = inside()
        trace = archive.arrive("1", LETTER, "ann@acme.test")[0].trace
        archive.transmit.accept(archive.queues.queues["transmit"].popleft())
        archive.mailboxes.set_quota("ben", 100)
        archive.deliver.accept(archive.queues.queues["deliver"].pop())
        body = archive.queues.queues["bounce"].popleft()
        was_stopped = bounce_stopped(archive, Stops(at, after), body)
        for _ in range(2):  # it comes again, and once too often
            archive.queues.queues["bounce"].append(body)
            archive.go_out()
        ends = sorted(fact.name.value for fact in archive.journal_facts(trace))
        assert ends == ["JOURNALING_FAILED", "JOURNALING_INITIATED", "JOURNAL_NOTICE_SENT"]
        assert archive.transit.is_clear(trace)
        assert len(archive.sent_to(ADMIN)) == 1
        if not was_stopped:
            assert at > 6
            return
    pytest.fail("more calls than are walked")


def bounce_stopped(archive: Archive, stops: Stops, body: str) -> bool:
    """Carry out one bounce order with stops; say whether it was stopped."""
    ledger, transit, queues = (Stopping(getattr(archive, name), stops) for name in ("ledger", "transit", "queues"))
    ports: dict[str, Any] = {"ledger": ledger, "transit": transit, "queues": queues}
    try:
        replace(archive.bouncer, **ports, journal=JournalFeedback(**ports, now=archive.now)).accept(body)
    except StoppedError:
        return True
    return False
