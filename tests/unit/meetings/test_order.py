"""Messages about one meeting that are carried out in another order than they were sent in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.meetings import early, itip
from postroom.meetings.itip import Changed, Ignored, Kind, decide
from tests.support.invitations import ATTENDEE, BERLIN, ORGANIZER, event, meeting, received

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postroom.meetings.itip import Received
    from postroom.meetings.meeting import Meeting

OWN = (ATTENDEE,)
DAILY = "RRULE:FREQ=DAILY;COUNT=5"
DAY_2 = "RECURRENCE-ID:20261202T100000Z"
MALLORY = "mallory@evil.test"


def after(stored: Meeting | None, message: Received) -> Meeting | None:
    outcome = decide(message, early.relevant(stored, message.meeting.organizer), OWN)
    return meeting(outcome.ics) if isinstance(outcome, Changed) else stored


def carried_out(messages: Iterable[Received], stored: Meeting | None = None) -> Meeting | None:
    for each in messages:
        stored = after(stored, each)
    return stored


def ends(sent: Sequence[Received]) -> set[tuple[str, ...]]:
    """Return what takes time after each order of some messages; where orders leave the same, they go on together."""
    left: dict[frozenset[int], dict[bytes, Meeting | None]] = {frozenset(): {b"": None}}
    for count in range(len(sent)):
        for done in [each for each in left if len(each) == count]:
            for place in set(range(len(sent))) - done:
                for stored in left[done].values():
                    new = after(stored, sent[place])
                    left.setdefault(done | {place}, {})[new.text.text if new else b""] = new
    return {tuple(shown(each)) for each in left[frozenset(range(len(sent)))].values()}


def shown(stored: Meeting | None) -> list[str]:
    """Return day, hour and subject of each instance that takes time."""
    if stored is None:
        return []
    found = instances(read_calendar(stored.text.text).only().entry, 0, 4_000_000_000_000)
    return [f"{datetime.fromtimestamp(each.start_ms / 1000, UTC):%d %H} {each.details.subject}" for each in found]


def cancel(*lines: str, sequence: int = 1, author: str = ORGANIZER, organizer: str = ORGANIZER) -> Received:
    text = event("STATUS:CANCELLED", *lines, sequence=sequence, stamp="20261130T090000Z", organizer=organizer)
    return received(text, method="CANCEL", author=author)


def changed(outcome: Changed | Ignored) -> Changed:
    assert isinstance(outcome, Changed), outcome
    return outcome


def first(message: Received) -> Meeting:
    """Return what a message leaves in a calendar that lacks its meeting."""
    return meeting(changed(decide(message, None, OWN)).ics)


@dataclass
class Life:
    """The messages of an organizer who counts as RFC 5546 says (2.1.4).

    What changes times has a higher SEQUENCE than all before. ``minor`` keeps the SEQUENCE of the series.
    """

    sent: list[Received] = field(default_factory=list)
    sequence: int = 0
    series: int = 0
    hour: int = 10
    is_cancelled: bool = False
    recurs: bool = True

    def request(self, *, is_minor: bool = False) -> None:
        if not is_minor:
            self.sequence, self.series = self.sequence + 1, self.sequence + 1
            self.hour, self.is_cancelled = 9 + self.sequence, False
        self._send("REQUEST", self.series, *([DAILY] if self.recurs else []), day=1, hour=self.hour)

    def move(self, day: int, name: str = "RECURRENCE-ID") -> None:
        self.sequence += 1
        lines = f"{name}:202612{day:02}T{self.hour:02}0000Z"
        self._send("REQUEST", self.sequence, lines, day=day, hour=self.hour, minute=30)

    def cancel(self, day: int | None = None, name: str = "RECURRENCE-ID") -> None:
        self.sequence += 1
        lines = () if day is None else (f"{name}:202612{day:02}T{self.hour:02}0000Z",)
        self.is_cancelled = day is None
        self._send("CANCEL", self.sequence, "STATUS:CANCELLED", *lines, day=day or 1, hour=self.hour)

    def add(self, day: int) -> None:
        self.sequence += 1
        self._send("ADD", self.sequence, day=day, hour=self.hour)

    def _send(self, method: str, sequence: int, *lines: str, day: int, hour: int, minute: int = 0) -> None:
        at = f"202612{day:02}T{hour:02}"
        self.sent.append(
            received(
                event(
                    *lines,
                    sequence=sequence,
                    start=f"{at}{minute:02}00Z",
                    end=f"{at}{minute + 20:02}00Z",
                    stamp=f"20261130T08{len(self.sent):02}00Z",
                    summary=f"words {len(self.sent)}",
                ),
                method=method,
            )
        )


@some.composite
def lives(draw: some.DrawFn) -> list[Received]:
    life = Life(recurs=draw(some.booleans()))
    life.request()
    for _ in range(draw(some.integers(1, 5))):
        day = draw(some.integers(1, 6))
        actions = ["request"]
        if not life.is_cancelled:
            actions += ["minor", "cancel all"]
            actions += ["move", "cancel one", "cancel following", "add"] if life.recurs else []
        match draw(some.sampled_from(actions)):
            case "request":
                life.recurs = life.recurs or draw(some.booleans())
                life.request()
            case "minor":
                life.request(is_minor=True)
            case "move":
                life.move(min(day, 5))
            case "cancel one":
                life.cancel(day)
            case "cancel all":
                life.cancel()
            case "cancel following":
                life.cancel(max(day, 2), "RECURRENCE-ID;RANGE=THISANDFUTURE")
            case _:
                life.add(day + 5)
    return life.sent


@settings(max_examples=80, deadline=None)
@given(some.data())
def test_the_calendar_is_the_same_whatever_the_order(data: some.DataObject) -> None:
    sent = data.draw(lives())
    order = data.draw(some.permutations(range(len(sent))))
    assert shown(carried_out(sent[each] for each in order)) == shown(carried_out(sent))


@settings(max_examples=30, deadline=None)
@given(some.data())
def test_what_comes_twice_changes_nothing(data: some.DataObject) -> None:
    sent = data.draw(lives())
    again = data.draw(some.lists(some.sampled_from(sent), max_size=4))
    assert shown(carried_out([*sent, *again])) == shown(carried_out(sent))


def test_every_order_of_six_messages() -> None:
    life = Life()
    life.request()
    life.request()
    life.move(2)
    life.cancel(3)
    life.add(9)
    whole = life.sent[:]
    assert len(shown(carried_out(whole))) == 5
    life.cancel()
    for sent in (whole, life.sent):
        assert ends(sent) == {tuple(shown(carried_out(sent)))}
    assert shown(carried_out(life.sent)) == []


def test_every_order_of_a_moved_instance_and_the_end_of_the_series_before_it() -> None:
    life = Life()
    life.request()
    life.move(4)
    life.cancel(3, "RECURRENCE-ID;RANGE=THISANDFUTURE")
    assert ends(life.sent) == {("01 10 words 0", "02 10 words 0")}


def test_every_order_of_a_meeting_that_is_opened_again_and_then_changed() -> None:
    life = Life()
    life.request()
    life.cancel()
    life.request()
    life.move(2)
    days = [f"0{day} 12 words {3 if day == 2 else 2}" for day in range(1, 6)]
    assert ends(life.sent) == {tuple(days)}


def test_the_end_of_a_series_before_a_request_that_has_instances_of_its_own() -> None:
    moved = event("RECURRENCE-ID:20261204T100000Z", start="20261204T150000Z", end="20261204T160000Z")
    ended = cancel("RECURRENCE-ID;RANGE=THISANDFUTURE:20261203T100000Z")
    sent = [received(event(DAILY), moved), ended]
    assert ends(sent) == {("01 10 Planning", "02 10 Planning")}


class TestEarlyCancellation:
    def test_it_is_stored_with_little_more_than_its_numbers_and_takes_no_time(self) -> None:
        sent = cancel(sequence=1)
        outcome = changed(decide(sent, None, OWN))
        assert (outcome.kind, outcome.tentative) == (Kind.CANCELLED, False)
        assert shown(meeting(outcome.ics)) == []
        lines = outcome.ics.decode().split("\r\n")
        assert lines[3:-2] == [
            "BEGIN:VEVENT",
            "UID:u1@acme.test",
            "DTSTAMP:20261130T090000Z",
            "SEQUENCE:1",
            "DTSTART:20261201T100000Z",
            f"ORGANIZER:mailto:{ORGANIZER}",
            "STATUS:CANCELLED",
            f"X-POSTROOM-CANCELLED-BY:{ORGANIZER}",
            "END:VEVENT",
        ]

    @pytest.mark.parametrize(("sequence", "stamp"), [(0, "20261130T100000Z"), (1, "20261130T080000Z")])
    def test_an_older_request_is_known(self, sequence: int, stamp: str) -> None:
        late = received(event(sequence=sequence, stamp=stamp))
        assert decide(late, first(cancel(sequence=1)), OWN) == Ignored(itip.OBSOLETE)

    def test_a_newer_request_opens_the_meeting(self) -> None:
        sent = received(event(sequence=2))
        outcome = changed(decide(sent, first(cancel(sequence=1)), OWN))
        assert (outcome.kind, outcome.tentative, outcome.ics) == (Kind.ADDED, True, sent.meeting.text.text)

    def test_one_instance(self) -> None:
        stored = first(cancel(DAY_2))
        assert shown(stored) == []
        outcome = changed(decide(received(event(DAILY)), stored, OWN))
        assert shown(meeting(outcome.ics)) == [f"0{day} 10 Planning" for day in (1, 3, 4, 5)]
        moved = received(event(DAY_2, sequence=2, start="20261202T150000Z", end="20261202T160000Z"))
        alone = changed(decide(moved, stored, OWN))
        assert (alone.tentative, shown(meeting(alone.ics))) == (True, ["02 15 Planning"])

    def test_only_the_organizer_leaves_one(self) -> None:
        assert decide(cancel(author=MALLORY), None, OWN) == Ignored(itip.STRANGER)
        assert decide(cancel(), None, (ORGANIZER,)) == Ignored(itip.OWN_COPY)
        of_others = received(event(attendees=[":mailto:ben@acme.test"]), method="CANCEL")
        assert decide(of_others, None, OWN) == Ignored(itip.OTHERS_REMOVED)
        without_uid = event("STATUS:CANCELLED").replace("UID:u1@acme.test\r\n", "")
        assert decide(received(without_uid, method="CANCEL"), None, OWN) == Ignored(itip.UNKNOWN)

    @pytest.mark.parametrize("organizer", [MALLORY, f"{ORGANIZER}"])
    def test_a_strangers_does_not_block_a_meeting(self, organizer: str) -> None:
        theirs = cancel(sequence=9, author=MALLORY, organizer=organizer)
        if organizer == ORGANIZER:  # the stranger says that the organizer lets them act
            text = event("STATUS:CANCELLED", sequence=9).replace("ORGANIZER", f'ORGANIZER;SENT-BY="mailto:{MALLORY}"')
            theirs = received(text, method="CANCEL", author=MALLORY)
        also = cancel(DAY_2, sequence=9, author=MALLORY, organizer=MALLORY)
        for before in ([theirs], [theirs, also], [also, theirs]):
            assert carried_out(before) is not None
            assert shown(carried_out([*before, received(event())])) == ["01 10 Planning"]
            assert shown(carried_out([*before, cancel(), received(event())])) == []

    def test_one_of_whom_the_organizer_lets_act_counts(self) -> None:
        acting = 'ORGANIZER;SENT-BY="mailto:carl@acme.test"'
        text = event("STATUS:CANCELLED", sequence=1).replace("ORGANIZER", acting)
        ended = received(text, method="CANCEL", author="carl@acme.test")
        request = received(event().replace("ORGANIZER", acting))
        assert shown(carried_out([ended, request])) == []

    def test_a_meeting_that_came_is_not_replaced_by_another_organizers(self) -> None:
        stored = carried_out([received(event()), cancel()])
        theirs = received(event(sequence=9, organizer=MALLORY), author=MALLORY)
        assert stored is not None
        assert decide(theirs, early.relevant(stored, theirs.meeting.organizer), OWN) == Ignored(itip.STRANGER)

    def test_a_time_zone_comes_with_it(self) -> None:
        zone = BERLIN.format(name="Custom", standard="+0100")
        text = event("RECURRENCE-ID;TZID=Custom:20261202T110000", "STATUS:CANCELLED", sequence=1, start=None, end=None)
        text = text.replace("END:VEVENT", "DTSTART;TZID=Custom:20261202T110000\r\nEND:VEVENT")
        stored = first(received(zone, text, method="CANCEL"))
        assert shown(meeting(changed(decide(received(event(DAILY)), stored, OWN)).ics))[1] == "03 10 Planning"

    def test_long_texts_are_not_kept(self) -> None:
        sent = received(event("STATUS:CANCELLED", f"DESCRIPTION:{'x' * 100_000}"), method="CANCEL")
        assert len(changed(decide(sent, None, OWN)).ics) < 500
