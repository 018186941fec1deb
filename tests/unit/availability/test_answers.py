"""Answers of custom availability providers, checked against the published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from postroom.contracts import cap_lambda
from postroom.contracts.cap_lambda import ANSWER_SCHEMA, MAX_ANSWER_BYTES, REQUEST_SCHEMA, read_answer, write_request
from postroom.errors import InvalidAvailabilityError
from postroom.model.free_busy import (
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    InstanceType,
    MailboxAvailability,
    MailboxFailure,
    Requester,
    Weekday,
    WorkingHours,
    WorkingPeriod,
    Zone,
    ZoneChange,
)

BOB, EVE = "user2@external.example.com", "unknown@internal.example.com"
SCHEMAS = Path(__file__).parents[3] / "schemas"

CHANGE = {"offset": 0, "time": "03:00:00", "month": "OCT", "week": "LAST", "dayOfWeek": "SUN"}
ZONE = {
    "name": "W. Europe Standard Time",
    "bias": -60,
    "standardTime": CHANGE,
    "daylightTime": CHANGE | {"offset": -60, "time": "02:00:00", "month": "MAY", "week": "FIRST", "dayOfWeek": "MON"},
}
HOURS = {"timezone": ZONE, "workingPeriods": [{"startMinutes": 480, "endMinutes": 1040, "days": ["MON", "FRI", "MON"]}]}
DETAILS = {
    "subject": "Late meeting",
    "location": "Chime",
    "instanceType": "RECURRING_INSTANCE",
    "isMeeting": True,
    "isReminderSet": True,
    "isPrivate": False,
}
EVENT = {
    "startTime": "2021-05-03T23:00:00.000Z",
    "endTime": "2021-05-04T03:00:00Z",
    "busyType": "TENTATIVE",
    "details": DETAILS,
}
ENTRY = {"mailbox": BOB, "events": [EVENT], "workingHours": HOURS}


def read(*entries: Any, asked: tuple[str, ...] = (BOB, EVE)) -> dict[str, Any]:
    return dict(read_answer(json.dumps({"mailboxes": entries}).encode(), asked))


def test_the_guides_example_is_read_with_its_errata_corrected() -> None:
    assert read(ENTRY, {"mailbox": EVE, "error": "MailboxNotFound"}) == {
        BOB: MailboxAvailability(
            BOB,
            (
                BusyEvent(
                    1_620_082_800_000,
                    1_620_097_200_000,
                    BusyType.TENTATIVE,
                    EventDetails("Late meeting", "Chime", InstanceType.RECURRING_INSTANCE, True, True, False),
                ),
            ),
            WorkingHours(
                Zone(
                    "W. Europe Standard Time",
                    -60,
                    ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN),
                    ZoneChange(-60, "02:00:00", 5, 1, Weekday.MON),
                ),
                (WorkingPeriod((Weekday.MON, Weekday.FRI), 480, 1040),),
            ),
        ),
        EVE: MailboxFailure(
            EVE, FailureCode.MAIL_RECIPIENT_NOT_FOUND, "the provider answered with an error for this mailbox"
        ),
    }


@pytest.mark.parametrize(
    "time",
    [
        "2021-05-03T23:00:00Z",
        "2021-05-03T23:00:00.000Z",
        "2021-05-04t01:00:00.5+02:00",
        "2021-05-03T23:00:00.123456789-00:00",
    ],
)
def test_times_are_read_with_and_without_milliseconds(time: str) -> None:
    (event,) = read(ENTRY | {"events": [EVENT | {"startTime": time}]})[BOB].events
    assert event.start_ms // 1000 == 1_620_082_800


def test_milliseconds_are_exact() -> None:
    times = [f"2021-05-03T23:00:00.{number:03}Z" for number in range(1000)]
    events = read(ENTRY | {"events": [EVENT | {"startTime": time} for time in times]})[BOB].events
    assert [event.start_ms for event in events] == [1_620_082_800_000 + number for number in range(1000)]


def test_a_private_event_has_no_details_whatever_the_function_tells() -> None:
    (event,) = read(ENTRY | {"events": [EVENT | {"details": DETAILS | {"isPrivate": True}}]})[BOB].events
    assert (event.busy_type, event.details) == (BusyType.TENTATIVE, None)


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key != name}


def hours(**changes: Any) -> dict[str, Any]:
    return {"workingHours": HOURS | changes}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"events": None}, "events (type)"),
        ({"events": [EVENT | {"busyType": "Busy"}]}, "events.0.busyType (enum)"),
        ({"events": [EVENT | {"busyType": "OOF"}]}, "events.0.busyType (enum)"),
        ({"events": [EVENT, EVENT | {"endTime": "2021-05-03T22:59:59Z"}]}, "events.1 (it ends before it begins)"),
        ({"events": [EVENT | {"endTime": "2021-02-30T22:59:59Z"}]}, "events.0 (a time that does not exist)"),
        ({"events": [EVENT | {"endTime": "2021-05-04T03:00:00"}]}, "events.0.endTime (pattern)"),
        ({"events": [EVENT | {"endTime": "2021-05-04T03:00:00Z\n"}]}, "events.0 (a time that does not exist)"),
        ({"events": [EVENT | {"endTime": 1_620_097_200}]}, "events.0.endTime (type)"),
        ({"events": [EVENT | {"details": without(DETAILS, "location")}]}, "events.0.details (required)"),
        ({"events": [EVENT | {"details": None}]}, "events.0.details (type)"),
        ({"events": [EVENT | {"details": DETAILS | {"isMeeting": "true"}}]}, "events.0.details.isMeeting (type)"),
        ({"events": [without(EVENT, "endTime")]}, "events.0 (required)"),
        (hours(timezone=None), "workingHours.timezone (type)"),
        ({"workingHours": without(HOURS, "timezone")}, "workingHours (required)"),
        (hours(timezone=without(ZONE, "daylightTime")), "workingHours.timezone (dependentRequired)"),
        (hours(timezone=without(ZONE, "standardTime")), "workingHours.timezone (dependentRequired)"),
        (
            hours(timezone=ZONE | {"standardTime": CHANGE | {"time": "24:00:00"}}),
            "workingHours.timezone.standardTime.time",
        ),
        (
            hours(timezone=ZONE | {"standardTime": CHANGE | {"month": "May"}}),
            "workingHours.timezone.standardTime.month",
        ),
        (hours(timezone=ZONE | {"bias": 1e9}), "workingHours.timezone.bias (maximum)"),
        (
            hours(workingPeriods=[{"startMinutes": 0, "endMinutes": 1, "days": ["MONDAY"]}]),
            "workingPeriods.0.days.0 (enum)",
        ),
        (hours(workingPeriods=[{"startMinutes": 9, "endMinutes": 8, "days": []}]), "workingPeriods.0 (it ends before"),
        (hours(workingPeriods=[{"startMinutes": 0, "endMinutes": 1, "days": ["MON"] * 101}]), "days (maxItems)"),
        (hours(workingPeriods=[{"startMinutes": 0, "endMinutes": 1, "days": []}] * 101), "workingPeriods (maxItems)"),
        (hours(workingPeriods=[{"startMinutes": True, "endMinutes": 8, "days": []}]), "startMinutes (type)"),
    ],
)
def test_a_mailbox_of_the_wrong_form_fails_alone(wrong: dict[str, Any], place: str) -> None:
    results = read(ENTRY | wrong, ENTRY | {"mailbox": EVE})
    assert isinstance(results[EVE], MailboxAvailability)
    assert results[BOB].code == FailureCode.RESPONSE_SCHEMA_VALIDATION
    assert place in results[BOB].message
    assert "meeting" not in results[BOB].message


def test_an_entry_without_events_and_error_is_of_the_wrong_form() -> None:
    assert read({"mailbox": BOB})[BOB].code == FailureCode.RESPONSE_SCHEMA_VALIDATION


def test_other_peoples_mailboxes_are_ignored_and_missing_ones_fail() -> None:
    results = read(
        ENTRY | {"mailbox": "other@external.example.com"},
        7,
        None,
        {"mailbox": 7},
        {"mailbox": BOB.upper(), "events": []},
    )
    assert results == {
        BOB: MailboxAvailability(BOB, ()),
        EVE: MailboxFailure(
            EVE,
            FailureCode.FREE_BUSY_GENERATION_FAILED,
            "the provider's answer has no entry for this mailbox",
        ),
    }


def test_of_two_entries_the_first_counts_and_an_error_more_than_events() -> None:
    assert read(ENTRY | {"error": "ErrorServerBusy"}, ENTRY)[BOB].code == FailureCode.SERVER_BUSY


def test_members_of_a_functions_own_are_ignored() -> None:
    entry = ENTRY | {"note": 1, "events": [EVENT | {"note": 1, "details": DETAILS | {"note": 1}}]}
    assert isinstance(read(entry)[BOB], MailboxAvailability)


def test_events_are_in_the_order_of_their_starts() -> None:
    early = EVENT | {"startTime": "2021-05-03T00:00:00Z"}
    starts = [event.start_ms for event in read(ENTRY | {"events": [EVENT, early]})[BOB].events]
    assert starts == sorted(starts)


def test_texts_can_be_written_as_xml_and_are_not_long() -> None:
    details = DETAILS | {"subject": "a\x00\ud800\ufffe\U0001f600b" + "x" * 300, "location": "\t"}
    found = read(ENTRY | {"events": [EVENT | {"details": details}]})[BOB].events[0].details
    assert found.subject.startswith("a\ufffd\ufffd\ufffd\U0001f600bx")
    assert len(found.subject) == 255
    assert found.location == "\t"
    found.subject.encode()


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"null", b"[]", b"{}", b'{"mailboxes": NaN}', b"[" * 100_000, b'{"mailboxes": {}}', b'"x"'],
)
def test_what_is_no_answer_is_an_error(payload: bytes) -> None:
    with pytest.raises(InvalidAvailabilityError):
        read_answer(payload, (BOB,))


def test_a_large_answer_is_refused_before_it_is_read() -> None:
    whole = json.dumps({"mailboxes": []}).encode()
    assert len(read_answer(whole + b" " * (MAX_ANSWER_BYTES - len(whole)), (BOB,))) == 1
    with pytest.raises(InvalidAvailabilityError, match="larger than 1048576 bytes"):
        read_answer(whole + b" " * (MAX_ANSWER_BYTES - len(whole) + 1), (BOB,))


JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text()
    | st.sampled_from([BOB, "BUSY", EVENT["startTime"]]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "mailbox",
                    "events",
                    "startTime",
                    "endTime",
                    "busyType",
                    "workingHours",
                    "error",
                    "timezone",
                    "details",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=3))
def test_whatever_comes_every_mailbox_has_a_result(entries: list[Any]) -> None:
    results = read_answer(
        json.dumps({"mailboxes": [*entries, ENTRY | {"mailbox": EVE}]})
        .encode()
        .replace(b"NaN", b"0")
        .replace(b"-Infinity", b"0")
        .replace(b"Infinity", b"0"),
        (BOB, EVE),
    )
    assert results.keys() == {BOB, EVE}


class TestSchemas:
    def test_the_published_schemas_are_those_that_are_used(self) -> None:
        assert json.loads((SCHEMAS / "cap-answer.schema.json").read_text("utf-8")) == ANSWER_SCHEMA
        assert json.loads((SCHEMAS / "cap-request.schema.json").read_text("utf-8")) == REQUEST_SCHEMA
        Draft202012Validator.check_schema(ANSWER_SCHEMA)
        Draft202012Validator.check_schema(REQUEST_SCHEMA)

    @pytest.mark.parametrize("origin", [None, "127.0.0.1"])
    def test_what_is_sent_is_valid(self, origin: str | None) -> None:
        requester = Requester("user1@internal.example.com", "user1", "m-" + "0" * 32, "S-1-5-18", origin)
        event = json.loads(write_request(requester, [BOB, EVE], 1_620_086_400_000, 1_620_259_200_123))
        Draft202012Validator(REQUEST_SCHEMA).validate(event)
        assert event["window"] == {"startDate": "2021-05-04T00:00:00.000Z", "endDate": "2021-05-06T00:00:00.123Z"}
        assert ("origin" in event["requester"]) == (origin is not None)

    def test_every_month_is_one(self) -> None:
        months = ANSWER_SCHEMA["$defs"]["change"]["properties"]["month"]["enum"]
        assert len(months) == 12
        assert "MAY" in months
        assert cap_lambda.MONTHS.index("MAY") == 4
