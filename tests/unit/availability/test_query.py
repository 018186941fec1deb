"""A question: by domain, in parallel, in time, and one result per mailbox in its order."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.http_posts import Deadlines
from postroom.availability.query import ANSWER_WITHIN_S
from postroom.errors import KeyUnavailableError, StoreUnavailableError
from postroom.model.directory import EntityState, Role
from postroom.model.free_busy import (
    BusyEvent,
    BusyType,
    CalendarRead,
    FailureCode,
    MailboxAvailability,
    MailboxFailure,
    Question,
)
from postroom.ports.ews_servers import MAX_SECONDS
from tests.support.builders import NOON
from tests.support.directory_records import (
    ORG,
    OTHER,
    availability,
    claim,
    domain,
    group,
    member,
    organization,
    resource,
    user,
)
from tests.unit.availability.conftest import ANN, ENDPOINT, HOUR, TEA, World

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_FOUND, TIMEOUT = "ErrorMailRecipientNotFound", "ErrorTimeoutExpired"
ANNS = CalendarRead("ann", allowed=True)


def test_each_mailbox_is_answered_in_the_order_of_the_question(world: World) -> None:
    world.calendars.of["ann"] = [TEA]
    there = MailboxAvailability("eve@example.net", (TEA,))
    world.servers.calendars[ENDPOINT]["eve@example.net"] = there
    asked = ("eve@example.net", "bob@example.org", "ann@acme.test", "nobody@acme.test", "x@unknown.test")
    results = world.ask(*asked)
    assert [each.mailbox for each in results] == list(asked)
    assert results[0] == there
    assert results[1] == MailboxAvailability("bob@example.org", (BusyEvent(NOON, NOON + 8 * HOUR, BusyType.BUSY),))
    assert results[2] == MailboxAvailability("ann@acme.test", (TEA,), reads=(ANNS,))
    assert [each.code for each in results[3:] if isinstance(each, MailboxFailure)] == [
        FailureCode.MAIL_RECIPIENT_NOT_FOUND,
        FailureCode.AVAILABILITY_CONFIG_NOT_FOUND,
    ]


def test_a_question_that_another_mail_system_passes_on_is_for_calendars_only(world: World) -> None:
    """Two organizations whose domains name each other would ask each other for ever."""
    world.calendars.of["ann"] = [TEA]
    results = world.ask("ann@acme.test", "bob@example.org", "eve@example.net", is_passed_on=True)
    assert results[0] == MailboxAvailability("ann@acme.test", (TEA,), reads=(ANNS,))
    assert [each.code for each in results[1:] if isinstance(each, MailboxFailure)] == [
        FailureCode.AVAILABILITY_CONFIG_NOT_FOUND,
        FailureCode.AVAILABILITY_CONFIG_NOT_FOUND,
    ]
    assert (world.servers.asked, world.facts) == ([], [])


def test_duplicates_are_answered_each_in_its_spelling_and_asked_once(world: World) -> None:
    asked = ("Bob@Example.org", "bob@example.org", "BOB@EXAMPLE.ORG", "ann@acme.test", "Ann@ACME.test")
    results = world.ask(*asked)
    assert [each.mailbox for each in results] == list(asked)
    assert all(isinstance(each, MailboxAvailability) for each in results)
    assert [event["mailboxes"] for event in world.events] == [["bob@example.org"]]
    assert len(world.calendars.requesters) == 1


@pytest.mark.parametrize(
    "text", ["", "@", "ann", "ann@", "@acme.test", "Ann <ann@acme.test>", "a\x00@acme.test", "\ud800@x.test"]
)
def test_what_is_no_address_is_not_found(world: World, text: str) -> None:
    assert world.codes(text, "ann@acme.test")[1] == "ok"
    assert world.codes(text)[0] in {NOT_FOUND, "ErrorAvailabilityConfigNotFound"}


def test_a_domain_is_asked_in_a_labels(world: World) -> None:
    world.add(availability("xn--bcher-kva.example", provider=world.directory.availability(ORG, "example.org").provider))  # type: ignore[union-attr]
    assert world.codes("eva@Bücher.example") == ["ok"]
    assert world.events[0]["mailboxes"] == ["eva@xn--bcher-kva.example"]


class TestInternal:
    def test_an_alias_a_resource_and_a_disabled_user(self, world: World) -> None:
        gone = user("ben", state=EntityState.DISABLED)
        world.add(resource("room"), claim("room@acme.test", resource("room")), claim("a.b@acme.test", user("ann")))
        world.add(gone, claim("ben@acme.test", gone))
        assert world.codes("a.b@acme.test", "room@acme.test", "ben@acme.test") == ["ok", "ok", NOT_FOUND]

    def test_the_calendar_is_asked_for_the_requester(self, world: World) -> None:
        world.ask("ann@acme.test", requester=replace(ANN, user_id="u-7"))
        assert world.calendars.requesters == ["u-7"]

    def test_a_domain_of_another_organization_needs_a_configuration(self, world: World) -> None:
        other = organization(OTHER, alias="other", default_domain="other.test")
        world.add(other, domain("other.test", other))
        assert world.codes("x@other.test") == ["ErrorAvailabilityConfigNotFound"]
        world.add(availability("other.test", provider=world.directory.availability(ORG, "example.org").provider))  # type: ignore[union-attr]
        assert world.codes("x@other.test") == ["ok"]

    def test_a_remote_user_is_asked_of_the_domains_provider(self, world: World) -> None:
        remote = user("rae", role=Role.REMOTE_USER)
        world.add(remote, claim("rae@acme.test", remote))
        assert world.codes("rae@acme.test", "ann@acme.test") == ["ErrorAvailabilityConfigNotFound", "ok"]
        world.add(availability("acme.test", provider=world.directory.availability(ORG, "example.org").provider))  # type: ignore[union-attr]
        assert world.codes("rae@acme.test", "ann@acme.test", "nobody@acme.test") == ["ok", "ok", NOT_FOUND]
        assert world.events[0]["mailboxes"] == ["rae@acme.test"]

    def test_a_calendar_that_cannot_be_read_fails_alone(self, world: World) -> None:
        for name in ("ben", "cy"):
            world.add(user(name), claim(f"{name}@acme.test", user(name)))
        world.calendars.of |= {"ben": KeyUnavailableError("disabled"), "cy": StoreUnavailableError("throttled")}
        codes = world.codes("ben@acme.test", "ann@acme.test", "cy@acme.test")
        assert codes == ["ErrorFreeBusyGenerationFailed", "ok", "ErrorServerBusy"]

    def test_an_error_of_ours_is_that_of_its_domain_and_is_reported(self, world: World) -> None:
        world.calendars.of["ann"] = ZeroDivisionError("oops")
        question = Question(ANN, ("ann@acme.test", "bob@example.org"), NOON, NOON + HOUR)
        answered = world.query().answer(question, "r")
        assert [isinstance(each, MailboxFailure) for each in answered.results] == [True, False]
        (trouble,) = answered.troubles
        assert re.fullmatch(r"ZeroDivisionError in [a-z_]+\.py, line [0-9]+", trouble), "no text: it may quote an event"


class TestGroups:
    def test_a_group_is_busy_when_a_member_is(self, world: World) -> None:
        team, inner, ben = group("team"), group("inner"), user("ben")
        world.add(team, inner, ben, claim("team@acme.test", team))
        world.add(member(team, user("ann")), member(team, inner), member(inner, ben), member(inner, team))
        later = BusyEvent(NOON + 2 * HOUR, NOON + 3 * HOUR, BusyType.OOF)
        world.calendars.of |= {
            "ann": [TEA, replace(TEA, busy_type=BusyType.FREE)],
            "ben": [later, replace(TEA, details=None)],
        }
        events, reads = (replace(TEA, details=None), later), (ANNS, CalendarRead("ben", allowed=True))
        assert world.ask("team@acme.test") == (MailboxAvailability("team@acme.test", events, reads=reads),)

    def test_a_group_without_mailboxes_is_not_found(self, world: World) -> None:
        empty = group("empty")
        world.add(empty, claim("empty@acme.test", empty))
        assert world.codes("empty@acme.test") == [NOT_FOUND]

    def test_a_group_that_is_too_large_fails(self, world: World) -> None:
        crowd = group("crowd")
        world.add(crowd, claim("crowd@acme.test", crowd))
        for number in range(101):
            one = user(f"u{number}")
            world.add(one, member(crowd, one))
        assert world.codes("crowd@acme.test") == ["ErrorFreeBusyGenerationFailed"]


class TestTime:
    def test_a_question_ends_within_26_seconds_and_no_provider_takes_longer(self) -> None:
        assert Deadlines().total_s < MAX_SECONDS < ANSWER_WITHIN_S < 26

    def test_whatever_hangs_the_others_answer_in_time(self, world: World) -> None:
        done = threading.Event()
        world.answer_within_s = 0.5

        def hang() -> Sequence[BusyEvent]:
            done.wait(20)
            return ()

        def hang_function(event: dict[str, Any]) -> None:
            done.wait(20)

        world.said = hang_function
        world.add(user("ben"), claim("ben@acme.test", user("ben")))
        world.calendars.of |= {"ben": hang, "ann": [TEA]}
        began = time.monotonic()
        codes = world.codes("bob@example.org", "ann@acme.test", "ben@acme.test", "x@unknown.test")
        assert time.monotonic() - began < 5
        done.set()
        assert codes == [TIMEOUT, "ok", TIMEOUT, "ErrorAvailabilityConfigNotFound"]

    def test_a_calendar_that_hangs_delays_no_user_whose_calendar_is_elsewhere(self, world: World) -> None:
        done, remote = threading.Event(), user("rae", role=Role.REMOTE_USER)
        world.answer_within_s = 0.5

        def hang() -> Sequence[BusyEvent]:
            done.wait(20)
            return ()

        world.add(remote, claim("rae@acme.test", remote))
        world.add(availability("acme.test", provider=world.directory.availability(ORG, "example.org").provider))  # type: ignore[union-attr]
        world.calendars.of["ann"] = hang
        codes = world.codes("ann@acme.test", "rae@acme.test")
        done.set()
        assert codes == [TIMEOUT, "ok"]

    def test_a_hundred_domains_are_asked_at_once(self, world: World) -> None:
        barrier = threading.Barrier(100, timeout=20)

        def together(event: dict[str, Any]) -> Any:
            barrier.wait()
            return {"mailboxes": [{"mailbox": each, "events": []} for each in event["mailboxes"]]}

        world.said = together
        provider = world.directory.availability(ORG, "example.org").provider  # type: ignore[union-attr]
        world.add(*(availability(f"d{number}.test", provider=provider) for number in range(100)))
        assert world.codes(*(f"x@d{number}.test" for number in range(100))) == ["ok"] * 100
