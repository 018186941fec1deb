"""`postroom export`: mailboxes as zip archives, mbox files or Maildirs on this machine."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from cli import output, rights, running
from cli.commands.audit import organization_id
from cli.commands.mailbox import find_mailbox
from cli.errors import RefusedError, UsageError
from postroom.model.export_formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postroom.bootstrap.operator import Operator
    from postroom.contracts.export_journal import Counted
    from postroom.model.mailbox import Head
    from postroom.model.records import Entity

FORMATS: Final = tuple(each.value for each in Format)

GO_ON: Final = "run the same command again to go on"

Users = Annotated[
    list[str] | None,
    typer.Argument(metavar="USER...", help="Any addresses of the users, or ids.", show_default=False),
]


class Mailbox(NamedTuple):
    """A mailbox, and the name of its export without the format: the user's address."""

    name: str
    head: Head


class Target(NamedTuple):
    """How each mailbox is written."""

    format: Format
    status_fields: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of an export. ``state`` is exported, there (from an earlier run) or stopped."""

    mailbox: str
    path: Path
    state: str
    counted: Counted | None = None
    why: str = ""


def export(
    to: Annotated[str, typer.Option(metavar="DIR", help="Where the exports are put; made if it does not exist.")],
    users: Users = None,
    everyone: Annotated[bool, typer.Option("--all", help="All mailboxes, those of resources included.")] = False,
    format_: Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="Of each export.")] = "zip",
    organization: Annotated[
        str | None, typer.Option(metavar="ORG", help="With --all: those of one organization, by id or alias.")
    ] = None,
    status_fields: Annotated[
        bool, typer.Option("--status-fields", help="In mbox files: flags in front of messages, for other programs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Export mailboxes to this machine, each as a zip archive, mbox files or a Maildir.

    An export that was stopped goes on when the same command runs again; what ends with .part is not whole. Exports that
    are there are left. The exit status is 1 if a mailbox, or an item of one, was not exported.
    """
    if format_ not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}")
    if everyone == bool(users) or (organization and not everyone):
        raise UsageError("name users, or all with --all; --organization needs --all")
    if status_fields and format_ != Format.MBOX:
        raise UsageError("--status-fields is for mbox files")
    with running.refusals():
        operator = running.find().operator()
        mailboxes = list(_all(operator, organization) if everyone else _named(operator, users or ()))
        results = _export_each(operator, mailboxes, Path(to), Target(Format(format_), status_fields))
    if as_json:
        output.print_json(map(_row, results))
    else:
        _show(results)
    if stopped := [each for each in results if each.state == "stopped"]:
        raise RefusedError(f"{len(stopped)} of {len(mailboxes)} exports stopped: {stopped[0].why}; {GO_ON}")
    if missing := sum(each.counted.missing for each in results if each.counted):
        raise RefusedError(f"{missing} items could not be read; the manifests name them")


def _named(operator: Operator, users: Sequence[str]) -> Iterator[Mailbox]:
    """Yield the mailboxes of users, each once."""
    heads = {head.mailbox_id: head for head in (find_mailbox(operator, user) for user in users)}
    for head in heads.values():
        yield Mailbox(_name(operator.records.entity(head.organization_id, head.mailbox_id), head.mailbox_id), head)


def _all(operator: Operator, organization: str | None) -> Iterator[Mailbox]:
    """Yield all mailboxes of active organizations, or of one."""
    from postroom.model.directory import EntityKind
    from postroom.ports.directory import every_item

    records = operator.records
    chosen = organization_id(operator, organization) if organization else None
    ids = [chosen] if chosen else [each.id for each in every_item(records.organizations)]
    for here in filter(operator.owners.is_active, ids):
        for kind in (EntityKind.USER, EntityKind.RESOURCE):
            for entity in every_item(partial(records.entities, here, kind)):
                if entity.deleted is None and (head := operator.mailboxes.head(entity.id)):
                    yield Mailbox(_name(entity, entity.id), head)


def _name(entity: Entity | None, entity_id: str) -> str:
    """Return a name for files: the address of a user, unless a file system does not take it; else with the id."""
    from postroom.export.names import safe

    name = (entity.email or entity.name).lower() if entity else entity_id
    return name if entity and entity.email and safe(name) == name else f"{safe(name)} {entity_id}"


def _export_each(operator: Operator, mailboxes: Sequence[Mailbox], to: Path, target: Target) -> list[Exported]:
    """Export one mailbox after the other; what stops one does not stop the next, except for the disk and Ctrl-C."""
    from postroom.errors import PostroomError

    results: list[Exported] = []
    for number, mailbox in enumerate(mailboxes, 1):
        path = to / f"{mailbox.name}.{target.format.value}"
        if path.exists():
            results.append(Exported(mailbox.name, path, "there"))
            continue
        try:
            with _progress(f"{mailbox.name} ({number} of {len(mailboxes)})", mailbox.head.size) as progress:
                counted = _export(operator, mailbox, path, target, progress)
        except PostroomError as error:
            results.append(Exported(mailbox.name, path, "stopped", why=rights.missing(error) or error.cause))
        except OSError as error:
            raise RefusedError(f"{path}: {error.strerror}; {GO_ON}") from error
        except KeyboardInterrupt as error:
            raise RefusedError(f"{path}: stopped; {GO_ON}") from error
        else:
            results.append(Exported(mailbox.name, path, "exported", counted))
    return results


def _export(
    operator: Operator, mailbox: Mailbox, path: Path, target: Target, progress: Callable[[Counted], None]
) -> Counted:
    from postroom.adapters.files.formats import files_for
    from postroom.bootstrap.clock import now_ms

    files = files_for(target.format, path, mailbox.head.mailbox_id, now_ms=now_ms(), status_fields=target.status_fields)
    return operator.export(mailbox.head, files, progress)


@contextmanager
def _progress(doing: str, size: int) -> Iterator[Callable[[Counted], None]]:
    """Yield what is called with the counts; it shows them on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=output.console(errors=True), transient=True) as shown:
        task = shown.add_task(doing, total=size, said="")

        def show(counted: Counted) -> None:
            said = f"{counted.items} items, {output.human_size(counted.size)}"
            shown.update(task, completed=counted.size, said=said)

        yield show


def _row(one: Exported) -> dict[str, Any]:
    """Return what `--json` shows of a mailbox: a documented interface."""
    counted = one.counted
    return {
        "mailbox": one.mailbox,
        "path": str(one.path),
        "state": one.state,
        "items": counted.items if counted else None,
        "bytes": counted.size if counted else None,
        "missing": counted.missing if counted else None,
        "why": one.why,
    }


def _show(results: Sequence[Exported]) -> None:
    rows = [
        (one.mailbox, *_counts(one.counted), f"{one.state}{one.why and ': '}{one.why}", one.path) for one in results
    ]
    output.print_table(("mailbox", "items", "size", "missing", "", "path"), rows, right=("items", "size", "missing"))


def _counts(counted: Counted | None) -> tuple[object, ...]:
    return (counted.items, output.human_size(counted.size), counted.missing) if counted else ("", "", "")
