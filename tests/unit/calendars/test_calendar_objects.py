"""Objects of a text: their bytes, and what iTIP needs of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from postroom.calendars.objects import read_calendar
from postroom.errors import InvalidCalendarError
from tests.support.calendar_text import CUSTOM_ZONE, calendar, event, found, ms, the_object

START: Final = "DTSTART:20200101T090000Z"
ZONE: Final = CUSTOM_ZONE.format(winter="+0100", summer="+0200")


def test_a_text_with_one_object_is_kept_byte_for_byte() -> None:
    data = b"\xef\xbb\xbf" + calendar(
        event(f"{START}\nX-ODD;A=b:c\nDESCRIPTION:long\n  line\n", uid="a"),
        event("RECURRENCE-ID:20200101T090000Z\nDTSTART:20200101T100000Z", uid="a"),
        head="METHOD:request\nX-OWN:1\n",
    ).replace(b"\r\n", b"\n")
    read = read_calendar(data)
    assert read.method == "REQUEST"
    assert read.only().ics == data


def test_each_of_several_objects_has_its_own_text_and_the_zones_that_it_names() -> None:
    zoned = event("DTSTART;TZID=Customized Time Zone:20200101T090000\nSUMMARY:z", uid="zoned")
    plain = event(f"{START}\nSUMMARY:grüße", uid="plain")
    moved = event("RECURRENCE-ID:20200102T090000Z\nDTSTART:20200102T100000Z", uid="plain")
    todo = "BEGIN:VTODO\nUID:todo\nEND:VTODO\n"
    read = read_calendar(calendar(ZONE, plain, zoned, todo, moved, head="X-WR-CALNAME:all\n"))
    by_uid = {each.uid: each for each in read.objects}
    assert by_uid["zoned"].ics == calendar(ZONE, zoned, head="X-WR-CALNAME:all\n")
    assert by_uid["plain"].ics == calendar(plain, moved, head="X-WR-CALNAME:all\n")
    for each in read.objects:
        again = read_calendar(each.ics).only()
        assert (again.entry, again.parts, again.ics) == (each.entry, each.parts, each.ics)
    with pytest.raises(InvalidCalendarError, match="more than one event"):
        read.only()


def test_a_text_without_events_has_no_objects() -> None:
    read = read_calendar(calendar("BEGIN:VFREEBUSY\nUID:1\nEND:VFREEBUSY\n"))
    assert (read.method, read.objects, read.refused) == (None, (), ())
    with pytest.raises(InvalidCalendarError, match="no event"):
        read.only()


def test_several_calendars_in_one_text_are_read_each_with_its_own_zones() -> None:
    lines = "DTSTART;TZID=Customized Time Zone:20200701T090000"
    east = calendar(event(lines, uid="east"), head=CUSTOM_ZONE.format(winter="+0200", summer="+0300"))
    west = calendar(event(lines, uid="west"), head=CUSTOM_ZONE.format(winter="-0800", summer="-0700"))
    first, second = read_calendar(east + west).objects
    assert first.ics == east
    assert second.ics == west
    assert second.entry.start_ms - first.entry.start_ms == 10 * 3_600_000


def test_an_event_without_uid_has_the_same_one_when_it_comes_again() -> None:
    text = calendar(event(START).replace("UID:1@acme.test\n", ""))
    first, second = read_calendar(text).only(), read_calendar(text).only()
    assert first.uid == second.uid
    assert first.uid.startswith("sha256-")


def test_folds_are_undone_before_anything_is_decoded() -> None:
    text = calendar(event(f"{START}\nSUMMARY:grüße aus Köln"))
    split = text.index("ü".encode()) + 1  # within the character, as RFC 5545 3.1 allows
    folded = text[:split] + b"\r\n " + text[split:].replace(b"aus", b"a\r\n\tus")
    assert read_calendar(folded).only().parts[0].summary == "grüße aus Köln"


def test_text_in_another_charset_is_read_in_windows_1252() -> None:
    text = calendar(event(f"{START}\nSUMMARY:grüße")).decode().encode("windows-1252")
    assert read_calendar(text).only().parts[0].summary == "grüße"


def test_a_part_has_what_itip_needs() -> None:
    lines = (
        "DTSTART;TZID=Europe/Berlin:20200101T090000\nSEQUENCE:3\nSUMMARY:Plans\nCOMMENT:late\n"
        'ORGANIZER;CN="Lovelace, Ada";SENT-BY="mailto:bob@acme.test":MAILTO:Ada@Acme.test\n'
        "ATTENDEE;RSVP=TRUE;PARTSTAT=accepted;CUTYPE=ROOM;ROLE=NON-PARTICIPANT;CN=R\n 5:mailto:r5@acme.test\n"
        'ATTENDEE:carol@acme.test\nATTENDEE;"=:x\nATTENDEE:urn:uuid:1'
    )
    part = the_object(event(lines)).master
    assert part is not None
    assert (part.sequence, part.dtstamp_ms) == (3, ms(datetime(2020, 1, 1, tzinfo=UTC)))
    assert (part.summary, part.comment, part.is_cancelled, part.and_following) == ("Plans", "late", False, False)
    assert part.start == b"DTSTART;TZID=Europe/Berlin:20200101T090000"
    assert part.recurrence_id_ms is None
    assert part.organizer is not None
    assert (part.organizer.address, part.organizer.name) == ("ada@acme.test", "Lovelace, Ada")
    room, carol, other = part.attendees
    assert (room.address, room.status, room.kind, room.role) == ("r5@acme.test", "ACCEPTED", "ROOM", "NON-PARTICIPANT")
    assert (room.expects_reply, room.name) == (True, "R5")
    assert room.line.startswith(b"ATTENDEE;RSVP=TRUE;")
    assert (carol.address, carol.status, carol.kind) == ("carol@acme.test", "NEEDS-ACTION", "INDIVIDUAL")
    assert (carol.role, carol.expects_reply) == ("REQ-PARTICIPANT", False)
    assert other.address == ""
    assert part.ics == event(lines).replace("\n", "\r\n").encode()


def test_parts_name_their_instances() -> None:
    changed = [
        event("RECURRENCE-ID;TZID=Europe/Berlin:20200102T100000\nDTSTART:20200102T100000Z\nSTATUS:CANCELLED"),
        event("RECURRENCE-ID;RANGE=THISANDFUTURE:20200103T090000Z\nDTSTART:20200103T100000Z"),
    ]
    master, cancelled, following = the_object(*changed, event(f"{START}\nRRULE:FREQ=DAILY")).parts
    assert master.recurrence_id == b""
    assert cancelled.recurrence_id == b"RECURRENCE-ID;TZID=Europe/Berlin:20200102T100000"
    assert cancelled.recurrence_id_ms == ms(datetime(2020, 1, 2, 9, tzinfo=UTC))
    assert (cancelled.is_cancelled, following.is_cancelled) == (True, False)
    assert (cancelled.and_following, following.and_following) == (False, True)
    alone = the_object(changed[0])
    assert alone.master is None


@pytest.mark.parametrize(("text", "sequence"), [("", 0), ("x", 0), ("-1", 0), ("٣", 0), ("7", 7), ("99999999999", 0)])
def test_a_sequence_that_is_no_number_is_zero(text: str, sequence: int) -> None:
    (part,) = the_object(event(f"{START}\nSEQUENCE:{text}")).parts
    assert part.sequence == sequence


def test_of_revisions_with_the_same_sequence_the_later_stamp_counts() -> None:
    old, new = (
        event("DTSTART:20200101T090000Z"),
        event("DTSTART:20200101T100000Z").replace("20200101T000000Z", "20200102T000000Z"),
    )
    for order in ((old, new), (new, old)):
        (one,) = found(*order)
        assert one.start_ms == ms(datetime(2020, 1, 1, 10, tzinfo=UTC))


def test_lines_that_are_no_properties_and_unknown_components_are_passed_over() -> None:
    text = event(
        f"this is no property\n{START}\n:\n;x\nBEGIN:X-OWN\nDTSTART:nonsense\nEND:X-OWN\nSUMMARY ; X = y :spaced"
    )
    (one,) = found(text)
    assert one.details.subject == "spaced"
