"""The rules of iTIP (RFC 5546): what a message changes in a calendar, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from postroom.calendars.expand import instances
from postroom.calendars.objects import read_calendar
from postroom.meetings import itip
from postroom.meetings.itip import Changed, Ignored, Kind, decide
from tests.support.invitations import ATTENDEE, BERLIN, ORGANIZER, calendar, event, meeting, received

if TYPE_CHECKING:
    from postroom.meetings.meeting import Meeting

OWN = (ATTENDEE, "ann.alias@acme.test")
DAILY = "RRULE:FREQ=DAILY;COUNT=5"
DAY_2 = "RECURRENCE-ID:20261202T100000Z"


def changed(outcome: Changed | Ignored) -> Changed:
    assert isinstance(outcome, Changed), outcome
    return outcome


def starts(ics: bytes) -> list[str]:
    """Return the starts of all instances, day and hour in UTC."""
    entry = read_calendar(ics).only().entry
    found = instances(entry, 0, 4_000_000_000_000)
    return [f"{datetime.fromtimestamp(each.start_ms / 1000, UTC):%d %H}" for each in found]


STORED = meeting(calendar(event(sequence=2, stamp="20261130T080000Z")))
SERIES = meeting(calendar(event(DAILY, sequence=2)))


class TestRequest:
    def test_a_new_meeting_is_stored_as_it_came_and_is_tentative(self) -> None:
        sent = received(event("X-ODD;X-P=1:kept  as is"))
        outcome = changed(decide(sent, None, OWN))
        assert outcome.ics == sent.meeting.text.text
        assert (outcome.kind, outcome.tentative) == (Kind.ADDED, True)

    def test_anybody_may_invite_but_only_as_tentative(self) -> None:
        outcome = changed(decide(received(event(), author="mallory@evil.test"), None, OWN))
        assert outcome.tentative

    def test_the_organizers_own_meeting_is_not_tentative(self) -> None:
        assert not changed(decide(received(event()), None, (ORGANIZER,))).tentative

    def test_a_stranger_who_names_the_owner_as_the_organizer_makes_it_no_less_tentative(self) -> None:
        assert changed(decide(received(event(), author="mallory@evil.test"), None, (ORGANIZER,))).tentative
        acting = event().replace(
            f"ORGANIZER:mailto:{ORGANIZER}", f'ORGANIZER;SENT-BY="mailto:m@evil.test":mailto:{ORGANIZER}'
        )
        assert "SENT-BY" in acting
        assert changed(decide(received(acting, author="m@evil.test"), None, (ORGANIZER,))).tentative

    @pytest.mark.parametrize(
        ("sequence", "stamp", "reason"),
        [
            (1, "20261130T090000Z", itip.OBSOLETE),
            (2, "20261130T070000Z", itip.OBSOLETE),
            (2, "20261130T080000Z", itip.NOTHING_NEW),
            (None, "20261130T090000Z", itip.OBSOLETE),
        ],
    )
    def test_an_older_version_or_the_same_is_ignored(self, sequence: int | None, stamp: str, reason: str) -> None:
        sent = received(event(sequence=sequence, stamp=stamp, start="20261201T120000Z", end="20261201T130000Z"))
        assert decide(sent, STORED, OWN) == Ignored(reason)

    @pytest.mark.parametrize(("sequence", "stamp"), [(3, "20261130T070000Z"), (2, "20261130T080001Z")])
    def test_a_higher_sequence_or_a_later_stamp_is_taken(self, sequence: int, stamp: str) -> None:
        sent = received(event(sequence=sequence, stamp=stamp, start="20261201T120000Z", end="20261201T130000Z"))
        outcome = changed(decide(sent, STORED, OWN))
        assert (outcome.kind, outcome.tentative, outcome.ics) == (Kind.RESCHEDULED, True, sent.meeting.text.text)

    def test_a_minor_update_keeps_the_answer(self) -> None:
        accepted = meeting(calendar(event(attendees=[f";PARTSTAT=ACCEPTED:mailto:{ATTENDEE}"])))
        outcome = changed(decide(received(event(sequence=1, summary="Other words")), accepted, OWN))
        assert (outcome.kind, outcome.tentative) == (Kind.CHANGED, False)
        assert b"Other words" in outcome.ics

    def test_a_minor_update_of_what_was_not_answered_stays_tentative(self) -> None:
        outcome = changed(decide(received(event(sequence=3, summary="Other words")), STORED, OWN))
        assert outcome.tentative

    def test_a_minor_update_of_a_series_keeps_its_changed_instances(self) -> None:
        moved = event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=2)
        stored = meeting(calendar(event(DAILY, sequence=2), moved))
        outcome = changed(decide(received(event(DAILY, sequence=3, summary="Other words")), stored, OWN))
        assert starts(outcome.ics) == ["01 10", "02 15", "03 10", "04 10", "05 10"]
        assert moved.encode() in outcome.ics

    def test_a_rescheduled_series_drops_its_changed_instances(self) -> None:
        moved = event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=2)
        stored = meeting(calendar(event(DAILY, sequence=2), moved))
        sent = received(event(DAILY, sequence=3, start="20261201T120000Z", end="20261201T130000Z"))
        assert starts(changed(decide(sent, stored, OWN)).ics) == ["01 12", "02 12", "03 12", "04 12", "05 12"]

    def test_one_instance_is_moved(self) -> None:
        sent = received(event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=2))
        outcome = changed(decide(sent, SERIES, OWN))
        assert starts(outcome.ics) == ["01 10", "02 15", "03 10", "04 10", "05 10"]
        assert outcome.keys == ((1796205600000, False),)
        assert (outcome.kind, outcome.tentative) == (Kind.INSTANCES_CHANGED, None)

    def test_a_moved_instance_is_moved_again_by_its_newer_version_alone(self) -> None:
        def moved(hour: int, sequence: int, recurrence_id: str = DAY_2) -> str:
            start, end = f"20261202T{hour}0000Z", f"20261202T{hour + 1}0000Z"
            return event(recurrence_id, start=start, end=end, sequence=sequence)

        stored = meeting(calendar(event(DAILY, sequence=2), moved(15, 3)))
        assert decide(received(moved(17, 2)), stored, OWN) == Ignored(itip.OBSOLETE)
        assert decide(received(moved(15, 3)), stored, OWN) == Ignored(itip.NOTHING_NEW)
        in_berlin = "RECURRENCE-ID;TZID=Europe/Berlin:20261202T110000"
        outcome = changed(decide(received(moved(17, 4, in_berlin)), stored, OWN))
        assert starts(outcome.ics) == ["01 10", "02 17", "03 10", "04 10", "05 10"]
        assert outcome.ics.count(b"RECURRENCE-ID") == 1

    def test_an_instance_from_before_the_series_was_rescheduled_is_ignored(self) -> None:
        sent = received(event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=1))
        assert decide(sent, SERIES, OWN) == Ignored(itip.OBSOLETE)

    def test_an_older_master_beside_a_newer_instance_changes_the_instance_alone(self) -> None:
        moved = event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=3)
        sent = received(event(DAILY, sequence=1, summary="Old words"), moved)
        outcome = changed(decide(sent, SERIES, OWN))
        assert starts(outcome.ics) == ["01 10", "02 15", "03 10", "04 10", "05 10"]
        assert b"Old words" not in outcome.ics

    def test_this_and_all_that_follow_move(self) -> None:
        following = "RECURRENCE-ID;RANGE=THISANDFUTURE:20261203T100000Z"
        sent = received(event(following, start="20261203T140000Z", end="20261203T150000Z", sequence=3))
        outcome = changed(decide(sent, SERIES, OWN))
        assert starts(outcome.ics) == ["01 10", "02 10", "03 14", "04 14", "05 14"]
        assert outcome.keys == ((1796292000000, True),)

    def test_an_invitation_to_one_instance_alone_is_stored(self) -> None:
        sent = received(event(DAY_2, start="20261202T150000Z", end="20261202T160000Z"))
        outcome = changed(decide(sent, None, OWN))
        assert starts(outcome.ics) == ["02 15"]
        whole = received(event(DAILY, sequence=1))
        later = changed(decide(whole, meeting(outcome.ics), OWN))
        assert starts(later.ics) == ["01 10", "02 10", "03 10", "04 10", "05 10"]

    def test_a_time_zone_comes_with_its_instance_and_takes_another_name_if_its_own_is_taken(self) -> None:
        zone, other = BERLIN.format(name="Custom", standard="+0100"), BERLIN.format(name="Custom", standard="+0000")
        series = event(DAILY, start=";TZID=Custom:20261201T100000", end=";TZID=Custom:20261201T110000")
        stored = meeting(calendar(zone, series))
        assert starts(stored.text.text)[0] == "01 09"
        moved = event(DAY_2.replace("10", "09", 1), start=";TZID=Custom:20261202T150000", end=None, sequence=1)
        outcome = changed(decide(received(other, moved), stored, OWN))
        assert starts(outcome.ics)[:2] == ["01 09", "02 15"]
        assert b"TZID:Custom 2\r\n" in outcome.ics
        again = changed(decide(received(other, moved.replace("SEQUENCE:1", "SEQUENCE:2")), meeting(outcome.ics), OWN))
        assert again.ics.count(b"BEGIN:VTIMEZONE") == 2


class TestWhoMayChange:
    @pytest.mark.parametrize("method", ["REQUEST", "CANCEL", "ADD"])
    def test_a_stranger_changes_nothing(self, method: str) -> None:
        sent = received(event("STATUS:CANCELLED", sequence=9), method=method, author="mallory@evil.test")
        assert decide(sent, STORED, OWN) == Ignored(itip.STRANGER)

    def test_nobody_changes_anything_where_clients_may_read_other_authors(self) -> None:
        sent = received(event(sequence=9))
        nobody = itip.Received(sent.method, sent.meeting, frozenset(), ATTENDEE)
        assert decide(nobody, STORED, OWN) == Ignored(itip.STRANGER)

    def test_an_attendee_is_no_organizer(self) -> None:
        sent = received(event("STATUS:CANCELLED", sequence=9), method="CANCEL", author=ATTENDEE)
        assert decide(sent, STORED, OWN) == Ignored(itip.STRANGER)

    def test_a_message_cannot_make_its_author_the_organizer(self) -> None:
        sent = received(event(sequence=9, organizer="mallory@evil.test"), author="mallory@evil.test")
        assert decide(sent, STORED, OWN) == Ignored(itip.STRANGER)
        handed_over = received(event(sequence=9, organizer="mallory@evil.test"))
        assert decide(handed_over, STORED, OWN) == Ignored(itip.OTHER_ORGANIZER)

    def test_whom_the_stored_organizer_lets_act_may_change(self) -> None:
        line = f'ORGANIZER;SENT-BY="mailto:sec@acme.test":MAILTO:{ORGANIZER.upper()}'
        stored = meeting(calendar(event(line, organizer=None)))
        sent = received(event(sequence=1, summary="Other words"), author="sec@acme.test")
        assert changed(decide(sent, stored, OWN)).kind is Kind.CHANGED
        claims = received(
            event(line.replace("sec@", "mallory@"), organizer=None, sequence=1), author="mallory@acme.test"
        )
        assert decide(claims, STORED, OWN) == Ignored(itip.STRANGER)

    def test_what_was_imported_without_an_organizer_is_changed_by_nobody(self) -> None:
        stored = meeting(calendar(event(organizer=None)))
        assert decide(received(event(sequence=9)), stored, OWN) == Ignored(itip.STRANGER)

    def test_the_organizers_copy_is_not_changed_by_an_invitation(self) -> None:
        assert decide(received(event(sequence=9)), STORED, (ORGANIZER,)) == Ignored(itip.OWN_COPY)


class TestCancel:
    def test_the_whole_meeting_takes_no_time_and_stays_known(self) -> None:
        sent = received(event("STATUS:CANCELLED", sequence=3), method="CANCEL")
        outcome = changed(decide(sent, STORED, OWN))
        assert (outcome.kind, starts(outcome.ics)) == (Kind.CANCELLED, [])
        late = received(event(sequence=2, stamp="20261130T090000Z"))
        assert decide(late, meeting(outcome.ics), OWN) == Ignored(itip.OBSOLETE)
        again = received(event(sequence=4))
        assert starts(changed(decide(again, meeting(outcome.ics), OWN)).ics) == ["01 10"]

    def test_a_whole_series_with_changed_instances(self) -> None:
        moved = event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=2)
        stored = meeting(calendar(event(DAILY, sequence=2), moved))
        sent = received(event("STATUS:CANCELLED", sequence=3), method="CANCEL")
        assert starts(changed(decide(sent, stored, OWN)).ics) == []

    def test_without_start_and_status(self) -> None:
        lines = ("BEGIN:VEVENT", "UID:u1@acme.test", "DTSTAMP:20261130T090000Z", "SEQUENCE:3")
        more = (f"ORGANIZER:mailto:{ORGANIZER}", "DTSTART:19700101T000000Z", "END:VEVENT", "")
        text = "\r\n".join([*lines, *more])
        assert starts(changed(decide(received(text, method="CANCEL"), STORED, OWN)).ics) == []

    def test_one_that_is_older_than_the_meeting_is_ignored(self) -> None:
        sent = received(event("STATUS:CANCELLED", sequence=1), method="CANCEL")
        assert decide(sent, STORED, OWN) == Ignored(itip.OBSOLETE)

    def test_the_same_numbers_are_enough(self) -> None:
        sent = received(event("STATUS:CANCELLED", sequence=2, stamp="20261130T080000Z"), method="CANCEL")
        assert starts(changed(decide(sent, STORED, OWN)).ics) == []

    def test_one_instance(self) -> None:
        sent = received(
            event(DAY_2, "STATUS:CANCELLED", sequence=3, start="20261202T100000Z", end=None), method="CANCEL"
        )
        outcome = changed(decide(sent, SERIES, OWN))
        assert starts(outcome.ics) == ["01 10", "03 10", "04 10", "05 10"]
        assert outcome.kind is Kind.INSTANCES_CANCELLED
        late = received(event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=2))
        assert decide(late, meeting(outcome.ics), OWN) == Ignored(itip.OBSOLETE)

    def test_an_instance_that_was_moved(self) -> None:
        moved = event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=3)
        stored = meeting(calendar(event(DAILY, sequence=2), moved))
        sent = received(event(DAY_2, "STATUS:CANCELLED", sequence=4, end=None), method="CANCEL")
        assert starts(changed(decide(sent, stored, OWN)).ics) == ["01 10", "03 10", "04 10", "05 10"]

    def test_an_instance_and_all_that_follow(self) -> None:
        moved = event("RECURRENCE-ID:20261204T100000Z", start="20261204T150000Z", end="20261204T160000Z", sequence=2)
        stored = meeting(calendar(event(DAILY, sequence=2), moved))
        following = "RECURRENCE-ID;RANGE=THISANDFUTURE:20261203T100000Z"
        sent = received(event(following, "STATUS:CANCELLED", sequence=3, end=None), method="CANCEL")
        assert starts(changed(decide(sent, stored, OWN)).ics) == ["01 10", "02 10"]

    def test_an_instance_of_a_meeting_that_does_not_recur(self) -> None:
        sent = received(event(DAY_2, "STATUS:CANCELLED", sequence=2), method="CANCEL")
        assert decide(sent, STORED, OWN) == Ignored(itip.NOT_RECURRING)
        ahead = received(event(DAY_2, "STATUS:CANCELLED", sequence=4), method="CANCEL")
        outcome = changed(decide(ahead, STORED, OWN))
        assert starts(outcome.ics) == ["01 10"]
        series = changed(decide(received(event(DAILY, sequence=3)), meeting(outcome.ics), OWN))
        assert starts(series.ics) == ["01 10", "03 10", "04 10", "05 10"]

    @pytest.mark.parametrize(
        ("removed", "delivered_to", "gone"),
        [
            ("ann.alias@acme.test", ATTENDEE, True),
            ("ben@acme.test", ATTENDEE, False),
            ("group@acme.test", "group@acme.test", True),
        ],
    )
    def test_an_attendee_who_is_removed(self, removed: str, delivered_to: str, gone: bool) -> None:
        sent = received(
            event(sequence=2, stamp="20261130T090000Z", attendees=[f":mailto:{removed}"]),
            method="CANCEL",
            delivered_to=delivered_to,
        )
        outcome = decide(sent, STORED, OWN)
        if gone:
            assert starts(changed(outcome).ics) == []
        else:
            assert outcome == Ignored(itip.OTHERS_REMOVED)


class TestReply:
    member = 'MEMBER="mailto:a@acme.test","mailto:b@acme.test"'
    ann = f';CN="Berg, Ann";PARTSTAT=NEEDS-ACTION;{member};RSVP=TRUE:mailto:{ATTENDEE}'

    def answer(
        self, partstat: str, *lines: str, author: str = ATTENDEE, attendee: str = ATTENDEE, **more: object
    ) -> itip.Received:
        values: dict[str, Any] = {"stamp": "20261130T090000Z", "sequence": 2, **more}
        text = event(*lines, attendees=[f";PARTSTAT={partstat}:mailto:{attendee}"], **values)
        return received(text, method="REPLY", author=author, delivered_to=ORGANIZER)

    def stored(self, *lines: str) -> Meeting:
        return meeting(calendar(event(*lines, sequence=2, attendees=[self.ann, ":mailto:ben@acme.test"])))

    def test_the_organizers_copy_gets_the_answer_and_nothing_else(self) -> None:
        stored = self.stored()
        outcome = changed(decide(self.answer("ACCEPTED"), stored, (ORGANIZER,)))
        assert (outcome.kind, outcome.tentative) == (Kind.ANSWERED, False)
        before = stored.text.text.replace(f"ATTENDEE{self.ann}\r\n".encode(), b"")
        line = read_calendar(outcome.ics).only().parts[0].attendees[0].line
        assert line.startswith(b'ATTENDEE;CN="Berg, Ann";MEMBER="mailto:a@acme.test","mailto:b@acme.test";RSVP=TRUE;')
        assert b";PARTSTAT=ACCEPTED;" in line
        attendee = next(each for each in meeting(outcome.ics).versions[0].component.every("ATTENDEE"))
        assert outcome.ics[: attendee.start] + outcome.ics[attendee.end :] == before

    def test_a_later_answer_takes_its_place_and_an_earlier_one_does_not(self) -> None:
        first = changed(decide(self.answer("ACCEPTED"), self.stored(), (ORGANIZER,)))
        early = self.answer("DECLINED", stamp="20261130T085959Z")
        assert decide(early, meeting(first.ics), (ORGANIZER,)) == Ignored(itip.OBSOLETE)
        late = self.answer("declined", stamp="20261130T100000Z")
        second = changed(decide(late, meeting(first.ics), (ORGANIZER,)))
        assert read_calendar(second.ics).only().parts[0].attendees[0].status == "DECLINED"
        assert second.ics.count(b"X-POSTROOM-ANSWERED") == 1

    @pytest.mark.parametrize(
        ("sent", "own", "reason"),
        [
            ({"author": "mallory@evil.test"}, ORGANIZER, itip.NOT_THE_ATTENDEE),
            ({"sequence": 1}, ORGANIZER, itip.OBSOLETE),
            ({"author": "x@acme.test", "attendee": "x@acme.test"}, ORGANIZER, itip.UNKNOWN_ATTENDEE),
            ({}, ATTENDEE, itip.NOT_THE_ORGANIZER),
        ],
    )
    def test_other_answers_are_ignored(self, sent: dict[str, Any], own: str, reason: str) -> None:
        message = self.answer("ACCEPTED", **sent)
        assert decide(message, self.stored(), (own,)) == Ignored(reason)

    def test_an_answer_to_an_unknown_meeting_is_ignored(self) -> None:
        assert decide(self.answer("ACCEPTED"), None, (ORGANIZER,)) == Ignored(itip.UNKNOWN)

    def test_an_answer_about_one_instance(self) -> None:
        moved = event(DAY_2, start="20261202T150000Z", end="20261202T160000Z", sequence=2, attendees=[self.ann])
        stored = meeting(calendar(event(DAILY, sequence=2, attendees=[self.ann]), moved))
        outcome = changed(decide(self.answer("DECLINED", DAY_2), stored, (ORGANIZER,)))
        parts = read_calendar(outcome.ics).only().parts
        assert [part.attendees[0].status for part in parts] == ["NEEDS-ACTION", "DECLINED"]
        assert decide(self.answer("DECLINED", DAY_2), SERIES, (ORGANIZER,)) == Ignored(itip.UNKNOWN_INSTANCE)


class TestAdd:
    def test_an_instance_is_added_once(self) -> None:
        extra = event(sequence=3, start="20261210T100000Z", end="20261210T110000Z")
        outcome = changed(decide(received(extra, method="ADD"), SERIES, OWN))
        assert starts(outcome.ics) == ["01 10", "02 10", "03 10", "04 10", "05 10", "10 10"]
        assert decide(received(extra, method="ADD"), meeting(outcome.ics), OWN) == Ignored(itip.NOTHING_NEW)
        longer = event(sequence=4, start="20261210T100000Z", end="20261210T120000Z")
        again = changed(decide(received(longer, method="ADD"), meeting(outcome.ics), OWN))
        assert starts(again.ics) == starts(outcome.ics)

    def test_nothing_is_added_to_what_does_not_recur(self) -> None:
        sent = received(event(sequence=2), method="ADD")
        assert decide(sent, STORED, OWN) == Ignored(itip.NOT_RECURRING)

    def test_what_is_added_to_an_unknown_series_waits_for_it_as_an_instance(self) -> None:
        extra = event(sequence=3, start="20261210T100000Z", end="20261210T110000Z")
        outcome = changed(decide(received(extra, method="ADD"), None, OWN))
        assert (outcome.kind, outcome.tentative, starts(outcome.ics)) == (Kind.ADDED, True, ["10 10"])
        series = changed(decide(received(event(DAILY, sequence=2)), meeting(outcome.ics), OWN))
        assert starts(series.ics) == ["01 10", "02 10", "03 10", "04 10", "05 10", "10 10"]
        by_another = received(extra, method="ADD", author="mallory@evil.test")
        assert decide(by_another, None, OWN) == Ignored(itip.STRANGER)


@pytest.mark.parametrize("method", ["PUBLISH", "COUNTER", "DECLINECOUNTER", "REFRESH", "X-OTHER"])
def test_other_methods_change_nothing(method: str) -> None:
    assert decide(received(event(sequence=9), method=method), STORED, OWN) == Ignored(itip.NOT_ASKED)
