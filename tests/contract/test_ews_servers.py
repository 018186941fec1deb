"""EWS servers: in memory, and over HTTPS. tests/unit/ews/test_hostile_servers.py has what servers do wrong."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.ews_servers import HttpsEwsServers
from postroom.adapters.memory.ews_servers import MemoryEwsServers
from postroom.contracts.ews import availability, free_busy, soap
from postroom.model.availability import EwsProvider
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
from postroom.model.private_servers import PrivateServers
from postroom.ports.ews_servers import ServerFailure
from tests.support.ews_servers import EwsServer, answering, authority, good_context, resolver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.ports.ews_servers import EwsServers

HOUR_MS = 3_600_000
START_MS = 1_796_000_400_000
END_MS = START_MS + 24 * HOUR_MS
USER, PASSWORD = "ACME\\free-busy", "pässwörd with ÿ: and spaces"
BERLIN = Zone("", -60, ZoneChange(0, "03:00:00", 10, 5, Weekday.SUN), ZoneChange(-60, "02:00:00", 3, 5, Weekday.SUN))
ADA = MailboxAvailability(
    "ada@partner.test",
    (
        BusyEvent(
            START_MS - HOUR_MS,
            START_MS + HOUR_MS,
            BusyType.TENTATIVE,
            EventDetails("Plänë", "Room", InstanceType.EXCEPTION, is_meeting=True),
        ),
        BusyEvent(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, BusyType.OOF),
    ),
    WorkingHours(BERLIN, (WorkingPeriod((Weekday.MON, Weekday.TUE), 480, 1020),)),
)
LATER = BusyEvent(END_MS, END_MS + HOUR_MS, BusyType.BUSY)
BOB = MailboxAvailability("bob@partner.test", ())
KNOWN = {one.mailbox: replace(one, events=(*one.events, LATER)) for one in (ADA, BOB)}


@dataclass
class World:
    servers: EwsServers
    provider: EwsProvider


def front(head: str, body: bytes) -> tuple[int, bytes]:
    """What a well-behaved server answers."""
    account = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if f"Authorization: Basic {account}" not in head.split("\r\n"):
        return 401, b""
    request = availability.read_request(soap.read_call(body).request)
    results = (
        replace(KNOWN[mailbox.lower()], mailbox=mailbox)
        if mailbox.lower() in KNOWN
        else MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, "Unknown.")
        for mailbox in request.mailboxes
    )
    return 200, soap.answer(free_busy.write_answer(request, tuple(results)))


@pytest.fixture(params=["memory", "https"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        memory = MemoryEwsServers()
        endpoint = "https://mail.partner.test/EWS/Exchange.asmx"
        memory.accounts[endpoint] = (USER, PASSWORD)
        memory.calendars[endpoint] = KNOWN
        yield World(memory, EwsProvider(endpoint, USER, "v1"))
        return
    with EwsServer(answering(front), good_context()) as server:
        origin = f"https://127.0.0.1:{server.port}"
        resolve = resolver({"127.0.0.1": ["127.0.0.1"]})
        https = HttpsEwsServers(PrivateServers.read(origin), authority().pem, resolve=resolve)
        yield World(https, EwsProvider(f"{origin}/EWS/Exchange.asmx", USER, "v1"))


def asked(world: World, *mailboxes: str, password: str = PASSWORD) -> object:
    return world.servers.free_busy(world.provider, password, mailboxes, START_MS, END_MS)


def test_each_mailbox_is_answered_in_the_order_of_the_question(world: World) -> None:
    results = asked(world, "bob@partner.test", "nobody@partner.test", "ADA@partner.test", "bob@partner.test")
    assert isinstance(results, tuple)
    bob, nobody, ada, again = results
    assert (bob, again) == (BOB, BOB)
    assert (ada.events, ada.working_hours) == (ADA.events, ADA.working_hours)
    assert isinstance(nobody, MailboxFailure)
    assert (nobody.mailbox, nobody.code) == ("nobody@partner.test", FailureCode.MAIL_RECIPIENT_NOT_FOUND)


def test_events_that_overlap_the_window_are_whole_and_others_are_left_out(world: World) -> None:
    results = asked(world, "ada@partner.test")
    assert isinstance(results, tuple)
    assert results[0].events == ADA.events


def test_as_many_mailboxes_as_a_question_has_are_answered(world: World) -> None:
    results = asked(world, *["ada@partner.test"] * 100)
    assert results == (ADA,) * 100


@pytest.mark.parametrize("change", ["password", "user"])
def test_another_account_is_a_failure_of_the_server(world: World, change: str) -> None:
    if change == "user":
        world = replace(world, provider=replace(world.provider, user_name="other"))
    result = asked(world, "ada@partner.test", password="other" if change == "password" else PASSWORD)
    assert result == ServerFailure(
        FailureCode.FREE_BUSY_GENERATION_FAILED, "The EWS server refused the user name or the password."
    )


def test_a_server_that_does_not_exist_is_a_failure(world: World) -> None:
    world = replace(world, provider=replace(world.provider, endpoint="https://gone.partner.test/EWS/Exchange.asmx"))
    result = asked(world, "ada@partner.test")
    assert isinstance(result, ServerFailure)
    assert result.code is FailureCode.FREE_BUSY_GENERATION_FAILED
