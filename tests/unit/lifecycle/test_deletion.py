"""A deletion that is cut short wherever its time ends goes on, and its first run already leaves nothing to read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from postroom.adapters.memory.queues import MemoryQueues
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.transit import MemoryTransit
from postroom.errors import MessageNotFoundError, RefusedByServiceError
from postroom.model.directory import EntityKind
from postroom.model.facts import OwnFact, organization_trace, trace_of
from postroom.model.limits import RESERVE_MS
from postroom.model.records import (
    Insert,
    OrganizationState,
    Replace,
)
from postroom.ports.mailboxes import MailboxOwner
from tests.support.builders import ORG, OTHER, arn, notification
from tests.support.commits import Watched, chunk_of
from tests.support.deletion import LETTER, PEOPLE, SETTLES, another, begin, deliver, domain_of, state
from tests.support.memory_mail_system import KMS, MemoryMailSystem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from postroom.adapters.memory.admin_services import MemoryDomainServices
    from postroom.contracts.orders import Order
    from postroom.lifecycle.deletion import Deletion
    from postroom.ports.raw_mail import StoredRaw
    from postroom.ports.transit import Commit

MESSAGES: Final = 250
"""More than two looks of a hundred."""


class Time:
    """A function's time: enough for so many looks at the clock, and then none."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> int:
        self.looks -= 1
        return RESERVE_MS if self.looks >= 0 else 0


@pytest.mark.parametrize("looks", [0, 1, 2, 3, 5, 12, 13, 14, 20, 40])
def test_wherever_the_time_ends_the_next_runs_go_on_until_nothing_is_left(
    post: MemoryMailSystem, deletion: Deletion, looks: int
) -> None:
    deliver(post, 3)
    begin(post)
    assert deletion.run(Time(looks)) == {"deleted": int(looks == 40), "unfinished": int(looks != 40)}
    for _ in range(40):
        if state(post) is OrganizationState.DELETED:
            break
        deletion.run(Time(max(looks, 3)))
    assert state(post) is OrganizationState.DELETED
    assert post.tables.mailboxes == {}
    assert post.sealed.under("") == []
    assert list(post.raw.stored("")) == []
    assert post.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    removed = [fact for fact in post.ledger.facts(organization_trace(ORG)) if fact.name is OwnFact.MAILBOX_REMOVED]
    assert sorted(fact.data["mailboxId"] for fact in removed) == list(PEOPLE)


def test_every_key_is_gone_before_any_object_is(post: MemoryMailSystem, deletion: Deletion) -> None:
    deliver(post)
    begin(post)
    deletion.run(Time(2))
    assert post.tables.mailboxes == {}
    assert len(post.sealed.under("")) == 1
    assert len(list(post.raw.stored("inbound/"))) == 1
    assert post.directory.entity(ORG, PEOPLE[0]) is not None


def test_a_look_through_much_stored_mail_goes_on_where_it_stopped(post: MemoryMailSystem, deletion: Deletion) -> None:
    deliver(post, MESSAGES)
    begin(post)
    deletion.run(Time(2))  # all keys
    stored = []
    while state(post) is not OrganizationState.DELETED:
        stored.append(len(list(post.raw.stored("inbound/"))))
        deletion.run(Time(1) if stored[-1] else lambda: 1 << 30)
        assert len(stored) < 20
    assert stored == [250, 150, 50, 0]
    assert list(post.raw.stored("")) == []


def test_what_ses_refuses_stops_the_names_and_nothing_else(
    post: MemoryMailSystem, deletion: Deletion, services: MemoryDomainServices
) -> None:
    deliver(post)
    begin(post)
    services.refuses["acme.test"] = "no such bucket"
    with pytest.raises(RefusedByServiceError, match="no such bucket"):
        deletion.run(lambda: 1 << 30)
    assert post.tables.mailboxes == {}
    assert post.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    assert state(post) is OrganizationState.DELETING
    services.refuses.clear()
    assert deletion.run(lambda: 1 << 30)["deleted"] == 1
    assert services.routed == set()


def test_a_bounce_that_is_on_its_way_keeps_its_message_until_it_is_sent(
    post: MemoryMailSystem, deletion: Deletion
) -> None:
    post.raw.store("inbound/m1", LETTER)
    post.ingest.accept(notification("m1", ["nobody@acme.test"]))
    begin(post)
    assert deletion.run(lambda: 1 << 30) == {"deleted": 0, "unfinished": 1}
    assert [stored.key for stored in post.raw.stored("inbound/")] == ["inbound/m1"]
    post.pump()
    assert len(post.sender.answered) == 1
    assert deletion.run(lambda: 1 << 30) == {"deleted": 1, "unfinished": 0}
    assert list(post.raw.stored("")) == []


def test_what_is_open_is_sent_once_and_not_with_every_run(post: MemoryMailSystem, deletion: Deletion) -> None:
    post.raw.store("inbound/m1", LETTER)
    post.ingest.accept(notification("m1", [f"{PEOPLE[0]}@acme.test"]))
    post.queues.queues["deliver"].clear()
    begin(post)
    for _ in range(3):
        post.later += 60_000
        deletion.run(lambda: 1 << 30)
    assert len(post.queues.queues["deliver"]) == 1
    post.later += SETTLES
    deletion.run(lambda: 1 << 30)
    assert state(post) is OrganizationState.DELETED


def test_a_flow_that_cannot_end_stops_nothing_else_and_is_given_up(post: MemoryMailSystem, deletion: Deletion) -> None:
    post.raw.store("inbound/m1", LETTER)
    many = [f"x{number}@acme.test" for number in range(90)]

    def stop(commit: Commit) -> None:
        if chunk_of(commit) is not None:
            raise KeyboardInterrupt

    stopping: Any = Watched(post.transit, stop)
    with pytest.raises(KeyboardInterrupt):
        replace(post.ingest, transit=stopping).accept(notification("m1", many))
    for stored in list(post.raw.stored("transit/")):
        post.raw.remove(stored.key)
    begin(post)
    with pytest.raises(MessageNotFoundError):
        deletion.run(lambda: 1 << 30)
    assert post.directory.entities(ORG, EntityKind.USER, None, 9).items == []
    assert post.tables.mailboxes == {}
    assert state(post) is OrganizationState.DELETING
    post.later += SETTLES
    assert deletion.run(lambda: 1 << 30) == {"deleted": 1, "unfinished": 0}
    assert list(post.raw.stored("")) == []


def test_a_domain_that_ses_refuses_keeps_no_other(
    post: MemoryMailSystem, deletion: Deletion, services: MemoryDomainServices
) -> None:
    begin(post)
    post.directory.commit([Insert(replace(domain_of(post), name="zebra.test", version=1))])
    services.refuses["acme.test"] = "no"
    with pytest.raises(RefusedByServiceError):
        deletion.run(lambda: 1 << 30)
    assert post.directory.domain_record("zebra.test") is None
    assert domain_of(post).organization.id == ORG


def test_a_flow_that_cannot_go_on_stops_none_behind_it(
    post: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        post.raw.store(f"inbound/m{number}", LETTER)
        post.ingest.accept(notification(f"m{number}", [f"{PEOPLE[number]}@acme.test"]))
    post.queues.queues["deliver"].clear()
    begin(post)
    post.later += 60_000
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
    assert len(post.queues.queues["deliver"]) == 2


def test_nothing_is_sent_or_given_up_when_the_time_is_short(post: MemoryMailSystem, deletion: Deletion) -> None:
    for number in range(3):
        post.raw.store(f"inbound/m{number}", LETTER)
        post.ingest.accept(notification(f"m{number}", [f"{PEOPLE[number]}@acme.test"]))
    post.queues.queues["deliver"].clear()
    begin(post)
    post.later += SETTLES
    assert deletion.run(Time(3)) == {"deleted": 0, "unfinished": 1}
    given_up = [fact for number in range(3) for fact in post.ledger.facts(trace_of(f"m{number}", ORG))]
    assert sum(fact.name is OwnFact.DISCARDED for fact in given_up) == 1
    for _ in range(3):
        deletion.run(lambda: 1 << 30)
    assert state(post) is OrganizationState.DELETED


def test_the_keys_of_every_organization_go_before_the_rest_of_any(post: MemoryMailSystem, deletion: Deletion) -> None:
    other = replace(another(post), state=OrganizationState.DELETING)
    post.directory.commit([Replace(other)])
    ann = post.directory.entity(ORG, PEOPLE[0])
    assert ann is not None
    post.directory.commit([Insert(replace(ann, organization_id=OTHER, id="zoe", name="zoe", version=1))])
    owner = MailboxOwner(OTHER, arn(OTHER), KMS)
    post.mailboxes.create("zoe", owner, wrapped_key=post.keys.new(KMS, arn(OTHER)), quota_bytes=1, now=post.now())
    deliver(post)
    begin(post)
    deletion.run(Time(4))
    assert post.tables.mailboxes == {}
    assert len(list(post.raw.stored("inbound/"))) == 1


def test_a_plan_whose_flow_was_never_opened_goes(
    post: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = notification("m1", [f"x{number}@acme.test" for number in range(90)])
    post.raw.store("inbound/m1", LETTER)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTransit, "commit", stop)
        with pytest.raises(KeyboardInterrupt):
            post.ingest.accept(many)
    assert len(list(post.raw.stored("transit/"))) == 1
    begin(post)
    post.ingest.accept(many)
    deletion.run(lambda: 1 << 30)
    assert list(post.parking.list()) == []
    assert list(post.raw.stored("")) == []


def test_stored_mail_is_looked_through_once_more_at_the_end_and_not_with_every_run(
    post: MemoryMailSystem, deletion: Deletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(post)
    begin(post)
    assert deletion.run(lambda: 1 << 30)["deleted"] == 1
    looks: list[str] = []
    stored = MemoryRawMail.stored

    def counted(raw: MemoryRawMail, prefix: str, **more: str) -> Iterator[StoredRaw]:
        looks.append(prefix)
        return stored(raw, prefix, **more)

    monkeypatch.setattr(MemoryRawMail, "stored", counted)
    for _ in range(3):
        post.later += 60_000
        deletion.run(lambda: 1 << 30)
    assert "inbound/" not in looks
    post.later += SETTLES
    for _ in range(3):
        deletion.run(lambda: 1 << 30)
    assert looks.count("inbound/") == 1
