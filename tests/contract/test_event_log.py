"""Event logs, in memory and in CloudWatch Logs (moto), written in our own role and in a customer's."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import ANY, Stubber

from postroom.adapters.aws.assumed_roles import MARGIN_MS, SESSION, AssumedRoles
from postroom.adapters.aws.event_log import CloudWatchEventLogs
from postroom.adapters.memory.event_log import MemoryEventLogs
from postroom.errors import EventLogRefusedError, UnwritableLinesError
from postroom.model.log_lines import LogLine
from postroom.ports.event_log import EventLogs, LogDestination
from tests.support.accounts import empty_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs import CloudWatchLogsClient

DEFAULT = LogDestination("/aws/workmail/emailevents/acme", None, 30)
CONFIGURED = LogDestination("acme-events", None, None)
ROLE = "arn:aws:iam::123456789012:role/acme-events"
ORGANIZATION = "arn:aws:workmail:us-east-1:123456789012:organization/m-1"
UNDER_A_ROLE = LogDestination("acme-events", ROLE, None, ORGANIZATION)
DAY = 86_400_000


def now() -> int:
    return time.time_ns() // 1_000_000


def line(name: str = "t/1", at: int | None = None) -> LogLine:
    return LogLine(name, now() if at is None else at, f'{{"traceId":"{name}"}}')


@pytest.fixture
def client() -> Iterator[CloudWatchLogsClient]:
    with empty_account():
        yield boto3.client("logs")


def roles_of(connect: Any = None) -> AssumedRoles[Any]:
    return AssumedRoles(boto3.client("sts"), connect or (lambda credentials: boto3.client("logs")), now)


class Pipeline:
    """One implementation, with a way to look at what it holds and to make a group."""

    def __init__(self, client: CloudWatchLogsClient | None) -> None:
        self.client = client
        self.memory = MemoryEventLogs(now)
        self.logs: EventLogs = (
            CloudWatchEventLogs(client, roles_of(), lambda: "2026/11/24/i") if client else self.memory
        )

    def make(self, group: str) -> None:
        if self.client:
            self.client.create_log_group(logGroupName=group)
        else:
            self.memory.groups[group] = []

    def has(self, group: str) -> bool:
        if self.client:
            return bool(self.client.describe_log_groups(logGroupNamePrefix=group)["logGroups"])
        return group in self.memory.groups

    def texts(self, group: str) -> list[str]:
        if self.client:
            return [event["message"] for event in self.client.filter_log_events(logGroupName=group)["events"]]
        return [each.text for each in self.memory.groups[group]]

    def retention(self, group: str) -> int | None:
        if self.client:
            found = self.client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            return found[0].get("retentionInDays")
        return self.memory.retention.get(group)


@pytest.fixture(params=["memory", "cloudwatch"])
def pipeline(request: pytest.FixtureRequest) -> Pipeline:
    return Pipeline(request.getfixturevalue("client") if request.param == "cloudwatch" else None)


class TestEventLogs:
    def test_lines_are_appended_as_they_are(self, pipeline: Pipeline) -> None:
        pipeline.make(CONFIGURED.group)
        first, second = line("t/1", now()), line("t/2", now() + 1)
        assert pipeline.logs.put(CONFIGURED, [first]) == frozenset()
        assert pipeline.logs.put(CONFIGURED, [second]) == frozenset()
        assert pipeline.texts(CONFIGURED.group) == [first.text, second.text]

    def test_a_role_writes_what_it_may(self, pipeline: Pipeline) -> None:
        pipeline.make(UNDER_A_ROLE.group)
        assert pipeline.logs.put(UNDER_A_ROLE, [line()]) == frozenset()
        assert len(pipeline.texts(UNDER_A_ROLE.group)) == 1

    def test_the_default_group_is_made_with_its_retention(self, pipeline: Pipeline) -> None:
        pipeline.logs.put(DEFAULT, [line()])
        assert pipeline.retention(DEFAULT.group) == 30
        assert len(pipeline.texts(DEFAULT.group)) == 1

    def test_the_retention_of_a_default_group_that_is_there_is_its_owners(self, pipeline: Pipeline) -> None:
        pipeline.make(DEFAULT.group)
        pipeline.logs.put(DEFAULT, [line()])
        assert pipeline.retention(DEFAULT.group) is None

    def test_a_configured_group_that_is_missing_is_not_made(self, pipeline: Pipeline) -> None:
        with pytest.raises(EventLogRefusedError, match="ResourceNotFoundException at acme-events"):
            pipeline.logs.put(CONFIGURED, [line()])
        assert not pipeline.has(CONFIGURED.group)

    @pytest.mark.parametrize("away", [-15 * DAY, DAY], ids=["too old", "too new"])
    def test_lines_that_are_not_taken_are_named(self, pipeline: Pipeline, away: int) -> None:
        good, bad = line("good"), line("bad", now() + away)
        assert pipeline.logs.put(DEFAULT, sorted([good, bad], key=lambda each: each.at_ms)) == {"bad"}
        assert pipeline.texts(DEFAULT.group) == [good.text]


class TestCloudWatch:
    """What only the real thing does."""

    def test_a_stream_that_was_deleted_is_made_again(self, client: CloudWatchLogsClient) -> None:
        logs = CloudWatchEventLogs(client, roles_of(), lambda: "s")
        logs.put(DEFAULT, [line("t/1")])
        client.delete_log_stream(logGroupName=DEFAULT.group, logStreamName="s")
        logs.put(DEFAULT, [line("t/2")])
        streams = client.describe_log_streams(logGroupName=DEFAULT.group)["logStreams"]
        assert [stream["logStreamName"] for stream in streams] == ["s"]

    def test_each_day_gets_a_stream(self, client: CloudWatchLogsClient) -> None:
        names = iter(["2026/11/24/i", "2026/11/25/i"])
        logs = CloudWatchEventLogs(client, roles_of(), lambda: next(names))
        logs.put(DEFAULT, [line("t/1")])
        logs.put(DEFAULT, [line("t/2")])
        streams = client.describe_log_streams(logGroupName=DEFAULT.group)["logStreams"]
        assert [stream["logStreamName"] for stream in streams] == ["2026/11/24/i", "2026/11/25/i"]

    @pytest.mark.parametrize(
        "code",
        ["AccessDeniedException", "ThrottlingException", "ServiceUnavailableException", "OperationAbortedException"],
    )
    def test_every_refusal_is_the_organizations_own_trouble(self, client: CloudWatchLogsClient, code: str) -> None:
        with Stubber(client) as stub:
            stub.add_client_error("put_log_events", code, "no: <secret>")
            with pytest.raises(EventLogRefusedError) as refused:
                CloudWatchEventLogs(client, roles_of(), lambda: "s").put(CONFIGURED, [line()])
        assert refused.value.cause == f"EventLogRefusedError: {code} at acme-events"  # the code, never the message

    def test_an_endpoint_that_does_not_answer_is_one_as_well(self, client: CloudWatchLogsClient) -> None:
        def time_out(**_: Any) -> None:
            raise ConnectTimeoutError(endpoint_url="x")

        client.meta.events.register("before-send.cloudwatch-logs", time_out)
        with pytest.raises(EventLogRefusedError, match="ConnectTimeoutError"):
            CloudWatchEventLogs(client, roles_of(), lambda: "s").put(CONFIGURED, [line()])

    def test_lines_that_are_found_fault_with_are_told_apart(self, client: CloudWatchLogsClient) -> None:
        with Stubber(client) as stub:
            stub.add_client_error("put_log_events", "InvalidParameterException", "Log event too large")
            with pytest.raises(UnwritableLinesError):
                CloudWatchEventLogs(client, roles_of(), lambda: "s").put(CONFIGURED, [line()])

    @pytest.mark.parametrize(
        ("info", "rejected"),
        [
            ({"tooOldLogEventEndIndex": 1}, {"a", "b"}),
            ({"expiredLogEventEndIndex": 0}, {"a"}),
            ({"tooNewLogEventStartIndex": 3}, {"d"}),
            (
                {"tooOldLogEventEndIndex": 0, "expiredLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3},
                {"a", "b", "d"},
            ),
            ({}, set()),
        ],
    )
    def test_rejected_entries_are_read(
        self, client: CloudWatchLogsClient, info: dict[str, int], rejected: set[str]
    ) -> None:
        expected = {"logGroupName": "acme-events", "logStreamName": "s", "logEvents": ANY}
        with Stubber(client) as stub:
            stub.add_response("put_log_events", {"rejectedLogEventsInfo": info}, expected)
            lines = [line(name, place) for place, name in enumerate("abcd")]
            assert CloudWatchEventLogs(client, roles_of(), lambda: "s").put(CONFIGURED, lines) == rejected

    def test_a_retention_that_could_not_be_set_is_set_with_the_next_stream(self, client: CloudWatchLogsClient) -> None:
        names = iter(["monday", "tuesday"])
        logs = CloudWatchEventLogs(client, roles_of(), lambda: next(names))
        refusing = [True]

        def refuse_once(**_: Any) -> None:
            if refusing.pop() if refusing else False:
                raise ConnectTimeoutError(endpoint_url="x")

        client.meta.events.register("before-call.cloudwatch-logs.PutRetentionPolicy", refuse_once)
        with pytest.raises(EventLogRefusedError):
            logs.put(DEFAULT, [line()])
        logs.put(DEFAULT, [line()])
        assert client.describe_log_groups()["logGroups"][0]["retentionInDays"] == 30

    def test_two_writers_may_make_the_group_at_once(self, client: CloudWatchLogsClient) -> None:
        def faster(**_: Any) -> None:
            client.meta.events.unregister("before-call.cloudwatch-logs.CreateLogGroup", faster)
            client.create_log_group(logGroupName=DEFAULT.group)
            client.create_log_stream(logGroupName=DEFAULT.group, logStreamName="s")

        client.meta.events.register("before-call.cloudwatch-logs.CreateLogGroup", faster)
        CloudWatchEventLogs(client, roles_of(), lambda: "s").put(DEFAULT, [line()])
        assert client.describe_log_groups()["logGroups"][0]["retentionInDays"] == 30


class TestAssumedRoles:
    def credentials(self, until: int) -> dict[str, Any]:
        keys = {"AccessKeyId": "A" * 16, "SecretAccessKey": "s", "SessionToken": "t"}
        return {"Credentials": {**keys, "Expiration": datetime.fromtimestamp(until / 1000, UTC)}}

    def test_credentials_are_kept_until_shortly_before_they_expire(self, client: CloudWatchLogsClient) -> None:
        sts, clock, made = boto3.client("sts"), [1_795_000_000_000], []

        def connect(credentials: Any) -> CloudWatchLogsClient:
            made.append(credentials)
            return client

        roles = AssumedRoles(sts, connect, lambda: clock[0])
        expires = clock[0] + 3_600_000
        wanted = {"RoleArn": ROLE, "RoleSessionName": SESSION, "DurationSeconds": 3600}
        wanted |= {"ExternalId": ORGANIZATION}
        with Stubber(sts) as stub:
            stub.add_response("assume_role", self.credentials(expires), wanted)
            roles.client(ROLE, ORGANIZATION)
            clock[0] = expires - MARGIN_MS - 1
            roles.client(ROLE, ORGANIZATION)
            assert len(made) == 1
            stub.add_response("assume_role", self.credentials(expires + 3_600_000), wanted)
            clock[0] = expires - MARGIN_MS
            roles.client(ROLE, ORGANIZATION)
            assert len(made) == 2
            stub.assert_no_pending_responses()

    def test_a_client_of_one_external_id_serves_no_other(self, client: CloudWatchLogsClient) -> None:
        sts = boto3.client("sts")
        roles = AssumedRoles(sts, lambda _: client, now)
        wanted = {"RoleArn": ROLE, "RoleSessionName": SESSION, "DurationSeconds": 3600}
        with Stubber(sts) as stub:
            for external_id in ("one", "two", "one"):
                answer = self.credentials(now() + 3_600_000)
                stub.add_response("assume_role", answer, {**wanted, "ExternalId": external_id})
            for external_id in ("one", "two", "one"):
                roles.client(ROLE, external_id)
            roles.forget(ROLE, "one")
            roles.client(ROLE, "one")
            stub.assert_no_pending_responses()

    def test_a_role_that_does_not_trust_us_refuses(self, client: CloudWatchLogsClient) -> None:
        sts = boto3.client("sts")
        logs = CloudWatchEventLogs(client, AssumedRoles(sts, lambda _: client, now), lambda: "s")
        with Stubber(sts) as stub:
            wanted = {"RoleArn": ROLE, "RoleSessionName": SESSION, "DurationSeconds": 3600, "ExternalId": ORGANIZATION}
            stub.add_client_error("assume_role", "AccessDenied", "not authorized", expected_params=wanted)
            with pytest.raises(EventLogRefusedError, match="AccessDenied at acme-events"):
                logs.put(UNDER_A_ROLE, [line()])

    def test_credentials_that_were_refused_are_fetched_anew(self, client: CloudWatchLogsClient) -> None:
        client.create_log_group(logGroupName=UNDER_A_ROLE.group)
        made: list[CloudWatchLogsClient] = []

        def connect(_: Any) -> CloudWatchLogsClient:
            made.append(boto3.client("logs"))
            return made[-1]

        logs = CloudWatchEventLogs(client, roles_of(connect), lambda: "s")
        logs.put(UNDER_A_ROLE, [line()])
        with Stubber(made[0]) as stub:
            stub.add_client_error("put_log_events", "ExpiredTokenException", "expired")
            with pytest.raises(EventLogRefusedError):
                logs.put(UNDER_A_ROLE, [line()])
        logs.put(UNDER_A_ROLE, [line()])
        assert len(made) == 2
