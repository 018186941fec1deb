"""A deletion continues wherever its time ended; after its first run nothing can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.transit import MemoryTransit
from postroom.errors import MessageNotFoundError, RefusedByServiceError, StoreUnavailableError
from postroom.model.directory import EntityKind
from postroom.model.facts import OwnFact, organization_trace, trace_of
from postroom.model.limits import DAY_MS, RESERVE_MS
from postroom.model.records import (
    Insert,
    OrganizationState,
    Replace,
)
from postroom.ports.mailboxes import MailboxOwner
from postroom.ports.transit import Commit
from tests.support.builders import NOON, ORG, OTHER, arn, notification, provider_call
from tests.support.commits import Watched, chunk_of
from tests.support.deletion import MESSAGE, SETTLES, USERS, another, begin, deliver, domain_of, state
from tests.support.memory_mail_system import KMS, MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.adapters.memory.admin_services import MemoryDomainServices
    from postroom.contracts.orders import Order
    from postroom.lifecycle.deletion import Deletion
    from postroom.ports.raw_mail import StoredRaw

MESSAGES: Final = 250
"""More than two batches of a hundred."""


class Time:
    """The remaining time of a function: enough for a number of calls, then none."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> int:
        self.looks -= 1
        return RESERVE_MS if self.looks >= 0 else 0


@pytest.mark.parametrize("looks", [0, 1, 2, 3, 5, 12, 13, 14, 20, 40])
def test_wherever_the_time_ends_the_next_runs_go_on_until_nothing_is_left(
    mail_system: MemoryMailSystem, deletion: Deletion, looks: int
) -> None:
    deliver(mail_system, 3)
    begin(mail_system)
    assert deletion.run(Time(looks)) == {"deleted": int(looks == 40), "unfinished": int(looks != 40)}
    for _ in range(40):
        if state(mail_system) is OrganizationState.DELETED:
            break
        deletion.run(Time(max(looks, 3)))
    assert state(mail_system) is OrganizationState.DELETED
    assert mail_system.tables.mailboxes == {}
    assert mail_system.sealed.under("") == []
    assert list(mail_system.raw.stored("")) == []
    assert mail_system.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    removed = [
        fact for fact in mail_system.ledger.facts(organization_trace(ORG)) if fact.name is OwnFact.MAILBOX_REMOVED
    ]
    assert sorted(fact.data["mailboxId"] for fact in removed) == list(USERS)


def test_every_key_is_gone_before_any_object_is(mail_system: MemoryMailSystem, deletion: Deletion) -> None:
    deliver(mail_system)
    begin(mail_system)
    deletion.run(Time(2))
    assert mail_system.tables.mailboxes == {}
    assert len(mail_system.sealed.under("")) == 1
    assert len(list(mail_system.raw.stored("inbound/"))) == 1
    assert mail_system.directory.entity(ORG, USERS[0]) is not None


def test_a_look_through_much_stored_mail_goes_on_where_it_stopped(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    deliver(mail_system, MESSAGES)
    begin(mail_system)
    deletion.run(Time(2))  # all keys
    stored = []
    while state(mail_system) is not OrganizationState.DELETED:
        stored.append(len(list(mail_system.raw.stored("inbound/"))))
        deletion.run(Time(1) if stored[-1] else lambda: 1 << 30)
        assert len(stored) < 20
    assert stored == [250, 150, 50, 0]
    assert list(mail_system.raw.stored("")) == []


def test_what_ses_refuses_stops_the_names_and_nothing_else(
    mail_system: MemoryMailSystem, deletion: Deletion, services: MemoryDomainServices
) -> None:
    deliver(mail_system)
    begin(mail_system)
    services.refuses["acme.test"] = "no such bucket"
    with pytest.raises(RefusedByServiceError, match="no such bucket"):
        deletion.run(lambda: 1 << 30)
    assert mail_system.tables.mailboxes == {}
    assert mail_system.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    assert state(mail_system) is OrganizationState.DELETING
    services.refuses.clear()
    assert deletion.run(lambda: 1 << 30)["deleted"] == 1
    assert services.routed == set()


def test_a_secret_that_cannot_be_removed_stops_the_state_deleted_and_nothing_else(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    class Silent:
        def remove_some(self, _: str) -> bool:
            raise StoreUnavailableError("Secrets Manager did not take a request")

    deliver(mail_system)
    begin(mail_system)
    with pytest.raises(StoreUnavailableError, match="Secrets Manager"):
        replace(deletion, availability_passwords=Silent()).run(lambda: 1 << 30)
    assert mail_system.tables.mailboxes == {}
    assert mail_system.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    assert state(mail_system) is OrganizationState.DELETING
    assert deletion.run(lambda: 1 << 30)["deleted"] == 1


def test_a_bounce_that_is_on_its_way_keeps_its_message_until_it_is_sent(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", ["nobody@acme.test"]))
    begin(mail_system)
    assert deletion.run(lambda: 1 << 30) == {"deleted": 0, "unfinished": 1}
    assert [stored.key for stored in mail_system.raw.stored("inbound/")] == ["inbound/m1"]
    mail_system.pump()
    assert len(mail_system.sender.answered) == 1
    assert deletion.run(lambda: 1 << 30) == {"deleted": 1, "unfinished": 0}
    assert list(mail_system.raw.stored("")) == []


def test_what_is_open_is_sent_once_and_not_with_every_run(mail_system: MemoryMailSystem, deletion: Deletion) -> None:
    mail_system.raw.store("inbound/m1", MESSAGE)
    mail_system.ingest.accept(notification("m1", [f"{USERS[0]}@acme.test"]))
    mail_system.queues.queues["deliver"].clear()
    begin(mail_system)
    for _ in range(3):
        mail_system.later += 60_000
        deletion.run(lambda: 1 << 30)
    assert len(mail_system.queues.queues["deliver"]) == 1
    mail_system.later += SETTLES
    deletion.run(lambda: 1 << 30)
    assert state(mail_system) is OrganizationState.DELETED


def test_a_providers_call_whose_function_stopped_ends_at_once_with_its_fact(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    call = provider_call()
    mail_system.transit.commit(Commit(orders=[call]))
    begin(mail_system)
    deletion.run(lambda: 1 << 30)
    assert mail_system.transit.order(call.trace, call.key) is None
    assert [fact.name for fact in mail_system.ledger.facts(call.trace)] == [OwnFact.PROVIDER_ASKED]


def test_a_flow_that_cannot_end_stops_nothing_else_and_is_given_up(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    mail_system.raw.store("inbound/m1", MESSAGE)
    many = [f"x{number}@acme.test" for number in range(90)]

    def stop(commit: Commit) -> None:
        if chunk_of(commit) is not None:
            raise KeyboardInterrupt

    stopping: Any = Watched(mail_system.transit, stop)
    with pytest.raises(KeyboardInterrupt):
        replace(mail_system.ingest, transit=stopping).accept(notification("m1", many))
    for stored in list(mail_system.raw.stored("transit/")):
        mail_system.raw.remove(stored.key)
    begin(mail_system)
    with pytest.raises(MessageNotFoundError):
        deletion.run(lambda: 1 << 30)
    assert mail_system.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    assert mail_system.tables.mailboxes == {}
    assert state(mail_system) is OrganizationState.DELETING
    mail_system.later += SETTLES
    assert deletion.run(lambda: 1 << 30) == {"deleted": 1, "unfinished": 0}
    assert list(mail_system.raw.stored("")) == []


def test_a_domain_that_ses_refuses_keeps_no_other(
    mail_system: MemoryMailSystem, deletion: Deletion, services: MemoryDomainServices
) -> None:
    begin(mail_system)
    mail_system.directory.commit([Insert(replace(domain_of(mail_system), name="zebra.test", version=1))])
    services.refuses["acme.test"] = "no"
    with pytest.raises(RefusedByServiceError):
        deletion.run(lambda: 1 << 30)
    assert mail_system.directory.domain_record("zebra.test") is None
    assert domain_of(mail_system).organization.id == ORG


@pytest.mark.parametrize("at", [NOON, NOON - DAY_MS], ids=["listed", "in rows"])
def test_a_flow_that_cannot_go_on_stops_none_behind_it(
    mail_system: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    for number in range(3):
        mail_system.raw.store(f"inbound/m{number}", MESSAGE)
        mail_system.ingest.accept(notification(f"m{number}", [f"{USERS[number]}@acme.test"], at=at))
    mail_system.queues.queues["deliver"].clear()
    begin(mail_system)
    mail_system.later += 60_000
    send, failed = MemoryQueues.send, list[str]()

    def refuse_the_first(queues: MemoryQueues, orders: Iterable[Order]) -> None:
        given = list(orders)
        if not failed:
            failed.append(given[0].key)
            raise MessageNotFoundError("m0")
        send(queues, given)

    monkeypatch.setattr(MemoryQueues, "send", refuse_the_first)
    with pytest.raises(MessageNotFoundError):
        deletion.run(lambda: 1 << 30)
    assert len(mail_system.queues.queues["deliver"]) == 2


@pytest.mark.parametrize(("at", "steps"), [(NOON, 4), (NOON - DAY_MS, 3)], ids=["listed", "in rows"])
def test_nothing_is_sent_or_given_up_when_the_time_is_short(
    mail_system: MemoryMailSystem, deletion: Deletion, at: int, steps: int
) -> None:
    for number in range(3):
        mail_system.raw.store(f"inbound/m{number}", MESSAGE)
        mail_system.ingest.accept(notification(f"m{number}", [f"{USERS[number]}@acme.test"], at=at))
    mail_system.queues.queues["deliver"].clear()
    begin(mail_system)
    mail_system.later += SETTLES
    assert deletion.run(Time(steps)) == {"deleted": 0, "unfinished": 1}
    given_up = [fact for number in range(3) for fact in mail_system.ledger.facts(trace_of(f"m{number}", ORG))]
    assert sum(fact.name is OwnFact.DISCARDED for fact in given_up) == 1
    for _ in range(3):
        deletion.run(lambda: 1 << 30)
    assert state(mail_system) is OrganizationState.DELETED


def test_the_keys_of_every_organization_go_before_the_rest_of_any(
    mail_system: MemoryMailSystem, deletion: Deletion
) -> None:
    other = replace(another(mail_system), state=OrganizationState.DELETING)
    mail_system.directory.commit([Replace(other)])
    ann = mail_system.directory.entity(ORG, USERS[0])
    assert ann is not None
    mail_system.directory.commit([Insert(replace(ann, organization_id=OTHER, id="zoe", name="zoe", version=1))])
    owner = MailboxOwner(OTHER, arn(OTHER), KMS)
    mail_system.mailboxes.create(
        "zoe", owner, wrapped_key=mail_system.keys.new(KMS, arn(OTHER)), quota_bytes=1, now_ms=mail_system.now()
    )
    deliver(mail_system)
    begin(mail_system)
    deletion.run(Time(4))
    assert mail_system.tables.mailboxes == {}
    assert len(list(mail_system.raw.stored("inbound/"))) == 1


def test_a_plan_whose_flow_was_never_opened_goes(
    mail_system: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = notification("m1", [f"x{number}@acme.test" for number in range(90)])
    mail_system.raw.store("inbound/m1", MESSAGE)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTransit, "commit", stop)
        with pytest.raises(KeyboardInterrupt):
            mail_system.ingest.accept(many)
    assert len(list(mail_system.raw.stored("transit/"))) == 1
    begin(mail_system)
    mail_system.ingest.accept(many)
    deletion.run(lambda: 1 << 30)
    assert list(mail_system.parking.list()) == []
    assert list(mail_system.raw.stored("")) == []


def test_stored_mail_is_looked_through_once_more_at_the_end_and_not_with_every_run(
    mail_system: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(mail_system)
    begin(mail_system)
    assert deletion.run(lambda: 1 << 30)["deleted"] == 1
    looks: list[str] = []
    stored = MemoryRawMail.stored

    def counted(raw: MemoryRawMail, prefix: str, **more: str) -> Iterator[StoredRaw]:
        looks.append(prefix)
        return stored(raw, prefix, **more)

    monkeypatch.setattr(MemoryRawMail, "stored", counted)
    for _ in range(3):
        mail_system.later += 60_000
        deletion.run(lambda: 1 << 30)
    assert "inbound/" not in looks
    mail_system.later += SETTLES
    for _ in range(3):
        deletion.run(lambda: 1 << 30)
    assert looks.count("inbound/") == 1
