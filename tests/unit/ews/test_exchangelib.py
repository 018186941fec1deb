"""exchangelib, unmodified, asks the front: whatever version it begins with, it ends at the one that is served."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.errors import (
    ErrorInternalServerTransientError,
    ErrorMailRecipientNotFound,
    TransportError,
    UnauthorizedError,
)
from exchangelib.protocol import FaultTolerance
from exchangelib.version import EXCHANGE_2010, EXCHANGE_2010_SP2, EXCHANGE_2016, Build, Version

from postroom.errors import StoreUnavailableError
from postroom.model.free_busy import (
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    InstanceType,
    MailboxAvailability,
    MailboxFailure,
    Weekday,
    WorkingHours,
    WorkingPeriod,
    Zone,
    ZoneChange,
)
from tests.support.ews_front import protocol

if TYPE_CHECKING:
    from tests.support.ews_front import Front

BERLIN = EWSTimeZone("Europe/Berlin")
ZONE = Zone(
    "Europe/Berlin",
    -60,
    ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN),
    ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN),
)
HOURS = WorkingHours(ZONE, (WorkingPeriod((Weekday.MON, Weekday.FRI), 480, 1020),))
DETAILS = EventDetails("Review", "Room 1", InstanceType.RECURRING_INSTANCE, is_meeting=True, is_private=False)


def ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=BERLIN).timestamp() * 1000)  # type: ignore[arg-type, misc]


EVENT = BusyEvent(ms(2026, 7, 6, 10), ms(2026, 7, 6, 11, 30), BusyType.BUSY, DETAILS)
ADA = MailboxAvailability("ada@acme.example", (EVENT,), HOURS)


def ask(server: Any, *mailboxes: str, view: str = "DetailedMerged", interval: int = 30) -> list[Any]:
    start = EWSDateTime(2026, 7, 6, 9, tzinfo=BERLIN)
    end = EWSDateTime(2026, 7, 6, 13, tzinfo=BERLIN)
    accounts = [(each, "Required", False) for each in mailboxes]
    return list(server.get_free_busy_info(accounts, start, end, interval, view))


@pytest.mark.parametrize(
    "configuration",
    [{"version": Version(build)} for build in (EXCHANGE_2010_SP2, EXCHANGE_2010, EXCHANGE_2016)] + [{}],
    ids=["2010_SP2", "2010", "2016", "none"],
)
def test_free_busy_information_has_the_events_and_the_working_hours(
    connection: Front, configuration: dict[str, Any]
) -> None:
    connection.availability.results["ada@acme.example"] = ADA
    server = protocol(**configuration)
    (view,) = ask(server, "ada@acme.example")
    assert (server.version.api_version, server.version.build) == ("Exchange2010_SP2", Build(14, 2, 247, 5))
    assert view.merged == "00222000"
    (event,) = view.calendar_events
    assert (event.start, event.end) == (
        datetime(2026, 7, 6, 10, tzinfo=BERLIN),
        datetime(2026, 7, 6, 11, 30, tzinfo=BERLIN),
    )
    assert (event.busy_type, event.details.subject, event.details.location) == ("Busy", "Review", "Room 1")
    assert (event.details.is_meeting, event.details.is_recurring, event.details.is_exception) == (True, True, False)
    (hours,) = view.working_hours
    assert (hours.weekdays, hours.start.hour, hours.end.hour) == ([1, 5], 8, 17)
    assert view.working_hours_timezone.bias == -60


def test_without_a_version_it_steps_down_from_the_newest(connection: Front) -> None:
    server = protocol()
    assert server.version.api_version == "Exchange2010_SP2"
    assert connection.versions() == [
        "Exchange2016",  # without a password, to learn the kind of authentication
        "Exchange2016",
        "Exchange2015_SP1",
        "Exchange2015",
        "Exchange2013_SP1",
        "Exchange2013",
        "Exchange2010_SP2",
    ]


def test_a_pinned_version_is_replaced_by_the_servers(connection: Front) -> None:
    connection.availability.results["ada@acme.example"] = ADA
    server = protocol(version=Version(EXCHANGE_2010))
    ask(server, "ada@acme.example")
    assert connection.versions() == ["Exchange2016", "Exchange2010", "Exchange2010_SP2"]
    assert server.version.api_version == "Exchange2010_SP2"


@pytest.mark.parametrize(
    ("view", "has"),
    [
        ("MergedOnly", (True, False, False)),
        ("FreeBusy", (False, True, False)),
        ("FreeBusyMerged", (True, True, False)),
        ("Detailed", (False, True, True)),
        ("DetailedMerged", (True, True, True)),
    ],
)
def test_each_view_has_its_parts(connection: Front, view: str, has: tuple[bool, bool, bool]) -> None:
    connection.availability.results["ada@acme.example"] = ADA
    (found,) = ask(protocol(), "ada@acme.example", view=view)
    events = found.calendar_events or []
    assert (found.merged is not None, bool(events), any(event.details for event in events)) == has
    assert found.view_type == view
    assert found.working_hours


@pytest.mark.parametrize(("interval", "merged"), [(5, "0" * 12 + "2" * 18 + "0" * 18), (240, "2")])
def test_the_interval_decides_the_number_of_digits(connection: Front, interval: int, merged: str) -> None:
    connection.availability.results["ada@acme.example"] = ADA
    (found,) = ask(protocol(), "ada@acme.example", interval=interval)
    assert found.merged == merged


@pytest.mark.parametrize("code", FailureCode)
def test_the_failure_of_one_mailbox_keeps_the_answers_of_the_others(connection: Front, code: FailureCode) -> None:
    """exchangelib raises every code but ErrorMailRecipientNotFound, and loses the other mailboxes."""
    names = ["ada@acme.example", "eve@far.example", "grace@acme.example"]
    connection.availability.results = {
        names[0]: ADA,
        names[1]: MailboxFailure(names[1], code, "It does not answer."),
        names[2]: MailboxAvailability(names[2], ()),
    }
    first, failed, last = ask(protocol(), *names)
    assert (first.merged, last.merged) == ("00222000", "00000000")
    assert isinstance(failed, ErrorMailRecipientNotFound)
    expected = "" if code is FailureCode.MAIL_RECIPIENT_NOT_FOUND else f"{code}: "
    assert str(failed) == f"{expected}It does not answer."


def test_an_unknown_mailbox_yields_its_error_and_the_others_still_answer(connection: Front) -> None:
    connection.availability.results["ada@acme.example"] = ADA
    first, failed, last = ask(protocol(), "ada@acme.example", "nobody@acme.example", "ada@acme.example")
    assert (first.merged, last.merged) == ("00222000", "00222000")
    assert isinstance(failed, ErrorMailRecipientNotFound)


def test_the_question_says_who_asks_and_what(connection: Front) -> None:
    ask(protocol(), "x@acme.example", "y@far.example")
    (question,) = connection.availability.questions
    requester = question.requester
    assert (requester.email, requester.user_name, requester.organization_id) == ("ada@acme.example", "ada", "m-1")
    assert (requester.user_id, requester.origin) == ("id-ada", "192.0.2.1")
    assert question.mailboxes == ("x@acme.example", "y@far.example")
    assert (question.start_ms, question.end_ms) == (ms(2026, 7, 6, 9), ms(2026, 7, 6, 13))


@pytest.mark.parametrize(
    ("user", "password"), [("ada@acme.example", "wrong"), ("nobody@acme.example", "wrong"), ("ada", "Correct-Horse-9")]
)
def test_a_wrong_password_is_an_unauthorized_error(connection: Front, user: str, password: str) -> None:
    with pytest.raises(UnauthorizedError):
        ask(protocol(user, password, version=Version(EXCHANGE_2010_SP2)), "ada@acme.example")


@pytest.mark.parametrize("password", ["pässwörd-9", "Ã¤-9", "clé: 9"])
def test_a_password_that_exchangelib_writes_in_latin_1_is_right(connection: Front, password: str) -> None:
    connection.user("eve", password=password)
    connection.availability.results["ada@acme.example"] = ADA
    (view,) = ask(protocol("eve@acme.example", password), "ada@acme.example")
    assert view.calendar_events


def test_a_service_that_does_not_answer_may_be_asked_again(connection: Front) -> None:
    connection.availability.error = StoreUnavailableError("no answer")
    server = protocol(version=Version(EXCHANGE_2010_SP2), retry_policy=FaultTolerance(max_wait=0))
    with pytest.raises((ErrorInternalServerTransientError, TransportError)):
        ask(server, "ada@acme.example")


def test_names_are_resolved(connection: Front) -> None:
    connection.user("adam", attributes={"DisplayName": "Adam Smith", "FirstName": "Adam", "LastName": "Smith"})
    server = protocol(version=Version(EXCHANGE_2010_SP2))
    found = server.resolve_names(["smith"], return_full_contact_data=True)
    ((mailbox, contact),) = found
    assert (mailbox.name, mailbox.email_address, mailbox.mailbox_type) == ("Adam Smith", "adam@acme.example", "Mailbox")
    assert (contact.given_name, contact.surname) == ("Adam", "Smith")
    assert {each.email_address for each in server.resolve_names(["ad"])} == {"ada@acme.example", "adam@acme.example"}
