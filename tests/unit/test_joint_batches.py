"""SQS batches whose records are carried out together; and records that lost a race, which come again soon."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from postroom.adapters.aws.attempts import AttemptCounts, Attempts
from postroom.adapters.aws.batches import (
    MOST_FAILURES,
    MOST_UNANSWERED,
    RACE_DELAYS_S,
    SqsBatch,
    SqsRecord,
)
from postroom.adapters.aws.queues import SqsDeadLetters
from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.errors import ConflictError, StoreUnavailableError
from postroom.model.limits import RESERVE_MS
from tests.support.builders import NOON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.stack import Stack

AN_HOUR_MS = 3_600_000


class DiedError(BaseException):
    """The worker is gone; nothing catches it."""


@dataclass
class Joint:
    """A group: ``bad`` fails by itself, ``busy`` when all are finished, ``poison`` ends the worker."""

    groups: list[list[str]]
    bodies: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, body: str) -> None:
        if body == "poison":
            raise DiedError
        if body == "bad":
            raise StoreUnavailableError("no answer")
        self.bodies[name] = body

    def finish(self) -> Mapping[str, Exception]:
        self.groups.append(list(self.bodies.values()))
        if "broken" in self.bodies.values():
            raise ZeroDivisionError
        return {name: ConflictError("faster") for name, body in self.bodies.items() if body == "busy"}


@dataclass
class Delays:
    """``Postponement``: what was asked for, by receipt."""

    asked: list[tuple[str, int]] = field(default_factory=list)
    refuses: bool = False

    def postpone(self, receipt: str, delay_s: int) -> None:
        if self.refuses:
            raise StoreUnavailableError("no answer")
        self.asked.append((receipt, delay_s))


@dataclass
class Post:
    """A batch of deliver's on a stack, and what its records did."""

    stack: Stack
    groups: list[list[str]] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    delays: Delays = field(default_factory=Delays)

    def __post_init__(self) -> None:
        self.counts = AttemptCounts(self.stack.dynamodb, "transit_table", lambda: NOON)
        dead_letters = SqsDeadLetters(self.stack.sqs, self.stack.environment["DEAD_LETTER_QUEUE_URL"])
        logger = Logger(service="joint", stream=io.StringIO())
        self.batch = SqsBatch(logger, self.counts, MemoryStackMetrics(), dead_letters, self.delays, min)
        self.stack.dynamodb.meta.events.register("before-call.dynamodb", self._called)

    def _called(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    def accept(self, record: SqsRecord) -> None:
        self.alone.append(record.body)
        work = Joint([])
        work.add("one", record.body)
        for error in work.finish().values():
            raise error

    def process(self, *bodies: str, receives: int = 1, remaining: Any = lambda: AN_HOUR_MS) -> list[str]:
        event = {
            "Records": [
                {
                    "messageId": f"m{place}",
                    "receiptHandle": f"r{place}",
                    "body": body,
                    "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:deliver",
                    "attributes": {"ApproximateReceiveCount": str(receives)},
                }
                for place, body in enumerate(bodies)
            ]
        }
        answer = self.batch.process(event, self.accept, remaining, lambda: Joint(self.groups))
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.fixture
def post(stack: Stack) -> Post:
    return Post(stack)


def test_records_of_a_first_receive_are_carried_out_together_at_no_cost(post: Post) -> None:
    assert post.process("a", "b", "c") == []
    assert (post.groups, post.alone, post.calls) == ([["a", "b", "c"]], [], [])


def test_a_record_that_fails_by_itself_is_named_and_the_others_go_on(post: Post) -> None:
    assert post.process("a", "bad", "c") == ["m1"]
    assert post.groups == [["a", "c"]]
    assert post.counts.of("m1") == Attempts(failed=1)


def test_if_the_end_fails_as_a_whole_all_come_again_and_by_themselves(post: Post) -> None:
    assert post.process("a", "broken") == ["m0", "m1"]
    assert post.process("a", "c", receives=2) == []
    assert post.alone == ["a", "c"]
    assert post.stack.rows("TRANSIT_TABLE") == []


def test_no_time_left_ends_the_group_with_those_that_were_begun(post: Post) -> None:
    left = [RESERVE_MS, RESERVE_MS - 1]
    assert post.process("a", "b", "c", "d", remaining=lambda: left.pop(0)) == ["m2", "m3"]
    assert post.groups == [["a", "b"]]


class TestRaces:
    def test_a_lost_race_is_no_failure_and_comes_again_in_seconds(self, post: Post) -> None:
        assert post.process("a", "busy") == ["m1"]
        assert post.counts.of("m1") == Attempts(conflicts=1)
        assert post.delays.asked == [("r1", 1)]

    def test_it_is_never_given_up_for_that(self, post: Post) -> None:
        for receives in range(1, 3 * MOST_FAILURES + MOST_UNANSWERED):
            assert post.process("busy", receives=receives) == ["m0"]
        assert post.counts.of("m0").failed == post.counts.of("m0").unanswered == 0
        assert post.stack.depth("DEAD_LETTER_QUEUE_URL") == 0
        assert post.process("a", receives=99) == []
        assert post.stack.rows("TRANSIT_TABLE") == []

    def test_they_come_again_at_different_times(self, post: Post) -> None:
        post.batch = SqsBatch(post.batch.logger, post.counts, post.batch.metrics, None, post.delays)
        for receives in range(1, 40):
            post.process("busy", receives=receives)
        assert {delay for _, delay in post.delays.asked} == {*RACE_DELAYS_S}

    def test_those_that_lost_races_are_carried_out_together_with_first_receives(self, post: Post) -> None:
        post.process("busy", "busy", "busy")
        post.counts.failed("m2", begun=False)
        assert post.process("a", "b", "c", receives=2) == []
        assert post.groups[1:] == [["a", "b"]]
        assert post.alone == ["c"], "it has failed before"
        assert post.stack.rows("TRANSIT_TABLE") == []

    def test_a_lost_race_of_a_record_by_itself_counts_the_same(self, post: Post) -> None:
        post.counts.failed("m0", begun=False)
        assert post.process("busy", receives=2) == ["m0"]
        assert post.counts.of("m0") == Attempts(failed=1, conflicts=1)
        assert post.delays.asked == [("r0", 1)]

    def test_if_sqs_does_not_take_the_delay_it_comes_after_the_time_out(self, post: Post) -> None:
        post.delays.refuses = True
        assert post.process("busy") == ["m0"]
        assert post.counts.of("m0") == Attempts(conflicts=1)

    def test_without_a_postponement_a_lost_race_is_a_failure(self, post: Post) -> None:
        post.batch = SqsBatch(post.batch.logger, post.counts, post.batch.metrics)
        assert post.process("busy") == ["m0"]
        assert post.counts.of("m0") == Attempts(failed=1)


class TestDeaths:
    def test_others_are_carried_out_by_the_third_receive(self, post: Post) -> None:
        done = []
        for receives in (1, 2, 3):
            with pytest.raises(DiedError):
                post.process("a", "b", "poison", "c", receives=receives)
            done.append({*post.alone} - {"poison"})
        assert done == [set(), {"a", "b"}, {"a", "b", "c"}]
        assert post.groups == []

    def test_after_a_death_a_record_that_had_lost_races_is_by_itself(self, post: Post) -> None:
        post.process("busy", "busy")
        with pytest.raises(DiedError):
            post.process("a", "poison", receives=2)
        assert post.counts.of("m0") == Attempts(unanswered=1, conflicts=1)
        assert post.process("a", "b", receives=3) == []
        assert post.alone == ["a", "b"]
