"""`postroom logs`: what a function printed, from CloudWatch Logs; new lines as they arrive."""

from __future__ import annotations

import difflib
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import output, periods, running, stack_outputs
from cli.errors import RefusedError
from cli.log_tail import LogTail
from postroom.model.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.running import Stack

POLL_SECONDS: Final = 0.5
"""How often `--follow` looks; functions' lines come twice a second. Ours."""

MOST_NAMES: Final = 5
"""How many names are proposed if none fits. Ours."""


def logs(
    function: Annotated[
        str,
        typer.Argument(metavar="FUNCTION", help="Name, logical id, ARN, or folder in functions/.", show_default=False),
    ],
    since: Annotated[str | None, typer.Option(metavar="TIME", help="A time, or 30m, 2h, 7d ago.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show new lines until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array; with --follow, a line each.")] = False,
) -> None:
    """Show what a function printed, with the lines that Lambda adds."""
    since_ms = periods.since_ms(since) if since else 0
    with running.refusals():
        stack = running.find()
        group, tail = log_group(stack, function), LogTail(stack.client("logs"), since_ms)
        if as_json and not follow:
            output.print_json(_rows(tail, group))
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
        try:
            for row in _grow(tail, group) if follow else _rows(tail, group):
                _show(row, as_json=as_json)
        except KeyboardInterrupt:
            return


def log_group(stack: Stack, function: str) -> str:
    """Return the log group of a function, by any of its names.

    Raises:
        RefusedError: no function has that name; the error names similar ones.
    """
    return str(find(stack, function)["LoggingConfig"]["LogGroup"])


def find(stack: Stack, function: str) -> dict[str, Any]:
    """Return a function's configuration, by name or ARN; the stack's own also by logical id or folder, as `ingest`.

    Raises:
        RefusedError: no function has that name; the error names similar ones.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    client, own = stack.client("lambda"), stack_outputs.functions_of(stack.outputs)
    asked = next((own[each] for each in (function, stack_outputs.logical_id(function)) if each in own), function)
    try:
        found: dict[str, Any] = client.get_function_configuration(FunctionName=asked)
    except (ClientError, ParamValidationError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        names = {name.lower(): name for name in (*own, *_others(client, own))}
        names |= {name.removesuffix("Function").lower(): name for name in own}
        raise RefusedError(f"there is no function {function}; {_proposal(function, names)}") from error
    return found


def _others(client: Any, own: Mapping[str, str]) -> list[str]:
    """Return the names of functions of the account that are not the stack's."""
    pages = client.get_paginator("list_functions").paginate()
    names = {each["FunctionName"] for page in pages for each in page["Functions"]}
    return sorted(names.difference(own.values()))


def _proposal(function: str, names: Mapping[str, str]) -> str:
    """Propose similar names, or list all of them. ``names`` has them by their lower case."""
    wanted = function.rpartition(":")[2].lower()
    near = difflib.get_close_matches(wanted, names, MOST_NAMES, cutoff=0.75)
    near += [name for name in names if wanted and wanted in name]
    if near:
        return f"did you mean {' or '.join(dict.fromkeys(names[name] for name in near[:MOST_NAMES]))}?"
    return f"there are {', '.join(sorted(set(names.values())))}"


def _rows(tail: LogTail, group: str) -> list[dict[str, Any]]:
    """Return what `--json` shows: a documented interface."""
    return [
        {
            "timestamp": output.rfc3339(event["timestamp"]),
            "logStream": event["logStreamName"],
            "message": event["message"].rstrip("\n"),
        }
        for event in sorted(tail.new(group), key=lambda event: event["timestamp"])
    ]


def _grow(tail: LogTail, group: str) -> Iterator[dict[str, Any]]:
    while True:
        yield from _rows(tail, group)
        sys.stdout.flush()
        time.sleep(POLL_SECONDS)


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    print(output.json_line(row) if as_json else visible(f"{row['timestamp']} {row['message']}"))
