"""CloudWatch Logs: queries of Logs Insights are carried out; moto ignores filter, stats and parse.

A query is carried out when it is started, over what the log groups hold then, and goes through the states of AWS's:
Scheduled, Running when its results are first asked for, Complete from then on. Source: API reference, StartQuery,
GetQueryResults, StopQuery, DescribeQueries.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.logs.exceptions import InvalidParameterException, LogsClientError, ResourceNotFoundException
from moto.logs.responses import LogsResponse
from moto.moto_api._internal import mock_random

from local.emulator.insights import Answer, Event, QueryError, run
from local.emulator.insights.run import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moto.logs.models import LogsBackend

SCHEDULED, RUNNING, COMPLETE, CANCELLED = "Scheduled", "Running", "Complete", "Cancelled"


class MalformedQueryError(LogsClientError):  # type: ignore[misc]  # moto has no types
    """A query that is not executed; the answer names the place."""

    def __init__(self, error: QueryError) -> None:
        """Say what and where."""
        super().__init__("MalformedQueryException", str(error))
        location = {"startCharOffset": error.start, "endCharOffset": error.end}
        compile_error = {"location": location, "message": str(error)}
        body = {"__type": "MalformedQueryException", "message": str(error), "queryCompileError": compile_error}
        self.description = json.dumps(body)


@dataclass(slots=True)
class Query:
    """One query that was started."""

    id: str
    text: str
    groups: tuple[str, ...]
    created_ms: int
    answer: Answer
    scanned: int
    scanned_bytes: int
    status: str = SCHEDULED

    def results(self) -> dict[str, Any]:
        """Return GetQueryResults' answer and go one state on."""
        done = self.status == COMPLETE
        statistics = {
            "recordsMatched": float(self.answer.matched if done else 0),
            "recordsScanned": float(self.scanned if done else 0),
            "bytesScanned": float(self.scanned_bytes if done else 0),
            "logGroupsScanned": float(len(self.groups)),
        }
        return {
            "queryLanguage": "CWLI",
            "results": self.answer.written() if done else [],
            "statistics": statistics,
            "status": self.status,
        }


def _events(backend: LogsBackend, groups: Sequence[str], start_s: int, end_s: int) -> Iterator[Event]:
    """Yield the events of log groups from one second to another, both included."""
    for name in groups:
        for stream_name, stream in list(backend.groups[name].streams.items()):
            for event in list(stream.events):
                if start_s * 1000 <= event.timestamp < (end_s + 1) * 1000:
                    log = f"{backend.account_id}:{name}"
                    ingested, pointer = event.ingestion_time, str(event.event_id)
                    yield Event(event.timestamp, event.message, ingested, stream_name, log, pointer)


def _groups(response: LogsResponse) -> list[str]:
    """Return the names of the log groups that a query asks for, each once.

    Raises:
        InvalidParameterException: none are named, or in more than one way.
        ResourceNotFoundException: one does not exist.
    """
    names = ("logGroupName", "logGroupNames", "logGroupIdentifiers")
    given = [value for name in names if (value := response._get_param(name))]  # noqa: SLF001  as moto's own do
    if len(given) != 1:
        raise InvalidParameterException(f"Exactly one of {', '.join(names)} names the log groups.")
    asked = [given[0]] if isinstance(given[0], str) else given[0]
    found = [_name(one) for one in dict.fromkeys(asked)]
    for name in found:
        if name not in response.logs_backend.groups:
            raise ResourceNotFoundException(f"Log group '{name}' does not exist.")
    return found


def _name(identifier: str) -> str:
    """Return the name of a log group that is given by name or ARN."""
    if not identifier.startswith("arn:"):
        return identifier
    return identifier.partition(":log-group:")[2].removesuffix(":*")


def start_query(self: LogsResponse) -> str:
    """StartQuery: carry a query out and keep its answer.

    Raises:
        MalformedQueryError: it contains what is not executed, or begins after its end.
    """
    language = self._get_param("queryLanguage") or "CWLI"
    if language != "CWLI":
        raise InvalidParameterException(f"The local stack executes no queries in {language}.")
    groups = _groups(self)
    start_s, end_s = int(self._get_param("startTime")), int(self._get_param("endTime"))
    if start_s > end_s:
        raise InvalidParameterException("The query's end time is before its start time.")
    text, limit = str(self._get_param("queryString")), int(self._get_param("limit") or MAX_ROWS)
    if not 1 <= limit <= MAX_ROWS:
        raise InvalidParameterException(f"limit is from 1 to {MAX_ROWS}.")
    events = list(_events(self.logs_backend, groups, start_s, end_s))
    try:
        answer = run(text, events, limit)
    except QueryError as error:
        raise MalformedQueryError(error) from error
    size = sum(len(event.message.encode()) for event in events)
    made = Query(str(mock_random.uuid4()), text, tuple(groups), int(time.time() * 1000), answer, len(events), size)
    self.logs_backend.queries[made.id] = made
    return json.dumps({"queryId": made.id})


def _known(response: LogsResponse) -> Query:
    query: Query | None = response.logs_backend.queries.get(response._get_param("queryId"))  # noqa: SLF001
    if query is None:
        raise ResourceNotFoundException("The specified query does not exist.")
    return query


def get_query_results(self: LogsResponse) -> str:
    """GetQueryResults: the first call finds the query running, as on AWS."""
    query = _known(self)
    query.status = {SCHEDULED: RUNNING, RUNNING: COMPLETE}.get(query.status, query.status)
    return json.dumps(query.results())


def stop_query(self: LogsResponse) -> str:
    """StopQuery, which moto has not.

    Raises:
        InvalidParameterException: the query has ended.
    """
    query = _known(self)
    if query.status not in (SCHEDULED, RUNNING):
        raise InvalidParameterException("The specified query is not running.")
    query.status = CANCELLED
    return json.dumps({"success": True})


def describe_queries(self: LogsResponse) -> str:
    """DescribeQueries, the newest first, by log group and status where they are given; moto wants a group."""
    group, status = self._get_param("logGroupName"), self._get_param("status")
    found: list[Query] = [
        query
        for query in reversed(self.logs_backend.queries.values())
        if (not group or group in query.groups) and (not status or status == query.status)
    ]
    shown = [
        {
            "queryLanguage": "CWLI",
            "queryId": query.id,
            "queryString": query.text,
            "status": query.status,
            "createTime": query.created_ms,
            "logGroupName": group or query.groups[0],
        }
        for query in found[: int(self._get_param("maxResults") or 1000)]
    ]
    return json.dumps({"queries": shown})


def apply() -> None:
    """Put the functions above in place of moto's."""
    LogsResponse.start_query = start_query
    LogsResponse.get_query_results = get_query_results
    LogsResponse.stop_query = stop_query
    LogsResponse.describe_queries = describe_queries
