"""`postroom grants`: which IAM principals administer which organizations. It calls only the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import organizations, output, running

if TYPE_CHECKING:
    from datetime import datetime

app = typer.Typer(help="Which IAM principals administer which organizations.", no_args_is_help=True)

Principal = Annotated[str, typer.Argument(metavar="ARN", help="Of a user, role or session; may end in *.")]
Organization = Annotated[
    str | None, typer.Option("--organization", metavar="ALIAS|ID", help="One organization; without it all of them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]


@app.command("list")
def list_(organization: Organization = None, as_json: AsJson = False) -> None:
    """List the grants for all organizations, or those for one."""
    with running.refusals():
        workmail = running.workmail()
        pages = workmail.get_paginator("list_administrator_grants").paginate(**_named(workmail, organization))
        rows = [as_row(each) for page in pages for each in page["Grants"]]
    if as_json:
        output.print_json(rows)
    elif rows:
        columns = ("principal", "access", "organization", "origin", "modified")
        cells = [[row[name] or "" for name in columns] for row in rows]
        output.print_table(columns, cells)
    else:
        output.console().print("no grants")


@app.command("put")
def put(
    principal: Principal,
    organization: Organization = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Only operations that read.")] = False,
) -> None:
    """Give a principal access, or replace its access.

    The first grant must be the caller's own, for all organizations. From then on the API refuses callers without one.
    """
    access = "READ_ONLY" if read_only else "FULL_ACCESS"
    with running.refusals():
        workmail = running.workmail()
        workmail.put_administrator_grant(Principal=principal, Access=access, **_named(workmail, organization))


@app.command("delete")
def delete(principal: Principal, organization: Organization = None) -> None:
    """End a principal's access. One that has none is no error."""
    with running.refusals():
        workmail = running.workmail()
        workmail.delete_administrator_grant(Principal=principal, **_named(workmail, organization))


def as_row(grant: dict[str, Any]) -> dict[str, Any]:
    """Return what `list --json` shows of a grant: a documented interface."""
    return {
        "principal": grant["Principal"],
        "organization": grant.get("OrganizationId"),
        "access": grant["Access"],
        "origin": grant["Origin"],
        "created": _when(grant.get("DateCreated")),
        "modified": _when(grant.get("DateModified")),
    }


def _named(workmail: Any, organization: str | None) -> dict[str, str]:
    return {} if organization is None else {"OrganizationId": organizations.find(workmail, organization)}


def _when(date: datetime | None) -> str | None:
    return None if date is None else output.rfc3339(round(date.timestamp() * 1000))
