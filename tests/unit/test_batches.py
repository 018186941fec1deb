"""SQS batches: who failed, who did not, who is given up, and what the log says of it."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from postroom.adapters.aws.attempts import PREFIX, AttemptCounts, Attempts
from postroom.adapters.aws.batches import MOST_FAILURES, MOST_UNANSWERED, SqsBatch, SqsRecord
from postroom.adapters.aws.queues import SqsDeadLetters
from postroom.adapters.memory.metrics import MemoryStackMetrics
from postroom.errors import StoreUnavailableError
from postroom.model.limits import RESERVE_MS
from postroom.ports.metrics import FAILED_RECORDS
from tests.support.builders import NOON

if TYPE_CHECKING:
    from tests.support.stack import Stack

SECRET = "plum pudding"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:deliver"
AN_HOUR_MS = 3_600_000


class DiedError(BaseException):
    """The worker is gone; nothing catches it."""


def event(*bodies: str, receives: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{place}",
                "body": body,
                "eventSourceARN": QUEUE,
                "attributes": {"ApproximateReceiveCount": str(receives)},
            }
            for place, body in enumerate(bodies)
        ]
    }


def names(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@dataclass
class Post:
    """A batch of deliver's on a stack, and what its records did."""

    stack: Stack
    log: io.StringIO
    done: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    metrics: MemoryStackMetrics = field(default_factory=MemoryStackMetrics)

    def __post_init__(self) -> None:
        self.counts = AttemptCounts(self.stack.dynamodb, "transit_table", lambda: NOON)
        dead_letters = SqsDeadLetters(self.stack.sqs, self.stack.environment["DEAD_LETTER_QUEUE_URL"])
        logger = Logger(service=f"test-{id(self.log)}", stream=self.log)
        self.batch = SqsBatch(logger, self.counts, self.metrics, dead_letters)
        self.stack.dynamodb.meta.events.register("before-call.dynamodb", self._called)

    def _called(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)

    def accept(self, record: SqsRecord) -> None:
        if record.body == "bad":
            raise StoreUnavailableError("no answer")
        if record.body == "poison":
            raise DiedError
        self.done.append(record.body)

    def process(self, *bodies: str, receives: int = 1) -> list[str]:
        return names(self.batch.process(event(*bodies, receives=receives), self.accept, lambda: AN_HOUR_MS))

    def dead(self) -> list[tuple[str, str]]:
        """Take the dead letters: body and cause of each."""
        url = self.stack.environment["DEAD_LETTER_QUEUE_URL"]
        every: Any = ["All"]
        answer = self.stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=every)
        return [(m["Body"], m["MessageAttributes"]["cause"]["StringValue"]) for m in answer.get("Messages", [])]


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def post(stack: Stack, log: io.StringIO) -> Post:
    return Post(stack, log)


def test_each_record_is_handed_over_once_in_order_with_what_sqs_says_of_it(post: Post) -> None:
    seen: list[SqsRecord] = []
    assert post.batch.process(event("a", "b"), seen.append, lambda: AN_HOUR_MS) == {"batchItemFailures": []}
    assert seen == [SqsRecord("m0", "a", QUEUE, 1), SqsRecord("m1", "b", QUEUE, 1)]


def test_a_first_receive_that_succeeds_costs_no_call(post: Post) -> None:
    post.process("a", "b", "c")
    assert post.calls == []


def test_a_failed_record_is_named_and_those_behind_it_are_done(post: Post) -> None:
    assert post.process("a", "bad", "c") == ["m1"]
    assert post.done == ["a", "c"]


def test_each_failure_counts_in_the_metric_that_an_alarm_watches_and_nothing_else_does(post: Post) -> None:
    post.process("a", "b")
    assert post.metrics.recorded == []
    post.process("bad", "a", "bad")
    post.batch.process(event("a", "b", "c"), post.accept, lambda: 0)  # the second and the third go back untouched
    assert post.metrics.recorded == [{FAILED_RECORDS: 1}, {FAILED_RECORDS: 1}]


def test_a_dead_letter_of_sqs_names_the_queue_that_it_comes_from() -> None:
    (record,) = event("a", receives=100)["Records"]
    record["eventSourceARN"] = "arn:aws:sqs:us-east-1:123456789012:dead-letters"
    record["attributes"]["DeadLetterQueueSourceArn"] = QUEUE
    assert SqsRecord.of(record) == SqsRecord("m0", "a", QUEUE, 100)


def test_a_whole_batch_may_fail_without_the_function_failing(post: Post) -> None:
    def accept(_: SqsRecord) -> None:
        raise ZeroDivisionError

    assert names(post.batch.process(event("a", "b"), accept, lambda: AN_HOUR_MS)) == ["m0", "m1"]


def test_the_log_names_cause_and_place_and_never_an_errors_text(post: Post, log: io.StringIO) -> None:
    def accept(record: SqsRecord) -> None:
        if record.body == "known":
            raise StoreUnavailableError("no answer")
        raise ValueError(SECRET)

    post.batch.process(event("known", "unknown", receives=3), accept, lambda: AN_HOUR_MS)
    known, unknown = map(json.loads, log.getvalue().splitlines())
    assert (known["record"], known["cause"], known["receives"]) == ("m0", StoreUnavailableError("no answer").cause, 3)
    assert unknown["cause"] == "ValueError"
    assert unknown["at"][-1].startswith("test_batches.py:")
    assert unknown["at"][-1].endswith(" accept")
    assert SECRET not in log.getvalue()


def test_what_is_no_batch_is_an_error_of_the_function(post: Post) -> None:
    with pytest.raises(KeyError):
        post.batch.process({"records": []}, lambda _: None, lambda: AN_HOUR_MS)


def test_where_time_is_short_the_rest_goes_back_untouched_and_uncounted(post: Post) -> None:
    left = [RESERVE_MS, RESERVE_MS - 1]  # asked before the second, and before the third
    answer = post.batch.process(event("a", "b", "c", "d"), post.accept, lambda: left.pop(0))
    assert names(answer) == ["m2", "m3"]
    assert post.done == ["a", "b"]
    assert post.calls == []
    for receives in range(2, 3 * MOST_FAILURES):  # however often it happens
        assert "m1" in names(post.batch.process(event("a", "bad", receives=receives), post.accept, lambda: 0))
    assert post.counts.of("m1") == Attempts()
    assert post.dead() == []


def test_the_first_record_is_begun_however_short_the_time(post: Post) -> None:
    answer = post.batch.process(event("a", "b"), post.accept, lambda: 0)
    assert (names(answer), post.done) == (["m1"], ["a"])


def test_reported_failures_end_as_a_dead_letter_with_the_last_cause(post: Post) -> None:
    for receives in range(1, MOST_FAILURES):
        assert post.process("bad", receives=receives) == ["m0"]
        assert post.counts.of("m0") == Attempts(failed=receives)
    assert post.process("bad", receives=MOST_FAILURES) == []
    cause = StoreUnavailableError("no answer").cause
    assert post.dead() == [("bad", f"gave up after {MOST_FAILURES} failed attempts, the last with {cause}")]


def test_slow_records_are_processed_after_others_but_before_those_that_may_have_ended_a_worker(post: Post) -> None:
    post.batch = replace(post.batch, may_be_slow=lambda body: body.startswith("slow"))
    first, second = event("slow", "a", "b"), event("slow again", "c", "suspect", receives=2)
    for record in second["Records"]:
        record["messageId"] += "-again"
    post.counts.begin("m2-again")
    post.batch.process({"Records": [*second["Records"], *first["Records"]]}, post.accept, lambda: AN_HOUR_MS)
    assert post.done == ["a", "b", "c", "slow", "slow again", "suspect"]


def test_what_is_given_up_is_not_begun_again_where_the_answer_to_sqs_was_lost(post: Post) -> None:
    for receives in range(1, MOST_FAILURES + 1):
        post.process("bad", receives=receives)
    assert post.process("good", receives=MOST_FAILURES + 1) == []  # the same message to SQS
    assert post.done == []
    assert [body for body, _ in post.dead()] == ["bad", "good"]


def test_a_success_forgets_the_failures_before_it(post: Post) -> None:
    post.process("bad")
    post.process("good", receives=2)
    assert post.done == ["good"]
    assert post.stack.rows("TRANSIT_TABLE") == []


def test_receives_that_nobody_answered_for_are_no_failures(post: Post) -> None:
    assert post.process("bad", receives=90) == ["m0"]
    assert post.counts.of("m0") == Attempts(failed=1)


def test_a_record_that_kills_its_worker_ends_as_a_dead_letter_and_takes_no_other_with_it(post: Post) -> None:
    bodies = ["a", "b", "poison", "c", "d", "e", "f", "g", "h", "i"]
    deaths = 0
    for receives in range(1, 3 * MOST_UNANSWERED):
        try:
            left = post.process(*bodies, receives=receives)
        except DiedError:
            deaths += 1
            continue
        assert left == []
        break
    assert deaths == MOST_UNANSWERED + 1  # nothing is written down before a first attempt
    assert set(post.done) == set(bodies) - {"poison"}
    ((body, cause),) = post.dead()
    assert (body, cause.startswith(f"gave up after {MOST_UNANSWERED} attempts during which")) == ("poison", True)
    assert [row["pk"]["S"] for row in post.stack.rows("TRANSIT_TABLE")] == [f"{PREFIX}m2"]


def test_those_behind_a_record_that_kills_its_worker_are_done_at_its_third_receive(post: Post) -> None:
    for receives in (1, 2, 3):
        with pytest.raises(DiedError):
            post.process("poison", "a", "b", receives=receives)
    assert Counter(post.done) == {"a": 1, "b": 1}


def test_where_there_is_no_counting_a_record_goes_back_and_is_not_begun(post: Post) -> None:
    post.stack.dynamodb.delete_table(TableName="transit_table")
    assert post.process("a", receives=2) == ["m0"]
    assert post.process("bad") == ["m0"]
    assert post.done == []


def test_a_count_expires_when_no_queue_can_hold_its_message_any_more(post: Post) -> None:
    post.process("bad")
    (row,) = post.stack.rows("TRANSIT_TABLE")
    assert row["pk"]["S"] == f"{PREFIX}m0"
    assert int(row["expires"]["N"]) == NOON // 1000 + 15 * 86_400
