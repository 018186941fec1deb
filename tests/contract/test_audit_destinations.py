"""Destinations of audit records, in memory and in log groups, buckets and Firehose streams (moto) alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.stub import ANY, Stubber

from postroom.adapters.aws.audit_logs import MAX_FAULTS, ApiTrailLog, LogGroupWriter
from postroom.adapters.aws.audit_streams import PAUSES_S
from postroom.adapters.memory.audit_destinations import MemoryApiTrail
from postroom.contracts.audit_objects import content
from postroom.errors import AuditRefusedError, StoreUnavailableError
from postroom.model.audit_deliveries import DestinationKind
from postroom.model.limits import DAY_MS
from postroom.model.log_lines import LogLine
from postroom.ports.audit_destinations import ApiTrail, AuditBatch
from tests.support.accounts import empty_account
from tests.support.audit_targets import BUCKET, GROUP, STREAM, MemoryTargets, Targets, delivery_to

if TYPE_CHECKING:
    from collections.abc import Iterator

ORGANIZATION = "m-0123456789abcdef0123456789abcdef"
LOGS, S3, FIREHOSE = DestinationKind
each_kind = pytest.mark.parametrize("kind", list(DestinationKind))


def now() -> int:
    return time.time_ns() // 1_000_000


def line(name: str = "a", at_ms: int | None = None) -> LogLine:
    return LogLine(name, now() if at_ms is None else at_ms, f'{{"user":"{name} \u00fc"}}')


def batch(*lines: LogLine) -> AuditBatch:
    return AuditBatch(ORGANIZATION, lines)


@pytest.fixture
def targets() -> Iterator[Targets]:
    with empty_account():
        made = Targets(now())
        made.make()
        yield made


@pytest.fixture(params=["memory", "aws"])
def any_targets(request: pytest.FixtureRequest) -> Targets | MemoryTargets:
    if request.param == "aws":
        found: Targets = request.getfixturevalue("targets")
        return found
    memory = MemoryTargets()
    memory.make()
    return memory


@each_kind
class TestEveryDestination:
    def test_lines_are_kept_as_they_are(self, any_targets: Targets | MemoryTargets, kind: DestinationKind) -> None:
        at = now() // 3_600_000 * 3_600_000
        first, second = line("first", at), line("second", at + 1)
        assert any_targets.destination(kind).put(delivery_to(kind), batch(first, second)) == {}
        assert any_targets.texts(kind) == [first.text, second.text]

    def test_batches_add_to_each_other(self, any_targets: Targets | MemoryTargets, kind: DestinationKind) -> None:
        destination = any_targets.destination(kind)
        for name in "abc":
            destination.put(delivery_to(kind), batch(line(name)))
        assert sorted(any_targets.texts(kind)) == sorted(line(name).text for name in "abc")

    def test_a_destination_that_disappeared_refuses_and_is_not_made_again(
        self, any_targets: Targets | MemoryTargets, kind: DestinationKind
    ) -> None:
        any_targets.remove(kind)
        for _ in range(2):
            with pytest.raises(AuditRefusedError):
                any_targets.destination(kind).put(delivery_to(kind), batch(line()))


CALLS = {LOGS: ("logs", "put_log_events"), S3: ("s3", "put_object"), FIREHOSE: ("firehose", "put_record_batch")}
OPERATIONS = {LOGS: "cloudwatch-logs.PutLogEvents", S3: "s3.PutObject", FIREHOSE: "firehose.PutRecordBatch"}


@each_kind
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ServiceUnavailableException"])
def test_a_refusal_is_the_customers_own_trouble_and_quotes_nothing(
    targets: Targets, kind: DestinationKind, code: str
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no: <secret>"}}, OPERATIONS[kind])

    getattr(targets, CALLS[kind][0]).meta.events.register(f"before-call.{OPERATIONS[kind]}", refuse)
    with pytest.raises(AuditRefusedError) as refused:
        targets.destination(kind).put(delivery_to(kind), batch(line()))
    name = {LOGS: GROUP, S3: BUCKET, FIREHOSE: STREAM}[kind]
    assert refused.value.cause == f"AuditRefusedError: {code} at {name}"


@each_kind
def test_a_destination_that_does_not_answer_is_one_as_well(targets: Targets, kind: DestinationKind) -> None:
    def time_out(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="x")

    getattr(targets, CALLS[kind][0]).meta.events.register(f"before-call.{OPERATIONS[kind]}", time_out)
    with pytest.raises(AuditRefusedError, match="ConnectTimeoutError"):
        targets.destination(kind).put(delivery_to(kind), batch(line()))


@pytest.mark.parametrize("kind", [LOGS, FIREHOSE])
@pytest.mark.parametrize("place", ["eu-west-1:123456789012", "us-east-1:111122223333"])
def test_a_destination_elsewhere_refuses(targets: Targets, kind: DestinationKind, place: str) -> None:
    delivery = delivery_to(kind)
    away = delivery_to(kind, target_arn=delivery.target_arn.replace("us-east-1:123456789012", place))
    with pytest.raises(AuditRefusedError, match="The destination must be in"):
        targets.destination(kind).put(away, batch(line()))


class TestLogGroups:
    def test_an_organizations_kinds_have_streams_of_their_own(self, targets: Targets) -> None:
        targets.destination(LOGS).put(delivery_to(LOGS), batch(line()))
        (stream,) = targets.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
        assert stream["logStreamName"] == f"{ORGANIZATION}/WORKMAIL_MAILBOX_ACCESS_LOGS/2026/11/30/i"

    def test_the_retention_of_a_group_is_read_for_old_events_alone(self, targets: Targets) -> None:
        asked: list[str] = []
        targets.logs.meta.events.register("before-call.cloudwatch-logs.DescribeLogGroups", lambda **_: asked.append(""))
        for at, calls in ((now() - DAY_MS + 120_000, 0), (now() - DAY_MS + 30_000, 1)):
            assert targets.destination(LOGS).put(delivery_to(LOGS), batch(line("a", at), line("b"))) == {}
            assert len(asked) == calls

    def test_a_group_of_the_stack_takes_no_records(self, targets: Targets) -> None:
        targets.own_groups = frozenset({GROUP})
        with pytest.raises(AuditRefusedError, match="is the stack's own"):
            targets.destination(LOGS).put(delivery_to(LOGS), batch(line()))
        assert targets.texts(LOGS) == []

    def test_events_that_are_too_old_are_refused_for_good_and_the_others_are_written(self, targets: Targets) -> None:
        lines = [line("a", now() - 15 * DAY_MS), line("b", now() - 14 * DAY_MS - 120_000), line("c")]
        refused = targets.destination(LOGS).put(delivery_to(LOGS), batch(*lines))
        assert {name: refusal.final for name, refusal in refused.items()} == {"a": True, "b": True}
        assert targets.texts(LOGS) == [lines[2].text]

    def test_events_that_are_too_new_are_refused_until_later(self, targets: Targets) -> None:
        """moto names the last event that is too new, not the first: all but one would be lost."""
        lines = [line("a"), *(line(name, now() + DAY_MS + place) for place, name in enumerate("bcd"))]
        refused = targets.destination(LOGS).put(delivery_to(LOGS), batch(*lines))
        assert {name: refusal.final for name, refusal in refused.items()} == dict.fromkeys("bcd", False)
        assert targets.texts(LOGS) == [lines[0].text]

    def test_events_beyond_the_retention_of_the_group_are_refused_for_good(self, targets: Targets) -> None:
        targets.logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
        lines = [line("a", now() - 2 * DAY_MS), line("b")]
        refused = targets.destination(LOGS).put(delivery_to(LOGS), batch(*lines))
        assert {name: refusal.final for name, refusal in refused.items()} == {"a": True}

    @pytest.mark.parametrize("index", [0, 1], ids=["inclusive (moto)", "exclusive (AWS)"])
    @pytest.mark.parametrize("rejected", [True, False])
    def test_an_event_at_the_edge_is_judged_by_the_service_alone(
        self, targets: Targets, index: int, rejected: bool
    ) -> None:
        """With a call of its own, both readings of tooOldLogEventEndIndex say the same."""
        edge = targets.clock_ms - 14 * DAY_MS
        lines = [line("edge", edge), line("other edge", edge + 1_000), line("good", targets.clock_ms)]
        info = {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": index}} if rejected else {}
        writer = LogGroupWriter(targets.logs, lambda: "s", lambda: targets.clock_ms)
        with Stubber(targets.logs) as stub:
            for event, answer in (("good", {}), ("edge", info), ("other edge", {})):
                sent = [each for each in lines if each.id == event]
                events = [{"timestamp": each.at_ms, "message": each.text} for each in sent]
                stub.add_response(
                    "put_log_events", answer, {"logGroupName": GROUP, "logStreamName": "s", "logEvents": events}
                )
            refused = writer.append(GROUP, "s", lines, None)
            stub.assert_no_pending_responses()
        assert {name: refusal.final for name, refusal in refused.items()} == ({"edge": True} if rejected else {})

    def test_what_follows_a_failing_call_is_tried_later_and_what_is_there_is_not(self, targets: Targets) -> None:
        edge = targets.clock_ms - 14 * DAY_MS
        lines = [line("edge", edge), line("other edge", edge + 1), line("good", targets.clock_ms)]
        with Stubber(targets.logs) as stub:
            stub.add_response("put_log_events", {}, {"logGroupName": GROUP, "logStreamName": "s", "logEvents": ANY})
            stub.add_client_error("put_log_events", "ThrottlingException")
            writer = LogGroupWriter(targets.logs, lambda: "s", lambda: targets.clock_ms)
            refused = writer.append(GROUP, "s", lines, None)
        assert {name: refusal.final for name, refusal in refused.items()} == {"edge": False, "other edge": False}

    def test_of_events_with_a_fault_only_those_are_refused(self, targets: Targets) -> None:
        lines = [line(name, targets.clock_ms + place) for place, name in enumerate("abcde")]

        def find_fault(params: dict[str, Any], **_: Any) -> None:
            if b"d \\u00fc" in params["body"]:
                raise ClientError({"Error": {"Code": "InvalidParameterException"}}, "PutLogEvents")

        targets.logs.meta.events.register("before-call.cloudwatch-logs.PutLogEvents", find_fault)
        refused = targets.destination(LOGS).put(delivery_to(LOGS), batch(*lines))
        assert {name: refusal.final for name, refusal in refused.items()} == {"d": True}
        assert sorted(targets.texts(LOGS)) == sorted(each.text for each in lines if each.id != "d")

    def test_if_all_events_have_a_fault_few_calls_are_made_and_the_rest_comes_again(self, targets: Targets) -> None:
        lines = [line(f"{place:04d}", targets.clock_ms + place) for place in range(1_000)]
        calls: list[str] = []

        def find_fault(**_: Any) -> None:
            calls.append("call")
            raise ClientError({"Error": {"Code": "InvalidParameterException"}}, "PutLogEvents")

        targets.logs.meta.events.register("before-call.cloudwatch-logs.PutLogEvents", find_fault)
        refused = targets.destination(LOGS).put(delivery_to(LOGS), batch(*lines))
        assert refused.keys() == {each.id for each in lines}
        assert len(calls) == MAX_FAULTS
        assert any(not refusal.final for refusal in refused.values())


class TestBuckets:
    def test_an_object_is_gzip_with_the_acl_that_policies_ask_for(self, targets: Targets) -> None:
        sent: list[dict[str, Any]] = []
        targets.s3.meta.events.register("before-parameter-build.s3.PutObject", lambda params, **_: sent.append(params))
        header = AuditBatch(ORGANIZATION, [line("a")], ("#Version: 1.0",))
        targets.destination(S3).put(delivery_to(S3), header)
        ((key, body),) = targets.objects(BUCKET).items()
        assert body == content(header.header, header.lines)
        assert (sent[0]["Key"], sent[0]["ACL"]) == (key, "bucket-owner-full-control")
        assert sent[0]["ExpectedBucketOwner"] == "123456789012"

    def test_a_batch_that_comes_again_is_written_once(self, targets: Targets) -> None:
        lines = [line("a"), line("b")]
        for _ in range(2):
            targets.destination(S3).put(delivery_to(S3), batch(*lines))
        assert len(targets.objects(BUCKET)) == 1

    def test_no_object_is_put_without_its_row(self, targets: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(targets.written), "intend", failing)
        with pytest.raises(AuditRefusedError, match="the row of an object"):
            targets.destination(S3).put(delivery_to(S3), batch(line()))
        assert not targets.objects(BUCKET)

    @pytest.mark.parametrize("completes", [True, False])
    def test_the_row_names_the_object_and_is_completed(
        self, targets: Targets, monkeypatch: pytest.MonkeyPatch, completes: bool
    ) -> None:
        """An object whose row cannot be completed is written all the same: it is there, and the row says so."""
        if not completes:
            monkeypatch.setattr(type(targets.written), "complete", failing)
        assert targets.destination(S3).put(delivery_to(S3), batch(line())) == {}
        (chain,) = targets.written.chains()
        (row,) = targets.written.open_objects(chain)
        ((key, body),) = targets.objects(BUCKET).items()
        assert (row.written.key, row.written.size_bytes, row.written.records) == (key, len(body), 1)
        assert row.complete is completes

    def test_a_put_that_fails_leaves_an_intended_row(self, targets: Targets) -> None:
        targets.remove(S3)
        targets.s3.create_bucket(Bucket=BUCKET)

        def refuse(**_: Any) -> None:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

        targets.s3.meta.events.register("before-call.s3.PutObject", refuse)
        with pytest.raises(AuditRefusedError, match="SlowDown at audit-bucket"):
            targets.destination(S3).put(delivery_to(S3), batch(line()))
        (chain,) = targets.written.chains()
        assert [row.complete for row in targets.written.open_objects(chain)] == [False]


def failing(*_: Any) -> None:
    raise StoreUnavailableError("no answer")


class TestFirehose:
    def test_of_a_batch_that_is_taken_in_part_only_the_rest_is_put_again(self, targets: Targets) -> None:
        with Stubber(targets.firehose) as stub:
            self.expect(stub, "abcd", failed="bd")
            self.expect(stub, "bd", failed="d")
            self.expect(stub, "d", failed="")
            stubbed = targets.destination(FIREHOSE)
            assert stubbed.put(delivery_to(FIREHOSE), batch(*(line(name) for name in "abcd"))) == {}
            stub.assert_no_pending_responses()
        assert targets.pauses == list(PAUSES_S)

    def test_what_is_never_taken_is_refused_until_later_with_its_code(self, targets: Targets) -> None:
        with Stubber(targets.firehose) as stub:
            self.expect(stub, "ab", failed="b")
            self.expect(stub, "b", failed="b")
            self.expect(stub, "b", failed="b")
            refused = targets.destination(FIREHOSE).put(delivery_to(FIREHOSE), batch(line("a"), line("b")))
        assert {name: refusal.final for name, refusal in refused.items()} == {"b": False}
        assert "ServiceUnavailableException at workmail-audit" in refused["b"].cause

    def test_if_the_second_call_fails_what_the_first_took_is_not_refused(self, targets: Targets) -> None:
        with Stubber(targets.firehose) as stub:
            self.expect(stub, "ab", failed="b")
            stub.add_client_error("put_record_batch", "LimitExceededException")
            refused = targets.destination(FIREHOSE).put(delivery_to(FIREHOSE), batch(line("a"), line("b")))
        assert refused.keys() == {"b"}

    @pytest.mark.parametrize("tags", [[], [{"Key": "LogDeliveryEnabled", "Value": "false"}]])
    def test_a_stream_without_the_tag_of_log_delivery_refuses(
        self, targets: Targets, tags: list[dict[str, str]]
    ) -> None:
        targets.firehose.untag_delivery_stream(DeliveryStreamName=STREAM, TagKeys=["LogDeliveryEnabled"])
        if tags:
            targets.firehose.tag_delivery_stream(DeliveryStreamName=STREAM, Tags=tags)
        with pytest.raises(AuditRefusedError, match="does not have the tag LogDeliveryEnabled=true"):
            targets.destination(FIREHOSE).put(delivery_to(FIREHOSE), batch(line()))

    def expect(self, stub: Stubber, names: str, *, failed: str) -> None:
        """Expect one call with these lines; those that fail are named as Firehose does."""
        tags = {"Tags": [{"Key": "LogDeliveryEnabled", "Value": "true"}], "HasMoreTags": False}
        if "a" in names:
            stub.add_response("list_tags_for_delivery_stream", tags, {"DeliveryStreamName": STREAM})
        results: list[dict[str, str]] = [
            {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
            if name in failed
            else {"RecordId": name}
            for name in names
        ]
        stub.add_response(
            "put_record_batch",
            {"FailedPutCount": len(failed), "RequestResponses": results},
            {
                "DeliveryStreamName": STREAM,
                "Records": [{"Data": f"{line(name).text}\n".encode()} for name in names],
            },
        )


class TestApiTrail:
    @pytest.fixture(params=["memory", "aws"])
    def trail(self, request: pytest.FixtureRequest) -> tuple[ApiTrail, Any]:
        if request.param == "memory":
            memory = MemoryApiTrail()
            return memory, lambda: [each.text for each in memory.lines]
        targets: Targets = request.getfixturevalue("targets")
        writer = LogGroupWriter(targets.logs, lambda: "2026/11/30/i", now)
        return ApiTrailLog(writer, GROUP), lambda: targets.texts(LOGS)

    def test_calls_are_lines_of_its_log_group(self, trail: tuple[ApiTrail, Any]) -> None:
        log, texts = trail
        assert log.put(AuditBatch("", [line("a")])) == {}
        assert texts() == [line("a").text]
