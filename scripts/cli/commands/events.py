"""`postroom events`: the event log of every organization, from CloudWatch Logs; new records as they arrive."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from botocore.exceptions import ClientError
from rich.text import Text

from cli import output, running
from cli.errors import RefusedError
from cli.log_tail import LogTail
from postroom.contracts.event_log import DEFAULT_LOG_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.running import Stack

POLL_SECONDS: Final = 1.0
"""How often `--follow` looks. Ours."""


def events(
    follow: Annotated[bool, typer.Option("--follow", help="Show new records until Ctrl-C.")] = False,
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
    tail: LogTail

    @classmethod
    def of(cls, stack: Stack) -> EventLog:
        """Return the log of a running stack."""
        return cls(stack.client("workmail"), LogTail(stack.client("logs")))

    def grow(self) -> Iterator[dict[str, Any]]:
        """Yield the records that are there, then new ones, without an end."""
        while True:
            yield from self.new()
            sys.stdout.flush()
            time.sleep(POLL_SECONDS)

    def new(self) -> list[dict[str, Any]]:
        """Return the records that were not returned before, by time: WorkMail's record with two members of ours."""
        rows = [_row(group, event) for group in self._groups() for event in self.tail.new(group)]
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


def _row(group: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return what `--json` shows: a documented interface."""
    try:
        record = json.loads(event["message"])
    except ValueError as error:
        raise RefusedError(f"{group} has a line that is not a record: {event['message'][:80]}") from error
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
