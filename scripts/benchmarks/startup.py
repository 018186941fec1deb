"""How long each handler takes to import, beside what any function that talks to AWS takes: boto3 and one client.

Every start is a fresh interpreter with compiled bytecode, as the layers ship it. Rounds go through all handlers and the
baseline in turn, so that a machine that changes its speed changes it for all of them; each handler is divided by the
baseline of its own round, and the median of the rounds counts. Time is the process's CPU time between the
interpreter's start and the end of the import: other processes do not count.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.settings import CREDENTIALS, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.functions.function import Function

BASELINE: Final = "import boto3; boto3.client('s3')"
HANDLER: Final = "import app"
TIMED: Final = "import time; _start = time.process_time(); {what}; print(time.process_time() - _start)"
BUDGET: Final = 1.6
BUDGETS: Final[Mapping[str, float]] = {"UpdateCalendarFunction": 1.8, "ImportMailboxFunction": 2.0}
"""Handlers with a budget of their own: both read iCalendar as well as mail, and no client waits for them."""
ROUNDS: Final = 11


@dataclass(frozen=True, slots=True)
class Startup:
    """One handler: seconds of CPU, and the ratio to the baseline; medians."""

    function: str
    seconds: float
    ratio: float


def measure(functions: Sequence[Function], rounds: int = ROUNDS) -> list[Startup]:
    """Measure all handlers; the first round fills caches and does not count."""
    times: dict[str, list[tuple[float, float]]] = {function.logical_id: [] for function in functions}
    for counted in [False] + [True] * rounds:
        baseline = _start(BASELINE, {}, str(Path.cwd()))
        for function in functions:
            taken = _start(HANDLER, function.environment, str(function.code))
            if counted:
                times[function.logical_id].append((taken, baseline))
    return [
        Startup(
            name,
            statistics.median(taken for taken, _ in pairs),
            statistics.median(taken / baseline for taken, baseline in pairs),
        )
        for name, pairs in times.items()
    ]


def _start(what: str, environment: Mapping[str, str], folder: str) -> float:
    """Return the seconds that a fresh interpreter takes for a statement, in a folder that it imports from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    variables = {**kept, **CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, **environment}
    command = [sys.executable, "-c", TIMED.format(what=what)]
    done = subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.PIPE, check=True, text=True)
    return float(done.stdout.splitlines()[-1])
