"""How long commands of the command line take, beside what any program that talks to AWS takes: boto3 and one client.

A stack of its own runs, with the samples' organization and its mail. Everything is measured as it is used: a process
from its start to its end, `scripts/postroom` and the stack's answers included. Rounds go through the baseline and
all commands in turn, each is divided by the baseline of its own round, and the median of the rounds counts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.repository import repository_root
from cli.samples import SampleRunner, Samples, function_of
from tour.stack import DemoError, up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cli.running import Stack

BASELINE: Final = (sys.executable, "-c", "import boto3; boto3.client('dynamodb')")
POSTROOM: Final = str(repository_root() / "scripts" / "postroom")
ROUNDS: Final = 11

BUDGET_HELP: Final = 0.5
BUDGET_READING: Final = 1.4
"""Of commands that read the stack: they make a client as the baseline does, ask for addresses, and show a table."""

USER: Final = "ada@sample.example"
MESSAGES: Final = ("ingest", "deliver")
"""Samples that bring the user a message, in their order."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: seconds from start to end, and the ratio to the baseline; medians."""

    name: str
    seconds: float
    ratio: float
    budget: float


def measure(progress: Console, rounds: int = ROUNDS) -> list[Command]:
    """Start a stack and measure commands on it; the first round fills caches and does not count."""
    with up(progress) as stack:
        asked = _commands(_message(stack))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
        for counted in [False] + [True] * rounds:
            baseline = _run(BASELINE)
            for name, (arguments, _) in asked.items():
                taken = _run((POSTROOM, *arguments))
                if counted:
                    times[name].append((taken, baseline))
    return [
        Command(
            name,
            statistics.median(taken for taken, _ in pairs),
            statistics.median(taken / baseline for taken, baseline in pairs),
            asked[name][1],
        )
        for name, pairs in times.items()
    ]


def _commands(trace_id: str) -> dict[str, tuple[Sequence[str], float]]:
    return {
        "postroom --help": (("--help",), BUDGET_HELP),
        "postroom trace": (("trace", trace_id), BUDGET_READING),
        "postroom mailbox list": (("mailbox", "list", USER), BUDGET_READING),
    }


def _message(stack: Stack) -> str:
    """Bring the user a message; return its trace id."""
    samples = Samples.read(repository_root() / "events")
    runner = SampleRunner.of(stack, samples)
    for name in MESSAGES:
        if wrong := runner.run(samples.by_name[name], function_of(name, list(MESSAGES))).wrong:
            raise DemoError(f"{name}: {wrong}")
    return next(fact.trace for fact in stack.operator().ledger.between(0, 1 << 53))


def _run(command: Sequence[str]) -> float:
    """Return the seconds that a process takes."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
