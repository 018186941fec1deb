"""retry_events: refused facts are written to the targets that refused them, with growing delays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.event_log import MemoryEventLogs
from postroom.contracts.pointers import FactPointer, Part
from postroom.errors import UnwritableLinesError
from postroom.ledger.retry_events import FIRST_RETRY_SECONDS, RETRY_SCHEDULE_SECONDS
from postroom.ports.retried import Retried
from tests.support.facts import ACME, NOON, OTHER, delivered, fact, received

from .conftest import DEFAULT, Pipeline, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.log_lines import LogLine
    from postroom.ports.event_log import LogDestination

FACT = fact(received(), "a1")
POINTER = FactPointer(trace="a1", key=FACT.key, organization_id=ACME)


@pytest.fixture(autouse=True)
def _ledger(pipeline: Pipeline) -> None:
    pipeline.ledger.all.append(FACT)


def test_a_fact_is_written_only_where_it_was_refused(pipeline: Pipeline) -> None:
    assert pipeline.retry(message(POINTER)).failed == ()
    assert pipeline.lines("acme-events") == [FACT.id]
    assert not pipeline.bus.announced
    pipeline.retry(message(POINTER.model_copy(update={"parts": (Part.BUS,)})))
    assert pipeline.lines("acme-events") == [FACT.id]
    assert [event.id for event in pipeline.bus.announced] == [FACT.id]
    assert not pipeline.metrics.sums  # it was counted when it was new


def test_gaps_grow_with_each_attempt(pipeline: Pipeline) -> None:
    pipeline.logs.closed["acme-events"] = "AccessDeniedException"
    gaps = []
    for receives in (1, 2, 3, 4, 9):
        outcome = pipeline.retry(message(POINTER, receives=receives))
        assert outcome.failed == ("m1",)
        gaps.append(pipeline.retries.postponed["receipt of m1"])
    assert gaps == [10, 20, 30, 30, 30]


def test_the_gaps_fit_into_what_sqs_allows() -> None:
    assert [FIRST_RETRY_SECONDS, *RETRY_SCHEDULE_SECONDS] == sorted({FIRST_RETRY_SECONDS, *RETRY_SCHEDULE_SECONDS})
    assert FIRST_RETRY_SECONDS <= 900  # longest delay of a message
    assert max(RETRY_SCHEDULE_SECONDS) < 43_200  # longest visibility time-out


def test_one_refusing_log_delays_no_other(pipeline: Pipeline) -> None:
    other = fact(received(), "b1", organization_id=OTHER)
    pipeline.ledger.all.append(other)
    pipeline.logs.closed["acme-events"] = "AccessDeniedException"
    pointer = FactPointer(trace="b1", key=other.key, organization_id=OTHER)
    outcome = pipeline.retry(message(POINTER), message(pointer, "m2"))
    assert outcome.failed == ("m1",)
    assert pipeline.lines(DEFAULT) == [other.id]
    assert pipeline.retries.postponed.keys() == {"receipt of m1"}


def test_a_line_that_the_log_finds_fault_with_holds_up_only_itself(pipeline: Pipeline) -> None:
    faulty = fact(delivered(), "a1", NOON + 1)
    pipeline.ledger.all.append(faulty)

    class Strict(MemoryEventLogs):
        def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
            if any(line.id == faulty.id for line in lines):
                raise UnwritableLinesError("CloudWatch Logs finds fault with the lines")
            return super().put(destination, lines)

    pipeline.logs = Strict(pipeline.logs.now, groups=pipeline.logs.groups)
    pointer = POINTER.model_copy(update={"key": faulty.key})
    assert pipeline.retry(message(pointer, "m0"), message(POINTER)).failed == ("m0",)
    assert pipeline.lines("acme-events") == [FACT.id]


@pytest.mark.parametrize("body", ["no JSON", "{}", '{"version": 2, "trace": "a", "key": "b", "organization_id": "c"}'])
def test_what_is_no_pointer_fails_alone(pipeline: Pipeline, body: str) -> None:
    outcome = pipeline.retry(Retried("bad", body, "receipt of bad", 1), message(POINTER))
    assert outcome.failed == ("bad",)
    assert pipeline.lines("acme-events") == [FACT.id]


def test_a_row_that_is_no_fact_or_is_gone_fails_alone_until_the_queue_has_it_parked(pipeline: Pipeline) -> None:
    pipeline.ledger.broken.add("p/k")
    poison = FactPointer(trace="p", key="k", organization_id=ACME, parts=(Part.LOG, Part.BUS))
    gone = FactPointer(trace="gone", key="k", organization_id=ACME)
    outcome = pipeline.retry(message(poison, "m1"), message(gone, "m2"), message(POINTER, "m3"))
    assert outcome.failed == ("m1", "m2")
    assert outcome.refused == {
        poison: "UnreadableFactError: in the ledger",
        gone: "UnreadableFactError: the ledger has no such fact",
    }
    assert pipeline.lines("acme-events") == [FACT.id]


def test_a_fact_that_two_messages_point_at_is_written_once(pipeline: Pipeline) -> None:
    assert pipeline.retry(message(POINTER, "m1"), message(POINTER, "m2")).failed == ()
    assert pipeline.lines("acme-events") == [FACT.id]
    pipeline.logs.closed["acme-events"] = "AccessDeniedException"
    assert pipeline.retry(message(POINTER, "m1"), message(POINTER, "m2")).failed == ("m1", "m2")


def test_a_queue_that_does_not_answer_keeps_its_own_time_out(pipeline: Pipeline) -> None:
    pipeline.logs.closed["acme-events"] = "AccessDeniedException"
    pipeline.retries.away = True
    assert pipeline.retry(message(POINTER)).failed == ("m1",)
    assert not pipeline.retries.postponed


def test_pointers_of_before_parts_were_named_mean_the_log(pipeline: Pipeline) -> None:
    body = f'{{"version": 1, "trace": "a1", "key": "{FACT.key}", "organization_id": "{ACME}"}}'
    assert pipeline.retry(Retried("m1", body, "r", 1)).failed == ()
    assert pipeline.lines("acme-events") == [FACT.id]
