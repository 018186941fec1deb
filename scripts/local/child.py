"""A program of the local stack as a process of its own, until the stack stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STOP_SECONDS: Final = 3.0
"""How long it may take to end before it is killed. Ours."""


class Child:
    """`python -m MODULE` in a process group of its own."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        log: Path,
        variables: Mapping[str, str],
        pipe: bool = False,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start it.

        Args:
            module: the program.
            log: file for what it writes to stderr, and to stdout unless that is a pipe.
            variables: further environment variables for it.
            pipe: whether its stdout is a pipe to this process.
            pass_fds: descriptors that it gets.
        """
        with log.open("wb") as written:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else written,
                stderr=written,
                env={**os.environ, **variables},
                pass_fds=pass_fds,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended without being stopped."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
