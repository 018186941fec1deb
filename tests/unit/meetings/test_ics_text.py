"""The text of iCalendar objects as it came, and what is put together from it."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidCalendarError
from postroom.meetings.ics_text import (
    MAX_COMPONENTS,
    IcsText,
    address_of,
    components,
    content_lines,
    edited,
    merged,
    with_parameters,
    with_values,
)
from tests.support.invitations import BERLIN, calendar, event


def test_lines_are_unfolded_whatever_ends_them() -> None:
    text = b'A;X=1:one\r\n  two\r\nB:\xc3\r\n \xa4\nC:x\n\ty\r\nno line\r\n;D:1\r\nE;Y="a;b:c";Z=d,e:f'
    found = list(content_lines(text))
    assert [(line.name, line.value) for line in found] == [("A", "one two"), ("B", "ä"), ("C", "xy"), ("E", "f")]
    assert found[3].parameters == {"Y": "a;b:c", "Z": "d,e"}
    assert b"".join(text[line.start : line.end] for line in found[:3]) == text[: text.index(b"no line")]


def test_nested_components_have_their_own_lines() -> None:
    text = calendar(event("BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"))
    (found,) = IcsText.read(text).events
    assert found.value("TRIGGER") == ""
    assert [each.kind for each in found.inside] == ["VALARM"]
    assert text[found.start : found.end].startswith(b"BEGIN:VEVENT\r\n")
    assert text[found.close : found.end] == b"END:VEVENT\r\n"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n",
        b"END:VCALENDAR\r\n",
        b"BEGIN:VCALENDAR\r\n" + b"BEGIN:X\r\nEND:X\r\n" * MAX_COMPONENTS + b"END:VCALENDAR\r\n",
    ],
)
def test_what_does_not_hold_together_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidCalendarError):
        IcsText.read(text)


@pytest.mark.parametrize(
    "text",
    [
        b"A" + b";X=1" * 200_000 + b"\r\n",
        b'A;X="' * 100_000 + b"\r\n",
        b"A;X=" + b"a," * 400_000 + b"\r\n",
        b" " * 1_000_000,
        b"A\r\n " * 300_000,
        b"A;X=" + b'"a"' * 300_000,
    ],
)
def test_hostile_lines_take_no_long_time(text: bytes) -> None:
    began = time.process_time()
    list(content_lines(text))
    assert time.process_time() - began < 2


@given(st.binary(max_size=300))
def test_no_text_makes_trouble(text: bytes) -> None:
    for line in content_lines(text):
        assert 0 <= line.start < line.end <= len(text)
    with suppress(InvalidCalendarError):
        list(components(text))


def test_edits_leave_everything_else() -> None:
    assert edited(b"abcdef", [(4, 5, b"X"), (1, 1, b"-"), (2, 3, b"")]) == b"a-bdXf"


def test_values_are_replaced_or_added() -> None:
    text = b"BEGIN:VEVENT\r\nSTATUS:\r\n CONFIRMED\r\nX:1\r\nEND:VEVENT\r\n"
    (found,) = components(text)
    changed = with_values(text, found, {"STATUS": "CANCELLED", "SEQUENCE": "3"})
    assert changed == b"BEGIN:VEVENT\r\nSTATUS:CANCELLED\r\nX:1\r\nSEQUENCE:3\r\nEND:VEVENT\r\n"


def test_parameters_are_set_and_the_others_stay_as_they_are_written() -> None:
    line = b'ATTENDEE;CN="a;b";partstat=NEEDS-\r\n ACTION;MEMBER="mailto:x","mailto:y":mailto:ann@acme.test\r\n'
    changed = with_parameters(line, {"PARTSTAT": "ACCEPTED", "X-AT": "a:b"})
    (found,) = content_lines(changed)
    assert found.parameters["PARTSTAT"] == "ACCEPTED"
    assert changed.replace(b"\r\n ", b"") == (
        b'ATTENDEE;CN="a;b";MEMBER="mailto:x","mailto:y";PARTSTAT=ACCEPTED;X-AT="a:b":mailto:ann@acme.test\r\n'
    )
    assert max(map(len, changed.split(b"\r\n"))) <= 75


def test_folds_never_cut_a_character() -> None:
    line = "SUMMARY:" + "ä" * 200
    folded = with_parameters(line.encode(), {"X": "1"})
    assert all(piece.decode() for piece in folded.removesuffix(b"\r\n").split(b"\r\n"))
    (found,) = content_lines(folded)
    assert found.value == "ä" * 200


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("MAILTO:Ann@ACME.test", "ann@acme.test"),
        ("mailto: ann@bücher.test ", "ann@xn--bcher-kva.test"),
        ("ann@acme.test", ""),
        ("mailto:", ""),
        ("http://acme.test/@x", ""),
        ("urn:uuid:1", ""),
    ],
)
def test_addresses(uri: str, address: str) -> None:
    assert address_of(uri) == address


def test_a_zone_of_the_same_definition_is_not_added_again() -> None:
    zone = BERLIN.format(name="Here", standard="+0100")
    base, more = (IcsText.read(calendar(zone, event(start=";TZID=Here:20261201T100000"))) for _ in range(2))
    text = merged(base, without=(), more=[(more, more.bytes_of(more.events[0]))])
    assert text.count(b"BEGIN:VTIMEZONE") == 1
    assert text.count(b"BEGIN:VEVENT") == 2
