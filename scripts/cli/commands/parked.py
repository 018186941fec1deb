"""`postroom parked`: what is parked and why; redrive or discard it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import output, running
from cli.errors import RefusedError, UsageError
from postroom.errors import NewerFormError
from postroom.parking.redrive import NO_NOTIFICATION, undeliverable
from postroom.ports.parked import ORPHAN

if TYPE_CHECKING:
    from postroom.parking.redrive import Redriving
    from postroom.ports.parked import Parked

app = typer.Typer(help="List what is parked and why; redrive or discard it.", no_args_is_help=True)

NOTHING: Final = "nothing is parked"

AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id that `list` shows.", show_default=False)]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List everything parked, oldest first."""
    with running.refusals():
        rows = [as_row(parked) for parked in _all(running.find().operator().parking)]
    if as_json:
        output.print_json(rows)
        return
    columns = ("id", "station", "since", "times", "cause")
    cells = [(row["id"], row["station"], row["since"], row["parkings"], row["cause"]) for row in rows]
    if cells:
        output.print_table(columns, cells, right=("times",), with_ids=True)
    else:
        output.console().print(NOTHING)


@app.command("show")
def show(parked_id: Id, as_json: AsJson = False) -> None:
    """Show one parked entry with its content.

    The content is what its station receives on a redrive.
    """
    with running.refusals():
        parked = _one(running.find().operator().parking, parked_id)
    row = {**as_row(parked), "body": _body(parked)}
    if as_json:
        output.print_json([row])
        return
    output.console().print(output.table(("", ""), [(name, _cell(value)) for name, value in row.items()]))


@app.command("redrive")
def redrive(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids that `list` shows.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is parked.")] = False,
) -> None:
    """Send parked entries to their stations again.

    A message whose mailbox or organization no longer exists is not delivered: its station ends it. The command says so.
    """
    if bool(ids) == everything:
        raise UsageError("give ids, or --all")
    with running.refusals():
        operator = running.find().operator()
        parking = operator.parking
        chosen = _all(parking) if everything else [_one(parking, each) for each in ids or []]
        stuck = [parked for parked in chosen if parked.key == ORPHAN]
        hopeless = {parked.id: why for parked in chosen if (why := undeliverable(parked, operator.owners))}
        done, newer = _redriven(parking, [parked for parked in chosen if parked not in stuck])
    if everything and not chosen:
        output.console().print(NOTHING)
    _said([parked for parked in done if parked.id not in hopeless], "redriven")
    if hopeless:
        whys = "; ".join(f"{parked.id}: {hopeless[parked.id]}" for parked in done if parked.id in hopeless)
        raise RefusedError(f"{whys}. Nothing is delivered; senders get a bounce where that is allowed")
    if newer:
        raise RefusedError("; ".join(newer))
    if stuck:
        raise RefusedError(f"{', '.join(parked.id for parked in stuck)}: {NO_NOTIFICATION}")
    if not everything and len(done) < len(chosen):
        raise RefusedError("the others are not parked any more")


@app.command("discard")
def discard(parked_id: Id) -> None:
    """Discard one parked entry for good."""
    with running.refusals():
        parking = running.find().operator().parking
        parked = _one(parking, parked_id)
        if not parking.discard(parked):
            raise RefusedError(f"{parked_id} is not parked any more")
    _said([parked], "discarded")


def as_row(parked: Parked) -> dict[str, Any]:
    """Return what `--json` shows: a documented interface. ``since`` is RFC 3339, UTC."""
    return {
        "id": parked.id,
        "traceId": parked.trace,
        "organizationId": parked.organization_id,
        "station": parked.station,
        "cause": parked.cause,
        "since": output.rfc3339(parked.since_ms),
        "parkings": parked.parkings,
    }


def _redriven(parking: Redriving, chosen: list[Parked]) -> tuple[list[Parked], list[str]]:
    """Redrive; return what was redriven, and why some cannot be by this version."""
    done, newer = [], []
    for parked in chosen:
        try:
            if parking.redrive(parked):
                done.append(parked)
        except NewerFormError as error:
            newer.append(str(error))
    return done, newer


def _all(parking: Redriving) -> list[Parked]:
    return sorted(parking.list(), key=lambda parked: (parked.since_ms, parked.id))


def _one(parking: Redriving, parked_id: str) -> Parked:
    parked = parking.things.get(parked_id)
    if parked is None:
        raise RefusedError(f"nothing is parked as {parked_id}")
    return parked


def _body(parked: Parked) -> object:
    try:
        return json.loads(parked.body)
    except ValueError:
        return parked.body


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _said(parked: list[Parked], what: str) -> None:
    for each in parked:
        output.console().print(f"{each.id}: {what}", markup=False)
