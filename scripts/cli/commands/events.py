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

from cli import organizations, output, periods, running
from cli.errors import RefusedError
from cli.log_tail import LogTail
from postroom.contracts.event_log import DEFAULT_LOG_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.running import Stack

POLL_SECONDS: Final = 1.0
"""How often `--follow` looks. Ours."""

GROUPS_A_SECOND: Final = 5
"""How many groups `--follow` reads per second. Source: CloudWatch Logs' quotas, FilterLogEvents; some take 10."""

ROUNDS: Final = 10
"""How many rounds `--follow` makes before it asks for organizations and their groups again. Ours."""


def events(
    organization: Annotated[
        str | None, typer.Option("--organization", metavar="ALIAS|ID", help="One organization; all without it.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="A time, or 30m, 2h, 7d ago.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show new records until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array; with --follow, a line each.")] = False,
) -> None:
    """Show the event log of all organizations."""
    since_ms = periods.since_ms(since) if since else 0
    with running.refusals():
        log = EventLog.of(running.find(), organization, since_ms)
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
    """The records of the groups of organizations, or of one; each is given once."""

    workmail: Any
    tail: LogTail
    organization_id: str | None = None

    @classmethod
    def of(cls, stack: Stack, organization: str | None = None, since_ms: int = 0) -> EventLog:
        """Return the log of a running stack.

        Args:
            stack: whose log it is.
            organization: alias or id of one; None for all.
            since_ms: time of the oldest record, in milliseconds since the epoch.
        """
        workmail = stack.client("workmail")
        meant = organizations.find(workmail, organization) if organization else None
        return cls(workmail, LogTail(stack.client("logs"), since_ms), meant)

    def grow(self) -> Iterator[dict[str, Any]]:
        """Yield the records that are there, then new ones, without an end."""
        while True:
            groups = list(self._groups())
            for _ in range(ROUNDS):
                yield from self._new(groups)
                sys.stdout.flush()
                time.sleep(max(POLL_SECONDS, len(groups) / GROUPS_A_SECOND))

    def new(self) -> list[dict[str, Any]]:
        """Return the records that were not returned before, by time: WorkMail's record with two members of ours."""
        return self._new(self._groups())

    def _new(self, groups: Iterable[str]) -> list[dict[str, Any]]:
        rows = [_row(group, event) for group in groups for event in self.tail.new(group)]
        return sorted(rows, key=lambda row: row["timestamp"])

    def _groups(self) -> Iterator[str]:
        """Yield the log group of each active organization, as the public API tells it."""
        if self.organization_id:
            alias = self.workmail.describe_organization(OrganizationId=self.organization_id)["Alias"]
            yield self._group(self.organization_id, alias)
            return
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
