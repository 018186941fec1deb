"""`postroom replay`: run sample events against their functions."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track

from cli import output, own_events, running
from cli.commands.logs import find as find_function
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from cli.samples import Result, Sample, SampleRunner, Samples, function_of
from postroom.model.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator


def replay(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="EVENT.json", help="Events; all of events/ by default; - is standard input."),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The function to invoke with them: name, logical id or ARN."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Invoke functions with sample events; what a sample needs is created.

    With --function, nothing is created. The answer to the event of a rule (`sam local generate-event workmail email`
    makes one) is checked against the contract of rules.
    """
    if function is not None and not files:
        raise UsageError("--function: name the event's file, or - for standard input")
    with running.refusals():
        results = _samples(files or []) if function is None else _own(function, files or [])
    if as_json:
        output.print_json(_rows(results))
    else:
        rows = [
            (each.sample.path.name, each.function, f"{each.took_ms} ms", each.wrong or "ok", each.sample.says)
            for each in results
        ]
        output.console().print(output.table(("event", "function", "took", "result", ""), rows, right=("took",)))
        if function is not None:
            for each in results:
                print(visible(json.dumps(each.answer, ensure_ascii=False, indent=2)))
    wrong = [each for each in results if each.wrong]
    if wrong and function is not None:
        raise RefusedError("; ".join(f"{each.function} with {each.sample.path.name}: {each.wrong}" for each in wrong))
    if wrong:
        raise RefusedError(f"not as described: {', '.join(each.sample.path.name for each in wrong)}")


def _own(function: str, files: list[Path]) -> list[Result]:
    events = [own_events.read(file) for file in files]
    stack = running.find()
    name = str(find_function(stack, function)["FunctionName"])
    return [own_events.run(stack, event, name) for event in events]


def _samples(files: list[Path]) -> list[Result]:
    """Run samples in the order of the stations: all of them, or those that are named."""
    if running.is_deployed():
        raise UsageError("samples make an organization: give --function to invoke a function of a deployed stack")
    root = repository_root()
    samples = Samples.read(root / "events")
    functions = samples.functions(root / "functions")
    chosen = [_sample(samples, file) for file in files] if files else list(samples.by_name.values())
    targets = {sample.path: function_of(sample.path.stem, functions) for sample in chosen}
    chosen.sort(key=lambda sample: functions.index(targets[sample.path]))
    runner = SampleRunner.of(running.find(), samples)
    console = output.console(errors=True)
    watched = track(chosen, "replaying", console=console, transient=True, disable=not console.is_terminal)
    return [runner.run(sample, targets[sample.path]) for sample in watched]


def _sample(samples: Samples, file: Path) -> Sample:
    """Return the sample of a file; a file without a description is a sample without expectations."""
    known = samples.by_name.get(file.stem)
    if known is not None and file.exists() and file.resolve() == known.path.resolve():
        return known
    return own_events.read(file)


def _rows(results: list[Result]) -> Iterator[dict[str, Any]]:
    """Yield what `--json` shows: a documented interface."""
    for each in results:
        yield {
            "event": each.sample.path.name,
            "function": each.function,
            "ok": not each.wrong,
            "wrong": each.wrong,
            "answer": each.answer,
            "milliseconds": each.took_ms,
        }
