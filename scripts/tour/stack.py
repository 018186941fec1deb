"""A stack of its own for the tour and for measurements: started, checked and stopped; and what both print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli import running
from cli.errors import CommandError
from cli.repository import repository_root
from tour import mail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from cli.running import Stack

PASSWORD: Final = "Correct-Horse-9"  # noqa: S105 - of users that live as long as the stack

FREE_PORTS: Final = ["--port", "0", "--smtp-port", "0", "--submission-port", "0", "--submissions-port", "0"]

READY_SECONDS: Final = 60.0
"""How long a stack may take to start, and to stop."""


class DemoError(CommandError):
    """A step of the tour found something else than it expects."""


def expect(what: str, found: object, wanted: object) -> None:
    """Go on only if something is as it must be."""
    if found != wanted:
        raise DemoError(f"{what}: found {found!r}, wanted {wanted!r}")


@contextmanager
def started(console: Console) -> Iterator[Stack]:
    """Run `postroom up` with a customer's functions on free ports; stop it at the end, and see that it stopped well."""
    with tempfile.TemporaryDirectory(prefix="postroom-demo-") as folder:
        settings = Path(folder) / "env.json"
        settings.write_text(json.dumps(mail.SETTINGS), "utf-8")
        functions = repository_root() / mail.FUNCTIONS
        with up(console, "--functions", str(functions), "--env-vars", str(settings)) as stack:
            yield stack


@contextmanager
def up(console: Console, *options: str) -> Iterator[Stack]:
    """Run `postroom up` on free ports with more options; stop it at the end, and see that it stopped well."""
    command = [sys.executable, "-m", "cli", "up", *FREE_PORTS, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise DemoError("postroom up has no output")
        try:
            began = time.monotonic()
            watchdog = threading.Timer(READY_SECONDS, process.kill)
            watchdog.start()
            line = process.stdout.readline()
            watchdog.cancel()
            if not line:
                raise DemoError(f"postroom up ended with exit status {process.wait()}")
            ready: dict[str, Any] = json.loads(line)
            os.environ.update(ready["env"])
            show(console, "a stack", f"{ready['env']['AWS_ENDPOINT_URL']}, ready in {time.monotonic() - began:.1f} s")
            yield running.find()
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=READY_SECONDS)
    expect("exit status of postroom up", status, 0)
    show(console, "the stack", "stopped")


def show(console: Console, what: str, said: str) -> None:
    """Print a step that held, and its result."""
    console.print(f"[green]✔[/] [bold]{what}[/]  ", end="")
    console.print(said, markup=False)
