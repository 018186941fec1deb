"""`postroom import`: archives, directories, mbox files and Maildirs enter a mailbox, and are compared with it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import output, rights, running
from cli.commands.mailbox import User, find_mailbox
from cli.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postroom.bootstrap.operator import Operator
    from postroom.errors import PostroomError
    from postroom.imports.importing import Importing
    from postroom.imports.incoming import Found
    from postroom.imports.journal import Journal
    from postroom.imports.report import Problem, Report, Tally

MAX_SHOWN: Final = 20
"""Most problems that are shown without `--json`."""

VARIANTS: Final = ("mboxo", "mboxrd", "mboxcl2")
"""Values of ``imports.mbox.Variant``, which is imported when it is needed."""

GO_ON: Final = "run the same command again: what is in the mailbox already stays as it is"

OBJECT: Final = "s3://"

Source = Annotated[
    str,
    typer.Argument(
        metavar="FILE.zip|DIR|FILE.mbox|MAILDIR|s3://BUCKET/KEY",
        help="An export, also in S3; a directory of .eml and .ics files, an mbox file, or a Maildir.",
        show_default=False,
    ),
]


def import_(
    user: User,
    source: Source,
    variant: Annotated[
        str | None, typer.Option(metavar="|".join(VARIANTS), help="How mbox files mark where a message ends.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Import mail and calendars into a mailbox, and compare the mailbox with them.

    Folders, dates and flags are kept. What the mailbox has already of the same source is left: an import may be stopped
    and repeated. The exit status is 1 if something was refused or differs.
    """
    if variant is not None and variant not in VARIANTS:
        raise UsageError(f"--variant must be one of {', '.join(VARIANTS)}")
    if not source.startswith(OBJECT) and not Path(source).exists():
        raise UsageError(f"{source}: no such file or directory")
    with running.refusals():
        operator = running.find().operator()
        head = find_mailbox(operator, user)
        report, stopped = _imported(operator, head.mailbox_id, source, variant, dry_run=dry_run)
    if as_json:
        output.print_json(_rows(report))
    elif report.folders or report.problems:
        _show(report, dry_run=dry_run)
    total = report.total()
    if stopped is not None:
        why = rights.missing(stopped) or stopped
        raise RefusedError(f"{source}: {why}{_advice(stopped, total)}") from stopped
    if total.refused or total.differing:
        raise RefusedError(f"{source}: {total.refused} items were refused, {total.differing} differ")


def _advice(stopped: PostroomError, total: Tally) -> str:
    """Return what a person can do about an import that stopped, and what it has left."""
    from postroom.errors import InvalidArchiveError

    if not isinstance(stopped, InvalidArchiveError):
        return f"; {GO_ON}"
    return "; what was read before that has been imported" if total.read else "; nothing was imported"


def _imported(
    operator: Operator, mailbox_id: str, source: str, variant: str | None, *, dry_run: bool
) -> tuple[Report, PostroomError | None]:
    """Import and read back; return the report, and the error that ended the import before the source's end."""
    from postroom.bootstrap.clock import pause
    from postroom.errors import PostroomError
    from postroom.imports.importing import Importing
    from postroom.imports.journal import Journal

    stopped: PostroomError | None = None
    with Journal() as journal:
        importing = Importing.into(
            mailbox_id, operator.mailboxes, operator.calendars, journal=journal, pause=pause, dry_run=dry_run
        )
        with _progress("reading" if dry_run else "importing") as importing.progress:
            try:
                importing.run(_found(operator, source, variant))
            except PostroomError as error:
                stopped = error
        if not dry_run:
            _read_back(operator, importing, journal)
    return importing.report, stopped


def _found(operator: Operator, source: str, variant: str | None) -> Iterator[Found]:
    """Yield what a path or an object of S3 has; an object is an archive."""
    from postroom.imports.mbox import Variant
    from postroom.imports.read import read
    from postroom.imports.zip_reader import read_zip

    if source.startswith(OBJECT):
        bucket, _, key = source.removeprefix(OBJECT).partition("/")
        with operator.customer_object(bucket, key) as file:
            yield from read_zip(file)
        return
    yield from read(Path(source), None if variant is None else Variant(variant))


def _read_back(operator: Operator, importing: Importing, journal: Journal) -> None:
    from postroom.imports.reconcile import Reconciling

    total = importing.report.total()
    with _progress("comparing", total.added + total.known) as progress:
        reconciling = Reconciling(importing.mailbox_id, operator.mailboxes, operator.calendars, progress)
        reconciling.run(journal, importing.report)


@contextmanager
def _progress(doing: str, items: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yield what is called with the bytes of each item; it shows progress on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} items, {task.fields[size]}"),
        TimeElapsedColumn(),
    )
    size = 0
    with Progress(*columns, console=output.console(errors=True), transient=True) as shown:
        task = shown.add_task(doing, total=items, size="")

        def advance(more: int) -> None:
            nonlocal size
            size += more
            shown.update(task, advance=1, size=output.human_size(size))

        yield advance


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    """Yield what `--json` shows, a row per folder: a documented interface."""
    by_folder: dict[str, list[Problem]] = {folder: [] for folder in report.folders}
    for problem in report.problems:
        by_folder.setdefault(problem.folder, []).append(problem)
    for folder, problems in by_folder.items():
        tally = asdict(report.folder(folder))
        yield {
            "folder": folder,
            **{_camel(name): number for name, number in tally.items()},
            "problems": [{"what": one.what.value, "source": one.source, "why": one.why} for one in problems],
        }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _show(report: Report, *, dry_run: bool) -> None:
    """Show a row per folder of the source, the sums, and what is not in the mailbox as it was read."""
    columns: tuple[str, ...] = ("folder", "read", "size", "new" if dry_run else "added", "there before", "refused")
    columns += () if dry_run else ("read back", "bytes", "differ")
    rows = [_cells(folder, tally, dry_run=dry_run) for folder, tally in report.folders.items()]
    output.print_table(columns, [*rows, _cells("in all", report.total(), dry_run=dry_run)], right=columns[1:])
    if report.new_folders:
        print(f"folders {'to make' if dry_run else 'made'}: {report.new_folders}")
    if report.problems:
        shown = report.problems[:MAX_SHOWN]
        output.print_table(("source", "", "why"), [(one.source, one.what.value, one.why) for one in shown])
    if (more := len(report.problems) + report.more_problems - MAX_SHOWN) > 0:
        print(f"… and {more} more; --json names them")


def _cells(folder: str, tally: Tally, *, dry_run: bool) -> tuple[object, ...]:
    cells = (folder, tally.read, output.human_size(tally.read_bytes), tally.added, tally.known, tally.refused)
    if dry_run:
        return cells
    return (*cells, tally.found, output.human_size(tally.found_bytes), tally.differing)
