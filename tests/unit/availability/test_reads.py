"""Which calendars an answer says it took, for the audit log, and what FULL_ACCESS opens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from postroom.contracts.availability_query import answer_document, read_answer, result_document
from postroom.errors import (
    KeyUnavailableError,
    NoFreeBusyAccessError,
    StoreUnavailableError,
    TooManyInstancesError,
    UnknownMailboxError,
)
from postroom.model.directory import EntityKind
from postroom.model.free_busy import CalendarRead, MailboxAvailability, MailboxFailure
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.records import Membership
from tests.support.directory_records import ORG, claim, group, user
from tests.unit.availability.conftest import TEA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.free_busy import BusyEvent
    from tests.unit.availability.conftest import World

BOB, TEAM = user("bob"), group("team")


@pytest.fixture
def people(world: World) -> World:
    world.add(BOB, TEAM, claim("bob@acme.test", BOB), claim("team@acme.test", TEAM))
    for member_id in ("ann", "bob"):
        world.add(Membership(organization_id=ORG, group_id="team", member_id=member_id, member_kind=EntityKind.USER))
    return world


def test_an_answer_says_whose_calendars_it_took(people: World) -> None:
    ann, team, nobody, away = people.ask("ann@acme.test", "team@acme.test", "no@acme.test", "x@example.org")
    assert ann.reads == (CalendarRead("ann", allowed=True),)
    assert set(team.reads) == {CalendarRead("ann", allowed=True), CalendarRead("bob", allowed=True)}
    assert (nobody.reads, away.reads) == ((), ())


@pytest.mark.parametrize(
    ("error", "reads"),
    [
        (NoFreeBusyAccessError("no"), (CalendarRead("bob", allowed=False),)),
        (TooManyInstancesError("many"), (CalendarRead("bob", allowed=True),)),
        (StoreUnavailableError("away"), (CalendarRead("bob", allowed=True),)),
        (KeyUnavailableError("disabled"), (CalendarRead("bob", allowed=True),)),
        (UnknownMailboxError("none"), ()),
    ],
)
def test_a_read_that_fails_was_tried(people: World, error: Exception, reads: tuple[CalendarRead, ...]) -> None:
    people.calendars.of["bob"] = error
    (found,) = people.ask("bob@acme.test")
    assert isinstance(found, MailboxFailure)
    assert found.reads == reads


def test_reads_reach_the_other_function(people: World) -> None:
    results = people.ask("ann@acme.test", "no@acme.test")
    documents = [result_document(result) for result in results]
    assert read_answer(json.dumps(answer_document(documents)).encode()) == results


def test_full_access_opens_the_times_of_a_calendar_that_is_closed(people: World) -> None:
    asked = iter([NoFreeBusyAccessError("no"), NoFreeBusyAccessError("no"), None])

    def events() -> Sequence[BusyEvent]:
        error = next(asked)
        if error:
            raise error
        return [TEA]

    people.calendars.of["bob"] = events
    (refused,) = people.ask("bob@acme.test")
    assert refused.reads == (CalendarRead("bob", allowed=False),)
    people.add(
        MailboxPermission(
            organization_id=ORG,
            owner_id="bob",
            grantee_id="ann",
            grantee_kind=EntityKind.USER,
            permissions=(Permission.FULL_ACCESS,),
        )
    )
    (found,) = people.ask("bob@acme.test")
    assert isinstance(found, MailboxAvailability)
    assert found.reads == (CalendarRead("bob", allowed=True),)
    assert [(event.start_ms, event.details) for event in found.events] == [(TEA.start_ms, None)]
    assert people.calendars.requesters[-2:] == ["ann", "bob"]
