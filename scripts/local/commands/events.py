"""`postroom events`: the event log of every organization, from CloudWatch Logs, as it grows."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from botocore.exceptions import ClientError
from rich.text import Text

from local import output, running
from local.errors import RefusedError
from postroom.contracts.event_log import DEFAULT_LOG_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.running import Stack

POLL_SECONDS: Final = 1.0
"""How often `--follow` looks. Ours."""

LATE_MILLISECONDS: Final = 60_000
"""How much older than the newest seen a record may still arrive, in milliseconds: the projection is not in order
over organizations and retries. Ours."""


def events(
    follow: Annotated[bool, typer.Option("--follow", help="Go on as it grows, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array; with --follow, a line each.")] = False,
) -> None:
    """Show the event log of all organizations."""
    with running.refusals():
        log = EventLog.of(running.find())
        if as_json and not follow:
            output.print_json(log.new())
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
        try:
            for row in log.grow() if follow else log.new():
                _show(row, as_json=as_json)
        except KeyboardInterrupt:
            return


@dataclass
class EventLog:
    """The records of all organizations' groups; each is given once."""

    workmail: Any
    logs: Any
    _seen: dict[str, set[str]] = field(default_factory=dict)
    _from: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: Stack) -> EventLog:
        """Return the log of a running stack."""
        return cls(stack.client("workmail"), stack.client("logs"))

    def grow(self) -> Iterator[dict[str, Any]]:
        """Yield what is there and whatever comes, without an end."""
        while True:
            yield from self.new()
            sys.stdout.flush()
            time.sleep(POLL_SECONDS)

    def new(self) -> list[dict[str, Any]]:
        """Return the records that were not returned before, by time: WorkMail's record with two members of ours."""
        rows = [row for group in self._groups() for row in self._of(group)]
        return sorted(rows, key=lambda row: row["timestamp"])

    def _groups(self) -> Iterator[str]:
        """Yield the log group of each active organization, as the public API tells it."""
        for page in self.workmail.get_paginator("list_organizations").paginate():
            for organization in page["OrganizationSummaries"]:
                if organization["State"] == "Active":
                    yield self._group(organization["OrganizationId"], organization["Alias"])

    def _group(self, organization_id: str, alias: str) -> str:
        try:
            said = self.workmail.describe_email_monitoring_configuration(OrganizationId=organization_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return DEFAULT_LOG_GROUP.format(alias=alias)
            raise
        return str(said["LogGroupArn"]).split(":log-group:")[1].removesuffix(":*")

    def _of(self, group: str) -> Iterator[dict[str, Any]]:
        pages = self.logs.get_paginator("filter_log_events")
        since = self._from.get(group, 0)
        before, seen = self._seen.get(group, set()), dict[str, int]()
        try:
            for page in pages.paginate(logGroupName=group, startTime=since):
                for event in page["events"]:
                    seen[event["eventId"]] = event["timestamp"]
                    if event["eventId"] not in before:
                        yield _row(group, event)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # nothing was written yet
                raise
            return
        since = max(since, max(seen.values(), default=0) - LATE_MILLISECONDS)
        self._from[group] = since
        self._seen[group] = {event_id for event_id, timestamp in seen.items() if timestamp >= since}


def _row(group: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return what `--json` shows: a documented interface."""
    try:
        record = json.loads(event["message"])
    except ValueError as error:
        raise RefusedError(f"{group} holds a line that is no record: {event['message'][:80]}") from error
    return {"timestamp": output.rfc3339(event["timestamp"]), "logGroup": group, **record}


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(output.json_line(row))
        return
    fields = {name: value for name, value in row["event"].items() if name != "eventName"}
    said = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items()
    )
    line = Text.assemble(
        f"{row['timestamp']} ", (f"{row['event']['eventName']:<27}", "cyan"), f" {row['traceId']} ", said
    )
    output.console().print(line, soft_wrap=True)
