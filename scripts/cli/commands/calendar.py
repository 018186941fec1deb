"""`postroom calendar`: files are imported into a mailbox's calendar; its events, as files have them or by time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import calendar_texts, output, periods, running
from cli.commands.mailbox import ItemId, User, find_mailbox
from cli.errors import RefusedError, UsageError
from postroom.model.folders import Folder
from postroom.model.zone_times import epoch_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.bootstrap.operator import Operator
    from postroom.calendar_store.imports import Imported
    from postroom.calendar_store.store import FoundInstance
    from postroom.calendars.objects import Calendar
    from postroom.model.calendars import CalendarSettings
    from postroom.model.mailbox import Head, Item

app = typer.Typer(help="Import calendars, list events, set working hours.", no_args_is_help=True)

MAX_LISTED: Final = 20_000
"""Most events that `list` shows. Ours."""

LISTED_DAYS: Final = 28
"""Days that `list` shows without `--to`."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]
TIME_HELP: Final = "A day or an ISO 8601 time; in the calendar's zone if it has no offset."
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help=TIME_HELP)]
To = Annotated[str | None, typer.Option(metavar="TIME", help=TIME_HELP)]


@app.command("import")
def import_(
    user: User,
    file: Annotated[Path, typer.Argument(metavar="FILE.ics", help="An iCalendar file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Put the events of an iCalendar file into a mailbox's calendar.

    An event that the calendar has already is replaced by a newer version (SEQUENCE, then DTSTAMP), and otherwise left:
    an import may be repeated. The exit status is 1 if an event was refused.
    """
    from postroom.calendars.objects import read_calendar
    from postroom.errors import InvalidCalendarError

    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        try:
            read = read_calendar(content)
        except InvalidCalendarError as error:
            raise RefusedError(f"{file}: {error}") from error
        results = [_refused(one.uid, one.why) for one in read.refused]
        results += _imported(operator, head, read)
    if as_json:
        output.print_json({"uid": one.uid, "result": one.result.value, "why": one.why} for one in results)
    else:
        _show_results(results)
    if refused := sum(one.result.value == "refused" for one in results):
        raise RefusedError(f"{refused} of {len(results)} events were refused")


def _refused(uid: str, why: str) -> Imported:
    from postroom.calendar_store.imports import Imported, Result

    return Imported(uid, Result.REFUSED, why)


def _imported(operator: Operator, head: Head, read: Calendar) -> Iterator[Imported]:
    """Import, with progress on stderr if that is a terminal."""
    from rich.progress import track

    from postroom.bootstrap.clock import pause
    from postroom.calendar_store.imports import Import

    errors = output.console(errors=True)
    results = Import(operator.calendars, head.mailbox_id, pause).run(read.objects)
    yield from track(
        results,
        "importing",
        total=len(read.objects),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def _show_results(results: list[Imported]) -> None:
    counts = Counter(one.result.value for one in results)
    print(" · ".join(f"{counts[name]} {name}" for name in ("added", "replaced", "left", "refused")))
    if said := [(one.uid, one.result.value, one.why) for one in results if one.why]:
        output.print_table(("uid", "result", "why"), said)


@app.command("list")
def list_(user: User, from_: From = None, to: To = None, as_json: AsJson = False) -> None:
    """List the events of a calendar in order of time.

    Each instance of a series is an event of its own.
    """
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        calendar = operator.calendars.opened(head)
        zone = calendar_texts.zone(operator.calendars.calendars.settings(head.mailbox_id).zone)
        start = periods.moment(from_, zone) if from_ else calendar_texts.today(zone)
        end = periods.moment(to, zone) if to else start + timedelta(days=LISTED_DAYS)
        if end <= start:
            raise UsageError("--to must be after --from")
        found = calendar.instances(epoch_ms(start), epoch_ms(end), most=MAX_LISTED)
    if as_json:
        output.print_json(map(_row, found))
        return
    cells = [
        (
            one.item_id,
            *calendar_texts.span(one.instance.start_ms, one.instance.end_ms, zone, all_day=one.instance.all_day),
            one.instance.busy_type.value.lower(),
            one.instance.details.subject,
            one.instance.details.location,
        )
        for one in found
    ]
    output.print_table(
        ("id", "start", "end", "busy", "subject", "location"), cells, texts=("subject", "location"), with_ids=True
    )


def _row(found: FoundInstance) -> dict[str, Any]:
    """Return what `--json` shows: a documented interface."""
    instance, details = found.instance, found.instance.details
    recurrence = instance.recurrence_id_ms
    return {
        "id": found.item_id,
        "start": _rfc3339(instance.start_ms),
        "end": _rfc3339(instance.end_ms),
        "allDay": instance.all_day,
        "busyType": instance.busy_type.value,
        "instanceType": details.instance_type.value,
        "recurrenceId": None if recurrence is None else _rfc3339(recurrence),
        "subject": details.subject,
        "location": details.location,
        "isMeeting": details.is_meeting,
        "isPrivate": details.is_private,
        "isReminderSet": details.is_reminder_set,
    }


def _rfc3339(at_ms: int) -> str:
    return output.rfc3339(calendar_texts.bounded(at_ms))


@app.command("show")
def show(
    user: User,
    item: ItemId,
) -> None:
    """Write the exact bytes of an event, a VCALENDAR.

    To a terminal, its text is written without control characters.
    """
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        output.write_content(operator.content(head, _event(operator, head, user, item)))


def _event(operator: Operator, head: Head, user: str, item: str) -> Item:
    """Return an item of a calendar by its id."""
    found = operator.mailboxes.item(head.mailbox_id, item)
    if found is None or Folder.CALENDAR.value not in found.uids:
        raise RefusedError(f"{user} has no event {item}")
    return found


@app.command("remove")
def remove(
    user: User,
    item: ItemId,
) -> None:
    """Remove an event with all its instances. No message is sent, and the event cannot be restored."""
    from postroom.calendar_store.store import Remove

    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        calendar = operator.calendars.opened(head)
        known = calendar.find(calendar.summary(_event(operator, head, user, item)).uid)
        if known is None or known.item.id != item:
            raise RefusedError(f"{user} has no event {item}")
        calendar.change([Remove(known)])


@app.command("hours")
def hours(
    user: User,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="An IANA name, as Europe/Berlin.")] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(metavar="DAYS HH:MM-HH:MM", help="Days and hours, as `MON-FRI 08:00-17:00`; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or set the working hours of a user.

    The zone is also that of all-day events and of events without a zone.
    """
    from postroom.model.calendars import CalendarSettings

    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        calendars = operator.calendars.calendars
        settings = calendars.settings(head.mailbox_id)
        if zone or period:
            name = calendar_texts.zone(zone).key if zone else settings.zone
            periods = tuple(map(calendar_texts.period, period)) if period else settings.periods
            settings = CalendarSettings(name, periods)
            if not calendars.set_settings(head.mailbox_id, settings):
                raise RefusedError(f"{user} has no mailbox")
    rows = list(_hours(settings))
    if as_json:
        output.print_json(rows)
    else:
        columns = ("zone", "days", "start", "end")
        output.print_table(columns, [(row["zone"], " ".join(row["days"]), row["start"], row["end"]) for row in rows])


def _hours(settings: CalendarSettings) -> Iterator[dict[str, Any]]:
    """Yield what `--json` shows: a documented interface."""
    for period in settings.periods:
        yield {"zone": settings.zone, **calendar_texts.period_row(period)}


@app.command("access")
def access(
    user: User,
    who: Annotated[
        str | None,
        typer.Option("--for", metavar="WHO", help="Another user of the organization, or `everyone`."),
    ] = None,
    level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="none, time, details, or default to remove the entry.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or set who sees what of a calendar.

    It applies to free/busy information. Without an entry, users of the organization see when the owner is busy: level
    `time`. Details are subject and location; those of private events are never shown.
    """
    if (who is None) != (level is None):
        raise UsageError("--for needs --level, and --level needs --for")
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        if who is not None and level is not None:
            given = calendar_texts.level(level)
            operator.calendars.calendars.set_access(head.mailbox_id, _who(operator, head, who), given)
        folders = operator.mailboxes.folders(head.mailbox_id)
        permissions = next(folder.permissions for folder in folders if folder.id == Folder.CALENDAR)
    rows = calendar_texts.access_rows(permissions)
    if as_json:
        output.print_json(rows)
    else:
        output.print_table(("who", "level"), [(_named(operator, head, row["who"]), row["level"]) for row in rows])


def _named(operator: Operator, head: Head, who: str) -> str:
    """Return the primary address of an entry's user; its key if it has none, or is for everyone."""
    owner = operator.owners.owner(head.organization_id, who) if who != calendar_texts.EVERYONE else None
    return owner.primary_address if owner and owner.primary_address else who


def _who(operator: Operator, head: Head, who: str) -> str:
    """Return the key of an entry: a user's, or the one for everyone."""
    from postroom.model.calendars import DEFAULT_USER

    if who == calendar_texts.EVERYONE:
        return DEFAULT_USER
    other = find_mailbox(operator, who)
    if other.organization_id != head.organization_id:
        raise RefusedError(f"{who} is in another organization")
    return other.mailbox_id
