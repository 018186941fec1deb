"""`./scripts/faults`: walk everything, and print scenarios x faults."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, Annotated, Final

import moto  # noqa: F401 - before any boto3 session
import typer
from rich.progress import Progress
from rich.text import Text

from cli import output
from tests.faults.faults import FAULTS
from tests.faults.invariants import Kind
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import Result, ScenarioError, prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

JOBS: Final = 2
"""How many processes walk, unless somebody says otherwise: each plays whole scenarios, with an account of its own."""

MOST_TROUBLES: Final = 5
"""How many troubles of one scenario under one fault are told in words."""


def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Parts of scenarios' names; all, unless given.")
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Walk this fault only; may be given again.")] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="Places under each fault at most.", show_default="all")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = JOBS,
    show: Annotated[bool, typer.Option("--list", help="Only list scenarios and faults.")] = False,
) -> None:
    """Break every scenario at every call, in every way; exit 1 unless nothing is lost, duplicated or wrong."""
    chosen = [each.name for each in SCENARIOS if not names or any(name in each.name for name in names)]
    faults = [each.name for each in FAULTS if not fault or each.name in fault]
    if not chosen or not faults:
        raise typer.BadParameter("there is no such scenario or fault; --list shows them")
    if show:
        _list(chosen, faults)
        return
    began = time.monotonic()
    results = _walk(chosen, faults, most, jobs)
    output.console().print(_table(chosen, faults, results))
    _tell(results)
    total: Counter[Kind] = sum((each.counts for each in results), Counter())
    runs, seconds = sum(each.runs for each in results), time.monotonic() - began
    said = ", ".join(f"{kind} {total[kind]}" for kind in Kind)
    output.console().print(f"{runs} runs in {seconds:.0f} s: {said}")
    raise typer.Exit(1 if total or not all(each.runs for each in results) else 0)


def walk(name: str, faults: Sequence[str], most: int | None) -> list[Result]:
    """Walk one scenario, in whatever process this is."""
    (scenario,) = (each for each in SCENARIOS if each.name == name)
    with prepared(scenario) as prepared_walk:
        return [prepared_walk.under(each, most=most) for each in FAULTS if each.name in faults]


def _walk(chosen: Sequence[str], faults: Sequence[str], most: int | None, jobs: int) -> list[Result]:
    console = output.console(errors=True)
    found: list[Result] = []
    with (
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ProcessPoolExecutor(jobs, max_tasks_per_child=None) as pool,
    ):
        task = progress.add_task("walking", total=len(chosen))
        for done in as_completed([pool.submit(walk, name, faults, most) for name in chosen]):
            try:
                found += done.result()
            except ScenarioError as error:
                pool.shutdown(cancel_futures=True)
                raise SystemExit(f"faults: {error}") from error
            progress.advance(task)
    return found


def _table(chosen: Sequence[str], faults: Sequence[str], results: Iterable[Result]) -> Table:
    cells = {(each.scenario, each.fault): each for each in results}
    rows = [(name, *(_cell(cells[name, fault]) for fault in faults)) for name in chosen]
    return output.table(
        ("scenario", *faults), rows, title="runs lost/duplicated/wrong, by what went wrong", right=faults
    )


def _cell(result: Result) -> Text:
    counts = result.counts
    said = f"{result.runs} {'/'.join(str(counts[kind]) for kind in Kind)}"
    return Text(said, style="bold red" if counts or not result.runs else "green")


def _tell(results: Iterable[Result]) -> None:
    for result in results:
        for trouble in result.troubles[:MOST_TROUBLES]:
            said = f"{result.scenario}, {result.fault}, {trouble.place}: {trouble.finding.kind}: {trouble.finding.text}"
            output.console().print(said, style="red", markup=False)
        if len(result.troubles) > MOST_TROUBLES:
            output.console().print(f"… and {len(result.troubles) - MOST_TROUBLES} more of these", style="red")


def _list(chosen: Sequence[str], faults: Sequence[str]) -> None:
    for heading, names in (("scenarios", chosen), ("faults", faults)):
        output.console().print(f"{heading}:", *(f"  {name}" for name in names), sep="\n", markup=False)


if __name__ == "__main__":
    typer.run(main)
