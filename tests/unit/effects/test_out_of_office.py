"""Out-of-office replies that two requests set at the same moment: record and head agree in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from postroom.effects import out_of_office
from postroom.model.out_of_office import Audience, Away, OutOfOffice, ReplySettings, State
from tests.support.builders import ORG
from tests.support.memory_mail_system import MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.adapters.memory.mailboxes import MemoryMailboxes
    from postroom.model.mailbox import Head
    from postroom.model.records import Entity, Organization


@dataclass
class Overtaken:
    """Heads of mailboxes, where another request is carried out completely before the first time is written."""

    heads: MemoryMailboxes
    other: Callable[[], object] | None

    def head(self, mailbox_id: str) -> Head | None:
        return self.heads.head(mailbox_id)

    def set_away(self, mailbox_id: str, away: Away | None) -> bool:
        other, self.other = self.other, None
        if other is not None:
            other()
        return self.heads.set_away(mailbox_id, away)


@pytest.fixture
def system() -> MemoryMailSystem:
    made = MemoryMailSystem()
    made.user("ann")
    return made


def records_of(system: MemoryMailSystem) -> tuple[Organization, Entity]:
    organization, user = system.directory.organization(ORG), system.directory.entity(ORG, "ann")
    assert organization is not None
    assert user is not None
    return organization, user


def settings(state: State) -> ReplySettings:
    return ReplySettings(state=state, audience=Audience.ALL, inside="Away", outside="Away")


def keep(system: MemoryMailSystem, state: State, heads: out_of_office.AwayTimes, now: int = 5) -> None:
    reply = OutOfOffice.of(ORG, "ann", settings(state), now=now)
    assert out_of_office.keep(reply, *records_of(system), system.directory, heads)


def away(system: MemoryMailSystem) -> Away | None:
    head = system.mailboxes.head("ann")
    assert head is not None
    return head.away


def test_a_reply_that_replaces_a_disabled_one_at_the_same_moment_is_sent(system: MemoryMailSystem) -> None:
    heads = Overtaken(system.mailboxes, lambda: keep(system, State.ENABLED, system.mailboxes, now=6))
    keep(system, State.DISABLED, heads)
    assert away(system) == Away(6)


def test_the_time_of_a_reply_that_another_request_disabled_meanwhile_goes(system: MemoryMailSystem) -> None:
    keep(system, State.ENABLED, Overtaken(system.mailboxes, lambda: keep(system, State.DISABLED, system.mailboxes)))
    assert away(system) is None


def test_a_reply_that_is_set_while_the_former_is_deleted_is_sent(system: MemoryMailSystem) -> None:
    keep(system, State.ENABLED, system.mailboxes)
    heads = Overtaken(system.mailboxes, lambda: keep(system, State.ENABLED, system.mailboxes, now=7))
    out_of_office.take_back(*records_of(system), system.directory, heads)
    assert away(system) == Away(7)


def test_a_reply_that_is_deleted_while_another_is_set_is_not_sent(system: MemoryMailSystem) -> None:
    def delete() -> None:
        out_of_office.take_back(*records_of(system), system.directory, system.mailboxes)

    keep(system, State.ENABLED, Overtaken(system.mailboxes, delete))
    assert away(system) is None
    assert system.directory.owned(OutOfOffice, ORG, "ann") is None
