"""CloudWatch Logs as the event log uses it, through a stock boto3 client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.support.effort import FEW_LINES, lines_run

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

GROUP = "/aws/workmail/emailevents/example"


@pytest.fixture
def logs(aws: None) -> CloudWatchLogsClient:
    client = boto3.client("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="s")
    return client


def now() -> int:
    return int(time.time() * 1000)


def put(logs: CloudWatchLogsClient, *events: tuple[int, str]) -> Any:
    entries: Any = [{"timestamp": when, "message": message} for when, message in events]
    return logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=entries)


def test_events_too_old_or_too_new_are_rejected_by_index(logs: CloudWatchLogsClient) -> None:
    day = 86_400_000
    answer = put(logs, (now() - 15 * day, "old"), (now(), "good"), (now() + day, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 0, "tooNewLogEventStartIndex": 2}
    assert [event["message"] for event in logs.filter_log_events(logGroupName=GROUP)["events"]] == ["good"]


def test_retention_is_kept(logs: CloudWatchLogsClient) -> None:
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert group["retentionInDays"] == 30


def test_a_write_costs_no_more_in_a_stream_of_100_000_events(logs: CloudWatchLogsClient) -> None:
    short = lines_run(lambda: put(logs, (now(), "x")))
    for _ in range(10):
        put(logs, *[(now(), "x")] * 10_000)
    assert lines_run(lambda: put(logs, (now(), "x"))) < short + FEW_LINES
