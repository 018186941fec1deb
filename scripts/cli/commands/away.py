"""`postroom away`: out-of-office replies of users, over the admin API."""

from __future__ import annotations

import sys
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import organizations, output, periods, running

if TYPE_CHECKING:
    from datetime import datetime

    from cli.running import Stack

app = typer.Typer(help="Out-of-office replies of users.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER", help="An address of the user, the name, or the id.")]
Organization = Annotated[
    str | None,
    typer.Option("--organization", metavar="ALIAS|ID", help="Needed if USER is a name and there are several."),
]


class Audience(StrEnum):
    """Values of --audience."""

    NONE = "none"
    KNOWN = "known"
    ALL = "all"


@app.command("set")
def set_(
    user: User,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What senders are told, plain or HTML; - is standard input.")
    ],
    outside: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What senders outside the organization are told; else TEXT.")
    ] = None,
    audience: Annotated[
        Audience | None,
        typer.Option(
            help="Which senders outside get a reply; else all. `known` is as `none`: mailboxes have no contacts."
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="When it begins: ISO 8601, in UTC without an offset; else now."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends, likewise; else when it is deleted.")
    ] = None,
    organization: Organization = None,
) -> None:
    """Set or replace the reply of a user.

    Each sender gets it at most once a day.
    """
    times = {"StartTime": from_, "EndTime": until}
    given: dict[str, Any] = {name: periods.moment(each, UTC) for name, each in times.items() if each is not None}
    given |= {} if outside is None else {"ExternalText": outside}
    given |= {} if audience is None else {"ExternalAudience": audience.value.upper()}
    said = sys.stdin.read() if text == "-" else text
    with running.refusals():
        stack = running.find()
        stack.client("workmail").put_out_of_office(**_named(stack, organization, user), Text=said, **given)


@app.command("show")
def show(
    user: User,
    organization: Organization = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Show the reply of a user, also before and after its time."""
    with running.refusals():
        stack = running.find()
        row = as_row(stack.client("workmail").get_out_of_office(**_named(stack, organization, user)))
    if as_json:
        output.print_json([row])
    else:
        columns = ("state", "from", "until", "text", "outside", "audience")
        output.print_table(columns, [[row[name] or "" for name in columns]])


@app.command("delete")
def delete(user: User, organization: Organization = None) -> None:
    """Delete the reply of a user. A user without one is no error."""
    with running.refusals():
        stack = running.find()
        stack.client("workmail").delete_out_of_office(**_named(stack, organization, user))


def as_row(found: dict[str, Any]) -> dict[str, Any]:
    """Return what `show --json` shows of a reply: a documented interface."""
    return {
        "user": found["UserId"],
        "state": found["State"],
        "from": _when(found.get("StartTime")),
        "until": _when(found.get("EndTime")),
        "text": found.get("Text"),
        "outside": found.get("ExternalText"),
        "audience": found["ExternalAudience"],
        "modified": _when(found["DateModified"]),
    }


def _named(stack: Stack, organization: str | None, user: str) -> dict[str, str]:
    return {"OrganizationId": organizations.of_user(stack, organization, user), "UserId": user}


def _when(date: datetime | None) -> str | None:
    return None if date is None else output.rfc3339(round(date.timestamp() * 1000))
