"""`postroom replay`: run sample events against their functions."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track

from local import output, running
from local.errors import RefusedError, UsageError
from local.samples import FLOW, Result, Sample, Samples, Stage, function_of
from local.settings import repository_root

if TYPE_CHECKING:
    from collections.abc import Iterator


def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="EVENT.json", help="All of events/, unless some are named.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Invoke functions with sample events; what a sample needs is made first."""
    root = repository_root()
    functions = [name for name in FLOW if (root / "functions" / name / "app.py").is_file()]
    samples = Samples.read(root / "events")
    chosen = [_sample(samples, file) for file in files] if files else list(samples.by_name.values())
    targets = {sample.path: function_of(sample.path.stem, functions) for sample in chosen}
    chosen.sort(key=lambda sample: functions.index(targets[sample.path]))
    with running.refusals():
        stack = running.find()
        stage = Stage.of(stack, samples)
        console = output.console(errors=True)
        watched = track(chosen, "replaying", console=console, transient=True, disable=not console.is_terminal)
        results = [stage.run(sample, targets[sample.path]) for sample in watched]
    if as_json:
        output.print_json(_rows(results))
    else:
        rows = [
            (each.sample.path.name, each.function, f"{each.milliseconds} ms", each.wrong or "ok", each.sample.says)
            for each in results
        ]
        output.console().print(output.table(("event", "function", "took", "result", ""), rows, right=("took",)))
    if wrong := [each.sample.path.name for each in results if each.wrong]:
        raise RefusedError(f"not as described: {', '.join(wrong)}")


def _sample(samples: Samples, file: Path) -> Sample:
    """Return the sample that a file is, or one of which nothing is known."""
    known = samples.by_name.get(file.stem)
    if known is not None and file.exists() and file.resolve() == known.path.resolve():
        return known
    try:
        text = file.read_text("utf-8")
        json.loads(text)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{file}: no JSON: {error}") from error
    return Sample(file, text)


def _rows(results: list[Result]) -> Iterator[dict[str, Any]]:
    """Yield what `--json` shows: a documented interface."""
    for each in results:
        yield {
            "event": each.sample.path.name,
            "function": each.function,
            "ok": not each.wrong,
            "wrong": each.wrong,
            "answer": each.answer,
            "milliseconds": each.milliseconds,
        }
