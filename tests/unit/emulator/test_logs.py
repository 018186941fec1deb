"""CloudWatch Logs as the event log uses it, through a stock boto3 client."""

from __future__ import annotations

import json
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


def start(logs: CloudWatchLogsClient, query: str, **more: Any) -> str:
    where: dict[str, Any] = {"logGroupName": GROUP, "startTime": now() // 1000 - 3600, "endTime": now() // 1000 + 60}
    return logs.start_query(**{**where, "queryString": query, **more})["queryId"]


def results(logs: CloudWatchLogsClient, query_id: str) -> list[dict[str, str]]:
    """Ask as a script does: until the query is complete."""
    while (answer := logs.get_query_results(queryId=query_id))["status"] in ("Scheduled", "Running"):
        assert answer["results"] == []
    assert answer["status"] == "Complete"
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]


def test_a_query_filters_counts_and_sorts(logs: CloudWatchLogsClient) -> None:
    events = ["MAILBOX_EMAIL_DELIVERED", "MAILBOX_EMAIL_DELIVERED", "INCOMING_EMAIL_BOUNCED"]
    people = ["ann", "bob", "bob"]
    for name, who in zip(events, people, strict=True):
        put(logs, (now(), json.dumps({"event": {"eventName": name, "recipients": [f"{who}@acme.test"]}})))
    query = """stats count(*) as c by event.recipients.0
| filter event.eventName = "MAILBOX_EMAIL_DELIVERED"
| sort event.recipients.0 asc"""
    assert results(logs, start(logs, query)) == [
        {"event.recipients.0": "ann@acme.test", "c": "1"},
        {"event.recipients.0": "bob@acme.test", "c": "1"},
    ]
    (row,) = results(logs, start(logs, "fields @logStream, @log | limit 1"))
    assert (row["@logStream"], row["@log"]) == ("s", f"123456789012:{GROUP}")
    assert "@ptr" in row


def test_a_query_goes_through_the_states_of_awss(logs: CloudWatchLogsClient) -> None:
    put(logs, (now(), "one"), (now(), "two"))
    query = start(logs, 'filter @message = "one"')
    assert [each["status"] for each in logs.describe_queries()["queries"]] == ["Scheduled"]
    assert logs.get_query_results(queryId=query)["status"] == "Running"
    done = logs.get_query_results(queryId=query)
    assert done["status"] == "Complete"
    statistics = done["statistics"]
    assert (statistics["recordsMatched"], statistics["recordsScanned"], statistics["bytesScanned"]) == (1, 2, 6)
    (described,) = logs.describe_queries(logGroupName=GROUP, status="Complete")["queries"]
    assert (described["queryId"], described["logGroupName"]) == (query, GROUP)
    assert logs.describe_queries(logGroupName="another")["queries"] == []
    with pytest.raises(logs.exceptions.InvalidParameterException, match="not running"):
        logs.stop_query(queryId=query)


def test_a_query_that_is_stopped_has_no_results(logs: CloudWatchLogsClient) -> None:
    put(logs, (now(), "one"))
    query = start(logs, "fields @message")
    assert logs.stop_query(queryId=query)["success"] is True
    stopped = logs.get_query_results(queryId=query)
    assert (stopped["status"], stopped["results"]) == ("Cancelled", [])


def test_a_query_reads_several_groups_by_name_or_arn_and_a_range_of_seconds(logs: CloudWatchLogsClient) -> None:
    logs.create_log_group(logGroupName="other")
    logs.create_log_stream(logGroupName="other", logStreamName="s")
    second = now() // 1000 - 100
    put(logs, *[(second * 1000 + shift, f"{shift}") for shift in (-1, 0, 999, 1000, 1999, 2000)])
    logs.put_log_events(logGroupName="other", logStreamName="s", logEvents=[{"timestamp": now(), "message": "other"}])
    query = "fields @message | sort @timestamp asc"
    arns = [f"arn:aws:logs:us-east-1:123456789012:log-group:{name}:*" for name in (GROUP, "other")]
    for named in ({"logGroupNames": [GROUP, "other"]}, {"logGroupIdentifiers": arns}):
        asked: Any = {**named, "startTime": second, "endTime": second + 1, "queryString": query}
        found = results(logs, logs.start_query(**asked)["queryId"])
        assert [row["@message"] for row in found] == ["0", "999", "1000", "1999"]
        asked["endTime"] = now() // 1000
        assert results(logs, logs.start_query(**asked)["queryId"])[-1]["@message"] == "other"


def test_a_part_that_is_not_executed_is_refused_with_its_place(logs: CloudWatchLogsClient) -> None:
    with pytest.raises(logs.exceptions.MalformedQueryException, match="pct") as caught:
        start(logs, "stats pct(a, 90)")
    answer: Any = caught.value.response
    assert answer["queryCompileError"]["location"] == {"startCharOffset": 6, "endCharOffset": 9}


def test_wrong_requests_are_refused(logs: CloudWatchLogsClient) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="'nowhere'"):
        start(logs, "fields a", logGroupName="nowhere")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Exactly one"):
        start(logs, "fields a", logGroupNames=[GROUP])
    with pytest.raises(logs.exceptions.InvalidParameterException, match="end time"):
        start(logs, "fields a", startTime=now() // 1000 + 3600)
    with pytest.raises(logs.exceptions.InvalidParameterException, match="SQL"):
        start(logs, "SELECT 1", queryLanguage="SQL")
    for ask in (logs.get_query_results, logs.stop_query):
        with pytest.raises(logs.exceptions.ResourceNotFoundException):
            ask(queryId="00000000-0000-0000-0000-000000000000")
