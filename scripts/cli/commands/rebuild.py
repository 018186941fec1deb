"""`postroom rebuild`: an organization's event log or audit logs, written again from the ledger."""

from __future__ import annotations

import time
from datetime import UTC
from typing import Annotated

import typer

from cli import organizations, output, periods, running
from postroom.contracts.pointers import Part
from postroom.ledger.rebuild import rebuild as rebuild_log
from postroom.model.zone_times import epoch_ms

Time = Annotated[
    str | None, typer.Option(metavar="TIME", help="ISO 8601; UTC if it has no offset.", show_default=False)
]


def rebuild(
    organization: Annotated[str, typer.Argument(metavar="ORGANIZATION", help="Its alias or id.", show_default=False)],
    since: Time = None,
    until: Time = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="The audit records of deliveries and of calls of providers instead.")
    ] = False,
) -> None:
    """Write an organization's event log again from the ledger, for example after its log group was lost.

    A record that is still in the log is then in it twice. CloudWatch Logs accepts nothing older than 14 days. Of the
    audit logs, only records of deliveries and of calls of providers are in the ledger.
    """
    first, last = _milliseconds(since, 0), _milliseconds(until, int(time.time() * 1000) + 1)
    with running.refusals():
        stack = running.find()
        workmail = stack.client("workmail")
        organization_id = organizations.find(workmail, organization)
        workmail.describe_organization(OrganizationId=organization_id)  # refuses an id that is none
        parking = stack.operator().parking
        part = Part.AUDIT if audit else Part.LOG
        sent = rebuild_log(parking.ledger, parking.queues, organization_id, since=first, until=last, part=part)
    output.console().print(
        f"{sent} {'records were queued for the deliveries' if audit else 'events were queued for the log'}"
    )


def _milliseconds(text: str | None, otherwise: int) -> int:
    return otherwise if text is None else epoch_ms(periods.moment(text, UTC))
