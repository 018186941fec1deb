"""`postroom availability`: who is free, as clients would be told: the day by half hours, and the events."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import availability_strips, calendar_texts, output, periods, running
from cli.commands.mailbox import find_mailbox
from cli.errors import RefusedError, UsageError
from postroom.model.free_busy import MAX_MAILBOXES, MAX_WINDOW_MS, MailboxFailure, Question, Requester
from postroom.model.zone_times import epoch_ms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from cli.running import Stack
    from postroom.bootstrap.operator import Operator
    from postroom.model.free_busy import BusyEvent, MailboxResult, WorkingHours
    from postroom.model.mailbox import Head

TIME_HELP: Final = "A day or an ISO 8601 time; in the requester's zone if it has no offset."


def availability(
    users: Annotated[list[str], typer.Argument(metavar="USER...", help="Addresses.", show_default=False)],
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help=TIME_HELP)] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help=TIME_HELP)] = None,
    requester: Annotated[
        str | None, typer.Option("--as", metavar="USER", help="Who asks; else the first USER with a mailbox here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Show when users are free, of this organization and of others.

    A mailbox without an answer has an error code, and the exit status stays 0. Without `--from` and `--to` it is today.
    """
    if len(users) > MAX_MAILBOXES:
        raise UsageError(f"at most {MAX_MAILBOXES} users")
    with running.refusals():
        stack = running.find()
        operator = stack.operator()
        head = _requester(operator, [requester] if requester else users)
        zone = calendar_texts.zone(operator.calendars.calendars.settings(head.mailbox_id).zone)
        start_ms, end_ms = _window(from_, to, zone)
        question = Question(_described(operator, head), tuple(users), start_ms, end_ms)
        results = _ask(stack, question)
    if as_json:
        output.print_json(map(_row, results))
    else:
        _show(results, start_ms, end_ms, zone)


def _requester(operator: Operator, candidates: Sequence[str]) -> Head:
    """Return the mailbox of the first candidate who has one."""
    refusal: RefusedError | None = None
    for candidate in candidates:
        try:
            return find_mailbox(operator, candidate)
        except RefusedError as error:
            refusal = refusal or error
    raise RefusedError(f"{refusal}; the user who asks needs a mailbox here: give --as USER")


def _described(operator: Operator, head: Head) -> Requester:
    owner = operator.owners.owner(head.organization_id, head.mailbox_id)
    if owner is None or owner.primary_address is None:
        raise RefusedError(f"{head.mailbox_id} is no user who may ask")
    name = owner.primary_address.partition("@")[0]
    return Requester(owner.primary_address, name, head.organization_id, head.mailbox_id)


def _window(from_: str | None, to: str | None, zone: ZoneInfo) -> tuple[int, int]:
    start = periods.moment(from_, zone) if from_ else calendar_texts.today(zone)
    end = periods.moment(to, zone) if to else start.astimezone(zone) + timedelta(days=1)
    start_ms, end_ms = epoch_ms(start), epoch_ms(end)
    if not 0 < end_ms - start_ms <= MAX_WINDOW_MS:
        raise UsageError("--to must be after --from, by at most 62 days")
    return start_ms, end_ms


def _ask(stack: Stack, question: Question) -> Sequence[MailboxResult]:
    from postroom.contracts.availability_query import read_answer, write_question

    return read_answer(stack.ask("query_availability", write_question(question)))


def _row(result: MailboxResult) -> dict[str, Any]:
    """Return what `--json` shows of a mailbox: a documented interface."""
    if isinstance(result, MailboxFailure):
        return {
            "mailbox": result.mailbox,
            "code": result.code.value,
            "message": result.message,
            "events": None,
            "workingHours": None,
        }
    return {
        "mailbox": result.mailbox,
        "code": None,
        "message": None,
        "events": [_event(event) for event in result.events],
        "workingHours": None if result.working_hours is None else _hours(result.working_hours),
    }


def _event(event: BusyEvent) -> dict[str, Any]:
    details = event.details
    return {
        "start": output.rfc3339(event.start_ms),
        "end": output.rfc3339(event.end_ms),
        "busyType": event.busy_type.value,
        "subject": details.subject if details else None,
        "location": details.location if details else None,
        "instanceType": details.instance_type.value if details else None,
    }


def _hours(hours: WorkingHours) -> dict[str, Any]:
    return {
        "zone": hours.zone.name,
        "biasMinutes": hours.zone.bias_minutes,
        "periods": list(map(calendar_texts.period_row, hours.periods)),
    }


def _show(results: Sequence[MailboxResult], start_ms: int, end_ms: int, zone: ZoneInfo) -> None:
    console = output.console()
    for day, half_hours in availability_strips.days(start_ms, end_ms, zone):
        rows = [(result.mailbox, availability_strips.strip(result, half_hours, start_ms, end_ms)) for result in results]
        console.print(output.table((f"{day} {zone}", availability_strips.hours(half_hours, zone)), rows))
        console.print()
    console.print(availability_strips.LEGEND, style="dim")
    console.print()
    output.print_table(("mailbox", "start", "end", "type", "subject", "location"), _cells(results, zone))


def _cells(results: Sequence[MailboxResult], zone: ZoneInfo) -> list[tuple[str, ...]]:
    """Return the rows of the table of events; a mailbox without an answer has its code and its message."""
    rows: list[tuple[str, ...]] = []
    for result in results:
        if isinstance(result, MailboxFailure):
            rows.append((result.mailbox, "", "", result.code.value, result.message, ""))
            continue
        for event in result.events:
            start, end = calendar_texts.span(event.start_ms, event.end_ms, zone, all_day=False)
            said = (event.details.subject, event.details.location) if event.details else ("", "")
            rows.append((result.mailbox, start, end, event.busy_type.value, *said))
        if not result.events:
            rows.append((result.mailbox, "", "", "FREE", "no events", ""))
    return rows
