"""The submission port of a local stack, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS_OF: Final = ("AuthenticateFunction", "SubmitFunction", "AdminApiFunction")
"""Functions whose variables are the program's settings, too: it logs in as the first one, and calls the second one as
the third one does."""

STOP_SECONDS: Final = 3.0
"""How long it may take to end before it is killed. Ours."""


class SubmissionProcess:
    """`python -m local.mail.submission_program` in a process group of its own."""

    def __init__(
        self, taken: socket.socket, certificate: Path, key: Path, *, log: Path, variables: Mapping[str, str]
    ) -> None:
        """Start it; clients may connect at once, and are answered when it is ready.

        Args:
            taken: the listening socket, which is the process's from now on.
            certificate: PEM file.
            key: PEM file.
            log: file for what it writes.
            variables: its settings, and where its AWS is.
        """
        descriptor = taken.fileno()
        command = [sys.executable, "-m", "local.mail.submission_program", "--socket", str(descriptor)]
        with taken, log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--certificate", str(certificate), "--key", str(key)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables},
                pass_fds=(descriptor,),
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
