"""write_audit_log: each record reaches every delivery of its type, or waits for the one that did not take it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.adapters.memory.audit_deliveries import MemoryAuditDeliveries
from postroom.adapters.memory.audit_destinations import MemoryAuditDestinations
from postroom.audit.outlets import API_TRAIL
from postroom.audit.write_audit_log import FIRST_RETRY_SECONDS, LAST_RECEIVE, RETRY_SCHEDULE_SECONDS
from postroom.bootstrap.write_audit_log import WriteAuditLogSettings, build
from postroom.contracts.audit_sending import AuditMessage
from postroom.errors import AuditRefusedError, StoreUnavailableError
from postroom.model.audit_deliveries import DestinationKind, LogType
from postroom.model.log_lines import Refusal
from tests.support.audit_deliveries import BUCKET_ARN, GROUP_ARN, STREAM_ARN, TARGETS, delivery
from tests.support.audit_writing import IDS, ORGANIZATION, OTHER, Writing, api_call, audit_record, retried

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.ports.audit_destinations import AuditBatch
    from tests.support.stack import Stack

KINDS = tuple(TARGETS)
FINAL = Refusal("too old", final=True)


@pytest.fixture
def writing() -> Writing:
    return Writing()


def test_a_record_reaches_every_delivery_of_its_type_once(writing: Writing) -> None:
    one, another = audit_record(1), audit_record(2, log_type=LogType.AUTHENTICATION)
    outcome = writing.write(one, another, one)
    assert [writing.ids(kind) for kind in KINDS] == [[one.id]] * 3
    assert outcome.failed == ()
    assert outcome.written == dict.fromkeys(IDS.values(), 1)


def test_a_line_has_the_format_of_its_delivery(writing: Writing) -> None:
    writing.deliveries.deliveries[ORGANIZATION] = [delivery(record_fields=("item_id", "event_timestamp"))]
    record = audit_record(7)
    writing.write(record)
    (line,) = writing.destinations.targets[BUCKET_ARN]
    assert json.loads(line.text) == {"item_id": "item 7", "event_timestamp": record.at_ms}
    assert line.at_ms == record.at_ms


def test_a_call_of_the_api_is_one_line_whatever_a_caller_writes(writing: Writing) -> None:
    said = {"userAgent": '\x85\u2028{"eventName":"DeleteUser"}\x1b'}
    writing.write(replace(api_call(), fields=said))
    (line,) = writing.trail.lines
    assert line.text.splitlines() == [line.text]
    assert line.text.isprintable()
    assert json.loads(line.text) == said


def test_a_record_without_a_delivery_is_done(writing: Writing) -> None:
    outcome = writing.write(audit_record(1, organization_id=OTHER))
    assert (outcome.failed, outcome.withdrawn, writing.destinations.calls) == ((), 0, [])


def test_records_of_one_batch_share_calls_and_organizations_do_not(writing: Writing) -> None:
    writing.deliveries.deliveries[OTHER] = [delivery(DestinationKind.FIREHOSE, id="other")]
    mine, yours = AuditMessage(ORGANIZATION, [audit_record(1)]), AuditMessage(OTHER, [audit_record(3, OTHER)])
    writing.accept(
        retried(mine, "m1"), retried(yours, "m2"), retried(AuditMessage(ORGANIZATION, [audit_record(2)]), "m3")
    )
    calls = [(each.id, batch.organization_id, len(batch.lines)) for each, batch in writing.destinations.calls]
    assert sorted(calls) == [
        ("bucket", ORGANIZATION, 2),
        ("group", ORGANIZATION, 2),
        ("other", OTHER, 1),
        ("stream", ORGANIZATION, 2),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_destination_that_refuses_stops_no_other_and_gets_its_records_later(
    writing: Writing, kind: DestinationKind
) -> None:
    writing.destinations.closed[TARGETS[kind]] = "AccessDenied"
    records = [audit_record(number) for number in range(3)]
    outcome = writing.write(*records)
    assert outcome.failed == ()
    assert [writing.ids(each) for each in KINDS if each is not kind] == [[record.id for record in records]] * 2
    (message,) = writing.sent()
    assert (message.delivery_id, message.records) == (IDS[kind], tuple(records))
    assert [delay for _, delay in writing.queues.later["retry_audit"]] == [5]
    del writing.destinations.closed[TARGETS[kind]]
    assert writing.accept(retried(message)).failed == ()
    assert [writing.ids(each) for each in KINDS] == [[record.id for record in records]] * 3


def test_a_retry_that_is_refused_again_comes_again_later_and_later(writing: Writing) -> None:
    writing.destinations.closed[GROUP_ARN] = "AccessDenied"
    message = AuditMessage(ORGANIZATION, [audit_record(1)], "group")
    gaps = []
    for receives in (1, 2, 3, 4):
        assert writing.accept(retried(message, receives=receives)).failed == ("m1",)
        gaps.append(writing.retries.postponed["receipt of m1"])
    assert gaps == [10, 20, 30, 30]
    assert not writing.queues.later


def test_what_the_last_retry_cannot_place_is_parked_with_its_cause(writing: Writing) -> None:
    one, another = audit_record(1), audit_record(2)
    writing.destinations.closed[GROUP_ARN] = "a policy denies it"
    message = AuditMessage(ORGANIZATION, [one, another], "group")
    assert writing.accept(retried(message, receives=LAST_RECEIVE)).failed == ()
    ((ids, where, cause),) = writing.parked()
    assert (ids, where) == ([one.id, another.id], "group")
    assert cause == f"AuditRefusedError: a policy denies it at {GROUP_ARN}"
    assert not writing.retries.postponed


def test_the_queue_ends_the_retries_where_the_function_cannot(writing: Writing) -> None:
    writing.destinations.closed[GROUP_ARN] = "AccessDenied"
    writing.dead_letters.away = True
    message = AuditMessage(ORGANIZATION, [audit_record(1)], "group")
    assert writing.accept(retried(message, receives=LAST_RECEIVE)).failed == ("m1",)


def test_the_gaps_fit_into_what_sqs_allows() -> None:
    gaps = [FIRST_RETRY_SECONDS, *RETRY_SCHEDULE_SECONDS]
    assert gaps == sorted(set(gaps))
    assert FIRST_RETRY_SECONDS <= 900  # longest delay of a message
    assert max(gaps) < 43_200  # longest visibility time-out


def test_of_a_retry_that_is_taken_in_part_only_the_rest_is_sent_again(writing: Writing) -> None:
    records = [audit_record(number) for number in range(3)]
    writing.destinations.refused[records[1].id] = Refusal("ServiceUnavailableException")
    assert writing.accept(retried(AuditMessage(ORGANIZATION, records, "stream"))).failed == ()
    (message,) = writing.sent()
    assert (message.delivery_id, [record.id for record in message.records]) == ("stream", [records[1].id])
    assert writing.ids(DestinationKind.FIREHOSE) == [records[0].id, records[2].id]


def test_what_no_retry_can_place_is_parked_at_once_with_its_cause(writing: Writing) -> None:
    records = [audit_record(number) for number in range(3)]
    writing.deliveries.deliveries[ORGANIZATION] = [delivery(DestinationKind.CLOUDWATCH_LOGS, id="group")]
    writing.destinations.refused |= {records[0].id: FINAL, records[2].id: Refusal("later")}
    assert writing.write(*records).failed == ()
    assert writing.parked() == [([records[0].id], "group", "too old")]
    assert [[record.id for record in message.records] for message in writing.sent()] == [[records[2].id]]


def test_a_record_that_is_too_long_for_one_destination_reaches_the_others(writing: Writing) -> None:
    huge, small = audit_record(1, user_agent="x" * 1_100_000), audit_record(2)
    assert writing.write(huge, small).failed == ()
    assert writing.ids(DestinationKind.S3) == [huge.id, small.id]
    assert writing.ids(DestinationKind.FIREHOSE) == writing.ids(DestinationKind.CLOUDWATCH_LOGS) == [small.id]
    assert [(ids, where) for ids, where, _ in writing.parked()] == [([huge.id], "group"), ([huge.id], "stream")]


@pytest.mark.parametrize("away", ["queues", "dead_letters"])
def test_a_message_comes_again_if_its_rest_cannot_be_kept(writing: Writing, away: str) -> None:
    good, bad = audit_record(1), audit_record(2)
    writing.destinations.refused[bad.id] = FINAL if away == "dead_letters" else Refusal("later")
    getattr(writing, away).away = True
    first, second = AuditMessage(ORGANIZATION, [good]), AuditMessage(ORGANIZATION, [bad])
    outcome = writing.accept(retried(first, "m1"), retried(second, "m2"))
    assert outcome.failed == ("m2",)
    assert not writing.retries.postponed  # the delay is the queue's own


def test_a_message_comes_again_if_deliveries_cannot_be_read(writing: Writing) -> None:
    writing.deliveries.unavailable = True
    message = AuditMessage(ORGANIZATION, [audit_record(1)])
    assert writing.accept(retried(message), retried(AuditMessage("", [api_call()]), "m2")).failed == ("m1",)
    assert [line.id for line in writing.trail.lines] == [api_call().id]


@pytest.mark.parametrize("body", ["", "{}", "[1]", '{"kind":"AUDIT_RECORDS","trace":"t"}'])
def test_a_message_that_cannot_be_read_stops_no_other(writing: Writing, body: str) -> None:
    unreadable = replace(retried(AuditMessage("m", []), "m1"), body=body)
    message = retried(AuditMessage(ORGANIZATION, [audit_record(1)]), "m2")
    assert writing.accept(unreadable, message).failed == ("m1",)
    assert writing.ids(DestinationKind.S3) == [audit_record(1).id]


def test_a_retry_for_a_delivery_that_was_deleted_is_done(writing: Writing) -> None:
    outcome = writing.accept(retried(AuditMessage(ORGANIZATION, [audit_record(1), audit_record(2)], "gone")))
    assert (outcome.failed, outcome.withdrawn) == ((), 2)
    assert not writing.destinations.calls


def test_records_of_a_delivery_with_a_fault_are_kept_as_if_it_refused(writing: Writing) -> None:
    writing.deliveries.deliveries[ORGANIZATION] = [
        delivery(id="faulty", target_arn="", record_fields=(), fault="the format parquet is not supported"),
        delivery(id="good"),
    ]
    outcome = writing.write(audit_record(1))
    assert outcome.refused == {("faulty", "the format parquet is not supported"): 1}
    assert [message.delivery_id for message in writing.sent()] == ["faulty"]
    assert writing.ids(DestinationKind.S3) == [audit_record(1).id]


def test_calls_of_the_api_go_to_the_trail_alone_and_are_retried_there(writing: Writing) -> None:
    writing.trail.cause = "ThrottlingException"
    call = replace(api_call(1), organization_id=ORGANIZATION)
    assert writing.write(call, audit_record(2)).failed == ()
    assert writing.ids(DestinationKind.S3) == [audit_record(2).id]
    (message,) = writing.sent()
    assert (message.delivery_id, message.records) == (API_TRAIL, (call,))
    writing.trail.cause = ""
    assert writing.accept(retried(message)).failed == ()
    assert [json.loads(line.text) for line in writing.trail.lines] == [call.fields]


def test_a_function_that_runs_out_of_time_hands_over_what_is_left(writing: Writing) -> None:
    writing.remaining_ms = 29_999
    assert writing.write(audit_record(1)).failed == ()
    assert not writing.destinations.calls
    assert sorted(message.delivery_id for message in writing.sent()) == sorted(IDS.values())


def test_many_deliveries_are_written_at_a_time_and_one_that_refuses_stops_no_other(writing: Writing) -> None:
    """Calls meet at a barrier, so they pass it only together."""
    together = threading.Barrier(2)

    class Meeting(MemoryAuditDestinations):
        def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
            together.wait(timeout=30)
            return super().put(delivery, batch)

    writing.destinations = Meeting(writing.destinations.targets)
    writing.destinations.closed[BUCKET_ARN] = "AccessDenied"
    organizations = [f"m-{number}" for number in range(20)]
    for organization in organizations:
        kind = KINDS[len(writing.deliveries.deliveries) % 2]
        writing.deliveries.deliveries[organization] = [delivery(kind, id=f"d{organization[2:]}")]
    records = [audit_record(number, organization) for number, organization in enumerate(organizations)]
    outcome = writing.accept(
        *(retried(AuditMessage(record.organization_id, [record]), record.organization_id) for record in records)
    )
    assert outcome.failed == ()
    waiting = {record.id for message in writing.sent() for record in message.records}
    placed = set(writing.ids(DestinationKind.CLOUDWATCH_LOGS))
    assert len(waiting) == len(placed) == 10
    assert waiting | placed == {record.id for record in records}


def test_destinations_that_do_not_answer_leave_time_for_the_others(writing: Writing) -> None:
    """Each takes as long as two attempts of a client, and three in turn would leave no time for the fourth."""
    hangs, together = ("a", "b", "c"), threading.Barrier(2)

    class Hanging(MemoryAuditDestinations):
        def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
            if delivery.id in hangs:
                if delivery.id == "a" or together.wait(timeout=30) == 0:
                    writing.remaining_ms -= 10_500
                raise AuditRefusedError("ReadTimeoutError")
            return super().put(delivery, batch)

    writing.destinations = Hanging(writing.destinations.targets)
    group = DestinationKind.CLOUDWATCH_LOGS
    writing.deliveries.deliveries[ORGANIZATION] = [delivery(group, id=name) for name in (*hangs, "d")]
    assert writing.write(audit_record(1)).failed == ()
    assert writing.ids(group) == [audit_record(1).id]
    assert {each.delivery_id for each in writing.sent()} == set(hangs)


@pytest.mark.parametrize(("kept_s", "first_s"), [(1, 60), (900, 900)])
def test_a_retry_meets_no_environment_that_does_not_know_its_delivery_yet(
    stack: Stack, kept_s: int, first_s: int
) -> None:
    settings = WriteAuditLogSettings.read({**stack.environment, "AUDIT_SETTINGS_CACHE_S": str(kept_s)})
    assert build(settings).first_retry_s == first_s


def test_a_defect_with_one_delivery_stops_no_other(writing: Writing) -> None:
    """A batch that fails as a whole would come again until all of its records are among the dead letters."""

    class Faulty(MemoryAuditDestinations):
        def put(self, delivery: AuditDelivery, batch: AuditBatch) -> Mapping[str, Refusal]:
            if delivery.target_arn == STREAM_ARN:
                raise KeyError(batch.lines[0].text)
            return super().put(delivery, batch)

    writing.destinations = Faulty(writing.destinations.targets)
    outcome = writing.write(audit_record(1, user="secret"))
    assert outcome.failed == ()
    assert [writing.ids(kind) for kind in KINDS] == [[audit_record(1).id]] * 2 + [[]]
    assert [each.delivery_id for each in writing.sent()] == ["stream"]
    ((_, cause),) = outcome.refused
    assert cause.startswith("a defect: KeyError in put, line ")


def test_a_directory_that_does_not_answer_leaves_time_to_hand_over_what_was_read(writing: Writing) -> None:
    class Hanging(MemoryAuditDeliveries):
        def of(self, organization_id: str) -> Sequence[AuditDelivery]:
            if organization_id != ORGANIZATION:
                writing.remaining_ms -= 20_000
                raise StoreUnavailableError("no answer")
            return super().of(organization_id)

    writing.deliveries = Hanging(writing.deliveries.deliveries)
    organizations = [ORGANIZATION, *(f"m-{number}" for number in range(9))]
    batch = [retried(AuditMessage(each, [audit_record(1, each)]), each) for each in organizations]
    assert writing.accept(*batch).failed == tuple(organizations[1:])
    assert writing.remaining_ms == 20_000
    assert {each.organization_id for each in writing.sent()} == {ORGANIZATION}


def test_the_summary_has_counts_and_causes_and_no_content(writing: Writing) -> None:
    writing.destinations.closed[STREAM_ARN] = "AccessDenied"
    summary = writing.write(audit_record(1, user_agent="secret agent"), audit_record(2)).summary
    assert summary["written"] == {"group": 2, "bucket": 2, "stream": 0}
    assert summary["refused"] == [
        {"delivery": "stream", "cause": f"AuditRefusedError: AccessDenied at {STREAM_ARN}", "records": 2}
    ]
    assert "secret" not in json.dumps(summary)


refusals = st.sampled_from([None, Refusal("later"), FINAL])


@given(
    st.lists(st.tuples(st.integers(0, 3), refusals), max_size=12),
    st.sets(st.sampled_from(KINDS)),
    st.booleans(),
    st.booleans(),
)
def test_every_record_is_placed_or_kept_at_each_delivery(
    given_: list[tuple[int, Refusal | None]], closed: set[DestinationKind], queue_away: bool, park_away: bool
) -> None:
    """Whatever refuses: a record is at a destination, in a message for it, parked for it, or its message fails."""
    writing = Writing()
    writing.destinations.closed |= {TARGETS[kind]: "no" for kind in closed}
    writing.queues.away, writing.dead_letters.away = queue_away, park_away
    of_message: dict[str, list[str]] = {}
    batch = []
    for name in sorted({message for message, _ in given_}):
        records = [audit_record(number) for number, (message, _) in enumerate(given_) if message == name]
        of_message[f"m{name}"] = [record.id for record in records]
        batch.append(retried(AuditMessage(ORGANIZATION, records), f"m{name}"))
    for number, (_, refusal) in enumerate(given_):
        if refusal:
            writing.destinations.refused[audit_record(number).id] = refusal
    every = {audit_record(number).id for number in range(len(given_))}
    failed = writing.accept(*batch).failed
    again = {record_id for name in failed for record_id in of_message[name]}
    for kind in KINDS:
        waiting = {
            record.id for message in writing.sent() if message.delivery_id == IDS[kind] for record in message.records
        }
        parked = {each for ids, where, _ in writing.parked() if where == IDS[kind] for each in ids}
        placed = writing.ids(kind)
        assert len(placed) == len(set(placed))
        assert every <= {*placed, *waiting, *parked, *again}
        assert not set(placed) & (waiting | parked)
