"""Rule functions read a message in transit and replace its content."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from postroom.contracts.message_flow import (
    InvalidContentLocation,
    MessageFrozen,
    MessageRejected,
    ResourceNotFoundException,
    S3Reference,
)
from postroom.errors import ConflictError
from postroom.model.facts import OwnFact, flow_message_id
from postroom.ports.message_contents import FlowContents
from postroom.ports.transit import Commit, Outcome
from tests.support.builders import NOON, ORG, TRACE, order, own

from .conftest import CALLER, DAY, ORIGINAL, System, changed

RUN = "rule-1"


def open_slot(system: System, attempt: int = 1) -> None:
    opened = system.transit.contents(TRACE).opened(RUN, attempt)
    assert opened is not None
    assert system.transit.commit(Commit(contents=opened)) is Outcome.DONE


def close_slot(system: System, attempt: int = 1) -> bytes | None:
    """Commit the verdict as run_sync_rule does; again from the start if a Put was faster."""
    while True:
        closing = system.transit.contents(TRACE).closed(RUN, attempt, keep=True)
        assert closing is not None
        verdict = Commit(facts=[own(OwnFact.CONTENT_PUT, "verdict")], orders=[order("late")], contents=closing)
        outcome = system.transit.commit(verdict)
        if outcome is Outcome.STALE:
            continue
        assert outcome is Outcome.DONE
        content = closing.slots[RUN].content
        return system.raw.read(content.raw) if content else None


def test_a_message_comes_out_as_it_came_in(system: System) -> None:
    assert system.get() == ORIGINAL


def test_what_was_put_comes_out_and_the_message_as_it_came_stays(system: System) -> None:
    system.put(changed("one"))
    system.put(changed("two"))
    assert system.get() == changed("two")
    assert system.raw.read(order().raw) == ORIGINAL


def test_a_put_is_a_fact_that_says_for_whom(system: System) -> None:
    system.put(changed("one"))
    open_slot(system)
    system.put(changed("two"))
    facts = [fact for fact in system.ledger.facts(TRACE) if fact.name is OwnFact.CONTENT_PUT]
    assert [(fact.key, fact.data["runs"], fact.organization_id) for fact in facts] == [
        ("CONTENT_PUT:1", [], ORG),
        ("CONTENT_PUT:2", [RUN], ORG),
    ]


def test_the_verdict_takes_what_was_put_last_before_it(system: System) -> None:
    open_slot(system)
    system.put(changed("one"))
    system.put(changed("two"))
    assert close_slot(system) == changed("two")
    system.put(changed("late"))
    content = system.transit.contents(TRACE).slots[RUN].content
    assert content is not None
    assert system.raw.read(content.raw) == changed("two")
    assert system.get() == changed("late")


def test_the_same_content_put_again_after_another_wins_again(system: System) -> None:
    for subject in ("one", "two", "one"):
        system.put(changed(subject))
    assert system.get() == changed("one")


@pytest.mark.parametrize("late", [DAY, DAY * 30])
def test_after_24_hours_a_message_is_not_handed_out(system: System, late: int) -> None:
    system.now = NOON + DAY - 1
    assert system.get() == ORIGINAL
    system.now = NOON + late
    with pytest.raises(ResourceNotFoundException, match=system.message_id):
        system.get()
    with pytest.raises(ResourceNotFoundException):
        system.put(changed("late"))


@pytest.mark.parametrize(
    "message_id",
    ["", "x" * 5000, "../../inbound/1", TRACE, flow_message_id(TRACE).upper(), flow_message_id("0" * 32), "\0", "é"],
)
def test_an_id_that_stands_for_no_message_finds_none_and_is_not_repeated(system: System, message_id: str) -> None:
    with pytest.raises(ResourceNotFoundException) as caught:
        system.flow.get(message_id, CALLER)
    assert len(str(caught.value)) < 100
    with pytest.raises(ResourceNotFoundException):
        system.flow.put(message_id, S3Reference("mine", "k"), CALLER)


def test_a_message_whose_bytes_are_gone_is_not_found(system: System) -> None:
    system.raw.remove("inbound/1")
    with pytest.raises(ResourceNotFoundException):
        system.get()
    with pytest.raises(ResourceNotFoundException):
        system.put(changed("x"))


def test_a_message_with_a_virus_is_handed_out_to_nobody() -> None:
    blocked = System(virus="FAIL")
    with pytest.raises(ResourceNotFoundException):
        blocked.get()
    with pytest.raises(ResourceNotFoundException):
        blocked.put(changed("x"))


def test_what_is_refused_changes_nothing(system: System) -> None:
    open_slot(system)
    with pytest.raises(MessageRejected, match="Message-ID must not be changed"):
        system.put(ORIGINAL.replace(b"<1@", b"<2@"))
    with pytest.raises(MessageRejected, match="40 MB"):
        system.put(ORIGINAL + b"x\r\n" * (14 << 20))
    with pytest.raises(InvalidContentLocation, match="own"):
        system.flow.put(system.message_id, S3Reference("inbound-bucket", "inbound/1"), CALLER)
    assert system.transit.contents(TRACE).puts == 0
    assert [fact.name for fact in system.ledger.facts(TRACE) if fact.name is OwnFact.CONTENT_PUT] == []
    assert [stored.key for stored in system.raw.stored("transit/")] == []


def test_an_object_that_changes_meanwhile_counts_as_it_was_read(system: System) -> None:
    read = system.bucket.objects.__class__

    class Changing(read):  # type: ignore[misc, valid-type]
        """An object that is different for every read."""

        looks = 0

        def get(self, key: str, default: object = None) -> list[bytes]:
            self.looks += 1
            return [changed(f"look {self.looks}")]

    system.bucket.objects = Changing()
    system.flow.put(system.message_id, S3Reference("mine", "k"), CALLER)
    assert system.get() == changed("look 1")


def test_a_frozen_message_takes_nothing_and_is_still_handed_out(system: System) -> None:
    system.transit.commit(Commit(contents=FlowContents(TRACE, frozen=True)))
    with pytest.raises(MessageFrozen):
        system.put(changed("x"))
    assert system.get() == ORIGINAL


def test_of_puts_at_once_each_counts_in_some_order(system: System) -> None:
    open_slot(system)
    subjects = [f"s{number}" for number in range(24)]
    for subject in subjects:
        system.bucket.objects[subject] = [changed(subject)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: system.flow.put(system.message_id, S3Reference("mine", name), CALLER), subjects))
    finally:
        sys.setswitchinterval(before)
    assert system.transit.contents(TRACE).puts == len(subjects)
    facts = [fact for fact in system.ledger.facts(TRACE) if fact.name is OwnFact.CONTENT_PUT]
    (last,) = [fact for fact in facts if fact.key == f"CONTENT_PUT:{len(subjects)}"]
    assert close_slot(system) == system.raw.read(order().raw.model_copy(update=last.data["raw"]))


def test_a_put_and_the_verdict_at_once_agree_on_what_is_delivered(system: System) -> None:
    for attempt in range(1, 40):
        fresh = System()
        open_slot(fresh)
        start = threading.Barrier(2)

        def put(here: System = fresh, go: threading.Barrier = start) -> None:
            go.wait()
            here.put(changed("put"))

        thread = threading.Thread(target=put)
        thread.start()
        start.wait()
        delivered = close_slot(fresh)
        thread.join()
        facts = {fact.key: fact for fact in fresh.ledger.facts(TRACE)}
        counted = facts["CONTENT_PUT:1"].data["runs"] == [RUN]
        assert (delivered == changed("put")) == counted, attempt
        assert fresh.get() == changed("put")


@pytest.mark.parametrize("busy", [Outcome.STALE, ConflictError])
def test_where_others_are_faster_every_time_a_put_may_be_tried_again(
    system: System, busy: Outcome | type[ConflictError]
) -> None:
    class Busy:
        def contents(self, trace: str) -> FlowContents:
            return FlowContents(trace)

        def commit(self, commit: Commit) -> Outcome:
            if isinstance(busy, Outcome):
                return busy
            raise busy("somebody else")

    object.__setattr__(system.flow, "transit", Busy())
    with pytest.raises(ConflictError):
        system.put(changed("x"))


def test_a_message_of_an_organization_that_is_deleted_is_handed_out_to_nobody(system: System) -> None:
    system.put(changed("one"))
    system.owners.active = False
    with pytest.raises(ResourceNotFoundException):
        system.get()
    with pytest.raises(ResourceNotFoundException):
        system.put(changed("two"))
    assert system.transit.contents(TRACE).puts == 1
