"""What rule functions get of a message on its way, and what becomes of what they put."""

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

from .conftest import DAY, ORIGINAL, Way, changed

RUN = "rule-1"


def open_slot(way: Way, attempt: int = 1) -> None:
    opened = way.transit.contents(TRACE).opened(RUN, attempt)
    assert opened is not None
    assert way.transit.commit(Commit(contents=opened)) is Outcome.DONE


def close_slot(way: Way, attempt: int = 1) -> bytes | None:
    """Give the verdict, as the rule's worker does: again from the start where a Put was faster."""
    while True:
        closing = way.transit.contents(TRACE).closed(RUN, attempt, keep=True)
        assert closing is not None
        verdict = Commit(facts=[own(OwnFact.CONTENT_PUT, "verdict")], orders=[order("late")], contents=closing)
        outcome = way.transit.commit(verdict)
        if outcome is Outcome.STALE:
            continue
        assert outcome is Outcome.DONE
        content = closing.slots[RUN].content
        return way.raw.read(content.raw) if content else None


def test_a_message_comes_out_as_it_came_in(way: Way) -> None:
    assert way.get() == ORIGINAL


def test_what_was_put_comes_out_and_the_message_as_it_came_stays(way: Way) -> None:
    way.put(changed("one"))
    way.put(changed("two"))
    assert way.get() == changed("two")
    assert way.raw.read(order().raw) == ORIGINAL


def test_a_put_is_a_fact_that_says_for_whom(way: Way) -> None:
    way.put(changed("one"))
    open_slot(way)
    way.put(changed("two"))
    facts = [fact for fact in way.ledger.facts(TRACE) if fact.name is OwnFact.CONTENT_PUT]
    assert [(fact.key, fact.data["runs"], fact.organization_id) for fact in facts] == [
        ("CONTENT_PUT:1", [], ORG),
        ("CONTENT_PUT:2", [RUN], ORG),
    ]


def test_the_verdict_takes_what_was_put_last_before_it(way: Way) -> None:
    open_slot(way)
    way.put(changed("one"))
    way.put(changed("two"))
    assert close_slot(way) == changed("two")
    way.put(changed("late"))
    content = way.transit.contents(TRACE).slots[RUN].content
    assert content is not None
    assert way.raw.read(content.raw) == changed("two")
    assert way.get() == changed("late")


def test_the_same_content_put_again_after_another_wins_again(way: Way) -> None:
    for subject in ("one", "two", "one"):
        way.put(changed(subject))
    assert way.get() == changed("one")


@pytest.mark.parametrize("late", [DAY, DAY * 30])
def test_after_24_hours_a_message_is_not_handed_out(way: Way, late: int) -> None:
    way.now = NOON + DAY - 1
    assert way.get() == ORIGINAL
    way.now = NOON + late
    with pytest.raises(ResourceNotFoundException, match=way.message_id):
        way.get()
    with pytest.raises(ResourceNotFoundException):
        way.put(changed("late"))


@pytest.mark.parametrize(
    "message_id",
    ["", "x" * 5000, "../../inbound/1", TRACE, flow_message_id(TRACE).upper(), flow_message_id("0" * 32), "\0", "é"],
)
def test_an_id_that_stands_for_no_message_finds_none_and_is_not_repeated(way: Way, message_id: str) -> None:
    with pytest.raises(ResourceNotFoundException) as caught:
        way.flow.get(message_id)
    assert len(str(caught.value)) < 100
    with pytest.raises(ResourceNotFoundException):
        way.flow.put(message_id, S3Reference("mine", "k"))


def test_a_message_whose_bytes_are_gone_is_not_found(way: Way) -> None:
    way.raw.remove("inbound/1")
    with pytest.raises(ResourceNotFoundException):
        way.get()
    with pytest.raises(ResourceNotFoundException):
        way.put(changed("x"))


def test_a_message_with_a_virus_is_handed_out_to_nobody() -> None:
    blocked = Way(virus="FAIL")
    with pytest.raises(ResourceNotFoundException):
        blocked.get()
    with pytest.raises(ResourceNotFoundException):
        blocked.put(changed("x"))


def test_what_is_refused_changes_nothing(way: Way) -> None:
    open_slot(way)
    with pytest.raises(MessageRejected, match="Message-ID must not be changed"):
        way.put(ORIGINAL.replace(b"<1@", b"<2@"))
    with pytest.raises(MessageRejected, match="40 MB"):
        way.put(ORIGINAL + b"x\r\n" * (14 << 20))
    with pytest.raises(InvalidContentLocation, match="own"):
        way.flow.put(way.message_id, S3Reference("inbound-bucket", "inbound/1"))
    assert way.transit.contents(TRACE).puts == 0
    assert [fact.name for fact in way.ledger.facts(TRACE) if fact.name is OwnFact.CONTENT_PUT] == []
    assert [stored.key for stored in way.raw.stored("transit/")] == []


def test_an_object_that_changes_meanwhile_counts_as_it_was_read(way: Way) -> None:
    read = way.bucket.objects.__class__

    class Changing(read):  # type: ignore[misc, valid-type]
        """An object that is another one every time somebody looks."""

        looks = 0

        def get(self, key: str, default: object = None) -> list[bytes]:
            self.looks += 1
            return [changed(f"look {self.looks}")]

    way.bucket.objects = Changing()
    way.flow.put(way.message_id, S3Reference("mine", "k"))
    assert way.get() == changed("look 1")


def test_a_frozen_message_takes_nothing_and_is_still_handed_out(way: Way) -> None:
    way.transit.commit(Commit(contents=FlowContents(TRACE, frozen=True)))
    with pytest.raises(MessageFrozen):
        way.put(changed("x"))
    assert way.get() == ORIGINAL


def test_of_puts_at_once_each_counts_in_some_order(way: Way) -> None:
    open_slot(way)
    subjects = [f"s{number}" for number in range(24)]
    for subject in subjects:
        way.bucket.objects[subject] = [changed(subject)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: way.flow.put(way.message_id, S3Reference("mine", name)), subjects))
    finally:
        sys.setswitchinterval(before)
    assert way.transit.contents(TRACE).puts == len(subjects)
    facts = [fact for fact in way.ledger.facts(TRACE) if fact.name is OwnFact.CONTENT_PUT]
    (last,) = [fact for fact in facts if fact.key == f"CONTENT_PUT:{len(subjects)}"]
    assert close_slot(way) == way.raw.read(order().raw.model_copy(update=last.data["raw"]))


def test_a_put_and_the_verdict_at_once_agree_on_what_is_delivered(way: Way) -> None:
    for attempt in range(1, 40):
        fresh = Way()
        open_slot(fresh)
        start = threading.Barrier(2)

        def put(here: Way = fresh, go: threading.Barrier = start) -> None:
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
    way: Way, busy: Outcome | type[ConflictError]
) -> None:
    class Busy:
        def contents(self, trace: str) -> FlowContents:
            return FlowContents(trace)

        def commit(self, commit: Commit) -> Outcome:
            if isinstance(busy, Outcome):
                return busy
            raise busy("somebody else")

    object.__setattr__(way.flow, "transit", Busy())
    with pytest.raises(ConflictError):
        way.put(changed("x"))


def test_a_message_of_an_organization_that_is_deleted_is_handed_out_to_nobody(way: Way) -> None:
    way.put(changed("one"))
    way.owners.active = False
    with pytest.raises(ResourceNotFoundException):
        way.get()
    with pytest.raises(ResourceNotFoundException):
        way.put(changed("two"))
    assert way.transit.contents(TRACE).puts == 1
